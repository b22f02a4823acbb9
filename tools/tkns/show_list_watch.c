// SPDX-License-Identifier: GPL-2.0
/* tkns show, list and watch: looking without touching. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "names.h"
#include "opts.h"
#include "snapshot_output.h"
#include "tkns.h"

/*
 * show
 */

static const struct argp_option json_option[] = {
	PID_JSON("Write JSON"),
	{ 0 }
};

static void look(pid_t pid, struct snapshot *snap)
{
	int ret = clock_snapshot(pid, false, snap);

	if (!ret)
		return;
	errno = -ret;
	if (!pid)
		die_errno("the own namespace");
	if (ret == -ENOENT || ret == -ESRCH)
		die("no process %d", pid);
	die_errno("the time namespace of process %d", pid);
}

int cmd_show(int argc, char **argv)
{
	static const struct argp argp = {
		.options = json_option, .parser = parse_pids, .args_doc = "[PID]",
		.doc = "Show the clock of the time namespace in which process PID is, or tkns."
	};
	struct pid_args args = { .optional = true };
	struct snapshot snap;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	need_kernel();
	look(args.pid ? parse_pid(args.pid) : 0, &snap);
	if (args.json)
		snapshot_json_line(&snap, stdout);
	else
		snapshot_text(&snap, stdout);
	close_stdout();
	return 0;
}

/*
 * list
 */

struct space {
	ino_t ino;
	long tasks;		/* threads inside */
	pid_t inside;		/* the first of the processes inside, or 0 */
	pid_t parent;		/* one whose children will be inside, or 0 */
};

struct spaces {
	struct space *space;
	size_t n;
	size_t hidden;		/* processes which may not be looked at */
};

static struct space *find_space(struct spaces *all, ino_t ino)
{
	struct space *space;
	size_t i;

	for (i = 0; i < all->n; i++)
		if (all->space[i].ino == ino)
			return &all->space[i];
	space = realloc(all->space, (all->n + 1) * sizeof(*space));
	if (!space)
		die_errno("list");
	all->space = space;
	space += all->n++;
	*space = (struct space) { .ino = ino };
	return space;
}

/* Field 20 of /proc/PID/stat; the name in front may hold anything but is in brackets. */
static long count_threads(pid_t pid)
{
	char path[64], text[1024], *p;
	long threads = 1;
	size_t len;
	FILE *file;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 1;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	p = strrchr(text, ')');
	/* From the bracket, the state is field 3. */
	for (i = 2; p && i < 20; i++)
		p = strchr(p + 1, ' ');
	if (p)
		threads = strtol(p, NULL, 10);
	return threads > 0 ? threads : 1;
}

static void add_process(struct spaces *all, pid_t pid)
{
	struct space *space;
	ino_t in, out;

	in = ns_inode(pid, "time");
	if (!in) {
		/* Gone meanwhile, or a zombie: those have no namespaces any more. */
		if (errno == EACCES || errno == EPERM)
			all->hidden++;
		return;
	}
	space = find_space(all, in);
	space->tasks += count_threads(pid);
	if (!space->inside || pid < space->inside)
		space->inside = pid;

	out = ns_inode(pid, "time_for_children");
	if (!out || out == in)
		return;
	space = find_space(all, out);
	if (!space->parent || pid < space->parent)
		space->parent = pid;
}

static int by_inode(const void *a, const void *b)
{
	const struct space *x = a, *y = b;

	return (x->ino > y->ino) - (x->ino < y->ino);
}

