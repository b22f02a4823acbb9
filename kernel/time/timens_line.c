// SPDX-License-Identifier: GPL-2.0
/*
 * The line of a clock of a time namespace
 *
 * A line is a point (counter value, time) and a slope (mult, shift). This file
 * does the arithmetic: it takes the line over from the host, moves its point to
 * the present, bends it as NTP wants, lets it take a leap second, run at a rate and
 * continue on another counter, and says what the clocks are at a counter value.
 * It knows neither readers nor the page: who changes a line does so between
 * timens_tk_update_begin() and timens_tk_update_end() (timens_page.h).
 *
 * It does for a namespace what accumulate_nsecs_to_secs(),
 * logarithmic_accumulation() and timekeeping_adjust() do for the host, for passes
 * which may be late by seconds and a finer multiplier. KUnit holds the two equal:
 * tkt_host_or_namespace() and tkt_tick_or_second().
 *
 *
 * Leap seconds
 * ------------
 *
 * No reader waits for a tick. As long as a leap second is armed, edge_sec and
 * edge_step say what to add to CLOCK_REALTIME from which second on, and a
 * reader which finds itself behind the edge adds it. CLOCK_TAI is computed
 * before the step and has none. The pass after the edge lets
 * second_overflow() make the step permanent, however late it comes.
 *
 * The page carries the edge only when it is near, since its slow path costs.
 * A pass publishes it up to eight seconds ahead. Without that pass the page is
 * valid up to the edge, and no further.
 *
 *
 * Where a line ends
 * -----------------
 *
 * NTP bends the line at the first of its intervals that ends behind a second, and it
 * does so there whenever the pass comes. Readers must not have followed the old slope
 * beyond that. So each line says how far it holds (timens_tk_valid()), and who finds
 * the counter behind that advances the clock first:
 *
 *   CPU 0 (reader)                       CPU 1 (reader)
 *   counter beyond the end
 *   lock namespace
 *   bend at the end, new line            counter beyond the old end: wait for
 *     from there to the present            the lock, then the line holds
 *   unlock, read again                   unlock, read again
 *
 * A step of the clock in the meantime is no other case: it advances first, too.
 *
 *
 * Smears and rates
 * ----------------
 *
 * Both are part of the line: they are written and read in the same sections, so
 * there is no interleaving of their own. The chord of a smear lies in the half
 * of the page for CLOCK_MONOTONIC_RAW, and is read under the count of the other:
 *
 *   CPU 0 (pass)                         CPU 1 (reader in the slow path)
 *                                        seq = 5, own line
 *   seq = 7 (of the first half)
 *   seq = 3 (of the RAW half)
 *   line, chord                          new chord on the old line
 *   even or TIMENS, the RAW half first   seq != 5: start over
 *
 * A rate is written along with the moment from which it is valid (rate_host), or a
 * reader could apply the new one to what came before.
 */
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/timekeeping.h>
#include <trace/events/timens_tk.h>

#include "timens_line.h"

/* Leap seconds which were taken since boot */
atomic64_t timens_tk_leaps;

/* What CLOCK_REALTIME reads when the timekeeper alone would say @sec */
static inline time64_t timens_tk_leap(const struct timekeeper_ns *tn, time64_t sec)
{
	return unlikely(sec >= tn->edge_sec) ? sec + tn->edge_step : sec;
}

/**
 * timens_tk_line - The time of a timekeeper at a distance from its last interval
 * @tk:		The timekeeper, of the host or of a namespace
 * @clk:		The clock, not CLOCK_MONOTONIC_RAW
 * @delta:	Distance (cycles)
 * @ts:		Storage for the time
 *
 * Context: under the timekeeper's lock, or in a loop that retries
 */
void timens_tk_line(const struct timekeeper *tk, clockid_t clk, u64 delta,
		    struct timespec64 *ts)
{
	const struct tk_read_base *tkr = &tk->tkr_mono;
	u64 nsec = mul_u64_u32_add_u64_shr(delta, tkr->mult, tkr->xtime_nsec, tkr->shift);
	time64_t sec = tk->xtime_sec;
	u32 rem;

	switch (clk) {
	case CLOCK_TAI:
		sec += tk->tai_offset;
		break;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		sec += tk->monotonic_to_boot.tv_sec;
		nsec += tk->monotonic_to_boot.tv_nsec;
		fallthrough;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_COARSE:
		sec += tk->wall_to_monotonic.tv_sec;
		nsec += tk->wall_to_monotonic.tv_nsec;
		break;
	}
	ts->tv_sec = sec + div_u64_rem(nsec, NSEC_PER_SEC, &rem);
	ts->tv_nsec = rem;
}

/**
 * timens_tk_own_line - The time of an own clock without a leap second to come
 * @tn:		The namespace
 * @clk:		The clock, not CLOCK_MONOTONIC_RAW
 * @cycles:	Counter value
 * @ts:		Storage for the time, without a smear
 *
 * Context: under the lock of the clock, or in a loop that retries
 */
