// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of smeared leap seconds
 *
 * The curves are compared with values that scripts/smear-reference.py computed
 * to 80 digits. The smear itself runs on a line which knows no clock at all:
 * time is a number, and passes take place when the test says so.
 *
 *
 * Bounds
 * ------
 *
 *   curve	Rounded down to a nanosecond, from a value which is off by the
 *		term that the series leaves out, and by roundings at 2^-62. The
 *		term is 4.7e-17 of the sine, hence twice of its square: of 2^32 ns
 *		that is less than a unit of 2^-20 ns, and so are the roundings
 *   chord	f'' * (time between the passes / window)^2 / 8 seconds, where
 *		f'' is 4 or pi^2 / 2, plus a nanosecond each for the curve at
 *		either end of the chord and for the phase
 *		More passes than that begin a new chord at half of the old one
 *		at the earliest, which makes it f'' * (time / window)^2 / 2
 *   tangent	f'' * (time / window)^2 / 2: what a chord which is much shorter
 *		than the time between the passes runs off the curve. Its slope
 *		is that of two values of the curve in nanoseconds, and the
 *		rounding of these is extrapolated, too
 *
 *   straight	A line needs one chord only. Its slope is rounded to 2^-37
 *
 * The random tests print their seed. timens_smear_kunit.seed= on the kernel's
 * command line changes it.
 */
#include <kunit/test.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include "timens_effort.h"
#include "timens_smear_kunit.h"
#include "timens_smear_reference.h"

#define TSM_DAY		86400LL
#define TSM_EDGE	(20000 * TSM_DAY)
#define TSM_HOUR	(3600 * NSEC_PER_SEC)
#define TSM_SEED	0x736d656172696e67ULL
/* See "Bounds" (2^-SMEAR_REFERENCE_BITS ns) */
#define TSM_ERROR	1

unsigned long long tsm_seed = TSM_SEED;
module_param_named(seed, tsm_seed, ullong, 0444);
MODULE_PARM_DESC(seed, "Seed of the random tests");

u64 tsm_random(struct rnd_state *rnd, u64 below)
{
	u64 r = (u64)prandom_u32_state(rnd) << 32 | prandom_u32_state(rnd);

	return mul_u64_u64_shr(r, below, 64);
}

/*
 * Curves
 */

/* All curves at all points of the reference */
static void tsm_reference(struct kunit *test)
{
	s64 off, worst[TIMENS_SMEAR_SHAPES] = { 0 }, best[TIMENS_SMEAR_SHAPES] = { 0 };
	const struct smear_reference *ref;
	unsigned int i, k, t, shape;
	u64 got;

	BUILD_BUG_ON(ARRAY_SIZE(smear_references[0].y) != TIMENS_SMEAR_SHAPES);
	for (i = 0; i < ARRAY_SIZE(smear_references); i++) {
		ref = &smear_references[i];
		for (shape = 0; shape < TIMENS_SMEAR_SHAPES; shape++) {
			for (t = 0; t < ARRAY_SIZE(smear_reference_total); t++) {
				for (k = 0; k < ref->nr; k++) {
					got = timens_smear_curve(shape, ref->x[k],
								 ref->window * NSEC_PER_SEC,
								 smear_reference_total[t]);
					off = (got << SMEAR_REFERENCE_BITS) - ref->y[shape][t][k];
					worst[shape] = max(worst[shape], -off);
					best[shape] = max(best[shape], off);
					KUNIT_ASSERT_LE_MSG(test, off,
							    shape == TIMENS_SMEAR_LINEAR ?
							    0 : TSM_ERROR,
							    "shape %u, window %u, total %llu, x %llu",
							    shape, ref->window,
							    smear_reference_total[t], ref->x[k]);
					KUNIT_ASSERT_LE_MSG(test, -off,
							    (1LL << SMEAR_REFERENCE_BITS) +
							    (shape == TIMENS_SMEAR_LINEAR ?
							     0 : TSM_ERROR),
							    "shape %u, window %u, total %llu, x %llu",
							    shape, ref->window,
							    smear_reference_total[t], ref->x[k]);
				}
			}
		}
	}
	for (shape = 0; shape < TIMENS_SMEAR_SHAPES; shape++)
		kunit_info(test, "shape %u: at most %lld below and %lld above, in 2^-%u ns", shape,
			   worst[shape], best[shape], SMEAR_REFERENCE_BITS);
}

