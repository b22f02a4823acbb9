// SPDX-License-Identifier: GPL-2.0
/*
 * Passes: when the tick brings the clock of a time namespace forward
 *
 * A pass moves the point of a line to the present. No value that anybody reads
 * depends on when it comes: where a line ends, its readers advance the clock
 * themselves (timens_tk_catch_up()). A pass keeps them from having to, moves the
 * coarse clocks behind the end of a line, keeps the counter from wrapping, and
 * notices what the timers of the namespace have to know. So it may be late, and
 * there is a bound to what passes may do.
 *
 *
 * Calendar
 * --------
 *
 * The tick serves the namespaces whose turn it is (__timens_tk_advance()). Each
 * takes one pass in each interval, at its home: the tick, modulo the interval,
 * which had the fewest namespaces when it was chosen. One slot of a ring per tick
 * holds those which are due. The interval is up to four seconds, however fast a
 * clock is; while the PLL or adjtime() slew, the pass moves to the end of the line
 * (aligned), which is a second of the namespace or of the host, whichever is longer.
 * A smear at a rate gets up to sixteen a second for its chords.
 *
 *
 * Budget
 * ------
 *
 * A pass counts its steps: a calm one is one, and so are all seconds in which the
 * slope stays, however many they are; a second in which the PLL slews is one. A pass
 * takes at most TIMENS_TK_STEPS, and a tick at most TIMENS_TK_BUDGET: the last pass of a
 * tick gets what is left of that. Where the counter wraps it is TIMENS_TK_HASTE times as
 * much, or what falls due if that is more, as no clock may miss a wrap: a clock that is
 * late loses nothing, but one that misses a wrap is wrong. What the budget does not cover,
 * and what a pass leaves, is taken up in later ticks, in which users take turns: see
 * timens_share.c. A timer of the calendar sees to it that
 * there is a next tick, even if the machine has become idle:
 *
 *   CPU 0 (end of a long idle time)
 *   collect 10,000, take the passes of 32
 *   idle again, no tick
 *   the timer of the calendar: 32 more
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
 * it first (update_begin()), and only a pass notes it again, both under tkd.lock:
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
 * Calendar. All functions must be called with the lock of the calendar held.
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
	for (i = 0; i < TIMENS_TK_SHARES; i++)
		INIT_LIST_HEAD(&cal->share[i]);
	INIT_LIST_HEAD(&cal->own);
	INIT_LIST_HEAD(&cal->stale);
	cal->tick = now;
	cal->host = &tk_core;
	cal->budget = TIMENS_TK_BUDGET;
	timens_tk_calendar_set(cal, TIMENS_TK_PERIOD * HZ, 0);
}

/**
 * timens_tk_calendar_set - Change the pace of the passes
 * @cal:	The calendar
 * @interval:	Ticks between two passes, 1 to TIMENS_TK_PERIOD * HZ
 * @deadline:	Ticks after which the counter of a namespace is about to wrap,
 *		0 for a counter which does not. Half of them are the interval.
 *
 * Namespaces look for a new home when they take their next pass.
 */
void timens_tk_calendar_set(struct timens_tk_calendar *cal, unsigned int interval,
			    unsigned int deadline)
{
	BUILD_BUG_ON(TIMENS_TK_PERIOD * HZ >= TIMENS_TK_SLOTS);

	if (deadline)
		interval = min(interval, deadline / 2);
	cal->interval = clamp(interval, 1, TIMENS_TK_PERIOD * HZ);
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
					     struct timekeeper_ns *tn)
{
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
	timens_tk_calendar_insert(cal, tn);
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

	/* It needs none until it goes on: see timens_tk_rejoin() */
	if (unlikely(tn->stopped))
		return;
	if (likely(ticks >= cal->interval)) {
		timens_tk_calendar_queue_home(cal, tn, now);
		return;
	}
	if (unlikely(tn->generation != cal->generation))
		timens_tk_calendar_home(cal, tn);
	tn->due = now + ticks;
	timens_tk_calendar_insert(cal, tn);
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
	if (list_empty(&cal->stale))
		timens_tk_log_drain(&cal->log);
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
	bool waits = !list_empty(&cal->carry);

