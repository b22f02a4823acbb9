// SPDX-License-Identifier: GPL-2.0
/*
 * Timers and sleeps in namespaces whose clocks are far from the host's.
 *
 * An absolute expiry is a time on the clock of the namespace in which it was armed.
 * Taken for a time on the host's clock it would be a year early or a year late:
 *
 *	host REALTIME	----------|now------------------------------------
 *	ns REALTIME	----------------------------- a year -----|now-|+50 ms
 *
 * So what is asserted is: not early on the namespace's own clock, and at all. How late
 * it is depends on the machine, and is not judged.
 */
#include "lib/tk.h"

#include <linux/futex.h>
#include <mqueue.h>
#include <semaphore.h>
#include <sys/timerfd.h>

FIXTURE(timer)
{
	int fd;
};

FIXTURE_VARIANT(timer)
{
	bool own;
	s64 ahead;
	const char *offsets;
};

FIXTURE_VARIANT_ADD(timer, host)
{
	.own = false,
};

FIXTURE_VARIANT_ADD(timer, follow)
{
	.own = false,
	.offsets = "monotonic 864000 0\nboottime 1728000 0\n",
};

FIXTURE_VARIANT_ADD(timer, own)
{
	.own = true,
	.offsets = "monotonic 864000 0\nboottime 1728000 0\n",
};

FIXTURE_VARIANT_ADD(timer, own_year_ahead)
{
	.own = true,
	.ahead = TK_YEAR * TK_SEC,
	.offsets = "monotonic 864000 0\nboottime 1728000 0\n",
};

FIXTURE_VARIANT_ADD(timer, own_year_back)
{
	.own = true,
	.ahead = -TK_YEAR * TK_SEC,
	.offsets = "monotonic 864000 0\nboottime 1728000 0\n",
};

/* One that fails hangs for a year: the time limit of the test is what ends it. */
FIXTURE_SETUP(timer)
{
	ASSERT_EQ(0, tk_setup());
	self->fd = tk_host_fd;
	if (variant->offsets)
		self->fd = tk_ns_with(variant->offsets, variant->own, variant->ahead, 0);
	tk_enter(self->fd);
}

FIXTURE_TEARDOWN(timer)
{
	EXPECT_EQ(0, tk_teardown());
}

#define AHEAD (50 * TK_MSEC)

static const int sleepable[] = { CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_BOOTTIME };

static struct tk_ts to_ts(s64 ns)
{
	return (struct tk_ts){ ns / TK_SEC, ns % TK_SEC };
}

static struct itimerspec to_its(s64 ns)
{
	return (struct itimerspec){
		.it_value = { .tv_sec = ns / TK_SEC, .tv_nsec = ns % TK_SEC },
	};
}

/* Run out, on the clock of the namespace, and not a moment before */
static void check_over(int clk, s64 at, const char *what)
{
	s64 now = tk_now(clk);

	CHECK(now >= at, "%s on clock %d: %" PRId64 " ns early", what, clk, at - now);
}

TEST_F(timer, clock_nanosleep_absolute)
{
	size_t i;
	int ret;

	for (i = 0; i < TK_ARRAY(sleepable); i++) {
		s64 at = tk_now(sleepable[i]) + AHEAD;
		struct tk_ts ts = to_ts(at);

		ret = TK_RET(syscall(TK_NR_nanosleep, sleepable[i], TIMER_ABSTIME, &ts, NULL));
		CHECK(!ret, "clock_nanosleep(%d): %s", sleepable[i], strerror(-ret));
		check_over(sleepable[i], at, "clock_nanosleep");
		/* What is over already returns at once: yesterday, and the epoch. */
		ts = to_ts(at - TK_DAY * TK_SEC);
		ret = TK_RET(syscall(TK_NR_nanosleep, sleepable[i], TIMER_ABSTIME, &ts, NULL));
		CHECK(!ret || at < TK_DAY * TK_SEC, "clock_nanosleep(%d): %s", sleepable[i],
		      strerror(-ret));
		ts = to_ts(0);
		ret = TK_RET(syscall(TK_NR_nanosleep, sleepable[i], TIMER_ABSTIME, &ts, NULL));
		CHECK(!ret, "clock_nanosleep(%d): %s", sleepable[i], strerror(-ret));
	}
}