/* Never falls, begins with nothing, ends with everything, and is symmetric */
static void tsm_curve(struct kunit *test)
{
	static const u64 lens[] = {
		1, 2, 3, 1000, 128 * NSEC_PER_SEC, 86400 * NSEC_PER_SEC, 604800 * NSEC_PER_SEC,
		U64_MAX / 4,
	};
	static const u64 totals[] = { 0, 1, 2, NSEC_PER_SEC, 2 * NSEC_PER_SEC, 1ULL << 32 };
	u64 x, y, last, len, total, sum;
	unsigned int l, t, shape, i;
	struct rnd_state rnd;

	kunit_info(test, "seed %#llx", tsm_seed);
	prandom_seed_state(&rnd, tsm_seed);
	for (l = 0; l < ARRAY_SIZE(lens) * ARRAY_SIZE(totals) * TIMENS_SMEAR_SHAPES; l++) {
		shape = l % TIMENS_SMEAR_SHAPES;
		t = l / TIMENS_SMEAR_SHAPES % ARRAY_SIZE(totals);
		len = lens[l / TIMENS_SMEAR_SHAPES / ARRAY_SIZE(totals)];
		total = totals[t];

		KUNIT_ASSERT_EQ(test, timens_smear_curve(shape, 0, len, total), 0ULL);
		KUNIT_ASSERT_EQ(test, timens_smear_curve(shape, len, len, total), total);
		KUNIT_ASSERT_EQ(test, timens_smear_curve(shape, len + 1, len, total), total);
		KUNIT_ASSERT_EQ(test, timens_smear_curve(shape, U64_MAX, len, total), total);
		/* The step of a nanosecond may be less than the error of the series */
		last = 0;
		x = 0;
		for (i = 0; i < 400 && x < len; i++) {
			y = timens_smear_curve(shape, x, len, total);
			KUNIT_ASSERT_GE_MSG(test, y, last, "shape %u at %llu of %llu", shape, x,
					    len);
			KUNIT_ASSERT_LE(test, y, total);
			last = y;
			/* Both halves are rounded down */
			sum = y + timens_smear_curve(shape, len - x, len, total);
			KUNIT_ASSERT_LE(test, sum, total);
			KUNIT_ASSERT_GE(test, sum + 2, total);
			x += i % 3 ? 1 : tsm_random(&rnd, len / 100 + 2);
		}
		/* Where the two halves of the curve meet */
		last = 0;
		for (x = len / 2 - min(len / 2, 20); x < len / 2 + 20 && x < len; x++) {
			y = timens_smear_curve(shape, x, len, total);
			KUNIT_ASSERT_GE(test, y, last);
			last = y;
		}
	}
}

/*
 * Windows
 */

const char *const tsm_presets[] = { "google", "aws", "utc-sls", "ntpd", "meta" };

/* The policy which a text says, after "leap" */
struct timens_smear_policy tsm_policy(struct kunit *test, const char *text)
{
	struct timens_smear_policy policy = { 0 };
	char buf[64];

	strscpy(buf, text, sizeof(buf));
	KUNIT_ASSERT_EQ_MSG(test, timens_smear_parse(&policy, buf), 0, "%s", text);
	return policy;
}

/**
 * struct tsm_window - The window of a policy, as whoever offers it describes it
 * @text:	The policy
 * @step:	-1 for an inserted second, 1 for a deleted one
 * @start:	What a clock shows when the smear starts, in seconds after the
 *		midnight at the end of the day with the leap second
 * @end:	What it shows when the smear ends
 * @len:	What the window lasts (secs of TAI)
 */
struct tsm_window {
	const char	*text;
	s32		step;
	s32		start;
	s32		end;
	s32		len;
};

static const struct tsm_window tsm_windows[] = {
	/* "from noon to noon UTC": 86401 or 86399 seconds, which the clock shows as 86400 */
	{ "smear google",			-1,	-43200,	43200,	86401 },
	{ "smear google",			1,	-43200,	43200,	86399 },
	{ "smear aws",				-1,	-43200,	43200,	86401 },
	{ "smear aws",				1,	-43200,	43200,	86399 },
	/* "the last 1000 seconds of the day", 23:59:60 is one of them */
	{ "smear utc-sls",			-1,	-999,	0,	1000 },
	{ "smear utc-sls",			1,	-1001,	0,	1000 },
	/* It has come to its end when the leap second begins; 23:59:59 is deleted */
	{ "smear ntpd",				-1,	-86400,	-1,	86400 },
	{ "smear ntpd",				1,	-86401,	0,	86400 },
	/* It starts when a clock would be stepped */
	{ "smear meta",				-1,	0,	62499,	62500 },
	{ "smear meta",				1,	-1,	62500,	62500 },
	{ "smear linear 1000 before",		-1,	-1000,	-1,	1000 },
	{ "smear cosine 604800 before",		1,	-604801, 0,	604800 },
	{ "smear linear 1001 centred",		-1,	-500,	500,	1001 },
	{ "smear quadratic 128 centred",	1,	-65,	64,	128 },
	{ "smear cosine 128 after",		-1,	0,	127,	128 },
	{ "smear linear 604800 after",		1,	-1,	604800,	604800 },
};

