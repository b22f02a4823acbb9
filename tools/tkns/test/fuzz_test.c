// SPDX-License-Identifier: GPL-2.0
/*
 * The parsers on texts which nobody would write: good ones, changed at random.
 *
 * Whatever the text, a parser ends, stays within it, and either points at a
 * place in it or returns a value which is in range and is written and read back
 * as the same. The sanitizers see the rest.
 *
 * The texts follow from the seed alone: with the seed that was printed, and
 * enough seconds, a failure comes again. TKNS_FUZZ_SEED and TKNS_FUZZ_SECONDS
 * in the environment choose others.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <sanitizer/common_interface_defs.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../clock.h"
#include "../plan.h"
#include "../rehearse_args.h"
#include "../user_values.h"
#include "tap.h"

#define TEXT_MAX	600

/* 2026-11-29 */
#define TODAY		20786

static const char *const corpus[] = {
	"2026-12-31T23:59:40Z", "2024-02-29 12:00:00.123456789+05:30", "@1798761580.5", "+90m",
	"-2d3h", "tomorrow", "today 12:00", "yesterdayT23:59:40.5+05:30", "1y2w", "delete@tomorrow", "leap-20s", "leap+1.5s", "now", "1w2d3h4m5s6ms7us8ns", "1h30m", "250ms",
	"9223372036.854775807", "8277292035", "12.5", "-0.0000152587890625", "100000", "1/1000",
	"2000", "0.001", "6/4", "insert@2026-12-31", "delete", "none", "google", "step",
	"linear:1000:before", "cosine:2h:centred", "quadratic:17h:after", "37",
	"1m10s db2 drift -12.34", "0\tpodman:web\tstrobe\t-250ms", "30d 1 step 30d", "-5s..5s", "-100..0.01",
	"2200-12-31", "1972-01-01", "30d", "delete@1972-06-30", "smear linear 1001 centred",
	"state      own\nrealtime     98052679 205171895\nmonotonic           0         0\n"
	"boottime           -1 999999999\ntai          98052679 205171895\nfrequency           0\n"
	"rate              1/10\nleap       smear linear 1000 before\n"
	"smear      running 1798760600 1798761600 -500000000\n",
};

static const char *const tokens[] = {
	"99999999999999999999", "9223372036854775808", "18446744073709551616", "-", "+", ".", ":",
	"@", "/", "Z", "T", "leap", "today", "tomorrow", "y", "insert", "ns", "w", "0", "00000000000000000000", "60", "\xff",
	"\x80", " ", "\n", "\t", "e9", "0x", "-1", "smear", "rate", "own", "%s%n",
};

static uint64_t state;
static char current[TEXT_MAX];

