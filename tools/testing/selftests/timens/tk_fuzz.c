// SPDX-License-Identifier: GPL-2.0
/*
 * Whatever is called, in whatever order, with whatever values: what must hold, holds.
 *
 * A round has a few time namespaces, timers and sleepers, and takes one step after the other by
 * chance (tk_fuzz_ops.c): set and steer clocks, with extreme values too, rates, policies of leap
 * seconds, follow and own, create and drop, fork, exec, travel, timers and sleeps of all kinds,
 * interrupted ones, reads and writes of /proc/PID/timens_offsets and timens_clock as CRIU does
 * them, states saved and restored, whole and changed, clocks stopped for some steps, the knobs of
 * the tick path. After each step
 *
 *	never back	MONOTONIC, its coarse counterpart, BOOTTIME and MONOTONIC_RAW of each
 *			namespace, by the system call and by the vDSO
 *	one clock	each reading of the vDSO lies between two system calls around it, of
 *			each clock, the coarse ones too
 *	the host	is watched all the time: nothing moves its clocks or its NTP state
 *	never early	whatever has expired is due on the clock on which it was armed
 *
 * and in the end everything that is armed on a clock which nobody can set has to fire.
 *
 *	TK_SEED		of the first round; the next has the next. Printed for each round that
 *			fails: TK_SEED=it TK_ROUNDS=1 takes the same steps again
 *	TK_STEPS	of a round (200)
 *	TK_ROUNDS	how many rounds (2; 4 where time is counted in instructions), or
 *	TK_SECONDS	for how long there is another one
 *
 * A failure prints the last steps.
 */
#include "lib/leap.h"
#include "lib/tk.h"
#include "lib/waits.h"
#include "tk_fuzz.h"

#include <stdarg.h>

struct fuzz fuzz;
struct fuzz_shared *fuzz_shared;

/* What never goes back, in the order of struct space's floors */
static const int steady[FUZZ_FLOORS] = {
	CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
};

static u64 chance;

void fuzz_chance(unsigned int seed)
{
	int i;

	chance = (u64)seed * 0x9e3779b97f4a7c15ULL + 1;
	for (i = 0; i < 8; i++)
		chance = chance * 6364136223846793005ULL + 1442695040888963407ULL;
}

s64 fuzz_below(s64 n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (s64)((chance * 2685821657736338717ULL >> 11) % (u64)n);
}

bool fuzz_one_in(unsigned int n)
{
	return !fuzz_below(n);
}

void fuzz_note(const char *fmt, ...)
{
	unsigned int n = atomic_fetch_add(&fuzz_shared->line, 1);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fuzz_shared->log[n % FUZZ_LOG], FUZZ_LINE, fmt, ap);
	va_end(ap);
}

static void print_log(void)
{
	unsigned int end = atomic_load(&fuzz_shared->line), n = end > FUZZ_LOG ? end - FUZZ_LOG : 0;

	fprintf(stderr, "# the last of %u steps and what came of them:\n", end);
	for (; n < end; n++)
		fprintf(stderr, "#   %5u  %s\n", n, fuzz_shared->log[n % FUZZ_LOG]);
}

/*
 * What holds after each step
 */

void fuzz_forget(struct space *s)
{
	int i;

	for (i = 0; i < FUZZ_FLOORS; i++)
		s->floor[i] = INT64_MIN;
}

static void never_back(struct space *s, int clk, s64 now, const char *how)
{
	int i;

	for (i = 0; i < FUZZ_FLOORS; i++) {
		if (steady[i] != clk)
			continue;
		CHECK(now >= s->floor[i], "space %d, clock %d, %s: %" PRId64 " ns back from %"
		      PRId64, (int)(s - fuzz.space), clk, how, s->floor[i] - now, s->floor[i]);
		s->floor[i] = now;
	}
}

