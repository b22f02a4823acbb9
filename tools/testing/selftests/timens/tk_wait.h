/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every way to wait for a time, in one table, for the tests of timers in namespaces.
 *
 *	w.kind = ...;
 *	tw_open(&w)		descriptors, rings, queues: all that takes time
 *	tw_go(&w, ns)		arms, waits, and notes when that was
 *	tw_close(&w)
 *
 * One struct tw belongs to one thread. Signals are blocked in all threads of a program
 * which uses this (tw_block_signals()): they are waited for.
 *
 * What a wait is judged by
 *	Each kind has a clock on which it may not be early. An absolute expiry is a time
 *	on that clock; a relative one is the time that the clock showed when it was armed
 *	and the length, so it lies in [lo, hi]:
 *
 *	clk  --lo-len----(armed here)----hi-len------------------ woken >= lo
 *
 *	hi is only known afterwards, and only where arming does not block.
 *
 * The calls are the raw ones, with 64-bit times in 32-bit programs too.
 */
#ifndef TK_WAIT_H
#define TK_WAIT_H

#include "tk_common.h"

#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#ifdef __x86_64__
#define TW_NR_futex SYS_futex
#define TW_NR_timerfd_settime SYS_timerfd_settime
#define TW_NR_timerfd_gettime SYS_timerfd_gettime
#define TW_NR_timer_settime SYS_timer_settime
#define TW_NR_timer_gettime SYS_timer_gettime
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
#define TW_NR_timerfd_settime SYS_timerfd_settime64
#define TW_NR_timerfd_gettime SYS_timerfd_gettime64
#define TW_NR_timer_settime SYS_timer_settime64
#define TW_NR_timer_gettime SYS_timer_gettime64
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

struct tk_its {
	struct tk_ts interval;
	struct tk_ts value;
};

/* struct __kernel_timespec of the call's own: everything here is absolute or a length */
static inline struct tk_ts tw_ts(s64 ns)
{
	s64 sec = tk_floor_div(ns, TK_SEC);

	return (struct tk_ts){ sec, ns - sec * TK_SEC };
}

static inline struct tk_its tw_its(s64 ns)
{
	return (struct tk_its){ .value = tw_ts(ns) };
}

static inline s64 tw_its_ns(const struct tk_ts *ts)
{
	return tk_ns(ts->sec, ts->nsec);
}

struct tw;

enum {
	TW_ABS = 1,		/* the expiry is a time on the clock */
	TW_ONE = 2,		/* one of the process only */
	TW_SLACK = 4,		/* select() and its kin may be a thousandth late */
	TW_JIFFIES = 8,		/* counted in jiffies, at the rate that it started with */
	TW_ALARM = 16,		/* needs an RTC and CAP_WAKE_ALARM of the host */
	TW_TWICE = 64,		/* twice half the length */
	TW_PARTIAL = 128,	/* a signal may end it with the same result as its end */
	TW_COARSE = 32,		/* is told only when something else happens: see tw_recvmmsg() */
};

struct tw_kind {
	const char *name;
	int clk;		/* on this clock it may not be early */
	int arg;		/* for the function: a clock, an operation */
	int flags;
	s64 unit;		/* of the length, in nanoseconds */
	int (*open)(struct tw *w);
	int (*wait)(struct tw *w, s64 ns);	/* 0: the time ran out */
	void (*close)(struct tw *w);
};

enum tw_state { TW_IDLE, TW_ARMED, TW_DONE };

struct tw {
	const struct tw_kind *kind;
	atomic_int state;
	pid_t tid;

	/* what the kinds keep */
	int fd, fd2;
	int sig;
	timer_t timer;
	void *ptr;
	aio_context_t aio;
	uint32_t word, word2;

	/* what came out */
	int ret;
	s64 start;		/* the kind's clock before it was armed */
	s64 lo;			/* the expiry on it, at the earliest */
	s64 raw_armed;		/* CLOCK_MONOTONIC_RAW before it was armed */
	s64 raw_woken;		/* and after it woke up, */
	s64 woken;		/* when the kind's clock showed this */
};

static inline bool tw_abs(const struct tw *w)
{
	return w->kind->flags & TW_ABS;
}

/* The clock by the system call: it is the kernel that must not be early by its own clock. */
static inline void tw_woken(struct tw *w)
{
	if (w->raw_woken)
		return;
	w->woken = tk_now(w->kind->clk);
	w->raw_woken = tk_vnow(CLOCK_MONOTONIC_RAW);
}

