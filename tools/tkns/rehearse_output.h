/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The findings of a rehearsal, for people and for programs.
 */
#ifndef TKNS_REHEARSE_OUTPUT_H
#define TKNS_REHEARSE_OUTPUT_H

#include <stdio.h>

#include "notice.h"
#include "report.h"
#include "sample.h"

struct rh_rehearsal {
	struct rh_plan plan;
	const char *policy;		/* as the kernel takes it */
	int64_t day;			/* at whose end, since 1970 */
	int64_t start;			/* what CLOCK_REALTIME was set to */
	bool late;			/* the clock could not start before the window */
	const char *const *argv;	/* or NULL */
	const struct rh_sample *s;
	size_t nr;
	const char *smear;		/* the kernel's word, see rh_inside_smear() */
	struct rh_command command;
	const char *container;		/* what is rehearsed instead of a command, or NULL */
	struct rh_notice notice;
	int interrupted;		/* by this signal */
	struct rh_findings f;
};

void rh_print_table(FILE *file, const struct rh_rehearsal *r);
void rh_print_json(FILE *file, const struct rh_rehearsal *r);
/* "the leap second inserted at the end of 2026-12-31, stepped" */
void rh_describe(char *buf, size_t size, const struct rh_rehearsal *r);

#endif /* TKNS_REHEARSE_OUTPUT_H */
