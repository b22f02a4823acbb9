// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of rates, and of the far end of time
 */
#include "timens_mock.h"

KUNIT_ARRAY_PARAM(tkt_spec, tkt_specs, tkt_spec_desc);

/*
 * Rates
 *
 * What a clock shall show is computed from the multiplier of the clocksource
 * alone, with 128 bits. Its bounds are
 *
 *   quantum	one unit of the multiplier between two passes, which are a
 *		second of the host or eight seconds of the clock apart, whichever
 *		is less. Two of them are left alone, and a third one comes about
 *		until the next pass
 *   drift	the exact length of an NTP interval is rounded down to a unit of
 *		2^-shift ns: one such unit in each interval, 15 ns in a day of a
 *		clock at less than the host's rate
 *   raw	CLOCK_MONOTONIC_RAW has no NTP which corrects the rounding
 *		of the multiplier: one unit of that
 *   steering	NTP adds to each interval what a nominal one shall be longer.
 *		The real one is a whole number of cycles, and differs by less
 *		than one
 */

static const struct timens_tk_rate tkt_rates[] = {
	{ 1, 1000 }, { 1, 3 }, { 1, 2 }, { 1, 1 }, { 1000001, 1000000 }, { 7, 1 }, { 1440, 1 },
	{ 2000, 1 }, { 1999, 7 },
};

/* Multiplier, shift and horizon of all rates */
static void tkt_rate_fixed_point(struct kunit *test)
{
	const struct tkt_spec *spec = test->param_value;
	struct timens_tk_rate rate;
	struct tkt_clock clock;
	u32 mult, shift;
	u64 most, cycles, nsecs;
	unsigned int i;
	u128 exact;

	tkt_clock_init(&clock, spec, 0);
	for (i = 0; i < ARRAY_SIZE(tkt_rates); i++) {
		rate = tkt_rates[i];
		timens_tk_rate_mult_shift(&clock.cs, rate, &mult, &shift);
		KUNIT_EXPECT_GT(test, mult, 0U);
		KUNIT_EXPECT_LT(test, (u64)mult, 1ULL << TIMENS_TK_MULT_BITS);
		KUNIT_EXPECT_LE(test, shift, (u32)TIMENS_TK_MAX_SHIFT);
		/* No bit more would fit */
		if (shift < TIMENS_TK_MAX_SHIFT)
			KUNIT_EXPECT_GE(test, (u64)mult << 1, (1ULL << TIMENS_TK_MULT_BITS) - 1);
		/* mult * 2^-shift is rate * cs.mult * 2^-cs.shift, less than a unit rounded down */
		exact = (u128)rate.num * clock.cs.mult << shift;
		KUNIT_EXPECT_TRUE(test, (u128)mult * rate.den << clock.cs.shift <= exact);
		KUNIT_EXPECT_TRUE(test, (u128)(mult + 1) * rate.den << clock.cs.shift > exact);
		/* The horizon: eight seconds of the host, or of a faster clock */
		most = (u64)mult + (mult >> 2);
		cycles = clock.hz * TIMENS_TK_HORIZON;
		if (rate.num > rate.den)
			cycles = mul_u64_u64_div_u64(cycles, rate.den, rate.num);
		KUNIT_EXPECT_TRUE(test, (u128)cycles * most + ((u128)(2 * NSEC_PER_SEC) << shift) <=
				  U64_MAX);
		KUNIT_EXPECT_GE(test, timens_tk_max_cycles(mult, shift), cycles);
		nsecs = mul_u64_u32_shr(clock.hz, mult, shift);
		KUNIT_EXPECT_LE(test, nsecs, 2000 * (u64)NSEC_PER_SEC);
	}
}

