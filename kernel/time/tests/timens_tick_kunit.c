// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the calendar and of the passes (timens_tick.c)
 */
#include "timens_mock.h"

KUNIT_ARRAY_PARAM(tkt_spec, tkt_specs, tkt_spec_desc);

/*
 * Calendar
 */

/**
 * struct tkt_guest - A namespace of which only the place in the calendar counts
 * @tn:		The namespace
 * @last:	Tick of its last pass
 * @gap:	Ticks between the last two
 * @count:	Number of passes
 */
struct tkt_guest {
	struct timekeeper_ns	tn;
	u64			last;
	u64			gap;
	u64			count;
};

/**
 * struct tkt_hotel - A calendar and its guests
 * @cal:	The calendar
 * @guest:	The guests
 * @nr:		Number of guests
 * @now:	The present tick
 * @order:	The guest which took the last pass
 * @due:	When that fell due
 */
struct tkt_hotel {
	struct timens_tk_calendar	*cal;
	struct tkt_guest		**guest;
	unsigned int			nr;
	u64				now;
	struct tkt_guest		*order;
	u64				due;
};

static struct tkt_hotel *tkt_hotel(struct kunit *test, unsigned int nr, unsigned int interval,
				   unsigned int deadline)
{
	struct tkt_hotel *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, h);
	h->nr = nr;
	/* Low bits of the tick do not matter, nor does the wrap of 32 bits */
	h->now = U32_MAX - 12345;
	h->cal = tkt_alloc_calendar(test);
	h->cal->tick = h->now;
	timens_tk_calendar_set(h->cal, interval, deadline);
	h->guest = kunit_kcalloc(test, nr, sizeof(*h->guest), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, h->guest);
	for (i = 0; i < nr; i++) {
		h->guest[i] = kunit_kzalloc(test, sizeof(*h->guest[i]), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, h->guest[i]);
		timens_tk_init_instance(&h->guest[i]->tn);
		timens_tk_calendar_add(h->cal, &h->guest[i]->tn, h->now);
		h->guest[i]->last = h->now;
	}
	KUNIT_ASSERT_EQ(test, h->cal->nr_own, nr);
	return h;
}

/* One tick, as in __timens_tk_advance(). Returns the number of passes */
static unsigned int tkt_hotel_tick(struct kunit *test, struct tkt_hotel *h)
{
	struct timekeeper_ns *tn;
	struct tkt_guest *guest;
	unsigned int done = 0;

	h->now++;
	timens_tk_calendar_collect(h->cal, h->now);
	while ((tn = timens_tk_calendar_next(h->cal, h->now, done))) {
		guest = container_of(tn, struct tkt_guest, tn);
		/* Never before it is due */
		KUNIT_ASSERT_LE(test, tn->due, h->now);
		guest->gap = h->now - guest->last;
		guest->last = h->now;
		guest->count++;
		h->order = guest;
		h->due = tn->due;
		timens_tk_calendar_queue(h->cal, tn, h->now);
		KUNIT_ASSERT_GT(test, tn->due, h->now);
		KUNIT_ASSERT_LE(test, tn->due, h->now + h->cal->interval);
		done++;
	}
	return done;
}

/* A tick in which a pass of the first queue takes @cost steps, and one of the others one step */
static void tkt_hotel_share_tick(struct kunit *test, struct tkt_hotel *h, unsigned int cost,
				 u64 *late)
{
	struct timekeeper_ns *tn;
	unsigned int done = 0;

	h->now++;
	timens_tk_calendar_collect(h->cal, h->now);
	while ((tn = timens_tk_calendar_next(h->cal, h->now, done))) {
		struct tkt_guest *guest = container_of(tn, struct tkt_guest, tn);

		KUNIT_ASSERT_LE(test, tn->due, h->now);
		guest->count++;
		if (!tn->share) {
			/* One that is never done: half of its passes end in the middle */
			done += cost;
			if (guest->count & 1) {
				timens_share_add(h->cal, tn);
				continue;
			}
			tn->due = h->now + 1;
			list_add_tail(&tn->node, &h->cal->slot[tn->due & (TIMENS_TK_SLOTS - 1)]);
			continue;
		}
		done++;
		late[tn->share] = max(late[tn->share], h->now - tn->due);
		timens_tk_calendar_queue(h->cal, tn, h->now);
	}
	/* The tick ends within the steps of a pass of its budget */
	KUNIT_ASSERT_LT(test, done, h->cal->budget + cost);
}

