// SPDX-License-Identifier: GPL-2.0
/*
 * Nothing done to one clock reaches another.
 *
 *	host ----x------>  a namespace that follows moves along with x
 *	          \
 *	  ns ------\---->  a namespace that owns its clock does not
 *
 *	host ----------->  does not move
 *	  ns ---x------->  whatever is done here
 *	  ns ----------->  and here neither
 *
 * A watcher sits in each clock that may not move (see lib/watch.h) while a storm of
 * sets, steps, rates and leap arming goes over another.
 */
#include <pthread.h>
#include <sys/resource.h>

#include "lib/tk.h"
#include "lib/waits.h"

/* What can be done to a clock, each once; the namespace is the caller's */
static void disturb(unsigned int seed)
{
	s64 real = tk_now(CLOCK_REALTIME), sec = tk_floor_div(real, TK_SEC);
	struct tk_timex tx = { 0 };
	struct tk_tv tv = { sec + 3600, 5 };
	int ret = 0;

	switch (seed % 12) {
	case 0:
		ret = tk_settime(CLOCK_REALTIME, sec + 86400, 7);
		break;
	case 1:
		ret = tk_settime(CLOCK_REALTIME, sec - 86400, 7);
		break;
	case 2:
		ret = tk_sys_settimeofday(&tv, NULL);
		break;
	case 3:
		ret = tk_step(-3600 * TK_SEC - 5 * TK_USEC);
		break;
	case 4:
		tx = (struct tk_timex){ .modes = ADJ_TICK, .tick = seed & 16 ? 11000 : 9000 };
		break;
	case 5:
		tx = (struct tk_timex){ .modes = ADJ_FREQUENCY, .freq = (s64)(seed % 500) << 16 };
		break;
	case 6:
		tx = (struct tk_timex){ .modes = ADJ_STATUS, .status = STA_PLL | STA_INS };
		break;
	case 7:
		tx = (struct tk_timex){ .modes = ADJ_OFFSET | ADJ_NANO, .offset = 400000 };
		break;
	case 8:
		tx = (struct tk_timex){ .modes = ADJ_TAI, .constant = seed % 40 };
		break;
	case 9:
		tx = (struct tk_timex){ .modes = ADJ_STATUS, .status = STA_PLL | STA_DEL };
		break;
	case 10:
		tx = (struct tk_timex){ .modes = ADJ_MAXERROR | ADJ_ESTERROR | ADJ_TIMECONST,
					.maxerror = seed, .esterror = seed, .constant = seed % 10 };
		break;
	case 11:
		tx = (struct tk_timex){ .modes = ADJ_OFFSET_SINGLESHOT, .offset = 5000 };
		break;
	}
	if (tx.modes)
		ret = tk_adjtimex(&tx);
	CHECK(ret >= 0, "disturbance %u: %s", seed % 12, strerror(-ret));
}

/* Disturb the clock of @fd for so long. */
struct storm {
	int fd;
	s64 ns;
	unsigned int first;
};

static int storm(void *arg)
{
	struct storm *s = arg;
	s64 end;
	unsigned int i;

	/* RAW is the one clock here that the storm does not bend. */
	if (s->fd >= 0)
		tk_enter(s->fd);
	end = tk_now(CLOCK_MONOTONIC_RAW) + s->ns;
	for (i = s->first; i < s->first + 48 || tk_now(CLOCK_MONOTONIC_RAW) < end; i++) {
		disturb(i);
		/* Leave the watchers a chance on a small machine. */
		if (i % 8 == 7)
			tk_sleep(2 * TK_MSEC);
	}
	return 0;
}

TK_FIXTURE(inside);

/* One namespace storms; the host (the fixture's watcher) and a neighbour stay. */
TEST_F(inside, a_storm_in_one_moves_no_other)
{
	struct tk_watch neighbour, quiet;
	struct storm s = { .fd = tk_ns_own(0), .ns = 1500 * TK_MSEC };
	int other = tk_ns_own(5 * TK_YEAR * TK_SEC), follower = tk_ns_new();

	tk_watch_start(&neighbour, "the neighbour", other, TK_WATCH_ALL);
	tk_watch_start(&quiet, "the follower", follower, TK_WATCH_ALL);
	RUN(storm, &s);
	tk_watch_stop(&neighbour);
	tk_watch_stop(&quiet);
	tk_enter(follower);
	CHECK_STATE("follow");
	tk_leave();
	tk_enter(s.fd);
	CHECK_STATE("own");
	tk_leave();
}

