// SPDX-License-Identifier: GPL-2.0
/*
 * tkns pause and resume: all that runs in a container is frozen, and its clock stands.
 *
 * First the freezer, then the clock, and back in the other order: so nothing inside sees
 * that time stands. What is frozen is the cgroup of the container, not that of the process:
 * where systemd runs inside, its first process is in one of its own. A cgroup in which tkns
 * itself is would freeze it as well.
 *
 * Whatever happens before the clock stands thaws it again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup_name.h"
#include "child.h"
#include "clock.h"
#include "opts.h"
#include "tkns.h"

#define CGROUP_ROOT	"/sys/fs/cgroup"
/* How long the tasks may take to stop, in all (ms); one in an uninterruptible sleep takes long */
#define FREEZE_LIMIT	10000
#define FREEZE_LOOK	50

#define CGROUP_MAX	3072

/* The cgroup of a process in the unified hierarchy, as the file has it: "/" and more */
static void read_cgroup(const char *path, char *cgroup, size_t size)
{
	char line[CGROUP_MAX];
	bool found = false;
	FILE *file;

	file = fopen(path, "re");
	if (!file)
		die_errno("opening %s", path);
	while (!found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		found = !strncmp(line, "0::", 3);
	}
	fclose(file);
	if (!found)
		die("%s: no cgroup of version 2, which is the one with a freezer for all processes", path);
	if ((size_t)snprintf(cgroup, size, "%s", line + 3) >= size)
		die("%s: the path is too long", path);
}

static void find_cgroup(pid_t pid, char *dir, size_t size)
{
	char path[64], cgroup[CGROUP_MAX], self[CGROUP_MAX];
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	read_cgroup(path, cgroup, sizeof(cgroup));
	read_cgroup("/proc/self/cgroup", self, sizeof(self));
	if (!strcmp(cgroup, "/"))
		die("process %d is in the root of all cgroups, which cannot be frozen", pid);
	len = cgroup_whole(cgroup);
	if (!len)
		die("process %d is in the cgroup %s of the machine's own first process: with it all others would be frozen",
		    pid, cgroup);
	cgroup[len] = '\0';
	if (!strncmp(cgroup, self, len) && (!self[len] || self[len] == '/'))
		die("process %d is in the cgroup %s, in which tkns is as well: it would be frozen, too",
		    pid, cgroup);
	snprintf(dir, size, "%s%s", CGROUP_ROOT, cgroup);
}

/*
 * The time namespace, open, and the cgroup of one and the same process: the name is looked up once, and the number is that
 * of nobody else in between.
 */
static pid_t find_both(const char *text, int *ns, char *dir, size_t size)
{
	pid_t pid = parse_pid(text);
	ino_t ino;

	*ns = open_time_ns(pid, &ino);
	find_cgroup(pid, dir, size);
	if (ns_inode(pid, "time") != ino)
		die("process %d has ended", pid);
	return pid;
}

/* Returns 0, or what errno says, having said it. */
static int write_freeze(const char *dir, const char *text)
{
	char path[CGROUP_MAX + 64];
	int fd, error = 0;

	snprintf(path, sizeof(path), "%s/cgroup.freeze", dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		error = errno;
		warn_user("'%s' to %s: %s", text, path, strerror(error));
	}
	if (fd >= 0)
		close(fd);
	return error;
}

/* The cgroup which is frozen and has a clock that runs, and who is to thaw it at its end: children have another one. */
static const char *frozen;
static pid_t frozen_by;

static void thaw_at_exit(void)
{
	if (frozen && getpid() == frozen_by)
		write_freeze(frozen, "0");
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	interrupted = sig;
}

static void catch_interrupts(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action = { .sa_handler = on_interrupt }, old;
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* What is ignored stays so: that is what nohup is for */
		if (sigaction(signals[i], NULL, &old))
			die_errno("sigaction");
		if (old.sa_handler != SIG_IGN && sigaction(signals[i], &action, NULL))
			die_errno("sigaction");
	}
}

static bool is_frozen(int fd, const char *path)
{
	char text[256];
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

	if (len < 0)
		die_errno("reading %s", path);
	text[len] = '\0';
	return strstr(text, "frozen 1") != NULL;
}

/* Until all processes have stopped, or the end */
static void wait_frozen(const char *dir, pid_t pid)
{
	char path[CGROUP_MAX + 64];
	struct pollfd events = { .events = POLLPRI };
	int waited;

	snprintf(path, sizeof(path), "%s/cgroup.events", dir);
	events.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (events.fd < 0)
		die_errno("opening %s", path);
	for (waited = 0; !is_frozen(events.fd, path) && !interrupted; waited += FREEZE_LOOK) {
		if (waited >= FREEZE_LIMIT)
			die("the processes in the cgroup of %d have not stopped after %d s: it goes on", pid,
			    FREEZE_LIMIT / 1000);
		poll(&events, 1, FREEZE_LOOK);
	}
	close(events.fd);
	if (interrupted)
		exit(128 + interrupted);
}

/* What a child is told to do with the clock */
struct order {
	int ns;			/* which it enters first; -1: it is there */
	pid_t pid;
	const char *command;
};

static void tell_clock(const void *arg)
{
	const struct order *order = arg;

	if (order->ns >= 0)
		enter_time_ns(order->ns, order->pid);
	clock_command(order->command);
}

int cmd_pause(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse_pids, .args_doc = "PID",
		.doc = "Freeze the container in which process PID is, or its cgroup, and let the clock of its time namespace stand."
	};
	const struct order order = { .ns = -1, .command = "stop" };
	struct pid_args args = { 0 };
	char dir[CGROUP_MAX + 32];
	pid_t pid;
	int ns;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	need_kernel();
	pid = find_both(args.pid, &ns, dir, sizeof(dir));
	enter_time_ns(ns, pid);
	close(ns);
	catch_interrupts();
	frozen_by = getpid();
	frozen = dir;
	if (atexit(thaw_at_exit))
		die("out of memory");
	if (write_freeze(dir, "1"))
		exit(EXIT_FAILED);
	wait_frozen(dir, pid);
	if (!child_does(tell_clock, &order))
		exit(EXIT_FAILED);
	frozen = NULL;
	return 0;
}

int cmd_resume(int argc, char **argv)
{
	static const struct argp_option options[] = {
		PID_ELAPSED("CLOCK_REALTIME, TAI and BOOTTIME have run on, as while the machine sleeps"),
		{ 0 }
	};
	static const struct argp argp = {
		.options = options, .parser = parse_pids, .args_doc = "PID",
		.doc = "Let the clock of the time namespace in which process PID is go on, and thaw what was frozen."
	};
	struct pid_args args = { 0 };
	char dir[CGROUP_MAX + 32];
	struct order order;
	bool goes;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	need_kernel();
	order.pid = find_both(args.pid, &order.ns, dir, sizeof(dir));
	order.command = args.elapsed ? "go elapsed" : "go";
	/* With a clock which stands somebody inside can be helped, frozen nobody. The child has said what is wrong. */
	goes = child_does(tell_clock, &order);
	return write_freeze(dir, "0") || !goes ? EXIT_FAILED : 0;
}
