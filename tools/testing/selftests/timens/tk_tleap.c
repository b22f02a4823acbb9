// SPDX-License-Identifier: GPL-2.0
/*
 * Absolute timers which are armed right after a leap second.
 *
 * A kernel which keeps the offsets of the clocks from before the leap takes an expiry a
 * tenth of a second ahead for one that is 1.1 s ahead, or over:
 *
 *	insert	REALTIME  -----------59.9-59.0--------E-----
 *				      leap ^ armed    ^ 100 ms later, neither now nor
 *							at the E of the second before
 *
 * Beside each of them there is a timer on MONOTONIC, armed afterwards for half a second:
 * when that one fires, the other one has to have fired, however slow the machine is.
 * So that is asserted everywhere, and not only where lateness can be measured.
 *
 *	poll:	REALTIME -100 ms-> fires
 *		MONOTONIC -----500 ms-----> fires; the first is there already
 */
#include "lib/leap.h"
#include "lib/tk.h"
#include "lib/waits.h"

#define AHEAD (100 * TK_MSEC)
#define CONTROL (500 * TK_MSEC)

FIXTURE(trap)
{
	struct tk_guard guard;
	int ns;
};

FIXTURE_VARIANT(trap)
{
	enum { HOST, FOLLOW, OWN } where;
	bool insert;
};

FIXTURE_VARIANT_ADD(trap, host_insert)
{
	.where = HOST,
	.insert = true,
};

FIXTURE_VARIANT_ADD(trap, host_delete)
{
	.where = HOST,
	.insert = false,
};

FIXTURE_VARIANT_ADD(trap, follow_insert)
{
	.where = FOLLOW,
	.insert = true,
};

FIXTURE_VARIANT_ADD(trap, follow_delete)
{
	.where = FOLLOW,
	.insert = false,
};

FIXTURE_VARIANT_ADD(trap, own_insert)
{
	.where = OWN,
	.insert = true,
};

FIXTURE_VARIANT_ADD(trap, own_delete)
{
	.where = OWN,
	.insert = false,
};

FIXTURE_SETUP(trap)
{
	ASSERT_EQ(0, variant->where == OWN ? tk_setup() : tk_setup_watch(false, 0));
	if (variant->where != OWN)
		tk_guard_start(&self->guard);
	self->ns = tk_host_fd;
	if (variant->where == OWN)
		self->ns = tk_ns_own(TK_YEAR * TK_SEC);
	else if (variant->where == FOLLOW)
		self->ns = tk_ns_new_offsets("monotonic 864000 0\nboottime 1728000 0\n");
}

FIXTURE_TEARDOWN(trap)
{
	tk_leave();
	if (variant->where != OWN)
		tk_guard_stop(&self->guard);
	EXPECT_EQ(0, tk_teardown());
}

/* What is asleep beside the descriptors, and has to be up before the control fires */
struct nap {
	struct tw w;
	pthread_t thread;
	s64 at;
};

static void *nap(void *arg)
{
	struct nap *n = arg;

	tw_open(&n->w);
	tw_go(&n->w, n->at);
	tw_close(&n->w);
	return NULL;
}

static s64 tai_ahead(void)
{
	return tk_vnow(CLOCK_TAI) - tk_vnow(CLOCK_REALTIME);
}

