// SPDX-License-Identifier: GPL-2.0
/*
 * Timers on the clock of a time namespace
 *
 * A timer which was armed by a task means the clock which that task reads.
 * That clock may be set, take a leap second, or run faster and slower than the
 * host's, while hrtimers stand on the time line of the host. This file is the
 * one place where the two meet: whatever a task can wait for or let expire
 * embeds a struct timens_timer in place of an hrtimer, and is bound to the
 * namespace of the task.
 *
 *
 * Projection
 * ----------
 *
 * A bound timer stands on CLOCK_MONOTONIC of the host if it is for
 * CLOCK_MONOTONIC of the namespace, else on CLOCK_BOOTTIME: REALTIME, TAI and
 * BOOTTIME of a namespace advance during a suspend by what CLOCK_BOOTTIME of
 * the host advances. That is more than the projection of a slow clock expects,
 * so the end of a suspend makes a walk (below). A namespace which follows the
 * host is no special case; its rate is the host's and its CLOCK_REALTIME steps
 * when the host's does.
 *
 *   namespace  ----|now---------------------|expires-----
 *                  |        left            |
 *   host       ----|now------------------|..|------------
 *                           left * rate    \ margin
 *
 * The rate is that of the moment. It changes, so neither must the timer fire
 * because the projection came out early, nor may it come out late:
 *
 *  - At expiry the clock of the namespace is read. If it is not there yet the
 *    timer is armed for the rest. So a timer never fires early.
 *
 *  - A change of the rate by more than 1/4096 since the last walk, of the
 *    namespace or of the host, makes a walk (below). A projection may thus be
 *    wrong by two times 1/4096 for either side, 1/1024 together, and a walk
 *    lets pass another 1/4096. A margin of 1/512 is taken off, and what is
 *    left at the early expiry is less than 1/315 of what was. A minute needs
 *    two early expiries, a day three. A margin of less than 50 us is none: so a
 *    timer of less than 25.6 ms has none, and steering can make it late by
 *    1/1024 of that, 25 us.
 *
 * An owner's leap second is known from the moment at which it is ordered, and
 * is part of the projection. When it is taken the timers stand right already.
 * The walk which is made all the same is for the timerfds which are cancelled
 * when the clock is set. A leap second of the host is not projected: the timers
 * of a follower come at the edge, look, and are put off by a second.
 *
 *
 * Walk
 * ----
 *
 * Whatever moves the clock other than by its rate, or changes the rate much,
 * is followed by a walk over the armed timers of the namespace, which arms
 * each anew. Setters walk in their own context and at their own expense. The
 * tick and the end of a suspend leave the walk to a work item.
 *
 * The list is cut into one per few CPUs. A walk takes the lock for a batch at
 * a time. It takes the first timer, marks it with the number of the last walk
 * and moves it to the end, until the first one has the mark. A timer which is
 * armed meanwhile reads the new clock, gets the mark, and goes to the end. Two
 * walks at once do each other's work: the list is sorted by the marks.
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
 * Expiry against walk
 * -------------------
 *
 * A timer is on the list exactly as long as it is armed, as seen under the
 * lock of the list. The hrtimer code calls timens_timer_expired() without any
 * lock, so a walk may come first. It must neither start an hrtimer which is
 * about to be handed to its owner, who would see it expire twice, nor miss one
 * which is put off again:
 *
 *   CPU 0 (walk)                         CPU 1 (expiry)
 *                                        hrtimer is dequeued, callback runs
 *   lock list
 *   hrtimer is not queued: leave it
 *   unlock
 *                                        lock list
 *                                        read the clock: the new one
 *                                        there: off the list, unlock, call
 *                                        the owner; else start the rest
 *
 * and in between, when the walk saw the hrtimer queued just before it expired:
 *
 *   lock list
 *   hrtimer is queued
 *                                        hrtimer is dequeued, callback runs
 *   start it: queued again
 *   unlock
 *                                        lock list
 *                                        queued: somebody knows better, return
 *
 *
 * Cancelling
 * ----------
 *
 * hrtimer_try_to_cancel() of a bound timer takes the lock of the list around
 * dequeueing the hrtimer and unlinking the timer, so that no walk can start
 * it again afterwards. When the callback runs, there are two cases. If it has
 * taken the timer off the list, it is going to call the owner, and cancelling
 * fails as for any hrtimer. Owners rely on that: io_uring takes a failure for
 * the promise that the timeout will be completed. If the timer is on the list
 * still, the callback only looks at the clock. It needs nothing which the owner
 * could hold, so wait for what it finds.
 *
 * Unless the owner armed the timer again while it was being called, as a reader
 * of a periodic timerfd does. Then the callback is past the look, the timer is
 * on the list, and whoever waits may hold what the owner wants:
 *
 *   CPU 0 (expiry)                       CPU 1 (timerfd of an alarm clock)
 *   off the list, call the owner:
 *     wake the reader
 *                                        read(): arm it, on the list
 *                                        settime(): lock alarms, cancel: the
 *                                        callback runs, the timer is listed
 *     lock alarms
 *
 * So the callback says, in the section which takes the timer off the list, whose
 * owner this CPU calls, and takes that back when the owner has returned. The
 * timer may be gone by then, so it is not the timer which says it. An hrtimer
 * does not change its base while its callback runs, so the canceller knows which
 * CPU to ask. To find the owner called who has just returned is right, too.
 *
 * An inactive hrtimer is never on the list, except within those sections: a
 * walk starts it without making it inactive, even when it changes the CPU, see
 * remove_hrtimer(). That is why the lockless test in hrtimer_try_to_cancel()
 * may come first.
 *
 *
 * Locking
 * -------
 *
 *   locks of the owner (it_lock, siglock, timeout_lock, ...)
 *     timens_timer_base::lock
 *       hrtimer base lock
 *
 * The clock of the namespace is read under timens_timer_base::lock by its
 * sequence count, which has no writer on this CPU, as interrupts are disabled.
 * timens_timer_all_mutex is not held over any of that.
 *
 *
 * Lifetime
 * --------
 *
 * A timer belongs to the namespace in which it was armed, wherever its owner
 * goes: it has a reference, taken when it is bound and dropped when it is
 * bound again or unbound. So no timer is left when a namespace is freed. The
 * owner may be in a context in which a namespace cannot be freed; if the
 * reference turns out to be the last one a work item drops it. There can be
 * no second one who finds it the last, so one work item per namespace will do.
 *
 * A sleeping task is a member of its namespace, and its timer on the stack has
 * no reference of its own.
 */
