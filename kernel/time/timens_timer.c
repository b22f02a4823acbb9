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
 * Most namespaces follow the host for all their life, and have no clock of their own.
 * Their timers are plain hrtimers with a mark, until somebody writes to the clock.
 *
 *
 * As the owner sees it
 * --------------------
 *
 * Who arms a timer for an absolute time of CLOCK_MONOTONIC or BOOTTIME has the offset
 * of the namespace taken off (timens_ktime_to_host()), as in mainline. So the times
 * which the owner of a timer sees are those of the clock less the offset with which the
 * namespace was entered, and that stays so when it gets a clock: expiry and present
 * time of a timer do not change when it is bound, nor does the end of a timeout which
 * was computed before. time_namespace::offsets never changes behind the first task. If
 * there is a clock before the first task enters, the offsets are zero from there on: the
 * clock may have been set to less than them, restored for example, and a time before the
 * offset is refused as one which is past.
 * What the clocks of a follower which owned its clock are ahead of the host is in
 * timekeeper_ns::offs.
 *
 *
 * What protects the machine
 * -------------------------
 *
 * Where the kernel itself arms a timer again, the least distance protects the
 * other users, so it is one of the host: a jiffy of a clock at rate 2000 is half
 * a microsecond. timens_timer_least() says what it is on the clock of the timer.
 * It doubles the distance, for an expiry of a bound timer costs more than that of
 * another one, but less than two of them, so that nobody can take more from others
 * than he could on the host. And it gives each timer of a list a place of its own,
 * TIMENS_TIMER_AGAIN of them in a jiffy: however many there are, they take a bounded
 * part of a CPU, and do not expire all at once, in one interrupt. Nobody sees an expiry
 * whose signal is ignored, and the overrun is exact. But who wants the signal again gets
 * the first one when the timer has its place: N such timers of a namespace make that
 * 2 + N / TIMENS_TIMER_AGAIN jiffies, where it is one on the host. Who does that, and
 * who does not need it:
 *
 *   posix_timer_fn()        a periodic timer whose signal is ignored
 *   __alarm_forward_now()   the same of an alarm
 *   timens_timer_expired()  a timer which came early: see timens_project.c
 *   alarmtimer_suspend()    no suspend for less than two seconds: what it compares
 *                           is how long the machine would sleep, see
 *                           __timens_timer_sleep_expires()
 *
 *   POSIX timers whose signal is delivered, ITIMER_REAL, timerfd, multishot
 *   timeouts of io_uring    a task arms them again when it takes a signal, reads
 *                           or runs its task work. It pays for that itself,
 *                           whatever the interval.
 *   sleeps, poll(), epoll   a task calls again
 *   timer slack             any task may set its own to a nanosecond
 *
 * hrtimer_forward() is arithmetic on the clock of the timer, and right there.
 * Setting the clock or its rate moves timers at the expense of the setter.
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
 *                                        queued: the owner has changed the expiry, return
 *
 *
 * Cancelling
 * ----------
 *
 * hrtimer_try_to_cancel() of a bound timer takes the lock of the list around
 * dequeueing the hrtimer and unlinking the timer, so that no walk can start
 * it again afterwards. If the callback runs it fails, as for any hrtimer, and
 * does not wait: its callers hold locks, some of them with interrupts disabled,
 * and one is for all alarms of the machine. The callback may be that of a
 * virtual CPU which does not run. All callers but one drop their locks and try
 * again.
 *
 * io_uring does not try again. It takes a failure for the promise that the timeout
 * will be completed. That holds if the callback calls the owner, but it may only
 * look at the clock and put the timer off. Then timens_timer_try_to_cancel(), which
 * io_uring calls instead, takes the timer off the list, which tells the callback
 * to leave it alone:
 *
 *   CPU 0 (expiry)                       CPU 1 (io_uring, timeout_lock)
 *   hrtimer is dequeued, callback runs
 *                                        lock list
 *                                        the callback runs, the timer is listed:
 *                                        off the list
 *                                        unlock
 *   lock list                            wait until no callback runs
 *   not listed: unlock, return
 *                                        dequeue the hrtimer if the callback had
 *                                        started it: cancelled
 *
 * It has to wait, for CPU 0 looks at the timer, whose memory may be freed. But
 * nothing makes the callback run again, so what is waited for is what is left of
 * a callback which holds no lock but those of hrtimers and that of the list: as
 * with any of those spinlocks. The lock held meanwhile is that of the ring of the
 * caller.
 *
 * The owner may have armed the timer again while it was being called, as a reader
 * of a periodic timerfd does. Then the callback is past the look and the timer is
 * on the list, but to wait for the callback would be to wait for the owner, who may
 * want what the canceller holds:
 *
 *   CPU 0 (expiry)                       CPU 1 (io_uring, timeout_lock)
 *   off the list, call the owner:
 *                                        armed again, on the list
 *                                        lock timeout_lock, cancel: the callback
 *                                        runs, the timer is listed
 *     lock timeout_lock
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
 *   timerfd_ctx::cancel_lock
 *     timens_timer_cancel::lock
 *       locks of the owner: timerfd_ctx::wqh.lock
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
 * owner may be in a context in which a clock cannot be freed; if the
 * reference was the last one a work item frees the namespace. Nobody else can find
 * it the last, so one work item per clock will do. To free a namespace which has no
 * clock takes spinlocks only.
 *
 * A sleeping task is a member of its namespace, and its timer on the stack has
 * no reference of its own.
 */
