// SPDX-License-Identifier: GPL-2.0
/*
 * A part of tk_set: all calls that set or steer a clock and have to fail.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "lib/base.h"
#include "lib/clock.h"
#include "lib/sys.h"
#include "tk_set_bad.h"

#ifndef ADJ_ADJTIME
#define ADJ_ADJTIME 0x8000	/* kernel internal name of one bit of ADJ_OFFSET_SINGLESHOT */
#endif

static s64 mono_now_sec(void)
{
	return tk_floor_div(tk_now(CLOCK_MONOTONIC), TK_SEC);
}

/* Each returns 0 or -errno. */
static int set_below_monotonic(void)
{
	return tk_settime(CLOCK_REALTIME, mono_now_sec() - 1, 0);
}

static int set_zero(void)
{
	return tk_settime(CLOCK_REALTIME, 0, 0);
}

static int set_negative(void)
{
	return tk_settime(CLOCK_REALTIME, -1, 0);
}

static int set_min(void)
{
	return tk_settime(CLOCK_REALTIME, INT64_MIN, 0);
}

static int set_max(void)
{
	return tk_settime(CLOCK_REALTIME, INT64_MAX, 0);
}

static int set_ktime_max(void)
{
	return tk_settime(CLOCK_REALTIME, TK_KTIME_SEC_MAX, 0);
}

static int set_limit(void)
{
	return tk_settime(CLOCK_REALTIME, TK_SETTOD_SEC_MAX, 0);
}

static int set_nsec_high(void)
{
	return tk_settime(CLOCK_REALTIME, 2000000000, TK_SEC);
}

static int set_nsec_negative(void)
{
	return tk_settime(CLOCK_REALTIME, 2000000000, -1);
}

static int set_null(void)
{
	return TK_RET(syscall(TK_NR_settime, CLOCK_REALTIME, NULL));
}

static int set_unreadable(void)
{
	return TK_RET(syscall(TK_NR_settime, CLOCK_REALTIME, (void *)8));
}

static int set_monotonic(void)
{
	return tk_settime(CLOCK_MONOTONIC, 2000000000, 0);
}

static int set_boottime(void)
{
	return tk_settime(CLOCK_BOOTTIME, 2000000000, 0);
}

static int set_tai(void)
{
	return tk_settime(CLOCK_TAI, 2000000000, 0);
}

static int set_raw(void)
{
	return tk_settime(CLOCK_MONOTONIC_RAW, 2000000000, 0);
}

static int set_realtime_coarse(void)
{
	return tk_settime(CLOCK_REALTIME_COARSE, 2000000000, 0);
}

static int set_monotonic_coarse(void)
{
	return tk_settime(CLOCK_MONOTONIC_COARSE, 2000000000, 0);
}

static int set_realtime_alarm(void)
{
	return tk_settime(CLOCK_REALTIME_ALARM, 2000000000, 0);
}

static int set_boottime_alarm(void)
{
	return tk_settime(CLOCK_BOOTTIME_ALARM, 2000000000, 0);
}

static int set_cputime(void)
{
	return tk_settime(CLOCK_PROCESS_CPUTIME_ID, 2000000000, 0);
}

static int set_no_clock(void)
{
	return tk_settime(1000, 2000000000, 0);
}

static int set_negative_clock(void)
{
	return tk_settime(-1, 2000000000, 0);
}

static int tod_usec_high(void)
{
	struct tk_tv tv = { 2000000000, 1000000 };

	return tk_sys_settimeofday(&tv, NULL);
}

static int tod_usec_negative(void)
{
	struct tk_tv tv = { 2000000000, -1 };

	return tk_sys_settimeofday(&tv, NULL);
}

static int tod_negative(void)
{
	struct tk_tv tv = { -1, 0 };

	return tk_sys_settimeofday(&tv, NULL);
}

static int tod_zero(void)
{
	struct tk_tv tv = { 0, 0 };

	return tk_sys_settimeofday(&tv, NULL);
}

static int tod_zone_high(void)
{
	struct timezone tz = { .tz_minuteswest = 15 * 60 + 1 };

	return tk_sys_settimeofday(NULL, &tz);
}

static int tod_zone_low(void)
{
	struct timezone tz = { .tz_minuteswest = -15 * 60 - 1 };

	return tk_sys_settimeofday(NULL, &tz);
}

