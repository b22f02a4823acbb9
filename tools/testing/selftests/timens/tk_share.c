// SPDX-License-Identifier: GPL-2.0
/*
 * Namespaces which follow an owner: one clock, several namespaces.
 *
 *	host ------------------------------
 *	   '-- A (own) --------------------	made in the host, and set
 *	          |-- B (follows A) -------	made in A: A's clocks, plus constants
 *	          |      '-- C (follows A)	made in B
 *	          '-- D (own) -------------	made in A, and set
 *
 * A follower is compared with its owner by reading it between two reads of the owner: the
 * difference is a constant to the nanosecond, whatever is done to the owner, so the brackets
 * of all samples have that point in common. What tk_nest says of a copy, tk_ttruth of timers,
 * tk_failnth of memory and tk_limit and tk_policy of rights is not repeated here.
 */
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "lib/leap.h"
#include "lib/reader.h"
#include "lib/tk.h"

TK_FIXTURE(share);

/* What a follower may have of its own is an offset to these; the others are the owner's */
static const int steady[] = { CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME,
			      CLOCK_MONOTONIC_RAW };

/* @fd less @ref, both read by @path: @fd between two reads of @ref. The caller is in @ref then. */
static struct tk_iv between(int ref, int fd, enum tk_path path, int clk, int n)
{
	struct tk_iv iv = TK_IV_ALL;

	while (n--) {
		s64 x, v, y;

		tk_enter(ref);
		x = tk_get(path, clk);
		tk_enter(fd);
		v = tk_get(path, clk);
		tk_enter(ref);
		y = tk_get(path, clk);
		tk_iv_and(&iv, v - y, v - x);
	}
	return iv;
}

/* All clocks of @fd are those of @ref, by all ways to read them */
static void check_same(int ref, int fd, const char *when)
{
	char what[96];
	s64 probe;
	int i, path;

	for (i = 0; i < TK_CLOCKS; i++) {
		const struct tk_clockname *c = &tk_clocks[i];

		for (path = 0; path < TK_PATHS; path++) {
			if (!tk_path_exists(path) || tk_gettime(path, c->id, &probe))
				continue;
			snprintf(what, sizeof(what), "%s, %s by %s", when, c->name,
				 tk_path_name[path]);
			CHECK_IV(between(ref, fd, path, c->id, 8), 0, 0, what);
		}
	}
	tk_leave();
}

static unsigned long inode_of(int fd)
{
	struct stat st;

	REQUIRE(!fstat(fd, &st), "fstat: %m");
	return st.st_ino;
}

/* Of the namespace whose clock it is, as timens_clock says; 0 if that has no such line */
static unsigned long follows(void)
{
	char text[1024], *line;
	unsigned long ino = 0;

	tk_read_summary(text, sizeof(text));
	line = strstr(text, "\nfollows ");
	if (line)
		CHECK(sscanf(line, "\nfollows %lu\n", &ino) == 1, "%s", text);
	return ino;
}

static void check_follows(int fd, int owner, const char *who)
{
	unsigned long is, want = owner >= 0 ? inode_of(owner) : 0;

	tk_enter(fd);
	CHECK_STATE("follow");
	is = follows();
	CHECK(is == want, "%s follows %lu, not %lu", who, is, want);
	tk_leave();
}

static int made_in(int fd, const char *offsets)
{
	int new;

	tk_enter(fd);
	new = tk_ns_new_offsets(offsets);
	tk_leave();
	return new;
}

static void write_clock(int fd, const char *text)
{
	int ret;

	tk_enter(fd);
	ret = tk_write_file(TK_CLOCK_FILE, text);
	CHECK(!ret, "'%s': %s", text, strerror(-ret));
	tk_leave();
}

static void tick_in(int fd, s64 tick)
{
	struct tk_timex tx = { .modes = ADJ_TICK, .tick = tick };

	tk_enter(fd);
	tk_adjust(tx);
	tk_leave();
}

static void step_in(int fd, s64 ns)
{
	int ret;

	tk_enter(fd);
	ret = tk_step(ns);
	CHECK(ret >= 0, "step: %s", strerror(-ret));
	tk_leave();
}

