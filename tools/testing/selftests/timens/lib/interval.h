/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bracket instead of tolerance. Used by everything which compares clocks.
 *
 * A value read between two other reads has to lie between them. One single-threaded task
 * may go back and forth between host and ns with setns(), so a ns clock can be read
 * between two reads of the host's:
 *
 *	host |----h1----------------------h2----|
 *	ns            setns  o  setns
 *
 *	o - h2 <= (ns - host) <= o - h1
 *
 * Many such intervals for a difference that is meant to be constant have to have a common
 * point. The intersection gets narrower with each sample, while a preempted sample is
 * merely wide and proves nothing.
 */
#ifndef TK_INTERVAL_H
#define TK_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base.h"
#include "fail.h"
#include "sys.h"

/* An interval that a constant is known to lie in */
struct tk_iv {
	s64 lo;
	s64 hi;
};

#define TK_IV_ALL ((struct tk_iv){ INT64_MIN, INT64_MAX })

void tk_iv_and(struct tk_iv *iv, s64 lo, s64 hi);

bool tk_iv_ok(const struct tk_iv *iv, s64 slack);

/* @clk minus @ref, both of this namespace, from @n brackets */
struct tk_iv tk_line(int clk, int ref, int n);

/* @clk in @fd minus @clk on the host, once; the caller is on the host */
struct tk_iv tk_cross_once(int fd, int clk);

/* The same from @n brackets, for clocks of one rate; also says how long it took */
struct tk_iv tk_cross(int fd, int clk, int n, s64 *elapsed);

/* The part of MONOTONIC's advance over @raw that steering accounts for */
s64 tk_steered(s64 raw, const struct tk_timex *tx);

/* Is @want, give or take @slack, a possible value? */
#define CHECK_IV(iv, want, slack, what) do {				\
	struct tk_iv iv_ = (iv);					\
	s64 want_ = (want), slack_ = (slack);				\
									\
	CHECK(iv_.lo <= want_ + slack_ && want_ - slack_ <= iv_.hi,	\
	      "%s: %" PRId64 " is not in [%" PRId64 ", %" PRId64 "] with slack %" PRId64, \
	      what, want_, iv_.lo, iv_.hi, slack_);			\
} while (0)

/* Do two intervals have a common point, give or take @slack? */
#define CHECK_IV_MEET(x, y, slack, what) do {				\
	struct tk_iv x_ = (x), y_ = (y);				\
	s64 slack_ = (slack);						\
									\
	CHECK(tk_max(x_.lo, y_.lo) - tk_min(x_.hi, y_.hi) <= slack_,	\
	      "%s: [%" PRId64 ", %" PRId64 "] and [%" PRId64 ", %" PRId64	\
	      "] do not meet, slack %" PRId64, what, x_.lo, x_.hi, y_.lo, y_.hi, slack_); \
} while (0)

#define CHECK_BETWEEN(a, v, b, what) do {				\
	s64 a_ = (a), v_ = (v), b_ = (b);				\
									\
	CHECK(a_ <= v_ && v_ <= b_,					\
	      "%s: %" PRId64 " <= %" PRId64 " <= %" PRId64, what, a_, v_, b_); \
} while (0)

#endif /* TK_INTERVAL_H */
