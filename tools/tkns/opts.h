/* SPDX-License-Identifier: GPL-2.0 */
/* The options which change a clock, shared by the commands that have them. */
#ifndef TKNS_OPTS_H
#define TKNS_OPTS_H

#include <argp.h>

#include "clock.h"

/* A child parser; its input is a struct clock_change, all zero. */
extern const struct argp change_argp;

/* Keys of the commands' own long options start here. */
#define OPT_OWN	0x400

/* A command with no more arguments than a process id, and --json. */
struct pid_args {
	const char *pid;
	bool json;
};

/* What the parser of such a command does with the keys that are not its own. */
error_t parse_pid_args(int key, char *arg, struct argp_state *state, struct pid_args *args);

#endif /* TKNS_OPTS_H */
