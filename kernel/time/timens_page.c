// SPDX-License-Identifier: GPL-2.0
/*
 * Publication of the clock of a time namespace
 *
 *
 * Publication
 * -----------
 *
 * The line of a clock is a point (counter value, time) and a slope
 * (mult, shift). Kernel readers take it from tkd.timekeeper under tkd.seq,
 * vDSO readers from the page under the page's own sequence count. Both are
 * written in one section, update_begin() to update_end().
 *
 * A pass bends the line, it must not break it. It may only choose the bend
 * after the readers of the old line have gone:
 *
 *   CPU 0 (pass)                         CPU 1 (vDSO reader)
 *                                        seq = even
 *   now = counter                        counter = now + d
 *   seq = odd
 *   bend the line at now                 time = old line at now + d
 *   seq = even                           seq unchanged?  no: retry
 *
 * That is fine, the reader retries. But with the counter read first and
 * "seq = odd" still in the store buffer of CPU 0, CPU 1 can finish on the old
 * line at now + d, and read the new line, which is lower there, next. So the
 * order is: seq = odd, full barrier, read the counter, bend.
 *
 * Everything before the bend belongs to the old line. The coarse clocks are
 * evaluated at the counter value of the host's last tick, which may lie
 * before the bend; they use the bend then (cycle_now). That is never before
 * what the old line gave, nor later than now.
 *
 *
 * The page
 * --------
 *
 *              seq    clock_mode   ns_state     read by
 *   follow     odd    TIMENS       FOLLOW       offset path, host's page
 *   own        even   the counter  OWN          do_hres(), unchanged
 *   edge       even   NONE         OWN | EDGE   own line plus step, slow path
 *   smear      even   NONE         also SMEAR   own line plus phase, slow path
 *   no counter even   NONE         any of OWN   coarse clocks alone
 *   held       even   NONE         also HELD    the same: they stand, see timens_change.c
 *   shared     odd    SHARED       OWN | SHARED offset path, the page of the owner which
 *                                               the namespace follows: timens_nested.c
 *   parted     even   NONE         FOLLOW       slow path, offsets to the host's page: it
 *                                               followed an owner once
 *   update     odd    neither                   spin
 *
 * A clock which stands is a line with a multiplier of zero which never ends.
 *
 * So an odd count with TIMENS or SHARED is a page of offsets, to the page which is mapped
 * behind it: do_hres() goes on with these two alone. It leaves a page without a counter to the
 * slow path, which looks at ns_state.
 *
 * offset[] of the first row and basetime[] of the others share their place. A reader
 * of offsets holds no even count which a writer could invalidate, so the odd count
 * serves as one. "Follower against switch":
 *
 *   CPU 0 (switch follow -> own)         CPU 1 (reader of offsets)
 *                                        seq = 1, clock_mode = TIMENS
 *   clock_mode = busy
 *   wmb
 *   seq = 3
 *   wmb
 *   basetime[] over offset[]             host time + offset[]: garbage
 *   wmb                                  rmb
 *   clock_mode = TSC                     seq != 1: slow path
 *   wmb                                  seq = 3, TSC: spin
 *   seq = 4                              seq = 4: own line
 *
 * A reader which sees seq = 3 cannot see the old clock_mode any more, as it was
 * replaced before; when it sees TIMENS, it is the one which was written after the data.
 * The count is compared at the end also for the sake of a reader which was preempted
 * with the offsets in its hands: its time is the host's, but the clock is another one
 * by then, and may be behind it. And a reader of a coarse clock looks at clock_mode
 * without regard to whether the count was odd. An even one is not that of a page of
 * offsets, so the comparison fails.
 *
 * time() in a namespace that follows takes one word, of the host's page, and makes one
 * comparison, of clock_mode, after it:
 *
 *   CPU 0 (switch follow -> own)         CPU 1 (time())
 *                                        second of the host
 *                                        rmb
 *   clock_mode = busy                    clock_mode = TIMENS: before the switch
 *   ...                                  clock_mode = TSC: own line
 *
 *   CPU 0 (switch own -> follow)         CPU 1 (time())
 *                                        second of the host
 *   the clock is the host's
 *   clock_mode = TIMENS                  rmb
 *                                        clock_mode = TIMENS
 *
 * In the latter it returns what the host showed since it was called, and not more than
 * what anybody reads who does so after it returned, nor after the switch: as if it had
 * been preempted right behind the switch. That is as good as a second can be which
 * comes with a step of the clock. CLOCK_MONOTONIC has no steps, and an offset which
 * the switch changes: there the count is compared.
 *
 *
 * The coarse clocks of an owner
 * -----------------------------
 *
 * They are the line at the host's last tick, and the page of a calm owner is written
 * once in seconds. So the reader has two counter values to subtract, one of each page.
 * All else that it would have to find out is in one word of the own page, in
 * VDSO_NS_COARSE_SLOT: how many counter values the line may be read at. That is 0 for
 * a line which is not all (edge, smear), one which is held, and one of a counter which
 * wraps: these go the slow path. It is 0 as well while the page is written, which saves
 * the reader the look whether the count is even. "Owner against pass":
 *
 *   CPU 0 (pass)                         CPU 1 (coarse clock)
 *                                        seq = 4 or seq = 5
 *   slot = 0
 *   wmb
 *   seq = 5                              rmb
 *   wmb                                  slot != 0, from before: seq was 4
 *   line                                 slot = 0: slow path
 *   wmb                                  line, whatever of it
 *   seq = 6                              rmb
 *   wmb                                  seq != 4, nor 5: slow path
 *   slot = end
 *
 * With seq = 5 the old slot is out of sight, and with the new slot seq = 5 is. With
 * seq = 4 at the end as well, nothing of the new line was read.
 *
 * The tick of the host is one word, too, and its count is not looked at:
 *
 *   CPU 0 (host's tick)                  CPU 1 (coarse clock)
 *   seq = odd
 *   cycle_last = new                     cycle_last = new: the own line there
 *   ...                                  a fine clock reads the counter after that
 *   seq = even
 *
 * The counter was read before cycle_last was written, so no coarse clock is ahead of a
 * fine one which is read later. When the counter becomes another one, no other CPU
 * runs, and each page of an owner is held before one does.
 */
