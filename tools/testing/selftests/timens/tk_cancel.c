// SPDX-License-Identifier: GPL-2.0
/*
 * Who sets a clock looks at the timerfds with TFD_TIMER_CANCEL_ON_SET of that clock, and at
 * nobody else's.
 *
 *	host		its own, and those of the namespaces which follow it
 *	owner		its own
 *
 * Who is told of which set is in tk_ttravel. Here it is what that costs, and what happens
 * when a descriptor goes from one namespace to another, or a namespace changes between
 * following and owning.
 */
#include "lib/ring.h"
#include "lib/tk.h"
#include "lib/waits.h"

#include <sys/resource.h>

#define HOUR (3600 * TK_SEC)
#define MANY 10000
#define FEW 10
/* A set is as fast as that, whoever has how many descriptors: twice, and for the machine */
#define SLACK (50 * TK_USEC)

TK_FIXTURE_UNWATCHED(cancel);

static int arm(int fd)
{
	s64 at = tk_now(CLOCK_REALTIME) + 1000 * HOUR;

	return tw_timerfd_arm(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, at, 0);
}

static int open_one(void)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	REQUIRE(fd >= 0, "timerfd_create: %m");
	return fd;
}

/* In the namespace in which the caller is */
static void open_armed(int *fd, unsigned int n)
{
	unsigned int i;
	int ret;

	for (i = 0; i < n; i++) {
		fd[i] = open_one();
		ret = arm(fd[i]);
		/* It is armed all the same if somebody sets the clock at that moment. */
		REQUIRE(!ret || ret == -ECANCELED, "timerfd_settime: %s", strerror(-ret));
	}
}

static void close_all(const int *fd, unsigned int n)
{
	while (n--)
		close(fd[n]);
}

/* Was it cancelled since it was armed, or asked last? */
static bool cancelled(int fd)
{
	u64 n;
	int ret = read(fd, &n, sizeof(n));

	REQUIRE(ret < 0 && (errno == EAGAIN || errno == ECANCELED), "a timer of 1000 hours: %d, %m",
		ret);
	return errno == ECANCELED;
}

static void set_clock(s64 ahead)
{
	s64 to = tk_now(CLOCK_REALTIME) + ahead;
	int ret = tk_settime(CLOCK_REALTIME, to / TK_SEC, to % TK_SEC);

	CHECK(!ret, "clock_settime: %s", strerror(-ret));
}

static void set_in(int ns, s64 ahead)
{
	tk_enter(ns);
	set_clock(ahead);
	tk_leave();
}

/* Timerfds at which a set of this namespace looks */
static s64 looked(int ns)
{
	s64 from = tk_stat("timerfds_looked");

	set_in(ns, TK_SEC);
	return tk_stat("timerfds_looked") - from;
}

/* The fastest of some sets */
static s64 set_time(int ns)
{
	s64 best = INT64_MAX, start;
	int i;

	tk_enter(ns);
	for (i = 0; i < 20; i++) {
		start = tk_vnow(CLOCK_MONOTONIC_RAW);
		set_clock(TK_SEC);
		best = tk_min(best, tk_vnow(CLOCK_MONOTONIC_RAW) - start);
	}
	tk_leave();
	return best;
}

