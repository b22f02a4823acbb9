// SPDX-License-Identifier: GPL-2.0
/*
 * Parsing and formatting of what users write; see user_values.h.
 *
 * Products of two numbers of a user do not fit into 64 bits, hence __int128.
 *
 * A scan walks over the text once. The first error stays, since it is the one
 * which explains the others.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user_values.h"

#define USEC	1000LL
#define MSEC	1000000LL
#define SEC	NSEC_PER_SEC
#define MINUTE	(60 * SEC)
#define HOUR	(3600 * SEC)
#define DAY	(SECS_PER_DAY * SEC)

/* More than any number here needs, and it still fits into 64 bits. */
#define DIGITS_MAX	18

struct scan {
	const char *text;
	const char *p;
	struct spec_error *error;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static struct scan start(const char *text, struct spec_error *error)
{
	struct scan s = { .text = text, .p = text, .error = error };

	memset(error, 0, sizeof(*error));
	return s;
}

bool spec_wrong(struct spec_error *error, size_t at, size_t len, const char *format, ...)
{
	va_list args;

	error->at = at;
	error->len = len;
	va_start(args, format);
	vsnprintf(error->why, sizeof(error->why), format, args);
	va_end(args);
	return false;
}

/* What is wrong are @len bytes from @from on, which is in the text. */
#define fail(s, from, len, ...)	spec_wrong((s)->error, (from) - (s)->text, len, __VA_ARGS__)

/* What is wrong runs from @at to where the scan is. */
#define fail_from(s, from, ...)	fail(s, from, (s)->p - (from), __VA_ARGS__)

/* Something else than @what is here: one character of it is pointed at. */
static bool expected(struct scan *s, const char *what)
{
	if (!*s->p)
		return fail(s, s->p, 0, "the text ends where %s is expected", what);
	return fail(s, s->p, 1, "%s is expected here", what);
}

static bool at_end(struct scan *s, const char *what)
{
	if (!*s->p)
		return true;
	return fail(s, s->p, strlen(s->p), "this is not part of %s", what);
}

static bool take(struct scan *s, char c)
{
	if (*s->p != c)
		return false;
	s->p++;
	return true;
}

static bool take_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(s->p, word, len) || is_letter(s->p[len]) || is_digit(s->p[len]))
		return false;
	s->p += len;
	return true;
}

static bool digits(struct scan *s, int64_t *number)
{
	const char *from = s->p;

	if (!is_digit(*s->p))
		return expected(s, "a digit");
	*number = 0;
	for (; is_digit(*s->p); s->p++) {
		if (*number > (INT64_MAX - 9) / 10) {
			s->p += strspn(s->p, "0123456789");
			return fail_from(s, from, "this number is too large");
		}
		*number = *number * 10 + (*s->p - '0');
	}
	return true;
}

/* Exactly @count digits with a value from @min to @max, as in a date. */
static bool field(struct scan *s, int count, int min, int max, const char *what, int *value)
{
	const char *from = s->p;

	*value = 0;
	while (is_digit(*s->p) && s->p - from < count)
		*value = *value * 10 + (*s->p++ - '0');
	if (s->p - from < count || is_digit(*s->p)) {
		size_t len = strspn(from, "0123456789");

		if (!len)
			return expected(s, what);
		return fail(s, from, len, "%s has %d digits", what, count);
	}
	if (*value < min || *value > max)
		return fail_from(s, from, "%s is outside %0*d..%0*d", what, count, min, count, max);
	return true;
}

/*
 * ".DIGITS", if there is a point. The fraction is @frac / 10^DIGITS_MAX.
 * Zeros at the end are not precision.
 */
static bool fraction(struct scan *s, int max_digits, const char *finest, int64_t *frac)
{
	const char *from;
	int count = 0;

	*frac = 0;
	if (!take(s, '.'))
		return true;
	from = s->p;
	if (!is_digit(*s->p))
		return expected(s, "a digit");
	for (; is_digit(*s->p); s->p++) {
		if (count < max_digits) {
			*frac = *frac * 10 + (*s->p - '0');
			count++;
		} else if (*s->p != '0') {
			s->p += strspn(s->p, "0123456789");
			return fail(s, from + max_digits, s->p - from - max_digits,
				    "this is finer than %s", finest);
		}
	}
	for (; count < DIGITS_MAX; count++)
		*frac *= 10;
	return true;
}