/* At each rate, a clock is where it shall be after a day of the host */
static void tkt_rate_day(struct kunit *test)
{
	const struct tkt_spec *spec = test->param_value;
	/* A narrow counter needs its passes, of which a day has too many */
	u64 idle = spec->bits == 64 ? TKT_DAY * NSEC_PER_SEC : 0;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(tkt_rates); i++) {
		struct tkt_world *w = tkt_world(test, spec, &tkt_epoch);
		struct tkt_actor *a = tkt_actor(w, HZ, NULL);
		struct timens_tk_rate rate = tkt_rates[i];
		s64 before[ARRAY_SIZE(tkt_all_clocks)], ideal, now, off, last = 0;
		s64 low = 0, high = 0, raw_low = 0, raw_high = 0;
		u64 start, quantum, drift, raw;
		u32 mult, shift;

		tkt_run_ns(w, 1700 * NSEC_PER_MSEC);
		tkt_set_rate(w, a, rate);
		tkt_read_all(w, a, before);
		start = w->clock->now;
		mult = a->tn->tkd.timekeeper.tkr_raw.mult;
		shift = a->tn->tkd.timekeeper.tkr_mono.shift;
		quantum = tkt_rate_quantum(w, rate, shift);
		for (k = 0; k < 100; k++) {
			if (k == 40 && idle) {
				a->stall = U64_MAX;
				tkt_run_ns(w, idle);
				a->stall = 0;
				/*
				 * A unit of the multiplier is made up for, by half of
				 * what is left and 1/2048 of the slope at the most
				 */
				tkt_run_ns(w, (rate.num < rate.den ? 600 : 40) *
					   (u64)NSEC_PER_SEC);
			}
			tkt_run_ns(w, tkt_random(w, NSEC_PER_SEC / 2));
			ideal = tkt_ideal(&w->clock->cs, rate, w->clock->now - start);
			drift = tkt_rate_drift(w, rate, shift, w->clock->now - start);
			now = tkt_read(w, a->tn, CLOCK_MONOTONIC);
			KUNIT_ASSERT_GE(test, now, last);
			last = now;
			off = now - before[2] - ideal;
			low = min(low, off);
			high = max(high, off);
			KUNIT_ASSERT_LE_MSG(test, off, (s64)(3 * quantum + 2), "%u/%u, step %u",
					    rate.num, rate.den, k);
			KUNIT_ASSERT_GE_MSG(test, off, -(s64)(3 * quantum + drift + 2),
					    "%u/%u, step %u", rate.num, rate.den, k);
			tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME) - before[0],
					now - before[2], 1, "REALTIME");

			if (rate.num == rate.den) {
				tkt_keep_raw(w);
				tkt_pass(w, a->tn);
			}
			raw = div_u64(ideal, mult) + 2;
			off = tkt_read(w, a->tn, CLOCK_MONOTONIC_RAW) - before[4] - ideal;
			raw_low = min(raw_low, off);
			raw_high = max(raw_high, off);
			KUNIT_ASSERT_LE_MSG(test, off, 2, "raw, %u/%u, step %u", rate.num, rate.den,
					    k);
			KUNIT_ASSERT_GE_MSG(test, off, -(s64)(rate.num == rate.den ? 2 : raw),
					    "raw, %u/%u, step %u", rate.num, rate.den, k);
		}
		kunit_info(test, "%u/%u: %llu passes, %lld .. %lld ns, bounds -%llu .. %llu; raw %lld .. %lld, bounds -%llu .. 2",
			   rate.num, rate.den, a->passes, low, high, 3 * quantum + drift + 2,
			   3 * quantum + 2, raw_low, raw_high, raw);
	}
}

