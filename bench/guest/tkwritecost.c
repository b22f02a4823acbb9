// SPDX-License-Identifier: GPL-2.0
/*
 * tkwritecost - what it costs to set and to steer a clock, outside and in a time
 * namespace, and whom it disturbs
 *
 * For bench/writes.sh. Two machines answer two kinds of question:
 *
 * Without --storm the figures are instructions of a single system call, counted
 * exactly: QEMU with -icount, one CPU. Each is the median of many calls, so that
 * no tick is in it. The number of other namespaces that own their clock, and of
 * timers armed in one of them, is varied; a call which depended on them would
 * show it. Also counted: the tick, by what it adds to the calls which it hits.
 *
 *	call    call      call    call              call    call
 *	|------||------||------||--[ tick ]--------||------||------|
 *	 median                 median + tick
 *
 * With --storm there are two CPUs and real time. One of them sets a clock as fast
 * as it can; what the other one notices is counted: interrupts of each kind, and
 * the passes which the kernel took for the other namespaces. There are no
 * figures of time, two emulated CPUs share this machine with others.
 *
 * On a kernel without the feature only the initial namespace is measured.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "counter.h"
#include "guest.h"
#include "hold.h"
#include "interrupts.h"
#include "results.h"

/* Calls which are not counted, and those which are; odd, for the median to be one of them. */
#define WARM_UP		10
#define CALLS		201

/* Far enough that nothing of it expires while the program runs. */
#define FAR		(3600 * TK_NSEC_PER_SEC)

/* Timers in another namespace, and calls there between two calls which are counted. */
#define TIMERS		1000
#define STORM_CALLS	100

/* Over how much time of the machine the ticks are looked at, and among how many namespaces. */
#define TICK_LOOK	(2 * TK_NSEC_PER_SEC)
#define TICK_OTHERS	100
/* A call which takes so many instructions longer than usual was hit by a tick. */
#define TICK_LEAST	1000

/* Calls for which the interrupts of the other CPU are counted, and how often, for the median. */
#define IPI_CALLS	10000
#define IPI_ROUNDS	3

static long numbers[] = { 0, 100, 1000, 5000 };

#define NR_NUMBERS	(sizeof(numbers) / sizeof(numbers[0]))

static bool feature;
static uint64_t overhead;

/*
 * The calls
 */

/* A system call by its number: what the C library makes of it is not of interest. */
#define CALL(...)	(syscall(__VA_ARGS__) < 0 ? -(long)errno : 0)

static struct timespec at;
static struct timeval at_us;
static struct timex change;
static bool flip;

static long nothing(void)
{
	return 0;
}

/* A millisecond ahead, so that it is a step. */
static void prepare_time(void)
{
	int64_t ns = tk_read(CLOCK_REALTIME) + TK_NSEC_PER_SEC / 1000;

	at.tv_sec = ns / TK_NSEC_PER_SEC;
	at.tv_nsec = ns % TK_NSEC_PER_SEC;
	at_us.tv_sec = at.tv_sec;
	at_us.tv_usec = at.tv_nsec / 1000;
}

static long set_time(void)
{
	return CALL(SYS_clock_settime, CLOCK_REALTIME, &at);
}

static long set_time_of_day(void)
{
	return CALL(SYS_settimeofday, &at_us, NULL);
}

static long adjust(void)
{
	return CALL(SYS_adjtimex, &change);
}

static void prepare_change(unsigned int modes)
{
	memset(&change, 0, sizeof(change));
	change.modes = modes;
	flip = !flip;
}

static void prepare_nothing(void)
{
	prepare_change(0);
}

static void prepare_frequency(void)
{
	prepare_change(ADJ_FREQUENCY);
	change.freq = flip ? 65536 : -65536;
}

static void prepare_tick(void)
{
	prepare_change(ADJ_TICK);
	change.tick = flip ? 10001 : 10000;
}

/* The PLL has to be on. */
static void prepare_offset(void)
{
	prepare_change(ADJ_OFFSET);
	change.offset = flip ? 100 : -100;
}

static void prepare_set_offset(void)
{
	prepare_change(ADJ_SETOFFSET | ADJ_NANO);
	change.time.tv_sec = flip ? 0 : -1;
	change.time.tv_usec = flip ? 1000000 : 999000000;
}

