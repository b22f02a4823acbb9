// SPDX-License-Identifier: GPL-2.0
/*
 * Reading every clock on every path in every state of a time namespace.
 *
 *	            | init | follow | own | year ahead | month back | tick +10% | tick -10%
 *	REALTIME    |  h   |   h    |  h  |  h + year  |  h - month |   1.1 h   |   0.9 h
 *	MONOTONIC   |  h   |   h    |  h  |     h      |     h      |   1.1 h   |   0.9 h
 *	RAW         |  h   |   h    |  h  |     h      |     h      |     h     |     h
 *
 * h is what the host reads. Nothing here knows how long anything takes.
 */
#include "lib/tk.h"

enum state {
	INIT,
	FOLLOW,
	OWN,
	STEPPED,
	STEERED,
};

FIXTURE(clocks)
{
	int fd;
};

FIXTURE_VARIANT(clocks)
{
	enum state state;
	s64 ahead;	/* what REALTIME is stepped by */
	s64 tick;	/* what the namespace's tick is set to */
	bool pass;	/* read on until the namespace has had a pass */
};

/* host ====> */
FIXTURE_VARIANT_ADD(clocks, init)
{
	.state = INIT,
};

/*
 * host =======>
 *   ns  '----->   the host's page plus offsets
 */
FIXTURE_VARIANT_ADD(clocks, follow)
{
	.state = FOLLOW,
};

/*
 * host =======>
 *   ns  '=====>   a page of its own, the same time
 */
FIXTURE_VARIANT_ADD(clocks, own)
{
	.state = OWN,
	.pass = true,
};

/*
 * host =======>
 *   ns  '
 *       '.......=====>  a year later
 */
FIXTURE_VARIANT_ADD(clocks, year_ahead)
{
	.state = STEPPED,
	.ahead = TK_YEAR * TK_SEC,
};

/*
 *  ns  <===.......
 * host ==========>
 */
FIXTURE_VARIANT_ADD(clocks, month_back)
{
	.state = STEPPED,
	.ahead = -30 * TK_DAY * TK_SEC,
};

/*
 *   ns   .-'  steeper
 * host ======>
 */
FIXTURE_VARIANT_ADD(clocks, tick_up)
{
	.state = STEERED,
	.tick = 11000,
	.pass = true,
};

/*
 * host ======>
 *   ns   '-.  flatter
 */
FIXTURE_VARIANT_ADD(clocks, tick_down)
{
	.state = STEERED,
	.tick = 9000,
	.pass = true,
};

/* The errno of a clock on the host: without an RTC the alarm clocks do not exist. */
static int host_errno[TK_ARRAY(tk_clocks)];

FIXTURE_SETUP(clocks)
{
	struct tk_timex tx = { .modes = ADJ_TICK };
	size_t i;
	s64 ns;

	ASSERT_EQ(0, tk_setup());
	for (i = 0; i < TK_ARRAY(tk_clocks); i++)
		host_errno[i] = tk_gettime(TK_SYS, tk_clocks[i].id, &ns);

	self->fd = tk_host_fd;
	switch (variant->state) {
	case INIT:
		return;
	case FOLLOW:
		self->fd = tk_ns_new();
		tk_enter(self->fd);
		CHECK_STATE("follow");
		return;
	case OWN:
	case STEPPED:
		self->fd = tk_ns_own(variant->ahead);
		tk_enter(self->fd);
		return;
	case STEERED:
		self->fd = tk_ns_own(0);
		tk_enter(self->fd);
		tx.tick = variant->tick;
		ASSERT_LE(0, tk_adjtimex(&tx));
		return;
	}
}

FIXTURE_TEARDOWN(clocks)
{
	tk_leave();
	EXPECT_EQ(0, tk_teardown());
}

