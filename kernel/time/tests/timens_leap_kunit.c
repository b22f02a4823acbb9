// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of leap seconds, stepped and smeared
 */
#include "timens_mock.h"

/*
 * Leap seconds
 */

/**
 * struct tkt_leap - A leap second and the pass which takes it
 * @spec:	The counter
 * @status:	STA_INS or STA_DEL
 * @passes:	Passes take place up to the last second before the edge; or
 *		none since the leap second was scheduled
 * @late:	Distance of the next pass to the edge (nsecs)
 */
struct tkt_leap {
	const struct tkt_spec	*spec;
	int			status;
	bool			passes;
	u64			late;
};

static const struct tkt_leap tkt_leaps[] = {
	{ TKT_TSC, STA_INS, true, 0 },
	{ TKT_TSC, STA_DEL, true, 0 },
	{ TKT_TSC, STA_INS, false, 0 },
	{ TKT_TSC, STA_DEL, false, 0 },
	{ TKT_TSC, STA_INS, true, NSEC_PER_MSEC },
	{ TKT_TSC, STA_DEL, true, NSEC_PER_MSEC },
	{ TKT_TSC, STA_INS, false, NSEC_PER_MSEC },
	{ TKT_TSC, STA_DEL, false, NSEC_PER_MSEC },
	{ TKT_TSC, STA_INS, true, 999 * NSEC_PER_MSEC },
	{ TKT_TSC, STA_DEL, true, 999 * NSEC_PER_MSEC },
	{ TKT_TSC, STA_INS, false, 999 * NSEC_PER_MSEC },
	{ TKT_TSC, STA_DEL, false, 999 * NSEC_PER_MSEC },
	{ TKT_TSC, STA_INS, true, 1500 * NSEC_PER_MSEC },
	{ TKT_TSC, STA_DEL, true, 1500 * NSEC_PER_MSEC },
	{ TKT_TSC, STA_INS, false, 1500 * NSEC_PER_MSEC },
	{ TKT_TSC, STA_DEL, false, 1500 * NSEC_PER_MSEC },
	{ TKT_TSC, STA_INS, true, 61 * NSEC_PER_SEC },
	{ TKT_TSC, STA_DEL, true, 61 * NSEC_PER_SEC },
	{ TKT_TSC, STA_INS, false, 61 * NSEC_PER_SEC },
	{ TKT_TSC, STA_DEL, false, 61 * NSEC_PER_SEC },
	{ TKT_TSC, STA_INS, true, 5 * TKT_HOUR },
	{ TKT_TSC, STA_DEL, true, 5 * TKT_HOUR },
	{ TKT_TSC, STA_INS, false, 5 * TKT_HOUR },
	{ TKT_TSC, STA_DEL, false, 5 * TKT_HOUR },
	{ TKT_TSC, STA_INS, true, 50 * TKT_HOUR },
	{ TKT_TSC, STA_DEL, true, 50 * TKT_HOUR },
	{ TKT_TSC, STA_INS, false, 50 * TKT_HOUR },
	{ TKT_TSC, STA_DEL, false, 50 * TKT_HOUR },
	{ TKT_HPET, STA_INS, true, NSEC_PER_MSEC },
	{ TKT_HPET, STA_DEL, true, NSEC_PER_MSEC },
	{ TKT_HPET, STA_INS, false, NSEC_PER_MSEC },
	{ TKT_HPET, STA_DEL, false, NSEC_PER_MSEC },
	{ TKT_HPET, STA_INS, true, 25 * NSEC_PER_SEC },
	{ TKT_HPET, STA_DEL, true, 25 * NSEC_PER_SEC },
	{ TKT_HPET, STA_INS, false, 25 * NSEC_PER_SEC },
	{ TKT_HPET, STA_DEL, false, 25 * NSEC_PER_SEC },
	{ TKT_ACPI_PM, STA_INS, true, NSEC_PER_MSEC },
	{ TKT_ACPI_PM, STA_DEL, true, NSEC_PER_MSEC },
	{ TKT_ACPI_PM, STA_INS, true, 2 * (u64)NSEC_PER_SEC },
	{ TKT_ACPI_PM, STA_DEL, true, 2 * (u64)NSEC_PER_SEC },
};