void timens_tk_own_line(const struct timekeeper_ns *tn, clockid_t clk, u64 cycles,
			struct timespec64 *ts)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	u64 delta = 0;

	if (likely(!tn->stopped))
		delta = timens_tk_delta(&tk->tkr_mono, cycles, tn->cycle_now);
	delta += (tn->cycle_now - tk->tkr_mono.cycle_last) & tk->tkr_mono.mask;
	timens_tk_line(tk, clk, delta, ts);
}

/**
 * timens_tk_add_smear - Add the smear to a CLOCK_REALTIME
 * @tn:		The namespace
 * @ts:		In: the time without it, out: the time as it is read
 *
 * Context: under the lock of the clock, or in a loop that retries
 */
void timens_tk_add_smear(const struct timekeeper_ns *tn, struct timespec64 *ts)
{
	s64 phase;

	if (likely(tn->smear.state == TIMENS_SMEAR_NONE))
		return;
	phase = timens_smear_phase(&tn->smear, timespec64_to_ns(ts));
	*ts = timespec64_add(*ts, ns_to_timespec64(phase));
}

/**
 * timens_tk_read_at - The time of an own clock at a counter value
 * @tn:		The namespace; the caller holds its lock, or retries
 * @clk:	The clock
 * @cycles:	The counter value
 * @ts:		Storage for the time
 */
void timens_tk_read_at(const struct timekeeper_ns *tn, clockid_t clk, u64 cycles,
		       struct timespec64 *ts)
{
	u64 delta, nsec;
	u32 rem;

	if (clk == CLOCK_MONOTONIC_RAW) {
		delta = timens_tk_delta(&tn->tkd.timekeeper.tkr_mono, cycles, tn->raw.cycles);
		nsec = mul_u64_u32_add_u64_shr(delta, tn->raw.mult, tn->raw.xnsec, tn->raw.shift);
		nsec += tn->raw_offset.tv_nsec;
		ts->tv_sec = tn->raw.sec + tn->raw_offset.tv_sec +
			     div_u64_rem(nsec, NSEC_PER_SEC, &rem);
		ts->tv_nsec = rem;
		return;
	}

	timens_tk_own_line(tn, clk, cycles, ts);
	if (clk == CLOCK_REALTIME || clk == CLOCK_REALTIME_COARSE || clk == CLOCK_REALTIME_ALARM) {
		ts->tv_sec = timens_tk_leap(tn, ts->tv_sec);
		timens_tk_add_smear(tn, ts);
	}
}

/**
 * timens_tk_unsmeared - CLOCK_REALTIME without a smear
 * @tn:		The namespace
 * @cycles:	Counter value
 *
 * Context: under the lock of the clock
 * Return: the time (nsecs)
 */
s64 timens_tk_unsmeared(const struct timekeeper_ns *tn, u64 cycles)
{
	struct timespec64 ts;

	timens_tk_own_line(tn, CLOCK_REALTIME, cycles, &ts);
	return timespec64_to_ns(&ts);
}

/*
 * The NTP error is what the clock lacks against the NTP time line. What the
 * quantisation of the multiplier makes from one pass to the next is dithered, as the
 * host's is. A larger error is one of a rate or a counter that was changed. Half of
 * it is made up until the next pass, as @span is twice the time to that: whatever
 * the phase of the passes, the rest shrinks and cannot swing.
 */
static s32 timens_tk_correction(const struct timekeeper_ns *tn, u32 mult)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	s64 span = tn->span;
	s64 error = tk->ntp_error >> tk->ntp_error_shift;
	s64 most = mult >> 11;

	if (likely(abs(error) <= span))
		return error > 0;
	return clamp(div64_s64(error, span), -most, most);
}

/*
 * What NTP wants an NTP interval to be. That of a fast clock is few cycles, and
 * longer or shorter than its nominal length by up to a half of one: steer what
 * it is.
 */
static u64 timens_tk_tick(const struct timekeeper_ns *tn, u64 tick)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	u64 nominal;

	if (likely(!timens_tk_is_rated(tn)))
		return tick;
	nominal = (u64)NTP_INTERVAL_LENGTH << tk->tkr_mono.shift;
	return mul_u64_u64_div_u64(tick, nominal - tk->xtime_remainder, nominal) +
	       (tk->xtime_remainder << tk->ntp_error_shift);
}

/**
 * timens_tk_retune - Set the slope from now on
 * @tn:		The namespace
 * @offset:	Cycles since the last accumulated interval
 *
 * The clock does not step: what it reads at @offset stays.
 *
 * The twin of timekeeping_adjust() and timekeeping_apply_adjustment(), which
 * correct the error of a tick and not of a second. tkt_host_or_namespace() holds
 * the two together, to the lags of the changes of the slope.
 *
 * Context: a write section
 */