/* syscall <= any path <= syscall, of the same clock */
TEST_F(clocks, every_path_between_syscalls)
{
	enum tk_path path;
	size_t i;
	int n;

	for (i = 0; i < TK_ARRAY(tk_clocks); i++) {
		const struct tk_clockname *c = &tk_clocks[i];
		int before = tk_failures();

		for (path = 0; path < TK_PATHS; path++) {
			if (!tk_path_exists(path))
				continue;
			for (n = 0; n < 300 && tk_failures() == before; n++) {
				s64 a = 0, v = 0, b = 0;
				int ret;

				tk_gettime(TK_SYS, c->id, &a);
				ret = tk_gettime(path, c->id, &v);
				tk_gettime(TK_SYS, c->id, &b);
				CHECK(ret == host_errno[i],
				      "%s by %s: %s, but on the host: %s", c->name,
				      tk_path_name[path], strerror(-ret), strerror(-host_errno[i]));
				if (!ret)
					CHECK(a <= v && v <= b, "%s by %s: %" PRId64 " <= %"
					      PRId64 " <= %" PRId64, c->name, tk_path_name[path],
					      a, v, b);
			}
		}
	}
}

/* CLOCK_*_ALARM is its base clock. */
TEST_F(clocks, alarm_clocks_are_their_base)
{
	static const int base[][2] = {
		{ CLOCK_REALTIME_ALARM, CLOCK_REALTIME },
		{ CLOCK_BOOTTIME_ALARM, CLOCK_BOOTTIME },
	};
	size_t i;
	s64 v;
	int n;

	for (i = 0; i < TK_ARRAY(base); i++) {
		if (tk_gettime(TK_SYS, base[i][0], &v))
			continue;	/* every_path_between_syscalls compares the errno */
		for (n = 0; n < 100; n++) {
			s64 a = tk_now(base[i][1]), b;

			v = tk_now(base[i][0]);
			b = tk_now(base[i][1]);
			CHECK_BETWEEN(a, v, b, "alarm clock");
		}
	}
}

/* REALTIME <= gettimeofday() <= REALTIME, cut to microseconds */
TEST_F(clocks, gettimeofday_between_reads)
{
	int n, vdso;

	for (vdso = 0; vdso < 2; vdso++) {
		for (n = 0; n < 500; n++) {
			s64 a = tk_now(CLOCK_REALTIME), b, v;
			struct tk_tv tv = { 0 };
			int ret;

			ret = vdso ? tk_vdso.gettimeofday(&tv, NULL)
				   : tk_sys_gettimeofday(&tv, NULL);
			b = tk_now(CLOCK_REALTIME);
			v = tv.sec * 1000000LL + tv.usec;
			CHECK(!ret && tv.usec >= 0 && tv.usec < 1000000, "ret %d, usec %ld", ret,
			      tv.usec);
			CHECK_BETWEEN(tk_floor_div(a, TK_USEC), v, tk_floor_div(b, TK_USEC),
				      vdso ? "vDSO gettimeofday" : "gettimeofday");
		}
	}
}

#ifdef __x86_64__
/* The page at a fixed address for programs of old, which the kernel emulates */
TEST_F(clocks, vsyscall_page_between_reads)
{
	int (*get)(struct tk_tv *tv, void *tz) = (void *)0xffffffffff600000;
	long (*sec)(long *t) = (void *)0xffffffffff600400;
	int n;

	for (n = 0; n < 100; n++) {
		s64 a = tk_now(CLOCK_REALTIME), b, v, s;
		struct tk_tv tv = { 0 };
		int ret;

		ret = get(&tv, NULL);
		s = tk_sys_time();
		v = sec(NULL);
		b = tk_now(CLOCK_REALTIME);
		CHECK_BETWEEN(s, v, tk_floor_div(b, TK_SEC), "vsyscall time");
		v = tv.sec * 1000000LL + tv.usec;
		CHECK(!ret, "vsyscall gettimeofday: %d", ret);
		CHECK_BETWEEN(tk_floor_div(a, TK_USEC), v, tk_floor_div(b, TK_USEC),
			      "vsyscall gettimeofday");
	}
}
#endif

