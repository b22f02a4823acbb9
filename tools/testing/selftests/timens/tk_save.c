// SPDX-License-Identifier: GPL-2.0
/*
 * Clocks which are saved and restored, and clocks which stand.
 *
 *	host	r1 [read the state of A] r2 ----- w1 [write it to B] w2
 *
 * B is a new namespace, which nobody has entered when it is written to. Its clocks differ
 * from those of A by what passed between the two calls, which the host has between w1 - r2
 * and w2 - r1, or by nothing.
 */
#include "lib/leap.h"
#include "lib/tk.h"
#include "lib/waits.h"

#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/timerfd.h>

/* What the two lines differ by, with their multipliers rounded (nsecs) */
#define SLACK 5

static const int clks[] = {
	CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
};

#define CLKS TK_ARRAY(clks)

FIXTURE(save)
{
	int ns;
	char text[4096];
};

FIXTURE_SETUP(save)
{
	ASSERT_EQ(0, tk_setup());
	self->ns = tk_ns_own(TK_YEAR * TK_SEC);
}

FIXTURE_TEARDOWN(save)
{
	tk_leave();
	EXPECT_EQ(0, tk_teardown());
}

static void read_state(const char *how, char *text, size_t size)
{
	REQUIRE(tk_saved(how, text, size), "no state of an owner");
}

/* A namespace which nobody has entered, with what @text says; @ret is what that gave */
static int new_with(const char *text, int *ret)
{
	int here = tk_open_ns("/proc/self/ns/time"), fd;

	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	fd = tk_open_ns("/proc/self/ns/time_for_children");
	*ret = tk_write_file(TK_CLOCK_FILE, text);
	tk_enter(here);
	close(here);
	return fd;
}

