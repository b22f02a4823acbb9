// SPDX-License-Identifier: GPL-2.0
/*
 * tkaccuracy - how far a clock is off a straight line over the cycle counter: the
 * host's, and that of a namespace for several intervals and frequencies
 *
 * A sample is a reading through the vDSO between two looks at the counter:
 *
 *	rdtsc | call, ... rdtsc of the vDSO ... return | rdtsc
 *	      <-- a constant ---->
 *	      <-------- width ------------------------->
 *
 * Where the counter counts instructions, the vDSO looks at it a constant number of
 * cycles after the first look, as long as nothing comes between. What follows its
 * look depends on the time by a few instructions. So the counter value of a sample
 * is exact but for a constant, which the line absorbs, if its width is that of the
 * others; a sample which an interrupt hit is wider by far, and dropped. What is
 * left is that the clock shows whole nanoseconds: half a nanosecond of the worst
 * error is the method's, and 0.29 ns of the rms.
 *
 * The line is that of least squares, through all samples of a clock. Each clock is
 * looked at twice:
 *
 *	busy	the CPU spins from one instant to the next: each tick comes
 *	asleep	it sleeps, milliseconds to seconds: mostly no tick comes
 *
 * The host's clock is looked at first with no frequency set, then with some, for
 * under -icount the counter can have the very frequency at which a nanosecond is a
 * cycle, and a line of slope one is no work for anybody. Then the host is left
 * alone, and namespaces set theirs.
 *
 * A frequency has to show in the slope, as a multiple of that of the host when none
 * was set. How far that can be told: samples which are off their line by r at the
 * most, over a time t, come from a clock which is itself off by no more than that,
 * so that its true slope is within 4 r / t. In addition an NTP interval is a whole
 * number of cycles, and frequency is added per interval.
 *
 * Facts, a line for each clock, all but the numbers of samples and passes in ns or
 * 1e-9:
 *
 *	error WHO INTERVAL_MS PPM LOAD CLOCK SAMPLES DROPPED PASSES WORST RMS OFF LIMIT
 *
 * with "-" for what does not apply. PASSES are those of the kernel's statistics.
 */
#define _GNU_SOURCE
#include <sys/timex.h>

#include "debugfs.h"
#include "guest.h"
#include "interrupts.h"
#include "readings.h"
#include "results.h"

/*
 * From the sleep which is to calm the machine to the first sample. The host's clock
 * was off meanwhile by up to a unit of its multiplier, which is 0.1 ppm and comes to
 * 100 ns or more, and makes up for that by a fraction of a unit.
 */
#define SWING_IN	(15 * TK_NSEC_PER_SEC)

/* Between two samples, when busy: up to this (cycles) */
#define MOST_BUSY	40000000
/* When asleep: up to a power of two of nanoseconds, 2 ms to 4.3 s */
#define SHORTEST_BITS	21
#define LONGEST_BITS	32

/* A sample may be wider than the narrowest by what depends on the time (cycles) */
#define WIDER		64
/* No reading through the vDSO takes so long; a system call takes more (cycles) */
#define WIDEST_VDSO	400
/* Of a hundred samples so many may be dropped */
#define MOST_DROPPED	1
#define LEAST_SAMPLES	50

#define MAX_SAMPLES	200000

struct sample {
	uint64_t cycles;
	uint64_t width;
	int64_t ns;
};

/* The clocks which are read, by turns */
static const struct {
	const char *name;
	clockid_t id;
} clocks[] = {
	{ "MONOTONIC",	CLOCK_MONOTONIC },
	{ "REALTIME",	CLOCK_REALTIME },
};

#define NR_CLOCKS	(sizeof(clocks) / sizeof(clocks[0]))

/* What the CPU does between two samples */
enum load { BUSY, ASLEEP, NR_LOADS };

static const char * const load_names[NR_LOADS] = { "busy", "asleep" };

static const long long intervals[] = { 4000, 1000, 100, TK_EVERY_TICK };

