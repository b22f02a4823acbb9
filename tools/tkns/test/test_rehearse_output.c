// SPDX-License-Identifier: GPL-2.0
/*
 * The report of a rehearsal that was made up: lines of the table as they are printed, and what jq
 * finds in the JSON. Prints TAP.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include "../rehearse_args.h"
#include "../rehearse_output.h"
#include "tap.h"

#define SEC		RH_NSEC_PER_SEC
#define MIDNIGHT	INT64_C(1798761600)	/* 2027-01-01 00:00:00 */
#define NR		9

static struct rh_sample s[NR];
static const char *const argv[] = { "say", "a \"b\"\n\\", NULL };

/* Samples each second from 4 s before the edge on, with clocks that take a step there. */
static void make(struct rh_rehearsal *r, const char *policy)
{
	int i;

	*r = (struct rh_rehearsal) {
		.plan = {
			.step = -1, .edge = MIDNIGHT * SEC, .rate_num = 5, .rate_den = 2,
		},
		.policy = policy,
		.day = MIDNIGHT / 86400 - 1,
		.start = (MIDNIGHT - 5) * SEC + 250000000,
		.s = s,
		.nr = NR,
		.smear = "",
		.argv = argv,
		.command = { .started = true, .ended = true, .status = 7 << 8,
			     .at = (MIDNIGHT + 37 + 2) * SEC },
	};
	if (!rh_parse_plan(policy, &r->plan))
		tap_wrong("no plan for '%s'", policy);
	memset(s, 0, sizeof(s));
	for (i = 0; i < NR; i++) {
		s[i].number = i;
		s[i].host_mono = i * SEC * 2 / 5;
		s[i].mono = 100 * SEC + i * SEC;
		s[i].off[RH_TAI] = (MIDNIGHT + 37 - 4 - 100) * SEC;
		s[i].off[RH_REALTIME] = s[i].off[RH_TAI] - (i > 4 ? 38 : 37) * SEC;
		s[i].off[RH_REALTIME_SYS] = s[i].off[RH_REALTIME];
		s[i].off[RH_REALTIME_COARSE] = s[i].off[RH_REALTIME] - 1000000;
		s[i].state = i > 4 ? 4 : 1;
		s[i].tai = i > 4 ? 38 : 37;
	}
	if (!rh_analyse(&r->plan, s, NR, &r->f))
		tap_wrong("no analysis");
}

static void shows(const struct rh_rehearsal *r, const char *name, const char *const *lines,
		  size_t nr)
{
	char *text, *at, line[256];
	size_t size, i;
	FILE *file = open_memstream(&text, &size);

	rh_print_table(file, r);
	fclose(file);
	for (i = 0; i < nr; i++) {
		snprintf(line, sizeof(line), "%s\n", lines[i]);
		at = strstr(text, line);
		if (!at || (at > text && at[-1] != '\n'))
			tap_wrong("no '%s' in\n%s", lines[i], text);
	}
	free(text);
	tap_end(name);
}

static void json_is(const struct rh_rehearsal *r, const char *name, const char *filter)
{
	char path[] = "/tmp/tkns-report.XXXXXX", command[512];
	int fd = mkstemp(path);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file) {
		tap_wrong("no temporary file");
	} else {
		rh_print_json(file, r);
		fclose(file);
		snprintf(command, sizeof(command), "jq -e '%s' %s > /dev/null", filter, path);
		if (system(command))
			tap_wrong("%s", command);
		else
			unlink(path);
	}
	tap_end(name);
}

/* What is made of what was seen of a container */
static void notice_is(const char *name, const struct rh_notice *n, const char *text)
{
	char got[256];

	rh_describe_notice(got, sizeof(got), n);
	if (strcmp(got, text))
		tap_wrong("'%s', not '%s'", got, text);
	tap_end(name);
}

static void test_notice(struct rh_rehearsal *r)
{
	static const char *const rows[] = {
		"  container                podman:web",
		"  noticed                  it ended at +1.500 s, 1 restart, 3 lines in its log at the edge (7 in all)",
	};
	struct rh_notice quiet = { .asked = true, .restarts_known = true, .lines_known = true, .lines = 7 };
	struct rh_notice loud = quiet, dead = { .asked = true, .ended = true, .ended_at = 1500000000 };

	loud.edge_lines = 1;
	notice_is("nothing was noticed", &quiet, "nothing: it runs on, 0 restarts, 0 lines in its log at the edge (7 in all)");
	notice_is("a line in the log", &loud, "it runs on, 0 restarts, 1 line in its log at the edge (7 in all)");
	notice_is("it ended, and nobody keeps a log", &dead, "it ended at +1.500 s, its log is not known");
	loud = dead;
	loud.restarts_known = loud.lines_known = true;
	loud.restarts = 1;
	loud.edge_lines = 3;
	loud.lines = 7;
	r->container = "podman:web";
	r->notice = loud;
	shows(r, "a container", rows, N_OF(rows));
	json_is(r, "JSON: a container",
		".container == \"podman:web\" and .noticed == {ended_ns: 1500000000, restarts: 1, lines_at_edge: 3, lines: 7}");
	r->notice = dead;
	json_is(r, "JSON: what is not known", ".noticed == {ended_ns: 1500000000, restarts: null, lines_at_edge: null, lines: null}");
	r->container = NULL;
	r->notice = (struct rh_notice) { 0 };
	json_is(r, "JSON: no container", ".container == null and .noticed == null");
}

