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
 * suspend and resume), as far as it happens at once: see timens_change.c.
 *
 * The rooms
 * ---------
 *
 * Each uses only those above it; timens_internal.h says what each gives.
 *
 *   timens_smear.c    curves of smeared leap seconds
 *   timens_scale.c    multiplier and shift, a duration of one clock on another
 *   timens_line.c     arithmetic of a line: advance, bend, rate, leap second
 *     timens_line.h     what of it is inline
 *   timens_rate.c     a change of the rate, the far end of time, sleeps
 *   timens_read.c     readers in the kernel
 *   timens_stamp.c    timestamps, transmit times, dates and timeouts change sides
 *   timens_past.c     what CLOCK_BOOTTIME was, for the start times of processes
 *   timens_project.c  where a timer of a namespace stands on the host
 *   timens_timer.c    timers and sleeps on the clock of a namespace
 *   timens_walk.c     all timers of a namespace: set, switched to a clock of its own
 *   timens_change.c   what happens to the host's timekeeping, recorded and replayed
 *   timens_page.c     publication: write sections, the page of the vDSO
 *     timens_page.h     what of it is inline
 *   timens_wake.c     readers, writers and the wake timer advance a clock
 *   timens_tick.c     calendar, passes: the hot path
 *   timens_share.c    whose turn it is when a tick has no budget for all
 *   timens_own.c      who may own a clock, how many may, and who is told
 *   timens_nested.c   namespaces which follow an owner
 *   timens_set.c      setters, the switch between follow and own
 *   timens_tk.c       this file
 *   timens_save.c     the state of a clock as a text, and back
 *   timens_state.c    /proc/PID/timens_clock
 *   timens_debugfs.c  knobs and counters
 *   tests/            KUnit tests, a file per room
 *
 *
 * Locking
 * -------
 *
 *   timekeeper_ns::mutex		writers in process context; state
 *     offset_lock			in kernel/time/namespace.c: to publish a clock
 *     tk_core.lock			only to switch, and held by the host when
 *					its clocksource changes or it suspends
 *       timens_tk_cal.lock		calendar and list of owners
 *         timekeeper_ns::tkd.lock	timekeeper and NTP state of a namespace; that of
 *					an owner before that of a follower
 *           hrtimer base lock		wake_timer
 *         hrtimer base lock		the timer of the calendar
 *
 * A setter has the mutex while it walks over all timers of the namespace and of those
 * which follow it, at the pace of its share of a CPU: for minutes, if that is small. So
 * nobody waits for it who holds what others need. Who enters a namespace as the first, or
 * writes its offsets, is kept from others by offset_lock if it has no clock, and by the
 * mutex if it has one:
 *
 *   CPU 0 (first task)                   CPU 1 (first writer)
 *   lock offset_lock: no clock
 *                                        lock the mutex of the new clock
 *                                        lock offset_lock: wait
 *   set up the page, frozen, unlock
 *                                        publish, unlock; frozen: bind the timers
 *
 *   CPU 0 (first task)                   CPU 1 (first writer)
 *                                        lock the mutex, publish it
 *   lock offset_lock: a clock, unlock
 *   lock its mutex: wait
 *                                        not frozen: no timers; write, unlock
 *   set up the page, frozen, unlock
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
 * A timekeeper_ns is allocated when the clock of its time namespace is first written to
 * (timens_tk_give()), or with a namespace which follows an owner (timens_nested.c), and
 * freed with the namespace. That
 * is alive as long as a task, a descriptor or a mount refers to it,
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
#include <linux/clocksource.h>
#include <linux/jiffies.h>
#include <linux/prefetch.h>
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

/* Steps between two enables of interrupts, for who waits until no owner is stale */
#define TIMENS_TK_SERVE		(2 * TIMENS_TK_STEPS)

/* Where the host was suspended, until it is resumed; under its lock */
static struct timens_tk_change timens_tk_suspended;

/*
 * Keep the readers from the pages of those owners who have seen the last change but not
 * the next one. It is as short as possible: they are many, and the machine stands still.
 */