static int64_t pow10_of(int n)
{
	int64_t value = 1;

	while (n--)
		value *= 10;
	return value;
}

/*
 * Durations
 */

/* From the largest: the parts of a duration come in this order. */
static const struct unit {
	const char *name;
	int64_t ns;
} units[] = {
	/* Always as long: what counts is how much time passes, not what a calendar shows then. */
	{ "y", 365 * DAY },
	{ "w", 7 * DAY }, { "d", DAY }, { "h", HOUR }, { "m", MINUTE }, { "s", SEC },
	{ "ms", MSEC }, { "us", USEC }, { "ns", 1 },
};

#define N_UNITS		((int)(sizeof(units) / sizeof(units[0])))

static int find_unit(const char *name, size_t len)
{
	int i;

	for (i = 0; i < N_UNITS; i++)
		if (strlen(units[i].name) == len && !strncmp(units[i].name, name, len))
			return i;
	return -1;
}

/* One or more of NUMBER[.FRACTION]UNIT, or a number of seconds without a unit. */
static bool magnitude(struct scan *s, int64_t *ns)
{
	const char *first = s->p;
	__int128 total = 0;
	int last = -1;

	do {
		const char *from = s->p, *name;
		int64_t whole, frac;
		__int128 part;
		int unit;

		if (!is_digit(*s->p))
			return expected(s, "a number");
		if (!digits(s, &whole) || !fraction(s, DIGITS_MAX, "a nanosecond", &frac))
			return false;

		name = s->p;
		while (is_letter(*s->p))
			s->p++;
		if (name == s->p) {
			if (*s->p || from != first) {
				s->p = name;
				return expected(s, "a unit (y, w, d, h, m, s, ms, us, ns)");
			}
			unit = find_unit("s", 1);
		} else {
			unit = find_unit(name, s->p - name);
			if (unit < 0)
				return fail_from(s, name, "not a unit: y, w, d, h, m, s, ms, us and ns are");
			/* "30m1h" and "1h2h" are rather slips than meant. */
			if (unit <= last)
				return fail_from(s, from,
						 "a part must have a smaller unit than the one before it");
		}
		last = unit;

		part = (__int128)frac * units[unit].ns;
		if (part % pow10_of(DIGITS_MAX))
			return fail_from(s, from, "this is not a whole number of nanoseconds");
		total += (__int128)whole * units[unit].ns + part / pow10_of(DIGITS_MAX);
		if (total > INT64_MAX)
			return fail_from(s, first, "the duration is longer than 292 years");
	} while (*s->p);

	*ns = total;
	return true;
}

static bool signed_duration(struct scan *s, int64_t *ns)
{
	bool negative = *s->p == '-';

	if (*s->p == '-' || *s->p == '+')
		s->p++;
	if (!magnitude(s, ns))
		return false;
	if (negative)
		*ns = -*ns;
	return true;
}

bool spec_parse_duration(const char *text, int64_t *ns, struct spec_error *error)
{
	struct scan s = start(text, error);

	return signed_duration(&s, ns);
}

/*
 * Dates
 */

bool spec_leap_year(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_days(int64_t year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && spec_leap_year(year));
}

/* Days from 0001-01-01 to the start of a year from 1 on. */
static int64_t days_before(int64_t year)
{
	int64_t y = year - 1;

	return y * 365 + y / 4 - y / 100 + y / 400;
}

int64_t spec_date_to_day(int64_t year, int month, int day)
{
	int64_t days = days_before(year) - days_before(1970);
	int m;

	for (m = 1; m < month; m++)
		days += month_days(year, m);
	return days + day - 1;
}

