// SPDX-License-Identifier: GPL-2.0
/*
 * Counting and printing what did not hold.
 */
#include <stdarg.h>
#include <stdio.h>

#include "fail.h"

struct tk_shared *tk_shared;

void tk_fail(const char *file, int line, const char *cond, const char *fmt, ...)
{
	char text[512];
	const char *base = strrchr(file, '/');
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (tk_shared)
		atomic_fetch_add(&tk_shared->failures, 1);
	if (!tk_shared || atomic_fetch_add(&tk_shared->printed, 1) < TK_PRINT_MAX)
		fprintf(stderr, "# %s:%d: not so: %s: %s\n", base ? base + 1 : file, line, cond,
			text);
	errno = saved;
}

int tk_failures(void)
{
	return atomic_load(&tk_shared->failures);
}