void timens_tk_retune(struct timekeeper_ns *tn, u64 offset)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	u64 tick = ntp_tick_length(&tn->ntp);
	s32 corr, adj;
	u32 mult;

	if (likely(tick == tn->mult_tick)) {
		mult = tk->tkr_mono.mult - tk->ntp_err_mult;
	} else {
		tn->mult_tick = tick;
		tk->ntp_tick = timens_tk_tick(tn, tick);
		mult = div64_u64((tk->ntp_tick >> tk->ntp_error_shift) - tk->xtime_remainder,
				 tk->cycle_interval);
	}

	corr = timens_tk_correction(tn, mult);
	tk->ntp_err_mult = corr;
	adj = (s32)(mult + corr - tk->tkr_mono.mult);
	if (!adj)
		return;

	/* See timekeeping_apply_adjustment() for why this is continuous */
	tk->tkr_mono.mult += adj;
	tk->xtime_interval += (s64)tk->cycle_interval * adj;
	tk->tkr_mono.xtime_nsec -= (s64)offset * adj;
	tk->ntp_error += ((s64)offset * adj) << tk->ntp_error_shift;

	/* The second was accumulated already: see timekeeping_adjust() */
	if (unlikely((s64)tk->tkr_mono.xtime_nsec < 0)) {
		tk->tkr_mono.xtime_nsec += timens_tk_second(tk);
		tk->xtime_sec--;
		tk->skip_second_overflow = 1;
	}
}

/**
 * timens_tk_took_leap - Count a leap second that was taken
 * @tn:		The namespace
 * @step:	What it added to CLOCK_REALTIME (secs)
 *
 * Context: under the lock of the clock
 */
void timens_tk_took_leap(struct timekeeper_ns *tn, s32 step)
{
	atomic64_inc(&timens_tk_leaps);
	trace_timens_tk_leap(tn->ns ? tn->ns->ns.inum : 0, step,
			     tn->tkd.timekeeper.xtime_sec);
}

/*
 * Carry full seconds over to xtime_sec, NTP and leap seconds included. The clock of
 * a fast namespace tells NTP about several seconds at once: @batch_left of them are
 * still to come, and change nothing.
 */
static void timens_tk_carry_seconds(struct timekeeper_ns *tn)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	u64 nsecps = timens_tk_second(tk), secs;
	u32 nr;
	int leap;

	while (tk->tkr_mono.xtime_nsec >= nsecps) {
		if (unlikely(tn->batch_left)) {
			secs = min(div64_u64(tk->tkr_mono.xtime_nsec, nsecps), tn->batch_left);
			tk->tkr_mono.xtime_nsec -= secs * nsecps;
			tk->xtime_sec += secs;
			tn->batch_left -= secs;
			continue;
		}
		tk->tkr_mono.xtime_nsec -= nsecps;
		tk->xtime_sec++;
		/* It was accumulated before: see timens_tk_retune() */
		if (unlikely(tk->skip_second_overflow)) {
			tk->skip_second_overflow = 0;
			continue;
		}
		nr = tn->batch - (tk->xtime_sec & (tn->batch - 1));
		leap = tk_overflow_seconds(tk, &tn->ntp, &nr);
		tn->batch_left = nr - 1;
		if (unlikely(leap))
			timens_tk_took_leap(tn, leap);
	}
	tk->ntp_tick = timens_tk_tick(tn, ntp_tick_length(&tn->ntp));
}

/*
 * Accumulate @n intervals of which nobody sees more than the end. The present slope
 * leads as far as a reader may have followed it; from there on the clock is where
 * NTP wants it, to less than a nanosecond, and not where a multiplier of 31 bits
 * would lead in hours.
 *
 * Return: seconds of the clock which are full
 */
static u64 timens_tk_jump(struct timekeeper_ns *tn, u64 n)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	u64 gone = (tk->tkr_mono.cycle_last - tn->cycle_now) & tk->tkr_mono.mask;
	u64 nsecps = timens_tk_second(tk), secs = 0, first, ideal, rest;
	s64 owed;

	/* The last bend may be in the middle of an interval, which begins before it */
	if (gone > tk->tkr_mono.mask >> 1)
		gone = 0;
	first = gone < tn->max_cycles ? div64_u64(tn->max_cycles - gone, tk->cycle_interval) : 0;
	first = min(n, first);
	tk->tkr_mono.xtime_nsec += first * tk->xtime_interval;
	tk->ntp_error += first * (tk->ntp_tick - ((tk->xtime_interval + tk->xtime_remainder) <<
						  tk->ntp_error_shift));
	n -= first;
	if (unlikely(n)) {
		/* In units of 2^-32 ns; a second is less than 2^62 of them */
		ideal = tk->ntp_tick - ((u64)tk->xtime_remainder << tk->ntp_error_shift);
		secs = mul_u64_u64_div_u64(n, ideal, nsecps << tk->ntp_error_shift);
		rest = n * ideal - secs * (nsecps << tk->ntp_error_shift);
		tk->tkr_mono.xtime_nsec += rest >> tk->ntp_error_shift;
		tk->ntp_error += rest & ((1ULL << tk->ntp_error_shift) - 1);
	}
	ideal = div64_u64(tk->tkr_mono.xtime_nsec, nsecps);
	tk->tkr_mono.xtime_nsec -= ideal * nsecps;
	secs += ideal;

	/* What the slope was off up to there is less than an interval was long */
	owed = tk->ntp_error >> tk->ntp_error_shift;
	if (unlikely(n) && abs(owed) <= tk->xtime_interval &&
	    (s64)tk->tkr_mono.xtime_nsec + owed >= 0) {
		tk->tkr_mono.xtime_nsec += owed;
		tk->ntp_error -= owed << tk->ntp_error_shift;
	}
	return secs;
}