#include <linux/hrtimer.h>
#include <linux/math64.h>
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

/* Expiries which came early and were put off, since boot */
atomic64_t timens_timer_early;

/**
 * struct timens_timer_call - A look at a timer, and the call of its owner
 * @tt:		The timer whose owner is being called by this CPU, or NULL. For others
 *		to compare with only: it may be gone. See "Cancelling"
 * @generation:	Number of the last walk when the timer was looked at
 * @pair:	The clocks then
 */
struct timens_timer_call {
	struct timens_timer	*tt;
	u32			generation;
	struct timens_tk_pair	pair;
};

/* In hard [0] and in soft [1] interrupt context */
static DEFINE_PER_CPU(struct timens_timer_call, timens_timer_call[2]);

/*
 * Where a timer stands on the host: see timens_project.c
 */

/* Host's clock on which the timers of a clock stand */
static inline clockid_t timens_timer_host_clock(clockid_t clock)
{
	return clock == CLOCK_MONOTONIC ? CLOCK_MONOTONIC : CLOCK_BOOTTIME;
}

static void timens_timer_read_on(struct time_namespace *ns, clockid_t clock, clockid_t host_clock,
				 struct timens_tk_pair *p)
{
	timens_tk_read_pair(ns, clock, host_clock, p);

	/* The host's readers see an inserted second up to a tick late */
	if (!p->own && clock == CLOCK_REALTIME && p->ns.tv_sec >= p->host_leap) {
		p->ns.tv_sec--;
		p->host.tv_sec -= host_clock == CLOCK_REALTIME;
	}
	/* See "As the owner sees it" */
	if (clock == CLOCK_MONOTONIC)
		p->ns = timespec64_sub(p->ns, ns->offsets.monotonic);
	else if (clock == CLOCK_BOOTTIME)
		p->ns = timespec64_sub(p->ns, ns->offsets.boottime);
}

/* The clocks of a timer: as its owner sees its own, and that on which its hrtimer stands */
static void timens_timer_read(const struct timens_timer *tt, struct timens_tk_pair *p)
{
	clockid_t host_clock = READ_ONCE(tt->timer.base)->clockid, clock = host_clock;

	/* Pairs with the release in timens_timer_take() */
	if (smp_load_acquire(&tt->timer.is_bound) == TIMENS_TIMER_BOUND) {
		clock = tt->clock;
		/* It may have moved to it in between */
		host_clock = READ_ONCE(tt->timer.base)->clockid;
	}
	timens_timer_read_on(tt->ns, clock, host_clock, p);
}

