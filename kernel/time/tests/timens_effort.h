/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How much the KUnit tests of time namespaces do
 *
 * The tests simulate hours of ticks and try thousands of random cases, which
 * takes seconds on an ordinary kernel. KASAN, lockdep and the like make each
 * step some twenty times slower, and find what they are for in the first few of
 * them. There, a test does less of the same: each case, each parameter and each
 * kind of step still takes place, and every assertion is still evaluated.
 */
#ifndef _KERNEL_TIME_TESTS_TIMENS_EFFORT_H
#define _KERNEL_TIME_TESTS_TIMENS_EFFORT_H

#include <linux/kconfig.h>
#include <linux/minmax.h>

/* Checks that are made in every access, or at every lock */
#define TIMENS_KUNIT_SLOW	(IS_ENABLED(CONFIG_KASAN) || IS_ENABLED(CONFIG_KCSAN) ||	\
				 IS_ENABLED(CONFIG_PROVE_LOCKING))

/**
 * timens_kunit_effort - How often to repeat a random case
 * @n:	Number of repetitions on an ordinary kernel
 *
 * Return: @n, or a sixteenth of it on a debug kernel; at least 16, so that what a
 * test does every other or every eighth time takes place, but not more than @n.
 */
static inline unsigned int timens_kunit_effort(unsigned int n)
{
	return TIMENS_KUNIT_SLOW ? max(n / 16, min(n, 16U)) : n;
}

/**
 * timens_kunit_stride - Which of many alike steps to take
 * @n:	Distance of two steps on a debug kernel
 *
 * Return: 1, or @n on a debug kernel.
 */
static inline unsigned int timens_kunit_stride(unsigned int n)
{
	return TIMENS_KUNIT_SLOW ? n : 1;
}

#endif /* _KERNEL_TIME_TESTS_TIMENS_EFFORT_H */