static uint64_t draw(void)
{
	/* splitmix64 */
	uint64_t z = (state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* A sanitizer ends the program: on which text? */
static void last_words(void)
{
	const char *p;

	fprintf(stderr, "# the text was: ");
	for (p = current; *p; p++)
		fprintf(stderr, *p >= ' ' && *p < 0x7f ? "%c" : "\\x%02x", (unsigned char)*p);
	fputc('\n', stderr);
}

static void insert(size_t at, const char *what, size_t len)
{
	size_t have = strlen(current);

	if (have + len >= TEXT_MAX)
		return;
	memmove(current + at + len, current + at, have - at + 1);
	memcpy(current + at, what, len);
}

static void mutate(void)
{
	size_t len = strlen(current), at = draw() % (len + 1), n;
	const char *other;
	char piece[TEXT_MAX];

	switch (draw() % 7) {
	case 0:			/* another byte, never the end */
		if (at < len)
			current[at] = draw() % 255 + 1;
		break;
	case 1:			/* another digit */
		if (at < len)
			current[at] = '0' + draw() % 10;
		break;
	case 2:			/* a piece goes */
		n = at < len ? 1 + draw() % (len - at) : 0;
		memmove(current + at, current + at + n, len - at - n + 1);
		break;
	case 3:			/* a piece comes twice */
		n = at < len ? 1 + draw() % (len - at) : 0;
		memcpy(piece, current + at, n);
		insert(at, piece, n);
		break;
	case 4:			/* something which has a meaning */
		other = tokens[draw() % N_OF(tokens)];
		insert(at, other, strlen(other));
		break;
	case 5:			/* the end of another text */
		other = corpus[draw() % N_OF(corpus)];
		n = draw() % (strlen(other) + 1);
		current[at] = '\0';
		if (at + strlen(other + n) < TEXT_MAX)
			strcat(current, other + n);
		break;
	case 6:			/* cut off */
		current[at] = '\0';
		break;
	}
}

static void check_error(const char *what, const struct spec_error *error)
{
	size_t len = strlen(current), need;
	char *lines;

	if (error->at > len || error->len > len - error->at || !*error->why)
		tap_wrong("%s: points at %zu+%zu of %zu: '%s'", what, error->at, error->len, len,
			  error->why);
	/* Exactly as much memory as the sanitizers allow. */
	need = spec_point(NULL, 0, current, error) + 1;
	lines = malloc(need);
	if (spec_point(lines, need, current, error) != need - 1 || strlen(lines) != need - 1)
		tap_wrong("%s: the caret has another length", what);
	free(lines);
}

static void check_times(void)
{
	struct spec_time time, again;
	struct spec_error error;
	char text[SPEC_TEXT];
	int64_t ns, back;

	if (!spec_parse_duration(current, &ns, &error))
		check_error("duration", &error);
	else if (!spec_parse_duration(spec_format_duration(text, ns), &back, &error) || back != ns)
		tap_wrong("duration: %" PRId64 " is written '%s'", ns, text);

	if (!spec_parse_time(current, &time, &error)) {
		check_error("time", &error);
	} else if (time.when == SPEC_ABSOLUTE) {
		if (time.ns < 0 || time.ns / NSEC_PER_SEC > SPEC_SEC_MAX)
			tap_wrong("time: %" PRId64 " is out of range", time.ns);
		if (!spec_parse_time(spec_format_time(text, time.ns), &again, &error) ||
		    again.ns != time.ns)
			tap_wrong("time: %" PRId64 " is written '%s'", time.ns, text);
	} else if (time.when == SPEC_TODAY) {
		/* Yesterday or tomorrow, and the offset to UTC may be a day. */
		if (llabs(time.ns) > 3 * SECS_PER_DAY * NSEC_PER_SEC)
			tap_wrong("time: %" PRId64 " from today", time.ns);
	}
}

static void check_numbers(void)
{
	struct spec_rate rate, again;
	struct spec_error error;
	char text[SPEC_TEXT];
	int64_t value, back;

	if (!spec_parse_ppm(current, &value, &error)) {
		check_error("ppm", &error);
	} else {
		if (value > SPEC_PPM_MAX || value < -SPEC_PPM_MAX)
			tap_wrong("ppm: %" PRId64 " is out of range", value);
		if (!spec_parse_ppm(spec_format_ppm(text, value), &back, &error) || back != value)
			tap_wrong("ppm: %" PRId64 " is written '%s'", value, text);
	}

	if (!spec_parse_rate(current, &rate, &error)) {
		check_error("rate", &error);
	} else {
		if (!rate.num || !rate.den || rate.num > SPEC_RATE_PART || rate.den > SPEC_RATE_PART ||
		    rate.num > SPEC_RATE_MAX * rate.den || rate.den > SPEC_SLOW_MAX * rate.num)
			tap_wrong("rate: %" PRIu64 "/%" PRIu64, rate.num, rate.den);
		if (!spec_parse_rate(spec_format_rate(text, rate), &again, &error) ||
		    again.num != rate.num || again.den != rate.den)
			tap_wrong("rate: '%s'", text);
	}

	if (!spec_parse_number(current, 0, SPEC_TAI_MAX, &value, &error))
		check_error("number", &error);
	else if (value < 0 || value > SPEC_TAI_MAX)
		tap_wrong("number: %" PRId64, value);
}

static void check_leaps(void)
{
	struct spec_smear smear;
	struct spec_error error;
	struct spec_leap leap;

	if (!spec_parse_leap(current, &leap, &error))
		check_error("leap", &error);
	else if (leap.dated && (leap.relative ? leap.day < -1 || leap.day > 1 : leap.day < 0 || leap.day > 2233 * 366))
		tap_wrong("leap: day %" PRId64, leap.day);

	if (!spec_parse_smear(current, &smear, &error))
		check_error("smear", &error);
	else if (strcmp(smear.policy, "step") && strncmp(smear.policy, "smear ", 6))
		tap_wrong("smear: '%s'", smear.policy);
}

/* The limits and the plan of a rehearsal. */
static void check_rehearsal(void)
{
	struct rh_plan plan = { .step = current[0] % 2 ? 1 : -1 };
	struct spec_smear smear;
	struct spec_error error;
	struct spec_leap leap;
	char text[SPEC_TEXT];
	int64_t value, back;

	if (!rh_parse_duration(current, &value, &error))
		check_error("length", &error);
	else if (value <= 0 || value > 30 * SECS_PER_DAY * NSEC_PER_SEC)
		tap_wrong("length: %" PRId64 " is out of range", value);

	if (!rh_parse_grace(current, &value, &error))
		check_error("grace", &error);
	else if (value < 0 || value > SECS_PER_DAY * NSEC_PER_SEC)
		tap_wrong("grace: %" PRId64 " is out of range", value);

	if (!rh_parse_date(current, TODAY, &value, &error))
		check_error("date", &error);
	else if (value < 730 || value > 84370 ||
		 !spec_parse_date(spec_format_date(text, value), &back, &error) || back != value)
		tap_wrong("date: day %" PRId64, value);

	if (!rh_parse_leap(current, TODAY, &leap, &error))
		check_error("leap", &error);
	else if (leap.kind == SPEC_LEAP_NONE || leap.relative || (leap.dated && (leap.day < 730 || leap.day > 84370)))
		tap_wrong("leap: %d of day %" PRId64, leap.kind, leap.day);

	/* No policy which is taken is without a plan. The edge is in or at its window. */
	if (spec_parse_smear(current, &smear, &error) &&
	    (!rh_parse_plan(smear.policy, &plan) || plan.from > 0 || plan.to < 0 ||
	     (plan.shape == RH_STEP) != (plan.to == plan.from)))
		tap_wrong("smear: the plan for '%s'", smear.policy);
	/* And any other text is refused, or gives one as well. */
	plan.from = plan.to = 0;
	if (rh_parse_plan(current, &plan) && (plan.from > 0 || plan.to < 0))
		tap_wrong("plan: %" PRId64 "..%" PRId64, plan.from, plan.to);
}

static bool same_event(const struct plan_event *a, const struct plan_event *b)
{
	return a->at == b->at && a->who == b->who && a->what == b->what && a->value == b->value;
}

/* A line of a schedule, and what is drawn from. */
static void check_plan(void)
{
	struct plan plan = { 0 }, again = { 0 };
	struct plan_range range;
	struct spec_error error;
	char *text = NULL;
	size_t size;
	FILE *file;
	int what;

	if (!plan_parse_line(&plan, current, &error)) {
		check_error("schedule", &error);
		if (plan.nr)
			tap_wrong("schedule: an event of what is refused");
	} else if (plan.nr) {
		file = open_memstream(&text, &size);
		plan_write(&plan, file);
		fclose(file);
		text[size - 1] = '\0';
		if (!plan_parse_line(&again, text, &error) || again.nr != 1 ||
		    !same_event(again.events, plan.events) || strcmp(again.names[0], plan.names[0]))
			tap_wrong("schedule: it is written '%s'", text);
		free(text);
	}
	plan_free(&plan);
	plan_free(&again);
	for (what = PLAN_DRIFT; what <= PLAN_STROBE; what++) {
		int64_t max = what == PLAN_DRIFT ? PLAN_DRIFT_MAX : PLAN_TIME_MAX;

		if (!plan_parse_range(current, what, &range, &error))
			check_error("range", &error);
		else if (range.first < -max || range.last > max || range.last < range.first)
			tap_wrong("range: %" PRId64 "..%" PRId64, range.first, range.last);
	}
}

static void check_file(void)
{
	struct clock_file clock;
	char why[80] = "";

	if (!clock_parse(current, &clock, why, sizeof(why))) {
		if (!*why)
			tap_wrong("file: no reason");
		return;
	}
	if (clock.has_rate && (!clock.rate.num || !clock.rate.den))
		tap_wrong("file: a rate of %" PRIu64 "/%" PRIu64, clock.rate.num, clock.rate.den);
	if (clock.smear > SMEAR_BACK)
		tap_wrong("file: smear %d", clock.smear);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

int main(void)
{
	uint64_t seed = from_environment("TKNS_FUZZ_SEED", 20261224);
	time_t end = now() + from_environment("TKNS_FUZZ_SECONDS", 3);
	uint64_t n;
	int i;

	printf("# TKNS_FUZZ_SEED=%" PRIu64 "\n", seed);
	fflush(stdout);
	__sanitizer_set_death_callback(last_words);
	for (n = 0; !tap_bad && (n % 1024 || now() < end); n++) {
		state = seed + n;
		strcpy(current, corpus[draw() % N_OF(corpus)]);
		for (i = draw() % 6; i >= 0; i--)
			mutate();
		check_times();
		check_numbers();
		check_leaps();
		check_rehearsal();
		check_plan();
		check_file();
	}
	if (tap_bad) {
		fflush(stdout);
		last_words();
	}
	printf("# %" PRIu64 " texts\n", n);
	tap_end("parsers on changed texts");
	return tap_done();
}
