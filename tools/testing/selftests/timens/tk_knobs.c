// SPDX-License-Identifier: GPL-2.0
/*
 * The knobs of the tick path (debugfs timekeeper_ns) and its statistics.
 *
 *	interval_ms	0: a pass every tick; 1..4000
 *	budget		steps of passes per tick at most
 *	stats		own passes ticks carried late max_batch switches steps leaps ...
 *
 * None of them may be seen in what a clock reads.
 */
#include "lib/reader.h"
#include "lib/tk.h"

/* The default (msecs) */
#define TK_INTERVAL	4000

/* What the knobs were before the test */
struct knobs {
	char interval[32];
	char budget[32];
};

static void save_knobs(struct knobs *k)
{
	tk_slurp(TK_DEBUGFS "interval_ms", k->interval, sizeof(k->interval));
	tk_slurp(TK_DEBUGFS "budget", k->budget, sizeof(k->budget));
}

static void restore_knobs(const struct knobs *k)
{
	int ret;

	ret = tk_write_file(TK_DEBUGFS "interval_ms", k->interval);
	CHECK(!ret, "interval_ms '%s': %s", k->interval, strerror(-ret));
	ret = tk_write_file(TK_DEBUGFS "budget", k->budget);
	CHECK(!ret, "budget '%s': %s", k->budget, strerror(-ret));
}

FIXTURE(knobs)
{
	struct knobs was;
};

FIXTURE_SETUP(knobs)
{
	ASSERT_EQ(0, tk_setup());
	tk_need_debugfs();
	save_knobs(&self->was);
}

FIXTURE_TEARDOWN(knobs)
{
	restore_knobs(&self->was);
	EXPECT_EQ(0, tk_teardown());
}

static void set_knob(const char *knob, int val)
{
	char path[128], text[16];
	int ret;

	snprintf(path, sizeof(path), TK_DEBUGFS "%s", knob);
	snprintf(text, sizeof(text), "%d", val);
	ret = tk_write_file(path, text);
	CHECK(!ret, "%s = %d: %s", knob, val, strerror(-ret));
	CHECK(tk_read_s64(path) == val, "%s reads %" PRId64 " after %d", knob, tk_read_s64(path),
	      val);
}

TEST_F(knobs, defaults_and_limits)
{
	static const char *const bad[] = { "4001", "-1", "x", "", "99999999999999999999", "1 2" };
	static const int good[] = { 0, 1, 2, 7, 100, 999, 1000, TK_INTERVAL };
	size_t i;

	CHECK(atoi(self->was.interval) == TK_INTERVAL, "interval_ms is %s", self->was.interval);
	CHECK(atoi(self->was.budget) > 0, "budget is %s", self->was.budget);
	for (i = 0; i < TK_ARRAY(good); i++)
		set_knob("interval_ms", good[i]);
	set_knob("interval_ms", TK_INTERVAL);
	for (i = 0; i < TK_ARRAY(bad); i++) {
		if (!*bad[i])
			continue;
		CHECK(tk_write_file(TK_DEBUGFS "interval_ms", bad[i]) < 0, "interval_ms took '%s'",
		      bad[i]);
		CHECK(tk_read_s64(TK_DEBUGFS "interval_ms") == TK_INTERVAL,
		      "interval_ms became %" PRId64, tk_read_s64(TK_DEBUGFS "interval_ms"));
	}
	CHECK(tk_write_file(TK_DEBUGFS "budget", "0") < 0, "budget took 0");
	CHECK(tk_write_file(TK_DEBUGFS "budget", "-1") < 0, "budget took -1");
	CHECK(tk_read_s64(TK_DEBUGFS "budget") == atoi(self->was.budget), "budget became %" PRId64,
	      tk_read_s64(TK_DEBUGFS "budget"));
}

