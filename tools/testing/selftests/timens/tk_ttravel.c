// SPDX-License-Identifier: GPL-2.0
/*
 * Timers that travel, outlive what they were made in, or are interrupted.
 *
 * A timer belongs to the namespace in which it was armed, until it is armed in another:
 *
 *	A   arm ---------- step of A: moves it ------------------------ fires by A's clock
 *	     \ descriptor
 *	B     `----------- step of B: does not --- re-arm: B's from here on
 *
 * Most of it is told without waiting: what is left of a timer, read in B between two
 * readings of A's clock, has to be what A's clock says.
 *
 *	A   a1 -------------------------- a2		expiry - a2 <= left <= expiry - a1
 *	B        setns   left   setns
 *
 * Sleeps which are stopped, traced or frozen go on afterwards: an absolute one until the
 * clock shows it, whatever was done to the clock meanwhile; a relative one for the rest.
 */
#include "lib/leap.h"
#include "lib/tk.h"
#include "lib/waits.h"
#include "tk_ttravel_stop.h"

#include <linux/futex.h>
#include <sys/socket.h>

#define HOUR (3600 * TK_SEC)
#define SHORT (150 * TK_MSEC)
static bool ready(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int ret = poll(&p, 1, ms);

	REQUIRE(ret >= 0, "poll: %m");
	return ret;
}

static s64 ticks(int fd)
{
	u64 n;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? (s64)n : -errno;
}

static void tick_rate(s64 tick)
{
	struct tk_timex tx = { .modes = ADJ_TICK, .tick = tick };
	int ret = tk_adjtimex(&tx);

	CHECK(ret >= 0, "ADJ_TICK %" PRId64 ": %s", tick, strerror(-ret));
}

static void step_in(int ns, s64 by)
{
	int ret;

	tk_enter(ns);
	ret = tk_step(by);
	CHECK(ret >= 0, "a step by %" PRId64 ": %s", by, strerror(-ret));
}

static int make_fd(int clk)
{
	int fd = timerfd_create(clk, TFD_CLOEXEC | TFD_NONBLOCK);

	REQUIRE(fd >= 0, "timerfd_create(%d): %m", clk);
	return fd;
}

static void arm_fd(int fd, int flags, s64 ns, s64 interval)
{
	int ret = tw_timerfd_arm(fd, flags, ns, interval);

	REQUIRE(!ret, "timerfd_settime: %s", strerror(-ret));
}

/* What is left, read in @here by @left, is that until @at on @clk of @home */
static void check_left(int here, int home, int clk, s64 at, s64 (*left)(int id), int id,
		       const char *what)
{
	s64 a1, a2, is;

	tk_enter(home);
	a1 = tk_now(clk);
	tk_enter(here);
	is = left(id);
	tk_enter(home);
	a2 = tk_now(clk);
	tk_enter(here);
	CHECK(at - a2 <= is && is <= at - a1, "%s: %" PRId64 " ns left, not %" PRId64 "..%" PRId64,
	      what, is, at - a2, at - a1);
}

/* "it_value: (SEC, NSEC)" of the descriptor's file in /proc */
static s64 fdinfo_left(int fd)
{
	char path[64], text[512], *p;
	long long sec, nsec;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	tk_slurp(path, text, sizeof(text));
	p = strstr(text, "it_value: (");
	REQUIRE(p && sscanf(p, "it_value: (%lld, %lld)", &sec, &nsec) == 2, "%s: %s", path, text);
	return tk_ns(sec, nsec);
}

static s64 now_in(int ns, int clk)
{
	s64 now;

	tk_enter(ns);
	now = tk_now(clk);
	return now;
}

/* ------------------------------------------------------------------------ travel */

/* A is fast and a year ahead, B is slow and a year behind. */
FIXTURE(travel)
{
	int a;
	int b;
};

FIXTURE_SETUP(travel)
{
	ASSERT_EQ(0, tk_setup());
	self->a = tk_ns_own(TK_YEAR * TK_SEC);
	self->b = tk_ns_own(-TK_YEAR * TK_SEC);
	tk_enter(self->a);
	tick_rate(11000);
	tk_enter(self->b);
	tick_rate(9000);
	tk_leave();
}

FIXTURE_TEARDOWN(travel)
{
	EXPECT_EQ(0, tk_teardown());
}

/* A child in A which arms and sends; it stays until it is told, or goes at once. */
struct sender {
	int ns;
	int sock;
	int clk;
	int flags;
	s64 in;
	s64 interval;
	s64 at;
	s64 raw;		/* before it was armed */
};

