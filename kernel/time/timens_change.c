// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to the host's timekeeping, and when it reaches a time namespace
 *
 * Another clocksource, a suspend and a sleep which the RTC measured concern the clocks
 * of all owners. They come while the machine stands still: under stop_machine() or with
 * interrupts disabled. So an owner costs nothing there but the hold of its page. What
 * the old and the new counter showed is recorded, and each owner goes through the
 * records when somebody reads or writes its clock, or when its pass comes. What it
 * reads then is what it would read if it had been rebased at once.
 *
 *
 * Records
 * -------
 *
 * The log of the calendar is a ring. The number of the last record is its epoch, and
 * each owner has the number of the last record which it went through. An owner whose
 * number is another one is stale. Nobody takes a time from its line:
 *
 *  - Its page is held: the vDSO takes the system call for all but the coarse clocks,
 *    which stand where the old line was at the change. They need no system call.
 *  - A reader in the kernel looks at the numbers after it has read the counter.
 *  - A writer looks at them under the lock of the clock.
 *
 * All three have the clock brought to the present first (timens_tk_catch_up()), which
 * replays the records. The calendar has the owners which were not seen since a change on
 * a list of their own, and brings a few of them to the present in each tick.
 *
 * When that list is empty nobody needs the records any more. A change of the clocksource
 * for which half of the ring is in use first waits for that, before the machine is
 * stopped and at the expense of the caller. A machine may wake up from suspend-to-idle
 * and sleep again as often as it likes, without a chance for anybody to wait: if the
 * last free record is taken, all owners go through the records at once.
 *
 *
 * Change against reader
 * ---------------------
 *
 *   CPU 0 (reader)                       CPU 1 (stop_machine)
 *   seq = even
 *   counter = old counter                wait for CPU 0
 *   numbers are the same: read
 *   ...
 *                                        record, epoch++
 *
 * and if it comes between any two of those steps:
 *
 *   seq = even, preempted
 *                                        record, epoch++
 *   counter = old counter
 *   numbers differ: replay, read again
 *
 * The order on CPU 0 is that of the program, for the change interrupts it. A reader of
 * the page is interrupted in the same way; it holds an even count which the hold of the
 * page changes, and starts over. It finds no counter there.
 *
 * A sleep which the RTC measured is recorded while other CPUs run. The counter stays,
 * and the clocks step forward, so a reader which comes too early for the new number was
 * there before the sleep was known. The page is held under the lock of the clock then.
 *
 *
 * Change against pass, settime, and another change
 * ------------------------------------------------
 *
 * Who holds the lock of a clock has interrupts disabled, so the machine does not stop
 * before the lock is dropped.
 *
 *   CPU 0 (pass or settime)              CPU 1 (stop_machine)
 *   lock namespace
 *   numbers are the same
 *   advance on its counter, unlock       wait for CPU 0
 *                                        epoch = 1: TSC was at t1, HPET at h1
 *                                        epoch = 2: HPET was at h2, TSC at t2
 *   lock namespace
 *   numbers differ:
 *     advance to t1, rebase to h1
 *     advance to h2, rebase to t2
 *   advance to the present on the TSC
 *   set the clock, unlock
 *
 * The replay reads no counter, and takes a bounded number of steps with interrupts
 * disabled. If that does not suffice the page stays held. The records up to the epoch
 * are not overwritten, for the namespace is on the list of those which need them.
 *
 *
 * Change against exit
 * -------------------
 *
 *   CPU 0 (last reference goes)          CPU 1 (change)
 *   lock calendar                        lock calendar: wait
 *   leave the list of owners, unlock
 *   free the page                        hold the pages of those on the lists
 *
 * or the lock is taken in the other order, and the page is still there. A namespace
 * which was the last one to need the records frees them when it leaves.
 */
#include <linux/clocksource.h>
#include <linux/module.h>

#include "timens_line.h"

