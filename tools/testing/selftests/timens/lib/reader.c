// SPDX-License-Identifier: GPL-2.0
/*
 * Reading clocks all the time.
 */
#include <inttypes.h>

#include "clock.h"
#include "fail.h"
#include "interval.h"
#include "ns.h"
#include "reader.h"

static void check_line(enum tk_path path, int clk, const char *name, struct tk_iv *line)
{
	s64 a = tk_get(path, CLOCK_MONOTONIC);
	s64 v = tk_get(path, clk);
	s64 b = tk_get(path, CLOCK_MONOTONIC);

	tk_iv_and(line, v - b, v - a);
	CHECK(tk_iv_ok(line, 0), "%s left its line by %" PRId64 " ns", name, line->lo - line->hi);
}

int tk_reader(void *arg)
{
	/* The coarse ones last */
	static const int clk[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
				   CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC_COARSE,
				   CLOCK_REALTIME_COARSE };
	struct tk_reader *r = arg;
	size_t i, nr = TK_ARRAY(clk) - (r->flags & TK_READ_COARSE ? 0 : 2);
	struct tk_iv real = TK_IV_ALL, tai = TK_IV_ALL;
	s64 last[TK_ARRAY(clk)] = { 0 };
	enum tk_path path;

	if (r->fd >= 0)
		tk_enter(r->fd);
	while (!atomic_load(&r->stop) && tk_failures() < 4) {
		for (path = TK_SYS; path <= TK_VDSO; path++) {
			for (i = 0; i < nr; i++) {
				s64 v = tk_get(path, clk[i]);

				CHECK(v >= last[i], "clock %d by %s went back by %" PRId64 " ns",
				      clk[i], tk_path_name[path], last[i] - v);
				last[i] = v;
			}
			if (r->flags & TK_READ_REALTIME)
				check_line(path, CLOCK_REALTIME, "REALTIME", &real);
			if (r->flags & TK_READ_TAI)
				check_line(path, CLOCK_TAI, "TAI", &tai);
		}
		atomic_fetch_add(&r->rounds, 1);
	}
	return 0;
}