static int sender(void *arg)
{
	struct sender *s = arg;
	int fd;

	tk_enter(s->ns);
	fd = make_fd(s->clk);
	s->raw = tk_vnow(CLOCK_MONOTONIC_RAW);
	s->at = tk_now(s->clk) + s->in;
	arm_fd(fd, TFD_TIMER_ABSTIME | s->flags, s->at, s->interval);
	tk_send_fd(s->sock, fd);
	return 0;
}

static int sent_timer(struct sender *s)
{
	int sv[2], fd;

	REQUIRE(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sv), "socketpair: %m");
	s->sock = sv[0];
	RUN(sender, s);
	fd = tk_receive_fd(sv[1]);
	close(sv[0]);
	close(sv[1]);
	return fd;
}

TEST_F(travel, a_sent_timerfd_stays_where_it_was_armed)
{
	static const int clks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	struct sender *s = tk_shared_page(sizeof(*s));
	size_t i;

	for (i = 0; i < TK_ARRAY(clks); i++) {
		bool real = clks[i] == CLOCK_REALTIME;
		s64 at;
		int fd;

		*s = (struct sender){ .ns = self->a, .clk = clks[i], .in = HOUR };
		fd = sent_timer(s);
		check_left(self->b, self->a, clks[i], s->at, tw_timerfd_left, fd, "sent to B");
		check_left(tk_host_fd, self->a, clks[i], s->at, tw_timerfd_left, fd, "on the host");
		check_left(self->b, self->a, clks[i], s->at, fdinfo_left, fd, "fdinfo");

		/* A step of B's means nothing to it, one of A's does. */
		step_in(self->b, 2 * HOUR);
		check_left(self->b, self->a, clks[i], s->at, tw_timerfd_left, fd, "B stepped");
		step_in(self->a, -HOUR / 2);
		check_left(self->b, self->a, clks[i], s->at, tw_timerfd_left, fd, "A stepped");
		CHECK(!ready(fd, 0), "clock %d: fired", clks[i]);
		step_in(self->a, 2 * HOUR);
		CHECK(ready(fd, real ? tk_patience_ms() : 0) == real,
		      "clock %d: stepped past it: %s", clks[i],
		      real ? "it does not fire" : "it fires");

		/* Armed in B it is B's. */
		tk_enter(self->b);
		at = tk_now(clks[i]) + HOUR;
		arm_fd(fd, TFD_TIMER_ABSTIME, at, 0);
		check_left(self->b, self->b, clks[i], at, tw_timerfd_left, fd, "armed in B");
		check_left(self->a, self->b, clks[i], at, tw_timerfd_left, fd, "seen from A");
		step_in(self->a, 2 * HOUR);
		check_left(self->a, self->b, clks[i], at, tw_timerfd_left, fd, "A stepped");
		CHECK(!ready(fd, 0), "clock %d: fired by a step of A's", clks[i]);
		step_in(self->b, 2 * HOUR);
		CHECK(ready(fd, real ? tk_patience_ms() : 0) == real, "clock %d: a step of B's",
		      clks[i]);

		/* And on the host it is the host's. */
		tk_leave();
		at = tk_now(clks[i]) + SHORT;
		arm_fd(fd, TFD_TIMER_ABSTIME, at, 0);
		check_left(self->a, tk_host_fd, clks[i], at, tw_timerfd_left, fd, "on the host");
		tk_leave();
		CHECK(ready(fd, tk_patience_ms()) && ticks(fd) == 1, "clock %d: lost", clks[i]);
		CHECK(tk_now(clks[i]) >= at, "clock %d: early", clks[i]);
		close(fd);
	}
}

/* Ticks are counted by the clock of the one who armed it, wherever they are read. */
TEST_F(travel, intervals_are_those_of_the_clock_it_was_armed_on)
{
	static const int clks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	struct sender *s = tk_shared_page(sizeof(*s));
	int fd, round;
	s64 n, total;
	size_t i;

	for (i = 0; i < TK_ARRAY(clks); i++) {
		*s = (struct sender){ .ns = self->a, .clk = clks[i], .in = 7 * TK_MSEC,
				      .interval = 3 * TK_MSEC };
		fd = sent_timer(s);
		for (total = 0, round = 0; round < 12; round++) {
			s64 a1, a2, least, most;

			tk_enter(round % 2 ? self->b : self->a);
			tk_sleep(round * 2 * TK_MSEC);
			REQUIRE(ready(fd, tk_patience_ms()), "clock %d: lost", clks[i]);
			a1 = now_in(self->a, clks[i]);
			tk_enter(round % 2 ? self->b : self->a);
			n = ticks(fd);
			a2 = now_in(self->a, clks[i]);
			REQUIRE(n > 0, "reading the timerfd: %" PRId64, n);
			total += n;
			least = (a1 - s->at) / s->interval + 1;
			most = (a2 - s->at) / s->interval + 1;
			CHECK(a2 >= s->at && least <= total && total <= most,
			      "clock %d: %" PRId64 " ticks, not %" PRId64 "..%" PRId64, clks[i],
			      total, least, most);
		}
		close(fd);
	}
}

