// SPDX-License-Identifier: GPL-2.0
/*
 * A property test: whatever is done to the clocks, every timer keeps its promises.
 *
 * There are six clocks, the host's among them, and for each of them
 *
 *	a loop		some hundred timerfds and POSIX timers, one-shot and periodic,
 *			relative and absolute, on all clocks, re-armed when they fire
 *			and sometimes before
 *	sleepers	a thread for each kind of wait in lib/waits.h
 *	a setter	(not for those who follow) which steps, sets, slews, leaps, speeds
 *			up, slows down, lets go of the clock and takes it back
 *
 * all at once, for TK_SECONDS, from a seed that is printed (TK_SEED to have it again).
 *
 * Promises
 *	never early	the clock, read after the timer fired, is at its expiry or past it
 *	exact counts	ticks and overruns of a periodic timer are those that the clock,
 *			read before and after, allows
 *	none lost	in the end the clocks are stepped forward, past everything, and
 *			every timer has to fire
 *	what is left	timer_gettime() is between what two readings of the clock allow
 *	not late	with one CPU, by more than LATE, see there
 *
 * The journal
 *	A clock which is stepped back after the timer fired, and before it is read, shows
 *	less than the expiry. So each setter writes down what it does:
 *
 *	raw0, c0   the step   raw1, c1		raw: CLOCK_MONOTONIC_RAW, c: the clock
 *
 *	The clock may have shown as much as the greater of c1, and c0 plus what it can
 *	have gone on until the step (GROW). A reading below the expiry is no fault if that
 *	is as much as the expiry, for a step between arming and reading; nothing else
 *	excuses it, but a step which came before a length was armed on a date and after
 *	the test had read the date (ARMING). MONOTONIC and BOOTTIME are never stepped, and
 *	never excused. Since the setter writes when it has done it, suspects are judged at
 *	the end.
 */
#include "lib/leap.h"
#include "lib/tk.h"
#include "lib/waits.h"
#include "tk_tprop.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#define HOUR (3600 * TK_SEC)
#define LONGEST (1200 * TK_MSEC)

struct world *world;
struct clock *me;

/* ------------------------------------------------------------------------- chance */

static __thread u64 chance;

static void chance_init(unsigned int salt)
{
	int i;

	chance = (u64)world->seed * 0x9e3779b97f4a7c15ULL + salt * 0xd1342543de82ef95ULL + 1;
	for (i = 0; i < 8; i++)
		chance = chance * 6364136223846793005ULL + 1442695040888963407ULL;
}

static u64 any(void)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return chance * 2685821657736338717ULL >> 11;
}

/* 0 .. n - 1 */
static s64 below(s64 n)
{
	return any() % (u64)n;
}

static bool one_in(unsigned int n)
{
	return !below(n);
}

/* From at once to LONGEST; most are long, so that thousands wait at the same time */
static s64 length(void)
{
	switch (below(16)) {
	case 0:
		return below(20 * TK_USEC) + 1;
	case 1:
		return below(20 * TK_MSEC) + 1;
	case 2:
	case 3:
	case 4:
		return below(300 * TK_MSEC) + 1;
	}
	return below(LONGEST) + 1;
}

static s64 raw(void)
{
	return tk_vnow(CLOCK_MONOTONIC_RAW) - me->raw_offset;
}

/* ----------------------------------------------------------------------- sleepers */

struct sleeper {
	struct tw w;
	pthread_t thread;
	unsigned int salt;
	atomic_bool over;
};

