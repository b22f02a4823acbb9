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

#include "container.h"
#include "plot.h"
#include "rehearse_args.h"
#include "rehearse_output.h"
#include "tkns.h"

#define DAY		(SECS_PER_DAY * NSEC_PER_SEC)

#define TAI_OFFSET	37

/* Without --before and --after: so long on the host's clock, a smear with it by a fortieth. */
#define MARGIN		(5 * RH_NSEC_PER_SEC)
#define SMEAR_MARGIN	(1 * RH_NSEC_PER_SEC)
#define SMEAR_PART	40
/* What a smear is to take, on the host's clock. */
#define SMEAR_TIME	40

/* What it takes to set the clock and arm the leap second, on the host's clock. */
#define ARM_TIME	(RH_NSEC_PER_SEC / 20)

/* What a command has to end by itself. */
#define GRACE		(2 * RH_NSEC_PER_SEC)

#define SAMPLES		600
#define SAMPLES_MIN	10
#define SAMPLES_MAX	1000000
#define MAX_ALSO	4

enum {
	OPT_LEAP = 256, OPT_SMEAR, OPT_RATE, OPT_BEFORE, OPT_AFTER, OPT_DATE, OPT_OUT, OPT_JSON,
	OPT_SAMPLES, OPT_ALSO, OPT_USER, OPT_GRACE,
	OPT_CONTAINER,
};

static const struct argp_option options[] = {
	{ "leap", OPT_LEAP, "insert|delete[@DATE]", 0,
	  "The kind of leap second (insert), and the day at whose end it is", 0 },
	{ "smear", OPT_SMEAR, "SMEAR", 0,
	  "What it does: " SPEC_SMEAR_HELP,
	  0 },
	{ "rate", OPT_RATE, "RATE", 0,
	  "How many times as fast as the host's the clocks run: N, N.N or P/Q, from 1/1000 to 2000 (1; with --smear such that it takes 40 s)",
	  0 },
	{ "before", OPT_BEFORE, "DURATION", 0,
	  "How long before the edge, or the window, the clock starts (5 s of the host; a 40th of the window)",
	  0 },
	{ "after", OPT_AFTER, "DURATION", 0, "How long it goes on afterwards (the same)", 0 },
	{ "date", OPT_DATE, "DATE", 0,
	  "The day at whose end it is, YYYY-MM-DD or tomorrow (the next June 30 or December 31)", 0 },
	{ "out", OPT_OUT, "DIR", 0,
	  "Leave samples.tsv, rehearsal.json, offset.svg and offset.png there", 0 },
	{ "json", OPT_JSON, NULL, 0,
	  "The report as JSON; what the command prints goes to standard error", 0 },
	{ "samples", OPT_SAMPLES, "N", 0, "How often the clocks are read (600)", 0 },
	{ "user", OPT_USER, "keep|root", OPTION_ARG_OPTIONAL,
	  NS_USER_HELP,
	  0 },
	{ "grace", OPT_GRACE, "DURATION", 0,
	  "How long what still runs in the end has from SIGTERM to SIGKILL (2s)", 0 },
	{ "container", OPT_CONTAINER, "PID", 0,
	  "Rehearse what runs: the namespace of this container, machine, unit or process; its clock is given back afterwards", 0 },
	/* For the demonstration: the same in further namespaces at the same time. */
	{ "also", OPT_ALSO, "step|none|follow|SMEAR", OPTION_HIDDEN, NULL, 0 },
	{ 0 }
};

/* One namespace of a rehearsal; there is one, but for --also. */
struct subject {
	bool follow, none;	/* --also: the clock is left alone, or has no leap second */
	struct spec_smear smear;
	struct rh_setup setup;
	struct rh_inside *in;
	struct rh_sample *s;
	struct rh_rehearsal r;
};