/* A good time beside a bad zone: neither may be taken. */
static int tod_time_and_bad_zone(void)
{
	struct timezone tz = { .tz_minuteswest = 15 * 60 + 1 };
	struct tk_tv tv = { 2000000000, 0 };

	return tk_sys_settimeofday(&tv, &tz);
}

/* The other way round, with a time that the limits exclude before the zone is looked at */
static int tod_bad_time_and_zone(void)
{
	struct timezone tz = { .tz_minuteswest = 0 };
	struct tk_tv tv = { -1, 0 };

	return tk_sys_settimeofday(&tv, &tz);
}

static int tod_unreadable_time(void)
{
	return tk_sys_settimeofday((void *)8, NULL);
}

static int tod_unreadable_zone(void)
{
	return tk_sys_settimeofday(NULL, (void *)8);
}

static int adj_null(void)
{
	return TK_RET(syscall(SYS_adjtimex, NULL));
}

static int adj_unreadable(void)
{
	return TK_RET(syscall(SYS_adjtimex, (void *)8));
}

static int clock_adj_unreadable(void)
{
	return TK_RET(syscall(TK_NR_clock_adjtime, CLOCK_REALTIME, (void *)8));
}

#ifdef __i386__
static int stime_zero(void)
{
	int32_t t = 0;

	return TK_RET(syscall(SYS_stime, &t));
}

static int stime_negative(void)
{
	int32_t t = -1;

	return TK_RET(syscall(SYS_stime, &t));
}

static int stime_null(void)
{
	return TK_RET(syscall(SYS_stime, NULL));
}

static int set32_nsec_high(void)
{
	struct tk_ts32 ts = { 2000000000, 1000000000 };

	return TK_RET(syscall(SYS_clock_settime, CLOCK_REALTIME, &ts));
}

static int set32_negative(void)
{
	struct tk_ts32 ts = { -1, 0 };

	return TK_RET(syscall(SYS_clock_settime, CLOCK_REALTIME, &ts));
}

static int set32_monotonic(void)
{
	struct tk_ts32 ts = { 2000000000, 0 };

	return TK_RET(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &ts));
}
#endif

#define BAD(fn) { .name = #fn, .call = fn }
/* stime() does not say that the clock refused the time: it returns 0, here and there. */
#define BAD_SILENT(fn) { .name = #fn, .call = fn, .silent = true }
static const struct {
	const char *name;
	int (*call)(void);
	bool silent;
} bad_calls[] = {
	BAD(set_below_monotonic),
	BAD(set_zero),
	BAD(set_negative),
	BAD(set_min),
	BAD(set_max),
	BAD(set_ktime_max),
	BAD(set_limit),
	BAD(set_nsec_high),
	BAD(set_nsec_negative),
	BAD(set_null),
	BAD(set_unreadable),
	BAD(set_monotonic),
	BAD(set_boottime),
	BAD(set_tai),
	BAD(set_raw),
	BAD(set_realtime_coarse),
	BAD(set_monotonic_coarse),
	BAD(set_realtime_alarm),
	BAD(set_boottime_alarm),
	BAD(set_cputime),
	BAD(set_no_clock),
	BAD(set_negative_clock),
	BAD(tod_usec_high),
	BAD(tod_usec_negative),
	BAD(tod_negative),
	BAD(tod_zero),
	BAD(tod_zone_high),
	BAD(tod_zone_low),
	BAD(tod_time_and_bad_zone),
	BAD(tod_bad_time_and_zone),
	BAD(tod_unreadable_time),
	BAD(tod_unreadable_zone),
	BAD(adj_null),
	BAD(adj_unreadable),
	BAD(clock_adj_unreadable),
#ifdef __i386__
	BAD_SILENT(stime_zero),
	BAD_SILENT(stime_negative),
	BAD(stime_null),
	BAD(set32_nsec_high),
	BAD(set32_negative),
	BAD(set32_monotonic),
#endif
};

