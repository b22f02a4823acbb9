// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests which hold a namespace equal to the host
 *
 * The arithmetic of a namespace is not the host's code: it serves passes which are
 * late by seconds. These differential tests run both, or a namespace in two ways,
 * through random histories.
 */
#include "timens_mock.h"

KUNIT_ARRAY_PARAM(tkt_spec, tkt_specs, tkt_spec_desc);

/*
 * Differential tests
 */

/*
 * One namespace takes a pass in each tick, the other one once a second. Their
 * NTP states are equal, and their clocks to the quanta of both plus what is
 * left of the lags of the last changes of the slope.
 */
static void tkt_tick_or_second(struct kunit *test)
{
	/* A pass in each tick is what takes long */
	const unsigned int rounds = TIMENS_KUNIT_SLOW ? 6 : 100;
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL), *b = tkt_actor(w, 1, NULL);
	struct __kernel_timex x, y;
	s64 worst = 0, mono[2];
	unsigned int i, k;
	int ret;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (i = 0; i < rounds; i++) {
		tkt_leave_second(w, a->tn, 5 * NSEC_PER_MSEC);
		tkt_random_steering(w, &x);
		y = x;
		ret = tkt_adjtimex(w, a, &x);
		KUNIT_ASSERT_EQ(test, ret, tkt_adjtimex(w, b, &y));
		tkt_same_timex(w, &x, &y, tkt_pair_bound(w, a, b));
		tkt_same_ntp(w, &a->tn->ntp, &b->tn->ntp);

		for (k = 0; k < 6; k++) {
			tkt_run_ns(w, tkt_random(w, NSEC_PER_SEC * 2 / 3));
			mono[0] = tkt_read(w, a->tn, CLOCK_MONOTONIC);
			mono[1] = tkt_read(w, b->tn, CLOCK_MONOTONIC);
			tkt_expect_near(w, mono[0], mono[1], tkt_pair_bound(w, a, b),
					"step %u.%u, modes %#x", i, k, x.modes);
			worst = max(worst, abs(mono[0] - mono[1]));
		}
	}
	KUNIT_EXPECT_GT(test, b->passes, 10 * a->passes);
	kunit_info(test, "%llu and %llu passes, at most %lld ns apart", a->passes, b->passes,
		   worst);
}

/* Anything that adjtimex() can be asked, within its limits or not */
static void tkt_random_timex(struct tkt_world *w, struct __kernel_timex *txc)
{
	static const unsigned int modes[] = {
		ADJ_OFFSET, ADJ_FREQUENCY, ADJ_MAXERROR, ADJ_ESTERROR, ADJ_STATUS,
		ADJ_TIMECONST, ADJ_TAI, ADJ_SETOFFSET, ADJ_MICRO, ADJ_NANO, ADJ_TICK,
	};
	static const int status[] = {
		STA_PLL, STA_PLL | STA_FLL, STA_PLL | STA_FREQHOLD, STA_PLL | STA_INS,
		STA_PLL | STA_DEL, STA_INS, STA_DEL, STA_INS | STA_DEL, STA_UNSYNC, 0,
		STA_NANO | STA_CLOCKERR, 0xffff,
	};
	unsigned int i;

	tkt_random_steering(w, txc);
	if (!tkt_random(w, 3))
		return;

	txc->modes = 0;
	for (i = tkt_random(w, 4); i; i--)
		txc->modes |= modes[tkt_random(w, ARRAY_SIZE(modes))];
	txc->offset = tkt_random_signed(w, 20000);
	txc->freq = tkt_random_signed(w, 600 << 16);
	txc->maxerror = tkt_random_signed(w, 20000000);
	txc->esterror = tkt_random_signed(w, 20000000);
	txc->status = status[tkt_random(w, ARRAY_SIZE(status))];
	txc->constant = tkt_random_signed(w, 40);
	txc->tick = 9950 + tkt_random(w, 101);
	txc->time.tv_sec = tkt_random_signed(w, 100000);
	txc->time.tv_usec = tkt_random(w, txc->modes & ADJ_NANO ? NSEC_PER_SEC : USEC_PER_SEC);

	/* One in three asks for what it cannot have */
	switch (tkt_random(w, 24)) {
	case 0:
		txc->tick = 8999;
		break;
	case 1:
		txc->tick = 11001;
		break;
	case 2:
		txc->freq = LLONG_MAX;
		break;
	case 3:
		txc->freq = LLONG_MIN;
		break;
	case 4:
		txc->time.tv_usec = -1;
		break;
	case 5:
		txc->time.tv_usec = txc->modes & ADJ_NANO ? NSEC_PER_SEC : USEC_PER_SEC;
		break;
	case 6:
		txc->time.tv_sec = -KTIME_SEC_MAX;
		break;
	case 7:
		txc->time.tv_sec = KTIME_SEC_MAX;
		break;
	}
	if (!tkt_random(w, 12))
		txc->modes = ADJ_ADJTIME | (tkt_random(w, 2) ? 0 : ADJ_FREQUENCY);
	else if (!tkt_random(w, 12))
		txc->modes = TKT_ADJTIME | ADJ_OFFSET_READONLY;
}