static long read_time(void)
{
	struct timespec ts;

	return CALL(SYS_clock_gettime, CLOCK_REALTIME, &ts);
}

struct call {
	const char *name;
	/* Before the call, not counted; may be missing. */
	void (*prepare)(void);
	long (*run)(void);
};

static const struct call calls[] = {
	{ "clock_settime",		prepare_time,		set_time },
	{ "settimeofday",		prepare_time,		set_time_of_day },
	{ "adjtimex(ADJ_FREQUENCY)",	prepare_frequency,	adjust },
	{ "adjtimex(ADJ_TICK)",		prepare_tick,		adjust },
	{ "adjtimex(ADJ_OFFSET)",	prepare_offset,		adjust },
	{ "adjtimex(ADJ_SETOFFSET)",	prepare_set_offset,	adjust },
	{ "adjtimex(0)",		prepare_nothing,	adjust },
	{ "clock_gettime system call",	NULL,			read_time },
};

#define NR_CALLS	(sizeof(calls) / sizeof(calls[0]))

static const struct call settime = { "clock_settime", prepare_time, set_time };
static const struct call gettime = { "clock_gettime system call", NULL, read_time };

__attribute__((noipa))
static uint64_t count(long (*run)(void), long *result)
{
	uint64_t start = tk_cycles();

	*result = run();
	return tk_cycles() - start;
}

/* The median; @before comes before each call, and before its own preparation. */
static double cost_of(const struct call *c, void (*before)(void))
{
	static uint64_t took[CALLS];
	unsigned int i;

	for (i = 0; i < WARM_UP + CALLS; i++) {
		uint64_t cycles;
		long result;

		if (before)
			before();
		if (c->prepare)
			c->prepare();
		cycles = count(c->run, &result);
		if (result)
			errx(TK_EXIT_FAILURE, "%s: %s", c->name, strerror(-(int)result));
		if (i >= WARM_UP)
			took[i - WARM_UP] = cycles - overhead;
	}
	return tk_median(took, CALLS);
}

/* "write WHERE OTHERS TIMERS VALUE NAME" */
static void figure(const char *where, long others, long timers, double value, const char *name)
{
	tk_say("%-6s %5ld others, %5ld timers there: %8.0f  %s", where, others, timers, value,
	       name);
	tk_fact("write %s %ld %ld %.0f %s", where, others, timers, value, name);
}

static void set_status(int status)
{
	struct timex tx = { .modes = ADJ_STATUS, .status = status };

	if (adjtimex(&tx) < 0)
		err(TK_EXIT_FAILURE, "adjtimex(ADJ_STATUS, %d)", status);
}

/* No steering left: what is measured next is to start as this did. */
static void calm(void)
{
	struct timex tx = {
		.modes	= ADJ_OFFSET | ADJ_FREQUENCY | ADJ_TICK,
		.tick	= 10000,
	};

	if (adjtimex(&tx) < 0)
		err(TK_EXIT_FAILURE, "adjtimex, to steer no more");
	set_status(STA_UNSYNC);
}

static void all_calls(const char *where, long others)
{
	unsigned int i;

	set_status(STA_PLL);
	for (i = 0; i < NR_CALLS; i++)
		figure(where, others, 0, cost_of(&calls[i], NULL), calls[i].name);
	calm();
}

/*
 * Timers in another namespace
 */

static int timers[TIMERS];

/* In the present namespace; a tenth of a second apart. */
static void arm_timers(void)
{
	int64_t start = tk_read(CLOCK_REALTIME) + FAR;
	unsigned int i;

	for (i = 0; i < TIMERS; i++) {
		int64_t ns = start + i * (TK_NSEC_PER_SEC / 10);
		struct itimerspec spec = {
			.it_value = {
				.tv_sec	 = ns / TK_NSEC_PER_SEC,
				.tv_nsec = ns % TK_NSEC_PER_SEC,
			},
		};

		timers[i] = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC);
		if (timers[i] < 0 || timerfd_settime(timers[i], TFD_TIMER_ABSTIME, &spec, NULL))
			err(TK_EXIT_FAILURE, "timer %u", i);
	}
}