#define to_timens_timer(t)	container_of_const(t, struct timens_timer, timer)

/* The slack of a timer (nsecs of the host). It is no promise, and need not be exact */
static u64 timens_timer_delta(const struct timens_timer *tt, const struct timens_tk_pair *p)
{
	u64 delta = ktime_sub(tt->expires, tt->softexpires);

	if (unlikely(p->rate.num != p->rate.den))
		delta = timens_timer_scale(delta, p->rate.den, p->rate.num);
	return delta;
}

/* Start the hrtimer of an armed timer at @host, on the clock of the host */
static void timens_timer_arm_at(struct timens_timer *tt, const struct timens_tk_pair *p,
				ktime_t host, enum hrtimer_mode mode)
{
	lockdep_assert_held(&tt->base->lock);

	hrtimer_start_on_host(&tt->timer, host, timens_timer_delta(tt, p), mode);
}

/* Put an armed timer where its clock wants it now */
static void timens_timer_arm(struct timens_timer *tt, const struct timens_tk_pair *p,
			     enum hrtimer_mode mode)
{
	timens_timer_arm_at(tt, p, timens_timer_project(p, tt->clock, tt->softexpires, false),
			    mode);
}

/* The same for a timer which came early */
static void timens_timer_arm_rest(struct timens_timer *tt, const struct timens_tk_pair *p,
				  enum hrtimer_mode mode)
{
	timens_timer_arm_at(tt, p, timens_timer_project_rest(p, tt->clock, tt->softexpires), mode);
}

/* A mode which fits the way in which an hrtimer was initialized */
static inline enum hrtimer_mode timens_timer_mode(const struct hrtimer *timer)
{
	return HRTIMER_MODE_ABS | (timer->is_soft && !IS_ENABLED(CONFIG_PREEMPT_RT) ?
				   HRTIMER_MODE_SOFT : 0) |
	       (timer->is_hard ? HRTIMER_MODE_HARD : 0);
}

/* The expiry of a timer which is not armed any more is the owner's again */
static void timens_timer_give_back(struct timens_timer *tt)
{
	hrtimer_set_expires_range(&tt->timer, tt->softexpires,
				  ktime_sub(tt->expires, tt->softexpires));
}

static void timens_timer_disarm(struct timens_timer *tt)
{
	lockdep_assert_held(&tt->base->lock);

	list_del_init(&tt->node);
	timens_timer_give_back(tt);
}

static enum hrtimer_restart timens_timer_expired(struct hrtimer *timer);

/*
 * Binding a marked timer. See "A namespace gets a clock" in timens_walk.c.
 */

/**
 * timens_timer_take - Bind a marked timer, and list it if it is armed
 * @timer:	The hrtimer, of a namespace or of the host
 * @arg:	struct timens_timer_take: which namespace, and to which list
 *
 * Leaves it alone if it is bound already, or another one's. What is queued or being
 * expired (TIMENS_TIMER_TAKEN) is armed, and goes on the list as it stands.
 *
 * Context: under the lock of the list, and that of the hrtimer's base
 */
void timens_timer_take(struct hrtimer *timer, void *arg)
{
	struct timens_timer *tt = to_timens_timer(timer);
	const struct timens_timer_take *take = arg;
	bool armed;

	if (timer->is_bound == TIMENS_TIMER_HOST || timer->is_bound == TIMENS_TIMER_BOUND ||
	    tt->ns != take->ns)
		return;

	lockdep_assert_held(&take->base->lock);
	armed = hrtimer_is_queued(timer) || timer->is_bound == TIMENS_TIMER_TAKEN;
	WRITE_ONCE(tt->base, take->base);
	INIT_LIST_HEAD(&tt->node);
	tt->clock = timer->base->clockid;
	tt->generation = take->base->generation;
	tt->function = timer->function;
	timer->function = timens_timer_expired;
	if (armed) {
		tt->softexpires = hrtimer_get_softexpires(timer);
		tt->expires = hrtimer_get_expires(timer);
		list_add_tail(&tt->node, &take->base->armed);
	}
	/* Pairs with timens_timer_was_bound() */
	smp_store_release(&timer->is_bound, TIMENS_TIMER_BOUND);
}