#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>
#include <linux/timens_timer.h>
#include <linux/workqueue.h>

#include "tick-internal.h"
#include "timekeeping_internal.h"
#include "timens_internal.h"

#include <trace/events/timens_tk.h>

/* As for timens_tk_key: no patching for each namespace that comes and goes */
DEFINE_STATIC_KEY_DEFERRED_FALSE(timens_timer_key, TIMENS_TK_KEY_LINGER);

/* Timers which a walk moves in one go, with interrupts disabled */
#define TIMENS_TIMER_BATCH	32

/* All namespaces but the initial one */
static LIST_HEAD(timens_timer_all);
static DEFINE_MUTEX(timens_timer_all_mutex);

static atomic64_t timens_timer_early, timens_timer_moved;

/*
 * The timer whose owner is being called by a CPU, in hard [0] and in soft [1]
 * interrupt context. To compare with only: it may be gone. See "Cancelling".
 */
static DEFINE_PER_CPU(struct timens_timer *, timens_timer_called[2]);

/*
 * Projection. See there.
 */

/* What a duration of a namespace is on the host at the present rates, rounded up */
static ktime_t timens_timer_scale(ktime_t left, u64 host_mult, u64 mult)
{
	if (mult == host_mult)
		return left;
	/* The product has to fit; steering alone is no more than a quarter */
	if (likely(host_mult <= 2 * mult)) {
		if (unlikely(left > KTIME_MAX / 2))
			return KTIME_MAX;
	} else if (left > div64_u64(KTIME_MAX, div64_u64(host_mult, mult) + 1)) {
		return KTIME_MAX;
	}
	return min_t(u64, mul_u64_u64_div_u64(left, host_mult, mult) + 1, KTIME_MAX);
}

