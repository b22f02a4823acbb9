// SPDX-License-Identifier: GPL-2.0
/*
 * tkns drift, step and strobe: clocks which go wrong, by a schedule
 *
 *	options, file -> plan (plan.c) -> sorted -> played
 *
 * Each clock has a child (child.h) which has entered its namespace and does there what it is told. It takes back what is not
 * meant to stay, the drift and a strobe, when nobody tells it anything any more: at the end, and also when tkns is interrupted
 * or killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "json.h"
#include "opts.h"
#include "plan.h"
#include "tkns.h"

/* Each change costs some system calls, and nobody looks at clocks more often. */
#define EVERY_MIN	(NSEC_PER_SEC / 1000)

enum {
	OPT_BY = OPT_OWN,
	OPT_PPM,
	OPT_EVERY,
	OPT_FOR,
	OPT_SEED,
	OPT_SCHEDULE,
	OPT_PRINT,
};

struct chaos_args {
	struct pid_args common;
	struct plan_draw draw;
	bool value_given;
	bool seed_given;
	uint64_t seed;
	const char *schedule;
	bool print;
};

/* What a child is told, and what it answers. */
struct order {
	enum plan_what what;
	int64_t value;
};

struct answer {
	int64_t offset;		/* CLOCK_REALTIME less the host's, ns */
	struct spec_rate rate;
};

struct target {
	pid_t pid;
	int ns;			/* its time namespace, open */
	ino_t ino;
	struct child child;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	interrupted = sig;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct chaos_args *args = state->input;
	struct spec_error error;
	int64_t number;

	switch (key) {
	case OPT_BY:
	case OPT_PPM:
		args->value_given = true;
		if (!plan_parse_range(arg, args->draw.what, &args->draw.value, &error))
			die_spec(key == OPT_BY ? "--by" : "--ppm", arg, &error);
		return 0;
	case OPT_EVERY:
		if (!plan_parse_range(arg, PLAN_STEP, &args->draw.every, &error))
			die_spec("--every", arg, &error);
		if (args->draw.every.first < EVERY_MIN)
			die("--every '%s': less than 1ms", arg);
		return 0;
	case OPT_FOR:
		if (!spec_parse_duration(arg, &args->draw.length, &error))
			die_spec("--for", arg, &error);
		if (args->draw.length <= 0 || args->draw.length > PLAN_TIME_MAX)
			die("--for '%s': more than nothing and 30 days at most are expected", arg);
		return 0;
	case OPT_SEED:
		if (!spec_parse_number(arg, 0, INT64_MAX, &number, &error))
			die_spec("--seed", arg, &error);
		args->seed = number;
		args->seed_given = true;
		return 0;
	case OPT_SCHEDULE:
		args->schedule = arg;
		return 0;
	case OPT_PRINT:
		args->print = true;
		return 0;
	case ARGP_KEY_END:
		args->common.optional = args->schedule;
		if (args->schedule && (args->common.nr || args->value_given || args->draw.length ||
				       args->draw.every.last || args->seed_given))
			argp_error(state, "--schedule says whom, what and when: nothing of that goes with it");
		if (!args->schedule && !args->value_given)
			argp_error(state, "%s is missing", args->draw.what == PLAN_DRIFT ? "--ppm" : "--by");
		if (!args->schedule && !args->draw.length &&
		    (args->draw.what != PLAN_STEP || args->draw.every.last))
			argp_error(state, "--for is missing");
		if (!args->schedule && args->draw.what == PLAN_STROBE && !args->draw.every.last)
			argp_error(state, "--every is missing");
		return parse_pid_args(key, arg, state, &args->common);
	default:
		return parse_pid_args(key, arg, state, &args->common);
	}
}