/* Lock the list of a timer which is bound, or is now */
static struct timens_timer_base *timens_timer_lock(struct timens_timer *tt, unsigned long *flags)
	__acquires(&tt->base->lock)
{
	struct timekeeper_ns *tn = tt->ns->tk;
	struct timens_timer_take take = {
		.base = &tn->timers[raw_smp_processor_id() % TIMENS_TIMER_BASES],
		.ns = tt->ns,
	};
	struct timens_timer_base *base;

	/* Pairs with the release in timens_timer_take() */
	while (smp_load_acquire(&tt->timer.is_bound) != TIMENS_TIMER_BOUND) {
		raw_spin_lock_irqsave(&take.base->lock, *flags);
		hrtimer_take(&tt->timer, timens_timer_take, &take);
		if (tt->base == take.base)
			return take.base;
		/* Somebody else has bound it */
		raw_spin_unlock_irqrestore(&take.base->lock, *flags);
	}
	base = tt->base;
	raw_spin_lock_irqsave(&base->lock, *flags);
	return base;
}

/*
 * A timer which was bound while it was armed may stand on CLOCK_REALTIME or TAI of the
 * host, which are set. An hrtimer can only go to another clock while its callback does
 * not run, so a walk has to do that, and soon.
 */
static void timens_timer_settle(struct timens_timer *tt)
{
	if (unlikely(tt->timer.base->clockid != timens_timer_host_clock(tt->clock)))
		timens_timer_clock_moved_delayed(tt->base->tn);
}

static void timens_timer_start_at(struct timens_timer *tt, ktime_t tim, u64 delta_ns,
				  enum hrtimer_mode mode, const struct timens_tk_pair *p)
{
	struct timens_timer_base *base = tt->base;
	struct hrtimer *timer = &tt->timer;

	if (mode & HRTIMER_MODE_REL)
		tim = ktime_add_safe(tim, timespec64_to_ktime(p->ns));
	tt->softexpires = tim;
	tt->expires = ktime_add_safe(tim, ns_to_ktime(delta_ns));
	if (timer->function != timens_timer_expired) {
		tt->function = timer->function;
		timer->function = timens_timer_expired;
	}
	tt->generation = base->generation;
	list_move_tail(&tt->node, &base->armed);
	timens_timer_arm(tt, p, mode & ~HRTIMER_MODE_REL);
	timens_timer_settle(tt);
}

/*
 * The owner wants to go on, if nobody has armed the timer since it said so. What
 * the clocks were when the timer was looked at is good enough as long as no walk
 * has begun since: a walk to come finds the timer with the mark of the last one.
 */
static void timens_timer_restart(struct timens_timer *tt, struct timens_timer_call *call)
{
	struct timens_timer_base *base = tt->base;
	struct hrtimer *timer = &tt->timer;
	unsigned long flags;

	raw_spin_lock_irqsave(&base->lock, flags);
	if (list_empty(&tt->node)) {
		if (unlikely(call->generation != base->generation))
			timens_timer_read(tt, &call->pair);
		timens_timer_start_at(tt, hrtimer_get_softexpires(timer),
				      ktime_sub(hrtimer_get_expires(timer),
						hrtimer_get_softexpires(timer)),
				      timens_timer_mode(timer), &call->pair);
	}
	raw_spin_unlock_irqrestore(&base->lock, flags);
}

