// SPDX-License-Identifier: GPL-2.0
/*
 * tkenter - run a command in a new time namespace
 *
 * Started by root, the command runs as an unprivileged user of the host (uid
 * and gid 1000) who is uid 0 of a new user namespace, and that user namespace
 * owns the new time namespace: whatever the command may do to a clock, it may
 * do because of the namespace and not because of the host.
 *
 *	tkenter					the host, tkenter before the fork
 *	   | unshare(NEWUSER | NEWTIME)		only children will be inside
 *	   | timens_offsets			must precede the first task inside
 *	   +-- fork: the child, inside		reads and sets the new clocks
 *	         | follow, or the writes that make it own
 *	         +-- exec CMD
 *
 * unshare(CLONE_NEWTIME) leaves the caller where it is, hence the fork. With
 * --pid the child is process 1 of a new pid namespace: it forks once more and
 * stays behind to reap, because a process 1 ignores the signals that tests
 * send to themselves.
 */
#define _GNU_SOURCE
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"
#include "options.h"
#include "parse.h"

#define OFFSETS_FILE	"/proc/self/timens_offsets"

/* adjtimex() accepts a tenth of the nominal tick in either direction. */
#define TICK_NOMINAL	(1000000L / sysconf(_SC_CLK_TCK))
#define FREQ_MAX_PPM	500

static struct {
	int64_t user;
	bool keep_user;
	bool no_time;
	bool pid;
	bool mount;
	bool own;
	bool follow;
	const char *offset;
	const char *clock_set;
	const char *monotonic;
	const char *boottime;
	const char *tick;
	const char *freq;
} opt = { .user = 1000 };

static const char usage[] =
	"[OPTION]... [--] COMMAND [ARGUMENT]...\n"
	"Run COMMAND in a new time namespace, without privilege on the host.\n"
	"\n"
	"Where:\n"
	"  --user ID           host uid and gid to run as when started by root (1000)\n"
	"  --root              keep the user and the user namespace\n"
	"  --no-time           no new time namespace (the control of an experiment)\n"
	"  --pid               new pid namespace\n"
	"  --mount             new mount namespace; with --pid it has its own /proc\n"
	"Clocks before the first task enters:\n"
	"  --monotonic SEC     offset of CLOCK_MONOTONIC to the host's\n"
	"  --boottime SEC      offset of CLOCK_BOOTTIME to the host's\n"
	"Clocks from inside (each of these but --follow makes the namespace own its clock):\n"
	"  --follow            follow the host, also when created from an own namespace\n"
	"  --own               own, with every value left as it is\n"
	"  --offset SEC        step CLOCK_REALTIME by SEC\n"
	"  --clock-set @EPOCH  set CLOCK_REALTIME\n"
	"  --tick N            adjtimex() tick, in microseconds\n"
	"  --freq PPM          adjtimex() frequency\n"
	"\n"
	"SEC, EPOCH and PPM are decimal numbers, nine digits behind the point at most.\n"
	"Exit status: that of COMMAND, 128 + N if signal N ended it, 125 if tkenter\n"
	"failed, 126 or 127 if COMMAND could not be started.\n";

static const struct tk_option options[] = {
	TK_NUMBER("user", &opt.user, 1, 65533),
	TK_FLAG("root", &opt.keep_user),
	TK_FLAG("no-time", &opt.no_time),
	TK_FLAG("pid", &opt.pid),
	TK_FLAG("mount", &opt.mount),
	TK_FLAG("own", &opt.own),
	TK_FLAG("follow", &opt.follow),
	TK_TEXT("offset", &opt.offset),
	TK_TEXT("clock-set", &opt.clock_set),
	TK_TEXT("monotonic", &opt.monotonic),
	TK_TEXT("boottime", &opt.boottime),
	TK_TEXT("tick", &opt.tick),
	TK_TEXT("freq", &opt.freq),
	TK_NO_MORE
};

/* "follow", "own", or an empty string on a kernel without the file. */
static void read_state(char *state, size_t size)
{
	*state = '\0';
	if (!tk_has_clocks())
		return;
	if (!tk_file_word(TK_CLOCK_FILE, "state", state, size))
		errx(TK_EXIT_FAILURE, "%s has no line 'state'", TK_CLOCK_FILE);
}