static void timens_tk_hold_list(struct list_head *list, u32 epoch, u64 cycles)
{
	struct timekeeper_ns *tn, *next;

	list_for_each_entry(tn, list, own_node) {
		next = list_next_entry(tn, own_node);
		if (likely(!list_entry_is_head(next, list, own_node)))
			prefetchw(next->vdata);
		if (likely(tn->epoch == epoch))
			timens_tk_page_hold_still(tn->vdata, cycles);
	}
}

/* The same while other CPUs run: under the locks of the clocks */
static void timens_tk_hold_list_locked(struct list_head *list, u32 epoch, u64 cycles)
{
	struct timekeeper_ns *tn;

	list_for_each_entry(tn, list, own_node) {
		raw_spin_lock(&tn->tkd.lock);
		if (likely(tn->epoch == epoch))
			timens_tk_page_hold(tn->vdata, cycles);
		raw_spin_unlock(&tn->tkd.lock);
	}
}

/* All owners go through what is recorded, when there is no room for another change */
static void timens_tk_replay_all(struct timens_tk_calendar *cal)
{
	struct timekeeper_ns *tn, *next;
	unsigned int steps;

	list_for_each_entry_safe(tn, next, &cal->stale, own_node) {
		raw_spin_lock(&tn->tkd.lock);
		steps = UINT_MAX;
		timens_tk_update_begin(tn);
		timens_tk_replay(tn, &steps);
		timens_tk_update_end(tn);
		timens_tk_arm_wake(tn);
		if (timens_tk_take_moved(tn))
			timens_timer_clock_moved_delayed(tn);
		raw_spin_unlock(&tn->tkd.lock);
		timens_tk_calendar_hurry(cal, tn, cal->tick, cal->tick + cal->interval);
		list_move_tail(&tn->own_node, &cal->own);
	}
	timens_tk_log_drain(&cal->log);
}

/* Record a change of the host's timekeeping; all owners are stale then */
static void timens_tk_record(struct timens_tk_calendar *cal, struct timens_tk_change *change)
{
	lockdep_assert_held(&tk_core.lock);
	lockdep_assert_held(&cal->lock);

	timens_tk_host_raw(&tk_core, &change->raw);
	change->cycles = tk_core.timekeeper.tkr_mono.cycle_last;
	timens_tk_log_add(&cal->log, change);
	list_splice_tail_init(&cal->own, &cal->stale);
	if (unlikely(cal->log.epoch - cal->log.oldest == TIMENS_TK_CHANGES))
		timens_tk_replay_all(cal);
	timens_tk_expect_tick();
}

/* Wait until no owner is stale, as far as there are more records than @most */
static void timens_tk_flush(struct timens_tk_calendar *cal, unsigned int most)
{
	unsigned long flags;
	bool done;

	do {
		raw_spin_lock_irqsave(&cal->lock, flags);
		done = list_empty(&cal->stale) || cal->log.epoch - cal->log.oldest <= most;
		if (!done)
			timens_tk_serve_stale(cal, get_jiffies_64(), TIMENS_TK_SERVE);
		raw_spin_unlock_irqrestore(&cal->lock, flags);
		cond_resched();
	} while (!done);
}

/**
 * __timens_tk_prepare_change - Make room for a change of the clocksource
 *
 * As long as there is some, nobody waits.
 *
 * Context: process context
 */
void __timens_tk_prepare_change(void)
{
	timens_tk_flush(&timens_tk_cal, TIMENS_TK_CHANGES / 2);
}

/**
 * __timens_tk_finish_change - End a change of the clocksource
 *
 * The ticks bring all owners to the new counter. One which wraps in seconds may not be
 * kept waiting by many of them: who chose it brings them there.
 *
 * Context: process context
 */
void __timens_tk_finish_change(void)
{
	struct timens_tk_calendar *cal = &timens_tk_cal;
	unsigned int deadline = READ_ONCE(cal->deadline);

	if (unlikely(deadline && deadline < 2 * TIMENS_TK_PERIOD * HZ))
		timens_tk_flush(cal, 0);
}

