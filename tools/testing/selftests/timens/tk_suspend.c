// SPDX-License-Identifier: GPL-2.0
/*
 * Suspend and resume under a namespace that owns its clock.
 *
 *	MONOTONIC	stands still while the machine sleeps, in every namespace
 *	BOOTTIME	gets the sleep, in every namespace the same
 *	REALTIME, TAI	too
 *
 * The machine goes through the whole suspend but for the last step (pm_test = core):
 * time is stopped, a few seconds pass, time is started again.
 */
#include "lib/reader.h"
#include "lib/tk.h"
#include "lib/waits.h"

#define PM_TEST "/sys/power/pm_test"
#define PM_STATE "/sys/power/state"
#define PM_DELAY "/sys/module/suspend/parameters/pm_test_delay"

FIXTURE(suspend)
{
	char delay[32];
};

/* Suspend moves the host's BOOTTIME against its MONOTONIC: that is what it is for. */
FIXTURE_SETUP(suspend)
{
	ASSERT_EQ(0, tk_setup_watch(false, 0));
	CHECK(tk_has_word(PM_TEST, "core"), PM_TEST " has no 'core': CONFIG_PM_DEBUG is missing");
	CHECK(tk_has_word(PM_STATE, "mem"), PM_STATE " has no 'mem'");
	CHECK(tk_has_word("/sys/power/mem_sleep", "deep"), "mem_sleep has no 'deep'");
	ASSERT_EQ(0, tk_failures());
	tk_slurp(PM_DELAY, self->delay, sizeof(self->delay));
	CHECK(!tk_write_file(PM_DELAY, "1"), PM_DELAY ": %m");
	CHECK(!tk_write_file(PM_TEST, "core"), PM_TEST ": %m");
	CHECK(!tk_write_file("/sys/power/mem_sleep", "deep"), "mem_sleep: %m");
}

FIXTURE_TEARDOWN(suspend)
{
	tk_write_file(PM_TEST, "none");
	tk_write_file(PM_DELAY, self->delay);
	EXPECT_EQ(0, tk_teardown());
}

FIXTURE_VARIANT(suspend)
{
	s64 tick;
};

FIXTURE_VARIANT_ADD(suspend, plain)
{
	.tick = 10000,
};

/* A clock that runs 10 % fast gets the sleep as the host measured it. */
FIXTURE_VARIANT_ADD(suspend, fast)
{
	.tick = 11000,
};

struct clocks {
	s64 start;
	struct tk_iv boot_mono;		/* BOOTTIME - MONOTONIC, exact */
	struct tk_iv real_mono;
	struct tk_iv tai_mono;
	struct tk_iv cross_mono;	/* ns - host */
};

static void take(struct clocks *host, struct clocks *ns, int fd)
{
	host->start = tk_vnow(CLOCK_MONOTONIC);
	host->boot_mono = tk_line(CLOCK_BOOTTIME, CLOCK_MONOTONIC, 1000);
	host->real_mono = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 1000);
	host->tai_mono = tk_line(CLOCK_TAI, CLOCK_MONOTONIC, 1000);
	ns->cross_mono = tk_cross_once(fd, CLOCK_MONOTONIC);
	tk_enter(fd);
	ns->boot_mono = tk_line(CLOCK_BOOTTIME, CLOCK_MONOTONIC, 1000);
	ns->real_mono = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 1000);
	ns->tai_mono = tk_line(CLOCK_TAI, CLOCK_MONOTONIC, 1000);
	tk_leave();
}

static struct tk_iv minus(struct tk_iv a, struct tk_iv b)
{
	return (struct tk_iv){ a.lo - b.hi, a.hi - b.lo };
}

