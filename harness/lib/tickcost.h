/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tick takes from a CPU for own namespaces: what is missing to a program that
 * counts (interrupts.h), and the passes that the kernel took meanwhile. What RCU, the
 * scheduler and the host's own timekeeping take is in it as well; it goes away in the
 * difference to a look without namespaces, which the programs take in the same boot.
 *
 * Namespaces are held by descriptors and own a frequency each (hold.h).
 */
#ifndef TIMENS_TICKCOST_H
#define TIMENS_TICKCOST_H

#include "debugfs.h"
#include "guest.h"
#include "hold.h"
#include "interrupts.h"

/* How long one measurement looks: a whole default interval, in which each clock has its pass */
#define TK_TICK_LOOK	(4 * TK_NSEC_PER_SEC)

/* The machine: what its counter counts, and how often it ticks. */
struct tk_ticks {
	struct tk_counter counter;
	double hz;
};

/* One look; what is in @look is in instructions. */
struct tk_tick {
	struct tk_look look;
	long long passes;
};

/* For up to @most namespaces. Ends the program where instructions are not counted. */
static inline void tk_ticks_start(struct tk_ticks *ticks, long most)
{
	tk_require_kernel();
	tk_calibrate(&ticks->counter);
	if (!ticks->counter.exact)
		errx(TK_EXIT_FAILURE, "the cycle counter does not count instructions: boot with -icount shift=0");
	ticks->hz = tk_hz();
	tk_hold_start(most, 0);
	tk_keep_interval();
}

static inline void tk_look_at_ticks(struct tk_tick *tick, const struct tk_ticks *ticks)
{
	long long passes = tk_kernel_stat("passes");

	tk_look(&tick->look, TK_TICK_LOOK, &ticks->counter);
	tick->passes = tk_kernel_stat("passes") - passes;
	tk_judge_look(&tick->look);
}

static inline double tk_passes_a_second(const struct tk_tick *tick)
{
	return (double)tick->passes / tick->look.seconds;
}

static inline double tk_mean_tick(const struct tk_tick *tick, const struct tk_ticks *ticks)
{
	return tick->look.taken / (tick->look.seconds * ticks->hz);
}

/* Of a CPU's time, in percent, for what is in each tick. */
static inline double tk_share(double in_each, const struct tk_ticks *ticks)
{
	return in_each * ticks->hz / (ticks->counter.cycles_per_ns * TK_NSEC_PER_SEC) * 100;
}

/* A look begins and ends within an interval: one pass more or less, and 2 % */
static inline bool tk_takes_about(const struct tk_tick *tick, double wanted)
{
	double difference = tk_passes_a_second(tick) - wanted;

	if (difference < 0)
		difference = -difference;
	return difference <= 1 + wanted / 50;
}

#endif /* TIMENS_TICKCOST_H */
