// SPDX-License-Identifier: GPL-2.0
/*
 * Arm, cancel, step, follow, travel and destroy, from everywhere at once.
 *
 * For the kernel's own checks (lockdep, KASAN, KCSAN, debug objects) more than for what
 * is asserted here, which is
 *
 *	never early	on MONOTONIC and BOOTTIME, which nobody steps
 *	none lost	in the end everything that is armed fires
 *
 *	shared		timerfds of all namespaces: anybody arms, disarms, reads and asks
 *			for what is left, on the clock of where he is at the time
 *	hoppers		do that, and go from one namespace to another
 *	sleepers	all kinds of waits; a bully sends them signals
 *	timers		POSIX timers: made, armed, deleted by several threads at once
 *	rings		io_uring timeouts: armed, updated, removed
 *	setters		step, slew, follow
 *	mayflies	namespaces which are made, filled with timers, get their clock
 *			meanwhile, and are killed
 *
 * for TK_SECONDS (20 if not given).
 */
#include "lib/ring.h"
#include "lib/tk.h"
#include "lib/waits.h"

#define SPACES 4
#define SHARED 64
#define THREADS 3

struct world {
	int ns[SPACES];
	int fd[SHARED];
	unsigned int seed;
	s64 until;		/* RAW of the host; no namespace here has another */
	s64 give_up;		/* likewise: a slow machine may not have had a mayfly by then */
	atomic_bool stop;
	atomic_long armed;
	atomic_long waited;
	atomic_long steps;
	atomic_long mayflies;
	atomic_long interrupted;
};

static struct world *world;

static __thread u64 chance;

static void chance_init(unsigned int salt)
{
	chance = ((u64)world->seed << 20 | salt) * 0x9e3779b97f4a7c15ULL + 1;
}

static s64 below(s64 n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (chance >> 11) % (u64)n;
}

static s64 length(void)
{
	return below(8) ? below(3 * TK_MSEC) + 1 : below(60 * TK_MSEC) + 1;
}

static bool over(void)
{
	s64 now = tk_vnow(CLOCK_MONOTONIC_RAW);

	if (!atomic_load(&world->stop) && now >= world->until &&
	    (atomic_load(&world->mayflies) || now >= world->give_up))
		atomic_store(&world->stop, true);
	return atomic_load(&world->stop);
}

static const int fd_clocks[] = {
	CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM,
	CLOCK_BOOTTIME_ALARM,
};

static int fd_clock(int i)
{
	return fd_clocks[i % TK_ARRAY(fd_clocks)];
}

static int base_of(int clk)
{
	return clk == CLOCK_REALTIME_ALARM ? CLOCK_REALTIME :
	       clk == CLOCK_BOOTTIME_ALARM ? CLOCK_BOOTTIME : clk;
}

/* ---------------------------------------------------------------- shared timerfds */

static void use_shared(void)
{
	int i = below(SHARED), clk = fd_clock(i), fd = world->fd[i], flags = 0;
	s64 ns = length();
	u64 n;

	switch (below(8)) {
	case 0:
	case 1:
		flags = TFD_TIMER_ABSTIME;
		ns += tk_vnow(base_of(clk));
		/* fall through */
	case 2:
	case 3:
		if (clk == CLOCK_REALTIME && below(2))
			flags |= flags ? TFD_TIMER_CANCEL_ON_SET : 0;
		tw_timerfd_arm(fd, flags, ns, below(3) ? 0 : TK_MSEC / 2 + below(5 * TK_MSEC));
		atomic_fetch_add(&world->armed, 1);
		break;
	case 4:
		tw_timerfd_arm(fd, 0, 0, 0);
		break;
	case 5:
		tw_timerfd_left(fd);
		break;
	default:
		if (read(fd, &n, sizeof(n)) < 0)
			CHECK(errno == EAGAIN || errno == ECANCELED, "reading a timerfd: %m");
		break;
	}
}

static int hopper(void *arg)
{
	chance_init((uintptr_t)arg);
	tw_block_signals();
	while (!over()) {
		int i, where = below(SPACES + 1);

		tk_enter(where < SPACES ? world->ns[where] : tk_host_fd);
		for (i = below(50); i >= 0; i--)
			use_shared();
		if (!below(4))
			tk_sleep(below(500 * TK_USEC));
	}
	return 0;
}

/* ---------------------------------------------------- everything else, in one namespace */

static __thread volatile sig_atomic_t hit;

static void note_signal(int sig)
{
	(void)sig;
	hit = 1;
}

struct sleeper {
	struct tw w;
	pthread_t thread;
	unsigned int salt;
	atomic_bool over;
};