/* In 2^-16 ppm: 0, +1/3 and -100 ppm */
static const struct {
	const char *name;
	long freq;
} frequencies[] = {
	{ "0",		0 },
	{ "+0.333",	21845 },
	{ "-100",	-6553600 },
};

#define NR_INTERVALS	(sizeof(intervals) / sizeof(intervals[0]))
#define NR_FREQUENCIES	(sizeof(frequencies) / sizeof(frequencies[0]))

/* What was found about a clock; slope in ns per cycle, the rest in ns */
struct line {
	long double slope;
	long double span;
	long double worst;
	long double rms;
	unsigned int kept;
	unsigned int dropped;
};

/* Whose clock, and what is ordered of it */
struct order {
	bool own;
	long long interval;
	unsigned int frequency;
};

static struct sample samples[NR_CLOCKS][MAX_SAMPLES];
static unsigned int nr_samples[NR_CLOCKS];
static struct tk_functions functions;
static struct tk_counter counter;
static double hz;
static int64_t seconds = 120;
/* Of the host when busy and not steered: what the slopes are compared with */
static struct line host[NR_CLOCKS];

/* Marsaglia's xorshift: the instants are irregular, and the same each time */
static uint64_t irregular(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void spin_until(uint64_t end)
{
	unsigned int i;

	/* Looking costs this machine far more than nops do */
	while (end > tk_cycles() + 64 * TK_NOPS_LONG)
		for (i = 0; i < 64; i++)
			TK_NOPS(TK_NOPS_LONG);
}

static void spin_for(int64_t ns)
{
	spin_until(tk_cycles() + (uint64_t)((double)ns * counter.cycles_per_ns));
}

static void take_sample(unsigned int clock)
{
	struct sample *s = &samples[clock][nr_samples[clock]];
	uint64_t before, after;
	struct timespec ts;

	if (nr_samples[clock] == MAX_SAMPLES)
		errx(TK_EXIT_FAILURE, "more than %d samples", MAX_SAMPLES);
	before = tk_cycles();
	if (functions.vdso_clock_gettime(clocks[clock].id, &ts))
		errx(TK_EXIT_FAILURE, "%s is refused", clocks[clock].name);
	after = tk_cycles();
	s->cycles = before;
	s->width = after - before;
	s->ns = tk_ns(&ts);
	nr_samples[clock]++;
}

static void take_samples(void)
{
	unsigned int i;

	for (i = 0; i < NR_CLOCKS; i++)
		take_sample(i);
}

static void be_busy(void)
{
	uint64_t end = tk_cycles() + (uint64_t)((double)seconds * 1e9 * counter.cycles_per_ns);
	uint64_t now;

	while ((now = tk_cycles()) < end) {
		take_samples();
		spin_until(now + irregular() % MOST_BUSY);
	}
}

static void sleep_irregularly(void)
{
	uint64_t bits = SHORTEST_BITS + irregular() % (LONGEST_BITS - SHORTEST_BITS + 1);
	struct timespec ts;
	int64_t ns;

	ns = (int64_t)(irregular() % (1ULL << bits));
	ts.tv_sec = ns / TK_NSEC_PER_SEC;
	ts.tv_nsec = ns % TK_NSEC_PER_SEC;
	/* Nothing sends a signal here */
	if (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL))
		errx(TK_EXIT_FAILURE, "a sleep was cut short");
}

/* Right after the sleep, where the slope of before has lasted longest, and right before the next */
static void be_asleep(void)
{
	uint64_t end = tk_cycles() + (uint64_t)((double)seconds * 2e9 * counter.cycles_per_ns);

	while (tk_cycles() < end) {
		take_samples();
		spin_until(tk_cycles() + irregular() % (MOST_BUSY / 10));
		take_samples();
		sleep_irregularly();
	}
}

static long double square_root(long double x)
{
	__asm__("fsqrt" : "+t"(x));
	return x;
}