/* Whenever the rate changes, whatever is being slewed: no clock steps */
static void tkt_rate_change(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(300);
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	s64 last[ARRAY_SIZE(tkt_all_clocks)], now[ARRAY_SIZE(tkt_all_clocks)];
	struct __kernel_timex txc;
	unsigned int i, k, c;

	kunit_info(test, "seed %#llx", tkt_seed);
	tkt_read_all(w, a, last);
	for (i = 0; i < rounds; i++) {
		if (!tkt_random(w, 3)) {
			tkt_random_steering(w, &txc);
			KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);
		}
		/* tkt_set_rate() looks at all clocks before and after */
		tkt_set_rate(w, a, tkt_rates[tkt_random(w, ARRAY_SIZE(tkt_rates))]);
		for (k = 0; k < 3; k++) {
			tkt_run_ns(w, 1 + tkt_random(w, NSEC_PER_SEC / (k ? 4 : 100)));
			if (a->tn->rate.num == a->tn->rate.den) {
				tkt_keep_raw(w);
				tkt_pass(w, a->tn);
			}
			tkt_read_all(w, a, now);
			for (c = 0; c < ARRAY_SIZE(tkt_all_clocks); c++) {
				KUNIT_ASSERT_GE_MSG(test, now[c], last[c], "clock %d, step %u.%u",
						    tkt_all_clocks[c], i, k);
				last[c] = now[c];
			}
		}
	}
}

/* Frequency and adjtime() work on top of the rate */
static void tkt_rate_ntp(struct kunit *test)
{
	static const s64 freqs[] = { 500 << 16, -(500 << 16), 6553, -12345678 };
	const struct tkt_spec *spec = test->param_value;
	s64 base, ideal, extra, off, before, worst;
	unsigned int i, k, s;

	for (i = 0; i < ARRAY_SIZE(tkt_rates); i++) {
		struct tkt_world *w = tkt_world(test, spec, &tkt_epoch);
		struct tkt_actor *a = tkt_actor(w, HZ, NULL);
		struct timens_tk_rate rate = tkt_rates[i];
		u64 start, bound, per, interval, secs;
		u32 shift;

		tkt_set_rate(w, a, rate);
		shift = a->tn->tkd.timekeeper.tkr_mono.shift;
		interval = tkt_rate_interval(&w->clock->cs, rate);
		worst = 0;
		for (k = 0; k < ARRAY_SIZE(freqs); k++) {
			KUNIT_ASSERT_GE(test, tkt_adjust(w, a, USER_TICK_USEC, freqs[k]), 0);
			start = w->clock->now;
			before = tkt_read(w, a->tn, CLOCK_MONOTONIC);
			tkt_run_ns(w, 10 * (u64)NSEC_PER_SEC);
			ideal = tkt_ideal(&w->clock->cs, rate, w->clock->now - start);
			extra = mul_u64_u64_div_u64(ideal, abs(freqs[k]), 65536000000ULL);
			bound = 4 * tkt_rate_quantum(w, rate, shift) + 3 +
				tkt_rate_drift(w, rate, shift, w->clock->now - start) +
				div64_u64(extra, interval) + 1;
			off = tkt_read(w, a->tn, CLOCK_MONOTONIC) - before - ideal -
			      (freqs[k] < 0 ? -extra : extra);
			worst = max(worst, abs(off));
			tkt_expect_near(w, off, 0, bound, "%u/%u, frequency %lld", rate.num,
					rate.den, freqs[k]);
		}

		/* A millisecond of adjtime() takes two seconds of the clock at any rate */
		KUNIT_ASSERT_GE(test, tkt_adjust(w, a, USER_TICK_USEC, 0), 0);
		secs = rate.num < rate.den ? 6 * rate.den : 40;
		per = 0;
		base = 0;
		for (s = 0; s < 2; s++) {
			struct __kernel_timex txc = { .modes = TKT_ADJTIME, .offset = 1000 };

			if (s)
				KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);
			start = w->clock->now;
			before = tkt_read(w, a->tn, CLOCK_MONOTONIC);
			tkt_run_ns(w, secs * NSEC_PER_SEC);
			off = tkt_read(w, a->tn, CLOCK_MONOTONIC) - before -
			      tkt_ideal(&w->clock->cs, rate, w->clock->now - start);
			if (!s)
				base = off;
			per = tkt_rate_drift(w, rate, shift, w->clock->now - start);
		}
		/*
		 * A second which is slewed by 1/2000 has fewer intervals by that much,
		 * and one less or more at either end of the two
		 */
		bound = 6 * tkt_rate_quantum(w, rate, shift) + 2 * per + 4 + 500 + 2 * 500 +
			div64_u64(NSEC_PER_MSEC, interval);
		tkt_expect_near(w, off - base, NSEC_PER_MSEC, bound, "%u/%u, adjtime", rate.num,
				rate.den);
		kunit_info(test, "%u/%u: frequency at most %lld ns off, adjtime() %lld ns, bound %llu ns",
			   rate.num, rate.den, worst, off - base - NSEC_PER_MSEC, bound);
	}
}

