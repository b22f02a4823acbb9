// SPDX-License-Identifier: GPL-2.0
/*
 * tkupstream - run the kernel's own time tests in namespaces and judge them
 *
 * The programs of tools/testing/selftests/{timens,timers} are run as they come.
 * The list says for each one where it runs:
 *
 *	place		time namespace		user
 *	own		new, owns its clock	uid 1000 of the host, root inside
 *	own-root	new, owns its clock	root of the host
 *	fresh		new, untouched: the	uid 1000 of the host, root inside
 *			test's own first write
 *			makes it own its clock
 *	follow		new, follows the host	uid 1000 of the host, root inside
 *	follow-root	new, follows the host	root of the host
 *	slow, fast	new, owns its clock,	uid 1000 of the host, root inside
 *			whose tick is 10 %
 *			shorter, longer
 *	slow-root,	the same		root of the host
 *	fast-root
 *	outside		initial, while a	root of the host
 *			namespace that owns
 *			its clock is watched
 *
 * and what the control is: the same program with the same arguments in the
 * initial time namespace of the same boot, as root or as that user. Where a
 * program takes long, the control runs only if there is a failure to compare.
 *
 * Every run is watched by tkwatch. In a namespace the host's clocks must not
 * move. In the control of a test that sets clocks they must: a watcher that
 * does not see the program at work on the host proves nothing about the
 * namespace.
 *
 * A program's output is cut into cases (KTAP lines, "[OK]", "[FAILED]", ...),
 * so that "fails on the host, too" means: exactly the same cases fail. That is
 * printed as an expected failure with the cases, never as a plain pass. Nor is it
 * a pass when a case that passed in the control was not reached, or was skipped
 * by a user who is no less than that of the control. (Alarm clocks want
 * CAP_WAKE_ALARM of the host; the list runs them as root, too.)
 *
 * Afterwards the host is put back to what it was: the controls change it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clocks.h"
#include "guest.h"
#include "options.h"
#include "parse.h"

#define TOOLS		"/usr/lib/timens/"
#define PROGRAMS	"/kselftest/"
#define SCRATCH		"/run/tkupstream"

/* A namespace that owns its clock is a year ahead, so that no value is the host's by chance. */
#define AHEAD		"31536000"

#define ARGS_MAX	64
#define PLACES_MAX	8
#define COLUMNS		10

enum host_verdict { HOST_UNJUDGED, HOST_STILL, HOST_MOVES };

static const struct place {
	const char *name;
	const char *enter[8];
	bool user;
} places[] = {
	{ "own",	 { TOOLS "tkenter", "--own", "--offset", AHEAD, "--" }, true },
	{ "own-root",	 { TOOLS "tkenter", "--root", "--own", "--offset", AHEAD, "--" }, false },
	{ "slow",	 { TOOLS "tkenter", "--own", "--tick", "9000", "--" }, true },
	{ "slow-root",	 { TOOLS "tkenter", "--root", "--own", "--tick", "9000", "--" }, false },
	{ "fast",	 { TOOLS "tkenter", "--own", "--tick", "11000", "--" }, true },
	{ "fast-root",	 { TOOLS "tkenter", "--root", "--own", "--tick", "11000", "--" }, false },
	{ "fresh",	 { TOOLS "tkenter", "--" }, true },
	{ "follow",	 { TOOLS "tkenter", "--follow", "--" }, true },
	{ "follow-root", { TOOLS "tkenter", "--root", "--follow", "--" }, false },
	{ "outside",	 { NULL }, false },
	/* The controls, which no row names as a place. */
	{ "control-root", { NULL }, false },
	{ "control-user", { TOOLS "tkenter", "--no-time", "--" }, true },
};

struct set {
	char **key;
	size_t count;
};

struct row {
	unsigned int number;
	char *test;
	char *args;
	const struct place *place[PLACES_MAX];
	unsigned int nr_places;
	const struct place *control;
	bool control_if_failed;
	enum host_verdict host;
	long limit;
	char *shorten;
	bool debug;
	struct set may_fail;
};

/* What one run of a program came to. */
struct result {
	struct set pass;
	struct set fail;
	struct set skip;
	bool moved;
	bool vague;
	double seconds;
};

