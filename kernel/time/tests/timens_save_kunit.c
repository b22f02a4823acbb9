// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of saved and restored clocks (timens_save.c)
 *
 * A clock goes through a random history: it is set, steered, slewed, rated, takes leap
 * seconds and smears them. Again and again it is saved and restored, and what comes out
 * has to be the clock which was saved.
 *
 *
 * Bounds
 * ------
 *
 *   none	On the same counter the restored clock is the copy which was saved, in
 *		each clock, at each later counter value.
 *   quantum	Against the clock itself, which was not brought forward to a counter
 *		value when it was saved, see timens_mock.c.
 *   rounding	CLOCK_MONOTONIC_RAW of a clock without a rate is that of the host and a
 *		number of nanoseconds.
 */
#include <linux/slab.h>

#include "timens_mock.h"

KUNIT_ARRAY_PARAM(tkt_spec, tkt_specs, tkt_spec_desc);

#define TSV_MACHINE	4711
#define TSV_OTHER	4712

/* What a test has: the history is that of @a, and @b is what is restored */
struct tsv {
	struct tkt_world	*w;
	struct tkt_actor	*a;
	struct timekeeper_ns	*b;
	struct timekeeper_ns	*copy;
	struct timekeeper_ns	*scratch;
	struct timens_saved	saved;
	char			text[TIMENS_SAVE_TEXT];
	char			edit[TIMENS_SAVE_TEXT + 64];
};

static struct tsv *tsv_new(struct kunit *test, const struct tkt_spec *spec)
{
	static const struct timens_offsets none;
	struct tsv *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->w = tkt_world(test, spec, &tkt_epoch);
	t->a = tkt_actor(t->w, 4 * HZ, NULL);
	t->b = tkt_alloc(test);
	t->copy = tkt_alloc(test);
	t->scratch = tkt_alloc(test);
	t->b->log = t->a->tn->log;
	KUNIT_ASSERT_EQ(test, tkt_write(t->b, t->w->host, &none, tkt_op_none, NULL), 0);
	return t;
}

static struct timens_smear_policy tsv_policy(struct kunit *test, const char *name)
{
	struct timens_smear_policy policy;
	char text[40];

	strscpy(text, name, sizeof(text));
	KUNIT_ASSERT_EQ(test, timens_smear_parse(&policy, text), 0);
	return policy;
}

/* As who reads timens_clock */
static void tsv_save(struct tsv *t)
{
	u64 now = t->w->clock->now & t->w->clock->cs.mask;

	tkt_keep_raw(t->w);
	if (timens_tk_is_beyond(t->a->tn, now))
		tkt_pass(t->w, t->a->tn);
	timens_tk_copy(t->copy, t->a->tn);
	timens_save_clock(t->copy, now, t->w->host, TSV_MACHINE, &t->saved);
	/* Here the copy goes on */
	t->copy->valid = timens_tk_valid(t->copy);
	timens_save_text(&t->saved, t->text, sizeof(t->text));
}

static int tsv_restore_to(struct tsv *t, struct tkt_world *w, struct timekeeper_ns *tn,
			  bool elapsed, bool entered, s64 machine)
{
	struct timens_restore r = {
		.saved = &t->saved, .elapsed = elapsed, .entered = entered, .host = w->host,
		.machine = machine, .scratch = t->scratch,
	};

	tkt_keep_raw(w);
	memset(t->scratch, 0, sizeof(*t->scratch));
	return tkt_write(tn, NULL, NULL, timens_save_restore, &r);
}

static int tsv_restore(struct tsv *t, bool elapsed, bool entered)
{
	return tsv_restore_to(t, t->w, t->b, elapsed, entered, TSV_MACHINE);
}

static int tsv_parse(struct tsv *t, const char *text)
{
	strscpy(t->edit, text, sizeof(t->edit));
	return timens_save_parse(t->edit, &t->saved);
}

static void tsv_halt(struct tsv *t)
{
	struct tkt_actor *a = t->a;
	struct timens_tk_raw raw;

	tkt_keep_raw(t->w);
	tkt_raw(t->w, &raw);
	tkt_write(a->tn, NULL, NULL, a->tn->stopped ? tkt_op_go : tkt_op_stop, &raw);
	if (!a->tn->stopped && list_empty(&a->tn->node))
		timens_tk_calendar_queue(a->cal, a->tn, t->w->tick);
}

/* Something happens to the clock */
static void tsv_happen(struct tsv *t)
{
	static const char *const policies[] = {
		"step", "smear google", "smear utc-sls", "smear ntpd", "smear meta",
		"smear linear 128 centred", "smear cosine 300 after", "smear quadratic 900 before",
	};
	static const struct timens_tk_rate rates[] = {
		{ 1, 1 }, { 1, 1 }, { 2, 1 }, { 2000, 1 }, { 1, 1000 }, { 1440, 1 }, { 355, 113 },
		{ 999999999, 1000000000 },
	};
	static const int status[] = {
		STA_PLL | STA_INS, STA_PLL | STA_INS, STA_PLL | STA_DEL, STA_PLL,
		STA_PLL | STA_NANO,
	};
	struct timens_smear_policy policy;
	struct tkt_world *w = t->w;
	struct tkt_actor *a = t->a;
	struct __kernel_timex txc;
	s64 day;

	switch (tkt_random(w, 9)) {
	case 0:
		/* A minute before midnight, or a day before */
		day = 10000 + tkt_random(w, 40000);
		day = day * TKT_DAY - 1 - tkt_random(w, tkt_random(w, 2) ? 60 : TKT_DAY);
		tkt_settime(w, a, day, tkt_random(w, NSEC_PER_SEC));
		break;
	case 1:
	case 2:
		tkt_status(w, a, status[tkt_random(w, ARRAY_SIZE(status))]);
		break;
	case 3:
		policy = tsv_policy(w->test, policies[tkt_random(w, ARRAY_SIZE(policies))]);
		tkt_write(a->tn, NULL, NULL, tkt_op_policy, &policy);
		break;
	case 4:
		tkt_set_rate(w, a, rates[tkt_random(w, ARRAY_SIZE(rates))]);
		break;
	case 5:
		txc = (struct __kernel_timex){
			.modes = ADJ_MAXERROR | ADJ_ESTERROR, .maxerror = tkt_random(w, 100000),
			.esterror = tkt_random(w, 100000),
		};
		tkt_adjtimex(w, a, &txc);
		txc = (struct __kernel_timex){ .modes = ADJ_TAI, .constant = tkt_random(w, 50) };
		tkt_adjtimex(w, a, &txc);
		break;
	case 6:
		/* It goes soon again */
		if (a->tn->stopped || !tkt_random(w, 3))
			tsv_halt(t);
		break;
	default:
		tkt_random_steering(w, &txc);
		tkt_adjtimex(w, a, &txc);
	}
}

