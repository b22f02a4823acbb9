/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is done to clocks, and when: a list of events, from a file or drawn by chance. Pure functions; no clock is read here
 * and nothing is printed but by plan_write().
 *
 * A schedule is a text, one event on a line:
 *
 *	AT	WHO	drift PPM		all its clocks run faster by this, until the next one
 *	AT	WHO	step DURATION		CLOCK_REALTIME moves by this
 *	AT	WHO	strobe DURATION		the same, and it is taken back when the schedule ends
 *
 * AT is a duration from the start. Lines which are empty or begin with '#' mean nothing.
 */
#ifndef TKNS_PLAN_H
#define TKNS_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "user_values.h"

/* More than anybody reads, and what a mistake in an interval comes to soon */
#define PLAN_EVENTS_MAX	100000
/* A schedule is over after so long, and no step is longer: 30 days */
#define PLAN_TIME_MAX	(30 * SECS_PER_DAY * NSEC_PER_SEC)
/* A drift is a rate, which has eight decimals: hundredths of a ppm, up to 10 % */
#define PLAN_DRIFT_UNIT	100
#define PLAN_DRIFT_MAX	(100000 * PLAN_DRIFT_UNIT)

enum plan_what {
	PLAN_DRIFT,
	PLAN_STEP,
	PLAN_STROBE,
};

struct plan_event {
	int64_t at;		/* ns from the start */
	size_t who;		/* number of the name */
	enum plan_what what;
	int64_t value;		/* ns; of a drift 1/PLAN_DRIFT_UNIT ppm */
};

struct plan {
	char **names;		/* each once */
	size_t nr_names;
	struct plan_event *events;
	size_t nr, room;
};

/* From FIRST to LAST, both included; they are the same if nothing is left to chance. */
struct plan_range {
	int64_t first, last;
};

/* What is drawn: events of one kind, for each name on its own. */
struct plan_draw {
	enum plan_what what;
	struct plan_range value;
	struct plan_range every;	/* ns from one to the next; 0: a single one */
	int64_t length;			/* ns */
};

/* The number of the name, which is added if it is new. Returns false without memory, as all that follows. */
bool plan_name(struct plan *plan, const char *name, size_t *number);

/*
 * Draw for each name, in the order of the names. The same seed draws the same.
 *
 *	drift	one value from the start on, and another one at each interval; 0 at the end
 *	step	a value at each interval, the first after one; without an interval one at the start
 *	strobe	as step, but every second one takes back the one before it, also at the end
 *
 * Returns false if there would be more than PLAN_EVENTS_MAX.
 */
bool plan_draw(struct plan *plan, const struct plan_draw *draw, uint64_t seed);

/* A line of a schedule, without its end. Returns false with the reason, and where in the line. */
bool plan_parse_line(struct plan *plan, const char *line, struct spec_error *error);

/* A value or "FIRST..LAST"; a duration, or a drift in ppm */
bool plan_parse_range(const char *text, enum plan_what what, struct plan_range *range, struct spec_error *error);

/* By time; those of the same time stay in their order. */
bool plan_sort(struct plan *plan);

/* As a schedule, which is parsed back to the same. */
void plan_write(const struct plan *plan, FILE *file);

/* "+12.5", and the word of a kind */
const char *plan_format_drift(char *buf, int64_t drift);
const char *plan_what_name(enum plan_what what);

/* A rate with a drift on top of it. Returns false if it is none which the kernel takes. */
bool plan_rate(struct spec_rate rate, int64_t drift, struct spec_rate *result);

void plan_free(struct plan *plan);

#endif /* TKNS_PLAN_H */
