/* SPDX-License-Identifier: GPL-2.0 */
/* Results of tests as TAP: one line for each group, the reasons in front of it. */
#ifndef TKNS_TAP_H
#define TKNS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static int tap_count, tap_failed, tap_bad;

/* What is wrong in the group of checks which tap_end() closes. */
__attribute__((format(printf, 1, 2), unused))
static void tap_wrong(const char *format, ...)
{
	va_list args;

	tap_bad++;
	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static inline void tap_end(const char *name)
{
	printf("%sok %d - %s\n", tap_bad ? "not " : "", ++tap_count, name);
	tap_failed += !!tap_bad;
	tap_bad = 0;
	fflush(stdout);
}

static inline int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return !!tap_failed;
}

#define N_OF(array)	(sizeof(array) / sizeof((array)[0]))

#endif /* TKNS_TAP_H */
