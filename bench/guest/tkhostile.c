// SPDX-License-Identifier: GPL-2.0
/*
 * tkhostile - what an owner of a clock who means harm takes from others
 *
 * Owning a clock needs no privilege on the host. Each row below is an attack by an
 * ordinary user, and somebody who has to suffer it: a program of the host that only counts
 * (victim.h), an idle machine, or another user's clock. The same is measured beside a base,
 * which is the same program in the initial namespace where that can be run there, and else
 * as many time namespaces that follow the host, or no attack at all:
 *
 *	   base                             attack
 *	   victim alone beside              victim beside the program in a namespace
 *	   the program on the host          that owns its clock
 *	      |                                |
 *	      +---- more than, or percent -----+---> limit of /usr/share/timens/hostile-limits
 *
 * The machine counts its time in instructions (QEMU -icount), so that figures are exact and
 * the limits are judged by this program, as results of a test.
 *
 * With --other-cpu it is another machine, with two CPUs and real time: the calls
 * are counted which one CPU asks of the other by an interrupt.
 *
 * Facts, a line for each figure:
 *
 *	hostile KEY ATTACK BASE FIGURE TEST LIMIT UNIT VERDICT MEANING...
 *	size ROW NUMBER
 */
#define _GNU_SOURCE
#include <limits.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/timex.h>

#include "debugfs.h"
#include "results.h"
#include "victim.h"

#define LIMITS		"/usr/share/timens/hostile-limits"
#define CLOCKSOURCE	"/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define INTERRUPTS	"/proc/interrupts"
#define TRACING		"/sys/kernel/tracing"
#define INSTANCE	TRACING "/instances/tkhostile"

/* The fastest clock that there is */
#define FASTEST		"rate 2000"

/* Nothing of it expires while the program runs. */
#define FAR		(100000 * TK_NSEC_PER_SEC)

/* How long a victim looks, how long an idle machine is looked at, and how long churning lasts */
#define LOOK		(TK_NSEC_PER_SEC / 2)
#define IDLE_LOOK	(60 * TK_NSEC_PER_SEC)
#define CHURN		(TK_NSEC_PER_SEC / 2)

/* What a look waits for before it starts: the ends of namespaces, and two passes of each */
#define CALM_DOWN	(2 * TK_NSEC_PER_SEC)

/* Calls of which the median is taken */
#define CALLS		21

/* Suspends, and changes of the clocksource, of which the median is taken: an interrupt more or less in one is a fifth of it */
#define SUSPENDS	9
#define CHANGES		9

/* Rounds whose interrupts are counted on a machine with two CPUs */
#define ROUNDS		200

/* 2027-06-15 00:00 UTC: some midnight, at any of which the kernel leaps */
#define MIDNIGHT	(1813017600LL * TK_NSEC_PER_SEC)

/*
 * Limits
 */

enum test {
	AT_MOST,	/* what the attack makes it */
	MORE,		/* by how much that is above the base */
	PERCENT,	/* the same, of the base */
};

static const char *const test_names[] = {
	[AT_MOST] = "at-most",
	[MORE]	  = "more",
	[PERCENT] = "percent",
};

static struct limit {
	char key[32];
	enum test test;
	double most;
	char unit[16];
	char meaning[160];
	bool judged;
} limits[64];

static unsigned int nr_limits;
static bool all_hold = true;

static void read_limits(void)
{
	FILE *file = fopen(LIMITS, "re");
	struct limit *limit;
	char line[320], test[16];

	if (!file)
		err(TK_EXIT_FAILURE, LIMITS);
	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (nr_limits == sizeof(limits) / sizeof(limits[0]))
			errx(TK_EXIT_FAILURE, LIMITS ": more than %u limits", nr_limits);
		limit = &limits[nr_limits++];
		if (sscanf(line, "%31s %15s %lf %15s %159[^\n]", limit->key, test, &limit->most,
			   limit->unit, limit->meaning) != 5)
			errx(TK_EXIT_FAILURE, LIMITS ": not a limit: %s", line);
		for (limit->test = 0; strcmp(test_names[limit->test], test); limit->test++)
			if (limit->test == PERCENT)
				errx(TK_EXIT_FAILURE, LIMITS ": no test '%s'", test);
	}
	fclose(file);
}

