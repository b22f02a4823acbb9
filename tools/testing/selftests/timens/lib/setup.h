/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is set up before a test, and looked at behind it. Used by the fixtures of all tests,
 * most of which are fixture.h's.
 *
 * The machine's clock
 *	tk_setup() refuses to go on without /proc/PID/timens_clock: on such a kernel
 *	a clock_settime() in a namespace would set the clock of the machine. With
 *	TK_ON_ANY_KERNEL=1 in the environment it goes on, which shows on a
 *	disposable machine that the tests can fail. Nor does it go on where the sysctl
 *	kernel.timens_own says that some namespaces set the clock of the machine.
 */
#ifndef TK_SETUP_H
#define TK_SETUP_H

#include <stdbool.h>

#include "watch.h"

/* The watcher of the host that is started then */
extern struct tk_watch tk_host_watch;

/* Returns 0 when the test may run. @flags: what to watch on the host, 0: nothing */
int tk_setup_watch(bool watch, int flags);

/* With all that is watched */
int tk_setup(void);

/* Ends the watcher; returns how many checks failed. */
int tk_teardown(void);

#endif /* TK_SETUP_H */