/* The phase of a smear becomes a part of the line, and of the TAI offset */
static void timens_tk_smear_done(struct timekeeper_ns *tn, s32 step)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;

	tk->xtime_sec += step;
	tk_set_wall_to_mono(tk, timespec64_sub(tk->wall_to_monotonic,
					       (struct timespec64){ .tv_sec = step }));
	tk_set_tai_offset(tk, tk->tai_offset - step);
	ntp_leap_done(&tn->ntp);
	timens_tk_took_leap(tn, step);
}

static void timens_tk_update_smear(struct timekeeper_ns *tn, time64_t edge, s32 step)
{
	struct timens_smear *s = &tn->smear;
	u8 state = s->state;
	s64 real;

	if (state == TIMENS_SMEAR_NONE && edge == TIME64_MAX)
		return;
	real = timens_tk_unsmeared(tn, tn->cycle_now);
	step = timens_smear_update(s, real, edge, step);
	if (step)
		timens_tk_smear_done(tn, step);
	if (s->state != state)
		trace_timens_tk_smear(tn->ns ? tn->ns->ns.inum : 0, s->state, s->phase, s->end);
}

/**
 * timens_tk_update_edge - Look for the next leap second
 * @tn:		The namespace
 *
 * The edge as readers need it; see "Leap seconds"
 *
 * Context: a write section
 */
void timens_tk_update_edge(struct timekeeper_ns *tn)
{
	time64_t edge = ntp_next_edge(&tn->ntp, tn->tkd.timekeeper.xtime_sec, &tn->edge_step);

	if (unlikely(tn->ntp.leap_is_smeared)) {
		timens_tk_update_smear(tn, edge, tn->edge_step);
		edge = TIME64_MAX;
	}
	tn->edge_sec = edge;
}

/*
 * Seconds which are taken in one step at the most, so that their intervals can be
 * counted in 64 bits: a century. An interval is not less than a nanosecond, and a
 * second not more than 2^60 units.
 */
#define TIMENS_TK_STEADY	((s64)BIT_ULL(32))

/*
 * Accumulate whole NTP intervals up to @cycles, which is not before the last bend,
 * and return what is left in cycles. The NTP second is processed at the first
 * interval after it, and where it changes the tick length the line bends right
 * there: so the line is the same whenever the pass comes. No reader has gone beyond
 * a bend before it was made, see timens_tk_valid().
 *
 * Seconds in which the slope stays are one step, however many they are. @steps is
 * how many steps may be taken, and is what is left of it; when it comes to zero,
 * more than an interval may be returned.
 *
 * The twin of logarithmic_accumulation() and of the loop around it, which takes
 * intervals in powers of two and each second by itself. tkt_host_or_namespace()
 * and tkt_catch_up() hold them together.
 */
static u64 timens_tk_accumulate(struct timekeeper_ns *tn, u64 cycles, unsigned int *steps)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	u64 nsecps = timens_tk_second(tk);
	u64 offset = (cycles - tk->tkr_mono.cycle_last) & tk->tkr_mono.mask;

	while (offset >= tk->cycle_interval && *steps) {
		u64 n = div64_u64(offset, tk->cycle_interval), k = 0, rest;
		s64 steady = 0;

		if (!tk->skip_second_overflow && !tn->batch_left)
			steady = ntp_steady_seconds(&tn->ntp, tk->xtime_sec);
		if (steady) {
			/* Up to the last interval which ends before the second behind them */
			steady = min(steady, TIMENS_TK_STEADY);
			k = mul_u64_u64_div_u64(steady + 1, nsecps, tk->xtime_interval);
			rest = div64_u64(tk->tkr_mono.xtime_nsec, tk->xtime_interval) + 2;
			k -= min(k, rest);
		}
		(*steps)--;
		if (k) {
			n = min(n, k);
			rest = timens_tk_jump(tn, n);
			tk->xtime_sec += rest;
			if (rest)
				ntp_skip_seconds(&tn->ntp, rest);
		} else {
			/* Fits: a batch is no longer than two seconds of the host */
			rest = (tn->batch_left + 1) * nsecps - tk->tkr_mono.xtime_nsec;
			n = min(n, DIV64_U64_ROUND_UP(rest, tk->xtime_interval));
			tk->tkr_mono.xtime_nsec += n * tk->xtime_interval;
			tk->ntp_error += n * (tk->ntp_tick -
					      ((tk->xtime_interval + tk->xtime_remainder) <<
					       tk->ntp_error_shift));
		}
		offset -= n * tk->cycle_interval;
		tk->tkr_mono.cycle_last += n * tk->cycle_interval;
		if (tk->tkr_mono.xtime_nsec >= nsecps)
			timens_tk_carry_seconds(tn);
		if (unlikely(ntp_tick_length(&tn->ntp) != tn->mult_tick)) {
			tn->cycle_now = tk->tkr_mono.cycle_last;
			timens_tk_retune(tn, 0);
		}
		/* A second may arm or withdraw what is smeared from then on */
		if (unlikely(tn->ntp.leap_is_smeared) && !k) {
			tn->cycle_now = tk->tkr_mono.cycle_last;
			timens_tk_update_edge(tn);
		}
	}
	return offset;
}

