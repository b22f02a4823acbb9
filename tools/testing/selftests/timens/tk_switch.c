// SPDX-License-Identifier: GPL-2.0
/*
 * Readers in the vDSO while the namespace's page changes under them.
 *
 * The switch between follow and own happens in place: the words of one union are
 * offsets first, then base times, then offsets again. A reader that takes some of one
 * kind and some of the other comes out years away, so the lines are set years apart:
 *
 *	REALTIME
 *	   B = A + 2 years  .....==========.....==========....
 *	                        |          |   |
 *	   A = the host's   ====            ===
 *	                     follow   own   follow
 *
 *	each read of REALTIME is on A or on B of the read of MONOTONIC beside it
 *	each read of MONOTONIC is not less than any other thread's that ended before
 */
#include "lib/tk.h"

#include <poll.h>
#include <sys/sysinfo.h>

#define READERS 3

/* Clocks that never go back, whatever the namespace does */
static const int steady[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
			      CLOCK_MONOTONIC_COARSE };

struct storm {
	atomic_bool stop;
	_Atomic s64 newest[TK_ARRAY(steady)] __attribute__((aligned(8)));
	atomic_long reads;
	/* The two lines, REALTIME - MONOTONIC, fixed for the whole run */
	struct tk_iv a;
	struct tk_iv b;
	s64 slack;
	int tai;
	bool bends;		/* the namespace's rate changes: there are no fixed lines */
	struct tk_ts res;	/* clock_getres(CLOCK_MONOTONIC) */
};

static void newest_is(_Atomic s64 *max, s64 v)
{
	s64 was = atomic_load(max);

	while (was < v && !atomic_compare_exchange_weak(max, &was, v))
		;
}

/* v, read between mono1 and mono2, is on the line @iv. */
static bool on_line(s64 mono1, s64 v, s64 mono2, struct tk_iv iv, s64 slack)
{
	return v >= mono1 + iv.lo - slack && v <= mono2 + iv.hi + slack;
}

/*
 * One round of reads. In between the lines may change, but at any time one of the two
 * holds, so a read is on one of them: coarse may be as old as the last tick, hence
 * its bracket is the coarse clock's.
 */
static void read_round(struct storm *s, enum tk_path path)
{
	static const int pair[][2] = {
		{ CLOCK_REALTIME, CLOCK_MONOTONIC },
		{ CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE },
	};
	size_t i;

#ifdef __x86_64__
	if (tk_vdso.getres) {
		struct tk_ts res = { 0 };

		CHECK(!tk_vdso.getres(CLOCK_MONOTONIC, &res) && res.nsec == s->res.nsec,
		      "clock_getres by vDSO: %" PRId64 " ns", res.nsec);
	}
#endif
	for (i = 0; i < TK_ARRAY(steady); i++) {
		s64 before = atomic_load(&s->newest[i]), v = tk_get(path, steady[i]);

		CHECK(v >= before, "clock %d by %s: %" PRId64 " ns behind another thread",
		      steady[i], tk_path_name[path], before - v);
		newest_is(&s->newest[i], v);
	}
	atomic_fetch_add(&s->reads, 1);
	if (s->bends)
		return;
	for (i = 0; i < TK_ARRAY(pair); i++) {
		s64 m1 = tk_get(path, pair[i][1]);
		s64 v = tk_get(path, pair[i][0]);
		s64 m2 = tk_get(path, pair[i][1]);

		CHECK(on_line(m1, v, m2, s->a, s->slack) || on_line(m1, v, m2, s->b, s->slack),
		      "clock %d by %s: %" PRId64 " is on neither line: off by %" PRId64 " or %"
		      PRId64 ", MONOTONIC %" PRId64 "..%" PRId64, pair[i][0], tk_path_name[path], v,
		      v - m1 - s->a.lo, v - m1 - s->b.lo, m1, m2);
	}
	{
		s64 m1 = tk_get(path, CLOCK_MONOTONIC);
		s64 v = tk_get(path, CLOCK_TAI) - s->tai * TK_SEC;
		s64 m2 = tk_get(path, CLOCK_MONOTONIC);

		CHECK(on_line(m1, v, m2, s->a, s->slack) || on_line(m1, v, m2, s->b, s->slack),
		      "TAI by %s: off by %" PRId64 " or %" PRId64, tk_path_name[path],
		      v - m1 - s->a.lo, v - m1 - s->b.lo);
	}
	{
		s64 m1 = tk_get(path, CLOCK_MONOTONIC), m2, v;
		struct tk_tv tv = { 0 };

		if (path == TK_VDSO)
			tk_vdso.gettimeofday(&tv, NULL);
		else
			tk_sys_gettimeofday(&tv, NULL);
		m2 = tk_get(path, CLOCK_MONOTONIC);
		v = tv.sec * TK_SEC + tv.usec * TK_USEC;
		/* cut to microseconds */
		CHECK(on_line(m1 - TK_USEC, v, m2, s->a, s->slack) ||
		      on_line(m1 - TK_USEC, v, m2, s->b, s->slack),
		      "gettimeofday by %s: off by %" PRId64 " or %" PRId64, tk_path_name[path],
		      v - m1 - s->a.lo, v - m1 - s->b.lo);
	}
	{
		s64 m1 = tk_get(path, CLOCK_MONOTONIC_COARSE), m2, v;

		v = (path == TK_VDSO ? tk_vdso.time(NULL) : tk_sys_time()) * TK_SEC;
		m2 = tk_get(path, CLOCK_MONOTONIC_COARSE);
		/* cut to seconds */
		CHECK(on_line(m1 - TK_SEC, v, m2, s->a, s->slack) ||
		      on_line(m1 - TK_SEC, v, m2, s->b, s->slack),
		      "time() by %s: off by %" PRId64 " or %" PRId64, tk_path_name[path],
		      v - m1 - s->a.lo, v - m1 - s->b.lo);
	}
}

