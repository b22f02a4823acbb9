// SPDX-License-Identifier: GPL-2.0
/*
 * All timers of a time namespace at once
 *
 * When a clock is set or changes its rate, the armed timers of its namespace follow,
 * and the timerfds which want it are cancelled. When a namespace gets a clock, the
 * armed timers of its tasks are found and bound. What happens to one timer is in
 * timens_timer.c, the order of the locks as well.
 *
 *
 * A namespace gets a clock
 * ------------------------
 *
 * The first writer publishes a clock which is the host's so far, and finds all timers
 * which are armed in the namespace by looking through the hrtimers of the machine, some
 * at a time. Only then the clock is written to, so that a walk (below) reaches all.
 *
 *   CPU 0 (the first writer)             CPU 1 (arms a timer)
 *   enable the static key
 *                                        mark it
 *                                        lock its hrtimer base
 *                                        no clock: start the hrtimer
 *   publish the clock
 *                                        unlock
 *   synchronize_rcu()
 *   lock list and hrtimer base
 *   it is marked: put it on the list
 *
 * or CPU 1 finds the clock under the lock of the hrtimer base, and binds the timer
 * itself. Who does not find it has interrupts disabled from then on until the hrtimer
 * is queued, which is what the grace period waits for. The same holds for a periodic
 * timer whose callback runs: it is queued again in the same interrupt, or softirq.
 *
 * A timer which expires behind the publication is bound by its callback first:
 *
 *   CPU 0 (the first writer)             CPU 1 (expiry, hrtimer base locked)
 *   publish the clock
 *                                        marked, and there is a clock: taken
 *                                        dequeue, unlock
 *   (does not find it)                   lock list and hrtimer base
 *                                        bound, on the list
 *                                        unlock; expiry of a bound timer
 *
 * Who binds a timer holds the lock of a list and that of the hrtimer base, so that
 * nobody starts, cancels, expires or binds it meanwhile. Whoever has found it not bound
 * looks again under the lock of the hrtimer base before it starts or cancels it, and
 * after it has read an expiry or a clock.
 *
 * A timer for CLOCK_REALTIME or TAI stands on that clock of the host when it is bound,
 * and goes to CLOCK_BOOTTIME in the walk behind it. It cannot while its callback runs,
 * since who waits for that looks at the base; the next walk, which its callback asks for,
 * moves it then. In between a step of the host could make it late for some milliseconds,
 * but not early.
 *
 *
 * Walk
 * ----
 *
 * Whatever moves the clock other than by its rate, or changes the rate much,
 * is followed by a walk over the armed timers of the namespace, which arms
 * each again. Setters walk in their own context and at their own expense. The
 * tick and the end of a suspend leave the walk to a work item.
 *
 * The list is cut into one per few CPUs. A walk takes the lock for a batch at
 * a time. It takes the first timer, marks it with the number of the last walk
 * and moves it to the end, until the first one has the mark. A timer which is
 * armed meanwhile reads the new clock, gets the mark, and goes to the end. Two
 * walks at once do each other's work: the list is sorted by the marks. Each ends with
 * the mark that it began with, or a later one, so nobody keeps another's walk from
 * its end by setting the clock again and again.
 *
 *   CPU 0 (settime)                      CPU 1 (arms a timer)
 *                                        lock list
 *                                        read the clock: old
 *   set the clock                        start the hrtimer
 *                                        append with the old mark, unlock
 *   lock list, new mark
 *   move all up to the first new mark    (finds it)
 *
 * or the lock is taken in the other order, and the arming task reads the new
 * clock, since that was written before the walk took the lock.
 *
 *
 * Cancelled when the clock is set
 * -------------------------------
 *
 * A timerfd with TFD_TIMER_CANCEL_ON_SET is on a list of the namespace in which it
 * was armed if that has a clock, or on that of the host, so that who sets a clock
 * looks at the descriptors of that clock alone, whoever has how many others. When a
 * namespace gets its clock, its descriptors go from the one list to the other. One which
 * follows again has the host's CLOCK_REALTIME: when that is set, or the machine was
 * asleep, the lists of those are walked, too.
 *
 * Which those are is said by timekeeper_ns::state, of the owner if the namespace follows
 * one (timens_nested.c), and no descriptor moves when
 * that changes. A walk compares the offset of CLOCK_REALTIME with which a
 * descriptor was armed with the present one, so one walk too many does no harm,
 * and a change of the state makes one of its own behind it:
 *
 *   CPU 0 (the host's clock is set)      CPU 1 (follow -> own)
 *   lock tk_core, set, unlock
 *                                        lock tk_core
 *                                        copy the clock, state = own, unlock
 *   state is own: leave the list alone
 *                                        the state changed: walk
 *
 *   CPU 0 (the host's clock is set)      CPU 1 (own -> follow)
 *                                        lock tk_core, state = follow, unlock
 *   lock tk_core, set, unlock
 *   state is follow, as it was written
 *   before the lock was taken: walk      walk
 *
 * or the set comes first, and the walk of CPU 1 finds the offset of the host as it
 * was set.
 *
 * Against arming: a descriptor is on the list before its offset is read.
 *
 *   CPU 0 (settime in the namespace)     CPU 1 (timerfd_settime)
 *                                        lock list, add, unlock
 *                                        lock descriptor, bind the timer
 *                                        read the offset: old
 *   set the clock                        unlock
 *   lock list, find the descriptor
 *   lock descriptor, the offset differs
 *
 * When the descriptor goes from one namespace to another, it may be on the list of
 * the new one and bound to the old one for a moment, in which neither cancels it:
 * it is being armed on a clock which was not set since. Tasks of two namespaces
 * which arm one descriptor at once can leave it on the list of the one and bound to
 * the other; who binds it last puts that right, and looks whether the clock was set
 * in between (timerfd_settle_cancel()). A descriptor on the list has a reference on
 * the namespace.
 *
 * The list of the host is walked under RCU, so a descriptor cannot go from there to
 * another list by the same link: it has one for each.
 *
 * That list may be long, and all of it another's. So who takes descriptors from it
 * (timerfd_ns_take()) rests now and then, outside the RCU section, and finds its place
 * again by a mark: an entry of its own, which is no descriptor, behind the one where it
 * stopped. What stands in front of the mark is dealt with, or was added since:
 *
 *   CPU 0 (takes descriptors)            CPU 1 (timerfd_settime)
 *   stop at A: lock A
 *                                        remove A: wait
 *   A is listed: mark behind it
 *   unlock A, end of the RCU section
 *                                        A off the list; add A, in front
 *   RCU section, go on behind the mark
 *
 * and with the removal first:
 *
 *                                        lock A, off the list, unlock
 *   lock A: not listed, so no mark:
 *   go on to B by the link which A
 *   still has, and stop there
 *
 * for nothing leads from the list to an entry put behind one which was deleted. A was
 * added in front while the namespace has its clock, so whoever did it finds that by
 * itself. The mark is freed after a grace period: another walk may stand on it. It has
 * no lock, and nothing in it says that it wants to be cancelled.
 */