/* On another counter, and through a sleep, the clock keeps its rate */
static void tkt_rate_rebase(struct kunit *test)
{
	static const struct tkt_spec * const chain[] = {
		TKT_HPET, TKT_ACPI_PM, TKT_TSC, TKT_ACPI_PM, TKT_TSC,
	};
	s64 before[ARRAY_SIZE(tkt_all_clocks)], after[ARRAY_SIZE(tkt_all_clocks)], nap, ideal;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(tkt_rates); i++) {
		struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
		struct tkt_actor *a = tkt_actor(w, HZ, NULL);
		struct timens_tk_rate rate = tkt_rates[i];

		/* The raw clock of a rate of one is the host's: see tkt_rebase() */
		if (rate.num == rate.den)
			continue;
		tkt_set_rate(w, a, rate);
		for (k = 0; k < ARRAY_SIZE(chain); k++) {
			struct tkt_clock *clock = kunit_kzalloc(test, sizeof(*clock), GFP_KERNEL);
			struct timens_tk_change change;
			struct timespec64 sleep;
			unsigned long flags;
			u64 start, bound;
			u32 shift;

			KUNIT_ASSERT_NOT_NULL(test, clock);
			tkt_run_ns(w, tkt_random(w, 2 * NSEC_PER_SEC));
			tkt_read_all(w, a, before);

			tkt_clock_init(clock, chain[k], CLOCKSOURCE_MASK(chain[k]->bits) / 8 * 7 +
				       tkt_random(w, CLOCKSOURCE_MASK(chain[k]->bits) / 16));
			change = (struct timens_tk_change){ .kind = TIMENS_TK_CLOCKSOURCE };
			tkt_change_counter(w, clock, clock->now, &change);
			tkt_change(a, &change, true);
			tkt_change_calendar(w, a, HZ);
			tkt_hurry(w, a);
			tkt_expect_same_all(w, a, before);

			/* It sleeps at its rate */
			tkt_forward(a->tn);
			tkt_read_all(w, a, before);
			nap = tkt_random(w, TKT_HOUR);
			sleep = ns_to_timespec64(nap);
			raw_spin_lock_irqsave(&a->tn->tkd.lock, flags);
			timens_tk_update_begin(a->tn);
		timens_tk_add_sleep(a->tn, &sleep);
		timens_tk_update_end(a->tn);
			raw_spin_unlock_irqrestore(&a->tn->tkd.lock, flags);
			tkt_read_all(w, a, after);
			nap = mul_u64_u64_div_u64(nap, rate.num, rate.den);
			KUNIT_ASSERT_EQ(test, after[0] - before[0], nap);
			KUNIT_ASSERT_EQ(test, after[1] - before[1], nap);
			KUNIT_ASSERT_EQ(test, after[2] - before[2], 0);
			KUNIT_ASSERT_EQ(test, after[3] - before[3], nap);
			KUNIT_ASSERT_EQ(test, after[4] - before[4], 0);

			start = clock->now;
			shift = a->tn->tkd.timekeeper.tkr_mono.shift;
			tkt_run_ns(w, NSEC_PER_SEC + tkt_random(w, NSEC_PER_SEC));
			ideal = tkt_ideal(&clock->cs, rate, clock->now - start);
			bound = 4 * tkt_rate_quantum(w, rate, shift) + 2 +
				tkt_rate_drift(w, rate, shift, clock->now - start);
			tkt_read_all(w, a, before);
			tkt_expect_near(w, before[2] - after[2], ideal, bound, "%u/%u on %s",
					rate.num, rate.den, chain[k]->name);
			tkt_expect_near(w, before[4] - after[4], ideal,
					div_u64(ideal, a->tn->raw.mult) + 2, "raw, %u/%u on %s",
					rate.num, rate.den, chain[k]->name);
		}
	}
}