/* What is between the two is compared with the limit of that name. */
static void judge(const char *key, double attack, double base)
{
	struct limit *limit = limits;
	double figure = attack;
	bool holds;

	while (strcmp(limit->key, key))
		if (++limit == limits + nr_limits)
			errx(TK_EXIT_FAILURE, LIMITS ": no limit '%s'", key);
	if (limit->test != AT_MOST)
		figure -= base;
	if (limit->test == PERCENT)
		figure = figure * 100 / base;
	holds = figure <= limit->most;
	all_hold &= holds;
	limit->judged = true;
	tk_claim(holds, "%s: %s: %.10g, base %.10g; %.6g%s where at most %.6g is allowed", key,
		 limit->meaning, attack, base, figure,
		 limit->test == PERCENT ? " % more" : limit->test == MORE ? " more" : "",
		 limit->most);
	tk_fact("hostile %s %.10g %.10g %.10g %s %.10g %s %s %s", key, attack, base, figure,
		test_names[limit->test], limit->most, limit->unit, holds ? "met" : "exceeded",
		limit->meaning);
}

/*
 * The machine
 */

static struct tk_counter counter;
static bool whole;

/* Results of children */
static volatile double *shared;

static void *share(size_t size)
{
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		err(TK_EXIT_FAILURE, "mmap");
	return page;
}

static long size_of(const char *row, long test, long all)
{
	long size = whole ? all : test;

	tk_fact("size %s %ld", row, size);
	return size;
}

static void sleep_for(int64_t ns)
{
	tk_sleep_until(tk_read(CLOCK_MONOTONIC) + ns);
}

static void spin_for(int64_t ns)
{
	uint64_t end = tk_cycles() + (uint64_t)((double)ns * counter.cycles_per_ns);

	do {
		TK_NOPS(TK_NOPS_LONG);
	} while (tk_cycles() < end);
}

/* A namespace ends behind the end of its last process. */
static void end_attack(pid_t pid)
{
	tk_attack_end(pid);
	while (tk_kernel_stat("own"))
		sleep_for(TK_NSEC_PER_SEC / 100);
}

/* Before all other tasks: each interruption is one with interrupts off, or a softirq. */
static void look_first(struct tk_victim *victim, int64_t ns)
{
	static const struct sched_param first = { .sched_priority = 99 }, usual;

	if (sched_setscheduler(0, SCHED_FIFO, &first))
		err(TK_EXIT_FAILURE, "sched_setscheduler(SCHED_FIFO)");
	tk_victim_look(victim, ns, &counter);
	if (sched_setscheduler(0, SCHED_OTHER, &usual))
		err(TK_EXIT_FAILURE, "sched_setscheduler(SCHED_OTHER)");
}

/* Beside all that wants to run for what is lost, before it for the longest interruption */
static void look(struct tk_victim *victim)
{
	struct tk_victim alone;

	spin_for(TK_NSEC_PER_SEC / 10);
	tk_victim_look(victim, LOOK, &counter);
	look_first(&alone, LOOK);
	victim->longest = alone.longest;
	tk_say("victim: %.3f %% of its time lost, longest interruption %.1f us", victim->lost,
	       victim->longest);
}

/* A line of /proc/interrupts, over all CPUs, or of the one with that number */
static double interrupts(const char *name, int cpu)
{
	FILE *file = fopen(INTERRUPTS, "re");
	char line[512], *word, *rest;
	double sum = 0;
	bool found = false;
	int i;

	if (!file)
		err(TK_EXIT_FAILURE, INTERRUPTS);
	while (!found && fgets(line, sizeof(line), file)) {
		word = strtok_r(line, " \t\n", &rest);
		if (!word || strncmp(word, name, strlen(name)) || word[strlen(name)] != ':')
			continue;
		found = true;
		for (i = 0; (word = strtok_r(NULL, " \t\n", &rest)) && isdigit((unsigned char)*word); i++)
			if (cpu < 0 || cpu == i)
				sum += (double)tk_parse_number(INTERRUPTS, word, 0, LLONG_MAX);
	}
	fclose(file);
	if (!found)
		errx(TK_EXIT_FAILURE, INTERRUPTS " has no line %s", name);
	return sum;
}

/*
 * Attacks
 */

static void steer(const char *what, unsigned int modes, long offset, int status, long constant)
{
	struct timex tx = { .modes = modes, .offset = offset, .status = status, .constant = constant };

	if (adjtimex(&tx) < 0)
		err(TK_EXIT_FAILURE, "%s", what);
}

/* As adjtime() of the C library does, with as much as there is */
static void slew_for_ever(void)
{
	steer("adjtime", ADJ_OFFSET_SINGLESHOT, LONG_MAX, 0, 0);
}

static void slew_by_pll(void)
{
	steer("adjtimex(ADJ_OFFSET)", ADJ_OFFSET | ADJ_STATUS | ADJ_TIMECONST | ADJ_NANO, 500000000,
	      STA_PLL, 10);
}

