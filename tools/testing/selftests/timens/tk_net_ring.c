// SPDX-License-Identifier: GPL-2.0
/*
 * A part of tk_net: rings of packet sockets.
 */
#include <linux/if_packet.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fail.h"
#include "tk_net_path.h"
#include "tk_net_ring.h"

#define RING_BLOCK 16384
#define RING_BLOCKS 8
#define RING_FRAME 2048

void ring_open(struct ring *r, int version, int which)
{
	struct tpacket_req3 req = {
		.tp_block_size = RING_BLOCK, .tp_block_nr = RING_BLOCKS,
		.tp_frame_size = RING_FRAME, .tp_frame_nr = RING_BLOCKS * RING_BLOCK / RING_FRAME,
		.tp_retire_blk_tov = which == PACKET_RX_RING ? 5 : 0,
	};

	r->version = version;
	r->fd = packet_socket(SOCK_RAW);
	REQUIRE(!setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)),
		"PACKET_VERSION: %m");
	REQUIRE(!setsockopt(r->fd, SOL_PACKET, which, &req,
			    version == TPACKET_V3 ? sizeof(req) : sizeof(struct tpacket_req)),
		"ring: %m");
	r->size = (size_t)RING_BLOCK * RING_BLOCKS;
	r->map = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	REQUIRE(r->map != MAP_FAILED, "mmap: %m");
	r->at = 0;
}

void ring_close(struct ring *r)
{
	munmap(r->map, r->size);
	close(r->fd);
}

static bool has_magic(const void *data, size_t len)
{
	return len >= sizeof(MAGIC) && memmem(data, len, MAGIC, sizeof(MAGIC));
}

int ring_read(struct ring *r, struct frame *f, int max)
{
	s64 give_up = tk_give_up();
	int n = 0;

	while (!n && tk_vnow(CLOCK_MONOTONIC_RAW) < give_up) {
		if (r->version == TPACKET_V3) {
			struct tpacket_block_desc *b = (void *)(r->map + r->at * RING_BLOCK);
			volatile __u32 *status = &b->hdr.bh1.block_status;
			struct tpacket3_hdr *h;
			unsigned int i;

			if (!(*status & TP_STATUS_USER)) {
				wait_for_ms(r->fd, POLLIN, 10);
				continue;
			}
			h = (void *)((char *)b + b->hdr.bh1.offset_to_first_pkt);
			for (i = 0; i < b->hdr.bh1.num_pkts; i++) {
				if (has_magic((char *)h + h->tp_mac, h->tp_snaplen) && n < max) {
					f[n].stamp = tk_ns(h->tp_sec, h->tp_nsec);
					f[n].unit = 1;
					f[n].first = tk_ns(b->hdr.bh1.ts_first_pkt.ts_sec,
							   b->hdr.bh1.ts_first_pkt.ts_nsec);
					f[n].last = tk_ns(b->hdr.bh1.ts_last_pkt.ts_sec,
							  b->hdr.bh1.ts_last_pkt.ts_nsec);
					n++;
				}
				h = (void *)((char *)h + h->tp_next_offset);
			}
			*status = TP_STATUS_KERNEL;
			r->at = (r->at + 1) % RING_BLOCKS;
		} else {
			char *at = r->map + r->at * RING_FRAME;
			struct tpacket2_hdr *h2 = (void *)at;
			struct tpacket_hdr *h1 = (void *)at;
			bool v1 = r->version == TPACKET_V1;
			unsigned long status = v1 ? *(volatile unsigned long *)&h1->tp_status :
					       *(volatile __u32 *)&h2->tp_status;

			if (!(status & TP_STATUS_USER)) {
				wait_for_ms(r->fd, POLLIN, 10);
				continue;
			}
			if (has_magic(at + (v1 ? h1->tp_mac : h2->tp_mac),
				      v1 ? h1->tp_snaplen : h2->tp_snaplen)) {
				f[n].stamp = v1 ? h1->tp_sec * TK_SEC + h1->tp_usec * TK_USEC :
					     tk_ns(h2->tp_sec, h2->tp_nsec);
				f[n].unit = v1 ? TK_USEC : 1;
				f[n].first = 0;
				f[n].last = 0;
				n++;
			}
			if (v1)
				h1->tp_status = TP_STATUS_KERNEL;
			else
				h2->tp_status = TP_STATUS_KERNEL;
			r->at = (r->at + 1) % (RING_BLOCKS * RING_BLOCK / RING_FRAME);
		}
	}
	return n;
}

bool ring_can(int version)
{
	return version != TPACKET_V1 || sizeof(long) == 8;
}

size_t tx_frame(struct ring *r, unsigned int len)
{
	struct tpacket_hdr *h1 = (void *)r->map;
	struct tpacket2_hdr *h2 = (void *)r->map;
	struct tpacket3_hdr *h3 = (void *)r->map;

	switch (r->version) {
	case TPACKET_V1:
		h1->tp_len = len;
		h1->tp_status = TP_STATUS_SEND_REQUEST;
		return TPACKET_HDRLEN;
	case TPACKET_V2:
		h2->tp_len = len;
		h2->tp_status = TP_STATUS_SEND_REQUEST;
		return TPACKET2_HDRLEN;
	default:
		h3->tp_len = len;
		h3->tp_status = TP_STATUS_SEND_REQUEST;
		return TPACKET3_HDRLEN;
	}
}

unsigned long tx_status(const struct ring *r, s64 *stamp)
{
	const volatile struct tpacket_hdr *h1 = (void *)r->map;
	const volatile struct tpacket2_hdr *h2 = (void *)r->map;
	const volatile struct tpacket3_hdr *h3 = (void *)r->map;

	switch (r->version) {
	case TPACKET_V1:
		*stamp = h1->tp_sec * TK_SEC + h1->tp_usec * TK_USEC;
		return h1->tp_status;
	case TPACKET_V2:
		*stamp = tk_ns(h2->tp_sec, h2->tp_nsec);
		return h2->tp_status;
	default:
		*stamp = tk_ns(h3->tp_sec, h3->tp_nsec);
		return h3->tp_status;
	}
}
