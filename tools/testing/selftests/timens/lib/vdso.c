// SPDX-License-Identifier: GPL-2.0
/*
 * Looking up the symbols of the vDSO in its ELF image.
 */
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>

#include "vdso.h"

struct tk_vdso tk_vdso;

/* The number of symbols is in either hash table; old and new vDSOs have one or both. */
static size_t tk_elf_symbols(const ElfW(Word) *hash, const uint32_t *gnu)
{
	const uint32_t *buckets, *chain;
	uint32_t last = 0, i;

	if (hash)
		return hash[1];
	if (!gnu)
		return 0;
	buckets = gnu + 4 + gnu[2] * (sizeof(ElfW(Addr)) / 4);
	chain = buckets + gnu[0];
	for (i = 0; i < gnu[0]; i++)
		if (buckets[i] > last)
			last = buckets[i];
	if (last < gnu[1])
		return 0;
	while (!(chain[last - gnu[1]] & 1))
		last++;
	return last + 1;
}

static void *tk_vdso_symbol(const char *name)
{
	const char *base = (const char *)getauxval(AT_SYSINFO_EHDR), *strings = NULL;
	const ElfW(Sym) *sym = NULL;
	const ElfW(Word) *hash = NULL;
	const uint32_t *gnu = NULL;
	const ElfW(Dyn) *dyn = NULL;
	const ElfW(Ehdr) *eh;
	const ElfW(Phdr) *ph;
	ElfW(Addr) bias = 0;
	bool loaded = false;
	size_t i, n;

	if (!base)
		return NULL;
	eh = (const void *)base;
	ph = (const void *)(base + eh->e_phoff);
	for (i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD && !loaded) {
			bias = (ElfW(Addr))base + ph[i].p_offset - ph[i].p_vaddr;
			loaded = true;
		} else if (ph[i].p_type == PT_DYNAMIC) {
			dyn = (const void *)(base + ph[i].p_offset);
		}
	}
	if (!loaded || !dyn)
		return NULL;
	for (; dyn->d_tag != DT_NULL; dyn++) {
		const void *p = (const void *)(bias + dyn->d_un.d_ptr);

		switch (dyn->d_tag) {
		case DT_STRTAB:
			strings = p;
			break;
		case DT_SYMTAB:
			sym = p;
			break;
		case DT_HASH:
			hash = p;
			break;
		case DT_GNU_HASH:
			gnu = p;
			break;
		}
	}
	if (!strings || !sym)
		return NULL;
	n = tk_elf_symbols(hash, gnu);
	for (i = 0; i < n; i++)
		if (sym[i].st_shndx != SHN_UNDEF && !strcmp(strings + sym[i].st_name, name))
			return (void *)(bias + sym[i].st_value);
	return NULL;
}

void tk_vdso_init(void)
{
	tk_vdso.gettimeofday = (int (*)(struct tk_tv *, struct timezone *))
		tk_vdso_symbol("__vdso_gettimeofday");
	tk_vdso.time = (long (*)(long *))tk_vdso_symbol("__vdso_time");
	tk_vdso.getres = (int (*)(int, void *))tk_vdso_symbol("__vdso_clock_getres");
#ifdef __x86_64__
	tk_vdso.gettime = (int (*)(int, struct tk_ts *))tk_vdso_symbol("__vdso_clock_gettime");
	tk_vdso.getrandom =
		(ssize_t (*)(void *, size_t, unsigned int, void *, size_t))
		tk_vdso_symbol("__vdso_getrandom");
#else
	tk_vdso.gettime = (int (*)(int, struct tk_ts *))tk_vdso_symbol("__vdso_clock_gettime64");
	tk_vdso.gettime32 =
		(int (*)(int, struct tk_ts32 *))tk_vdso_symbol("__vdso_clock_gettime");
#endif
	tk_vdso.tried = true;
}