/* Sets the clock of the present namespace by no more than it takes. */
static void own(void)
{
	steer("adjtimex(ADJ_FREQUENCY)", ADJ_FREQUENCY, 0, 0, 0);
}

struct crowd {
	long number;
	bool owns;
	/* For timens_clock, NULL: none */
	const char *command;
	void (*steer)(void);
};

/*
 * Many namespaces, each held by a descriptor. Nobody is allowed to go back to the initial
 * one, so each is made in the one before, with what that one's clock is at.
 */
static void make_crowd(const void *arg)
{
	const struct crowd *crowd = arg;
	long i;

	tk_become_container(TK_HOSTILE_UID);
	for (i = 0; i < crowd->number; i++) {
		tk_enter_new_time_ns(NULL);
		if (crowd->owns)
			own();
		if (crowd->command)
			tk_write_file(TK_CLOCK_FILE, crowd->command);
		if (crowd->steer)
			crowd->steer();
	}
}

static pid_t start_crowd(const struct crowd *crowd)
{
	pid_t pid = tk_attack_start(make_crowd, crowd);

	tk_require_owners(crowd->owns ? crowd->number : 0);
	return pid;
}

struct timers {
	long number;
	/* On a clock of its own, as fast as there is; else in the initial namespace */
	bool own;
};

/* Periodic ones, as often as can be said, whose signal is ignored */
static void make_timers(const void *arg)
{
	const struct itimerspec often = { .it_value = { .tv_nsec = 1 }, .it_interval = { .tv_nsec = 1 } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	const struct timers *timers = arg;
	timer_t *timer;
	long i;

	if (timers->own) {
		tk_become_container(TK_HOSTILE_UID);
		tk_enter_new_time_ns(NULL);
		tk_write_file(TK_CLOCK_FILE, FASTEST);
	} else {
		tk_become_user(TK_HOSTILE_UID);
	}
	signal(SIGUSR1, SIG_IGN);
	timer = calloc((size_t)timers->number, sizeof(*timer));
	if (!timer)
		err(TK_EXIT_FAILURE, "memory for timers");
	for (i = 0; i < timers->number; i++)
		if (timer_create(CLOCK_MONOTONIC, &event, &timer[i]))
			err(TK_EXIT_FAILURE, "timer_create, timer %ld", i);
	for (i = 0; i < timers->number; i++)
		if (timer_settime(timer[i], 0, &often, NULL))
			err(TK_EXIT_FAILURE, "timer_settime, timer %ld", i);
}

struct files {
	long number;
	int flags;
	/* In a namespace that follows the host, else in the initial one */
	bool follow;
};

static void arm_files(const struct files *files)
{
	struct itimerspec far = { 0 };
	long i;
	int fd;

	far.it_value = tk_timespec(tk_read(CLOCK_REALTIME) + FAR);
	for (i = 0; i < files->number; i++) {
		fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC);
		if (fd < 0)
			err(TK_EXIT_FAILURE, "timerfd_create, descriptor %ld", i);
		if (timerfd_settime(fd, TFD_TIMER_ABSTIME | files->flags, &far, NULL))
			err(TK_EXIT_FAILURE, "timerfd_settime, descriptor %ld", i);
	}
}

static void make_files(const void *arg)
{
	const struct files *files = arg;

	if (files->follow) {
		tk_become_container(TK_HOSTILE_UID);
		tk_enter_new_time_ns(NULL);
	} else {
		tk_become_user(TK_HOSTILE_UID);
	}
	arm_files(files);
}

/*
 * Rows
 */

static void with_timers(struct tk_victim *victim, long number, bool own_clock)
{
	struct timers timers = { .number = number, .own = own_clock };
	pid_t pid = tk_attack_start(make_timers, &timers);

	look(victim);
	end_attack(pid);
}

static void timers_row(const char *loss, const char *stall, long number)
{
	struct tk_victim attack, base;

	with_timers(&base, number, false);
	with_timers(&attack, number, true);
	judge(loss, attack.lost, base.lost);
	judge(stall, attack.longest, base.longest);
}

static void row_timers(void)
{
	timers_row("timer-1.loss", "timer-1.stall", 1);
	timers_row("timer-100.loss", "timer-100.stall", 100);
	timers_row("timer-many.loss", "timer-many.stall", size_of("timers", 2000, 2000));
}

