// SPDX-License-Identifier: GPL-2.0
/*
 * One timekeeper per time namespace
 *
 * A time namespace either follows the host's clock, as time namespaces always
 * did, or owns one: a struct timekeeper with its own NTP state and vDSO page,
 * which is run by the same code as the host's. The first successful write
 * from inside makes it an owner, the word "follow" written to its
 * timens_clock file gives the clock back.
 *
 *
 * Publication
 * -----------
 *
 * The line of a clock is a point (counter value, time) and a slope
 * (mult, shift). Kernel readers take it from tkd.timekeeper under tkd.seq,
 * vDSO readers from the page under the page's own sequence count. Both are
 * written in one section, update_begin() to update_end().
 *
 * A pass bends the line, it must not break it. It may only choose the bend
 * after the readers of the old line have gone:
 *
 *   CPU 0 (pass)                         CPU 1 (vDSO reader)
 *                                        seq = even
 *   now = counter                        counter = now + d
 *   seq = odd
 *   bend the line at now                 time = old line at now + d
 *   seq = even                           seq unchanged?  no: retry
 *
 * That is fine, the reader retries. But with the counter read first and
 * "seq = odd" still in the store buffer of CPU 0, CPU 1 can finish on the old
 * line at now + d, and read the new line, which is lower there, next. So the
 * order is: seq = odd, full barrier, read the counter, bend.
 *
 * Everything before the bend belongs to the old line. The coarse clocks are
 * evaluated at the counter value of the host's last tick, which may lie
 * before the bend; they use the bend then (cycle_now). That is never before
 * what the old line gave, nor later than now.
 *
 *
 * The page
 * --------
 *
 *              seq    clock_mode   ns_state     read by
 *   follow     odd    TIMENS       FOLLOW       offset path, host's page
 *   own        even   the counter  OWN          do_hres(), unchanged
 *   edge       odd    TIMENS       OWN | EDGE   own line plus step, slow path
 *   smear      odd    TIMENS       also SMEAR   own line plus phase, slow path
 *   no counter even   NONE         any of OWN   coarse clocks alone
 *   update     odd    not TIMENS                spin
 *
 * offset[] of the first row and basetime[] of the others share their place.
 * A reader in the slow path holds no even count which a writer could
 * invalidate, so the odd count serves as one:
 *
 *   CPU 0 (switch follow -> own)         CPU 1 (reader in the slow path)
 *                                        seq = 1, clock_mode = TIMENS
 *   clock_mode = busy
 *   wmb
 *   seq = 3
 *   wmb
 *   basetime[] over offset[]             host time + offset[]: garbage
 *   wmb                                  rmb
 *   clock_mode = TSC                     seq != 1: start over
 *   wmb                                  seq = 3, TSC: spin
 *   seq = 4                              seq = 4: fast path
 *
 * A reader which sees seq = 3 cannot see the old clock_mode any more, as it
 * was replaced before; when it sees TIMENS, it is the one which was written
 * after the data.
 *
 *
 * Switch follow -> own
 * --------------------
 *
 * The host's timekeeper and NTP state are copied under the host's lock, at one
 * counter value. The finer multiplier of a namespace is that of the host with
 * more bits below, so the copy continues the host's line exactly:
 *
 *   CPU 0 (settime in the namespace)     CPU 1 (stop_machine: new clocksource)
 *   lock tk_core, calendar, namespace
 *   copy, state = own
 *   add to the list of owners
 *   unlock all
 *                                        lock tk_core, calendar
 *                                        re-base each owner on the list
 *
 * State and list change under the same lock, or the namespace could miss the
 * change and be left with the old counter.
 *
 *
 * Locking
 * -------
 *
 *   offset_lock (kernel/time/namespace.c)
 *     timekeeper_ns::mutex		writers in process context; state
 *       tk_core.lock			only to switch, and held by the host when
 *					its clocksource changes or it suspends
 *         timens_tk_cal.lock		calendar and list of owners
 *           timekeeper_ns::tkd.lock	timekeeper and NTP state of a namespace
 *             hrtimer base lock	wake_timer
 *           hrtimer base lock		the timer of the calendar
 *
 * The tick holds the calendar lock for a batch of at most the budget. It does
 * not wait for a namespace which is being set: the setter brings the clock up
 * to date anyway, and the pass is taken in the next tick.
 *
 *   CPU 0 (tick)                         CPU 1 (adjtimex in the namespace)
 *   lock calendar                        lock namespace
 *   trylock namespace: busy              advance to now, set
 *   queue it for the next tick           drop the lock
 *   unlock calendar                      lock calendar, next pass earlier?
 *
 * A setter takes the calendar lock after it has dropped that of the namespace.
 * In between the tick may take a pass; the queue then holds the result of
 * either order, and both are right, for a pass computes its successor from the
 * state which it finds.
 *
 *
 * Calendar
 * --------
 *
 * A namespace takes one pass in each interval, at its home: the tick, modulo
 * the interval, which had the fewest namespaces when it was chosen. One slot
 * of a ring per tick holds those which are due. What the budget does not cover
 * stays on the carry list, in order, and only a counter about to wrap
 * (deadline) overrides the budget. A timer of the calendar sees to it that there
 * is a next tick, even if the machine has become idle:
 *
 *   CPU 0 (woken by a wake timer)        9,968 others, whose timers fire, too
 *   end of idle: collect 10,000,
 *     take the passes of 32
 *                                        collected already: leave it to the tick
 *   idle again, no tick
 *   the timer of the calendar: 32 more
 *
 * A pass leaves alone a wake timer which comes in time for a leap second. That may
 * fire while the pass is under way, and must not take it for one still to come:
 *
 *   CPU 0 (tick)                         CPU 1 (wake timer of the namespace)
 *   collect: due <= tick
 *   lock namespace, pass                 expires, lock namespace: wait
 *   the timer is queued: leave it
 *   due = the next home, unlock
 *                                        due > tick: not collected. Look again,
 *                                          take a pass and arm the timer
 *
 * With the lock in other hands first, it is the tick which finds it taken: it
 * queues the pass for the next tick, and arms the timer of the calendar.
 *
 * While the PLL or adjtime() slew, the slope changes at each second of the
 * namespace, and the pass moves to that second (aligned). When all CPUs idle
 * there is no tick, and the slope would last until one comes: the wake timer
 * takes the pass then.
 *
 *
 * Calm passes
 * -----------
 *
 * Most clocks are set once and then only run: nothing is slewed, no leap second
 * is armed or smeared, and for seconds to come, or for ever, the NTP machine
 * would do no more than age the clock. A full pass finds that out and notes in
 * calm_until up to which second it holds. Until then a pass goes a short way: it
 * moves the point of the line, chooses between the two slopes, and writes what
 * these change into the page. The result is the same to the last bit as that of
 * a full pass.
 *
 * What was found holds as long as nobody writes. Each write section thus forgets
 * it first (update_begin()), and only a pass notes it anew, both under tkd.lock:
 *
 *   CPU 0 (tick)                         CPU 1 (adjtimex in the namespace)
 *   lock namespace                       lock namespace: wait
 *   calm: short pass, calm_until stays
 *   unlock
 *                                        calm_until = 0, slew
 *                                        unlock
 *   lock namespace
 *   not calm: full pass, which finds that it slews
 *
 * Neither a timer nor the wake timer depends on it: a calm clock has no slope
 * that must end, and no edge to publish.
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
 * A pass publishes it up to three seconds ahead. When the machine is idle
 * there is no tick, hence no pass, and a task woken late would find a page
 * without the edge; the wake timer of the namespace sees to it.
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
 * A rate is written along with the moment from which on it holds (rate_host), or a
 * reader could apply the new one to what came before.
 *
 *
 * Stamps
 * ------
 *
 * A packet carries the CLOCK_REALTIME of the host, taken when nobody knew who
 * would read it. When it is delivered, its age is what the host's clock has
 * run since; scaled by the rates, it goes back from the present of the
 * reader's clock. But the host's clock may have been set meanwhile, which is
 * no business of an owner:
 *
 *   CLOCK_REALTIME of the host
 *      |         /                epoch   start   possible CLOCK_MONOTONIC
 *      |    s.../....                 1      t1   t1 .. t2
 *      |       / .   /                2      t2   t2 .. now
 *      |      /  .  /
 *      |     /   . /              s was read in epoch 1: in 2 it lies in the
 *      |    /    ./               future, until the clock has caught up with s
 *      +---+-----+------- CLOCK_MONOTONIC
 *         t1     t2
 *
 * A log keeps the last steps of CLOCK_REALTIME against MONOTONIC. A stamp
 * belongs to the youngest epoch in which the clock can have read it. After a
 * step forward that is never in doubt. After a step back it is wrong for a
 * packet which waited for as long as the clock was set back.
 *
 * A sleep of the machine moves CLOCK_REALTIME against MONOTONIC as well, on
 * both sides alike: an entry has the sleep before it in offs_boot.
 *
 *
 * Lifetime
 * --------
 *
 * A timekeeper_ns is allocated with its time namespace and freed with it. The
 * namespace is alive as long as a task, a descriptor or a mount refers to it,
 * so readers and writers in task context need no reference of their own. The
 * tick finds it through the calendar, which it leaves under the calendar lock
 * before it is freed; the wake timer is cancelled synchronously after that.
 *
 *   CPU 0 (last reference goes)          CPU 1 (tick)
 *                                        lock calendar
 *   lock calendar: wait                  pass, queue
 *                                        drop the lock
 *   leave calendar and list, unlock
 *   cancel the wake timer, free          never sees it again
 */
#include <linux/audit.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/debugfs.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/gcd.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>

#include <vdso/helpers.h>

#include "ntp_internal.h"
#include "timekeeping.h"
#include "timekeeping_internal.h"
#include "timens_tk_internal.h"

#define CREATE_TRACE_POINTS
#include <trace/events/timens_tk.h>

/*
 * Creating and destroying the only owner over and over must not patch the
 * kernel's text, which interrupts every CPU, more often than once in minutes.
 */
DEFINE_STATIC_KEY_DEFERRED_FALSE(timens_tk_key, TIMENS_TK_KEY_LINGER);
/* Inline helpers of the network stack look at it */
EXPORT_SYMBOL_GPL(timens_tk_key);

static atomic64_t timens_tk_patched;

/**
 * timens_tk_key_inc - Need what is behind a static key
 * @key:	The key
 *
 * Counts how often that patches the text of the kernel.
 *
 * Context: process context
 */
void timens_tk_key_inc(struct static_key_false *key)
{
	if (!static_key_enabled(key))
		atomic64_inc(&timens_tk_patched);
	static_branch_inc(key);
}

static struct timens_tk_calendar timens_tk_cal = {
	.lock	= __RAW_SPIN_LOCK_UNLOCKED(timens_tk_cal.lock),
};

/* The next larger size of kmalloc() would take a quarter more */
static struct kmem_cache *timens_tk_cache __ro_after_init;

/*
 * Arithmetic
 */

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

static inline bool timens_tk_is_rated(const struct timekeeper_ns *tn)
{
	return unlikely(tn->rate.num != tn->rate.den);
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

/**
 * timens_tk_rate_mult_shift - The multiplier of a clock with a rate
 * @cs:		The clocksource
 * @rate:	The rate
 * @mult:	Storage for the multiplier
 * @shift:	Storage for the shift
 *
 * As many bits as fit below TIMENS_TK_MULT_BITS, and a scale of at most
 * TIMENS_TK_MAX_SHIFT. A fast clock gets a coarser scale instead of a shorter
 * horizon. The multiplier is rounded, which timens_tk_setup() makes up for.
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

/* The duration @d (in any unit) of a clock with multiplier @from on one with @to */
static s64 timens_tk_scale(s64 d, u64 to, u64 from)
{
	u64 mag = abs(d);

	if (to == from)
		return d;
	if (mag >= div64_u64(S64_MAX, div64_u64(to, from) + 1))
		mag = S64_MAX;
	else
		mag = mul_u64_u64_div_u64(mag, to, from);
	return d < 0 ? -(s64)mag : mag;
}

/*
 * What a duration is on the host's CLOCK_MONOTONIC, on which timers and ticks
 * stand, if both clocks go on as they do now. The slope of the host is taken
 * without its lock: one which is being changed is followed by
 * timens_tk_watch_host(), and what was computed with it is computed again.
 */
static u64 timens_tk_cycles_to_host(const struct tk_data *host, u64 cycles)
{
	const struct tk_read_base *tkr = &host->timekeeper.tkr_mono;

	return mul_u64_u32_shr(cycles, READ_ONCE(tkr->mult), READ_ONCE(tkr->shift));
}

/*
 * The same for a timer on an idle machine. The next interrupt is programmed in
 * nanoseconds which nobody steers: to a host which is made faster, it comes late by
 * a part of the distance. Come early instead, and look again.
 */
static u64 timens_tk_cycles_to_event(const struct tk_data *host, u64 cycles)
{
	const struct tk_read_base *tkr = &host->timekeeper.tkr_mono;
	u32 mult = min(READ_ONCE(tkr->mult), READ_ONCE(tkr->clock)->mult);

	return mul_u64_u32_shr(cycles, mult, READ_ONCE(tkr->shift));
}

/* The same for @d nanoseconds of the namespace, on CLOCK_MONOTONIC or REALTIME */
static s64 timens_tk_ns_to_host(const struct tk_data *host, const struct timekeeper_ns *tn, s64 d)
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

/*
 * The NTP error is what the clock lacks against the NTP time line. Two units
 * of the multiplier over a second are left to the quantisation and dithered,
 * as the host's is. A larger error stems from a pass which came after the
 * second at which the slope changed, or from the host before the switch. Half
 * of it is made up by the next pass, which timens_tk_arm_wake() guarantees to
 * come within little more than a second as long as there is such an error:
 * whatever the phase of the passes, the rest shrinks and cannot swing.
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

/* True while timens_tk_correction() makes up for more than quantisation */
static inline bool timens_tk_is_behind(const struct timekeeper *tk)
{
	return tk->ntp_err_mult > 1;
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

/*
 * Set the slope for the time from the last accumulated interval plus @offset
 * cycles on. The time there does not change.
 */
static void timens_tk_retune(struct timekeeper_ns *tn, u64 offset)
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

static atomic64_t timens_tk_steps, timens_tk_leaps;

static void timens_tk_took_leap(struct timekeeper_ns *tn, s32 step)
{
	atomic64_inc(&timens_tk_leaps);
	trace_timens_tk_leap(tn->ns ? tn->ns->ns.inum : 0, step,
			     tn->tkd.timekeeper.xtime_sec);
}

/* Carry full seconds over to xtime_sec, NTP and leap seconds included */
static void timens_tk_carry_seconds(struct timekeeper_ns *tn)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	s32 tai = tk->tai_offset;

	if (tk_accumulate_seconds(tk, &tn->ntp))
		timens_tk_took_leap(tn, tai - tk->tai_offset);
	tk->ntp_tick = timens_tk_tick(tn, ntp_tick_length(&tn->ntp));
}

/*
 * Accumulate all whole NTP intervals up to @cycles, which is not before the last
 * bend, and return the rest in cycles. The NTP second is processed at the first
 * interval after it, as if there had been a pass in every tick. Seconds in which
 * NTP has nothing to do are taken together, as many as fit into 64 bits along
 * with two more, which bounds the time that a catch-up after hours takes:
 *
 *   7 * 10^9 * 2^30 + 2 * 10^9 * 2^30 < 2^64
 *
 * A fast clock has a coarser scale, and more of them fit.
 */
static s64 timens_tk_most_steady(const struct timekeeper *tk)
{
	int finer = (int)tk->tkr_mono.shift - TIMENS_TK_MAX_SHIFT;

	return finer <= 0 ? 7LL << -finer : 7 >> finer;
}

static u64 timens_tk_accumulate(struct timekeeper_ns *tn, u64 cycles)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	u64 nsecps = timens_tk_second(tk);
	u64 offset = (cycles - tk->tkr_mono.cycle_last) & tk->tkr_mono.mask;

	while (offset >= tk->cycle_interval) {
		u64 n = div64_u64(offset, tk->cycle_interval);
		u64 rest = nsecps - tk->tkr_mono.xtime_nsec;
		u64 k = div64_u64(rest + tk->xtime_interval - 1, tk->xtime_interval);
		u64 steady = 0;

		if (n > k && !tk->skip_second_overflow)
			steady = min(ntp_steady_seconds(&tn->ntp, tk->xtime_sec),
				     timens_tk_most_steady(tk));
		if (steady)
			k = div64_u64(steady * nsecps + rest - 1, tk->xtime_interval);
		n = min(n, k);

		offset -= n * tk->cycle_interval;
		tk->tkr_mono.cycle_last += n * tk->cycle_interval;
		tk->tkr_mono.xtime_nsec += n * tk->xtime_interval;
		tk->ntp_error += n * (tk->ntp_tick - ((tk->xtime_interval + tk->xtime_remainder) <<
						      tk->ntp_error_shift));
		if (steady) {
			u64 secs = div64_u64(tk->tkr_mono.xtime_nsec, nsecps);

			tk->tkr_mono.xtime_nsec -= secs * nsecps;
			tk->xtime_sec += secs;
			ntp_skip_seconds(&tn->ntp, secs);
		} else if (tk->tkr_mono.xtime_nsec >= nsecps) {
			timens_tk_carry_seconds(tn);
		}
	}
	return offset;
}

