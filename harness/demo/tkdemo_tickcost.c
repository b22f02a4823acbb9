// SPDX-License-Identifier: GPL-2.0
/*
 * tkdemo_tickcost - what the tick takes from a CPU for 0, 1, 100, 1000 own
 * namespaces, with one pass a second and with a pass every tick
 *
 * What the tick takes is what is missing to a program that counts (interrupts.h).
 * Nothing has to be subtracted but the same measurement with no own namespace,
 * which is taken before each of the others in the same boot (A B A C A D), because
 * RCU, the scheduler and the host's own timekeeping are in the tick as well.
 *
 * "A pass every tick" is the design that was feared: interval_ms = 0, which also
 * lifts the limit on the passes of one tick.
 *
 * Namespaces are held by descriptors and own a frequency each (hold.h).
 */
#define _GNU_SOURCE
#include "guest.h"
#include "hold.h"
#include "debugfs.h"
#include "interrupts.h"

/* How long one measurement looks. */
#define LOOK		TK_NSEC_PER_SEC

static const long numbers[] = { 0, 1, 100, 1000 };

#define NR_NUMBERS	(sizeof(numbers) / sizeof(numbers[0]))
#define MAX_NAMESPACES	1000

/* What was found with one number of namespaces at one interval. */
struct load {
	/* In instructions. */
	struct tk_look look;
	long long passes;
	/* Taken for a tick, less the same without own namespaces, measured just before. */
	double more_per_tick;
};

static void look(struct load *load, const struct tk_counter *counter)
{
	long long passes = tk_kernel_stat("passes");

	tk_look(&load->look, LOOK, counter);
	load->passes = tk_kernel_stat("passes") - passes;
	tk_judge_look(&load->look);
}

static double mean_tick(const struct load *load, double hz)
{
	return load->look.taken / (load->look.seconds * hz);
}

/* With this number of namespaces, and just before with none. */
static void measure(struct load *load, long number, long long interval,
		    const struct tk_counter *counter, double hz)
{
	struct load without;

	tk_hold(0);
	tk_set_interval(interval);
	tk_settle(counter);
	look(&without, counter);
	tk_hold(number);
	/* Asleep there is no tick, so that all are due after it, and made up for within the budget. */
	tk_settle(counter);
	look(load, counter);
	tk_require_owners(number);
	load->more_per_tick = mean_tick(load, hz) - mean_tick(&without, hz);
}

static void print_table(const struct load *loads, const char *what, const char *key,
			const struct tk_counter *counter, double hz)
{
	unsigned int i;

	tk_say("%s:", what);
	tk_say("%8s %10s %12s %14s %14s %9s %16s", "own", "passes/s", "mean tick",
	       "more than w/o", "longest tick", "of the CPU", "(other tasks ran)");
	for (i = 0; i < NR_NUMBERS; i++) {
		const struct load *l = &loads[i];
		double mean = mean_tick(l, hz);
		/* Of the CPU's time, for the namespaces alone. */
		double share = l->more_per_tick * hz /
			       (counter->cycles_per_ns * TK_NSEC_PER_SEC) * 100;

		tk_say("%8ld %10.0f %12.0f %+14.1f %14.0f %9.3f%% %16u", numbers[i],
		       (double)l->passes / l->look.seconds, mean, l->more_per_tick, l->look.longest, share,
		       l->look.foreign);
		tk_fact("tick.%s %ld %.0f %.0f %.1f %.0f %.4f", key, numbers[i],
			(double)l->passes / l->look.seconds, mean, l->more_per_tick, l->look.longest, share);
	}
}

/* A look is not a whole number of intervals: one pass more or less, and 2 %. */
static bool about(const struct load *l, double wanted)
{
	double difference = (double)l->passes / l->look.seconds - wanted;

	if (difference < 0)
		difference = -difference;
	return difference <= 1 + wanted / 50 && (l->passes || !wanted);
}

int main(int argc, char **argv)
{
	static struct load once[NR_NUMBERS], every[NR_NUMBERS];
	const unsigned int top = NR_NUMBERS - 1;
	bool once_right = true, every_right = true;
	struct tk_counter counter;
	long long budget, batch;
	double hz, factor;
	unsigned int i;

	if (!tk_start_by_options(argc, argv, "What the tick takes for 0, 1, 100 and 1000 own time namespaces. Root only."))
		return 0;
	tk_require_kernel();
	tk_calibrate(&counter);
	if (!counter.exact)
		errx(TK_EXIT_FAILURE, "the cycle counter does not count instructions: boot with -icount shift=0");
	hz = tk_hz();
	tk_hold_start(MAX_NAMESPACES, 0);
	tk_keep_interval();

	tk_say("instructions that the tick takes, %.0f ticks a second", hz);
	tk_fact("tick.hz %.0f", hz);
	for (i = 0; i < NR_NUMBERS; i++) {
		measure(&once[i], numbers[i], 1000, &counter, hz);
		once_right &= about(&once[i], (double)numbers[i]);
	}
	print_table(once, "one pass a second", "once", &counter, hz);
	/* Since boot: to be read before the limit is lifted. */
	batch = tk_kernel_stat("max_batch");
	budget = tk_read_knob("budget");

	for (i = 0; i < NR_NUMBERS; i++) {
		measure(&every[i], numbers[i], TK_EVERY_TICK, &counter, hz);
		every_right &= about(&every[i], (double)numbers[i] * hz);
	}
	print_table(every, "a pass every tick", "every", &counter, hz);
	tk_hold(0);

	factor = every[top].more_per_tick / once[top].more_per_tick;
	tk_fact("tick.factor %.0f", factor);
	tk_fact("tick.per_pass %.0f", every[top].more_per_tick / (double)numbers[top]);
	tk_say("%ld namespaces: a pass every tick takes %.0f times as much as one a second; %.0f instructions a pass",
	       numbers[top], factor, every[top].more_per_tick / (double)numbers[top]);

	tk_claim(!once[0].passes && !every[0].passes, "no own namespace, no pass");
	tk_claim(once_right, "each own namespace gets one pass a second");
	tk_claim(every_right, "each own namespace gets a pass every tick when asked for");
	tk_claim(batch <= budget, "no tick takes more passes than the budget allows (at most %lld, budget %lld)",
		 batch, budget);
	/*
	 * A thousand times fewer passes, plus a look at the calendar in each tick. Anything near
	 * a tenth of the full factor would mean that the tick does work for namespaces not due.
	 */
	tk_claim(factor > hz / 10, "for %ld namespaces one pass a second takes %.0f times less than a pass every tick",
		 numbers[top], factor);
	tk_end();
	return 0;
}