static void tkt_leap_desc(const struct tkt_leap *leap, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s, %s, pass %llu us late", leap->spec->name,
		 leap->status == STA_INS ? "insert" : "delete",
		 leap->passes ? "armed" : "just scheduled", div_u64(leap->late, NSEC_PER_USEC));
}

KUNIT_ARRAY_PARAM(tkt_leap, tkt_leaps, tkt_leap_desc);

/* Readers see the leap second at its edge, to the cycle, with no pass near */
static void tkt_leap_edge(struct kunit *test)
{
	const struct tkt_leap *leap = test->param_value;
	bool ins = leap->status == STA_INS;
	s64 edge = ins ? TKT_MIDNIGHT : TKT_MIDNIGHT - 1, step = ins ? -1 : 1, tai = 37;
	struct timespec64 real = { .tv_sec = edge - 6, .tv_nsec = 300000000 };
	struct tkt_world *w = tkt_world(test, leap->spec, &real);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	struct __kernel_timex txc = {
		.modes = ADJ_TAI | ADJ_STATUS | ADJ_FREQUENCY | ADJ_NANO, .constant = tai,
		.status = leap->status, .freq = tkt_random_signed(w, 500 << 16),
	};
	u64 at, cycles_ns = div64_u64(NSEC_PER_SEC, w->clock->hz) + 1;
	s64 mono;
	int got;

	KUNIT_ASSERT_EQ(test, tkt_adjtimex(w, a, &txc), TIME_OK);
	/* A pass is due in each second; the last one before the edge takes place */
	a->stall = leap->passes ? 5000 : U64_MAX;
	tkt_run_ns(w, 200 * NSEC_PER_MSEC);
	if (leap->passes) {
		a->stall = 0;
		tkt_run_ns(w, 5 * (u64)NSEC_PER_SEC);
		a->stall = U64_MAX;
		KUNIT_ASSERT_EQ(test, a->tn->ntp.time_state, ins ? TIME_INS : TIME_DEL);
	} else {
		KUNIT_ASSERT_EQ(test, a->tn->ntp.time_state, TIME_OK);
	}
	KUNIT_ASSERT_EQ(test, a->tn->edge_sec, edge);

	at = tkt_find_tai(w, a->tn, (edge + tai) * NSEC_PER_SEC);
	KUNIT_ASSERT_GT(test, at, w->clock->now);

	/* A cycle before */
	KUNIT_EXPECT_EQ(test, tkt_read_at(w, a->tn, CLOCK_REALTIME, at - 1),
			tkt_read_at(w, a->tn, CLOCK_TAI, at - 1) - tai * NSEC_PER_SEC);
	KUNIT_EXPECT_LT(test, tkt_read_at(w, a->tn, CLOCK_REALTIME, at - 1), edge * NSEC_PER_SEC);
	KUNIT_EXPECT_GE(test, tkt_read_at(w, a->tn, CLOCK_REALTIME, at - 1),
			edge * NSEC_PER_SEC - (s64)cycles_ns - 1);
	/* At the edge, and a cycle after */
	KUNIT_EXPECT_EQ(test, tkt_read_at(w, a->tn, CLOCK_REALTIME, at),
			tkt_read_at(w, a->tn, CLOCK_TAI, at) + (step - tai) * NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, tkt_read_at(w, a->tn, CLOCK_REALTIME_COARSE, at + 1),
			tkt_read_at(w, a->tn, CLOCK_TAI, at + 1) + (step - tai) * NSEC_PER_SEC);
	/* TAI and MONOTONIC do not notice */
	KUNIT_EXPECT_LE(test, tkt_read_at(w, a->tn, CLOCK_TAI, at + 1) -
			tkt_read_at(w, a->tn, CLOCK_TAI, at - 1), (s64)(2 * cycles_ns + 1));
	KUNIT_EXPECT_LE(test, tkt_read_at(w, a->tn, CLOCK_MONOTONIC, at + 1) -
			tkt_read_at(w, a->tn, CLOCK_MONOTONIC, at - 1), (s64)(2 * cycles_ns + 1));

	/* Now the pass; tkt_pass() compares all clocks before and after */
	tkt_run_to(w, at + tkt_ns_to_cycles(w, leap->late));
	mono = tkt_read(w, a->tn, CLOCK_MONOTONIC);
	KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME),
			tkt_read(w, a->tn, CLOCK_TAI) + (step - tai) * NSEC_PER_SEC);
	txc = (struct __kernel_timex) { 0 };
	got = tkt_adjtimex(w, a, &txc);
	if (txc.status & STA_UNSYNC)
		got = a->tn->ntp.time_state;
	KUNIT_EXPECT_EQ(test, got, ins && leap->late < NSEC_PER_SEC ? TIME_OOP : TIME_WAIT);
	KUNIT_EXPECT_EQ(test, txc.tai, (int)(tai - step));
	KUNIT_EXPECT_EQ(test, txc.time.tv_sec * NSEC_PER_SEC + txc.time.tv_usec,
			tkt_read(w, a->tn, CLOCK_REALTIME));
	KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_MONOTONIC), mono);
	if (leap->late > NSEC_PER_MSEC) {
		KUNIT_EXPECT_EQ(test, a->tn->edge_sec, TIME64_MAX);
		KUNIT_EXPECT_EQ(test, a->tn->tkd.timekeeper.tai_offset, (int)(tai - step));
	}

	/* One leap second, however long the flag stays */
	a->stall = 0;
	tkt_run_ns(w, 3 * (u64)NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, tkt_state(w, a), TIME_WAIT);
	KUNIT_EXPECT_EQ(test, a->tn->edge_sec, TIME64_MAX);
	KUNIT_EXPECT_EQ(test, a->tn->tkd.timekeeper.tai_offset, (int)(tai - step));
	KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME),
			tkt_read(w, a->tn, CLOCK_TAI) + (step - tai) * NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, tkt_status(w, a, 0), TIME_WAIT);
	tkt_run_ns(w, 2 * (u64)NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, tkt_state(w, a), TIME_OK);
}

