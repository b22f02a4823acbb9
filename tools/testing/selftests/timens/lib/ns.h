/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Time namespaces: making them, going into them and back, and what their
 * /proc/PID/timens_clock says. Used by all tests.
 *
 *	host	the time namespace that the test was started in
 *	ns	a time namespace made by the test
 */
#ifndef TK_NS_H
#define TK_NS_H

#include <sched.h>
#include <stdbool.h>
#include <string.h>

#include "base.h"
#include "fail.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* The host; tk_setup() opens it. */
extern int tk_host_fd;

#define TK_CLOCK_FILE "/proc/self/timens_clock"
#define TK_OWN_FILE "/proc/sys/kernel/timens_own"

struct tk_state {
	char state[16];
	s64 realtime;
	s64 monotonic;
	s64 boottime;
	s64 tai;
	s64 frequency;
};

/*
 * The summary of timens_clock for people, without the state of an owner behind it, which is
 * another one each time it is looked at; returns its length
 */
size_t tk_read_summary(char *text, size_t size);
/*
 * The state of the clock of the present namespace as the command that restores it, "elapsed" or
 * "frozen". Returns whether there is one: a follower has none.
 */
bool tk_saved(const char *how, char *text, size_t size);

void tk_parse_state(const char *text, struct tk_state *st);

void tk_get_state(struct tk_state *st);

bool tk_is(const char *state);

#define CHECK_STATE(want) do {						\
	struct tk_state st_;						\
									\
	tk_get_state(&st_);						\
	CHECK(!strcmp(st_.state, want), "state is '%s', not '%s'", st_.state, want);	\
} while (0)

/* Give the clock back; returns 0 or -errno. */
int tk_follow(void);

/* Returns 0 or -errno. */
int tk_setns(int fd);

/* Into the namespace of a descriptor, and back to the host */
void tk_enter(int fd);
void tk_leave(void);

int tk_open_ns(const char *path);

/*
 * A new time namespace, which follows as one does that the caller's makes; the caller
 * stays where it is. @offsets is written to timens_offsets if not NULL.
 */
int tk_ns_new_offsets(const char *offsets);
int tk_ns_new(void);

/* Make the present namespace own its clock without moving it. */
void tk_make_own(void);

/* A new namespace that owns its clock, @ahead of the host */
int tk_ns_own(s64 ahead);

/*
 * A new namespace with these offsets (see tk_ns_new_offsets()). If it is to own its clock, that
 * is @ahead of the host's REALTIME, and has this tick unless it is 0. The caller is on the host.
 */
int tk_ns_with(const char *offsets, bool own, s64 ahead, s64 tick);

#endif /* TK_NS_H */
