// SPDX-License-Identifier: GPL-2.0
/*
 * Leap seconds of one namespace.
 *
 * TAI runs through a leap second, so it says where every other clock has to be. With M
 * the midnight (in UTC) and o the TAI offset before it:
 *
 *	insert: edge at TAI = M + o              delete: edge at TAI = M - 1 + o
 *
 *	REALTIME                                 REALTIME
 *	           /                                        /
 *	          / |/     23:59:59                        /   00:00:00
 *	         /  |      once more                      |
 *	        /   |                                    /|    no 23:59:59
 *	    ---/----|---- TAI                        ---/-|---- TAI
 *
 *	f(t) = t - o           for t < edge
 *	f(t) = t - o + step    for t >= edge        step: -1 s insert, +1 s delete
 *
 * f is exact to the nanosecond because the leap is exact to the counter. So for every
 * way to read REALTIME a value v between two reads t1 <= t2 of TAI has to be in
 * f([t1, t2]), and that is all; nothing depends on how fast anything runs here.
 */
#include "lib/leap.h"
#include "lib/tk.h"

#include <sys/timerfd.h>

struct leap {
	int fd;
	int status;		/* STA_INS, STA_DEL or 0 */
	s64 step;		/* what happens at the edge, 0: nothing */
	s64 ahead;		/* so long before midnight the clock is set to */
	s64 until;		/* so long after midnight it is watched */
	s64 quiet;		/* so long after arming nobody reads */
	bool far_first;		/* it was armed for a midnight far away before */
	/* called once, @since ns after the clock was set, when the time has come */
	s64 act_at;
	void (*act)(struct leap *l);

	s64 edge;		/* in TAI */
	s64 off;		/* TAI - REALTIME before the edge */
	s64 tai_line;		/* TAI - MONOTONIC, exact */
	bool rebase;		/* @act moved the clock: f() starts again */
	atomic_long samples;
	unsigned int states;	/* bits of the states that adjtimex() returned */
};

/* Is @v in f([t1, t2])? @cut: what @v was cut to */
static bool in_image(const struct leap *l, s64 t1, s64 v, s64 t2, s64 cut)
{
	s64 lo = t1 - l->off, hi = t2 - l->off, e = l->edge - l->off;

#define IN(a, b) (tk_floor_div(a, cut) <= v && v <= tk_floor_div(b, cut))
	if (!l->step || t2 < l->edge)
		return IN(lo, hi);
	if (t1 >= l->edge)
		return IN(lo + l->step, hi + l->step);
	return IN(lo, e - 1) || IN(e + l->step, hi + l->step);
#undef IN
}

static void check_image(const struct leap *l, s64 t1, s64 v, s64 t2, s64 cut, const char *what)
{
	CHECK(in_image(l, t1, v, t2, cut),
	      "%s %s: read %" PRId64 " with TAI in [%" PRId64 ", %" PRId64 "]; edge %" PRId64
	      ", TAI - REALTIME before %" PRId64 ": it is %" PRId64 " ns after the edge",
	      l->status == STA_DEL ? "delete" : "insert", what, v, t1, t2, l->edge, l->off,
	      t1 - l->edge);
}

/* TAI by MONOTONIC, by the exact line between them: works for the coarse clock too */
static s64 coarse_tai(const struct leap *l, enum tk_path path)
{
	return tk_get(path, CLOCK_MONOTONIC_COARSE) + l->tai_line;
}

