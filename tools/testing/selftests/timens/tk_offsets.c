// SPDX-License-Identifier: GPL-2.0
/*
 * What a namespace with constant offsets is owed, on any kernel with time namespaces: nobody
 * owns a clock here, and CONFIG_TIMEKEEPER_NS may be off.
 *
 *	host |--------x-----------------> CLOCK_MONOTONIC, CLOCK_BOOTTIME
 *	ahead         |-- 10, 20 days --> x
 *	behind    x <-|			  a second, so that the boot lies before zero
 *
 * An absolute time which is given is one of the clock which the task reads: taken for the
 * host's it is over at once behind, and comes after days ahead. A time which is told is one
 * of that clock as well.
 *
 *	waits		every kind of lib/waits.h, all at once: not early, and at all
 *	transmit times	SO_TXTIME through FQ; what a queueing discipline refuses
 *	start times	of a process which is older than the namespace's zero
 */
#include "lib/tk.h"
#include "lib/waits.h"
#include "tk_net_path.h"

#include <linux/net_tstamp.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

FIXTURE(offsets)
{
	int ns;
};

FIXTURE_VARIANT(offsets)
{
	const char *offsets;
	s64 monotonic;
};

FIXTURE_VARIANT_ADD(offsets, ahead)
{
	.offsets = "monotonic 864000 0\nboottime 1728000 0\n",
	.monotonic = 864000 * TK_SEC,
};

FIXTURE_VARIANT_ADD(offsets, behind)
{
	.offsets = "monotonic -1 0\nboottime -1 0\n",
	.monotonic = -TK_SEC,
};

FIXTURE_SETUP(offsets)
{
	/* No clock is set here, so that of the machine is in no danger */
	ASSERT_EQ(0, setenv("TK_ON_ANY_KERNEL", "1", 1));
	ASSERT_EQ(0, tk_setup());
	/* No clock may be below zero */
	while (tk_now(CLOCK_MONOTONIC) <= TK_SEC)
		tk_sleep(TK_SEC / 10);
	self->ns = tk_ns_new_offsets(variant->offsets);
}

FIXTURE_TEARDOWN(offsets)
{
	EXPECT_EQ(0, tk_teardown());
}

/* ------------------------------------------------------------------------ waits */

/* The first of them ends so late that all are armed by then, mostly; it does not matter */
#define SOON (200 * TK_MSEC)
#define APART (2 * TK_MSEC)

static struct row {
	struct tw w;
	pthread_t thread;
	unsigned int number;
	bool absent;
} rows[TW_KINDS];

static void *wait_once(void *arg)
{
	struct row *r = arg;
	s64 in = SOON + r->number * APART;
	int ret = tw_open(&r->w);

	REQUIRE(!ret, "%s: %s", r->w.kind->name, strerror(-ret));
	tw_go(&r->w, tw_abs(&r->w) ? tk_vnow(r->w.kind->clk) + in : in);
	tw_close(&r->w);
	return NULL;
}

/* A process of its own, single until it is in the namespace, which ends whatever still waits */
static int wait_in_every_way(void *arg)
{
	s64 give_up, probe;
	size_t i, left;

	tk_enter(*(int *)arg);
	tw_block_signals();
	for (i = 0; i < TW_KINDS; i++) {
		struct row *r = &rows[i];

		tw_init(&r->w, &tw_kinds[i]);
		r->number = i;
		/* Without an RTC these clocks do not exist */
		r->absent = (tw_kinds[i].flags & TW_ALARM) &&
			    tk_gettime(TK_SYS, CLOCK_BOOTTIME_ALARM, &probe);
		if (r->absent)
			continue;
		REQUIRE(!pthread_create(&r->thread, NULL, wait_once, r), "pthread_create: %m");
	}
	give_up = tk_give_up();
	do {
		tk_sleep(5 * TK_MSEC);
		for (left = 0, i = 0; i < TW_KINDS; i++)
			left += !rows[i].absent && atomic_load(&rows[i].w.state) != TW_DONE;
	} while (left && tk_vnow(CLOCK_MONOTONIC_RAW) < give_up);
	for (i = 0; i < TW_KINDS; i++) {
		const struct row *r = &rows[i];
		const struct tw *w = &r->w;

		if (r->absent)
			continue;
		if (!CHECK(atomic_load(&w->state) == TW_DONE, "%s: never ends", w->kind->name))
			continue;
		CHECK(!w->ret, "%s: %d, %s", w->kind->name, w->ret,
		      w->ret < 0 ? strerror(-w->ret) : "not a timeout");
		/* Where ticks come late jiffies are behind the clock, on the host as well. */
		if ((w->kind->flags & TW_JIFFIES) && !tk_exact())
			continue;
		CHECK(w->woken >= w->lo, "%s: %" PRId64 " ns early", w->kind->name,
		      w->lo - w->woken);
	}
	return 0;
}

