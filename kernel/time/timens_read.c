// SPDX-License-Identifier: GPL-2.0
/*
 * Reading the clocks of a time namespace in the kernel
 *
 * Readers take the line from tkd.timekeeper under tkd.seq. Where it ends before the
 * present they advance it themselves, so it does not matter to them when a pass comes.
 * Those of user space read the page instead (lib/vdso/timens.h), which says how far
 * it is valid; behind that they take the system call. The coarse clocks stand still
 * there, on either side. A namespace that
 * follows the host is read as mainline reads it: the host's clock plus a constant.
 *
 * Everything that needs a clock of a namespace along with one of the host at the
 * same instant (timers, timestamps, the log of the past, the offsets that are shown)
 * goes through timens_tk_read_pair().
 *
 * The static key of the owners is here, since it is readers who ask first whether
 * there is anything to read.
 */
#include <linux/export.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>

#include "timens_line.h"

/*
 * Counts the namespaces which have a clock, whether they own it at present or gave it
 * back. Creating and destroying the only one over and over must not patch the
 * kernel's text, which interrupts every CPU, more often than once in minutes.
 */
DEFINE_STATIC_KEY_DEFERRED_FALSE(timens_tk_key, TIMENS_TK_KEY_LINGER);

atomic64_t timens_tk_patched;

/**
 * timens_tk_key_inc - Need what is behind a static key
 * @key:	The key
 *
 * Counts how often that patches the text of the kernel.
 *
 * Context: process context
 */
void timens_tk_key_inc(struct static_key_false *key)
{
	if (!static_key_enabled(key))
		atomic64_inc(&timens_tk_patched);
	static_branch_inc(key);
}

/*
 * Counter value of the host's last tick. It is one word, but a reader must not
 * get an old one while the page of the host has the new one already.
 */
static u64 timens_tk_last_tick(void)
{
	unsigned int seq;
	u64 cycles;

	do {
		seq = read_seqcount_begin(&tk_core.seq);
		cycles = tk_core.timekeeper.tkr_mono.cycle_last;
	} while (read_seqcount_retry(&tk_core.seq, seq));

	return cycles;
}

static inline bool timens_tk_is_coarse(clockid_t clk)
{
	return clk == CLOCK_REALTIME_COARSE || clk == CLOCK_MONOTONIC_COARSE;
}

/*
 * The end of a read section. If the line ends before the counter value which was
 * read, or is one of another counter (timens_change.c), the clock is brought up to
 * the present, and the section has to be repeated. Whether it is one of another
 * counter is asked after the counter was read.
 */
static inline bool timens_tk_read_retry(struct timekeeper_ns *tn, unsigned int seq, bool beyond)
{
	if (read_seqcount_retry(&tn->tkd.seq, seq))
		return true;
	/* Nobody can while the timekeeping is suspended, nor reads what matters */
	if (likely(!beyond) || timekeeping_suspended)
		return false;
	timens_tk_catch_up(tn);
	return true;
}

/*
 * A coarse clock is that of the last tick, and of no tick if the page ends before it:
 * it stands there until the next pass, as the host's stands while there is no tick.
 * There are tasks which may read it, but make no system call (seccomp).
 */
static u64 timens_tk_coarse_cycles(const struct timekeeper_ns *tn, u64 cycles)
{
	u64 delta = timens_tk_delta(&tn->tkd.timekeeper.tkr_mono, cycles, tn->cycle_now);

	return tn->cycle_now + min(delta, tn->page_valid);
}

/* What a namespace which follows adds to a clock: of the host, or of the owner */
static void timens_tk_add_offset(const struct timekeeper_ns *tn, clockid_t clk,
				 struct timespec64 *ts)
{
	switch (clk) {
	case CLOCK_MONOTONIC_RAW:
		*ts = timespec64_add(*ts, tn->raw_offset);
		return;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_COARSE:
		*ts = timespec64_add(*ts, tn->offs.monotonic);
		return;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*ts = timespec64_add(*ts, tn->offs.boottime);
		return;
	}
}

