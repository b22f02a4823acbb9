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
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "lib/tk.h"
#include "lib/user.h"
#include "tk_perm_audit.h"

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

/* ------------------------------------------------------------------- policy */

/*
 * kernel.timens_own: whose clock is set from inside a time namespace. "host" is the clock of
 * the machine, by the check of the machine; "own" makes the namespace an owner.
 *
 *	who                         in     0      1      2
 *	root                        T0     host   host   own
 *	root                        TA     host   own    own
 *	root of A                   TA     EPERM  own    own
 *	who has no CAP_SYS_TIME     both   EPERM  EPERM  EPERM
 *
 * A write to timens_clock which would make an owner is for no other clock: it fails with
 * EOPNOTSUPP where the table does not say own.
 */
#define POLICY_STEP (1000 * TK_SEC)

enum outcome { EPERMS, HOST, OWN };

struct visit {
	int fd;			/* of the namespace, or -1: in it already */
	bool no_cap;
	bool user_of_host;
	bool filter;
	enum outcome want;
	const char *who;
};

static void set_policy(int value)
{
	char text[16];
	int ret;

	snprintf(text, sizeof(text), "%d", value);
	ret = tk_write_file(TK_OWN_FILE, text);
	REQUIRE(!ret, TK_OWN_FILE ": %s", strerror(-ret));
}

FIXTURE(policy)
{
	struct tk_guard guard;
	int was;
};

FIXTURE_VARIANT(policy)
{
	int value;
};

FIXTURE_VARIANT_ADD(policy, nobody)
{
	.value = 0,
};

FIXTURE_VARIANT_ADD(policy, other_userns)
{
	.value = 1,
};

FIXTURE_VARIANT_ADD(policy, everybody)
{
	.value = 2,
};

FIXTURE_SETUP(policy)
{
	ASSERT_EQ(0, tk_setup_watch(false, 0));
	self->was = tk_read_s64(TK_OWN_FILE);
	tk_guard_start(&self->guard);
	set_policy(variant->value);
}

FIXTURE_TEARDOWN(policy)
{
	tk_leave();
	set_policy(self->was);
	tk_guard_stop(&self->guard);
	EXPECT_EQ(0, tk_teardown());
}

/* In a child that is on the host: the offset of TAI, which by_tai() sets to 1 */
static int host_is(void *arg)
{
	struct tk_timex tx = { 0 };
	int want = *(int *)arg;

	REQUIRE(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	CHECK(tx.tai == want, "the host's TAI offset is %d, not %d", tx.tai, want);
	return 0;
}

static void write_fails(const char *who, const char *command, int want)
{
	int ret = tk_write_file(TK_CLOCK_FILE, command);

	CHECK(ret == want, "%s wrote '%s': %s, not %s", who, command, strerror(-ret),
	      strerror(-want));
}

/* A filter which lets adjtimex() through, but no call that sets the time */
static void install_filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TK_NR_settime, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_settimeofday, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXFULL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = TK_ARRAY(code), .filter = code };

	REQUIRE(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs: %m");
	REQUIRE(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), "seccomp: %m");
}

static void behind_filter(void)
{
	install_filter();
	CHECK(by_settime() == -EXFULL, "clock_settime() passed the filter");
	CHECK(by_settimeofday() == -EXFULL, "settimeofday() passed the filter");
	CHECK_STATE("follow");
}

