// SPDX-License-Identifier: GPL-2.0
/*
 * How a task comes into a namespace that owns its clock, and what it finds there:
 * nesting, setns(), fork, vfork, exec, threads, clone3(), timens_offsets, re-follow.
 *
 *	host -----------------------------
 *	   '-- ns A (own) ----------------     created in the host: follows it, then owns
 *	          '-- ns B (own) ---------     created in A: follows it, then a copy of A
 *
 * What a follower of an owner is while it follows is in tk_share.
 */
#include <linux/sched.h>

#include "lib/tk.h"

TK_FIXTURE(nest);

/* A namespace made inside an own one, and asked to own, is continuous, on every clock. */
TEST_F(nest, copy_of_an_own_namespace)
{
	static const int clk[] = { CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
				   CLOCK_MONOTONIC_RAW };
	struct tk_timex tx = { .modes = ADJ_FREQUENCY | ADJ_TICK | ADJ_STATUS | ADJ_TIMECONST,
			       .freq = 77 << 16, .tick = 10007, .status = STA_PLL | STA_UNSYNC,
			       .constant = 4 };
	struct tk_timex a = { 0 }, b = { 0 };
	int fd_a = tk_ns_own(TK_YEAR * TK_SEC), fd_b;
	s64 start;
	size_t i;

	tk_enter(fd_a);
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	tx = (struct tk_timex){ .modes = ADJ_TAI, .constant = 37 };
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	start = tk_vnow(CLOCK_MONOTONIC);
	fd_b = tk_ns_new();
	tk_enter(fd_b);
	CHECK_STATE("follow");
	/* A policy is all that it does not take over, and nothing that it reads */
	CHECK(!tk_write_file(TK_CLOCK_FILE, "leap step\n"), "leap: %m");
	tk_enter(fd_a);
	for (i = 0; i < TK_ARRAY(clk); i++) {
		/* B against A: read A, B, A in one task. */
		struct tk_iv iv = TK_IV_ALL;
		int n;

		for (n = 0; n < 50; n++) {
			s64 x = tk_vnow(clk[i]), v, y;

			tk_enter(fd_b);
			v = tk_vnow(clk[i]);
			tk_enter(fd_a);
			y = tk_vnow(clk[i]);
			tk_iv_and(&iv, v - y, v - x);
		}
		CHECK_IV(iv, 0, tk_unit(tk_vnow(CLOCK_MONOTONIC) - start), "copy - original");
		CHECK(tk_iv_ok(&iv, tk_unit(tk_vnow(CLOCK_MONOTONIC) - start)), "they part");
	}
	CHECK(tk_adjtimex(&a) >= 0, "adjtimex: %m");
	tk_enter(fd_b);
	CHECK_STATE("own");
	CHECK(tk_adjtimex(&b) >= 0, "adjtimex: %m");
	CHECK(a.freq == b.freq && a.tick == b.tick && a.tai == b.tai && a.status == b.status &&
	      a.constant == b.constant,
	      "freq %" PRId64 "/%" PRId64 ", tick %" PRId64 "/%" PRId64
	      ", TAI %d/%d, status %#x/%#x, constant %" PRId64 "/%" PRId64, a.freq, b.freq, a.tick,
	      b.tick, a.tai, b.tai, a.status, b.status, a.constant, b.constant);
	tk_leave();
}

/* From then on each goes its way. */
TEST_F(nest, copy_is_independent)
{
	int fd_a = tk_ns_own(TK_YEAR * TK_SEC), fd_b;
	struct tk_watch w;
	struct tk_timex tx;

	tk_enter(fd_a);
	fd_b = tk_ns_new();
	tk_enter(fd_b);
	tk_make_own();
	tk_leave();
	tk_watch_start(&w, "the original", fd_a, TK_WATCH_ALL);
	tk_enter(fd_b);
	CHECK(tk_step(TK_YEAR * TK_SEC) >= 0, "step: %m");
	tx = (struct tk_timex){ .modes = ADJ_TICK, .tick = 11000 };
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	tk_leave();
	tk_sleep(50 * TK_MSEC);
	tk_watch_stop(&w);
	tk_watch_start(&w, "the copy", fd_b, TK_WATCH_ALL);
	tk_enter(fd_a);
	CHECK(!tk_settime(CLOCK_REALTIME, 1600000000, 0), "settime: %m");
	tx = (struct tk_timex){ .modes = ADJ_TICK, .tick = 9000 };
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	CHECK(!tk_follow(), "follow: %m");
	tk_leave();
	tk_sleep(50 * TK_MSEC);
	tk_watch_stop(&w);
}

