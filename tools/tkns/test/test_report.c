// SPDX-License-Identifier: GPL-2.0
/*
 * The analysis of report.c against series of samples that are made up here: with something planted
 * that it has to find, and without, where it has to find nothing. Prints TAP.
 *
 * The curves of the smears are computed here once more, in another way (by the sum of their slope,
 * where report.c uses the closed form), so that a mistake in one of the two shows.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#include "../report.h"

#define SEC		RH_NSEC_PER_SEC
#define MIDNIGHT	1798761600LL	/* 2027-01-01 00:00:00 */
#define MAX_SAMPLES	4096

static struct rh_sample s[MAX_SAMPLES];
static struct rh_findings f;
static unsigned int count, failed;

__attribute__((format(printf, 2, 3)))
static void check(bool holds, const char *fmt, ...)
{
	va_list args;

	count++;
	failed += !holds;
	printf("%sok %u - ", holds ? "" : "not ", count);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

/* What is left unset is zero: exact clocks at the rate of the host, without a leap. */
struct world {
	size_t nr;
	int64_t before, after;		/* of the edge, on the namespace's clock */
	int64_t err;			/* inside */
	int64_t host_err;
	struct rh_plan plan;
	double ppm;			/* MONOTONIC against its nominal rate */
	double raw_ppm;			/* RAW against MONOTONIC */
	int64_t noise;			/* readings scatter by so much, within err */
};

/* The integral of the slope: what of the second is through at x, 0..1. */
static long double curve(enum rh_shape shape, long double x)
{
	const int steps = 2000;
	long double sum = 0;
	int i;

	if (x <= 0)
		return 0;
	if (x >= 1)
		return 1;
	if (shape == RH_LINEAR)
		return x;
	for (i = 0; i < steps; i++) {
		/* Midpoints; the sum is exact for straight pieces and to 1e-7 for the sine. */
		long double at = x * (i + 0.5L) / steps;
		long double slope;

		if (shape == RH_COSINE)
			slope = acosl(-1) / 2 * sinl(acosl(-1) * at);
		else
			slope = at < 0.5L ? 4 * at : 4 - 4 * at;
		sum += slope * x / steps;
	}
	return sum;
}

static int64_t scatter(const struct world *w)
{
	return w->noise ? random() % (2 * w->noise + 1) - w->noise : 0;
}

static void make(const struct world *w)
{
	int64_t ns_span = w->before + w->after;
	int64_t host_span = (int64_t)((__int128)ns_span * w->plan.rate_den / w->plan.rate_num);
	size_t i;

	srandom(1);
	memset(s, 0, sizeof(s));
	for (i = 0; i < w->nr; i++) {
		int64_t host = host_span / (int64_t)(w->nr - 1) * (int64_t)i;
		int64_t mono = (int64_t)((__int128)host * w->plan.rate_num / w->plan.rate_den);
		int64_t t, smear;
		enum rh_clock c;

		mono += llrint((double)mono * w->ppm / 1e6);
		t = mono - w->before;
		if (w->plan.shape == RH_STEP)
			smear = t >= 0 ? w->plan.step * SEC : 0;
		else
			smear = llrintl(w->plan.step * (long double)SEC *
					curve(w->plan.shape,
					      (long double)(t - w->plan.from) /
					      (long double)(w->plan.to - w->plan.from)));

		s[i].number = i;
		s[i].host_mono = 1000 * SEC + host;
		s[i].host_err = w->host_err;
		s[i].mono = 5000 * SEC + mono + scatter(w);
		for (c = 0; c < RH_NR_CLOCKS; c++) {
			s[i].off_err[c] = c == RH_MONOTONIC ? 0 : w->err;
			s[i].host_off_err[c] = c == RH_MONOTONIC ? 0 : w->err;
		}
		s[i].off[RH_TAI] = w->plan.edge - w->before - 5000 * SEC + 37 * SEC;
		s[i].off[RH_REALTIME] = s[i].off[RH_TAI] - 37 * SEC + smear + scatter(w);
		s[i].off[RH_REALTIME_SYS] = s[i].off[RH_TAI] - 37 * SEC + smear + scatter(w);
		s[i].off[RH_REALTIME_COARSE] = s[i].off[RH_REALTIME] - 1000000;
		s[i].off_err[RH_REALTIME_COARSE] = w->err + 4000000;
		s[i].off[RH_TAI] += scatter(w);
		s[i].off[RH_BOOTTIME] = 7 * SEC;
		s[i].off[RH_RAW] = -3 * SEC + llrint((double)mono * w->raw_ppm / 1e6);
		s[i].host_off[RH_REALTIME] = 1700000000 * SEC;
		s[i].host_off[RH_TAI] = 1700000037 * SEC;
		s[i].host_off[RH_RAW] = llrint((double)host * w->raw_ppm / 1e6);
		s[i].tai = 37;
		s[i].state = w->plan.step < 0 ? 1 : w->plan.step > 0 ? 2 : 0;
		s[i].status = w->plan.step < 0 ? STA_INS : w->plan.step > 0 ? STA_DEL : 0;
		if (w->plan.step && t >= (w->plan.shape == RH_STEP ? 0 : w->plan.to)) {
			s[i].tai -= w->plan.step;
			s[i].state = 4;
			if (w->plan.shape == RH_STEP && w->plan.step < 0 && t < SEC)
				s[i].state = 3;
		}
	}
}

static struct rh_plan plan(enum rh_shape shape, int step, int64_t from, int64_t to, int64_t rate)
{
	return (struct rh_plan) {
		.shape = shape, .step = step, .from = from, .to = to,
		.edge = (MIDNIGHT - (step > 0)) * SEC,
		.rate_num = rate, .rate_den = 1,
	};
}

/* Ten seconds around nothing, 20 ms apart. */
static struct world quiet(int64_t err)
{
	return (struct world) {
		.nr = 501, .before = 5 * SEC, .after = 5 * SEC, .err = err, .host_err = err,
		.plan = plan(RH_STEP, 0, 0, 0, 1),
	};
}

static void analyse(const struct world *w)
{
	if (!rh_analyse(&w->plan, s, w->nr, &f))
		check(false, "the analysis took %zu samples", w->nr);
}

static void show(void)
{
	size_t i;

	for (i = 0; i < f.jumps; i++)
		printf("# %s%s %s by %lld +- %lld between samples %zu and the next, %lld..%lld\n",
		       f.jump[i].host ? "host " : "", rh_clock_name(f.jump[i].clock),
		       f.jump[i].back ? "went back" : "stepped", (long long)f.jump[i].size,
		       (long long)f.jump[i].err, f.jump[i].index, (long long)f.jump[i].from,
		       (long long)f.jump[i].to);
}

/* The only jumps are steps of this size of these clocks, in this interval. */
static bool only_steps(unsigned int clocks, size_t index, int64_t size)
{
	unsigned int seen = 0;
	size_t i;

	for (i = 0; i < f.jumps; i++) {
		const struct rh_jump *j = &f.jump[i];

		if (j->back)
			continue;
		if (j->host || j->index != index || llabs(j->size - size) > j->err)
			break;
		seen |= 1U << j->clock;
	}
	if (i < f.jumps || seen != clocks) {
		show();
		return false;
	}
	return true;
}

static size_t backs(enum rh_clock clock)
{
	size_t i, n = 0;

	for (i = 0; i < f.jumps; i++)
		n += f.jump[i].back && f.jump[i].clock == clock;
	return n;
}

static bool near(const struct rh_extreme *e, int64_t value, int64_t within)
{
	if (llabs(e->value - value) <= within)
		return true;
	printf("# %lld +- %lld, wanted %lld +- %lld\n", (long long)e->value, (long long)e->err,
	       (long long)value, (long long)within);
	return false;
}

static bool is_quiet(void)
{
	if (!f.jumps_total)
		return true;
	show();
	return false;
}

#define REAL	(1U << RH_REALTIME | 1U << RH_REALTIME_SYS)

static void test_nothing(void)
{
	struct world w = quiet(0);

	make(&w);
	analyse(&w);
	check(is_quiet(), "exact clocks: no step");
	check(near(&f.host, 0, 0) && near(&f.utc, 0, 0) && near(&f.plan, 0, 0) &&
	      near(&f.tai, 0, 0) && near(&f.boottime, 0, 0), "exact clocks: no offset");
	check(!f.missing && f.states == 1 && f.tais == 1, "exact clocks: nothing missed, no change");
	check(f.realtime.known && f.realtime.min == 0 && f.realtime.max == 0 &&
	      f.monotonic.known && f.monotonic.min == 0 && f.monotonic.max == 0,
	      "exact clocks: the rate is nominal");
	check(!f.vdso_differs, "exact clocks: vDSO and system call agree");
	check(near(&f.coarse, -1000000, 0), "the coarse clock is a millisecond late");

	w = quiet(200);
	w.noise = 100;
	w.host_err = 2000;
	make(&w);
	analyse(&w);
	check(is_quiet(), "readings that scatter within their brackets: no step");
	check(!f.vdso_differs, "readings that scatter: vDSO and system call agree");

	/* As bad as it can be: the brackets are used up. */
	w = quiet(200);
	w.noise = 200;
	w.raw_ppm = 50;
	make(&w);
	analyse(&w);
	check(is_quiet(), "readings that scatter as far as their brackets: no step");

	w = quiet(0);
	w.nr = 1;
	check(!rh_analyse(&w.plan, s, 1, &f) && f.samples == 1, "one sample says nothing");
	check(!rh_analyse(&w.plan, s, 0, &f) && f.samples == 0, "and none neither");
	w.nr = 2;
	make(&w);
	analyse(&w);
	check(is_quiet() && f.samples == 2, "two samples: no step");
}

static void shift(enum rh_clock c, size_t from, int64_t by)
{
	for (; from < MAX_SAMPLES; from++)
		s[from].off[c] += by;
}

static void test_steps(void)
{
	static const int64_t sizes[] = { 1, 2, -2, 1000, -1000000, SEC, -SEC, 3600 * SEC };
	struct world w = quiet(0);
	size_t i;

	make(&w);
	shift(RH_REALTIME, 123, -1);
	shift(RH_REALTIME_SYS, 123, -1);
	analyse(&w);
	check(only_steps(REAL, 122, -1), "a step back of 1 ns");
	check(f.jump[0].from == -5 * SEC + 122 * (SEC / 50) &&
	      f.jump[0].to == -5 * SEC + 123 * (SEC / 50), "a step back of 1 ns: when");
	check(near(&f.host, -1, 0) && near(&f.utc, -1, 0), "a step back of 1 ns: the offsets");
	check(!backs(RH_REALTIME), "a step back of 1 ns in 20 ms is not seen going back");

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		make(&w);
		shift(RH_TAI, 300, sizes[i]);
		analyse(&w);
		check(only_steps(1U << RH_TAI, 299, sizes[i]), "a step of TAI by %lld ns",
		      (long long)sizes[i]);
		check(near(&f.tai, sizes[i], 0), "the error of TAI");
	}

	w = quiet(50);
	w.noise = 20;
	make(&w);
	shift(RH_REALTIME, 250, -SEC);
	shift(RH_REALTIME_SYS, 250, -SEC);
	shift(RH_REALTIME_COARSE, 250, -SEC);
	analyse(&w);
	check(only_steps(REAL, 249, -SEC), "a step back of 1 s among readings that scatter");
	check(backs(RH_REALTIME) == 1 && backs(RH_TAI) == 0 && backs(RH_MONOTONIC) == 0,
	      "a step back of 1 s is seen going back");
	check(near(&f.plan, -SEC, 100), "a step back of 1 s that was not planned");

	make(&w);
	shift(RH_REALTIME, 10, SEC / 4);
	shift(RH_REALTIME_SYS, 10, SEC / 4);
	shift(RH_REALTIME, 490, -SEC / 2);
	shift(RH_REALTIME_SYS, 490, -SEC / 2);
	analyse(&w);
	check(f.jump[0].size > 0 && f.jump[1].size < 0 && f.jump[0].index == 9 &&
	      f.jump[1].index == 489 && backs(RH_REALTIME) == 1, "two steps of one clock");

	/* A small one behind a large one. */
	w = quiet(0);
	make(&w);
	shift(RH_TAI, 101, SEC);
	shift(RH_TAI, 102, 1000);
	analyse(&w);
	check(f.jumps_total == 2 && f.jump[1].size == 1000 &&
	      llabs(f.jump[0].size - SEC) <= f.jump[0].err,
	      "a step of 1 us behind one of 1 s");

	/* First interval and last. */
	w = quiet(0);
	make(&w);
	shift(RH_BOOTTIME, 1, 5);
	analyse(&w);
	check(only_steps(1U << RH_BOOTTIME, 0, 5), "a step in the first interval");
	make(&w);
	shift(RH_BOOTTIME, 500, 5);
	analyse(&w);
	check(only_steps(1U << RH_BOOTTIME, 499, 5) && near(&f.boottime, 5, 0),
	      "a step in the last interval");

	/* The reference itself. */
	make(&w);
	for (i = 200; i < w.nr; i++)
		s[i].mono += SEC;
	for (i = 200; i < w.nr; i++)
		s[i].off[RH_RAW] -= SEC;
	analyse(&w);
	check(f.jumps_total == 2 && f.jump[0].clock == RH_RAW && f.jump[0].size == -SEC &&
	      f.jump[1].clock == RH_MONOTONIC && f.jump[1].size == SEC && f.jump[1].index == 199,
	      "a step of MONOTONIC, against the host and RAW");
	make(&w);
	for (i = 200; i < w.nr; i++)
		s[i].host_off[RH_REALTIME] += 1000;
	analyse(&w);
	check(f.jumps_total == 1 && f.jump[0].host && f.jump[0].clock == RH_REALTIME &&
	      f.jump[0].index == 199 && f.jump[0].size == 1000, "a step of the host's REALTIME");
	check(near(&f.host_moved, 1000, 0) && near(&f.host, -1000, 0),
	      "a step of the host's REALTIME: how far");

	/* More than is kept. */
	make(&w);
	for (i = 0; i < w.nr; i++)
		if (i / 2 % 2)
			s[i].off[RH_TAI] += SEC;
	analyse(&w);
	check(f.jumps == RH_MAX_JUMPS && f.jumps_total >= 200, "more steps than are kept are counted");
}