static void check_adjtimex(struct leap *l)
{
	s64 t1 = tk_vnow(CLOCK_TAI), t2, v;
	struct tk_timex tx = { 0 };
	int ret = tk_adjtimex(&tx);
	s64 unit = tx.status & STA_NANO ? 1 : TK_USEC;

	t2 = tk_vnow(CLOCK_TAI);
	if (!CHECK(ret >= 0, "adjtimex: %s", strerror(-ret)))
		return;
	v = tx.time_sec * (TK_SEC / unit) + tx.time_usec;
	check_image(l, t1, v, t2, unit, "time in adjtimex");
	/* Its time plus its TAI offset is TAI: the two may not disagree. */
	v += tx.tai * (TK_SEC / unit);
	CHECK(tk_floor_div(t1, unit) <= v && v <= tk_floor_div(t2, unit),
	      "adjtimex: time + TAI offset %d is %" PRId64 " off TAI", tx.tai,
	      v - tk_floor_div(t1, unit));
	l->states |= 1u << ret;
	if (!l->step)
		return;

	/* What each state means, by TAI */
	switch (ret) {
	case TIME_OK:
		CHECK(t1 < l->edge, "TIME_OK %" PRId64 " ns after the edge", t1 - l->edge);
		break;
	case TIME_INS:
	case TIME_DEL:
		CHECK((ret == TIME_INS) == (l->status == STA_INS), "state %d", ret);
		CHECK(t1 < l->edge, "state %d %" PRId64 " ns after the edge", ret, t1 - l->edge);
		break;
	case TIME_OOP:
		CHECK(l->status == STA_INS, "TIME_OOP while deleting");
		CHECK(t2 >= l->edge, "TIME_OOP %" PRId64 " ns before the edge", l->edge - t2);
		CHECK(t1 < l->edge + TK_SEC, "TIME_OOP %" PRId64 " ns after the edge",
		      t1 - l->edge);
		break;
	case TIME_WAIT:
		CHECK(t2 >= l->edge + (l->status == STA_INS ? TK_SEC : 0),
		      "TIME_WAIT %" PRId64 " ns after the edge", t2 - l->edge);
		break;
	default:
		CHECK(false, "state %d, status %#x", ret, tx.status);
	}
}

/* One sample of everything */
static void sample(struct leap *l)
{
	enum tk_path path;
	s64 t1, t2, v, m1, m2;
	struct tk_tv tv;

	for (path = 0; path < TK_PATHS; path++) {
		if (!tk_path_exists(path))
			continue;
		t1 = tk_vnow(CLOCK_TAI);
		v = tk_get(path, CLOCK_REALTIME);
		t2 = tk_vnow(CLOCK_TAI);
		check_image(l, t1, v, t2, 1, tk_path_name[path]);

		/* The same instant by another reader: MONOTONIC does not leap either. */
		m1 = tk_vnow(CLOCK_MONOTONIC);
		v = tk_get(path, CLOCK_TAI);
		m2 = tk_vnow(CLOCK_MONOTONIC);
		CHECK(m1 + l->tai_line <= v && v <= m2 + l->tai_line,
		      "TAI by %s left its line by %" PRId64 " ns, %" PRId64 " ns after the edge",
		      tk_path_name[path], v - m1 - l->tai_line, v - l->edge);

		t1 = coarse_tai(l, path);
		v = tk_get(path, CLOCK_REALTIME_COARSE);
		t2 = coarse_tai(l, path);
		check_image(l, t1, v, t2, 1, "coarse");
	}
	t1 = tk_vnow(CLOCK_TAI);
	tk_vdso.gettimeofday(&tv, NULL);
	t2 = tk_vnow(CLOCK_TAI);
	check_image(l, t1, tv.sec * 1000000LL + tv.usec, t2, TK_USEC, "vDSO gettimeofday");
	t1 = tk_vnow(CLOCK_TAI);
	tk_sys_gettimeofday(&tv, NULL);
	t2 = tk_vnow(CLOCK_TAI);
	check_image(l, t1, tv.sec * 1000000LL + tv.usec, t2, TK_USEC, "gettimeofday");
	t1 = coarse_tai(l, TK_VDSO);
	v = tk_vdso.time(NULL);
	t2 = coarse_tai(l, TK_VDSO);
	check_image(l, t1, v, t2, TK_SEC, "vDSO time");
	t1 = coarse_tai(l, TK_SYS);
	v = tk_sys_time();
	t2 = coarse_tai(l, TK_SYS);
	check_image(l, t1, v, t2, TK_SEC, "time");
	check_adjtimex(l);
	atomic_fetch_add(&l->samples, 1);
}

