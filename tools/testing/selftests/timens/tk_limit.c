// SPDX-License-Identifier: GPL-2.0
/*
 * How many time namespaces a user may have, and how many of them may own a clock:
 * user.max_time_namespaces and user.max_time_clocks. One too many is ENOSPC, whoever asks.
 */
#include "lib/setters.h"
#include "lib/tk.h"
#include "lib/user.h"

#define TK_UID 65533

TK_FIXTURE(user);

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

/* One too many, in each way to become an owner: ENOSPC */
static void check_refused(const char *who)
{
	size_t i;
	int ret;

	for (i = 0; i < tk_nr_setters; i++) {
		if (tk_setters[i].only_permitted)
			continue;
		ret = tk_setters[i].call();
		CHECK(ret == -ENOSPC, "%s of %s: %s", tk_setters[i].name, who,
		      ret < 0 ? strerror(-ret) : "taken");
	}
	tk_check_command(who, "rate 2", -ENOSPC);
	tk_check_command(who, "leap smear google", -ENOSPC);
	tk_check_command(who, "follow", 0);
}

/* and nothing is changed */
static void check_full(const char *who)
{
	char was[1024], is[1024];

	tk_read_summary(was, sizeof(was));
	check_refused(who);
	tk_read_summary(is, sizeof(is));
	CHECK(!strcmp(was, is), "%s changed\n%sto\n%s", who, was, is);
}

/* As root of A in a time namespace of A, which follows */
static int own_up_to_limit(void *arg)
{
	int ns[LIMIT + 1], n, follower;

	(void)arg;
	for (n = 0; n <= LIMIT; n++)
		ns[n] = tk_ns_new();
	for (n = 0; n < LIMIT; n++) {
		tk_enter(ns[n]);
		tk_make_own();
	}
	tk_enter(ns[LIMIT]);
	check_full("one too many");
	/* An owner goes on, and who follows it is no clock, but it may not become one. */
	tk_enter(ns[0]);
	tk_check_allowed("an owner");
	follower = tk_ns_new();
	tk_enter(follower);
	/* The distance of its owner to the host is another one with each look, by nanoseconds */
	check_refused("a follower of an owner");
	CHECK_STATE("follow");
	tk_enter(ns[0]);
	close(follower);

	/* Given back, it keeps its memory, and may own it again */
	CHECK(!tk_follow(), "follow: %m");
	tk_enter(ns[LIMIT]);
	check_full("beside one that was given back");
	tk_enter(ns[0]);
	tk_check_allowed("the one that gave it back");
	/* When one dies there is room */
	close(ns[1]);
	tk_enter(ns[LIMIT]);
	tk_check_allowed("in the place of a dead one");
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
	return tk_run_in_user_time_ns(is_full, arg);
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
	tk_check_allowed("root");
	tk_leave();
}

TEST_HARNESS_MAIN
