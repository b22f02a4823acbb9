// SPDX-License-Identifier: GPL-2.0
/*
 * No memory at each point: whatever concerns the clock of a time namespace is tried with its
 * first allocation failing, then with its second one, until none fails any more.
 *
 *	N = 1   unshare() -> ENOMEM	nothing has changed
 *	N = 2   unshare() -> ENOMEM	nothing has changed
 *	 :
 *	N = 9   unshare() -> 0		the ninth was not reached: done
 *
 * A call that fails says ENOMEM, leaves the state of the namespace as it was (its
 * timens_clock, its timens_offsets, in which namespaces the caller is), moves no clock of the
 * host, whose watcher runs all the time, and leaves nothing behind: owners, namespaces and
 * clocks counted for the user, and objects of the cache of clocks.
 *
 * Entering is tried with setns(). A fork() goes through the same function, but what fails then may
 * be a page of the parent which is copied behind it.
 *
 * Needs CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC, CONFIG_FAULT_INJECTION_DEBUG_FS.
 */
#include <sys/timerfd.h>

#include "lib/tk.h"
#include "lib/waits.h"

#define SLAB_KNOBS "/sys/kernel/debug/failslab/"
#define PAGE_KNOBS "/sys/kernel/debug/fail_page_alloc/"
#define OBJECTS "/sys/kernel/slab/timekeeper_ns/"
#define NTH "/proc/thread-self/fail-nth"

/* What no call takes: it would never end then */
#define POINTS_MAX 2000
#define TIMERS 100

/* What is looked at before and after a call */
struct state {
	char clock[1024];
	char offsets[256];
	unsigned long in, children;
	s64 mono;
};

struct call {
	const char *name;
	/* Ends inside if @inside; fd and file are what they leave for the call */
	void (*prepare)(struct call *c);
	int (*call)(struct call *c);
	void (*check)(struct call *c);
	const char *text;	/* for the file; the state of an owner if there is none */
	int least;		/* points at which it fails, at the least */
	int changes;		/* of the rate before it: an even number, so that it is one */
	bool own;		/* the namespace owns its clock before */
	bool stopped;		/* and it stands */
	bool nested;		/* it follows an owner before */
	int ns;
	int file;
	int timers[TIMERS];
	int armed;
};

/*
 * The machine of failures
 */

static int nth_fd;

static void knob(const char *path, const char *text)
{
	int ret = tk_write_file(path, text);

	REQUIRE(!ret, "%s: %s", path, strerror(-ret));
}

/* Also what may sleep fails, and nothing of it goes to the kernel log. */
static void use_knobs(void)
{
	knob(SLAB_KNOBS "ignore-gfp-wait", "N");
	knob(SLAB_KNOBS "verbose", "0");
	knob(PAGE_KNOBS "ignore-gfp-wait", "N");
	knob(PAGE_KNOBS "ignore-gfp-highmem", "N");
	knob(PAGE_KNOBS "min-order", "0");
	knob(PAGE_KNOBS "verbose", "0");
}

static void arm_nth(int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n);

	REQUIRE(write(nth_fd, text, len) == len, NTH ": %m");
}

/* Was it reached? Then nothing is armed any more. */
static bool disarm_nth(void)
{
	char text[16] = "";

	REQUIRE(pread(nth_fd, text, sizeof(text) - 1, 0) > 0, NTH ": %m");
	arm_nth(0);
	return !atoi(text);
}

/*
 * State
 */

static unsigned long inum_of(const char *path)
{
	struct stat st;

	REQUIRE(!stat(path, &st), "%s: %m", path);
	return st.st_ino;
}

static void look(struct state *s)
{
	tk_read_summary(s->clock, sizeof(s->clock));
	tk_slurp("/proc/self/timens_offsets", s->offsets, sizeof(s->offsets));
	s->in = inum_of("/proc/self/ns/time");
	s->children = inum_of("/proc/self/ns/time_for_children");
	s->mono = tk_now(CLOCK_MONOTONIC);
}

/* The words behind the last line that has a number of nanoseconds */
static const char *policy_of(const char *clock)
{
	const char *at = strstr(clock, "rate ");

	REQUIRE(at, "no rate in %s", clock);
	return at;
}

/*
 * An owner's offsets are read at one moment and rounded, those of a follower are constant.
 */
