// SPDX-License-Identifier: GPL-2.0
/*
 * Birth and death of namespaces that own a clock: what holds them, what lets them go,
 * and that nothing stays behind.
 *
 *	a namespace is held by	its tasks
 *				a descriptor of /proc/PID/ns/time
 *				a child's time_for_children
 *	and not by		a mapped vDSO page of a dead task, a timer that is gone
 *
 * What is left is counted by the statistics (`own') and by max_time_namespaces.
 */
#include "lib/tk.h"

#include <sys/timerfd.h>

TK_FIXTURE(life);

/* The number of namespaces that own a clock; freeing may be deferred, so wait for it. */
static void check_own_count(s64 want)
{
	s64 end = tk_give_up(), is;

	do {
		is = tk_stat("own");
		if (is == want)
			return;
		tk_sleep(10 * TK_MSEC);
	} while (tk_vnow(CLOCK_MONOTONIC_RAW) < end);
	CHECK(is == want, "%" PRId64 " namespaces own a clock, not %" PRId64, is, want);
}

/* A descriptor holds the namespace and its clock when the last task is gone. */
TEST_F(life, descriptor_holds_the_clock)
{
	s64 was, start = tk_vnow(CLOCK_MONOTONIC);
	int fd;

	tk_need_debugfs();
	was = tk_stat("own");
	fd = tk_ns_own(TK_YEAR * TK_SEC);
	check_own_count(was + 1);
	/* Nobody is inside, and it runs. */
	tk_sleep(1200 * TK_MSEC);
	CHECK_IV(tk_cross(fd, CLOCK_REALTIME, 50, NULL), TK_YEAR * TK_SEC,
		 tk_unit(tk_vnow(CLOCK_MONOTONIC) - start), "REALTIME");
	close(fd);
	check_own_count(was);
}

struct mortal {
	int ns;
	int timer;
	int pipe[2];
};

/* A task with a mapped page, a timer and a descriptor of its own namespace, killed. */
static int mortal(void *arg)
{
	struct mortal *m = arg;
	struct itimerspec its = { .it_interval = { .tv_nsec = 1000000 } };
	timer_t posix;
	int fd;

	tk_enter(m->ns);
	close(m->ns);
	fd = timerfd_create(CLOCK_REALTIME, 0);
	REQUIRE(fd >= 0, "timerfd_create: %m");
	its.it_value.tv_sec = tk_vnow(CLOCK_REALTIME) / TK_SEC + 3600;
	REQUIRE(!timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &its, NULL),
		"timerfd_settime: %m");
	REQUIRE(!timer_create(CLOCK_REALTIME, NULL, &posix), "timer_create: %m");
	REQUIRE(!timer_settime(posix, TIMER_ABSTIME, &its, NULL), "timer_settime: %m");
	tk_open_ns("/proc/self/ns/time");
	REQUIRE(write(m->pipe[1], "r", 1) == 1, "pipe: %m");
	for (;;)
		tk_vnow(CLOCK_REALTIME);
	return 0;
}

TEST_F(life, killed_with_everything_open)
{
	struct mortal m;
	s64 was;
	int n;
	char c;

	tk_need_debugfs();
	was = tk_stat("own");
	REQUIRE(!pipe(m.pipe), "pipe: %m");
	for (n = 0; n < 10; n++) {
		pid_t pid;

		m.ns = tk_ns_own((n + 1) * TK_YEAR * TK_SEC);
		pid = tk_spawn(mortal, &m);
		REQUIRE(read(m.pipe[0], &c, 1) == 1, "pipe: %m");
		close(m.ns);
		CHECK(tk_stat("own") == was + 1, "own %" PRId64, tk_stat("own"));
		kill(pid, SIGKILL);
		tk_reap(pid);
		check_own_count(was);
	}
}

/* A timer armed inside that is carried out of the namespace outlives it. */
static int arm_and_pass(void *arg)
{
	struct mortal *m = arg;
	struct itimerspec its = { 0 };
	s64 at;

	tk_enter(m->ns);
	close(m->ns);
	/* 50 ms ahead on the namespace's clock, a year ahead of the host's */
	at = tk_vnow(CLOCK_REALTIME) + 50 * TK_MSEC;
	its.it_value.tv_sec = at / TK_SEC;
	its.it_value.tv_nsec = at % TK_SEC;
	REQUIRE(!timerfd_settime(m->timer, TFD_TIMER_ABSTIME, &its, NULL), "timerfd_settime: %m");
	return 0;
}