/* The time from the end of which on @tn->cycle_now and the host's counter agree again */
static void timens_tk_wake_up(struct timekeeper_ns *tn, const struct timens_tk_change *change)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	u64 cycles = change->cycles;

	tk->tkr_mono.cycle_last = cycles;
	tk->tkr_raw.cycle_last = cycles;
	tn->cycle_now = cycles;
	tk->ntp_error = 0;
	if (timens_tk_has_raw(tn))
		tn->raw.cycles = cycles;
	else
		tn->raw = change->raw;
	if (change->sleep.tv_sec || change->sleep.tv_nsec)
		timens_tk_add_sleep(tn, &change->sleep);
}

static void timens_tk_go_through(struct timekeeper_ns *tn, const struct timens_tk_change *change)
{
	struct timespec64 boot;

	timens_tk_forward_to(tn, change->old_cycles);
	switch (change->kind) {
	case TIMENS_TK_CLOCKSOURCE:
		WARN_ON_ONCE(tn->tkd.timekeeper.tkr_mono.clock != change->old);
		timens_tk_rebase(tn, change->cs, &change->raw, change->cycles);
		break;
	case TIMENS_TK_SUSPEND:
		if (timens_tk_has_raw(tn))
			timens_tk_raw_to(tn, change->old_cycles);
		timens_tk_own_line(tn, CLOCK_BOOTTIME, tn->cycle_now, &boot);
		timens_past_sleep(tn, change->boot, timespec64_to_ns(&boot));
		timens_tk_wake_up(tn, change);
		break;
	case TIMENS_TK_SLEEP:
		/* It was not set by that */
		if (unlikely(tn->stopped))
			break;
		timens_tk_add_sleep(tn, &change->sleep);
		timens_tk_clear_ntp(tn);
		timens_tk_retune(tn, 0);
		timens_tk_update_edge(tn);
		break;
	}
}

/**
 * timens_tk_next_change - What a clock has to go through next
 * @tn:		The namespace, which is stale
 *
 * Context: under the lock of the clock
 * Return: the record
 */
const struct timens_tk_change *timens_tk_next_change(const struct timekeeper_ns *tn)
{
	return &tn->log->change[(tn->epoch + 1) % TIMENS_TK_CHANGES];
}

/**
 * __timens_tk_replay - Take a clock through the changes which it has not seen
 * @tn:		The namespace
 * @steps:	In: the steps which may be taken, out: what is left of them
 *
 * Context: a write section
 * Return: whether the clock is on the counter of the host
 */
bool __timens_tk_replay(struct timekeeper_ns *tn, unsigned int *steps)
{
	const struct timens_tk_change *change;

	lockdep_assert_held(&tn->tkd.lock);

	/* The record is not older than its number */
	while (tn->epoch != smp_load_acquire(&tn->log->epoch)) {
		if (!*steps)
			return false;
		change = timens_tk_next_change(tn);
		if (!timens_tk_advance_to(tn, change->old_cycles, steps))
			return false;
		timens_tk_go_through(tn, change);
		*steps -= min(*steps, 1);
		WRITE_ONCE(tn->epoch, tn->epoch + 1);
	}
	return true;
}

/**
 * timens_tk_log_drain - Forget what no owner needs any more
 * @log:	The log
 *
 * Context: under the lock of the calendar, on which no owner is stale
 */
void timens_tk_log_drain(struct timens_tk_log *log)
{
	const struct timens_tk_change *change;

	while (log->oldest != log->epoch) {
		change = &log->change[++log->oldest % TIMENS_TK_CHANGES];
		if (change->kind == TIMENS_TK_CLOCKSOURCE)
			module_put(change->old->owner);
	}
}

/**
 * timens_tk_log_add - Record a change
 * @log:	The log, with room for it
 * @change:	The change
 *
 * A clocksource which owners count still is not unloaded.
 *
 * Context: under the lock of the calendar
 */
void timens_tk_log_add(struct timens_tk_log *log, const struct timens_tk_change *change)
{
	if (change->kind == TIMENS_TK_CLOCKSOURCE)
		__module_get(change->old->owner);
	log->change[(log->epoch + 1) % TIMENS_TK_CHANGES] = *change;
	/* Who sees the number finds the record */
	smp_store_release(&log->epoch, log->epoch + 1);
}
