// SPDX-License-Identifier: GPL-2.0
/*
 * Setting one clock costs the timers of another nothing.
 *
 *	A   ten thousand timers, armed, all far away
 *	B   a storm: steps, sets, rates, back and forth
 *
 *	A's timers that the walks moved (timers_moved), or that fired before their time
 *	(timers_early): none
 *
 * The kernel counts both. And so that the counting is no matter of faith: a step of A's
 * own moves all of those on a clock that steps, and not one of the others.
 */
#include "lib/tk.h"
#include "lib/waits.h"

#include <sys/resource.h>

#define TIMERS 10000
#define STORM 300
#define HOUR (3600 * TK_SEC)

static int fds[TIMERS];

/* Half on a clock that can be stepped, half on one that cannot */
static int clk_of(int i)
{
	return i % 2 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
}

/* None on the way, none late: how far an expiry is, is told by the clock it is on. */
static void arm_all(void)
{
	struct rlimit rl = { TIMERS + 200, TIMERS + 200 };
	int i;

	REQUIRE(!setrlimit(RLIMIT_NOFILE, &rl), "RLIMIT_NOFILE: %m");
	for (i = 0; i < TIMERS; i++) {
		s64 at = tk_vnow(clk_of(i)) + HOUR + i * TK_MSEC;
		int ret;

		fds[i] = timerfd_create(clk_of(i), TFD_CLOEXEC | TFD_NONBLOCK);
		REQUIRE(fds[i] >= 0, "timerfd_create: %m");
		ret = tw_timerfd_arm(fds[i], TFD_TIMER_ABSTIME, at, 0);
		REQUIRE(!ret, "timerfd_settime: %s", strerror(-ret));
	}
}

static void disarm_all(void)
{
	int i;

	for (i = 0; i < TIMERS; i++)
		close(fds[i]);
}

static void storm(void)
{
	int i;

	for (i = 0; i < STORM; i++) {
		struct tk_timex tx = { 0 };
		int ret;

		switch (i % 6) {
		case 0:
			ret = tk_step(HOUR / 2);
			break;
		case 1:
			ret = tk_step(-HOUR / 2);
			break;
		case 2:
			ret = tk_settime(CLOCK_REALTIME, tk_now(CLOCK_REALTIME) / TK_SEC + 5, i);
			break;
		case 3:
			tx = (struct tk_timex){ .modes = ADJ_TICK, .tick = i & 8 ? 11000 : 9000 };
			ret = tk_adjtimex(&tx);
			break;
		case 4:
			tx = (struct tk_timex){ .modes = ADJ_OFFSET_SINGLESHOT, .offset = 500 };
			ret = tk_adjtimex(&tx);
			break;
		default:
			ret = i % 12 == 5 ? tk_follow() : 0;
			break;
		}
		CHECK(ret >= 0, "disturbance %d: %s", i % 6, strerror(-ret));
	}
}

struct count {
	s64 early;
	s64 moved;
};

static struct count count(void)
{
	return (struct count){ tk_stat("timers_early"), tk_stat("timers_moved") };
}

static void check_count(struct count from, s64 moved, const char *what)
{
	struct count to = count();

	CHECK(to.moved - from.moved == moved, "%s: %" PRId64 " timers were moved, not %" PRId64,
	      what, to.moved - from.moved, moved);
	CHECK(to.early == from.early, "%s: %" PRId64 " timers fired before their time", what,
	      to.early - from.early);
}

TK_FIXTURE_UNWATCHED(quiet);

/* The test's own process sleeps on the host's clock, which has no part in this. */
TEST_F(quiet, a_storm_next_door)
{
	int a = tk_ns_own(TK_YEAR * TK_SEC), b = tk_ns_own(0), follower = tk_ns_new();
	struct tk_guard guard;
	struct count from;
	int i;

	tk_need_debugfs();
	tk_enter(a);
	arm_all();
	tk_enter(b);
	from = count();
	storm();
	check_count(from, 0, "a storm in B");

	/* The host's clock is nobody's but the host's and that of those who follow. */
	tk_enter(tk_host_fd);
	tk_guard_start(&guard);
	from = count();
	for (i = 0; i < 20; i++) {
		CHECK(tk_step(i & 1 ? -TK_SEC : TK_SEC) >= 0, "step: %m");
		CHECK(tk_settime(CLOCK_REALTIME, tk_now(CLOCK_REALTIME) / TK_SEC, 0) >= 0,
		      "clock_settime: %m");
	}
	tk_guard_stop(&guard);
	check_count(from, 0, "steps of the host");

	/* But A's own step does it, and just once for each. */
	tk_enter(a);
	from = count();
	CHECK(tk_step(TK_SEC) >= 0, "step: %m");
	check_count(from, TIMERS / 2, "a step of A");
	for (i = 0; i < TIMERS; i++) {
		u64 n;

		CHECK(read(fds[i], &n, sizeof(n)) < 0 && errno == EAGAIN, "timer %d fired", i);
	}
	disarm_all();

	/* Nor is a timer on the host, or of a follower, touched by a storm. */
	for (i = 0; i < 2; i++) {
		tk_enter(i ? tk_host_fd : follower);
		arm_all();
		tk_enter(b);
		from = count();
		storm();
		check_count(from, 0, i ? "the host's timers" : "a follower's timers");
		disarm_all();
	}
}

TEST_HARNESS_MAIN
