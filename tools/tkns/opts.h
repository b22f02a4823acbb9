/* SPDX-License-Identifier: GPL-2.0 */
/* The options which change a clock, shared by the commands that have them. */
#ifndef TKNS_OPTS_H
#define TKNS_OPTS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#include "clock.h"

/* A child parser; its input is a struct clock_change, all zero. */
extern const struct argp change_argp;

/* Options of struct pid_args, and where the keys of the commands' own long options start. */
#define OPT_JSON	0x400
#define OPT_ELAPSED	0x401
#define OPT_FROZEN	0x402
#define OPT_OWN		0x410

/* A command whose arguments are process ids: one, unless more are allowed. */
struct pid_args {
	bool optional, many;	/* what the command allows */
	const char *pid;	/* the first */
	char **pids;		/* all of them */
	size_t nr;
	bool json;
	bool elapsed, frozen;	/* what has passed while a clock was not looked after */
};

/* What the parser of such a command does with the keys that are not its own; or all of it, the input being @args. */
error_t parse_pid_args(int key, char *arg, struct argp_state *state, struct pid_args *args);
error_t parse_pids(int key, char *arg, struct argp_state *state);

/* The options of a command, for its own list. */
#define PID_JSON(text)		{ "json", OPT_JSON, NULL, 0, text, 2 }
#define PID_ELAPSED(text)	{ "elapsed", OPT_ELAPSED, NULL, 0, text, 1 }
#define PID_FROZEN(text)	{ "frozen", OPT_FROZEN, NULL, 0, text, 1 }

#endif /* TKNS_OPTS_H */