static void test_back(void)
{
	struct world w = quiet(30);

	make(&w);
	s[77].back[RH_REALTIME] = 1;
	analyse(&w);
	check(f.jumps_total == 1 && f.jump[0].back && f.jump[0].clock == RH_REALTIME &&
	      f.jump[0].index == 77 && f.jump[0].size == -1, "a reading 1 ns behind the one before");
	make(&w);
	s[0].back[RH_MONOTONIC] = 3;
	analyse(&w);
	check(f.jumps_total == 1 && f.jump[0].back && f.jump[0].index == 0,
	      "going back before the first sample");
	make(&w);
	s[100].mono = s[99].mono;
	s[100].off[RH_BOOTTIME] -= 60;
	analyse(&w);
	check(!backs(RH_BOOTTIME), "going back by no more than the brackets is none");
	s[100].off[RH_BOOTTIME] -= 1;
	analyse(&w);
	check(backs(RH_BOOTTIME) == 1, "going back by more is");
	make(&w);
	s[100].off[RH_REALTIME_SYS] += 61;
	analyse(&w);
	check(f.vdso_differs == 1, "a system call that disagrees with the vDSO by more than the brackets");
	check(near(&f.vdso, -61, 0), "the vDSO less the system call");
	make(&w);
	s[100].off[RH_REALTIME_SYS] += 60;
	analyse(&w);
	check(f.vdso_differs == 0, "one that disagrees by less");
}