void spec_day_to_date(int64_t day, int64_t *year, int *month, int *mday)
{
	/* Never too late a year, and at most a few too early. */
	int64_t y = 1970 + day / 366 - (day < 0) * 2;
	int m = 1;

	while (days_before(y + 1) - days_before(1970) <= day)
		y++;
	while (days_before(y) - days_before(1970) > day)
		y--;
	day -= days_before(y) - days_before(1970);
	while (day >= month_days(y, m))
		day -= month_days(y, m++);
	*year = y;
	*month = m;
	*mday = day + 1;
}

int64_t spec_day_of(int64_t ns)
{
	int64_t day = ns / DAY;

	return ns % DAY < 0 ? day - 1 : day;
}

int64_t spec_next_leap_day(int64_t ns)
{
	int64_t year;
	int month, mday;

	spec_day_to_date(spec_day_of(ns), &year, &month, &mday);
	return month <= 6 ? spec_date_to_day(year, 6, 30) : spec_date_to_day(year, 12, 31);
}

static bool date(struct scan *s, int64_t *day)
{
	const char *from = s->p;
	int year, month, mday;

	if (!field(s, 4, 1970, 2232, "the year", &year))
		return false;
	if (!take(s, '-'))
		return expected(s, "'-' of YYYY-MM-DD");
	if (!field(s, 2, 1, 12, "the month", &month))
		return false;
	if (!take(s, '-'))
		return expected(s, "'-' of YYYY-MM-DD");
	if (!field(s, 2, 1, 31, "the day", &mday))
		return false;
	if (mday > month_days(year, month))
		return fail_from(s, from, "%d-%02d has %d days only", year, month,
				 month_days(year, month));
	*day = spec_date_to_day(year, month, mday);
	return true;
}

/* yesterday, today or tomorrow. */
static bool day_word(struct scan *s, int64_t *from_today)
{
	static const char *const words[] = { "yesterday", "today", "tomorrow" };
	int64_t i;

	for (i = 0; i < 3; i++) {
		size_t len = strlen(words[i]);

		if (strncmp(s->p, words[i], len))
			continue;
		/* The T of a time may follow. */
		if (is_letter(s->p[len]) && !((s->p[len] == 'T' || s->p[len] == 't') &&
					      is_digit(s->p[len + 1])))
			continue;
		if (is_digit(s->p[len]))
			continue;
		s->p += len;
		*from_today = i - 1;
		return true;
	}
	return false;
}

bool spec_parse_day(const char *text, int64_t today, int64_t *day, struct spec_error *error)
{
	struct scan s = start(text, error);
	int64_t from_today;

	if (!day_word(&s, &from_today))
		return date(&s, day) &&
		       at_end(&s, "a date: YYYY-MM-DD, yesterday, today or tomorrow");
	*day = today + from_today;
	return at_end(&s, "a date: YYYY-MM-DD, yesterday, today or tomorrow");
}

bool spec_parse_date(const char *text, int64_t *day, struct spec_error *error)
{
	struct scan s = start(text, error);

	return date(&s, day) && at_end(&s, "a date: YYYY-MM-DD");
}

/* Z, +HH, +HHMM, +HH:MM or nothing; @ns is how far the zone is ahead of UTC. */
static bool zone(struct scan *s, int64_t *ns)
{
	bool behind = *s->p == '-';
	int hours, minutes = 0;

	*ns = 0;
	if (take(s, 'Z') || take(s, 'z') || (*s->p != '+' && *s->p != '-'))
		return true;
	s->p++;
	/* field() wants no further digit, and +HHMM has some. */
	if (strspn(s->p, "0123456789") == 4) {
		int both;
		const char *from = s->p;

		if (!field(s, 4, 0, 2359, "the offset to UTC", &both))
			return false;
		hours = both / 100;
		minutes = both % 100;
		if (minutes > 59)
			return fail(s, from + 2, 2, "the minutes of the offset are outside 00..59");
	} else {
		if (!field(s, 2, 0, 23, "the offset to UTC in hours", &hours))
			return false;
		if (take(s, ':') &&
		    !field(s, 2, 0, 59, "the offset to UTC in minutes", &minutes))
			return false;
	}
	*ns = hours * HOUR + minutes * MINUTE;
	if (behind)
		*ns = -*ns;
	return true;
}