TEST_F(cancel, nobody_looks_at_those_of_others)
{
	static int host[MANY], follow[MANY], other[MANY], own[FEW];
	struct rlimit rl = { 4 * MANY, 4 * MANY };
	int a = tk_ns_own(0), b = tk_ns_own(0), f = tk_ns_new();
	struct tk_guard guard;
	s64 alone, among;
	int i;

	tk_need_debugfs();
	REQUIRE(!setrlimit(RLIMIT_NOFILE, &rl), "RLIMIT_NOFILE: %m");
	tk_guard_start(&guard);
	tk_enter(a);
	open_armed(own, FEW);
	tk_leave();
	alone = set_time(a);

	open_armed(host, MANY);
	tk_enter(f);
	open_armed(follow, MANY);
	tk_enter(b);
	open_armed(other, MANY);
	tk_leave();

	among = set_time(a);
	fprintf(stderr, "# a set takes %" PRId64 " ns, among %d others %" PRId64 " ns\n", alone,
		3 * MANY, among);
	CHECK(among <= 2 * alone + SLACK, "a set takes %" PRId64 " ns, among others %" PRId64,
	      alone, among);
	CHECK(looked(a) == FEW, "not just its own");
	CHECK(looked(b) == MANY, "not just its own");
	/* Those of a follower are on the host's list, which is not counted. */
	CHECK(looked(tk_host_fd) == 0, "a list of a namespace");
	tk_guard_stop(&guard);
	for (i = 0; i < MANY; i++) {
		REQUIRE(cancelled(host[i]), "number %d of the host", i);
		REQUIRE(cancelled(follow[i]), "number %d of the follower", i);
		REQUIRE(cancelled(other[i]), "number %d of the owner", i);
	}
	for (i = 0; i < FEW; i++)
		REQUIRE(cancelled(own[i]), "number %d", i);
	/* With the first set those of the follower go to a list of its own. */
	CHECK(looked(f) == MANY, "not those which were armed before");
	for (i = 0; i < MANY; i++)
		REQUIRE(cancelled(follow[i]), "number %d of the new owner", i);
	tk_guard_start(&guard);
	set_in(tk_host_fd, TK_SEC);
	tk_guard_stop(&guard);
	for (i = 0; i < MANY; i++) {
		REQUIRE(cancelled(host[i]), "number %d of the host, again", i);
		REQUIRE(!cancelled(follow[i]), "number %d of the new owner, by the host", i);
	}
	close_all(host, MANY);
	close_all(follow, MANY);
	close_all(other, MANY);
	close_all(own, FEW);
}

/* A descriptor is cancelled by the clock on which it was armed last. */
TEST_F(cancel, from_one_clock_to_another)
{
	int ns[] = { tk_host_fd, tk_ns_own(0), tk_ns_own(TK_YEAR * TK_SEC), tk_ns_new() };
	int fd = open_one(), i, k, m;
	struct tk_guard guard;

	tk_guard_start(&guard);
	for (i = 0; i < 4; i++) {
		for (k = 0; k < 4; k++) {
			tk_enter(ns[i]);
			CHECK(!arm(fd), "timerfd_settime: %m");
			tk_enter(ns[k]);
			CHECK(!arm(fd), "timerfd_settime: %m");
			tk_leave();
			for (m = 0; m < 4; m++) {
				/* A set of the follower would make it an owner. */
				bool want = m == k || (!m && k == 3);

				if (m == 3)
					continue;
				set_in(ns[m], TK_SEC);
				CHECK(cancelled(fd) == want, "armed in %d, then in %d, set in %d",
				      i, k, m);
			}
		}
	}
	tk_guard_stop(&guard);
	close(fd);
}

/* The namespace changes its clock, and the descriptor stays. */
TEST_F(cancel, from_following_to_owning_and_back)
{
	int ns = tk_ns_new(), fd = open_one(), i;
	struct tk_guard guard;

	tk_guard_start(&guard);
	tk_enter(ns);
	CHECK(!arm(fd), "timerfd_settime: %m");
	tk_leave();
	for (i = 0; i < 20; i++) {
		set_in(tk_host_fd, TK_SEC);
		CHECK(cancelled(fd), "a follower, and the host was set");
		/* The first write makes it an owner, on the same line. */
		tk_enter(ns);
		tk_make_own();
		tk_leave();
		CHECK(!cancelled(fd), "nothing was set");
		set_in(tk_host_fd, TK_SEC);
		CHECK(!cancelled(fd), "an owner, and the host was set");
		set_in(ns, TK_SEC);
		CHECK(cancelled(fd), "an owner, and it was set");
		/* The host is a second off. */
		tk_enter(ns);
		CHECK(!tk_follow(), "follow: %m");
		tk_leave();
		CHECK(cancelled(fd), "given back, to another time");
	}
	tk_guard_stop(&guard);
	close(fd);
}

/*
 * Two tasks, each in a namespace, arm one descriptor at once, while their clocks are set.
 * Whoever was last, a set of that clock cancels it, and of the other one does not.
 */
struct armer {
	int ns;
	int fd;
	atomic_bool *go;
	atomic_int done;
};

static int armer(void *arg)
{
	struct armer *a = arg;
	int i;

	tk_enter(a->ns);
	while (!atomic_load(a->go))
		sched_yield();
	for (i = 0; i < 2000; i++) {
		int ret = arm(a->fd);

		CHECK(!ret || ret == -ECANCELED, "timerfd_settime: %s", strerror(-ret));
		if (i % 16 == 0)
			set_clock(TK_SEC);
		if (i % 64 == 0)
			sched_yield();
	}
	return 0;
}

