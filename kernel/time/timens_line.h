/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The line of a clock: what is small enough to be inlined, and what timens_line.c and
 * timens_scale.c give.
 *
 * Nothing here takes a lock. A caller either holds tkd.lock of the namespace, and
 * has begun a write section if it changes something, or reads and retries
 * (tkd.seq).
 *
 * The calm pass is here and not in timens_line.c because it is the hot path: it is
 * inlined into the tick, see "Calm passes" in timens_tick.c.
 */
#ifndef _KERNEL_TIME_TIMENS_LINE_H
#define _KERNEL_TIME_TIMENS_LINE_H

#include <linux/audit.h>
#include <linux/math64.h>

#include "ntp_internal.h"
#include "timekeeping_internal.h"
#include "timens_internal.h"

/*
 * What timens_scale.c gives
 */

void timens_tk_mult_shift(const struct clocksource *cs, u32 *mult, u32 *shift);
void timens_tk_rate_mult_shift(const struct clocksource *cs, struct timens_tk_rate rate,
			       u32 *mult, u32 *shift);
u64 timens_tk_max_cycles(u32 mult, u32 shift);
s64 timens_tk_scale(s64 d, u64 to, u64 from);
u64 timens_tk_cycles_to_host(const struct tk_data *host, u64 cycles);
u64 timens_tk_cycles_to_event(const struct tk_data *host, u64 cycles);
s64 timens_tk_ns_to_host(const struct tk_data *host, const struct timekeeper_ns *tn, s64 d);
void timens_tk_host_raw(const struct tk_data *host, struct timens_tk_raw *raw);

/*
 * What timens_line.c gives. Those which change a clock are called in a write
 * section, which ends with timens_tk_retune() and timens_tk_update_edge() unless
 * the function says that it does these.
 */

extern atomic64_t timens_tk_leaps;

/* The clocks at a counter value */
void timens_tk_line(const struct timekeeper *tk, clockid_t clk, u64 delta, struct timespec64 *ts);
void timens_tk_own_line(const struct timekeeper_ns *tn, clockid_t clk, u64 cycles,
			struct timespec64 *ts);
void timens_tk_add_smear(const struct timekeeper_ns *tn, struct timespec64 *ts);
void timens_tk_read_at(const struct timekeeper_ns *tn, clockid_t clk, u64 cycles,
		       struct timespec64 *ts);
s64 timens_tk_unsmeared(const struct timekeeper_ns *tn, u64 cycles);

/* A pass */
bool timens_tk_advance_to(struct timekeeper_ns *tn, u64 cycles, unsigned int *steps);
u64 timens_tk_cycles_to(const struct timekeeper_ns *tn, time64_t sec, u64 most);
u64 timens_tk_valid(const struct timekeeper_ns *tn);
u64 timens_tk_fast_cycles(const struct timekeeper_ns *tn, u64 most);
void timens_tk_set_raw(struct timekeeper_ns *tn, const struct timens_tk_raw *raw);
void timens_tk_settle(struct timekeeper_ns *tn);

/* A write */
void timens_tk_forward_to(struct timekeeper_ns *tn, u64 cycles);
void timens_tk_clear_ntp(struct timekeeper_ns *tn);
void timens_tk_retune(struct timekeeper_ns *tn, u64 offset);
void timens_tk_update_edge(struct timekeeper_ns *tn);
void timens_tk_take(struct timekeeper_ns *tn, const struct tk_data *host,
		    const struct timens_offsets *offs, u64 cycles);
void timens_tk_copy(struct timekeeper_ns *tn, const struct timekeeper_ns *from);
void timens_tk_rebase(struct timekeeper_ns *tn, struct clocksource *cs,
		      const struct timens_tk_raw *raw, u64 cycles);
void timens_tk_set_rate(struct timekeeper_ns *tn, struct timens_tk_rate rate);
void timens_tk_setup(struct timekeeper_ns *tn, struct clocksource *cs);
void timens_tk_raw_to(struct timekeeper_ns *tn, u64 cycles);
void timens_tk_rescale_raw(struct timekeeper_ns *tn, u64 cycles);
void timens_tk_took_leap(struct timekeeper_ns *tn, s32 step);

static inline bool timens_tk_is_rated(const struct timekeeper_ns *tn)
{
	return unlikely(tn->rate.num != tn->rate.den);
}

/* Whether CLOCK_MONOTONIC_RAW is the namespace's own, and not the host's with an offset */
static inline bool timens_tk_has_raw(const struct timekeeper_ns *tn)
{
	return timens_tk_is_rated(tn) || unlikely(tn->stopped);
}