/* A date, and a time of that day; the date may be a word, which is relative. */
static bool iso(struct scan *s, int64_t *ns, bool *relative)
{
	const char *from = s->p;
	int64_t day, frac = 0, ahead = 0;
	int hour = 0, minute = 0, second = 0;
	__int128 total;

	*relative = day_word(s, &day);
	/* A number of seconds is the other thing that people write here. */
	if (!*relative && strspn(from, "0123456789") > 4)
		return fail(s, from, strspn(from, "0123456789"),
			    "a year has 4 digits; seconds since 1970 are written as @SECONDS");
	if (!*relative && !date(s, &day))
		return false;
	if (*s->p) {
		if (!take(s, 'T') && !take(s, 't') && !take(s, ' '))
			return expected(s, "'T' or a space between date and time");
		if (!field(s, 2, 0, 23, "the hour", &hour))
			return false;
		if (!take(s, ':'))
			return expected(s, "':' of HH:MM");
		if (!field(s, 2, 0, 59, "the minute", &minute))
			return false;
		if (take(s, ':')) {
			if (!strncmp(s->p, "60", 2) && !is_digit(s->p[2]))
				return fail(s, s->p, 2,
					    "a clock shows no second 60: write leap, leap-20s or leap+1s");
			if (!field(s, 2, 0, 59, "the second", &second) ||
			    !fraction(s, 9, "a nanosecond", &frac))
				return false;
		}
		if (!zone(s, &ahead))
			return false;
	}
	if (!at_end(s, "a time"))
		return false;

	total = (__int128)day * DAY + hour * HOUR + minute * MINUTE + second * SEC +
		frac / pow10_of(DIGITS_MAX - 9) - ahead;
	if (!*relative && (total < 0 || total / SEC > SPEC_SEC_MAX))
		return fail_from(s, from, "clocks can be set from 1970-01-01 to 2232-04-18");
	*ns = total;
	return true;
}

static bool epoch(struct scan *s, int64_t *ns)
{
	const char *from = s->p;
	int64_t sec, frac;

	if (!digits(s, &sec) || !fraction(s, 9, "a nanosecond", &frac) ||
	    !at_end(s, "a number of seconds"))
		return false;
	if (sec > SPEC_SEC_MAX)
		return fail_from(s, from, "clocks can be set up to @%" PRId64 " (2232-04-18)",
				 SPEC_SEC_MAX);
	*ns = sec * SEC + frac / pow10_of(DIGITS_MAX - 9);
	return true;
}

bool spec_parse_time(const char *text, struct spec_time *time, struct spec_error *error)
{
	struct scan s = start(text, error), word = s;
	bool relative;
	int64_t day;

	time->when = SPEC_ABSOLUTE;
	time->ns = 0;
	if (is_digit(*s.p) || day_word(&word, &day)) {
		if (!iso(&s, &time->ns, &relative))
			return false;
		if (relative)
			time->when = SPEC_TODAY;
		return true;
	}
	if (take(&s, '@'))
		return epoch(&s, &time->ns);

	time->when = SPEC_RELATIVE;
	if (*s.p == '+' || *s.p == '-')
		return signed_duration(&s, &time->ns);
	if (take_word(&s, "now"))
		return at_end(&s, "a time");

	time->when = SPEC_LEAP;
	if (take_word(&s, "leap")) {
		if (!*s.p)
			return true;
		if (*s.p != '+' && *s.p != '-')
			return expected(&s, "'+' or '-'");
		return signed_duration(&s, &time->ns);
	}
	return fail(&s, s.p, strlen(s.p), "not a time: write YYYY-MM-DDTHH:MM:SS, tomorrow, @SECONDS, +DURATION, -DURATION or leap-DURATION");
}

/*
 * Numbers
 */

bool spec_parse_number(const char *text, int64_t min, int64_t max, int64_t *number,
		       struct spec_error *error)
{
	struct scan s = start(text, error);
	bool negative = take(&s, '-');