static void tsm_window_test(struct kunit *test)
{
	const struct tsm_window *win;
	struct timens_smear_policy policy;
	s32 before, after, edge;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tsm_windows); i++) {
		win = &tsm_windows[i];
		policy = tsm_policy(test, win->text);
		timens_smear_window(&policy, win->step, &before, &after);
		/* The line without the smear, and what is shown at the end is a second off */
		edge = win->step < 0 ? 0 : -1;
		KUNIT_EXPECT_EQ_MSG(test, edge - before, win->start, "%s, %d", win->text,
				    win->step);
		KUNIT_EXPECT_EQ_MSG(test, edge + after + win->step, win->end, "%s, %d", win->text,
				    win->step);
		KUNIT_EXPECT_EQ_MSG(test, before + after, win->len, "%s, %d", win->text,
				    win->step);
		/* No policy takes the step before the edge */
		KUNIT_EXPECT_GE(test, after, 0);
		KUNIT_EXPECT_GE(test, before, 0);
	}
}

const char *const tsm_shapes[] = { "linear", "cosine", "quadratic" };
const char *const tsm_places[] = { "before", "centred", "after" };

/*
 * The smear
 */

/**
 * struct tsm_run - A clock with a smear
 * @test:	The test
 * @s:		The smear
 * @rnd:	Random numbers
 * @t:		The present, on a time line which knows no leap seconds (nsecs)
 * @stepped:	CLOCK_REALTIME without the smear, less @t (nsecs)
 * @expect:	Sum of the steps which have to have been returned (secs)
 * @got:	Sum of the steps which were
 * @edge:	Armed leap second, in seconds of CLOCK_REALTIME without the smear,
 *		or TIME64_MAX
 * @step:	What it adds
 * @next:	Edge of the leap second which is being smeared, as far as can be
 *		told from the orders, or TIME64_MAX
 * @next_step:	What it adds
 * @taken:	Its edge has passed
 * @last_t:	When the clock was looked at
 * @last_y:	and what it showed
 */
struct tsm_run {
	struct kunit		*test;
	struct timens_smear	s;
	struct rnd_state	rnd;
	s64			t;
	s64			stepped;
	s64			expect;
	s64			got;
	time64_t		edge;
	s32			step;
	time64_t		next;
	s32			next_step;
	bool			taken;
	s64			last_t;
	s64			last_y;
};

static void tsm_init(struct tsm_run *r, struct kunit *test,
		     const struct timens_smear_policy *policy, s64 t)
{
	*r = (struct tsm_run) {
		.test = test, .s.policy = *policy, .t = t, .edge = TIME64_MAX,
		.next = TIME64_MAX, .last_t = t, .last_y = t,
	};
	prandom_seed_state(&r->rnd, tsm_seed);
}

static s64 tsm_real(const struct tsm_run *r)
{
	return r->t + r->stepped;
}

/* The phase as who finds the end of a chord reads it: that of the next one, pass or not */
static s64 tsm_phase(const struct tsm_run *r)
{
	struct timens_smear s = r->s;

	if (s.state != TIMENS_SMEAR_NONE && tsm_real(r) >= s.aim)
		timens_smear_jump(&s, tsm_real(r));
	return timens_smear_phase(&s, tsm_real(r));
}

/* What CLOCK_REALTIME shows */
static s64 tsm_shown(const struct tsm_run *r)
{
	return tsm_real(r) + tsm_phase(r);
}

