/* SPDX-License-Identifier: GPL-2.0 */
/* Users and groups of the user namespace that the calling process has made. */
#ifndef TKNS_IDMAP_H
#define TKNS_IDMAP_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Maps the ids of the calling process, which has just got a user namespace of its own. newuidmap(1)
 * has to be called from the namespace that it left, so a child is made before and told when.
 */
struct idmap_helper {
	pid_t pid;		/* or 0: one id each is all that can be mapped */
	int go;			/* written to when the namespace is there */
};

/* To be called before unshare(2). Without ranges, or getsubids(1), there is no helper. */
void idmap_start(struct idmap_helper *helper, uid_t uid, gid_t gid, bool root);

/*
 * After it. Returns whether users and groups are mapped now; else nobody is, or users only
 * (*@users).
 */
bool idmap_finish(struct idmap_helper *helper, bool *users);

#endif /* TKNS_IDMAP_H */