/* Whatever the owner does, at the same instant */
TEST_F(share, is_the_clock_of_the_owner)
{
	struct tk_timex tx = { .modes = ADJ_FREQUENCY | ADJ_STATUS | ADJ_TIMECONST | ADJ_OFFSET,
			       .freq = 77 << 16, .status = STA_PLL | STA_UNSYNC, .constant = 4,
			       .offset = 100000 };
	int a = tk_ns_own(TK_YEAR * TK_SEC), b = made_in(a, NULL), c = made_in(b, NULL);

	check_follows(b, a, "B");
	check_follows(c, a, "C");
	check_same(a, b, "made");
	check_same(b, c, "made in a follower");
	tk_enter(a);
	tk_adjust(tx);
	check_same(a, b, "slewed");
	step_in(a, TK_YEAR * TK_SEC);
	check_same(a, b, "stepped");
	tick_in(a, 11000);
	check_same(a, b, "steered");
	write_clock(a, "rate 100/7");
	check_same(a, b, "at a rate");
	write_clock(a, "stop");
	check_same(a, b, "stopped");
	write_clock(a, "go elapsed");
	check_same(a, b, "gone on");
	write_clock(a, "rate 1");
	tk_enter(a);
	tk_leap_now(true);
	check_same(a, b, "before the leap second");
	tk_sleep(2500 * TK_MSEC);
	check_same(a, b, "behind the leap second");
	write_clock(a, "leap smear linear 1000 before");
	tk_enter(a);
	tk_leap_now(true);
	check_same(a, b, "smeared");
	check_follows(b, a, "B");
	check_follows(c, a, "C");
}

/* adjtimex() and the time zone are the owner's, too, and reading them changes nothing. */
TEST_F(share, has_the_state_of_the_owner)
{
	struct tk_timex set = { .modes = ADJ_FREQUENCY | ADJ_TICK | ADJ_STATUS | ADJ_TIMECONST,
				.freq = 77 << 16, .tick = 10007, .status = STA_PLL | STA_UNSYNC,
				.constant = 4 };
	struct tk_timex tai = { .modes = ADJ_TAI, .constant = 37 }, a_is = { 0 }, b_is = { 0 };
	struct timezone tz = { .tz_minuteswest = -77, .tz_dsttime = 3 };
	int a = tk_ns_own(TK_YEAR * TK_SEC), b = made_in(a, NULL), ret;
	struct tk_tv tv;

	tk_enter(a);
	tk_adjust(set);
	tk_adjust(tai);
	CHECK(!tk_sys_settimeofday(NULL, &tz), "time zone: %m");
	CHECK(tk_adjtimex(&a_is) >= 0, "adjtimex: %m");
	tk_enter(b);
	CHECK(tk_adjtimex(&b_is) >= 0, "adjtimex: %m");
	CHECK(a_is.freq == b_is.freq && a_is.tick == b_is.tick && a_is.tai == b_is.tai &&
	      a_is.status == b_is.status && a_is.constant == b_is.constant,
	      "freq %" PRId64 "/%" PRId64 ", tick %" PRId64 "/%" PRId64
	      ", TAI %d/%d, status %#x/%#x, constant %" PRId64 "/%" PRId64, a_is.freq, b_is.freq,
	      a_is.tick, b_is.tick, a_is.tai, b_is.tai, a_is.status, b_is.status, a_is.constant,
	      b_is.constant);
	memset(&tz, 0, sizeof(tz));
	ret = tk_sys_gettimeofday(&tv, &tz);
	CHECK(!ret && tz.tz_minuteswest == -77 && tz.tz_dsttime == 3, "zone %d %d",
	      tz.tz_minuteswest, tz.tz_dsttime);
	if (tk_vdso.gettimeofday) {
		memset(&tz, 0, sizeof(tz));
		ret = tk_vdso.gettimeofday(&tv, &tz);
		CHECK(!ret && tz.tz_minuteswest == -77 && tz.tz_dsttime == 3, "zone %d %d of vDSO",
		      tz.tz_minuteswest, tz.tz_dsttime);
	}
	tk_leave();
	check_follows(b, a, "B");
}

/*
 * Offsets are written as ever, against the host at that moment, and are constant against
 * the owner from then on: with its tick of 11000 it leaves the host by a tenth.
 */
