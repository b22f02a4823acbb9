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
 * do_hres() reads a page of clocks like the system wide one. With a page of offsets,
 * which most are, it goes on here, as on a kernel without own clocks, plus the check
 * that the page stayed what it was: with the page behind it, which is the system wide
 * one, or that of the owner which the namespace follows. So do do_coarse() and time()
 * with the page of any namespace. Each of these reads makes one attempt at the ordinary case.
 *
 * Whatever is not ordinary is left to vdso_read_timens(), which reads every page, in
 * every state, the system wide one among them. It is out of line, and there is one of it
 * in an image: the 32-bit one has no more pages than that of a kernel without own clocks,
 * since there are programs which rely on that.
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

/* Whether a page with an odd count is one of offsets, and is not just written */
static __always_inline bool vdso_is_offsets(const struct vdso_data *vd)
{
	return IS_ENABLED(CONFIG_TIMEKEEPER_NS) ? vd->clock_mode >= VDSO_CLOCKMODE_SHARED :
						  vd->clock_mode == VDSO_CLOCKMODE_TIMENS;
}

static __always_inline int do_hres_timens(const struct vdso_data *vdns, clockid_t clk,
					  struct __kernel_timespec *ts);

#ifdef CONFIG_TIMEKEEPER_NS

/*
 * Whether it is the 32-bit image. That has two pages and not more, for CRIU 3.17 has no room
 * for more, and the clocks of hypervisors take a part of them. So it leaves what is rare.
 */
#ifdef BUILD_VDSO32
# define VDSO_IS_SMALL	true
#else
# define VDSO_IS_SMALL	false
#endif

/*
 * The fast paths, and the ordinary case of the page of a time namespace
 */

/*
 * Whether the page is that of a time namespace. do_coarse() and time() do not go by its
 * count. A test of bits is one instruction less than a comparison.
 */
static __always_inline bool vdso_is_timens(const struct vdso_data *vd)
{
	return vd->ns_state & (VDSO_NS_FOLLOW | VDSO_NS_OWN);
}

/*
 * The system wide page, from that of a time namespace. One which was made to follow an owner
 * has the page of the owner there, and it is the next one: the bit is as much as a page.
 */
static __always_inline const struct vdso_data *vdso_wide_page(const struct vdso_data *vdns)
{
	return (const void *)__arch_timens_vdso_data_of(vdns) + (vdns->ns_state & VDSO_NS_BEHIND);
}

/* Whether a fast path returned that the read is one for vdso_read_timens() */
static __always_inline bool vdso_is_left(int ret)
{
	return unlikely(ret == VDSO_TIMENS);
}

/* Whether do_coarse() has to read a page of offsets: vdso_is_timens() comes first */
static __always_inline bool vdso_coarse_is_offsets(const struct vdso_data *vd)
{
	return false;
}

/*
 * A page with a counter which cannot be read. That of an owner says so, too, when a leap
 * second is near, or smeared, for do_hres() to leave it alone. Which of them it is, is
 * found out where the fast path has no part in it.
 */
static __always_inline int vdso_no_counter(void)
{
	return VDSO_TIMENS;
}

/*
 * Whether the product of vdso_calc_ns() overflows, or the line of an owner ends before
 * @cycles, and the kernel has to bring it there. Neither is worth the registers.
 */
static __always_inline bool vdso_hres_is_beyond(const struct vdso_data *vd, u64 cycles)
{
	return unlikely(cycles - vd->cycle_last > vd->max_cycles);
}

/*
 * vdso_calc_ns() for a counter value which is not beyond. The time is to be made before
 * the count is looked at again: that takes less registers than to keep what it is made of.
 */
static __always_inline u64 vdso_hres_ns(const struct vdso_data *vd, u64 cycles, u64 base)
{
	u64 ns = ((cycles - vd->cycle_last) * vd->mult + base) >> vd->shift;

	asm volatile("" : "+r"(ns));
	return ns;
}