/* A counter which seems to have gone back stands still at the last bend, and so does a clock */
static u64 timens_tk_not_before_bend(const struct timekeeper_ns *tn, u64 cycles)
{
	if (unlikely(tn->stopped))
		return tn->cycle_now;
	return tn->cycle_now + timens_tk_delta(&tn->tkd.timekeeper.tkr_mono, cycles, tn->cycle_now);
}

/*
 * Cycles from @tn->cycle_now on for which a duration of the clock is not over, or
 * @most if that is less
 */
static u64 timens_tk_cycles_of(const struct timekeeper_ns *tn, s64 ns, u64 most)
{
	const struct tk_read_base *tkr = &tn->tkd.timekeeper.tkr_mono;

	if (ns <= 0)
		return 0;
	if ((u64)ns >= mul_u64_u32_shr(most, tkr->mult, tkr->shift))
		return most;
	return min(most, mul_u64_u64_div_u64(ns, 1ULL << tkr->shift, tkr->mult));
}

/**
 * timens_tk_cycles_to - Up to where it is before a second
 * @tn:		The namespace
 * @sec:	Second of its CLOCK_REALTIME, without a smear
 * @most:	What is enough (cycles)
 *
 * Context: under the lock of the clock
 * Return: the distance from @tn->cycle_now (cycles); @most if that is less
 */
u64 timens_tk_cycles_to(const struct timekeeper_ns *tn, time64_t sec, u64 most)
{
	struct timespec64 now;

	timens_tk_own_line(tn, CLOCK_REALTIME, tn->cycle_now, &now);
	sec = min(sec - now.tv_sec, KTIME_SEC_MAX / 2);
	/* Less than a nanosecond was cut off, and the second itself is not before it */
	return timens_tk_cycles_of(tn, sec * NSEC_PER_SEC - now.tv_nsec - 1, most);
}

/**
 * timens_tk_valid - How far the present line is the truth
 * @tn:		The namespace
 *
 * The line ends where NTP bends it, where a chord of a smear ends, where a rate
 * ends, and where a product would not fit any more. Nobody may read it further:
 * who finds the counter behind that has the clock brought up to it first
 * (timens_tk_catch_up()). So what is read does not depend on when a pass comes.
 *
 * Context: under the lock of the clock
 * Return: the distance from @tn->cycle_now (cycles), U64_MAX for a clock which stands
 */
u64 timens_tk_valid(const struct timekeeper_ns *tn)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	const struct tk_read_base *tkr = &tk->tkr_mono;
	u64 valid = min(tn->max_cycles, tkr->mask >> 1), since, cycles;
	const struct timens_smear *s = &tn->smear;
	s64 even = S64_MAX;

	if (unlikely(tn->stopped))
		return U64_MAX;
	if (unlikely(tn->batch_left))
		even = tn->batch_left;
	else if (unlikely(!timens_tk_is_even(tn)))
		even = ntp_even_seconds(&tn->ntp);
	/* The next second of which NTP is told obeys an order for a leap second */
	if (unlikely(tn->ntp.leap_is_smeared) && !tn->batch_left &&
	    !ntp_steady_seconds(&tn->ntp, tk->xtime_sec))
		even = 0;
	/* Two seconds more than @valid fit, see timens_tk_max_cycles() */
	if (even < TIMENS_TK_STEADY &&
	    even * NSEC_PER_SEC <= (s64)((valid * tkr->mult) >> tkr->shift)) {
		since = (tn->cycle_now - tkr->cycle_last) & tkr->mask;
		cycles = (even + 1) * timens_tk_second(tk) - tkr->xtime_nsec;
		cycles = DIV64_U64_ROUND_UP(cycles, tk->xtime_interval) * tk->cycle_interval;
		valid = min(valid, cycles > since ? cycles - since : 0);
	}
	if (unlikely(s->state != TIMENS_SMEAR_NONE) && s->aim != s->end)
		valid = timens_tk_cycles_of(tn, s->aim - timens_tk_unsmeared(tn, tn->cycle_now),
					    valid);
	if (timens_tk_is_fast(tn))
		valid = min(valid, timens_tk_fast_cycles(tn, valid));
	return valid;
}