TEST_F(share, offsets_are_constant_against_the_owner)
{
	int a = tk_ns_own(TK_YEAR * TK_SEC), b, c;
	struct tk_iv iv[TK_CLOCKS];
	int i;

	tick_in(a, 11000);
	tk_sleep(20 * TK_MSEC);
	b = made_in(a, "monotonic 7000 5\nboottime -3 9\n");
	for (i = 0; i < TK_CLOCKS; i++) {
		s64 want = 0, probe;

		tk_leave();
		iv[i] = TK_IV_ALL;
		if (tk_gettime(TK_SYS, tk_clocks[i].id, &probe))
			continue;
		iv[i] = between(a, b, TK_SYS, tk_clocks[i].id, 50);

		if (tk_clocks[i].id == CLOCK_MONOTONIC || tk_clocks[i].id == CLOCK_MONOTONIC_RAW ||
		    tk_clocks[i].id == CLOCK_MONOTONIC_COARSE)
			want = 7000 * TK_SEC + 5;
		else if (tk_clocks[i].id == CLOCK_BOOTTIME ||
			 tk_clocks[i].id == CLOCK_BOOTTIME_ALARM)
			want = -3 * TK_SEC + 9;
		/* It was the host that this was written against: the owner is ahead of that */
		CHECK_IV(iv[i], want, tk_patience(), tk_clocks[i].name);
		CHECK(want || (iv[i].lo <= 0 && iv[i].hi >= 0), "%s: an offset", tk_clocks[i].name);
		CHECK(tk_clocks[i].id != CLOCK_MONOTONIC_RAW ||
		      (iv[i].lo <= want && iv[i].hi >= want), "RAW is another one");
	}
	/* C begins with what B has */
	c = made_in(b, NULL);
	check_same(b, c, "made in a follower with offsets");
	step_in(a, TK_SEC);
	write_clock(a, "rate 7");
	tk_sleep(20 * TK_MSEC);
	for (i = 0; i < TK_CLOCKS; i++)
		if (iv[i].lo != TK_IV_ALL.lo)
			CHECK_IV_MEET(iv[i], between(a, b, TK_VDSO, tk_clocks[i].id, 50), 0,
				      tk_clocks[i].name);
	tk_leave();
}

static void *makes_a_follower(void *arg)
{
	*(int *)arg = TK_RET(unshare(CLONE_NEWTIME));
	return NULL;
}

/*
 * A thread makes a follower of a namespace which no task has entered: the offsets of that
 * one are frozen, for its clocks are read.
 */
static int offsets_of_an_owner(void *arg)
{
	pthread_t th;
	int ret;

	(void)arg;
	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	ret = tk_write_file(TK_CLOCK_FILE, "rate 3");
	CHECK(!ret, "rate before entry: %s", strerror(-ret));
	ret = tk_write_file("/proc/self/timens_offsets", "monotonic 100 0\n");
	CHECK(!ret, "before there is a follower: %s", strerror(-ret));
	REQUIRE(!pthread_create(&th, NULL, makes_a_follower, &ret), "pthread_create: %m");
	pthread_join(th, NULL);
	CHECK(!ret, "unshare: %s", strerror(-ret));
	ret = tk_write_file("/proc/self/timens_offsets", "monotonic 300 0\n");
	CHECK(ret == -EACCES, "beside a follower: %d", ret);
	return 0;
}

TEST_F(share, an_owner_without_tasks)
{
	RUN(offsets_of_an_owner, NULL);
}

/*
 * The owner gives its clock back: its followers are on the host's with it, nothing that is
 * steady goes back, and when it owns a clock again they go along.
 */
TEST_F(share, goes_along_to_the_host)
{
	int a = tk_ns_own(TK_YEAR * TK_SEC), round;
	int b = made_in(a, "monotonic 50 0\nboottime 60 0\n");
	s64 base[TK_ARRAY(steady)], now;
	struct tk_iv iv;
	size_t i;

	for (round = 0; round < 3; round++) {
		tick_in(a, 11000);
		tk_sleep(10 * TK_MSEC);
		tk_enter(b);
		for (i = 0; i < TK_ARRAY(steady); i++)
			base[i] = tk_vnow(steady[i]);
		write_clock(a, "follow");
		tk_enter(b);
		for (i = 0; i < TK_ARRAY(steady); i++) {
			now = tk_vnow(steady[i]);
			CHECK(now >= base[i], "clock %d went back by %" PRId64, steady[i],
			      base[i] - now);
			CHECK(now - base[i] < tk_patience(), "clock %d jumped by %" PRId64,
			      steady[i], now - base[i]);
		}
		tk_leave();
		check_follows(b, a, "B");
		CHECK_IV(tk_cross(b, CLOCK_REALTIME, 20, NULL), 0, 0, "REALTIME");
		CHECK_IV(tk_cross(b, CLOCK_TAI, 20, NULL), 0, 0, "TAI");
		iv = tk_cross(b, CLOCK_MONOTONIC, 20, NULL);
		tk_sleep(10 * TK_MSEC);
		CHECK_IV_MEET(iv, tk_cross(b, CLOCK_MONOTONIC, 20, NULL), 0, "MONOTONIC");
		step_in(a, TK_YEAR * TK_SEC);
		iv = between(a, b, TK_VDSO, CLOCK_REALTIME, 20);
		CHECK_IV(iv, 0, 0, "REALTIME of the owner again");
		tk_leave();
	}
}

