// SPDX-License-Identifier: GPL-2.0
/* tkns set and follow: changing the clock of a namespace in which somebody is, or of several. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "opts.h"
#include "set_many.h"
#include "snapshot_output.h"
#include "tkns.h"

struct set_args {
	struct pid_args common;
	struct clock_change change;
	bool parse_only;
};

enum {
	OPT_PARSE_ONLY = OPT_OWN + 1,
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct set_args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->change;
		return 0;
	case OPT_PARSE_ONLY:
		args->parse_only = true;
		return 0;
	case ARGP_KEY_END:
		args->common.optional = args->parse_only;
		return parse_pid_args(key, arg, state, &args->common);
	default:
		return parse_pid_args(key, arg, state, &args->common);
	}
}

int open_time_ns(pid_t pid, ino_t *ino)
{
	ino_t found;
	int fd = clock_open(pid, &found);

	if (fd == -ENOENT || fd == -ESRCH)
		die("no process %d", pid);
	if (fd < 0) {
		errno = -fd;
		die_errno("the time namespace of process %d", pid);
	}
	if (found == INITIAL_TIME_NS)
		die("process %d is in the initial time namespace, whose clock is the machine's", pid);
	if (ino)
		*ino = found;
	return fd;
}

void enter_time_ns(int fd, pid_t pid)
{
	int ret = clock_enter_fd(fd);

	if (ret) {
		errno = -ret;
		die_errno("entering the time namespace of process %d", pid);
	}
}

pid_t enter_pid(const char *text)
{
	pid_t pid = parse_pid(text);
	int fd = open_time_ns(pid, NULL);

	enter_time_ns(fd, pid);
	close(fd);
	return pid;
}

static void print_result(pid_t pid)
{
	struct snapshot snap;
	int ret = clock_snapshot(0, false, &snap);

	if (ret) {
		errno = -ret;
		die_errno("looking at the result");
	}
	/* tkns is inside by now; what was asked for is the process. */
	snap.pid = pid;
	read_comm(pid, snap.comm);
	snapshot_json_line(&snap, stdout);
	close_stdout();
}

int cmd_set(int argc, char **argv)
{
	static const struct argp_option options[] = {
		PID_JSON("Write the result as JSON"),
		{ "parse-only", OPT_PARSE_ONLY, NULL, 0,
		  "Say what is wrong with the values of the options, and change nothing; PID may be left out", 2 },
		{ 0 }
	};
	static const struct argp_child children[] = { { &change_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		.options = options, .parser = parse, .args_doc = "PID...", .children = children,
		.doc = "Change the clock of the time namespace in which process PID is, or of several at the same instant. The clock is the namespace's own from then on."
	};
	struct set_args args = { .common.many = true };
	pid_t pid;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	if (!clock_change_any(&args.change))
		die("no option says what to change");
	if (args.parse_only)
		return 0;
	need_kernel();
	if (args.common.nr > 1)
		return set_many(&args.change, args.common.pids, args.common.nr, args.common.json);
	pid = enter_pid(args.common.pid);
	clock_prepare(&args.change);
	clock_apply(&args.change);
	if (args.common.json)
		print_result(pid);
	return 0;
}

int cmd_follow(int argc, char **argv)
{
	static const struct argp_option options[] = {
		PID_JSON("Write the result as JSON"),
		{ 0 }
	};
	static const struct argp argp = {
		.options = options, .parser = parse_pids, .args_doc = "PID",
		.doc = "Let the clock of the time namespace in which process PID is follow the host. CLOCK_REALTIME jumps to the host's, CLOCK_MONOTONIC goes on."
	};
	struct pid_args args = { 0 };
	pid_t pid;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	need_kernel();
	pid = enter_pid(args.pid);
	clock_command("follow");
	if (args.json)
		print_result(pid);
	return 0;
}