TEST_F(timer, clock_nanosleep_relative)
{
	size_t i;
	int ret;

	for (i = 0; i < TK_ARRAY(sleepable); i++) {
		s64 at = tk_now(sleepable[i]) + AHEAD;
		struct tk_ts ts = to_ts(AHEAD);

		ret = TK_RET(syscall(TK_NR_nanosleep, sleepable[i], 0, &ts, NULL));
		CHECK(!ret, "clock_nanosleep(%d): %s", sleepable[i], strerror(-ret));
		/* The two clocks of one rate may be a few nanoseconds apart by then. */
		check_over(sleepable[i], at - tk_unit(TK_SEC), "relative clock_nanosleep");
	}
}

TEST_F(timer, timerfd_absolute)
{
	static const int clk[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	struct itimerspec left;
	struct pollfd p;
	uint64_t ticks;
	size_t i;
	int fd;

	for (i = 0; i < TK_ARRAY(clk); i++) {
		s64 at, left_ns;
		struct itimerspec its;

		fd = timerfd_create(clk[i], TFD_CLOEXEC);
		REQUIRE(fd >= 0, "timerfd_create(%d): %m", clk[i]);
		/* An hour ahead it says that about an hour is left, not a year and not none. */
		its = to_its(tk_now(clk[i]) + 3600 * TK_SEC);
		CHECK(!timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, NULL), "timerfd_settime: %m");
		CHECK(!timerfd_gettime(fd, &left), "timerfd_gettime: %m");
		left_ns = tk_ns(left.it_value.tv_sec, left.it_value.tv_nsec);
		CHECK(left_ns > 0 && left_ns <= 3600 * TK_SEC + tk_unit(TK_SEC),
		      "clock %d: %" PRId64 " ns left of an hour", clk[i], left_ns);
		at = tk_now(clk[i]) + AHEAD;
		its = to_its(at);
		CHECK(!timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, NULL), "timerfd_settime: %m");
		p = (struct pollfd){ .fd = fd, .events = POLLIN };
		CHECK(poll(&p, 1, -1) == 1, "poll: %m");
		check_over(clk[i], at, "timerfd");
		CHECK(read(fd, &ticks, sizeof(ticks)) == sizeof(ticks) && ticks == 1, "ticks");
		close(fd);
	}
}

TEST_F(timer, posix_timer_absolute)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	REQUIRE(!sigprocmask(SIG_BLOCK, &set, NULL), "sigprocmask: %m");
	for (i = 0; i < TK_ARRAY(sleepable); i++) {
		struct itimerspec its, left;
		timer_t timer;
		s64 at, left_ns;
		int sig;

		REQUIRE(!timer_create(sleepable[i], &ev, &timer), "timer_create(%d): %m",
			sleepable[i]);
		its = to_its(tk_now(sleepable[i]) + 3600 * TK_SEC);
		CHECK(!timer_settime(timer, TIMER_ABSTIME, &its, NULL), "timer_settime: %m");
		CHECK(!timer_gettime(timer, &left), "timer_gettime: %m");
		left_ns = tk_ns(left.it_value.tv_sec, left.it_value.tv_nsec);
		CHECK(left_ns > 0 && left_ns <= 3600 * TK_SEC + tk_unit(TK_SEC),
		      "clock %d: %" PRId64 " ns left of an hour", sleepable[i], left_ns);
		at = tk_now(sleepable[i]) + AHEAD;
		its = to_its(at);
		CHECK(!timer_settime(timer, TIMER_ABSTIME, &its, NULL), "timer_settime: %m");
		CHECK(!sigwait(&set, &sig), "sigwait: %m");
		check_over(sleepable[i], at, "timer");
		timer_delete(timer);
	}
}

