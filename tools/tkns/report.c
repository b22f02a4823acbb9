// SPDX-License-Identifier: GPL-2.0
/*
 * The analysis of samples; see report.h.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#include "report.h"

/*
 * No clock bends faster than this without stepping. Inside, against MONOTONIC, nothing but a smear
 * does: the steepest is quadratic over 128 s, 2/128. From outside ADJ_TICK may do 10 %.
 */
#define INSIDE_CAP	0.02
#define OUTSIDE_CAP	0.12

/* When a leap second shows in adjtimex(): at the first tick of the host behind its second. */
#define LEAP_SHOWS	(RH_NSEC_PER_SEC / 20)

/* Rates are taken over this part of the series: shorter ones would show the brackets. */
#define RATE_PARTS	64

/* Exact for all that a clock can show, which a product in 64 bits is not. */
static int64_t scaled(const struct rh_plan *plan, int64_t host)
{
	return (int64_t)((__int128)host * plan->rate_num / plan->rate_den);
}

const char *rh_clock_name(enum rh_clock clock)
{
	static const char * const names[RH_NR_CLOCKS] = {
		[RH_REALTIME]		= "REALTIME",
		[RH_REALTIME_SYS]	= "REALTIME (syscall)",
		[RH_REALTIME_COARSE]	= "REALTIME_COARSE",
		[RH_TAI]		= "TAI",
		[RH_MONOTONIC]		= "MONOTONIC",
		[RH_BOOTTIME]		= "BOOTTIME",
		[RH_RAW]		= "MONOTONIC_RAW",
	};

	return clock < RH_NR_CLOCKS ? names[clock] : "?";
}

const char *rh_disturbance_name(enum rh_disturbance_kind kind)
{
	static const char * const names[] = {
		[RH_GIVEN_BACK]	= "given_back",
		[RH_CLOCK_SET]	= "set",
		[RH_WITHDRAWN]	= "withdrawn",
		[RH_OTHER_LEAP]	= "other_leap",
		[RH_RATE_SET]	= "rate",
		[RH_POLICY_SET]	= "policy",
		[RH_NOT_TAKEN]	= "not_taken",
	};

	return names[kind];
}

int64_t rh_planned(const struct rh_plan *plan, int64_t t)
{
	long double x, phi;

	if (!plan->step)
		return 0;
	if (plan->shape == RH_STEP)
		return t >= 0 ? plan->step * RH_NSEC_PER_SEC : 0;
	if (t <= plan->from)
		return 0;
	if (t >= plan->to)
		return plan->step * RH_NSEC_PER_SEC;

	x = (long double)(t - plan->from) / (long double)(plan->to - plan->from);
	switch (plan->shape) {
	case RH_COSINE:
		phi = (1 - cosl(acosl(-1) * x)) / 2;
		break;
	case RH_QUADRATIC:
		phi = x < 0.5L ? 2 * x * x : 1 - 2 * (1 - x) * (1 - x);
		break;
	default:
		phi = x;
	}
	return llrintl(phi * plan->step * RH_NSEC_PER_SEC);
}

/* TAI less the offset which it had in the beginning: a clock that has not heard of the leap. */
static int64_t line(const struct rh_sample *first, const struct rh_sample *s)
{
	return s->mono + s->off[RH_TAI] - first->tai * RH_NSEC_PER_SEC;
}

int64_t rh_when(const struct rh_plan *plan, const struct rh_sample *first,
		const struct rh_sample *s)
{
	return line(first, s) - plan->edge;
}

int64_t rh_smeared(const struct rh_sample *first, const struct rh_sample *s)
{
	return s->mono + s->off[RH_REALTIME] - line(first, s);
}

int64_t rh_from_host(const struct rh_plan *plan, const struct rh_sample *first,
		     const struct rh_sample *s, int64_t *err)
{
	int64_t inside = s->mono + s->off[RH_REALTIME] - first->mono - first->off[RH_REALTIME];
	int64_t outside = s->host_mono + s->host_off[RH_REALTIME] -
			  first->host_mono - first->host_off[RH_REALTIME];

	if (err)
		*err = s->off_err[RH_REALTIME] + first->off_err[RH_REALTIME] +
		       scaled(plan, s->host_err + s->host_off_err[RH_REALTIME] +
				    first->host_err + first->host_off_err[RH_REALTIME]);
	return inside - scaled(plan, outside);
}

/* One clock against another: a point for each sample. */
struct series {
	enum rh_clock clock;
	bool host;
	double cap;
	const struct rh_plan *plan;
	const struct rh_sample *s;
	size_t nr;
};

