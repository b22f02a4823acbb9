/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Timers on the clock of a time namespace.
 *
 * A timer which a task arms belongs to the time namespace of that task. Its
 * owner keeps a struct timens_timer, uses the hrtimer in it as ever, and says
 * each time after hrtimer_init() that it is a user's: timens_timer_bind(), or
 * timens_timer_bind_on_stack(). From then on all times which the owner sees
 * are on the clock of the namespace. In the initial namespace nothing changes.
 *
 * The owner has to use the functions below where it looks at the present time
 * of the timer's clock, or at the expiry of a timer which is armed.
 *
 * The design is in the opening comment of kernel/time/timens_timer.c.
 */
#ifndef _LINUX_TIMENS_TIMER_H
#define _LINUX_TIMENS_TIMER_H

#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/spinlock_types.h>
#include <linux/time_namespace.h>
#include <linux/timekeeper_ns.h>
#include <linux/timens_timer_types.h>

struct timens_timer_cancel;

#ifdef CONFIG_TIMEKEEPER_NS

/**
 * struct timens_timer_cancel - Timerfds which are cancelled when a clock is set
 * @lock:	Protects the list
 * @walk:	Number of the last walk
 * @list:	Those which were armed in the time namespace, in the order in which
 *		a walk came to them last
 */
struct timens_timer_cancel {
	spinlock_t		lock;	/* see above */
	u32			walk;
	struct list_head	list;
};

bool __timens_timer_bind(struct timens_timer *tt, struct time_namespace *ns);
void __timens_timer_unbind(struct timens_timer *tt);
bool __timens_timer_start(struct hrtimer *timer, ktime_t tim, u64 delta_ns,
			  enum hrtimer_mode mode);
enum hrtimer_restart timens_timer_taken(struct hrtimer *timer);
int __timens_timer_try_to_cancel(struct hrtimer *timer);
int __timens_timer_stop(struct timens_timer *tt);
ktime_t __timens_timer_now(const struct hrtimer *timer);
ktime_t __timens_timer_least(const struct hrtimer *timer, ktime_t least);
ktime_t __timens_timer_expires(const struct hrtimer *timer);
ktime_t __timens_timer_sleep_expires(const struct hrtimer *timer, ktime_t expires);
bool __timens_timer_is_armed(const struct hrtimer *timer);
clockid_t __timens_timer_clock(const struct hrtimer *timer);
bool __timens_timer_is_of(const struct timens_timer *tt,
			  const struct timens_timer_cancel *cancel);
struct timens_timer_cancel *__timens_timer_cancel(void);
void timens_timer_cancel_get(struct timens_timer_cancel *cancel);
void timens_timer_cancel_put(struct timens_timer_cancel *cancel);
void timens_timer_count_cancel(unsigned int n);
ktime_t __timens_timer_real_offset(const struct timens_timer *tt);
ktime_t __timens_user_ktime_get(clockid_t clock);
void __timens_timer_host_was_set(void);
void __timens_timer_host_resumed(void);

/* fs/timerfd.c */
#ifdef CONFIG_TIMERFD
void timerfd_ns_clock_was_set(struct timens_timer_cancel *cancel);
void timerfd_ns_take(struct time_namespace *ns, struct timens_timer_cancel *cancel);
#else
static inline void timerfd_ns_clock_was_set(struct timens_timer_cancel *cancel) { }
static inline void timerfd_ns_take(struct time_namespace *ns,
				   struct timens_timer_cancel *cancel) { }
#endif

static inline bool __timens_timer_has_clock(const struct hrtimer *timer)
{
	const struct timens_timer *tt = container_of_const(timer, struct timens_timer, timer);

	/* Pairs with the release in timens_publish_tk() */
	return smp_load_acquire(&tt->ns->tk);
}

/**
 * timens_timer_is_bound - Whether a timer runs on the clock of a namespace
 * @timer:	An hrtimer, any
 *
 * Return: true if @timer is part of a struct timens_timer which was bound, and its
 * namespace has a clock of its own, on which it is or is about to be
 */
static inline bool timens_timer_is_bound(const struct hrtimer *timer)
{
	return static_branch_unlikely(&timens_tk_key.key) && timer->is_bound &&
	       __timens_timer_has_clock(timer);
}