/*
 * What one user's owners need does not delay the passes of another, of which there are
 * few, by more than timens_share.c says. The owners of the first user are due in each
 * tick, and each pass of theirs takes all steps that it can.
 */
static void tkt_calendar_shares(struct kunit *test)
{
	static const unsigned int few[] = { 0, 1, 5 };
	const unsigned int many = TIMENS_KUNIT_SLOW ? 1000 : 10000;
	struct tkt_hotel *h = tkt_hotel(test, many + few[1] + few[2], HZ / 4, 0);
	unsigned int i, k, t, nr = 0;
	u64 late[3] = { }, most, least = U64_MAX;

	for (i = 0; i < h->nr; i++) {
		struct timekeeper_ns *tn = &h->guest[i]->tn;

		tn->share = i < few[1] ? 1 : i < few[1] + few[2] ? 2 : 0;
		if (tn->share)
			continue;
		timens_tk_calendar_hurry(h->cal, tn, h->now, h->now + 1);
		nr++;
	}
	KUNIT_ASSERT_EQ(test, nr, many);

	for (t = 0; t < 4 * HZ; t++)
		tkt_hotel_share_tick(test, h, TIMENS_TK_STEPS, late);
	for (k = 1; k < ARRAY_SIZE(few); k++) {
		most = DIV_ROUND_UP(h->nr, TIMENS_TK_SORT) + 1 +
		       DIV_ROUND_UP(few[k] * ARRAY_SIZE(few) * TIMENS_TK_STEPS, TIMENS_TK_BUDGET);
		kunit_info(test, "%u of %u: at most %llu ticks late, bound %llu", few[k], h->nr,
			   late[k], most);
		KUNIT_EXPECT_LE(test, late[k], most);
	}
	/* Nobody is left out: the calm ones took all their passes, the others what was left */
	for (i = 0; i < h->nr; i++) {
		if (h->guest[i]->tn.share)
			KUNIT_EXPECT_GE(test, h->guest[i]->count,
					4 * HZ / (HZ / 4 + DIV_ROUND_UP(h->nr, TIMENS_TK_SORT) +
						  20));
		else
			least = min(least, h->guest[i]->count);
	}
	/* There are two of these passes in a tick */
	if (many < 4 * HZ)
		KUNIT_EXPECT_GT(test, least, 0ULL);
}

/* A namespace may go from whichever queue it is in, and a queue which it leaves empty is no harm */
static void tkt_calendar_share_leave(struct kunit *test)
{
	struct tkt_hotel *h = tkt_hotel(test, 300, HZ / 4, 0);
	unsigned int i, left = h->nr;
	u64 late[64] = { };

	for (i = 0; i < h->nr; i++) {
		h->guest[i]->tn.share = i % 3 * 31;
		timens_tk_calendar_hurry(h->cal, &h->guest[i]->tn, h->now, h->now + 1);
	}
	for (i = 0; left; i++) {
		tkt_hotel_share_tick(test, h, 7, late);
		/* Some from each queue, from its head, its end and between */
		timens_tk_calendar_del(h->cal, &h->guest[--left]->tn);
		if (left)
			timens_tk_calendar_del(h->cal, &h->guest[--left]->tn);
	}
	KUNIT_EXPECT_EQ(test, h->cal->nr_own, 0U);
	for (i = 0; i < 3; i++)
		tkt_hotel_share_tick(test, h, 7, late);
	KUNIT_EXPECT_EQ(test, h->cal->shared, 0ULL);
	KUNIT_EXPECT_TRUE(test, list_empty(&h->cal->carry));
}

static void tkt_hotel_load(struct tkt_hotel *h, unsigned int *low, unsigned int *high)
{
	unsigned int i, sum = 0;

	*low = UINT_MAX;
	*high = 0;
	for (i = 0; i < h->cal->interval; i++) {
		*low = min_t(unsigned int, *low, h->cal->load[i]);
		*high = max_t(unsigned int, *high, h->cal->load[i]);
		sum += h->cal->load[i];
	}
}

static const unsigned int tkt_groups[] = { 1, 2, 8, 125, HZ - 1, HZ, HZ + 1, HZ * 7 / 4 };

static void tkt_group_desc(const unsigned int *group, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u namespaces", *group);
}

