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
#include <linux/jump_label_ratelimit.h>
#include <linux/ktime.h>
#include <linux/timens_timer_types.h>

struct timekeeper_ns;

#ifdef CONFIG_TIMEKEEPER_NS

/* Enabled while there is a time namespace besides the initial one */
extern struct static_key_false_deferred timens_timer_key;

bool __timens_timer_bind(struct timens_timer *tt, bool on_stack);
void __timens_timer_unbind(struct timens_timer *tt);
void __timens_timer_start(struct hrtimer *timer, ktime_t tim, u64 delta_ns,
			  enum hrtimer_mode mode);
int __timens_timer_try_to_cancel(struct hrtimer *timer);
ktime_t __timens_timer_now(const struct hrtimer *timer);
ktime_t __timens_timer_expires(const struct hrtimer *timer);
ktime_t __timens_timer_sleep_expires(const struct hrtimer *timer);
bool __timens_timer_is_armed(const struct hrtimer *timer);
clockid_t __timens_timer_clock(const struct hrtimer *timer);
bool __timens_timer_is_of(const struct timens_timer *tt, const struct timekeeper_ns *tn);
ktime_t __timens_timer_real_offset(const struct timens_timer *tt);
ktime_t __timens_user_ktime_get(clockid_t clock);
void __timens_timer_host_was_set(void);

/* fs/timerfd.c */
#ifdef CONFIG_TIMERFD
void timerfd_ns_clock_was_set(const struct timekeeper_ns *tn);
#else
static inline void timerfd_ns_clock_was_set(const struct timekeeper_ns *tn) { }
#endif

/**
 * timens_timer_is_bound - Whether a timer runs on the clock of a namespace
 * @timer:	An hrtimer, any
 *
 * Return: true if @timer is part of a struct timens_timer and was bound
 */
static inline bool timens_timer_is_bound(const struct hrtimer *timer)
{
	return static_branch_unlikely(&timens_timer_key.key) && timer->is_bound;
}

/**
 * timens_timer_bind - Bind a timer to the time namespace of current
 * @tt:		The timer, inactive and fresh from hrtimer_init()
 *
 * The timer holds a reference on the namespace until it is bound to another
 * one or timens_timer_unbind() is called. In the initial namespace it is left
 * a plain hrtimer.
 *
 * Context: the task that arms the timer, with whatever locks its owner needs to
 * serialize against other uses of it
 * Return: true if the timer changed its namespace
 */
static inline bool timens_timer_bind(struct timens_timer *tt)
{
	if (static_branch_unlikely(&timens_timer_key.key))
		return __timens_timer_bind(tt, false);
	return false;
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
	if (static_branch_unlikely(&timens_timer_key.key))
		__timens_timer_bind(tt, true);
}

/**
 * timens_timer_init - Prepare memory which is not zeroed for a bind
 * @tt:		The timer
 */
static inline void timens_timer_init(struct timens_timer *tt)
{
	tt->base = NULL;
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
	if (static_branch_unlikely(&timens_timer_key.key))
		__timens_timer_unbind(tt);
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
	if (timens_timer_is_bound(timer))
		return __timens_timer_now(timer);
	return timer->base->get_time();
}

/**
 * timens_timer_expires - The expiry of a timer which may be armed
 * @timer:	An hrtimer, any
 *
 * Return: the expiry (nsecs) as its owner knows it
 */
static inline ktime_t timens_timer_expires(const struct hrtimer *timer)
{
	if (timens_timer_is_bound(timer))
		return __timens_timer_expires(timer);
	return hrtimer_get_expires(timer);
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
	if (timens_timer_is_bound(timer))
		return __timens_timer_clock(timer);
	return timer->base->clockid;
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
	if (timens_timer_is_bound(timer))
		return __timens_timer_is_armed(timer);
	return hrtimer_is_queued(timer);
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
 * timens_timer_is_of - Whether a timer was bound to a given namespace last
 * @tt:		The timer
 * @tn:		The namespace
 *
 * Return: true if it is, at this moment
 */
static inline bool timens_timer_is_of(const struct timens_timer *tt,
				      const struct timekeeper_ns *tn)
{
	return static_branch_unlikely(&timens_timer_key.key) && __timens_timer_is_of(tt, tn);
}

/**
 * timens_timer_real_offset - Where CLOCK_REALTIME stands against MONOTONIC
 * @tt:		A timer; its namespace is meant
 *
 * Return: the difference (nsecs), which changes when CLOCK_REALTIME is set
 */
static inline ktime_t timens_timer_real_offset(const struct timens_timer *tt)
{
	if (timens_timer_is_bound(&tt->timer))
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
	if (static_branch_unlikely(&timens_timer_key.key))
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
	if (static_branch_unlikely(&timens_timer_key.key))
		return __timens_user_ktime_get(CLOCK_BOOTTIME);
	return ktime_get_boottime();
}

/**
 * timens_user_ktime_get_ts64 - CLOCK_MONOTONIC for a timeout of user space
 * @ts:		Storage for the time
 */
static inline void timens_user_ktime_get_ts64(struct timespec64 *ts)
{
	if (static_branch_unlikely(&timens_timer_key.key))
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
	if (static_branch_unlikely(&timens_timer_key.key))
		__timens_timer_host_was_set();
}

#else /* !CONFIG_TIMEKEEPER_NS */

static inline bool timens_timer_is_bound(const struct hrtimer *timer) { return false; }
static inline bool timens_timer_bind(struct timens_timer *tt) { return false; }
static inline void timens_timer_bind_on_stack(struct timens_timer *tt) { }
static inline void timens_timer_init(struct timens_timer *tt) { }
static inline void timens_timer_unbind(struct timens_timer *tt) { }
static inline void timens_timer_host_was_set(void) { }
static inline ktime_t timens_user_ktime_get(void) { return ktime_get(); }
static inline ktime_t timens_user_ktime_get_boottime(void) { return ktime_get_boottime(); }
static inline void timens_user_ktime_get_ts64(struct timespec64 *ts) { ktime_get_ts64(ts); }

static inline void __timens_timer_start(struct hrtimer *timer, ktime_t tim, u64 delta_ns,
					enum hrtimer_mode mode) { }
static inline int __timens_timer_try_to_cancel(struct hrtimer *timer) { return 0; }

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

static inline ktime_t __timens_timer_sleep_expires(const struct hrtimer *timer)
{
	return hrtimer_get_expires(timer);
}

static inline u64 timens_timer_forward_now(struct hrtimer *timer, ktime_t interval)
{
	return hrtimer_forward_now(timer, interval);
}

static inline bool timens_timer_is_of(const struct timens_timer *tt,
				      const struct timekeeper_ns *tn)
{
	return false;
}

static inline ktime_t timens_timer_real_offset(const struct timens_timer *tt)
{
	return ktime_mono_to_real(0);
}

#endif /* CONFIG_TIMEKEEPER_NS */

#endif /* _LINUX_TIMENS_TIMER_H */
