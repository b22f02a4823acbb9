// SPDX-License-Identifier: GPL-2.0
/*
 * vdsoread - what it costs to read a clock through the vDSO, on this very CPU
 *
 * How an image is run by this program, and on what pages, is in vdsopage.h. Each way
 * to read a clock is checked against the pages before it is measured, between two
 * readings of the counter. That also proves the layout of the pages.
 *
 * What is measured is the time of batches of calls, in cycles of the counter,
 * one batch of each kind after the other, in a new random order every round:
 * whatever disturbs the machine disturbs all of them.
 *
 * With --instructions the calls are counted instead: another process makes each of
 * them one instruction at a time. Built with -m32 the program does that with the
 * 32-bit images. The two instructions of a function that returns 0 are taken off,
 * as the guest does which counts the same (harness/lib/readings.h).
 */
#define _GNU_SOURCE
#include "vdsopage.h"

#define MAX_VDSOS	16

/* One figure: calls of a kind through an image in a state. */
struct cell {
	const struct vdso *vdso;
	const struct kind *kind;
	double *of_batch;
};

static struct vdso vdsos[MAX_VDSOS];
static int nr_vdsos;

static void fill(const struct vdso *v)
{
	struct vdso_data *first = (void *)(v->map + DATA_AT), *other = (void *)(v->map + 3 * PAGE + DATA_AT);

	start_cycles = ordered_tsc();
	if (!strcmp(v->state, "host")) {
		fill_page(first, v->state, 24);
		return;
	}
	fill_page(other, "host", 24);
	if (!strcmp(v->state, "own"))
		fill_page(first, v->state, 29);
	else
		fill_offsets(first, v->patched);
}

static void add_vdso(const char *kernel, const char *state, const char *file, bool patched)
{
	struct vdso *v = &vdsos[nr_vdsos++];
	size_t size;

	v->kernel = kernel;
	v->state = state;
	v->patched = patched;
	size = load(v, file, patched ? OUR_DATA_PAGES : DATA_PAGES);
	/* The image is code from now on. */
	if (mprotect(v->map + v->data_pages * PAGE, size, PROT_READ | PROT_EXEC))
		err(1, "mprotect");
}

__attribute__((noinline))
static int empty(clockid_t clock, struct timespec *ts)
{
	__asm__ volatile("" : : "r"(clock), "r"(ts) : "memory");
	return 0;
}

/* The system calls that an image falls back to would show the time of the machine, which is another. */
static void check(const struct vdso *v, const struct kind *kind)
{
	int64_t base = host_base(kind->clock) + ahead(v->state, kind->clock), low, high, seen;
	uint64_t before, after;
	/* What the multiplier of a host's clock is rounded by, in parts of 2^20 */
	int64_t slack;

	before = ordered_tsc();
	seen = read_once(v, kind);
	after = ordered_tsc();
	low = base + (int64_t)((double)(before - start_cycles) * 1e9 / (double)hz);
	high = base + (int64_t)((double)(after - start_cycles) * 1e9 / (double)hz);
	if (kind->clock == CLOCK_REALTIME_COARSE || kind->clock == CLOCK_MONOTONIC_COARSE || kind->call == TIME)
		low = high = base;
	slack = 1 + ((high - base) >> 20);
	if (kind->call == GETTIMEOFDAY)
		low -= 1000;
	if (kind->call == TIME)
		low -= NSEC_PER_SEC;
	if (seen < low - slack || seen > high + slack)
		errx(1, "%s, %s: %s shows %" PRId64 ", which is not in %" PRId64 "..%" PRId64,
		     v->kernel, v->state, kind->name, seen, low, high);
}

static double batch(const struct vdso *v, const struct kind *kind, int calls)
{
	struct timespec64 ts64;
	struct timespec ts;
	struct timeval tv;
	time_t now;
	uint64_t from;
	int i;

	from = ordered_tsc();
	switch (kind->call) {
	case GETTIME:
		for (i = 0; i < calls; i++)
			v->gettime(kind->clock, &ts);
		break;
	case GETTIME64:
		for (i = 0; i < calls; i++)
			v->gettime64(kind->clock, &ts64);
		break;
	case GETTIMEOFDAY:
		for (i = 0; i < calls; i++)
			v->gettimeofday(&tv, NULL);
		break;
	case TIME:
		for (i = 0; i < calls; i++)
			v->time(&now);
		break;
	case EMPTY:
		for (i = 0; i < calls; i++)
			empty(CLOCK_REALTIME, &ts);
		break;
	}
	return (double)(ordered_tsc() - from) / calls;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The process stops itself before each call. Instructions of the image, from the first one to the return. */
static int count_call(pid_t pid, const struct vdso *v)
{
	uintptr_t from = (uintptr_t)v->map + v->data_pages * PAGE, to = (uintptr_t)v->map + v->size, at;
	int signal, n = 0;
	bool inside;

	do {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL))
			err(1, "ptrace");
		wait_stopped(pid, &signal);
		if (signal != SIGTRAP)
			errx(1, "signal %d in the process that reads the clocks", signal);
		at = instruction_of(pid);
		inside = at >= from && at < to;
		n += inside;
	} while (inside || !n);
	if (ptrace(PTRACE_CONT, pid, NULL, NULL))
		err(1, "ptrace");
	wait_stopped(pid, &signal);
	return n;
}