/* The interval is changed all the time while a namespace is read: nothing shows. */
TEST_F(knobs, interval_changes_under_readers)
{
	static const int interval[] = { 0, 1000, 1, 100, 0, 10, 1000, 2, 500, 0 };
	struct tk_reader *r = tk_shared_page(sizeof(*r));
	struct tk_iv was;
	pid_t pid;
	s64 start = tk_vnow(CLOCK_MONOTONIC);
	size_t i;

	r->fd = tk_ns_own(TK_YEAR * TK_SEC);
	r->flags = TK_READ_COARSE | TK_READ_REALTIME;
	was = tk_cross(r->fd, CLOCK_MONOTONIC, 50, NULL);
	pid = tk_spawn(tk_reader, r);
	for (i = 0; i < 3 * TK_ARRAY(interval); i++) {
		set_knob("interval_ms", interval[i % TK_ARRAY(interval)]);
		tk_sleep(40 * TK_MSEC);
		CHECK_IV_MEET(tk_cross(r->fd, CLOCK_MONOTONIC, 5, NULL), was,
			      tk_unit(tk_vnow(CLOCK_MONOTONIC) - start), "MONOTONIC");
		CHECK_IV(tk_cross(r->fd, CLOCK_REALTIME, 5, NULL), TK_YEAR * TK_SEC,
			 tk_unit(tk_vnow(CLOCK_MONOTONIC) - start), "REALTIME");
	}
	atomic_store(&r->stop, true);
	CHECK(!tk_reap(pid), "the reader failed");
	CHECK(atomic_load(&r->rounds) > 0, "it never read");
}

/* ------------------------------------------------------------------------ accuracy */

#define PHASES 32

FIXTURE(accuracy)
{
	int unused;
};

FIXTURE_VARIANT(accuracy)
{
	int interval_ms;
	s64 freq;
	s64 length;
};

FIXTURE_VARIANT_ADD(accuracy, every_tick)
{
	.interval_ms = 0,
	.freq = 100 << 16,
	.length = 1000 * TK_MSEC,
};

FIXTURE_VARIANT_ADD(accuracy, every_100_ms)
{
	.interval_ms = 100,
	.freq = -(100 << 16),
	.length = 1000 * TK_MSEC,
};

/* Long enough for five passes: an error that each pass makes larger has to show. */
FIXTURE_VARIANT_ADD(accuracy, every_second)
{
	.interval_ms = 1000,
	.freq = 333 << 16,
	.length = 5500 * TK_MSEC,
};

FIXTURE_SETUP(accuracy)
{
	ASSERT_EQ(0, tk_setup());
	tk_need_debugfs();
	set_knob("interval_ms", variant->interval_ms);
}

FIXTURE_TEARDOWN(accuracy)
{
	set_knob("interval_ms", TK_INTERVAL);
	EXPECT_EQ(0, tk_teardown());
}

/*
 * MONOTONIC - RAW - steering is a constant. The bound is the finer multiplier's: for 8 s
 * it has 28 bits at least, so between two passes it is off by one unit of 2^-27 of the
 * interval, which the next pass takes into account; it does not add up.
 *
 * A pass comes at any place in the namespace's second; the namespaces differ in it:
 *
 *	pass		|           |           |
 *	second 0	 |           |           |
 *	second 31	           |           |
 */
TEST_F(accuracy, against_raw)
{
	struct tk_timex tx = { .modes = ADJ_FREQUENCY, .freq = variant->freq };
	struct tk_iv iv[PHASES];
	s64 raw0[PHASES], start = tk_vnow(CLOCK_MONOTONIC), now, wide = 0, unit;
	int fd[PHASES], n, k;

	for (n = 0; n < PHASES; n++) {
		fd[n] = tk_ns_own(n * (TK_SEC / PHASES));
		tk_enter(fd[n]);
		CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
		raw0[n] = tk_vnow(CLOCK_MONOTONIC_RAW);
		iv[n] = TK_IV_ALL;
		tk_leave();
	}
	do {
		for (n = 0; n < PHASES; n++) {
			tk_enter(fd[n]);
			for (k = 0; k < 10; k++) {
				s64 a = tk_vnow(CLOCK_MONOTONIC_RAW);
				s64 v = tk_vnow(CLOCK_MONOTONIC);
				s64 b = tk_vnow(CLOCK_MONOTONIC_RAW);

				tk_iv_and(&iv[n], v - b - tk_steered(b - raw0[n], &tx),
					  v - a - tk_steered(a - raw0[n], &tx));
			}
			tk_leave();
		}
		now = tk_vnow(CLOCK_MONOTONIC);
	} while (now - start < variant->length);
	unit = ((now - start) >> 27) + 4;
	for (n = 0; n < PHASES; n++) {
		CHECK(tk_iv_ok(&iv[n], unit), "phase %d/%d: off by %" PRId64 " ns after %" PRId64
		      ", bound %" PRId64, n, PHASES, iv[n].lo - iv[n].hi, now - start, unit);
		wide = tk_max(wide, iv[n].hi - iv[n].lo);
		close(fd[n]);
	}
	/* What a smaller error than this would be: not seen */
	fprintf(stderr, "# widest bracket %" PRId64 " ns\n", wide);
}

