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
 *
 * "expires" is a wait for a timer which was armed before the call, in which nothing
 * but its expiry and the wakeup happens. "cut short" is a sleep which another timer
 * ends, by its signal or its descriptor, so that the timeout is armed and cancelled.
 *
 * A namespace which gets a clock looks through the timers of the machine. How long the
 * call takes is counted as that of all others. For how long it keeps everybody else
 * waiting there is a task which goes before all others, and is woken all the time by a
 * timer: the latest of its wakeups, as that timer was late, or the task behind it.
 *
 *	task which is woken	wants to run v         v         v         v
 *	                        runs         |-|           |-|   |-|       |-|
 *	first writer to a clock |============| |===========| |===| |=======| |===
 *	                                       <-- longest ->
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
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
#define MAX_FOLLOWERS	10000
/* When a namespace gets a clock */
#define SWITCH_TIMERS	100000
#define MAX_FILES	(SWITCH_TIMERS + MAX_FOLLOWERS + 1000)
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
static const struct timespec far_time = { .tv_sec = FAR / TK_NSEC_PER_SEC };
static const struct timespec least = { .tv_nsec = 1 };
static const struct timespec sleep_time = { .tv_nsec = SHORT_SLEEP };

static int fd_real, fd_mono, fd_alarm;
static int empty_epoll, epoll_mono;
/* A signal of @timer_kick ends a sleep; those of the others are taken by who waits for them. */
static timer_t timer_real, timer_mono, timer_kick, timer_new;
static struct itimerspec far_real, far_mono, far_rel;
static const struct itimerspec soon_rel = { .it_value = { .tv_nsec = SHORT_SLEEP } };
static const struct itimerspec disarmed;
static struct itimerspec readout;
static const struct itimerval far_itimer = { .it_value = { .tv_sec = 3600 } };
static const struct itimerval soon_itimer = { .it_value = { .tv_usec = SHORT_SLEEP / 1000 } };
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
static void create_timer(clockid_t clock, int signal, timer_t *timer)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal };
	int id;

	if (syscall(SYS_timer_create, clock, &event, &id))
		err(TK_EXIT_FAILURE, "timer_create");
	*timer = (timer_t)(uintptr_t)id;
}

