// SPDX-License-Identifier: GPL-2.0
/*
 * tkabcost - what reading a clock and the tick cost in the initial namespace, on
 * any kernel
 *
 * For bench/ab.sh, which compares kernels: with the feature, with the feature
 * configured out, and the pristine source. Nothing here needs the feature, and
 * nothing sets a clock. The figures are instructions, counted exactly, and the
 * program refuses to give others.
 *
 * A figure of the vDSO or of a system call is the least of many measurements
 * (tkdemo_read.h). Those of the tick are of the whole interrupt as a user's loop
 * misses it (tkdemo_look.h): entry and exit, the local APIC, hrtimers, timekeeping
 * and the update of the vDSO's page, CPU accounting, the scheduler, RCU, the timer
 * wheel, and the softirqs that are raised in it. Timekeeping is a part of it only;
 * but nothing that is called in the tick can get dearer without being seen.
 */
#define _GNU_SOURCE
#include <sys/stat.h>
#include <sys/utsname.h>

#include "tkdemo_look.h"
#include "tkdemo_read.h"

/* What the kernel calls PROC_TIME_INIT_INO: the number of the initial time namespace, always. */
#define INITIAL_TIME_NS	0xEFFFFFFAU

/* How long the ticks are looked at. */
#define LOOK		(2 * TK_NSEC_PER_SEC)

static const struct tkd_target vdso_targets[] = {
	{ "clock_gettime REALTIME",		TKD_VDSO_CLOCK,	CLOCK_REALTIME },
	{ "clock_gettime MONOTONIC",		TKD_VDSO_CLOCK,	CLOCK_MONOTONIC },
	{ "clock_gettime BOOTTIME",		TKD_VDSO_CLOCK,	CLOCK_BOOTTIME },
	{ "clock_gettime TAI",			TKD_VDSO_CLOCK,	CLOCK_TAI },
	{ "clock_gettime MONOTONIC_RAW",	TKD_VDSO_CLOCK,	CLOCK_MONOTONIC_RAW },
	{ "clock_gettime REALTIME_COARSE",	TKD_VDSO_CLOCK,	CLOCK_REALTIME_COARSE },
	{ "clock_gettime MONOTONIC_COARSE",	TKD_VDSO_CLOCK,	CLOCK_MONOTONIC_COARSE },
	{ "gettimeofday",			TKD_VDSO_GETTIMEOFDAY, 0 },
	{ "time",				TKD_VDSO_TIME,	0 },
	{ "clock_getres REALTIME",		TKD_VDSO_GETRES, CLOCK_REALTIME },
	{ "clock_getres MONOTONIC",		TKD_VDSO_GETRES, CLOCK_MONOTONIC },
	{ "clock_getres BOOTTIME",		TKD_VDSO_GETRES, CLOCK_BOOTTIME },
	{ "clock_getres TAI",			TKD_VDSO_GETRES, CLOCK_TAI },
	{ "clock_getres MONOTONIC_RAW",		TKD_VDSO_GETRES, CLOCK_MONOTONIC_RAW },
	{ "clock_getres REALTIME_COARSE",	TKD_VDSO_GETRES, CLOCK_REALTIME_COARSE },
	{ "clock_getres MONOTONIC_COARSE",	TKD_VDSO_GETRES, CLOCK_MONOTONIC_COARSE },
};

/* The alarm clocks and those of CPU time are read by the kernel only. */
static const struct tkd_target syscall_targets[] = {
	{ "clock_gettime REALTIME",		TKD_SYSCALL_CLOCK, CLOCK_REALTIME },
	{ "clock_gettime MONOTONIC",		TKD_SYSCALL_CLOCK, CLOCK_MONOTONIC },
	{ "clock_gettime BOOTTIME",		TKD_SYSCALL_CLOCK, CLOCK_BOOTTIME },
	{ "clock_gettime TAI",			TKD_SYSCALL_CLOCK, CLOCK_TAI },
	{ "clock_gettime MONOTONIC_RAW",	TKD_SYSCALL_CLOCK, CLOCK_MONOTONIC_RAW },
	{ "clock_gettime REALTIME_COARSE",	TKD_SYSCALL_CLOCK, CLOCK_REALTIME_COARSE },
	{ "clock_gettime MONOTONIC_COARSE",	TKD_SYSCALL_CLOCK, CLOCK_MONOTONIC_COARSE },
	{ "clock_gettime REALTIME_ALARM",	TKD_SYSCALL_CLOCK, CLOCK_REALTIME_ALARM },
	{ "clock_gettime BOOTTIME_ALARM",	TKD_SYSCALL_CLOCK, CLOCK_BOOTTIME_ALARM },
	{ "clock_gettime THREAD_CPUTIME",	TKD_SYSCALL_CLOCK, CLOCK_THREAD_CPUTIME_ID },
	{ "clock_gettime PROCESS_CPUTIME",	TKD_SYSCALL_CLOCK, CLOCK_PROCESS_CPUTIME_ID },
};

