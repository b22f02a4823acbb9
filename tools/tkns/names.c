// SPDX-License-Identifier: GPL-2.0
/*
 * The process of a container, machine or unit by its name
 *
 * Whoever runs it is asked with its own program, as a user would: no socket is spoken to
 * and no state of theirs is read. What is not installed is not asked. A name which more than one
 * of them knows has to be said with the one that is meant: "podman:web".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "names.h"
#include "tkns.h"

#define MAX_ARGS 8

extern char **environ;

/* Prints the process id of NAME and nothing else; 0, or a failure, for a name it does not know */
static const struct manager {
	const char *name;
	const char *what;		/* it keeps */
	const char *argv[MAX_ARGS];	/* "@" stands for the name */
} managers[] = {
	{ "podman", "container",
	  { "podman", "inspect", "--type=container", "--format={{.State.Pid}}", "--", "@" } },
	{ "docker", "container",
	  { "docker", "inspect", "--type=container", "--format={{.State.Pid}}", "--", "@" } },
	{ "machine", "machine",
	  { "machinectl", "show", "--property=Leader", "--value", "--", "@" } },
	{ "lxc", "container", { "lxc-info", "--pid", "--no-humanize", "--name", "@" } },
	{ "unit", "unit", { "systemctl", "show", "--property=MainPID", "--value", "--", "@" } },
};

#define N_MANAGERS (sizeof(managers) / sizeof(managers[0]))

/* What the program prints, up to @size - 1 bytes. Returns false if it fails, or is not there. */
static bool output_of(const char *const *argv, char *text, size_t size)
{
	posix_spawn_file_actions_t actions;
	size_t len = 0;
	int fds[2], error, status;
	ssize_t got;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		die_errno("pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	/* That it does not know the name is said once, by us, and for all of them */
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	error = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (error) {
		close(fds[0]);
		return false;
	}
	do {
		got = read(fds[0], text + len, size - 1 - len);
		if (got > 0)
			len += got;
	} while (len < size - 1 && (got > 0 || (got < 0 && errno == EINTR)));
	text[len] = '\0';
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die_errno("waitpid");
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* Returns its process, 0 if it is not known there or does not run */
static int ask(const struct manager *m, const char *name)
{
	const char *argv[MAX_ARGS + 1] = { NULL };
	struct spec_error error;
	char text[64];
	int64_t pid;
	size_t i;

	for (i = 0; i < MAX_ARGS && m->argv[i]; i++)
		argv[i] = strcmp(m->argv[i], "@") ? m->argv[i] : name;
	if (!output_of(argv, text, sizeof(text)))
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return spec_parse_number(text, 1, TKNS_PID_MAX, &pid, &error) ? pid : 0;
}

int pid_of_name(const char *text)
{
	const struct manager *found = NULL;
	const char *name = strchr(text, ':');
	size_t i, len = name ? (size_t)(name - text) : 0;
	int pid = 0, got;

	for (i = 0; name && i < N_MANAGERS; i++) {
		if (strlen(managers[i].name) != len || strncmp(managers[i].name, text, len))
			continue;
		if (!name[1])
			die("'%s' has no name behind the colon", text);
		pid = ask(&managers[i], name + 1);
		if (!pid)
			die("%s has no running %s '%s'", managers[i].argv[0], managers[i].what,
			    name + 1);
		return pid;
	}
	/* A name which begins with '-' is none of anybody, but might be an option */
	if (!*text || *text == '-')
		die("'%s' is neither a process id nor a name", text);
	for (i = 0; i < N_MANAGERS; i++) {
		got = ask(&managers[i], text);
		if (got && found && got != pid)
			die("'%s' is process %d to %s and process %d to %s: say %s:%s or %s:%s", text,
			    pid, found->argv[0], got, managers[i].argv[0], found->name, text,
			    managers[i].name, text);
		if (got && !found) {
			found = &managers[i];
			pid = got;
		}
	}
	if (!found)
		die("'%s' is neither a process id nor the name of a running container, machine or unit",
		    text);
	return pid;
}