/* Seconds of the clock, however fast it is */
static void tsv_run(struct tsv *t, u64 most)
{
	struct timens_tk_rate rate = t->a->tn->rate;
	u64 ns = tkt_random(t->w, most * NSEC_PER_SEC);

	ns = mul_u64_u64_div_u64(ns, rate.den, rate.num);
	/* A slow clock needs as much of the host, and has less of it */
	tkt_run_ns(t->w, min(ns, most * NSEC_PER_SEC) + 1);
}

static void tsv_same_clock(struct tsv *t, const struct timekeeper_ns *x,
			   const struct timekeeper_ns *y)
{
	const struct timekeeper *a = &x->tkd.timekeeper, *b = &y->tkd.timekeeper;
	struct tkt_world *w = t->w;

	tkt_same_ntp(w, &x->ntp, &y->ntp);
	tkt_same(w, "leap_is_smeared", x->ntp.leap_is_smeared, y->ntp.leap_is_smeared);
	tkt_same(w, "xtime_sec", a->xtime_sec, b->xtime_sec);
	tkt_same(w, "xtime_nsec", a->tkr_mono.xtime_nsec, b->tkr_mono.xtime_nsec);
	tkt_same(w, "mult", a->tkr_mono.mult, b->tkr_mono.mult);
	tkt_same(w, "shift", a->tkr_mono.shift, b->tkr_mono.shift);
	/* What stands is at no counter value */
	if (!x->stopped) {
		tkt_same(w, "cycle_last", a->tkr_mono.cycle_last, b->tkr_mono.cycle_last);
		tkt_same(w, "cycle_now", x->cycle_now, y->cycle_now);
	}
	tkt_same(w, "xtime_interval", a->xtime_interval, b->xtime_interval);
	tkt_same(w, "xtime_remainder", a->xtime_remainder, b->xtime_remainder);
	tkt_same(w, "ntp_tick", a->ntp_tick, b->ntp_tick);
	tkt_same(w, "ntp_error", a->ntp_error, b->ntp_error);
	tkt_same(w, "ntp_err_mult", a->ntp_err_mult, b->ntp_err_mult);
	tkt_same(w, "skip_second_overflow", a->skip_second_overflow, b->skip_second_overflow);
	tkt_same(w, "offs_real", a->offs_real, b->offs_real);
	tkt_same(w, "offs_boot", a->offs_boot, b->offs_boot);
	tkt_same(w, "offs_tai", a->offs_tai, b->offs_tai);
	tkt_same(w, "edge_sec", x->edge_sec, y->edge_sec);
	tkt_same(w, "edge_step", x->edge_step, y->edge_step);
	tkt_same(w, "stopped", x->stopped, y->stopped);
	tkt_same(w, "batch", x->batch, y->batch);
	tkt_same(w, "batch_left", x->batch_left, y->batch_left);
	tkt_same(w, "mono_ahead", x->mono_ahead, y->mono_ahead);
	tkt_same(w, "smear", x->smear.state, y->smear.state);
	tkt_same(w, "smear window", x->smear.policy.window, y->smear.policy.window);
	tkt_same(w, "smear preset", x->smear.policy.preset, y->smear.policy.preset);
	if (x->smear.state == TIMENS_SMEAR_NONE)
		return;
	tkt_same(w, "smear step", x->smear.step, y->smear.step);
	tkt_same(w, "smear edge", x->smear.edge, y->smear.edge);
	tkt_same(w, "smear start", x->smear.start, y->smear.start);
	tkt_same(w, "smear end", x->smear.end, y->smear.end);
	tkt_same(w, "smear from", x->smear.from, y->smear.from);
	tkt_same(w, "smear to", x->smear.to, y->smear.to);
	tkt_same(w, "smear at", x->smear.at, y->smear.at);
	tkt_same(w, "smear aim", x->smear.aim, y->smear.aim);
	tkt_same(w, "smear phase", x->smear.phase, y->smear.phase);
	tkt_same(w, "smear knot", x->smear.knot, y->smear.knot);
	tkt_same(w, "smear slope", x->smear.slope, y->smear.slope);
	tkt_same(w, "smear committed", x->smear.committed, y->smear.committed);
}

static void tsv_same_at(struct tsv *t, u64 cycles)
{
	struct tkt_world *w = t->w;
	unsigned int c;
	s64 x, y;

	for (c = 0; c < ARRAY_SIZE(tkt_all_clocks); c++) {
		x = tkt_read_at(w, t->copy, tkt_all_clocks[c], cycles);
		y = tkt_read_at(w, t->b, tkt_all_clocks[c], cycles);
		if (tkt_all_clocks[c] == CLOCK_MONOTONIC_RAW)
			tkt_expect_near(w, x, y, 1, "CLOCK_MONOTONIC_RAW");
		else
			tkt_same(w, "clock", x, y);
	}
}