/* A counter which seems to have gone back stands still at the last bend */
static u64 timens_tk_not_before_bend(const struct timekeeper_ns *tn, u64 cycles)
{
	return tn->cycle_now + timens_tk_delta(&tn->tkd.timekeeper.tkr_mono, cycles, tn->cycle_now);
}

static void timens_tk_own_line(const struct timekeeper_ns *tn, clockid_t clk, u64 cycles,
			       struct timespec64 *ts);

/* CLOCK_REALTIME without a smear at @cycles (nsecs) */
static s64 timens_tk_unsmeared(const struct timekeeper_ns *tn, u64 cycles)
{
	struct timespec64 ts;

	timens_tk_own_line(tn, CLOCK_REALTIME, cycles, &ts);
	return timespec64_to_ns(&ts);
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
	step = timens_smear_update(s, real, edge, step, max(tn->pass_nsecs, NSEC_PER_SEC));
	if (step)
		timens_tk_smear_done(tn, step);
	if (s->state != state)
		trace_timens_tk_smear(tn->ns ? tn->ns->ns.inum : 0, s->state, s->phase, s->end);
}

/* The edge as readers need it; see "Leap seconds" */
static void timens_tk_update_edge(struct timekeeper_ns *tn)
{
	time64_t edge = ntp_next_edge(&tn->ntp, tn->tkd.timekeeper.xtime_sec, &tn->edge_step);

	if (unlikely(tn->ntp.leap_is_smeared)) {
		timens_tk_update_smear(tn, edge, tn->edge_step);
		edge = TIME64_MAX;
	}
	tn->edge_sec = edge;
}

/* Advance to @cycles on the grid of NTP intervals, as the tick does */
static void timens_tk_advance_to(struct timekeeper_ns *tn, u64 cycles)
{
	u64 offset = timens_tk_accumulate(tn, timens_tk_not_before_bend(tn, cycles));

	timens_tk_retune(tn, offset);
	tn->cycle_now = tn->tkd.timekeeper.tkr_mono.cycle_last + offset;
	timens_tk_update_edge(tn);
}

/*
 * Note up to which second a pass has nothing to do but to move the line. The
 * multiplier is then the one for the present tick length, or one more.
 */
static void timens_tk_settle(struct timekeeper_ns *tn)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	s64 steady;

	if (timens_tk_is_rated(tn) || tn->edge_sec != TIME64_MAX ||
	    tn->smear.state != TIMENS_SMEAR_NONE || tk->skip_second_overflow ||
	    tk->ntp_err_mult > 1 || tn->mult_tick != ntp_tick_length(&tn->ntp) ||
	    tk->ntp_tick != tn->mult_tick)
		return;
	steady = ntp_steady_seconds(&tn->ntp, tk->xtime_sec);
	if (steady > 0)
		tn->calm_until = steady == S64_MAX ? TIME64_MAX : (time64_t)tk->xtime_sec + steady;
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

/*
 * Advance to @cycles exactly, with the part of an interval which is left, and
 * start a new interval there. What NTP expects of that part is accounted, so
 * that nothing is lost however often a clock is set.
 */
static void timens_tk_forward_to(struct timekeeper_ns *tn, u64 cycles)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	u64 offset = timens_tk_accumulate(tn, timens_tk_not_before_bend(tn, cycles));
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

/* What depends on the rate alone */
static void timens_tk_set_rate(struct timekeeper_ns *tn, struct timens_tk_rate rate)
{
	u32 most = TIMENS_TK_HORIZON * HZ;

	tn->rate = rate;
	/* A line of the past ends here */
	tn->past.due = 0;
	/* A horizon of seconds of the namespace, if that is less than one of the host */
	tn->pass_ticks = 0;
	tn->pass_nsecs = timens_tk_times(NSEC_PER_SEC, rate);
	if (rate.num / TIMENS_TK_HORIZON >= rate.den) {
		tn->pass_ticks = max(timens_tk_by(most, rate), 1);
		tn->pass_nsecs = timens_tk_times((u64)tn->pass_ticks * TICK_NSEC, rate);
	}
	tn->ahead = TIMENS_TK_EDGE_AHEAD * DIV_ROUND_UP(rate.num, rate.den);
}

/* See timens_tk_correction() */
static void timens_tk_set_span(struct timekeeper_ns *tn)
{
	u64 second = tn->tkd.timekeeper.cycle_interval * NTP_INTERVAL_FREQ;

	if (timens_tk_is_rated(tn))
		tn->span = 2 * min(timens_tk_times(second, tn->rate),
				   TIMENS_TK_HORIZON * second);
	else
		tn->span = 2 * second;
}

/*
 * Let the timekeeper count @cs at the rate of the namespace, as if it were a
 * counter whose frequency is lower by that much. The multiplier of such a
 * counter need not be a whole number. The number of cycles in an NTP interval
 * is computed from the exact rate; what they are in time is what the exact
 * multiplier makes of them, and xtime_remainder is what they lack.
 *
 * The time line continues; the caller puts cycle_last where it belongs.
 */
static void timens_tk_setup(struct timekeeper_ns *tn, struct clocksource *cs)
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
 * @offs:	The constant offsets of the namespace so far
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

	*tk = host->timekeeper;
	tn->ntp = *host->ntp;
	ntp_take_over(&tn->ntp);

	tn->smear = (struct timens_smear){ 0 };
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
	/* What the host still owes its NTP time line is no matter of this one */
	tk->ntp_error = 0;
	tn->cycle_now = tk->tkr_mono.cycle_last;
	/* Nothing computed the fine multiplier yet */
	tn->mult_tick = 0;
	tn->max_cycles = timens_tk_max_cycles(mult, shift);
	timens_tk_set_span(tn);

	tk_set_wall_to_mono(tk, timespec64_add(tk->wall_to_monotonic, offs->monotonic));
	boot = timespec64_sub(offs->boottime, offs->monotonic);
	tk_update_sleep_time(tk, timespec64_to_ktime(boot));
	tn->raw_offset = offs->raw;
	tn->mono_ahead = max(offs->monotonic.tv_sec, 0);
	tn->tz = sys_tz;

	timens_tk_forward_to(tn, cycles);
}

/* CLOCK_MONOTONIC_RAW of a clock with a rate is its own: bring it to @cycles */
static void timens_tk_raw_to(struct timekeeper_ns *tn, u64 cycles)
{
	struct timens_tk_raw *raw = &tn->raw;
	u64 delta = timens_tk_delta(&tn->tkd.timekeeper.tkr_mono, cycles, raw->cycles);
	u64 second = (u64)NSEC_PER_SEC << raw->shift, n;

	raw->cycles += delta;
	while (delta) {
		/* Below a second plus half of the range */
		n = min(delta, div64_u64(U64_MAX / 2, raw->mult));
		delta -= n;
		raw->xnsec += n * raw->mult;
		n = div64_u64(raw->xnsec, second);
		raw->xnsec -= n * second;
		raw->sec += n;
	}
}

static void timens_tk_set_raw(struct timekeeper_ns *tn, const struct timens_tk_raw *raw)
{
	if (timens_tk_is_rated(tn))
		timens_tk_raw_to(tn, tn->cycle_now);
	else
		tn->raw = *raw;
}

/* CLOCK_MONOTONIC_RAW at @cycles becomes what it was, on a new scale */
static void timens_tk_rescale_raw(struct timekeeper_ns *tn, u64 cycles)
{
	const struct tk_read_base *tkr = &tn->tkd.timekeeper.tkr_raw;
	int up = (int)tkr->shift - (int)tn->raw.shift;

	tn->raw.cycles = cycles;
	tn->raw.xnsec = up >= 0 ? tn->raw.xnsec << up : tn->raw.xnsec >> -up;
	tn->raw.mult = tkr->mult;
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

	if (timens_tk_is_rated(tn))
		timens_tk_raw_to(tn, tn->cycle_now);
	timens_tk_setup(tn, cs);
	tk->tkr_mono.cycle_last = cycles;
	tk->tkr_raw.cycle_last = cycles;
	if (timens_tk_is_rated(tn))
		timens_tk_rescale_raw(tn, cycles);
	else
		tn->raw = *raw;
	ntp_clear(&tn->ntp);
	timens_tk_retune(tn, 0);
	tn->cycle_now = cycles;
	timens_tk_update_edge(tn);
}

/*
 * The far end of time
 *
 * A ktime ends in 2262. The host's clock may be set up to thirty years before,
 * for a machine does not run for longer, and no sleep with a definite end
 * reaches beyond. A clock with a rate of 2000 passes these years in five days.
 * So a rate above one ends where the host's clock could not be set any more,
 * and nobody sets one there: what is left of the time is for a clock that runs
 * as the host's. CLOCK_MONOTONIC and BOOTTIME count as well, as a constant
 * offset may have put them ahead by a century.
 */

/* Seconds for which a rate above one is allowed, none if not positive */
static time64_t timens_tk_fast_left(const struct timekeeper_ns *tn)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	time64_t real = tk->xtime_sec, mono, boot;

	/* Rounded up by a second each */
	mono = real + tk->wall_to_monotonic.tv_sec + 2;
	boot = mono + tk->monotonic_to_boot.tv_sec + 1;
	real += max(tk->tai_offset, 0);
	return TIME_SETTOD_SEC_MAX - max3(real, mono, boot);
}

static inline bool timens_tk_is_fast(const struct timekeeper_ns *tn)
{
	return unlikely(tn->rate.num > tn->rate.den);
}

/* End a rate above one when its time has come. In a write section */
static void timens_tk_limit_rate(struct timekeeper_ns *tn, const struct timens_tk_raw *raw)
{
	if (likely(!timens_tk_is_fast(tn)) || timens_tk_fast_left(tn) > 0)
		return;
	timens_tk_forward_to(tn, tn->cycle_now);
	timens_tk_do_rate(tn, (struct timens_tk_rate){ 1, 1 }, raw);
	timens_tk_retune(tn, 0);
	timens_tk_update_edge(tn);
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
 * in the sleep is taken here, as its second is never accumulated.
 */
void timens_tk_add_sleep(struct timekeeper_ns *tn, const struct timespec64 *sleep)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	struct timespec64 slept = *sleep;
	s32 step;

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

/*
 * Reading
 */

/* What CLOCK_REALTIME reads when the timekeeper alone would say @sec */
static inline time64_t timens_tk_leap(const struct timekeeper_ns *tn, time64_t sec)
{
	return unlikely(sec >= tn->edge_sec) ? sec + tn->edge_step : sec;
}

static void timens_tk_line(const struct timekeeper *tk, clockid_t clk, u64 delta,
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

/* An own clock at @cycles, without the step of a leap second to come */
static void timens_tk_own_line(const struct timekeeper_ns *tn, clockid_t clk, u64 cycles,
			       struct timespec64 *ts)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	u64 delta = timens_tk_delta(&tk->tkr_mono, cycles, tn->cycle_now);

	delta += (tn->cycle_now - tk->tkr_mono.cycle_last) & tk->tkr_mono.mask;
	timens_tk_line(tk, clk, delta, ts);
}

static void timens_tk_add_smear(const struct timekeeper_ns *tn, struct timespec64 *ts)
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

static inline u64 timens_tk_counter(const struct timekeeper_ns *tn)
{
	struct clocksource *cs = READ_ONCE(tn->tkd.timekeeper.tkr_mono.clock);

	return cs->read(cs);
}

/*
 * Counter value of the host's last tick. It is one word, but a reader must not
 * get an old one while the page of the host has the new one already.
 */
static u64 timens_tk_last_tick(void)
{
	unsigned int seq;
	u64 cycles;

	do {
		seq = read_seqcount_begin(&tk_core.seq);
		cycles = tk_core.timekeeper.tkr_mono.cycle_last;
	} while (read_seqcount_retry(&tk_core.seq, seq));

	return cycles;
}

/*
 * KCSAN takes the end of a read section for the end of the one around it, too.
 * What follows belongs to that one still.
 */
static inline void timens_tk_section_goes_on(void)
{
	kcsan_atomic_next(KCSAN_SEQLOCK_REGION_MAX);
}

static inline bool timens_tk_is_coarse(clockid_t clk)
{
	return clk == CLOCK_REALTIME_COARSE || clk == CLOCK_MONOTONIC_COARSE;
}

/* The host's clocks with the constant offsets, as mainline reads them */
static void timens_tk_read_follow(const struct time_namespace *ns, clockid_t clk,
				  struct timespec64 *ts)
{
	switch (clk) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_ALARM:
		ktime_get_real_ts64(ts);
		return;
	case CLOCK_REALTIME_COARSE:
		ktime_get_coarse_real_ts64(ts);
		return;
	case CLOCK_TAI:
		ktime_get_clocktai_ts64(ts);
		return;
	case CLOCK_MONOTONIC_RAW:
		ktime_get_raw_ts64(ts);
		*ts = timespec64_add(*ts, ns->offsets.raw);
		return;
	case CLOCK_MONOTONIC_COARSE:
		ktime_get_coarse_ts64(ts);
		*ts = timespec64_add(*ts, ns->offsets.monotonic);
		return;
	case CLOCK_MONOTONIC:
		ktime_get_ts64(ts);
		*ts = timespec64_add(*ts, ns->offsets.monotonic);
		return;
	default:
		ktime_get_boottime_ts64(ts);
		*ts = timespec64_add(*ts, ns->offsets.boottime);
		return;
	}
}

bool __timens_tk_get_ts64(clockid_t clk, struct timespec64 *ts)
{
	struct time_namespace *ns = current->nsproxy->time_ns;
	struct timekeeper_ns *tn = ns->tk;
	unsigned int seq;
	u64 cycles;

	if (likely(ns == &init_time_ns))
		return false;

	do {
		seq = read_seqcount_begin(&tn->tkd.seq);
		if (tn->state == TIMENS_TK_FOLLOW) {
			timens_tk_read_follow(ns, clk, ts);
			timens_tk_section_goes_on();
			continue;
		}
		if (timens_tk_is_coarse(clk))
			cycles = timens_tk_last_tick();
		else
			cycles = timens_tk_counter(tn);
		timens_tk_section_goes_on();
		timens_tk_read_at(tn, clk, cycles, ts);
	} while (read_seqcount_retry(&tn->tkd.seq, seq));

	return true;
}

/* What a smear adds to the multiplier of CLOCK_REALTIME at @real of the line */
static s64 timens_tk_smear_mult(const struct timekeeper_ns *tn, const struct timespec64 *real)
{
	const struct timens_smear *s = &tn->smear;
	s64 now, more;

	if (likely(s->state == TIMENS_SMEAR_NONE))
		return 0;
	now = timespec64_to_ns(real);
	if (now < s->at || timens_smear_phase(s, now) == s->to)
		return 0;
	more = mul_u64_u32_shr(tn->tkd.timekeeper.tkr_mono.mult, now < s->aim ? s->slope : s->after,
			       TIMENS_SMEAR_SCALE);
	return s->to < s->phase ? -more : more;
}

/**
 * timens_tk_read_pair - Read a clock of a namespace along with one of the host
 * @ns:		The namespace
 * @clk:	Clock of the namespace
 * @host_clk:	Clock of the host
 * @p:		Storage for both, at one counter value, and what they do next
 *
 * Context: any
 */
void timens_tk_read_pair(struct time_namespace *ns, clockid_t clk, clockid_t host_clk,
			 struct timens_tk_pair *p)
{
	const struct timekeeper *host = &tk_core.timekeeper;
	struct timekeeper_ns *tn = ns->tk;
	unsigned int seq, host_seq;
	u32 shift, host_shift;
	struct timespec64 real, same;
	ktime_t leap, offs_real;
	u64 cycles, delta;