static struct {
	const char *list;
	const char *suite;
	const char *threshold;
	const char *results;
	const char *only;
	bool debug;
	bool control_only;
} opt = {
	.list		= "/usr/share/timens/upstream-timers.list",
	.threshold	= "3000",
	.results	= "/out",
};

/*
 * A row's limit is for hangs. With instruction counting, TKT_EXACT=1, it is one
 * of the guest's time, which is deterministic. In real time it says how long a
 * test may be silent, on a machine TKT_SLOW times slower than usual (init.c).
 */
static bool exact;
static int64_t slow = 1;

static struct row *rows;
static size_t nr_rows;
static unsigned int points;
static unsigned int failures;

/* The host before the first control. */
static struct timex host_tx;
static struct timezone host_tz;
static int64_t host_realtime;

static void *checked(void *memory)
{
	if (!memory)
		err(TK_EXIT_FAILURE, "out of memory");
	return memory;
}

__attribute__((format(printf, 1, 2)))
static char *format(const char *fmt, ...)
{
	char *text;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		err(TK_EXIT_FAILURE, "out of memory");
	va_end(args);
	return text;
}

static bool set_has(const struct set *set, const char *key)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		if (!strcmp(set->key[i], key))
			return true;
	return false;
}

static void set_add(struct set *set, const char *key)
{
	if (set_has(set, key))
		return;
	set->key = checked(realloc(set->key, (set->count + 1) * sizeof(*set->key)));
	set->key[set->count++] = checked(strdup(key));
}

static void set_clear(struct set *set)
{
	while (set->count)
		free(set->key[--set->count]);
	free(set->key);
	set->key = NULL;
}

static bool set_within(const struct set *inner, const struct set *outer)
{
	size_t i;

	for (i = 0; i < inner->count; i++)
		if (!set_has(outer, inner->key[i]))
			return false;
	return true;
}

/* For a person to read */
static char *set_text(const struct set *set)
{
	char *text = checked(strdup(""));
	size_t i;

	for (i = 0; i < set->count; i++) {
		char *longer = format("%s%s'%s'", text, *text ? ", " : "", set->key[i]);

		free(text);
		text = longer;
	}
	return text;
}

/*
 * Names of cases
 *
 * A case keeps its name from run to run although the text around it holds
 * measurements: blanks are folded, and numbers become '#'. A number that starts
 * a line stays, it is what freq-step's rows go by. A KTAP name keeps its short
 * numbers, which are clock ids and the like.
 */
static bool is_number_start(const char *at)
{
	if (*at == '+' || *at == '-' || *at == '.')
		at++;
	return isdigit((unsigned char)*at);
}

static size_t number_length(const char *at)
{
	size_t len = 1;

	while (isdigit((unsigned char)at[len]) ||
	       (at[len] == '.' && isdigit((unsigned char)at[len + 1])))
		len++;
	return len;
}

static void fold_name(char *out, size_t size, const char *text, bool keep_short)
{
	size_t at = 0;

	while (*text && at + 2 < size) {
		size_t len;

		if (isspace((unsigned char)*text)) {
			if (at && out[at - 1] != ' ')
				out[at++] = ' ';
			text++;
			continue;
		}
		if (!is_number_start(text)) {
			out[at++] = *text++;
			continue;
		}
		len = number_length(text);
		if (!at || (keep_short && len < 3)) {
			while (len-- && at + 2 < size)
				out[at++] = *text++;
			continue;
		}
		out[at++] = '#';
		text += len;
	}
	while (at && out[at - 1] == ' ')
		at--;
	out[at] = '\0';
}

/* Finds "ok 12 " or "not ok 12 ", also behind a message that lacks its newline. */
static const char *find_ktap(const char *line, bool *ok)
{
	const char *at = line;

	for (; (at = strstr(at, "ok ")); at += 3) {
		const char *number = at + 3;

		if (!isdigit((unsigned char)*number))
			continue;
		while (isdigit((unsigned char)*number))
			number++;
		if (*number && *number != ' ')
			continue;
		if (at - line >= 4 && !strncmp(at - 4, "not ", 4)) {
			*ok = false;
			return number;
		}
		/* "# Totals: ..." and other words that end in "ok" are none. */
		if (at == line || at[-1] == ' ' || at[-1] == ':') {
			*ok = true;
			return number;
		}
	}
	return NULL;
}