static int64_t progress(const struct series *x, size_t i)
{
	if (x->host)
		return x->s[i].host_mono;
	return x->s[i].mono;
}

/* How far the clock is ahead of what it is compared with. */
static int64_t ahead(const struct series *x, size_t i)
{
	const struct rh_sample *s = &x->s[i];

	if (x->host)
		return s->host_off[x->clock];
	if (x->clock == RH_MONOTONIC)
		return s->mono - scaled(x->plan, s->host_mono - x->s[0].host_mono);
	return s->off[x->clock];
}

static int64_t error(const struct series *x, size_t i)
{
	const struct rh_sample *s = &x->s[i];

	if (x->host)
		return s->host_off_err[x->clock];
	if (x->clock == RH_MONOTONIC)
		return scaled(x->plan, s->host_err) + 1;
	return s->off_err[x->clock];
}

struct interval {
	double dt;
	double change;
	double err;
	bool jump;
};

static void interval(const struct series *x, size_t i, struct interval *v)
{
	v->dt = (double)(progress(x, i + 1) - progress(x, i));
	v->change = (double)(ahead(x, i + 1) - ahead(x, i));
	v->err = (double)(error(x, i) + error(x, i + 1));
	/* No time at all, or backwards: any change is a jump. */
	if (v->dt < 0)
		v->dt = 0;
	v->jump = fabs(v->change) > v->err + x->cap * v->dt;
}

/* The nearest two intervals on one side which are no jumps themselves. Returns how many. */
static int neighbours(const struct interval *v, size_t nr, size_t i, int side, double rate[2],
		      double *noise)
{
	int found = 0;
	size_t n;

	for (n = 1; n <= 4 && found < 2; n++) {
		size_t j = side < 0 ? i - n : i + n;

		if (side < 0 ? n > i : j >= nr)
			break;
		if (v[j].jump || v[j].dt <= 0)
			continue;
		rate[found++] = v[j].change / v[j].dt;
		if (v[j].err / v[j].dt > *noise)
			*noise = v[j].err / v[j].dt;
	}
	return found;
}

/*
 * A clock that slews goes on as it did before, or as it does afterwards, or something in between:
 * what it did within the interval has to fit the intervals on both sides, or their trend. What does
 * not, and is more than the brackets leave open, is a step.
 */
static bool is_step(const struct interval *v, size_t nr, size_t i, double *expected, double *err)
{
	double left[2], right[2], lo, hi, slack = 0, noise = 0;
	int nl, nr_right;

	*expected = 0;
	*err = v[i].err;
	nl = neighbours(v, nr, i, -1, left, &noise);
	nr_right = neighbours(v, nr, i, 1, right, &noise);
	if (!nl && !nr_right)
		return v[i].jump;
	if (!nl)
		left[0] = right[0];
	if (!nr_right)
		right[0] = left[0];
	*expected = (left[0] + right[0]) / 2 * v[i].dt;
	lo = fmin(left[0], right[0]);
	hi = fmax(left[0], right[0]);
	if (nl == 2)
		slack += fabs(left[0] - left[1]);
	if (nr_right == 2)
		slack += fabs(right[0] - right[1]);
	slack += noise;
	*err += ((hi - lo) / 2 + slack) * v[i].dt;
	return v[i].jump || v[i].change < (lo - slack) * v[i].dt - v[i].err ||
	       v[i].change > (hi + slack) * v[i].dt + v[i].err;
}

static struct rh_jump *add_jump(struct rh_findings *f)
{
	static struct rh_jump nowhere;

	if (f->jumps_total++ >= RH_MAX_JUMPS)
		return &nowhere;
	return &f->jump[f->jumps++];
}

static void find_steps(const struct series *x, struct interval *v, struct rh_findings *f)
{
	const struct rh_sample *s = x->s;
	size_t i, nr = x->nr - 1;

	for (i = 0; i < nr; i++)
		interval(x, i, &v[i]);
	for (i = 0; i < nr; i++) {
		double expected, err;

		if (!is_step(v, nr, i, &expected, &err))
			continue;
		*add_jump(f) = (struct rh_jump) {
			.clock	= x->clock,
			.host	= x->host,
			.index	= i,
			.size	= llrint(v[i].change - expected),
			.err	= llrint(err),
			.from	= rh_when(x->plan, &s[0], &s[i]),
			.to	= rh_when(x->plan, &s[0], &s[i + 1]),
		};
	}
}

static void find_backs(const struct rh_plan *plan, const struct rh_sample *s, size_t nr,
		       struct rh_findings *f)
{
	enum rh_clock c;
	size_t i;

