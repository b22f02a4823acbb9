// SPDX-License-Identifier: GPL-2.0
/*
 * The rate of a clock of a time namespace
 *
 * A clock with a rate runs at a multiple of the host's; timens_line.c does its
 * arithmetic. This file changes the rate, which also gives the namespace a
 * CLOCK_MONOTONIC_RAW of its own, and says where a rate above one ends.
 *
 *
 * The far end of time
 * -------------------
 *
 * A ktime ends in 2262. The host's clock may be set up to thirty years before,
 * for a machine does not run for longer, and no sleep with a definite end
 * reaches beyond. A clock with a rate of 2000 passes these years in five days.
 * So a rate above one ends where the host's clock could not be set any more,
 * and nobody sets one there: what is left of the time is for a clock that runs
 * as the host's. CLOCK_MONOTONIC and BOOTTIME count as well, as a constant
 * offset may have put them ahead by a century.
 *
 *
 * A clock which stands
 * --------------------
 *
 * That is a rate of zero. The line keeps its slope, with which it goes on: what stands is
 * the counter value at which it is read (timens_tk_own_line()). No advance moves it
 * (timens_tk_not_before_bend()), it never ends (timens_tk_valid()), so nobody brings it
 * to the present and no pass is needed: it leaves the calendar. Outside of the line its
 * multiplier is zero: in the page, so that the fast path reads it, and in
 * timens_tk_read_pair(), so that timers stand where none ever comes from (KTIME_MAX) and
 * cost no interrupt. CLOCK_MONOTONIC_RAW becomes one of the namespace, as with a rate,
 * and its multiplier is zero as well.
 *
 * A leap second, a smear and NTP wait, since they wait for a second of the clock. What
 * is written to the clock holds while it stands. A sleep of the machine is none for it.
 * But it can go on as if the machine had slept for as long as it stood: then all clocks but
 * CLOCK_MONOTONIC and MONOTONIC_RAW have run on, and a leap second in between is taken.
 *
 *   CPU 0 (stop)                         CPU 1 (arms a timer)
 *                                        lock list
 *                                        read the clock: it goes
 *   lock the clock, stopped, unlock      start the hrtimer, unlock
 *   walk: lock list, park it
 *
 * or CPU 1 has the list later, and parks it itself.
 *
 *   CPU 0 (stop)                         CPU 1 (expiry)
 *                                        hrtimer is dequeued, callback runs
 *   lock the clock, stopped, unlock
 *   walk: not queued, leave it
 *                                        lock list, read the clock: there, so it
 *                                        expires; or not there yet: park it
 *
 *   CPU 0 (stop)                         CPU 1 (pass)
 *                                        lock calendar, take it off, lock the clock
 *   lock the clock: wait                 advance, unlock
 *   stopped, unlock                      queue it
 *                                        the next pass moves nothing, and does not
 *                                        queue it
 *   CPU 0 (go)
 *   lock the clock, go on, unlock
 *   lock calendar: is it queued?         (a pass holds that lock until it is)
 *   no: queue it
 *
 * Who follows the host again, or exits, takes the clock off the calendar under that lock
 * and the mutex of the clock, which stop and go have: so none of them comes in between.
 */
#include <linux/gcd.h>
#include <linux/math64.h>
#include <linux/timekeeping.h>

#include "timens_line.h"

/**
 * timens_tk_make_rate - Make a rate of two numbers
 * @num:	Numerator
 * @den:	Denominator
 * @rate:	Storage for the rate, as a reduced fraction
 *
 * Return: 0 or -ERANGE
 */
int timens_tk_make_rate(u64 num, u64 den, struct timens_tk_rate *rate)
{
	u64 common;

	if (!num || !den)
		return -ERANGE;
	common = gcd(num, den);
	num = div64_u64(num, common);
	den = div64_u64(den, common);
	if (num > TIMENS_TK_RATE_PART || den > TIMENS_TK_RATE_PART ||
	    num > den * TIMENS_TK_RATE_MAX || den > num * TIMENS_TK_RATE_MIN)
		return -ERANGE;
	*rate = (struct timens_tk_rate){ num, den };
	return 0;
}

/**
 * timens_tk_raw_ahead - CLOCK_MONOTONIC_RAW of a namespace less that of the host
 * @tn:		The namespace
 * @raw:		The host's CLOCK_MONOTONIC_RAW
 * @cycles:	Counter value
 *
 * Context: under the lock of the clock
 * Return: the difference at @cycles
 */
struct timespec64 timens_tk_raw_ahead(struct timekeeper_ns *tn,
				      const struct timens_tk_raw *raw, u64 cycles)
{
	u64 delta = timens_tk_delta(&tn->tkd.timekeeper.tkr_mono, cycles, raw->cycles), nsec;
	struct timespec64 own, host;
	u32 rem;

	nsec = mul_u64_u32_add_u64_shr(delta, raw->mult, raw->xnsec, raw->shift);
	host.tv_sec = raw->sec + div_u64_rem(nsec, NSEC_PER_SEC, &rem);
	host.tv_nsec = rem;
	timens_tk_read_at(tn, CLOCK_MONOTONIC_RAW, cycles, &own);
	return timespec64_sub(own, host);
}