/* It never goes back, and runs by 1/64 faster or slower at the most */
static void tsm_look(struct tsm_run *r)
{
	s64 y = tsm_shown(r), dt = r->t - r->last_t, dy = y - r->last_y;

	KUNIT_ASSERT_GE_MSG(r->test, dy, 0, "state %u, t %lld", r->s.state, r->t);
	KUNIT_ASSERT_LE_MSG(r->test, abs(dy - dt), dt / TIMENS_SMEAR_STEEP + 1,
			    "state %u, t %lld, %lld in %lld ns", r->s.state, r->t, dy, dt);
	r->last_t = r->t;
	r->last_y = y;
}

/* Go to @t, and look at the clock on the way */
static void tsm_go(struct tsm_run *r, s64 t, unsigned int looks)
{
	s64 from = r->t;
	unsigned int i;

	for (i = 1; i < looks; i++) {
		r->t = from + div_s64(t - from, looks) * i;
		tsm_look(r);
		if (r->t < t) {
			r->t++;
			tsm_look(r);
		}
	}
	r->t = t;
	tsm_look(r);
}

/* A pass. Nobody notices it, and it steps exactly what was armed. */
static void tsm_pass(struct tsm_run *r)
{
	s64 before = tsm_shown(r), real = tsm_real(r);
	s32 step;

	if (!r->taken) {
		if (r->next != TIME64_MAX && real >= r->next * NSEC_PER_SEC) {
			r->taken = true;
		} else {
			r->next = r->edge;
			r->next_step = r->step;
		}
	}

	step = timens_smear_update(&r->s, real, r->edge, r->step);
	if (step) {
		KUNIT_ASSERT_TRUE(r->test, r->taken);
		KUNIT_ASSERT_EQ(r->test, step, r->next_step);
		r->expect += r->next_step;
		r->got += step;
		r->stepped += step * NSEC_PER_SEC;
		/* As ntp_leap_done() does */
		r->edge = TIME64_MAX;
		r->next = TIME64_MAX;
		r->taken = false;
	}
	KUNIT_ASSERT_EQ_MSG(r->test, tsm_shown(r), before, "state %u, t %lld", r->s.state, r->t);
	/* An order is obeyed at once, unless there is a leap second to complete */
	if (!r->taken) {
		bool armed = r->s.state == TIMENS_SMEAR_WAITING ||
			     r->s.state == TIMENS_SMEAR_RUNNING;

		KUNIT_ASSERT_EQ(r->test, armed, r->edge != TIME64_MAX);
		if (armed) {
			KUNIT_ASSERT_EQ(r->test, r->s.edge, r->edge);
			KUNIT_ASSERT_EQ(r->test, r->s.step, r->step);
		}
	}
	KUNIT_ASSERT_LE(r->test, r->s.slope, 1U << (TIMENS_SMEAR_SCALE - 6));
	KUNIT_ASSERT_LE(r->test, abs(r->s.phase), NSEC_PER_SEC);
	KUNIT_ASSERT_EQ(r->test, r->s.total, r->got * NSEC_PER_SEC);
	if (r->s.state == TIMENS_SMEAR_NONE)
		KUNIT_ASSERT_EQ(r->test, tsm_phase(r), 0);
}

/* An order brings the clock up to the present first */
static void tsm_order(struct tsm_run *r, time64_t edge, s32 step)
{
	tsm_pass(r);
	r->edge = edge;
	r->step = step;
	tsm_pass(r);
}

/* Passes until the smear is over, a second apart in the end, and how long that took */
static s64 tsm_finish(struct tsm_run *r, s64 most)
{
	s64 start = r->t, nap;

	while (r->s.state != TIMENS_SMEAR_NONE) {
		KUNIT_ASSERT_LE(r->test, r->t - start, most);
		nap = max((r->s.end - tsm_real(r)) >> 8, NSEC_PER_SEC);
		tsm_go(r, r->t + nap, 2);
		tsm_pass(r);
	}
	return r->t - start;
}

/* Where the window says that the phase is */
static s64 tsm_ideal(const struct tsm_run *r, time64_t edge, s32 step)
{
	s32 before, after;
	s64 x, y;

	timens_smear_window(&r->s.policy, step, &before, &after);
	x = r->t - (edge - before) * NSEC_PER_SEC;
	if (x <= 0)
		return 0;
	y = timens_smear_curve(r->s.policy.shape, x, (before + after) * NSEC_PER_SEC,
			       NSEC_PER_SEC);
	return step * y;
}

enum tsm_when {
	TSM_SECOND,
	TSM_OFTEN,
	TSM_WAKE,
	TSM_IDLE,
	TSM_LATE,
	TSM_ONCE,
	TSM_NR,
};