/* What is asked for makes it an owner, from where it is; from then on each goes its way. */
TEST_F(share, becomes_an_owner)
{
	static const char *const how[] = { "step", "rate 1/3", "leap smear google", "stop" };
	struct tk_watch w;
	size_t i, n;

	for (n = 0; n < TK_ARRAY(how); n++) {
		int a = tk_ns_own(TK_YEAR * TK_SEC), b = made_in(a, "monotonic 70 0\n");
		int c = made_in(b, NULL), e;
		s64 base[TK_ARRAY(steady)];
		struct tk_iv c_is;

		c_is = between(a, c, TK_VDSO, CLOCK_MONOTONIC, 20);
		tk_watch_start(&w, "the owner", a, TK_WATCH_ALL);
		tk_enter(b);
		for (i = 0; i < TK_ARRAY(steady); i++)
			base[i] = tk_vnow(steady[i]);
		if (n)
			write_clock(b, how[n]);
		else
			step_in(b, TK_DAY * TK_SEC);
		tk_enter(b);
		CHECK_STATE("own");
		CHECK(!follows(), "an owner follows");
		for (i = 0; i < TK_ARRAY(steady); i++) {
			s64 now = tk_vnow(steady[i]);

			CHECK(now >= base[i], "%s: clock %d went back by %" PRId64, how[n],
			      steady[i], base[i] - now);
			CHECK(now - base[i] < tk_patience(), "%s: clock %d jumped by %" PRId64,
			      how[n], steady[i], now - base[i]);
		}
		tk_leave();
		CHECK_IV(tk_cross(b, CLOCK_REALTIME, 20, NULL),
			 (n ? TK_YEAR : TK_YEAR + TK_DAY) * TK_SEC, tk_patience(), how[n]);
		if (n == 3)
			write_clock(b, "go");
		tk_sleep(20 * TK_MSEC);
		tk_watch_stop(&w);
		/* Who followed the owner along with it still does */
		check_follows(c, a, "C");
		CHECK_IV_MEET(c_is, between(a, c, TK_VDSO, CLOCK_MONOTONIC, 20), 0, "C");
		/* The new owner has its own, and does not notice the old one */
		e = made_in(b, NULL);
		check_follows(e, b, "E");
		check_same(b, e, "the follower of a former one");
		tk_watch_start(&w, "the new owner", b, n == 1 ? 0 : TK_WATCH_ALL);
		step_in(a, TK_DAY * TK_SEC);
		tick_in(a, 9000);
		write_clock(a, "follow");
		tk_sleep(20 * TK_MSEC);
		tk_watch_stop(&w);
		/* It is nobody's follower any more: the host is what is left */
		write_clock(b, "follow");
		check_follows(b, -1, "B");
		CHECK_IV(tk_cross(b, CLOCK_REALTIME, 20, NULL), 0, 0, "REALTIME");
		CHECK_IV(tk_cross(e, CLOCK_REALTIME, 20, NULL), 0, 0, "REALTIME of E");
		close(a);
		close(b);
		close(c);
		close(e);
	}
}

