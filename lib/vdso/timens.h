/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The clocks of a time namespace which can own them. Part of gettimeofday.c.
 *
 * The page of a time namespace holds offsets to the system wide clocks or clocks
 * of its own, and turns from the one into the other under its readers: offset[]
 * and basetime[] are the same memory. Its sequence count changes with each
 * update, among odd numbers as well, so every reader can notice. "The page" in
 * kernel/time/timens_page.c draws it.
 *
 * do_hres() reads a page of clocks like the system wide one. What is not for it,
 * and the coarse clocks of every namespace, it leaves to this file. Two paths
 * lead to a page from here:
 *
 * - A page of offsets, which most are, is read as on a kernel without own clocks,
 *   plus the check that it stayed what it was.
 * - vdso_read_timens() reads every page, in every state. It is out of line, and
 *   there is one of it in an image: the images have no more pages than those of a
 *   kernel without own clocks, since there are programs which rely on that.
 *
 * Without CONFIG_TIMEKEEPER_NS every page of a time namespace holds offsets for
 * ever, and what gettimeofday.c calls here adds no instruction to it.
 */
#ifndef __VDSO_TIMENS_H
#define __VDSO_TIMENS_H

/*
 * What the fast paths return for a page which is not for them. Their failures are
 * negative.
 */
#define VDSO_TIMENS	1

static __always_inline int do_hres_timens(const struct vdso_data *vdns, clockid_t clk,
					  struct __kernel_timespec *ts);
static __always_inline int do_coarse_timens(const struct vdso_data *vdns, clockid_t clk,
					    struct __kernel_timespec *ts);

#ifdef CONFIG_TIMEKEEPER_NS

/*
 * Called by the fast paths and by the readers of a page of offsets
 */

/* Whether the page is that of a time namespace. do_coarse() and time() do not go by its count */
static __always_inline bool vdso_is_timens(const struct vdso_data *vd)
{
	return unlikely(vd->ns_state);
}

/* Whether a fast path returned that the read is one for clock_gettime_timens() and the like */
static __always_inline bool vdso_is_left(int ret)
{
	return unlikely(ret == VDSO_TIMENS);
}

/* Whether do_coarse() has to read a page of offsets: vdso_is_timens() comes first */
static __always_inline bool vdso_coarse_is_offsets(const struct vdso_data *vd)
{
	return false;
}

/* A page of which the count is odd and the mode that of offsets */
static __always_inline int vdso_hres_timens(const struct vdso_data *vd, clockid_t clk,
					    struct __kernel_timespec *ts)
{
	return VDSO_TIMENS;
}

/*
 * Starts the read of a page of offsets. The odd count is the same sequence count, among
 * odd numbers. Returns false if the page does not hold offsets, or is about to be of
 * another kind.
 */
static __always_inline bool vdso_follow_begin(const struct vdso_data *vdns, u32 *seq)
{
	*seq = READ_ONCE(vdns->seq);
	smp_rmb();	/* The mode is not older than the count */
	if (!(*seq & 1) || READ_ONCE(vdns->clock_mode) != VDSO_CLOCKMODE_TIMENS)
		return false;
	smp_rmb();	/* and the data not older than the mode */
	return vdns->ns_state & VDSO_NS_FOLLOW;
}

static __always_inline bool vdso_follow_retry(const struct vdso_data *vdns, u32 seq)
{
	return unlikely(vdso_read_retry(vdns, seq));
}

/* The page with the resolution, which that of a time namespace does not have */
static __always_inline const struct vdso_data *vdso_host_page(const struct vdso_data *vd)
{
	return vd->ns_state ? __arch_get_timens_vdso_data(vd) : vd;
}

/* The page with the time zone: an owner has its own */
static __always_inline const struct vdso_data *vdso_tz_page(const struct vdso_data *vd)
{
	if (vd[CS_HRES_COARSE].ns_state & VDSO_NS_FOLLOW)
		return __arch_get_timens_vdso_data(vd);
	return vd;
}

/*
 * Any page, in any state
 */

/* With 32-bit registers the multiplication shifts by 32 at the most */
static __always_inline u64 vdso_smear_moved(u64 ns, u32 slope)
{
	return mul_u64_u32_add_u64_shr(ns, slope, 0, 32) >> (VDSO_NS_SMEAR_SHIFT - 32);
}

/*
 * A leap second which is smeared: CLOCK_REALTIME (@sec, @ns) with what the smear
 * adds to it, by less than two seconds. @ns may be more than a second then.
 */
