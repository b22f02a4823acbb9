// SPDX-License-Identifier: GPL-2.0
/*
 * tkfootprint - what a time namespace takes: memory, instructions from its
 * creation to its end, and interrupts of an idle machine
 *
 * For bench/footprint.sh. Memory is what the kernel charges. A namespace is charged
 * to who creates it, and the descriptor which holds it to who opens that; so two
 * processes in two memory cgroups tell the one from the other:
 *
 *	creator, cgroup tkf-creator	unshare()    unshare()    unshare()
 *					      |            |            |
 *	holder, cgroup tkf-holder	    open()       open()       open(), setns() ...
 *
 * The statistics of a cgroup lag behind, until somebody reads its cpu.stat: that
 * collects what is left on the CPUs. What remains unseen is less than a page for
 * a CPU, to be divided by the number of namespaces. The kernel's charge for an
 * object is the size of its slab cache plus eight bytes, which it takes itself
 * to note whose the object is.
 *
 * Whether a kernel has the feature is found out; what only that can do is left
 * out on others.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "counter.h"
#include "guest.h"
#include "hold.h"
#include "interrupts.h"
#include "results.h"

#define CGROUPS		"/sys/fs/cgroup"

/* Rounds which are not counted, and those which are; odd, for the median to be one of them. */
#define WARM_UP		10
#define CALLS		201

/* Far enough that nothing of it expires while the program runs. */
#define FAR		(3600 * TK_NSEC_PER_SEC)

/* How long an idle machine gets to calm down. */
#define IDLE_SETTLE	(10 * TK_NSEC_PER_SEC)

/* Steered owners: the PLL takes off half a second for hours. */
#define PLL_OFFSET	500000
#define PLL_CONSTANT	10

/* 2016-12-31T23:50:00 UTC: inside of the last 1000 seconds before a leap second. */
#define BEFORE_LEAP	1483228200
/* and before them. */
#define BEFORE_SMEAR	(BEFORE_LEAP - 3600)

static bool feature, exact;
static uint64_t overhead;

/*
 * Memory
 */

/* Bytes. */
struct charge {
	int64_t creator;
	int64_t creator_slab;
	int64_t holder;
	/* Slabs of the machine, whole and whoever is charged. */
	int64_t slabs;
};

static int64_t cgroup_number(const char *group, const char *key)
{
	char path[96];

	snprintf(path, sizeof(path), CGROUPS "/%s/cpu.stat", group);
	tk_require_number(path, "usage_usec");
	snprintf(path, sizeof(path), CGROUPS "/%s/memory.stat", group);
	return tk_require_number(path, key);
}

static void read_charge(struct charge *c)
{
	c->creator = cgroup_number("tkf-creator", "kernel");
	c->creator_slab = cgroup_number("tkf-creator", "slab");
	c->holder = cgroup_number("tkf-holder", "kernel");
	c->slabs = tk_require_number("/proc/meminfo", "Slab:") * 1024;
}

static void make_cgroup(const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), CGROUPS "/%s", name);
	if (mkdir(path, 0755))
		err(TK_EXIT_FAILURE, "%s", path);
}

static void enter_cgroup(const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), CGROUPS "/%s/cgroup.procs", name);
	tk_write_file(path, "0");
}

/*
 * The process which creates, one namespace for each byte that it gets
 */

static int to_creator = -1, from_creator = -1;
static pid_t creator;

static void create_on_demand(int from, int to)
{
	char byte;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		err(TK_EXIT_FAILURE, "prctl");
	enter_cgroup("tkf-creator");
	while (read(from, &byte, 1) == 1) {
		if (unshare(CLONE_NEWTIME))
			err(TK_EXIT_FAILURE, "unshare");
		if (write(to, &byte, 1) != 1)
			err(TK_EXIT_FAILURE, "write");
	}
	_exit(0);
}

static void start_creator(void)
{
	int request[2], answer[2];

	if (pipe2(request, O_CLOEXEC) || pipe2(answer, O_CLOEXEC))
		err(TK_EXIT_FAILURE, "pipe2");
	creator = fork();
	if (creator < 0)
		err(TK_EXIT_FAILURE, "fork");
	if (!creator) {
		close(request[1]);
		close(answer[0]);
		create_on_demand(request[0], answer[1]);
	}
	close(request[0]);
	close(answer[1]);
	to_creator = request[1];
	from_creator = answer[0];
	enter_cgroup("tkf-holder");
}

