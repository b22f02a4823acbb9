// SPDX-License-Identifier: GPL-2.0
/*
 * Helper processes and waiting for them.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "process.h"

bool tk_exact(void)
{
	const char *exact = getenv("TKT_EXACT");

	return exact && !strcmp(exact, "1");
}

s64 tk_patience(void)
{
	const char *slow = getenv("TKT_SLOW");

	return 60 * TK_SEC * tk_max(1, tk_min(slow ? atoi(slow) : 1, 10000));
}

int tk_patience_ms(void)
{
	return tk_patience() / TK_MSEC;
}

void *tk_shared_page(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		fprintf(stderr, "# mmap: %m\n");
		_exit(KSFT_FAIL);
	}
	return p;
}

void tk_sleep(s64 ns)
{
	struct timespec ts = { .tv_sec = ns / TK_SEC, .tv_nsec = ns % TK_SEC };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

pid_t tk_spawn(int (*fn)(void *arg), void *arg)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	REQUIRE(pid >= 0, "fork: %m");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(fn(arg));
	}
	return pid;
}

int tk_reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		REQUIRE(errno == EINTR, "waitpid: %m");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int tk_run(int (*fn)(void *arg), void *arg)
{
	return tk_reap(tk_spawn(fn, arg));
}

void tk_send_fd(int via, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { "f", 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	REQUIRE(sendmsg(via, &msg, 0) == 1, "sendmsg: %m");
}

int tk_receive_fd(int via)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	char data;
	struct iovec iov = { &data, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c;
	int fd = -1;

	REQUIRE(recvmsg(via, &msg, MSG_CMSG_CLOEXEC) == 1, "recvmsg: %m");
	c = CMSG_FIRSTHDR(&msg);
	REQUIRE(c && c->cmsg_type == SCM_RIGHTS, "no descriptor came");
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}
