// SPDX-License-Identifier: GPL-2.0
/*
 * tkdemo_observe - compare the clocks of time namespaces from outside
 *
 * What a daemon says about its own success is no proof. This program, root in
 * the initial namespace, visits the time namespace of each PROCESS in turn (setns)
 * and reads its CLOCK_REALTIME there between two readings of the cycle counter,
 * which every clock of the machine is made of and nothing sets or steers:
 *
 *	counter ----c0---c1---------------c2---c3--------------c4---c5---->
 *	            |host |               | S   |              | C   |
 *	            REALTIME              REALTIME             REALTIME
 *
 * The narrowest of many readings counts. All of them are brought to one and the
 * same counter value with the frequency of the counter, which is measured
 * against the host's MONOTONIC_RAW; over the few hundred microseconds between
 * the visits an error in it does not matter.
 *
 * The first PROCESS is the reference. A line is printed for every period:
 * the distance of each from the reference, and the rate of each clock against
 * MONOTONIC_RAW since the line before. It ends when every PROCESS has been
 * within --within of the reference for --lines lines one after the other, in
 * offset and in rate (exit status 0), or with --seconds (exit status 1; with
 * --lines 0, where that is the only end, 0). --samples keeps all periods, as a table.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>

#include "clocks.h"
#include "guest.h"
#include "results.h"

#define MAX_PROCESSES	8
#define READS		64

struct visit {
	int64_t realtime;
	uint64_t cycles;
	uint64_t window;
};

static struct process {
	const char *name;
	long pid;
	int fd;
	struct visit now;
	struct visit last;
	int64_t offset;
	double ppm;
	/* Since when it has been near the reference without a break, or -1. */
	int64_t near_since;
	/* How often it was near and went away again. */
	unsigned int lapses;
	/* Of the distances while it has been near. */
	int64_t sum;
	int64_t most;
	int64_t lines;
} processes[MAX_PROCESSES + 1];

/* processes[0] is the host itself. */
static unsigned int nr_processes = 1;

static struct {
	int64_t seconds;
	int64_t period_ms;
	int64_t within_ns;
	int64_t within_ppb;
	int64_t lines;
	int64_t every;
	const char *prefix;
	const char *samples;
} opt = {
	.seconds	= 600,
	.period_ms	= 1000,
	.within_ns	= 1000000,
	.within_ppb	= 1000,
	.lines		= 10,
	.every		= 1,
	.prefix		= "observe",
};

/* The table of --samples. */
static FILE *samples;

static const char usage[] =
	"[OPTION]... NAME=PID NAME=PID...\n"
	"Compare CLOCK_REALTIME of the processes' time namespaces; the first is the reference.\n"
	"\n"
	"  --seconds N        give up after that time (600)\n"
	"  --period-ms N      time between two lines (1000)\n"
	"  --print-every N    after the first ones every Nth line only (1)\n"
	"  --within-ns N      how near to the reference a clock has to be (1000000)\n"
	"  --within-ppb N     and how near its rate (1000)\n"
	"  --lines N          for how many lines one after the other (10); 0: to the end, whatever they do\n"
	"  --facts FILE       append the figures there\n"
	"  --prefix WORD      what the keys of the figures begin with (observe)\n"
	"  --samples FILE     all periods: seconds, and of each process its distance from the first (ns) and rate (ppm)\n"
	"\n"
	"Exit status: 0 all are near (or --lines 0), 1 not within the time, 125 failure.\n";

static const struct tk_option options[] = {
	TK_NUMBER("seconds", &opt.seconds, 1, 1000000),
	TK_NUMBER("period-ms", &opt.period_ms, 10, 1000000),
	TK_NUMBER("print-every", &opt.every, 1, 1000000),
	TK_NUMBER("within-ns", &opt.within_ns, 1, TK_NSEC_PER_SEC),
	TK_NUMBER("within-ppb", &opt.within_ppb, 1, 1000000),
	TK_NUMBER("lines", &opt.lines, 0, 1000000),
	TK_FACTS,
	TK_TEXT("prefix", &opt.prefix),
	TK_TEXT("samples", &opt.samples),
	TK_NO_MORE
};

/* Between two lines, in nanoseconds. */
static int64_t period(void)
{
	return opt.period_ms * 1000000;
}

static void enter(const struct process *p)
{
	if (setns(p->fd, CLONE_NEWTIME))
		err(TK_EXIT_FAILURE, "entering the time namespace of %s", p->name);
}

static void read_clock(struct visit *v)
{
	unsigned int i;

	v->window = UINT64_MAX;
	for (i = 0; i < READS; i++) {
		uint64_t before = tk_cycles();
		int64_t real = tk_read(CLOCK_REALTIME);
		uint64_t after = tk_cycles();

		if (after - before >= v->window)
			continue;
		v->window = after - before;
		v->cycles = before + (after - before) / 2;
		v->realtime = real;
	}
}

