// SPDX-License-Identifier: GPL-2.0
/*
 * Leap seconds which are spread over a window of time
 *
 * A timekeeper knows CLOCK_REALTIME without a smear, the line. While a leap
 * second is smeared, readers of CLOCK_REALTIME add a phase to the line, which
 * goes from zero to the step of the leap second, -1 s or +1 s, and then becomes
 * a part of the line. No other clock is concerned: CLOCK_TAI is the line plus
 * the TAI offset all the time, so it is true throughout, and at the end the
 * step of the line and that of the TAI offset cancel.
 *
 *	 phase
 *	   0  -----------.
 *	                  `--.          the curve: from, to, start, end
 *	                      `\
 *	                        `\      a chord: at, phase, slope
 *	                          `--.
 *	 -1 s                         `-----------
 *	               start         end
 *
 * The curve says what the phase is at which time of the line, so nothing can
 * be left over, however late and how often it is evaluated. Readers follow a
 * chord of it. The chords start at the start of the curve, and are a second long
 * if it is bent. So which chord holds depends on the time alone, and not on when a
 * pass comes: a reader which finds itself behind the end of a chord asks for the
 * next one (timens_tk_valid()).
 *
 *  - CLOCK_REALTIME is continuous: a chord starts where the last one ended, on
 *    the curve as rounded to nanoseconds. It cannot go back, since a slope is
 *    1/64 at the most.
 *
 *  - The sum is exact: the last chord leads to the end of the curve.
 *
 *  - The phase is off the curve by what a chord is, which is
 *    5 * (1 s / window)^2 / 8 seconds at the most: 80 ps for a day, nothing for a
 *    linear curve, and for each 3 ns of rounding.
 *
 *
 * Changes
 * -------
 *
 *	armed late	A curve from the present phase, over what is left of the
 *	or again	window. It lasts 128 s per second at the least, and ends
 *			later then.
 *	withdrawn	before the edge: a curve from the present phase to zero,
 *			as slow as the smear was. After the edge the leap second
 *			has happened, and the smear goes on: daemons clear STA_INS
 *			when the day is over.
 *	clock is set	The smear is over. Before the edge the leap second is not
 *			taken, as with a clock that is set while one is armed;
 *			after the edge it is, and the TAI offset changes.
 *	suspend		The line jumps, and the phase with it.
 *
 * All functions are called with the lock of the clock, and inside of its write
 * section where they change something.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "timens_smear.h"

/* How far a phase which is on the curve may be off it (nsecs) */
#define SMEAR_ROUNDING	2

/* Ratios are in units of 2^-62 */
#define SMEAR_ONE	BIT_ULL(62)

static inline u64 smear_mul(u64 a, u64 b)
{
	return mul_u64_u64_shr(a, b, 62);
}

/*
 * sin^2(r * pi / 2) for r up to a half. The first term which is left out of the
 * sine is below 4.7e-17, and would be added: what is below a half stays there.
 */
static u64 smear_sin2(u64 r)
{
	/* sin z = z (1 - z^2 / 2*3 (1 - z^2 / 4*5 (1 - ...))), from the inside out */
	static const u16 factor[] = { 14 * 15, 12 * 13, 10 * 11, 8 * 9, 6 * 7, 4 * 5, 2 * 3 };
	u64 z, w, sum = SMEAR_ONE, sine;
	unsigned int i;

	/* pi / 2 is 7244019458077122842 / 2^62 */
	z = smear_mul(r, 7244019458077122842ULL);
	w = smear_mul(z, z);
	for (i = 0; i < ARRAY_SIZE(factor); i++)
		sum = SMEAR_ONE - div_u64(smear_mul(w, sum), factor[i]);
	sine = smear_mul(z, sum);
	return smear_mul(sine, sine);
}

/* The first half of a symmetric curve at ratio @r */
static u64 smear_half(unsigned int shape, u64 r)
{
	if (shape == TIMENS_SMEAR_COSINE)
		return smear_sin2(r);
	return smear_mul(r, r) << 1;
}

/**
 * timens_smear_curve - A curve from zero to a total
 * @shape:	enum timens_smear_shape
 * @x:		Distance from the start
 * @len:	Distance of the end from the start, in the same unit, not zero
 * @total:	What the curve comes to, at most 2^32
 *
 * Return: the value at @x, rounded down; never less than for a smaller @x, and
 * exactly @total from @len on
 */