static inline void tw_block_signals(void)
{
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, SIGSEGV);
	sigdelset(&set, SIGBUS);
	sigdelset(&set, SIGTERM);
	sigdelset(&set, SIGINT);
	REQUIRE(!sigprocmask(SIG_BLOCK, &set, NULL), "sigprocmask: %m");
}

/* ------------------------------------------------------------------- sleeping */

static inline int tw_clock_nanosleep(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);

	return TK_RET(syscall(TK_NR_nanosleep, w->kind->arg, tw_abs(w) ? TIMER_ABSTIME : 0, &ts,
			      NULL));
}

static inline int tw_nanosleep(struct tw *w, s64 ns)
{
	struct timespec ts = { ns / TK_SEC, ns % TK_SEC };

	(void)w;
	return TK_RET(syscall(SYS_nanosleep, &ts, NULL));
}

/* --------------------------------------------------------------------- timerfd */

static inline void tw_close_fd(struct tw *w)
{
	if (w->fd >= 0)
		close(w->fd);
	if (w->fd2 >= 0)
		close(w->fd2);
}

static inline int tw_timerfd_open(struct tw *w)
{
	w->fd = timerfd_create(w->kind->arg, TFD_CLOEXEC);
	return w->fd < 0 ? -errno : 0;
}

static inline int tw_timerfd_arm(int fd, int flags, s64 ns, s64 interval)
{
	struct tk_its its = { tw_ts(interval), tw_ts(ns) };

	return TK_RET(syscall(TW_NR_timerfd_settime, fd, flags, &its, NULL));
}

/* Of the next expiry, or -errno */
static inline s64 tw_timerfd_left(int fd)
{
	struct tk_its its;

	if (syscall(TW_NR_timerfd_gettime, fd, &its))
		return -errno;
	return tw_its_ns(&its.value);
}

static inline int tw_timerfd(struct tw *w, s64 ns)
{
	u64 ticks = 0;
	int ret;

	ret = tw_timerfd_arm(w->fd, tw_abs(w) ? TFD_TIMER_ABSTIME : 0, ns, 0);
	if (ret)
		return ret;
	if (read(w->fd, &ticks, sizeof(ticks)) != sizeof(ticks))
		return -errno;
	return ticks == 1 ? 0 : (int)ticks;
}

/* ------------------------------------------------------------------ POSIX timers */

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* A signal of its own for each of the kinds which wait for one */
#define TW_SIG_TIMER (SIGRTMIN + 1)

static inline int tw_timer_open(struct tw *w)
{
	struct sigevent ev = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = TW_SIG_TIMER,
	};
	int id = -1;

	ev.sigev_notify_thread_id = gettid();
	/* The kernel's own number, which is what comes with the signal */
	if (syscall(SYS_timer_create, w->kind->arg, &ev, &id))
		return -errno;
	w->fd2 = -1;
	w->sig = id;
	return 0;
}

static inline int tw_timer_arm(int id, int flags, s64 ns, s64 interval)
{
	struct tk_its its = { tw_ts(interval), tw_ts(ns) };

	return TK_RET(syscall(TW_NR_timer_settime, id, flags, &its, NULL));
}

static inline s64 tw_timer_left(int id)
{
	struct tk_its its;

	if (syscall(TW_NR_timer_gettime, id, &its))
		return -errno;
	return tw_its_ns(&its.value);
}

static inline int tw_wait_signal(int sig, siginfo_t *info)
{
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, sig);
	do {
		got = sigwaitinfo(&set, info);
	} while (got < 0 && errno == EINTR);
	return got == sig ? 0 : -EIO;
}

static inline int tw_timer(struct tw *w, s64 ns)
{
	siginfo_t info;
	int ret = tw_timer_arm(w->sig, tw_abs(w) ? TIMER_ABSTIME : 0, ns, 0);

	if (!ret)
		ret = tw_wait_signal(TW_SIG_TIMER, &info);
	if (ret)
		return ret;
	if (info.si_code != SI_TIMER || info.si_timerid != w->sig)
		return -EBADMSG;
	return info.si_overrun;
}

static inline void tw_timer_close(struct tw *w)
{
	syscall(SYS_timer_delete, w->sig);
}

static inline int tw_itimer(struct tw *w, s64 ns)
{
	struct itimerval it = {
		.it_value = { ns / TK_SEC, ns % TK_SEC / TK_USEC },
	};
	siginfo_t info;

	(void)w;
	if (setitimer(ITIMER_REAL, &it, NULL))
		return -errno;
	return tw_wait_signal(SIGALRM, &info);
}