/* One round of visits. Returns what MONOTONIC_RAW showed, and the counter then. */
static int64_t go_round(uint64_t *cycles)
{
	uint64_t best = UINT64_MAX;
	int64_t raw = 0;
	unsigned int i;

	for (i = nr_processes; i-- > 0;) {
		struct process *p = &processes[i];

		p->last = p->now;
		enter(p);
		read_clock(&p->now);
	}
	/* The last visit was to the host, and there this program stays. */
	for (i = 0; i < READS; i++) {
		uint64_t before = tk_cycles();
		int64_t now = tk_read(CLOCK_MONOTONIC_RAW);
		uint64_t after = tk_cycles();

		if (after - before < best) {
			best = after - before;
			*cycles = before + best / 2;
			raw = now;
		}
	}
	return raw;
}

/* The distance that the kernel itself shows, as a second opinion. */
static int64_t kernel_offset(const struct process *p)
{
	char path[64], line[256];
	long long sec;
	long nsec;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/timens_clock", p->pid);
	file = fopen(path, "re");
	if (!file)
		err(TK_EXIT_FAILURE, "%s", path);
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "realtime %lld %ld", &sec, &nsec) == 2;
	if (!found)
		errx(TK_EXIT_FAILURE, "%s has no line 'realtime'", path);
	fclose(file);
	return sec * TK_NSEC_PER_SEC + nsec;
}

static void compare(double cycles_per_ns)
{
	const struct process *ref = &processes[1];
	unsigned int i;

	for (i = 0; i < nr_processes; i++) {
		struct process *p = &processes[i];
		double apart = (double)(int64_t)(p->now.cycles - ref->now.cycles) / cycles_per_ns;
		double raw = (double)(p->now.cycles - p->last.cycles) / cycles_per_ns;

		p->offset = p->now.realtime - ref->now.realtime - (int64_t)apart;
		p->ppm = ((double)(p->now.realtime - p->last.realtime) - raw) / raw * 1e6;
	}
}

/* Is every process near the reference for long enough? */
static bool all_near(int64_t elapsed, int64_t lines_done)
{
	bool all = true;
	unsigned int i;

	for (i = 2; i < nr_processes; i++) {
		struct process *p = &processes[i];
		double apart = p->ppm - processes[1].ppm, most = (double)opt.within_ppb / 1e3;

		if (llabs(p->offset) > opt.within_ns || apart > most || -apart > most) {
			p->lapses += p->near_since >= 0;
			p->near_since = -1;
		} else {
			if (p->near_since < 0) {
				p->near_since = elapsed;
				p->sum = 0;
				p->most = 0;
				p->lines = 0;
			}
			p->sum += llabs(p->offset);
			p->most = llabs(p->offset) > p->most ? llabs(p->offset) : p->most;
			p->lines++;
		}
		all &= p->near_since >= 0 &&
		       elapsed - p->near_since >= (opt.lines - 1) * period();
	}
	return all && opt.lines && lines_done >= opt.lines;
}

/* The beginning is where most happens. */
static bool worth_a_line(int64_t line)
{
	static const int64_t early[] = { 1, 2, 3, 5, 10, 20, 30 };
	unsigned int i;

	for (i = 0; i < sizeof(early) / sizeof(early[0]); i++)
		if (line == early[i])
			return true;
	return line % opt.every == 0;
}

/* A clock that was set has no rate for that period. */
static const char *rate_text(double ppm, char *buf, size_t size)
{
	if (ppm > 1e6 || ppm < -1e6)
		snprintf(buf, size, "was set");
	else
		snprintf(buf, size, "%+.3f", ppm);
	return buf;
}

static void print_header(void)
{
	char line[512];
	int len;
	unsigned int i;

	tk_say("rates in ppm against the raw counter, since the second before; distances in seconds");
	len = snprintf(line, sizeof(line), "%6s  %8s  %8s %12s", "time", "the host", processes[1].name,
		       "less host");
	for (i = 2; i < nr_processes; i++)
		len += snprintf(line + len, sizeof(line) - len, "  %8s %8s %-15s", processes[i].name,
				"less", processes[1].name);
	tk_say("%s", line);
}

static void print_line(int64_t elapsed)
{
	char line[512], rate[32];
	int len;
	unsigned int i;

	len = snprintf(line, sizeof(line), "%4.0f s  %8s", (double)elapsed / TK_NSEC_PER_SEC,
		       rate_text(processes[0].ppm, rate, sizeof(rate)));
	len += snprintf(line + len, sizeof(line) - len, "  %8s %+12.0f",
			rate_text(processes[1].ppm, rate, sizeof(rate)),
			-(double)processes[0].offset / TK_NSEC_PER_SEC);
	for (i = 2; i < nr_processes; i++)
		len += snprintf(line + len, sizeof(line) - len, "  %8s %+24.9f",
				rate_text(processes[i].ppm, rate, sizeof(rate)),
				(double)processes[i].offset / TK_NSEC_PER_SEC);
	tk_say("%s", line);
}

