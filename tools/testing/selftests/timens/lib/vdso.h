/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The functions of the vDSO, found by their names. Used by the tests of the vDSO itself;
 * clock.h reads clocks by it.
 */
#ifndef TK_VDSO_H
#define TK_VDSO_H

#include <stdbool.h>
#include <sys/types.h>

#include "sys.h"

struct tk_vdso {
	bool tried;
	int (*gettime)(int clk, struct tk_ts *ts);
	int (*getres)(int clk, void *ts);
	int (*gettimeofday)(struct tk_tv *tv, struct timezone *tz);
	long (*time)(long *t);
	int (*gettime32)(int clk, struct tk_ts32 *ts);
	/* No 32-bit vDSO has it */
	ssize_t (*getrandom)(void *buffer, size_t len, unsigned int flags, void *state,
			     size_t state_size);
};

extern struct tk_vdso tk_vdso;

/* tk_setup() does it; what it does not find is NULL. */
void tk_vdso_init(void);

#endif /* TK_VDSO_H */