/**
 * struct tkt_scene - What happens around a midnight
 * @name:	Name
 * @start:	First request, relative to midnight (msecs)
 * @status:	Status which it sets
 * @again:	Second request, relative to midnight (msecs)
 * @status2:	Status which that sets
 * @states:	States which have to come about, as a mask; the host decides
 *		about everything else
 */
struct tkt_scene {
	const char	*name;
	s64		start;
	int		status;
	s64		again;
	int		status2;
	unsigned int	states;
};

#define TKT_NEVER	100000

static const struct tkt_scene tkt_scenes[] = {
	{ "insert, flag cleared in OOP", -4500, STA_INS, 500, 0,
	  BIT(TIME_OK) | BIT(TIME_INS) | BIT(TIME_OOP) },
	{ "insert, flag cleared in WAIT", -4500, STA_INS, 2500, 0,
	  BIT(TIME_INS) | BIT(TIME_OOP) | BIT(TIME_WAIT) | BIT(TIME_OK) },
	{ "insert, flag kept", -4500, STA_INS, TKT_NEVER, 0, BIT(TIME_OOP) | BIT(TIME_WAIT) },
	{ "delete, flag cleared", -4500, STA_DEL, 1500, 0,
	  BIT(TIME_DEL) | BIT(TIME_WAIT) | BIT(TIME_OK) },
	{ "delete, flag kept", -4500, STA_DEL, TKT_NEVER, 0, BIT(TIME_DEL) | BIT(TIME_WAIT) },
	{ "insert withdrawn", -4500, STA_INS, -2500, 0, BIT(TIME_INS) | BIT(TIME_OK) },
	{ "insert withdrawn in the last second", -4500, STA_INS, -500, 0,
	  BIT(TIME_INS) | BIT(TIME_OK) },
	{ "delete withdrawn", -4500, STA_DEL, -2500, 0, BIT(TIME_DEL) | BIT(TIME_OK) },
	{ "delete withdrawn in the last second", -4500, STA_DEL, -1500, 0,
	  BIT(TIME_DEL) | BIT(TIME_OK) },
	{ "insert turned into delete", -4500, STA_INS, -2625, STA_DEL,
	  BIT(TIME_INS) | BIT(TIME_OK) | BIT(TIME_DEL) },
	{ "delete turned into insert", -4500, STA_DEL, -2625, STA_INS,
	  BIT(TIME_INS) | BIT(TIME_OK) | BIT(TIME_DEL) },
	{ "both flags", -4500, STA_INS | STA_DEL, TKT_NEVER, 0, BIT(TIME_OOP) },
	{ "insert scheduled in the last second", -500, STA_INS, TKT_NEVER, 0, BIT(TIME_INS) },
	{ "insert scheduled a second before", -1500, STA_INS, TKT_NEVER, 0, BIT(TIME_OOP) },
	{ "delete scheduled in its last second", -1500, STA_DEL, TKT_NEVER, 0, BIT(TIME_DEL) },
	{ "delete scheduled a second before", -2500, STA_DEL, TKT_NEVER, 0, BIT(TIME_WAIT) },
	{ "PLL left with a leap second armed", -4500, STA_INS | STA_PLL, -2500, STA_INS,
	  BIT(TIME_INS) | BIT(TIME_OOP) },
	{ "unsynchronized", -4500, STA_INS | STA_UNSYNC, TKT_NEVER, 0, BIT(TIME_ERROR) },
};