static void start_samples(void)
{
	unsigned int i;

	if (!opt.samples)
		return;
	samples = fopen(opt.samples, "we");
	if (!samples)
		err(TK_EXIT_FAILURE, "--samples '%s'", opt.samples);
	fputs("# seconds", samples);
	for (i = 1; i < nr_processes; i++)
		fprintf(samples, "\t%s_ns\t%s_ppm", processes[i].name, processes[i].name);
	fputc('\n', samples);
}

static void keep_sample(int64_t elapsed)
{
	unsigned int i;

	if (!samples)
		return;
	fprintf(samples, "%.3f", (double)elapsed / TK_NSEC_PER_SEC);
	for (i = 1; i < nr_processes; i++)
		fprintf(samples, "\t%" PRId64 "\t%.6f", processes[i].offset, processes[i].ppm);
	fputc('\n', samples);
}

static void add_process(const char *text)
{
	const char *equals = strchr(text, '=');
	struct process *p;
	char path[64];

	if (!equals || equals == text)
		errx(TK_EXIT_FAILURE, "'%s' is not like NAME=PID", text);
	if (nr_processes > MAX_PROCESSES)
		errx(TK_EXIT_FAILURE, "'%s': more than %d processes", text, MAX_PROCESSES);
	p = &processes[nr_processes++];
	p->name = strndup(text, equals - text);
	if (!p->name)
		err(TK_EXIT_FAILURE, "strndup");
	p->pid = tk_parse_number(text, equals + 1, 1, INT32_MAX);
	p->near_since = -1;
	snprintf(path, sizeof(path), "/proc/%ld/ns/time", p->pid);
	p->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (p->fd < 0)
		err(TK_EXIT_FAILURE, "%s: %s", text, path);
}

static void parse(int argc, char **argv)
{
	int at = tk_parse_options(argc, argv, options, usage, TK_WORDS);

	if (argc - at < 2)
		errx(TK_EXIT_FAILURE, "a reference and at least one more NAME=PID are wanted");
	for (; at < argc; at++)
		add_process(argv[at]);
}

static void report(bool near)
{
	const struct process *ref = &processes[1];
	unsigned int i;

	tk_fact("%s.host_ppm %.3f", opt.prefix, processes[0].ppm);
	tk_fact("%s.%s.ahead_s %.9f", opt.prefix, ref->name,
		-(double)processes[0].offset / TK_NSEC_PER_SEC);
	tk_fact("%s.%s.ppm %.3f", opt.prefix, ref->name, ref->ppm);
	for (i = 2; i < nr_processes; i++) {
		const struct process *p = &processes[i];
		int64_t second = kernel_offset(p) - kernel_offset(ref);

		tk_fact("%s.%s.offset_ns %" PRId64, opt.prefix, p->name, p->offset);
		tk_fact("%s.%s.timens_clock_ns %" PRId64, opt.prefix, p->name, second);
		tk_fact("%s.%s.ppm %.3f", opt.prefix, p->name, p->ppm);
		tk_fact("%s.%s.lapses %u", opt.prefix, p->name, p->lapses);
		if (near) {
			tk_fact("%s.%s.near_after_s %.0f", opt.prefix, p->name,
				(double)p->near_since / TK_NSEC_PER_SEC);
			tk_fact("%s.%s.mean_ns %" PRId64, opt.prefix, p->name, p->sum / p->lines);
			tk_fact("%s.%s.most_ns %" PRId64, opt.prefix, p->name, p->most);
		}
		tk_say("%s - %s: %+" PRId64 " ns by the counter, %+" PRId64 " ns by /proc/PID/timens_clock",
		       p->name, ref->name, p->offset, second);
	}
}

int main(int argc, char **argv)
{
	int64_t raw, first_raw, started, next, line;
	uint64_t cycles, first_cycles;
	bool near = false;
	struct process *host = &processes[0];

	parse(argc, argv);
	tk_start();
	tk_require_kernel();
	host->name = "the host";
	host->fd = tk_open_time_ns();

	started = next = tk_read(CLOCK_MONOTONIC);
	first_raw = go_round(&first_cycles);
	start_samples();
	print_header();
	for (line = 0; !near && next - started < opt.seconds * TK_NSEC_PER_SEC; line++) {
		next += period();
		tk_sleep_until(next);
		raw = go_round(&cycles);
		compare((double)(cycles - first_cycles) / (double)(raw - first_raw));
		near = all_near(next - started, line + 1);
		keep_sample(next - started);
		if (near || worth_a_line(line + 1))
			print_line(next - started);
	}
	report(near);
	if (fflush(NULL))
		err(TK_EXIT_FAILURE, "writing the results");
	return near || !opt.lines ? 0 : 1;
}