/* The clock goes on where it was, in all it does */
static void tsv_check_frozen(struct tsv *t)
{
	struct timens_saved was = t->saved;
	struct tkt_world *w = t->w;
	unsigned int i;
	u64 ns;

	KUNIT_ASSERT_EQ(w->test, tsv_parse(t, t->text), 0);
	KUNIT_ASSERT_MEMEQ(w->test, &was, &t->saved, sizeof(was));
	KUNIT_ASSERT_EQ_MSG(w->test, tsv_restore(t, false, false), 0, "%s", t->text);
	tsv_same_clock(t, t->copy, t->b);
	tsv_same_at(t, w->clock->now);
	/* Up to a day of the clock later, whoever reads then */
	for (i = 0; i < 4; i++) {
		ns = tkt_random(w, (i & 1 ? TKT_DAY : 4) * NSEC_PER_SEC);
		ns = mul_u64_u64_div_u64(ns, t->b->rate.den, t->b->rate.num);
		ns = min(ns, TKT_DAY * NSEC_PER_SEC);
		tsv_same_at(t, w->clock->now + tkt_ns_to_cycles(w, ns));
	}
}

/* What the host's clocks have run, and nothing else */
static void tsv_check_elapsed(struct tsv *t, s64 host, s64 mono)
{
	static const clockid_t run[] = { CLOCK_TAI, CLOCK_BOOTTIME };
	struct tkt_world *w = t->w;
	s64 elapsed, before[ARRAY_SIZE(run)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(run); i++)
		before[i] = tkt_read_at(w, t->copy, run[i], t->copy->cycle_now);
	elapsed = tkt_read_host(w, CLOCK_BOOTTIME) - host;
	elapsed = mul_u64_u64_div_u64(elapsed, t->copy->rate.num, t->copy->rate.den);
	if (t->copy->stopped)
		elapsed = 0;
	KUNIT_ASSERT_EQ_MSG(w->test, tsv_restore(t, true, false), 0, "%s", t->text);
	for (i = 0; i < ARRAY_SIZE(run); i++)
		tkt_same(w, "elapsed", tkt_read(w, t->b, run[i]) - before[i], elapsed);
	tkt_same(w, "monotonic", tkt_read(w, t->b, CLOCK_MONOTONIC), mono);
	/* An edge in between was taken */
	KUNIT_EXPECT_GT(w->test, t->b->edge_sec, (time64_t)t->b->tkd.timekeeper.xtime_sec);
}

/* Tasks notice nothing on the clocks which never step */
static void tsv_check_entered(struct tsv *t)
{
	static const clockid_t kept[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW };
	struct tkt_world *w = t->w;
	s64 before[ARRAY_SIZE(kept)], real, wtm;
	unsigned int i;
	int ret;

	tkt_forward(t->b);
	for (i = 0; i < ARRAY_SIZE(kept); i++)
		before[i] = tkt_read(w, t->b, kept[i]);
	real = t->saved.v[TIMENS_SAVE_REAL] * NSEC_PER_SEC + t->saved.v[TIMENS_SAVE_REAL + 1];
	wtm = before[0] - real;
	ret = tsv_restore(t, false, true);
	KUNIT_ASSERT_EQ(w->test, ret, wtm > t->b->mono_ahead * NSEC_PER_SEC ? -EINVAL : 0);
	for (i = 0; i < ARRAY_SIZE(kept); i++) {
		KUNIT_ASSERT_GE(w->test, tkt_read(w, t->b, kept[i]), before[i]);
		KUNIT_ASSERT_LE(w->test, tkt_read(w, t->b, kept[i]), before[i] + 1);
	}
	if (ret)
		return;
	tkt_same(w, "line", timens_tk_unsmeared(t->b, t->b->cycle_now), real);
	tkt_same_ntp(w, &t->b->ntp, &t->copy->ntp);
	tkt_same(w, "smear", t->b->smear.state, t->copy->smear.state);
}

/* All that a clock can be, saved and restored */
static void tsv_histories(struct kunit *test)
{
	const unsigned int rounds = TIMENS_KUNIT_SLOW ? 40 : 250;
	struct tsv *t = tsv_new(test, TKT_TSC);
	unsigned int seen_smear[4] = { 0 }, seen_state[5] = { 0 }, seen_batch = 0, i, steps;
	struct tkt_world *w = t->w;
	u64 bound;
	s64 host;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (i = 0; i < rounds; i++) {
		for (steps = tkt_random(w, 5); steps; steps--) {
			tsv_happen(t);
			tsv_run(t, tkt_random(w, 4) ? 3 : 100);
		}
		tsv_save(t);
		host = tkt_read_host(w, CLOCK_BOOTTIME);
		seen_smear[t->copy->smear.state]++;
		seen_state[t->copy->ntp.time_state]++;
		seen_batch += !!t->copy->batch_left;
		tsv_check_frozen(t);
		/* What the clock itself does meanwhile is the same, but for the interval */
		bound = 2 * tkt_quantum(w, t->a->tn) + 2 * tkt_rate_quantum(w, t->b->rate,
				t->b->tkd.timekeeper.tkr_mono.shift) + 2;
		tkt_expect_near(w, tkt_read(w, t->a->tn, CLOCK_MONOTONIC),
				tkt_read(w, t->b, CLOCK_MONOTONIC), bound, "the original");
		tsv_run(t, tkt_random(w, 4) ? 3 : 100);
		tsv_check_elapsed(t, host, tkt_read_at(w, t->copy, CLOCK_MONOTONIC,
						       t->copy->cycle_now));
		tsv_check_entered(t);
	}
	kunit_info(test, "smear none %u, waiting %u, running %u, back %u; ok %u, ins %u, del %u, oop %u, wait %u; batch %u",
		   seen_smear[0], seen_smear[1], seen_smear[2], seen_smear[3], seen_state[0],
		   seen_state[1], seen_state[2], seen_state[3], seen_state[4], seen_batch);
	if (TIMENS_KUNIT_SLOW)
		return;
	for (i = 0; i < ARRAY_SIZE(seen_smear); i++)
		KUNIT_EXPECT_GT(test, seen_smear[i], 0);
	/* The second itself is what tsv_leap() is about */
	for (i = TIME_OK; i <= TIME_DEL; i++)
		KUNIT_EXPECT_GT(test, seen_state[i], 0);
	KUNIT_EXPECT_GT(test, seen_batch, 0);
}