static void test_leap(int step)
{
	struct world w = quiet(100);
	const char *name = step < 0 ? "inserted" : "deleted";

	w.noise = 40;
	w.plan = plan(RH_STEP, step, 0, 0, 1);
	make(&w);
	analyse(&w);
	check(only_steps(REAL, step ? 249 : 0, step * SEC), "a leap second %s: one step", name);
	check(near(&f.plan, 0, 200) && near(&f.utc, 0, 200), "a leap second %s: as planned", name);
	check(near(&f.final, step * SEC, 200) && near(&f.host, step * SEC, 400),
	      "a leap second %s: the offset from the host", name);
	check(near(&f.tai, 0, 250), "a leap second %s: TAI goes through", name);
	check(backs(RH_REALTIME) == (step < 0), "a leap second %s: REALTIME goes back or not", name);
	if (step < 0)
		check(f.states == 3 && f.state[0].value == 1 && f.state[1].value == 3 &&
		      f.state[2].value == 4 && f.state[1].index == 250 && f.state[2].index == 300 &&
		      llabs(f.state[2].at - SEC) < 200, "a leap second %s: the states", name);
	else
		check(f.states == 2 && f.state[0].value == 2 && f.state[1].value == 4,
		      "a leap second %s: the states", name);
	check(f.tais == 2 && f.tai_offset[1].value == 37 - step && f.tai_offset[1].index == 250,
	      "a leap second %s: the TAI offset", name);
	/* At the edge itself: nobody can say on which side the reading was. */
	s[250].off[RH_REALTIME] -= step * SEC;
	analyse(&w);
	check(near(&f.plan, 0, 200) && near(&f.utc, 0, 200), "a leap second %s: a reading at the edge",
	      name);
	make(&w);
	analyse(&w);
	check(f.realtime.known && fabs(f.realtime.min) <= f.realtime.noise &&
	      fabs(f.realtime.max) <= f.realtime.noise && f.realtime.noise < 5,
	      "a leap second %s: the step is no rate", name);
}

