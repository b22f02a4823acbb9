// SPDX-License-Identifier: GPL-2.0
/* Schedules of tkns drift, step and strobe: what is drawn, read and written. Prints TAP. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "../plan.h"
#include "tap.h"

#define S	NSEC_PER_SEC
#define MS	(S / 1000)

static char *text_of(const struct plan *plan)
{
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	plan_write(plan, file);
	fclose(file);
	return text;
}

static bool parse(struct plan *plan, const char *text, struct spec_error *error)
{
	char *copy = strdup(text), *at = copy, *line;
	bool good = true;

	while (good && (line = strsep(&at, "\n")))
		good = plan_parse_line(plan, line, error);
	free(copy);
	return good;
}

static void draw(struct plan *plan, enum plan_what what, struct plan_range value, struct plan_range every,
		 int64_t length, uint64_t seed)
{
	const struct plan_draw draw = { .what = what, .value = value, .every = every, .length = length };
	size_t number;

	*plan = (struct plan) { 0 };
	if (!plan_name(plan, "a", &number) || !plan_name(plan, "b", &number) || !plan_draw(plan, &draw, seed) ||
	    !plan_sort(plan))
		tap_wrong("cannot be drawn");
}

static void test_lines(void)
{
	static const struct {
		const char *line;
		size_t at;		/* where it is wrong */
		const char *why;	/* NULL: nothing is */
	} cases[] = {
		{ "" }, { "  \t" }, { "# 1s a step 1s" }, { "0 a drift 200" }, { "\t10s  a\tstep  -250ms " },
		{ "30d a strobe 30d" }, { "1s podman:web drift -0.01" },
		{ "1s a step", 9, "the line ends where a value is expected" },
		{ "1s", 2, "the line ends where a name is expected" },
		{ "1s a", 4, "the line ends where drift, step or strobe is expected" },
		{ "1x a step 1s", 1, NULL }, { "1s a stop 1s", 5, "drift, step or strobe is expected" },
		{ "1s a step 1s 2s", 13, "the value ends the line" },
		{ "-1s a step 1s", 0, "outside 0..30d" }, { "31d a step 1s", 0, "outside 0..30d" },
		{ "1s a step 31d", 10, "longer than 30 days" }, { "1s a step ten", 10, NULL },
		{ "1s a drift 100001", 11, NULL },
	};
	size_t i, good = 7;

	for (i = 0; i < N_OF(cases); i++) {
		struct plan plan = { 0 };
		struct spec_error error = { 0 };
		bool done = plan_parse_line(&plan, cases[i].line, &error);

		if (done && i >= good)
			tap_wrong("'%s' is taken", cases[i].line);
		if (!done && i < good)
			tap_wrong("'%s': %s", cases[i].line, error.why);
		if (!done && (error.at != cases[i].at || (cases[i].why && strcmp(error.why, cases[i].why))))
			tap_wrong("'%s': '%s' at %zu", cases[i].line, error.why, error.at);
		if (!done && plan.nr)
			tap_wrong("'%s': an event of what is refused", cases[i].line);
		plan_free(&plan);
	}
	tap_end("lines of a schedule");
}

static void test_order(void)
{
	struct spec_error error;
	struct plan plan = { 0 };
	char *text;

	if (!parse(&plan, "2s b step 1s\n1s a drift 12.345\n2s a step -1ms\n1s b strobe 2s\n2s b step 3s\n", &error))
		tap_wrong("%s", error.why);
	plan_sort(&plan);
	text = text_of(&plan);
	/* A drift in hundredths, by the nearest */
	if (strcmp(text, "1s\ta\tdrift\t+12.35\n1s\tb\tstrobe\t+2s\n2s\tb\tstep\t+1s\n2s\ta\tstep\t-0.001s\n2s\tb\tstep\t+3s\n"))
		tap_wrong("%s", text);
	tap_end("events are in the order of time, and of the file");
	free(text);
	plan_free(&plan);
}

static void test_ranges(void)
{
	struct plan_range range;
	struct spec_error error;

	if (!plan_parse_range("-5s..250ms", PLAN_STEP, &range, &error) || range.first != -5 * S || range.last != 250 * MS)
		tap_wrong("a range");
	if (!plan_parse_range("7s", PLAN_STROBE, &range, &error) || range.first != 7 * S || range.last != 7 * S)
		tap_wrong("a single value");
	if (!plan_parse_range("-100000..0.01", PLAN_DRIFT, &range, &error) || range.first != -PLAN_DRIFT_MAX || range.last != 1)
		tap_wrong("a range of drifts: %lld %lld", (long long)range.first, (long long)range.last);
	if (plan_parse_range("5s..1s", PLAN_STEP, &range, &error))
		tap_wrong("the wrong way round");
	if (plan_parse_range("1s..2x", PLAN_STEP, &range, &error) || error.at != 5)
		tap_wrong("an error in the second value is at %zu", error.at);
	tap_end("ranges");
}

