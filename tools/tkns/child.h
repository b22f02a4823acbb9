/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Children of a command, one for each clock: there is no way back out of another user namespace, so whoever changes several
 * clocks has a child which enters the namespace of each. They talk over a socket. Its end means that nobody is there any more,
 * so each end of one is open in one process only.
 */
#ifndef TKNS_CHILD_H
#define TKNS_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	int fd;				/* the socket: here to the child, and there to its parent */
	const struct child *before;	/* the one that was started before it */
};

/* As fork(): true in the child. @before: the one that was started last, or NULL */
bool child_start(struct child *child, const struct child *before);

/* Nobody asks it any more. Returns its status, as of waitpid(). */
int child_end(struct child *child);

/* The same of any child, or the end */
int child_wait(pid_t pid);

/* In a child of its own, so that what ends there ends nothing here. Returns whether it came to its end. */
bool child_does(void (*what)(const void *arg), const void *arg);

/* Whole, or false: the other side is gone. */
bool child_send(int fd, const void *data, size_t size);

/* A signal whose handler sets *@interrupted ends the wait as well; NULL: none does. */
bool child_receive(int fd, void *data, size_t size, const volatile sig_atomic_t *interrupted);

#endif /* TKNS_CHILD_H */