static void test_smear(const char *name, enum rh_shape shape, int step, int64_t from, int64_t to,
		       int64_t rate, size_t nr, int64_t err)
{
	int64_t w = to - from;
	/* At the steepest, and what remains of that when it is taken over 1/64 of the series. */
	double top = shape == RH_LINEAR ? 1 : shape == RH_COSINE ? acos(-1) / 2 : 2;
	double ppm = step * top / (double)w * 1e15;
	struct world x = {
		.nr = nr, .before = -from + w / 20, .after = to + w / 20,
		.err = err, .noise = err / 4, .host_err = 500,
		.plan = plan(shape, step, from, to, rate),
	};
	double steepest, flattest;

	make(&x);
	analyse(&x);
	check(is_quiet(), "%s: no step", name);
	check(near(&f.plan, 0, err + 200), "%s: the clock is where it is planned", name);
	check(near(step < 0 ? &f.line_min : &f.line_max, step * SEC, 2 * err) &&
	      near(step < 0 ? &f.line_max : &f.line_min, 0, 2 * err),
	      "%s: from the line without a leap second one second", name);
	check(near(&f.final, step * SEC, err), "%s: nothing is left over", name);
	check(near(&f.host, step * SEC, 2 * err + 2 * 500 * rate + 2 * rate),
	      "%s: a second from the host, at the nominal rate", name);
	check(near(&f.tai, 0, 2 * err), "%s: TAI is true", name);
	steepest = step < 0 ? f.realtime.min : f.realtime.max;
	flattest = step < 0 ? f.realtime.max : f.realtime.min;
	printf("# %s: steepest %.4f ppm of %.4f, flattest %.4f, noise %.4f\n", name, steepest, ppm,
	       flattest, f.realtime.noise);
	check(fabs(steepest) > fabs(ppm) * 0.97 - f.realtime.noise &&
	      fabs(steepest) < fabs(ppm) + f.realtime.noise, "%s: the steepest rate", name);
	check(fabs(flattest) <= f.realtime.noise, "%s: outside of the window the rate is nominal",
	      name);
	check(fabs(f.realtime.mean - step * 1e15 / ((double)w * 1.1)) < 0.2 / ((double)w / 1e15),
	      "%s: the mean rate", name);
	check(fabs(f.monotonic.mean) < 0.1, "%s: MONOTONIC is not smeared", name);

	/* A window around the edge. */
	if (llabs(from + to) <= SEC)
		check(llabs(llabs(f.utc.value) - SEC / 2) < SEC / 20 && llabs(f.utc.at) < w / 50,
		      "%s: half a second from UTC at the edge", name);

	/* A step within the window does not hide in the slope. */
	shift(RH_REALTIME, nr / 2, -SEC / 10);
	shift(RH_REALTIME_SYS, nr / 2, -SEC / 10);
	analyse(&x);
	check(only_steps(REAL, nr / 2 - 1, -SEC / 10), "%s: a step within the window", name);
}

