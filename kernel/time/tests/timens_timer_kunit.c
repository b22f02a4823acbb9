// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the projection of timers onto the host
 *
 * What is asserted follows from the two promises in timens_timer.c: an expiry
 * is looked at not later than 25 us after the clock can be there, whatever the
 * rates do short of a walk; and it takes few looks.
 *
 * Rates are pairs of multipliers of one scale, as in the kernel. The time at
 * which a clock gets there is computed here in steps of its own: with divisions
 * of 128 bits, rounded the other way.
 */
#include <kunit/test.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/time64.h>

#include "timens_effort.h"
#include "../timens_internal.h"

#define TTK_MULT	((u32)BIT(30))
#define TTK_DAY		(86400LL * NSEC_PER_SEC)
#define TTK_ROUNDS	20000
#define TTK_SEED	0x74696d6572ULL

static unsigned long long ttk_seed = TTK_SEED;
module_param_named(seed, ttk_seed, ullong, 0444);
MODULE_PARM_DESC(seed, "Seed of the random tests");

/* A duration between 1 ns and @most, as likely short as long */
static ktime_t ttk_duration(struct rnd_state *rnd, ktime_t most)
{
	u64 bits = prandom_u32_state(rnd) % (fls64(most) + 1);
	u64 value = ((u64)prandom_u32_state(rnd) << 32 | prandom_u32_state(rnd)) &
		    ((1ULL << bits) - 1);

	return clamp_t(u64, value, 1, most);
}

/* Steered by up to a quarter */
static u64 ttk_mult(struct rnd_state *rnd)
{
	return TTK_MULT - TTK_MULT / 4 + prandom_u32_state(rnd) % (TTK_MULT / 2);
}

/* The least host time in which a clock can advance by @left, rounded down */
static u64 ttk_soonest(ktime_t left, u64 host_mult, u64 mult)
{
	/* Neither rate may be further off than this without a walk */
	host_mult -= 2 * (host_mult >> TIMENS_TIMER_RATE_SHIFT);
	mult += 2 * (mult >> TIMENS_TIMER_RATE_SHIFT);
	return mul_u64_u64_div_u64(left, host_mult, mult);
}

static void ttk_never_late(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int i;

	kunit_info(test, "seed %llu\n", ttk_seed);
	prandom_seed_state(&rnd, ttk_seed);
	for (i = 0; i < timens_kunit_effort(TTK_ROUNDS); i++) {
		ktime_t left = ttk_duration(&rnd, 1000 * TTK_DAY);
		u64 host_mult = ttk_mult(&rnd), mult = ttk_mult(&rnd);
		ktime_t look = timens_timer_to_host(left, host_mult, mult);
		u64 soonest = ttk_soonest(left, host_mult, mult);

		/* A nanosecond each for the two divisions */
		if ((u64)look > soonest + 25 * NSEC_PER_USEC + 2) {
			KUNIT_FAIL(test, "%lld ns at %llu / %llu: look at %lld, there at %llu",
				   left, host_mult, mult, look, soonest);
			return;
		}
	}
}

/* Without a margin, a timer which runs at the projected rate is met at once */
static void ttk_short_is_exact(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int i;

	prandom_seed_state(&rnd, ttk_seed);
	for (i = 0; i < timens_kunit_effort(TTK_ROUNDS); i++) {
		ktime_t left = ttk_duration(&rnd, 15 * NSEC_PER_MSEC);
		u64 host_mult = ttk_mult(&rnd), mult = ttk_mult(&rnd);
		ktime_t look = timens_timer_to_host(left, host_mult, mult);

		/* What the clock of the namespace advances by then */
		if ((ktime_t)mul_u64_u64_div_u64(look, mult, host_mult) < left) {
			KUNIT_FAIL(test, "%lld ns at %llu / %llu: looked at after %lld",
				   left, host_mult, mult, look);
			return;
		}
	}
}

/* Looks until a timer expires, with the rates as far off as they may get */
static unsigned int ttk_looks(ktime_t left, int off)
{
	u64 host_mult = TTK_MULT, mult = TTK_MULT;
	unsigned int looks = 0;

	host_mult -= off * 2 * (s64)(host_mult >> TIMENS_TIMER_RATE_SHIFT);
	mult += off * 2 * (s64)(mult >> TIMENS_TIMER_RATE_SHIFT);
	while (left > 0) {
		/* Projected at one rate, run at another; no look takes less than 20 ns */
		left -= max(mul_u64_u64_div_u64(timens_timer_to_host(left, TTK_MULT, TTK_MULT + 1),
						mult, host_mult), 20);
		looks++;
	}
	return looks;
}