static bool wants_write(void)
{
	return opt.own || opt.offset || opt.clock_set || opt.tick || opt.freq;
}

static void adjust(const char *what, struct timex *tx)
{
	if (adjtimex(tx) < 0)
		err(TK_EXIT_FAILURE, "%s: adjtimex(modes 0x%x) inside the namespace", what,
		    tx->modes);
}

/* Runs inside the namespace: everything that reaches its clocks from there. */
static void set_clocks(void)
{
	char state[32];

	read_state(state, sizeof(state));

	/*
	 * A kernel without the file knows no clock of a namespace. With --root
	 * the writes below would then land on the host's clock.
	 */
	if (wants_write() && !*state)
		errx(TK_EXIT_FAILURE,
		     "%s does not exist: this kernel would set the host's clock", TK_CLOCK_FILE);

	if (opt.follow && *state && strcmp(state, "follow"))
		tk_write_file(TK_CLOCK_FILE, "follow");

	if (opt.own) {
		struct timex tx = { .modes = 0 };

		adjust("--own", &tx);
		tx.modes = ADJ_STATUS;
		adjust("--own", &tx);
	}
	if (opt.clock_set) {
		struct timespec ts = tk_parse_seconds("--clock-set", opt.clock_set + 1);

		if (clock_settime(CLOCK_REALTIME, &ts))
			err(TK_EXIT_FAILURE, "--clock-set: clock_settime(%s) inside the namespace",
			    opt.clock_set);
	}
	if (opt.offset) {
		struct timespec ts = tk_parse_seconds("--offset", opt.offset);
		struct timex tx = { .modes = ADJ_SETOFFSET | ADJ_NANO };
		struct timex units = { .modes = 0 };

		adjust("--offset", &units);
		tx.time.tv_sec = ts.tv_sec;
		tx.time.tv_usec = ts.tv_nsec;
		adjust("--offset", &tx);
		/* ADJ_NANO stays set; the command finds the units that the host has. */
		if (!(units.status & STA_NANO)) {
			units.modes = ADJ_MICRO;
			adjust("--offset", &units);
		}
	}
	if (opt.tick) {
		struct timex tx = { .modes = ADJ_TICK };

		tx.tick = tk_parse_number("--tick", opt.tick, TICK_NOMINAL * 9 / 10,
					  TICK_NOMINAL * 11 / 10);
		adjust("--tick", &tx);
	}
	if (opt.freq) {
		struct timex tx = { .modes = ADJ_FREQUENCY };

		tx.freq = tk_parse_ppm("--freq", opt.freq, FREQ_MAX_PPM);
		adjust("--freq", &tx);
	}

	read_state(state, sizeof(state));
	if (wants_write() && strcmp(state, "own"))
		errx(TK_EXIT_FAILURE, "the namespace is in state '%s' after a write, not 'own'",
		     state);
	if (opt.follow && *state && strcmp(state, "follow"))
		errx(TK_EXIT_FAILURE, "the namespace is in state '%s', not 'follow'", state);
}

static void set_offset_line(const char *clock, const char *option, const char *text)
{
	struct timespec ts = tk_parse_seconds(option, text);
	char line[96];

	snprintf(line, sizeof(line), "%s %lld %ld\n", clock, (long long)ts.tv_sec, ts.tv_nsec);
	tk_write_file(OFFSETS_FILE, line);
}

static void become_user(void)
{
	gid_t gid = opt.user;
	uid_t uid = opt.user;

	if (setgroups(0, NULL))
		err(TK_EXIT_FAILURE, "setgroups");
	if (setresgid(gid, gid, gid))
		err(TK_EXIT_FAILURE, "setresgid(%u)", gid);
	if (setresuid(uid, uid, uid))
		err(TK_EXIT_FAILURE, "setresuid(%u)", uid);
	/* The change of user made /proc/self root's; the id maps are written there. */
	if (prctl(PR_SET_DUMPABLE, 1))
		err(TK_EXIT_FAILURE, "prctl(PR_SET_DUMPABLE)");
}

