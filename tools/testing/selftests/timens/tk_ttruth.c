// SPDX-License-Identifier: GPL-2.0
/*
 * The truth table: what becomes of each kind of wait when the clock is changed.
 *
 *	namespace	armed		change
 *	---------------------------------------------------------------------
 *	init		before		forward, back: CLOCK_REALTIME is stepped
 *	follow		after		insert, delete: a leap second
 *	own				fast, slow: the tick, by 10 %
 *
 * and of each of these 36 all kinds of lib/waits.h, all at once, a thread for each. For
 * init and follow it is the host's clock that is changed, for own the namespace's. And
 *
 *	turn		before		forward, back, fast, slow
 *
 * where the namespace follows when they are armed, with offsets, and the change is the
 * first thing that is written to its clock: all of them go over to it. And
 *
 *	own, turn	before		stop: the clock stands for longer than all of
 *					them are, and goes on
 *	share		both		all of these
 *
 * where the namespace follows an owner, with offsets, whose clock is changed.
 *
 * Who comes meanwhile is early by what is left on its clock, which it reads as it stands.
 *
 * Absolute expiries on REALTIME and TAI are moments of that clock:
 *
 *	forward  REALTIME  ---x=====>------------	x: the change
 *			      E inside: at once		E: the expiry
 *
 *	back     REALTIME  ------x---------E
 *			     <===		E comes later, by as much
 *
 *	insert   REALTIME  ---23:59:59-x
 *				23:59:59-00:00:00-E	a second later; TAI is not moved
 *
 *	delete   REALTIME  ---23:59:58-x
 *					00:00:00-E	a second earlier; E inside: at once
 *
 * All others, lengths and the clocks that are never set, do not notice. A rate changes
 * all of them: 100 ms of a fast clock are over after 91 of the host.
 *
 * What is asserted
 *	not early	on its own clock, read after waking up; no tolerance
 *	at all		a wait that ends an hour late, or a year, is reported by name
 *	not late	with one CPU, which is instruction counting: LATE, see there
 */
#include "lib/leap.h"
#include "lib/tk.h"
#include "lib/waits.h"

#include <linux/futex.h>

#define HOUR (3600 * TK_SEC)

/* Neighbours in the table expire so far apart, so that they do not wait for each other. */
#define APART (2 * TK_MSEC)
/* The first of them, and a length which spans the leap second from where it is armed */
#define SOON (100 * TK_MSEC)
#define SPAN (1300 * TK_MSEC)

/*
 * Instruction counting, one nanosecond each: an interrupt, the way out of idle, two
 * switches and the system call that reads the clock are some ten thousand
 * instructions. The tick's work may come first, and steering may add 50 us.
 */
#define LATE (200 * TK_USEC)
/* Where all are due at the same instant, the last one waits for all the others. */
#define LATE_ALL ((s64)TW_KINDS * LATE)
#define JIFFY TK_MSEC

enum state { INIT, FOLLOW, OWN, TURN, SHARE };
enum order { BEFORE, AFTER };
enum change { FORWARD, BACK, INSERT, DELETE, FAST, SLOW, STOP };

enum phase { PHASE_START, PHASE_OPEN, PHASE_GO, PHASE_ASLEEP, PHASE_CHANGED };

/* Shared by the changer, which stays single to get from one namespace to another, and the crew */
struct table {
	atomic_int phase;
	enum change change;
	enum order order;
	int fd;			/* whose clock is changed */
	int crew_fd;		/* who waits */
	/* What is armed: REALTIME's expiries are @real_at, or @real_in from now */
	s64 real_at;
	s64 real_in;
	s64 tai_in;
	s64 steady_in;
	/* A step: how far, and CLOCK_MONOTONIC_RAW after it, the crew's less so much */
	s64 tai_ahead;
	s64 raw_offset;
	s64 step;
	s64 real_after;
	s64 tai_after;
	s64 raw_changed;
};

static struct table *table;

struct row {
	struct tw w;
	pthread_t thread;
	unsigned int number;
	atomic_bool open;
	bool absent;
};

static struct row rows[TW_KINDS];