static s64 tkt_random_date(struct tkt_world *w)
{
	s64 day = tkt_random(w, 80000) * TKT_DAY;

	switch (tkt_random(w, 8)) {
	case 0:
		return -1 - (s64)tkt_random(w, KTIME_SEC_MAX);
	case 1:
		return TIME_SETTOD_SEC_MAX + tkt_random(w, TIME_UPTIME_SEC_MAX);
	case 2:
		return tkt_random(w, 1000);
	case 3:
		return TIME_SETTOD_SEC_MAX - 1 - tkt_random(w, 1000000);
	default:
		/* So that leap seconds come about */
		return day + TKT_DAY - 1 - tkt_random(w, 4);
	}
}

/* What a clock consists of, for a comparison bit by bit */
struct tkt_snapshot {
	struct timekeeper	tk;
	struct timekeeper	shadow;
	struct ntp_data		ntp;
};

static void tkt_save_host(const struct tkt_world *w, struct tkt_snapshot *s)
{
	s->tk = w->host->timekeeper;
	s->shadow = w->host->shadow_timekeeper;
	s->ntp = w->host_ntp;
}

static void tkt_restore_host(struct tkt_world *w, const struct tkt_snapshot *s)
{
	w->host->timekeeper = s->tk;
	w->host->shadow_timekeeper = s->shadow;
	w->host_ntp = s->ntp;
}

/*
 * The host and a namespace are asked the same. Results, errors and NTP states
 * are equal. The clocks are equal to the lags of all changes of the slope since
 * they were last set, twice: the host bends its line at its interval, and is
 * in a tick before the second one after a step.
 *
 * A failed step makes the host forget its NTP state. That is not repeated, and
 * undone here; on an error a namespace does not change.
 */