#define COUNTS		3

static int count_all(void)
{
	int signal, i, j, k, n, least;
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			err(1, "ptrace");
		for (i = 0; i < nr_vdsos; i++) {
			for (j = 0; j < KINDS; j++) {
				for (k = 0; k < COUNTS; k++) {
					/* A second that passes would add the instructions of a loop. */
					fill(&vdsos[i]);
					raise(SIGSTOP);
					call_once(&vdsos[i], &kinds[j]);
				}
			}
		}
		raise(SIGSTOP);
		_exit(0);
	}
	wait_stopped(pid, &signal);
	for (i = 0; i < nr_vdsos; i++) {
		for (j = 0; j < KINDS; j++) {
			for (least = INT32_MAX, k = 0; k < COUNTS; k++) {
				n = count_call(pid, &vdsos[i]);
				if (n < least)
					least = n;
			}
			printf("count\t%s\t%s\t%d\t%s\n", vdsos[i].kernel, vdsos[i].state, least - 2, kinds[j].name);
		}
	}
	if (ptrace(PTRACE_KILL, pid, NULL, NULL))
		warn("ptrace");
	waitpid(pid, NULL, 0);
	return fflush(stdout) ? 1 : 0;
}

static long number(const char *name, const char *text, long max)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < 1 || value > max)
		errx(2, "%s '%s' is not a number from 1 to %ld", name, text, max);
	return value;
}

int main(int argc, char **argv)
{
	static const struct kind nothing = { "a call of an empty function", EMPTY, 0 };
	struct cell cells[MAX_VDSOS * KINDS + 1];
	int order[MAX_VDSOS * KINDS + 1];
	bool count = argc == 4 && !strcmp(argv[1], "--instructions");
	int rounds = 1, calls = 1, n = 0, round, i, j;

	if (argc != 5 && !count) {
		fputs("Usage: vdsoread MAINLINE-IMAGE OUR-IMAGE ROUNDS CALLS\n"
		      "       vdsoread --instructions MAINLINE-IMAGE OUR-IMAGE\n"
		      "Cycles of one call, in lines of: kernel, state, median, 10th and 90th percentile, name.\n"
		      "Or its instructions, in lines of: kernel, state, instructions, name.\n",
		      stderr);
		return 2;
	}
	if (count) {
		argv++;
	} else {
		rounds = (int)number("ROUNDS", argv[3], 1000000);
		calls = (int)number("CALLS", argv[4], 1000000);
	}
	pin();
	hz = measure_hz();
	add_vdso("mainline", "host", argv[1], false);
	add_vdso("mainline", "follow", argv[1], false);
	add_vdso("plain", "host", argv[2], true);
	add_vdso("plain", "follow", argv[2], true);
	add_vdso("plain", "own", argv[2], true);

	for (i = 0; i < nr_vdsos; i++) {
		fill(&vdsos[i]);
		for (j = 0; j < KINDS; j++) {
			check(&vdsos[i], &kinds[j]);
			cells[n++] = (struct cell){ &vdsos[i], &kinds[j], NULL };
		}
	}
	if (count)
		return count_all();
	cells[n++] = (struct cell){ NULL, &nothing, NULL };
	for (i = 0; i < n; i++) {
		cells[i].of_batch = calloc(rounds, sizeof(double));
		if (!cells[i].of_batch)
			err(1, "calloc");
		order[i] = i;
	}
	srandom(1);
	for (round = -1; round < rounds; round++) {
		for (i = n - 1; i > 0; i--) {
			int k = (int)(random() % (i + 1)), swap = order[i];

			order[i] = order[k];
			order[k] = swap;
		}
		for (i = 0; i < n; i++) {
			struct cell *c = &cells[order[i]];
			double cycles;

			/* Into the caches, then what counts; the first round is for the predictors alone. */
			batch(c->vdso, c->kind, 16);
			cycles = batch(c->vdso, c->kind, calls);
			if (round >= 0)
				c->of_batch[round] = cycles;
		}
	}
	printf("hz\t%" PRIu64 "\n", hz);
	for (i = 0; i < n; i++) {
		qsort(cells[i].of_batch, rounds, sizeof(double), by_value);
		printf("cost\t%s\t%s\t%.2f\t%.2f\t%.2f\t%s\n", cells[i].vdso ? cells[i].vdso->kernel : "-",
		       cells[i].vdso ? cells[i].vdso->state : "-", cells[i].of_batch[rounds / 2],
		       cells[i].of_batch[rounds / 10], cells[i].of_batch[rounds * 9 / 10], cells[i].kind->name);
	}
	return fflush(stdout) ? 1 : 0;
}