/* time() is the second of the coarse clock, in the vDSO and in the kernel. */
static void time_between_coarse_reads(void)
{
	s64 a = tk_vnow(CLOCK_REALTIME_COARSE), v, s, b;
	long stored = 0;

	v = tk_vdso.time(&stored);
	s = tk_sys_time();
	b = tk_vnow(CLOCK_REALTIME_COARSE);
	CHECK(v == stored, "time() returned %" PRId64 " and stored %ld", v, stored);
	CHECK_BETWEEN(tk_floor_div(a, TK_SEC), v, tk_floor_div(b, TK_SEC), "vDSO time");
	CHECK_BETWEEN(tk_floor_div(a, TK_SEC), s, tk_floor_div(b, TK_SEC), "time");
}

/* Read first, the coarse clock may not be ahead of the fine one, on any mix of paths. */
static void coarse_not_ahead_of_fine(void)
{
	static const int pair[][2] = {
		{ CLOCK_REALTIME_COARSE, CLOCK_REALTIME },
		{ CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC },
	};
	enum tk_path p, q;
	size_t i;

	for (i = 0; i < TK_ARRAY(pair); i++) {
		for (p = 0; p < TK_PATHS; p++) {
			for (q = 0; q < TK_PATHS; q++) {
				s64 coarse, fine;

				if (!tk_path_exists(p) || !tk_path_exists(q))
					continue;
				coarse = tk_get(p, pair[i][0]);
				fine = tk_get(q, pair[i][1]);
				CHECK(coarse <= fine, "clock %d by %s: %" PRId64
				      ", then fine by %s: %" PRId64, pair[i][0], tk_path_name[p],
				      coarse, tk_path_name[q], fine);
			}
		}
	}
}

/* No clock runs back, whatever path is read after whatever other. */
static void no_clock_back(s64 *last)
{
	enum tk_path path;
	size_t i;
	s64 ns;

	for (i = 0; i < TK_ARRAY(tk_clocks); i++) {
		for (path = 0; path < TK_PATHS; path++) {
			if (!tk_path_exists(path) || host_errno[i])
				continue;
			if (tk_gettime(path, tk_clocks[i].id, &ns))
				continue;
			CHECK(last[i] <= ns, "%s by %s went back by %" PRId64 " ns",
			      tk_clocks[i].name, tk_path_name[path], last[i] - ns);
			last[i] = ns;
		}
	}
}

/* The clocks of one namespace run in parallel, exactly. */
static void narrow_lines(struct tk_iv *line)
{
	static const int clk[] = { CLOCK_REALTIME, CLOCK_TAI, CLOCK_BOOTTIME };
	static const char *const name[] = { "REALTIME", "TAI", "BOOTTIME" };
	size_t i;

	for (i = 0; i < TK_ARRAY(clk); i++) {
		s64 a = tk_vnow(CLOCK_MONOTONIC);
		s64 v = tk_vnow(clk[i]);
		s64 b = tk_vnow(CLOCK_MONOTONIC);

		tk_iv_and(&line[i], v - b, v - a);
		CHECK(tk_iv_ok(&line[i], 0), "%s - MONOTONIC wandered by %" PRId64 " ns", name[i],
		      line[i].lo - line[i].hi);
	}
}

/*
 * The four properties above over a second and more, so that a page which is written
 * once a second gets old and is renewed.
 */
TEST_F(clocks, properties_over_a_pass)
{
	struct tk_iv line[3] = { TK_IV_ALL, TK_IV_ALL, TK_IV_ALL };
	int before = tk_failures();
	s64 last[TK_ARRAY(tk_clocks)];
	s64 start, end;
	size_t i;

	for (i = 0; i < TK_ARRAY(tk_clocks); i++)
		last[i] = INT64_MIN;
	start = tk_now(CLOCK_MONOTONIC);
	end = start + (variant->pass ? 1300 : 200) * TK_MSEC;
	while (tk_now(CLOCK_MONOTONIC) < end && tk_failures() == before) {
		time_between_coarse_reads();
		coarse_not_ahead_of_fine();
		no_clock_back(last);
		narrow_lines(line);
	}
}

