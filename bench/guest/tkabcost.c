// SPDX-License-Identifier: GPL-2.0
/*
 * tkabcost - what reading a clock, the tick, processes and timers cost in the
 * initial namespace, on any kernel
 *
 * For bench/ab.sh, which compares kernels: with the feature, with the feature
 * configured out, and the pristine source. Nothing here needs the feature, and
 * nothing sets a clock. The figures are instructions, counted exactly, and the
 * program refuses to give others.
 *
 * A figure of the vDSO or of a system call is the least of many measurements
 * (readings.h). Those of the tick are of the whole interrupt as a user's loop
 * misses it (interrupts.h): entry and exit, the local APIC, hrtimers, timekeeping
 * and the update of the vDSO's page, CPU accounting, the scheduler, RCU, the timer
 * wheel, and the softirqs that are raised in it. Timekeeping is a part of it only;
 * but nothing that is called in the tick can get dearer without being seen.
 *
 * A process and a timer are the median of many: what is random in a new address
 * space, a tick, and a rare slow path are not in it. The machine is never idle
 * meanwhile, so all that passes is instructions. The expiry of a timer is its
 * interrupt, seen as the tick is, right behind a tick where no other is due:
 *
 *	tick | arm |  looks ...  [ interrupt of the timer ]  looks ... | next tick
 *
 * Last, where it can change none of the figures above, the program goes into a
 * time namespace to read the clocks there, which costs more on the pristine source;
 * with the feature the namespace then becomes the owner of its clock, for one
 * look at how often its coarse clock moves.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/wait.h>

#include "guest.h"
#include "interrupts.h"
#include "readings.h"
#include "results.h"

/* What the kernel calls PROC_TIME_INIT_INO: the number of the initial time namespace, always. */
#define INITIAL_TIME_NS	0xEFFFFFFAU

/* How long the ticks are looked at. */
#define LOOK		(2 * TK_NSEC_PER_SEC)

/* Processes and timers: those which are not counted, and those which are. */
#define WARM_UP		30
#define CALLS		201

/* Far enough that it does not expire while the program runs. */
#define FAR		3600
/* Of a timer which is waited for, and how long at most: both within a period of the tick. */
#define SOON		200000
#define WINDOW		600000
/* How often something else may interrupt the wait before that counts as an error. */
#define MAX_DISTURBED	1000

/* How long the coarse clock is looked at. */
#define LOOK_COARSE	(TK_NSEC_PER_SEC / 5)
#define MAX_STEPS	10000

static const struct tk_target vdso_targets[] = {
	{ "clock_gettime REALTIME",		TK_VDSO_CLOCK,	CLOCK_REALTIME },
	{ "clock_gettime MONOTONIC",		TK_VDSO_CLOCK,	CLOCK_MONOTONIC },
	{ "clock_gettime BOOTTIME",		TK_VDSO_CLOCK,	CLOCK_BOOTTIME },
	{ "clock_gettime TAI",			TK_VDSO_CLOCK,	CLOCK_TAI },
	{ "clock_gettime MONOTONIC_RAW",	TK_VDSO_CLOCK,	CLOCK_MONOTONIC_RAW },
	{ "clock_gettime REALTIME_COARSE",	TK_VDSO_CLOCK,	CLOCK_REALTIME_COARSE },
	{ "clock_gettime MONOTONIC_COARSE",	TK_VDSO_CLOCK,	CLOCK_MONOTONIC_COARSE },
	{ "gettimeofday",			TK_VDSO_GETTIMEOFDAY, 0 },
	{ "time",				TK_VDSO_TIME,	0 },
	{ "clock_getres REALTIME",		TK_VDSO_GETRES, CLOCK_REALTIME },
	{ "clock_getres MONOTONIC",		TK_VDSO_GETRES, CLOCK_MONOTONIC },
	{ "clock_getres BOOTTIME",		TK_VDSO_GETRES, CLOCK_BOOTTIME },
	{ "clock_getres TAI",			TK_VDSO_GETRES, CLOCK_TAI },
	{ "clock_getres MONOTONIC_RAW",		TK_VDSO_GETRES, CLOCK_MONOTONIC_RAW },
	{ "clock_getres REALTIME_COARSE",	TK_VDSO_GETRES, CLOCK_REALTIME_COARSE },
	{ "clock_getres MONOTONIC_COARSE",	TK_VDSO_GETRES, CLOCK_MONOTONIC_COARSE },
};

