// SPDX-License-Identifier: GPL-2.0
/*
 * tkdemo_tickcost - what the tick takes from a CPU for 0, 1, 100, 1000 own
 * namespaces, with one pass a second and with a pass every tick
 *
 * A program that does nothing but look at the cycle counter, with 400 nops
 * between two looks, notices everything that is taken from it:
 *
 *	look      look      look                look      look
 *	  |  nops   |  nops   |  no[ interrupt ]ps  |  nops   |
 *	  <- usual ->         <- usual + what the interrupt took ->
 *
 * Under QEMU's -icount that difference is the exact number of instructions of
 * the interrupt, from its entry to its exit. Nothing is sampled, and nothing has
 * to be subtracted but the same measurement with no own namespace, which is
 * taken before each of the others in the same boot (A B A C A D), because RCU,
 * the scheduler and the host's own timekeeping are in the tick as well. Now and
 * then a kernel thread runs instead of the program; an interruption of many times
 * the usual length is its doing, and is counted apart.
 *
 * "A pass every tick" is the design that was feared: interval_ms = 0, which also
 * lifts the limit on the passes of one tick.
 *
 * Namespaces are made by unshare(), entered by setns() and owned by setting the
 * frequency of each to another value; a descriptor holds each of them.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <sys/timex.h>

#include "tkdemo.h"
#include "tkdemo_count.h"

#define DEBUG_DIR	"/sys/kernel/debug/timekeeper_ns"

/* How long one measurement looks, and how long the machine gets to calm down before. */
#define LOOK		TK_NSEC_PER_SEC
#define SETTLE		(TK_NSEC_PER_SEC * 3 / 2)
#define CATCH_UP	(TK_NSEC_PER_SEC / 5)

#define EVERY_TICK	0

/* An interruption that takes so many times the median is no tick. */
#define FOREIGN		8

static const long numbers[] = { 0, 1, 100, 1000 };

#define NR_NUMBERS	(sizeof(numbers) / sizeof(numbers[0]))
#define MAX_NAMESPACES	1000
#define MAX_GAPS	100000

static int held[MAX_NAMESPACES];
static long nr_held;
static int initial_fd;

static long long original_interval;

/* What was found with one number of namespaces at one interval. */
struct load {
	double seconds;
	/* Instructions. */
	double taken;
	double longest;
	unsigned int foreign;
	long long passes;
	/* taken, less that of the measurement without own namespaces before it, for a tick. */
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

/* The usual distance of two looks, when nothing is taken. */
static uint64_t usual_distance(void)
{
	uint64_t best = UINT64_MAX;
	uint64_t last = tkd_cycles();
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		uint64_t now;

		TKD_NOPS(TKD_NOPS_LONG);
		now = tkd_cycles();
		if (now - last < best)
			best = now - last;
		last = now;
	}
	return best;
}

static uint64_t gaps[MAX_GAPS];

