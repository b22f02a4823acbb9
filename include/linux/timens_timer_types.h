/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Timers on the clock of a time namespace: the structure alone, for those who
 * embed it. See linux/timens_timer.h.
 */
#ifndef _LINUX_TIMENS_TIMER_TYPES_H
#define _LINUX_TIMENS_TIMER_TYPES_H

#include <linux/hrtimer_types.h>
#include <linux/types.h>

struct time_namespace;
struct timens_timer_base;

/**
 * enum timens_timer_state - What hrtimer::is_bound says
 * @TIMENS_TIMER_HOST:	A plain hrtimer
 * @TIMENS_TIMER_MARKED: Part of a struct timens_timer which a task of a time namespace
 *		armed. It is still a plain hrtimer, and stays one if the namespace has
 *		no clock of its own
 * @TIMENS_TIMER_TAKEN:	It was marked when it expired, and its callback binds it
 * @TIMENS_TIMER_BOUND:	On the clock of a time namespace
 */
enum timens_timer_state {
	TIMENS_TIMER_HOST,
	TIMENS_TIMER_MARKED,
	TIMENS_TIMER_TAKEN,
	TIMENS_TIMER_BOUND,
};

/**
 * struct timens_timer - An hrtimer which can be bound to a time namespace
 * @timer:	The hrtimer; the only member which its owner touches. While the
 *		timer is bound and not armed, its expiry is a time (nsecs) of
 *		the namespace, while it is armed it is one of the host
 * @ns:		The time namespace of the task which armed the timer last, NULL for
 *		the initial one. Set by the owner while the timer is inactive
 * @base:	List of the namespace to which the timer is bound; valid in the state
 *		TIMENS_TIMER_BOUND only, like all members below
 * @node:	Link in @base while the timer is armed
 * @softexpires: Earliest expiry on the clock of the namespace (nsecs), as
 *		long as the timer is armed
 * @expires:	Latest expiry that the slack allows, likewise (nsecs)
 * @function:	What the owner wants to be called at expiry
 * @generation:	Walk of @base which moved the timer last
 * @clock:	Clock of the namespace: CLOCK_REALTIME, MONOTONIC, BOOTTIME or
 *		TAI
 *
 * All members but @timer belong to kernel/time/timens_timer.c; those from
 * @node to @generation are protected by the lock of @base.
 */
struct timens_timer {
	struct hrtimer			timer;
#ifdef CONFIG_TIMEKEEPER_NS
	struct time_namespace		*ns;
	struct timens_timer_base	*base;
	struct list_head		node;
	ktime_t				softexpires;
	ktime_t				expires;
	enum hrtimer_restart		(*function)(struct hrtimer *timer);
	u32				generation;
	s32				clock;
#endif
};

#endif /* _LINUX_TIMENS_TIMER_TYPES_H */
