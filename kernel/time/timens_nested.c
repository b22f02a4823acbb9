// SPDX-License-Identifier: GPL-2.0
/*
 * Time namespaces which follow an owner
 *
 * A namespace which is made by a member of an owner follows that owner, as one which is
 * made on the host follows the host: the same line, so CLOCK_REALTIME, TAI, rate, NTP,
 * leap seconds and smears are those of the owner, and CLOCK_MONOTONIC, MONOTONIC_RAW and
 * BOOTTIME are the owner's plus a constant. An NTP daemon in the outer container steers
 * the inner ones.
 *
 *	host --------------------------
 *	   '-- A (own) ---------------- one clock, A's:
 *	         |-- B (follows A) ----   A's line plus the offsets of B
 *	         |      '-- C (follows A) A's line plus the offsets of C, which begin as B's
 *	         '-- D (own) ----------- a copy of A's line, from when D wrote to its clock
 *	                '-- E (follows D)
 *
 * There are two levels, never more: who follows an owner has no followers, since C above
 * follows A and not B, and an owner follows nobody.
 *
 *
 * What becomes of a follower
 * --------------------------
 *
 *   what happens                    the followers
 *   ------------------------------  ------------------------------------------------------
 *   the owner is set, steered, has  see it at the same counter value. Their timers are
 *   a leap second, a smear, a rate  walked behind those of the owner, their timerfds
 *                                   cancelled as on the host.
 *   the owner is stopped, goes on   stand, and go on, with it
 *   the owner is restored           are restored with it: as for any set, CLOCK_REALTIME
 *                                   steps. The other clocks of an owner which has tasks,
 *                                   or followers, do not step (timens_save.c)
 *   the owner writes "follow"       follow the host with it: they are on its clock, which
 *                                   is the host's from then on plus constant offsets. If
 *                                   it becomes an owner again, they go along
 *   the owner's last task leaves    notice nothing: they hold its namespace, so that its
 *                                   clock goes on, and takes its passes
 *   a follower writes to its clock  becomes an owner of its own: its clock is a copy of the
 *                                   line, offsets included, and then what was written is
 *                                   done. What it was is forgotten: if it writes "follow"
 *                                   it follows the host. Else who follows it in turn would
 *                                   be on a third level
 *   a follower writes "follow"      nothing, since it follows; nor does "go", unless the
 *                                   owner stands: then it becomes an owner which goes on
 *
 * A follower never writes to the clock of its owner, whatever rights it has. Who has
 * CAP_SYS_TIME in the user namespace of the owner enters the namespace of the owner for
 * that. Where the administrator forbids to own a clock (kernel.timens_own), what is set
 * in a follower of an owner is refused with EPERM: it is not the host's clock which its
 * tasks see.
 *
 *
 * What it costs
 * -------------
 *
 * A follower of the host has no struct timekeeper_ns. One of an owner has it, for the
 * lists of its timers, since they have to move when the owner is set, and since it may
 * become an owner. But it counts for no clock (max_time_clocks) until then, is not in the
 * calendar, takes no pass and is not looked at when the host's timekeeping changes. The
 * owner pays for nothing but its own passes; who sets the clock of an owner pays for the
 * walks over all timers of its followers as well, and they are its own container's.
 *
 *
 * The page
 * --------
 *
 * The vDSO of a follower has three pages: its own, which has offsets and says that they
 * are to that of the owner (VDSO_NS_SHARED); that of the owner, which is mapped where others
 * have the system wide one; and the system wide one behind that (VDSO_NS_BEHIND). The page
 * of the follower is never written when the owner changes, whatever it becomes: what the
 * reader finds in the page of the owner is read as its members read it. So the clocks which
 * are read with the counter cost a follower of an owner what they cost one of the host: the
 * page of offsets is odd, as its is, and vdso_follow_hres() finds a page behind it which says
 * by itself whether it is a mere line. The coarse clocks need the last tick, which the
 * system wide page has, and whatever is not a line does; that is read out of line.
 *
 *   CPU 0 (owner is set, a pass, ...)    CPU 1 (reader in a follower)
 *                                        seq of the own page: odd, shared
 *                                        seq of the owner's page: even
 *   seq of the owner's page: odd
 *   line                                 line, whatever of it
 *   seq of the owner's page: even        it differs: start over
 *                                        add the offsets; the own seq is the same
 *
 *   CPU 0 (the follower is written to)   CPU 1 (reader in it)
 *                                        seq of the own page: 1, shared
 *   mode of the own page: busy
 *   seq of the own page: 3               read the owner's page
 *   line over the offsets                add offsets: garbage
 *   not shared
 *   seq of the own page: 4               it differs: start over, on the own line
 *
 * which is "Follower against switch" of timens_page.c.
 *
 * Which page is mapped where is a matter of the namespace and does not change while it has
 * tasks, since nobody could tell their page tables. So VDSO_NS_BEHIND stays when the follower
 * becomes an owner, which has the host's last tick one page further on than others: its
 * coarse clocks are not read by the fast path. And when that follows the host, the page behind
 * its own is not the one which its offsets are to: it is one without a counter then, which
 * the fast paths leave to vdso_read_timens().
 *
 * A reader which was preempted with the page of the owner in its hands still has it there:
 * the owner's namespace is kept until that of the follower is freed, as the mapping of the
 * own page is safe for no other reason.
 *
 *
 * Lifetime
 * --------
 *
 * A follower keeps the namespace of the owner (timekeeper_ns::kept) until it is freed
 * itself, even if it is an owner by then: so readers need no reference, and follow
 * timekeeper_ns::owner without a lock. Namespaces which became owners one inside the other
 * form a chain of such references, as long as their number is allowed to be
 * (max_time_namespaces), so free_time_ns() frees them in a loop and not by recursion.
 *
 * The owner has a list of those who keep it, for the walks. Who walks holds a reference on
 * the follower at which it is, so that this stays on the list, and no lock:
 *
 *   CPU 0 (walk of the owner)            CPU 1 (last task of the follower exits)
 *   lock followers_lock
 *   reference on F: not zero
 *   unlock
 *   walk F                               drop its reference: not the last one
 *   lock followers_lock
 *   on to the next, reference on it
 *   unlock
 *   drop that on F: the last one, so
 *     a work item frees F
 *                                        (work) lock followers_lock, off the list
 *
 * or the count is zero already, and F is passed over; who frees it waits for
 * followers_lock, and CPU 0 does not touch F any more. It is a work item which frees F
 * since the walk may be the work item of the owner: F may have the last reference on the
 * owner, and who frees that waits for its work item.
 *
 *
 * A follower becomes an owner
 * ---------------------------
 *
 * Under the lock of either clock, the owner's first, and those of the host and the
 * calendar around them, for the owner may just be one which follows the host:
 *
 *   CPU 0 (settime in the follower)      CPU 1 (settime in the owner)
 *   lock owner, follower
 *   copy the line, set it, owner = NULL
 *   unlock
 *                                        lock owner, set, unlock
 *                                        walk its followers: this one is none any more
 *   walk the own timers
 *
 * or with the owner first:
 *
 *                                        lock owner, set, unlock
 *   lock owner, follower
 *   copy the line as it is set
 *   unlock
 *   walk the own timers                  walk: none any more, or still, and once too often
 *
 * So the timers are walked behind either change, by whoever made the last one. Timers stay
 * on the lists on which they are: these belong to the namespace, not to the clock. A timer
 * which is armed meanwhile reads the clock under the lock of its list, as in timens_walk.c.
 *
 *   CPU 0 (settime in the follower)      CPU 1 (reads a clock of the follower)
 *                                        seq = even, owner: not NULL
 *   write section of the follower        read the owner's clock, add offsets
 *   copy; owner = NULL                   seq differs: again, on the own line
 *
 * What it reads then is not before what it read of the owner, since the copy is the same
 * line with the same offsets, and the section reads the counter after it has begun.
 *
 *
 * The past
 * --------
 *
 * When a process started (timens_past.c) is found in the log of the owner, plus the offset,
 * as long as the namespace follows. A follower which becomes an owner begins a log of its
 * own there. What started before is still found in the log of the former owner, which is
 * kept: so what was shown of it does not change.
 */