/*
 * The exact difference TAI - MONOTONIC, away from the edge: within one tick the coarse
 * clocks stand still, so REALTIME_COARSE read between two equal reads of
 * MONOTONIC_COARSE is of the same instant.
 */
static void find_line(struct leap *l)
{
	struct tk_timex tx = { 0 };
	s64 m1, v, m2;
	int n = 0;

	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	do {
		m1 = tk_vnow(CLOCK_MONOTONIC_COARSE);
		v = tk_vnow(CLOCK_REALTIME_COARSE);
		m2 = tk_vnow(CLOCK_MONOTONIC_COARSE);
	} while (m1 != m2 && n++ < 100000);
	REQUIRE(m1 == m2, "the coarse clock never stands still");
	l->tai_line = v - m1 + tx.tai * TK_SEC;
	/* The fine clocks have to agree. */
	CHECK_IV(tk_line(CLOCK_TAI, CLOCK_MONOTONIC, 200), l->tai_line, 0, "TAI - MONOTONIC");
}

static void arm(int status)
{
	struct tk_timex tx = { .modes = ADJ_STATUS | ADJ_MAXERROR | ADJ_NANO, .status = status };
	int ret = tk_adjtimex(&tx);

	CHECK(ret >= 0, "adjtimex(ADJ_STATUS, %#x): %s", status, strerror(-ret));
}

/* In the namespace: set, arm, watch. */
static void run_leap(struct leap *l)
{
	struct tk_timex tx = { 0 };
	s64 last = TK_MIDNIGHT - (l->status == STA_DEL ? 2 : 1) * TK_SEC;
	s64 at = TK_MIDNIGHT - l->ahead;
	s64 end, acted = 0, start;
	int ret;

	tk_enter(l->fd);
	tx = (struct tk_timex){ .modes = ADJ_TAI, .constant = 37 };
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	if (l->far_first) {
		ret = tk_settime(CLOCK_REALTIME, TK_MIDNIGHT / TK_SEC - TK_DAY / 2, 0);
		REQUIRE(!ret, "clock_settime: %s", strerror(-ret));
		arm(l->status);
		/* Until a second has begun with it */
		tk_sleep(2100 * TK_MSEC);
		arm(0);
		tk_sleep(1100 * TK_MSEC);
	}
	do {
		ret = tk_settime(CLOCK_REALTIME, at / TK_SEC, at % TK_SEC);
		REQUIRE(!ret, "clock_settime: %s", strerror(-ret));
		find_line(l);
		l->off = 37 * TK_SEC;
		l->edge = TK_MIDNIGHT + l->off - (l->status == STA_DEL ? TK_SEC : 0);
		if (l->status)
			arm(l->status);
		start = tk_vnow(CLOCK_MONOTONIC);
		/* Again, if it was not there when the last second before the leap began. */
	} while (l->status && at < last && tk_now(CLOCK_REALTIME) >= last);
	end = start + l->ahead + l->until;
	if (l->quiet)
		tk_sleep(l->quiet);
	while (tk_vnow(CLOCK_MONOTONIC) < end && tk_failures() < 5) {
		sample(l);
		if (l->act && !acted && tk_vnow(CLOCK_MONOTONIC) >= start + l->act_at) {
			l->act(l);
			acted = 1;
		}
		if (l->rebase) {
			find_line(l);
			l->rebase = false;
		}
	}
	CHECK(!l->act || acted, "the test's own step was not reached");
}

static void check_end(struct leap *l)
{
	struct tk_timex tx = { 0 };
	int ret;

	ret = tk_adjtimex(&tx);
	CHECK(ret >= 0, "adjtimex: %s", strerror(-ret));
	CHECK(tx.tai == 37 - l->step / TK_SEC, "TAI offset %d after the leap", tx.tai);
}