/* vdso_read_retry() without a register for what is compared */
static __always_inline bool vdso_is_changed(const struct vdso_data *vd, u32 seq)
{
	smp_rmb();	/* What was read is not newer than the count */
	return unlikely(vd->seq != seq);
}

/*
 * How far the line of an owner is at the host's last tick. Returns false if the page does
 * not say: it is written, or not a mere line, or the line ends before.
 *
 * The counter value of the tick is one word, and needs no count of the system wide page:
 * when the counter itself is another one, the page of the owner is held, in the same step.
 * A program with 32-bit registers reads two, of a value which does not go back.
 */
static __always_inline bool
vdso_last_tick(const struct vdso_data *vdns, const struct vdso_data *vd, u64 *delta)
{
	const u64 *end = &vdns->basetime[VDSO_NS_COARSE_SLOT].sec;
#ifdef BUILD_VDSO32
	const u32 *half = (const u32 *)&vd->cycle_last;
	u32 high = READ_ONCE(half[1]), low;

	smp_rmb();	/* The lower half between two looks at the higher one */
	low = READ_ONCE(half[0]);
	smp_rmb();	/* See above */
	if (unlikely(half[1] != high))
		return false;
	*delta = (u64)high << 32 | low;
#else
	*delta = READ_ONCE(vd->cycle_last);
#endif
	*delta -= vdns->cycle_last;
	if (likely(*delta < *end))
		return true;
#ifndef BUILD_VDSO32
	/* The line was bent since the tick; 64-bit arithmetic in halves leaves this, too */
	if ((s64)*delta < 0 && READ_ONCE(*end)) {
		*delta = 0;
		return true;
	}
#endif
	return false;
}

/*
 * A page of offsets, the clocks which are read with the counter. What do_hres() saw is
 * that it was one when its count was @ns_seq. It still is if it is that at the end. The
 * page of an owner is read here as do_hres() reads it for its members.
 */
static __always_inline bool
vdso_follow_hres(const struct vdso_data *vdns, clockid_t clk, u32 ns_seq, u64 *sec, u64 *ns)
{
	const struct vdso_data *vd = __arch_timens_vdso_data_of(vdns);
	const struct vdso_timestamp *base = &vd->basetime[clk];
	const struct timens_offset *offs = &vdns->offset[clk];
	u64 cycles;
	u32 seq;

	smp_rmb();	/* The offsets are not older than the mode */
	seq = READ_ONCE(vd->seq);
	if (unlikely(seq & 1))
		return false;
	smp_rmb();	/* As in do_hres() */
	cycles = __arch_get_hw_counter(vd->clock_mode, vd);
	if (unlikely(!vdso_cycles_ok(cycles)))
		return false;
	if (vdso_hres_is_beyond(vd, cycles))
		return false;
	*ns = vdso_hres_ns(vd, cycles, base->nsec) + offs->nsec;
	*sec = base->sec + offs->sec;
	return !vdso_is_changed(vd, seq) && !vdso_is_changed(vdns, ns_seq);
}

/*
 * The coarse clocks on the line of an owner, for itself and for who follows it, @own: the
 * clocks that they go with, at the host's last tick, which @vd has. The page of the owner
 * says in VDSO_NS_COARSE_SLOT up to where, and that is nowhere while it is written or is
 * not a mere line. So its count need not be even: "Owner against pass" in timens_page.c.
 */
static __always_inline int
vdso_coarse_line(const struct vdso_data *own, u32 own_seq, const struct vdso_data *line,
		 const struct vdso_data *vd, clockid_t clk, struct __kernel_timespec *ts)
{
	u32 seq = line == own ? own_seq : READ_ONCE(line->seq);
	const struct vdso_timestamp *base;
	u64 delta, ns;
	s64 sec;

	smp_rmb();	/* See above */
	/* One which has something else in that word says that it is to be read nowhere */
	if (unlikely(!vdso_last_tick(line, vd, &delta)))
		return VDSO_TIMENS;
	base = &line->basetime[clk - CLOCK_REALTIME_COARSE + CLOCK_REALTIME];
	ns = (delta * line->mult + base->nsec) >> line->shift;
	sec = base->sec;
	if (line != own) {
		ns += own->offset[clk].nsec;
		sec += own->offset[clk].sec;
		if (vdso_is_changed(line, seq))
			return VDSO_TIMENS;
	}
	if (vdso_is_changed(own, own_seq))
		return VDSO_TIMENS;
	ts->tv_sec = sec + __iter_div_u64_rem(ns, NSEC_PER_SEC, &ns);
	ts->tv_nsec = ns;
	return 0;
}

