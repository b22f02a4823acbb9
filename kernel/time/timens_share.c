// SPDX-License-Identifier: GPL-2.0
/*
 * Users share the tick
 *
 * Namespaces are served in the order in which they fall due, within the budget of the
 * tick. As long as a tick has budget for all of them that is fair, and costs nothing.
 * When it does not, whose passes take most would make all others wait: 10,000 owners
 * which are due at once and take TIMENS_TK_STEPS each are five seconds of ticks.
 *
 * So what a tick leaves over is sorted by user, into TIMENS_TK_SHARES queues, and the
 * queues take turns, a pass each:
 *
 *   slots -> carry ------------------------------> pass	as long as the budget lasts
 *              |                                    |
 *              | left over by a tick                | more steps to take
 *              v                                    v
 *            share[0] share[1] ... share[63] ----> pass	in turn
 *
 * Sorting is part of the tick, so it is bounded too, by TIMENS_TK_SORT namespaces in each.
 * With N namespaces due at once and u queues which have some, a pass before which k others
 * of its own queue come begins at the latest
 *
 *	N / TIMENS_TK_SORT + (k + 1) * u * TIMENS_TK_STEPS / TIMENS_TK_BUDGET + 1
 *
 * ticks after it fell due: for one of a user who has few, 80 ticks beside 10,000 of
 * another, however much these have to do. No reader sees that a pass is late, for who reads
 * beyond the end of a line brings the clock there itself.
 *
 * The user is who created the outermost user namespace below the initial one, since
 * whoever is root in a user namespace has as many user IDs as it has asked for. Users
 * are hashed, with a salt that changes with each boot: two of them may share a queue by
 * chance, but none can choose with whom.
 */
#include <linux/cred.h>
#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/time_namespace.h>
#include <linux/user_namespace.h>

#include "timens_internal.h"

static u32 timens_share_salt __ro_after_init;

static int __init timens_share_init(void)
{
	BUILD_BUG_ON(sizeof_field(struct timens_tk_calendar, shared) * BITS_PER_BYTE !=
		     TIMENS_TK_SHARES);

	timens_share_salt = get_random_u32();
	return 0;
}
core_initcall(timens_share_init);

/**
 * timens_share_of - The queue of a namespace
 * @ns:		The namespace
 *
 * Context: any
 * Return: below TIMENS_TK_SHARES
 */
unsigned int timens_share_of(const struct time_namespace *ns)
{
	const struct ucounts *who = ns->ucounts;

	/* Each of them keeps the next */
	while (who->ns->ucounts)
		who = who->ns->ucounts;
	return jhash_1word(__kuid_val(who->uid), timens_share_salt) % TIMENS_TK_SHARES;
}

/**
 * timens_share_add - Put a namespace behind the others of its user
 * @cal:	The calendar
 * @tn:		The namespace, not queued
 *
 * Context: under the lock of @cal
 */
void timens_share_add(struct timens_tk_calendar *cal, struct timekeeper_ns *tn)
{
	list_add_tail(&tn->node, &cal->share[tn->share]);
	cal->shared |= BIT_ULL(tn->share);
}

/**
 * timens_share_sort - Sort what waits by user
 * @cal:	The calendar
 *
 * The first TIMENS_TK_SORT namespaces of the carry list, which wait the longest.
 *
 * Context: under the lock of @cal
 */
void timens_share_sort(struct timens_tk_calendar *cal)
{
	struct timekeeper_ns *tn, *next;
	unsigned int n = 0;

	list_for_each_entry_safe(tn, next, &cal->carry, node) {
		if (n++ == TIMENS_TK_SORT)
			break;
		list_del(&tn->node);
		timens_share_add(cal, tn);
	}
}

/**
 * timens_share_next - The next namespace in turn
 * @cal:	The calendar
 *
 * The bit of a queue is cleared when its turn comes and it is empty: a namespace leaves
 * wherever it is queued, without looking.
 *
 * Context: under the lock of @cal
 * Return: a namespace, removed from the calendar, or NULL if no queue has one
 */
struct timekeeper_ns *timens_share_next(struct timens_tk_calendar *cal)
{
	struct timekeeper_ns *tn;
	unsigned int turn;
	u64 ahead;

	while (cal->shared) {
		ahead = cal->shared & ~(BIT_ULL(cal->turn) - 1);
		turn = __ffs64(ahead ?: cal->shared);
		cal->turn = (turn + 1) % TIMENS_TK_SHARES;
		tn = list_first_entry_or_null(&cal->share[turn], struct timekeeper_ns, node);
		if (tn) {
			list_del_init(&tn->node);
			return tn;
		}
		cal->shared &= ~BIT_ULL(turn);
	}
	return NULL;
}