#include <linux/cpu.h>
#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <linux/time_namespace.h>
#include <linux/timens_timer.h>
#include <linux/workqueue.h>

#include "tick-internal.h"
#include "timens_internal.h"

#include <trace/events/timens_tk.h>

/* Timers which a walk moves in one go, with interrupts disabled */
#define TIMENS_TIMER_BATCH	32

/* hrtimers which are looked at in one go when a namespace gets a clock, likewise */
#define TIMENS_TIMER_SCAN	64

/* All namespaces which have a clock */
static LIST_HEAD(timens_timer_all);
static DEFINE_MUTEX(timens_timer_all_mutex);

static atomic64_t timens_timer_moved, timens_timer_looked;

/*
 * Walks. See there.
 */

static u64 timens_timer_walk_base(struct timens_timer_base *base)
{
	struct timens_timer *tt;
	unsigned int n = 0;
	u64 moved = 0;
	unsigned long flags;
	u32 mark;

	raw_spin_lock_irqsave(&base->lock, flags);
	mark = ++base->generation;
	while ((tt = list_first_entry_or_null(&base->armed, struct timens_timer, node))) {
		/* That mark or a later one: so have all behind it */
		if ((s32)(tt->generation - mark) >= 0)
			break;
		tt->generation = base->generation;
		list_move_tail(&tt->node, &base->armed);
		/* What is not queued is about to look at the clock itself */
		if (hrtimer_is_queued(&tt->timer))
			moved += timens_timer_move(tt);
		if (++n % TIMENS_TIMER_BATCH)
			continue;
		raw_spin_unlock_irqrestore(&base->lock, flags);
		cond_resched();
		raw_spin_lock_irqsave(&base->lock, flags);
	}
	raw_spin_unlock_irqrestore(&base->lock, flags);
	return moved;
}