/* ----------------------------------------------------------------------- futex */

static inline int tw_timed_out(int ret, int want)
{
	return ret == want ? 0 : ret < 0 ? ret : -EPROTO;
}

static inline int tw_futex(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);
	int ret = TK_RET(syscall(TW_NR_futex, &w->word, w->kind->arg, 0, &ts, &w->word2,
				 FUTEX_BITSET_MATCH_ANY));

	return tw_timed_out(ret, -ETIMEDOUT);
}

/* The main thread holds the lock and never gives it back. */
static inline int tw_futex_pi_open(struct tw *w)
{
	w->word = getpid();
	return 0;
}

static inline int tw_futex_pi(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);
	int ret = TK_RET(syscall(TW_NR_futex, &w->word, w->kind->arg, 0, &ts, NULL, 0));

	return tw_timed_out(ret, -ETIMEDOUT);
}

static inline int tw_futex_waitv(struct tw *w, s64 ns)
{
	struct futex_waitv v[2] = {
		{ .uaddr = (uintptr_t)&w->word, .flags = TW_FUTEX2_SIZE_U32 },
		{ .uaddr = (uintptr_t)&w->word2, .flags = TW_FUTEX2_SIZE_U32 },
	};
	struct tk_ts ts = tw_ts(ns);
	int ret = TK_RET(syscall(TW_NR_futex_waitv, v, 2, 0, &ts, w->kind->arg));

	return tw_timed_out(ret, -ETIMEDOUT);
}

static inline int tw_futex_wait2(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);
	int ret = TK_RET(syscall(TW_NR_futex_wait, &w->word, 0UL, 0xffffffffUL,
				 TW_FUTEX2_SIZE_U32, &ts, w->kind->arg));

	return tw_timed_out(ret, -ETIMEDOUT);
}

/* ------------------------------------------------------------- queues and semaphores */

static inline int tw_mq_open(struct tw *w)
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

static inline int tw_mq(struct tw *w, s64 ns)
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

static inline int tw_sem_open(struct tw *w)
{
	w->sig = semget(IPC_PRIVATE, 1, 0600);
	return w->sig < 0 ? -errno : 0;
}

static inline int tw_sem(struct tw *w, s64 ns)
{
	struct sembuf op = { .sem_op = -1 };
	struct tk_ts ts = tw_ts(ns);

	return tw_timed_out(TK_RET(syscall(TW_NR_semtimedop, w->sig, &op, 1, &ts)), -EAGAIN);
}

static inline void tw_sem_close(struct tw *w)
{
	semctl(w->sig, 0, IPC_RMID);
}

/* ------------------------------------------------------------------- select and kin */

static inline int tw_pipe_open(struct tw *w)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	w->fd = fds[0];
	w->fd2 = fds[1];
	return 0;
}

static inline int tw_poll(struct tw *w, s64 ns)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };

	return tw_timed_out(TK_RET(syscall(SYS_poll, &p, 1, (int)(ns / TK_MSEC))), 0);
}

static inline int tw_ppoll(struct tw *w, s64 ns)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	struct tk_ts ts = tw_ts(ns);

	return tw_timed_out(TK_RET(syscall(TW_NR_ppoll, &p, 1, &ts, NULL, 8)), 0);
}

static inline int tw_select(struct tw *w, s64 ns)
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

static inline int tw_pselect6(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);
	int ret;

	(void)w;
	ret = tw_timed_out(TK_RET(syscall(TW_NR_pselect6, 0, NULL, NULL, NULL, &ts, NULL)), 0);
	return ret ? ret : ts.sec || ts.nsec ? -ERANGE : 0;
}

static inline int tw_epoll_open(struct tw *w)
{
	w->fd = epoll_create1(EPOLL_CLOEXEC);
	return w->fd < 0 ? -errno : 0;
}

static inline int tw_epoll_wait(struct tw *w, s64 ns)
{
	struct epoll_event ev;

	return tw_timed_out(TK_RET(syscall(SYS_epoll_wait, w->fd, &ev, 1, (int)(ns / TK_MSEC))), 0);
}

static inline int tw_epoll_pwait2(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);
	struct epoll_event ev;

	return tw_timed_out(TK_RET(syscall(TW_NR_epoll_pwait2, w->fd, &ev, 1, &ts, NULL, 8)), 0);
}

