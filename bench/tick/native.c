// SPDX-License-Identifier: GPL-2.0
/*
 * ticknative - the kernel's tick path, run and timed by an ordinary process
 *
 *	ticknative cost N INTERVAL_MS hot|cold TICKS [ROUNDS]
 *	ticknative leap N hot|cold [ROUNDS]
 *	ticknative set N
 *	ticknative count N INTERVAL_MS TICKS
 *	ticknative accuracy HZ BITS INTERVAL_MS HOST_FREQ SECONDS
 *	ticknative series HZ BITS INTERVAL_MS FREQ SECONDS
 *
 * What of the kernel runs here, and what does not, says kernel.c. HZ is that of the
 * binary. All output are lines "KEY VALUE"; a check that fails ends the program with
 * status 125 and no figures.
 *
 * Ticks are made, not waited for: the counter jumps to the next one. Within a tick
 * it advances slowly (TICK_SLOW), so that one which takes longer than a tick does not
 * run into its successor.
 *
 * A process is interrupted by the machine that it runs on. Each tick of a run is
 * thus repeated in a number of rounds which do the same, and what counts is the
 * median of the rounds, refined (usual()). The "worst" tick is the one in which this is
 * largest. The largest single measurement ("rawest") is printed as well.
 *
 * "hot": nothing is done to the caches between ticks; the host's part of the tick runs
 * before. What is not used for a second is in the cache that it fits into, as in
 * a kernel whose tasks leave the caches alone. "cold": before each tick, all lines
 * of all clocks and pages, of the program and its data are flushed to memory.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>

#include "../../harness/lib/parse.h"
#include "shared.h"

#define HUGE_PAGE	(2UL << 20)
#define MIDNIGHT	1782864000LL	/* 2026-07-01T00:00:00 UTC */
#define STA_INS		0x0010

#define MAX_NAMESPACES	20000
#define MAX_TICKS	1000000

static struct time_namespace *space[MAX_NAMESPACES];
static unsigned int nr_spaces;

static uint64_t counter_hz, base_cycles, tick_nr, late_ticks, settled, tsc_hz;

/*
 * For the kernel
 */

/* The kernel's stack need not be aligned as the C library wants it */
__attribute__((force_align_arg_pointer))
int tkn_print(const char *fmt, ...)
{
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = vfprintf(stderr, fmt, args);
	va_end(args);
	return ret;
}

__attribute__((force_align_arg_pointer))
void tkn_fail(const char *what)
{
	errx(TK_EXIT_FAILURE, "%s", what);
}

/* One entry for each symbol without a stand-in; made by native.sh */
struct missing {
	const char	*name;
	const char	*address;
};

extern const struct missing tkn_missing_symbols[];
extern const char tkn_missing_start, tkn_missing_end;

static void on_signal(int nr, siginfo_t *info, void *context)
{
	const char *at = info->si_addr;
	const struct missing *m, *found = NULL;
	char text[200];
	int n;

	(void)context;
	for (m = tkn_missing_symbols; m->name; m++)
		if (m->address <= at && at < &tkn_missing_end)
			found = m;
	if (found)
		n = snprintf(text, sizeof(text), "ticknative: the kernel's code reached %s, which is not here\n",
			     found->name);
	else
		n = snprintf(text, sizeof(text), "ticknative: signal %d at %p%s\n", nr, (void *)at,
			     nr == SIGILL ? ": a BUG or WARN of the kernel" : "");
	if (write(STDERR_FILENO, text, n) < 0)
		_exit(TK_EXIT_FAILURE + 1);
	_exit(TK_EXIT_FAILURE);
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	if (mprotect((void *)&tkn_missing_start, &tkn_missing_end - &tkn_missing_start, PROT_NONE))
		err(TK_EXIT_FAILURE, "mprotect");
	if (sigaction(SIGSEGV, &action, NULL) || sigaction(SIGILL, &action, NULL) ||
	    sigaction(SIGBUS, &action, NULL))
		err(TK_EXIT_FAILURE, "sigaction");
}

/*
 * The counter
 */

static inline uint64_t time_begin(void)
{
	uint64_t tsc;

	_mm_lfence();
	tsc = __rdtsc();
	_mm_lfence();
	return tsc;
}

static inline uint64_t time_end(void)
{
	unsigned int aux;
	uint64_t tsc = __rdtscp(&aux);

	_mm_lfence();
	return tsc;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * The median, refined by the mean of what is not far above it: the counter of some
 * CPUs moves in steps of tens of cycles, of which a median would be one. What is
 * far above was interrupted, or ran when another CPU had the memory.
 */
static double usual(uint64_t *values, size_t nr)
{
	double sum = 0;
	size_t i;

	qsort(values, nr, sizeof(*values), by_size);
	for (i = 0; i < nr && values[i] <= values[nr / 2] + values[nr / 2] / 2; i++)
		sum += (double)values[i];
	return sum / (double)i;
}

/* Cycles of a bracket with nothing in it, which each measurement has too many */
static double empty_bracket(void)
{
	static uint64_t values[4001];
	unsigned int i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		uint64_t begin = time_begin();

		values[i] = time_end() - begin;
	}
	return usual(values, sizeof(values) / sizeof(values[0]));
}

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts))
		err(TK_EXIT_FAILURE, "clock_gettime");
	return (uint64_t)ts.tv_sec * TK_NSEC_PER_SEC + ts.tv_nsec;
}