	do {
		seq = read_seqcount_begin(&tn->tkd.seq);
		do {
			host_seq = read_seqcount_begin(&tk_core.seq);
			cycles = READ_ONCE(host->tkr_mono.clock)->read(host->tkr_mono.clock);
			delta = timens_tk_delta(&host->tkr_mono, cycles, host->tkr_mono.cycle_last);
			timens_tk_line(host, host_clk, delta, &p->host);
			timens_tk_line(host, clk, delta, &same);
			leap = host->next_leap_ktime;
			offs_real = host->offs_real;
			p->host_mult = host->tkr_mono.mult;
			host_shift = host->tkr_mono.shift;
		} while (read_seqcount_retry(&tk_core.seq, host_seq));
		timens_tk_section_goes_on();

		p->own = tn->state == TIMENS_TK_OWN;
		p->rate = p->own ? tn->rate : (struct timens_tk_rate){ 1, 1 };
		if (p->own) {
			timens_tk_read_at(tn, clk, cycles, &p->ns);
			timens_tk_own_line(tn, CLOCK_REALTIME, cycles, &real);
			p->ns_mult = tn->tkd.timekeeper.tkr_mono.mult;
			if (clk == CLOCK_REALTIME)
				p->ns_mult += timens_tk_smear_mult(tn, &real);
			shift = tn->tkd.timekeeper.tkr_mono.shift;
			/* Behind the edge, the step is part of the time already */
			p->edge_sec = real.tv_sec >= tn->edge_sec ? TIME64_MAX : tn->edge_sec;
			p->edge_step = tn->edge_step;
		} else {
			p->ns = same;
			if (clk == CLOCK_MONOTONIC)
				p->ns = timespec64_add(p->ns, ns->offsets.monotonic);
			if (clk == CLOCK_BOOTTIME || clk == CLOCK_BOOTTIME_ALARM)
				p->ns = timespec64_add(p->ns, ns->offsets.boottime);
			p->ns_mult = p->host_mult;
			shift = host_shift;
			p->edge_sec = TIME64_MAX;
			p->edge_step = 0;
		}
	} while (read_seqcount_retry(&tn->tkd.seq, seq));

	/* Of two scales take the finer one, as a rule that of the namespace */
	if (likely(shift >= host_shift))
		p->host_mult <<= shift - host_shift;
	else
		p->ns_mult <<= host_shift - shift;
	p->host_leap = leap == KTIME_MAX ? TIME64_MAX :
		       div_s64(ktime_add(leap, offs_real), NSEC_PER_SEC);
}

static struct timespec64 timens_tk_offset(struct time_namespace *ns, clockid_t clk)
{
	struct timens_tk_pair p;

	timens_tk_read_pair(ns, clk, clk, &p);
	return timespec64_sub(p.ns, p.host);
}

bool __timens_tk_getboottime64(struct timespec64 *ts)
{
	struct time_namespace *ns = current->nsproxy->time_ns;
	struct timekeeper_ns *tn = ns->tk;
	unsigned int seq;
	bool own;

	if (likely(ns == &init_time_ns))
		return false;

	/*
	 * As getboottime64(): whatever steers or rates one of the two clocks does
	 * so to the other as well, and what is shown stays until one is set.
	 */
	do {
		const struct timekeeper *tk = &tn->tkd.timekeeper;

		seq = read_seqcount_begin(&tn->tkd.seq);
		own = tn->state == TIMENS_TK_OWN;
		*ts = ktime_to_timespec64(ktime_sub(tk->offs_real, tk->offs_boot));
	} while (read_seqcount_retry(&tn->tkd.seq, seq));

	return own;
}

bool __timens_tk_get_tz(struct timezone *tz)
{
	struct timekeeper_ns *tn = current->nsproxy->time_ns->tk;
	unsigned int seq;
	bool own;

	if (!tn)
		return false;

	do {
		seq = read_seqcount_begin(&tn->tkd.seq);
		own = tn->state == TIMENS_TK_OWN;
		if (own)
			*tz = tn->tz;
	} while (read_seqcount_retry(&tn->tkd.seq, seq));

	return own;
}

/**
 * timens_tk_real_offset - CLOCK_REALTIME less MONOTONIC of a namespace
 * @tn:		The namespace
 *
 * Return: the difference (nsecs). It is constant unless one is set, or takes a
 * leap second.
 */
ktime_t timens_tk_real_offset(struct timekeeper_ns *tn)
{
	struct timespec64 ts;
	unsigned int seq;
	ktime_t offset;

	do {
		seq = read_seqcount_begin(&tn->tkd.seq);
		if (tn->state == TIMENS_TK_OWN) {
			/* A smear is no step, and its end even less */
			offset = ktime_sub(tn->tkd.timekeeper.offs_real, tn->smear.total);
			/* A leap second which is not permanent yet counts */
			timens_tk_own_line(tn, CLOCK_REALTIME, timens_tk_counter(tn), &ts);
			if (ts.tv_sec >= tn->edge_sec)
				offset += tn->edge_step * NSEC_PER_SEC;
		} else {
			offset = ktime_sub(ktime_mono_to_real(0),
					   timespec64_to_ktime(tn->ns->offsets.monotonic));
			timens_tk_section_goes_on();
		}
	} while (read_seqcount_retry(&tn->tkd.seq, seq));

	return offset;
}

/*
 * Stamps, transmit times and socket timeouts. See "Stamps" in the opening
 * comment.
 */

/* Written and read under tk_core.seq */
static struct timens_tk_epochs timens_tk_host_epochs;

/*
 * Sockets are closed by task work, which an exiting task runs after it has
 * left its namespaces.
 */
static struct time_namespace *timens_tk_of_current(void)
{
	struct nsproxy *nsproxy = current->nsproxy;

	return likely(nsproxy) ? nsproxy->time_ns : &init_time_ns;
}

/**
 * timens_tk_epoch_add - Note that CLOCK_REALTIME was stepped
 * @log:	The log
 * @start:	CLOCK_MONOTONIC of the step (nsecs)
 * @offs_real:	CLOCK_REALTIME minus MONOTONIC from then on (nsecs)
 * @offs_boot:	CLOCK_BOOTTIME minus MONOTONIC from then on (nsecs)
 */
void timens_tk_epoch_add(struct timens_tk_epochs *log, ktime_t start, ktime_t offs_real,
			 ktime_t offs_boot)
{
	struct timens_tk_epoch *e;

	log->last = (log->last + 1) % TIMENS_TK_EPOCHS;
	log->nr = min(log->nr + 1, TIMENS_TK_EPOCHS);
	e = &log->epoch[log->last];
	e->start = start;
	e->offs_real = offs_real;
	e->offs_boot = offs_boot;
}

/**
 * timens_tk_epoch_mono - When a clock read a time
 * @log:	The log of the steps of the clock, which has at least one entry
 * @real:	A past CLOCK_REALTIME (nsecs)
 * @now:	CLOCK_MONOTONIC now (nsecs)
 * @slept:	Storage for the time for which the machine slept since (nsecs)
 *
 * A clock which was set back reads some times twice; the later one counts. A
 * time which it never read is taken for one of the present epoch, and for now
 * if it is still to come there.
 *
 * Return: CLOCK_MONOTONIC (nsecs) at that moment, at most @now
 */
ktime_t timens_tk_epoch_mono(const struct timens_tk_epochs *log, ktime_t real, ktime_t now,
			     ktime_t *slept)
{
	const struct timens_tk_epoch *last = &log->epoch[log->last], *e;
	unsigned int i, at = log->last;
	ktime_t mono, end = now;

	for (i = 0; i < log->nr; i++) {
		e = &log->epoch[at];
		mono = ktime_sub(real, e->offs_real);
		if (mono >= e->start && mono <= end) {
			*slept = ktime_sub(last->offs_boot, e->offs_boot);
			return mono;
		}
		end = e->start;
		at = at ? at - 1 : TIMENS_TK_EPOCHS - 1;
	}
	*slept = 0;
	return min(ktime_sub(real, last->offs_real), now);
}

/**
 * __timens_tk_host_set - Note what was done to the host's clock
 * @tk:		The timekeeper, about to be published
 *
 * Context: in the write section of the host. Whoever read the clock before read
 * the counter before, and whoever reads it afterwards reads it after this.
 */
void __timens_tk_host_set(const struct timekeeper *tk)
{
	struct timens_tk_epochs *log = &timens_tk_host_epochs;
	const struct timens_tk_epoch *last = &log->epoch[log->last];
	const struct tk_read_base *tkr = &tk->tkr_mono;
	struct timespec64 now;
	u64 delta;

	if (log->nr && last->offs_real == tk->offs_real && last->offs_boot == tk->offs_boot)
		return;

	delta = timens_tk_delta(tkr, tkr->clock->read(tkr->clock), tkr->cycle_last);
	timens_tk_line(tk, CLOCK_MONOTONIC, delta, &now);
	timens_tk_epoch_add(log, timespec64_to_ktime(now), tk->offs_real, tk->offs_boot);
}

/**
 * __timens_tk_real_for - Show a CLOCK_REALTIME stamp of the host in a namespace
 * @ns:		The namespace, not the initial one
 * @real:	CLOCK_REALTIME of the host (nsecs), in the past
 *
 * Context: any but NMI
 * Return: the same instant on CLOCK_REALTIME of @ns as it is set now
 */
ktime_t __timens_tk_real_for(struct time_namespace *ns, ktime_t real)
{
	const struct timens_tk_epochs *log = &timens_tk_host_epochs;
	struct timens_tk_pair p;
	ktime_t now, mono, slept;
	unsigned int seq;

	do {
		seq = read_seqcount_begin(&tk_core.seq);
		timens_tk_read_pair(ns, CLOCK_REALTIME, CLOCK_REALTIME, &p);
		timens_tk_section_goes_on();
		now = ktime_sub(timespec64_to_ktime(p.host), log->epoch[log->last].offs_real);
		mono = timens_tk_epoch_mono(log, real, now, &slept);
	} while (read_seqcount_retry(&tk_core.seq, seq));

	if (!p.own)
		return real;
	/* No clock steers the time for which the machine sleeps */
	return ktime_sub(timespec64_to_ktime(p.ns),
			 ktime_add(timens_tk_scale(ktime_sub(now, mono), p.ns_mult, p.host_mult),
				   slept));
}
EXPORT_SYMBOL_GPL(__timens_tk_real_for);

ktime_t __timens_tk_real_from_host(ktime_t real)
{
	struct time_namespace *ns = timens_tk_of_current();

	return likely(ns == &init_time_ns) ? real : __timens_tk_real_for(ns, real);
}
EXPORT_SYMBOL_GPL(__timens_tk_real_from_host);

static ktime_t timens_tk_add(struct timespec64 now, s64 d)
{
	ktime_t kt = timespec64_to_ktime(now);

	return d > 0 ? ktime_add_safe(kt, d) : ktime_add(kt, d);
}

/* An instant of a clock, past or to come, on the clock of the other side */
static ktime_t timens_tk_project(struct time_namespace *ns, clockid_t clk, ktime_t tim,
				 bool to_host)
{
	struct timens_tk_pair p;
	s64 d;

	timens_tk_read_pair(ns, clk, clk, &p);
	if (!to_host) {
		d = ktime_sub(tim, timespec64_to_ktime(p.host));
		d = timens_tk_scale(d, p.ns_mult, p.host_mult);
		return timens_tk_add(p.ns, d);
	}

	d = ktime_sub(tim, timespec64_to_ktime(p.ns));
	/* A leap second in between moves what lies behind it */
	if (clk == CLOCK_REALTIME && p.ns.tv_sec < p.edge_sec && tim / NSEC_PER_SEC >= p.edge_sec)
		d -= p.edge_step * NSEC_PER_SEC;
	d = timens_tk_scale(d, p.host_mult, p.ns_mult);
	/* Rounded up: not before its time */
	if (p.own && d > 0 && d < KTIME_MAX)
		d++;
	return timens_tk_add(p.host, d);
}

/**
 * timens_tk_txtime_to_host - Project the time at which a packet is to be sent
 * @clk:	CLOCK_MONOTONIC, TAI or REALTIME
 * @tim:	Time on the clock of the namespace of current (nsecs)
 *
 * Return: the time on the host's clock, at the present rates. Never zero, which
 * stands for no time; what is not a time is returned as it is.
 */
ktime_t timens_tk_txtime_to_host(clockid_t clk, ktime_t tim)
{
	struct time_namespace *ns = timens_tk_of_current();

	if (likely(ns == &init_time_ns) || tim <= 0)
		return tim;
	return max(timens_tk_project(ns, clk, tim, true), 1);
}

/**
 * timens_tk_txtime_from_host - The reverse of timens_tk_txtime_to_host()
 * @clk:	CLOCK_MONOTONIC, TAI or REALTIME
 * @tim:	Time on the host's clock (nsecs)
 *
 * Return: the time on the clock of the namespace of current, at the present
 * rates
 */
ktime_t timens_tk_txtime_from_host(clockid_t clk, ktime_t tim)
{
	struct time_namespace *ns = timens_tk_of_current();

	if (likely(ns == &init_time_ns) || tim <= 0)
		return tim;
	return timens_tk_project(ns, clk, tim, false);
}
EXPORT_SYMBOL_GPL(timens_tk_txtime_from_host);

/**
 * timens_tk_sec_to_host - Take a date of user space
 * @sec:	CLOCK_REALTIME of the namespace of current (secs), as a rule to come
 *
 * For the expiry of what user space hands to the kernel in a file or a message.
 *
 * Return: the second on the host's clock, at the present rates; not before its
 * time. What no clock can be set to stays what it is: some programs mean
 * "never".
 */
time64_t timens_tk_sec_to_host(time64_t sec)
{
	struct time_namespace *ns = timens_tk_of_current();
	ktime_t tim;

	if (likely(ns == &init_time_ns) || sec <= 0 || sec >= TIME_SETTOD_SEC_MAX)
		return sec;
	tim = timens_tk_project(ns, CLOCK_REALTIME, ktime_set(sec, 0), true);
	return max(div_s64(ktime_add_safe(tim, NSEC_PER_SEC - 1), NSEC_PER_SEC), 0);
}
EXPORT_SYMBOL_GPL(timens_tk_sec_to_host);

/**
 * timens_tk_sec_from_host - The reverse of timens_tk_sec_to_host()
 * @sec:	CLOCK_REALTIME of the host (secs)
 *
 * Return: the second on the clock of the namespace of current, at the present
 * rates
 */
time64_t timens_tk_sec_from_host(time64_t sec)
{
	struct time_namespace *ns = timens_tk_of_current();

	if (likely(ns == &init_time_ns) || sec <= 0 || sec >= TIME_SETTOD_SEC_MAX)
		return sec;
	return div_s64(timens_tk_project(ns, CLOCK_REALTIME, ktime_set(sec, 0), false),
		       NSEC_PER_SEC);
}
EXPORT_SYMBOL_GPL(timens_tk_sec_from_host);

/* Difference of two clocks which count the same cycles, CLOCK_MONOTONIC_RAW both */
static struct timespec64 timens_tk_raw_now(struct time_namespace *ns, struct timespec64 *host,
					   struct timens_tk_rate *rate)
{
	const struct timekeeper *tk = &tk_core.timekeeper;
	struct timekeeper_ns *tn = ns->tk;
	struct timens_tk_raw raw;
	unsigned int seq, host_seq;
	struct timespec64 own;
	u64 cycles, nsec;
	u32 rem;

	do {
		seq = read_seqcount_begin(&tn->tkd.seq);
		do {
			host_seq = read_seqcount_begin(&tk_core.seq);
			cycles = READ_ONCE(tk->tkr_raw.clock)->read(tk->tkr_raw.clock);
			raw.cycles = timens_tk_delta(&tk->tkr_raw, cycles, tk->tkr_raw.cycle_last);
			raw.sec = tk->raw_sec;
			raw.xnsec = tk->tkr_raw.xtime_nsec;
			raw.mult = tk->tkr_raw.mult;
			raw.shift = tk->tkr_raw.shift;
		} while (read_seqcount_retry(&tk_core.seq, host_seq));
		timens_tk_section_goes_on();

		nsec = mul_u64_u32_add_u64_shr(raw.cycles, raw.mult, raw.xnsec, raw.shift);
		host->tv_sec = raw.sec + div_u64_rem(nsec, NSEC_PER_SEC, &rem);
		host->tv_nsec = rem;
		if (tn->state == TIMENS_TK_OWN) {
			*rate = tn->rate;
			timens_tk_read_at(tn, CLOCK_MONOTONIC_RAW, cycles, &own);
		} else {
			*rate = (struct timens_tk_rate){ 1, 1 };
			own = timespec64_add(*host, ns->offsets.raw);
		}
	} while (read_seqcount_retry(&tn->tkd.seq, seq));

	return own;
}

static struct timespec64 timens_tk_raw_from_host(struct time_namespace *ns,
						 const struct timespec64 *ts)
{
	struct timens_tk_rate rate;
	struct timespec64 own, host;
	s64 d;

	own = timens_tk_raw_now(ns, &host, &rate);
	d = timespec64_to_ns(ts) - timespec64_to_ns(&host);
	if (rate.num != rate.den)
		d = timens_tk_scale(d, rate.num, rate.den);
	return timespec64_add(own, ns_to_timespec64(d));
}

