// SPDX-License-Identifier: GPL-2.0
/* How a look at a clock is written down; see snapshot_output.h. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <string.h>

#include "snapshot_output.h"

/* "insert", "delete" or NULL. */
static const char *armed(const struct snapshot *snap)
{
	if (!snap->inside.valid)
		return NULL;
	if (snap->inside.status & STA_INS)
		return "insert";
	return snap->inside.status & STA_DEL ? "delete" : NULL;
}

const char *snapshot_state(const struct snapshot *snap)
{
	return snap->file.own ? "own" : "follow";
}

const char *snapshot_realtime(const struct snapshot *snap, char *cell)
{
	/* Cut, not rounded: 23:59:59.9999 is not the next day. */
	spec_format_time(cell, snap->realtime);
	strcpy(strchr(cell, '.') + 4, "Z");
	return cell;
}

const char *snapshot_offset(const struct snapshot *snap, char *cell)
{
	int64_t ns = snap->file.realtime;

	/* The nanoseconds of an offset of days hide it. */
	if (ns >= NSEC_PER_SEC || ns <= -NSEC_PER_SEC)
		ns -= ns % 1000000;
	return spec_format_duration(cell, ns);
}

const char *snapshot_freq(const struct snapshot *snap, char *cell)
{
	int64_t ppm;

	if (snap->inside.valid)
		return spec_format_ppm(cell, snap->inside.ppm);
	/* The file has it in ppb, slewing included. */
	ppm = snap->file.frequency * SPEC_PPM / 1000;
	return spec_format_ppm(cell, ppm);
}

const char *snapshot_rate(const struct snapshot *snap, char *cell)
{
	if (!snap->file.has_rate)
		return "-";
	return spec_format_rate(cell, snap->file.rate);
}

/* "google", "linear 1000 before" */
static const char *policy(const struct snapshot *snap)
{
	const char *text = snap->file.policy;

	return strncmp(text, "smear ", 6) ? text : text + 6;
}

const char *snapshot_leap(const struct snapshot *snap, char *cell)
{
	const char *kind = armed(snap);

	if (!snap->inside.valid)
		kind = "?";
	else if (!kind)
		kind = "-";
	else if (snap->inside.state == TIME_OOP)
		kind = "now";
	else if (snap->inside.state == TIME_WAIT)
		kind = "done";
	if (snap->file.has_policy)
		snprintf(cell, SNAPSHOT_CELL, "%s %s", kind, policy(snap));
	else
		snprintf(cell, SNAPSHOT_CELL, "%s", kind);
	return cell;
}

const char *snapshot_smear(const struct snapshot *snap, char *cell)
{
	char phase[SPEC_TEXT];

	if (!snap->file.has_smear)
		return "-";
	if (snap->file.smear == SMEAR_NONE || snap->file.smear == SMEAR_WAITING)
		return smear_state_name(snap->file.smear);
	snprintf(cell, SNAPSHOT_CELL, "%s %s", smear_state_name(snap->file.smear),
		 spec_format_seconds(phase, snap->file.smear_phase));
	return cell;
}

/* Whose clock it is and why, in a line */
static void whose_line(const struct snapshot *snap, FILE *out)
{
	fprintf(out, "%-10s ", "whose");
	if (snap->ino == INITIAL_TIME_NS) {
		fputs("the machine's: this is the initial time namespace\n", out);
		return;
	}
	if (snap->file.own) {
		fprintf(out, "%s\n",
			"its own, since somebody has set it inside: that does not set the machine's");
		return;
	}
	if (snap->file.follows) {
		fprintf(out, "follows the clock of time namespace %lu",
			(unsigned long)snap->file.follows);
		if (snap->owner)
			fprintf(out, " (process %d, %s)", snap->owner, snap->owner_comm);
		if (!snap->file.follows_own)
			fputs(", which is the machine's at present", out);
	} else {
		fputs("the machine's, since nobody has set it inside", out);
	}
	switch (clock_sets(snap)) {
	case SETS_NOTHING:
		fputs(": nobody sets it inside", out);
		break;
	case SETS_HOST:
		fputs(": who does so sets the machine's", out);
		break;
	case SETS_OWN:
		fputs(": who does so makes it its own", out);
		break;
	case SETS_NOT_KNOWN:
		fputs(": what that would set depends on its user namespace, which is not yours", out);
		break;
	}
	if (snap->own_policy != OWN_NOT_KNOWN)
		fprintf(out, " (kernel.timens_own is %d%s)", snap->own_policy,
			snap->own_policy != OWN_USER || !snap->user_ns ? "" :
			snap->user_ns == INITIAL_USER_NS ? ", the user namespace the initial one" :
			", the user namespace another one");
	fputc('\n', out);
}

