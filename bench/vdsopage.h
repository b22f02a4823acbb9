/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vDSO images of a kernel in an ordinary process, on pages that are made up
 *
 * The vDSO image of a kernel is position independent code which reads its data
 * from the four or five pages before it. So it runs in any process, under any kernel:
 *
 *	page 0	the data that the code looks at first
 *	page 1	of pvclock, 2 of hyperv: not used
 *	page 3	in a time namespace, the host's data, or those of the owner that it follows
 *	page 4	with TIMEKEEPER_NS: the host's data in the latter
 *	page 5	the image
 *
 * The kernel patches its image when it boots: of the instructions that read the
 * time stamp counter, those are taken that the CPU can do best. load() does the
 * same. The pages hold times that cannot be those of the machine.
 */
#ifndef TIMENS_VDSOPAGE_H
#define TIMENS_VDSOPAGE_H

#include <cpuid.h>
#include <elf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define PAGE		4096
/* In front of an image: the page which a reader looks at is the first one, the system wide one the fourth. */
#define DATA_PAGES	4
/* With TIMEKEEPER_NS there is a fifth one, for who follows an owner. */
#define OUR_DATA_PAGES	5
/* Where struct vdso_data stands in its page (arch/x86/include/asm/vvar.h). */
#define DATA_AT		128

#define NSEC_PER_SEC	1000000000ULL

#define MODE_TSC	1
#define MODE_TIMENS	INT32_MAX

#define NS_FOLLOW	1
#define NS_OWN		2

/* Where the page of an owner says up to where its coarse clocks are read from it, and how long a second is. */
#define COARSE_SLOT	CLOCK_THREAD_CPUTIME_ID

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

/* What 32-bit programs with 64-bit times read clocks into. */
struct timespec64 {
	int64_t tv_sec;
	int64_t tv_nsec;
};

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
typedef int (*gettime64_fn)(clockid_t clock, struct timespec64 *ts);
typedef int (*gettimeofday_fn)(struct timeval *tv, struct timezone *tz);
typedef time_t (*time_fn)(time_t *t);

/* An image with the pages of one state before it. */
struct vdso {
	const char *kernel;
	const char *state;
	bool patched;
	unsigned char *map;
	size_t size;
	int data_pages;
	gettime_fn gettime;
	gettime64_fn gettime64;
	gettimeofday_fn gettimeofday;
	time_fn time;
};

enum call { GETTIME, GETTIME64, GETTIMEOFDAY, TIME, EMPTY };

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
#ifdef __i386__
	{ "CLOCK_REALTIME, 64-bit time", GETTIME64,	CLOCK_REALTIME },
	{ "CLOCK_MONOTONIC_RAW, 64-bit time", GETTIME64, CLOCK_MONOTONIC_RAW },
	{ "CLOCK_REALTIME_COARSE, 64-bit time", GETTIME64, CLOCK_REALTIME_COARSE },
#endif
};

#define KINDS		((int)(sizeof(kinds) / sizeof(kinds[0])))
static uint64_t hz;
static uint64_t start_cycles;

/* What the made-up host shows at start_cycles, in nanoseconds, and how far the clocks of the namespaces are from it. */
#define AHEAD_OF_HOST	(int64_t)(1000 * NSEC_PER_SEC + 50000000)

static inline int64_t host_base(clockid_t clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		return 1800000000 * (int64_t)NSEC_PER_SEC + 111111111;
	case CLOCK_TAI:
		return 1800000037 * (int64_t)NSEC_PER_SEC + 111111111;
	case CLOCK_BOOTTIME:
		return 70000 * (int64_t)NSEC_PER_SEC + 122222222;
	case CLOCK_MONOTONIC_RAW:
		return 49999 * (int64_t)NSEC_PER_SEC + 133333333;
	default:
		return 50000 * (int64_t)NSEC_PER_SEC + 144444444;
	}
}

/* A following namespace has the host's REALTIME and TAI; one that owns its clock differs in all. */
static inline int64_t ahead(const char *state, clockid_t clock)
{
	bool real = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;

	if (!strcmp(state, "host"))
		return 0;
	return !strcmp(state, "follow") && real ? 0 : AHEAD_OF_HOST;
}

static inline uint64_t ordered_tsc(void)
{
	uint64_t cycles;

	_mm_lfence();
	cycles = __rdtsc();
	_mm_lfence();
	return cycles;
}

/* Against CLOCK_MONOTONIC_RAW of this machine, over a fifth of a second. */
static inline uint64_t measure_hz(void)
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
static inline void fill_clock(struct vdso_data *vd, uint32_t shift)
{
	vd->clock_mode = MODE_TSC;
	vd->cycle_last = start_cycles;
	vd->mask = UINT64_MAX;
	vd->shift = shift;
	vd->mult = (uint32_t)((double)NSEC_PER_SEC / (double)hz * (double)(1ULL << shift));
	vd->max_cycles = UINT64_MAX / 2 / vd->mult;
	vd->hrtimer_res = 1;
}