/* Nobody runs. */
static double idle_interrupts(void)
{
	double before;

	sleep_for(CALM_DOWN);
	before = interrupts("LOC", -1);
	sleep_for(IDLE_LOOK);
	return (interrupts("LOC", -1) - before) * TK_NSEC_PER_SEC / IDLE_LOOK;
}

/* What owners need for being owners, and what the fastest of clocks add to that */
static void row_idle(void)
{
	struct crowd crowd = { .number = size_of("idle", 300, 300), .owns = true };
	double base = idle_interrupts(), plain;
	pid_t pid = start_crowd(&crowd);

	plain = idle_interrupts();
	end_attack(pid);
	judge("idle.plain", plain, base);
	crowd.command = FASTEST;
	pid = start_crowd(&crowd);
	judge("idle.fast", idle_interrupts(), plain);
	end_attack(pid);
}

static void beside_crowd(struct tk_victim *victim, const struct crowd *crowd)
{
	pid_t pid = start_crowd(crowd);

	sleep_for(CALM_DOWN);
	look(victim);
	end_attack(pid);
}

static void row_slew(void)
{
	const long number = size_of("slew", 500, 1000);
	const struct crowd followers = { .number = number };
	const struct crowd single = { .number = number, .owns = true, .command = FASTEST, .steer = slew_for_ever };
	const struct crowd pll = { .number = number, .owns = true, .command = FASTEST, .steer = slew_by_pll };
	struct tk_victim attack, base;

	beside_crowd(&base, &followers);
	beside_crowd(&attack, &single);
	judge("slew-single.loss", attack.lost, base.lost);
	judge("slew-single.stall", attack.longest, base.longest);
	beside_crowd(&attack, &pll);
	judge("slew-pll.loss", attack.lost, base.lost);
	judge("slew-pll.stall", attack.longest, base.longest);
}

/* What the present namespace's REALTIME is ahead of the host's, at one value of the counter */
static int64_t ahead(void)
{
	long long sec, nsec;
	char line[96];
	bool found = false;
	FILE *file;

	file = fopen(TK_CLOCK_FILE, "re");
	if (!file)
		err(TK_EXIT_FAILURE, TK_CLOCK_FILE);
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "realtime %lld %lld", &sec, &nsec) == 2;
	fclose(file);
	if (!found)
		errx(TK_EXIT_FAILURE, TK_CLOCK_FILE " has no line 'realtime'");
	return sec * TK_NSEC_PER_SEC + nsec;
}

#define SLEW_US		2000
/* adjtime() goes at 500 us a second */
#define SLEW_SECONDS	(SLEW_US / 500)

/*
 * A well-behaved owner slews. shared[0]: how far beyond it goes, or is not where it is meant
 * to be at the end, whichever is more, in ns; shared[1]: how far it got
 */
static void slew_a_little(const void *arg)
{
	int64_t start, end, worst = 0, off;

	(void)arg;
	tk_become_container(TK_HONEST_UID);
	tk_enter_new_time_ns(NULL);
	own();
	start = ahead();
	steer("adjtime", ADJ_OFFSET_SINGLESHOT, SLEW_US, 0, 0);
	end = tk_read(CLOCK_MONOTONIC_RAW) + (SLEW_SECONDS + 3) * TK_NSEC_PER_SEC;
	while (tk_read(CLOCK_MONOTONIC_RAW) < end) {
		off = ahead() - start - SLEW_US * 1000;
		if (off > worst)
			worst = off;
		spin_for(TK_NSEC_PER_SEC / 500);
	}
	off = ahead() - start - SLEW_US * 1000;
	if (-off > worst)
		worst = -off;
	shared[0] = (double)worst;
	shared[1] = (double)(off + SLEW_US * 1000);
}

static double overshoot(void)
{
	tk_run_child(slew_a_little, NULL);
	tk_say("a slew of %d us: by %.0f ns at the end, off by up to %.0f ns", SLEW_US, shared[1],
	       shared[0]);
	return shared[0];
}

static void row_overshoot(void)
{
	const struct crowd crowd = {
		.number	 = size_of("overshoot", 2000, 8000),
		.owns	 = true,
		.command = FASTEST,
		.steer	 = slew_for_ever,
	};
	double base = overshoot();
	pid_t pid = start_crowd(&crowd);

	judge("overshoot", overshoot(), base);
	end_attack(pid);
}

#define STILL_LOOK	(10 * TK_NSEC_PER_SEC)

/*
 * A well-behaved owner slews, so that its line ends each second, and reads its coarse clock,
 * which stands there until the pass comes. Nothing else that it does brings its clock forward.
 * shared[0]: how long that clock stood still at most, in ms
 */