/**
 * timens_tk_ts_from_host - Show a host's clock reading to current
 * @clk:	CLOCK_REALTIME, MONOTONIC or MONOTONIC_RAW
 * @ts:		In: a recent time on the host's clock, out: on that of the
 *		namespace of current
 */
void timens_tk_ts_from_host(clockid_t clk, struct timespec64 *ts)
{
	struct time_namespace *ns = timens_tk_of_current();

	if (likely(ns == &init_time_ns))
		return;

	switch (clk) {
	case CLOCK_REALTIME:
		*ts = ktime_to_timespec64(__timens_tk_real_for(ns, timespec64_to_ktime(*ts)));
		break;
	case CLOCK_MONOTONIC_RAW:
		*ts = timens_tk_raw_from_host(ns, ts);
		break;
	default:
		*ts = ktime_to_timespec64(timens_tk_project(ns, clk, timespec64_to_ktime(*ts),
							    false));
	}
}
EXPORT_SYMBOL_GPL(timens_tk_ts_from_host);

long __timens_tk_timeo(long timeo)
{
	struct time_namespace *ns = timens_tk_of_current();
	struct timens_tk_pair p;

	if (ns == &init_time_ns || timeo <= 0 || timeo == MAX_SCHEDULE_TIMEOUT)
		return timeo;

	timens_tk_read_pair(ns, CLOCK_MONOTONIC, CLOCK_MONOTONIC, &p);
	if (!p.own)
		return timeo;
	timeo = timens_tk_scale(timeo, p.host_mult, p.ns_mult);
	/* Rounded up, and one for what the rate may change meanwhile */
	return min(timeo, MAX_SCHEDULE_TIMEOUT - 3) + 2;
}
EXPORT_SYMBOL_GPL(__timens_tk_timeo);

/**
 * timens_tk_get_current - Take a reference to the namespace of current
 *
 * Return: the namespace, or NULL if it is the initial one
 */
struct time_namespace *timens_tk_get_current(void)
{
	struct time_namespace *ns = timens_tk_of_current();

	return ns == &init_time_ns ? NULL : get_time_ns(ns);
}
EXPORT_SYMBOL_GPL(timens_tk_get_current);

/**
 * timens_tk_put - Drop a reference of timens_tk_get_current()
 * @ns:		The namespace, or NULL
 *
 * Context: process context
 */
void timens_tk_put(struct time_namespace *ns)
{
	if (ns)
		put_time_ns(ns);
}
EXPORT_SYMBOL_GPL(timens_tk_put);

/*
 * Publication. See there and "The page" in the opening comment.
 */

static void timens_tk_page_begin(struct vdso_data *vd)
{
	u32 seq = vd->seq;

	if (seq & 1) {
		WRITE_ONCE(vd->clock_mode, VDSO_CLOCKMODE_NONE);
		smp_wmb();	/* A reader of the new count sees the mode gone */
		WRITE_ONCE(vd->seq, seq + 2);
	} else {
		WRITE_ONCE(vd->seq, seq + 1);
	}
}

static void timens_tk_page_end(struct vdso_data *vd, s32 clock_mode)
{
	smp_wmb();	/* The data come before the mode which tells how to read them */
	WRITE_ONCE(vd->clock_mode, clock_mode);
	if (clock_mode == VDSO_CLOCKMODE_TIMENS)
		return;
	smp_wmb();	/* and both before the even count */
	WRITE_ONCE(vd->seq, vd->seq + 1);
}

static inline void timens_tk_page_time(struct vdso_data *vd, clockid_t clk, u64 sec, u64 xnsec,
				       u64 nsecps)
{
	while (xnsec >= nsecps) {
		xnsec -= nsecps;
		sec++;
	}
	vd->basetime[clk].sec = sec;
	vd->basetime[clk].nsec = xnsec;
}

/* What each pass changes in the page of an owner */
static inline void timens_tk_page_line(const struct timekeeper_ns *tn, struct vdso_data *vd)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	const struct tk_read_base *tkr = &tk->tkr_mono;
	u64 nsecps = timens_tk_second(tk), sec, xnsec;

	vd->cycle_last	= tn->cycle_now;
	vd->mult	= tkr->mult;

	/* At most an interval above a second; each offset adds less than one */
	xnsec = tkr->xtime_nsec + ((tn->cycle_now - tkr->cycle_last) & tkr->mask) * tkr->mult;
	sec = tk->xtime_sec;
	timens_tk_page_time(vd, CLOCK_REALTIME, sec, xnsec, nsecps);
	timens_tk_page_time(vd, CLOCK_TAI, sec + tk->tai_offset, xnsec, nsecps);

	sec += tk->wall_to_monotonic.tv_sec;
	xnsec += (u64)tk->wall_to_monotonic.tv_nsec << tkr->shift;
	timens_tk_page_time(vd, CLOCK_MONOTONIC, sec, xnsec, nsecps);

	sec += tk->monotonic_to_boot.tv_sec;
	xnsec += (u64)tk->monotonic_to_boot.tv_nsec << tkr->shift;
	timens_tk_page_time(vd, CLOCK_BOOTTIME, sec, xnsec, nsecps);

	vd = &vd[CS_RAW];
	vd->cycle_last	= tn->raw.cycles;
	timens_tk_page_time(vd, CLOCK_MONOTONIC_RAW, tn->raw.sec + tn->raw_offset.tv_sec,
			    tn->raw.xnsec + ((u64)tn->raw_offset.tv_nsec << tn->raw.shift),
			    (u64)NSEC_PER_SEC << tn->raw.shift);
}

static void timens_tk_page_own(const struct timekeeper_ns *tn, struct vdso_data *vd)
{
	const struct tk_read_base *tkr = &tn->tkd.timekeeper.tkr_mono;

	timens_tk_page_line(tn, vd);
	/* A counter which seems to have gone back is beyond it, even one that wraps */
	vd->max_cycles	= min(tn->max_cycles, tkr->mask >> 1);
	vd->mask	= tkr->mask;
	vd->shift	= tkr->shift;
	vd->tz_minuteswest = tn->tz.tz_minuteswest;
	vd->tz_dsttime = tn->tz.tz_dsttime;

	vd = &vd[CS_RAW];
	vd->max_cycles	= timens_tk_is_rated(tn) ?
			  timens_tk_max_cycles(tn->raw.mult, tn->raw.shift) :
			  tkr->clock->max_cycles;
	vd->mask	= tkr->mask;
	vd->mult	= tn->raw.mult;
	vd->shift	= tn->raw.shift;
}

/* The second from which on readers have to step or to smear, or TIME64_MAX */
static time64_t timens_tk_next_edge(const struct timekeeper_ns *tn)
{
	if (unlikely(tn->smear.state != TIMENS_SMEAR_NONE))
		return div_s64(tn->smear.start, NSEC_PER_SEC);
	return tn->edge_sec;
}

/* Close enough for the next two passes, and a late one, to miss the edge */
static bool timens_tk_edge_is_near(const struct timekeeper_ns *tn)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;

	return timens_tk_next_edge(tn) - tn->ahead <= (time64_t)tk->xtime_sec + 1;
}

static void timens_tk_page_edge(const struct timekeeper_ns *tn, struct vdso_data *vd)
{
	const struct timens_smear *s = &tn->smear;
	struct vdso_timestamp *slot = vd[CS_RAW].basetime;
	struct timespec64 at;

	vd->ns_state |= VDSO_NS_EDGE;
	vd->basetime[VDSO_NS_EDGE_SLOT].sec = tn->edge_sec;
	vd->basetime[VDSO_NS_EDGE_SLOT].nsec = (s64)tn->edge_step;
	if (s->state == TIMENS_SMEAR_NONE)
		return;

	BUILD_BUG_ON(VDSO_NS_SMEAR_SHIFT != TIMENS_SMEAR_SCALE);
	vd->ns_state |= VDSO_NS_SMEAR;
	at = ns_to_timespec64(s->at);
	slot[VDSO_NS_SMEAR_AT].sec = at.tv_sec;
	slot[VDSO_NS_SMEAR_AT].nsec = at.tv_nsec;
	slot[VDSO_NS_SMEAR_PHASE].sec = s->phase;
	slot[VDSO_NS_SMEAR_PHASE].nsec = s->to - s->phase;
	slot[VDSO_NS_SMEAR_SLOPE].sec = s->slope;
	slot[VDSO_NS_SMEAR_SLOPE].nsec = s->after;
	slot[VDSO_NS_SMEAR_SPAN].sec = max(s->aim - s->at, 0);
}

static void timens_tk_update_begin(struct timekeeper_ns *tn)
{
	write_seqcount_begin(&tn->tkd.seq);
	/* What is written may be what makes the clock restless */
	tn->calm_until = 0;
	if (tn->vdata) {
		timens_tk_page_begin(&tn->vdata[CS_HRES_COARSE]);
		timens_tk_page_begin(&tn->vdata[CS_RAW]);
	}
	/* Order the counts before the counter: see "Publication" */
	smp_mb();
}

/*
 * Note whether the timers of the namespace have to move: see "Walk" in
 * timens_timer.c. In a pass nothing of it happens, as a rule.
 */
static void timens_tk_look_moved(struct timekeeper_ns *tn)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	struct timens_tk_seen *seen = &tn->seen;
	ktime_t real_offset = ktime_sub(tk->offs_real, tn->smear.total);
	u32 mult = tk->tkr_mono.mult;

	/* The rate of CLOCK_REALTIME is meant, which has a smear on top */
	if (unlikely(tn->smear.state == TIMENS_SMEAR_RUNNING ||
		     tn->smear.state == TIMENS_SMEAR_BACK)) {
		u32 more = mul_u64_u32_shr(mult, tn->smear.slope, TIMENS_SMEAR_SCALE);

		mult = tn->smear.to < tn->smear.phase ? mult - more : mult + more;
	}

	if (likely(real_offset == seen->real_offset && tn->edge_sec == seen->edge_sec &&
		   tk->tai_offset == seen->tai_offset && tn->state == seen->state &&
		   tk->tkr_mono.shift == seen->shift &&
		   abs_diff(mult, seen->mult) <= mult >> TIMENS_TIMER_RATE_SHIFT))
		return;

	seen->real_offset = real_offset;
	seen->edge_sec = tn->edge_sec;
	seen->tai_offset = tk->tai_offset;
	seen->state = tn->state;
	seen->shift = tk->tkr_mono.shift;
	seen->mult = mult;
	tn->moved = true;
}

/* Whether the clock moved, and with it the timers have to, since last asked */
static bool timens_tk_take_moved(struct timekeeper_ns *tn)
{
	bool moved = tn->moved;

	lockdep_assert_held(&tn->tkd.lock);

	tn->moved = false;
	return moved;
}

static void timens_tk_update_end(struct timekeeper_ns *tn)
{
	struct vdso_data *vd = tn->vdata;
	s32 mode;

	timens_tk_look_moved(tn);
	if (!vd)
		goto out;

	if (tn->state == TIMENS_TK_FOLLOW) {
		vd[CS_HRES_COARSE].ns_state = VDSO_NS_FOLLOW;
		vd[CS_RAW].ns_state = VDSO_NS_FOLLOW;
		timens_tk_page_end(&vd[CS_HRES_COARSE], VDSO_CLOCKMODE_TIMENS);
		timens_tk_page_end(&vd[CS_RAW], VDSO_CLOCKMODE_TIMENS);
		goto out;
	}

	mode = tn->tkd.timekeeper.tkr_mono.clock->vdso_clock_mode;
	timens_tk_page_own(tn, vd);
	vd[CS_HRES_COARSE].ns_state = VDSO_NS_OWN;
	vd[CS_RAW].ns_state = VDSO_NS_OWN;
	timens_tk_page_end(&vd[CS_RAW], mode);
	if (timens_tk_edge_is_near(tn)) {
		timens_tk_page_edge(tn, vd);
		/* Without a counter that they can read, only the coarse clocks are read there */
		if (mode != VDSO_CLOCKMODE_NONE)
			mode = VDSO_CLOCKMODE_TIMENS;
	}
	timens_tk_page_end(&vd[CS_HRES_COARSE], mode);
out:
	write_seqcount_end(&tn->tkd.seq);
	if (unlikely(timens_past_is_due(tn, READ_ONCE(tk_core.timekeeper.ntp_tick),
					get_jiffies_64())))
		timens_past_look(tn, false);
}

/*
 * The end of a section in which only the line was moved. The page is that of an
 * owner with no edge in sight, whose mode stays.
 */
static inline void timens_tk_update_end_calm(struct timekeeper_ns *tn)
{
	struct vdso_data *vd = tn->vdata;

	if (vd) {
		timens_tk_page_line(tn, vd);
		smp_wmb();	/* The data come before the even counts */
		WRITE_ONCE(vd[CS_RAW].seq, vd[CS_RAW].seq + 1);
		WRITE_ONCE(vd[CS_HRES_COARSE].seq, vd[CS_HRES_COARSE].seq + 1);
	}
	write_seqcount_end(&tn->tkd.seq);
}

/* A point of the host's CLOCK_MONOTONIC_RAW */
static void timens_tk_host_raw(const struct tk_data *host, struct timens_tk_raw *raw)
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

/*
 * Passes without a tick
 */

/*
 * Cycles until the slope changes: NTP sees a second at the first of its intervals
 * that ends after it.
 */
static u64 timens_tk_cycles_to_second(const struct timekeeper_ns *tn)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	u64 since = (tn->cycle_now - tk->tkr_mono.cycle_last) & tk->tkr_mono.mask;
	s64 rest = timens_tk_second(tk) - tk->tkr_mono.xtime_nsec;
	u64 cycles = DIV64_U64_ROUND_UP(max(rest, 0), tk->xtime_interval) * tk->cycle_interval;

	return cycles > since ? cycles - since : 0;
}

/*
 * Nanoseconds of the host until the namespace needs a pass, S64_MAX for whenever.
 * Durations of the namespace are what they are on the host at the present
 * slopes of both; timens_tk_host_rate_changed() looks again when these change.
 */
static s64 timens_tk_wake_left(const struct timekeeper_ns *tn)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	s64 left = S64_MAX, rest = S64_MAX;
	struct timespec64 now;
	time64_t edge;

	/*
	 * The slope changes at the next second, or must not hold for much longer
	 * than from one pass to the next. The tick comes first if there is one.
	 */
	if (unlikely(ntp_second_bends(&tn->ntp))) {
		left = timens_tk_cycles_to_event(&tk_core, timens_tk_cycles_to_second(tn)) +
		       TICK_NSEC + TICK_NSEC / 4;
	} else if (unlikely(timens_tk_is_behind(tk))) {
		left = timens_tk_cycles_to_host(&tk_core, tn->span / 2);
		left += left >> 2;
	}

	if (unlikely(tn->smear.state != TIMENS_SMEAR_NONE))
		rest = timens_smear_wake(&tn->smear, timens_tk_unsmeared(tn, tn->cycle_now));

	edge = timens_tk_next_edge(tn);
	if (unlikely(edge != TIME64_MAX) && !timens_tk_edge_is_near(tn)) {
		timens_tk_own_line(tn, CLOCK_REALTIME, tn->cycle_now, &now);
		edge = (edge - now.tv_sec - tn->ahead) * NSEC_PER_SEC - now.tv_nsec;
		/*
		 * The clock may run up to 12 % faster than now. Come early and
		 * look again; the rest shrinks to an eighth each time.
		 */
		rest = min(rest, edge - (edge >> 3));
	}
	if (timens_tk_is_fast(tn)) {
		edge = timens_tk_fast_left(tn) * NSEC_PER_SEC;
		rest = min(rest, edge - (edge >> 3));
	}
	if (unlikely(rest != S64_MAX))
		left = min(left, timens_tk_ns_to_host(&tk_core, tn, rest));
	return left;
}

/* The only reason to wake, if there is one, is a leap second which will step */
static bool timens_tk_wakes_for_edge(const struct timekeeper_ns *tn)
{
	return !ntp_second_bends(&tn->ntp) && !timens_tk_is_behind(&tn->tkd.timekeeper) &&
	       tn->smear.state == TIMENS_SMEAR_NONE;
}

/*
 * The home spreads namespaces which share a second or an edge. Those which a tick
 * may serve together share an interrupt as well: there are no more groups than
 * that takes, and few namespaces are one group, which nothing delays.
 */
static unsigned int timens_tk_wake_group(const struct timens_tk_calendar *cal,
					 const struct timekeeper_ns *tn)
{
	/* Below 2^22 of a thousand, or all are in the last group */
	u64 groups = min(DIV_ROUND_UP(READ_ONCE(cal->nr_own), TIMENS_TK_BUDGET), TIMENS_TK_SLOTS);

	return div_u64(groups * tn->home, max(READ_ONCE(cal->interval), tn->home + 1));
}