/* After hours without a tick a fast clock is caught up in little time */
static void tkt_rate_catch_up(struct kunit *test)
{
	static const struct timens_tk_rate rates[] = { { 7, 1 }, { 1440, 1 }, { 2000, 1 } };
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
		struct tkt_actor *a = tkt_actor(w, HZ, NULL);
		struct __kernel_timex txc = {
			.modes = ADJ_STATUS | ADJ_MAXERROR, .maxerror = 1000,
		};
		struct timens_tk_rate rate = rates[i];
		u64 start, took, quantum, secs;
		s64 mono, ideal;

		tkt_set_rate(w, a, rate);
		KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);
		tkt_run_ns(w, NSEC_PER_SEC);
		tkt_forward(a->tn);
		quantum = tkt_rate_quantum(w, rate, a->tn->tkd.timekeeper.tkr_mono.shift);
		mono = tkt_read(w, a->tn, CLOCK_MONOTONIC);
		start = w->clock->now;
		a->stall = U64_MAX;
		tkt_run_ns(w, 8 * TKT_HOUR);
		took = tkt_elapsed(a->tn, tkt_op_none, NULL, &ret);
		KUNIT_EXPECT_EQ(test, ret, 0);
		ideal = tkt_ideal(&w->clock->cs, rate, w->clock->now - start);
		/* One quantum per eight seconds of the clock, or less, was not made up for */
		secs = div_u64(ideal, NSEC_PER_SEC);
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_MONOTONIC) - mono, ideal,
				(secs / min(rate.num, 8) + 2) * 2 * quantum, "%u/%u", rate.num,
				rate.den);
		kunit_info(test, "%u/%u: %llu seconds in %llu us", rate.num, rate.den, secs,
			   div_u64(took, NSEC_PER_USEC));
		/* The seconds of NTP were all counted */
		secs = min(secs, NTP_PHASE_LIMIT / (MAXFREQ / NSEC_PER_USEC));
		KUNIT_EXPECT_GE(test, a->tn->ntp.time_maxerror,
				(long)(secs * (MAXFREQ / NSEC_PER_USEC)) - 1000);
		TKT_EXPECT_FAST(test, took, 100 * (u64)NSEC_PER_MSEC);
	}
}

/*
 * A reader who brings a fast clock to the present finds a line which holds until NTP
 * bends it. A fast clock tells NTP of a batch of seconds at once, and only the end of
 * that is a bend, whether a leap second would be smeared or not.
 */
static void tkt_rate_holds(struct kunit *test)
{
	static const u32 rates[] = { 1, 7, 100, 2000 };
	struct timens_smear_policy policy = {
		86400, TIMENS_SMEAR_CUSTOM, TIMENS_SMEAR_LINEAR, TIMENS_SMEAR_CENTRED,
	};
	unsigned int i, look, smeared;

	for (i = 0; i < 2 * ARRAY_SIZE(rates); i++) {
		struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
		struct tkt_actor *a = tkt_actor(w, HZ, NULL);
		struct timekeeper_ns *tn = a->tn;
		struct __kernel_timex txc = {
			.modes = ADJ_OFFSET | ADJ_STATUS | ADJ_NANO | ADJ_TIMECONST,
			.status = STA_PLL, .constant = MAXTC, .offset = 400 * NSEC_PER_MSEC,
		};
		unsigned int ends = 0, most;
		u64 apart;
		s64 real;

		smeared = i % 2;
		if (smeared)
			KUNIT_ASSERT_EQ(test, tkt_write(tn, NULL, NULL, tkt_op_policy,
							&policy), 0);
		tkt_set_rate(w, a, (struct timens_tk_rate){ rates[i / 2], 1 });
		KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);
		/* Some seconds later the batches are under way, and nobody else advances it */
		tkt_run_ns(w, NSEC_PER_SEC + tkt_random(w, NSEC_PER_SEC));
		a->stall = U64_MAX;
		tkt_forward(tn);
		real = tkt_read(w, tn, CLOCK_REALTIME);
		/* Three batches, and some */
		apart = (tn->batch + 8) * (3 * NSEC_PER_SEC / 2000) / rates[i / 2];
		for (look = 0; look < 2000; look++) {
			tkt_run_ns(w, apart);
			if (!timens_tk_is_beyond(tn, w->clock->now))
				continue;
			tkt_forward(tn);
			ends++;
			KUNIT_ASSERT_FALSE_MSG(test, timens_tk_is_beyond(tn, w->clock->now),
					       "%ux: it ends before the present", rates[i / 2]);
		}
		real = div_s64(tkt_read(w, tn, CLOCK_REALTIME) - real, NSEC_PER_SEC);
		most = div_s64(real, tn->batch) + 2;
		KUNIT_EXPECT_LE_MSG(test, ends, most, "%ux, %s smear policy, %lld s, batch %u",
				    rates[i / 2], smeared ? "a" : "no", real, tn->batch);
		/* It is bent at all, or nothing was tested */
		KUNIT_EXPECT_GT(test, ends, 0);
	}
}

