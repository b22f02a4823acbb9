// SPDX-License-Identifier: GPL-2.0
/*
 * tkns rehearse - run a command through a leap second, and report what the clocks did
 *
 *	parse -> plan -> namespace, clock set, leap second armed -> samples -> analysis -> report
 *
 * The plan is in the time of the namespace: when its clock starts, where the edge and the window
 * are, how fast it runs. Samples are taken at regular times of the host.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "plot.h"
#include "present.h"
#include "rehearse.h"
#include "rparse.h"

#define DAY		(86400 * RH_NSEC_PER_SEC)

#define TAI_OFFSET	37

/* Without --before and --after: so long on the host's clock, a smear with it by a fortieth. */
#define MARGIN		(5 * RH_NSEC_PER_SEC)
#define SMEAR_MARGIN	(1 * RH_NSEC_PER_SEC)
#define SMEAR_PART	40
/* What a smear is to take, on the host's clock. */
#define SMEAR_TIME	40
#define RATE_MAX	2000

/* What it takes to set the clock and arm the leap second, on the host's clock. */
#define ARM_TIME	(RH_NSEC_PER_SEC / 20)

#define SAMPLES		600
#define MAX_ALSO	4

enum {
	OPT_LEAP = 256, OPT_SMEAR, OPT_RATE, OPT_BEFORE, OPT_AFTER, OPT_DATE, OPT_OUT, OPT_JSON,
	OPT_SAMPLES, OPT_ALSO,
};

static const struct argp_option options[] = {
	{ "leap", OPT_LEAP, "insert|delete", 0, "The kind of leap second (insert)", 0 },
	{ "smear", OPT_SMEAR, "SMEAR", 0,
	  "Spread it instead of stepping: google, aws, utc-sls, ntpd, meta, or SHAPE:WINDOW:PLACE with linear, cosine or quadratic, a time from 128 s to 7 d, and before, centred or after",
	  0 },
	{ "rate", OPT_RATE, "X", 0,
	  "How many times faster than the host's the clocks run (1; with --smear such that it takes 40 s)",
	  0 },
	{ "before", OPT_BEFORE, "DUR", 0,
	  "How long before the edge, or the window, the clock starts (5 s of the host; a 40th of the window)",
	  0 },
	{ "after", OPT_AFTER, "DUR", 0, "How long it goes on afterwards (the same)", 0 },
	{ "date", OPT_DATE, "YYYY-MM-DD", 0,
	  "The day at whose end it is (the next June 30 or December 31)", 0 },
	{ "out", OPT_OUT, "DIR", 0,
	  "Leave samples.tsv, rehearsal.json, offset.svg and offset.png there", 0 },
	{ "json", OPT_JSON, NULL, 0,
	  "The report as JSON; what the command prints goes to standard error", 0 },
	{ "samples", OPT_SAMPLES, "N", 0, "How often the clocks are read (600)", 0 },
	/* For the demonstration: the same in further namespaces at the same time. */
	{ "also", OPT_ALSO, "step|none|follow|SMEAR", OPTION_HIDDEN, NULL, 0 },
	{ 0 }
};

/* One namespace of a rehearsal; there is one, but for --also. */
struct subject {
	const char *name;
	char policy[RP_POLICY];
	bool follow;
	struct rh_setup setup;
	struct rh_inside *in;
	struct rh_sample *s;
	struct rh_rehearsal r;
};

struct rehearsal {
	int step;
	const char *smear;
	int64_t rate_num, rate_den;	/* 0: not given */
	int64_t before, after;		/* 0: not given */
	bool dated;
	int64_t day;
	const char *out;
	bool json;
	int64_t samples;
	char **argv;
	/* The plan. */
	int64_t start, length;		/* on the namespace's clock */
	int64_t period;			/* between two samples, on the host's */
	bool late;
	struct subject subject[1 + MAX_ALSO];
	size_t subjects;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	interrupted = sig;
}