/* The counter's frequency to the kHz, in a fifth of a second */
static void calibrate(void)
{
	uint64_t ns = monotonic_ns(), tsc = time_end(), passed;

	do {
		passed = monotonic_ns() - ns;
	} while (passed < TK_NSEC_PER_SEC / 5);
	tsc = time_end() - tsc;
	tsc_hz = (uint64_t)((double)tsc * 1e9 / (double)passed / 1000 + 0.5) * 1000;
	if (tsc_hz < 500000000)
		errx(TK_EXIT_FAILURE, "the time stamp counter runs at %" PRIu64 " Hz only", tsc_hz);
}

static double to_ns(double cycles)
{
	return cycles * 1e9 / (double)tsc_hz;
}

/* On one CPU, the last of those allowed: the first has more interrupts as a rule */
static void stay_here(void)
{
	cpu_set_t set;
	int cpu;

	if (sched_getaffinity(0, sizeof(set), &set))
		err(TK_EXIT_FAILURE, "sched_getaffinity");
	for (cpu = CPU_SETSIZE - 1; cpu && !CPU_ISSET(cpu, &set); cpu--)
		;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(TK_EXIT_FAILURE, "sched_setaffinity");
}

/*
 * The machine
 */

static void *new_arena(unsigned long *size, unsigned int namespaces)
{
	char *p;

	/* A page and at most as much for its clock, and what is allocated once */
	*size = (namespaces * 2UL * 4096 + 8 * HUGE_PAGE) & ~(HUGE_PAGE - 1);
	p = mmap(NULL, *size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		err(TK_EXIT_FAILURE, "mmap of %lu bytes", *size);
	p = (char *)(((uintptr_t)p + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
	/* Where there are no huge pages it runs all the same; report_memory() tells */
	madvise(p, *size, MADV_HUGEPAGE);
	memset(p, 0, *size);
	return p;
}

static void boot(const struct tkn_counter *counter, unsigned int namespaces, int64_t utc)
{
	unsigned long size;
	void *arena = new_arena(&size, namespaces);

	counter_hz = counter->hz;
	/* Not at zero, and far from where any of the counters wraps */
	base_cycles = 1000000;
	tkn_start_cycles = base_cycles;
	tkn_start_tsc = __rdtsc();
	tkn_boot(counter, utc, arena, size, namespaces);
}

static void boot_tsc(unsigned int namespaces, int64_t utc)
{
	struct tkn_counter counter = { .hz = tsc_hz, .bits = 64, .vdso = 1 };

	boot(&counter, namespaces, utc);
}

static uint64_t cycles_of_tick(uint64_t nr)
{
	return base_cycles + (uint64_t)((__uint128_t)nr * counter_hz / tkn_hz);
}

/* The counter reaches the next tick, and the host takes its part */
static void begin_tick(void)
{
	uint64_t next = cycles_of_tick(++tick_nr), tsc = __rdtsc();
	uint64_t last = tkn_start_cycles + ((tsc - tkn_start_tsc) >> TICK_SLOW);

	/* When the process was put off for so long that the next tick has begun, it is late */
	if (last > next) {
		late_ticks++;
		next = last;
	}
	tkn_start_cycles = next;
	tkn_start_tsc = tsc;
	tkn_host();
}

static void run_ticks(uint64_t nr)
{
	while (nr--) {
		begin_tick();
		__timens_tk_advance();
		tkn_between();
	}
}

/* -100 ppm ... +100 ppm: no two neighbours alike */
static long frequency_of(unsigned int i)
{
	return ((long)(i * 37 % 201) - 100) * 65536;
}

/* The same numbers in each run */
static uint64_t random_below(uint64_t below)
{
	static uint64_t state = 0x7469636b6e617469ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint64_t)((__uint128_t)state * below >> 64);
}

/*
 * The order in which clocks become own ones, and take their passes, is not that of
 * their memory: who comes and goes over weeks leaves none which the CPU could
 * foresee.
 */
static void own_spaces(unsigned int nr, bool same)
{
	struct time_namespace *other;
	struct tkn_stats stats;
	unsigned int i, k;
	int ret;

	for (i = 0; i < nr; i++) {
		k = random_below(i + 1);
		other = tkn_new();
		space[i] = space[k];
		space[k] = other;
	}
	nr_spaces = nr;
	for (i = 0; i < nr; i++) {
		ret = tkn_set_frequency(space[i], same ? 0 : frequency_of(i));
		if (ret)
			errx(TK_EXIT_FAILURE, "adjtimex in namespace %u: %s", i, strerror(-ret));
	}
	tkn_stats(&stats);
	if (stats.own != nr)
		errx(TK_EXIT_FAILURE, "%u own namespaces were made, the kernel counts %u", nr, stats.own);
}

/*
 * Cold caches
 */

struct range {
	const char	*start;
	const char	*end;
};

static struct range *ranges;
static size_t nr_ranges;

extern const char __executable_start, _end;

static void add_range(const void *start, unsigned long size)
{
	ranges[nr_ranges].start = (const char *)((uintptr_t)start & ~63UL);
	ranges[nr_ranges++].end = (const char *)start + size;
}

static void list_ranges(void)
{
	unsigned long size;
	unsigned int i;
	const void *p;

	ranges = calloc(nr_spaces * 2 + 2, sizeof(*ranges));
	if (!ranges)
		err(TK_EXIT_FAILURE, "calloc");
	for (i = 0; i < nr_spaces; i++) {
		p = tkn_object(space[i], &size);
		add_range(p, size);
		p = tkn_page(space[i], &size);
		add_range(p, size);
	}
	/* What lies between are the missing symbols, which may not be touched */
	add_range(&__executable_start, &tkn_missing_start - &__executable_start);
	add_range(&tkn_missing_end, &_end - &tkn_missing_end);
}

__attribute__((target("clflushopt")))
static void flush_all(void)
{
	const char *p;
	size_t i;

	for (i = 0; i < nr_ranges; i++)
		for (p = ranges[i].start; p < ranges[i].end; p += 64)
			_mm_clflushopt((void *)p);
	_mm_mfence();
}

static bool parse_cold(const char *text)
{
	unsigned int a, b, c, d;

	if (!strcmp(text, "hot"))
		return false;
	if (strcmp(text, "cold"))
		errx(TK_EXIT_FAILURE, "'%s' is neither hot nor cold", text);
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_CLFLUSHOPT))
		errx(TK_EXIT_FAILURE, "cold: this CPU has no CLFLUSHOPT");
	return true;
}

