/* SPDX-License-Identifier: GPL-2.0 */
/* How a look at a clock is written down. */
#ifndef TKNS_VIEW_H
#define TKNS_VIEW_H

#include "clock.h"
#include "json.h"

/* Several lines, "name value". */
void view_text(const struct snapshot *snap, FILE *out);

/* The members of an object which the caller opens and closes, to add its own. */
void view_json(const struct snapshot *snap, struct json *j);

/* Such an object as a line of its own. */
void view_json_line(const struct snapshot *snap, FILE *out);

/* Columns of a table; each is one short text. */
#define VIEW_CELL	96

const char *view_state(const struct snapshot *snap);
const char *view_realtime(const struct snapshot *snap, char *cell);	/* to the ms */
const char *view_offset(const struct snapshot *snap, char *cell);	/* to the ms */
const char *view_freq(const struct snapshot *snap, char *cell);
const char *view_rate(const struct snapshot *snap, char *cell);
const char *view_leap(const struct snapshot *snap, char *cell);
const char *view_smear(const struct snapshot *snap, char *cell);

#endif /* TKNS_VIEW_H */
