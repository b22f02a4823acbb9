/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two halves of ticknative say to each other: kernel.c, compiled as a
 * part of the kernel, and native.c, compiled as an ordinary program. Plain types
 * only, as the headers of the one cannot be read by the other.
 */
#ifndef TIMENS_BENCH_TICK_SHARED_H
#define TIMENS_BENCH_TICK_SHARED_H

/* A time namespace; of the kernel, so that its size is known there only */
struct time_namespace;

/**
 * struct tkn_counter - The counter all clocks are made of
 * @hz:		Cycles per second
 * @bits:	Width
 * @virtual:	A read gives tkn_start_cycles, and never more. Otherwise the
 *		time stamp counter is read, as the kernel does, and what it has
 *		counted since tkn_start_tsc counts one part in 2^tkn_slowness
 * @vdso:	The vDSO can read it
 */
struct tkn_counter {
	unsigned long long	hz;
	unsigned int		bits;
	int			virtual;
	int			vdso;
};

/**
 * struct tkn_stats - What the calendar counted
 * @own:	Namespaces which own their clock
 * @passes:	Passes taken
 * @carried:	Ticks which left passes to the next one for want of budget
 * @busy:	Passes which were put off because of a lock
 * @max_batch:	Most passes in one tick
 * @budget:	Passes per tick that are allowed
 * @interval:	Ticks between two passes
 * @works:	Times the timers of a namespace were to be moved, put off by a tick
 */
struct tkn_stats {
	unsigned int		own;
	unsigned long long	passes;
	unsigned long long	carried;
	unsigned long long	busy;
	unsigned long long	max_batch;
	unsigned int		budget;
	unsigned int		interval;
	unsigned long long	works;
};

/**
 * struct tkn_line - A timekeeper as its readers see it, and where NTP wants it
 * @cycle_last:	Counter value of the point
 * @sec:	CLOCK_REALTIME there (secs)
 * @xnsec:	and on top (2^-@shift ns)
 * @mult:	Slope
 * @shift:	Scale
 * @mask:	Mask of the counter
 * @bend:	Counter value from which on the line holds
 * @interval:	Cycles of an NTP interval
 * @length:	What NTP wants these to last (2^-32 ns)
 * @error:	What NTP's line is ahead at the point (2^-32 ns)
 */
struct tkn_line {
	unsigned long long	cycle_last;
	long long		sec;
	unsigned long long	xnsec;
	unsigned int		mult;
	unsigned int		shift;
	unsigned long long	mask;
	unsigned long long	bend;
	unsigned long long	interval;
	unsigned long long	length;
	long long		error;
};

/* The counter within a tick; a tick may then last as long as sixteen */
#define TICK_SLOW	4
/* It stands still */
#define TICK_FROZEN	63

/* Clocks, by the numbers that they have everywhere */
#define TICK_REALTIME	0
#define TICK_MONOTONIC	1
#define TICK_TAI	11

/* kernel.c */
extern const unsigned int tkn_hz;
extern unsigned long long tkn_start_cycles;
extern unsigned long long tkn_start_tsc;
extern unsigned int tkn_slowness;

void tkn_boot(const struct tkn_counter *counter, long long utc, void *arena,
	       unsigned long size, unsigned long namespaces);
struct time_namespace *tkn_new(void);
int tkn_set_interval(unsigned int ms);
int tkn_settime(struct time_namespace *ns, long long sec, long nsec);
int tkn_set_frequency(struct time_namespace *ns, long freq);
int tkn_set_status(struct time_namespace *ns, int status);
int tkn_set_tai(struct time_namespace *ns, int tai);
void tkn_host(void);
void tkn_between(void);
void tkn_stats(struct tkn_stats *stats);
void tkn_line(struct time_namespace *ns, struct tkn_line *line);
void tkn_read(struct time_namespace *ns, int clock, unsigned long long cycles,
	       long long *sec, long *nsec);
const void *tkn_page(struct time_namespace *ns, unsigned long *size);
const void *tkn_object(struct time_namespace *ns, unsigned long *size);

/* vdso.c */
extern unsigned long long tkn_vdso_cycles;

int tkn_vdso_read(const void *page, int clock, long long *sec, long *nsec);

/* kernel/time/timens_tick.c */
void __timens_tk_advance(void);

/* native.c */
int tkn_print(const char *fmt, ...);
void tkn_fail(const char *what);

#endif /* TIMENS_BENCH_TICK_SHARED_H */