/* In each phase of a leap second, stepped: a clock which is in the middle of it */
static void tsv_leap(struct kunit *test)
{
	static const int orders[] = { STA_INS, STA_DEL };
	struct tsv *t = tsv_new(test, TKT_TSC);
	unsigned int seen = 0, i, k;
	struct tkt_world *w = t->w;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		tkt_settime(w, t->a, TKT_MIDNIGHT - 3, 500000000);
		tkt_status(w, t->a, STA_PLL | orders[i]);
		for (k = 0; k < 30; k++) {
			tsv_save(t);
			seen |= 1U << t->copy->ntp.time_state;
			tsv_check_frozen(t);
			tkt_run_ns(w, 200 * NSEC_PER_MSEC);
		}
		tkt_status(w, t->a, 0);
	}
	KUNIT_EXPECT_EQ(test, seen, 0x1fU);
}

/* To where something becomes of a smear, which need not be at a second */
static void tsv_run_smear(struct tsv *t)
{
	const struct timekeeper_ns *tn = t->a->tn;
	struct tkt_world *w = t->w;
	s64 left;

	left = tkt_random(w, 2) ? tn->smear.end : timens_smear_due(&tn->smear);
	left -= timens_tk_unsmeared(tn, w->clock->now & w->clock->cs.mask);
	if (tn->smear.state == TIMENS_SMEAR_NONE || tn->stopped || left <= 0 ||
	    left > 1000 * NSEC_PER_SEC)
		return;
	tkt_run_ns(w, mul_u64_u64_div_u64(left, tn->rate.den, tn->rate.num) + tkt_random(w, 1000));
}

/*
 * adjtimex() without modes: where nothing is due, it shows what it would show behind a pass,
 * to the last bit, and writes nothing. Where something is, a pass does something.
 */
static void tsv_reads(struct kunit *test)
{
	const unsigned int rounds = TIMENS_KUNIT_SLOW ? 200 : 3000;
	struct timekeeper_ns *was = kunit_kzalloc(test, sizeof(*was), GFP_KERNEL), *tn;
	unsigned int seen_smear[4] = { 0 }, seen_batch = 0, seen_due = 0, i;
	struct tsv *t = tsv_new(test, TKT_TSC);
	struct tkt_world *w = t->w;
	struct __kernel_timex x, y;
	struct timens_tk_raw raw;
	bool beyond;
	u64 now;

	KUNIT_ASSERT_NOT_NULL(test, was);
	kunit_info(test, "seed %#llx", tkt_seed);
	tn = t->a->tn;
	for (i = 0; i < rounds; i++) {
		if (!tkt_random(w, 8))
			tsv_happen(t);
		if (!tkt_random(w, 4))
			tsv_run(t, tkt_random(w, 4) ? 2 : 100);
		else if (!tkt_random(w, 4))
			tsv_run_smear(t);
		else
			tkt_run_ns(w, tkt_random(w, 100 * NSEC_PER_MSEC));
		x = (struct __kernel_timex){ 0 };
		if (!tkt_random(w, 3))
			x.modes = ADJ_ADJTIME | ADJ_OFFSET_READONLY;
		y = x;
		now = w->clock->now & w->clock->cs.mask;
		tkt_keep_raw(w);
		tkt_raw(w, &raw);
		timens_tk_copy(t->copy, tn);
		t->copy->calm_until = 0;
		timens_tk_pass_at(t->copy, &raw, now);
		KUNIT_EXPECT_FALSE(test, timens_tk_is_due(t->copy, now));
		if (timens_tk_is_due(tn, now)) {
			beyond = timens_tk_is_beyond(tn, now);
			KUNIT_EXPECT_TRUE(test, beyond ||
					  tn->tkd.timekeeper.xtime_sec !=
					  t->copy->tkd.timekeeper.xtime_sec ||
					  tn->smear.aim != t->copy->smear.aim ||
					  tn->smear.state != t->copy->smear.state);
			seen_due++;
			if (tkt_random(w, 2))
				tkt_pass(w, tn);
			continue;
		}
		memcpy(was, tn, sizeof(*was));
		tkt_same(w, "state", timens_tk_show_timex(tn, &x, now),
			 timens_tk_show_timex(t->copy, &y, now));
		KUNIT_ASSERT_MEMEQ(test, tn, was, sizeof(*was));
		KUNIT_ASSERT_MEMEQ(test, &x, &y, sizeof(x));
		tkt_same(w, "rate", tn->ntp.tick_length, t->copy->ntp.tick_length);
		tkt_same(w, "smear", tn->smear.state, t->copy->smear.state);
		seen_smear[tn->smear.state]++;
		seen_batch += !!tn->batch_left;
	}
	kunit_info(test, "%u due; smear none %u, waiting %u, running %u, back %u; batch %u",
		   seen_due, seen_smear[0], seen_smear[1], seen_smear[2], seen_smear[3],
		   seen_batch);
	KUNIT_EXPECT_GT(test, seen_due, 0);
	KUNIT_EXPECT_GT(test, seen_smear[TIMENS_SMEAR_NONE], 0);
	if (TIMENS_KUNIT_SLOW)
		return;
	for (i = 0; i < ARRAY_SIZE(seen_smear); i++)
		KUNIT_EXPECT_GT(test, seen_smear[i], 0);
	KUNIT_EXPECT_GT(test, seen_batch, 0);
}