#define NR_VDSO		(sizeof(vdso_targets) / sizeof(vdso_targets[0]))
#define NR_SYSCALL	(sizeof(syscall_targets) / sizeof(syscall_targets[0]))

static bool in_initial_namespace(void)
{
	struct stat st;

	if (stat("/proc/self/ns/time", &st))
		err(TK_EXIT_FAILURE, "/proc/self/ns/time");
	return st.st_ino == INITIAL_TIME_NS;
}

static struct tkd_functions functions;

/* A refused call has a price too, but not the one that is asked for. */
static void require_readable(const struct tkd_target *t)
{
	struct timespec ts;
	long ret = 0;

	if (t->way == TKD_VDSO_CLOCK)
		ret = functions.vdso_clock_gettime(t->id, &ts);
	else if (t->way == TKD_VDSO_GETRES)
		ret = functions.vdso_clock_getres(t->id, &ts);
	else if (t->way == TKD_SYSCALL_CLOCK)
		ret = functions.syscall_clock_gettime(t->id, &ts);
	if (ret)
		errx(TK_EXIT_FAILURE, "%s is refused", t->name);
}

static void figure(const char *group, double value, const char *name)
{
	tkd_say("%-8s %10.10g  %s", group, value, name);
	tkd_fact("%s %.10g %s", group, value, name);
}

/* The dearest of the group. */
static double read_costs(const char *group, const struct tkd_target *targets, unsigned int nr)
{
	double most = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		double cost;

		require_readable(&targets[i]);
		cost = tkd_measure(&targets[i], &functions);
		figure(group, cost, targets[i].name);
		if (cost > most)
			most = cost;
	}
	return most;
}

static void tick_cost(const struct tkd_counter *counter)
{
	double hz = tkd_hz(), ticks;
	struct tkd_look look;

	tkd_settle(counter);
	tkd_look(&look, LOOK, counter);
	tkd_judge_look(&look);
	ticks = look.seen - look.foreign;

	figure("tick", look.median, "median");
	figure("tick", look.taken / ticks, "mean");
	figure("tick", look.shortest, "shortest");
	figure("tick", look.longest, "longest");
	tkd_fact("ab.hz %.0f", hz);
	tkd_fact("ab.ticks %.0f", ticks);
	tkd_fact("ab.foreign %u", look.foreign);
	tkd_fact("ab.seconds %.3f", look.seconds);
	/* Not a whole number of periods, and some ticks are met by another task. */
	tkd_claim(ticks > look.seconds * hz * 0.98 && ticks < look.seconds * hz * 1.02,
		  "the interruptions are ticks: %.0f in %.2f s at HZ=%.0f, and %u longer ones",
		  ticks, look.seconds, hz, look.foreign);
}

int main(int argc, char **argv)
{
	struct tkd_counter counter;
	double vdso, kernel;
	struct utsname name;

	if (!tkd_start_by_options(argc, argv, "Instructions of each reading of a clock and of the tick, in the initial time namespace."))
		return 0;
	if (uname(&name))
		err(TK_EXIT_FAILURE, "uname");
	tkd_fact("ab.release %s", name.release);
	tkd_fact("ab.feature %d", !access("/proc/self/timens_clock", F_OK));
	tkd_find_functions(&functions);
	tkd_calibrate(&counter);
	if (!tkd_claim(counter.exact, "the cycle counter counts instructions") ||
	    !tkd_claim(in_initial_namespace(), "this is the initial time namespace"))
		return TK_EXIT_FAILURE;

	vdso = read_costs("vdso", vdso_targets, NR_VDSO);
	kernel = read_costs("syscall", syscall_targets, NR_SYSCALL);
	/* Half of one is far from any reading that goes through the kernel. */
	tkd_claim(vdso > 0 && vdso < kernel / 2, "no reading through the vDSO needs a system call");
	tick_cost(&counter);
	tkd_end();
	return 0;
}
