/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What 'tkns rehearse' takes more narrowly than user_values.h does, and what a policy means for
 * its plan. Errors are as in user_values.h; nothing is printed.
 */
#ifndef TKNS_REHEARSE_ARGS_H
#define TKNS_REHEARSE_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "report.h"
#include "user_values.h"

/* How long something is: more than nothing, 30 days at most, and no sign. */
bool rh_parse_duration(const char *text, int64_t *ns, struct spec_error *error);
/* How long to wait: a day at most, and no sign. */
bool rh_parse_grace(const char *text, int64_t *ns, struct spec_error *error);
/* From 1972, when the first leap second was, to 2200, which is well before clocks end in 2232. */
bool rh_parse_date(const char *text, int64_t today, int64_t *day, struct spec_error *error);
/* insert or delete, with a date as above or without one. */
bool rh_parse_leap(const char *text, int64_t today, struct spec_leap *leap, struct spec_error *error);

/*
 * The shape and the window of a policy as spec_parse_smear() writes it, for a plan whose step is
 * known. Returns false for a policy that it does not know.
 */
bool rh_parse_plan(const char *policy, struct rh_plan *plan);

#endif /* TKNS_REHEARSE_ARGS_H */