/* A counter of another frequency, and a host which shows another time */
static void tsv_other_counter(struct kunit *test)
{
	static const struct timespec64 other = { .tv_sec = 1700100000 };
	const unsigned int rounds = TIMENS_KUNIT_SLOW ? 10 : 60;
	struct tkt_world *w2 = tkt_world(test, test->param_value, &other);
	struct tkt_actor *b = tkt_actor(w2, HZ, NULL);
	struct tsv *t = tsv_new(test, TKT_TSC);
	struct tkt_world *w = t->w;
	s64 was[ARRAY_SIZE(tkt_clocks)], is, host;
	u64 ns, bound, slew;
	unsigned int i, c;

	w2->host_runs = true;
	for (i = 0; i < rounds; i++) {
		tsv_happen(t);
		tsv_run(t, 20);
		tsv_save(t);
		for (c = 0; c < ARRAY_SIZE(tkt_clocks); c++)
			was[c] = tkt_read(w, t->copy, tkt_clocks[c]);
		host = t->saved.v[TIMENS_SAVE_HOST_REAL] * NSEC_PER_SEC +
		       t->saved.v[TIMENS_SAVE_HOST_REAL + 1];
		KUNIT_ASSERT_EQ(test, tsv_parse(t, t->text), 0);
		KUNIT_ASSERT_EQ_MSG(test, tsv_restore_to(t, w2, b->tn, false, false, TSV_OTHER), 0,
				    "%s", t->text);
		for (c = 0; c < ARRAY_SIZE(tkt_clocks); c++) {
			is = tkt_read(w2, b->tn, tkt_clocks[c]);
			tkt_expect_near(w2, is, was[c], 1, "clock %d", tkt_clocks[c]);
		}
		tkt_same_ntp(w, &t->copy->ntp, &b->tn->ntp);

		/* For a while both keep to the same NTP time line */
		if (b->tn->rate.num == b->tn->rate.den && !b->tn->stopped) {
			ns = tkt_random(w, 4 * NSEC_PER_SEC);
			tkt_run_ns(w, ns);
			tkt_run_ns(w2, ns);
			/* A cycle of either, the quanta, and the second's bend on another grid */
			bound = 4 * tkt_quantum(w2, b->tn) + 4 * tkt_quantum(w, t->a->tn) +
				2 * div64_u64(NSEC_PER_SEC, w2->clock->hz) + 4;
			slew = abs(t->saved.v[TIMENS_SAVE_SLEW]) >> NTP_SCALE_SHIFT;
			bound += 8 * (slew / HZ);
			bound += 8 * (500000 / HZ);
			tkt_expect_near(w2, tkt_read(w2, b->tn, CLOCK_MONOTONIC) - was[2],
					tkt_read(w, t->copy, CLOCK_MONOTONIC) - was[2], bound,
					"after %llu ns", ns);
		}

		/* There it is the date which says how long it took */
		tkt_same(w, "parse", tsv_parse(t, t->text), 0);
		KUNIT_ASSERT_EQ(test, tsv_restore_to(t, w2, b->tn, true, false, TSV_OTHER), 0);
		is = tkt_read(w2, b->tn, CLOCK_BOOTTIME) - was[3];
		host = tkt_read_host(w2, CLOCK_REALTIME) - host;
		if (b->tn->stopped) {
			KUNIT_EXPECT_EQ(test, is, 0);
		} else if (b->tn->rate.num <= b->tn->rate.den) {
			host = mul_u64_u64_div_u64(host, b->tn->rate.num, b->tn->rate.den);
			tkt_expect_near(w2, is, host, 1, "elapsed");
		} else {
			KUNIT_EXPECT_GE(test, is, host);
		}
		/* The history of a fast clock would end in 2232 */
		tkt_set_rate(w, t->a, (struct timens_tk_rate){ 1, 1 });
	}
}

/* A host whose clock is behind: no time has passed */
static void tsv_host_behind(struct kunit *test)
{
	static const struct timespec64 early = { .tv_sec = 1600000000 };
	struct tkt_world *w2 = tkt_world(test, TKT_TSC, &early);
	struct tkt_actor *b = tkt_actor(w2, HZ, NULL);
	struct tsv *t = tsv_new(test, TKT_TSC);
	s64 was;

	tsv_save(t);
	was = tkt_read(t->w, t->copy, CLOCK_REALTIME);
	KUNIT_ASSERT_EQ(test, tsv_restore_to(t, w2, b->tn, true, false, TSV_OTHER), 0);
	KUNIT_EXPECT_EQ(test, tkt_read(w2, b->tn, CLOCK_REALTIME), was);
}

/*
 * Texts
 */

/* Replace the first line which begins with @key by @line; nothing for NULL */
static void tsv_edit(struct tsv *t, const char *key, const char *line)
{
	char *at = strstr(t->text, key), *end;

	KUNIT_ASSERT_NOT_NULL(t->w->test, at);
	end = strchr(at, '\n') + 1;
	scnprintf(t->edit, sizeof(t->edit), "%.*s%s%s", (int)(at - t->text), t->text, line ?: "",
		  end);
}

static void tsv_unchanged(struct tsv *t, const struct timekeeper_ns *was, const char *what)
{
	struct timekeeper_ns *b = t->b;
	struct kunit *test = t->w->test;

	KUNIT_ASSERT_MEMEQ_MSG(test, &was->tkd.timekeeper, &b->tkd.timekeeper,
			       sizeof(b->tkd.timekeeper), "%s", what);
	KUNIT_ASSERT_MEMEQ_MSG(test, &was->ntp, &b->ntp, sizeof(b->ntp), "%s", what);
	KUNIT_ASSERT_MEMEQ_MSG(test, &was->smear, &b->smear, sizeof(b->smear), "%s", what);
	KUNIT_ASSERT_MEMEQ_MSG(test, &was->raw, &b->raw, sizeof(b->raw), "%s", what);
	KUNIT_ASSERT_MEMEQ_MSG(test, &was->offs, &b->offs, sizeof(b->offs), "%s", what);
	KUNIT_ASSERT_EQ(test, was->rate.num, b->rate.num);
	KUNIT_ASSERT_EQ(test, was->mono_ahead, b->mono_ahead);
	KUNIT_ASSERT_EQ(test, was->batch_left, b->batch_left);
	KUNIT_ASSERT_EQ(test, was->cycle_now, b->cycle_now);
	KUNIT_ASSERT_EQ(test, was->edge_sec, b->edge_sec);
	KUNIT_ASSERT_EQ(test, was->tz.tz_minuteswest, b->tz.tz_minuteswest);
}

