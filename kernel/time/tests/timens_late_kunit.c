// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of late passes: nobody reads anything else because a pass did not come
 */
#include "timens_mock.h"

/*
 * Two namespaces get the same orders at the same moments. The one takes a pass in
 * each tick, the other one when chance has it, as if the machine was idle or others
 * had used the budget up: there may be none for a quarter of a minute. Whatever is
 * read of the two is the same, at any moment: by the kernel, and from the page where
 * that says that it is valid.
 *
 * The multipliers of both are whole numbers, and each pass chooses between two of
 * them. So they are apart by what a unit makes in the longest time without a pass
 * that a line may be read for, which is some nanoseconds of the host.
 */

/* A minute, on a slow kernel too: a line holds for eight seconds, few stalls are longer */
#define TKT_LATE_LEAST	400U

struct tkt_lateness {
	const char		*name;
	struct timens_tk_rate	rate;
	bool			steer;
	int			leap;
	bool			smear;
};

static const struct tkt_lateness tkt_latenesses[] = {
	{ "steered", { 1, 1 }, true },
	{ "leap second inserted", { 1, 1 }, true, STA_INS },
	{ "leap second deleted", { 1, 1 }, false, STA_DEL },
	{ "leap second smeared", { 1, 1 }, true, STA_INS, true },
	{ "rate 1/3", { 1, 3 }, true },
	{ "rate 7/5", { 7, 5 }, true, STA_INS },
	{ "rate 60", { 60, 1 }, true, STA_DEL },
	{ "rate 2000", { 2000, 1 }, true, STA_INS },
	{ "rate 2000, smeared", { 2000, 1 }, true, STA_INS, true },
};

