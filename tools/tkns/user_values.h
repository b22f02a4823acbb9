/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What users write: times, durations, frequencies, rates, leap seconds and
 * smears. Everything here is pure: no clock is read and nothing is printed.
 *
 * Every spec_parse_*() takes the whole text or fails, and then says where. All
 * arithmetic is in integers, so what was written is what the kernel gets.
 */
#ifndef TKNS_USER_VALUES_H
#define TKNS_USER_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NSEC_PER_SEC	INT64_C(1000000000)
#define SECS_PER_DAY	INT64_C(86400)

/*
 * What clock_settime() accepts: from 1970 to 30 years before the end of the
 * kernel's 64-bit nanoseconds (TIME_SETTOD_SEC_MAX), 2232-04-18.
 */
#define SPEC_SEC_MAX	(INT64_C(9223372036) - 30 * 365 * SECS_PER_DAY - 1)

/* What the kernel accepts as offset between TAI and UTC. */
#define SPEC_TAI_MAX	100000

/* adjtimex() counts ppm in units of 2^-16. */
#define SPEC_PPM	INT64_C(65536)
#define SPEC_PPM_FREQ	(500 * SPEC_PPM)	/* as far as the frequency goes */
#define SPEC_PPM_MAX	(100000 * SPEC_PPM)	/* as far as the tick goes: 10 % */

#define SPEC_RATE_MAX	2000
#define SPEC_SLOW_MAX	1000
/* What the kernel takes as numerator and denominator, once they are reduced. */
#define SPEC_RATE_PART	1000000000

#define SPEC_WINDOW_MIN	128
#define SPEC_WINDOW_MAX	604800

struct spec_error {
	size_t at;		/* offset of the first bytes which are wrong */
	size_t len;		/* how many they are; 0 is the end of the text */
	char why[160];
};

/* Fills it. Always false, so that callers can return it. */
__attribute__((format(printf, 4, 5)))
bool spec_wrong(struct spec_error *error, size_t at, size_t len, const char *format, ...);

enum spec_when {
	SPEC_ABSOLUTE,		/* ns since 1970 */
	SPEC_RELATIVE,		/* ns from what the clock shows */
	SPEC_LEAP,		/* ns from the leap second */
	SPEC_TODAY,		/* ns from the start of the UTC day which the clock shows */
};

struct spec_time {
	enum spec_when when;
	int64_t ns;
};

struct spec_rate {		/* reduced */
	uint64_t num;
	uint64_t den;
};

enum spec_leap_kind {
	SPEC_LEAP_NONE,
	SPEC_LEAP_INSERT,
	SPEC_LEAP_DELETE,
};

struct spec_leap {
	enum spec_leap_kind kind;
	bool dated;
	bool relative;		/* the day counts from today; see spec_resolve_leap() */
	int64_t day;		/* days since 1970, the day which ends with it */
};

/* What spec_parse_smear() takes, for a line of help */
#define SPEC_SMEAR_HELP \
	"google, aws, utc-sls, ntpd, meta, SHAPE:WINDOW:PLACE (linear, cosine, quadratic; a duration; before, centred, after), or step"

struct spec_smear {
	char policy[64];	/* as /proc/PID/timens_clock takes it behind "leap" */
};

bool spec_parse_time(const char *text, struct spec_time *time, struct spec_error *error);
bool spec_parse_duration(const char *text, int64_t *ns, struct spec_error *error);
bool spec_parse_date(const char *text, int64_t *day, struct spec_error *error);
/* A date as above, or a word for one when the day is @today. */
bool spec_parse_day(const char *text, int64_t today, int64_t *day, struct spec_error *error);
bool spec_parse_ppm(const char *text, int64_t *ppm, struct spec_error *error);
bool spec_parse_rate(const char *text, struct spec_rate *rate, struct spec_error *error);
/* As a rate; @den is not 0. */
struct spec_rate spec_reduce(uint64_t num, uint64_t den);
bool spec_parse_leap(const char *text, struct spec_leap *leap, struct spec_error *error);
bool spec_parse_smear(const char *text, struct spec_smear *smear, struct spec_error *error);
bool spec_parse_number(const char *text, int64_t min, int64_t max, int64_t *number,
		       struct spec_error *error);

/* "insert@tomorrow" becomes the date which it is. */
void spec_resolve_leap(struct spec_leap *leap, int64_t today);

bool spec_leap_year(int64_t year);
int64_t spec_date_to_day(int64_t year, int month, int day);
void spec_day_to_date(int64_t day, int64_t *year, int *month, int *mday);
int64_t spec_day_of(int64_t ns);

/* The day at whose end the next leap second can be: June 30 or December 31. */
int64_t spec_next_leap_day(int64_t ns);

/*
 * The text forms. Each fits into SPEC_TEXT bytes, and is parsed back to the
 * same value.
 */
#define SPEC_TEXT	64

const char *spec_format_time(char *buf, int64_t ns);
const char *spec_format_date(char *buf, int64_t day);
const char *spec_format_duration(char *buf, int64_t ns);
const char *spec_format_seconds(char *buf, int64_t ns);
const char *spec_format_ppm(char *buf, int64_t ppm);
const char *spec_format_rate(char *buf, struct spec_rate rate);

/*
 * The lines which show an error: the text and a caret under it. Bytes which a
 * terminal would not show as one column are written as \xNN. Returns how long
 * the result is, or would be with more room, as snprintf() does.
 */
size_t spec_point(char *buf, size_t size, const char *text, const struct spec_error *error);

#endif /* TKNS_USER_VALUES_H */