/* Inside, with the rights of the caller, which it may give up */
static int visit(void *arg)
{
	const struct visit *v = arg;
	size_t i;
	int ret;

	if (v->fd >= 0)
		tk_enter(v->fd);
	if (v->no_cap)
		drop_cap(CAP_SYS_TIME);
	if (v->user_of_host)
		tk_become(TK_UID);
	CHECK_STATE("follow");
	if (v->filter)
		behind_filter();

	/* First, what would make an owner and is for no other clock */
	if (v->want != OWN) {
		ret = v->no_cap || v->user_of_host ? -EPERM : -EOPNOTSUPP;
		if (!v->user_of_host) {
			write_fails(v->who, "rate 2", ret);
			write_fails(v->who, "leap smear google", ret);
			/* What is wrong anyhow is told as ever. */
			write_fails(v->who, "rate 0", ret == -EPERM ? ret : -ERANGE);
			write_fails(v->who, "follow", ret == -EPERM ? ret : 0);
		}
		CHECK_STATE("follow");
	}

	for (i = 0; i < TK_ARRAY(setters); i++) {
		bool filtered = v->filter && setters[i].call != by_frequency &&
				setters[i].call != by_clock_adjtime &&
				setters[i].call != by_setoffset &&
				setters[i].call != by_singleshot &&
				setters[i].call != by_status && setters[i].call != by_tai;

		if (filtered)
			continue;
		ret = setters[i].call();
		if (v->want == EPERMS)
			CHECK(ret == -EPERM, "%s of %s: %s", setters[i].name, v->who,
			      ret < 0 ? strerror(-ret) : "taken");
		else
			CHECK(ret >= 0, "%s of %s: %s", setters[i].name, v->who, strerror(-ret));
	}
	ret = tk_step(POLICY_STEP);
	CHECK(v->want == EPERMS ? ret == -EPERM : ret >= 0, "step of %s: %d", v->who, ret);
	CHECK_STATE(v->want == OWN ? "own" : "follow");
	if (v->want == OWN) {
		write_fails(v->who, "rate 2", 0);
		write_fails(v->who, "leap smear google", 0);
	}
	return 0;
}

/* Of the machine: whether it was stepped, and whether its offset of TAI was set */
static void check_visit(int (*fn)(void *arg), struct visit *v)
{
	struct tk_timex zero = { .modes = ADJ_TAI, .constant = 7 };
	struct tk_iv was, is;
	s64 moved;
	int tai;

	REQUIRE(tk_adjtimex(&zero) >= 0, "ADJ_TAI: %m");
	was = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 300);
	RUN(fn, v);
	is = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 300);
	tai = v->want == HOST ? 1 : 7;
	RUN(host_is, &tai);
	if (v->want == HOST) {
		/* clock_settime() with what was read sets it back by how long that took. */
		moved = is.lo - was.lo;
		CHECK(moved > 0 && moved <= POLICY_STEP + TK_MSEC, "%s moved the host by %" PRId64,
		      v->who, moved);
	} else {
		CHECK_IV_MEET(was, is, 0, v->who);
	}
}

TEST_F(policy, root_in_a_namespace_of_the_initial_userns)
{
	enum outcome want = variant->value == 2 ? OWN : HOST;
	struct visit v = { .fd = tk_ns_new(), .want = want, .who = "root" };
	struct visit filtered = { .fd = tk_ns_new(), .filter = true, .want = want,
				  .who = "root behind a filter" };
	struct visit no_cap = { .fd = tk_ns_new(), .no_cap = true,
				.who = "root without the right" };
	struct visit user = { .fd = tk_ns_new(), .user_of_host = true, .who = "a user" };

	check_visit(visit, &v);
	check_visit(visit, &filtered);
	check_visit(visit, &no_cap);
	check_visit(visit, &user);
}

static int as_user_visit(void *arg)
{
	tk_become(TK_UID);
	return in_new_userns_and_timens(visit, arg);
}

TEST_F(policy, root_of_another_userns)
{
	struct visit v = { .fd = -1, .want = variant->value ? OWN : EPERMS, .who = "root of A" };
	struct visit no_cap = { .fd = -1, .no_cap = true, .who = "root of A without the right" };

	/* He has CAP_SYS_TIME over his namespace: its file says why not, the calls do not. */
	check_visit(as_user_visit, &v);
	check_visit(as_user_visit, &no_cap);
}

TEST_F(policy, root_of_the_host_in_a_namespace_of_another_userns)
{
	struct visit v = { .want = variant->value ? OWN : HOST, .who = "root of the host" };
	struct holder h;
	char path[64];

	holder_start(&h);
	snprintf(path, sizeof(path), "/proc/%d/ns/time_for_children", h.pid);
	v.fd = tk_open_ns(path);
	check_visit(visit, &v);
	close(v.fd);
	holder_stop(&h);
}