/* Moves those of the usual width to the front; returns how many they are */
static unsigned int keep_usual(struct sample *s, unsigned int nr)
{
	uint64_t narrowest = UINT64_MAX;
	unsigned int i, kept = 0;

	for (i = 0; i < nr; i++)
		if (s[i].width < narrowest)
			narrowest = s[i].width;
	if (!nr || narrowest > WIDEST_VDSO)
		errx(TK_EXIT_FAILURE,
		     "%u samples, the narrowest of %llu cycles: this is no reading through the vDSO",
		     nr, (unsigned long long)narrowest);
	for (i = 0; i < nr; i++)
		if (s[i].width <= narrowest + WIDER)
			s[kept++] = s[i];
	if (kept < LEAST_SAMPLES)
		errx(TK_EXIT_FAILURE, "%u samples of the usual width are too few", kept);
	return kept;
}

/*
 * Least squares, with everything taken from the mean: the products are then of
 * the size of what is looked for, and 64 bits of mantissa are plenty.
 */
static void fit(struct sample *s, unsigned int nr, struct line *l)
{
	long double mean_x = 0, mean_y = 0, xx = 0, xy = 0, squares = 0;
	unsigned int i;

	memset(l, 0, sizeof(*l));
	l->kept = keep_usual(s, nr);
	l->dropped = nr - l->kept;
	for (i = 0; i < l->kept; i++) {
		mean_x += (long double)(s[i].cycles - s[0].cycles);
		mean_y += (long double)(s[i].ns - s[0].ns);
	}
	mean_x /= l->kept;
	mean_y /= l->kept;
	for (i = 0; i < l->kept; i++) {
		long double x = (long double)(s[i].cycles - s[0].cycles) - mean_x;
		long double y = (long double)(s[i].ns - s[0].ns) - mean_y;

		xx += x * x;
		xy += x * y;
	}
	l->slope = xy / xx;
	l->span = (long double)(s[l->kept - 1].cycles - s[0].cycles) * l->slope;
	for (i = 0; i < l->kept; i++) {
		long double x = (long double)(s[i].cycles - s[0].cycles) - mean_x;
		long double off = (long double)(s[i].ns - s[0].ns) - mean_y - l->slope * x;

		squares += off * off;
		if (off < 0)
			off = -off;
		if (off > l->worst)
			l->worst = off;
	}
	l->rms = square_root(squares / l->kept);
}

/* Interrupts of the local timer up to now; there is one CPU */
static long long timer_interrupts(void)
{
	return tk_require_number("/proc/interrupts", "LOC:");
}

static void require_unsteered_host(void)
{
	struct timex tx = { 0 };

	if (adjtimex(&tx) < 0)
		err(TK_EXIT_FAILURE, "adjtimex");
	if (tx.freq || tx.offset || tx.tick != 10000)
		errx(TK_EXIT_FAILURE,
		     "the host's clock is steered: frequency %ld, offset %ld, tick %ld", tx.freq,
		     tx.offset, tx.tick);
}

/* The slope of @l is off what was ordered by this (1e-9) */
static long double slope_off(const struct line *l, unsigned int clock, long freq)
{
	return (l->slope / host[clock].slope - 1) * 1e9L - (long double)freq / 65536 * 1000;
}

/* What a line is off by, and be it for the whole nanoseconds which a clock shows */
static long double off_line(const struct line *l)
{
	return l->worst > 0.5L ? l->worst : 0.5L;
}

/* How far the samples can tell the slope; see above (1e-9) */
static long double slope_limit(const struct line *l, unsigned int clock, long freq)
{
	long double rounded = hz / (counter.cycles_per_ns * TK_NSEC_PER_SEC) / 2;
	long double ordered = (long double)labs(freq) / 65536 * 1000;

	return 4e9L * (off_line(l) / l->span + off_line(&host[clock]) / host[clock].span) +
	       ordered * rounded;
}