static s64 itimer_left(int which)
{
	struct itimerval it;

	if (getitimer(which, &it))
		return -errno;
	return it.it_value.tv_sec * TK_SEC + it.it_value.tv_usec * TK_USEC;
}

/* A process which enters another namespace has its timers where it armed them. */
TEST_F(travel, setns_leaves_the_timers_behind)
{
	static const int clks[] = { CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = TW_SIG_TIMER };
	struct itimerval it = { .it_value.tv_sec = 3600 };
	siginfo_t info;
	s64 lo, hi, left;
	size_t i;

	tw_block_signals();
	for (i = 0; i < TK_ARRAY(clks); i++) {
		bool real = clks[i] == CLOCK_REALTIME || clks[i] == CLOCK_TAI;
		s64 at = now_in(self->a, clks[i]) + HOUR;
		int id;

		REQUIRE(!syscall(SYS_timer_create, clks[i], &ev, &id), "timer_create: %m");
		CHECK(!tw_timer_arm(id, TIMER_ABSTIME, at, 0), "timer_settime: %m");
		check_left(self->b, self->a, clks[i], at, tw_timer_left, id, "in B");
		step_in(self->b, 2 * HOUR);
		check_left(self->b, self->a, clks[i], at, tw_timer_left, id, "B stepped");
		step_in(self->a, HOUR / 2);
		check_left(self->b, self->a, clks[i], at, tw_timer_left, id, "A stepped");
		if (real) {
			step_in(self->a, HOUR);
			tk_enter(self->b);
			CHECK(!tw_wait_signal(TW_SIG_TIMER, &info), "clock %d: lost", clks[i]);
		}
		tk_enter(self->b);
		at = tk_now(clks[i]) + SHORT;
		CHECK(!tw_timer_arm(id, TIMER_ABSTIME, at, 0), "timer_settime: %m");
		check_left(self->a, self->b, clks[i], at, tw_timer_left, id, "armed in B");
		CHECK(!tw_wait_signal(TW_SIG_TIMER, &info), "clock %d: lost", clks[i]);
		left = now_in(self->b, clks[i]);
		CHECK(left >= at, "clock %d: %" PRId64 " ns early", clks[i], at - left);
		syscall(SYS_timer_delete, id);
	}

	/* setitimer() is relative; what is left is cut to microseconds. */
	tk_enter(self->a);
	lo = tk_now(CLOCK_MONOTONIC) + HOUR;
	CHECK(!setitimer(ITIMER_REAL, &it, NULL), "setitimer: %m");
	hi = tk_now(CLOCK_MONOTONIC) + HOUR;
	tk_sleep(50 * TK_MSEC);
	hi -= tk_now(CLOCK_MONOTONIC);
	tk_enter(self->b);
	left = itimer_left(ITIMER_REAL);
	lo -= now_in(self->a, CLOCK_MONOTONIC);
	CHECK(lo - TK_USEC <= left && left <= hi, "getitimer: %" PRId64 " ns left, not %" PRId64
	      "..%" PRId64, left, lo, hi);
	it = (struct itimerval){ 0 };
	setitimer(ITIMER_REAL, &it, NULL);
	tk_leave();
}

/* --------------------------------------------------------------- fork, exec, the end */

struct copy {
	int a;
	int fd;
	s64 at;
};

/* In a namespace which follows A, and is a copy of it then: what A's timer does is A's business. */
static int in_the_copy(void *arg)
{
	struct copy *c = arg;
	int here = tk_open_ns("/proc/self/ns/time");
	struct itimerval it;

	CHECK_STATE("follow");
	check_left(here, c->a, CLOCK_REALTIME, c->at, tw_timerfd_left, c->fd, "in a follower");
	step_in(here, 2 * HOUR);
	CHECK_STATE("own");
	tick_rate(9000);
	tk_sleep(30 * TK_MSEC);
	check_left(here, c->a, CLOCK_REALTIME, c->at, tw_timerfd_left, c->fd, "the copy stepped");
	CHECK(!ready(c->fd, 0), "a step of the copy lets it fire");
	CHECK(!getitimer(ITIMER_REAL, &it) && !it.it_value.tv_sec && !it.it_value.tv_usec,
	      "a child inherits the interval timer");
	return 0;
}

