// SPDX-License-Identifier: GPL-2.0
/*
 * Raw system calls of clocks.
 */
#include "sys.h"

int tk_sys_gettime(int clk, struct tk_ts *ts)
{
	return TK_RET(syscall(TK_NR_gettime, clk, ts));
}

int tk_sys_getres(int clk, struct tk_ts *ts)
{
	return TK_RET(syscall(TK_NR_getres, clk, ts));
}

int tk_settime(int clk, s64 sec, s64 nsec)
{
	struct tk_ts ts = { .sec = sec, .nsec = nsec };

	return TK_RET(syscall(TK_NR_settime, clk, &ts));
}

int tk_clock_adjtime(int clk, struct tk_timex *tx)
{
	return TK_RET(syscall(TK_NR_clock_adjtime, clk, tx));
}

int tk_adjtimex(struct tk_timex *tx)
{
#ifdef __x86_64__
	return TK_RET(syscall(SYS_adjtimex, tx));
#else
	return tk_clock_adjtime(CLOCK_REALTIME, tx);
#endif
}

int tk_sys_settimeofday(const struct tk_tv *tv, const struct timezone *tz)
{
	return TK_RET(syscall(SYS_settimeofday, tv, tz));
}

int tk_sys_gettimeofday(struct tk_tv *tv, struct timezone *tz)
{
	return TK_RET(syscall(SYS_gettimeofday, tv, tz));
}

s64 tk_sys_time(void)
{
	return syscall(SYS_time, NULL);
}

int tk_step(s64 ns)
{
	struct tk_timex tx = {
		.modes = ADJ_SETOFFSET | ADJ_NANO,
		.time_sec = tk_floor_div(ns, TK_SEC),
	};

	tx.time_usec = ns - tx.time_sec * TK_SEC;
	return tk_adjtimex(&tx);
}