/**
 * timens_timer_to_host - What a duration of a namespace is on the host
 * @left:	Duration on the clock of the namespace (nsecs), not negative
 * @host_mult:	Multiplier of the host
 * @mult:	Multiplier of the namespace, of the same scale
 *
 * Return: the duration on the host (nsecs), rounded up, less the margin for a
 * change of the rates
 */
ktime_t timens_timer_to_host(ktime_t left, u64 host_mult, u64 mult)
{
	ktime_t host = timens_timer_scale(left, host_mult, mult);
	ktime_t margin = host >> TIMENS_TIMER_MARGIN_SHIFT;

	return margin >= TIMENS_TIMER_SLOP ? host - margin : host;
}

/* Host's clock on which the timers of a clock stand */
static inline clockid_t timens_timer_host_clock(clockid_t clock)
{
	return clock == CLOCK_MONOTONIC ? CLOCK_MONOTONIC : CLOCK_BOOTTIME;
}

static void timens_timer_read(struct timekeeper_ns *tn, clockid_t clock,
			      struct timens_tk_pair *p)
{
	timens_tk_read_pair(tn->ns, clock, timens_timer_host_clock(clock), p);

	/* The host's readers see an inserted second up to a tick late */
	if (!p->own && clock == CLOCK_REALTIME && p->ns.tv_sec >= p->host_leap)
		p->ns.tv_sec--;
}

/**
 * timens_timer_project - Project an expiry onto the host
 * @p:		The clock of the timer and that of the host on which it stands,
 *		at one instant
 * @clock:	The clock of the timer
 * @expires:	Expiry on that clock (nsecs)
 * @asleep:	The machine sleeps until then, so that both clocks advance alike
 *
 * Return: the time (nsecs) on the clock of the host, KTIME_MAX for never
 */
ktime_t timens_timer_project(const struct timens_tk_pair *p, clockid_t clock,
			     ktime_t expires, bool asleep)
{
	ktime_t now = timespec64_to_ktime(p->ns), host = timespec64_to_ktime(p->host);
	ktime_t left = ktime_sub(expires, now), edge;

	if (expires == KTIME_MAX)
		return KTIME_MAX;
	if (left <= 0)
		return host;
	if (clock == CLOCK_REALTIME && p->edge_sec != TIME64_MAX) {
		edge = ktime_set(p->edge_sec, 0);
		/* What a deleted second skips expires at the edge */
		if (now < edge && expires >= edge)
			left = max(left - p->edge_step * NSEC_PER_SEC, edge - now);
	}
	if (p->own && !asleep)
		left = timens_timer_to_host(left, p->host_mult, p->ns_mult);
	else if (p->own)
		left = timens_timer_scale(left, p->rate.den, p->rate.num);
	return ktime_add_safe(host, left);
}

#define to_timens_timer(t)	container_of_const(t, struct timens_timer, timer)

/* Put an armed timer where its clock wants it now */
static void timens_timer_arm(struct timens_timer *tt, const struct timens_tk_pair *p,
			     enum hrtimer_mode mode)
{
	ktime_t host = timens_timer_project(p, tt->clock, tt->softexpires, false);
	u64 delta = ktime_sub(tt->expires, tt->softexpires);

	/* A slack is no promise, and need not be exact */
	if (unlikely(p->rate.num != p->rate.den))
		delta = timens_timer_scale(delta, p->rate.den, p->rate.num);

	lockdep_assert_held(&tt->base->lock);

	hrtimer_start_on_host(&tt->timer, host, delta, mode);
}

/* A mode which fits the way in which an hrtimer was initialized */
static inline enum hrtimer_mode timens_timer_mode(const struct hrtimer *timer)
{
	return HRTIMER_MODE_ABS | (timer->is_soft && !IS_ENABLED(CONFIG_PREEMPT_RT) ?
				   HRTIMER_MODE_SOFT : 0) |
	       (timer->is_hard ? HRTIMER_MODE_HARD : 0);
}

/* The timer is not armed any more: its expiry is the owner's again */
static void timens_timer_disarm(struct timens_timer *tt)
{
	lockdep_assert_held(&tt->base->lock);

	list_del_init(&tt->node);
	hrtimer_set_expires_range(&tt->timer, tt->softexpires,
				  ktime_sub(tt->expires, tt->softexpires));
}

static enum hrtimer_restart timens_timer_expired(struct hrtimer *timer);

