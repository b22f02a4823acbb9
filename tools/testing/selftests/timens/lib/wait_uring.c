// SPDX-License-Identifier: GPL-2.0
/*
 * Kinds of wait: the timeouts of io_uring.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ring.h"
#include "wait_kinds.h"

/* Newer than the headers of Debian's C library, and the same on every architecture */
#define TW_URING_FEAT_MIN_TIMEOUT 0x8000
#define TW_URING_ENTER_ABS_TIMER 0x20
#define TW_URING_REGISTER_CLOCK 29
#define TW_URING_TIMEOUT_MULTISHOT 0x40

struct tw_getevents_arg {
	uint64_t sigmask;
	uint32_t sigmask_sz;
	uint32_t min_wait_usec;
	uint64_t ts;
};

int tw_uring_open(struct tw *w)
{
	struct tw_ring *r = calloc(1, sizeof(*r));
	int ret = r ? tw_ring_open(r) : -ENOMEM;

	w->ptr = r;
	if (!ret)
		ret = tw_pipe_open(w);
	return ret;
}

void tw_uring_close(struct tw *w)
{
	if (!w->ptr)
		return;
	tw_ring_close(w->ptr);
	free(w->ptr);
	tw_close_fd(w);
}

int tw_uring(struct tw *w, s64 ns)
{
	struct io_uring_sqe *sqe = tw_ring_sqe(w->ptr, IORING_OP_TIMEOUT);
	struct tk_ts ts = tw_ts(ns);

	sqe->addr = (uintptr_t)&ts;
	sqe->len = 1;
	sqe->timeout_flags = w->kind->arg | (tw_abs(w) ? IORING_TIMEOUT_ABS : 0);
	return tw_timed_out(tw_ring_wait(w->ptr, 1, 1, IORING_OP_TIMEOUT), -ETIME);
}

/* Twice half the length */
int tw_uring_multishot(struct tw *w, s64 ns)
{
	struct io_uring_sqe *sqe = tw_ring_sqe(w->ptr, IORING_OP_TIMEOUT);
	struct tk_ts ts = tw_ts(ns / 2);

	sqe->addr = (uintptr_t)&ts;
	sqe->len = 1;
	sqe->off = 2;
	sqe->timeout_flags = TW_URING_TIMEOUT_MULTISHOT | w->kind->arg;
	return tw_timed_out(tw_ring_wait(w->ptr, 1, 2, IORING_OP_TIMEOUT), -ETIME);
}

/* A timeout that is linked to a poll of a pipe in which nothing is written */
int tw_uring_link(struct tw *w, s64 ns)
{
	struct io_uring_sqe *sqe = tw_ring_sqe(w->ptr, IORING_OP_POLL_ADD);
	struct tk_ts ts = tw_ts(ns);

	sqe->fd = w->fd;
	sqe->poll32_events = POLLIN;
	sqe->flags = IOSQE_IO_LINK;
	sqe = tw_ring_sqe(w->ptr, IORING_OP_LINK_TIMEOUT);
	sqe->addr = (uintptr_t)&ts;
	sqe->len = 1;
	sqe->timeout_flags = w->kind->arg | (tw_abs(w) ? IORING_TIMEOUT_ABS : 0);
	return tw_timed_out(tw_ring_wait(w->ptr, 2, 2, IORING_OP_LINK_TIMEOUT), -ETIME);
}

/* Armed for an hour, linked to a poll or not, and then updated to what it is to be */
int tw_uring_update(struct tw *w, s64 ns)
{
	bool linked = w->kind->arg & IORING_LINK_TIMEOUT_UPDATE;
	int clock = w->kind->arg & ~IORING_LINK_TIMEOUT_UPDATE, ret;
	struct tk_ts hour = tw_ts(3600 * TK_SEC), ts = tw_ts(ns);
	int op = linked ? IORING_OP_LINK_TIMEOUT : IORING_OP_TIMEOUT;
	struct io_uring_sqe *sqe;

	if (linked) {
		sqe = tw_ring_sqe(w->ptr, IORING_OP_POLL_ADD);
		sqe->fd = w->fd;
		sqe->poll32_events = POLLIN;
		sqe->flags = IOSQE_IO_LINK;
	}
	sqe = tw_ring_sqe(w->ptr, op);
	sqe->addr = (uintptr_t)&hour;
	sqe->len = 1;
	sqe->timeout_flags = clock;
	ret = tw_ring_enter(w->ptr, 1 + linked, 0, 0, NULL, 0);
	if (ret < 0)
		return ret;
	sqe = tw_ring_sqe(w->ptr, IORING_OP_TIMEOUT_REMOVE);
	sqe->addr = op;
	sqe->addr2 = (uintptr_t)&ts;
	sqe->timeout_flags = IORING_TIMEOUT_UPDATE | (linked ? IORING_LINK_TIMEOUT_UPDATE : 0) |
			     (tw_abs(w) ? IORING_TIMEOUT_ABS : 0);
	ret = tw_ring_wait(w->ptr, 1, 1, IORING_OP_TIMEOUT_REMOVE);
	if (ret)
		return ret;
	return tw_timed_out(tw_ring_wait(w->ptr, 0, 1 + linked, op), -ETIME);
}

/* The timeout of io_uring_enter() itself; absolute ones are on the ring's clock */
int tw_uring_enter(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);
	struct tw_getevents_arg arg = { .ts = (uintptr_t)&ts };
	struct tw_ring *r = w->ptr;
	unsigned int flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
	uint32_t clock[4] = { w->kind->arg };

	if (syscall(SYS_io_uring_register, r->fd, TW_URING_REGISTER_CLOCK, clock, 0))
		return -errno;
	if (tw_abs(w))
		flags |= TW_URING_ENTER_ABS_TIMER;
	return tw_timed_out(tw_ring_enter(r, 0, 1, flags, &arg, sizeof(arg)), -ETIME);
}

/* One event is there, two are wanted: it comes back when the minimum is over. */
int tw_uring_min(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(3600 * TK_SEC);
	struct tw_getevents_arg arg = {
		.ts = (uintptr_t)&ts,
		.min_wait_usec = ns / TK_USEC,
	};
	struct tw_ring *r = w->ptr;
	struct io_uring_cqe cqe;
	int ret;

	if (!(r->p.features & TW_URING_FEAT_MIN_TIMEOUT))
		return -EOPNOTSUPP;
	tw_ring_sqe(r, IORING_OP_NOP);
	ret = tw_ring_enter(r, 1, 2, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg,
			    sizeof(arg));
	if (!tw_ring_cqe(r, &cqe))
		return -ENODATA;
	return ret == 1 ? 0 : ret < 0 ? ret : -EPROTO;
}