static bool has_any(const char *line, const char *const words[])
{
	for (; *words; words++)
		if (strstr(line, *words))
			return true;
	return false;
}

static void sort_line(struct result *res, const char *line)
{
	static const char *const bad[] = {
		"[FAILED]", "[FAIL]", "[ERROR]", "Error:", "ERROR:", "Bail out!",
		"PIE delta error:", NULL
	};
	static const char *const none[] = { "[SKIP]", "[UNSUPPORTED]", NULL };
	static const char *const good[] = { "[OK]", NULL };
	char name[256];
	const char *ktap, *skip;
	bool ok;

	ktap = find_ktap(line, &ok);
	if (ktap) {
		while (*ktap == ' ' || *ktap == '-')
			ktap++;
		skip = strstr(ktap, "# SKIP");
		fold_name(name, sizeof(name), skip == ktap ? ktap + 6 : ktap, true);
		set_add(skip ? &res->skip : ok ? &res->pass : &res->fail,
			*name == ' ' ? name + 1 : name);
		return;
	}
	fold_name(name, sizeof(name), line, false);
	if (has_any(line, bad))
		set_add(&res->fail, name);
	else if (has_any(line, none))
		set_add(&res->skip, name);
	else if (has_any(line, good))
		set_add(&res->pass, name);
}

/* One line of a run: of tkwatch, or of the program under test. */
static void take_line(struct result *res, const char *line, bool *told)
{
	static const char said[] = "tkwatch: command: ";

	printf("#   %s\n", line);
	if (!strncmp(line, said, strlen(said))) {
		*told = true;
		if (strcmp(line + strlen(said), "exit 0"))
			set_add(&res->fail, line + strlen(said));
		return;
	}
	if (strncmp(line, "tkwatch: ", 9))
		sort_line(res, line);
}

/* Cuts the output into lines; returns false when the time was up. */
static bool collect(int fd, struct result *res, int64_t limit, bool *told)
{
	int64_t deadline = tk_read(CLOCK_MONOTONIC_RAW) + limit;
	char buf[4096];
	size_t have = 0;

	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - tk_read(CLOCK_MONOTONIC_RAW);
		ssize_t got;
		char *end;
		int ready;

		if (left <= 0)
			return false;
		ready = poll(&pfd, 1, left / 1000000 + 1);
		if (ready < 0 && errno != EINTR)
			err(TK_EXIT_FAILURE, "poll");
		if (ready <= 0)
			continue;

		got = read(fd, buf + have, sizeof(buf) - have - 1);
		if (got < 0)
			err(TK_EXIT_FAILURE, "reading the output of a test");
		if (!got)
			break;
		if (!exact)
			deadline = tk_read(CLOCK_MONOTONIC_RAW) + limit;
		have += got;
		buf[have] = '\0';
		while ((end = strchr(buf, '\n')) || have == sizeof(buf) - 1) {
			size_t used = end ? (size_t)(end - buf) + 1 : have;

			if (end)
				*end = '\0';
			take_line(res, buf, told);
			memmove(buf, buf + used, have - used);
			have -= used;
			buf[have] = '\0';
		}
		fflush(stdout);
	}
	if (have)
		take_line(res, buf, told);
	return true;
}

static pid_t start(char *const argv[], const char *dir, int in, int out)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		err(TK_EXIT_FAILURE, "fork");
	if (pid)
		return pid;

	/* A group of its own: what outlives its limit is ended with all its children. */
	if (setpgid(0, 0))
		err(TK_EXIT_FAILURE, "setpgid");
	if (chdir(dir))
		err(TK_EXIT_FAILURE, "%s", dir);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		err(TK_EXIT_FAILURE, "dup2");
	execv(argv[0], argv);
	err(TK_EXIT_FAILURE, "%s", argv[0]);
}