/* -------------------------------------------------------------------------- passes */

/* One pass a second and namespace, however many there are. */
FIXTURE(passes)
{
	int unused;
};

FIXTURE_VARIANT(passes)
{
	int namespaces;
};

FIXTURE_VARIANT_ADD(passes, one)
{
	.namespaces = 1,
};

FIXTURE_VARIANT_ADD(passes, hundred)
{
	.namespaces = 100,
};

FIXTURE_SETUP(passes)
{
	ASSERT_EQ(0, tk_setup());
	tk_need_debugfs();
}

FIXTURE_TEARDOWN(passes)
{
	EXPECT_EQ(0, tk_teardown());
}

TEST_F(passes, one_a_second)
{
	int fds[100], n;
	s64 before, after, t1, t2, t3, t4, most, least;

	CHECK(tk_read_s64(TK_DEBUGFS "interval_ms") == TK_INTERVAL,
	      "interval_ms is not the default");
	set_knob("interval_ms", 1000);
	for (n = 0; n < variant->namespaces; n++)
		fds[n] = tk_ns_own(n * TK_SEC);
	CHECK(tk_stat("own") >= variant->namespaces, "own %" PRId64, tk_stat("own"));
	t1 = tk_vnow(CLOCK_MONOTONIC);
	before = tk_stat("passes");
	t2 = tk_vnow(CLOCK_MONOTONIC);
	tk_sleep(3 * TK_SEC);
	t3 = tk_vnow(CLOCK_MONOTONIC);
	after = tk_stat("passes");
	t4 = tk_vnow(CLOCK_MONOTONIC);
	/* By the time that it took: one more at either end, none missing but the last. */
	most = variant->namespaces * ((t4 - t1) / TK_SEC + 2);
	least = variant->namespaces * ((t3 - t2) / TK_SEC - 1);
	CHECK(after - before >= least && after - before <= most,
	      "%" PRId64 " passes of %d in %" PRId64 " ns, not %" PRId64 "..%" PRId64,
	      after - before, variant->namespaces, t4 - t1, least, most);
	CHECK(tk_stat("max_batch") >= 1, "max_batch %" PRId64, tk_stat("max_batch"));
	while (n)
		close(fds[--n]);
	set_knob("interval_ms", TK_INTERVAL);
}

/* None for a follower, nor for a namespace that has gone back to following. */
TEST_F(knobs, no_pass_for_followers)
{
	int fd = tk_ns_new(), second = tk_ns_own(0);
	s64 before, after;

	tk_enter(second);
	CHECK(!tk_follow(), "follow: %m");
	tk_leave();
	tk_enter(fd);
	CHECK_STATE("follow");
	tk_leave();
	CHECK(tk_stat("own") == 0, "own %" PRId64, tk_stat("own"));
	before = tk_stat("passes");
	tk_sleep(1500 * TK_MSEC);
	after = tk_stat("passes");
	CHECK(after == before, "%" PRId64 " passes without a namespace that owns a clock",
	      after - before);
}