/*
 * adjtimex() brings a namespace's clock up to date to tell its state, for a reader
 * without privilege as well; doing that all the time may not hold up the writer.
 */
static void *adjtimex_reader(void *arg)
{
	struct storm *s = arg;

	while (!atomic_load(&s->stop) && tk_failures() < 3) {
		struct tk_timex tx = { 0 };
		int ret = tk_adjtimex(&tx);

		CHECK(ret >= 0, "adjtimex: %s", strerror(-ret));
		CHECK(tx.tai == s->tai, "TAI offset %d", tx.tai);
	}
	return NULL;
}

static void *reader(void *arg)
{
	struct storm *s = arg;
	unsigned int n = 0;

	while (!atomic_load(&s->stop) && tk_failures() < 3)
		/* Mostly the vDSO; the kernel has to agree with it. */
		read_round(s, n++ % 4 ? TK_VDSO : TK_SYS);
	return NULL;
}

#define B_AHEAD (2 * TK_YEAR * TK_SEC)

FIXTURE(storm)
{
	int fd;
};

FIXTURE_VARIANT(storm)
{
	/* Change the namespace's clock once; @n counts. Returns 0 or -errno. */
	int (*change)(unsigned int n);
	bool own;
	bool bends;
	int seconds_tenth;
};

static int switch_and_refollow(unsigned int n)
{
	int ret = n & 1 ? tk_follow() : tk_step(B_AHEAD);

	return ret < 0 ? ret : 0;
}

static int switch_without_step(unsigned int n)
{
	struct tk_timex tx = { .modes = ADJ_ESTERROR, .esterror = n };
	int ret = n & 1 ? tk_follow() : tk_adjtimex(&tx);

	return ret < 0 ? ret : 0;
}

static int speed_and_refollow(unsigned int n)
{
	struct tk_timex tx = { .modes = ADJ_TICK, .tick = 11000 };
	int ret = n & 1 ? tk_follow() : tk_adjtimex(&tx);

	return ret < 0 ? ret : 0;
}

static int step_to_and_fro(unsigned int n)
{
	int ret = tk_step(n & 1 ? -B_AHEAD : B_AHEAD);

	return ret < 0 ? ret : 0;
}

static int write_ntp(unsigned int n)
{
	struct tk_timex tx = { .modes = ADJ_ESTERROR | ADJ_TIMECONST, .esterror = n,
			       .constant = n % 10 };
	int ret = tk_adjtimex(&tx);

	return ret < 0 ? ret : 0;
}

/* follow(A) -> own(B) -> follow(A) -> ... */
FIXTURE_VARIANT_ADD(storm, switch_and_refollow)
{
	.change = switch_and_refollow,
	.seconds_tenth = 20,
};

/* follow(A) -> own(A) -> follow(A): only the page's kind changes */
FIXTURE_VARIANT_ADD(storm, switch_without_step)
{
	.change = switch_without_step,
	.seconds_tenth = 10,
};

