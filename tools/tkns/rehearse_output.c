// SPDX-License-Identifier: GPL-2.0
/*
 * The findings of a rehearsal as a table and as JSON; see rehearse_output.h.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/wait.h>

#include "clock.h"
#include "rehearse_output.h"
#include "user_values.h"

/* The JSON has RH_MAX_JUMPS. */
#define MAX_SHOWN	16

/* A distance, with the unit in which it can be read. */
static const char *distance(char *buf, int64_t ns)
{
	int64_t size = llabs(ns);

	if (size < 10000)
		snprintf(buf, SPEC_TEXT, "%+" PRId64 " ns", ns);
	else if (size < 10000000)
		snprintf(buf, SPEC_TEXT, "%+.3f us", (double)ns / 1e3);
	else if (size < 100 * RH_NSEC_PER_SEC)
		snprintf(buf, SPEC_TEXT, "%+.6f s", (double)ns / 1e9);
	else
		snprintf(buf, SPEC_TEXT, "%+.3f s", (double)ns / 1e9);
	return buf;
}

/* When, from the edge: seconds where they matter, else hours, minutes and seconds. */
static const char *when(char *buf, int64_t ns)
{
	int64_t s = llabs(ns) / RH_NSEC_PER_SEC;

	if (s < 100)
		snprintf(buf, SPEC_TEXT, "%+.3f s", (double)ns / 1e9);
	else
		snprintf(buf, SPEC_TEXT, "%c%" PRId64 ":%02d:%02d", ns < 0 ? '-' : '+', s / 3600,
			 (int)(s / 60 % 60), (int)(s % 60));
	return buf;
}

static const char *rate_text(char *buf, const struct rh_plan *plan)
{
	return spec_format_rate(buf, (struct spec_rate) { plan->rate_num, plan->rate_den });
}

void rh_describe(char *buf, size_t size, const struct rh_rehearsal *r)
{
	char date[SPEC_TEXT];

	snprintf(buf, size, "the leap second %s at the end of %s, %s%s",
		 !r->plan.step ? "which is none" : r->plan.step < 0 ? "inserted" : "deleted",
		 spec_format_date(date, r->day), r->plan.shape == RH_STEP ? "stepped" : "smeared: ",
		 r->plan.shape == RH_STEP ? "" : r->policy + strlen("smear "));
}

__attribute__((format(printf, 3, 4)))
static void row(FILE *file, const char *name, const char *fmt, ...)
{
	va_list args;

	fprintf(file, "  %-25s", name);
	va_start(args, fmt);
	vfprintf(file, fmt, args);
	va_end(args);
	fputc('\n', file);
}

static void extreme_row(FILE *file, const char *name, const struct rh_extreme *e)
{
	char value[SPEC_TEXT], err[SPEC_TEXT], at[SPEC_TEXT];

	row(file, name, "%s at %s (known to %s)", distance(value, e->value), when(at, e->at),
	    distance(err, e->err) + 1);
}

/* The system call says the same as the vDSO: once is enough. */
static bool same_as_realtime(const struct rh_findings *f, const struct rh_jump *j)
{
	size_t i;

	for (i = 0; i < f->jumps; i++) {
		const struct rh_jump *o = &f->jump[i];

		if (j->clock == RH_REALTIME_SYS && o->clock == RH_REALTIME && o->back == j->back &&
		    o->index == j->index && llabs(o->size - j->size) <= o->err + j->err + 1000000)
			return true;
	}
	return false;
}

static void jump_rows(FILE *file, const struct rh_findings *f)
{
	const char *name = "steps";
	size_t i, shown = 0, left = 0;

	for (i = 0; i < f->jumps; i++) {
		const struct rh_jump *j = &f->jump[i];
		char size[SPEC_TEXT], err[SPEC_TEXT], from[SPEC_TEXT], to[SPEC_TEXT];

		if (same_as_realtime(f, j))
			continue;
		if (++shown > MAX_SHOWN) {
			left++;
			continue;
		}
		if (j->back)
			row(file, name, "%s%s was seen going back by %s, by %s",
			    j->host ? "the host's " : "", rh_clock_name(j->clock),
			    distance(size, -j->size) + 1, when(to, j->to));
		else
			row(file, name, "%s%s by %s s (known to %s), between %s and %s",
			    j->host ? "the host's " : "", rh_clock_name(j->clock),
			    spec_format_seconds(size, j->size), distance(err, j->err) + 1,
			    when(from, j->from), when(to, j->to));
		name = "";
	}
	left += f->jumps_total - f->jumps;
	if (left)
		row(file, "", "and %zu more", left);
	if (!f->jumps_total)
		row(file, name, "none, and no clock went back");
}