static void tkt_scene_desc(const struct tkt_scene *scene, char *desc)
{
	strscpy(desc, scene->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(tkt_scene, tkt_scenes, tkt_scene_desc);

/* The states of a leap second, in step with the host's */
static void tkt_leap_states(struct kunit *test)
{
	const struct tkt_scene *scene = test->param_value;
	struct timespec64 real = { .tv_sec = TKT_MIDNIGHT - 8, .tv_nsec = 125000000 };
	struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	u64 bound = tkt_quantum(w, a->tn) + 3;
	struct __kernel_timex x, y;
	unsigned int states = 0, asked = 0;
	int got, want;
	s64 ms;

	w->host_runs = true;
	for (ms = -7875; ms <= 6125; ms += 125) {
		bool ask = ms == scene->start || ms == scene->again;

		tkt_run_ns(w, 125 * NSEC_PER_MSEC);
		/* The host takes its seconds up to a tick late */
		if (ms % 1000 == 0)
			continue;
		asked += ask;
		x = (struct __kernel_timex) {
			.modes = ask ? ADJ_STATUS | ADJ_NANO : 0,
			.status = ms == scene->start ? scene->status : scene->status2,
		};
		y = x;
		want = timekeeping_test_adjtimex(w->host, &x);
		got = tkt_adjtimex(w, a, &y);
		KUNIT_ASSERT_EQ_MSG(test, got, want, "%lld ms", ms);
		tkt_same_timex(w, &y, &x, bound);
		tkt_same_ntp(w, &a->tn->ntp, &w->host_ntp);
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME),
				tkt_read_host(w, CLOCK_REALTIME), bound, "REALTIME");
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_TAI),
				tkt_read_host(w, CLOCK_TAI), bound, "TAI");
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_MONOTONIC),
				tkt_read_host(w, CLOCK_MONOTONIC), bound, "MONOTONIC");
		if (ms > scene->start)
			states |= BIT(got);
	}
	KUNIT_EXPECT_EQ(test, asked, scene->again == TKT_NEVER ? 1 : 2);
	KUNIT_EXPECT_EQ(test, states & scene->states, scene->states);
}