/* The host's date of a moment, with a namespace at 5/2 of its rate: samples every second inside are 0.4 s apart outside */
static void test_host_at(const struct rh_rehearsal *r)
{
	static const struct {
		int64_t from_edge, host;	/* of the first sample, which is 4 s before the edge */
	} cases[] = {
		{ -4000000000, 0 }, { -3000000000, 400000000 }, { -2500000000, 600000000 },
		{ 0, 1600000000 }, { 4000000000, 3200000000 }, { 5000000000, 3600000000 },
		{ -5000000000, -400000000 },
	};
	int64_t first = r->s[0].host_mono + r->s[0].host_off[RH_REALTIME];
	size_t i;

	for (i = 0; i < N_OF(cases); i++) {
		int64_t got = rh_host_at(&r->plan, r->s, r->nr, cases[i].from_edge) - first;

		if (got != cases[i].host)
			tap_wrong("%lld from the edge: %lld", (long long)cases[i].from_edge, (long long)got);
	}
	tap_end("the host's date of a moment");
}

int main(void)
{
	static const char *const step[] = {
		"Rehearsal: the leap second inserted at the end of 2026-12-31, stepped; 5/2 times the host's rate",
		"  clock set to             2026-12-31T23:59:55.250000000Z, -4.750 s from the edge",
		"  samples                  9, -4.000 s to +4.000 s, none missed",
		"  steps                    REALTIME by -1.000000000 s (known to 0 ns), between +0.000 s and +1.000 s",
		"  from TAI's line          -1.000000000 to +0.000000000, -1.000000000 at the end",
		"  vDSO and system call     agree",
		"  state                    TIME_INS   from -4.000 s",
		"                           TIME_WAIT  from +1.000 s",
		"  TAI - UTC                37 s       from -4.000 s",
		"  command                  exited with 7 at +2.000 s",
	};
	static const char *const smear[] = {
		"Rehearsal: the leap second inserted at the end of 2026-12-31, smeared: linear 1000 before; 5/2 times the host's rate",
		"  interrupted              by SIGINT: this is not all",
		"  window                   -0:16:40 to +0.000 s",
		"  window, by the kernel    -0:16:40 to +1.000 s; NOT THE SAME",
	};
	static const char *const withdrawn[] = {
		"Rehearsal did NOT happen: STA_INS was withdrawn inside between -3.000 s and -2.000 s",
		"  and then                 the rate was changed inside between -2.000 s and -1.000 s",
		"  steered inside           by -2.500 to +0.000 ppm, slewing included",
	};
	static const char *const set[] = {
		"Rehearsal DISTURBED: the clock was set inside by +60.000000000 s (known to 0 ns) between +1.000 s and +62.000 s",
	};
	struct rh_rehearsal r;
	int i;

	make(&r, "step");
	if (r.f.disturbances)
		tap_wrong("disturbed by %s", rh_disturbance_name(r.f.disturbance[0].kind));
	shows(&r, "a step", step, N_OF(step));
	json_is(&r, "JSON: the plan",
		".plan == {leap: \"insert\", date: \"2026-12-31\", policy: \"step\", shape: \"step\", step_s: -1, edge_s: 1798761600, window_ns: null, late: false, start_s: 1798761595.25, rate: [5, 2]}");
	test_host_at(&r);
	test_notice(&r);
	json_is(&r, "JSON: the steps",
		".steps_total == (.steps | length) and ([.steps[] | select(.clock == \"REALTIME\" and (.host | not)) | .ns, .from_ns, .to_ns, .went_back] == [-1000000000, 0, 1000000000, false])");
	json_is(&r, "JSON: the command",
		".command == {argv: [\"say\", \"a \\\"b\\\"\\n\\\\\"], ended: true, ended_by_us: false, exit: 7, signal: null, at_ns: 2000000000}");

	make(&r, "smear linear 1000 before");
	r.interrupted = SIGINT;
	r.smear = "running 1798760600 1798761601 -500000000";
	shows(&r, "a smear", smear, N_OF(smear));
	json_is(&r, "JSON: the smear",
		".interrupted and .plan.window_ns == [-1000000000000, 0] and .plan.shape == \"linear\" and .smear == \"running 1798760600 1798761601 -500000000\"");

	make(&r, "step");
	for (i = 2; i < NR; i++) {
		s[i].status = s[i].state = 0;
		s[i].tai = 37;
		s[i].off[RH_REALTIME] = s[i].off[RH_REALTIME_SYS] = s[i].off[RH_TAI] - 37 * SEC;
		s[i].steering = -2500;
	}
	s[0].status = s[1].status = STA_INS;
	s[3].differs = RH_RATE_CHANGED;
	rh_analyse(&r.plan, s, NR, &r.f);
	shows(&r, "a leap second withdrawn", withdrawn, N_OF(withdrawn));
	json_is(&r, "JSON: a leap second withdrawn",
		".happened == false and .disturbances_total == 2 and .disturbed[0] == {what: \"withdrawn\", ns: 0, err_ns: 0, from_ns: -3000000000, to_ns: -2000000000} and .disturbed[1].what == \"rate\" and .adjtimex.steered_ppb == [-2500, 0]");

	make(&r, "step");
	for (i = 6; i < NR; i++) {
		s[i].off[RH_TAI] += 60 * SEC;
		s[i].off[RH_REALTIME] += 60 * SEC;
		s[i].off[RH_REALTIME_SYS] += 60 * SEC;
	}
	rh_analyse(&r.plan, s, NR, &r.f);
	shows(&r, "set after the leap second", set, N_OF(set));
	json_is(&r, "JSON: set after the leap second",
		".happened and .disturbances_total == 1 and .disturbed[0].what == \"set\" and .disturbed[0].ns == 60000000000");

	/* Interrupted before there was anything to compare. */
	r.nr = 1;
	rh_analyse(&r.plan, s, r.nr, &r.f);
	json_is(&r, "JSON: a single sample",
		".samples.taken == 1 and [.offsets, .rates_ppm, .adjtimex] == [null, null, null]");
	return tap_done();
}