static void test_smears(void)
{
	static const struct {
		const char *name;
		enum rh_shape shape;
		int64_t from, to, rate;
	} presets[] = {
		{ "google", RH_LINEAR, -43200, 43201, 2000 },
		{ "utc-sls", RH_LINEAR, -999, 1, 25 },
		{ "ntpd", RH_COSINE, -86400, 0, 1440 },
		{ "meta", RH_QUADRATIC, 0, 62500, 1440 },
		{ "linear 128 s", RH_LINEAR, -64, 64, 3 },
		{ "cosine 128 s", RH_COSINE, -64, 64, 3 },
		{ "quadratic 128 s", RH_QUADRATIC, -64, 64, 3 },
	};
	static const size_t sizes[] = { 600, 2000, 90 };
	char name[96];
	size_t i, j;
	int step;

	for (i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
		for (step = -1; step <= 1; step += 2) {
			for (j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
				snprintf(name, sizeof(name), "%s %s, %zu samples", presets[i].name,
					 step < 0 ? "inserted" : "deleted", sizes[j]);
				test_smear(name, presets[i].shape, step, presets[i].from * SEC,
					   presets[i].to * SEC, presets[i].rate, sizes[j], 400);
			}
		}
	}
	/* A smear that the plan knows nothing of, and one that did not happen. */
	{
		struct world w = {
			.nr = 600, .before = 1100 * SEC, .after = 100 * SEC, .err = 100,
			.plan = plan(RH_LINEAR, -1, -999 * SEC, SEC, 25),
		};

		make(&w);
		w.plan.shape = RH_STEP;
		analyse(&w);
		check(is_quiet() && llabs(f.plan.value) > SEC * 9 / 10,
		      "a smear where a step was planned is no step and not the plan");
		w.plan = plan(RH_STEP, 0, 0, 0, 25);
		make(&w);
		w.plan = plan(RH_LINEAR, -1, -999 * SEC, SEC, 25);
		analyse(&w);
		check(near(&f.plan, SEC, 200), "a smear which did not happen");
	}
}

static void test_rate(void)
{
	struct world w = quiet(100);
	size_t i;

	w.ppm = 120;
	w.raw_ppm = -33;
	make(&w);
	analyse(&w);
	check(is_quiet(), "a clock that gains: no step");
	check(fabs(f.monotonic.min - 120) < 5 && fabs(f.monotonic.max - 120) < 5 &&
	      fabs(f.monotonic.mean - 120) < 0.1, "a clock that gains: 120 ppm");
	check(near(&f.host, 1200000, 2000), "a clock that gains: the offset from the host");
	check(fabs(f.realtime.mean) < 0.1, "a clock that gains: REALTIME goes with MONOTONIC");

	/* In the middle the rate changes: from 1 to 1.0001. */
	w = quiet(10);
	make(&w);
	for (i = 251; i < w.nr; i++)
		s[i].mono += (int64_t)(i - 250) * 2000;
	analyse(&w);
	check(is_quiet(), "a change of the rate is no step");
	check(fabs(f.monotonic.min) < 1 && fabs(f.monotonic.max - 100) < 1 &&
	      fabs(f.monotonic.mean - 50) < 1, "a change of the rate: 0 to 100 ppm");

	w = quiet(100);
	w.plan.rate_num = 1;
	w.plan.rate_den = 3;
	make(&w);
	analyse(&w);
	check(is_quiet() && fabs(f.monotonic.mean) < 0.1, "a third of the host's rate");
	w.plan.rate_num = 2000;
	w.plan.rate_den = 1;
	w.before = w.after = 40000 * SEC;
	make(&w);
	analyse(&w);
	check(is_quiet() && fabs(f.monotonic.mean) < 0.1, "2000 times the host's rate");
	w.plan.rate_num = 2001;
	analyse(&w);
	check(fabs(f.monotonic.mean + 500) < 1, "2000 times where 2001 were wanted: -500 ppm");
}