#include <linux/mutex.h>
#include <linux/time_namespace.h>

#include "timekeeping.h"
#include "timens_page.h"

/**
 * timens_nested_init - Initialize the lists of a clock
 * @tn:		The zeroed structure
 */
void timens_nested_init(struct timekeeper_ns *tn)
{
	INIT_LIST_HEAD(&tn->followers);
	INIT_LIST_HEAD(&tn->follower_node);
	mutex_init(&tn->followers_lock);
}

/**
 * timens_nested_join - Let a new namespace follow an owner
 * @tn:		What it has for a clock; nobody sees it yet
 * @from:	The namespace of who makes it: the owner, or another follower of it
 * @owner:	The owner
 *
 * Context: process context, under the mutex of @from
 */
void timens_nested_join(struct timekeeper_ns *tn, struct timekeeper_ns *from,
			struct timekeeper_ns *owner)
{
	lockdep_assert_held(&from->mutex);

	if (from != owner) {
		tn->offs = from->offs;
		tn->raw_offset = from->raw_offset;
	} else {
		/* Others read its clocks from here on, even if no task has entered it */
		owner->entered = true;
	}
	tn->owner = owner;
	tn->kept = get_time_ns(owner->ns);
	mutex_lock(&owner->followers_lock);
	list_add_tail(&tn->follower_node, &owner->followers);
	mutex_unlock(&owner->followers_lock);
}

