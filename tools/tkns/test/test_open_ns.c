// SPDX-License-Identifier: GPL-2.0
/* The namespace that is entered is the one which was looked at, whatever has become of the process. Prints TAP. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../clock.h"
#include "../tkns.h"
#include "tap.h"

/* Nothing here ends on an error */
void die(const char *format, ...)
{
	printf("# %s\n", format);
	_exit(1);
}

void die_errno(const char *format, ...)
{
	die("%s", format);
}

/* A process in a time namespace of its own: that of the children of one which has made it. Returns 0 where that is not to be had. */
static pid_t start(void)
{
	int fds[2];
	pid_t pid = 0, middle;
	ssize_t got;

	if (pipe(fds))
		return 0;
	middle = fork();
	if (!middle) {
		close(fds[0]);
		if (unshare(CLONE_NEWTIME))
			_exit(1);
		pid = fork();
		if (!pid) {
			pid = getpid();
			if (write(fds[1], &pid, sizeof(pid)) == sizeof(pid))
				pause();
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		_exit(0);
	}
	close(fds[1]);
	got = read(fds[0], &pid, sizeof(pid));
	close(fds[0]);
	if (got == sizeof(pid))
		return pid;
	waitpid(middle, NULL, 0);
	return 0;
}

/* The status of a child which enters it: 0 if it is there then */
static int enter(int fd, ino_t ino)
{
	pid_t pid = fork();
	int status = 1;

	if (!pid)
		_exit(clock_enter_fd(fd) || ns_inode(0, "time") != ino);
	waitpid(pid, &status, 0);
	return status;
}

int main(void)
{
	pid_t pid = start();
	ino_t ino = 0;
	int fd;

	if (!pid) {
		printf("ok 1 - # SKIP no time namespaces, or not for this user\n1..1\n");
		return 0;
	}
	fd = clock_open(pid, &ino);
	if (fd < 0)
		tap_wrong("%s", strerror(-fd));
	else if (ino != ns_inode(pid, "time") || ino == ns_inode(0, "time"))
		tap_wrong("inode %lu", (unsigned long)ino);
	tap_end("the namespace is open");

	kill(pid, SIGKILL);
	/* Its parent waits for it, and ends */
	wait(NULL);
	if (clock_enter(pid) != -ENOENT)
		tap_wrong("the process is still there");
	tap_end("the process is gone");
	if (enter(fd, ino))
		tap_wrong("it is not entered");
	tap_end("what was open is entered");
	return tap_done();
}