static void end_creator(void)
{
	int status;

	if (close(to_creator) || waitpid(creator, &status, 0) != creator)
		err(TK_EXIT_FAILURE, "the process which creates");
	close(from_creator);
	if (status)
		errx(TK_EXIT_FAILURE, "the process which creates ended with status %#x", status);
}

static int created(void)
{
	char path[64], byte = 'n';
	int fd;

	if (write(to_creator, &byte, 1) != 1 || read(from_creator, &byte, 1) != 1)
		errx(TK_EXIT_FAILURE, "the process which creates has gone");
	snprintf(path, sizeof(path), "/proc/%d/ns/time_for_children", (int)creator);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(TK_EXIT_FAILURE, "%s", path);
	return fd;
}

/*
 * What is done to each namespace
 */

static void nothing_inside(long nr)
{
	(void)nr;
}

static void steer_inside(long nr)
{
	struct timex tx = {
		.modes	  = ADJ_STATUS | ADJ_TIMECONST | ADJ_OFFSET,
		.status	  = STA_PLL,
		.constant = PLL_CONSTANT,
		.offset	  = nr & 1 ? PLL_OFFSET : -PLL_OFFSET,
	};

	if (adjtimex(&tx) < 0)
		err(TK_EXIT_FAILURE, "adjtimex(ADJ_OFFSET) in namespace %ld", nr);
}

static void set_inside(time_t sec)
{
	struct timespec ts = { .tv_sec = sec };

	if (clock_settime(CLOCK_REALTIME, &ts))
		err(TK_EXIT_FAILURE, "clock_settime(%lld)", (long long)sec);
}

static void smear_inside(long nr)
{
	struct timex tx = { .modes = ADJ_STATUS, .status = STA_INS };

	(void)nr;
	tk_write_file(TK_CLOCK_FILE, "leap smear utc-sls");
	set_inside(BEFORE_SMEAR);
	if (adjtimex(&tx) < 0)
		err(TK_EXIT_FAILURE, "adjtimex(STA_INS) in namespace %ld", nr);
	set_inside(BEFORE_LEAP);
}

/* The word behind "smear" in the file of the namespace. */
static bool smears_inside(void)
{
	char word[32] = "";

	tk_file_word(TK_CLOCK_FILE, "smear", word, sizeof(word));
	return !strcmp(word, "running");
}

static int *timers;

/* A timer of the holder in each namespace. */
static void arm_inside(long nr)
{
	int64_t at = tk_read(CLOCK_REALTIME) + FAR;
	struct itimerspec spec = { .it_value = { .tv_sec = at / TK_NSEC_PER_SEC } };

	timers[nr] = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC);
	if (timers[nr] < 0 || timerfd_settime(timers[nr], TFD_TIMER_ABSTIME, &spec, NULL))
		err(TK_EXIT_FAILURE, "a timer in namespace %ld", nr);
}

static void inside_each(void (*what)(long nr))
{
	long i;

	for (i = 0; i < tk_held.nr; i++) {
		tk_enter(tk_held.fd[i]);
		what(i);
	}
	tk_leave();
}

/* Bytes a namespace since @from, by who is charged. */
static void tell_memory(const char *state, const struct charge *from)
{
	double all, slab, holder, n = (double)tk_held.nr;
	struct charge now;

	read_charge(&now);
	all = (double)(now.creator - from->creator) / n;
	slab = (double)(now.creator_slab - from->creator_slab) / n;
	holder = (double)(now.holder - from->holder) / n;
	tk_say("%-22s %8.1f bytes charged, of these %8.1f in slabs; its descriptor %8.1f", state,
	       all, slab, holder);
	tk_fact("memory %s %.1f %.1f %.1f", state, all, slab, holder);
}

static void close_all(void)
{
	tk_hold(0);
}