/* argp_error() would say to try --help as well, which is no help with a single bad value. */
static void refuse(const struct argp_state *state, const char *option, const char *text,
		   const char *why)
{
	if (why)
		argp_failure(state, RH_EXIT_FAILURE, 0, "%s: '%s' %s", option, text, why);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct rehearsal *x = state->input;

	switch (key) {
	case OPT_LEAP:
		if (!strcmp(arg, "insert"))
			x->step = -1;
		else if (!strcmp(arg, "delete"))
			x->step = 1;
		else
			refuse(state, "--leap", arg, "is neither insert nor delete");
		return 0;
	case OPT_SMEAR:
		x->smear = arg;
		return 0;
	case OPT_RATE:
		refuse(state, "--rate", arg, rp_rate(arg, &x->rate_num, &x->rate_den));
		return 0;
	case OPT_BEFORE:
		refuse(state, "--before", arg, rp_duration(arg, &x->before));
		return 0;
	case OPT_AFTER:
		refuse(state, "--after", arg, rp_duration(arg, &x->after));
		return 0;
	case OPT_DATE:
		refuse(state, "--date", arg, rp_date(arg, &x->day));
		x->dated = true;
		return 0;
	case OPT_OUT:
		if (!*arg)
			refuse(state, "--out", arg, "is no directory");
		x->out = arg;
		return 0;
	case OPT_JSON:
		x->json = true;
		return 0;
	case OPT_SAMPLES:
		refuse(state, "--samples", arg, rp_number(arg, 10, 1000000, &x->samples));
		return 0;
	case OPT_ALSO:
		if (x->subjects > MAX_ALSO)
			refuse(state, "--also", arg, "is one too many");
		x->subject[x->subjects++].name = arg;
		return 0;
	case ARGP_KEY_ARGS:
		x->argv = state->argv + state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "[-- COMMAND [ARGUMENT...]]",
	.doc = "Run COMMAND in a new time namespace through a leap second, and report what the clocks did."
	       "\vExit status: that of COMMAND when it ended by itself, 0 when it was ended with the "
	       "rehearsal, 124 when the kernel lacks the feature, 125 for own failures.",
};

static int64_t of_host(const struct rehearsal *x, int64_t host)
{
	return (int64_t)((__int128)host * x->rate_num / x->rate_den);
}

/* What one namespace does with the leap second. */
static void plan_subject(struct rehearsal *x, struct subject *s)
{
	struct rh_plan *plan = &s->r.plan;
	const char *why;

	*plan = (struct rh_plan) {
		.shape = RH_STEP,
		.step = x->step,
		.edge = (x->day + 1) * DAY - (x->step > 0 ? RH_NSEC_PER_SEC : 0),
	};
	strcpy(s->policy, "step");
	s->r.day = x->day;
	if (!strcmp(s->name, "follow") || !strcmp(s->name, "none")) {
		s->follow = !strcmp(s->name, "follow");
		plan->step = 0;
	} else if (strcmp(s->name, "step")) {
		why = rp_smear(s->name, plan, s->policy);
		if (why)
			errx(RH_EXIT_FAILURE, "%s: '%s' %s", s == x->subject ? "--smear" : "--also",
			     s->name, why);
	}
}

/* When the clocks start and how fast they run, by the first namespace. */
static void plan_time(struct rehearsal *x)
{
	const struct rh_plan *plan = &x->subject[0].r.plan;
	int64_t from = plan->from < 0 ? plan->from : 0, to = plan->to > 0 ? plan->to : 0;
	int64_t part = (plan->to - plan->from) / SMEAR_PART;
	int64_t margin, day_start;

	if (!x->rate_num) {
		int64_t all = to - from + (x->before ? x->before : part) +
			      (x->after ? x->after : part);
		int64_t unit = SMEAR_TIME * RH_NSEC_PER_SEC;

		x->rate_den = 1;
		x->rate_num = plan->shape == RH_STEP ? 1 : (all + unit - 1) / unit;
		if (x->rate_num > RATE_MAX)
			x->rate_num = RATE_MAX;
	}
	margin = of_host(x, plan->shape == RH_STEP ? MARGIN : SMEAR_MARGIN);
	if (part > margin)
		margin = part;
	if (!x->before)
		x->before = margin;
	if (!x->after)
		x->after = margin;

	x->start = plan->edge + from - x->before;
	/* A leap second is announced on its own day. Announced before, it would end that day. */
	day_start = x->day * DAY + RH_NSEC_PER_SEC;
	if (x->start < day_start) {
		x->start = day_start;
		x->late = plan->shape != RH_STEP && plan->edge + plan->from < day_start;
	}
	/* The kernel looks at STA_INS at the turn of a second, and that of the edge is too late. */
	if (plan->edge - x->start < 3 * RH_NSEC_PER_SEC + of_host(x, ARM_TIME))
		errx(RH_EXIT_FAILURE, "--before: the clock has to start %lld s before the edge at least",
		     (long long)(4 + of_host(x, ARM_TIME) / RH_NSEC_PER_SEC));
	x->length = plan->edge + to + x->after - x->start;
	if (x->length <= 0)
		errx(RH_EXIT_FAILURE, "the rehearsal would end before it starts");
}

static void set_up(struct rehearsal *x)
{
	size_t i;

	x->period = (int64_t)((__int128)x->length * x->rate_den / x->rate_num) / (x->samples - 1);
	for (i = 0; i < x->subjects; i++) {
		struct subject *s = &x->subject[i];
		struct rh_plan *plan = &s->r.plan;

		plan->rate_num = s->follow ? 1 : x->rate_num;
		plan->rate_den = s->follow ? 1 : x->rate_den;
		s->s = calloc((size_t)x->samples, sizeof(*s->s));
		if (!s->s)
			err(RH_EXIT_FAILURE, "calloc");
		s->setup = (struct rh_setup) {
			.follow = s->follow,
			.rate_num = x->rate_num,
			.rate_den = x->rate_den,
			.start = x->start,
			/* The default needs no kernel that knows policies. */
			.policy = plan->shape == RH_STEP ? NULL : s->policy,
			.status = plan->step < 0 ? STA_INS : plan->step > 0 ? STA_DEL : 0,
			.tai = TAI_OFFSET,
			.argv = i ? NULL : x->argv,
			.quiet_stdout = x->json,
		};
		s->r.policy = s->policy;
		s->r.start = x->start;
		s->r.late = x->late;
		s->r.argv = (const char *const *)s->setup.argv;
		s->r.s = s->s;
	}
}

/* Returns false when the time for this sample has passed, or was interrupted. */
static bool sleep_until(int64_t monotonic)
{
	struct timespec ts = {
		.tv_sec = monotonic / RH_NSEC_PER_SEC,
		.tv_nsec = monotonic % RH_NSEC_PER_SEC,
	};
	int rc;

	do {
		rc = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	} while (rc == EINTR && !interrupted);
	if (rc && rc != EINTR) {
		errno = rc;
		err(RH_EXIT_FAILURE, "clock_nanosleep");
	}
	return !interrupted;
}

static void take_samples(struct rehearsal *x)
{
	int64_t begin = rh_read_clock(CLOCK_MONOTONIC), k;
	size_t i;

	for (k = 0; k < x->samples; k++) {
		int64_t now = rh_read_clock(CLOCK_MONOTONIC);

		/* What was slept through is missed. */
		if (now - begin > (k + 1) * x->period && k + 1 < x->samples)
			continue;
		if (!sleep_until(begin + k * x->period))
			return;
		for (i = 0; i < x->subjects; i++) {
			struct subject *s = &x->subject[i];

			s->s[s->r.nr].number = (uint32_t)k;
			rh_inside_sample(s->in, &s->s[s->r.nr]);
			s->r.nr++;
			/* Not before: the first sample is what all others are compared with. */
			if (s->r.nr == 1 && s->setup.argv)
				rh_inside_run_command(s->in);
		}
	}
}

static FILE *create(const char *dir, const char *name)
{
	char *path;
	FILE *file;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		err(RH_EXIT_FAILURE, "asprintf");
	file = fopen(path, "we");
	if (!file)
		err(RH_EXIT_FAILURE, "%s", path);
	free(path);
	return file;
}

static void finish(FILE *file, const char *what)
{
	if (ferror(file) | fclose(file))
		errx(RH_EXIT_FAILURE, "%s could not be written", what);
}

static void leave_results(struct rehearsal *x)
{
	struct rh_rehearsal *r = &x->subject[0].r;
	const char *why;
	char title[256];
	FILE *file;
	size_t i;

	for (i = 0; i < x->subjects; i++) {
		struct subject *s = &x->subject[i];
		char name[32] = "samples.tsv";

		if (i)
			snprintf(name, sizeof(name), "samples-%zu.tsv", i + 1);
		file = create(x->out, name);
		rh_write_samples(file, &s->r.plan, s->s, s->r.nr);
		finish(file, name);
		snprintf(name, sizeof(name), i ? "rehearsal-%zu.json" : "rehearsal.json", i + 1);
		file = create(x->out, name);
		rh_print_json(file, &s->r);
		finish(file, name);
	}
	if (r->f.samples < 2)
		return;
	rh_describe(title, sizeof(title), r);
	why = rh_plot(x->out, &r->plan, &r->f, title);
	if (why)
		warnx("no plot: %s. The data is in %s/samples.tsv; 'cd %s && gnuplot offset.gp' makes it",
		      why, x->out, x->out);
}

static int status_of(const struct rh_rehearsal *r)
{
	const struct rh_command *c = &r->command;

	if (r->interrupted)
		return 128 + r->interrupted;
	if (!c->ended || c->ours)
		return 0;
	return WIFSIGNALED(c->status) ? 128 + WTERMSIG(c->status) : WEXITSTATUS(c->status);
}

int cmd_rehearse(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_interrupt };
	struct rehearsal x = { .step = -1, .samples = SAMPLES, .subjects = 1 };
	struct subject *first = &x.subject[0];
	bool smears = false;
	size_t i;

	argp_err_exit_status = RH_EXIT_FAILURE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &x);
	if (!x.dated)
		x.day = rp_next_leap_day(rh_read_clock(CLOCK_REALTIME) / DAY);
	first->name = x.smear ? x.smear : "step";
	for (i = 0; i < x.subjects; i++) {
		plan_subject(&x, &x.subject[i]);
		smears |= x.subject[i].r.plan.shape != RH_STEP;
	}
	plan_time(&x);
	set_up(&x);

	rh_require_kernel(NULL);
	if (x.rate_num != x.rate_den)
		rh_require_kernel("rate");
	if (smears)
		rh_require_kernel("leap");
	if (x.out && mkdir(x.out, 0777) && errno != EEXIST)
		err(RH_EXIT_FAILURE, "%s", x.out);
	if (x.late)
		warnx("the window opens before the day of the leap second, when it cannot be announced yet: the smear joins late");
	if (x.length / 60 / RH_NSEC_PER_SEC * x.rate_den > x.rate_num)
		warnx("this takes %lld s",
		      (long long)((__int128)x.length * x.rate_den / x.rate_num / RH_NSEC_PER_SEC));

	for (i = 0; i < x.subjects; i++)
		x.subject[i].in = rh_inside_start(&x.subject[i].setup);
	if (sigaction(SIGINT, &action, NULL) || sigaction(SIGTERM, &action, NULL))
		err(RH_EXIT_FAILURE, "sigaction");
	take_samples(&x);
	for (i = 0; i < x.subjects; i++) {
		struct subject *s = &x.subject[i];
		char *smear = strdup(rh_inside_smear(s->in));

		if (!smear)
			err(RH_EXIT_FAILURE, "strdup");
		s->r.smear = smear;
		s->r.interrupted = interrupted;
		rh_inside_end(s->in, &s->r.command);
		if (!rh_analyse(&s->r.plan, s->s, s->r.nr, &s->r.f) && !interrupted)
			errx(RH_EXIT_FAILURE, "only %zu samples could be taken", s->r.nr);
	}

	for (i = 0; i < x.subjects; i++) {
		if (x.json)
			rh_print_json(stdout, &x.subject[i].r);
		else
			rh_print_table(stdout, &x.subject[i].r);
	}
	if (fflush(stdout))
		err(RH_EXIT_FAILURE, "writing the report");
	if (x.out)
		leave_results(&x);
	for (i = 0; i < x.subjects; i++) {
		free((char *)x.subject[i].r.smear);
		free(x.subject[i].s);
	}
	return status_of(&first->r);
}