KUNIT_ARRAY_PARAM(tkt_group, tkt_groups, tkt_group_desc);

/* The passes of an interval are spread evenly, one for each namespace */
static void tkt_calendar_fair(struct kunit *test)
{
	unsigned int nr = *(const unsigned int *)test->param_value, low, high, i, t, batch;
	struct tkt_hotel *h = tkt_hotel(test, nr, HZ, 0);

	tkt_hotel_load(h, &low, &high);
	KUNIT_EXPECT_LE(test, high - low, 1);
	KUNIT_EXPECT_EQ(test, high, DIV_ROUND_UP(nr, HZ));

	/* Few of them do not end up side by side */
	if (nr <= 8)
		for (i = 1; i < nr; i++)
			for (t = 0; t < i; t++) {
				unsigned int x = abs(h->guest[i]->tn.home - h->guest[t]->tn.home);

				KUNIT_EXPECT_GE(test, min(x, HZ - x), HZ / (2 * nr));
			}

	for (t = 0; t < HZ; t++) {
		batch = tkt_hotel_tick(test, h);
		KUNIT_ASSERT_LE(test, batch, high);
	}
	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_EQ(test, h->guest[i]->count, 1);
	for (t = 0; t < 2 * HZ; t++) {
		batch = tkt_hotel_tick(test, h);
		KUNIT_ASSERT_LE(test, batch, high);
		KUNIT_ASSERT_GE(test, batch, low);
	}
	for (i = 0; i < nr; i++) {
		KUNIT_ASSERT_EQ(test, h->guest[i]->count, 3);
		KUNIT_ASSERT_EQ(test, h->guest[i]->gap, HZ);
	}
}

/* Namespaces come and go; who comes moves into the emptiest tick */
static void tkt_calendar_emptiest(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(2000);
	struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
	struct tkt_hotel *h = tkt_hotel(test, 300, 100, 0);
	unsigned int i, low, high;
	struct timekeeper_ns *tn;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (i = 0; i < rounds; i++) {
		tn = &h->guest[tkt_random(w, h->nr)]->tn;
		if (!list_empty(&tn->node)) {
			timens_tk_calendar_del(h->cal, tn);
			KUNIT_ASSERT_TRUE(test, list_empty(&tn->node));
			KUNIT_ASSERT_TRUE(test, list_empty(&tn->own_node));
		} else {
			tkt_hotel_load(h, &low, &high);
			timens_tk_calendar_add(h->cal, tn, h->now);
			KUNIT_ASSERT_EQ(test, h->cal->load[tn->home], low + 1);
		}
		if (i % 7)
			tkt_hotel_tick(test, h);
	}
	for (i = 0; i < h->nr; i++)
		if (!list_empty(&h->guest[i]->tn.node))
			timens_tk_calendar_del(h->cal, &h->guest[i]->tn);
	tkt_hotel_load(h, &low, &high);
	KUNIT_EXPECT_EQ(test, high, 0);
	KUNIT_EXPECT_EQ(test, h->cal->nr_own, 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&h->cal->own));
	KUNIT_EXPECT_EQ(test, tkt_hotel_tick(test, h), 0);
}

/* No tick does more than the budget; the rest follows, the oldest first */
static void tkt_calendar_budget(struct kunit *test)
{
	struct tkt_hotel *h = tkt_hotel(test, 500, HZ, 0);
	unsigned int done, left = h->nr, i;
	u64 due = 0;

	h->cal->budget = 1;
	/* An idle machine has no ticks; everything falls due meanwhile */
	h->now += 10 * HZ;
	while (left) {
		done = tkt_hotel_tick(test, h);
		KUNIT_ASSERT_EQ(test, done, 1);
		/* What fell due in the same tick, modulo the ring, is equal */
		KUNIT_ASSERT_GE(test, h->due, due);
		due = h->due;
		left--;
		if (h->order->count > 1)
			break;
	}
	/* The first one is due again before the last one had its turn */
	for (i = 0, left = 0; i < h->nr; i++)
		left += h->guest[i]->count != 1;
	KUNIT_EXPECT_EQ(test, left, 0);

	/* A budget which suffices catches up, and stays within it */
	h->cal->budget = 7;
	h->now += 3 * HZ;
	for (i = 0; i < 4 * HZ; i++)
		KUNIT_ASSERT_LE(test, tkt_hotel_tick(test, h), 7);
	for (i = 0; i < h->nr; i++)
		KUNIT_EXPECT_EQ(test, h->guest[i]->gap, HZ);
}

