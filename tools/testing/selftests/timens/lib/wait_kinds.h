/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The functions of each kind of wait, for the table (wait_table.c). Used inside of the
 * library alone.
 */
#ifndef TK_WAIT_KINDS_H
#define TK_WAIT_KINDS_H

#include <linux/futex.h>

#include "waits.h"

#define TW_FUTEX_REALTIME FUTEX_CLOCK_REALTIME

/*
 * waits.c: what they share
 */
/* The clock by the system call: it is the kernel that must not be early by its own clock. */
void tw_woken(struct tw *w);

/* Closes both descriptors, if they are open. */
void tw_close_fd(struct tw *w);

/* 0 if the call returned @want, which says that the time ran out */
int tw_timed_out(int ret, int want);

/* wait_timers.c */
int tw_clock_nanosleep(struct tw *w, s64 ns);
int tw_nanosleep(struct tw *w, s64 ns);
int tw_timerfd_open(struct tw *w);
int tw_timerfd(struct tw *w, s64 ns);
int tw_timer_open(struct tw *w);
int tw_timer(struct tw *w, s64 ns);
void tw_timer_close(struct tw *w);
int tw_itimer(struct tw *w, s64 ns);

/* wait_calls.c */
int tw_futex(struct tw *w, s64 ns);
int tw_futex_pi_open(struct tw *w);
int tw_futex_pi(struct tw *w, s64 ns);
int tw_futex_waitv(struct tw *w, s64 ns);
int tw_futex_wait2(struct tw *w, s64 ns);
int tw_mq_open(struct tw *w);
int tw_mq(struct tw *w, s64 ns);
int tw_sem_open(struct tw *w);
int tw_sem(struct tw *w, s64 ns);
void tw_sem_close(struct tw *w);
int tw_pipe_open(struct tw *w);
int tw_poll(struct tw *w, s64 ns);
int tw_ppoll(struct tw *w, s64 ns);
int tw_select(struct tw *w, s64 ns);
int tw_pselect6(struct tw *w, s64 ns);
int tw_epoll_open(struct tw *w);
int tw_epoll_wait(struct tw *w, s64 ns);
int tw_epoll_pwait2(struct tw *w, s64 ns);
int tw_sigtimedwait(struct tw *w, s64 ns);
int tw_sock_open(struct tw *w);
int tw_rcvtimeo(struct tw *w, s64 ns);
int tw_mmsg_open(struct tw *w);
int tw_recvmmsg(struct tw *w, s64 ns);
void tw_mmsg_close(struct tw *w);
int tw_aio_open(struct tw *w);
int tw_aio(struct tw *w, s64 ns);
int tw_aio_p(struct tw *w, s64 ns);
void tw_aio_close(struct tw *w);

/* wait_uring.c */
int tw_uring_open(struct tw *w);
int tw_uring(struct tw *w, s64 ns);
int tw_uring_multishot(struct tw *w, s64 ns);
int tw_uring_link(struct tw *w, s64 ns);
int tw_uring_update(struct tw *w, s64 ns);
int tw_uring_enter(struct tw *w, s64 ns);
int tw_uring_min(struct tw *w, s64 ns);

#endif /* TK_WAIT_KINDS_H */