/* The original may go; its copy and a copy of that live on. */
TEST_F(nest, copies_outlive_the_original)
{
	int depth, fd = tk_ns_own(TK_YEAR * TK_SEC), next;

	for (depth = 0; depth < 8; depth++) {
		tk_enter(fd);
		CHECK_STATE(depth ? "follow" : "own");
		CHECK(tk_step(TK_SEC) >= 0, "step: %m");
		CHECK_STATE("own");
		next = tk_ns_new();
		close(fd);
		fd = next;
	}
	tk_leave();
	CHECK_IV(tk_cross(fd, CLOCK_REALTIME, 50, NULL), (TK_YEAR + 8) * TK_SEC,
		 tk_unit(60 * TK_SEC), "REALTIME");
}

/* A follower's child follows, with the same offsets. */
TEST_F(nest, copy_of_a_follower_follows)
{
	int fd = tk_ns_new_offsets("monotonic 1000 0\nboottime 2000 0\n"), child;

	tk_enter(fd);
	child = tk_ns_new();
	tk_enter(child);
	CHECK_STATE("follow");
	tk_leave();
	CHECK_IV(tk_cross(child, CLOCK_MONOTONIC, 20, NULL), 1000 * TK_SEC, 0, "MONOTONIC");
	CHECK_IV(tk_cross(child, CLOCK_BOOTTIME, 20, NULL), 2000 * TK_SEC, 0, "BOOTTIME");
}

/* ----------------------------------------------------------------- who is inside */

/* What a child sees: REALTIME - MONOTONIC, sent back over a pipe */
struct seen {
	struct tk_iv vdso;
	s64 syscall;
	struct tk_state state;
};

static void look(struct seen *s)
{
	s64 a = tk_now(CLOCK_MONOTONIC);

	s->vdso = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 200);
	s->syscall = tk_now(CLOCK_REALTIME) - a;
	tk_get_state(&s->state);
}

static void check_line(const struct seen *s, struct tk_iv line, const char *state,
		       const char *who)
{
	CHECK_IV_MEET(s->vdso, line, 0, who);
	CHECK(s->syscall >= line.lo && s->syscall < line.lo + 100 * TK_SEC,
	      "%s by syscall: %" PRId64, who, s->syscall);
	CHECK(!strcmp(s->state.state, state), "%s: state %s", who, s->state.state);
}

static int child_looks(void *arg)
{
	look(arg);
	return 0;
}

TEST_F(nest, fork_inherits)
{
	struct seen *s = tk_shared_page(sizeof(*s));
	int fd = tk_ns_own(TK_YEAR * TK_SEC);
	struct tk_iv line;

	tk_enter(fd);
	line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 200);
	RUN(child_looks, s);
	check_line(s, line, "own", "child");
	tk_leave();
}

/* unshare() is for the children: the caller itself stays, and so do its writes. */
static int unsharer(void *arg)
{
	struct seen *s = arg;
	struct tk_iv line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 200);
	struct tk_state st;
	int fd;

	/* In an own namespace: the child's follows it. */
	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	fd = tk_open_ns("/proc/self/ns/time_for_children");
	tk_get_state(&st);	/* addresses time_for_children, as timens_offsets does */
	CHECK(!strcmp(st.state, "follow"), "time_for_children is %s", st.state);
	CHECK(tk_step(3600 * TK_SEC) >= 0, "step: %m");
	/* That moved us, and who follows us. */
	line = (struct tk_iv){ line.lo + 3600 * TK_SEC, line.hi + 3600 * TK_SEC };
	CHECK_IV_MEET(tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 200), line, 0, "the caller");
	RUN(child_looks, s);
	check_line(s, line, "follow", "child of the new namespace");
	/* What is written to the file is for the one of the children, and moves us not. */
	CHECK(!tk_write_file(TK_CLOCK_FILE, "leap smear google\n"), "leap: %m");
	tk_get_state(&st);
	CHECK(!strcmp(st.state, "own"), "time_for_children is %s", st.state);
	CHECK(tk_step(3600 * TK_SEC) >= 0, "step: %m");
	RUN(child_looks, s);
	check_line(s, line, "own", "child of the new namespace, which owns its clock");
	close(fd);
	return 0;
}

