// SPDX-License-Identifier: GPL-2.0
/*
 * tkdemo_readcost - what reading a clock costs: outside, in a namespace that
 * follows the host, in one that owns its clock, and in one that follows an owner
 *
 * Four processes, one in each place, measure by turns (A B C A B C ...), so that
 * whatever changes in the machine meanwhile reaches all of them. See
 * readings.h for what a measurement is.
 *
 * What a read costs depends on how old its page is: it carries each full second that has
 * passed since over by a loop. The host writes its page in each tick, an owner every four
 * seconds if nothing else does. So the rounds are spread over more than that.
 *
 * Under QEMU's -icount the cycle counter counts instructions. That is not assumed
 * but measured with blocks of instructions of known length, and the figures are
 * called what they are.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/wait.h>

#include "counter.h"
#include "guest.h"
#include "readings.h"
#include "results.h"

/* Their sum is longer than the time between two passes, and none is a part of a second */
#define ROUNDS		12
#define ROUND_APART	(370 * 1000 * 1000)	/* nsecs */

enum place { OUTSIDE, FOLLOW, OWN, INNER, NR_PLACES };

static const char * const place_names[NR_PLACES] = { "outside", "follow", "own", "inner" };

static const struct {
	struct tk_target read;
	/* Interpolated with the counter; the coarse ones and time() are not. */
	bool fine;
} targets[] = {
	{ { "CLOCK_REALTIME",		TK_VDSO_CLOCK,		CLOCK_REALTIME },	true },
	{ { "CLOCK_MONOTONIC",		TK_VDSO_CLOCK,		CLOCK_MONOTONIC },	true },
	{ { "CLOCK_BOOTTIME",		TK_VDSO_CLOCK,		CLOCK_BOOTTIME },	true },
	{ { "CLOCK_TAI",		TK_VDSO_CLOCK,		CLOCK_TAI },		true },
	{ { "CLOCK_MONOTONIC_RAW",	TK_VDSO_CLOCK,		CLOCK_MONOTONIC_RAW },	true },
	{ { "gettimeofday",		TK_VDSO_GETTIMEOFDAY,	0 },			true },
	{ { "CLOCK_REALTIME_COARSE",	TK_VDSO_CLOCK,		CLOCK_REALTIME_COARSE }, false },
	{ { "CLOCK_MONOTONIC_COARSE",	TK_VDSO_CLOCK,		CLOCK_MONOTONIC_COARSE }, false },
	{ { "time",			TK_VDSO_TIME,		0 },			false },
	{ { "system call, REALTIME",	TK_SYSCALL_CLOCK,	CLOCK_REALTIME },	false },
};

#define NR_TARGETS	(sizeof(targets) / sizeof(targets[0]))
#define SYSCALL_TARGET	(NR_TARGETS - 1)

static struct tk_functions functions;

static void go_to(enum place place)
{
	struct timex tx = { .modes = ADJ_FREQUENCY, .freq = 50 << 16 };

	if (place == OUTSIDE)
		return;
	tk_become_container_root();
	/* With an offset, as time namespaces have been used so far. */
	tk_enter_new_time_ns("1000000");
	if (place == FOLLOW)
		return;
	if (adjtimex(&tx) < 0)
		err(TK_EXIT_FAILURE, "adjtimex in the namespace");
	/* What is made inside an owner follows it. */
	if (place == INNER)
		tk_enter_new_time_ns("2000000");
}

/* Waits for the number of a target, measures it, answers with the cost. */
__attribute__((noreturn))
static void child(enum place place, int fd)
{
	uint32_t wanted;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		err(TK_EXIT_FAILURE, "prctl(PR_SET_PDEATHSIG)");
	go_to(place);
	while (recv(fd, &wanted, sizeof(wanted), MSG_WAITALL) == sizeof(wanted)) {
		double cost = tk_measure(&targets[wanted].read, &functions);

		if (send(fd, &cost, sizeof(cost), MSG_NOSIGNAL) != sizeof(cost))
			err(TK_EXIT_FAILURE, "the parent has gone");
	}
	exit(0);
}

static double ask(int fd, enum place place, uint32_t target)
{
	double cost;

	if (send(fd, &target, sizeof(target), MSG_NOSIGNAL) != sizeof(target) ||
	    recv(fd, &cost, sizeof(cost), MSG_WAITALL) != sizeof(cost))
		errx(TK_EXIT_FAILURE, "the process of place '%s' has ended", place_names[place]);
	return cost;
}

/*
 * Counted instructions of all rounds count alike. Of times which others disturb the lowest
 * are taken, three quarters of them: those of an old page are among them.
 */