/**
 * timens_tk_fast_cycles - For how long a rate above one is allowed
 * @tn:		The namespace, whose rate is above one
 * @most:	What is enough (cycles)
 *
 * Context: under the lock of the clock
 * Return: cycles from @tn->cycle_now on, or @most if that is less
 */
u64 timens_tk_fast_cycles(const struct timekeeper_ns *tn, u64 most)
{
	time64_t left = timens_tk_fast_left(tn);

	return timens_tk_cycles_of(tn, clamp(left, 0, KTIME_SEC_MAX) * NSEC_PER_SEC, most);
}

/**
 * timens_tk_advance_to - Advance as the tick does
 * @tn:		The namespace
 * @cycles:	Counter value of the present
 * @steps:	In: the steps which may be taken, out: what is left of them
 *
 * Advance to @cycles on the grid of NTP intervals, as the tick does, or as far as
 * the steps lead.
 *
 * Context: a write section
 * Return: whether @cycles was reached
 */
bool timens_tk_advance_to(struct timekeeper_ns *tn, u64 cycles, unsigned int *steps)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	u64 offset = timens_tk_accumulate(tn, timens_tk_not_before_bend(tn, cycles), steps);
	bool there = offset < tk->cycle_interval;

	if (!there)
		offset = 0;
	timens_tk_retune(tn, offset);
	tn->cycle_now = tk->tkr_mono.cycle_last + offset;
	timens_tk_update_edge(tn);
	return there;
}

/**
 * timens_tk_settle - Find out for how long the clock is calm
 * @tn:		The namespace
 *
 * Note up to which second a pass has nothing to do but to move the line. The
 * multiplier is then the one for the present tick length, or one more. At the
 * latest when its log of the past is due, the clock takes a full pass, which asks
 * for that; until then, only a change of the host's rate can make it leave its line.
 *
 * Context: a write section, at the end of a pass
 */
void timens_tk_settle(struct timekeeper_ns *tn)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	s64 steady, left;

	if (timens_tk_is_rated(tn) || tn->stopped || tn->edge_sec != TIME64_MAX ||
	    tn->smear.state != TIMENS_SMEAR_NONE || tk->skip_second_overflow ||
	    tk->ntp_err_mult > 1 || tn->mult_tick != ntp_tick_length(&tn->ntp) ||
	    tk->ntp_tick != tn->mult_tick)
		return;
	steady = ntp_steady_seconds(&tn->ntp, tk->xtime_sec);
	/* What the page says about how long it is valid stays: see timens_tk_valid() */
	if (steady != S64_MAX)
		steady -= 2 * TIMENS_TK_HORIZON;
	/* A mock has no past */
	if (tn->past.size) {
		left = tn->past.due - get_jiffies_64();
		steady = left > 0 ? min_t(s64, steady, DIV_ROUND_UP_ULL(left, HZ)) : 0;
	}
	if (steady > 0)
		tn->calm_until = steady == S64_MAX ? TIME64_MAX : (time64_t)tk->xtime_sec + steady;
}

/**
 * timens_tk_clear_ntp - End all slewing and any pending leap second
 * @tn:		The namespace
 *
 * As on the host, when the clock is set or its counter changes.
 *
 * Context: a write section
 */
void timens_tk_clear_ntp(struct timekeeper_ns *tn)
{
	tn->tkd.timekeeper.ntp_error = 0;
	tn->batch_left = 0;
	ntp_clear(&tn->ntp);
}

/**
 * timens_tk_forward_to - Advance for a write
 * @tn:		The namespace
 * @cycles:	Counter value of the present
 *
 * Advance to @cycles exactly, with the part of an interval which is left, and
 * start a new interval there. What NTP expects of that part is accounted, so
 * that nothing is lost however often a clock is set.
 *
 * Context: a write section
 */
void timens_tk_forward_to(struct timekeeper_ns *tn, u64 cycles)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	unsigned int steps = UINT_MAX;
	u64 offset = timens_tk_accumulate(tn, timens_tk_not_before_bend(tn, cycles), &steps);
	u64 real = offset * tk->tkr_mono.mult;
	u64 tick;

	if (offset) {
		tick = tk->ntp_tick - ((u64)tk->xtime_remainder << tk->ntp_error_shift);
		tk->ntp_error += mul_u64_u64_div_u64(tick, offset, tk->cycle_interval) -
				 (real << tk->ntp_error_shift);
		tk->tkr_mono.xtime_nsec += real;
		tk->tkr_mono.cycle_last += offset;
		if (tk->tkr_mono.xtime_nsec >= timens_tk_second(tk))
			timens_tk_carry_seconds(tn);
	}
	tn->cycle_now = tk->tkr_mono.cycle_last;
	timens_tk_retune(tn, 0);
	timens_tk_update_edge(tn);
}

/**
 * timens_tk_set_rate - Set what depends on the rate alone
 * @tn:		The namespace
 * @rate:	The rate
 *
 * Context: a write section
 */
