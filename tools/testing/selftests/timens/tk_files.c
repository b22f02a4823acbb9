// SPDX-License-Identifier: GPL-2.0
/*
 * Timestamps of files.
 *
 * They are the host's, whoever writes; those of a file system that was mounted with
 * "timens" are the mounter's, whoever writes. What is expected is read from the clock
 * itself, the coarse one, before and after the call which makes the timestamp.
 *
 * All happens in mount namespaces which end with the test.
 */
#include <linux/types.h>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/tk.h"
#include "lib/user.h"

#define TK_UID 1000
#define AHEAD (5 * TK_YEAR * TK_SEC)
#define DIR_NS "/tmp/tk_files.ns"
#define DIR_HOST "/tmp/tk_files.host"

enum { TK_ATIME, TK_MTIME, TK_CTIME, TK_BTIME, TK_TIMES };

static const char *const time_name[TK_TIMES] = { "atime", "mtime", "ctime", "btime" };

static s64 time_of(const char *path, int which)
{
	struct statx st;
	const struct statx_timestamp *const ts[TK_TIMES] = {
		&st.stx_atime, &st.stx_mtime, &st.stx_ctime, &st.stx_btime
	};

	REQUIRE(!statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &st),
		"statx(%s): %m", path);
	REQUIRE(which != TK_BTIME || st.stx_mask & STATX_BTIME, "%s has no creation time", path);
	return tk_ns(ts[which]->tv_sec, ts[which]->tv_nsec);
}

/*
 * Between two looks at the clock of the timestamps, in ns. @off: what the clock which the
 * caller sees is ahead of it; the two may not be looked at in the same tick then.
 */
struct look {
	s64 off;
	s64 from;
};

static void look_from(struct look *l, s64 off)
{
	l->off = off;
	l->from = tk_now(CLOCK_REALTIME_COARSE) - off;
}

static void look_at(const struct look *l, const char *what, const char *path, int which)
{
	s64 until = tk_now(CLOCK_REALTIME_COARSE) - l->off, is = time_of(path, which);
	s64 slack = l->off ? TK_SEC : 0;

	CHECK(is >= l->from - slack && is <= until + slack,
	      "%s: %s of %s is %" PRId64 ", not %" PRId64 " to %" PRId64, what, time_name[which],
	      path, is, l->from, until);
}

