// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of publication (timens_page.c)
 */
#include "timens_mock.h"

/*
 * The page
 */

/*
 * The coarse clocks and time() as the vDSO computes them, if it does that with the page
 * of an owner alone: at a counter value, which is that of the host's last tick
 */
static void tkt_same_coarse(struct tkt_world *w, struct tkt_actor *a, u64 cycles)
{
	const struct vdso_data *vd = a->page;
	const struct vdso_timestamp *slot = &vd->basetime[VDSO_NS_COARSE_SLOT];
	u64 delta = cycles - vd->cycle_last, ns, seconds = 0;
	s64 real;

	if (delta >= slot->sec) {
		if ((s64)delta >= 0 || !slot->sec)
			return;
		delta = 0;
	}
	real = tkt_read_at(w, a->tn, CLOCK_REALTIME, cycles);
	ns = (delta * vd->mult + vd->basetime[CLOCK_REALTIME].nsec) >> vd->shift;
	KUNIT_ASSERT_EQ(w->test, (s64)vd->basetime[CLOCK_REALTIME].sec * NSEC_PER_SEC + (s64)ns,
			real);
	ns = (delta * vd->mult + vd->basetime[CLOCK_MONOTONIC].nsec) >> vd->shift;
	KUNIT_ASSERT_EQ(w->test, (s64)vd->basetime[CLOCK_MONOTONIC].sec * NSEC_PER_SEC + (s64)ns,
			tkt_read_at(w, a->tn, CLOCK_MONOTONIC, cycles));

	for (ns = delta * vd->mult + vd->basetime[CLOCK_REALTIME].nsec; ns >= slot->nsec; seconds++)
		ns -= slot->nsec;
	KUNIT_ASSERT_EQ(w->test, (s64)(vd->basetime[CLOCK_REALTIME].sec + seconds),
			div_s64(real, NSEC_PER_SEC));
}

/* All clocks of the page are those which the kernel reads */
static void tkt_same_page(struct tkt_world *w, struct tkt_actor *a, u64 cycles)
{
	static const clockid_t clocks[] = {
		CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
	};
	const struct vdso_data *vd = a->page;
	unsigned int i;
	s64 ns;

	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		/* Where the line ends, the page is read no further */
		if (clocks[i] != CLOCK_MONOTONIC_RAW && (s64)(cycles - vd->cycle_last) >= 0 &&
		    cycles - vd->cycle_last > vd->max_cycles)
			continue;
		KUNIT_ASSERT_TRUE(w->test, tkt_read_page(vd, clocks[i], cycles, &ns));
		KUNIT_ASSERT_EQ_MSG(w->test, ns, tkt_read_at(w, a->tn, clocks[i], cycles),
				    "clock %d, %lld cycles after cycle_last", clocks[i],
				    (s64)(cycles - vd->cycle_last));
	}

	tkt_same_coarse(w, a, cycles);

	/* The plain formula, which is what do_hres() comes down to */
	if (cycles - vd->cycle_last > vd->max_cycles)
		return;
	ns = ((cycles - vd->cycle_last) * vd->mult + vd->basetime[CLOCK_TAI].nsec) >> vd->shift;
	KUNIT_ASSERT_EQ(w->test, (s64)vd->basetime[CLOCK_TAI].sec * NSEC_PER_SEC + ns,
			tkt_read_at(w, a->tn, CLOCK_TAI, cycles));
}

static void tkt_same_page_around(struct tkt_world *w, struct tkt_actor *a)
{
	const struct vdso_data *vd = a->page;
	unsigned int i;

	tkt_same_page(w, a, w->clock->now);
	for (i = 0; i < 10; i++)
		tkt_same_page(w, a, w->clock->now + tkt_random(w, 2 * w->clock->hz));
	/* Beyond a product of 64 bits, and before the last pass */
	tkt_same_page(w, a, vd->cycle_last + vd->max_cycles);
	tkt_same_page(w, a, vd->cycle_last + vd->max_cycles + 1);
	tkt_same_page(w, a, vd->cycle_last + 3600 * w->clock->hz);
	tkt_same_page(w, a, vd->cycle_last - 1);
	tkt_same_page(w, a, vd->cycle_last - w->clock->hz);
}

static void tkt_page_is(struct tkt_world *w, const struct tkt_actor *a, bool odd, int mode,
			u32 state)
{
	const struct vdso_data *vd = a->page;

	KUNIT_ASSERT_EQ_MSG(w->test, vd->seq & 1, (u32)odd, "seq %u", vd->seq);
	KUNIT_ASSERT_EQ(w->test, vd->clock_mode, mode);
	KUNIT_ASSERT_EQ(w->test, vd->ns_state, state);
	/* A mere line alone, of a counter which does not wrap, has coarse clocks */
	KUNIT_ASSERT_EQ(w->test, vd->basetime[VDSO_NS_COARSE_SLOT].sec,
			state == VDSO_NS_OWN && vd->mask == U64_MAX ? vd->max_cycles + 1 : 0);

	/* There are no leap seconds in MONOTONIC_RAW */
	if (state & VDSO_NS_EDGE)
		mode = w->clock->cs.vdso_clock_mode;
	vd = &a->page[CS_RAW];
	KUNIT_ASSERT_EQ_MSG(w->test, vd->seq & 1, (u32)(mode == VDSO_CLOCKMODE_TIMENS),
			    "raw seq %u", vd->seq);
	KUNIT_ASSERT_EQ(w->test, vd->clock_mode, mode);
	KUNIT_ASSERT_EQ(w->test, vd->ns_state, state & ~VDSO_NS_EDGE);
}

