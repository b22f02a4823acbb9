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

#endif /* TKNS_OPTS_H */