static void close_timers(void)
{
	unsigned int i;

	for (i = 0; i < TIMERS; i++)
		if (close(timers[i]))
			err(TK_EXIT_FAILURE, "close");
}

/* The namespace @own, the host, with and without timers in another namespace. */
static void timers_elsewhere(int own)
{
	static const char name[] = "clock_settime among timers";
	unsigned int armed;

	for (armed = 0; armed < 2; armed++) {
		if (armed) {
			tk_enter(tk_held.fd[0]);
			arm_timers();
		}
		tk_enter(own);
		figure("own", tk_held.nr, armed * TIMERS, cost_of(&settime, NULL), name);
		tk_leave();
		figure("host", tk_held.nr, armed * TIMERS, cost_of(&settime, NULL), name);
		if (armed) {
			/* That they are where they are meant to be shows in the price there. */
			tk_enter(tk_held.fd[0]);
			figure("their", tk_held.nr, TIMERS, cost_of(&settime, NULL), name);
			tk_leave();
		}
	}
	close_timers();
}

/*
 * A storm before each call
 */

static int stormed, here;

static void only_visit(void)
{
	tk_enter(stormed);
	tk_enter(here);
}

static void storm_and_back(void)
{
	unsigned int i;

	tk_enter(stormed);
	for (i = 0; i < STORM_CALLS; i++) {
		prepare_time();
		if (set_time())
			errx(TK_EXIT_FAILURE, "clock_settime in a storm");
	}
	tk_enter(here);
}

/* What the call costs in @fd after a visit to the other namespace, and after a storm there. */
static void after_storm(const char *where, int fd, const struct call *c)
{
	char name[80];

	here = fd;
	tk_enter(fd);
	snprintf(name, sizeof(name), "%s, calm", c->name);
	figure(where, tk_held.nr, 0, cost_of(c, only_visit), name);
	snprintf(name, sizeof(name), "%s, storm elsewhere", c->name);
	figure(where, tk_held.nr, 0, cost_of(c, storm_and_back), name);
	tk_leave();
}

/*
 * The tick during a storm
 */

static long get_parent(void)
{
	return syscall(SYS_getppid) < 0;
}

/*
 * Calls as fast as possible. Those which a tick hits take longer, and by how much
 * is the tick. A kernel thread may run as well (TK_FOREIGN).
 */
static void ticks_of(const char *name, const struct call *c, const struct tk_counter *counter)
{
	static uint64_t took[TK_MAX_GAPS];
	uint64_t now, end, usual, limit;
	unsigned int i, nr = 0, foreign = 0;
	long long passes, calls_done = 0;
	double sum = 0;
	long result;

	usual = (uint64_t)cost_of(c, NULL) + overhead;
	memset(took, 0, sizeof(took));
	passes = tk_kernel_stat("passes");
	end = tk_cycles() + (uint64_t)((double)TICK_LOOK * counter->cycles_per_ns);
	do {
		uint64_t start;

		if (c->prepare)
			c->prepare();
		start = tk_cycles();
		result = c->run();
		now = tk_cycles();
		if (result)
			errx(TK_EXIT_FAILURE, "%s in a storm failed", c->name);
		calls_done++;
		if (now - start > usual + TICK_LEAST && nr < TK_MAX_GAPS)
			took[nr++] = now - start - usual;
	} while (now < end);
	passes = tk_kernel_stat("passes") - passes;
	if (!nr || nr == TK_MAX_GAPS)
		errx(TK_EXIT_FAILURE, "%s: %u interruptions: this is no tick", name, nr);
	qsort(took, nr, sizeof(took[0]), tk_by_length);
	limit = took[nr / 2] * TK_FOREIGN;
	for (i = 0; i < nr; i++) {
		if (took[i] > limit)
			foreign++;
		else
			sum += (double)took[i];
	}
	tk_say("tick, %s: median %.0f, mean %.0f instructions of %u; %lld calls; %.1f passes/s",
	       name, (double)took[nr / 2], sum / (nr - foreign), nr - foreign, calls_done,
	       (double)passes * TK_NSEC_PER_SEC / TICK_LOOK);
	tk_fact("tick %s %.0f %.1f %u %u %lld %.1f", name, (double)took[nr / 2],
		sum / (nr - foreign), nr, foreign, calls_done,
		(double)passes * TK_NSEC_PER_SEC / TICK_LOOK);
}