static enum hrtimer_restart timens_timer_expired(struct hrtimer *timer)
{
	struct timens_timer *tt = to_timens_timer(timer);
	struct timens_timer_base *base = tt->base;
	enum hrtimer_restart restart;
	struct timens_timer_call *call;
	unsigned long flags;
	ktime_t left;

	raw_spin_lock_irqsave(&base->lock, flags);
	/* See "Expiry against walk", and "Cancelling" */
	if (unlikely(hrtimer_is_queued(timer) || list_empty(&tt->node))) {
		raw_spin_unlock_irqrestore(&base->lock, flags);
		return HRTIMER_NORESTART;
	}

	/* Nothing else expires in this context of this CPU before the owner returns */
	call = this_cpu_ptr(&timens_timer_call[timer->is_soft]);
	timens_timer_read(tt, &call->pair);
	left = ktime_sub(tt->softexpires, timespec64_to_ktime(call->pair.ns));
	if (left > 0) {
		timens_timer_arm_rest(tt, &call->pair, timens_timer_mode(timer));
		timens_timer_settle(tt);
		atomic64_inc(&timens_timer_early);
		trace_timens_timer_early(base->tn->ns->ns.inum, tt->clock, left);
		raw_spin_unlock_irqrestore(&base->lock, flags);
		return HRTIMER_NORESTART;
	}
	timens_timer_disarm(tt);
	call->generation = base->generation;
	WRITE_ONCE(call->tt, tt);
	raw_spin_unlock_irqrestore(&base->lock, flags);

	restart = tt->function(timer);
	WRITE_ONCE(call->tt, NULL);
	/* If the owner does not want to go on, the timer may be gone */
	if (restart == HRTIMER_RESTART)
		timens_timer_restart(tt, call);
	return HRTIMER_NORESTART;
}

/**
 * timens_timer_taken - A marked timer expires whose namespace has a clock
 * @timer:	The hrtimer of the timer, in the state TIMENS_TIMER_TAKEN
 *
 * Context: the callback of @timer
 * Return: HRTIMER_NORESTART
 */
enum hrtimer_restart timens_timer_taken(struct hrtimer *timer)
{
	struct timens_timer_base *base;
	unsigned long flags;

	base = timens_timer_lock(to_timens_timer(timer), &flags);
	raw_spin_unlock_irqrestore(&base->lock, flags);
	return timens_timer_expired(timer);
}

/* Does the callback which runs, if one does, call the owner? Not if it only looks */
static bool timens_timer_calls_owner(const struct timens_timer *tt)
{
	const struct hrtimer *timer = &tt->timer;
	unsigned int cpu = READ_ONCE(timer->base)->cpu_base->cpu;

	lockdep_assert_held(&tt->base->lock);
	return READ_ONCE(per_cpu_ptr(&timens_timer_call[timer->is_soft], cpu)->tt) == tt;
}

/**
 * __timens_timer_start - Start a bound or marked timer
 * @timer:	The hrtimer of the timer
 * @tim:	Expiry as the owner sees its clock, or time to it (nsecs)
 * @delta_ns:	Slack (nsecs)
 * @mode:	As for hrtimer_start_range_ns(), which calls this
 *
 * Context: any in which an hrtimer can be started
 * Return: false if nothing was done, since the namespace of the timer has no clock
 */
bool __timens_timer_start(struct hrtimer *timer, ktime_t tim, u64 delta_ns,
			  enum hrtimer_mode mode)
{
	struct timens_timer *tt = to_timens_timer(timer);
	struct timens_timer_base *base;
	struct timens_tk_pair p;
	unsigned long flags;

	if (!__timens_timer_has_clock(timer))
		return false;
	base = timens_timer_lock(tt, &flags);
	/* Nobody arms it behind this, and it is not armed yet: it can stand where it belongs */
	if (list_empty(&tt->node))
		hrtimer_set_idle_clock(timer, timens_timer_host_clock(tt->clock));
	timens_timer_read(tt, &p);
	timens_timer_start_at(tt, tim, delta_ns, mode, &p);
	raw_spin_unlock_irqrestore(&base->lock, flags);
	return true;
}