/**
 * __timens_tk_change_clocksource - Leave all namespaces on a counter of the past
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
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct timens_tk_change change = {
		.kind = TIMENS_TK_CLOCKSOURCE,
		.old_cycles = old_cycles,
		.old = old,
		.cs = tk_core.timekeeper.tkr_mono.clock,
	};

	lockdep_assert_held(&tk_core.lock);

	raw_spin_lock(&cal->lock);
	timens_tk_hold_list(&cal->own, cal->log.epoch, old_cycles);
	timens_tk_hold_list(&cal->stale, cal->log.epoch, old_cycles);
	/* What is queued was queued for the old counter; who is served moves to the new one */
	timens_tk_calendar_set(cal, min(timens_tk_interval,
					timens_tk_calm_ticks(&tk_core.timekeeper)),
			       timens_tk_wrap_ticks(&tk_core.timekeeper));
	timens_tk_record(cal, &change);
	raw_spin_unlock(&cal->lock);
}

/**
 * __timens_tk_suspend - Note where the host is suspended
 *
 * The counter may be another one after that, so the pages are held from here on.
 *
 * Context: one CPU, interrupts disabled, under the host's timekeeper lock,
 * outside of its write section.
 */
void __timens_tk_suspend(void)
{
	u64 cycles = tk_core.timekeeper.tkr_mono.cycle_last;
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct timespec64 boot;

	lockdep_assert_held(&tk_core.lock);

	timens_tk_line(&tk_core.timekeeper, CLOCK_BOOTTIME, 0, &boot);
	timens_tk_suspended = (struct timens_tk_change){
		.kind = TIMENS_TK_SUSPEND,
		.old_cycles = cycles,
		.boot = timespec64_to_ns(&boot),
	};
	raw_spin_lock(&cal->lock);
	timens_tk_hold_list(&cal->own, cal->log.epoch, cycles);
	timens_tk_hold_list(&cal->stale, cal->log.epoch, cycles);
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
	struct timens_tk_calendar *cal = &timens_tk_cal;

	lockdep_assert_held(&tk_core.lock);

	if (sleep)
		timens_tk_suspended.sleep = *sleep;
	raw_spin_lock(&cal->lock);
	timens_tk_record(cal, &timens_tk_suspended);
	raw_spin_unlock(&cal->lock);
}

/**
 * __timens_tk_inject_sleep - Account a sleep which the RTC measured
 * @sleep:	Duration of the sleep
 *
 * Other CPUs run: the number of the change is there before a page is held, so that a
 * section which ends between the two holds the page itself.
 *
 * Context: process context, under the host's timekeeper lock with interrupts
 * disabled, outside of its write section.
 */
void __timens_tk_inject_sleep(const struct timespec64 *sleep)
{
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct timens_tk_change change = {
		.kind = TIMENS_TK_SLEEP,
		.old_cycles = tk_core.timekeeper.tkr_mono.cycle_last,
		.sleep = *sleep,
	};
	u32 epoch = cal->log.epoch;

	lockdep_assert_held(&tk_core.lock);

	raw_spin_lock(&cal->lock);
	timens_tk_record(cal, &change);
	timens_tk_hold_list_locked(&cal->stale, epoch, change.old_cycles);
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
	tn->log = &timens_tk_cal.log;
	tn->edge_sec = TIME64_MAX;
	tn->rate = (struct timens_tk_rate){ 1, 1 };
	tn->batch = 1;
	tn->ahead = TIMENS_TK_EDGE_AHEAD;
	mutex_init(&tn->mutex);
	INIT_LIST_HEAD(&tn->node);
	INIT_LIST_HEAD(&tn->own_node);
	timens_tk_wake_init(tn);
	timens_timer_init_ns(tn);
	timens_nested_init(tn);
}

/* @charge: it counts, as it is more than a follower of an owner */
static struct timekeeper_ns *timens_tk_alloc(struct time_namespace *ns, bool charge)
{
	struct timekeeper_ns *tn;

	BUILD_BUG_ON(sizeof(*tn) > 2048 && !IS_ENABLED(CONFIG_LOCKDEP) &&
		     !IS_ENABLED(CONFIG_DEBUG_SPINLOCK));