/* With a pass in every tick the budget is void */
static void tkt_calendar_every_tick(struct kunit *test)
{
	struct tkt_hotel *h = tkt_hotel(test, 100, 1, 0);
	unsigned int i;

	h->cal->budget = 7;
	for (i = 0; i < 20; i++)
		KUNIT_ASSERT_EQ(test, tkt_hotel_tick(test, h), h->nr);
}

/* A new interval holds for each namespace from its next pass on, evenly */
static void tkt_calendar_interval(struct kunit *test)
{
	static const unsigned int intervals[] = { 10, HZ, 1, 250, HZ, 0, 5 * HZ, 2 };
	struct tkt_hotel *h = tkt_hotel(test, 255, HZ, 0);
	unsigned int i, k, t, low, high, want, old = HZ;

	h->cal->budget = 1000;
	for (k = 0; k < ARRAY_SIZE(intervals); k++) {
		want = clamp(intervals[k], 1, TIMENS_TK_PERIOD * HZ);
		timens_tk_calendar_set(h->cal, intervals[k], 0);
		KUNIT_ASSERT_EQ(test, h->cal->interval, want);
		for (t = 0; t < old; t++)
			tkt_hotel_tick(test, h);
		tkt_hotel_load(h, &low, &high);
		KUNIT_EXPECT_LE(test, high - low, 1);
		KUNIT_EXPECT_EQ(test, high, DIV_ROUND_UP(h->nr, want));
		for (t = 0; t < 2 * want; t++)
			KUNIT_ASSERT_LE(test, tkt_hotel_tick(test, h), high);
		for (i = 0; i < h->nr; i++)
			KUNIT_ASSERT_EQ(test, h->guest[i]->gap, want);
		old = want;
	}

	/* A namespace may leave between the change and its next pass */
	timens_tk_calendar_set(h->cal, 100, 0);
	for (i = 0; i < h->nr; i++)
		timens_tk_calendar_del(h->cal, &h->guest[i]->tn);
	tkt_hotel_load(h, &low, &high);
	KUNIT_EXPECT_EQ(test, high, 0);
}

/* A pass can be brought forward, not put off, and then it is not lost */
static void tkt_calendar_hurry(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(3000);
	struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
	struct tkt_hotel *h = tkt_hotel(test, 50, HZ, 0);
	unsigned int i, t;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (i = 0; i < rounds; i++) {
		struct tkt_guest *guest = h->guest[tkt_random(w, h->nr)];
		u64 due = guest->tn.due, want = h->now + 1 + tkt_random(w, HZ);
		u64 count = guest->count;

		timens_tk_calendar_hurry(h->cal, &guest->tn, h->now, want);
		KUNIT_ASSERT_EQ(test, guest->tn.due, min(due, want));
		due = guest->tn.due;
		if (due - h->now > 5) {
			tkt_hotel_tick(test, h);
			continue;
		}
		while (h->now < due) {
			KUNIT_ASSERT_EQ(test, guest->count, count);
			tkt_hotel_tick(test, h);
		}
		KUNIT_ASSERT_EQ(test, guest->last, due);
		KUNIT_ASSERT_EQ(test, guest->count, count + 1);
	}

	/* What waits for its turn already keeps it */
	h->cal->budget = 1;
	h->now += 2 * HZ;
	tkt_hotel_tick(test, h);
	for (i = 0; i < h->nr; i++)
		timens_tk_calendar_hurry(h->cal, &h->guest[i]->tn, h->now, h->now + 1);
	for (t = 1; t < h->nr; t++)
		tkt_hotel_tick(test, h);
	for (i = 0; i < h->nr; i++)
		KUNIT_EXPECT_LE(test, h->now - h->guest[i]->last, h->nr);
}

/*
 * Where the counter wraps the budget is four times as large, and no more than that:
 * nobody waits longer than the deadline, with twice as many as it has ticks. The
 * interval leaves room for a late pass.
 */
