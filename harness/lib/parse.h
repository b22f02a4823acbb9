/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Strict parsing of what a user types. Every function takes the whole string or
 * ends the program with a message that names the option and the text: a test
 * tool that reads "1e3" as 1 measures something else than it was asked for.
 */
#ifndef TIMENS_PARSE_H
#define TIMENS_PARSE_H

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Own failures of the tools, apart from any status of the command they run. */
#define TK_EXIT_FAILURE	125

#define TK_NSEC_PER_SEC	1000000000LL

static inline long long tk_parse_number(const char *what, const char *text,
					long long min, long long max)
{
	char *end;
	long long value;

	if (!isdigit((unsigned char)text[*text == '-']))
		errx(TK_EXIT_FAILURE, "%s: '%s' is not a decimal number", what, text);

	errno = 0;
	value = strtoll(text, &end, 10);
	if (*end)
		errx(TK_EXIT_FAILURE, "%s: '%s' in '%s' is not part of a decimal number",
		     what, end, text);
	if (errno)
		err(TK_EXIT_FAILURE, "%s: '%s'", what, text);
	if (value < min || value > max)
		errx(TK_EXIT_FAILURE, "%s: '%s' is outside %lld..%lld", what, text, min, max);
	return value;
}

/*
 * SECONDS[.FRACTION], at most nine digits behind the point. The result is
 * normalised: tv_nsec is never negative, -0.25 is { -1, 750000000 }.
 */
static inline struct timespec tk_parse_seconds(const char *what, const char *text)
{
	const char *digits = text + (*text == '-');
	struct timespec ts = { 0 };
	long long scale = TK_NSEC_PER_SEC / 10;
	char *end;

	if (!isdigit((unsigned char)*digits))
		errx(TK_EXIT_FAILURE, "%s: '%s' is not a number of seconds", what, text);

	errno = 0;
	ts.tv_sec = strtoll(digits, &end, 10);
	if (errno)
		err(TK_EXIT_FAILURE, "%s: '%s'", what, text);

	if (*end == '.') {
		end++;
		if (!isdigit((unsigned char)*end))
			errx(TK_EXIT_FAILURE, "%s: '%s' has no digit behind the point",
			     what, text);
		for (; isdigit((unsigned char)*end) && scale; end++, scale /= 10)
			ts.tv_nsec += (*end - '0') * scale;
	}
	if (*end)
		errx(TK_EXIT_FAILURE, "%s: '%s' in '%s' is not part of a number of seconds",
		     what, end, text);

	if (*text == '-') {
		ts.tv_sec = -ts.tv_sec;
		if (ts.tv_nsec) {
			ts.tv_sec--;
			ts.tv_nsec = TK_NSEC_PER_SEC - ts.tv_nsec;
		}
	}
	return ts;
}

/* A decimal number in units of 1/2^16, as adjtimex() takes its frequency in ppm. */
static inline long tk_parse_ppm(const char *what, const char *text, long max_ppm)
{
	struct timespec ppm = tk_parse_seconds(what, text);
	long long scaled;

	if (ppm.tv_sec < -max_ppm || ppm.tv_sec > max_ppm ||
	    (ppm.tv_sec == max_ppm && ppm.tv_nsec))
		errx(TK_EXIT_FAILURE, "%s: '%s' is outside -%ld..%ld ppm", what, text,
		     max_ppm, max_ppm);

	scaled = (ppm.tv_sec * TK_NSEC_PER_SEC + ppm.tv_nsec) * 65536;
	return scaled / TK_NSEC_PER_SEC;
}

#endif /* TIMENS_PARSE_H */