void timens_tk_set_rate(struct timekeeper_ns *tn, struct timens_tk_rate rate)
{
	tn->rate = rate;
	/* A line of the past ends here */
	tn->past.due = 0;
	/* NTP bends the line once in a second or two of the host, not more often */
	if (tn->batch_left)
		ntp_cut_seconds(&tn->ntp, tn->batch_left);
	tn->batch_left = 0;
	tn->batch = min(roundup_pow_of_two(DIV_ROUND_UP(rate.num, rate.den)), NTP_OVERFLOW_MAX);
	tn->ahead = TIMENS_TK_EDGE_AHEAD * DIV_ROUND_UP(rate.num, rate.den);
}

/* See timens_tk_correction() */
static void timens_tk_set_span(struct timekeeper_ns *tn)
{
	u64 second = tn->tkd.timekeeper.cycle_interval * NTP_INTERVAL_FREQ;

	/* A second of the host, whatever the rate */
	tn->span = 2 * TIMENS_TK_PERIOD * timens_tk_times(second, tn->rate);
}

/**
 * timens_tk_setup - Let a timekeeper count a clocksource at the rate of its namespace
 * @tn:		The namespace, behind timens_tk_set_rate()
 * @cs:		The clocksource
 *
 * As if @cs were a counter whose frequency is lower by that much. The multiplier of such a
 * counter need not be a whole number. The number of cycles in an NTP interval
 * is computed from the exact rate; what they are in time is what the exact
 * multiplier makes of them, and xtime_remainder is what they lack.
 *
 * The time line continues; the caller puts cycle_last where it belongs.
 *
 * Context: a write section
 */
void timens_tk_setup(struct timekeeper_ns *tn, struct clocksource *cs)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	u64 interval, exact, ntp = NTP_INTERVAL_LENGTH;
	u32 mult, shift;
	int up;

	if (!timens_tk_is_rated(tn)) {
		timens_tk_mult_shift(cs, &mult, &shift);
		tk_setup_internals(tk, cs, mult, shift);
	} else {
		timens_tk_rate_mult_shift(cs, tn->rate, &mult, &shift);
		tk_setup_internals(tk, cs, mult, shift);
		interval = mul_u64_u64_div_u64(ntp << cs->shift, tn->rate.den,
					       (u64)cs->mult * tn->rate.num);
		interval = max(interval, 1);
		/* 1000 * 10^7 ns in units of 2^-30 ns are less than 2^64 */
		up = (int)shift - (int)cs->shift;
		exact = up >= 0 ? (u64)cs->mult << up : cs->mult;
		exact = mul_u64_u64_div_u64(interval * exact, tn->rate.num, tn->rate.den);
		if (up < 0)
			exact >>= -up;
		tk->cycle_interval = interval;
		tk->xtime_interval = interval * mult;
		tk->raw_interval = tk->xtime_interval;
		tk->xtime_remainder = (ntp << shift) - exact;
	}
	tn->max_cycles = timens_tk_max_cycles(mult, shift);
	/* Nothing computed the multiplier for the present tick length yet */
	tn->mult_tick = 0;
	timens_tk_set_span(tn);
}

/**
 * timens_tk_take - Take a clock over from the host
 * @tn:		The namespace
 * @host:	The clock to continue, locked by the caller
 * @offs:	The constant offsets of the namespace so far; that of CLOCK_MONOTONIC_RAW
 *		is timekeeper_ns::raw_offset already
 * @cycles:	Counter value of the switch, not before the host's last update
 *
 * All clocks are continuous: the line of the host is continued with finer
 * resolution, its frequency, tick, TAI offset and slewing are inherited. A
 * PPS signal and a leap second which is armed are the host's alone.
 */
void timens_tk_take(struct timekeeper_ns *tn, const struct tk_data *host,
		    const struct timens_offsets *offs, u64 cycles)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	struct timespec64 boot;
	u32 mult, shift, extra;

	/* Under the lock of the host, where changes are recorded */
	WRITE_ONCE(tn->epoch, tn->log->epoch);
	*tk = host->timekeeper;
	tn->ntp = *host->ntp;
	ntp_take_over(&tn->ntp);

	tn->smear = (struct timens_smear){ 0 };
	tn->stopped = false;
	timens_tk_set_rate(tn, (struct timens_tk_rate){ 1, 1 });
	timens_tk_mult_shift(tk->tkr_mono.clock, &mult, &shift);
	extra = shift - tk->tkr_mono.shift;
	tk->tkr_mono.shift = shift;
	tk->tkr_mono.mult <<= extra;
	tk->tkr_mono.xtime_nsec <<= extra;
	tk->xtime_interval <<= extra;
	tk->xtime_remainder <<= extra;
	tk->ntp_err_mult <<= extra;
	tk->ntp_error_shift -= extra;
	/* What the host still owes its NTP time line does not concern this one */
	tk->ntp_error = 0;
	tn->cycle_now = tk->tkr_mono.cycle_last;
	/* Nothing computed the fine multiplier yet */
	tn->mult_tick = 0;
	tn->max_cycles = timens_tk_max_cycles(mult, shift);
	timens_tk_set_span(tn);

	tk_set_wall_to_mono(tk, timespec64_add(tk->wall_to_monotonic, offs->monotonic));
	boot = timespec64_sub(offs->boottime, offs->monotonic);
	tk_update_sleep_time(tk, timespec64_to_ktime(boot));
	tn->mono_ahead = max(offs->monotonic.tv_sec, 0);
	tn->tz = sys_tz;

	timens_tk_forward_to(tn, cycles);
}

