// SPDX-License-Identifier: GPL-2.0
/*
 * Kinds of wait: system calls with a timeout, of futexes, queues, semaphores, signals, select()
 * and its kin, sockets, aio.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "process.h"
#include "wait_kinds.h"

#ifdef __x86_64__
#define TW_NR_futex SYS_futex
#define TW_NR_mq_timedsend SYS_mq_timedsend
#define TW_NR_mq_timedreceive SYS_mq_timedreceive
#define TW_NR_ppoll SYS_ppoll
#define TW_NR_pselect6 SYS_pselect6
#define TW_NR_sigtimedwait SYS_rt_sigtimedwait
#define TW_NR_semtimedop SYS_semtimedop
#define TW_NR_recvmmsg SYS_recvmmsg
#define TW_NR_io_pgetevents SYS_io_pgetevents
#else
#define TW_NR_futex SYS_futex_time64
#define TW_NR_mq_timedsend SYS_mq_timedsend_time64
#define TW_NR_mq_timedreceive SYS_mq_timedreceive_time64
#define TW_NR_ppoll SYS_ppoll_time64
#define TW_NR_pselect6 SYS_pselect6_time64
#define TW_NR_sigtimedwait SYS_rt_sigtimedwait_time64
#define TW_NR_semtimedop SYS_semtimedop_time64
#define TW_NR_recvmmsg SYS_recvmmsg_time64
#define TW_NR_io_pgetevents SYS_io_pgetevents_time64
#endif

/* Newer than the headers of Debian's C library, and the same on every architecture */
#define TW_NR_epoll_pwait2 441
#define TW_NR_futex_waitv 449
#define TW_NR_futex_wait 455
#define TW_FUTEX2_SIZE_U32 2

int tw_futex(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);
	int ret = TK_RET(syscall(TW_NR_futex, &w->word, w->kind->arg, 0, &ts, &w->word2,
				 FUTEX_BITSET_MATCH_ANY));

	return tw_timed_out(ret, -ETIMEDOUT);
}

/* The main thread holds the lock and never gives it back. */
int tw_futex_pi_open(struct tw *w)
{
	w->word = getpid();
	return 0;
}

int tw_futex_pi(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);
	int ret = TK_RET(syscall(TW_NR_futex, &w->word, w->kind->arg, 0, &ts, NULL, 0));

	return tw_timed_out(ret, -ETIMEDOUT);
}

int tw_futex_waitv(struct tw *w, s64 ns)
{
	struct futex_waitv v[2] = {
		{ .uaddr = (uintptr_t)&w->word, .flags = TW_FUTEX2_SIZE_U32 },
		{ .uaddr = (uintptr_t)&w->word2, .flags = TW_FUTEX2_SIZE_U32 },
	};
	struct tk_ts ts = tw_ts(ns);
	int ret = TK_RET(syscall(TW_NR_futex_waitv, v, 2, 0, &ts, w->kind->arg));

	return tw_timed_out(ret, -ETIMEDOUT);
}

int tw_futex_wait2(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);
	int ret = TK_RET(syscall(TW_NR_futex_wait, &w->word, 0UL, 0xffffffffUL,
				 TW_FUTEX2_SIZE_U32, &ts, w->kind->arg));

	return tw_timed_out(ret, -ETIMEDOUT);
}

int tw_mq_open(struct tw *w)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 8 };
	char name[48];

	snprintf(name, sizeof(name), "/tk_wait.%d", gettid());
	mq_unlink(name);
	w->fd = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (w->fd < 0)
		return -errno;
	mq_unlink(name);
	/* A sender waits for room, a receiver for a message. */
	if (w->kind->arg && mq_send(w->fd, "full", 5, 0))
		return -errno;
	return 0;
}

