/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Publication: the write section of a clock, and what a calm pass writes into the
 * page.
 *
 * Who changes a line does it between timens_tk_update_begin() and
 * timens_tk_update_end(), under tkd.lock. The design is in the opening comment of
 * timens_page.c.
 */
#ifndef _KERNEL_TIME_TIMENS_PAGE_H
#define _KERNEL_TIME_TIMENS_PAGE_H

#include <linux/lockdep.h>
#include <linux/seqlock.h>
#include <vdso/datapage.h>

#include "timens_line.h"

/* timens_page.c: the end of a write section, a page which may not be read, one of offsets */
void timens_tk_update_end(struct timekeeper_ns *tn);
void timens_tk_page_hold(struct vdso_data *vd, u64 cycles);
void timens_tk_set_vdso_offsets(const struct timekeeper_ns *tn, struct vdso_data *vd);

static inline void timens_tk_page_begin(struct vdso_data *vd)
{
	u32 seq = vd->seq;

	if (seq & 1) {
		WRITE_ONCE(vd->clock_mode, VDSO_CLOCKMODE_NONE);
		smp_wmb();	/* A reader of the new count sees the mode gone */
		WRITE_ONCE(vd->seq, seq + 2);
	} else {
		WRITE_ONCE(vd->seq, seq + 1);
	}
}

/*
 * The coarse clocks of an owner, and time(), are shut out before the count is odd, and
 * let in again after it is even: they do not look at that. See "Owner against pass" in
 * timens_page.c.
 */
static inline void timens_tk_page_shut(struct vdso_data *vd)
{
	WRITE_ONCE(vd[CS_HRES_COARSE].basetime[VDSO_NS_COARSE_SLOT].sec, 0);
	smp_wmb();	/* A reader of the new count sees it */
}

static inline void timens_tk_page_open(const struct timekeeper_ns *tn, struct vdso_data *vd)
{
	smp_wmb();	/* A reader of it sees the new count */
	WRITE_ONCE(vd[CS_HRES_COARSE].basetime[VDSO_NS_COARSE_SLOT].sec, tn->page_coarse);
}

/*
 * The coarse clocks end at a counter value, or where the line ends before it. What they
 * would be evaluated at, the last tick of the host, is one of another counter.
 */
static inline void timens_tk_page_end_at(struct vdso_data *vd, u64 cycles)
{
	u64 delta = (cycles - vd->cycle_last) & vd->mask;

	if (likely(delta <= vd->max_cycles))
		vd->max_cycles = delta;
	else if (delta > vd->mask - (vd->mask >> 3))
		vd->max_cycles = 0;	/* Before the point of the line: see vdso_line_ns() */
	vd->ns_state |= VDSO_NS_HELD;
	vd[CS_RAW].ns_state |= VDSO_NS_HELD;
}

/*
 * The hold of a page, where no other CPU runs. There are many pages, and the machine
 * waits. No reader can tell the order of the stores: one which was interrupted finds
 * another count, even again.
 */
static inline void timens_tk_page_hold_still(struct vdso_data *vd, u64 cycles)
{
	timens_tk_page_end_at(vd, cycles);
	vd[CS_HRES_COARSE].basetime[VDSO_NS_COARSE_SLOT].sec = 0;
	vd[CS_HRES_COARSE].clock_mode = VDSO_CLOCKMODE_NONE;
	vd[CS_HRES_COARSE].seq += 2;
	vd[CS_RAW].clock_mode = VDSO_CLOCKMODE_NONE;
	vd[CS_RAW].seq += 2;
}

static inline void timens_tk_page_time(struct vdso_data *vd, clockid_t clk, u64 sec, u64 xnsec,
				       u64 nsecps)
{
	while (xnsec >= nsecps) {
		xnsec -= nsecps;
		sec++;
	}
	vd->basetime[clk].sec = sec;
	vd->basetime[clk].nsec = xnsec;
}

/*
 * What each pass changes in the page of an owner. With timens_tk_page_own() the twin
 * of update_vdso_data(), for a line which starts where the slope changed and a raw
 * clock with an offset. tkt_page() holds it to what the kernel reads.
 */
