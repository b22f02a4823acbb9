// SPDX-License-Identifier: GPL-2.0
/*
 * Advancing without a tick: readers, writers and the wake timer
 *
 * Where a line ends before the present, whoever reads or writes the clock advances it
 * first, at its own expense. Where nobody does and there is no tick either, a timer of
 * the namespace does it.
 *
 *
 * Wake timer
 * ----------
 *
 * Timers stand on the host's clock, and have to move when the rate of their clock
 * changes by much. Where NTP or a smear will do that, a timer of the namespace
 * makes the tick unnecessary. It may fire while a pass is under way:
 *
 *   CPU 0 (tick)                         CPU 1 (wake timer of the namespace)
 *   collect: due <= tick
 *   lock namespace, pass                 expires, lock namespace: wait
 *   re-arm the timer, due = later
 *   unlock
 *                                        due > tick: not collected. Catch up with
 *                                          what there is, and arm the timer
 *
 * With the lock in other hands first, it is the tick which finds it taken: it
 * queues the pass for the next tick, and arms the timer of the calendar.
 */
#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/timekeeping.h>

#include "timekeeping.h"
#include "timens_page.h"

/* Whether NTP slews so much, or is about to, that timers notice when it changes */
static bool timens_tk_slews_much(const struct timekeeper_ns *tn)
{
	const struct ntp_data *ntp = &tn->ntp;
	u64 much = ntp->tick_length_base >> TIMENS_TIMER_RATE_SHIFT;

	if (likely(timens_tk_is_even(tn)))
		return false;
	return abs_diff(ntp->tick_length, ntp->tick_length_base) > much ||
	       abs(ntp_next_bend(ntp)) > much;
}

/*
 * Nanoseconds of the host until the namespace needs a pass even if there is no tick,
 * S64_MAX for whenever: its timers have to move when its rate changes by much, and
 * nobody else would tell them. No reader needs one. However fast the clock is, it is
 * a second of the host at the least, unless that is what its line says.
 */
static s64 timens_tk_wake_left(const struct timekeeper_ns *tn)
{
	s64 left = S64_MAX, rest;

	if (unlikely(tn->stopped))
		return S64_MAX;
	if (unlikely(timens_tk_slews_much(tn)))
		left = timens_tk_cycles_to_event(&tk_core, tn->valid) +
		       TICK_NSEC + TICK_NSEC / 4;
	/* The chords of a smear would end hundreds of times in a second */
	if (timens_tk_is_fast(tn))
		left = max(left, NSEC_PER_SEC);

	if (unlikely(tn->smear.state != TIMENS_SMEAR_NONE)) {
		rest = timens_smear_wake(&tn->smear, timens_tk_unsmeared(tn, tn->cycle_now));
		if (rest != S64_MAX)
			left = min(left, max(timens_tk_ns_to_host(&tk_core, tn, rest),
					     NSEC_PER_SEC));
	}
	return left;
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

/**
 * timens_tk_arm_wake - Arm the wake timer
 * @tn:		The namespace
 *
 * Arm the timer for a pass which must be taken even when the machine is idle.
 * As long as there are ticks, they come first and put it off.
 *
 * Context: under the lock of the clock, behind a write section
 */
void timens_tk_arm_wake(struct timekeeper_ns *tn)
{
	s64 left;

	lockdep_assert_held(&tn->tkd.lock);

	left = timens_tk_wake_left(tn);
	if (likely(left == S64_MAX))
		return;
	left += (s64)timens_tk_wake_group(&timens_tk_cal, tn) * TIMENS_TK_WAKE_APART;
	left = max(left, NSEC_PER_MSEC);
	hrtimer_start_range_ns(&tn->wake_timer, ns_to_ktime(left), TIMENS_TK_WAKE_SLACK,
			       HRTIMER_MODE_REL);
}

/**
 * timens_tk_catch_up_some - Bring the clock to the present, or part of the way
 * @tn:		The namespace
 * @steps:	What it may take; is what is left
 *
 * The last step arms the wake timer and moves the timers of the namespace. The counter
 * is read when the clock is on that of the host.
 *
 * Context: under the lock of the clock, interrupts disabled
 * Return: whether the present was reached
 */
bool timens_tk_catch_up_some(struct timekeeper_ns *tn, unsigned int *steps)
{
	struct timens_tk_raw raw;
	bool there;

	lockdep_assert_held(&tn->tkd.lock);

	timens_tk_host_raw(&tk_core, &raw);
	timens_tk_update_begin(tn);
	there = timens_tk_replay(tn, steps) &&
		timens_tk_run_to(tn, &raw, timens_tk_counter(tn), steps);
	timens_tk_update_end(tn);
	if (!there)
		return false;
	timens_tk_arm_wake(tn);
	if (timens_tk_take_moved(tn))
		timens_timer_clock_moved_delayed(tn);
	return true;
}

/**
 * timens_tk_is_due - Whether a clock has more to do up to the present than to go on
 * @tn:		The namespace, which counts what the host counts
 * @cycles:	Counter value of the present
 *
 * If not, a pass would move the point on the line: no line or chord ends before @cycles, and
 * NTP is told of no second. So what is read of the clock at @cycles is the truth, its NTP
 * state included.
 *
 * The line is valid there, which bounds the product as in timens_tk_accumulate().
 *
 * Context: under the lock of the clock
 * Return: whether there is
 */
bool timens_tk_is_due(const struct timekeeper_ns *tn, u64 cycles)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	const struct tk_read_base *tkr = &tk->tkr_mono;
	u64 offset, xnsec;

	if (unlikely(tn->stopped))
		return false;
	if (timens_tk_is_beyond(tn, cycles))
		return true;
	if (unlikely(tn->smear.state != TIMENS_SMEAR_NONE) &&
	    timens_tk_unsmeared(tn, cycles) >= timens_smear_due(&tn->smear))
		return true;
	offset = timens_tk_delta(tkr, cycles, tn->cycle_now);
	offset += (tn->cycle_now - tkr->cycle_last) & tkr->mask;
	xnsec = tkr->xtime_nsec + div64_u64(offset, tk->cycle_interval) * tk->xtime_interval;
	/* Of the seconds of a batch NTP knows already */
	return xnsec >= (tn->batch_left + 1) * timens_tk_second(tk);
}