	for (c = 0; c < RH_NR_CLOCKS; c++) {
		for (i = 0; i < nr; i++) {
			int64_t back = s[i].back[c];
			int64_t err = 0;

			if (i) {
				int64_t seen = s[i - 1].mono + s[i - 1].off[c] -
					       s[i].mono - s[i].off[c];

				/* The engine need not have noticed: samples may be all there is. */
				err = s[i].off_err[c] + s[i - 1].off_err[c];
				if (back <= 0 && s[i - 1].back[c] <= 0 && seen > err)
					back = seen;
			}
			if (back <= 0)
				continue;
			*add_jump(f) = (struct rh_jump) {
				.clock	= c,
				.back	= true,
				.index	= i,
				.size	= -back,
				.from	= rh_when(plan, &s[0], &s[i ? i - 1 : 0]),
				.to	= rh_when(plan, &s[0], &s[i]),
			};
		}
	}
}

/* No reading is exact, so an error of 0 is one that holds nothing yet. */
static void further(struct rh_extreme *e, int64_t value, int64_t err, int64_t at)
{
	if (llabs(value) <= llabs(e->value) && e->err)
		return;
	*e = (struct rh_extreme) { .value = value, .err = err ? err : 1, .at = at };
}

static void find_offsets(const struct rh_plan *plan, const struct rh_sample *s, size_t nr,
			 struct rh_findings *f)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		const struct rh_sample *p = &s[i];
		int64_t t = rh_when(plan, &s[0], p);
		int64_t off = rh_smeared(&s[0], p);
		int64_t err = p->off_err[RH_REALTIME] + p->off_err[RH_TAI];
		int64_t host, host_err, vdso, vdso_err;

		host = rh_from_host(plan, &s[0], p, &host_err);
		further(&f->host, host, host_err, t);
		if (!i || off < f->line_min.value)
			f->line_min = (struct rh_extreme) { .value = off, .err = err, .at = t };
		if (!i || off > f->line_max.value)
			f->line_max = (struct rh_extreme) { .value = off, .err = err, .at = t };
		f->final = (struct rh_extreme) { .value = off, .err = err, .at = t };

		/* Which side of the edge a reading so near to it was on, the brackets do not say. */
		if (llabs(t) > err) {
			int64_t utc = t > 0 ? plan->step * RH_NSEC_PER_SEC : 0;

			further(&f->utc, off - utc, err, t);
			further(&f->plan, off - rh_planned(plan, t), err, t);
		}

		further(&f->tai, p->off[RH_TAI] - s[0].off[RH_TAI],
			p->off_err[RH_TAI] + s[0].off_err[RH_TAI], t);
		further(&f->boottime, p->off[RH_BOOTTIME] - s[0].off[RH_BOOTTIME],
			p->off_err[RH_BOOTTIME] + s[0].off_err[RH_BOOTTIME], t);
		further(&f->host_moved, p->host_off[RH_REALTIME] - s[0].host_off[RH_REALTIME],
			p->host_off_err[RH_REALTIME] + s[0].host_off_err[RH_REALTIME], t);

		/* It shows what REALTIME was at the tick. */
		further(&f->coarse, p->off[RH_REALTIME_COARSE] - p->off[RH_REALTIME],
			p->off_err[RH_REALTIME_COARSE] + p->off_err[RH_REALTIME], t);

		vdso = p->off[RH_REALTIME] - p->off[RH_REALTIME_SYS];
		vdso_err = p->off_err[RH_REALTIME] + p->off_err[RH_REALTIME_SYS];
		further(&f->vdso, vdso, vdso_err, t);
		f->vdso_differs += llabs(vdso) > vdso_err;
	}
}

/* Over long stretches which contain no jump. */
static void find_rate(const struct series *x, const struct rh_findings *f, struct rh_rate *r)
{
	size_t i, j, span = x->nr / RATE_PARTS ? x->nr / RATE_PARTS : 1;
	double changed = 0, elapsed = 0;

	for (i = 0; i + 1 < x->nr; i = j) {
		double dt, change, ppm;
		bool jump = false;
		size_t k;

		j = i + span < x->nr ? i + span : x->nr - 1;
		for (k = 0; k < f->jumps; k++)
			jump |= !f->jump[k].back && !f->jump[k].host &&
				(f->jump[k].clock == x->clock ||
				 f->jump[k].clock == RH_MONOTONIC) &&
				f->jump[k].index >= i && f->jump[k].index < j;
		dt = (double)(progress(x, j) - progress(x, i));
		if (jump || dt <= 0)
			continue;
		change = (double)(ahead(x, j) - ahead(x, i));
		/* A short rest at the end would be all noise. */
		if (j - i < span && r->known) {
			changed += change;
			elapsed += dt;
			break;
		}
		ppm = change / dt * 1e6;
		if (!r->known || ppm < r->min)
			r->min = ppm;
		if (!r->known || ppm > r->max)
			r->max = ppm;
		if ((double)(error(x, i) + error(x, j)) / dt * 1e6 > r->noise)
			r->noise = (double)(error(x, i) + error(x, j)) / dt * 1e6;
		r->known = true;
		changed += change;
		elapsed += dt;
	}
	if (r->known)
		r->mean = changed / elapsed * 1e6;
}