	if (charge && timens_own_charge(ns))
		return ERR_PTR(-ENOSPC);
	tn = kmem_cache_zalloc(timens_tk_cache, GFP_KERNEL);
	if (!tn) {
		if (charge)
			timens_own_give(ns);
		return ERR_PTR(-ENOMEM);
	}
	timens_tk_init_instance(tn);
	tn->charged = charge;
	tn->share = timens_share_of(ns);
	timens_past_init(tn);
	tn->ns = ns;
	tn->vdata = arch_get_vdso_data(page_address(ns->vvar_page));
	/* Before anybody finds the clock */
	timens_tk_key_inc(&timens_tk_key.key);
	return tn;
}

static void timens_tk_free_clock(struct timekeeper_ns *tn)
{
	if (tn->charged)
		timens_own_give(tn->ns);
	timens_timer_del_ns(tn);
	timens_past_free(tn);
	mutex_destroy(&tn->followers_lock);
	mutex_destroy(&tn->mutex);
	kmem_cache_free(timens_tk_cache, tn);
	static_branch_slow_dec_deferred(&timens_tk_key);
}

/**
 * timens_tk_give - Give a namespace a clock of its own
 * @ns:		The namespace
 *
 * Somebody is going to write to it. Until then it is the host's, at the offsets of
 * the namespace, and the timers which are armed in it are bound to it: see "A
 * namespace gets a clock" in timens_walk.c. A clock stays until its namespace goes.
 *
 *   CPU 0 (first writer)                 CPU 1 (another writer)
 *   new clock, locked
 *   publish it under offset_lock
 *                                        there is a clock: wait for its mutex
 *   bind the timers which are armed
 *   unlock
 *                                        write; all timers follow
 *
 * Context: process context
 * Return: 0; -ENOMEM, or -ENOSPC if there are too many clocks, and nothing has changed
 */
int timens_tk_give(struct time_namespace *ns)
{
	struct timekeeper_ns *tn;

	if (timens_tk_of(ns))
		return 0;
	tn = timens_tk_alloc(ns, true);
	if (IS_ERR(tn))
		return PTR_ERR(tn);

	/* Nobody has it yet: others find it by offset_lock, which they drop for its mutex */
	mutex_lock_nested(&tn->mutex, SINGLE_DEPTH_NESTING);
	if (timens_publish_tk(ns, tn)) {
		/*
		 * Before the first task there is no timer. It may be about to enter, and
		 * waits for the mutex then, so this does not take a grace period.
		 */
		if (smp_load_acquire(&ns->frozen_offsets))
			timens_timer_take_ns(tn);
		else
			timens_timer_add_ns(tn);
		mutex_unlock(&tn->mutex);
		return 0;
	}
	/* Another writer was faster */
	mutex_unlock(&tn->mutex);
	timens_tk_free_clock(tn);
	return 0;
}

/**
 * timens_tk_take_offsets - Let a new clock follow the host
 * @tn:		The clock
 * @offs:	The offsets of its namespace
 */
void timens_tk_take_offsets(struct timekeeper_ns *tn, const struct timens_offsets *offs)
{
	tn->offs = *offs;
	tn->raw_offset = offs->monotonic;
}

/**
 * timens_tk_clone - Let a new namespace begin with the clock of another one
 * @ns:		The new namespace, with the offsets of @old
 * @old:	The other one, of which current is a member
 *
 * It follows whom @old follows, or @old if that is an owner: see timens_nested.c. One which
 * follows the host, but has owned a clock, is continued with a past and offsets of its own.
 *
 * Context: process context
 * Return: 0, -ENOMEM, or -ENOSPC if there are too many clocks already
 */