u64 timens_smear_curve(unsigned int shape, u64 x, u64 len, u64 total)
{
	u64 r, y;

	if (x >= len)
		return total;
	if (shape == TIMENS_SMEAR_LINEAR)
		return mul_u64_u64_div_u64(total, x, len);

	r = mul_u64_u64_div_u64(SMEAR_ONE, x, len);
	if (r <= SMEAR_ONE / 2)
		y = smear_half(shape, r);
	else
		y = SMEAR_ONE - smear_half(shape, SMEAR_ONE - r);
	return smear_mul(total, y);
}

/**
 * timens_smear_window - The window of a leap second
 * @policy:	The policy, not TIMENS_SMEAR_STEP
 * @step:	-1 for an inserted second, 1 for a deleted one
 * @before:	Storage for the start (secs before the edge)
 * @after:	Storage for the end (secs after the edge)
 *
 * The edge is where a clock would be stepped: at midnight as the old line has it
 * for an inserted second, and one second before for a deleted one.
 */
void timens_smear_window(const struct timens_smear_policy *policy, s32 step, s32 *before,
			 s32 *after)
{
	s32 window = policy->window;
	bool insert = step < 0;

	switch (policy->preset) {
	case TIMENS_SMEAR_GOOGLE:
	case TIMENS_SMEAR_AWS:
		/* Noon is noon on the line before, and on the next line after */
		*before = insert ? 43200 : 43199;
		*after = insert ? 43201 : 43200;
		return;
	case TIMENS_SMEAR_UTC_SLS:
		/* The day ends when an inserted second is over */
		*before = insert ? 999 : 1000;
		*after = insert ? 1 : 0;
		return;
	}

	switch (policy->place) {
	case TIMENS_SMEAR_BEFORE:
		*before = window;
		break;
	case TIMENS_SMEAR_CENTRED:
		*before = window / 2;
		break;
	default:
		*before = 0;
	}
	*after = window - *before;
}

/* Where the curve is at a time of the line */
static s64 smear_curve_at(const struct timens_smear *s, s64 real)
{
	s64 total = s->to - s->from;
	u64 y;

	if (real <= s->start)
		return s->from;
	y = timens_smear_curve(s->policy.shape, real - s->start, s->end - s->start, abs(total));
	return total < 0 ? s->from - (s64)y : s->from + (s64)y;
}

/* The least time (nsecs) for a change of the phase */
static s64 smear_least(s64 change)
{
	return abs(change) * TIMENS_SMEAR_MIN;
}

/* The slope of a chord which rises by @rise over @span, as steep as is allowed */
static u32 smear_slope(s64 rise, s64 span)
{
	BUILD_BUG_ON(TIMENS_SMEAR_STEEP != 1 << 6);
	if (rise <= 0)
		return 0;
	if (rise >= span / TIMENS_SMEAR_STEEP)
		return 1U << (TIMENS_SMEAR_SCALE - 6);
	return mul_u64_u64_div_u64(1ULL << TIMENS_SMEAR_SCALE, rise, span) + 1;
}

/*
 * The chord which holds at @real. Its ends lie on the curve, at places which do not
 * depend on who asks when: each pass, and each reader which comes before a pass,
 * finds the same chords.
 */
static void smear_chord(struct timens_smear *s, s64 real)
{
	s64 since = clamp(real, s->start, s->end) - s->start;
	bool straight = s->policy.shape == TIMENS_SMEAR_LINEAR;
	s64 len = straight ? TIMENS_SMEAR_STRAIGHT : TIMENS_SMEAR_CHORD;
	u64 into;

	/* Not one of no length at the end */
	since = min(since, s->end - s->start - 1);
	div64_u64_rem(since, len, &into);
	s->at = s->start + since - into;
	s->aim = min(s->at + len, s->end);
	s->phase = smear_curve_at(s, s->at);
	s->knot = smear_curve_at(s, s->aim);
	s->slope = smear_slope(abs(s->knot - s->phase), s->aim - s->at);
}