static void ttk_few_looks(struct kunit *test)
{
	/* One is the expiry */
	KUNIT_EXPECT_EQ(test, ttk_looks(20 * NSEC_PER_MSEC, 0), 1);
	KUNIT_EXPECT_LE(test, ttk_looks(60LL * NSEC_PER_SEC, 0), 3);
	KUNIT_EXPECT_LE(test, ttk_looks(TTK_DAY, 0), 4);
	/* A clock which got slower needs one more at the end */
	KUNIT_EXPECT_LE(test, ttk_looks(60LL * NSEC_PER_SEC, -1), 5);
	KUNIT_EXPECT_LE(test, ttk_looks(TTK_DAY, -1), 6);
}

/*
 * A timer which came early by whatever is left, at whatever rate: no interrupt follows
 * another one at once, and one more look finds that it expired.
 */
static void ttk_rest(struct kunit *test)
{
	static const ktime_t lefts[] = {
		1, 2, 999, 1000, 1001, 20000, NSEC_PER_USEC, 1999 * NSEC_PER_USEC, NSEC_PER_MSEC,
		NSEC_PER_SEC, 7 * NSEC_PER_SEC,
	};
	static const struct timens_tk_rate rates[] = {
		{ 1, 1 }, { 1, 1000 }, { 1, 3 }, { 1000001, 1000000 }, { 7, 1 }, { 2000, 1 },
	};
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		struct timens_tk_pair p = {
			.ns		= { 5000, 123 },
			.host		= { 1000, 456 },
			.ns_mult	= mul_u64_u64_div_u64(TTK_MULT, rates[i].num, rates[i].den),
			.host_mult	= TTK_MULT,
			.edge_sec	= TIME64_MAX,
			.host_leap	= TIME64_MAX,
			.rate		= rates[i],
			.own		= true,
		};
		ktime_t host = timespec64_to_ktime(p.host), ns = timespec64_to_ktime(p.ns);

		for (k = 0; k < ARRAY_SIZE(lefts); k++) {
			ktime_t rest = timens_timer_project_rest(&p, CLOCK_MONOTONIC,
								 ns + lefts[k]) - host;
			ktime_t plain = timens_timer_project(&p, CLOCK_MONOTONIC, ns + lefts[k],
							     false) - host;

			KUNIT_EXPECT_GE(test, rest, NSEC_PER_USEC);
			KUNIT_EXPECT_LE(test, rest, max(plain, NSEC_PER_USEC));
			/* Behind the time, unless there is a margin */
			if (plain < 25 * NSEC_PER_MSEC)
				KUNIT_EXPECT_GE(test, (s64)mul_u64_u64_div_u64(rest, p.ns_mult,
									       p.host_mult),
						lefts[k]);
		}
	}
}

static void ttk_range(struct kunit *test)
{
	static const u64 mults[] = { TTK_MULT - TTK_MULT / 4, TTK_MULT, TTK_MULT + TTK_MULT / 4 };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(mults); i++) {
		for (k = 0; k < ARRAY_SIZE(mults); k++) {
			KUNIT_EXPECT_GT(test, timens_timer_to_host(1, mults[i], mults[k]), 0);
			KUNIT_EXPECT_LE(test, timens_timer_to_host(1, mults[i], mults[k]), 3);
			/* 292 years do not wrap, and stay far away */
			KUNIT_EXPECT_GT(test, timens_timer_to_host(KTIME_MAX, mults[i], mults[k]),
					KTIME_MAX / 4);
			KUNIT_EXPECT_GT(test,
					timens_timer_to_host(KTIME_MAX / 2, mults[i], mults[k]),
					KTIME_MAX / 4);
		}
	}
}

/*
 * Leap seconds. The clock is at a quarter past 12:00:10, the edge is at
 * 12:00:20, the host is at 1000 s and has the same rate.
 */
#define TTK_EDGE	(20000LL * 86400 + 12 * 3600 + 20)

