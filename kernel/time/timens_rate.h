/* SPDX-License-Identifier: GPL-2.0 */
/* How fast the clock of a time namespace runs. */
#ifndef _KERNEL_TIME_TIMENS_RATE_H
#define _KERNEL_TIME_TIMENS_RATE_H

#include <linux/types.h>

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

#endif /* _KERNEL_TIME_TIMENS_RATE_H */