/*
 * Arm the timer for a pass which must be taken even when the machine is idle.
 * As long as there are ticks, they come first and put it off.
 *
 * But not on the way to a leap second: the tree of the timers is deep when
 * thousands wait for the same one, and each pass would climb it. The timer which
 * is armed already comes early, looks again, and does that a few times in all.
 */
static void timens_tk_arm_wake(struct timekeeper_ns *tn)
{
	s64 left;

	lockdep_assert_held(&tn->tkd.lock);

	left = timens_tk_wake_left(tn);
	if (likely(left == S64_MAX))
		return;
	left += (s64)timens_tk_wake_group(&timens_tk_cal, tn) * TIMENS_TK_WAKE_APART;
	left = max(left, NSEC_PER_MSEC);
	if (hrtimer_is_queued(&tn->wake_timer) && timens_tk_wakes_for_edge(tn) &&
	    ktime_to_ns(hrtimer_get_remaining(&tn->wake_timer)) <= left + TIMENS_TK_WAKE_SLACK)
		return;
	hrtimer_start_range_ns(&tn->wake_timer, ns_to_ktime(left), TIMENS_TK_WAKE_SLACK,
			       HRTIMER_MODE_REL);
}

static enum hrtimer_restart timens_tk_wake_fn(struct hrtimer *timer)
{
	struct timekeeper_ns *tn = container_of(timer, struct timekeeper_ns, wake_timer);
	struct timens_tk_raw raw;
	unsigned long flags;

	raw_spin_lock_irqsave(&tn->tkd.lock, flags);
	if (tn->state != TIMENS_TK_OWN || timekeeping_suspended)
		goto out;
	/*
	 * The end of the idle time served the calendar before this timer. What
	 * it collected takes its pass within the budget, for which the timer of
	 * the calendar sees to it that there are ticks; and arms this one again.
	 * Under the lock, as a pass moves @due after it looked at this timer; and
	 * a tick which finds it taken queues the pass for the next one.
	 */
	if (READ_ONCE(tn->due) <= READ_ONCE(timens_tk_cal.tick))
		goto out;
	/* A pass published the edge, or there is none any more */
	if (timens_tk_wakes_for_edge(tn) && !timens_tk_is_fast(tn) &&
	    (tn->edge_sec == TIME64_MAX || timens_tk_edge_is_near(tn)))
		goto out;
	timens_tk_update_begin(tn);
	timens_tk_advance_to(tn, timens_tk_counter(tn));
	if (timens_tk_is_fast(tn)) {
		timens_tk_host_raw(&tk_core, &raw);
		timens_tk_limit_rate(tn, &raw);
	}
	timens_tk_update_end(tn);
	timens_tk_arm_wake(tn);
	if (timens_tk_take_moved(tn))
		timens_timer_clock_moved_delayed(tn);
out:
	raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
	return HRTIMER_NORESTART;
}

/*
 * Calendar. All functions want the lock of the calendar.
 */

void timens_tk_calendar_init(struct timens_tk_calendar *cal, u64 now)
{
	unsigned int i;

	raw_spin_lock_init(&cal->lock);
	for (i = 0; i < TIMENS_TK_SLOTS; i++)
		INIT_LIST_HEAD(&cal->slot[i]);
	INIT_LIST_HEAD(&cal->carry);
	INIT_LIST_HEAD(&cal->own);
	cal->tick = now;
	cal->host = &tk_core;
	cal->budget = TIMENS_TK_BUDGET;
	timens_tk_calendar_set(cal, HZ, 0);
}

/**
 * timens_tk_calendar_set - Change the pace of the passes
 * @cal:	The calendar
 * @interval:	Ticks between two passes, 1 to HZ
 * @deadline:	Ticks after which the counter of a namespace is about to wrap,
 *		0 for a counter which does not
 *
 * Namespaces look for a new home when they take their next pass.
 */
void timens_tk_calendar_set(struct timens_tk_calendar *cal, unsigned int interval,
			    unsigned int deadline)
{
	BUILD_BUG_ON(HZ >= TIMENS_TK_SLOTS);

	if (deadline)
		interval = min(interval, deadline / 2);
	cal->interval = clamp(interval, 1, HZ);
	cal->deadline = deadline;
	cal->generation++;
	cal->cursor = 0;
	cal->phase_tick = 0;
	cal->phase = 0;
	memset(cal->load, 0, sizeof(cal->load));
	cal->low_load = 0;
	bitmap_zero(cal->low, TIMENS_TK_SLOTS);
	bitmap_set(cal->low, 0, cal->interval);
}

/*
 * All homes have more than @low_load: find those which have the fewest now. As
 * long as none leaves, each of them takes a namespace before that is to be done
 * again. The time does not depend on the number of namespaces.
 */
static void timens_tk_calendar_refill(struct timens_tk_calendar *cal)
{
	unsigned int i;

	cal->low_load = cal->load[0];
	for (i = 1; i < cal->interval; i++)
		cal->low_load = min(cal->low_load, cal->load[i]);
	for (i = 0; i < cal->interval; i++)
		if (cal->load[i] == cal->low_load)
			__set_bit(i, cal->low);
}

/* Move to the emptiest tick of the interval, the next one from the cursor on */
static void timens_tk_calendar_home(struct timens_tk_calendar *cal, struct timekeeper_ns *tn)
{
	unsigned int best;

	if (bitmap_empty(cal->low, cal->interval))
		timens_tk_calendar_refill(cal);
	best = find_next_bit(cal->low, cal->interval, cal->cursor);
	if (best >= cal->interval)
		best = find_first_bit(cal->low, cal->interval);
	__clear_bit(best, cal->low);
	tn->home = best;
	tn->generation = cal->generation;
	cal->load[best]++;
	/* Leave a gap, so that few namespaces do not share few milliseconds */
	cal->cursor = (best + cal->interval * 5 / 8 + 1) % cal->interval;
}

static void timens_tk_calendar_leave(struct timens_tk_calendar *cal, unsigned int home)
{
	if (--cal->load[home] < cal->low_load) {
		cal->low_load = cal->load[home];
		bitmap_zero(cal->low, cal->interval);
	}
	if (cal->load[home] == cal->low_load)
		__set_bit(home, cal->low);
}

/* @tick modulo the interval; a division only after an idle time */
static inline u32 timens_tk_calendar_phase(struct timens_tk_calendar *cal, u64 tick)
{
	if (likely(tick == cal->phase_tick))
		return cal->phase;
	if (likely(tick == cal->phase_tick + 1)) {
		if (++cal->phase == cal->interval)
			cal->phase = 0;
	} else {
		div_u64_rem(tick, cal->interval, &cal->phase);
	}
	cal->phase_tick = tick;
	return cal->phase;
}

static inline void timens_tk_calendar_insert(struct timens_tk_calendar *cal,
					     struct timekeeper_ns *tn, u64 now)
{
	if (unlikely(cal->deadline)) {
		tn->deadline = now + cal->deadline;
		list_move_tail(&tn->own_node, &cal->own);
	} else {
		tn->deadline = U64_MAX;
	}
	list_add_tail(&tn->node, &cal->slot[tn->due & (TIMENS_TK_SLOTS - 1)]);
}

/* Queue a namespace at its home, which any tick will do for */
static inline void timens_tk_calendar_queue_home(struct timens_tk_calendar *cal,
						 struct timekeeper_ns *tn, u64 now)
{
	u32 phase = timens_tk_calendar_phase(cal, now + 1);

	if (unlikely(tn->generation != cal->generation))
		timens_tk_calendar_home(cal, tn);
	tn->due = now + 1 + tn->home - phase;
	if (tn->home < phase)
		tn->due += cal->interval;
	timens_tk_calendar_insert(cal, tn, now);
}

/**
 * timens_tk_calendar_queue - Queue a namespace for its next pass
 * @cal:	The calendar
 * @tn:		The namespace, not queued
 * @now:	The present tick
 */
void timens_tk_calendar_queue(struct timens_tk_calendar *cal, struct timekeeper_ns *tn, u64 now)
{
	u64 ticks = timens_tk_aligned_ticks(tn, cal->host);

	if (likely(!ticks) || (ticks >= cal->interval && cal->interval != HZ)) {
		timens_tk_calendar_queue_home(cal, tn, now);
		return;
	}
	if (unlikely(tn->generation != cal->generation))
		timens_tk_calendar_home(cal, tn);
	tn->due = now + (ticks < cal->interval ? ticks : min(ticks, HZ));
	timens_tk_calendar_insert(cal, tn, now);
}

/**
 * timens_tk_calendar_hurry - Bring the next pass of a namespace forward
 * @cal:	The calendar
 * @tn:		The namespace, queued
 * @now:	The present tick
 * @due:	The tick in which the pass is wanted, after @now
 */
void timens_tk_calendar_hurry(struct timens_tk_calendar *cal, struct timekeeper_ns *tn,
			      u64 now, u64 due)
{
	/* What was collected is on its way already; nothing is while it leaves */
	if (list_empty(&tn->node) || tn->due <= cal->tick || tn->due <= due)
		return;
	tn->due = max(due, cal->tick + 1);
	list_move_tail(&tn->node, &cal->slot[tn->due & (TIMENS_TK_SLOTS - 1)]);
}

void timens_tk_calendar_add(struct timens_tk_calendar *cal, struct timekeeper_ns *tn, u64 now)
{
	if (!cal->nr_own++)
		cal->tick = now;
	list_add_tail(&tn->own_node, &cal->own);
	timens_tk_calendar_home(cal, tn);
	timens_tk_calendar_queue(cal, tn, now);
}

void timens_tk_calendar_del(struct timens_tk_calendar *cal, struct timekeeper_ns *tn)
{
	if (tn->generation == cal->generation)
		timens_tk_calendar_leave(cal, tn->home);
	list_del_init(&tn->node);
	list_del_init(&tn->own_node);
	cal->nr_own--;
}

/**
 * timens_tk_calendar_collect - Move what fell due to the carry list
 * @cal:	The calendar
 * @now:	The present tick
 */
void timens_tk_calendar_collect(struct timens_tk_calendar *cal, u64 now)
{
	u64 tick = cal->tick, last = min(now, tick + TIMENS_TK_SLOTS);

	/* After a long idle time each slot is visited once, oldest first */
	while (tick < last) {
		struct list_head *slot = &cal->slot[++tick & (TIMENS_TK_SLOTS - 1)];

		if (!list_empty(slot))
			list_splice_tail_init(slot, &cal->carry);
	}
	WRITE_ONCE(cal->tick, now);
}

/*
 * A pass finds what it touches in no cache, as it lay there for a second. So the
 * structure is fetched two passes ahead, and the page, which is found by way of
 * the structure, one pass ahead.
 */
static inline void timens_tk_prefetch(const struct timekeeper_ns *tn)
{
	prefetchw(&tn->tkd.seq);
	prefetchw(&tn->tkd.timekeeper.xtime_sec);
	prefetchw(&tn->tkd.timekeeper.monotonic_to_boot);
	prefetchw(&tn->tkd.timekeeper.ntp_error);
	prefetchw(&tn->tkd.lock);
	prefetchw(&tn->node);
	prefetchw(&tn->raw);
	prefetchw(&tn->ntp.time_maxerror);
}

static inline void timens_tk_prefetch_page(const struct vdso_data *vd)
{
	prefetchw(vd);
	prefetchw(&vd->basetime[CLOCK_BOOTTIME]);
	prefetchw(&vd->basetime[CLOCK_TAI]);
	prefetchw(&vd[CS_RAW]);
	prefetchw(&vd[CS_RAW].basetime[CLOCK_MONOTONIC_RAW]);
}

static inline struct timekeeper_ns *__timens_tk_calendar_next(struct timens_tk_calendar *cal,
							      u64 now, unsigned int done)
{
	struct timekeeper_ns *tn;
	struct list_head *next;

	if (list_empty(&cal->carry))
		return NULL;

	tn = list_first_entry(&cal->carry, struct timekeeper_ns, node);
	/* Compared as they are: U64_MAX is no deadline, and ticks do not wrap */
	if (unlikely(done >= cal->budget) && cal->interval > 1) {
		/* Whose last pass is longest ago: its counter wraps first */
		if (cal->deadline)
			tn = list_first_entry(&cal->own, struct timekeeper_ns, own_node);
		if (now < tn->deadline)
			return NULL;
	}
	list_del_init(&tn->node);

	next = cal->carry.next;
	if (next != &cal->carry) {
		timens_tk_prefetch_page(list_entry(next, struct timekeeper_ns, node)->vdata);
		if (next->next != &cal->carry)
			timens_tk_prefetch(list_entry(next->next, struct timekeeper_ns, node));
	}
	return tn;
}

/**
 * timens_tk_calendar_next - The next namespace to take its pass
 * @cal:	The calendar
 * @now:	The present tick
 * @done:	Passes taken in this tick
 *
 * Return: a namespace, removed from the calendar, or NULL if none is due or
 * the budget is used up.
 */
struct timekeeper_ns *timens_tk_calendar_next(struct timens_tk_calendar *cal, u64 now,
					      unsigned int done)
{
	return __timens_tk_calendar_next(cal, now, done);
}

/**
 * timens_tk_aligned_ticks - Ticks to the next second at which the slope changes
 * @tn:		The namespace
 * @host:	The clock of the ticks: their length in cycles is what it is steered to
 *
 * Return: 0 if the slope does not change there, so that any tick will do; or
 * what the rate allows if that is less
 */
u64 timens_tk_aligned_ticks(const struct timekeeper_ns *tn, const struct tk_data *host)
{
	u64 ticks;

	if (likely(!ntp_second_bends(&tn->ntp)))
		return tn->pass_ticks;
	ticks = timens_tk_cycles_to_host(host, timens_tk_cycles_to_second(tn));
	ticks = max(DIV_ROUND_UP_ULL(ticks, TICK_NSEC), 1);
	return tn->pass_ticks ? min(ticks, tn->pass_ticks) : ticks;
}

/*
 * The tick
 */

/*
 * The section of a pass from its begin on. Serialized by tkd.lock.
 *
 * Return: true if it was a calm one, so that nothing but the line has changed
 */
static inline bool timens_tk_pass_to(struct timekeeper_ns *tn, const struct timens_tk_raw *raw,
				     u64 cycles, time64_t calm)
{
	if (likely(calm && timens_tk_advance_calm(tn, cycles, calm))) {
		tn->calm_until = calm;
		tn->raw = *raw;
		timens_tk_update_end_calm(tn);
		return true;
	}
	timens_tk_advance_to(tn, cycles);
	timens_tk_set_raw(tn, raw);
	timens_tk_limit_rate(tn, raw);
	timens_tk_settle(tn);
	timens_tk_update_end(tn);
	return false;
}

/* Take the pass of a namespace whose turn it is, and queue it for the next one */
static inline void timens_tk_pass(struct timens_tk_calendar *cal, struct timekeeper_ns *tn,
				  const struct timens_tk_raw *raw, u64 now)
{
	time64_t calm = tn->calm_until;

	timens_tk_update_begin(tn);
	if (likely(timens_tk_pass_to(tn, raw, timens_tk_counter(tn), calm))) {
		if (unlikely(timens_past_is_due(tn, cal->host_now, now)))
			timens_past_look(tn, false);
		timens_tk_calendar_queue_home(cal, tn, now);
		return;
	}
	timens_tk_arm_wake(tn);
	if (unlikely(timens_tk_take_moved(tn)))
		timens_timer_clock_moved_delayed(tn);
	timens_tk_calendar_queue(cal, tn, now);
}

/* Timers stand on the host's clock, and have to move when its rate does */
static void timens_tk_watch_host(struct timens_tk_calendar *cal)
{
	u64 tick = READ_ONCE(tk_core.timekeeper.ntp_tick);

	cal->host_now = tick;
	if (likely(abs_diff(tick, cal->host_tick) <= tick >> TIMENS_TIMER_RATE_SHIFT))
		return;
	cal->host_tick = tick;
	timens_timer_host_rate_changed();
}

/*
 * What a tick leaves to the next one must not wait for it until something else
 * wakes the machine. As long as there are ticks, they put the timer off. That it
 * wakes an idle CPU is enough, for the end of the idle time is a tick.
 */
static enum hrtimer_restart timens_tk_carry_fn(struct hrtimer *timer)
{
	return HRTIMER_NORESTART;
}

static struct hrtimer timens_tk_carry_timer;

