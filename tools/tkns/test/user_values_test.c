// SPDX-License-Identifier: GPL-2.0
/*
 * The parser and the formats. What a text stands for was computed with date(1)
 * and bc(1); for random dates the test asks date(1) itself.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../user_values.h"
#include "tap.h"

#define S	NSEC_PER_SEC

/*
 * What is right
 */

static void good_durations(void)
{
	static const struct {
		const char *text;
		int64_t ns;
	} tests[] = {
		{ "0", 0 },
		{ "90", 90 * S },
		{ "90s", 90 * S },
		{ "+90s", 90 * S },
		{ "-90s", -90 * S },
		{ "1h30m", 5400 * S },
		{ "1y", 365 * 86400 * S },
		{ "-1.5y", -547 * 86400 * S - 43200 * S },
		{ "1y1w1d", 373 * 86400 * S },
		{ "292y", INT64_C(106580) * 86400 * S },
		{ "1w2d3h4m5s6ms7us8ns", INT64_C(788645006007008) },
		{ "250ms", 250000000 },
		{ "7us", 7000 },
		{ "7ns", 7 },
		{ "0.000000001", 1 },
		{ "1.5", 1500000000 },
		{ "1.5m", 90 * S },
		{ "0.5d12h", 86400 * S },
		{ "1.50000000000000000000s", 1500000000 },
		{ "2.5us", 2500 },
		{ "00000000000000000000001s", S },
		{ "9223372036.854775807", INT64_MAX },
		{ "-9223372036.854775807", -INT64_MAX },
		{ "106751d23h47m16.854775807s", INT64_MAX },
		{ "15250w1d23h47m16.854775807s", INT64_MAX },
	};
	struct spec_error error;
	int64_t ns;
	size_t i;

	for (i = 0; i < N_OF(tests); i++) {
		if (!spec_parse_duration(tests[i].text, &ns, &error))
			tap_wrong("'%s' at %zu: %s", tests[i].text, error.at, error.why);
		else if (ns != tests[i].ns)
			tap_wrong("'%s' is %" PRId64 ", not %" PRId64, tests[i].text, ns, tests[i].ns);
	}
	tap_end("durations");
}

static void good_times(void)
{
	static const struct {
		const char *text;
		enum spec_when when;
		int64_t sec, nsec;
	} tests[] = {
		{ "1970-01-01T00:00:00Z", SPEC_ABSOLUTE, 0, 0 },
		{ "1970-01-01", SPEC_ABSOLUTE, 0, 0 },
		{ "2026-12-31T23:59:40Z", SPEC_ABSOLUTE, 1798761580, 0 },
		{ "2026-12-31T23:59:40", SPEC_ABSOLUTE, 1798761580, 0 },
		{ "2026-12-31 23:59:40z", SPEC_ABSOLUTE, 1798761580, 0 },
		{ "2026-12-31t23:59:40.000000001Z", SPEC_ABSOLUTE, 1798761580, 1 },
		{ "2026-12-31T23:59:40.25", SPEC_ABSOLUTE, 1798761580, 250000000 },
		{ "2026-12-31T23:59:40.1234567890000Z", SPEC_ABSOLUTE, 1798761580, 123456789 },
		{ "2024-02-29T12:00:00+05:30", SPEC_ABSOLUTE, 1709188200, 0 },
		{ "2000-02-29T00:00:00-0330", SPEC_ABSOLUTE, 951795000, 0 },
		{ "2026-06-30T23:59:59-11", SPEC_ABSOLUTE, 1782903599, 0 },
		{ "2026-11-24 12:34", SPEC_ABSOLUTE, 1795523640, 0 },
		{ "2026-11-24T12:34Z", SPEC_ABSOLUTE, 1795523640, 0 },
		{ "1970-01-01T01:00+01:00", SPEC_ABSOLUTE, 0, 0 },
		{ "2100-02-28T23:59:59Z", SPEC_ABSOLUTE, 4107542399, 0 },
		{ "2016-12-31", SPEC_ABSOLUTE, 1483142400, 0 },
		{ "1972-06-30T23:59:59Z", SPEC_ABSOLUTE, 78796799, 0 },
		{ "2232-04-18T23:47:15Z", SPEC_ABSOLUTE, 8277292035, 0 },
		{ "2232-04-18T23:47:15.999999999Z", SPEC_ABSOLUTE, 8277292035, 999999999 },
		{ "@0", SPEC_ABSOLUTE, 0, 0 },
		{ "@1798761580", SPEC_ABSOLUTE, 1798761580, 0 },
		{ "@1798761580.5", SPEC_ABSOLUTE, 1798761580, 500000000 },
		{ "@8277292035.999999999", SPEC_ABSOLUTE, 8277292035, 999999999 },
		{ "now", SPEC_RELATIVE, 0, 0 },
		{ "+90m", SPEC_RELATIVE, 5400, 0 },
		{ "-2d3h", SPEC_RELATIVE, -183600, 0 },
		{ "+0.5", SPEC_RELATIVE, 0, 500000000 },
		{ "+1y", SPEC_RELATIVE, 31536000, 0 },
		{ "today", SPEC_TODAY, 0, 0 },
		{ "tomorrow", SPEC_TODAY, 86400, 0 },
		{ "yesterday", SPEC_TODAY, -86400, 0 },
		{ "tomorrow 12:00", SPEC_TODAY, 86400 + 43200, 0 },
		{ "todayT23:59:40.5Z", SPEC_TODAY, 86380, 500000000 },
		{ "yesterdayt01:00:00+02:00", SPEC_TODAY, -86400 - 3600, 0 },
		{ "leap", SPEC_LEAP, 0, 0 },
		{ "leap-20s", SPEC_LEAP, -20, 0 },
		{ "leap+1.5s", SPEC_LEAP, 1, 500000000 },
		{ "leap-1h", SPEC_LEAP, -3600, 0 },
	};
	struct spec_error error;
	struct spec_time time;
	size_t i;

	for (i = 0; i < N_OF(tests); i++) {
		int64_t ns = tests[i].sec * S + tests[i].nsec;

		if (!spec_parse_time(tests[i].text, &time, &error))
			tap_wrong("'%s' at %zu: %s", tests[i].text, error.at, error.why);
		else if (time.when != tests[i].when || time.ns != ns)
			tap_wrong("'%s' is %d %" PRId64 ", not %d %" PRId64, tests[i].text, time.when,
				  time.ns, tests[i].when, ns);
	}
	tap_end("times");
}