/*
 * The far end of time
 */

static const struct timens_tk_rate tkt_one = { 1, 1 };

/* A fast clock comes to the last date that can be set, by each of its clocks */
static void tkt_far_end(struct kunit *test)
{
	static const struct timens_offsets ahead[] = {
		{ },
		{ .monotonic = { .tv_sec = 146LL * 365 * TKT_DAY } },
		{ .boottime = { .tv_sec = 146LL * 365 * TKT_DAY } },
	};
	struct tkt_rate_arg arg = { .rate = { 2000, 1 } };
	s64 before[ARRAY_SIZE(tkt_all_clocks)], real, limit, first;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(ahead); i++) {
		struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
		struct tkt_actor *a = tkt_actor(w, HZ, &ahead[i]);
		struct timekeeper_ns *tn = a->tn;

		if (i)
			/* These clocks have a century left: pretend that it has passed */
			tk_set_wall_to_mono(&tn->tkd.timekeeper, (struct timespec64){
				.tv_sec = TIME_SETTOD_SEC_MAX - 400 - tkt_epoch.tv_sec -
					  max(tn->tkd.timekeeper.monotonic_to_boot.tv_sec, 0) });
		else
			KUNIT_ASSERT_EQ(test, tkt_settime(w, a, TIME_SETTOD_SEC_MAX - 400, 0), 0);
		tkt_set_rate(w, a, (struct timens_tk_rate){ 2000, 1 });
		real = tkt_read(w, tn, CLOCK_REALTIME);
		tkt_run_ns(w, 100 * NSEC_PER_MSEC);
		KUNIT_EXPECT_EQ_MSG(test, tn->rate.num, 2000, "%u: too early", i);
		tkt_run_ns(w, 300 * NSEC_PER_MSEC);
		/* Who reads it finds that it has ended, and so does the pass */
		tkt_pass(w, tn);
		KUNIT_EXPECT_EQ_MSG(test, tn->rate.num, 1, "%u: the rate goes on", i);
		KUNIT_EXPECT_EQ(test, tn->rate.den, 1);
		/* It went at 2000 up to there, whenever the pass came */
		first = tkt_read(w, tn, CLOCK_REALTIME);
		limit = 400 * NSEC_PER_SEC;
		KUNIT_EXPECT_GE_MSG(test, first - real, limit - 4 * (s64)NSEC_PER_SEC, "%u", i);
		KUNIT_EXPECT_LE_MSG(test, first - real, limit + 12 * (s64)NSEC_PER_SEC, "%u", i);
		/* and as the host from there */
		tkt_run_ns(w, 7 * NSEC_PER_SEC);
		KUNIT_EXPECT_LE(test, abs(tkt_read(w, tn, CLOCK_REALTIME) - first -
					  7 * (s64)NSEC_PER_SEC), NSEC_PER_MSEC);

		tkt_keep_raw(w);
		tkt_raw(w, &arg.raw);
		arg.rate = (struct timens_tk_rate){ 1000001, 1000000 };
		tkt_read_all(w, a, before);
		KUNIT_EXPECT_EQ(test, tkt_write(tn, NULL, NULL, tkt_op_rate, &arg), -EINVAL);
		tkt_expect_same_all(w, a, before);
		for (k = 0; k < 2; k++) {
			arg.rate = k ? tkt_one : (struct timens_tk_rate){ 1, 1000 };
			KUNIT_EXPECT_EQ(test, tkt_write(tn, NULL, NULL, tkt_op_rate, &arg), 0);
		}
	}
}