/* A timer may be bound at any moment while it is armed: true if it is by now */
static inline bool timens_timer_was_bound(const struct hrtimer *timer)
{
	if (!static_branch_unlikely(&timens_tk_key.key))
		return false;
	/* Pairs with the release in timens_timer_take() */
	return smp_load_acquire(&timer->is_bound) == TIMENS_TIMER_BOUND;
}

/* That of a task which arms a timer; one which exits has left its own */
static inline struct time_namespace *timens_timer_ns(void)
{
	return likely(current->nsproxy) ? current->nsproxy->time_ns : &init_time_ns;
}

/**
 * timens_timer_bind - Bind a timer to the time namespace of current
 * @tt:		The timer, inactive and fresh from hrtimer_init()
 *
 * The timer holds a reference on the namespace until it is bound to another
 * one or timens_timer_unbind() is called. In the initial namespace it is left
 * a plain hrtimer, and as long as the namespace has no clock of its own it is a
 * plain one with a mark.
 *
 * Context: the task that arms the timer, with whatever locks its owner needs to
 * serialize against other uses of it
 * Return: true if the timer changed its namespace
 */
static inline bool timens_timer_bind(struct timens_timer *tt)
{
	struct time_namespace *ns = timens_timer_ns();

	if (likely(ns == &init_time_ns && !tt->ns))
		return false;
	if (likely(ns == tt->ns && tt->timer.is_bound != TIMENS_TIMER_BOUND)) {
		tt->timer.is_bound = TIMENS_TIMER_MARKED;
		return false;
	}
	if (likely(!tt->ns)) {
		get_time_ns(ns);
		WRITE_ONCE(tt->ns, ns);
		WRITE_ONCE(tt->timer.is_bound, TIMENS_TIMER_MARKED);
		return true;
	}
	return __timens_timer_bind(tt, ns);
}

/**
 * timens_timer_bind_on_stack - Bind a timer of a sleeping task
 * @tt:		The timer on the stack of current, fresh from hrtimer_init()
 *
 * Current is a member of its time namespace as long as it sleeps, so there is
 * no reference to take and nothing to undo.
 */
static inline void timens_timer_bind_on_stack(struct timens_timer *tt)
{
	struct time_namespace *ns = timens_timer_ns();

	if (likely(ns == &init_time_ns))
		return;
	tt->ns = ns;
	tt->timer.is_bound = TIMENS_TIMER_MARKED;
}

/**
 * timens_timer_init - Prepare memory which is not zeroed for a bind
 * @tt:		The timer
 */
static inline void timens_timer_init(struct timens_timer *tt)
{
	tt->ns = NULL;
}

/**
 * timens_timer_unbind - Drop the reference of a timer on its namespace
 * @tt:		The timer, inactive
 *
 * Must be called before the memory of a timer goes which was ever bound.
 *
 * Context: any
 */
static inline void timens_timer_unbind(struct timens_timer *tt)
{
	if (tt->ns)
		__timens_timer_unbind(tt);
}

/**
 * timens_timer_try_to_cancel - Cancel a timer whose owner does not try twice
 * @tt:		The timer
 *
 * The callback of a bound timer may run only to find that it came early. As
 * hrtimer_try_to_cancel() does not wait for what it finds, its failure does not
 * mean that the owner is going to be called. Here it does.
 *
 * Return: as hrtimer_try_to_cancel(), but -1 only if the owner is being called
 */
static inline int timens_timer_try_to_cancel(struct timens_timer *tt)
{
	int ret = hrtimer_try_to_cancel(&tt->timer);

	if (unlikely(ret < 0) && timens_timer_is_bound(&tt->timer))
		ret = __timens_timer_stop(tt);
	return ret;
}

/**
 * timens_timer_now - The present time of the clock of a timer
 * @timer:	An hrtimer, any
 *
 * Return: the time (nsecs) on the clock on which the expiry of @timer stands
 * for its owner
 */
static inline ktime_t timens_timer_now(const struct hrtimer *timer)
{
	ktime_t now;

	if (timens_timer_is_bound(timer))
		return __timens_timer_now(timer);
	now = READ_ONCE(timer->base)->get_time();
	/* It moves to another clock of the host when it is bound while it is armed */
	if (timens_timer_was_bound(timer))
		return __timens_timer_now(timer);
	return now;
}