/* Parse what is in @edit, and restore it if it can be parsed */
static int tsv_try(struct tsv *t, bool elapsed)
{
	int ret = timens_save_parse(t->edit, &t->saved);

	return ret ?: tsv_restore(t, elapsed, false);
}

/* A smear of 128 s around 1700006400, and of a second which is inserted */
#define TSV_WINDOW	"1700006336000000000 1700006464000000000"
#define TSV_SECOND	" 0 -1000000000\n"

static const struct tsv_bad {
	const char	*key;
	const char	*line;
	int		ret;
} tsv_bads[] = {
	{ "version", NULL, -EINVAL },
	{ "version", "version 0\n", -EPROTONOSUPPORT },
	{ "version", "version 2\n", -EPROTONOSUPPORT },
	{ "version", "version -1\n", -ERANGE },
	{ "version", "version\n", -EINVAL },
	{ "version", "version 1 1\n", -EINVAL },
	{ "version", "version one\n", -EINVAL },
	{ "version", "version 99999999999999999999\n", -ERANGE },
	{ "version", "state own\nversion 1\n", -EINVAL },
	{ "machine", NULL, -EINVAL },
	{ "machine", "machine 0\n", -ERANGE },
	{ "machine", "machine 5\nmachine 5\n", -EINVAL },
	{ "machine", "machinery 5\n", -EINVAL },
	{ "host", "host 1 2 3\n", -EINVAL },
	{ "host", "host 1 2 3 4 5\n", -EINVAL },
	{ "host", "host 1 1000000000 3 4\n", -ERANGE },
	{ "host", "host -1 0 3 4\n", -ERANGE },
	{ "host", "host 1 0 9223372036 4\n", -ERANGE },
	{ "host", "host 1 0 0x3 4\n", -EINVAL },
	{ "host", "host 1 0 +3 4\n", -EINVAL },
	{ "host", "host 1 0 - 4\n", -EINVAL },
	{ "real", "real -1 0 0\n", -ERANGE },
	{ "real", "real 8277292036 0 0\n", -ERANGE },
	{ "real", "real 1700000000 1000000000 0\n", -ERANGE },
	{ "real", "real 1700000000 0 4294967296\n", -ERANGE },
	{ "real", "real 5 0 0\n", -EINVAL },		/* before the start of MONOTONIC */
	{ "mono", "mono -1 0 0\n", -ERANGE },
	{ "mono", "mono 4611686019 0 0\n", -ERANGE },
	{ "mono", "mono 1800000000 0 0\n", -EINVAL },	/* after REALTIME */
	{ "mono", "mono 10 0 11\n", -EINVAL },
	{ "boot", "boot -1 0\n", -ERANGE },
	{ "boot", "boot 1 -1\n", -ERANGE },
	{ "raw", "raw -4611686019 0 0\n", -ERANGE },
	{ "taioffset", "taioffset -100001\n", -ERANGE },
	{ "taioffset", "taioffset 200001\n", -ERANGE },
	{ "speed", "speed 0 1 0\n", -ERANGE },
	{ "speed", "speed 1 0 0\n", -ERANGE },
	{ "speed", "speed 2 2 0\n", -EINVAL },
	{ "speed", "speed 2001 1 0\n", -ERANGE },
	{ "speed", "speed 1 1001 0\n", -ERANGE },
	{ "speed", "speed 1000000001 1000000000 0\n", -ERANGE },
	{ "speed", "speed 1 1 2\n", -ERANGE },
	{ "ntp", "ntp 2147483648000001 10000 0 0 0 0 0 0\n", -ERANGE },
	{ "ntp", "ntp 0 8999 0 0 0 0 0 0\n", -ERANGE },
	{ "ntp", "ntp 0 11001 0 0 0 0 0 0\n", -ERANGE },
	{ "ntp", "ntp 0 10000 600000000000000000 0 0 0 0 0\n", -ERANGE },
	{ "ntp", "ntp 0 10000 0 2147483648000000001 0 0 0 0\n", -ERANGE },
	{ "ntp", "ntp 0 10000 0 -2147483648000000001 0 0 0 0\n", -ERANGE },
	{ "ntp", "ntp 0 10000 0 0 9223372036854775808 0 0 0\n", -ERANGE },
	{ "ntp", "ntp 0 10000 0 0 0 4294967296000000001 0 0\n", -ERANGE },
	{ "ntp", "ntp 0 10000 0 0 0 0 1 0\n", -EINVAL },	/* more than the batch of rate 1 */
	{ "ntp", "ntp 0 10000 0 0 0 0 -1 0\n", -ERANGE },
	{ "ntp", "ntp 0 10000 0 0 0 0 2048 0\n", -ERANGE },
	{ "ntp", "ntp 0 10000 0 0 0 0 0 1\n", -EINVAL },	/* in the middle of a second */
	{ "ntp", "ntp 0 10000 0 0 0 0 0 2\n", -ERANGE },
	{ "status", "status 256 2 0 0 0\n", -EINVAL },	/* STA_PPSSIGNAL */
	{ "status", "status 2147483648 2 0 0 0\n", -ERANGE },
	{ "status", "status 0 11 0 0 0\n", -ERANGE },
	{ "status", "status 0 -1 0 0 0\n", -ERANGE },
	{ "status", "status 0 2 16000001 0 0\n", -ERANGE },
	{ "status", "status 0 2 0 16000001 0\n", -ERANGE },
	{ "status", "status 0 2 0 0 -1\n", -ERANGE },
	{ "armed", "armed 5 -1\n", -ERANGE },
	{ "armed", "armed 0 -2\n", -ERANGE },
	{ "armed", "armed 0 1700006400\n", -EINVAL },	/* not armed, and an edge */
	{ "armed", "armed 3 -1\n", -EINVAL },
	{ "armed", "armed 1 1700006401\n", -EINVAL },	/* not at midnight */
	{ "armed", "armed 2 1700006400\n", -EINVAL },
	{ "armed", "armed 1 1800057600\n", -EINVAL },	/* not today */
	{ "armed", "armed 3 1700006400\n", -EINVAL },
	{ "armed", "armed 4 1700006400\n", -EINVAL },
	{ "policy", "policy\n", -EINVAL },
	{ "policy", "policy smear bing\n", -EINVAL },
	{ "policy", "policy smear linear 127 before\n", -EINVAL },
	{ "policy", "policy smear google\npolicy step\n", -EINVAL },
	{ "curve", "curve 4 0 0 0 0 0 0 0\n", -ERANGE },
	{ "curve", "curve 0 1 0 0 0 0 0 0\n", -EINVAL },
	{ "curve", "curve 0 0 0 0 0 1 0 0\n", -EINVAL },
	{ "curve", "curve 1 0 -1 1700006400 1700000000000000000 1700000200000000000" TSV_SECOND,
	  -EINVAL },	/* the policy is to step */
	{ "zone", "zone 901 0\n", -ERANGE },
	{ "zone", "zone 0 2147483648\n", -ERANGE },
	{ "zone", "zone 0 0\nmore 1\n", -EINVAL },
	{ "end", NULL, -EINVAL },
	{ "end", "end 1\n", -EINVAL },
	{ "end", "end\nend\n", -EINVAL },
};

