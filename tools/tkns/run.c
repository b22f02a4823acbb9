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
 *	setns(time_for_children)	now it is
 *	clock_apply()			reads and sets the new clock
 *	execvp()
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "opts.h"
#include "tkns.h"
#include "view.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME	0x00000080
#endif

enum user_mode {
	USER_AUTO,		/* a user namespace if there is no other way */
	USER_KEEP,		/* one in which the caller is who it is */
	USER_ROOT,		/* one in which the caller is root */
};

enum net_mode {
	NET_HOST,		/* the network of the caller */
	NET_NEW,		/* a new one, with lo up */
	NET_NONE,		/* a new one in which nothing is up */
};

struct run_args {
	struct clock_change change;
	enum user_mode user;
	enum net_mode net;
	bool json;
	char **command;
};

enum {
	OPT_USER = OPT_OWN + 1,
	OPT_NET,
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run_args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->change;
		return 0;
	case OPT_OWN:
		args->json = true;
		return 0;
	case OPT_USER:
		if (!arg || !strcmp(arg, "keep"))
			args->user = USER_KEEP;
		else if (!strcmp(arg, "root"))
			args->user = USER_ROOT;
		else
			die("--user '%s': keep or root is expected", arg);
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

static void write_file(const char *path, const char *text)
{
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		die_errno("writing '%s' to %s", text, path);
	close(fd);
}

/*
 * Capabilities, of which libc has only the system calls.
 */

struct caps {
	struct __user_cap_data_struct set[_LINUX_CAPABILITY_U32S_3];
};

static struct __user_cap_header_struct cap_header = { .version = _LINUX_CAPABILITY_VERSION_3 };

static void get_caps(struct caps *caps)
{
	if (syscall(SYS_capget, &cap_header, caps->set))
		die_errno("capget");
}

static bool has_cap(const struct caps *caps, int cap)
{
	return caps->set[CAP_TO_INDEX(cap)].effective & CAP_TO_MASK(cap);
}

/* To create a time namespace and to set its clock. */
static bool is_privileged(void)
{
	struct caps caps;

	get_caps(&caps);
	return has_cap(&caps, CAP_SYS_ADMIN) && has_cap(&caps, CAP_SYS_TIME);
}

/*
 * The command of an ordinary user loses its capabilities when it is started,
 * unless they are ambient. It keeps what concerns the new namespaces: a daemon
 * may steer the clock, and configure the network if that is new as well.
 */
static void keep_caps(enum net_mode net)
{
	static const int for_time[] = { CAP_SYS_TIME, -1 };
	static const int for_net[] = {
		CAP_SYS_TIME, CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE, -1
	};
	const int *cap = net == NET_HOST ? for_time : for_net;
	struct caps caps;
	const int *c;

	get_caps(&caps);
	for (c = cap; *c >= 0; c++)
		caps.set[CAP_TO_INDEX(*c)].inheritable |= CAP_TO_MASK(*c);
	if (syscall(SYS_capset, &cap_header, caps.set))
		die_errno("capset");
	for (c = cap; *c >= 0; c++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, *c, 0, 0))
			die_errno("keeping capability %d", *c);
}

static void map_user(uid_t uid, gid_t gid, bool root)
{
	char map[64];

	/* Without privilege outside, groups can only be given up. */
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", root ? 0 : uid, uid);
	write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", root ? 0 : gid, gid);
	write_file("/proc/self/gid_map", map);
}

static void bring_up_lo(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		die_errno("bringing up lo");
	close(fd);
}

__attribute__((noreturn))
static void die_unshare(int flags)
{
	switch (errno) {
	case EPERM:
	case EACCES:
		if (flags & CLONE_NEWUSER)
			die("no user namespace for you on this machine, and without one only root gets a clock (sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces)");
		break;
	case ENOSPC:
		die("no more namespaces for this user (sysctl user.max_time_namespaces, user.max_user_namespaces)");
	}
	die_errno("creating namespaces: unshare(0x%x)", flags);
}

static void enter(const struct run_args *args)
{
	bool user = args->user != USER_AUTO || !is_privileged();
	int flags = CLONE_NEWTIME, fd;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	ino_t before = ns_inode(0, "time");

	if (user)
		flags |= CLONE_NEWUSER;
	if (args->net != NET_HOST)
		flags |= CLONE_NEWNET;
	if (unshare(flags))
		die_unshare(flags);
	if (user)
		map_user(uid, gid, args->user == USER_ROOT);
	if (args->net == NET_NEW)
		bring_up_lo();

	fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWTIME))
		die_errno("entering the new time namespace");
	close(fd);
	/* From here on the clock is written to: it must not be the machine's. */
	if (ns_inode(0, "time") == before)
		die("still in the time namespace %lu", (unsigned long)before);
	if (user && args->user != USER_ROOT && uid)
		keep_caps(args->net);
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
	view_json_line(&snap, stderr);
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
		{ "json", OPT_OWN, NULL, 0, "Write the new clock to standard error as JSON", 3 },
		{ 0 }
	};
	static const struct argp_child children[] = { { &change_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		.options = options, .parser = parse, .args_doc = "[--] COMMAND [ARGUMENT...]",
		.children = children,
		.doc = "Run COMMAND in a new time namespace. With no option for the clock it follows the host, until COMMAND sets it."
	};
	struct run_args args = { 0 };
	struct clock_file file;
	int error;

	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &args);
	need_kernel();
	/* The new clock starts as that of the caller, so this is what it will show. */
	clock_read_self(&file);
	clock_check(&args.change, &file, clock_now(CLOCK_REALTIME));

	enter(&args);
	clock_apply(&args.change);
	if (args.json)
		print_clock(args.command[0]);

	execvp(args.command[0], args.command);
	error = errno;
	warn_user("%s: %s", args.command[0], strerror(error));
	return error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXEC;
}