/* The host's clocks with the constant offsets; as timens_get_ts64(), for one with a clock */
static void timens_tk_read_follow(const struct timekeeper_ns *tn, clockid_t clk,
				  struct timespec64 *ts)
{
	switch (clk) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_ALARM:
		ktime_get_real_ts64(ts);
		return;
	case CLOCK_REALTIME_COARSE:
		ktime_get_coarse_real_ts64(ts);
		return;
	case CLOCK_TAI:
		ktime_get_clocktai_ts64(ts);
		return;
	case CLOCK_MONOTONIC_RAW:
		ktime_get_raw_ts64(ts);
		break;
	case CLOCK_MONOTONIC_COARSE:
		ktime_get_coarse_ts64(ts);
		break;
	case CLOCK_MONOTONIC:
		ktime_get_ts64(ts);
		break;
	default:
		ktime_get_boottime_ts64(ts);
		break;
	}
	timens_tk_add_offset(tn, clk, ts);
}

static void timens_tk_read_owner(struct timekeeper_ns *tn, struct timekeeper_ns *owner,
				 clockid_t clk, struct timespec64 *ts);

/*
 * A clock of @tn at present, or at the last tick for a coarse one. @nested: @tn may follow
 * an owner.
 */
static __always_inline void timens_tk_read(struct timekeeper_ns *tn, clockid_t clk,
					   struct timespec64 *ts, bool nested)
{
	struct timekeeper_ns *owner;
	unsigned int seq;
	bool beyond;
	u64 cycles;

	do {
		seq = read_seqcount_begin(&tn->tkd.seq);
		beyond = false;
		if (tn->state == TIMENS_TK_FOLLOW) {
			owner = nested ? timens_tk_owner_of(tn) : NULL;
			if (owner)
				timens_tk_read_owner(tn, owner, clk, ts);
			else
				timens_tk_read_follow(tn, clk, ts);
			timens_tk_section_goes_on();
			continue;
		}
		if (timens_tk_is_coarse(clk)) {
			cycles = timens_tk_last_tick();
			timens_tk_section_goes_on();
			beyond = timens_tk_is_stale(tn);
			timens_tk_read_at(tn, clk, timens_tk_coarse_cycles(tn, cycles), ts);
			continue;
		}
		cycles = timens_tk_counter(tn);
		timens_tk_section_goes_on();
		beyond = timens_tk_is_stale(tn) ||
			 (clk != CLOCK_MONOTONIC_RAW && timens_tk_is_beyond(tn, cycles));
		timens_tk_read_at(tn, clk, cycles, ts);
	} while (timens_tk_read_retry(tn, seq, beyond));
}

/* An owner follows nobody: there is no other level */
static noinline void timens_tk_read_owner(struct timekeeper_ns *tn, struct timekeeper_ns *owner,
					  clockid_t clk, struct timespec64 *ts)
{
	timens_tk_read(owner, clk, ts, false);
	timens_tk_add_offset(tn, clk, ts);
}

bool __timens_tk_get_ts64(clockid_t clk, struct timespec64 *ts)
{
	struct timekeeper_ns *tn = timens_tk_of(current->nsproxy->time_ns);

	if (likely(!tn))
		return false;
	timens_tk_read(tn, clk, ts, true);
	return true;
}

/**
 * timens_tk_coarse_real - CLOCK_REALTIME_COARSE of a namespace
 * @ns:		The namespace, of whomever
 * @ts:		Storage for the time
 *
 * Context: any but NMI
 */
void timens_tk_coarse_real(struct time_namespace *ns, struct timespec64 *ts)
{
	struct timekeeper_ns *tn = timens_tk_of(ns);

	if (tn)
		timens_tk_read(tn, CLOCK_REALTIME_COARSE, ts, true);
	else
		ktime_get_coarse_real_ts64(ts);
}

