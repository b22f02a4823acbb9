/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What CLOCK_BOOTTIME of a time namespace was: what timens_past.c gives to the
 * other rooms. The design is in its opening comment.
 */
#ifndef _KERNEL_TIME_TIMENS_PAST_H
#define _KERNEL_TIME_TIMENS_PAST_H

#include <linux/time64.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "timens_rate.h"

struct timekeeper_ns;

/* Lines of the log of the past: the first allocation, and the most */
#define TIMENS_PAST_MIN		8
#define TIMENS_PAST_MAX		1024

/**
 * struct timens_past_line - A line on which CLOCK_BOOTTIME was
 * @host:	CLOCK_BOOTTIME of the host from which the line is valid (nsecs)
 * @ns:		CLOCK_BOOTTIME of the namespace there (nsecs)
 * @floor:	What the line before says there: this one does not go below (nsecs),
 *		S64_MIN for the first
 * @slope:	Nanoseconds of the namespace per nanosecond of the host, scaled by
 *		2^40
 */
struct timens_past_line {
	u64			host;
	s64			ns;
	s64			floor;
	u64			slope;
};

/**
 * struct timens_past - What CLOCK_BOOTTIME of a namespace was; see timens_past.c
 * @line:	The lines, in the order of their time
 * @nr:		Number of lines; 0 if the namespace never owned its clock
 * @size:	Lines for which there is room
 * @own:	The namespace owned its clock when it was looked at last
 * @rate:	Its rate then
 * @tick:	Its NTP tick length then (nsecs, scaled by 2^NTP_SCALE_SHIFT)
 * @host_tick:	That of the host then
 * @due:	When to look again at the latest (jiffies)
 * @id:		Number of the clock, never reused, not 0
 * @from:	What is added to the past of the owner which the namespace followed before its
 *		first line (nsecs)
 * @work:	Makes room for lines which passes append
 *
 * Protected by the lock of the clock; @size changes under its mutex as well.
 */
struct timens_past {
	struct timens_past_line	*line;
	unsigned int		nr;
	unsigned int		size;
	bool			own;
	struct timens_tk_rate	rate;
	u64			tick;
	u64			host_tick;
	u64			due;
	u64			id;
	s64			from;
	struct work_struct	work;
};

/* KUnit tests */
s64 timens_past_at(const struct timens_past *past, u64 host);
s64 timens_past_tolerance(const struct timens_past *past, struct timens_tk_rate rate);
u64 timens_past_slope(u64 tick, u64 host_tick, struct timens_tk_rate rate);
bool timens_past_append(struct timens_past *past, u64 host, s64 ns, u64 slope,
			unsigned int keep);

/* Under the lock of the clock: timens_page.c, timens_tick.c, timens_change.c */
void timens_past_look(struct timekeeper_ns *tn);
void timens_past_sleep(struct timekeeper_ns *tn, u64 host, s64 ns);

/* Setters, under its mutex: timens_set.c */
void timens_past_move(struct timekeeper_ns *tn, struct timespec64 step);
int timens_past_reserve(struct timekeeper_ns *tn);

/* Lifetime of a namespace: timens_tk.c */
int timens_past_copy(struct timekeeper_ns *tn, struct timekeeper_ns *from);
void timens_past_init(struct timekeeper_ns *tn);
void timens_past_free(struct timekeeper_ns *tn);

#endif /* _KERNEL_TIME_TIMENS_PAST_H */
