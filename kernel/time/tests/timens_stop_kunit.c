// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of clocks which stand ("A clock which stands" in timens_rate.c)
 *
 * A clock which is stopped is compared with a copy which was brought forward to the same
 * counter value and goes on: so many cycles behind the end of the stop the one is, to the
 * last nanosecond, what the other is so many cycles behind its begin.
 */
#include "timens_mock.h"

struct tst {
	struct tkt_world	*w;
	struct tkt_actor	*a;
	struct timekeeper_ns	*twin;
	u64			from;
};

/* It stood for an hour, of the host */
static int tst_op_go_elapsed(struct timekeeper_ns *tn, void *data)
{
	timens_tk_do_go(tn, data, timens_tk_counter(tn), TKT_STOPPED_AT + TKT_HOUR);
	return 0;
}

static void tst_stop(struct tst *t)
{
	struct tkt_world *w = t->w;
	struct timens_tk_raw raw;
	s64 before[5];

	tkt_keep_raw(w);
	tkt_raw(w, &raw);
	tkt_forward(t->a->tn);
	timens_tk_copy(t->twin, t->a->tn);
	t->from = w->clock->now;
	tkt_read_all(w, t->a, before);
	KUNIT_ASSERT_EQ(w->test, tkt_write(t->a->tn, NULL, NULL, tkt_op_stop, &raw), 0);
	tkt_expect_same_all(w, t->a, before);
}

static void tst_go(struct tst *t)
{
	struct tkt_world *w = t->w;
	struct tkt_actor *a = t->a;
	struct timens_tk_raw raw;
	s64 before[5];

	tkt_keep_raw(w);
	tkt_raw(w, &raw);
	tkt_read_all(w, a, before);
	KUNIT_ASSERT_EQ(w->test, tkt_write(a->tn, NULL, NULL, tkt_op_go, &raw), 0);
	if (list_empty(&a->tn->node))
		timens_tk_calendar_queue(a->cal, a->tn, w->tick);
	tkt_expect_same_all(w, a, before);
}

/* All who read find the same time, whenever they do */
static void tst_check_stands(struct tst *t)
{
	s64 then[ARRAY_SIZE(tkt_all_clocks)], now[ARRAY_SIZE(tkt_all_clocks)], page;
	struct tkt_world *w = t->w;
	unsigned int c;

	tkt_read_all(w, t->a, then);
	tkt_run_ns(w, tkt_random(w, 2000 * NSEC_PER_SEC));
	tkt_read_all(w, t->a, now);
	for (c = 0; c < ARRAY_SIZE(tkt_all_clocks); c++) {
		tkt_same(w, "clock which stands", now[c], then[c]);
		/* The fast path, unless a leap second is near */
		if (t->a->page->clock_mode == VDSO_CLOCKMODE_NONE)
			continue;
		KUNIT_ASSERT_TRUE(w->test, tkt_read_page(t->a->page, tkt_all_clocks[c],
							 w->clock->now, &page));
		tkt_same(w, "page", page, then[c]);
	}
	KUNIT_ASSERT_EQ(w->test, t->a->page->mult, 0U);
	KUNIT_ASSERT_EQ(w->test, t->a->page[CS_RAW].mult, 0U);
	KUNIT_ASSERT_EQ(w->test, t->a->page->max_cycles, U64_MAX);
	/* No pass is to come, and nothing to wake anybody for */
	KUNIT_ASSERT_TRUE(w->test, list_empty(&t->a->tn->node));
	KUNIT_ASSERT_EQ(w->test, timens_tk_aligned_ticks(t->a->tn, tkt_pace(w)), U64_MAX);
}

/* The clock goes on as its twin did, which was not stopped */
static void tst_check_goes(struct tst *t, u64 since)
{
	struct tkt_world *w = t->w;
	u64 cycles = tkt_random(w, 3 * w->clock->hz);
	unsigned int c;

	if (t->a->tn->rate.num > t->a->tn->rate.den)
		cycles /= 1000;
	for (c = 0; c < ARRAY_SIZE(tkt_clocks); c++)
		tkt_same(w, "clock which went on",
			 tkt_read_at(w, t->a->tn, tkt_clocks[c], since + cycles),
			 tkt_read_at(w, t->twin, tkt_clocks[c], t->from + cycles));
}