static void good_numbers(void)
{
	static const struct {
		const char *text;
		int64_t ppm;		/* 2^-16 */
	} ppms[] = {
		{ "0", 0 },
		{ "1", 65536 },
		{ "+1", 65536 },
		{ "-1", -65536 },
		{ "12.5", 819200 },
		{ "-12.5ppm", -819200 },
		{ "0.0000152587890625", 1 },
		/* Half a unit is rounded away from zero, less is nothing. */
		{ "0.00000762939453125", 1 },
		{ "-0.00000762939453125", -1 },
		{ "0.00000762939453124", 0 },
		{ "0.1", 6554 },
		{ "500", 32768000 },
		{ "-500", -32768000 },
		{ "500.5", 32800768 },
		{ "100000", 6553600000 },
		{ "-100000", -6553600000 },
		{ "99999.9999847412109375", 6553599999 },
	};
	static const struct {
		const char *text;
		uint64_t num, den;
	} rates[] = {
		{ "1", 1, 1 },
		{ "2000", 2000, 1 },
		{ "1/1000", 1, 1000 },
		{ "0.001", 1, 1000 },
		{ "0.5", 1, 2 },
		{ "2.50", 5, 2 },
		{ "0.999999999", 999999999, 1000000000 },
		{ "1.00000001", 100000001, 100000000 },
		{ "2000000000/1000000000", 2, 1 },
		{ "6/4", 3, 2 },
		{ "1000/1000", 1, 1 },
		{ "86400/60", 1440, 1 },
		{ "999999999999999999/999999999999999999", 1, 1 },
		{ "1999.9999", 19999999, 10000 },
		{ "1440", 1440, 1 },
		{ "1.25", 5, 4 },
		{ "2000.000000", 2000, 1 },
		{ "1.0000000", 1, 1 },
		{ "1000001/1000000", 1000001, 1000000 },
	};
	struct spec_error error;
	struct spec_rate rate;
	int64_t value;
	size_t i;

	for (i = 0; i < N_OF(ppms); i++) {
		if (!spec_parse_ppm(ppms[i].text, &value, &error))
			tap_wrong("'%s' at %zu: %s", ppms[i].text, error.at, error.why);
		else if (value != ppms[i].ppm)
			tap_wrong("'%s' is %" PRId64 ", not %" PRId64, ppms[i].text, value, ppms[i].ppm);
	}
	tap_end("ppm");
	for (i = 0; i < N_OF(rates); i++) {
		if (!spec_parse_rate(rates[i].text, &rate, &error))
			tap_wrong("'%s' at %zu: %s", rates[i].text, error.at, error.why);
		else if (rate.num != rates[i].num || rate.den != rates[i].den)
			tap_wrong("'%s' is %" PRIu64 "/%" PRIu64, rates[i].text, rate.num, rate.den);
	}
	tap_end("rates");
	if (!spec_parse_number("-5", -5, 100000, &value, &error) || value != -5)
		tap_wrong("-5");
	if (!spec_parse_number("100000", 0, 100000, &value, &error) || value != 100000)
		tap_wrong("100000");
	if (!spec_parse_number("10", 10, 20, &value, &error) || value != 10 ||
	    spec_parse_number("9", 10, 20, &value, &error) ||
	    spec_parse_number("21", 10, 20, &value, &error))
		tap_wrong("10..20");
	tap_end("numbers");
}

