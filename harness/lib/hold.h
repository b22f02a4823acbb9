/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Many time namespaces with a clock of their own, each held by a descriptor and by
 * nothing else: closing it is the end of the namespace.
 *
 * The caller stays in the time namespace in which it called tk_hold_start(). Each
 * namespace is owned by another frequency, so that no two neighbours have the
 * same line.
 */
#ifndef TIMENS_GUEST_HOLD_H
#define TIMENS_GUEST_HOLD_H

#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/timex.h>

#include "debugfs.h"
#include "guest.h"

/* Descriptors which a program needs besides those which hold namespaces. */
#define TK_SPARE_FILES	200

static struct {
	int *fd;
	long nr;
	long max;
	/* The time namespace of the caller. */
	int initial;
} tk_held = { .initial = -1 };

/*
 * Room for so many namespaces and so many other descriptors. The limit on time
 * namespaces depends on the memory of the machine and is too low for a small one.
 */
static inline void tk_hold_start(long max, long files)
{
	struct rlimit limit = { 0 };
	char text[32];

	limit.rlim_cur = (rlim_t)(max + files + TK_SPARE_FILES);
	limit.rlim_max = limit.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		err(TK_EXIT_FAILURE, "setrlimit(RLIMIT_NOFILE, %ld)", (long)limit.rlim_cur);
	snprintf(text, sizeof(text), "%ld", max + TK_SPARE_FILES);
	tk_write_file("/proc/sys/user/max_time_namespaces", text);
	/* Which a kernel without own clocks does not have */
	if (!access("/proc/sys/user/max_time_clocks", F_OK))
		tk_write_file("/proc/sys/user/max_time_clocks", text);
	tk_held.fd = calloc((size_t)max + 1, sizeof(*tk_held.fd));
	if (!tk_held.fd)
		err(TK_EXIT_FAILURE, "memory for %ld descriptors", max);
	tk_held.max = max;
	tk_held.initial = tk_open_time_ns();
}

static inline void tk_leave(void)
{
	tk_enter(tk_held.initial);
}

/* -100 ppm ... +100 ppm, never the same twice in a row, and never none. */
static inline long tk_hold_frequency(long nr)
{
	return (nr * 37 % 200 - 100) * 65536 + 32768;
}

/* The caller's namespace owns its clock from now on, if it did not before. */
static inline void tk_own(long nr)
{
	struct timex tx = { .modes = ADJ_FREQUENCY, .freq = tk_hold_frequency(nr) };

	if (adjtimex(&tx) < 0)
		err(TK_EXIT_FAILURE, "adjtimex in namespace %ld", nr);
}

/*
 * A namespace which owns its clock, entered and left again. It is the caller who
 * closes the descriptor.
 */
static inline int tk_new_owner(long nr)
{
	int fd = tk_enter_new_time_ns(NULL);

	tk_own(nr);
	tk_leave();
	return fd;
}

/* Makes or drops namespaces until there are so many. */
static inline void tk_hold(long number)
{
	if (number > tk_held.max)
		errx(TK_EXIT_FAILURE, "%ld namespaces were asked for, there is room for %ld",
		     number, tk_held.max);
	for (; tk_held.nr > number; tk_held.nr--)
		if (close(tk_held.fd[tk_held.nr - 1]))
			err(TK_EXIT_FAILURE, "close");
	for (; tk_held.nr < number; tk_held.nr++)
		tk_held.fd[tk_held.nr] = tk_new_owner(tk_held.nr);
}

#endif /* TIMENS_GUEST_HOLD_H */