static void tkt_calendar_deadline(struct kunit *test)
{
	struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
	static const unsigned int deadlines[] = { 300, 2050, 2 * HZ, 3 };
	struct tkt_hotel *h;
	unsigned int k, i, t, forced, done;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (k = 0; k < ARRAY_SIZE(deadlines); k++) {
		unsigned int deadline = deadlines[k];

		h = tkt_hotel(test, 4 * min(HZ, deadline) / 2, HZ, deadline);
		KUNIT_EXPECT_EQ(test, h->cal->interval, max(min(HZ, deadline / 2), 1));
		/* A quarter of what would be needed */
		h->cal->budget = 1;
		forced = 0;
		for (t = 0; t < 4 * deadline; t++) {
			struct tkt_guest *guest = h->guest[tkt_random(w, h->nr)];

			/* Some are called before their time, others are not */
			if (!tkt_random(w, 10))
				timens_tk_calendar_hurry(h->cal, &guest->tn, h->now, h->now + 1);
			done = tkt_hotel_tick(test, h);
			forced += done > 1;
			if (h->cal->interval > 1)
				KUNIT_ASSERT_LE(test, done, TIMENS_TK_HASTE);
			for (i = 0; i < h->nr; i++)
				KUNIT_ASSERT_LE_MSG(test, h->now - h->guest[i]->last, deadline,
						    "guest %u, deadline %u, tick %u", i,
						    deadline, t);
		}
		if (h->cal->interval > 1)
			KUNIT_EXPECT_GT(test, forced, 0);
	}
}

/*
 * With more owners than four budgets serve before the counter wraps, a tick takes what
 * falls due in it and no more: no clock may miss that.
 */
static void tkt_calendar_deadline_many(struct kunit *test)
{
	struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
	const unsigned int deadline = 300, nr = 11 * deadline / 2;
	struct tkt_hotel *h = tkt_hotel(test, nr, HZ, deadline);
	unsigned int i, t, done, most = 0;

	h->cal->budget = 1;
	for (t = 0; t < 6 * deadline; t++) {
		struct tkt_guest *guest = h->guest[tkt_random(w, h->nr)];

		if (!tkt_random(w, 10))
			timens_tk_calendar_hurry(h->cal, &guest->tn, h->now, h->now + 1);
		done = tkt_hotel_tick(test, h);
		most = max(most, done);
		for (i = 0; i < h->nr; i++)
			KUNIT_ASSERT_LE_MSG(test, h->now - h->guest[i]->last, deadline,
					    "guest %u, tick %u", i, t);
	}
	KUNIT_EXPECT_LE(test, most, 11);

	/* When most of them have left it is four budgets again */
	while (h->nr > 10)
		timens_tk_calendar_del(h->cal, &h->guest[--h->nr]->tn);
	for (t = 0; t < deadline; t++)
		KUNIT_ASSERT_LE(test, tkt_hotel_tick(test, h), TIMENS_TK_HASTE);
}

/* The deadline of a new clocksource holds for those which wait already */
static void tkt_calendar_new_deadline(struct kunit *test)
{
	struct tkt_hotel *h = tkt_hotel(test, 3000, HZ, 0);
	unsigned int i, t, deadline = tkt_wrap_ticks(&tkt_world(test, TKT_ACPI_PM, &tkt_epoch)->
						     clock->cs);
	u64 change;

	KUNIT_ASSERT_LT(test, deadline, h->nr);
	h->cal->budget = 1;
	for (t = 0; t < 2 * HZ; t++)
		tkt_hotel_tick(test, h);

	/* As __timens_tk_change_clocksource() does, which brings all up to date */
	change = h->now;
	timens_tk_calendar_set(h->cal, HZ, deadline);
	for (i = 0; i < h->nr; i++) {
		timens_tk_calendar_hurry(h->cal, &h->guest[i]->tn, h->now,
					 h->now + h->cal->interval);
	}
	for (t = 0; t < deadline + 1; t++)
		tkt_hotel_tick(test, h);
	for (i = 0; i < h->nr; i++)
		KUNIT_ASSERT_GT_MSG(test, h->guest[i]->last, change,
				    "guest %u had no pass in %u ticks", i, deadline + 1);
}

