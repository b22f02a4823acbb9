// SPDX-License-Identifier: GPL-2.0
/*
 * The far end of time.
 *
 *	1970 ---- now ------------------ 2232 ------------------- 2262
 *	                                 the last date that       a ktime
 *	                                 clock_settime() takes    ends
 *
 * Thirty years are left at the pace of the host. A clock with a rate of 2000 would need
 * five days for them; its sleeps would saturate to "never". So a rate above one ends at
 * the last date that can be set, on any of its clocks, and none can be set behind it:
 * whatever has a definite end ends.
 *
 * CLOCK_MONOTONIC may be ahead of its boot by 146 years of constant offset. A date is
 * refused if it is before the boot, not if it is before that.
 */
#include "lib/tk.h"
#include "lib/waits.h"

#define LAST TK_SETTOD_SEC_MAX

static int set_rate(const char *rate)
{
	char text[64];

	snprintf(text, sizeof(text), "rate %s\n", rate);
	return tk_write_file(TK_CLOCK_FILE, text);
}

static void rate_is(const char *want)
{
	char text[1024], *p;
	char rate[64] = "";

	tk_read_summary(text, sizeof(text));
	p = strstr(text, "\nrate");
	CHECK(p && sscanf(p, "\nrate %63s", rate) == 1 && !strcmp(rate, want),
	      "rate %s, not %s", rate, want);
}

TK_FIXTURE(far);

struct sleep_arg {
	int clk;
	s64 until;
};

static int sleep_until(void *data)
{
	struct sleep_arg *arg = data;
	struct tk_ts ts = { .sec = tk_floor_div(arg->until, TK_SEC) };
	s64 now;

	ts.nsec = arg->until - ts.sec * TK_SEC;
	while (TK_RET(syscall(TK_NR_nanosleep, arg->clk, TIMER_ABSTIME, &ts, NULL)) == -EINTR)
		;
	now = tk_now(arg->clk);
	CHECK(now >= arg->until, "clock %d: early by %" PRId64 " ns", arg->clk, arg->until - now);
	return 0;
}

/* Case G: the clock reaches the last date at full speed, with sleepers on both sides */
TEST_F(far, fast_until_the_last_date)
{
	static const int clk[] = { CLOCK_REALTIME, CLOCK_TAI };
	struct sleep_arg arg[4];
	pid_t pid[TK_ARRAY(arg) + 2];
	struct sleep_arg mono, boot;
	size_t i, n = 0;
	s64 now;
	int fd = tk_ns_new();

	tk_enter(fd);
	CHECK(!tk_settime(CLOCK_REALTIME, LAST - 200, 0), "settime: %m");
	/* Before it is fast: it may be at the last date before all are asleep */
	mono = (struct sleep_arg){ CLOCK_MONOTONIC, tk_now(CLOCK_MONOTONIC) + 201 * TK_SEC };
	boot = (struct sleep_arg){ CLOCK_BOOTTIME, tk_now(CLOCK_BOOTTIME) + 150 * TK_SEC };
	CHECK(!set_rate("2000"), "rate 2000");
	for (i = 0; i < TK_ARRAY(arg); i++) {
		arg[i].clk = clk[i % 2];
		arg[i].until = (LAST + (i < 2 ? -50 : 1)) * TK_SEC;
		pid[n++] = tk_spawn(sleep_until, &arg[i]);
	}
	pid[n++] = tk_spawn(sleep_until, &mono);
	pid[n++] = tk_spawn(sleep_until, &boot);
	for (i = 0; i < n; i++)
		CHECK(!tk_reap(pid[i]), "sleeper %zu", i);
	now = tk_now(CLOCK_REALTIME);
	CHECK(now >= LAST * TK_SEC, "it is %" PRId64 " before the last date",
	      (s64)(LAST * TK_SEC - now));
	/* A late pass costs minutes, not years */
	CHECK(now < (LAST + TK_YEAR) * TK_SEC, "%" PRId64 " s behind the last date",
	      (s64)(now / TK_SEC - LAST));
	rate_is("1");

	/* Nothing sets it behind the last date, nor makes it fast there */
	CHECK(set_rate("2") == -EINVAL, "rate 2 behind the last date");
	CHECK(set_rate("1000001/1000000") == -EINVAL, "rate above one behind the last date");
	rate_is("1");
	CHECK(TK_RET(tk_settime(CLOCK_REALTIME, LAST, 0)) == -EINVAL, "the last date plus one");
	CHECK(!set_rate("1/2"), "slow");
	CHECK(!set_rate("1"), "and back");
	arg[0] = (struct sleep_arg){ CLOCK_REALTIME, tk_now(CLOCK_REALTIME) + 50 * TK_MSEC };
	CHECK(!sleep_until(&arg[0]), "a sleep behind the last date");

	/* Set back, it may be fast again */
	CHECK(!tk_settime(CLOCK_REALTIME, 1900000000, 0), "settime: %m");
	CHECK(!set_rate("2000"), "rate 2000 again");
	rate_is("2000");
}

/* With CLOCK_MONOTONIC ahead by more than the years since 1970 */
TEST_F(far, monotonic_is_ahead)
{
	int fd = tk_ns_new_offsets("monotonic 2500000000 0\nboottime 2500000000 0\n"), ret;
	s64 now, mono;

	tk_enter(fd);
	now = tk_now(CLOCK_REALTIME);
	ret = TK_RET(tk_settime(CLOCK_REALTIME, now / TK_SEC + 5, 0));
	CHECK(!ret, "now + 5 s: %s", strerror(-ret));
	now = tk_now(CLOCK_REALTIME) - now;
	CHECK(now >= 4 * TK_SEC, "stepped by %" PRId64, now);
	CHECK_STATE("own");
	ret = tk_step(-4 * TK_SEC);
	CHECK(ret >= 0, "ADJ_SETOFFSET: %s", strerror(-ret));
	/* The boot is where it was for the host */
	mono = tk_now(CLOCK_MONOTONIC) / TK_SEC - 2500000000;
	ret = TK_RET(tk_settime(CLOCK_REALTIME, mono + 100, 0));
	CHECK(!ret, "a date just behind the boot: %s", strerror(-ret));
	ret = TK_RET(tk_settime(CLOCK_REALTIME, 0, 0));
	CHECK(ret == -EINVAL, "a date before the boot: %d", ret);
	ret = TK_RET(tk_settime(CLOCK_REALTIME, LAST - 1, 0));
	CHECK(!ret, "the last date: %s", strerror(-ret));
	/* Sleeps of all clocks end there as well */
	struct sleep_arg arg = { CLOCK_REALTIME, tk_now(CLOCK_REALTIME) + 30 * TK_MSEC };

	CHECK(!sleep_until(&arg), "REALTIME");
	arg = (struct sleep_arg){ CLOCK_MONOTONIC, tk_now(CLOCK_MONOTONIC) + 30 * TK_MSEC };
	CHECK(!sleep_until(&arg), "MONOTONIC");
}

TEST_HARNESS_MAIN
