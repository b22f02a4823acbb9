// SPDX-License-Identifier: GPL-2.0
/*
 * Putting the host's clock back.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "fail.h"
#include "guard.h"
#include "interval.h"
#include "process.h"
#include "sys.h"

static void tk_guard_restore(const struct tk_timex *was, struct tk_iv line)
{
	struct tk_timex tx = { 0 };
	struct tk_iv now;
	s64 diff;

	/* Dropping STA_PLL is what takes the leap state machine back to TIME_OK at once. */
	tx.modes = ADJ_STATUS;
	tx.status = STA_PLL;
	tk_adjtimex(&tx);
	tx = (struct tk_timex){ .modes = ADJ_STATUS, .status = 0 };
	tk_adjtimex(&tx);
	/* ADJ_TIMECONST and ADJ_TAI share a field, and only ADJ_NANO takes it as it is. */
	tx = (struct tk_timex){ .modes = ADJ_TAI, .constant = was->tai };
	tk_adjtimex(&tx);
	tx = (struct tk_timex){ .modes = ADJ_NANO | ADJ_TIMECONST, .constant = was->constant };
	tk_adjtimex(&tx);
	tx = *was;
	tx.modes = ADJ_FREQUENCY | ADJ_TICK;
	tk_adjtimex(&tx);

	now = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 1000);
	diff = (line.lo + (line.hi - line.lo) / 2) - (now.lo + (now.hi - now.lo) / 2);
	/*
	 * Where the two may be the same line, there is nothing to put back; a step by
	 * nothing still ends a slew that goes on.
	 */
	if (tk_max(line.lo, now.lo) <= tk_min(line.hi, now.hi))
		diff = 0;
	tk_step(diff);

	tx = *was;
	tx.modes = ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR;
	tx.modes |= was->status & STA_NANO ? ADJ_NANO : ADJ_MICRO;
	tk_adjtimex(&tx);
}

void tk_guard_start(struct tk_guard *g)
{
	struct tk_iv line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 1000);
	struct tk_timex was = { 0 };
	int fds[2];
	char c;

	REQUIRE(tk_adjtimex(&was) >= 0, "adjtimex: %m");
	REQUIRE(!pipe2(fds, O_CLOEXEC), "pipe: %m");
	fflush(NULL);
	g->pid = fork();
	REQUIRE(g->pid >= 0, "fork: %m");
	if (!g->pid) {
		close(fds[1]);
		setpgid(0, 0);
		signal(SIGINT, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
		while (read(fds[0], &c, 1) < 0 && errno == EINTR)
			;
		tk_guard_restore(&was, line);
		_exit(0);
	}
	/* Both sides, so that no order of running leaves it in our group. */
	setpgid(g->pid, g->pid);
	close(fds[0]);
	g->fd = fds[1];
}

void tk_guard_stop(struct tk_guard *g)
{
	CHECK(write(g->fd, "q", 1) == 1, "guard: %m");
	close(g->fd);
	CHECK(!tk_reap(g->pid), "the guard of the host's clock died");
}