int tw_mq(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);
	char buf[8] = "again";
	int ret;

	if (w->kind->arg)
		ret = TK_RET(syscall(TW_NR_mq_timedsend, w->fd, buf, sizeof(buf), 0, &ts));
	else
		ret = TK_RET(syscall(TW_NR_mq_timedreceive, w->fd, buf, sizeof(buf), NULL, &ts));
	return tw_timed_out(ret, -ETIMEDOUT);
}

int tw_sem_open(struct tw *w)
{
	w->sig = semget(IPC_PRIVATE, 1, 0600);
	return w->sig < 0 ? -errno : 0;
}

int tw_sem(struct tw *w, s64 ns)
{
	struct sembuf op = { .sem_op = -1 };
	struct tk_ts ts = tw_ts(ns);

	return tw_timed_out(TK_RET(syscall(TW_NR_semtimedop, w->sig, &op, 1, &ts)), -EAGAIN);
}

void tw_sem_close(struct tw *w)
{
	semctl(w->sig, 0, IPC_RMID);
}

int tw_pipe_open(struct tw *w)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	w->fd = fds[0];
	w->fd2 = fds[1];
	return 0;
}

int tw_poll(struct tw *w, s64 ns)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };

	return tw_timed_out(TK_RET(syscall(SYS_poll, &p, 1, (int)(ns / TK_MSEC))), 0);
}

int tw_ppoll(struct tw *w, s64 ns)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	struct tk_ts ts = tw_ts(ns);

	return tw_timed_out(TK_RET(syscall(TW_NR_ppoll, &p, 1, &ts, NULL, 8)), 0);
}

int tw_select(struct tw *w, s64 ns)
{
	struct timeval tv = { ns / TK_SEC, ns % TK_SEC / TK_USEC };
	int ret;

	(void)w;
	/* What is left is written back, in the namespace's time too: none. */
	ret = select(0, NULL, NULL, NULL, &tv);
	if (ret)
		return ret < 0 ? -errno : -EPROTO;
	return tv.tv_sec || tv.tv_usec ? -ERANGE : 0;
}

int tw_pselect6(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);
	int ret;

	(void)w;
	ret = tw_timed_out(TK_RET(syscall(TW_NR_pselect6, 0, NULL, NULL, NULL, &ts, NULL)), 0);
	return ret ? ret : ts.sec || ts.nsec ? -ERANGE : 0;
}

int tw_epoll_open(struct tw *w)
{
	w->fd = epoll_create1(EPOLL_CLOEXEC);
	return w->fd < 0 ? -errno : 0;
}

int tw_epoll_wait(struct tw *w, s64 ns)
{
	struct epoll_event ev;

	return tw_timed_out(TK_RET(syscall(SYS_epoll_wait, w->fd, &ev, 1, (int)(ns / TK_MSEC))), 0);
}

int tw_epoll_pwait2(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);
	struct epoll_event ev;

	return tw_timed_out(TK_RET(syscall(TW_NR_epoll_pwait2, w->fd, &ev, 1, &ts, NULL, 8)), 0);
}

int tw_sigtimedwait(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);
	uint64_t set = 1ULL << (SIGUSR2 - 1);

	(void)w;
	return tw_timed_out(TK_RET(syscall(TW_NR_sigtimedwait, &set, NULL, &ts, sizeof(set))),
			    -EAGAIN);
}

int tw_sock_open(struct tw *w)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sv))
		return -errno;
	w->fd = sv[0];
	w->fd2 = sv[1];
	return 0;
}

int tw_rcvtimeo(struct tw *w, s64 ns)
{
	struct timeval tv = { ns / TK_SEC, ns % TK_SEC / TK_USEC };
	char c;

	if (setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)))
		return -errno;
	return tw_timed_out(TK_RET(recv(w->fd, &c, 1, 0)), -EAGAIN);
}

/*
 * recvmmsg() looks at its timeout only when a datagram has come: somebody sends one all
 * the time. All that takes long to set up is set up before the time runs.
 */
#define TW_DATAGRAMS 1024