static void look_at(struct space *s)
{
	s64 before, page, after;
	size_t i;

	tk_enter(s->fd);
	for (i = 0; i < TK_CLOCKS; i++) {
		int clk = tk_clocks[i].id;

		if (tk_gettime(TK_SYS, clk, &before))
			continue;
		never_back(s, clk, before, "system call");
		page = tk_get(TK_VDSO, clk);
		never_back(s, clk, page, "vDSO");
		after = tk_get(TK_SYS, clk);
		never_back(s, clk, after, "system call again");
		/* A leap second came in between. */
		if (tk_clocks[i].steps && after < before)
			continue;
		CHECK_BETWEEN(before, page, after, tk_clocks[i].name);
	}
	tk_leave();
}

static void check_all(void)
{
	int i;

	for (i = 0; i < FUZZ_SPACES; i++)
		if (fuzz.space[i].fd >= 0)
			look_at(&fuzz.space[i]);
	fuzz_judge_timers(false);
}

/*
 * Sleepers: each in a namespace of the start, on clocks which nobody can set
 */

struct sleeper {
	int fd;
	unsigned int salt;
};

static bool is_steady(int clk)
{
	return clk == CLOCK_MONOTONIC || clk == CLOCK_BOOTTIME;
}

static void *sleep_once(void *arg)
{
	tw_once(arg, TK_MSEC + fuzz_below(20 * TK_MSEC));
	atomic_fetch_add(&fuzz_shared->waits, 1);
	return NULL;
}

/* A thread for each: what a ring leaves behind would interrupt the next wait of the same one. */
static int sleeper(void *arg)
{
	const struct sleeper *me = arg;

	fuzz_chance(fuzz.seed * 64 + me->salt);
	tk_enter(me->fd);
	while (!atomic_load(&fuzz_shared->stop)) {
		const struct tw_kind *k = &tw_kinds[fuzz_below(TW_KINDS)];

		/* Jiffies cannot follow a rate that changes while they are waited for. */
		if (is_steady(k->clk) && !(k->flags & TW_JIFFIES) &&
		    (!(k->flags & TW_ALARM) || fuzz.alarms))
			tw_in_thread(sleep_once, (void *)k);
	}
	return 0;
}

/* Nothing keeps what waits at a thousandth of the speed waiting for minutes. */
static void run_free(void)
{
	int i;

	for (i = 0; i < FUZZ_SPACES; i++) {
		if (fuzz.space[i].fd < 0)
			continue;
		tk_enter(fuzz.space[i].fd);
		if (fuzz_at_rate(TK_SEC) < TK_SEC)
			tk_write_file(TK_CLOCK_FILE, "rate 1\n");
		tk_leave();
	}
}

/* In a process of its own, so that the next round starts from nothing */
static int run_round(void *arg)
{
	struct sleeper s[FUZZ_SLEEPERS];
	pid_t pid[FUZZ_SLEEPERS];
	s64 probe;
	int i;

	fuzz_chance(fuzz.seed);
	fuzz.alarms = !tk_gettime(TK_SYS, CLOCK_BOOTTIME_ALARM, &probe);
	signal(SIGUSR2, SIG_IGN);
	for (i = 0; i < FUZZ_SPACES; i++)
		fuzz.space[i].fd = -1;
	for (i = 0; i < FUZZ_SLEEPERS; i++)
		fuzz_new_space(i);
	fuzz_open_timers();
	/* They keep the namespace that they are in, whatever becomes of its place. */
	for (i = 0; i < FUZZ_SLEEPERS; i++) {
		s[i] = (struct sleeper){ .fd = fuzz.space[i].fd, .salt = i + 1 };
		pid[i] = tk_spawn(sleeper, &s[i]);
	}
	for (i = 0; i < fuzz.steps && !tk_failures(); i++) {
		fuzz_step();
		check_all();
	}
	run_free();
	atomic_store(&fuzz_shared->stop, true);
	if (!tk_failures()) {
		fuzz_judge_timers(true);
		check_all();
		for (i = 0; i < FUZZ_SLEEPERS; i++)
			CHECK(!tk_reap(pid[i]), "sleeper %d failed", i);
	} else {
		for (i = 0; i < FUZZ_SLEEPERS; i++) {
			kill(pid[i], SIGKILL);
			tk_reap(pid[i]);
		}
	}
	fuzz_close_timers();
	return 0;
}

