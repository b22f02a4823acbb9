// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of changes of the host's timekeeping: when an owner goes through them does
 * not matter to who reads its clock
 */
#include "timens_mock.h"

/*
 * Two namespaces get the same orders at the same moments, and take passes at the same
 * moments. The one goes through each change of the clocksource and each suspend at once,
 * the other one when its pass comes, or an order: there may be several changes in
 * between. Whoever reads the other one meanwhile takes it through the changes himself.
 *
 * The two are on different lines in between only because a pass which goes through a
 * change advances to it first. That makes its multiplier choose another way of the two to
 * a unit, and what that leaves is given up in a change, as all of the NTP error is. So
 * each change may add what a unit makes until the next pass.
 */

/**
 * struct tkt_changes - What happens besides the changes
 * @name:	Name
 * @rate:	Rate of the namespaces
 * @steer:	They are steered
 * @leap:	Leap second ahead
 * @smear:	It is smeared
 */
struct tkt_changes {
	const char		*name;
	struct timens_tk_rate	rate;
	bool			steer;
	int			leap;
	bool			smear;
};

static const struct tkt_changes tkt_changeses[] = {
	{ "calm", { 1, 1 } },
	{ "steered", { 1, 1 }, true },
	{ "leap second inserted", { 1, 1 }, true, STA_INS },
	{ "leap second deleted", { 1, 1 }, false, STA_DEL },
	{ "leap second smeared", { 1, 1 }, true, STA_INS, true },
	{ "rate 1/3", { 1, 3 }, true },
	{ "rate 60", { 60, 1 }, true, STA_DEL },
	{ "rate 2000", { 2000, 1 }, true, STA_INS },
	{ "rate 2000, smeared", { 2000, 1 }, true, STA_INS, true },
};

