// SPDX-License-Identifier: GPL-2.0
/* Reading /proc/PID/timens_clock, and what is written of it. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "../clock.h"
#include "../snapshot_output.h"
#include "tap.h"

#define OLD \
	"state      own\n" OLD_REST
#define OLD_REST \
	"realtime     98052679 205171895\n" \
	"monotonic           0         0\n" \
	"boottime           -1 999999999\n" \
	"tai          98052716 205171895\n" \
	"frequency      -12500\n"

/* A piece of a file takes the place of another one. */
static char *with(const char *text, const char *old, const char *new)
{
	const char *at = strstr(text, old);
	char *result;

	if (!at || asprintf(&result, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old)) < 0)
		abort();
	return result;
}

static void accepted(void)
{
	struct clock_file c;
	char why[160];

	if (!clock_parse(OLD, &c, why, sizeof(why)))
		tap_wrong("%s", why);
	if (!c.own || c.realtime != INT64_C(98052679205171895) || c.monotonic || c.boottime != -1 ||
	    c.tai != INT64_C(98052716205171895) || c.frequency != -12500)
		tap_wrong("a value");
	if (c.has_rate || c.has_policy || c.has_smear)
		tap_wrong("lines which are not there");
	tap_end("the file of an older kernel");

	if (!clock_parse(OLD "rate                1\nleap       step\nsmear      none\n", &c, why,
			 sizeof(why)))
		tap_wrong("%s", why);
	if (!c.has_rate || c.rate.num != 1 || c.rate.den != 1 || !c.has_policy ||
	    strcmp(c.policy, "step") || !c.has_smear || c.smear != SMEAR_NONE)
		tap_wrong("a value");
	if (!clock_parse(OLD "rate                3/1000\nleap       smear linear 1000 before\n"
			 "smear      running 1798760600 1798761600 -500000000\n", &c, why, sizeof(why)))
		tap_wrong("%s", why);
	if (c.stopped)
		tap_wrong("a clock which does not stand");
	if (!clock_parse(OLD "rate                2 stopped\nversion    1\nreal       1 2 3\nend\n", &c, why,
			 sizeof(why)))
		tap_wrong("%s", why);
	if (!c.stopped || c.rate.num != 2 || c.realtime != INT64_C(98052679205171895))
		tap_wrong("a clock which stands");
	if (!clock_parse(OLD "rate                3/1000\nleap       smear linear 1000 before\n"
			 "smear      running 1798760600 1798761600 -500000000\n", &c, why, sizeof(why)))
		tap_wrong("%s", why);
	if (c.rate.num != 3 || c.rate.den != 1000 || strcmp(c.policy, "smear linear 1000 before") ||
	    c.smear != SMEAR_RUNNING || c.smear_start != 1798760600 || c.smear_end != 1798761600 ||
	    c.smear_phase != -500000000)
		tap_wrong("a value of a smear");
	if (!clock_parse(OLD "smear      back 1 2 -3\n", &c, why, sizeof(why)) ||
	    c.smear != SMEAR_BACK ||
	    !clock_parse(OLD "smear      waiting 1 2 0\n", &c, why, sizeof(why)) ||
	    c.smear != SMEAR_WAITING)
		tap_wrong("states of a smear");
	if (!clock_parse("state      follow\nfollows    4026532201 own\n" OLD_REST, &c, why, sizeof(why)) ||
	    c.own || c.follows != 4026532201 || !c.follows_own ||
	    !clock_parse("state      follow\nfollows    4026532201 follow\n" OLD_REST, &c, why,
			 sizeof(why)) || c.follows != 4026532201 || c.follows_own ||
	    !clock_parse(OLD, &c, why, sizeof(why)) || c.follows || c.follows_own)
		tap_wrong("whose clock it follows: %s", why);
	tap_end("the file of this kernel");

	if (!clock_parse("future     1 2 3 4 5 6 7 8 9 10 11\n\n" OLD "zone 3\nstates many\n", &c, why,
			 sizeof(why)))
		tap_wrong("%s", why);
	if (!clock_parse("state follow more\nrealtime 0 0 0\nmonotonic 0 0\nboottime 0 0\ntai 0 0\n"
			 "frequency 0", &c, why, sizeof(why)) || c.own)
		tap_wrong("%s", why);
	tap_end("lines and words of the future");
}

