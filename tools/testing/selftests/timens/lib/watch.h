/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process that sits in a namespace (the host, if no other) and asserts all the time that
 * nobody moves its clocks. Used by nearly all tests, whose fixture watches the host (see
 * fixture.h), and by those which watch a namespace.
 *
 *	REALTIME - MONOTONIC, TAI - MONOTONIC, BOOTTIME - MONOTONIC
 *		constant to the nanosecond: the intersection of all brackets is
 *		not empty
 *	MONOTONIC - MONOTONIC_RAW
 *		a straight line whose slope adjtimex() gives
 *	adjtimex
 *		the whole state, but for the time and for maxerror, which grows
 */
#ifndef TK_WATCH_H
#define TK_WATCH_H

#include <stdatomic.h>
#include <sys/types.h>

#define TK_WATCH_RAW 1	/* MONOTONIC against MONOTONIC_RAW */
#define TK_WATCH_NTP 2	/* adjtimex */
#define TK_WATCH_ALL (TK_WATCH_RAW | TK_WATCH_NTP)

struct tk_watch_shared {
	atomic_bool ready;
	atomic_bool stop;
	atomic_int samples;
};

struct tk_watch {
	const char *name;
	pid_t pid;
	int fd;
	int flags;
	struct tk_watch_shared *sh;
};

/* @fd: the namespace to watch, -1 for the one that the caller is in */
void tk_watch_start(struct tk_watch *w, const char *name, int fd, int flags);

void tk_watch_stop(struct tk_watch *w);

#endif /* TK_WATCH_H */
