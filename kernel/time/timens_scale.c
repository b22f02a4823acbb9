// SPDX-License-Identifier: GPL-2.0
/*
 * The scales of a clock of a time namespace
 *
 * Which multiplier and shift stand for a rate on a counter, for how long a product with
 * them fits, and what a duration of one clock is on another. Arithmetic of its arguments
 * alone, but for timens_tk_host_raw(), which reads the host's clock and retries.
 */
#include <linux/math64.h>
#include <linux/timekeeping.h>

#include "timens_line.h"

/**
 * timens_tk_mult_shift - The multiplier of a namespace for a clocksource
 * @cs:		The clocksource
 * @mult:	Storage for the multiplier
 * @shift:	Storage for the shift
 *
 * The pair stands for exactly the frequency which the host's pair stands for,
 * with as many more bits as a horizon of TIMENS_TK_HORIZON seconds permits.
 */
void timens_tk_mult_shift(const struct clocksource *cs, u32 *mult, u32 *shift)
{
	int extra = min_t(int, TIMENS_TK_MULT_BITS - fls(cs->mult),
			  TIMENS_TK_MAX_SHIFT - (int)cs->shift);

	extra = max(extra, 0);
	*mult = cs->mult << extra;
	*shift = cs->shift + extra;
}

/**
 * timens_tk_rate_mult_shift - The multiplier of a clock with a rate
 * @cs:		The clocksource
 * @rate:	The rate
 * @mult:	Storage for the multiplier
 * @shift:	Storage for the shift
 *
 * As many bits as fit below TIMENS_TK_MULT_BITS, and a scale of at most
 * TIMENS_TK_MAX_SHIFT. A fast clock gets a coarser scale instead of a shorter
 * horizon. The multiplier is rounded, which timens_tk_setup() corrects.
 */
void timens_tk_rate_mult_shift(const struct clocksource *cs, struct timens_tk_rate rate,
			       u32 *mult, u32 *shift)
{
	int s = TIMENS_TK_MAX_SHIFT, up;
	u64 m;

	for (;; s--) {
		up = s - (int)cs->shift;
		/* 2000 * 2^52 < 2^63; and what has so many bits is too large anyway */
		if (fls(cs->mult) + up > 52)
			continue;
		if (up >= 0)
			m = timens_tk_times((u64)cs->mult << up, rate);
		else
			m = mul_u64_u64_div_u64(cs->mult, rate.num, (u64)rate.den << -up);
		if (m < 1ULL << TIMENS_TK_MULT_BITS || !s)
			break;
	}
	*mult = m;
	*shift = s;
}

/**
 * timens_tk_max_cycles - Largest delta which can be multiplied in 64 bits
 * @mult:	Nominal multiplier
 * @shift:	Shift
 *
 * The tick, the PLL and a single-shot adjustment together can make a clock
 * faster by 23 %.
 *
 * Return: cycles c such that c * (@mult * 1.25) + (2 * 10^9 << @shift) does not
 * exceed 2^64 - 1.
 */
u64 timens_tk_max_cycles(u32 mult, u32 shift)
{
	u64 room = U64_MAX - ((u64)(2 * NSEC_PER_SEC) << shift);

	return div64_u64(room, (u64)mult + (mult >> 2));
}

/**
 * timens_tk_scale - Convert a duration of one clock to another
 * @d:		Duration, in any unit
 * @to:		Multiplier of the other clock
 * @from:	Multiplier of the clock, on the same scale, 0 if it stands
 *
 * Return: the duration, rounded towards zero; what does not fit is S64_MAX or -S64_MAX,
 * and so is a duration of a clock which stands
 */
s64 timens_tk_scale(s64 d, u64 to, u64 from)
{
	u64 mag = abs(d);

	if (to == from)
		return d;
	if (unlikely(!from))
		mag = mag ? S64_MAX : 0;
	else if (mag >= div64_u64(S64_MAX, div64_u64(to, from) + 1))
		mag = S64_MAX;
	else
		mag = mul_u64_u64_div_u64(mag, to, from);
	return d < 0 ? -(s64)mag : mag;
}

/**
 * timens_tk_cycles_to_host - What a duration is on the clock of the ticks
 * @host:	The clock of the ticks
 * @cycles:	Duration (cycles)
 *
 * What a duration is on the host's CLOCK_MONOTONIC, on which timers and ticks
 * stand, if both clocks go on as they do now. The slope of the host is taken
 * without its lock: one which is being changed is followed by
 * timens_tk_watch_host(), and what was computed with it is computed again.
 *
 * Context: any
 * Return: the duration (nsecs)
 */
u64 timens_tk_cycles_to_host(const struct tk_data *host, u64 cycles)
{
	const struct tk_read_base *tkr = &host->timekeeper.tkr_mono;

	return mul_u64_u32_shr(cycles, READ_ONCE(tkr->mult), READ_ONCE(tkr->shift));
}

/**
 * timens_tk_cycles_to_event - What a duration is on the clock of the ticks, or less
 * @host:	The clock of the ticks
 * @cycles:	Duration (cycles)
 *
 * The same for a timer on an idle machine. The next interrupt is programmed in
 * nanoseconds which nobody steers: to a host which is made faster, it comes late by
 * a part of the distance. Come early instead, and look again.
 *
 * Context: any
 * Return: the duration (nsecs)
 */
u64 timens_tk_cycles_to_event(const struct tk_data *host, u64 cycles)
{
	const struct tk_read_base *tkr = &host->timekeeper.tkr_mono;
	u32 mult = min(READ_ONCE(tkr->mult), READ_ONCE(tkr->clock)->mult);

	return mul_u64_u32_shr(cycles, mult, READ_ONCE(tkr->shift));
}

/**
 * timens_tk_ns_to_host - What a duration of a namespace is on the host
 * @host:	The clock of the host
 * @tn:		The namespace
 * @d:		Duration on its CLOCK_MONOTONIC or REALTIME (nsecs)
 *
 * Context: any; see timens_tk_cycles_to_host()
 * Return: the duration (nsecs)
 */
s64 timens_tk_ns_to_host(const struct tk_data *host, const struct timekeeper_ns *tn, s64 d)
{
	const struct tk_read_base *tkr = &host->timekeeper.tkr_mono;
	const struct tk_read_base *own = &tn->tkd.timekeeper.tkr_mono;
	u64 host_mult = READ_ONCE(tkr->mult), mult = own->mult;
	int up = (int)own->shift - (int)READ_ONCE(tkr->shift);

	if (up >= 0)
		host_mult <<= up;
	else
		mult <<= -up;
	return timens_tk_scale(d, host_mult, mult);
}

/**
 * timens_tk_host_raw - A point of the host's CLOCK_MONOTONIC_RAW
 * @host:	The clock of the host
 * @raw:		Storage for the point
 *
 * Context: any, the host's write section included
 */
void timens_tk_host_raw(const struct tk_data *host, struct timens_tk_raw *raw)
{
	const struct timekeeper *tk = &host->timekeeper;
	unsigned int seq;

	do {
		seq = read_seqcount_begin(&host->seq);
		raw->cycles = tk->tkr_raw.cycle_last;
		raw->sec = tk->raw_sec;
		raw->xnsec = tk->tkr_raw.xtime_nsec;
		raw->mult = tk->tkr_raw.mult;
		raw->shift = tk->tkr_raw.shift;
	} while (read_seqcount_retry(&host->seq, seq));
}
