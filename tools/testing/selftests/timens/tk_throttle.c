// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel does by itself for a namespace costs others no more than it would on
 * the host.
 *
 * A periodic timer whose signal is ignored is armed again by the kernel. So that a short
 * interval does not starve the machine, it expires once in a jiffy only. That is a jiffy
 * of the machine: one of a clock at rate 2000 would be half a microsecond.
 *
 *	attack		timers of 1 ns, their signal ignored; the process sleeps
 *	victim		counts on the same CPU
 *
 * The same attack is made on the host and in a namespace. Interrupts are counted on the
 * idle CPU, and what a namespace takes without any timers does not count as its attack.
 * They are held against one in a jiffy for each timer. What the victim loses is compared
 * where time is counted in instructions.
 */
#include "lib/tk.h"
#include "lib/waits.h"

/* Of the count on the host: what may come on top in a namespace */
#define PERCENT_MORE 2
/* Interrupts of anybody else in a second */
#define OTHERS 20
#define TIMERS_MOST 100
#define CPU 0

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(CPU, &set);
	REQUIRE(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity: %m");
}

/* Of the machine (nsecs) */
static s64 jiffy(void)
{
	struct tk_ts res;

	REQUIRE(!tk_sys_getres(CLOCK_MONOTONIC_COARSE, &res), "clock_getres: %m");
	return tk_ns(res.sec, res.nsec);
}

/* Local timer interrupts of the CPU since boot */
static s64 timer_interrupts(void)
{
	static char text[65536];
	const char *at;
	long long n = -1;

	tk_slurp("/proc/interrupts", text, sizeof(text));
	at = strstr(text, "LOC:");
	REQUIRE(at && sscanf(at, "LOC: %lld", &n) == 1, "no LOC in /proc/interrupts");
	return n;
}

/* What a count takes that nobody disturbs, in a unit that means nothing */
static s64 count_time(void)
{
	s64 start = tk_vnow(CLOCK_MONOTONIC_RAW);
	unsigned int n;

	for (n = 0; n < 30000000; n++)
		asm volatile("" : "+r" (n));
	return tk_vnow(CLOCK_MONOTONIC_RAW) - start;
}

struct attack {
	int fd;
	int clk;
	unsigned int timers;
	atomic_bool ready;
};

static int attack(void *arg)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct attack *a = arg;
	unsigned int i;
	int id;

	pin();
	tk_enter(a->fd);
	REQUIRE(signal(SIGUSR1, SIG_IGN) != SIG_ERR, "signal: %m");
	for (i = 0; i < a->timers; i++) {
		REQUIRE(!syscall(SYS_timer_create, a->clk, &ev, &id), "timer_create(%d): %m",
			a->clk);
		REQUIRE(!tw_timer_arm(id, 0, 1, 1), "timer_settime: %m");
	}
	atomic_store(&a->ready, true);
	for (;;)
		pause();
}

struct cost {
	s64 interrupts;		/* in a second */
	s64 count;		/* what a count takes (nsecs) */
};

/* With so many timers in the namespace of @fd, or none */
static struct cost cost(int fd, int clk, unsigned int timers)
{
	struct attack *a = tk_shared_page(sizeof(*a));
	struct cost c;
	s64 start;
	pid_t pid;

	*a = (struct attack){ .fd = fd, .clk = clk, .timers = timers };
	pid = tk_spawn(attack, a);
	while (!atomic_load(&a->ready))
		tk_sleep(TK_MSEC);
	c.interrupts = -timer_interrupts();
	start = tk_vnow(CLOCK_MONOTONIC_RAW);
	tk_sleep(TK_SEC);
	c.interrupts += timer_interrupts();
	c.interrupts = c.interrupts * TK_SEC / (tk_vnow(CLOCK_MONOTONIC_RAW) - start);
	c.count = count_time();
	kill(pid, SIGKILL);
	tk_reap(pid);
	munmap(a, sizeof(*a));
	return c;
}

FIXTURE(throttle)
{
	int unused;
};

FIXTURE_VARIANT(throttle)
{
	int clk;
	const char *rate;
	unsigned int timers;
};