static inline int tw_sigtimedwait(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);
	uint64_t set = 1ULL << (SIGUSR2 - 1);

	(void)w;
	return tw_timed_out(TK_RET(syscall(TW_NR_sigtimedwait, &set, NULL, &ts, sizeof(set))),
			    -EAGAIN);
}

/* ------------------------------------------------------------------------ sockets */

static inline int tw_sock_open(struct tw *w)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sv))
		return -errno;
	w->fd = sv[0];
	w->fd2 = sv[1];
	return 0;
}

static inline int tw_rcvtimeo(struct tw *w, s64 ns)
{
	struct timeval tv = { ns / TK_SEC, ns % TK_SEC / TK_USEC };
	char c;

	if (setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)))
		return -errno;
	return tw_timed_out(TK_RET(recv(w->fd, &c, 1, 0)), -EAGAIN);
}

struct tw_feeder {
	pthread_t thread;
	atomic_bool stop;
	int fd;
};

static inline void *tw_feed(void *arg)
{
	struct tw_feeder *f = arg;

	while (!atomic_load(&f->stop)) {
		send(f->fd, "x", 1, MSG_DONTWAIT);
		tk_sleep(2 * TK_MSEC);
	}
	return NULL;
}

/* Looks at its timeout only when a datagram comes: somebody sends one all the time. */
static inline int tw_recvmmsg(struct tw *w, s64 ns)
{
	static char sink[8];
	struct iovec iov = { sink, sizeof(sink) };
	struct tw_feeder f = { .fd = w->fd2 };
	struct tk_ts ts = tw_ts(ns);
	struct mmsghdr *msg;
	int i, ret;

	msg = calloc(1024, sizeof(*msg));
	if (!msg)
		return -ENOMEM;
	for (i = 0; i < 1024; i++) {
		msg[i].msg_hdr.msg_iov = &iov;
		msg[i].msg_hdr.msg_iovlen = 1;
	}
	if (pthread_create(&f.thread, NULL, tw_feed, &f)) {
		free(msg);
		return -EAGAIN;
	}
	ret = TK_RET(syscall(TW_NR_recvmmsg, w->fd, msg, 1024, 0, &ts));
	tw_woken(w);
	/* Nothing but the end of the time ends it. */
	if (ret == 1024)
		ret = -EOVERFLOW;
	atomic_store(&f.stop, true);
	pthread_join(f.thread, NULL);
	free(msg);
	return ret > 0 ? 0 : ret ? ret : -EPROTO;
}

/* ---------------------------------------------------------------------------- aio */

static inline int tw_aio_open(struct tw *w)
{
	return TK_RET(syscall(SYS_io_setup, 1, &w->aio));
}

static inline int tw_aio(struct tw *w, s64 ns)
{
	struct timespec ts = { ns / TK_SEC, ns % TK_SEC };
	struct io_event ev;

	return tw_timed_out(TK_RET(syscall(SYS_io_getevents, w->aio, 1, 1, &ev, &ts)), 0);
}

static inline int tw_aio_p(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);
	struct io_event ev;

	return tw_timed_out(TK_RET(syscall(TW_NR_io_pgetevents, w->aio, 1, 1, &ev, &ts, NULL)), 0);
}

static inline void tw_aio_close(struct tw *w)
{
	syscall(SYS_io_destroy, w->aio);
}

/* ----------------------------------------------------------------------- io_uring */

struct tw_ring {
	int fd;
	struct io_uring_params p;
	char *rings;
	size_t rings_size;
	struct io_uring_sqe *sqe;
	size_t sqe_size;
};

static inline uint32_t *tw_ring_word(struct tw_ring *r, uint32_t off)
{
	return (uint32_t *)(r->rings + off);
}

static inline int tw_ring_open(struct tw_ring *r)
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

static inline void tw_ring_close(struct tw_ring *r)
{
	munmap(r->rings, r->rings_size);
	munmap(r->sqe, r->sqe_size);
	close(r->fd);
}

static inline struct io_uring_sqe *tw_ring_sqe(struct tw_ring *r, int op)
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

static inline int tw_ring_enter(struct tw_ring *r, int submit, int want, unsigned int flags,
				void *arg, size_t size)
{
	return TK_RET(syscall(SYS_io_uring_enter, r->fd, submit, want, flags, arg, size));
}

/* The next completion, 0 when there is none */
static inline bool tw_ring_cqe(struct tw_ring *r, struct io_uring_cqe *cqe)
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

/* Submit @submit requests and wait until @want came back: ret is that of @op */
static inline int tw_ring_wait(struct tw_ring *r, int submit, int want, int op)
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