/*
 * follow -> own at 1.1 of the rate -> follow: the constant offset that remains is that of
 * the very moment of the switch, or MONOTONIC steps back by a tenth of the difference.
 */
FIXTURE_VARIANT_ADD(storm, speed_and_refollow)
{
	.change = speed_and_refollow,
	.bends = true,
	.seconds_tenth = 10,
};

/* own(A) -> own(B) -> own(A): a storm of steps */
FIXTURE_VARIANT_ADD(storm, steps)
{
	.change = step_to_and_fro,
	.own = true,
	.seconds_tenth = 15,
};

/* own(A) all along, rewritten all the time */
FIXTURE_VARIANT_ADD(storm, rewrites)
{
	.change = write_ntp,
	.own = true,
	.seconds_tenth = 10,
};

FIXTURE_SETUP(storm)
{
	ASSERT_EQ(0, tk_setup());
	self->fd = variant->own ? tk_ns_own(0) : tk_ns_new();
}

FIXTURE_TEARDOWN(storm)
{
	EXPECT_EQ(0, tk_teardown());
}

struct run {
	const FIXTURE_VARIANT(storm) *variant;
	int fd;
	atomic_int *changes;
};

static int run_storm(void *arg)
{
	static struct storm s;
	struct run *r = arg;
	struct tk_timex tx = { 0 };
	pthread_t th[READERS], adj;
	unsigned int n = 0;
	s64 start, now;
	int i, ret;

	tk_enter(r->fd);
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	s.tai = tx.tai;
	s.bends = r->variant->bends;
	CHECK(!tk_sys_getres(CLOCK_MONOTONIC, &s.res), "clock_getres: %m");
	s.a = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 2000);
	s.b = (struct tk_iv){ s.a.lo + B_AHEAD, s.a.hi + B_AHEAD };
	/*
	 * A switch takes MONOTONIC over by the nanosecond, and over the time the two
	 * clocks part by no more than this; REALTIME snaps to the host's.
	 */
	s.slack = tk_unit(30 * TK_SEC);
	for (i = 0; i < READERS; i++) {
		ret = pthread_create(&th[i], NULL, reader, &s);
		REQUIRE(!ret, "pthread_create: %s", strerror(ret));
	}
	ret = pthread_create(&adj, NULL, adjtimex_reader, &s);
	REQUIRE(!ret, "pthread_create: %s", strerror(ret));
	start = tk_now(CLOCK_MONOTONIC_RAW);
	do {
		ret = r->variant->change(n++);
		CHECK(!ret, "change %u: %s", n, strerror(-ret));
		/* Let the readers see either state, sometimes for longer. */
		if (n % 16 == 0)
			tk_sleep(3 * TK_MSEC);
		else
			sched_yield();
		now = tk_now(CLOCK_MONOTONIC_RAW);
	} while ((now - start < r->variant->seconds_tenth * 100 * TK_MSEC || n < 20) &&
		 tk_failures() < 3);
	atomic_store(&s.stop, true);
	for (i = 0; i < READERS; i++)
		pthread_join(th[i], NULL);
	pthread_join(adj, NULL);
	CHECK(atomic_load(&s.reads) >= READERS, "%ld rounds of reads", atomic_load(&s.reads));
	atomic_store(r->changes, n);
	fprintf(stderr, "# %u changes, %ld rounds of reads\n", n, atomic_load(&s.reads));
	return 0;
}

TEST_F(storm, readers_stay_on_the_lines)
{
	atomic_int *changes = tk_shared_page(sizeof(*changes));
	struct run r = { .variant = variant, .fd = self->fd, .changes = changes };
	int state;

	RUN(run_storm, &r);
	tk_enter(self->fd);
	/* An even number of changes ended in follow, where follow was one of them. */
	state = variant->own || atomic_load(changes) % 2;
	CHECK_STATE(state ? "own" : "follow");
	tk_leave();
}

/*
 * The same with readers that are processes of their own, which map the page each, and
 * one that comes and goes by setns() all the time.
 */
static int process_reader(void *arg)
{
	struct storm *s = arg;
	unsigned int n = 0;

	while (!atomic_load(&s->stop) && tk_failures() < 3)
		read_round(s, n++ % 4 ? TK_VDSO : TK_SYS);
	return 0;
}