TEST_F(travel, a_copy_of_the_namespace_has_no_part_in_it)
{
	struct itimerval it = { .it_value.tv_sec = 3600 };
	struct copy c = { .a = self->a };

	tk_enter(self->a);
	c.fd = make_fd(CLOCK_REALTIME);
	c.at = tk_now(CLOCK_REALTIME) + HOUR;
	arm_fd(c.fd, TFD_TIMER_ABSTIME, c.at, 0);
	setitimer(ITIMER_REAL, &it, NULL);
	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	RUN(in_the_copy, &c);
	step_in(self->a, 2 * HOUR);
	CHECK(ready(c.fd, tk_patience_ms()) && ticks(c.fd) == 1, "lost");
	it = (struct itimerval){ 0 };
	setitimer(ITIMER_REAL, &it, NULL);
}

#define EXEC_ENV "TK_AFTER_EXEC"
#define EXPIRED 7

struct exec {
	int a;
	s64 in;
};

/* The second half of the test below, in the program which it has executed */
static void __attribute__((constructor)) after_exec(void)
{
	const char *text = getenv(EXEC_ENV);
	long long lo, hi, a1, a2, left, now;
	siginfo_t info;
	int a, here;

	if (!text)
		return;
	if (sscanf(text, "%d %lld %lld", &a, &lo, &hi) != 3)
		_exit(2);
	/* exec() has entered the namespace for the children: a copy of A, of another pace. */
	here = tk_open_ns("/proc/self/ns/time");
	tick_rate(9000);
	a1 = now_in(a, CLOCK_MONOTONIC);
	tk_enter(here);
	left = itimer_left(ITIMER_REAL);
	a2 = now_in(a, CLOCK_MONOTONIC);
	tk_enter(here);
	/* A slow machine: over before it was looked at, which says nothing */
	if (a2 >= lo)
		_exit(tw_wait_signal(SIGALRM, &info) ? 4 : EXPIRED);
	if (left < lo - a2 - TK_USEC || left > hi - a1 + TK_USEC) {
		fprintf(stderr, "# after exec %lld ns left, not %lld..%lld\n", left, lo - a2,
			hi - a1);
		_exit(3);
	}
	if (tw_wait_signal(SIGALRM, &info))
		_exit(4);
	now = now_in(a, CLOCK_MONOTONIC);
	if (now < lo) {
		fprintf(stderr, "# after exec %lld ns early\n", lo - now);
		_exit(5);
	}
	_exit(0);
}

static int exec_with_itimer(void *arg)
{
	char env[128], *argv[] = { "exec", NULL }, *envp[] = { env, NULL };
	struct exec *e = arg;
	struct itimerval it = { .it_value = { e->in / TK_SEC, e->in % TK_SEC / TK_USEC } };
	int a = e->a;
	s64 lo, hi;

	tw_block_signals();
	tk_enter(a);
	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	REQUIRE(!fcntl(a, F_SETFD, 0), "fcntl: %m");
	lo = tk_now(CLOCK_MONOTONIC) + e->in;
	REQUIRE(!setitimer(ITIMER_REAL, &it, NULL), "setitimer: %m");
	hi = tk_now(CLOCK_MONOTONIC) + e->in;
	snprintf(env, sizeof(env), EXEC_ENV "=%d %" PRId64 " %" PRId64, a, lo, hi);
	execve("/proc/self/exe", argv, envp);
	return 6;
}

TEST_F(travel, exec_keeps_the_interval_timer_where_it_is)
{
	struct exec e = { self->a, SHORT };
	int ret;

	while ((ret = tk_reap(tk_spawn(exec_with_itimer, &e))) == EXPIRED && e.in < 10 * TK_SEC)
		e.in *= 2;
	CHECK(!ret, "the program that was executed ended with %d", ret);
}

static bool own_becomes(s64 want)
{
	s64 give_up = tk_give_up();

	while (tk_stat("own") != want) {
		if (tk_vnow(CLOCK_MONOTONIC_RAW) > give_up)
			return false;
		tk_sleep(10 * TK_MSEC);
	}
	return true;
}

/*
 * All processes of a namespace are gone, and its file is closed; but a timer of its own
 * lives on in a descriptor somewhere, and runs on its clock, which is a tenth slow.
 */