struct tw_feeder {
	pthread_t thread;
	sem_t go, idle;
	atomic_bool stop, over;
	clockid_t clk;
	int fd;
	s64 pace;		/* from before one datagram until after the next, at most */
	struct iovec iov;
	char sink[8];
	struct mmsghdr msg[TW_DATAGRAMS];
};

static void tw_feed_once(struct tw_feeder *f)
{
	s64 last = tk_vnow(f->clk), before;

	/* How late it is itself depends on the machine: so it measures what its pace was. */
	f->pace = 0;
	while (!atomic_load(&f->stop)) {
		before = tk_vnow(f->clk);
		send(f->fd, "x", 1, MSG_DONTWAIT);
		f->pace = tk_max(f->pace, tk_vnow(f->clk) - last);
		last = before;
		tk_sleep(2 * TK_MSEC);
	}
}

static void tw_wait_sem(sem_t *sem)
{
	while (sem_wait(sem))
		;
}

static void *tw_feed(void *arg)
{
	struct tw_feeder *f = arg;

	for (;;) {
		tw_wait_sem(&f->go);
		if (atomic_load(&f->over))
			return NULL;
		tw_feed_once(f);
		sem_post(&f->idle);
	}
}

int tw_mmsg_open(struct tw *w)
{
	struct tw_feeder *f;
	int i, ret = tw_sock_open(w);

	if (ret)
		return ret;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->clk = w->kind->clk;
	f->fd = w->fd2;
	f->iov = (struct iovec){ f->sink, sizeof(f->sink) };
	for (i = 0; i < TW_DATAGRAMS; i++) {
		f->msg[i].msg_hdr.msg_iov = &f->iov;
		f->msg[i].msg_hdr.msg_iovlen = 1;
	}
	sem_init(&f->go, 0, 0);
	sem_init(&f->idle, 0, 0);
	ret = pthread_create(&f->thread, NULL, tw_feed, f);
	if (ret) {
		free(f);
		return -ret;
	}
	w->ptr = f;
	return 0;
}

int tw_recvmmsg(struct tw *w, s64 ns)
{
	struct tw_feeder *f = w->ptr;
	struct tk_ts ts = tw_ts(ns);
	int ret;

	atomic_store(&f->stop, false);
	sem_post(&f->go);
	ret = TK_RET(syscall(TW_NR_recvmmsg, w->fd, f->msg, TW_DATAGRAMS, 0, &ts));
	tw_woken(w);
	atomic_store(&f->stop, true);
	tw_wait_sem(&f->idle);
	w->pace = f->pace;
	/* Nothing but the end of the time ends it. */
	if (ret == TW_DATAGRAMS)
		ret = -EOVERFLOW;
	return ret > 0 ? 0 : ret ? ret : -EPROTO;
}

void tw_mmsg_close(struct tw *w)
{
	struct tw_feeder *f = w->ptr;

	if (f) {
		atomic_store(&f->over, true);
		sem_post(&f->go);
		pthread_join(f->thread, NULL);
		sem_destroy(&f->go);
		sem_destroy(&f->idle);
		free(f);
		w->ptr = NULL;
	}
	tw_close_fd(w);
}

int tw_aio_open(struct tw *w)
{
	return TK_RET(syscall(SYS_io_setup, 1, &w->aio));
}

int tw_aio(struct tw *w, s64 ns)
{
	struct timespec ts = { ns / TK_SEC, ns % TK_SEC };
	struct io_event ev;

	return tw_timed_out(TK_RET(syscall(SYS_io_getevents, w->aio, 1, 1, &ev, &ts)), 0);
}

int tw_aio_p(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);
	struct io_event ev;

	return tw_timed_out(TK_RET(syscall(TW_NR_io_pgetevents, w->aio, 1, 1, &ev, &ts, NULL)), 0);
}

void tw_aio_close(struct tw *w)
{
	syscall(SYS_io_destroy, w->aio);
}
