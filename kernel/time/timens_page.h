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

/* The end of a write section. timens_page.c */
void timens_tk_update_end(struct timekeeper_ns *tn);

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

/* The second from which on readers have to step or to smear, or TIME64_MAX */
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

	return timens_tk_next_edge(tn) - tn->ahead <= (time64_t)tk->xtime_sec + 1;
}

static inline void timens_tk_update_begin(struct timekeeper_ns *tn)
{
	write_seqcount_begin(&tn->tkd.seq);
	/* What is written may be what makes the clock restless */
	tn->calm_until = 0;
	if (tn->vdata) {
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
	}
	write_seqcount_end(&tn->tkd.seq);
}
#endif /* _KERNEL_TIME_TIMENS_PAGE_H */
