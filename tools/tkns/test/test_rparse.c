// SPDX-License-Identifier: GPL-2.0
/*
 * What rparse.c takes and what it refuses. Prints TAP.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../rparse.h"

#define SEC	RH_NSEC_PER_SEC

static unsigned int count, failed;

static void check(bool holds, const char *what, const char *text)
{
	failed += !holds;
	printf("%sok %u - %s '%s'\n", holds ? "" : "not ", ++count, what, text);
}

static void test_durations(void)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{ "1", SEC }, { "90s", 90 * SEC }, { "1.5", 1500000000 }, { "0.000000001", 1 },
		{ "10m", 600 * SEC }, { "2h", 7200 * SEC }, { "1.5d", 129600 * SEC },
		{ "250ms", SEC / 4 }, { "30d", 30 * 86400 * SEC }, { "0.5ms", 500000 },
	};
	static const char * const bad[] = {
		"", "0", "-1", "+1", " 1", "1 ", "1.", ".5", "1x", "1e3", "0x10", "1.0000000001",
		"31d", "1mm", "99999999999999999999", "0.0", "m", "1.5.5",
	};
	int64_t ns;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		check(!rp_duration(good[i].text, &ns) && ns == good[i].ns, "duration", good[i].text);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check(rp_duration(bad[i], &ns), "no duration", bad[i]);
}

static void test_rates(void)
{
	static const struct {
		const char *text;
		int64_t num, den;
	} good[] = {
		{ "1", 1, 1 }, { "1440", 1440, 1 }, { "2000", 2000, 1 }, { "0.5", 1, 2 },
		{ "1.25", 5, 4 }, { "6/4", 3, 2 }, { "1/1000", 1, 1000 }, { "0.001", 1, 1000 },
		{ "2000.000000", 2000, 1 }, { "1000001/1000000", 1000001, 1000000 },
	};
	static const char * const bad[] = {
		"", "0", "-1", "2001", "1/1001", "2000.5", "0.0001", "1/0", "/2", "1/", "1.", ".5",
		"1/2/3", "1.5/2", "x", "1x", " 1", "99999999999999999999", "1.0000000",
		"4000000001/4000000000",
	};
	int64_t num, den;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		check(!rp_rate(good[i].text, &num, &den) && num == good[i].num && den == good[i].den,
		      "rate", good[i].text);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check(rp_rate(bad[i], &num, &den), "no rate", bad[i]);
}

static void test_dates(void)
{
	static const char * const bad[] = {
		"", "2026-13-01", "2026-02-29", "2100-02-29", "2026-00-10", "2026-06-31", "2026-6-30",
		"26-06-30", "2026-06-30 ", "2026/06/30", "1971-12-31", "2201-01-01", "2026-06-00",
	};
	int64_t day, year, d;
	int month, mday;
	char text[32];
	size_t i;

	check(!rp_date("2026-12-31", &day) && (day + 1) * 86400 == 1798761600, "date", "2026-12-31");
	check(!rp_date("2024-02-29", &day) && day == 19782, "date", "2024-02-29");
	check(!rp_date("2000-02-29", &day) && day == 11016, "date", "2000-02-29");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check(rp_date(bad[i], &day), "no date", bad[i]);
	for (d = 730; d < 84000; d++) {
		rp_civil(d, &year, &month, &mday);
		snprintf(text, sizeof(text), "%04d-%02d-%02d", (int)year, month, mday);
		if (rp_date(text, &day) || day != d)
			break;
	}
	check(d == 84000, "every day there and back, to", text);
	check(rp_next_leap_day(rp_day(2026, 11, 24)) == rp_day(2026, 12, 31), "next after", "2026-11-24");
	check(rp_next_leap_day(rp_day(2026, 12, 31)) == rp_day(2026, 12, 31), "next after", "2026-12-31");
	check(rp_next_leap_day(rp_day(2027, 1, 1)) == rp_day(2027, 6, 30), "next after", "2027-01-01");
	check(rp_next_leap_day(rp_day(2027, 6, 30)) == rp_day(2027, 6, 30), "next after", "2027-06-30");
	check(rp_next_leap_day(rp_day(2027, 7, 1)) == rp_day(2027, 12, 31), "next after", "2027-07-01");
}

static void test_smears(void)
{
	static const struct {
		const char *text;
		int step;
		enum rh_shape shape;
		int64_t from, to;
		const char *policy;
	} good[] = {
		{ "google", -1, RH_LINEAR, -43200, 43201, "smear google" },
		{ "google", 1, RH_LINEAR, -43199, 43200, "smear google" },
		{ "aws", -1, RH_LINEAR, -43200, 43201, "smear aws" },
		{ "utc-sls", -1, RH_LINEAR, -999, 1, "smear utc-sls" },
		{ "utc-sls", 1, RH_LINEAR, -1000, 0, "smear utc-sls" },
		{ "ntpd", -1, RH_COSINE, -86400, 0, "smear ntpd" },
		{ "meta", 1, RH_QUADRATIC, 0, 62500, "smear meta" },
		{ "linear:1000:before", -1, RH_LINEAR, -1000, 0, "smear linear 1000 before" },
		{ "cosine:2h:centred", -1, RH_COSINE, -3600, 3600, "smear cosine 7200 centred" },
		{ "quadratic:7d:after", 1, RH_QUADRATIC, 0, 604800, "smear quadratic 604800 after" },
		{ "linear:128:after", 1, RH_LINEAR, 0, 128, "smear linear 128 after" },
	};
	static const char * const bad[] = {
		"", "googl", "google2", "step", "linear", "linear:1000", "linear::before",
		"linear:1000:", "linear:127:after", "linear:604801:after", "linear:128.5:after",
		"lin:1000:after", "linear:1000:center", "linear:1000:after:x", ":1000:after",
		"linear:99999999999999999999999999999999999999:after", "linear:1000:after ",
	};
	char policy[RP_POLICY];
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct rh_plan plan = { .step = good[i].step };

		check(!rp_smear(good[i].text, &plan, policy) && plan.shape == good[i].shape &&
		      plan.from == good[i].from * SEC && plan.to == good[i].to * SEC &&
		      !strcmp(policy, good[i].policy), "smear", good[i].text);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rh_plan plan = { .step = -1 };

		check(rp_smear(bad[i], &plan, policy), "no smear", bad[i]);
	}
}

int main(void)
{
	int64_t n;

	test_durations();
	test_rates();
	test_dates();
	test_smears();
	check(!rp_number("10", 10, 20, &n) && n == 10, "number", "10");
	check(rp_number("9", 10, 20, &n), "no number", "9");
	check(rp_number("21", 10, 20, &n), "no number", "21");
	check(rp_number("1x", 1, 20, &n), "no number", "1x");
	check(rp_number("", 0, 20, &n), "no number", "");
	printf("1..%u\n", count);
	return failed != 0;
}
