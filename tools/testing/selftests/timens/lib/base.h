/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Units of time and the arithmetic of nanoseconds. Used by everything.
 */
#ifndef TK_BASE_H
#define TK_BASE_H

#include <stdint.h>

typedef int64_t s64;
typedef uint64_t u64;

#define TK_SEC 1000000000LL
#define TK_MSEC 1000000LL
#define TK_USEC 1000LL
#define TK_DAY 86400LL
#define TK_YEAR (365 * TK_DAY)

/* What the kernel takes as the last second: LLONG_MAX ns less 30 years of uptime. */
#define TK_KTIME_SEC_MAX (INT64_MAX / TK_SEC)
#define TK_SETTOD_SEC_MAX (TK_KTIME_SEC_MAX - 30LL * 365 * 24 * 3600)

#define TK_ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static inline s64 tk_ns(s64 sec, s64 nsec)
{
	return sec * TK_SEC + nsec;
}

static inline s64 tk_floor_div(s64 a, s64 b)
{
	s64 q = a / b;

	return a % b < 0 ? q - 1 : q;
}

static inline s64 tk_max(s64 a, s64 b)
{
	return a > b ? a : b;
}

static inline s64 tk_min(s64 a, s64 b)
{
	return a < b ? a : b;
}

/*
 * What two clocks of one rate may drift apart. The host's multiplier has at least
 * 23 bits (it has to last for 600 s without overflow), so between two ticks it may
 * be off by one unit, 2^-22 of the time that passes; the other one is finer. Each
 * of two reads rounds by a nanosecond.
 */
static inline s64 tk_unit(s64 elapsed)
{
	return (elapsed >> 22) + 2;
}

#endif /* TK_BASE_H */