/*
 * What @value of the host is for a clock at @rate, rounded down. A quotient which
 * does not fit into 64 bits is an exception of the CPU: at the highest rate a
 * hundred days of nanoseconds are that much.
 */
static inline u64 timens_tk_times(u64 value, struct timens_tk_rate rate)
{
	if (rate.num == rate.den)
		return value;
	if (unlikely(value > U64_MAX / TIMENS_TK_RATE_MAX))
		return S64_MAX;
	return mul_u64_u64_div_u64(value, rate.num, rate.den);
}

/* The reverse */
static inline u64 timens_tk_by(u64 value, struct timens_tk_rate rate)
{
	if (rate.num == rate.den)
		return value;
	if (unlikely(value > U64_MAX / TIMENS_TK_RATE_MIN))
		return S64_MAX;
	return mul_u64_u64_div_u64(value, rate.den, rate.num);
}

/* Cycles since @last; a counter which seems to have gone back stands still */
static inline u64 timens_tk_delta(const struct tk_read_base *tkr, u64 cycles, u64 last)
{
	return clocksource_delta(cycles, last, tkr->mask,
				 READ_ONCE(tkr->clock)->max_raw_delta);
}

static inline u64 timens_tk_second(const struct timekeeper *tk)
{
	return (u64)NSEC_PER_SEC << tk->tkr_mono.shift;
}

/* Whether NTP has no phase to take off, so that no second bends the line */
static inline bool timens_tk_is_even(const struct timekeeper_ns *tn)
{
	const struct ntp_data *ntp = &tn->ntp;

	return !ntp->time_adjust && !ntp->time_offset && ntp->tick_length == ntp->tick_length_base;
}

/* Whether the line ends before @cycles: see timens_tk_valid() */
static inline bool timens_tk_is_beyond(const struct timekeeper_ns *tn, u64 cycles)
{
	return timens_tk_delta(&tn->tkd.timekeeper.tkr_mono, cycles, tn->cycle_now) > tn->valid;
}

static inline bool timens_tk_is_fast(const struct timekeeper_ns *tn)
{
	return unlikely(tn->rate.num > tn->rate.den);
}

static inline u64 timens_tk_counter(const struct timekeeper_ns *tn)
{
	struct clocksource *cs = READ_ONCE(tn->tkd.timekeeper.tkr_mono.clock);

	return cs->read(cs);
}

/*
 * timens_tk_advance_to() for a clock which is calm until the second @until. The
 * arithmetic is that of timens_tk_accumulate() and timens_tk_retune(), without
 * what is known not to happen.
 *
 * Return: false if this clock needs the full way; nothing was changed then
 */
static inline bool timens_tk_advance_calm(struct timekeeper_ns *tn, u64 cycles, time64_t until)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	struct tk_read_base *tkr = &tk->tkr_mono;
	u64 nsecps = timens_tk_second(tk), offset, n, xnsec, secs = 0;
	s64 error, short_of;
	s32 adj;

	offset = timens_tk_delta(tkr, cycles, tn->cycle_now);
	offset += (tn->cycle_now - tkr->cycle_last) & tkr->mask;
	/* The product below fits, and that of a mask which is wrapped is not taken */
	if (unlikely(offset > tn->max_cycles))
		return false;

	n = div64_u64(offset, tk->cycle_interval);
	offset -= n * tk->cycle_interval;
	xnsec = tkr->xtime_nsec + n * tk->xtime_interval;
	for (; xnsec >= nsecps; secs++)
		xnsec -= nsecps;
	if (unlikely((time64_t)(tk->xtime_sec + secs) > until))
		return false;

	short_of = tk->ntp_tick - ((tk->xtime_interval + tk->xtime_remainder) <<
				   tk->ntp_error_shift);
	error = tk->ntp_error + n * short_of;
	short_of = error >> tk->ntp_error_shift;
	if (unlikely(abs(short_of) > (s64)tn->span))
		return false;
	adj = (short_of > 0) - (s32)tk->ntp_err_mult;
	if (adj) {
		/* See timens_tk_retune() */
		xnsec -= (s64)offset * adj;
		if (unlikely((s64)xnsec < 0))
			return false;
		tk->ntp_err_mult += adj;
		tkr->mult += adj;
		tk->xtime_interval += (s64)tk->cycle_interval * adj;
		error += ((s64)offset * adj) << tk->ntp_error_shift;
	}

	tkr->cycle_last += n * tk->cycle_interval;
	tkr->xtime_nsec = xnsec;
	tk->ntp_error = error;
	tn->cycle_now = tkr->cycle_last + offset;
	if (secs) {
		tk->xtime_sec += secs;
		ntp_skip_seconds(&tn->ntp, secs);
	}
	return true;
}
#endif /* _KERNEL_TIME_TIMENS_LINE_H */
