// SPDX-License-Identifier: GPL-2.0
/*
 * Reading clocks by system calls and by the vDSO.
 */
#include <inttypes.h>
#include <string.h>

#include "clock.h"
#include "fail.h"
#include "process.h"

const char *const tk_path_name[TK_PATHS] = {
	[TK_SYS] = "syscall",
	[TK_VDSO] = "vDSO",
	[TK_SYS32] = "32-bit syscall",
	[TK_VDSO32] = "32-bit vDSO",
};

/* CLOCK_*_ALARM need an RTC; where the host has none they fail in a ns alike. */
const struct tk_clockname tk_clocks[] = {
	{ CLOCK_REALTIME, "REALTIME", false, true },
	{ CLOCK_TAI, "TAI", false, true },
	{ CLOCK_MONOTONIC, "MONOTONIC", false, false },
	{ CLOCK_MONOTONIC_RAW, "MONOTONIC_RAW", false, false },
	{ CLOCK_BOOTTIME, "BOOTTIME", false, false },
	{ CLOCK_REALTIME_COARSE, "REALTIME_COARSE", true, true },
	{ CLOCK_MONOTONIC_COARSE, "MONOTONIC_COARSE", true, false },
	{ CLOCK_REALTIME_ALARM, "REALTIME_ALARM", false, true },
	{ CLOCK_BOOTTIME_ALARM, "BOOTTIME_ALARM", false, false },
};

bool tk_path_exists(enum tk_path path)
{
#ifdef __x86_64__
	return path == TK_SYS || path == TK_VDSO;
#else
	return path < TK_PATHS;
#endif
}

int tk_gettime(enum tk_path path, int clk, s64 *ns)
{
	struct tk_ts ts = { 0 };
	int ret;

	switch (path) {
	case TK_SYS:
		ret = tk_sys_gettime(clk, &ts);
		break;
	case TK_VDSO:
		ret = tk_vdso.gettime(clk, &ts);
		break;
#ifdef __i386__
	case TK_SYS32:
	case TK_VDSO32: {
		struct tk_ts32 ts32 = { 0 };

		if (path == TK_SYS32)
			ret = TK_RET(syscall(SYS_clock_gettime, clk, &ts32));
		else
			ret = tk_vdso.gettime32(clk, &ts32);
		ts.sec = ts32.sec;
		ts.nsec = ts32.nsec;
		break;
	}
#endif
	default:
		return -ENOSYS;
	}
	if (!ret && (ts.nsec < 0 || ts.nsec >= TK_SEC)) {
		CHECK(false, "clock %d by %s: %" PRId64 " ns", clk, tk_path_name[path], ts.nsec);
		return -ERANGE;
	}
	*ns = tk_ns(ts.sec, ts.nsec);
	return ret;
}

s64 tk_get(enum tk_path path, int clk)
{
	s64 ns = 0;
	int ret = tk_gettime(path, clk, &ns);

	REQUIRE(!ret, "clock %d by %s: %s", clk, tk_path_name[path], strerror(-ret));
	return ns;
}

s64 tk_now(int clk)
{
	return tk_get(TK_SYS, clk);
}

s64 tk_vnow(int clk)
{
	return tk_get(TK_VDSO, clk);
}

s64 tk_give_up(void)
{
	return tk_vnow(CLOCK_MONOTONIC_RAW) + tk_patience();
}