TEST_F(nest, unshare_is_for_children)
{
	struct seen *s = tk_shared_page(sizeof(*s));
	int fd = tk_ns_own(TK_YEAR * TK_SEC);

	tk_enter(fd);
	RUN(unsharer, s);
	tk_leave();
}

/*
 * Before the first child a task whose children will have another namespace is still in
 * its own: what it sets is the clock of the namespace that it is in.
 */
static int sets_before_fork(void *arg)
{
	int target = *(int *)arg;

	tk_enter(target);
	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	CHECK(tk_step(3600 * TK_SEC) >= 0, "step: %m");
	/* The new namespace was not touched. */
	CHECK_STATE("follow");
	return 0;
}

TEST_F(nest, a_write_goes_to_the_own_namespace)
{
	int fd = tk_ns_new();

	RUN(sets_before_fork, &fd);
	tk_enter(fd);
	CHECK_STATE("own");
	tk_leave();
	CHECK_IV(tk_cross(fd, CLOCK_REALTIME, 20, NULL), 3600 * TK_SEC, tk_unit(60 * TK_SEC),
		 "REALTIME");
}

/* Executed by the tests below: print what is seen. */
static int report(void)
{
	struct tk_state st;
	struct tk_iv iv;

	tk_shared = tk_shared_page(sizeof(*tk_shared));
	tk_vdso_init();
	iv = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 200);
	tk_get_state(&st);
	printf("%" PRId64 " %" PRId64 " %s\n", iv.lo, iv.hi, st.state);
	return 0;
}

static void check_report(int fd, struct tk_iv line, const char *want)
{
	char text[128] = "", state[16];
	struct tk_iv iv;
	ssize_t got, len = 0;

	while ((got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += got;
	if (!CHECK(sscanf(text, "%" SCNd64 " %" SCNd64 " %15s", &iv.lo, &iv.hi, state) == 3,
		   "reported: '%s'", text))
		return;
	CHECK(!strcmp(state, want), "state %s", state);
	CHECK_IV_MEET(iv, line, 0, "after exec");
}

static char *const report_argv[] = { "tk_nest", "--report", NULL };

static int exec_report(void *arg)
{
	int *fds = arg;

	dup2(fds[1], STDOUT_FILENO);
	execv("/proc/self/exe", report_argv);
	return 126;
}

TEST_F(nest, exec_keeps)
{
	int fd = tk_ns_own(TK_YEAR * TK_SEC), fds[2];
	struct tk_iv line;

	REQUIRE(!pipe2(fds, O_CLOEXEC), "pipe: %m");
	tk_enter(fd);
	line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 200);
	RUN(exec_report, fds);
	close(fds[1]);
	check_report(fds[0], line, "own");
	tk_leave();
}

/*
 * After vfork() the child shares the memory, and with it the vDSO page, so it stays in
 * the parent's namespace until it executes; then it is in the new one.
 */
static int vforker(void *arg)
{
	struct tk_iv line;
	int fds[2], status, fd = *(int *)arg;
	pid_t pid;
	static struct tk_iv in_child;

	REQUIRE(!pipe2(fds, O_CLOEXEC), "pipe: %m");
	/* time_for_children becomes a copy of @fd: a year ahead. */
	tk_enter(fd);
	line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 200);
	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	CHECK(!tk_write_file(TK_CLOCK_FILE, "leap smear google\n"), "leap: %m");
	/* Now the parent goes another hour ahead of what its children get. */
	CHECK(tk_step(3600 * TK_SEC) >= 0, "step: %m");
	pid = vfork();
	if (!pid) {
		in_child = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 200);
		dup2(fds[1], STDOUT_FILENO);
		execv("/proc/self/exe", report_argv);
		_exit(126);
	}
	REQUIRE(pid > 0, "vfork: %m");
	close(fds[1]);
	REQUIRE(waitpid(pid, &status, 0) == pid, "waitpid: %m");
	CHECK(!status, "status %#x", status);
	check_report(fds[0], line, "own");
	CHECK_IV_MEET(in_child,
		      ((struct tk_iv){ line.lo + 3600 * TK_SEC, line.hi + 3600 * TK_SEC }), 0,
		      "between vfork and exec");
	CHECK_IV_MEET(tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 200), in_child, 0, "the parent");
	return 0;
}

