/* SPDX-License-Identifier: GPL-2.0 */
/* How a look at a clock is written down. */
#ifndef TKNS_SNAPSHOT_OUTPUT_H
#define TKNS_SNAPSHOT_OUTPUT_H

#include "clock.h"
#include "json.h"

/* Several lines, "name value". */
void snapshot_text(const struct snapshot *snap, FILE *out);

/* The members of an object which the caller opens and closes, to add its own. */
void snapshot_json(const struct snapshot *snap, struct json *j);

/* Such an object as a line of its own. */
void snapshot_json_line(const struct snapshot *snap, FILE *out);

/* Columns of a table; each is one short text. */
#define SNAPSHOT_CELL	96

const char *snapshot_state(const struct snapshot *snap);
const char *snapshot_realtime(const struct snapshot *snap, char *cell);	/* to the ms */
const char *snapshot_offset(const struct snapshot *snap, char *cell);	/* to the ms */
const char *snapshot_freq(const struct snapshot *snap, char *cell);
const char *snapshot_rate(const struct snapshot *snap, char *cell);
const char *snapshot_leap(const struct snapshot *snap, char *cell);
const char *snapshot_smear(const struct snapshot *snap, char *cell);

#endif /* TKNS_SNAPSHOT_OUTPUT_H */