TEST_F(knobs, events_are_counted)
{
	s64 switches = tk_stat("switches"), steps = tk_stat("steps");
	int fd = tk_ns_own(0), n;

	CHECK(tk_stat("switches") >= switches + 1, "switches %" PRId64 ", were %" PRId64,
	      tk_stat("switches"), switches);
	tk_enter(fd);
	for (n = 0; n < 10; n++)
		CHECK(tk_step(TK_SEC) >= 0, "step: %m");
	CHECK(tk_stat("steps") >= steps + 10, "steps %" PRId64 ", were %" PRId64, tk_stat("steps"),
	      steps);
	tk_leave();
}

/*
 * The budget holds: with 50 namespaces due every other tick no more passes than the
 * budget are taken per tick, and none of the clocks notices. (A pass every tick is the
 * naive design, kept for the benchmark: it has no budget. The TSC has no deadline that
 * could override it.)
 *
 * A namespace takes a new interval over at its next pass, which may come an interval of
 * before later. New ones stand in few bundles there, half a second apart: who counts at
 * once may count in the gap between two of them.
 */
TEST_F(knobs, budget_bounds_the_tick)
{
	static const int budget[] = { 1, 7 };
	s64 start = tk_vnow(CLOCK_MONOTONIC), tick;
	struct tk_ts res = { 0 };
	int fds[50], n;
	size_t i;

	CHECK(!tk_sys_getres(CLOCK_MONOTONIC_COARSE, &res), "clock_getres: %m");
	tick = tk_ns(res.sec, res.nsec);
	for (n = 0; n < 50; n++)
		fds[n] = tk_ns_own(n * TK_SEC);
	set_knob("interval_ms", 2);
	tk_sleep((TK_INTERVAL + 200) * TK_MSEC);
	for (i = 0; i < TK_ARRAY(budget); i++) {
		s64 passes, t1, t2, most;

		set_knob("budget", budget[i]);
		t1 = tk_vnow(CLOCK_MONOTONIC);
		passes = tk_stat("passes");
		/* Awake, so that there are ticks */
		do {
			tk_vnow(CLOCK_MONOTONIC_COARSE);
			t2 = tk_vnow(CLOCK_MONOTONIC);
		} while (t2 < t1 + 300 * TK_MSEC);
		passes = tk_stat("passes") - passes;
		t2 = tk_vnow(CLOCK_MONOTONIC);
		/* One at either end, and one where the tick moves to another CPU */
		most = ((t2 - t1) / tick + 3) * budget[i];
		CHECK(passes > 0 && passes <= most, "budget %d: %" PRId64 " passes in %" PRId64
		      " ns, %" PRId64 " at most", budget[i], passes, t2 - t1, most);
	}
	for (n = 0; n < 50; n++) {
		CHECK_IV(tk_cross(fds[n], CLOCK_REALTIME, 3, NULL), n * TK_SEC,
			 tk_unit(tk_vnow(CLOCK_MONOTONIC) - start), "REALTIME");
		close(fds[n]);
	}
}

/*
 * What is bounded is the steps, not the passes. More passes come due in each tick than the
 * budget covers, so that it is used up in most of them; and a pass which comes behind the
 * end of a line, as one in a few does here, has two steps to take.
 */
TEST_F(knobs, budget_counts_steps)
{
	static const int budget[] = { 1, 3 };
	int fds[40], n;
	s64 most;
	size_t i;

	set_knob("interval_ms", 8);
	for (n = 0; n < 40; n++) {
		struct tk_timex tx = {
			.modes = ADJ_OFFSET | ADJ_STATUS | ADJ_NANO | ADJ_TIMECONST,
			.status = STA_PLL, .offset = 500 * TK_MSEC, .constant = 10,
		};

		fds[n] = tk_ns_own(n * TK_SEC);
		tk_enter(fds[n]);
		CHECK(!tk_write_file(TK_CLOCK_FILE, "rate 2000"), "rate: %m");
		CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
		tk_leave();
	}
	for (i = 0; i < TK_ARRAY(budget); i++) {
		set_knob("budget", budget[i]);
		tk_sleep(3 * TK_SEC);
		most = tk_stat("max_batch");
		CHECK(most == budget[i], "budget %d: %" PRId64 " steps in a tick", budget[i], most);
	}
	for (n = 0; n < 40; n++)
		close(fds[n]);
}