static const char *const tsm_when[] = {
	[TSM_SECOND]	= "each second",
	[TSM_OFTEN]	= "all the time, in a few minutes",
	[TSM_WAKE]	= "when asked for",
	[TSM_IDLE]	= "at most 30 s late, or when asked for",
	[TSM_LATE]	= "at any time",
	[TSM_ONCE]	= "once",
};

/**
 * struct tsm_full - Leap seconds from the first to the last nanosecond
 * @text:	Policy
 * @step:	What it adds
 * @edge:	Its edge
 */
struct tsm_full {
	const char	*text;
	s32		step;
	time64_t	edge;
};

/* The last midnight of which a window of a week has an end in nanoseconds */
#define TSM_LAST	((KTIME_SEC_MAX / TSM_DAY - 9) * TSM_DAY)

static const struct tsm_full tsm_fulls[] = {
	{ "smear google", -1, TSM_EDGE }, { "smear google", 1, TSM_EDGE },
	{ "smear utc-sls", -1, TSM_EDGE }, { "smear utc-sls", 1, TSM_EDGE },
	{ "smear ntpd", -1, TSM_EDGE }, { "smear ntpd", 1, TSM_EDGE },
	{ "smear meta", -1, TSM_EDGE }, { "smear meta", 1, TSM_EDGE },
	{ "smear linear 128 before", -1, TSM_EDGE }, { "smear linear 128 after", 1, TSM_EDGE },
	{ "smear cosine 128 centred", -1, TSM_EDGE }, { "smear cosine 129 after", 1, TSM_EDGE },
	{ "smear quadratic 128 before", 1, TSM_EDGE },
	{ "smear quadratic 128 centred", -1, TSM_EDGE },
	{ "smear linear 604800 centred", -1, TSM_LAST },
	{ "smear cosine 604800 after", 1, TSM_LAST },
	{ "smear quadratic 604800 after", -1, TSM_LAST },
	{ "smear quadratic 604800 before", 1, 8 * TSM_DAY },
};

static void tsm_full_desc(const struct tsm_full *full, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %d, day %lld", full->text, full->step,
		 div_s64(full->edge, TSM_DAY));
}

KUNIT_ARRAY_PARAM(tsm_full, tsm_fulls, tsm_full_desc);

/*
 * How far the phase may be off the window's curve (nsecs), whenever passes come: a
 * chord of a second is off by f'' / 8 * (1 s / window)^2, and each end is rounded
 */
static s64 tsm_bound(const struct tsm_run *r, s64 window)
{
	/* f'' in thousandths: none, pi^2 / 2 or 4 */
	static const u64 bends[] = { 0, 4935, 4000 };
	u64 part;

	part = mul_u64_u64_div_u64(NSEC_PER_SEC, NSEC_PER_SEC, window);
	part = mul_u64_u64_div_u64(part, NSEC_PER_SEC, window);
	return div_u64(part * bends[r->s.policy.shape] + 7999, 8000) + 4;
}

