/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM timens_tk

#if !defined(_TRACE_TIMENS_TK_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_TIMENS_TK_H

#include <linux/tracepoint.h>

/**
 * timens_tk_switch - called when a time namespace changes its state
 * @inum:	inode number of the time namespace
 * @own:	true for follow to own, false for own to follow
 */
TRACE_EVENT(timens_tk_switch,

	TP_PROTO(unsigned int inum, bool own),

	TP_ARGS(inum, own),

	TP_STRUCT__entry(
		__field(unsigned int,	inum)
		__field(bool,		own)
	),

	TP_fast_assign(
		__entry->inum	= inum;
		__entry->own	= own;
	),

	TP_printk("ns=%u state=%s", __entry->inum,
		  __entry->own ? "own" : "follow")
);

/**
 * timens_tk_pass - called when a namespace took its pass in the tick
 * @inum:	inode number of the time namespace
 * @late:	ticks since the pass fell due
 * @mult:	multiplier for the time to come
 */
TRACE_EVENT(timens_tk_pass,

	TP_PROTO(unsigned int inum, u64 late, u32 mult),

	TP_ARGS(inum, late, mult),

	TP_STRUCT__entry(
		__field(unsigned int,	inum)
		__field(u32,		mult)
		__field(u64,		late)
	),

	TP_fast_assign(
		__entry->inum	= inum;
		__entry->late	= late;
		__entry->mult	= mult;
	),

	TP_printk("ns=%u late=%llu mult=%u", __entry->inum, __entry->late,
		  __entry->mult)
);

/**
 * timens_tk_step - called when the clock of a namespace was set
 * @inum:	inode number of the time namespace
 * @sec:	seconds added to CLOCK_REALTIME
 * @nsec:	nanoseconds added to CLOCK_REALTIME, 0 to 999999999
 */
TRACE_EVENT(timens_tk_step,

	TP_PROTO(unsigned int inum, s64 sec, long nsec),

	TP_ARGS(inum, sec, nsec),

	TP_STRUCT__entry(
		__field(unsigned int,	inum)
		__field(long,		nsec)
		__field(s64,		sec)
	),

	TP_fast_assign(
		__entry->inum	= inum;
		__entry->nsec	= nsec;
		__entry->sec	= sec;
	),

	TP_printk("ns=%u sec=%lld nsec=%ld", __entry->inum, __entry->sec,
		  __entry->nsec)
);

/**
 * timens_tk_leap - called when a leap second became permanent
 * @inum:	inode number of the time namespace
 * @step:	seconds added to CLOCK_REALTIME: -1 for an inserted second
 * @sec:	CLOCK_REALTIME second after the step
 */
TRACE_EVENT(timens_tk_leap,

	TP_PROTO(unsigned int inum, int step, s64 sec),

	TP_ARGS(inum, step, sec),

	TP_STRUCT__entry(
		__field(unsigned int,	inum)
		__field(int,		step)
		__field(s64,		sec)
	),

	TP_fast_assign(
		__entry->inum	= inum;
		__entry->step	= step;
		__entry->sec	= sec;
	),

	TP_printk("ns=%u step=%d sec=%lld", __entry->inum, __entry->step,
		  __entry->sec)
);

/**
 * timens_tk_smear - called when the smear of a leap second enters another state
 * @inum:	inode number of the time namespace
 * @state:	enum timens_smear_state
 * @phase:	what it adds to CLOCK_REALTIME (nsecs)
 * @end:	CLOCK_REALTIME without it at its end (nsecs)
 */
TRACE_EVENT(timens_tk_smear,

	TP_PROTO(unsigned int inum, unsigned int state, s64 phase, s64 end),

	TP_ARGS(inum, state, phase, end),

	TP_STRUCT__entry(
		__field(unsigned int,	inum)
		__field(unsigned int,	state)
		__field(s64,		phase)
		__field(s64,		end)
	),

	TP_fast_assign(
		__entry->inum	= inum;
		__entry->state	= state;
		__entry->phase	= phase;
		__entry->end	= end;
	),

	TP_printk("ns=%u state=%s phase=%lld end=%lld", __entry->inum,
		  __print_symbolic(__entry->state,
				   { 0, "none" }, { 1, "waiting" },
				   { 2, "running" }, { 3, "back" }),
		  __entry->phase, __entry->end)
);

/**
 * timens_timer_early - called when a timer is not there yet on its own clock
 * @inum:	inode number of the time namespace
 * @clock:	clock of the timer
 * @left:	what is left on that clock (nsecs)
 */
TRACE_EVENT(timens_timer_early,

	TP_PROTO(unsigned int inum, int clock, s64 left),

	TP_ARGS(inum, clock, left),

	TP_STRUCT__entry(
		__field(unsigned int,	inum)
		__field(int,		clock)
		__field(s64,		left)
	),

	TP_fast_assign(
		__entry->inum	= inum;
		__entry->clock	= clock;
		__entry->left	= left;
	),

	TP_printk("ns=%u clock=%d left=%lld", __entry->inum, __entry->clock,
		  __entry->left)
);

/**
 * timens_timer_walk - called when the timers followed a change of the clock
 * @inum:	inode number of the time namespace
 * @moved:	timers which had to move, those of other walks at the same time
 *		included
 */
TRACE_EVENT(timens_timer_walk,

	TP_PROTO(unsigned int inum, u64 moved),

	TP_ARGS(inum, moved),

	TP_STRUCT__entry(
		__field(unsigned int,	inum)
		__field(u64,		moved)
	),

	TP_fast_assign(
		__entry->inum	= inum;
		__entry->moved	= moved;
	),

	TP_printk("ns=%u moved=%llu", __entry->inum, __entry->moved)
);

#endif /* _TRACE_TIMENS_TK_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