/*
 * A machine on which everybody sleeps has no ticks, and the budget is one pass in
 * each. All the same, who wakes behind a leap second finds it taken.
 */
#define SLEEPERS	300
#define SLEEPERS_DAY	((s64)25000 * 86400)

struct sleeper {
	int fd;
	s64 wake;
	s64 tai;
};

static int sleeper(void *arg)
{
	struct sleeper *s = arg;
	struct timespec until = { .tv_sec = s->wake / TK_SEC, .tv_nsec = s->wake % TK_SEC };
	s64 real, tai, late;

	tk_enter(s->fd);
	CHECK(!clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL), "clock_nanosleep");
	real = tk_vnow(CLOCK_REALTIME);
	tai = tk_vnow(CLOCK_TAI);
	/* At the edge or behind it, however late it is */
	late = real - SLEEPERS_DAY * TK_SEC;
	CHECK(late >= -TK_SEC, "awake at %" PRId64 " ns, before the edge", late);
	CHECK(tai - real >= s->tai + TK_SEC, "the leap second is not taken: TAI is ahead by %"
	      PRId64 " ns, was %" PRId64, tai - real, s->tai);
	return 0;
}

FIXTURE(asleep)
{
	struct knobs was;
};

FIXTURE_SETUP(asleep)
{
	/* The watcher would keep the machine awake */
	ASSERT_EQ(0, tk_setup_watch(false, 0));
	tk_need_debugfs();
	save_knobs(&self->was);
}

FIXTURE_TEARDOWN(asleep)
{
	restore_knobs(&self->was);
	EXPECT_EQ(0, tk_teardown());
}

TEST_F(asleep, leap_second_of_many)
{
	struct sleeper *s = tk_shared_page(SLEEPERS * sizeof(*s));
	struct tk_timex tx = { .modes = ADJ_STATUS, .status = STA_INS };
	pid_t pid[SLEEPERS];
	int n, ret;

	for (n = 0; n < SLEEPERS; n++) {
		s[n].fd = tk_ns_own(0);
		tk_enter(s[n].fd);
		ret = tk_settime(CLOCK_REALTIME, SLEEPERS_DAY - 20, 0);
		CHECK(!ret, "clock_settime: %s", strerror(-ret));
		s[n].wake = tk_vnow(CLOCK_MONOTONIC) + 20 * TK_SEC + 50 * TK_MSEC;
		ret = tk_adjtimex(&tx);
		CHECK(ret >= 0, "adjtimex(STA_INS): %s", strerror(-ret));
		ret = tk_adjtimex(&(struct tk_timex){ 0 });
		CHECK(ret >= 0, "adjtimex: %s", strerror(-ret));
		s[n].tai = tk_vnow(CLOCK_TAI);
		s[n].tai -= tk_vnow(CLOCK_REALTIME);
		/* Both in whole seconds of each other */
		s[n].tai = tk_floor_div(s[n].tai + TK_SEC / 2, TK_SEC) * TK_SEC;
		tk_leave();
	}
	set_knob("budget", 1);
	for (n = 0; n < SLEEPERS; n++)
		pid[n] = tk_spawn(sleeper, &s[n]);
	for (n = 0; n < SLEEPERS; n++) {
		CHECK(!tk_reap(pid[n]), "sleeper %d", n);
		close(s[n].fd);
	}
}

/*
 * The same, and the machine is poked: it sleeps long enough for a number of passes to
 * fall due, then on each CPU somebody steers all of the namespaces in a row, wakes at
 * odd times and reads and steers one of them, and the machine sleeps again. Wake
 * timers, ticks, and the tick which the idle machine gets for what was left over meet
 * each other and the lock of a setter, with all edges at the same instant.
 */