static void prepare_new_timer(void)
{
	create_timer(CLOCK_REALTIME, SIGUSR1, &timer_new);
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

/*
 * poll and epoll: for nothing, or for a descriptor which becomes readable
 */

static struct epoll_event event;
static struct pollfd poll_mono = { .events = POLLIN };

static void open_epolls(void)
{
	struct epoll_event in = { .events = EPOLLIN };

	empty_epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_mono = epoll_create1(EPOLL_CLOEXEC);
	if (empty_epoll < 0 || epoll_mono < 0)
		err(TK_EXIT_FAILURE, "epoll_create1");
	if (epoll_ctl(epoll_mono, EPOLL_CTL_ADD, fd_mono, &in))
		err(TK_EXIT_FAILURE, "epoll_ctl");
	poll_mono.fd = fd_mono;
}

static long epoll_1ms(void)
{
	return CALL(SYS_epoll_wait, empty_epoll, &event, 1, 1);
}

static long epoll_short(void)
{
	return CALL(SYS_epoll_pwait2, empty_epoll, &event, 1, &sleep_time, NULL, 0);
}

/*
 * Waits for what was armed before, and sleeps which that cuts short
 */

static void arm_soon_fd(int fd)
{
	if (CALL(SYS_timerfd_settime, fd, 0, &soon_rel, NULL))
		errx(TK_EXIT_FAILURE, "timerfd_settime");
}

static void arm_soon_timer(timer_t timer)
{
	if (CALL(SYS_timer_settime, timer, 0, &soon_rel, NULL))
		errx(TK_EXIT_FAILURE, "timer_settime");
}

static long read_ticks(int fd)
{
	uint64_t ticks;

	return CALL(SYS_read, fd, &ticks, sizeof(ticks));
}

static long await_signal(int signal, const struct timespec *timeout)
{
	const uint64_t set = 1ULL << (signal - 1);

	return CALL(SYS_rt_sigtimedwait, &set, NULL, timeout, sizeof(set));
}

#define WAITS(clock)										\
static void prepare_soon_fd_##clock(void)							\
{												\
	arm_soon_fd(fd_##clock);								\
}												\
static long await_fd_##clock(void)								\
{												\
	return read_ticks(fd_##clock);								\
}
WAITS(real)
WAITS(mono)
WAITS(alarm)

static void prepare_soon_timer_real(void)
{
	arm_soon_timer(timer_real);
}

static void prepare_soon_timer_mono(void)
{
	arm_soon_timer(timer_mono);
}

static long await_timer(void)
{
	return await_signal(SIGUSR1, NULL);
}

static void prepare_soon_itimer(void)
{
	if (CALL(SYS_setitimer, ITIMER_REAL, &soon_itimer, NULL))
		errx(TK_EXIT_FAILURE, "setitimer");
}

static long await_itimer(void)
{
	return await_signal(SIGALRM, NULL);
}

static void kicked(int signal)
{
	(void)signal;
}

static void prepare_kick(void)
{
	arm_soon_timer(timer_kick);
}

static void kick_far_real(void)
{
	until = far_real.it_value;
	prepare_kick();
}

static void kick_far_mono(void)
{
	until = far_mono.it_value;
	prepare_kick();
}

static long sleep_far(void)
{
	return CALL(SYS_nanosleep, &far_time, NULL);
}

static long futex_far(void)
{
	return CALL(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, futex_word, &far_time, NULL, 0);
}

static void finish_read_mono(void)
{
	if (read_ticks(fd_mono))
		errx(TK_EXIT_FAILURE, "a descriptor which was ready is not");
}

static void prepare_ppoll_far(void)
{
	poll_time = far_time;
	prepare_soon_fd_mono();
}

static long ppoll_far(void)
{
	return CALL(SYS_ppoll, &poll_mono, 1, &poll_time, NULL, 0);
}

static long epoll_far(void)
{
	return CALL(SYS_epoll_pwait2, epoll_mono, &event, 1, &far_time, NULL, 0);
}

static long signal_far(void)
{
	return await_signal(SIGUSR1, &far_time);
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

static void ring_add_timeout(struct timespec at, bool realtime)
{
	struct io_uring_sqe *sqe = ring_add(IORING_OP_TIMEOUT, 1);

	ring_time = (struct __kernel_timespec) { .tv_sec = at.tv_sec, .tv_nsec = at.tv_nsec };
	sqe->addr = (uintptr_t)&ring_time;
	sqe->len = 1;
	sqe->timeout_flags = realtime ? IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME : 0;
}

static void ring_prepare_clock(bool realtime)
{
	struct io_uring_sqe *sqe;

	ring_add_timeout(realtime ? far_real.it_value : far_time, realtime);
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

static void ring_prepare_soon_rel(void)
{
	ring_add_timeout(sleep_time, false);
}

static void ring_prepare_soon_real(void)
{
	real_in_20us();
	ring_add_timeout(until, true);
}

static long ring_enter(void)
{
	return CALL(SYS_io_uring_enter, ring.fd, 2, 2, IORING_ENTER_GETEVENTS, NULL, 0);
}

static long ring_enter_one(void)
{
	return CALL(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
}

/* Nothing is going to be completed. */
static long ring_wait_short(void)
{
	const struct io_uring_getevents_arg arg = { .ts = (uintptr_t)&sleep_time };

	return CALL(SYS_io_uring_enter, ring.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
		    &arg, sizeof(arg));
}

/* What became of the timeout, and of its removal where there was one */
static void ring_take(unsigned int nr, int result)
{
	unsigned int head = *ring.cq_head, tail = __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE);

	if (tail - head != nr)
		errx(TK_EXIT_FAILURE, "io_uring: %u completions instead of %u", tail - head, nr);
	for (; head != tail; head++) {
		const struct io_uring_cqe *cqe = &ring.cqes[head & *ring.cq_mask];

		if (cqe->res != (cqe->user_data == 1 ? result : 0))
			errx(TK_EXIT_FAILURE, "io_uring: entry %u: %s", (unsigned int)cqe->user_data,
			     strerror(-cqe->res));
	}
	__atomic_store_n(ring.cq_head, head, __ATOMIC_RELEASE);
}

static void ring_finish(void)
{
	ring_take(2, -ECANCELED);
}

static void ring_finish_one(void)
{
	ring_take(1, -ETIME);
}

static const struct call calls[] = {
	{ "nanosleep 1 ns",			NULL, sleep_least },
	{ "nanosleep 20 us",			NULL, sleep_short },
	{ "clock_nanosleep REALTIME past",	NULL, sleep_real_past },
	{ "clock_nanosleep REALTIME +1 us",	real_in_1us, sleep_real_until },
	{ "clock_nanosleep REALTIME +20 us",	real_in_20us, sleep_real_until },
	{ "clock_nanosleep MONOTONIC +20 us",	mono_in_20us, sleep_mono_until },
	{ "nanosleep cut short",		prepare_kick, sleep_far, NULL, -EINTR },
	{ "clock_nanosleep REALTIME cut short",	kick_far_real, sleep_real_until, NULL, -EINTR },
	{ "clock_nanosleep MONOTONIC cut short", kick_far_mono, sleep_mono_until, NULL, -EINTR },
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
	{ "timerfd REALTIME expires",		prepare_soon_fd_real, await_fd_real },
	{ "timerfd MONOTONIC expires",		prepare_soon_fd_mono, await_fd_mono },
	{ "timerfd REALTIME_ALARM expires",	prepare_soon_fd_alarm, await_fd_alarm },
	{ "timer_settime REALTIME abs",		NULL, arm_timer_real, finish_timer_real },
	{ "timer_settime REALTIME rel",		NULL, rel_timer_real, finish_timer_real },
	{ "timer_settime REALTIME disarm",	prepare_armed_timer_real, disarm_timer_real },
	{ "timer_gettime REALTIME",		prepare_armed_timer_real, read_timer_real, finish_timer_real },
	{ "timer_settime MONOTONIC abs",	NULL, arm_timer_mono, finish_timer_mono },
	{ "timer_settime MONOTONIC disarm",	prepare_armed_timer_mono, disarm_timer_mono },
	{ "timer_delete armed",			prepare_new_timer, delete_timer },
	{ "timer REALTIME expires",		prepare_soon_timer_real, await_timer },
	{ "timer MONOTONIC expires",		prepare_soon_timer_mono, await_timer },
	{ "setitimer REAL",			NULL, arm_itimer, finish_itimer },
	{ "setitimer REAL disarm",		prepare_armed_itimer, disarm_itimer },
	{ "itimer REAL expires",		prepare_soon_itimer, await_itimer },
	{ "futex wait, EAGAIN",			NULL, futex_again, NULL, -EAGAIN },
	{ "futex wait 20 us",			NULL, futex_short, NULL, -ETIMEDOUT },
	{ "futex wait REALTIME past",		NULL, futex_real_past, NULL, -ETIMEDOUT },
	{ "futex wait REALTIME +20 us",		real_in_20us, futex_real_until, NULL, -ETIMEDOUT },
	{ "futex wait cut short",		prepare_kick, futex_far, NULL, -EINTR },
	{ "futex wait REALTIME cut short",	kick_far_real, futex_real_until, NULL, -EINTR },
	{ "poll 0",				NULL, poll_none },
	{ "poll 1 ms",				NULL, poll_1ms },
	{ "ppoll 20 us",			prepare_ppoll, ppoll_short },
	{ "ppoll cut short",			prepare_ppoll_far, ppoll_far, finish_read_mono },
	{ "epoll_wait 1 ms",			NULL, epoll_1ms },
	{ "epoll_pwait2 20 us",			NULL, epoll_short },
	{ "epoll_pwait2 cut short",		prepare_soon_fd_mono, epoll_far, finish_read_mono },
	{ "rt_sigtimedwait 20 us",		NULL, signal_short, NULL, -EAGAIN },
	{ "rt_sigtimedwait cut short",		prepare_soon_timer_mono, signal_far },
	{ "mq_timedreceive past",		NULL, mq_past, NULL, -ETIMEDOUT },
	{ "mq_timedreceive +20 us",		real_in_20us, mq_until, NULL, -ETIMEDOUT },
	{ "mq_timedreceive cut short",		kick_far_real, mq_until, NULL, -EINTR },
	{ "io_uring timeout rel and remove",	ring_prepare_rel, ring_enter, ring_finish },
	{ "io_uring timeout REALTIME, remove",	ring_prepare_real, ring_enter, ring_finish },
	{ "io_uring timeout rel expires",	ring_prepare_soon_rel, ring_enter_one, ring_finish_one },
	{ "io_uring timeout REALTIME expires",	ring_prepare_soon_real, ring_enter_one, ring_finish_one },
	{ "io_uring wait 20 us",		NULL, ring_wait_short, NULL, -ETIME },
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
	create_timer(CLOCK_REALTIME, SIGUSR1, &timer_real);
	create_timer(CLOCK_MONOTONIC, SIGUSR1, &timer_mono);
	create_timer(CLOCK_MONOTONIC, SIGRTMIN, &timer_kick);
	open_epolls();
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

static int many[SWITCH_TIMERS];
static unsigned int nr_many;

static void arm_one(int fd, int64_t at, int flags)
{
	struct itimerspec spec = { .it_value = tk_timespec(at) };

	if (timerfd_settime(fd, TFD_TIMER_ABSTIME | flags, &spec, NULL))
		err(TK_EXIT_FAILURE, "timerfd_settime");
}

/* A tenth of a second apart from each other, all far. */
static void arm_all(clockid_t clock, int flags)
{
	int64_t now = tk_read(clock);
	unsigned int i;

	/* Not in the order in which they expire. */
	for (i = 0; i < nr_many; i++)
		arm_one(many[i], now + FAR + i * 7919LL % nr_many * (TK_NSEC_PER_SEC / 10), flags);
}

static void arm_many(unsigned int nr, clockid_t clock)
{
	for (nr_many = 0; nr_many < nr; nr_many++)
		many[nr_many] = open_timerfd(clock);
	arm_all(clock, 0);
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

static int followers[MAX_FOLLOWERS];

static void name_steps(const char *state, unsigned int nr)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", nr);
	both_steps(state, name);
}

/* Beside namespaces which follow, each with a timer if @armed, and when they are gone */
static void step_beside_followers(const char *state, bool armed)
{
	unsigned int i;

	for (i = 0; i < MAX_FOLLOWERS; i++) {
		followers[i] = new_namespace();
		if (!armed)
			continue;
		many[nr_many] = open_timerfd(CLOCK_REALTIME);
		arm_one(many[nr_many], tk_read(CLOCK_REALTIME) + FAR + i * (TK_NSEC_PER_SEC / 10), 0);
		nr_many++;
	}
	tk_enter(initial_fd);
	name_steps(state, MAX_FOLLOWERS);
	close_many();
	for (i = 0; i < MAX_FOLLOWERS; i++)
		if (close(followers[i]))
			err(TK_EXIT_FAILURE, "close");
	name_steps(state, 0);
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

/*
 * A namespace gets a clock
 */

/* How often it is seen, with a new namespace each time; odd, for the median to be one of them */
#define SWITCHES	5

/* Between two wakeups, besides what the wakeup itself takes: nothing else has a period like it. */
#define WAKE_EVERY	10007

/* The latest so far, in ns, and how many there were */
static volatile uint64_t *latest_wakeup, *nr_wakeups;

/* For ever: before all other tasks, as soon as a timer of the initial namespace says so */
static pid_t start_woken(void)
{
	static const struct sched_param first = { .sched_priority = 99 };
	pid_t pid;

	pid = fork();
	if (pid < 0)
		err(TK_EXIT_FAILURE, "fork");
	if (pid)
		return pid;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || sched_setscheduler(0, SCHED_FIFO, &first))
		_exit(TK_EXIT_FAILURE);
	for (;;) {
		int64_t at = tk_read(CLOCK_MONOTONIC) + WAKE_EVERY, late;

		tk_sleep_until(at);
		late = tk_read(CLOCK_MONOTONIC) - at;
		if (late > (int64_t)*latest_wakeup)
			*latest_wakeup = (uint64_t)late;
		(*nr_wakeups)++;
	}
}

/* The first write, of what the clock is steered by already */
static long get_clock(void)
{
	struct timex tx = { .modes = ADJ_FREQUENCY };
	int ret = adjtimex(&tx);

	return ret < 0 ? -(long)errno : 0;
}

enum where { NOWHERE, INITIAL, INITIAL_CANCEL, INSIDE, NR_WHERE };

static const char *const where_names[] = {
	[NOWHERE]	 = "none",
	[INITIAL]	 = "initial",
	[INITIAL_CANCEL] = "cancel",
	[INSIDE]	 = "inside",
};

/* Instructions of one switch, and in @passed how long it took, with all that others did meanwhile */
static int64_t switch_once(enum where where, uint64_t *passed)
{
	uint64_t start, cycles;
	long result;
	int fd;

	fd = new_namespace();
	if (where == INSIDE)
		arm_all(CLOCK_REALTIME, 0);
	start = tk_cycles();
	cycles = count(get_clock, &result);
	*passed = tk_cycles() - start;
	if (result)
		errx(TK_EXIT_FAILURE, "the first write: %s", strerror(-(int)result));
	leave(fd);
	return (int64_t)(cycles - overhead);
}

/*
 * What the call takes, and how late a wakeup is meanwhile. The latter also where nothing is
 * to be looked through, and while the machine does what it does anyway.
 */
static void switch_cost(enum where where)
{
	const char *name = where_names[where];
	int64_t took[SWITCHES], latest[SWITCHES], wall[SWITCHES];
	unsigned int i;
	uint64_t passed;
	pid_t woken;

	if (where != NOWHERE)
		arm_many(SWITCH_TIMERS, CLOCK_REALTIME);
	if (where == INITIAL_CANCEL)
		arm_all(CLOCK_REALTIME, TFD_TIMER_CANCEL_ON_SET);
	for (i = 0; i < SWITCHES; i++) {
		took[i] = switch_once(where, &passed);
		wall[i] = (int64_t)passed;
	}
	figure("switch", name, median_of(took, SWITCHES), "call");
	figure("switch", name, median_of(wall, SWITCHES), "passed");
	woken = start_woken();
	for (i = 0; i < SWITCHES; i++) {
		tk_sleep_until(tk_read(CLOCK_MONOTONIC) + TK_NSEC_PER_SEC / 100);
		*nr_wakeups = 0;
		*latest_wakeup = 0;
		switch_once(where, &passed);
		latest[i] = (int64_t)*latest_wakeup;
		if (!*nr_wakeups)
			errx(TK_EXIT_FAILURE, "nobody was woken during a switch");
	}
	kill(woken, SIGKILL);
	waitpid(woken, NULL, 0);
	qsort(latest, SWITCHES, sizeof(latest[0]), by_size);
	figure("switch", name, (double)latest[SWITCHES - 1], "longest");
	close_many();
}

static void switch_costs(void)
{
	enum where where;

	latest_wakeup = tk_shared_counter();
	nr_wakeups = tk_shared_counter();
	for (where = NOWHERE; where < NR_WHERE; where++)
		switch_cost(where);
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
	const struct rlimit files = { .rlim_cur = MAX_FILES, .rlim_max = MAX_FILES };
	const struct call empty = { "nothing", NULL, nothing };
	const struct sigaction kick = { .sa_handler = kicked };
	sigset_t set;

	if (setrlimit(RLIMIT_NOFILE, &files))
		err(TK_EXIT_FAILURE, "setrlimit");
	/* Sleeps as long as they say. */
	if (prctl(PR_SET_TIMERSLACK, 1))
		err(TK_EXIT_FAILURE, "prctl");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGALRM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) || sigaction(SIGRTMIN, &kick, NULL))
		err(TK_EXIT_FAILURE, "signals");
	initial_fd = tk_open_time_ns();
	tk_write_file("/proc/sys/user/max_time_namespaces", "100000");
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
	step_beside_followers("many", false);
	step_beside_followers("each", true);

	if (feature) {
		other = new_namespace();
		tk_enter(initial_fd);
		fd = new_owner();
		tk_enter(initial_fd);
		arm_costs("busy");
		tk_enter(other);
		arm_costs("beside");
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
		switch_costs();
	}
	tk_claim(true, "all calls did what they were meant to do");
	tk_end();
	return 0;
}