TEST_F(suspend, sleep_goes_into_every_boottime)
{
	struct tk_timex tx = { .modes = ADJ_TICK, .tick = variant->tick };
	struct tk_reader *r = tk_shared_page(sizeof(*r));
	struct clocks host1, host2, ns1, ns2;
	struct tk_iv slept;
	pid_t pid;
	int ret;

	r->fd = tk_ns_own(TK_YEAR * TK_SEC);
	tk_enter(r->fd);
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	tk_leave();
	/* Frozen and thawed with the rest: it may not see any clock go back. */
	pid = tk_spawn(tk_reader, r);
	take(&host1, &ns1, r->fd);
	ret = tk_write_file(PM_STATE, "mem");
	CHECK(!ret, PM_STATE ": %s", strerror(-ret));
	take(&host2, &ns2, r->fd);
	atomic_store(&r->stop, true);
	CHECK(!tk_reap(pid), "the reader failed");

	/* What the host slept, the namespace slept. */
	slept = minus(host2.boot_mono, host1.boot_mono);
	CHECK(slept.hi > 0, "the host's BOOTTIME gained %" PRId64 "..%" PRId64 " ns: no sleep",
	      slept.lo, slept.hi);
	CHECK_IV_MEET(minus(ns2.boot_mono, ns1.boot_mono), slept, 0, "BOOTTIME - MONOTONIC");
	CHECK_IV_MEET(minus(ns2.real_mono, ns1.real_mono), slept, 0, "REALTIME - MONOTONIC");
	CHECK_IV_MEET(minus(ns2.tai_mono, ns1.tai_mono), slept, 0, "TAI - MONOTONIC");
	CHECK_IV_MEET(minus(host2.real_mono, host1.real_mono), slept, 0, "the host's REALTIME");
	/* MONOTONIC stood still in both, so the difference is what the rates make of it. */
	if (variant->tick == 10000)
		CHECK_IV_MEET(ns2.cross_mono, ns1.cross_mono, tk_unit(host2.start - host1.start),
			      "MONOTONIC");
	else
		CHECK(ns2.cross_mono.hi - ns1.cross_mono.lo >= 0 &&
		      ns2.cross_mono.lo - ns1.cross_mono.hi <=
		      (host2.start - host1.start + TK_SEC) / 10,
		      "MONOTONIC gained %" PRId64 " ns in %" PRId64, ns2.cross_mono.lo -
		      ns1.cross_mono.hi, host2.start - host1.start);
	fprintf(stderr, "# slept %" PRId64 " ns\n", slept.lo);
}

/*
 * Timers of the namespace take the sleep as their clock does:
 *
 *	MONOTONIC	----|zzz|------E		the rest of it afterwards
 *	BOOTTIME	----|zE.|			over when the machine is back
 *	REALTIME	----|zE.|			and told that the clock was set
 *
 * Alarms that are near would keep the machine awake, so they are half a minute away, and
 * only what is left of them is looked at.
 */
TEST_F(suspend, timers_take_the_sleep_as_their_clock_does)
{
	static const struct {
		int clk;
		int base;
		s64 in;
		int flags;
	} kind[] = {
		{ CLOCK_MONOTONIC, CLOCK_MONOTONIC, 300 * TK_MSEC, 0 },
		{ CLOCK_BOOTTIME, CLOCK_BOOTTIME, 300 * TK_MSEC, 0 },
		{ CLOCK_REALTIME, CLOCK_REALTIME, 300 * TK_MSEC, 0 },
		{ CLOCK_REALTIME, CLOCK_REALTIME, 30 * TK_SEC, TFD_TIMER_CANCEL_ON_SET },
		{ CLOCK_MONOTONIC, CLOCK_MONOTONIC, 30 * TK_SEC, 0 },
		{ CLOCK_BOOTTIME, CLOCK_BOOTTIME, 30 * TK_SEC, 0 },
		{ CLOCK_BOOTTIME_ALARM, CLOCK_BOOTTIME, 30 * TK_SEC, 0 },
		{ CLOCK_REALTIME_ALARM, CLOCK_REALTIME, 30 * TK_SEC, 0 },
	};
	struct tk_timex tx = { .modes = ADJ_TICK, .tick = variant->tick };
	int ns = tk_ns_own(TK_YEAR * TK_SEC), fd[TK_ARRAY(kind)], ret;
	s64 at[TK_ARRAY(kind)], back[TK_ARRAY(kind)], mono, boot;
	struct pollfd p = { .events = POLLIN };
	size_t i;
	u64 n;

	tk_enter(ns);
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	mono = tk_now(CLOCK_MONOTONIC);
	boot = tk_now(CLOCK_BOOTTIME);
	for (i = 0; i < TK_ARRAY(kind); i++) {
		fd[i] = timerfd_create(kind[i].clk, TFD_CLOEXEC | TFD_NONBLOCK);
		REQUIRE(fd[i] >= 0, "timerfd_create(%d): %m", kind[i].clk);
		at[i] = tk_now(kind[i].base) + kind[i].in;
		ret = tw_timerfd_arm(fd[i], TFD_TIMER_ABSTIME | kind[i].flags, at[i], 0);
		CHECK(!ret, "timerfd_settime(%d): %s", kind[i].clk, strerror(-ret));
	}
	ret = tk_write_file(PM_STATE, "mem");
	CHECK(!ret, PM_STATE ": %s", strerror(-ret));
	for (i = 0; i < TK_ARRAY(kind); i++)
		back[i] = tk_now(kind[i].base);
	mono = tk_now(CLOCK_MONOTONIC) - mono;
	boot = tk_now(CLOCK_BOOTTIME) - boot;
	CHECK(boot > mono, "the namespace's BOOTTIME gained nothing: no sleep");
	for (i = 0; i < TK_ARRAY(kind); i++) {
		s64 a, left, b;

		p.fd = fd[i];
		if (kind[i].flags & TFD_TIMER_CANCEL_ON_SET) {
			/* A worker tells it, as on the host. */
			CHECK(poll(&p, 1, tk_patience_ms()) == 1 &&
			      read(fd[i], &n, sizeof(n)) < 0 && errno == ECANCELED,
			      "not told that the clock was set: %m");
		}
		a = tk_now(kind[i].base);
		left = tw_timerfd_left(fd[i]);
		b = tk_now(kind[i].base);
		if (b < at[i])
			CHECK(at[i] - b <= left && left <= at[i] - a, "clock %d: %" PRId64
			      " ns left, not %" PRId64 "..%" PRId64, kind[i].clk, left, at[i] - b,
			      at[i] - a);
		if (kind[i].in > TK_SEC)
			continue;
		/* Over when the machine came back: at once, with no sleep that it could take */
		if (back[i] >= at[i])
			CHECK(poll(&p, 1, tk_exact() ? 100 : tk_patience_ms()) == 1,
			      "clock %d: over, and nobody says so", kind[i].clk);
		CHECK(poll(&p, 1, tk_patience_ms()) == 1 &&
		      read(fd[i], &n, sizeof(n)) == sizeof(n) && n == 1,
		      "clock %d: lost", kind[i].clk);
		CHECK(tk_now(kind[i].base) >= at[i], "clock %d: %" PRId64 " ns early", kind[i].clk,
		      at[i] - tk_now(kind[i].base));
	}
	for (i = 0; i < TK_ARRAY(kind); i++)
		close(fd[i]);
	tk_leave();
}