static void compare(const struct call *c, int n, const struct state *was, const struct state *is)
{
	struct tk_state a, b;

	CHECK(was->in == is->in && was->children == is->children, "%s, point %d: moved", c->name,
	      n);
	tk_parse_state(was->clock, &a);
	tk_parse_state(is->clock, &b);
	CHECK(!strcmp(a.state, b.state) && !strcmp(policy_of(was->clock), policy_of(is->clock)) &&
	      a.frequency == b.frequency, "%s, point %d changed\n%s to\n%s", c->name, n, was->clock,
	      is->clock);
	if (!c->own) {
		CHECK(!strcmp(was->clock, is->clock) && !strcmp(was->offsets, is->offsets),
		      "%s, point %d changed\n%s%s to\n%s%s", c->name, n, was->clock, was->offsets,
		      is->clock, is->offsets);
		return;
	}
	if (c->stopped) {
		CHECK(was->mono == is->mono, "%s, point %d: the clock went", c->name, n);
		return;
	}
	CHECK(llabs(a.realtime - b.realtime) < TK_USEC &&
	      llabs(a.monotonic - b.monotonic) < TK_USEC &&
	      llabs(a.boottime - b.boottime) < TK_USEC && llabs(a.tai - b.tai) < TK_USEC,
	      "%s, point %d moved a clock:\n%s to\n%s", c->name, n, was->clock, is->clock);
}

/* Objects of the cache of clocks, with what is waiting to be freed given back */
static s64 objects(void)
{
	if (access(OBJECTS "shrink", W_OK))
		return -1;
	knob(OBJECTS "shrink", "1");
	return tk_read_s64(OBJECTS "objects");
}

/* The least limit with which one more can be had: what is counted now, and one */
static int least_limit(const char *path, int (*take)(void))
{
	s64 was = tk_read_s64(path);
	char text[32];
	int n, ret = -ENOSPC;

	if (was < 0)
		return -1;
	for (n = 0; ret == -ENOSPC && n < 10000; n++) {
		snprintf(text, sizeof(text), "%d", n);
		knob(path, text);
		ret = take();
	}
	snprintf(text, sizeof(text), "%" PRId64, was);
	knob(path, text);
	CHECK(!ret, "%s: %s", path, strerror(-ret));
	return n;
}

static int take_namespace(void)
{
	int ret = TK_RET(unshare(CLONE_NEWTIME));

	tk_leave();
	return ret;
}

static int take_clock(void)
{
	int fd = tk_ns_new(), ret;

	tk_enter(fd);
	ret = tk_write_file(TK_CLOCK_FILE, "rate 1");
	tk_leave();
	close(fd);
	return ret;
}

struct left {
	s64 own;
	s64 objects;
	int namespaces;
	int clocks;
};

static void count_left(struct left *l)
{
	l->own = tk_stat("own");
	l->objects = objects();
	l->namespaces = least_limit("/proc/sys/user/max_time_namespaces", take_namespace);
	l->clocks = least_limit("/proc/sys/user/max_time_clocks", take_clock);
}

/*
 * The calls
 */

static void change_rate(int times)
{
	int n, ret;

	for (n = 0; n < times; n++) {
		ret = tk_write_file(TK_CLOCK_FILE, n % 2 ? "rate 1" : "rate 2");
		REQUIRE(!ret, "rate: %s", strerror(-ret));
	}
}

static void be_inside(struct call *c)
{
	int owner;

	if (c->nested) {
		owner = tk_ns_own(0);
		tk_enter(owner);
		close(owner);
	}
	c->ns = tk_ns_new();
	tk_enter(c->ns);
	if (c->own)
		tk_make_own();
	change_rate(c->changes);
}

static void be_inside_with_file(struct call *c)
{
	be_inside(c);
	c->file = open(TK_CLOCK_FILE, O_WRONLY | O_CLOEXEC);
	REQUIRE(c->file >= 0, TK_CLOCK_FILE ": %m");
}

/* What is restored: the state of another owner, whose leap seconds are smeared */
static char state_text[4096];

static void save_another(void)
{
	int fd = tk_ns_own(TK_YEAR * TK_SEC);

	tk_enter(fd);
	REQUIRE(!tk_write_file(TK_CLOCK_FILE, "leap smear google"), "leap smear");
	REQUIRE(tk_saved("elapsed", state_text, sizeof(state_text)), "an owner without a state");
	tk_leave();
	close(fd);
}

static void be_inside_stopped(struct call *c)
{
	int ret;

	be_inside_with_file(c);
	ret = tk_write_file(TK_CLOCK_FILE, "stop");
	REQUIRE(!ret, "stop: %s", strerror(-ret));
}

/* In a namespace which nobody has entered, for the file of offsets */
static void be_before(struct call *c)
{
	if (c->own) {
		c->ns = tk_ns_own(0);
		tk_enter(c->ns);
	}
	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	c->file = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	REQUIRE(c->file >= 0, "timens_offsets: %m");
}

static void be_outside(struct call *c)
{
	c->ns = tk_ns_new();
}

static void be_outside_of_owner(struct call *c)
{
	int fd = tk_ns_own(0);

	tk_enter(fd);
	c->ns = tk_ns_new();
	tk_leave();
	close(fd);
}

