// SPDX-License-Identifier: GPL-2.0
/*
 * vdsoread - what it costs to read a clock through the vDSO, on this very CPU
 *
 * The vDSO image of a kernel is position independent code which reads its data
 * from the four pages before it. So it runs in any process, under any kernel,
 * with pages that this program makes up:
 *
 *	page 0	the data that the code looks at first
 *	page 1	of pvclock, 2 of hyperv: not used
 *	page 3	in a time namespace, the host's data
 *	page 4	the image
 *
 * The kernel patches its image when it boots: of the instructions that read the
 * time stamp counter, those are taken that the CPU can do best. This program
 * does the same.
 *
 * The pages hold times that cannot be those of the machine, and each way to read
 * a clock is checked against them before it is measured, between two readings of
 * the counter. That also proves the layout of the pages.
 *
 * What is measured is the time of batches of calls, in cycles of the counter,
 * one batch of each kind after the other, in a new random order every round:
 * whatever disturbs the machine disturbs all of them.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <elf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define PAGE		4096
#define DATA_PAGES	4
/* Where struct vdso_data stands in its page (arch/x86/include/asm/vvar.h). */
#define DATA_AT		128

#define NSEC_PER_SEC	1000000000ULL

#define MODE_TSC	1
#define MODE_TIMENS	INT32_MAX

#define NS_FOLLOW	1
#define NS_OWN		2

#define BASES		(CLOCK_TAI + 1)

/* include/vdso/datapage.h; the pristine kernel has no ns_state, but a hole in its place. */
struct vdso_data {
	uint32_t seq;
	int32_t clock_mode;
	uint64_t cycle_last;
	uint64_t max_cycles;
	uint64_t mask;
	uint32_t mult;
	uint32_t shift;
	struct {
		uint64_t sec;
		uint64_t nsec;
	} basetime[BASES];
	int32_t tz_minuteswest;
	int32_t tz_dsttime;
	uint32_t hrtimer_res;
	uint32_t ns_state;
} __attribute__((aligned(8)));

/* One of the instructions that the kernel exchanges (arch/x86/include/asm/alternative.h). */
struct exchange {
	int32_t at;
	int32_t by;
	uint16_t feature;
	uint16_t flags;
	uint8_t len;
	uint8_t by_len;
} __attribute__((packed));

#define FEATURE_RDTSCP		(1 * 32 + 27)
#define FEATURE_LFENCE_RDTSC	(20 * 32 + 2)

typedef int (*gettime_fn)(clockid_t clock, struct timespec *ts);
typedef int (*gettimeofday_fn)(struct timeval *tv, struct timezone *tz);
typedef time_t (*time_fn)(time_t *t);

/* An image with the pages of one state before it. */
struct vdso {
	const char *kernel;
	const char *state;
	unsigned char *map;
	gettime_fn gettime;
	gettimeofday_fn gettimeofday;
	time_fn time;
};

enum call { GETTIME, GETTIMEOFDAY, TIME, EMPTY };

static const struct kind {
	const char *name;
	enum call call;
	clockid_t clock;
} kinds[] = {
	{ "CLOCK_REALTIME",		GETTIME,	CLOCK_REALTIME },
	{ "CLOCK_MONOTONIC",		GETTIME,	CLOCK_MONOTONIC },
	{ "CLOCK_BOOTTIME",		GETTIME,	CLOCK_BOOTTIME },
	{ "CLOCK_TAI",			GETTIME,	CLOCK_TAI },
	{ "CLOCK_MONOTONIC_RAW",	GETTIME,	CLOCK_MONOTONIC_RAW },
	{ "CLOCK_REALTIME_COARSE",	GETTIME,	CLOCK_REALTIME_COARSE },
	{ "CLOCK_MONOTONIC_COARSE",	GETTIME,	CLOCK_MONOTONIC_COARSE },
	{ "gettimeofday",		GETTIMEOFDAY,	CLOCK_REALTIME },
	{ "time",			TIME,		CLOCK_REALTIME },
};