/* The alarm clocks and those of CPU time are read by the kernel only. */
static const struct tk_target syscall_targets[] = {
	{ "clock_gettime REALTIME",		TK_SYSCALL_CLOCK, CLOCK_REALTIME },
	{ "clock_gettime MONOTONIC",		TK_SYSCALL_CLOCK, CLOCK_MONOTONIC },
	{ "clock_gettime BOOTTIME",		TK_SYSCALL_CLOCK, CLOCK_BOOTTIME },
	{ "clock_gettime TAI",			TK_SYSCALL_CLOCK, CLOCK_TAI },
	{ "clock_gettime MONOTONIC_RAW",	TK_SYSCALL_CLOCK, CLOCK_MONOTONIC_RAW },
	{ "clock_gettime REALTIME_COARSE",	TK_SYSCALL_CLOCK, CLOCK_REALTIME_COARSE },
	{ "clock_gettime MONOTONIC_COARSE",	TK_SYSCALL_CLOCK, CLOCK_MONOTONIC_COARSE },
	{ "clock_gettime REALTIME_ALARM",	TK_SYSCALL_CLOCK, CLOCK_REALTIME_ALARM },
	{ "clock_gettime BOOTTIME_ALARM",	TK_SYSCALL_CLOCK, CLOCK_BOOTTIME_ALARM },
	{ "clock_gettime THREAD_CPUTIME",	TK_SYSCALL_CLOCK, CLOCK_THREAD_CPUTIME_ID },
	{ "clock_gettime PROCESS_CPUTIME",	TK_SYSCALL_CLOCK, CLOCK_PROCESS_CPUTIME_ID },
};

#define NR_VDSO		(sizeof(vdso_targets) / sizeof(vdso_targets[0]))
#define NR_SYSCALL	(sizeof(syscall_targets) / sizeof(syscall_targets[0]))

static bool in_initial_namespace(void)
{
	struct stat st;

	if (stat("/proc/self/ns/time", &st))
		err(TK_EXIT_FAILURE, "/proc/self/ns/time");
	return st.st_ino == INITIAL_TIME_NS;
}

static struct tk_functions functions;

/* A refused call has a price too, but not the one that is asked for. */
static void require_readable(const struct tk_target *t)
{
	struct timespec ts;
	long ret = 0;

	if (t->way == TK_VDSO_CLOCK)
		ret = functions.vdso_clock_gettime(t->id, &ts);
	else if (t->way == TK_VDSO_GETRES)
		ret = functions.vdso_clock_getres(t->id, &ts);
	else if (t->way == TK_SYSCALL_CLOCK)
		ret = functions.syscall_clock_gettime(t->id, &ts);
	if (ret)
		errx(TK_EXIT_FAILURE, "%s is refused", t->name);
}

static void figure(const char *group, double value, const char *name)
{
	tk_say("%-8s %10.10g  %s", group, value, name);
	tk_fact("%s %.10g %s", group, value, name);
}

/* The dearest of the group. */
static double read_costs(const char *group, const struct tk_target *targets, unsigned int nr)
{
	double most = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		double cost;

		require_readable(&targets[i]);
		cost = tk_measure(&targets[i], &functions);
		figure(group, cost, targets[i].name);
		if (cost > most)
			most = cost;
	}
	return most;
}