static const struct tsv_bad tsv_bad_curves[] = {
	/* A second from 1700006400 back, over 128 s in the middle of it */
	{ "curve", "curve 1 0 -1 1700006400 " TSV_WINDOW " 0 -1000000000\n", 0 },
	{ "curve", "curve 2 0 -1 1700006400 " TSV_WINDOW " 0 -1000000000\n",
	  -EINVAL },	/* it has not begun */
	{ "curve", "curve 3 0 -1 1700006400 " TSV_WINDOW " 0 -1000000000\n",
	  -EINVAL },
	{ "curve", "curve 1 1 -1 1700006400 " TSV_WINDOW " 0 -1000000000\n",
	  -EINVAL },
	{ "curve", "curve 1 0 1 1700006400 " TSV_WINDOW " 0 1000000000\n",
	  -EINVAL },
	{ "curve", "curve 1 0 0 1700006400 " TSV_WINDOW " 0 0\n", -EINVAL },
	{ "curve", "curve 1 0 -1 1700006401 " TSV_WINDOW " 0 -1000000000\n",
	  -EINVAL },
	{ "curve", "curve 1 0 -1 1700092800 " TSV_WINDOW " 0 -1000000000\n",
	  -EINVAL },	/* another day than the one which is armed */
	{ "curve", "curve 1 0 -1 1700006400 1700006336000000000 1700006463000000000" TSV_SECOND,
	  -EINVAL },	/* too steep */
	{ "curve", "curve 1 0 -1 1700006400 1700006336000000000 1700006336000000000" TSV_SECOND,
	  -EINVAL },
	{ "curve", "curve 1 0 -1 1700006400 1700006464000000000 1700006336000000000" TSV_SECOND,
	  -EINVAL },
	{ "curve", "curve 1 0 -1 1700006400 1700006336000000000 1700906464000000000" TSV_SECOND,
	  -EINVAL },
	{ "curve", "curve 1 0 -1 1700006400 " TSV_WINDOW " 0 -999999999\n",
	  -EINVAL },
	{ "curve", "curve 1 0 -1 1700006400 " TSV_WINDOW " 0 -1000000001\n",
	  -ERANGE },
	{ "curve", "curve 0 0 0 0 0 0 0 0\n", -EINVAL },	/* one is armed */
	{ "armed", "armed 0 -1\n", 0 },		/* by the next second */
	{ "armed", "armed 4 -1\n", -EINVAL },
	{ "policy", "policy step\n", -EINVAL },
};

static void tsv_try_table(struct tsv *t, const struct tsv_bad *bads, unsigned int nr)
{
	struct timekeeper_ns *was = tkt_alloc(t->w->test);
	const struct timens_saved saved = t->saved;
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		t->saved = saved;
		KUNIT_ASSERT_EQ(t->w->test, tsv_restore(t, false, false), 0);
		memcpy(was, t->b, sizeof(*was));
		tsv_edit(t, bads[i].key, bads[i].line);
		ret = tsv_try(t, false);
		KUNIT_EXPECT_EQ_MSG(t->w->test, ret, bads[i].ret, "%u: %s", i,
				    bads[i].line ?: bads[i].key);
		if (ret)
			tsv_unchanged(t, was, bads[i].line ?: bads[i].key);
	}
}

static void tsv_errors(struct kunit *test)
{
	struct tsv *t = tsv_new(test, TKT_TSC);
	struct tkt_world *w = t->w;
	struct timens_smear_policy policy = tsv_policy(test, "smear linear 128 centred");
	struct timens_saved longest = {
		.policy = tsv_policy(test, "smear quadratic 604800 centred"),
	};
	unsigned int i, len;
	int ret;

	tkt_run_ns(w, 10 * NSEC_PER_SEC);
	tkt_settime(w, t->a, 1700000000, 250000000);
	tkt_status(w, t->a, STA_PLL);
	tsv_save(t);
	tsv_try_table(t, tsv_bads, ARRAY_SIZE(tsv_bads));

	/* Cut anywhere it is none any more, but for the last newline */
	tsv_save(t);
	len = strlen(t->text);
	for (i = 0; i < len; i++) {
		strscpy(t->edit, t->text, sizeof(t->edit));
		t->edit[i] = '\0';
		ret = timens_save_parse(t->edit, &t->saved);
		/* What is left of a number may be out of its range */
		if (i == len - 1)
			KUNIT_ASSERT_EQ(test, ret, 0);
		else if (ret != -ERANGE)
			KUNIT_ASSERT_EQ_MSG(test, ret, -EINVAL, "cut to %u bytes", i);
	}

	KUNIT_ASSERT_EQ(test, tkt_write(t->a->tn, NULL, NULL, tkt_op_policy, &policy), 0);
	tkt_status(w, t->a, STA_PLL | STA_INS);
	tkt_run_ns(w, 2 * NSEC_PER_SEC);
	tsv_save(t);
	KUNIT_ASSERT_EQ(test, t->saved.v[TIMENS_SAVE_SMEAR], TIMENS_SMEAR_WAITING);
	tsv_try_table(t, tsv_bad_curves, ARRAY_SIZE(tsv_bad_curves));

	/* Nothing of the longest one is left out */
	for (i = 0; i < TIMENS_SAVE_FIELDS; i++)
		longest.v[i] = S64_MIN;
	len = timens_save_text(&longest, t->edit, sizeof(t->edit));
	KUNIT_EXPECT_LT(test, len, TIMENS_SAVE_TEXT);
	KUNIT_EXPECT_STREQ(test, t->edit + len - 4, "end\n");
}