TEST_F(travel, a_timer_survives_its_namespace)
{
	static const int clks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	struct sender *s = tk_shared_page(sizeof(*s));
	s64 own, waited;
	size_t i;
	int fd;

	tk_need_debugfs();
	own = tk_stat("own");
	for (i = 0; i < TK_ARRAY(clks); i++) {
		*s = (struct sender){ .ns = tk_ns_own(HOUR), .clk = clks[i], .in = SHORT };
		tk_enter(s->ns);
		tick_rate(9000);
		tk_leave();
		fd = sent_timer(s);
		close(s->ns);
		CHECK(tk_stat("own") == own + 1, "%" PRId64 " own clocks, not %" PRId64,
		      tk_stat("own"), own + 1);
		CHECK(ready(fd, tk_patience_ms()) && ticks(fd) == 1, "clock %d: lost", clks[i]);
		/* Nine tenths of what RAW counts; and RAW was read first. */
		waited = tk_vnow(CLOCK_MONOTONIC_RAW) - s->raw;
		CHECK(waited + tk_unit(waited) >= s->in / 9 * 10, "clock %d: after %" PRId64
		      " ns, not %" PRId64, clks[i], waited, s->in / 9 * 10);
		/* Armed by the host, it lets go of what it was; closing does the same. */
		if (i % 2) {
			close(fd);
		} else {
			arm_fd(fd, 0, TK_MSEC, 0);
			CHECK(own_becomes(own), "armed elsewhere, the old clock stays");
			CHECK(ready(fd, tk_patience_ms()), "clock %d: lost on the host", clks[i]);
			close(fd);
		}
		CHECK(own_becomes(own), "%" PRId64 " own clocks, not %" PRId64, tk_stat("own"),
		      own);
	}
}

/* --------------------------------------------------------------------- interruptions */

FIXTURE(stopped)
{
	int ns;
	char cgroup[64];
};

FIXTURE_VARIANT(stopped)
{
	enum stop stop;
	s64 tick;
};

FIXTURE_VARIANT_ADD(stopped, by_signal)
{
	.stop = STOP_STOP,
	.tick = 9000,
};

FIXTURE_VARIANT_ADD(stopped, by_tracer)
{
	.stop = STOP_TRACE,
	.tick = 11000,
};

FIXTURE_VARIANT_ADD(stopped, by_freezer)
{
	.stop = STOP_FREEZE,
	.tick = 9000,
};

FIXTURE_SETUP(stopped)
{
	ASSERT_EQ(0, tk_setup());
	self->ns = tk_ns_own(TK_YEAR * TK_SEC);
	tk_enter(self->ns);
	tick_rate(variant->tick);
	snprintf(self->cgroup, sizeof(self->cgroup), "/sys/fs/cgroup/tk.%d", getpid());
	if (variant->stop == STOP_FREEZE)
		REQUIRE(!mkdir(self->cgroup, 0755), "%s: %m", self->cgroup);
}

FIXTURE_TEARDOWN(stopped)
{
	if (variant->stop == STOP_FREEZE)
		CHECK(!rmdir(self->cgroup), "%s: %m", self->cgroup);
	EXPECT_EQ(0, tk_teardown());
}

static const char *const sleeping[] = {
	"clock_nanosleep absolute REALTIME", "clock_nanosleep absolute TAI",
	"clock_nanosleep absolute BOOTTIME", "clock_nanosleep MONOTONIC", "nanosleep",
	"futex wait", "futex bitset REALTIME", "futex bitset MONOTONIC", "futex waitv REALTIME",
	"poll", "ppoll", "select", "epoll_pwait2", "semtimedop", "mq_timedreceive",
	"clock_nanosleep absolute REALTIME_ALARM", "clock_nanosleep BOOTTIME_ALARM",
};

struct nap {
	struct tw w;
	s64 in;
	s64 at;
	s64 slept_from;
	atomic_bool open;
};

static int nap(void *arg)
{
	struct nap *n = arg;

	tw_must_open(&n->w);
	n->at = tw_from_now(&n->w, n->in);
	atomic_store(&n->open, true);
	tw_go(&n->w, n->at);
	tw_close(&n->w);
	return 0;
}

static const struct tw_kind *find_kind(const char *name)
{
	size_t i;

	for (i = 0; i < TW_KINDS; i++)
		if (!strcmp(tw_kinds[i].name, name))
			return &tw_kinds[i];
	REQUIRE(false, "no kind '%s'", name);
	return NULL;
}

/*
 * @in: how long it wants to sleep. It is held, the clock is stepped by @step, it is held
 * for @more, and goes on. Some calls say EINTR when they are stopped; that is no fault.
 * Returns false if it was not caught asleep: the machine is slower than that.
 */