static void rate_row(FILE *file, const char *name, const struct rh_rate *r)
{
	if (r->known)
		row(file, name, "%+.3f to %+.3f ppm, mean %+.4f (the brackets alone: %.3f)", r->min,
		    r->max, r->mean, r->noise);
	else
		row(file, name, "not known: a step in every stretch");
}

static const char *signal_name(int sig)
{
	const char *name = sigabbrev_np(sig);

	return name ? name : "?";
}

static void command_row(FILE *file, const struct rh_rehearsal *r)
{
	const struct rh_command *c = &r->command;
	char at[SPEC_TEXT];

	if (!c->started)
		return;
	when(at, c->at - r->s[0].tai * RH_NSEC_PER_SEC - r->plan.edge);
	if (!c->ended)
		row(file, "command", "does not end");
	else if (c->ours)
		row(file, "command", "ran to the end of the rehearsal, ended then (%s%s)",
		    WIFSIGNALED(c->status) ? "SIG" : "by itself, at SIGTERM",
		    WIFSIGNALED(c->status) ? signal_name(WTERMSIG(c->status)) : "");
	else if (WIFSIGNALED(c->status))
		row(file, "command", "killed by SIG%s at %s", signal_name(WTERMSIG(c->status)), at);
	else
		row(file, "command", "exited with %d at %s", WEXITSTATUS(c->status), at);
}

/* "running START END PHASE", in seconds of the line without a leap second; from the edge. */
static bool kernel_window(const struct rh_rehearsal *r, int64_t *from, int64_t *to)
{
	long long start, end;

	if (sscanf(r->smear, "%*s %lld %lld", &start, &end) != 2)
		return false;
	*from = start * RH_NSEC_PER_SEC - r->plan.edge;
	*to = end * RH_NSEC_PER_SEC - r->plan.edge;
	return true;
}

static void describe_disturbance(char *buf, size_t size, const struct rh_rehearsal *r,
				 const struct rh_disturbance *d)
{
	char what[2 * SPEC_TEXT + 64], by[SPEC_TEXT], err[SPEC_TEXT], from[SPEC_TEXT], to[SPEC_TEXT];
	const char *planned = r->plan.step < 0 ? "STA_INS" : "STA_DEL";
	const char *other = r->plan.step < 0 ? "STA_DEL" : r->plan.step > 0 ? "STA_INS" :
							  "a leap second";

	switch (d->kind) {
	case RH_GIVEN_BACK:
		snprintf(what, sizeof(what), "the clock was given back to the host");
		break;
	case RH_CLOCK_SET:
		snprintf(what, sizeof(what), "the clock was set inside by %s s (known to %s)",
			 spec_format_seconds(by, d->size), distance(err, d->err) + 1);
		break;
	case RH_WITHDRAWN:
		snprintf(what, sizeof(what), "%s was withdrawn inside", planned);
		break;
	case RH_OTHER_LEAP:
		snprintf(what, sizeof(what), "%s was armed inside", other);
		break;
	case RH_RATE_SET:
		snprintf(what, sizeof(what), "the rate was changed inside");
		break;
	case RH_POLICY_SET:
		snprintf(what, sizeof(what), "what a leap second does was changed inside");
		break;
	case RH_NOT_TAKEN:
		snprintf(buf, size, "no leap second was taken at the edge");
		return;
	}
	snprintf(buf, size, "%s between %s and %s", what, when(from, d->from), when(to, d->to));
}

/* Before all else: what follows is no report of a leap second then. */
static void disturbance_line(FILE *file, const struct rh_rehearsal *r)
{
	const struct rh_findings *f = &r->f;
	char text[512];

	if (!f->disturbances)
		return;
	describe_disturbance(text, sizeof(text), r, &f->disturbance[0]);
	fprintf(file, "Rehearsal %s: %s\n",
		r->plan.step && f->leap != RH_TAKEN ? "did NOT happen" : "DISTURBED", text);
}