static void leap_line(const struct snapshot *snap, FILE *out)
{
	const struct clock_inside *in = &snap->inside;
	const char *kind = armed(snap);
	char date[SPEC_TEXT];

	fprintf(out, "%-10s ", "leap");
	if (!in->valid)
		fputs("not known", out);
	else if (!kind)
		fputs("none", out);
	else if (in->state == TIME_OOP)
		fputs("the inserted second is now", out);
	else if (in->state == TIME_WAIT)
		fprintf(out, "%s was done", kind);
	else
		fprintf(out, "%s armed for the end of %s", kind,
			spec_format_date(date, spec_day_of(in->realtime)));
	if (snap->file.has_policy)
		fprintf(out, ", policy %s", snap->file.policy);
	fputc('\n', out);
}

static void smear_line(const struct snapshot *snap, FILE *out)
{
	char text[SPEC_TEXT];

	if (!snap->file.has_smear)
		return;
	fprintf(out, "%-10s %s", "smear", smear_state_name(snap->file.smear));
	if (snap->file.smear != SMEAR_NONE) {
		fprintf(out, ", from %s",
			spec_format_time(text, snap->file.smear_start * NSEC_PER_SEC));
		fprintf(out, " to %s", spec_format_time(text, snap->file.smear_end * NSEC_PER_SEC));
		fprintf(out, ", %s s now", spec_format_seconds(text, snap->file.smear_phase));
	}
	fputc('\n', out);
}

void snapshot_text(const struct snapshot *snap, FILE *out)
{
	const struct clock_file *file = &snap->file;
	const struct clock_inside *in = &snap->inside;
	char text[SPEC_TEXT], offset[SPEC_TEXT];

	fprintf(out, "%-10s %lu%s, process %d (%s)\n", "namespace", (unsigned long)snap->ino,
		snap->ino == INITIAL_TIME_NS ? " (the initial one)" : "", snap->pid, snap->comm);
	fprintf(out, "%-10s %s\n", "state", snapshot_state(snap));
	whose_line(snap, out);
	fprintf(out, "%-10s %s\n", "realtime", spec_format_time(text, snap->realtime));
	fprintf(out, "%-10s %s s to the host's (%s)\n", "offset",
		spec_format_seconds(text, file->realtime),
		spec_format_duration(offset, file->realtime));
	fprintf(out, "%-10s %s s to the host's\n", "monotonic",
		spec_format_seconds(text, file->monotonic));
	fprintf(out, "%-10s %s s to the host's\n", "boottime",
		spec_format_seconds(text, file->boottime));
	fprintf(out, "%-10s %s s to the host's", "tai", spec_format_seconds(text, file->tai));
	if (in->valid)
		fprintf(out, ", %d s ahead of realtime", in->tai);
	fputc('\n', out);
	if (in->valid)
		fprintf(out, "%-10s %s ppm\n", "frequency", spec_format_ppm(text, in->ppm));
	fprintf(out, "%-10s %+" PRId64 " ns in a second\n", "steering", file->frequency);
	fprintf(out, "%-10s %s%s\n", "rate",
		file->has_rate ? spec_format_rate(text, file->rate) : "not known to this kernel",
		file->stopped ? ", but it stands" : "");
	leap_line(snap, out);
	smear_line(snap, out);
	if (in->valid)
		fprintf(out, "%-10s %s, status 0x%04x, maxerror %" PRId64 " us\n", "adjtimex",
			clock_state_name(in->state), in->status, in->maxerror);
	else
		fprintf(out, "%-10s not known: %s\n", "adjtimex",
			in->error ? strerror(in->error) : "no process is inside");
}

