// SPDX-License-Identifier: GPL-2.0
/*
 * tktimercost - what it costs to arm a timer, to cancel it, to sleep, and to set
 * a clock for which timers are armed
 *
 * For bench/timers.sh, which compares kernels: with the feature, with the feature
 * configured out, and the pristine source. What only a kernel of this project
 * can do is left out on the others. The figures are instructions, counted
 * exactly, and the program refuses to give others.
 *
 * A call which sleeps lets the machine idle, and idle time passes without
 * instructions. So there is always something to do: a child of the lowest
 * priority counts its own rounds, of two instructions each. What a call costs is
 * what the counter says less what the child had of it; entering and leaving idle
 * is not in it, and changing to the child and back is.
 *
 *	caller  ----|call ... sleeps|                  |wakes ... returns|----
 *	child                       | 2 * rounds       |
 *	            <-- cost ------>                    <-- cost -------->
 *
 * Each figure is the median of many calls, so neither a tick nor a rare slow path
 * is in it.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/wait.h>

#include "counter.h"
#include "guest.h"
#include "results.h"

/* Calls which are not counted, and those which are. */
#define WARM_UP		30
#define CALLS		201

/* Far enough that nothing of it expires while the program runs. */
#define FAR		(3600 * TK_NSEC_PER_SEC)
/* A sleep in which the child gets to run. */
#define SHORT_SLEEP	20000
/* Of a namespace that owns its clock: a year ahead. */
#define AHEAD		(31536000 * TK_NSEC_PER_SEC)

#define MAX_TIMERS	10000
/* Even: what goes to and fro ends where it began. */
#define STEPS		8

/* ADJ_TICK at HZ=100 of user space: 10000 is no steering. */
#define TICK_FAST	11000

static const unsigned int numbers[] = { 0, 1, 100, 1000, 10000 };

#define NR_NUMBERS	(sizeof(numbers) / sizeof(numbers[0]))

static int initial_fd;
static bool feature;

/*
 * The child that never sleeps
 */

static volatile uint64_t *rounds;
static pid_t child;

static void start_child(void)
{
	const struct sched_param param = { 0 };

	rounds = tk_shared_counter();
	child = fork();
	if (child < 0)
		err(TK_EXIT_FAILURE, "fork");
	if (child)
		return;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || sched_setscheduler(0, SCHED_IDLE, &param))
		_exit(TK_EXIT_FAILURE);
	__asm__ volatile("1:	incq	%0\n\tjmp	1b" : "+m"(*rounds));
	__builtin_unreachable();
}

static void stop_child(void)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/*
 * One call, counted
 */

struct call {
	const char *name;
	/* Before and after the call, not counted; may be missing. */
	void (*prepare)(void);
	long (*run)(void);
	void (*finish)(void);
	/* What the call returns when it does what it is meant to do; an errno, negative. */
	long result;
};

static uint64_t overhead;

static long nothing(void)
{
	return 0;
}

/* A system call by its number: what the C library makes of it is not of interest. */
#define CALL(...)	(syscall(__VA_ARGS__) < 0 ? -(long)errno : 0)