static void tkt_host_or_namespace(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(400);
	struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
	struct tkt_snapshot *saved = kunit_kzalloc(test, sizeof(*saved), GFP_KERNEL);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	u64 quantum = tkt_quantum(w, a->tn), steps = 1, bound, errors = 0, leaps = 0;
	static const int flags[] = { 0, STA_INS, STA_DEL };
	struct timekeeper_ns *copy = tkt_alloc(test);
	struct __kernel_timex x, y;
	struct timespec64 ts;
	int want, got;
	unsigned int i;
	s32 tai;

	KUNIT_ASSERT_NOT_NULL(test, saved);
	kunit_info(test, "seed %#llx", tkt_seed);
	w->host_runs = true;
	/* Few rounds may not meet a leap second: then some more */
	for (i = 0; i < rounds || (120 * leaps <= rounds && i < 8 * rounds); i++) {
		tai = a->tn->tkd.timekeeper.tai_offset;
		tkt_run_ns(w, tkt_random(w, NSEC_PER_SEC * 3 / 2));
		tkt_leave_second(w, a->tn, 40 * NSEC_PER_MSEC);
		leaps += tai != a->tn->tkd.timekeeper.tai_offset;
		bound = steps * (quantum + 1) + 2 * a->lag + 2;
		KUNIT_ASSERT_LT(test, bound, 20 * NSEC_PER_MSEC);
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME),
				tkt_read_host(w, CLOCK_REALTIME), bound, "REALTIME");
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_TAI),
				tkt_read_host(w, CLOCK_TAI), bound, "TAI");

		tkt_save_host(w, saved);
		timens_tk_copy(copy, a->tn);

		if (tkt_random(w, 6) && bound < 10 * NSEC_PER_MSEC) {
			tkt_random_timex(w, &x);
			y = x;
			want = timekeeping_test_adjtimex(w->host, &x);
			got = tkt_adjtimex(w, a, &y);
			KUNIT_ASSERT_EQ_MSG(test, got, want, "step %u, modes %#x", i, x.modes);
			tkt_same_timex(w, &y, &x, want < 0 ? 0 : bound);
			if (want >= 0 && y.modes & ADJ_SETOFFSET)
				steps++;
		} else {
			ts.tv_sec = tkt_random_date(w);
			ts.tv_nsec = tkt_random(w, NSEC_PER_SEC);
			/* A leap second is ahead, or not */
			x = (struct __kernel_timex) {
				.modes = ADJ_STATUS, .status = flags[tkt_random(w, 3)],
			};
			y = x;
			KUNIT_ASSERT_EQ(test, tkt_adjtimex(w, a, &y),
					timekeeping_test_adjtimex(w->host, &x));
			tkt_save_host(w, saved);
			timens_tk_copy(copy, a->tn);
			want = timekeeping_test_settime(w->host, &ts);
			got = tkt_settime(w, a, ts.tv_sec, ts.tv_nsec);
			KUNIT_ASSERT_EQ_MSG(test, got, want, "step %u, second %lld", i,
					    ts.tv_sec);
			if (!want) {
				KUNIT_ASSERT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME),
						timespec64_to_ns(&ts));
				steps = 1;
				a->lag = 0;
				a->length = 0;
				tkt_note_bend(w, a, false);
				a->lag = abs((s64)(saved->ntp.tick_length -
						   a->tn->ntp.tick_length)) >> NTP_SCALE_SHIFT;
			}
		}
		if (want < 0) {
			errors++;
			tkt_restore_host(w, saved);
			tkt_forward(a->tn);
			tkt_forward(copy);
			KUNIT_ASSERT_MEMEQ(test, &a->tn->tkd.timekeeper, &copy->tkd.timekeeper,
					   sizeof(copy->tkd.timekeeper));
			KUNIT_ASSERT_MEMEQ(test, &a->tn->ntp, &copy->ntp, sizeof(copy->ntp));
			KUNIT_ASSERT_EQ(test, a->tn->edge_sec, copy->edge_sec);
		}
		tkt_same_ntp(w, &a->tn->ntp, &w->host_ntp);
		KUNIT_ASSERT_EQ(test, a->tn->tkd.timekeeper.tai_offset,
				w->host->timekeeper.tai_offset);
	}
	/* Or nothing was tested */
	KUNIT_EXPECT_GT(test, 20 * errors, rounds);
	KUNIT_EXPECT_GT(test, 120 * leaps, rounds);
	kunit_info(test, "%llu errors, %llu leap seconds", errors, leaps);
}

static struct kunit_case tkt_twin_cases[] = {
	KUNIT_CASE_PARAM_ATTR(tkt_tick_or_second, tkt_spec_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE(tkt_host_or_namespace),
	{}
};

static struct kunit_suite tkt_twin_suite = {
	.name = "timens_twin",
	.test_cases = tkt_twin_cases,
};

kunit_test_suite(tkt_twin_suite);

MODULE_DESCRIPTION("KUnit tests which hold a namespace equal to the host");
MODULE_LICENSE("GPL");