static void read_schedule(struct plan *plan, const char *path)
{
	FILE *file = !strcmp(path, "-") ? stdin : fopen(path, "re");
	struct spec_error error;
	char *line = NULL, where[64];
	size_t size = 0;
	unsigned long number = 0;
	ssize_t len;

	if (!file)
		die_errno("--schedule '%s'", path);
	while ((len = getline(&line, &size, file)) >= 0) {
		number++;
		if (strlen(line) != (size_t)len)
			die("--schedule '%s': line %lu has a zero byte", path, number);
		line[strcspn(line, "\n")] = '\0';
		if (plan_parse_line(plan, line, &error))
			continue;
		snprintf(where, sizeof(where), "--schedule, line %lu", number);
		die_spec(where, line, &error);
	}
	if (ferror(file))
		die_errno("--schedule '%s'", path);
	free(line);
	if (file != stdin)
		fclose(file);
}

static void make_plan(struct plan *plan, struct chaos_args *args)
{
	size_t i, number;

	if (args->schedule) {
		read_schedule(plan, args->schedule);
	} else {
		for (i = 0; i < args->common.nr; i++)
			if (!plan_name(plan, args->common.pids[i], &number))
				die("out of memory");
		if (!args->seed_given && getrandom(&args->seed, sizeof(args->seed), 0) < 0)
			die_errno("getrandom");
		/* A number which --seed takes */
		args->seed &= INT64_MAX;
		if (!plan_draw(plan, &args->draw, args->seed))
			die("--every and --for: more than %d events", PLAN_EVENTS_MAX);
	}
	if (!plan_sort(plan))
		die("out of memory");
}

/* In a namespace. */

static void step(int64_t ns)
{
	struct clock_change change = {
		.set = true, .time = { .when = SPEC_RELATIVE, .ns = ns },
		.time_option = "step", .time_text = "",
	};

	clock_apply(&change);
}

/* All clocks of the namespace, as those of a machine whose crystal is wrong; NTP inside can steer against it. */
static void drift(struct spec_rate base, int64_t value)
{
	struct clock_change change = { .rate = true };

	/* It was looked at before the first event. */
	if (plan_rate(base, value, &change.factor))
		clock_apply(&change);
}

static void check_drifts(const struct plan *plan, size_t who, struct spec_rate base)
{
	char drift[SPEC_TEXT], rate[SPEC_TEXT];
	struct spec_rate ignored;
	size_t i;

	for (i = 0; i < plan->nr; i++) {
		const struct plan_event *e = &plan->events[i];

		if (e->who == who && e->what == PLAN_DRIFT && !plan_rate(base, e->value, &ignored))
			die("a drift of %s ppm on top of the rate %s is no rate which the kernel takes",
			    plan_format_drift(drift, e->value), spec_format_rate(rate, base));
	}
}

/* What this child has to take back */
static struct taken {
	struct spec_rate base;
	bool drifts;
	int64_t out;		/* of strobes, ns */
} taken;

static void undo_drift(const void *arg)
{
	const struct taken *all = arg;

	drift(all->base, 0);
}

static void undo_step(const void *arg)
{
	const struct taken *all = arg;

	step(-all->out);
}

/* At whatever end, and each by itself: where the one is refused the other may not be. */
static void take_back(void)
{
	const struct taken all = taken;
	bool back;

	taken = (struct taken) { 0 };
	back = !all.drifts || child_does(undo_drift, &all);
	back &= !all.out || child_does(undo_step, &all);
	if (!back)
		_exit(EXIT_FAILED);
}