static void *sleeper(void *arg)
{
	struct sleeper *s = arg;
	const struct tw_kind *k = s->w.kind;
	sigset_t set;

	chance_init(s->salt);
	tw_must_open(&s->w);
	/* The bully's */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	while (!over()) {
		hit = 0;
		tw_go(&s->w, tw_from_now(&s->w, length()));
		atomic_fetch_add(&world->waited, 1);
		/* One that has an event already calls that a success when a signal comes. */
		if (s->w.ret == -EINTR || (k->flags & TW_COARSE) ||
		    (hit && (k->flags & TW_PARTIAL))) {
			atomic_fetch_add(&world->interrupted, 1);
			/* Whatever is under way on this ring is mixed up with the next one. */
			if (k->close == tw_uring_close) {
				tw_close(&s->w);
				tw_init(&s->w, k);
				tw_must_open(&s->w);
			}
			continue;
		}
		if (!CHECK(!s->w.ret, "%s: %d, %s", k->name, s->w.ret, strerror(-s->w.ret)))
			break;
		if (k->clk == CLOCK_MONOTONIC || k->clk == CLOCK_BOOTTIME)
			CHECK((k->flags & TW_JIFFIES) || s->w.woken >= s->w.lo,
			      "%s: %" PRId64 " ns early", k->name, s->w.lo - s->w.woken);
	}
	tw_close(&s->w);
	atomic_store(&s->over, true);
	return NULL;
}

#define POSIX_TIMERS 8

static atomic_int posix_id[POSIX_TIMERS];

/* Several threads take, arm and delete the same ones. */
static void *posix_user(void *arg)
{
	static const int clk[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI,
				   CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 3 };
	sigset_t set;
	siginfo_t info;
	struct timespec none = { 0 };

	chance_init((uintptr_t)arg);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	while (!over()) {
		int i = below(POSIX_TIMERS), id, c, old = 0;

		id = atomic_load(&posix_id[i]);
		if (!id) {
			c = clk[below(TK_ARRAY(clk))];
			if (syscall(SYS_timer_create, c, &ev, &id))
				continue;
			/* Zero is "none" here. */
			if (!atomic_compare_exchange_strong(&posix_id[i], &old, id + 1))
				syscall(SYS_timer_delete, id);
			continue;
		}
		switch (below(6)) {
		case 0:
			if (atomic_compare_exchange_strong(&posix_id[i], &id, 0))
				syscall(SYS_timer_delete, id - 1);
			break;
		case 1:
			tw_timer_left(id - 1);
			break;
		case 2:
			syscall(SYS_timer_getoverrun, id - 1);
			break;
		case 3:
			sigtimedwait(&set, &info, &none);
			break;
		default:
			tw_timer_arm(id - 1, 0, length(), below(2) ? 0 : TK_MSEC + below(TK_MSEC));
			break;
		}
		if (!below(16))
			tk_sleep(below(200 * TK_USEC));
	}
	return NULL;
}

/* Timeouts which are changed and taken back while they run */
static void *ring_user(void *arg)
{
	static const unsigned int clk[] = { 0, IORING_TIMEOUT_BOOTTIME, IORING_TIMEOUT_REALTIME };
	static const int base[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME };
	struct tw_ring r;
	int i, ret;

	chance_init((uintptr_t)arg);
	while (!over()) {
		struct tk_ts ts[4], to;
		struct io_uring_sqe *sqe;
		struct io_uring_cqe cqe;
		int want = 5;

		ret = tw_ring_open(&r);
		REQUIRE(!ret, "io_uring_setup: %s", strerror(-ret));
		for (i = 0; i < 4; i++) {
			unsigned int c = below(3), abs = below(2);

			ts[i] = tw_ts(length() + (abs ? tk_vnow(base[c]) : 0));
			sqe = tw_ring_sqe(&r, IORING_OP_TIMEOUT);
			sqe->addr = (uintptr_t)&ts[i];
			sqe->len = 1;
			sqe->timeout_flags = clk[c] | (abs ? IORING_TIMEOUT_ABS : 0);
			sqe->user_data = i;
		}
		tw_ring_enter(&r, 4, 0, 0, NULL, 0);
		if (below(2))
			tk_sleep(below(TK_MSEC));
		sqe = tw_ring_sqe(&r, IORING_OP_TIMEOUT_REMOVE);
		sqe->addr = below(4);
		to = tw_ts(length());
		if (below(2)) {
			sqe->timeout_flags = IORING_TIMEOUT_UPDATE;
			sqe->addr2 = (uintptr_t)&to;
		}
		sqe->user_data = 100;
		/* Some rings are closed under their timeouts. */
		if (!below(4))
			want = 1;
		tw_ring_enter(&r, 1, 0, 0, NULL, 0);
		while (want && tw_ring_enter(&r, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) >= 0)
			while (want && tw_ring_cqe(&r, &cqe))
				want--;
		tw_ring_close(&r);
	}
	return NULL;
}