static int finish(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			err(TK_EXIT_FAILURE, "waitpid");
	return status;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/*
 * The directory to run in. The tests start their helpers as "./NAME", so that
 * a helper with a shorter run time can be put beside an untouched test:
 * inconsistency-check goes by the last of each option that it is given.
 */
static char *run_dir(const struct row *row)
{
	char *source = format("%s%.*s", PROGRAMS, (int)(strchr(row->test, '/') - row->test),
			      row->test);
	static const char *const helpers[] = { "raw_skew", "nanosleep", "nsleep-lat", NULL };
	const char *const *helper;
	char *dir, *path, *target;
	FILE *file;

	if (!row->shorten)
		return source;

	dir = format("%s/%s", SCRATCH, base_name(row->test));
	if ((mkdir(SCRATCH, 0755) && errno != EEXIST) || (mkdir(dir, 0755) && errno != EEXIST))
		err(TK_EXIT_FAILURE, "%s", dir);
	for (helper = helpers; *helper; helper++) {
		path = format("%s/%s", dir, *helper);
		target = format("%s/%s", source, *helper);
		if (symlink(target, path) && errno != EEXIST)
			err(TK_EXIT_FAILURE, "%s", path);
		free(path);
		free(target);
	}
	path = format("%s/inconsistency-check", dir);
	file = fopen(path, "we");
	if (!file)
		err(TK_EXIT_FAILURE, "%s", path);
	fprintf(file, "#!/bin/sh\nexec %s/inconsistency-check \"$@\" %s\n", source, row->shorten);
	if (fclose(file) || chmod(path, 0755))
		err(TK_EXIT_FAILURE, "%s", path);
	free(path);
	free(source);
	return dir;
}

static unsigned int append(char **argv, unsigned int argc, char *arg)
{
	if (argc + 1 >= ARGS_MAX)
		errx(TK_EXIT_FAILURE, "more than %d arguments", ARGS_MAX - 1);
	argv[argc++] = arg;
	argv[argc] = NULL;
	return argc;
}

static char *json_path(const struct row *row, const struct place *place)
{
	return format("%s/watch-%02u-%s-%s.json", opt.results, row->number, base_name(row->test),
		      place->name);
}

static void run(const struct row *row, const struct place *place, struct result *res)
{
	char *argv[ARGS_MAX], *words = NULL, *word, *save = NULL, *dir = run_dir(row);
	unsigned int argc = 0, i;
	int64_t begun = tk_read(CLOCK_MONOTONIC_RAW);
	int null, status, fds[2];
	bool told = false;
	pid_t pid;

	memset(res, 0, sizeof(*res));
	argc = append(argv, argc, TOOLS "tkwatch");
	argc = append(argv, argc, "--threshold-ns");
	argc = append(argv, argc, (char *)opt.threshold);
	argc = append(argv, argc, "--json");
	argc = append(argv, argc, json_path(row, place));
	argc = append(argv, argc, "--");
	for (i = 0; place->enter[i]; i++)
		argc = append(argv, argc, (char *)place->enter[i]);
	argc = append(argv, argc, format("%s%s", PROGRAMS, row->test));
	if (strcmp(row->args, "-")) {
		words = checked(strdup(row->args));
		for (word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
			argc = append(argv, argc, word);
	}

	printf("# %s, %s:\n", row->test, place->name);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0)
		err(TK_EXIT_FAILURE, "/dev/null");
	if (pipe2(fds, O_CLOEXEC))
		err(TK_EXIT_FAILURE, "pipe");
	pid = start(argv, dir, null, fds[1]);
	close(fds[1]);
	close(null);

	if (!collect(fds[0], res, row->limit * slow * TK_NSEC_PER_SEC, &told)) {
		printf("# %s after %.1f s, limit %ld s, machine %lld times slower than nominal\n",
		       exact ? "not at its end" : "silent for too long",
		       (double)(tk_read(CLOCK_MONOTONIC_RAW) - begun) / TK_NSEC_PER_SEC,
		       row->limit, (long long)slow);
		set_add(&res->fail, "time limit");
	}
	kill(-pid, SIGKILL);
	status = finish(pid);
	close(fds[0]);

	if (!WIFEXITED(status) || WEXITSTATUS(status) > 3) {
		/* Killed above, or tkwatch could not tell: no verdict on the clocks. */
		res->vague = true;
	} else {
		res->moved = WEXITSTATUS(status) & 2;
	}
	if (!told)
		set_add(&res->fail, "no exit status");
	if (!res->pass.count && !res->fail.count)
		set_add(&res->pass, "exit 0");
	res->seconds = (double)(tk_read(CLOCK_MONOTONIC_RAW) - begun) / TK_NSEC_PER_SEC;
	printf("# %s, %s: %.1f s of guest time, %zu cases pass, %zu fail, %zu skipped\n",
	       row->test, place->name, res->seconds, res->pass.count, res->fail.count,
	       res->skip.count);

	free(words);
	free(dir);
}

static void result_free(struct result *res)
{
	set_clear(&res->pass);
	set_clear(&res->fail);
	set_clear(&res->skip);
}

/* One line of KTAP. A reason on a passing line is a directive. */
static void point(bool ok, const char *name, const char *directive, char *why)
{
	points++;
	if (!ok)
		failures++;
	if (!ok && why)
		printf("# %s: %s\n", name, why);
	printf("%sok %u - %s", ok ? "" : "not ", points, name);
	if (directive)
		printf(" # %s %s", directive, why);
	putchar('\n');
	fflush(stdout);
	free(why);
}

/*
 * Host state around the controls. TAI and the time constant share a field of
 * struct timex, so they need a call each; STA_PLL on and off resets the leap
 * state, which has no mode of its own.
 */
static void save_host(void)
{
	struct timeval tv;

	memset(&host_tx, 0, sizeof(host_tx));
	if (adjtimex(&host_tx) < 0)
		err(TK_EXIT_FAILURE, "adjtimex");
	if (gettimeofday(&tv, &host_tz))
		err(TK_EXIT_FAILURE, "gettimeofday");
	host_realtime = tk_read(CLOCK_REALTIME) - tk_read(CLOCK_MONOTONIC_RAW);
}

static void adjust_host(struct timex *tx)
{
	if (adjtimex(tx) < 0)
		err(TK_EXIT_FAILURE, "restoring the host: adjtimex(modes 0x%x)", tx->modes);
}

static void restore_host(void)
{
	static const struct timespec second = { .tv_sec = 1, .tv_nsec = 100000000 };
	struct timex tx = host_tx;
	struct timespec ts;
	int64_t now;

	tx.modes = ADJ_STATUS | ADJ_OFFSET;
	tx.status = STA_PLL;
	tx.offset = 0;
	adjust_host(&tx);

	tx = host_tx;
	tx.modes = ADJ_FREQUENCY | ADJ_TICK | ADJ_TIMECONST |
		   (host_tx.status & STA_NANO ? ADJ_NANO : ADJ_MICRO);
	adjust_host(&tx);

	tx = host_tx;
	tx.modes = ADJ_TAI;
	tx.constant = host_tx.tai;
	adjust_host(&tx);

	now = host_realtime + tk_read(CLOCK_MONOTONIC_RAW);
	ts.tv_sec = now / TK_NSEC_PER_SEC;
	ts.tv_nsec = now % TK_NSEC_PER_SEC;
	if (clock_settime(CLOCK_REALTIME, &ts))
		err(TK_EXIT_FAILURE, "restoring the host: clock_settime");
	if (settimeofday(NULL, &host_tz))
		err(TK_EXIT_FAILURE, "restoring the host: settimeofday(time zone)");

	/* Setting the time changes the status: last, and with it the errors. */
	tx = host_tx;
	tx.modes = ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR;
	adjust_host(&tx);

	/* A slew is dealt out a second at a time: let the portion of this one run out. */
	if (clock_nanosleep(CLOCK_MONOTONIC, 0, &second, NULL))
		errx(TK_EXIT_FAILURE, "restoring the host: the sleep was interrupted");
}

static void judge_control(const struct row *row, const struct result *control)
{
	char *name = format("%s in the initial namespace", row->test);
	char *fails = set_text(&control->fail);

	if (!control->fail.count)
		point(true, name, NULL, NULL);
	else if (set_within(&control->fail, &row->may_fail))
		point(true, name, "XFAIL", format("fails on mainline, too: %s", fails));
	else
		point(false, name, NULL, format("fails: %s", fails));
	free(fails);
	free(name);

	if (row->host == HOST_UNJUDGED)
		return;
	name = format("%s in the initial namespace: %s", row->test,
		      row->host == HOST_MOVES ? "the watcher sees the clocks move" :
		      "the clocks stay");
	point(!control->vague && control->moved == (row->host == HOST_MOVES), name, NULL, NULL);
	free(name);
}

static bool is_outside(const struct place *place)
{
	return !strcmp(place->name, "outside");
}

static void judge(const struct row *row, const struct place *place, const struct result *res,
		  const struct result *control)
{
	char *name = format(is_outside(place) ? "%s %s" : "%s in %s", row->test, place->name);
	char *fails = set_text(&res->fail);
	bool less = row->control && place->user && !row->control->user;
	bool within = control && set_within(&res->fail, &control->fail);
	bool same = within && set_within(&control->fail, &res->fail);
	struct set lost = { 0 };
	char *longer;
	size_t i;

	for (i = 0; control && i < control->pass.count; i++) {
		const char *key = control->pass.key[i];

		if (!set_has(&res->pass, key) && !set_has(&res->fail, key) &&
		    !(less && set_has(&res->skip, key)))
			set_add(&lost, key);
	}

	if (!res->fail.count && lost.count)
		point(false, name, NULL, format("passed in the control, but not here: %s",
						set_text(&lost)));
	else if (!res->fail.count)
		point(true, name, NULL, NULL);
	else if (within)
		point(true, name, "XFAIL", format("%s in the control: %s",
						  same ? "the same cases fail as" :
						  "only cases fail that fail", fails));
	else
		point(false, name, NULL, format("fails: %s", fails));
	set_clear(&lost);
	free(fails);

	longer = format("%s: the host's clocks stay", name);
	free(name);
	name = longer;
	point(!res->vague && !res->moved, name, NULL,
	      res->vague ? format("the watcher could not tell") : NULL);
	free(name);
}

/* A namespace that owns its clock and watches it until its standard input closes. */
struct holder {
	pid_t pid;
	int stdin_fd;
	char *log;
};

/* It reads its clocks, and then starts the command, whose first word is in the log. */
static void hold_wait(const struct holder *holder)
{
	for (;;) {
		siginfo_t info = { 0 };
		char text[4096];
		ssize_t got;
		int log = open(holder->log, O_RDONLY | O_CLOEXEC);

		if (log < 0)
			err(TK_EXIT_FAILURE, "%s", holder->log);
		got = read(log, text, sizeof(text) - 1);
		if (got < 0)
			err(TK_EXIT_FAILURE, "%s", holder->log);
		close(log);
		text[got] = '\0';
		if (strstr(text, "ready\n"))
			return;
		if (waitid(P_PID, holder->pid, &info, WEXITED | WNOHANG | WNOWAIT))
			err(TK_EXIT_FAILURE, "waitid");
		if (info.si_pid)
			errx(TK_EXIT_FAILURE, "the watcher of an own namespace has ended");
		usleep(10000);
	}
}

static struct holder hold_start(const struct row *row)
{
	char *argv[ARGS_MAX];
	struct holder holder;
	unsigned int argc = 0, i;
	int fds[2], out;

	for (i = 0; places[0].enter[i]; i++)
		argc = append(argv, argc, (char *)places[0].enter[i]);
	argc = append(argv, argc, TOOLS "tkwatch");
	argc = append(argv, argc, "--here");
	argc = append(argv, argc, "--threshold-ns");
	argc = append(argv, argc, (char *)opt.threshold);
	argc = append(argv, argc, "--");
	argc = append(argv, argc, "sh");
	argc = append(argv, argc, "-c");
	argc = append(argv, argc, "echo ready; exec cat");

	holder.log = format("%s/watch-%02u-%s-own.txt", opt.results, row->number,
			    base_name(row->test));
	out = open(holder.log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (out < 0)
		err(TK_EXIT_FAILURE, "%s", holder.log);
	if (pipe2(fds, O_CLOEXEC))
		err(TK_EXIT_FAILURE, "pipe");
	holder.pid = start(argv, "/", fds[0], out);
	holder.stdin_fd = fds[1];
	close(fds[0]);
	close(out);
	hold_wait(&holder);
	return holder;
}

static void hold_end(const struct row *row, struct holder *holder)
{
	char *name = format("%s outside: the clocks of an own namespace stay", row->test);
	char line[512];
	FILE *file;
	int status;

	close(holder->stdin_fd);
	status = finish(holder->pid);
	file = fopen(holder->log, "re");
	if (!file)
		err(TK_EXIT_FAILURE, "%s", holder->log);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		printf("#   %s\n", line);
	}
	fclose(file);
	point(WIFEXITED(status) && !WEXITSTATUS(status), name, NULL, NULL);
	free(holder->log);
	free(name);
}

static void run_row(const struct row *row)
{
	struct result res[PLACES_MAX], control;
	bool with_control, failed = false;
	unsigned int i;

	for (i = 0; i < row->nr_places && !opt.control_only; i++) {
		if (is_outside(row->place[i])) {
			struct holder holder = hold_start(row);

			run(row, row->place[i], &res[i]);
			hold_end(row, &holder);
			restore_host();
		} else {
			run(row, row->place[i], &res[i]);
		}
		failed |= res[i].fail.count > 0;
	}
	with_control = row->control && (!row->control_if_failed || failed || opt.control_only);
	if (with_control) {
		run(row, row->control, &control);
		restore_host();
		if (!row->control_if_failed || opt.control_only)
			judge_control(row, &control);
	}
	for (i = 0; i < row->nr_places && !opt.control_only; i++) {
		judge(row, row->place[i], &res[i], with_control ? &control : NULL);
		result_free(&res[i]);
	}
	if (with_control)
		result_free(&control);
}

static unsigned int row_points(const struct row *row)
{
	unsigned int count = 0, i;

	if (row->control && (!row->control_if_failed || opt.control_only))
		count += row->host == HOST_UNJUDGED ? 1 : 2;
	for (i = 0; i < row->nr_places && !opt.control_only; i++)
		count += is_outside(row->place[i]) ? 3 : 2;
	return count;
}

/* The list */

static char *trim(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	return text;
}

static const struct place *find_place(const char *name, unsigned int line)
{
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!strcmp(places[i].name, name))
			return &places[i];
	errx(TK_EXIT_FAILURE, "%s:%u: unknown place '%s'", opt.list, line, name);
}

