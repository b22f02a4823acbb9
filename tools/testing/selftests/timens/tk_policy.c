// SPDX-License-Identifier: GPL-2.0
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
 *
 * And who is told: the kernel's log of an owner in the initial user namespace, the audit log
 * of all.
 */
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "lib/setters.h"
#include "lib/tk.h"
#include "lib/user.h"
#include "tk_policy_audit.h"

#define TK_UID 65533

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
	CHECK(tk_by_settime() == -EXFULL, "clock_settime() passed the filter");
	CHECK(tk_by_settimeofday() == -EXFULL, "settimeofday() passed the filter");
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
		tk_drop_cap(CAP_SYS_TIME);
	if (v->user_of_host)
		tk_become(TK_UID);
	CHECK_STATE("follow");
	if (v->filter)
		behind_filter();

	/* First, what would make an owner and is for no other clock */
	if (v->want != OWN) {
		ret = v->no_cap || v->user_of_host ? -EPERM : -EOPNOTSUPP;
		if (!v->user_of_host) {
			tk_check_command(v->who, "rate 2", ret);
			tk_check_command(v->who, "leap smear google", ret);
			/* What is wrong anyhow is told as ever. */
			tk_check_command(v->who, "rate 0", ret == -EPERM ? ret : -ERANGE);
			tk_check_command(v->who, "follow", ret == -EPERM ? ret : 0);
		}
		CHECK_STATE("follow");
	}

	for (i = 0; i < tk_nr_setters; i++) {
		bool filtered = v->filter && !tk_setters[i].adjusts;

		if (filtered)
			continue;
		ret = tk_setters[i].call();
		if (v->want == EPERMS)
			CHECK(ret == -EPERM, "%s of %s: %s", tk_setters[i].name, v->who,
			      ret < 0 ? strerror(-ret) : "taken");
		else
			CHECK(ret >= 0, "%s of %s: %s", tk_setters[i].name, v->who, strerror(-ret));
	}
	ret = tk_step(POLICY_STEP);
	CHECK(v->want == EPERMS ? ret == -EPERM : ret >= 0, "step of %s: %d", v->who, ret);
	CHECK_STATE(v->want == OWN ? "own" : "follow");
	if (v->want == OWN) {
		tk_check_command(v->who, "rate 2", 0);
		tk_check_command(v->who, "leap smear google", 0);
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
	return tk_run_in_user_time_ns(visit, arg);
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
	struct tk_holder h;
	char path[64];

	tk_holder_start(&h, TK_UID);
	snprintf(path, sizeof(path), "/proc/%d/ns/time_for_children", h.pid);
	v.fd = tk_open_ns(path);
	check_visit(visit, &v);
	close(v.fd);
	tk_holder_stop(&h);
}

/*
 * Made an owner while that was allowed: it keeps its clock, and so does who follows it, but
 * may not set it where nobody may become an owner; until
 */
static int keep(void *arg)
{
	s64 most = tk_vnow(CLOCK_REALTIME) + (TK_YEAR - TK_DAY) * TK_SEC;
	int value = *(int *)arg, follower, ret;
	struct tk_timex read = { 0 };

	tk_enter(tk_ns_own(TK_YEAR * TK_SEC));
	set_policy(value);
	CHECK_STATE("own");
	tk_check_allowed("an owner from before");
	tk_check_command("an owner from before", "rate 3", 0);
	follower = tk_ns_new();
	tk_enter(follower);
	CHECK_STATE("follow");
	/* It is the owner's clock that is read, whatever the policy is */
	CHECK(tk_adjtimex(&read) >= 0 && read.time_sec > most / TK_SEC,
	      "adjtimex: %" PRId64, read.time_sec);
	if (value == 2) {
		tk_check_allowed("a follower of an owner from before");
		CHECK_STATE("own");
		return 0;
	}
	/* The host's clock is not meant, though root of the host is who sets it */
	ret = tk_step(TK_SEC);
	CHECK(ret == -EPERM, "step of a follower: %d", ret);
	ret = tk_settime(CLOCK_REALTIME, 1600000000, 0);
	CHECK(ret == -EPERM, "settime of a follower: %d", ret);
	tk_check_command("a follower of an owner from before", "rate 2", -EPERM);
	tk_check_command("a follower of an owner from before", "follow", 0);
	CHECK_STATE("follow");
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

TK_FIXTURE(user);

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
	snprintf(want, sizeof(want), "tk_policy");
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

static int owns(void *arg)
{
	(void)arg;
	tk_make_own();
	return 0;
}

static int many_owners(void *arg)
{
	(void)arg;
	tk_become(TK_UID);
	return tk_run_in_user_time_ns(owns, NULL);
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
			    AUDIT_WORDS("op=own", ns, "uid=0", "comm=\"tk_policy\""),
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
	return tk_run_in_user_time_ns(floods, arg);
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

TEST_HARNESS_MAIN