static inline int tw_uring_open(struct tw *w)
{
	struct tw_ring *r = calloc(1, sizeof(*r));
	int ret = r ? tw_ring_open(r) : -ENOMEM;

	w->ptr = r;
	if (!ret)
		ret = tw_pipe_open(w);
	return ret;
}

static inline void tw_uring_close(struct tw *w)
{
	if (!w->ptr)
		return;
	tw_ring_close(w->ptr);
	free(w->ptr);
	tw_close_fd(w);
}

static inline int tw_uring(struct tw *w, s64 ns)
{
	struct io_uring_sqe *sqe = tw_ring_sqe(w->ptr, IORING_OP_TIMEOUT);
	struct tk_ts ts = tw_ts(ns);

	sqe->addr = (uintptr_t)&ts;
	sqe->len = 1;
	sqe->timeout_flags = w->kind->arg | (tw_abs(w) ? IORING_TIMEOUT_ABS : 0);
	return tw_timed_out(tw_ring_wait(w->ptr, 1, 1, IORING_OP_TIMEOUT), -ETIME);
}

/* Twice half the length */
static inline int tw_uring_multishot(struct tw *w, s64 ns)
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
static inline int tw_uring_link(struct tw *w, s64 ns)
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
static inline int tw_uring_update(struct tw *w, s64 ns)
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
static inline int tw_uring_enter(struct tw *w, s64 ns)
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
static inline int tw_uring_min(struct tw *w, s64 ns)
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

/* ---------------------------------------------------------------------- the table */

#define TW_FUTEX_REALTIME FUTEX_CLOCK_REALTIME

/*
 * The relative ones on REALTIME are meant to be on MONOTONIC: what is not absolute
 * does not move with the date. (TAI is not REALTIME to POSIX, or to the kernel.)
 */