static void tsm_full_run(struct kunit *test)
{
	const struct tsm_full *full = test->param_value;
	struct timens_smear_policy policy = tsm_policy(test, full->text);
	s64 off, worst, bound, start, end, next, late, random;
	struct tsm_run *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	s32 before, after;
	u64 passes;
	int when;

	KUNIT_ASSERT_NOT_NULL(test, r);
	timens_smear_window(&policy, full->step, &before, &after);
	start = (full->edge - before) * NSEC_PER_SEC;
	end = (full->edge + after) * NSEC_PER_SEC;
	for (when = 0; when < TSM_NR; when++) {
		/* A pass each second of a week is a bit much, and of a day on a debug kernel */
		if ((when == TSM_SECOND || when == TSM_OFTEN) &&
		    policy.window > (TIMENS_KUNIT_SLOW ? TSM_DAY / 24 : TSM_DAY))
			continue;
		tsm_init(r, test, &policy, start - 99999999999LL);
		bound = tsm_bound(r, end - start);
		worst = 0;
		passes = 0;
		tsm_order(r, full->edge, full->step);
		while (r->s.state != TIMENS_SMEAR_NONE && r->t < end) {
			late = timens_smear_wake(&r->s, tsm_real(r));
			late = late == S64_MAX ? end - r->t : late;
			random = tsm_random(&r->rnd, 30 * NSEC_PER_SEC);
			switch (when) {
			case TSM_SECOND:
				late = NSEC_PER_SEC;
				break;
			case TSM_OFTEN:
				/* A millisecond, from 2 s before to 60 s after the start */
				late = r->t < start - 2 * NSEC_PER_SEC ?
				       NSEC_PER_SEC : 1 + random / 15000;
				if (r->t > start + 60 * NSEC_PER_SEC)
					late = NSEC_PER_SEC / 4;
				if (passes > (TIMENS_KUNIT_SLOW ? 4000 : 80000))
					late = NSEC_PER_SEC;
				break;
			case TSM_WAKE:
				break;
			case TSM_IDLE:
				late = min(late, random);
				break;
			case TSM_LATE:
				late = (end - start) >> tsm_random(&r->rnd, 10);
				late = tsm_random(&r->rnd, late);
				break;
			default:
				late = end - r->t + NSEC_PER_SEC;
			}
			next = r->t + late + 1;
			/* As each sample: half way is where a chord is off the most */
			tsm_go(r, r->t + late / 2, 2);
			off = tsm_phase(r) -
			      tsm_ideal(r, full->edge, full->step);
			worst = max(worst, abs(off));
			tsm_go(r, next, 3);
			off = tsm_phase(r) -
			      tsm_ideal(r, full->edge, full->step);
			worst = max(worst, abs(off));
			KUNIT_ASSERT_LE_MSG(test, abs(off), bound, "pass %llu %s, %lld of %lld",
					    passes, tsm_when[when], r->t - start, end - start);
			tsm_pass(r);
			passes++;
		}
		late = tsm_finish(r, (TIMENS_SMEAR_STEEP + 3) * NSEC_PER_SEC);
		KUNIT_EXPECT_EQ(test, late, 0);
		KUNIT_EXPECT_LE(test, worst, bound);
		KUNIT_EXPECT_EQ(test, r->got, full->step);
		KUNIT_EXPECT_EQ(test, r->got, r->expect);
		KUNIT_EXPECT_EQ(test, tsm_shown(r), r->t + full->step * NSEC_PER_SEC);
		kunit_info(test, "%s: %llu passes, at most %lld ns off, bound %lld ns, %lld ns after the end",
			   tsm_when[when], passes, worst, bound, late);
	}
}

/* Nothing is armed by the second order as long as the first one is not done */
static void tsm_withdraw(struct kunit *test)
{
	static const char *const texts[] = {
		"smear google", "smear utc-sls", "smear ntpd", "smear meta",
		"smear quadratic 128 centred", "smear cosine 604800 before",
	};
	struct tsm_run *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct timens_smear_policy policy;
	unsigned int i, k;
	s32 before, after, step;
	s64 start, end, edge, at, took;

	KUNIT_ASSERT_NOT_NULL(test, r);
	for (i = 0; i < ARRAY_SIZE(texts) * 2; i++) {
		policy = tsm_policy(test, texts[i / 2]);
		step = i & 1 ? 1 : -1;
		timens_smear_window(&policy, step, &before, &after);
		start = (TSM_EDGE - before) * NSEC_PER_SEC;
		edge = TSM_EDGE * NSEC_PER_SEC;
		end = (TSM_EDGE + after) * NSEC_PER_SEC;
		for (k = 0; k < 12; k++) {
			tsm_init(r, test, &policy, start - 10 * NSEC_PER_SEC);
			prandom_seed_state(&r->rnd, tsm_seed + k);
			tsm_order(r, TSM_EDGE, step);
			at = start - 5 * NSEC_PER_SEC + tsm_random(&r->rnd, end - start);
			if (k == 0)
				at = edge - 1;
			if (k == 1)
				at = edge;
			if (k == 2)
				at = start;
			if (k == 3)
				at = start - 1;
			at = max(at, r->t + 1);
			while (r->t < at) {
				tsm_go(r, min(at, r->t + 1 + (s64)tsm_random(&r->rnd, TSM_HOUR)),
				       4);
				if (r->t < at)
					tsm_pass(r);
			}
			tsm_order(r, TIME64_MAX, 0);
			if (at <= start && at < edge)
				KUNIT_EXPECT_EQ(test, r->s.state, TIMENS_SMEAR_NONE);
			/* Not slower than it came, but for what late passes left */
			took = tsm_finish(r, max(at, end) - start + 200 * NSEC_PER_SEC);
			if (at < edge) {
				KUNIT_EXPECT_EQ_MSG(test, r->got, 0, "%s, %d at %lld", texts[i / 2],
						    step, at - edge);
				KUNIT_EXPECT_EQ(test, tsm_shown(r), r->t);
			} else if (end > edge) {
				KUNIT_EXPECT_EQ_MSG(test, r->got, step, "%s, at %lld", texts[i / 2],
						    at - edge);
				KUNIT_EXPECT_EQ(test, tsm_shown(r), r->t + step * NSEC_PER_SEC);
				KUNIT_EXPECT_GE(test, at + took, end);
			}
			KUNIT_EXPECT_EQ(test, r->got, r->expect);
		}
	}
}