FIXTURE_VARIANT_ADD(throttle, follow) { CLOCK_MONOTONIC, NULL, 1 };
FIXTURE_VARIANT_ADD(throttle, own) { CLOCK_MONOTONIC, "1", 1 };
FIXTURE_VARIANT_ADD(throttle, slow) { CLOCK_MONOTONIC, "1/1000", 1 };
FIXTURE_VARIANT_ADD(throttle, faster) { CLOCK_BOOTTIME, "7.25", 1 };
FIXTURE_VARIANT_ADD(throttle, fast) { CLOCK_MONOTONIC, "2000", 1 };
FIXTURE_VARIANT_ADD(throttle, fast_real) { CLOCK_REALTIME, "2000", 1 };
FIXTURE_VARIANT_ADD(throttle, fast_tai) { CLOCK_TAI, "2000", 1 };
FIXTURE_VARIANT_ADD(throttle, fast_boot_alarm) { CLOCK_BOOTTIME_ALARM, "2000", 1 };
FIXTURE_VARIANT_ADD(throttle, fast_real_alarm) { CLOCK_REALTIME_ALARM, "2000", 1 };
FIXTURE_VARIANT_ADD(throttle, many_follow) { CLOCK_MONOTONIC, NULL, TIMERS_MOST };
FIXTURE_VARIANT_ADD(throttle, many_own) { CLOCK_REALTIME, "1", TIMERS_MOST };
FIXTURE_VARIANT_ADD(throttle, many_fast) { CLOCK_MONOTONIC, "2000", TIMERS_MOST };

FIXTURE_SETUP(throttle)
{
	/* Nobody else counts, or runs on this CPU more than he has to. */
	ASSERT_EQ(0, tk_setup_watch(false, 0));
	pin();
}

FIXTURE_TEARDOWN(throttle)
{
	EXPECT_EQ(0, tk_teardown());
}

/* Millionths that the victim of an attack loses */
static s64 loss(struct cost with, struct cost without)
{
	return (with.count - without.count) * 1000000 / with.count;
}

TEST_F(throttle, ignored_signal)
{
	struct cost host_none, host, none, ns;
	int fd = tk_ns_new();
	s64 most, is;

	if (variant->timers > 1 && !tk_exact())
		SKIP(return, "it compares times of computing, which are not exact here");
	if (variant->rate) {
		char line[64];
		int ret;

		tk_enter(fd);
		snprintf(line, sizeof(line), "rate %s\n", variant->rate);
		ret = tk_write_file(TK_CLOCK_FILE, line);
		CHECK(!ret, "%s: %s", line, strerror(-ret));
		CHECK_STATE("own");
		tk_leave();
	}
	host_none = cost(tk_host_fd, variant->clk, 0);
	host = cost(tk_host_fd, variant->clk, variant->timers);
	none = cost(fd, variant->clk, 0);
	ns = cost(fd, variant->clk, variant->timers);

	fprintf(stderr, "# interrupts: host %" PRId64 " and %" PRId64 ", namespace %" PRId64
		" and %" PRId64 "\n", host_none.interrupts, host.interrupts, none.interrupts,
		ns.interrupts);
	fprintf(stderr, "# the victim loses %" PRId64 " ppm, in the namespace %" PRId64 "\n",
		loss(host, host_none), loss(ns, none));

	CHECK(host.interrupts > host_none.interrupts, "the attack is none");
	/* Each timer once in a jiffy; fewer where several of them share an interrupt */
	most = variant->timers * (TK_SEC / jiffy());
	is = ns.interrupts - none.interrupts;
	CHECK(is <= most + most * PERCENT_MORE / 100 + OTHERS,
	      "%" PRId64 " interrupts a second, not %" PRId64, is, most);
	if (tk_exact())
		CHECK(loss(ns, none) <= loss(host, host_none) + PERCENT_MORE * 10000,
		      "the victim loses %" PRId64 " ppm, %" PRId64 " on the host", loss(ns, none),
		      loss(host, host_none));
}

/*
 * The kernel gives each of them a place in one of the jiffies to come, 64 in a jiffy. Who
 * wants the signal again gets it when that comes, and no expiry before it is forgotten.
 */
#define CROWD 1000
#define PLACES 64

static int again_id, again_over;
static s64 again_at;
static volatile sig_atomic_t again;

/* The next signal would come at once, and the process do nothing else any more. */
static void on_signal(int sig)
{
	(void)sig;
	/* It may have been sent once more by then */
	if (again)
		return;
	again_at = tk_vnow(CLOCK_MONOTONIC_RAW);
	again_over = syscall(SYS_timer_getoverrun, again_id);
	tw_timer_arm(again_id, 0, 0, 0);
	again = 1;
}