static void disturbance_rows(FILE *file, const struct rh_rehearsal *r)
{
	const struct rh_findings *f = &r->f;
	char text[512];
	size_t i;

	for (i = 1; i < f->disturbances; i++) {
		describe_disturbance(text, sizeof(text), r, &f->disturbance[i]);
		row(file, i > 1 ? "" : "and then", "%s", text);
	}
	if (f->disturbances_total > f->disturbances)
		row(file, "", "and %zu more", f->disturbances_total - f->disturbances);
}

void rh_print_table(FILE *file, const struct rh_rehearsal *r)
{
	const struct rh_findings *f = &r->f;
	char a[SPEC_TEXT], b[SPEC_TEXT], text[256];
	int64_t from, to;
	size_t i;

	disturbance_line(file, r);
	rh_describe(text, sizeof(text), r);
	fprintf(file, "Rehearsal: %s; %s times the host's rate\n", text, rate_text(a, &r->plan));
	if (r->interrupted)
		row(file, "interrupted", "by SIG%s: this is not all", signal_name(r->interrupted));
	if (!r->nr) {
		row(file, "samples", "none");
		return;
	}
	disturbance_rows(file, r);
	row(file, "clock set to", "%s, %s from the edge", spec_format_time(a, r->start),
	    when(b, r->start - r->plan.edge));
	if (r->plan.shape != RH_STEP)
		row(file, "window", "%s to %s%s", when(a, r->plan.from), when(b, r->plan.to),
		    r->late ? "; it opens before the leap second can be announced" : "");
	if (kernel_window(r, &from, &to))
		row(file, "window, by the kernel", "%s to %s%s", when(a, from), when(b, to),
		    from == r->plan.from && to == r->plan.to ? "" :
		    r->late ? "; joined late" : "; NOT THE SAME");
	else if (r->plan.shape != RH_STEP)
		row(file, "window, by the kernel", "none was announced");
	row(file, "samples", "%zu, %s to %s%s", f->samples, when(a, f->begin), when(b, f->end),
	    f->missing ? "" : ", none missed");
	if (f->missing)
		row(file, "", "%zu MISSED, the longest gap was %.3f s of the host", f->missing,
		    (double)f->longest_gap / 1e9);
	jump_rows(file, f);
	if (f->samples < 2)
		return;
	fprintf(file, " CLOCK_REALTIME\n");
	extreme_row(file, "furthest from the host", &f->host);
	extreme_row(file, "furthest from UTC", &f->utc);
	extreme_row(file, "furthest from the plan", &f->plan);
	row(file, "from TAI's line", "%s to %s, %s at the end",
	    spec_format_seconds(a, f->line_min.value), spec_format_seconds(b, f->line_max.value),
	    spec_format_seconds(text, f->final.value));
	rate_row(file, "rate against MONOTONIC", &f->realtime);
	if (f->vdso_differs)
		extreme_row(file, "vDSO and system call", &f->vdso);
	else
		row(file, "vDSO and system call", "agree");
	extreme_row(file, "the coarse clock less it", &f->coarse);
	fprintf(file, " Other clocks\n");
	rate_row(file, "MONOTONIC, of nominal", &f->monotonic);
	extreme_row(file, "error of TAI", &f->tai);
	extreme_row(file, "error of BOOTTIME", &f->boottime);
	extreme_row(file, "the host's moved", &f->host_moved);
	fprintf(file, " adjtimex\n");
	if (f->steered)
		row(file, "steered inside", "by %+.3f to %+.3f ppm, slewing included",
		    (double)f->steering_min / 1e3, (double)f->steering_max / 1e3);
	else
		row(file, "steered inside", "not seen");
	for (i = 0; i < f->states; i++)
		row(file, i ? "" : "state", "%-10s from %s", clock_state_name(f->state[i].value),
		    when(a, f->state[i].at));
	for (i = 0; i < f->tais; i++)
		row(file, i ? "" : "TAI - UTC", "%d s       from %s", f->tai_offset[i].value,
		    when(a, f->tai_offset[i].at));
	command_row(file, r);
	if (r->container)
		row(file, "container", "%s", r->container);
	if (r->notice.asked) {
		rh_describe_notice(text, sizeof(text), &r->notice);
		row(file, "noticed", "%s", text);
	}
}