static void tick_cost(const struct tk_counter *counter)
{
	double hz = tk_hz(), ticks;
	struct tk_look look;

	tk_settle(counter);
	tk_look(&look, LOOK, counter);
	tk_judge_look(&look);
	ticks = look.seen - look.foreign;

	figure("tick", look.median, "median");
	figure("tick", look.taken / ticks, "mean");
	figure("tick", look.shortest, "shortest");
	figure("tick", look.longest, "longest");
	tk_fact("ab.hz %.0f", hz);
	tk_fact("ab.ticks %.0f", ticks);
	tk_fact("ab.foreign %u", look.foreign);
	tk_fact("ab.seconds %.3f", look.seconds);
	/* Not a whole number of periods, and some ticks are met by another task. */
	tk_claim(ticks > look.seconds * hz * 0.98 && ticks < look.seconds * hz * 1.02,
		 "the interruptions are ticks: %.0f in %.2f s at HZ=%.0f, and %u longer ones",
		 ticks, look.seconds, hz, look.foreign);
}

/*
 * Processes and timers
 */

static void no_call(void)
{
}

/* What the counter itself and a call of a function take. */
__attribute__((noipa))
static uint64_t count(void (*call)(void))
{
	uint64_t start = tk_cycles();

	call();
	return tk_cycles() - start;
}

/* Of the call, with what is done before it and after it not counted. */
static double cost_of(void (*before)(void), void (*call)(void), void (*after)(void))
{
	static uint64_t took[CALLS];
	unsigned int i;

	for (i = 0; i < WARM_UP + CALLS; i++) {
		uint64_t cycles, empty = count(no_call);

		if (before)
			before();
		cycles = count(call);
		if (after)
			after();
		if (i >= WARM_UP)
			took[i - WARM_UP] = cycles > empty ? cycles - empty : 0;
	}
	return tk_median(took, CALLS);
}

static void wait_for(pid_t child)
{
	int status;

	if (syscall(SYS_wait4, child, &status, 0, NULL) != child)
		err(TK_EXIT_FAILURE, "wait4");
	if (status)
		errx(TK_EXIT_FAILURE, "a child ended with wait status 0x%x", status);
}

/* By its number: what the C library does at a fork is not of interest. */
static void fork_and_wait(void)
{
	pid_t child = (pid_t)syscall(SYS_fork);

	if (child < 0)
		err(TK_EXIT_FAILURE, "fork");
	if (!child)
		syscall(SYS_exit_group, 0);
	wait_for(child);
}

/* A program without libraries that does nothing: what is left is the kernel's. */
static void exec_and_wait(void)
{
	static char * const argv[] = { "true", NULL };
	static char * const envp[] = { NULL };
	pid_t child = vfork();

	if (child < 0)
		err(TK_EXIT_FAILURE, "vfork");
	if (!child) {
		execve("/busybox/busybox", argv, envp);
		_exit(TK_EXIT_FAILURE);
	}
	wait_for(child);
}

static int timer_fd, timer_id;
static const struct itimerspec disarmed;
static const struct itimerspec far = { .it_value = { .tv_sec = FAR } };
static const struct itimerspec soon = { .it_value = { .tv_nsec = SOON } };
static volatile sig_atomic_t signals;

static void set_fd(const struct itimerspec *spec)
{
	if (syscall(SYS_timerfd_settime, timer_fd, 0, spec, NULL))
		err(TK_EXIT_FAILURE, "timerfd_settime");
}

static void set_timer(const struct itimerspec *spec)
{
	if (syscall(SYS_timer_settime, timer_id, 0, spec, NULL))
		err(TK_EXIT_FAILURE, "timer_settime");
}

static void arm_fd(void)
{
	set_fd(&far);
}

static void cancel_fd(void)
{
	set_fd(&disarmed);
}

static void expire_fd(void)
{
	set_fd(&soon);
}

static void arm_timer(void)
{
	set_timer(&far);
}

static void cancel_timer(void)
{
	set_timer(&disarmed);
}

static void expire_timer(void)
{
	set_timer(&soon);
}

