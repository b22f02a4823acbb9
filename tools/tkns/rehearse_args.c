// SPDX-License-Identifier: GPL-2.0
/*
 * The limits and the plans of 'tkns rehearse'; see rehearse_args.h.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "rehearse_args.h"

#define DAY		(SECS_PER_DAY * NSEC_PER_SEC)

#define DAYS_MAX	30
#define YEAR_MIN	1972
#define YEAR_MAX	2200

static bool parse_length(const char *text, int64_t *ns, struct spec_error *error)
{
	if (!spec_parse_duration(text, ns, error))
		return false;
	if (*text == '+' || *text == '-')
		return spec_wrong(error, 0, 1, "this is how long something is: it has no sign");
	return true;
}

bool rh_parse_duration(const char *text, int64_t *ns, struct spec_error *error)
{
	if (!parse_length(text, ns, error))
		return false;
	if (!*ns)
		return spec_wrong(error, 0, strlen(text), "this is no time at all");
	if (*ns > DAYS_MAX * DAY)
		return spec_wrong(error, 0, strlen(text), "longer than %d days", DAYS_MAX);
	return true;
}

bool rh_parse_grace(const char *text, int64_t *ns, struct spec_error *error)
{
	if (!parse_length(text, ns, error))
		return false;
	if (*ns > DAY)
		return spec_wrong(error, 0, strlen(text), "longer than a day");
	return true;
}

/* The year is at the beginning of a date, and has four digits. */
static bool year_is_known(int64_t day, size_t at, struct spec_error *error)
{
	int64_t year;
	int month, mday;

	spec_day_to_date(day, &year, &month, &mday);
	if (year >= YEAR_MIN && year <= YEAR_MAX)
		return true;
	return spec_wrong(error, at, 4, "the year is outside %d..%d", YEAR_MIN, YEAR_MAX);
}

bool rh_parse_date(const char *text, int64_t today, int64_t *day, struct spec_error *error)
{
	return spec_parse_day(text, today, day, error) && year_is_known(*day, 0, error);
}

bool rh_parse_leap(const char *text, int64_t today, struct spec_leap *leap, struct spec_error *error)
{
	if (!spec_parse_leap(text, leap, error))
		return false;
	if (leap->kind == SPEC_LEAP_NONE)
		return spec_wrong(error, 0, strlen(text),
				  "without a leap second there is nothing to rehearse: write insert or delete");
	spec_resolve_leap(leap, today);
	return !leap->dated || year_is_known(leap->day, strcspn(text, "@") + 1, error);
}

static bool set_window(struct rh_plan *plan, enum rh_shape shape, int64_t from, int64_t to)
{
	plan->shape = shape;
	plan->from = from * NSEC_PER_SEC;
	plan->to = to * NSEC_PER_SEC;
	return true;
}

/*
 * As the kernel has them, in seconds that elapse. The edge is midnight, or a second earlier when
 * that second is deleted. From noon to noon is 86401 or 86399 seconds, and an inserted second is
 * the last of its day.
 */
static bool set_preset(struct rh_plan *plan, const char *name)
{
	int64_t late = plan->step < 0 ? 0 : 1;

	if (!strcmp(name, "google") || !strcmp(name, "aws"))
		return set_window(plan, RH_LINEAR, late - 43200, 43201 - late);
	if (!strcmp(name, "utc-sls"))
		return set_window(plan, RH_LINEAR, -999 - late, 1 - late);
	if (!strcmp(name, "ntpd"))
		return set_window(plan, RH_COSINE, -SECS_PER_DAY, 0);
	if (!strcmp(name, "meta"))
		return set_window(plan, RH_QUADRATIC, 0, 62500);
	return false;
}

bool rh_parse_plan(const char *policy, struct rh_plan *plan)
{
	static const char * const shapes[] = {
		[RH_LINEAR] = "linear", [RH_COSINE] = "cosine", [RH_QUADRATIC] = "quadratic",
	};
	char name[16], seconds[16], place[16];
	struct spec_error error;
	enum rh_shape shape;
	int64_t window;
	int end = 0;

	if (!strcmp(policy, "step"))
		return set_window(plan, RH_STEP, 0, 0);
	if (sscanf(policy, "smear %15s%n", name, &end) == 1 && !policy[end])
		return set_preset(plan, name);
	if (sscanf(policy, "smear %15s %15s %15s%n", name, seconds, place, &end) != 3 ||
	    policy[end] ||
	    !spec_parse_number(seconds, SPEC_WINDOW_MIN, SPEC_WINDOW_MAX, &window, &error))
		return false;
	for (shape = RH_LINEAR; strcmp(name, shapes[shape]); shape++)
		if (shape == RH_QUADRATIC)
			return false;
	if (!strcmp(place, "before"))
		return set_window(plan, shape, -window, 0);
	if (!strcmp(place, "after"))
		return set_window(plan, shape, 0, window);
	if (strcmp(place, "centred"))
		return false;
	return set_window(plan, shape, -(window / 2), window - window / 2);
}