TEST_F(life, timer_outlives_the_namespace)
{
	struct mortal m;
	struct pollfd p;
	s64 was;
	u64 ticks;

	tk_need_debugfs();
	was = tk_stat("own");
	m.ns = tk_ns_own(TK_YEAR * TK_SEC);
	m.timer = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	REQUIRE(m.timer >= 0, "timerfd_create: %m");
	RUN(arm_and_pass, &m);
	close(m.ns);
	/* It fires, though nobody is left in whose time it was armed. */
	p = (struct pollfd){ .fd = m.timer, .events = POLLIN };
	CHECK(poll(&p, 1, tk_patience_ms()) == 1, "the timer did not fire");
	CHECK(read(m.timer, &ticks, sizeof(ticks)) == sizeof(ticks) && ticks == 1, "ticks");
	close(m.timer);
	check_own_count(was);
}

/*
 * Tasks enter a namespace at once which nobody entered before. The first one sets its page
 * up, and none reads it before that: a coarse clock would be in 1970.
 */
struct joiner {
	int ns;
	int cpu;
	atomic_int *there;
	int all;
};

static int joiner(void *arg)
{
	struct joiner *j = arg;
	cpu_set_t set;
	s64 real;

	CPU_ZERO(&set);
	CPU_SET(j->cpu % sysconf(_SC_NPROCESSORS_ONLN), &set);
	REQUIRE(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity: %m");
	atomic_fetch_add(j->there, 1);
	while (atomic_load(j->there) < j->all)
		sched_yield();
	tk_enter(j->ns);
	real = tk_vnow(CLOCK_REALTIME_COARSE);
	CHECK(real > TK_YEAR * TK_SEC, "it is %" PRId64 " ns", real);
	return 0;
}

TEST_F(life, the_first_tasks_at_once)
{
	atomic_int *there = tk_shared_page(sizeof(*there));
	struct joiner j[3];
	pid_t pid[3];
	int round, i;

	for (round = 0; round < 100; round++) {
		int ns = tk_ns_new();

		atomic_store(there, 0);
		for (i = 0; i < 3; i++) {
			j[i] = (struct joiner){ .ns = ns, .cpu = i, .there = there, .all = 3 };
			pid[i] = tk_spawn(joiner, &j[i]);
		}
		for (i = 0; i < 3; i++)
			CHECK(!tk_reap(pid[i]), "round %d: a task failed", round);
		close(ns);
	}
}

/*
 * What is kept for a namespace is charged to the cgroup of who made it, whoever makes it
 * grow: here the host does, by changing the rate, each of which is a line of the past.
 */
#define CGROUP "/sys/fs/cgroup/tk_life"
#define LINES 1024
#define LINE_SIZE 32

struct member {
	atomic_bool ready;
};

static int member(void *arg)
{
	struct member *m = arg;

	REQUIRE(!tk_write_file(CGROUP "/cgroup.procs", "0"), CGROUP ": %m");
	tk_enter(tk_ns_own(0));
	atomic_store(&m->ready, true);
	for (;;)
		pause();
}

/* Bytes of kernel objects that the cgroup is charged for */
static s64 charged(void)
{
	static char text[8192];
	long long n = -1;
	const char *at;

	tk_slurp(CGROUP "/memory.stat", text, sizeof(text));
	at = strstr(text, "slab_unreclaimable ");
	REQUIRE(at && sscanf(at, "slab_unreclaimable %lld", &n) == 1, "no slab in memory.stat");
	return n;
}

TEST_F(life, the_past_is_charged)
{
	struct member *m = tk_shared_page(sizeof(*m));
	char path[64];
	s64 before, is, end;
	pid_t pid;
	int i, ret;

	tk_write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	REQUIRE(!mkdir(CGROUP, 0755) || errno == EEXIST, CGROUP ": %m");
	pid = tk_spawn(member, m);
	while (!atomic_load(&m->ready))
		tk_sleep(TK_MSEC);
	before = charged();
	snprintf(path, sizeof(path), "/proc/%d/timens_clock", pid);
	for (i = 0; i < LINES; i++) {
		ret = tk_write_file(path, i % 2 ? "rate 1" : "rate 2");
		CHECK(!ret, "%s: %s", path, strerror(-ret));
	}
	/* The statistics are flushed every two seconds. */
	end = tk_give_up();
	do {
		is = charged() - before;
	} while (is < LINES * LINE_SIZE / 2 && tk_vnow(CLOCK_MONOTONIC_RAW) < end &&
		 (tk_sleep(100 * TK_MSEC), true));
	CHECK(is >= LINES * LINE_SIZE / 2, "%" PRId64 " bytes were charged", is);
	kill(pid, SIGKILL);
	tk_reap(pid);
	while (rmdir(CGROUP) && tk_vnow(CLOCK_MONOTONIC_RAW) < end)
		tk_sleep(10 * TK_MSEC);
}

/* 200 namespaces, created, owning, in any order destroyed: nothing is left. */
#define MANY 200

TEST_F(life, many)
{
	int fds[MANY], n, round;
	s64 was;

	tk_need_debugfs();
	was = tk_stat("own");
	for (round = 0; round < 2; round++) {
		for (n = 0; n < MANY; n++)
			fds[n] = tk_ns_own((n - MANY / 2) * 3600 * TK_SEC);
		CHECK(tk_stat("own") == was + MANY, "own %" PRId64, tk_stat("own"));
		/* Each has the clock that it was given. */
		for (n = 0; n < MANY; n += 7)
			CHECK_IV(tk_cross(fds[n], CLOCK_REALTIME, 3, NULL),
				 (n - MANY / 2) * 3600 * TK_SEC, tk_unit(120 * TK_SEC), "REALTIME");
		/* Half of them, the rest alive; in an order that is not that of creation */
		for (n = 0; n < MANY; n++)
			if (n % 3 == round)
				close(fds[n]);
		for (n = MANY - 1; n >= 0; n--) {
			if (n % 3 == round)
				continue;
			tk_enter(fds[n]);
			CHECK_STATE("own");
			tk_leave();
			close(fds[n]);
		}
		check_own_count(was);
	}
}

/* Own and follow in turn on one namespace: each counted once. */
TEST_F(life, switching_is_counted)
{
	int fd = tk_ns_new(), n;
	s64 was;

	tk_need_debugfs();
	was = tk_stat("own");
	for (n = 0; n < 50; n++) {
		tk_enter(fd);
		tk_make_own();
		CHECK(tk_stat("own") == was + 1, "own %" PRId64, tk_stat("own"));
		CHECK(!tk_follow(), "follow: %m");
		CHECK(tk_stat("own") == was, "own %" PRId64, tk_stat("own"));
		tk_leave();
	}
	/* It dies as a follower; the count stays. */
	close(fd);
	check_own_count(was);
}

/* Tasks that come and go while the last one holds it. */
static int short_lived(void *arg)
{
	tk_enter(*(int *)arg);
	CHECK(tk_step(TK_SEC) >= 0, "step: %m");
	return 0;
}

TEST_F(life, many_short_tasks)
{
	int fd = tk_ns_own(0), n;

	for (n = 0; n < 100; n++)
		RUN(short_lived, &fd);
	CHECK_IV(tk_cross(fd, CLOCK_REALTIME, 20, NULL), 100 * TK_SEC, tk_unit(120 * TK_SEC),
		 "REALTIME");
}

/* --------------------------------------------------------------- failing allocations */

static void set_knob(const char *dir, const char *knob, const char *val)
{
	char path[128];
	int ret;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", dir, knob);
	ret = tk_write_file(path, val);
	CHECK(!ret, "%s: %s", path, strerror(-ret));
}

/*
 * The file stays open: opening it allocates, and would fail in place of what is tested.
 * Let the @nth allocation from now on fail, once; 0: none.
 */
static void fail_nth(int fd, int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", nth);

	REQUIRE(pwrite(fd, text, len, 0) == len, "/proc/self/fail-nth: %m");
}

/* What is left to count down: 0 when an allocation was made to fail */
static int fail_left(int fd)
{
	char text[16] = "";

	REQUIRE(pread(fd, text, sizeof(text) - 1, 0) > 0, "/proc/self/fail-nth: %m");
	return atoi(text);
}

static int open_fail_nth(void)
{
	int fd = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);

	REQUIRE(fd >= 0, "/proc/self/fail-nth: %m");
	return fd;
}