static void read_coarse(const void *arg)
{
	const double per_ms = counter.cycles_per_ns * TK_NSEC_PER_SEC / 1000;
	uint64_t start, now, moved, worst = 0;
	int64_t last, coarse;

	(void)arg;
	tk_become_container(TK_HONEST_UID);
	tk_enter_new_time_ns(NULL);
	slew_for_ever();
	last = tk_read(CLOCK_MONOTONIC_COARSE);
	start = tk_cycles();
	moved = start;
	do {
		coarse = tk_read(CLOCK_MONOTONIC_COARSE);
		now = tk_cycles();
		if (now - moved > worst)
			worst = now - moved;
		if (coarse != last)
			moved = now;
		last = coarse;
		TK_NOPS(TK_NOPS_LONG);
	} while ((double)(now - start) < (double)STILL_LOOK * counter.cycles_per_ns);
	shared[0] = (double)worst / per_ms;
}

/*
 * Each of a crowd has its clock from the one before, so the seconds of all of them end at
 * the same instant, which is when the victim's do.
 */
static void row_share(void)
{
	const struct crowd crowd = {
		.number	 = size_of("share", 4000, 10000),
		.owns	 = true,
		.steer	 = slew_for_ever,
	};
	double base;
	pid_t pid;

	tk_run_child(read_coarse, NULL);
	base = shared[0];
	pid = start_crowd(&crowd);
	tk_run_child(read_coarse, NULL);
	judge("share.still", shared[0], base);
	end_attack(pid);
}

/* Most steps in one tick; the kernel counts again from zero when the budget is set */
static long long most_steps(void)
{
	static long long most;
	long long now = tk_kernel_stat("max_batch");

	if (now > most)
		most = now;
	return most;
}

static void set_budget(long long steps)
{
	char text[32];

	most_steps();
	snprintf(text, sizeof(text), "%lld", steps);
	tk_write_file(TK_DEBUG_DIR "/budget", text);
}

#define BEFORE		(5 * TK_NSEC_PER_SEC)
#define BEHIND		(5 * TK_NSEC_PER_SEC)

/*
 * An owner reads its clock over a leap second, in threes: by system call, vDSO, system call.
 * shared[0]: how far outside of the other two the second one was, in ns; shared[1]: how often
 * the clock of the vDSO went back; shared[2]: how far TAI of the vDSO went back, in ns.
 */
static void leap(const void *arg)
{
	const struct timespec start = tk_timespec(MIDNIGHT - BEFORE);
	int64_t first, page, last, before = 0, tai, tai_before = 0, off, worst = 0, tai_back = 0;
	struct timex tx = { .modes = ADJ_STATUS, .status = STA_INS };
	unsigned int back = 0;

	(void)arg;
	tk_become_container(TK_HONEST_UID);
	tk_enter_new_time_ns(NULL);
	if (clock_settime(CLOCK_REALTIME, &start))
		err(TK_EXIT_FAILURE, "clock_settime");
	if (adjtimex(&tx) < 0)
		err(TK_EXIT_FAILURE, "adjtimex(STA_INS)");
	do {
		first = tk_read_kernel(CLOCK_REALTIME);
		page = tk_read(CLOCK_REALTIME);
		last = tk_read_kernel(CLOCK_REALTIME);
		tai = tk_read(CLOCK_TAI);
		if (last >= first) {
			off = page < first ? first - page : page > last ? page - last : 0;
			if (off > worst)
				worst = off;
		}
		back += page < before;
		if (tai < tai_before && tai_before - tai > tai_back)
			tai_back = tai_before - tai;
		before = page;
		tai_before = tai;
		TK_NOPS(TK_NOPS_LONG);
	} while (last < MIDNIGHT + BEHIND);
	shared[0] = (double)worst;
	shared[1] = back;
	shared[2] = (double)tai_back;
}

static void row_leap(void)
{
	const struct crowd crowd = { .number = size_of("leap", 6000, 8000), .owns = true };
	long long budget = tk_read_knob("budget");
	double base[3], attack[3];
	pid_t pid;

	tk_run_child(leap, NULL);
	memcpy(base, (const void *)shared, sizeof(base));
	pid = start_crowd(&crowd);
	set_budget(1);
	/* All are late by then. */
	spin_for(TK_NSEC_PER_SEC);
	tk_run_child(leap, NULL);
	memcpy(attack, (const void *)shared, sizeof(attack));
	set_budget(budget);
	end_attack(pid);
	judge("leap.apart", attack[0], base[0]);
	judge("leap.back", attack[1], base[1]);
	judge("leap.tai", attack[2], base[2]);
}