TEST_F(cancel, armed_in_two_places_at_once)
{
	struct armer *a = tk_shared_page(2 * sizeof(*a));
	atomic_bool *go = tk_shared_page(sizeof(*go));
	int fd = open_one(), round, i;
	bool first, second;
	pid_t pid[2];

	for (round = 0; round < 4; round++) {
		atomic_store(go, false);
		for (i = 0; i < 2; i++) {
			a[i] = (struct armer){ .ns = tk_ns_own(i * HOUR), .fd = fd, .go = go };
			pid[i] = tk_spawn(armer, &a[i]);
		}
		atomic_store(go, true);
		for (i = 0; i < 2; i++)
			CHECK(!tk_reap(pid[i]), "an armer failed");
		/* What came before does not count. */
		cancelled(fd);
		set_in(a[0].ns, TK_SEC);
		first = cancelled(fd);
		set_in(a[1].ns, TK_SEC);
		second = cancelled(fd);
		CHECK(first != second, "cancelled by %s", first ? "both" : "none");
		for (i = 0; i < 2; i++)
			close(a[i].ns);
	}
	close(fd);
}

/*
 * A namespace which gets a clock looks for its descriptors on the list of the host, and
 * rests meanwhile. Others come and go, look for theirs, and the host is set: each set
 * finds all of the host, and none that has been taken.
 */
struct crowd {
	atomic_bool stop;
	atomic_int rounds;
};

static int comes_and_goes(void *arg)
{
	struct crowd *c = arg;
	int fd[64];

	while (!atomic_load(&c->stop)) {
		open_armed(fd, TK_ARRAY(fd));
		close_all(fd, TK_ARRAY(fd));
		atomic_fetch_add(&c->rounds, 1);
	}
	return 0;
}

static int becomes_owner(void *arg)
{
	struct crowd *c = arg;
	int fd[64], i, ns;

	while (!atomic_load(&c->stop)) {
		ns = tk_ns_new();
		tk_enter(ns);
		open_armed(fd, TK_ARRAY(fd));
		tk_make_own();
		/* What came before does not count */
		for (i = 0; i < (int)TK_ARRAY(fd); i++)
			cancelled(fd[i]);
		set_clock(TK_SEC);
		for (i = 0; i < (int)TK_ARRAY(fd); i++) {
			CHECK(cancelled(fd[i]), "number %d of the new owner", i);
			CHECK(!cancelled(fd[i]), "number %d of the new owner, by whom?", i);
		}
		close_all(fd, TK_ARRAY(fd));
		tk_leave();
		close(ns);
		atomic_fetch_add(&c->rounds, 1);
	}
	return 0;
}

TEST_F(cancel, taken_while_others_come_and_go)
{
	static int (*const what[])(void *arg) = { comes_and_goes, becomes_owner, becomes_owner };
	struct rlimit rl = { MANY, MANY };
	static int host[MANY / 2];
	struct crowd *c = tk_shared_page(TK_ARRAY(what) * sizeof(*c));
	pid_t pid[TK_ARRAY(what)];
	struct tk_guard guard;
	int round, i;

	REQUIRE(!setrlimit(RLIMIT_NOFILE, &rl), "RLIMIT_NOFILE: %m");
	open_armed(host, TK_ARRAY(host));
	tk_guard_start(&guard);
	for (i = 0; i < (int)TK_ARRAY(what); i++)
		pid[i] = tk_spawn(what[i], &c[i]);
	for (round = 0; round < 20; round++) {
		set_in(tk_host_fd, TK_SEC);
		for (i = 0; i < (int)TK_ARRAY(host); i++)
			REQUIRE(cancelled(host[i]), "number %d of the host, set %d", i, round);
		tk_sleep(20 * TK_MSEC);
	}
	for (i = 0; i < (int)TK_ARRAY(what); i++) {
		atomic_store(&c[i].stop, true);
		CHECK(!tk_reap(pid[i]), "task %d", i);
		CHECK(atomic_load(&c[i].rounds) > 0, "task %d did nothing", i);
	}
	tk_guard_stop(&guard);
	close_all(host, TK_ARRAY(host));
}

