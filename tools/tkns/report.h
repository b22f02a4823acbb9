/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a series of samples of a namespace's clocks says: steps, going back, rates, offsets, the
 * error of TAI. Pure functions of their arguments; no clock is read here and nothing is printed.
 *
 * A sample belongs to one instant: that at which CLOCK_MONOTONIC of the namespace was read. All
 * other clocks are given by how far they were ahead of it, which is known to within the bracket of
 * two readings of MONOTONIC:
 *
 *	outside   hm0 ........................ hm1        host_mono = middle, host_err = half
 *	inside          m0  X  m1  Y  m2 ...              off[X] = X - middle of m0 and m1
 *
 * All times are in nanoseconds, those without "host" in their name on the namespace's clocks.
 */
#ifndef TKNS_REPORT_H
#define TKNS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RH_NSEC_PER_SEC		INT64_C(1000000000)

enum rh_clock {
	RH_REALTIME,		/* through the vDSO */
	RH_REALTIME_SYS,	/* by system call */
	RH_REALTIME_COARSE,
	RH_TAI,
	RH_MONOTONIC,
	RH_BOOTTIME,
	RH_RAW,
	RH_NR_CLOCKS
};

enum rh_shape {
	RH_STEP,
	RH_LINEAR,
	RH_COSINE,
	RH_QUADRATIC,
};

/* What is rehearsed. Times of the leap count on the line that knows no leap second. */
struct rh_plan {
	enum rh_shape shape;
	int step;		/* what REALTIME has more afterwards: -1 inserted, +1 deleted, 0 none */
	int64_t edge;		/* when a stepping clock steps, CLOCK_REALTIME in ns */
	int64_t from, to;	/* the window of the smear, from the edge */
	int64_t rate_num, rate_den;
	bool follow;		/* the clock is the host's: what happens to it disturbs nothing */
};

struct rh_sample {
	uint32_t number;	/* in the schedule, from 0; a gap is a sample that was missed */
	int64_t host_mono, host_err;
	int64_t host_off[RH_NR_CLOCKS], host_off_err[RH_NR_CLOCKS];
	int64_t mono;
	int64_t off[RH_NR_CLOCKS], off_err[RH_NR_CLOCKS];
	/* The furthest that a reading was behind the one before it, since the sample before. */
	int64_t back[RH_NR_CLOCKS];
	int32_t state, status, tai;
	uint32_t differs;	/* RH_FOLLOWS and so on: timens_clock, from what was set up */
	int64_t steering;	/* ns in a second which adjtimex() adds, slewing included */
};

#define RH_FOLLOWS	1	/* the clock was given back: it follows the host */
#define RH_RATE_CHANGED	2
#define RH_POLICY_CHANGED 4	/* what a leap second does */

/* A clock was elsewhere than its line before and after, or a reading was behind the one before. */
struct rh_jump {
	enum rh_clock clock;
	bool host;
	bool back;		/* successive readings went back; size is by how much */
	size_t index;		/* between this sample and the next; back: before this sample */
	int64_t size, err;
	int64_t from, to;	/* when, from the edge */
};

/* The state of adjtimex(), or its TAI offset, from when on. */
struct rh_change {
	int32_t value;
	size_t index;
	int64_t at;		/* from the edge */
};

/* A value that is furthest from zero, or a range. */
struct rh_extreme {
	int64_t value, err;
	int64_t at;
};

struct rh_rate {
	bool known;
	double min, max, mean;	/* ppm */
	double noise;		/* what the brackets alone can make of it, ppm */
};

/* What something inside did to the rehearsal. Of one interval the first of these comes first. */
enum rh_disturbance_kind {
	RH_GIVEN_BACK,		/* the clock follows the host */
	RH_CLOCK_SET,		/* by size */
	RH_WITHDRAWN,		/* STA_INS or STA_DEL of the plan */
	RH_OTHER_LEAP,		/* the other one of the two was armed */
	RH_RATE_SET,
	RH_POLICY_SET,
	RH_NOT_TAKEN,		/* the edge passed without a leap second, and nothing above was seen */
};

struct rh_disturbance {
	enum rh_disturbance_kind kind;
	int64_t from, to;	/* the samples between which it was, from the edge */
	int64_t size, err;	/* by how much the clock was set, otherwise 0 */
};

enum rh_happened {
	RH_UNKNOWN,		/* the samples end before, or there is none in the plan */
	RH_TAKEN,
	RH_MISSING,
};

#define RH_MAX_DISTURBANCES	16
#define RH_MAX_JUMPS	64
#define RH_MAX_CHANGES	32

struct rh_findings {
	size_t samples, missing;
	int64_t longest_gap;			/* between two samples, on the host's clock */
	int64_t begin, end;			/* first and last sample, from the edge */

	size_t jumps_total, jumps;
	struct rh_jump jump[RH_MAX_JUMPS];

	/* CLOCK_REALTIME less... */
	struct rh_extreme host;			/* the host's, from where they were at the start */
	struct rh_extreme line_min, line_max;	/* the line without a leap second */
	struct rh_extreme utc;			/* UTC: the clock that steps at the edge */
	struct rh_extreme plan;			/* what is planned, curve or step */
	struct rh_extreme final;		/* the line without a leap second, at the end */

	struct rh_extreme tai;			/* TAI less MONOTONIC, from where it was */
	struct rh_extreme boottime;		/* the same for BOOTTIME */
	struct rh_extreme coarse;		/* REALTIME_COARSE less REALTIME */
	struct rh_extreme host_moved;		/* the host's REALTIME less its MONOTONIC */
	size_t vdso_differs;			/* samples in which the system call disagrees */
	struct rh_extreme vdso;			/* the vDSO less the system call */

	struct rh_rate realtime;		/* against the namespace's MONOTONIC */
	struct rh_rate monotonic;		/* against the host's, above the nominal rate */

	enum rh_happened leap;
	size_t disturbances_total, disturbances;
	struct rh_disturbance disturbance[RH_MAX_DISTURBANCES];

	/* Steering by adjtimex() is what daemons are for, and no disturbance. */
	bool steered;
	int64_t steering_min, steering_max;	/* ns in a second */

	size_t states, tais;
	struct rh_change state[RH_MAX_CHANGES], tai_offset[RH_MAX_CHANGES];
};

/* Where the plan has CLOCK_REALTIME so long after the edge, less the line without a leap second. */
int64_t rh_planned(const struct rh_plan *plan, int64_t t);

/* Where a sample is, from the edge, on the line without a leap second. */
int64_t rh_when(const struct rh_plan *plan, const struct rh_sample *first,
		const struct rh_sample *s);

/* CLOCK_REALTIME less the line without a leap second. */
int64_t rh_smeared(const struct rh_sample *first, const struct rh_sample *s);

/* CLOCK_REALTIME less the host's, both from the first sample, at the nominal rate; and its error. */
int64_t rh_from_host(const struct rh_plan *plan, const struct rh_sample *first,
		     const struct rh_sample *s, int64_t *err);

/* Returns false when there are fewer than two samples; then only their number is filled in. */
bool rh_analyse(const struct rh_plan *plan, const struct rh_sample *s, size_t nr,
		struct rh_findings *f);

const char *rh_clock_name(enum rh_clock clock);
/* "withdrawn", as in the JSON. */
const char *rh_disturbance_name(enum rh_disturbance_kind kind);

#endif /* TKNS_REPORT_H */