static void find_steering(const struct rh_sample *s, size_t nr, struct rh_findings *f)
{
	size_t i;

	f->steering_min = s[0].steering;
	f->steering_max = s[0].steering;
	for (i = 1; i < nr; i++) {
		if (s[i].differs & RH_FOLLOWS)
			continue;
		if (s[i].steering < f->steering_min)
			f->steering_min = s[i].steering;
		if (s[i].steering > f->steering_max)
			f->steering_max = s[i].steering;
	}
	f->steered = f->steering_min != f->steering_max;
}

/*
 * The kernel says of a leap second that it was: in the offset of TAI, for good, and in the state
 * until somebody clears STA_INS or STA_DEL, unless an error of the clock hides that.
 */
static enum rh_happened find_leap(const struct rh_plan *plan, const struct rh_sample *s, size_t nr)
{
	int64_t shows = RH_NSEC_PER_SEC + scaled(plan, LEAP_SHOWS);
	bool other = false, state = false;
	size_t i;

	if (!plan->step)
		return RH_UNKNOWN;
	for (i = 1; i < nr; i++) {
		other |= s[i].tai - s[i - 1].tai == plan->step;
		state |= s[i].state == TIME_OOP || s[i].state == TIME_WAIT;
		if (s[i].tai - s[i - 1].tai == -plan->step)
			return RH_TAKEN;
	}
	/* Somebody may have set the offset of TAI at the same time. */
	if (state && !other)
		return RH_TAKEN;
	return rh_when(plan, &s[0], &s[nr - 1]) > (plan->to > 0 ? plan->to : 0) + shows ?
	       RH_MISSING : RH_UNKNOWN;
}

static struct rh_disturbance *add_disturbance(struct rh_findings *f, const struct rh_plan *plan,
					      const struct rh_sample *s, size_t i,
					      enum rh_disturbance_kind kind)
{
	static struct rh_disturbance nowhere;
	struct rh_disturbance *d = &nowhere;

	if (f->disturbances_total++ < RH_MAX_DISTURBANCES)
		d = &f->disturbance[f->disturbances++];
	*d = (struct rh_disturbance) {
		.kind	= kind,
		.from	= rh_when(plan, &s[0], &s[i - 1]),
		.to	= rh_when(plan, &s[0], &s[i]),
	};
	return d;
}

/*
 * Who sets CLOCK_REALTIME takes CLOCK_TAI along. A leap second and a smear leave that alone, and
 * who changes the offset of the two moves CLOCK_TAI by whole seconds, which adjtimex() shows. That
 * is asked after the clocks are read, so it can show in the sample before.
 */
static bool was_set(const struct rh_sample *s, const struct rh_findings *f, size_t i, int64_t *size,
		    int64_t *err)
{
	size_t k;

	for (k = 0; k < f->jumps; k++) {
		const struct rh_jump *j = &f->jump[k];

		if (j->host || j->back || j->clock != RH_TAI || j->index + 1 != i)
			continue;
		*err = j->err;
		*size = j->size;
		if (i > 1 && s[i - 1].tai != s[i - 2].tai)
			*size -= (s[i - 1].tai - s[i - 2].tai) * RH_NSEC_PER_SEC;
		if (llabs(*size) <= j->err)
			return false;
		*size = j->size - (s[i].tai - s[i - 1].tai) * RH_NSEC_PER_SEC;
		return llabs(*size) > j->err;
	}
	return false;
}

/* Everything that is there at a sample and was not at the one before it. */
static void find_disturbances(const struct rh_plan *plan, const struct rh_sample *s, size_t nr,
			      struct rh_findings *f)
{
	int planned = plan->step < 0 ? STA_INS : plan->step > 0 ? STA_DEL : 0;
	size_t i;