/* What is refused changes nothing, and what is no change is none. */
TEST_F(share, stays_a_follower)
{
	int a = tk_ns_own(TK_YEAR * TK_SEC), b = made_in(a, "monotonic 70 0\n"), ret;
	struct tk_iv was = between(a, b, TK_VDSO, CLOCK_MONOTONIC, 50);
	struct tk_timex read = { 0 }, bad = { .modes = ADJ_TICK, .tick = 1 };

	tk_enter(b);
	ret = tk_settime(CLOCK_REALTIME, 1, 0);
	CHECK(ret == -EINVAL, "REALTIME behind MONOTONIC: %d", ret);
	ret = tk_settime(CLOCK_REALTIME, -1, 0);
	CHECK(ret == -EINVAL, "a negative time: %d", ret);
	ret = tk_adjtimex(&bad);
	CHECK(ret == -EINVAL, "a bad tick: %d", ret);
	ret = tk_write_file(TK_CLOCK_FILE, "rate 0");
	CHECK(ret == -ERANGE, "a rate of 0: %d", ret);
	ret = tk_write_file(TK_CLOCK_FILE, "follow");
	CHECK(!ret, "follow: %s", strerror(-ret));
	ret = tk_write_file(TK_CLOCK_FILE, "go");
	CHECK(!ret, "go: %s", strerror(-ret));
	CHECK(tk_adjtimex(&read) >= 0, "adjtimex: %m");
	tk_leave();
	check_follows(b, a, "B");
	CHECK_IV_MEET(was, between(a, b, TK_VDSO, CLOCK_MONOTONIC, 50), 0, "MONOTONIC");
	tk_leave();
	CHECK_IV(between(a, b, TK_SYS, CLOCK_REALTIME, 50), 0, 0, "REALTIME");
	/* The owner stands, and it is asked to go on: only by itself it can */
	write_clock(a, "stop");
	write_clock(b, "go");
	tk_enter(b);
	CHECK_STATE("own");
	tk_sleep(10 * TK_MSEC);
	tk_leave();
	CHECK_IV(between(a, a, TK_VDSO, CLOCK_MONOTONIC, 5), 0, 0, "the owner stands");
	tk_leave();
}

/* ------------------------------------------------------------------- lifetime */

/* Owners which the kernel knows, once whoever is freed by a worker is */
static s64 owners(s64 want)
{
	s64 give_up = tk_give_up(), is;

	do {
		is = tk_stat("own");
		if (is == want)
			break;
		tk_sleep(10 * TK_MSEC);
	} while (tk_vnow(CLOCK_MONOTONIC_RAW) < give_up);
	return is;
}

FIXTURE(share_count)
{
	s64 own;
};

FIXTURE_SETUP(share_count)
{
	ASSERT_EQ(0, tk_setup());
	tk_need_debugfs();
	self->own = tk_stat("own");
}

FIXTURE_TEARDOWN(share_count)
{
	EXPECT_EQ(0, tk_teardown());
}

/* All tasks and names of the owner go first: its clock goes on, until the last follower goes. */
TEST_F(share_count, outlives_the_owner)
{
	int a = tk_ns_own(TK_YEAR * TK_SEC), b = made_in(a, NULL), c = made_in(b, NULL);
	struct tk_timex tx = { .modes = ADJ_OFFSET | ADJ_STATUS, .status = STA_PLL,
			       .offset = 400000 };
	struct tk_iv line;

	tk_enter(a);
	tk_adjust(tx);
	tk_leave();
	CHECK(owners(self->own + 1) == self->own + 1, "followers are owners");
	close(a);
	tk_enter(b);
	line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 200);
	/* Seconds of a clock whose slope changes with each: somebody takes its passes */
	tk_sleep(2500 * TK_MSEC);
	CHECK_IV_MEET(line, tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 200), 0, "REALTIME");
	CHECK_STATE("follow");
	tk_leave();
	CHECK_IV(between(b, c, TK_VDSO, CLOCK_REALTIME, 50), 0, 0, "C");
	tk_leave();
	CHECK(owners(self->own + 1) == self->own + 1, "the owner is gone");
	close(b);
	CHECK(owners(self->own + 1) == self->own + 1, "the owner is gone with one of them");
	close(c);
	CHECK(owners(self->own) == self->own, "%" PRId64 " owners are left", tk_stat("own"));
}