static void test_tai(void)
{
	struct world w = {
		.nr = 600, .before = 1100 * SEC, .after = 100 * SEC, .err = 100,
		.plan = plan(RH_LINEAR, -1, -999 * SEC, SEC, 25),
	};
	size_t i;

	/* TAI that is smeared a bit, too: 2 us at the end, slowly. */
	make(&w);
	for (i = 0; i < w.nr; i++)
		s[i].off[RH_TAI] -= 2000 * (int64_t)i / (int64_t)w.nr;
	analyse(&w);
	check(is_quiet(), "TAI that creeps away takes no step");
	check(near(&f.tai, -1996, 4), "TAI that creeps away: by how much");
	check(f.tai.at > 90 * SEC, "and when it was furthest");
}

static void test_missing(void)
{
	struct world w = quiet(100);
	size_t i, nr;

	w.ppm = 30;
	make(&w);
	/* A hole of two seconds, and one of a single sample. */
	for (i = nr = 0; i < w.nr; i++)
		if (!(i >= 100 && i < 200) && i != 400)
			s[nr++] = s[i];
	if (!rh_analyse(&w.plan, s, nr, &f))
		check(false, "the analysis of a series with holes");
	check(f.missing == 101 && f.samples == 400, "missing samples are counted");
	check(f.longest_gap == 101 * (SEC / 50), "the longest gap");
	check(is_quiet(), "a hole is no step");
	for (i = 100; i < nr; i++)
		s[i].off[RH_REALTIME] += SEC / 10;
	for (i = 100; i < nr; i++)
		s[i].off[RH_REALTIME_SYS] += SEC / 10;
	rh_analyse(&w.plan, s, nr, &f);
	check(only_steps(REAL, 99, SEC / 10), "a step in a hole is found");

	/* Two samples at the same instant, as a clock that stands still would give. */
	w = quiet(0);
	make(&w);
	s[301] = s[300];
	rh_analyse(&w.plan, s, w.nr, &f);
	check(!backs(RH_REALTIME) && !backs(RH_MONOTONIC), "the same instant twice is not going back");
}

/* Five seconds before the edge and after, 20 ms apart: the edge is at sample 250. */
static struct world leap(int step)
{
	struct world w = quiet(50);

	w.noise = 20;
	w.plan = plan(RH_STEP, step, 0, 0, 1);
	return w;
}

/* No leap second from here on, in the clocks or in what is said of them. */
static void take_back(const struct world *w, size_t from)
{
	size_t i;

	for (i = from; i < w->nr; i++) {
		int64_t t = (int64_t)i * (SEC / 50) - w->before;

		s[i].status &= ~(STA_INS | STA_DEL);
		s[i].state = 0;
		s[i].tai = 37;
		if (t < 0)
			continue;
		s[i].off[RH_REALTIME] -= w->plan.step * SEC;
		s[i].off[RH_REALTIME_SYS] -= w->plan.step * SEC;
		s[i].off[RH_REALTIME_COARSE] -= w->plan.step * SEC;
	}
}

static void set_all(size_t from, int64_t by)
{
	shift(RH_REALTIME, from, by);
	shift(RH_REALTIME_SYS, from, by);
	shift(RH_REALTIME_COARSE, from, by);
	shift(RH_TAI, from, by);
}

static bool disturbed(size_t nr, enum rh_disturbance_kind kind, int64_t from, int64_t to)
{
	const struct rh_disturbance *d = &f.disturbance[0];
	size_t i;

	if (f.disturbances == nr && f.disturbances_total == nr &&
	    (!nr || (d->kind == kind && llabs(d->from - from) < 1000 && llabs(d->to - to) < 1000)))
		return true;
	printf("# %zu disturbances, wanted %zu\n", f.disturbances_total, nr);
	for (i = 0; i < f.disturbances; i++)
		printf("# %s between %lld and %lld by %lld\n",
		       rh_disturbance_name(f.disturbance[i].kind),
		       (long long)f.disturbance[i].from, (long long)f.disturbance[i].to,
		       (long long)f.disturbance[i].size);
	return false;
}

#define AT(sample)	(((int64_t)(sample) - 250) * (SEC / 50))