/*
 * Coarse clocks have the resolution of the host's tick though the namespace's page is
 * written once a second: the namespace's value is never older than the host's.
 *
 *	host coarse  h1 ------------------------ h2
 *	ns coarse              o >= h1 + (ns - host)
 *
 * How far the tick itself lags is the host's affair and cancels out.
 */
TEST_F(clocks, coarse_not_older_than_the_hosts)
{
	static const int pair[][2] = {
		{ CLOCK_REALTIME_COARSE, CLOCK_REALTIME },
		{ CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC },
	};
	enum tk_path path;
	size_t i;

	/* Here there is no constant difference: see coarse_moves_with_the_tick. */
	if (variant->state == STEERED)
		return;
	tk_leave();
	for (i = 0; i < TK_ARRAY(pair); i++) {
		struct tk_iv off = tk_cross(self->fd, pair[i][1], 100, NULL);
		s64 start = tk_now(CLOCK_MONOTONIC), now = start;
		int before = tk_failures();

		/* Many ticks, so that a page that is not renewed by the tick is old. */
		while (now < start + 150 * TK_MSEC && tk_failures() == before) {
			for (path = 0; path < TK_PATHS; path++) {
				s64 h, o, slack;

				if (!tk_path_exists(path))
					continue;
				h = tk_vnow(pair[i][0]);
				tk_enter(self->fd);
				o = tk_get(path, pair[i][0]);
				tk_leave();
				now = tk_now(CLOCK_MONOTONIC);
				slack = tk_unit(now - start);
				CHECK(o >= h + off.lo - slack, "clock %d by %s: %" PRId64
				      " ns older than the host's", pair[i][0], tk_path_name[path],
				      h + off.lo - o);
			}
		}
	}
}

/*
 * However long a tick takes here, there are more than two in a second; a coarse clock
 * read from a page that is written once a second would move once.
 */
TEST_F(clocks, coarse_moves_with_the_tick)
{
	static const int pair[][2] = {
		{ CLOCK_REALTIME_COARSE, CLOCK_REALTIME },
		{ CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC },
	};
	enum tk_path path;
	size_t i;

	for (i = 0; i < TK_ARRAY(pair); i++) {
		for (path = 0; path < TK_PATHS; path++) {
			s64 start, last, was;
			int moves = 0;

			if (!tk_path_exists(path))
				continue;
			start = tk_now(pair[i][1]);
			was = tk_get(path, pair[i][0]);
			do {
				last = tk_get(path, pair[i][0]);
				moves += last != was;
				was = last;
			} while (moves < 3 && tk_now(pair[i][1]) < start + TK_SEC);
			CHECK(moves >= 3, "clock %d by %s moved %d times in a second", pair[i][0],
			      tk_path_name[path], moves);
		}
	}
}

struct res {
	int sys;
	int vdso;
	struct tk_ts sys_ts;
	struct tk_ts vdso_ts;
#ifdef __i386__
	int sys32;
	struct tk_ts32 sys32_ts;
#endif
};

static void getres(int clk, struct res *r)
{
	memset(r, 0, sizeof(*r));
	r->sys = tk_sys_getres(clk, &r->sys_ts);
	if (tk_vdso.getres) {
#ifdef __i386__
		struct tk_ts32 ts = { 0 };

		r->vdso = tk_vdso.getres(clk, &ts);
		r->vdso_ts = (struct tk_ts){ ts.sec, ts.nsec };
#else
		r->vdso = tk_vdso.getres(clk, &r->vdso_ts);
#endif
	}
#ifdef __i386__
	r->sys32 = TK_RET(syscall(SYS_clock_getres, clk, &r->sys32_ts));
#endif
}

