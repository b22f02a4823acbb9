/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Helper processes, memory that they share, sleeping, and how long to wait for what has to
 * come. Used by all tests that have helpers.
 *
 * However late the machine lets a process run, a check must hold. So nothing is bound from
 * above by real time, with two exceptions: tk_exact() says that time is counted in
 * instructions, where lateness is the kernel's own; and what never comes is given up after
 * tk_patience(), which is for hangs alone.
 */
#ifndef TK_PROCESS_H
#define TK_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base.h"
#include "fail.h"

/* Does the boot harness count time in instructions? Then nothing is late by chance. */
bool tk_exact(void);

/*
 * How long to wait for what has to come, in ns: a minute, on a machine that is as fast as
 * usual. The boot harness measures how many times slower this one is.
 */
s64 tk_patience(void);

/* The same for poll() */
int tk_patience_ms(void);

/* Memory that is shared with all children */
void *tk_shared_page(size_t size);

/* Relative sleep. Timers may still be the host's, so only the length is used. */
void tk_sleep(s64 ns);

/* Run @fn in a child, which does not outlive its parent. */
pid_t tk_spawn(int (*fn)(void *arg), void *arg);

/* The exit code of a child, 128 + signal if it was killed */
int tk_reap(pid_t pid);

int tk_run(int (*fn)(void *arg), void *arg);

#define RUN(fn, arg) do {						\
	int run_ret_ = tk_run(fn, arg);					\
									\
	CHECK(!run_ret_, "child ended with %d", run_ret_);		\
} while (0)

/* A descriptor goes to another process by a socket of the family AF_UNIX. */
void tk_send_fd(int via, int fd);
int tk_receive_fd(int via);

#endif /* TK_PROCESS_H */
