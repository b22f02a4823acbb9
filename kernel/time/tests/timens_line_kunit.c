// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the line of a clock (timens_line.c), and of what reads it
 */
#include <linux/sched/clock.h>

#include "timens_mock.h"

KUNIT_ARRAY_PARAM(tkt_spec, tkt_specs, tkt_spec_desc);

/*
 * Arithmetic
 */

/* What is stated about multiplier, shift and horizon in timens_internal.h */
static void tkt_fixed_point(struct kunit *test)
{
	const struct tkt_spec *spec = test->param_value;
	struct tkt_clock clock;
	u32 mult, shift, extra;
	u128 base, room = U64_MAX;
	u64 most, cycles;

	tkt_clock_init(&clock, spec, 0);
	timens_tk_mult_shift(&clock.cs, &mult, &shift);

	/* The same frequency, with more bits unless there is no room for them */
	KUNIT_ASSERT_GE(test, shift, clock.cs.shift);
	extra = shift - clock.cs.shift;
	KUNIT_EXPECT_EQ(test, (u64)mult, (u64)clock.cs.mult << extra);
	KUNIT_EXPECT_LE(test, shift, (u32)TIMENS_TK_MAX_SHIFT);
	if (extra)
		KUNIT_EXPECT_LT(test, (u64)mult, 1ULL << TIMENS_TK_MULT_BITS);
	if (shift < TIMENS_TK_MAX_SHIFT)
		KUNIT_EXPECT_GE(test, (u64)mult << 1, 1ULL << TIMENS_TK_MULT_BITS);

	/* The multiplier has room for all that adjtimex() can ask for */
	KUNIT_EXPECT_LT(test, (u64)mult + mult / 4, 1ULL << 32);

	/* The horizon, at a rate of 1.25, on a base of two seconds */
	base = (u128)(2 * NSEC_PER_SEC) << shift;
	most = (u64)mult + (mult >> 2);
	KUNIT_EXPECT_TRUE(test, (u128)clock.hz * TIMENS_TK_HORIZON * most + base <= room);

	/* The largest product at that rate, and not a cycle less */
	cycles = timens_tk_max_cycles(mult, shift);
	KUNIT_EXPECT_TRUE(test, (u128)cycles * most + base <= room);
	KUNIT_EXPECT_TRUE(test, (u128)(cycles + 1) * most + base > room);

	/* One unit of the multiplier is worth a few nanoseconds per second */
	KUNIT_EXPECT_LE(test, clock.hz >> shift, 4);
}

/*
 * The fastest clock that adjtimex() can order: tick and frequency at their
 * limits, an adjtime(), and half a second of phase with the shortest time
 * constant. A reader of the page multiplies in 64 bits up to max_cycles.
 */
static void tkt_fastest(struct kunit *test)
{
	static const clockid_t hres[] = {
		CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
	};
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	struct __kernel_timex txc = {
		.modes = ADJ_TICK | ADJ_FREQUENCY | ADJ_STATUS | ADJ_NANO | ADJ_TIMECONST,
		.tick = 1100000 / USER_HZ, .freq = 500 << 16, .status = STA_PLL,
	};
	const struct vdso_data *vd = &a->page[CS_HRES_COARSE];
	unsigned int i, s;

	KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);
	txc = (struct __kernel_timex) {
		.modes = ADJ_TIMECONST | ADJ_OFFSET, .constant = 0, .offset = MAXPHASE,
	};
	KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);
	txc = (struct __kernel_timex) { .modes = TKT_ADJTIME, .offset = 2000000 };
	KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);

	for (s = 0; s < 4; s++) {
		tkt_run_ns(w, NSEC_PER_SEC);
		/* Faster than 12.5 % in the first second of the slew */
		if (s == 1)
			KUNIT_EXPECT_GT(test, (u64)vd->mult,
					((u64)w->clock->cs.mult <<
					 (vd->shift - w->clock->cs.shift)) * 9 / 8);
		for (i = 0; i < ARRAY_SIZE(hres); i++) {
			/* The fraction can be anything below a second */
			u128 base = ((u128)NSEC_PER_SEC << vd->shift) - 1;

			KUNIT_ASSERT_LT(test, vd->basetime[hres[i]].nsec,
					(u64)NSEC_PER_SEC << vd->shift);
			KUNIT_ASSERT_TRUE_MSG(test,
					      (u128)vd->max_cycles * vd->mult + base <= U64_MAX,
					      "second %u: %llu cycles * %u overflow", s,
					      vd->max_cycles, vd->mult);
		}
	}
}

/*
 * Switch
 */

