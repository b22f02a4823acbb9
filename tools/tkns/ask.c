// SPDX-License-Identifier: GPL-2.0
/* Asking other programs; see ask.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "child.h"
#include "tkns.h"

extern char **environ;

bool output_of(const char *const *argv, char *text, size_t size)
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
	/* What that means is said once, by whoever asks */
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
	status = child_wait(pid);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}
