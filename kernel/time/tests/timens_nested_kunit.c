// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of namespaces which follow an owner (timens_nested.c)
 *
 * What a follower reads as long as it follows is the owner plus a constant, which is the
 * subject of the selftest tk_share. Here it becomes an owner, at any point of any history of
 * its owner: each clock then is what a copy of the owner is, brought forward to the same
 * counter value, plus the offset, to the last nanosecond. And if what is written is refused,
 * it is the follower that it was.
 */
#include "timens_mock.h"

#define TNT_ROUNDS	200

struct tnt {
	struct tkt_world	*w;
	struct tkt_actor	*a;
	struct timekeeper_ns	*twin;
	/* That of the owner, as far as its followers look at it */
	struct time_namespace	ns;
};

static struct tnt *tnt_new(struct kunit *test)
{
	struct tnt *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->w = tkt_world(test, TKT_TSC, &tkt_epoch);
	t->a = tkt_actor(t->w, 4 * HZ, NULL);
	t->twin = tkt_alloc(test);
	t->ns.tk = t->a->tn;
	return t;
}

/* A follower of the owner, with offsets at random */
static struct timekeeper_ns *tnt_follower(struct tnt *t)
{
	struct timekeeper_ns *tn = tkt_alloc(t->w->test);
	s64 most = 1000 * TKT_DAY * NSEC_PER_SEC;

