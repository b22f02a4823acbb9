// SPDX-License-Identifier: GPL-2.0
/*
 * tkdemo_readcost - what reading a clock costs: outside, in a namespace that
 * follows the host, and in one that owns its clock
 *
 * Three processes, one in each place, measure by turns (A B C A B C ...), so that
 * whatever changes in the machine meanwhile reaches all of them. One measurement
 * is the shortest of many batches of calls, less the same loop around a function
 * that does nothing: interrupts only ever add.
 *
 * The functions of the vDSO are called directly; the C library's way there is
 * the same in all three places and not of interest.
 *
 * Under QEMU's -icount the cycle counter counts instructions. That is not assumed
 * but measured with blocks of instructions of known length, and the figures are
 * called what they are.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <getopt.h>
#include <link.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/wait.h>

#include "tkdemo.h"
#include "tkdemo_count.h"

#define CALLS		64
#define ROUNDS		5

enum place { OUTSIDE, FOLLOW, OWN, NR_PLACES };

static const char * const place_names[NR_PLACES] = { "outside", "follow", "own" };

/* How a clock is read. */
enum way { VDSO_CLOCK, VDSO_GETTIMEOFDAY, VDSO_TIME, SYSCALL_CLOCK };

static const struct target {
	const char *name;
	enum way way;
	clockid_t id;
	/* Interpolated with the counter; the coarse ones and time() are not. */
	bool fine;
} targets[] = {
	{ "CLOCK_REALTIME",		VDSO_CLOCK,		CLOCK_REALTIME,		true },
	{ "CLOCK_MONOTONIC",		VDSO_CLOCK,		CLOCK_MONOTONIC,	true },
	{ "CLOCK_BOOTTIME",		VDSO_CLOCK,		CLOCK_BOOTTIME,		true },
	{ "CLOCK_TAI",			VDSO_CLOCK,		CLOCK_TAI,		true },
	{ "CLOCK_MONOTONIC_RAW",	VDSO_CLOCK,		CLOCK_MONOTONIC_RAW,	true },
	{ "gettimeofday",		VDSO_GETTIMEOFDAY,	0,			true },
	{ "CLOCK_REALTIME_COARSE",	VDSO_CLOCK,		CLOCK_REALTIME_COARSE,	false },
	{ "CLOCK_MONOTONIC_COARSE",	VDSO_CLOCK,		CLOCK_MONOTONIC_COARSE,	false },
	{ "time",			VDSO_TIME,		0,			false },
	{ "system call, REALTIME",	SYSCALL_CLOCK,		CLOCK_REALTIME,		false },
};

#define NR_TARGETS	(sizeof(targets) / sizeof(targets[0]))
#define SYSCALL_TARGET	(NR_TARGETS - 1)

typedef long (*clock_fn)(clockid_t id, struct timespec *ts);
typedef long (*tod_fn)(struct timeval *tv, struct timezone *tz);
typedef time_t (*time_fn)(time_t *t);

static clock_fn vdso_clock_gettime;
static tod_fn vdso_gettimeofday;
static time_fn vdso_time;

/* A symbol of the vDSO, which is an ELF image in memory. */
static void *vdso_symbol(const char *name)
{
	const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
	const ElfW(Ehdr) *ehdr = (const void *)base;
	const ElfW(Phdr) *phdr;
	const ElfW(Dyn) *dyn = NULL;
	const ElfW(Sym) *symbols = NULL;
	const char *strings = NULL;
	const uint32_t *hash = NULL;
	intptr_t slide = 0;
	bool loaded = false;
	uint32_t i;

	if (!base)
		errx(TK_EXIT_FAILURE, "the kernel gives no vDSO to this program");
	phdr = (const void *)(base + ehdr->e_phoff);
	for (i = 0; i < ehdr->e_phnum; i++) {
		if (phdr[i].p_type == PT_LOAD && !loaded) {
			slide = (intptr_t)base + phdr[i].p_offset - phdr[i].p_vaddr;
			loaded = true;
		} else if (phdr[i].p_type == PT_DYNAMIC) {
			dyn = (const void *)(base + phdr[i].p_offset);
		}
	}
	for (; dyn && dyn->d_tag != DT_NULL; dyn++) {
		const void *at = (const void *)(slide + dyn->d_un.d_ptr);

		if (dyn->d_tag == DT_SYMTAB)
			symbols = at;
		else if (dyn->d_tag == DT_STRTAB)
			strings = at;
		else if (dyn->d_tag == DT_HASH)
			hash = at;
	}
	if (!symbols || !strings || !hash)
		errx(TK_EXIT_FAILURE, "the vDSO has no table of symbols");
	/* The second word of the hash table is the number of symbols. */
	for (i = 0; i < hash[1]; i++)
		if (!strcmp(strings + symbols[i].st_name, name))
			return (void *)(slide + symbols[i].st_value);
	errx(TK_EXIT_FAILURE, "the vDSO has no '%s'", name);
}

/* The loop around a call must be the same machine code for every function. */
#define BATCH(call)						\
	({							\
		uint64_t before_ = tkd_cycles();		\
		unsigned int n_;				\
								\
		for (n_ = 0; n_ < CALLS; n_++)			\
			call;					\
		tkd_cycles() - before_;				\
	})

__attribute__((noinline))
static long nothing(clockid_t id, struct timespec *ts)
{
	__asm__ volatile("" : : "r"(id), "r"(ts) : "memory");
	return 0;
}

