// SPDX-License-Identifier: GPL-2.0
/* See plan.h. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

static const char *const words[] = {
	[PLAN_DRIFT] = "drift", [PLAN_STEP] = "step", [PLAN_STROBE] = "strobe",
};

#define N_WORDS	(sizeof(words) / sizeof(words[0]))

const char *plan_what_name(enum plan_what what)
{
	return words[what];
}

bool plan_name(struct plan *plan, const char *name, size_t *number)
{
	char **names;

	for (*number = 0; *number < plan->nr_names; ++*number)
		if (!strcmp(plan->names[*number], name))
			return true;
	names = reallocarray(plan->names, plan->nr_names + 1, sizeof(*names));
	if (!names)
		return false;
	plan->names = names;
	names[plan->nr_names] = strdup(name);
	return names[plan->nr_names] && ++plan->nr_names;
}

static bool add(struct plan *plan, const struct plan_event *event)
{
	if (plan->nr == PLAN_EVENTS_MAX)
		return false;
	if (plan->nr == plan->room) {
		size_t room = plan->room ? 2 * plan->room : 64;
		struct plan_event *events = reallocarray(plan->events, room, sizeof(*events));

		if (!events)
			return false;
		plan->events = events;
		plan->room = room;
	}
	plan->events[plan->nr++] = *event;
	return true;
}

/* splitmix64: each number of a sequence which a seed begins, mixed */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* The product of a fraction of 2^64 and the width, which is 60 days or less, below 2^53: nobody would see how far that is from even. */
static int64_t draw_from(const struct plan_range *range, uint64_t *state)
{
	uint64_t width = (uint64_t)range->last - (uint64_t)range->first + 1;

	return range->first + (int64_t)((__int128)next_random(state) * width >> 64);
}

static bool draw_for(struct plan *plan, const struct plan_draw *draw, size_t who, uint64_t *state)
{
	struct plan_event event = { .who = who, .what = draw->what };
	bool repeats = draw->every.last > 0;
	int64_t out = 0;

	/* A drift holds from the start on, and so does a strobe. A step comes after a while. */
	if (draw->what == PLAN_STEP && repeats)
		event.at = draw_from(&draw->every, state);
	while (event.at < draw->length || (!repeats && !event.at)) {
		event.value = out ? -out : draw_from(&draw->value, state);
		if (!add(plan, &event))
			return false;
		if (draw->what == PLAN_STROBE)
			out = out ? 0 : event.value;
		if (!repeats)
			break;
		event.at += draw_from(&draw->every, state);
	}
	event.at = draw->length;
	if (draw->what == PLAN_DRIFT) {
		event.value = 0;
		return add(plan, &event);
	}
	event.value = -out;
	return !out || add(plan, &event);
}

bool plan_draw(struct plan *plan, const struct plan_draw *draw, uint64_t seed)
{
	size_t who;

	for (who = 0; who < plan->nr_names; who++)
		if (!draw_for(plan, draw, who, &seed))
			return false;
	return true;
}

/* The next word of a line, with nothing but a blank or the end behind it; NULL if there is none */
static char *next_word(const char *line, size_t *at, size_t *begin)
{
	size_t len;

	*at += strspn(line + *at, " \t");
	*begin = *at;
	len = strcspn(line + *at, " \t");
	*at += len;
	return len ? strndup(line + *begin, len) : NULL;
}

static bool parse_drift(const char *text, int64_t *drift, struct spec_error *error)
{
	int64_t ppm, half = SPEC_PPM / 2;

	if (!spec_parse_ppm(text, &ppm, error))
		return false;
	/* Up to 1e5 * 2^16 * 100 */
	ppm *= PLAN_DRIFT_UNIT;
	*drift = (ppm + (ppm < 0 ? -half : half)) / SPEC_PPM;
	return true;
}

static bool parse_value(const char *text, enum plan_what what, int64_t *value, struct spec_error *error)
{
	if (what == PLAN_DRIFT)
		return parse_drift(text, value, error);
	if (!spec_parse_duration(text, value, error))
		return false;
	if (*value > PLAN_TIME_MAX || *value < -PLAN_TIME_MAX)
		return spec_wrong(error, 0, strlen(text), "longer than 30 days");
	return true;
}

bool plan_parse_range(const char *text, enum plan_what what, struct plan_range *range, struct spec_error *error)
{
	const char *dots = strstr(text, "..");
	char *first;
	bool good;

	if (!dots) {
		good = parse_value(text, what, &range->first, error);
		range->last = range->first;
		return good;
	}
	first = strndup(text, dots - text);
	if (!first)
		return spec_wrong(error, 0, 0, "out of memory");
	good = parse_value(first, what, &range->first, error);
	free(first);
	if (!good)
		return false;
	if (!parse_value(dots + 2, what, &range->last, error)) {
		error->at += dots + 2 - text;
		return false;
	}
	if (range->last < range->first)
		return spec_wrong(error, 0, strlen(text), "the second value is less than the first");
	return true;
}