void __timens_tk_advance(void)
{
	struct timens_tk_calendar *cal = &timens_tk_cal;
	unsigned int done = 0, busy = 0;
	struct timens_tk_raw raw;
	struct timekeeper_ns *tn;
	unsigned long flags;
	u64 now, late;

	/* Another CPU serves this tick, or somebody owns a clock from now on */
	if (!raw_spin_trylock_irqsave(&cal->lock, flags))
		return;

	now = get_jiffies_64();
	if (unlikely(timekeeping_suspended) || now == cal->tick)
		goto out;

	timens_tk_watch_host(cal);
	timens_tk_calendar_collect(cal, now);
	if (list_empty(&cal->carry))
		goto out;

	timens_tk_host_raw(&tk_core, &raw);
	while ((tn = __timens_tk_calendar_next(cal, now, done))) {
		/* A tick which lags finds slots of its next round */
		late = now > tn->due ? now - tn->due : 0;
		if (unlikely(!raw_spin_trylock(&tn->tkd.lock))) {
			tn->due = now + 1;
			list_add_tail(&tn->node, &cal->slot[tn->due & (TIMENS_TK_SLOTS - 1)]);
			busy++;
			continue;
		}
		timens_tk_pass(cal, tn, &raw, now);
		/* Or the argument is fetched from memory for nothing */
		if (trace_timens_tk_pass_enabled())
			trace_timens_tk_pass(tn->ns->ns.inum, late,
					     tn->tkd.timekeeper.tkr_mono.mult);
		raw_spin_unlock(&tn->tkd.lock);
		cal->max_late = max(cal->max_late, late);
		done++;
	}
	cal->ticks++;
	cal->passes += done;
	cal->max_batch = max(cal->max_batch, done);
	if (unlikely(busy || !list_empty(&cal->carry))) {
		cal->busy += busy;
		cal->carried += !list_empty(&cal->carry);
		hrtimer_start(&timens_tk_carry_timer, ns_to_ktime(TICK_NSEC + TICK_NSEC / 4),
			      HRTIMER_MODE_REL);
	}
out:
	raw_spin_unlock_irqrestore(&cal->lock, flags);
}

/**
 * timens_tk_pass_at - Take a pass at a counter value
 * @tn:		The namespace
 * @raw:	The host's CLOCK_MONOTONIC_RAW
 * @cycles:	The counter value
 */
void timens_tk_pass_at(struct timekeeper_ns *tn, const struct timens_tk_raw *raw, u64 cycles)
{
	unsigned long flags;
	time64_t calm;

	raw_spin_lock_irqsave(&tn->tkd.lock, flags);
	calm = tn->calm_until;
	timens_tk_update_begin(tn);
	timens_tk_pass_to(tn, raw, cycles, calm);
	raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
}

/*
 * Ticks after which a pass may not be put off, 0 for a counter which does not
 * wrap: a quarter of the counter, as the host may idle for half of it then.
 */
static unsigned int timens_tk_wrap_ticks(const struct timekeeper *tk)
{
	u64 ticks = div64_u64(tk->tkr_mono.clock->max_raw_delta >> 2, tk->cycle_interval);

	return ticks > UINT_MAX ? 0 : ticks;
}

static unsigned int timens_tk_interval = HZ;

/* Make @tn an owner. The calendar rests, and knows no counter, without one */
static void timens_tk_join(struct timens_tk_calendar *cal, struct timekeeper_ns *tn)
{
	lockdep_assert_held(&cal->lock);

	if (!cal->nr_own)
		timens_tk_calendar_set(cal, timens_tk_interval,
				       timens_tk_wrap_ticks(&tk_core.timekeeper));
	timens_tk_calendar_add(cal, tn, get_jiffies_64());
	timens_tk_arm_wake(tn);
}

/*
 * The host's timekeeping changes under all namespaces
 */

/* Continue @tn, which is at @old_cycles of its counter, at @cycles of @cs */
void timens_tk_change_one(struct timekeeper_ns *tn, u64 old_cycles, struct clocksource *cs,
			  const struct timens_tk_raw *raw, u64 cycles)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&tn->tkd.lock, flags);
	timens_tk_update_begin(tn);
	timens_tk_forward_to(tn, old_cycles);
	timens_tk_rebase(tn, cs, raw, cycles);
	timens_tk_update_end(tn);
	if (timens_tk_take_moved(tn) && tn->ns)
		timens_timer_clock_moved_delayed(tn);
	raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
}

/* Account a sleep of which the host learned late */
void timens_tk_sleep_one(struct timekeeper_ns *tn, const struct timespec64 *sleep)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&tn->tkd.lock, flags);
	timens_tk_update_begin(tn);
	timens_tk_forward_to(tn, timens_tk_counter(tn));
	timens_tk_add_sleep(tn, sleep);
	ntp_clear(&tn->ntp);
	tn->tkd.timekeeper.ntp_error = 0;
	timens_tk_retune(tn, 0);
	timens_tk_update_edge(tn);
	timens_tk_update_end(tn);
	timens_tk_arm_wake(tn);
	if (timens_tk_take_moved(tn) && tn->ns)
		timens_timer_clock_moved_delayed(tn);
	raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
}

/**
 * __timens_tk_change_clocksource - Re-base all namespaces on a new counter
 * @old:	The clocksource until now
 * @old_cycles:	Its value at the change
 *
 * The host's timekeeper runs on the new clocksource already.
 *
 * Context: stop_machine(), under the host's timekeeper lock, outside of its
 * write section.
 */
void __timens_tk_change_clocksource(struct clocksource *old, u64 old_cycles)
{
	struct tk_read_base *tkr = &tk_core.timekeeper.tkr_mono;
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct timens_tk_raw raw;
	struct timekeeper_ns *tn;

	lockdep_assert_held(&tk_core.lock);

	timens_tk_host_raw(&tk_core, &raw);
	raw_spin_lock(&cal->lock);
	list_for_each_entry(tn, &cal->own, own_node) {
		WARN_ON_ONCE(tn->tkd.timekeeper.tkr_mono.clock != old);
		timens_tk_change_one(tn, old_cycles, tkr->clock, &raw, tkr->cycle_last);
	}
	timens_tk_calendar_set(cal, timens_tk_interval, timens_tk_wrap_ticks(&tk_core.timekeeper));
	/* What is queued was queued for the old counter */
	list_for_each_entry(tn, &cal->own, own_node) {
		tn->deadline = cal->deadline ? get_jiffies_64() + cal->deadline : U64_MAX;
		timens_tk_calendar_hurry(cal, tn, cal->tick, cal->tick + cal->interval);
	}
	raw_spin_unlock(&cal->lock);
}

/**
 * __timens_tk_suspend - Bring all namespaces up to the suspend
 *
 * Context: one CPU, interrupts disabled, under the host's timekeeper lock,
 * outside of its write section.
 */
void __timens_tk_suspend(void)
{
	u64 cycles = tk_core.timekeeper.tkr_mono.cycle_last;
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct timekeeper_ns *tn;

	lockdep_assert_held(&tk_core.lock);

	raw_spin_lock(&cal->lock);
	list_for_each_entry(tn, &cal->own, own_node) {
		raw_spin_lock(&tn->tkd.lock);
		timens_tk_update_begin(tn);
		timens_tk_forward_to(tn, cycles);
		if (timens_tk_is_rated(tn))
			timens_tk_raw_to(tn, cycles);
		timens_tk_update_end(tn);
		timens_past_look(tn, true);
		raw_spin_unlock(&tn->tkd.lock);
	}
	raw_spin_unlock(&cal->lock);
}

/**
 * __timens_tk_resume - Continue all namespaces after a suspend
 * @sleep:	Time to inject, or NULL if the host does not know it yet
 *
 * The counter may have been reset, so the time since the suspend is not read
 * off it.
 *
 * Context: as __timens_tk_suspend()
 */
void __timens_tk_resume(const struct timespec64 *sleep)
{
	u64 cycles = tk_core.timekeeper.tkr_mono.cycle_last;
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct timens_tk_raw raw;
	struct timekeeper_ns *tn;

	lockdep_assert_held(&tk_core.lock);

	timens_tk_host_raw(&tk_core, &raw);
	raw_spin_lock(&cal->lock);
	list_for_each_entry(tn, &cal->own, own_node) {
		struct timekeeper *tk = &tn->tkd.timekeeper;

		raw_spin_lock(&tn->tkd.lock);
		timens_tk_update_begin(tn);
		tk->tkr_mono.cycle_last = cycles;
		tk->tkr_raw.cycle_last = cycles;
		tn->cycle_now = cycles;
		tk->ntp_error = 0;
		if (timens_tk_is_rated(tn))
			tn->raw.cycles = cycles;
		else
			tn->raw = raw;
		if (sleep)
			timens_tk_add_sleep(tn, sleep);
		timens_tk_update_end(tn);
		if (timens_tk_take_moved(tn))
			timens_timer_clock_moved_delayed(tn);
		raw_spin_unlock(&tn->tkd.lock);
	}
	raw_spin_unlock(&cal->lock);
}

/**
 * __timens_tk_inject_sleep - Account a sleep which the RTC measured
 * @sleep:	Duration of the sleep
 *
 * Context: process context, under the host's timekeeper lock with interrupts
 * disabled, outside of its write section.
 */
void __timens_tk_inject_sleep(const struct timespec64 *sleep)
{
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct timekeeper_ns *tn;

	lockdep_assert_held(&tk_core.lock);

	raw_spin_lock(&cal->lock);
	list_for_each_entry(tn, &cal->own, own_node)
		timens_tk_sleep_one(tn, sleep);
	raw_spin_unlock(&cal->lock);
}

/*
 * Setting
 */

/**
 * timens_tk_write - One write section of a setter
 * @tn:		The namespace
 * @host:	The clock to take over from if the namespace follows, or NULL
 * @offs:	The constant offsets to @host
 * @op:		The modification
 * @arg:	Argument for @op
 *
 * Brings the clock up to the present and runs @op on it. If that succeeds the
 * namespace owns its clock.
 *
 * Context: under the locks of the namespace and of @host
 * Return: what @op returns; a negative value is an error, which changes nothing
 */
int timens_tk_write(struct timekeeper_ns *tn, const struct tk_data *host,
		    const struct timens_offsets *offs, timens_tk_op op, void *arg)
{
	struct timens_tk_raw raw;
	int ret;

	lockdep_assert_held(&tn->tkd.lock);

	if (host)
		timens_tk_host_raw(host, &raw);
	timens_tk_update_begin(tn);
	if (host) {
		struct clocksource *cs = host->timekeeper.tkr_mono.clock;

		timens_tk_take(tn, host, offs, cs->read(cs));
		timens_tk_set_raw(tn, &raw);
	} else {
		timens_tk_forward_to(tn, timens_tk_counter(tn));
	}
	ret = op(tn, arg);
	if (ret >= 0) {
		timens_tk_retune(tn, 0);
		timens_tk_update_edge(tn);
		tn->state = TIMENS_TK_OWN;
	}
	timens_tk_update_end(tn);
	return ret;
}

/* A setter of a namespace which follows the host: the first one */
static int timens_tk_modify_follow(struct time_namespace *ns, timens_tk_op op, void *arg)
{
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct timekeeper_ns *tn = ns->tk;
	unsigned long flags;
	bool moved;
	int ret;

	timens_tk_key_inc(&timens_tk_key.key);

	raw_spin_lock_irqsave(&tk_core.lock, flags);
	raw_spin_lock(&cal->lock);
	raw_spin_lock(&tn->tkd.lock);
	ret = timens_tk_write(tn, &tk_core, &ns->offsets, op, arg);
	if (ret >= 0) {
		timens_tk_join(cal, tn);
		cal->switches++;
	}
	moved = timens_tk_take_moved(tn);
	raw_spin_unlock(&tn->tkd.lock);
	raw_spin_unlock(&cal->lock);
	raw_spin_unlock_irqrestore(&tk_core.lock, flags);

	if (ret >= 0)
		trace_timens_tk_switch(ns->ns.inum, true);
	else
		static_branch_slow_dec_deferred(&timens_tk_key);
	if (moved)
		timens_timer_clock_moved(tn);
	return ret;
}

/* Take the next pass after @ticks (0: when it is due anyway) */
static void timens_tk_bring_forward(struct timekeeper_ns *tn, u64 ticks)
{
	struct timens_tk_calendar *cal = &timens_tk_cal;
	unsigned long flags;
	u64 now;

	if (!ticks)
		return;
	now = get_jiffies_64();
	raw_spin_lock_irqsave(&cal->lock, flags);
	timens_tk_calendar_hurry(cal, tn, now, now + ticks);
	raw_spin_unlock_irqrestore(&cal->lock, flags);
}

/**
 * timens_tk_host_rate_changed - The slope of the host changed much
 * @tn:		A namespace
 *
 * The next pass and the wake timer stand on the host's time line, where the
 * next second of the namespace has moved. And CLOCK_BOOTTIME leaves its line.
 *
 * Context: process context; the caller keeps the namespace from going away
 */
void timens_tk_host_rate_changed(struct timekeeper_ns *tn)
{
	unsigned long flags;
	u64 ticks = 0;

	raw_spin_lock_irqsave(&tn->tkd.lock, flags);
	if (tn->state == TIMENS_TK_OWN) {
		ticks = timens_tk_aligned_ticks(tn, &tk_core);
		timens_tk_arm_wake(tn);
		timens_past_look(tn, false);
	}
	raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
	timens_tk_bring_forward(tn, ticks);
}

/* A setter of a namespace which owns its clock */
static int timens_tk_modify_own(struct time_namespace *ns, timens_tk_op op, void *arg)
{
	struct timekeeper_ns *tn = ns->tk;
	unsigned long flags;
	bool moved;
	u64 ticks;
	int ret;

	raw_spin_lock_irqsave(&tn->tkd.lock, flags);
	ret = timens_tk_write(tn, NULL, NULL, op, arg);
	ticks = timens_tk_aligned_ticks(tn, &tk_core);
	timens_tk_arm_wake(tn);
	moved = timens_tk_take_moved(tn);
	raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);

	timens_tk_bring_forward(tn, ticks);
	if (moved)
		timens_timer_clock_moved(tn);
	return ret;
}

/*
 * Run @op on the clock of @ns, brought up to the present, and make the
 * namespace an owner if it was none.
 */
static int timens_tk_modify(struct time_namespace *ns, timens_tk_op op, void *arg)
{
	struct timekeeper_ns *tn = ns->tk;
	int ret;

	mutex_lock(&tn->mutex);
	ret = timens_past_reserve(tn);
	if (!ret) {
		if (tn->state == TIMENS_TK_FOLLOW)
			ret = timens_tk_modify_follow(ns, op, arg);
		else
			ret = timens_tk_modify_own(ns, op, arg);
	}
	mutex_unlock(&tn->mutex);
	return ret;
}

static void timens_tk_stepped(struct time_namespace *ns, const struct timespec64 *step)
{
	atomic64_inc(&timens_tk_steps);
	trace_timens_tk_step(ns->ns.inum, step->tv_sec, step->tv_nsec);
}

/* A step ends all slewing and any pending leap second, as on the host */
static void timens_tk_clear_ntp(struct timekeeper_ns *tn)
{
	tn->tkd.timekeeper.ntp_error = 0;
	ntp_clear(&tn->ntp);
}

/* A step ends a smear. A leap second whose edge has passed was taken. */
static void timens_tk_end_smear(struct timekeeper_ns *tn)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	struct timens_smear *s = &tn->smear;

	if (likely(s->state == TIMENS_SMEAR_NONE))
		return;
	if (s->committed) {
		tk_set_tai_offset(tk, tk->tai_offset - s->step);
		ntp_leap_done(&tn->ntp);
	}
	s->state = TIMENS_SMEAR_NONE;
	s->committed = false;
}

/* What a smear adds to CLOCK_REALTIME at present */
static struct timespec64 timens_tk_phase(const struct timekeeper_ns *tn)
{
	if (likely(tn->smear.state == TIMENS_SMEAR_NONE))
		return (struct timespec64){ 0 };
	return ns_to_timespec64(timens_smear_phase(&tn->smear,
						   timens_tk_unsmeared(tn, tn->cycle_now)));
}

/**
 * timens_tk_do_settime - Set CLOCK_REALTIME of an own clock
 * @tn:		The namespace, forwarded to the present and locked
 * @ts:		The new time, valid for settimeofday()
 * @step:	Storage for the resulting step
 *
 * Return: 0 on success, -EINVAL for a time before the start of CLOCK_MONOTONIC
 */
int timens_tk_do_settime(struct timekeeper_ns *tn, const struct timespec64 *ts,
			 struct timespec64 *step)
{
	struct timespec64 delta, phase = timens_tk_phase(tn);
	struct timekeeper *tk = &tn->tkd.timekeeper;
	int ret;

