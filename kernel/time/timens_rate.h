/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How fast the clock of a time namespace runs: what timens_rate.c gives. The
 * functions are called under the lock of the clock; those which change it, in a
 * write section.
 */
#ifndef _KERNEL_TIME_TIMENS_RATE_H
#define _KERNEL_TIME_TIMENS_RATE_H

#include <linux/time64.h>
#include <linux/types.h>

struct timekeeper_ns;
struct timens_tk_raw;

/* Slowest and fastest rate, as a multiple of the host's */
#define TIMENS_TK_RATE_MIN	1000	/* one part of */
#define TIMENS_TK_RATE_MAX	2000
/* Largest numerator and denominator of a rate */
#define TIMENS_TK_RATE_PART	1000000000U

/**
 * struct timens_tk_rate - How fast a clock runs, as a multiple of the host's
 * @num:	Numerator
 * @den:	Denominator; the fraction is reduced
 */
struct timens_tk_rate {
	u32			num;
	u32			den;
};

int timens_tk_make_rate(u64 num, u64 den, struct timens_tk_rate *rate);

/* A change of the rate, the rate of zero, its end, and sleeps of the machine at it */
time64_t timens_tk_fast_left(const struct timekeeper_ns *tn);
int timens_tk_do_rate(struct timekeeper_ns *tn, struct timens_tk_rate rate,
		      const struct timens_tk_raw *raw);
void timens_tk_do_stop(struct timekeeper_ns *tn, const struct timens_tk_raw *raw, ktime_t boot);
void timens_tk_do_go(struct timekeeper_ns *tn, const struct timens_tk_raw *raw, u64 cycles,
		     ktime_t boot);
bool timens_tk_run_to(struct timekeeper_ns *tn, const struct timens_tk_raw *raw, u64 cycles,
		      unsigned int *steps);
void timens_tk_add_sleep(struct timekeeper_ns *tn, const struct timespec64 *sleep);
struct timespec64 timens_tk_raw_ahead(struct timekeeper_ns *tn, const struct timens_tk_raw *raw,
				      u64 cycles);
void timens_tk_put_raw(struct timekeeper_ns *tn, const struct timens_tk_raw *raw,
		       struct timespec64 ahead, u64 cycles);

#endif /* _KERNEL_TIME_TIMENS_RATE_H */