	f->leap = find_leap(plan, s, nr);
	if (plan->follow)
		return;
	for (i = 1; i < nr; i++) {
		uint32_t differs = s[i].differs & ~s[i - 1].differs;
		int gone = s[i - 1].status & ~s[i].status & planned;
		int armed = s[i].status & ~s[i - 1].status & (STA_INS | STA_DEL) & ~planned;
		int64_t size, err;
		bool after;

		if (differs & RH_FOLLOWS) {
			add_disturbance(f, plan, s, i, RH_GIVEN_BACK);
			break;		/* all else is the host's */
		}
		if (was_set(s, f, i, &size, &err)) {
			struct rh_disturbance *d = add_disturbance(f, plan, s, i, RH_CLOCK_SET);

			d->size = size;
			d->err = err;
		}
		/*
		 * Daemons disarm a leap second once it was; the next one is another rehearsal's.
		 * The status is read a little later than the clocks.
		 */
		after = rh_when(plan, &s[0], &s[i - 1]) >= 0 ||
			(rh_when(plan, &s[0], &s[i]) >= -scaled(plan, LEAP_SHOWS) &&
			 f->leap == RH_TAKEN);
		if (gone && !after)
			add_disturbance(f, plan, s, i, RH_WITHDRAWN);
		if (armed && !after)
			add_disturbance(f, plan, s, i, RH_OTHER_LEAP);
		if (differs & RH_RATE_CHANGED)
			add_disturbance(f, plan, s, i, RH_RATE_SET);
		if (differs & RH_POLICY_CHANGED)
			add_disturbance(f, plan, s, i, RH_POLICY_SET);
	}
	if (f->leap == RH_MISSING && !f->disturbances)
		add_disturbance(f, plan, s, nr - 1, RH_NOT_TAKEN)->from = 0;
}

static void note_change(struct rh_change *list, size_t *nr, int32_t value, size_t index, int64_t at)
{
	if (*nr && list[*nr - 1].value == value)
		return;
	if (*nr < RH_MAX_CHANGES)
		list[(*nr)++] = (struct rh_change) { .value = value, .index = index, .at = at };
}

static void find_gaps(const struct rh_sample *s, size_t nr, struct rh_findings *f)
{
	size_t i;

	if (nr)
		f->missing = s[nr - 1].number + 1 - nr;
	for (i = 1; i < nr; i++) {
		int64_t gap = s[i].host_mono - s[i - 1].host_mono;

		if (gap > f->longest_gap)
			f->longest_gap = gap;
	}
}

bool rh_analyse(const struct rh_plan *plan, const struct rh_sample *s, size_t nr,
		struct rh_findings *f)
{
	static const struct {
		enum rh_clock clock;
		bool host;
		double cap;
	} compared[] = {
		{ RH_REALTIME,		false,	INSIDE_CAP },
		{ RH_REALTIME_SYS,	false,	INSIDE_CAP },
		{ RH_TAI,		false,	INSIDE_CAP },
		{ RH_BOOTTIME,		false,	INSIDE_CAP },
		{ RH_RAW,		false,	OUTSIDE_CAP },
		{ RH_MONOTONIC,		false,	OUTSIDE_CAP },
		{ RH_REALTIME,		true,	INSIDE_CAP },
		{ RH_TAI,		true,	INSIDE_CAP },
		{ RH_BOOTTIME,		true,	INSIDE_CAP },
	};
	struct series x = { .plan = plan, .s = s, .nr = nr };
	struct interval *v;
	size_t i;

	memset(f, 0, sizeof(*f));
	f->samples = nr;
	find_gaps(s, nr, f);
	if (nr < 2)
		return false;
	v = calloc(nr, sizeof(*v));
	if (!v)
		return false;

	f->begin = rh_when(plan, &s[0], &s[0]);
	f->end = rh_when(plan, &s[0], &s[nr - 1]);
	for (i = 0; i < sizeof(compared) / sizeof(compared[0]); i++) {
		x.clock = compared[i].clock;
		x.host = compared[i].host;
		x.cap = compared[i].cap;
		find_steps(&x, v, f);
	}
	find_backs(plan, s, nr, f);
	find_offsets(plan, s, nr, f);
	find_disturbances(plan, s, nr, f);
	find_steering(s, nr, f);

	x.host = false;
	x.clock = RH_REALTIME;
	find_rate(&x, f, &f->realtime);
	x.clock = RH_MONOTONIC;
	find_rate(&x, f, &f->monotonic);

	for (i = 0; i < nr; i++) {
		int64_t at = rh_when(plan, &s[0], &s[i]);

		note_change(f->state, &f->states, s[i].state, i, at);
		note_change(f->tai_offset, &f->tais, s[i].tai, i, at);
	}
	free(v);
	return true;
}