/* A clock which runs out of its range while nobody has it */
static void tsv_overflow(struct kunit *test)
{
	struct tsv *t = tsv_new(test, TKT_TSC);
	struct timekeeper_ns *was = tkt_alloc(test);

	tsv_save(t);
	t->saved.v[TIMENS_SAVE_REAL] = TIME_SETTOD_SEC_MAX - 10;
	t->saved.v[TIMENS_SAVE_HOST_BOOT] = 0;
	tkt_run_ns(t->w, 20 * NSEC_PER_SEC);
	tkt_forward(t->b);
	memcpy(was, t->b, sizeof(*was));
	KUNIT_EXPECT_EQ(test, tsv_restore(t, true, false), -ERANGE);
	tsv_unchanged(t, was, "REALTIME");
	KUNIT_EXPECT_EQ(test, tsv_restore(t, false, false), 0);

	/* Where no rate above one is left to it, none can be restored */
	t->saved.v[TIMENS_SAVE_REAL] = TIME_SETTOD_SEC_MAX - 1;
	t->saved.v[TIMENS_SAVE_TAI] = 1;
	t->saved.v[TIMENS_SAVE_NUM] = 2;
	memcpy(was, t->b, sizeof(*was));
	KUNIT_EXPECT_EQ(test, tsv_restore(t, false, false), -EINVAL);
	tsv_unchanged(t, was, "rate");
}

/* Whatever is taken, is a clock: it goes on, and does not go back */
static void tsv_check_lives(struct tsv *t)
{
	struct tkt_world *w = t->w;
	s64 last = S64_MIN, now;
	unsigned int i;

	for (i = 0; i < 6; i++) {
		now = tkt_read_at(w, t->b, CLOCK_MONOTONIC,
				  w->clock->now + tkt_ns_to_cycles(w, i * i * i * NSEC_PER_SEC));
		KUNIT_ASSERT_GE(w->test, now, last);
		last = now;
	}
}

/* Texts which are nearly one */
static void tsv_fuzz(struct kunit *test)
{
	static const char *const numbers[] = {
		"0", "1", "-1", "2", "4", "64", "86400", "999999999", "1000000000", "2147483648",
		"9223372036854775807", "-9223372036854775808", "1700006400", "8277292035", "",
		"1700006400000000000", "536870912000000", "-2147483648000000",
	};
	const unsigned int rounds = TIMENS_KUNIT_SLOW ? 300 : 4000;
	struct timekeeper_ns *was = tkt_alloc(test);
	struct tsv *t = tsv_new(test, TKT_TSC);
	unsigned int i, at, end, taken = 0, refused = 0, edits;
	struct tkt_world *w = t->w;
	char *rest;
	int ret;

	rest = kunit_kzalloc(test, sizeof(t->edit), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, rest);
	kunit_info(test, "seed %#llx", tkt_seed);
	for (i = 0; i < rounds; i++) {
		if (i % 16 == 0) {
			tsv_happen(t);
			tsv_run(t, 100);
			tsv_save(t);
		}
		strscpy(t->edit, t->text, sizeof(t->edit));
		for (edits = 1 + tkt_random(w, 2); edits; edits--) {
			at = tkt_random(w, strlen(t->edit));
			if (tkt_random(w, 4)) {
				/* A number becomes another one */
				while (at && t->edit[at - 1] != ' ')
					at--;
				end = at + strcspn(t->edit + at, "\n ");
				strscpy(rest, t->edit + end, sizeof(t->edit));
				scnprintf(t->edit + at, sizeof(t->edit) - at, "%s%s",
					  numbers[tkt_random(w, ARRAY_SIZE(numbers))], rest);
			} else {
				t->edit[at] = tkt_random(w, 3) ? '0' + tkt_random(w, 10) :
					      ' ' + tkt_random(w, 95);
			}
		}
		tkt_forward(t->b);
		memcpy(was, t->b, sizeof(*was));
		ret = tsv_try(t, tkt_random(w, 2));
		if (ret) {
			KUNIT_ASSERT_TRUE(test, ret == -EINVAL || ret == -ERANGE ||
					  ret == -EPROTONOSUPPORT);
			tsv_unchanged(t, was, t->edit);
			refused++;
		} else {
			tsv_check_lives(t);
			taken++;
		}
	}
	kunit_info(test, "%u taken, %u refused", taken, refused);
	KUNIT_EXPECT_GT(test, taken, 0);
	KUNIT_EXPECT_GT(test, refused, 0);
}

static struct kunit_case tsv_cases[] = {
	KUNIT_CASE_SLOW(tsv_histories),
	KUNIT_CASE(tsv_leap),
	KUNIT_CASE_SLOW(tsv_reads),
	KUNIT_CASE_PARAM(tsv_other_counter, tkt_spec_gen_params),
	KUNIT_CASE(tsv_host_behind),
	KUNIT_CASE(tsv_errors),
	KUNIT_CASE(tsv_overflow),
	KUNIT_CASE(tsv_fuzz),
	{}
};

static struct kunit_suite tsv_suite = {
	.name = "timens_save",
	.test_cases = tsv_cases,
};

kunit_test_suite(tsv_suite);

MODULE_DESCRIPTION("KUnit tests of saved and restored clocks");
MODULE_LICENSE("GPL");