/* Each is kept by the next one: they are freed all the same, and not by recursion. */
TEST_F(share_count, chain_of_former_followers)
{
	int depth, fd = tk_ns_own(TK_YEAR * TK_SEC), next;
	const int most = 300;

	for (depth = 1; depth < most; depth++) {
		tk_enter(fd);
		next = tk_ns_new();
		CHECK_STATE("own");
		close(fd);
		fd = next;
		tk_enter(fd);
		CHECK(tk_step(TK_SEC) >= 0, "step: %m");
	}
	tk_leave();
	CHECK(owners(self->own + most) == self->own + most, "%" PRId64 " owners", tk_stat("own"));
	CHECK_IV(tk_cross(fd, CLOCK_REALTIME, 20, NULL), (TK_YEAR + most - 1) * TK_SEC,
		 tk_patience(), "REALTIME");
	/* Its own start, and that of the host's first process, are found across all of them */
	tk_enter(fd);
	CHECK(tk_start_time(getpid()) >= tk_start_time(1), "we started before init");
	tk_leave();
	close(fd);
	CHECK(owners(self->own) == self->own, "%" PRId64 " owners are left", tk_stat("own"));
}

/* The last reference on a follower, and by that on its owner, is a timer's. */
static int leaves_a_timer(void *arg)
{
	int b = *(int *)arg, fd;
	struct itimerspec its = { .it_value.tv_sec = 3600 };

	tk_enter(b);
	fd = timerfd_create(CLOCK_REALTIME, 0);
	REQUIRE(fd >= 0 && !timerfd_settime(fd, 0, &its, NULL), "timerfd: %m");
	tk_send_fd(((int *)arg)[1], fd);
	return 0;
}

TEST_F(share_count, a_timer_keeps_both)
{
	int a = tk_ns_own(TK_YEAR * TK_SEC), b = made_in(a, NULL), sv[2], arg[2], fd;

	REQUIRE(!socketpair(AF_UNIX, SOCK_DGRAM, 0, sv), "socketpair: %m");
	arg[0] = b;
	arg[1] = sv[1];
	RUN(leaves_a_timer, arg);
	fd = tk_receive_fd(sv[0]);
	close(a);
	close(b);
	tk_sleep(20 * TK_MSEC);
	CHECK(owners(self->own + 1) == self->own + 1, "the owner is gone");
	close(fd);
	CHECK(owners(self->own) == self->own, "%" PRId64 " owners are left", tk_stat("own"));
}

/* ------------------------------------------------------------------- readers and switches */

/*
 * Readers in a follower, by the vDSO and by system calls, while the owner steers, gives its
 * clock back and takes one again: steady clocks do not go back. In the end it is an owner.
 */
TEST_F(share, readers_see_no_switch)
{
	int a = tk_ns_own(0), b = made_in(a, "monotonic 500 0\nboottime 700 0\n"), i, pids[2];
	struct tk_reader *r = tk_shared_page(sizeof(*r));

	r->fd = b;
	r->flags = TK_READ_COARSE;
	for (i = 0; i < 2; i++)
		pids[i] = tk_spawn(tk_reader, r);
	while (atomic_load(&r->rounds) < 10)
		tk_sleep(TK_MSEC);
	/* Behind the host, so that REALTIME does not go back either when it is the host's */
	for (i = 0; i < 40; i++) {
		tick_in(a, i % 2 ? 9000 : 9500);
		write_clock(a, i % 4 ? "rate 1/3" : "rate 1/2");
		tk_sleep(2 * TK_MSEC);
		if (i % 5 == 4)
			write_clock(a, "follow");
		tk_sleep(2 * TK_MSEC);
	}
	check_follows(b, a, "B");
	tick_in(b, 9500);
	tk_sleep(10 * TK_MSEC);
	write_clock(b, "follow");
	tk_sleep(10 * TK_MSEC);
	atomic_store(&r->stop, true);
	for (i = 0; i < 2; i++)
		CHECK(!tk_reap(pids[i]), "a reader failed");
}

/* The same at one instant: a follower becomes an owner while its own is one or follows the host. */
TEST_F(share, readers_see_no_parting)
{
	int a = tk_ns_own(0), b, i, n, pids[2];
	struct tk_reader *r;

	/* Its offsets to the host differ from zero by more than a reading takes, in each clock */
	write_clock(a, "rate 1/3");
	tk_sleep(100 * TK_MSEC);
	for (n = 0; n < 40 && !tk_failures(); n++) {
		b = made_in(a, "monotonic 500 0\nboottime 700 0\n");
		r = tk_shared_page(sizeof(*r));
		r->fd = b;
		r->flags = TK_READ_COARSE;
		write_clock(a, n % 2 ? "follow" : "rate 1/2");
		for (i = 0; i < 2; i++)
			pids[i] = tk_spawn(tk_reader, r);
		while (atomic_load(&r->rounds) < 4)
			tk_sleep(TK_MSEC / 4);
		tick_in(b, 9500);
		tk_sleep(TK_MSEC);
		atomic_store(&r->stop, true);
		for (i = 0; i < 2; i++)
			CHECK(!tk_reap(pids[i]), "a reader failed");
		munmap(r, sizeof(*r));
		close(b);
	}
	close(a);
}