static struct tst *tst_new(struct kunit *test)
{
	struct tst *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->w = tkt_world(test, TKT_TSC, &tkt_epoch);
	t->a = tkt_actor(t->w, 4 * HZ, NULL);
	t->twin = tkt_alloc(test);
	return t;
}

static void tst_stop_and_go(struct kunit *test)
{
	static const struct timens_tk_rate rates[] = {
		{ 1, 1 }, { 1, 1 }, { 3, 1 }, { 2000, 1 }, { 1, 1000 }, { 22, 7 },
	};
	const unsigned int rounds = TIMENS_KUNIT_SLOW ? 20 : 200;
	struct tst *t = tst_new(test);
	struct tkt_world *w = t->w;
	struct __kernel_timex txc;
	unsigned int i;
	s64 stood;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (i = 0; i < rounds; i++) {
		tkt_random_steering(w, &txc);
		tkt_adjtimex(w, t->a, &txc);
		if (!tkt_random(w, 4))
			tkt_set_rate(w, t->a, rates[tkt_random(w, ARRAY_SIZE(rates))]);
		tkt_run_ns(w, tkt_random(w, 10 * NSEC_PER_SEC));
		tst_stop(t);
		stood = tkt_read(w, t->a->tn, CLOCK_MONOTONIC);
		/* To leave the calendar takes a pass */
		tkt_run_ns(w, 9 * NSEC_PER_SEC);
		tst_check_stands(t);
		tkt_same(w, "stood", tkt_read(w, t->a->tn, CLOCK_MONOTONIC), stood);
		tst_go(t);
		tst_check_goes(t, w->clock->now);
		/* A second time changes nothing */
		tst_go(t);
		tkt_run_ns(w, tkt_random(w, NSEC_PER_SEC));
		KUNIT_ASSERT_GE(test, tkt_read(w, t->a->tn, CLOCK_MONOTONIC), stood);
	}
}

/* A leap second waits, before its second and within it, and so does a smear */
static void tst_leap_waits(struct kunit *test)
{
	struct timens_smear_policy policy = {
		.window = 1000, .preset = TIMENS_SMEAR_CUSTOM, .shape = TIMENS_SMEAR_COSINE,
		.place = TIMENS_SMEAR_CENTRED,
	};
	struct tst *t = tst_new(test);
	struct tkt_world *w = t->w;
	unsigned int i, seen = 0;
	s64 phase, real;

	tkt_settime(w, t->a, TKT_MIDNIGHT - 3, 500000000);
	tkt_status(w, t->a, STA_PLL | STA_INS);
	for (i = 0; i < 12; i++) {
		tst_stop(t);
		seen |= BIT(t->a->tn->ntp.time_state);
		tkt_run_ns(w, 9 * NSEC_PER_SEC);
		tst_check_stands(t);
		KUNIT_EXPECT_EQ(test, t->a->tn->ntp.time_state, t->twin->ntp.time_state);
		tst_go(t);
		tst_check_goes(t, w->clock->now);
		tkt_run_ns(w, 500 * NSEC_PER_MSEC);
	}
	KUNIT_EXPECT_EQ(test, seen, BIT(TIME_OK) | BIT(TIME_INS) | BIT(TIME_OOP) | BIT(TIME_WAIT));
	tkt_status(w, t->a, 0);

	KUNIT_ASSERT_EQ(test, tkt_write(t->a->tn, NULL, NULL, tkt_op_policy, &policy), 0);
	tkt_settime(w, t->a, TKT_MIDNIGHT - 300, 0);
	tkt_status(w, t->a, STA_PLL | STA_INS);
	tkt_run_ns(w, 200 * NSEC_PER_SEC);
	KUNIT_ASSERT_EQ(test, t->a->tn->smear.state, TIMENS_SMEAR_RUNNING);
	tst_stop(t);
	phase = timens_smear_phase(&t->a->tn->smear, timens_tk_unsmeared(t->a->tn, w->clock->now));
	tkt_run_ns(w, 9 * NSEC_PER_SEC);
	tst_check_stands(t);
	real = timens_tk_unsmeared(t->a->tn, w->clock->now);
	KUNIT_EXPECT_EQ(test, phase, timens_smear_phase(&t->a->tn->smear, real));
	tst_go(t);
	tst_check_goes(t, w->clock->now);
}