static void timens_timer_start_locked(struct timens_timer *tt, ktime_t tim, u64 delta_ns,
				      enum hrtimer_mode mode)
{
	struct timens_timer_base *base = tt->base;
	struct hrtimer *timer = &tt->timer;
	struct timens_tk_pair p;

	timens_timer_read(base->tn, tt->clock, &p);
	if (mode & HRTIMER_MODE_REL)
		tim = ktime_add_safe(tim, timespec64_to_ktime(p.ns));
	tt->softexpires = tim;
	tt->expires = ktime_add_safe(tim, ns_to_ktime(delta_ns));
	if (timer->function != timens_timer_expired) {
		tt->function = timer->function;
		timer->function = timens_timer_expired;
	}
	tt->generation = base->generation;
	list_move_tail(&tt->node, &base->armed);
	timens_timer_arm(tt, &p, mode & ~HRTIMER_MODE_REL);
}

/* The owner wants to go on, if nobody has armed the timer since it said so */
static void timens_timer_restart(struct timens_timer *tt)
{
	struct hrtimer *timer = &tt->timer;
	unsigned long flags;

	raw_spin_lock_irqsave(&tt->base->lock, flags);
	if (list_empty(&tt->node))
		timens_timer_start_locked(tt, hrtimer_get_softexpires(timer),
					  ktime_sub(hrtimer_get_expires(timer),
						    hrtimer_get_softexpires(timer)),
					  timens_timer_mode(timer));
	raw_spin_unlock_irqrestore(&tt->base->lock, flags);
}

static enum hrtimer_restart timens_timer_expired(struct hrtimer *timer)
{
	struct timens_timer *tt = to_timens_timer(timer);
	struct timens_timer_base *base = tt->base;
	enum hrtimer_restart restart;
	struct timens_timer **called;
	struct timens_tk_pair p;
	unsigned long flags;
	ktime_t left;

	raw_spin_lock_irqsave(&base->lock, flags);
	/* See "Expiry against walk" */
	if (unlikely(hrtimer_is_queued(timer) || list_empty(&tt->node))) {
		raw_spin_unlock_irqrestore(&base->lock, flags);
		return HRTIMER_NORESTART;
	}

	timens_timer_read(base->tn, tt->clock, &p);
	left = ktime_sub(tt->softexpires, timespec64_to_ktime(p.ns));
	if (left > 0) {
		timens_timer_arm(tt, &p, timens_timer_mode(timer));
		atomic64_inc(&timens_timer_early);
		trace_timens_timer_early(base->tn->ns->ns.inum, tt->clock, left);
		raw_spin_unlock_irqrestore(&base->lock, flags);
		return HRTIMER_NORESTART;
	}
	timens_timer_disarm(tt);
	/* Nothing else expires in this context of this CPU before the owner returns */
	called = this_cpu_ptr(&timens_timer_called[timer->is_soft]);
	WRITE_ONCE(*called, tt);
	raw_spin_unlock_irqrestore(&base->lock, flags);

	restart = tt->function(timer);
	WRITE_ONCE(*called, NULL);
	/* If the owner does not want to go on, the timer may be gone */
	if (restart == HRTIMER_RESTART)
		timens_timer_restart(tt);
	return HRTIMER_NORESTART;
}

/* Does the callback which runs, if one does, call the owner? Not if it only looks */
static bool timens_timer_calls_owner(const struct timens_timer *tt)
{
	const struct hrtimer *timer = &tt->timer;
	unsigned int cpu = READ_ONCE(timer->base)->cpu_base->cpu;

	lockdep_assert_held(&tt->base->lock);
	return READ_ONCE(*per_cpu_ptr(&timens_timer_called[timer->is_soft], cpu)) == tt;
}

/**
 * __timens_timer_start - Start a bound timer
 * @timer:	The hrtimer of the timer
 * @tim:	Expiry on the clock of the namespace, or time to it (nsecs)
 * @delta_ns:	Slack (nsecs)
 * @mode:	As for hrtimer_start_range_ns(), which calls this
 *
 * Context: any in which an hrtimer can be started
 */
void __timens_timer_start(struct hrtimer *timer, ktime_t tim, u64 delta_ns,
			  enum hrtimer_mode mode)
{
	struct timens_timer *tt = to_timens_timer(timer);
	unsigned long flags;