static uint64_t batch(const struct target *t, clock_fn empty)
{
	struct timespec ts;
	struct timeval tv;
	time_t now;

	if (empty)
		return BATCH(empty(t->id, &ts));
	switch (t->way) {
	case VDSO_CLOCK:
		return BATCH(vdso_clock_gettime(t->id, &ts));
	case VDSO_GETTIMEOFDAY:
		return BATCH(vdso_gettimeofday(&tv, NULL));
	case VDSO_TIME:
		return BATCH(vdso_time(&now));
	case SYSCALL_CLOCK:
		return BATCH(syscall(SYS_clock_gettime, t->id, &ts));
	}
	errx(TK_EXIT_FAILURE, "%s: no way to read it", t->name);
}

static uint64_t shortest(const struct target *t, clock_fn empty)
{
	uint64_t best = UINT64_MAX;
	unsigned int i;

	for (i = 0; i < 200; i++) {
		uint64_t took = batch(t, empty);

		if (took < best)
			best = took;
	}
	return best;
}

/* In cycles, of one call. */
static double measure(const struct target *t)
{
	clock_fn volatile empty = nothing;
	uint64_t loop = shortest(t, empty);
	uint64_t call = shortest(t, NULL);

	return call > loop ? (double)(call - loop) / CALLS : 0;
}

static void find_functions(void)
{
	vdso_clock_gettime = (clock_fn)(uintptr_t)vdso_symbol("__vdso_clock_gettime");
	vdso_gettimeofday = (tod_fn)(uintptr_t)vdso_symbol("__vdso_gettimeofday");
	vdso_time = (time_fn)(uintptr_t)vdso_symbol("__vdso_time");
}

static void go_to(enum place place)
{
	struct timex tx = { .modes = ADJ_FREQUENCY, .freq = 50 << 16 };

	if (place == OUTSIDE)
		return;
	tkd_become_container_root();
	/* With an offset, as time namespaces have been used so far. */
	tkd_enter_new_time_ns("1000000");
	if (place == OWN && adjtimex(&tx) < 0)
		err(TK_EXIT_FAILURE, "adjtimex in the namespace");
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
		double cost = measure(&targets[wanted]);

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

static void measure_all(const int *fds, double cost[NR_TARGETS][NR_PLACES])
{
	unsigned int round, t, p;

	for (round = 0; round < ROUNDS; round++) {
		for (t = 0; t < NR_TARGETS; t++) {
			for (p = 0; p < NR_PLACES; p++) {
				double now = ask(fds[p], p, t);

				if (!round || now < cost[t][p])
					cost[t][p] = now;
			}
		}
	}
}

static void judge(double cost[NR_TARGETS][NR_PLACES], const struct tkd_counter *counter)
{
	/*
	 * Counted instructions are compared as they are. Times of a machine that
	 * others use too are compared with a margin.
	 */
	double margin = counter->exact ? 1.0 : 1.15;
	bool as_host = true, below_follow = true, no_syscall = true;
	unsigned int t;

	for (t = 0; t < SYSCALL_TARGET; t++) {
		if (targets[t].fine) {
			as_host &= cost[t][OWN] <= cost[t][OUTSIDE] * margin;
			below_follow &= cost[t][OWN] <= cost[t][FOLLOW] * margin;
		}
		no_syscall &= cost[t][OWN] < cost[SYSCALL_TARGET][OWN] / 2;
	}
	tkd_claim(as_host, "a clock that is read with the counter costs no more in an own namespace than outside");
	tkd_claim(below_follow, "and no more than in a namespace that follows");
	/* Half of one is far from any reading that goes through the kernel. */
	tkd_claim(no_syscall, "no clock of an own namespace needs a system call, coarse ones and time() neither");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "facts",	required_argument,	NULL, 'f' },
		{ "help",	no_argument,		NULL, 'h' },
		{ 0 }
	};
	static double cost[NR_TARGETS][NR_PLACES];
	struct tkd_counter counter;
	const char *facts = NULL;
	int fds[NR_PLACES];
	pid_t pids[NR_PLACES];
	unsigned int p, t;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			facts = optarg;
			break;
		case 'h':
			puts("Usage: tkdemo_readcost [--facts FILE]\n"
			     "The cost of reading each clock outside, in a following and in an own time namespace.");
			return 0;
		default:
			fputs("Try 'tkdemo_readcost --help'.\n", stderr);
			return TK_EXIT_FAILURE;
		}
	}
	if (optind != argc)
		errx(TK_EXIT_FAILURE, "unknown argument '%s'", argv[optind]);
	tkd_start(facts);
	tkd_require_kernel();
	find_functions();
	tkd_calibrate(&counter);

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
	measure_all(fds, cost);

	tkd_say("%s for one reading, through the vDSO", counter.unit);
	tkd_say("%-24s %8s %8s %8s", "", place_names[OUTSIDE], place_names[FOLLOW],
		place_names[OWN]);
	tkd_fact("read.unit %s", counter.unit);
	for (t = 0; t < NR_TARGETS; t++) {
		for (p = 0; p < NR_PLACES; p++)
			cost[t][p] *= counter.units_per_cycle;
		tkd_say("%-24s %8.1f %8.1f %8.1f", targets[t].name, cost[t][OUTSIDE],
			cost[t][FOLLOW], cost[t][OWN]);
		tkd_fact("read.cost %.1f %.1f %.1f %s", cost[t][OUTSIDE], cost[t][FOLLOW],
			 cost[t][OWN], targets[t].name);
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
	tkd_end();
	return 0;
}
