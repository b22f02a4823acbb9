// SPDX-License-Identifier: GPL-2.0
/*
 * The world in which the KUnit tests of the timekeepers of time namespaces take
 * place
 *
 * A world has one counter, a host clock which is run by the kernel's own
 * timekeeping code, and namespaces ("actors") with a calendar each. Its time
 * is a number of counter cycles, so hours take milliseconds. Neither tk_core
 * nor the calendar of the system is touched.
 *
 *
 * Bounds
 * ------
 *
 * No tolerance is chosen by hand. They are made of
 *
 *   quantum	what one unit of the multiplier makes up in a second. With the
 *		fractional part of the ideal multiplier lost, and one unit
 *		added in each second that starts behind, a clock which takes a
 *		pass each second stays within one quantum of the NTP time line.
 *		After a disturbance two of them are left alone
 *   lag	what a change of the slope makes up in a tick: NTP bends its
 *		line on the grid of NTP intervals, and the pass follows in the
 *		next tick. It is made up for by half of what is left in each
 *		second, or continuously by exp(-1/2) in a second
 *   rounding	one nanosecond for each value which is truncated to one
 *
 * The NTP time line itself is computed with 128 bits from the arguments of
 * adjtimex(), see tkt_interval_len().
 *
 *
 * Random tests
 * ------------
 *
 * They print their seed. timens_tk_kunit.seed= on the kernel's command line
 * changes it.
 */
#include <linux/audit.h>
#include <linux/moduleparam.h>
#include <linux/sched/clock.h>
#include <linux/user_namespace.h>

#include "timens_mock.h"

/* The parameters are those of all tests, not of this file */
#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "timens_tk_kunit."

unsigned long long tkt_seed = TKT_SEED;
module_param_named(seed, tkt_seed, ullong, 0444);
MODULE_PARM_DESC(seed, "Seed of the random tests");

/* Elsewhere a call may take long because the machine has no time for it */
bool tkt_exact;
module_param_named(exact, tkt_exact, bool, 0444);
MODULE_PARM_DESC(exact, "Time is counted in instructions: look at how long a call takes");

/*
 * The counter
 */

const struct tkt_spec tkt_specs[] = {
	{ "tsc",	1000,	2600000,	64, VDSO_CLOCKMODE_TSC },
	{ "hpet",	1,	100000000,	32, VDSO_CLOCKMODE_NONE },
	{ "acpi_pm",	1,	3579545,	24, VDSO_CLOCKMODE_NONE },
};

void tkt_spec_desc(const struct tkt_spec *spec, char *desc)
{
	strscpy(desc, spec->name, KUNIT_PARAM_DESC_SIZE);
}

static u64 tkt_clock_read(struct clocksource *cs)
{
	struct tkt_clock *clock = container_of(cs, struct tkt_clock, cs);

	clock->reads++;
	return clock->now & cs->mask;
}

/* As __clocksource_register_scale() sets a clocksource up, less the message */
void tkt_clock_init(struct tkt_clock *clock, const struct tkt_spec *spec, u64 now)
{
	struct clocksource *cs = &clock->cs;
	u64 sec = CLOCKSOURCE_MASK(spec->bits);

	memset(clock, 0, sizeof(*clock));
	clock->hz = (u64)spec->scale * spec->freq;
	clock->now = now;

	cs->name = spec->name;
	cs->read = tkt_clock_read;
	cs->mask = CLOCKSOURCE_MASK(spec->bits);
	cs->vdso_clock_mode = spec->mode;

	sec = clamp(div64_u64(sec, clock->hz), 1, 600);
	clocks_calc_mult_shift(&cs->mult, &cs->shift, spec->freq, NSEC_PER_SEC / spec->scale,
			       sec * spec->scale);
	cs->maxadj = (u64)cs->mult * 11 / 100;
	while (cs->mult + cs->maxadj < cs->mult) {
		cs->mult >>= 1;
		cs->shift--;
		cs->maxadj = (u64)cs->mult * 11 / 100;
	}
	cs->max_idle_ns = clocks_calc_max_nsecs(cs->mult, cs->shift, cs->maxadj, cs->mask,
						&cs->max_cycles);
	cs->max_raw_delta = (cs->mask >> 1) + (cs->mask >> 2) + (cs->mask >> 3);
}

/*
 * The NTP time line, in nanoseconds scaled by 2^32
 */

static u128 tkt_line_at(const struct tkt_line *line, u64 cycles)
{
	u64 rest, n = div64_u64_rem(cycles - line->cycles, line->interval, &rest);

	return line->time + (u128)n * line->len +
	       mul_u64_u64_div_u64(rest, line->len, line->interval);
}

s64 tkt_line_ns(const struct tkt_line *line, u64 cycles)
{
	return (s64)(tkt_line_at(line, cycles) >> NTP_SCALE_SHIFT);
}

void tkt_line_bend(struct tkt_line *line, u64 cycles, u64 len)
{
	line->time = tkt_line_at(line, cycles);
	line->cycles = cycles;
	line->len = len;
}