static void good_leaps(void)
{
	static const struct {
		const char *text;
		struct spec_leap leap;
	} leaps[] = {
		{ "insert", { SPEC_LEAP_INSERT, false, false, 0 } },
		{ "delete", { SPEC_LEAP_DELETE, false, false, 0 } },
		{ "none", { SPEC_LEAP_NONE, false, false, 0 } },
		{ "insert@2026-12-31", { SPEC_LEAP_INSERT, true, false, 20818 } },
		{ "delete@2024-02-29", { SPEC_LEAP_DELETE, true, false, 19782 } },
		{ "insert@today", { SPEC_LEAP_INSERT, true, true, 0 } },
		{ "insert@tomorrow", { SPEC_LEAP_INSERT, true, true, 1 } },
		{ "delete@yesterday", { SPEC_LEAP_DELETE, true, true, -1 } },
	};
	static const struct {
		const char *text, *policy;
	} smears[] = {
		{ "google", "smear google" },
		{ "aws", "smear aws" },
		{ "utc-sls", "smear utc-sls" },
		{ "ntpd", "smear ntpd" },
		{ "meta", "smear meta" },
		{ "step", "step" },
		{ "linear:1000:before", "smear linear 1000 before" },
		{ "cosine:2h:centred", "smear cosine 7200 centred" },
		{ "quadratic:17h:after", "smear quadratic 61200 after" },
		{ "linear:128s:before", "smear linear 128 before" },
		{ "linear:1w:before", "smear linear 604800 before" },
		{ "linear:128000ms:before", "smear linear 128 before" },
	};
	struct spec_smear smear;
	struct spec_error error;
	struct spec_leap leap;
	size_t i;

	for (i = 0; i < N_OF(leaps); i++) {
		if (!spec_parse_leap(leaps[i].text, &leap, &error))
			tap_wrong("'%s' at %zu: %s", leaps[i].text, error.at, error.why);
		else if (leap.kind != leaps[i].leap.kind || leap.relative != leaps[i].leap.relative ||
			 leap.dated != leaps[i].leap.dated ||
			 leap.day != leaps[i].leap.day)
			tap_wrong("'%s' is %d %d %" PRId64, leaps[i].text, leap.kind, leap.dated,
				  leap.day);
	}
	tap_end("leap seconds");
	for (i = 0; i < N_OF(smears); i++) {
		if (!spec_parse_smear(smears[i].text, &smear, &error))
			tap_wrong("'%s' at %zu: %s", smears[i].text, error.at, error.why);
		else if (strcmp(smear.policy, smears[i].policy))
			tap_wrong("'%s' is '%s'", smears[i].text, smear.policy);
	}
	tap_end("smears");
}

/*
 * What is wrong, and where: the caret is the third member, from the first
 * character that cannot be right, and the fourth says how many.
 */

struct bad {
	const char *text;
	size_t at, len;
	const char *why;	/* a part of it */
};

typedef bool (*parser)(const char *text, struct spec_error *error);

static bool as_duration(const char *text, struct spec_error *error)
{
	int64_t ns;

	return spec_parse_duration(text, &ns, error);
}

static bool as_time(const char *text, struct spec_error *error)
{
	struct spec_time time;

	return spec_parse_time(text, &time, error);
}

static bool as_date(const char *text, struct spec_error *error)
{
	int64_t day;

	return spec_parse_date(text, &day, error);
}

static bool as_ppm(const char *text, struct spec_error *error)
{
	int64_t ppm;

	return spec_parse_ppm(text, &ppm, error);
}

static bool as_rate(const char *text, struct spec_error *error)
{
	struct spec_rate rate;

	return spec_parse_rate(text, &rate, error);
}

static bool as_leap(const char *text, struct spec_error *error)
{
	struct spec_leap leap;

	return spec_parse_leap(text, &leap, error);
}

static bool as_smear(const char *text, struct spec_error *error)
{
	struct spec_smear smear;

	return spec_parse_smear(text, &smear, error);
}

static bool as_number(const char *text, struct spec_error *error)
{
	int64_t number;

	return spec_parse_number(text, 0, 100000, &number, error);
}

