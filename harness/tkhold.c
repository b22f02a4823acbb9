// SPDX-License-Identifier: GPL-2.0
/*
 * tkhold - run a command while a number of time namespaces own their clocks
 *
 * Each of the namespaces is held by a descriptor, and owned by giving it a
 * frequency of its own: -100 ppm ... +100 ppm, no two neighbours alike. Nobody
 * lives in them. That is what a container whose clock was disciplined once costs
 * the host's tick, without the cost of its programs. The command runs in the time
 * namespace in which tkhold was started, and its status is that of tkhold;
 * 128 + N stands for a command that died of signal N.
 *
 * What the kernel counts in debugfs has to agree before the command starts: a
 * figure taken with another number of clocks would be wrong and look right.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <sys/wait.h>

#include "debugfs.h"
#include "guest.h"
#include "options.h"
#include "parse.h"

#define MAX_NAMESPACES	100000

/* Descriptors besides those which hold. */
#define SPARE_FILES	64

/* Exit statuses of a shell for a command that cannot be run. */
#define EXIT_CANNOT_RUN	126
#define EXIT_NOT_FOUND	127

/* A descriptor for each of them; returns the old limit, which the command gets back. */
static struct rlimit allow_files(long number)
{
	struct rlimit old, new;

	if (getrlimit(RLIMIT_NOFILE, &old))
		err(TK_EXIT_FAILURE, "getrlimit");
	new = old;
	if (new.rlim_cur < (rlim_t)number + SPARE_FILES)
		new.rlim_cur = (rlim_t)number + SPARE_FILES;
	if (new.rlim_max < new.rlim_cur)
		new.rlim_max = new.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &new))
		err(TK_EXIT_FAILURE, "raising the limit of open files to %llu",
		    (unsigned long long)new.rlim_cur);
	return old;
}

/* The descriptors are closed by the end of the program. */
static void hold(long number)
{
	long long before = tk_kernel_stat("own");
	int home;
	long i;

	home = tk_open_time_ns();
	for (i = 0; i < number; i++) {
		struct timex tx = {
			.modes	= ADJ_FREQUENCY,
			.freq	= (i * 37 % 201 - 100) * 65536,
		};

		tk_enter_new_time_ns(NULL);
		if (adjtimex(&tx) < 0)
			err(TK_EXIT_FAILURE, "adjtimex in namespace %ld", i);
		/* Its children, too, start there. */
		tk_enter(home);
	}
	close(home);
	if (tk_kernel_stat("own") != before + number)
		errx(TK_EXIT_FAILURE, "%ld own namespaces were made, the kernel counts %lld more",
		     number, tk_kernel_stat("own") - before);
}

static int run(char **command, const struct rlimit *files)
{
	pid_t pid;
	int status;

	/* A key pressed is meant for the command. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	pid = fork();
	if (pid < 0)
		err(TK_EXIT_FAILURE, "fork");
	if (!pid) {
		signal(SIGINT, SIG_DFL);
		signal(SIGQUIT, SIG_DFL);
		if (setrlimit(RLIMIT_NOFILE, files))
			err(TK_EXIT_FAILURE, "setrlimit");
		execvp(command[0], command);
		warn("%s", command[0]);
		_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			err(TK_EXIT_FAILURE, "waitpid");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	static const struct tk_option none[] = { TK_NO_MORE };
	struct rlimit files;
	long number;
	int at;

	at = tk_parse_options(argc, argv, none, "NUMBER COMMAND [ARGUMENT...]\n"
			      "Run COMMAND while NUMBER time namespaces own their clocks. Root only.\n",
			      TK_COMMAND);
	if (argc - at < 2)
		errx(TK_EXIT_FAILURE, "NUMBER and COMMAND are missing (--help)");
	number = (long)tk_parse_number("NUMBER", argv[at], 0, MAX_NAMESPACES);
	tk_require_kernel();
	files = allow_files(number);
	hold(number);
	return run(argv + at + 1, &files);
}