/**
 * timens_nested_leave - A namespace goes which followed an owner, or does
 * @tn:		Its clock, to which nobody refers any more
 *
 * The reference on the owner is left to the caller.
 *
 * Context: process context
 */
void timens_nested_leave(struct timekeeper_ns *tn)
{
	struct timekeeper_ns *owner;

	if (!tn->kept)
		return;
	owner = timens_tk_of(tn->kept);
	mutex_lock(&owner->followers_lock);
	list_del(&tn->follower_node);
	mutex_unlock(&owner->followers_lock);
}

/**
 * timens_tk_owner_page - The page which is mapped behind that of a follower of an owner
 * @ns:		The namespace
 *
 * Return: the page, also if @ns has become an owner meanwhile; NULL if it never followed one
 */
struct page *timens_tk_owner_page(const struct time_namespace *ns)
{
	const struct timekeeper_ns *tn = timens_tk_of(ns);

	return tn && tn->kept ? tn->kept->vvar_page : NULL;
}

/**
 * timens_nested_setup_page - Set up the page of a follower for the first task
 * @tn:		The namespace
 * @vdata:	The vDSO data in its page, which nobody reads yet
 */
void timens_nested_setup_page(const struct timekeeper_ns *tn, struct vdso_data *vdata)
{
	unsigned int i;

	for (i = 0; i < CS_BASES; i++) {
		timens_tk_set_vdso_offsets(tn, &vdata[i]);
		vdata[i].ns_state = VDSO_NS_OWN | VDSO_NS_SHARED | VDSO_NS_BEHIND;
		vdata[i].seq = 1;
		vdata[i].clock_mode = VDSO_CLOCKMODE_SHARED;
	}
}

/**
 * timens_nested_set_offsets - Set MONOTONIC and BOOTTIME of a follower before the first task
 * @tn:		The namespace
 * @offs:	The offsets to the host which the clocks shall have at present
 * @raw_too:	That of CLOCK_MONOTONIC is new, and CLOCK_MONOTONIC_RAW gets it as well
 *
 * What is kept are the offsets to the owner, whose clocks are not the host's plus a constant.
 *
 * Context: process context, under timekeeper_ns::mutex
 */
void timens_nested_set_offsets(struct timekeeper_ns *tn, const struct timens_offsets *offs,
			       bool raw_too)
{
	struct time_namespace *owner = tn->kept;
	struct timespec64 mono, boot, raw, host;
	struct timens_tk_rate rate;
	unsigned long flags;

	lockdep_assert_held(&tn->mutex);

	mono = timespec64_sub(offs->monotonic, timens_tk_offset(owner, CLOCK_MONOTONIC));
	boot = timespec64_sub(offs->boottime, timens_tk_offset(owner, CLOCK_BOOTTIME));
	raw = timens_tk_raw_now(owner, &host, &rate);
	raw = timespec64_sub(offs->monotonic, timespec64_sub(raw, host));

	raw_spin_lock_irqsave(&tn->tkd.lock, flags);
	write_seqcount_begin(&tn->tkd.seq);
	tn->offs.boottime = boot;
	if (raw_too) {
		tn->offs.monotonic = mono;
		tn->raw_offset = raw;
	}
	write_seqcount_end(&tn->tkd.seq);
	raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
}

/**
 * timens_nested_take - Continue the line of the owner with the offsets of a follower
 * @tn:		The follower
 * @owner:	The owner, which owns its clock, and counts what the host counts
 *
 * All clocks are continuous. The clock is the owner's at its last update, and has to be
 * brought to the present.
 *
 * Context: a write section of @tn, under the lock of either clock
 */
void timens_nested_take(struct timekeeper_ns *tn, const struct timekeeper_ns *owner)
{
	struct timespec64 raw = tn->raw_offset, boot;
	struct timekeeper *tk = &tn->tkd.timekeeper;

	lockdep_assert_held(&tn->tkd.lock);
	lockdep_assert_held(&owner->tkd.lock);

	timens_tk_copy(tn, owner);
	tk_set_wall_to_mono(tk, timespec64_add(tk->wall_to_monotonic, tn->offs.monotonic));
	boot = timespec64_sub(tn->offs.boottime, tn->offs.monotonic);
	tk_update_sleep_time(tk, timespec64_to_ktime(boot));
	tn->raw_offset = timespec64_add(tn->raw_offset, raw);
	/* What did not pass of the owner's clock did not pass here */
	tn->mono_ahead = max(owner->mono_ahead + tn->offs.monotonic.tv_sec, 0);
}

/**
 * timens_nested_part - A follower of an owner is one itself
 * @tn:		The follower
 *
 * Context: a write section of @tn
 */
void timens_nested_part(struct timekeeper_ns *tn)
{
	lockdep_assert_held(&tn->tkd.lock);

	tn->state = TIMENS_TK_OWN;
	/* Pairs with timens_tk_owner_of(): who does not find it finds where the past is */
	smp_store_release(&tn->owner, NULL);
}