/**
 * timens_timer_least - How near the kernel itself may arm a timer again
 * @timer:	An hrtimer, any
 * @least:	The distance of two expiries which protects the machine (nsecs of the
 *		host), a jiffy or so
 *
 * The clock of a namespace may run at a multiple of the host's.
 *
 * Return: @least, or for a bound timer what stands for it on its clock (nsecs)
 */
static inline ktime_t timens_timer_least(const struct hrtimer *timer, ktime_t least)
{
	if (timens_timer_is_bound(timer))
		return __timens_timer_least(timer, least);
	return least;
}

/**
 * timens_timer_expires - The expiry of a timer which may be armed
 * @timer:	An hrtimer, any
 *
 * Return: the expiry (nsecs) as its owner knows it
 */
static inline ktime_t timens_timer_expires(const struct hrtimer *timer)
{
	ktime_t expires = hrtimer_get_expires(timer);

	/* Looked at before: what is bound meanwhile had the same expiry for its owner */
	smp_rmb();
	if (timens_timer_was_bound(timer))
		return __timens_timer_expires(timer);
	return expires;
}

/**
 * timens_timer_remaining - Time to the expiry of a timer which may be armed
 * @timer:	An hrtimer, any
 *
 * Return: the time (nsecs) on the clock of the timer; negative if it is over
 */
static inline ktime_t timens_timer_remaining(const struct hrtimer *timer)
{
	return ktime_sub(timens_timer_expires(timer), timens_timer_now(timer));
}

/**
 * timens_timer_clock - The clock on which the expiry of a timer stands
 * @timer:	An hrtimer, any
 *
 * Return: the clock id, fit for an absolute timer with the same expiry
 */
static inline clockid_t timens_timer_clock(const struct hrtimer *timer)
{
	clockid_t clock = READ_ONCE(timer->base)->clockid;

	if (timens_timer_was_bound(timer))
		return __timens_timer_clock(timer);
	return clock;
}

/**
 * timens_timer_is_armed - Whether a timer is armed
 * @timer:	An hrtimer, any
 *
 * A bound timer which is not queued may just be found to be early.
 *
 * Return: true if @timer is going to expire
 */
static inline bool timens_timer_is_armed(struct hrtimer *timer)
{
	bool queued = hrtimer_is_queued(timer);

	if (timens_timer_was_bound(timer))
		return __timens_timer_is_armed(timer);
	return queued;
}

/**
 * timens_timer_forward_now - Move the expiry of a timer behind the present
 * @timer:	An hrtimer, not armed
 * @interval:	Distance of two expiries (nsecs) on the clock of the timer
 *
 * Return: as hrtimer_forward()
 */
static inline u64 timens_timer_forward_now(struct hrtimer *timer, ktime_t interval)
{
	return hrtimer_forward(timer, timens_timer_now(timer), interval);
}

/**
 * timens_timer_is_of - Whether a timer was bound last to the namespace of a list
 * @tt:		The timer
 * @cancel:	The list, NULL for the initial namespace
 *
 * Return: true if it is, at this moment
 */
static inline bool timens_timer_is_of(const struct timens_timer *tt,
				      const struct timens_timer_cancel *cancel)
{
	return __timens_timer_is_of(tt, cancel);
}

/**
 * timens_timer_cancel - The list of what is cancelled when the clock of current is set
 *
 * Return: the list of the time namespace of current, NULL for the initial one
 */
static inline struct timens_timer_cancel *timens_timer_cancel(void)
{
	if (static_branch_unlikely(&timens_tk_key.key))
		return __timens_timer_cancel();
	return NULL;
}

/**
 * timens_timer_real_offset - Where CLOCK_REALTIME stands against MONOTONIC
 * @tt:		A timer; its namespace is meant
 *
 * Return: the difference (nsecs), which changes when CLOCK_REALTIME is set
 */
static inline ktime_t timens_timer_real_offset(const struct timens_timer *tt)
{
	if (static_branch_unlikely(&timens_tk_key.key) && tt->ns)
		return __timens_timer_real_offset(tt);
	return ktime_mono_to_real(0);
}

/**
 * timens_user_ktime_get - CLOCK_MONOTONIC for a timeout of user space
 *
 * Return: the time (nsecs) on the clock of the time namespace of current, to
 * which the end of a timeout relates when its timer is bound
 */
static inline ktime_t timens_user_ktime_get(void)
{
	if (static_branch_unlikely(&timens_tk_key.key))
		return __timens_user_ktime_get(CLOCK_MONOTONIC);
	return ktime_get();
}