	/* A leap second which readers see already is part of what is stepped from */
	ret = tk_set_time(tk, ts, tn->mono_ahead, &delta);
	if (ret)
		return ret;
	*step = timespec64_sub(delta, phase);
	timens_tk_end_smear(tn);
	timens_tk_clear_ntp(tn);
	return 0;
}

/**
 * timens_tk_timex_reads - Whether an adjtimex() request only reads
 * @txc:	The request
 *
 * Return: true if @txc changes nothing
 */
bool timens_tk_timex_reads(const struct __kernel_timex *txc)
{
	if (txc->modes & ADJ_SETOFFSET)
		return false;
	if (txc->modes & ADJ_ADJTIME)
		return txc->modes & ADJ_OFFSET_READONLY;
	return !txc->modes;
}

/**
 * timens_tk_do_adjtimex - adjtimex() on an own clock
 * @tn:		The namespace, advanced to the present and locked; forwarded to
 *		the present if @txc changes something
 * @txc:	The validated request; filled with the state of the clock
 * @step:	Storage for the step of ADJ_SETOFFSET
 *
 * Return: the clock state TIME_* on success, -EINVAL if the offset of
 * ADJ_SETOFFSET leads out of the range of the clock
 */
int timens_tk_do_adjtimex(struct timekeeper_ns *tn, struct __kernel_timex *txc,
			  struct timespec64 *step)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	struct audit_ntp_data ad;
	struct timespec64 ts;
	s32 tai;
	int ret;

	if (txc->modes & ADJ_SETOFFSET) {
		step->tv_sec = txc->time.tv_sec;
		step->tv_nsec = txc->time.tv_usec;
		if (!(txc->modes & ADJ_NANO))
			step->tv_nsec *= NSEC_PER_USEC;
		/* From what is read, a smear included */
		ts = timespec64_add(*step, timens_tk_phase(tn));
		ret = tk_inject_offset(tk, &ts, tn->mono_ahead);
		if (ret)
			return ret;
		timens_tk_end_smear(tn);
		timens_tk_clear_ntp(tn);
	}

	/* Without a pending leap second, which __do_adjtimex() applies itself */
	timens_tk_own_line(tn, CLOCK_REALTIME, tn->cycle_now, &ts);
	timens_tk_add_smear(tn, &ts);
	tai = tk->tai_offset;
	audit_ntp_init(&ad);
	ret = __do_adjtimex(&tn->ntp, txc, &ts, &tai, tk->xtime_sec, &ad);
	if (tai != tk->tai_offset)
		tk_set_tai_offset(tk, tai);
	return ret;
}

/* What @tn reads on CLOCK_MONOTONIC_RAW less what the host does, at @cycles */
static struct timespec64 timens_tk_raw_ahead(struct timekeeper_ns *tn,
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

/* CLOCK_MONOTONIC_RAW of a clock with a rate, @ahead of the host's, at @cycles */
static void timens_tk_put_raw(struct timekeeper_ns *tn, const struct timens_tk_raw *raw,
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

	ahead = timens_tk_raw_ahead(tn, raw, now);
	timens_tk_set_rate(tn, rate);
	timens_tk_setup(tn, tk->tkr_mono.clock);
	tk->tkr_mono.cycle_last = now;
	tk->tkr_raw.cycle_last = now;
	tk->ntp_error = error;
	tk->skip_second_overflow = skip;
	if (timens_tk_is_rated(tn)) {
		timens_tk_put_raw(tn, raw, ahead, now);
	} else {
		tn->raw = *raw;
		tn->raw_offset = ahead;
	}
	return 0;
}

/**
 * timens_tk_do_policy - Say what the leap seconds of an own clock do
 * @tn:		The namespace, forwarded to the present and locked
 * @policy:	The policy
 *
 * Return: 0, or -EBUSY if a leap second is being smeared in another way
 */
int timens_tk_do_policy(struct timekeeper_ns *tn, const struct timens_smear_policy *policy)
{
	struct timens_smear *s = &tn->smear;
	const struct timens_smear_policy *old = &s->policy;

	if (old->preset == policy->preset && old->shape == policy->shape &&
	    old->window == policy->window && old->place == policy->place)
		return 0;
	if (s->state == TIMENS_SMEAR_RUNNING || s->state == TIMENS_SMEAR_BACK)
		return -EBUSY;
	s->policy = *policy;
	s->state = TIMENS_SMEAR_NONE;
	ntp_smear_leap(&tn->ntp, policy->preset != TIMENS_SMEAR_STEP);
	return 0;
}

/**
 * timens_tk_current - Whether a write of current is for its own clock
 *
 * Return: true if current is not in the initial time namespace
 */
bool timens_tk_current(void)
{
	return current->nsproxy->time_ns != &init_time_ns;
}

struct timens_tk_settime_arg {
	const struct timespec64	*tv;
	const struct timezone	*tz;
	struct timespec64	step;
};

static int timens_tk_settime_op(struct timekeeper_ns *tn, void *data)
{
	struct timens_tk_settime_arg *arg = data;
	int ret = 0;

	if (arg->tv)
		ret = timens_tk_do_settime(tn, arg->tv, &arg->step);
	if (!ret && arg->tz)
		tn->tz = *arg->tz;
	return ret;
}

/**
 * timens_tk_settimeofday - Set the clock of the namespace of current
 * @tv:		New CLOCK_REALTIME, or NULL
 * @tz:		New time zone, or NULL
 *
 * Return: 0, -EINVAL or -EPERM, in the order in which do_sys_settimeofday64()
 * looks at its arguments
 */
int timens_tk_settimeofday(const struct timespec64 *tv, const struct timezone *tz)
{
	struct time_namespace *ns = current->nsproxy->time_ns;
	struct timens_tk_settime_arg arg = { .tv = tv, .tz = tz };
	int ret;

	if (tv && !timespec64_valid_settod(tv))
		return -EINVAL;
	if (!ns_capable(ns->user_ns, CAP_SYS_TIME))
		return -EPERM;
	if (tz && (tz->tz_minuteswest > 15 * 60 || tz->tz_minuteswest < -15 * 60))
		return -EINVAL;
	if (!tv && !tz)
		return 0;

	ret = timens_tk_modify(ns, timens_tk_settime_op, &arg);
	if (!ret && tv)
		timens_tk_stepped(ns, &arg.step);
	return ret;
}

struct timens_tk_timex_arg {
	struct __kernel_timex	*txc;
	struct timespec64	step;
};

static int timens_tk_timex_op(struct timekeeper_ns *tn, void *data)
{
	struct timens_tk_timex_arg *arg = data;

	return timens_tk_do_adjtimex(tn, arg->txc, &arg->step);
}

/**
 * timens_tk_adjtimex - adjtimex() for the namespace of current
 * @txc:	The request; filled with the state of the clock
 *
 * The RTC, PPS and the audit log belong to the host and are not involved.
 *
 * Return: the clock state TIME_* on success, or the error which the host's
 * clock gives
 */
int timens_tk_adjtimex(struct __kernel_timex *txc)
{
	struct time_namespace *ns = current->nsproxy->time_ns;
	struct timens_tk_timex_arg arg = { .txc = txc };
	struct timekeeper_ns *tn = ns->tk;
	unsigned long flags;
	int ret;

	ret = timekeeping_validate_timex(txc, ns->user_ns);
	if (ret)
		return ret;

	if (timens_tk_timex_reads(txc)) {
		mutex_lock(&tn->mutex);
		if (tn->state == TIMENS_TK_FOLLOW) {
			mutex_unlock(&tn->mutex);
			return do_adjtimex_host(txc);
		}
		raw_spin_lock_irqsave(&tn->tkd.lock, flags);
		timens_tk_update_begin(tn);
		timens_tk_advance_to(tn, timens_tk_counter(tn));
		ret = timens_tk_do_adjtimex(tn, txc, &arg.step);
		timens_tk_update_end(tn);
		/* It only brought forward what a pass had done */
		if (timens_tk_take_moved(tn))
			timens_timer_clock_moved_delayed(tn);
		raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
		mutex_unlock(&tn->mutex);
		return ret;
	}

	ret = timens_tk_modify(ns, timens_tk_timex_op, &arg);
	if (ret >= 0 && txc->modes & ADJ_SETOFFSET)
		timens_tk_stepped(ns, &arg.step);
	return ret;
}

static int timens_tk_offsets_op(struct timekeeper_ns *tn, void *data)
{
	const struct timens_offsets *offs = data;
	struct timekeeper *tk = &tn->tkd.timekeeper;
	const struct timekeeper *host = &tk_core.timekeeper;
	struct timespec64 mono, boot, now;
	struct timens_tk_raw raw;
	u64 delta;

	/* Serialized against the host by its lock, see the caller */
	delta = timens_tk_delta(&host->tkr_mono, tn->cycle_now, host->tkr_mono.cycle_last);
	timens_tk_line(host, CLOCK_MONOTONIC, delta, &mono);
	timens_tk_line(host, CLOCK_BOOTTIME, delta, &boot);
	mono = timespec64_add(mono, offs->monotonic);
	boot = timespec64_add(boot, offs->boottime);

	timens_tk_read_at(tn, CLOCK_MONOTONIC, tn->cycle_now, &now);
	tk_set_wall_to_mono(tk, timespec64_add(tk->wall_to_monotonic, timespec64_sub(mono, now)));
	tn->mono_ahead = max(offs->monotonic.tv_sec, 0);
	timens_tk_read_at(tn, CLOCK_BOOTTIME, tn->cycle_now, &now);
	boot = timespec64_sub(boot, now);
	tk_update_sleep_time(tk, timespec64_to_ktime(boot));
	timens_past_move(tn, boot);
	if (timens_tk_is_rated(tn)) {
		timens_tk_host_raw(&tk_core, &raw);
		timens_tk_put_raw(tn, &raw, offs->raw, tn->cycle_now);
	} else {
		tn->raw_offset = offs->raw;
	}
	return 0;
}

/**
 * timens_tk_set_offsets - Set MONOTONIC and BOOTTIME before the first task
 * @ns:		The namespace, which no task has entered yet
 * @offs:	The offsets to the host which the clocks shall have
 *
 * Return: true if @ns owns its clock and was set, false if it follows the host
 */
bool timens_tk_set_offsets(struct time_namespace *ns, const struct timens_offsets *offs)
{
	struct timekeeper_ns *tn = ns->tk;
	unsigned long flags;
	bool own;

	mutex_lock(&tn->mutex);
	raw_spin_lock_irqsave(&tk_core.lock, flags);
	raw_spin_lock(&tn->tkd.lock);
	own = tn->state == TIMENS_TK_OWN;
	if (own) {
		timens_tk_update_begin(tn);
		timens_tk_forward_to(tn, timens_tk_counter(tn));
		timens_tk_offsets_op(tn, (void *)offs);
		timens_tk_update_end(tn);
		timens_tk_take_moved(tn);
	} else {
		timens_past_move(tn, timespec64_sub(offs->boottime, ns->offsets.boottime));
	}
	raw_spin_unlock(&tn->tkd.lock);
	raw_spin_unlock_irqrestore(&tk_core.lock, flags);
	mutex_unlock(&tn->mutex);
	return own;
}

/**
 * timens_tk_get_offsets - The present offsets of a namespace to the host
 * @ns:		The namespace
 * @offs:	Storage for the offsets
 */
void timens_tk_get_offsets(struct time_namespace *ns, struct timens_offsets *offs)
{
	struct timespec64 raw, host;
	struct timens_tk_rate rate;

	if (!ns->tk) {
		*offs = ns->offsets;
		return;
	}
	offs->monotonic = timens_tk_offset(ns, CLOCK_MONOTONIC);
	raw = timens_tk_raw_now(ns, &host, &rate);
	offs->raw = timespec64_sub(raw, host);
	offs->boottime = timens_tk_offset(ns, CLOCK_BOOTTIME);
}

/*
 * The constant offset with which a clock follows the host from @now on, such
 * that nothing goes back: neither the clock itself, at @now, nor its coarse
 * sister, at the last tick. They differ by what the namespace gained on the
 * host within a tick.
 */
static struct timespec64 timens_tk_follow_offset(const struct timekeeper_ns *tn, clockid_t clk,
						 u64 now)
{
	const struct tk_read_base *tkr = &tk_core.timekeeper.tkr_mono;
	u64 cycles[] = { now, tkr->cycle_last };
	struct timespec64 ns, host, off, most = { 0 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cycles); i++) {
		timens_tk_line(&tk_core.timekeeper, clk,
			       timens_tk_delta(tkr, cycles[i], tkr->cycle_last), &host);
		timens_tk_own_line(tn, clk, cycles[i], &ns);
		off = timespec64_sub(ns, host);
		if (!i || timespec64_compare(&off, &most) > 0)
			most = off;
	}
	/* Both were truncated to nanoseconds, the one more than the other */
	return timespec64_add(most, (struct timespec64){ .tv_nsec = 1 });
}

/*
 * Give the clock back: CLOCK_REALTIME and TAI become the host's, CLOCK_MONOTONIC
 * and BOOTTIME continue with the offset which they have now.
 *
 * The coarse clocks of an owner stand at its last bend until the next tick of
 * the host, those of a follower at the last tick. So that they do not go back,
 * the last bend has to be older than the last tick: take no more passes, keep
 * the setters out, and wait for a tick.
 */
static int timens_tk_follow(struct time_namespace *ns)
{
	struct tk_read_base *tkr = &tk_core.timekeeper.tkr_mono;
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct timekeeper_ns *tn = ns->tk;
	struct timens_tk_raw raw;
	unsigned long flags;
	int ret = 0;
	u64 now;

	mutex_lock(&tn->mutex);
	if (tn->state == TIMENS_TK_FOLLOW)
		goto out;
	/* The clock of a follower is a line of the past, too */
	ret = timens_past_reserve(tn);
	if (ret)
		goto out;

	raw_spin_lock_irqsave(&cal->lock, flags);
	list_del_init(&tn->node);
	raw_spin_unlock_irqrestore(&cal->lock, flags);
	hrtimer_cancel(&tn->wake_timer);

	for (;;) {
		raw_spin_lock_irqsave(&tk_core.lock, flags);
		raw_spin_lock(&cal->lock);
		raw_spin_lock(&tn->tkd.lock);
		now = (tkr->cycle_last - tn->cycle_now) & tkr->mask;
		if (now <= tkr->clock->max_raw_delta)
			break;
		raw_spin_unlock(&tn->tkd.lock);
		raw_spin_unlock(&cal->lock);
		raw_spin_unlock_irqrestore(&tk_core.lock, flags);
		schedule_timeout_uninterruptible(1);
	}

	timens_tk_update_begin(tn);
	now = timens_tk_counter(tn);
	ns->offsets.monotonic = timens_tk_follow_offset(tn, CLOCK_MONOTONIC, now);
	ns->offsets.boottime = timens_tk_follow_offset(tn, CLOCK_BOOTTIME, now);
	timens_tk_host_raw(&tk_core, &raw);
	ns->offsets.raw = timens_tk_raw_ahead(tn, &raw, now);
	tn->state = TIMENS_TK_FOLLOW;
	tn->edge_sec = TIME64_MAX;
	tn->smear.state = TIMENS_SMEAR_NONE;
	timens_tk_set_rate(tn, (struct timens_tk_rate){ 1, 1 });
	if (tn->vdata) {
		timens_set_vdso_offsets(&tn->vdata[CS_HRES_COARSE], &ns->offsets);
		timens_set_vdso_offsets(&tn->vdata[CS_RAW], &ns->offsets);
	}
	timens_tk_update_end(tn);
	timens_tk_take_moved(tn);
	timens_tk_calendar_del(cal, tn);
	cal->switches++;
	raw_spin_unlock(&tn->tkd.lock);
	raw_spin_unlock(&cal->lock);
	raw_spin_unlock_irqrestore(&tk_core.lock, flags);

	/* The end of a suspend may have armed it again */
	hrtimer_cancel(&tn->wake_timer);
	trace_timens_tk_switch(ns->ns.inum, false);
	static_branch_slow_dec_deferred(&timens_tk_key);
	/* CLOCK_REALTIME and TAI jumped to the host's */
	timens_timer_clock_moved(tn);
out:
	mutex_unlock(&tn->mutex);
	return ret;
}

/*
 * Lifetime
 */

/**
 * timens_tk_init_instance - Initialize the locks and links of a namespace
 * @tn:		The zeroed structure
 */