/* Made an owner while that was allowed: it keeps its clock, and so does a copy, until */
static int keep(void *arg)
{
	int value = *(int *)arg, copy;

	tk_enter(tk_ns_own(TK_YEAR * TK_SEC));
	set_policy(value);
	CHECK_STATE("own");
	check_allowed("an owner from before");
	write_fails("an owner from before", "rate 3", 0);
	copy = tk_ns_new();
	tk_enter(copy);
	CHECK_STATE("own");
	check_allowed("a copy of an owner from before");
	return 0;
}

static int give_back(void *arg)
{
	struct visit v = { .fd = -1, .who = "once an owner" };
	int value = *(int *)arg;

	v.want = value == 2 ? OWN : HOST;
	set_policy(2);
	tk_enter(tk_ns_own(TK_YEAR * TK_SEC));
	set_policy(value);
	CHECK(!tk_follow(), "follow: %m");
	return visit(&v);
}

TEST_F(policy, owners_keep_their_clock)
{
	struct tk_iv was = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 300), is;
	int value = variant->value;
	s64 moved;

	set_policy(2);
	RUN(keep, &value);
	CHECK_IV_MEET(was, tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 300), 0, "the host");
	RUN(give_back, &value);
	is = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 300);
	moved = is.lo - was.lo;
	CHECK(value == 2 ? is.hi >= was.lo && is.lo <= was.hi : moved > 0,
	      "the host moved by %" PRId64, moved);
}

static int may_not_write(void *arg)
{
	(void)arg;
	tk_become(TK_UID);
	CHECK(tk_write_file(TK_OWN_FILE, "2") == -EACCES, "a user sets the policy");
	tk_unshare_user(0);
	CHECK(tk_write_file(TK_OWN_FILE, "2") == -EACCES, "root of A sets the policy");
	return 0;
}

TEST_F(policy, values)
{
	static const char *const bad[] = { "3", "-1", "own", "4294967296", "" };
	size_t i;

	for (i = 0; i < TK_ARRAY(bad); i++) {
		tk_write_file(TK_OWN_FILE, bad[i]);
		CHECK(tk_read_s64(TK_OWN_FILE) == variant->value, "'%s' was taken", bad[i]);
	}
	CHECK(tk_write_file(TK_OWN_FILE, "3") == -EINVAL, "3 was taken");
	RUN(may_not_write, NULL);
}

/* ------------------------------------------- what the administrator is told */

static unsigned long inum_of(int fd)
{
	struct stat st;

	REQUIRE(!fstat(fd, &st), "fstat: %m");
	return st.st_ino;
}

static int make_own_in(void *arg)
{
	tk_enter(*(int *)arg);
	tk_make_own();
	return 0;
}

/* Lines of the kernel log about namespace @inum, from where @log is; the last one in @line */
static int lines_about(int log, unsigned long inum, char *line, size_t size)
{
	char text[1024], want[64];
	int found = 0;
	ssize_t len;

	snprintf(want, sizeof(want), "made time namespace %lu own its clock", inum);
	for (;;) {
		len = read(log, text, sizeof(text) - 1);
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			break;
		text[len] = '\0';
		if (!strstr(text, want))
			continue;
		snprintf(line, size, "%s", text);
		found++;
	}
	return found;
}

