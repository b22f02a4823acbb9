/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The world of tk_tprop: its clocks and what is done to them, and who judges the timers.
 */
#ifndef TK_TPROP_H
#define TK_TPROP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "lib/base.h"

#define CLOCKS 6
#define OPS_MAX 8192

enum { REAL, TAI, STEPPED };

static inline int stepped(int clk)
{
	return clk == CLOCK_REALTIME ? REAL : clk == CLOCK_TAI ? TAI : STEPPED;
}

struct op {
	s64 raw0;
	s64 raw1;
	s64 c0[STEPPED];
	s64 c1[STEPPED];
};

struct journal {
	atomic_int count;
	struct op op[OPS_MAX];
};

enum state { HOST, FOLLOW, OWN, FLIP };

struct clock {
	const char *name;
	enum state state;
	s64 ahead;
	s64 raw_offset;
	int fd;
	struct journal journal;
	atomic_long fired;
	atomic_long suspects;
	atomic_long worst;
	atomic_long ticks;
};

struct world {
	struct clock clock[CLOCKS];
	bool host_moves;
	unsigned int seed;
	int nr_fds;
	int nr_timers;
	s64 seconds;
	/* crews which are ready, clocks which still change, and the phases */
	atomic_int ready;
	atomic_bool go;
	atomic_bool calm;
	atomic_bool journals_done;
};

extern struct world *world;
/* The one that this process belongs to */
extern struct clock *me;

/* In each process that has timers, before the first; judge() when all of them are done */
void judge_start(void);
void judge(void);

/* A timer fired: its expiry was in [@lo, @hi], and the clock read afterwards @showed */
void fired(const char *what, int clk, bool rel, s64 lo, s64 hi, s64 armed, s64 read, s64 showed);

#endif /* TK_TPROP_H */