/*
 * A timer of a namespace expires a little early on the machine, and looks at its clock.
 *
 *	---|look-----------|expiry---
 *	   <- 1/512 of it ->
 *
 * io_uring answers EALREADY to who wants to remove a timeout that is being completed. One
 * which only looks is not: it is removed.
 */
#define TIMEOUTS 16
#define LENGTH (100 * TK_MSEC)

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	REQUIRE(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity: %m");
}

struct timeouts {
	s64 at;
	int told[TIMEOUTS];		/* its own result, 0: none yet */
	int removed[TIMEOUTS];		/* that of the removal */
	int left;			/* results to come, of both */
};

static void take_results(struct tw_ring *r, struct timeouts *t)
{
	struct io_uring_cqe cqe;

	while (tw_ring_cqe(r, &cqe)) {
		bool over = tk_vnow(CLOCK_MONOTONIC) >= t->at;

		t->left--;
		if (cqe.user_data >= TIMEOUTS) {
			CHECK(!cqe.res || over, "not removed before the time: %d", cqe.res);
			t->removed[cqe.user_data - TIMEOUTS] = cqe.res;
			continue;
		}
		CHECK(cqe.res == -ECANCELED || over, "early: %d", cqe.res);
		CHECK(!t->told[cqe.user_data], "told twice");
		t->told[cqe.user_data] = cqe.res;
	}
}

/* Returns how many were over when they were removed */
static int remove_while_they_look(struct tw_ring *r, s64 before)
{
	struct timeouts t = { .at = tk_vnow(CLOCK_MONOTONIC) + LENGTH, .left = 2 * TIMEOUTS };
	struct tk_ts ts = tw_ts(t.at);
	struct io_uring_sqe *sqe;
	int i, ret, late = 0;

	/* Their interrupts come to this CPU, and they are removed on the other one. */
	run_on(0);
	for (i = 0; i < TIMEOUTS; i++) {
		sqe = tw_ring_sqe(r, IORING_OP_TIMEOUT);
		sqe->addr = (uintptr_t)&ts;
		sqe->len = 1;
		sqe->timeout_flags = IORING_TIMEOUT_ABS;
		sqe->user_data = i;
		ret = tw_ring_enter(r, 1, 0, 0, NULL, 0);
		REQUIRE(ret == 1, "io_uring_enter: %d", ret);
	}
	run_on(1);
	while (tk_vnow(CLOCK_MONOTONIC) < t.at - before)
		;
	for (i = 0; i < TIMEOUTS; i++) {
		sqe = tw_ring_sqe(r, IORING_OP_TIMEOUT_REMOVE);
		sqe->addr = i;
		sqe->user_data = TIMEOUTS + i;
		ret = tw_ring_enter(r, 1, 0, 0, NULL, 0);
		REQUIRE(ret == 1, "io_uring_enter: %d", ret);
		take_results(r, &t);
	}
	/* What is said to be completed is. */
	while (t.left) {
		ret = tw_ring_enter(r, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
		REQUIRE(ret >= 0 || ret == -EINTR, "io_uring_enter: %d", ret);
		take_results(r, &t);
	}
	for (i = 0; i < TIMEOUTS; i++) {
		CHECK(t.told[i] == (t.removed[i] ? -ETIME : -ECANCELED),
		      "the removal gives %d, the timeout %d", t.removed[i], t.told[i]);
		late += !!t.removed[i];
	}
	return late;
}

static int remover(void *arg)
{
	struct tw_ring r = { 0 };
	int *ns = arg, i, late = 0;
	s64 early = tk_stat("timers_early");
	int ret = tw_ring_open(&r);

	REQUIRE(!ret, "io_uring_setup: %s", strerror(-ret));
	tk_enter(*ns);
	/* From before the look to behind it */
	for (i = 0; i < 100; i++)
		late += remove_while_they_look(&r, LENGTH / 512 + (200 - 2 * i) * TK_USEC);
	fprintf(stderr, "# %" PRId64 " looks, %d removed too late\n",
		tk_stat("timers_early") - early, late);
	tw_ring_close(&r);
	return 0;
}

TEST_F(cancel, a_timeout_which_only_looks)
{
	int ns = tk_ns_own(0);

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "takes two CPUs");
	tk_need_debugfs();
	RUN(remover, &ns);
	close(ns);
}

TEST_HARNESS_MAIN