/* Of a namespace of the initial user namespace, once: who did it, and what it does not set. */
TEST_F(user, kernel_log_tells_of_an_owner)
{
	s64 end = tk_give_up();
	char line[1024], want[64];
	int log, fd, found;
	pid_t pid;

	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	REQUIRE(log >= 0, "/dev/kmsg: %m");
	/* Ten lines in five seconds, and other tests make owners as well */
	do {
		lseek(log, 0, SEEK_END);
		fd = tk_ns_new();
		pid = tk_spawn(make_own_in, &fd);
		CHECK(!tk_reap(pid), "the setter failed");
		found = lines_about(log, inum_of(fd), line, sizeof(line));
	} while (!found && tk_vnow(CLOCK_MONOTONIC_RAW) < end && (tk_sleep(TK_SEC), true));
	REQUIRE(found, "the kernel log says nothing of an owner");
	CHECK(found == 1, "%d lines about one owner", found);
	snprintf(want, sizeof(want), "tk_perm");
	CHECK(strstr(line, want), "not who did it: %s", line);
	snprintf(want, sizeof(want), "[%d]", pid);
	CHECK(strstr(line, want), "not process %d: %s", pid, line);
	CHECK(strstr(line, "does not set the host's (kernel.timens_own=2)"), "not whose: %s", line);

	/* Not again for the same one */
	tk_enter(fd);
	CHECK(!tk_follow(), "follow: %m");
	tk_make_own();
	tk_leave();
	CHECK(!lines_about(log, inum_of(fd), line, sizeof(line)), "told twice: %s", line);
	close(log);
}

static int many_owners(void *arg)
{
	(void)arg;
	tk_become(TK_UID);
	return in_new_userns_and_timens(owner_refollows, NULL);
}

/* Whoever has no right over the host does not write into its log. */
TEST_F(user, kernel_log_is_not_for_users)
{
	char text[1024];
	int log, found = 0;
	ssize_t len;

	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	REQUIRE(log >= 0, "/dev/kmsg: %m");
	lseek(log, 0, SEEK_END);
	RUN(many_owners, NULL);
	while ((len = read(log, text, sizeof(text) - 1)) > 0 || (len < 0 && errno == EPIPE)) {
		if (len < 0)
			continue;
		text[len] = '\0';
		found += strstr(text, "own its clock") || strstr(text, "timens_own");
	}
	CHECK(!found, "%d lines", found);
	close(log);
}

/* Sets its clock, then owns it a second time */
static int audited(void *arg)
{
	struct tk_timex tx = { .modes = ADJ_FREQUENCY, .freq = 50 << 16 };

	tk_enter(*(int *)arg);
	CHECK(tk_step(TK_YEAR * TK_SEC) >= 0, "step: %m");
	CHECK(tk_adjtimex(&tx) >= 0, "ADJ_FREQUENCY: %m");
	CHECK(!tk_write_file(TK_CLOCK_FILE, "rate 7/2"), "rate: %m");
	CHECK(!tk_write_file(TK_CLOCK_FILE, "leap smear google"), "leap: %m");
	CHECK(!tk_follow(), "follow: %m");
	tk_make_own();
	return 0;
}

#define AUDIT_WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

TEST_F(user, audit_log_names_the_namespace)
{
	s64 end = tk_give_up();
	struct tk_audit a;
	char text[4096], ns[32];
	int fd, ret;

	ret = tk_audit_start(&a);
	if (ret)
		SKIP(return, "the kernel has no audit log: %s", strerror(-ret));
	fd = tk_ns_new();
	snprintf(ns, sizeof(ns), "timens=%lu", inum_of(fd));

	tk_audit_rule(&a, true);
	RUN(audited, &fd);
	ret = tk_audit_find(&a, TK_AUDIT_TIME_NS,
			    AUDIT_WORDS("op=own", ns, "uid=0", "comm=\"tk_perm\""),
			    ns, end, text, sizeof(text));
	CHECK(ret > 0, "no record of an owner");
	ret = tk_audit_find(&a, TK_AUDIT_TIME_NS, AUDIT_WORDS("op=adjtimex", ns, "sec=31536000"),
			    ns, end, NULL, 0);
	CHECK(ret == 1, "no record of a step: %d", ret);
	ret = tk_audit_find(&a, TK_AUDIT_TIME_NS, AUDIT_WORDS("op=adjtimex", ns, "old-freq=0"),
			    ns, end, text, sizeof(text));
	CHECK(ret == 1, "no record of a frequency: %d", ret);
	CHECK(ret < 0 || strstr(text, " freq="), "not the new one: %s", text);
	ret = tk_audit_find(&a, TK_AUDIT_TIME_NS, AUDIT_WORDS("op=rate", ns, "num=7", "den=2"),
			    ns, end, NULL, 0);
	CHECK(ret == 1, "no record of a rate: %d", ret);
	ret = tk_audit_find(&a, TK_AUDIT_TIME_NS, AUDIT_WORDS("op=leap", ns), ns, end, NULL, 0);
	CHECK(ret == 1, "no record of a policy: %d", ret);
	ret = tk_audit_find(&a, TK_AUDIT_TIME_NS, AUDIT_WORDS("op=follow", ns), ns, end, NULL, 0);
	CHECK(ret == 1, "no record of a follower: %d", ret);
	tk_audit_rule(&a, false);

	/* Without a rule: who becomes an owner, and nothing else */
	RUN(audited, &fd);
	ret = tk_audit_find(&a, TK_AUDIT_TIME_NS, AUDIT_WORDS("op=own", ns), NULL, end, NULL, 0);
	CHECK(!ret, "no record of the second owner");
	ret = tk_audit_find(&a, TK_AUDIT_TIME_NS, AUDIT_WORDS("op=own", ns), ns, end, NULL, 0);
	CHECK(ret == 1 || ret == 2, "%d records without a rule", ret);
	tk_audit_stop(&a);
}