/* Two storms at once, in opposite phase: the host stays, and a third namespace. */
TEST_F(inside, two_storms_at_once)
{
	struct storm s[2] = {
		{ .fd = tk_ns_own(0), .ns = 1200 * TK_MSEC },
		{ .fd = tk_ns_own(TK_YEAR * TK_SEC), .ns = 1200 * TK_MSEC, .first = 6 },
	};
	struct tk_watch third;
	int fd = tk_ns_own(-TK_YEAR * TK_SEC);
	pid_t pid[2];
	int i;

	tk_watch_start(&third, "the third", fd, TK_WATCH_ALL);
	for (i = 0; i < 2; i++)
		pid[i] = tk_spawn(storm, &s[i]);
	for (i = 0; i < 2; i++)
		CHECK(!tk_reap(pid[i]), "a storm failed");
	tk_watch_stop(&third);
}

/*
 * The namespace's state and the difference to the host that timens_clock tells are
 * those of the namespace, for a reader on the host too.
 */
TEST_F(inside, timens_clock_tells_each_its_own)
{
	static const s64 ahead[] = { TK_YEAR * TK_SEC, -TK_YEAR * TK_SEC, 0 };
	struct tk_state st;
	size_t i;

	for (i = 0; i < TK_ARRAY(ahead); i++) {
		s64 start = tk_vnow(CLOCK_MONOTONIC_RAW), unit;
		int fd = tk_ns_own(ahead[i]);

		tk_enter(fd);
		tk_get_state(&st);
		tk_leave();
		unit = tk_unit(tk_vnow(CLOCK_MONOTONIC_RAW) - start);
		CHECK(llabs(st.realtime - ahead[i]) <= unit, "realtime %" PRId64
		      " for %" PRId64, st.realtime, ahead[i]);
		CHECK(llabs(st.tai - ahead[i]) <= unit, "tai %" PRId64 " for %" PRId64,
		      st.tai, ahead[i]);
		CHECK(llabs(st.monotonic) <= unit, "monotonic %" PRId64, st.monotonic);
		CHECK(llabs(st.boottime) <= unit, "boottime %" PRId64, st.boottime);
		tk_get_state(&st);
		CHECK(!strcmp(st.state, "follow") && !st.realtime && !st.monotonic &&
		      !st.boottime && !st.tai, "the host's own file: %s %" PRId64 " %" PRId64,
		      st.state, st.realtime, st.monotonic);
		close(fd);
	}
}

/* ------------------------------------------------------------ the host is moved */

TK_FIXTURE_UNWATCHED(outside);

/* A storm over the host: the namespaces with clocks of their own do not notice. */
TEST_F(outside, own_does_not_move)
{
	struct storm s = { .fd = -1, .ns = 1200 * TK_MSEC };
	int a = tk_ns_own(0), b = tk_ns_own(TK_YEAR * TK_SEC);
	struct tk_watch wa, wb;
	struct tk_guard guard;

	tk_guard_start(&guard);
	tk_watch_start(&wa, "namespace a", a, TK_WATCH_ALL);
	tk_watch_start(&wb, "namespace b", b, TK_WATCH_ALL);
	RUN(storm, &s);
	tk_watch_stop(&wa);
	tk_watch_stop(&wb);
	tk_guard_stop(&guard);
}