/* What is written while the clock stands */
static void tst_written(struct kunit *test)
{
	struct tst *t = tst_new(test);
	struct tkt_world *w = t->w;
	s64 mono, raw, then[5];

	tst_stop(t);
	mono = tkt_read(w, t->a->tn, CLOCK_MONOTONIC);
	tkt_run_ns(w, 9 * NSEC_PER_SEC);
	KUNIT_ASSERT_EQ(test, tkt_settime(w, t->a, 1234567890, 5), 0);
	tkt_run_ns(w, NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, tkt_read(w, t->a->tn, CLOCK_REALTIME), 1234567890 * NSEC_PER_SEC + 5);
	KUNIT_EXPECT_EQ(test, tkt_adjust(w, t->a, 10100, 0), TIME_ERROR);
	tkt_read_all(w, t->a, then);
	tkt_set_rate(w, t->a, (struct timens_tk_rate){ 2, 1 });
	tkt_expect_same_all(w, t->a, then);
	tst_check_stands(t);
	tst_go(t);
	tkt_run_ns(w, 100 * NSEC_PER_SEC);
	/* 1 % by the tick, and twice as fast */
	tkt_expect_near(w, tkt_read(w, t->a->tn, CLOCK_MONOTONIC) - mono, 202 * NSEC_PER_SEC,
			4 * tkt_rate_quantum(w, t->a->tn->rate,
					     t->a->tn->tkd.timekeeper.tkr_mono.shift) +
			NSEC_PER_SEC / HZ / 50, "two seconds each");
	raw = tkt_ideal(&w->clock->cs, t->a->tn->rate, tkt_ns_to_cycles(w, 100 * NSEC_PER_SEC));
	tkt_expect_near(w, tkt_read(w, t->a->tn, CLOCK_MONOTONIC_RAW) - then[4], raw,
			2 * tkt_rate_quantum(w, t->a->tn->rate, t->a->tn->raw.shift) + 100, "raw");
}

/* As if the machine had slept: what does not count that goes on, and a leap second is taken */
static void tst_elapsed(struct kunit *test)
{
	static const struct timens_tk_rate rates[] = { { 1, 1 }, { 3, 1 }, { 1, 4 } };
	struct tst *t = tst_new(test);
	struct tkt_world *w = t->w;
	struct timens_tk_raw raw;
	s64 before[5], after[5];
	unsigned int i, c;

	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		tkt_set_rate(w, t->a, rates[i]);
		tkt_settime(w, t->a, TKT_MIDNIGHT - 60, 0);
		tkt_status(w, t->a, STA_PLL | STA_INS);
		tkt_run_ns(w, 10 * NSEC_PER_SEC);
		tst_stop(t);
		tkt_read_all(w, t->a, before);
		tkt_run_ns(w, NSEC_PER_SEC);
		tkt_keep_raw(w);
		tkt_raw(w, &raw);
		KUNIT_ASSERT_EQ(test, tkt_write(t->a->tn, NULL, NULL, tst_op_go_elapsed, &raw), 0);
		tkt_read_all(w, t->a, after);
		for (c = 0; c < ARRAY_SIZE(tkt_all_clocks); c++) {
			s64 want = TKT_HOUR * rates[i].num / rates[i].den;

			switch (tkt_all_clocks[c]) {
			case CLOCK_MONOTONIC_RAW:
				tkt_expect_near(w, after[c], before[c], 1, "raw");
				continue;
			case CLOCK_MONOTONIC:
				want = 0;
				break;
			case CLOCK_REALTIME:
				want -= NSEC_PER_SEC;
				break;
			}
			KUNIT_EXPECT_EQ_MSG(test, after[c] - before[c], want, "clock %d",
					    tkt_all_clocks[c]);
		}
		if (list_empty(&t->a->tn->node))
			timens_tk_calendar_queue(t->a->cal, t->a->tn, w->tick);
		tkt_run_ns(w, 10 * NSEC_PER_SEC);
		tkt_status(w, t->a, 0);
		tkt_run_ns(w, 10 * NSEC_PER_SEC);
	}
}