static void refused(void)
{
	static const struct {
		const char *old, *new, *why;
	} tests[] = {
		{ "state      own\n", "", "a line is missing" },
		{ "frequency      -12500\n", "", "a line is missing" },
		{ "state      own", "state      both", "'state      both'" },
		{ "state      own", "state", "'state'" },
		{ "98052679 205171895", "98052679", "realtime" },
		{ "98052679 205171895", "98052679 1000000000", "realtime" },
		{ "98052679 205171895", "98052679 -1", "realtime" },
		{ "98052679 205171895", "9223372037 0", "realtime" },
		{ "98052679 205171895", "9223372036 999999999", "realtime" },
		{ "98052679 205171895", "x 0", "realtime" },
		{ "-12500", "1.5", "frequency" },
		{ "-12500", "0\nfollows", "'follows'" },
		{ "-12500", "0\nfollows 0 own", "'follows 0 own'" },
		{ "-12500", "0\nfollows 4294967296 own", "'follows 4294967296 own'" },
		{ "-12500", "0\nfollows 4026532201", "'follows 4026532201'" },
		{ "-12500", "0\nfollows 4026532201 both", "'follows 4026532201 both'" },
		{ "-12500", "0\nrate 0", "'rate 0'" },
		{ "-12500", "0\nrate 1/0", "'rate 1/0'" },
		{ "-12500", "0\nrate", "'rate'" },
		{ "-12500", "0\nleap", "'leap'" },
		{ "-12500", "0\nsmear", "'smear'" },
		{ "-12500", "0\nsmear melting 1 2 3", "melting" },
		{ "-12500", "0\nsmear running 1 2", "running 1 2" },
		{ "-12500", "0\nleap smear 123456789012345678901234567890123456789012345678901234567890123456789", "leap" },
	};
	struct clock_file c;
	char why[160];
	size_t i;

	for (i = 0; i < N_OF(tests); i++) {
		char *text = with(OLD, tests[i].old, tests[i].new);

		if (clock_parse(text, &c, why, sizeof(why)))
			tap_wrong("'%s' is accepted", tests[i].new);
		else if (!strstr(why, tests[i].why))
			tap_wrong("'%s': '%s' is not in '%s'", tests[i].new, tests[i].why, why);
		free(text);
	}
	tap_end("files which are not as expected");
}

/* What a function writes; the caller frees it. */
static char *written(void (*view)(const struct snapshot *snap, FILE *out),
		     const struct snapshot *snap)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	view(snap, out);
	fclose(out);
	return text;
}

static struct snapshot example(void)
{
	struct snapshot snap = {
		.ino = 4026532277, .pid = 123, .comm = "sl\"eep\\",
		.realtime = INT64_C(1798761580250000000),
		.inside = {
			.valid = true, .realtime = INT64_C(1798761580250000000), .state = TIME_INS,
			.status = STA_INS, .tai = 37, .ppm = -819200, .maxerror = 16, .esterror = 5,
		},
	};
	char why[160];

	if (!clock_parse(OLD "rate                3/1000\nleap       smear linear 1000 before\n"
			 "smear      running 1798760600 1798761600 -500000000\n", &snap.file, why,
			 sizeof(why)))
		tap_wrong("%s", why);
	return snap;
}

static void texts(void)
{
	static const char want[] =
		"namespace  4026532277, process 123 (sl\"eep\\)\n"
		"state      own\n"
		"whose      its own, since somebody has set it inside: that does not set the machine's\n"
		"realtime   2026-12-31T23:59:40.250000000Z\n"
		"offset     +98052679.205171895 s to the host's (+1134d20h51m19.205171895s)\n"
		"monotonic  +0.000000000 s to the host's\n"
		"boottime   -0.000000001 s to the host's\n"
		"tai        +98052716.205171895 s to the host's, 37 s ahead of realtime\n"
		"frequency  -12.5 ppm\n"
		"steering   -12500 ns in a second\n"
		"rate       3/1000\n"
		"leap       insert armed for the end of 2026-12-31, policy smear linear 1000 before\n"
		"smear      running, from 2026-12-31T23:43:20.000000000Z to 2027-01-01T00:00:00.000000000Z, -0.500000000 s now\n"
		"adjtimex   TIME_INS, status 0x0010, maxerror 16 us\n";
	struct snapshot snap = example();
	char cell[SNAPSHOT_CELL], *text;

	text = written(snapshot_text, &snap);
	if (strcmp(text, want))
		tap_wrong("not as expected:\n%s", text);
	free(text);

	if (strcmp(snapshot_realtime(&snap, cell), "2026-12-31T23:59:40.250Z") ||
	    strcmp(snapshot_offset(&snap, cell), "+1134d20h51m19.205s") ||
	    strcmp(snapshot_freq(&snap, cell), "-12.5") || strcmp(snapshot_rate(&snap, cell), "3/1000") ||
	    strcmp(snapshot_leap(&snap, cell), "insert linear 1000 before") ||
	    strcmp(snapshot_smear(&snap, cell), "running -0.500000000"))
		tap_wrong("a cell: %s", cell);
	/* Whose clock is set inside, by state, sysctl and user namespace */
	if (clock_sets(&snap) != SETS_OWN)
		tap_wrong("an owner does not set its own clock");
	snap.file.own = false;
	snap.own_policy = OWN_NONE;
	if (clock_sets(&snap) != SETS_HOST)
		tap_wrong("0: not the host's");
	snap.file.follows = 4026532201;
	if (clock_sets(&snap) != SETS_HOST)
		tap_wrong("0: not the host's, of whom its owner follows");
	snap.file.follows_own = true;
	if (clock_sets(&snap) != SETS_NOTHING)
		tap_wrong("0: a follower of an owner sets a clock");
	snap.own_policy = OWN_USER;
	snap.user_ns = INITIAL_USER_NS;
	if (clock_sets(&snap) != SETS_NOTHING)
		tap_wrong("1: a follower of an owner sets a clock");
	snap.own_policy = OWN_ALL;
	if (clock_sets(&snap) != SETS_OWN)
		tap_wrong("2: a follower of an owner does not become one");
	text = written(snapshot_text, &snap);
	if (!strstr(text, "follows the clock of time namespace 4026532201: who does so makes it its own"))
		tap_wrong("whose:\n%s", text);
	free(text);
	snap.file.follows_own = false;
	snap.file.follows = 0;
	snap.own_policy = OWN_USER;
	snap.user_ns = 0;
	if (clock_sets(&snap) != SETS_NOT_KNOWN)
		tap_wrong("1: known without the user namespace");
	snap.user_ns = INITIAL_USER_NS;
	if (clock_sets(&snap) != SETS_HOST)
		tap_wrong("1: not the host's in the initial user namespace");
	snap.user_ns = INITIAL_USER_NS - 1000;
	if (clock_sets(&snap) != SETS_OWN)
		tap_wrong("1: not its own in another user namespace");
	snap.own_policy = OWN_ALL;
	if (clock_sets(&snap) != SETS_OWN)
		tap_wrong("2: not its own");
	snap.ino = INITIAL_TIME_NS;
	if (clock_sets(&snap) != SETS_HOST)
		tap_wrong("the initial one does not set the host's");
	snap.realtime += INT64_C(19749999999);
	if (strcmp(snapshot_realtime(&snap, cell), "2026-12-31T23:59:59.999Z"))
		tap_wrong("rounded up: %s", cell);
	snap.file.realtime = -1500;
	if (strcmp(snapshot_offset(&snap, cell), "-0.0000015s"))
		tap_wrong("a small offset: %s", cell);
	tap_end("text");
}