/*
 * The coarse clocks, on any page. Who follows an owner is left, and in the 32-bit image,
 * for its size, the owner itself.
 */
static __always_inline int vdso_coarse_timens(const struct vdso_data *vdns, clockid_t clk,
					      struct __kernel_timespec *ts)
{
	const struct vdso_data *vd = __arch_timens_vdso_data_of(vdns);
	const struct vdso_timestamp *base = &vd->basetime[clk];
	u32 ns_seq = READ_ONCE(vdns->seq), seq;
	s64 sec;
	u64 ns;

	smp_rmb();	/* The kind of the page is not older than the count */
	if (unlikely(vdns->clock_mode != VDSO_CLOCKMODE_TIMENS))
		return VDSO_IS_SMALL ? VDSO_TIMENS :
		       vdso_coarse_line(vdns, ns_seq, vdns, vd, clk, ts);
	smp_rmb();	/* and the offsets not older than that */
	seq = READ_ONCE(vd->seq);
	if (unlikely(seq & 1))
		return VDSO_TIMENS;
	smp_rmb();	/* As in do_coarse() */
	sec = base->sec + vdns->offset[clk].sec;
	ns = base->nsec + vdns->offset[clk].nsec;
	if (vdso_is_changed(vd, seq) || vdso_is_changed(vdns, ns_seq))
		return VDSO_TIMENS;
	ts->tv_sec = sec + __iter_div_u64_rem(ns, NSEC_PER_SEC, &ns);
	ts->tv_nsec = ns;
	return 0;
}

/* The coarse clocks of who was left. Returns false if they are not on a mere line */
static __always_inline bool vdso_coarse_left(const struct vdso_data *own, clockid_t clk,
					     struct __kernel_timespec *ts)
{
	const struct vdso_data *line = own;
	u32 own_seq = READ_ONCE(own->seq);

	smp_rmb();	/* The kind of the page is not older than the count */
	if (own->clock_mode == VDSO_CLOCKMODE_SHARED)
		line = __arch_timens_vdso_data_of(own);
	else if (!VDSO_IS_SMALL)
		return false;
	smp_rmb();	/* and the offsets not older than that */
	return !vdso_coarse_line(own, own_seq, line, vdso_wide_page(own), clk, ts);
}

/* The page with the resolution, which that of a time namespace does not have */
static __always_inline const struct vdso_data *vdso_host_page(const struct vdso_data *vd)
{
	return vd->ns_state ? vdso_wide_page(vd) : vd;
}

/* The page with the time zone: an owner has its own */
static __always_inline const struct vdso_data *vdso_tz_page(const struct vdso_data *vd)
{
	const struct vdso_data *own = vd;

	if (vd[CS_HRES_COARSE].ns_state & VDSO_NS_SHARED)
		vd = __arch_timens_vdso_data_of(vd);
	if (vd[CS_HRES_COARSE].ns_state & VDSO_NS_FOLLOW)
		return vdso_wide_page(own);
	return vd;
}

/*
 * Any page, in any state
 */

/* In 32-bit arithmetic it is worth a call. There it shifts by 32 at the most */
#ifdef BUILD_VDSO32
static noinline u64 vdso_mul_add_shr(u64 a, u32 mul, u64 b, u32 shift)
#else
static __always_inline u64 vdso_mul_add_shr(u64 a, u32 mul, u64 b, u32 shift)
#endif
{
	return mul_u64_u32_add_u64_shr(a, mul, b, shift);
}