__attribute__((noipa))
static uint64_t count(long (*run)(void), long *result)
{
	uint64_t before = *rounds, start = tk_cycles();

	*result = run();
	return tk_cycles() - start - 2 * (*rounds - before);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static double median_of(int64_t *values, unsigned int nr)
{
	qsort(values, nr, sizeof(values[0]), by_size);
	return (double)values[nr / 2];
}

static double cost_of(const struct call *c)
{
	static int64_t took[CALLS];
	unsigned int i;

	for (i = 0; i < WARM_UP + CALLS; i++) {
		uint64_t cycles;
		long result;

		if (c->prepare)
			c->prepare();
		cycles = count(c->run, &result);
		if (result != c->result)
			errx(TK_EXIT_FAILURE, "%s: returned %ld (%s) instead of %ld", c->name, result,
			     result < 0 ? strerror(-(int)result) : "no error", c->result);
		if (c->finish)
			c->finish();
		if (i >= WARM_UP)
			took[i - WARM_UP] = (int64_t)(cycles - overhead);
	}
	return median_of(took, CALLS);
}

/* A word for where, the figure, and what it is of. */
__attribute__((format(printf, 4, 5)))
static void figure(const char *group, const char *state, double value, const char *fmt, ...)
{
	char name[96];
	va_list args;

	va_start(args, fmt);
	vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	tk_say("%-6s %-6s %10.10g  %s", group, state, value, name);
	tk_fact("%s %s %.10g %s", group, state, value, name);
}

/*
 * The calls
 */

static const struct timespec past = { .tv_sec = 1 };
static const struct timespec least = { .tv_nsec = 1 };
static const struct timespec sleep_time = { .tv_nsec = SHORT_SLEEP };

static int fd_real, fd_mono, fd_alarm;
static timer_t timer_real, timer_mono, timer_new;
static struct itimerspec far_real, far_mono, far_rel;
static const struct itimerspec disarmed;
static struct itimerspec readout;
static const struct itimerval far_itimer = { .it_value = { .tv_sec = 3600 } };
static const struct itimerval no_itimer;
static struct timespec until;
static unsigned int futex_word;
static mqd_t queue;

static long sleep_least(void)
{
	return CALL(SYS_nanosleep, &least, NULL);
}

static long sleep_short(void)
{
	return CALL(SYS_nanosleep, &sleep_time, NULL);
}

static long sleep_real_past(void)
{
	return CALL(SYS_clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &past, NULL);
}

static void real_in_1us(void)
{
	until = tk_timespec(tk_read(CLOCK_REALTIME) + 1000);
}

static void real_in_20us(void)
{
	until = tk_timespec(tk_read(CLOCK_REALTIME) + SHORT_SLEEP);
}

static void mono_in_20us(void)
{
	until = tk_timespec(tk_read(CLOCK_MONOTONIC) + SHORT_SLEEP);
}

static long sleep_real_until(void)
{
	return CALL(SYS_clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL);
}

static long sleep_mono_until(void)
{
	return CALL(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

#define FD_CALLS(clock, abs)									\
static long arm_fd_##clock(void)								\
{												\
	return CALL(SYS_timerfd_settime, fd_##clock, TFD_TIMER_ABSTIME, &abs, NULL);		\
}												\
static long rel_fd_##clock(void)								\
{												\
	return CALL(SYS_timerfd_settime, fd_##clock, 0, &far_rel, NULL);			\
}												\
static long disarm_fd_##clock(void)								\
{												\
	return CALL(SYS_timerfd_settime, fd_##clock, 0, &disarmed, NULL);			\
}												\
static void prepare_armed_fd_##clock(void)							\
{												\
	if (arm_fd_##clock())									\
		errx(TK_EXIT_FAILURE, "timerfd_settime");					\
}												\
static void finish_fd_##clock(void)								\
{												\
	if (disarm_fd_##clock())								\
		errx(TK_EXIT_FAILURE, "timerfd_settime");					\
}												\
static long read_fd_##clock(void)								\
{												\
	return CALL(SYS_timerfd_gettime, fd_##clock, &readout);					\
}
FD_CALLS(real, far_real)
FD_CALLS(mono, far_mono)
FD_CALLS(alarm, far_real)

#define TIMER_CALLS(clock, abs)									\
static long arm_timer_##clock(void)								\
{												\
	return CALL(SYS_timer_settime, timer_##clock, TIMER_ABSTIME, &abs, NULL);		\
}												\
static long disarm_timer_##clock(void)								\
{												\
	return CALL(SYS_timer_settime, timer_##clock, 0, &disarmed, NULL);			\
}												\
static void prepare_armed_timer_##clock(void)							\
{												\
	if (arm_timer_##clock())								\
		errx(TK_EXIT_FAILURE, "timer_settime");						\
}												\
static void finish_timer_##clock(void)								\
{												\
	if (disarm_timer_##clock())								\
		errx(TK_EXIT_FAILURE, "timer_settime");						\
}
TIMER_CALLS(real, far_real)
TIMER_CALLS(mono, far_mono)

static long rel_timer_real(void)
{
	return CALL(SYS_timer_settime, timer_real, 0, &far_rel, NULL);
}

static long read_timer_real(void)
{
	return CALL(SYS_timer_gettime, timer_real, &readout);
}

/* By the C library's calls: its timer_t is not the kernel's number. */
static void create_timer(clockid_t clock, timer_t *timer)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	int id;

	if (syscall(SYS_timer_create, clock, &event, &id))
		err(TK_EXIT_FAILURE, "timer_create");
	*timer = (timer_t)(uintptr_t)id;
}

static void prepare_new_timer(void)
{
	create_timer(CLOCK_REALTIME, &timer_new);
	if (CALL(SYS_timer_settime, timer_new, TIMER_ABSTIME, &far_real, NULL))
		errx(TK_EXIT_FAILURE, "timer_settime");
}

static long delete_timer(void)
{
	return CALL(SYS_timer_delete, timer_new);
}

static long arm_itimer(void)
{
	return CALL(SYS_setitimer, ITIMER_REAL, &far_itimer, NULL);
}

static long disarm_itimer(void)
{
	return CALL(SYS_setitimer, ITIMER_REAL, &no_itimer, NULL);
}

static void prepare_armed_itimer(void)
{
	if (arm_itimer())
		errx(TK_EXIT_FAILURE, "setitimer");
}

static void finish_itimer(void)
{
	if (disarm_itimer())
		errx(TK_EXIT_FAILURE, "setitimer");
}

static long futex_again(void)
{
	return CALL(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, futex_word + 1, &sleep_time, NULL, 0);
}

static long futex_short(void)
{
	return CALL(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, futex_word, &sleep_time, NULL, 0);
}

static long futex_real_past(void)
{
	return CALL(SYS_futex, &futex_word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, futex_word,
		    &past, NULL, FUTEX_BITSET_MATCH_ANY);
}

static long futex_real_until(void)
{
	return CALL(SYS_futex, &futex_word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, futex_word,
		    &until, NULL, FUTEX_BITSET_MATCH_ANY);
}

static long poll_none(void)
{
	return CALL(SYS_poll, NULL, 0, 0);
}

/* The kernel writes back what is left. */
static struct timespec poll_time;

static void prepare_ppoll(void)
{
	poll_time = sleep_time;
}

static long ppoll_short(void)
{
	return CALL(SYS_ppoll, NULL, 0, &poll_time, NULL, 0);
}

static long poll_1ms(void)
{
	return CALL(SYS_poll, NULL, 0, 1);
}

static long signal_short(void)
{
	static const uint64_t set = 1ULL << (SIGUSR2 - 1);

	return CALL(SYS_rt_sigtimedwait, &set, NULL, &sleep_time, sizeof(set));
}

static char message[64];

static long mq_past(void)
{
	return CALL(SYS_mq_timedreceive, queue, message, sizeof(message), NULL, &past);
}

static long mq_until(void)
{
	return CALL(SYS_mq_timedreceive, queue, message, sizeof(message), NULL, &until);
}

/*
 * io_uring without its library: two entries, of which the first arms a timeout and the second removes it
 */

static struct {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
} ring;

static struct __kernel_timespec ring_time;

static void *ring_map(size_t size, off_t offset)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, offset);

	if (at == MAP_FAILED)
		err(TK_EXIT_FAILURE, "mmap of the ring");
	return at;
}

static void ring_open(void)
{
	struct io_uring_params p = { 0 };
	char *sq, *cq;

	ring.fd = (int)syscall(SYS_io_uring_setup, 8, &p);
	if (ring.fd < 0)
		err(TK_EXIT_FAILURE, "io_uring_setup");
	sq = ring_map(p.sq_off.array + p.sq_entries * sizeof(unsigned int), IORING_OFF_SQ_RING);
	cq = ring_map(p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
	ring.sqes = ring_map(p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	ring.sq_tail = (void *)(sq + p.sq_off.tail);
	ring.sq_mask = (void *)(sq + p.sq_off.ring_mask);
	ring.sq_array = (void *)(sq + p.sq_off.array);
	ring.cq_head = (void *)(cq + p.cq_off.head);
	ring.cq_tail = (void *)(cq + p.cq_off.tail);
	ring.cq_mask = (void *)(cq + p.cq_off.ring_mask);
	ring.cqes = (void *)(cq + p.cq_off.cqes);
}

static struct io_uring_sqe *ring_add(uint8_t opcode, uint64_t user_data)
{
	unsigned int tail = *ring.sq_tail, slot = tail & *ring.sq_mask;
	struct io_uring_sqe *sqe = &ring.sqes[slot];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->fd = -1;
	sqe->user_data = user_data;
	ring.sq_array[slot] = slot;
	__atomic_store_n(ring.sq_tail, tail + 1, __ATOMIC_RELEASE);
	return sqe;
}

static void ring_prepare_clock(bool realtime)
{
	struct io_uring_sqe *sqe;

	if (realtime)
		ring_time = (struct __kernel_timespec) { .tv_sec = far_real.it_value.tv_sec };
	else
		ring_time = (struct __kernel_timespec) { .tv_sec = FAR / TK_NSEC_PER_SEC };
	sqe = ring_add(IORING_OP_TIMEOUT, 1);
	sqe->addr = (uintptr_t)&ring_time;
	sqe->len = 1;
	sqe->timeout_flags = realtime ? IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME : 0;
	/* The address is the user_data of the one to be removed. */
	sqe = ring_add(IORING_OP_TIMEOUT_REMOVE, 2);
	sqe->addr = 1;
}

static void ring_prepare_rel(void)
{
	ring_prepare_clock(false);
}

static void ring_prepare_real(void)
{
	ring_prepare_clock(true);
}

static long ring_enter(void)
{
	return CALL(SYS_io_uring_enter, ring.fd, 2, 2, IORING_ENTER_GETEVENTS, NULL, 0);
}

static void ring_finish(void)
{
	unsigned int head = *ring.cq_head, tail = __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE);

	if (tail - head != 2)
		errx(TK_EXIT_FAILURE, "io_uring: %u completions instead of 2", tail - head);
	for (; head != tail; head++) {
		const struct io_uring_cqe *cqe = &ring.cqes[head & *ring.cq_mask];

		if (cqe->res != (cqe->user_data == 1 ? -ECANCELED : 0))
			errx(TK_EXIT_FAILURE, "io_uring: entry %u: %s", (unsigned int)cqe->user_data,
			     strerror(-cqe->res));
	}
	__atomic_store_n(ring.cq_head, head, __ATOMIC_RELEASE);
}

static const struct call calls[] = {
	{ "nanosleep 1 ns",			NULL, sleep_least },
	{ "nanosleep 20 us",			NULL, sleep_short },
	{ "clock_nanosleep REALTIME past",	NULL, sleep_real_past },
	{ "clock_nanosleep REALTIME +1 us",	real_in_1us, sleep_real_until },
	{ "clock_nanosleep REALTIME +20 us",	real_in_20us, sleep_real_until },
	{ "clock_nanosleep MONOTONIC +20 us",	mono_in_20us, sleep_mono_until },
	{ "timerfd_settime REALTIME abs",	NULL, arm_fd_real, finish_fd_real },
	{ "timerfd_settime REALTIME rel",	NULL, rel_fd_real, finish_fd_real },
	{ "timerfd_settime REALTIME disarm",	prepare_armed_fd_real, disarm_fd_real },
	{ "timerfd_settime REALTIME re-arm",	prepare_armed_fd_real, arm_fd_real, finish_fd_real },
	{ "timerfd_gettime REALTIME",		prepare_armed_fd_real, read_fd_real, finish_fd_real },
	{ "timerfd_settime MONOTONIC abs",	NULL, arm_fd_mono, finish_fd_mono },
	{ "timerfd_settime MONOTONIC rel",	NULL, rel_fd_mono, finish_fd_mono },
	{ "timerfd_settime MONOTONIC disarm",	prepare_armed_fd_mono, disarm_fd_mono },
	{ "timerfd_gettime MONOTONIC",		prepare_armed_fd_mono, read_fd_mono, finish_fd_mono },
	{ "timerfd_settime REALTIME_ALARM abs",	NULL, arm_fd_alarm, finish_fd_alarm },
	{ "timerfd_settime REALTIME_ALARM rel",	NULL, rel_fd_alarm, finish_fd_alarm },
	{ "timerfd_settime REALTIME_ALARM off",	prepare_armed_fd_alarm, disarm_fd_alarm },
	{ "timerfd_gettime REALTIME_ALARM",	prepare_armed_fd_alarm, read_fd_alarm, finish_fd_alarm },
	{ "timer_settime REALTIME abs",		NULL, arm_timer_real, finish_timer_real },
	{ "timer_settime REALTIME rel",		NULL, rel_timer_real, finish_timer_real },
	{ "timer_settime REALTIME disarm",	prepare_armed_timer_real, disarm_timer_real },
	{ "timer_gettime REALTIME",		prepare_armed_timer_real, read_timer_real, finish_timer_real },
	{ "timer_settime MONOTONIC abs",	NULL, arm_timer_mono, finish_timer_mono },
	{ "timer_settime MONOTONIC disarm",	prepare_armed_timer_mono, disarm_timer_mono },
	{ "timer_delete armed",			prepare_new_timer, delete_timer },
	{ "setitimer REAL",			NULL, arm_itimer, finish_itimer },
	{ "setitimer REAL disarm",		prepare_armed_itimer, disarm_itimer },
	{ "futex wait, EAGAIN",			NULL, futex_again, NULL, -EAGAIN },
	{ "futex wait 20 us",			NULL, futex_short, NULL, -ETIMEDOUT },
	{ "futex wait REALTIME past",		NULL, futex_real_past, NULL, -ETIMEDOUT },
	{ "futex wait REALTIME +20 us",		real_in_20us, futex_real_until, NULL, -ETIMEDOUT },
	{ "poll 0",				NULL, poll_none },
	{ "poll 1 ms",				NULL, poll_1ms },
	{ "ppoll 20 us",			prepare_ppoll, ppoll_short },
	{ "rt_sigtimedwait 20 us",		NULL, signal_short, NULL, -EAGAIN },
	{ "mq_timedreceive past",		NULL, mq_past, NULL, -ETIMEDOUT },
	{ "mq_timedreceive +20 us",		real_in_20us, mq_until, NULL, -ETIMEDOUT },
	{ "io_uring timeout rel and remove",	ring_prepare_rel, ring_enter, ring_finish },
	{ "io_uring timeout REALTIME, remove",	ring_prepare_real, ring_enter, ring_finish },
};

#define NR_CALLS	(sizeof(calls) / sizeof(calls[0]))

static int open_timerfd(clockid_t clock)
{
	int fd = timerfd_create(clock, TFD_CLOEXEC);

	if (fd < 0)
		err(TK_EXIT_FAILURE, "timerfd_create(%d)", (int)clock);
	return fd;
}

static void open_all(void)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = sizeof(message) };

	fd_real = open_timerfd(CLOCK_REALTIME);
	fd_mono = open_timerfd(CLOCK_MONOTONIC);
	fd_alarm = open_timerfd(CLOCK_REALTIME_ALARM);
	create_timer(CLOCK_REALTIME, &timer_real);
	create_timer(CLOCK_MONOTONIC, &timer_mono);
	queue = mq_open("/tktimercost", O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);
	if (queue == (mqd_t)-1)
		err(TK_EXIT_FAILURE, "mq_open");
	mq_unlink("/tktimercost");
	ring_open();
}

static void arm_costs(const char *state)
{
	unsigned int i;

	far_real.it_value = tk_timespec(tk_read(CLOCK_REALTIME) + FAR);
	far_mono.it_value = tk_timespec(tk_read(CLOCK_MONOTONIC) + FAR);
	far_rel.it_value = tk_timespec(FAR);
	for (i = 0; i < NR_CALLS; i++)
		figure("arm", state, cost_of(&calls[i]), "%s", calls[i].name);
}

/*
 * Namespaces
 */

/* And into it. The descriptor keeps it. */
static int new_namespace(void)
{
	return tk_enter_new_time_ns(NULL);
}

static void leave(int fd)
{
	tk_enter(initial_fd);
	if (fd >= 0 && close(fd))
		err(TK_EXIT_FAILURE, "close");
}

static long set_real(void)
{
	return CALL(SYS_clock_settime, CLOCK_REALTIME, &until);
}

static void own_clock(void)
{
	until = tk_timespec(tk_read(CLOCK_REALTIME) + AHEAD);
	if (set_real())
		err(TK_EXIT_FAILURE, "clock_settime in a namespace");
}

static int new_owner(void)
{
	int fd = new_namespace();

	own_clock();
	return fd;
}

static void set_tick(long tick)
{
	struct timex tx = { .modes = ADJ_TICK, .tick = tick };

	if (adjtimex(&tx) < 0)
		err(TK_EXIT_FAILURE, "adjtimex");
}

/*
 * Many timers, and a step
 */

static int many[MAX_TIMERS];
static unsigned int nr_many;

/* A tenth of a second apart from each other, all far. */
static void arm_many(unsigned int nr, clockid_t clock)
{
	int64_t now = tk_read(clock);

	for (nr_many = 0; nr_many < nr; nr_many++) {
		/* Not in the order in which they expire. */
		int64_t at = now + FAR + nr_many * 7919LL % nr * (TK_NSEC_PER_SEC / 10);
		struct itimerspec spec = { .it_value = tk_timespec(at) };

		many[nr_many] = open_timerfd(clock);
		if (timerfd_settime(many[nr_many], TFD_TIMER_ABSTIME, &spec, NULL))
			err(TK_EXIT_FAILURE, "timerfd_settime");
	}
}

static void close_many(void)
{
	while (nr_many)
		if (close(many[--nr_many]))
			err(TK_EXIT_FAILURE, "close");
}

static int64_t step_by;

static void prepare_step(void)
{
	until = tk_timespec(tk_read(CLOCK_REALTIME) + step_by);
}

/* By so little that no timer has to be looked at. */
static long adjust_frequency(void)
{
	static long frequency;
	struct timex tx = { .modes = ADJ_FREQUENCY, .freq = frequency ^= 65536 };

	return CALL(SYS_adjtimex, &tx);
}

/* To and fro by one percent. */
static long adjust_tick(void)
{
	static bool faster;
	struct timex tx = { .modes = ADJ_TICK, .tick = 10000 };

	faster = !faster;
	if (faster)
		tx.tick += 100;
	return CALL(SYS_adjtimex, &tx);
}

/* Few calls: a step with many timers takes long. */
static double few(void (*prepare)(void), long (*run)(void), const char *what)
{
	int64_t took[STEPS];
	unsigned int i;

	for (i = 0; i < STEPS; i++) {
		uint64_t cycles;
		long result;

		if (prepare)
			prepare();
		cycles = count(run, &result);
		if (result < 0)
			errx(TK_EXIT_FAILURE, "%s: %s", what, strerror(-(int)result));
		took[i] = (int64_t)(cycles - overhead);
	}
	return median_of(took, STEPS);
}

static double step_cost(int64_t by)
{
	step_by = by;
	return few(prepare_step, set_real, "clock_settime");
}

/* As often forward as back, so that the clock is in the end where it was. */
static void both_steps(const char *state, const char *name)
{
	double forward = step_cost(TK_NSEC_PER_SEC), back = step_cost(-TK_NSEC_PER_SEC);

	figure("step", state, forward, "%s", name);
	figure("back", state, back, "%s", name);
}

static void steps_of_owner(const char *state, clockid_t clock)
{
	char name[64];
	unsigned int i;

	for (i = 0; i < NR_NUMBERS; i++) {
		int fd = new_owner();

		arm_many(numbers[i], clock);
		snprintf(name, sizeof(name), "%u", numbers[i]);
		both_steps(state, name);
		figure("freq", state, few(NULL, adjust_frequency, "adjtimex"), "%s", name);
		figure("tick", state, few(NULL, adjust_tick, "adjtimex"), "%s", name);
		close_many();
		leave(fd);
	}
}

/* The timers are in one namespace, the step is in another. */
static void step_elsewhere(const char *state, bool timers_in_owner, bool step_in_owner, clockid_t clock)
{
	static const unsigned int pair[] = { 0, MAX_TIMERS };
	char name[64];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		int other = timers_in_owner ? new_owner() : new_namespace();
		int here = -1;

		arm_many(pair[i], clock);
		tk_enter(initial_fd);
		if (step_in_owner)
			here = new_owner();
		snprintf(name, sizeof(name), "%u", pair[i]);
		both_steps(state, name);
		close_many();
		leave(here);
		close(other);
	}
}

static void steps_of_host_with_its_own(const char *state, clockid_t clock)
{
	unsigned int i;
	char name[64];

	for (i = 0; i < NR_NUMBERS; i++) {
		arm_many(numbers[i], clock);
		snprintf(name, sizeof(name), "%u", numbers[i]);
		both_steps(state, name);
		close_many();
	}
}

/* One timer among many. */
static void arm_among_many(const char *state)
{
	static const unsigned int pair[] = { 0, MAX_TIMERS };
	static const struct call arm = { "timerfd_settime REALTIME abs", NULL, arm_fd_real, finish_fd_real };
	static const struct call disarm = { "timerfd_settime REALTIME disarm", prepare_armed_fd_real, disarm_fd_real };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		arm_many(pair[i], CLOCK_REALTIME);
		/* In their middle. */
		far_real.it_value = tk_timespec(tk_read(CLOCK_REALTIME) + FAR + MAX_TIMERS / 20 * TK_NSEC_PER_SEC);
		figure("among", state, cost_of(&arm), "arm %u", pair[i]);
		figure("among", state, cost_of(&disarm), "disarm %u", pair[i]);
		close_many();
	}
}

static void prepare_process(void)
{
	const struct rlimit files = { .rlim_cur = MAX_TIMERS + 100, .rlim_max = MAX_TIMERS + 100 };
	const struct call empty = { "nothing", NULL, nothing };
	sigset_t set;

	if (setrlimit(RLIMIT_NOFILE, &files))
		err(TK_EXIT_FAILURE, "setrlimit");
	/* Sleeps as long as they say. */
	if (prctl(PR_SET_TIMERSLACK, 1))
		err(TK_EXIT_FAILURE, "prctl");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		err(TK_EXIT_FAILURE, "sigprocmask");
	initial_fd = tk_open_time_ns();
	start_child();
	if (atexit(stop_child))
		errx(TK_EXIT_FAILURE, "atexit");
	open_all();
	overhead = (uint64_t)cost_of(&empty);
}

int main(int argc, char **argv)
{
	struct tk_counter counter;
	int fd, other;

	tk_start_by_options(argc, argv,
			    "Instructions of arming and cancelling timers and of steps of the clock. Root only.");
	feature = tk_tell_kernel("timers");
	tk_calibrate(&counter);
	if (!tk_claim(counter.exact, "the cycle counter counts instructions"))
		return TK_EXIT_FAILURE;
	prepare_process();

	/* Before there is any other namespace. */
	arm_costs("init");
	arm_among_many("init");
	steps_of_host_with_its_own("host", CLOCK_REALTIME);

	fd = new_namespace();
	arm_costs("follow");
	leave(fd);
	step_elsewhere("f-real", false, false, CLOCK_REALTIME);
	step_elsewhere("f-mono", false, false, CLOCK_MONOTONIC);

	if (feature) {
		other = new_namespace();
		tk_enter(initial_fd);
		fd = new_owner();
		tk_enter(initial_fd);
		arm_costs("busy");
		tk_enter(fd);
		arm_costs("own");
		arm_among_many("own");
		set_tick(TICK_FAST);
		arm_costs("fast");
		leave(fd);
		close(other);

		steps_of_owner("real", CLOCK_REALTIME);
		steps_of_owner("mono", CLOCK_MONOTONIC);
		step_elsewhere("o-o", true, true, CLOCK_REALTIME);
		step_elsewhere("o-f", false, true, CLOCK_REALTIME);
		step_elsewhere("h-o", true, false, CLOCK_REALTIME);
	}
	tk_claim(true, "all calls did what they were meant to do");
	tk_end();
	return 0;
}