	if (!digits(&s, number) || !at_end(&s, "a number"))
		return false;
	if (negative)
		*number = -*number;
	if (*number < min || *number > max)
		return fail_from(&s, text, "outside %" PRId64 "..%" PRId64, min, max);
	return true;
}

bool spec_parse_ppm(const char *text, int64_t *ppm, struct spec_error *error)
{
	struct scan s = start(text, error);
	bool negative = *text == '-';
	int64_t whole, frac, half = pow10_of(DIGITS_MAX) / 2;
	__int128 value;

	if (*text == '-' || *text == '+')
		s.p++;
	/* 2^-16 has 16 digits; the rest decides how it is rounded. */
	if (!digits(&s, &whole) || !fraction(&s, DIGITS_MAX, "1e-18 ppm", &frac))
		return false;
	take_word(&s, "ppm");
	if (!at_end(&s, "a number of ppm"))
		return false;
	value = ((__int128)frac * SPEC_PPM + half) / pow10_of(DIGITS_MAX) + (__int128)whole * SPEC_PPM;
	if (value > SPEC_PPM_MAX || (whole == SPEC_PPM_MAX / SPEC_PPM && frac))
		return fail_from(&s, text, "outside -%" PRId64 "..%" PRId64 " ppm",
				 SPEC_PPM_MAX / SPEC_PPM, SPEC_PPM_MAX / SPEC_PPM);
	*ppm = negative ? -(int64_t)value : (int64_t)value;
	return true;
}

struct spec_rate spec_reduce(uint64_t num, uint64_t den)
{
	uint64_t a = num, b = den;

	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return (struct spec_rate) { num / a, den / a };
}

bool spec_parse_rate(const char *text, struct spec_rate *rate, struct spec_error *error)
{
	struct scan s = start(text, error);
	int64_t num, den = 1, frac;

	if (!digits(&s, &num))
		return false;
	if (take(&s, '/')) {
		const char *from = s.p;

		if (!digits(&s, &den))
			return false;
		if (!den)
			return fail_from(&s, from, "a rate is not divided by zero");
	} else {
		if (!fraction(&s, 9, "a billionth", &frac))
			return false;
		if (frac) {
			__int128 sum;

			den = pow10_of(9);
			sum = (__int128)num * den + frac / pow10_of(DIGITS_MAX - 9);
			/* Far outside anyway, and it must fit until that is said. */
			num = sum > INT64_MAX ? INT64_MAX : (int64_t)sum;
		}
	}
	if (!at_end(&s, "a rate: N, N.N or P/Q"))
		return false;
	if ((__int128)num * SPEC_SLOW_MAX < den || (__int128)den * SPEC_RATE_MAX < num)
		return fail_from(&s, text, "outside 1/%d..%d", SPEC_SLOW_MAX, SPEC_RATE_MAX);
	*rate = spec_reduce(num, den);
	if (rate->num > SPEC_RATE_PART || rate->den > SPEC_RATE_PART)
		return fail_from(&s, text, "too fine: reduced to P/Q, neither is more than %d",
				 SPEC_RATE_PART);
	return true;
}

/*
 * Leap seconds
 */

bool spec_parse_leap(const char *text, struct spec_leap *leap, struct spec_error *error)
{
	struct scan s = start(text, error);

	memset(leap, 0, sizeof(*leap));
	if (take_word(&s, "insert"))
		leap->kind = SPEC_LEAP_INSERT;
	else if (take_word(&s, "delete"))
		leap->kind = SPEC_LEAP_DELETE;
	else if (take_word(&s, "none"))
		leap->kind = SPEC_LEAP_NONE;
	else
		return fail(&s, text, strcspn(text, "@"),
			    "not a leap second: write insert, delete or none");
	if (!*s.p)
		return true;
	if (leap->kind == SPEC_LEAP_NONE || !take(&s, '@'))
		return at_end(&s, "a leap second");
	leap->dated = true;
	leap->relative = day_word(&s, &leap->day);
	if (leap->relative)
		return at_end(&s, "a date (the day which the leap second ends)");
	return date(&s, &leap->day) && at_end(&s, "a date (the day which the leap second ends)");
}

