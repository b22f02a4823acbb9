/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command lines of the guest's programs: one table for each, and getopt_long()
 * behind it. All options are long ones. --help is known to all and prints the
 * usage; what cannot be understood ends the program, with the text in question.
 */
#ifndef TIMENS_OPTIONS_H
#define TIMENS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* An option, and where its value goes: to one of the three. */
struct tk_option {
	const char *name;
	/* Without a value. */
	bool *flag;
	/* Any text; it stays that of argv. */
	const char **text;
	/* A whole number within bounds. */
	int64_t *number;
	int64_t min;
	int64_t max;
};

#define TK_FLAG(n, to)			{ .name = (n), .flag = (to) }
#define TK_TEXT(n, to)			{ .name = (n), .text = (to) }
#define TK_NUMBER(n, to, from, most)	{ .name = (n), .number = (to), .min = (from), .max = (most) }
/* Behind the last one */
#define TK_NO_MORE			{ 0 }

/* What stands beside the options. */
enum tk_rest {
	TK_NOTHING,	/* no argument is known */
	TK_WORDS,	/* before, between and behind the options */
	TK_COMMAND,	/* a command: the options end at its first word */
};

/*
 * Fills in what the table points to; what is not given keeps its value. @usage is what
 * --help prints behind "Usage: PROGRAM ". Returns the index of the first argument which is no
 * option.
 */
int tk_parse_options(int argc, char **argv, const struct tk_option *table, const char *usage,
		     enum tk_rest rest);

#endif /* TIMENS_OPTIONS_H */
