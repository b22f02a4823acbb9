/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Timers on the clock of a time namespace: what timens_project.c, timens_timer.c
 * and timens_walk.c give to the other rooms. What it gives to the rest of the kernel is in
 * <linux/timens_timer.h>; what it takes is timens_tk_read_pair() and
 * timens_tk_real_offset() of timens_read.c, and nothing else.
 */
#ifndef _KERNEL_TIME_TIMENS_TIMER_H
#define _KERNEL_TIME_TIMENS_TIMER_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/spinlock_types.h>
#include <linux/time64.h>
#include <linux/timens_timer.h>

struct timekeeper_ns;
struct timens_tk_pair;

/* Lists of armed timers per namespace, to be shared by few CPUs each */
#define TIMENS_TIMER_BASES	4
/* What is taken off a projection, for the rates may change: 1/512 */
#define TIMENS_TIMER_MARGIN_SHIFT 9
/* and what is not worth it (nsecs) */
#define TIMENS_TIMER_SLOP	(50 * NSEC_PER_USEC)
/* The least rest of a timer which came early (nsecs of the host) */
#define TIMENS_TIMER_REST	NSEC_PER_USEC
/*
 * Timers of one list which the kernel arms again by itself for one jiffy of the host, at
 * the most; and how far ahead that is booked (jiffies)
 */
#define TIMENS_TIMER_AGAIN	64
#define TIMENS_TIMER_AHEAD	HZ
/* A change of a rate by more than 1/4096 moves the timers */
#define TIMENS_TIMER_RATE_SHIFT	12

/**
 * struct timens_timer_base - Armed timers of a time namespace
 * @lock:	Protects the list, and starting and cancelling its timers
 * @generation:	Number of the last walk
 * @again:	Up to where the kernel has armed timers again by itself (jiffies of the host,
 *		times TIMENS_TIMER_AGAIN)
 * @armed:	The timers, struct timens_timer, the one which was moved or armed
 *		longest ago first
 * @tn:		The namespace
 */
struct timens_timer_base {
	raw_spinlock_t		lock;
	u32			generation;
	u64			again;
	struct list_head	armed;
	struct timekeeper_ns	*tn;
} ____cacheline_aligned_in_smp;

/*
 * timens_project.c; timens_timer_to_host() is for KUnit tests
 */

ktime_t timens_timer_scale(ktime_t left, u64 host_mult, u64 mult);
ktime_t timens_timer_to_host(ktime_t left, u64 host_mult, u64 mult);
ktime_t timens_timer_project(const struct timens_tk_pair *p, clockid_t clock,
			     ktime_t expires, bool asleep);
ktime_t timens_timer_project_rest(const struct timens_tk_pair *p, clockid_t clock,
				  ktime_t expires);

/**
 * struct timens_timer_take - What hrtimer_take() and hrtimer_scan_some() are to do
 * @base:	The list to which a timer goes, locked by the caller
 * @ns:		Of which namespace
 */
struct timens_timer_take {
	struct timens_timer_base	*base;
	const struct time_namespace	*ns;
};

/* What timens_walk.c does with each timer of a namespace */
extern atomic64_t timens_timer_early;

void timens_timer_take(struct hrtimer *timer, void *arg);
bool timens_timer_move(struct timens_timer *tt);

/*
 * timens_walk.c
 */

/* Lifetime of a namespace: timens_tk.c */
void timens_timer_init_ns(struct timekeeper_ns *tn);
void timens_timer_add_ns(struct timekeeper_ns *tn);
void timens_timer_take_ns(struct timekeeper_ns *tn);
void timens_timer_del_ns(struct timekeeper_ns *tn);

/* Whoever takes timens_tk_take_moved() for true */
void timens_timer_clock_moved(struct timekeeper_ns *tn);
void timens_timer_clock_moved_delayed(struct timekeeper_ns *tn);

/* timens_tick.c, when the host's clock changes its rate */
void timens_timer_walk_all(u32 state, void (*also)(struct timekeeper_ns *tn));

/* timens_debugfs.c */
void timens_timer_stats(u64 *early, u64 *moved, u64 *looked);

#endif /* _KERNEL_TIME_TIMENS_TIMER_H */