static void *sleep_on(void *arg)
{
	struct sleeper *s = arg;
	const struct tw_kind *k = s->w.kind;
	s64 slack = 0;

	chance_init(s->salt);
	while (!atomic_load(&world->calm)) {
		s64 ns = length();

		/* How often somebody counts on it, and not how fast one is opened */
		if (ns < TK_MSEC)
			ns += TK_MSEC;
		if (k->flags & TW_SLACK)
			slack = ns / 1000 + TK_MSEC;
		ns = tw_from_now(&s->w, ns);
		/* Some are over before they start. */
		if (tw_abs(&s->w) && one_in(32))
			ns -= TK_SEC;
		tw_go(&s->w, ns);
		if (!CHECK(!s->w.ret, "%s, %s: %d, %s", me->name, k->name, s->w.ret,
			   strerror(-s->w.ret)))
			break;
		fired(k->name, k->clk, !tw_abs(&s->w), s->w.lo,
		      tw_due(&s->w) + slack + (k->flags & TW_COARSE ? 10 * TK_MSEC : 0),
		      s->w.raw_armed - me->raw_offset, s->w.raw_woken - me->raw_offset, s->w.woken);
	}
	tw_close(&s->w);
	atomic_store(&s->over, true);
	return NULL;
}

static void *sleeper(void *arg)
{
	struct sleeper *s = arg;

	tw_must_open(&s->w);
	while (!atomic_load(&world->go))
		tk_sleep(5 * TK_MSEC);
	return sleep_on(arg);
}

static int sleepers(void *arg)
{
	static struct sleeper all[TW_KINDS];
	s64 give_up, probe;
	size_t i, left;

	me = arg;
	if (me->fd >= 0)
		tk_enter(me->fd);
	judge_start();
	tw_block_signals();
	for (i = 0; i < TW_KINDS; i++) {
		const struct tw_kind *k = &tw_kinds[i];

		tw_init(&all[i].w, k);
		all[i].salt = (me - world->clock) * 1000 + 100 + i;
		/* Jiffies cannot follow a rate that changes while they are waited for. */
		if ((k->flags & TW_JIFFIES) || ((k->flags & TW_ALARM) &&
						tk_gettime(TK_SYS, CLOCK_BOOTTIME_ALARM, &probe))) {
			atomic_store(&all[i].over, true);
			continue;
		}
		REQUIRE(!pthread_create(&all[i].thread, NULL, sleeper, &all[i]),
			"pthread_create: %m");
	}
	atomic_fetch_add(&world->ready, 1);
	while (!atomic_load(&world->calm))
		tk_sleep(20 * TK_MSEC);
	give_up = tk_give_up();
	do {
		tk_sleep(20 * TK_MSEC);
		for (left = 0, i = 0; i < TW_KINDS; i++)
			left += !atomic_load(&all[i].over);
	} while (left && raw() < give_up);
	for (i = 0; i < TW_KINDS; i++) {
		struct tw *w = &all[i].w;

		CHECK(atomic_load(&all[i].over), "%s, %s: lost, armed for %" PRId64
		      ", and the clock shows %" PRId64, me->name, w->kind->name, w->lo,
		      tk_now(w->kind->clk));
	}
	judge();
	return 0;
}

/* ------------------------------------------------------------------------ the loop */

struct timer {
	bool posix;
	int id;			/* descriptor, or the kernel's number */
	int clk;		/* what it was made for */
	int base;		/* what it may not be early on */
	unsigned int generation;
	bool armed;
	bool abs;
	s64 lo, hi;		/* the first expiry */
	s64 interval;
	s64 armed_raw;
	s64 total;
	int rounds;		/* so many more of a periodic one */
};

static struct timer *timers;
static int nr_armed;

static const int fd_clocks[] = {
	CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM,
	CLOCK_BOOTTIME_ALARM,
};

static const int timer_clocks[] = {
	CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_REALTIME_ALARM,
	CLOCK_BOOTTIME_ALARM,
};

#define SIG_TIMERS (SIGRTMIN + 2)

static int base_of(int clk)
{
	return clk == CLOCK_REALTIME_ALARM ? CLOCK_REALTIME :
	       clk == CLOCK_BOOTTIME_ALARM ? CLOCK_BOOTTIME : clk;
}

/* A signal may be on its way for what the timer was before: it gets another number. */
static void make_posix(struct timer *t)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIG_TIMERS };

	if (t->id >= 0)
		CHECK(!syscall(SYS_timer_delete, t->id), "timer_delete: %m");
	t->generation = (t->generation + 1) & 0x7fff;
	ev.sigev_value.sival_int = (t - timers) << 15 | t->generation;
	REQUIRE(!syscall(SYS_timer_create, t->clk, &ev, &t->id), "timer_create(%d): %m", t->clk);
}

