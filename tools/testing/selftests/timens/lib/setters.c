// SPDX-License-Identifier: GPL-2.0
/*
 * All ways to set the clock of a namespace, and what each comes to.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#include "clock.h"
#include "fail.h"
#include "file.h"
#include "interval.h"
#include "ns.h"
#include "setters.h"
#include "setup.h"
#include "sys.h"

int tk_by_settime(void)
{
	struct tk_ts ts = { 0 };

	tk_sys_gettime(CLOCK_REALTIME, &ts);
	return tk_settime(CLOCK_REALTIME, ts.sec, ts.nsec);
}

int tk_by_settimeofday(void)
{
	struct tk_tv tv = { 0 };

	tk_sys_gettimeofday(&tv, NULL);
	return tk_sys_settimeofday(&tv, NULL);
}

static int by_zone(void)
{
	struct timezone tz = { 0 };

	return tk_sys_settimeofday(NULL, &tz);
}

static int by_frequency(void)
{
	struct tk_timex tx = { .modes = ADJ_FREQUENCY };

	return tk_adjtimex(&tx);
}

static int by_clock_adjtime(void)
{
	struct tk_timex tx = { .modes = ADJ_ESTERROR, .esterror = 7 };

	return tk_clock_adjtime(CLOCK_REALTIME, &tx);
}

static int by_setoffset(void)
{
	struct tk_timex tx = { .modes = ADJ_SETOFFSET };

	return tk_adjtimex(&tx);
}

static int by_singleshot(void)
{
	struct tk_timex tx = { .modes = ADJ_OFFSET_SINGLESHOT };

	return tk_adjtimex(&tx);
}

static int by_status(void)
{
	struct tk_timex tx = { .modes = ADJ_STATUS, .status = STA_UNSYNC };

	return tk_adjtimex(&tx);
}

static int by_tai(void)
{
	struct tk_timex tx = { .modes = ADJ_TAI, .constant = 1 };

	return tk_adjtimex(&tx);
}

#ifdef __i386__
static int by_stime(void)
{
	int32_t t = tk_sys_time();

	return TK_RET(syscall(SYS_stime, &t));
}

/* The right comes before the value: stime() never tells about the latter. */
static int by_bad_stime(void)
{
	int32_t t = -1;

	return TK_RET(syscall(SYS_stime, &t));
}

static int by_settime32(void)
{
	struct tk_ts32 ts = { tk_sys_time(), 0 };

	return TK_RET(syscall(SYS_clock_settime, CLOCK_REALTIME, &ts));
}
#endif

const struct tk_setter tk_setters[] = {
	{ "clock_settime", tk_by_settime },
	{ "settimeofday", tk_by_settimeofday },
	{ "settimeofday of the zone", by_zone },
	{ "ADJ_FREQUENCY", by_frequency, .adjusts = true },
	{ "clock_adjtime(ADJ_ESTERROR)", by_clock_adjtime, .adjusts = true },
	{ "ADJ_SETOFFSET", by_setoffset, .adjusts = true },
	{ "ADJ_OFFSET_SINGLESHOT", by_singleshot, .adjusts = true },
	{ "ADJ_STATUS", by_status, .adjusts = true },
	{ "ADJ_TAI", by_tai, .adjusts = true },
#ifdef __i386__
	{ "stime", by_stime, .only_permitted = true },
	{ "stime of a negative time", by_bad_stime, .only_permitted = true },
	{ "clock_settime32", by_settime32 },
#endif
};

const size_t tk_nr_setters = TK_ARRAY(tk_setters);

void tk_check_forbidden(const char *who, const char *state)
{
	struct tk_iv line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 300);
	char was[1024], is[1024];
	struct tk_timex tx0 = { 0 }, tx = { 0 };
	size_t i;
	int ret;

	tk_read_summary(was, sizeof(was));
	ret = tk_adjtimex(&tx0);
	CHECK(ret >= 0, "%s may not read adjtimex: %s", who, strerror(-ret));
	ret = tk_clock_adjtime(CLOCK_REALTIME, &tx0);
	CHECK(ret >= 0, "%s may not read clock_adjtime: %s", who, strerror(-ret));
	tx.modes = ADJ_OFFSET_SS_READ;
	ret = tk_adjtimex(&tx);
	CHECK(ret >= 0, "%s may not read adjtime: %s", who, strerror(-ret));
	for (i = 0; i < tk_nr_setters; i++) {
		ret = tk_setters[i].call();
		CHECK(ret == -EPERM, "%s of %s: %s", tk_setters[i].name, who,
		      ret < 0 ? strerror(-ret) : "taken");
	}
	CHECK_STATE(state);
	CHECK_IV_MEET(line, tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 300), 0, "REALTIME");
	tx = (struct tk_timex){ 0 };
	ret = tk_adjtimex(&tx);
	CHECK(tx.freq == tx0.freq && tx.tick == tx0.tick && tx.status == tx0.status &&
	      tx.tai == tx0.tai && tx.esterror == tx0.esterror,
	      "%s changed adjtimex: freq %" PRId64 ", status %#x, TAI %d", who, tx.freq, tx.status,
	      tx.tai);
	tk_read_summary(is, sizeof(is));
	/* An own namespace's offset may round otherwise a moment later. */
	if (!strcmp(state, "follow"))
		CHECK(!strcmp(was, is), "%s changed timens_clock:\n%swas\n%s", who, is, was);
}

void tk_check_allowed(const char *who)
{
	struct tk_timex tx = { 0 };
	size_t i;
	int ret;

	for (i = 0; i < tk_nr_setters; i++) {
		ret = tk_setters[i].call();
		CHECK(ret >= 0, "%s of %s: %s", tk_setters[i].name, who, strerror(-ret));
	}
	CHECK_STATE("own");
	ret = tk_adjtimex(&tx);
	CHECK(tx.esterror >= 0 && tx.tai == 1, "%s: TAI offset %d", who, tx.tai);
}

void tk_check_command(const char *who, const char *command, int want)
{
	int ret = tk_write_file(TK_CLOCK_FILE, command);

	CHECK(ret == want, "%s wrote '%s': %s, not %s", who, command, strerror(-ret),
	      strerror(-want));
}