/* A step of the clock with a leap second ahead of or behind it */
static void tkt_leap_step(struct kunit *test)
{
	struct timespec64 real = { .tv_sec = TKT_MIDNIGHT - 8, .tv_nsec = 125000000 };
	struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	struct timespec64 to[] = {
		{ .tv_sec = TKT_MIDNIGHT - 100, .tv_nsec = 500000000 },
		{ .tv_sec = TKT_MIDNIGHT + 100, .tv_nsec = 500000000 },
		{ .tv_sec = TKT_MIDNIGHT + TKT_DAY - 3, .tv_nsec = 500000000 },
	};
	u64 bound = tkt_quantum(w, a->tn) + 3;
	struct __kernel_timex x, y;
	unsigned int i, k;

	w->host_runs = true;
	for (i = 0; i < ARRAY_SIZE(to); i++) {
		for (k = 0; k < 2; k++) {
			/* Armed or just scheduled */
			x = (struct __kernel_timex) {
				.modes = ADJ_STATUS | ADJ_NANO, .status = STA_INS,
			};
			y = x;
			KUNIT_ASSERT_EQ(test, timekeeping_test_adjtimex(w->host, &x),
					tkt_adjtimex(w, a, &y));
			tkt_run_ns(w, (k ? 1500 : 200) * NSEC_PER_MSEC);
			KUNIT_ASSERT_EQ(test, timekeeping_test_settime(w->host, &to[i]), 0);
			KUNIT_ASSERT_EQ(test, tkt_settime(w, a, to[i].tv_sec, to[i].tv_nsec), 0);
			KUNIT_ASSERT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME),
					timespec64_to_ns(&to[i]));
			tkt_run_ns(w, 5 * (u64)NSEC_PER_SEC);
			tkt_leave_second(w, a->tn, 5 * NSEC_PER_MSEC);
			tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME),
					tkt_read_host(w, CLOCK_REALTIME), bound, "REALTIME");
			KUNIT_EXPECT_EQ(test, a->tn->tkd.timekeeper.tai_offset,
					w->host->timekeeper.tai_offset);
			x = (struct __kernel_timex) { .modes = ADJ_STATUS };
			y = x;
			KUNIT_ASSERT_EQ(test, timekeeping_test_adjtimex(w->host, &x),
					tkt_adjtimex(w, a, &y));
			tkt_run_ns(w, 2 * (u64)NSEC_PER_SEC);
			tkt_forward(a->tn);
			tkt_same_ntp(w, &a->tn->ntp, &w->host_ntp);
		}
	}
}

/*
 * Smeared leap seconds
 */

/**
 * struct tkt_smear - A leap second which is smeared
 * @name:	Name
 * @policy:	How
 * @before:	Start of its window, before the edge (secs)
 * @after:	End of its window, after the edge (secs)
 * @rate:	Rate of the clock
 * @status:	STA_INS or STA_DEL
 * @often:	Ticks between two passes of the second namespace
 */
struct tkt_smear {
	const char			*name;
	struct timens_smear_policy	policy;
	s32				before;
	s32				after;
	struct timens_tk_rate		rate;
	int				status;
	unsigned int			often;
};

#define TKT_SMEAR(shape, place, window)	\
	{ window, TIMENS_SMEAR_CUSTOM, TIMENS_SMEAR_##shape, TIMENS_SMEAR_##place }

/* A window at rate 1 (secs): each of its ticks is simulated */
#define TKT_LONG	(TIMENS_KUNIT_SLOW ? 1000 : 10000)

static const struct tkt_smear tkt_smears[] = {
	{ "linear, each tick", TKT_SMEAR(LINEAR, CENTRED, 128), 64, 64, { 1, 1 }, STA_INS, 1 },
	{ "cosine", TKT_SMEAR(COSINE, BEFORE, TKT_LONG), TKT_LONG, 0, { 1, 1 }, STA_DEL, HZ / 5 },
	{ "quadratic", TKT_SMEAR(QUADRATIC, AFTER, TKT_LONG), 0, TKT_LONG, { 1, 1 }, STA_INS,
	  HZ / 5 },
	{ "linear, 1440", TKT_SMEAR(LINEAR, CENTRED, 86400), 43200, 43200, { 1440, 1 },
	  STA_INS, 1 },
	{ "cosine, 1440", TKT_SMEAR(COSINE, BEFORE, 80000), 80000, 0, { 1440, 1 }, STA_INS, 1 },
	{ "quadratic, 1440", TKT_SMEAR(QUADRATIC, AFTER, 62500), 0, 62500, { 1440, 1 },
	  STA_DEL, 1 },
};

static void tkt_smear_desc(const struct tkt_smear *smear, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s", smear->name,
		 smear->status == STA_INS ? "insert" : "delete");
}