/* While the slope changes each second the passes follow the seconds, within a tick */
static void tkt_aligned_to(struct kunit *test, u32 host_tick)
{
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct __kernel_timex txc = {
		.modes = ADJ_STATUS | ADJ_NANO | ADJ_OFFSET, .status = STA_PLL,
		.offset = 20 * NSEC_PER_MSEC,
	};
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	s64 sec, last = 0, offset = 0;
	unsigned int t, seconds = 0;

	w->host_tick = host_tick;
	tkt_pace(w);
	w->tick = 0;
	tkt_run_ns(w, 432100000);
	KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);
	for (t = 0; t < 12 * HZ; t++) {
		tkt_run_ticks(w, w->tick + 1);
		sec = div_s64(tkt_read(w, a->tn, CLOCK_REALTIME), NSEC_PER_SEC);
		if (last && sec != last) {
			/*
			 * NTP sees it at the next interval, the pass is in the tick after.
			 * An interval may be a tick of such a host and a tenth.
			 */
			tkt_run_ticks(w, w->tick + 1 + (host_tick > 10000));
			KUNIT_ASSERT_NE_MSG(test, a->tn->ntp.time_offset, offset,
					    "tick %u of the host, second %u", host_tick, seconds);
			seconds++;
		}
		last = sec;
		offset = a->tn->ntp.time_offset;
	}
	KUNIT_EXPECT_GE(test, seconds, 10);
}

static void tkt_calendar_aligned(struct kunit *test)
{
	tkt_aligned_to(test, 10000);
	/* The host is steered to its limits, the namespace is not */
	tkt_aligned_to(test, 9000);
	tkt_aligned_to(test, 11000);
}

/*
 * Calm passes
 */

/*
 * Whether the pass at the present goes the short way. It leaves alone what cannot
 * have changed, as the width of the counter.
 */
static bool tkt_is_short(struct tkt_world *w, struct tkt_actor *a)
{
	struct vdso_data *vd = &a->page[CS_HRES_COARSE];
	u64 mask = vd->mask;
	struct timens_tk_raw raw;
	bool is_short;

	vd->mask = ~mask;
	tkt_raw(w, &raw);
	timens_tk_pass_at(a->tn, &raw, w->clock->now & w->clock->cs.mask);
	is_short = vd->mask == ~mask;
	vd->mask = mask;
	return is_short;
}

/* After a write one full pass, then short ones for as long as @ns go by without one */
static void tkt_expect_calm(struct tkt_world *w, struct tkt_actor *a, const char *what, u64 ns)
{
	unsigned int i;

	KUNIT_ASSERT_FALSE_MSG(w->test, tkt_is_short(w, a), "%s", what);
	for (i = 0; i < 8; i++) {
		w->clock->now += tkt_ns_to_cycles(w, ns / 8);
		KUNIT_ASSERT_TRUE_MSG(w->test, tkt_is_short(w, a), "%s, pass %u", what, i);
	}
}

static void tkt_expect_restless(struct tkt_world *w, struct tkt_actor *a, const char *what,
				u64 ns)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		KUNIT_ASSERT_FALSE_MSG(w->test, tkt_is_short(w, a), "%s, pass %u", what, i);
		w->clock->now += tkt_ns_to_cycles(w, ns / 8);
	}
}

/*
 * What is owed to passes which came late is made up for by halves. Half a second
 * at 500 us a second is less than 2^18 ns.
 */
static void tkt_expect_calm_again(struct tkt_world *w, struct tkt_actor *a, const char *what)
{
	unsigned int i;

	for (i = 0; i < 40; i++) {
		w->clock->now += tkt_ns_to_cycles(w, NSEC_PER_SEC);
		tkt_is_short(w, a);
	}
	KUNIT_ASSERT_TRUE_MSG(w->test, tkt_is_short(w, a), "%s", what);
}