/* How much of the memory is in huge pages, as the kernel's direct mapping is */
static void report_memory(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	unsigned long kib, size;
	char line[200];

	if (!file)
		err(TK_EXIT_FAILURE, "/proc/self/smaps_rollup");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "AnonHugePages: %lu kB", &kib) == 1)
			printf("huge_kib %lu\n", kib);
	fclose(file);
	if (nr_spaces) {
		tkn_object(space[0], &size);
		printf("object_bytes %lu\n", size);
	}
}

/*
 * Timed ticks: of tick i in round r, sample[i * rounds + r]
 */

static uint64_t *sample;
static double *ordered;
static unsigned int *taken;
static size_t nr_ticks, nr_rounds;
static double empty;

static void new_samples(size_t ticks, size_t rounds)
{
	nr_ticks = ticks;
	nr_rounds = rounds;
	sample = calloc(ticks * rounds, sizeof(*sample));
	ordered = calloc(ticks, sizeof(*ordered));
	taken = calloc(ticks, sizeof(*taken));
	if (!sample || !ordered || !taken)
		err(TK_EXIT_FAILURE, "calloc");
	/* Met before they are written in a measurement */
	memset(sample, 1, ticks * rounds * sizeof(*sample));
	empty = empty_bracket();
}

static void timed_tick(size_t i, size_t round, bool cold)
{
	struct tkn_stats before, after;
	uint64_t begin, end;

	tkn_stats(&before);
	if (cold)
		flush_all();
	begin_tick();
	begin = time_begin();
	__timens_tk_advance();
	end = time_end();
	tkn_between();
	tkn_stats(&after);
	sample[i * nr_rounds + round] = end - begin;
	taken[i] = after.passes - before.passes;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void report_cycles(const char *what, double cycles)
{
	printf("%s_cycles %.1f\n%s_ns %.2f\n", what, cycles, what, to_ns(cycles));
}

/* Prints what was found, and returns the mean of a tick in cycles */
static double report_samples(void)
{
	double sum = 0, passes = 0, rawest = 0;
	size_t i, r, worst = 0;

	for (i = 0; i < nr_ticks; i++) {
		for (r = 0; r < nr_rounds; r++)
			if ((double)sample[i * nr_rounds + r] - empty > rawest)
				rawest = (double)sample[i * nr_rounds + r] - empty;
		ordered[i] = usual(&sample[i * nr_rounds], nr_rounds) - empty;
		sum += ordered[i];
		passes += taken[i];
		if (ordered[i] > ordered[worst])
			worst = i;
	}
	sum /= (double)nr_ticks;
	printf("worst_passes %u\nworst_at %zu\n", taken[worst], worst);
	qsort(ordered, nr_ticks, sizeof(*ordered), by_value);
	printf("tsc_hz %" PRIu64 "\nhz %u\nempty_cycles %.1f\n", tsc_hz, tkn_hz, empty);
	printf("ticks %zu\nrounds %zu\nlate_ticks %" PRIu64 "\n", nr_ticks, nr_rounds, late_ticks);
	report_cycles("mean", sum);
	report_cycles("median", ordered[nr_ticks / 2]);
	report_cycles("p99", ordered[nr_ticks - 1 - nr_ticks / 100]);
	report_cycles("worst", ordered[nr_ticks - 1]);
	report_cycles("rawest", rawest);
	if (passes > 0)
		printf("pass_ns %.2f\n", to_ns(sum) * (double)nr_ticks / passes);
	return sum;
}

/*
 * cost
 */

static size_t round_up(size_t value, size_t unit)
{
	return (value + unit - 1) / unit * unit;
}

/* The kernel's count of passes in whole intervals is what the policy says, exactly */
static void check_passes(uint64_t passes, uint64_t ticks, const struct tkn_stats *s)
{
	uint64_t most = (uint64_t)s->budget * s->interval, each = nr_spaces;
	bool bound = s->budget != UINT32_MAX && nr_spaces > most;

	if (bound)
		each = most;
	printf("passes %" PRIu64 "\nbudget_bound %d\n", passes, bound);
	if (passes * s->interval != each * ticks)
		errx(TK_EXIT_FAILURE, "%" PRIu64 " passes in %" PRIu64 " ticks, with %u namespaces each %u ticks",
		     passes, ticks, nr_spaces, s->interval);
}

static void cost(unsigned int nr, unsigned int ms, bool cold, size_t ticks, size_t rounds)
{
	struct tkn_stats before, after;
	size_t period, whole, i, r;
	double mean;

	boot_tsc(nr, MIDNIGHT - 40000);
	if (tkn_set_interval(ms))
		errx(TK_EXIT_FAILURE, "an interval of %u ms is refused", ms);
	own_spaces(nr, false);
	tkn_stats(&before);
	period = nr ? before.interval : 1;
	/* A round is a number of whole periods, so that all rounds are alike */
	if (ticks > period)
		ticks = round_up(ticks, period);
	whole = round_up(ticks, period);
	new_samples(ticks, rounds);
	if (cold)
		list_ranges();

	run_ticks(nr ? round_up(period > 1 ? 3 * tkn_hz : 100, period) : 100);
	tkn_stats(&before);
	for (r = 0; r < rounds; r++) {
		for (i = 0; i < ticks; i++)
			timed_tick(i, r, cold);
		run_ticks(whole - ticks);
	}
	tkn_stats(&after);
	if (after.busy != before.busy)
		errx(TK_EXIT_FAILURE, "a clock was locked, though nobody sets one");

	printf("namespaces %u\ninterval_ticks %zu\n", nr, nr ? (size_t)after.interval : 0);
	check_passes(after.passes - before.passes, whole * rounds, &after);
	mean = report_samples();
	printf("share %.6f\n", to_ns(mean) * tkn_hz / 1e9 * 100);
	report_memory();
}

/*
 * leap
 */

#define LEAP_START	16	/* Seconds before midnight at which the clocks are set */
#define LEAP_BEFORE	10
#define LEAP_AFTER	5
#define TAI_BEFORE	37
#define LEAP_SAMPLES	64

static uint64_t checks, wrong;

static void arm_leap(void)
{
	unsigned int i;
	int ret = 0;

	/* All at the same counter value, so that all edges are at the same one */
	tkn_slowness = TICK_FROZEN;
	for (i = 0; i < nr_spaces && !ret; i++) {
		ret = tkn_settime(space[i], MIDNIGHT - LEAP_START, 0);
		if (!ret)
			ret = tkn_set_tai(space[i], TAI_BEFORE);
		if (!ret)
			ret = tkn_set_status(space[i], STA_INS);
	}
	if (ret)
		errx(TK_EXIT_FAILURE, "arming a leap second: %s", strerror(-ret));
	tkn_slowness = TICK_SLOW;
}

static void disarm_leap(void)
{
	unsigned int i;

	for (i = 0; i < nr_spaces; i++)
		if (tkn_set_status(space[i], 0))
			errx(TK_EXIT_FAILURE, "disarming a leap second");
	run_ticks(3 * tkn_hz);
}

/* What 128 bits make of the time since the clock was set (nsecs, and not less) */
static __int128 line_time(const struct tkn_line *l, uint64_t cycles)
{
	__uint128_t product = (__uint128_t)cycles * l->length;

	return (__int128)(product / l->interval);
}

struct leap_truth {
	struct tkn_line	line;
	uint64_t		cycles;
};

static void wrong_read(unsigned int i, const char *reader, uint64_t cycles, int64_t real,
		       int64_t tai)
{
	if (wrong++ < 10)
		warnx("namespace %u, %s, counter %" PRIu64 ": REALTIME %" PRId64 ", TAI %" PRId64
		      " ns of midnight",
		      i, reader, cycles, real, tai);
}

/*
 * Both clocks as both readers see them at @cycles, against each other and against
 * the straight line that TAI is
 */
static void check_reads(unsigned int i, const struct leap_truth *truth, uint64_t cycles)
{
	int64_t ideal, tai[2], real[2], want;
	unsigned long size;
	const char *vdata = tkn_page(space[i], &size);
	long long sec;
	unsigned int k;
	long nsec;

	ideal = (int64_t)(line_time(&truth->line, cycles - truth->cycles) >> 32) -
		LEAP_START * TK_NSEC_PER_SEC;
	for (k = 0; k < 2; k++) {
		int clock = k ? TICK_TAI : TICK_REALTIME;
		int64_t *value = k ? tai : real;

		tkn_read(space[i], clock, cycles, &sec, &nsec);
		value[0] = (sec - MIDNIGHT) * TK_NSEC_PER_SEC + nsec;
		tkn_vdso_cycles = cycles;
		if (tkn_vdso_read(vdata, clock, &sec, &nsec))
			errx(TK_EXIT_FAILURE, "the vDSO would call the kernel");
		value[1] = (sec - MIDNIGHT) * TK_NSEC_PER_SEC + nsec;
	}
	for (k = 0; k < 2; k++) {
		const char *reader = k ? "vDSO" : "system call";

		checks += 2;
		want = tai[k] - TAI_BEFORE * TK_NSEC_PER_SEC;
		if (want < ideal - 5 || want > ideal + 5)
			wrong_read(i, reader, cycles, real[k], tai[k]);
		if (want >= 0)
			want -= TK_NSEC_PER_SEC;
		if (real[k] != want)
			wrong_read(i, reader, cycles, real[k], tai[k]);
	}
}

/* The first counter value at which TAI is at the midnight, as the namespace's line has it */
static uint64_t find_edge(unsigned int i, uint64_t from, uint64_t to)
{
	long long sec;
	long nsec;

	while (from < to) {
		uint64_t middle = from + (to - from) / 2;

		tkn_read(space[i], TICK_TAI, middle, &sec, &nsec);
		if (sec >= MIDNIGHT + TAI_BEFORE)
			to = middle;
		else
			from = middle + 1;
	}
	return from;
}

static void check_tick(const struct leap_truth *truth, int64_t to_edge)
{
	uint64_t now = tkn_start_cycles, edge;
	unsigned int step = nr_spaces > LEAP_SAMPLES ? nr_spaces / LEAP_SAMPLES : 1, i;

	/* From the end of the tick on, for the passes read the counter in it */
	now += counter_hz / tkn_hz + ((__rdtsc() - tkn_start_tsc) >> TICK_SLOW);
	for (i = 0; i < nr_spaces; i += step) {
		check_reads(i, truth, now);
		check_reads(i, truth, now + random_below(counter_hz));
		/* Within a second and a half to come */
		if (to_edge < 0 || to_edge > (int64_t)tkn_hz * 3 / 2)
			continue;
		edge = find_edge(i, now, now + counter_hz * 2);
		if (edge > now) {
			check_reads(i, truth, edge - 1);
			check_reads(i, truth, edge);
			check_reads(i, truth, edge + 1);
			check_reads(i, truth, edge - 1 - random_below(edge - now));
			check_reads(i, truth, edge + random_below(counter_hz / 1000));
		}
	}
}

static void verify_leap(void)
{
	uint64_t edge_tick = (uint64_t)LEAP_START * tkn_hz, i;
	struct leap_truth truth;

	arm_leap();
	tkn_line(space[0], &truth.line);
	truth.cycles = truth.line.cycle_last;
	for (i = 1; i <= edge_tick + LEAP_AFTER * tkn_hz; i++) {
		run_ticks(1);
		if (i + 4 * tkn_hz >= edge_tick)
			check_tick(&truth, (int64_t)edge_tick - (int64_t)i);
	}
	disarm_leap();
}

static void leap(unsigned int nr, bool cold, size_t rounds)
{
	size_t ticks = (LEAP_BEFORE + LEAP_AFTER) * tkn_hz, i, r;
	struct tkn_stats before, after;
	long long sec;
	long nsec;

	if (!nr)
		errx(TK_EXIT_FAILURE, "no namespaces, no leap second");
	boot_tsc(nr, MIDNIGHT - 40000);
	own_spaces(nr, true);
	new_samples(ticks, rounds);
	if (cold)
		list_ranges();
	run_ticks(3 * tkn_hz);
	verify_leap();
	tkn_stats(&before);
	for (r = 0; r < rounds; r++) {
		arm_leap();
		run_ticks((LEAP_START - LEAP_BEFORE) * tkn_hz);
		for (i = 0; i < ticks; i++)
			timed_tick(i, r, cold);
		for (i = 0; i < nr; i++) {
			tkn_read(space[i], TICK_REALTIME, tkn_start_cycles + counter_hz / 2,
				  &sec, &nsec);
			if (sec != MIDNIGHT + LEAP_AFTER - 1)
				errx(TK_EXIT_FAILURE, "namespace %zu did not take the leap second", i);
		}
		disarm_leap();
	}
	tkn_stats(&after);
	printf("namespaces %u\nreads %" PRIu64 "\nwrong %" PRIu64 "\n", nr, checks, wrong);
	printf("carried_ticks %llu\nmax_batch %llu\nworks %llu\n", after.carried - before.carried,
	       after.max_batch, (after.works - before.works) / rounds);
	report_samples();
	report_memory();
	if (wrong)
		exit(TK_EXIT_FAILURE);
}

/*
 * set: a clock_settime() inside, from below the system call's entry and the copy
 * from the user
 */

#define SETS	2001

static void set(unsigned int others)
{
	static uint64_t step[SETS], frequency[SETS];
	uint64_t begin, end;
	unsigned int i;
	int ret;

	boot_tsc(others + 1, MIDNIGHT - 40000);
	own_spaces(others + 1, false);
	run_ticks(3 * tkn_hz);
	empty = empty_bracket();
	for (i = 0; i < SETS; i++) {
		run_ticks(1);
		begin = time_begin();
		ret = tkn_settime(space[0], MIDNIGHT + i, 0);
		end = time_end();
		if (ret)
			errx(TK_EXIT_FAILURE, "settimeofday: %s", strerror(-ret));
		step[i] = end - begin;
		begin = time_begin();
		ret = tkn_set_frequency(space[0], frequency_of(i));
		end = time_end();
		if (ret)
			errx(TK_EXIT_FAILURE, "adjtimex: %s", strerror(-ret));
		frequency[i] = end - begin;
	}
	printf("others %u\ntsc_hz %" PRIu64 "\n", others, tsc_hz);
	report_cycles("settime", usual(step, SETS) - empty);
	report_cycles("settime_p99", (double)step[SETS - 1 - SETS / 100] - empty);
	report_cycles("adjtimex", usual(frequency, SETS) - empty);
	report_cycles("adjtimex_p99", (double)frequency[SETS - 1 - SETS / 100] - empty);
}

/* count: nothing but ticks, for a tool that counts instructions */
static void count(unsigned int nr, unsigned int ms, size_t ticks)
{
	struct tkn_stats stats;

	boot_tsc(nr, MIDNIGHT - 40000);
	if (tkn_set_interval(ms))
		errx(TK_EXIT_FAILURE, "an interval of %u ms is refused", ms);
	own_spaces(nr, false);
	run_ticks(ticks);
	tkn_stats(&stats);
	printf("namespaces %u\nticks %zu\npasses %llu\n", nr, ticks, stats.passes);
}

/*
 * accuracy
 *
 * The ideal clock is a straight line from what the clock shows when its frequency
 * is set: an NTP interval of the counter lasts what NTP wants it to, as a quotient
 * of whole numbers. The error is what the clock shows less that, in 2^-32 ns.
 * Lines are straight between two passes, so that the largest errors are where they
 * end and begin.
 */

static const struct {
	const char	*name;
	long		freq;
} frequencies[] = {
	{ "0", 0 }, { "+1/3", 21845 }, { "-1/3", -21845 }, { "+100", 6553600 }, { "-100", -6553600 },
	{ "+499", 32702464 }, { "-499", -32702464 },
};

#define NR_FREQUENCIES	(sizeof(frequencies) / sizeof(frequencies[0]))

struct judged {
	struct time_namespace	*ns;
	struct tkn_line	last;
	/* The ideal line */
	uint64_t		cycles;
	__int128		time;
	uint64_t		interval;
	uint64_t		length;
	/* In 2^-32 ns */
	int64_t			worst;
	double			square;
	uint64_t		nr;
};

static __int128 line_at(const struct tkn_line *l, uint64_t cycles)
{
	uint64_t delta = (cycles - l->cycle_last) & l->mask;
	__uint128_t xnsec = (__uint128_t)delta * l->mult + l->xnsec;

	return ((__int128)l->sec * TK_NSEC_PER_SEC << 32) + (__int128)(xnsec << (32 - l->shift));
}

static __int128 ideal_at(const struct judged *j, uint64_t cycles)
{
	uint64_t delta = cycles - j->cycles;

	return j->time + (__uint128_t)delta * j->length / j->interval;
}

/* Not before the last bend, for which line_at() knows but the new line */
static int64_t error_at(const struct judged *j, const struct tkn_line *l, uint64_t cycles)
{
	return (int64_t)(line_at(l, cycles) - ideal_at(j, cycles));
}

static void start_judging(struct judged *j, struct time_namespace *ns, uint64_t cycles,
			  bool ntp_line)
{
	j->ns = ns;
	tkn_line(ns, &j->last);
	j->cycles = cycles;
	j->time = line_at(&j->last, cycles);
	/* What the host still owes its NTP line at that point is no error of the line */
	if (ntp_line)
		j->time += j->last.error;
	j->interval = j->last.interval;
	j->length = j->last.length;
}

static void judge(struct judged *j, const struct tkn_line *l, uint64_t cycles)
{
	int64_t error = error_at(j, l, cycles);

	if ((error < 0 ? -error : error) > j->worst)
		j->worst = error < 0 ? -error : error;
}

/* The system call reads the same line: to the nanosecond */
static void check_line(const struct judged *j, uint64_t cycles)
{
	long long sec;
	long nsec;

	tkn_read(j->ns, TICK_REALTIME, cycles, &sec, &nsec);
	if ((int64_t)(line_at(&j->last, cycles) >> 32) != sec * TK_NSEC_PER_SEC + nsec)
		errx(TK_EXIT_FAILURE, "a read is %lld.%09ld, which the line is not", sec, nsec);
}

/* After a tick at @now: was there a pass, and where did it end the old line? */
static void look(struct judged *j, uint64_t now, bool sample)
{
	struct tkn_line l;
	double error;

	tkn_line(j->ns, &l);
	if (l.length != j->length || l.interval != j->interval)
		errx(TK_EXIT_FAILURE, "NTP changed the length of an interval");
	if (l.bend != j->last.bend) {
		judge(j, &j->last, now);
		judge(j, &l, now);
		j->last = l;
	}
	if (sample) {
		error = (double)error_at(j, &j->last, now);
		j->square += error * error;
		j->nr++;
	}
}

static double root(double x)
{
	double y = x > 1 ? x : 1;
	unsigned int i;

	for (i = 0; i < 200; i++)
		y = (y + x / y) / 2;
	return y;
}

static double nanoseconds(int64_t error)
{
	return (double)error / 4294967296.0;
}

static void report_judged(const struct judged *j, const char *who, const char *freq)
{
	printf("%s %s %.3f %.3f\n", who, freq, nanoseconds(j->worst),
	       root(j->square / (double)j->nr) / 4294967296.0);
}

static void boot_counter(uint64_t hz, unsigned int bits, unsigned int ms, long host_freq)
{
	struct tkn_counter counter = { .hz = hz, .bits = bits, .virtual = 1 };

	boot(&counter, NR_FREQUENCIES, MIDNIGHT - 40000);
	if (tkn_set_interval(ms))
		errx(TK_EXIT_FAILURE, "an interval of %u ms is refused", ms);
	run_ticks(tkn_hz);
	if (tkn_set_frequency(NULL, host_freq))
		errx(TK_EXIT_FAILURE, "the host's frequency");
}

/* The tick's interrupt is up to 20 us late, by a random amount */
static void delayed_tick(void)
{
	tkn_start_cycles = cycles_of_tick(++tick_nr) + random_below(counter_hz / 50000 + 1);
	tkn_host();
	__timens_tk_advance();
	tkn_between();
}

/*
 * The host makes up for what it lost when its frequency changed by one unit of its
 * multiplier. With a slow counter this takes a quarter of an hour, and is no matter
 * of how it keeps the line then.
 */
static void settle_host(void)
{
	uint64_t ticks = 16 * tkn_hz, most = 7200 * tkn_hz;
	struct tkn_line l;
	int64_t error;

	do {
		while (ticks--)
			delayed_tick();
		ticks = tkn_hz;
		tkn_line(NULL, &l);
		error = l.error >> 32;
		if (tick_nr > most)
			errx(TK_EXIT_FAILURE, "the host is %" PRId64 " ns from NTP's line for two hours", error);
	} while ((error < 0 ? -error : error) > (int64_t)(counter_hz >> l.shift) + 1);
	settled = tick_nr;
}

static void own_at_frequency(struct judged *j, long freq)
{
	int ret;

	space[nr_spaces] = tkn_new();
	ret = tkn_set_frequency(space[nr_spaces], freq);
	if (ret)
		errx(TK_EXIT_FAILURE, "adjtimex: %s", strerror(-ret));
	memset(j, 0, sizeof(*j));
	start_judging(j, space[nr_spaces++], tkn_start_cycles, false);
}

static void accuracy(uint64_t hz, unsigned int bits, unsigned int ms, long host_freq,
		     uint64_t seconds)
{
	struct judged own[NR_FREQUENCIES], host = { 0 };
	uint64_t i, ticks = seconds * tkn_hz, each = tkn_hz >= 100 ? tkn_hz / 100 : 1;
	struct tkn_stats stats;
	unsigned int k;

	boot_counter(hz, bits, ms, host_freq);
	for (k = 0; k < NR_FREQUENCIES; k++)
		own_at_frequency(&own[k], frequencies[k].freq);
	settle_host();
	start_judging(&host, NULL, tkn_start_cycles, true);
	for (k = 0; k < NR_FREQUENCIES; k++)
		tkn_line(own[k].ns, &own[k].last);
	for (i = 0; i < ticks; i++) {
		delayed_tick();
		for (k = 0; k < NR_FREQUENCIES; k++)
			look(&own[k], tkn_start_cycles, i % each == each - 1);
		look(&host, tkn_start_cycles, i % each == each - 1);
		if (i % 1000 == 0)
			check_line(&own[i / 1000 % NR_FREQUENCIES], tkn_start_cycles);
	}
	tkn_stats(&stats);
	if (stats.own != NR_FREQUENCIES || stats.busy)
		errx(TK_EXIT_FAILURE, "%u own namespaces", stats.own);
	printf("hz %u\nseconds %" PRIu64 "\npasses %llu\n", tkn_hz, seconds, stats.passes);
	printf("host_settled_s %" PRIu64 "\n", settled / tkn_hz);
	printf("own_shift %u\nhost_shift %u\n", own[0].last.shift, host.last.shift);
	for (k = 0; k < NR_FREQUENCIES; k++)
		report_judged(&own[k], "own", frequencies[k].name);
	report_judged(&host, "host", "-");
}

/* Error of the clock of a namespace and of the host's at the same frequency, for a plot */
static void series(uint64_t hz, unsigned int bits, unsigned int ms, long freq, uint64_t seconds)
{
	uint64_t i, ticks = seconds * tkn_hz, each = tkn_hz / 50 ? tkn_hz / 50 : 1;
	struct judged own, host = { 0 };
	struct tkn_line l;

	boot_counter(hz, bits, ms, freq);
	own_at_frequency(&own, freq);
	settle_host();
	start_judging(&host, NULL, tkn_start_cycles, true);
	for (i = 0; i < ticks; i++) {
		delayed_tick();
		if (i % each)
			continue;
		tkn_line(own.ns, &l);
		printf("error %.6f %.3f ", (double)i / tkn_hz, nanoseconds(error_at(&own, &l, tkn_start_cycles)));
		tkn_line(NULL, &l);
		printf("%.3f\n", nanoseconds(error_at(&host, &l, tkn_start_cycles)));
	}
}

static void usage(void)
{
	fprintf(stderr, "usage: ticknative cost N INTERVAL_MS hot|cold TICKS [ROUNDS]\n"
		"       ticknative leap N hot|cold [ROUNDS]\n"
		"       ticknative set N\n"
		"       ticknative count N INTERVAL_MS TICKS\n"
		"       ticknative accuracy HZ BITS INTERVAL_MS HOST_FREQ SECONDS\n"
		"       ticknative series HZ BITS INTERVAL_MS FREQ SECONDS\n");
	exit(TK_EXIT_FAILURE);
}

static unsigned int parse_nr(const char *text)
{
	return tk_parse_number("number of namespaces", text, 0, MAX_NAMESPACES - 1);
}

static unsigned int parse_ms(const char *text)
{
	return tk_parse_number("interval", text, 0, 4000);
}

static size_t parse_rounds(const char *text)
{
	return text ? tk_parse_number("rounds", text, 1, 63) : 9;
}

static void parse_counter(char **argv, bool draw)
{
	uint64_t hz = tk_parse_number("frequency of the counter", argv[2], 100000, 10000000000LL);
	unsigned int bits = tk_parse_number("width of the counter", argv[3], 20, 64);
	unsigned int ms = parse_ms(argv[4]);
	long freq = tk_parse_number("frequency in 2^-16 ppm", argv[5], -32768000, 32768000);
	uint64_t seconds = tk_parse_number("seconds", argv[6], 1, 1000000);

	(draw ? series : accuracy)(hz, bits, ms, freq, seconds);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	catch_signals();
	stay_here();
	calibrate();
	if (!strcmp(mode, "cost") && (argc == 6 || argc == 7))
		cost(parse_nr(argv[2]), parse_ms(argv[3]), parse_cold(argv[4]),
		     tk_parse_number("ticks", argv[5], 1, MAX_TICKS), parse_rounds(argv[6]));
	else if (!strcmp(mode, "leap") && (argc == 4 || argc == 5))
		leap(parse_nr(argv[2]), parse_cold(argv[3]), parse_rounds(argv[4]));
	else if (!strcmp(mode, "set") && argc == 3)
		set(parse_nr(argv[2]));
	else if (!strcmp(mode, "count") && argc == 5)
		count(parse_nr(argv[2]), parse_ms(argv[3]), tk_parse_number("ticks", argv[4], 1, MAX_TICKS));
	else if (!strcmp(mode, "accuracy") && argc == 7)
		parse_counter(argv, false);
	else if (!strcmp(mode, "series") && argc == 7)
		parse_counter(argv, true);
	else
		usage();
	if (fflush(stdout))
		err(TK_EXIT_FAILURE, "writing the figures");
	return 0;
}
