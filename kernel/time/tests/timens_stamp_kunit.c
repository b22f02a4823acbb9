// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of timestamps (timens_stamp.c)
 */
#include "timens_mock.h"

/*
 * Timestamps from before a step of the host
 */

/* A clock which is stepped now and then; times in nanoseconds */
struct tkt_host {
	struct timens_tk_epochs	log;
	ktime_t			mono;
	ktime_t			offs_real;
	ktime_t			offs_boot;
};

static void tkt_host_step(struct tkt_host *h, s64 real, s64 boot)
{
	h->offs_real += real;
	h->offs_boot += boot;
	timens_tk_epoch_add(&h->log, h->mono, h->offs_real, h->offs_boot);
}

static struct tkt_host *tkt_host(struct kunit *test)
{
	struct tkt_host *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, h);
	tkt_host_step(h, TKT_MIDNIGHT * NSEC_PER_SEC, 0);
	return h;
}

static void tkt_expect_stamp(struct kunit *test, const struct tkt_host *h, ktime_t real,
			     ktime_t mono, ktime_t slept)
{
	ktime_t got_slept = -1;

	KUNIT_EXPECT_EQ(test, timens_tk_epoch_mono(&h->log, real, h->mono, &got_slept), mono);
	KUNIT_EXPECT_EQ(test, got_slept, slept);
}

/* One step, seen from the moment of the step until long afterwards */
static void tkt_stamp_step(struct kunit *test)
{
	static const s64 steps[] = {
		1, NSEC_PER_SEC, TKT_HOUR, 400 * TKT_DAY * NSEC_PER_SEC,
		-1, -NSEC_PER_SEC, -TKT_HOUR, -400 * TKT_DAY * NSEC_PER_SEC,
	};
	static const s64 ages[] = { 0, 1, NSEC_PER_USEC, NSEC_PER_SEC, TKT_HOUR - 1 };
	static const s64 waits[] = { 0, 1, NSEC_PER_SEC, TKT_HOUR, 1000 * TKT_HOUR };
	unsigned int i, k, n;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		struct tkt_host *h = tkt_host(test);
		ktime_t at;

		at = TKT_HOUR;
		h->mono = at;
		tkt_host_step(h, steps[i], 0);
		for (n = 0; n < ARRAY_SIZE(waits); n++) {
			h->mono = at + waits[n];
			/* A timestamp from the present epoch: never in doubt */
			tkt_expect_stamp(test, h, h->mono + h->offs_real, h->mono, 0);
			tkt_expect_stamp(test, h, at + h->offs_real, at, 0);
			for (k = 0; k < ARRAY_SIZE(ages); k++) {
				ktime_t mono = at - ages[k];
				ktime_t real = mono + h->offs_real - steps[i];
				/* Set back, the clock reads the time again so much later */
				ktime_t again = mono - steps[i];

				if (steps[i] < 0 && again >= at && again <= h->mono)
					mono = again;
				tkt_expect_stamp(test, h, real, mono, 0);
			}
		}
	}
}

/* CLOCK_REALTIME goes on while MONOTONIC stands still */
static void tkt_stamp_sleep(struct kunit *test)
{
	struct tkt_host *h = tkt_host(test);
	ktime_t mono, real;

	h->mono = TKT_HOUR;
	mono = h->mono;
	real = mono + h->offs_real;
	h->mono += NSEC_PER_SEC;
	tkt_host_step(h, 8 * TKT_HOUR, 8 * TKT_HOUR);
	h->mono += NSEC_PER_SEC;
	tkt_expect_stamp(test, h, real, mono, 8 * TKT_HOUR);
	tkt_host_step(h, -NSEC_PER_SEC, 0);
	tkt_host_step(h, TKT_HOUR, TKT_HOUR);
	tkt_expect_stamp(test, h, real, mono, 9 * TKT_HOUR);
	tkt_expect_stamp(test, h, h->mono + h->offs_real, h->mono, 0);
}