static __always_inline void vdso_smear(const struct vdso_data *vdns, s64 *sec, u64 *ns)
{
	const struct vdso_timestamp *smear = vdns[CS_RAW].basetime;
	s64 phase = smear[VDSO_NS_SMEAR_PHASE].sec, left = smear[VDSO_NS_SMEAR_PHASE].nsec;
	u64 span = smear[VDSO_NS_SMEAR_SPAN].sec, most = left < 0 ? -left : left, moved;
	s64 since;

	since = (*sec - (s64)smear[VDSO_NS_SMEAR_AT].sec) * NSEC_PER_SEC +
		(s64)*ns - (s64)smear[VDSO_NS_SMEAR_AT].nsec;
	if (since > 0) {
		if (span > since)
			span = since;
		moved = vdso_smear_moved(span, smear[VDSO_NS_SMEAR_SLOPE].sec) +
			vdso_smear_moved(since - span, smear[VDSO_NS_SMEAR_SLOPE].nsec);
		if (moved > most)
			moved = most;
		phase += left < 0 ? -moved : moved;
	}
	*sec -= 2;
	*ns += 2 * NSEC_PER_SEC + phase;
}

/*
 * A line at a counter value. Unlike vdso_calc_ns() this is for counters which the vDSO
 * cannot read as well: they may wrap. A value before the point of the line stands for
 * it, as in clocksource_delta(); @max_cycles is at most half of the mask.
 */
static __always_inline u64 vdso_line_ns(const struct vdso_data *line, u64 cycles, u64 base)
{
	u64 delta = (cycles - line->cycle_last) & line->mask;

	if (likely(delta <= line->max_cycles))
		return (delta * line->mult + base) >> line->shift;
	if (likely(delta > line->mask - (line->mask >> 3)))
		return base >> line->shift;
	return mul_u64_u32_add_u64_shr(delta, line->mult, base, line->shift);
}

/*
 * Read a clock from the page of a time namespace, whatever that holds.
 *
 * The coarse clocks of an owner promise the resolution of a tick, but its page is
 * written once a second: they are the line of the page at the counter value of
 * the last tick, which the system wide page has. So they, and with them time(),
 * never fail.
 *
 * The line is not always that of the page which has the counter, so this cannot be
 * do_hres() with another page. Its read of the counter is: with a helper for both,
 * gcc makes the fast path longer.
 *
 * Returns 0, or -1 if the clock is not coarse and its counter cannot be read.
 */
static noinline __maybe_unused int
vdso_read_timens(const struct vdso_data *vdns, clockid_t clk, struct __kernel_timespec *ts)
{
	const struct vdso_data *vd = __arch_get_timens_vdso_data(vdns), *line;
	bool coarse = BIT(clk) & VDSO_COARSE;
	u32 ns_seq, seq, state;
	clockid_t fine = clk;
	s64 sec, edge_sec;
	u64 cycles, ns;
	s32 step;

	if (clk == CLOCK_MONOTONIC_RAW) {
		vdns += CS_RAW;
		vd += CS_RAW;
	} else if (coarse) {
		fine = clk - CLOCK_REALTIME_COARSE + CLOCK_REALTIME;
	}

	for (;;) {
		ns_seq = READ_ONCE(vdns->seq);
		smp_rmb();	/* See vdso_follow_begin() */
		if ((ns_seq & 1) && READ_ONCE(vdns->clock_mode) != VDSO_CLOCKMODE_TIMENS) {
			cpu_relax();
			continue;
		}
		smp_rmb();	/* See vdso_follow_begin() */
		state = READ_ONCE(vdns->ns_state);
		line = state & VDSO_NS_OWN ? vdns : vd;

		do {
			seq = vdso_read_begin(vd);
			if (coarse) {
				cycles = vd->cycle_last;
			} else {
				cycles = __arch_get_hw_counter(vd->clock_mode, vd);
				if (unlikely(!vdso_cycles_ok(cycles)))
					return -1;
			}
			if (coarse && line == vd) {
				sec = vd->basetime[clk].sec;
				ns = vd->basetime[clk].nsec;
			} else {
				ns = vdso_line_ns(line, cycles, line->basetime[fine].nsec);
				sec = line->basetime[fine].sec;
			}
		} while (unlikely(vdso_read_retry(vd, seq)));

		if (!(state & VDSO_NS_OWN)) {
			sec += vdns->offset[clk].sec;
			ns += vdns->offset[clk].nsec;
		}
		/* A loop around the division, for what is consistent only */
		if (unlikely(vdso_read_retry(vdns, ns_seq)))
			continue;
		sec += __iter_div_u64_rem(ns, NSEC_PER_SEC, &ns);
		if (likely(!(state & VDSO_NS_EDGE) || fine != CLOCK_REALTIME))
			break;

		if (state & VDSO_NS_SMEAR)
			vdso_smear(vdns, &sec, &ns);
		edge_sec = vdns->basetime[VDSO_NS_EDGE_SLOT].sec;
		step = vdns->basetime[VDSO_NS_EDGE_SLOT].nsec;
		if (unlikely(vdso_read_retry(vdns, ns_seq)))
			continue;
		sec += __iter_div_u64_rem(ns, NSEC_PER_SEC, &ns);
		if (sec >= edge_sec)
			sec += step;
		break;
	}

	ts->tv_sec = sec;
	ts->tv_nsec = ns;
	return 0;
}

