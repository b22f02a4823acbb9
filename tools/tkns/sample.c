// SPDX-License-Identifier: GPL-2.0
/*
 * Samples of the clocks of a time namespace, from inside and outside at the same instants.
 *
 * The threads of a process share one vDSO page, so the clocks of two namespaces are read by two
 * processes: this one, outside, and a child that has gone into a new namespace and never comes
 * back. A page that they share is all between them. Inside, every clock is read between two
 * readings of MONOTONIC with nothing in between. What was outside at the same instant is found in
 * one of two ways.
 *
 * Where the clocks of the machine are made of the TSC, the child notes the counter before and after
 * its reading of MONOTONIC. Outside the same is done before the child is woken and when it has
 * answered; on the straight line through the two lies what the host's clock showed:
 *
 *	outside   c hm0 c  wake                            c hm1 c
 *	inside                   c m0 c  X m1 Y m2 ...
 *
 * Nobody waits for anybody, so it does not matter how busy the machine is. Elsewhere both spin, and
 * the child says at once when it has read MONOTONIC. So this reading lies between two of the host's
 * which are two transfers of a cache line apart:
 *
 *	outside   hm0  go                hm1            done?
 *	                 \              /              /
 *	inside            m0 ---- seen    X m1 Y m2 ...
 *
 * Of several rounds the narrowest counts. The brackets go into the sample: an interruption makes it
 * less exact, but not wrong.
 *
 * The child is also the parent of the command. A signal handler notes when that ended, to the
 * moment, whatever the child is doing. What the command leaves behind becomes a child of it, too, as
 * it is a subreaper.
 *
 * A clock which is borrowed from a running container has to be given back whatever happens to this
 * process, so the child outlives it. The signal at its death becomes the last order, in the word for
 * which the child waits, so it makes no difference whether the child is about to wait:
 *
 *	child				handler, parent gone
 *	wanted == number?
 *					order = END, wanted++
 *	FUTEX_WAIT: not number any more
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "left.h"
#include "ns.h"
#include "sample.h"
#include "save.h"
#include "tkns.h"

#define CLOCK_FILE	"/proc/self/timens_clock"

/* Of the readings of one sample the narrowest counts. */
#define ROUNDS		12
#define POINTS		8

/* How long the child may take for anything, and whatever gets SIGKILL. */
#define PATIENCE	(20 * RH_NSEC_PER_SEC)

/* How long what got a signal with its process group may take to be gone before it counts as left. */
#define SETTLE		(RH_NSEC_PER_SEC / 10)

/*
 * NTP's error bound grows by 500 ppm, and above 16 s the clock counts as not synchronised and
 * TIME_ERROR hides the state. A day in a minute gets there.
 */
#define MAXERROR_LIMIT	4000000

enum order {
	ORDER_NONE,
	ORDER_SAMPLE,
	ORDER_RUN,
	ORDER_TERM,
	ORDER_KILL,
	ORDER_LEFT_LOOK,
	ORDER_LEFT_TERM,
	ORDER_LEFT_KILL,
	ORDER_END,
};

/* One round of readings inside. */
struct round {
	int64_t mono;
	int64_t off[RH_NR_CLOCKS], err[RH_NR_CLOCKS];
	/* The counter at the reading of MONOTONIC, and half of the bracket. */
	int64_t cycles, cycles_err;
	/* The readings themselves, and the furthest that MONOTONIC went back between them. */
	int64_t raw[RH_NR_CLOCKS], mono_back;
};

struct box {
	/* Orders: the number of the order, which the child waits for; and that which is done. */
	_Atomic uint32_t wanted;
	_Atomic uint32_t served;
	_Atomic int order;
	/* The rounds of a sample. */
	_Atomic uint32_t awake;
	_Atomic uint32_t go;
	_Atomic uint32_t seen;
	_Atomic uint32_t done;
	struct round round;
	int64_t back[RH_NR_CLOCKS];
	int32_t state, status, tai;
	uint32_t differs;
	int64_t steering;
	char smear[96];
	/* What an order ORDER_LEFT_... found. */
	unsigned int left;
	/* The command. Written by the handler of SIGCHLD; ended last. */
	pid_t pid;
	_Atomic int started, ended;
	int wait_status;
	int64_t ended_at;
};

struct rh_inside {
	struct box *box;
	pid_t pid;
	int64_t rate_num, rate_den;
	bool ours, borrowed;
};

