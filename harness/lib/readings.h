/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What one reading of a clock costs.
 *
 * One measurement is the shortest of many batches of calls, less the shortest of
 * the same loop, the same machine code, around a function that does nothing:
 * interrupts only ever add.
 *
 * The functions of the vDSO are called directly; the C library's way there is
 * not of interest. A system call is made by the C library's syscall(), whose few
 * instructions are in its figure.
 */
#ifndef TIMENS_READINGS_H
#define TIMENS_READINGS_H

#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include <stdbool.h>
#include <sys/time.h>

#include "clocks.h"

/* Calls in a batch, batches in a measurement. */
#define TK_CALLS	64
#define TK_BATCHES	200

/* How a clock is read. */
enum tk_way {
	TK_VDSO_CLOCK,
	TK_VDSO_GETTIMEOFDAY,
	TK_VDSO_TIME,
	TK_VDSO_GETRES,
	TK_SYSCALL_CLOCK,
};

struct tk_target {
	const char *name;
	enum tk_way way;
	clockid_t id;
};

typedef long (*tk_clock_fn)(clockid_t id, struct timespec *ts);
typedef long (*tk_tod_fn)(struct timeval *tv, struct timezone *tz);
typedef time_t (*tk_time_fn)(time_t *t);

struct tk_functions {
	tk_clock_fn vdso_clock_gettime;
	tk_clock_fn vdso_clock_getres;
	tk_clock_fn syscall_clock_gettime;
	tk_tod_fn vdso_gettimeofday;
	tk_time_fn vdso_time;
};

/* A symbol of the vDSO, which is an ELF image in memory. */
static inline void *tk_vdso_symbol(const char *name)
{
	const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
	ElfW(Ehdr) const *ehdr = (const void *)base;
	ElfW(Phdr) const *phdr;
	ElfW(Dyn) const *dyn = NULL;
	ElfW(Sym) const *symbols = NULL;
	const char *strings = NULL;
	const uint32_t *hash = NULL;
	intptr_t slide = 0;
	bool loaded = false;
	uint32_t i;

	if (!base)
		errx(TK_EXIT_FAILURE, "the kernel gives no vDSO to this program");
	phdr = (const void *)(base + ehdr->e_phoff);
	for (i = 0; i < ehdr->e_phnum; i++) {
		if (phdr[i].p_type == PT_LOAD && !loaded) {
			slide = (intptr_t)base + phdr[i].p_offset - phdr[i].p_vaddr;
			loaded = true;
		} else if (phdr[i].p_type == PT_DYNAMIC) {
			dyn = (const void *)(base + phdr[i].p_offset);
		}
	}
	for (; dyn && dyn->d_tag != DT_NULL; dyn++) {
		const void *at = (const void *)(slide + dyn->d_un.d_ptr);

		if (dyn->d_tag == DT_SYMTAB)
			symbols = at;
		else if (dyn->d_tag == DT_STRTAB)
			strings = at;
		else if (dyn->d_tag == DT_HASH)
			hash = at;
	}
	if (!symbols || !strings || !hash)
		errx(TK_EXIT_FAILURE, "the vDSO has no table of symbols");
	/* The second word of the hash table is the number of symbols. */
	for (i = 0; i < hash[1]; i++)
		if (!strcmp(strings + symbols[i].st_name, name))
			return (void *)(slide + symbols[i].st_value);
	errx(TK_EXIT_FAILURE, "the vDSO has no '%s'", name);
}

static long tk_syscall_clock(clockid_t id, struct timespec *ts)
{
	return syscall(SYS_clock_gettime, id, ts);
}

static inline void tk_find_functions(struct tk_functions *f)
{
	f->vdso_clock_gettime = (tk_clock_fn)(uintptr_t)tk_vdso_symbol("__vdso_clock_gettime");
	f->vdso_clock_getres = (tk_clock_fn)(uintptr_t)tk_vdso_symbol("__vdso_clock_getres");
	f->syscall_clock_gettime = tk_syscall_clock;
	f->vdso_gettimeofday = (tk_tod_fn)(uintptr_t)tk_vdso_symbol("__vdso_gettimeofday");
	f->vdso_time = (tk_time_fn)(uintptr_t)tk_vdso_symbol("__vdso_time");
}

static long tk_no_clock(clockid_t id, struct timespec *ts)
{
	__asm__ volatile("" : : "r"(id), "r"(ts) : "memory");
	return 0;
}

static long tk_no_tod(struct timeval *tv, struct timezone *tz)
{
	__asm__ volatile("" : : "r"(tv), "r"(tz) : "memory");
	return 0;
}

static time_t tk_no_time(time_t *t)
{
	__asm__ volatile("" : : "r"(t) : "memory");
	return 0;
}

static const struct tk_functions tk_nothing = {
	.vdso_clock_gettime	= tk_no_clock,
	.vdso_clock_getres	= tk_no_clock,
	.syscall_clock_gettime	= tk_no_clock,
	.vdso_gettimeofday	= tk_no_tod,
	.vdso_time		= tk_no_time,
};

#define TK_BATCH(call)						\
	({							\
		uint64_t before_ = tk_cycles();		\
		unsigned int n_;				\
								\
		for (n_ = 0; n_ < TK_CALLS; n_++)		\
			call;					\
		tk_cycles() - before_;				\
	})

/* Never a copy of it for the functions that do nothing: the loops have to be the same. */
__attribute__((noipa))
static uint64_t tk_batch(const struct tk_target *t, const struct tk_functions *f)
{
	tk_clock_fn clock = NULL;
	clockid_t id = t->id;
	struct timespec ts;

	switch (t->way) {
	case TK_VDSO_CLOCK:
		clock = f->vdso_clock_gettime;
		break;
	case TK_VDSO_GETRES:
		clock = f->vdso_clock_getres;
		break;
	case TK_SYSCALL_CLOCK:
		clock = f->syscall_clock_gettime;
		break;
	case TK_VDSO_GETTIMEOFDAY: {
		tk_tod_fn tod = f->vdso_gettimeofday;
		struct timeval tv;

		return TK_BATCH(tod(&tv, NULL));
	}
	case TK_VDSO_TIME: {
		tk_time_fn seconds = f->vdso_time;
		time_t now;

		return TK_BATCH(seconds(&now));
	}
	}
	return TK_BATCH(clock(id, &ts));
}

static inline uint64_t tk_shortest(const struct tk_target *t, const struct tk_functions *f)
{
	uint64_t best = UINT64_MAX;
	unsigned int i;

	for (i = 0; i < TK_BATCHES; i++) {
		uint64_t took = tk_batch(t, f);

		if (took < best)
			best = took;
	}
	return best;
}

/* In cycles, of one call. */
static inline double tk_measure(const struct tk_target *t, const struct tk_functions *f)
{
	uint64_t loop = tk_shortest(t, &tk_nothing);
	uint64_t call = tk_shortest(t, f);

	return call > loop ? (double)(call - loop) / TK_CALLS : 0;
}

#endif /* TIMENS_READINGS_H */