/* A new curve from @phase, which is the present one, for a leap second at @edge */
static void smear_begin(struct timens_smear *s, s64 real, s64 phase, time64_t edge, s32 step)
{
	s32 before, after;

	timens_smear_window(&s->policy, step, &before, &after);
	s->edge = edge;
	s->step = step;
	s->committed = false;
	s->from = phase;
	s->to = step * NSEC_PER_SEC;
	s->start = max(real, (edge - before) * NSEC_PER_SEC);
	s->end = max((edge + after) * NSEC_PER_SEC, s->start + smear_least(s->to - s->from));
	s->state = TIMENS_SMEAR_WAITING;
	smear_chord(s, real);
}

/* The leap second was withdrawn when the phase was @phase */
static void smear_withdraw(struct timens_smear *s, s64 real, s64 phase)
{
	u64 len = s->end - s->start, size = max(abs(s->to - s->from), abs(phase));

	s->from = phase;
	s->to = 0;
	if (!phase) {
		s->state = TIMENS_SMEAR_NONE;
		return;
	}
	s->state = TIMENS_SMEAR_BACK;
	s->start = real;
	/* As slow as it came, if it came all the way, and not below a second */
	s->end = real + max3((s64)mul_u64_u64_div_u64(len, abs(s->from), size),
			     smear_least(s->from), NSEC_PER_SEC);
	smear_chord(s, real);
}

/**
 * timens_smear_update - Bring a smear up to the present
 * @s:		The smear; its policy is not TIMENS_SMEAR_STEP
 * @real:	The present time of the line (nsecs)
 * @edge:	Second of the line at which a leap second is armed, or TIME64_MAX
 * @step:	What that adds to CLOCK_REALTIME (secs)
 *
 * Return: what the caller has to add to the line (secs), and to take off the
 * TAI offset, because the smear is over; zero otherwise
 */
s32 timens_smear_update(struct timens_smear *s, s64 real, time64_t edge, s32 step)
{
	bool armed = edge != TIME64_MAX;

	if (s->state == TIMENS_SMEAR_NONE) {
		if (!armed)
			return 0;
		smear_begin(s, real, 0, edge, step);
	} else if (real >= s->aim) {
		smear_chord(s, real);
	}

	if (s->state != TIMENS_SMEAR_BACK && real >= s->edge * NSEC_PER_SEC)
		s->committed = true;
	if (!s->committed) {
		s64 phase = timens_smear_phase(s, real);
		bool other = edge != s->edge || step != s->step;

		if (armed && (s->state == TIMENS_SMEAR_BACK || other))
			smear_begin(s, real, phase, edge, step);
		else if (!armed && s->state != TIMENS_SMEAR_BACK)
			smear_withdraw(s, real, phase);
	}
	if (s->state == TIMENS_SMEAR_NONE)
		return 0;
	if (s->state == TIMENS_SMEAR_WAITING && real >= s->start)
		s->state = TIMENS_SMEAR_RUNNING;

	if (real >= s->end) {
		step = s->state == TIMENS_SMEAR_BACK ? 0 : s->step;
		s->state = TIMENS_SMEAR_NONE;
		s->committed = false;
		s->phase = 0;
		s->total += step * NSEC_PER_SEC;
		return step;
	}
	return 0;
}

/**
 * timens_smear_jump - Follow a jump of the line
 * @s:		The smear
 * @real:	The time of the line after the jump (nsecs), which a suspend caused
 *
 * To be followed by timens_smear_update(). The phase may jump as well, as it
 * moves by less than the line.
 */
void timens_smear_jump(struct timens_smear *s, s64 real)
{
	if (s->state != TIMENS_SMEAR_NONE)
		smear_chord(s, real);
}

/**
 * timens_smear_wake - When the timers should look at a smear, even if the machine is idle
 * @s:		The smear
 * @real:	The present time of the line (nsecs)
 *
 * Readers need nobody. But a timer was projected with the rate of a chord, which
 * must not change by much without a walk.
 *
 * Return: the time until then (nsecs), S64_MAX for whenever
 */
s64 timens_smear_wake(const struct timens_smear *s, s64 real)
{
	if (s->state == TIMENS_SMEAR_NONE || real >= s->end ||
	    s->policy.shape == TIMENS_SMEAR_LINEAR)
		return S64_MAX;
	return max(s->start - real, 0) + max((s->end - s->start) >> 10, NSEC_PER_SEC);
}