/*
 * What the freezer of a sleeping task leaves for the suspend is a length of the machine's
 * time, as it is compared with others, and with the two seconds below which the machine
 * does not suspend:
 *
 *	ns	1 s left at rate 1/20		the machine may sleep for 20 s
 *	ns	20 s left at rate 20	and has to stay awake for the last one
 */
struct sleeper {
	int fd;
	int clk;
	s64 ns;
	atomic_bool ready;
};

static int sleeper(void *arg)
{
	struct sleeper *s = arg;
	struct tk_ts ts = tw_ts(s->ns);
	int ret;

	tk_enter(s->fd);
	atomic_store(&s->ready, true);
	ret = TK_RET(syscall(TK_NR_nanosleep, s->clk, 0, &ts, NULL));
	REQUIRE(!ret, "clock_nanosleep(%d): %s", s->clk, strerror(-ret));
	return 0;
}

/* Does a child sleep? */
static bool sleeps(pid_t pid)
{
	char path[32], text[512], *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	tk_slurp(path, text, sizeof(text));
	p = strrchr(text, ')');
	REQUIRE(p && p[1] == ' ' && p[2] != 'Z', "the sleeper is gone");
	return p[2] == 'S';
}

static int suspend_with_sleeper(int clk, const char *rate, s64 ns)
{
	struct sleeper *s = tk_shared_page(sizeof(*s));
	pid_t pid;
	int ret;

	*s = (struct sleeper){ .fd = tk_ns_new(), .clk = clk, .ns = ns };
	tk_enter(s->fd);
	ret = tk_write_file(TK_CLOCK_FILE, rate);
	CHECK(!ret, "%s: %s", rate, strerror(-ret));
	tk_leave();
	pid = tk_spawn(sleeper, s);
	while (!atomic_load(&s->ready) || !sleeps(pid))
		sched_yield();
	ret = tk_write_file(PM_STATE, "mem");
	kill(pid, SIGKILL);
	tk_reap(pid);
	close(s->fd);
	munmap(s, sizeof(*s));
	return ret;
}

TEST_F(suspend, a_frozen_sleeper_counts_the_machine_s_time)
{
	static const int clks[] = { CLOCK_BOOTTIME_ALARM, CLOCK_REALTIME_ALARM };
	size_t i;
	int ret;

	for (i = 0; i < TK_ARRAY(clks); i++) {
		ret = suspend_with_sleeper(clks[i], "rate 1/20\n", TK_SEC);
		CHECK(!ret, "clock %d, 1 s at rate 1/20: %s", clks[i], strerror(-ret));
		ret = suspend_with_sleeper(clks[i], "rate 20\n", 20 * TK_SEC);
		CHECK(ret == -EBUSY, "clock %d, 20 s at rate 20: %s", clks[i],
		      ret ? strerror(-ret) : "suspended");
		/* pm_wakeup_event() keeps it awake for two seconds */
		tk_sleep(2100 * TK_MSEC);
	}
}

TEST_HARNESS_MAIN