static int leap_process(void *arg)
{
	struct leap *l = arg;

	run_leap(l);
	if (tk_failures())
		return 0;
	check_end(l);
	if (l->step) {
		struct tk_timex tx = { .modes = ADJ_STATUS };
		s64 end;
		int ret;

		CHECK(l->quiet || l->states & (1u << (l->status == STA_INS ? TIME_INS : TIME_DEL)),
		      "the armed state was never seen: %#x", l->states);
		CHECK(l->status == STA_DEL || (l->states & (1u << TIME_OOP)),
		      "TIME_OOP was never seen: %#x", l->states);
		CHECK(l->states & (1u << TIME_WAIT), "TIME_WAIT was never seen: %#x", l->states);
		/* Withdrawn, WAIT turns to OK with one of the next seconds. */
		ret = tk_adjtimex(&tx);
		CHECK(ret == TIME_WAIT || ret == TIME_OK, "state %d", ret);
		end = tk_give_up();
		do {
			tk_sleep(20 * TK_MSEC);
			tx.modes = 0;
			ret = tk_adjtimex(&tx);
		} while (ret == TIME_WAIT && tk_vnow(CLOCK_MONOTONIC_RAW) < end);
		CHECK(ret == TIME_OK, "state %d in the end", ret);
	} else {
		CHECK(!(l->states & ((1u << TIME_OOP) | (1u << TIME_WAIT))),
		      "there was a leap after all: states %#x", l->states);
	}
	return 0;
}

/* The samples have to lie dense enough to say something: one in each state at least. */
#define CHECK_SAMPLES(l) CHECK(atomic_load(&(l)->samples) >= 10, "%ld samples only",	\
			       atomic_load(&(l)->samples))

TK_FIXTURE(leap);

static struct leap *new_leaps(int n)
{
	return tk_shared_page(n * sizeof(struct leap));
}

/* Two namespaces leap at the same time in opposite ways; the host, watched, does not. */
TEST_F(leap, insert_and_delete_at_once)
{
	struct leap *l = new_leaps(2);
	pid_t pid[2];
	int i;

	l[0] = (struct leap){ .fd = tk_ns_own(0), .status = STA_INS, .step = -TK_SEC,
			      .ahead = 2300 * TK_MSEC, .until = 1500 * TK_MSEC };
	l[1] = (struct leap){ .fd = tk_ns_own(0), .status = STA_DEL, .step = TK_SEC,
			      .ahead = 3300 * TK_MSEC, .until = 700 * TK_MSEC };
	for (i = 0; i < 2; i++)
		pid[i] = tk_spawn(leap_process, &l[i]);
	for (i = 0; i < 2; i++) {
		CHECK(!tk_reap(pid[i]), "process %d failed", i);
		CHECK_SAMPLES(&l[i]);
	}
}

/* A namespace whose clock is steered, inherited from nobody, leaps exactly as well. */
static void steer(int fd, s64 tick)
{
	struct tk_timex tx = { .modes = ADJ_TICK | ADJ_FREQUENCY, .tick = tick, .freq = 123 << 16 };

	tk_enter(fd);
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	tk_leave();
}

TEST_F(leap, steered_clocks)
{
	struct leap *l = new_leaps(2);
	pid_t pid[2];
	int i;

	l[0] = (struct leap){ .fd = tk_ns_own(0), .status = STA_INS, .step = -TK_SEC,
			      .ahead = 2100 * TK_MSEC, .until = 1500 * TK_MSEC };
	l[1] = (struct leap){ .fd = tk_ns_own(0), .status = STA_DEL, .step = TK_SEC,
			      .ahead = 3100 * TK_MSEC, .until = 500 * TK_MSEC };
	steer(l[0].fd, 11000);
	steer(l[1].fd, 9000);
	for (i = 0; i < 2; i++)
		pid[i] = tk_spawn(leap_process, &l[i]);
	for (i = 0; i < 2; i++) {
		CHECK(!tk_reap(pid[i]), "process %d failed", i);
		CHECK_SAMPLES(&l[i]);
	}
}

