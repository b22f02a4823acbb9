/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's test harness and the fixtures that most tests have. Used by all tests, in the
 * file that has the tests and main() and in no other: the harness keeps its lists in each
 * file which includes it.
 */
#ifndef TK_FIXTURE_H
#define TK_FIXTURE_H

/*
 * The harness is not written for -Wextra: an unused parameter, and a variable over
 * setjmp() which only decides how a process ends that has failed already.
 */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wclobbered"
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "../../kselftest_harness.h"
#pragma GCC diagnostic pop

#include "setup.h"

/*
 * For what hangs, where nobody else looks after that. The boot harness does, sooner:
 * a limit in seconds would be one for the speed of the machine.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 7200

/*
 * TK_FIXTURE(name): a fixture without data in which the host is watched
 * TK_FIXTURE_UNWATCHED(name): one whose tests move the host's clock on purpose
 */
#define TK_FIXTURE_WITH(name_, setup_)					\
	FIXTURE(name_)							\
	{								\
		int unused;						\
	};								\
									\
	FIXTURE_SETUP(name_)						\
	{								\
		ASSERT_EQ(0, setup_);					\
	}								\
									\
	FIXTURE_TEARDOWN(name_)						\
	{								\
		EXPECT_EQ(0, tk_teardown());				\
	}								\
	struct name_##_needs_a_semicolon

#define TK_FIXTURE(name_) TK_FIXTURE_WITH(name_, tk_setup())
#define TK_FIXTURE_UNWATCHED(name_) TK_FIXTURE_WITH(name_, tk_setup_watch(false, 0))

#endif /* TK_FIXTURE_H */
