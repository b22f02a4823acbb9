/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The system calls of clocks, raw, with 64-bit times in 32-bit programs too. Used by all
 * tests which set or steer a clock, and beneath every reading.
 *
 * All of these return a value >= 0 or -errno.
 */
#ifndef TK_SYS_H
#define TK_SYS_H

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "base.h"

/* struct __kernel_timespec, the same for 64 and 32 bit */
struct tk_ts {
	s64 sec;
	s64 nsec;
};

struct tk_ts32 {
	int32_t sec;
	int32_t nsec;
};

/* struct __kernel_old_timeval has longs: 32 bit wide on i386 */
struct tk_tv {
	long sec;
	long usec;
};

/* struct __kernel_timex: glibc's struct timex is another one on i386 */
struct tk_timex {
	unsigned int modes;
	int pad0;
	s64 offset;
	s64 freq;
	s64 maxerror;
	s64 esterror;
	int status;
	int pad1;
	s64 constant;
	s64 precision;
	s64 tolerance;
	s64 time_sec;
	s64 time_usec;
	s64 tick;
	s64 ppsfreq;
	s64 jitter;
	int shift;
	int pad2;
	s64 stabil;
	s64 jitcnt;
	s64 calcnt;
	s64 errcnt;
	s64 stbcnt;
	int tai;
	int pad3[11];
};

#define TK_RET(call) ({ long ret_ = (call); ret_ < 0 ? -errno : (int)ret_; })

#ifdef __x86_64__
#define TK_NR_gettime SYS_clock_gettime
#define TK_NR_settime SYS_clock_settime
#define TK_NR_getres SYS_clock_getres
#define TK_NR_nanosleep SYS_clock_nanosleep
#define TK_NR_clock_adjtime SYS_clock_adjtime
#else
#define TK_NR_gettime SYS_clock_gettime64
#define TK_NR_settime SYS_clock_settime64
#define TK_NR_getres SYS_clock_getres_time64
#define TK_NR_nanosleep SYS_clock_nanosleep_time64
#define TK_NR_clock_adjtime SYS_clock_adjtime64
#endif

int tk_sys_gettime(int clk, struct tk_ts *ts);
int tk_sys_getres(int clk, struct tk_ts *ts);
int tk_settime(int clk, s64 sec, s64 nsec);
int tk_clock_adjtime(int clk, struct tk_timex *tx);
int tk_adjtimex(struct tk_timex *tx);
int tk_sys_settimeofday(const struct tk_tv *tv, const struct timezone *tz);
int tk_sys_gettimeofday(struct tk_tv *tv, struct timezone *tz);
s64 tk_sys_time(void);

/* Step REALTIME and TAI by exactly @ns. */
int tk_step(s64 ns);

#endif /* TK_SYS_H */