static void arm(struct timer *t)
{
	bool abs = one_in(2);
	s64 ns = length(), before;
	int ret;

	if (t->armed)
		nr_armed--;
	t->armed = false;
	t->abs = abs;
	t->total = 0;
	t->rounds = 0;
	t->interval = 0;
	if (one_in(3)) {
		t->interval = TK_MSEC + below(one_in(4) ? 5 * TK_MSEC : 100 * TK_MSEC);
		t->rounds = 1 + below(12);
	}
	/* What is relative on REALTIME is on MONOTONIC, but for the alarm timers. */
	t->base = base_of(t->clk);
	if (!abs && t->clk == CLOCK_REALTIME)
		t->base = CLOCK_MONOTONIC;
	if (t->posix)
		make_posix(t);
	t->armed_raw = raw();
	before = tk_vnow(t->base);
	if (abs && one_in(64))
		ns = -ns;
	t->lo = before + ns;
	if (t->posix)
		ret = tw_timer_arm(t->id, abs ? TIMER_ABSTIME : 0, abs ? t->lo : ns, t->interval);
	else
		ret = tw_timerfd_arm(t->id, abs ? TFD_TIMER_ABSTIME : 0, abs ? t->lo : ns,
				     t->interval);
	REQUIRE(!ret, "%s: arming clock %d: %s", me->name, t->clk, strerror(-ret));
	t->hi = abs ? tk_max(t->lo, before) : tk_vnow(t->base) + ns;
	t->armed = true;
	nr_armed++;
}

static const char *what(const struct timer *t)
{
	return t->posix ? t->interval ? "periodic POSIX timer" : "POSIX timer" :
	       t->interval ? "periodic timerfd" : "timerfd";
}

/* @n expiries were told between two readings of the clock */
static void expired(struct timer *t, s64 n, s64 before, s64 after, s64 read)
{
	bool first = !t->total;

	t->total += n;
	atomic_fetch_add(&me->ticks, n);
	if (first)
		fired(what(t), t->base, !t->abs, t->lo, t->interval ? INT64_MAX / 2 : t->hi,
		      t->armed_raw, read, after);
	if (!t->interval) {
		CHECK(n == 1, "%s, %s on clock %d: fired %" PRId64 " times", me->name, what(t),
		      t->clk, n);
	} else if (stepped(t->base) == STEPPED) {
		s64 least = tk_max(tk_floor_div(before - t->hi, t->interval) + 1, 1);
		s64 most = tk_floor_div(after - t->lo, t->interval) + 1;

		CHECK(least <= t->total && t->total <= most, "%s, %s on clock %d every %" PRId64
		      " ns: %" PRId64 " expiries, not %" PRId64 "..%" PRId64, me->name, what(t),
		      t->clk, t->interval, t->total, least, most);
	}
	if (t->interval && --t->rounds > 0 && !atomic_load(&world->calm))
		return;
	if (!atomic_load(&world->calm)) {
		arm(t);
		return;
	}
	if (t->posix)
		tw_timer_arm(t->id, 0, 0, 0);
	else
		tw_timerfd_arm(t->id, 0, 0, 0);
	t->armed = false;
	nr_armed--;
}

static void fd_ready(struct timer *t)
{
	s64 before = tk_now(t->base), after;
	u64 n = 0;

	if (read(t->id, &n, sizeof(n)) != sizeof(n)) {
		/* Re-armed since epoll looked */
		CHECK(errno == EAGAIN, "reading a timerfd: %m");
		return;
	}
	after = tk_now(t->base);
	if (CHECK(t->armed, "a timerfd fired which is not armed"))
		expired(t, n, before, after, raw());
}

static void signals_ready(int sigfd)
{
	struct signalfd_siginfo si;
	s64 before[4], after;
	struct timer *t;
	int i;

	for (i = 0; i < 16; i++) {
		static const int clk[4] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
					    CLOCK_TAI };
		int c;

		for (c = 0; c < 4; c++)
			before[c] = tk_now(clk[c]);
		if (read(sigfd, &si, sizeof(si)) != sizeof(si))
			return;
		t = &timers[si.ssi_int >> 15];
		if (t->generation != (si.ssi_int & 0x7fff) || !t->armed)
			continue;
		after = tk_now(t->base);
		for (c = 0; clk[c] != t->base; c++)
			;
		expired(t, 1 + (s64)si.ssi_overrun, before[c], after, raw());
	}
}

