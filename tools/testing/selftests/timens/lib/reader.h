/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process which reads the clocks of a namespace all the time, by the system call and by
 * the vDSO: none of them goes back, each by both ways, and lines stay what they are. Used by
 * the tests that change something under a reader, which it must not see.
 */
#ifndef TK_READER_H
#define TK_READER_H

#include <stdatomic.h>

#include "base.h"

#define TK_READ_COARSE 1	/* the coarse clocks too */
#define TK_READ_REALTIME 2	/* REALTIME - MONOTONIC is constant */
#define TK_READ_TAI 4		/* TAI - MONOTONIC, too */

struct tk_reader {
	int fd;			/* the namespace, -1 for the one that it is started in */
	int flags;
	atomic_bool stop;
	atomic_long rounds;
};

/* For tk_spawn(); @arg: a struct tk_reader in shared memory */
int tk_reader(void *arg);

#endif /* TK_READER_H */