/* JSON. All in ns is a difference, which a double holds exactly up to a hundred days. */

static void json_string(FILE *file, const char *text)
{
	fputc('"', file);
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\')
			fprintf(file, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(file, "\\u%04x", c);
		else
			fputc(c, file);
	}
	fputc('"', file);
}

static void json_extreme(FILE *file, const char *name, const struct rh_extreme *e)
{
	fprintf(file, "\t\t\"%s\": { \"ns\": %" PRId64 ", \"err_ns\": %" PRId64 ", \"at_ns\": %"
		PRId64 " },\n", name, e->value, e->err, e->at);
}

static void json_rate(FILE *file, const char *name, const struct rh_rate *r)
{
	if (r->known)
		fprintf(file, "\t\t\"%s\": { \"min\": %.6f, \"max\": %.6f, \"mean\": %.6f, \"noise\": %.6f }",
			name, r->min, r->max, r->mean, r->noise);
	else
		fprintf(file, "\t\t\"%s\": null", name);
}

static void json_changes(FILE *file, const char *name, const struct rh_change *list, size_t nr,
			 bool states)
{
	size_t i;

	fprintf(file, "\t\t\"%s\": [", name);
	for (i = 0; i < nr; i++) {
		fprintf(file, "%s{ \"value\": %d, ", i ? ", " : "", list[i].value);
		if (states)
			fprintf(file, "\"name\": \"%s\", ", clock_state_name(list[i].value));
		fprintf(file, "\"at_ns\": %" PRId64 " }", list[i].at);
	}
	fputs("]", file);
}

static void json_command(FILE *file, const struct rh_rehearsal *r)
{
	const struct rh_command *c = &r->command;
	size_t i;

	if (!c->started) {
		fputs("\t\"command\": null,\n", file);
		return;
	}
	fputs("\t\"command\": {\n\t\t\"argv\": [", file);
	for (i = 0; r->argv[i]; i++) {
		fputs(i ? ", " : "", file);
		json_string(file, r->argv[i]);
	}
	fprintf(file, "],\n\t\t\"ended\": %s,\n\t\t\"ended_by_us\": %s", c->ended ? "true" : "false",
		c->ours ? "true" : "false");
	if (c->ended) {
		if (WIFSIGNALED(c->status))
			fprintf(file, ",\n\t\t\"exit\": null,\n\t\t\"signal\": %d",
				WTERMSIG(c->status));
		else
			fprintf(file, ",\n\t\t\"exit\": %d,\n\t\t\"signal\": null",
				WEXITSTATUS(c->status));
		fprintf(file, ",\n\t\t\"at_ns\": %" PRId64,
			c->at - r->s[0].tai * RH_NSEC_PER_SEC - r->plan.edge);
	}
	fputs("\n\t},\n", file);
}

static void json_notice(FILE *file, const struct rh_rehearsal *r)
{
	fputs("\t\"container\": ", file);
	if (r->container)
		json_string(file, r->container);
	else
		fputs("null", file);
	fputs(",\n\t\"noticed\": ", file);
	rh_notice_json(file, &r->notice);
	fputs("\n", file);
}

static void json_disturbances(FILE *file, const struct rh_findings *f)
{
	static const char * const happened[] = {
		[RH_UNKNOWN] = "null", [RH_TAKEN] = "true", [RH_MISSING] = "false",
	};
	size_t i;

	fprintf(file, "\t\"happened\": %s,\n\t\"disturbances_total\": %zu,\n\t\"disturbed\": [",
		happened[f->leap], f->disturbances_total);
	for (i = 0; i < f->disturbances; i++) {
		const struct rh_disturbance *d = &f->disturbance[i];

		fprintf(file, "%s\n\t\t{ \"what\": \"%s\", \"ns\": %" PRId64 ", \"err_ns\": %" PRId64
			", \"from_ns\": %" PRId64 ", \"to_ns\": %" PRId64 " }", i ? "," : "",
			rh_disturbance_name(d->kind), d->size, d->err, d->from, d->to);
	}
	fprintf(file, "%s],\n", f->disturbances ? "\n\t" : "");
}