TEST_F(nest, vfork_then_exec)
{
	int fd = tk_ns_own(TK_YEAR * TK_SEC);

	RUN(vforker, &fd);
}

static int clone3_child(void)
{
	struct clone_args args = { .flags = CLONE_NEWTIME, .exit_signal = SIGCHLD };

	return syscall(SYS_clone3, &args, sizeof(args));
}

static int cloner(void *arg)
{
	struct seen *s = arg;
	struct tk_iv line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 200);
	struct tk_watch w;
	int pid;

	/* We, the caller, must not be moved by the child's write. */
	tk_watch_start(&w, "the caller", -1, TK_WATCH_ALL);
	pid = clone3_child();
	REQUIRE(pid >= 0, "clone3: %m");
	if (!pid) {
		look(s);
		CHECK(tk_step(3600 * TK_SEC) >= 0, "step: %m");
		_exit(0);
	}
	CHECK(!tk_reap(pid), "the child failed");
	tk_watch_stop(&w);
	CHECK_IV_MEET(s->vdso, line, 0, "the child of clone3");
	return 0;
}

/* clone3(CLONE_NEWTIME): the child is in a namespace of its own at once. */
TEST_F(nest, clone3_newtime)
{
	struct seen *s = tk_shared_page(sizeof(*s));
	int fd = tk_ns_own(TK_YEAR * TK_SEC);

	tk_enter(fd);
	RUN(cloner, s);
	CHECK(!strcmp(s->state.state, "follow"), "state %s", s->state.state);
	tk_leave();
	/* and from the host, whose child follows until it writes, too */
	RUN(cloner, s);
	CHECK(!strcmp(s->state.state, "follow"), "state %s", s->state.state);
}

/* ------------------------------------------------------------------- setns */

static void *idle_thread(void *arg)
{
	while (pause() < 0)
		;
	return arg;
}

static int threaded_setns(void *arg)
{
	int fd = *(int *)arg, ret;
	pthread_t th;

	ret = pthread_create(&th, NULL, idle_thread, NULL);
	REQUIRE(!ret, "pthread_create: %s", strerror(ret));
	ret = tk_setns(fd);
	CHECK(ret == -EUSERS, "setns with threads: %d", ret);
	CHECK_STATE("follow");
	return 0;
}

TEST_F(nest, setns_with_threads_is_refused)
{
	int fd = tk_ns_own(TK_YEAR * TK_SEC);

	RUN(threaded_setns, &fd);
}

struct thread_read {
	struct tk_iv line;
	int ret;
};

static void *thread_looks(void *arg)
{
	struct thread_read *t = arg;
	struct tk_timex tx = { 0 };

	t->line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 200);
	t->ret = tk_adjtimex(&tx);
	return NULL;
}

static void *thread_sets(void *arg)
{
	*(int *)arg = tk_step(3600 * TK_SEC);
	return NULL;
}

static int threads_share(void *arg)
{
	int fd = *(int *)arg, ret, i, step = -1;
	struct thread_read t[4];
	struct tk_iv line;
	pthread_t th[4];

	tk_enter(fd);
	line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 200);
	/* A thread's write is seen by all threads. */
	ret = pthread_create(&th[0], NULL, thread_sets, &step);
	REQUIRE(!ret, "pthread_create: %s", strerror(ret));
	pthread_join(th[0], NULL);
	CHECK(step >= 0, "step by a thread: %s", strerror(-step));
	line.lo += 3600 * TK_SEC;
	line.hi += 3600 * TK_SEC;
	CHECK_IV_MEET(tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 200), line, 0, "main thread");
	for (i = 0; i < 4; i++) {
		ret = pthread_create(&th[i], NULL, thread_looks, &t[i]);
		REQUIRE(!ret, "pthread_create: %s", strerror(ret));
	}
	for (i = 0; i < 4; i++) {
		pthread_join(th[i], NULL);
		CHECK_IV_MEET(t[i].line, line, 0, "thread");
	}
	return 0;
}