/* What a smear adds to the multiplier of CLOCK_REALTIME at @real of the line */
static s64 timens_tk_smear_mult(const struct timekeeper_ns *tn, const struct timespec64 *real)
{
	const struct timens_smear *s = &tn->smear;
	s64 now, more;

	if (likely(s->state == TIMENS_SMEAR_NONE))
		return 0;
	now = timespec64_to_ns(real);
	if (now < s->at || now >= s->end)
		return 0;
	more = mul_u64_u32_shr(tn->tkd.timekeeper.tkr_mono.mult, s->slope, TIMENS_SMEAR_SCALE);
	return s->knot < s->phase ? -more : more;
}

/**
 * struct timens_tk_host_now - The host at one instant
 * @cycles:	Its counter
 * @same:	The clock which is read of the namespace, on the host
 * @leap:	CLOCK_MONOTONIC of its next leap second
 * @offs_real:	CLOCK_REALTIME less MONOTONIC
 * @shift:	That of its multiplier
 */
struct timens_tk_host_now {
	u64			cycles;
	struct timespec64	same;
	ktime_t			leap;
	ktime_t			offs_real;
	u32			shift;
};

static void timens_tk_read_host(clockid_t clk, clockid_t host_clk, struct timens_tk_pair *p,
				struct timens_tk_host_now *now)
{
	const struct timekeeper *host = &tk_core.timekeeper;
	unsigned int seq;
	u64 delta;

	do {
		seq = read_seqcount_begin(&tk_core.seq);
		now->cycles = READ_ONCE(host->tkr_mono.clock)->read(host->tkr_mono.clock);
		delta = timens_tk_delta(&host->tkr_mono, now->cycles, host->tkr_mono.cycle_last);
		timens_tk_line(host, host_clk, delta, &p->host);
		timens_tk_line(host, clk, delta, &now->same);
		now->leap = host->next_leap_ktime;
		now->offs_real = host->offs_real;
		p->host_mult = host->tkr_mono.mult;
		now->shift = host->tkr_mono.shift;
	} while (read_seqcount_retry(&tk_core.seq, seq));
}

/* A clock which follows the host at constant offsets */
static void timens_tk_pair_follow(const struct timens_offsets *offs, clockid_t clk,
				  const struct timespec64 *same, struct timens_tk_pair *p)
{
	p->own = false;
	p->rate = (struct timens_tk_rate){ 1, 1 };
	p->ns = *same;
	if (clk == CLOCK_MONOTONIC)
		p->ns = timespec64_add(p->ns, offs->monotonic);
	if (clk == CLOCK_BOOTTIME || clk == CLOCK_BOOTTIME_ALARM)
		p->ns = timespec64_add(p->ns, offs->boottime);
	p->ns_mult = p->host_mult;
	p->edge_sec = TIME64_MAX;
	p->edge_step = 0;
}

/*
 * A clock which follows no owner, as the owner of its timers does not see it: with all
 * offsets. @locked: under the lock of the clock, which was just brought up to the present.
 *
 * Return: the scale of @p->ns_mult
 */
static u32 timens_tk_pair_line(struct timekeeper_ns *tn, clockid_t clk, clockid_t host_clk,
			       struct timens_tk_pair *p, struct timens_tk_host_now *now,
			       bool locked)
{
	struct timespec64 real;
	unsigned int seq;
	bool beyond;
	u32 shift;

	do {
		seq = read_seqcount_begin(&tn->tkd.seq);
		timens_tk_read_host(clk, host_clk, p, now);
		timens_tk_section_goes_on();

		beyond = false;
		if (tn->state == TIMENS_TK_OWN) {
			p->own = true;
			p->rate = tn->rate;
			beyond = !locked && (timens_tk_is_stale(tn) ||
					     timens_tk_is_beyond(tn, now->cycles));
			timens_tk_read_at(tn, clk, now->cycles, &p->ns);
			timens_tk_own_line(tn, CLOCK_REALTIME, now->cycles, &real);
			p->ns_mult = tn->stopped ? 0 : tn->tkd.timekeeper.tkr_mono.mult;
			if (clk == CLOCK_REALTIME && likely(!tn->stopped))
				p->ns_mult += timens_tk_smear_mult(tn, &real);
			shift = tn->tkd.timekeeper.tkr_mono.shift;
			/* Behind the edge, the step is part of the time already */
			p->edge_sec = real.tv_sec >= tn->edge_sec ? TIME64_MAX : tn->edge_sec;
			p->edge_step = tn->edge_step;
		} else {
			timens_tk_pair_follow(&tn->offs, clk, &now->same, p);
			shift = now->shift;
		}
	} while (timens_tk_read_retry(tn, seq, beyond));

	return shift;
}

