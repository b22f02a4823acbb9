// SPDX-License-Identifier: GPL-2.0
/*
 * Kinds of wait: sleeps, timerfd, POSIX timers, the interval timer.
 */
#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "wait_kinds.h"

#ifdef __x86_64__
#define TW_NR_timerfd_settime SYS_timerfd_settime
#define TW_NR_timerfd_gettime SYS_timerfd_gettime
#define TW_NR_timer_settime SYS_timer_settime
#define TW_NR_timer_gettime SYS_timer_gettime
#else
#define TW_NR_timerfd_settime SYS_timerfd_settime64
#define TW_NR_timerfd_gettime SYS_timerfd_gettime64
#define TW_NR_timer_settime SYS_timer_settime64
#define TW_NR_timer_gettime SYS_timer_gettime64
#endif

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

int tw_clock_nanosleep(struct tw *w, s64 ns)
{
	struct tk_ts ts = tw_ts(ns);

	return TK_RET(syscall(TK_NR_nanosleep, w->kind->arg, tw_abs(w) ? TIMER_ABSTIME : 0, &ts,
			      NULL));
}

int tw_nanosleep(struct tw *w, s64 ns)
{
	struct timespec ts = { ns / TK_SEC, ns % TK_SEC };

	(void)w;
	return TK_RET(syscall(SYS_nanosleep, &ts, NULL));
}

int tw_timerfd_open(struct tw *w)
{
	w->fd = timerfd_create(w->kind->arg, TFD_CLOEXEC);
	return w->fd < 0 ? -errno : 0;
}

int tw_timerfd_arm(int fd, int flags, s64 ns, s64 interval)
{
	struct tk_its its = { tw_ts(interval), tw_ts(ns) };

	return TK_RET(syscall(TW_NR_timerfd_settime, fd, flags, &its, NULL));
}

s64 tw_timerfd_left(int fd)
{
	struct tk_its its;

	if (syscall(TW_NR_timerfd_gettime, fd, &its))
		return -errno;
	return tw_its_ns(&its.value);
}

int tw_timerfd(struct tw *w, s64 ns)
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

int tw_timer_open(struct tw *w)
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

int tw_timer_arm(int id, int flags, s64 ns, s64 interval)
{
	struct tk_its its = { tw_ts(interval), tw_ts(ns) };

	return TK_RET(syscall(TW_NR_timer_settime, id, flags, &its, NULL));
}

s64 tw_timer_left(int id)
{
	struct tk_its its;

	if (syscall(TW_NR_timer_gettime, id, &its))
		return -errno;
	return tw_its_ns(&its.value);
}

int tw_wait_signal(int sig, siginfo_t *info)
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

int tw_timer(struct tw *w, s64 ns)
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

void tw_timer_close(struct tw *w)
{
	syscall(SYS_timer_delete, w->sig);
}

int tw_itimer(struct tw *w, s64 ns)
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
