// SPDX-License-Identifier: GPL-2.0
/* See bracket.h. */
#include "bracket.h"

/* The clock at the instant @host of the host's CLOCK_MONOTONIC */
static int64_t at_instant(const struct bracket *b, int64_t host)
{
	/* 2000 times 2^62 ns at the most */
	return b->realtime + (int64_t)((__int128)(host - b->host) * b->rate.num / b->rate.den);
}

int64_t bracket_apart(const struct bracket *b, size_t nr, int64_t *err)
{
	int64_t host = b[0].host, min, max, worst = 0, second = 0, e;
	size_t i;

	for (i = 1; i < nr; i++)
		if (b[i].host > host)
			host = b[i].host;
	min = max = at_instant(&b[0], host);
	for (i = 0; i < nr; i++) {
		int64_t now = at_instant(&b[i], host);

		if (now < min)
			min = now;
		if (now > max)
			max = now;
		/* The clock goes on while the bracket is open */
		e = (int64_t)((__int128)b[i].err * b[i].rate.num / b[i].rate.den) + 1;
		if (e > worst) {
			second = worst;
			worst = e;
		} else if (e > second) {
			second = e;
		}
	}
	*err = worst + second;
	return max - min;
}