/* What is left until the next expiry, of one that is to come */
static void check_left(struct timer *t)
{
	s64 before = tk_now(t->base), left, after;

	if (!t->armed || t->interval || stepped(t->base) != STEPPED)
		return;
	left = t->posix ? tw_timer_left(t->id) : tw_timerfd_left(t->id);
	after = tk_now(t->base);
	if (after < t->lo)
		CHECK(t->lo - after <= left && left <= t->hi - before, "%s, %s on clock %d: %"
		      PRId64 " ns left, not %" PRId64 "..%" PRId64, me->name, what(t), t->clk,
		      left, t->lo - after, t->hi - before);
}

static int loop(void *arg)
{
	int i, n, nr, epoll, sigfd;
	struct epoll_event ev[32];
	s64 give_up = 0, probe;
	bool alarms;
	sigset_t set;

	me = arg;
	chance_init((me - world->clock) * 1000 + 1);
	if (me->fd >= 0)
		tk_enter(me->fd);
	judge_start();
	tw_block_signals();
	prctl(PR_SET_TIMERSLACK, 1UL);
	alarms = !tk_gettime(TK_SYS, CLOCK_BOOTTIME_ALARM, &probe);
	nr = world->nr_fds + world->nr_timers;
	timers = calloc(nr, sizeof(*timers));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	sigemptyset(&set);
	sigaddset(&set, SIG_TIMERS);
	sigfd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	REQUIRE(timers && epoll >= 0 && sigfd >= 0, "epoll or signalfd: %m");
	ev[0] = (struct epoll_event){ .events = EPOLLIN, .data.u32 = nr };
	REQUIRE(!epoll_ctl(epoll, EPOLL_CTL_ADD, sigfd, ev), "epoll_ctl: %m");
	for (i = 0; i < nr; i++) {
		struct timer *t = &timers[i];

		t->id = -1;
		t->posix = i >= world->nr_fds;
		if (t->posix) {
			t->clk = timer_clocks[below(TK_ARRAY(timer_clocks) - (alarms ? 0 : 2))];
			continue;
		}
		t->clk = fd_clocks[below(TK_ARRAY(fd_clocks) - (alarms ? 0 : 2))];
		t->id = timerfd_create(t->clk, TFD_CLOEXEC | TFD_NONBLOCK);
		REQUIRE(t->id >= 0, "timerfd_create(%d): %m", t->clk);
		ev[0] = (struct epoll_event){ .events = EPOLLIN, .data.u32 = i };
		REQUIRE(!epoll_ctl(epoll, EPOLL_CTL_ADD, t->id, ev), "epoll_ctl: %m");
	}
	atomic_fetch_add(&world->ready, 1);
	while (!atomic_load(&world->go))
		tk_sleep(5 * TK_MSEC);
	for (i = 0; i < nr; i++)
		arm(&timers[i]);

	while (nr_armed) {
		n = epoll_wait(epoll, ev, TK_ARRAY(ev), 20);
		REQUIRE(n >= 0, "epoll_wait: %m");
		for (i = 0; i < n; i++) {
			if (ev[i].data.u32 == (uint32_t)nr)
				signals_ready(sigfd);
			else
				fd_ready(&timers[ev[i].data.u32]);
		}
		if (atomic_load(&world->calm)) {
			if (!give_up)
				give_up = tk_give_up();
			if (raw() > give_up)
				break;
			continue;
		}
		check_left(&timers[below(nr)]);
		if (one_in(8))
			arm(&timers[below(nr)]);
	}
	for (i = 0; i < nr; i++) {
		const struct timer *t = &timers[i];

		CHECK(!t->armed, "%s, %s: lost, armed for %" PRId64
		      " on clock %d, and the clock shows %" PRId64, me->name, what(t), t->lo,
		      t->clk, tk_now(t->base));
	}
	judge();
	return 0;
}

