/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Leap seconds which are spread over a window of time instead of stepped. The
 * design is in the opening comment of kernel/time/timens_smear.c.
 */
#ifndef _KERNEL_TIME_TIMENS_SMEAR_H
#define _KERNEL_TIME_TIMENS_SMEAR_H

#include <linux/math64.h>
#include <linux/time64.h>
#include <linux/types.h>

/* Shortest and longest window (secs) */
#define TIMENS_SMEAR_MIN	128
#define TIMENS_SMEAR_MAX	(7 * 86400)
/* The slope of a phase is in units of 2^-37, and is 1/64 at the most */
#define TIMENS_SMEAR_SCALE	37
#define TIMENS_SMEAR_STEEP	64
/* Length of a chord of a bent curve, and of a straight one: a slope is off by 2^-37 (nsecs) */
#define TIMENS_SMEAR_CHORD	NSEC_PER_SEC
#define TIMENS_SMEAR_STRAIGHT	(128 * NSEC_PER_SEC)

/**
 * enum timens_smear_shape - How the phase goes from zero to a second
 * @TIMENS_SMEAR_LINEAR:	At a constant rate
 * @TIMENS_SMEAR_COSINE:	As half a period of a cosine
 * @TIMENS_SMEAR_QUADRATIC:	The rate rises for half of the window, and falls
 */
enum timens_smear_shape {
	TIMENS_SMEAR_LINEAR,
	TIMENS_SMEAR_COSINE,
	TIMENS_SMEAR_QUADRATIC,
	TIMENS_SMEAR_SHAPES,
};

/**
 * enum timens_smear_place - Where the window is
 * @TIMENS_SMEAR_BEFORE:	It ends at the leap second
 * @TIMENS_SMEAR_CENTRED:	The leap second is in the middle
 * @TIMENS_SMEAR_AFTER:		It starts with the leap second
 */
enum timens_smear_place {
	TIMENS_SMEAR_BEFORE,
	TIMENS_SMEAR_CENTRED,
	TIMENS_SMEAR_AFTER,
	TIMENS_SMEAR_PLACES,
};

/**
 * enum timens_smear_preset - A policy by its name
 * @TIMENS_SMEAR_STEP:		No smear: the leap second is stepped
 * @TIMENS_SMEAR_CUSTOM:	As shape, window and place say
 * @TIMENS_SMEAR_GOOGLE:	Linear, from noon to noon of the smeared clock
 * @TIMENS_SMEAR_AWS:		The same
 * @TIMENS_SMEAR_UTC_SLS:	Linear over the last 1000 seconds of the day
 * @TIMENS_SMEAR_NTPD:		Cosine, over the day before the leap second
 * @TIMENS_SMEAR_META:		Quadratic, over 62500 seconds from it on
 */
enum timens_smear_preset {
	TIMENS_SMEAR_STEP,
	TIMENS_SMEAR_CUSTOM,
	TIMENS_SMEAR_GOOGLE,
	TIMENS_SMEAR_AWS,
	TIMENS_SMEAR_UTC_SLS,
	TIMENS_SMEAR_NTPD,
	TIMENS_SMEAR_META,
};

/**
 * struct timens_smear_policy - What an armed leap second does
 * @window:	Length of the window (secs of TAI)
 * @preset:	enum timens_smear_preset
 * @shape:	enum timens_smear_shape
 * @place:	enum timens_smear_place
 */
struct timens_smear_policy {
	u32			window;
	u8			preset;
	u8			shape;
	u8			place;
};

/**
 * enum timens_smear_state - Where a smear is
 * @TIMENS_SMEAR_NONE:		No leap second is armed
 * @TIMENS_SMEAR_WAITING:	Its window is ahead
 * @TIMENS_SMEAR_RUNNING:	The phase goes to a second
 * @TIMENS_SMEAR_BACK:		The leap second was withdrawn: it goes back to zero
 */
enum timens_smear_state {
	TIMENS_SMEAR_NONE,
	TIMENS_SMEAR_WAITING,
	TIMENS_SMEAR_RUNNING,
	TIMENS_SMEAR_BACK,
};

/**
 * struct timens_smear - The smear of a clock
 * @policy:	What an armed leap second does
 * @state:	enum timens_smear_state
 * @committed:	The edge has passed: nothing withdraws the leap second any more
 * @step:	What the leap second adds to CLOCK_REALTIME in the end (secs)
 * @slope:	Of the chord up to @aim, as a magnitude (2^-TIMENS_SMEAR_SCALE)
 * @edge:	CLOCK_REALTIME second at which it would be stepped
 * @start:	Start of the curve (nsecs)
 * @end:	End of the curve (nsecs)
 * @from:	Phase at @start (nsecs)
 * @to:		Phase at @end (nsecs)
 * @at:		Start of the chord (nsecs)
 * @phase:	Phase at @at (nsecs)
 * @aim:	End of the chord (nsecs)
 * @knot:	Phase at @aim, and behind it (nsecs)
 * @total:	Sum of the smears which came to their end (nsecs)
 *
 * Times are those of CLOCK_REALTIME as it would be without the smear.
 */
struct timens_smear {
	struct timens_smear_policy policy;
	u8			state;
	bool			committed;
	s32			step;
	u32			slope;
	time64_t		edge;
	s64			start;
	s64			end;
	s64			from;
	s64			to;
	s64			at;
	s64			phase;
	s64			aim;
	s64			knot;
	s64			total;
};

u64 timens_smear_curve(unsigned int shape, u64 x, u64 len, u64 total);
void timens_smear_window(const struct timens_smear_policy *policy, s32 step, s32 *before,
			 s32 *after);
s32 timens_smear_update(struct timens_smear *s, s64 real, time64_t edge, s32 step);
void timens_smear_jump(struct timens_smear *s, s64 real);
s64 timens_smear_wake(const struct timens_smear *s, s64 real);
int timens_smear_parse(struct timens_smear_policy *policy, char *text);
const char *timens_smear_name(const struct timens_smear_policy *policy, char *buf, size_t size);

/**
 * timens_smear_due - Up to when timens_smear_update() has nothing to do for a smear
 * @s:		The smear
 *
 * Return: the present time of the line from which on it does more than to note that the
 * edge has passed, if no other leap second is armed (nsecs)
 */
static inline s64 timens_smear_due(const struct timens_smear *s)
{
	if (likely(s->state == TIMENS_SMEAR_NONE))
		return S64_MAX;
	return s->state == TIMENS_SMEAR_WAITING ? s->start : s->aim;
}

/**
 * timens_smear_phase - What a smear adds to CLOCK_REALTIME
 * @s:		The smear
 * @real:	The time without the smear (nsecs)
 *
 * A time before the chord is before its window. Behind the chord its last phase
 * holds, which is the end of the curve or wants another timens_smear_update().
 *
 * Return: the phase (nsecs)
 */
static inline s64 timens_smear_phase(const struct timens_smear *s, s64 real)
{
	s64 left = s->knot - s->phase, moved;

	if (s->state == TIMENS_SMEAR_NONE)
		return 0;
	if (real <= s->at)
		return s->phase;
	if (real >= s->aim)
		return s->knot;
	moved = mul_u64_u32_shr(real - s->at, s->slope, TIMENS_SMEAR_SCALE);
	return left < 0 ? s->phase - min(moved, -left) : s->phase + min(moved, left);
}

#endif /* _KERNEL_TIME_TIMENS_SMEAR_H */