/* In the namespace, for which nobody has a right over the host */
static int floods(void *arg)
{
	int n;

	(void)arg;
	for (n = 0; n < 300; n++) {
		tk_make_own();
		CHECK(!tk_follow(), "follow: %m");
	}
	return 0;
}

static int as_user_floods(void *arg)
{
	tk_become(TK_UID);
	return in_new_userns_and_timens(floods, arg);
}

/* Ten records in five seconds of all who have no right over the host; of root, each one */
TEST_F(user, audit_log_is_not_flooded)
{
	s64 start = tk_vnow(CLOCK_MONOTONIC_RAW), most;
	struct tk_audit a;
	char ns[32];
	int fd, ret;

	ret = tk_audit_start(&a);
	if (ret)
		SKIP(return, "the kernel has no audit log: %s", strerror(-ret));
	RUN(as_user_floods, NULL);
	most = 10 * ((tk_vnow(CLOCK_MONOTONIC_RAW) - start) / (5 * TK_SEC) + 1);
	fd = tk_ns_new();
	snprintf(ns, sizeof(ns), "timens=%lu", inum_of(fd));
	RUN(make_own_in, &fd);
	ret = tk_audit_find(&a, TK_AUDIT_TIME_NS, AUDIT_WORDS(ns), "op=own", tk_give_up(), NULL, 0);
	CHECK(ret >= 1, "no record of root's");
	CHECK(ret - 1 <= most, "%d records of a user, not %" PRId64, ret - 1, most);
	tk_audit_stop(&a);
}

/* What goes to the host's clock is in the log as ever. */
static int sets_the_host(void *arg)
{
	tk_enter(*(int *)arg);
	CHECK(tk_step(POLICY_STEP) >= 0, "step: %m");
	CHECK_STATE("follow");
	return 0;
}