#define KINDS		((int)(sizeof(kinds) / sizeof(kinds[0])))
#define MAX_VDSOS	16

/* One figure: calls of a kind through an image in a state. */
struct cell {
	const struct vdso *vdso;
	const struct kind *kind;
	double *of_batch;
};

static struct vdso vdsos[MAX_VDSOS];
static int nr_vdsos;

static uint64_t hz;
static uint64_t start_cycles;

/* What the made-up host shows at start_cycles, in nanoseconds, and how far the clocks of the namespaces are from it. */
#define AHEAD_OF_HOST	(int64_t)(1000 * NSEC_PER_SEC + 500000000)

static int64_t host_base(clockid_t clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		return 1800000000 * (int64_t)NSEC_PER_SEC + 111111111;
	case CLOCK_TAI:
		return 1800000037 * (int64_t)NSEC_PER_SEC + 111111111;
	case CLOCK_BOOTTIME:
		return 70000 * (int64_t)NSEC_PER_SEC + 222222222;
	case CLOCK_MONOTONIC_RAW:
		return 49999 * (int64_t)NSEC_PER_SEC + 333333333;
	default:
		return 50000 * (int64_t)NSEC_PER_SEC + 444444444;
	}
}

/* A following namespace has the host's REALTIME and TAI; one that owns its clock differs in all. */
static int64_t ahead(const char *state, clockid_t clock)
{
	bool real = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;

	if (!strcmp(state, "host"))
		return 0;
	return !strcmp(state, "follow") && real ? 0 : AHEAD_OF_HOST;
}

static uint64_t ordered_tsc(void)
{
	uint64_t cycles;

	_mm_lfence();
	cycles = __rdtsc();
	_mm_lfence();
	return cycles;
}

/* Against CLOCK_MONOTONIC_RAW of this machine, over a fifth of a second. */
static uint64_t measure_hz(void)
{
	struct timespec a, b;
	uint64_t from, to;
	double ns;

	clock_gettime(CLOCK_MONOTONIC_RAW, &a);
	from = ordered_tsc();
	usleep(200000);
	clock_gettime(CLOCK_MONOTONIC_RAW, &b);
	to = ordered_tsc();
	ns = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
	return (uint64_t)((double)(to - from) * 1e9 / ns);
}

/* @shift: 24 as of a host's clock, more as of one that is passed once a second */
static void fill_clock(struct vdso_data *vd, uint32_t shift)
{
	vd->clock_mode = MODE_TSC;
	vd->cycle_last = start_cycles;
	vd->mask = UINT64_MAX;
	vd->shift = shift;
	vd->mult = (uint32_t)((double)NSEC_PER_SEC / (double)hz * (double)(1ULL << shift));
	vd->max_cycles = UINT64_MAX / 2 / vd->mult;
	vd->hrtimer_res = 1;
}

static void set_base(struct vdso_data *vd, clockid_t clock, int64_t ns, bool shifted)
{
	vd->basetime[clock].sec = ns / (int64_t)NSEC_PER_SEC;
	vd->basetime[clock].nsec = ns % (int64_t)NSEC_PER_SEC;
	if (shifted)
		vd->basetime[clock].nsec <<= vd->shift;
}

/* A page as the kernel writes it while it keeps a clock, the host's or one of a namespace. */
static void fill_page(struct vdso_data *vd, const char *state, uint32_t shift)
{
	static const clockid_t fine[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI };
	static const clockid_t coarse[] = { CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE };
	unsigned int i;

	fill_clock(&vd[0], shift);
	fill_clock(&vd[1], shift);
	for (i = 0; i < 4; i++)
		set_base(&vd[0], fine[i], host_base(fine[i]) + ahead(state, fine[i]), true);
	for (i = 0; i < 2; i++)
		set_base(&vd[0], coarse[i], host_base(coarse[i]) + ahead(state, coarse[i]), false);
	set_base(&vd[1], CLOCK_MONOTONIC_RAW,
		 host_base(CLOCK_MONOTONIC_RAW) + ahead(state, CLOCK_MONOTONIC_RAW), true);
	if (!strcmp(state, "own"))
		vd[0].ns_state = vd[1].ns_state = NS_OWN;
}

