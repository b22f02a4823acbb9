// SPDX-License-Identifier: GPL-2.0
/*
 * Who a process is: (pid, start time).
 *
 * For one viewer's namespace and one process, field 22 of /proc/PID/stat never changes,
 * whatever is done to the clock. It is what BOOTTIME of the viewer was at the start:
 *
 *	native	forked in the viewer's namespace	between two readings around the fork
 *	guest	forked elsewhere			the same, within a tick of the host
 *	older	forked before it owned its clock	the constant offset that it had then
 *
 * A tick of the host is as much as the rate makes of it on the viewer's clock. A guest is
 * looked up in the log of lines, which the clock may leave by a millisecond times the rate
 * (two when an eighth of the log is used up). After a fast clock that lasts until the
 * present line has reached the end of the last: the order of starts is kept.
 */
#include "lib/tk.h"

#include <pthread.h>

#define MAX 48

static long hz;

static s64 ticks(s64 ns)
{
	return tk_floor_div(ns, TK_SEC / hz);
}

static int sleeper(void *arg)
{
	(void)arg;
	pause();
	return 0;
}

static int write_clock(const char *text)
{
	return tk_write_file(TK_CLOCK_FILE, text);
}

static void take(const char *text)
{
	int ret = write_clock(text);

	CHECK(!ret, "'%s': %s", text, strerror(-ret));
}

/* Time passes, whatever the clock of the namespace makes of it */
static void wait_on_host(int fd, s64 ns)
{
	tk_leave();
	tk_sleep(ns);
	tk_enter(fd);
}

/**
 * struct someone - A process and what it was seen to start at
 * @pid:	The process
 * @start:	Field 22 when it was looked at first
 * @kind:	For messages
 */
struct someone {
	pid_t pid;
	s64 start;
	const char *kind;
};

struct people {
	struct someone one[MAX];
	int nr;
};

static void look_at(struct people *p, pid_t pid, const char *kind)
{
	REQUIRE(p->nr < MAX, "too many");
	p->one[p->nr++] = (struct someone){ pid, tk_start_time(pid), kind };
}

/* Nobody has changed. Returns false at the first who has */
static bool same_people(const struct people *p, const char *after)
{
	bool same = true;
	int i;

	for (i = 0; i < p->nr; i++) {
		s64 now = tk_start_time(p->one[i].pid);

		same &= CHECK(now == p->one[i].start, "%s of pid %d: %" PRId64
			      " after %s, %" PRId64 " before", p->one[i].kind, p->one[i].pid,
			      now, after, p->one[i].start);
	}
	return same;
}

static void let_go(struct people *p)
{
	while (p->nr) {
		p->nr--;
		kill(p->one[p->nr].pid, SIGKILL);
		tk_reap(p->one[p->nr].pid);
	}
}

/* Forked here: exact to the clock tick */
static void fork_native(struct people *p)
{
	s64 a = tk_now(CLOCK_BOOTTIME), b;
	pid_t pid = tk_spawn(sleeper, NULL);

	b = tk_now(CLOCK_BOOTTIME);
	look_at(p, pid, "native");
	CHECK_BETWEEN(ticks(a), p->one[p->nr - 1].start, ticks(b), "start of a native");
}

/* Forked on the host: within what the rate makes of a tick */
static void fork_guest(struct people *p, int fd, s64 rate)
{
	s64 a = tk_now(CLOCK_BOOTTIME), b;
	s64 slack = 1 + ticks(2 * rate * TK_MSEC);
	pid_t pid;

	tk_leave();
	pid = tk_spawn(sleeper, NULL);
	tk_enter(fd);
	b = tk_now(CLOCK_BOOTTIME);
	look_at(p, pid, "guest");
	CHECK_BETWEEN(ticks(a) - slack, p->one[p->nr - 1].start, ticks(b) + slack,
		      "start of a guest");
}

TK_FIXTURE(ident);

/* In steps of a tick at most, or the check of field 22 could not see it (case A) */
TEST_F(ident, steered)
{
	struct tk_timex tx = { .modes = ADJ_TICK };
	static const int tick[] = { 11000, 9000, 10000, 10001, 11000 };
	struct people p = { .nr = 0 };
	int fd, ret;
	size_t i;

	hz = sysconf(_SC_CLK_TCK);
	fd = tk_ns_new();
	tk_enter(fd);
	look_at(&p, getppid(), "older");
	tk_make_own();
	fork_native(&p);
	for (i = 0; i < TK_ARRAY(tick); i++) {
		tx.tick = tick[i];
		ret = tk_adjtimex(&tx);
		CHECK(ret >= 0, "tick %d: %s", tick[i], strerror(-ret));
		wait_on_host(fd, 1500 * TK_MSEC);
		fork_guest(&p, fd, 1);
		fork_native(&p);
		if (!same_people(&p, "steering"))
			break;
	}
	p.one[0] = p.one[--p.nr];	/* not our child */
	let_go(&p);
}

