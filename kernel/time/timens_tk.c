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
 * This file has what concerns a namespace as a whole: its lifetime, and what
 * happens to all of them when the host's timekeeping changes (another clocksource,
 * suspend and resume).
 *
 * The rooms
 * ---------
 *
 * Each uses only those above it; timens_internal.h says what each gives.
 *
 *   timens_smear.c    curves of smeared leap seconds
 *   timens_line.c     arithmetic of a line: advance, bend, rate, leap second
 *     timens_line.h     what of it is inline
 *   timens_rate.c     a change of the rate, the far end of time, sleeps
 *   timens_read.c     readers in the kernel
 *   timens_stamp.c    stamps, transmit times, dates and timeouts change sides
 *   timens_past.c     what CLOCK_BOOTTIME was, for the start times of processes
 *   timens_timer.c    timers and sleeps on the clock of a namespace
 *   timens_page.c     publication: write sections, the page of the vDSO
 *     timens_page.h     what of it is inline
 *   timens_tick.c     calendar, passes, wake timers: the hot path
 *   timens_set.c      setters, the switch between follow and own
 *   timens_tk.c       this file
 *   timens_state.c    /proc/PID/timens_clock
 *   timens_debugfs.c  knobs and counters
 *   tests/            KUnit tests, a file per room
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
 *
 */
#include <linux/slab.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>

#include "timekeeping.h"
#include "timens_page.h"

#define CREATE_TRACE_POINTS
#include <trace/events/timens_tk.h>

/* The next larger size of kmalloc() would take a quarter more */
static struct kmem_cache *timens_tk_cache __ro_after_init;

/*
 * The host's timekeeping changes under all namespaces
 */

/**
 * timens_tk_change_one - Continue a clock on another counter
 * @tn:		The namespace
 * @old_cycles:	Value of its counter at the change
 * @cs:		The new clocksource
 * @raw:		The host's CLOCK_MONOTONIC_RAW on the new counter
 * @cycles:	Value of the new counter at the change
 *
 * Context: without the lock of the clock
 */
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

/**
 * timens_tk_sleep_one - Account a sleep of which the host learned late
 * @tn:		The namespace
 * @sleep:	Duration of the sleep
 *
 * Context: without the lock of the clock
 */
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
	timens_tk_wake_init(tn);
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

static int __init timens_tk_init(void)
{
	timens_tk_cache = KMEM_CACHE(timekeeper_ns, SLAB_PANIC | SLAB_ACCOUNT);
	timens_tk_tick_init();
	return 0;
}
core_initcall(timens_tk_init);
