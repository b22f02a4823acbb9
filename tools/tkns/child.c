// SPDX-License-Identifier: GPL-2.0
/* See child.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "tkns.h"

bool child_start(struct child *child, const struct child *before)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		die_errno("socketpair");
	fflush(NULL);
	child->before = before;
	child->pid = fork();
	if (child->pid < 0)
		die_errno("fork");
	if (!child->pid) {
		for (; before; before = before->before)
			close(before->fd);
		close(fds[0]);
		child->fd = fds[1];
		return true;
	}
	close(fds[1]);
	child->fd = fds[0];
	return false;
}

int child_end(struct child *child)
{
	close(child->fd);
	return child_wait(child->pid);
}

int child_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die_errno("waitpid");
	return status;
}

bool child_does(void (*what)(const void *arg), const void *arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		warn_user("fork: %s", strerror(errno));
		return false;
	}
	if (!pid) {
		what(arg);
		_exit(0);
	}
	status = child_wait(pid);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

bool child_send(int fd, const void *data, size_t size)
{
	return send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

bool child_receive(int fd, void *data, size_t size, const volatile sig_atomic_t *interrupted)
{
	ssize_t got;

	do {
		got = recv(fd, data, size, MSG_WAITALL);
	} while (got < 0 && errno == EINTR && !(interrupted && *interrupted));
	return got == (ssize_t)size;
}