void spec_resolve_leap(struct spec_leap *leap, int64_t today)
{
	if (leap->relative)
		leap->day += today;
	leap->relative = false;
}

static bool one_of(struct scan *s, const char *const *words, const char *what, const char **word)
{
	const char *from = s->p;

	for (; *words; words++) {
		if (take_word(s, *words)) {
			*word = *words;
			return true;
		}
	}
	s->p += strcspn(s->p, ":");
	if (from == s->p)
		return expected(s, what);
	return fail_from(s, from, "not known here: %s is expected", what);
}

bool spec_parse_smear(const char *text, struct spec_smear *smear, struct spec_error *error)
{
	static const char *const presets[] = {
		"google", "aws", "utc-sls", "ntpd", "meta", NULL
	};
	static const char *const shapes[] = { "linear", "cosine", "quadratic", NULL };
	static const char *const places[] = { "before", "centred", "after", NULL };
	struct scan s = start(text, error);
	const char *word, *place, *from;
	char window[SPEC_TEXT];
	int64_t ns;
	size_t len;

	if (take_word(&s, "step")) {
		strcpy(smear->policy, "step");
		return at_end(&s, "a smear");
	}
	if (!strchr(text, ':')) {
		if (!one_of(&s, presets,
			    "google, aws, utc-sls, ntpd, meta, step or SHAPE:WINDOW:PLACE", &word))
			return false;
		snprintf(smear->policy, sizeof(smear->policy), "smear %s", word);
		return at_end(&s, "a smear");
	}

	if (!one_of(&s, shapes, "a shape (linear, cosine, quadratic)", &word))
		return false;
	if (!take(&s, ':'))
		return expected(&s, "':' of SHAPE:WINDOW:PLACE");

	/* The duration is looked at alone, as it takes a whole text. */
	from = s.p;
	len = strcspn(from, ":");
	if (!len)
		return expected(&s, "a window (a duration)");
	if (len >= sizeof(window))
		return fail(&s, from, len, "the window is too long a text");
	memcpy(window, from, len);
	window[len] = '\0';
	if (!spec_parse_duration(window, &ns, error)) {
		error->at += from - text;
		return false;
	}
	s.p += len;
	if (ns < SPEC_WINDOW_MIN * SEC || ns > SPEC_WINDOW_MAX * SEC)
		return fail_from(&s, from, "a window is outside %ds..%ds", SPEC_WINDOW_MIN,
				 SPEC_WINDOW_MAX);
	if (ns % SEC)
		return fail_from(&s, from, "a window is a whole number of seconds");

	if (!take(&s, ':'))
		return expected(&s, "':' of SHAPE:WINDOW:PLACE");
	if (!one_of(&s, places, "a place (before, centred, after)", &place) ||
	    !at_end(&s, "a smear"))
		return false;
	snprintf(smear->policy, sizeof(smear->policy), "smear %s %" PRId64 " %s", word, ns / SEC,
		 place);
	return true;
}

/*
 * Formatting
 */

const char *spec_format_date(char *buf, int64_t day)
{
	int64_t year;
	int month, mday;

	spec_day_to_date(day, &year, &month, &mday);
	snprintf(buf, SPEC_TEXT, "%04" PRId64 "-%02d-%02d", year, month, mday);
	return buf;
}

const char *spec_format_time(char *buf, int64_t ns)
{
	int64_t day = spec_day_of(ns), rest = ns % DAY;
	size_t len;

	if (rest < 0)
		rest += DAY;
	spec_format_date(buf, day);
	len = strlen(buf);
	snprintf(buf + len, SPEC_TEXT - len, "T%02d:%02d:%02d.%09dZ", (int)(rest / HOUR),
		 (int)(rest / MINUTE % 60), (int)(rest / SEC % 60), (int)(rest % SEC));
	return buf;
}

/* Digits behind the point as far as they are not zero: "" or ".5". */
static void append_fraction(char *buf, size_t size, int64_t frac, int count)
{
	size_t len = strlen(buf);

	if (!frac)
		return;
	snprintf(buf + len, size - len, ".%0*" PRId64, count, frac);
	len = strlen(buf);
	while (buf[len - 1] == '0')
		buf[--len] = '\0';
}