/* All clocks go on where the host's, plus the offsets so far, are */
static void tkt_take(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(300);
	static const struct timens_offsets offs = {
		.monotonic = { .tv_sec = 86400, .tv_nsec = 999999999 },
		.boottime = { .tv_sec = 90, .tv_nsec = 1 },
	};
	static const struct timespec64 raw = { .tv_sec = 86399, .tv_nsec = 999999998 };
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct __kernel_timex txc;
	unsigned int i, c;

	kunit_info(test, "seed %#llx", tkt_seed);
	w->host_runs = true;
	for (i = 0; i < rounds; i++) {
		struct timekeeper_ns *tn = tkt_alloc(test);
		s64 host[ARRAY_SIZE(tkt_clocks)], shift;
		u64 ns;

		/* Bend the host's line, and stop anywhere in a tick */
		txc = (struct __kernel_timex) {
			.modes = ADJ_FREQUENCY | ADJ_TICK | ADJ_TAI, .constant = 37,
			.freq = tkt_random_signed(w, 500 << 16),
			.tick = 9000 + tkt_random(w, 2001),
		};
		KUNIT_ASSERT_GE(test, timekeeping_test_adjtimex(w->host, &txc), 0);
		tkt_run_ns(w, 1 + tkt_random(w, 20 * NSEC_PER_MSEC));

		for (c = 0; c < ARRAY_SIZE(tkt_clocks); c++)
			host[c] = tkt_read_host(w, tkt_clocks[c]);
		/* Of one which has owned its clock before */
		tn->raw_offset = raw;
		tkt_write(tn, w->host, &offs, tkt_op_none, NULL);

		for (c = 0; c < ARRAY_SIZE(tkt_clocks); c++) {
			shift = 0;
			if (tkt_clocks[c] == CLOCK_MONOTONIC)
				shift = timespec64_to_ns(&offs.monotonic);
			if (tkt_clocks[c] == CLOCK_BOOTTIME)
				shift = timespec64_to_ns(&offs.boottime);
			KUNIT_ASSERT_EQ_MSG(test, tkt_read(w, tn, tkt_clocks[c]), host[c] + shift,
					    "clock %d", tkt_clocks[c]);
		}

		/* The raw clock is the host's plus an offset */
		ns = ((u128)((w->clock->now - w->host->timekeeper.tkr_raw.cycle_last) &
			     w->clock->cs.mask) * w->clock->cs.mult +
		      w->host->timekeeper.tkr_raw.xtime_nsec) >> w->clock->cs.shift;
		KUNIT_ASSERT_EQ(test, tkt_read(w, tn, CLOCK_MONOTONIC_RAW),
				(s64)(w->host->timekeeper.raw_sec * NSEC_PER_SEC + ns) +
				timespec64_to_ns(&raw));

		KUNIT_ASSERT_EQ(test, tn->state, (u32)TIMENS_TK_OWN);
		tkt_same_ntp(w, &tn->ntp, &w->host_ntp);
		KUNIT_ASSERT_EQ(test, tn->tkd.timekeeper.tai_offset, 37);
	}
}

/* Neither a leap second which the host has armed nor its PPS signal is inherited */
static void tkt_take_leap(struct kunit *test)
{
	struct timespec64 real = { .tv_sec = TKT_MIDNIGHT - 5 };
	struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
	struct __kernel_timex txc = { .modes = ADJ_STATUS, .status = STA_INS };
	struct tkt_actor *a;

	w->host_runs = true;
	KUNIT_ASSERT_GE(test, timekeeping_test_adjtimex(w->host, &txc), 0);
	tkt_run_ns(w, 2 * NSEC_PER_SEC);
	KUNIT_ASSERT_EQ(test, w->host_ntp.time_state, TIME_INS);
	w->host_ntp.time_status |= STA_PPSFREQ | STA_PPSTIME | STA_PPSSIGNAL | STA_PPSJITTER |
				   STA_PPSWANDER | STA_PPSERROR;
	a = tkt_actor(w, HZ, NULL);
	KUNIT_EXPECT_EQ(test, a->tn->ntp.time_status, 0);
	KUNIT_EXPECT_EQ(test, a->tn->ntp.time_state, TIME_OK);
	KUNIT_EXPECT_EQ(test, a->tn->edge_sec, TIME64_MAX);
	tkt_run_ns(w, 5 * (u64)NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, w->host->timekeeper.tai_offset, 1);
	KUNIT_EXPECT_EQ(test, a->tn->tkd.timekeeper.tai_offset, 0);
	tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME),
			tkt_read_host(w, CLOCK_REALTIME) + NSEC_PER_SEC,
			tkt_quantum(w, a->tn) + 3, "after the leap second of the host");
}

/*
 * Accuracy
 */