/* A follower reads the host's REALTIME, TAI, status, whatever the host is set to. */
TEST_F(outside, follow_moves_along)
{
	static const int clk[] = { CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	int fd = tk_ns_new();
	struct tk_guard guard;
	unsigned int i;
	size_t c;

	tk_guard_start(&guard);
	for (i = 0; i < 48; i++) {
		struct tk_timex host = { 0 }, ns = { 0 }, later = { 0 };
		int hret, ret, later_ret;

		disturb(i);
		for (c = 0; c < TK_ARRAY(clk); c++)
			CHECK_IV(tk_cross(fd, clk[c], 5, NULL), 0, 0, "ns - host");
		hret = tk_adjtimex(&host);
		tk_enter(fd);
		ret = tk_adjtimex(&ns);
		CHECK_STATE("follow");
		tk_leave();
		/* A second may end in between and take the leap state on. */
		later_ret = tk_adjtimex(&later);
		CHECK(ret == hret || ret == later_ret, "state %d, host %d and %d", ret, hret,
		      later_ret);
		CHECK(ns.freq == host.freq && ns.tick == host.tick && ns.tai == host.tai &&
		      ns.esterror == host.esterror && ns.constant == host.constant &&
		      ns.status == host.status,
		      "after disturbance %u adjtimex differs: freq %" PRId64 "/%" PRId64
		      ", status %#x/%#x, TAI %d/%d", i % 12, ns.freq, host.freq, ns.status,
		      host.status, ns.tai, host.tai);
	}
	tk_guard_stop(&guard);
}

/* timens_clock of an own namespace shows by how much the host was moved away from it. */
TEST_F(outside, the_difference_is_told)
{
	struct tk_state before, after;
	struct tk_guard guard;
	int fd = tk_ns_own(0);
	struct tk_iv iv;
	s64 slack, start = tk_vnow(CLOCK_MONOTONIC_RAW);

	tk_enter(fd);
	tk_get_state(&before);
	tk_leave();
	tk_guard_start(&guard);
	CHECK(tk_step(-1234 * TK_SEC - 567 * TK_MSEC) >= 0, "step: %m");
	iv = tk_cross(fd, CLOCK_REALTIME, 50, NULL);
	tk_enter(fd);
	tk_get_state(&after);
	tk_leave();
	tk_guard_stop(&guard);
	slack = tk_unit(tk_vnow(CLOCK_MONOTONIC_RAW) - start);
	CHECK(llabs(after.realtime - before.realtime - (1234 * TK_SEC + 567 * TK_MSEC)) <= slack,
	      "realtime went from %" PRId64 " to %" PRId64, before.realtime, after.realtime);
	CHECK_IV(iv, after.realtime, slack, "realtime in timens_clock");
	CHECK(llabs(after.monotonic - before.monotonic) <= slack, "monotonic moved");
	CHECK(llabs(after.boottime - before.boottime) <= slack, "boottime moved");
	CHECK_IV_MEET(tk_cross(fd, CLOCK_REALTIME, 50, NULL),
		      ((struct tk_iv){ before.realtime, before.realtime }), slack,
		      "after the guard put the host back");
}

/*
 * Switching inherits a steered host: the namespace is continuous and keeps the host's
 * frequency, and later it keeps it alone.
 */
TEST_F(outside, a_steered_host_is_inherited)
{
	struct tk_timex tx = {
		.modes = ADJ_FREQUENCY | ADJ_TICK, .freq = 100 << 16, .tick = 10010,
	};
	struct tk_timex ns = { 0 };
	struct tk_guard guard;
	struct tk_watch w;
	s64 start;
	int fd;

	tk_guard_start(&guard);
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	start = tk_now(CLOCK_MONOTONIC);
	fd = tk_ns_own(0);
	CHECK_IV(tk_cross(fd, CLOCK_REALTIME, 100, NULL), 0,
		 tk_unit(tk_now(CLOCK_MONOTONIC) - start), "ns - host");
	tk_watch_start(&w, "the namespace", fd, TK_WATCH_ALL);
	tx = (struct tk_timex){ .modes = ADJ_FREQUENCY | ADJ_TICK, .freq = 0, .tick = 10000 };
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	tk_sleep(300 * TK_MSEC);
	tk_watch_stop(&w);
	tk_enter(fd);
	CHECK(tk_adjtimex(&ns) >= 0, "adjtimex: %m");
	CHECK(ns.freq == 100 << 16 && ns.tick == 10010, "freq %" PRId64 ", tick %" PRId64, ns.freq,
	      ns.tick);
	tk_leave();
	tk_guard_stop(&guard);
}

/* ------------------------------------------------- the machine is not interrupted */

/*
 * The first owner switches code on, the last one off. That patches the text of the kernel
 * and interrupts every CPU: an unprivileged loop must not do it all the time.
 */
TEST_F(outside, comes_and_goes)
{
	s64 before, now;
	int n;

	tk_need_debugfs();
	before = tk_stat("patched");
	for (n = 0; n < 30; n++) {
		close(tk_ns_own(0));
		tk_sleep(200 * TK_MSEC);
	}
	now = tk_stat("patched");
	/* Once for owners, once for the timers of namespaces; then both stay on */
	CHECK(now - before <= 2, "patched %" PRId64 " times in %d rounds", now - before, n);
	CHECK(now > 0, "nothing was ever switched on");
}

/* ------------------------------------------------- nobody waits for a slow setter */

/*
 * All timers of who follows an owner are walked over when it is set, at the expense of the
 * setter and at his pace. Here that is the pace of SCHED_IDLE beside a busy loop. Another one
 * wants to write the offsets of the same namespace meanwhile, which no task has entered, and
 * so waits for him. A third is a neighbour, who makes a namespace and enters it as the first
 * task: not a matter of time, as this has to come about within one and the same set.
 */
#define SLOW_TIMERS 4000
#define SLOW_TRIES 10

struct slow {
	atomic_uint set;	/* odd while the clock is being set */
	atomic_bool armed;	/* the follower has its timers */
	atomic_uint wrote;	/* how often the offsets were refused */
	atomic_bool over;
};

static void slow_pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	REQUIRE(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity: %m");
}

static int slow_hog(void *arg)
{
	struct slow *s = arg;

	slow_pin();
	while (!atomic_load(&s->over))
		;
	return 0;
}

/* In the namespace which follows the one that is set */
static int slow_follower(void *arg)
{
	const struct rlimit many = { 2 * SLOW_TIMERS, 2 * SLOW_TIMERS };
	struct sigevent ev = { .sigev_notify = SIGEV_NONE };
	struct slow *s = arg;
	unsigned int i;
	int id;

	REQUIRE(!setrlimit(RLIMIT_SIGPENDING, &many), "setrlimit: %m");
	for (i = 0; i < SLOW_TIMERS; i++) {
		REQUIRE(!syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id), "timer_create: %m");
		REQUIRE(!tw_timer_arm(id, 0, TK_DAY * TK_SEC, 0), "timer_settime: %m");
	}
	atomic_store(&s->armed, true);
	for (;;)
		pause();
}