static void memory(long number)
{
	struct charge none, after, armed;
	int64_t left;
	long i;

	tk_write_file(CGROUPS "/cgroup.subtree_control", "+memory");
	make_cgroup("tkf-creator");
	make_cgroup("tkf-holder");
	start_creator();
	/* Both have what they need for themselves. */
	for (i = 0; i < 100; i++)
		close(created());
	inside_each(nothing_inside);
	timers = calloc((size_t)number, sizeof(*timers));
	if (!timers)
		err(TK_EXIT_FAILURE, "memory for %ld timers", number);

	read_charge(&none);
	for (; tk_held.nr < number; tk_held.nr++)
		tk_held.fd[tk_held.nr] = created();
	tell_memory("follow,never-entered", &none);
	inside_each(nothing_inside);
	tell_memory("follow,entered", &none);
	if (feature) {
		long smearing = 0;

		tk_require_owners(0);
		inside_each(tk_own);
		tk_require_owners(number);
		tell_memory("own", &none);
		inside_each(steer_inside);
		tell_memory("own,steered", &none);
		inside_each(smear_inside);
		for (i = 0; i < number; i++) {
			tk_enter(tk_held.fd[i]);
			smearing += smears_inside();
		}
		tk_leave();
		tk_claim(smearing == number, "all %ld namespaces smear a leap second (%ld)",
			 number, smearing);
		tell_memory("own,smearing", &none);
	}
	read_charge(&armed);
	inside_each(arm_inside);
	tell_memory(feature ? "own,armed-timer" : "follow,armed-timer", &none);
	/* Of the timer and its descriptor: whoever arms it pays for it, if anybody does. */
	read_charge(&after);
	tk_say("a timerfd, armed: %.1f bytes of slabs, of which %.1f are charged",
	       (double)(after.slabs - armed.slabs) / (double)number,
	       (double)(after.holder - armed.holder) / (double)number);
	tk_fact("timer %.1f %.1f", (double)(after.slabs - armed.slabs) / (double)number,
		(double)(after.holder - armed.holder) / (double)number);
	for (i = 0; i < number; i++)
		close(timers[i]);
	close_all();
	/*
	 * The last one belongs to the creator still; it gets another. That is a copy of the last
	 * one, and owns its clock if that did.
	 */
	close(created());
	read_charge(&after);
	left = after.creator - none.creator;
	tk_say("left of %ld namespaces: %" PRId64 " bytes", number, left);
	tk_fact("left %" PRId64, left);
	/* Less than a page for a CPU on the way in and on the way out, and what the creator has. */
	tk_claim(left < 65536 && left < number * 16,
		 "the memory of %ld namespaces was given back (%" PRId64 " bytes are left)",
		 number, left);
	end_creator();
	if (feature)
		tk_require_owners(0);
}

/*
 * Instructions
 */

static const struct {
	const char *name;
	bool needs_feature;
} steps[] = {
	{ "create" }, { "open" }, { "enter" }, { "leave" }, { "destroy" },
	{ "fork-into" }, { "leave-forked" }, { "exit-last" }, { "fork-again" },
	{ "own", true }, { "leave-own", true }, { "enter-own", true }, { "destroy-own", true },
};

enum { CREATE, OPEN, ENTER, LEAVE, DESTROY, FORK_INTO, LEAVE_FORKED, EXIT_LAST, FORK_AGAIN, OWN, LEAVE_OWN, ENTER_OWN, DESTROY_OWN, NR_STEPS };

static uint64_t took[NR_STEPS][CALLS];

/* A round which is not counted goes into the first place, and is overwritten there. */
#define COUNTED(step, round, call) do {								\
	uint64_t start_ = tk_cycles();								\
	bool bad_ = (call) < 0;									\
	uint64_t cycles_ = tk_cycles() - start_ - overhead;					\
												\
	if (bad_)										\
		err(TK_EXIT_FAILURE, "%s", steps[step].name);					\
	took[step][(round) < WARM_UP ? 0 : (round) - WARM_UP] = cycles_;			\
} while (0)

static void one_life(unsigned int round, bool own)
{
	struct timex tx = { .modes = ADJ_FREQUENCY, .freq = 65536 };
	int fd = -1;

	COUNTED(CREATE, round, unshare(CLONE_NEWTIME));
	COUNTED(OPEN, round, fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC));
	COUNTED(ENTER, round, setns(fd, CLONE_NEWTIME));
	if (own) {
		COUNTED(OWN, round, adjtimex(&tx));
		COUNTED(LEAVE_OWN, round, setns(tk_held.initial, CLONE_NEWTIME));
		COUNTED(ENTER_OWN, round, setns(fd, CLONE_NEWTIME));
		tk_leave();
		COUNTED(DESTROY_OWN, round, close(fd));
	} else {
		COUNTED(LEAVE, round, setns(tk_held.initial, CLONE_NEWTIME));
		COUNTED(DESTROY, round, close(fd));
	}
}