/* ------------------------------------------------------------------------- setters */

static void read_stepped(s64 c[STEPPED])
{
	c[REAL] = tk_now(CLOCK_REALTIME);
	c[TAI] = tk_now(CLOCK_TAI);
}

static struct op *begin(void)
{
	int n = atomic_load(&me->journal.count);
	struct op *op = &me->journal.op[n];

	REQUIRE(n < OPS_MAX, "%s: the journal is full", me->name);
	op->raw0 = raw();
	read_stepped(op->c0);
	return op;
}

static void end(struct op *op)
{
	read_stepped(op->c1);
	op->raw1 = raw();
	atomic_fetch_add(&me->journal.count, 1);
}

static void tune(struct tk_timex tx)
{
	int ret = tk_adjtimex(&tx);

	CHECK(ret >= 0, "%s: adjtimex(%#x): %s", me->name, tx.modes, strerror(-ret));
}

static void step_by(s64 ns)
{
	struct op *op = begin();
	int ret;

	if (one_in(2)) {
		ret = tk_step(ns);
	} else {
		s64 to = tk_now(CLOCK_REALTIME) + ns;

		ret = tk_settime(CLOCK_REALTIME, to / TK_SEC, to % TK_SEC);
	}
	CHECK(ret >= 0, "%s: a step by %" PRId64 ": %s", me->name, ns, strerror(-ret));
	end(op);
}

/*
 * A leap second: it is in the journal as the step that it is, between the last reading
 * before and the first one after.
 */
static void take_leap(bool insert)
{
	/* By the last second that is not part of it a leap second has to be armed. */
	s64 last = TK_MIDNIGHT + below(300) * TK_DAY * TK_SEC - (insert ? 1 : 2) * TK_SEC;
	s64 at = last - 150 * TK_MSEC, give_up, before, after;
	struct op *op, now;

	do {
		tune((struct tk_timex){ .modes = ADJ_STATUS, .status = STA_PLL });
		tune((struct tk_timex){ .modes = ADJ_STATUS });
		op = begin();
		CHECK(!tk_settime(CLOCK_REALTIME, at / TK_SEC, at % TK_SEC), "clock_settime: %m");
		end(op);
		before = op->c1[TAI] - op->c1[REAL];
		tune((struct tk_timex){
			.modes = ADJ_STATUS, .status = insert ? STA_INS : STA_DEL });
	} while (tk_now(CLOCK_REALTIME) >= last);
	op = begin();
	give_up = tk_give_up();
	do {
		tk_sleep(200 * TK_USEC);
		now.raw0 = raw();
		read_stepped(now.c0);
		after = now.c0[TAI] - now.c0[REAL];
		if (llabs(after - before) > TK_SEC / 2)
			break;
		op->raw0 = now.raw0;
		memcpy(op->c0, now.c0, sizeof(now.c0));
	} while (raw() < give_up);
	CHECK(llabs(after - before) > TK_SEC / 2, "%s: the leap second did not come", me->name);
	end(op);
	tune((struct tk_timex){ .modes = ADJ_STATUS });
}

static void let_go(void)
{
	struct op *op = begin();
	int ret = tk_follow();

	CHECK(!ret, "%s: follow: %s", me->name, strerror(-ret));
	end(op);
}