/* The second time it changes nothing (case B) */
TEST_F(ident, same_rate_twice)
{
	struct people p = { .nr = 0 };
	int fd;

	hz = sysconf(_SC_CLK_TCK);
	fd = tk_ns_new();
	tk_enter(fd);
	take("rate 1000");
	fork_native(&p);
	wait_on_host(fd, 100 * TK_MSEC);
	fork_guest(&p, fd, 1000);
	wait_on_host(fd, 200 * TK_MSEC);
	take("rate 1000");
	same_people(&p, "the same rate again");
	take("rate 1");
	wait_on_host(fd, 100 * TK_MSEC);
	fork_native(&p);
	fork_guest(&p, fd, 1);
	same_people(&p, "rate 1");
	let_go(&p);
}

/* A clock that was nearly stopped (case C) */
TEST_F(ident, slow_and_back)
{
	struct people p = { .nr = 0 };
	int fd;

	hz = sysconf(_SC_CLK_TCK);
	fd = tk_ns_new();
	tk_enter(fd);
	take("rate 1/1000");
	fork_native(&p);
	wait_on_host(fd, 500 * TK_MSEC);
	fork_native(&p);
	fork_guest(&p, fd, 1);
	take("rate 1");
	same_people(&p, "rate 1");
	wait_on_host(fd, 200 * TK_MSEC);
	fork_native(&p);
	fork_guest(&p, fd, 1);
	same_people(&p, "some time at rate 1");
	let_go(&p);
}

/* Older than the boot of the viewer, who follows or owns: zero, not 2^64 */
TEST_F(ident, below_zero)
{
	char offsets[64];
	int fd, own;

	hz = sysconf(_SC_CLK_TCK);
	snprintf(offsets, sizeof(offsets), "boottime %" PRId64 " 0\n",
		 (s64)-(tk_now(CLOCK_BOOTTIME) / TK_SEC));
	fd = tk_ns_new_offsets(offsets);
	tk_enter(fd);
	for (own = 0; own < 2; own++) {
		s64 start = tk_start_time(1), now = ticks(tk_now(CLOCK_BOOTTIME));

		CHECK(start == 0, "process 1 started at %" PRId64 ", now it is %" PRId64,
		      start, now);
		tk_make_own();
	}
}

/* Offsets written before the first task enters move the past along, as in mainline. */
TEST_F(ident, offsets_of_a_copy)
{
	int fd = tk_ns_own(1000 * TK_SEC), copy, i;
	s64 start, moved;

	hz = sysconf(_SC_CLK_TCK);
	for (i = 0; i < 2; i++) {
		tk_enter(fd);
		if (i)
			CHECK(!tk_follow(), "follow");
		start = tk_start_time(getpid());
		copy = tk_ns_new_offsets("boottime 5000 0\n");
		tk_leave();
		moved = tk_start_time(getpid()) + 5000 * hz;
		tk_enter(copy);
		/* The clock of an owner has moved against the host by nanoseconds at most. */
		CHECK_BETWEEN(moved - 1, tk_start_time(getpid()), moved + 1, "start in the copy");
		CHECK(tk_start_time(getpid()) != start, "the copy did not move");
		tk_leave();
	}
}

static void *exec_thread(void *arg)
{
	execlp("sleep", "sleep", "1000000", (char *)NULL);
	return arg;
}

/* A thread which calls exec becomes the process, and started when that did. */
static int exec_from_thread(void *arg)
{
	pthread_t t;

	tk_sleep(300 * TK_MSEC);
	REQUIRE(!pthread_create(&t, NULL, exec_thread, arg), "pthread_create");
	pthread_join(t, NULL);
	return 1;
}

TEST_F(ident, exec_from_a_thread)
{
	struct people p = { .nr = 0 };
	char comm[64], path[64];
	pid_t pid;
	int fd;

	hz = sysconf(_SC_CLK_TCK);
	fd = tk_ns_own(0);
	tk_enter(fd);
	pid = tk_spawn(exec_from_thread, NULL);
	look_at(&p, pid, "thread group");
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	do {
		tk_sleep(20 * TK_MSEC);
		tk_slurp(path, comm, sizeof(comm));
	} while (strcmp(comm, "sleep"));
	same_people(&p, "exec");
	let_go(&p);
}

/*
 * Any sequence of what can be done to a clock. The clocksource and the host's clock are
 * the machine's, so this runs alone, and the host is put back by the guard.
 */