#define LOOK(path, which, call) do {					\
	struct look look_;						\
									\
	tk_sleep(2 * TK_MSEC);						\
	look_from(&look_, off);						\
	REQUIRE((call) >= 0, #call ": %m");				\
	look_at(&look_, #call, path, which);				\
} while (0)

/* All that makes a timestamp in the directory @dir, whose clock is @off behind the caller's */
static void make_all(const char *dir, s64 off)
{
	const struct timespec now[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };
	const struct timespec given[2] = { { 1234567890, 1 }, { 1234567891, 2 } };
	char file[64], other[64], sub[64], c = 'x';
	int fd = -1;

	snprintf(file, sizeof(file), "%s/file", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	snprintf(sub, sizeof(sub), "%s/sub", dir);

	LOOK(file, TK_BTIME, fd = open(file, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
	LOOK(file, TK_MTIME, write(fd, &c, 1));
	LOOK(file, TK_CTIME, fchmod(fd, 0644));
	LOOK(file, TK_ATIME, pread(fd, &c, 1, 0));
	LOOK(file, TK_MTIME, ftruncate(fd, 0));
	LOOK(file, TK_MTIME, fallocate(fd, 0, 0, 4096));
	LOOK(file, TK_CTIME, fsetxattr(fd, "user.tk", "1", 1, 0));
	LOOK(file, TK_CTIME, fchown(fd, 0, 0));
	LOOK(file, TK_ATIME, futimens(fd, now));
	LOOK(file, TK_MTIME, futimens(fd, now));
	LOOK(file, TK_CTIME, link(file, other));
	LOOK(dir, TK_MTIME, rename(other, sub));
	LOOK(other, TK_CTIME, rename(sub, other));
	LOOK(file, TK_CTIME, unlink(other));
	LOOK(sub, TK_BTIME, mkdir(sub, 0700));
	LOOK(dir, TK_MTIME, rmdir(sub));
	LOOK(other, TK_BTIME, symlink(file, other));
	LOOK(dir, TK_CTIME, unlink(other));
	LOOK(other, TK_BTIME, mknod(other, S_IFIFO | 0600, 0));
	LOOK(dir, TK_MTIME, unlink(other));

	/* What is said stays, but the change of it is now */
	LOOK(file, TK_CTIME, futimens(fd, given));
	CHECK(time_of(file, TK_ATIME) == tk_ns(1234567890, 1) &&
	      time_of(file, TK_MTIME) == tk_ns(1234567891, 2), "not as given");
	close(fd);
	REQUIRE(!unlink(file), "unlink: %m");
}

static void mount_it(const char *dir, const char *options)
{
	REQUIRE(!mount("tk", dir, "tmpfs", MS_STRICTATIME, options), "mount -o %s: %m", options);
}

static void set_ahead(s64 ahead)
{
	s64 to = tk_now(CLOCK_REALTIME) + ahead;
	const struct timespec ts = { to / TK_SEC, to % TK_SEC };

	REQUIRE(!syscall(SYS_clock_settime, CLOCK_REALTIME, &ts), "clock_settime: %m");
}

static s64 ahead_of_host(void)
{
	struct tk_state st;

	tk_get_state(&st);
	return st.realtime;
}

/* @fn in time and mount namespaces of a user's own user namespace */
static int as_user(void *arg)
{
	int (*const *fn)(void *arg) = arg;

	tk_become(TK_UID);
	tk_unshare_user(CLONE_NEWTIME | CLONE_NEWNS);
	return tk_run(*fn, NULL);
}

static int as_root(void *arg)
{
	int (*const *fn)(void *arg) = arg;

	REQUIRE(!unshare(CLONE_NEWTIME | CLONE_NEWNS), "unshare: %m");
	return tk_run(*fn, NULL);
}

static void make_dirs(void)
{
	REQUIRE(!mkdir(DIR_NS, 0777) || errno == EEXIST, "mkdir: %m");
	REQUIRE(!mkdir(DIR_HOST, 0777) || errno == EEXIST, "mkdir: %m");
}

static void remove_dirs(void)
{
	rmdir(DIR_NS);
	rmdir(DIR_HOST);
}

FIXTURE(files)
{
	int unused;
};

FIXTURE_VARIANT(files)
{
	int (*as)(void *arg);
};

FIXTURE_VARIANT_ADD(files, root) { as_root };
FIXTURE_VARIANT_ADD(files, user) { as_user };

FIXTURE_SETUP(files)
{
	ASSERT_EQ(0, tk_setup());
	make_dirs();
}

FIXTURE_TEARDOWN(files)
{
	remove_dirs();
	EXPECT_EQ(0, tk_teardown());
}

/* What takes root: a user does not get back to the host's time namespace */
FIXTURE(root)
{
	int unused;
};

FIXTURE_SETUP(root)
{
	ASSERT_EQ(0, tk_setup());
	make_dirs();
}

FIXTURE_TEARDOWN(root)
{
	remove_dirs();
	EXPECT_EQ(0, tk_teardown());
}

/* A file system without the option has the host's time, and is told apart from one with it */
static int both(void *arg)
{
	(void)arg;
	mount_it(DIR_HOST, "mode=0777");
	mount_it(DIR_NS, "mode=0777,timens");
	make_all(DIR_NS, 0);
	set_ahead(AHEAD);
	make_all(DIR_NS, 0);
	make_all(DIR_HOST, ahead_of_host());
	set_ahead(-2 * AHEAD);
	make_all(DIR_NS, 0);
	make_all(DIR_HOST, ahead_of_host());
	REQUIRE(!tk_write_file(TK_CLOCK_FILE, "rate 100\n"), "rate: %m");
	make_all(DIR_NS, 0);
	REQUIRE(!tk_write_file(TK_CLOCK_FILE, "follow\n"), "follow: %m");
	make_all(DIR_NS, 0);
	make_all(DIR_HOST, 0);
	return 0;
}

TEST_F(files, clock_of_the_mount)
{
	int (*fn)(void *arg) = both;

	RUN(variant->as, &fn);
}

/* Who writes does not matter: here somebody on the host's clock */
static int foreign(void *arg)
{
	char path[64];
	s64 off;

	(void)arg;
	mount_it(DIR_NS, "mode=0777,timens");
	set_ahead(AHEAD);
	off = -ahead_of_host();
	tk_leave();
	snprintf(path, sizeof(path), "%s/host", DIR_NS);
	LOOK(path, TK_BTIME, mknod(path, S_IFREG | 0600, 0));
	return 0;
}

TEST_F(root, written_from_the_host)
{
	int (*fn)(void *arg) = foreign;

	RUN(as_root, &fn);
}

static int sees_option(void *arg)
{
	static char text[65536];
	const char *line;
	int fd;

	(void)arg;
	mount_it(DIR_HOST, "mode=0777");
	mount_it(DIR_NS, "mode=0777,timens");
	tk_slurp("/proc/self/mountinfo", text, sizeof(text));
	line = strstr(text, DIR_NS);
	REQUIRE(line, "no " DIR_NS " in mountinfo");
	CHECK(memmem(line, strcspn(line, "\n"), ",timens", 7), "mountinfo does not show timens");
	line = strstr(text, DIR_HOST);
	REQUIRE(line, "no " DIR_HOST " in mountinfo");
	CHECK(!memmem(line, strcspn(line, "\n"), ",timens", 7), "mountinfo shows timens");

	/* What mount(8) does: all options once more */
	CHECK(!mount("tk", DIR_NS, NULL, MS_REMOUNT | MS_RDONLY, "mode=0777,timens"),
	      "remount,ro,timens: %m");
	CHECK(mount("tk", DIR_HOST, NULL, MS_REMOUNT, "timens") && errno == EINVAL,
	      "remount,timens of one without: %m");
	CHECK(mount("tk", DIR_HOST, "tmpfs", 0, "timens=1") && errno == EINVAL, "timens=1: %m");

	/* One which makes its superblock without the context could not have it */
	fd = syscall(SYS_fsopen, "devpts", 0);
	REQUIRE(fd >= 0, "fsopen(devpts): %m");
	CHECK(syscall(SYS_fsconfig, fd, 0 /* FSCONFIG_SET_FLAG */, "timens", NULL, 0) &&
	      errno == EINVAL, "timens for devpts: %m");
	close(fd);
	return 0;
}

TEST_F(files, option)
{
	int (*fn)(void *arg) = sees_option;

	RUN(variant->as, &fn);
}

static int of_host(void *arg)
{
	(void)arg;
	REQUIRE(!unshare(CLONE_NEWNS), "unshare: %m");
	CHECK(mount("tk", DIR_NS, "tmpfs", 0, "timens") && errno == EINVAL,
	      "in the initial time namespace: %m");
	return 0;
}

/* The time namespace is root's, the file system the user's */
static int of_another(void *arg)
{
	(void)arg;
	tk_become(TK_UID);
	tk_unshare_user(CLONE_NEWNS);
	CHECK(mount("tk", DIR_NS, "tmpfs", 0, "timens") && errno == EPERM,
	      "with a time namespace of another user namespace: %m");
	CHECK(!mount("tk", DIR_NS, "tmpfs", 0, NULL), "mount: %m");
	return 0;
}

TEST_F(root, refused)
{
	int (*fn)(void *arg) = of_another;

	RUN(of_host, NULL);
	RUN(as_root, &fn);
}

/* The file system alone holds the namespace, whose clock goes on; then it is gone. */
static int sets(void *arg)
{
	s64 *off = arg;

	mount_it(DIR_NS, "mode=0777,timens");
	set_ahead(AHEAD);
	*off = -ahead_of_host();
	return 0;
}

static int keeps(void *arg)
{
	s64 own = tk_stat("own"), off, until, *shared = arg;
	char path[64];

	REQUIRE(!unshare(CLONE_NEWTIME | CLONE_NEWNS), "unshare: %m");
	RUN(sets, shared);
	off = *shared;
	/* Nor is it what children get */
	tk_leave();
	CHECK(tk_stat("own") == own + 1, "%" PRId64 " owners", tk_stat("own"));
	snprintf(path, sizeof(path), "%s/kept", DIR_NS);
	LOOK(path, TK_BTIME, mknod(path, S_IFREG | 0600, 0));
	REQUIRE(!umount(DIR_NS), "umount: %m");
	until = tk_give_up();
	while (tk_stat("own") != own && tk_now(CLOCK_MONOTONIC_RAW) < until)
		tk_sleep(10 * TK_MSEC);
	CHECK(tk_stat("own") == own, "%" PRId64 " owners", tk_stat("own"));
	return 0;
}

TEST_F(root, file_system_holds_the_namespace)
{
	s64 *off = tk_shared_page(sizeof(*off));

	tk_need_debugfs();
	RUN(keeps, off);
}

TEST_HARNESS_MAIN
