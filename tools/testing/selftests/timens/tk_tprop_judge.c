// SPDX-License-Identifier: GPL-2.0
/*
 * A part of tk_tprop: was a timer early or late, by the journal of its clock?
 */
#include <inttypes.h>

#include "lib/fail.h"
#include "lib/process.h"
#include "tk_tprop.h"

/*
 * The fastest a clock can be: a tick of +10 %, a frequency of +500 ppm, adjtime() with
 * another 500, and the loop, which with time constant 0 corrects a quarter of at most
 * half a second per second.
 */
#define GROW(ns) ((ns) + (ns) / 4)

/*
 * With one CPU: a step forward lets everything fire at once that waits for the date.
 * The last of some thousand timers and sleepers has to wait for all others, some 10 us
 * each (thousands of instructions of one nanosecond).
 */
#define LATE (40 * TK_MSEC)

/*
 * From reading the clock to the system call that arms. In real time that may be long; then
 * a second, nearly as long as the longest wait: only instructions tell more.
 */
#define ARMING (tk_exact() ? 20 * TK_MSEC : TK_SEC)

#define SUSPECTS_MAX 4096

struct suspect {
	const char *what;
	int clk;
	bool rel;		/* and was told as a length */
	s64 lo;			/* the expiry is in [lo, hi] */
	s64 hi;
	s64 armed;		/* raw */
	s64 read;		/* raw, after */
	s64 showed;		/* this */
};

struct suspects {
	atomic_int count;
	struct suspect s[SUSPECTS_MAX];
};

static struct suspects *suspects;

void judge_start(void)
{
	suspects = tk_shared_page(sizeof(*suspects));
}

/* The journal @n that is about my clock: its own, and the host's while it follows */
static const struct journal *journal(int n)
{
	if (n == 0 && me->state != FOLLOW)
		return &me->journal;
	if (n == 1 && (me->state == FOLLOW || me->state == FLIP) && world->host_moves)
		return &world->clock[0].journal;
	return NULL;
}

static s64 most(const struct op *op, int k)
{
	return tk_max(op->c1[k], op->c0[k] + GROW(op->raw1 - op->raw0));
}

/*
 * The test reads the clock and then arms a length. A step of a date between the two moves
 * the expiry by as much. Whether it came in between is not known, only that it may have.
 */
static bool while_arming(const struct suspect *s, const struct op *op)
{
	return s->rel && op->raw0 <= s->armed + ARMING && op->raw1 >= s->armed;
}

static bool excused_early(const struct suspect *s)
{
	const struct journal *j;
	int n, i, k = stepped(s->clk);

	for (n = 0; n < 2; n++) {
		j = journal(n);
		for (i = 0; j && i < atomic_load(&j->count); i++) {
			const struct op *op = &j->op[i];
			s64 lo = s->lo;

			if (while_arming(s, op))
				lo -= op->c0[k] + GROW(op->raw1 - op->raw0) - op->c1[k];
			if (s->showed >= lo)
				return true;
			if (op->raw0 <= s->read && op->raw1 >= s->armed && most(op, k) >= lo)
				return true;
		}
	}
	return false;
}

/*
 * How long has it been due? What a step made due was so at the end of the step at the latest.
 * A step which ended after the timer fired, and one of the host for a clock which may have
 * followed it or not at that moment, excuse lateness but do not cause any.
 */
static s64 lateness(const struct suspect *s)
{
	s64 since = INT64_MIN, hi = s->hi, late, due;
	const struct journal *j;
	int n, i, k = stepped(s->clk);

	for (n = 0; n < 2; n++) {
		j = journal(n);
		for (i = 0; j && i < atomic_load(&j->count); i++)
			if (while_arming(s, &j->op[i]))
				hi += tk_max(j->op[i].c1[k] - j->op[i].c0[k], 0);
	}
	late = s->showed - hi;

	for (n = 0; n < 2; n++) {
		j = journal(n);
		for (i = 0; j && i < atomic_load(&j->count); i++) {
			const struct op *op = &j->op[i];

			if (op->raw0 > s->read || op->raw1 < s->armed)
				continue;
			due = s->showed - hi;
			if (op->c1[k] >= hi)
				due = tk_max(s->read - op->raw1, 0);
			if (op->raw1 > s->read || (n == 1 && me->state == FLIP)) {
				late = due < late ? due : late;
			} else if (op->raw1 >= since) {
				since = op->raw1;
				late = due;
			}
		}
	}
	return late;
}

static void note_late(s64 late)
{
	long worst = atomic_load(&me->worst);

	while (late > worst && !atomic_compare_exchange_weak(&me->worst, &worst, late))
		;
}

void fired(const char *what, int clk, bool rel, s64 lo, s64 hi, s64 armed, s64 read, s64 showed)
{
	bool steady = stepped(clk) == STEPPED, late = tk_exact() && showed - hi > LATE;
	int n;

	atomic_fetch_add(&me->fired, 1);
	if (steady) {
		CHECK(showed >= lo, "%s, %s: %" PRId64 " ns early on clock %d", me->name, what,
		      lo - showed, clk);
		CHECK(!late, "%s, %s: %" PRId64 " ns late on clock %d", me->name, what,
		      showed - hi, clk);
		note_late(showed - hi);
		return;
	}
	if (showed >= lo && !late)
		return;
	n = atomic_fetch_add(&suspects->count, 1);
	REQUIRE(n < SUSPECTS_MAX, "%s: more suspects than fit", me->name);
	suspects->s[n] = (struct suspect){ what, clk, rel, lo, hi, armed, read, showed };
}

void judge(void)
{
	int i;

	while (!atomic_load(&world->journals_done))
		tk_sleep(5 * TK_MSEC);
	for (i = 0; i < atomic_load(&suspects->count); i++) {
		const struct suspect *s = &suspects->s[i];

		if (s->showed < s->lo)
			CHECK(excused_early(s), "%s, %s: %" PRId64 " ns early on clock %d, armed %"
			      PRId64 " ns before, and no step explains it", me->name, s->what,
			      s->lo - s->showed, s->clk, s->read - s->armed);
		else
			CHECK(lateness(s) <= LATE, "%s, %s: %" PRId64 " ns late on clock %d",
			      me->name, s->what, lateness(s), s->clk);
	}
	atomic_fetch_add(&me->suspects, atomic_load(&suspects->count));
}
