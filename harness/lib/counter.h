/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What does the cycle counter count?
 *
 * Under QEMU's -icount shift=0 the machine's time is its number of instructions:
 * one nanosecond each, and the counter of the emulated CPU advances with it. The
 * two blocks of nops below differ by a known number of instructions. If the
 * counter differs by the same factor every time, it counts instructions, and
 * figures are exact; else they are times of a machine that others use too.
 */
#ifndef TIMENS_COUNTER_H
#define TIMENS_COUNTER_H

#include <stdbool.h>

#include "clocks.h"

struct tk_counter {
	bool exact;
	const char *unit;
	double units_per_cycle;
	double cycles_per_ns;
};

#define TK_NOPS_SHORT	100
#define TK_NOPS_LONG	400
#define TK_STRING_(n)	#n
#define TK_STRING(n)	TK_STRING_(n)
#define TK_NOPS(n)	__asm__ volatile(".rept " TK_STRING(n) "\n\tnop\n\t.endr" : : : "memory")

static inline uint64_t tk_short_block(void)
{
	uint64_t before = tk_cycles();

	TK_NOPS(TK_NOPS_SHORT);
	return tk_cycles() - before;
}

static inline uint64_t tk_long_block(void)
{
	uint64_t before = tk_cycles();

	TK_NOPS(TK_NOPS_LONG);
	return tk_cycles() - before;
}

/* Cycles in a nanosecond of MONOTONIC_RAW, over a twentieth of a second. */
static inline double tk_cycles_per_ns(void)
{
	int64_t raw = tk_read(CLOCK_MONOTONIC_RAW);
	uint64_t cycles = tk_cycles();
	int64_t passed;

	do {
		TK_NOPS(TK_NOPS_LONG);
		passed = tk_read(CLOCK_MONOTONIC_RAW) - raw;
	} while (passed < TK_NSEC_PER_SEC / 20);
	return (double)(tk_cycles() - cycles) / (double)passed;
}

static inline void tk_calibrate(struct tk_counter *counter)
{
	unsigned int i, same = 0;

	/* An interrupt may hit one or the other, of any pair */
	for (i = 0; i < 100; i++)
		same += tk_long_block() - tk_short_block() == TK_NOPS_LONG - TK_NOPS_SHORT;
	counter->cycles_per_ns = tk_cycles_per_ns();
	counter->exact = same > 80;
	if (counter->exact) {
		counter->unit = "instructions";
		counter->units_per_cycle = 1;
	} else {
		counter->unit = "nanoseconds";
		counter->units_per_cycle = 1 / counter->cycles_per_ns;
	}
}

#endif /* TIMENS_COUNTER_H */