struct rehearsal {
	int step;
	int64_t rate_num, rate_den;	/* 0: not given */
	int64_t before, after;		/* 0: not given */
	const char *before_text;
	int64_t day;
	const char *day_option, *day_text;	/* NULL: not given */
	const char *out;
	bool json;
	int64_t samples;
	int64_t grace;
	enum user_mode user;
	bool user_given;
	char **argv;
	const char *container;		/* NULL: a new namespace */
	struct container who;
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

static void set_day(struct rehearsal *x, const char *option, const char *text, int64_t day)
{
	if (x->day_option)
		die("%s: the day was already given with %s '%s'", option, x->day_option,
		    x->day_text);
	x->day = day;
	x->day_option = option;
	x->day_text = text;
}

/* The machine's: the clock of the namespace has no day yet. */
static int64_t today(void)
{
	return spec_day_of(rh_read_clock(CLOCK_REALTIME));
}

static void parse_leap(struct rehearsal *x, const char *text)
{
	struct spec_error error;
	struct spec_leap leap;

	if (!rh_parse_leap(text, today(), &leap, &error))
		die_spec("--leap", text, &error);
	x->step = leap.kind == SPEC_LEAP_INSERT ? -1 : 1;
	if (leap.dated)
		set_day(x, "--leap", text, leap.day);
}

static void parse_rate(struct rehearsal *x, const char *text)
{
	struct spec_error error;
	struct spec_rate rate;

	if (!spec_parse_rate(text, &rate, &error))
		die_spec("--rate", text, &error);
	x->rate_num = rate.num;
	x->rate_den = rate.den;
}

static void parse_length(const char *option, const char *text, int64_t *ns)
{
	struct spec_error error;

	if (!rh_parse_duration(text, ns, &error))
		die_spec(option, text, &error);
}

static void parse_date(struct rehearsal *x, const char *text)
{
	struct spec_error error;
	int64_t day;

	if (!rh_parse_date(text, today(), &day, &error))
		die_spec("--date", text, &error);
	set_day(x, "--date", text, day);
}

static void parse_smear(struct subject *s, const char *option, const char *text)
{
	struct spec_error error;

	if (!spec_parse_smear(text, &s->smear, &error))
		die_spec(option, text, &error);
}

static void parse_also(struct rehearsal *x, const char *text)
{
	struct subject *s = &x->subject[x->subjects];

	if (x->subjects > MAX_ALSO)
		die("--also '%s': one too many", text);
	x->subjects++;
	s->follow = !strcmp(text, "follow");
	s->none = !strcmp(text, "none");
	if (s->follow || s->none)
		text = "step";
	parse_smear(s, "--also", text);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct rehearsal *x = state->input;
	struct spec_error error;

	switch (key) {
	case OPT_LEAP:
		parse_leap(x, arg);
		return 0;
	case OPT_SMEAR:
		parse_smear(&x->subject[0], "--smear", arg);
		return 0;
	case OPT_RATE:
		parse_rate(x, arg);
		return 0;
	case OPT_BEFORE:
		parse_length("--before", arg, &x->before);
		x->before_text = arg;
		return 0;
	case OPT_AFTER:
		parse_length("--after", arg, &x->after);
		return 0;
	case OPT_DATE:
		parse_date(x, arg);
		return 0;
	case OPT_OUT:
		if (!*arg)
			die("--out '': a directory is expected");
		x->out = arg;
		return 0;
	case OPT_JSON:
		x->json = true;
		return 0;
	case OPT_SAMPLES:
		if (!spec_parse_number(arg, SAMPLES_MIN, SAMPLES_MAX, &x->samples, &error))
			die_spec("--samples", arg, &error);
		return 0;
	case OPT_USER:
		x->user = ns_parse_user(arg);
		x->user_given = true;
		return 0;
	case OPT_CONTAINER:
		if (x->container)
			argp_error(state, "--container is given twice");
		x->container = arg;
		return 0;
	case OPT_GRACE:
		if (!rh_parse_grace(arg, &x->grace, &error))
			die_spec("--grace", arg, &error);
		return 0;
	case OPT_ALSO:
		parse_also(x, arg);
		return 0;
	case ARGP_KEY_ARGS:
		x->argv = state->argv + state->next;
		return 0;
	case ARGP_KEY_END:
		if (x->container && (x->argv || x->user_given || x->subjects > 1))
			argp_error(state, "--container is for what runs already: no command, --user or --also goes with it");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "[-- COMMAND [ARGUMENT...]]",
	.doc = "Run COMMAND in a new time namespace, or a container that runs, through a leap second, and report what the clocks did.\vExit status: that of COMMAND when it ended by itself, 0 when it was ended with the rehearsal, 123 whatever COMMAND did when something inside withdrew the leap second, set the clock or changed its rate or policy, 124 when the kernel lacks the feature, 125 for own failures.",
};

static int64_t of_host(const struct rehearsal *x, int64_t host)
{
	return (int64_t)((__int128)host * x->rate_num / x->rate_den);
}

/* What one namespace does with the leap second. */
static void plan_subject(struct rehearsal *x, struct subject *s)
{
	struct rh_plan *plan = &s->r.plan;

	*plan = (struct rh_plan) {
		.step = s->follow || s->none ? 0 : x->step,
		.edge = (x->day + 1) * DAY - (x->step > 0 ? RH_NSEC_PER_SEC : 0),
		.follow = s->follow,
	};
	s->r.day = x->day;
	if (!rh_parse_plan(s->smear.policy, plan))
		die("no plan for the policy '%s'", s->smear.policy);
}

__attribute__((noreturn))
static void refuse_before(const struct rehearsal *x, int64_t least)
{
	struct spec_error error = { .len = strlen(x->before_text) };
	char text[SPEC_TEXT];

	/* Its sign is of no use here. */
	snprintf(error.why, sizeof(error.why), "the clock has to start %s before the edge at least",
		 spec_format_duration(text, least) + 1);
	die_spec("--before", x->before_text, &error);
}

/* When the clocks start and how fast they run, by the first namespace. */
static void plan_time(struct rehearsal *x)
{
	const struct rh_plan *plan = &x->subject[0].r.plan;
	int64_t from = plan->from < 0 ? plan->from : 0, to = plan->to > 0 ? plan->to : 0;
	int64_t part = (plan->to - plan->from) / SMEAR_PART;
	int64_t margin, least, day_start;

	if (!x->rate_num) {
		int64_t all = to - from + (x->before ? x->before : part) +
			      (x->after ? x->after : part);
		int64_t unit = SMEAR_TIME * RH_NSEC_PER_SEC;

		x->rate_den = 1;
		x->rate_num = plan->shape == RH_STEP ? 1 : (all + unit - 1) / unit;
		if (x->rate_num > SPEC_RATE_MAX)
			x->rate_num = SPEC_RATE_MAX;
	}
	margin = of_host(x, plan->shape == RH_STEP ? MARGIN : SMEAR_MARGIN);
	if (part > margin)
		margin = part;
	/* The kernel looks at STA_INS at the turn of a second, and that of the edge is too late. */
	least = 3 * RH_NSEC_PER_SEC + of_host(x, ARM_TIME);
	if (!x->before)
		x->before = margin - from < least ? least + from : margin;
	if (!x->after)
		x->after = margin;

	x->start = plan->edge + from - x->before;
	/* A leap second is announced on its own day. Announced before, it would end that day. */
	day_start = x->day * DAY + RH_NSEC_PER_SEC;
	if (x->start < day_start) {
		x->start = day_start;
		x->late = plan->shape != RH_STEP && plan->edge + plan->from < day_start;
	}
	if (plan->edge - x->start < least)
		refuse_before(x, least);
	x->length = plan->edge + to + x->after - x->start;
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
			die_errno("calloc");
		s->setup = (struct rh_setup) {
			.follow = s->follow,
			.rate_num = x->rate_num,
			.rate_den = x->rate_den,
			.start = x->start,
			/* The default needs no kernel that knows policies, but a clock which is there may smear. */
			.policy = plan->shape == RH_STEP && !x->who.pid ? NULL : s->smear.policy,
			.status = plan->step < 0 ? STA_INS : plan->step > 0 ? STA_DEL : 0,
			.tai = TAI_OFFSET,
			.user = x->user,
			.borrow = x->who.pid,
			.borrow_ns = x->who.ns,
			.argv = i ? NULL : x->argv,
			.quiet_stdout = x->json,
		};
		s->r.policy = s->smear.policy;
		s->r.start = x->start;
		s->r.late = x->late;
		s->r.container = x->container;
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
		die_errno("clock_nanosleep");
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
			container_look(&x->who, &s->r);
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
		die_errno("asprintf");
	file = fopen(path, "we");
	if (!file)
		die_errno("%s", path);
	free(path);
	return file;
}

static void finish(FILE *file, const char *what)
{
	if (ferror(file) | fclose(file))
		die("%s could not be written", what);
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
		warn_user("no plot: %s. The data is in %s/samples.tsv; 'cd %s && gnuplot offset.gp' makes it",
		      why, x->out, x->out);
}

static int status_of(const struct rh_rehearsal *r)
{
	const struct rh_command *c = &r->command;

	if (r->interrupted)
		return 128 + r->interrupted;
	/* What the command says of a leap second which did not happen is worth nothing. */
	if (r->f.disturbances)
		return EXIT_DISTURBED;
	if (!c->ended || c->ours)
		return 0;
	return WIFSIGNALED(c->status) ? 128 + WTERMSIG(c->status) : WEXITSTATUS(c->status);
}

int cmd_rehearse(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_interrupt };
	struct rehearsal x = {
		.step = -1, .samples = SAMPLES, .grace = GRACE, .subjects = 1,
		.subject[0].smear.policy = "step",
	};
	bool smears = false;
	size_t i;

	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &x);
	if (!x.day_option)
		x.day = spec_next_leap_day(rh_read_clock(CLOCK_REALTIME));
	for (i = 0; i < x.subjects; i++) {
		plan_subject(&x, &x.subject[i]);
		smears |= x.subject[i].r.plan.shape != RH_STEP;
	}
	plan_time(&x);