/**
 * timens_user_ktime_get_boottime - CLOCK_BOOTTIME for a timeout of user space
 *
 * Return: as timens_user_ktime_get(), for the other clock
 */
static inline ktime_t timens_user_ktime_get_boottime(void)
{
	if (static_branch_unlikely(&timens_tk_key.key))
		return __timens_user_ktime_get(CLOCK_BOOTTIME);
	return ktime_get_boottime();
}

/**
 * timens_user_ktime_get_ts64 - CLOCK_MONOTONIC for a timeout of user space
 * @ts:		Storage for the time
 */
static inline void timens_user_ktime_get_ts64(struct timespec64 *ts)
{
	if (static_branch_unlikely(&timens_tk_key.key))
		*ts = ktime_to_timespec64(__timens_user_ktime_get(CLOCK_MONOTONIC));
	else
		ktime_get_ts64(ts);
}

/**
 * timens_timer_host_was_set - The host's clock was set
 *
 * Lets the timers of all namespaces which follow the host follow.
 *
 * Context: process context
 */
static inline void timens_timer_host_was_set(void)
{
	if (static_branch_unlikely(&timens_tk_key.key))
		__timens_timer_host_was_set();
}

/**
 * timens_timer_host_resumed - The machine was asleep, which set the host's clock
 *
 * Context: process context
 */
static inline void timens_timer_host_resumed(void)
{
	if (static_branch_unlikely(&timens_tk_key.key))
		__timens_timer_host_resumed();
}

#else /* !CONFIG_TIMEKEEPER_NS */

static inline bool timens_timer_is_bound(const struct hrtimer *timer) { return false; }
static inline bool timens_timer_bind(struct timens_timer *tt) { return false; }
static inline void timens_timer_bind_on_stack(struct timens_timer *tt) { }
static inline void timens_timer_init(struct timens_timer *tt) { }
static inline void timens_timer_unbind(struct timens_timer *tt) { }

static inline void timens_timer_host_was_set(void) { }
static inline void timens_timer_host_resumed(void) { }
static inline struct timens_timer_cancel *timens_timer_cancel(void) { return NULL; }
static inline ktime_t timens_user_ktime_get(void) { return ktime_get(); }
static inline ktime_t timens_user_ktime_get_boottime(void) { return ktime_get_boottime(); }
static inline void timens_user_ktime_get_ts64(struct timespec64 *ts) { ktime_get_ts64(ts); }

static inline bool timens_timer_was_bound(const struct hrtimer *timer) { return false; }

static inline bool __timens_timer_start(struct hrtimer *timer, ktime_t tim, u64 delta_ns,
					enum hrtimer_mode mode)
{
	return false;
}

static inline int __timens_timer_try_to_cancel(struct hrtimer *timer) { return 0; }

static inline int timens_timer_try_to_cancel(struct timens_timer *tt)
{
	return hrtimer_try_to_cancel(&tt->timer);
}

static inline ktime_t timens_timer_now(const struct hrtimer *timer)
{
	return timer->base->get_time();
}

static inline ktime_t timens_timer_expires(const struct hrtimer *timer)
{
	return hrtimer_get_expires(timer);
}

static inline ktime_t timens_timer_remaining(const struct hrtimer *timer)
{
	return hrtimer_expires_remaining(timer);
}

static inline clockid_t timens_timer_clock(const struct hrtimer *timer)
{
	return timer->base->clockid;
}

static inline bool timens_timer_is_armed(struct hrtimer *timer)
{
	return hrtimer_is_queued(timer);
}

static inline ktime_t timens_timer_least(const struct hrtimer *timer, ktime_t least)
{
	return least;
}

static inline ktime_t __timens_timer_sleep_expires(const struct hrtimer *timer, ktime_t expires)
{
	return expires;
}

static inline u64 timens_timer_forward_now(struct hrtimer *timer, ktime_t interval)
{
	return hrtimer_forward_now(timer, interval);
}

static inline bool timens_timer_is_of(const struct timens_timer *tt,
				      const struct timens_timer_cancel *cancel)
{
	return true;
}

static inline ktime_t timens_timer_real_offset(const struct timens_timer *tt)
{
	return ktime_mono_to_real(0);
}

#endif /* CONFIG_TIMEKEEPER_NS */

#endif /* _LINUX_TIMENS_TIMER_H */