/*
 * What follows is for the reads of which do_hres() and do_coarse() found that they
 * are not for them. All of it is out of line and called last, so that a read which
 * does not need it saves no register and keeps no stack for it.
 */

/* Returns non-zero if the page does not hold offsets, or their clock cannot be read */
static __always_inline int
vdso_read_follow(const struct vdso_data *vd, clockid_t clock, struct __kernel_timespec *ts)
{
	if (BIT(clock) & VDSO_COARSE)
		return do_coarse_timens(vd, clock, ts);
	return do_hres_timens(&vd[clock == CLOCK_MONOTONIC_RAW ? CS_RAW : CS_HRES_COARSE],
			      clock, ts);
}

static __always_inline int
vdso_put_tv(const struct vdso_data *vd, const struct __kernel_timespec *ts,
	    struct __kernel_old_timeval *tv, struct timezone *tz)
{
	tv->tv_sec = ts->tv_sec;
	tv->tv_usec = (u32)ts->tv_nsec / NSEC_PER_USEC;
	if (tz) {
		vd = vdso_tz_page(vd);
		tz->tz_minuteswest = vd[CS_HRES_COARSE].tz_minuteswest;
		tz->tz_dsttime = vd[CS_HRES_COARSE].tz_dsttime;
	}
	return 0;
}

#ifdef BUILD_VDSO32
/*
 * 64-bit arithmetic takes some three times as much code here, and there are more
 * callers: they share it.
 */
static noinline __maybe_unused int
vdso_read_follow32(const struct vdso_data *vd, clockid_t clock, struct __kernel_timespec *ts)
{
	return vdso_read_follow(vd, clock, ts);
}

static __always_inline int
vdso_read_shared(const struct vdso_data *vd, clockid_t clock, struct __kernel_timespec *ts)
{
	if (likely(READ_ONCE(vd->ns_state) & VDSO_NS_FOLLOW) &&
	    likely(!vdso_read_follow32(vd, clock, ts)))
		return 0;
	return vdso_read_timens(vd, clock, ts);
}

static noinline __maybe_unused int
clock_gettime_timens(const struct vdso_data *vd, clockid_t clock, struct __kernel_timespec *ts)
{
	if (unlikely(vdso_read_shared(vd, clock, ts)))
		return clock_gettime_fallback(clock, ts);
	return 0;
}

static noinline __maybe_unused int
clock_gettime32_timens(const struct vdso_data *vd, clockid_t clock, struct old_timespec32 *res)
{
	struct __kernel_timespec ts;

	if (unlikely(vdso_read_shared(vd, clock, &ts)))
		return clock_gettime32_fallback(clock, res);
	res->tv_sec = ts.tv_sec;
	res->tv_nsec = ts.tv_nsec;
	return 0;
}

static noinline __maybe_unused int
gettimeofday_timens(const struct vdso_data *vd, struct __kernel_old_timeval *tv,
		    struct timezone *tz)
{
	struct __kernel_timespec ts;

	if (unlikely(vdso_read_shared(vd, CLOCK_REALTIME, &ts)))
		return gettimeofday_fallback(tv, tz);
	return vdso_put_tv(vd, &ts, tv, tz);
}
#else
/* A page of offsets is not to pay for the registers and the calls of the rest */
static noinline __maybe_unused int
clock_gettime_slow(const struct vdso_data *vd, clockid_t clock, struct __kernel_timespec *ts)
{
	if (unlikely(vdso_read_timens(vd, clock, ts)))
		return clock_gettime_fallback(clock, ts);
	return 0;
}