/* Cycles which the kernel takes for an NTP interval */
u64 tkt_interval(const struct clocksource *cs)
{
	u64 ns = NSEC_PER_SEC / HZ;

	return div_u64((ns << cs->shift) + cs->mult / 2, cs->mult);
}

/*
 * How long these cycles shall last with ADJ_TICK of @tick and ADJ_FREQUENCY of
 * @freq: NTP's length of a tick, less what the interval is short of one.
 */
u64 tkt_interval_len(const struct clocksource *cs, u64 tick, s64 freq)
{
	u64 second = (tick * USER_HZ * NSEC_PER_USEC) << 32;
	u64 nominal = tkt_interval(cs) * cs->mult;

	second += freq * 65536 * 1000;
	return div_u64(second, HZ) - ((NSEC_PER_SEC / HZ) << 32) +
	       (nominal << (32 - cs->shift));
}

/* What a clock which nobody steers shows for a number of cycles */
s64 tkt_nominal(const struct clocksource *cs, u64 cycles)
{
	struct tkt_line line = {
		.interval = tkt_interval(cs), .len = tkt_interval_len(cs, USER_TICK_USEC, 0),
	};

	return tkt_line_ns(&line, cycles);
}

/*
 * The world
 */

u64 tkt_random(struct tkt_world *w, u64 below)
{
	u64 r = (u64)prandom_u32_state(&w->rnd) << 32 | prandom_u32_state(&w->rnd);

	return mul_u64_u64_shr(r, below, 64);
}

/* Uniform in -@most .. @most */
s64 tkt_random_signed(struct tkt_world *w, u64 most)
{
	return (s64)tkt_random(w, 2 * most + 1) - (s64)most;
}

/* A tick is what the clock of the ticks is steered to: longer, if that is slow */
u64 tkt_tick_cycles(const struct tkt_world *w, u64 tick)
{
	u64 cycles = mul_u64_u64_div_u64(tick, w->clock->hz, HZ);

	return w->base + mul_u64_u64_div_u64(cycles, 10000, w->host_tick);
}

/* The same for whom it concerns: how far a tick is */
const struct tk_data *tkt_pace(struct tkt_world *w)
{
	struct tk_read_base *tkr = &w->pace->timekeeper.tkr_mono;

	tkr->mult = mul_u32_u32(w->clock->cs.mult, w->host_tick) / 10000;
	tkr->shift = w->clock->cs.shift;
	return w->pace;
}

u64 tkt_ns_to_cycles(const struct tkt_world *w, u64 ns)
{
	return mul_u64_u64_div_u64(ns, w->clock->hz, NSEC_PER_SEC);
}

/* See "Bounds" */
u64 tkt_quantum(const struct tkt_world *w, const struct timekeeper_ns *tn)
{
	return (w->clock->hz >> tn->tkd.timekeeper.tkr_mono.shift) + 1;
}

struct timekeeper_ns *tkt_alloc(struct kunit *test)
{
	struct timekeeper_ns *tn = kunit_kzalloc(test, sizeof(*tn), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, tn);
	timens_tk_init_instance(tn);
	return tn;
}

struct timens_tk_calendar *tkt_alloc_calendar(struct kunit *test)
{
	struct timens_tk_calendar *cal = kunit_kzalloc(test, sizeof(*cal), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cal);
	timens_tk_calendar_init(cal, 0);
	return cal;
}

/* Ticks after which a pass may not be put off, as for the system's calendar */
unsigned int tkt_wrap_ticks(const struct clocksource *cs)
{
	u64 ticks = div64_u64(cs->max_raw_delta >> 2, tkt_interval(cs));

	return ticks > UINT_MAX ? 0 : ticks;
}

/* A host whose CLOCK_REALTIME is @real when the counter is @base */
struct tkt_world *tkt_world(struct kunit *test, const struct tkt_spec *spec,
			    const struct timespec64 *real)
{
	struct tkt_world *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->test = test;
	prandom_seed_state(&w->rnd, tkt_seed);
	w->clock = kunit_kzalloc(test, sizeof(*w->clock), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w->clock);
	w->host = kunit_kzalloc(test, sizeof(*w->host), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w->host);
	w->twin = tkt_alloc(test);
	w->reader = tkt_alloc(test);
	w->twin_page = kunit_kcalloc(test, CS_BASES, sizeof(*w->twin_page), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w->twin_page);

	/* A narrow counter is about to wrap */
	w->base = spec->bits < 64 ? CLOCKSOURCE_MASK(spec->bits) - tkt_random(w, 3000000) :
				    1000000000000 + tkt_random(w, 1000000000);
	tkt_clock_init(w->clock, spec, w->base);

	w->pace = kunit_kzalloc(test, sizeof(*w->pace), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w->pace);
	w->host_tick = 10000;
	w->host_ntp.tick_usec = USER_TICK_USEC;
	w->host_ntp.time_state = TIME_OK;
	w->host_ntp.time_constant = 2;
	raw_spin_lock_init(&w->host->lock);
	seqcount_raw_spinlock_init(&w->host->seq, &w->host->lock);
	w->host->ntp = &w->host_ntp;
	timekeeping_test_init(w->host, &w->clock->cs, real);
	/* A host which somebody disciplines */
	w->host_ntp.time_status = 0;
	w->host_ntp.time_maxerror = 0;
	w->host_ntp.time_esterror = 0;
	return w;
}