/*
 * What is run by exec: in the namespace in which the caller's children start
 */
static __attribute__((constructor)) void probe_after_exec(void)
{
	const char *floor = getenv("TK_FUZZ_PROBE");
	struct timespec before, page, after;
	s64 ns;

	if (!floor)
		return;
	if (syscall(TK_NR_gettime, CLOCK_MONOTONIC, &before) ||
	    clock_gettime(CLOCK_MONOTONIC, &page) ||
	    syscall(TK_NR_gettime, CLOCK_MONOTONIC, &after))
		_exit(2);
	ns = tk_ns(before.tv_sec, before.tv_nsec);
	if (ns < strtoll(floor, NULL, 10))
		_exit(3);
	if (tk_ns(page.tv_sec, page.tv_nsec) < ns ||
	    tk_ns(page.tv_sec, page.tv_nsec) > tk_ns(after.tv_sec, after.tv_nsec))
		_exit(4);
	_exit(0);
}

static s64 parameter(const char *name, s64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoll(text, NULL, 0) : otherwise;
}

FIXTURE(fuzz)
{
	char interval[32];
	char budget[32];
};

FIXTURE_SETUP(fuzz)
{
	ASSERT_EQ(0, tk_setup());
	tk_need_debugfs();
	tk_slurp(TK_DEBUGFS "interval_ms", self->interval, sizeof(self->interval));
	tk_slurp(TK_DEBUGFS "budget", self->budget, sizeof(self->budget));
	/* More than the machine's memory allows a user */
	tk_write_file("/proc/sys/user/max_time_namespaces", "10000");
	tk_write_file("/proc/sys/user/max_time_clocks", "10000");
}

FIXTURE_TEARDOWN(fuzz)
{
	tk_write_file(TK_DEBUGFS "interval_ms", self->interval);
	tk_write_file(TK_DEBUGFS "budget", self->budget);
	EXPECT_EQ(0, tk_teardown());
}

TEST_F(fuzz, whatever_is_called)
{
	s64 seconds = parameter("TK_SECONDS", 0);
	s64 end = tk_vnow(CLOCK_MONOTONIC_RAW) + seconds * TK_SEC;
	int rounds = parameter("TK_ROUNDS", tk_exact() ? 4 : 2), round;
	unsigned int seed = parameter("TK_SEED", tk_exact() ? 1 : time(NULL) % 100000);

	fuzz.steps = parameter("TK_STEPS", 200);
	fuzz_shared = tk_shared_page(sizeof(*fuzz_shared));
	for (round = 0; seconds ? tk_vnow(CLOCK_MONOTONIC_RAW) < end : round < rounds; round++) {
		memset(fuzz_shared, 0, sizeof(*fuzz_shared));
		fuzz.seed = seed + round;
		fprintf(stderr, "# TK_SEED=%u TK_STEPS=%d\n", fuzz.seed, fuzz.steps);
		RUN(run_round, NULL);
		if (tk_failures()) {
			fprintf(stderr, "# again with TK_SEED=%u TK_STEPS=%d TK_ROUNDS=1\n",
				fuzz.seed, fuzz.steps);
			print_log();
			break;
		}
		fprintf(stderr,
			"# %ld waits of sleepers, %ld timers expired, %ld calls refused, %ld interrupted\n",
			atomic_load(&fuzz_shared->waits), atomic_load(&fuzz_shared->expired),
			atomic_load(&fuzz_shared->refused), atomic_load(&fuzz_shared->interrupted));
		CHECK(atomic_load(&fuzz_shared->waits) && atomic_load(&fuzz_shared->expired),
		      "nothing has expired: too little was done");
	}
}

TEST_HARNESS_MAIN