static void test_undisturbed(int step)
{
	struct world w = leap(step);
	size_t i;

	make(&w);
	analyse(&w);
	check(disturbed(0, 0, 0, 0) && f.leap == RH_TAKEN && !f.steered, "%+d: undisturbed", step);

	/* What daemons do when the day is over. */
	make(&w);
	for (i = 300; i < w.nr; i++)
		s[i].status = 0;
	for (i = 310; i < w.nr; i++)
		s[i].state = 0;
	analyse(&w);
	check(disturbed(0, 0, 0, 0) && f.leap == RH_TAKEN, "%+d: disarmed afterwards", step);

	make(&w);
	for (i = 250; i < w.nr; i++)
		s[i].status = STA_PLL;
	analyse(&w);
	check(disturbed(0, 0, 0, 0), "%+d: disarmed in the interval of the edge, but taken", step);

	/* The next one, and of the other kind. */
	make(&w);
	for (i = 300; i < w.nr; i++)
		s[i].status = step < 0 ? STA_DEL : STA_INS;
	analyse(&w);
	check(disturbed(0, 0, 0, 0), "%+d: another one is armed afterwards", step);

	/* An error of the clock hides the state. */
	make(&w);
	for (i = 0; i < w.nr; i++)
		s[i].state = TIME_ERROR;
	analyse(&w);
	check(disturbed(0, 0, 0, 0) && f.leap == RH_TAKEN, "%+d: hidden by TIME_ERROR", step);

	/* Ended before the edge: nothing is known, and nothing is wrong. */
	make(&w);
	w.nr = 240;
	analyse(&w);
	check(disturbed(0, 0, 0, 0) && f.leap == RH_UNKNOWN, "%+d: ended before the edge", step);
	w = leap(step);
	w.after = SEC / 2;
	make(&w);
	take_back(&w, w.nr);
	analyse(&w);
	check(disturbed(0, 0, 0, 0), "%+d: ended soon after the edge", step);

	/* Steering is none. */
	make(&w);
	for (i = 100; i < w.nr; i++)
		s[i].steering = i < 200 ? 500000 : -12000;
	analyse(&w);
	check(disturbed(0, 0, 0, 0) && f.steered && f.steering_min == -12000 &&
	      f.steering_max == 500000, "%+d: steered, which is no disturbance", step);

	/* Who corrects the offset of TAI moves that clock alone. */
	w = leap(step);
	make(&w);
	for (i = 100; i < w.nr; i++)
		s[i].tai -= 10;
	shift(RH_TAI, 100, -10 * SEC);
	analyse(&w);
	check(disturbed(0, 0, 0, 0), "%+d: the offset of TAI is changed", step);
	make(&w);
	for (i = 99; i < w.nr; i++)
		s[i].tai -= 10;
	shift(RH_TAI, 100, -10 * SEC);
	analyse(&w);
	check(disturbed(0, 0, 0, 0), "%+d: the offset of TAI is changed between clocks and adjtimex",
	      step);
}