/* The clock stays on the NTP time line however tick and frequency change */
static void tkt_accuracy(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(150);
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	const struct clocksource *cs = &w->clock->cs;
	u64 tick = USER_TICK_USEC, bound = tkt_quantum(w, a->tn) + 2;
	struct tkt_line mono = {
		.cycles = w->base, .interval = tkt_interval(cs),
		.len = tkt_interval_len(cs, tick, 0),
	};
	s64 freq = 0, last = 0, now, worst = 0, real = timespec64_to_ns(&tkt_epoch);
	unsigned int i, k;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (i = 0; i < rounds; i++) {
		for (k = 0; k < 12; k++) {
			tkt_run_ns(w, tkt_random(w, NSEC_PER_SEC / 2));
			now = tkt_read(w, a->tn, CLOCK_MONOTONIC);
			worst = max(worst, abs(now - tkt_line_ns(&mono, w->clock->now)));
			tkt_expect_near(w, now, tkt_line_ns(&mono, w->clock->now), bound,
					"clock and NTP time");
			tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME), now + real, 1,
					"REALTIME and MONOTONIC");
			KUNIT_ASSERT_GE(test, now, last);
			last = now;
		}
		/* Small frequencies are the ones which one unit cannot express */
		freq = tkt_random_signed(w, i & 1 ? 500 << 16 : 1 << 12);
		if (i % 8 == 7)
			tick = 9000 + tkt_random(w, 2001);
		KUNIT_ASSERT_GE(test, tkt_adjust(w, a, tick, freq), 0);
		KUNIT_ASSERT_EQ(test, tkt_read(w, a->tn, CLOCK_MONOTONIC), now);
		tkt_line_bend(&mono, w->clock->now, tkt_interval_len(cs, tick, freq));
	}
	kunit_info(test, "at most %lld ns, bound %llu ns", worst, bound);
}

/* Passes that are late, because the budget is exhausted, do not unsettle the clock */
static void tkt_late_passes(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(200);
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	const struct clocksource *cs = &w->clock->cs;
	u64 quantum = tkt_quantum(w, a->tn);
	struct tkt_line mono = {
		.cycles = w->base, .interval = tkt_interval(cs),
		.len = tkt_interval_len(cs, USER_TICK_USEC, 0),
	};
	unsigned int i, k, late;
	s64 worst = 0, diff;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (i = 0; i < rounds; i++) {
		s64 freq = tkt_random_signed(w, 500 << 16);

		KUNIT_ASSERT_GE(test, tkt_adjust(w, a, USER_TICK_USEC, freq), 0);
		tkt_line_bend(&mono, w->clock->now,
			      tkt_interval_len(cs, USER_TICK_USEC, freq));

		late = 1 + tkt_random(w, 900);
		a->stall = a->tn->due + late;
		for (k = 0; k < 40; k++) {
			tkt_run_ns(w, NSEC_PER_SEC / 4 + tkt_random(w, 1000000));
			diff = tkt_read(w, a->tn, CLOCK_MONOTONIC) -
			       tkt_line_ns(&mono, w->clock->now);
			worst = max(worst, abs(diff));
			/* Two intervals without a pass are two quanta */
			tkt_expect_near(w, diff, 0, 2 * quantum + 2,
					"pass %u ticks late, %u/4 s ago, freq %lld", late, k,
					freq);
		}
	}
	kunit_info(test, "at most %lld ns, bound %llu ns", worst, 2 * quantum + 2);
}

/*
 * A slew moves the passes to the seconds of the clock; when it is over they
 * go back home. Wherever that is, the clock then agrees with one which takes
 * a pass in each tick.
 */
static void tkt_slew_phases(struct kunit *test)
{
	struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL), *b = tkt_actor(w, 1, NULL);
	/* The slew is over after 10 of them */
	const unsigned int quarters = TIMENS_KUNIT_SLOW ? 60 : 200;
	unsigned int phase, i, k;
	s64 worst, x, y;

	for (phase = 0; phase < 10; phase += timens_kunit_stride(9)) {
		struct __kernel_timex slew;
		s64 sec = 1800000000 + phase * 1000;
		long nsec = (phase * 100 + 50) * NSEC_PER_MSEC;

		for (i = 0; i < w->nr; i++) {
			KUNIT_ASSERT_EQ(test, tkt_settime(w, &w->actor[i], sec, nsec), 0);
			KUNIT_ASSERT_EQ(test, tkt_read(w, w->actor[i].tn, CLOCK_REALTIME),
					sec * NSEC_PER_SEC + nsec);
		}
		tkt_run_ns(w, 300 * NSEC_PER_MSEC);
		for (i = 0; i < w->nr; i++) {
			slew = (struct __kernel_timex) { .modes = TKT_ADJTIME, .offset = 1200 };
			KUNIT_ASSERT_GE(test, tkt_adjtimex(w, &w->actor[i], &slew), 0);
		}
		worst = 0;
		for (k = 0; k < quarters; k++) {
			tkt_run_ns(w, NSEC_PER_SEC / 4);
			x = tkt_read(w, a->tn, CLOCK_REALTIME);
			y = tkt_read(w, b->tn, CLOCK_REALTIME);
			tkt_expect_near(w, x, y, tkt_pair_bound(w, a, b), "phase %u, %u/4 s",
					phase, k);
			if (k + 20 > quarters)
				worst = max(worst, abs(x - y));
		}
		kunit_info(test, "phase %u: at most %lld ns in the end, bound %llu ns", phase,
			   worst, tkt_pair_bound(w, a, b));
	}
}

/*
 * Sleep
 */

