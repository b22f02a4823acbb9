// SPDX-License-Identifier: GPL-2.0
/*
 * Intervals that a difference of two clocks is known to lie in.
 */
#include "clock.h"
#include "interval.h"
#include "ns.h"

void tk_iv_and(struct tk_iv *iv, s64 lo, s64 hi)
{
	iv->lo = tk_max(iv->lo, lo);
	iv->hi = tk_min(iv->hi, hi);
}

bool tk_iv_ok(const struct tk_iv *iv, s64 slack)
{
	return iv->lo <= iv->hi || iv->lo - iv->hi <= slack;
}

struct tk_iv tk_line(int clk, int ref, int n)
{
	struct tk_iv iv = TK_IV_ALL;

	while (n--) {
		s64 a = tk_vnow(ref);
		s64 v = tk_vnow(clk);
		s64 b = tk_vnow(ref);

		tk_iv_and(&iv, v - b, v - a);
	}
	return iv;
}

struct tk_iv tk_cross_once(int fd, int clk)
{
	s64 a, v, b;

	a = tk_vnow(clk);
	tk_enter(fd);
	v = tk_vnow(clk);
	tk_leave();
	b = tk_vnow(clk);
	return (struct tk_iv){ v - b, v - a };
}

struct tk_iv tk_cross(int fd, int clk, int n, s64 *elapsed)
{
	struct tk_iv iv = TK_IV_ALL;
	s64 start = tk_vnow(CLOCK_MONOTONIC);

	while (n--) {
		struct tk_iv one = tk_cross_once(fd, clk);

		tk_iv_and(&iv, one.lo, one.hi);
	}
	if (elapsed)
		*elapsed = tk_vnow(CLOCK_MONOTONIC) - start;
	return iv;
}

s64 tk_steered(s64 raw, const struct tk_timex *tx)
{
	/* tick: microseconds per 1/100 s; freq: ppm * 2^16 */
	double rate = (tx->tick - 10000) / 10000.0 + tx->freq / 65536.0 / 1e6;

	return (s64)(raw * rate);
}