static void count_all(const struct tk_counter *counter, unsigned int nr_numbers)
{
	const struct call empty = { "nothing", NULL, nothing };
	static const struct call other = { "getppid", NULL, get_parent };
	unsigned int i;
	int own;

	overhead = (uint64_t)cost_of(&empty, NULL);
	all_calls("host", 0);
	if (!feature)
		return;
	for (i = 0; i < nr_numbers; i++) {
		tk_hold(numbers[i]);
		tk_settle(counter);
		tk_require_owners(numbers[i]);
		/* The first figures of the host are those with no owner at all. */
		if (numbers[i])
			all_calls("host", numbers[i]);
		own = tk_new_owner(numbers[i]);
		tk_enter(own);
		all_calls("own", numbers[i]);
		tk_leave();
		tk_require_owners(numbers[i] + 1);
		if (close(own))
			err(TK_EXIT_FAILURE, "close");
	}
	tk_claim(true, "all calls did what they were meant to do, among up to %ld other owners",
		 numbers[nr_numbers - 1]);

	tk_hold(TICK_OTHERS);
	own = tk_new_owner(TICK_OTHERS);
	timers_elsewhere(own);
	stormed = own;
	after_storm("own", tk_held.fd[0], &settime);
	after_storm("own", tk_held.fd[0], &gettime);
	after_storm("host", tk_held.initial, &gettime);
	tk_enter(own);
	/* Twice, by turns: what else differs from one look to the next is then seen as well. */
	for (i = 0; i < 2; i++) {
		tk_settle(counter);
		ticks_of(i ? "calm-2" : "calm-1", &other, counter);
		tk_settle(counter);
		ticks_of(i ? "storm-2" : "storm-1", &settime, counter);
	}
	tk_leave();
	tk_require_owners(TICK_OTHERS + 1);
	close(own);
	tk_hold(0);
}

/*
 * Two CPUs
 */

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(TK_EXIT_FAILURE, "sched_setaffinity: CPU %d", cpu);
}

/*
 * A child of this program, and what it has done so far.
 */

static volatile uint64_t *rounds;
static pid_t child;

static bool fork_child(int cpu, int fd)
{
	if (!rounds)
		rounds = tk_shared_counter();
	*rounds = 0;
	child = fork();
	if (child < 0)
		err(TK_EXIT_FAILURE, "fork");
	if (child)
		return false;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		err(TK_EXIT_FAILURE, "prctl");
	pin(cpu);
	tk_enter(fd);
	return true;
}

static void end_child(const char *what)
{
	int status;

	if (kill(child, SIGKILL) || waitpid(child, &status, 0) != child)
		err(TK_EXIT_FAILURE, "the child which %s", what);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		errx(TK_EXIT_FAILURE, "the child which %s ended before its time", what);
}

/*
 * A task on CPU 0 which sleeps until a time of CLOCK_REALTIME a fifth of a second
 * ahead, over and over: nothing else is to happen earlier on its CPU. A step of
 * its clock makes the timer come nearer, of which the kernel has to tell that
 * CPU. A step of any other clock does not concern it.
 */
static void start_sleeper(int fd)
{
	if (!fork_child(0, fd))
		return;
	for (;; ++*rounds) {
		int64_t until = tk_read(CLOCK_REALTIME) + TK_NSEC_PER_SEC / 5;
		const struct timespec ts = {
			.tv_sec	 = until / TK_NSEC_PER_SEC,
			.tv_nsec = until % TK_NSEC_PER_SEC,
		};
		int ret = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &ts, NULL);

		if (ret)
			errx(TK_EXIT_FAILURE, "clock_nanosleep: %s", strerror(ret));
	}
}

static const char * const lines[] = { "CAL", "RES", "TLB" };

#define NR_LINES	(sizeof(lines) / sizeof(lines[0]))

/* Of CPU 0 since boot: its column is the first. */
static uint64_t interrupts(unsigned int line)
{
	char key[16];

	snprintf(key, sizeof(key), "%s:", lines[line]);
	return (uint64_t)tk_require_number("/proc/interrupts", key);
}