static void timens_timer_walk(struct timekeeper_ns *tn)
{
	unsigned int i;
	u64 moved = 0;

	for (i = 0; i < TIMENS_TIMER_BASES; i++)
		moved += timens_timer_walk_base(&tn->timers[i]);
	atomic64_add(moved, &timens_timer_moved);
	trace_timens_timer_walk(tn->ns->ns.inum, moved);
}

/*
 * Those who follow an owner: see "Lifetime" in timens_nested.c. Who has become an owner
 * stays on the list, and walks by itself.
 */
static void timens_timer_followers_moved(struct timekeeper_ns *owner)
{
	struct timekeeper_ns *tn, *held = NULL;

	mutex_lock(&owner->followers_lock);
	list_for_each_entry(tn, &owner->followers, follower_node) {
		if (!timens_tk_owner_of(tn) || !refcount_inc_not_zero(&tn->ns->ns.count))
			continue;
		mutex_unlock(&owner->followers_lock);
		/* Not freed here, as this may be the work which that waits for */
		if (held)
			timens_timer_cancel_put(&held->cancel);
		held = tn;
		timerfd_ns_clock_was_set(&tn->cancel);
		timens_timer_walk(tn);
		cond_resched();
		mutex_lock(&owner->followers_lock);
	}
	mutex_unlock(&owner->followers_lock);
	if (held)
		timens_timer_cancel_put(&held->cancel);
}

/**
 * timens_timer_clock_moved - Let the timers of a namespace follow its clock
 * @tn:		The namespace, whose clock was set or changed its rate
 *
 * Those of the namespaces which follow it as well.
 *
 * Context: process context, without locks of a timer or a clock
 */
void timens_timer_clock_moved(struct timekeeper_ns *tn)
{
	timerfd_ns_clock_was_set(&tn->cancel);
	timens_timer_walk(tn);
	timens_timer_followers_moved(tn);
}

static void timens_timer_work(struct work_struct *work)
{
	timens_timer_clock_moved(container_of(work, struct timekeeper_ns, timer_work));
}

/**
 * timens_timer_clock_moved_delayed - The same from a context that cannot wait
 * @tn:		The namespace
 *
 * Context: any
 */
void timens_timer_clock_moved_delayed(struct timekeeper_ns *tn)
{
	queue_work(system_unbound_wq, &tn->timer_work);
}

/*
 * Namespaces come and go meanwhile. One with a reference stays on the list, so
 * that it is the place from which to go on.
 */
static void timens_timer_for_all(u32 state, void (*also)(struct timekeeper_ns *tn), bool walk)
{
	struct timekeeper_ns *tn, *held = NULL;

	mutex_lock(&timens_timer_all_mutex);
	list_for_each_entry(tn, &timens_timer_all, all_node) {
		if (READ_ONCE(tn->state) != state ||
		    !refcount_inc_not_zero(&tn->ns->ns.count))
			continue;
		mutex_unlock(&timens_timer_all_mutex);
		if (held)
			put_time_ns(held->ns);
		held = tn;
		if (also)
			also(tn);
		if (walk)
			timens_timer_walk(tn);
		/* Those are on no other list: who changes the host's clock passes none over */
		timens_timer_followers_moved(tn);
		mutex_lock(&timens_timer_all_mutex);
	}
	mutex_unlock(&timens_timer_all_mutex);
	if (held)
		put_time_ns(held->ns);
}

/**
 * timens_timer_walk_all - Let the timers of many namespaces follow
 * @state:	Those which follow the host, or own a clock, as well as those who follow one
 *		of the kind: enum timens_tk_state
 * @also:	What to do with a namespace before its timers move, or NULL
 *
 * Context: process context
 */
void timens_timer_walk_all(u32 state, void (*also)(struct timekeeper_ns *tn))
{
	timens_timer_for_all(state, also, true);
}

static void timens_timer_cancel_timerfds(struct timekeeper_ns *tn)
{
	timerfd_ns_clock_was_set(&tn->cancel);
}

/**
 * __timens_timer_host_was_set - Let the timers of all followers follow
 *
 * Context: process context
 */
void __timens_timer_host_was_set(void)
{
	timens_timer_for_all(TIMENS_TK_FOLLOW, timens_timer_cancel_timerfds, true);
}

/**
 * __timens_timer_host_resumed - Tell the timerfds of all followers
 *
 * Their timers are on CLOCK_MONOTONIC and CLOCK_BOOTTIME of the host, and right.
 *
 * Context: process context
 */
void __timens_timer_host_resumed(void)
{
	timens_timer_for_all(TIMENS_TK_FOLLOW, timens_timer_cancel_timerfds, false);
}