	raw_spin_lock_irqsave(&tt->base->lock, flags);
	timens_timer_start_locked(tt, tim, delta_ns, mode);
	raw_spin_unlock_irqrestore(&tt->base->lock, flags);
}

/**
 * __timens_timer_try_to_cancel - Cancel a bound timer
 * @timer:	The hrtimer of the timer
 *
 * Return: as hrtimer_try_to_cancel(), which calls this; in particular -1 if the
 * timer expires. See "Cancelling".
 */
int __timens_timer_try_to_cancel(struct hrtimer *timer)
{
	struct timens_timer *tt = to_timens_timer(timer);
	struct timens_timer_base *base = tt->base;
	unsigned long flags;
	bool looks;
	int ret;

	for (;;) {
		raw_spin_lock_irqsave(&base->lock, flags);
		ret = hrtimer_try_to_cancel_on_host(timer);
		if (ret > 0)
			timens_timer_disarm(tt);
		looks = ret < 0 && !list_empty(&tt->node) && !timens_timer_calls_owner(tt);
		raw_spin_unlock_irqrestore(&base->lock, flags);
		if (!looks)
			return ret;
		cpu_relax();
	}
}

/*
 * What the owner of a timer asks
 */

/**
 * __timens_timer_now - The present time of the clock of a bound timer
 * @timer:	The hrtimer of the timer
 *
 * Return: the time (nsecs)
 */
ktime_t __timens_timer_now(const struct hrtimer *timer)
{
	const struct timens_timer *tt = to_timens_timer(timer);
	struct timens_tk_pair p;

	timens_timer_read(tt->base->tn, tt->clock, &p);
	return timespec64_to_ktime(p.ns);
}

/**
 * __timens_timer_expires - The expiry of a bound timer
 * @timer:	The hrtimer of the timer, armed or not
 *
 * Return: the expiry on the clock of the namespace (nsecs)
 */
ktime_t __timens_timer_expires(const struct hrtimer *timer)
{
	const struct timens_timer *tt = to_timens_timer(timer);
	unsigned long flags;
	ktime_t expires;

	raw_spin_lock_irqsave(&tt->base->lock, flags);
	expires = list_empty(&tt->node) ? hrtimer_get_expires(timer) : tt->expires;
	raw_spin_unlock_irqrestore(&tt->base->lock, flags);
	return expires;
}

/**
 * __timens_timer_sleep_expires - When a bound timer has to end a suspend
 * @timer:	The hrtimer of the timer, not for CLOCK_MONOTONIC, armed or not
 *
 * Return: the time (nsecs) on CLOCK_BOOTTIME of the host at which it expires if
 * the machine sleeps until then
 */
ktime_t __timens_timer_sleep_expires(const struct hrtimer *timer)
{
	const struct timens_timer *tt = to_timens_timer(timer);
	struct timens_tk_pair p;

	timens_timer_read(tt->base->tn, tt->clock, &p);
	return timens_timer_project(&p, tt->clock, __timens_timer_expires(timer), true);
}

/**
 * __timens_timer_is_armed - Whether a bound timer is armed
 * @timer:	The hrtimer of the timer
 *
 * Return: true if it is going to expire, even while its hrtimer is not queued
 * because it came early
 */
bool __timens_timer_is_armed(const struct hrtimer *timer)
{
	const struct timens_timer *tt = to_timens_timer(timer);
	unsigned long flags;
	bool armed;

	raw_spin_lock_irqsave(&tt->base->lock, flags);
	armed = !list_empty(&tt->node);
	raw_spin_unlock_irqrestore(&tt->base->lock, flags);
	return armed;
}

/**
 * __timens_timer_clock - The clock of a bound timer
 * @timer:	The hrtimer of the timer
 *
 * Return: the clock id
 */
clockid_t __timens_timer_clock(const struct hrtimer *timer)
{
	return to_timens_timer(timer)->clock;
}

/**
 * __timens_timer_is_of - Whether a timer belongs to a namespace
 * @tt:		The timer, which may be bound to another one at the same time
 * @tn:		The namespace; only the pointer is used
 *
 * Return: true if it does
 */
