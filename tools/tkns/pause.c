// SPDX-License-Identifier: GPL-2.0
/*
 * tkns pause and resume: the cgroup of a process is frozen, and its clock stands.
 *
 * First the freezer, then the clock, and back in the other order: so nothing inside sees
 * that time stands. A cgroup in which tkns itself is would freeze it as well.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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
	len = strlen(cgroup);
	if (!strcmp(cgroup, "/"))
		die("process %d is in the root of all cgroups, which cannot be frozen", pid);
	if (!strncmp(cgroup, self, len) && (!self[len] || self[len] == '/'))
		die("process %d is in the cgroup %s, in which tkns is as well: it would be frozen, too",
		    pid, cgroup);
	snprintf(dir, size, "%s%s", CGROUP_ROOT, cgroup);
}

static void write_freeze(const char *dir, const char *text)
{
	char path[CGROUP_MAX + 64];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.freeze", dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		die_errno("opening %s", path);
	if (write(fd, text, strlen(text)) < 0)
		die_errno("'%s' to %s", text, path);
	close(fd);
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

/* Returns whether all processes have stopped. */
static bool wait_frozen(const char *dir)
{
	char path[CGROUP_MAX + 64];
	struct pollfd events = { .events = POLLPRI };
	int waited;

	snprintf(path, sizeof(path), "%s/cgroup.events", dir);
	events.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (events.fd < 0)
		die_errno("opening %s", path);
	for (waited = 0; !is_frozen(events.fd, path); waited += FREEZE_LOOK) {
		if (waited >= FREEZE_LIMIT) {
			close(events.fd);
			return false;
		}
		poll(&events, 1, FREEZE_LOOK);
	}
	close(events.fd);
	return true;
}

/* What goes wrong there ends a child, and the cgroup is thawed. */
static bool stop_clock(void)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return false;
	if (!pid) {
		clock_command("stop");
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

int cmd_pause(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse_pids, .args_doc = "PID",
		.doc = "Freeze the cgroup of process PID, and let the clock of its time namespace stand."
	};
	struct pid_args args = { 0 };
	char dir[CGROUP_MAX + 32];
	pid_t pid;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	need_kernel();
	find_cgroup(parse_pid(args.pid), dir, sizeof(dir));
	pid = enter_pid(args.pid);
	write_freeze(dir, "1");
	if (!wait_frozen(dir)) {
		write_freeze(dir, "0");
		die("the processes in the cgroup of %d have not stopped after %d s: it goes on", pid,
		    FREEZE_LIMIT / 1000);
	}
	if (!stop_clock()) {
		write_freeze(dir, "0");
		return EXIT_FAILED;
	}
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
		.doc = "Let the clock of the time namespace in which process PID is go on, and thaw its cgroup."
	};
	struct pid_args args = { 0 };
	char dir[CGROUP_MAX + 32];

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	need_kernel();
	find_cgroup(parse_pid(args.pid), dir, sizeof(dir));
	enter_pid(args.pid);
	clock_command(args.elapsed ? "go elapsed" : "go");
	write_freeze(dir, "0");
	return 0;
}