/* Bad adjtimex() requests: what the kernel has to refuse, with all else well-formed */
static const struct {
	const char *name;
	int clk;
	struct tk_timex tx;
} bad_timex[] = {
	{ "tick low", CLOCK_REALTIME, { .modes = ADJ_TICK, .tick = 8999 } },
	{ "tick high", CLOCK_REALTIME, { .modes = ADJ_TICK, .tick = 11001 } },
	{ "tick zero", CLOCK_REALTIME, { .modes = ADJ_TICK } },
	{ "tick negative", CLOCK_REALTIME, { .modes = ADJ_TICK, .tick = -10000 } },
	{ "tick bad beside a good frequency", CLOCK_REALTIME,
	  { .modes = ADJ_TICK | ADJ_FREQUENCY, .tick = 8999, .freq = 65536 } },
	{ "tick bad beside a good TAI offset", CLOCK_REALTIME,
	  { .modes = ADJ_TICK | ADJ_TAI, .tick = 8999, .constant = 37 } },
	{ "tick bad beside a step", CLOCK_REALTIME,
	  { .modes = ADJ_TICK | ADJ_SETOFFSET, .tick = 8999, .time_sec = 10 } },
	{ "adjtime bit alone", CLOCK_REALTIME, { .modes = ADJ_ADJTIME } },
	{ "adjtime bit with tick", CLOCK_REALTIME,
	  { .modes = ADJ_ADJTIME | ADJ_TICK, .tick = 10000 } },
	{ "step of negative usec", CLOCK_REALTIME, { .modes = ADJ_SETOFFSET, .time_usec = -1 } },
	{ "step of a million usec", CLOCK_REALTIME,
	  { .modes = ADJ_SETOFFSET, .time_usec = 1000000 } },
	{ "step of a milliard nsec", CLOCK_REALTIME,
	  { .modes = ADJ_SETOFFSET | ADJ_NANO, .time_usec = 1000000000 } },
	{ "step of negative nsec", CLOCK_REALTIME,
	  { .modes = ADJ_SETOFFSET | ADJ_NANO, .time_usec = -1 } },
	{ "step to before MONOTONIC", CLOCK_REALTIME,
	  { .modes = ADJ_SETOFFSET, .time_sec = -6000000000LL } },
	{ "step beyond the end", CLOCK_REALTIME,
	  { .modes = ADJ_SETOFFSET, .time_sec = TK_KTIME_SEC_MAX - 1 } },
	{ "step bad beside a frequency", CLOCK_REALTIME,
	  { .modes = ADJ_SETOFFSET | ADJ_FREQUENCY, .time_usec = -1, .freq = 65536 } },
	{ "frequency overflow", CLOCK_REALTIME, { .modes = ADJ_FREQUENCY, .freq = INT64_MAX } },
	{ "frequency underflow", CLOCK_REALTIME, { .modes = ADJ_FREQUENCY, .freq = INT64_MIN } },
	{ "MONOTONIC", CLOCK_MONOTONIC, { .modes = ADJ_FREQUENCY } },
	{ "BOOTTIME", CLOCK_BOOTTIME, { .modes = ADJ_FREQUENCY } },
	{ "TAI", CLOCK_TAI, { .modes = ADJ_FREQUENCY } },
	{ "MONOTONIC_RAW", CLOCK_MONOTONIC_RAW, { .modes = ADJ_FREQUENCY } },
	{ "REALTIME_COARSE", CLOCK_REALTIME_COARSE, { .modes = ADJ_FREQUENCY } },
	{ "REALTIME_ALARM", CLOCK_REALTIME_ALARM, { .modes = ADJ_FREQUENCY } },
	{ "MONOTONIC read only", CLOCK_MONOTONIC, { .modes = 0 } },
	{ "no clock", 1000, { .modes = ADJ_FREQUENCY } },
	{ "negative clock", -1, { .modes = ADJ_FREQUENCY } },
};

_Static_assert(TK_ARRAY(bad_calls) + TK_ARRAY(bad_timex) == N_BAD, "N_BAD");

bool bad_call_is_silent(size_t i)
{
	return i < TK_ARRAY(bad_calls) && bad_calls[i].silent;
}

int bad_call(size_t i, const char **name)
{
	struct tk_timex tx;

	if (i < TK_ARRAY(bad_calls)) {
		*name = bad_calls[i].name;
		return bad_calls[i].call();
	}
	i -= TK_ARRAY(bad_calls);
	*name = bad_timex[i].name;
	tx = bad_timex[i].tx;
	return tk_clock_adjtime(bad_timex[i].clk, &tx);
}