/* When the short way is taken and when it is not; that it is right tkt_pass() tells */
static void tkt_calm(struct kunit *test)
{
	const struct tkt_spec *spec = test->param_value;
	struct timespec64 real = { .tv_sec = TKT_MIDNIGHT - 3 * 3600 };
	struct tkt_world *w = tkt_world(test, spec, &real);
	struct __kernel_timex slew = { .modes = TKT_ADJTIME, .offset = 3000 };
	struct __kernel_timex pll = {
		.modes = ADJ_OFFSET | ADJ_STATUS | ADJ_TIMECONST,
		.status = STA_PLL, .offset = 100000, .constant = 4,
	};
	struct tkt_actor *a;
	unsigned int i;
	s64 now;

	kunit_info(test, "seed %#llx", tkt_seed);
	a = tkt_actor(w, HZ, NULL);
	list_del_init(&a->tn->node);
	tkt_expect_calm(w, a, "taken over", 2 * NSEC_PER_SEC);

	/* Whatever is written, if it does not last */
	for (i = 0; i < 20; i++) {
		KUNIT_ASSERT_EQ(test, tkt_settime(w, a, 1 + tkt_random(w, 2000000000),
						  tkt_random(w, NSEC_PER_SEC)), 0);
		tkt_expect_calm(w, a, "set", 8 * tkt_random(w, NSEC_PER_SEC / 8));
		KUNIT_ASSERT_GE(test, tkt_adjust(w, a, 9000 + tkt_random(w, 2001),
						 tkt_random_signed(w, 500 << 16)), 0);
		/* What was left of the phase may be more than quantisation at another rate */
		while (!a->tn->calm_until) {
			tkt_is_short(w, a);
			w->clock->now += tkt_ns_to_cycles(w, NSEC_PER_SEC / 2);
		}
		KUNIT_ASSERT_TRUE(test, tkt_is_short(w, a));
	}
	KUNIT_ASSERT_GE(test, tkt_adjust(w, a, USER_TICK_USEC, 0), 0);

	/* While adjtime() slews, 500 us in a second */
	KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &slew), 0);
	tkt_expect_restless(w, a, "adjtime()", 4 * NSEC_PER_SEC);
	tkt_expect_calm_again(w, a, "after adjtime()");

	/* While the PLL does */
	KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &pll), 0);
	tkt_expect_restless(w, a, "PLL", 8 * NSEC_PER_SEC);
	KUNIT_ASSERT_GE(test, tkt_status(w, a, 0), 0);

	/* With a leap second to come, near or far */
	KUNIT_ASSERT_EQ(test, tkt_settime(w, a, TKT_MIDNIGHT - 3600, 0), 0);
	KUNIT_ASSERT_GE(test, tkt_status(w, a, STA_INS), 0);
	tkt_expect_restless(w, a, "far leap second", 4 * NSEC_PER_SEC);
	KUNIT_ASSERT_GE(test, tkt_status(w, a, 0), 0);
	tkt_expect_calm_again(w, a, "withdrawn");
	KUNIT_ASSERT_EQ(test, tkt_settime(w, a, TKT_MIDNIGHT - 3, 0), 0);
	KUNIT_ASSERT_GE(test, tkt_status(w, a, STA_INS), 0);
	tkt_expect_restless(w, a, "leap second", 4 * NSEC_PER_SEC);
	KUNIT_ASSERT_GE(test, tkt_status(w, a, 0), 0);
	tkt_expect_calm_again(w, a, "after a leap second");

	/* A pass which comes so late that its product would not fit goes the full way */
	if (spec->bits == 64) {
		now = w->clock->now;
		w->clock->now += a->tn->max_cycles - tkt_ns_to_cycles(w, TICK_NSEC);
		KUNIT_EXPECT_TRUE(test, tkt_is_short(w, a));
		w->clock->now += a->tn->max_cycles + 1;
		KUNIT_EXPECT_FALSE(test, tkt_is_short(w, a));
		KUNIT_EXPECT_GT(test, (s64)w->clock->now, now);
	}
}

static struct kunit_case tkt_tick_cases[] = {
	KUNIT_CASE_PARAM(tkt_calendar_fair, tkt_group_gen_params),
	KUNIT_CASE(tkt_calendar_emptiest),
	KUNIT_CASE(tkt_calendar_budget),
	KUNIT_CASE(tkt_calendar_shares),
	KUNIT_CASE(tkt_calendar_share_leave),
	KUNIT_CASE(tkt_calendar_every_tick),
	KUNIT_CASE(tkt_calendar_interval),
	KUNIT_CASE(tkt_calendar_hurry),
	KUNIT_CASE(tkt_calendar_deadline),
	KUNIT_CASE(tkt_calendar_deadline_many),
	KUNIT_CASE(tkt_calendar_new_deadline),
	KUNIT_CASE_PARAM(tkt_calendar_aligned, tkt_spec_gen_params),
	KUNIT_CASE_PARAM(tkt_calm, tkt_spec_gen_params),
	{}
};

static struct kunit_suite tkt_tick_suite = {
	.name = "timens_tick",
	.test_cases = tkt_tick_cases,
};

kunit_test_suite(tkt_tick_suite);

MODULE_DESCRIPTION("KUnit tests of the calendar and of the passes");
MODULE_LICENSE("GPL");