/* The words of a line are where they are in it: an error of a word is one of the line. */
static bool parse_words(struct plan *plan, const char *line, char *word[4], const size_t begin[4],
			struct spec_error *error)
{
	struct plan_event event;
	size_t i;

	if (!spec_parse_duration(word[0], &event.at, error)) {
		error->at += begin[0];
		return false;
	}
	if (event.at < 0 || event.at > PLAN_TIME_MAX)
		return spec_wrong(error, begin[0], strlen(word[0]), "outside 0..30d");
	for (i = 0; i < N_WORDS && strcmp(word[2], words[i]); i++)
		;
	if (i == N_WORDS)
		return spec_wrong(error, begin[2], strlen(word[2]), "drift, step or strobe is expected");
	event.what = i;
	if (!parse_value(word[3], event.what, &event.value, error)) {
		error->at += begin[3];
		return false;
	}
	if (plan->nr == PLAN_EVENTS_MAX)
		return spec_wrong(error, 0, strlen(line), "more than %d events", PLAN_EVENTS_MAX);
	if (!plan_name(plan, word[1], &event.who) || !add(plan, &event))
		return spec_wrong(error, 0, 0, "out of memory");
	return true;
}

bool plan_parse_line(struct plan *plan, const char *line, struct spec_error *error)
{
	static const char *const parts[] = { "a time", "a name", "drift, step or strobe", "a value" };
	char *word[5] = { NULL };
	size_t begin[5], at = 0, i;
	bool good;

	at = strspn(line, " \t");
	if (!line[at] || line[at] == '#')
		return true;
	for (i = 0; i < 5; i++)
		word[i] = next_word(line, &at, &begin[i]);
	for (i = 0; i < 4 && word[i]; i++)
		;
	if (i < 4)
		good = spec_wrong(error, strlen(line), 0, "the line ends where %s is expected", parts[i]);
	else if (word[4])
		good = spec_wrong(error, begin[4], strlen(line) - begin[4], "the value ends the line");
	else
		good = parse_words(plan, line, word, begin, error);
	for (i = 0; i < 5; i++)
		free(word[i]);
	return good;
}

/* Also by the number, which makes the order one that is told from another: qsort() keeps none. */
static int earlier(const void *a, const void *b, void *events)
{
	const struct plan_event *x = &((const struct plan_event *)events)[*(const size_t *)a];
	const struct plan_event *y = &((const struct plan_event *)events)[*(const size_t *)b];

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x < y ? -1 : x > y;
}

bool plan_sort(struct plan *plan)
{
	struct plan_event *sorted = calloc(plan->nr + 1, sizeof(*sorted));
	size_t *order = calloc(plan->nr + 1, sizeof(*order)), i;

	if (!sorted || !order) {
		free(sorted);
		free(order);
		return false;
	}
	for (i = 0; i < plan->nr; i++)
		order[i] = i;
	qsort_r(order, plan->nr, sizeof(*order), earlier, plan->events);
	for (i = 0; i < plan->nr; i++)
		sorted[i] = plan->events[order[i]];
	free(order);
	free(plan->events);
	plan->events = sorted;
	plan->room = plan->nr + 1;
	return true;
}

const char *plan_format_drift(char *buf, int64_t drift)
{
	int64_t size = llabs(drift);

	snprintf(buf, SPEC_TEXT, "%c%" PRId64 ".%02d", drift < 0 ? '-' : '+', size / PLAN_DRIFT_UNIT,
		 (int)(size % PLAN_DRIFT_UNIT));
	return buf;
}

void plan_write(const struct plan *plan, FILE *file)
{
	char at[SPEC_TEXT], value[SPEC_TEXT];
	size_t i;

	for (i = 0; i < plan->nr; i++) {
		const struct plan_event *e = &plan->events[i];

		if (e->what == PLAN_DRIFT)
			plan_format_drift(value, e->value);
		else
			spec_format_duration(value, e->value);
		/* The sign of a time from the start says nothing. */
		fprintf(file, "%s\t%s\t%s\t%s\n", spec_format_duration(at, e->at) + 1,
			plan->names[e->who], words[e->what], value);
	}
}

bool plan_rate(struct spec_rate rate, int64_t drift, struct spec_rate *result)
{
	/* 1e9 times 1.1e8 at the most */
	uint64_t num = rate.num * (1000000 * PLAN_DRIFT_UNIT + drift);
	uint64_t den = rate.den * (1000000 * PLAN_DRIFT_UNIT);

	*result = spec_reduce(num, den);
	return result->num <= SPEC_RATE_PART && result->den <= SPEC_RATE_PART &&
	       result->num <= SPEC_RATE_MAX * result->den && result->den <= SPEC_SLOW_MAX * result->num;
}

void plan_free(struct plan *plan)
{
	size_t i;

	for (i = 0; i < plan->nr_names; i++)
		free(plan->names[i]);
	free(plan->names);
	free(plan->events);
	*plan = (struct plan) { 0 };
}