/**
 * timens_timer_count_cancel - Count what a walk over a list looked at
 * @n:		Number of timerfds
 */
void timens_timer_count_cancel(unsigned int n)
{
	if (n)
		atomic64_add(n, &timens_timer_looked);
}

/**
 * timens_timer_stats - What the timers of all namespaces did since boot
 * @early:	Storage for the number of expiries which came early and were put
 *		off
 * @moved:	Storage for the number of timers which a walk moved
 * @looked:	Storage for the number of timerfds at which was looked because a clock
 *		was set
 */
void timens_timer_stats(u64 *early, u64 *moved, u64 *looked)
{
	*early = atomic64_read(&timens_timer_early);
	*moved = atomic64_read(&timens_timer_moved);
	*looked = atomic64_read(&timens_timer_looked);
}

/*
 * Lifetime of a namespace
 */

static void timens_timer_free_work(struct work_struct *work)
{
	free_time_ns(container_of(work, struct timekeeper_ns, free_work)->ns);
}

/**
 * timens_timer_init_ns - Initialize the timers of a namespace
 * @tn:		The zeroed structure
 */
void timens_timer_init_ns(struct timekeeper_ns *tn)
{
	unsigned int i;

	for (i = 0; i < TIMENS_TIMER_BASES; i++) {
		raw_spin_lock_init(&tn->timers[i].lock);
		INIT_LIST_HEAD(&tn->timers[i].armed);
		tn->timers[i].tn = tn;
	}
	spin_lock_init(&tn->cancel.lock);
	INIT_LIST_HEAD(&tn->cancel.list);
	INIT_LIST_HEAD(&tn->all_node);
	INIT_WORK(&tn->timer_work, timens_timer_work);
	INIT_WORK(&tn->free_work, timens_timer_free_work);
}

/**
 * timens_timer_add_ns - A namespace which no task has entered gets a clock
 * @tn:		Its clock, with which nothing can go wrong any more
 *
 * Context: process context
 */
void timens_timer_add_ns(struct timekeeper_ns *tn)
{
	mutex_lock(&timens_timer_all_mutex);
	list_add_tail(&tn->all_node, &timens_timer_all);
	mutex_unlock(&timens_timer_all_mutex);
}

/**
 * timens_timer_take_ns - Bind the armed timers of a namespace which got a clock
 * @tn:		The clock, published, and still the host's
 *
 * See "A namespace gets a clock".
 *
 * Context: process context, under timekeeper_ns::mutex
 */
void timens_timer_take_ns(struct timekeeper_ns *tn)
{
	struct timens_timer_take take = { .ns = tn->ns };
	struct hrtimer_scan scan;
	unsigned long flags;
	unsigned int cpu;
	bool more;

	lockdep_assert_held(&tn->mutex);

	timens_timer_add_ns(tn);
	/* Who has found no clock has started its timer by then, see there */
	synchronize_rcu();
	hrtimer_scan_begin(&scan);
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		take.base = &tn->timers[cpu % TIMENS_TIMER_BASES];
		scan.index = 0;
		do {
			raw_spin_lock_irqsave(&take.base->lock, flags);
			more = hrtimer_scan_some(&scan, cpu, TIMENS_TIMER_SCAN,
						 timens_timer_take, &take);
			raw_spin_unlock_irqrestore(&take.base->lock, flags);
			cond_resched();
		} while (more);
	}
	cpus_read_unlock();
	hrtimer_scan_end(&scan);
	timerfd_ns_take(tn->ns, &tn->cancel);
	/* Those for CLOCK_REALTIME and TAI go to another clock of the host */
	timens_timer_walk(tn);
}

/**
 * timens_timer_del_ns - A namespace ceases to exist
 * @tn:		The namespace, to which nobody refers any more, so that it has
 *		no timers, and whose clock is not advanced any more
 *
 * Context: process context
 */
void timens_timer_del_ns(struct timekeeper_ns *tn)
{
	unsigned int i;

	if (!list_empty(&tn->all_node)) {
		mutex_lock(&timens_timer_all_mutex);
		list_del_init(&tn->all_node);
		mutex_unlock(&timens_timer_all_mutex);
	}
	cancel_work_sync(&tn->timer_work);
	for (i = 0; i < TIMENS_TIMER_BASES; i++)
		WARN_ON_ONCE(!list_empty(&tn->timers[i].armed));
	WARN_ON_ONCE(!list_empty(&tn->cancel.list));
}