	tn->vdata = kunit_kcalloc(t->w->test, CS_BASES, sizeof(*tn->vdata), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(t->w->test, tn->vdata);
	tn->owner = t->a->tn;
	tn->kept = &t->ns;
	tn->offs.monotonic = ns_to_timespec64(tkt_random_signed(t->w, most));
	tn->offs.boottime = ns_to_timespec64(tkt_random_signed(t->w, most));
	tn->raw_offset = ns_to_timespec64(tkt_random_signed(t->w, most));
	timens_nested_setup_page(tn, tn->vdata);
	return tn;
}

static s64 tnt_offset(const struct timens_offsets *offs, const struct timespec64 *raw,
		      clockid_t clk)
{
	switch (clk) {
	case CLOCK_MONOTONIC:
		return timespec64_to_ns(&offs->monotonic);
	case CLOCK_BOOTTIME:
		return timespec64_to_ns(&offs->boottime);
	case CLOCK_MONOTONIC_RAW:
		return timespec64_to_ns(raw);
	default:
		return 0;
	}
}

static int tnt_write(struct tnt *t, struct timekeeper_ns *tn, timens_tk_op op, void *arg)
{
	struct timekeeper_ns *owner = t->a->tn;
	unsigned long flags;
	int ret;

	raw_spin_lock_irqsave(&owner->tkd.lock, flags);
	raw_spin_lock_nested(&tn->tkd.lock, SINGLE_DEPTH_NESTING);
	ret = timens_tk_write_nested(tn, owner, op, arg);
	raw_spin_unlock(&tn->tkd.lock);
	raw_spin_unlock_irqrestore(&owner->tkd.lock, flags);
	return ret;
}

static int tnt_op_refuse(struct timekeeper_ns *tn, void *arg)
{
	/* As far as an operation gets which fails in the end */
	tn->tkd.timekeeper.xtime_sec += 5;
	return -EINVAL;
}

/* Something is done to the owner */
static void tnt_history(struct tnt *t, unsigned int round)
{
	static const struct timens_tk_rate rates[] = { { 1, 1 }, { 29, 4 }, { 1, 3 }, { 2000, 1 } };
	struct __kernel_timex txc = { };
	struct tkt_world *w = t->w;
	struct timens_tk_raw raw;

	switch (round % 6) {
	case 0:
		tkt_random_steering(w, &txc);
		tkt_adjtimex(w, t->a, &txc);
		break;
	case 1:
		tkt_settime(w, t->a, TKT_MIDNIGHT - 3, tkt_random(w, NSEC_PER_SEC));
		tkt_status(w, t->a, tkt_random(w, 2) ? STA_INS : STA_DEL);
		break;
	case 2:
		tkt_set_rate(w, t->a, rates[tkt_random(w, ARRAY_SIZE(rates))]);
		break;
	case 3:
		tkt_keep_raw(w);
		tkt_raw(w, &raw);
		tkt_write(t->a->tn, NULL, NULL, tkt_op_stop, &raw);
		break;
	case 4:
		tkt_keep_raw(w);
		tkt_raw(w, &raw);
		tkt_write(t->a->tn, NULL, NULL, tkt_op_go, &raw);
		if (list_empty(&t->a->tn->node))
			timens_tk_calendar_queue(t->a->cal, t->a->tn, w->tick);
		break;
	}
	tkt_run_ns(w, tkt_random(w, 3 * NSEC_PER_SEC));
}

/* At the present, and up to where the line ends, by the kernel's line and by the page */
static void tnt_check(struct tnt *t, const struct timekeeper_ns *tn,
		      const struct timens_offsets *offs, const struct timespec64 *raw)
{
	u64 ahead = min(t->twin->valid, 2 * t->w->clock->hz), cycles = t->w->clock->now;
	struct tkt_world *w = t->w;
	unsigned int c, i;
	s64 want, page;

	for (i = 0; i < 3; i++) {
		for (c = 0; c < ARRAY_SIZE(tkt_all_clocks); c++) {
			clockid_t clk = tkt_all_clocks[c];

			want = tkt_read_at(w, t->twin, clk, cycles) + tnt_offset(offs, raw, clk);
			tkt_same(w, "clock of a former follower", tkt_read_at(w, tn, clk, cycles),
				 want);
			if (tn->vdata->clock_mode == VDSO_CLOCKMODE_NONE ||
			    cycles - tn->cycle_now > tn->page_valid)
				continue;
			KUNIT_ASSERT_TRUE(w->test, tkt_read_page(tn->vdata, clk, cycles, &page));
			tkt_same(w, "its page", page, want);
		}
		cycles = w->clock->now + tkt_random(w, ahead + 1);
	}
}

static void tnt_becomes_an_owner(struct kunit *test)
{
	struct tnt *t = tnt_new(test);
	struct timens_offsets offs;
	struct timekeeper_ns *tn;
	struct timespec64 raw;
	unsigned int round;
	u32 seq;

	for (round = 0; round < TNT_ROUNDS; round++) {
		tnt_history(t, round);
		tn = tnt_follower(t);
		offs = tn->offs;
		raw = tn->raw_offset;
		seq = tn->vdata->seq;
		tkt_keep_raw(t->w);
		timens_tk_copy(t->twin, t->a->tn);
		tkt_forward(t->twin);
		KUNIT_ASSERT_EQ(test, tnt_write(t, tn, tkt_op_none, NULL), 0);
		KUNIT_ASSERT_PTR_EQ(test, tn->owner, NULL);
		KUNIT_ASSERT_EQ(test, tn->state, TIMENS_TK_OWN);
		/* Odd, another odd one while it is written, even */
		KUNIT_ASSERT_EQ(test, seq & 1, 1U);
		KUNIT_ASSERT_EQ(test, tn->vdata->seq, seq + 3);
		KUNIT_ASSERT_EQ(test, tn->vdata->ns_state & ~VDSO_NS_EDGE & ~VDSO_NS_SMEAR,
				VDSO_NS_OWN | VDSO_NS_BEHIND);
		KUNIT_ASSERT_EQ(test, tn->vdata[CS_RAW].ns_state, VDSO_NS_OWN | VDSO_NS_BEHIND);
		/* Its timers are walked, whatever they were projected with */
		KUNIT_ASSERT_TRUE(test, tn->moved);
		tnt_check(t, tn, &offs, &raw);
		kunit_kfree(test, tn->vdata);
		kunit_kfree(test, tn);
	}
}

static void tnt_refused(struct kunit *test)
{
	struct vdso_data page[CS_BASES];
	struct tnt *t = tnt_new(test);
	struct timens_offsets offs;
	struct timekeeper_ns *tn;
	struct timespec64 raw;
	unsigned int round, i;
	s64 before[5];

	for (round = 0; round < TNT_ROUNDS / 4; round++) {
		tnt_history(t, round);
		tn = tnt_follower(t);
		offs = tn->offs;
		raw = tn->raw_offset;
		memcpy(page, tn->vdata, sizeof(page));
		tkt_read_all(t->w, t->a, before);
		KUNIT_ASSERT_EQ(test, tnt_write(t, tn, tnt_op_refuse, NULL), -EINVAL);
		KUNIT_EXPECT_PTR_EQ(test, tn->owner, t->a->tn);
		KUNIT_EXPECT_EQ(test, tn->state, TIMENS_TK_FOLLOW);
		KUNIT_EXPECT_EQ(test, memcmp(&tn->offs, &offs, sizeof(offs)), 0);
		KUNIT_EXPECT_EQ(test, memcmp(&tn->raw_offset, &raw, sizeof(raw)), 0);
		/* The page is the same but for the count */
		for (i = 0; i < CS_BASES; i++)
			page[i].seq += 2;
		KUNIT_EXPECT_EQ(test, memcmp(page, tn->vdata, sizeof(page)), 0);
		tkt_expect_same_all(t->w, t->a, before);
		/* and what is not refused is as right as ever */
		timens_tk_copy(t->twin, t->a->tn);
		tkt_forward(t->twin);
		KUNIT_ASSERT_EQ(test, tnt_write(t, tn, tkt_op_none, NULL), 0);
		tnt_check(t, tn, &offs, &raw);
		kunit_kfree(test, tn->vdata);
		kunit_kfree(test, tn);
	}
}

/* What did not pass of CLOCK_MONOTONIC allows a date before it */
static void tnt_ahead(struct kunit *test)
{
	static const struct {
		s64	owner, offset, want;
	} tests[] = {
		{ 0, 0, 0 }, { 0, 100, 100 }, { 0, -100, 0 }, { 100, 50, 150 }, { 100, -30, 70 },
		{ 100, -300, 0 },
	};
	struct tnt *t = tnt_new(test);
	struct timekeeper_ns *tn;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		t->a->tn->mono_ahead = tests[i].owner;
		tn = tnt_follower(t);
		tn->offs.monotonic = (struct timespec64){ .tv_sec = tests[i].offset };
		KUNIT_ASSERT_EQ(test, tnt_write(t, tn, tkt_op_none, NULL), 0);
		KUNIT_EXPECT_EQ_MSG(test, tn->mono_ahead, tests[i].want, "test %u", i);
	}
}