const char *spec_format_seconds(char *buf, int64_t ns)
{
	uint64_t abs = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

	snprintf(buf, SPEC_TEXT, "%c%" PRIu64 ".%09" PRIu64, ns < 0 ? '-' : '+',
		 abs / NSEC_PER_SEC, abs % NSEC_PER_SEC);
	return buf;
}

const char *spec_format_duration(char *buf, int64_t ns)
{
	uint64_t abs = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
	size_t len;
	int i;

	snprintf(buf, SPEC_TEXT, "%c", ns < 0 ? '-' : '+');
	/* Days, hours, minutes; a week is less usual to read. */
	for (i = find_unit("d", 1); i < find_unit("s", 1); i++) {
		len = strlen(buf);
		if (abs >= (uint64_t)units[i].ns)
			snprintf(buf + len, SPEC_TEXT - len, "%" PRIu64 "%s", abs / units[i].ns,
				 units[i].name);
		abs %= units[i].ns;
	}
	len = strlen(buf);
	if (abs || len == 1) {
		snprintf(buf + len, SPEC_TEXT - len, "%" PRIu64, abs / SEC);
		append_fraction(buf, SPEC_TEXT, abs % SEC, 9);
		len = strlen(buf);
		snprintf(buf + len, SPEC_TEXT - len, "s");
	}
	return buf;
}

const char *spec_format_ppm(char *buf, int64_t ppm)
{
	uint64_t abs = ppm < 0 ? -(uint64_t)ppm : (uint64_t)ppm;
	uint64_t value = 0, unit = 1;
	int count;

	/*
	 * As few digits as stand for this value and no other. Five are enough,
	 * as 1e-5 is less than 2^-16.
	 */
	for (count = 0; count <= 5; count++, unit *= 10) {
		value = ((__int128)abs * unit * 2 + SPEC_PPM) / (2 * SPEC_PPM);
		if (((__int128)value * SPEC_PPM * 2 + unit) / (2 * unit) == abs)
			break;
	}
	snprintf(buf, SPEC_TEXT, "%s%" PRIu64, ppm < 0 ? "-" : "+", value / unit);
	append_fraction(buf, SPEC_TEXT, value % unit, count);
	return buf;
}

const char *spec_format_rate(char *buf, struct spec_rate rate)
{
	if (rate.den == 1)
		snprintf(buf, SPEC_TEXT, "%" PRIu64, rate.num);
	else
		snprintf(buf, SPEC_TEXT, "%" PRIu64 "/%" PRIu64, rate.num, rate.den);
	return buf;
}

/* A text which may be cut off, and how long it would be. */
struct cut {
	char *buf;
	size_t size;
	size_t len;
};

static void put(struct cut *c, char byte, size_t times)
{
	for (; times; times--, c->len++)
		if (c->len + 1 < c->size)
			c->buf[c->len] = byte;
}

static void put_text(struct cut *c, const char *text)
{
	for (; *text; text++)
		put(c, *text, 1);
}

size_t spec_point(char *buf, size_t size, const char *text, const struct spec_error *error)
{
	static const char hex[] = "0123456789abcdef";
	struct cut c = { .buf = buf, .size = size };
	size_t column = 0, under = 0, i;

	put_text(&c, "  ");
	for (i = 0; text[i]; i++) {
		unsigned char byte = text[i];
		size_t before = c.len;

		if (byte >= ' ' && byte < 0x7f) {
			put(&c, byte, 1);
		} else {
			put_text(&c, "\\x");
			put(&c, hex[byte >> 4], 1);
			put(&c, hex[byte & 15], 1);
		}
		if (i < error->at)
			column += c.len - before;
		else if (i - error->at < error->len)
			under += c.len - before;
	}
	put_text(&c, "\n  ");
	put(&c, ' ', column);
	put(&c, '^', 1);
	put(&c, '~', under ? under - 1 : 0);
	put(&c, '\n', 1);
	if (size)
		buf[c.len < size ? c.len : size - 1] = '\0';
	return c.len;
}