static void refused(const char *name, parser parse, const struct bad *bad, size_t n)
{
	struct spec_error error;
	size_t i;

	for (i = 0; i < n; i++) {
		if (parse(bad[i].text, &error))
			tap_wrong("'%s' is accepted", bad[i].text);
		else if (error.at != bad[i].at || error.len != bad[i].len)
			tap_wrong("'%s': %zu+%zu, not %zu+%zu: %s", bad[i].text, error.at, error.len,
				  bad[i].at, bad[i].len, error.why);
		else if (!strstr(error.why, bad[i].why))
			tap_wrong("'%s': '%s' is not in '%s'", bad[i].text, bad[i].why, error.why);
	}
	tap_end(name);
}

static void bad_texts(void)
{
	static const struct bad durations[] = {
		{ "", 0, 0, "ends" },
		{ "-", 1, 0, "ends" },
		{ "--1", 1, 1, "a number" },
		{ " 1", 0, 1, "a number" },
		{ "1 ", 1, 1, "a unit" },
		{ "s", 0, 1, "a number" },
		{ "90x", 2, 1, "not a unit" },
		{ "1d1y", 2, 2, "smaller unit" },
		{ "1Y", 1, 1, "not a unit" },
		{ "90seconds", 2, 7, "not a unit" },
		{ "1h30", 4, 0, "a unit" },
		{ "1h 30m", 2, 1, "a number" },
		{ "30m1h", 3, 2, "smaller unit" },
		{ "1h2h", 2, 2, "smaller unit" },
		{ "1.", 2, 0, "a digit" },
		{ "1.h", 2, 1, "a digit" },
		{ ".5", 0, 1, "a number" },
		{ "1e3", 1, 1, "not a unit" },
		{ "0x10", 1, 1, "not a unit" },
		{ "1.5ns", 0, 5, "whole number of nanoseconds" },
		{ "0.0001us", 0, 8, "whole number of nanoseconds" },
		{ "0.000000000000001653439153439154w", 20, 12, "finer" },
		{ "0.0000000000000001w", 0, 19, "whole number" },
		{ "9223372036.854775808", 0, 20, "292 years" },
		{ "922337203685477580s", 0, 19, "292 years" },
		{ "9223372036854775807s", 0, 19, "too large" },
		{ "106751d23h47m16.854775808s", 0, 26, "292 years" },
		{ "99999999999999999999999999", 0, 26, "too large" },
		{ "1s99999999999999999999ns", 2, 20, "too large" },
		{ "9223372036854775808ns", 0, 19, "too large" },
	};
	static const struct bad times[] = {
		{ "", 0, 0, "not a time" },
		{ "lately", 0, 6, "not a time" },
		{ "Tomorrow", 0, 8, "not a time" },
		{ "tomorrows", 0, 9, "not a time" },
		{ "tomorrow2", 0, 9, "not a time" },
		{ "tomorrowT", 0, 9, "not a time" },
		{ "tomorrow+1h", 8, 1, "'T' or a space" },
		{ "tomorrow 24:00", 9, 2, "outside 00..23" },
		{ "today 12:00 noon", 11, 5, "not part of a time" },
		{ "+293y", 1, 4, "292 years" },
		{ "2026", 4, 0, "'-'" },
		{ "2026-1-1", 5, 1, "has 2 digits" },
		{ "2026-13-01", 5, 2, "outside 01..12" },
		{ "2026-00-01", 5, 2, "outside 01..12" },
		{ "2026-01-32", 8, 2, "outside 01..31" },
		{ "2026-01-00", 8, 2, "outside 01..31" },
		{ "2026-02-29", 0, 10, "28 days only" },
		{ "2024-02-30", 0, 10, "29 days only" },
		{ "2100-02-29", 0, 10, "28 days only" },
		{ "2026-06-31", 0, 10, "30 days only" },
		{ "2026/12/31", 4, 1, "'-'" },
		{ "2026-12-31x", 10, 1, "'T' or a space" },
		{ "2026-12-31T", 11, 0, "the hour" },
		{ "2026-12-31T24:00:00", 11, 2, "outside 00..23" },
		{ "2026-12-31T23", 13, 0, "':'" },
		{ "2026-12-31T23:60:00", 14, 2, "outside 00..59" },
		{ "2026-12-31T23:59:60Z", 17, 2, "no second 60" },
		{ "2026-12-31T23:59:61Z", 17, 2, "outside 00..59" },
		{ "2026-12-31T23:59:5", 17, 1, "has 2 digits" },
		{ "2026-12-31T23:59:40.", 20, 0, "a digit" },
		{ "2026-12-31T23:59:40.1234567891Z", 29, 1, "finer than a nanosecond" },
		{ "2026-12-31T23:59:40ZZ", 20, 1, "not part of a time" },
		{ "2026-12-31T23:59:40 UTC", 19, 4, "not part of a time" },
		{ "2026-12-31T23:59:40+24:00", 20, 2, "outside 00..23" },
		{ "2026-12-31T23:59:40+05:60", 23, 2, "outside 00..59" },
		{ "2026-12-31T23:59:40+0560", 22, 2, "outside 00..59" },
		{ "2026-12-31T23:59:40+5", 20, 1, "has 2 digits" },
		{ "1969-12-31", 0, 4, "outside 1970..2232" },
		{ "1970-01-01T00:00+01:00", 0, 22, "can be set" },
		{ "2232-04-18T23:47:16Z", 0, 20, "can be set" },
		{ "2233-01-01", 0, 4, "outside 1970..2232" },
		{ "20261231", 0, 8, "written as @SECONDS" },
		{ "1798761580", 0, 10, "written as @SECONDS" },
		{ "@", 1, 0, "a digit" },
		{ "@-1", 1, 1, "a digit" },
		{ "@1.", 3, 0, "a digit" },
		{ "@1s", 2, 1, "not part of a number" },
		{ "@8277292036", 1, 10, "up to" },
		{ "@99999999999999999999", 1, 20, "too large" },
		{ "@1.0000000001", 12, 1, "finer" },
		{ "+", 1, 0, "a number" },
		{ "+90q", 3, 1, "not a unit" },
		{ "leap20s", 0, 7, "not a time" },
		{ "leap:20s", 4, 1, "'+' or '-'" },
		{ "leap-", 5, 0, "a number" },
		{ "leap-20q", 7, 1, "not a unit" },
		{ "nowadays", 0, 8, "not a time" },
		{ "now+1s", 3, 3, "not part of a time" },
	};
	static const struct bad dates[] = {
		{ "", 0, 0, "the year" },
		{ "2026-12-3", 8, 1, "has 2 digits" },
		{ "2026-12-31T00:00", 10, 6, "not part of a date" },
		{ "2026-12-31 ", 10, 1, "not part of a date" },
		{ "2026-02-29", 0, 10, "28 days only" },
		/* Nothing but a date is taken here, so @SECONDS would be of no help. */
		{ "20261231", 0, 8, "the year has 4 digits" },
		{ "@0", 0, 1, "the year is expected" },
		{ "1969-12-31", 0, 4, "outside 1970..2232" },
		{ "2233-01-01", 0, 4, "outside 1970..2232" },
	};
	static const struct bad ppms[] = {
		{ "", 0, 0, "ends" },
		{ "-", 1, 0, "ends" },
		{ "+-1", 1, 1, "a digit" },
		{ "1.", 2, 0, "a digit" },
		{ "1e3", 1, 2, "not part" },
		{ "1,5", 1, 2, "not part" },
		{ "100000.0000001", 0, 14, "outside -100000..100000" },
		{ "-100001", 0, 7, "outside -100000..100000" },
		{ "9999999999999999999", 0, 19, "too large" },
		{ "0.0000000000000000001", 20, 1, "finer" },
	};
	static const struct bad rates[] = {
		{ "", 0, 0, "ends" },
		{ "0", 0, 1, "outside 1/1000..2000" },
		{ "-1", 0, 1, "a digit" },
		{ "2001", 0, 4, "outside" },
		{ "2000.000000001", 0, 14, "outside" },
		{ "0.000999999", 0, 11, "outside" },
		{ "2000.5", 0, 6, "outside" },
		{ "0.0001", 0, 6, "outside" },
		{ "1/1001", 0, 6, "outside" },
		{ "2001/1", 0, 6, "outside" },
		{ "1/0", 2, 1, "zero" },
		{ "1/", 2, 0, "a digit" },
		{ "/2", 0, 1, "a digit" },
		{ "1/2/3", 3, 2, "not part" },
		{ "1.5/2", 3, 2, "not part" },
		{ "1/2.5", 3, 2, "not part" },
		{ "2x", 1, 1, "not part" },
		{ "x", 0, 1, "a digit" },
		{ " 1", 0, 1, "a digit" },
		{ "1.", 2, 0, "a digit" },
		{ ".5", 0, 1, "a digit" },
		{ "99999999999999999999", 0, 20, "too large" },
		{ "4000000001/4000000000", 0, 21, "too fine" },
		{ "0.0010000001", 11, 1, "finer" },
		{ "1.000000001", 0, 11, "too fine" },
		{ "1000000001/1000000000", 0, 21, "too fine" },
		{ "1999.999999999", 0, 14, "too fine" },
		{ "9999999999.5", 0, 12, "outside" },
		{ "9223372036854775807", 0, 19, "too large" },
		{ "999999999999999999.5", 0, 20, "outside" },
		{ "9999999999999999999/1", 0, 19, "too large" },
	};
	static const struct bad leaps[] = {
		{ "", 0, 0, "not a leap second" },
		{ "add", 0, 3, "not a leap second" },
		{ "inserted", 0, 8, "not a leap second" },
		{ "INSERT@2026-12-31", 0, 6, "not a leap second" },
		{ "insert@", 7, 0, "the year" },
		{ "insert 2026-12-31", 6, 11, "not part" },
		{ "insert@2026-02-29", 7, 10, "28 days" },
		{ "insert@20261231", 7, 8, "the year has 4 digits" },
		{ "insert@2026-12-31T00:00", 17, 6, "not part of a date" },
		{ "insert@@2026-12-31", 7, 1, "the year" },
		{ "insert@tomorrow 12:00", 15, 6, "not part of a date" },
		{ "insert@tomorrowT12:00", 15, 6, "not part of a date" },
		{ "none@2026-12-31", 4, 11, "not part" },
	};
	static const struct bad smears[] = {
		{ "", 0, 0, "ends" },
		{ "googel", 0, 6, "google" },
		{ "googl", 0, 5, "google" },
		{ "google2", 0, 7, "google" },
		{ "google ", 6, 1, "not part" },
		{ "linear", 0, 6, "SHAPE:WINDOW:PLACE" },
		{ "google:1000:before", 0, 6, "a shape" },
		{ "lin:1000:after", 0, 3, "a shape" },
		{ ":1000:after", 0, 1, "a shape" },
		{ "linear:1000:center", 12, 6, "a place" },
		{ "linear:1000:after:x", 17, 2, "not part" },
		{ "linear:1000:after ", 17, 1, "not part" },
		{ "linear:99999999999999999999999999999999999999:after", 7, 38, "too large" },
		{ "linear:", 7, 0, "a window" },
		{ "linear::before", 7, 1, "a window" },
		{ "linear:1000", 11, 0, "':'" },
		{ "linear:1000:", 12, 0, "a place" },
		{ "linear:1000:centered", 12, 8, "a place" },
		{ "linear:1000:beforehand", 12, 10, "a place" },
		{ "linear:1000:before:", 18, 1, "not part" },
		{ "linear:127:before", 7, 3, "outside 128s..604800s" },
		{ "linear:604801:before", 7, 6, "outside 128s..604800s" },
		{ "linear:-1000:before", 7, 5, "outside" },
		{ "linear:128.5:before", 7, 5, "whole number of seconds" },
		{ "linear:10q:before", 9, 1, "not a unit" },
		{ "linear:99999999999999999999:before", 7, 20, "too large" },
		{ "linear:0000000000000000000000000000000000000000000000000000000000001000:before",
		  7, 64, "too long" },
		{ "step:1", 4, 2, "not part" },
	};
	static const struct bad numbers[] = {
		{ "", 0, 0, "ends" },
		{ "-1", 0, 2, "outside 0..100000" },
		{ "100001", 0, 6, "outside 0..100000" },
		{ "37s", 2, 1, "not part" },
		{ "1x", 1, 1, "not part" },
		{ "+37", 0, 1, "a digit" },
		{ "0x25", 1, 3, "not part" },
		{ "99999999999999999999", 0, 20, "too large" },
	};

	refused("errors: durations", as_duration, durations, N_OF(durations));
	refused("errors: times", as_time, times, N_OF(times));
	refused("errors: dates", as_date, dates, N_OF(dates));
	refused("errors: ppm", as_ppm, ppms, N_OF(ppms));
	refused("errors: rates", as_rate, rates, N_OF(rates));
	refused("errors: leap seconds", as_leap, leaps, N_OF(leaps));
	refused("errors: smears", as_smear, smears, N_OF(smears));
	refused("errors: numbers", as_number, numbers, N_OF(numbers));
}

