/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading clocks for a task in a time namespace.
 *
 * Whoever shows the time to current reads it with what is below, and nowhere
 * else the kernel chooses between the clock of a namespace which owns one and
 * that of the host. Without CONFIG_TIMEKEEPER_NS the host's clock and the constant
 * offset of the namespace are what remains.
 */
#ifndef _LINUX_TIMENS_READ_H
#define _LINUX_TIMENS_READ_H

#include <linux/build_bug.h>
#include <linux/time_namespace.h>
#include <linux/timekeeper_ns.h>
#include <linux/timekeeping.h>

/**
 * timens_get_ts64 - Read a clock as current sees it
 * @clk:	CLOCK_REALTIME, TAI, MONOTONIC, BOOTTIME, MONOTONIC_RAW or a coarse
 *		clock; a constant, so that one read is all that is left of this
 * @ts:		Storage for the time
 *
 * timens_tk_read_follow() has the same clocks for a namespace which may become
 * an owner meanwhile.
 *
 * Context: any with a valid current->nsproxy
 */
static __always_inline void timens_get_ts64(clockid_t clk, struct timespec64 *ts)
{
	if (timens_tk_get_ts64(clk, ts))
		return;

	switch (clk) {
	case CLOCK_REALTIME:
		ktime_get_real_ts64(ts);
		break;
	case CLOCK_REALTIME_COARSE:
		ktime_get_coarse_real_ts64(ts);
		break;
	case CLOCK_TAI:
		ktime_get_clocktai_ts64(ts);
		break;
	case CLOCK_MONOTONIC:
		ktime_get_ts64(ts);
		timens_add_monotonic(ts);
		break;
	case CLOCK_MONOTONIC_COARSE:
		ktime_get_coarse_ts64(ts);
		timens_add_monotonic(ts);
		break;
	case CLOCK_MONOTONIC_RAW:
		ktime_get_raw_ts64(ts);
		timens_add_monotonic(ts);
		break;
	case CLOCK_BOOTTIME:
		ktime_get_boottime_ts64(ts);
		timens_add_boottime(ts);
		break;
	default:
		BUILD_BUG();
	}
}

/**
 * timens_get_real_seconds - The time of day as current sees it
 *
 * Context: as timens_get_ts64()
 * Return: CLOCK_REALTIME_COARSE (secs)
 */
static __always_inline time64_t timens_get_real_seconds(void)
{
	struct timespec64 ts;

	if (timens_tk_get_ts64(CLOCK_REALTIME_COARSE, &ts))
		return ts.tv_sec;
	return ktime_get_real_seconds();
}

/**
 * timens_getboottime64 - The time of the boot as current sees it
 * @ts:		Storage for CLOCK_REALTIME at which CLOCK_BOOTTIME was 0
 *
 * Context: as timens_get_ts64()
 */
static __always_inline void timens_getboottime64(struct timespec64 *ts)
{
	if (timens_tk_getboottime64(ts))
		return;

	getboottime64(ts);
	timens_sub_boottime(ts);
}

#endif /* _LINUX_TIMENS_READ_H */
