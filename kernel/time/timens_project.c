// SPDX-License-Identifier: GPL-2.0
/*
 * Where a timer on the clock of a time namespace stands on the host
 *
 * An expiry is projected from the one time line onto the other by the rates of the
 * moment. Arithmetic of its arguments alone; who reads the clocks and when is the
 * concern of timens_timer.c.
 *
 *
 * Projection
 * ----------
 *
 * A bound timer stands on CLOCK_MONOTONIC of the host if it is for
 * CLOCK_MONOTONIC of the namespace, else on CLOCK_BOOTTIME: REALTIME, TAI and
 * BOOTTIME of a namespace advance during a suspend by what CLOCK_BOOTTIME of
 * the host advances. That is more than the projection of a slow clock expects,
 * so the end of a suspend makes a walk (timens_walk.c). A namespace which has a clock but
 * follows the host is no special case; its rate is the host's and its CLOCK_REALTIME
 * steps when the host's does.
 *
 *   namespace  ----|now---------------------|expires-----
 *                  |        left            |
 *   host       ----|now------------------|..|------------
 *                           left * rate    \ margin
 *
 * The rate is that of the moment. It changes, so neither must the timer fire
 * because the projection came out early, nor may it come out late:
 *
 *  - At expiry the clock of the namespace is read. If it is not there yet the
 *    timer is armed for the rest. So a timer never fires early.
 *
 *  - A change of the rate by more than 1/4096 since the last walk, of the
 *    namespace or of the host, makes a walk (timens_walk.c). A projection may thus be
 *    wrong by two times 1/4096 for either side, 1/1024 together, and a walk
 *    lets pass another 1/4096. A margin of 1/512 is taken off, and what is
 *    left at the early expiry is less than 1/315 of what was. A minute needs
 *    two early expiries, a day three. A margin of less than 50 us is none: so a
 *    timer of less than 25.6 ms has none, and steering can make it late by
 *    1/1024 of that, 25 us.
 *
 *  - What is left at an early expiry may be anything, and at a high rate nothing
 *    on the host. An interrupt which is followed by another one at once costs
 *    others more than it is worth, so the rest is a microsecond of the host at
 *    least. The next expiry is then behind the time, unless the rate changes.
 *
 * An owner's leap second is known from the moment at which it is scheduled, and
 * is part of the projection. When it is taken the timers stand right already.
 * The walk which is made all the same is for the timerfds which are cancelled
 * when the clock is set. A leap second of the host is not projected: the timers
 * of a follower come at the edge, look, and are put off by a second.
 */
#include <linux/hrtimer.h>
#include <linux/math64.h>

#include "timens_internal.h"

/**
 * timens_timer_scale - What a duration of a namespace is on the host, rounded up
 * @left:	Duration on the clock of the namespace (nsecs), not negative
 * @host_mult:	Multiplier of the host, or the denominator of the rate
 * @mult:	Multiplier of the namespace, of the same scale, or the numerator; 0 if its
 *		clock stands
 *
 * Return: the duration on the host (nsecs), KTIME_MAX if it is longer than that
 */
ktime_t timens_timer_scale(ktime_t left, u64 host_mult, u64 mult)
{
	if (mult == host_mult)
		return left;
	if (unlikely(!mult))
		return left ? KTIME_MAX : 0;
	/* The product has to fit; steering alone is no more than a quarter */
	if (likely(host_mult <= 2 * mult)) {
		if (unlikely(left > KTIME_MAX / 2))
			return KTIME_MAX;
	} else if (left > div64_u64(KTIME_MAX, div64_u64(host_mult, mult) + 1)) {
		return KTIME_MAX;
	}
	return min_t(u64, mul_u64_u64_div_u64(left, host_mult, mult) + 1, KTIME_MAX);
}

/**
 * timens_timer_to_host - What a duration of a namespace is on the host
 * @left:	Duration on the clock of the namespace (nsecs), not negative
 * @host_mult:	Multiplier of the host
 * @mult:	Multiplier of the namespace, of the same scale
 *
 * Return: the duration on the host (nsecs), rounded up, less the margin for a
 * change of the rates
 */
ktime_t timens_timer_to_host(ktime_t left, u64 host_mult, u64 mult)
{
	ktime_t host = timens_timer_scale(left, host_mult, mult);
	ktime_t margin = host >> TIMENS_TIMER_MARGIN_SHIFT;

	/* Not by a change of the rates, but by a walk */
	if (unlikely(!mult))
		return host;
	return margin >= TIMENS_TIMER_SLOP ? host - margin : host;
}

/**
 * timens_timer_project - Project an expiry onto the host
 * @p:		The clock of the timer and that of the host on which it stands,
 *		at one instant
 * @clock:	The clock of the timer
 * @expires:	Expiry on that clock (nsecs)
 * @asleep:	The machine sleeps until then, so that both clocks advance alike
 *
 * Return: the time (nsecs) on the clock of the host, KTIME_MAX for never
 */
ktime_t timens_timer_project(const struct timens_tk_pair *p, clockid_t clock,
			     ktime_t expires, bool asleep)
{
	ktime_t now = timespec64_to_ktime(p->ns), host = timespec64_to_ktime(p->host);
	ktime_t left = ktime_sub(expires, now), edge;

	if (expires == KTIME_MAX)
		return KTIME_MAX;
	if (left <= 0)
		return host;
	/* Parked: it expires when the clock goes, which makes a walk */
	if (unlikely(p->own && !p->ns_mult))
		return KTIME_MAX;
	if (clock == CLOCK_REALTIME && p->edge_sec != TIME64_MAX) {
		edge = ktime_set(p->edge_sec, 0);
		/* What a deleted second skips expires at the edge */
		if (now < edge && expires >= edge)
			left = max(left - p->edge_step * NSEC_PER_SEC, edge - now);
	}
	if (p->own && !asleep)
		left = timens_timer_to_host(left, p->host_mult, p->ns_mult);
	else if (p->own)
		left = timens_timer_scale(left, p->rate.den, p->rate.num);
	return ktime_add_safe(host, left);
}

/**
 * timens_timer_project_rest - Project the expiry of a timer which came early
 * @p:		As for timens_timer_project()
 * @clock:	The clock of the timer
 * @expires:	Expiry on that clock (nsecs)
 *
 * Return: the time (nsecs) on the clock of the host, not so near that an interrupt
 * follows another one at once
 */
ktime_t timens_timer_project_rest(const struct timens_tk_pair *p, clockid_t clock,
				  ktime_t expires)
{
	return max(timens_timer_project(p, clock, expires, false),
		   ktime_add_ns(timespec64_to_ktime(p->host), TIMENS_TIMER_REST));
}
