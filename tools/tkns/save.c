// SPDX-License-Identifier: GPL-2.0
/* tkns save and restore, stop and go: a clock as a text, and a clock which stands. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "opts.h"
#include "save.h"
#include "tkns.h"

/* The kernel takes a write of less than a page; the largest state has a third of that. */
#define TEXT_MAX	4096

#define FIRST_LINE	"version "
#define LAST_LINE	"\nend\n"

/* Until its end. Returns the length, @size if there is more than fits. */
static size_t read_all(int fd, const char *what, char *text, size_t size)
{
	size_t len = 0;
	ssize_t got;

	while (len < size) {
		got = read(fd, text + len, size - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			die_errno("reading %s", what);
		if (!got)
			break;
		len += got;
	}
	return len;
}

/*
 * Where the state begins in what timens_clock shows, or in a file which somebody made of
 * all of that; NULL if there is none.
 */
static const char *find_state(const char *text)
{
	const char *at = strstr(text, "\n" FIRST_LINE);

	if (!strncmp(text, FIRST_LINE, strlen(FIRST_LINE)))
		return text;
	return at ? at + 1 : NULL;
}

static bool is_whole(const char *state)
{
	size_t len = strlen(state), end = strlen(LAST_LINE);

	return len > end && !strcmp(state + len - end, LAST_LINE);
}

static int open_clock(pid_t pid, int flags, char *path, size_t size)
{
	int fd;

	snprintf(path, size, "/proc/%d/timens_clock", pid);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		die("no process %d", pid);
	if (fd < 0)
		die_errno("opening %s", path);
	return fd;
}

char *save_state(pid_t pid)
{
	char path[64], *text = malloc(TEXT_MAX);
	const char *state;
	size_t len;
	int fd;

	if (!text)
		die("out of memory");
	fd = open_clock(pid, O_RDONLY, path, sizeof(path));
	len = read_all(fd, path, text, TEXT_MAX);
	close(fd);
	if (len == TEXT_MAX)
		die("%s: more than %d bytes", path, TEXT_MAX - 1);
	text[len] = '\0';
	state = find_state(text);
	if (!state && strncmp(text, "state      own", strlen("state      own"))) {
		free(text);
		return NULL;
	}
	if (!state || !is_whole(state))
		die("%s: this kernel does not show the state of a clock", path);
	memmove(text, state, strlen(state) + 1);
	return text;
}

int cmd_save(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse_pids, .args_doc = "PID",
		.doc = "Write the whole state of the clock of the time namespace into which process PID puts its children to standard output, for 'tkns restore'."
	};
	struct pid_args args = { 0 };
	char *state;
	pid_t pid;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	need_kernel();
	pid = parse_pid(args.pid);
	state = save_state(pid);
	if (!state)
		die("the clock of process %d follows another one: it has no state of its own to save", pid);
	fputs(state, stdout);
	free(state);
	close_stdout();
	return 0;
}

__attribute__((noreturn))
static void die_refused(const char *path, const char *how)
{
	switch (errno) {
	case EINVAL:
		die("restore %s to %s: what was read is no state, is one which contradicts itself, or has a CLOCK_REALTIME before the start of the CLOCK_MONOTONIC which is there", how, path);
	case ERANGE:
		die("restore %s to %s: a number is out of its range, or the clock has run out of it meanwhile",
		    how, path);
	case EPROTONOSUPPORT:
		die("restore %s to %s: the state was saved by a kernel with another version of it", how, path);
	case EOPNOTSUPP:
		die("the namespace may not own a clock (sysctl kernel.timens_own): nothing was changed");
	case ENOSPC:
		die("no more clocks for this user (sysctl user.max_time_clocks)");
	case EPERM:
		die("restore %s to %s: not permitted: it takes CAP_SYS_TIME in the user namespace which owns the time namespace", how, path);
	default:
		die_errno("restore %s to %s", how, path);
	}
}

char *read_state(int fd, const char *what)
{
	char *text = malloc(TEXT_MAX);
	const char *state;
	size_t len;

	if (!text)
		die("out of memory");
	len = read_all(fd, what, text, TEXT_MAX);
	if (len == TEXT_MAX)
		die("%s: more than %d bytes are no state of a clock", what, TEXT_MAX - 1);
	text[len] = '\0';
	state = strlen(text) == len ? find_state(text) : NULL;
	if (!state)
		die("%s: no state of a clock, whose first line would be 'version NUMBER'", what);
	if (!is_whole(state))
		die("%s: the state is cut off, its last line would be 'end'", what);
	memmove(text, state, strlen(state) + 1);
	return text;
}

void restore_state(pid_t pid, bool frozen, const char *state)
{
	const char *how = frozen ? "frozen" : "elapsed";
	char path[64], *command;
	ssize_t done;
	size_t len;
	int fd;

	if (asprintf(&command, "restore %s\n%s", how, state) < 0)
		die("out of memory");
	fd = open_clock(pid, O_WRONLY, path, sizeof(path));
	len = strlen(command);
	done = write(fd, command, len);
	if (done < 0)
		die_refused(path, how);
	if ((size_t)done != len)
		die("%s took %zd of %zu bytes", path, done, len);
	close(fd);
	free(command);
}

int cmd_restore(int argc, char **argv)
{
	static const struct argp_option options[] = {
		PID_ELAPSED("CLOCK_REALTIME, TAI and BOOTTIME have run on by what the host's have, CLOCK_MONOTONIC goes on where it was; this is the default"),
		PID_FROZEN("No time has passed: all clocks go on where they were"),
		{ 0 }
	};
	static const struct argp argp = {
		.options = options, .parser = parse_pids, .args_doc = "PID",
		.doc = "Read a state which 'tkns save' wrote from standard input, and make it that of the clock of the time namespace into which process PID puts its children. Once a task is inside, CLOCK_MONOTONIC, BOOTTIME and MONOTONIC_RAW stay what they are."
	};
	struct pid_args args = { 0 };
	char *state;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	state = read_state(STDIN_FILENO, "standard input");
	need_kernel();
	restore_state(parse_pid(args.pid), args.frozen, state);
	free(state);
	return 0;
}

int cmd_stop(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse_pids, .args_doc = "PID",
		.doc = "Let all clocks of the time namespace in which process PID is stand. Sleeps and timers wait until 'tkns go'."
	};
	struct pid_args args = { 0 };

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	need_kernel();
	enter_pid(args.pid);
	clock_command("stop");
	return 0;
}

int cmd_go(int argc, char **argv)
{
	static const struct argp_option options[] = {
		PID_ELAPSED("CLOCK_REALTIME, TAI and BOOTTIME have run on, as while the machine sleeps"),
		{ 0 }
	};
	static const struct argp argp = {
		.options = options, .parser = parse_pids, .args_doc = "PID",
		.doc = "Let the clocks of the time namespace in which process PID is go on where 'tkns stop' made them stand."
	};
	struct pid_args args = { 0 };

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	need_kernel();
	enter_pid(args.pid);
	clock_command(args.elapsed ? "go elapsed" : "go");
	return 0;
}