const struct timespec64 tkt_epoch = { .tv_sec = 1700000000, .tv_nsec = 123456789 };

void tkt_raw(const struct tkt_world *w, struct timens_tk_raw *raw)
{
	const struct timekeeper *tk = &w->host->timekeeper;

	*raw = (struct timens_tk_raw) {
		.cycles	= tk->tkr_raw.cycle_last,
		.sec	= tk->raw_sec,
		.xnsec	= tk->tkr_raw.xtime_nsec,
		.mult	= tk->tkr_raw.mult,
		.shift	= tk->tkr_raw.shift,
	};
}

/*
 * Reading
 */

const clockid_t tkt_clocks[] = {
	CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
};

/*
 * As a reader does: where the line ends before the present, the clock is advanced
 * first, without a page here and as a copy, for readers of other times come later.
 */
s64 tkt_read_at(const struct tkt_world *w, const struct timekeeper_ns *tn, clockid_t clk,
		u64 cycles)
{
	struct timekeeper_ns *copy = w->reader;
	struct timens_tk_raw raw;
	struct timespec64 ts;

	cycles &= w->clock->cs.mask;
	if (timens_tk_is_stale(tn) ||
	    (clk != CLOCK_MONOTONIC_RAW && timens_tk_is_beyond(tn, cycles))) {
		timens_tk_copy(copy, tn);
		copy->vdata = NULL;
		copy->calm_until = 0;
		tkt_raw(w, &raw);
		timens_tk_pass_at(copy, &raw, cycles);
		tn = copy;
	}
	timens_tk_read_at(tn, clk, cycles, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

s64 tkt_read(const struct tkt_world *w, const struct timekeeper_ns *tn, clockid_t clk)
{
	return tkt_read_at(w, tn, clk, w->clock->now);
}

/* A vDSO reader; false if it would spin or leave the page */
bool tkt_read_page(const struct vdso_data *vd, clockid_t clk, u64 cycles, s64 *ns)
{
	const struct vdso_timestamp *edge = &vd->basetime[VDSO_NS_EDGE_SLOT];
	u64 nsec;
	s64 sec;

	if (clk == CLOCK_MONOTONIC_RAW)
		vd = &vd[CS_RAW];
	if (!(vd->ns_state & VDSO_NS_OWN))
		return false;
	if (vd->seq & 1)
		return false;

	nsec = vdso_calc_ns(vd, cycles, vd->basetime[clk].nsec);
	sec = vd->basetime[clk].sec + div_u64(nsec, NSEC_PER_SEC);
	if (vd->ns_state & VDSO_NS_EDGE && clk == CLOCK_REALTIME && sec >= (s64)edge->sec)
		sec += (s64)edge->nsec;
	*ns = (sec - (s64)div_u64(nsec, NSEC_PER_SEC)) * NSEC_PER_SEC + nsec;
	return true;
}

/* The line of the host, evaluated with 128 bits */
s64 tkt_read_host(const struct tkt_world *w, clockid_t clk)
{
	const struct timekeeper *tk = &w->host->timekeeper;
	const struct tk_read_base *tkr = &tk->tkr_mono;
	u64 delta = (w->clock->now - tkr->cycle_last) & tkr->mask;
	s64 nsec = (s64)(((u128)delta * tkr->mult + tkr->xtime_nsec) >> tkr->shift);
	s64 sec = tk->xtime_sec;

	switch (clk) {
	case CLOCK_TAI:
		sec += tk->tai_offset;
		break;
	case CLOCK_BOOTTIME:
		sec += tk->monotonic_to_boot.tv_sec;
		nsec += tk->monotonic_to_boot.tv_nsec;
		fallthrough;
	case CLOCK_MONOTONIC:
		sec += tk->wall_to_monotonic.tv_sec;
		nsec += tk->wall_to_monotonic.tv_nsec;
		break;
	}
	return sec * NSEC_PER_SEC + nsec;
}

/*
 * Passes
 */

void tkt_same(struct tkt_world *w, const char *field, s64 a, s64 b)
{
	KUNIT_ASSERT_EQ_MSG(w->test, a, b, "%s, at tick %llu", field, w->tick);
}

void tkt_same_ntp(struct tkt_world *w, const struct ntp_data *a, const struct ntp_data *b)
{
	tkt_same(w, "tick_usec", a->tick_usec, b->tick_usec);
	tkt_same(w, "tick_length", a->tick_length, b->tick_length);
	tkt_same(w, "tick_length_base", a->tick_length_base, b->tick_length_base);
	tkt_same(w, "ntp_tick_adj", a->ntp_tick_adj, b->ntp_tick_adj);
	tkt_same(w, "time_state", a->time_state, b->time_state);
	tkt_same(w, "time_status", a->time_status, b->time_status);
	tkt_same(w, "time_maxerror", a->time_maxerror, b->time_maxerror);
	tkt_same(w, "time_esterror", a->time_esterror, b->time_esterror);
	tkt_same(w, "ntp_next_leap_sec", a->ntp_next_leap_sec, b->ntp_next_leap_sec);
	tkt_same(w, "time_offset", a->time_offset, b->time_offset);
	tkt_same(w, "time_constant", a->time_constant, b->time_constant);
	tkt_same(w, "time_freq", a->time_freq, b->time_freq);
	tkt_same(w, "time_reftime", a->time_reftime, b->time_reftime);
	tkt_same(w, "time_adjust", a->time_adjust, b->time_adjust);
}

static void tkt_same_vdata(struct tkt_world *w, const struct vdso_data *a,
			   const struct vdso_data *b)
{
	unsigned int i;

	tkt_same(w, "seq", a->seq & 1, b->seq & 1);
	tkt_same(w, "clock_mode", a->clock_mode, b->clock_mode);
	tkt_same(w, "cycle_last", a->cycle_last, b->cycle_last);
	tkt_same(w, "max_cycles", a->max_cycles, b->max_cycles);
	tkt_same(w, "mask", a->mask, b->mask);
	tkt_same(w, "mult", a->mult, b->mult);
	tkt_same(w, "shift", a->shift, b->shift);
	tkt_same(w, "ns_state", a->ns_state, b->ns_state);
	for (i = 0; i < VDSO_BASES; i++) {
		tkt_same(w, "sec", a->basetime[i].sec, b->basetime[i].sec);
		tkt_same(w, "nsec", a->basetime[i].nsec, b->basetime[i].nsec);
	}
}

/*
 * Take a pass, and another one with a copy of the namespace which knows nothing
 * of a calm: both ways must lead to the same place, bit by bit.
 */
static void tkt_pass_twice(struct tkt_world *w, struct timekeeper_ns *tn)
{
	struct timekeeper_ns *twin = w->twin;
	struct timens_tk_raw raw;
	unsigned int i;

	timens_tk_copy(twin, tn);
	twin->calm_until = 0;
	twin->vdata = tn->vdata ? w->twin_page : NULL;
	if (tn->vdata)
		memcpy(w->twin_page, tn->vdata, CS_BASES * sizeof(*w->twin_page));

	tkt_raw(w, &raw);
	timens_tk_pass_at(tn, &raw, w->clock->now & w->clock->cs.mask);
	timens_tk_pass_at(twin, &raw, w->clock->now & w->clock->cs.mask);

	KUNIT_ASSERT_MEMEQ_MSG(w->test, &tn->tkd.timekeeper, &twin->tkd.timekeeper,
			       sizeof(twin->tkd.timekeeper), "timekeeper, at tick %llu", w->tick);
	tkt_same_ntp(w, &tn->ntp, &twin->ntp);
	tkt_same(w, "cycle_now", tn->cycle_now, twin->cycle_now);
	tkt_same(w, "edge_sec", tn->edge_sec, twin->edge_sec);
	tkt_same(w, "calm_until", tn->calm_until, twin->calm_until);
	tkt_same(w, "raw.cycles", tn->raw.cycles, twin->raw.cycles);
	tkt_same(w, "raw.sec", tn->raw.sec, twin->raw.sec);
	tkt_same(w, "raw.xnsec", tn->raw.xnsec, twin->raw.xnsec);
	if (tn->vdata)
		for (i = 0; i < CS_BASES; i++)
			tkt_same_vdata(w, &tn->vdata[i], &w->twin_page[i]);
}

/* No clock may notice that a pass takes place, leap second or not */
void tkt_pass(struct tkt_world *w, struct timekeeper_ns *tn)
{
	s64 before[ARRAY_SIZE(tkt_clocks)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tkt_clocks); i++)
		before[i] = tkt_read(w, tn, tkt_clocks[i]);
	tkt_pass_twice(w, tn);
	for (i = 0; i < ARRAY_SIZE(tkt_clocks); i++)
		KUNIT_ASSERT_EQ_MSG(w->test, tkt_read(w, tn, tkt_clocks[i]), before[i],
				    "clock %d at a pass", tkt_clocks[i]);
}

/* Note a change of the slope, and whether it took place at a second */
void tkt_note_bend(struct tkt_world *w, struct tkt_actor *a, bool second)
{
	s64 change = a->tn->ntp.tick_length - a->length;
	u64 lag = (abs(change) >> NTP_SCALE_SHIFT) + 1;
	unsigned int i = a->nr_bends % ARRAY_SIZE(a->bend);

	if (!change)
		return;
	a->length = a->tn->ntp.tick_length;
	a->lag += lag;
	if (!second)
		return;
	a->bend[i] = w->clock->now;
	a->bend_lag[i] = lag;
	a->nr_bends++;
}

/* What may be left of the lags of the last seconds; 5/8 is above exp(-1/2) */
static u64 tkt_recent_lag(const struct tkt_world *w, const struct tkt_actor *a)
{
	unsigned int i, n = min_t(unsigned int, a->nr_bends, ARRAY_SIZE(a->bend));
	u64 secs, lag, sum = 0;

	for (i = 0; i < n; i++) {
		lag = a->bend_lag[i];
		secs = div64_u64(w->clock->now - a->bend[i], w->clock->hz);
		for (; secs && lag; secs--)
			lag = lag * 5 / 8;
		sum += lag;
	}
	return sum;
}

/* How far two clocks may be apart which take passes at different times */
u64 tkt_pair_bound(const struct tkt_world *w, const struct tkt_actor *a,
		   const struct tkt_actor *b)
{
	return 2 * tkt_quantum(w, a->tn) + 2 * tkt_quantum(w, b->tn) + 2 +
	       max(tkt_recent_lag(w, a), tkt_recent_lag(w, b));
}

static void tkt_actor_tick(struct tkt_world *w, struct tkt_actor *a)
{
	struct timekeeper_ns *tn;
	unsigned int done = 0;

	timens_tk_calendar_collect(a->cal, w->tick);
	while ((tn = timens_tk_calendar_next(a->cal, w->tick, done++))) {
		tkt_pass(w, tn);
		tkt_note_bend(w, a, true);
		timens_tk_calendar_queue(a->cal, tn, w->tick);
		a->passes++;
	}
}

/* Let all ticks up to and including @tick take place */
void tkt_run_ticks(struct tkt_world *w, u64 tick)
{
	unsigned int i;

	while (w->tick < tick) {
		u64 next = w->host_runs ? w->tick + 1 : tick;

		for (i = 0; i < w->nr; i++)
			if (!list_empty(&w->actor[i].tn->node))
				next = min(next, max3(w->actor[i].tn->due, w->actor[i].stall,
						      w->tick + 1));
		w->tick = next;
		w->clock->now = tkt_tick_cycles(w, next);
		if (w->host_runs)
			timekeeping_test_advance(w->host);
		for (i = 0; i < w->nr; i++)
			if (w->tick >= w->actor[i].stall)
				tkt_actor_tick(w, &w->actor[i]);
	}
}

/* Let the time pass up to a counter value */
void tkt_run_to(struct tkt_world *w, u64 cycles)
{
	u64 tick = mul_u64_u64_div_u64(cycles - w->base, HZ, w->clock->hz);

	tick = mul_u64_u64_div_u64(tick, w->host_tick, 10000);
	/* Both are rounded down */
	while (tkt_tick_cycles(w, tick + 1) <= cycles)
		tick++;
	tkt_run_ticks(w, tick);
	w->clock->now = cycles;
}

void tkt_run_ns(struct tkt_world *w, u64 ns)
{
	tkt_run_to(w, w->clock->now + tkt_ns_to_cycles(w, ns));
}

/*
 * Changes of the host's timekeeping
 */

/* As somebody does who finds that the clock is stale */
void tkt_replay(struct timekeeper_ns *tn)
{
	unsigned int steps;
	unsigned long flags;
	bool there;

	if (!timens_tk_is_stale(tn))
		return;
	do {
		steps = TIMENS_TK_STEPS;
		raw_spin_lock_irqsave(&tn->tkd.lock, flags);
		timens_tk_update_begin(tn);
		there = timens_tk_replay(tn, &steps);
		timens_tk_update_end(tn);
		raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
	} while (!there);
}

/* As the host does, for one owner, which may go through all changes before at once */
void tkt_change(struct tkt_actor *a, const struct timens_tk_change *change, bool at_once)
{
	bool stale = timens_tk_is_stale(a->tn);

	if (!stale) {
		timens_tk_log_drain(&a->cal->log);
		timens_tk_page_hold_still(a->page, change->old_cycles);
	}
	timens_tk_log_add(&a->cal->log, change);
	if (at_once)
		tkt_replay(a->tn);
}

/* The clocks go on, on a counter which shows something else: @now. It may be the same one. */
void tkt_change_counter(struct tkt_world *w, struct tkt_clock *clock, u64 now,
			struct timens_tk_change *change)
{
	change->old_cycles = w->clock->now & w->clock->cs.mask;
	change->old = &w->clock->cs;
	change->cs = &clock->cs;
	w->clock = clock;
	clock->now = now;
	w->base = now;
	w->tick = 0;
	tkt_keep_raw(w);
	tkt_raw(w, &change->raw);
	change->cycles = clock->now & clock->cs.mask;
}

/* The calendar starts over with the ticks */
void tkt_change_calendar(struct tkt_world *w, struct tkt_actor *a, unsigned int interval)
{
	timens_tk_calendar_del(a->cal, a->tn);
	timens_tk_calendar_init(a->cal, 0);
	a->cal->host = tkt_pace(w);
	timens_tk_calendar_set(a->cal, interval, tkt_wrap_ticks(&w->clock->cs));
	timens_tk_calendar_add(a->cal, a->tn, 0);
}

/*
 * Writes
 */

int tkt_write(struct timekeeper_ns *tn, const struct tk_data *host,
	      const struct timens_offsets *offs, timens_tk_op op, void *arg)
{
	unsigned long flags;
	int ret;

	if (!host)
		tkt_replay(tn);
	raw_spin_lock_irqsave(&tn->tkd.lock, flags);
	ret = timens_tk_write(tn, host, offs, op, arg);
	raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
	return ret;
}

int tkt_op_none(struct timekeeper_ns *tn, void *arg)
{
	return 0;
}

int tkt_op_settime(struct timekeeper_ns *tn, void *arg)
{
	struct timespec64 step;

	return timens_tk_do_settime(tn, arg, &step);
}

int tkt_op_adjtimex(struct timekeeper_ns *tn, void *arg)
{
	struct audit_ntp_data ad;
	struct timespec64 step;

	return timens_tk_do_adjtimex(tn, arg, &step, &ad);
}

int tkt_op_policy(struct timekeeper_ns *tn, void *arg)
{
	return timens_tk_do_policy(tn, arg);
}

/* Bring the clock up to the present, as each write does */
void tkt_forward(struct timekeeper_ns *tn)
{
	tkt_write(tn, NULL, NULL, tkt_op_none, NULL);
}

void tkt_hurry(struct tkt_world *w, struct tkt_actor *a)
{
	u64 ticks = timens_tk_aligned_ticks(a->tn, tkt_pace(w));

	if (ticks != U64_MAX && !list_empty(&a->tn->node))
		timens_tk_calendar_hurry(a->cal, a->tn, w->tick, w->tick + ticks);
	tkt_note_bend(w, a, false);
}

int tkt_settime(struct tkt_world *w, struct tkt_actor *a, s64 sec, long nsec)
{
	struct timespec64 ts = { .tv_sec = sec, .tv_nsec = nsec };
	int ret;

	/* As timens_tk_settimeofday() does first */
	if (!timespec64_valid_settod(&ts))
		return -EINVAL;
	ret = tkt_write(a->tn, NULL, NULL, tkt_op_settime, &ts);
	tkt_hurry(w, a);
	return ret;
}

int tkt_adjtimex(struct tkt_world *w, struct tkt_actor *a, struct __kernel_timex *txc)
{
	int ret = timekeeping_validate_timex(txc, &init_user_ns);
	u64 now = w->clock->now & w->clock->cs.mask;

	if (ret)
		return ret;
	if (timens_tk_timex_reads(txc)) {
		/* As timens_tk_adjtimex() does */
		if (timens_tk_is_stale(a->tn) || timens_tk_is_due(a->tn, now))
			tkt_pass(w, a->tn);
		return timens_tk_show_timex(a->tn, txc, now);
	}
	ret = tkt_write(a->tn, NULL, NULL, tkt_op_adjtimex, txc);
	tkt_hurry(w, a);
	return ret;
}

int tkt_adjust(struct tkt_world *w, struct tkt_actor *a, u64 tick, s64 freq)
{
	struct __kernel_timex txc = {
		.modes = ADJ_TICK | ADJ_FREQUENCY, .tick = tick, .freq = freq,
	};

	return tkt_adjtimex(w, a, &txc);
}

int tkt_status(struct tkt_world *w, struct tkt_actor *a, int status)
{
	struct __kernel_timex txc = { .modes = ADJ_STATUS, .status = status };

	return tkt_adjtimex(w, a, &txc);
}

/* The state of the leap second, which TIME_ERROR hides when the clock is unsynchronized */
int tkt_state(struct tkt_world *w, struct tkt_actor *a)
{
	struct __kernel_timex txc = { 0 };
	int ret = tkt_adjtimex(w, a, &txc);

	if (!(txc.status & STA_UNSYNC))
		return ret;
	KUNIT_EXPECT_EQ(w->test, ret, TIME_ERROR);
	return a->tn->ntp.time_state;
}

/* A namespace which takes the host's clock over and then a pass per @interval ticks */
struct tkt_actor *tkt_actor(struct tkt_world *w, unsigned int interval,
			    const struct timens_offsets *offs)
{
	static const struct timens_offsets none;
	struct tkt_actor *a = &w->actor[w->nr++];

	a->tn = tkt_alloc(w->test);
	a->page = kunit_kcalloc(w->test, CS_BASES, sizeof(*a->page), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(w->test, a->page);
	a->page[CS_HRES_COARSE].seq = 1;
	a->page[CS_HRES_COARSE].clock_mode = VDSO_CLOCKMODE_TIMENS;
	a->page[CS_HRES_COARSE].ns_state = VDSO_NS_FOLLOW;
	a->page[CS_RAW] = a->page[CS_HRES_COARSE];
	a->tn->vdata = a->page;

	a->cal = tkt_alloc_calendar(w->test);
	a->cal->host = tkt_pace(w);
	a->tn->log = &a->cal->log;
	timens_tk_calendar_set(a->cal, interval, tkt_wrap_ticks(&w->clock->cs));
	tkt_write(a->tn, w->host, offs ? : &none, tkt_op_none, NULL);
	timens_tk_calendar_add(a->cal, a->tn, w->tick);
	a->length = a->tn->ntp.tick_length;
	return a;
}

void tkt_expect_near(struct tkt_world *w, s64 a, s64 b, u64 most, const char *fmt, ...)
{
	u64 apart = abs(a - b);
	char what[64];
	va_list args;

	if (likely(apart <= most))
		return;
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	KUNIT_ASSERT_LE_MSG(w->test, apart, most, "%lld and %lld, at tick %llu: %s", a, b,
			    w->tick, what);
}

void tkt_same_timex(struct tkt_world *w, const struct __kernel_timex *a,
		    const struct __kernel_timex *b, u64 bound)
{
	s64 x = a->time.tv_sec * NSEC_PER_SEC, y = b->time.tv_sec * NSEC_PER_SEC;

	tkt_same(w, "modes", a->modes, b->modes);
	tkt_same(w, "offset", a->offset, b->offset);
	tkt_same(w, "freq", a->freq, b->freq);
	tkt_same(w, "maxerror", a->maxerror, b->maxerror);
	tkt_same(w, "esterror", a->esterror, b->esterror);
	tkt_same(w, "status", a->status, b->status);
	tkt_same(w, "constant", a->constant, b->constant);
	tkt_same(w, "precision", a->precision, b->precision);
	tkt_same(w, "tolerance", a->tolerance, b->tolerance);
	tkt_same(w, "tick", a->tick, b->tick);
	tkt_same(w, "ppsfreq", a->ppsfreq, b->ppsfreq);
	tkt_same(w, "jitter", a->jitter, b->jitter);
	tkt_same(w, "shift", a->shift, b->shift);
	tkt_same(w, "stabil", a->stabil, b->stabil);
	tkt_same(w, "jitcnt", a->jitcnt, b->jitcnt);
	tkt_same(w, "calcnt", a->calcnt, b->calcnt);
	tkt_same(w, "errcnt", a->errcnt, b->errcnt);
	tkt_same(w, "stbcnt", a->stbcnt, b->stbcnt);
	tkt_same(w, "tai", a->tai, b->tai);

	/* A rejected request comes back as it was */
	x += a->time.tv_usec * (a->status & STA_NANO ? 1 : NSEC_PER_USEC);
	y += b->time.tv_usec * (b->status & STA_NANO ? 1 : NSEC_PER_USEC);
	if (!(a->status & STA_NANO))
		bound += NSEC_PER_USEC;
	tkt_expect_near(w, x, y, bound, "time in struct timex");
}

/* Move on until no instance is about to begin a second, or has just begun one */
void tkt_leave_second(struct tkt_world *w, const struct timekeeper_ns *tn, u64 guard)
{
	u32 nsec;

	div_u64_rem(tkt_read(w, tn, CLOCK_MONOTONIC) + tn->tkd.timekeeper.offs_real,
		    NSEC_PER_SEC, &nsec);
	if (nsec < guard)
		tkt_run_ns(w, 2 * guard - nsec);
	else if (nsec > NSEC_PER_SEC - guard)
		tkt_run_ns(w, NSEC_PER_SEC - nsec + 2 * guard);
}

/* A steering request as ntpd, chronyd or adjtime() make it */
void tkt_random_steering(struct tkt_world *w, struct __kernel_timex *txc)
{
	*txc = (struct __kernel_timex) { 0 };
	switch (tkt_random(w, 5)) {
	case 0:
		txc->modes = ADJ_FREQUENCY;
		txc->freq = tkt_random_signed(w, 500 << 16);
		break;
	case 1:
		txc->modes = ADJ_TICK;
		txc->tick = 9900 + tkt_random(w, 201);
		break;
	case 2:
		txc->modes = TKT_ADJTIME;
		txc->offset = tkt_random_signed(w, 3000);
		break;
	case 3:
		txc->modes = ADJ_OFFSET | ADJ_STATUS | ADJ_TIMECONST | ADJ_NANO;
		txc->status = STA_PLL | (tkt_random(w, 4) ? 0 : STA_FREQHOLD);
		txc->constant = tkt_random(w, MAXTC + 1);
		txc->offset = tkt_random_signed(w, 5 * NSEC_PER_MSEC);
		break;
	case 4:
		txc->modes = ADJ_OFFSET | ADJ_STATUS | ADJ_TIMECONST | ADJ_MICRO;
		txc->status = STA_PLL | (tkt_random(w, 2) ? 0 : STA_FLL);
		txc->constant = tkt_random(w, MAXTC + 1);
		txc->offset = tkt_random_signed(w, 5000);
		break;
	}
}

/* The first counter value at which CLOCK_TAI reads @ns */
u64 tkt_find_tai(const struct tkt_world *w, const struct timekeeper_ns *tn, s64 ns)
{
	u64 low = w->clock->now, high;

	high = low + 2 * tkt_ns_to_cycles(w, ns - tkt_read(w, tn, CLOCK_TAI)) + 2;
	while (low < high) {
		u64 mid = low + (high - low) / 2;

		if (tkt_read_at(w, tn, CLOCK_TAI, mid) >= ns)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

u64 tkt_elapsed(struct timekeeper_ns *tn, timens_tk_op op, void *arg, int *ret)
{
	unsigned long flags;
	u64 start;

	local_irq_save(flags);
	start = local_clock();
	*ret = tkt_write(tn, NULL, NULL, op, arg);
	start = local_clock() - start;
	local_irq_restore(flags);
	return start;
}

/* What a clock with a rate shows for a number of cycles */
s64 tkt_ideal(const struct clocksource *cs, struct timens_tk_rate rate, u64 cycles)
{
	u64 rest, n = div64_u64_rem(cycles, rate.den, &rest);
	u128 time = (u128)n * rate.num * cs->mult;

	time += mul_u64_u64_div_u64(rest * rate.num, cs->mult, rate.den);
	return (s64)(time >> cs->shift);
}

/* See above */
u64 tkt_rate_quantum(const struct tkt_world *w, struct timens_tk_rate rate, u32 shift)
{
	return (w->clock->hz >> shift) + 1;
}

u64 tkt_rate_interval(const struct clocksource *cs, struct timens_tk_rate rate)
{
	u64 ns = NSEC_PER_SEC / HZ;

	return max(mul_u64_u64_div_u64(ns << cs->shift, rate.den, (u64)cs->mult * rate.num), 1);
}

u64 tkt_rate_drift(const struct tkt_world *w, struct timens_tk_rate rate, u32 shift,
		   u64 cycles)
{
	if (rate.num == rate.den)
		return 0;
	return (div64_u64(cycles, tkt_rate_interval(&w->clock->cs, rate)) >> shift) + 1;
}

/* Bring CLOCK_MONOTONIC_RAW of the host to the present, however long that is ago */
void tkt_keep_raw(struct tkt_world *w)
{
	struct timekeeper *tk = &w->host->timekeeper;
	struct tk_read_base *tkr = &tk->tkr_raw;
	s64 ns = tkt_ideal(&w->clock->cs, (struct timens_tk_rate){ 1, 1 },
			   w->clock->now - w->base);
	u32 rem;

	tk->raw_sec = 1000 + div_u64_rem(ns, NSEC_PER_SEC, &rem);
	tkr->xtime_nsec = (u64)rem << w->clock->cs.shift;
	tkr->mult = w->clock->cs.mult;
	tkr->shift = w->clock->cs.shift;
	tkr->cycle_last = w->clock->now & w->clock->cs.mask;
}

int tkt_op_rate(struct timekeeper_ns *tn, void *data)
{
	struct tkt_rate_arg *arg = data;

	return timens_tk_do_rate(tn, arg->rate, &arg->raw);
}

const clockid_t tkt_all_clocks[] = {
	CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
};

void tkt_read_all(const struct tkt_world *w, const struct tkt_actor *a, s64 *ns)
{
	unsigned int c;

	for (c = 0; c < ARRAY_SIZE(tkt_all_clocks); c++)
		ns[c] = tkt_read(w, a->tn, tkt_all_clocks[c]);
}

/* No clock goes back, or notices anything but the rounding of a nanosecond */
void tkt_expect_same_all(struct tkt_world *w, const struct tkt_actor *a, const s64 *before)
{
	s64 after[ARRAY_SIZE(tkt_all_clocks)];
	unsigned int c;

	tkt_read_all(w, a, after);
	for (c = 0; c < ARRAY_SIZE(tkt_all_clocks); c++) {
		KUNIT_ASSERT_GE_MSG(w->test, after[c], before[c], "clock %d", tkt_all_clocks[c]);
		KUNIT_ASSERT_LE_MSG(w->test, after[c], before[c] + 1, "clock %d",
				    tkt_all_clocks[c]);
	}
}

void tkt_set_rate(struct tkt_world *w, struct tkt_actor *a, struct timens_tk_rate rate)
{
	s64 before[ARRAY_SIZE(tkt_all_clocks)];
	struct tkt_rate_arg arg = { .rate = rate };

	tkt_keep_raw(w);
	tkt_raw(w, &arg.raw);
	if (a->tn->rate.num == a->tn->rate.den)
		tkt_pass(w, a->tn);
	tkt_read_all(w, a, before);
	KUNIT_ASSERT_EQ(w->test, tkt_write(a->tn, NULL, NULL, tkt_op_rate, &arg), 0);
	tkt_hurry(w, a);
	tkt_expect_same_all(w, a, before);
}
