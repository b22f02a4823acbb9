/* SPDX-License-Identifier: GPL-2.0 */
/* Whether a program noticed a leap second, as far as it can be seen from outside. */
#ifndef TKNS_NOTICE_H
#define TKNS_NOTICE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "report.h"

/* Lines of a log count to the edge from so long before it to so long after, on the host's clock. */
#define RH_EDGE_MARGIN	RH_NSEC_PER_SEC

struct rh_notice {
	bool asked;			/* there is somebody who could have noticed */
	bool ended;
	int64_t ended_at;		/* from the edge */
	bool restarts_known;
	int64_t restarts;
	bool lines_known;
	int64_t edge_lines, lines;	/* around the edge or the window, and in all */
};

/*
 * The host's CLOCK_REALTIME in ns when the line without a leap second was at this distance from the edge. Before the first
 * sample and behind the last one it goes on as between the two.
 */
int64_t rh_host_at(const struct rh_plan *plan, const struct rh_sample *s, size_t nr, int64_t from_edge);

/* One line: "nothing: ...", or what was seen. */
void rh_describe_notice(char *buf, size_t size, const struct rh_notice *n);

/* The value of "noticed" in the JSON. */
void rh_notice_json(FILE *file, const struct rh_notice *n);

#endif /* TKNS_NOTICE_H */