static void carets(void)
{
	static const struct {
		const char *text;
		size_t at, len;
		const char *lines;
	} tests[] = {
		{ "2026-13-01", 5, 2, "  2026-13-01\n       ^~\n" },
		{ "1h30", 4, 0, "  1h30\n      ^\n" },
		{ "", 0, 0, "  \x0a  ^\n" },
		{ "x", 0, 1, "  x\n  ^\n" },
		/* What is no column of a terminal is written out, and counted so. */
		{ "1\t2x", 3, 1, "  1\\x092x\n        ^\n" },
		{ "90\xc2\xb5s", 2, 2, "  90\\xc2\\xb5s\n    ^~~~~~~~\n" },
	};
	char buf[128];
	size_t i, n;

	for (i = 0; i < N_OF(tests); i++) {
		struct spec_error error = { .at = tests[i].at, .len = tests[i].len };

		n = spec_point(buf, sizeof(buf), tests[i].text, &error);
		if (strcmp(buf, tests[i].lines) || n != strlen(tests[i].lines))
			tap_wrong("'%s':\n%s", tests[i].text, buf);
		/* Cut off, but never beyond the end, and with the same length told. */
		for (n = 0; n < 8; n++) {
			char *small = malloc(n + 1);

			if (spec_point(small, n, tests[i].text, &error) != strlen(tests[i].lines))
				tap_wrong("'%s' with %zu bytes", tests[i].text, n);
			if (n && strlen(small) != n - 1 && strlen(small) != strlen(tests[i].lines))
				tap_wrong("'%s' is not filled up to %zu bytes", tests[i].text, n);
			free(small);
		}
	}
	tap_end("the caret");
}

