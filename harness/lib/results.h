/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a program of the demonstration or of a benchmark has to tell: results as KTAP on
 * standard output, and figures as "key value" lines in a file, of which the table at the
 * end of 'make run' and the files of a benchmark are made.
 */
#ifndef TIMENS_RESULTS_H
#define TIMENS_RESULTS_H

#include <stdbool.h>

#include "options.h"

/* Where the figures go: each of these programs has --facts FILE. Without it they go nowhere. */
extern const char *tk_facts;

#define TK_FACTS	TK_TEXT("facts", &tk_facts)

/* Once the options are known. */
void tk_start(void);

/* The same, with the command line of a program whose only option is --facts. */
void tk_start_by_options(int argc, char **argv, const char *purpose);

__attribute__((format(printf, 2, 3)))
bool tk_claim(bool holds, const char *fmt, ...);

__attribute__((format(printf, 1, 2)))
void tk_say(const char *fmt, ...);

/* One figure: "key value", the value to the end of the line. */
__attribute__((format(printf, 1, 2)))
void tk_fact(const char *fmt, ...);

/*
 * "BENCH.release" and "BENCH.feature": whether time namespaces have clocks on this kernel,
 * which is returned.
 */
bool tk_tell_kernel(const char *bench);

void tk_end(void);

#endif /* TIMENS_RESULTS_H */
