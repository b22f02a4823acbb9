// SPDX-License-Identifier: GPL-2.0
/*
 * Strict parsing of what 'tkns rehearse' takes; see rparse.h.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rparse.h"

#define DAY		86400

#define WINDOW_MIN	128
#define WINDOW_MAX	604800

#define RATE_MAX	2000
#define SLOW_MAX	1000

/* Digits, at least one, and not more than fit. Returns what comes behind them, or NULL. */
static const char *digits(const char *text, int64_t *value)
{
	if (!isdigit((unsigned char)*text))
		return NULL;
	for (*value = 0; isdigit((unsigned char)*text); text++) {
		if (*value > (INT64_MAX - 9) / 10)
			return NULL;
		*value = *value * 10 + (*text - '0');
	}
	return text;
}

const char *rp_number(const char *text, int64_t min, int64_t max, int64_t *number)
{
	static char why[96];
	const char *end = digits(text, number);

	if (!end || *end)
		return "is not a whole number";
	if (*number < min || *number > max) {
		snprintf(why, sizeof(why), "is not in %lld..%lld", (long long)min, (long long)max);
		return why;
	}
	return NULL;
}

const char *rp_duration(const char *text, int64_t *ns)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{ "", RH_NSEC_PER_SEC },	{ "s", RH_NSEC_PER_SEC },
		{ "ms", 1000000 },		{ "m", 60 * RH_NSEC_PER_SEC },
		{ "h", 3600 * RH_NSEC_PER_SEC },	{ "d", DAY * RH_NSEC_PER_SEC },
	};
	int64_t whole, fraction = 0, scale = 1;
	const char *at = digits(text, &whole);
	size_t i;

	if (!at)
		return "is not a duration";
	if (*at == '.') {
		for (at++; isdigit((unsigned char)*at); at++) {
			if (scale == RH_NSEC_PER_SEC)
				return "has more than nine digits behind the point";
			fraction = fraction * 10 + (*at - '0');
			scale *= 10;
		}
		if (scale == 1)
			return "has no digit behind the point";
	}
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(at, units[i].name))
			break;
	if (i == sizeof(units) / sizeof(units[0]))
		return "has an unknown unit (known: ms, s, m, h, d)";
	if (whole > 30 * DAY * RH_NSEC_PER_SEC / units[i].ns)
		return "is longer than 30 days";
	*ns = whole * units[i].ns + (int64_t)((__int128)fraction * units[i].ns / scale);
	if (!*ns)
		return "is no time at all";
	return NULL;
}

const char *rp_rate(const char *text, int64_t *num, int64_t *den)
{
	int64_t a, b, rest;
	const char *at = digits(text, num);

	*den = 1;
	if (!at)
		return "is not a rate";
	if (*at == '/') {
		at = digits(at + 1, den);
		if (!at || !*den)
			return "is not a rate";
	} else if (*at == '.') {
		if (!isdigit((unsigned char)at[1]))
			return "has no digit behind the point";
		for (at++; isdigit((unsigned char)*at); at++) {
			if (*den >= 1000000)
				return "has more than six digits behind the point";
			if (*num > RATE_MAX * *den)
				return "is not in 1/1000..2000";
			*num = *num * 10 + (*at - '0');
			*den *= 10;
		}
	}
	if (*at)
		return "is not a rate (N, N.FRACTION or N/D)";
	for (a = *num, b = *den; b; a = b, b = rest)
		rest = a % b;
	*num /= a;
	*den /= a;
	if ((__int128)*num * SLOW_MAX < *den || (__int128)*num > (__int128)RATE_MAX * *den)
		return "is not in 1/1000..2000";
	/* What the kernel takes. */
	if (*num > 1000000000 || *den > 1000000000)
		return "is too fine a fraction";
	return NULL;
}

/* Days since 1970, proleptic Gregorian; eras of 400 years which begin in March. */
int64_t rp_day(int64_t year, int month, int mday)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + mday - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void rp_civil(int64_t day, int64_t *year, int *month, int *mday)
{
	int64_t z = day + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;

	*mday = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = y + era * 400 + (*month <= 2);
}