TEST_F(policy, audit_log_of_the_host)
{
	static const char *const sec = "sec=1000";
	int fd = tk_ns_new(), ret;
	struct tk_audit a;

	if (variant->value == 2)
		SKIP(return, "nothing goes to the host's clock");
	ret = tk_audit_start(&a);
	if (ret)
		SKIP(return, "the kernel has no audit log: %s", strerror(-ret));
	tk_audit_rule(&a, true);
	RUN(sets_the_host, &fd);
	ret = tk_audit_find(&a, TK_AUDIT_INJOFFSET, AUDIT_WORDS(sec), NULL, tk_give_up(), NULL, 0);
	CHECK(!ret, "no record of the host's step");
	tk_audit_rule(&a, false);
	tk_audit_stop(&a);
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

/*
 * Clocks are counted as well: for who created the namespace, from when it becomes an owner
 * first until it dies.
 */
#define CLOCKS_FILE "/proc/sys/user/max_time_clocks"

static void set_clocks(s64 limit)
{
	char text[32];
	int ret;

	snprintf(text, sizeof(text), "%" PRId64, limit);
	ret = tk_write_file(CLOCKS_FILE, text);
	REQUIRE(!ret, CLOCKS_FILE ": %s", strerror(-ret));
}

/* One too many, in each way to become an owner: ENOSPC, and nothing is changed */
static void check_full(const char *who)
{
	char was[1024], is[1024];
	size_t i;
	int ret;

	tk_slurp(TK_CLOCK_FILE, was, sizeof(was));
	for (i = 0; i < TK_ARRAY(setters); i++) {
#ifdef __i386__
		/* Of stime() the permission counts alone. */
		if (setters[i].call == by_stime || setters[i].call == by_bad_stime)
			continue;
#endif
		ret = setters[i].call();
		CHECK(ret == -ENOSPC, "%s of %s: %s", setters[i].name, who,
		      ret < 0 ? strerror(-ret) : "taken");
	}
	write_fails(who, "rate 2", -ENOSPC);
	write_fails(who, "leap smear google", -ENOSPC);
	write_fails(who, "follow", 0);
	tk_slurp(TK_CLOCK_FILE, is, sizeof(is));
	CHECK(!strcmp(was, is), "%s changed\n%sto\n%s", who, was, is);
}

/* As root of A in a time namespace of A, which follows */
static int own_up_to_limit(void *arg)
{
	int ns[LIMIT + 1], n, ret;

	(void)arg;
	for (n = 0; n <= LIMIT; n++)
		ns[n] = tk_ns_new();
	for (n = 0; n < LIMIT; n++) {
		tk_enter(ns[n]);
		tk_make_own();
	}
	tk_enter(ns[LIMIT]);
	check_full("one too many");
	/* An owner goes on, but for a copy there is no room. */
	tk_enter(ns[0]);
	check_allowed("an owner");
	ret = TK_RET(unshare(CLONE_NEWTIME));
	CHECK(ret == -ENOSPC, "a copy: %s", ret ? strerror(-ret) : "created");

	/* Given back, it keeps its memory, and may own it again */
	CHECK(!tk_follow(), "follow: %m");
	tk_enter(ns[LIMIT]);
	check_full("beside one that was given back");
	tk_enter(ns[0]);
	check_allowed("the one that gave it back");
	/* When one dies there is room */
	close(ns[1]);
	tk_enter(ns[LIMIT]);
	check_allowed("in the place of a dead one");
	/* A bad value takes none. */
	close(ns[2]);
	tk_enter(tk_ns_new());
	for (n = 0; n < 2 * LIMIT; n++)
		CHECK(tk_settime(CLOCK_REALTIME, -1, 0) == -EINVAL, "a negative time was taken");
	tk_make_own();
	return 0;
}

static int as_user_own_up_to_limit(void *arg)
{
	tk_become(TK_UID);
	tk_unshare_user(CLONE_NEWTIME);
	set_clocks(LIMIT);
	return tk_run(own_up_to_limit, arg);
}

TEST_F(user, max_time_clocks)
{
	RUN(as_user_own_up_to_limit, NULL);
}

static int is_full(void *arg)
{
	(void)arg;
	check_full("a user of a full machine");
	return 0;
}

static int as_user_is_full(void *arg)
{
	tk_become(TK_UID);
	return in_new_userns_and_timens(is_full, arg);
}

/* The limit of the host holds for whoever is below, too. */
TEST_F(user, max_time_clocks_of_the_host)
{
	s64 was = tk_read_s64(CLOCKS_FILE);
	int fd = tk_ns_new();

	set_clocks(0);
	tk_enter(fd);
	check_full("root");
	tk_leave();
	RUN(as_user_is_full, NULL);
	set_clocks(was);
	tk_enter(fd);
	check_allowed("root");
	tk_leave();
}

TEST_HARNESS_MAIN
