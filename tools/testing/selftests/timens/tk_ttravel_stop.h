/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ways to hold a process where it sleeps, for tk_ttravel.
 */
#ifndef TK_TTRAVEL_STOP_H
#define TK_TTRAVEL_STOP_H

#include <stdbool.h>
#include <sys/types.h>

/* By a signal, by a tracer, by the freezer of a cgroup */
enum stop { STOP_STOP, STOP_TRACE, STOP_FREEZE };

/* The letter in /proc/PID/stat: 'S' for one that sleeps, 'Z' for one that has ended */
char task_state(pid_t pid);

/* False if the process ended before it was held */
bool hold(enum stop stop, pid_t pid, const char *cgroup);

void let_go(enum stop stop, pid_t pid, const char *cgroup);

#endif /* TK_TTRAVEL_STOP_H */
