// SPDX-License-Identifier: GPL-2.0
/* tkns - time namespaces which have a clock of their own */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "names.h"
#include "tkns.h"

const char *argp_program_version = "tkns 1";

static const char *command_name;

static void complain(const char *format, va_list args)
{
	fflush(stdout);
	fprintf(stderr, "tkns%s%s: ", command_name ? " " : "", command_name ? command_name : "");
	vfprintf(stderr, format, args);
}

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(EXIT_FAILED);
}

void die_errno(const char *format, ...)
{
	int error = errno;
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(error));
	exit(EXIT_FAILED);
}

void warn_user(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	fputc('\n', stderr);
}

void die_spec(const char *option, const char *text, const struct spec_error *error)
{
	/* A byte is four columns at most, in each of two lines. */
	size_t size = 8 * strlen(text) + 64;
	char *lines = malloc(size);

	warn_user("%s '%s': %s", option, text, error->why);
	if (lines) {
		spec_point(lines, size, text, error);
		fputs(lines, stderr);
	}
	free(lines);
	exit(EXIT_FAILED);
}

void need_kernel(void)
{
	struct stat st;

	if (!access("/proc/self/timens_clock", F_OK))
		return;
	if (stat("/proc/self", &st))
		die_errno("/proc/self");
	warn_user("time namespaces have no clocks of their own on this kernel (no /proc/self/timens_clock)");
	exit(EXIT_NO_KERNEL);
}

int parse_pid(const char *text)
{
	struct spec_error error;
	int64_t pid;

	/* What begins as a number is meant as one: its error is pointed at. A hex id is a name. */
	if (spec_parse_number(text, 1, TKNS_PID_MAX, &pid, &error))
		return pid;
	if (text[strspn(text, "-+.,0123456789")])
		return pid_of_name(text);
	die_spec("PID", text, &error);
}

void close_stdout(void)
{
	if (fflush(stdout) || ferror(stdout))
		die_errno("writing to standard output");
}

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "run", cmd_run },
	{ "show", cmd_show },
	{ "list", cmd_list },
	{ "set", cmd_set },
	{ "follow", cmd_follow },
	{ "save", cmd_save },
	{ "restore", cmd_restore },
	{ "stop", cmd_stop },
	{ "go", cmd_go },
	{ "pause", cmd_pause },
	{ "resume", cmd_resume },
	{ "watch", cmd_watch },
	{ "rehearse", cmd_rehearse },
	{ "drift", cmd_drift },
	{ "step", cmd_step },
	{ "strobe", cmd_strobe },
	{ "oci-hook", cmd_oci_hook },
	{ "oci-runtime", cmd_oci_runtime },
};

#define N_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static const char doc[] =
	"Run commands on clocks of their own, and look at the clocks of time namespaces.\vCommands:\n"
	"  run       run a command in a new time namespace, with the clock as told\n"
	"  show      show the clock of a process\n"
	"  list      list all time namespaces\n"
	"  set       change the clock of a process, or of several at once\n"
	"  follow    let the clock of a process follow the host again\n"
	"  save      write the state of the clock of a process to standard output\n"
	"  restore   make a saved state that of the clock of a process\n"
	"  stop      let the clock of a process stand\n"
	"  go        let it go on\n"
	"  pause     freeze the cgroup of a process, and let its clock stand\n"
	"  resume    let both go on\n"
	"  watch     show the clock of a process again and again\n"
	"  rehearse  rehearse a leap second, also in a container that runs, and report\n"
	"  drift, step, strobe\n"
	"            let clocks go wrong, by chance or by a schedule, for a test\n"
	"  oci-hook, oci-runtime\n"
	"            give containers the clock that their annotations ask for\n"
	"  help      say this, or more of a command\n"
	"\n"
	"'tkns help COMMAND' and 'tkns COMMAND --help' say more, and so does tkns(1).\n"
	"Exit status: 0; of run that of the command; 123 of a rehearsal which something inside disturbed; 124 where the kernel does not have clocks in time namespaces; 125 when tkns failed.";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	int *first = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		/* The rest belongs to the command. */
		*first = state->next - 1;
		state->next = state->argc;
		(void)arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "no command given");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	die("no command '%s' ('tkns --help' lists them)", name);
}

static int run(const struct command *command, int argc, char **argv)
{
	static char name[32];

	command_name = command->name;
	/* What argp calls the program in its own messages. */
	snprintf(name, sizeof(name), "tkns %s", command_name);
	argv[0] = name;
	program_invocation_name = name;
	program_invocation_short_name = name;
	return command->run(argc, argv);
}

static const struct argp argp = {
	.parser = parse, .args_doc = "COMMAND [ARGUMENT...]", .doc = doc
};

/* The same as --help, for those who write it as a command. */
static int help(int argc, char **argv)
{
	char option[] = "--help", *command[] = { argv[0], option, NULL };

	if (argc > 2)
		die("help: one argument too many: '%s'", argv[2]);
	if (argc > 1 && strcmp(argv[1], "help"))
		return run(find_command(argv[1]), 2, command);
	command[0] = program_invocation_name;
	return argp_parse(&argp, 2, command, 0, NULL, NULL);
}

int main(int argc, char **argv)
{
	int first = 0;

	argp_err_exit_status = EXIT_FAILED;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &first);
	if (!strcmp(argv[first], "help"))
		return help(argc - first, argv + first);
	return run(find_command(argv[first]), argc - first, argv + first);
}