static unsigned int expired_fd(void)
{
	uint64_t times;

	if (read(timer_fd, &times, sizeof(times)) == sizeof(times))
		return (unsigned int)times;
	if (errno != EAGAIN)
		err(TK_EXIT_FAILURE, "reading the timerfd");
	return 0;
}

static unsigned int expired_timer(void)
{
	unsigned int times = (unsigned int)signals;

	signals = 0;
	return times;
}

static void on_signal(int signal)
{
	(void)signal;
	signals++;
}

static void open_timers(clockid_t clock)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	const struct sigaction action = { .sa_handler = on_signal };

	timer_fd = timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK);
	if (timer_fd < 0)
		err(TK_EXIT_FAILURE, "timerfd_create(%d)", (int)clock);
	if (sigaction(SIGUSR1, &action, NULL))
		err(TK_EXIT_FAILURE, "sigaction");
	if (syscall(SYS_timer_create, clock, &event, &timer_id))
		err(TK_EXIT_FAILURE, "timer_create(%d)", (int)clock);
}

static void close_timers(void)
{
	if (close(timer_fd) || syscall(SYS_timer_delete, timer_id))
		err(TK_EXIT_FAILURE, "giving up the timers");
}

/*
 * Looks for so many cycles, or until something was taken: how often that was,
 * and how much all together.
 */
__attribute__((noipa))
static unsigned int interruptions(uint64_t cycles, bool until_first, uint64_t usual,
				  uint64_t *taken)
{
	uint64_t start = tk_cycles(), last = start;
	uint64_t now, least = UINT64_MAX, long_ones = 0;
	unsigned int nr = 0;

	do {
		TK_NOPS(TK_NOPS_LONG);
		now = tk_cycles();
		if (now - last > usual + usual / 8) {
			long_ones += now - last;
			nr++;
		} else if (now - last < least) {
			least = now - last;
		}
		last = now;
	} while (until_first ? !nr : now - start < cycles);
	/* A first look that is interrupted leaves nothing to compare with; nobody asks for it. */
	*taken = least == UINT64_MAX ? 0 : long_ones - nr * least;
	return nr;
}

static double expiry(const char *what, void (*arm)(void), unsigned int (*expired)(void),
		     const struct tk_counter *counter)
{
	uint64_t window = (uint64_t)(WINDOW * counter->cycles_per_ns);
	uint64_t usual = tk_usual_distance();
	static uint64_t took[CALLS];
	unsigned int i = 0, disturbed = 0;

	while (i < WARM_UP + CALLS) {
		unsigned int nr, times;
		uint64_t taken;

		interruptions(0, true, usual, &taken);
		arm();
		nr = interruptions(window, false, usual, &taken);
		times = expired();
		if (times != 1)
			errx(TK_EXIT_FAILURE, "%s: %u times in %d us", what, times, WINDOW / 1000);
		if (nr != 1) {
			if (++disturbed > MAX_DISTURBED)
				errx(TK_EXIT_FAILURE, "%s: disturbed %u times", what, disturbed);
			continue;
		}
		if (i >= WARM_UP)
			took[i - WARM_UP] = taken;
		i++;
	}
	tk_fact("ab.disturbed %u %s", disturbed, what);
	return tk_median(took, CALLS);
}

static void process_costs(void)
{
	figure("process", cost_of(NULL, fork_and_wait, NULL), "fork, exit and wait");
	figure("process", cost_of(NULL, exec_and_wait, NULL), "vfork, exec, exit and wait");
}