static void *slow_make_follower(void *arg)
{
	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	tk_spawn(slow_follower, arg);
	/* It goes with who has made it */
	for (;;)
		pause();
}

static void *slow_writer(void *arg)
{
	struct slow *s = arg;
	int ret;

	for (;;) {
		ret = tk_write_file("/proc/self/timens_offsets", "monotonic 5 0\n");
		REQUIRE(ret == -EACCES, "timens_offsets: %s", strerror(-ret));
		atomic_fetch_add(&s->wrote, 1);
	}
}

/* Its children would be in the namespace which it sets, but it has none: a thread has */
static int slow_setter(void *arg)
{
	const struct sched_param param = { 0 };
	struct slow *s = arg;
	pthread_t th;
	int ret, i;

	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	ret = tk_write_file(TK_CLOCK_FILE, "rate 2\n");
	REQUIRE(!ret, "rate: %s", strerror(-ret));
	REQUIRE(!pthread_create(&th, NULL, slow_make_follower, s), "pthread_create");
	while (!atomic_load(&s->armed))
		tk_sleep(TK_MSEC);
	REQUIRE(!pthread_create(&th, NULL, slow_writer, s), "pthread_create");
	slow_pin();
	REQUIRE(!sched_setscheduler(0, SCHED_IDLE, &param), "sched_setscheduler: %m");
	for (i = 0;; i++) {
		atomic_fetch_add(&s->set, 1);
		ret = tk_write_file(TK_CLOCK_FILE, i % 2 ? "rate 2\n" : "rate 3\n");
		REQUIRE(!ret, "rate: %s", strerror(-ret));
		atomic_fetch_add(&s->set, 1);
	}
}

static int slow_entered(void *arg)
{
	(void)arg;
	return 0;
}

static int slow_neighbour(void *arg)
{
	(void)arg;
	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	return tk_run(slow_entered, NULL);
}

TEST_F(outside, a_slow_setter_keeps_nobody_out)
{
	struct slow *s = tk_shared_page(sizeof(*s));
	pid_t hog = tk_spawn(slow_hog, s), group;
	unsigned int n = 0, in = 0, set, wrote;
	s64 give_up = tk_give_up();

	group = tk_spawn(slow_setter, s);
	while (n < SLOW_TRIES && !in && tk_vnow(CLOCK_MONOTONIC_RAW) < give_up) {
		set = atomic_load(&s->set);
		wrote = atomic_load(&s->wrote);
		tk_sleep(20 * TK_MSEC);
		/* Who writes the offsets waits for the setter */
		if (!(set & 1) || atomic_load(&s->set) != set || atomic_load(&s->wrote) != wrote)
			continue;
		RUN(slow_neighbour, NULL);
		in += atomic_load(&s->set) == set && atomic_load(&s->wrote) == wrote;
		n++;
	}
	CHECK(n, "nobody waited for the setter");
	CHECK(in, "a neighbour waited for who sets another clock, each of %u times", n);
	atomic_store(&s->over, true);
	tk_reap(hog);
	kill(group, SIGKILL);
	tk_reap(group);
	munmap(s, sizeof(*s));
}

TEST_HARNESS_MAIN