#include <linux/jiffies.h>
#include <linux/time_namespace.h>

#include "timens_page.h"

static void timens_tk_page_end(struct vdso_data *vd, s32 clock_mode)
{
	smp_wmb();	/* The data come before the mode which tells how to read them */
	WRITE_ONCE(vd->clock_mode, clock_mode);
	if (clock_mode >= VDSO_CLOCKMODE_SHARED)
		return;
	smp_wmb();	/* and both before the even count */
	WRITE_ONCE(vd->seq, vd->seq + 1);
}

static void timens_tk_page_own(const struct timekeeper_ns *tn, struct vdso_data *vd)
{
	const struct tk_read_base *tkr = &tn->tkd.timekeeper.tkr_mono;

	timens_tk_page_line(tn, vd);
	if (unlikely(tn->stopped))
		vd->mult = 0;
	vd->max_cycles	= tn->page_valid;
	vd->mask	= tkr->mask;
	vd->shift	= tkr->shift;
	vd->basetime[VDSO_NS_COARSE_SLOT].nsec = timens_tk_second(&tn->tkd.timekeeper);
	vd->tz_minuteswest = tn->tz.tz_minuteswest;
	vd->tz_dsttime = tn->tz.tz_dsttime;

	vd = &vd[CS_RAW];
	if (unlikely(tn->stopped))
		vd->max_cycles = U64_MAX;
	else if (timens_tk_is_rated(tn))
		vd->max_cycles = timens_tk_max_cycles(tn->raw.mult, tn->raw.shift);
	else
		vd->max_cycles = tkr->clock->max_cycles;
	vd->mask	= tkr->mask;
	vd->mult	= tn->raw.mult;
	vd->shift	= tn->raw.shift;
}

