/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading a clock, by each of the ways that there are. Used by everything which looks at
 * what a clock shows.
 */
#ifndef TK_CLOCK_H
#define TK_CLOCK_H

#include <stdbool.h>

#include "base.h"
#include "sys.h"
#include "vdso.h"

/* Ways to read a clock as a timespec */
enum tk_path {
	TK_SYS,
	TK_VDSO,
	TK_SYS32,
	TK_VDSO32,
	TK_PATHS,
};

extern const char *const tk_path_name[TK_PATHS];

/* In a program of this word size */
bool tk_path_exists(enum tk_path path);

/* Returns 0 or -errno. */
int tk_gettime(enum tk_path path, int clk, s64 *ns);

/* By that way, by the system call, by the vDSO: the test ends where it fails. */
s64 tk_get(enum tk_path path, int clk);
s64 tk_now(int clk);
s64 tk_vnow(int clk);

/* CLOCK_MONOTONIC_RAW when the patience ends that begins now */
s64 tk_give_up(void);

struct tk_clockname {
	int id;
	const char *name;
	bool coarse;
	bool steps;	/* REALTIME's kin: moves with settime */
};

#define TK_CLOCKS 9

/* Every clock that the kernel has, but those of CPU time */
extern const struct tk_clockname tk_clocks[TK_CLOCKS];

#endif /* TK_CLOCK_H */
