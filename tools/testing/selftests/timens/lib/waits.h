/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every way to wait for a time, in one table. Used by the tests of timers in namespaces.
 *
 *	w.kind = ...;
 *	tw_open(&w)		descriptors, rings, queues: all that takes time
 *	tw_go(&w, ns)		arms, waits, and notes when that was
 *	tw_close(&w)
 *
 * tw_once() is all of it, with its checks.
 *
 * One struct tw belongs to one thread. Signals are blocked in all threads of a program
 * which uses this (tw_block_signals()): they are waited for.
 *
 * What a wait is judged by
 *	Each kind has a clock on which it may not be early. An absolute expiry is a time
 *	on that clock; a relative one is the time that the clock showed when it was armed
 *	and the length, so it lies in [lo, hi]:
 *
 *	clk  --lo-len----(armed here)----hi-len------------------ woken >= lo
 *
 *	hi is only known afterwards, and only where arming does not block.
 *
 * The calls are the raw ones, with 64-bit times in 32-bit programs too.
 */
#ifndef TK_WAITS_H
#define TK_WAITS_H

#include <linux/aio_abi.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <time.h>

#include "base.h"
#include "sys.h"

struct tk_its {
	struct tk_ts interval;
	struct tk_ts value;
};

/* struct __kernel_timespec of the call's own: everything here is absolute or a length */
static inline struct tk_ts tw_ts(s64 ns)
{
	s64 sec = tk_floor_div(ns, TK_SEC);

	return (struct tk_ts){ sec, ns - sec * TK_SEC };
}

static inline s64 tw_its_ns(const struct tk_ts *ts)
{
	return tk_ns(ts->sec, ts->nsec);
}

struct tw;

enum {
	TW_ABS = 1,		/* the expiry is a time on the clock */
	TW_ONE = 2,		/* one of the process only */
	TW_SLACK = 4,		/* select() and its kin may be a thousandth late */
	TW_JIFFIES = 8,		/* counted in jiffies, at the rate that it started with */
	TW_ALARM = 16,		/* needs an RTC and CAP_WAKE_ALARM of the host */
	TW_TWICE = 64,		/* twice half the length */
	TW_PARTIAL = 128,	/* a signal may end it with the same result as its end */
	TW_COARSE = 32,		/* is told only when something else happens: see tw_recvmmsg() */
};

struct tw_kind {
	const char *name;
	int clk;		/* on this clock it may not be early */
	int arg;		/* for the function: a clock, an operation */
	int flags;
	s64 unit;		/* of the length, in nanoseconds */
	int (*open)(struct tw *w);
	int (*wait)(struct tw *w, s64 ns);	/* 0: the time ran out */
	void (*close)(struct tw *w);
};

#define TW_KINDS 75

/* The table: all kinds */
extern const struct tw_kind tw_kinds[TW_KINDS];

enum tw_state { TW_IDLE, TW_ARMED, TW_DONE };

struct tw {
	const struct tw_kind *kind;
	atomic_int state;
	_Atomic pid_t tid;

	/* what the kinds keep */
	int fd, fd2;
	int sig;
	timer_t timer;
	void *ptr;
	aio_context_t aio;
	uint32_t word, word2;

	/* what came out */
	int ret;
	s64 start;		/* the kind's clock before it was armed */
	s64 lo;			/* the expiry on it, at the earliest */
	s64 raw_armed;		/* CLOCK_MONOTONIC_RAW before it was armed */
	s64 raw_woken;		/* and after it woke up, */
	s64 woken;		/* when the kind's clock showed this */
	s64 pace;		/* TW_COARSE: at most so long between what tells it, kind's clock */
};

static inline bool tw_abs(const struct tw *w)
{
	return w->kind->flags & TW_ABS;
}

/* In this thread, and in all that it starts */
void tw_block_signals(void);

void tw_init(struct tw *w, const struct tw_kind *kind);
int tw_open(struct tw *w);
void tw_close(struct tw *w);

/* The same, and the process ends where it fails. */
void tw_must_open(struct tw *w);

/* What tw_go() takes for an expiry which is @ns from now */
s64 tw_from_now(const struct tw *w, s64 ns);

/* @ns: the expiry of an absolute kind, the length of another. Rounded up to the unit. */
void tw_go(struct tw *w, s64 ns);

/* From here to its end: it is neither an error nor early. */
void tw_once(const struct tw_kind *kind, s64 ns);

/*
 * Runs @fn to its end in a thread which is not the first of its process: that one holds the
 * locks which are waited for. Signals are blocked from here on.
 */
void tw_in_thread(void *(*fn)(void *arg), void *arg);

/* When is it due? What is over already is so from the start. */
s64 tw_due(const struct tw *w);

/* Is the thread asleep? Then it has armed what it waits for. It may be gone by now. */
bool tw_asleep(pid_t tid);

/*
 * Pieces of some kinds, for tests which arm and read such timers by themselves: a timerfd
 */
/* Returns 0 or -errno. */
int tw_timerfd_arm(int fd, int flags, s64 ns, s64 interval);

/* Of the next expiry, or -errno */
s64 tw_timerfd_left(int fd);

/* A signal of its own for each of the kinds which wait for one */
#define TW_SIG_TIMER (SIGRTMIN + 1)

/* The same of POSIX timers, by the number that the kernel has for them */
int tw_timer_arm(int id, int flags, s64 ns, s64 interval);
s64 tw_timer_left(int id);
int tw_wait_signal(int sig, siginfo_t *info);

/* Closes the kinds that have an io_uring, and no other. */
void tw_uring_close(struct tw *w);

#endif /* TK_WAITS_H */