void rh_print_json(FILE *file, const struct rh_rehearsal *r)
{
	static const char * const shapes[] = { "step", "linear", "cosine", "quadratic" };
	const struct rh_findings *f = &r->f;
	char date[SPEC_TEXT];
	size_t i;

	fprintf(file, "{\n\t\"plan\": {\n\t\t\"leap\": \"%s\",\n\t\t\"date\": \"%s\",\n\t\t\"policy\": ",
		!r->plan.step ? "none" : r->plan.step < 0 ? "insert" : "delete",
		spec_format_date(date, r->day));
	json_string(file, r->policy);
	fprintf(file, ",\n\t\t\"shape\": \"%s\",\n\t\t\"step_s\": %d,\n\t\t\"edge_s\": %" PRId64
		",\n\t\t\"window_ns\": ", shapes[r->plan.shape], r->plan.step,
		r->plan.edge / RH_NSEC_PER_SEC);
	if (r->plan.shape == RH_STEP)
		fputs("null", file);
	else
		fprintf(file, "[%" PRId64 ", %" PRId64 "]", r->plan.from, r->plan.to);
	fprintf(file, ",\n\t\t\"late\": %s,\n\t\t\"start_s\": %" PRId64 ".%09d,\n\t\t\"rate\": [%" PRId64
		", %" PRId64 "]\n\t},\n", r->late ? "true" : "false", r->start / RH_NSEC_PER_SEC,
		(int)(r->start % RH_NSEC_PER_SEC), r->plan.rate_num, r->plan.rate_den);
	fprintf(file, "\t\"interrupted\": %s,\n", r->interrupted ? "true" : "false");
	json_disturbances(file, f);
	fputs("\t\"smear\": ", file);
	json_string(file, r->smear);
	fprintf(file, ",\n\t\"samples\": { \"taken\": %zu, \"missed\": %zu, \"longest_gap_ns\": %" PRId64
		", \"from_ns\": %" PRId64 ", \"to_ns\": %" PRId64 " },\n", f->samples, f->missing,
		f->longest_gap, f->begin, f->end);

	fprintf(file, "\t\"steps_total\": %zu,\n\t\"steps\": [", f->jumps_total);
	for (i = 0; i < f->jumps; i++) {
		const struct rh_jump *j = &f->jump[i];

		fprintf(file, "%s\n\t\t{ \"clock\": \"%s\", \"host\": %s, \"went_back\": %s, \"ns\": %" PRId64
			", \"err_ns\": %" PRId64 ", \"from_ns\": %" PRId64 ", \"to_ns\": %" PRId64 " }",
			i ? "," : "", rh_clock_name(j->clock), j->host ? "true" : "false",
			j->back ? "true" : "false", j->size, j->err, j->from, j->to);
	}
	fprintf(file, "%s],\n", f->jumps ? "\n\t" : "");

	if (f->samples < 2) {
		fputs("\t\"offsets\": null,\n\t\"rates_ppm\": null,\n\t\"adjtimex\": null,\n", file);
	} else {
		fputs("\t\"offsets\": {\n", file);
		json_extreme(file, "from_host", &f->host);
		json_extreme(file, "from_utc", &f->utc);
		json_extreme(file, "from_plan", &f->plan);
		json_extreme(file, "line_min", &f->line_min);
		json_extreme(file, "line_max", &f->line_max);
		json_extreme(file, "line_end", &f->final);
		json_extreme(file, "tai_error", &f->tai);
		json_extreme(file, "boottime_error", &f->boottime);
		json_extreme(file, "vdso_less_syscall", &f->vdso);
		json_extreme(file, "coarse_less_realtime", &f->coarse);
		json_extreme(file, "host_moved", &f->host_moved);
		fprintf(file, "\t\t\"vdso_differs\": %zu\n\t},\n\t\"rates_ppm\": {\n", f->vdso_differs);
		json_rate(file, "realtime", &f->realtime);
		fputs(",\n", file);
		json_rate(file, "monotonic", &f->monotonic);
		fputs("\n\t},\n\t\"adjtimex\": {\n", file);
		fprintf(file, "\t\t\"steered_ppb\": [%" PRId64 ", %" PRId64 "],\n", f->steering_min,
			f->steering_max);
		json_changes(file, "states", f->state, f->states, true);
		fputs(",\n", file);
		json_changes(file, "tai_offsets", f->tai_offset, f->tais, false);
		fputs("\n\t},\n", file);
	}
	json_command(file, r);
	json_notice(file, r);
	fputs("}\n", file);
}