static void steer(void)
{
	struct tk_timex tx = {
		.modes = ADJ_TICK | ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR | ADJ_TIMECONST |
			 ADJ_NANO,
		.tick = 10000, .status = STA_PLL | STA_FREQHOLD, .maxerror = 1234,
		.esterror = 2345, .constant = 7,
	};

	REQUIRE(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	tx = (struct tk_timex){ .modes = ADJ_TAI, .constant = 37 };
	REQUIRE(tk_adjtimex(&tx) >= 0, "ADJ_TAI: %m");
}

static void same_timex(const struct tk_timex *a, const struct tk_timex *b)
{
	CHECK(a->offset == b->offset, "offset %" PRId64 " and %" PRId64, a->offset, b->offset);
	CHECK(a->freq == b->freq, "freq %" PRId64 " and %" PRId64, a->freq, b->freq);
	CHECK(a->esterror == b->esterror, "esterror %" PRId64 " and %" PRId64, a->esterror,
	      b->esterror);
	CHECK(a->status == b->status, "status %#x and %#x", a->status, b->status);
	CHECK(a->constant == b->constant, "constant %" PRId64 " and %" PRId64, a->constant,
	      b->constant);
	CHECK(a->tick == b->tick, "tick %" PRId64 " and %" PRId64, a->tick, b->tick);
	CHECK(a->tai == b->tai, "tai %d and %d", a->tai, b->tai);
	CHECK(a->tolerance == b->tolerance && a->precision == b->precision, "constants");
	CHECK(a->ppsfreq == b->ppsfreq && a->shift == b->shift && a->calcnt == b->calcnt, "PPS");
	/* It grows by half of a thousandth in each second, and these are few */
	CHECK(llabs(a->maxerror - b->maxerror) <= 60000, "maxerror %" PRId64 " and %" PRId64,
	      a->maxerror, b->maxerror);
}

static void check_restored(FIXTURE_DATA(save) * self, bool elapsed)
{
	struct tk_iv a[CLKS], gap;
	struct tk_timex x = { 0 }, y = { 0 };
	s64 r1, r2, w1, w2;
	int ns, ret;
	size_t i;

	tk_enter(self->ns);
	steer();
	tk_leave();
	for (i = 0; i < CLKS; i++)
		a[i] = tk_cross(self->ns, clks[i], 300, NULL);
	r1 = tk_now(CLOCK_MONOTONIC_RAW);
	tk_enter(self->ns);
	read_state(elapsed ? "elapsed" : "frozen", self->text, sizeof(self->text));
	tk_adjtimex(&x);
	tk_leave();
	r2 = tk_now(CLOCK_MONOTONIC_RAW);
	tk_sleep(30 * TK_MSEC);
	w1 = tk_now(CLOCK_MONOTONIC_RAW);
	ns = new_with(self->text, &ret);
	w2 = tk_now(CLOCK_MONOTONIC_RAW);
	REQUIRE(!ret, "restore: %s\n%s", strerror(-ret), self->text);
	/* Steering of the host is below a thousandth, and it is a matter of a second */
	gap = (struct tk_iv){ w1 - r2 - (w1 - r2) / 1000, w2 - r1 + (w2 - r1) / 1000 };
	for (i = 0; i < CLKS; i++) {
		struct tk_iv b = tk_cross(ns, clks[i], 300, NULL);
		bool runs = elapsed && clks[i] != CLOCK_MONOTONIC &&
			    clks[i] != CLOCK_MONOTONIC_RAW;
		s64 lo = b.lo - a[i].hi, hi = b.hi - a[i].lo;

		if (runs)
			CHECK(lo <= SLACK && hi >= -SLACK,
			      "clock %d is %" PRId64 "..%" PRId64 " ns off", clks[i], lo, hi);
		else
			CHECK(-hi <= gap.hi + SLACK && -lo >= gap.lo - SLACK,
			      "clock %d stood for %" PRId64 "..%" PRId64 " ns, not %" PRId64 "..%"
			      PRId64, clks[i], -hi, -lo, gap.lo, gap.hi);
	}
	tk_enter(ns);
	CHECK_STATE("own");
	tk_adjtimex(&y);
	same_timex(&x, &y);
	/* It is its own clock: what is set there is not seen elsewhere */
	CHECK(tk_step(TK_SEC) >= 0, "ADJ_SETOFFSET: %m");
	tk_leave();
	CHECK_IV_MEET(a[0], tk_cross(self->ns, CLOCK_REALTIME, 300, NULL), SLACK, "the first one");
}

TEST_F(save, elapsed)
{
	check_restored(self, true);
}

TEST_F(save, frozen)
{
	check_restored(self, false);
}

/* For tasks which are inside, nothing steps which never does. */
TEST_F(save, entered)
{
	static const int kept[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW };
	struct tk_iv real, was[TK_ARRAY(kept)];
	int other = tk_ns_own(5 * TK_YEAR * TK_SEC), ret;
	size_t i;

	tk_enter(self->ns);
	steer();
	read_state("elapsed", self->text, sizeof(self->text));
	tk_leave();
	real = tk_cross(self->ns, CLOCK_REALTIME, 300, NULL);
	for (i = 0; i < TK_ARRAY(kept); i++)
		was[i] = tk_cross(other, kept[i], 300, NULL);
	tk_enter(other);
	ret = tk_write_file(TK_CLOCK_FILE, self->text);
	CHECK(!ret, "restore: %s", strerror(-ret));
	tk_leave();
	CHECK_IV_MEET(real, tk_cross(other, CLOCK_REALTIME, 300, NULL), SLACK, "REALTIME");
	for (i = 0; i < TK_ARRAY(kept); i++)
		CHECK_IV_MEET(was[i], tk_cross(other, kept[i], 300, NULL), SLACK,
			      "a clock which never steps");
}

/* What a clock is in the middle of, goes on: a leap second which is armed */
TEST_F(save, leap_is_armed)
{
	struct tk_timex tx = { .modes = ADJ_STATUS, .status = STA_INS };
	s64 give_up = tk_give_up();
	int ns, ret, state;

	tk_enter(self->ns);
	CHECK(!tk_settime(CLOCK_REALTIME, TK_MIDNIGHT / TK_SEC - 3, 0), "clock_settime: %m");
	CHECK(tk_adjtimex(&tx) >= 0, "STA_INS: %m");
	tx = (struct tk_timex){ .modes = ADJ_TAI, .constant = 37 };
	CHECK(tk_adjtimex(&tx) >= 0, "ADJ_TAI: %m");
	read_state("frozen", self->text, sizeof(self->text));
	tk_leave();
	ns = new_with(self->text, &ret);
	REQUIRE(!ret, "restore: %s", strerror(-ret));
	tk_enter(ns);
	do {
		tk_sleep(10 * TK_MSEC);
		tx = (struct tk_timex){ 0 };
		tk_adjtimex(&tx);
		state = tx.tai;
	} while (state == 37 && tk_vnow(CLOCK_MONOTONIC_RAW) < give_up);
	CHECK(state == 38, "TAI is %d ahead", state);
	tk_leave();
}

/* Whatever is wrong is an error, and nothing changes. */
TEST_F(save, errors)
{
	static const struct {
		const char *old, *new;
		int ret;
	} bad[] = {
		{ "version    1\n", "version    2\n", -EPROTONOSUPPORT },
		{ "version    1\n", "", -EINVAL },
		{ "\nend\n", "\n", -EINVAL },
		{ "\nend\n", "\nend\nmore\n", -EINVAL },
		{ "restore frozen", "restore later", -EINVAL },
		{ "restore frozen\n", "restore frozen ", -EINVAL },
		{ "restore frozen\n", "restore\n", -EINVAL },
		{ "taioffset  37", "taioffset  370000", -ERANGE },
		{ "taioffset  37", "taioffset  3x", -EINVAL },
		{ "speed      1 1 0", "speed      3000 1 0", -ERANGE },
		{ "speed      1 1 0", "speed      2 2 0", -EINVAL },
		{ "policy     step", "policy     smear fast", -EINVAL },
		{ "\nzone ", "\nzones ", -EINVAL },
	};
	struct tk_timex x = { 0 }, y = { 0 };
	struct tk_iv was;
	size_t i;
	int ret;

	tk_enter(self->ns);
	steer();
	read_state("frozen", self->text, sizeof(self->text));
	was = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 300);
	tk_adjtimex(&x);
	for (i = 0; i < TK_ARRAY(bad); i++) {
		const char *at = strstr(self->text, bad[i].old);
		char text[4096];

		REQUIRE(at, "no '%s' in\n%s", bad[i].old, self->text);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - self->text), self->text,
			 bad[i].new, at + strlen(bad[i].old));
		ret = tk_write_file(TK_CLOCK_FILE, text);
		CHECK(ret == bad[i].ret, "'%s': %s, not %s", bad[i].new, strerror(-ret),
		      strerror(-bad[i].ret));
	}
	CHECK_IV_MEET(was, tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 300), 0, "REALTIME");
	tk_adjtimex(&y);
	same_timex(&x, &y);
	tk_leave();
	/* The initial one has no clock of its own to restore. */
	ret = tk_write_file(TK_CLOCK_FILE, self->text);
	CHECK(ret == -EINVAL, "in the initial namespace: %s", strerror(-ret));
	ret = tk_write_file(TK_CLOCK_FILE, "stop");
	CHECK(ret == -EINVAL, "stop in the initial namespace: %s", strerror(-ret));
}