static void withdraw(struct leap *l)
{
	struct tk_timex tx = { 0 };
	int ret = tk_adjtimex(&tx);

	/* It was armed in truth: otherwise there was nothing to withdraw. */
	CHECK(ret == (l->status == STA_INS ? TIME_INS : TIME_DEL), "state %d", ret);
	arm(0);
}

/* Set across midnight while armed: the kernel forgets the leap, here as on the host. */
static void set_across(struct leap *l)
{
	int ret = tk_settime(CLOCK_REALTIME, TK_MIDNIGHT / TK_SEC - 1, 500 * TK_MSEC);

	CHECK(!ret, "clock_settime: %s", strerror(-ret));
	l->rebase = true;
}

/*
 * A timer for @at on REALTIME, armed now: what is left is the distance on the clock, as
 * on the host, whatever leap second lies on the way. When it expires is the matter of
 * tk_tleap and tk_ttruth.
 */
static void check_left(const struct leap *l, s64 at)
{
	struct itimerspec its = { .it_value = { at / TK_SEC, at % TK_SEC } }, left;
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC);
	s64 t1, t2, ns, line, again;

	REQUIRE(fd >= 0, "timerfd_create: %m");
	line = tk_vnow(CLOCK_TAI);
	t1 = tk_vnow(CLOCK_REALTIME);
	line -= t1;
	REQUIRE(!timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, NULL), "timerfd_settime: %m");
	REQUIRE(!timerfd_gettime(fd, &left), "timerfd_gettime: %m");
	t2 = tk_vnow(CLOCK_REALTIME);
	/* On a slow machine the second may have been inserted between the looks */
	again = tk_max(tk_vnow(CLOCK_TAI) - t2 - line, 0);
	again = again < TK_SEC / 2 ? 0 : TK_SEC;
	ns = tk_ns(left.it_value.tv_sec, left.it_value.tv_nsec);
	CHECK(at - t2 - again <= ns && ns <= at - t1 + again,
	      "%" PRId64 " ns left at %" PRId64 " ns after the edge, not %" PRId64 "..%" PRId64, ns,
	      t1 - l->edge, at - t2 - again, at - t1 + again);
	close(fd);
}

/* Before the edge: the inserted or deleted second lies on the way. */
static void timer_over_the_edge(struct leap *l)
{
	check_left(l, TK_MIDNIGHT + 5 * TK_SEC);
}

/* In the inserted second: it is behind us, and midnight is what is left of it. */
static void timer_after_the_edge(struct leap *l)
{
	CHECK(tk_vnow(CLOCK_TAI) >= l->edge, "not behind the edge");
	check_left(l, TK_MIDNIGHT + 5 * TK_SEC);
	check_left(l, TK_MIDNIGHT + TK_DAY * TK_SEC);
}

/* Timers armed around a leap, in four namespaces at once */
TEST_F(leap, timers_know_the_leap)
{
	struct leap *l = new_leaps(4);
	pid_t pid[4];
	int i;

	for (i = 0; i < 4; i++) {
		bool del = i & 1;

		l[i] = (struct leap){ .fd = tk_ns_own(0), .status = del ? STA_DEL : STA_INS,
				      .step = del ? TK_SEC : -TK_SEC,
				      .ahead = (del ? 3300 : 2300) * TK_MSEC,
				      .until = (del ? 500 : 1500) * TK_MSEC };
		l[i].act = i < 2 ? timer_over_the_edge : timer_after_the_edge;
		l[i].act_at = (i < 2 ? 1500 : 2500) * TK_MSEC;
	}
	for (i = 0; i < 4; i++)
		pid[i] = tk_spawn(leap_process, &l[i]);
	for (i = 0; i < 4; i++)
		CHECK(!tk_reap(pid[i]), "process %d failed", i);
}