/* An order which comes late goes the rest of the way in the rest of the time */
static void tsm_late_order(struct kunit *test)
{
	static const s64 at[] = { -1800, -300, -129, -128, -127, -10, -1 };
	struct tsm_run *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct timens_smear_policy policy;
	unsigned int i, shape;
	char text[48];
	s64 end;

	KUNIT_ASSERT_NOT_NULL(test, r);
	for (shape = 0; shape < TIMENS_SMEAR_SHAPES; shape++) {
		for (i = 0; i < ARRAY_SIZE(at); i++) {
			snprintf(text, sizeof(text), "smear %s 3600 before", tsm_shapes[shape]);
			policy = tsm_policy(test, text);
			tsm_init(r, test, &policy, (TSM_EDGE + at[i]) * NSEC_PER_SEC);
			tsm_order(r, TSM_EDGE, i & 1 ? 1 : -1);
			end = r->t + max(-at[i], 128) * NSEC_PER_SEC;
			KUNIT_EXPECT_EQ(test, r->s.end, end);
			tsm_go(r, end - 1, 100);
			KUNIT_EXPECT_LE(test, abs(tsm_phase(r)),
					NSEC_PER_SEC);
			tsm_pass(r);
			KUNIT_EXPECT_NE(test, r->s.state, TIMENS_SMEAR_NONE);
			tsm_finish(r, (TIMENS_SMEAR_STEEP + 3) * NSEC_PER_SEC);
			KUNIT_EXPECT_EQ(test, r->got, i & 1 ? 1 : -1);
		}
	}
}

/* The line jumps over a part of the window or over all of it */
static void tsm_suspend(struct kunit *test)
{
	static const char *const texts[] = {
		"smear google", "smear ntpd", "smear meta", "smear quadratic 128 centred",
	};
	struct tsm_run *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct timens_smear_policy policy;
	unsigned int i, k;
	s32 before, after, step;
	s64 start, len, nap, y, ideal;

	KUNIT_ASSERT_NOT_NULL(test, r);
	for (i = 0; i < ARRAY_SIZE(texts) * 2; i++) {
		policy = tsm_policy(test, texts[i / 2]);
		step = i & 1 ? 1 : -1;
		timens_smear_window(&policy, step, &before, &after);
		start = (TSM_EDGE - before) * NSEC_PER_SEC;
		len = (before + after) * NSEC_PER_SEC;
		for (k = 0; k < 20; k++) {
			tsm_init(r, test, &policy, start - 10 * NSEC_PER_SEC);
			prandom_seed_state(&r->rnd, tsm_seed + k);
			tsm_order(r, TSM_EDGE, step);
			tsm_go(r, r->t + tsm_random(&r->rnd, len), 3);
			tsm_pass(r);
			nap = 1 + tsm_random(&r->rnd, k & 1 ? len : 2 * len);
			if (r->s.state == TIMENS_SMEAR_NONE)
				continue;
			y = tsm_shown(r);
			/* Nothing but the nap has passed for the reader */
			r->t += nap;
			ideal = tsm_ideal(r, TSM_EDGE, step);
			timens_smear_jump(&r->s, tsm_real(r));
			KUNIT_EXPECT_LE(test, abs(tsm_phase(r) - ideal), tsm_bound(r, len));
			KUNIT_EXPECT_GE(test, tsm_shown(r), y);
			r->last_t = r->t;
			r->last_y = tsm_shown(r);
			tsm_pass(r);
			if (r->t >= start + len)
				KUNIT_EXPECT_EQ(test, r->s.state, TIMENS_SMEAR_NONE);
			tsm_go(r, max(r->t, start + len), 5);
			tsm_pass(r);
			tsm_finish(r, (TIMENS_SMEAR_STEEP + 3) * NSEC_PER_SEC);
			KUNIT_EXPECT_EQ(test, r->got, step);
			KUNIT_EXPECT_EQ(test, tsm_shown(r), r->t + step * NSEC_PER_SEC);
		}
	}
}