/* As the kernel has it: nsec is never negative. */
static void json_offset(struct json *j, const char *key, int64_t ns)
{
	int64_t sec = ns / NSEC_PER_SEC, nsec = ns % NSEC_PER_SEC;

	if (nsec < 0) {
		nsec += NSEC_PER_SEC;
		sec--;
	}
	json_open(j, key, '{');
	json_int(j, "sec", sec);
	json_int(j, "nsec", nsec);
	json_close(j, '}');
}

void snapshot_json(const struct snapshot *snap, struct json *j)
{
	const struct clock_file *file = &snap->file;
	const struct clock_inside *in = &snap->inside;
	char text[SPEC_TEXT];

	json_int(j, "inode", snap->ino);
	json_bool(j, "initial", snap->ino == INITIAL_TIME_NS);
	json_int(j, "pid", snap->pid);
	json_string(j, "command", snap->comm);
	json_string(j, "state", snapshot_state(snap));
	if (file->follows)
		json_int(j, "follows", file->follows);
	else
		json_null(j, "follows");
	if (clock_sets(snap) == SETS_NOT_KNOWN)
		json_null(j, "sets");
	else
		json_string(j, "sets", clock_sets(snap) == SETS_OWN ? "own" :
				       clock_sets(snap) == SETS_NOTHING ? "nothing" : "host");
	if (snap->own_policy == OWN_NOT_KNOWN)
		json_null(j, "timens_own");
	else
		json_int(j, "timens_own", snap->own_policy);
	json_string(j, "realtime", spec_format_time(text, snap->realtime));
	json_open(j, "offset", '{');
	json_offset(j, "realtime", file->realtime);
	json_offset(j, "monotonic", file->monotonic);
	json_offset(j, "boottime", file->boottime);
	json_offset(j, "tai", file->tai);
	json_close(j, '}');
	json_int(j, "frequency_ppb", file->frequency);

	if (file->has_rate) {
		json_open(j, "rate", '{');
		json_int(j, "num", file->rate.num);
		json_int(j, "den", file->rate.den);
		json_bool(j, "stopped", file->stopped);
		json_close(j, '}');
	} else {
		json_null(j, "rate");
	}
	if (file->has_policy)
		json_string(j, "policy", file->policy);
	else
		json_null(j, "policy");
	if (file->has_smear) {
		json_open(j, "smear", '{');
		json_string(j, "state", smear_state_name(file->smear));
		if (file->smear != SMEAR_NONE) {
			json_int(j, "start", file->smear_start);
			json_int(j, "end", file->smear_end);
		}
		json_int(j, "phase_ns", file->smear_phase);
		json_close(j, '}');
	} else {
		json_null(j, "smear");
	}

	if (!in->valid) {
		json_null(j, "adjtimex");
		return;
	}
	json_open(j, "adjtimex", '{');
	json_string(j, "state", clock_state_name(in->state));
	json_int(j, "status", in->status);
	if (armed(snap))
		json_string(j, "leap", armed(snap));
	else
		json_null(j, "leap");
	json_int(j, "tai", in->tai);
	json_number(j, "ppm", spec_format_ppm(text, in->ppm));
	json_int(j, "maxerror_us", in->maxerror);
	json_int(j, "esterror_us", in->esterror);
	json_close(j, '}');
}

void snapshot_json_line(const struct snapshot *snap, FILE *out)
{
	struct json j;

	json_start(&j, out);
	json_open(&j, NULL, '{');
	snapshot_json(snap, &j);
	json_close(&j, '}');
	json_end(&j);
}