static void enter(void)
{
	uid_t uid;
	gid_t gid;
	int flags = 0;

	if (!opt.keep_user) {
		if (!geteuid())
			become_user();
		flags |= CLONE_NEWUSER;
	}
	if (!opt.no_time)
		flags |= CLONE_NEWTIME;
	if (opt.pid)
		flags |= CLONE_NEWPID;
	if (opt.mount)
		flags |= CLONE_NEWNS;

	uid = geteuid();
	gid = getegid();
	if (flags && unshare(flags))
		err(TK_EXIT_FAILURE, "unshare(0x%x)", flags);
	if (!opt.keep_user)
		tk_map_root(uid, gid);

	if (opt.monotonic)
		set_offset_line("monotonic", "--monotonic", opt.monotonic);
	if (opt.boottime)
		set_offset_line("boottime", "--boottime", opt.boottime);

	if (opt.mount && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		err(TK_EXIT_FAILURE, "making the mounts of the new namespace private");
}

static void exec_command(char *const argv[])
{
	execvp(argv[0], argv);
	err(errno == ENOENT ? 127 : 126, "%s", argv[0]);
}

static int status_to_exit(int status)
{
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

static int wait_for(pid_t pid)
{
	int status;
	pid_t got;

	do {
		got = waitpid(pid, &status, 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		err(TK_EXIT_FAILURE, "waitpid");
	return status_to_exit(status);
}

/* Process 1 of a pid namespace: reaps until the command itself has ended. */
static int reap_until(pid_t pid)
{
	int status;
	pid_t got;

	for (;;) {
		got = wait(&status);
		if (got == pid)
			return status_to_exit(status);
		if (got < 0 && errno != EINTR)
			err(TK_EXIT_FAILURE, "wait");
	}
}

static pid_t checked_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(TK_EXIT_FAILURE, "fork");
	/* A command whose starter was killed must not go on unwatched. */
	if (!pid && prctl(PR_SET_PDEATHSIG, SIGKILL))
		err(TK_EXIT_FAILURE, "prctl(PR_SET_PDEATHSIG)");
	return pid;
}

static int run_inside(char *const argv[])
{
	pid_t pid;

	if (opt.mount && opt.pid &&
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		err(TK_EXIT_FAILURE, "mounting /proc of the new pid namespace");
	set_clocks();
	if (!opt.pid)
		exec_command(argv);

	pid = checked_fork();
	if (!pid)
		exec_command(argv);
	return reap_until(pid);
}

/* Returns where the command begins. */
static char **parse_options(int argc, char **argv)
{
	int at = tk_parse_options(argc, argv, options, usage, TK_COMMAND);

	if (at == argc)
		errx(TK_EXIT_FAILURE, "no command given");

	/* Whatever is wrong with a value is said before anything is created. */
	if (opt.clock_set) {
		if (*opt.clock_set != '@')
			errx(TK_EXIT_FAILURE, "--clock-set: '%s' does not start with '@'",
			     opt.clock_set);
		tk_parse_seconds("--clock-set", opt.clock_set + 1);
	}
	if (opt.offset)
		tk_parse_seconds("--offset", opt.offset);
	if (opt.monotonic)
		tk_parse_seconds("--monotonic", opt.monotonic);
	if (opt.boottime)
		tk_parse_seconds("--boottime", opt.boottime);
	if (opt.tick)
		tk_parse_number("--tick", opt.tick, TICK_NOMINAL * 9 / 10,
				TICK_NOMINAL * 11 / 10);
	if (opt.freq)
		tk_parse_ppm("--freq", opt.freq, FREQ_MAX_PPM);
	if (opt.follow && wants_write())
		errx(TK_EXIT_FAILURE, "--follow contradicts an option that sets a clock");
	if (opt.no_time && (opt.follow || wants_write() || opt.monotonic || opt.boottime))
		errx(TK_EXIT_FAILURE, "--no-time contradicts an option that sets a clock");
	return argv + at;
}

int main(int argc, char **argv)
{
	char **command = parse_options(argc, argv);
	pid_t pid;

	enter();

	pid = checked_fork();
	if (!pid)
		return run_inside(command);
	return wait_for(pid);
}
