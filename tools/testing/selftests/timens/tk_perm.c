// SPDX-License-Identifier: GPL-2.0
/*
 * Who may set a namespace's clock: CAP_SYS_TIME in the user namespace that owns the
 * time namespace, and nothing else.
 *
 *	init userns ----- userns A ----- userns B
 *	   |                 |
 *	 time ns T0        time ns TA
 *
 *	who                          T0      TA
 *	root, all capabilities       may     may
 *	root without CAP_SYS_TIME    EPERM   EPERM
 *	a user                       EPERM   EPERM
 *	root of A                    EPERM   may
 *	root of B                    EPERM   EPERM
 *
 * and everybody may read, adjtimex() included.
 */
#include <linux/capability.h>

#include "lib/tk.h"
#include "lib/user.h"

#define TK_UID 65533
#define TK_UID_OTHER 65532

/* What a user may not do: each returns >= 0 or -errno, and must not move REALTIME */
static int by_settime(void)
{
	struct tk_ts ts = { 0 };

	tk_sys_gettime(CLOCK_REALTIME, &ts);
	return tk_settime(CLOCK_REALTIME, ts.sec, ts.nsec);
}

static int by_settimeofday(void)
{
	struct tk_tv tv = { 0 };

	tk_sys_gettimeofday(&tv, NULL);
	return tk_sys_settimeofday(&tv, NULL);
}

static int by_zone(void)
{
	struct timezone tz = { 0 };

	return tk_sys_settimeofday(NULL, &tz);
}

static int by_frequency(void)
{
	struct tk_timex tx = { .modes = ADJ_FREQUENCY };

	return tk_adjtimex(&tx);
}

static int by_clock_adjtime(void)
{
	struct tk_timex tx = { .modes = ADJ_ESTERROR, .esterror = 7 };

	return tk_clock_adjtime(CLOCK_REALTIME, &tx);
}

static int by_setoffset(void)
{
	struct tk_timex tx = { .modes = ADJ_SETOFFSET };

	return tk_adjtimex(&tx);
}

static int by_singleshot(void)
{
	struct tk_timex tx = { .modes = ADJ_OFFSET_SINGLESHOT };

	return tk_adjtimex(&tx);
}

static int by_status(void)
{
	struct tk_timex tx = { .modes = ADJ_STATUS, .status = STA_UNSYNC };

	return tk_adjtimex(&tx);
}

static int by_tai(void)
{
	struct tk_timex tx = { .modes = ADJ_TAI, .constant = 1 };

	return tk_adjtimex(&tx);
}

#ifdef __i386__
static int by_stime(void)
{
	int32_t t = tk_sys_time();

	return TK_RET(syscall(SYS_stime, &t));
}

/* The right comes before the value: stime() never tells about the latter. */
static int by_bad_stime(void)
{
	int32_t t = -1;

	return TK_RET(syscall(SYS_stime, &t));
}

static int by_settime32(void)
{
	struct tk_ts32 ts = { tk_sys_time(), 0 };

	return TK_RET(syscall(SYS_clock_settime, CLOCK_REALTIME, &ts));
}
#endif

static const struct {
	const char *name;
	int (*call)(void);
} setters[] = {
	{ "clock_settime", by_settime },
	{ "settimeofday", by_settimeofday },
	{ "settimeofday of the zone", by_zone },
	{ "ADJ_FREQUENCY", by_frequency },
	{ "clock_adjtime(ADJ_ESTERROR)", by_clock_adjtime },
	{ "ADJ_SETOFFSET", by_setoffset },
	{ "ADJ_OFFSET_SINGLESHOT", by_singleshot },
	{ "ADJ_STATUS", by_status },
	{ "ADJ_TAI", by_tai },
#ifdef __i386__
	{ "stime", by_stime },
	{ "stime of a negative time", by_bad_stime },
	{ "clock_settime32", by_settime32 },
#endif
};