static inline void set_base(struct vdso_data *vd, clockid_t clock, int64_t ns, bool shifted)
{
	vd->basetime[clock].sec = ns / (int64_t)NSEC_PER_SEC;
	vd->basetime[clock].nsec = ns % (int64_t)NSEC_PER_SEC;
	if (shifted)
		vd->basetime[clock].nsec <<= vd->shift;
}

/* A page as the kernel writes it while it keeps a clock, the host's or one of a namespace. */
static inline void fill_page(struct vdso_data *vd, const char *state, uint32_t shift)
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
	if (strcmp(state, "own"))
		return;
	/* Its line starts where its last pass was, which is not the host's last tick. */
	vd[0].cycle_last -= hz / 256;
	for (i = 0; i < 4; i++)
		vd[0].basetime[fine[i]].nsec -= hz / 256 * vd[0].mult;
	vd[0].ns_state = vd[1].ns_state = NS_OWN;
	vd[0].basetime[COARSE_SLOT].sec = vd[0].max_cycles + 1;
	vd[0].basetime[COARSE_SLOT].nsec = NSEC_PER_SEC << shift;
}

static inline void fill_offsets(struct vdso_data *vd, bool patched)
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

static inline const ElfW(Shdr) *section(const unsigned char *elf, const char *name)
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

static inline void *symbol(const unsigned char *elf, const char *name)
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

static inline bool cpu_has(unsigned int feature)
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
static inline int exchange_instructions(unsigned char *elf)
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

/* Returns how long the image is; @data_pages are in front of it. */
static inline size_t load(struct vdso *v, const char *file, int data_pages)
{
	struct stat st;
	size_t size;
	ssize_t done;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st))
		err(1, "%s", file);
	v->data_pages = data_pages;
	size = data_pages * PAGE + st.st_size;
	v->size = size;
	v->map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (v->map == MAP_FAILED)
		err(1, "mmap");
	done = read(fd, v->map + data_pages * PAGE, st.st_size);
	if (done != st.st_size)
		err(1, "reading %s", file);
	close(fd);
	if (memcmp(v->map + data_pages * PAGE, ELFMAG, SELFMAG))
		errx(1, "%s is not an ELF file", file);
	if (!exchange_instructions(v->map + data_pages * PAGE))
		errx(1, "%s: no instruction that reads the counter was exchanged", file);
	v->gettime = (gettime_fn)symbol(v->map + data_pages * PAGE, "__vdso_clock_gettime");
#ifdef __i386__
	v->gettime64 = (gettime64_fn)symbol(v->map + data_pages * PAGE, "__vdso_clock_gettime64");
#endif
	v->gettimeofday = (gettimeofday_fn)symbol(v->map + data_pages * PAGE, "__vdso_gettimeofday");
	v->time = (time_fn)symbol(v->map + data_pages * PAGE, "__vdso_time");
	return st.st_size;
}

static inline int64_t read_once(const struct vdso *v, const struct kind *kind)
{
	struct timespec ts = { 0 };
	struct timespec64 ts64 = { 0 };
	struct timeval tv = { 0 };

	switch (kind->call) {
	case GETTIME64:
		if (v->gettime64(kind->clock, &ts64))
			errx(1, "%s, %s: %s fails", v->kernel, v->state, kind->name);
		return ts64.tv_sec * (int64_t)NSEC_PER_SEC + ts64.tv_nsec;
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

/* Called with a bare pointer to a time, as the guest does. */
static inline void call_once(const struct vdso *v, const struct kind *kind)
{
	struct timespec64 ts64;
	struct timespec ts;
	struct timeval tv;
	time_t now;

	switch (kind->call) {
	case GETTIME:
		v->gettime(kind->clock, &ts);
		break;
	case GETTIME64:
		v->gettime64(kind->clock, &ts64);
		break;
	case GETTIMEOFDAY:
		v->gettimeofday(&tv, NULL);
		break;
	default:
		v->time(&now);
		break;
	}
}

static inline uintptr_t instruction_of(pid_t pid)
{
	long at;

	errno = 0;
#ifdef __i386__
	at = ptrace(PTRACE_PEEKUSER, pid, (void *)offsetof(struct user, regs.eip), NULL);
#else
	at = ptrace(PTRACE_PEEKUSER, pid, (void *)offsetof(struct user, regs.rip), NULL);
#endif
	if (errno)
		err(1, "reading a register");
	return (uintptr_t)at;
}

static inline void wait_stopped(pid_t pid, int *signal)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		errx(1, "the process that reads the clocks has ended");
	*signal = WSTOPSIG(status);
}

static inline void pin(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (cpu < 0 || sched_setaffinity(0, sizeof(set), &set))
		err(1, "staying on one CPU");
}

#endif /* TIMENS_VDSOPAGE_H */