/* Instructions of clock_settime() in the present namespace, to what it shows */
static double settime_cost(void)
{
	uint64_t took[CALLS], start, empty;
	struct timespec now;
	unsigned int i;

	for (i = 0; i < CALLS; i++) {
		clock_gettime(CLOCK_REALTIME, &now);
		start = tk_cycles();
		empty = tk_cycles() - start;
		start = tk_cycles();
		if (syscall(SYS_clock_settime, CLOCK_REALTIME, &now))
			err(TK_EXIT_FAILURE, "clock_settime");
		took[i] = tk_cycles() - start - empty;
	}
	return tk_median(took, CALLS);
}

static void set_own_clock(const void *arg)
{
	(void)arg;
	tk_become_container(TK_HONEST_UID);
	tk_enter_new_time_ns(NULL);
	own();
	shared[0] = settime_cost();
}

static void row_cancel(void)
{
	const struct files files = { .number = size_of("cancel", 5000, 50000), .flags = TFD_TIMER_CANCEL_ON_SET };
	double base;
	pid_t pid;

	tk_run_child(set_own_clock, NULL);
	base = shared[0];
	pid = tk_attack_start(make_files, &files);
	tk_run_child(set_own_clock, NULL);
	judge("cancel.set", shared[0], base);
	end_attack(pid);
}

static double beside_files(const struct files *files)
{
	pid_t pid = tk_attack_start(make_files, files);
	double cost = settime_cost();

	end_attack(pid);
	return cost;
}

static void row_follower(void)
{
	struct files files = { .number = size_of("follower", 10000, 100000) };
	double base = beside_files(&files);

	files.follow = true;
	judge("follower.set", beside_files(&files), base);
}

/*
 * Create, arm a timer, own, use all that has a key of its own, give back, own again, arm, and
 * destroy; without what is about owning where that is the base.
 */
static void live_once(const void *arg)
{
	const struct files one = { .number = 1 };
	const bool *owns = arg;

	tk_become_container(TK_HOSTILE_UID);
	tk_enter_new_time_ns(NULL);
	arm_files(&one);
	if (*owns) {
		own();
		tk_write_file(TK_CLOCK_FILE, "leap smear google");
		tk_write_file(TK_CLOCK_FILE, "rate 2");
		tk_write_file(TK_CLOCK_FILE, "follow");
		own();
	}
	arm_files(&one);
}

static long long churn(bool owns)
{
	long long before = tk_kernel_stat("patched");
	int64_t end = tk_read(CLOCK_MONOTONIC) + CHURN;
	long rounds = 0;

	do {
		tk_run_child(live_once, &owns);
		rounds++;
	} while (tk_read(CLOCK_MONOTONIC) < end);
	before = tk_kernel_stat("patched") - before;
	tk_say("%ld rounds of create, %sdestroy: text patched %lld times", rounds,
	       owns ? "own, " : "", before);
	sleep_for(CALM_DOWN);
	return before;
}

static void row_churn(void)
{
	double base = (double)churn(false);

	judge("churn.patched", (double)churn(true), base);
}

/*
 * What is asked of the other CPU by function-call interrupts. The scheduler uses them as well, to wake a task there
 * and to have idle CPUs balance: a namespace which goes wakes a worker, a grace period of RCU its thread, as any
 * pipe between two tasks would. These are counted apart.
 */
static void trace_calls(void)
{
	if (mount("tracefs", TRACING, "tracefs", 0, NULL) && errno != EBUSY)
		err(TK_EXIT_FAILURE, "mounting " TRACING);
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		err(TK_EXIT_FAILURE, INSTANCE);
	tk_write_file(INSTANCE "/events/csd/csd_queue_cpu/filter",
		      "cpu == 1 && func.function != sched_ttwu_pending && func.function != nohz_csd_func");
	tk_write_file(INSTANCE "/events/csd/csd_queue_cpu/enable", "1");
}

/* Events in the buffers of all CPUs; none of them may have been overwritten */
static double traced_calls(void)
{
	static const char * const lost[] = { "overrun: ", "dropped events: " };
	char path[128], line[128];
	long long sum = 0;
	unsigned int cpu, i;
	FILE *file;

	for (cpu = 0; cpu < 2; cpu++) {
		snprintf(path, sizeof(path), INSTANCE "/per_cpu/cpu%u/stats", cpu);
		file = fopen(path, "re");
		if (!file)
			err(TK_EXIT_FAILURE, "%s", path);
		while (fgets(line, sizeof(line), file)) {
			line[strcspn(line, "\n")] = '\0';
			if (!strncmp(line, "entries: ", 9))
				sum += tk_parse_number(path, line + 9, 0, LLONG_MAX);
			for (i = 0; i < 2; i++)
				if (!strncmp(line, lost[i], strlen(lost[i])) && strcmp(line + strlen(lost[i]), "0"))
					errx(TK_EXIT_FAILURE, "%s: %s", path, line);
		}
		fclose(file);
	}
	return (double)sum;
}