static void set_phase(enum phase phase)
{
	atomic_store(&table->phase, phase);
	syscall(SYS_futex, &table->phase, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Whoever should get there may have failed. */
static void wait_phase(enum phase phase)
{
	const struct timespec look = { .tv_sec = 1 };
	s64 give_up = tk_give_up();
	int now;

	while ((now = atomic_load(&table->phase)) < (int)phase) {
		syscall(SYS_futex, &table->phase, FUTEX_WAIT, now, &look, NULL, 0);
		REQUIRE(tk_vnow(CLOCK_MONOTONIC_RAW) < give_up, "phase %d does not come after %d",
			phase, now);
	}
}

/* Does a step of the clock move it? */
static bool moves(const struct tw *w)
{
	return w->kind->clk == CLOCK_REALTIME || w->kind->clk == CLOCK_TAI;
}

/* In the second which is left out */
static bool in_the_gap(const struct row *r)
{
	return table->change == DELETE && table->order == BEFORE &&
	       r->w.kind->clk == CLOCK_REALTIME && r->number % 2;
}

static s64 expiry(const struct row *r)
{
	s64 apart = r->number * APART, in = table->steady_in;

	if (r->w.kind->clk == CLOCK_REALTIME) {
		if (in_the_gap(r))
			return TK_MIDNIGHT - TK_SEC / 2;
		if (table->real_at)
			return table->real_at + apart;
		in = table->real_in;
	} else if (r->w.kind->clk == CLOCK_TAI) {
		in = table->tai_in;
	}
	in += apart;
	return tw_from_now(&r->w, in);
}

static void *wait_once(void *arg)
{
	struct row *r = arg;

	tw_must_open(&r->w);
	atomic_store(&r->open, true);
	wait_phase(PHASE_GO);
	tw_go(&r->w, expiry(r));
	tw_close(&r->w);
	return NULL;
}

static void check_early(const struct row *r)
{
	const struct tw *w = &r->w;
	s64 most = w->woken;

	/*
	 * A step back may come between the expiry and the reading of the clock. What
	 * the clock showed at most before it, is what it showed after it and the step.
	 */
	if (table->step < 0 && table->order == BEFORE && moves(w) &&
	    w->raw_armed - table->raw_offset < table->raw_changed)
		most = tk_max(most, (w->kind->clk == CLOCK_TAI ? table->tai_after :
				     table->real_after) - table->step);
	/*
	 * Jiffies are not followed by a rate: at the start it could not be known. Where
	 * ticks come late they are behind the clock, on the host as well, and a wait
	 * which starts from such a jiffy is short.
	 */
	if ((w->kind->flags & TW_JIFFIES) &&
	    (!tk_exact() || table->change == STOP ||
	     (table->change == SLOW && table->order == BEFORE)))
		return;
	CHECK(most >= w->lo, "%s: %" PRId64 " ns early", w->kind->name, w->lo - most);
}

static void check_late(const struct row *r)
{
	const struct tw *w = &r->w;
	s64 due = tw_due(w), late = LATE, length = table->steady_in + r->number * APART;

	if (table->change == FORWARD && table->order == BEFORE && moves(w)) {
		s64 since = w->raw_woken - table->raw_offset - table->raw_changed;

		CHECK(since <= LATE_ALL, "%s: woken %" PRId64 " ns after the step", w->kind->name,
		      since);
		return;
	}
	if (in_the_gap(r)) {
		/* All of these at the edge, which the host sees at its next tick. */
		due = TK_MIDNIGHT;
		late = LATE_ALL + 2 * JIFFY;
	}
	/* The host's interrupt is set by its own oscillator: at most a tenth off, for so long. */
	if (table->change == FAST)
		late += APART / 10;
	if (w->kind->flags & TW_TWICE)
		late += 2 * LATE;
	if (w->kind->flags & TW_SLACK)
		late += length / 1000;
	/* The wheel's coarsest buckets are an eighth of the time until then. */
	if (w->kind->flags & TW_JIFFIES)
		late += length / 8 + 3 * JIFFY + length / 5;
	/* What tells it comes at this pace: whoever sends it waits for a CPU as well. */
	if (w->kind->flags & TW_COARSE)
		late += w->pace;
	CHECK(w->woken - due <= late, "%s: %" PRId64 " ns late, of %" PRId64, w->kind->name,
	      w->woken - due, late);
}

/* All kinds, in the namespace */
static int crew(void *arg)
{
	s64 give_up, worst = 0;
	size_t i, left;

	(void)arg;
	if (table->crew_fd >= 0)
		tk_enter(table->crew_fd);
	tw_block_signals();
	for (i = 0; i < TW_KINDS; i++) {
		struct row *r = &rows[i];
		s64 probe;

		tw_init(&r->w, &tw_kinds[i]);
		r->number = i;
		/* Without an RTC these clocks do not exist; tk_clocks compares that. */
		r->absent = (tw_kinds[i].flags & TW_ALARM) &&
			    tk_gettime(TK_SYS, CLOCK_BOOTTIME_ALARM, &probe);
		if (r->absent)
			continue;
		REQUIRE(!pthread_create(&r->thread, NULL, wait_once, r), "pthread_create: %m");
	}
	for (i = 0; i < TW_KINDS; i++)
		while (!rows[i].absent && !atomic_load(&rows[i].open))
			tk_sleep(TK_MSEC / 2);
	set_phase(PHASE_OPEN);
	wait_phase(PHASE_GO);

	/* They sleep, so they have armed; or it is over already. */
	for (i = 0; i < TW_KINDS; i++) {
		struct tw *w = &rows[i].w;

		while (!rows[i].absent && atomic_load(&w->state) != TW_DONE &&
		       (atomic_load(&w->state) != TW_ARMED || !tw_asleep(w->tid)))
			tk_sleep(TK_MSEC / 2);
	}
	set_phase(PHASE_ASLEEP);
	wait_phase(PHASE_CHANGED);

	/* Far beyond every expiry, on a clock that is the same for all */
	give_up = tk_give_up();
	do {
		tk_sleep(5 * TK_MSEC);
		for (left = 0, i = 0; i < TW_KINDS; i++)
			left += !rows[i].absent && atomic_load(&rows[i].w.state) != TW_DONE;
	} while (left && tk_vnow(CLOCK_MONOTONIC_RAW) < give_up);
	for (i = 0; i < TW_KINDS; i++) {
		struct row *r = &rows[i];

		if (r->absent)
			continue;
		if (!CHECK(atomic_load(&r->w.state) == TW_DONE, "%s: never ends", r->w.kind->name))
			continue;
		if (!CHECK(!r->w.ret, "%s: %d, %s", r->w.kind->name, r->w.ret,
			   r->w.ret < 0 ? strerror(-r->w.ret) : "not a timeout"))
			continue;
		check_early(r);
		if (tk_exact())
			check_late(r);
		if (!(r->w.kind->flags & (TW_SLACK | TW_JIFFIES | TW_COARSE)) && !moves(&r->w))
			worst = tk_max(worst, r->w.woken - r->w.lo);
	}
	if (tk_exact())
		fprintf(stderr, "# latest of those which no step moves: %" PRId64 " ns\n", worst);
	return 0;
}

/* ------------------------------------------------------------------- the changes */

static void adjust(const char *what, struct tk_timex tx)
{
	int ret = tk_adjtimex(&tx);

	CHECK(ret >= 0, "%s: %s", what, strerror(-ret));
}

static void step(s64 ns)
{
	table->step = ns;
	CHECK(tk_step(ns) >= 0, "ADJ_SETOFFSET: %m");
	table->raw_changed = tk_vnow(CLOCK_MONOTONIC_RAW);
	table->real_after = tk_vnow(CLOCK_REALTIME);
	table->tai_after = tk_vnow(CLOCK_TAI);
}

/* Whoever comes late finds the leap second under way, or over. */
static void wait_state(int state)
{
	struct tk_timex tx = { 0 };
	s64 give_up = tk_give_up();
	int is;

	do {
		tk_sleep(TK_MSEC / 4);
		is = tk_adjtimex(&tx);
	} while (is != state && is != TIME_OOP && is != TIME_WAIT &&
		 tk_vnow(CLOCK_MONOTONIC_RAW) < give_up);
	CHECK(is == state || is == TIME_OOP || is == TIME_WAIT,
	      "the clock's state is %d, not %d", is, state);
}

/* adjtimex() tells of a leap second up to a tick before the clock of the host takes it. */
static void wait_leap(s64 before)
{
	s64 give_up = tk_give_up(), is;

	do {
		tk_sleep(TK_MSEC / 4);
		is = tk_vnow(CLOCK_TAI) - tk_vnow(CLOCK_REALTIME);
	} while (llabs(is - before) < TK_SEC / 2 && tk_vnow(CLOCK_MONOTONIC_RAW) < give_up);
	CHECK(llabs(is - before) >= TK_SEC / 2, "the leap second did not come");
}

/*
 * The state machine wants to see a second begin before the one that leaps. The first
 * write of an old status may leave a state behind, which the loss of STA_PLL ends.
 */
static void leap_soon(bool insert)
{
	struct tk_timex tx = { .modes = ADJ_STATUS | ADJ_MAXERROR };
	s64 last = TK_MIDNIGHT - (insert ? 1 : 2) * TK_SEC, at = last - 250 * TK_MSEC;

	/* An error of none: the state is TIME_ERROR otherwise. */
	tx.status = insert ? STA_INS : STA_DEL;
	do {
		adjust("status", (struct tk_timex){ .modes = ADJ_STATUS, .status = STA_PLL });
		adjust("status", (struct tk_timex){ .modes = ADJ_STATUS });
		CHECK(!tk_settime(CLOCK_REALTIME, at / TK_SEC, at % TK_SEC), "clock_settime: %m");
		adjust("leap", tx);
		table->tai_ahead = tk_vnow(CLOCK_TAI) - tk_vnow(CLOCK_REALTIME);
		/* Again, if it was not there when the last second before the leap began. */
	} while (tk_now(CLOCK_REALTIME) >= last);
	wait_state(insert ? TIME_INS : TIME_DEL);
}

/* What has to be done before anything is armed, and what is armed */
static void prepare(void)
{
	bool after = table->order == AFTER;

	table->real_in = SOON;
	table->tai_in = SOON;
	table->steady_in = SOON;
	switch (table->change) {
	case FORWARD:
		/* Ends by the step, or by the limit of the test. */
		if (!after) {
			table->real_in = HOUR;
			table->tai_in = HOUR;
		}
		break;
	case INSERT:
	case DELETE:
		leap_soon(table->change == INSERT);
		if (!after) {
			table->real_at = TK_MIDNIGHT + SOON / 2;
			table->tai_in = SPAN;
			table->steady_in = SPAN;
		}
		break;
	default:
		break;
	}
}

/* The changer waits on the host, since nothing passes inside */
static void stop_and_go(void)
{
	int ret = tk_write_file(TK_CLOCK_FILE, "stop");

	CHECK(!ret, "stop: %s", strerror(-ret));
	tk_leave();
	tk_sleep(2 * SOON + TW_KINDS * APART);
	tk_enter(table->fd);
	ret = tk_write_file(TK_CLOCK_FILE, "go");
	CHECK(!ret, "go: %s", strerror(-ret));
}

static void change(void)
{
	switch (table->change) {
	case FORWARD:
		step(2 * HOUR);
		break;
	case BACK:
		step(table->order == AFTER ? -HOUR : -2 * SOON);
		break;
	case INSERT:
	case DELETE:
		wait_leap(table->tai_ahead);
		break;
	case FAST:
		adjust("tick", (struct tk_timex){ .modes = ADJ_TICK, .tick = 11000 });
		break;
	case SLOW:
		adjust("tick", (struct tk_timex){ .modes = ADJ_TICK, .tick = 9000 });
		break;
	case STOP:
		stop_and_go();
		break;
	}
}

/* ---------------------------------------------------------------------- the tests */

FIXTURE(truth)
{
	struct tk_guard guard;
};

FIXTURE_VARIANT(truth)
{
	enum state state;
	enum order order;
	enum change change;
};

FIXTURE_VARIANT_ADD(truth, init_before_forward) { INIT, BEFORE, FORWARD };
FIXTURE_VARIANT_ADD(truth, init_before_back) { INIT, BEFORE, BACK };
FIXTURE_VARIANT_ADD(truth, init_before_insert) { INIT, BEFORE, INSERT };
FIXTURE_VARIANT_ADD(truth, init_before_delete) { INIT, BEFORE, DELETE };
FIXTURE_VARIANT_ADD(truth, init_before_fast) { INIT, BEFORE, FAST };
FIXTURE_VARIANT_ADD(truth, init_before_slow) { INIT, BEFORE, SLOW };

FIXTURE_VARIANT_ADD(truth, init_after_forward) { INIT, AFTER, FORWARD };
FIXTURE_VARIANT_ADD(truth, init_after_back) { INIT, AFTER, BACK };
FIXTURE_VARIANT_ADD(truth, init_after_insert) { INIT, AFTER, INSERT };
FIXTURE_VARIANT_ADD(truth, init_after_delete) { INIT, AFTER, DELETE };
FIXTURE_VARIANT_ADD(truth, init_after_fast) { INIT, AFTER, FAST };
FIXTURE_VARIANT_ADD(truth, init_after_slow) { INIT, AFTER, SLOW };

FIXTURE_VARIANT_ADD(truth, follow_before_forward) { FOLLOW, BEFORE, FORWARD };
FIXTURE_VARIANT_ADD(truth, follow_before_back) { FOLLOW, BEFORE, BACK };
FIXTURE_VARIANT_ADD(truth, follow_before_insert) { FOLLOW, BEFORE, INSERT };
FIXTURE_VARIANT_ADD(truth, follow_before_delete) { FOLLOW, BEFORE, DELETE };
FIXTURE_VARIANT_ADD(truth, follow_before_fast) { FOLLOW, BEFORE, FAST };
FIXTURE_VARIANT_ADD(truth, follow_before_slow) { FOLLOW, BEFORE, SLOW };

FIXTURE_VARIANT_ADD(truth, follow_after_forward) { FOLLOW, AFTER, FORWARD };
FIXTURE_VARIANT_ADD(truth, follow_after_back) { FOLLOW, AFTER, BACK };
FIXTURE_VARIANT_ADD(truth, follow_after_insert) { FOLLOW, AFTER, INSERT };
FIXTURE_VARIANT_ADD(truth, follow_after_delete) { FOLLOW, AFTER, DELETE };
FIXTURE_VARIANT_ADD(truth, follow_after_fast) { FOLLOW, AFTER, FAST };
FIXTURE_VARIANT_ADD(truth, follow_after_slow) { FOLLOW, AFTER, SLOW };

FIXTURE_VARIANT_ADD(truth, own_before_forward) { OWN, BEFORE, FORWARD };
FIXTURE_VARIANT_ADD(truth, own_before_back) { OWN, BEFORE, BACK };
FIXTURE_VARIANT_ADD(truth, own_before_insert) { OWN, BEFORE, INSERT };
FIXTURE_VARIANT_ADD(truth, own_before_delete) { OWN, BEFORE, DELETE };
FIXTURE_VARIANT_ADD(truth, own_before_fast) { OWN, BEFORE, FAST };
FIXTURE_VARIANT_ADD(truth, own_before_slow) { OWN, BEFORE, SLOW };

FIXTURE_VARIANT_ADD(truth, own_after_forward) { OWN, AFTER, FORWARD };
FIXTURE_VARIANT_ADD(truth, own_after_back) { OWN, AFTER, BACK };
FIXTURE_VARIANT_ADD(truth, own_after_insert) { OWN, AFTER, INSERT };
FIXTURE_VARIANT_ADD(truth, own_after_delete) { OWN, AFTER, DELETE };
FIXTURE_VARIANT_ADD(truth, own_after_fast) { OWN, AFTER, FAST };
FIXTURE_VARIANT_ADD(truth, own_after_slow) { OWN, AFTER, SLOW };

FIXTURE_VARIANT_ADD(truth, turn_before_forward) { TURN, BEFORE, FORWARD };
FIXTURE_VARIANT_ADD(truth, turn_before_back) { TURN, BEFORE, BACK };
FIXTURE_VARIANT_ADD(truth, turn_before_fast) { TURN, BEFORE, FAST };
FIXTURE_VARIANT_ADD(truth, turn_before_slow) { TURN, BEFORE, SLOW };

FIXTURE_VARIANT_ADD(truth, own_before_stop) { OWN, BEFORE, STOP };
FIXTURE_VARIANT_ADD(truth, turn_before_stop) { TURN, BEFORE, STOP };

FIXTURE_VARIANT_ADD(truth, share_before_forward) { SHARE, BEFORE, FORWARD };
FIXTURE_VARIANT_ADD(truth, share_before_back) { SHARE, BEFORE, BACK };
FIXTURE_VARIANT_ADD(truth, share_before_insert) { SHARE, BEFORE, INSERT };
FIXTURE_VARIANT_ADD(truth, share_before_delete) { SHARE, BEFORE, DELETE };
FIXTURE_VARIANT_ADD(truth, share_before_fast) { SHARE, BEFORE, FAST };
FIXTURE_VARIANT_ADD(truth, share_before_slow) { SHARE, BEFORE, SLOW };
FIXTURE_VARIANT_ADD(truth, share_before_stop) { SHARE, BEFORE, STOP };

FIXTURE_VARIANT_ADD(truth, share_after_forward) { SHARE, AFTER, FORWARD };
FIXTURE_VARIANT_ADD(truth, share_after_back) { SHARE, AFTER, BACK };
FIXTURE_VARIANT_ADD(truth, share_after_insert) { SHARE, AFTER, INSERT };
FIXTURE_VARIANT_ADD(truth, share_after_delete) { SHARE, AFTER, DELETE };
FIXTURE_VARIANT_ADD(truth, share_after_fast) { SHARE, AFTER, FAST };
FIXTURE_VARIANT_ADD(truth, share_after_slow) { SHARE, AFTER, SLOW };

/* An owner's changes leave the host's clock alone, and the fixture's watcher says so. */
FIXTURE_SETUP(truth)
{
	ASSERT_EQ(0, variant->state >= OWN ? tk_setup() : tk_setup_watch(false, 0));
	table = tk_shared_page(sizeof(*table));
	table->change = variant->change;
	table->order = variant->order;
	table->fd = -1;
	if (variant->state == OWN || variant->state == SHARE)
		table->fd = tk_ns_own(TK_YEAR * TK_SEC);
	else if (variant->state != TURN)
		tk_guard_start(&self->guard);
	if (variant->state == FOLLOW || variant->state == TURN) {
		table->fd = tk_ns_new_offsets("monotonic 864000 0\nboottime 1728000 0\n");
		table->raw_offset = 864000 * TK_SEC;
	}
	table->crew_fd = table->fd;
	if (variant->state == SHARE) {
		tk_enter(table->fd);
		table->crew_fd = tk_ns_new_offsets("monotonic 864000 0\nboottime 1728000 0\n");
		tk_leave();
		table->raw_offset = 864000 * TK_SEC;
	}
}

FIXTURE_TEARDOWN(truth)
{
	if (variant->state < OWN)
		tk_guard_stop(&self->guard);
	EXPECT_EQ(0, tk_teardown());
}

TEST_F(truth, table)
{
	pid_t pid = tk_spawn(crew, NULL);

	/* The one whose clock it is; the crew of a follower is where it is already. */
	if (variant->state >= OWN)
		tk_enter(table->fd);
	wait_phase(PHASE_OPEN);
	prepare();
	if (variant->order == AFTER)
		change();
	set_phase(PHASE_GO);
	wait_phase(PHASE_ASLEEP);
	if (variant->order == BEFORE)
		change();
	set_phase(PHASE_CHANGED);
	CHECK(!tk_reap(pid), "the crew failed");
	if (variant->state == FOLLOW) {
		tk_enter(table->fd);
		CHECK_STATE("follow");
	}
	if (variant->state >= OWN)
		CHECK_STATE("own");
	if (variant->state == SHARE) {
		tk_enter(table->crew_fd);
		CHECK_STATE("follow");
	}
	tk_leave();
}

TEST_HARNESS_MAIN
