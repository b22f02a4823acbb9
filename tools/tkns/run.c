// SPDX-License-Identifier: GPL-2.0
/*
 * tkns run - a command in a new time namespace
 *
 * No process is left in between: tkns enters the namespace which it creates for
 * its children, sets the clock, and becomes the command. So the exit status,
 * signals, the process group and the terminal are those of the command, as with
 * nice(1) and env(1).
 *
 *	clock_enter()			with --share or --follow: where that process is
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
#include <sys/stat.h>
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
	const char *share;
	const char *follow;
	bool json;
	const char *restore;	/* the file, or NULL */
	bool frozen;
	char **command;
};

enum {
	OPT_USER = OPT_OWN + 1,
	OPT_NET,
	OPT_RESTORE,
	OPT_SHARE,
	OPT_FOLLOW,
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
	case OPT_SHARE:
		args->share = arg;
		return 0;
	case OPT_FOLLOW:
		args->follow = arg;
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

/*
 * The clock is that of another process. Options which change it would change that one, or
 * make the new namespace one which does not follow it.
 */
static void check_clock_of(const struct run_args *args)
{
	const char *option = args->share ? "--share" : "--follow";
	const char *text = args->share ? args->share : args->follow;

	if (args->share && args->follow)
		die("--share and --follow exclude each other");
	if (args->restore)
		die("%s: the clock is that of process '%s', so there is none to restore", option, text);
	if (clock_change_any(&args->change))
		die("%s: the clock is that of process '%s', so there is nothing to set here ('tkns set' changes it)",
		    option, text);
	if (args->share && (args->user != USER_AUTO || args->net != NET_HOST))
		die("--share: no new namespace is made, so --user and --net say nothing");
}

/* Returns whether that took another user namespace */
static bool enter_clock_of(const struct run_args *args)
{
	const char *option = args->share ? "--share" : "--follow";
	pid_t pid = parse_pid(args->share ? args->share : args->follow);
	struct stat before, after;
	int ret;

	if (stat("/proc/self/ns/user", &before))
		die_errno("/proc/self/ns/user");
	ret = clock_enter(pid);
	if (ret == -ENOENT || ret == -ESRCH)
		die("no process %d", pid);
	if (ret) {
		errno = -ret;
		die_errno("%s: entering the time namespace of process %d", option, pid);
	}
	if (stat("/proc/self/ns/user", &after))
		die_errno("/proc/self/ns/user");
	return before.st_ino != after.st_ino;
}

int cmd_run(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ NULL, 0, NULL, 0, "Namespaces:", 2 },
		{ "user", OPT_USER, "keep|root", OPTION_ARG_OPTIONAL,
		  NS_USER_HELP,
		  2 },
		{ "net", OPT_NET, "host|new|none", 0,
		  "The caller's network (host), a new one with lo up (new), or one with nothing up (none)",
		  2 },
		{ "share", OPT_SHARE, "PID", 0,
		  "The time namespace of process PID, and no new one: its clock is the command's, too",
		  2 },
		{ "follow", OPT_FOLLOW, "PID", 0,
		  "A new time namespace which follows the clock of process PID, as others follow the host's",
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
		.doc = "Run COMMAND in a new time namespace. With no option for the clock it follows that of the caller, until COMMAND sets it."
	};
	struct run_args args = { 0 };
	struct restore restore = { 0 };
	bool keep = false;
	int error;

	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &args);
	if (args.share || args.follow)
		check_clock_of(&args);
	if (args.restore)
		restore = (struct restore) { read_state_file(args.restore), args.frozen };
	need_kernel();
	if (args.share || args.follow)
		keep = enter_clock_of(&args);
	if (args.restore) {
		ns_enter_after(args.user, args.net, restore_for_children, &restore);
		clock_prepare(&args.change);
	} else {
		/* The new clock starts as that of the caller, so this is what it will show. */
		clock_prepare(&args.change);
		if (!args.share)
			ns_enter(args.user, args.net);
	}
	if (!args.share)
		clock_apply(&args.change);
	if (keep)
		ns_keep_caps();
	if (args.json)
		print_clock(args.command[0]);

	execvp(args.command[0], args.command);
	error = errno;
	warn_user("%s: %s", args.command[0], strerror(error));
	return error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXEC;
}
