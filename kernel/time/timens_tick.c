// SPDX-License-Identifier: GPL-2.0
/*
 * Passes: when the clock of a time namespace is brought forward
 *
 * The tick serves the namespaces whose turn it is (__timens_tk_advance()), and a
 * wake timer those which need a pass while there is no tick. All that a calm pass
 * executes is inlined in this object.
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
 */
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/prefetch.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>
#include <trace/events/timens_tk.h>

#include "timekeeping.h"
#include "timens_page.h"

struct timens_tk_calendar timens_tk_cal = {
	.lock	= __RAW_SPIN_LOCK_UNLOCKED(timens_tk_cal.lock),
};

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

/**
 * timens_tk_arm_wake - Arm the wake timer
 * @tn:		The namespace
 *
 * Arm the timer for a pass which must be taken even when the machine is idle.
 * As long as there are ticks, they come first and put it off.
 *
 * But not on the way to a leap second: the tree of the timers is deep when
 * thousands wait for the same one, and each pass would climb it. The timer which
 * is armed already comes early, looks again, and does that a few times in all.
 *
 * Context: under the lock of the clock, outside of a write section
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

/*
 * Calendar. All functions want the lock of the calendar.
 */

/**
 * timens_tk_calendar_init - Initialize a calendar
 * @cal:		The calendar
 * @now:		The present tick
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

/**
 * timens_tk_calendar_add - A namespace becomes an owner
 * @cal:		The calendar
 * @tn:		The namespace, not queued
 * @now:		The present tick
 *
 * Context: under the lock of @cal
 */
void timens_tk_calendar_add(struct timens_tk_calendar *cal, struct timekeeper_ns *tn, u64 now)
{
	if (!cal->nr_own++)
		cal->tick = now;
	list_add_tail(&tn->own_node, &cal->own);
	timens_tk_calendar_home(cal, tn);
	timens_tk_calendar_queue(cal, tn, now);
}

/**
 * timens_tk_calendar_del - A namespace ceases to be an owner
 * @cal:		The calendar
 * @tn:		The namespace
 *
 * Context: under the lock of @cal
 */
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
		if (unlikely(tn->host_rate != cal->host_rate)) {
			tn->host_rate = cal->host_rate;
			timens_past_look(tn, false);
		}
		timens_tk_calendar_queue_home(cal, tn, now);
		return;
	}
	timens_tk_arm_wake(tn);
	if (unlikely(timens_tk_take_moved(tn)))
		timens_timer_clock_moved_delayed(tn);
	timens_tk_calendar_queue(cal, tn, now);
}

/**
 * timens_tk_bring_forward - Take the next pass earlier
 * @tn:		The namespace
 * @ticks:	Ticks to the pass, 0: when it is due anyway
 *
 * Context: process context, without the lock of the clock
 */
void timens_tk_bring_forward(struct timekeeper_ns *tn, u64 ticks)
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
static void timens_tk_host_rate_changed(struct timekeeper_ns *tn)
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

static void timens_tk_host_rate_work(struct work_struct *work)
{
	timens_timer_walk_all(TIMENS_TK_OWN, timens_tk_host_rate_changed);
}

static DECLARE_WORK(timens_tk_host_work, timens_tk_host_rate_work);

/*
 * Timers stand on the host's clock, and have to move when its rate does. So do the
 * lines of the past. Two clocks which looked at the host's rate on either side of
 * what was seen here last differ by 2^-16, which is what a line may be off without
 * being looked at.
 */
static void timens_tk_watch_host(struct timens_tk_calendar *cal)
{
	u64 tick = READ_ONCE(tk_core.timekeeper.ntp_tick);

	if (likely(abs_diff(tick, cal->host_seen) <= tick >> 17))
		return;
	cal->host_seen = tick;
	cal->host_rate++;
	if (likely(abs_diff(tick, cal->host_tick) <= tick >> TIMENS_TIMER_RATE_SHIFT))
		return;
	cal->host_tick = tick;
	queue_work(system_unbound_wq, &timens_tk_host_work);
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

/**
 * timens_tk_wrap_ticks - How long the counter lets a pass wait
 * @tk:		The host's timekeeper
 *
 * Ticks after which a pass may not be put off, 0 for a counter which does not
 * wrap: a quarter of the counter, as the host may idle for half of it then.
 *
 * Return: ticks, or 0
 */
unsigned int timens_tk_wrap_ticks(const struct timekeeper *tk)
{
	u64 ticks = div64_u64(tk->tkr_mono.clock->max_raw_delta >> 2, tk->cycle_interval);

	return ticks > UINT_MAX ? 0 : ticks;
}

unsigned int timens_tk_interval = HZ;

/**
 * timens_tk_join - Queue a new owner
 * @cal:		The calendar, locked by the caller
 * @tn:		The namespace, locked by the caller
 *
 * Make @tn an owner. The calendar rests, and knows no counter, without one
 */
void timens_tk_join(struct timens_tk_calendar *cal, struct timekeeper_ns *tn)
{
	lockdep_assert_held(&cal->lock);

	if (!cal->nr_own)
		timens_tk_calendar_set(cal, timens_tk_interval,
				       timens_tk_wrap_ticks(&tk_core.timekeeper));
	timens_tk_calendar_add(cal, tn, get_jiffies_64());
	timens_tk_arm_wake(tn);
}

/**
 * timens_tk_tick_init - Open the calendar of the system
 *
 * Context: once at boot, before there is a time namespace
 */
void __init timens_tk_tick_init(void)
{
	hrtimer_init(&timens_tk_carry_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timens_tk_carry_timer.function = timens_tk_carry_fn;
	timens_tk_calendar_init(&timens_tk_cal, get_jiffies_64());
}
