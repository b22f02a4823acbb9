// SPDX-License-Identifier: GPL-2.0
/* See options.h. */
#define _GNU_SOURCE
#include <getopt.h>

#include "options.h"
#include "parse.h"

#define MAX_OPTIONS	32

/* Beyond all characters, for which there are no options; "--help" is behind the table's. */
#define FIRST_KEY	256

static void take(const struct tk_option *option, const char *text)
{
	char name[64];

	if (option->flag) {
		*option->flag = true;
	} else if (option->text) {
		*option->text = text;
	} else {
		snprintf(name, sizeof(name), "--%s", option->name);
		*option->number = tk_parse_number(name, text, option->min, option->max);
	}
}

int tk_parse_options(int argc, char **argv, const struct tk_option *table, const char *usage,
		     enum tk_rest rest)
{
	struct option known[MAX_OPTIONS + 2] = { 0 };
	int nr, key;

	for (nr = 0; table[nr].name; nr++) {
		if (nr == MAX_OPTIONS)
			errx(TK_EXIT_FAILURE, "more than %d options", MAX_OPTIONS);
		known[nr] = (struct option) {
			.name	 = table[nr].name,
			.has_arg = table[nr].flag ? no_argument : required_argument,
			.val	 = FIRST_KEY + nr,
		};
	}
	known[nr] = (struct option) { .name = "help", .val = FIRST_KEY + nr };

	while ((key = getopt_long(argc, argv, rest == TK_COMMAND ? "+" : "", known, NULL)) != -1) {
		if (key == FIRST_KEY + nr) {
			printf("Usage: %s %s", program_invocation_short_name, usage);
			exit(0);
		}
		if (key < FIRST_KEY || key > FIRST_KEY + nr) {
			/* getopt_long() has said what is wrong. */
			fprintf(stderr, "Try '%s --help'.\n", program_invocation_short_name);
			exit(TK_EXIT_FAILURE);
		}
		take(&table[key - FIRST_KEY], optarg);
	}
	if (rest == TK_NOTHING && optind != argc)
		errx(TK_EXIT_FAILURE, "unknown argument '%s'", argv[optind]);
	return optind;
}