/**
 * timens_tk_put_raw - Set CLOCK_MONOTONIC_RAW of a clock with a rate
 * @tn:		The namespace
 * @raw:		The host's CLOCK_MONOTONIC_RAW
 * @ahead:	What it shall be ahead of that
 * @cycles:	Counter value at which it is
 *
 * Context: a write section
 */
void timens_tk_put_raw(struct timekeeper_ns *tn, const struct timens_tk_raw *raw,
		       struct timespec64 ahead, u64 cycles)
{
	tn->raw = *raw;
	timens_tk_raw_to(tn, cycles);
	tn->raw.sec += ahead.tv_sec;
	tn->raw.xnsec += (u64)ahead.tv_nsec << raw->shift;
	timens_tk_rescale_raw(tn, cycles);
	tn->raw_offset = (struct timespec64){ 0 };
}

/**
 * timens_tk_fast_left - For how long a rate above one is allowed
 * @tn:		The namespace
 *
 * Context: under the lock of the clock
 * Return: seconds of the namespace; none if not positive
 */
time64_t timens_tk_fast_left(const struct timekeeper_ns *tn)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	time64_t real = tk->xtime_sec, mono, boot;

	/* Rounded up by a second each */
	mono = real + tk->wall_to_monotonic.tv_sec + 2;
	boot = mono + tk->monotonic_to_boot.tv_sec + 1;
	real += max(tk->tai_offset, 0);
	return TIME_SETTOD_SEC_MAX - max3(real, mono, boot);
}

/**
 * timens_tk_do_rate - Change the rate of an own clock
 * @tn:		The namespace, forwarded to the present and locked
 * @rate:	The new rate, in its range and reduced
 * @raw:	The host's CLOCK_MONOTONIC_RAW
 *
 * No clock steps. NTP state is kept: frequencies are relative to the rate.
 *
 * Return: 0, or -EINVAL for a rate above one at the far end of time
 */
int timens_tk_do_rate(struct timekeeper_ns *tn, struct timens_tk_rate rate,
		      const struct timens_tk_raw *raw)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	int skip = tk->skip_second_overflow;
	s64 error = tk->ntp_error;
	struct timespec64 ahead;
	u64 now = tn->cycle_now;

	if (rate.num == tn->rate.num && rate.den == tn->rate.den)
		return 0;
	if (rate.num > rate.den && timens_tk_fast_left(tn) <= 0)
		return -EINVAL;

	if (likely(!tn->stopped))
		ahead = timens_tk_raw_ahead(tn, raw, now);
	timens_tk_set_rate(tn, rate);
	timens_tk_setup(tn, tk->tkr_mono.clock);
	tk->tkr_mono.cycle_last = now;
	tk->tkr_raw.cycle_last = now;
	tk->ntp_error = error;
	tk->skip_second_overflow = skip;
	if (unlikely(tn->stopped)) {
		timens_tk_rescale_raw(tn, now);
	} else if (timens_tk_is_rated(tn)) {
		timens_tk_put_raw(tn, raw, ahead, now);
	} else {
		tn->raw = *raw;
		tn->raw_offset = ahead;
	}
	return 0;
}

/**
 * timens_tk_do_stop - Let all clocks of a namespace stand
 * @tn:		The namespace, forwarded to the present and locked
 * @raw:	The host's CLOCK_MONOTONIC_RAW
 * @boot:	The host's CLOCK_BOOTTIME (nsecs)
 *
 * Context: a write section
 */
void timens_tk_do_stop(struct timekeeper_ns *tn, const struct timens_tk_raw *raw, ktime_t boot)
{
	struct timespec64 ahead;

	if (tn->stopped)
		return;
	ahead = timens_tk_raw_ahead(tn, raw, tn->cycle_now);
	tn->stopped = true;
	tn->stopped_at = boot;
	/* As set by timens_tk_rescale_raw(), it is of the present scale, and stands */
	timens_tk_put_raw(tn, raw, ahead, tn->cycle_now);
	/* A line of the past ends here */
	tn->past.due = 0;
}

/**
 * timens_tk_do_go - Let the clocks of a namespace go on where they stand
 * @tn:		The namespace, locked
 * @raw:	The host's CLOCK_MONOTONIC_RAW
 * @cycles:	Counter value of the present
 * @boot:	The host's CLOCK_BOOTTIME (nsecs), if the clock has run on as while the machine
 *		sleeps; else KTIME_MAX
 *
 * Context: a write section
 */