static const struct {
	clockid_t id;
	bool by_syscall;
} sources[RH_NR_CLOCKS] = {
	[RH_REALTIME]		= { CLOCK_REALTIME, false },
	[RH_REALTIME_SYS]	= { CLOCK_REALTIME, true },
	[RH_REALTIME_COARSE]	= { CLOCK_REALTIME_COARSE, false },
	[RH_TAI]		= { CLOCK_TAI, false },
	[RH_MONOTONIC]		= { CLOCK_MONOTONIC, false },
	[RH_BOOTTIME]		= { CLOCK_BOOTTIME, false },
	[RH_RAW]		= { CLOCK_MONOTONIC_RAW, false },
};

static struct box *child_box;
static pid_t child_parent;
static bool one_cpu, by_counter;

static int64_t nanoseconds(const struct timespec *ts)
{
	return ts->tv_sec * RH_NSEC_PER_SEC + ts->tv_nsec;
}

int64_t rh_read_clock(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts))
		err(RH_EXIT_FAILURE, "clock_gettime(%d)", (int)id);
	return nanoseconds(&ts);
}

static int64_t read_source(enum rh_clock c)
{
	struct timespec ts;

	if (!sources[c].by_syscall)
		return rh_read_clock(sources[c].id);
	if (syscall(SYS_clock_gettime, sources[c].id, &ts))
		err(RH_EXIT_FAILURE, "system call clock_gettime(%d)", (int)sources[c].id);
	return nanoseconds(&ts);
}

/* Ordered against the readings of the clocks, which do the same. */
static int64_t read_counter(void)
{
#if defined(__x86_64__)
	uint32_t lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (int64_t)((uint64_t)hi << 32 | lo);
#else
	return 0;
#endif
}

/* Only the kernel knows whether the counters of the CPUs agree: when it uses them itself. */
static bool counter_is_good(void)
{
	char name[16] = "";
#if defined(__x86_64__)
	FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");

	if (file) {
		if (!fgets(name, sizeof(name), file))
			name[0] = '\0';
		fclose(file);
	}
#endif
	return !strcmp(name, "tsc\n");
}

struct point {
	int64_t mono;
	int64_t cycles, err;
};

static void read_point(struct point *p)
{
	int64_t before = read_counter(), after;

	p->mono = rh_read_clock(CLOCK_MONOTONIC);
	after = read_counter();
	p->cycles = before + (after - before) / 2;
	p->err = (after - before + 1) / 2;
}

/* The narrowest of several. */
static void read_best_point(struct point *best)
{
	struct point p;
	unsigned int i;

	read_point(best);
	for (i = 0; i < POINTS; i++) {
		read_point(&p);
		if (p.err < best->err)
			*best = p;
	}
}

static void relax(unsigned int *spins)
{
	if (one_cpu || ++*spins % 2048 == 0)
		sched_yield();
#if defined(__x86_64__) || defined(__i386__)
	else
		__builtin_ia32_pause();
#endif
}

static void futex_wait(_Atomic uint32_t *word, uint32_t old, const struct timespec *timeout)
{
	if (syscall(SYS_futex, word, FUTEX_WAIT, old, timeout, NULL, 0) &&
	    errno != EAGAIN && errno != EINTR && errno != ETIMEDOUT)
		err(RH_EXIT_FAILURE, "futex");
}

static void futex_wake(_Atomic uint32_t *word)
{
	if (syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0) < 0)
		err(RH_EXIT_FAILURE, "futex");
}

/*
 * All clocks but MONOTONIC, each between two readings of it, the first of which is given. Readings
 * are truncated to nanoseconds, each by itself; that is what the one on top is for.
 */
static void read_clocks(struct round *r, int64_t mono)
{
	int64_t before = mono;
	enum rh_clock c;

	r->mono = mono;
	r->mono_back = 0;
	for (c = 0; c < RH_NR_CLOCKS; c++) {
		int64_t value, after;

		if (c == RH_MONOTONIC) {
			r->off[c] = 0;
			r->err[c] = 0;
			r->raw[c] = mono;
			continue;
		}
		value = read_source(c);
		after = rh_read_clock(CLOCK_MONOTONIC);
		if (before - after > r->mono_back)
			r->mono_back = before - after;
		r->raw[c] = value;
		r->off[c] = value - before - (after - before) / 2;
		r->err[c] = (after - before + 1) / 2 + 1;
		before = after;
	}
}