#define POKED		100
#define POKERS		2
/* The edge, seen from the start: at first, and at most, on slow machines; the end from there */
#define POKE_EDGE	(3 * TK_SEC)
#define POKE_EDGE_MAX	(50 * TK_SEC)
#define POKE_BEHIND	(2 * TK_SEC)
/* Readings on either side of the edges which make it a test */
#define POKE_ENOUGH	100
/* Half of it asleep */
#define POKE_PERIOD	(400 * TK_MSEC)

struct poker {
	const int *fds;
	/* TAI at which the leap second begins, of all of them up to the setting's error */
	const s64 *edge;
	int cpu;
	s64 end;
	/* Readings before the edges, and behind them */
	s64 before;
	s64 behind;
};

/* REALTIME is TAI less its offset, on either side of the edge; between two readings of TAI */
static void poke(struct poker *p, int n)
{
	s64 edge = p->edge[n], off = edge - SLEEPERS_DAY * TK_SEC, t1, real, t2;

	t1 = tk_vnow(CLOCK_TAI);
	real = tk_vnow(CLOCK_REALTIME);
	t2 = tk_vnow(CLOCK_TAI);
	if (t2 < edge) {
		p->before++;
		CHECK(real >= t1 - off && real <= t2 - off, "%d, %" PRId64
		      " ns before the edge: REALTIME is off by %" PRId64 " ns",
		      n, edge - t2, real - (t1 - off));
	} else if (t1 >= edge) {
		p->behind++;
		off += TK_SEC;
		CHECK(real >= t1 - off && real <= t2 - off, "%d, %" PRId64
		      " ns behind the edge: REALTIME is off by %" PRId64 " ns",
		      n, t1 - edge, real - (t1 - off));
	}
}

/* Keeps the lock, publishes, and ends the calm of the clock. */
static void steer(void)
{
	int ret = tk_adjtimex(&(struct tk_timex){ .modes = ADJ_FREQUENCY });

	CHECK(ret >= 0, "adjtimex(ADJ_FREQUENCY): %s", strerror(-ret));
}

/* All sleep until the next period, whose start is the same for both. */
static void sleep_over(const struct poker *p, s64 now)
{
	s64 wake = now - now % POKE_PERIOD + POKE_PERIOD;
	struct timespec until = { .tv_sec = wake / TK_SEC, .tv_nsec = wake % TK_SEC };
	int n;

	CHECK(!clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL), "clock_nanosleep");
	/* From either end */
	for (n = 0; n < POKED; n++) {
		tk_enter(p->fds[p->cpu ? n : POKED - 1 - n]);
		steer();
		tk_leave();
	}
}

static int poker(void *arg)
{
	struct poker *p = arg;
	unsigned int odd = 12345 + (unsigned int)p->cpu;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(p->cpu, &set);
	/* A machine with one CPU has both on it */
	if (sched_setaffinity(0, sizeof(set), &set))
		CHECK(p->cpu, "sched_setaffinity: %m");
	while (tk_failures() < 4) {
		s64 now = tk_vnow(CLOCK_MONOTONIC);
		struct timespec pause = { 0 };
		int n, i;

		if (now >= p->end && p->behind > POKE_ENOUGH / POKERS)
			break;
		if (now >= p->end + POKE_EDGE_MAX)
			break;
		if (now % POKE_PERIOD > POKE_PERIOD / 2)
			sleep_over(p, now);
		odd = odd * 1664525 + 1013904223;
		/* Up to 2 ms, mostly less than a tick */
		pause.tv_nsec = 20000 + (odd >> 12) % ((odd >> 8) % 4 ? 900000 : 2000000);
		CHECK(!clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL), "clock_nanosleep");
		n = (int)((odd >> 4) % POKED);
		tk_enter(p->fds[n]);
		poke(p, n);
		for (i = 0; i < 20; i++)
			steer();
		poke(p, n);
		tk_leave();
	}
	return 0;
}