/*
 * Calendar
 */

static void calendar(void)
{
	int64_t day, year = 1970, y;
	int month = 1, mday = 1, m, d;
	char text[SPEC_TEXT];

	/* Counted day by day, by the rule of the calendar alone. */
	for (day = 0; day < 100000; day++) {
		static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
		bool leap = (year % 4 == 0 && year % 100) || year % 400 == 0;

		spec_day_to_date(day, &y, &m, &d);
		if (y != year || m != month || d != mday ||
		    spec_date_to_day(year, month, mday) != day || spec_leap_year(year) != leap) {
			tap_wrong("day %" PRId64 " is %" PRId64 "-%d-%d", day, y, m, d);
			break;
		}
		if (++mday > days[month - 1] + (month == 2 && leap)) {
			mday = 1;
			if (++month > 12) {
				month = 1;
				year++;
			}
		}
	}
	if (strcmp(spec_format_date(text, -1), "1969-12-31") ||
	    strcmp(spec_format_date(text, -719162), "0001-01-01"))
		tap_wrong("before 1970: %s", text);
	if (spec_day_of(-1) != -1 || spec_day_of(0) || spec_day_of(86400 * S - 1) ||
	    spec_day_of(86400 * S) != 1 || spec_day_of(-86400 * S) != -1)
		tap_wrong("the day of a time");
	tap_end("calendar");
}