/* Another counter, and a sleep of the machine */
static void tst_changes(struct kunit *test)
{
	struct tkt_clock *other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);
	struct timens_tk_change change = { .kind = TIMENS_TK_CLOCKSOURCE };
	struct timens_tk_change sleep = {
		.kind = TIMENS_TK_SUSPEND, .sleep = { .tv_sec = 5000 },
	};
	struct tst *t = tst_new(test);
	struct tkt_world *w = t->w;
	s64 then[5], now[5];
	unsigned int c;

	KUNIT_ASSERT_NOT_NULL(test, other);
	tkt_clock_init(other, TKT_HPET, 0);
	tst_stop(t);
	tkt_read_all(w, t->a, then);
	tkt_run_ns(w, 9 * NSEC_PER_SEC);
	tkt_change_counter(w, other, 12345, &change);
	tkt_change(t->a, &change, true);
	for (c = 0; c < 5; c++)
		tkt_same(w, "other counter", tkt_read(w, t->a->tn, tkt_all_clocks[c]), then[c]);

	sleep.old_cycles = w->clock->now & w->clock->cs.mask;
	sleep.cycles = sleep.old_cycles;
	tkt_raw(w, &sleep.raw);
	tkt_change(t->a, &sleep, true);
	for (c = 0; c < 5; c++)
		tkt_same(w, "sleep", tkt_read(w, t->a->tn, tkt_all_clocks[c]), then[c]);

	tst_go(t);
	w->clock->now += w->clock->hz;
	tkt_read_all(w, t->a, now);
	for (c = 0; c < 5; c++)
		tkt_expect_near(w, now[c] - then[c], NSEC_PER_SEC,
				2 * tkt_quantum(w, t->a->tn) + 2 * NSEC_PER_SEC / w->clock->hz + 2,
				"clock %d", tkt_all_clocks[c]);
}

/* Where timers stand, and what durations are */
static void tst_projection(struct kunit *test)
{
	struct timens_tk_pair p = {
		.ns = { .tv_sec = 100 }, .host = { .tv_sec = 7 }, .ns_mult = 0, .host_mult = 1000,
		.edge_sec = TIME64_MAX, .host_leap = TIME64_MAX, .rate = { 2, 1 }, .own = true,
	};

	KUNIT_EXPECT_EQ(test, timens_timer_project(&p, CLOCK_REALTIME, ktime_set(101, 0), false),
			KTIME_MAX);
	KUNIT_EXPECT_EQ(test, timens_timer_project(&p, CLOCK_BOOTTIME, ktime_set(101, 0), true),
			KTIME_MAX);
	KUNIT_EXPECT_EQ(test, timens_timer_project_rest(&p, CLOCK_MONOTONIC, ktime_set(100, 1)),
			KTIME_MAX);
	/* What is due is due */
	KUNIT_EXPECT_EQ(test, timens_timer_project(&p, CLOCK_MONOTONIC, ktime_set(100, 0), false),
			ktime_set(7, 0));
	KUNIT_EXPECT_EQ(test, timens_timer_to_host(1, 1000, 0), KTIME_MAX);
	KUNIT_EXPECT_EQ(test, timens_timer_scale(0, 1000, 0), 0);
	KUNIT_EXPECT_EQ(test, timens_tk_scale(5, 1000, 0), S64_MAX);
	KUNIT_EXPECT_EQ(test, timens_tk_scale(-5, 1000, 0), -S64_MAX);
	KUNIT_EXPECT_EQ(test, timens_tk_scale(0, 1000, 0), 0);
	KUNIT_EXPECT_EQ(test, timens_tk_scale(12345, 0, 1000), 0);
}

static struct kunit_case tst_cases[] = {
	KUNIT_CASE(tst_stop_and_go),
	KUNIT_CASE(tst_leap_waits),
	KUNIT_CASE(tst_written),
	KUNIT_CASE(tst_elapsed),
	KUNIT_CASE(tst_changes),
	KUNIT_CASE(tst_projection),
	{}
};

static struct kunit_suite tst_suite = {
	.name = "timens_stop",
	.test_cases = tst_cases,
};

kunit_test_suite(tst_suite);

MODULE_DESCRIPTION("KUnit tests of clocks which stand");
MODULE_LICENSE("GPL");