/* Timers of each kind, which the first set of the clock has to move */
static void be_armed(struct call *c)
{
	s64 at;
	int ret;

	be_inside(c);
	at = tk_vnow(CLOCK_REALTIME) + 3600 * TK_SEC;
	for (c->armed = 0; c->armed < TIMERS; c->armed++) {
		int *fd = &c->timers[c->armed];

		*fd = timerfd_create(c->armed % 3 ? CLOCK_REALTIME : CLOCK_MONOTONIC,
				     TFD_NONBLOCK | TFD_CLOEXEC);
		REQUIRE(*fd >= 0, "timerfd: %m");
		if (c->armed % 3)
			ret = tw_timerfd_arm(*fd, c->armed % 3 == 1 ? TFD_TIMER_ABSTIME :
					     TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
					     at, 0);
		else
			ret = tw_timerfd_arm(*fd, 0, 3600 * TK_SEC, 0);
		REQUIRE(!ret, "timerfd: %s", strerror(-ret));
	}
}

/* A set that failed has neither moved nor cancelled one. */
static void still_armed(struct call *c)
{
	s64 left;
	int n;

	for (n = 0; n < c->armed; n++) {
		left = tw_timerfd_left(c->timers[n]);
		CHECK(left > 3000 * TK_SEC && left <= 3600 * TK_SEC,
		      "timer %d has %" PRId64 " ns left", n, left);
	}
}

static int do_unshare(struct call *c)
{
	(void)c;
	return TK_RET(unshare(CLONE_NEWTIME));
}

static int do_enter(struct call *c)
{
	return tk_setns(c->ns);
}

static int do_settime(struct call *c)
{
	(void)c;
	return tk_settime(CLOCK_REALTIME, 2000000000, 0);
}

static int do_settimeofday(struct call *c)
{
	struct tk_tv tv = { 2000000000, 0 };

	(void)c;
	return tk_sys_settimeofday(&tv, NULL);
}

static int do_adjtime(struct call *c)
{
	struct tk_timex tx = { .modes = ADJ_FREQUENCY, .freq = 50 << 16 };
	int ret;

	(void)c;
	ret = tk_adjtimex(&tx);
	return ret < 0 ? ret : 0;
}

static int do_write(struct call *c)
{
	const char *text = c->text ? c->text : state_text;
	ssize_t put = write(c->file, text, strlen(text));

	return put < 0 ? -errno : 0;
}

