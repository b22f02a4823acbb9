// SPDX-License-Identifier: GPL-2.0
/*
 * What 'tkns rehearse' takes and what it refuses, and at which place of the text; and what it makes
 * of a smear. Prints TAP.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <string.h>

#include "../rehearse_args.h"
#include "tap.h"

/* 2026-11-29 */
#define TODAY	20786

#define SEC	NSEC_PER_SEC
#define DAY	(SECS_PER_DAY * SEC)

/* The place is that of the first character that cannot be right, and how many there are. */
struct bad {
	const char *text;
	size_t at, len;
	const char *why;	/* a part of it */
};

static void refused(const char *what, bool accepted, const struct bad *bad,
		    const struct spec_error *error)
{
	char name[128];

	if (accepted)
		tap_wrong("it is accepted");
	else if (error->at != bad->at || error->len != bad->len || !strstr(error->why, bad->why))
		tap_wrong("%zu+%zu, not %zu+%zu: '%s'", error->at, error->len, bad->at, bad->len,
			  error->why);
	snprintf(name, sizeof(name), "%s '%s'", what, bad->text);
	tap_end(name);
}

static void taken(const char *what, const char *text, bool accepted, bool equal,
		  const struct spec_error *error)
{
	char name[128];

	if (!accepted)
		tap_wrong("at %zu: %s", error->at, error->why);
	else if (!equal)
		tap_wrong("it is something else");
	snprintf(name, sizeof(name), "%s '%s'", what, text);
	tap_end(name);
}

static void test_durations(void)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{ "1", SEC }, { "90s", 90 * SEC }, { "1.5", 1500000000 }, { "0.000000001", 1 },
		{ "10m", 600 * SEC }, { "2h", 7200 * SEC }, { "1.5d", 129600 * SEC },
		{ "250ms", SEC / 4 }, { "30d", 30 * DAY }, { "0.5ms", 500000 },
		{ "1h30m", 5400 * SEC }, { "4w2d", 30 * DAY }, { "7us", 7000 }, { "1ns", 1 },
		{ "29d23h59m60s", 30 * DAY },
	};
	static const struct bad bad[] = {
		{ "", 0, 0, "ends" },
		{ "0", 0, 1, "no time at all" },
		{ "0.0", 0, 3, "no time at all" },
		{ "0h0m", 0, 4, "no time at all" },
		{ "-1", 0, 1, "no sign" },
		{ "+1", 0, 1, "no sign" },
		{ "-0", 0, 1, "no sign" },
		{ "-31d", 0, 1, "no sign" },
		{ "-", 1, 0, "a number" },
		{ "-1x", 2, 1, "not a unit" },
		{ " 1", 0, 1, "a number" },
		{ "1 ", 1, 1, "a unit" },
		{ "1.", 2, 0, "a digit" },
		{ ".5", 0, 1, "a number" },
		{ "1x", 1, 1, "not a unit" },
		{ "1e3", 1, 1, "not a unit" },
		{ "0x10", 1, 1, "not a unit" },
		{ "1.0000000001", 0, 12, "whole number of nanoseconds" },
		{ "31d", 0, 3, "longer than 30 days" },
		{ "30d1ns", 0, 6, "longer than 30 days" },
		{ "5w", 0, 2, "longer than 30 days" },
		{ "1mm", 1, 2, "not a unit" },
		{ "99999999999999999999", 0, 20, "too large" },
		{ "m", 0, 1, "a number" },
		{ "1.5.5", 3, 1, "a unit" },
		{ "30m1h", 3, 2, "smaller unit" },
	};
	struct spec_error error;
	int64_t ns;
	size_t i;

	for (i = 0; i < N_OF(good); i++) {
		bool accepted = rh_parse_duration(good[i].text, &ns, &error);

		taken("duration", good[i].text, accepted, ns == good[i].ns, &error);
	}
	for (i = 0; i < N_OF(bad); i++)
		refused("no duration", rh_parse_duration(bad[i].text, &ns, &error), &bad[i], &error);
}

