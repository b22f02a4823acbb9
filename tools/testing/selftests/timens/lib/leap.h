/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Steering, and a leap second that is not long to come. Used by the tests of leap seconds
 * and of what a clock does to timers.
 */
#ifndef TK_LEAP_H
#define TK_LEAP_H

#include <stdbool.h>

#include "base.h"
#include "sys.h"

/* 2027-06-15 00:00 UTC: some midnight; the kernel leaps at any */
#define TK_MIDNIGHT (1813017600LL * TK_SEC)

/* adjtimex() of the present namespace, which has to work */
void tk_adjust(struct tk_timex tx);

/* Sets the clock of the present namespace to shortly before the leap second, and schedules it */
void tk_leap_now(bool insert);

#endif /* TK_LEAP_H */