TEST_F(nest, threads_share_the_clock)
{
	int fd = tk_ns_own(TK_YEAR * TK_SEC);

	RUN(threads_share, &fd);
}

/* A thousand changes of namespace: each read is on the line of where the task is. */
TEST_F(nest, setns_back_and_forth)
{
	int fd[3], i;
	struct tk_iv line[3];

	fd[0] = tk_host_fd;
	fd[1] = tk_ns_own(TK_YEAR * TK_SEC);
	fd[2] = tk_ns_new();
	for (i = 0; i < 3; i++) {
		tk_enter(fd[i]);
		line[i] = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 300);
	}
	for (i = 0; i < 900; i++) {
		tk_enter(fd[i % 3]);
		CHECK_IV_MEET(tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 1), line[i % 3], 0,
			      i % 3 == 0 ? "host" : i % 3 == 1 ? "own" : "follow");
	}
	tk_leave();
}

/* ------------------------------------------------------------- timens_offsets */

static void read_offsets(s64 *mono, s64 *boot)
{
	char text[256];
	long long ms, mn, bs, bn;

	tk_slurp("/proc/self/timens_offsets", text, sizeof(text));
	REQUIRE(sscanf(text, "monotonic %lld %lld\nboottime %lld %lld", &ms, &mn, &bs, &bn) == 4,
		"timens_offsets: %s", text);
	CHECK(mn >= 0 && mn < TK_SEC && bn >= 0 && bn < TK_SEC, "timens_offsets: %s", text);
	*mono = tk_ns(ms, mn);
	*boot = tk_ns(bs, bn);
}

/*
 * In an own namespace timens_offsets shows the present difference to the host: with a
 * tick of 11000 us it grows, so what is shown lies between two measurements.
 */
TEST_F(nest, offsets_show_the_present_difference)
{
	int fd = tk_ns_new_offsets("monotonic 500 0\nboottime 900 0\n"), i;
	struct tk_timex tx = { .modes = ADJ_TICK, .tick = 11000 };
	s64 mono, boot;

	tk_enter(fd);
	read_offsets(&mono, &boot);
	CHECK(mono == 500 * TK_SEC && boot == 900 * TK_SEC, "follow: %" PRId64 " %" PRId64, mono,
	      boot);
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	tk_leave();
	for (i = 0; i < 20; i++) {
		struct tk_iv m1, m2, b1, b2;

		m1 = tk_cross_once(fd, CLOCK_MONOTONIC);
		b1 = tk_cross_once(fd, CLOCK_BOOTTIME);
		tk_enter(fd);
		read_offsets(&mono, &boot);
		tk_leave();
		m2 = tk_cross_once(fd, CLOCK_MONOTONIC);
		b2 = tk_cross_once(fd, CLOCK_BOOTTIME);
		CHECK_BETWEEN(m1.lo, mono, m2.hi, "monotonic");
		CHECK_BETWEEN(b1.lo, boot, b2.hi, "boottime");
		CHECK(m2.hi > 500 * TK_SEC, "the difference does not grow");
		tk_sleep(5 * TK_MSEC);
	}
}

static int offsets_before_and_after(void *arg)
{
	s64 mono, boot;
	int ret;

	(void)arg;
	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	ret = tk_write_file("/proc/self/timens_offsets", "realtime 10 0\n");
	CHECK(ret == -EINVAL, "realtime before entry: %d", ret);
	ret = tk_write_file("/proc/self/timens_offsets", "0 10 0\n");
	CHECK(ret == -EINVAL, "clock 0 before entry: %d", ret);
	ret = tk_write_file("/proc/self/timens_offsets", "tai 10 0\n");
	CHECK(ret == -EINVAL, "tai before entry: %d", ret);
	ret = tk_write_file("/proc/self/timens_offsets", "monotonic 100 5\nboottime 200 6\n");
	CHECK(!ret, "before entry: %s", strerror(-ret));
	read_offsets(&mono, &boot);
	CHECK(mono == tk_ns(100, 5) && boot == tk_ns(200, 6), "%" PRId64 " %" PRId64, mono, boot);
	ret = tk_write_file("/proc/self/timens_offsets", "monotonic 300 0\n");
	CHECK(!ret, "again before entry: %s", strerror(-ret));
	/* Someone enters: from now on the offsets are frozen. */
	CHECK(!tk_run(child_looks, tk_shared_page(sizeof(struct seen))), "child failed");
	ret = tk_write_file("/proc/self/timens_offsets", "monotonic 100 0\n");
	CHECK(ret == -EACCES, "after entry: %d", ret);
	ret = tk_write_file("/proc/self/timens_offsets", "realtime 10 0\n");
	CHECK(ret == -EINVAL, "realtime after entry: %d", ret);
	read_offsets(&mono, &boot);
	CHECK(mono == 300 * TK_SEC, "%" PRId64, mono);
	return 0;
}