/* clock_getres() says what it says on the host, errors included. */
TEST_F(clocks, getres_is_the_hosts)
{
	struct res host, ns;
	int clk;

	for (clk = -1; clk < 20; clk++) {
		tk_leave();
		getres(clk, &host);
		tk_enter(self->fd);
		getres(clk, &ns);
		CHECK(!memcmp(&host, &ns, sizeof(host)),
		      "clock %d: syscall %d %" PRId64 " ns (host %d %" PRId64 "), vDSO %d %" PRId64
		      " ns (host %d %" PRId64 ")", clk, ns.sys, ns.sys_ts.nsec, host.sys,
		      host.sys_ts.nsec, ns.vdso, ns.vdso_ts.nsec, host.vdso, host.vdso_ts.nsec);
	}
}

/* Clocks that do not exist, and pointers that lead nowhere, fail as on the host. */
TEST_F(clocks, bad_reads_fail_as_on_the_host)
{
	static const int clk[] = { -1, 10, 12, 15, 16, 31, 1000, INT_MIN, INT_MAX };
	struct tk_ts ts;
	int host, ns;
	size_t i;

	for (i = 0; i < TK_ARRAY(clk); i++) {
		tk_leave();
		host = tk_sys_gettime(clk[i], &ts);
		tk_enter(self->fd);
		ns = tk_sys_gettime(clk[i], &ts);
		CHECK(host == ns, "clock %d: %d, on the host %d", clk[i], ns, host);
		ns = tk_vdso.gettime(clk[i], &ts);
		CHECK(host == ns, "clock %d by vDSO: %d, on the host %d", clk[i], ns, host);
	}
	for (i = 0; i < TK_ARRAY(tk_clocks); i++) {
		tk_leave();
		host = tk_sys_gettime(tk_clocks[i].id, (void *)8);
		tk_enter(self->fd);
		ns = tk_sys_gettime(tk_clocks[i].id, (void *)8);
		CHECK(host == ns && ns < 0, "%s to nowhere: %d, on the host %d", tk_clocks[i].name,
		      ns, host);
	}
}

/* TAI is REALTIME plus the TAI offset that adjtimex() tells, to the nanosecond. */
TEST_F(clocks, tai_is_realtime_plus_offset)
{
	enum tk_path path;
	int n, tai;

	for (tai = -1; tai <= 37; tai += 19) {
		struct tk_timex tx = { .modes = ADJ_TAI, .constant = tai };

		/* The host's is not ours to set; first as found, then 18 and 37. */
		if (tai >= 0 && (variant->state == INIT || variant->state == FOLLOW))
			break;
		if (tai < 0)
			tx.modes = 0;
		CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
		tx = (struct tk_timex){ 0 };
		CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
		CHECK(tai < 0 || tx.tai == tai, "set %d, read %d", tai, tx.tai);
		for (path = 0; path < TK_PATHS; path++) {
			for (n = 0; n < 300 && tk_path_exists(path); n++) {
				s64 a = tk_now(CLOCK_REALTIME), b, v;

				v = tk_get(path, CLOCK_TAI);
				b = tk_now(CLOCK_REALTIME);
				CHECK_BETWEEN(a, v - tx.tai * TK_SEC, b, tk_path_name[path]);
			}
		}
		CHECK_IV(tk_line(CLOCK_TAI, CLOCK_REALTIME, 1000), tx.tai * TK_SEC, 0,
			 "TAI - REALTIME");
	}
}

/* MONOTONIC_RAW is never steered: it is the host's in each of these namespaces. */
TEST_F(clocks, raw_is_the_hosts)
{
	struct tk_iv iv, later;

	tk_leave();
	iv = tk_cross(self->fd, CLOCK_MONOTONIC_RAW, 200, NULL);
	tk_sleep(100 * TK_MSEC);
	later = tk_cross(self->fd, CLOCK_MONOTONIC_RAW, 200, NULL);
	tk_iv_and(&iv, later.lo, later.hi);
	/* Two reads round by a nanosecond. */
	CHECK_IV(iv, 0, 1, "ns RAW - host RAW");
	CHECK(tk_iv_ok(&iv, 1), "RAW wandered by %" PRId64 " ns", iv.lo - iv.hi);
}