/* Times which the clock never read: in a gap, to come, before everything */
static void tkt_stamp_never(struct kunit *test)
{
	struct tkt_host *h = tkt_host(test);
	unsigned int i;

	h->mono = TKT_HOUR;
	tkt_host_step(h, TKT_HOUR, 0);
	tkt_expect_stamp(test, h, h->mono + h->offs_real - 1, h->mono - 1, 0);
	tkt_expect_stamp(test, h, h->mono + h->offs_real + 1, h->mono, 0);
	tkt_expect_stamp(test, h, 1, 1 - h->offs_real, 0);

	/* The first epochs fall out of the log: their timestamps count as of the present */
	for (i = 0; i < TIMENS_TK_EPOCHS; i++) {
		h->mono += NSEC_PER_SEC;
		tkt_host_step(h, TKT_HOUR, 0);
	}
	KUNIT_EXPECT_EQ(test, h->log.nr, TIMENS_TK_EPOCHS);
	tkt_expect_stamp(test, h, h->log.epoch[h->log.last].offs_real - TKT_HOUR + h->mono - 1,
			 h->mono - 1, 0);
	tkt_expect_stamp(test, h, TKT_MIDNIGHT * NSEC_PER_SEC + 5, TKT_MIDNIGHT * NSEC_PER_SEC + 5 -
			 h->offs_real, 0);
}

/* From a nanosecond to hours */
static s64 tkt_random_span(struct rnd_state *rnd)
{
	return 1 + ((s64)prandom_u32_state(rnd) << (prandom_u32_state(rnd) % 12));
}

/*
 * Random steps. Whatever the answer, the clock must have read the timestamp then,
 * and must not have read it later; with forward steps only it is exact.
 */
static void tkt_stamp_random(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(2000);
	struct { ktime_t start, end, offs; } epoch[TIMENS_TK_EPOCHS];
	struct rnd_state rnd;
	unsigned int round;

	kunit_info(test, "seed %#llx\n", tkt_seed);
	prandom_seed_state(&rnd, tkt_seed);
	for (round = 0; round < rounds; round++) {
		bool forward = round & 1;
		struct tkt_host *h = tkt_host(test);
		unsigned int nr = 1 + prandom_u32_state(&rnd) % TIMENS_TK_EPOCHS, i, k;

		for (i = 0; i < nr; i++) {
			s64 step = tkt_random_span(&rnd);

			if (i)
				tkt_host_step(h, forward || step & 1 ? step : -step, 0);
			epoch[i].start = h->mono;
			epoch[i].offs = h->offs_real;
			h->mono += tkt_random_span(&rnd);
			epoch[i].end = h->mono;
		}
		for (k = 0; k < 20; k++) {
			unsigned int at = prandom_u32_state(&rnd) % nr;
			ktime_t mono, real, got, slept;
			u64 span = epoch[at].end - epoch[at].start, part;

			part = (u64)prandom_u32_state(&rnd) << 32 | prandom_u32_state(&rnd);
			div64_u64_rem(part, span, &part);
			mono = epoch[at].start + part;
			real = mono + epoch[at].offs;
			got = timens_tk_epoch_mono(&h->log, real, h->mono, &slept);
			if (forward)
				KUNIT_ASSERT_EQ(test, got, mono);
			KUNIT_ASSERT_GE(test, got, mono);
			for (i = 0; i < nr; i++) {
				ktime_t m = real - epoch[i].offs;

				if (got >= epoch[i].start && got < epoch[i].end)
					KUNIT_ASSERT_EQ(test, m, got);
				else if (got < epoch[i].start)
					KUNIT_ASSERT_TRUE(test, m < epoch[i].start ||
							  m > epoch[i].end);
			}
		}
		kunit_kfree(test, h);
	}
}

static struct kunit_case tkt_stamp_cases[] = {
	KUNIT_CASE(tkt_stamp_step),
	KUNIT_CASE(tkt_stamp_sleep),
	KUNIT_CASE(tkt_stamp_never),
	KUNIT_CASE(tkt_stamp_random),
	{}
};

static struct kunit_suite tkt_stamp_suite = {
	.name = "timens_stamp",
	.test_cases = tkt_stamp_cases,
};

kunit_test_suite(tkt_stamp_suite);

MODULE_DESCRIPTION("KUnit tests of timestamps");
MODULE_LICENSE("GPL");