static bool prepare_failures(void)
{
	static const char *const dir[] = { "failslab", "fail_page_alloc" };
	bool found = false;
	char path[64];
	size_t i;

	if (access("/proc/self/fail-nth", W_OK))
		return false;
	for (i = 0; i < TK_ARRAY(dir); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", dir[i]);
		if (access(path, F_OK))
			continue;
		found = true;
		set_knob(dir[i], "verbose", "0");
		set_knob(dir[i], "ignore-gfp-wait", "N");
		if (!strcmp(dir[i], "fail_page_alloc"))
			set_knob(dir[i], "min-order", "0");
	}
	return found;
}

/*
 * Make one allocation after the other fail in unshare(CLONE_NEWTIME), from a follower
 * and from an own namespace, until it gets through untouched.
 */
static int failing_unshare(void *arg)
{
	int from = *(int *)arg, fd = open_fail_nth(), nth, ret, left;

	tk_enter(from);
	for (nth = 1; nth < 1000; nth++) {
		fail_nth(fd, nth);
		ret = TK_RET(unshare(CLONE_NEWTIME));
		left = fail_left(fd);
		fail_nth(fd, 0);
		CHECK(!ret || ret == -ENOMEM, "allocation %d failed: %s", nth, strerror(-ret));
		/* Whole in either case */
		tk_vnow(CLOCK_REALTIME);
		if (!ret)
			tk_enter(from);
		if (left)
			break;	/* there are no more allocations to fail */
	}
	CHECK(nth > 1, "not one allocation was made to fail");
	CHECK(nth < 1000, "there is no end to the allocations");
	fprintf(stderr, "# %d allocations\n", nth - 1);
	return 0;
}

