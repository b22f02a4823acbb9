/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Other users and user namespaces. Used by the tests of permissions.
 */
#ifndef TK_USER_H
#define TK_USER_H

/* Become user @uid for good, without capabilities. */
void tk_become(unsigned int uid);

/*
 * From an unprivileged user: a new user namespace in which the caller is root, and a
 * new time namespace in it for the children.
 */
void tk_unshare_user(int flags);

#endif /* TK_USER_H */