static void fill_offsets(struct vdso_data *vd, bool patched)
{
	clockid_t clock;
	int cs;

	for (cs = 0; cs < 2; cs++) {
		vd[cs].seq = 1;
		vd[cs].clock_mode = MODE_TIMENS;
		vd[cs].ns_state = patched ? NS_FOLLOW : 0;
		for (clock = 0; clock < BASES; clock++)
			set_base(&vd[cs], clock, ahead("follow", clock), false);
	}
}

static const ElfW(Shdr) *section(const unsigned char *elf, const char *name)
{
	const ElfW(Ehdr) *head = (const void *)elf;
	const ElfW(Shdr) *s = (const void *)(elf + head->e_shoff);
	const char *names = (const char *)elf + s[head->e_shstrndx].sh_offset;
	int i;

	for (i = 0; i < head->e_shnum; i++)
		if (!strcmp(names + s[i].sh_name, name))
			return &s[i];
	return NULL;
}

static void *symbol(const unsigned char *elf, const char *name)
{
	const ElfW(Shdr) *table = section(elf, ".dynsym"), *text = section(elf, ".dynstr");
	const ElfW(Sym) *sym;
	size_t i;

	if (!table || !text)
		errx(1, "an image has no dynamic symbols");
	sym = (const void *)(elf + table->sh_offset);
	for (i = 0; i < table->sh_size / sizeof(*sym); i++)
		if (!strcmp((const char *)elf + text->sh_offset + sym[i].st_name, name))
			return (void *)(elf + sym[i].st_value);
	errx(1, "an image has no '%s'", name);
}

static bool cpu_has(unsigned int feature)
{
	unsigned int a, b, c, d;

	switch (feature) {
	case FEATURE_RDTSCP:
		return __get_cpuid(0x80000001, &a, &b, &c, &d) && (d & (1U << 27));
	case FEATURE_LFENCE_RDTSC:
		/* A kernel makes LFENCE wait wherever there is one, which came with SSE2. */
		return __get_cpuid(1, &a, &b, &c, &d) && (d & (1U << 26));
	default:
		return false;
	}
}

/* Returns how many places read the counter by another instruction now. */
static int exchange_instructions(unsigned char *elf)
{
	const ElfW(Shdr) *list = section(elf, ".altinstructions");
	struct exchange *x;
	int n = 0;

	if (!list)
		errx(1, "an image has no list of alternative instructions");
	x = (void *)(elf + list->sh_offset);
	for (; (unsigned char *)(x + 1) <= elf + list->sh_offset + list->sh_size; x++) {
		unsigned char *at = (unsigned char *)&x->at + x->at;
		const unsigned char *by = (unsigned char *)&x->by + x->by;

		if (!cpu_has(x->feature))
			continue;
		if (x->by_len > x->len)
			errx(1, "an alternative instruction is longer than its place");
		memcpy(at, by, x->by_len);
		/* The rest is one long no-op in a kernel, as far as it fits. */
		memset(at + x->by_len, 0x90, x->len - x->by_len);
		if (x->len - x->by_len == 2)
			memcpy(at + x->by_len, "\x66\x90", 2);
		n++;
	}
	return n;
}