/* MONOTONIC, BOOTTIME and REALTIME advance by what adjtimex() says per raw second. */
TEST_F(clocks, rate_is_what_adjtimex_says)
{
	static const int clk[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME };
	struct tk_iv base[TK_ARRAY(clk)];
	struct tk_timex tx = { 0 };
	s64 raw0 = tk_vnow(CLOCK_MONOTONIC_RAW);
	struct tk_state st;
	size_t i;
	int n, round;

	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	CHECK(!variant->tick || tx.tick == variant->tick, "tick is %" PRId64, tx.tick);
	for (i = 0; i < TK_ARRAY(clk); i++)
		base[i] = TK_IV_ALL;
	/* clk - RAW - steering is constant. Slack: a unit of the multiplier in that time. */
	for (round = 0; round < 4; round++) {
		for (n = 0; n < 200; n++) {
			for (i = 0; i < TK_ARRAY(clk); i++) {
				s64 a = tk_vnow(CLOCK_MONOTONIC_RAW);
				s64 v = tk_vnow(clk[i]);
				s64 b = tk_vnow(CLOCK_MONOTONIC_RAW);

				tk_iv_and(&base[i], v - b - tk_steered(b - raw0, &tx),
					  v - a - tk_steered(a - raw0, &tx));
			}
		}
		tk_sleep(60 * TK_MSEC);
	}
	for (i = 0; i < TK_ARRAY(clk); i++)
		CHECK(tk_iv_ok(&base[i], tk_unit(tk_vnow(CLOCK_MONOTONIC_RAW) - raw0)),
		      "clock %d is %" PRId64 " ns off its rate after %" PRId64 " ns", clk[i],
		      base[i].lo - base[i].hi, tk_vnow(CLOCK_MONOTONIC_RAW) - raw0);
	if (variant->state == INIT)
		return;
	tk_get_state(&st);
	if (!strcmp(st.state, "own")) {
		/* ppb; the multiplier of a namespace is finer than 2^-26 = 15 ppb */
		s64 want = tk_steered(TK_SEC, &tx);

		CHECK(llabs(st.frequency - want) <= 15,
		      "frequency in timens_clock is %" PRId64 " ppb, set was %" PRId64,
		      st.frequency, want);
	}
}

/* CPU clocks are the host's: a process of a namespace a year ahead has not run a year. */
TEST_F(clocks, cpu_clocks_are_the_hosts)
{
	static const int clk[] = { CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID };
	size_t i;

	for (i = 0; i < TK_ARRAY(clk); i++) {
		s64 a, v, b;

		tk_leave();
		a = tk_now(clk[i]);
		tk_enter(self->fd);
		v = tk_now(clk[i]);
		tk_leave();
		b = tk_now(clk[i]);
		CHECK_BETWEEN(a, v, b, "CPU clock");
	}
}

/* ------------------------------------------------------- continuity of the switch */

TK_FIXTURE(switching);