static void something(void)
{
	struct tk_timex tx = { 0 };
	struct op *op;
	s64 ns;

	switch (below(16)) {
	case 0:
	case 1:
		step_by(below(50 * TK_MSEC));
		break;
	case 2:
	case 3:
		step_by(-below(50 * TK_MSEC));
		break;
	case 4:
		step_by(below(2 * TK_SEC));
		break;
	case 5:
		step_by(-below(2 * TK_SEC));
		break;
	case 6:
		/* Far back, and home again: what was armed would wait too long. */
		ns = me->state == FLIP ? below(5 * TK_SEC) : below(TK_YEAR * TK_SEC / 2);
		step_by(-ns);
		tk_sleep(below(10 * TK_MSEC) + 1);
		step_by(ns + below(TK_MSEC));
		break;
	case 7:
		step_by(me->state == FLIP ? below(TK_SEC) : below(HOUR));
		break;
	case 8:
	case 9:
		tune((struct tk_timex){ .modes = ADJ_TICK, .tick = 9000 + below(2001) });
		break;
	case 10:
		tx.modes = ADJ_FREQUENCY;
		tx.freq = (below(1001) - 500) * 65536;
		tune(tx);
		break;
	case 11:
		tune((struct tk_timex){ .modes = ADJ_STATUS, .status = STA_PLL });
		tx.modes = ADJ_OFFSET | ADJ_NANO | ADJ_TIMECONST;
		tx.offset = below(400 * TK_MSEC) - 200 * TK_MSEC;
		tx.constant = below(6);
		tune(tx);
		break;
	case 12:
		tx.modes = ADJ_OFFSET_SINGLESHOT;
		tx.offset = below(5000) - 2500;
		tune(tx);
		break;
	case 13:
		op = begin();
		tune((struct tk_timex){ .modes = ADJ_TAI, .constant = 30 + below(10) });
		end(op);
		break;
	case 14:
		if (me->state == FLIP)
			let_go();
		break;
	case 15:
		tune((struct tk_timex){ .modes = ADJ_TICK | ADJ_FREQUENCY, .tick = 10000 });
		break;
	}
}

/* On each clock, or the test has seen little. In instructions that is known beforehand. */
static bool fired_enough(void)
{
	int i;

	for (i = 0; i < CLOCKS && !tk_exact(); i++)
		if (atomic_load(&world->clock[i].fired) <= world->nr_fds)
			return false;
	return true;
}

static int setter(void *arg)
{
	bool leaped = false;
	s64 end_at, leap_at;

	me = arg;
	chance_init((me - world->clock) * 1000 + 2);
	if (me->fd >= 0)
		tk_enter(me->fd);
	atomic_fetch_add(&world->ready, 1);
	while (!atomic_load(&world->go))
		tk_sleep(5 * TK_MSEC);
	end_at = raw() + world->seconds * TK_SEC;
	leap_at = raw() + below(world->seconds * TK_SEC / 2 + 1);
	while (raw() < end_at || !fired_enough()) {
		if (!leaped && me->state != FLIP && raw() >= leap_at) {
			take_leap((me - world->clock) % 2);
			leaped = true;
		}
		something();
		tk_sleep(below(20 * TK_MSEC) + 1);
	}
	/* As it was, but past everything that may be armed */
	tune((struct tk_timex){ .modes = ADJ_TICK | ADJ_FREQUENCY, .tick = 10000 });
	tune((struct tk_timex){ .modes = ADJ_STATUS });
	return 0;
}

/*
 * Nothing is armed any more, and what is on a date is released. The date may be far behind
 * what was armed on it: the leap is taken at a day by chance, and who goes in and out may
 * have taken the host's clock while that was far back. So by more than all that together.
 */
static int release(void *arg)
{
	me = arg;
	if (me->fd >= 0)
		tk_enter(me->fd);
	step_by(3 * TK_YEAR * TK_SEC);
	return 0;
}

/* ----------------------------------------------------------------------- the tests */

static s64 parameter(const char *name, s64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoll(text, NULL, 0) : otherwise;
}