static void find_all(struct spaces *all)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		die_errno("/proc");
	while ((entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			add_process(all, atoi(entry->d_name));
	closedir(proc);
	qsort(all->space, all->n, sizeof(*all->space), by_inode);
}

enum column { INODE, STATE, OFFSET, FREQ, RATE, LEAP, SMEAR, TASKS, PID, COMMAND, NAME, N_COLUMNS };

struct row {
	char cell[N_COLUMNS][SNAPSHOT_CELL];
};

static void set_cell(struct row *row, enum column column, const char *text)
{
	/* The text may be in the cell already. */
	if (text != row->cell[column])
		snprintf(row->cell[column], SNAPSHOT_CELL, "%s", text);
}

/* @name is NULL if there is none */
static void fill_row(struct row *row, const struct space *space, const struct snapshot *snap,
		     const char *name)
{
	snprintf(row->cell[INODE], SNAPSHOT_CELL, "%lu", (unsigned long)space->ino);
	/* A word, for who counts columns */
	if (snap->file.follows)
		snprintf(row->cell[STATE], SNAPSHOT_CELL, "%s:%lu", snapshot_state(snap),
			 (unsigned long)snap->file.follows);
	else
		set_cell(row, STATE,
			 space->ino == INITIAL_TIME_NS ? "host" : snapshot_state(snap));
	set_cell(row, OFFSET, snapshot_offset(snap, row->cell[OFFSET]));
	set_cell(row, FREQ, snapshot_freq(snap, row->cell[FREQ]));
	set_cell(row, RATE, snapshot_rate(snap, row->cell[RATE]));
	set_cell(row, LEAP, snapshot_leap(snap, row->cell[LEAP]));
	set_cell(row, SMEAR, snapshot_smear(snap, row->cell[SMEAR]));
	snprintf(row->cell[TASKS], SNAPSHOT_CELL, "%ld", space->tasks);
	snprintf(row->cell[PID], SNAPSHOT_CELL, "%d", snap->pid);
	set_cell(row, COMMAND, snap->comm);
	set_cell(row, NAME, name ? name : "-");
}

static void print_table(const struct row *rows, size_t n)
{
	static const bool right[N_COLUMNS] = {
		[OFFSET] = true, [FREQ] = true, [RATE] = true, [TASKS] = true, [PID] = true
	};
	int width[N_COLUMNS] = { 0 }, c;
	size_t i;

	for (i = 0; i < n; i++)
		for (c = 0; c < N_COLUMNS; c++)
			if ((int)strlen(rows[i].cell[c]) > width[c])
				width[c] = strlen(rows[i].cell[c]);
	for (i = 0; i < n; i++) {
		for (c = 0; c < N_COLUMNS - 1; c++)
			printf("%*s  ", right[c] ? width[c] : -width[c], rows[i].cell[c]);
		puts(rows[i].cell[NAME]);
	}
}

int cmd_list(int argc, char **argv)
{
	static const struct row head = { {
		"INODE", "STATE", "OFFSET", "PPM", "RATE", "LEAP", "SMEAR", "TASKS", "PID", "COMMAND", "NAME"
	} };
	static const struct argp argp = {
		.options = json_option, .parser = parse_pids,
		.doc = "List the time namespaces in which there are processes, and those which wait for children of one."
	};
	struct pid_args args = { .optional = true };
	struct spaces all = { 0 };
	struct json j;
	struct row *rows;
	size_t i, n = 1;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	if (args.pid)
		die("'%s': list has no arguments ('tkns show PID' looks at one process)", args.pid);
	need_kernel();
	find_all(&all);
	rows = calloc(all.n + 1, sizeof(*rows));
	if (!rows)
		die_errno("list");
	rows[0] = head;

	json_start(&j, stdout);
	if (args.json)
		json_open(&j, NULL, '[');
	for (i = 0; i < all.n; i++) {
		const struct space *space = &all.space[i];
		char name[SNAPSHOT_CELL];
		struct snapshot snap;
		bool named;
		int ret;

		ret = clock_snapshot(space->inside ? space->inside : space->parent,
				     !space->inside, &snap);
		/* Its processes ended meanwhile, or moved. */
		if (ret == -ENOENT || ret == -ESRCH || (!ret && snap.ino != space->ino))
			continue;
		if (ret) {
			warn_user("time namespace %lu: %s", (unsigned long)space->ino,
				  strerror(-ret));
			continue;
		}
		/* Everybody is in that of the host */
		named = space->ino != INITIAL_TIME_NS && name_of_pid(snap.pid, name, sizeof(name));
		fill_row(&rows[n++], space, &snap, named ? name : NULL);
		if (args.json) {
			json_open(&j, NULL, '{');
			snapshot_json(&snap, &j);
			if (named)
				json_string(&j, "name", name);
			else
				json_null(&j, "name");
			json_int(&j, "tasks", space->tasks);
			json_bool(&j, "waits_for_children", !space->inside);
			json_close(&j, '}');
		}
	}
	if (args.json) {
		json_close(&j, ']');
		json_end(&j);
	} else {
		print_table(rows, n);
	}
	close_stdout();
	if (all.hidden)
		warn_user("%zu processes are not yours to look at, so this may not be all",
			  all.hidden);
	free(rows);
	free(all.space);
	return 0;
}

/*
 * watch
 */

struct watch_args {
	struct pid_args common;
	bool lines;
	int64_t interval;
	int64_t count;		/* 0 is no end */
};

enum {
	OPT_INTERVAL = OPT_OWN + 1,
	OPT_COUNT,
	OPT_LINES,
};

static error_t parse_watch(int key, char *arg, struct argp_state *state)
{
	struct watch_args *args = state->input;
	struct spec_error error;

	switch (key) {
	case OPT_LINES:
		args->lines = true;
		return 0;
	case OPT_INTERVAL:
		if (!spec_parse_duration(arg, &args->interval, &error))
			die_spec("--interval", arg, &error);
		/* Each look costs a child, and nobody reads faster. */
		if (args->interval < NSEC_PER_SEC / 100 || args->interval > 86400 * NSEC_PER_SEC)
			die("--interval '%s': outside 10ms..1d", arg);
		return 0;
	case OPT_COUNT:
		if (!spec_parse_number(arg, 1, 1000000000, &args->count, &error))
			die_spec("--count", arg, &error);
		return 0;
	default:
		return parse_pid_args(key, arg, state, &args->common);
	}
}

#define WATCH_LINE	"%-24s  %-6s  %18s  %10s  %6s  %-14s  %s\n"

static void print_line(const struct snapshot *snap)
{
	char time[SNAPSHOT_CELL], offset[SNAPSHOT_CELL], freq[SNAPSHOT_CELL], rate[SNAPSHOT_CELL];
	char leap[SNAPSHOT_CELL], smear[SNAPSHOT_CELL];

	printf(WATCH_LINE, snapshot_realtime(snap, time), snapshot_state(snap),
	       snapshot_offset(snap, offset), snapshot_freq(snap, freq), snapshot_rate(snap, rate),
	       snapshot_leap(snap, leap), snapshot_smear(snap, smear));
}

/* Until the time, on the caller's clock, or until the process ends: then true. */
static bool ended_before(int pidfd, int64_t until)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	for (;;) {
		int64_t left = until - clock_now(CLOCK_MONOTONIC);
		struct timespec ts = { .tv_sec = left / NSEC_PER_SEC, .tv_nsec = left % NSEC_PER_SEC };
		int ready;

		if (left < 0)
			ts = (struct timespec) { 0 };
		ready = ppoll(&p, 1, &ts, NULL);
		if (ready > 0)
			return true;
		if (ready < 0 && errno != EINTR)
			die_errno("poll");
		if (!ready && left <= 0)
			return false;
	}
}