/* Returns 0 in the parent; the child ends when the other end of @hold is closed. */
static int fork_child(int hold[2], pid_t *pid)
{
	char byte;

	*pid = fork();
	if (*pid)
		return *pid < 0 ? -1 : 0;
	close(hold[1]);
	while (read(hold[0], &byte, 1) > 0)
		;
	_exit(0);
}

/* Nothing of the child is left when this returns. */
static int end_child(int hold, pid_t pid)
{
	int status;

	if (close(hold) || waitpid(pid, &status, 0) != pid)
		return -1;
	return status ? -1 : 0;
}

static void open_hold(int hold[2])
{
	if (pipe2(hold, O_CLOEXEC))
		err(TK_EXIT_FAILURE, "pipe2");
}

/*
 * The child is the first task in a namespace, and the last one when the parent has left it
 * to its children. For comparison a child in the namespace of its parent.
 */
static void one_life_by_fork(unsigned int round)
{
	int hold[2];
	pid_t pid;

	if (unshare(CLONE_NEWTIME))
		err(TK_EXIT_FAILURE, "unshare");
	open_hold(hold);
	COUNTED(FORK_INTO, round, fork_child(hold, &pid));
	close(hold[0]);
	COUNTED(LEAVE_FORKED, round, setns(tk_held.initial, CLONE_NEWTIME));
	COUNTED(EXIT_LAST, round, end_child(hold[1], pid));
	open_hold(hold);
	COUNTED(FORK_AGAIN, round, fork_child(hold, &pid));
	close(hold[0]);
	if (end_child(hold[1], pid))
		err(TK_EXIT_FAILURE, "a child");
}

static void count_lives(void)
{
	unsigned int i, step;

	overhead = 0;
	for (i = 0; i < WARM_UP + CALLS; i++)
		COUNTED(CREATE, i, 0);
	qsort(took[CREATE], CALLS, sizeof(took[0][0]), tk_by_length);
	overhead = took[CREATE][CALLS / 2];
	for (i = 0; i < WARM_UP + CALLS; i++)
		one_life(i, false);
	for (i = 0; i < WARM_UP + CALLS; i++)
		one_life_by_fork(i);
	if (feature) {
		/* Another one, or the static key would be turned on and off. */
		tk_hold(1);
		for (i = 0; i < WARM_UP + CALLS; i++)
			one_life(i, true);
		tk_require_owners(1);
		tk_hold(0);
	}
	for (step = 0; step < NR_STEPS; step++) {
		if (steps[step].needs_feature && !feature)
			continue;
		qsort(took[step], CALLS, sizeof(took[0][0]), tk_by_length);
		tk_say("%-12s %8" PRIu64 " instructions (%" PRIu64 " to %" PRIu64 ")",
		       steps[step].name, took[step][CALLS / 2], took[step][0],
		       took[step][CALLS - 1]);
		tk_fact("life %s %" PRIu64, steps[step].name, took[step][CALLS / 2]);
	}
}

/* All of them at a time; ticks included. */
static void many_lives(long number)
{
	uint64_t start = tk_cycles(), held, ended;
	int64_t since = tk_read_kernel(CLOCK_MONOTONIC), now;

	if (feature) {
		tk_hold(number);
		tk_require_owners(number);
	} else {
		for (; tk_held.nr < number; tk_held.nr++) {
			tk_held.fd[tk_held.nr] = tk_enter_new_time_ns(NULL);
			tk_leave();
		}
	}
	held = tk_cycles();
	close_all();
	ended = tk_cycles();
	now = tk_read_kernel(CLOCK_MONOTONIC);
	if (feature)
		tk_require_owners(0);
	tk_say("%ld namespaces: %.1f million cycles to make, %.1f million to end; %.3f s", number,
	       (double)(held - start) / 1e6, (double)(ended - held) / 1e6,
	       (double)(now - since) / TK_NSEC_PER_SEC);
	tk_fact("many %ld %s %.0f %.0f %.4f", number, exact ? "instructions" : "cycles",
		(double)(held - start), (double)(ended - held),
		(double)(now - since) / TK_NSEC_PER_SEC);
}

