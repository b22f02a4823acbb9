// SPDX-License-Identifier: GPL-2.0
/*
 * Durations cross from the clock of a namespace to that of the host, on which ticks and
 * timers stand, while the two are steered apart.
 *
 *	CLOCK_REALTIME - RAW
 *	     |                        ___/	adjtime() slews by 500 us a second,
 *	     |                ___/---'		effective as of the NTP second
 *	     |_______________/
 *	     +---------|-----|--------------
 *	              set    second		the bend may come a tick later,
 *						wherever the host has its ticks
 *
 * What is missing of the slew, divided by its slope, is how late the bend came. Where time
 * is counted in instructions that is bounded by the tick; elsewhere a machine which is busy
 * with something else may delay any tick, and only what never happens is asked: a bend
 * before the second, or none.
 */
#include "lib/tk.h"
#include "lib/waits.h"

#define SLEW 500000LL	/* ns per second */

static int host_adjtimex(struct tk_timex *tx)
{
	int here = tk_open_ns("/proc/self/ns/time"), ret;

	tk_leave();
	ret = tk_adjtimex(tx);
	tk_enter(here);
	close(here);
	return ret;
}

static void host_tick(s64 tick)
{
	struct tk_timex tx = { .modes = ADJ_TICK, .tick = tick };
	int ret = host_adjtimex(&tx);

	CHECK(ret >= 0, "tick %" PRId64 " of the host: %s", tick, strerror(-ret));
}

static void singleshot(bool host, s64 usec)
{
	struct tk_timex tx = { .modes = ADJ_OFFSET_SINGLESHOT, .offset = usec };
	int ret = host ? host_adjtimex(&tx) : tk_adjtimex(&tx);

	CHECK(ret >= 0, "adjtime %" PRId64 " us: %s", usec, strerror(-ret));
}

/* REALTIME - RAW while it is slewed: as narrow as one reading */
static struct tk_iv gained(s64 *real)
{
	struct tk_iv best = TK_IV_ALL;
	int n;

	for (n = 0; n < 200; n++) {
		s64 a = tk_now(CLOCK_REALTIME), raw = tk_now(CLOCK_MONOTONIC_RAW);
		s64 b = tk_now(CLOCK_REALTIME);

		if (n && b - a >= best.hi - best.lo)
			continue;
		best = (struct tk_iv){ a - raw, b - raw };
		*real = a;
	}
	return best;
}

static int spinner(void *arg)
{
	(void)arg;
	for (;;)
		;
	return 0;
}

FIXTURE(cross)
{
	struct tk_guard guard;
	int fd;
};

FIXTURE_VARIANT(cross)
{
	s64 tick;	/* of the host, before the namespace is set */
	s64 then;	/* and changed to, between the set and the second, or 0 */
	s64 slew;	/* of the host (us) */
	bool busy;	/* there are ticks */
};

/* What is busy costs the emulator its time, so the limits are enough there */
FIXTURE_VARIANT_ADD(cross, even_idle) { .tick = 10000 };
FIXTURE_VARIANT_ADD(cross, even_busy) { .tick = 10000, .busy = true };
FIXTURE_VARIANT_ADD(cross, host_slow_idle) { .tick = 9000 };
FIXTURE_VARIANT_ADD(cross, host_slow_busy) { .tick = 9000, .busy = true };
FIXTURE_VARIANT_ADD(cross, host_fast_idle) { .tick = 11000 };
FIXTURE_VARIANT_ADD(cross, host_fast_busy) { .tick = 11000, .busy = true };
FIXTURE_VARIANT_ADD(cross, host_slewed_idle) { .tick = 10000, .slew = 500000 };
FIXTURE_VARIANT_ADD(cross, host_slewed_back_idle) { .tick = 10000, .slew = -500000 };
FIXTURE_VARIANT_ADD(cross, host_gets_slow_idle) { .tick = 11000, .then = 9000 };
FIXTURE_VARIANT_ADD(cross, host_gets_slow_busy) { .tick = 11000, .then = 9000, .busy = true };
FIXTURE_VARIANT_ADD(cross, host_gets_fast_idle) { .tick = 9000, .then = 11000 };

FIXTURE_SETUP(cross)
{
	ASSERT_EQ(0, tk_setup_watch(false, 0));
	tk_guard_start(&self->guard);
	/* An owner inherits the steering, so first of all it becomes one. */
	self->fd = tk_ns_own(0);
	tk_enter(self->fd);
}

FIXTURE_TEARDOWN(cross)
{
	tk_leave();
	tk_guard_stop(&self->guard);
	EXPECT_EQ(0, tk_teardown());
}

TEST_F(cross, bend_at_the_second)
{
	const s64 sec = 1900000000;
	s64 real, elapsed, want, tick, late;
	struct tk_iv before, after;
	struct tk_ts res;
	pid_t pid = 0;

	host_tick(variant->tick);
	if (variant->slew)
		singleshot(true, variant->slew);
	/* Let the host's own second take effect */
	tk_sleep(1100 * TK_MSEC);
	if (variant->busy)
		pid = tk_spawn(spinner, NULL);

	CHECK(!tk_settime(CLOCK_REALTIME, sec, 300 * TK_MSEC), "settime: %m");
	before = gained(&real);
	singleshot(false, 100000);
	if (variant->then)
		host_tick(variant->then);
	/* One sleep across the seconds, so that nothing but the bend itself wakes the machine */
	tk_sleep(1300 * TK_MSEC);
	after = gained(&real);
	if (pid) {
		kill(pid, SIGKILL);
		tk_reap(pid);
	}

	/* The resolution of the coarse clock is the tick */
	CHECK(!tk_sys_getres(CLOCK_REALTIME_COARSE, &res), "getres: %m");
	tick = res.nsec;
	elapsed = real - (sec + 1) * TK_SEC;
	want = elapsed / 1000 * SLEW / (1000000 + SLEW / 1000);
	/* NTP's interval and the tick, two of the longest host's; without a tick the wake timer */
	late = 2 * tick * 10000 / 9000 + (variant->busy ? 0 : 2 * tick);
	if (!tk_exact())
		late = 1000 * TK_MSEC;
	TH_LOG("the bend came %" PRId64 " us after the second",
	       (s64)((want - (after.hi - before.lo)) * 1000000 / SLEW));
	CHECK(after.hi - before.lo >= want - late / 1000 * SLEW / 1000000 - 20 &&
	      after.lo - before.hi <= want + 20,
	      "gained %" PRId64 "..%" PRId64 " ns, not %" PRId64 ": the bend came %" PRId64
	      " us late, allowed are %" PRId64 " (tick %" PRId64 " us)",
	      after.lo - before.hi, after.hi - before.lo, want,
	      (s64)((want - (after.hi - before.lo)) * 1000000 / SLEW), (s64)(late / 1000),
	      (s64)(tick / 1000));
}

TEST_HARNESS_MAIN
