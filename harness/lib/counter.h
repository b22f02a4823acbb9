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

#include "guest.h"

struct tkd_counter {
	bool exact;
	const char *unit;
	double units_per_cycle;
	double cycles_per_ns;
};

#define TKD_NOPS_SHORT	100
#define TKD_NOPS_LONG	400
#define TKD_STRING_(n)	#n
#define TKD_STRING(n)	TKD_STRING_(n)
#define TKD_NOPS(n)	__asm__ volatile(".rept " TKD_STRING(n) "\n\tnop\n\t.endr" : : : "memory")

static inline uint64_t tkd_short_block(void)
{
	uint64_t before = tkd_cycles();

	TKD_NOPS(TKD_NOPS_SHORT);
	return tkd_cycles() - before;
}

static inline uint64_t tkd_long_block(void)
{
	uint64_t before = tkd_cycles();

	TKD_NOPS(TKD_NOPS_LONG);
	return tkd_cycles() - before;
}

/* Cycles in a nanosecond of MONOTONIC_RAW, over a twentieth of a second. */
static inline double tkd_cycles_per_ns(void)
{
	int64_t raw = tkd_read(CLOCK_MONOTONIC_RAW);
	uint64_t cycles = tkd_cycles();
	int64_t passed;

	do {
		TKD_NOPS(TKD_NOPS_LONG);
		passed = tkd_read(CLOCK_MONOTONIC_RAW) - raw;
	} while (passed < TK_NSEC_PER_SEC / 20);
	return (double)(tkd_cycles() - cycles) / (double)passed;
}

static inline void tkd_calibrate(struct tkd_counter *counter)
{
	unsigned int i, same = 0;
	uint64_t usual = 0;

	for (i = 0; i < 100; i++) {
		uint64_t difference = tkd_long_block() - tkd_short_block();

		if (i == 50)
			usual = difference;
		/* An interrupt may hit one or the other. */
		if (i > 50 && difference == usual)
			same++;
	}
	counter->cycles_per_ns = tkd_cycles_per_ns();
	counter->exact = same > 40 && usual == TKD_NOPS_LONG - TKD_NOPS_SHORT;
	if (counter->exact) {
		counter->unit = "instructions";
		counter->units_per_cycle = 1;
	} else {
		counter->unit = "nanoseconds";
		counter->units_per_cycle = 1 / counter->cycles_per_ns;
	}
}

#endif /* TIMENS_COUNTER_H */
