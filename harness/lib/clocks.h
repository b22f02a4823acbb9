/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading clocks and the counter behind them. All of it is inlined: what reads a clock
 * to measure something else must not cost more than it has to.
 */
#ifndef TIMENS_CLOCKS_H
#define TIMENS_CLOCKS_H

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "parse.h"

static inline int64_t tk_ns(const struct timespec *ts)
{
	return ts->tv_sec * TK_NSEC_PER_SEC + ts->tv_nsec;
}

static inline struct timespec tk_timespec(int64_t ns)
{
	return (struct timespec) {
		.tv_sec	 = ns / TK_NSEC_PER_SEC,
		.tv_nsec = ns % TK_NSEC_PER_SEC,
	};
}

static inline int64_t tk_read(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts))
		err(TK_EXIT_FAILURE, "clock_gettime(%d)", (int)id);
	return tk_ns(&ts);
}

/* The same by system call, past the vDSO. */
static inline int64_t tk_read_kernel(clockid_t id)
{
	struct timespec ts;

	if (syscall(SYS_clock_gettime, id, &ts))
		err(TK_EXIT_FAILURE, "system call clock_gettime(%d)", (int)id);
	return tk_ns(&ts);
}

static inline void tk_sleep_until(int64_t monotonic)
{
	struct timespec ts = tk_timespec(monotonic);
	int ret;

	do {
		ret = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	} while (ret == EINTR);
	if (ret) {
		errno = ret;
		err(TK_EXIT_FAILURE, "clock_nanosleep");
	}
}

/* The counter that every clock here is made of; nothing sets or steers it. */
static inline uint64_t tk_cycles(void)
{
	uint32_t lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

#endif /* TIMENS_CLOCKS_H */