static __always_inline u64 vdso_smear_moved(u64 ns, u32 slope)
{
	return vdso_mul_add_shr(ns, slope, 0, 32) >> (VDSO_NS_SMEAR_SHIFT - 32);
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
		moved = vdso_smear_moved(since, smear[VDSO_NS_SMEAR_SLOPE].sec);
		if (moved > most || since >= span)
			moved = most;
		phase += left < 0 ? -moved : moved;
	}
	*sec -= 2;
	*ns += 2 * NSEC_PER_SEC + phase;
}

/*
 * A line at a counter value. Unlike vdso_calc_ns() this is for counters which the vDSO
 * cannot read as well: they may wrap. A value before the point of the line stands for
 * it, as in clocksource_delta(); @max_cycles is at most half of the mask. Returns false,
 * and the last time of the line, if it is one of an owner and ends before @cycles.
 */
static __always_inline bool vdso_line_ns(const struct vdso_data *line, bool ends, u64 cycles,
					 u64 base, u64 *ns)
{
	u64 delta = (cycles - line->cycle_last) & line->mask;
	bool there = true;

	if (unlikely(delta > line->max_cycles)) {
		if (delta > line->mask - (line->mask >> 3)) {
			delta = 0;
		} else if (ends) {
			delta = line->max_cycles;
			there = false;
		}
	}
	*ns = vdso_mul_add_shr(delta, line->mult, base, line->shift);
	return there;
}

/* Where a page may be read: its count when it is not written, which is odd for one of offsets */
static __always_inline u32 vdso_ns_begin(const struct vdso_data *vdns)
{
	u32 seq;

	for (;;) {
		seq = READ_ONCE(vdns->seq);
		smp_rmb();	/* The mode is not older than the count */
		if (!(seq & 1) || vdso_is_offsets(vdns))
			break;
		cpu_relax();
	}
	smp_rmb();	/* and the data not older than the mode */
	return seq;
}

/*
 * Read a clock from the page of a time namespace, whatever that holds, or from the system
 * wide one.
 *
 * The page of a namespace which follows an owner has offsets to what the page of the owner
 * says: "The page" in kernel/time/timens_nested.c. Its coarse clocks are read here.
 *
 * The coarse clocks of an owner promise the resolution of a tick, but its page is
 * written once in seconds: they are the line of the page at the counter value of
 * the last tick, which the system wide page has, or where the line ends if that is
 * before. So they, and with them time(), never fail.
 *
 * The line is not always that of the page which has the counter, so this cannot be
 * do_hres() with another page. Its read of the counter is: with a helper for both,
 * gcc makes the fast path longer.
 *
 * A page which the host's change of the counter has left behind is held: its line is
 * one of another counter than the system wide page has. There the coarse clocks stand
 * where the line ends, which is where the change was, or before.
 *
 * Returns 0, or -1 if the clock is not coarse and the kernel has to read it: its line
 * ends before the present, its counter cannot be read, or its page is held.
 */
