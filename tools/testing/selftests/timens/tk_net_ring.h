/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rings of packet sockets, in each version, for tk_net.
 */
#ifndef TK_NET_RING_H
#define TK_NET_RING_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base.h"

struct ring {
	int fd;
	int version;
	char *map;
	size_t size;
	unsigned int at;	/* next frame, or block of version 3 */
};

/* @which: PACKET_RX_RING, PACKET_TX_RING */
void ring_open(struct ring *r, int version, int which);
void ring_close(struct ring *r);

/* V1 has a long in its header: no program of another word size than the kernel's can read it */
bool ring_can(int version);

/* A frame of ours: @stamp is its time, in units of @unit */
struct frame {
	s64 stamp;
	s64 unit;
	s64 first;	/* of its block, version 3 only */
	s64 last;
};

/* The next frames that have the magic word in them, at most @max; waits for one */
int ring_read(struct ring *r, struct frame *f, int max);

/* Ask for the first frame to be sent. Returns the length of its header. */
size_t tx_frame(struct ring *r, unsigned int len);

/* The status of that frame, and the time that it was sent at */
unsigned long tx_status(const struct ring *r, s64 *stamp);

#endif /* TK_NET_RING_H */