void timens_tk_do_go(struct timekeeper_ns *tn, const struct timens_tk_raw *raw, u64 cycles,
		     ktime_t boot)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	struct timespec64 stood;

	if (!tn->stopped)
		return;
	tn->stopped = false;
	tk->tkr_mono.cycle_last = cycles;
	tk->tkr_raw.cycle_last = cycles;
	tn->cycle_now = cycles;
	tn->raw.cycles = cycles;
	tn->raw.mult = tk->tkr_raw.mult;
	if (!timens_tk_is_rated(tn)) {
		tn->raw_offset = timens_tk_raw_ahead(tn, raw, cycles);
		tn->raw = *raw;
	}
	tn->past.due = 0;
	if (boot == KTIME_MAX)
		return;
	stood = ktime_to_timespec64(max(ktime_sub(boot, tn->stopped_at), 0));
	timens_tk_update_edge(tn);
	timens_tk_add_sleep(tn, &stood);
}

/**
 * timens_tk_limit_rate - End a rate above one when its time has come
 * @tn:		The namespace
 * @raw:		The host's CLOCK_MONOTONIC_RAW
 *
 * Context: a write section, behind timens_tk_advance_to()
 */
static void timens_tk_limit_rate(struct timekeeper_ns *tn, const struct timens_tk_raw *raw)
{
	if (likely(!timens_tk_is_fast(tn)) || timens_tk_fast_left(tn) > 0)
		return;
	timens_tk_forward_to(tn, tn->cycle_now);
	timens_tk_do_rate(tn, (struct timens_tk_rate){ 1, 1 }, raw);
	timens_tk_retune(tn, 0);
	timens_tk_update_edge(tn);
}

/**
 * timens_tk_run_to - Advance a clock, and end its rate where that ends
 * @tn:		The namespace
 * @raw:	The host's CLOCK_MONOTONIC_RAW
 * @cycles:	Counter value of the present
 * @steps:	In: the steps which may be taken, out: what is left of them
 *
 * A rate above one ends at a second of the clock, and not when a pass comes.
 *
 * Context: a write section
 * Return: whether @cycles was reached
 */
bool timens_tk_run_to(struct timekeeper_ns *tn, const struct timens_tk_raw *raw, u64 cycles,
		      unsigned int *steps)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	bool there = true;
	u64 delta, most;

	if (unlikely(tn->stopped))
		return true;
	if (timens_tk_is_fast(tn)) {
		delta = timens_tk_delta(&tk->tkr_mono, cycles, tn->cycle_now);
		/* The second is seen by the interval which ends after it */
		most = timens_tk_fast_cycles(tn, delta) + 2 * tk->cycle_interval;
		if (most < delta) {
			cycles = tn->cycle_now + most;
			there = false;
		}
	}
	there &= timens_tk_advance_to(tn, cycles, steps);
	timens_tk_set_raw(tn, raw);
	timens_tk_limit_rate(tn, raw);
	return there;
}

/* What a clock counts while the machine sleeps (nsecs) */
static s64 timens_tk_asleep(const struct timekeeper_ns *tn, s64 sleep)
{
	s64 ns = timens_tk_times(sleep, tn->rate), room;

	if (likely(!timens_tk_is_fast(tn)))
		return ns;
	/* At its rate as far as that is allowed, as the host from there */
	room = clamp(timens_tk_fast_left(tn), 0, KTIME_SEC_MAX) * NSEC_PER_SEC;
	if (ns > room)
		ns = room + max(sleep - (s64)mul_u64_u64_div_u64(room, tn->rate.den, tn->rate.num),
				0);
	return ns;
}

/**
 * timens_tk_add_sleep - Account the time for which the host was suspended
 * @tn:		The namespace
 * @sleep:	Duration of the sleep
 *
 * CLOCK_REALTIME, TAI and BOOTTIME move on, MONOTONIC does not. A leap second
 * in the sleep is taken here, as its second is never accumulated. A clock which stands
 * does not notice.
 */
void timens_tk_add_sleep(struct timekeeper_ns *tn, const struct timespec64 *sleep)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	struct timespec64 slept = *sleep;
	s32 step;

	if (unlikely(tn->stopped))
		return;
	/* The clock goes on at its rate while the machine sleeps */
	if (timens_tk_is_rated(tn))
		slept = ns_to_timespec64(timens_tk_asleep(tn, timespec64_to_ns(sleep)));
	tk_add_sleep_time(tk, &slept);
	timens_smear_jump(&tn->smear, timens_tk_unsmeared(tn, tn->cycle_now));
	if (tn->edge_sec != TIME64_MAX && (time64_t)tk->xtime_sec >= tn->edge_sec) {
		/* An edge which is only predicted is armed by the second before it */
		if (tn->ntp.time_state == TIME_OK)
			tk_overflow_second(tk, &tn->ntp, tn->edge_sec - 1);
		step = tk_overflow_second(tk, &tn->ntp, tn->edge_sec);
		if (step)
			timens_tk_took_leap(tn, step);
	}
	timens_tk_update_edge(tn);
}