/**
 * __timens_timer_try_to_cancel - Cancel a bound timer
 * @timer:	The hrtimer of the timer
 *
 * Return: as hrtimer_try_to_cancel(), which calls this; in particular -1 if its
 * callback runs, even if that only looks at the clock
 */
int __timens_timer_try_to_cancel(struct hrtimer *timer)
{
	struct timens_timer *tt = to_timens_timer(timer);
	struct timens_timer_base *base = tt->base;
	unsigned long flags;
	int ret;

	raw_spin_lock_irqsave(&base->lock, flags);
	ret = hrtimer_try_to_cancel_on_host(timer);
	if (ret > 0)
		timens_timer_disarm(tt);
	raw_spin_unlock_irqrestore(&base->lock, flags);
	return ret;
}

/**
 * __timens_timer_stop - Cancel a bound timer whose callback runs
 * @tt:		The timer
 *
 * Return: 1 if the timer is cancelled, -1 if its owner is being called. See
 * "Cancelling".
 */
int __timens_timer_stop(struct timens_timer *tt)
{
	struct hrtimer *timer = &tt->timer;
	struct timens_timer_base *base;
	unsigned long flags;
	int ret;

	/* What is about to be bound may only look, too; it has no lock of the caller */
	while (READ_ONCE(timer->is_bound) == TIMENS_TIMER_TAKEN)
		cpu_relax();
	if (!timens_timer_was_bound(timer))
		return -1;
	base = tt->base;
	raw_spin_lock_irqsave(&base->lock, flags);
	ret = hrtimer_try_to_cancel_on_host(timer);
	if (ret < 0) {
		/* Not listed, it has expired */
		if (list_empty(&tt->node) || timens_timer_calls_owner(tt)) {
			raw_spin_unlock_irqrestore(&base->lock, flags);
			return -1;
		}
		list_del_init(&tt->node);
		raw_spin_unlock_irqrestore(&base->lock, flags);
		while (hrtimer_try_to_cancel_on_host(timer) < 0)
			hrtimer_cancel_wait_running(timer);
		timens_timer_give_back(tt);
		return 1;
	}
	if (ret > 0)
		timens_timer_disarm(tt);
	raw_spin_unlock_irqrestore(&base->lock, flags);
	return ret;
}

/*
 * What the owner of a timer asks
 */

/*
 * The clocks of a bound timer: at present, or in the callback of its owner when it
 * was looked at, which is not long ago.
 */
static const struct timens_tk_pair *timens_timer_clocks(const struct timens_timer *tt,
							struct timens_tk_pair *p)
{
	/* Who is called in hard interrupt context is the only one on its CPU */
	if (this_cpu_read(timens_timer_call[0].tt) == tt)
		return this_cpu_ptr(&timens_timer_call[0].pair);
	timens_timer_read(tt, p);
	return p;
}

/**
 * __timens_timer_now - The present time of the clock of a bound timer
 * @timer:	The hrtimer of the timer
 *
 * Return: the time (nsecs)
 */
ktime_t __timens_timer_now(const struct hrtimer *timer)
{
	struct timens_tk_pair p;

	return timespec64_to_ktime(timens_timer_clocks(to_timens_timer(timer), &p)->ns);
}

/*
 * The next place for a timer which is armed again by the kernel itself, in parts of a
 * jiffy of the host from now on: TIMENS_TIMER_AGAIN. See "What protects the machine".
 *
 * Who creates timers and deletes them, over and over, books places which nobody takes;
 * so there is an end to that.
 */