static noinline __maybe_unused int
clock_gettime_timens(const struct vdso_data *vd, clockid_t clock, struct __kernel_timespec *ts)
{
	if (likely(!vdso_read_follow(vd, clock, ts)))
		return 0;
	return clock_gettime_slow(vd, clock, ts);
}

static noinline __maybe_unused int
gettimeofday_slow(const struct vdso_data *vd, struct __kernel_old_timeval *tv,
		  struct timezone *tz)
{
	struct __kernel_timespec ts;

	if (unlikely(vdso_read_timens(vd, CLOCK_REALTIME, &ts)))
		return gettimeofday_fallback(tv, tz);
	return vdso_put_tv(vd, &ts, tv, tz);
}

static noinline __maybe_unused int
gettimeofday_timens(const struct vdso_data *vd, struct __kernel_old_timeval *tv,
		    struct timezone *tz)
{
	struct __kernel_timespec ts;

	if (unlikely(vdso_read_follow(vd, CLOCK_REALTIME, &ts)))
		return gettimeofday_slow(vd, tv, tz);
	return vdso_put_tv(vd, &ts, tv, tz);
}
#endif /* BUILD_VDSO32 */

#ifdef VDSO_HAS_TIME
/* time() is CLOCK_REALTIME_COARSE in full seconds, and cannot fail */
static noinline __maybe_unused __kernel_old_time_t
time_slow(const struct vdso_data *vd, __kernel_old_time_t *time)
{
	struct __kernel_timespec ts;

	vdso_read_timens(vd, CLOCK_REALTIME_COARSE, &ts);
	if (time)
		*time = ts.tv_sec;
	return ts.tv_sec;
}

/* The host's if the namespace follows, which has no offset for this clock */
static noinline __maybe_unused __kernel_old_time_t
time_timens(const struct vdso_data *vd, __kernel_old_time_t *time)
{
	__kernel_old_time_t t;
	u32 seq;

	if (unlikely(!vdso_follow_begin(vd, &seq)))
		return time_slow(vd, time);
	t = READ_ONCE(__arch_get_timens_vdso_data(vd)[CS_HRES_COARSE].basetime[CLOCK_REALTIME].sec);
	if (vdso_follow_retry(vd, seq))
		return time_slow(vd, time);
	if (time)
		*time = t;
	return t;
}
#endif /* VDSO_HAS_TIME */

#else /* !CONFIG_TIMEKEEPER_NS */

static __always_inline bool vdso_is_timens(const struct vdso_data *vd)
{
	return false;
}

static __always_inline bool vdso_is_left(int ret)
{
	return false;
}

static __always_inline bool vdso_coarse_is_offsets(const struct vdso_data *vd)
{
	return IS_ENABLED(CONFIG_TIME_NS) && vd->clock_mode == VDSO_CLOCKMODE_TIMENS;
}

static __always_inline int vdso_hres_timens(const struct vdso_data *vd, clockid_t clk,
					    struct __kernel_timespec *ts)
{
	return do_hres_timens(vd, clk, ts);
}

static __always_inline bool vdso_follow_begin(const struct vdso_data *vdns, u32 *seq)
{
	return true;
}

static __always_inline bool vdso_follow_retry(const struct vdso_data *vdns, u32 seq)
{
	return false;
}

static __always_inline const struct vdso_data *vdso_host_page(const struct vdso_data *vd)
{
#ifdef CONFIG_TIME_NS
	if (vd->clock_mode == VDSO_CLOCKMODE_TIMENS)
		vd = __arch_get_timens_vdso_data(vd);
#endif
	return vd;
}

static __always_inline const struct vdso_data *vdso_tz_page(const struct vdso_data *vd)
{
	return vdso_host_page(vd);
}

static __always_inline __kernel_old_time_t
time_timens(const struct vdso_data *vd, __kernel_old_time_t *time)
{
	return 0;
}

static __always_inline int
clock_gettime_timens(const struct vdso_data *vd, clockid_t clock, struct __kernel_timespec *ts)
{
	return -1;
}

#ifdef BUILD_VDSO32
static __always_inline int
clock_gettime32_timens(const struct vdso_data *vd, clockid_t clock, struct old_timespec32 *res)
{
	return -1;
}
#endif

static __always_inline int
gettimeofday_timens(const struct vdso_data *vd, struct __kernel_old_timeval *tv,
		    struct timezone *tz)
{
	return -1;
}

#endif /* CONFIG_TIMEKEEPER_NS */

#endif /* __VDSO_TIMENS_H */