/**
 * struct tkt_nap - A suspend near a leap second
 * @name:	Name
 * @status:	Status
 * @scheduled:	When the leap second is scheduled, before its edge (msecs)
 * @past:	When the sleep ends, after the edge without the step (nsecs)
 * @step:	What the leap second adds meanwhile (secs)
 */
struct tkt_nap {
	const char	*name;
	int		status;
	s64		scheduled;
	s64		past;
	s64		step;
};

static const struct tkt_nap tkt_naps[] = {
	{ "no leap second",			0,	 7500, TKT_HOUR,  0 },
	{ "insert, armed",			STA_INS, 7500, TKT_HOUR,  -1 },
	{ "delete, armed",			STA_DEL, 7500, TKT_HOUR,  1 },
	{ "insert, scheduled in that second",	STA_INS, 3500, TKT_HOUR,  -1 },
	{ "delete, scheduled in that second",	STA_DEL, 3500, TKT_HOUR,  1 },
	{ "insert, up to the edge",		STA_INS, 7500, 0,	  -1 },
	{ "delete, up to the edge",		STA_DEL, 7500, 0,	  1 },
	{ "insert, 1 ns short of the edge",	STA_INS, 7500, -1,	  0 },
	{ "delete, 1 ns short of the edge",	STA_DEL, 7500, -1,	  0 },
	{ "insert, scheduled, 1 ns short",	STA_INS, 3500, -1,	  0 },
	{ "delete, scheduled, 1 ns short",	STA_DEL, 3500, -1,	  0 },
	{ "insert, for three days",		STA_INS, 7500, 72 * TKT_HOUR, -1 },
};

static void tkt_nap_desc(const struct tkt_nap *nap, char *desc)
{
	strscpy(desc, nap->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(tkt_nap, tkt_naps, tkt_nap_desc);

static void tkt_nap_begin(struct kunit *test, struct tkt_world *w, struct tkt_actor *a)
{
	const struct tkt_nap *nap = test->param_value;

	tkt_run_ns(w, (8000 - nap->scheduled) * NSEC_PER_MSEC);
	KUNIT_ASSERT_EQ(test, tkt_status(w, a, nap->status), TIME_OK);
	tkt_run_ns(w, (nap->scheduled - 3300) * NSEC_PER_MSEC);
	tkt_forward(a->tn);
}

/* A leap second in a sleep is taken, once; TAI and BOOTTIME just sleep */
static void tkt_sleep(struct kunit *test)
{
	const struct tkt_nap *nap = test->param_value;
	s64 edge = nap->status == STA_DEL ? TKT_MIDNIGHT - 1 : TKT_MIDNIGHT;
	struct timespec64 real = { .tv_sec = edge - 8 };
	unsigned int rtc, i;

	/* Measured by the kernel, or later by the RTC, which clears NTP too */
	for (rtc = 0; rtc < 2; rtc++) {
		struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
		struct tkt_actor *a = tkt_actor(w, HZ, NULL);
		s64 before[ARRAY_SIZE(tkt_clocks)], after[ARRAY_SIZE(tkt_clocks)];
		struct timespec64 sleep;
		s64 step = nap->step, ns;
		unsigned long flags;
		u64 awake;

		tkt_nap_begin(test, w, a);
		for (i = 0; i < ARRAY_SIZE(tkt_clocks); i++)
			before[i] = tkt_read(w, a->tn, tkt_clocks[i]);
		ns = edge * NSEC_PER_SEC + nap->past - before[0];
		sleep = ns_to_timespec64(ns);

		local_irq_save(flags);
		if (rtc) {
			struct timens_tk_change change = {
				.kind = TIMENS_TK_SLEEP, .sleep = sleep,
				.old_cycles = w->clock->now & w->clock->cs.mask,
			};

			tkt_change(a, &change, true);
		} else {
			raw_spin_lock(&a->tn->tkd.lock);
			timens_tk_add_sleep(a->tn, &sleep);
			raw_spin_unlock(&a->tn->tkd.lock);
		}
		/* It belongs to the time of the system, not to that of the test */
		hrtimer_cancel(&a->tn->wake_timer);
		local_irq_restore(flags);

		for (i = 0; i < ARRAY_SIZE(tkt_clocks); i++)
			after[i] = tkt_read(w, a->tn, tkt_clocks[i]);
		KUNIT_EXPECT_EQ(test, after[0] - before[0], ns + step * NSEC_PER_SEC);
		KUNIT_EXPECT_EQ(test, after[1] - before[1], ns);
		KUNIT_EXPECT_EQ(test, after[2] - before[2], 0);
		KUNIT_EXPECT_EQ(test, after[3] - before[3], ns);
		KUNIT_EXPECT_EQ(test, a->tn->tkd.timekeeper.tai_offset, (int)-step);
		if (step)
			KUNIT_EXPECT_EQ(test, a->tn->edge_sec, TIME64_MAX);

		/*
		 * What was armed and not reached is still to come, unless NTP
		 * was cleared. What was only scheduled missed the second that
		 * would have armed it, as on the host.
		 */
		awake = w->clock->now;
		tkt_run_ns(w, 5 * (u64)NSEC_PER_SEC);
		if (!step && nap->status && !rtc && nap->scheduled > 3500)
			step = nap->status == STA_INS ? -1 : 1;
		KUNIT_EXPECT_EQ(test, a->tn->tkd.timekeeper.tai_offset, (int)-step);
		KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME) + -step * NSEC_PER_SEC,
				tkt_read(w, a->tn, CLOCK_TAI));
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_TAI) - after[1],
				tkt_nominal(&w->clock->cs, w->clock->now - awake),
				tkt_quantum(w, a->tn) + 2, "five seconds");
	}
}

