/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What 'tkns rehearse' takes more narrowly than spec.h does, and what a policy means for its plan.
 * Errors are as in spec.h; nothing is printed.
 */
#ifndef TKNS_RPARSE_H
#define TKNS_RPARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "report.h"
#include "spec.h"

/* How long something is: more than nothing, 30 days at most, and no sign. */
bool rp_duration(const char *text, int64_t *ns, struct spec_error *error);
/* How long to wait: a day at most, and no sign. */
bool rp_grace(const char *text, int64_t *ns, struct spec_error *error);
/* From 1972, when the first leap second was, to 2200, which is well before clocks end in 2232. */
bool rp_date(const char *text, int64_t today, int64_t *day, struct spec_error *error);
/* insert or delete, with a date as above or without one. */
bool rp_leap(const char *text, int64_t today, struct spec_leap *leap, struct spec_error *error);

/*
 * The shape and the window of a policy as spec_parse_smear() writes it, for a plan whose step is
 * known. Returns false for a policy that it does not know.
 */
bool rp_plan(const char *policy, struct rh_plan *plan);

#endif /* TKNS_RPARSE_H */