/* A crowd in one namespace, and who interrupts it */
static int crowd(void *arg)
{
	static struct sleeper all[TW_KINDS];
	struct sigaction sa = { .sa_handler = note_signal };
	pthread_t other[2 * THREADS];
	int space = (uintptr_t)arg;
	s64 probe, give_up;
	size_t i, left;

	chance_init(space * 1000 + 999);
	tk_enter(world->ns[space]);
	tw_block_signals();
	REQUIRE(!sigaction(SIGUSR1, &sa, NULL), "sigaction: %m");
	for (i = 0; i < TW_KINDS; i++) {
		tw_init(&all[i].w, &tw_kinds[i]);
		all[i].salt = space * 1000 + i;
		if ((tw_kinds[i].flags & TW_ALARM) &&
		    tk_gettime(TK_SYS, CLOCK_BOOTTIME_ALARM, &probe)) {
			atomic_store(&all[i].over, true);
			continue;
		}
		REQUIRE(!pthread_create(&all[i].thread, NULL, sleeper, &all[i]),
			"pthread_create: %m");
	}
	for (i = 0; i < TK_ARRAY(other); i++)
		REQUIRE(!pthread_create(&other[i], NULL, i < THREADS ? posix_user : ring_user,
					(void *)(space * 1000 + 500 + i)), "pthread_create: %m");
	while (!over()) {
		i = below(TW_KINDS);
		if (!atomic_load(&all[i].over) && atomic_load(&all[i].w.tid))
			syscall(SYS_tgkill, getpid(), all[i].w.tid, SIGUSR1);
		tk_sleep(below(2 * TK_MSEC));
	}
	give_up = tk_give_up();
	do {
		tk_sleep(20 * TK_MSEC);
		for (left = 0, i = 0; i < TW_KINDS; i++)
			left += !atomic_load(&all[i].over);
	} while (left && tk_vnow(CLOCK_MONOTONIC_RAW) < give_up);
	for (i = 0; i < TW_KINDS; i++)
		CHECK(atomic_load(&all[i].over), "%s: lost", all[i].w.kind->name);
	if (!left)
		for (i = 0; i < TK_ARRAY(other); i++)
			pthread_join(other[i], NULL);
	return 0;
}

static int setter(void *arg)
{
	int space = (uintptr_t)arg;

	chance_init(space * 1000 + 998);
	tk_enter(world->ns[space]);
	while (!over()) {
		struct tk_timex tx = { 0 };
		int ret = 0;
		s64 ns;

		switch (below(8)) {
		case 0:
		case 1:
			ret = tk_step(below(5 * TK_MSEC));
			break;
		case 2:
			/* Back, and home again, so that nothing waits for ever. */
			ns = below(2 * TK_SEC);
			ret = tk_step(-ns);
			if (ret >= 0)
				ret = tk_step(ns);
			break;
		case 3:
			tx = (struct tk_timex){ .modes = ADJ_TICK, .tick = 9000 + below(2001) };
			break;
		case 4:
			tx.modes = ADJ_OFFSET_SINGLESHOT;
			tx.offset = below(900);
			break;
		case 5:
			tx = (struct tk_timex){ .modes = ADJ_STATUS, .status = STA_PLL | STA_INS };
			break;
		case 6:
			tx = (struct tk_timex){ .modes = ADJ_STATUS };
			break;
		case 7:
			ret = tk_follow();
			break;
		}
		if (tx.modes)
			ret = tk_adjtimex(&tx);
		CHECK(ret >= 0, "setting: %s", strerror(-ret));
		atomic_fetch_add(&world->steps, 1);
		tk_sleep(below(TK_MSEC));
	}
	/* Past everything that was armed on the date, also if it is the host's again */
	while (tk_step(3600 * TK_SEC) < 0)
		;
	return 0;
}