/*
 * The policy as a text
 */

static const char *const smear_shapes[] = {
	[TIMENS_SMEAR_LINEAR]		= "linear",
	[TIMENS_SMEAR_COSINE]		= "cosine",
	[TIMENS_SMEAR_QUADRATIC]	= "quadratic",
};

static const char *const smear_places[] = {
	[TIMENS_SMEAR_BEFORE]		= "before",
	[TIMENS_SMEAR_CENTRED]		= "centred",
	[TIMENS_SMEAR_AFTER]		= "after",
};

static const struct {
	const char			*name;
	struct timens_smear_policy	policy;
} smear_presets[] = {
	{ "google",	{ 86400, TIMENS_SMEAR_GOOGLE, TIMENS_SMEAR_LINEAR, TIMENS_SMEAR_CENTRED } },
	{ "aws",	{ 86400, TIMENS_SMEAR_AWS, TIMENS_SMEAR_LINEAR, TIMENS_SMEAR_CENTRED } },
	{ "utc-sls",	{ 1000, TIMENS_SMEAR_UTC_SLS, TIMENS_SMEAR_LINEAR, TIMENS_SMEAR_BEFORE } },
	{ "ntpd",	{ 86400, TIMENS_SMEAR_NTPD, TIMENS_SMEAR_COSINE, TIMENS_SMEAR_BEFORE } },
	{ "meta",	{ 62500, TIMENS_SMEAR_META, TIMENS_SMEAR_QUADRATIC, TIMENS_SMEAR_AFTER } },
};

/**
 * timens_smear_parse - Read a policy
 * @policy:	Storage for the policy
 * @text:	"step", "smear PRESET" or "smear SHAPE WINDOW PLACE", with single
 *		blanks; it is modified
 *
 * Return: 0, or -EINVAL, which leaves @policy alone
 */
int timens_smear_parse(struct timens_smear_policy *policy, char *text)
{
	struct timens_smear_policy new = { .preset = TIMENS_SMEAR_CUSTOM };
	char *word = strsep(&text, " ");
	int i, place;

	if (!strcmp(word, "step") && !text) {
		*policy = (struct timens_smear_policy){ .preset = TIMENS_SMEAR_STEP };
		return 0;
	}
	if (strcmp(word, "smear") || !text)
		return -EINVAL;

	word = strsep(&text, " ");
	if (!text) {
		for (i = 0; i < ARRAY_SIZE(smear_presets); i++) {
			if (!strcmp(word, smear_presets[i].name)) {
				*policy = smear_presets[i].policy;
				return 0;
			}
		}
		return -EINVAL;
	}

	i = match_string(smear_shapes, TIMENS_SMEAR_SHAPES, word);
	if (i < 0)
		return -EINVAL;
	new.shape = i;
	word = strsep(&text, " ");
	if (!text || !*word || word[strspn(word, "0123456789")] ||
	    kstrtou32(word, 10, &new.window) ||
	    new.window < TIMENS_SMEAR_MIN || new.window > TIMENS_SMEAR_MAX)
		return -EINVAL;
	place = match_string(smear_places, TIMENS_SMEAR_PLACES, text);
	if (place < 0)
		return -EINVAL;
	new.place = place;
	*policy = new;
	return 0;
}

/**
 * timens_smear_name - A policy as timens_smear_parse() reads it
 * @policy:	The policy
 * @buf:	Storage for the text
 * @size:	Size of @buf, 40 is enough
 *
 * Return: @buf
 */
const char *timens_smear_name(const struct timens_smear_policy *policy, char *buf, size_t size)
{
	if (policy->preset == TIMENS_SMEAR_STEP)
		strscpy(buf, "step", size);
	else if (policy->preset == TIMENS_SMEAR_CUSTOM)
		scnprintf(buf, size, "smear %s %u %s", smear_shapes[policy->shape],
			  policy->window, smear_places[policy->place]);
	else
		scnprintf(buf, size, "smear %s",
			  smear_presets[policy->preset - TIMENS_SMEAR_GOOGLE].name);
	return buf;
}
