// SPDX-License-Identifier: GPL-2.0
/*
 * tkns run - a command in a new time namespace
 *
 * No process is left in between: tkns enters the namespace which it creates for
 * its children, sets the clock, and becomes the command. So the exit status,
 * signals, the process group and the terminal are those of the command, as with
 * nice(1) and env(1).
 *
 *	unshare(USER?, TIME, NET?)	the namespaces; the caller is not in TIME yet
 *	restore_state()?		so all clocks can be restored
 *	setns(time_for_children)	now it is
 *	clock_apply()			reads and sets the new clock
 *	execvp()
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ns.h"
#include "opts.h"
#include "save.h"
#include "snapshot_output.h"
#include "tkns.h"

struct run_args {
	struct clock_change change;
	enum user_mode user;
	enum net_mode net;
	bool json;
	const char *restore;	/* the file, or NULL */
	bool frozen;
	char **command;
};

enum {
	OPT_USER = OPT_OWN + 1,
	OPT_NET,
	OPT_RESTORE,
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run_args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->change;
		return 0;
	case OPT_JSON:
		args->json = true;
		return 0;
	case OPT_RESTORE:
		args->restore = arg;
		return 0;
	case OPT_FROZEN:
		args->frozen = true;
		return 0;
	case ARGP_KEY_END:
		if (args->frozen && !args->restore)
			argp_error(state, "--frozen says how to restore: there is no --restore");
		return 0;
	case OPT_USER:
		args->user = ns_parse_user(arg);
		return 0;
	case OPT_NET:
		if (!strcmp(arg, "host"))
			args->net = NET_HOST;
		else if (!strcmp(arg, "new"))
			args->net = NET_NEW;
		else if (!strcmp(arg, "none"))
			args->net = NET_NONE;
		else
			die("--net '%s': host, new or none is expected", arg);
		return 0;
	case ARGP_KEY_ARG:
		/* The options behind the name of the command are its own. */
		args->command = state->argv + state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "no command given");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_clock(const char *command)
{
	struct snapshot snap;
	int ret = clock_snapshot(0, false, &snap);

	if (ret) {
		errno = -ret;
		die_errno("looking at the new clock");
	}
	/* Standard output is the command's, whose name the process has soon. */
	snprintf(snap.comm, sizeof(snap.comm), "%s", command);
	snapshot_json_line(&snap, stderr);
}

static char *read_state_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *state;

	if (fd < 0)
		die_errno("--restore '%s'", path);
	state = read_state(fd, path);
	close(fd);
	return state;
}

struct restore {
	const char *state;
	bool frozen;
};

static void restore_for_children(void *arg)
{
	const struct restore *restore = arg;

	restore_state(getpid(), restore->frozen, restore->state);
}

int cmd_run(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ NULL, 0, NULL, 0, "Namespaces:", 2 },
		{ "user", OPT_USER, "keep|root", OPTION_ARG_OPTIONAL,
		  "Use a user namespace, as is done for a caller without privilege anyway; the caller stays who it is there (keep), or is root",
		  2 },
		{ "net", OPT_NET, "host|new|none", 0,
		  "The caller's network (host), a new one with lo up (new), or one with nothing up (none)",
		  2 },
		{ NULL, 0, NULL, 0, "Other options:", 3 },
		{ "restore", OPT_RESTORE, "FILE", 0,
		  "Begin with the state which 'tkns save' wrote to FILE; all clocks, and the options for the clock come after it", 3 },
		{ "frozen", OPT_FROZEN, NULL, 0, "With --restore: no time has passed since it was saved", 3 },
		{ "json", OPT_JSON, NULL, 0, "Write the new clock to standard error as JSON", 3 },
		{ 0 }
	};
	static const struct argp_child children[] = { { &change_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		.options = options, .parser = parse, .args_doc = "[--] COMMAND [ARGUMENT...]",
		.children = children,
		.doc = "Run COMMAND in a new time namespace. With no option for the clock it follows the host, until COMMAND sets it."
	};
	struct run_args args = { 0 };
	struct restore restore = { 0 };
	int error;

	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &args);
	if (args.restore) {
		restore.state = read_state_file(args.restore);
		restore.frozen = args.frozen;
		need_kernel();
		ns_enter_after(args.user, args.net, restore_for_children, &restore);
		clock_prepare(&args.change);
	} else {
		need_kernel();
		/* The new clock starts as that of the caller, so this is what it will show. */
		clock_prepare(&args.change);
		ns_enter(args.user, args.net);
	}
	clock_apply(&args.change);
	if (args.json)
		print_clock(args.command[0]);

	execvp(args.command[0], args.command);
	error = errno;
	warn_user("%s: %s", args.command[0], strerror(error));
	return error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXEC;
}
