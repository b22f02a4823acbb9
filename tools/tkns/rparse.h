/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What 'tkns rehearse' takes on its command line. Every function takes the whole text or returns
 * why it does not, as the end of a sentence; nothing is printed.
 */
#ifndef TKNS_RPARSE_H
#define TKNS_RPARSE_H

#include <stdint.h>

#include "report.h"

#define RP_POLICY	64
#define RP_TEXT		64

const char *rp_number(const char *text, int64_t min, int64_t max, int64_t *number);
/* Seconds, or with a unit: ms, s, m, h, d. "90", "1.5", "10m", "2h". In ns, positive. */
const char *rp_duration(const char *text, int64_t *ns);
/* N, N.FRACTION or N/D, from 1/1000 to 2000. Reduced. */
const char *rp_rate(const char *text, int64_t *num, int64_t *den);
/* YYYY-MM-DD, as days since 1970. */
const char *rp_date(const char *text, int64_t *day);
/*
 * PRESET or SHAPE:WINDOW:PLACE, for a plan whose step is known: sets its shape and window, and
 * the policy as the kernel takes it.
 */
const char *rp_smear(const char *text, struct rh_plan *plan, char policy[RP_POLICY]);

int64_t rp_day(int64_t year, int month, int mday);
void rp_civil(int64_t day, int64_t *year, int *month, int *mday);
/* The first day from this one on at whose end a leap second may be: June 30 or December 31. */
int64_t rp_next_leap_day(int64_t day);

#endif /* TKNS_RPARSE_H */