__attribute__((noreturn))
static void child_main(const struct plan *plan, size_t who, const struct target *target)
{
	struct clock_file file;
	struct answer answer;
	struct order order;
	struct spec_rate base;

	/* What ends the parent is not what ends this: there may be something to be taken back. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	enter_time_ns(target->ns, target->pid);
	clock_read_self(&file);
	if (!file.has_rate)
		die("this kernel is an older one whose clocks have no rate");
	base = file.rate;
	taken.base = base;
	if (atexit(take_back))
		die("out of memory");
	check_drifts(plan, who, base);
	do {
		clock_read_self(&file);
		answer = (struct answer) { .offset = file.realtime, .rate = file.rate };
		if (!child_send(target->child.fd, &answer, sizeof(answer)) ||
		    !child_receive(target->child.fd, &order, sizeof(order), NULL))
			break;
		if (order.what == PLAN_DRIFT) {
			drift(base, order.value);
			taken.drifts = order.value;
		} else {
			step(order.value);
			taken.out += order.what == PLAN_STROBE ? order.value : 0;
		}
	} while (true);
	take_back();
	_exit(0);
}

/* Outside. */

/* Returns false if interrupted. */
static bool sleep_until(int64_t monotonic)
{
	struct timespec ts = {
		.tv_sec = monotonic / NSEC_PER_SEC, .tv_nsec = monotonic % NSEC_PER_SEC,
	};

	while (!interrupted && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
	return !interrupted;
}

/* A line for each event, and one before and behind them. */
static void log_event(const struct plan *plan, const struct plan_event *e, int64_t late,
		      const struct answer *answer)
{
	char text[SPEC_TEXT];
	struct json j;

	json_start(&j, stdout);
	json_open(&j, NULL, '{');
	json_int(&j, "at_ns", e->at);
	json_int(&j, "late_ns", late);
	json_string(&j, "name", plan->names[e->who]);
	json_string(&j, "what", plan_what_name(e->what));
	if (e->what == PLAN_DRIFT)
		json_number(&j, "ppm", plan_format_drift(text, e->value));
	else
		json_int(&j, "ns", e->value);
	json_int(&j, "offset_ns", answer->offset);
	json_string(&j, "rate", spec_format_rate(text, answer->rate));
	json_close(&j, '}');
	json_end(&j);
	close_stdout();
}

static void log_start(const struct plan *plan, const struct chaos_args *args)
{
	char text[SPEC_TEXT];
	struct json j;

	json_start(&j, stdout);
	json_open(&j, NULL, '{');
	json_string(&j, "start", spec_format_time(text, clock_now(CLOCK_REALTIME)));
	json_int(&j, "events", plan->nr);
	if (args->schedule)
		json_null(&j, "seed");
	else
		json_int(&j, "seed", args->seed);
	json_close(&j, '}');
	json_end(&j);
	close_stdout();
}

static void log_end(size_t played)
{
	struct json j;

	json_start(&j, stdout);
	json_open(&j, NULL, '{');
	json_int(&j, "played", played);
	json_bool(&j, "interrupted", interrupted);
	json_close(&j, '}');
	json_end(&j);
}

static size_t play(const struct plan *plan, struct target *all)
{
	int64_t begin = clock_now(CLOCK_MONOTONIC);
	struct answer answer;
	size_t i;

	for (i = 0; i < plan->nr && sleep_until(begin + plan->events[i].at); i++) {
		const struct plan_event *e = &plan->events[i];
		struct order order = { .what = e->what, .value = e->value };
		int64_t late = clock_now(CLOCK_MONOTONIC) - begin - e->at;

		int fd = all[e->who].child.fd;

		if (!child_send(fd, &order, sizeof(order)) ||
		    !child_receive(fd, &answer, sizeof(answer), &interrupted)) {
			if (interrupted)
				break;
			/* What is wrong the child has said. */
			die("'%s': its clock cannot be changed", plan->names[e->who]);
		}
		log_event(plan, e, late, &answer);
	}
	return i;
}

static struct target *find_targets(const struct plan *plan)
{
	struct target *all = calloc(plan->nr_names + 1, sizeof(*all));
	size_t i, k;

	if (!all)
		die("out of memory");
	for (i = 0; i < plan->nr_names; i++) {
		all[i].pid = parse_pid(plan->names[i]);
		all[i].ns = open_time_ns(all[i].pid, &all[i].ino);
		for (k = 0; k < i; k++)
			if (all[k].ino == all[i].ino)
				die("'%s' and '%s' have the same clock", plan->names[k], plan->names[i]);
	}
	return all;
}

static int chaos(struct chaos_args *args)
{
	struct sigaction action = { .sa_handler = on_interrupt };
	struct plan plan = { 0 };
	struct answer answer;
	struct target *all;
	size_t i, played;
	int bad = 0;

	make_plan(&plan, args);
	if (args->print) {
		plan_write(&plan, stdout);
		close_stdout();
		plan_free(&plan);
		return 0;
	}
	need_kernel();
	all = find_targets(&plan);
	for (i = 0; i < plan.nr_names; i++)
		if (child_start(&all[i].child, i ? &all[i - 1].child : NULL))
			child_main(&plan, i, &all[i]);
	for (i = 0; i < plan.nr_names; i++)
		if (!child_receive(all[i].child.fd, &answer, sizeof(answer), NULL))
			die("'%s': its clock cannot be changed, so none was", plan.names[i]);
	if (sigaction(SIGINT, &action, NULL) || sigaction(SIGTERM, &action, NULL) ||
	    sigaction(SIGHUP, &action, NULL))
		die_errno("sigaction");
	log_start(&plan, args);
	played = play(&plan, all);
	for (i = 0; i < plan.nr_names; i++)
		bad |= child_end(&all[i].child);
	log_end(played);
	close_stdout();
	free(all);
	plan_free(&plan);
	if (bad)
		return EXIT_FAILED;
	return interrupted ? 128 + interrupted : 0;
}

#define SEED_OPTION \
	{ "seed", OPT_SEED, "N", 0, "What chance begins with: the same draws the same (a new one)", 1 }
#define FILE_OPTIONS \
	{ "schedule", OPT_SCHEDULE, "FILE", 0, "Do what the lines of FILE say instead: AT PID drift|step|strobe VALUE", 2 }, \
	{ "print", OPT_PRINT, NULL, 0, "Write such lines instead of doing anything", 2 }

int cmd_drift(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "ppm", OPT_PPM, "PPM[..PPM]", 0, "How much too fast all clocks run, from -100000 to 100000; one of these by chance", 1 },
		{ "every", OPT_EVERY, "DURATION[..DURATION]", 0, "Another value after so long", 1 },
		{ "for", OPT_FOR, "DURATION", 0, "How long", 1 },
		SEED_OPTION, FILE_OPTIONS, { 0 }
	};
	static const struct argp argp = {
		.options = options, .parser = parse, .args_doc = "PID...",
		.doc = "Let the clocks of the time namespaces in which the processes are run too fast, or too slow, as by a bad crystal; at the end they run as before. The log is written as JSON."
	};
	struct chaos_args args = { .common.many = true, .draw.what = PLAN_DRIFT };

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	return chaos(&args);
}

