/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What interrupts take from a program that only counts.
 *
 * It does nothing but look at the cycle counter, with 400 nops between two looks,
 * and so notices everything that is taken from it:
 *
 *	look      look      look                look      look
 *	  |  nops   |  nops   |  no[ interrupt ]ps  |  nops   |
 *	  <- usual ->         <- usual + what the interrupt took ->
 *
 * Under QEMU's -icount that difference is the exact number of instructions of
 * the interrupt, from its entry to its exit. Nothing is sampled. Now and then a
 * kernel thread runs instead of the program; an interruption of many times the
 * usual length is its doing, and is counted apart.
 */
#ifndef TIMENS_INTERRUPTS_H
#define TIMENS_INTERRUPTS_H

#include "counter.h"

/* How long the machine gets to calm down before a measurement. */
#define TK_SETTLE	(TK_NSEC_PER_SEC * 3 / 2)
#define TK_CATCH_UP	(TK_NSEC_PER_SEC / 5)

/* An interruption that takes so many times the median is no tick. */
#define TK_FOREIGN	8

#define TK_MAX_GAPS	100000

/* What was found; all but the seconds and numbers in cycles. */
struct tk_look {
	double seconds;
	/* Interruptions that were seen, and those of them that are no tick. */
	unsigned int seen;
	unsigned int foreign;
	/* Of the others. */
	double taken;
	double longest;
	double shortest;
	double median;
};

static uint64_t tk_gaps[TK_MAX_GAPS];

/* The usual distance of two looks, when nothing is taken. */
static inline uint64_t tk_usual_distance(void)
{
	uint64_t best = UINT64_MAX;
	uint64_t last = tk_cycles();
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		uint64_t now;

		TK_NOPS(TK_NOPS_LONG);
		now = tk_cycles();
		if (now - last < best)
			best = now - last;
		last = now;
	}
	return best;
}

static inline int tk_by_length(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static inline double tk_median(uint64_t *values, unsigned int nr)
{
	qsort(values, nr, sizeof(values[0]), tk_by_length);
	return (double)values[nr / 2];
}

/* Looks for so long. What was seen is judged apart, by tk_judge_look(): that takes its time. */
static inline void tk_look(struct tk_look *look, int64_t ns, const struct tk_counter *counter)
{
	uint64_t usual = tk_usual_distance();
	uint64_t start, last, now, end;
	unsigned int nr = 0;

	memset(look, 0, sizeof(*look));
	/* Not to meet a page for the first time while looking. */
	memset(tk_gaps, 0, sizeof(tk_gaps));
	start = last = tk_cycles();
	end = start + (uint64_t)((double)ns * counter->cycles_per_ns);
	do {
		TK_NOPS(TK_NOPS_LONG);
		now = tk_cycles();
		/* An interrupt takes more than the handful by which a loop may differ. */
		if (now - last > usual + usual / 8 && nr < TK_MAX_GAPS)
			tk_gaps[nr++] = now - last - usual;
		last = now;
	} while (now < end);
	look->seconds = (double)(now - start) / counter->cycles_per_ns / TK_NSEC_PER_SEC;
	look->seen = nr;
}

static inline void tk_judge_look(struct tk_look *look)
{
	unsigned int ticks, nr = look->seen;
	uint64_t limit;

	if (!nr || nr == TK_MAX_GAPS)
		errx(TK_EXIT_FAILURE, "%u interruptions in %.1f s: this is no tick", nr,
		     look->seconds);
	qsort(tk_gaps, nr, sizeof(tk_gaps[0]), tk_by_length);
	limit = tk_gaps[nr / 2] * TK_FOREIGN;
	for (ticks = 0; ticks < nr && tk_gaps[ticks] <= limit; ticks++) {
		look->taken += (double)tk_gaps[ticks];
		look->longest = (double)tk_gaps[ticks];
	}
	look->foreign = nr - ticks;
	look->shortest = (double)tk_gaps[0];
	look->median = (double)tk_gaps[ticks / 2];
}

/*
 * First asleep, for whatever the kernel has to tidy up. Meanwhile there was no
 * tick, and what was due in it is made up for; that is over before the
 * measurement starts.
 */
static inline void tk_settle(const struct tk_counter *counter)
{
	uint64_t end;

	tk_sleep_until(tk_read(CLOCK_MONOTONIC) + TK_SETTLE);
	end = tk_cycles() + (uint64_t)(TK_CATCH_UP * counter->cycles_per_ns);
	do {
		TK_NOPS(TK_NOPS_LONG);
	} while (tk_cycles() < end);
}

/* The coarse clocks move with the tick, and say so. */
static inline double tk_hz(void)
{
	struct timespec res;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &res))
		err(TK_EXIT_FAILURE, "clock_getres");
	return (double)TK_NSEC_PER_SEC / (double)tk_ns(&res);
}

#endif /* TIMENS_INTERRUPTS_H */