#ifdef __x86_64__
#define NR_FUTEX SYS_futex
#else
#define NR_FUTEX SYS_futex_time64
#endif

TEST_F(timer, futex_absolute)
{
	static const struct {
		int clk;
		int op;
	} wait[] = {
		{ CLOCK_REALTIME, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME },
		{ CLOCK_MONOTONIC, FUTEX_WAIT_BITSET },
	};
	uint32_t word = 0;
	size_t i;

	for (i = 0; i < TK_ARRAY(wait); i++) {
		s64 at = tk_now(wait[i].clk) + AHEAD;
		struct tk_ts ts = to_ts(at);
		int ret = TK_RET(syscall(NR_FUTEX, &word, wait[i].op, 0, &ts, NULL,
					 FUTEX_BITSET_MATCH_ANY));

		CHECK(ret == -ETIMEDOUT, "futex: %d", ret);
		check_over(wait[i].clk, at, "futex");
	}
}

static int hold_pi_lock(void *arg)
{
	uint32_t *word = arg;
	int ret = TK_RET(syscall(NR_FUTEX, word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));

	REQUIRE(!ret, "FUTEX_LOCK_PI: %s", strerror(-ret));
	for (;;)
		pause();
	return 0;
}

/* FUTEX_LOCK_PI waits on REALTIME. */
TEST_F(timer, futex_lock_pi)
{
	uint32_t *word = tk_shared_page(sizeof(*word));
	pid_t pid = tk_spawn(hold_pi_lock, word);
	struct tk_ts ts;
	s64 at;
	int ret;

	while (!__atomic_load_n(word, __ATOMIC_SEQ_CST))
		tk_sleep(TK_MSEC);
	at = tk_now(CLOCK_REALTIME) + AHEAD;
	ts = to_ts(at);
	ret = TK_RET(syscall(NR_FUTEX, word, FUTEX_LOCK_PI, 0, &ts, NULL, 0));
	CHECK(ret == -ETIMEDOUT, "FUTEX_LOCK_PI: %d", ret);
	check_over(CLOCK_REALTIME, at, "FUTEX_LOCK_PI");
	kill(pid, SIGKILL);
	tk_reap(pid);
}

/* The C library waits by futex on REALTIME. */
TEST_F(timer, sem_timedwait)
{
	struct timespec ts;
	sem_t sem;
	s64 at;

	REQUIRE(!sem_init(&sem, 0, 0), "sem_init: %m");
	at = tk_now(CLOCK_REALTIME) + AHEAD;
	ts = (struct timespec){ at / TK_SEC, at % TK_SEC };
	CHECK(sem_timedwait(&sem, &ts) && errno == ETIMEDOUT, "sem_timedwait: %m");
	check_over(CLOCK_REALTIME, at, "sem_timedwait");
}

TEST_F(timer, mq_timedreceive)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 8 };
	struct timespec ts;
	char name[32], buf[8];
	mqd_t mq;
	s64 at;

	snprintf(name, sizeof(name), "/tk_timers.%d", getpid());
	mq = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	REQUIRE(mq != (mqd_t)-1, "mq_open: %m");
	mq_unlink(name);
	at = tk_now(CLOCK_REALTIME) + AHEAD;
	ts = (struct timespec){ at / TK_SEC, at % TK_SEC };
	CHECK(mq_timedreceive(mq, buf, sizeof(buf), NULL, &ts) < 0 && errno == ETIMEDOUT,
	      "mq_timedreceive: %m");
	check_over(CLOCK_REALTIME, at, "mq_timedreceive");
	mq_close(mq);
}