void timens_tk_init_instance(struct timekeeper_ns *tn)
{
	raw_spin_lock_init(&tn->tkd.lock);
	seqcount_raw_spinlock_init(&tn->tkd.seq, &tn->tkd.lock);
	tn->tkd.ntp = &tn->ntp;
	tn->edge_sec = TIME64_MAX;
	tn->rate = (struct timens_tk_rate){ 1, 1 };
	tn->ahead = TIMENS_TK_EDGE_AHEAD;
	mutex_init(&tn->mutex);
	INIT_LIST_HEAD(&tn->node);
	INIT_LIST_HEAD(&tn->own_node);
	hrtimer_init(&tn->wake_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	tn->wake_timer.function = timens_tk_wake_fn;
	timens_timer_init_ns(tn);
}

/**
 * timens_tk_alloc - Allocate the clock of a new time namespace
 * @ns:		The namespace, with its page
 *
 * The memory is charged to the creator.
 *
 * Return: 0, or -ENOMEM
 */
int timens_tk_alloc(struct time_namespace *ns)
{
	struct timekeeper_ns *tn;

	BUILD_BUG_ON(sizeof(*tn) > 2048 && !IS_ENABLED(CONFIG_LOCKDEP) &&
		     !IS_ENABLED(CONFIG_DEBUG_SPINLOCK));

	tn = kmem_cache_zalloc(timens_tk_cache, GFP_KERNEL);
	if (!tn)
		return -ENOMEM;
	timens_tk_init_instance(tn);
	timens_past_init(tn);
	tn->ns = ns;
	tn->vdata = arch_get_vdso_data(page_address(ns->vvar_page));
	ns->tk = tn;
	return 0;
}

/**
 * timens_tk_copy - Continue the line of another clock
 * @tn:		The clock
 * @from:	One which its namespace owns, locked by the caller
 */
void timens_tk_copy(struct timekeeper_ns *tn, const struct timekeeper_ns *from)
{
	tn->tkd.timekeeper = from->tkd.timekeeper;
	tn->ntp = from->ntp;
	tn->edge_step = from->edge_step;
	tn->edge_sec = from->edge_sec;
	tn->cycle_now = from->cycle_now;
	tn->max_cycles = from->max_cycles;
	tn->mult_tick = from->mult_tick;
	tn->raw = from->raw;
	tn->raw_offset = from->raw_offset;
	timens_tk_set_rate(tn, from->rate);
	tn->span = from->span;
	tn->mono_ahead = from->mono_ahead;
	tn->smear = from->smear;
	tn->tz = from->tz;
	tn->state = TIMENS_TK_OWN;
}

/**
 * timens_tk_clone - Start the clock of a new namespace as a copy
 * @ns:		The new namespace, not visible to anybody yet
 * @old:	The namespace to copy
 *
 * A copy of an owner is an owner, on the same line. There is no hierarchy:
 * from here on they are independent.
 *
 * Return: 0, or -ENOMEM, which leaves @ns as timens_tk_alloc() left it
 */
int timens_tk_clone(struct time_namespace *ns, struct time_namespace *old)
{
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct timekeeper_ns *tn = ns->tk, *from = old->tk;
	unsigned long flags;

	/* The initial namespace has none */
	if (!from) {
		timens_timer_add_ns(tn);
		return 0;
	}

	mutex_lock(&from->mutex);
	if (timens_past_copy(tn, from)) {
		mutex_unlock(&from->mutex);
		return -ENOMEM;
	}
	timens_timer_add_ns(tn);
	ns->offsets = old->offsets;
	if (from->state == TIMENS_TK_OWN) {
		timens_tk_key_inc(&timens_tk_key.key);
		raw_spin_lock_irqsave(&cal->lock, flags);
		raw_spin_lock(&from->tkd.lock);
		raw_spin_lock_nested(&tn->tkd.lock, SINGLE_DEPTH_NESTING);
		timens_tk_update_begin(tn);
		timens_tk_copy(tn, from);
		/* Its wake timer counts from the present */
		timens_tk_forward_to(tn, timens_tk_counter(tn));
		timens_tk_update_end(tn);
		/* It has no timers yet */
		timens_tk_take_moved(tn);
		timens_tk_join(cal, tn);
		raw_spin_unlock(&tn->tkd.lock);
		raw_spin_unlock(&from->tkd.lock);
		raw_spin_unlock_irqrestore(&cal->lock, flags);
	}
	mutex_unlock(&from->mutex);
	return 0;
}

/**
 * timens_tk_free - Free the clock of a time namespace
 * @ns:		The namespace, to which nobody refers any more
 */
void timens_tk_free(struct time_namespace *ns)
{
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct timekeeper_ns *tn = ns->tk;
	unsigned long flags;

	if (tn->state == TIMENS_TK_OWN) {
		raw_spin_lock_irqsave(&cal->lock, flags);
		timens_tk_calendar_del(cal, tn);
		raw_spin_unlock_irqrestore(&cal->lock, flags);
		static_branch_slow_dec_deferred(&timens_tk_key);
	}
	hrtimer_cancel(&tn->wake_timer);
	timens_timer_del_ns(tn);
	timens_past_free(tn);
	mutex_destroy(&tn->mutex);
	kmem_cache_free(timens_tk_cache, tn);
}

/* Keep the state of @ns while its page is set up for the first task */
void timens_tk_lock(struct time_namespace *ns)
{
	mutex_lock(&ns->tk->mutex);
}

void timens_tk_unlock(struct time_namespace *ns)
{
	mutex_unlock(&ns->tk->mutex);
}

bool timens_tk_owns(struct time_namespace *ns)
{
	lockdep_assert_held(&ns->tk->mutex);
	return ns->tk->state == TIMENS_TK_OWN;
}

/*
 * /proc/PID/timens_clock
 */

static void timens_tk_show_offset(struct seq_file *m, const char *name, struct timespec64 off)
{
	seq_printf(m, "%-10s %10lld %9ld\n", name, off.tv_sec, off.tv_nsec);
}

/* Rate and leap seconds; of a follower, whose @tn is NULL, as the host has them */
static void timens_tk_show_policy(struct seq_file *m, struct timekeeper_ns *tn)
{
	static const char *const state[] = {
		[TIMENS_SMEAR_NONE]	= "none",
		[TIMENS_SMEAR_WAITING]	= "waiting",
		[TIMENS_SMEAR_RUNNING]	= "running",
		[TIMENS_SMEAR_BACK]	= "back",
	};
	struct timens_tk_rate rate = { 1, 1 };
	struct timens_smear s = { 0 };
	unsigned long flags;
	char name[40];
	s64 phase = 0;

	if (tn) {
		raw_spin_lock_irqsave(&tn->tkd.lock, flags);
		rate = tn->rate;
		s = tn->smear;
		phase = timens_smear_phase(&s, timens_tk_unsmeared(tn, timens_tk_counter(tn)));
		raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
	}
	seq_printf(m, rate.den == 1 ? "%-10s %10u\n" : "%-10s %10u/%u\n", "rate", rate.num,
		   rate.den);
	seq_printf(m, "%-10s %s\n", "leap", timens_smear_name(&s.policy, name, sizeof(name)));
	seq_printf(m, "%-10s %s", "smear", state[s.state]);
	if (s.state != TIMENS_SMEAR_NONE)
		seq_printf(m, " %lld %lld %lld", div_s64(s.start, NSEC_PER_SEC),
			   div_s64(s.end, NSEC_PER_SEC), phase);
	seq_putc(m, '\n');
}

/**
 * timens_tk_show_clock - Print state, offsets and steering of a namespace
 * @ns:		The namespace, or the initial one
 * @m:		The file
 */
void timens_tk_show_clock(struct time_namespace *ns, struct seq_file *m)
{
	struct timekeeper_ns *tn = ns->tk;
	struct timespec64 zero = { 0 };
	struct timens_tk_pair p = { 0 };
	u64 tick;

	if (tn)
		timens_tk_read_pair(ns, CLOCK_REALTIME, CLOCK_REALTIME, &p);
	seq_printf(m, "%-10s %s\n", "state", p.own ? "own" : "follow");
	timens_tk_show_offset(m, "realtime", timespec64_sub(p.ns, p.host));
	timens_tk_show_offset(m, "monotonic", tn ? timens_tk_offset(ns, CLOCK_MONOTONIC) : zero);
	timens_tk_show_offset(m, "boottime", tn ? timens_tk_offset(ns, CLOCK_BOOTTIME) : zero);
	timens_tk_show_offset(m, "tai", tn ? timens_tk_offset(ns, CLOCK_TAI) : zero);

	/* Nanoseconds per second on top of a second, NTP slewing included */
	tick = READ_ONCE((p.own ? &tn->ntp : &tk_ntp_data)->tick_length);
	seq_printf(m, "%-10s %10lld\n", "frequency",
		   (s64)(tick * NTP_INTERVAL_FREQ - ((u64)NSEC_PER_SEC << NTP_SCALE_SHIFT)) >>
		   NTP_SCALE_SHIFT);
	timens_tk_show_policy(m, p.own ? tn : NULL);
}

/* A number without sign: digits, and with @scale up to nine more after a point */
static int timens_tk_parse_number(const char **text, u64 *num, u64 *scale)
{
	const char *p = *text;
	unsigned int places = 0;
	bool point = false;

	*num = 0;
	*scale = 1;
	if (!isdigit(*p))
		return -EINVAL;
	for (;; p++) {
		if (*p == '.' && !point && isdigit(p[1])) {
			point = true;
			continue;
		}
		if (!isdigit(*p))
			break;
		if (point && ++places > 9)
			return -EINVAL;
		/* 2^64 has twenty digits */
		if (*num > U64_MAX / 100)
			return -EINVAL;
		*num = *num * 10 + (*p - '0');
		*scale *= point ? 10 : 1;
	}
	*text = p;
	return 0;
}

/**
 * timens_tk_parse_rate - Read a rate
 * @text:	A decimal number, or two whole ones with a slash in between
 * @rate:	Storage for the rate, as a reduced fraction
 *
 * Return: 0, -EINVAL if @text is something else, or -ERANGE
 */
int timens_tk_parse_rate(const char *text, struct timens_tk_rate *rate)
{
	u64 num, den, scale, common;
	int ret;

	ret = timens_tk_parse_number(&text, &num, &den);
	if (!ret && *text == '/' && den == 1) {
		text++;
		ret = timens_tk_parse_number(&text, &den, &scale);
		if (!ret && scale != 1)
			ret = -EINVAL;
	}
	if (ret || *text)
		return -EINVAL;
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

static int timens_tk_rate_op(struct timekeeper_ns *tn, void *data)
{
	const struct timens_tk_rate *rate = data;
	struct timens_tk_raw raw;

	timens_tk_host_raw(&tk_core, &raw);
	return timens_tk_do_rate(tn, *rate, &raw);
}

static int timens_tk_policy_op(struct timekeeper_ns *tn, void *data)
{
	return timens_tk_do_policy(tn, data);
}

/**
 * timens_tk_write_clock - Execute a command for the clock of a namespace
 * @file:	The file which was opened for writing
 * @ns:		The namespace
 * @buf:	The command; the function may modify it
 *
 * "follow" gives the clock back. "leap" with a policy and "rate" with a number
 * make the namespace an owner of its clock, as any other write.
 *
 * Return: 0, -EPERM without CAP_SYS_TIME in the user namespace which owns @ns,
 * -EINVAL for what is no command and for the initial namespace, -ERANGE for a
 * rate out of its range, -EBUSY if a leap second is being smeared in another
 * way, -ENOMEM
 */
int timens_tk_write_clock(struct file *file, struct time_namespace *ns, char *buf)
{
	struct timens_smear_policy policy;
	struct timens_tk_rate rate;
	size_t len = strlen(buf);
	int ret;

	if (!file_ns_capable(file, ns->user_ns, CAP_SYS_TIME))
		return -EPERM;
	if (len && buf[len - 1] == '\n')
		buf[len - 1] = '\0';
	if (!ns->tk)
		return -EINVAL;

	if (!strcmp(buf, "follow"))
		return timens_tk_follow(ns);
	len = str_has_prefix(buf, "leap ");
	if (len) {
		ret = timens_smear_parse(&policy, buf + len);
		return ret ?: timens_tk_modify(ns, timens_tk_policy_op, &policy);
	}
	len = str_has_prefix(buf, "rate ");
	if (len) {
		ret = timens_tk_parse_rate(buf + len, &rate);
		return ret ?: timens_tk_modify(ns, timens_tk_rate_op, &rate);
	}
	return -EINVAL;
}

/*
 * Knobs and statistics
 */

/* Boot parameters; 1000 ms is one pass per second */
static unsigned int timens_tk_interval_ms = MSEC_PER_SEC;
module_param_named(interval_ms, timens_tk_interval_ms, uint, 0);
MODULE_PARM_DESC(interval_ms, "Milliseconds between two passes of a namespace, 0: every tick");

static unsigned int timens_tk_budget = TIMENS_TK_BUDGET;
module_param_named(budget, timens_tk_budget, uint, 0);
MODULE_PARM_DESC(budget, "Passes per tick");

static int timens_tk_set_interval(u64 ms)
{
	unsigned long flags;

	if (ms > MSEC_PER_SEC)
		return -EINVAL;

	raw_spin_lock_irqsave(&timens_tk_cal.lock, flags);
	timens_tk_interval_ms = ms;
	timens_tk_interval = max(msecs_to_jiffies(ms), 1);
	timens_tk_calendar_set(&timens_tk_cal, timens_tk_interval, timens_tk_cal.deadline);
	raw_spin_unlock_irqrestore(&timens_tk_cal.lock, flags);
	return 0;
}

static int timens_tk_set_budget(u64 passes)
{
	if (!passes || passes > UINT_MAX)
		return -EINVAL;
	WRITE_ONCE(timens_tk_cal.budget, passes);
	return 0;
}

static int timens_tk_interval_get(void *data, u64 *val)
{
	*val = READ_ONCE(timens_tk_interval_ms);
	return 0;
}

static int timens_tk_interval_put(void *data, u64 val)
{
	return timens_tk_set_interval(val);
}
DEFINE_DEBUGFS_ATTRIBUTE(timens_tk_interval_fops, timens_tk_interval_get,
			 timens_tk_interval_put, "%llu\n");

static int timens_tk_budget_get(void *data, u64 *val)
{
	*val = READ_ONCE(timens_tk_cal.budget);
	return 0;
}

static int timens_tk_budget_put(void *data, u64 val)
{
	return timens_tk_set_budget(val);
}
DEFINE_DEBUGFS_ATTRIBUTE(timens_tk_budget_fops, timens_tk_budget_get,
			 timens_tk_budget_put, "%llu\n");

static int timens_tk_stats_show(struct seq_file *m, void *v)
{
	struct timens_tk_calendar *cal = &timens_tk_cal;
	u64 passes, ticks, carried, busy, batch, late, switches, early, moved;
	unsigned long flags;
	unsigned int own;

	raw_spin_lock_irqsave(&cal->lock, flags);
	own = cal->nr_own;
	passes = cal->passes;
	ticks = cal->ticks;
	carried = cal->carried;
	busy = cal->busy;
	batch = cal->max_batch;
	late = cal->max_late;
	switches = cal->switches;
	raw_spin_unlock_irqrestore(&cal->lock, flags);

	seq_printf(m, "own %u\npasses %llu\nticks %llu\ncarried %llu\nbusy %llu\n",
		   own, passes, ticks, carried, busy);
	seq_printf(m, "max_batch %llu\nlate %llu\nswitches %llu\nsteps %lld\nleaps %lld\n",
		   batch, late, switches, atomic64_read(&timens_tk_steps),
		   atomic64_read(&timens_tk_leaps));
	timens_timer_stats(&early, &moved);
	seq_printf(m, "timers_early %llu\ntimers_moved %llu\npatched %lld\n", early, moved,
		   atomic64_read(&timens_tk_patched));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(timens_tk_stats);

static int __init timens_tk_init(void)
{
	timens_tk_cache = KMEM_CACHE(timekeeper_ns, SLAB_PANIC | SLAB_ACCOUNT);
	hrtimer_init(&timens_tk_carry_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timens_tk_carry_timer.function = timens_tk_carry_fn;
	timens_tk_calendar_init(&timens_tk_cal, get_jiffies_64());
	if (timens_tk_set_interval(timens_tk_interval_ms)) {
		pr_warn("timens_tk: interval_ms=%u is not in 0..1000, using 1000\n",
			timens_tk_interval_ms);
		timens_tk_set_interval(MSEC_PER_SEC);
	}
	if (timens_tk_set_budget(timens_tk_budget))
		pr_warn("timens_tk: budget must not be 0, using %u\n", TIMENS_TK_BUDGET);
	return 0;
}
core_initcall(timens_tk_init);

static int __init timens_tk_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("timekeeper_ns", NULL);

	debugfs_create_file("interval_ms", 0644, dir, NULL, &timens_tk_interval_fops);
	debugfs_create_file("budget", 0644, dir, NULL, &timens_tk_budget_fops);
	debugfs_create_file("stats", 0444, dir, NULL, &timens_tk_stats_fops);
	return 0;
}
late_initcall(timens_tk_debugfs_init);
