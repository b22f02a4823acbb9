// SPDX-License-Identifier: GPL-2.0
/* See results.h. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <sys/utsname.h>

#include "guest.h"
#include "parse.h"
#include "results.h"

const char *tk_facts;

static FILE *facts;
static unsigned int claims;

void tk_start(void)
{
	/* All output is by line: a demonstration is watched while it runs. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!tk_facts)
		return;
	facts = fopen(tk_facts, "ae");
	if (!facts)
		err(TK_EXIT_FAILURE, "%s", tk_facts);
}

void tk_start_by_options(int argc, char **argv, const char *purpose)
{
	static const struct tk_option options[] = { TK_FACTS, TK_NO_MORE };
	char usage[256];

	snprintf(usage, sizeof(usage), "[--facts FILE]\n%s\n", purpose);
	tk_parse_options(argc, argv, options, usage, TK_NOTHING);
	tk_start();
}

bool tk_claim(bool holds, const char *fmt, ...)
{
	va_list args;

	printf("%sok %u - ", holds ? "" : "not ", ++claims);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	return holds;
}

void tk_say(const char *fmt, ...)
{
	va_list args;

	fputs("# ", stdout);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

void tk_fact(const char *fmt, ...)
{
	va_list args;

	if (!facts)
		return;
	va_start(args, fmt);
	vfprintf(facts, fmt, args);
	va_end(args);
	fputc('\n', facts);
}

bool tk_tell_kernel(const char *bench)
{
	bool feature = tk_has_clocks();
	struct utsname name;

	if (uname(&name))
		err(TK_EXIT_FAILURE, "uname");
	tk_fact("%s.release %s", bench, name.release);
	tk_fact("%s.feature %d", bench, feature);
	return feature;
}

void tk_end(void)
{
	if (fflush(stdout))
		err(TK_EXIT_FAILURE, "writing the results");
	if (facts && fclose(facts))
		err(TK_EXIT_FAILURE, "writing the figures");
}