/* Returns how long the image is. */
static size_t load(struct vdso *v, const char *file)
{
	struct stat st;
	size_t size;
	ssize_t done;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st))
		err(1, "%s", file);
	size = DATA_PAGES * PAGE + st.st_size;
	v->map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (v->map == MAP_FAILED)
		err(1, "mmap");
	done = read(fd, v->map + DATA_PAGES * PAGE, st.st_size);
	if (done != st.st_size)
		err(1, "reading %s", file);
	close(fd);
	if (memcmp(v->map + DATA_PAGES * PAGE, ELFMAG, SELFMAG))
		errx(1, "%s is not an ELF file", file);
	if (!exchange_instructions(v->map + DATA_PAGES * PAGE))
		errx(1, "%s: no instruction that reads the counter was exchanged", file);
	v->gettime = (gettime_fn)symbol(v->map + DATA_PAGES * PAGE, "__vdso_clock_gettime");
	v->gettimeofday = (gettimeofday_fn)symbol(v->map + DATA_PAGES * PAGE, "__vdso_gettimeofday");
	v->time = (time_fn)symbol(v->map + DATA_PAGES * PAGE, "__vdso_time");
	return st.st_size;
}

static void add_vdso(const char *kernel, const char *state, const char *file, bool patched)
{
	struct vdso *v = &vdsos[nr_vdsos++];
	struct vdso_data *first, *other;
	size_t size;

	v->kernel = kernel;
	v->state = state;
	size = load(v, file);
	first = (void *)(v->map + DATA_AT);
	other = (void *)(v->map + 3 * PAGE + DATA_AT);
	if (!strcmp(state, "host")) {
		fill_page(first, state, 24);
	} else {
		fill_page(other, "host", 24);
		if (!strcmp(state, "own"))
			fill_page(first, state, 29);
		else
			fill_offsets(first, patched);
	}
	/* The image is code from now on, and the kernel's pages cannot be written either. */
	if (mprotect(v->map, DATA_PAGES * PAGE, PROT_READ) ||
	    mprotect(v->map + DATA_PAGES * PAGE, size, PROT_READ | PROT_EXEC))
		err(1, "mprotect");
}

__attribute__((noinline))
static int empty(clockid_t clock, struct timespec *ts)
{
	__asm__ volatile("" : : "r"(clock), "r"(ts) : "memory");
	return 0;
}

static int64_t read_once(const struct vdso *v, const struct kind *kind)
{
	struct timespec ts = { 0 };
	struct timeval tv = { 0 };

	switch (kind->call) {
	case GETTIME:
		if (v->gettime(kind->clock, &ts))
			errx(1, "%s, %s: %s fails", v->kernel, v->state, kind->name);
		return ts.tv_sec * (int64_t)NSEC_PER_SEC + ts.tv_nsec;
	case GETTIMEOFDAY:
		if (v->gettimeofday(&tv, NULL))
			errx(1, "%s, %s: gettimeofday fails", v->kernel, v->state);
		return tv.tv_sec * (int64_t)NSEC_PER_SEC + tv.tv_usec * 1000LL;
	default:
		return v->time(NULL) * (int64_t)NSEC_PER_SEC;
	}
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

static void pin(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (cpu < 0 || sched_setaffinity(0, sizeof(set), &set))
		err(1, "staying on one CPU");
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
	int rounds, calls, n = 0, round, i, j;

	if (argc != 5) {
		fputs("Usage: vdsoread STOCK-IMAGE OUR-IMAGE ROUNDS CALLS\n"
		      "Cycles of one call, in lines of: kernel, state, median, 10th and 90th percentile, name.\n",
		      stderr);
		return 2;
	}
	rounds = (int)number("ROUNDS", argv[3], 1000000);
	calls = (int)number("CALLS", argv[4], 1000000);
	pin();
	hz = measure_hz();
	start_cycles = ordered_tsc();
	add_vdso("stock", "host", argv[1], false);
	add_vdso("stock", "follow", argv[1], false);
	add_vdso("plain", "host", argv[2], true);
	add_vdso("plain", "follow", argv[2], true);
	add_vdso("plain", "own", argv[2], true);

	for (i = 0; i < nr_vdsos; i++) {
		for (j = 0; j < KINDS; j++) {
			check(&vdsos[i], &kinds[j]);
			cells[n++] = (struct cell){ &vdsos[i], &kinds[j], NULL };
		}
	}
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