static bool passes_right(const struct order *o, enum load how, long long passes)
{
	double wanted;

	/* How many there are without a tick is up to the sleeps */
	if (how == ASLEEP)
		return passes > 0;
	wanted = (double)seconds * (o->interval == TK_EVERY_TICK ? hz : 1000.0 / (double)o->interval);
	return (double)passes >= wanted * 0.98 - 2 && (double)passes <= wanted * 1.02 + 2;
}

static bool is_reference(const struct order *o, enum load how)
{
	return !o->own && !frequencies[o->frequency].freq && how == BUSY;
}

static const char *order_name(const struct order *o)
{
	static char text[64];

	if (!o->own)
		snprintf(text, sizeof(text), "host, %s ppm", frequencies[o->frequency].name);
	else if (o->interval == TK_EVERY_TICK)
		snprintf(text, sizeof(text), "own, every tick, %s ppm",
			 frequencies[o->frequency].name);
	else
		snprintf(text, sizeof(text), "own, %lld ms, %s ppm", o->interval,
			 frequencies[o->frequency].name);
	return text;
}

/* Prints what was found about a clock; returns whether all is as it should be */
static bool report(const struct order *o, enum load how, unsigned int clock,
		   const struct line *l, long long passes)
{
	long double off, limit;
	long freq = frequencies[o->frequency].freq;
	unsigned int most = (l->kept + l->dropped) / 100 * MOST_DROPPED;
	char interval[32] = "-", taken[32] = "-";

	if (o->own) {
		snprintf(interval, sizeof(interval), "%lld", o->interval);
		snprintf(taken, sizeof(taken), "%lld", passes);
	}
	off = slope_off(l, clock, freq);
	limit = slope_limit(l, clock, freq);
	if (is_reference(o, how))
		tk_fact("error host - %s %s %s %u %u - %.3Lf %.3Lf - -",
			frequencies[o->frequency].name, load_names[how], clocks[clock].name,
			l->kept, l->dropped, l->worst, l->rms);
	else
		tk_fact("error %s %s %s %s %s %u %u %s %.3Lf %.3Lf %.4Lf %.4Lf",
			o->own ? "own" : "host", interval, frequencies[o->frequency].name,
			load_names[how], clocks[clock].name, l->kept, l->dropped, taken,
			l->worst, l->rms, off, limit);
	tk_say("%-7s %-28s %-9s %7u %7u %8s %10.3Lf %8.3Lf %9.4Lf of %.4Lf", load_names[how],
	       order_name(o), clocks[clock].name, l->kept, l->dropped, taken, l->worst, l->rms,
	       off, limit);
	if (l->dropped > most)
		tk_say("more than %d %% of the samples were dropped", MOST_DROPPED);
	if (off > limit || off < -limit)
		tk_say("the slope is not the one ordered");
	return l->dropped <= most && off <= limit && off >= -limit;
}

static bool measure_load(const struct order *o, enum load how)
{
	long long passes = 0, interrupts;
	bool right = true, ticks;
	struct line l;
	unsigned int i;

	memset(nr_samples, 0, sizeof(nr_samples));
	if (o->own)
		passes = tk_kernel_stat("passes");
	interrupts = timer_interrupts();
	if (how == BUSY)
		be_busy();
	else
		be_asleep();
	interrupts = timer_interrupts() - interrupts;
	if (o->own)
		passes = tk_kernel_stat("passes") - passes;

	for (i = 0; i < NR_CLOCKS; i++) {
		fit(samples[i], nr_samples[i], &l);
		if (is_reference(o, how)) {
			host[i] = l;
			tk_fact("accuracy.slope.%s %.12Lf", clocks[i].name, l.slope);
		}
		right &= report(o, how, i, &l, passes);
	}
	if (how == BUSY)
		ticks = (double)interrupts >= hz * (double)seconds * 0.98;
	else
		/* In twice the seconds: of four ticks three did not come */
		ticks = (double)interrupts <= hz * (double)seconds / 2;
	if (!ticks)
		tk_say("%s: %lld interrupts of the timer", load_names[how], interrupts);
	if (o->own && !passes_right(o, how, passes)) {
		tk_say("%s, %s: %lld passes", order_name(o), load_names[how], passes);
		return false;
	}
	return right && ticks;
}

