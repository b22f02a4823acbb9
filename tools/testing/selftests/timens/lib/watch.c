// SPDX-License-Identifier: GPL-2.0
/*
 * The watcher of clocks which nobody may move.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "clock.h"
#include "fail.h"
#include "interval.h"
#include "ns.h"
#include "process.h"
#include "watch.h"

static void tk_watch_timex(const struct tk_watch *w, const struct tk_timex *was, int was_ret,
			   const struct tk_timex *is, int is_ret)
{
#define TK_SAME(field)							\
	CHECK(was->field == is->field, "%s moved: adjtimex " #field " was %lld and is %lld",	\
	      w->name, (long long)was->field, (long long)is->field)
	CHECK(was_ret == is_ret, "%s moved: adjtimex state was %d and is %d", w->name, was_ret,
	      is_ret);
	TK_SAME(offset);
	TK_SAME(freq);
	TK_SAME(esterror);
	TK_SAME(status);
	TK_SAME(constant);
	TK_SAME(precision);
	TK_SAME(tolerance);
	TK_SAME(tick);
	TK_SAME(ppsfreq);
	TK_SAME(jitter);
	TK_SAME(shift);
	TK_SAME(stabil);
	TK_SAME(jitcnt);
	TK_SAME(calcnt);
	TK_SAME(errcnt);
	TK_SAME(stbcnt);
	TK_SAME(tai);
#undef TK_SAME
	CHECK(was->maxerror <= is->maxerror, "%s moved: maxerror went from %lld to %lld", w->name,
	      (long long)was->maxerror, (long long)is->maxerror);
}

static int tk_watch_loop(void *arg)
{
	static const int clk[] = { CLOCK_REALTIME, CLOCK_TAI, CLOCK_BOOTTIME };
	static const char *const name[] = { "REALTIME", "TAI", "BOOTTIME" };
	struct tk_iv line[TK_ARRAY(clk)], raw_line = TK_IV_ALL;
	struct tk_timex was = { 0 }, is;
	struct tk_watch *w = arg;
	bool said = false;
	s64 raw0 = 0;
	int was_ret;
	size_t i;

	if (w->fd >= 0)
		tk_enter(w->fd);
	for (i = 0; i < TK_ARRAY(clk); i++)
		line[i] = TK_IV_ALL;
	was_ret = tk_adjtimex(&was);
	REQUIRE(was_ret >= 0, "%s: adjtimex: %s", w->name, strerror(-was_ret));

	for (;;) {
		bool last = atomic_load(&w->sh->stop);

		for (i = 0; i < TK_ARRAY(clk); i++) {
			s64 a = tk_vnow(CLOCK_MONOTONIC);
			s64 v = tk_vnow(clk[i]);
			s64 b = tk_vnow(CLOCK_MONOTONIC);

			tk_iv_and(&line[i], v - b, v - a);
			if (!tk_iv_ok(&line[i], 0) && !said) {
				CHECK(false, "%s moved: %s - MONOTONIC in [%" PRId64 ", %" PRId64
				      "] would be empty, last read %" PRId64, w->name, name[i],
				      line[i].lo, line[i].hi, v);
				said = true;
			}
		}
		if (w->flags & TK_WATCH_RAW) {
			s64 a = tk_vnow(CLOCK_MONOTONIC_RAW);
			s64 v = tk_vnow(CLOCK_MONOTONIC);
			s64 b = tk_vnow(CLOCK_MONOTONIC_RAW);

			if (!raw0)
				raw0 = a;
			/* Each end on the line: this process may have lost the CPU within. */
			tk_iv_and(&raw_line, v - b - tk_steered(b - raw0, &was),
				  v - a - tk_steered(a - raw0, &was));
			if (!tk_iv_ok(&raw_line, tk_unit(b - raw0)) && !said) {
				CHECK(false, "%s moved: MONOTONIC left its line by %" PRId64
				      " ns in %" PRId64 " ns", w->name, raw_line.lo - raw_line.hi,
				      b - raw0);
				said = true;
			}
		}
		if ((w->flags & TK_WATCH_NTP) && !said) {
			int before = tk_failures(), ret;

			memset(&is, 0, sizeof(is));
			ret = tk_adjtimex(&is);
			tk_watch_timex(w, &was, was_ret, &is, ret);
			said = tk_failures() != before;
		}
		atomic_fetch_add(&w->sh->samples, 1);
		atomic_store(&w->sh->ready, true);
		if (last)
			return 0;
		tk_sleep(3 * TK_MSEC);
	}
}

void tk_watch_start(struct tk_watch *w, const char *name, int fd, int flags)
{
	*w = (struct tk_watch){ .name = name, .fd = fd, .flags = flags };
	w->sh = tk_shared_page(sizeof(*w->sh));
	w->pid = tk_spawn(tk_watch_loop, w);
	while (!atomic_load(&w->sh->ready)) {
		int status;

		if (waitpid(w->pid, &status, WNOHANG) == w->pid) {
			CHECK(false, "the watcher of %s could not start", name);
			w->pid = 0;
			return;
		}
		tk_sleep(TK_MSEC);
	}
}

void tk_watch_stop(struct tk_watch *w)
{
	if (!w->pid)
		return;
	atomic_store(&w->sh->stop, true);
	CHECK(!tk_reap(w->pid), "the watcher of %s died", w->name);
	CHECK(atomic_load(&w->sh->samples) >= 2, "the watcher of %s did not watch", w->name);
	munmap(w->sh, sizeof(*w->sh));
	w->pid = 0;
}