/* The same for the switch itself, and for the set: ENOMEM and unchanged, or done. */
static int failing_switch(void *arg)
{
	int fail = open_fail_nth(), nth, ret, left;

	(void)arg;
	for (nth = 1; nth < 1000; nth++) {
		int fd = tk_ns_new();

		tk_enter(fd);
		fail_nth(fail, nth);
		ret = tk_step(TK_SEC);
		left = fail_left(fail);
		fail_nth(fail, 0);
		CHECK(ret >= 0 || ret == -ENOMEM, "allocation %d failed: %s", nth, strerror(-ret));
		CHECK_STATE(ret >= 0 ? "own" : "follow");
		tk_leave();
		close(fd);
		if (left)
			break;
	}
	CHECK(nth < 1000, "there is no end to the allocations");
	fprintf(stderr, "# %d allocations\n", nth - 1);
	return 0;
}

TEST_F(life, failing_allocations)
{
	char limit[32];
	int fd = tk_ns_own(0), follow = tk_ns_new();
	s64 own, max = tk_read_s64("/proc/sys/user/max_time_namespaces");
	int n, fds[8];

	tk_need_debugfs();
	if (!prepare_failures())
		SKIP(return, "the kernel has no fault injection (debug configuration only)");
	own = tk_stat("own");
	RUN(failing_unshare, &fd);
	RUN(failing_unshare, &follow);
	RUN(failing_switch, NULL);
	check_own_count(own);
	/*
	 * None of the failed ones was kept in the count: with room for what is here plus
	 * eight, eight can be made.
	 */
	close(follow);
	snprintf(limit, sizeof(limit), "%d", 1 + 8);
	CHECK(!tk_write_file("/proc/sys/user/max_time_namespaces", limit), "%m");
	for (n = 0; n < 8; n++) {
		if (!CHECK(!unshare(CLONE_NEWTIME), "namespace %d of 8: %m", n))
			break;
		fds[n] = tk_open_ns("/proc/self/ns/time_for_children");
	}
	tk_leave();
	while (n)
		close(fds[--n]);
	snprintf(limit, sizeof(limit), "%" PRId64, max);
	CHECK(!tk_write_file("/proc/sys/user/max_time_namespaces", limit), "%m");
}

TEST_HARNESS_MAIN