/*
 * Steps and dates
 */

/*
 * Setting the clock takes the same time whatever the size of the step. A loop
 * over its seconds, at a hundredth of a nanosecond each, would not pass.
 */
static void tkt_large_steps(struct kunit *test)
{
	struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	static const s64 dates[] = {
		100, TIME_SETTOD_SEC_MAX - 1, 1700000000, TIME_SETTOD_SEC_MAX - 1000000, 100,
	};
	s64 now, step, mono = tkt_read(w, a->tn, CLOCK_MONOTONIC);
	struct __kernel_timex txc;
	unsigned long reads;
	unsigned int i;
	u64 took;
	int ret;

	for (i = 0; i < ARRAY_SIZE(dates); i++) {
		struct timespec64 ts = { .tv_sec = dates[i], .tv_nsec = 5 };

		step = dates[i] - a->tn->tkd.timekeeper.xtime_sec;
		reads = w->clock->reads;
		took = tkt_elapsed(a->tn, tkt_op_settime, &ts, &ret);
		KUNIT_ASSERT_EQ(test, ret, 0);
		KUNIT_EXPECT_EQ(test, w->clock->reads - reads, 1);
		TKT_EXPECT_FAST(test, took, abs(step) / 100);
		KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME), timespec64_to_ns(&ts));
		KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_MONOTONIC), mono);

		/* And back by an offset */
		txc = (struct __kernel_timex) {
			.modes = ADJ_SETOFFSET | ADJ_NANO,
			.time = { .tv_sec = -step, .tv_usec = 999999990 },
		};
		now = timespec64_to_ns(&ts) - step * NSEC_PER_SEC + 999999990;
		took = tkt_elapsed(a->tn, tkt_op_adjtimex, &txc, &ret);
		KUNIT_ASSERT_GE(test, ret, 0);
		TKT_EXPECT_FAST(test, took, abs(step) / 100);
		KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME), now);

		ret = tkt_settime(w, a, ts.tv_sec, 5);
		KUNIT_ASSERT_EQ(test, ret, 0);
		/* The next pass has nothing to compensate either */
		reads = w->clock->reads;
		took = local_clock();
		tkt_pass(w, a->tn);
		TKT_EXPECT_FAST(test, local_clock() - took, abs(step) / 100);
	}
}

/* The clock works at the ends of its range, and does not leave it */
static void tkt_years(struct kunit *test)
{
	static const s64 dates[] = {
		S32_MAX - 2LL,			/* 2038 */
		U32_MAX - 2LL,			/* 2106 */
		TIME_SETTOD_SEC_MAX - 1,	/* 2232, the last one to be set */
		16,				/* 1970, MONOTONIC starts at 0 */
	};
	struct timespec64 real = { .tv_sec = 1000 };
	struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	struct __kernel_timex txc;
	u64 bound = tkt_quantum(w, a->tn) + 2, start;
	s64 now, mono;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dates); i++) {
		KUNIT_ASSERT_EQ(test, tkt_settime(w, a, dates[i], 7), 0);
		KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME),
				dates[i] * NSEC_PER_SEC + 7);
		start = w->clock->now;
		tkt_run_ns(w, 3500 * NSEC_PER_MSEC);
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME) - dates[i] * NSEC_PER_SEC,
				tkt_nominal(&w->clock->cs, w->clock->now - start) + 7, bound,
				"3.5 seconds later");
		txc = (struct __kernel_timex) { 0 };
		tkt_adjtimex(w, a, &txc);
		KUNIT_EXPECT_EQ(test, txc.time.tv_sec, dates[i] + 3);
		KUNIT_EXPECT_EQ(test, a->page->basetime[CLOCK_REALTIME].sec, (u64)dates[i] + 3);
	}

	/* Years of uptime are left at the last date which can be set */
	KUNIT_ASSERT_EQ(test, tkt_settime(w, a, TIME_SETTOD_SEC_MAX - 1, 0), 0);
	a->stall = U64_MAX;
	now = tkt_read(w, a->tn, CLOCK_REALTIME);
	start = w->clock->now;
	tkt_run_ns(w, 30 * TKT_DAY * NSEC_PER_SEC);
	tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME) - now,
			tkt_nominal(&w->clock->cs, w->clock->now - start), 30 * TKT_DAY * bound,
			"a month later");
	tkt_pass(w, a->tn);
	a->stall = 0;

	/* Refused, and nothing changes: before MONOTONIC started, after the end */
	now = tkt_read(w, a->tn, CLOCK_REALTIME);
	mono = tkt_read(w, a->tn, CLOCK_MONOTONIC);
	KUNIT_EXPECT_EQ(test, tkt_settime(w, a, div_s64(mono, NSEC_PER_SEC) - 1, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, tkt_settime(w, a, TIME_SETTOD_SEC_MAX, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, tkt_settime(w, a, KTIME_SEC_MAX, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, tkt_settime(w, a, -1, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, tkt_settime(w, a, 1000000000, NSEC_PER_SEC), -EINVAL);
	KUNIT_EXPECT_EQ(test, tkt_settime(w, a, 1000000000, -1), -EINVAL);
	txc = (struct __kernel_timex) { .modes = ADJ_SETOFFSET, .time.tv_sec = 1 };
	KUNIT_EXPECT_EQ(test, tkt_adjtimex(w, a, &txc), -EINVAL);
	txc = (struct __kernel_timex) {
		.modes = ADJ_SETOFFSET, .time.tv_sec = -TIME_SETTOD_SEC_MAX,
	};
	KUNIT_EXPECT_EQ(test, tkt_adjtimex(w, a, &txc), -EINVAL);
	KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME), now);
	KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_MONOTONIC), mono);

	/* The first date which is not refused */
	KUNIT_EXPECT_EQ(test, tkt_settime(w, a, div_s64(mono, NSEC_PER_SEC) + 1, 0), 0);
}