static void timens_tk_page_edge(const struct timekeeper_ns *tn, struct vdso_data *vd)
{
	const struct timens_smear *s = &tn->smear;
	struct vdso_timestamp *slot = vd[CS_RAW].basetime;
	struct timespec64 at;

	vd->ns_state |= VDSO_NS_EDGE;
	vd->basetime[VDSO_NS_EDGE_SLOT].sec = tn->edge_sec;
	vd->basetime[VDSO_NS_EDGE_SLOT].nsec = (s64)tn->edge_step;
	if (s->state == TIMENS_SMEAR_NONE)
		return;

	BUILD_BUG_ON(VDSO_NS_SMEAR_SHIFT != TIMENS_SMEAR_SCALE);
	vd->ns_state |= VDSO_NS_SMEAR;
	at = ns_to_timespec64(s->at);
	slot[VDSO_NS_SMEAR_AT].sec = at.tv_sec;
	slot[VDSO_NS_SMEAR_AT].nsec = at.tv_nsec;
	slot[VDSO_NS_SMEAR_PHASE].sec = s->phase;
	slot[VDSO_NS_SMEAR_PHASE].nsec = s->knot - s->phase;
	slot[VDSO_NS_SMEAR_SLOPE].sec = s->slope;
	slot[VDSO_NS_SMEAR_SLOPE].nsec = 0;
	slot[VDSO_NS_SMEAR_SPAN].sec = s->aim - s->at;
}

/**
 * timens_tk_set_vdso_offsets - Tell the vDSO the offsets of a clock which follows
 * @tn:		The namespace
 * @vd:		Data of its page
 *
 * The raw clock is not steered, so that its offset differs from that of CLOCK_MONOTONIC
 * once the namespace has owned its clock.
 *
 * Context: a write section, or before anybody reads the page
 */
void timens_tk_set_vdso_offsets(const struct timekeeper_ns *tn, struct vdso_data *vd)
{
	/* That of a new page is zero; here are the times of an owner */
	memset(vd->offset, 0, sizeof(vd->offset));
	timens_set_vdso_offsets(vd, &tn->offs);
	vd->offset[CLOCK_MONOTONIC_RAW].sec = tn->raw_offset.tv_sec;
	vd->offset[CLOCK_MONOTONIC_RAW].nsec = tn->raw_offset.tv_nsec;
}

/**
 * timens_tk_page_hold - Keep the readers from the line of a page
 * @vd:		The vDSO data of an owner
 * @cycles:	Counter value, of the counter of the page, up to which it says all
 *
 * Context: under the lock of the clock; no update of the page is under way
 */
void timens_tk_page_hold(struct vdso_data *vd, u64 cycles)
{
	timens_tk_page_shut(vd);
	timens_tk_page_begin(&vd[CS_HRES_COARSE]);
	timens_tk_page_begin(&vd[CS_RAW]);
	smp_wmb();	/* A reader of what follows sees the counts change */
	timens_tk_page_end_at(vd, cycles);
	timens_tk_page_end(&vd[CS_RAW], VDSO_CLOCKMODE_NONE);
	timens_tk_page_end(&vd[CS_HRES_COARSE], VDSO_CLOCKMODE_NONE);
}

/*
 * Note whether the timers of the namespace have to move: see "Walk" in
 * timens_walk.c. In a pass nothing of it happens, as a rule.
 */
static void timens_tk_look_moved(struct timekeeper_ns *tn)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	struct timens_tk_seen *seen = &tn->seen;
	ktime_t real_offset = ktime_sub(tk->offs_real, tn->smear.total);
	u32 mult = tn->stopped ? 0 : tk->tkr_mono.mult;

	/* The rate of CLOCK_REALTIME is meant, which has a smear on top */
	if (unlikely(tn->smear.state == TIMENS_SMEAR_RUNNING ||
		     tn->smear.state == TIMENS_SMEAR_BACK)) {
		u32 more = mul_u64_u32_shr(mult, tn->smear.slope, TIMENS_SMEAR_SCALE);

		mult = tn->smear.knot < tn->smear.phase ? mult - more : mult + more;
	}

	if (likely(real_offset == seen->real_offset && tn->edge_sec == seen->edge_sec &&
		   tk->tai_offset == seen->tai_offset && tn->state == seen->state &&
		   tk->tkr_mono.shift == seen->shift &&
		   abs_diff(mult, seen->mult) <= mult >> TIMENS_TIMER_RATE_SHIFT))
		return;

	seen->real_offset = real_offset;
	seen->edge_sec = tn->edge_sec;
	seen->tai_offset = tk->tai_offset;
	seen->state = tn->state;
	seen->shift = tk->tkr_mono.shift;
	seen->mult = mult;
	tn->moved = true;
}