TK_FIXTURE_UNWATCHED(anything);

static u64 rnd;

static unsigned int below(unsigned int n)
{
	rnd ^= rnd << 13;
	rnd ^= rnd >> 7;
	rnd ^= rnd << 17;
	return (rnd >> 11) % n;
}

static void change_source(unsigned int which)
{
	static const char *const name[] = { "tsc", "hpet", "acpi_pm" };
	int ret = tk_write_file(TK_CLOCKSOURCE "current_clocksource", name[which]);

	CHECK(!ret, "clocksource %s: %s", name[which], strerror(-ret));
}

static void host_tick(int fd, int tick)
{
	struct tk_timex tx = { .modes = ADJ_TICK, .tick = tick };
	int ret;

	tk_leave();
	ret = tk_adjtimex(&tx);
	CHECK(ret >= 0, "tick %d of the host: %s", tick, strerror(-ret));
	tk_enter(fd);
}

/* Returns what was done, for the message */
static const char *anything_at_all(int fd, s64 *rate)
{
	static const struct {
		const char *text;
		s64 rate;
	} rates[] = {
		{ "rate 1", 1 }, { "rate 2000", 2000 }, { "rate 1/1000", 1 }, { "rate 7.25", 8 },
		{ "rate 60", 60 }, { "rate 0.5", 1 },
	};
	static const char *const leaps[] = {
		"leap step", "leap smear linear 86400 before", "leap smear google",
	};
	struct tk_timex tx = { .modes = 0 };
	unsigned int i;
	int ret;

	switch (below(10)) {
	case 0:
		i = below(TK_ARRAY(rates));
		take(rates[i].text);
		*rate = rates[i].rate;
		return rates[i].text;
	case 1:
		tx.modes = ADJ_TICK;
		tx.tick = 9000 + below(2001);
		break;
	case 2:
		tx.modes = ADJ_FREQUENCY;
		tx.freq = (int)below(2 * 32768000) - 32768000;
		break;
	case 3:
		tx.modes = ADJ_OFFSET_SINGLESHOT;
		tx.offset = (int)below(1000000) - 500000;
		break;
	case 4:
		tx.modes = ADJ_STATUS | ADJ_OFFSET | ADJ_NANO | ADJ_TIMECONST;
		tx.status = STA_PLL;
		tx.offset = (int)below(400000000) - 200000000;
		break;
	case 5:
		ret = tk_step(((int)below(200000) - 100000) * TK_SEC / 7);
		CHECK(ret >= 0, "step: %s", strerror(-ret));
		return "a step";
	case 6:
		CHECK(!tk_follow(), "follow");
		*rate = 1;
		return "follow";
	case 7:
		ret = write_clock(leaps[below(TK_ARRAY(leaps))]);
		CHECK(!ret || ret == -EBUSY, "leap: %s", strerror(-ret));
		return "a leap policy";
	case 8:
		change_source(below(3));
		return "another clocksource";
	default:
		host_tick(fd, 9000 + below(2001));
		return "the host's tick";
	}
	ret = tk_adjtimex(&tx);
	CHECK(ret >= 0, "adjtimex(%x): %s", tx.modes, strerror(-ret));
	return "adjtimex";
}

TEST_F(anything, never_changes)
{
	const char *given = getenv("TK_SEED");
	u64 seed = given ? strtoull(given, NULL, 0) : (u64)tk_now(CLOCK_MONOTONIC);
	struct people p = { .nr = 0 };
	struct tk_guard guard;
	s64 rate = 1, fastest = 1;
	int fd, n;

	hz = sysconf(_SC_CLK_TCK);
	rnd = seed | 1;
	TH_LOG("TK_SEED=%llu", (unsigned long long)seed);
	tk_guard_start(&guard);
	fd = tk_ns_new_offsets("boottime 777 123456789\n");
	tk_enter(fd);
	fork_native(&p);
	p.one[0].kind = "older";
	for (n = 0; n < 120 && !tk_failures(); n++) {
		const char *done;

		done = anything_at_all(fd, &rate);
		fastest = tk_max(fastest, rate);
		same_people(&p, done);
		if (p.nr < MAX && !below(3))
			fork_native(&p);
		wait_on_host(fd, (1 + below(60)) * TK_MSEC);
		if (p.nr < MAX && !below(3))
			fork_guest(&p, fd, fastest);
		if (!CHECK(!tk_failures(), "step %d, seed %llu: %s", n,
			   (unsigned long long)seed, done))
			break;
	}
	change_source(0);
	let_go(&p);
	tk_leave();
	tk_guard_stop(&guard);
}

TEST_HARNESS_MAIN