int timens_tk_clone(struct time_namespace *ns, struct time_namespace *old)
{
	struct timekeeper_ns *tn, *owner, *from;
	int ret = 0;

	ns->tk = NULL;
	/*
	 * The offsets were copied before. If they are those which timens_tk_setup_page() left,
	 * there is a clock, which has them: who enters first has found it under
	 * offset_lock, under which it was published.
	 */
	smp_rmb();
	from = timens_tk_of(old);
	if (likely(!from))
		return 0;

	tn = timens_tk_alloc(ns, false);
	if (IS_ERR(tn))
		return PTR_ERR(tn);
	mutex_lock(&from->mutex);
	owner = from->state == TIMENS_TK_OWN ? from : from->owner;
	if (!owner) {
		ret = timens_own_charge(ns);
		tn->charged = !ret;
		if (!ret)
			ret = timens_past_copy(tn, from);
		tn->offs = from->offs;
		tn->raw_offset = from->raw_offset;
	}
	if (ret) {
		mutex_unlock(&from->mutex);
		timens_tk_free_clock(tn);
		return ret;
	}
	/* A follower of an owner is on the list of that one alone, until it owns a clock */
	if (!owner)
		timens_timer_add_ns(tn);
	ns->tk = tn;
	/* No timer of it was armed without a clock: see "As the owner sees it" */
	ns->offsets = (struct timens_offsets){ };
	if (owner)
		timens_nested_join(tn, from, owner);
	mutex_unlock(&from->mutex);
	return 0;
}

/* Apart, as is what an owner's page takes: the many which follow shall not save registers for it */
static noinline struct time_namespace *timens_tk_free_given(struct timekeeper_ns *tn)
{
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct time_namespace *kept;
	unsigned long flags;

	if (tn->state == TIMENS_TK_OWN) {
		raw_spin_lock_irqsave(&cal->lock, flags);
		timens_tk_calendar_del(cal, tn);
		raw_spin_unlock_irqrestore(&cal->lock, flags);
	}
	hrtimer_cancel(&tn->wake_timer);
	timens_nested_leave(tn);
	kept = tn->kept;
	timens_tk_free_clock(tn);
	/* A chain of them is as long as its user may have namespaces */
	cond_resched();
	return kept;
}

/**
 * timens_tk_free - Free the clock of a namespace which goes
 * @ns:		The namespace, to which nobody refers any more
 *
 * Context: process context; any if the namespace has no clock
 * Return: a namespace to which it had a reference, to be dropped by the caller, or NULL
 */
struct time_namespace *timens_tk_free(struct time_namespace *ns)
{
	return unlikely(ns->tk) ? timens_tk_free_given(ns->tk) : NULL;
}

/**
 * timens_tk_lock_offsets - Keep others from entering a namespace as the first
 * @tn:		Its clock
 *
 * Until timens_tk_unlock_offsets(). Or from writing its offsets, or to the clock.
 *
 * Context: process context, without offset_lock
 */
void timens_tk_lock_offsets(struct timekeeper_ns *tn)
{
	mutex_lock(&tn->mutex);
}

/**
 * timens_tk_unlock_offsets - Let others enter again
 * @tn:		The clock
 *
 * Context: behind timens_tk_lock_offsets()
 */
void timens_tk_unlock_offsets(struct timekeeper_ns *tn)
{
	mutex_unlock(&tn->mutex);
}

static noinline bool timens_tk_setup_given(struct time_namespace *ns, struct timekeeper_ns *tn)
{
	unsigned int i;

	lockdep_assert_held(&tn->mutex);
	tn->entered = true;
	/*
	 * No timer of it was armed yet, so whoever arms one may see the clock itself. It could
	 * be behind the offsets with which it began, as it was set: see "As the owner sees it".
	 */
	ns->offsets = (struct timens_offsets){ };
	if (tn->owner)
		timens_nested_setup_page(tn, tn->vdata);
	/* That of an owner is in use already */
	for (i = 0; i < CS_BASES && tn->state == TIMENS_TK_FOLLOW && !tn->owner; i++) {
		timens_setup_vdso_data(&tn->vdata[i], &tn->offs);
		timens_tk_set_vdso_offsets(tn, &tn->vdata[i]);
	}
	return true;
}

/**
 * timens_tk_setup_page - Set up the page of a namespace for the first task
 * @ns:		The namespace
 *
 * Context: process context, under the mutex of the clock, or while nobody gives it one
 * Return: false if it has no clock, so that the caller has to do that
 */
bool timens_tk_setup_page(struct time_namespace *ns)
{
	return unlikely(ns->tk) && timens_tk_setup_given(ns, ns->tk);
}

static int __init timens_tk_init(void)
{
	timens_tk_cache = KMEM_CACHE(timekeeper_ns, SLAB_PANIC | SLAB_ACCOUNT);
	timens_tk_tick_init();
	return 0;
}
core_initcall(timens_tk_init);