/*
 * The same for any namespace with a clock. Who follows an owner may become one meanwhile,
 * but does not follow again; so a look at @owner before the section is enough to stay out
 * of it.
 */
static u32 timens_tk_pair_any(struct timekeeper_ns *tn, clockid_t clk, clockid_t host_clk,
			      struct timens_tk_pair *p, struct timens_tk_host_now *now,
			      bool locked)
{
	struct timekeeper_ns *owner;
	unsigned int seq;
	u32 shift;

	do {
		seq = read_seqcount_begin(&tn->tkd.seq);
		owner = timens_tk_owner_of(tn);
		if (likely(!owner))
			return timens_tk_pair_line(tn, clk, host_clk, p, now, locked);
		shift = timens_tk_pair_line(owner, clk, host_clk, p, now, false);
		timens_tk_add_offset(tn, clk, &p->ns);
		timens_tk_section_goes_on();
	} while (read_seqcount_retry(&tn->tkd.seq, seq));

	return shift;
}

static void __timens_tk_read_pair(struct time_namespace *ns, clockid_t clk, clockid_t host_clk,
				  struct timens_tk_pair *p, bool locked)
{
	/* The initial namespace has none either; its offsets are zero */
	struct timekeeper_ns *tn = timens_tk_of(ns);
	struct timens_tk_host_now now;
	u32 shift;

	if (!tn) {
		timens_tk_read_host(clk, host_clk, p, &now);
		timens_tk_pair_follow(&ns->offsets, clk, &now.same, p);
		shift = now.shift;
	} else {
		shift = timens_tk_pair_any(tn, clk, host_clk, p, &now, locked);
	}

	/* Of two scales take the finer one, as a rule that of the namespace */
	if (likely(shift >= now.shift))
		p->host_mult <<= shift - now.shift;
	else
		p->ns_mult <<= now.shift - shift;
	p->host_leap = now.leap == KTIME_MAX ? TIME64_MAX :
		       div_s64(ktime_add(now.leap, now.offs_real), NSEC_PER_SEC);
}

/**
 * timens_tk_read_pair - Read a clock of a namespace along with one of the host
 * @ns:		The namespace
 * @clk:	Clock of the namespace
 * @host_clk:	Clock of the host
 * @p:		Storage for both, at one counter value, and what they do next
 *
 * Context: any but NMI, without the lock of the clock
 */
void timens_tk_read_pair(struct time_namespace *ns, clockid_t clk, clockid_t host_clk,
			 struct timens_tk_pair *p)
{
	__timens_tk_read_pair(ns, clk, host_clk, p, false);
}

/**
 * timens_tk_read_pair_locked - The same for who has just written the clock
 * @ns:		The namespace
 * @clk:	Clock of the namespace
 * @host_clk:	Clock of the host
 * @p:		Storage, as timens_tk_read_pair() fills it
 *
 * Context: under the lock of the clock, behind a write section
 */
void timens_tk_read_pair_locked(struct time_namespace *ns, clockid_t clk, clockid_t host_clk,
				struct timens_tk_pair *p)
{
	lockdep_assert_held(&ns->tk->tkd.lock);
	__timens_tk_read_pair(ns, clk, host_clk, p, true);
}

/**
 * timens_tk_offset - What a clock of a namespace shows more than that of the host
 * @ns:		The namespace
 * @clk:		The clock
 *
 * Context: any but NMI
 * Return: the difference at present
 */
struct timespec64 timens_tk_offset(struct time_namespace *ns, clockid_t clk)
{
	struct timens_tk_pair p;