/* ------------------------------------------------------------------- timers */

/* A descriptor that wants to know is told of the owner's steps, and of no other's. */
TEST_F(share, timerfd_is_cancelled_by_the_owner)
{
	/* Later than what the clock is set to, and fit for 32 bits */
	struct itimerspec its = { .it_value.tv_sec = 2100000000 };
	int a = tk_ns_own(TK_YEAR * TK_SEC), b = made_in(a, NULL), d = made_in(a, NULL), fd;
	uint64_t ticks;

	step_in(d, TK_SEC);
	tk_enter(b);
	fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	REQUIRE(fd >= 0, "timerfd_create: %m");
	CHECK(!timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &its, NULL),
	      "timerfd_settime: %m");
	tk_leave();
	step_in(d, TK_SEC);
	tick_in(a, 11000);
	CHECK(read(fd, &ticks, sizeof(ticks)) < 0 && errno == EAGAIN, "told of another's: %m");
	step_in(a, TK_SEC);
	CHECK(read(fd, &ticks, sizeof(ticks)) < 0 && errno == ECANCELED, "not told: %m");
	tk_enter(b);
	CHECK(!timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &its, NULL),
	      "timerfd_settime: %m");
	write_clock(a, "follow");
	CHECK(read(fd, &ticks, sizeof(ticks)) < 0 && errno == ECANCELED, "not told: %m");
	/* and when it becomes an owner itself it is its own clock that counts */
	tk_enter(b);
	tk_make_own();
	CHECK(!timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &its, NULL),
	      "timerfd_settime: %m");
	step_in(a, TK_SEC);
	CHECK(read(fd, &ticks, sizeof(ticks)) < 0 && errno == EAGAIN, "told of another's: %m");
	step_in(b, TK_SEC);
	CHECK(read(fd, &ticks, sizeof(ticks)) < 0 && errno == ECANCELED, "not told: %m");
	tk_leave();
}

/* ------------------------------------------------------------------- who a process is */

struct starts {
	s64 self;
	s64 parent;
	s64 init;
	s64 other;
};

static void look_starts(int fd, pid_t other, struct starts *s)
{
	tk_enter(fd);
	s->self = tk_start_time(getpid());
	s->parent = tk_start_time(getppid());
	s->init = tk_start_time(1);
	s->other = tk_start_time(other);
	tk_leave();
}

static int pauses(void *arg)
{
	for (;;)
		pause();
	return arg ? 1 : 0;
}

/* The start of a process never changes, whatever becomes of owner and follower. */
TEST_F(share, starts_stay)
{
	int a = tk_ns_own(1000 * TK_SEC), b, i;
	struct starts was, is;
	pid_t pid;

	write_clock(a, "rate 5");
	b = made_in(a, "boottime 5000 0\n");
	/* What is forked in there has a note of the owner's clock */
	tk_enter(b);
	pid = tk_spawn(pauses, NULL);
	tk_leave();
	tk_sleep(50 * TK_MSEC);
	look_starts(b, pid, &was);
	for (i = 0; i < 6; i++) {
		switch (i) {
		case 0:
			write_clock(a, "rate 100");
			break;
		case 1:
			tick_in(a, 11000);
			break;
		case 2:
			write_clock(a, "follow");
			break;
		case 3:
			write_clock(a, "rate 3");
			break;
		case 4:
			write_clock(b, "rate 1/7");
			break;
		case 5:
			write_clock(b, "follow");
			break;
		}
		tk_sleep(20 * TK_MSEC);
		look_starts(b, pid, &is);
		CHECK(!memcmp(&was, &is, sizeof(is)), "change %d: self %" PRId64 "/%" PRId64
		      ", parent %" PRId64 "/%" PRId64 ", init %" PRId64 "/%" PRId64 ", other %"
		      PRId64 "/%" PRId64, i, was.self, is.self, was.parent, is.parent, was.init,
		      is.init, was.other, is.other);
	}
	kill(pid, SIGKILL);
	tk_reap(pid);
}

TEST_HARNESS_MAIN