/* In the namespace, with the right of the caller: nothing works, nothing changes. */
static void check_forbidden(const char *who, const char *state)
{
	struct tk_iv line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 300);
	char was[1024], is[1024];
	struct tk_timex tx0 = { 0 }, tx = { 0 };
	size_t i;
	int ret;

	tk_slurp(TK_CLOCK_FILE, was, sizeof(was));
	ret = tk_adjtimex(&tx0);
	CHECK(ret >= 0, "%s may not read adjtimex: %s", who, strerror(-ret));
	ret = tk_clock_adjtime(CLOCK_REALTIME, &tx0);
	CHECK(ret >= 0, "%s may not read clock_adjtime: %s", who, strerror(-ret));
	tx.modes = ADJ_OFFSET_SS_READ;
	ret = tk_adjtimex(&tx);
	CHECK(ret >= 0, "%s may not read adjtime: %s", who, strerror(-ret));
	for (i = 0; i < TK_ARRAY(setters); i++) {
		ret = setters[i].call();
		CHECK(ret == -EPERM, "%s of %s: %s", setters[i].name, who,
		      ret < 0 ? strerror(-ret) : "taken");
	}
	CHECK_STATE(state);
	CHECK_IV_MEET(line, tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 300), 0, "REALTIME");
	tx = (struct tk_timex){ 0 };
	ret = tk_adjtimex(&tx);
	CHECK(tx.freq == tx0.freq && tx.tick == tx0.tick && tx.status == tx0.status &&
	      tx.tai == tx0.tai && tx.esterror == tx0.esterror,
	      "%s changed adjtimex: freq %" PRId64 ", status %#x, TAI %d", who, tx.freq, tx.status,
	      tx.tai);
	tk_slurp(TK_CLOCK_FILE, is, sizeof(is));
	/* An own namespace's offset may round otherwise a moment later. */
	if (!strcmp(state, "follow"))
		CHECK(!strcmp(was, is), "%s changed timens_clock:\n%swas\n%s", who, is, was);
}

/* Every setter works, and the namespace owns its clock afterwards. */
static void check_allowed(const char *who)
{
	struct tk_timex tx = { 0 };
	size_t i;
	int ret;

	for (i = 0; i < TK_ARRAY(setters); i++) {
		ret = setters[i].call();
		CHECK(ret >= 0, "%s of %s: %s", setters[i].name, who, strerror(-ret));
	}
	CHECK_STATE("own");
	ret = tk_adjtimex(&tx);
	CHECK(tx.esterror >= 0 && tx.tai == 1, "%s: TAI offset %d", who, tx.tai);
}

static void drop_cap(int cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	REQUIRE(!syscall(SYS_capget, &head, data), "capget: %m");
	data[cap / 32].effective &= ~(1u << (cap % 32));
	data[cap / 32].permitted &= ~(1u << (cap % 32));
	data[cap / 32].inheritable &= ~(1u << (cap % 32));
	REQUIRE(!syscall(SYS_capset, &head, data), "capset: %m");
}

FIXTURE(perm)
{
	int fd;
	const char *state;
};

FIXTURE_VARIANT(perm)
{
	bool own;
};

FIXTURE_VARIANT_ADD(perm, follow)
{
	.own = false,
};

FIXTURE_VARIANT_ADD(perm, own)
{
	.own = true,
};

/* fd is T0 of the drawing. */
FIXTURE_SETUP(perm)
{
	ASSERT_EQ(0, tk_setup());
	self->fd = variant->own ? tk_ns_own(TK_YEAR * TK_SEC) : tk_ns_new();
	self->state = variant->own ? "own" : "follow";
}

FIXTURE_TEARDOWN(perm)
{
	EXPECT_EQ(0, tk_teardown());
}

struct who {
	int fd;
	const char *state;
};

static int root_without_cap(void *arg)
{
	struct who *w = arg;

	tk_enter(w->fd);
	drop_cap(CAP_SYS_TIME);
	check_forbidden("root without CAP_SYS_TIME", w->state);
	return 0;
}

TEST_F(perm, root_without_cap)
{
	struct who w = { self->fd, self->state };

	RUN(root_without_cap, &w);
}

static int plain_user(void *arg)
{
	struct who *w = arg;

	tk_enter(w->fd);
	tk_become(TK_UID);
	check_forbidden("a user", w->state);
	return 0;
}

TEST_F(perm, plain_user)
{
	struct who w = { self->fd, self->state };

	RUN(plain_user, &w);
}