/* Born, filled, and killed at some moment; its timerfds stay for a while with the parent. */
static int mayfly(void *arg)
{
	static struct sleeper all[12];
	int ns = (uintptr_t)arg;
	size_t i;

	tk_enter(ns);
	tw_block_signals();
	for (i = 0; i < TK_ARRAY(all); i++) {
		tw_init(&all[i].w, &tw_kinds[below(TW_KINDS)]);
		all[i].salt = below(1 << 30);
		if (all[i].w.kind->flags & TW_ALARM)
			continue;
		pthread_create(&all[i].thread, NULL, sleeper, &all[i]);
	}
	/* It follows the host until the first step, and all that is armed goes over then */
	tk_sleep(below(4 * TK_MSEC));
	for (;;) {
		use_shared();
		if (!below(20))
			tk_step(below(8) ? TK_MSEC : below(TK_SEC));
	}
	return 0;
}

static int mayflies(void *arg)
{
	chance_init((uintptr_t)arg);
	while (!over()) {
		int ns = tk_ns_new();
		pid_t pid;

		chance += 1;
		pid = tk_spawn(mayfly, (void *)(uintptr_t)ns);
		if (below(2)) {
			close(ns);
			ns = -1;
		}
		tk_sleep(below(20 * TK_MSEC));
		kill(pid, SIGKILL);
		CHECK(tk_reap(pid) == 128 + SIGKILL, "a mayfly ended by itself");
		if (ns >= 0)
			close(ns);
		atomic_fetch_add(&world->mayflies, 1);
	}
	return 0;
}

/* The host's clock is nobody's business, its timers are everybody's. */
TK_FIXTURE_WITH(stress, tk_setup_watch(true, TK_WATCH_NTP));

TEST_F(stress, all_at_once)
{
	const char *text = getenv("TK_SEED");
	pid_t pid[64];
	s64 seconds;
	int nr = 0, i;

	world = tk_shared_page(sizeof(*world));
	world->seed = text ? strtoul(text, NULL, 0) : tk_exact() ? 1 : time(NULL) % 100000;
	text = getenv("TK_SECONDS");
	seconds = text ? strtoll(text, NULL, 0) : 20;
	fprintf(stderr, "# TK_SEED=%u TK_SECONDS=%" PRId64 "\n", world->seed, seconds);
	/* Their clocks come with the first setting, when much is armed */
	for (i = 0; i < SPACES; i++)
		world->ns[i] = tk_ns_new();
	for (i = 0; i < SHARED; i++) {
		int clk = fd_clock(i);

		world->fd[i] = timerfd_create(clk, TFD_CLOEXEC | TFD_NONBLOCK);
		REQUIRE(world->fd[i] >= 0, "timerfd_create(%d): %m", clk);
	}
	world->until = tk_vnow(CLOCK_MONOTONIC_RAW) + seconds * TK_SEC;
	world->give_up = tk_give_up() + seconds * TK_SEC;
	for (i = 0; i < 3; i++)
		pid[nr++] = tk_spawn(hopper, (void *)(uintptr_t)(100 + i));
	for (i = 0; i < SPACES; i++)
		pid[nr++] = tk_spawn(crowd, (void *)(uintptr_t)i);
	/* The last one follows, all the time. */
	for (i = 0; i < SPACES - 1; i++)
		pid[nr++] = tk_spawn(setter, (void *)(uintptr_t)i);
	for (i = 0; i < 2; i++)
		pid[nr++] = tk_spawn(mayflies, (void *)(uintptr_t)(200 + i));
	for (i = 0; i < nr; i++)
		CHECK(!tk_reap(pid[i]), "one of them failed");
	/* After all that, in each namespace each descriptor still does what it is for. */
	for (i = 0; i < SHARED; i++) {
		int clk = base_of(fd_clock(i));
		struct pollfd p = { .fd = world->fd[i], .events = POLLIN };
		u64 n;
		s64 at;

		tk_enter(world->ns[i % SPACES]);
		at = tk_now(clk) + TK_MSEC;
		CHECK(!tw_timerfd_arm(p.fd, TFD_TIMER_ABSTIME, at, 0), "timerfd_settime: %m");
		tk_leave();
		CHECK(poll(&p, 1, tk_patience_ms()) == 1 && read(p.fd, &n, sizeof(n)) == sizeof(n),
		      "timerfd %d: lost", i);
		tk_enter(world->ns[i % SPACES]);
		CHECK(tk_now(clk) >= at, "timerfd %d: early", i);
		tk_leave();
	}
	fprintf(stderr, "# armed %ld, waited %ld (%ld interrupted), set %ld times, %ld mayflies\n",
		atomic_load(&world->armed), atomic_load(&world->waited),
		atomic_load(&world->interrupted), atomic_load(&world->steps),
		atomic_load(&world->mayflies));
	CHECK(atomic_load(&world->waited) > 100 && atomic_load(&world->mayflies), "too little");
}

TEST_HARNESS_MAIN
