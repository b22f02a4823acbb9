// SPDX-License-Identifier: GPL-2.0
/*
 * tkdemo_tickcost - what the tick takes from a CPU for 0, 1, 100, 1000 own
 * namespaces, with one pass a second and with a pass every tick
 *
 * How the tick is looked at: tickcost.h. Nothing has to be subtracted but the same
 * measurement with no own namespace, which is taken before each of the others in the
 * same boot (A B A C A D).
 *
 * "A pass every tick" is the design that was feared: interval_ms = 0, which also
 * lifts the limit on the passes of one tick.
 */
#define _GNU_SOURCE
#include "results.h"
#include "tickcost.h"

static const long numbers[] = { 0, 1, 100, 1000 };

#define NR_NUMBERS	(sizeof(numbers) / sizeof(numbers[0]))
#define MAX_NAMESPACES	1000

/* What was found with one number of namespaces at one interval. */
struct load {
	struct tk_tick tick;
	/* Taken for a tick, less the same without own namespaces, measured just before. */
	double more_per_tick;
};

/* With this number of namespaces, and just before with none. */
static void measure(struct load *load, long number, long long interval,
		    const struct tk_ticks *ticks)
{
	struct tk_tick without;

	tk_hold(0);
	tk_set_interval(interval);
	tk_settle(&ticks->counter);
	tk_look_at_ticks(&without, ticks);
	tk_hold(number);
	/* Asleep there is no tick, so that all are due after it, and made up for within the budget. */
	tk_settle(&ticks->counter);
	tk_look_at_ticks(&load->tick, ticks);
	tk_require_owners(number);
	load->more_per_tick = tk_mean_tick(&load->tick, ticks) - tk_mean_tick(&without, ticks);
}

static void print_table(const struct load *loads, const char *what, const char *key,
			const struct tk_ticks *ticks)
{
	unsigned int i;

	tk_say("%s:", what);
	tk_say("%8s %10s %12s %14s %14s %9s %16s", "own", "passes/s", "mean tick",
	       "more than w/o", "longest tick", "of the CPU", "(other tasks ran)");
	for (i = 0; i < NR_NUMBERS; i++) {
		const struct tk_tick *t = &loads[i].tick;
		double passes = tk_passes_a_second(t), mean = tk_mean_tick(t, ticks);
		double more = loads[i].more_per_tick;
		/* Of the CPU's time, for the namespaces alone. */
		double share = tk_share(more, ticks);

		tk_say("%8ld %10.0f %12.0f %+14.1f %14.0f %9.3f%% %16u", numbers[i], passes, mean,
		       more, t->look.longest, share, t->look.foreign);
		tk_fact("tick.%s %ld %.0f %.0f %.1f %.0f %.4f", key, numbers[i], passes, mean,
			more, t->look.longest, share);
	}
}

/* None at all is wrong where some are wanted. */
static bool about(const struct load *load, double wanted)
{
	return tk_takes_about(&load->tick, wanted) && (load->tick.passes || !wanted);
}

int main(int argc, char **argv)
{
	static struct load once[NR_NUMBERS], every[NR_NUMBERS];
	const unsigned int top = NR_NUMBERS - 1;
	bool once_right = true, every_right = true;
	struct tk_ticks ticks;
	long long budget, batch;
	double factor;
	unsigned int i;

	tk_start_by_options(argc, argv,
			    "What the tick takes for 0, 1, 100 and 1000 own time namespaces. Root only.");
	tk_ticks_start(&ticks, MAX_NAMESPACES);

	tk_say("instructions that the tick takes, %.0f ticks a second", ticks.hz);
	tk_fact("tick.hz %.0f", ticks.hz);
	for (i = 0; i < NR_NUMBERS; i++) {
		measure(&once[i], numbers[i], 1000, &ticks);
		once_right &= about(&once[i], (double)numbers[i]);
	}
	print_table(once, "one pass a second", "once", &ticks);
	/* Since boot: to be read before the limit is lifted. */
	batch = tk_kernel_stat("max_batch");
	budget = tk_read_knob("budget");

	for (i = 0; i < NR_NUMBERS; i++) {
		measure(&every[i], numbers[i], TK_EVERY_TICK, &ticks);
		every_right &= about(&every[i], (double)numbers[i] * ticks.hz);
	}
	print_table(every, "a pass every tick", "every", &ticks);
	tk_hold(0);

	factor = every[top].more_per_tick / once[top].more_per_tick;
	tk_fact("tick.factor %.0f", factor);
	tk_fact("tick.per_pass %.0f", every[top].more_per_tick / (double)numbers[top]);
	tk_say("%ld namespaces: a pass every tick takes %.0f times as much as one a second; %.0f instructions a pass",
	       numbers[top], factor, every[top].more_per_tick / (double)numbers[top]);

	tk_claim(!once[0].tick.passes && !every[0].tick.passes, "no own namespace, no pass");
	tk_claim(once_right, "each own namespace gets one pass a second");
	tk_claim(every_right, "each own namespace gets a pass every tick when asked for");
	tk_claim(batch <= budget, "no tick takes more passes than the budget allows (at most %lld, budget %lld)",
		 batch, budget);
	/*
	 * A thousand times fewer passes, plus a look at the calendar in each tick. Anything near
	 * a tenth of the full factor would mean that the tick does work for namespaces not due.
	 */
	tk_claim(factor > ticks.hz / 10, "for %ld namespaces one pass a second takes %.0f times less than a pass every tick",
		 numbers[top], factor);
	tk_end();
	return 0;
}