static void tkt_lateness_desc(const struct tkt_lateness *late, char *desc)
{
	strscpy(desc, late->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(tkt_lateness, tkt_latenesses, tkt_lateness_desc);

/* What one reader gets, page or not */
static void tkt_late_same_page(struct tkt_world *w, struct tkt_actor *a, u64 *in_page)
{
	const struct vdso_data *vd = a->page;
	unsigned int i;
	s64 ns;

	/* A smear is added by a part of the vDSO which is not modelled here */
	if (vd->ns_state & VDSO_NS_SMEAR || w->clock->now - vd->cycle_last > vd->max_cycles)
		return;
	for (i = 0; i < ARRAY_SIZE(tkt_clocks); i++) {
		if (!tkt_read_page(vd, tkt_clocks[i], w->clock->now, &ns))
			continue;
		(*in_page)++;
		KUNIT_ASSERT_EQ_MSG(w->test, ns, tkt_read(w, a->tn, tkt_clocks[i]),
				    "clock %d of the page, at tick %llu", tkt_clocks[i], w->tick);
	}
}

static void tkt_late(struct kunit *test)
{
	const struct tkt_lateness *late = test->param_value;
	struct timens_smear_policy policy = {
		1000, TIMENS_SMEAR_CUSTOM, TIMENS_SMEAR_COSINE, TIMENS_SMEAR_CENTRED,
	};
	/* It is midnight after half of the time */
	unsigned int i, k, c, nr = max(timens_kunit_effort(1200), TKT_LATE_LEAST);
	s64 ahead = (s64)nr * 150 * late->rate.num / late->rate.den;
	struct timespec64 real = { .tv_sec = TKT_MIDNIGHT - div_s64(ahead, 2000) };
	struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
	s64 last[2][ARRAY_SIZE(tkt_clocks)] = { }, now[2], worst = 0;
	u64 quantum, most, in_page = 0, beyond = 0;
	struct tkt_actor *a[2];
	struct __kernel_timex txc, other;
	struct tkt_rate_arg arg;

	kunit_info(test, "seed %#llx", tkt_seed);
	a[0] = tkt_actor(w, timens_kunit_stride(8), NULL);
	a[1] = tkt_actor(w, HZ, NULL);
	for (i = 0; i < 2; i++) {
		if (late->smear)
			KUNIT_ASSERT_EQ(test, tkt_write(a[i]->tn, NULL, NULL, tkt_op_policy,
							&policy), 0);
		if (late->leap)
			KUNIT_ASSERT_GE(test, tkt_status(w, a[i], late->leap | STA_PLL), 0);
		tkt_keep_raw(w);
		tkt_raw(w, &arg.raw);
		arg.rate = late->rate;
		KUNIT_ASSERT_EQ(test, tkt_write(a[i]->tn, NULL, NULL, tkt_op_rate, &arg), 0);
	}
	quantum = tkt_rate_quantum(w, late->rate, a[0]->tn->tkd.timekeeper.tkr_mono.shift);
	most = TIMENS_TK_HORIZON * quantum + 3;

	for (k = 0; k < nr; k++) {
		tkt_run_ns(w, 1 + tkt_random(w, 300 * NSEC_PER_MSEC));
		if (!tkt_random(w, 30))
			a[1]->stall = w->tick + tkt_random(w, 15 * HZ);
		beyond += timens_tk_is_beyond(a[1]->tn, w->clock->now);
		for (c = 0; c < ARRAY_SIZE(tkt_clocks); c++) {
			for (i = 0; i < 2; i++) {
				now[i] = tkt_read(w, a[i]->tn, tkt_clocks[c]);
				/* Only an inserted leap second goes back, and only there */
				if (tkt_clocks[c] != CLOCK_REALTIME || !late->leap || late->smear)
					KUNIT_ASSERT_GE_MSG(test, now[i], last[i][c],
							    "clock %d, step %u", tkt_clocks[c], k);
				last[i][c] = now[i];
			}
			worst = max(worst, abs(now[0] - now[1]));
			tkt_expect_near(w, now[0], now[1], most, "clock %d, step %u",
					tkt_clocks[c], k);
		}
		for (i = 0; i < 2; i++)
			tkt_late_same_page(w, a[i], &in_page);

		if (!late->steer || tkt_random(w, 40))
			continue;
		tkt_random_steering(w, &txc);
		if (txc.modes & ADJ_STATUS)
			txc.status |= late->leap;
		other = txc;
		KUNIT_ASSERT_EQ(test, tkt_adjtimex(w, a[0], &txc), tkt_adjtimex(w, a[1], &other));
		tkt_same_ntp(w, &a[0]->tn->ntp, &a[1]->tn->ntp);
	}
	KUNIT_EXPECT_GT(test, beyond, (u64)nr / 20);
	if (!late->smear)
		KUNIT_EXPECT_GT(test, in_page, (u64)nr);
	kunit_info(test, "%llu and %llu passes, %llu reads behind the end of a line, %llu of a page; at most %lld ns apart, bound %llu ns",
		   a[0]->passes, a[1]->passes, beyond, in_page, worst, most);
}

/* A leap second which is scheduled while NTP was told of more seconds than are left of the day */
static void tkt_late_order(struct kunit *test)
{
	/* In the middle of 2048 seconds, which TKT_MIDNIGHT is not */
	const time64_t day = TKT_MIDNIGHT + TKT_DAY;
	struct timespec64 real = { .tv_sec = day - 6000 };
	struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	struct __kernel_timex txc = {
		.modes = ADJ_OFFSET | ADJ_STATUS | ADJ_TIMECONST | ADJ_NANO,
		.status = STA_PLL, .constant = MAXTC, .offset = 400 * NSEC_PER_MSEC,
	};
	s64 midnight = day * NSEC_PER_SEC, ahead;

	KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);
	tkt_set_rate(w, a, (struct timens_tk_rate){ 2000, 1 });
	ahead = tkt_read(w, a->tn, CLOCK_TAI) - tkt_read(w, a->tn, CLOCK_REALTIME);
	while (tkt_read(w, a->tn, CLOCK_REALTIME) < midnight - 300 * (s64)NSEC_PER_SEC)
		tkt_run_ns(w, 50 * NSEC_PER_USEC);
	tkt_pass(w, a->tn);
	KUNIT_ASSERT_GT(test, a->tn->batch_left, 300U);
	KUNIT_ASSERT_GE(test, tkt_status(w, a, STA_INS | STA_PLL), 0);
	/* As a host second later, and any number of passes */
	tkt_run_ns(w, 3 * NSEC_PER_SEC);
	tkt_pass(w, a->tn);
	KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_TAI) -
			tkt_read(w, a->tn, CLOCK_REALTIME), ahead + (s64)NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, a->tn->edge_sec, TIME64_MAX);
}

static struct kunit_case tkt_late_cases[] = {
	KUNIT_CASE(tkt_late_order),
	KUNIT_CASE_PARAM_ATTR(tkt_late, tkt_lateness_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite tkt_late_suite = {
	.name = "timens_late",
	.test_cases = tkt_late_cases,
};

kunit_test_suite(tkt_late_suite);

MODULE_DESCRIPTION("KUnit tests of passes which come late");
MODULE_LICENSE("GPL");