static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double mean(double *values, unsigned int nr, bool exact)
{
	unsigned int taken = exact ? nr : nr * 3 / 4, i;
	double sum = 0;

	qsort(values, nr, sizeof(*values), by_value);
	for (i = 0; i < taken; i++)
		sum += values[i];
	return sum / taken;
}

static void measure_all(const int *fds, double cost[NR_TARGETS][NR_PLACES], bool exact)
{
	static double values[NR_TARGETS][NR_PLACES][ROUNDS];
	const struct timespec apart = { .tv_nsec = ROUND_APART };
	unsigned int round, t, p;

	for (round = 0; round < ROUNDS; round++) {
		nanosleep(&apart, NULL);
		for (t = 0; t < NR_TARGETS; t++) {
			for (p = 0; p < NR_PLACES; p++)
				values[t][p][round] = ask(fds[p], p, t);
		}
	}
	for (t = 0; t < NR_TARGETS; t++)
		for (p = 0; p < NR_PLACES; p++)
			cost[t][p] = mean(values[t][p], ROUNDS, exact);
}

static void judge(double cost[NR_TARGETS][NR_PLACES], const struct tk_counter *counter)
{
	/*
	 * Counted instructions are compared as they are. Times of a machine that
	 * others use too are compared with a margin.
	 */
	double margin = counter->exact ? 1.0 : 1.15;
	bool near_host = true, as_follow = true, no_syscall = true;
	unsigned int t;

	for (t = 0; t < SYSCALL_TARGET; t++) {
		if (targets[t].fine) {
			near_host &= cost[t][OWN] <= cost[t][OUTSIDE] * 1.5 * margin;
			as_follow &= cost[t][OWN] <= cost[t][FOLLOW] * 1.15 * margin;
		}
		no_syscall &= cost[t][OWN] < cost[SYSCALL_TARGET][OWN] / 2 &&
			      cost[t][INNER] < cost[SYSCALL_TARGET][INNER] / 2;
	}
	tk_claim(near_host, "a clock that is read with the counter costs at most half as much again in an own namespace as outside");
	tk_claim(as_follow, "and about as much as in a namespace that follows");
	/* Half of one is far from any reading that goes through the kernel. */
	tk_claim(no_syscall, "no clock of an own namespace, or of one that follows it, needs a system call, coarse ones and time() neither");
}

int main(int argc, char **argv)
{
	static double cost[NR_TARGETS][NR_PLACES];
	struct tk_counter counter;
	int fds[NR_PLACES];
	pid_t pids[NR_PLACES];
	unsigned int p, t;

	tk_start_by_options(argc, argv,
			    "The cost of reading each clock outside, and in time namespaces which follow the host, own a clock, follow an owner.");
	tk_require_kernel();
	tk_find_functions(&functions);
	tk_calibrate(&counter);

	for (p = 0; p < NR_PLACES; p++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
			err(TK_EXIT_FAILURE, "socketpair");
		pids[p] = fork();
		if (pids[p] < 0)
			err(TK_EXIT_FAILURE, "fork");
		if (!pids[p]) {
			/* The end of its own commands is the end for a child. */
			for (t = 0; t < p; t++)
				close(fds[t]);
			close(pair[0]);
			child(p, pair[1]);
		}
		close(pair[1]);
		fds[p] = pair[0];
	}
	measure_all(fds, cost, counter.exact);

	tk_say("%s for one reading, through the vDSO", counter.unit);
	tk_say("%-24s %8s %8s %8s %8s", "", place_names[OUTSIDE], place_names[FOLLOW],
	       place_names[OWN], place_names[INNER]);
	tk_fact("read.unit %s", counter.unit);
	for (t = 0; t < NR_TARGETS; t++) {
		for (p = 0; p < NR_PLACES; p++)
			cost[t][p] *= counter.units_per_cycle;
		tk_say("%-24s %8.1f %8.1f %8.1f %8.1f", targets[t].read.name, cost[t][OUTSIDE],
		       cost[t][FOLLOW], cost[t][OWN], cost[t][INNER]);
		tk_fact("read.cost %.1f %.1f %.1f %.1f %s", cost[t][OUTSIDE], cost[t][FOLLOW],
			cost[t][OWN], cost[t][INNER], targets[t].read.name);
	}
	judge(cost, &counter);

	for (p = 0; p < NR_PLACES; p++) {
		int status;

		close(fds[p]);
		if (waitpid(pids[p], &status, 0) < 0)
			err(TK_EXIT_FAILURE, "waitpid");
		if (status)
			errx(TK_EXIT_FAILURE, "place '%s' ended with wait status 0x%x",
			     place_names[p], status);
	}
	tk_end();
	return 0;
}