TEST_F(nest, offsets_before_the_first_task)
{
	RUN(offsets_before_and_after, NULL);
}

/*
 * MONOTONIC and BOOTTIME of a namespace made inside an own one may be offset before the
 * first task enters, whether it follows or owns: the offset is against the host, as it is
 * read.
 */
static int offsets_of_a_copy(void *arg)
{
	struct seen *s = arg;
	const char *want = s->syscall ? "own" : "follow";
	s64 mono, boot;
	int ret;

	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	if (s->syscall)
		CHECK(!tk_write_file(TK_CLOCK_FILE, "leap smear google\n"), "leap: %m");
	ret = tk_write_file("/proc/self/timens_offsets", "monotonic 7000 0\nboottime 8000 0\n");
	CHECK(!ret, "before entry: %s", strerror(-ret));
	read_offsets(&mono, &boot);
	CHECK(llabs(mono - 7000 * TK_SEC) <= tk_unit(60 * TK_SEC) &&
	      llabs(boot - 8000 * TK_SEC) <= tk_unit(60 * TK_SEC),
	      "%" PRId64 " %" PRId64, mono, boot);
	RUN(child_looks, s);
	CHECK(!strcmp(s->state.state, want), "state %s", s->state.state);
	CHECK(llabs(s->state.monotonic - 7000 * TK_SEC) <= tk_unit(60 * TK_SEC),
	      "monotonic %" PRId64, s->state.monotonic);
	CHECK(llabs(s->state.boottime - 8000 * TK_SEC) <= tk_unit(60 * TK_SEC), "boottime %" PRId64,
	      s->state.boottime);
	CHECK(llabs(s->state.realtime - TK_YEAR * TK_SEC) <= tk_unit(60 * TK_SEC),
	      "realtime %" PRId64, s->state.realtime);
	return 0;
}

TEST_F(nest, offsets_of_a_copy_before_entry)
{
	struct seen *s = tk_shared_page(sizeof(*s));
	int fd = tk_ns_own(TK_YEAR * TK_SEC);

	tk_enter(fd);
	RUN(offsets_of_a_copy, s);
	s->syscall = 1;	/* own: see there */
	RUN(offsets_of_a_copy, s);
	tk_leave();
}

static int child_reads(void *arg)
{
	s64 *seen = arg;

	seen[0] = tk_now(CLOCK_MONOTONIC_RAW);
	seen[1] = tk_now(CLOCK_MONOTONIC);
	seen[2] = tk_now(CLOCK_BOOTTIME);
	return 0;
}

static int boottime_of_a_copy(void *arg)
{
	static const int clk[] = { CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC };
	s64 *seen = arg, before[2], after[2], mono, boot;
	size_t i;
	int ret;

	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	if (seen[0])
		CHECK(!tk_write_file(TK_CLOCK_FILE, "leap smear google\n"), "leap: %m");
	ret = tk_write_file("/proc/self/timens_offsets", "boottime 8000 0\n");
	CHECK(!ret, "before entry: %s", strerror(-ret));
	read_offsets(&mono, &boot);
	CHECK(mono > 0, "monotonic %" PRId64 " of a clock that ran fast", mono);
	for (i = 0; i < 2; i++)
		before[i] = tk_now(clk[i]);
	RUN(child_reads, seen);
	for (i = 0; i < 2; i++) {
		after[i] = tk_now(clk[i]);
		CHECK_BETWEEN(before[i], seen[i], after[i], i ? "MONOTONIC" : "RAW");
	}
	CHECK(seen[2] >= 8000 * TK_SEC, "BOOTTIME %" PRId64, seen[2]);
	return 0;
}