/* A follower has no state but its offsets. */
TEST_F(save, follower)
{
	char text[4096];
	int ns = tk_ns_new();

	tk_enter(ns);
	tk_slurp(TK_CLOCK_FILE, text, sizeof(text));
	CHECK(!strstr(text, "version"), "read\n%s", text);
	CHECK(!tk_write_file(TK_CLOCK_FILE, "go"), "go");
	CHECK_STATE("follow");
	tk_leave();
}

/* ------------------------------------------------------------- clocks which stand */

static void command(const char *text)
{
	int ret = tk_write_file(TK_CLOCK_FILE, text);

	REQUIRE(!ret, "%s: %s", text, strerror(-ret));
}

static void read_all_ways(s64 t[TK_CLOCKS][TK_PATHS])
{
	size_t c;
	int p;

	for (c = 0; c < TK_CLOCKS; c++)
		for (p = 0; p < TK_PATHS; p++)
			if (tk_path_exists(p) && tk_gettime(p, tk_clocks[c].id, &t[c][p]))
				t[c][p] = 0;
}

/* Each clock, by each way to read it: the system call, the fast path, the coarse ones */
TEST_F(save, stands)
{
	static s64 then[TK_CLOCKS][TK_PATHS], now[TK_CLOCKS][TK_PATHS], after[TK_CLOCKS][TK_PATHS];
	size_t c;
	int i, p;

	for (i = 0; i < 20; i++) {
		tk_enter(self->ns);
		command("stop");
		read_all_ways(then);
		tk_leave();
		tk_sleep(20 * TK_MSEC);
		tk_enter(self->ns);
		read_all_ways(now);
		for (c = 0; c < TK_CLOCKS; c++) {
			for (p = 0; p < TK_PATHS; p++) {
				if (!tk_path_exists(p))
					continue;
				CHECK(now[c][p] == then[c][p], "%s by %s went on by %" PRId64 " ns",
				      tk_clocks[c].name, tk_path_name[p], now[c][p] - then[c][p]);
				CHECK(now[c][p] == now[c][TK_SYS], "%s by %s is %" PRId64
				      " ns off the system call", tk_clocks[c].name, tk_path_name[p],
				      now[c][p] - now[c][TK_SYS]);
			}
		}
		command("go");
		read_all_ways(after);
		for (c = 0; c < TK_CLOCKS; c++)
			for (p = 0; p < TK_PATHS; p++)
				CHECK(!tk_path_exists(p) || after[c][p] >= now[c][p],
				      "%s by %s went back by %" PRId64 " ns", tk_clocks[c].name,
				      tk_path_name[p], now[c][p] - after[c][p]);
		tk_leave();
	}
}