static void next_leap(void)
{
	/* From `date -u -d "..." +%s`, in days. */
	static const struct {
		int64_t sec, day;
	} tests[] = {
		{ 0, 180 },			/* 1970-01-01 -> 06-30 */
		{ 1798761599, 20818 },		/* 2026-12-31T23:59:59 -> that day */
		{ 1798761600, 20999 },		/* 2027-01-01 -> 2027-06-30 */
		{ 1782863999, 20634 },		/* 2026-06-30T23:59:59 -> that day */
		{ 1782864000, 20818 },		/* 2026-07-01 -> 2026-12-31 */
		{ 1709164800, 19904 },		/* 2024-02-29 -> 2024-06-30 */
		{ 1795478400, 20818 },		/* 2026-11-24 -> 2026-12-31 */
		{ 1814313600, 20999 },		/* 2027-06-30 -> that day */
		{ 1814400000, 21183 },		/* 2027-07-01 -> 2027-12-31 */
	};
	size_t i;

	for (i = 0; i < N_OF(tests); i++) {
		int64_t day = spec_next_leap_day(tests[i].sec * S);

		if (day != tests[i].day)
			tap_wrong("after %" PRId64 ": day %" PRId64 ", not %" PRId64, tests[i].sec, day,
				  tests[i].day);
	}
	tap_end("the next leap second");
}

/*
 * Round trips
 */

static uint64_t seed;