static const struct tw_kind tw_kinds[] = {
	{ "clock_nanosleep absolute REALTIME", CLOCK_REALTIME, CLOCK_REALTIME, TW_ABS, 1,
	  NULL, tw_clock_nanosleep, NULL },
	{ "clock_nanosleep absolute TAI", CLOCK_TAI, CLOCK_TAI, TW_ABS, 1,
	  NULL, tw_clock_nanosleep, NULL },
	{ "clock_nanosleep absolute MONOTONIC", CLOCK_MONOTONIC, CLOCK_MONOTONIC, TW_ABS, 1,
	  NULL, tw_clock_nanosleep, NULL },
	{ "clock_nanosleep absolute BOOTTIME", CLOCK_BOOTTIME, CLOCK_BOOTTIME, TW_ABS, 1,
	  NULL, tw_clock_nanosleep, NULL },
	{ "clock_nanosleep REALTIME", CLOCK_MONOTONIC, CLOCK_REALTIME, 0, 1,
	  NULL, tw_clock_nanosleep, NULL },
	{ "clock_nanosleep TAI", CLOCK_TAI, CLOCK_TAI, 0, 1, NULL, tw_clock_nanosleep, NULL },
	{ "clock_nanosleep MONOTONIC", CLOCK_MONOTONIC, CLOCK_MONOTONIC, 0, 1,
	  NULL, tw_clock_nanosleep, NULL },
	{ "clock_nanosleep BOOTTIME", CLOCK_BOOTTIME, CLOCK_BOOTTIME, 0, 1,
	  NULL, tw_clock_nanosleep, NULL },
	{ "clock_nanosleep absolute REALTIME_ALARM", CLOCK_REALTIME, CLOCK_REALTIME_ALARM,
	  TW_ABS | TW_ALARM, 1, NULL, tw_clock_nanosleep, NULL },
	{ "clock_nanosleep BOOTTIME_ALARM", CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM,
	  TW_ALARM, 1, NULL, tw_clock_nanosleep, NULL },
	{ "nanosleep", CLOCK_MONOTONIC, 0, 0, 1, NULL, tw_nanosleep, NULL },

	{ "timerfd absolute REALTIME", CLOCK_REALTIME, CLOCK_REALTIME, TW_ABS, 1,
	  tw_timerfd_open, tw_timerfd, tw_close_fd },
	{ "timerfd absolute MONOTONIC", CLOCK_MONOTONIC, CLOCK_MONOTONIC, TW_ABS, 1,
	  tw_timerfd_open, tw_timerfd, tw_close_fd },
	{ "timerfd absolute BOOTTIME", CLOCK_BOOTTIME, CLOCK_BOOTTIME, TW_ABS, 1,
	  tw_timerfd_open, tw_timerfd, tw_close_fd },
	{ "timerfd absolute REALTIME_ALARM", CLOCK_REALTIME, CLOCK_REALTIME_ALARM,
	  TW_ABS | TW_ALARM, 1, tw_timerfd_open, tw_timerfd, tw_close_fd },
	{ "timerfd absolute BOOTTIME_ALARM", CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM,
	  TW_ABS | TW_ALARM, 1, tw_timerfd_open, tw_timerfd, tw_close_fd },
	{ "timerfd REALTIME", CLOCK_MONOTONIC, CLOCK_REALTIME, 0, 1,
	  tw_timerfd_open, tw_timerfd, tw_close_fd },
	{ "timerfd MONOTONIC", CLOCK_MONOTONIC, CLOCK_MONOTONIC, 0, 1,
	  tw_timerfd_open, tw_timerfd, tw_close_fd },
	{ "timerfd BOOTTIME", CLOCK_BOOTTIME, CLOCK_BOOTTIME, 0, 1,
	  tw_timerfd_open, tw_timerfd, tw_close_fd },
	{ "timerfd BOOTTIME_ALARM", CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM, TW_ALARM, 1,
	  tw_timerfd_open, tw_timerfd, tw_close_fd },

	{ "timer absolute REALTIME", CLOCK_REALTIME, CLOCK_REALTIME, TW_ABS, 1,
	  tw_timer_open, tw_timer, tw_timer_close },
	{ "timer absolute TAI", CLOCK_TAI, CLOCK_TAI, TW_ABS, 1,
	  tw_timer_open, tw_timer, tw_timer_close },
	{ "timer absolute MONOTONIC", CLOCK_MONOTONIC, CLOCK_MONOTONIC, TW_ABS, 1,
	  tw_timer_open, tw_timer, tw_timer_close },
	{ "timer absolute BOOTTIME", CLOCK_BOOTTIME, CLOCK_BOOTTIME, TW_ABS, 1,
	  tw_timer_open, tw_timer, tw_timer_close },
	{ "timer absolute REALTIME_ALARM", CLOCK_REALTIME, CLOCK_REALTIME_ALARM,
	  TW_ABS | TW_ALARM, 1, tw_timer_open, tw_timer, tw_timer_close },
	{ "timer absolute BOOTTIME_ALARM", CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM,
	  TW_ABS | TW_ALARM, 1, tw_timer_open, tw_timer, tw_timer_close },
	{ "timer REALTIME", CLOCK_MONOTONIC, CLOCK_REALTIME, 0, 1,
	  tw_timer_open, tw_timer, tw_timer_close },
	{ "timer TAI", CLOCK_TAI, CLOCK_TAI, 0, 1, tw_timer_open, tw_timer, tw_timer_close },
	{ "timer MONOTONIC", CLOCK_MONOTONIC, CLOCK_MONOTONIC, 0, 1,
	  tw_timer_open, tw_timer, tw_timer_close },
	{ "timer BOOTTIME", CLOCK_BOOTTIME, CLOCK_BOOTTIME, 0, 1,
	  tw_timer_open, tw_timer, tw_timer_close },
	{ "timer BOOTTIME_ALARM", CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM, TW_ALARM, 1,
	  tw_timer_open, tw_timer, tw_timer_close },

	{ "setitimer", CLOCK_MONOTONIC, 0, TW_ONE, TK_USEC, NULL, tw_itimer, NULL },

	{ "futex wait", CLOCK_MONOTONIC, FUTEX_WAIT, 0, 1, NULL, tw_futex, NULL },
	{ "futex bitset MONOTONIC", CLOCK_MONOTONIC, FUTEX_WAIT_BITSET, TW_ABS, 1,
	  NULL, tw_futex, NULL },
	{ "futex bitset REALTIME", CLOCK_REALTIME, FUTEX_WAIT_BITSET | TW_FUTEX_REALTIME, TW_ABS,
	  1, NULL, tw_futex, NULL },
	{ "futex requeue_pi MONOTONIC", CLOCK_MONOTONIC, FUTEX_WAIT_REQUEUE_PI, TW_ABS, 1,
	  NULL, tw_futex, NULL },
	{ "futex requeue_pi REALTIME", CLOCK_REALTIME,
	  FUTEX_WAIT_REQUEUE_PI | TW_FUTEX_REALTIME, TW_ABS, 1, NULL, tw_futex, NULL },
	{ "futex lock_pi", CLOCK_REALTIME, FUTEX_LOCK_PI, TW_ABS, 1,
	  tw_futex_pi_open, tw_futex_pi, NULL },
	{ "futex lock_pi2 MONOTONIC", CLOCK_MONOTONIC, FUTEX_LOCK_PI2, TW_ABS, 1,
	  tw_futex_pi_open, tw_futex_pi, NULL },
	{ "futex lock_pi2 REALTIME", CLOCK_REALTIME, FUTEX_LOCK_PI2 | TW_FUTEX_REALTIME, TW_ABS,
	  1, tw_futex_pi_open, tw_futex_pi, NULL },
	{ "futex waitv MONOTONIC", CLOCK_MONOTONIC, CLOCK_MONOTONIC, TW_ABS, 1,
	  NULL, tw_futex_waitv, NULL },
	{ "futex waitv REALTIME", CLOCK_REALTIME, CLOCK_REALTIME, TW_ABS, 1,
	  NULL, tw_futex_waitv, NULL },
	{ "futex_wait MONOTONIC", CLOCK_MONOTONIC, CLOCK_MONOTONIC, TW_ABS, 1,
	  NULL, tw_futex_wait2, NULL },
	{ "futex_wait REALTIME", CLOCK_REALTIME, CLOCK_REALTIME, TW_ABS, 1,
	  NULL, tw_futex_wait2, NULL },

	{ "mq_timedreceive", CLOCK_REALTIME, 0, TW_ABS, 1, tw_mq_open, tw_mq, tw_close_fd },
	{ "mq_timedsend", CLOCK_REALTIME, 1, TW_ABS, 1, tw_mq_open, tw_mq, tw_close_fd },
	{ "semtimedop", CLOCK_MONOTONIC, 0, 0, 1, tw_sem_open, tw_sem, tw_sem_close },
	{ "sigtimedwait", CLOCK_MONOTONIC, 0, 0, 1, NULL, tw_sigtimedwait, NULL },

	{ "poll", CLOCK_MONOTONIC, 0, TW_SLACK, TK_MSEC, tw_pipe_open, tw_poll, tw_close_fd },
	{ "ppoll", CLOCK_MONOTONIC, 0, TW_SLACK, 1, tw_pipe_open, tw_ppoll, tw_close_fd },
	{ "select", CLOCK_MONOTONIC, 0, TW_SLACK, TK_USEC, NULL, tw_select, NULL },
	{ "pselect", CLOCK_MONOTONIC, 0, TW_SLACK, 1, NULL, tw_pselect6, NULL },
	{ "epoll_wait", CLOCK_MONOTONIC, 0, TW_SLACK, TK_MSEC, tw_epoll_open, tw_epoll_wait,
	  tw_close_fd },
	{ "epoll_pwait2", CLOCK_MONOTONIC, 0, TW_SLACK, 1, tw_epoll_open, tw_epoll_pwait2,
	  tw_close_fd },
	{ "recvmmsg", CLOCK_MONOTONIC, 0, TW_COARSE, 1, tw_sock_open, tw_recvmmsg, tw_close_fd },
	{ "SO_RCVTIMEO", CLOCK_MONOTONIC, 0, TW_JIFFIES, TK_USEC, tw_sock_open, tw_rcvtimeo,
	  tw_close_fd },
	{ "io_getevents", CLOCK_MONOTONIC, 0, 0, 1, tw_aio_open, tw_aio, tw_aio_close },
	{ "io_pgetevents", CLOCK_MONOTONIC, 0, 0, 1, tw_aio_open, tw_aio_p, tw_aio_close },

	{ "io_uring timeout", CLOCK_MONOTONIC, 0, 0, 1, tw_uring_open, tw_uring, tw_uring_close },
	{ "io_uring timeout BOOTTIME", CLOCK_BOOTTIME, IORING_TIMEOUT_BOOTTIME, 0, 1,
	  tw_uring_open, tw_uring, tw_uring_close },
	{ "io_uring timeout REALTIME", CLOCK_MONOTONIC, IORING_TIMEOUT_REALTIME, 0, 1,
	  tw_uring_open, tw_uring, tw_uring_close },
	{ "io_uring timeout absolute MONOTONIC", CLOCK_MONOTONIC, 0, TW_ABS, 1,
	  tw_uring_open, tw_uring, tw_uring_close },
	{ "io_uring timeout absolute BOOTTIME", CLOCK_BOOTTIME, IORING_TIMEOUT_BOOTTIME, TW_ABS, 1,
	  tw_uring_open, tw_uring, tw_uring_close },
	{ "io_uring timeout absolute REALTIME", CLOCK_REALTIME, IORING_TIMEOUT_REALTIME, TW_ABS, 1,
	  tw_uring_open, tw_uring, tw_uring_close },
	{ "io_uring multishot", CLOCK_MONOTONIC, 0, TW_TWICE, 2, tw_uring_open, tw_uring_multishot,
	  tw_uring_close },
	{ "io_uring multishot BOOTTIME", CLOCK_BOOTTIME, IORING_TIMEOUT_BOOTTIME, TW_TWICE, 2,
	  tw_uring_open, tw_uring_multishot, tw_uring_close },
	{ "io_uring linked", CLOCK_MONOTONIC, 0, 0, 1, tw_uring_open, tw_uring_link,
	  tw_uring_close },
	{ "io_uring linked absolute REALTIME", CLOCK_REALTIME, IORING_TIMEOUT_REALTIME, TW_ABS, 1,
	  tw_uring_open, tw_uring_link, tw_uring_close },
	{ "io_uring updated", CLOCK_MONOTONIC, 0, 0, 1, tw_uring_open, tw_uring_update,
	  tw_uring_close },
	{ "io_uring updated absolute REALTIME", CLOCK_REALTIME, IORING_TIMEOUT_REALTIME, TW_ABS, 1,
	  tw_uring_open, tw_uring_update, tw_uring_close },
	{ "io_uring linked updated absolute BOOTTIME", CLOCK_BOOTTIME,
	  IORING_TIMEOUT_BOOTTIME | IORING_LINK_TIMEOUT_UPDATE, TW_ABS, 1,
	  tw_uring_open, tw_uring_update, tw_uring_close },
	{ "io_uring_enter", CLOCK_MONOTONIC, CLOCK_MONOTONIC, 0, 1,
	  tw_uring_open, tw_uring_enter, tw_uring_close },
	{ "io_uring_enter absolute MONOTONIC", CLOCK_MONOTONIC, CLOCK_MONOTONIC, TW_ABS, 1,
	  tw_uring_open, tw_uring_enter, tw_uring_close },
	{ "io_uring_enter absolute BOOTTIME", CLOCK_BOOTTIME, CLOCK_BOOTTIME, TW_ABS, 1,
	  tw_uring_open, tw_uring_enter, tw_uring_close },
	{ "io_uring_enter min_wait", CLOCK_MONOTONIC, 0, TW_PARTIAL, TK_USEC,
	  tw_uring_open, tw_uring_min, tw_uring_close },
};