static void *wait_for_a_moment(void *arg)
{
	tw_once(arg, 2 * TK_MSEC);
	return NULL;
}

/* Every way to wait */
static int wait_in_every_way(void *arg)
{
	s64 probe;
	size_t i;

	tk_enter(*(int *)arg);
	for (i = 0; i < TW_KINDS; i++) {
		if ((tw_kinds[i].flags & TW_ALARM) && tk_gettime(TK_SYS, tw_kinds[i].clk, &probe))
			continue;
		tw_in_thread(wait_for_a_moment, (void *)&tw_kinds[i]);
	}
	return 0;
}

/* What is written to a new namespace before the first task enters it, one after the other */
#define LONG "monotonic 29131424 506643155\nboottime 29131424 506643155\n"
#define SHORT "monotonic -1 0\nboottime 0 0\n"

static void check_waits(const char *offsets, const char *command, const char *offsets_again)
{
	const char *const text[] = { offsets, command, offsets_again };
	static const char *const file[] = {
		"/proc/self/timens_offsets", TK_CLOCK_FILE, "/proc/self/timens_offsets",
	};
	int ns, ret;
	size_t i;

	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	ns = tk_open_ns("/proc/self/ns/time_for_children");
	for (i = 0; i < TK_ARRAY(text); i++) {
		ret = text[i] ? tk_write_file(file[i], text[i]) : 0;
		REQUIRE(!ret, "%s: %s of %s", file[i], strerror(-ret), text[i]);
	}
	tk_leave();
	RUN(wait_in_every_way, &ns);
	close(ns);
}

/* Before the first task, MONOTONIC may be set to less than it was at first: nobody saw that. */
TEST_F(save, waits_in_one_that_was_set_back)
{
	static const char *const how[] = { "frozen", "elapsed" };
	size_t i;

	for (i = 0; i < TK_ARRAY(how); i++) {
		tk_enter(self->ns);
		read_state(how[i], self->text, sizeof(self->text));
		tk_leave();
		check_waits(NULL, self->text, NULL);
		check_waits(LONG, self->text, NULL);
		check_waits(NULL, self->text, LONG);
	}
	check_waits(LONG, "leap smear google", SHORT);
}