/* Any sequence of orders, late passes and jumps */
static void tsm_random_orders(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(150);
	struct tsm_run *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	unsigned int i, k, leaps = 0, withdrawn = 0, both = 0;
	struct timens_smear_policy policy;
	struct rnd_state rnd;
	s64 nap, window, edge;
	char text[48];

	KUNIT_ASSERT_NOT_NULL(test, r);
	kunit_info(test, "seed %#llx", tsm_seed);
	prandom_seed_state(&rnd, tsm_seed);
	for (i = 0; i < rounds; i++) {
		window = 128 + tsm_random(&rnd, 128ULL << tsm_random(&rnd, 12));
		snprintf(text, sizeof(text), "smear %s %lld %s", tsm_shapes[tsm_random(&rnd, 3)],
			 window, tsm_places[tsm_random(&rnd, 3)]);
		policy = tsm_policy(test, i % 10 ? text : "smear utc-sls");
		tsm_init(r, test, &policy, TSM_EDGE * NSEC_PER_SEC + tsm_random(&rnd, TSM_HOUR));
		prandom_seed_state(&r->rnd, tsm_random(&rnd, U64_MAX));
		for (k = 0; k < 250; k++) {
			/* Mostly in time, but as late as the window is long */
			nap = tsm_random(&r->rnd, 3) ? NSEC_PER_SEC :
			      1 + tsm_random(&r->rnd, (window * NSEC_PER_SEC) >>
					     tsm_random(&r->rnd, 12));
			tsm_go(r, r->t + nap, 1 + tsm_random(&r->rnd, 4));
			tsm_pass(r);

			switch (tsm_random(&r->rnd, 24)) {
			case 0:
			case 1:
				withdrawn += r->next != TIME64_MAX && !r->taken;
				tsm_order(r, TIME64_MAX, 0);
				break;
			case 2:
			case 3:
			case 4:
				both += r->next != TIME64_MAX && !r->taken;
				edge = div_u64(tsm_real(r), NSEC_PER_SEC) + 1 +
				       tsm_random(&r->rnd, 2 * window);
				/* Or another second at the same edge */
				if (r->edge < edge && !r->taken && !tsm_random(&r->rnd, 4))
					edge = r->edge;
				tsm_order(r, edge, tsm_random(&r->rnd, 2) ? 1 : -1);
				break;
			case 5:
				if (tsm_random(&r->rnd, 3))
					break;
				nap = 1 + tsm_random(&r->rnd, window * NSEC_PER_SEC);
				r->t += nap;
				timens_smear_jump(&r->s, tsm_real(r));
				KUNIT_ASSERT_GE(test, tsm_shown(r), r->last_y);
				r->last_t = r->t;
				r->last_y = tsm_shown(r);
				tsm_pass(r);
				break;
			}
		}
		/* What is armed comes to its end, or what was not is forgotten */
		tsm_order(r, TIME64_MAX, 0);
		tsm_finish(r, (3 * window + 600) * NSEC_PER_SEC);
		KUNIT_ASSERT_EQ(test, r->got, r->expect);
		KUNIT_ASSERT_EQ(test, tsm_shown(r), r->t + r->got * NSEC_PER_SEC);
		leaps += abs(r->got);
	}
	kunit_info(test, "%u leap seconds, %u withdrawn, %u replaced", leaps, withdrawn, both);
	KUNIT_EXPECT_GT(test, 3 * leaps, rounds);
	KUNIT_EXPECT_GT(test, 3 * withdrawn, rounds);
	KUNIT_EXPECT_GT(test, 3 * both, rounds);
}

static struct kunit_case tsm_cases[] = {
	KUNIT_CASE(tsm_reference),
	KUNIT_CASE(tsm_curve),
	KUNIT_CASE(tsm_window_test),
	KUNIT_CASE_PARAM(tsm_full_run, tsm_full_gen_params),
	KUNIT_CASE(tsm_withdraw),
	KUNIT_CASE(tsm_late_order),
	KUNIT_CASE(tsm_suspend),
	KUNIT_CASE(tsm_random_orders),
	{}
};

static struct kunit_suite tsm_suite = {
	.name = "timens_smear",
	.test_cases = tsm_cases,
};

kunit_test_suite(tsm_suite);

MODULE_DESCRIPTION("KUnit tests of smeared leap seconds");
MODULE_LICENSE("GPL");