struct tkt_peek {
	struct vdso_data	vd[CS_BASES];
	unsigned int		kernel;
};

/* What a reader finds while an update is in progress */
static int tkt_op_peek(struct timekeeper_ns *tn, void *arg)
{
	struct tkt_peek *peek = arg;

	memcpy(peek->vd, tn->vdata, sizeof(peek->vd));
	peek->kernel = tn->tkd.seq.seqcount.sequence;
	return 0;
}

/* Readers are kept off during an update, and every update is noticed */
static void tkt_page_update(struct tkt_world *w, struct tkt_actor *a, const struct tk_data *host)
{
	static const struct timens_offsets none;
	u32 seq = a->page[CS_HRES_COARSE].seq, raw = a->page[CS_RAW].seq;
	struct tkt_peek *peek = kunit_kzalloc(w->test, sizeof(*peek), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(w->test, peek);
	tkt_write(a->tn, host, &none, tkt_op_peek, peek);
	for (i = 0; i < CS_BASES; i++) {
		KUNIT_EXPECT_EQ(w->test, peek->vd[i].seq & 1, 1);
		KUNIT_EXPECT_NE(w->test, peek->vd[i].clock_mode, VDSO_CLOCKMODE_TIMENS);
	}
	KUNIT_EXPECT_EQ(w->test, peek->vd[CS_HRES_COARSE].basetime[VDSO_NS_COARSE_SLOT].sec, 0);
	KUNIT_EXPECT_EQ(w->test, peek->kernel & 1, 1);
	KUNIT_EXPECT_GT(w->test, peek->vd[CS_HRES_COARSE].seq, seq);
	KUNIT_EXPECT_GT(w->test, peek->vd[CS_RAW].seq, raw);
	KUNIT_EXPECT_GE(w->test, a->page[CS_HRES_COARSE].seq, peek->vd[CS_HRES_COARSE].seq);
	KUNIT_EXPECT_GE(w->test, a->page[CS_RAW].seq, peek->vd[CS_RAW].seq);
	KUNIT_EXPECT_EQ(w->test, a->tn->tkd.seq.seqcount.sequence & 1, 0);
}

static void tkt_page(struct kunit *test)
{
	struct timespec64 real = { .tv_sec = TKT_MIDNIGHT - 20, .tv_nsec = 999999999 };
	struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
	static const int flags[] = { STA_INS, STA_DEL };
	struct timens_tk_raw raw;
	struct tkt_actor *a;
	unsigned int i, k, published;
	s64 edge, left, ns;
	u64 at, last;
	u32 seq;

	kunit_info(test, "seed %#llx", tkt_seed);
	a = tkt_actor(w, HZ, NULL);
	tkt_page_is(w, a, false, VDSO_CLOCKMODE_TSC, VDSO_NS_OWN);
	tkt_same_page_around(w, a);

	/* From own to own */
	for (i = 0; i < 50; i++) {
		KUNIT_ASSERT_GE(test, tkt_adjust(w, a, 9000 + tkt_random(w, 2001),
						 tkt_random_signed(w, 500 << 16)), 0);
		tkt_run_ns(w, tkt_random(w, NSEC_PER_SEC));
		tkt_page_update(w, a, NULL);
		tkt_page_is(w, a, false, VDSO_CLOCKMODE_TSC, VDSO_NS_OWN);
		tkt_same_page_around(w, a);
	}

	/* Both kinds of leap second, published in time and taken by the reader */
	for (k = 0; k < ARRAY_SIZE(flags); k++) {
		edge = flags[k] == STA_INS ? TKT_MIDNIGHT : TKT_MIDNIGHT - 1;
		tkt_status(w, a, 0);
		tkt_adjust(w, a, USER_TICK_USEC, 0);
		KUNIT_ASSERT_EQ(test, tkt_settime(w, a, edge - 10, 250000000), 0);
		tkt_run_ns(w, 2100 * NSEC_PER_MSEC);
		KUNIT_ASSERT_EQ(test, tkt_status(w, a, flags[k]), TIME_OK);
		at = tkt_find_tai(w, a->tn, (edge + a->tn->tkd.timekeeper.tai_offset) *
				  NSEC_PER_SEC);
		published = 0;
		last = a->page->seq;
		for (;;) {
			left = tkt_read_at(w, a->tn, CLOCK_TAI, at) -
			       tkt_read(w, a->tn, CLOCK_TAI);
			if (w->clock->now > at)
				break;
			if (a->page->ns_state & VDSO_NS_EDGE) {
				tkt_page_is(w, a, false, VDSO_CLOCKMODE_NONE,
					    VDSO_NS_OWN | VDSO_NS_EDGE);
				published++;
			} else {
				tkt_page_is(w, a, false, VDSO_CLOCKMODE_TSC, VDSO_NS_OWN);
				/* A pass may come, and it may come late by a second */
				KUNIT_ASSERT_GT_MSG(test, left, 2 * NSEC_PER_SEC,
						    "edge %lld, status %#x, REALTIME %lld",
						    a->tn->edge_sec, flags[k],
						    tkt_read(w, a->tn, CLOCK_REALTIME));
			}
			tkt_same_page(w, a, w->clock->now);
			tkt_run_ns(w, 97 * NSEC_PER_MSEC);
			if (!(a->page->ns_state & VDSO_NS_EDGE))
				continue;

			/* A published edge is taken by whoever reads behind it */
			tkt_same_page_around(w, a);
			for (i = 0; i < 3; i++) {
				tkt_same_page(w, a, at - 1 + i);
				tkt_read_page(a->page, CLOCK_REALTIME, at - 1 + i, &ns);
				KUNIT_EXPECT_EQ(test, div_s64(ns, NSEC_PER_SEC),
						i ? edge + (flags[k] == STA_INS ? -1 : 1) :
						    edge - 1);
			}
		}
		KUNIT_EXPECT_GT(test, published, 10);
		KUNIT_EXPECT_GT(test, a->page->seq, last);

		/* The pass after the edge is the last one to know of it */
		tkt_same_page_around(w, a);
		tkt_pass(w, a->tn);
		tkt_page_is(w, a, false, VDSO_CLOCKMODE_TSC, VDSO_NS_OWN);
		tkt_same_page_around(w, a);
		tkt_run_ns(w, 2 * NSEC_PER_SEC);
		tkt_status(w, a, 0);
		tkt_run_ns(w, 2 * NSEC_PER_SEC);
	}

	/* From own to follow, twice, and back */
	for (i = 0; i < 2; i++) {
		seq = a->page->seq;
		a->tn->state = TIMENS_TK_FOLLOW;
		/* Any section of a writer forgets it */
		a->tn->calm_until = 0;
		tkt_raw(w, &raw);
		timens_tk_pass_at(a->tn, &raw, w->clock->now & w->clock->cs.mask);
		KUNIT_EXPECT_EQ(test, a->page->seq & 1, 1);
		KUNIT_EXPECT_GT(test, a->page->seq, seq);
		KUNIT_EXPECT_EQ(test, a->page->clock_mode, VDSO_CLOCKMODE_TIMENS);
		KUNIT_EXPECT_EQ(test, a->page->basetime[VDSO_NS_COARSE_SLOT].sec, 0);
		KUNIT_EXPECT_EQ(test, a->page[CS_RAW].seq & 1, 1);
		KUNIT_EXPECT_EQ(test, a->page[CS_RAW].clock_mode, VDSO_CLOCKMODE_TIMENS);
	}
	tkt_page_update(w, a, w->host);
	tkt_page_is(w, a, false, VDSO_CLOCKMODE_TSC, VDSO_NS_OWN);
	tkt_same_page_around(w, a);
}

/* A counter which user space cannot read leads it to the system call, or to the last tick */
static void tkt_page_no_vdso(struct kunit *test)
{
	struct timespec64 real = { .tv_sec = TKT_MIDNIGHT - 4 };
	struct tkt_world *w = tkt_world(test, TKT_HPET, &real);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	const struct vdso_timestamp *slot = &a->page->basetime[VDSO_NS_EDGE_SLOT];
	unsigned int i, published = 0;
	u32 edge;

	tkt_page_is(w, a, false, VDSO_CLOCKMODE_NONE, VDSO_NS_OWN);
	tkt_status(w, a, STA_INS);
	for (i = 0; i < 8; i++) {
		tkt_run_ns(w, NSEC_PER_SEC);
		/* The coarse clocks are read in any case */
		edge = a->page->ns_state & VDSO_NS_EDGE;
		tkt_page_is(w, a, false, VDSO_CLOCKMODE_NONE, VDSO_NS_OWN | edge);
		if (!edge)
			continue;
		published++;
		KUNIT_EXPECT_EQ(test, (s64)slot->sec, TKT_MIDNIGHT);
		KUNIT_EXPECT_EQ(test, (s64)slot->nsec, -1);
	}
	KUNIT_EXPECT_GE(test, published, 2);
	KUNIT_EXPECT_EQ(test, a->page->ns_state, VDSO_NS_OWN);
	KUNIT_EXPECT_EQ(test, a->tn->tkd.timekeeper.tai_offset, 1);
}

static struct kunit_case tkt_page_cases[] = {
	KUNIT_CASE(tkt_page),
	KUNIT_CASE(tkt_page_no_vdso),
	{}
};

static struct kunit_suite tkt_page_suite = {
	.name = "timens_page",
	.test_cases = tkt_page_cases,
};

kunit_test_suite(tkt_page_suite);

MODULE_DESCRIPTION("KUnit tests of publication");
MODULE_LICENSE("GPL");