TEST_F(offsets, no_wait_is_early_or_lost)
{
	RUN(wait_in_every_way, &self->ns);
}

/* --------------------------------------------------------------- transmit times */

static void use_txtime(const struct path *p)
{
	struct sock_txtime tx = {
		.clockid = CLOCK_MONOTONIC, .flags = SOF_TXTIME_REPORT_ERRORS,
	};

	REQUIRE(!setsockopt(p->tx, SOL_SOCKET, SO_TXTIME, &tx, sizeof(tx)), "SO_TXTIME: %m");
}

TEST_F(offsets, packets_leave_in_time)
{
	struct path p;
	int kind, n;

	own_network();
	set_qdisc("fq", NULL, 0);
	for (kind = 0; kind < TCP4; kind++) {
		path_open(&p, kind);
		use_txtime(&p);
		tk_enter(self->ns);
		for (n = 0; n < 3; n++) {
			s64 at = tk_now(CLOCK_MONOTONIC) + (10 + 50 * n) * TK_MSEC, now;

			REQUIRE(!path_send(&p, at), "send: %m");
			if (!CHECK(wait_for(p.rx, POLLIN), "%s: did not come", kind_name[kind]))
				break;
			path_receive(&p);
			now = tk_now(CLOCK_MONOTONIC);
			CHECK(now >= at, "%s: %" PRId64 " ns early", kind_name[kind], at - now);
		}
		tk_leave();
		path_close(&p);
	}
}

/*
 * FQ lets a packet go at once when its time is over, also if that was at the host's zero, which
 * stands for no time, or before it
 */
TEST_F(offsets, packets_of_the_past_leave_at_once)
{
	struct path p;
	size_t i;

	own_network();
	set_qdisc("fq", NULL, 0);
	path_open(&p, UDP4);
	use_txtime(&p);
	tk_enter(self->ns);
	{
		const s64 now = tk_now(CLOCK_MONOTONIC);
		const s64 past[] = { 1, tk_max(variant->monotonic, 1), now - TK_MSEC, now };

		for (i = 0; i < TK_ARRAY(past); i++) {
			REQUIRE(!path_send(&p, past[i]), "send: %m");
			if (CHECK(wait_for(p.rx, POLLIN), "of %" PRId64 ": did not come", past[i]))
				path_receive(&p);
		}
	}
	tk_leave();
	path_close(&p);
}

/* ETF takes CLOCK_TAI alone. What it refuses is reported with the time which the sender gave. */
TEST_F(offsets, what_is_refused_is_told_as_it_was_given)
{
	struct {
		struct rtattr a;
		struct tc_etf_qopt q;
	} opt = {
		.a.rta_type = TCA_ETF_PARMS,
		.a.rta_len = sizeof(opt),
		.q.delta = 100 * TK_MSEC,
		.q.clockid = CLOCK_TAI,
	};
	struct told told;
	struct path p;
	int kind;

	own_network();
	set_qdisc("etf", &opt, sizeof(opt));
	for (kind = 0; kind < TCP4; kind++) {
		s64 at, told_at;

		path_open(&p, kind);
		use_txtime(&p);
		tk_enter(self->ns);
		at = tk_now(CLOCK_MONOTONIC) + TK_SEC;
		path_send(&p, at);
		if (CHECK(wait_for(p.tx, 0), "%s: no report", kind_name[kind]) &&
		    CHECK(!receive(p.tx, MSG_ERRQUEUE, &told), "error queue: %m")) {
			told_at = (u64)told.ee.ee_data << 32 | told.ee.ee_info;
			CHECK(told.error && told.ee.ee_origin == SO_EE_ORIGIN_TXTIME &&
			      told.ee.ee_code == SO_EE_CODE_TXTIME_INVALID_PARAM,
			      "origin %u, code %u", told.ee.ee_origin, told.ee.ee_code);
			/* A follower's clock is projected there and back */
			CHECK(llabs(told_at - at) <= TK_USEC, "%s: gave %" PRId64 ", told %"
			      PRId64 " more", kind_name[kind], at, told_at - at);
		}
		tk_leave();
		path_close(&p);
	}
}

/* ------------------------------------------------------------------ start times */

TEST_F(offsets, nobody_starts_in_the_future)
{
	static const pid_t pids[] = { 1, 2 };
	long hz = sysconf(_SC_CLK_TCK);
	size_t i;

	tk_enter(self->ns);
	for (i = 0; i < TK_ARRAY(pids); i++) {
		s64 start = tk_start_time(pids[i]);
		s64 now = tk_floor_div(tk_now(CLOCK_BOOTTIME), TK_SEC / hz);

		CHECK(start >= 0 && start <= now, "process %d started at %" PRId64
		      " of %" PRId64 " ticks", pids[i], start, now);
	}
	tk_leave();
}

TEST_HARNESS_MAIN