int cmd_step(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "by", OPT_BY, "DURATION[..DURATION]", 0, "By how much; something between the two by chance", 1 },
		{ "every", OPT_EVERY, "DURATION[..DURATION]", 0, "Again and again after so long (a single step, at once)", 1 },
		{ "for", OPT_FOR, "DURATION", 0, "How long", 1 },
		SEED_OPTION, FILE_OPTIONS, { 0 }
	};
	static const struct argp argp = {
		.options = options, .parser = parse, .args_doc = "PID...",
		.doc = "Step CLOCK_REALTIME of the time namespaces in which the processes are. What was stepped stays so. The log is written as JSON."
	};
	struct chaos_args args = { .common.many = true, .draw.what = PLAN_STEP };

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	return chaos(&args);
}

int cmd_strobe(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "by", OPT_BY, "DURATION[..DURATION]", 0, "By how much, and back again; something between the two by chance", 1 },
		{ "every", OPT_EVERY, "DURATION[..DURATION]", 0, "There and back after so long", 1 },
		{ "for", OPT_FOR, "DURATION", 0, "How long", 1 },
		SEED_OPTION, FILE_OPTIONS, { 0 }
	};
	static const struct argp argp = {
		.options = options, .parser = parse, .args_doc = "PID...",
		.doc = "Step CLOCK_REALTIME of the time namespaces in which the processes are there and back again, and leave it right. The log is written as JSON."
	};
	struct chaos_args args = { .common.many = true, .draw.what = PLAN_STROBE };

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	return chaos(&args);
}
