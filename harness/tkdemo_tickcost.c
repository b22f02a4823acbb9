// SPDX-License-Identifier: GPL-2.0
/*
 * tkdemo_tickcost - what the tick takes from a CPU for 0, 1, 100, 1000 own
 * namespaces, with one pass a second and with a pass every tick
 *
 * What the tick takes is what is missing to a program that counts (tkdemo_look.h).
 * Nothing has to be subtracted but the same measurement with no own namespace,
 * which is taken before each of the others in the same boot (A B A C A D), because
 * RCU, the scheduler and the host's own timekeeping are in the tick as well.
 *
 * "A pass every tick" is the design that was feared: interval_ms = 0, which also
 * lifts the limit on the passes of one tick.
 *
 * Namespaces are made by unshare(), entered by setns() and owned by setting the
 * frequency of each to another value; a descriptor holds each of them.
 */
#define _GNU_SOURCE
#include <sys/timex.h>

#include "tkdemo.h"
#include "tkdemo_look.h"

#define DEBUG_DIR	"/sys/kernel/debug/timekeeper_ns"

/* How long one measurement looks. */
#define LOOK		TK_NSEC_PER_SEC

#define EVERY_TICK	0

static const long numbers[] = { 0, 1, 100, 1000 };

#define NR_NUMBERS	(sizeof(numbers) / sizeof(numbers[0]))
#define MAX_NAMESPACES	1000

static int held[MAX_NAMESPACES];
static long nr_held;
static int initial_fd;

static long long original_interval;

/* What was found with one number of namespaces at one interval. */
struct load {
	/* In instructions. */
	struct tkd_look look;
	long long passes;
	/* Taken for a tick, less the same without own namespaces, measured just before. */
	double more_per_tick;
};

static long long read_knob(const char *name)
{
	char path[96], text[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), DEBUG_DIR "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(TK_EXIT_FAILURE, "%s", path);
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		err(TK_EXIT_FAILURE, "reading %s", path);
	close(fd);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return tk_parse_number(path, text, 0, INT32_MAX);
}

static void set_interval(long long ms)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", ms);
	tkd_write_file(DEBUG_DIR "/interval_ms", text);
}

static void restore_interval(void)
{
	set_interval(original_interval);
}

static long long stat_of(const char *key)
{
	long long value;

	if (!tkd_file_number(DEBUG_DIR "/stats", key, &value))
		errx(TK_EXIT_FAILURE, "%s has no line '%s'", DEBUG_DIR "/stats", key);
	return value;
}

/* Makes or drops own namespaces until there are so many. */
static void hold(long number)
{
	for (; nr_held > number; nr_held--)
		if (close(held[nr_held - 1]))
			err(TK_EXIT_FAILURE, "close");
	for (; nr_held < number; nr_held++) {
		/* -100 ppm ... +100 ppm: no two neighbours alike. */
		struct timex tx = {
			.modes	= ADJ_FREQUENCY,
			.freq	= (nr_held * 37 % 201 - 100) * 65536,
		};

		held[nr_held] = tkd_enter_new_time_ns(NULL);
		if (adjtimex(&tx) < 0)
			err(TK_EXIT_FAILURE, "adjtimex in namespace %ld", nr_held);
		if (setns(initial_fd, CLONE_NEWTIME))
			err(TK_EXIT_FAILURE, "back to the initial time namespace");
	}
}

static void look(struct load *load, const struct tkd_counter *counter)
{
	long long passes = stat_of("passes");

	tkd_look(&load->look, LOOK, counter);
	load->passes = stat_of("passes") - passes;
	tkd_judge_look(&load->look);
}

static double mean_tick(const struct load *load, double hz)
{
	return load->look.taken / (load->look.seconds * hz);
}

/* With this number of namespaces, and just before with none. */
static void measure(struct load *load, long number, long long interval,
		    const struct tkd_counter *counter, double hz)
{
	struct load without;

	hold(0);
	set_interval(interval);
	tkd_settle(counter);
	look(&without, counter);
	hold(number);
	/* Asleep there is no tick, so that all are due after it, and made up for within the budget. */
	tkd_settle(counter);
	look(load, counter);
	if (stat_of("own") != number)
		errx(TK_EXIT_FAILURE, "%ld own namespaces were made, the kernel counts %lld",
		     number, stat_of("own"));
	load->more_per_tick = mean_tick(load, hz) - mean_tick(&without, hz);
}