/* Whatever is drawn: within the ranges, of each name what is its own, and back to where it began where that is promised */
static void test_draw(enum plan_what what, const char *name)
{
	const struct plan_range value = { -300, 500 }, every = { 10 * MS, 30 * MS };
	uint64_t seed;

	for (seed = 0; seed < 200; seed++) {
		struct plan plan, again;
		int64_t last[2] = { -1, -1 }, sum[2] = { 0, 0 }, now[2] = { 0, 0 };
		char *one, *two;
		size_t i;

		draw(&plan, what, value, every, S, seed);
		for (i = 0; i < plan.nr; i++) {
			const struct plan_event *e = &plan.events[i];
			int64_t gap = e->at - last[e->who];
			int64_t held;
			bool end = e->at == S;

			if (e->what != what || e->at < 0 || e->at > S || (end && what == PLAN_STEP))
				tap_wrong("an event of another kind, or at %lld", (long long)e->at);
			if (last[e->who] >= 0 && (gap > every.last || (gap < every.first && !end)))
				tap_wrong("%lld ns between two", (long long)gap);
			if (last[e->who] < 0 && (what == PLAN_STEP ? e->at < every.first || e->at > every.last : e->at))
				tap_wrong("the first one at %lld", (long long)e->at);
			sum[e->who] += e->value;
			now[e->who] = e->value;
			/* What a strobe adds up to is a value or nothing, whatever it takes back. */
			held = what == PLAN_STROBE ? sum[e->who] : e->value;
			if (held && (held < value.first || held > value.last))
				tap_wrong("a value of %lld", (long long)e->value);
			last[e->who] = e->at;
		}
		if (what == PLAN_DRIFT && (now[0] || now[1]))
			tap_wrong("it still drifts");
		if (what == PLAN_STROBE && (sum[0] || sum[1]))
			tap_wrong("it is not back");
		/* The last one that fits */
		if (last[0] < S - every.last || last[1] < S - every.last)
			tap_wrong("it ends at %lld", (long long)last[0]);
		draw(&again, what, value, every, S, seed);
		one = text_of(&plan);
		two = text_of(&again);
		if (strcmp(one, two))
			tap_wrong("seed %d draws another one", (int)seed);
		free(two);
		plan_free(&again);
		if (!parse(&again, one, &(struct spec_error) { 0 }) || !plan_sort(&again))
			tap_wrong("what is written is not read");
		two = text_of(&again);
		if (strcmp(one, two))
			tap_wrong("what is written is read as another one");
		free(one);
		free(two);
		plan_free(&again);
		draw(&again, what, value, every, S, seed + 1);
		if (again.nr == plan.nr && !memcmp(again.events, plan.events, plan.nr * sizeof(*plan.events)))
			tap_wrong("another seed draws the same");
		plan_free(&again);
		plan_free(&plan);
	}
	tap_end(name);
}

static void test_single(void)
{
	const struct plan_range value = { 5 * MS, 5 * MS }, none = { 0, 0 };
	struct plan plan;
	char *text;

	draw(&plan, PLAN_STEP, value, none, 0, 1);
	text = text_of(&plan);
	if (strcmp(text, "0s\ta\tstep\t+0.005s\n0s\tb\tstep\t+0.005s\n"))
		tap_wrong("%s", text);
	free(text);
	plan_free(&plan);
	draw(&plan, PLAN_DRIFT, (struct plan_range) { 20000, 20000 }, none, 60 * S, 1);
	text = text_of(&plan);
	if (strcmp(text, "0s\ta\tdrift\t+200.00\n0s\tb\tdrift\t+200.00\n1m\ta\tdrift\t+0.00\n1m\tb\tdrift\t+0.00\n"))
		tap_wrong("%s", text);
	free(text);
	plan_free(&plan);
	tap_end("a single step, and a drift for a while");
}

static void test_too_many(void)
{
	const struct plan_draw draw = { .what = PLAN_STEP, .value = { 1, 1 }, .every = { MS, MS }, .length = 101 * S };
	struct plan plan = { 0 };
	size_t number;

	if (!plan_name(&plan, "a", &number) || plan_draw(&plan, &draw, 1))
		tap_wrong("101000 events are taken");
	plan_free(&plan);
	tap_end("more events than there may be");
}

static void test_rate(void)
{
	static const struct {
		struct spec_rate rate;
		int64_t drift;
		bool taken;
		struct spec_rate result;
	} cases[] = {
		{ { 1, 1 }, 0, true, { 1, 1 } },
		{ { 1, 1 }, 20000, true, { 5001, 5000 } },
		{ { 1, 1 }, 1, true, { 100000001, 100000000 } },
		{ { 1, 1 }, -PLAN_DRIFT_MAX, true, { 9, 10 } },
		{ { 3, 2 }, PLAN_DRIFT_MAX, true, { 33, 20 } },
		{ { 1000, 1 }, 100, true, { 1000001, 1000 } },
		/* Beyond 2000, below 1/1000, and parts which are too large */
		{ { 2000, 1 }, 1, false },
		{ { 1, 1000 }, -1, false },
		{ { 11, 1 }, 1, false },
	};
	struct spec_rate got;
	size_t i;

	for (i = 0; i < N_OF(cases); i++) {
		bool taken = plan_rate(cases[i].rate, cases[i].drift, &got);

		if (taken != cases[i].taken || (taken && (got.num != cases[i].result.num || got.den != cases[i].result.den)))
			tap_wrong("case %zu: %llu/%llu", i, (unsigned long long)got.num, (unsigned long long)got.den);
	}
	tap_end("a drift on top of a rate");
}

int main(void)
{
	test_lines();
	test_order();
	test_ranges();
	test_draw(PLAN_DRIFT, "drawn drifts");
	test_draw(PLAN_STEP, "drawn steps");
	test_draw(PLAN_STROBE, "drawn strobes");
	test_single();
	test_too_many();
	test_rate();
	return tap_done();
}
