/* SPDX-License-Identifier: GPL-2.0 */
/* Clocks read one after the other, and compared. Pure functions; no clock is read here. */
#ifndef TKNS_BRACKET_H
#define TKNS_BRACKET_H

#include <stddef.h>
#include <stdint.h>

#include "user_values.h"

/* A clock read between two readings of the host's CLOCK_MONOTONIC; ns. */
struct bracket {
	int64_t host;		/* the middle of the two */
	int64_t realtime;
	int64_t err;		/* half of their distance */
	struct spec_rate rate;	/* at which it runs */
};

/*
 * How far the foremost clock and the last one are from each other at the instant of the latest reading, and to what that is
 * known. A clock which was read earlier has gone on at its rate since.
 */
int64_t bracket_apart(const struct bracket *b, size_t nr, int64_t *err);

#endif /* TKNS_BRACKET_H */