/* All capabilities, but in a user namespace that does not own the time namespace. */
static int root_of_wrong_userns(void *arg)
{
	struct who *w = arg;

	tk_enter(w->fd);
	tk_become(TK_UID);
	tk_unshare_user(0);
	check_forbidden("root of another user namespace", w->state);
	return 0;
}

TEST_F(perm, root_of_wrong_userns)
{
	struct who w = { self->fd, self->state };

	RUN(root_of_wrong_userns, &w);
}

/* CAP_SYS_TIME alone is enough. */
static int only_cap(void *arg)
{
	struct who *w = arg;
	int cap;

	tk_enter(w->fd);
	for (cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (cap != CAP_SYS_TIME)
			drop_cap(cap);
	check_allowed("a task with CAP_SYS_TIME alone");
	return 0;
}

TEST_F(perm, only_cap_sys_time)
{
	struct who w = { self->fd, self->state };

	RUN(only_cap, &w);
}

/* -------------------------------------------------------- namespaces of users */

TK_FIXTURE(user);

/* A process in TA, which says where it is and waits until it is let go */
struct holder {
	pid_t pid;
	int ready[2];
	int done[2];
};

static int in_new_userns_and_timens(int (*fn)(void *arg), void *arg)
{
	tk_unshare_user(CLONE_NEWTIME);
	return tk_run(fn, arg);
}

static int owner_sets(void *arg)
{
	(void)arg;
	CHECK_STATE("follow");
	check_allowed("the owner");
	return 0;
}

static int as_user_owner(void *arg)
{
	tk_become(TK_UID);
	return in_new_userns_and_timens(owner_sets, arg);
}

/* A user without any privilege on the host sets the clock of his own namespace. */
TEST_F(user, owner_may_set)
{
	RUN(as_user_owner, NULL);
}

static int grandchild_userns(void *arg)
{
	(void)arg;
	tk_unshare_user(0);
	check_forbidden("root of the owner's child", "follow");
	return 0;
}

static int as_user_grandchild(void *arg)
{
	tk_become(TK_UID);
	return in_new_userns_and_timens(grandchild_userns, arg);
}

/* root of B in TA of A */
TEST_F(user, child_of_the_owner_may_not)
{
	RUN(as_user_grandchild, NULL);
}

static int owner_without_cap(void *arg)
{
	(void)arg;
	drop_cap(CAP_SYS_TIME);
	check_forbidden("root of the owner without CAP_SYS_TIME", "follow");
	return 0;
}

static int as_user_without_cap(void *arg)
{
	tk_become(TK_UID);
	return in_new_userns_and_timens(owner_without_cap, arg);
}

TEST_F(user, owner_without_cap_may_not)
{
	RUN(as_user_without_cap, NULL);
}

static int hold(void *arg)
{
	struct holder *h = arg;
	char c = 'r';

	REQUIRE(write(h->ready[1], &c, 1) == 1, "pipe: %m");
	REQUIRE(read(h->done[0], &c, 1) == 1, "pipe: %m");
	return 0;
}

static int as_user_hold(void *arg)
{
	tk_become(TK_UID);
	return in_new_userns_and_timens(hold, arg);
}

/* The middle process's time_for_children is TA, and its user namespace A. */
static void holder_start(struct holder *h)
{
	char c;

	REQUIRE(!pipe(h->ready) && !pipe(h->done), "pipe: %m");
	h->pid = tk_spawn(as_user_hold, h);
	REQUIRE(read(h->ready[0], &c, 1) == 1, "pipe: %m");
}

static void holder_stop(struct holder *h)
{
	REQUIRE(write(h->done[1], "q", 1) == 1, "pipe: %m");
	CHECK(!tk_reap(h->pid), "the holder failed");
}

static int root_in_users_ns(void *arg)
{
	int fd = *(int *)arg;

	tk_enter(fd);
	check_allowed("root of the host");
	return 0;
}

/* root in TA: capabilities reach down into child user namespaces. */
TEST_F(user, root_of_the_host_may)
{
	struct holder h;
	char path[64];
	int fd;

	holder_start(&h);
	snprintf(path, sizeof(path), "/proc/%d/ns/time_for_children", h.pid);
	fd = tk_open_ns(path);
	RUN(root_in_users_ns, &fd);
	holder_stop(&h);
}

static int sibling(void *arg)
{
	int fd = *(int *)arg, ret;

	tk_become(TK_UID_OTHER);
	tk_unshare_user(0);
	ret = tk_setns(fd);
	CHECK(ret == -EPERM, "root of another namespace entered: %d", ret);
	return 0;
}

/* Root of another user's namespace does not even get in. */
TEST_F(user, sibling_may_not_enter)
{
	struct holder h;
	char path[64];
	int fd;

	holder_start(&h);
	snprintf(path, sizeof(path), "/proc/%d/ns/time_for_children", h.pid);
	fd = tk_open_ns(path);
	RUN(sibling, &fd);
	holder_stop(&h);
}

/* ------------------------------------------------------------- timens_clock */

/*
 * Writing to timens_clock is judged as writing to timens_offsets is: by the one who
 * opened the file. What timens_offsets does is measured, not assumed.
 */
/* With the credentials of a user for a moment; /proc/self is his as well then. */
static void act_as(uid_t uid)
{
	REQUIRE(!seteuid(uid), "seteuid: %m");
	REQUIRE(!prctl(PR_SET_DUMPABLE, 1), "prctl: %m");
}

/*
 * Four ways to write a file of a fresh namespace that nobody has entered; each result
 * is an errno, negative when the file could not even be opened.
 */
static void write_all_ways(int result[2][2], const char *file, const char *text)
{
	int by_user, with_user, here = tk_open_ns("/proc/self/ns/time");

	for (by_user = 0; by_user < 2; by_user++) {
		for (with_user = 0; with_user < 2; with_user++) {
			int *r = &result[by_user][with_user], fd;

			REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
			act_as(by_user ? TK_UID : 0);
			fd = open(file, O_WRONLY);
			*r = fd < 0 ? -errno : 0;
			act_as(0);
			if (fd >= 0) {
				act_as(with_user ? TK_UID : 0);
				if (write(fd, text, strlen(text)) < 0)
					*r = errno;
				act_as(0);
				close(fd);
			}
			tk_enter(here);
		}
	}
	close(here);
}

TEST_F(user, timens_clock_is_guarded_as_timens_offsets)
{
	int offsets[2][2], clock[2][2], i, j;

	/*
	 * "follow" for a namespace that follows changes nothing, "monotonic 0 0" neither,
	 * and the namespace is fresh each time: what differs is the permission alone.
	 */
	write_all_ways(offsets, "/proc/self/timens_offsets", "monotonic 0 0\n");
	write_all_ways(clock, "/proc/self/timens_clock", "follow\n");
	for (i = 0; i < 2; i++)
		for (j = 0; j < 2; j++)
			CHECK(offsets[i][j] == clock[i][j],
			      "opened by %s, written by %s: timens_clock %d, timens_offsets %d",
			      i ? "a user" : "root", j ? "a user" : "root", clock[i][j],
			      offsets[i][j]);
	CHECK(!clock[0][0], "root may not: %s", strerror(clock[0][0]));
	/* A set-uid program tricked into writing to a user's file changes nothing. */
	CHECK(clock[1][0], "opened by a user, root may");
}

static int user_reads_and_writes(void *arg)
{
	const char *path = arg;
	char text[1024];
	int fd, ret;

	tk_become(TK_UID);
	tk_slurp(path, text, sizeof(text));
	ret = tk_write_file(path, "follow\n");
	CHECK(ret == -EACCES || ret == -EPERM, "a user wrote to root's %s: %d", path, ret);
	fd = open("/proc/self/timens_clock", O_WRONLY);
	if (fd >= 0) {
		CHECK(write(fd, "follow\n", 7) < 0 && errno == EPERM, "write: %m");
		close(fd);
	}
	return 0;
}

/* A user may read root's file and not write it, nor through his own. */
TEST_F(user, user_may_read_timens_clock)
{
	char path[64];
	int fd = tk_ns_own(TK_YEAR * TK_SEC);

	tk_enter(fd);
	snprintf(path, sizeof(path), "/proc/%d/timens_clock", getpid());
	RUN(user_reads_and_writes, path);
	CHECK_STATE("own");
}

static int owner_refollows(void *arg)
{
	int ret;

	(void)arg;
	tk_make_own();
	ret = tk_follow();
	CHECK(!ret, "follow: %s", strerror(-ret));
	CHECK_STATE("follow");
	tk_make_own();
	drop_cap(CAP_SYS_TIME);
	ret = tk_follow();
	CHECK(ret == -EPERM, "follow without CAP_SYS_TIME: %d", ret);
	CHECK_STATE("own");
	return 0;
}

static int as_user_refollow(void *arg)
{
	tk_become(TK_UID);
	return in_new_userns_and_timens(owner_refollows, arg);
}

TEST_F(user, owner_may_refollow)
{
	RUN(as_user_refollow, NULL);
}

/* ------------------------------------------------------------------- limits */

#define LIMIT 5

static void set_limit(const char *text)
{
	int ret = tk_write_file("/proc/sys/user/max_time_namespaces", text);

	REQUIRE(!ret, "max_time_namespaces: %s", strerror(-ret));
}

static int create_up_to_limit(void *arg)
{
	int fds[LIMIT], round, n, ret;

	(void)arg;
	/* Twice: what is closed must be counted off again. */
	for (round = 0; round < 2; round++) {
		for (n = 0; n < LIMIT; n++) {
			ret = TK_RET(unshare(CLONE_NEWTIME));
			if (!CHECK(!ret, "round %d, namespace %d: %s", round, n, strerror(-ret)))
				return 1;
			fds[n] = tk_open_ns("/proc/self/ns/time_for_children");
		}
		ret = TK_RET(unshare(CLONE_NEWTIME));
		CHECK(ret == -ENOSPC, "one too many: %s", ret ? strerror(-ret) : "created");
		/* Still whole: the last one is what the children get. */
		CHECK_STATE("follow");
		tk_leave();
		for (n = 0; n < LIMIT; n++)
			close(fds[n]);
	}
	return 0;
}

static int limit_by_children(void *arg)
{
	int n, ret, pids[LIMIT];

	(void)arg;
	/* Without CAP_SYS_ADMIN over the host's namespace there is no way back but exit. */
	for (n = 0; n < LIMIT; n++) {
		pids[n] = fork();
		REQUIRE(pids[n] >= 0, "fork: %m");
		if (!pids[n]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (unshare(CLONE_NEWTIME))
				_exit(errno);
			kill(getpid(), SIGSTOP);
			_exit(0);
		}
	}
	for (n = 0; n < LIMIT; n++) {
		int status;

		REQUIRE(waitpid(pids[n], &status, WUNTRACED) == pids[n], "waitpid: %m");
		CHECK(WIFSTOPPED(status), "namespace %d: %s", n, strerror(WEXITSTATUS(status)));
	}
	ret = TK_RET(unshare(CLONE_NEWTIME));
	CHECK(ret == -ENOSPC, "one too many: %s", ret ? strerror(-ret) : "created");
	for (n = 0; n < LIMIT; n++) {
		kill(pids[n], SIGCONT);
		CHECK(!tk_reap(pids[n]), "child %d failed", n);
	}
	ret = TK_RET(unshare(CLONE_NEWTIME));
	CHECK(!ret, "after all are gone: %s", strerror(-ret));
	return 0;
}

static int as_user_limit_by_children(void *arg)
{
	char text[16];

	tk_become(TK_UID);
	tk_unshare_user(0);
	snprintf(text, sizeof(text), "%d", LIMIT);
	set_limit(text);
	return limit_by_children(arg);
}

TEST_F(user, max_time_namespaces)
{
	RUN(as_user_limit_by_children, NULL);
}

/* The same with root of the host below a user namespace of his, who may go back. */
static int as_root_limit(void *arg)
{
	s64 was = tk_read_s64("/proc/sys/user/max_time_namespaces");
	char text[32];
	int ret;

	snprintf(text, sizeof(text), "%d", LIMIT);
	set_limit(text);
	ret = create_up_to_limit(arg);
	snprintf(text, sizeof(text), "%" PRId64, was);
	set_limit(text);
	return ret;
}

TEST_F(user, max_time_namespaces_of_the_host)
{
	RUN(as_root_limit, NULL);
}

TEST_HARNESS_MAIN