	timens_tk_read_pair(ns, clk, clk, &p);
	return timespec64_sub(p.ns, p.host);
}

/* CLOCK_MONOTONIC_RAW of the host, and the counter value to which it belongs */
static u64 timens_tk_host_raw_now(struct timespec64 *host)
{
	const struct timekeeper *tk = &tk_core.timekeeper;
	struct timens_tk_raw raw;
	unsigned int seq;
	u64 cycles, nsec;
	u32 rem;

	do {
		seq = read_seqcount_begin(&tk_core.seq);
		cycles = READ_ONCE(tk->tkr_raw.clock)->read(tk->tkr_raw.clock);
		raw.cycles = timens_tk_delta(&tk->tkr_raw, cycles, tk->tkr_raw.cycle_last);
		raw.sec = tk->raw_sec;
		raw.xnsec = tk->tkr_raw.xtime_nsec;
		raw.mult = tk->tkr_raw.mult;
		raw.shift = tk->tkr_raw.shift;
	} while (read_seqcount_retry(&tk_core.seq, seq));

	nsec = mul_u64_u32_add_u64_shr(raw.cycles, raw.mult, raw.xnsec, raw.shift);
	host->tv_sec = raw.sec + div_u64_rem(nsec, NSEC_PER_SEC, &rem);
	host->tv_nsec = rem;
	return cycles;
}

/* That of a clock which follows no owner */
static struct timespec64 timens_tk_raw_line(struct timekeeper_ns *tn, struct timespec64 *host,
					    struct timens_tk_rate *rate)
{
	struct timespec64 own;
	unsigned int seq;
	bool stale;
	u64 cycles;

	do {
		seq = read_seqcount_begin(&tn->tkd.seq);
		cycles = timens_tk_host_raw_now(host);
		timens_tk_section_goes_on();
		stale = tn->state == TIMENS_TK_OWN && timens_tk_is_stale(tn);
		if (tn->state == TIMENS_TK_OWN) {
			*rate = tn->stopped ? (struct timens_tk_rate){ 0, 1 } : tn->rate;
			timens_tk_read_at(tn, CLOCK_MONOTONIC_RAW, cycles, &own);
		} else {
			*rate = (struct timens_tk_rate){ 1, 1 };
			own = timespec64_add(*host, tn->raw_offset);
		}
	} while (timens_tk_read_retry(tn, seq, stale));

	return own;
}

/**
 * timens_tk_raw_now - CLOCK_MONOTONIC_RAW of a namespace and of the host
 * @ns:		The namespace
 * @host:	Storage for the time of the host
 * @rate:	Storage for the rate of the namespace; zero if its clock stands
 *
 * Context: any but NMI
 * Return: the time of the namespace, of the same counter value as @host
 */
struct timespec64 timens_tk_raw_now(struct time_namespace *ns, struct timespec64 *host,
				    struct timens_tk_rate *rate)
{
	struct timekeeper_ns *tn = timens_tk_of(ns), *owner;
	struct timespec64 own;
	unsigned int seq;

	if (!tn) {
		*rate = (struct timens_tk_rate){ 1, 1 };
		timens_tk_host_raw_now(host);
		return timespec64_add(*host, ns->offsets.monotonic);
	}

	do {
		seq = read_seqcount_begin(&tn->tkd.seq);
		owner = timens_tk_owner_of(tn);
		if (likely(!owner))
			return timens_tk_raw_line(tn, host, rate);
		own = timens_tk_raw_line(owner, host, rate);
		timens_tk_add_offset(tn, CLOCK_MONOTONIC_RAW, &own);
		timens_tk_section_goes_on();
	} while (read_seqcount_retry(&tn->tkd.seq, seq));

	return own;
}