static int do_read(struct call *c)
{
	char text[1024];
	int fd = open(c->text, O_RDONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (read(fd, text, sizeof(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static struct call calls[] = {
	{ "unshare", NULL, do_unshare, .least = 3 },
	{ "first entry", be_outside, do_enter, .least = 1 },
	{ "first entry of who follows an owner", be_outside_of_owner, do_enter, .least = 1 },
	{ "first settime", be_inside, do_settime, .least = 1 },
	{ "first settimeofday", be_inside, do_settimeofday, .least = 1 },
	{ "first adjtimex", be_inside, do_adjtime, .least = 1 },
	{ "first rate", be_inside_with_file, do_write, .text = "rate 2", .least = 2 },
	{ "first leap policy", be_inside_with_file, do_write, .text = "leap smear google",
	  .least = 2 },
	{ "settime with timers", be_armed, do_settime, still_armed, .least = 1 },
	{ "settime of an owner", be_inside, do_settime, .own = true },
	{ "settime with a long past", be_inside, do_settime, .own = true, .changes = 4,
	  .least = 1 },
	{ "adjtimex with a long past", be_inside, do_adjtime, .own = true, .changes = 4,
	  .least = 1 },
	{ "rate with a long past", be_inside_with_file, do_write, .text = "rate 3", .own = true,
	  .changes = 4, .least = 2 },
	{ "follow", be_inside_with_file, do_write, .text = "follow", .own = true, .least = 1 },
	{ "follow with a long past", be_inside_with_file, do_write, .text = "follow", .own = true,
	  .changes = 4, .least = 2 },
	{ "first restore", be_inside_with_file, do_write, .least = 2 },
	{ "restore of an owner", be_inside_with_file, do_write, .own = true, .least = 1 },
	{ "restore with a long past", be_inside_with_file, do_write, .own = true, .changes = 4,
	  .least = 2 },
	{ "first stop", be_inside_with_file, do_write, .text = "stop", .least = 2 },
	{ "stop with a long past", be_inside_with_file, do_write, .text = "stop", .own = true,
	  .changes = 4, .least = 1 },
	{ "go", be_inside_stopped, do_write, .text = "go", .own = true, .stopped = true,
	  .least = 1 },
	{ "go elapsed with a long past", be_inside_stopped, do_write, .text = "go elapsed",
	  .own = true, .stopped = true, .changes = 4, .least = 1 },
	/* nsproxy, namespace, page, clock. A new page for a slab of theirs may be a fifth one. */
	{ "follower of an owner", be_inside, do_unshare, .own = true, .least = 4 },
	{ "follower of the owner of a follower", be_inside, do_unshare, .nested = true,
	  .least = 4 },
	{ "first settime in a follower of an owner", be_inside, do_settime, .nested = true,
	  .least = 1 },
	{ "first rate of a follower of an owner", be_inside_with_file, do_write, .text = "rate 2",
	  .nested = true, .least = 2 },
	{ "settime in a follower of an owner with timers", be_armed, do_settime, still_armed,
	  .nested = true, .least = 1 },
	{ "offsets", be_before, do_write, .text = "monotonic 100 0\nboottime 200 0\n", .least = 1 },
	{ "offsets of who follows an owner", be_before, do_write,
	  .text = "monotonic 100 0\nboottime 200 0\n",
	  .own = true, .least = 1 },
	{ "reading timens_clock", be_inside, do_read, .text = TK_CLOCK_FILE, .least = 2 },
	{ "reading timens_clock of an owner", be_inside, do_read, .text = TK_CLOCK_FILE,
	  .own = true, .least = 2 },
	{ "reading timens_offsets", be_inside, do_read, .text = "/proc/self/timens_offsets",
	  .least = 2 },
};

/* What the call left, however it ended */
static void clean(struct call *c)
{
	tk_leave();
	if (c->ns >= 0)
		close(c->ns);
	if (c->file >= 0)
		close(c->file);
	while (c->armed)
		close(c->timers[--c->armed]);
}

/* One call with each of its allocations failing; it is the caller's only task. */
static int try_all(void *arg)
{
	struct call *c = arg;
	s64 start = tk_vnow(CLOCK_MONOTONIC_RAW);
	struct state was, is;
	int n, ret, failed = 0;
	bool reached;

	nth_fd = open(NTH, O_RDWR | O_CLOEXEC);
	REQUIRE(nth_fd >= 0, NTH ": %m");
	for (n = 1; n < POINTS_MAX; n++) {
		c->ns = -1;
		c->file = -1;
		c->armed = 0;
		if (c->prepare)
			c->prepare(c);
		look(&was);
		arm_nth(n);
		ret = c->call(c);
		reached = disarm_nth();
		if (ret < 0) {
			failed++;
			CHECK(reached, "%s failed by itself: %s", c->name, strerror(-ret));
			CHECK(ret == -ENOMEM, "%s, point %d: %s", c->name, n, strerror(-ret));
			look(&is);
			compare(c, n, &was, &is);
			if (c->check)
				c->check(c);
		}
		clean(c);
		if (!reached)
			break;
	}
	CHECK(n < POINTS_MAX, "%s never succeeds", c->name);
	CHECK(failed >= c->least, "%s failed at %d points, not at %d", c->name, failed, c->least);
	ksft_print_msg("%s: %d points, failed at %d, %d ms\n", c->name, n - 1, failed,
		       (int)((tk_vnow(CLOCK_MONOTONIC_RAW) - start) / TK_MSEC));
	fflush(NULL);
	return 0;
}

TK_FIXTURE(failnth);

TEST_F(failnth, every_call)
{
	struct left was = { 0 }, is = { 0 };
	s64 end;
	size_t i;

	tk_need_debugfs();
	if (access(NTH, W_OK) || access(SLAB_KNOBS, X_OK) || access(PAGE_KNOBS, X_OK))
		SKIP(return, "no allocation fails on demand here (see the top of the file)");
	save_another();
	use_knobs();
	count_left(&was);
	for (i = 0; i < TK_ARRAY(calls); i++)
		RUN(try_all, &calls[i]);

	/* The last ones of them may be freed by a worker. */
	end = tk_give_up();
	do {
		count_left(&is);
	} while (memcmp(&was, &is, sizeof(was)) && tk_vnow(CLOCK_MONOTONIC_RAW) < end &&
		 (tk_sleep(100 * TK_MSEC), true));
	CHECK(is.own == was.own, "%" PRId64 " owners, before %" PRId64, is.own, was.own);
	CHECK(is.objects == was.objects, "%" PRId64 " clocks, before %" PRId64, is.objects,
	      was.objects);
	CHECK(is.namespaces == was.namespaces, "%d namespaces are counted, before %d",
	      is.namespaces - 1, was.namespaces - 1);
	CHECK(is.clocks == was.clocks, "%d clocks are counted, before %d", is.clocks - 1,
	      was.clocks - 1);
}

TEST_HARNESS_MAIN