/* Calls which are asked of the other CPU for a round, those of the scheduler apart */
static double churn_interrupts(bool owns)
{
	double all = interrupts("CAL", 1), calls = traced_calls();
	unsigned int i;

	for (i = 0; i < ROUNDS; i++)
		tk_run_child(live_once, &owns);
	calls = traced_calls() - calls;
	tk_say("%u rounds of %s: %.0f function-call interrupts of CPU 1, and %.0f calls asked of it which are not the scheduler's",
	       ROUNDS, owns ? "create, own, destroy" : "create, destroy", interrupts("CAL", 1) - all, calls);
	return calls / ROUNDS;
}

/*
 * Nothing counted is no call only where a call is counted. A tracepoint which is switched on is code which is
 * patched, and every CPU is asked to notice that.
 */
static void see_a_call(void)
{
	const char *event = INSTANCE "/events/alarmtimer/alarmtimer_suspend/enable";
	double calls = traced_calls();

	tk_write_file(event, "1");
	calls = traced_calls() - calls;
	tk_write_file(event, "0");
	tk_say("code patched once: %.0f calls asked of the other CPU", calls);
	if (calls < 1)
		errx(TK_EXIT_FAILURE, "a call which was asked of CPU 1 is not in the trace: none would be counted");
}

static void row_other_cpu(void)
{
	cpu_set_t first;
	double base;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (sched_setaffinity(0, sizeof(first), &first))
		err(TK_EXIT_FAILURE, "sched_setaffinity");
	trace_calls();
	see_a_call();
	base = churn_interrupts(false);
	judge("churn.interrupts", churn_interrupts(true), base);
}

/* How long it takes to change to that clocksource, in cycles */
static uint64_t choose(const char *name)
{
	uint64_t start = tk_cycles(), took;
	char now[32];
	ssize_t n;
	int fd;

	tk_write_file(CLOCKSOURCE, name);
	took = tk_cycles() - start;
	fd = open(CLOCKSOURCE, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, now, sizeof(now) - 1);
	if (n <= 0)
		err(TK_EXIT_FAILURE, CLOCKSOURCE);
	close(fd);
	now[n] = '\0';
	now[strcspn(now, "\n")] = '\0';
	if (strcmp(now, name))
		errx(TK_EXIT_FAILURE, "the clocksource is %s, not %s", now, name);
	return took;
}

#define PM_TEST		"/sys/power/pm_test"
#define PM_STATE	"/sys/power/state"
#define PM_DELAY	"/sys/module/suspend/parameters/pm_test_delay"

/* Through all of a suspend but its last step, and back, in us: the median of some */
static double suspend(void)
{
	uint64_t took[SUSPENDS], start;
	int n;

	tk_write_file(PM_DELAY, "0");
	tk_write_file(PM_TEST, "core");
	for (n = 0; n < SUSPENDS; n++) {
		start = tk_cycles();
		tk_write_file(PM_STATE, "mem");
		took[n] = tk_cycles() - start;
		/* Until those who were left behind are served */
		spin_for(TK_NSEC_PER_SEC / 2);
	}
	tk_write_file(PM_TEST, "none");
	return tk_median(took, SUSPENDS) / counter.cycles_per_ns / 1000;
}

/* There and back, in us; the median of some, as anybody may run in between */
static void change_clocksource(double *away, double *back)
{
	uint64_t to[CHANGES], from[CHANGES];
	int n;

	for (n = 0; n < CHANGES; n++) {
		to[n] = choose("hpet");
		from[n] = choose("tsc");
		/* Until those who were left behind are served */
		spin_for(TK_NSEC_PER_SEC / 2);
	}
	*away = tk_median(to, CHANGES) / counter.cycles_per_ns / 1000;
	*back = tk_median(from, CHANGES) / counter.cycles_per_ns / 1000;
}

/* What happens to the machine, in us */
struct events {
	double away;
	double back;
	double resume;
	struct tk_victim narrow;
};