/* The clocks that never step are continuous over the switch and over every set. */
TEST_F(switching, monotonic_clocks_do_not_notice)
{
	static const int clk[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW };
	static const char *const name[] = { "MONOTONIC", "BOOTTIME", "RAW" };
	/* Each namespace starts with offsets of its own, as in mainline. */
	static const char offsets[] = "monotonic 1000 500000000\nboottime 2000 250000000\n";
	static const s64 want[] = {
		1000 * TK_SEC + 500 * TK_MSEC, 2000 * TK_SEC + 250 * TK_MSEC,
		1000 * TK_SEC + 500 * TK_MSEC,
	};
	s64 start = tk_now(CLOCK_MONOTONIC), elapsed;
	int fd = tk_ns_new_offsets(offsets), step;
	size_t i;

	for (step = 0; step < 6; step++) {
		for (i = 0; i < TK_ARRAY(clk); i++) {
			struct tk_iv iv = tk_cross(fd, clk[i], 50, NULL);

			elapsed = tk_now(CLOCK_MONOTONIC) - start;
			CHECK_IV(iv, want[i], tk_unit(elapsed), name[i]);
		}
		tk_enter(fd);
		switch (step) {
		case 0:
			CHECK_STATE("follow");
			tk_make_own();
			break;
		case 1:
			CHECK(tk_step(TK_YEAR * TK_SEC) >= 0, "step: %m");
			break;
		case 2:
			CHECK(!tk_settime(CLOCK_REALTIME, 2000000000, 1), "settime: %m");
			break;
		case 3: {
			struct tk_tv tv = { 1900000000, 999999 };

			CHECK(!tk_sys_settimeofday(&tv, NULL), "settimeofday: %m");
			break;
		}
		case 4:
			CHECK(!tk_follow(), "follow: %m");
			CHECK_STATE("follow");
			break;
		}
		tk_leave();
	}
	close(fd);
}

/* At the switch REALTIME and TAI are continuous too: what moves them is the write. */
TEST_F(switching, realtime_is_the_hosts_until_set)
{
	static const int clk[] = { CLOCK_REALTIME, CLOCK_TAI };
	s64 start = tk_now(CLOCK_MONOTONIC);
	int fd = tk_ns_own(0);
	struct tk_timex host = { 0 }, ns = { 0 };
	size_t i;

	for (i = 0; i < TK_ARRAY(clk); i++) {
		struct tk_iv iv = tk_cross(fd, clk[i], 100, NULL);

		CHECK_IV(iv, 0, tk_unit(tk_now(CLOCK_MONOTONIC) - start), "ns - host");
	}
	/* Frequency, tick and TAI offset are inherited. */
	CHECK(tk_adjtimex(&host) >= 0, "adjtimex: %m");
	tk_enter(fd);
	CHECK(tk_adjtimex(&ns) >= 0, "adjtimex: %m");
	CHECK(host.freq == ns.freq, "freq %" PRId64 ", host %" PRId64, ns.freq, host.freq);
	CHECK(host.tick == ns.tick, "tick %" PRId64 ", host %" PRId64, ns.tick, host.tick);
	CHECK(host.tai == ns.tai, "tai %d, host %d", ns.tai, host.tai);
	CHECK(host.tolerance == ns.tolerance && host.precision == ns.precision,
	      "tolerance %" PRId64 "/%" PRId64 ", precision %" PRId64 "/%" PRId64, ns.tolerance,
	      host.tolerance, ns.precision, host.precision);
	tk_leave();
	close(fd);
}

/*
 * In one read through the switch: what was read before it (by offset) is not ahead of
 * what is read after it (from the own page), on any clock or path.
 */
TEST_F(switching, never_back_over_the_switch)
{
	int round;

	for (round = 0; round < 50; round++) {
		s64 last[TK_ARRAY(tk_clocks)] = { 0 };
		int fd = tk_ns_new(), after;
		enum tk_path path;
		size_t i;
		s64 ns;

		tk_enter(fd);
		for (after = 0; after < 2; after++) {
			if (after)
				tk_make_own();
			for (path = 0; path < TK_PATHS; path++) {
				if (!tk_path_exists(path))
					continue;
				for (i = 0; i < TK_ARRAY(tk_clocks); i++) {
					if (tk_gettime(path, tk_clocks[i].id, &ns))
						continue;
					CHECK(ns >= last[i], "%s by %s went back by %" PRId64
					      " ns %s", tk_clocks[i].name, tk_path_name[path],
					      last[i] - ns, after ? "after the switch" : "before");
					last[i] = ns;
				}
			}
		}
		tk_leave();
		close(fd);
	}
}

TEST_HARNESS_MAIN