static ktime_t ttk_leap(s32 step, clockid_t clock, s64 ms)
{
	struct timens_tk_pair p = {
		.ns		= { TTK_EDGE - 10, 250 * NSEC_PER_MSEC },
		.host		= { 1000, 0 },
		.ns_mult	= TTK_MULT,
		.host_mult	= TTK_MULT,
		.edge_sec	= step ? TTK_EDGE : TIME64_MAX,
		.host_leap	= TIME64_MAX,
		.edge_step	= step,
		.own		= true,
	};
	ktime_t expires = TTK_EDGE * NSEC_PER_SEC + ms * NSEC_PER_MSEC;

	return timens_timer_project(&p, clock, expires, true) - 1000 * NSEC_PER_SEC;
}

static void ttk_leap_second(struct kunit *test)
{
	static const struct {
		s32 step;
		s64 at;		/* ms after the edge, as the clock counts */
		s64 left;	/* ms */
	} cases[] = {
		/* Nothing happens */
		{ 0, -1000, 8750 }, { 0, 0, 9750 }, { 0, 1000, 10750 },
		/* The second before the edge comes twice: the first time counts */
		{ -1, -1000, 8750 }, { -1, -500, 9250 }, { -1, -1, 9749 },
		{ -1, 0, 10750 }, { -1, 500, 11250 }, { -1, 1000, 11750 },
		/* The second behind the edge does not come: it expires with the edge */
		{ 1, -1000, 8750 }, { 1, -1, 9749 },
		{ 1, 0, 9750 }, { 1, 1, 9750 }, { 1, 999, 9750 },
		{ 1, 1000, 9750 }, { 1, 1001, 9751 }, { 1, 5000, 13750 },
		/* Over */
		{ -1, -10000, 0 }, { 1, -9750, 0 }, { 0, -20000, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		s64 at = cases[i].at, left = cases[i].left * NSEC_PER_MSEC;

		KUNIT_EXPECT_EQ_MSG(test, ttk_leap(cases[i].step, CLOCK_REALTIME, at), left,
				    "step %d, %lld ms behind the edge", cases[i].step, at);
		/* The other clocks have no edge */
		if (left) {
			KUNIT_EXPECT_EQ(test, ttk_leap(cases[i].step, CLOCK_TAI, at),
					(at + 9750) * NSEC_PER_MSEC);
			KUNIT_EXPECT_EQ(test, ttk_leap(cases[i].step, CLOCK_MONOTONIC, at),
					(at + 9750) * NSEC_PER_MSEC);
		}
	}
}

static void ttk_never(struct kunit *test)
{
	struct timens_tk_pair p = {
		.ns		= { TTK_EDGE, 0 },
		.host		= { 1000, 0 },
		.ns_mult	= TTK_MULT + 1,
		.host_mult	= TTK_MULT,
		.edge_sec	= TIME64_MAX,
		.own		= true,
	};

	KUNIT_EXPECT_EQ(test, timens_timer_project(&p, CLOCK_REALTIME, KTIME_MAX, false),
			KTIME_MAX);
	KUNIT_EXPECT_EQ(test, timens_timer_project(&p, CLOCK_REALTIME, 0, false),
			1000 * NSEC_PER_SEC);
	/* A follower's clock has the host's rate, and needs no margin */
	p.own = false;
	KUNIT_EXPECT_EQ(test, timens_timer_project(&p, CLOCK_REALTIME,
						   (TTK_EDGE + 86400) * NSEC_PER_SEC, false),
			(1000 + 86400) * NSEC_PER_SEC);
}

static struct kunit_case ttk_cases[] = {
	KUNIT_CASE(ttk_never_late),
	KUNIT_CASE(ttk_short_is_exact),
	KUNIT_CASE(ttk_few_looks),
	KUNIT_CASE(ttk_rest),
	KUNIT_CASE(ttk_range),
	KUNIT_CASE(ttk_leap_second),
	KUNIT_CASE(ttk_never),
	{}
};

static struct kunit_suite ttk_suite = {
	.name = "timens_timer",
	.test_cases = ttk_cases,
};

kunit_test_suite(ttk_suite);

MODULE_DESCRIPTION("KUnit tests of the projection of timers");
MODULE_LICENSE("GPL");