static void timens_tk_boottime_line(struct timekeeper_ns *tn, struct timespec64 *ts)
{
	unsigned int seq;
	bool stale;

	/*
	 * As getboottime64(): whatever steers or rates one of the two clocks does
	 * so to the other as well, and what is shown stays until one is set.
	 */
	do {
		const struct timekeeper *tk = &tn->tkd.timekeeper;

		seq = read_seqcount_begin(&tn->tkd.seq);
		stale = false;
		if (tn->state == TIMENS_TK_OWN) {
			stale = timens_tk_is_stale(tn);
			*ts = ktime_to_timespec64(ktime_sub(tk->offs_real, tk->offs_boot));
		} else {
			getboottime64(ts);
			*ts = timespec64_sub(*ts, tn->offs.boottime);
			timens_tk_section_goes_on();
		}
	} while (timens_tk_read_retry(tn, seq, stale));
}

bool __timens_tk_getboottime64(struct timespec64 *ts)
{
	struct timekeeper_ns *tn = timens_tk_of(current->nsproxy->time_ns), *owner;
	unsigned int seq;

	if (likely(!tn))
		return false;

	do {
		seq = read_seqcount_begin(&tn->tkd.seq);
		owner = timens_tk_owner_of(tn);
		if (likely(!owner)) {
			timens_tk_boottime_line(tn, ts);
			break;
		}
		timens_tk_boottime_line(owner, ts);
		*ts = timespec64_sub(*ts, tn->offs.boottime);
		timens_tk_section_goes_on();
	} while (read_seqcount_retry(&tn->tkd.seq, seq));

	return true;
}

bool __timens_tk_get_tz(struct timezone *tz)
{
	struct timekeeper_ns *tn = timens_tk_of(current->nsproxy->time_ns);
	unsigned int seq;
	bool own;

	if (!tn)
		return false;

	/* Who becomes an owner meanwhile has inherited it */
	tn = timens_tk_line_of(tn);
	do {
		seq = read_seqcount_begin(&tn->tkd.seq);
		own = tn->state == TIMENS_TK_OWN;
		if (own)
			*tz = tn->tz;
	} while (read_seqcount_retry(&tn->tkd.seq, seq));

	return own;
}

static ktime_t timens_tk_real_offset_line(struct timekeeper_ns *tn)
{
	struct timespec64 ts;
	unsigned int seq;
	ktime_t offset;
	bool beyond;
	u64 cycles;

	do {
		seq = read_seqcount_begin(&tn->tkd.seq);
		beyond = false;
		if (tn->state == TIMENS_TK_OWN) {
			/* A smear is no step, and its end even less */
			offset = ktime_sub(tn->tkd.timekeeper.offs_real, tn->smear.total);
			/* A leap second which is not permanent yet counts */
			cycles = timens_tk_counter(tn);
			beyond = timens_tk_is_stale(tn) || timens_tk_is_beyond(tn, cycles);
			timens_tk_own_line(tn, CLOCK_REALTIME, cycles, &ts);
			if (ts.tv_sec >= tn->edge_sec)
				offset += tn->edge_step * NSEC_PER_SEC;
		} else {
			offset = ktime_sub(ktime_mono_to_real(0),
					   timespec64_to_ktime(tn->offs.monotonic));
			timens_tk_section_goes_on();
		}
	} while (timens_tk_read_retry(tn, seq, beyond));

	return offset;
}

/**
 * timens_tk_real_offset - CLOCK_REALTIME less MONOTONIC of a namespace
 * @tn:		The namespace
 *
 * Return: the difference (nsecs). It is constant unless one is set, or takes a
 * leap second.
 */
ktime_t timens_tk_real_offset(struct timekeeper_ns *tn)
{
	struct timekeeper_ns *owner;
	unsigned int seq;
	ktime_t offset;

	do {
		seq = read_seqcount_begin(&tn->tkd.seq);
		owner = timens_tk_owner_of(tn);
		if (likely(!owner))
			return timens_tk_real_offset_line(tn);
		offset = ktime_sub(timens_tk_real_offset_line(owner),
				   timespec64_to_ktime(tn->offs.monotonic));
		timens_tk_section_goes_on();
	} while (read_seqcount_retry(&tn->tkd.seq, seq));

	return offset;
}