/* Returns false if the machine was too slow for an edge so near */
static bool poke_around_edge_at(s64 lead, int budget, int interval)
{
	struct poker *p = tk_shared_page(POKERS * sizeof(*p));
	/* A maximal error which has not been set makes the state that of an error */
	struct tk_timex tx = { .modes = ADJ_STATUS | ADJ_MAXERROR, .status = STA_INS };
	s64 edge[POKED], start, passes, carried, busy, before = 0, behind = 0;
	int fds[POKED], n, ret;
	pid_t pid[POKERS];
	bool late = false;

	for (n = 0; n < POKED; n++)
		fds[n] = tk_ns_own(0);
	set_knob("budget", budget);
	set_knob("interval_ms", interval);
	passes = tk_stat("passes");
	carried = tk_stat("carried");
	busy = tk_stat("busy");
	start = tk_vnow(CLOCK_MONOTONIC);
	for (n = 0; n < POKED; n++) {
		s64 ahead, off;

		tk_enter(fds[n]);
		ahead = start + lead - tk_vnow(CLOCK_MONOTONIC);
		late |= ahead < TK_SEC;
		ahead = SLEEPERS_DAY * TK_SEC - ahead;
		ret = tk_settime(CLOCK_REALTIME, tk_floor_div(ahead, TK_SEC),
				 ahead - tk_floor_div(ahead, TK_SEC) * TK_SEC);
		CHECK(!ret, "clock_settime: %s", strerror(-ret));
		ret = tk_adjtimex(&tx);
		CHECK(ret >= 0, "adjtimex(STA_INS): %s", strerror(-ret));
		off = tk_vnow(CLOCK_TAI);
		off -= tk_vnow(CLOCK_REALTIME);
		/* Whole seconds of each other */
		edge[n] = SLEEPERS_DAY * TK_SEC + tk_floor_div(off + TK_SEC / 2, TK_SEC) * TK_SEC;
		tk_leave();
	}
	/* Behind its edge a clock waits for the midnight after that */
	if (late) {
		for (n = 0; n < POKED; n++)
			close(fds[n]);
		return false;
	}
	for (n = 0; n < POKERS; n++) {
		p[n] = (struct poker){
			.fds	= fds,
			.edge	= edge,
			.cpu	= n,
			.end	= start + lead + POKE_BEHIND,
		};
		pid[n] = tk_spawn(poker, &p[n]);
	}
	for (n = 0; n < POKERS; n++) {
		CHECK(!tk_reap(pid[n]), "poker %d", n);
		before += p[n].before;
		behind += p[n].behind;
	}
	/* A state machine takes the leap second once: all of them have it, poked or not */
	for (n = 0; n < POKED; n++) {
		struct tk_timex now = { 0 };

		tk_enter(fds[n]);
		ret = tk_adjtimex(&now);
		CHECK(ret == TIME_WAIT, "%d: state %d", n, ret);
		tk_leave();
		close(fds[n]);
	}
	carried = tk_stat("carried") - carried;
	printf("# budget %d, %d ms: %" PRId64 " readings before and %" PRId64 " behind an edge; %"
	       PRId64 " passes, %" PRId64 " ticks left some over, %" PRId64 " locks were busy\n",
	       budget, interval, before, behind, tk_stat("passes") - passes, carried,
	       tk_stat("busy") - busy);
	/* Otherwise this was not the machine meant */
	CHECK(budget > 3 || carried, "with a budget of %d nothing was left over", budget);
	return before > POKE_ENOUGH && behind > POKE_ENOUGH;
}

static void poke_around_an_edge(int budget, int interval)
{
	s64 lead = POKE_EDGE;

	while (!poke_around_edge_at(lead, budget, interval) && !tk_failures()) {
		lead *= 2;
		REQUIRE(lead < POKE_EDGE_MAX, "too few readings around an edge %" PRId64
			" s ahead", (s64)(lead / 2 / TK_SEC));
	}
}

TEST_F(asleep, poked_around_a_leap_second)
{
	poke_around_an_edge(1, 1000);
	poke_around_an_edge(3, 10);
	poke_around_an_edge(32, 10);
}

TEST_HARNESS_MAIN