/*
 * Where MONOTONIC and RAW have parted, offsetting BOOTTIME of a copy before the first
 * task enters leaves the two as they are: between the original's, which go on.
 */
TEST_F(nest, boottime_offset_moves_boottime_alone)
{
	struct tk_timex tx = { .modes = ADJ_TICK, .tick = 11000 };
	s64 *seen = tk_shared_page(3 * sizeof(*seen));
	int fd = tk_ns_own(0);

	tk_enter(fd);
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	tk_sleep(100 * TK_MSEC);
	tx.tick = 10000;
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	/* One which follows, and then, for @seen is filled, one which owns */
	RUN(boottime_of_a_copy, seen);
	RUN(boottime_of_a_copy, seen);
	tk_leave();
}

/* ----------------------------------------------------------------- re-follow */

/*
 *	   ns  REALTIME   .....=====.
 *	 host  REALTIME ------------'---   snaps to the host's
 *	   ns  MONOTONIC ---------------   goes on from where it is
 */
TEST_F(nest, follow_again)
{
	static const int steady[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	struct tk_timex tx = { .modes = ADJ_TICK, .tick = 11000 }, host = { 0 }, ns = { 0 };
	int fd = tk_ns_new_offsets("monotonic 100 0\nboottime 200 0\n"), round;
	struct tk_iv iv[2], after;
	s64 mono, boot, base[2];
	size_t i;

	for (round = 0; round < 3; round++) {
		tk_enter(fd);
		CHECK(tk_step(TK_YEAR * TK_SEC) >= 0, "step: %m");
		tx.modes = ADJ_TICK;
		CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
		CHECK_STATE("own");
		tk_sleep(20 * TK_MSEC);
		/* MONOTONIC and BOOTTIME right before and right after */
		for (i = 0; i < 2; i++)
			base[i] = tk_vnow(steady[i]);
		CHECK(!tk_follow(), "follow: %m");
		CHECK_STATE("follow");
		for (i = 0; i < 2; i++)
			CHECK(tk_vnow(steady[i]) >= base[i], "clock %d went back", steady[i]);
		tk_leave();
		for (i = 0; i < 2; i++)
			iv[i] = tk_cross(fd, steady[i], 20, NULL);
		CHECK_IV(tk_cross(fd, CLOCK_REALTIME, 20, NULL), 0, 0, "REALTIME");
		CHECK_IV(tk_cross(fd, CLOCK_TAI, 20, NULL), 0, 0, "TAI");
		CHECK(tk_adjtimex(&host) >= 0, "adjtimex: %m");
		tk_enter(fd);
		CHECK(tk_adjtimex(&ns) >= 0, "adjtimex: %m");
		read_offsets(&mono, &boot);
		tk_leave();
		CHECK(ns.tick == host.tick && ns.freq == host.freq && ns.tai == host.tai,
		      "tick %" PRId64 "/%" PRId64, ns.tick, host.tick);
		/* Constant offsets from now on, and larger than before: it ran 10 % faster. */
		tk_sleep(20 * TK_MSEC);
		after = tk_cross(fd, CLOCK_MONOTONIC, 20, NULL);
		CHECK_IV_MEET(iv[0], after, 0, "MONOTONIC");
		CHECK(after.lo > 100 * TK_SEC, "MONOTONIC is not ahead");
		CHECK_IV(after, mono, 0, "timens_offsets monotonic");
		CHECK_IV(iv[1], boot, 0, "timens_offsets boottime");
	}
}

/* `follow' for one that follows changes nothing. */
TEST_F(nest, follow_of_a_follower)
{
	int fd = tk_ns_new_offsets("monotonic 100 0\n"), ret;

	tk_enter(fd);
	ret = tk_follow();
	CHECK(!ret, "follow: %s", strerror(-ret));
	CHECK_STATE("follow");
	tk_leave();
	CHECK_IV(tk_cross(fd, CLOCK_MONOTONIC, 20, NULL), 100 * TK_SEC, 0, "MONOTONIC");
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--report"))
		return report();
	return test_harness_run(argc, argv);
}