const char *rp_date(const char *text, int64_t *day)
{
	static const char form[] = "dddd-dd-dd";
	int64_t year, y;
	int month, mday, m, d;
	size_t i;

	for (i = 0; form[i]; i++)
		if (form[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
			return "is not a date (YYYY-MM-DD)";
	if (text[i])
		return "is not a date (YYYY-MM-DD)";
	year = strtol(text, NULL, 10);
	month = (int)strtol(text + 5, NULL, 10);
	mday = (int)strtol(text + 8, NULL, 10);
	if (month < 1 || month > 12 || mday < 1)
		return "is not in the calendar";
	*day = rp_day(year, month, mday);
	rp_civil(*day, &y, &m, &d);
	if (y != year || m != month || d != mday)
		return "is not in the calendar";
	if (year < 1972 || year > 2200)
		return "is not in the years 1972..2200";
	return NULL;
}

int64_t rp_next_leap_day(int64_t day)
{
	int64_t year;
	int month, mday;

	rp_civil(day, &year, &month, &mday);
	if (month <= 6)
		return rp_day(year, 6, 30);
	return rp_day(year, 12, 31);
}

static void set_window(struct rh_plan *plan, enum rh_shape shape, int64_t from, int64_t to)
{
	plan->shape = shape;
	plan->from = from;
	plan->to = to;
}

/* Windows count the seconds that elapse; the first moment after an inserted one is edge + 1 s. */
static bool preset(const char *text, struct rh_plan *plan)
{
	const int64_t s = RH_NSEC_PER_SEC;
	int64_t late = plan->step < 0 ? 0 : 1;

	if (!strcmp(text, "google") || !strcmp(text, "aws"))
		set_window(plan, RH_LINEAR, (late - 43200) * s, (43201 - late) * s);
	else if (!strcmp(text, "utc-sls"))
		set_window(plan, RH_LINEAR, (-999 - late) * s, (1 - late) * s);
	else if (!strcmp(text, "ntpd"))
		set_window(plan, RH_COSINE, -DAY * s, 0);
	else if (!strcmp(text, "meta"))
		set_window(plan, RH_QUADRATIC, 0, 62500 * s);
	else
		return false;
	return true;
}

const char *rp_smear(const char *text, struct rh_plan *plan, char policy[RP_POLICY])
{
	static const char * const shapes[] = {
		[RH_LINEAR] = "linear", [RH_COSINE] = "cosine", [RH_QUADRATIC] = "quadratic",
	};
	const char *first = strchr(text, ':'), *second = first ? strchr(first + 1, ':') : NULL;
	char word[32];
	int64_t window;
	enum rh_shape shape;

	if (!first) {
		if (!preset(text, plan))
			return "is no preset (google, aws, utc-sls, ntpd, meta) and not SHAPE:WINDOW:PLACE";
		snprintf(policy, RP_POLICY, "smear %s", text);
		return NULL;
	}
	if (!second)
		return "is not SHAPE:WINDOW:PLACE";
	for (shape = RH_LINEAR; shape <= RH_QUADRATIC; shape++)
		if (strlen(shapes[shape]) == (size_t)(first - text) &&
		    !strncmp(text, shapes[shape], first - text))
			break;
	if (shape > RH_QUADRATIC)
		return "has an unknown shape (known: linear, cosine, quadratic)";
	if ((size_t)(second - first) > sizeof(word))
		return "has no window";
	memcpy(word, first + 1, second - first - 1);
	word[second - first - 1] = '\0';
	if (rp_duration(word, &window))
		return "has no window (seconds, or with a unit)";
	if (window % RH_NSEC_PER_SEC || window < WINDOW_MIN * RH_NSEC_PER_SEC ||
	    window > WINDOW_MAX * RH_NSEC_PER_SEC)
		return "has a window which is not of 128..604800 whole seconds";
	second++;
	if (!strcmp(second, "before"))
		set_window(plan, shape, -window, 0);
	else if (!strcmp(second, "centred"))
		set_window(plan, shape, -window / 2, window - window / 2);
	else if (!strcmp(second, "after"))
		set_window(plan, shape, 0, window);
	else
		return "has an unknown place (known: before, centred, after)";
	snprintf(policy, RP_POLICY, "smear %s %lld %s", shapes[shape],
		 (long long)(window / RH_NSEC_PER_SEC), second);
	return NULL;
}