	need_kernel();
	if (x.container)
		container_open(&x.who, x.container);
	set_up(&x);
	if (x.rate_num != x.rate_den)
		rh_require_kernel("rate");
	if (smears)
		rh_require_kernel("leap");
	if (x.out && mkdir(x.out, 0777) && errno != EEXIST)
		die_errno("%s", x.out);
	if (x.late)
		warn_user("the window opens before the day of the leap second, when it cannot be announced yet: the smear joins late");
	if (x.length / 60 / RH_NSEC_PER_SEC * x.rate_den > x.rate_num)
		warn_user("this takes %lld s",
		      (long long)((__int128)x.length * x.rate_den / x.rate_num / RH_NSEC_PER_SEC));

	for (i = 0; i < x.subjects; i++)
		x.subject[i].in = rh_inside_start(&x.subject[i].setup);
	if (sigaction(SIGINT, &action, NULL) || sigaction(SIGTERM, &action, NULL))
		die_errno("sigaction");
	take_samples(&x);
	for (i = 0; i < x.subjects; i++) {
		struct subject *s = &x.subject[i];
		char *smear = strdup(rh_inside_smear(s->in));

		if (!smear)
			die_errno("strdup");
		s->r.smear = smear;
		s->r.interrupted = interrupted;
		rh_inside_end(s->in, x.grace, &s->r.command);
		if (!rh_analyse(&s->r.plan, s->s, s->r.nr, &s->r.f) && !interrupted)
			die("only %zu samples could be taken", s->r.nr);
		container_ask(&x.who, &s->r);
	}

	for (i = 0; i < x.subjects; i++) {
		if (x.json)
			rh_print_json(stdout, &x.subject[i].r);
		else
			rh_print_table(stdout, &x.subject[i].r);
	}
	close_stdout();
	if (x.out)
		leave_results(&x);
	for (i = 0; i < x.subjects; i++) {
		free((char *)x.subject[i].r.smear);
		free(x.subject[i].s);
	}
	return status_of(&x.subject[0].r);
}