bool __timens_timer_is_of(const struct timens_timer *tt, const struct timekeeper_ns *tn)
{
	const struct timens_timer_base *base = READ_ONCE(tt->base);

	return base >= tn->timers && base < tn->timers + TIMENS_TIMER_BASES;
}

/**
 * __timens_timer_real_offset - CLOCK_REALTIME less MONOTONIC of a namespace
 * @tt:		A timer which is bound to it
 *
 * Return: the difference (nsecs)
 */
ktime_t __timens_timer_real_offset(const struct timens_timer *tt)
{
	return timens_tk_real_offset(tt->base->tn);
}

static struct timekeeper_ns *timens_timer_current(void)
{
	/* A task which exits has left its namespaces */
	return current->nsproxy ? current->nsproxy->time_ns->tk : NULL;
}

/**
 * __timens_user_ktime_get - The present time for a timeout of user space
 * @clock:	CLOCK_MONOTONIC or CLOCK_BOOTTIME
 *
 * Return: the time (nsecs) on the clock of the time namespace of current
 */
ktime_t __timens_user_ktime_get(clockid_t clock)
{
	struct timekeeper_ns *tn = timens_timer_current();
	struct timens_tk_pair p;

	if (!tn)
		return clock == CLOCK_BOOTTIME ? ktime_get_boottime() : ktime_get();
	timens_timer_read(tn, clock, &p);
	return timespec64_to_ktime(p.ns);
}

/*
 * Binding. See "Lifetime".
 */

static void timens_timer_put(struct timekeeper_ns *tn)
{
	if (!refcount_dec_not_one(&tn->ns->ns.count))
		queue_work(system_wq, &tn->put_work);
}

static void timens_timer_put_work(struct work_struct *work)
{
	put_time_ns(container_of(work, struct timekeeper_ns, put_work)->ns);
}

/**
 * __timens_timer_bind - Bind a timer to the time namespace of current
 * @tt:		The timer, inactive, and initialized or bound before
 * @on_stack:	It was never bound before, and current sleeps on it
 *
 * Return: true if it was bound to another namespace before, or to none
 */
bool __timens_timer_bind(struct timens_timer *tt, bool on_stack)
{
	struct timekeeper_ns *tn = timens_timer_current(), *old = NULL;

	if (!on_stack && tt->base) {
		old = tt->base->tn;
		/* Not every owner initializes its hrtimer again */
		if (tt->timer.function == timens_timer_expired) {
			tt->timer.function = tt->function;
			hrtimer_set_clock(&tt->timer, tt->clock);
		}
	}
	if (tn && tn != old && !on_stack)
		get_time_ns(tn->ns);

	if (tn) {
		WRITE_ONCE(tt->base, &tn->timers[raw_smp_processor_id() % TIMENS_TIMER_BASES]);
		INIT_LIST_HEAD(&tt->node);
		tt->clock = tt->timer.base->clockid;
		hrtimer_set_clock(&tt->timer, timens_timer_host_clock(tt->clock));
	} else {
		WRITE_ONCE(tt->base, NULL);
	}
	tt->timer.is_bound = !!tn;

	if (old && old != tn)
		timens_timer_put(old);
	return tn != old;
}

/**
 * __timens_timer_unbind - Drop the reference of a timer on its namespace
 * @tt:		The timer, inactive, bound or not
 */
void __timens_timer_unbind(struct timens_timer *tt)
{
	struct timekeeper_ns *tn;

	if (!tt->base)
		return;
	tn = tt->base->tn;
	WRITE_ONCE(tt->base, NULL);
	tt->timer.is_bound = false;
	timens_timer_put(tn);
}

/*
 * Walks. See there.
 */

/* Returns true if the timer had to move */
static bool timens_timer_move(struct timens_timer *tt)
{
	struct timens_tk_pair p;
	ktime_t host, left, off;

	timens_timer_read(tt->base->tn, tt->clock, &p);
	host = timens_timer_project(&p, tt->clock, tt->softexpires, false);
	/*
	 * Leave alone what the change does not concern. It need not come out the
	 * same: the multipliers dither. Early by a little is fine, as the expiry
	 * looks again; so is late by less than a part of the margin.
	 */
	left = ktime_sub(host, timespec64_to_ktime(p.host));
	off = ktime_sub(host, hrtimer_get_softexpires(&tt->timer));
	if (off >= 0 && off < NSEC_PER_MSEC)
		return false;
	if (left >> TIMENS_TIMER_MARGIN_SHIFT >= TIMENS_TIMER_SLOP &&
	    abs(off) <= left >> TIMENS_TIMER_RATE_SHIFT)
		return false;
	timens_timer_arm(tt, &p, timens_timer_mode(&tt->timer));
	return true;
}