static void setup_world(bool host_moves)
{
	static const struct {
		const char *name;
		enum state state;
		s64 ahead;
		s64 offset;
	} kind[CLOCKS] = {
		{ "the host", HOST, 0, 0 },
		{ "own", OWN, 0, 0 },
		{ "a year ahead", OWN, TK_YEAR * TK_SEC, 864000 },
		{ "two years behind", OWN, -2 * TK_YEAR * TK_SEC, 0 },
		{ "follower", FOLLOW, 0, 864000 },
		{ "in and out", FLIP, 0, 0 },
	};
	struct rlimit rl = { 8192, 8192 };
	int i;

	setrlimit(RLIMIT_NOFILE, &rl);
	world = tk_shared_page(sizeof(*world));
	world->host_moves = host_moves;
	world->seed = parameter("TK_SEED", tk_exact() ? 1 : time(NULL) % 100000);
	world->seconds = parameter("TK_SECONDS", 2);
	world->nr_fds = parameter("TK_TIMERS", tk_exact() ? 400 : 120);
	world->nr_timers = world->nr_fds / 4;
	fprintf(stderr, "# TK_SEED=%u TK_SECONDS=%" PRId64 " TK_TIMERS=%d\n", world->seed,
		world->seconds, world->nr_fds);
	for (i = 0; i < CLOCKS; i++) {
		struct clock *c = &world->clock[i];
		char offsets[96];

		c->name = kind[i].name;
		c->state = kind[i].state;
		c->raw_offset = kind[i].offset * TK_SEC;
		c->fd = -1;
		if (c->state == HOST)
			continue;
		snprintf(offsets, sizeof(offsets),
			 "monotonic %" PRId64 " 0\nboottime %" PRId64 " 0\n",
			 kind[i].offset, 2 * kind[i].offset);
		c->fd = tk_ns_new_offsets(kind[i].offset ? offsets : NULL);
		if (c->state == FOLLOW)
			continue;
		tk_enter(c->fd);
		CHECK(tk_step(kind[i].ahead) >= 0, "ADJ_SETOFFSET: %m");
		CHECK_STATE("own");
		tk_leave();
	}
}

static void run_world(void)
{
	pid_t crew[2 * CLOCKS], set[CLOCKS];
	int nr_crew = 0, nr_set = 0, i;

	for (i = 0; i < CLOCKS; i++) {
		struct clock *c = &world->clock[i];

		crew[nr_crew++] = tk_spawn(loop, c);
		crew[nr_crew++] = tk_spawn(sleepers, c);
		if (c->state == OWN || c->state == FLIP || (c->state == HOST && world->host_moves))
			set[nr_set++] = tk_spawn(setter, c);
	}
	while (atomic_load(&world->ready) < nr_crew + nr_set)
		tk_sleep(5 * TK_MSEC);
	atomic_store(&world->go, true);
	for (i = 0; i < nr_set; i++)
		CHECK(!tk_reap(set[i]), "a setter failed");
	atomic_store(&world->calm, true);
	/* What was under way is armed by now, and what no step moves is over. */
	tk_sleep(LONGEST + LONGEST / 4);
	for (i = 0; i < CLOCKS; i++)
		if (world->clock[i].state != FOLLOW &&
		    (world->clock[i].state != HOST || world->host_moves))
			RUN(release, &world->clock[i]);
	atomic_store(&world->journals_done, true);
	for (i = 0; i < nr_crew; i++)
		CHECK(!tk_reap(crew[i]), "a crew failed");
	for (i = 0; i < CLOCKS; i++) {
		struct clock *c = &world->clock[i];
		long n = atomic_load(&c->fired);

		fprintf(stderr, "# %-16s %6ld fired, %7ld expiries, %4d steps, %4ld by the journal",
			c->name, n, atomic_load(&c->ticks), atomic_load(&c->journal.count),
			atomic_load(&c->suspects));
		if (tk_exact())
			fprintf(stderr, ", latest %ld us", atomic_load(&c->worst) / 1000);
		fprintf(stderr, "\n");
		CHECK(n > world->nr_fds, "%s: only %ld fired", c->name, n);
	}
}

/* The host's clock is not touched: its watcher sees to that, and its timers are watched. */
TK_FIXTURE(namespaces);

TEST_F(namespaces, change)
{
	setup_world(false);
	run_world();
}

/* The host's is stepped and bent as well, and a follower goes with it. */
FIXTURE(everything)
{
	struct tk_guard guard;
};

FIXTURE_SETUP(everything)
{
	ASSERT_EQ(0, tk_setup_watch(false, 0));
	tk_guard_start(&self->guard);
}

FIXTURE_TEARDOWN(everything)
{
	tk_guard_stop(&self->guard);
	EXPECT_EQ(0, tk_teardown());
}

TEST_F(everything, changes)
{
	setup_world(true);
	run_world();
}

TEST_HARNESS_MAIN
