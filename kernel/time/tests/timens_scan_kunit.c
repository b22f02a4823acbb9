// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the look at all queued hrtimers of a CPU
 *
 * A scan pauses with a mark among the timers, and the first timer of a base stands in a
 * cache besides the tree. Wherever the mark gets, that is the first of the tree: what is not
 * in the cache is not found, and with it all that is queued later.
 */
#include <kunit/test.h>
#include <linux/hrtimer.h>
#include <linux/irqflags.h>
#include <linux/ktime.h>

#include "../tick-internal.h"

/* Timers for CLOCK_MONOTONIC, and how many are looked at in one go, at the most */
#define TSK_TIMERS	8
#define TSK_MOST	64

struct tsk_world {
	struct hrtimer		mono[TSK_TIMERS];
	struct hrtimer		tai;
	unsigned int		seen;	/* how often @tai was looked at */
};

static enum hrtimer_restart tsk_expired(struct hrtimer *timer)
{
	return HRTIMER_NORESTART;
}

static void tsk_start(struct hrtimer *timer, clockid_t clock, unsigned int hours)
{
	hrtimer_init(timer, clock, HRTIMER_MODE_REL_PINNED_HARD);
	timer->function = tsk_expired;
	hrtimer_start(timer, ms_to_ktime(hours * 3600000ULL), HRTIMER_MODE_REL_PINNED_HARD);
}

static void tsk_visit(struct hrtimer *timer, void *arg)
{
	struct tsk_world *world = arg;

	world->seen += timer == &world->tai;
}

/* The bases of this CPU whose first timer is not the one in the cache */
static unsigned int tsk_wrong(void)
{
	struct hrtimer_cpu_base *cpu_base = this_cpu_ptr(&hrtimer_bases);
	unsigned int i, wrong = 0;

	for (i = 0; i < HRTIMER_MAX_CLOCK_BASES; i++) {
		struct rb_root_cached *root = &cpu_base->clock_base[i].active.rb_root;

		wrong += rb_first(&root->rb_root) != rb_first_cached(root);
	}
	return wrong;
}

/*
 * Pause behind every number of timers, so behind the last one of a base as well. While the
 * scan pauses, the first timer for CLOCK_TAI goes, and one that is later comes.
 */
static void tsk_first_is_found(struct kunit *test)
{
	struct tsk_world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	unsigned int most, i, wrong, moved, pauses = 0;
	struct hrtimer_scan scan;
	unsigned long flags;
	bool more, queued;

	KUNIT_ASSERT_NOT_NULL(test, world);
	for (most = 1; most <= TSK_MOST; most++) {
		world->seen = 0;
		hrtimer_scan_begin(&scan);
		local_irq_save(flags);
		for (i = 0; i < TSK_TIMERS; i++)
			tsk_start(&world->mono[i], CLOCK_MONOTONIC, 1);
		tsk_start(&world->tai, CLOCK_TAI, 1);

		more = hrtimer_scan_some(&scan, smp_processor_id(), most, tsk_visit, world);
		wrong = tsk_wrong();
		hrtimer_cancel(&world->tai);
		tsk_start(&world->tai, CLOCK_TAI, 2);
		moved = tsk_wrong();
		pauses += more;
		while (more)
			more = hrtimer_scan_some(&scan, smp_processor_id(), most,
						 tsk_visit, world);
		hrtimer_scan_end(&scan);
		queued = timerqueue_getnext(&world->tai.base->active);
		wrong += tsk_wrong();

		hrtimer_cancel(&world->tai);
		for (i = 0; i < TSK_TIMERS; i++)
			hrtimer_cancel(&world->mono[i]);
		local_irq_restore(flags);

		KUNIT_EXPECT_EQ_MSG(test, wrong, 0, "%u in one go", most);
		KUNIT_EXPECT_EQ_MSG(test, moved, 0, "%u in one go, with a later timer", most);
		KUNIT_EXPECT_TRUE_MSG(test, queued, "%u in one go", most);
		KUNIT_EXPECT_GE_MSG(test, world->seen, 1, "%u in one go", most);
	}
	/* As many as there are timers for CLOCK_MONOTONIC at least */
	KUNIT_EXPECT_GE(test, pauses, TSK_TIMERS);
}

static struct kunit_case tsk_cases[] = {
	KUNIT_CASE(tsk_first_is_found),
	{}
};

static struct kunit_suite tsk_suite = {
	.name = "timens_scan",
	.test_cases = tsk_cases,
};

kunit_test_suite(tsk_suite);

MODULE_DESCRIPTION("KUnit tests of the look at all queued hrtimers");
MODULE_LICENSE("GPL");