int cmd_watch(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "interval", OPT_INTERVAL, "DURATION", 0, "Time between two looks, 1s unless given", 1 },
		{ "count", OPT_COUNT, "N", 0, "Look N times, then end", 1 },
		{ "lines", OPT_LINES, NULL, 0, "A line for each look on a terminal, too", 1 },
		{ "json", OPT_JSON, NULL, 0, "Write an object of JSON for each look", 1 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = options, .parser = parse_watch, .args_doc = "PID",
		.doc = "Show the clock of process PID again and again, until it ends: on a terminal a table which is drawn again, elsewhere a line for each look."
	};
	struct watch_args args = { .interval = NSEC_PER_SEC };
	int64_t next, looks = 0;
	bool screen;
	pid_t pid;
	int fd;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	need_kernel();
	pid = parse_pid(args.common.pid);
	fd = syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0) {
		if (errno == ESRCH)
			die("no process %d", pid);
		die_errno("process %d", pid);
	}
	screen = !args.common.json && !args.lines && isatty(STDOUT_FILENO);

	next = clock_now(CLOCK_MONOTONIC);
	do {
		struct snapshot snap;
		int ret = clock_snapshot(pid, false, &snap);

		if (ret == -ENOENT || ret == -ESRCH)
			break;
		if (ret) {
			errno = -ret;
			die_errno("the time namespace of process %d", pid);
		}
		if (args.common.json) {
			snapshot_json_line(&snap, stdout);
		} else if (screen) {
			/* To the corner, and clear what is below: no flicker. */
			fputs("\033[H\033[J", stdout);
			snapshot_text(&snap, stdout);
		} else {
			if (!looks)
				printf(WATCH_LINE, "REALTIME", "STATE", "OFFSET", "PPM", "RATE",
				       "LEAP", "SMEAR");
			print_line(&snap);
		}
		close_stdout();
		looks++;
		/* What was missed, stopped for example, is not caught up with. */
		next += args.interval;
		if (next < clock_now(CLOCK_MONOTONIC))
			next = clock_now(CLOCK_MONOTONIC);
	} while (looks != args.count && !ended_before(fd, next));

	if (looks != args.count)
		warn_user("process %d has ended", pid);
	close(fd);
	return 0;
}