static int by_length(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void look(struct load *load, const struct tkd_counter *counter)
{
	uint64_t usual = usual_distance();
	uint64_t start, last, now, end, limit;
	long long passes = stat_of("passes");
	unsigned int nr = 0, i;

	memset(load, 0, sizeof(*load));
	/* Not to meet a page for the first time while looking. */
	memset(gaps, 0, sizeof(gaps));
	start = last = tkd_cycles();
	end = start + (uint64_t)(LOOK * counter->cycles_per_ns);
	do {
		TKD_NOPS(TKD_NOPS_LONG);
		now = tkd_cycles();
		/* An interrupt takes more than the handful by which a loop may differ. */
		if (now - last > usual + usual / 8 && nr < MAX_GAPS)
			gaps[nr++] = now - last - usual;
		last = now;
	} while (now < end);
	load->passes = stat_of("passes") - passes;
	if (!nr || nr == MAX_GAPS)
		errx(TK_EXIT_FAILURE, "%u interruptions in a second: this is no tick", nr);

	load->seconds = (double)(now - start) / counter->cycles_per_ns / TK_NSEC_PER_SEC;
	qsort(gaps, nr, sizeof(gaps[0]), by_length);
	limit = gaps[nr / 2] * FOREIGN;
	for (i = 0; i < nr && gaps[i] <= limit; i++) {
		load->taken += (double)gaps[i];
		load->longest = (double)gaps[i];
	}
	load->foreign = nr - i;
}

/*
 * First asleep, for whatever the kernel has to tidy up. Meanwhile there was no
 * tick, so that all namespaces are due when it comes back, and the passes are
 * made up for within the budget; that is over before the measurement starts.
 */
static void settle(const struct tkd_counter *counter)
{
	uint64_t end;

	tkd_sleep_until(tkd_read(CLOCK_MONOTONIC) + SETTLE);
	end = tkd_cycles() + (uint64_t)(CATCH_UP * counter->cycles_per_ns);
	do {
		TKD_NOPS(TKD_NOPS_LONG);
	} while (tkd_cycles() < end);
}

/* With this number of namespaces, and just before with none. */
static void measure(struct load *load, long number, long long interval,
		    const struct tkd_counter *counter, double hz)
{
	struct load without;

	hold(0);
	set_interval(interval);
	settle(counter);
	look(&without, counter);
	hold(number);
	settle(counter);
	look(load, counter);
	if (stat_of("own") != number)
		errx(TK_EXIT_FAILURE, "%ld own namespaces were made, the kernel counts %lld",
		     number, stat_of("own"));
	load->more_per_tick = load->taken / (load->seconds * hz) -
			      without.taken / (without.seconds * hz);
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
		double mean = l->taken / (l->seconds * hz);
		/* Of the CPU's time, for the namespaces alone. */
		double share = l->more_per_tick * hz /
			       (counter->cycles_per_ns * TK_NSEC_PER_SEC) * 100;

		tkd_say("%8ld %10.0f %12.0f %+14.1f %14.0f %9.3f%% %16u", numbers[i],
			(double)l->passes / l->seconds, mean, l->more_per_tick, l->longest, share,
			l->foreign);
		tkd_fact("tick.%s %ld %.0f %.0f %.1f %.0f %.4f", key, numbers[i],
			 (double)l->passes / l->seconds, mean, l->more_per_tick, l->longest, share);
	}
}

/* A look is not a whole number of intervals: one pass more or less, and 2 %. */
static bool about(const struct load *l, double wanted)
{
	double difference = (double)l->passes / l->seconds - wanted;

	if (difference < 0)
		difference = -difference;
	return difference <= 1 + wanted / 50 && (l->passes || !wanted);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "facts",	required_argument,	NULL, 'f' },
		{ "help",	no_argument,		NULL, 'h' },
		{ 0 }
	};
	static struct load once[NR_NUMBERS], every[NR_NUMBERS];
	const unsigned int top = NR_NUMBERS - 1;
	bool once_right = true, every_right = true;
	struct tkd_counter counter;
	long long budget, batch;
	const char *facts = NULL;
	struct timespec res;
	double hz, factor;
	unsigned int i;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			facts = optarg;
			break;
		case 'h':
			puts("Usage: tkdemo_tickcost [--facts FILE]\n"
			     "What the tick takes for 0, 1, 100 and 1000 own time namespaces. Root only.");
			return 0;
		default:
			fputs("Try 'tkdemo_tickcost --help'.\n", stderr);
			return TK_EXIT_FAILURE;
		}
	}
	if (optind != argc)
		errx(TK_EXIT_FAILURE, "unknown argument '%s'", argv[optind]);
	tkd_start(facts);
	tkd_require_kernel();
	tkd_calibrate(&counter);
	if (!counter.exact)
		errx(TK_EXIT_FAILURE, "the cycle counter does not count instructions: boot with -icount shift=0");
	initial_fd = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);
	if (initial_fd < 0)
		err(TK_EXIT_FAILURE, "/proc/self/ns/time");
	/* The coarse clocks move with the tick, and say so. */
	if (clock_getres(CLOCK_MONOTONIC_COARSE, &res))
		err(TK_EXIT_FAILURE, "clock_getres");
	hz = (double)TK_NSEC_PER_SEC / (double)tkd_ns(&res);

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
