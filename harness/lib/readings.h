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
#include <sys/time.h>

#include "guest.h"

/* Calls in a batch, batches in a measurement. */
#define TKD_CALLS	64
#define TKD_BATCHES	200

/* How a clock is read. */
enum tkd_way {
	TKD_VDSO_CLOCK,
	TKD_VDSO_GETTIMEOFDAY,
	TKD_VDSO_TIME,
	TKD_VDSO_GETRES,
	TKD_SYSCALL_CLOCK,
};

struct tkd_target {
	const char *name;
	enum tkd_way way;
	clockid_t id;
};

typedef long (*tkd_clock_fn)(clockid_t id, struct timespec *ts);
typedef long (*tkd_tod_fn)(struct timeval *tv, struct timezone *tz);
typedef time_t (*tkd_time_fn)(time_t *t);

struct tkd_functions {
	tkd_clock_fn vdso_clock_gettime;
	tkd_clock_fn vdso_clock_getres;
	tkd_clock_fn syscall_clock_gettime;
	tkd_tod_fn vdso_gettimeofday;
	tkd_time_fn vdso_time;
};

/* A symbol of the vDSO, which is an ELF image in memory. */
static inline void *tkd_vdso_symbol(const char *name)
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

static long tkd_syscall_clock(clockid_t id, struct timespec *ts)
{
	return syscall(SYS_clock_gettime, id, ts);
}

static inline void tkd_find_functions(struct tkd_functions *f)
{
	f->vdso_clock_gettime = (tkd_clock_fn)(uintptr_t)tkd_vdso_symbol("__vdso_clock_gettime");
	f->vdso_clock_getres = (tkd_clock_fn)(uintptr_t)tkd_vdso_symbol("__vdso_clock_getres");
	f->syscall_clock_gettime = tkd_syscall_clock;
	f->vdso_gettimeofday = (tkd_tod_fn)(uintptr_t)tkd_vdso_symbol("__vdso_gettimeofday");
	f->vdso_time = (tkd_time_fn)(uintptr_t)tkd_vdso_symbol("__vdso_time");
}

static long tkd_no_clock(clockid_t id, struct timespec *ts)
{
	__asm__ volatile("" : : "r"(id), "r"(ts) : "memory");
	return 0;
}

static long tkd_no_tod(struct timeval *tv, struct timezone *tz)
{
	__asm__ volatile("" : : "r"(tv), "r"(tz) : "memory");
	return 0;
}

static time_t tkd_no_time(time_t *t)
{
	__asm__ volatile("" : : "r"(t) : "memory");
	return 0;
}

static const struct tkd_functions tkd_nothing = {
	.vdso_clock_gettime	= tkd_no_clock,
	.vdso_clock_getres	= tkd_no_clock,
	.syscall_clock_gettime	= tkd_no_clock,
	.vdso_gettimeofday	= tkd_no_tod,
	.vdso_time		= tkd_no_time,
};

#define TKD_BATCH(call)						\
	({							\
		uint64_t before_ = tkd_cycles();		\
		unsigned int n_;				\
								\
		for (n_ = 0; n_ < TKD_CALLS; n_++)		\
			call;					\
		tkd_cycles() - before_;				\
	})

/* Never a copy of it for the functions that do nothing: the loops have to be the same. */
__attribute__((noipa))
static uint64_t tkd_batch(const struct tkd_target *t, const struct tkd_functions *f)
{
	tkd_clock_fn clock = NULL;
	clockid_t id = t->id;
	struct timespec ts;

	switch (t->way) {
	case TKD_VDSO_CLOCK:
		clock = f->vdso_clock_gettime;
		break;
	case TKD_VDSO_GETRES:
		clock = f->vdso_clock_getres;
		break;
	case TKD_SYSCALL_CLOCK:
		clock = f->syscall_clock_gettime;
		break;
	case TKD_VDSO_GETTIMEOFDAY: {
		tkd_tod_fn tod = f->vdso_gettimeofday;
		struct timeval tv;

		return TKD_BATCH(tod(&tv, NULL));
	}
	case TKD_VDSO_TIME: {
		tkd_time_fn seconds = f->vdso_time;
		time_t now;

		return TKD_BATCH(seconds(&now));
	}
	}
	return TKD_BATCH(clock(id, &ts));
}

static inline uint64_t tkd_shortest(const struct tkd_target *t, const struct tkd_functions *f)
{
	uint64_t best = UINT64_MAX;
	unsigned int i;

	for (i = 0; i < TKD_BATCHES; i++) {
		uint64_t took = tkd_batch(t, f);

		if (took < best)
			best = took;
	}
	return best;
}

/* In cycles, of one call. */
static inline double tkd_measure(const struct tkd_target *t, const struct tkd_functions *f)
{
	uint64_t loop = tkd_shortest(t, &tkd_nothing);
	uint64_t call = tkd_shortest(t, f);

	return call > loop ? (double)(call - loop) / TKD_CALLS : 0;
}

#endif /* TIMENS_READINGS_H */