static void timer_costs(const struct tk_counter *counter)
{
	static const struct {
		clockid_t id;
		const char *name;
	} clocks[] = {
		{ CLOCK_MONOTONIC, "MONOTONIC" },
		{ CLOCK_REALTIME, "REALTIME" },
	};
	char name[64];
	unsigned int i;

#define FIGURE(value, what)								\
	do {										\
		snprintf(name, sizeof(name), what " %s", clocks[i].name);		\
		figure("timer", value, name);						\
	} while (0)

	for (i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		open_timers(clocks[i].id);
		FIGURE(cost_of(NULL, arm_fd, cancel_fd), "timerfd armed");
		FIGURE(cost_of(arm_fd, cancel_fd, NULL), "timerfd cancelled");
		FIGURE(expiry("timerfd", expire_fd, expired_fd, counter), "timerfd expires");
		FIGURE(cost_of(NULL, arm_timer, cancel_timer), "timer armed");
		FIGURE(cost_of(arm_timer, cancel_timer, NULL), "timer cancelled");
		FIGURE(expiry("timer", expire_timer, expired_timer, counter),
		       "timer expires, signal");
		close_timers();
	}
#undef FIGURE
}

/*
 * In a time namespace
 */

/* How much the clock moves at once, the median, in nanoseconds. */
static double coarse_step(const char *name)
{
	static uint64_t steps[MAX_STEPS];
	int64_t end = tk_read(CLOCK_MONOTONIC_RAW) + LOOK_COARSE;
	int64_t last = tk_read(CLOCK_REALTIME_COARSE);
	unsigned int nr = 0;

	while (tk_read(CLOCK_MONOTONIC_RAW) < end) {
		int64_t now = tk_read(CLOCK_REALTIME_COARSE);

		if (now < last)
			errx(TK_EXIT_FAILURE, "%s: the coarse clock goes back by %lld ns", name,
			     (long long)(last - now));
		if (now > last && nr < MAX_STEPS)
			steps[nr++] = (uint64_t)(now - last);
		last = now;
	}
	/* The first one may have begun before. */
	if (nr < 3 || nr == MAX_STEPS)
		errx(TK_EXIT_FAILURE, "%s: %u steps of the coarse clock", name, nr);
	return tk_median(steps, nr);
}

static void own_the_clock(void)
{
	struct timex tx = { .modes = ADJ_FREQUENCY, .freq = 0 };
	char state[16] = "";

	if (adjtimex(&tx) < 0)
		err(TK_EXIT_FAILURE, "adjtimex in the namespace");
	tk_file_word(TK_CLOCK_FILE, "state", state, sizeof(state));
	if (strcmp(state, "own"))
		errx(TK_EXIT_FAILURE, "the namespace does not own its clock after adjtimex()");
}

int main(int argc, char **argv)
{
	double vdso, kernel, inside, host_step;
	struct tk_counter counter;
	bool feature;

	tk_start_by_options(argc, argv,
			    "Instructions of clock readings, the tick, processes, timers.");
	feature = tk_tell_kernel("ab");
	tk_find_functions(&functions);
	tk_calibrate(&counter);
	if (!tk_claim(counter.exact, "the cycle counter counts instructions") ||
	    !tk_claim(in_initial_namespace(), "this is the initial time namespace"))
		return TK_EXIT_FAILURE;

	vdso = read_costs("vdso", vdso_targets, NR_VDSO);
	kernel = read_costs("syscall", syscall_targets, NR_SYSCALL);
	/* Half of one is far from any reading that goes through the kernel. */
	tk_claim(vdso > 0 && vdso < kernel / 2, "no reading through the vDSO needs a system call");
	/* Before the tick, for which much memory is touched, that a fork would have to copy. */
	process_costs();
	timer_costs(&counter);
	tick_cost(&counter);
	host_step = coarse_step("host");

	/* With an offset, as time namespaces are used. */
	tk_enter_new_time_ns("1000000");
	if (!tk_claim(!in_initial_namespace(), "this is another time namespace"))
		return TK_EXIT_FAILURE;
	inside = read_costs("timens", vdso_targets, NR_VDSO);
	tk_claim(inside > 0 && inside < kernel / 2, "nor does one there need a system call");
	figure("coarse", host_step, "host");
	figure("coarse", coarse_step("time namespace"), "time namespace");
	if (feature) {
		own_the_clock();
		figure("coarse", coarse_step("own namespace"), "own namespace");
	}
	tk_end();
	return 0;
}