static void take_events(struct events *events, const struct crowd *crowd)
{
	pid_t pid = start_crowd(crowd);

	sleep_for(CALM_DOWN);
	spin_for(TK_NSEC_PER_SEC);
	change_clocksource(&events->away, &events->back);
	events->resume = suspend();
	/* A counter of 24 bits, which wraps in 4.7 s: what is late after a sleep is urgent. */
	choose("acpi_pm");
	sleep_for(2 * TK_NSEC_PER_SEC);
	look_first(&events->narrow, 2 * TK_NSEC_PER_SEC);
	choose("tsc");
	end_attack(pid);
	tk_say("to hpet %.1f us, back %.1f us, suspend and resume %.1f us; beside acpi_pm %.3f %% lost, longest %.1f us",
	       events->away, events->back, events->resume, events->narrow.lost, events->narrow.longest);
}

static void row_events(void)
{
	const long number = size_of("events", 1000, 8000);
	const struct crowd followers = { .number = number };
	const struct crowd owners = { .number = number, .owns = true, .steer = slew_for_ever };
	struct events base, attack;

	judge("batch.tick", (double)most_steps(), 0);
	take_events(&base, &followers);
	take_events(&attack, &owners);
	judge("clocksource.away", attack.away, base.away);
	judge("clocksource.back", attack.back, base.back);
	judge("resume", attack.resume, base.resume);
	judge("narrow.loss", attack.narrow.lost, base.narrow.lost);
	judge("narrow.stall", attack.narrow.longest, base.narrow.longest);
	judge("batch.deadline", (double)most_steps(), 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} rows[] = {
	/* Keys that were needed once linger. */
	{ "churn",	row_churn },
	{ "timers",	row_timers },
	{ "idle",	row_idle },
	{ "slew",	row_slew },
	{ "overshoot",	row_overshoot },
	{ "share",	row_share },
	{ "leap",	row_leap },
	{ "cancel",	row_cancel },
	{ "follower",	row_follower },
	{ "events",	row_events },
};

#define NR_ROWS		(sizeof(rows) / sizeof(rows[0]))

/* For as many namespaces, descriptors and signals as the largest row needs */
static void raise_limits(void)
{
	const struct rlimit many = { .rlim_cur = 120000, .rlim_max = 120000 };

	if (setrlimit(RLIMIT_NOFILE, &many) || setrlimit(RLIMIT_SIGPENDING, &many))
		err(TK_EXIT_FAILURE, "setrlimit");
	tk_write_file("/proc/sys/user/max_time_namespaces", "100000");
	tk_write_file("/proc/sys/user/max_time_clocks", "100000");
	/* For victims which run before all other tasks */
	tk_write_file("/proc/sys/kernel/sched_rt_runtime_us", "-1");
}

int main(int argc, char **argv)
{
	const char *only = NULL;
	bool all = false, other_cpu = false;
	const struct tk_option options[] = {
		TK_FACTS,
		TK_FLAG("whole", &all),
		TK_TEXT("only", &only),
		TK_FLAG("other-cpu", &other_cpu),
		TK_NO_MORE,
	};
	unsigned int i, ran = 0;

	tk_parse_options(argc, argv, options,
			 "[--facts FILE] [--whole] [--only ROW] [--other-cpu]\n"
			 "What an owner of a clock who means harm takes from others. Root only, in a guest.\n"
			 "  --whole      as many namespaces, timers and descriptors as the reference has\n"
			 "  --only ROW   churn, timers, idle, slew, overshoot, share, leap, cancel, follower or events\n"
			 "  --other-cpu  only the interrupts of another CPU, on a machine which has one\n",
			 TK_NOTHING);
	tk_start();
	tk_require_guest();
	tk_require_kernel();
	tk_tell_kernel("hostile");
	whole = all;
	read_limits();
	raise_limits();
	shared = share(4096);
	tk_calibrate(&counter);
	if (other_cpu) {
		row_other_cpu();
		tk_end();
		return all_hold ? 0 : 1;
	}
	if (!counter.exact)
		errx(TK_EXIT_FAILURE, "the cycle counter does not count instructions: boot with -icount shift=0");
	for (i = 0; i < NR_ROWS; i++) {
		if (only && strcmp(only, rows[i].name))
			continue;
		tk_say("row %s", rows[i].name);
		rows[i].run();
		ran++;
	}
	if (!ran)
		errx(TK_EXIT_FAILURE, "--only: no row '%s'", only);
	/* One that nothing is compared with is no limit. */
	for (i = 0; i < nr_limits && !only; i++)
		if (!limits[i].judged && strcmp(limits[i].key, "churn.interrupts")) {
			tk_claim(false, "%s: a limit which was not judged", limits[i].key);
			all_hold = false;
		}
	tk_end();
	return all_hold ? 0 : 1;
}