static bool hold_asleep(const struct tw_kind *k, enum stop stop, const char *cgroup, s64 in,
			s64 step, s64 more)
{
	struct nap *n = tk_shared_page(sizeof(*n));
	bool moves = k->clk == CLOCK_REALTIME || k->clk == CLOCK_TAI;
	char state = 0;
	s64 most;
	pid_t pid;

	tw_init(&n->w, k);
	n->in = in;
	pid = tk_spawn(nap, n);
	while (state != 'S' && state != 'Z') {
		tk_sleep(TK_MSEC / 2);
		if (atomic_load(&n->open))
			state = task_state(pid);
	}
	if (state == 'Z' || !hold(stop, pid, cgroup)) {
		CHECK(!tk_reap(pid), "%s: the sleeper failed", k->name);
		CHECK(!n->w.ret && n->w.woken >= n->w.lo, "%s: undisturbed: %d, %" PRId64
		      " ns early", k->name, n->w.ret, n->w.lo - n->w.woken);
		munmap(n, sizeof(*n));
		return false;
	}
	CHECK(tk_step(step) >= 0, "step: %m");
	most = tk_now(k->clk) - (moves ? step : 0);
	tk_sleep(more);
	let_go(stop, pid, cgroup);
	CHECK(!tk_reap(pid), "%s: the sleeper failed", k->name);
	CHECK(atomic_load(&n->w.state) == TW_DONE, "%s: it did not wake up", k->name);
	if (n->w.ret != -EINTR) {
		CHECK(!n->w.ret, "%s: %d, %s", k->name, n->w.ret, strerror(-n->w.ret));
		/* Up to the step it may have been over. */
		if (n->w.lo > most || step >= 0)
			CHECK(n->w.woken >= n->w.lo, "%s: %" PRId64 " ns early after a step by %"
			      PRId64, k->name, n->w.lo - n->w.woken, step);
	}
	munmap(n, sizeof(*n));
	return true;
}

static void hold_and_step(const struct tw_kind *k, enum stop stop, const char *cgroup, s64 in,
			  s64 step, s64 more)
{
	while (!hold_asleep(k, stop, cgroup, in, step, more)) {
		REQUIRE(in < 10 * TK_SEC, "%s: never seen asleep", k->name);
		in *= 2;
		more *= 2;
	}
}

TEST_F(stopped, a_sleep_goes_on)
{
	size_t i;
	s64 probe;

	for (i = 0; i < TK_ARRAY(sleeping); i++) {
		const struct tw_kind *k = find_kind(sleeping[i]);
		bool moves = k->clk == CLOCK_REALTIME || k->clk == CLOCK_TAI;

		if ((k->flags & TW_ALARM) && tk_gettime(TK_SYS, CLOCK_BOOTTIME_ALARM, &probe))
			continue;
		/* Stepped back while it is held: later. A length is as long as it was. */
		hold_and_step(k, variant->stop, self->cgroup, SHORT, -SHORT, 5 * TK_MSEC);
		/* An hour away, and past it when it goes on: at once, or the test never ends. */
		hold_and_step(k, variant->stop, self->cgroup, moves ? HOUR : SHORT, 2 * HOUR,
			      5 * TK_MSEC);
		/* Over while it was held */
		hold_and_step(k, variant->stop, self->cgroup, SHORT / 4, TK_USEC, SHORT / 2);
	}
}

static void nothing(int sig)
{
	(void)sig;
}

struct rest {
	s64 in;
	s64 from;		/* before it slept */
	s64 until;		/* after it was woken */
	s64 left;		/* what the call said */
	int clk;
	int ret;
	atomic_bool ready;
};

static int rest(void *arg)
{
	struct rest *r = arg;
	struct tk_ts ts = tw_ts(r->in), left = { -1, 0 };
	struct sigaction sa = { .sa_handler = nothing };

	REQUIRE(!sigaction(SIGUSR1, &sa, NULL), "sigaction: %m");
	/* What is left is counted to the end of the slack. */
	prctl(PR_SET_TIMERSLACK, 1UL);
	r->from = tk_now(CLOCK_MONOTONIC);
	atomic_store(&r->ready, true);
	r->ret = TK_RET(syscall(TK_NR_nanosleep, r->clk, 0, &ts, &left));
	r->until = tk_now(CLOCK_MONOTONIC);
	r->left = tk_ns(left.sec, left.nsec);
	return 0;
}