static noinline __maybe_unused int
vdso_read_timens(const struct vdso_data *vdns, clockid_t clk, struct __kernel_timespec *ts)
{
	const struct vdso_data *vd = vdso_host_page(vdns), *line, *own = vdns;
	bool coarse = BIT(clk) & VDSO_COARSE, there;
	s64 sec, edge_sec;
	u32 own_seq, ns_seq, seq, state;
	clockid_t fine = clk;
	u64 cycles, ns;
	s32 step = 0;

	if (coarse && vdso_coarse_left(own, clk, ts))
		return 0;
	if (clk == CLOCK_MONOTONIC_RAW) {
		own += CS_RAW;
		vd += CS_RAW;
	} else if (coarse) {
		fine = clk - CLOCK_REALTIME_COARSE + CLOCK_REALTIME;
	}

	do {
		vdns = own;
		own_seq = vdso_ns_begin(own);
		ns_seq = own_seq;
		state = READ_ONCE(own->ns_state);
		if (unlikely(state & VDSO_NS_SHARED)) {
			vdns = __arch_timens_vdso_data_of(own);
			ns_seq = vdso_ns_begin(vdns);
			state = READ_ONCE(vdns->ns_state);
		}
		line = state & VDSO_NS_OWN ? vdns : vd;

		do {
			seq = vdso_read_begin(vd);
			if (unlikely(state & VDSO_NS_HELD)) {
				if (!coarse)
					return -1;
				cycles = line->cycle_last + line->max_cycles;
			} else if (coarse) {
				cycles = vd->cycle_last;
			} else {
				cycles = __arch_get_hw_counter(vd->clock_mode, vd);
				if (unlikely(!vdso_cycles_ok(cycles)))
					return -1;
			}
			there = true;
			if (coarse && line == vd) {
				sec = vd->basetime[clk].sec;
				ns = vd->basetime[clk].nsec;
			} else {
				there = vdso_line_ns(line, state & VDSO_NS_OWN &&
						     clk != CLOCK_MONOTONIC_RAW, cycles,
						     line->basetime[fine].nsec, &ns) || coarse;
				sec = line->basetime[fine].sec;
			}
		} while (unlikely(vdso_read_retry(vd, seq)));

		if (state & VDSO_NS_FOLLOW) {
			sec += vdns->offset[clk].sec;
			ns += vdns->offset[clk].nsec;
		}
		/* Not that of an attempt before: the leap second may be in the line by now */
		edge_sec = S64_MAX;
		if (state & VDSO_NS_EDGE && fine == CLOCK_REALTIME) {
			if (state & VDSO_NS_SMEAR)
				vdso_smear(vdns, &sec, &ns);
			edge_sec = vdns->basetime[VDSO_NS_EDGE_SLOT].sec;
			step = vdns->basetime[VDSO_NS_EDGE_SLOT].nsec;
		}
		if (vdns != own) {
			sec += own->offset[clk].sec;
			ns += own->offset[clk].nsec;
		}
	} while (vdso_read_retry(vdns, ns_seq) || vdso_is_changed(own, own_seq));
	if (unlikely(!there))
		return -1;

	/* A loop around the division, for what is consistent only */
	sec += __iter_div_u64_rem(ns, NSEC_PER_SEC, &ns);
	if (sec >= edge_sec)
		sec += step;
	ts->tv_sec = sec;
	ts->tv_nsec = ns;
	return 0;
}

/*
 * What follows is called last by the functions of the vDSO, for the reads which their
 * fast paths left: so those save no register and keep no stack for it.
 */

static noinline __maybe_unused int
clock_gettime_timens(const struct vdso_data *vd, clockid_t clock, struct __kernel_timespec *ts)
{
	if (vdso_read_timens(vd, clock, ts))
		return clock_gettime_fallback(clock, ts);
	return 0;
}

#ifdef BUILD_VDSO32
static noinline __maybe_unused int
clock_gettime32_timens(const struct vdso_data *vd, clockid_t clock, struct old_timespec32 *res)
{
	struct __kernel_timespec ts __uninitialized;

	if (vdso_read_timens(vd, clock, &ts))
		return clock_gettime32_fallback(clock, res);
	res->tv_sec = ts.tv_sec;
	res->tv_nsec = ts.tv_nsec;
	return 0;
}
#endif

static noinline __maybe_unused int
gettimeofday_timens(const struct vdso_data *vd, struct __kernel_old_timeval *tv,
		    struct timezone *tz)
{
	struct __kernel_timespec ts __uninitialized;

	if (vdso_read_timens(vd, CLOCK_REALTIME, &ts))
		return gettimeofday_fallback(tv, tz);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = (u32)ts.tv_nsec / NSEC_PER_USEC;
	/* No system call for the time zone either: there are filters which allow none */
	if (tz) {
		vd = vdso_tz_page(vd);
		tz->tz_minuteswest = vd[CS_HRES_COARSE].tz_minuteswest;
		tz->tz_dsttime = vd[CS_HRES_COARSE].tz_dsttime;
	}
	return 0;
}

