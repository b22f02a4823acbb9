/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checks, and what becomes of those that fail. Used by everything.
 *
 * CHECK() counts in memory shared with every child, so helper processes in other
 * namespaces take part; the fixture's teardown turns the count into the verdict of the
 * test (see setup.h). REQUIRE() ends the process as well.
 */
#ifndef TK_FAIL_H
#define TK_FAIL_H

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "../../kselftest.h"

struct tk_shared {
	atomic_int failures;
	atomic_int printed;
};

extern struct tk_shared *tk_shared;

#define TK_PRINT_MAX 25

void __attribute__((format(printf, 4, 5)))
tk_fail(const char *file, int line, const char *cond, const char *fmt, ...);

/* Say what is wrong and go on. */
#define CHECK(cond, ...) ({					\
	bool check_ok_ = !!(cond);				\
								\
	if (!check_ok_)						\
		tk_fail(__FILE__, __LINE__, #cond, __VA_ARGS__);	\
	check_ok_;						\
})

/* Without this the process cannot go on. */
#define REQUIRE(cond, ...) do {					\
	if (!CHECK(cond, __VA_ARGS__))				\
		_exit(KSFT_FAIL);				\
} while (0)

int tk_failures(void);

#endif /* TK_FAIL_H */