/* What is left of an interrupted sleep is told in the namespace's time. */
TEST_F(stopped, what_is_left_is_told)
{
	static const int clks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI };
	struct rest *r = tk_shared_page(sizeof(*r));
	s64 asleep, before;
	pid_t pid;
	size_t i;

	for (i = 0; i < TK_ARRAY(clks); i++) {
		*r = (struct rest){ .in = 10 * TK_SEC, .clk = clks[i] };
		pid = tk_spawn(rest, r);
		while (!atomic_load(&r->ready) || task_state(pid) != 'S')
			tk_sleep(TK_MSEC / 2);
		asleep = tk_now(CLOCK_MONOTONIC);
		tk_sleep(2 * SHORT);
		before = tk_now(CLOCK_MONOTONIC);
		REQUIRE(!kill(pid, SIGUSR1), "kill: %m");
		CHECK(!tk_reap(pid), "the sleeper failed");
		CHECK(r->ret == -EINTR, "clock %d: %d", clks[i], r->ret);
		/* from <= armed <= asleep, before <= interrupted <= until */
		CHECK(r->from + r->in - r->until <= r->left + tk_unit(TK_SEC) &&
		      r->left <= asleep + r->in - before + tk_unit(TK_SEC),
		      "clock %d: %" PRId64 " ns left, not %" PRId64 "..%" PRId64, clks[i], r->left,
		      r->from + r->in - r->until, asleep + r->in - before);
	}
}

/* ---------------------------------------------------------------- TFD_TIMER_CANCEL_ON_SET */

/*
 *	change of		wakes descriptors armed on
 *				host	follower	A	B
 *	A: any step					x
 *	A: rate, status, read
 *	the host: any step	x	x
 *	follower becomes own		x
 *	own becomes follower				x
 */
enum { ON_HOST, ON_FOLLOWER, ON_A, ON_B, PLACES };

FIXTURE(cancel)
{
	struct tk_guard guard;
	int ns[PLACES];
	int fd[PLACES];
};

FIXTURE_SETUP(cancel)
{
	int i;

	ASSERT_EQ(0, tk_setup_watch(false, 0));
	tk_guard_start(&self->guard);
	self->ns[ON_HOST] = tk_host_fd;
	self->ns[ON_FOLLOWER] = tk_ns_new();
	self->ns[ON_A] = tk_ns_own(0);
	self->ns[ON_B] = tk_ns_own(TK_YEAR * TK_SEC);
	for (i = 0; i < PLACES; i++) {
		/* Beyond all that the tests set */
		s64 at = now_in(self->ns[i], CLOCK_REALTIME) + 50 * TK_YEAR * TK_SEC;

		self->fd[i] = make_fd(CLOCK_REALTIME);
		arm_fd(self->fd[i], TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, at, 0);
	}
	tk_leave();
}

FIXTURE_TEARDOWN(cancel)
{
	tk_leave();
	tk_guard_stop(&self->guard);
	EXPECT_EQ(0, tk_teardown());
}

/* Of the four descriptors, just those of @want were cancelled. */
static void check_cancelled(const int fd[PLACES], unsigned int want, const char *what)
{
	static const char *const name[] = { "the host", "the follower", "A", "B" };
	int i;

	for (i = 0; i < PLACES; i++) {
		bool wanted = want & 1u << i;
		s64 got;

		/* A leap second is told by a worker. */
		CHECK(ready(fd[i], wanted ? tk_patience_ms() : 0) == wanted,
		      "%s: that of %s is%s woken", what, name[i], wanted ? " not" : "");
		got = ticks(fd[i]);
		CHECK(got == (wanted ? -ECANCELED : -EAGAIN), "%s: reading that of %s: %" PRId64,
		      what, name[i], got);
		/* Once; and it is armed still. */
		CHECK(ticks(fd[i]) == -EAGAIN, "%s: that of %s is cancelled twice", what, name[i]);
		CHECK(tw_timerfd_left(fd[i]) > HOUR, "%s: that of %s is not armed any more", what,
		      name[i]);
	}
}

static void settime_by(s64 ns)
{
	s64 to = tk_now(CLOCK_REALTIME) + ns;

	CHECK(!tk_settime(CLOCK_REALTIME, to / TK_SEC, to % TK_SEC), "clock_settime: %m");
}

static void settimeofday_by(s64 ns)
{
	s64 to = tk_now(CLOCK_REALTIME) + ns;
	struct tk_tv tv = { to / TK_SEC, to % TK_SEC / TK_USEC };

	CHECK(!tk_sys_settimeofday(&tv, NULL), "settimeofday: %m");
}

#define CHECK_CANCELLED(want) check_cancelled(self->fd, want, what)