static int shared_pipe[2];

/* A child in the namespace, which waits in one of these ways for a while of its clock */
static int wait_inside(void *arg)
{
	struct timespec ts = { .tv_nsec = 150 * TK_MSEC };
	struct timeval tv = { .tv_usec = 150000 };
	struct epoll_event event;
	s64 start = tk_now(CLOCK_MONOTONIC), end;
	struct itimerspec its = { .it_value = ts };
	uint64_t expired;
	sigset_t set;
	char done = 0;
	int fd;

	switch ((intptr_t)arg) {
	case 0:
		nanosleep(&ts, NULL);
		break;
	case 1:
		poll(NULL, 0, 150);
		break;
	case 2:
		select(0, NULL, NULL, NULL, &tv);
		break;
	case 3:
		fd = epoll_create1(0);
		epoll_wait(fd, &event, 1, 150);
		break;
	case 4:
		fd = timerfd_create(CLOCK_BOOTTIME, 0);
		timerfd_settime(fd, 0, &its, NULL);
		if (read(fd, &expired, sizeof(expired)) < 0)
			return 1;
		break;
	case 5:
		sigemptyset(&set);
		sigaddset(&set, SIGUSR2);
		sigprocmask(SIG_BLOCK, &set, NULL);
		sigtimedwait(&set, NULL, &ts);
		break;
	}
	end = tk_now(CLOCK_MONOTONIC);
	start += 150 * TK_MSEC;
	CHECK(end >= start, "way %d: %" PRId64 " ns early", (int)(intptr_t)arg, start - end);
	return write(shared_pipe[1], &done, 1) != 1;
}

#define WAYS 6

/* Armed while the clock stands: they begin to wait, and end when it has gone on for so long. */
TEST_F(save, waits_begin_while_it_stands)
{
	struct pollfd ready = { .events = POLLIN };
	pid_t pid[WAYS];
	intptr_t i;

	REQUIRE(!pipe(shared_pipe), "pipe: %m");
	ready.fd = shared_pipe[0];
	tk_enter(self->ns);
	command("stop");
	for (i = 0; i < WAYS; i++)
		pid[i] = tk_spawn(wait_inside, (void *)i);
	tk_leave();
	CHECK(!poll(&ready, 1, 600), "somebody came while the clock stood");
	tk_enter(self->ns);
	command("go");
	for (i = 0; i < WAYS; i++)
		CHECK(!tk_reap(pid[i]), "way %d", (int)i);
	tk_leave();
	close(shared_pipe[0]);
	close(shared_pipe[1]);
}

static void note_signal(int sig)
{
	(void)sig;
}

static int sleep_until_signal(void *arg)
{
	struct timespec ts = { .tv_sec = 5 }, left = { 0 };
	struct sigaction sa = { .sa_handler = note_signal };
	char done = 0;

	(void)arg;
	/* What is left has the slack of the timer on top */
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	sigaction(SIGUSR1, &sa, NULL);
	if (write(shared_pipe[1], &done, 1) != 1)
		return 1;
	/* The clock stands, so that nothing of it is over */
	CHECK(nanosleep(&ts, &left) < 0 && errno == EINTR, "not interrupted");
	CHECK(left.tv_sec == 5 && left.tv_nsec <= 1, "%lld.%09lld s are left of 5",
	      (long long)left.tv_sec, (long long)left.tv_nsec);
	return 0;
}