/*
 * What is armed less than a second before midnight, after the last second that could
 * have noticed, is too late for this midnight: on the host and here, though here the
 * seconds are counted later.
 */
static void arm_late(struct leap *l)
{
	(void)l;
	arm(STA_INS);
}

/*
 * No leap, in four namespaces at once:
 *	withdrawn INS, withdrawn DEL, a clock set while armed, armed too late
 */
TEST_F(leap, no_leap_when_not_meant)
{
	struct leap *l = new_leaps(4);
	pid_t pid[4];
	int i;

	for (i = 0; i < 4; i++)
		l[i] = (struct leap){ .fd = tk_ns_own(0), .ahead = 2700 * TK_MSEC,
				      .until = 500 * TK_MSEC, .status = STA_INS };
	l[0].act = withdraw;
	l[0].act_at = 1500 * TK_MSEC;
	l[1].status = STA_DEL;
	l[1].ahead = 3300 * TK_MSEC;
	l[1].act = withdraw;
	l[1].act_at = 1500 * TK_MSEC;
	l[2].act = set_across;
	l[2].act_at = 1300 * TK_MSEC;
	l[3].status = 0;
	l[3].ahead = 1900 * TK_MSEC;
	l[3].act = arm_late;
	l[3].act_at = 1500 * TK_MSEC;
	for (i = 0; i < 4; i++)
		pid[i] = tk_spawn(leap_process, &l[i]);
	for (i = 0; i < 4; i++) {
		CHECK(!tk_reap(pid[i]), "process %d failed", i);
		CHECK_SAMPLES(&l[i]);
	}
}

/* ------------------------------------------------------------------ nobody is awake */

/* No watcher: it would wake the machine every few milliseconds. */
TK_FIXTURE_UNWATCHED(idle);

/*
 * An idle machine has no tick, so nobody takes a pass before the edge. The first read
 * behind it is as exact as any.
 */
TEST_F(idle, first_read_after_the_edge)
{
	struct leap *l = new_leaps(3);
	pid_t pid[3];
	int i;

	l[0] = (struct leap){ .fd = tk_ns_own(0), .status = STA_INS, .step = -TK_SEC,
			      .ahead = 3500 * TK_MSEC, .quiet = 3502 * TK_MSEC,
			      .until = 1500 * TK_MSEC };
	/* What was to wake the machine half a day later has to come sooner. */
	l[2] = l[0];
	l[2].fd = tk_ns_own(0);
	l[2].far_first = true;
	l[1] = (struct leap){ .fd = tk_ns_own(0), .status = STA_DEL, .step = TK_SEC,
			      .ahead = 4500 * TK_MSEC, .quiet = 3502 * TK_MSEC,
			      .until = -500 * TK_MSEC };
	for (i = 0; i < 3; i++)
		pid[i] = tk_spawn(leap_process, &l[i]);
	for (i = 0; i < 3; i++) {
		CHECK(!tk_reap(pid[i]), "process %d failed", i);
		CHECK_SAMPLES(&l[i]);
	}
}

/* -------------------------------------------------------------------- the host leaps */

TK_FIXTURE_UNWATCHED(host_leap);

static int wait_for_leap(void *arg)
{
	struct tk_timex tx = { 0 };
	s64 end = tk_give_up();
	int ret;

	(void)arg;
	do {
		tk_sleep(10 * TK_MSEC);
		ret = tk_adjtimex(&tx);
	} while (ret != TIME_OOP && ret != TIME_WAIT && tk_vnow(CLOCK_MONOTONIC_RAW) < end);
	return ret == TIME_OOP || ret == TIME_WAIT ? 0 : 1;
}

/*
 * Half a second before the last second that a leap second can be armed in; again, if that was
 * over then
 */