/*
 * Counters
 */

/*
 * A narrow counter can be read up to the distance at which it seems to run
 * backwards. From there on the clock stands, it does not go back.
 */
static void tkt_wrap(struct kunit *test)
{
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	const struct clocksource *cs = &w->clock->cs;
	u64 span = cs->max_raw_delta, step, cycles, start;
	struct tkt_line mono = {
		.cycles = w->base, .interval = tkt_interval(cs),
		.len = tkt_interval_len(cs, USER_TICK_USEC, 0),
	};
	u64 bound = tkt_quantum(w, a->tn);
	s64 last = 0, now;
	unsigned int i;

	if (cs->mask == U64_MAX)
		span = 100 * 86400 * w->clock->hz;
	step = div_u64(span, 1000);
	start = w->clock->now;
	for (i = 0; i < 1000; i++) {
		cycles = start + i * step;
		now = tkt_read_at(w, a->tn, CLOCK_MONOTONIC, cycles);
		KUNIT_ASSERT_GE(test, now, last);
		tkt_expect_near(w, now, tkt_line_ns(&mono, cycles),
				bound * (div64_u64(i * step, w->clock->hz) + 1) + 2, "no pass");
		last = now;
	}
	/* An earlier value than that of the last pass is taken for the last pass */
	now = tkt_read(w, a->tn, CLOCK_MONOTONIC);
	KUNIT_EXPECT_EQ(test, tkt_read_at(w, a->tn, CLOCK_MONOTONIC, start - 1), now);
	KUNIT_EXPECT_EQ(test, tkt_read_at(w, a->tn, CLOCK_MONOTONIC,
					  start - div_u64(cs->mask, 10)), now);

	/* A pass at the last moment finds everything in order */
	a->stall = U64_MAX;
	tkt_run_to(w, start + span - 1);
	tkt_pass(w, a->tn);
	tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_MONOTONIC),
			tkt_line_ns(&mono, w->clock->now),
			bound * (div64_u64(span, w->clock->hz) + 1) + 2, "one late pass");
	a->stall = 0;

	/* Hundred turns of a narrow counter */
	if (cs->mask == U64_MAX)
		return;
	tkt_run_ns(w, 2 * (u64)NSEC_PER_SEC);
	now = tkt_read(w, a->tn, CLOCK_MONOTONIC);
	start = w->clock->now;
	for (i = 0; i < 1000; i++) {
		tkt_run_to(w, start + i * div_u64(cs->mask, 10));
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_MONOTONIC) - now,
				tkt_line_ns(&mono, w->clock->now) - tkt_line_ns(&mono, start),
				2 * bound + 4, "turns of the counter");
	}
}

/*
 * A coarse clock is read at the host's last tick, which may lie before the
 * bend of the line. It does not go back then, nor run ahead.
 */
static void tkt_coarse(struct kunit *test)
{
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	s64 last = 0, coarse, fine;
	unsigned int i;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (i = 0; i < 1000; i++) {
		u64 tick;

		tkt_run_ns(w, tkt_random(w, 20 * NSEC_PER_MSEC));
		tick = tkt_tick_cycles(w, w->tick);

		if (!(i % 10))
			tkt_adjust(w, a, 9000 + tkt_random(w, 2001),
				   tkt_random_signed(w, 500 << 16));
		else if (!(i % 3))
			tkt_pass(w, a->tn);

		coarse = tkt_read_at(w, a->tn, CLOCK_MONOTONIC_COARSE, tick);
		fine = tkt_read(w, a->tn, CLOCK_MONOTONIC);
		KUNIT_ASSERT_GE(test, coarse, last);
		KUNIT_ASSERT_LE(test, coarse, fine);
		/* A tick of a clock which is up to 10 % and 500 ppm fast */
		KUNIT_ASSERT_LE(test, fine - coarse, NSEC_PER_SEC / HZ +
				(100000 + 500) * (NSEC_PER_MSEC / HZ) + 2);
		KUNIT_ASSERT_EQ(test, tkt_read_at(w, a->tn, CLOCK_REALTIME_COARSE, tick) -
				tkt_read_at(w, a->tn, CLOCK_REALTIME, tick), 0);
		last = coarse;
	}
}