static void test_disturbed(int step)
{
	static const int64_t sizes[] = { 3600 * SEC, -3600 * SEC, SEC, -SEC, 1000000, -2000 };
	struct world w = leap(step);
	size_t i, k;

	make(&w);
	take_back(&w, 80);
	analyse(&w);
	check(disturbed(1, RH_WITHDRAWN, AT(79), AT(80)) && f.leap == RH_MISSING,
	      "%+d: withdrawn", step);

	make(&w);
	take_back(&w, 250);
	analyse(&w);
	check(disturbed(1, RH_WITHDRAWN, AT(249), AT(250)) && f.leap == RH_MISSING,
	      "%+d: withdrawn just before the edge", step);

	/* And armed again. */
	make(&w);
	for (i = 80; i < 120; i++)
		s[i].status = s[i].state = 0;
	analyse(&w);
	check(disturbed(1, RH_WITHDRAWN, AT(79), AT(80)) && f.leap == RH_TAKEN,
	      "%+d: withdrawn and armed again", step);

	/* In a hole of the samples. */
	make(&w);
	take_back(&w, 0);
	for (i = 0; i < w.nr; i++)
		s[i].status = step < 0 ? STA_INS : STA_DEL;
	analyse(&w);
	check(disturbed(1, RH_NOT_TAKEN, 0, AT(500)), "%+d: nothing is seen but that there is none",
	      step);

	for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		make(&w);
		set_all(330, sizes[k]);
		analyse(&w);
		check(disturbed(1, RH_CLOCK_SET, AT(329), AT(330) + sizes[k]) &&
		      llabs(f.disturbance[0].size - sizes[k]) <= f.disturbance[0].err &&
		      f.disturbance[0].err < 1000 && f.leap == RH_TAKEN,
		      "%+d: set by %lld ns", step, (long long)sizes[k]);
	}

	/* Set, so that the edge is out of sight: the kernel forgets the leap second. */
	make(&w);
	take_back(&w, 0);
	for (i = 0; i < w.nr; i++)
		s[i].status = (step < 0 ? STA_INS : STA_DEL) | (i >= 100 ? STA_UNSYNC : 0);
	set_all(100, -1000 * SEC);
	analyse(&w);
	check(disturbed(1, RH_CLOCK_SET, AT(99), AT(100) - 1000 * SEC) && f.leap == RH_UNKNOWN,
	      "%+d: set back for good", step);

	make(&w);
	for (i = 60; i < w.nr; i++)
		s[i].status |= step < 0 ? STA_DEL : STA_INS;
	analyse(&w);
	check(disturbed(1, RH_OTHER_LEAP, AT(59), AT(60)), "%+d: the other one", step);

	make(&w);
	take_back(&w, 60);
	for (i = 60; i < w.nr; i++)
		s[i].status |= step < 0 ? STA_DEL : STA_INS;
	analyse(&w);
	check(disturbed(2, RH_WITHDRAWN, AT(59), AT(60)) &&
	      f.disturbance[1].kind == RH_OTHER_LEAP, "%+d: the other one in place of it", step);

	/* What comes is that one. */
	make(&w);
	take_back(&w, 60);
	for (i = 60; i < w.nr; i++)
		s[i].status |= step < 0 ? STA_DEL : STA_INS;
	for (i = 240; i < w.nr; i++) {
		s[i].tai = 37 + step;
		s[i].state = TIME_WAIT;
	}
	analyse(&w);
	check(disturbed(2, RH_WITHDRAWN, AT(59), AT(60)) && f.leap == RH_MISSING,
	      "%+d: the other one is taken", step);

	/* All at once, and only the first counts: the rest is the host's. */
	make(&w);
	take_back(&w, 70);
	for (i = 70; i < w.nr; i++)
		s[i].differs = RH_FOLLOWS;
	set_all(70, -30000 * SEC);
	analyse(&w);
	check(disturbed(1, RH_GIVEN_BACK, AT(69), AT(70) - 30000 * SEC), "%+d: given back", step);

	make(&w);
	for (i = 70; i < w.nr; i++)
		s[i].differs = RH_RATE_CHANGED;
	for (i = 90; i < w.nr; i++)
		s[i].differs |= RH_POLICY_CHANGED;
	analyse(&w);
	check(disturbed(2, RH_RATE_SET, AT(69), AT(70)) && f.disturbance[1].kind == RH_POLICY_SET,
	      "%+d: rate and policy", step);

	/* More than there is room for. */
	make(&w);
	for (i = 2; i < 240; i += 2)
		s[i].status = 0;
	analyse(&w);
	check(f.disturbances == RH_MAX_DISTURBANCES && f.disturbances_total == 119,
	      "%+d: withdrawn again and again", step);
}

static void test_disturbed_smear(void)
{
	static const enum rh_shape shapes[] = { RH_LINEAR, RH_COSINE, RH_QUADRATIC };
	struct world w;
	size_t i, k;

	for (k = 0; k < 3; k++) {
		w = quiet(200);
		w.noise = 100;
		w.before = w.after = 40000 * SEC;
		w.nr = 601;
		w.plan = plan(shapes[k], -1, -20000 * SEC, 20000 * SEC, 2000);
		make(&w);
		analyse(&w);
		check(disturbed(0, 0, 0, 0) && f.leap == RH_TAKEN, "a smear of shape %d: undisturbed",
		      shapes[k]);
		/* The edge was, and the smear goes on. */
		make(&w);
		for (i = 320; i < w.nr; i++)
			s[i].status = 0;
		analyse(&w);
		check(disturbed(0, 0, 0, 0), "a smear of shape %d: disarmed behind the edge",
		      shapes[k]);
		make(&w);
		for (i = 200; i < w.nr; i++) {
			s[i].status = s[i].state = 0;
			s[i].tai = 37;
		}
		analyse(&w);
		check(f.disturbances == 1 && f.disturbance[0].kind == RH_WITHDRAWN &&
		      f.leap == RH_MISSING, "a smear of shape %d: called off", shapes[k]);
		make(&w);
		set_all(250, SEC / 100);
		analyse(&w);
		check(f.disturbances == 1 && f.disturbance[0].kind == RH_CLOCK_SET,
		      "a smear of shape %d: set by 10 ms", shapes[k]);
	}

	/* A clock that follows the host is not rehearsed. */
	w = quiet(50);
	w.plan.follow = true;
	make(&w);
	set_all(100, SEC);
	s[200].status = STA_INS;
	analyse(&w);
	check(disturbed(0, 0, 0, 0), "a clock that follows the host");
}

int main(void)
{
	test_nothing();
	test_steps();
	test_back();
	test_leap(-1);
	test_leap(1);
	test_smears();
	test_rate();
	test_tai();
	test_missing();
	test_undisturbed(-1);
	test_undisturbed(1);
	test_disturbed(-1);
	test_disturbed(1);
	test_disturbed_smear();
	printf("1..%u\n", count);
	return failed != 0;
}