	/* After a long idle time each slot is visited once, oldest first */
	while (tick < last) {
		struct list_head *slot = &cal->slot[++tick & (TIMENS_TK_SLOTS - 1)];

		if (!list_empty(slot))
			list_splice_tail_init(slot, &cal->carry);
	}
	WRITE_ONCE(cal->tick, now);
	/* The last tick had no budget for all, so users take turns */
	if (unlikely(waits || cal->shared))
		timens_share_sort(cal);
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

/*
 * The steps of a tick where the counter wraps. Half of the deadline is the interval, so
 * what falls due in a tick is 1 / interval of the owners.
 */
static unsigned int timens_tk_most_in_haste(const struct timens_tk_calendar *cal)
{
	return max(cal->budget > UINT_MAX / TIMENS_TK_HASTE ? UINT_MAX :
							     cal->budget * TIMENS_TK_HASTE,
		   DIV_ROUND_UP(cal->nr_own, cal->interval));
}

/* Whether a tick which took @done steps leaves the rest to the next one */
static inline bool timens_tk_is_exhausted(const struct timens_tk_calendar *cal, unsigned int done)
{
	return done >= cal->budget && cal->interval > 1 &&
	       (!cal->deadline || done >= timens_tk_most_in_haste(cal));
}

/* How many steps the next pass of a tick which is not exhausted may take */
static inline unsigned int timens_tk_steps_left(const struct timens_tk_calendar *cal,
						unsigned int done)
{
	unsigned int most = cal->deadline ? timens_tk_most_in_haste(cal) : cal->budget;

	/* Without a budget every pass is taken, and as long as it is */
	return most > done ? min(most - done, TIMENS_TK_STEPS) : TIMENS_TK_STEPS;
}

static inline struct timekeeper_ns *__timens_tk_calendar_next(struct timens_tk_calendar *cal,
							      u64 now, unsigned int done)
{
	struct timekeeper_ns *tn;
	struct list_head *next;

	if (unlikely(done >= cal->budget) && timens_tk_is_exhausted(cal, done))
		return NULL;
	if (list_empty(&cal->carry))
		return NULL;

	tn = list_first_entry(&cal->carry, struct timekeeper_ns, node);
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
 * @done:	Steps taken in this tick
 *
 * Return: a namespace, removed from the calendar, or NULL if none is due or
 * the budget is used up.
 */
struct timekeeper_ns *timens_tk_calendar_next(struct timens_tk_calendar *cal, u64 now,
					      unsigned int done)
{
	struct timekeeper_ns *tn = NULL;

	if (!timens_tk_is_exhausted(cal, done))
		tn = timens_share_next(cal);
	return tn ?: __timens_tk_calendar_next(cal, now, done);
}

/**
 * timens_tk_aligned_ticks - Ticks to the end of the line
 * @tn:		The namespace
 * @host:	The clock of the ticks: their length in cycles is what it is steered to
 *
 * A pass right behind the end, where the slope changes, keeps the readers from
 * bringing the clock there themselves.
 *
 * Return: ticks, U64_MAX if the line goes on for so long that any tick will do
 */
u64 timens_tk_aligned_ticks(const struct timekeeper_ns *tn, const struct tk_data *host)
{
	u64 ticks;

	if (unlikely(tn->stopped))
		return U64_MAX;
	if (likely(timens_tk_is_even(tn) && tn->smear.state == TIMENS_SMEAR_NONE))
		return U64_MAX;
	ticks = timens_tk_cycles_to_host(host, tn->valid);
	ticks = DIV_ROUND_UP_ULL(ticks, TICK_NSEC);
	/* In between the coarse clocks stand still: a fast smear moves them 16 times a second */
	return max(ticks, timens_tk_is_fast(tn) ? HZ / 16 : 1);
}

/*
 * The tick
 */

/*
 * The section of a pass from its begin on, if it is a calm one, in which nothing but the
 * line changes. If it is not, timens_tk_pass_bent() goes on. Serialized by tkd.lock.
 */
static __always_inline bool timens_tk_pass_calm(struct timekeeper_ns *tn,
						const struct timens_tk_raw *raw, u64 cycles,
						time64_t calm)
{
	if (unlikely(!calm || !timens_tk_advance_calm(tn, cycles, calm)))
		return false;
	tn->calm_until = calm;
	tn->raw = *raw;
	timens_tk_update_end_calm(tn);
	return true;
}

/* Return: whether @cycles was reached; @steps is what is left of them */
static inline bool timens_tk_pass_bent(struct timekeeper_ns *tn, const struct timens_tk_raw *raw,
				       u64 cycles, unsigned int *steps)
{
	bool there = timens_tk_run_to(tn, raw, cycles, steps);

	if (there)
		timens_tk_settle(tn);
	timens_tk_update_end(tn);
	return there;
}

/* The pass of a namespace which was not seen since the host's timekeeping changed */
static noinline unsigned int timens_tk_pass_stale(struct timens_tk_calendar *cal,
						  struct timekeeper_ns *tn, u64 now,
						  unsigned int done)
{
	unsigned int most = timens_tk_steps_left(cal, done), steps = most;

	if (timens_tk_catch_up_some(tn, &steps))
		timens_tk_calendar_queue(cal, tn, now);
	else
		timens_share_add(cal, tn);
	return max(most - steps, 1U);
}

/*
 * Take the pass of a namespace whose turn it is, in a tick which took @done steps, and
 * queue it for the next one. What it leaves because its steps are used up waits behind
 * the others of its user.
 *
 * Return: the steps which were taken
 */
static __always_inline unsigned int timens_tk_pass(struct timens_tk_calendar *cal,
						   struct timekeeper_ns *tn,
						   const struct timens_tk_raw *raw, u64 now,
						   unsigned int done)
{
	time64_t calm = tn->calm_until;
	unsigned int most, steps;
	u64 cycles;

	if (timens_tk_is_stale(tn))
		return timens_tk_pass_stale(cal, tn, now, done);
	timens_tk_update_begin(tn);
	cycles = timens_tk_counter(tn);
	if (likely(timens_tk_pass_calm(tn, raw, cycles, calm))) {
		if (unlikely(tn->host_rate != cal->host_rate)) {
			tn->host_rate = cal->host_rate;
			timens_past_look(tn);
		}
		timens_tk_calendar_queue_home(cal, tn, now);
		return 1;
	}
	most = timens_tk_steps_left(cal, done);
	steps = most;
	if (unlikely(!timens_tk_pass_bent(tn, raw, cycles, &steps))) {
		timens_share_add(cal, tn);
		return most;
	}
	timens_tk_arm_wake(tn);
	if (unlikely(timens_tk_take_moved(tn)))
		timens_timer_clock_moved_delayed(tn);
	timens_tk_calendar_queue(cal, tn, now);
	return max(most - steps, 1U);
}

/**
 * timens_tk_bring_forward - Take the next pass earlier
 * @tn:		The namespace
 * @ticks:	Ticks to the pass, U64_MAX: when it is due anyway
 *
 * Context: process context, without the lock of the clock
 */
void timens_tk_bring_forward(struct timekeeper_ns *tn, u64 ticks)
{
	struct timens_tk_calendar *cal = &timens_tk_cal;
	unsigned long flags;
	u64 now;

	if (ticks == U64_MAX)
		return;
	now = get_jiffies_64();
	raw_spin_lock_irqsave(&cal->lock, flags);
	timens_tk_calendar_hurry(cal, tn, now, now + ticks);
	raw_spin_unlock_irqrestore(&cal->lock, flags);
}

/**
 * timens_tk_rejoin - Take passes again
 * @tn:		The namespace, which owns a clock that stood
 *
 * Context: process context, under timekeeper_ns::mutex, without the lock of the clock
 */
void timens_tk_rejoin(struct timekeeper_ns *tn)
{
	struct timens_tk_calendar *cal = &timens_tk_cal;
	unsigned long flags;

	lockdep_assert_held(&tn->mutex);

	raw_spin_lock_irqsave(&cal->lock, flags);
	/* It may have stood for less than it takes to leave */
	if (list_empty(&tn->node)) {
		raw_spin_lock(&tn->tkd.lock);
		timens_tk_calendar_queue(cal, tn, get_jiffies_64());
		raw_spin_unlock(&tn->tkd.lock);
	}
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
	u64 ticks = U64_MAX;

	flags = timens_tk_lock_current(tn);
	if (tn->state == TIMENS_TK_OWN) {
		ticks = timens_tk_aligned_ticks(tn, &tk_core);
		timens_tk_arm_wake(tn);
		timens_past_look(tn);
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

/**
 * timens_tk_expect_tick - Ensure that there is a next tick
 *
 * Context: under the lock of the calendar of the system
 */
void timens_tk_expect_tick(void)
{
	hrtimer_start(&timens_tk_carry_timer, ns_to_ktime(TICK_NSEC + TICK_NSEC / 4),
		      HRTIMER_MODE_REL);
}

/*
 * Bring a stale owner to the present, by @most steps. Its next pass was queued for the old
 * counter.
 *
 * Return: false if it could not be locked, or needs more steps
 */
static bool timens_tk_serve_one(struct timens_tk_calendar *cal, struct timekeeper_ns *tn, u64 now,
				unsigned int most, unsigned int *done)
{
	unsigned int steps = most;
	u64 ticks = U64_MAX;

	/* A reader may have brought it there. Only a change makes it stale again. */
	if (timens_tk_is_stale(tn)) {
		if (!raw_spin_trylock(&tn->tkd.lock)) {
			cal->busy++;
			return false;
		}
		if (!timens_tk_catch_up_some(tn, &steps)) {
			raw_spin_unlock(&tn->tkd.lock);
			*done += most;
			return false;
		}
		ticks = timens_tk_aligned_ticks(tn, cal->host);
		raw_spin_unlock(&tn->tkd.lock);
		*done += max(most - steps, 1U);
	}
	timens_tk_calendar_hurry(cal, tn, now, now + min(ticks, cal->interval));
	return true;
}

/**
 * timens_tk_serve_stale - Bring owners which a change left behind to the present
 * @cal:	The calendar
 * @now:	The present tick
 * @most:	Steps after which the rest is left, 0: as many as a tick takes
 *
 * The last one frees the records of the changes.
 *
 * Context: under the lock of the calendar
 * Return: the steps which were taken
 */
unsigned int timens_tk_serve_stale(struct timens_tk_calendar *cal, u64 now, unsigned int most)
{
	struct timekeeper_ns *tn;
	unsigned int done = 0;

	lockdep_assert_held(&cal->lock);

	while (!list_empty(&cal->stale)) {
		if (most ? done >= most : timens_tk_is_exhausted(cal, done))
			return done;
		tn = list_first_entry(&cal->stale, struct timekeeper_ns, own_node);
		if (!timens_tk_serve_one(cal, tn, now,
					 most ? min(most - done, TIMENS_TK_STEPS) :
					 timens_tk_steps_left(cal, done), &done)) {
			/* Nobody waits for one whose lock is taken whenever a tick comes */
			list_move_tail(&tn->own_node, &cal->stale);
			return done;
		}
		list_move_tail(&tn->own_node, &cal->own);
	}
	timens_tk_log_drain(&cal->log);
	return done;
}

/* Whether passes wait. A queue of which the bit is left over is looked at in the next tick. */
static inline bool timens_tk_has_due(const struct timens_tk_calendar *cal)
{
	return !list_empty(&cal->carry) || cal->shared;
}

/**
 * struct timens_tk_round - The passes of a tick
 * @raw:	The host's CLOCK_MONOTONIC_RAW
 * @now:	The present tick
 * @done:	Steps taken
 * @passes:	Passes taken
 * @busy:	Passes put off, since the clock was being set
 */
struct timens_tk_round {
	struct timens_tk_raw	raw;
	u64			now;
	unsigned int		done;
	unsigned int		passes;
	unsigned int		busy;
};

/* Let a namespace which was removed from the calendar take its pass, unless it is being set */
static __always_inline void timens_tk_serve(struct timens_tk_calendar *cal,
					    struct timekeeper_ns *tn, struct timens_tk_round *r)
{
	/* A tick which lags finds slots of its next round */
	u64 late = r->now > tn->due ? r->now - tn->due : 0;

	if (unlikely(!raw_spin_trylock(&tn->tkd.lock))) {
		tn->due = r->now + 1;
		list_add_tail(&tn->node, &cal->slot[tn->due & (TIMENS_TK_SLOTS - 1)]);
		r->busy++;
		return;
	}
	r->done += timens_tk_pass(cal, tn, &r->raw, r->now, r->done);
	r->passes++;
	/* Or the argument is fetched from memory for nothing */
	if (trace_timens_tk_pass_enabled())
		trace_timens_tk_pass(tn->ns->ns.inum, late, tn->tkd.timekeeper.tkr_mono.mult);
	raw_spin_unlock(&tn->tkd.lock);
	cal->max_late = max(cal->max_late, late);
}

/* What earlier ticks left over. Who is not done after a pass waits behind others of its user. */
static noinline void timens_tk_take_turns(struct timens_tk_calendar *cal,
					  struct timens_tk_round *r)
{
	struct timekeeper_ns *tn;

	while (!timens_tk_is_exhausted(cal, r->done)) {
		tn = timens_share_next(cal);
		if (!tn)
			return;
		timens_tk_serve(cal, tn, r);
	}
}

void __timens_tk_advance(void)
{
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct timens_tk_round r = { };
	struct timekeeper_ns *tn;
	unsigned long flags;

	/* Another CPU serves this tick, or somebody owns a clock from now on */
	if (!raw_spin_trylock_irqsave(&cal->lock, flags))
		return;

	r.now = get_jiffies_64();
	if (unlikely(timekeeping_suspended) || r.now == cal->tick)
		goto out;

	timens_tk_watch_host(cal);
	timens_tk_calendar_collect(cal, r.now);
	if (unlikely(!list_empty(&cal->stale))) {
		/* Half of the budget is for those whose turn it is */
		r.done = timens_tk_serve_stale(cal, r.now, timens_tk_has_due(cal) ?
					       DIV_ROUND_UP(cal->budget, 2) : 0);
		timens_tk_expect_tick();
	}
	if (!timens_tk_has_due(cal) && !r.done)
		goto out;

	timens_tk_host_raw(&tk_core, &r.raw);
	if (unlikely(cal->shared))
		timens_tk_take_turns(cal, &r);
	while ((tn = __timens_tk_calendar_next(cal, r.now, r.done)))
		timens_tk_serve(cal, tn, &r);
	cal->ticks++;
	cal->passes += r.passes;
	cal->max_batch = max(cal->max_batch, r.done);
	if (unlikely(r.busy || timens_tk_has_due(cal))) {
		cal->busy += r.busy;
		cal->carried += timens_tk_has_due(cal);
		timens_tk_expect_tick();
	}
out:
	raw_spin_unlock_irqrestore(&cal->lock, flags);
}

/**
 * timens_tk_pass_at - Take a pass at a counter value
 * @tn:		The namespace
 * @raw:	The host's CLOCK_MONOTONIC_RAW
 * @cycles:	The counter value, of the counter of the host
 */
void timens_tk_pass_at(struct timekeeper_ns *tn, const struct timens_tk_raw *raw, u64 cycles)
{
	unsigned int steps;
	unsigned long flags;
	bool there = true;
	time64_t calm;

	raw_spin_lock_irqsave(&tn->tkd.lock, flags);
	do {
		steps = TIMENS_TK_STEPS;
		calm = tn->calm_until;
		timens_tk_update_begin(tn);
		if (timens_tk_is_stale(tn)) {
			there = __timens_tk_replay(tn, &steps);
			calm = 0;
			if (!there) {
				timens_tk_update_end(tn);
				continue;
			}
		}
		there = timens_tk_pass_calm(tn, raw, cycles, calm) ||
			timens_tk_pass_bent(tn, raw, cycles, &steps);
	} while (!there);
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

unsigned int timens_tk_interval = TIMENS_TK_PERIOD * HZ;

/**
 * timens_tk_calm_ticks - How long a clock which nothing bends may go without a pass
 * @tk:		The host's timekeeper
 *
 * A multiplier is off by less than a unit. A unit is 10^9 / mult ns in a second,
 * whatever the scale, and the clock shall be no more than 5 ns off.
 *
 * Return: ticks, at most TIMENS_TK_PERIOD * HZ
 */
unsigned int timens_tk_calm_ticks(const struct timekeeper *tk)
{
	u32 mult, shift;
	u64 ticks;

	timens_tk_mult_shift(tk->tkr_mono.clock, &mult, &shift);
	ticks = div_u64(5ULL * HZ * mult, NSEC_PER_SEC);
	return clamp(ticks, 1, TIMENS_TK_PERIOD * HZ);
}

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
		timens_tk_calendar_set(cal, min(timens_tk_interval,
						timens_tk_calm_ticks(&tk_core.timekeeper)),
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