struct visitor {
	struct storm *s;
	int fd;
};

static int visitor(void *arg)
{
	struct visitor *v = arg;

	while (!atomic_load(&v->s->stop) && tk_failures() < 3) {
		tk_leave();
		tk_enter(v->fd);
		read_round(v->s, TK_VDSO);
	}
	return 0;
}

TK_FIXTURE(processes);

TEST_F(processes, readers_stay_on_the_lines)
{
	struct storm *s = tk_shared_page(sizeof(*s));
	int fd = tk_ns_new(), i, ret;
	struct visitor v = { s, fd };
	struct tk_timex tx = { 0 };
	unsigned int n = 0;
	pid_t pid[3];
	s64 start;

	tk_enter(fd);
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	s->tai = tx.tai;
	CHECK(!tk_sys_getres(CLOCK_MONOTONIC, &s->res), "clock_getres: %m");
	s->a = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 2000);
	s->b = (struct tk_iv){ s->a.lo + B_AHEAD, s->a.hi + B_AHEAD };
	s->slack = tk_unit(30 * TK_SEC);
	for (i = 0; i < 2; i++)
		pid[i] = tk_spawn(process_reader, s);
	pid[2] = tk_spawn(visitor, &v);
	start = tk_now(CLOCK_MONOTONIC_RAW);
	do {
		ret = switch_and_refollow(n++);
		CHECK(!ret, "change %u: %s", n, strerror(-ret));
		if (n % 8 == 0)
			tk_sleep(2 * TK_MSEC);
	} while ((tk_now(CLOCK_MONOTONIC_RAW) - start < 1500 * TK_MSEC || n < 20) &&
		 tk_failures() < 3);
	atomic_store(&s->stop, true);
	for (i = 0; i < 3; i++)
		CHECK(!tk_reap(pid[i]), "reader %d failed", i);
	tk_leave();
}

/*
 * To follow again waits for a tick behind the last update of the clock, and who only looks
 * at the clock updates it: once in a second of it, and not each time.
 */
#define LOOKERS_MAX 16

struct lookers {
	atomic_bool stop;
	atomic_int looks;
};

static int looks_at_clock(void *arg)
{
	struct lookers *l = arg;
	char text[2048];

	while (!atomic_load(&l->stop)) {
		tk_read_summary(text, sizeof(text));
		atomic_fetch_add(&l->looks, 1);
	}
	return 0;
}

static int asks_ntp(void *arg)
{
	struct lookers *l = arg;

	while (!atomic_load(&l->stop)) {
		struct tk_timex tx = { 0 };
		int ret = tk_adjtimex(&tx);

		CHECK(ret >= 0, "adjtimex: %s", strerror(-ret));
		atomic_fetch_add(&l->looks, 1);
	}
	return 0;
}

static int follows_again(void *arg)
{
	int i;

	for (i = 0; i < 20; i++) {
		CHECK(tk_step(TK_SEC) >= 0, "step %d", i);
		CHECK(!tk_follow(), "follow %d", i);
	}
	CHECK(write(*(int *)arg, "", 1) == 1, "write: %m");
	return 0;
}

/* With eight CPUs it waited for ever when each look updated the clock. */
TEST_F(processes, readers_do_not_hold_up_follow)
{
	struct lookers *l = tk_shared_page(sizeof(*l));
	int done[2], i, fd = tk_ns_own(0), nr = tk_min(2 * get_nprocs(), LOOKERS_MAX);
	struct pollfd p = { .events = POLLIN };
	pid_t pid[LOOKERS_MAX + 1];

	REQUIRE(!pipe(done), "pipe: %m");
	tk_enter(fd);
	for (i = 0; i < nr; i++)
		pid[i] = tk_spawn(i & 1 ? asks_ntp : looks_at_clock, l);
	pid[nr] = tk_spawn(follows_again, &done[1]);
	p.fd = done[0];
	CHECK(poll(&p, 1, tk_patience_ms()) == 1, "it waits while others look: %d times",
	      atomic_load(&l->looks));
	atomic_store(&l->stop, true);
	for (i = 0; i <= nr; i++)
		CHECK(!tk_reap(pid[i]), "process %d failed", i);
	CHECK(atomic_load(&l->looks) > 0, "nobody looked");
	CHECK_STATE("follow");
	tk_leave();
	close(done[0]);
	close(done[1]);
}

TEST_HARNESS_MAIN
