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

#include "lib/setters.h"
#include "lib/tk.h"
#include "lib/user.h"

#define TK_UID 65533
#define TK_UID_OTHER 65532

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
	tk_drop_cap(CAP_SYS_TIME);
	tk_check_forbidden("root without CAP_SYS_TIME", w->state);
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
	tk_check_forbidden("a user", w->state);
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
	tk_check_forbidden("root of another user namespace", w->state);
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
			tk_drop_cap(cap);
	tk_check_allowed("a task with CAP_SYS_TIME alone");
	return 0;
}

TEST_F(perm, only_cap_sys_time)
{
	struct who w = { self->fd, self->state };

	RUN(only_cap, &w);
}

/* -------------------------------------------------------- namespaces of users */

TK_FIXTURE(user);

static int owner_sets(void *arg)
{
	(void)arg;
	CHECK_STATE("follow");
	tk_check_allowed("the owner");
	return 0;
}

static int as_user_owner(void *arg)
{
	tk_become(TK_UID);
	return tk_run_in_user_time_ns(owner_sets, arg);
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
	tk_check_forbidden("root of the owner's child", "follow");
	return 0;
}

static int as_user_grandchild(void *arg)
{
	tk_become(TK_UID);
	return tk_run_in_user_time_ns(grandchild_userns, arg);
}

/* root of B in TA of A */
TEST_F(user, child_of_the_owner_may_not)
{
	RUN(as_user_grandchild, NULL);
}

static int owner_without_cap(void *arg)
{
	(void)arg;
	tk_drop_cap(CAP_SYS_TIME);
	tk_check_forbidden("root of the owner without CAP_SYS_TIME", "follow");
	return 0;
}

static int as_user_without_cap(void *arg)
{
	tk_become(TK_UID);
	return tk_run_in_user_time_ns(owner_without_cap, arg);
}

TEST_F(user, owner_without_cap_may_not)
{
	RUN(as_user_without_cap, NULL);
}

static int root_in_users_ns(void *arg)
{
	int fd = *(int *)arg;

	tk_enter(fd);
	tk_check_allowed("root of the host");
	return 0;
}

/* root in TA: capabilities reach down into child user namespaces. */
TEST_F(user, root_of_the_host_may)
{
	struct tk_holder h;
	char path[64];
	int fd;

	tk_holder_start(&h, TK_UID);
	snprintf(path, sizeof(path), "/proc/%d/ns/time_for_children", h.pid);
	fd = tk_open_ns(path);
	RUN(root_in_users_ns, &fd);
	tk_holder_stop(&h);
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
	struct tk_holder h;
	char path[64];
	int fd;

	tk_holder_start(&h, TK_UID);
	snprintf(path, sizeof(path), "/proc/%d/ns/time_for_children", h.pid);
	fd = tk_open_ns(path);
	RUN(sibling, &fd);
	tk_holder_stop(&h);
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
	tk_drop_cap(CAP_SYS_TIME);
	ret = tk_follow();
	CHECK(ret == -EPERM, "follow without CAP_SYS_TIME: %d", ret);
	CHECK_STATE("own");
	return 0;
}

static int as_user_refollow(void *arg)
{
	tk_become(TK_UID);
	return tk_run_in_user_time_ns(owner_refollows, arg);
}

TEST_F(user, owner_may_refollow)
{
	RUN(as_user_refollow, NULL);
}

TEST_HARNESS_MAIN