/* A change of the clocksource is no event for the clocks */
static void tkt_rebase(struct kunit *test)
{
	static const struct tkt_spec * const chain[] = {
		TKT_HPET, TKT_ACPI_PM, TKT_TSC, TKT_ACPI_PM, TKT_HPET, TKT_TSC,
	};
	struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	struct tkt_line mono;
	s64 before[ARRAY_SIZE(tkt_clocks)], freq, now, last = 0;
	struct timens_tk_change change;
	unsigned int round, i, c;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < ARRAY_SIZE(chain); i++) {
			struct tkt_clock *clock = kunit_kzalloc(test, sizeof(*clock), GFP_KERNEL);

			KUNIT_ASSERT_NOT_NULL(test, clock);
			freq = tkt_random_signed(w, 500 << 16);
			KUNIT_ASSERT_GE(test, tkt_adjust(w, a, USER_TICK_USEC, freq), 0);
			tkt_run_ns(w, tkt_random(w, 2500 * NSEC_PER_MSEC));

			for (c = 0; c < ARRAY_SIZE(tkt_clocks); c++)
				before[c] = tkt_read(w, a->tn, tkt_clocks[c]);

			/* The new counter has a value of its own, about to wrap */
			tkt_clock_init(clock, chain[i], CLOCKSOURCE_MASK(chain[i]->bits) / 8 * 7 +
				       tkt_random(w, CLOCKSOURCE_MASK(chain[i]->bits) / 16));
			change = (struct timens_tk_change){ .kind = TIMENS_TK_CLOCKSOURCE };
			tkt_change_counter(w, clock, clock->now, &change);
			change.raw.sec = 1000 + i;
			change.raw.xnsec = 5ULL << clock->cs.shift;
			tkt_change(a, &change, true);
			tkt_change_calendar(w, a, HZ);

			for (c = 0; c < ARRAY_SIZE(tkt_clocks); c++)
				KUNIT_ASSERT_EQ_MSG(test, tkt_read(w, a->tn, tkt_clocks[c]),
						    before[c], "clock %d", tkt_clocks[c]);
			KUNIT_ASSERT_EQ(test, tkt_read(w, a->tn, CLOCK_MONOTONIC_RAW),
					(1000 + i) * NSEC_PER_SEC + 5);
			KUNIT_ASSERT_EQ(test, a->page->clock_mode, chain[i]->mode);

			/* And it runs with the frequency that was set, on the new counter */
			mono = (struct tkt_line) {
				.cycles = clock->now, .interval = tkt_interval(&clock->cs),
				.len = tkt_interval_len(&clock->cs, USER_TICK_USEC, freq),
			};
			for (c = 0; c < 10; c++) {
				tkt_run_ns(w, 300 * NSEC_PER_MSEC);
				now = tkt_read(w, a->tn, CLOCK_MONOTONIC);
				KUNIT_ASSERT_GE(test, now, last);
				last = now;
				tkt_expect_near(w, now - before[2],
						tkt_line_ns(&mono, clock->now),
						tkt_quantum(w, a->tn) + 2, "on the new counter");
			}
		}
	}
}

/*
 * Catching up
 */

/**
 * struct tkt_idle - What goes on while there is no tick
 * @name:	Name
 * @offset:	Phase which is being slewed by the PLL (nsecs)
 * @adjust:	Phase which is being slewed by adjtime() (usecs)
 * @status:	Leap second ahead, six seconds after the tick stops
 */
struct tkt_idle {
	const char	*name;
	s64		offset;
	s64		adjust;
	int		status;
};

static const struct tkt_idle tkt_idles[] = {
	{ "steady", 0, 0, 0 },
	{ "PLL", 150000, 0, 0 },
	{ "adjtime", 0, -300, 0 },
	{ "insert", 0, 0, STA_INS },
	{ "delete", 0, 0, STA_DEL },
	{ "PLL, adjtime and insert", -100000, 200, STA_INS },
};

