// SPDX-License-Identifier: GPL-2.0
/*
 * Rings of io_uring.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base.h"
#include "ring.h"
#include "sys.h"

static uint32_t *tw_ring_word(struct tw_ring *r, uint32_t off)
{
	return (uint32_t *)(r->rings + off);
}

int tw_ring_open(struct tw_ring *r)
{
	memset(r, 0, sizeof(*r));
	r->fd = syscall(SYS_io_uring_setup, 8, &r->p);
	if (r->fd < 0)
		return -errno;
	if (!(r->p.features & IORING_FEAT_SINGLE_MMAP))
		return -EOPNOTSUPP;
	r->rings_size = tk_max(r->p.sq_off.array + r->p.sq_entries * sizeof(uint32_t),
			       r->p.cq_off.cqes + r->p.cq_entries * sizeof(struct io_uring_cqe));
	r->rings = mmap(NULL, r->rings_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			r->fd, IORING_OFF_SQ_RING);
	r->sqe_size = r->p.sq_entries * sizeof(struct io_uring_sqe);
	r->sqe = mmap(NULL, r->sqe_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		      r->fd, IORING_OFF_SQES);
	if (r->rings == MAP_FAILED || (void *)r->sqe == MAP_FAILED)
		return -errno;
	return 0;
}

void tw_ring_close(struct tw_ring *r)
{
	munmap(r->rings, r->rings_size);
	munmap(r->sqe, r->sqe_size);
	close(r->fd);
}

struct io_uring_sqe *tw_ring_sqe(struct tw_ring *r, int op)
{
	uint32_t *tail = tw_ring_word(r, r->p.sq_off.tail);
	uint32_t i = *tail & *tw_ring_word(r, r->p.sq_off.ring_mask);
	struct io_uring_sqe *sqe = &r->sqe[i];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = op;
	sqe->fd = -1;
	sqe->user_data = op;
	tw_ring_word(r, r->p.sq_off.array)[i] = i;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return sqe;
}

int tw_ring_enter(struct tw_ring *r, int submit, int want, unsigned int flags, void *arg,
		  size_t size)
{
	return TK_RET(syscall(SYS_io_uring_enter, r->fd, submit, want, flags, arg, size));
}

bool tw_ring_cqe(struct tw_ring *r, struct io_uring_cqe *cqe)
{
	uint32_t *head = tw_ring_word(r, r->p.cq_off.head);
	uint32_t tail = __atomic_load_n(tw_ring_word(r, r->p.cq_off.tail), __ATOMIC_ACQUIRE);
	struct io_uring_cqe *all = (void *)(r->rings + r->p.cq_off.cqes);

	if (*head == tail)
		return false;
	*cqe = all[*head & *tw_ring_word(r, r->p.cq_off.ring_mask)];
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return true;
}

int tw_ring_wait(struct tw_ring *r, int submit, int want, int op)
{
	struct io_uring_cqe cqe;
	int ret = -ENODATA;

	while (want) {
		int got = tw_ring_enter(r, submit, want, IORING_ENTER_GETEVENTS, NULL, 0);

		if (got == -EINTR)
			continue;
		if (got < 0)
			return got;
		submit = 0;
		while (want && tw_ring_cqe(r, &cqe)) {
			want--;
			if (cqe.user_data == (u64)op)
				ret = cqe.res;
		}
	}
	return ret;
}
