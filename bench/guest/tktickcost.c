// SPDX-License-Identifier: GPL-2.0
/*
 * tktickcost - what the tick takes from a CPU for own namespaces, by number and
 * policy, counted by the instruction
 *
 * For each number of namespaces: a look at the tick without any (tickcost.h),
 * then one with that number for each policy.
 *
 * A policy is the interval between two passes of a namespace. "A pass every tick",
 * interval_ms = 0, is the design that was feared; it also lifts the limit on the
 * passes of one tick. Under the other policies this limit can be below what the
 * interval asks for. Then fewer passes are taken, and this program says so.
 *
 * What would take more than half of the CPU is left out, and said to be: little of
 * the program that counts would be left. That is known from the passes of the
 * next smaller number.
 *
 * Facts, one line for each number and policy:
 *
 *	cost N INTERVAL_MS PASSES_PER_S MORE_PER_TICK LONGEST SHARE PER_PASS BOUND
 *	base N MEAN LONGEST
 *	skipped N INTERVAL_MS
 *
 * in instructions; the share is in percent of a CPU that executes one instruction
 * in a nanosecond, as under -icount shift=0.
 */
#define _GNU_SOURCE
#include <math.h>

#include "results.h"
#include "tickcost.h"

/* More than this share of the CPU is not tried (percent) */
#define MOST_SHARE	50

static const long numbers[] = { 1, 8, 100, 1000, 10000 };
static const long long intervals[] = { 4000, 1000, TK_EVERY_TICK };

#define NR_NUMBERS	(sizeof(numbers) / sizeof(numbers[0]))
#define NR_INTERVALS	(sizeof(intervals) / sizeof(intervals[0]))
#define MAX_NAMESPACES	10000

static void spin(const struct tk_counter *counter, int64_t ns)
{
	uint64_t end = tk_cycles() + (uint64_t)((double)ns * counter->cycles_per_ns);

	do {
		TK_NOPS(TK_NOPS_LONG);
	} while (tk_cycles() < end);
}

/* After a sleep all are due at once; so spin for @ns first, until each is at its home again. */
static void look(struct tk_tick *tick, const struct tk_ticks *ticks, int64_t ns)
{
	tk_settle(&ticks->counter);
	spin(&ticks->counter, ns);
	tk_look_at_ticks(tick, ticks);
}

/*
 * How long it takes until @number clocks that are all due are at their homes: what the budget
 * leaves beside the @wanted passes a second takes them, and another interval holds from the
 * next pass on, which the longest interval determines. In ns. With less budget than is wanted
 * nobody has a home, and the budget is used up at once.
 */
static int64_t until_calm(long number, double wanted, double most, bool bound)
{
	double seconds = (double)intervals[0] / 1000;

	if (!bound)
		seconds += (double)number / (most - wanted);
	return (int64_t)(seconds * 1.25 * TK_NSEC_PER_SEC);
}

static const char *policy(long long interval)
{
	static char text[32];

	if (interval == TK_EVERY_TICK)
		return "every tick";
	snprintf(text, sizeof(text), "each %lld ms", interval);
	return text;
}

/* How often a namespace takes a pass when nothing limits it */
static double asked_for(long number, long long interval, double hz)
{
	return (double)number * (interval == TK_EVERY_TICK ? hz : 1000.0 / (double)interval);
}

/* With @number namespaces at all policies; returns the instructions of a pass */
static double measure(long number, double per_pass, const struct tk_ticks *ticks, bool *right)
{
	struct tk_tick base, with;
	double passes, more, wanted, share;
	double most;
	unsigned int i;
	bool bound, every;

	tk_hold(0);
	tk_set_interval(intervals[0]);
	look(&base, ticks, 0);
	*right &= base.passes == 0;
	tk_fact("base %ld %.1f %.0f", number, tk_mean_tick(&base, ticks), base.look.longest);

	tk_hold(number);
	tk_require_owners(number);
	for (i = 0; i < NR_INTERVALS; i++) {
		wanted = asked_for(number, intervals[i], ticks->hz);
		every = intervals[i] == TK_EVERY_TICK;
		/* Without an interval there is no limit either */
		most = every ? HUGE_VAL : (double)tk_read_knob("budget") * ticks->hz;
		bound = wanted >= most;
		if (bound)
			wanted = most;
		share = tk_share(wanted * per_pass / ticks->hz, ticks);
		if (share > MOST_SHARE) {
			tk_say("%8ld %-12s left out: would take %.0f%% of the CPU", number,
			       policy(intervals[i]), share);
			tk_fact("skipped %ld %lld", number, intervals[i]);
			continue;
		}
		tk_set_interval(intervals[i]);
		look(&with, ticks, until_calm(number, wanted, most, bound));
		passes = tk_passes_a_second(&with);
		*right &= tk_takes_about(&with, wanted);
		more = tk_mean_tick(&with, ticks) - tk_mean_tick(&base, ticks);
		share = tk_share(more, ticks);
		/* A pass every tick has next to nothing else in it */
		if (every)
			per_pass = more * ticks->hz / passes;
		tk_say("%8ld %-12s %10.0f %14.1f %14.0f %9.4f%% %10.1f%s", number, policy(intervals[i]),
		       passes, more, with.look.longest, share, more * ticks->hz / passes,
		       bound ? "  (limited by the budget)" : "");
		tk_fact("cost %ld %lld %.1f %.2f %.0f %.6f %.2f %d", number, intervals[i], passes, more,
			with.look.longest, share, more * ticks->hz / passes, bound);
	}
	return per_pass;
}

int main(int argc, char **argv)
{
	struct tk_ticks ticks;
	double per_pass = 0;
	bool right = true;
	unsigned int i;

	tk_start_by_options(argc, argv,
			    "What the tick takes for 1 to 10000 own time namespaces. Root only.");
	tk_ticks_start(&ticks, MAX_NAMESPACES);

	tk_fact("hz %.0f", ticks.hz);
	tk_fact("cycles_per_ns %.6f", ticks.counter.cycles_per_ns);
	tk_say("instructions that the tick takes, %.0f ticks a second", ticks.hz);
	tk_say("%8s %-12s %10s %14s %14s %10s %10s", "own", "a pass", "passes/s", "more in a tick",
	       "longest tick", "of the CPU", "per pass");
	for (i = 0; i < NR_NUMBERS; i++)
		per_pass = measure(numbers[i], per_pass, &ticks, &right);
	tk_hold(0);
	tk_claim(right, "namespaces take as many passes as the policy says, within the budget");
	tk_end();
	return right ? 0 : TK_EXIT_FAILURE;
}