/**
 * timens_tk_copy - Continue the line of another clock
 * @tn:		The clock
 * @from:	One which its namespace owns, locked by the caller
 */
void timens_tk_copy(struct timekeeper_ns *tn, const struct timekeeper_ns *from)
{
	tn->log = from->log;
	tn->epoch = from->epoch;
	tn->tkd.timekeeper = from->tkd.timekeeper;
	tn->ntp = from->ntp;
	tn->edge_step = from->edge_step;
	tn->edge_sec = from->edge_sec;
	tn->cycle_now = from->cycle_now;
	tn->max_cycles = from->max_cycles;
	tn->mult_tick = from->mult_tick;
	tn->raw = from->raw;
	tn->raw_offset = from->raw_offset;
	tn->batch_left = 0;
	timens_tk_set_rate(tn, from->rate);
	tn->batch_left = from->batch_left;
	tn->stopped = from->stopped;
	tn->stopped_at = from->stopped_at;
	tn->valid = from->valid;
	tn->page_valid = from->page_valid;
	tn->span = from->span;
	tn->mono_ahead = from->mono_ahead;
	tn->smear = from->smear;
	tn->tz = from->tz;
	tn->state = TIMENS_TK_OWN;
}

/**
 * timens_tk_raw_to - Bring CLOCK_MONOTONIC_RAW of a clock with a rate forward
 * @tn:		The namespace
 * @cycles:	Counter value
 *
 * Context: a write section
 */
void timens_tk_raw_to(struct timekeeper_ns *tn, u64 cycles)
{
	struct timens_tk_raw *raw = &tn->raw;
	u64 delta = timens_tk_delta(&tn->tkd.timekeeper.tkr_mono, cycles, raw->cycles);
	u64 second = (u64)NSEC_PER_SEC << raw->shift, n;

	raw->cycles += delta;
	n = mul_u64_u64_div_u64(delta, raw->mult, second);
	raw->sec += n;
	/* Both are below a second, of 2^60 units at the most */
	raw->xnsec += delta * raw->mult - n * second;
	while (raw->xnsec >= second) {
		raw->xnsec -= second;
		raw->sec++;
	}
}

/**
 * timens_tk_set_raw - Take CLOCK_MONOTONIC_RAW along
 * @tn:		The namespace
 * @raw:		The host's CLOCK_MONOTONIC_RAW
 *
 * Context: a write section, behind timens_tk_advance_to()
 */
void timens_tk_set_raw(struct timekeeper_ns *tn, const struct timens_tk_raw *raw)
{
	if (timens_tk_has_raw(tn))
		timens_tk_raw_to(tn, tn->cycle_now);
	else
		tn->raw = *raw;
}

/**
 * timens_tk_rescale_raw - Let CLOCK_MONOTONIC_RAW continue on a new scale
 * @tn:		The namespace, behind timens_tk_setup()
 * @cycles:	Counter value at which the clock is what it was, and stays if it stands
 *
 * Context: a write section
 */
void timens_tk_rescale_raw(struct timekeeper_ns *tn, u64 cycles)
{
	const struct tk_read_base *tkr = &tn->tkd.timekeeper.tkr_raw;
	int up = (int)tkr->shift - (int)tn->raw.shift;

	tn->raw.cycles = cycles;
	tn->raw.xnsec = up >= 0 ? tn->raw.xnsec << up : tn->raw.xnsec >> -up;
	tn->raw.mult = tn->stopped ? 0 : tkr->mult;
	tn->raw.shift = tkr->shift;
}

/**
 * timens_tk_rebase - Continue a clock on another counter
 * @tn:		The namespace, advanced to the change on the old counter
 * @cs:		The new clocksource
 * @raw:	The host's CLOCK_MONOTONIC_RAW on the new counter
 * @cycles:	Value of the new counter at the change
 *
 * As on the host, a change of the clocksource clears the NTP state except for
 * the frequency.
 */
void timens_tk_rebase(struct timekeeper_ns *tn, struct clocksource *cs,
		      const struct timens_tk_raw *raw, u64 cycles)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;

	if (timens_tk_has_raw(tn))
		timens_tk_raw_to(tn, tn->cycle_now);
	timens_tk_setup(tn, cs);
	tk->tkr_mono.cycle_last = cycles;
	tk->tkr_raw.cycle_last = cycles;
	if (timens_tk_has_raw(tn))
		timens_tk_rescale_raw(tn, cycles);
	else
		tn->raw = *raw;
	timens_tk_clear_ntp(tn);
	timens_tk_retune(tn, 0);
	tn->cycle_now = cycles;
	timens_tk_update_edge(tn);
}