/* jq says whether it is JSON, and what is in it. */
static void json_says(const struct snapshot *snap, const char *filter, const char *want)
{
	char command[] = "/tmp/tkns-json.XXXXXX", line[256] = "", *text, *run;
	int fd = mkstemp(command);
	FILE *pipe;

	if (fd < 0)
		abort();
	text = written(snapshot_json_line, snap);
	if (!strchr(text, '\n') || strchr(text, '\n')[1])
		tap_wrong("not a line: %s", text);
	/* Which jq reads, but others do not. */
	if (strstr(text, ":+"))
		tap_wrong("a number with a plus: %s", text);
	dprintf(fd, "%s", text);
	if (asprintf(&run, "jq -c '%s' %s 2>&1", filter, command) < 0)
		abort();
	pipe = popen(run, "r");
	if (!pipe || !fgets(line, sizeof(line), pipe))
		tap_wrong("no answer");
	if (pipe && pclose(pipe))
		tap_wrong("jq does not accept %s", text);
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, want))
		tap_wrong("%s is %s, not %s", filter, line, want);
	remove(command);
	free(run);
	free(text);
}

static void json(void)
{
	struct snapshot snap = example();

	json_says(&snap, ".command", "\"sl\\\"eep\\\\\"");
	json_says(&snap, "[.inode, .pid, .state, .realtime, .initial]",
		  "[4026532277,123,\"own\",\"2026-12-31T23:59:40.250000000Z\",false]");
	json_says(&snap, "[.offset.realtime, .offset.boottime]",
		  "[{\"sec\":98052679,\"nsec\":205171895},{\"sec\":-1,\"nsec\":999999999}]");
	json_says(&snap, "[.rate, .policy]", "[{\"num\":3,\"den\":1000,\"stopped\":false},\"smear linear 1000 before\"]");
	json_says(&snap, ".smear",
		  "{\"state\":\"running\",\"start\":1798760600,\"end\":1798761600,\"phase_ns\":-500000000}");
	json_says(&snap, "[.adjtimex | .state, .leap, .tai, .ppm]", "[\"TIME_INS\",\"insert\",37,-12.5]");
	snap.inside.ppm = 6554;
	json_says(&snap, ".adjtimex.ppm", "0.1");
	snap.inside.valid = false;
	snap.file.has_rate = false;
	snap.file.has_policy = false;
	snap.file.has_smear = false;
	strcpy(snap.comm, "\x01\x1b\xff\x7f");
	json_says(&snap, "[.adjtimex, .rate, .policy, .smear]", "[null,null,null,null]");
	json_says(&snap, ".command | length", "4");
	tap_end("JSON");
}

int main(void)
{
	accepted();
	refused();
	texts();
	json();
	return tap_done();
}