static bool measure(const struct order *o)
{
	bool right;

	tk_settle(&counter);
	spin_for(SWING_IN);
	right = measure_load(o, BUSY);
	right &= measure_load(o, ASLEEP);
	return tk_claim(right, "%s", order_name(o));
}

/* Of whatever namespace the caller is in */
static void set_frequency(long freq)
{
	struct timex tx = { .modes = ADJ_FREQUENCY, .freq = freq };

	if (adjtimex(&tx) < 0)
		err(TK_EXIT_FAILURE, "adjtimex");
	if (tx.freq != freq)
		errx(TK_EXIT_FAILURE, "a frequency of %ld was set, %ld came of it", freq, tx.freq);
}

static bool measure_host(const struct order *o)
{
	bool right;

	/* Not even written to when there is nothing to set */
	if (frequencies[o->frequency].freq)
		set_frequency(frequencies[o->frequency].freq);
	right = measure(o);
	if (frequencies[o->frequency].freq)
		set_frequency(0);
	return right;
}

static bool measure_own(const struct order *o, int initial_fd)
{
	bool right;
	int fd;

	tk_set_interval(o->interval);
	if (tk_kernel_stat("own"))
		errx(TK_EXIT_FAILURE, "%lld namespaces own their clock already", tk_kernel_stat("own"));
	fd = tk_enter_new_time_ns(NULL);
	set_frequency(frequencies[o->frequency].freq);
	tk_require_owners(1);
	right = measure(o);
	tk_enter(initial_fd);
	if (close(fd))
		err(TK_EXIT_FAILURE, "close");
	return right;
}

int main(int argc, char **argv)
{
	static const struct tk_option options[] = {
		TK_FACTS,
		/* Shorter, and sleeps make too few samples */
		TK_NUMBER("seconds", &seconds, 30, 1000),
		TK_NO_MORE
	};
	struct order o = { 0 };
	int initial_fd;
	bool feature, right = true;
	unsigned int i, k;

	tk_parse_options(argc, argv, options,
			 "[--facts FILE] [--seconds N]\n"
			 "How far clocks are off a straight line: N seconds (120) of a busy CPU,\n"
			 "twice as long of one that sleeps, for each. Root only.\n", TK_NOTHING);
	tk_start();
	tk_find_functions(&functions);
	tk_calibrate(&counter);
	if (!counter.exact)
		errx(TK_EXIT_FAILURE,
		     "the cycle counter does not count instructions: boot with -icount shift=0");
	hz = tk_hz();
	require_unsteered_host();
	/* Not to meet a page for the first time between two looks */
	memset(samples, 0, sizeof(samples));

	feature = tk_tell_kernel("accuracy");
	tk_fact("accuracy.hz %.0f", hz);
	tk_fact("accuracy.cycles_per_ns %.6f", counter.cycles_per_ns);
	tk_fact("accuracy.seconds %lld", (long long)seconds);
	tk_say("%-7s %-28s %-9s %7s %7s %8s %10s %8s %s", "", "", "", "samples", "dropped",
	       "passes", "worst, ns", "rms, ns", "slope off, of at most (1e-9)");
	for (k = 0; k < NR_FREQUENCIES; k++) {
		o.frequency = k;
		right &= measure_host(&o);
	}
	require_unsteered_host();
	if (feature) {
		initial_fd = tk_open_time_ns();
		tk_keep_interval();
		o.own = true;
		for (i = 0; i < NR_INTERVALS; i++) {
			for (k = 0; k < NR_FREQUENCIES; k++) {
				o.interval = intervals[i];
				o.frequency = k;
				right &= measure_own(&o, initial_fd);
			}
		}
		require_unsteered_host();
	}
	tk_end();
	return right ? 0 : TK_EXIT_FAILURE;
}
