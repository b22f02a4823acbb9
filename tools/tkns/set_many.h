/* SPDX-License-Identifier: GPL-2.0 */
/* Changing the clocks of several time namespaces at the same instant. */
#ifndef TKNS_SET_MANY_H
#define TKNS_SET_MANY_H

#include <stdbool.h>
#include <stddef.h>

#include "clock.h"

/*
 * Make the change in the namespace of each of the processes, all of them once each is ready, and say what it came to.
 * Ends on an error: before anything is changed if one of them cannot get ready. Returns the exit status.
 */
int set_many(struct clock_change *change, char **pids, size_t nr, bool json);

#endif /* TKNS_SET_MANY_H */
