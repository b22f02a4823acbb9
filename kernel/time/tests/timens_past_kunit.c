// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the past of a clock
 *
 * The property: what was looked up once is looked up ever after, and the order of
 * two instants is kept. The clock whose past it is, is made up here and keeps its
 * own record.
 */
#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/math64.h>
#include <linux/prandom.h>
#include <linux/time64.h>

#include "../timens_internal.h"

#define TKT_ONE		BIT_ULL(40)
#define TKT_SEEN	512

static const struct timens_tk_rate tkt_rate_one = { 1, 1 };

static void tkt_past_log(struct kunit *test, struct timens_past *past, unsigned int size)
{
	*past = (struct timens_past){ .size = size };
	past->line = kunit_kcalloc(test, size, sizeof(*past->line), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, past->line);
}

/* What a second of the host is to a clock */
static void tkt_past_slopes(struct kunit *test)
{
	static const struct timens_tk_rate rates[] = {
		{ 1, 1 }, { 2000, 1 }, { 1, 1000 }, { 1999, 7 }, { 999999999, 1000000000 },
		{ 1000000000, 500001 },
	};
	/* Steered by 10 %, and 500 ppm, on either side */
	static const u64 ticks[] = { 900000, 1000000, 1100000, 1000500, 999500 };
	unsigned int r, i, k;

	for (r = 0; r < ARRAY_SIZE(rates); r++) {
		for (i = 0; i < ARRAY_SIZE(ticks); i++) {
			for (k = 0; k < ARRAY_SIZE(ticks); k++) {
				u64 unit = ((u64)NSEC_PER_SEC << 32) / HZ / 1000000;
				u64 slope = timens_past_slope(ticks[i] * unit, ticks[k] * unit,
							      rates[r]);
				u64 day = 86400ULL * NSEC_PER_SEC;
				u64 got = mul_u64_u64_shr(day, slope, 40);
				u64 want = mul_u64_u64_div_u64(day, ticks[i], ticks[k]);

				want = mul_u64_u64_div_u64(want, rates[r].num, rates[r].den);
				/* Two quotients are cut, the first before the rate: 79 ns a day */
				KUNIT_EXPECT_LE_MSG(test, abs_diff(got, want),
						    80ULL * (rates[r].num / rates[r].den + 2),
						    "rate %u/%u, ticks %llu %llu", rates[r].num,
						    rates[r].den, ticks[i], ticks[k]);
			}
		}
	}
	KUNIT_EXPECT_EQ(test, timens_past_slope(77777, 77777, tkt_rate_one), TKT_ONE);
}

/*
 * A slope of one is the quotient of two equal numbers. Where the compiler knows
 * that they are, the asm of x86 may hold both in one register and loses one.
 */
static void tkt_past_ratio_of_one(struct kunit *test)
{
	u64 known = NSEC_PER_SEC, hidden = known;

	OPTIMIZER_HIDE_VAR(hidden);
	KUNIT_EXPECT_EQ(test, mul_u64_u64_div_u64(known, 12345, known), 12345);
	KUNIT_EXPECT_EQ(test, mul_u64_u64_div_u64(hidden, 12345, hidden), 12345);
	KUNIT_EXPECT_EQ(test, mul_u64_u64_div_u64(hidden, hidden, hidden), hidden);
}

/* Before the first line the offset is constant, below zero and above */
static void tkt_past_older(struct kunit *test)
{
	struct timens_past past;

	tkt_past_log(test, &past, 8);
	KUNIT_ASSERT_TRUE(test, timens_past_append(&past, 1000, 900, 2000 * TKT_ONE, 0));
	KUNIT_EXPECT_EQ(test, timens_past_at(&past, 1000), 900);
	KUNIT_EXPECT_EQ(test, timens_past_at(&past, 999), 899);
	KUNIT_EXPECT_EQ(test, timens_past_at(&past, 100), 0);
	KUNIT_EXPECT_EQ(test, timens_past_at(&past, 0), -100);
	KUNIT_EXPECT_EQ(test, timens_past_at(&past, 1001), 2900);

	tkt_past_log(test, &past, 8);
	KUNIT_ASSERT_TRUE(test, timens_past_append(&past, 1000, S64_MAX / 2, 0, 0));
	KUNIT_EXPECT_EQ(test, timens_past_at(&past, 0), S64_MAX / 2 - 1000);
	KUNIT_EXPECT_EQ(test, timens_past_at(&past, S64_MAX), S64_MAX / 2);
}

