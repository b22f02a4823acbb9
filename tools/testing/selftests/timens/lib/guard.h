/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests that set the host's clock run under a guard: a process in a group of its own
 * which puts everything back as soon as the test says so or is gone, be it by a
 * failure, SIGINT or SIGKILL: then its end of the pipe closes.
 */
#ifndef TK_GUARD_H
#define TK_GUARD_H

#include <sys/types.h>

struct tk_guard {
	pid_t pid;
	int fd;
};

void tk_guard_start(struct tk_guard *g);

void tk_guard_stop(struct tk_guard *g);

#endif /* TK_GUARD_H */