static void arm_host(int status)
{
	s64 last = TK_MIDNIGHT / TK_SEC - (status == STA_DEL ? 2 : 1);
	int ret;

	do {
		ret = tk_settime(CLOCK_REALTIME, last - 1, 500 * TK_MSEC);
		CHECK(!ret, "clock_settime: %s", strerror(-ret));
		arm(status);
	} while (tk_now(CLOCK_REALTIME) >= last * TK_SEC);
}

/* The host takes its leap second; a namespace that owns its clock does not notice. */
TEST_F(host_leap, own_does_not_notice)
{
	int fd = tk_ns_own(0);
	struct tk_guard guard;
	struct tk_watch w;

	tk_guard_start(&guard);
	tk_watch_start(&w, "the namespace", fd, TK_WATCH_ALL);
	arm_host(STA_INS);
	CHECK(!tk_run(wait_for_leap, NULL), "the host did not leap");
	tk_sleep(20 * TK_MSEC);
	tk_watch_stop(&w);
	tk_guard_stop(&guard);
}

/* What the host has armed is the host's: a namespace that switches then has nothing armed. */
TEST_F(host_leap, armed_host_is_not_inherited)
{
	struct tk_timex tx = { 0 };
	struct tk_guard guard;
	int fd = tk_ns_new(), ret;
	s64 end;

	tk_guard_start(&guard);
	ret = tk_settime(CLOCK_REALTIME, TK_MIDNIGHT / TK_SEC - TK_DAY / 2, 0);
	CHECK(!ret, "clock_settime: %s", strerror(-ret));
	arm(STA_INS);
	end = tk_give_up();
	do {
		tk_sleep(100 * TK_MSEC);
		ret = tk_adjtimex(&tx);
	} while (ret != TIME_INS && tk_vnow(CLOCK_MONOTONIC_RAW) < end);
	CHECK(ret == TIME_INS, "the host's state is %d", ret);
	tk_enter(fd);
	ret = tk_adjtimex(&tx);
	CHECK(ret == TIME_INS, "a follower's state is %d", ret);
	tk_make_own();
	tx.modes = 0;
	ret = tk_adjtimex(&tx);
	CHECK(ret == TIME_OK || ret == TIME_ERROR, "the state is %d after the switch", ret);
	CHECK(!(tx.status & (STA_INS | STA_DEL)), "status %#x after the switch", tx.status);
	tk_leave();
	tk_guard_stop(&guard);
}

/* A follower takes the host's leap with it: same REALTIME, TAI, state. */
TEST_F(host_leap, follow_leaps_along)
{
	struct tk_timex host = { 0 }, ns = { 0 };
	int fd = tk_ns_new(), ret, hret;
	struct tk_guard guard;
	s64 end;

	tk_guard_start(&guard);
	arm_host(STA_DEL);
	end = tk_give_up();
	do {
		/* Between two reads of the host a leap may come, so compare three. */
		struct tk_timex again = { 0 };
		int again_ret;

		hret = tk_adjtimex(&host);
		tk_enter(fd);
		ret = tk_adjtimex(&ns);
		tk_leave();
		again_ret = tk_adjtimex(&again);
		CHECK((ret == hret && ns.tai == host.tai) ||
		      (ret == again_ret && ns.tai == again.tai),
		      "state %d, TAI %d; host %d, %d, then %d, %d", ret, ns.tai, hret, host.tai,
		      again_ret, again.tai);
		tk_sleep(5 * TK_MSEC);
	} while (hret != TIME_WAIT && tk_vnow(CLOCK_MONOTONIC_RAW) < end && !tk_failures());
	CHECK(hret == TIME_WAIT, "the host did not leap: %d", hret);
	CHECK_IV(tk_cross(fd, CLOCK_REALTIME, 50, NULL), 0, 0, "REALTIME");
	CHECK_IV(tk_cross(fd, CLOCK_TAI, 50, NULL), 0, 0, "TAI");
	tk_guard_stop(&guard);
}

TEST_HARNESS_MAIN