/* A page which says that it is one of offsets, but not to the host */
static void tnt_page(struct kunit *test)
{
	struct tnt *t = tnt_new(test);
	struct timekeeper_ns *tn = tnt_follower(t);
	unsigned int i;

	for (i = 0; i < CS_BASES; i++) {
		const struct vdso_data *vd = &tn->vdata[i];

		KUNIT_EXPECT_EQ(test, vd->seq & 1, 1U);
		KUNIT_EXPECT_EQ(test, vd->clock_mode, VDSO_CLOCKMODE_SHARED);
		KUNIT_EXPECT_EQ(test, vd->ns_state,
				VDSO_NS_OWN | VDSO_NS_SHARED | VDSO_NS_BEHIND);
		/* No coarse clock is read by the fast path */
		KUNIT_EXPECT_EQ(test, vd->basetime[VDSO_NS_COARSE_SLOT].sec, 0ULL);
		KUNIT_EXPECT_EQ(test, vd->offset[CLOCK_REALTIME].sec, 0LL);
		KUNIT_EXPECT_EQ(test, vd->offset[CLOCK_TAI].nsec, 0ULL);
		KUNIT_EXPECT_EQ(test, vd->offset[CLOCK_MONOTONIC_COARSE].sec,
				tn->offs.monotonic.tv_sec);
		KUNIT_EXPECT_EQ(test, vd->offset[CLOCK_BOOTTIME].sec, tn->offs.boottime.tv_sec);
		KUNIT_EXPECT_EQ(test, vd->offset[CLOCK_MONOTONIC_RAW].nsec,
				(u64)tn->raw_offset.tv_nsec);
	}
}

static struct kunit_case tnt_cases[] = {
	KUNIT_CASE(tnt_becomes_an_owner),
	KUNIT_CASE(tnt_refused),
	KUNIT_CASE(tnt_ahead),
	KUNIT_CASE(tnt_page),
	{}
};

static struct kunit_suite tnt_suite = {
	.name = "timens_nested",
	.test_cases = tnt_cases,
};

kunit_test_suite(tnt_suite);

MODULE_DESCRIPTION("KUnit tests of namespaces which follow an owner");
MODULE_LICENSE("GPL");