static unsigned int timens_timer_place(struct timens_timer_base *base)
{
	u64 now = get_jiffies_64() * TIMENS_TIMER_AGAIN, place;
	unsigned long flags;

	raw_spin_lock_irqsave(&base->lock, flags);
	place = clamp(base->again + 1, now + 2 * TIMENS_TIMER_AGAIN,
		      now + TIMENS_TIMER_AHEAD * TIMENS_TIMER_AGAIN);
	base->again = place;
	raw_spin_unlock_irqrestore(&base->lock, flags);
	return place - now;
}

/**
 * __timens_timer_least - How near the kernel itself may arm a bound timer again
 * @timer:	The hrtimer of the timer, which expires
 * @least:	How near it may be if the timer is not bound (nsecs), a jiffy or so
 *
 * A second of a clock at rate 2000 fits well: @least times HZ is a second.
 *
 * Return: the distance on the clock of the namespace (nsecs), rounded up. On the
 * host it is twice @least or more, see "What protects the machine".
 */
ktime_t __timens_timer_least(const struct hrtimer *timer, ktime_t least)
{
	const struct timens_timer *tt = to_timens_timer(timer);
	const struct timens_tk_pair *now;
	struct timens_tk_pair p;

	least = div_u64(least * timens_timer_place(tt->base), TIMENS_TIMER_AGAIN);
	now = timens_timer_clocks(tt, &p);
	return timens_timer_scale(least, now->ns_mult, now->host_mult);
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
 * @expires:	Expiry on the clock of the namespace (nsecs)
 *
 * Return: the time (nsecs) on CLOCK_BOOTTIME of the host at which that is if the
 * machine sleeps until then
 */
ktime_t __timens_timer_sleep_expires(const struct hrtimer *timer, ktime_t expires)
{
	const struct timens_timer *tt = to_timens_timer(timer);
	clockid_t clock = timens_timer_clock(timer);
	struct timens_tk_pair p;

	timens_timer_read_on(tt->ns, clock, CLOCK_BOOTTIME, &p);
	return timens_timer_project(&p, clock, expires, true);
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
 * __timens_timer_is_of - Whether a timer belongs to the namespace of a list
 * @tt:		The timer, which may be bound to another one at the same time
 * @cancel:	The list, NULL for that of the host: the namespace of current is meant
 *
 * Return: true if it does
 */
bool __timens_timer_is_of(const struct timens_timer *tt,
			  const struct timens_timer_cancel *cancel)
{
	const struct time_namespace *ns;

	if (cancel)
		ns = container_of_const(cancel, struct timekeeper_ns, cancel)->ns;
	else
		ns = timens_timer_ns();
	return READ_ONCE(tt->ns) == (ns == &init_time_ns ? NULL : ns);
}

/**
 * __timens_timer_real_offset - CLOCK_REALTIME less MONOTONIC of a namespace
 * @tt:		A timer of a task in it
 *
 * Return: the difference (nsecs) as the owner of the timer sees it, so that it does
 * not change when the namespace gets its clock
 */
ktime_t __timens_timer_real_offset(const struct timens_timer *tt)
{
	struct timekeeper_ns *tn = timens_tk_of(tt->ns);

	if (!tn)
		return ktime_mono_to_real(0);
	return ktime_add(timens_tk_real_offset(tn),
			 timespec64_to_ktime(tt->ns->offsets.monotonic));
}

/* See "Lifetime". Timers of a namespace come and go all the time, so this is inlined. */
static __always_inline void timens_timer_put(struct time_namespace *ns)
{
	if (likely(!refcount_dec_and_test(&ns->ns.count)))
		return;
	if (ns->tk)
		queue_work(system_wq, &ns->tk->free_work);
	else
		free_time_ns(ns);
}

static struct timekeeper_ns *timens_timer_current(void)
{
	return timens_tk_of(timens_timer_ns());
}

/**
 * __timens_timer_cancel - The list of what is cancelled when the clock is set
 *
 * Return: the list of the time namespace of current, NULL for the initial one
 */
struct timens_timer_cancel *__timens_timer_cancel(void)
{
	struct timekeeper_ns *tn = timens_timer_current();

	return tn ? &tn->cancel : NULL;
}

/**
 * timens_timer_cancel_get - A timerfd is on the list of a namespace
 * @cancel:	The list, of the time namespace of current
 */
void timens_timer_cancel_get(struct timens_timer_cancel *cancel)
{
	get_time_ns(container_of(cancel, struct timekeeper_ns, cancel)->ns);
}

/**
 * timens_timer_cancel_put - A timerfd is not on the list of a namespace any more
 * @cancel:	The list
 *
 * Context: any
 */
void timens_timer_cancel_put(struct timens_timer_cancel *cancel)
{
	timens_timer_put(container_of(cancel, struct timekeeper_ns, cancel)->ns);
}

/**
 * __timens_user_ktime_get - The present time for a timeout of user space
 * @clock:	CLOCK_MONOTONIC or CLOCK_BOOTTIME
 *
 * Return: the time (nsecs) on the clock of the time namespace of current, as the owner
 * of a timer sees it
 */
ktime_t __timens_user_ktime_get(clockid_t clock)
{
	struct timekeeper_ns *tn = timens_timer_current();
	struct timens_tk_pair p;

	if (!tn)
		return clock == CLOCK_BOOTTIME ? ktime_get_boottime() : ktime_get();
	timens_timer_read_on(tn->ns, clock, timens_timer_host_clock(clock), &p);
	return timespec64_to_ktime(p.ns);
}

/*
 * Binding. See "Lifetime".
 */

/**
 * __timens_timer_bind - Bind a timer to another time namespace
 * @tt:		The timer, inactive, and initialized or bound before
 * @ns:		That of current
 *
 * Return: true if it was bound to another namespace before, or to none
 */
bool __timens_timer_bind(struct timens_timer *tt, struct time_namespace *ns)
{
	struct time_namespace *old = tt->ns;

	/* Not every owner initializes its hrtimer again */
	if (tt->timer.is_bound == TIMENS_TIMER_BOUND) {
		tt->timer.function = tt->function;
		hrtimer_set_clock(&tt->timer, tt->clock);
	}
	if (ns == &init_time_ns) {
		ns = NULL;
		WRITE_ONCE(tt->timer.is_bound, TIMENS_TIMER_HOST);
	} else {
		WRITE_ONCE(tt->timer.is_bound, TIMENS_TIMER_MARKED);
	}
	if (ns == old)
		return false;
	if (ns)
		get_time_ns(ns);
	WRITE_ONCE(tt->ns, ns);
	if (old)
		timens_timer_put(old);
	return true;
}

/**
 * __timens_timer_unbind - Drop the reference of a timer on its namespace
 * @tt:		The timer, inactive, bound or marked
 */
void __timens_timer_unbind(struct timens_timer *tt)
{
	struct time_namespace *ns = tt->ns;

	WRITE_ONCE(tt->ns, NULL);
	WRITE_ONCE(tt->timer.is_bound, TIMENS_TIMER_HOST);
	timens_timer_put(ns);
}

/**
 * timens_timer_move - Let an armed timer follow its clock
 * @tt:		The timer, bound, and its hrtimer queued
 *
 * Context: under the lock of its list
 * Return: true if it had to move
 */
bool timens_timer_move(struct timens_timer *tt)
{
	struct timens_tk_pair p;
	ktime_t host, left, off;
	clockid_t clock;

	/* See timens_timer_settle() */
	clock = timens_timer_host_clock(tt->clock);
	if (unlikely(tt->timer.base->clockid != clock)) {
		timens_timer_read_on(tt->ns, tt->clock, clock, &p);
		host = timens_timer_project(&p, tt->clock, tt->softexpires, false);
		return hrtimer_move_on_host(&tt->timer, clock, host,
					    timens_timer_delta(tt, &p));
	}

	timens_timer_read(tt, &p);
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