TEST_F(save, signals_interrupt)
{
	char done;
	pid_t pid;
	int i;

	REQUIRE(!pipe(shared_pipe), "pipe: %m");
	tk_enter(self->ns);
	command("stop");
	pid = tk_spawn(sleep_until_signal, NULL);
	tk_leave();
	REQUIRE(read(shared_pipe[0], &done, 1) == 1, "read: %m");
	tk_sleep(100 * TK_MSEC);
	for (i = 0; i < 50 && !kill(pid, SIGUSR1); i++) {
		tk_sleep(20 * TK_MSEC);
		if (waitid(P_PID, pid, &(siginfo_t){ 0 }, WEXITED | WNOHANG | WNOWAIT))
			break;
	}
	CHECK(!tk_reap(pid), "the sleeper");
	close(shared_pipe[0]);
	close(shared_pipe[1]);
}

/* As if the machine had slept: the date is right at once, and CLOCK_MONOTONIC has not run. */
TEST_F(save, goes_on_elapsed)
{
	struct tk_iv real = tk_cross(self->ns, CLOCK_REALTIME, 300, NULL);
	struct tk_iv boot = tk_cross(self->ns, CLOCK_BOOTTIME, 300, NULL);
	struct tk_iv mono = tk_cross(self->ns, CLOCK_MONOTONIC, 300, NULL), is;
	s64 r1, r2, w1, w2;

	r1 = tk_now(CLOCK_MONOTONIC_RAW);
	tk_enter(self->ns);
	command("stop");
	tk_leave();
	r2 = tk_now(CLOCK_MONOTONIC_RAW);
	tk_sleep(50 * TK_MSEC);
	w1 = tk_now(CLOCK_MONOTONIC_RAW);
	tk_enter(self->ns);
	command("go elapsed");
	tk_leave();
	w2 = tk_now(CLOCK_MONOTONIC_RAW);
	CHECK_IV_MEET(real, tk_cross(self->ns, CLOCK_REALTIME, 300, NULL), SLACK, "REALTIME");
	CHECK_IV_MEET(boot, tk_cross(self->ns, CLOCK_BOOTTIME, 300, NULL), SLACK, "BOOTTIME");
	is = tk_cross(self->ns, CLOCK_MONOTONIC, 300, NULL);
	/* See check_restored() */
	CHECK(mono.lo - is.hi <= w2 - r1 + (w2 - r1) / 1000 + SLACK &&
	      mono.hi - is.lo >= w1 - r2 - (w1 - r2) / 1000 - SLACK,
	      "MONOTONIC stood for %" PRId64 "..%" PRId64 " ns, not %" PRId64 "..%" PRId64,
	      mono.lo - is.hi, mono.hi - is.lo, w1 - r2, w2 - r1);
}

/* A stopped clock is set, saved and restored as any other, and given back. */
TEST_F(save, stopped_is_set_saved_given_back)
{
	s64 real, mono;
	int ns, ret;

	tk_enter(self->ns);
	command("stop");
	CHECK(!tk_settime(CLOCK_REALTIME, 1234567890, 5), "clock_settime: %m");
	real = tk_now(CLOCK_REALTIME);
	mono = tk_now(CLOCK_MONOTONIC);
	CHECK(real == 1234567890 * TK_SEC + 5, "REALTIME is %" PRId64, real);
	command("rate 2");
	read_state("elapsed", self->text, sizeof(self->text));
	tk_leave();
	tk_sleep(30 * TK_MSEC);
	ns = new_with(self->text, &ret);
	REQUIRE(!ret, "restore: %s", strerror(-ret));
	tk_enter(ns);
	CHECK(tk_now(CLOCK_REALTIME) == real, "REALTIME is %" PRId64, tk_now(CLOCK_REALTIME));
	CHECK(tk_now(CLOCK_MONOTONIC) == mono, "MONOTONIC is %" PRId64, tk_now(CLOCK_MONOTONIC));
	command("go");
	tk_sleep(TK_MSEC);
	CHECK(tk_now(CLOCK_MONOTONIC) > mono, "it stands");
	tk_enter(self->ns);
	CHECK(!tk_follow(), "follow");
	CHECK(tk_now(CLOCK_MONOTONIC) >= mono, "MONOTONIC went back");
	CHECK_STATE("follow");
	tk_leave();
}

TEST_HARNESS_MAIN