TEST_F(cancel, by_whom)
{
	const char *what = "nothing";

	CHECK_CANCELLED(0);

	tk_enter(self->ns[ON_A]);
	what = "clock_settime in A";
	settime_by(5 * TK_SEC);
	CHECK_CANCELLED(1 << ON_A);
	what = "clock_settime back in A";
	settime_by(-5 * TK_SEC);
	CHECK_CANCELLED(1 << ON_A);
	what = "settimeofday in A";
	settimeofday_by(TK_MSEC);
	CHECK_CANCELLED(1 << ON_A);
	what = "ADJ_SETOFFSET in A";
	tk_step(TK_USEC);
	CHECK_CANCELLED(1 << ON_A);
	what = "rates in A";
	tk_adjust((struct tk_timex){ .modes = ADJ_TICK | ADJ_FREQUENCY, .tick = 10100 });
	tk_adjust((struct tk_timex){ .modes = ADJ_OFFSET_SINGLESHOT, .offset = 100 });
	tk_adjust((struct tk_timex){ .modes = 0 });
	CHECK_CANCELLED(0);

	tk_leave();
	what = "clock_settime on the host";
	settime_by(5 * TK_SEC);
	CHECK_CANCELLED(1 << ON_HOST | 1 << ON_FOLLOWER);
	what = "ADJ_SETOFFSET on the host";
	tk_step(-5 * TK_SEC);
	CHECK_CANCELLED(1 << ON_HOST | 1 << ON_FOLLOWER);
	what = "rates on the host";
	tk_adjust((struct tk_timex){ .modes = ADJ_TICK, .tick = 10010 });
	tk_adjust((struct tk_timex){ .modes = ADJ_TICK, .tick = 10000 });
	CHECK_CANCELLED(0);

	tk_enter(self->ns[ON_A]);
	what = "A follows";
	settime_by(7 * TK_SEC);
	CHECK_CANCELLED(1 << ON_A);
	CHECK(!tk_follow(), "follow: %m");
	CHECK_CANCELLED(1 << ON_A);
	tk_leave();
	what = "A follows the host's step";
	tk_step(TK_SEC);
	CHECK_CANCELLED(1 << ON_HOST | 1 << ON_FOLLOWER | 1 << ON_A);

	tk_enter(self->ns[ON_FOLLOWER]);
	what = "the follower takes its clock";
	settime_by(TK_SEC);
	CHECK_CANCELLED(1 << ON_FOLLOWER);
	tk_leave();
	what = "the host, when the follower has its own";
	tk_step(-TK_SEC);
	CHECK_CANCELLED(1 << ON_HOST | 1 << ON_A);
}

TEST_F(cancel, by_a_leap_second)
{
	const char *what = "a leap second in A";
	int i;

	tk_enter(self->ns[ON_A]);
	for (i = 0; i < 2; i++) {
		tk_leap_now(i);
		CHECK(ready(self->fd[ON_A], 0) && ticks(self->fd[ON_A]) == -ECANCELED, "settime");
		CHECK_CANCELLED(1 << ON_A);
	}
	tk_leave();
	what = "a leap second on the host";
	for (i = 0; i < 2; i++) {
		tk_leap_now(i);
		CHECK(ready(self->fd[ON_HOST], 0) && ticks(self->fd[ON_HOST]) == -ECANCELED,
		      "settime");
		CHECK(ready(self->fd[ON_FOLLOWER], 0) && ticks(self->fd[ON_FOLLOWER]) == -ECANCELED,
		      "settime, the follower");
		CHECK_CANCELLED(1 << ON_HOST | 1 << ON_FOLLOWER);
	}
}

/* In another place the descriptor is still cancelled by the clock that it was armed on. */
TEST_F(cancel, a_sent_one_by_its_own_clock)
{
	struct sender *s = tk_shared_page(sizeof(*s));
	int fd;

	*s = (struct sender){ .ns = self->ns[ON_A], .clk = CLOCK_REALTIME, .in = HOUR,
			      .flags = TFD_TIMER_CANCEL_ON_SET };
	fd = sent_timer(s);
	step_in(self->ns[ON_B], TK_SEC);
	CHECK(!ready(fd, 0), "woken by a step of B's");
	step_in(tk_host_fd, TK_SEC);
	CHECK(!ready(fd, 0), "woken by a step of the host's");
	step_in(self->ns[ON_A], TK_SEC);
	CHECK(ready(fd, tk_patience_ms()) && ticks(fd) == -ECANCELED, "not woken by a step of A's");
	tk_enter(self->ns[ON_B]);
	arm_fd(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, tk_now(CLOCK_REALTIME) + HOUR, 0);
	step_in(self->ns[ON_A], TK_SEC);
	CHECK(!ready(fd, 0), "armed in B, woken by a step of A's");
	step_in(self->ns[ON_B], TK_SEC);
	CHECK(ready(fd, tk_patience_ms()) && ticks(fd) == -ECANCELED, "not woken by a step of B's");
	close(fd);
}

TEST_HARNESS_MAIN