static void tkt_changes_desc(const struct tkt_changes *changes, char *desc)
{
	strscpy(desc, changes->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(tkt_changes, tkt_changeses, tkt_changes_desc);

/* Fewer than the ring has, which the calendar of the system ensures */
#define TKT_CHANGES_MOST	(TIMENS_TK_CHANGES - 1)

/* The coarse clock of a held page */
static s64 tkt_read_held(const struct vdso_data *vd, clockid_t clk)
{
	u64 nsec = mul_u64_u32_add_u64_shr(vd->max_cycles, vd->mult, vd->basetime[clk].nsec,
					   vd->shift);

	return vd->basetime[clk].sec * NSEC_PER_SEC + nsec;
}

/* A change, at which both show the same as before it, and @slept more */
static void tkt_one_change(struct tkt_world *w, struct tkt_actor **a, s64 slept)
{
	static const struct tkt_spec * const specs[] = { TKT_TSC, TKT_HPET, TKT_ACPI_PM };
	struct timens_tk_change change = { .kind = TIMENS_TK_CLOCKSOURCE };
	bool held = !timens_tk_is_stale(a[1]->tn);
	struct tkt_clock *clock = w->clock;
	s64 before, after;
	unsigned int i;
	u64 now;

	before = tkt_read(w, a[0]->tn, CLOCK_MONOTONIC);
	if (slept >= 0) {
		/* The counter may have been reset */
		change.kind = TIMENS_TK_SUSPEND;
		change.sleep = ns_to_timespec64(slept);
	} else {
		clock = kunit_kzalloc(w->test, sizeof(*clock), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(w->test, clock);
		tkt_clock_init(clock, specs[tkt_random(w, ARRAY_SIZE(specs))], 0);
	}
	now = tkt_random(w, min(clock->cs.mask, 1000000000000ULL));
	tkt_change_counter(w, clock, now, &change);
	for (i = 0; i < 2; i++) {
		tkt_change(a[i], &change, !i);
		tkt_change_calendar(w, a[i], HZ);
	}
	KUNIT_ASSERT_TRUE(w->test, timens_tk_is_stale(a[1]->tn));
	KUNIT_ASSERT_TRUE(w->test, a[1]->page->ns_state & VDSO_NS_HELD);
	KUNIT_ASSERT_EQ(w->test, a[1]->page->clock_mode, VDSO_CLOCKMODE_NONE);
	KUNIT_ASSERT_FALSE(w->test, a[1]->page->seq & 1);
	KUNIT_ASSERT_EQ(w->test, a[1]->page->basetime[VDSO_NS_COARSE_SLOT].sec, 0);
	KUNIT_ASSERT_FALSE(w->test, a[0]->page->ns_state & VDSO_NS_HELD);

	after = tkt_read(w, a[0]->tn, CLOCK_MONOTONIC);
	KUNIT_ASSERT_GE(w->test, after, before);
	KUNIT_ASSERT_LE(w->test, after - before, 1);
	/* The coarse clocks stand at the first change which was not seen, or before */
	before = tkt_read_held(a[1]->page, CLOCK_MONOTONIC);
	KUNIT_ASSERT_LE(w->test, before, tkt_read(w, a[1]->tn, CLOCK_MONOTONIC) + 2);
	if (held && a[1]->page->max_cycles < a[1]->tn->page_valid)
		tkt_expect_near(w, before, tkt_read(w, a[1]->tn, CLOCK_MONOTONIC), 2,
				"held at a change");
}

static void tkt_lazy(struct kunit *test)
{
	const struct tkt_changes *changes = test->param_value;
	struct timens_smear_policy policy = {
		1000, TIMENS_SMEAR_CUSTOM, TIMENS_SMEAR_COSINE, TIMENS_SMEAR_CENTRED,
	};
	unsigned int i, k, c, total = 0, several = 0, nr = timens_kunit_effort(1200);
	s64 ahead = (s64)nr * 150 * changes->rate.num / changes->rate.den;
	struct timespec64 real = { .tv_sec = TKT_MIDNIGHT - div_s64(ahead, 2000) };
	struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
	s64 now[2], last[2] = { }, worst = 0;
	struct __kernel_timex txc, other;
	struct tkt_rate_arg arg;
	struct tkt_actor *a[2];
	u64 unit, stall, most;
	u32 missed;

	kunit_info(test, "seed %#llx", tkt_seed);
	tkt_keep_raw(w);
	for (i = 0; i < 2; i++)
		a[i] = tkt_actor(w, HZ, NULL);
	for (i = 0; i < 2; i++) {
		if (changes->smear)
			KUNIT_ASSERT_EQ(test, tkt_write(a[i]->tn, NULL, NULL, tkt_op_policy,
							&policy), 0);
		if (changes->leap)
			KUNIT_ASSERT_GE(test, tkt_status(w, a[i], changes->leap | STA_PLL), 0);
		tkt_raw(w, &arg.raw);
		arg.rate = changes->rate;
		KUNIT_ASSERT_EQ(test, tkt_write(a[i]->tn, NULL, NULL, tkt_op_rate, &arg), 0);
	}
	for (k = 0; k < nr; k++) {
		tkt_run_ns(w, 1 + tkt_random(w, 300 * NSEC_PER_MSEC));
		if (!tkt_random(w, 10)) {
			missed = READ_ONCE(a[1]->tn->log->epoch) - a[1]->tn->epoch;
			several += missed > 0;
			if (missed < TKT_CHANGES_MOST) {
				tkt_one_change(w, a, tkt_random(w, 3) ? -1 :
					       (s64)tkt_random(w, 100 * NSEC_PER_SEC));
				total++;
			}
			stall = tkt_random(w, 3 * HZ);
			a[0]->stall = stall;
			a[1]->stall = stall;
		}
		unit = tkt_rate_quantum(w, changes->rate, a[0]->tn->tkd.timekeeper.tkr_mono.shift);
		most = 4 + 3 * unit;
		for (c = 0; c < ARRAY_SIZE(tkt_all_clocks); c++) {
			for (i = 0; i < 2; i++)
				now[i] = tkt_read(w, a[i]->tn, tkt_all_clocks[c]);
			worst = max(worst, abs(now[0] - now[1]));
			tkt_expect_near(w, now[0], now[1], most, "clock %d, step %u",
					tkt_all_clocks[c], k);
			if (tkt_all_clocks[c] != CLOCK_MONOTONIC)
				continue;
			for (i = 0; i < 2; i++) {
				KUNIT_ASSERT_GE_MSG(test, now[i], last[i], "step %u", k);
				last[i] = now[i];
			}
		}
		if (!changes->steer || tkt_random(w, 40))
			continue;
		tkt_random_steering(w, &txc);
		if (txc.modes & ADJ_STATUS)
			txc.status |= changes->leap;
		other = txc;
		KUNIT_ASSERT_EQ(test, tkt_adjtimex(w, a[0], &txc), tkt_adjtimex(w, a[1], &other));
		KUNIT_ASSERT_FALSE(test, timens_tk_is_stale(a[1]->tn));
		tkt_same_ntp(w, &a[0]->tn->ntp, &a[1]->tn->ntp);
	}
	KUNIT_EXPECT_GT(test, total, nr / 20);
	KUNIT_EXPECT_GT(test, several, 0U);
	kunit_info(test, "%u changes, %u behind others; at most %lld ns apart, bound %llu ns",
		   total, several, worst, most);
}

/* An owner which needs many steps for a change: its page stays held until the last one */
static void tkt_lazy_steps(struct kunit *test)
{
	struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
	struct tkt_clock *clock = kunit_kzalloc(test, sizeof(*clock), GFP_KERNEL);
	struct timens_tk_change change = { .kind = TIMENS_TK_CLOCKSOURCE };
	struct __kernel_timex txc = {
		.modes = ADJ_OFFSET | ADJ_STATUS | ADJ_NANO, .status = STA_PLL,
		.constant = 0, .offset = 400 * NSEC_PER_MSEC,
	};
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	unsigned int steps, rounds = 0;
	s64 before, held, last = 0;
	unsigned long flags;
	bool there;

	KUNIT_ASSERT_NOT_NULL(test, clock);
	KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);
	a->stall = U64_MAX;
	tkt_run_ns(w, 100 * (u64)NSEC_PER_SEC + 1234567);
	before = tkt_read(w, a->tn, CLOCK_MONOTONIC);
	tkt_clock_init(clock, TKT_HPET, 0);
	tkt_change_counter(w, clock, 12345, &change);
	tkt_change(a, &change, false);
	do {
		steps = 4;
		raw_spin_lock_irqsave(&a->tn->tkd.lock, flags);
		timens_tk_update_begin(a->tn);
		there = timens_tk_replay(a->tn, &steps);
		timens_tk_update_end(a->tn);
		raw_spin_unlock_irqrestore(&a->tn->tkd.lock, flags);
		KUNIT_ASSERT_EQ(test, !there, !!(a->page->ns_state & VDSO_NS_HELD));
		KUNIT_ASSERT_EQ(test, a->page->clock_mode, VDSO_CLOCKMODE_NONE);
		if (!there) {
			held = tkt_read_held(a->page, CLOCK_MONOTONIC);
			KUNIT_ASSERT_GE(test, held, last);
			KUNIT_ASSERT_LE(test, held, before);
			last = held;
		}
		rounds++;
	} while (!there);
	KUNIT_EXPECT_GT(test, rounds, 10U);
	tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_MONOTONIC), before, 2, "in many rounds");
}

static struct kunit_case tkt_change_cases[] = {
	KUNIT_CASE(tkt_lazy_steps),
	KUNIT_CASE_PARAM_ATTR(tkt_lazy, tkt_changes_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite tkt_change_suite = {
	.name = "timens_change",
	.test_cases = tkt_change_cases,
};

kunit_test_suite(tkt_change_suite);

MODULE_DESCRIPTION("KUnit tests of changes of the host's timekeeping");
MODULE_LICENSE("GPL");