/* A full log goes on for ever with its last line: it saturates, and does not wrap */
static void tkt_past_far(struct kunit *test)
{
	static const s64 at[] = { 0, 1, S64_MAX / 2, S64_MAX };
	struct timens_past past;
	u64 host, step = 400LL * 86400 * NSEC_PER_SEC;
	s64 last, now;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		tkt_past_log(test, &past, 1);
		KUNIT_ASSERT_TRUE(test, timens_past_append(&past, 0, at[i], 2000 * TKT_ONE, 0));
		KUNIT_EXPECT_FALSE(test, timens_past_append(&past, 1, 1, TKT_ONE, 0));
		last = at[i];
		for (host = 1; host < (u64)S64_MAX - step; host += step) {
			now = timens_past_at(&past, host);
			KUNIT_ASSERT_GE(test, now, last);
			last = now;
		}
	}
}

/* Lines are kept for those who need them; the tolerance grows before they run out */
static void tkt_past_room(struct kunit *test)
{
	struct timens_tk_rate fast = { 2000, 1 }, slow = { 1, 1000 };
	struct timens_past past;
	s64 tolerance, last = 0;
	unsigned int i;

	tkt_past_log(test, &past, TIMENS_PAST_MAX);
	for (i = 0; timens_past_append(&past, i, i, TKT_ONE, 2); i++) {
		tolerance = timens_past_tolerance(&past, tkt_rate_one);
		KUNIT_ASSERT_GE(test, tolerance, last);
		KUNIT_ASSERT_EQ(test, tolerance, timens_past_tolerance(&past, slow));
		KUNIT_ASSERT_EQ(test, 2000 * tolerance, timens_past_tolerance(&past, fast));
		last = tolerance;
	}
	KUNIT_EXPECT_EQ(test, i, TIMENS_PAST_MAX - 2);
	KUNIT_EXPECT_EQ(test, last, 128 * NSEC_PER_MSEC);
	KUNIT_EXPECT_TRUE(test, timens_past_append(&past, i, i, TKT_ONE, 0));
	KUNIT_EXPECT_TRUE(test, timens_past_append(&past, i, i, TKT_ONE, 0));
	KUNIT_EXPECT_FALSE(test, timens_past_append(&past, i, i, TKT_ONE, 0));
}

/* Whatever the clock did: nothing that was seen changes, and the order is kept */
static void tkt_past_random(struct kunit *test)
{
	struct rnd_state rnd;
	struct {
		u64 host;
		s64 ns;
	} *seen;
	unsigned int i, k, nr, round;
	struct timens_past past;
	u64 host, slope;
	s64 ns;

	seen = kunit_kcalloc(test, TKT_SEEN, sizeof(*seen), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, seen);
	prandom_seed_state(&rnd, 0x70617374);
	for (round = 0; round < 20; round++) {
		tkt_past_log(test, &past, TIMENS_PAST_MAX);
		host = (u64)prandom_u32_state(&rnd) << 20;
		ns = (s64)host - ((s64)prandom_u32_state(&rnd) << 18);
		nr = 0;
		for (i = 0; i < 100; i++) {
			slope = TKT_ONE * (prandom_u32_state(&rnd) % 2001);
			if (prandom_u32_state(&rnd) % 4)
				slope = TKT_ONE - TKT_ONE / 10 +
					(TKT_ONE >> 20) * (prandom_u32_state(&rnd) % (1 << 17));
			/* Behind all that was looked up */
			host++;
			KUNIT_ASSERT_TRUE(test, timens_past_append(&past, host, ns, slope, 0));
			for (k = 0; k < 4 && nr < TKT_SEEN; k++) {
				host += prandom_u32_state(&rnd);
				seen[nr].host = host;
				seen[nr].ns = timens_past_at(&past, host);
				if (nr)
					KUNIT_ASSERT_GE(test, seen[nr].ns, seen[nr - 1].ns);
				nr++;
			}
			/* The clock turns out to be elsewhere, on either side */
			ns = timens_past_at(&past, host) +
			     (s32)prandom_u32_state(&rnd) / (1 << prandom_u32_state(&rnd) % 20);
			for (k = 0; k < nr; k++)
				KUNIT_ASSERT_EQ(test, timens_past_at(&past, seen[k].host),
						seen[k].ns);
		}
	}
}

static struct kunit_case tkt_past_cases[] = {
	KUNIT_CASE(tkt_past_slopes),
	KUNIT_CASE(tkt_past_ratio_of_one),
	KUNIT_CASE(tkt_past_older),
	KUNIT_CASE(tkt_past_far),
	KUNIT_CASE(tkt_past_room),
	KUNIT_CASE(tkt_past_random),
	{}
};

static struct kunit_suite tkt_past_suite = {
	.name = "timens_past",
	.test_cases = tkt_past_cases,
};

kunit_test_suite(tkt_past_suite);

MODULE_DESCRIPTION("KUnit tests of the past of a time namespace's clock");
MODULE_LICENSE("GPL");
