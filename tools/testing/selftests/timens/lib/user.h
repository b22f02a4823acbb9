/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Other users and user namespaces. Used by the tests of permissions.
 */
#ifndef TK_USER_H
#define TK_USER_H

#include <sys/types.h>

/* Become user @uid for good, without capabilities. */
void tk_become(unsigned int uid);

/*
 * From an unprivileged user: a new user namespace in which the caller is root, and a
 * new time namespace in it for the children.
 */
void tk_unshare_user(int flags);

/* The same, and fn(@arg) in a child there. Returns what that returns. */
int tk_run_in_user_time_ns(int (*fn)(void *arg), void *arg);

/* Without this capability from now on */
void tk_drop_cap(int cap);

/* A process in a time namespace of user @uid, which waits until it is let go */
struct tk_holder {
	unsigned int uid;
	pid_t pid;
	int ready[2];
	int done[2];
};

void tk_holder_start(struct tk_holder *h, unsigned int uid);
void tk_holder_stop(struct tk_holder *h);

#endif /* TK_USER_H */