/* All clocks of the namespace run at its rate. */
static void busy(s64 ns)
{
	s64 end = tk_vnow(CLOCK_MONOTONIC_RAW) + ns;

	while (tk_vnow(CLOCK_MONOTONIC_RAW) < end)
		;
}

struct again {
	int fd;
	int rate;
};

static int wants_it_again(void *arg)
{
	struct again *a = arg;
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	s64 from, until, took;
	int i, id;

	pin();
	tk_enter(a->fd);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	for (i = 0; i < CROWD; i++) {
		REQUIRE(!syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id), "timer_create: %m");
		REQUIRE(!tw_timer_arm(id, 0, 1, 1), "timer_settime: %m");
	}
	ev.sigev_signo = SIGUSR2;
	REQUIRE(!syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &again_id), "timer_create: %m");
	for (i = 0; i < 10; i++) {
		again = 0;
		signal(SIGUSR2, SIG_IGN);
		REQUIRE(!tw_timer_arm(again_id, 0, 1, 1), "timer_settime: %m");
		busy((20 + i) * TK_MSEC * a->rate);
		from = tk_vnow(CLOCK_MONOTONIC_RAW);
		signal(SIGUSR2, on_signal);
		while (!again)
			;
		took = (again_at - from) / a->rate;
		until = (2 + CROWD / PLACES + 2) * jiffy();
		CHECK(!tk_exact() || took <= until, "the signal takes %" PRId64 " ns, not %" PRId64,
		      took, until);
		/* All since it was armed: one in each nanosecond, or more than it can say */
		CHECK(again_over >= tk_min(20 * TK_MSEC * a->rate, INT_MAX), "%d overruns",
		      again_over);
	}
	return 0;
}

FIXTURE(places)
{
	int unused;
};

FIXTURE_SETUP(places)
{
	ASSERT_EQ(0, tk_setup_watch(false, 0));
	pin();
}

FIXTURE_TEARDOWN(places)
{
	EXPECT_EQ(0, tk_teardown());
}

TEST_F(places, ignored_signal_comes_again)
{
	struct again host = { tk_host_fd, 1 }, own = { tk_ns_new(), 2000 };
	int ret;

	tk_enter(own.fd);
	ret = tk_write_file(TK_CLOCK_FILE, "rate 2000\n");
	CHECK(!ret, "rate: %s", strerror(-ret));
	tk_leave();
	RUN(wants_it_again, &host);
	RUN(wants_it_again, &own);
}

/*
 * Who creates timers and deletes them, over and over, takes places which nobody needs any
 * more. Those of a second are taken at most.
 */
#define BATCH 200

static int takes_places(void *arg)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	int *fd = arg, id[BATCH], i;
	s64 from, took, end;

	pin();
	tk_enter(*fd);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	end = tk_vnow(CLOCK_MONOTONIC_RAW) + 3 * TK_SEC;
	while (tk_vnow(CLOCK_MONOTONIC_RAW) < end) {
		for (i = 0; i < BATCH; i++) {
			REQUIRE(!syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id[i]),
				"timer_create: %m");
			REQUIRE(!tw_timer_arm(id[i], 0, 1, 1), "timer_settime: %m");
		}
		busy(20 * TK_USEC);
		for (i = 0; i < BATCH; i++)
			REQUIRE(!syscall(SYS_timer_delete, id[i]), "timer_delete: %m");
	}
	ev.sigev_signo = SIGUSR2;
	REQUIRE(!syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &again_id), "timer_create: %m");
	again = 0;
	from = tk_vnow(CLOCK_MONOTONIC_RAW);
	REQUIRE(!tw_timer_arm(again_id, 0, 1, 1), "timer_settime: %m");
	busy(20 * TK_USEC);
	signal(SIGUSR2, on_signal);
	while (!again)
		;
	took = again_at - from;
	fprintf(stderr, "# the signal takes %" PRId64 " ns\n", took);
	CHECK(took >= TK_SEC / 2, "only %" PRId64 " ns: the places are not taken", took);
	CHECK(took <= TK_SEC + 4 * jiffy(), "the signal takes %" PRId64 " ns", took);
	return 0;
}

TEST_F(places, taken_for_nothing)
{
	int fd;

	if (!tk_exact())
		SKIP(return, "who takes places has to be quicker than they go by");
	fd = tk_ns_new();
	tk_enter(fd);
	CHECK(!tk_write_file(TK_CLOCK_FILE, "rate 1\n"), "rate: %m");
	CHECK_STATE("own");
	tk_leave();
	RUN(takes_places, &fd);
}

TEST_HARNESS_MAIN
