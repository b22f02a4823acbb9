// SPDX-License-Identifier: GPL-2.0
/*
 * What is set up before a test, and looked at behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"
#include "file.h"
#include "ns.h"
#include "process.h"
#include "setup.h"
#include "vdso.h"

struct tk_watch tk_host_watch;

int tk_setup_watch(bool watch, int flags)
{
	tk_shared = tk_shared_page(sizeof(*tk_shared));
	tk_vdso_init();
	if (!tk_vdso.gettime || !tk_vdso.gettimeofday || !tk_vdso.time) {
		fprintf(stderr, "# no vDSO: its path would not be tested\n");
		return -1;
	}
	tk_host_fd = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);
	if (tk_host_fd < 0) {
		fprintf(stderr, "# /proc/self/ns/time: %m\n");
		return -1;
	}
	if (access(TK_CLOCK_FILE, F_OK)) {
		const char *anyway = getenv("TK_ON_ANY_KERNEL");

		fprintf(stderr, "# %s: %m: no time namespace owns a clock here\n", TK_CLOCK_FILE);
		if (!anyway || strcmp(anyway, "1"))
			return -1;
	}
	if (!access(TK_OWN_FILE, F_OK) && tk_read_s64(TK_OWN_FILE) != 2) {
		fprintf(stderr, "# %s is not 2: what is set would be the machine's clock\n",
			TK_OWN_FILE);
		return -1;
	}
	if (watch)
		tk_watch_start(&tk_host_watch, "the host", -1, flags);
	return tk_failures() ? -1 : 0;
}

int tk_setup(void)
{
	return tk_setup_watch(true, TK_WATCH_ALL);
}

int tk_teardown(void)
{
	if (!tk_shared)
		return 0;
	/* A test may leave the process in a namespace; the watcher is not affected. */
	tk_watch_stop(&tk_host_watch);
	if (atomic_load(&tk_shared->printed) > TK_PRINT_MAX)
		fprintf(stderr, "# ... %d failed checks in all\n", tk_failures());
	return tk_failures();
}