static void __timens_tk_catch_up(struct timekeeper_ns *tn, bool ntp)
{
	unsigned long flags;
	unsigned int steps;
	bool there;

	do {
		there = true;
		steps = TIMENS_TK_STEPS;
		raw_spin_lock_irqsave(&tn->tkd.lock, flags);
		if (tn->state == TIMENS_TK_OWN && !timekeeping_suspended &&
		    (timens_tk_is_stale(tn) ||
		     (ntp ? timens_tk_is_due(tn, timens_tk_counter(tn)) :
			    timens_tk_is_beyond(tn, timens_tk_counter(tn)))))
			there = timens_tk_catch_up_some(tn, &steps);
		raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
	} while (unlikely(!there));
}

/**
 * timens_tk_catch_up - Bring a clock which is behind its next bend to the present
 * @tn:		The namespace
 *
 * For who reads or writes a clock and finds that its line ends before the present, or
 * that the host's timekeeping has changed since.
 * What the clock had to do in the meantime is done at the expense of the caller, with
 * interrupts enabled, if they were, every TIMENS_TK_STEPS steps.
 *
 *   CPU 0 (reader)                       CPU 1 (tick, or another reader)
 *   counter beyond the line
 *                                        lock namespace, advance, unlock
 *   lock namespace
 *   the line reaches further: leave it
 *   unlock, read again
 *
 * Context: any but NMI, without the lock of the clock; those of timers may be held
 */
void timens_tk_catch_up(struct timekeeper_ns *tn)
{
	__timens_tk_catch_up(tn, false);
}

/**
 * timens_tk_refresh - Bring a clock to the present, if it has something to do before
 * @tn:		The namespace
 *
 * For who shows more of it than its time: which second it is, say, for NTP. That is for
 * everybody, as often as they like. So a clock which has nothing to do is left alone: its page
 * is not written, and its point not moved, for which timens_tk_follow() would wait.
 *
 * Context: as timens_tk_catch_up()
 */
void timens_tk_refresh(struct timekeeper_ns *tn)
{
	__timens_tk_catch_up(tn, true);
}

/**
 * timens_tk_lock_current - Lock a clock which counts what the host counts
 * @tn:		The namespace
 *
 * For who writes, or reads more than a seqcount protects. A follower is locked as it is.
 *
 * Context: process context, without the lock of the clock
 * Return: the interrupt flags to unlock with
 */
unsigned long timens_tk_lock_current(struct timekeeper_ns *tn)
	__acquires(&tn->tkd.lock)
{
	unsigned long flags;

	for (;;) {
		timens_tk_catch_up(tn);
		raw_spin_lock_irqsave(&tn->tkd.lock, flags);
		if (tn->state != TIMENS_TK_OWN || !timens_tk_is_stale(tn))
			return flags;
		raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
	}
}

static enum hrtimer_restart timens_tk_wake_fn(struct hrtimer *timer)
{
	struct timekeeper_ns *tn = container_of(timer, struct timekeeper_ns, wake_timer);
	unsigned int steps = TIMENS_TK_STEPS;
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
	/* What is left is for the next one, which comes soon */
	if (!timens_tk_catch_up_some(tn, &steps))
		hrtimer_start_range_ns(timer, NSEC_PER_MSEC, 0, HRTIMER_MODE_REL);
out:
	raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
	return HRTIMER_NORESTART;
}

/**
 * timens_tk_wake_init - Initialize the wake timer of a namespace
 * @tn:		The zeroed structure
 *
 * Context: any
 */
void timens_tk_wake_init(struct timekeeper_ns *tn)
{
	hrtimer_init(&tn->wake_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	tn->wake_timer.function = timens_tk_wake_fn;
}