/* How inexact a round is: what most is derived from counts most. */
static int64_t badness(const struct round *r)
{
	enum rh_clock c;
	int64_t sum = 0;

	for (c = 0; c < RH_NR_CLOCKS; c++)
		sum += r->err[c];
	return r->err[RH_REALTIME] + r->err[RH_TAI] + sum / RH_NR_CLOCKS;
}

/* Has a reading gone back behind the one before it, in this round or in an earlier one? */
static void note_backs(const struct round *r, int64_t *last, int64_t *back)
{
	enum rh_clock c;

	for (c = 0; c < RH_NR_CLOCKS; c++) {
		if (last[c] != INT64_MIN && last[c] - r->raw[c] > back[c])
			back[c] = last[c] - r->raw[c];
		last[c] = r->raw[c];
	}
	if (r->mono_back > back[RH_MONOTONIC])
		back[RH_MONOTONIC] = r->mono_back;
}

/* Inside. */

static void write_clock_file(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void write_clock_file(const char *fmt, ...)
{
	char text[128];
	va_list args;
	int fd, len;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fd = open(CLOCK_FILE, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		err(RH_EXIT_FAILURE, "%s", CLOCK_FILE);
	if (write(fd, text, len) != len)
		err(RH_EXIT_FAILURE, "writing '%s' to %s", text, CLOCK_FILE);
	close(fd);
}

/* What stands behind a word at the beginning of a line. */
static bool read_clock_file(const char *key, char *value, size_t size)
{
	char text[1024], *at, *save;
	ssize_t len;
	int fd;

	fd = open(CLOCK_FILE, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len < 0)
		err(RH_EXIT_FAILURE, "reading %s", CLOCK_FILE);
	text[len] = '\0';
	for (at = strtok_r(text, "\n", &save); at; at = strtok_r(NULL, "\n", &save)) {
		size_t n = strlen(key);

		if (strncmp(at, key, n) || at[n] != ' ')
			continue;
		snprintf(value, size, "%s", at + n + strspn(at + n, " "));
		return true;
	}
	return false;
}

void rh_require_kernel(const char *key)
{
	char value[96];

	if (!read_clock_file(key, value, sizeof(value)))
		errx(RH_EXIT_NO_FEATURE,
		     "the clocks of this kernel's time namespaces know no %s (%s has no such line)",
		     strcmp(key, "rate") ? "smear" : "rate", CLOCK_FILE);
}

static void child_signal(int sig)
{
	int saved = errno, status;
	pid_t pid;

	(void)sig;
	/* All of them: those whose parents have ended are children of this process, too. */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct timespec ts;

		if (pid != child_box->pid || child_box->ended)
			continue;
		clock_gettime(CLOCK_TAI, &ts);
		child_box->wait_status = status;
		child_box->ended_at = nanoseconds(&ts);
		child_box->ended = 1;
	}
	errno = saved;
}

static void run_command(const struct rh_setup *setup, struct box *box)
{
	sigset_t block, old;
	pid_t pid;

	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	sigprocmask(SIG_BLOCK, &block, &old);
	pid = fork();
	if (pid < 0)
		err(RH_EXIT_FAILURE, "fork");
	if (!pid) {
		int code;

		/* A group of its own, so that all of it can be ended; but the terminal is left to it. */
		if (!isatty(STDIN_FILENO))
			setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGCHLD, SIG_DFL);
		signal(SIGINT, SIG_DFL);
		sigprocmask(SIG_SETMASK, &old, NULL);
		if (setup->quiet_stdout && dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
			err(RH_EXIT_FAILURE, "dup2");
		execvp(setup->argv[0], setup->argv);
		code = errno == ENOENT ? 127 : 126;
		warn("%s", setup->argv[0]);
		_exit(code);
	}
	box->pid = pid;
	box->started = 1;
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void signal_command(struct box *box, int sig)
{
	sigset_t block, old;

	/* Until it is waited for, the number is its own. */
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	sigprocmask(SIG_BLOCK, &block, &old);
	/* The group, where it has one. */
	if (box->started && !box->ended && kill(-box->pid, sig))
		kill(box->pid, sig);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* All readings of one sample, the narrowest of which is kept; or each round is handed over. */
static void answer_rounds(struct box *box, uint32_t number, int64_t coarse_res, int64_t *last,
			  int64_t rate_num, int64_t rate_den)
{
	uint32_t round = box->done;
	int64_t best = INT64_MAX;
	unsigned int i, spins = 0;

	box->awake = number;
	for (i = 0; i < ROUNDS; i++) {
		struct point p;
		struct round r;
		int64_t bad;

		if (!by_counter) {
			while (box->go == round)
				relax(&spins);
			p.mono = rh_read_clock(CLOCK_MONOTONIC);
			p.cycles = p.err = 0;
			box->seen = ++round;
		} else {
			read_point(&p);
		}
		read_clocks(&r, p.mono);
		r.cycles = p.cycles;
		r.cycles_err = p.err;
		/* It stands still between two ticks, wherever the brackets are. */
		r.err[RH_REALTIME_COARSE] += coarse_res;
		note_backs(&r, last, box->back);
		/* Cycles are near enough to nanoseconds of the host. */
		bad = badness(&r) + (int64_t)((__int128)p.err * rate_num / rate_den);
		if (!by_counter || bad < best) {
			box->round = r;
			best = bad;
		}
		box->done = round;
	}
}

/* What the file says now, and how it differs from what it said when all was set up. */
static void compare_clock_file(struct box *box, const struct clock_file *base)
{
	struct clock_file now;

	clock_read_self(&now);
	box->differs = 0;
	if (base->own && !now.own)
		box->differs |= RH_FOLLOWS;
	if (base->rate.num != now.rate.num || base->rate.den != now.rate.den)
		box->differs |= RH_RATE_CHANGED;
	if (strcmp(base->policy, now.policy))
		box->differs |= RH_POLICY_CHANGED;
	box->steering = now.frequency;
}

static void answer_sample(const struct rh_setup *setup, const struct clock_file *base,
			  struct box *box, uint32_t number, int64_t coarse_res, int64_t *last)
{
	struct timex tx = { .modes = 0 };
	char smear[sizeof(box->smear)] = "";

	memset(box->back, 0, sizeof(box->back));
	answer_rounds(box, number, coarse_res, last, setup->rate_num, setup->rate_den);
	box->state = adjtimex(&tx);
	if (box->state < 0)
		err(RH_EXIT_FAILURE, "adjtimex in the namespace");
	box->status = tx.status;
	box->tai = tx.tai;
	if (!setup->follow)
		compare_clock_file(box, base);
	/* Not where the clock was given back: that would take it again. */
	if (!setup->follow && setup->status && !(box->differs & RH_FOLLOWS) &&
	    tx.maxerror > MAXERROR_LIMIT) {
		tx = (struct timex) { .modes = ADJ_MAXERROR | ADJ_ESTERROR };
		if (adjtimex(&tx) < 0)
			err(RH_EXIT_FAILURE, "adjtimex(ADJ_MAXERROR) in the namespace");
	}
	/* When it is over, what was said before is worth more. */
	if (setup->policy && read_clock_file("smear", smear, sizeof(smear)) &&
	    strncmp(smear, "none", 4))
		memcpy(box->smear, smear, sizeof(box->smear));
}

/*
 * The clock as it was; the time which the rehearsal took has passed for it as well. It is given back once, at whatever end of the
 * process which has borrowed it: the end of the rehearsal, or of one which comes to grief, also in the middle of setting the clock.
 */
static struct {
	bool changed;
	char *state;		/* NULL: it followed */
} borrowed;

static void give_back(void)
{
	if (!borrowed.changed)
		return;
	/* Another end on the way does not begin again */
	borrowed.changed = false;
	if (borrowed.state)
		restore_state(getpid(), false, borrowed.state);
	else
		clock_command("follow");
}

/* In this order: the rate changes all clocks, and setting the date forgets an armed leap second. */
static void set_clock(const struct rh_setup *setup)
{
	struct timespec start = {
		.tv_sec = setup->start / RH_NSEC_PER_SEC,
		.tv_nsec = setup->start % RH_NSEC_PER_SEC,
	};
	struct timex tx = { .modes = 0 };

	/* A rate of 1 is written as well: it fails where the machine's clock would be set below. */
	if (setup->rate_den == 1)
		write_clock_file("rate %lld", (long long)setup->rate_num);
	else
		write_clock_file("rate %lld/%lld", (long long)setup->rate_num,
				 (long long)setup->rate_den);
	borrowed.changed = setup->borrow;
	if (clock_settime(CLOCK_REALTIME, &start))
		err(RH_EXIT_FAILURE, "setting the clock of the namespace");
	if (setup->policy)
		write_clock_file("leap %s", setup->policy);

	if (adjtimex(&tx) < 0)
		err(RH_EXIT_FAILURE, "adjtimex in the namespace");
	if (!tx.tai) {
		tx = (struct timex) { .modes = ADJ_TAI, .constant = setup->tai };
		if (adjtimex(&tx) < 0)
			err(RH_EXIT_FAILURE, "adjtimex(ADJ_TAI) in the namespace");
	}
	/* Without STA_UNSYNC and an error bound: TIME_ERROR would hide the state. */
	tx = (struct timex) {
		.modes = ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR,
		.status = setup->status,
	};
	if (adjtimex(&tx) < 0)
		err(RH_EXIT_FAILURE, "adjtimex(ADJ_STATUS) in the namespace");
}

static void parent_died(int sig)
{
	(void)sig;
	if (getppid() == child_parent)
		return;
	child_box->order = ORDER_END;
	child_box->wanted++;
}

static void borrow(const struct rh_setup *setup)
{
	struct sigaction action = { .sa_handler = parent_died };
	int ret = clock_enter_fd(setup->borrow_ns);

	if (ret) {
		errno = -ret;
		err(RH_EXIT_FAILURE, "entering the time namespace of process %d", (int)setup->borrow);
	}
	/* What ends the rehearsal ends its parent, which gives the order to give back. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	if (sigaction(SIGUSR1, &action, NULL))
		err(RH_EXIT_FAILURE, "sigaction");
}

__attribute__((noreturn))
static void inside(const struct rh_setup *setup, struct box *box, pid_t parent)
{
	struct sigaction action = { .sa_handler = child_signal, .sa_flags = SA_RESTART };
	struct clock_file base;
	int64_t last[RH_NR_CLOCKS], coarse_res;
	struct timespec res;
	uint32_t number = 0;
	enum rh_clock c;

	child_box = box;
	child_parent = parent;
	if (setup->borrow)
		borrow(setup);
	else
		ns_enter(setup->user, NET_HOST);
	/* Only now: what the task may do has changed, which forgets it. */
	if (prctl(PR_SET_PDEATHSIG, setup->borrow ? SIGUSR1 : SIGKILL))
		err(RH_EXIT_FAILURE, "prctl(PR_SET_PDEATHSIG)");
	if (getppid() != parent)
		_exit(RH_EXIT_FAILURE);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		err(RH_EXIT_FAILURE, "prctl(PR_SET_CHILD_SUBREAPER)");
	/* The parent decides what an interrupt by the terminal does. */
	signal(SIGINT, SIG_IGN);
	if (sigaction(SIGCHLD, &action, NULL))
		err(RH_EXIT_FAILURE, "sigaction");

	if (setup->borrow) {
		borrowed.state = save_state(getpid());
		if (atexit(give_back))
			errx(RH_EXIT_FAILURE, "out of memory");
	}
	if (!setup->follow)
		set_clock(setup);
	clock_read_self(&base);
	for (c = 0; c < RH_NR_CLOCKS; c++)
		last[c] = INT64_MIN;
	if (clock_getres(CLOCK_REALTIME_COARSE, &res))
		err(RH_EXIT_FAILURE, "clock_getres");
	coarse_res = nanoseconds(&res);
	if (!setup->follow)
		coarse_res = (int64_t)((__int128)coarse_res * setup->rate_num / setup->rate_den);

	for (;;) {
		while (box->wanted == number)
			futex_wait(&box->wanted, number, NULL);
		number = box->wanted;
		switch ((enum order)box->order) {
		case ORDER_SAMPLE:
			answer_sample(setup, &base, box, number, coarse_res, last);
			break;
		case ORDER_RUN:
			run_command(setup, box);
			break;
		case ORDER_TERM:
			signal_command(box, SIGTERM);
			break;
		case ORDER_KILL:
			signal_command(box, SIGKILL);
			break;
		case ORDER_LEFT_LOOK:
			box->left = left_in_namespace(LEFT_LOOK);
			break;
		case ORDER_LEFT_TERM:
			box->left = left_in_namespace(LEFT_TERM);
			break;
		case ORDER_LEFT_KILL:
			box->left = left_in_namespace(LEFT_KILL);
			break;
		case ORDER_END:
			give_back();
			_exit(0);
		case ORDER_NONE:
			break;
		}
		box->served = number;
		futex_wake(&box->served);
	}
}

/* Outside. */

/* The child has said what is wrong. */
static void check_alive(struct rh_inside *in, int64_t since)
{
	int status;

	if (waitpid(in->pid, &status, WNOHANG) == in->pid) {
		if (WIFEXITED(status) && WEXITSTATUS(status))
			exit(WEXITSTATUS(status));
		errx(RH_EXIT_FAILURE, "what reads the clocks inside ended (wait status 0x%x)", status);
	}
	if (rh_read_clock(CLOCK_MONOTONIC) - since > PATIENCE)
		errx(RH_EXIT_FAILURE, "what reads the clocks inside does not answer");
}

static void spin_for(struct rh_inside *in, _Atomic uint32_t *word, uint32_t value)
{
	int64_t since = 0;
	unsigned int spins = 0, n = 0;

	while (*word != value) {
		relax(&spins);
		if (++n % 65536)
			continue;
		if (!since)
			since = rh_read_clock(CLOCK_MONOTONIC);
		check_alive(in, since);
	}
}

static uint32_t give_order(struct rh_inside *in, enum order order)
{
	uint32_t number = in->box->wanted + 1;

	in->box->order = order;
	in->box->wanted = number;
	futex_wake(&in->box->wanted);
	return number;
}

static void await(struct rh_inside *in, uint32_t number)
{
	const struct timespec second = { .tv_sec = 1 };
	int64_t since = rh_read_clock(CLOCK_MONOTONIC);
	uint32_t served;

	while ((served = in->box->served) != number) {
		futex_wait(&in->box->served, served, &second);
		check_alive(in, since);
	}
}

struct rh_inside *rh_inside_start(const struct rh_setup *setup)
{
	struct rh_inside *in = calloc(1, sizeof(*in));
	pid_t parent = getpid();
	cpu_set_t cpus;

	if (!in)
		err(RH_EXIT_FAILURE, "calloc");
	if (!sched_getaffinity(0, sizeof(cpus), &cpus))
		one_cpu = CPU_COUNT(&cpus) < 2;
	by_counter = counter_is_good();
	in->box = mmap(NULL, sizeof(*in->box), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (in->box == MAP_FAILED)
		err(RH_EXIT_FAILURE, "mmap");
	in->borrowed = setup->borrow;
	in->rate_num = setup->follow ? 1 : setup->rate_num;
	in->rate_den = setup->follow ? 1 : setup->rate_den;
	fflush(NULL);
	in->pid = fork();
	if (in->pid < 0)
		err(RH_EXIT_FAILURE, "fork");
	if (!in->pid)
		inside(setup, in->box, parent);
	/* An order that is nothing: when it is served, everything is set up. */
	await(in, give_order(in, ORDER_NONE));
	return in;
}

void rh_inside_run_command(struct rh_inside *in)
{
	await(in, give_order(in, ORDER_RUN));
}

static void take_inside(struct rh_sample *s, const struct round *r)
{
	s->mono = r->mono;
	memcpy(s->off, r->off, sizeof(s->off));
	memcpy(s->off_err, r->err, sizeof(s->off_err));
}

static void take_outside(struct rh_sample *s)
{
	int64_t best = INT64_MAX;
	unsigned int i;

	for (i = 0; i < POINTS; i++) {
		struct round host;

		read_clocks(&host, rh_read_clock(CLOCK_MONOTONIC));
		if (badness(&host) >= best)
			continue;
		best = badness(&host);
		memcpy(s->host_off, host.off, sizeof(s->host_off));
		memcpy(s->host_off_err, host.err, sizeof(s->host_off_err));
	}
}

static void sample_by_counter(struct rh_inside *in, struct rh_sample *s)
{
	const struct round *r = &in->box->round;
	struct point before, after;
	int64_t err;
	double slope;

	read_best_point(&before);
	await(in, give_order(in, ORDER_SAMPLE));
	read_best_point(&after);
	take_inside(s, r);

	if (r->cycles < before.cycles || r->cycles > after.cycles)
		errx(RH_EXIT_FAILURE, "the counters of the CPUs do not agree");
	slope = (double)(after.mono - before.mono) / (double)(after.cycles - before.cycles);
	s->host_mono = before.mono + (int64_t)((double)(r->cycles - before.cycles) * slope);
	err = (before.err > after.err ? before.err : after.err) + r->cycles_err;
	s->host_err = (int64_t)((double)err * slope) + 2;
}

static void sample_by_turns(struct rh_inside *in, struct rh_sample *s)
{
	struct box *box = in->box;
	int64_t best = INT64_MAX;
	uint32_t number;
	unsigned int i;

	number = give_order(in, ORDER_SAMPLE);
	spin_for(in, &box->awake, number);
	for (i = 0; i < ROUNDS; i++) {
		uint32_t round = box->go + 1;
		int64_t before, after, bad;

		before = rh_read_clock(CLOCK_MONOTONIC);
		box->go = round;
		spin_for(in, &box->seen, round);
		after = rh_read_clock(CLOCK_MONOTONIC);
		spin_for(in, &box->done, round);

		bad = badness(&box->round) +
		      (int64_t)((__int128)(after - before) * in->rate_num / in->rate_den);
		if (bad >= best)
			continue;
		best = bad;
		s->host_mono = before + (after - before) / 2;
		s->host_err = (after - before + 1) / 2 + 1;
		take_inside(s, &box->round);
	}
	await(in, number);
}

void rh_inside_sample(struct rh_inside *in, struct rh_sample *s)
{
	take_outside(s);
	if (by_counter)
		sample_by_counter(in, s);
	else
		sample_by_turns(in, s);
	memcpy(s->back, in->box->back, sizeof(s->back));
	s->state = in->box->state;
	s->status = in->box->status;
	s->tai = in->box->tai;
	s->differs = in->box->differs;
	s->steering = in->box->steering;
}

const char *rh_inside_smear(const struct rh_inside *in)
{
	return in->box->smear;
}

void rh_inside_command(const struct rh_inside *in, struct rh_command *command)
{
	*command = (struct rh_command) {
		.started = in->box->started,
		.ended = in->box->ended,
		.ours = in->ours,
	};
	if (!command->ended)
		return;
	command->status = in->box->wait_status;
	command->at = in->box->ended_at;
}

static bool wait_for_command(struct rh_inside *in, int64_t patience)
{
	const struct timespec nap = { .tv_nsec = 5000000 };
	int64_t end = rh_read_clock(CLOCK_MONOTONIC) + patience;

	while (!in->box->ended) {
		if (rh_read_clock(CLOCK_MONOTONIC) > end)
			return false;
		nanosleep(&nap, NULL);
	}
	return true;
}

/* The same order again and again. Returns how many are left when there are none or time is up. */
static unsigned int end_left(struct rh_inside *in, enum order order, int64_t patience)
{
	const struct timespec nap = { .tv_nsec = 20000000 };
	int64_t end = rh_read_clock(CLOCK_MONOTONIC) + patience;

	for (;;) {
		await(in, give_order(in, order));
		if (!in->box->left || rh_read_clock(CLOCK_MONOTONIC) > end)
			return in->box->left;
		nanosleep(&nap, NULL);
	}
}

void rh_inside_end(struct rh_inside *in, int64_t grace, struct rh_command *command)
{
	int status;

	if (in->box->started && !in->box->ended) {
		in->ours = true;
		await(in, give_order(in, ORDER_TERM));
		if (!wait_for_command(in, grace)) {
			await(in, give_order(in, ORDER_KILL));
			if (!wait_for_command(in, PATIENCE))
				warnx("the command does not end, not even by SIGKILL");
		}
	}
	rh_inside_command(in, command);
	if (!in->borrowed && end_left(in, ORDER_LEFT_LOOK, SETTLE) && end_left(in, ORDER_LEFT_TERM, grace) &&
	    end_left(in, ORDER_LEFT_KILL, PATIENCE))
		warnx("%u processes do not end, not even by SIGKILL", in->box->left);
	give_order(in, ORDER_END);
	if (waitpid(in->pid, &status, 0) < 0)
		err(RH_EXIT_FAILURE, "waitpid");
	/* The child has said why. */
	if (in->borrowed && (!WIFEXITED(status) || WEXITSTATUS(status)))
		errx(RH_EXIT_FAILURE, "the clock of the container was not given back");
	munmap(in->box, sizeof(*in->box));
	free(in);
}