/*
 * The kernel's own trace of the interrupts which it sends from one CPU to another:
 * only those by this task, and not by a tick or another interrupt which it happens
 * to be under. /proc/interrupts counts what they wake on CPU 0, too.
 */
#define TRACING		"/sys/kernel/tracing"

/* Neither hardirq nor softirq (enum trace_flag_type of the kernel) */
#define OF_A_CALL	"!(common_flags & 24)"

/* Turning it on and off patches the kernel, for which the CPUs are interrupted as well. */
static void trace_ipis(bool on)
{
	static const char * const events[] = { "ipi_send_cpu", "ipi_send_cpumask" };
	char path[96], text[32];
	unsigned int i;

	snprintf(text, sizeof(text), "%d", (int)getpid());
	tk_write_file(TRACING "/set_event_pid", text);
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), TRACING "/events/ipi/%s/filter", events[i]);
		tk_write_file(path, OF_A_CALL);
		snprintf(path, sizeof(path), TRACING "/events/ipi/%s/enable", events[i]);
		tk_write_file(path, on ? "1" : "0");
	}
}

/* Since the trace was turned on: those in the buffer, and those which had to make room. */
static uint64_t traced_ipis(void)
{
	return (uint64_t)(tk_require_number(TRACING "/per_cpu/cpu1/stats", "entries:") +
			  tk_require_number(TRACING "/per_cpu/cpu1/stats", "overrun:"));
}

/*
 * What CPU 0 gets to do while CPU 1 makes these calls in @fd, and a task on it sleeps
 * in @sleeper.
 */
static void disturb(const char *name, const struct call *c, int fd, int sleeper)
{
	uint64_t more[NR_LINES][IPI_ROUNDS], woken[IPI_ROUNDS], sent[IPI_ROUNDS];
	unsigned int i, round;
	long n;

	pin(1);
	tk_enter(fd);
	start_sleeper(sleeper);
	for (round = 0; round < IPI_ROUNDS; round++) {
		/* What entering a namespace and changing the CPU left behind is over. */
		tk_sleep_until(tk_read(CLOCK_MONOTONIC) + TK_NSEC_PER_SEC / 2);
		woken[round] = *rounds;
		for (i = 0; i < NR_LINES; i++)
			more[i][round] = interrupts(i);
		sent[round] = traced_ipis();
		for (n = 0; n < IPI_CALLS; n++) {
			if (c->prepare)
				c->prepare();
			if (c->run())
				errx(TK_EXIT_FAILURE, "%s failed", c->name);
		}
		sent[round] = traced_ipis() - sent[round];
		for (i = 0; i < NR_LINES; i++)
			more[i][round] = interrupts(i) - more[i][round];
		woken[round] = *rounds - woken[round];
	}
	if (!*rounds)
		errx(TK_EXIT_FAILURE, "%s: the sleeper on CPU 0 never woke", name);
	end_child("sleeps");
	tk_leave();
	for (i = 0; i < NR_LINES; i++) {
		double median = tk_median(more[i], IPI_ROUNDS);
		double least = (double)more[i][0], most = (double)more[i][IPI_ROUNDS - 1];

		tk_say("%-28s %d calls on CPU 1: %.0f %s on CPU 0 (%.0f to %.0f)", name,
		       IPI_CALLS, median, lines[i], least, most);
		tk_fact("ipi %s %s %.0f %.0f %.0f", name, lines[i], median, least, most);
	}
	tk_say("%-28s the calls sent %.0f interrupts", name,
	       tk_median(sent, IPI_ROUNDS));
	tk_fact("ipi %s sent %.0f", name, tk_median(sent, IPI_ROUNDS));
	tk_say("%-28s the sleeper woke %.0f times", name, tk_median(woken, IPI_ROUNDS));
	tk_fact("ipi %s woken %.0f", name, tk_median(woken, IPI_ROUNDS));
}

/*
 * The passes of the others in a span of time; with the storm of a child in @fd on
 * CPU 1, if it is a namespace.
 */