static void test_graces(void)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{ "0", 0 }, { "0s", 0 }, { "250ms", 250000000 }, { "1d", 86400 * NSEC_PER_SEC },
	};
	static const struct bad bad[] = {
		{ "", 0, 0, "ends" },
		{ "-1s", 0, 1, "has no sign" },
		{ "+1s", 0, 1, "has no sign" },
		{ "1d1ns", 0, 5, "longer than a day" },
		{ "soon", 0, 1, "a number" },
	};
	struct spec_error error;
	int64_t ns = -1;
	size_t i;

	for (i = 0; i < N_OF(good); i++) {
		bool accepted = rh_parse_grace(good[i].text, &ns, &error);

		taken("grace", good[i].text, accepted, ns == good[i].ns, &error);
	}
	for (i = 0; i < N_OF(bad); i++)
		refused("no grace", rh_parse_grace(bad[i].text, &ns, &error), &bad[i], &error);
}

static void test_dates(void)
{
	static const struct {
		const char *text;
		int64_t day;
	} good[] = {
		{ "2026-12-31", 1798761600 / 86400 - 1 }, { "2024-02-29", 19782 },
		{ "today", TODAY }, { "tomorrow", TODAY + 1 }, { "yesterday", TODAY - 1 },
		{ "2000-02-29", 11016 }, { "1972-01-01", 730 }, { "2200-12-31", 84370 },
	};
	static const struct bad bad[] = {
		{ "", 0, 0, "the year" },
		{ "2026-13-01", 5, 2, "outside 01..12" },
		{ "2026-00-10", 5, 2, "outside 01..12" },
		{ "2026-02-29", 0, 10, "28 days only" },
		{ "2100-02-29", 0, 10, "28 days only" },
		{ "2026-06-31", 0, 10, "30 days only" },
		{ "2026-06-00", 8, 2, "outside 01..31" },
		{ "2026-6-30", 5, 1, "has 2 digits" },
		{ "26-06-30", 0, 2, "has 4 digits" },
		{ "2026-06-30 ", 10, 1, "not part of a date" },
		{ "tomorrow 12:00", 8, 6, "not part of a date" },
		{ "someday", 0, 1, "the year is expected" },
		{ "2026/06/30", 4, 1, "'-'" },
		{ "1971-12-31", 0, 4, "outside 1972..2200" },
		{ "2201-01-01", 0, 4, "outside 1972..2200" },
	};
	struct spec_error error;
	char text[SPEC_TEXT] = "";
	int64_t day, d;
	size_t i;

	for (i = 0; i < N_OF(good); i++) {
		bool accepted = rh_parse_date(good[i].text, TODAY, &day, &error);

		taken("date", good[i].text, accepted, day == good[i].day, &error);
	}
	for (i = 0; i < N_OF(bad); i++)
		refused("no date", rh_parse_date(bad[i].text, TODAY, &day, &error), &bad[i], &error);
	for (d = 730; d <= 84370; d++) {
		if (rh_parse_date(spec_format_date(text, d), TODAY, &day, &error) && day == d)
			continue;
		tap_wrong("day %" PRId64 " is written '%s'", d, text);
		break;
	}
	tap_end("every day there and back");
}