static u64 timens_timer_walk_base(struct timens_timer_base *base)
{
	struct timens_timer *tt;
	unsigned int n = 0;
	u64 moved = 0;
	unsigned long flags;

	raw_spin_lock_irqsave(&base->lock, flags);
	base->generation++;
	while ((tt = list_first_entry_or_null(&base->armed, struct timens_timer, node))) {
		if (tt->generation == base->generation)
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

/**
 * timens_timer_clock_moved - Let the timers of a namespace follow its clock
 * @tn:		The namespace, whose clock was set or changed its rate
 *
 * Context: process context, without locks of a timer or a clock
 */
void timens_timer_clock_moved(struct timekeeper_ns *tn)
{
	timerfd_ns_clock_was_set(tn);
	timens_timer_walk(tn);
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

/**
 * timens_timer_walk_all - Let the timers of many namespaces follow
 * @state:	Those which follow the host, or own a clock: enum timens_tk_state
 * @also:	What to do with a namespace before its timers move, or NULL
 *
 * Namespaces come and go meanwhile. One with a reference stays on the list, so
 * that it is the place from which to go on.
 *
 * Context: process context
 */
void timens_timer_walk_all(u32 state, void (*also)(struct timekeeper_ns *tn))
{
	struct timekeeper_ns *tn, *held = NULL;

	mutex_lock(&timens_timer_all_mutex);
	list_for_each_entry(tn, &timens_timer_all, all_node) {
		if (READ_ONCE(tn->state) != state || !refcount_inc_not_zero(&tn->ns->ns.count))
			continue;
		mutex_unlock(&timens_timer_all_mutex);
		if (held)
			put_time_ns(held->ns);
		held = tn;
		if (also)
			also(tn);
		timens_timer_walk(tn);
		mutex_lock(&timens_timer_all_mutex);
	}
	mutex_unlock(&timens_timer_all_mutex);
	if (held)
		put_time_ns(held->ns);
}

/**
 * __timens_timer_host_was_set - Let the timers of all followers follow
 *
 * Context: process context
 */
void __timens_timer_host_was_set(void)
{
	timens_timer_walk_all(TIMENS_TK_FOLLOW, NULL);
}

/**
 * timens_timer_stats - What the timers of all namespaces did since boot
 * @early:	Storage for the number of expiries which came early and were put
 *		off
 * @moved:	Storage for the number of timers which a walk moved
 */
void timens_timer_stats(u64 *early, u64 *moved)
{
	*early = atomic64_read(&timens_timer_early);
	*moved = atomic64_read(&timens_timer_moved);
}

/*
 * Lifetime of a namespace
 */

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
	INIT_LIST_HEAD(&tn->all_node);
	INIT_WORK(&tn->timer_work, timens_timer_work);
	INIT_WORK(&tn->put_work, timens_timer_put_work);
}

/**
 * timens_timer_add_ns - A namespace begins to exist
 * @tn:		The namespace, which nothing can keep from existing any more
 *
 * Context: process context
 */
void timens_timer_add_ns(struct timekeeper_ns *tn)
{
	timens_tk_key_inc(&timens_timer_key.key);
	mutex_lock(&timens_timer_all_mutex);
	list_add_tail(&tn->all_node, &timens_timer_all);
	mutex_unlock(&timens_timer_all_mutex);
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

	if (list_empty(&tn->all_node))
		return;

	mutex_lock(&timens_timer_all_mutex);
	list_del(&tn->all_node);
	mutex_unlock(&timens_timer_all_mutex);
	cancel_work_sync(&tn->timer_work);
	for (i = 0; i < TIMENS_TIMER_BASES; i++)
		WARN_ON_ONCE(!list_empty(&tn->timers[i].armed));
	static_branch_slow_dec_deferred(&timens_timer_key);
}