/* A fast clock sleeps, for longer than there is time */
static void tkt_far_sleep(struct kunit *test)
{
	static const s64 years[] = { 0, 1, 20 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(years); i++) {
		struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
		struct tkt_actor *a = tkt_actor(w, HZ, NULL);
		struct timespec64 sleep = { .tv_sec = 3600 + years[i] * 365 * TKT_DAY };
		s64 before, after, want, last = TIME_SETTOD_SEC_MAX * NSEC_PER_SEC;
		s64 boot;

		tkt_set_rate(w, a, (struct timens_tk_rate){ 2000, 1 });
		before = tkt_read(w, a->tn, CLOCK_REALTIME);
		boot = tkt_read(w, a->tn, CLOCK_BOOTTIME);
		raw_spin_lock_irq(&a->tn->tkd.lock);
		timens_tk_update_begin(a->tn);
		timens_tk_add_sleep(a->tn, &sleep);
		timens_tk_update_end(a->tn);
		raw_spin_unlock_irq(&a->tn->tkd.lock);
		after = tkt_read(w, a->tn, CLOCK_REALTIME);
		want = before + 2000 * 3600 * NSEC_PER_SEC;
		/* As far as it may be fast at 2000, the rest as the host */
		if (years[i])
			want = last + timespec64_to_ns(&sleep) - div_s64(last - before, 2000);
		KUNIT_EXPECT_LE_MSG(test, abs(after - want), 3 * (s64)NSEC_PER_SEC,
				    "%lld years: %lld s", years[i], (after - want) / NSEC_PER_SEC);
		KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_BOOTTIME) - boot, after - before);
		/* Still a time, and its sleeps end */
		KUNIT_EXPECT_LT(test, after, KTIME_MAX - 9LL * 365 * TKT_DAY * NSEC_PER_SEC);
		tkt_run_ns(w, 2 * NSEC_PER_SEC);
		KUNIT_EXPECT_EQ(test, a->tn->rate.num, years[i] ? 1 : 2000);
	}
}

/* A date before the boot is refused; one before a MONOTONIC that is ahead is not */
static void tkt_ahead_of_boot(struct kunit *test)
{
	static const struct timens_offsets offs[] = {
		{ .monotonic = { .tv_sec = 0 } },
		{ .monotonic = { .tv_sec = 79LL * 365 * TKT_DAY } },
		{ .monotonic = { .tv_sec = 146LL * 365 * TKT_DAY } },
		{ .monotonic = { .tv_sec = -500 } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offs); i++) {
		struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
		struct tkt_actor *a = tkt_actor(w, HZ, &offs[i]);
		s64 mono = tkt_read(w, a->tn, CLOCK_MONOTONIC);
		/* No date is below zero */
		s64 up = max(div_s64(mono, NSEC_PER_SEC) - max(offs[i].monotonic.tv_sec, 0), 0);
		s64 real = div_s64(tkt_read(w, a->tn, CLOCK_REALTIME), NSEC_PER_SEC);

		KUNIT_EXPECT_EQ_MSG(test, tkt_settime(w, a, real + 5, 0), 0, "%u", i);
		KUNIT_EXPECT_EQ_MSG(test, tkt_settime(w, a, up + 2, 0), 0, "%u", i);
		KUNIT_EXPECT_EQ_MSG(test, tkt_settime(w, a, up - 1, 0), -EINVAL, "%u", i);
		KUNIT_EXPECT_EQ_MSG(test, tkt_settime(w, a, TIME_SETTOD_SEC_MAX - 1, 0), 0, "%u",
				    i);
		KUNIT_EXPECT_EQ_MSG(test, tkt_settime(w, a, TIME_SETTOD_SEC_MAX, 0), -EINVAL, "%u",
				    i);
		KUNIT_EXPECT_GE(test, tkt_read(w, a->tn, CLOCK_MONOTONIC), mono);
	}
}