static void test_leaps(void)
{
	static const struct {
		const char *text;
		struct spec_leap leap;
	} good[] = {
		{ "insert", { SPEC_LEAP_INSERT, false, false, 0 } },
		{ "delete", { SPEC_LEAP_DELETE, false, false, 0 } },
		{ "insert@2026-12-31", { SPEC_LEAP_INSERT, true, false, 20818 } },
		{ "delete@1972-06-30", { SPEC_LEAP_DELETE, true, false, 911 } },
		{ "insert@tomorrow", { SPEC_LEAP_INSERT, true, false, TODAY + 1 } },
	};
	static const struct bad bad[] = {
		{ "", 0, 0, "not a leap second" },
		{ "inserted", 0, 8, "not a leap second" },
		{ "none", 0, 4, "nothing to rehearse" },
		{ "insert@", 7, 0, "the year" },
		{ "insert@1971-12-31", 7, 4, "outside 1972..2200" },
		{ "delete@2201-06-30", 7, 4, "outside 1972..2200" },
		{ "delete@2026-06-31", 7, 10, "30 days only" },
		{ "insert@2026-12-31x", 17, 1, "not part of a date" },
	};
	struct spec_error error;
	struct spec_leap leap;
	size_t i;

	for (i = 0; i < N_OF(good); i++) {
		bool accepted = rh_parse_leap(good[i].text, TODAY, &leap, &error);

		taken("leap second", good[i].text, accepted,
		      leap.kind == good[i].leap.kind && !leap.relative &&
		      leap.dated == good[i].leap.dated &&
		      leap.day == good[i].leap.day, &error);
	}
	for (i = 0; i < N_OF(bad); i++)
		refused("no leap second", rh_parse_leap(bad[i].text, TODAY, &leap, &error), &bad[i], &error);
}

static void test_plans(void)
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
		{ "aws", 1, RH_LINEAR, -43199, 43200, "smear aws" },
		{ "utc-sls", -1, RH_LINEAR, -999, 1, "smear utc-sls" },
		{ "utc-sls", 1, RH_LINEAR, -1000, 0, "smear utc-sls" },
		{ "ntpd", -1, RH_COSINE, -86400, 0, "smear ntpd" },
		{ "meta", 1, RH_QUADRATIC, 0, 62500, "smear meta" },
		{ "linear:1000:before", -1, RH_LINEAR, -1000, 0, "smear linear 1000 before" },
		{ "cosine:2h:centred", -1, RH_COSINE, -3600, 3600, "smear cosine 7200 centred" },
		/* The kernel counts whole seconds from the edge, and so does it in its tests. */
		{ "linear:1001:centred", -1, RH_LINEAR, -500, 501, "smear linear 1001 centred" },
		{ "quadratic:7d:after", 1, RH_QUADRATIC, 0, 604800, "smear quadratic 604800 after" },
		{ "linear:128:after", 1, RH_LINEAR, 0, 128, "smear linear 128 after" },
		{ "step", -1, RH_STEP, 0, 0, "step" },
	};
	static const char * const bad[] = {
		"", "smear", "smear ", "smear googel", "google", "smear step", "smear google 1000",
		"smear linear", "smear linear 1000", "smear linear 1000 before 1",
		"smear linear 1000 befor", "smear lin 1000 before", "smear linear x before",
		"smear linear 127 before", "smear linear 604801 before",
		"smear linear 1000 centredcentredcentred", "step 1",
	};
	struct spec_smear smear;
	struct spec_error error;
	char name[128];
	size_t i;

	for (i = 0; i < N_OF(good); i++) {
		/* What was there before must not stay. */
		struct rh_plan plan = { .shape = RH_COSINE, .step = good[i].step, .from = 1, .to = 2 };
		bool accepted = spec_parse_smear(good[i].text, &smear, &error);

		taken("smear", good[i].text, accepted,
		      accepted && rh_parse_plan(smear.policy, &plan) && plan.shape == good[i].shape &&
		      plan.from == good[i].from * SEC && plan.to == good[i].to * SEC &&
		      !strcmp(smear.policy, good[i].policy), &error);
	}
	for (i = 0; i < N_OF(bad); i++) {
		struct rh_plan plan = { .step = -1 };

		if (rh_parse_plan(bad[i], &plan))
			tap_wrong("it is accepted");
		snprintf(name, sizeof(name), "no plan for '%s'", bad[i]);
		tap_end(name);
	}
}

int main(void)
{
	test_durations();
	test_graces();
	test_dates();
	test_leaps();
	test_plans();
	return tap_done();
}
