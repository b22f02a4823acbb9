// SPDX-License-Identifier: GPL-2.0
/* See notice.h. */
#include <inttypes.h>
#include <string.h>

#include "notice.h"

static int64_t host_realtime(const struct rh_sample *s)
{
	return s->host_mono + s->host_off[RH_REALTIME];
}

int64_t rh_host_at(const struct rh_plan *plan, const struct rh_sample *s, size_t nr, int64_t from_edge)
{
	int64_t from, to, host;
	size_t i;

	/* The last sample that is not behind the moment, but for the one at the end */
	for (i = 1; i + 1 < nr && rh_when(plan, s, &s[i]) <= from_edge; i++)
		;
	from = rh_when(plan, s, &s[i - 1]);
	to = rh_when(plan, s, &s[i]);
	host = host_realtime(&s[i]) - host_realtime(&s[i - 1]);
	if (to <= from)
		return host_realtime(&s[i]);
	/* 2^63 times 2^63 at the most */
	return host_realtime(&s[i - 1]) + (int64_t)((__int128)(from_edge - from) * host / (to - from));
}

static const char *plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

void rh_describe_notice(char *buf, size_t size, const struct rh_notice *n)
{
	bool noticed = n->ended || (n->restarts_known && n->restarts) ||
		       (n->lines_known && n->edge_lines);
	size_t len;

	if (n->ended)
		snprintf(buf, size, "it ended at %+.3f s", (double)n->ended_at / 1e9);
	else
		snprintf(buf, size, "%sit runs on", noticed ? "" : "nothing: ");
	len = strlen(buf);
	if (n->restarts_known)
		snprintf(buf + len, size - len, ", %" PRId64 " restart%s", n->restarts, plural(n->restarts));
	len = strlen(buf);
	if (n->lines_known)
		snprintf(buf + len, size - len, ", %" PRId64 " line%s in its log at the edge (%" PRId64 " in all)",
			 n->edge_lines, plural(n->edge_lines), n->lines);
	else
		snprintf(buf + len, size - len, ", its log is not known");
}

static void number(FILE *file, const char *name, bool known, int64_t value)
{
	if (known)
		fprintf(file, "\"%s\": %" PRId64, name, value);
	else
		fprintf(file, "\"%s\": null", name);
}

void rh_notice_json(FILE *file, const struct rh_notice *n)
{
	if (!n->asked) {
		fputs("null", file);
		return;
	}
	fputs("{ ", file);
	number(file, "ended_ns", n->ended, n->ended_at);
	fputs(", ", file);
	number(file, "restarts", n->restarts_known, n->restarts);
	fputs(", ", file);
	number(file, "lines_at_edge", n->lines_known, n->edge_lines);
	fputs(", ", file);
	number(file, "lines", n->lines_known, n->lines);
	fputs(" }", file);
}
