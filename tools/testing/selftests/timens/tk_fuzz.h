/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two parts of tk_fuzz share: tk_fuzz.c, the rounds and what holds after each step, and
 * tk_fuzz_ops.c, the steps.
 */
#ifndef TK_FUZZ_H
#define TK_FUZZ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/base.h"

#define FUZZ_SPACES 5
#define FUZZ_TIMERS 24
#define FUZZ_SLEEPERS 3
#define FUZZ_FLOORS 4

/* A time namespace, and what is known of its clocks */
struct space {
	int fd;				/* -1: there is none */
	s64 floor[FUZZ_FLOORS];		/* clocks that never go back: the latest reading */
	unsigned int touched;		/* how often REALTIME may have been moved */
	bool leaping;			/* a leap second may move it at any time */
	unsigned int kin;		/* the same: one may follow the other */
};

/* A timerfd, or a POSIX timer whose signal is ignored; armed in a space of that time */
struct timer {
	bool posix;
	int id;
	int clk;
	int space;			/* -1: not armed */
	unsigned int life;		/* of the space */
	unsigned int touched;
	s64 expiry;
	s64 interval;
};

struct fuzz {
	unsigned int seed;
	int steps;
	struct space space[FUZZ_SPACES];
	unsigned int life[FUZZ_SPACES];	/* how often there was another one in its place */
	unsigned int kins;
	struct timer timer[FUZZ_TIMERS];
	bool alarms;			/* are there alarm clocks? */
};

/* What all processes of a round see: the log, and what was done how often */
#define FUZZ_LOG 40
#define FUZZ_LINE 160
struct fuzz_shared {
	atomic_uint line;
	char log[FUZZ_LOG][FUZZ_LINE];
	atomic_long waits;
	atomic_long expired;
	atomic_long refused;
	atomic_long interrupted;
	atomic_bool stop;
	pid_t sleeper[FUZZ_SLEEPERS];
};

extern struct fuzz fuzz;
extern struct fuzz_shared *fuzz_shared;

/* The chance of a round; the same seed gives the same steps */
void fuzz_chance(unsigned int seed);
s64 fuzz_below(s64 n);
bool fuzz_one_in(unsigned int n);

/* A line of the log, printed when something does not hold */
void __attribute__((format(printf, 1, 2))) fuzz_note(const char *fmt, ...);

/* What happened to clocks of a space; the last two concern those which may follow it as well */
void fuzz_forget(struct space *s);
void fuzz_touched(struct space *s);
void fuzz_leaps(struct space *s);

/* A step in a space */
void fuzz_step(void);

void fuzz_new_space(int i);

/* In the present namespace so many nanoseconds pass while @ns pass on the host. */
s64 fuzz_at_rate(s64 ns);

void fuzz_close_timers(void);
void fuzz_open_timers(void);
/* What fired was not early; with @patience each of those which have to fire does. */
void fuzz_judge_timers(bool patience);

#endif /* TK_FUZZ_H */