static void watch(const char *name, long seconds, int fd)
{
	static const char * const keys[] = { "passes", "busy", "carried", "steps" };
	long long value[4];
	int64_t start, took;
	double length;
	unsigned int i;

	if (fd >= 0 && fork_child(1, fd)) {
		for (;;) {
			prepare_time();
			if (set_time())
				errx(TK_EXIT_FAILURE, "clock_settime in a storm");
		}
	}
	/* Not asleep: an idle CPU has no tick. */
	start = tk_read(CLOCK_MONOTONIC);
	while (tk_read(CLOCK_MONOTONIC) < start + TK_NSEC_PER_SEC)
		;
	for (i = 0; i < 4; i++)
		value[i] = tk_kernel_stat(keys[i]);
	start = tk_read(CLOCK_MONOTONIC);
	do {
		took = tk_read(CLOCK_MONOTONIC) - start;
	} while (took < seconds * TK_NSEC_PER_SEC);
	for (i = 0; i < 4; i++)
		value[i] = tk_kernel_stat(keys[i]) - value[i];
	if (fd >= 0) {
		end_child("storms");
		if (value[3] < 100)
			errx(TK_EXIT_FAILURE, "a storm of %lld steps in %ld s is none", value[3],
			     seconds);
	}
	length = (double)took / TK_NSEC_PER_SEC;
	tk_say("%s: %.1f passes/s, %lld busy, %lld ticks over the budget; %lld steps in %.1f s",
	       name, (double)value[0] / length, value[1], value[2], value[3], length);
	tk_fact("watch %s %.2f %lld %lld %lld %.3f", name, (double)value[0] / length, value[1],
		value[2], value[3], length);
}

static void storm_all(long seconds)
{
	/* Takes about as long, and tells nobody. */
	static const struct call other = { "adjtimex(0)", prepare_nothing, adjust };
	int host = tk_held.initial, own;

	if (sysconf(_SC_NPROCESSORS_ONLN) != 2)
		errx(TK_EXIT_FAILURE, "%ld CPUs are online, two are wanted",
		     sysconf(_SC_NPROCESSORS_ONLN));
	trace_ipis(true);
	disturb("reading,sleeper-on-host", &other, host, host);
	disturb("host,sleeper-on-host", &settime, host, host);
	if (feature) {
		tk_hold(TICK_OTHERS);
		own = tk_new_owner(TICK_OTHERS);
		tk_require_owners(TICK_OTHERS + 1);
		disturb("own,sleeper-on-host", &settime, own, host);
		disturb("own,sleeper-in-another", &settime, own, tk_held.fd[0]);
		disturb("own,sleeper-in-same", &settime, own, own);

		pin(0);
		watch("calm", seconds, -1);
		watch("storm", seconds, own);
		tk_require_owners(TICK_OTHERS + 1);
		close(own);
		tk_hold(0);
	}
	trace_ipis(false);
	tk_claim(true, "interrupts of the other CPU were counted");
}

int main(int argc, char **argv)
{
	int64_t others = 0, storm = 0;
	const struct tk_option options[] = {
		TK_FACTS,
		TK_NUMBER("others", &others, 1, 20000),
		TK_NUMBER("storm", &storm, 1, 3600),
		TK_NO_MORE
	};
	unsigned int nr_numbers = NR_NUMBERS;
	struct tk_counter counter;

	tk_parse_options(argc, argv, options,
			 "[--facts FILE] [--others N | --storm SECONDS]\n"
			 "Instructions of setting and steering a clock; with --storm: whom it disturbs.\n"
			 "--others: with 0 and N other owners instead of 0, 100, 1000 and 5000. Root only.\n",
			 TK_NOTHING);
	if (others) {
		/* The largest number only. */
		numbers[1] = (long)others;
		nr_numbers = 2;
	}
	tk_start();
	feature = tk_tell_kernel("writes");
	tk_hold_start(numbers[nr_numbers - 1] > TICK_OTHERS ? numbers[nr_numbers - 1] :
		      TICK_OTHERS, TIMERS);
	if (storm) {
		storm_all(storm);
	} else {
		tk_calibrate(&counter);
		if (!tk_claim(counter.exact, "the cycle counter counts instructions"))
			return TK_EXIT_FAILURE;
		count_all(&counter, nr_numbers);
	}
	tk_end();
	return 0;
}