KUNIT_ARRAY_PARAM(tkt_smear, tkt_smears, tkt_smear_desc);

/*
 * CLOCK_TAI does not notice, REALTIME differs from it by the curve, and in the
 * end by a second which adjtimex() has announced all the time. A namespace
 * which takes its passes more often agrees.
 */
static void tkt_smear_leap(struct kunit *test)
{
	const struct tkt_smear *smear = test->param_value;
	bool ins = smear->status == STA_INS;
	s64 edge = ins ? TKT_MIDNIGHT : TKT_MIDNIGHT - 1, step = ins ? -1 : 1, tai = 37;
	struct timespec64 real = { .tv_sec = edge - smear->before - 100, .tv_nsec = 250000000 };
	struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
	s64 now, shown, start, end, phase, want, off[2] = { 0 };
	s64 apart = 0, worst = 0, worst_tai = 0;
	s64 last[2] = { 0 }, first[2], quantum, most;
	struct timens_smear_policy other = TKT_SMEAR(LINEAR, AFTER, 777);
	struct timens_smear_policy policy = smear->policy;
	unsigned int i, k, inside = 0, beyond = 0;
	struct tkt_actor *a[2];
	struct __kernel_timex txc;
	u64 begin, chord, tai_most;
	int state;

	a[0] = tkt_actor(w, HZ, NULL);
	a[1] = tkt_actor(w, min(smear->often * timens_kunit_stride(8), HZ / 2), NULL);
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, tkt_write(a[i]->tn, NULL, NULL, tkt_op_policy, &policy), 0);
		txc = (struct __kernel_timex) {
			.modes = ADJ_TAI | ADJ_STATUS, .constant = tai, .status = smear->status,
		};
		KUNIT_ASSERT_EQ(test, tkt_adjtimex(w, a[i], &txc), TIME_OK);
		tkt_set_rate(w, a[i], smear->rate);
		first[i] = tkt_read(w, a[i]->tn, CLOCK_TAI);
	}
	begin = w->clock->now;
	start = (edge - smear->before) * NSEC_PER_SEC;
	end = (edge + smear->after) * NSEC_PER_SEC;
	quantum = 3 * tkt_rate_quantum(w, smear->rate, a[0]->tn->tkd.timekeeper.tkr_mono.shift) + 3;
	/*
	 * A chord is off by 5/8 (1 s / window)^2 s, whenever the passes come; and both
	 * ends are rounded
	 */
	chord = mul_u64_u64_div_u64(NSEC_PER_SEC, NSEC_PER_SEC, policy.window);
	chord = div_u64(chord, policy.window) * 5 / 8;
	chord = policy.shape == TIMENS_SMEAR_LINEAR ? 5 : div_u64(chord, NSEC_PER_SEC) + 5;

	for (k = 0; beyond < 20; k++) {
		tkt_run_ns(w, div_u64(tkt_random(w, (end - start) / 150) * smear->rate.den,
				      smear->rate.num) + 1);
		want = tkt_ideal(&w->clock->cs, smear->rate, w->clock->now - begin);
		/* In units of the line without the smear */
		now = first[0] - tai * NSEC_PER_SEC + want;
		for (i = 0; i < 2; i++) {
			shown = tkt_read(w, a[i]->tn, CLOCK_REALTIME);
			KUNIT_ASSERT_GE(test, shown, last[i]);
			last[i] = shown;

			off[i] = tkt_read(w, a[i]->tn, CLOCK_TAI) - first[i] - want;
			tai_most = quantum + tkt_rate_drift(w, smear->rate,
							    a[i]->tn->tkd.timekeeper.tkr_mono.shift,
							    w->clock->now - begin);
			KUNIT_ASSERT_LT(test, tai_most, NSEC_PER_USEC *
					DIV_ROUND_UP(smear->rate.num, smear->rate.den));
			worst_tai = max(worst_tai, abs(off[i]));
			tkt_expect_near(w, off[i], 0, tai_most, "TAI, %u", k);

			/* The curve, where the clock itself is: it is flat enough */
			phase = shown - (tkt_read(w, a[i]->tn, CLOCK_TAI) - tai * NSEC_PER_SEC);
			want += off[i];
			shown = now + off[i] <= start ? 0 :
				step * (s64)timens_smear_curve(policy.shape, now + off[i] - start,
							       end - start, NSEC_PER_SEC);
			want -= off[i];
			worst = max(worst, abs(phase - shown));
			tkt_expect_near(w, phase, shown, chord, "phase, %u", k);
		}
		most = 2 * quantum + 2 * chord;
		apart = max(apart, abs(last[0] - last[1]));
		tkt_expect_near(w, last[0], last[1], most, "REALTIME of both, %u", k);

		/* Around the end, one pass or the other may not have come */
		if (now > end - 20 * (s64)NSEC_PER_SEC && now < end + 20 * (s64)NSEC_PER_SEC)
			continue;
		for (i = 0; i < 2; i++) {
			state = tkt_state(w, a[i]);
			txc = (struct __kernel_timex) { 0 };
			tkt_adjtimex(w, a[i], &txc);
			if (now < end) {
				KUNIT_ASSERT_EQ_MSG(test, state, now < start - 90 * NSEC_PER_SEC ?
						    state : ins ? TIME_INS : TIME_DEL, "at %lld",
						    now - end);
				KUNIT_ASSERT_EQ(test, txc.tai, (int)tai);
			} else {
				KUNIT_ASSERT_EQ_MSG(test, state, TIME_WAIT, "at %lld", now - end);
				KUNIT_ASSERT_EQ(test, txc.tai, (int)(tai - step));
				KUNIT_ASSERT_EQ(test, tkt_read(w, a[i]->tn, CLOCK_REALTIME),
						tkt_read(w, a[i]->tn, CLOCK_TAI) -
						(tai - step) * NSEC_PER_SEC);
				KUNIT_ASSERT_EQ(test, a[i]->tn->smear.state, TIMENS_SMEAR_NONE);
			}
		}
		/* In the window, nothing but the same policy is accepted */
		if (now > start && now < end) {
			inside++;
			KUNIT_ASSERT_EQ(test, tkt_write(a[0]->tn, NULL, NULL, tkt_op_policy,
							&other), -EBUSY);
			KUNIT_ASSERT_EQ(test, tkt_write(a[0]->tn, NULL, NULL, tkt_op_policy,
							&policy), 0);
		} else if (now > end) {
			beyond++;
		}
	}
	KUNIT_EXPECT_GT(test, inside, 100U);
	KUNIT_EXPECT_GE(test, a[1]->passes, a[0]->passes);
	kunit_info(test, "%llu and %llu passes; at most %lld ns apart, bound %lld ns; off the curve %lld ns, bound %llu ns; TAI %lld ns",
		   a[0]->passes, a[1]->passes, apart, most, worst, chord, worst_tai);
}

static struct kunit_case tkt_leap_cases[] = {
	KUNIT_CASE_PARAM(tkt_leap_edge, tkt_leap_gen_params),
	KUNIT_CASE_PARAM(tkt_leap_states, tkt_scene_gen_params),
	KUNIT_CASE(tkt_leap_step),
	KUNIT_CASE_PARAM_ATTR(tkt_smear_leap, tkt_smear_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite tkt_leap_suite = {
	.name = "timens_leap",
	.test_cases = tkt_leap_cases,
};

kunit_test_suite(tkt_leap_suite);

MODULE_DESCRIPTION("KUnit tests of leap seconds, stepped and smeared");
MODULE_LICENSE("GPL");