static void print_table(const struct load *loads, const char *what, const char *key,
			const struct tkd_counter *counter, double hz)
{
	unsigned int i;

	tkd_say("%s:", what);
	tkd_say("%8s %10s %12s %14s %14s %9s %16s", "own", "passes/s", "mean tick",
		"more than w/o", "longest tick", "of the CPU", "(other tasks ran)");
	for (i = 0; i < NR_NUMBERS; i++) {
		const struct load *l = &loads[i];
		double mean = mean_tick(l, hz);
		/* Of the CPU's time, for the namespaces alone. */
		double share = l->more_per_tick * hz /
			       (counter->cycles_per_ns * TK_NSEC_PER_SEC) * 100;

		tkd_say("%8ld %10.0f %12.0f %+14.1f %14.0f %9.3f%% %16u", numbers[i],
			(double)l->passes / l->look.seconds, mean, l->more_per_tick, l->look.longest, share,
			l->look.foreign);
		tkd_fact("tick.%s %ld %.0f %.0f %.1f %.0f %.4f", key, numbers[i],
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
	struct tkd_counter counter;
	long long budget, batch;
	double hz, factor;
	unsigned int i;

	if (!tkd_start_by_options(argc, argv, "What the tick takes for 0, 1, 100 and 1000 own time namespaces. Root only."))
		return 0;
	tkd_require_kernel();
	tkd_calibrate(&counter);
	if (!counter.exact)
		errx(TK_EXIT_FAILURE, "the cycle counter does not count instructions: boot with -icount shift=0");
	initial_fd = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);
	if (initial_fd < 0)
		err(TK_EXIT_FAILURE, "/proc/self/ns/time");
	hz = tkd_hz();

	original_interval = read_knob("interval_ms");
	if (atexit(restore_interval))
		errx(TK_EXIT_FAILURE, "atexit");

	tkd_say("instructions that the tick takes, %.0f ticks a second", hz);
	tkd_fact("tick.hz %.0f", hz);
	for (i = 0; i < NR_NUMBERS; i++) {
		measure(&once[i], numbers[i], 1000, &counter, hz);
		once_right &= about(&once[i], (double)numbers[i]);
	}
	print_table(once, "one pass a second", "once", &counter, hz);
	/* Since boot: to be read before the limit is lifted. */
	batch = stat_of("max_batch");
	budget = read_knob("budget");

	for (i = 0; i < NR_NUMBERS; i++) {
		measure(&every[i], numbers[i], EVERY_TICK, &counter, hz);
		every_right &= about(&every[i], (double)numbers[i] * hz);
	}
	print_table(every, "a pass every tick", "every", &counter, hz);
	hold(0);

	factor = every[top].more_per_tick / once[top].more_per_tick;
	tkd_fact("tick.factor %.0f", factor);
	tkd_fact("tick.per_pass %.0f", every[top].more_per_tick / (double)numbers[top]);
	tkd_say("%ld namespaces: a pass every tick takes %.0f times as much as one a second; %.0f instructions a pass",
		numbers[top], factor, every[top].more_per_tick / (double)numbers[top]);

	tkd_claim(!once[0].passes && !every[0].passes, "no own namespace, no pass");
	tkd_claim(once_right, "each own namespace gets one pass a second");
	tkd_claim(every_right, "each own namespace gets a pass every tick when asked for");
	tkd_claim(batch <= budget, "no tick takes more passes than the budget allows (at most %lld, budget %lld)",
		  batch, budget);
	/*
	 * A thousand times fewer passes, plus a look at the calendar in each tick. Anything near
	 * a tenth of the full factor would mean that the tick does work for namespaces not due.
	 */
	tkd_claim(factor > hz / 10, "for %ld namespaces one pass a second takes %.0f times less than a pass every tick",
		  numbers[top], factor);
	tkd_end();
	return 0;
}