/*
 * A batch of NTP seconds which a write ends before its time gives back what it had taken.
 * Over and over, with all that adjtime() can ask for: the phase stays within its limit, and
 * so does the slope, which the arithmetic of the line counts on.
 */
static void tkt_rate_cut(struct kunit *test)
{
	static const s64 asked[] = { LONG_MAX, LONG_MIN };
	struct __kernel_timex keep = { .modes = ADJ_ESTERROR };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(asked); i++) {
		struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
		struct tkt_actor *a = tkt_actor(w, HZ, NULL);
		struct timekeeper_ns *tn = a->tn;
		struct __kernel_timex txc = {
			.modes = ADJ_OFFSET | ADJ_STATUS | ADJ_NANO | ADJ_TIMECONST,
			.status = STA_PLL, .constant = MAXTC,
			.offset = i ? -400 * NSEC_PER_MSEC : 400 * NSEC_PER_MSEC,
		};
		const s64 most = div_s64((s64)MAXPHASE << NTP_SCALE_SHIFT, NTP_INTERVAL_FREQ);
		s64 base, seen = 0;

		tkt_set_rate(w, a, (struct timens_tk_rate){ 2000, 1 });
		KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);
		txc = (struct __kernel_timex){
			.modes = ADJ_ADJTIME | ADJ_OFFSET_SINGLESHOT, .offset = asked[i],
		};
		KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);
		for (k = 0; k < 3000; k++) {
			/* Another second or two of the clock */
			tkt_run_ns(w, NSEC_PER_SEC / 1500);
			tkt_forward(tn);
			base = tn->ntp.tick_length_base;
			seen = max(seen, abs(tn->ntp.tick_length - base));
			KUNIT_ASSERT_LE_MSG(test, abs(tn->ntp.tick_length - base), base / 4,
					    "round %u", k);
			KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &keep), 0);
			KUNIT_ASSERT_LE_MSG(test, abs(tn->ntp.time_offset), most, "round %u", k);
		}
		/* It was slewed, and by more than adjtime() alone does */
		KUNIT_EXPECT_GT(test, seen, div_s64(500LL * NSEC_PER_USEC << NTP_SCALE_SHIFT,
						    NTP_INTERVAL_FREQ));
	}
}

static struct kunit_case tkt_rate_cases[] = {
	KUNIT_CASE(tkt_far_end),
	KUNIT_CASE(tkt_far_sleep),
	KUNIT_CASE(tkt_ahead_of_boot),
	KUNIT_CASE_PARAM(tkt_rate_fixed_point, tkt_spec_gen_params),
	KUNIT_CASE_PARAM(tkt_rate_day, tkt_spec_gen_params),
	KUNIT_CASE_PARAM(tkt_rate_change, tkt_spec_gen_params),
	KUNIT_CASE_PARAM(tkt_rate_ntp, tkt_spec_gen_params),
	KUNIT_CASE(tkt_rate_rebase),
	KUNIT_CASE(tkt_rate_catch_up),
	KUNIT_CASE(tkt_rate_holds),
	KUNIT_CASE(tkt_rate_cut),
	{}
};

static struct kunit_suite tkt_rate_suite = {
	.name = "timens_rate",
	.test_cases = tkt_rate_cases,
};

kunit_test_suite(tkt_rate_suite);

MODULE_DESCRIPTION("KUnit tests of rates, and of the far end of time");
MODULE_LICENSE("GPL");