/*
 * Idle
 */

/* Interrupts since boot, of all CPUs. */
static double interrupts(const char *line)
{
	char text[512], *end, *at;
	double sum = 0;
	bool found = false;
	FILE *file;

	file = fopen("/proc/interrupts", "re");
	if (!file)
		err(TK_EXIT_FAILURE, "/proc/interrupts");
	while (!found && fgets(text, sizeof(text), file)) {
		at = text + strspn(text, " ");
		if (strncmp(at, line, strlen(line)) || at[strlen(line)] != ':')
			continue;
		found = true;
		for (at += strlen(line) + 1;; at = end) {
			unsigned long value = strtoul(at, &end, 10);

			if (end == at)
				break;
			sum += (double)value;
		}
	}
	fclose(file);
	if (!found)
		errx(TK_EXIT_FAILURE, "/proc/interrupts has no line '%s'", line);
	return sum;
}

/* All that was slept, for a comparison with a clock outside. */
static double idle_seconds;

static void idle_once(const char *state, long seconds)
{
	int64_t start;
	double timer, calls, resched;
	long long passes = 0;
	double length;

	/* What the boot and the making left behind. */
	tk_sleep_until(tk_read(CLOCK_MONOTONIC) + IDLE_SETTLE);
	if (feature)
		passes = tk_kernel_stat("passes");
	timer = interrupts("LOC");
	calls = interrupts("CAL");
	resched = interrupts("RES");
	start = tk_read_kernel(CLOCK_MONOTONIC);
	tk_sleep_until(start + seconds * TK_NSEC_PER_SEC);
	length = (double)(tk_read_kernel(CLOCK_MONOTONIC) - start) / TK_NSEC_PER_SEC;
	/* The counter of an emulated CPU is that of the real one, which was seen to jump. */
	if (length < (double)seconds || length > (double)seconds * 1.05)
		errx(TK_EXIT_FAILURE, "a sleep of %ld s took %.1f s: do not trust this clock",
		     seconds, length);
	idle_seconds += length + (double)IDLE_SETTLE / TK_NSEC_PER_SEC;
	timer = (interrupts("LOC") - timer) / length;
	calls = (interrupts("CAL") - calls) / length;
	resched = (interrupts("RES") - resched) / length;
	if (feature)
		passes = tk_kernel_stat("passes") - passes;
	tk_say("idle, %ld owners, %s: a second %.1f LOC, %.1f CAL, %.1f RES; %.1f passes in ticks",
	       tk_held.nr, state, timer, calls, resched, (double)passes / length);
	tk_fact("idle %s %ld %.2f %.2f %.2f %.2f", state, tk_held.nr, timer, calls, resched,
		(double)passes / length);
}

static void idle(long seconds, long number)
{
	idle_once("none", seconds);
	if (!feature)
		goto out;
	tk_hold(1);
	idle_once("one", seconds);
	inside_each(steer_inside);
	idle_once("one-steered", seconds);
	tk_hold(number);
	tk_require_owners(number);
	idle_once("steady", seconds);
	inside_each(steer_inside);
	idle_once("steered", seconds);
	tk_hold(0);
out:
	tk_fact("idle-seconds %.1f", idle_seconds);
}

int main(int argc, char **argv)
{
	int64_t number = 10000, seconds = 0;
	const struct tk_option options[] = {
		TK_FACTS,
		TK_NUMBER("number", &number, 1, 100000),
		TK_NUMBER("idle", &seconds, 1, 3600),
		TK_NO_MORE
	};
	struct tk_counter counter;

	tk_parse_options(argc, argv, options,
			 "[--facts FILE] [--number N] [--idle SECONDS]\n"
			 "What N (10000) time namespaces take: memory, instructions, and with --idle instead the\n"
			 "interrupts of an idle machine with N of them. Root only.\n", TK_NOTHING);
	tk_start();
	feature = tk_tell_kernel("footprint");
	tk_hold_start(number, number);
	if (seconds) {
		idle(seconds, number);
		tk_claim(true, "interrupts were counted");
		tk_end();
		return 0;
	}
	tk_calibrate(&counter);
	exact = counter.exact;
	if (exact) {
		count_lives();
		memory(number);
	}
	many_lives(number);
	tk_claim(true, "%ld time namespaces lived and ended", (long)number);
	tk_end();
	return 0;
}