static int in_the_namespace(void *arg)
{
	static const char *const name[] = {
		"clock_nanosleep absolute REALTIME", "timer absolute REALTIME",
		"futex bitset REALTIME", "futex lock_pi", "mq_timedreceive",
		"io_uring timeout absolute REALTIME",
	};
	static const int clk[] = { CLOCK_REALTIME, CLOCK_REALTIME_ALARM };
	static struct nap naps[TK_ARRAY(name)];
	struct tk_ts control;
	int fd[TK_ARRAY(clk)];
	s64 at, armed, now, probe;
	size_t i, k;
	u64 n;

	(void)arg;
	tw_block_signals();
	for (i = 0; i < TK_ARRAY(clk); i++) {
		fd[i] = -1;
		if (tk_gettime(TK_SYS, clk[i], &probe))
			continue;
		fd[i] = timerfd_create(clk[i], TFD_CLOEXEC | TFD_NONBLOCK);
		REQUIRE(fd[i] >= 0, "timerfd_create(%d): %m", clk[i]);
	}
	at = tk_vnow(CLOCK_REALTIME) + AHEAD;
	armed = tk_vnow(CLOCK_TAI);
	for (i = 0; i < TK_ARRAY(clk); i++)
		if (fd[i] >= 0)
			CHECK(!tw_timerfd_arm(fd[i], TFD_TIMER_ABSTIME, at, 0),
			      "timerfd_settime: %m");
	for (i = 0; i < TK_ARRAY(name); i++) {
		for (k = 0; strcmp(tw_kinds[k].name, name[i]); k++)
			;
		tw_init(&naps[i].w, &tw_kinds[k]);
		naps[i].at = at;
		CHECK(!pthread_create(&naps[i].thread, NULL, nap, &naps[i]), "pthread_create: %m");
	}
	/* From a tenth before: nothing has fired that is early, as that one reads the clock. */
	for (now = 0; now < at - 5 * TK_MSEC; now = tk_now(CLOCK_REALTIME)) {
		for (i = 0; i < TK_ARRAY(clk); i++) {
			if (fd[i] < 0 || read(fd[i], &n, sizeof(n)) != sizeof(n))
				continue;
			now = tk_now(CLOCK_REALTIME);
			CHECK(now >= at, "clock %d fired %" PRId64 " ns early", clk[i], at - now);
			close(fd[i]);
			fd[i] = -1;
		}
		tk_sleep(TK_MSEC);
	}
	/* The last of it, on a clock that does not leap */
	control = tw_ts(tk_vnow(CLOCK_MONOTONIC) + CONTROL);
	while (TK_RET(syscall(TK_NR_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &control, NULL)))
		;
	for (i = 0; i < TK_ARRAY(clk); i++) {
		struct pollfd p = { .fd = fd[i], .events = POLLIN };

		/*
		 * The control has fired, but that may have been another CPU. Only where time
		 * is counted in instructions a second too late can be told from that.
		 */
		if (fd[i] >= 0 && !tk_exact())
			poll(&p, 1, tk_patience_ms());
		CHECK(fd[i] < 0 || read(fd[i], &n, sizeof(n)) == sizeof(n),
		      "clock %d: armed for %lld ms ahead, after %lld it has not fired", clk[i],
		      AHEAD / TK_MSEC, (tk_now(CLOCK_TAI) - armed) / TK_MSEC);
	}
	for (i = 0; i < TK_ARRAY(name); i++) {
		struct tw *w = &naps[i].w;

		pthread_join(naps[i].thread, NULL);
		CHECK(!w->ret, "%s: %d, %s", name[i], w->ret, strerror(-w->ret));
		CHECK(w->woken >= w->lo, "%s: %" PRId64 " ns early", name[i], w->lo - w->woken);
		/* One that is a second late is so by anybody's measure; nobody else is busy. */
		if (tk_exact())
			CHECK(w->woken - w->lo < 2 * TK_MSEC, "%s: %" PRId64 " ns late", name[i],
			      w->woken - w->lo);
	}
	return 0;
}

TEST_F(trap, right_after_the_leap)
{
	s64 before, give_up;

	/* The one whose clock it is */
	if (variant->where == OWN)
		tk_enter(self->ns);
	tk_leap_now(variant->insert);
	if (variant->where == FOLLOW)
		tk_enter(self->ns);
	before = tai_ahead();
	give_up = tk_give_up();
	/* No sleep: it is the first instant that is dangerous. */
	while (llabs(tai_ahead() - before) < TK_SEC / 2)
		REQUIRE(tk_vnow(CLOCK_MONOTONIC_RAW) < give_up, "the leap second did not come");
	in_the_namespace(NULL);
}

TEST_HARNESS_MAIN