/*
 * Whether the clock may have left its last line of the past. Changes by less than
 * 1/65536 wait until it is due. A calm pass need not ask: see timens_tk_settle().
 */
static bool timens_tk_past_is_due(const struct timekeeper_ns *tn)
{
	u64 host = READ_ONCE(tk_core.timekeeper.ntp_tick), now = get_jiffies_64();
	const struct timens_past *past = &tn->past;

	return now >= past->due ||
	       abs_diff(tn->ntp.tick_length, past->tick) > tn->ntp.tick_length >> 16 ||
	       abs_diff(host, past->host_tick) > host >> 16;
}

/**
 * timens_tk_update_end - End a write section
 * @tn:		The namespace
 *
 * Context: behind timens_tk_update_begin()
 */
void timens_tk_update_end(struct timekeeper_ns *tn)
{
	/* A matter of the mapping, whatever becomes of the namespace */
	u32 behind = tn->kept ? VDSO_NS_BEHIND : 0;
	struct vdso_data *vd = tn->vdata;
	s32 mode;

	timens_tk_look_moved(tn);
	tn->valid = timens_tk_valid(tn);
	/* The line of the page ends where its clock has to take a leap second, too */
	tn->page_valid = tn->valid;
	if (unlikely(timens_tk_next_edge(tn) != TIME64_MAX) && !timens_tk_edge_is_near(tn) &&
	    !tn->stopped)
		tn->page_valid = timens_tk_cycles_to(tn, timens_tk_next_edge(tn), tn->valid);
	if (!vd)
		goto out;

	if (tn->state == TIMENS_TK_FOLLOW && timens_tk_owner_of(tn)) {
		/* A failure, which left the offsets alone: see timens_nested_setup_page() */
		vd[CS_HRES_COARSE].ns_state = VDSO_NS_OWN | VDSO_NS_SHARED | behind;
		vd[CS_RAW].ns_state = VDSO_NS_OWN | VDSO_NS_SHARED | behind;
		timens_tk_page_end(&vd[CS_RAW], VDSO_CLOCKMODE_SHARED);
		timens_tk_page_end(&vd[CS_HRES_COARSE], VDSO_CLOCKMODE_SHARED);
		goto out;
	}
	if (tn->state == TIMENS_TK_FOLLOW) {
		/* The page behind one which was made to follow an owner is not the host's */
		mode = behind ? VDSO_CLOCKMODE_NONE : VDSO_CLOCKMODE_TIMENS;
		vd[CS_HRES_COARSE].ns_state = VDSO_NS_FOLLOW | behind;
		vd[CS_RAW].ns_state = VDSO_NS_FOLLOW | behind;
		timens_tk_page_end(&vd[CS_HRES_COARSE], mode);
		timens_tk_page_end(&vd[CS_RAW], mode);
		goto out;
	}

	mode = tn->tkd.timekeeper.tkr_mono.clock->vdso_clock_mode;
	timens_tk_page_own(tn, vd);
	vd[CS_HRES_COARSE].ns_state = VDSO_NS_OWN | behind;
	vd[CS_RAW].ns_state = VDSO_NS_OWN | behind;
	/* Changes of the host's timekeeping are left for a later section */
	if (timens_tk_is_stale(tn)) {
		timens_tk_page_end_at(vd, timens_tk_next_change(tn)->old_cycles);
		mode = VDSO_CLOCKMODE_NONE;
	}
	timens_tk_page_end(&vd[CS_RAW], mode);
	tn->page_coarse = 0;
	if (timens_tk_edge_is_near(tn)) {
		timens_tk_page_edge(tn, vd);
		/* Nothing is read there with a mere line */
		mode = VDSO_CLOCKMODE_NONE;
	} else if (!behind && !(vd[CS_HRES_COARSE].ns_state & VDSO_NS_HELD) &&
		   vd->mask == U64_MAX) {
		/* Where it looks for the last tick one that followed an owner has another page */
		tn->page_coarse = tn->stopped ? U64_MAX : tn->page_valid + 1;
	}
	timens_tk_page_end(&vd[CS_HRES_COARSE], mode);
	timens_tk_page_open(tn, vd);
out:
	write_seqcount_end(&tn->tkd.seq);
	if (unlikely(timens_tk_past_is_due(tn)))
		timens_past_look(tn);
}
