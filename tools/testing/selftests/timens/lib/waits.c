// SPDX-License-Identifier: GPL-2.0
/*
 * A wait: opening, going, and what came out.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"
#include "file.h"
#include "wait_kinds.h"

void tw_woken(struct tw *w)
{
	if (w->raw_woken)
		return;
	w->woken = tk_now(w->kind->clk);
	w->raw_woken = tk_vnow(CLOCK_MONOTONIC_RAW);
}

void tw_block_signals(void)
{
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, SIGSEGV);
	sigdelset(&set, SIGBUS);
	sigdelset(&set, SIGTERM);
	sigdelset(&set, SIGINT);
	REQUIRE(!sigprocmask(SIG_BLOCK, &set, NULL), "sigprocmask: %m");
}

void tw_close_fd(struct tw *w)
{
	if (w->fd >= 0)
		close(w->fd);
	if (w->fd2 >= 0)
		close(w->fd2);
}

int tw_timed_out(int ret, int want)
{
	return ret == want ? 0 : ret < 0 ? ret : -EPROTO;
}

void tw_init(struct tw *w, const struct tw_kind *kind)
{
	memset(w, 0, sizeof(*w));
	w->kind = kind;
	w->fd = -1;
	w->fd2 = -1;
}

int tw_open(struct tw *w)
{
	w->tid = gettid();
	/* Lateness is what the machine makes of it, and not what we allow it to be. */
	prctl(PR_SET_TIMERSLACK, 1UL);
	return w->kind->open ? w->kind->open(w) : 0;
}

void tw_must_open(struct tw *w)
{
	int ret = tw_open(w);

	REQUIRE(!ret, "%s: %s", w->kind->name, strerror(-ret));
}

void tw_close(struct tw *w)
{
	if (w->kind->close)
		w->kind->close(w);
}

void tw_go(struct tw *w, s64 ns)
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

s64 tw_from_now(const struct tw *w, s64 ns)
{
	return tw_abs(w) ? tk_vnow(w->kind->clk) + ns : ns;
}

void tw_once(const struct tw_kind *kind, s64 ns)
{
	struct tw w;

	tw_init(&w, kind);
	tw_must_open(&w);
	tw_go(&w, tw_from_now(&w, ns));
	CHECK(!w.ret, "%s: %s", kind->name, strerror(-w.ret));
	CHECK(w.woken >= w.lo, "%s: %" PRId64 " ns early on clock %d", kind->name,
	      w.lo - w.woken, kind->clk);
	tw_close(&w);
}

void tw_in_thread(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;
	int ret;

	tw_block_signals();
	ret = pthread_create(&thread, NULL, fn, arg);
	REQUIRE(!ret, "pthread_create: %s", strerror(ret));
	pthread_join(thread, NULL);
}

s64 tw_due(const struct tw *w)
{
	return tk_max(w->lo, w->start);
}

bool tw_asleep(pid_t tid)
{
	char path[64], text[512], *p;

	/* Who was awake a moment ago may be done and gone now. */
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	if (tk_try_slurp(path, text, sizeof(text)) < 0)
		return false;
	p = strrchr(text, ')');
	return p && p[1] == ' ' && p[2] == 'S';
}