static bool parse_word(const char *text, const char *yes, const char *no, unsigned int line)
{
	if (!strcmp(text, yes))
		return true;
	if (strcmp(text, no))
		errx(TK_EXIT_FAILURE, "%s:%u: '%s' is neither '%s' nor '%s'", opt.list, line, text,
		     yes, no);
	return false;
}

static void parse_row(char *const column[], unsigned int line)
{
	struct row row = { .test = checked(strdup(column[1])), .args = checked(strdup(column[2])) };
	char *word, *save = NULL, *control;
	char *what = format("%s:%u", opt.list, line);

	if (!strchr(row.test, '/'))
		errx(TK_EXIT_FAILURE, "%s: '%s' is not DIRECTORY/TEST", what, row.test);
	if (!strcmp(column[3], "-"))
		*column[3] = '\0';
	for (word = strtok_r(column[3], " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (row.nr_places == PLACES_MAX)
			errx(TK_EXIT_FAILURE, "%s: more than %d places", what, PLACES_MAX);
		row.place[row.nr_places++] = find_place(word, line);
	}
	if (strcmp(column[4], "-")) {
		control = strchr(column[4], '?');
		if (control) {
			row.control_if_failed = true;
			*control = '\0';
		}
		control = format("control-%s", column[4]);
		row.control = find_place(control, line);
		free(control);
	}
	if (strcmp(column[5], "-"))
		row.host = parse_word(column[5], "moves", "stays", line) ? HOST_MOVES : HOST_STILL;
	row.limit = tk_parse_number(what, column[6], 1, 100000);
	if (strcmp(column[7], "-"))
		row.shorten = checked(strdup(column[7]));
	row.debug = parse_word(column[8], "debug", "-", line);
	if (row.control_if_failed && row.host)
		errx(TK_EXIT_FAILURE, "%s: a control that need not run cannot be judged", what);
	if (!row.nr_places && !row.control)
		errx(TK_EXIT_FAILURE, "%s: neither a place nor a control", what);
	free(what);

	if (opt.debug && !row.debug)
		return;
	if (opt.only && strcmp(opt.only, base_name(row.test)))
		return;
	rows = checked(realloc(rows, (nr_rows + 1) * sizeof(*rows)));
	rows[nr_rows++] = row;
	rows[nr_rows - 1].number = nr_rows;
}

/* "fails | SUITE | TEST | CASE" below the row of that test */
static void parse_fails(char *const column[], unsigned int line)
{
	size_t i;

	if (strcmp(column[1], opt.suite))
		return;
	for (i = 0; i < nr_rows; i++) {
		if (strcmp(rows[i].test, column[2]))
			continue;
		set_add(&rows[i].may_fail, column[3]);
		return;
	}
	if (!opt.only && !opt.debug)
		errx(TK_EXIT_FAILURE, "%s:%u: no row of '%s' precedes", opt.list, line, column[2]);
}

static void read_list(void)
{
	FILE *file = fopen(opt.list, "re");
	unsigned int line = 0;
	bool known = false;
	char text[1024];

	if (!file)
		err(TK_EXIT_FAILURE, "%s", opt.list);
	while (fgets(text, sizeof(text), file)) {
		char *column[COLUMNS], *at = text, *part;
		unsigned int count = 0;

		line++;
		part = trim(text);
		if (!*part || *part == '#')
			continue;
		while ((part = strsep(&at, "|"))) {
			if (count == COLUMNS)
				errx(TK_EXIT_FAILURE, "%s:%u: more than %d columns", opt.list,
				     line, COLUMNS);
			column[count++] = trim(part);
		}
		if (!strcmp(column[0], "not-run") && count == 3)
			continue;
		if (!strcmp(column[0], "fails") && count == 4) {
			parse_fails(column, line);
			continue;
		}
		if (count != 9)
			errx(TK_EXIT_FAILURE, "%s:%u: %u columns, not 9", opt.list, line, count);
		if (strcmp(column[0], opt.suite))
			continue;
		known = true;
		parse_row(column, line);
	}
	if (ferror(file))
		err(TK_EXIT_FAILURE, "reading %s", opt.list);
	fclose(file);
	if (!known)
		errx(TK_EXIT_FAILURE, "%s has no suite '%s'", opt.list, opt.suite);
	if (!nr_rows)
		errx(TK_EXIT_FAILURE, "no test of suite '%s' is left to run", opt.suite);
}

static const char usage[] =
	"--suite NAME [OPTION]...\n"
	"Run the kernel's own time tests as the list says. Changes the clocks of the host:\n"
	"for the guest of the boot harness only.\n"
	"\n"
	"  --suite NAME       the rows of the list with that suite\n"
	"  --list FILE        (/usr/share/timens/upstream-timers.list)\n"
	"  --only TEST        this test only\n"
	"  --debug            the rows marked for the debug kernel only\n"
	"  --control-only     the controls only, which a mainline kernel can run\n"
	"  --threshold-ns N   for tkwatch (3000)\n"
	"  --results DIR      for tkwatch's measurements (/out)\n";

static const struct tk_option options[] = {
	TK_TEXT("suite", &opt.suite),
	TK_TEXT("list", &opt.list),
	TK_TEXT("only", &opt.only),
	TK_FLAG("debug", &opt.debug),
	TK_FLAG("control-only", &opt.control_only),
	TK_TEXT("threshold-ns", &opt.threshold),
	TK_TEXT("results", &opt.results),
	TK_NO_MORE
};

static void parse_options(int argc, char **argv)
{
	tk_parse_options(argc, argv, options, usage, TK_NOTHING);
	tk_parse_number("--threshold-ns", opt.threshold, 1, TK_NSEC_PER_SEC);
	if (!opt.suite)
		errx(TK_EXIT_FAILURE, "no --suite given");
}

int main(int argc, char **argv)
{
	unsigned int planned = 0;
	size_t i;

	parse_options(argc, argv);
	/* The controls set the clocks: of a guest, and of nothing else. */
	tk_require_guest();
	exact = tk_exact();
	slow = tk_slow();
	read_list();
	if (!tk_has_clocks() && !opt.control_only)
		err(TK_EXIT_FAILURE, "%s", TK_CLOCK_FILE);

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < nr_rows; i++)
		planned += row_points(&rows[i]);
	printf("KTAP version 1\n1..%u\n", planned);
	save_host();
	for (i = 0; i < nr_rows; i++) {
		printf("# test %zu of %zu: %s %s\n", i + 1, nr_rows, rows[i].test, rows[i].args);
		run_row(&rows[i]);
	}
	return failures ? 1 : 0;
}
