/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An io_uring without the library for it. Used by the kinds of wait that are io_uring's, and
 * by the stress test.
 */
#ifndef TK_RING_H
#define TK_RING_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tw_ring {
	int fd;
	struct io_uring_params p;
	char *rings;
	size_t rings_size;
	struct io_uring_sqe *sqe;
	size_t sqe_size;
};

/* Returns 0 or -errno. */
int tw_ring_open(struct tw_ring *r);

void tw_ring_close(struct tw_ring *r);

/* The next request, cleared, which tw_ring_enter() submits; the operation is its user_data. */
struct io_uring_sqe *tw_ring_sqe(struct tw_ring *r, int op);

int tw_ring_enter(struct tw_ring *r, int submit, int want, unsigned int flags, void *arg,
		  size_t size);

/* The next completion, 0 when there is none */
bool tw_ring_cqe(struct tw_ring *r, struct io_uring_cqe *cqe);

/* Submit @submit requests and wait until @want came back: ret is that of @op */
int tw_ring_wait(struct tw_ring *r, int submit, int want, int op);

#endif /* TK_RING_H */