/* Alarm timers, where the machine has an RTC to wake it */
TEST_F(timer, alarm_timerfd)
{
	static const int clk[] = { CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM };
	struct itimerspec its;
	struct pollfd p;
	size_t i;
	s64 at;

	for (i = 0; i < TK_ARRAY(clk); i++) {
		int fd = timerfd_create(clk[i], TFD_CLOEXEC);
		s64 probe;

		/* Without an RTC the clock itself does not exist; tk_clocks compares that. */
		if (tk_gettime(TK_SYS, clk[i], &probe)) {
			if (fd >= 0)
				close(fd);
			continue;
		}
		REQUIRE(fd >= 0, "timerfd_create(%d): %m", clk[i]);
		at = tk_now(clk[i]) + AHEAD;
		its = to_its(at);
		CHECK(!timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, NULL), "timerfd_settime: %m");
		p = (struct pollfd){ .fd = fd, .events = POLLIN };
		CHECK(poll(&p, 1, -1) == 1, "poll: %m");
		check_over(clk[i], at, "alarm timerfd");
		close(fd);
	}
}

/*
 * A reader of a periodic timerfd arms it again while its callback may still run on
 * another CPU, and a setter cancels it right after that. The callback of an alarm goes
 * on to take a lock which the setter has: cancelling must not wait for it there. What
 * fails hangs both CPUs.
 */
#define RACE_TIME	(1500 * TK_MSEC)
/* How much longer a machine may take for settings enough */
#define RACE_PATIENCE	(60 * TK_SEC)
#define RACE_ENOUGH	10
#define RACE_PERIOD	(15 * TK_USEC)

struct race {
	int fd;
	int cpu;
	s64 end;
	/* Arms it, else reads and stops it */
	bool arms;
	s64 done;
	const struct race *other;
};

static bool race_is_over(const struct race *r)
{
	s64 now = tk_now(CLOCK_MONOTONIC);
	s64 least = tk_min(r->done, *(const volatile s64 *)&r->other->done);

	return now >= r->end && (least > RACE_ENOUGH || now >= r->end + RACE_PATIENCE);
}

static int race(void *arg)
{
	struct race *r = arg;
	struct itimerspec its = { .it_value.tv_sec = 3600 };
	cpu_set_t set;
	s64 until;
	uint64_t ticks;

	CPU_ZERO(&set);
	CPU_SET(r->cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		CHECK(r->cpu, "sched_setaffinity: %m");
	if (r->arms) {
		its.it_value = (struct timespec){ .tv_nsec = RACE_PERIOD };
		its.it_interval = its.it_value;
	}
	while (!race_is_over(r)) {
		if (r->arms) {
			/* Now and then, so that it expires here several times */
			until = tk_now(CLOCK_MONOTONIC) + 10 * RACE_PERIOD;
			while (tk_now(CLOCK_MONOTONIC) < until)
				;
		} else if (read(r->fd, &ticks, sizeof(ticks)) != sizeof(ticks)) {
			continue;
		}
		CHECK(!timerfd_settime(r->fd, 0, &its, NULL), "timerfd_settime: %m");
		r->done++;
	}
	return 0;
}

TEST_F(timer, alarm_read_against_set)
{
	struct race *r = tk_shared_page(2 * sizeof(*r));
	s64 probe, end = tk_now(CLOCK_MONOTONIC) + RACE_TIME;
	pid_t pid[2];
	int fd, n;

	if (tk_gettime(TK_SYS, CLOCK_BOOTTIME_ALARM, &probe))
		SKIP(return, "no RTC, so no alarm clock");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "takes two CPUs");
	fd = timerfd_create(CLOCK_BOOTTIME_ALARM, TFD_CLOEXEC | TFD_NONBLOCK);
	REQUIRE(fd >= 0, "timerfd_create: %m");
	for (n = 0; n < 2; n++) {
		r[n] = (struct race){ .fd = fd, .cpu = n, .end = end, .arms = !n,
				       .other = &r[!n] };
		pid[n] = tk_spawn(race, &r[n]);
	}
	for (n = 0; n < 2; n++) {
		CHECK(!tk_reap(pid[n]), "process %d", n);
		CHECK(r[n].done > RACE_ENOUGH, "only %" PRId64 " settings by process %d",
		      r[n].done, n);
	}
	close(fd);
}

TEST_HARNESS_MAIN