static uint64_t draw(void)
{
	/* splitmix64 */
	uint64_t z = (seed += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* Numbers of every size, not just large ones. */
static int64_t draw_sized(void)
{
	return draw() >> (1 + draw() % 63);
}

static void round_trips(void)
{
	struct spec_error error;
	struct spec_time time;
	struct spec_rate rate, again;
	char text[SPEC_TEXT];
	int64_t ns, back;
	int i;

	for (i = 0; i < 200000; i++) {
		ns = draw_sized() * (draw() % 2 ? 1 : -1);
		spec_format_duration(text, ns);
		if (!spec_parse_duration(text, &back, &error) || back != ns) {
			tap_wrong("duration %" PRId64 ": '%s'", ns, text);
			break;
		}
		spec_format_seconds(text, ns);
		if (!spec_parse_duration(text, &back, &error) || back != ns) {
			tap_wrong("seconds %" PRId64 ": '%s'", ns, text);
			break;
		}
	}
	if (strcmp(spec_format_duration(text, 0), "+0s") ||
	    strcmp(spec_format_duration(text, -90061500000000), "-1d1h1m1.5s") ||
	    strcmp(spec_format_duration(text, 3600 * S), "+1h") ||
	    strcmp(spec_format_seconds(text, -1), "-0.000000001"))
		tap_wrong("%s", text);
	/* Its magnitude is more than that of any other number. */
	spec_format_duration(text, INT64_MIN);
	tap_end("round trip of durations");

	for (i = 0; i < 200000; i++) {
		ns = draw_sized() % ((SPEC_SEC_MAX + 1) * S);
		spec_format_time(text, ns);
		if (!spec_parse_time(text, &time, &error) || time.when != SPEC_ABSOLUTE ||
		    time.ns != ns) {
			tap_wrong("time %" PRId64 ": '%s'", ns, text);
			break;
		}
	}
	spec_format_time(text, -1);
	if (strcmp(text, "1969-12-31T23:59:59.999999999Z"))
		tap_wrong("%s", text);
	spec_format_time(text, INT64_MIN);
	spec_format_time(text, INT64_MAX);
	tap_end("round trip of times");

	for (i = 0; i < 200000; i++) {
		int64_t ppm = draw_sized() % (SPEC_PPM_MAX + 1) * (draw() % 2 ? 1 : -1);

		spec_format_ppm(text, ppm);
		if (!spec_parse_ppm(text, &back, &error) || back != ppm) {
			tap_wrong("ppm %" PRId64 ": '%s'", ppm, text);
			break;
		}
	}
	if (strcmp(spec_format_ppm(text, 6554), "+0.1") ||
	    strcmp(spec_format_ppm(text, -819200), "-12.5") ||
	    strcmp(spec_format_ppm(text, 0), "+0") || strcmp(spec_format_ppm(text, 1), "+0.00002"))
		tap_wrong("%s", text);
	tap_end("round trip of ppm");

	for (i = 0; i < 200000; i++) {
		snprintf(text, sizeof(text), "%" PRIu64 "/%" PRIu64, draw() % 1000000 + 1,
			 draw() % 1000 + 1);
		if (!spec_parse_rate(text, &rate, &error))
			continue;
		spec_format_rate(text, rate);
		if (!spec_parse_rate(text, &again, &error) || again.num != rate.num ||
		    again.den != rate.den) {
			tap_wrong("rate '%s'", text);
			break;
		}
	}
	tap_end("round trip of rates");
}

/* date(1) has its own calendar. */
static void against_date(void)
{
	enum { N = 3000 };
	static int64_t ours[N];
	char name[] = "/tmp/tkns-dates.XXXXXX", command[128], line[64];
	int fd = mkstemp(name), i;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file) {
		tap_wrong("no temporary file");
		tap_end("against date");
		return;
	}
	for (i = 0; i < N; i++) {
		struct spec_error error;
		struct spec_time time;
		char text[64];

		snprintf(text, sizeof(text), "%04d-%02d-%02d%c%02d:%02d:%02d%c%02d:%02d",
			 (int)(1971 + draw() % 260), (int)(1 + draw() % 12), (int)(1 + draw() % 28),
			 draw() % 2 ? 'T' : ' ', (int)(draw() % 24), (int)(draw() % 60),
			 (int)(draw() % 60), draw() % 2 ? '+' : '-', (int)(draw() % 24),
			 (int)(draw() % 60));
		if (!spec_parse_time(text, &time, &error)) {
			tap_wrong("'%s': %s", text, error.why);
			time.ns = -1;
		}
		ours[i] = time.ns;
		fprintf(file, "%s\n", text);
	}
	fclose(file);
	snprintf(command, sizeof(command), "date -u -f %s +%%s", name);
	file = popen(command, "r");
	for (i = 0; i < N; i++) {
		if (!file || !fgets(line, sizeof(line), file)) {
			tap_wrong("date wrote %d lines", i);
			break;
		}
		if (atoll(line) * S != ours[i]) {
			tap_wrong("line %d of %s: %" PRId64 ", not %s", i + 1, name, ours[i] / S, line);
			break;
		}
	}
	if (file)
		pclose(file);
	if (!tap_bad)
		unlink(name);
	tap_end("3000 random dates against date(1)");
}

int main(void)
{
	seed = 20261224;
	good_durations();
	good_times();
	good_numbers();
	good_leaps();
	bad_texts();
	carets();
	calendar();
	next_leap();
	round_trips();
	against_date();
	return tap_done();
}