static inline void timens_tk_page_line(const struct timekeeper_ns *tn, struct vdso_data *vd)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	const struct tk_read_base *tkr = &tk->tkr_mono;
	u64 nsecps = timens_tk_second(tk), sec, xnsec;

	vd->cycle_last	= tn->cycle_now;
	vd->mult	= tkr->mult;

	/* At most an interval above a second; each offset adds less than one */
	xnsec = tkr->xtime_nsec + ((tn->cycle_now - tkr->cycle_last) & tkr->mask) * tkr->mult;
	sec = tk->xtime_sec;
	timens_tk_page_time(vd, CLOCK_REALTIME, sec, xnsec, nsecps);
	timens_tk_page_time(vd, CLOCK_TAI, sec + tk->tai_offset, xnsec, nsecps);

	sec += tk->wall_to_monotonic.tv_sec;
	xnsec += (u64)tk->wall_to_monotonic.tv_nsec << tkr->shift;
	timens_tk_page_time(vd, CLOCK_MONOTONIC, sec, xnsec, nsecps);

	sec += tk->monotonic_to_boot.tv_sec;
	xnsec += (u64)tk->monotonic_to_boot.tv_nsec << tkr->shift;
	timens_tk_page_time(vd, CLOCK_BOOTTIME, sec, xnsec, nsecps);

	vd = &vd[CS_RAW];
	vd->cycle_last	= tn->raw.cycles;
	timens_tk_page_time(vd, CLOCK_MONOTONIC_RAW, tn->raw.sec + tn->raw_offset.tv_sec,
			    tn->raw.xnsec + ((u64)tn->raw_offset.tv_nsec << tn->raw.shift),
			    (u64)NSEC_PER_SEC << tn->raw.shift);
}

/* The second from which readers step or smear, or TIME64_MAX */
static inline time64_t timens_tk_next_edge(const struct timekeeper_ns *tn)
{
	if (unlikely(tn->smear.state != TIMENS_SMEAR_NONE))
		return div_s64(tn->smear.start, NSEC_PER_SEC);
	return tn->edge_sec;
}

/* Close enough for the next two passes, and a late one, to miss the edge */
static inline bool timens_tk_edge_is_near(const struct timekeeper_ns *tn)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;

	/* What an earlier smear left is read all the time until the next one takes it off */
	if (unlikely(tn->smear.state != TIMENS_SMEAR_NONE) && tn->smear.from)
		return true;
	return timens_tk_next_edge(tn) - tn->ahead <= (time64_t)tk->xtime_sec + 1;
}

static inline void timens_tk_update_begin(struct timekeeper_ns *tn)
{
	write_seqcount_begin(&tn->tkd.seq);
	/* What is written may be what makes the clock change */
	tn->calm_until = 0;
	if (tn->vdata) {
		timens_tk_page_shut(tn->vdata);
		timens_tk_page_begin(&tn->vdata[CS_HRES_COARSE]);
		timens_tk_page_begin(&tn->vdata[CS_RAW]);
	}
	/* Order the counts before the counter: see "Publication" in timens_page.c */
	smp_mb();
}

/* Whether the clock moved, and with it the timers have to, since last asked */
static inline bool timens_tk_take_moved(struct timekeeper_ns *tn)
{
	bool moved = tn->moved;

	lockdep_assert_held(&tn->tkd.lock);

	tn->moved = false;
	return moved;
}

/*
 * The end of a section in which only the line was moved. The page is that of an
 * owner with no edge in sight, whose mode stays.
 */
static inline void timens_tk_update_end_calm(struct timekeeper_ns *tn)
{
	struct vdso_data *vd = tn->vdata;

	if (vd) {
		timens_tk_page_line(tn, vd);
		smp_wmb();	/* The data come before the even counts */
		WRITE_ONCE(vd[CS_RAW].seq, vd[CS_RAW].seq + 1);
		WRITE_ONCE(vd[CS_HRES_COARSE].seq, vd[CS_HRES_COARSE].seq + 1);
		timens_tk_page_open(tn, vd);
	}
	write_seqcount_end(&tn->tkd.seq);
}
#endif /* _KERNEL_TIME_TIMENS_PAGE_H */