#define TW_KINDS TK_ARRAY(tw_kinds)

/* ------------------------------------------------------------------------- a wait */

static inline void tw_init(struct tw *w, const struct tw_kind *kind)
{
	memset(w, 0, sizeof(*w));
	w->kind = kind;
	w->fd = -1;
	w->fd2 = -1;
}

static inline int tw_open(struct tw *w)
{
	w->tid = gettid();
	/* Lateness is what the machine makes of it, and not what we allow it to be. */
	prctl(PR_SET_TIMERSLACK, 1UL);
	return w->kind->open ? w->kind->open(w) : 0;
}

static inline void tw_close(struct tw *w)
{
	if (w->kind->close)
		w->kind->close(w);
}

/* @ns: the expiry of an absolute kind, the length of another. Rounded up to the unit. */
static inline void tw_go(struct tw *w, s64 ns)
{
	const struct tw_kind *k = w->kind;

	ns = (ns + k->unit - 1) / k->unit * k->unit;
	w->raw_armed = tk_vnow(CLOCK_MONOTONIC_RAW);
	w->start = tk_vnow(k->clk);
	w->lo = tw_abs(w) ? ns : w->start + ns;
	w->raw_woken = 0;
	atomic_store(&w->state, TW_ARMED);
	w->ret = k->wait(w, ns);
	tw_woken(w);
	atomic_store(&w->state, TW_DONE);
}

/* When is it due? What is over already is so from the start. */
static inline s64 tw_due(const struct tw *w)
{
	return tk_max(w->lo, w->start);
}

/* Is the thread asleep? Then it has armed what it waits for. It may be gone by now. */
static inline bool tw_asleep(pid_t tid)
{
	char path[64], text[512], *p;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	if (access(path, R_OK))
		return false;
	tk_slurp(path, text, sizeof(text));
	p = strrchr(text, ')');
	return p && p[1] == ' ' && p[2] == 'S';
}

#endif /* TK_WAIT_H */
