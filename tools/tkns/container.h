/* SPDX-License-Identifier: GPL-2.0 */
/* A container, or whatever else runs, whose clock is rehearsed: what it did meanwhile. */
#ifndef TKNS_CONTAINER_H
#define TKNS_CONTAINER_H

#include <sys/types.h>

#include "names.h"
#include "rehearse_output.h"

struct container {
	pid_t pid;		/* its first process; 0: there is none */
	int fd;			/* pidfd of it */
	int ns;			/* its time namespace, open */
	bool has_manager;	/* somebody else counts restarts and keeps the log */
	struct named named;
	char name[128];
	bool restarts_known;
	int64_t restarts;	/* before the rehearsal */
};

/* By a name or a process id. The initial time namespace is refused. Ends on an error. */
void container_open(struct container *c, const char *text);

/* After each sample: does it still run? */
void container_look(const struct container *c, struct rh_rehearsal *r);

/* At the end, what its manager knows. Nothing where there is no container. */
void container_ask(const struct container *c, struct rh_rehearsal *r);

#endif /* TKNS_CONTAINER_H */