#ifdef VDSO_HAS_TIME
#ifndef BUILD_VDSO32
/* CLOCK_REALTIME_COARSE in full seconds, without a division: the page has the length of a second */
static __always_inline bool vdso_time_own(const struct vdso_data *vdns, __kernel_old_time_t *t)
{
	const struct vdso_timestamp *slot = &vdns->basetime[VDSO_NS_COARSE_SLOT];
	const struct vdso_timestamp *base = &vdns->basetime[CLOCK_REALTIME];
	u64 delta, ns, second;
	u32 seq = READ_ONCE(vdns->seq);

	smp_rmb();	/* The kind of the page is not older than the count */
	if (unlikely(!vdso_last_tick(vdns, __arch_get_timens_vdso_data(vdns), &delta)))
		return false;
	ns = delta * vdns->mult + base->nsec;
	*t = base->sec;
	if (likely(ns < slot->nsec))
		return !vdso_is_changed(vdns, seq);
	second = READ_ONCE(slot->nsec);
	if (vdso_is_changed(vdns, seq))
		return false;
	do {
		/* Not to be made a division */
		asm("" : "+rm"(ns));
		ns -= second;
		++*t;
	} while (ns >= second);
	return true;
}
#else
static __always_inline bool vdso_time_own(const struct vdso_data *vdns, __kernel_old_time_t *t)
{
	return false;
}
#endif

/* What time() does not find in the page it finds in the slow path, which does not fail */
static noinline __maybe_unused __kernel_old_time_t
time_slow(const struct vdso_data *vdns, __kernel_old_time_t *time)
{
	struct __kernel_timespec ts __uninitialized;

	vdso_read_timens(vdns, CLOCK_REALTIME_COARSE, &ts);
	if (time)
		*time = ts.tv_sec;
	return ts.tv_sec;
}

static __always_inline __kernel_old_time_t
time_own(const struct vdso_data *vdns, __kernel_old_time_t *time)
{
	__kernel_old_time_t t;

	if (!vdso_time_own(vdns, &t))
		return time_slow(vdns, time);
	if (time)
		*time = t;
	return t;
}

/* One word: with 32-bit registers the lower half, which is all that is returned */
static __always_inline __kernel_old_time_t vdso_seconds(const struct vdso_data *vd)
{
	return READ_ONCE(*(const __kernel_old_time_t *)&vd->basetime[CLOCK_REALTIME].sec);
}

/*
 * The host's outside, and if the namespace follows, which has no offset for this clock.
 * There it reads the time and after that whether it is the right one: "Follower against
 * switch" in timens_page.c.
 */
static __always_inline __kernel_old_time_t
time_timens(const struct vdso_data *vd, __kernel_old_time_t *time)
{
	__kernel_old_time_t t;

	/* Of so few instructions a jump is the most, so it is not for containers */
	if (likely(vdso_is_timens(vd))) {
		t = vdso_seconds(__arch_get_timens_vdso_data(vd));
		smp_rmb();	/* The time is not newer than the kind of the page */
		if (unlikely(vd->clock_mode != VDSO_CLOCKMODE_TIMENS))
			return time_own(vd, time);
		if (time)
			*time = t;
#ifndef BUILD_VDSO32
		/* Keeps the compiler from jumping to what follows, which is the same */
		barrier();
#endif
		return t;
	}

	t = vdso_seconds(vd);
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

static __always_inline bool
vdso_follow_hres(const struct vdso_data *vdns, clockid_t clk, u32 ns_seq, u64 *sec, u64 *ns)
{
	return false;
}

static __always_inline int vdso_coarse_timens(const struct vdso_data *vdns, clockid_t clk,
					      struct __kernel_timespec *ts)
{
	return -1;
}

static __always_inline int vdso_no_counter(void)
{
	return -1;
}

static __always_inline bool vdso_hres_is_beyond(const struct vdso_data *vd, u64 cycles)
{
	return false;
}

static __always_inline u64 vdso_hres_ns(const struct vdso_data *vd, u64 cycles, u64 base)
{
	return vdso_calc_ns(vd, cycles, base);
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