static void tkt_idle_desc(const struct tkt_idle *idle, char *desc)
{
	strscpy(desc, idle->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(tkt_idle, tkt_idles, tkt_idle_desc);

/*
 * After hours without a tick a clock has the NTP state of a twin which took a
 * pass each second. Its time differs by a quantum per second and by what was
 * not slewed, of which half is made up for in each second. The lag of each
 * change of the slope remains: the seconds of the two need not have the same
 * number of NTP intervals.
 */
static void tkt_catch_up(struct kunit *test)
{
	static const u64 hours[] = { 1, 5, 30 };
	/* The passes of the twin are what takes long */
	const unsigned int nr = TIMENS_KUNIT_SLOW ? 1 : ARRAY_SIZE(hours);
	const struct tkt_idle *idle = test->param_value;
	unsigned int i, k;

	for (k = 0; k < nr; k++) {
		struct timespec64 real = { .tv_sec = TKT_MIDNIGHT - 8, .tv_nsec = 400000000 };
		struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
		struct tkt_actor *a = tkt_actor(w, HZ, NULL), *b = tkt_actor(w, HZ, NULL);
		u64 secs = hours[k] * 3600, slew, passes, lag;
		struct __kernel_timex txc;

		tkt_run_ns(w, 1700 * NSEC_PER_MSEC);
		for (i = 0; i < w->nr; i++) {
			struct tkt_actor *c = &w->actor[i];

			txc = (struct __kernel_timex) {
				.modes = ADJ_FREQUENCY | ADJ_STATUS | ADJ_NANO | ADJ_MAXERROR,
				.freq = 123456, .status = STA_PLL | idle->status,
			};
			KUNIT_ASSERT_GE(test, tkt_adjtimex(w, c, &txc), 0);
			if (idle->offset) {
				txc = (struct __kernel_timex) {
					.modes = ADJ_OFFSET | ADJ_TIMECONST,
					.offset = idle->offset, .constant = 2,
				};
				KUNIT_ASSERT_GE(test, tkt_adjtimex(w, c, &txc), 0);
			}
			if (idle->adjust) {
				txc = (struct __kernel_timex) {
					.modes = TKT_ADJTIME, .offset = idle->adjust,
				};
				KUNIT_ASSERT_GE(test, tkt_adjtimex(w, c, &txc), 0);
			}
		}
		tkt_same_ntp(w, &a->tn->ntp, &b->tn->ntp);

		/* What is to be slewed was scheduled, and then the tick stops */
		a->stall = U64_MAX;
		passes = a->passes;
		lag = b->lag;
		tkt_run_ns(w, secs * NSEC_PER_SEC);
		KUNIT_ASSERT_EQ(test, a->passes, passes);
		KUNIT_ASSERT_GE(test, b->passes, secs);
		tkt_leave_second(w, b->tn, 5 * NSEC_PER_MSEC);
		tkt_pass(w, a->tn);

		slew = secs * tkt_quantum(w, a->tn) + 2 * abs(idle->offset) +
		       abs(idle->adjust) * NSEC_PER_USEC;
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME),
				tkt_read(w, b->tn, CLOCK_REALTIME),
				slew + tkt_pair_bound(w, a, b), "when idle ended");
		tkt_forward(a->tn);
		tkt_forward(b->tn);
		tkt_same_ntp(w, &a->tn->ntp, &b->tn->ntp);
		KUNIT_EXPECT_EQ(test, a->tn->tkd.timekeeper.tai_offset,
				b->tn->tkd.timekeeper.tai_offset);

		/* The tick is back */
		a->stall = 0;
		while (slew) {
			tkt_run_ns(w, NSEC_PER_SEC);
			slew >>= 1;
		}
		for (i = 0; i < 8; i++) {
			tkt_run_ns(w, NSEC_PER_SEC * 2 / 3);
			tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME),
					tkt_read(w, b->tn, CLOCK_REALTIME),
					tkt_pair_bound(w, a, b) + b->lag - lag, "seconds later");
		}
	}
}

static struct kunit_case tkt_line_cases[] = {
	KUNIT_CASE_PARAM(tkt_fixed_point, tkt_spec_gen_params),
	KUNIT_CASE_PARAM(tkt_fastest, tkt_spec_gen_params),
	KUNIT_CASE_PARAM(tkt_take, tkt_spec_gen_params),
	KUNIT_CASE(tkt_take_leap),
	KUNIT_CASE_PARAM(tkt_accuracy, tkt_spec_gen_params),
	KUNIT_CASE_PARAM(tkt_late_passes, tkt_spec_gen_params),
	KUNIT_CASE_SLOW(tkt_slew_phases),
	KUNIT_CASE_PARAM(tkt_sleep, tkt_nap_gen_params),
	KUNIT_CASE(tkt_large_steps),
	KUNIT_CASE(tkt_years),
	KUNIT_CASE_PARAM(tkt_wrap, tkt_spec_gen_params),
	KUNIT_CASE_PARAM(tkt_coarse, tkt_spec_gen_params),
	KUNIT_CASE(tkt_rebase),
	KUNIT_CASE_PARAM_ATTR(tkt_catch_up, tkt_idle_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite tkt_line_suite = {
	.name = "timens_line",
	.test_cases = tkt_line_cases,
};

kunit_test_suite(tkt_line_suite);

MODULE_DESCRIPTION("KUnit tests of the line of a clock");
MODULE_LICENSE("GPL");
