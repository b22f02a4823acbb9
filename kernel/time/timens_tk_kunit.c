// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the timekeepers of time namespaces
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
#include <kunit/test.h>
#include <linux/audit.h>
#include <linux/clocksource.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/sched/clock.h>
#include <linux/timex.h>
#include <linux/user_namespace.h>

#include "ntp_internal.h"
#include "timekeeping_internal.h"
#include "timens_kunit.h"
#include "timens_tk_internal.h"

#define TKT_DAY		86400LL
#define TKT_HOUR	(3600 * NSEC_PER_SEC)
#define TKT_MIDNIGHT	(20000 * TKT_DAY)
#define TKT_ACTORS	2
#define TKT_SEED	0x7469636b746f636bULL

/* What adjtime() of the C library asks for */
#define TKT_ADJTIME	(ADJ_ADJTIME | ADJ_OFFSET_SINGLESHOT)

static unsigned long long tkt_seed = TKT_SEED;
module_param_named(seed, tkt_seed, ullong, 0444);
MODULE_PARM_DESC(seed, "Seed of the random tests");

/* Elsewhere a call may take long because the machine has no time for it */
static bool tkt_exact;
module_param_named(exact, tkt_exact, bool, 0444);
MODULE_PARM_DESC(exact, "Time is counted in instructions: look at how long a call takes");

/* A call took @took ns, and should have taken less than @most */
#define TKT_EXPECT_FAST(test, took, most) do {			\
	if (tkt_exact)						\
		KUNIT_EXPECT_LT(test, took, most);		\
} while (0)

/*
 * The counter
 */

/**
 * struct tkt_spec - A kind of counter
 * @name:	Name of the clocksource after which it is modelled
 * @scale:	Frequency is @scale * @freq Hz
 * @freq:	see @scale
 * @bits:	Width of the counter
 * @mode:	How the vDSO reads it
 */
struct tkt_spec {
	const char	*name;
	u32		scale;
	u32		freq;
	u32		bits;
	int		mode;
};

static const struct tkt_spec tkt_specs[] = {
	{ "tsc",	1000,	2600000,	64, VDSO_CLOCKMODE_TSC },
	{ "hpet",	1,	100000000,	32, VDSO_CLOCKMODE_NONE },
	{ "acpi_pm",	1,	3579545,	24, VDSO_CLOCKMODE_NONE },
};

#define TKT_TSC		(&tkt_specs[0])
#define TKT_HPET	(&tkt_specs[1])
#define TKT_ACPI_PM	(&tkt_specs[2])

static void tkt_spec_desc(const struct tkt_spec *spec, char *desc)
{
	strscpy(desc, spec->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(tkt_spec, tkt_specs, tkt_spec_desc);

/**
 * struct tkt_clock - A mock clocksource
 * @cs:		The clocksource
 * @now:	Counter without the limit of its width
 * @hz:		Cycles per second
 * @reads:	Number of reads
 */
struct tkt_clock {
	struct clocksource	cs;
	u64			now;
	u64			hz;
	unsigned long		reads;
};

static u64 tkt_clock_read(struct clocksource *cs)
{
	struct tkt_clock *clock = container_of(cs, struct tkt_clock, cs);

	clock->reads++;
	return clock->now & cs->mask;
}

/* As __clocksource_register_scale() sets a clocksource up, less the message */
static void tkt_clock_init(struct tkt_clock *clock, const struct tkt_spec *spec, u64 now)
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

/**
 * struct tkt_line - A straight line
 * @cycles:	Counter value of its origin
 * @time:	Time at the origin
 * @interval:	Cycles per NTP interval
 * @len:	Length of an NTP interval
 */
struct tkt_line {
	u64	cycles;
	u128	time;
	u64	interval;
	u64	len;
};

static u128 tkt_line_at(const struct tkt_line *line, u64 cycles)
{
	u64 rest, n = div64_u64_rem(cycles - line->cycles, line->interval, &rest);

	return line->time + (u128)n * line->len +
	       mul_u64_u64_div_u64(rest, line->len, line->interval);
}

static s64 tkt_line_ns(const struct tkt_line *line, u64 cycles)
{
	return (s64)(tkt_line_at(line, cycles) >> NTP_SCALE_SHIFT);
}

static void tkt_line_bend(struct tkt_line *line, u64 cycles, u64 len)
{
	line->time = tkt_line_at(line, cycles);
	line->cycles = cycles;
	line->len = len;
}

/* Cycles which the kernel takes for an NTP interval */
static u64 tkt_interval(const struct clocksource *cs)
{
	u64 ns = NSEC_PER_SEC / HZ;

	return div_u64((ns << cs->shift) + cs->mult / 2, cs->mult);
}

/*
 * How long these cycles shall last with ADJ_TICK of @tick and ADJ_FREQUENCY of
 * @freq: NTP's length of a tick, less what the interval is short of one.
 */
static u64 tkt_interval_len(const struct clocksource *cs, u64 tick, s64 freq)
{
	u64 second = (tick * USER_HZ * NSEC_PER_USEC) << 32;
	u64 nominal = tkt_interval(cs) * cs->mult;

	second += freq * 65536 * 1000;
	return div_u64(second, HZ) - ((NSEC_PER_SEC / HZ) << 32) +
	       (nominal << (32 - cs->shift));
}

/* What a clock which nobody steers shows for a number of cycles */
static s64 tkt_nominal(const struct clocksource *cs, u64 cycles)
{
	struct tkt_line line = {
		.interval = tkt_interval(cs), .len = tkt_interval_len(cs, USER_TICK_USEC, 0),
	};

	return tkt_line_ns(&line, cycles);
}

/*
 * The world
 */

/**
 * struct tkt_actor - A namespace with its calendar
 * @tn:		The namespace
 * @cal:	Its calendar; the interval is the one of the test
 * @page:	Its vDSO data
 * @stall:	No pass is taken before this tick
 * @length:	tick_length of its NTP state, as of the last look
 * @lag:	Sum of the lags of all changes of the slope so far (nsecs)
 * @bend:	Counter values of the last changes at a second
 * @bend_lag:	Their lags (nsecs)
 * @nr_bends:	Number of changes at a second
 * @passes:	Number of passes
 */
struct tkt_actor {
	struct timekeeper_ns		*tn;
	struct timens_tk_calendar	*cal;
	struct vdso_data		*page;
	u64				stall;
	u64				length;
	u64				lag;
	u64				bend[32];
	u64				bend_lag[32];
	unsigned int			nr_bends;
	u64				passes;
};

/**
 * struct tkt_world - A counter, a host and some namespaces
 * @test:	The test
 * @clock:	The counter
 * @host:	The host's clock
 * @pace:	The clock of the ticks, whatever @host is steered to
 * @host_tick:	ADJ_TICK of @pace (usecs in 10 ms)
 * @host_ntp:	Its NTP state
 * @base:	Counter value of tick 0
 * @tick:	The present tick
 * @actor:	The namespaces
 * @nr:		Number of namespaces
 * @host_runs:	The host takes its ticks
 * @twin:	A copy of the namespace which takes its pass, for the full way
 * @twin_page:	vDSO data of @twin
 * @rnd:	Random numbers
 */
struct tkt_world {
	struct kunit		*test;
	struct tkt_clock	*clock;
	struct tk_data		*host;
	struct tk_data		*pace;
	u32			host_tick;
	struct ntp_data		host_ntp;
	u64			base;
	u64			tick;
	struct tkt_actor	actor[TKT_ACTORS];
	unsigned int		nr;
	bool			host_runs;
	struct timekeeper_ns	*twin;
	struct vdso_data	*twin_page;
	struct rnd_state	rnd;
};

static u64 tkt_random(struct tkt_world *w, u64 below)
{
	u64 r = (u64)prandom_u32_state(&w->rnd) << 32 | prandom_u32_state(&w->rnd);

	return mul_u64_u64_shr(r, below, 64);
}

/* Uniform in -@most .. @most */
static s64 tkt_random_signed(struct tkt_world *w, u64 most)
{
	return (s64)tkt_random(w, 2 * most + 1) - (s64)most;
}

/* A tick is what the clock of the ticks is steered to: longer, if that is slow */
static u64 tkt_tick_cycles(const struct tkt_world *w, u64 tick)
{
	u64 cycles = mul_u64_u64_div_u64(tick, w->clock->hz, HZ);

	return w->base + mul_u64_u64_div_u64(cycles, 10000, w->host_tick);
}

/* The same for whom it concerns: how far a tick is */
static const struct tk_data *tkt_pace(struct tkt_world *w)
{
	struct tk_read_base *tkr = &w->pace->timekeeper.tkr_mono;

	tkr->mult = mul_u32_u32(w->clock->cs.mult, w->host_tick) / 10000;
	tkr->shift = w->clock->cs.shift;
	return w->pace;
}

static u64 tkt_ns_to_cycles(const struct tkt_world *w, u64 ns)
{
	return mul_u64_u64_div_u64(ns, w->clock->hz, NSEC_PER_SEC);
}

/* See "Bounds" */
static u64 tkt_quantum(const struct tkt_world *w, const struct timekeeper_ns *tn)
{
	return (w->clock->hz >> tn->tkd.timekeeper.tkr_mono.shift) + 1;
}

static struct timekeeper_ns *tkt_alloc(struct kunit *test)
{
	struct timekeeper_ns *tn = kunit_kzalloc(test, sizeof(*tn), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, tn);
	timens_tk_init_instance(tn);
	return tn;
}

static struct timens_tk_calendar *tkt_alloc_calendar(struct kunit *test)
{
	struct timens_tk_calendar *cal = kunit_kzalloc(test, sizeof(*cal), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cal);
	timens_tk_calendar_init(cal, 0);
	return cal;
}

/* Ticks after which a pass may not be put off, as for the system's calendar */
static unsigned int tkt_wrap_ticks(const struct clocksource *cs)
{
	u64 ticks = div64_u64(cs->max_raw_delta >> 2, tkt_interval(cs));

	return ticks > UINT_MAX ? 0 : ticks;
}

/* A host whose CLOCK_REALTIME is @real when the counter is @base */
static struct tkt_world *tkt_world(struct kunit *test, const struct tkt_spec *spec,
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

static const struct timespec64 tkt_epoch = { .tv_sec = 1700000000, .tv_nsec = 123456789 };

static void tkt_raw(const struct tkt_world *w, struct timens_tk_raw *raw)
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

static const clockid_t tkt_clocks[] = {
	CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
};

static s64 tkt_read_at(const struct tkt_world *w, const struct timekeeper_ns *tn, clockid_t clk,
		       u64 cycles)
{
	struct timespec64 ts;

	timens_tk_read_at(tn, clk, cycles & w->clock->cs.mask, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static s64 tkt_read(const struct tkt_world *w, const struct timekeeper_ns *tn, clockid_t clk)
{
	return tkt_read_at(w, tn, clk, w->clock->now);
}

/* The line of the host, evaluated with 128 bits */
static s64 tkt_read_host(const struct tkt_world *w, clockid_t clk)
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

static void tkt_same(struct tkt_world *w, const char *field, s64 a, s64 b)
{
	KUNIT_ASSERT_EQ_MSG(w->test, a, b, "%s, at tick %llu", field, w->tick);
}

static void tkt_same_ntp(struct tkt_world *w, const struct ntp_data *a, const struct ntp_data *b)
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
static void tkt_pass(struct tkt_world *w, struct timekeeper_ns *tn)
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
static void tkt_note_bend(struct tkt_world *w, struct tkt_actor *a, bool second)
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
static u64 tkt_pair_bound(const struct tkt_world *w, const struct tkt_actor *a,
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
static void tkt_run_ticks(struct tkt_world *w, u64 tick)
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
static void tkt_run_to(struct tkt_world *w, u64 cycles)
{
	u64 tick = mul_u64_u64_div_u64(cycles - w->base, HZ, w->clock->hz);

	tick = mul_u64_u64_div_u64(tick, w->host_tick, 10000);
	/* Both are rounded down */
	while (tkt_tick_cycles(w, tick + 1) <= cycles)
		tick++;
	tkt_run_ticks(w, tick);
	w->clock->now = cycles;
}

static void tkt_run_ns(struct tkt_world *w, u64 ns)
{
	tkt_run_to(w, w->clock->now + tkt_ns_to_cycles(w, ns));
}

/*
 * Writes
 */

static int tkt_write(struct timekeeper_ns *tn, const struct tk_data *host,
		     const struct timens_offsets *offs, timens_tk_op op, void *arg)
{
	unsigned long flags;
	int ret;

	raw_spin_lock_irqsave(&tn->tkd.lock, flags);
	ret = timens_tk_write(tn, host, offs, op, arg);
	raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
	return ret;
}

static int tkt_op_none(struct timekeeper_ns *tn, void *arg)
{
	return 0;
}

static int tkt_op_settime(struct timekeeper_ns *tn, void *arg)
{
	struct timespec64 step;

	return timens_tk_do_settime(tn, arg, &step);
}

static int tkt_op_adjtimex(struct timekeeper_ns *tn, void *arg)
{
	struct timespec64 step;

	return timens_tk_do_adjtimex(tn, arg, &step);
}

/* Bring the clock up to the present, as each write does */
static void tkt_forward(struct timekeeper_ns *tn)
{
	tkt_write(tn, NULL, NULL, tkt_op_none, NULL);
}

static void tkt_hurry(struct tkt_world *w, struct tkt_actor *a)
{
	u64 ticks = timens_tk_aligned_ticks(a->tn, tkt_pace(w));

	if (ticks && !list_empty(&a->tn->node))
		timens_tk_calendar_hurry(a->cal, a->tn, w->tick, w->tick + ticks);
	tkt_note_bend(w, a, false);
}

static int tkt_settime(struct tkt_world *w, struct tkt_actor *a, s64 sec, long nsec)
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

static int tkt_adjtimex(struct tkt_world *w, struct tkt_actor *a, struct __kernel_timex *txc)
{
	int ret = timekeeping_validate_timex(txc, &init_user_ns);

	if (ret)
		return ret;
	if (timens_tk_timex_reads(txc)) {
		tkt_pass(w, a->tn);
		return tkt_op_adjtimex(a->tn, txc);
	}
	ret = tkt_write(a->tn, NULL, NULL, tkt_op_adjtimex, txc);
	tkt_hurry(w, a);
	return ret;
}

static int tkt_adjust(struct tkt_world *w, struct tkt_actor *a, u64 tick, s64 freq)
{
	struct __kernel_timex txc = {
		.modes = ADJ_TICK | ADJ_FREQUENCY, .tick = tick, .freq = freq,
	};

	return tkt_adjtimex(w, a, &txc);
}

static int tkt_status(struct tkt_world *w, struct tkt_actor *a, int status)
{
	struct __kernel_timex txc = { .modes = ADJ_STATUS, .status = status };

	return tkt_adjtimex(w, a, &txc);
}

/* The state of the leap second, which TIME_ERROR hides when the clock is unsynchronized */
static int tkt_state(struct tkt_world *w, struct tkt_actor *a)
{
	struct __kernel_timex txc = { 0 };
	int ret = tkt_adjtimex(w, a, &txc);

	if (!(txc.status & STA_UNSYNC))
		return ret;
	KUNIT_EXPECT_EQ(w->test, ret, TIME_ERROR);
	return a->tn->ntp.time_state;
}

/* A namespace which takes the host's clock over and then a pass per @interval ticks */
static struct tkt_actor *tkt_actor(struct tkt_world *w, unsigned int interval,
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
	timens_tk_calendar_set(a->cal, interval, tkt_wrap_ticks(&w->clock->cs));
	tkt_write(a->tn, w->host, offs ? : &none, tkt_op_none, NULL);
	timens_tk_calendar_add(a->cal, a->tn, w->tick);
	a->length = a->tn->ntp.tick_length;
	return a;
}

static __printf(5, 6) void tkt_expect_near(struct tkt_world *w, s64 a, s64 b, u64 most,
					   const char *fmt, ...)
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

/*
 * Arithmetic
 */

/* What is stated about multiplier, shift and horizon in timens_tk_internal.h */
static void tkt_fixed_point(struct kunit *test)
{
	const struct tkt_spec *spec = test->param_value;
	struct tkt_clock clock;
	u32 mult, shift, extra;
	u128 base, room = U64_MAX;
	u64 most, cycles;

	tkt_clock_init(&clock, spec, 0);
	timens_tk_mult_shift(&clock.cs, &mult, &shift);

	/* The same frequency, with more bits unless there is no room for them */
	KUNIT_ASSERT_GE(test, shift, clock.cs.shift);
	extra = shift - clock.cs.shift;
	KUNIT_EXPECT_EQ(test, (u64)mult, (u64)clock.cs.mult << extra);
	KUNIT_EXPECT_LE(test, shift, (u32)TIMENS_TK_MAX_SHIFT);
	if (extra)
		KUNIT_EXPECT_LT(test, (u64)mult, 1ULL << TIMENS_TK_MULT_BITS);
	if (shift < TIMENS_TK_MAX_SHIFT)
		KUNIT_EXPECT_GE(test, (u64)mult << 1, 1ULL << TIMENS_TK_MULT_BITS);

	/* The multiplier has room for all that adjtimex() can ask for */
	KUNIT_EXPECT_LT(test, (u64)mult + mult / 4, 1ULL << 32);

	/* The horizon, at a rate of 1.25, on a base of two seconds */
	base = (u128)(2 * NSEC_PER_SEC) << shift;
	most = (u64)mult + (mult >> 2);
	KUNIT_EXPECT_TRUE(test, (u128)clock.hz * TIMENS_TK_HORIZON * most + base <= room);

	/* The largest product at that rate, and not a cycle less */
	cycles = timens_tk_max_cycles(mult, shift);
	KUNIT_EXPECT_TRUE(test, (u128)cycles * most + base <= room);
	KUNIT_EXPECT_TRUE(test, (u128)(cycles + 1) * most + base > room);

	/* One unit of the multiplier is worth a few nanoseconds per second */
	KUNIT_EXPECT_LE(test, clock.hz >> shift, 4);
}

/*
 * The fastest clock that adjtimex() can order: tick and frequency at their
 * limits, an adjtime(), and half a second of phase with the shortest time
 * constant. A reader of the page multiplies in 64 bits up to max_cycles.
 */
static void tkt_fastest(struct kunit *test)
{
	static const clockid_t hres[] = {
		CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
	};
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	struct __kernel_timex txc = {
		.modes = ADJ_TICK | ADJ_FREQUENCY | ADJ_STATUS | ADJ_NANO | ADJ_TIMECONST,
		.tick = 1100000 / USER_HZ, .freq = 500 << 16, .status = STA_PLL,
	};
	const struct vdso_data *vd = &a->page[CS_HRES_COARSE];
	unsigned int i, s;

	KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);
	txc = (struct __kernel_timex) {
		.modes = ADJ_TIMECONST | ADJ_OFFSET, .constant = 0, .offset = MAXPHASE,
	};
	KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);
	txc = (struct __kernel_timex) { .modes = TKT_ADJTIME, .offset = 2000000 };
	KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);

	for (s = 0; s < 4; s++) {
		tkt_run_ns(w, NSEC_PER_SEC);
		/* Faster than 12.5 % in the first second of the slew */
		if (s == 1)
			KUNIT_EXPECT_GT(test, (u64)vd->mult,
					((u64)w->clock->cs.mult <<
					 (vd->shift - w->clock->cs.shift)) * 9 / 8);
		for (i = 0; i < ARRAY_SIZE(hres); i++) {
			/* The fraction can be anything below a second */
			u128 base = ((u128)NSEC_PER_SEC << vd->shift) - 1;

			KUNIT_ASSERT_LT(test, vd->basetime[hres[i]].nsec,
					(u64)NSEC_PER_SEC << vd->shift);
			KUNIT_ASSERT_TRUE_MSG(test,
					      (u128)vd->max_cycles * vd->mult + base <= U64_MAX,
					      "second %u: %llu cycles * %u overflow", s,
					      vd->max_cycles, vd->mult);
		}
	}
}

/*
 * Switch
 */

/* All clocks go on where the host's, plus the offsets so far, are */
static void tkt_take(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(300);
	static const struct timens_offsets offs = {
		.monotonic = { .tv_sec = 86400, .tv_nsec = 999999999 },
		.boottime = { .tv_sec = 90, .tv_nsec = 1 },
		.raw = { .tv_sec = 86400, .tv_nsec = 999999999 },
	};
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct __kernel_timex txc;
	unsigned int i, c;

	kunit_info(test, "seed %#llx", tkt_seed);
	w->host_runs = true;
	for (i = 0; i < rounds; i++) {
		struct timekeeper_ns *tn = tkt_alloc(test);
		s64 host[ARRAY_SIZE(tkt_clocks)], shift;
		u64 ns;

		/* Bend the host's line, and stop anywhere in a tick */
		txc = (struct __kernel_timex) {
			.modes = ADJ_FREQUENCY | ADJ_TICK | ADJ_TAI, .constant = 37,
			.freq = tkt_random_signed(w, 500 << 16),
			.tick = 9000 + tkt_random(w, 2001),
		};
		KUNIT_ASSERT_GE(test, timekeeping_test_adjtimex(w->host, &txc), 0);
		tkt_run_ns(w, 1 + tkt_random(w, 20 * NSEC_PER_MSEC));

		for (c = 0; c < ARRAY_SIZE(tkt_clocks); c++)
			host[c] = tkt_read_host(w, tkt_clocks[c]);
		tkt_write(tn, w->host, &offs, tkt_op_none, NULL);

		for (c = 0; c < ARRAY_SIZE(tkt_clocks); c++) {
			shift = 0;
			if (tkt_clocks[c] == CLOCK_MONOTONIC)
				shift = timespec64_to_ns(&offs.monotonic);
			if (tkt_clocks[c] == CLOCK_BOOTTIME)
				shift = timespec64_to_ns(&offs.boottime);
			KUNIT_ASSERT_EQ_MSG(test, tkt_read(w, tn, tkt_clocks[c]), host[c] + shift,
					    "clock %d", tkt_clocks[c]);
		}

		/* The raw clock is the host's plus an offset */
		ns = ((u128)((w->clock->now - w->host->timekeeper.tkr_raw.cycle_last) &
			     w->clock->cs.mask) * w->clock->cs.mult +
		      w->host->timekeeper.tkr_raw.xtime_nsec) >> w->clock->cs.shift;
		KUNIT_ASSERT_EQ(test, tkt_read(w, tn, CLOCK_MONOTONIC_RAW),
				(s64)(w->host->timekeeper.raw_sec * NSEC_PER_SEC + ns) +
				timespec64_to_ns(&offs.raw));

		KUNIT_ASSERT_EQ(test, tn->state, (u32)TIMENS_TK_OWN);
		tkt_same_ntp(w, &tn->ntp, &w->host_ntp);
		KUNIT_ASSERT_EQ(test, tn->tkd.timekeeper.tai_offset, 37);
	}
}

/* Neither a leap second which the host has armed nor its PPS signal is inherited */
static void tkt_take_leap(struct kunit *test)
{
	struct timespec64 real = { .tv_sec = TKT_MIDNIGHT - 5 };
	struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
	struct __kernel_timex txc = { .modes = ADJ_STATUS, .status = STA_INS };
	struct tkt_actor *a;

	w->host_runs = true;
	KUNIT_ASSERT_GE(test, timekeeping_test_adjtimex(w->host, &txc), 0);
	tkt_run_ns(w, 2 * NSEC_PER_SEC);
	KUNIT_ASSERT_EQ(test, w->host_ntp.time_state, TIME_INS);
	w->host_ntp.time_status |= STA_PPSFREQ | STA_PPSTIME | STA_PPSSIGNAL | STA_PPSJITTER |
				   STA_PPSWANDER | STA_PPSERROR;
	a = tkt_actor(w, HZ, NULL);
	KUNIT_EXPECT_EQ(test, a->tn->ntp.time_status, 0);
	KUNIT_EXPECT_EQ(test, a->tn->ntp.time_state, TIME_OK);
	KUNIT_EXPECT_EQ(test, a->tn->edge_sec, TIME64_MAX);
	tkt_run_ns(w, 5 * (u64)NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, w->host->timekeeper.tai_offset, 1);
	KUNIT_EXPECT_EQ(test, a->tn->tkd.timekeeper.tai_offset, 0);
	tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME),
			tkt_read_host(w, CLOCK_REALTIME) + NSEC_PER_SEC,
			tkt_quantum(w, a->tn) + 3, "after the leap second of the host");
}

/*
 * Accuracy
 */

/* The clock stays on the NTP time line however tick and frequency change */
static void tkt_accuracy(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(150);
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	const struct clocksource *cs = &w->clock->cs;
	u64 tick = USER_TICK_USEC, bound = tkt_quantum(w, a->tn) + 2;
	struct tkt_line mono = {
		.cycles = w->base, .interval = tkt_interval(cs),
		.len = tkt_interval_len(cs, tick, 0),
	};
	s64 freq = 0, last = 0, now, worst = 0, real = timespec64_to_ns(&tkt_epoch);
	unsigned int i, k;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (i = 0; i < rounds; i++) {
		for (k = 0; k < 12; k++) {
			tkt_run_ns(w, tkt_random(w, NSEC_PER_SEC / 2));
			now = tkt_read(w, a->tn, CLOCK_MONOTONIC);
			worst = max(worst, abs(now - tkt_line_ns(&mono, w->clock->now)));
			tkt_expect_near(w, now, tkt_line_ns(&mono, w->clock->now), bound,
					"clock and NTP time");
			tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME), now + real, 1,
					"REALTIME and MONOTONIC");
			KUNIT_ASSERT_GE(test, now, last);
			last = now;
		}
		/* Small frequencies are the ones which one unit cannot express */
		freq = tkt_random_signed(w, i & 1 ? 500 << 16 : 1 << 12);
		if (i % 8 == 7)
			tick = 9000 + tkt_random(w, 2001);
		KUNIT_ASSERT_GE(test, tkt_adjust(w, a, tick, freq), 0);
		KUNIT_ASSERT_EQ(test, tkt_read(w, a->tn, CLOCK_MONOTONIC), now);
		tkt_line_bend(&mono, w->clock->now, tkt_interval_len(cs, tick, freq));
	}
	kunit_info(test, "at most %lld ns, bound %llu ns", worst, bound);
}

/* Passes that are late, for want of budget, do not unsettle the clock */
static void tkt_late_passes(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(200);
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	const struct clocksource *cs = &w->clock->cs;
	u64 quantum = tkt_quantum(w, a->tn);
	struct tkt_line mono = {
		.cycles = w->base, .interval = tkt_interval(cs),
		.len = tkt_interval_len(cs, USER_TICK_USEC, 0),
	};
	unsigned int i, k, late;
	s64 worst = 0, diff;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (i = 0; i < rounds; i++) {
		s64 freq = tkt_random_signed(w, 500 << 16);

		KUNIT_ASSERT_GE(test, tkt_adjust(w, a, USER_TICK_USEC, freq), 0);
		tkt_line_bend(&mono, w->clock->now,
			      tkt_interval_len(cs, USER_TICK_USEC, freq));

		late = 1 + tkt_random(w, 900);
		a->stall = a->tn->due + late;
		for (k = 0; k < 40; k++) {
			tkt_run_ns(w, NSEC_PER_SEC / 4 + tkt_random(w, 1000000));
			diff = tkt_read(w, a->tn, CLOCK_MONOTONIC) -
			       tkt_line_ns(&mono, w->clock->now);
			worst = max(worst, abs(diff));
			/* Two intervals without a pass are two quanta */
			tkt_expect_near(w, diff, 0, 2 * quantum + 2,
					"pass %u ticks late, %u/4 s ago, freq %lld", late, k,
					freq);
		}
	}
	kunit_info(test, "at most %lld ns, bound %llu ns", worst, 2 * quantum + 2);
}

/*
 * A slew moves the passes to the seconds of the clock; when it is over they
 * go back home. Wherever that is, the clock then agrees with one which takes
 * a pass in each tick.
 */
static void tkt_slew_phases(struct kunit *test)
{
	struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL), *b = tkt_actor(w, 1, NULL);
	unsigned int phase, i, k;
	s64 worst, x, y;

	for (phase = 0; phase < 10; phase += timens_kunit_stride(4)) {
		struct __kernel_timex slew;
		s64 sec = 1800000000 + phase * 1000;
		long nsec = (phase * 100 + 50) * NSEC_PER_MSEC;

		for (i = 0; i < w->nr; i++) {
			KUNIT_ASSERT_EQ(test, tkt_settime(w, &w->actor[i], sec, nsec), 0);
			KUNIT_ASSERT_EQ(test, tkt_read(w, w->actor[i].tn, CLOCK_REALTIME),
					sec * NSEC_PER_SEC + nsec);
		}
		tkt_run_ns(w, 300 * NSEC_PER_MSEC);
		for (i = 0; i < w->nr; i++) {
			slew = (struct __kernel_timex) { .modes = TKT_ADJTIME, .offset = 1200 };
			KUNIT_ASSERT_GE(test, tkt_adjtimex(w, &w->actor[i], &slew), 0);
		}
		worst = 0;
		for (k = 0; k < 200; k++) {
			tkt_run_ns(w, NSEC_PER_SEC / 4);
			x = tkt_read(w, a->tn, CLOCK_REALTIME);
			y = tkt_read(w, b->tn, CLOCK_REALTIME);
			tkt_expect_near(w, x, y, tkt_pair_bound(w, a, b), "phase %u, %u/4 s",
					phase, k);
			if (k > 180)
				worst = max(worst, abs(x - y));
		}
		kunit_info(test, "phase %u: at most %lld ns in the end, bound %llu ns", phase,
			   worst, tkt_pair_bound(w, a, b));
	}
}

/*
 * Differential tests
 */

static void tkt_same_timex(struct tkt_world *w, const struct __kernel_timex *a,
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
static void tkt_leave_second(struct tkt_world *w, const struct timekeeper_ns *tn, u64 guard)
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
static void tkt_random_steering(struct tkt_world *w, struct __kernel_timex *txc)
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

/*
 * One namespace takes a pass in each tick, the other one once a second. Their
 * NTP states are equal, and their clocks to the quanta of both plus what is
 * left of the lags of the last changes of the slope.
 */
static void tkt_tick_or_second(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(100);
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL), *b = tkt_actor(w, 1, NULL);
	struct __kernel_timex x, y;
	s64 worst = 0, mono[2];
	unsigned int i, k;
	int ret;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (i = 0; i < rounds; i++) {
		tkt_leave_second(w, a->tn, 5 * NSEC_PER_MSEC);
		tkt_random_steering(w, &x);
		y = x;
		ret = tkt_adjtimex(w, a, &x);
		KUNIT_ASSERT_EQ(test, ret, tkt_adjtimex(w, b, &y));
		tkt_same_timex(w, &x, &y, tkt_pair_bound(w, a, b));
		tkt_same_ntp(w, &a->tn->ntp, &b->tn->ntp);

		for (k = 0; k < 6; k++) {
			tkt_run_ns(w, tkt_random(w, NSEC_PER_SEC * 2 / 3));
			mono[0] = tkt_read(w, a->tn, CLOCK_MONOTONIC);
			mono[1] = tkt_read(w, b->tn, CLOCK_MONOTONIC);
			tkt_expect_near(w, mono[0], mono[1], tkt_pair_bound(w, a, b),
					"step %u.%u, modes %#x", i, k, x.modes);
			worst = max(worst, abs(mono[0] - mono[1]));
		}
	}
	KUNIT_EXPECT_GT(test, b->passes, 10 * a->passes);
	kunit_info(test, "%llu and %llu passes, at most %lld ns apart", a->passes, b->passes,
		   worst);
}

/* Anything that adjtimex() can be asked, within its limits or not */
static void tkt_random_timex(struct tkt_world *w, struct __kernel_timex *txc)
{
	static const unsigned int modes[] = {
		ADJ_OFFSET, ADJ_FREQUENCY, ADJ_MAXERROR, ADJ_ESTERROR, ADJ_STATUS,
		ADJ_TIMECONST, ADJ_TAI, ADJ_SETOFFSET, ADJ_MICRO, ADJ_NANO, ADJ_TICK,
	};
	static const int status[] = {
		STA_PLL, STA_PLL | STA_FLL, STA_PLL | STA_FREQHOLD, STA_PLL | STA_INS,
		STA_PLL | STA_DEL, STA_INS, STA_DEL, STA_INS | STA_DEL, STA_UNSYNC, 0,
		STA_NANO | STA_CLOCKERR, 0xffff,
	};
	unsigned int i;

	tkt_random_steering(w, txc);
	if (!tkt_random(w, 3))
		return;

	txc->modes = 0;
	for (i = tkt_random(w, 4); i; i--)
		txc->modes |= modes[tkt_random(w, ARRAY_SIZE(modes))];
	txc->offset = tkt_random_signed(w, 20000);
	txc->freq = tkt_random_signed(w, 600 << 16);
	txc->maxerror = tkt_random_signed(w, 20000000);
	txc->esterror = tkt_random_signed(w, 20000000);
	txc->status = status[tkt_random(w, ARRAY_SIZE(status))];
	txc->constant = tkt_random_signed(w, 40);
	txc->tick = 9950 + tkt_random(w, 101);
	txc->time.tv_sec = tkt_random_signed(w, 100000);
	txc->time.tv_usec = tkt_random(w, txc->modes & ADJ_NANO ? NSEC_PER_SEC : USEC_PER_SEC);

	/* One in three asks for what it cannot have */
	switch (tkt_random(w, 24)) {
	case 0:
		txc->tick = 8999;
		break;
	case 1:
		txc->tick = 11001;
		break;
	case 2:
		txc->freq = LLONG_MAX;
		break;
	case 3:
		txc->freq = LLONG_MIN;
		break;
	case 4:
		txc->time.tv_usec = -1;
		break;
	case 5:
		txc->time.tv_usec = txc->modes & ADJ_NANO ? NSEC_PER_SEC : USEC_PER_SEC;
		break;
	case 6:
		txc->time.tv_sec = -KTIME_SEC_MAX;
		break;
	case 7:
		txc->time.tv_sec = KTIME_SEC_MAX;
		break;
	}
	if (!tkt_random(w, 12))
		txc->modes = ADJ_ADJTIME | (tkt_random(w, 2) ? 0 : ADJ_FREQUENCY);
	else if (!tkt_random(w, 12))
		txc->modes = TKT_ADJTIME | ADJ_OFFSET_READONLY;
}

static s64 tkt_random_date(struct tkt_world *w)
{
	s64 day = tkt_random(w, 80000) * TKT_DAY;

	switch (tkt_random(w, 8)) {
	case 0:
		return -1 - (s64)tkt_random(w, KTIME_SEC_MAX);
	case 1:
		return TIME_SETTOD_SEC_MAX + tkt_random(w, TIME_UPTIME_SEC_MAX);
	case 2:
		return tkt_random(w, 1000);
	case 3:
		return TIME_SETTOD_SEC_MAX - 1 - tkt_random(w, 1000000);
	default:
		/* So that leap seconds come about */
		return day + TKT_DAY - 1 - tkt_random(w, 4);
	}
}

/* What a clock consists of, for a comparison bit by bit */
struct tkt_snapshot {
	struct timekeeper	tk;
	struct timekeeper	shadow;
	struct ntp_data		ntp;
};

static void tkt_save_host(const struct tkt_world *w, struct tkt_snapshot *s)
{
	s->tk = w->host->timekeeper;
	s->shadow = w->host->shadow_timekeeper;
	s->ntp = w->host_ntp;
}

static void tkt_restore_host(struct tkt_world *w, const struct tkt_snapshot *s)
{
	w->host->timekeeper = s->tk;
	w->host->shadow_timekeeper = s->shadow;
	w->host_ntp = s->ntp;
}

/*
 * The host and a namespace are asked the same. Results, errors and NTP states
 * are equal. The clocks are equal to the lags of all changes of the slope since
 * they were last set, twice: the host bends its line at its interval, and is
 * in a tick before the second one after a step.
 *
 * A failed step makes the host forget its NTP state. That is not repeated, and
 * undone here; on an error a namespace does not change.
 */
static void tkt_host_or_namespace(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(400);
	struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
	struct tkt_snapshot *saved = kunit_kzalloc(test, sizeof(*saved), GFP_KERNEL);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	u64 quantum = tkt_quantum(w, a->tn), steps = 1, bound, errors = 0, leaps = 0;
	static const int flags[] = { 0, STA_INS, STA_DEL };
	struct timekeeper_ns *copy = tkt_alloc(test);
	struct __kernel_timex x, y;
	struct timespec64 ts;
	int want, got;
	unsigned int i;
	s32 tai;

	KUNIT_ASSERT_NOT_NULL(test, saved);
	kunit_info(test, "seed %#llx", tkt_seed);
	w->host_runs = true;
	/* Few rounds may not meet a leap second: then some more */
	for (i = 0; i < rounds || (120 * leaps <= rounds && i < 8 * rounds); i++) {
		tai = a->tn->tkd.timekeeper.tai_offset;
		tkt_run_ns(w, tkt_random(w, NSEC_PER_SEC * 3 / 2));
		tkt_leave_second(w, a->tn, 40 * NSEC_PER_MSEC);
		leaps += tai != a->tn->tkd.timekeeper.tai_offset;
		bound = steps * (quantum + 1) + 2 * a->lag + 2;
		KUNIT_ASSERT_LT(test, bound, 20 * NSEC_PER_MSEC);
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME),
				tkt_read_host(w, CLOCK_REALTIME), bound, "REALTIME");
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_TAI),
				tkt_read_host(w, CLOCK_TAI), bound, "TAI");

		tkt_save_host(w, saved);
		timens_tk_copy(copy, a->tn);

		if (tkt_random(w, 6) && bound < 10 * NSEC_PER_MSEC) {
			tkt_random_timex(w, &x);
			y = x;
			want = timekeeping_test_adjtimex(w->host, &x);
			got = tkt_adjtimex(w, a, &y);
			KUNIT_ASSERT_EQ_MSG(test, got, want, "step %u, modes %#x", i, x.modes);
			tkt_same_timex(w, &y, &x, want < 0 ? 0 : bound);
			if (want >= 0 && y.modes & ADJ_SETOFFSET)
				steps++;
		} else {
			ts.tv_sec = tkt_random_date(w);
			ts.tv_nsec = tkt_random(w, NSEC_PER_SEC);
			/* A leap second is ahead, or not */
			x = (struct __kernel_timex) {
				.modes = ADJ_STATUS, .status = flags[tkt_random(w, 3)],
			};
			y = x;
			KUNIT_ASSERT_EQ(test, tkt_adjtimex(w, a, &y),
					timekeeping_test_adjtimex(w->host, &x));
			tkt_save_host(w, saved);
			timens_tk_copy(copy, a->tn);
			want = timekeeping_test_settime(w->host, &ts);
			got = tkt_settime(w, a, ts.tv_sec, ts.tv_nsec);
			KUNIT_ASSERT_EQ_MSG(test, got, want, "step %u, second %lld", i,
					    ts.tv_sec);
			if (!want) {
				KUNIT_ASSERT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME),
						timespec64_to_ns(&ts));
				steps = 1;
				a->lag = 0;
				a->length = 0;
				tkt_note_bend(w, a, false);
				a->lag = abs((s64)(saved->ntp.tick_length -
						   a->tn->ntp.tick_length)) >> NTP_SCALE_SHIFT;
			}
		}
		if (want < 0) {
			errors++;
			tkt_restore_host(w, saved);
			tkt_forward(a->tn);
			tkt_forward(copy);
			KUNIT_ASSERT_MEMEQ(test, &a->tn->tkd.timekeeper, &copy->tkd.timekeeper,
					   sizeof(copy->tkd.timekeeper));
			KUNIT_ASSERT_MEMEQ(test, &a->tn->ntp, &copy->ntp, sizeof(copy->ntp));
			KUNIT_ASSERT_EQ(test, a->tn->edge_sec, copy->edge_sec);
		}
		tkt_same_ntp(w, &a->tn->ntp, &w->host_ntp);
		KUNIT_ASSERT_EQ(test, a->tn->tkd.timekeeper.tai_offset,
				w->host->timekeeper.tai_offset);
	}
	/* Or nothing was tested */
	KUNIT_EXPECT_GT(test, 20 * errors, rounds);
	KUNIT_EXPECT_GT(test, 120 * leaps, rounds);
	kunit_info(test, "%llu errors, %llu leap seconds", errors, leaps);
}

/*
 * Leap seconds
 */

/* The first counter value at which CLOCK_TAI reads @ns */
static u64 tkt_find_tai(const struct tkt_world *w, const struct timekeeper_ns *tn, s64 ns)
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

/**
 * struct tkt_leap - A leap second and the pass which takes it
 * @spec:	The counter
 * @status:	STA_INS or STA_DEL
 * @passes:	Passes take place up to the last second before the edge; or
 *		none since the leap second was ordered
 * @late:	Distance of the next pass to the edge (nsecs)
 */
struct tkt_leap {
	const struct tkt_spec	*spec;
	int			status;
	bool			passes;
	u64			late;
};

static const struct tkt_leap tkt_leaps[] = {
	{ TKT_TSC, STA_INS, true, 0 },
	{ TKT_TSC, STA_DEL, true, 0 },
	{ TKT_TSC, STA_INS, false, 0 },
	{ TKT_TSC, STA_DEL, false, 0 },
	{ TKT_TSC, STA_INS, true, NSEC_PER_MSEC },
	{ TKT_TSC, STA_DEL, true, NSEC_PER_MSEC },
	{ TKT_TSC, STA_INS, false, NSEC_PER_MSEC },
	{ TKT_TSC, STA_DEL, false, NSEC_PER_MSEC },
	{ TKT_TSC, STA_INS, true, 999 * NSEC_PER_MSEC },
	{ TKT_TSC, STA_DEL, true, 999 * NSEC_PER_MSEC },
	{ TKT_TSC, STA_INS, false, 999 * NSEC_PER_MSEC },
	{ TKT_TSC, STA_DEL, false, 999 * NSEC_PER_MSEC },
	{ TKT_TSC, STA_INS, true, 1500 * NSEC_PER_MSEC },
	{ TKT_TSC, STA_DEL, true, 1500 * NSEC_PER_MSEC },
	{ TKT_TSC, STA_INS, false, 1500 * NSEC_PER_MSEC },
	{ TKT_TSC, STA_DEL, false, 1500 * NSEC_PER_MSEC },
	{ TKT_TSC, STA_INS, true, 61 * NSEC_PER_SEC },
	{ TKT_TSC, STA_DEL, true, 61 * NSEC_PER_SEC },
	{ TKT_TSC, STA_INS, false, 61 * NSEC_PER_SEC },
	{ TKT_TSC, STA_DEL, false, 61 * NSEC_PER_SEC },
	{ TKT_TSC, STA_INS, true, 5 * TKT_HOUR },
	{ TKT_TSC, STA_DEL, true, 5 * TKT_HOUR },
	{ TKT_TSC, STA_INS, false, 5 * TKT_HOUR },
	{ TKT_TSC, STA_DEL, false, 5 * TKT_HOUR },
	{ TKT_TSC, STA_INS, true, 50 * TKT_HOUR },
	{ TKT_TSC, STA_DEL, true, 50 * TKT_HOUR },
	{ TKT_TSC, STA_INS, false, 50 * TKT_HOUR },
	{ TKT_TSC, STA_DEL, false, 50 * TKT_HOUR },
	{ TKT_HPET, STA_INS, true, NSEC_PER_MSEC },
	{ TKT_HPET, STA_DEL, true, NSEC_PER_MSEC },
	{ TKT_HPET, STA_INS, false, NSEC_PER_MSEC },
	{ TKT_HPET, STA_DEL, false, NSEC_PER_MSEC },
	{ TKT_HPET, STA_INS, true, 25 * NSEC_PER_SEC },
	{ TKT_HPET, STA_DEL, true, 25 * NSEC_PER_SEC },
	{ TKT_HPET, STA_INS, false, 25 * NSEC_PER_SEC },
	{ TKT_HPET, STA_DEL, false, 25 * NSEC_PER_SEC },
	{ TKT_ACPI_PM, STA_INS, true, NSEC_PER_MSEC },
	{ TKT_ACPI_PM, STA_DEL, true, NSEC_PER_MSEC },
	{ TKT_ACPI_PM, STA_INS, true, 2 * (u64)NSEC_PER_SEC },
	{ TKT_ACPI_PM, STA_DEL, true, 2 * (u64)NSEC_PER_SEC },
};

static void tkt_leap_desc(const struct tkt_leap *leap, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s, %s, pass %llu us late", leap->spec->name,
		 leap->status == STA_INS ? "insert" : "delete",
		 leap->passes ? "armed" : "just ordered", div_u64(leap->late, NSEC_PER_USEC));
}

KUNIT_ARRAY_PARAM(tkt_leap, tkt_leaps, tkt_leap_desc);

/* Readers see the leap second at its edge, to the cycle, with no pass near */
static void tkt_leap_edge(struct kunit *test)
{
	const struct tkt_leap *leap = test->param_value;
	bool ins = leap->status == STA_INS;
	s64 edge = ins ? TKT_MIDNIGHT : TKT_MIDNIGHT - 1, step = ins ? -1 : 1, tai = 37;
	struct timespec64 real = { .tv_sec = edge - 6, .tv_nsec = 300000000 };
	struct tkt_world *w = tkt_world(test, leap->spec, &real);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	struct __kernel_timex txc = {
		.modes = ADJ_TAI | ADJ_STATUS | ADJ_FREQUENCY | ADJ_NANO, .constant = tai,
		.status = leap->status, .freq = tkt_random_signed(w, 500 << 16),
	};
	u64 at, cycles_ns = div64_u64(NSEC_PER_SEC, w->clock->hz) + 1;
	s64 mono;
	int got;

	KUNIT_ASSERT_EQ(test, tkt_adjtimex(w, a, &txc), TIME_OK);
	/* A pass is due in each second; the last one before the edge takes place */
	a->stall = leap->passes ? 5000 : U64_MAX;
	tkt_run_ns(w, 200 * NSEC_PER_MSEC);
	if (leap->passes) {
		a->stall = 0;
		tkt_run_ns(w, 5 * (u64)NSEC_PER_SEC);
		a->stall = U64_MAX;
		KUNIT_ASSERT_EQ(test, a->tn->ntp.time_state, ins ? TIME_INS : TIME_DEL);
	} else {
		KUNIT_ASSERT_EQ(test, a->tn->ntp.time_state, TIME_OK);
	}
	KUNIT_ASSERT_EQ(test, a->tn->edge_sec, edge);

	at = tkt_find_tai(w, a->tn, (edge + tai) * NSEC_PER_SEC);
	KUNIT_ASSERT_GT(test, at, w->clock->now);

	/* A cycle before */
	KUNIT_EXPECT_EQ(test, tkt_read_at(w, a->tn, CLOCK_REALTIME, at - 1),
			tkt_read_at(w, a->tn, CLOCK_TAI, at - 1) - tai * NSEC_PER_SEC);
	KUNIT_EXPECT_LT(test, tkt_read_at(w, a->tn, CLOCK_REALTIME, at - 1), edge * NSEC_PER_SEC);
	KUNIT_EXPECT_GE(test, tkt_read_at(w, a->tn, CLOCK_REALTIME, at - 1),
			edge * NSEC_PER_SEC - (s64)cycles_ns - 1);
	/* At the edge, and a cycle after */
	KUNIT_EXPECT_EQ(test, tkt_read_at(w, a->tn, CLOCK_REALTIME, at),
			tkt_read_at(w, a->tn, CLOCK_TAI, at) + (step - tai) * NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, tkt_read_at(w, a->tn, CLOCK_REALTIME_COARSE, at + 1),
			tkt_read_at(w, a->tn, CLOCK_TAI, at + 1) + (step - tai) * NSEC_PER_SEC);
	/* TAI and MONOTONIC do not notice */
	KUNIT_EXPECT_LE(test, tkt_read_at(w, a->tn, CLOCK_TAI, at + 1) -
			tkt_read_at(w, a->tn, CLOCK_TAI, at - 1), (s64)(2 * cycles_ns + 1));
	KUNIT_EXPECT_LE(test, tkt_read_at(w, a->tn, CLOCK_MONOTONIC, at + 1) -
			tkt_read_at(w, a->tn, CLOCK_MONOTONIC, at - 1), (s64)(2 * cycles_ns + 1));

	/* Now the pass; tkt_pass() compares all clocks before and after */
	tkt_run_to(w, at + tkt_ns_to_cycles(w, leap->late));
	mono = tkt_read(w, a->tn, CLOCK_MONOTONIC);
	KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME),
			tkt_read(w, a->tn, CLOCK_TAI) + (step - tai) * NSEC_PER_SEC);
	txc = (struct __kernel_timex) { 0 };
	got = tkt_adjtimex(w, a, &txc);
	if (txc.status & STA_UNSYNC)
		got = a->tn->ntp.time_state;
	KUNIT_EXPECT_EQ(test, got, ins && leap->late < NSEC_PER_SEC ? TIME_OOP : TIME_WAIT);
	KUNIT_EXPECT_EQ(test, txc.tai, (int)(tai - step));
	KUNIT_EXPECT_EQ(test, txc.time.tv_sec * NSEC_PER_SEC + txc.time.tv_usec,
			tkt_read(w, a->tn, CLOCK_REALTIME));
	KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_MONOTONIC), mono);
	if (leap->late > NSEC_PER_MSEC) {
		KUNIT_EXPECT_EQ(test, a->tn->edge_sec, TIME64_MAX);
		KUNIT_EXPECT_EQ(test, a->tn->tkd.timekeeper.tai_offset, (int)(tai - step));
	}

	/* One leap second, however long the flag stays */
	a->stall = 0;
	tkt_run_ns(w, 3 * (u64)NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, tkt_state(w, a), TIME_WAIT);
	KUNIT_EXPECT_EQ(test, a->tn->edge_sec, TIME64_MAX);
	KUNIT_EXPECT_EQ(test, a->tn->tkd.timekeeper.tai_offset, (int)(tai - step));
	KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME),
			tkt_read(w, a->tn, CLOCK_TAI) + (step - tai) * NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, tkt_status(w, a, 0), TIME_WAIT);
	tkt_run_ns(w, 2 * (u64)NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, tkt_state(w, a), TIME_OK);
}

/**
 * struct tkt_scene - What happens around a midnight
 * @name:	Name
 * @start:	First request, relative to midnight (msecs)
 * @status:	Status which it sets
 * @again:	Second request, relative to midnight (msecs)
 * @status2:	Status which that sets
 * @states:	States which have to come about, as a mask; the host decides
 *		about everything else
 */
struct tkt_scene {
	const char	*name;
	s64		start;
	int		status;
	s64		again;
	int		status2;
	unsigned int	states;
};

#define TKT_NEVER	100000

static const struct tkt_scene tkt_scenes[] = {
	{ "insert, flag cleared in OOP", -4500, STA_INS, 500, 0,
	  BIT(TIME_OK) | BIT(TIME_INS) | BIT(TIME_OOP) },
	{ "insert, flag cleared in WAIT", -4500, STA_INS, 2500, 0,
	  BIT(TIME_INS) | BIT(TIME_OOP) | BIT(TIME_WAIT) | BIT(TIME_OK) },
	{ "insert, flag kept", -4500, STA_INS, TKT_NEVER, 0, BIT(TIME_OOP) | BIT(TIME_WAIT) },
	{ "delete, flag cleared", -4500, STA_DEL, 1500, 0,
	  BIT(TIME_DEL) | BIT(TIME_WAIT) | BIT(TIME_OK) },
	{ "delete, flag kept", -4500, STA_DEL, TKT_NEVER, 0, BIT(TIME_DEL) | BIT(TIME_WAIT) },
	{ "insert withdrawn", -4500, STA_INS, -2500, 0, BIT(TIME_INS) | BIT(TIME_OK) },
	{ "insert withdrawn in the last second", -4500, STA_INS, -500, 0,
	  BIT(TIME_INS) | BIT(TIME_OK) },
	{ "delete withdrawn", -4500, STA_DEL, -2500, 0, BIT(TIME_DEL) | BIT(TIME_OK) },
	{ "delete withdrawn in the last second", -4500, STA_DEL, -1500, 0,
	  BIT(TIME_DEL) | BIT(TIME_OK) },
	{ "insert turned into delete", -4500, STA_INS, -2625, STA_DEL,
	  BIT(TIME_INS) | BIT(TIME_OK) | BIT(TIME_DEL) },
	{ "delete turned into insert", -4500, STA_DEL, -2625, STA_INS,
	  BIT(TIME_INS) | BIT(TIME_OK) | BIT(TIME_DEL) },
	{ "both flags", -4500, STA_INS | STA_DEL, TKT_NEVER, 0, BIT(TIME_OOP) },
	{ "insert ordered in the last second", -500, STA_INS, TKT_NEVER, 0, BIT(TIME_INS) },
	{ "insert ordered a second before", -1500, STA_INS, TKT_NEVER, 0, BIT(TIME_OOP) },
	{ "delete ordered in its last second", -1500, STA_DEL, TKT_NEVER, 0, BIT(TIME_DEL) },
	{ "delete ordered a second before", -2500, STA_DEL, TKT_NEVER, 0, BIT(TIME_WAIT) },
	{ "PLL left with a leap second armed", -4500, STA_INS | STA_PLL, -2500, STA_INS,
	  BIT(TIME_INS) | BIT(TIME_OOP) },
	{ "unsynchronized", -4500, STA_INS | STA_UNSYNC, TKT_NEVER, 0, BIT(TIME_ERROR) },
};

static void tkt_scene_desc(const struct tkt_scene *scene, char *desc)
{
	strscpy(desc, scene->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(tkt_scene, tkt_scenes, tkt_scene_desc);

/* The states of a leap second, in step with the host's */
static void tkt_leap_states(struct kunit *test)
{
	const struct tkt_scene *scene = test->param_value;
	struct timespec64 real = { .tv_sec = TKT_MIDNIGHT - 8, .tv_nsec = 125000000 };
	struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	u64 bound = tkt_quantum(w, a->tn) + 3;
	struct __kernel_timex x, y;
	unsigned int states = 0, asked = 0;
	int got, want;
	s64 ms;

	w->host_runs = true;
	for (ms = -7875; ms <= 6125; ms += 125) {
		bool ask = ms == scene->start || ms == scene->again;

		tkt_run_ns(w, 125 * NSEC_PER_MSEC);
		/* The host takes its seconds up to a tick late */
		if (ms % 1000 == 0)
			continue;
		asked += ask;
		x = (struct __kernel_timex) {
			.modes = ask ? ADJ_STATUS | ADJ_NANO : 0,
			.status = ms == scene->start ? scene->status : scene->status2,
		};
		y = x;
		want = timekeeping_test_adjtimex(w->host, &x);
		got = tkt_adjtimex(w, a, &y);
		KUNIT_ASSERT_EQ_MSG(test, got, want, "%lld ms", ms);
		tkt_same_timex(w, &y, &x, bound);
		tkt_same_ntp(w, &a->tn->ntp, &w->host_ntp);
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME),
				tkt_read_host(w, CLOCK_REALTIME), bound, "REALTIME");
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_TAI),
				tkt_read_host(w, CLOCK_TAI), bound, "TAI");
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_MONOTONIC),
				tkt_read_host(w, CLOCK_MONOTONIC), bound, "MONOTONIC");
		if (ms > scene->start)
			states |= BIT(got);
	}
	KUNIT_EXPECT_EQ(test, asked, scene->again == TKT_NEVER ? 1 : 2);
	KUNIT_EXPECT_EQ(test, states & scene->states, scene->states);
}

/* A step of the clock with a leap second ahead of or behind it */
static void tkt_leap_step(struct kunit *test)
{
	struct timespec64 real = { .tv_sec = TKT_MIDNIGHT - 8, .tv_nsec = 125000000 };
	struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	struct timespec64 to[] = {
		{ .tv_sec = TKT_MIDNIGHT - 100, .tv_nsec = 500000000 },
		{ .tv_sec = TKT_MIDNIGHT + 100, .tv_nsec = 500000000 },
		{ .tv_sec = TKT_MIDNIGHT + TKT_DAY - 3, .tv_nsec = 500000000 },
	};
	u64 bound = tkt_quantum(w, a->tn) + 3;
	struct __kernel_timex x, y;
	unsigned int i, k;

	w->host_runs = true;
	for (i = 0; i < ARRAY_SIZE(to); i++) {
		for (k = 0; k < 2; k++) {
			/* Armed or just ordered */
			x = (struct __kernel_timex) {
				.modes = ADJ_STATUS | ADJ_NANO, .status = STA_INS,
			};
			y = x;
			KUNIT_ASSERT_EQ(test, timekeeping_test_adjtimex(w->host, &x),
					tkt_adjtimex(w, a, &y));
			tkt_run_ns(w, (k ? 1500 : 200) * NSEC_PER_MSEC);
			KUNIT_ASSERT_EQ(test, timekeeping_test_settime(w->host, &to[i]), 0);
			KUNIT_ASSERT_EQ(test, tkt_settime(w, a, to[i].tv_sec, to[i].tv_nsec), 0);
			KUNIT_ASSERT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME),
					timespec64_to_ns(&to[i]));
			tkt_run_ns(w, 5 * (u64)NSEC_PER_SEC);
			tkt_leave_second(w, a->tn, 5 * NSEC_PER_MSEC);
			tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME),
					tkt_read_host(w, CLOCK_REALTIME), bound, "REALTIME");
			KUNIT_EXPECT_EQ(test, a->tn->tkd.timekeeper.tai_offset,
					w->host->timekeeper.tai_offset);
			x = (struct __kernel_timex) { .modes = ADJ_STATUS };
			y = x;
			KUNIT_ASSERT_EQ(test, timekeeping_test_adjtimex(w->host, &x),
					tkt_adjtimex(w, a, &y));
			tkt_run_ns(w, 2 * (u64)NSEC_PER_SEC);
			tkt_forward(a->tn);
			tkt_same_ntp(w, &a->tn->ntp, &w->host_ntp);
		}
	}
}

/*
 * Sleep
 */

/**
 * struct tkt_nap - A suspend near a leap second
 * @name:	Name
 * @status:	Status
 * @ordered:	When the leap second is ordered, before its edge (msecs)
 * @past:	When the sleep ends, after the edge without the step (nsecs)
 * @step:	What the leap second adds meanwhile (secs)
 */
struct tkt_nap {
	const char	*name;
	int		status;
	s64		ordered;
	s64		past;
	s64		step;
};

static const struct tkt_nap tkt_naps[] = {
	{ "no leap second",			0,	 7500, TKT_HOUR,  0 },
	{ "insert, armed",			STA_INS, 7500, TKT_HOUR,  -1 },
	{ "delete, armed",			STA_DEL, 7500, TKT_HOUR,  1 },
	{ "insert, ordered in that second",	STA_INS, 3500, TKT_HOUR,  -1 },
	{ "delete, ordered in that second",	STA_DEL, 3500, TKT_HOUR,  1 },
	{ "insert, up to the edge",		STA_INS, 7500, 0,	  -1 },
	{ "delete, up to the edge",		STA_DEL, 7500, 0,	  1 },
	{ "insert, 1 ns short of the edge",	STA_INS, 7500, -1,	  0 },
	{ "delete, 1 ns short of the edge",	STA_DEL, 7500, -1,	  0 },
	{ "insert, ordered, 1 ns short",	STA_INS, 3500, -1,	  0 },
	{ "delete, ordered, 1 ns short",	STA_DEL, 3500, -1,	  0 },
	{ "insert, for three days",		STA_INS, 7500, 72 * TKT_HOUR, -1 },
};

static void tkt_nap_desc(const struct tkt_nap *nap, char *desc)
{
	strscpy(desc, nap->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(tkt_nap, tkt_naps, tkt_nap_desc);

static void tkt_nap_begin(struct kunit *test, struct tkt_world *w, struct tkt_actor *a)
{
	const struct tkt_nap *nap = test->param_value;

	tkt_run_ns(w, (8000 - nap->ordered) * NSEC_PER_MSEC);
	KUNIT_ASSERT_EQ(test, tkt_status(w, a, nap->status), TIME_OK);
	tkt_run_ns(w, (nap->ordered - 3300) * NSEC_PER_MSEC);
	tkt_forward(a->tn);
}

/* A leap second in a sleep is taken, once; TAI and BOOTTIME just sleep */
static void tkt_sleep(struct kunit *test)
{
	const struct tkt_nap *nap = test->param_value;
	s64 edge = nap->status == STA_DEL ? TKT_MIDNIGHT - 1 : TKT_MIDNIGHT;
	struct timespec64 real = { .tv_sec = edge - 8 };
	unsigned int rtc, i;

	/* Measured by the kernel, or later by the RTC, which clears NTP too */
	for (rtc = 0; rtc < 2; rtc++) {
		struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
		struct tkt_actor *a = tkt_actor(w, HZ, NULL);
		s64 before[ARRAY_SIZE(tkt_clocks)], after[ARRAY_SIZE(tkt_clocks)];
		struct timespec64 sleep;
		s64 step = nap->step, ns;
		unsigned long flags;
		u64 awake;

		tkt_nap_begin(test, w, a);
		for (i = 0; i < ARRAY_SIZE(tkt_clocks); i++)
			before[i] = tkt_read(w, a->tn, tkt_clocks[i]);
		ns = edge * NSEC_PER_SEC + nap->past - before[0];
		sleep = ns_to_timespec64(ns);

		local_irq_save(flags);
		if (rtc) {
			timens_tk_sleep_one(a->tn, &sleep);
		} else {
			raw_spin_lock(&a->tn->tkd.lock);
			timens_tk_add_sleep(a->tn, &sleep);
			raw_spin_unlock(&a->tn->tkd.lock);
		}
		/* It belongs to the time of the system, not to that of the test */
		hrtimer_cancel(&a->tn->wake_timer);
		local_irq_restore(flags);

		for (i = 0; i < ARRAY_SIZE(tkt_clocks); i++)
			after[i] = tkt_read(w, a->tn, tkt_clocks[i]);
		KUNIT_EXPECT_EQ(test, after[0] - before[0], ns + step * NSEC_PER_SEC);
		KUNIT_EXPECT_EQ(test, after[1] - before[1], ns);
		KUNIT_EXPECT_EQ(test, after[2] - before[2], 0);
		KUNIT_EXPECT_EQ(test, after[3] - before[3], ns);
		KUNIT_EXPECT_EQ(test, a->tn->tkd.timekeeper.tai_offset, (int)-step);
		if (step)
			KUNIT_EXPECT_EQ(test, a->tn->edge_sec, TIME64_MAX);

		/*
		 * What was armed and not reached is still to come, unless NTP
		 * was cleared. What was only ordered missed the second that
		 * would have armed it, as on the host.
		 */
		awake = w->clock->now;
		tkt_run_ns(w, 5 * (u64)NSEC_PER_SEC);
		if (!step && nap->status && !rtc && nap->ordered > 3500)
			step = nap->status == STA_INS ? -1 : 1;
		KUNIT_EXPECT_EQ(test, a->tn->tkd.timekeeper.tai_offset, (int)-step);
		KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME) + -step * NSEC_PER_SEC,
				tkt_read(w, a->tn, CLOCK_TAI));
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_TAI) - after[1],
				tkt_nominal(&w->clock->cs, w->clock->now - awake),
				tkt_quantum(w, a->tn) + 2, "five seconds");
	}
}

/*
 * Steps and dates
 */

static u64 tkt_elapsed(struct timekeeper_ns *tn, timens_tk_op op, void *arg, int *ret)
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

/*
 * Setting the clock takes the same time whatever the size of the step. A loop
 * over its seconds, at a hundredth of a nanosecond each, would not pass.
 */
static void tkt_large_steps(struct kunit *test)
{
	struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	static const s64 dates[] = {
		100, TIME_SETTOD_SEC_MAX - 1, 1700000000, TIME_SETTOD_SEC_MAX - 1000000, 100,
	};
	s64 now, step, mono = tkt_read(w, a->tn, CLOCK_MONOTONIC);
	struct __kernel_timex txc;
	unsigned long reads;
	unsigned int i;
	u64 took;
	int ret;

	for (i = 0; i < ARRAY_SIZE(dates); i++) {
		struct timespec64 ts = { .tv_sec = dates[i], .tv_nsec = 5 };

		step = dates[i] - a->tn->tkd.timekeeper.xtime_sec;
		reads = w->clock->reads;
		took = tkt_elapsed(a->tn, tkt_op_settime, &ts, &ret);
		KUNIT_ASSERT_EQ(test, ret, 0);
		KUNIT_EXPECT_EQ(test, w->clock->reads - reads, 1);
		TKT_EXPECT_FAST(test, took, abs(step) / 100);
		KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME), timespec64_to_ns(&ts));
		KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_MONOTONIC), mono);

		/* And back by an offset */
		txc = (struct __kernel_timex) {
			.modes = ADJ_SETOFFSET | ADJ_NANO,
			.time = { .tv_sec = -step, .tv_usec = 999999990 },
		};
		now = timespec64_to_ns(&ts) - step * NSEC_PER_SEC + 999999990;
		took = tkt_elapsed(a->tn, tkt_op_adjtimex, &txc, &ret);
		KUNIT_ASSERT_GE(test, ret, 0);
		TKT_EXPECT_FAST(test, took, abs(step) / 100);
		KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME), now);

		ret = tkt_settime(w, a, ts.tv_sec, 5);
		KUNIT_ASSERT_EQ(test, ret, 0);
		/* The next pass has nothing to make up for either */
		reads = w->clock->reads;
		took = local_clock();
		tkt_pass(w, a->tn);
		TKT_EXPECT_FAST(test, local_clock() - took, abs(step) / 100);
	}
}

/* The clock works at the ends of its range, and does not leave it */
static void tkt_years(struct kunit *test)
{
	static const s64 dates[] = {
		S32_MAX - 2LL,			/* 2038 */
		U32_MAX - 2LL,			/* 2106 */
		TIME_SETTOD_SEC_MAX - 1,	/* 2232, the last one to be set */
		16,				/* 1970, MONOTONIC starts at 0 */
	};
	struct timespec64 real = { .tv_sec = 1000 };
	struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	struct __kernel_timex txc;
	u64 bound = tkt_quantum(w, a->tn) + 2, start;
	s64 now, mono;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dates); i++) {
		KUNIT_ASSERT_EQ(test, tkt_settime(w, a, dates[i], 7), 0);
		KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME),
				dates[i] * NSEC_PER_SEC + 7);
		start = w->clock->now;
		tkt_run_ns(w, 3500 * NSEC_PER_MSEC);
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME) - dates[i] * NSEC_PER_SEC,
				tkt_nominal(&w->clock->cs, w->clock->now - start) + 7, bound,
				"3.5 seconds later");
		txc = (struct __kernel_timex) { 0 };
		tkt_adjtimex(w, a, &txc);
		KUNIT_EXPECT_EQ(test, txc.time.tv_sec, dates[i] + 3);
		KUNIT_EXPECT_EQ(test, a->page->basetime[CLOCK_REALTIME].sec, (u64)dates[i] + 3);
	}

	/* Years of uptime are left at the last date which can be set */
	KUNIT_ASSERT_EQ(test, tkt_settime(w, a, TIME_SETTOD_SEC_MAX - 1, 0), 0);
	a->stall = U64_MAX;
	now = tkt_read(w, a->tn, CLOCK_REALTIME);
	start = w->clock->now;
	tkt_run_ns(w, 30 * TKT_DAY * NSEC_PER_SEC);
	tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME) - now,
			tkt_nominal(&w->clock->cs, w->clock->now - start), 30 * TKT_DAY * bound,
			"a month later");
	tkt_pass(w, a->tn);
	a->stall = 0;

	/* Refused, and nothing changes: before MONOTONIC started, after the end */
	now = tkt_read(w, a->tn, CLOCK_REALTIME);
	mono = tkt_read(w, a->tn, CLOCK_MONOTONIC);
	KUNIT_EXPECT_EQ(test, tkt_settime(w, a, div_s64(mono, NSEC_PER_SEC) - 1, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, tkt_settime(w, a, TIME_SETTOD_SEC_MAX, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, tkt_settime(w, a, KTIME_SEC_MAX, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, tkt_settime(w, a, -1, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, tkt_settime(w, a, 1000000000, NSEC_PER_SEC), -EINVAL);
	KUNIT_EXPECT_EQ(test, tkt_settime(w, a, 1000000000, -1), -EINVAL);
	txc = (struct __kernel_timex) { .modes = ADJ_SETOFFSET, .time.tv_sec = 1 };
	KUNIT_EXPECT_EQ(test, tkt_adjtimex(w, a, &txc), -EINVAL);
	txc = (struct __kernel_timex) {
		.modes = ADJ_SETOFFSET, .time.tv_sec = -TIME_SETTOD_SEC_MAX,
	};
	KUNIT_EXPECT_EQ(test, tkt_adjtimex(w, a, &txc), -EINVAL);
	KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_REALTIME), now);
	KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_MONOTONIC), mono);

	/* The first date which is not refused */
	KUNIT_EXPECT_EQ(test, tkt_settime(w, a, div_s64(mono, NSEC_PER_SEC) + 1, 0), 0);
}

/*
 * Counters
 */

/*
 * A narrow counter can be read up to the distance at which it seems to run
 * backwards. From there on the clock stands, it does not go back.
 */
static void tkt_wrap(struct kunit *test)
{
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	const struct clocksource *cs = &w->clock->cs;
	u64 span = cs->max_raw_delta, step, cycles, start;
	struct tkt_line mono = {
		.cycles = w->base, .interval = tkt_interval(cs),
		.len = tkt_interval_len(cs, USER_TICK_USEC, 0),
	};
	u64 bound = tkt_quantum(w, a->tn);
	s64 last = 0, now;
	unsigned int i;

	if (cs->mask == U64_MAX)
		span = 100 * 86400 * w->clock->hz;
	step = div_u64(span, 1000);
	start = w->clock->now;
	for (i = 0; i < 1000; i++) {
		cycles = start + i * step;
		now = tkt_read_at(w, a->tn, CLOCK_MONOTONIC, cycles);
		KUNIT_ASSERT_GE(test, now, last);
		tkt_expect_near(w, now, tkt_line_ns(&mono, cycles),
				bound * (div64_u64(i * step, w->clock->hz) + 1) + 2, "no pass");
		last = now;
	}
	/* An earlier value than that of the last pass is taken for the last pass */
	now = tkt_read(w, a->tn, CLOCK_MONOTONIC);
	KUNIT_EXPECT_EQ(test, tkt_read_at(w, a->tn, CLOCK_MONOTONIC, start - 1), now);
	KUNIT_EXPECT_EQ(test, tkt_read_at(w, a->tn, CLOCK_MONOTONIC,
					  start - div_u64(cs->mask, 10)), now);

	/* A pass at the last moment finds everything in order */
	a->stall = U64_MAX;
	tkt_run_to(w, start + span - 1);
	tkt_pass(w, a->tn);
	tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_MONOTONIC),
			tkt_line_ns(&mono, w->clock->now),
			bound * (div64_u64(span, w->clock->hz) + 1) + 2, "one late pass");
	a->stall = 0;

	/* Hundred turns of a narrow counter */
	if (cs->mask == U64_MAX)
		return;
	tkt_run_ns(w, 2 * (u64)NSEC_PER_SEC);
	now = tkt_read(w, a->tn, CLOCK_MONOTONIC);
	start = w->clock->now;
	for (i = 0; i < 1000; i++) {
		tkt_run_to(w, start + i * div_u64(cs->mask, 10));
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_MONOTONIC) - now,
				tkt_line_ns(&mono, w->clock->now) - tkt_line_ns(&mono, start),
				2 * bound + 4, "turns of the counter");
	}
}

/*
 * A coarse clock is read at the host's last tick, which may lie before the
 * bend of the line. It does not go back then, nor run ahead.
 */
static void tkt_coarse(struct kunit *test)
{
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	s64 last = 0, coarse, fine;
	unsigned int i;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (i = 0; i < 1000; i++) {
		u64 tick;

		tkt_run_ns(w, tkt_random(w, 20 * NSEC_PER_MSEC));
		tick = tkt_tick_cycles(w, w->tick);

		if (!(i % 10))
			tkt_adjust(w, a, 9000 + tkt_random(w, 2001),
				   tkt_random_signed(w, 500 << 16));
		else if (!(i % 3))
			tkt_pass(w, a->tn);

		coarse = tkt_read_at(w, a->tn, CLOCK_MONOTONIC_COARSE, tick);
		fine = tkt_read(w, a->tn, CLOCK_MONOTONIC);
		KUNIT_ASSERT_GE(test, coarse, last);
		KUNIT_ASSERT_LE(test, coarse, fine);
		/* A tick of a clock which is up to 10 % and 500 ppm fast */
		KUNIT_ASSERT_LE(test, fine - coarse, NSEC_PER_SEC / HZ +
				(100000 + 500) * (NSEC_PER_MSEC / HZ) + 2);
		KUNIT_ASSERT_EQ(test, tkt_read_at(w, a->tn, CLOCK_REALTIME_COARSE, tick) -
				tkt_read_at(w, a->tn, CLOCK_REALTIME, tick), 0);
		last = coarse;
	}
}

/* A change of the clocksource is no event for the clocks */
static void tkt_rebase(struct kunit *test)
{
	static const struct tkt_spec * const chain[] = {
		TKT_HPET, TKT_ACPI_PM, TKT_TSC, TKT_ACPI_PM, TKT_HPET, TKT_TSC,
	};
	struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	struct tkt_line mono;
	s64 before[ARRAY_SIZE(tkt_clocks)], freq, now, last = 0;
	struct timens_tk_raw raw;
	unsigned int round, i, c;
	unsigned long flags;
	u64 old;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < ARRAY_SIZE(chain); i++) {
			struct tkt_clock *clock = kunit_kzalloc(test, sizeof(*clock), GFP_KERNEL);

			KUNIT_ASSERT_NOT_NULL(test, clock);
			freq = tkt_random_signed(w, 500 << 16);
			KUNIT_ASSERT_GE(test, tkt_adjust(w, a, USER_TICK_USEC, freq), 0);
			tkt_run_ns(w, tkt_random(w, 2500 * NSEC_PER_MSEC));

			for (c = 0; c < ARRAY_SIZE(tkt_clocks); c++)
				before[c] = tkt_read(w, a->tn, tkt_clocks[c]);
			old = w->clock->now & w->clock->cs.mask;

			/* The new counter has a value of its own, about to wrap */
			tkt_clock_init(clock, chain[i], CLOCKSOURCE_MASK(chain[i]->bits) / 8 * 7 +
				       tkt_random(w, CLOCKSOURCE_MASK(chain[i]->bits) / 16));
			w->clock = clock;
			w->base = clock->now;
			w->tick = 0;
			raw = (struct timens_tk_raw) {
				.cycles = clock->now & clock->cs.mask,
				.sec = 1000 + i, .xnsec = 5ULL << clock->cs.shift,
				.mult = clock->cs.mult, .shift = clock->cs.shift,
			};
			timens_tk_calendar_del(a->cal, a->tn);
			local_irq_save(flags);
			timens_tk_change_one(a->tn, old, &clock->cs, &raw,
					     clock->now & clock->cs.mask);
			hrtimer_cancel(&a->tn->wake_timer);
			local_irq_restore(flags);
			timens_tk_calendar_init(a->cal, 0);
			timens_tk_calendar_set(a->cal, HZ, tkt_wrap_ticks(&clock->cs));
			timens_tk_calendar_add(a->cal, a->tn, 0);
			w->host->timekeeper.tkr_raw.cycle_last = raw.cycles;

			for (c = 0; c < ARRAY_SIZE(tkt_clocks); c++)
				KUNIT_ASSERT_EQ_MSG(test, tkt_read(w, a->tn, tkt_clocks[c]),
						    before[c], "clock %d", tkt_clocks[c]);
			KUNIT_ASSERT_EQ(test, tkt_read(w, a->tn, CLOCK_MONOTONIC_RAW),
					(1000 + i) * NSEC_PER_SEC + 5);
			KUNIT_ASSERT_EQ(test, a->page->clock_mode, chain[i]->mode);

			/* And it runs with the frequency that was set, on the new counter */
			mono = (struct tkt_line) {
				.cycles = clock->now, .interval = tkt_interval(&clock->cs),
				.len = tkt_interval_len(&clock->cs, USER_TICK_USEC, freq),
			};
			for (c = 0; c < 10; c++) {
				tkt_run_ns(w, 300 * NSEC_PER_MSEC);
				now = tkt_read(w, a->tn, CLOCK_MONOTONIC);
				KUNIT_ASSERT_GE(test, now, last);
				last = now;
				tkt_expect_near(w, now - before[2],
						tkt_line_ns(&mono, clock->now),
						tkt_quantum(w, a->tn) + 2, "on the new counter");
			}
		}
	}
}

/*
 * Catching up
 */

/**
 * struct tkt_idle - What goes on while there is no tick
 * @name:	Name
 * @offset:	Phase which is being slewed by the PLL (nsecs)
 * @adjust:	Phase which is being slewed by adjtime() (usecs)
 * @status:	Leap second ahead, six seconds after the tick stops
 */
struct tkt_idle {
	const char	*name;
	s64		offset;
	s64		adjust;
	int		status;
};

static const struct tkt_idle tkt_idles[] = {
	{ "steady", 0, 0, 0 },
	{ "PLL", 150000, 0, 0 },
	{ "adjtime", 0, -300, 0 },
	{ "insert", 0, 0, STA_INS },
	{ "delete", 0, 0, STA_DEL },
	{ "PLL, adjtime and insert", -100000, 200, STA_INS },
};

static void tkt_idle_desc(const struct tkt_idle *idle, char *desc)
{
	strscpy(desc, idle->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(tkt_idle, tkt_idles, tkt_idle_desc);

/*
 * After hours without a tick a clock has the NTP state of a twin which took a
 * pass each second. Its time differs by a quantum per second and by what was
 * not slewed, of which half is made up for in each second. The lag of each
 * change of the slope remains: the seconds of the two need not have the same
 * number of NTP intervals.
 */
static void tkt_catch_up(struct kunit *test)
{
	static const u64 hours[] = { 1, 5, 30 };
	/* The passes of the twin are what takes long */
	const unsigned int nr = TIMENS_KUNIT_SLOW ? 2 : ARRAY_SIZE(hours);
	const struct tkt_idle *idle = test->param_value;
	unsigned int i, k;

	for (k = 0; k < nr; k++) {
		struct timespec64 real = { .tv_sec = TKT_MIDNIGHT - 8, .tv_nsec = 400000000 };
		struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
		struct tkt_actor *a = tkt_actor(w, HZ, NULL), *b = tkt_actor(w, HZ, NULL);
		u64 secs = hours[k] * 3600, slew, passes, lag;
		struct __kernel_timex txc;

		tkt_run_ns(w, 1700 * NSEC_PER_MSEC);
		for (i = 0; i < w->nr; i++) {
			struct tkt_actor *c = &w->actor[i];

			txc = (struct __kernel_timex) {
				.modes = ADJ_FREQUENCY | ADJ_STATUS | ADJ_NANO | ADJ_MAXERROR,
				.freq = 123456, .status = STA_PLL | idle->status,
			};
			KUNIT_ASSERT_GE(test, tkt_adjtimex(w, c, &txc), 0);
			if (idle->offset) {
				txc = (struct __kernel_timex) {
					.modes = ADJ_OFFSET | ADJ_TIMECONST,
					.offset = idle->offset, .constant = 2,
				};
				KUNIT_ASSERT_GE(test, tkt_adjtimex(w, c, &txc), 0);
			}
			if (idle->adjust) {
				txc = (struct __kernel_timex) {
					.modes = TKT_ADJTIME, .offset = idle->adjust,
				};
				KUNIT_ASSERT_GE(test, tkt_adjtimex(w, c, &txc), 0);
			}
		}
		tkt_same_ntp(w, &a->tn->ntp, &b->tn->ntp);

		/* What is to be slewed was ordered, and then the tick stops */
		a->stall = U64_MAX;
		passes = a->passes;
		lag = b->lag;
		tkt_run_ns(w, secs * NSEC_PER_SEC);
		KUNIT_ASSERT_EQ(test, a->passes, passes);
		KUNIT_ASSERT_GE(test, b->passes, secs);
		tkt_leave_second(w, b->tn, 5 * NSEC_PER_MSEC);
		tkt_pass(w, a->tn);

		slew = secs * tkt_quantum(w, a->tn) + 2 * abs(idle->offset) +
		       abs(idle->adjust) * NSEC_PER_USEC;
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME),
				tkt_read(w, b->tn, CLOCK_REALTIME),
				slew + tkt_pair_bound(w, a, b), "when idle ended");
		tkt_forward(a->tn);
		tkt_forward(b->tn);
		tkt_same_ntp(w, &a->tn->ntp, &b->tn->ntp);
		KUNIT_EXPECT_EQ(test, a->tn->tkd.timekeeper.tai_offset,
				b->tn->tkd.timekeeper.tai_offset);

		/* The tick is back */
		a->stall = 0;
		while (slew) {
			tkt_run_ns(w, NSEC_PER_SEC);
			slew >>= 1;
		}
		for (i = 0; i < 8; i++) {
			tkt_run_ns(w, NSEC_PER_SEC * 2 / 3);
			tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME),
					tkt_read(w, b->tn, CLOCK_REALTIME),
					tkt_pair_bound(w, a, b) + b->lag - lag, "seconds later");
		}
	}
}

/*
 * The page
 */

/* A vDSO reader; false if it would spin or leave the page */
static bool tkt_read_page(const struct vdso_data *vd, clockid_t clk, u64 cycles, s64 *ns)
{
	const struct vdso_timestamp *edge = &vd->basetime[VDSO_NS_EDGE_SLOT];
	u64 nsec;
	s64 sec;

	if (clk == CLOCK_MONOTONIC_RAW)
		vd = &vd[CS_RAW];
	if (!(vd->ns_state & VDSO_NS_OWN))
		return false;
	if (vd->seq & 1 && vd->clock_mode != VDSO_CLOCKMODE_TIMENS)
		return false;

	nsec = vdso_calc_ns(vd, cycles, vd->basetime[clk].nsec);
	sec = vd->basetime[clk].sec + div_u64(nsec, NSEC_PER_SEC);
	if (vd->ns_state & VDSO_NS_EDGE && clk == CLOCK_REALTIME && sec >= (s64)edge->sec)
		sec += (s64)edge->nsec;
	*ns = (sec - (s64)div_u64(nsec, NSEC_PER_SEC)) * NSEC_PER_SEC + nsec;
	return true;
}

/* All clocks of the page are those which the kernel reads */
static void tkt_same_page(struct tkt_world *w, struct tkt_actor *a, u64 cycles)
{
	static const clockid_t clocks[] = {
		CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
	};
	const struct vdso_data *vd = a->page;
	unsigned int i;
	s64 ns;

	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		KUNIT_ASSERT_TRUE(w->test, tkt_read_page(vd, clocks[i], cycles, &ns));
		KUNIT_ASSERT_EQ_MSG(w->test, ns, tkt_read_at(w, a->tn, clocks[i], cycles),
				    "clock %d, %lld cycles after cycle_last", clocks[i],
				    (s64)(cycles - vd->cycle_last));
	}

	/* The plain formula, which is what do_hres() comes down to */
	if (cycles - vd->cycle_last > vd->max_cycles)
		return;
	ns = ((cycles - vd->cycle_last) * vd->mult + vd->basetime[CLOCK_TAI].nsec) >> vd->shift;
	KUNIT_ASSERT_EQ(w->test, (s64)vd->basetime[CLOCK_TAI].sec * NSEC_PER_SEC + ns,
			tkt_read_at(w, a->tn, CLOCK_TAI, cycles));
}

static void tkt_same_page_around(struct tkt_world *w, struct tkt_actor *a)
{
	const struct vdso_data *vd = a->page;
	unsigned int i;

	tkt_same_page(w, a, w->clock->now);
	for (i = 0; i < 10; i++)
		tkt_same_page(w, a, w->clock->now + tkt_random(w, 2 * w->clock->hz));
	/* Beyond a product of 64 bits, and before the last pass */
	tkt_same_page(w, a, vd->cycle_last + vd->max_cycles);
	tkt_same_page(w, a, vd->cycle_last + vd->max_cycles + 1);
	tkt_same_page(w, a, vd->cycle_last + 3600 * w->clock->hz);
	tkt_same_page(w, a, vd->cycle_last - 1);
	tkt_same_page(w, a, vd->cycle_last - w->clock->hz);
}

static void tkt_page_is(struct tkt_world *w, const struct tkt_actor *a, bool odd, int mode,
			u32 state)
{
	const struct vdso_data *vd = a->page;

	KUNIT_ASSERT_EQ_MSG(w->test, vd->seq & 1, (u32)odd, "seq %u", vd->seq);
	KUNIT_ASSERT_EQ(w->test, vd->clock_mode, mode);
	KUNIT_ASSERT_EQ(w->test, vd->ns_state, state);

	/* There are no leap seconds in MONOTONIC_RAW */
	if (state & VDSO_NS_EDGE)
		mode = w->clock->cs.vdso_clock_mode;
	vd = &a->page[CS_RAW];
	KUNIT_ASSERT_EQ_MSG(w->test, vd->seq & 1, (u32)(mode == VDSO_CLOCKMODE_TIMENS),
			    "raw seq %u", vd->seq);
	KUNIT_ASSERT_EQ(w->test, vd->clock_mode, mode);
	KUNIT_ASSERT_EQ(w->test, vd->ns_state, state & ~VDSO_NS_EDGE);
}

struct tkt_peek {
	struct vdso_data	vd[CS_BASES];
	unsigned int		kernel;
};

/* What a reader finds while an update is in progress */
static int tkt_op_peek(struct timekeeper_ns *tn, void *arg)
{
	struct tkt_peek *peek = arg;

	memcpy(peek->vd, tn->vdata, sizeof(peek->vd));
	peek->kernel = tn->tkd.seq.seqcount.sequence;
	return 0;
}

/* Readers are kept off during an update, and every update is noticed */
static void tkt_page_update(struct tkt_world *w, struct tkt_actor *a, const struct tk_data *host)
{
	static const struct timens_offsets none;
	u32 seq = a->page[CS_HRES_COARSE].seq, raw = a->page[CS_RAW].seq;
	struct tkt_peek *peek = kunit_kzalloc(w->test, sizeof(*peek), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(w->test, peek);
	tkt_write(a->tn, host, &none, tkt_op_peek, peek);
	for (i = 0; i < CS_BASES; i++) {
		KUNIT_EXPECT_EQ(w->test, peek->vd[i].seq & 1, 1);
		KUNIT_EXPECT_NE(w->test, peek->vd[i].clock_mode, VDSO_CLOCKMODE_TIMENS);
	}
	KUNIT_EXPECT_EQ(w->test, peek->kernel & 1, 1);
	KUNIT_EXPECT_GT(w->test, peek->vd[CS_HRES_COARSE].seq, seq);
	KUNIT_EXPECT_GT(w->test, peek->vd[CS_RAW].seq, raw);
	KUNIT_EXPECT_GE(w->test, a->page[CS_HRES_COARSE].seq, peek->vd[CS_HRES_COARSE].seq);
	KUNIT_EXPECT_GE(w->test, a->page[CS_RAW].seq, peek->vd[CS_RAW].seq);
	KUNIT_EXPECT_EQ(w->test, a->tn->tkd.seq.seqcount.sequence & 1, 0);
}

static void tkt_page(struct kunit *test)
{
	struct timespec64 real = { .tv_sec = TKT_MIDNIGHT - 20, .tv_nsec = 999999999 };
	struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
	static const int flags[] = { STA_INS, STA_DEL };
	struct timens_tk_raw raw;
	struct tkt_actor *a;
	unsigned int i, k, published;
	s64 edge, left, ns;
	u64 at, last;
	u32 seq;

	kunit_info(test, "seed %#llx", tkt_seed);
	a = tkt_actor(w, HZ, NULL);
	tkt_page_is(w, a, false, VDSO_CLOCKMODE_TSC, VDSO_NS_OWN);
	tkt_same_page_around(w, a);

	/* From own to own */
	for (i = 0; i < 50; i++) {
		KUNIT_ASSERT_GE(test, tkt_adjust(w, a, 9000 + tkt_random(w, 2001),
						 tkt_random_signed(w, 500 << 16)), 0);
		tkt_run_ns(w, tkt_random(w, NSEC_PER_SEC));
		tkt_page_update(w, a, NULL);
		tkt_page_is(w, a, false, VDSO_CLOCKMODE_TSC, VDSO_NS_OWN);
		tkt_same_page_around(w, a);
	}

	/* Both kinds of leap second, published in time and taken by the reader */
	for (k = 0; k < ARRAY_SIZE(flags); k++) {
		edge = flags[k] == STA_INS ? TKT_MIDNIGHT : TKT_MIDNIGHT - 1;
		tkt_status(w, a, 0);
		tkt_adjust(w, a, USER_TICK_USEC, 0);
		KUNIT_ASSERT_EQ(test, tkt_settime(w, a, edge - 10, 250000000), 0);
		tkt_run_ns(w, 2100 * NSEC_PER_MSEC);
		KUNIT_ASSERT_EQ(test, tkt_status(w, a, flags[k]), TIME_OK);
		at = tkt_find_tai(w, a->tn, (edge + a->tn->tkd.timekeeper.tai_offset) *
				  NSEC_PER_SEC);
		published = 0;
		last = a->page->seq;
		for (;;) {
			left = tkt_read_at(w, a->tn, CLOCK_TAI, at) -
			       tkt_read(w, a->tn, CLOCK_TAI);
			if (w->clock->now > at)
				break;
			if (a->page->ns_state & VDSO_NS_EDGE) {
				tkt_page_is(w, a, true, VDSO_CLOCKMODE_TIMENS,
					    VDSO_NS_OWN | VDSO_NS_EDGE);
				published++;
			} else {
				tkt_page_is(w, a, false, VDSO_CLOCKMODE_TSC, VDSO_NS_OWN);
				/* A pass may come, and it may come late by a second */
				KUNIT_ASSERT_GT_MSG(test, left, 2 * NSEC_PER_SEC,
						    "edge %lld, status %#x, REALTIME %lld",
						    a->tn->edge_sec, flags[k],
						    tkt_read(w, a->tn, CLOCK_REALTIME));
			}
			tkt_same_page(w, a, w->clock->now);
			tkt_run_ns(w, 97 * NSEC_PER_MSEC);
			if (!(a->page->ns_state & VDSO_NS_EDGE))
				continue;

			/* A published edge is taken by whoever reads behind it */
			tkt_same_page_around(w, a);
			for (i = 0; i < 3; i++) {
				tkt_same_page(w, a, at - 1 + i);
				tkt_read_page(a->page, CLOCK_REALTIME, at - 1 + i, &ns);
				KUNIT_EXPECT_EQ(test, div_s64(ns, NSEC_PER_SEC),
						i ? edge + (flags[k] == STA_INS ? -1 : 1) :
						    edge - 1);
			}
		}
		KUNIT_EXPECT_GT(test, published, 10);
		KUNIT_EXPECT_GT(test, a->page->seq, last);

		/* The pass after the edge is the last one to know of it */
		tkt_same_page_around(w, a);
		tkt_pass(w, a->tn);
		tkt_page_is(w, a, false, VDSO_CLOCKMODE_TSC, VDSO_NS_OWN);
		tkt_same_page_around(w, a);
		tkt_run_ns(w, 2 * NSEC_PER_SEC);
		tkt_status(w, a, 0);
		tkt_run_ns(w, 2 * NSEC_PER_SEC);
	}

	/* From own to follow, twice, and back */
	for (i = 0; i < 2; i++) {
		seq = a->page->seq;
		a->tn->state = TIMENS_TK_FOLLOW;
		/* Any section of a writer forgets it */
		a->tn->calm_until = 0;
		tkt_raw(w, &raw);
		timens_tk_pass_at(a->tn, &raw, w->clock->now & w->clock->cs.mask);
		KUNIT_EXPECT_EQ(test, a->page->seq & 1, 1);
		KUNIT_EXPECT_GT(test, a->page->seq, seq);
		KUNIT_EXPECT_EQ(test, a->page->clock_mode, VDSO_CLOCKMODE_TIMENS);
		KUNIT_EXPECT_EQ(test, a->page[CS_RAW].seq & 1, 1);
		KUNIT_EXPECT_EQ(test, a->page[CS_RAW].clock_mode, VDSO_CLOCKMODE_TIMENS);
	}
	tkt_page_update(w, a, w->host);
	tkt_page_is(w, a, false, VDSO_CLOCKMODE_TSC, VDSO_NS_OWN);
	tkt_same_page_around(w, a);
}

/* A counter which user space cannot read leads it to the system call, or to the last tick */
static void tkt_page_no_vdso(struct kunit *test)
{
	struct timespec64 real = { .tv_sec = TKT_MIDNIGHT - 4 };
	struct tkt_world *w = tkt_world(test, TKT_HPET, &real);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	const struct vdso_timestamp *slot = &a->page->basetime[VDSO_NS_EDGE_SLOT];
	unsigned int i, published = 0;
	u32 edge;

	tkt_page_is(w, a, false, VDSO_CLOCKMODE_NONE, VDSO_NS_OWN);
	tkt_status(w, a, STA_INS);
	for (i = 0; i < 8; i++) {
		tkt_run_ns(w, NSEC_PER_SEC);
		/* The coarse clocks are read in any case */
		edge = a->page->ns_state & VDSO_NS_EDGE;
		tkt_page_is(w, a, false, VDSO_CLOCKMODE_NONE, VDSO_NS_OWN | edge);
		if (!edge)
			continue;
		published++;
		KUNIT_EXPECT_EQ(test, (s64)slot->sec, TKT_MIDNIGHT);
		KUNIT_EXPECT_EQ(test, (s64)slot->nsec, -1);
	}
	KUNIT_EXPECT_GE(test, published, 2);
	KUNIT_EXPECT_EQ(test, a->page->ns_state, VDSO_NS_OWN);
	KUNIT_EXPECT_EQ(test, a->tn->tkd.timekeeper.tai_offset, 1);
}

/*
 * Calendar
 */

/**
 * struct tkt_guest - A namespace of which only the place in the calendar counts
 * @tn:		The namespace
 * @last:	Tick of its last pass
 * @gap:	Ticks between the last two
 * @count:	Number of passes
 */
struct tkt_guest {
	struct timekeeper_ns	tn;
	u64			last;
	u64			gap;
	u64			count;
};

/**
 * struct tkt_hotel - A calendar and its guests
 * @cal:	The calendar
 * @guest:	The guests
 * @nr:		Number of guests
 * @now:	The present tick
 * @order:	The guest which took the last pass
 * @due:	When that fell due
 */
struct tkt_hotel {
	struct timens_tk_calendar	*cal;
	struct tkt_guest		**guest;
	unsigned int			nr;
	u64				now;
	struct tkt_guest		*order;
	u64				due;
};

static struct tkt_hotel *tkt_hotel(struct kunit *test, unsigned int nr, unsigned int interval,
				   unsigned int deadline)
{
	struct tkt_hotel *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, h);
	h->nr = nr;
	/* Low bits of the tick do not matter, nor does the wrap of 32 bits */
	h->now = U32_MAX - 12345;
	h->cal = tkt_alloc_calendar(test);
	h->cal->tick = h->now;
	timens_tk_calendar_set(h->cal, interval, deadline);
	h->guest = kunit_kcalloc(test, nr, sizeof(*h->guest), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, h->guest);
	for (i = 0; i < nr; i++) {
		h->guest[i] = kunit_kzalloc(test, sizeof(*h->guest[i]), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, h->guest[i]);
		timens_tk_init_instance(&h->guest[i]->tn);
		timens_tk_calendar_add(h->cal, &h->guest[i]->tn, h->now);
		h->guest[i]->last = h->now;
	}
	KUNIT_ASSERT_EQ(test, h->cal->nr_own, nr);
	return h;
}

/* One tick, as in __timens_tk_advance(). Returns the number of passes */
static unsigned int tkt_hotel_tick(struct kunit *test, struct tkt_hotel *h)
{
	struct timekeeper_ns *tn;
	struct tkt_guest *guest;
	unsigned int done = 0;

	h->now++;
	timens_tk_calendar_collect(h->cal, h->now);
	while ((tn = timens_tk_calendar_next(h->cal, h->now, done))) {
		guest = container_of(tn, struct tkt_guest, tn);
		/* Never before it is due */
		KUNIT_ASSERT_LE(test, tn->due, h->now);
		guest->gap = h->now - guest->last;
		guest->last = h->now;
		guest->count++;
		h->order = guest;
		h->due = tn->due;
		timens_tk_calendar_queue(h->cal, tn, h->now);
		KUNIT_ASSERT_GT(test, tn->due, h->now);
		KUNIT_ASSERT_LE(test, tn->due, h->now + h->cal->interval);
		done++;
	}
	return done;
}

static void tkt_hotel_load(struct tkt_hotel *h, unsigned int *low, unsigned int *high)
{
	unsigned int i, sum = 0;

	*low = UINT_MAX;
	*high = 0;
	for (i = 0; i < h->cal->interval; i++) {
		*low = min_t(unsigned int, *low, h->cal->load[i]);
		*high = max_t(unsigned int, *high, h->cal->load[i]);
		sum += h->cal->load[i];
	}
}

static const unsigned int tkt_crowds[] = { 1, 2, 8, 125, HZ - 1, HZ, HZ + 1, HZ * 7 / 4 };

static void tkt_crowd_desc(const unsigned int *crowd, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u namespaces", *crowd);
}

KUNIT_ARRAY_PARAM(tkt_crowd, tkt_crowds, tkt_crowd_desc);

/* The passes of an interval are spread evenly, one for each namespace */
static void tkt_calendar_fair(struct kunit *test)
{
	unsigned int nr = *(const unsigned int *)test->param_value, low, high, i, t, batch;
	struct tkt_hotel *h = tkt_hotel(test, nr, HZ, 0);

	tkt_hotel_load(h, &low, &high);
	KUNIT_EXPECT_LE(test, high - low, 1);
	KUNIT_EXPECT_EQ(test, high, DIV_ROUND_UP(nr, HZ));

	/* Few of them do not end up side by side */
	if (nr <= 8)
		for (i = 1; i < nr; i++)
			for (t = 0; t < i; t++) {
				unsigned int x = abs(h->guest[i]->tn.home - h->guest[t]->tn.home);

				KUNIT_EXPECT_GE(test, min(x, HZ - x), HZ / (2 * nr));
			}

	for (t = 0; t < HZ; t++) {
		batch = tkt_hotel_tick(test, h);
		KUNIT_ASSERT_LE(test, batch, high);
	}
	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_EQ(test, h->guest[i]->count, 1);
	for (t = 0; t < 2 * HZ; t++) {
		batch = tkt_hotel_tick(test, h);
		KUNIT_ASSERT_LE(test, batch, high);
		KUNIT_ASSERT_GE(test, batch, low);
	}
	for (i = 0; i < nr; i++) {
		KUNIT_ASSERT_EQ(test, h->guest[i]->count, 3);
		KUNIT_ASSERT_EQ(test, h->guest[i]->gap, HZ);
	}
}

/* Namespaces come and go; who comes moves into the emptiest tick */
static void tkt_calendar_emptiest(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(2000);
	struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
	struct tkt_hotel *h = tkt_hotel(test, 300, 100, 0);
	unsigned int i, low, high;
	struct timekeeper_ns *tn;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (i = 0; i < rounds; i++) {
		tn = &h->guest[tkt_random(w, h->nr)]->tn;
		if (!list_empty(&tn->node)) {
			timens_tk_calendar_del(h->cal, tn);
			KUNIT_ASSERT_TRUE(test, list_empty(&tn->node));
			KUNIT_ASSERT_TRUE(test, list_empty(&tn->own_node));
		} else {
			tkt_hotel_load(h, &low, &high);
			timens_tk_calendar_add(h->cal, tn, h->now);
			KUNIT_ASSERT_EQ(test, h->cal->load[tn->home], low + 1);
		}
		if (i % 7)
			tkt_hotel_tick(test, h);
	}
	for (i = 0; i < h->nr; i++)
		if (!list_empty(&h->guest[i]->tn.node))
			timens_tk_calendar_del(h->cal, &h->guest[i]->tn);
	tkt_hotel_load(h, &low, &high);
	KUNIT_EXPECT_EQ(test, high, 0);
	KUNIT_EXPECT_EQ(test, h->cal->nr_own, 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&h->cal->own));
	KUNIT_EXPECT_EQ(test, tkt_hotel_tick(test, h), 0);
}

/* No tick does more than the budget; the rest follows, the oldest first */
static void tkt_calendar_budget(struct kunit *test)
{
	struct tkt_hotel *h = tkt_hotel(test, 500, HZ, 0);
	unsigned int done, left = h->nr, i;
	u64 due = 0;

	h->cal->budget = 1;
	/* An idle machine has no ticks; everything falls due meanwhile */
	h->now += 10 * HZ;
	while (left) {
		done = tkt_hotel_tick(test, h);
		KUNIT_ASSERT_EQ(test, done, 1);
		/* What fell due in the same tick, modulo the ring, is equal */
		KUNIT_ASSERT_GE(test, h->due, due);
		due = h->due;
		left--;
		if (h->order->count > 1)
			break;
	}
	/* The first one is due again before the last one had its turn */
	for (i = 0, left = 0; i < h->nr; i++)
		left += h->guest[i]->count != 1;
	KUNIT_EXPECT_EQ(test, left, 0);

	/* A budget which suffices catches up, and stays within it */
	h->cal->budget = 7;
	h->now += 3 * HZ;
	for (i = 0; i < 4 * HZ; i++)
		KUNIT_ASSERT_LE(test, tkt_hotel_tick(test, h), 7);
	for (i = 0; i < h->nr; i++)
		KUNIT_EXPECT_EQ(test, h->guest[i]->gap, HZ);
}

/* With a pass in every tick the budget is void */
static void tkt_calendar_every_tick(struct kunit *test)
{
	struct tkt_hotel *h = tkt_hotel(test, 100, 1, 0);
	unsigned int i;

	h->cal->budget = 7;
	for (i = 0; i < 20; i++)
		KUNIT_ASSERT_EQ(test, tkt_hotel_tick(test, h), h->nr);
}

/* A new interval holds for each namespace from its next pass on, evenly */
static void tkt_calendar_interval(struct kunit *test)
{
	static const unsigned int intervals[] = { 10, HZ, 1, 250, HZ, 0, 5 * HZ, 2 };
	struct tkt_hotel *h = tkt_hotel(test, 255, HZ, 0);
	unsigned int i, k, t, low, high, want, old = HZ;

	h->cal->budget = 1000;
	for (k = 0; k < ARRAY_SIZE(intervals); k++) {
		want = clamp(intervals[k], 1, HZ);
		timens_tk_calendar_set(h->cal, intervals[k], 0);
		KUNIT_ASSERT_EQ(test, h->cal->interval, want);
		for (t = 0; t < old; t++)
			tkt_hotel_tick(test, h);
		tkt_hotel_load(h, &low, &high);
		KUNIT_EXPECT_LE(test, high - low, 1);
		KUNIT_EXPECT_EQ(test, high, DIV_ROUND_UP(h->nr, want));
		for (t = 0; t < 2 * want; t++)
			KUNIT_ASSERT_LE(test, tkt_hotel_tick(test, h), high);
		for (i = 0; i < h->nr; i++)
			KUNIT_ASSERT_EQ(test, h->guest[i]->gap, want);
		old = want;
	}

	/* A namespace may leave between the change and its next pass */
	timens_tk_calendar_set(h->cal, 100, 0);
	for (i = 0; i < h->nr; i++)
		timens_tk_calendar_del(h->cal, &h->guest[i]->tn);
	tkt_hotel_load(h, &low, &high);
	KUNIT_EXPECT_EQ(test, high, 0);
}

/* A pass can be brought forward, not put off, and then it is not lost */
static void tkt_calendar_hurry(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(3000);
	struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
	struct tkt_hotel *h = tkt_hotel(test, 50, HZ, 0);
	unsigned int i, t;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (i = 0; i < rounds; i++) {
		struct tkt_guest *guest = h->guest[tkt_random(w, h->nr)];
		u64 due = guest->tn.due, want = h->now + 1 + tkt_random(w, HZ);
		u64 count = guest->count;

		timens_tk_calendar_hurry(h->cal, &guest->tn, h->now, want);
		KUNIT_ASSERT_EQ(test, guest->tn.due, min(due, want));
		due = guest->tn.due;
		if (due - h->now > 5) {
			tkt_hotel_tick(test, h);
			continue;
		}
		while (h->now < due) {
			KUNIT_ASSERT_EQ(test, guest->count, count);
			tkt_hotel_tick(test, h);
		}
		KUNIT_ASSERT_EQ(test, guest->last, due);
		KUNIT_ASSERT_EQ(test, guest->count, count + 1);
	}

	/* What waits for its turn already keeps it */
	h->cal->budget = 1;
	h->now += 2 * HZ;
	tkt_hotel_tick(test, h);
	for (i = 0; i < h->nr; i++)
		timens_tk_calendar_hurry(h->cal, &h->guest[i]->tn, h->now, h->now + 1);
	for (t = 1; t < h->nr; t++)
		tkt_hotel_tick(test, h);
	for (i = 0; i < h->nr; i++)
		KUNIT_EXPECT_LE(test, h->now - h->guest[i]->last, h->nr);
}

/*
 * A counter about to wrap overrides the budget: nobody waits longer than the
 * deadline, however many there are. The interval leaves room for a late pass.
 */
static void tkt_calendar_deadline(struct kunit *test)
{
	struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
	static const unsigned int deadlines[] = { 300, 2050, 2 * HZ, 3 };
	struct tkt_hotel *h;
	unsigned int k, i, t, forced, done;

	kunit_info(test, "seed %#llx", tkt_seed);
	for (k = 0; k < ARRAY_SIZE(deadlines); k++) {
		unsigned int deadline = deadlines[k];

		h = tkt_hotel(test, 4 * min(HZ, deadline) / 2, HZ, deadline);
		KUNIT_EXPECT_EQ(test, h->cal->interval, max(min(HZ, deadline / 2), 1));
		/* A quarter of what would be needed */
		h->cal->budget = 1;
		forced = 0;
		for (t = 0; t < 4 * deadline; t++) {
			struct tkt_guest *guest = h->guest[tkt_random(w, h->nr)];

			/* Some are called before their time, others are not */
			if (!tkt_random(w, 10))
				timens_tk_calendar_hurry(h->cal, &guest->tn, h->now, h->now + 1);
			done = tkt_hotel_tick(test, h);
			forced += done > 1;
			for (i = 0; i < h->nr; i++)
				KUNIT_ASSERT_LE_MSG(test, h->now - h->guest[i]->last, deadline,
						    "guest %u, deadline %u, tick %u", i,
						    deadline, t);
		}
		if (h->cal->interval > 1)
			KUNIT_EXPECT_GT(test, forced, 0);
	}
}

/* The deadline of a new clocksource holds for those which wait already */
static void tkt_calendar_new_deadline(struct kunit *test)
{
	struct tkt_hotel *h = tkt_hotel(test, 3000, HZ, 0);
	unsigned int i, t, deadline = tkt_wrap_ticks(&tkt_world(test, TKT_ACPI_PM, &tkt_epoch)->
						     clock->cs);
	u64 change;

	KUNIT_ASSERT_LT(test, deadline, h->nr);
	h->cal->budget = 1;
	for (t = 0; t < 2 * HZ; t++)
		tkt_hotel_tick(test, h);

	/* As __timens_tk_change_clocksource() does, which brings all up to date */
	change = h->now;
	timens_tk_calendar_set(h->cal, HZ, deadline);
	for (i = 0; i < h->nr; i++) {
		h->guest[i]->tn.deadline = h->now + deadline;
		timens_tk_calendar_hurry(h->cal, &h->guest[i]->tn, h->now,
					 h->now + h->cal->interval);
	}
	for (t = 0; t < deadline + 1; t++)
		tkt_hotel_tick(test, h);
	for (i = 0; i < h->nr; i++)
		KUNIT_ASSERT_GT_MSG(test, h->guest[i]->last, change,
				    "guest %u had no pass in %u ticks", i, deadline + 1);
}

/* While the slope changes each second the passes follow the seconds, within a tick */
static void tkt_aligned_to(struct kunit *test, u32 host_tick)
{
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct __kernel_timex txc = {
		.modes = ADJ_STATUS | ADJ_NANO | ADJ_OFFSET, .status = STA_PLL,
		.offset = 20 * NSEC_PER_MSEC,
	};
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	s64 sec, last = 0, offset = 0;
	unsigned int t, seconds = 0;

	w->host_tick = host_tick;
	tkt_pace(w);
	w->tick = 0;
	tkt_run_ns(w, 432100000);
	KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);
	for (t = 0; t < 12 * HZ; t++) {
		tkt_run_ticks(w, w->tick + 1);
		sec = div_s64(tkt_read(w, a->tn, CLOCK_REALTIME), NSEC_PER_SEC);
		if (last && sec != last) {
			/*
			 * NTP sees it at the next interval, the pass is in the tick after.
			 * An interval may be a tick of such a host and a tenth.
			 */
			tkt_run_ticks(w, w->tick + 1 + (host_tick > 10000));
			KUNIT_ASSERT_NE_MSG(test, a->tn->ntp.time_offset, offset,
					    "tick %u of the host, second %u", host_tick, seconds);
			seconds++;
		}
		last = sec;
		offset = a->tn->ntp.time_offset;
	}
	KUNIT_EXPECT_GE(test, seconds, 10);
}

static void tkt_calendar_aligned(struct kunit *test)
{
	tkt_aligned_to(test, 10000);
	/* The host is steered to its limits, the namespace is not */
	tkt_aligned_to(test, 9000);
	tkt_aligned_to(test, 11000);
}

/*
 * Stamps from before a step of the host
 */

/* A clock which is stepped now and then; times in nanoseconds */
struct tkt_host {
	struct timens_tk_epochs	log;
	ktime_t			mono;
	ktime_t			offs_real;
	ktime_t			offs_boot;
};

static void tkt_host_step(struct tkt_host *h, s64 real, s64 boot)
{
	h->offs_real += real;
	h->offs_boot += boot;
	timens_tk_epoch_add(&h->log, h->mono, h->offs_real, h->offs_boot);
}

static struct tkt_host *tkt_host(struct kunit *test)
{
	struct tkt_host *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, h);
	tkt_host_step(h, TKT_MIDNIGHT * NSEC_PER_SEC, 0);
	return h;
}

static void tkt_expect_stamp(struct kunit *test, const struct tkt_host *h, ktime_t real,
			     ktime_t mono, ktime_t slept)
{
	ktime_t got_slept = -1;

	KUNIT_EXPECT_EQ(test, timens_tk_epoch_mono(&h->log, real, h->mono, &got_slept), mono);
	KUNIT_EXPECT_EQ(test, got_slept, slept);
}

/* One step, seen from the moment of the step until long afterwards */
static void tkt_stamp_step(struct kunit *test)
{
	static const s64 steps[] = {
		1, NSEC_PER_SEC, TKT_HOUR, 400 * TKT_DAY * NSEC_PER_SEC,
		-1, -NSEC_PER_SEC, -TKT_HOUR, -400 * TKT_DAY * NSEC_PER_SEC,
	};
	static const s64 ages[] = { 0, 1, NSEC_PER_USEC, NSEC_PER_SEC, TKT_HOUR - 1 };
	static const s64 waits[] = { 0, 1, NSEC_PER_SEC, TKT_HOUR, 1000 * TKT_HOUR };
	unsigned int i, k, n;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		struct tkt_host *h = tkt_host(test);
		ktime_t at;

		at = TKT_HOUR;
		h->mono = at;
		tkt_host_step(h, steps[i], 0);
		for (n = 0; n < ARRAY_SIZE(waits); n++) {
			h->mono = at + waits[n];
			/* A stamp from the present epoch: never in doubt */
			tkt_expect_stamp(test, h, h->mono + h->offs_real, h->mono, 0);
			tkt_expect_stamp(test, h, at + h->offs_real, at, 0);
			for (k = 0; k < ARRAY_SIZE(ages); k++) {
				ktime_t mono = at - ages[k];
				ktime_t real = mono + h->offs_real - steps[i];
				/* Set back, the clock reads the time again so much later */
				ktime_t again = mono - steps[i];

				if (steps[i] < 0 && again >= at && again <= h->mono)
					mono = again;
				tkt_expect_stamp(test, h, real, mono, 0);
			}
		}
	}
}

/* CLOCK_REALTIME goes on while MONOTONIC stands still */
static void tkt_stamp_sleep(struct kunit *test)
{
	struct tkt_host *h = tkt_host(test);
	ktime_t mono, real;

	h->mono = TKT_HOUR;
	mono = h->mono;
	real = mono + h->offs_real;
	h->mono += NSEC_PER_SEC;
	tkt_host_step(h, 8 * TKT_HOUR, 8 * TKT_HOUR);
	h->mono += NSEC_PER_SEC;
	tkt_expect_stamp(test, h, real, mono, 8 * TKT_HOUR);
	tkt_host_step(h, -NSEC_PER_SEC, 0);
	tkt_host_step(h, TKT_HOUR, TKT_HOUR);
	tkt_expect_stamp(test, h, real, mono, 9 * TKT_HOUR);
	tkt_expect_stamp(test, h, h->mono + h->offs_real, h->mono, 0);
}

/* Times which the clock never read: in a gap, to come, before everything */
static void tkt_stamp_never(struct kunit *test)
{
	struct tkt_host *h = tkt_host(test);
	unsigned int i;

	h->mono = TKT_HOUR;
	tkt_host_step(h, TKT_HOUR, 0);
	tkt_expect_stamp(test, h, h->mono + h->offs_real - 1, h->mono - 1, 0);
	tkt_expect_stamp(test, h, h->mono + h->offs_real + 1, h->mono, 0);
	tkt_expect_stamp(test, h, 1, 1 - h->offs_real, 0);

	/* The first epochs fall out of the log: their stamps count as of the present */
	for (i = 0; i < TIMENS_TK_EPOCHS; i++) {
		h->mono += NSEC_PER_SEC;
		tkt_host_step(h, TKT_HOUR, 0);
	}
	KUNIT_EXPECT_EQ(test, h->log.nr, TIMENS_TK_EPOCHS);
	tkt_expect_stamp(test, h, h->log.epoch[h->log.last].offs_real - TKT_HOUR + h->mono - 1,
			 h->mono - 1, 0);
	tkt_expect_stamp(test, h, TKT_MIDNIGHT * NSEC_PER_SEC + 5, TKT_MIDNIGHT * NSEC_PER_SEC + 5 -
			 h->offs_real, 0);
}

/* From a nanosecond to hours */
static s64 tkt_random_span(struct rnd_state *rnd)
{
	return 1 + ((s64)prandom_u32_state(rnd) << (prandom_u32_state(rnd) % 12));
}

/*
 * Random steps. Whatever the answer, the clock must have read the stamp then,
 * and must not have read it later; with forward steps only it is exact.
 */
static void tkt_stamp_random(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(2000);
	struct { ktime_t start, end, offs; } epoch[TIMENS_TK_EPOCHS];
	struct rnd_state rnd;
	unsigned int round;

	kunit_info(test, "seed %#llx\n", tkt_seed);
	prandom_seed_state(&rnd, tkt_seed);
	for (round = 0; round < rounds; round++) {
		bool forward = round & 1;
		struct tkt_host *h = tkt_host(test);
		unsigned int nr = 1 + prandom_u32_state(&rnd) % TIMENS_TK_EPOCHS, i, k;

		for (i = 0; i < nr; i++) {
			s64 step = tkt_random_span(&rnd);

			if (i)
				tkt_host_step(h, forward || step & 1 ? step : -step, 0);
			epoch[i].start = h->mono;
			epoch[i].offs = h->offs_real;
			h->mono += tkt_random_span(&rnd);
			epoch[i].end = h->mono;
		}
		for (k = 0; k < 20; k++) {
			unsigned int at = prandom_u32_state(&rnd) % nr;
			ktime_t mono, real, got, slept;
			u64 span = epoch[at].end - epoch[at].start, part;

			part = (u64)prandom_u32_state(&rnd) << 32 | prandom_u32_state(&rnd);
			div64_u64_rem(part, span, &part);
			mono = epoch[at].start + part;
			real = mono + epoch[at].offs;
			got = timens_tk_epoch_mono(&h->log, real, h->mono, &slept);
			if (forward)
				KUNIT_ASSERT_EQ(test, got, mono);
			KUNIT_ASSERT_GE(test, got, mono);
			for (i = 0; i < nr; i++) {
				ktime_t m = real - epoch[i].offs;

				if (got >= epoch[i].start && got < epoch[i].end)
					KUNIT_ASSERT_EQ(test, m, got);
				else if (got < epoch[i].start)
					KUNIT_ASSERT_TRUE(test, m < epoch[i].start ||
							  m > epoch[i].end);
			}
		}
		kunit_kfree(test, h);
	}
}

/*
 * Rates
 *
 * What a clock shall show is computed from the multiplier of the clocksource
 * alone, with 128 bits. Its bounds are
 *
 *   quantum	one unit of the multiplier between two passes, which are a
 *		second of the host or eight seconds of the clock apart, whichever
 *		is less. Two of them are left alone, and a third one comes about
 *		until the next pass
 *   drift	the exact length of an NTP interval is rounded down to a unit of
 *		2^-shift ns: one such unit in each interval, 15 ns in a day of a
 *		clock at less than the host's rate
 *   raw	CLOCK_MONOTONIC_RAW has no NTP which makes up for the rounding
 *		of the multiplier: one unit of that
 *   steering	NTP adds to each interval what a nominal one shall be longer.
 *		The real one is a whole number of cycles, and differs by less
 *		than one
 */

static const struct timens_tk_rate tkt_rates[] = {
	{ 1, 1000 }, { 1, 3 }, { 1, 2 }, { 1, 1 }, { 1000001, 1000000 }, { 7, 1 }, { 1440, 1 },
	{ 2000, 1 }, { 1999, 7 },
};

/* What a clock with a rate shows for a number of cycles */
static s64 tkt_ideal(const struct clocksource *cs, struct timens_tk_rate rate, u64 cycles)
{
	u64 rest, n = div64_u64_rem(cycles, rate.den, &rest);
	u128 time = (u128)n * rate.num * cs->mult;

	time += mul_u64_u64_div_u64(rest * rate.num, cs->mult, rate.den);
	return (s64)(time >> cs->shift);
}

/* See above */
static u64 tkt_rate_quantum(const struct tkt_world *w, struct timens_tk_rate rate, u32 shift)
{
	u64 cycles = w->clock->hz;

	if (rate.num >= TIMENS_TK_HORIZON * rate.den)
		cycles = mul_u64_u64_div_u64(cycles, TIMENS_TK_HORIZON * rate.den, rate.num);
	return (cycles >> shift) + 1;
}

static u64 tkt_rate_interval(const struct clocksource *cs, struct timens_tk_rate rate)
{
	u64 ns = NSEC_PER_SEC / HZ;

	return max(mul_u64_u64_div_u64(ns << cs->shift, rate.den, (u64)cs->mult * rate.num), 1);
}

static u64 tkt_rate_drift(const struct tkt_world *w, struct timens_tk_rate rate, u32 shift,
			  u64 cycles)
{
	if (rate.num == rate.den)
		return 0;
	return (div64_u64(cycles, tkt_rate_interval(&w->clock->cs, rate)) >> shift) + 1;
}

/* Bring CLOCK_MONOTONIC_RAW of the host to the present, however long that is ago */
static void tkt_keep_raw(struct tkt_world *w)
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

struct tkt_rate_arg {
	struct timens_tk_rate	rate;
	struct timens_tk_raw	raw;
};

static int tkt_op_rate(struct timekeeper_ns *tn, void *data)
{
	struct tkt_rate_arg *arg = data;

	return timens_tk_do_rate(tn, arg->rate, &arg->raw);
}

static const clockid_t tkt_all_clocks[] = {
	CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
};

static void tkt_read_all(const struct tkt_world *w, const struct tkt_actor *a, s64 *ns)
{
	unsigned int c;

	for (c = 0; c < ARRAY_SIZE(tkt_all_clocks); c++)
		ns[c] = tkt_read(w, a->tn, tkt_all_clocks[c]);
}

/* No clock goes back, or notices anything but the rounding of a nanosecond */
static void tkt_expect_same_all(struct tkt_world *w, const struct tkt_actor *a, const s64 *before)
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

static void tkt_set_rate(struct tkt_world *w, struct tkt_actor *a, struct timens_tk_rate rate)
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

/* Multiplier, shift and horizon of all rates */
static void tkt_rate_fixed_point(struct kunit *test)
{
	const struct tkt_spec *spec = test->param_value;
	struct timens_tk_rate rate;
	struct tkt_clock clock;
	u32 mult, shift;
	u64 most, cycles, nsecs;
	unsigned int i;
	u128 exact;

	tkt_clock_init(&clock, spec, 0);
	for (i = 0; i < ARRAY_SIZE(tkt_rates); i++) {
		rate = tkt_rates[i];
		timens_tk_rate_mult_shift(&clock.cs, rate, &mult, &shift);
		KUNIT_EXPECT_GT(test, mult, 0U);
		KUNIT_EXPECT_LT(test, (u64)mult, 1ULL << TIMENS_TK_MULT_BITS);
		KUNIT_EXPECT_LE(test, shift, (u32)TIMENS_TK_MAX_SHIFT);
		/* No bit more would fit */
		if (shift < TIMENS_TK_MAX_SHIFT)
			KUNIT_EXPECT_GE(test, (u64)mult << 1, (1ULL << TIMENS_TK_MULT_BITS) - 1);
		/* mult * 2^-shift is rate * cs.mult * 2^-cs.shift, less than a unit rounded down */
		exact = (u128)rate.num * clock.cs.mult << shift;
		KUNIT_EXPECT_TRUE(test, (u128)mult * rate.den << clock.cs.shift <= exact);
		KUNIT_EXPECT_TRUE(test, (u128)(mult + 1) * rate.den << clock.cs.shift > exact);
		/* The horizon: eight seconds of the host, or of a faster clock */
		most = (u64)mult + (mult >> 2);
		cycles = clock.hz * TIMENS_TK_HORIZON;
		if (rate.num > rate.den)
			cycles = mul_u64_u64_div_u64(cycles, rate.den, rate.num);
		KUNIT_EXPECT_TRUE(test, (u128)cycles * most + ((u128)(2 * NSEC_PER_SEC) << shift) <=
				  U64_MAX);
		KUNIT_EXPECT_GE(test, timens_tk_max_cycles(mult, shift), cycles);
		nsecs = mul_u64_u32_shr(clock.hz, mult, shift);
		KUNIT_EXPECT_LE(test, nsecs, 2000 * (u64)NSEC_PER_SEC);
	}
}

/* At each rate, a clock is where it shall be after a day of the host */
static void tkt_rate_day(struct kunit *test)
{
	const struct tkt_spec *spec = test->param_value;
	/* A narrow counter needs its passes, of which a day has too many */
	u64 idle = spec->bits == 64 ? TKT_DAY * NSEC_PER_SEC : 0;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(tkt_rates); i++) {
		struct tkt_world *w = tkt_world(test, spec, &tkt_epoch);
		struct tkt_actor *a = tkt_actor(w, HZ, NULL);
		struct timens_tk_rate rate = tkt_rates[i];
		s64 before[ARRAY_SIZE(tkt_all_clocks)], ideal, now, off, last = 0;
		s64 low = 0, high = 0, raw_low = 0, raw_high = 0;
		u64 start, quantum, drift, raw;
		u32 mult, shift;

		tkt_run_ns(w, 1700 * NSEC_PER_MSEC);
		tkt_set_rate(w, a, rate);
		tkt_read_all(w, a, before);
		start = w->clock->now;
		mult = a->tn->tkd.timekeeper.tkr_raw.mult;
		shift = a->tn->tkd.timekeeper.tkr_mono.shift;
		quantum = tkt_rate_quantum(w, rate, shift);
		for (k = 0; k < 100; k++) {
			if (k == 40 && idle) {
				a->stall = U64_MAX;
				tkt_run_ns(w, idle);
				a->stall = 0;
				/*
				 * A unit of the multiplier is made up for, by half of
				 * what is left and 1/2048 of the slope at the most
				 */
				tkt_run_ns(w, (rate.num < rate.den ? 600 : 40) *
					   (u64)NSEC_PER_SEC);
			}
			tkt_run_ns(w, tkt_random(w, NSEC_PER_SEC / 2));
			ideal = tkt_ideal(&w->clock->cs, rate, w->clock->now - start);
			drift = tkt_rate_drift(w, rate, shift, w->clock->now - start);
			now = tkt_read(w, a->tn, CLOCK_MONOTONIC);
			KUNIT_ASSERT_GE(test, now, last);
			last = now;
			off = now - before[2] - ideal;
			low = min(low, off);
			high = max(high, off);
			KUNIT_ASSERT_LE_MSG(test, off, (s64)(3 * quantum + 2), "%u/%u, step %u",
					    rate.num, rate.den, k);
			KUNIT_ASSERT_GE_MSG(test, off, -(s64)(3 * quantum + drift + 2),
					    "%u/%u, step %u", rate.num, rate.den, k);
			tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_REALTIME) - before[0],
					now - before[2], 1, "REALTIME");

			if (rate.num == rate.den) {
				tkt_keep_raw(w);
				tkt_pass(w, a->tn);
			}
			raw = div_u64(ideal, mult) + 2;
			off = tkt_read(w, a->tn, CLOCK_MONOTONIC_RAW) - before[4] - ideal;
			raw_low = min(raw_low, off);
			raw_high = max(raw_high, off);
			KUNIT_ASSERT_LE_MSG(test, off, 2, "raw, %u/%u, step %u", rate.num, rate.den,
					    k);
			KUNIT_ASSERT_GE_MSG(test, off, -(s64)(rate.num == rate.den ? 2 : raw),
					    "raw, %u/%u, step %u", rate.num, rate.den, k);
		}
		kunit_info(test, "%u/%u: %llu passes, %lld .. %lld ns, bounds -%llu .. %llu; raw %lld .. %lld, bounds -%llu .. 2",
			   rate.num, rate.den, a->passes, low, high, 3 * quantum + drift + 2,
			   3 * quantum + 2, raw_low, raw_high, raw);
	}
}

/* Whenever the rate changes, whatever is being slewed: no clock steps */
static void tkt_rate_change(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(300);
	struct tkt_world *w = tkt_world(test, test->param_value, &tkt_epoch);
	struct tkt_actor *a = tkt_actor(w, HZ, NULL);
	s64 last[ARRAY_SIZE(tkt_all_clocks)], now[ARRAY_SIZE(tkt_all_clocks)];
	struct __kernel_timex txc;
	unsigned int i, k, c;

	kunit_info(test, "seed %#llx", tkt_seed);
	tkt_read_all(w, a, last);
	for (i = 0; i < rounds; i++) {
		if (!tkt_random(w, 3)) {
			tkt_random_steering(w, &txc);
			KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);
		}
		/* tkt_set_rate() looks at all clocks before and after */
		tkt_set_rate(w, a, tkt_rates[tkt_random(w, ARRAY_SIZE(tkt_rates))]);
		for (k = 0; k < 3; k++) {
			tkt_run_ns(w, 1 + tkt_random(w, NSEC_PER_SEC / (k ? 4 : 100)));
			if (a->tn->rate.num == a->tn->rate.den) {
				tkt_keep_raw(w);
				tkt_pass(w, a->tn);
			}
			tkt_read_all(w, a, now);
			for (c = 0; c < ARRAY_SIZE(tkt_all_clocks); c++) {
				KUNIT_ASSERT_GE_MSG(test, now[c], last[c], "clock %d, step %u.%u",
						    tkt_all_clocks[c], i, k);
				last[c] = now[c];
			}
		}
	}
}

/* Frequency and adjtime() work on top of the rate */
static void tkt_rate_ntp(struct kunit *test)
{
	static const s64 freqs[] = { 500 << 16, -(500 << 16), 6553, -12345678 };
	const struct tkt_spec *spec = test->param_value;
	s64 base, ideal, extra, off, before, worst;
	unsigned int i, k, s;

	for (i = 0; i < ARRAY_SIZE(tkt_rates); i++) {
		struct tkt_world *w = tkt_world(test, spec, &tkt_epoch);
		struct tkt_actor *a = tkt_actor(w, HZ, NULL);
		struct timens_tk_rate rate = tkt_rates[i];
		u64 start, bound, per, interval, secs;
		u32 shift;

		tkt_set_rate(w, a, rate);
		shift = a->tn->tkd.timekeeper.tkr_mono.shift;
		interval = tkt_rate_interval(&w->clock->cs, rate);
		worst = 0;
		for (k = 0; k < ARRAY_SIZE(freqs); k++) {
			KUNIT_ASSERT_GE(test, tkt_adjust(w, a, USER_TICK_USEC, freqs[k]), 0);
			start = w->clock->now;
			before = tkt_read(w, a->tn, CLOCK_MONOTONIC);
			tkt_run_ns(w, 10 * (u64)NSEC_PER_SEC);
			ideal = tkt_ideal(&w->clock->cs, rate, w->clock->now - start);
			extra = mul_u64_u64_div_u64(ideal, abs(freqs[k]), 65536000000ULL);
			bound = 4 * tkt_rate_quantum(w, rate, shift) + 3 +
				tkt_rate_drift(w, rate, shift, w->clock->now - start) +
				div64_u64(extra, interval) + 1;
			off = tkt_read(w, a->tn, CLOCK_MONOTONIC) - before - ideal -
			      (freqs[k] < 0 ? -extra : extra);
			worst = max(worst, abs(off));
			tkt_expect_near(w, off, 0, bound, "%u/%u, frequency %lld", rate.num,
					rate.den, freqs[k]);
		}

		/* A millisecond of adjtime() takes two seconds of the clock at any rate */
		KUNIT_ASSERT_GE(test, tkt_adjust(w, a, USER_TICK_USEC, 0), 0);
		secs = rate.num < rate.den ? 6 * rate.den : 40;
		per = 0;
		base = 0;
		for (s = 0; s < 2; s++) {
			struct __kernel_timex txc = { .modes = TKT_ADJTIME, .offset = 1000 };

			if (s)
				KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);
			start = w->clock->now;
			before = tkt_read(w, a->tn, CLOCK_MONOTONIC);
			tkt_run_ns(w, secs * NSEC_PER_SEC);
			off = tkt_read(w, a->tn, CLOCK_MONOTONIC) - before -
			      tkt_ideal(&w->clock->cs, rate, w->clock->now - start);
			if (!s)
				base = off;
			per = tkt_rate_drift(w, rate, shift, w->clock->now - start);
		}
		/*
		 * A second which is slewed by 1/2000 has fewer intervals by that much,
		 * and one less or more at either end of the two
		 */
		bound = 6 * tkt_rate_quantum(w, rate, shift) + 2 * per + 4 + 500 + 2 * 500 +
			div64_u64(NSEC_PER_MSEC, interval);
		tkt_expect_near(w, off - base, NSEC_PER_MSEC, bound, "%u/%u, adjtime", rate.num,
				rate.den);
		kunit_info(test, "%u/%u: frequency at most %lld ns off, adjtime() %lld ns, bound %llu ns",
			   rate.num, rate.den, worst, off - base - NSEC_PER_MSEC, bound);
	}
}

/* On another counter, and through a sleep, the clock keeps its rate */
static void tkt_rate_rebase(struct kunit *test)
{
	static const struct tkt_spec * const chain[] = {
		TKT_HPET, TKT_ACPI_PM, TKT_TSC, TKT_ACPI_PM, TKT_TSC,
	};
	s64 before[ARRAY_SIZE(tkt_all_clocks)], after[ARRAY_SIZE(tkt_all_clocks)], nap, ideal;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(tkt_rates); i++) {
		struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
		struct tkt_actor *a = tkt_actor(w, HZ, NULL);
		struct timens_tk_rate rate = tkt_rates[i];

		/* The raw clock of a rate of one is the host's: see tkt_rebase() */
		if (rate.num == rate.den)
			continue;
		tkt_set_rate(w, a, rate);
		for (k = 0; k < ARRAY_SIZE(chain); k++) {
			struct tkt_clock *clock = kunit_kzalloc(test, sizeof(*clock), GFP_KERNEL);
			struct timespec64 sleep;
			struct timens_tk_raw raw;
			unsigned long flags;
			u64 old, start, bound;
			u32 shift;

			KUNIT_ASSERT_NOT_NULL(test, clock);
			tkt_run_ns(w, tkt_random(w, 2 * NSEC_PER_SEC));
			tkt_read_all(w, a, before);
			old = w->clock->now & w->clock->cs.mask;

			tkt_clock_init(clock, chain[k], CLOCKSOURCE_MASK(chain[k]->bits) / 8 * 7 +
				       tkt_random(w, CLOCKSOURCE_MASK(chain[k]->bits) / 16));
			w->clock = clock;
			w->base = clock->now;
			w->tick = 0;
			tkt_keep_raw(w);
			tkt_raw(w, &raw);
			timens_tk_calendar_del(a->cal, a->tn);
			local_irq_save(flags);
			timens_tk_change_one(a->tn, old, &clock->cs, &raw,
					     clock->now & clock->cs.mask);
			hrtimer_cancel(&a->tn->wake_timer);
			local_irq_restore(flags);
			timens_tk_calendar_init(a->cal, 0);
			timens_tk_calendar_set(a->cal, HZ, tkt_wrap_ticks(&clock->cs));
			timens_tk_calendar_add(a->cal, a->tn, 0);
			tkt_hurry(w, a);
			tkt_expect_same_all(w, a, before);

			/* It sleeps at its rate */
			tkt_forward(a->tn);
			tkt_read_all(w, a, before);
			nap = tkt_random(w, TKT_HOUR);
			sleep = ns_to_timespec64(nap);
			raw_spin_lock_irqsave(&a->tn->tkd.lock, flags);
			timens_tk_add_sleep(a->tn, &sleep);
			raw_spin_unlock_irqrestore(&a->tn->tkd.lock, flags);
			tkt_read_all(w, a, after);
			nap = mul_u64_u64_div_u64(nap, rate.num, rate.den);
			KUNIT_ASSERT_EQ(test, after[0] - before[0], nap);
			KUNIT_ASSERT_EQ(test, after[1] - before[1], nap);
			KUNIT_ASSERT_EQ(test, after[2] - before[2], 0);
			KUNIT_ASSERT_EQ(test, after[3] - before[3], nap);
			KUNIT_ASSERT_EQ(test, after[4] - before[4], 0);

			start = clock->now;
			shift = a->tn->tkd.timekeeper.tkr_mono.shift;
			tkt_run_ns(w, NSEC_PER_SEC + tkt_random(w, NSEC_PER_SEC));
			ideal = tkt_ideal(&clock->cs, rate, clock->now - start);
			bound = 4 * tkt_rate_quantum(w, rate, shift) + 2 +
				tkt_rate_drift(w, rate, shift, clock->now - start);
			tkt_read_all(w, a, before);
			tkt_expect_near(w, before[2] - after[2], ideal, bound, "%u/%u on %s",
					rate.num, rate.den, chain[k]->name);
			tkt_expect_near(w, before[4] - after[4], ideal,
					div_u64(ideal, a->tn->raw.mult) + 2, "raw, %u/%u on %s",
					rate.num, rate.den, chain[k]->name);
		}
	}
}

/* After hours without a tick a fast clock is caught up in little time */
static void tkt_rate_catch_up(struct kunit *test)
{
	static const struct timens_tk_rate rates[] = { { 7, 1 }, { 1440, 1 }, { 2000, 1 } };
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
		struct tkt_actor *a = tkt_actor(w, HZ, NULL);
		struct __kernel_timex txc = {
			.modes = ADJ_STATUS | ADJ_MAXERROR, .maxerror = 1000,
		};
		struct timens_tk_rate rate = rates[i];
		u64 start, took, quantum, secs;
		s64 mono, ideal;

		tkt_set_rate(w, a, rate);
		KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &txc), 0);
		tkt_run_ns(w, NSEC_PER_SEC);
		tkt_forward(a->tn);
		quantum = tkt_rate_quantum(w, rate, a->tn->tkd.timekeeper.tkr_mono.shift);
		mono = tkt_read(w, a->tn, CLOCK_MONOTONIC);
		start = w->clock->now;
		a->stall = U64_MAX;
		tkt_run_ns(w, 8 * TKT_HOUR);
		took = tkt_elapsed(a->tn, tkt_op_none, NULL, &ret);
		KUNIT_EXPECT_EQ(test, ret, 0);
		ideal = tkt_ideal(&w->clock->cs, rate, w->clock->now - start);
		/* One quantum per eight seconds of the clock, or less, was not made up for */
		secs = div_u64(ideal, NSEC_PER_SEC);
		tkt_expect_near(w, tkt_read(w, a->tn, CLOCK_MONOTONIC) - mono, ideal,
				(secs / min(rate.num, 8) + 2) * 2 * quantum, "%u/%u", rate.num,
				rate.den);
		kunit_info(test, "%u/%u: %llu seconds in %llu us", rate.num, rate.den, secs,
			   div_u64(took, NSEC_PER_USEC));
		/* The seconds of NTP were all counted */
		secs = min(secs, NTP_PHASE_LIMIT / (MAXFREQ / NSEC_PER_USEC));
		KUNIT_EXPECT_GE(test, a->tn->ntp.time_maxerror,
				(long)(secs * (MAXFREQ / NSEC_PER_USEC)) - 1000);
		TKT_EXPECT_FAST(test, took, 100 * (u64)NSEC_PER_MSEC);
	}
}

static void tkt_rate_parse(struct kunit *test)
{
	static const struct {
		const char		*text;
		int			ret;
		struct timens_tk_rate	rate;
	} texts[] = {
		{ "1", 0, { 1, 1 } }, { "1.0", 0, { 1, 1 } }, { "01", 0, { 1, 1 } },
		{ "0.001", 0, { 1, 1000 } }, { "1/1000", 0, { 1, 1000 } },
		{ "2000", 0, { 2000, 1 } }, { "2000.0", 0, { 2000, 1 } },
		{ "0.5", 0, { 1, 2 } }, { "2/4", 0, { 1, 2 } }, { "1440", 0, { 1440, 1 } },
		{ "1.000001", 0, { 1000001, 1000000 } }, { "1999/7", 0, { 1999, 7 } },
		{ "1000000000/1000000000", 0, { 1, 1 } }, { "999999999/1000000000", 0,
		  { 999999999, 1000000000 } }, { "1.999999999", 0, { 1999999999, 0 } },
		{ "2000/1", 0, { 2000, 1 } }, { "0.999999999", 0, { 999999999, 1000000000 } },
		{ "", -EINVAL }, { " ", -EINVAL }, { "1 ", -EINVAL }, { " 1", -EINVAL },
		{ "1e3", -EINVAL }, { "-1", -EINVAL }, { "+1", -EINVAL }, { "1.", -EINVAL },
		{ ".5", -EINVAL }, { ".", -EINVAL }, { "/", -EINVAL }, { "1/", -EINVAL },
		{ "/2", -EINVAL }, { "1/2/3", -EINVAL }, { "1.5/2", -EINVAL },
		{ "1/2.5", -EINVAL }, { "1//2", -EINVAL }, { "1/-2", -EINVAL }, { "1..5", -EINVAL },
		{ "1.2.3", -EINVAL }, { "0x10", -EINVAL }, { "1,5", -EINVAL }, { "1\n", -EINVAL },
		{ "0.0000000001", -EINVAL }, { "1.0000000000", -EINVAL },
		{ "18446744073709551617", -EINVAL }, { "99999999999999999999999999", -EINVAL },
		{ "1/99999999999999999999999999", -EINVAL }, { "host", -EINVAL },
		{ "nan", -EINVAL },
		{ "0", -ERANGE }, { "0.0", -ERANGE }, { "1/0", -ERANGE }, { "0/1", -ERANGE },
		{ "0/0", -ERANGE }, { "2001", -ERANGE }, { "2000.000001", -ERANGE },
		{ "1/1001", -ERANGE }, { "0.000999999", -ERANGE }, { "4001/2", -ERANGE },
		{ "1000000001/1000000000", -ERANGE }, { "18446744073709551", -ERANGE },
		{ "1/1000000001", -ERANGE },
	};
	struct timens_tk_rate rate;
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		rate = (struct timens_tk_rate){ 12345, 67890 };
		ret = timens_tk_parse_rate(texts[i].text, &rate);
		/* A numerator above the limit */
		if (!texts[i].ret && !texts[i].rate.den) {
			KUNIT_EXPECT_EQ(test, ret, -ERANGE);
			continue;
		}
		KUNIT_EXPECT_EQ_MSG(test, ret, texts[i].ret, "\"%s\"", texts[i].text);
		KUNIT_EXPECT_EQ_MSG(test, rate.num, ret ? 12345 : texts[i].rate.num, "\"%s\"",
				    texts[i].text);
		KUNIT_EXPECT_EQ_MSG(test, rate.den, ret ? 67890 : texts[i].rate.den, "\"%s\"",
				    texts[i].text);
	}
}

/*
 * Smeared leap seconds
 */

/**
 * struct tkt_smear - A leap second which is smeared
 * @name:	Name
 * @policy:	How
 * @before:	Start of its window, before the edge (secs)
 * @after:	End of its window, after the edge (secs)
 * @rate:	Rate of the clock
 * @status:	STA_INS or STA_DEL
 * @often:	Ticks between two passes of the second namespace
 */
struct tkt_smear {
	const char			*name;
	struct timens_smear_policy	policy;
	s32				before;
	s32				after;
	struct timens_tk_rate		rate;
	int				status;
	unsigned int			often;
};

#define TKT_SMEAR(shape, place, window)	\
	{ window, TIMENS_SMEAR_CUSTOM, TIMENS_SMEAR_##shape, TIMENS_SMEAR_##place }

static const struct tkt_smear tkt_smears[] = {
	{ "linear, each tick", TKT_SMEAR(LINEAR, CENTRED, 128), 64, 64, { 1, 1 }, STA_INS, 1 },
	{ "cosine", TKT_SMEAR(COSINE, BEFORE, 10000), 10000, 0, { 1, 1 }, STA_DEL, HZ / 5 },
	{ "quadratic", TKT_SMEAR(QUADRATIC, AFTER, 10000), 0, 10000, { 1, 1 }, STA_INS, HZ / 5 },
	{ "linear, 1440", TKT_SMEAR(LINEAR, CENTRED, 86400), 43200, 43200, { 1440, 1 },
	  STA_INS, 1 },
	{ "cosine, 1440", TKT_SMEAR(COSINE, BEFORE, 80000), 80000, 0, { 1440, 1 }, STA_INS, 1 },
	{ "quadratic, 1440", TKT_SMEAR(QUADRATIC, AFTER, 62500), 0, 62500, { 1440, 1 },
	  STA_DEL, 1 },
};

static void tkt_smear_desc(const struct tkt_smear *smear, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s", smear->name,
		 smear->status == STA_INS ? "insert" : "delete");
}

KUNIT_ARRAY_PARAM(tkt_smear, tkt_smears, tkt_smear_desc);

static int tkt_op_policy(struct timekeeper_ns *tn, void *arg)
{
	return timens_tk_do_policy(tn, arg);
}

/*
 * CLOCK_TAI does not notice, REALTIME differs from it by the curve, and in the
 * end by a second which adjtimex() has announced all the time. A namespace
 * which takes its passes more often agrees.
 */
static void tkt_smear_leap(struct kunit *test)
{
	const struct tkt_smear *smear = test->param_value;
	bool ins = smear->status == STA_INS;
	s64 edge = ins ? TKT_MIDNIGHT : TKT_MIDNIGHT - 1, step = ins ? -1 : 1, tai = 37;
	struct timespec64 real = { .tv_sec = edge - smear->before - 100, .tv_nsec = 250000000 };
	struct tkt_world *w = tkt_world(test, TKT_TSC, &real);
	s64 now, shown, start, end, phase, want, off[2] = { 0 };
	s64 apart = 0, worst = 0, worst_tai = 0;
	s64 last[2] = { 0 }, first[2], quantum, most;
	struct timens_smear_policy other = TKT_SMEAR(LINEAR, AFTER, 777);
	struct timens_smear_policy policy = smear->policy;
	unsigned int i, k, inside = 0, beyond = 0;
	struct tkt_actor *a[2];
	struct __kernel_timex txc;
	u64 begin, chord, tai_most;
	int state;

	a[0] = tkt_actor(w, HZ, NULL);
	a[1] = tkt_actor(w, min(smear->often * timens_kunit_stride(8), HZ / 2), NULL);
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, tkt_write(a[i]->tn, NULL, NULL, tkt_op_policy, &policy), 0);
		txc = (struct __kernel_timex) {
			.modes = ADJ_TAI | ADJ_STATUS, .constant = tai, .status = smear->status,
		};
		KUNIT_ASSERT_EQ(test, tkt_adjtimex(w, a[i], &txc), TIME_OK);
		tkt_set_rate(w, a[i], smear->rate);
		first[i] = tkt_read(w, a[i]->tn, CLOCK_TAI);
	}
	begin = w->clock->now;
	start = (edge - smear->before) * NSEC_PER_SEC;
	end = (edge + smear->after) * NSEC_PER_SEC;
	quantum = 3 * tkt_rate_quantum(w, smear->rate, a[0]->tn->tkd.timekeeper.tkr_mono.shift) + 3;
	/*
	 * A chord is off by 5/8 (time between the passes / window)^2 s, and by up
	 * to four times of that when there are more of them; and both are rounded
	 */
	chord = max(a[0]->tn->pass_nsecs, NSEC_PER_SEC);
	chord = mul_u64_u64_div_u64(chord, chord, policy.window);
	chord = div_u64(chord, policy.window) * 5 / 2;
	chord = policy.shape == TIMENS_SMEAR_LINEAR ? 5 : div_u64(chord, NSEC_PER_SEC) + 5;

	for (k = 0; beyond < 20; k++) {
		tkt_run_ns(w, div_u64(tkt_random(w, (end - start) / 150) * smear->rate.den,
				      smear->rate.num) + 1);
		want = tkt_ideal(&w->clock->cs, smear->rate, w->clock->now - begin);
		/* In units of the line without the smear */
		now = first[0] - tai * NSEC_PER_SEC + want;
		for (i = 0; i < 2; i++) {
			shown = tkt_read(w, a[i]->tn, CLOCK_REALTIME);
			KUNIT_ASSERT_GE(test, shown, last[i]);
			last[i] = shown;

			off[i] = tkt_read(w, a[i]->tn, CLOCK_TAI) - first[i] - want;
			tai_most = quantum + tkt_rate_drift(w, smear->rate,
							    a[i]->tn->tkd.timekeeper.tkr_mono.shift,
							    w->clock->now - begin);
			KUNIT_ASSERT_LT(test, tai_most, NSEC_PER_USEC);
			worst_tai = max(worst_tai, abs(off[i]));
			tkt_expect_near(w, off[i], 0, tai_most, "TAI, %u", k);

			/* The curve, where the clock itself is: it is flat enough */
			phase = shown - (tkt_read(w, a[i]->tn, CLOCK_TAI) - tai * NSEC_PER_SEC);
			want += off[i];
			shown = now + off[i] <= start ? 0 :
				step * (s64)timens_smear_curve(policy.shape, now + off[i] - start,
							       end - start, NSEC_PER_SEC);
			want -= off[i];
			worst = max(worst, abs(phase - shown));
			tkt_expect_near(w, phase, shown, chord, "phase, %u", k);
		}
		most = 2 * quantum + 2 * chord;
		apart = max(apart, abs(last[0] - last[1]));
		tkt_expect_near(w, last[0], last[1], most, "REALTIME of both, %u", k);

		/* Around the end, one pass or the other may not have come */
		if (now > end - 20 * (s64)NSEC_PER_SEC && now < end + 20 * (s64)NSEC_PER_SEC)
			continue;
		for (i = 0; i < 2; i++) {
			state = tkt_state(w, a[i]);
			txc = (struct __kernel_timex) { 0 };
			tkt_adjtimex(w, a[i], &txc);
			if (now < end) {
				KUNIT_ASSERT_EQ_MSG(test, state, now < start - 90 * NSEC_PER_SEC ?
						    state : ins ? TIME_INS : TIME_DEL, "at %lld",
						    now - end);
				KUNIT_ASSERT_EQ(test, txc.tai, (int)tai);
			} else {
				KUNIT_ASSERT_EQ_MSG(test, state, TIME_WAIT, "at %lld", now - end);
				KUNIT_ASSERT_EQ(test, txc.tai, (int)(tai - step));
				KUNIT_ASSERT_EQ(test, tkt_read(w, a[i]->tn, CLOCK_REALTIME),
						tkt_read(w, a[i]->tn, CLOCK_TAI) -
						(tai - step) * NSEC_PER_SEC);
				KUNIT_ASSERT_EQ(test, a[i]->tn->smear.state, TIMENS_SMEAR_NONE);
			}
		}
		/* In the window, nothing but the same policy is accepted */
		if (now > start && now < end) {
			inside++;
			KUNIT_ASSERT_EQ(test, tkt_write(a[0]->tn, NULL, NULL, tkt_op_policy,
							&other), -EBUSY);
			KUNIT_ASSERT_EQ(test, tkt_write(a[0]->tn, NULL, NULL, tkt_op_policy,
							&policy), 0);
		} else if (now > end) {
			beyond++;
		}
	}
	KUNIT_EXPECT_GT(test, inside, 100U);
	KUNIT_EXPECT_GE(test, a[1]->passes, a[0]->passes);
	kunit_info(test, "%llu and %llu passes; at most %lld ns apart, bound %lld ns; off the curve %lld ns, bound %llu ns; TAI %lld ns",
		   a[0]->passes, a[1]->passes, apart, most, worst, chord, worst_tai);
}

/*
 * Calm passes
 */

/*
 * Whether the pass at the present goes the short way. It leaves alone what cannot
 * have changed, as the width of the counter.
 */
static bool tkt_is_short(struct tkt_world *w, struct tkt_actor *a)
{
	struct vdso_data *vd = &a->page[CS_HRES_COARSE];
	u64 mask = vd->mask;
	struct timens_tk_raw raw;
	bool is_short;

	vd->mask = ~mask;
	tkt_raw(w, &raw);
	timens_tk_pass_at(a->tn, &raw, w->clock->now & w->clock->cs.mask);
	is_short = vd->mask == ~mask;
	vd->mask = mask;
	return is_short;
}

/* After a write one full pass, then short ones for as long as @ns go by without one */
static void tkt_expect_calm(struct tkt_world *w, struct tkt_actor *a, const char *what, u64 ns)
{
	unsigned int i;

	KUNIT_ASSERT_FALSE_MSG(w->test, tkt_is_short(w, a), "%s", what);
	for (i = 0; i < 8; i++) {
		w->clock->now += tkt_ns_to_cycles(w, ns / 8);
		KUNIT_ASSERT_TRUE_MSG(w->test, tkt_is_short(w, a), "%s, pass %u", what, i);
	}
}

static void tkt_expect_restless(struct tkt_world *w, struct tkt_actor *a, const char *what,
				u64 ns)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		KUNIT_ASSERT_FALSE_MSG(w->test, tkt_is_short(w, a), "%s, pass %u", what, i);
		w->clock->now += tkt_ns_to_cycles(w, ns / 8);
	}
}

/*
 * What is owed to passes which came late is made up for by halves. Half a second
 * at 500 us a second is less than 2^18 ns.
 */
static void tkt_expect_calm_again(struct tkt_world *w, struct tkt_actor *a, const char *what)
{
	unsigned int i;

	for (i = 0; i < 40; i++) {
		w->clock->now += tkt_ns_to_cycles(w, NSEC_PER_SEC);
		tkt_is_short(w, a);
	}
	KUNIT_ASSERT_TRUE_MSG(w->test, tkt_is_short(w, a), "%s", what);
}

/* When the short way is taken and when it is not; that it is right tkt_pass() tells */
static void tkt_calm(struct kunit *test)
{
	const struct tkt_spec *spec = test->param_value;
	struct timespec64 real = { .tv_sec = TKT_MIDNIGHT - 3 * 3600 };
	struct tkt_world *w = tkt_world(test, spec, &real);
	struct __kernel_timex slew = { .modes = TKT_ADJTIME, .offset = 3000 };
	struct __kernel_timex pll = {
		.modes = ADJ_OFFSET | ADJ_STATUS | ADJ_TIMECONST,
		.status = STA_PLL, .offset = 100000, .constant = 4,
	};
	struct tkt_actor *a;
	unsigned int i;
	s64 now;

	kunit_info(test, "seed %#llx", tkt_seed);
	a = tkt_actor(w, HZ, NULL);
	list_del_init(&a->tn->node);
	tkt_expect_calm(w, a, "taken over", 2 * NSEC_PER_SEC);

	/* Whatever is written, if it does not last */
	for (i = 0; i < 20; i++) {
		KUNIT_ASSERT_EQ(test, tkt_settime(w, a, 1 + tkt_random(w, 2000000000),
						  tkt_random(w, NSEC_PER_SEC)), 0);
		tkt_expect_calm(w, a, "set", 8 * tkt_random(w, NSEC_PER_SEC / 8));
		KUNIT_ASSERT_GE(test, tkt_adjust(w, a, 9000 + tkt_random(w, 2001),
						 tkt_random_signed(w, 500 << 16)), 0);
		/* What was left of the phase may be more than quantisation at another rate */
		while (!a->tn->calm_until) {
			tkt_is_short(w, a);
			w->clock->now += tkt_ns_to_cycles(w, NSEC_PER_SEC / 2);
		}
		KUNIT_ASSERT_TRUE(test, tkt_is_short(w, a));
	}
	KUNIT_ASSERT_GE(test, tkt_adjust(w, a, USER_TICK_USEC, 0), 0);

	/* While adjtime() slews, 500 us in a second */
	KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &slew), 0);
	tkt_expect_restless(w, a, "adjtime()", 4 * NSEC_PER_SEC);
	tkt_expect_calm_again(w, a, "after adjtime()");

	/* While the PLL does */
	KUNIT_ASSERT_GE(test, tkt_adjtimex(w, a, &pll), 0);
	tkt_expect_restless(w, a, "PLL", 8 * NSEC_PER_SEC);
	KUNIT_ASSERT_GE(test, tkt_status(w, a, 0), 0);

	/* With a leap second to come, near or far */
	KUNIT_ASSERT_EQ(test, tkt_settime(w, a, TKT_MIDNIGHT - 3600, 0), 0);
	KUNIT_ASSERT_GE(test, tkt_status(w, a, STA_INS), 0);
	tkt_expect_restless(w, a, "far leap second", 4 * NSEC_PER_SEC);
	KUNIT_ASSERT_GE(test, tkt_status(w, a, 0), 0);
	tkt_expect_calm_again(w, a, "withdrawn");
	KUNIT_ASSERT_EQ(test, tkt_settime(w, a, TKT_MIDNIGHT - 3, 0), 0);
	KUNIT_ASSERT_GE(test, tkt_status(w, a, STA_INS), 0);
	tkt_expect_restless(w, a, "leap second", 4 * NSEC_PER_SEC);
	KUNIT_ASSERT_GE(test, tkt_status(w, a, 0), 0);
	tkt_expect_calm_again(w, a, "after a leap second");

	/* A pass which comes so late that its product would not fit goes the full way */
	if (spec->bits == 64) {
		now = w->clock->now;
		w->clock->now += a->tn->max_cycles - tkt_ns_to_cycles(w, TICK_NSEC);
		KUNIT_EXPECT_TRUE(test, tkt_is_short(w, a));
		w->clock->now += a->tn->max_cycles + 1;
		KUNIT_EXPECT_FALSE(test, tkt_is_short(w, a));
		KUNIT_EXPECT_GT(test, (s64)w->clock->now, now);
	}
}

/*
 * The far end of time
 */

static const struct timens_tk_rate tkt_one = { 1, 1 };

/* A fast clock comes to the last date that can be set, by each of its clocks */
static void tkt_far_end(struct kunit *test)
{
	static const struct timens_offsets ahead[] = {
		{ },
		{ .monotonic = { .tv_sec = 146LL * 365 * TKT_DAY } },
		{ .boottime = { .tv_sec = 146LL * 365 * TKT_DAY } },
	};
	struct tkt_rate_arg arg = { .rate = { 2000, 1 } };
	s64 before[ARRAY_SIZE(tkt_all_clocks)], real, limit, first;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(ahead); i++) {
		struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
		struct tkt_actor *a = tkt_actor(w, HZ, &ahead[i]);
		struct timekeeper_ns *tn = a->tn;

		if (i)
			/* These clocks have a century left: pretend that it has passed */
			tk_set_wall_to_mono(&tn->tkd.timekeeper, (struct timespec64){
				.tv_sec = TIME_SETTOD_SEC_MAX - 400 - tkt_epoch.tv_sec -
					  max(tn->tkd.timekeeper.monotonic_to_boot.tv_sec, 0) });
		else
			KUNIT_ASSERT_EQ(test, tkt_settime(w, a, TIME_SETTOD_SEC_MAX - 400, 0), 0);
		tkt_set_rate(w, a, (struct timens_tk_rate){ 2000, 1 });
		real = tkt_read(w, tn, CLOCK_REALTIME);
		tkt_run_ns(w, 100 * NSEC_PER_MSEC);
		KUNIT_EXPECT_EQ_MSG(test, tn->rate.num, 2000, "%u: too early", i);
		tkt_run_ns(w, 300 * NSEC_PER_MSEC);
		KUNIT_EXPECT_EQ_MSG(test, tn->rate.num, 1, "%u: the rate goes on", i);
		KUNIT_EXPECT_EQ(test, tn->rate.den, 1);
		/* It went at 2000 up to there, and a pass further at the most */
		first = tkt_read(w, tn, CLOCK_REALTIME);
		limit = 400 * NSEC_PER_SEC;
		KUNIT_EXPECT_GE_MSG(test, first - real, limit - 4 * (s64)NSEC_PER_SEC, "%u", i);
		KUNIT_EXPECT_LE_MSG(test, first - real, limit + 12 * (s64)NSEC_PER_SEC, "%u", i);
		/* and as the host from there */
		tkt_run_ns(w, 7 * NSEC_PER_SEC);
		KUNIT_EXPECT_LE(test, abs(tkt_read(w, tn, CLOCK_REALTIME) - first -
					  7 * (s64)NSEC_PER_SEC), NSEC_PER_MSEC);

		tkt_keep_raw(w);
		tkt_raw(w, &arg.raw);
		arg.rate = (struct timens_tk_rate){ 1000001, 1000000 };
		tkt_read_all(w, a, before);
		KUNIT_EXPECT_EQ(test, tkt_write(tn, NULL, NULL, tkt_op_rate, &arg), -EINVAL);
		tkt_expect_same_all(w, a, before);
		for (k = 0; k < 2; k++) {
			arg.rate = k ? tkt_one : (struct timens_tk_rate){ 1, 1000 };
			KUNIT_EXPECT_EQ(test, tkt_write(tn, NULL, NULL, tkt_op_rate, &arg), 0);
		}
	}
}

/* A fast clock sleeps, for longer than there is time */
static void tkt_far_sleep(struct kunit *test)
{
	static const s64 years[] = { 0, 1, 20 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(years); i++) {
		struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
		struct tkt_actor *a = tkt_actor(w, HZ, NULL);
		struct timespec64 sleep = { .tv_sec = 3600 + years[i] * 365 * TKT_DAY };
		s64 before, after, want, last = TIME_SETTOD_SEC_MAX * NSEC_PER_SEC;
		s64 boot;

		tkt_set_rate(w, a, (struct timens_tk_rate){ 2000, 1 });
		before = tkt_read(w, a->tn, CLOCK_REALTIME);
		boot = tkt_read(w, a->tn, CLOCK_BOOTTIME);
		raw_spin_lock_irq(&a->tn->tkd.lock);
		timens_tk_add_sleep(a->tn, &sleep);
		raw_spin_unlock_irq(&a->tn->tkd.lock);
		after = tkt_read(w, a->tn, CLOCK_REALTIME);
		want = before + 2000 * 3600 * NSEC_PER_SEC;
		/* As far as it may be fast at 2000, the rest as the host */
		if (years[i])
			want = last + timespec64_to_ns(&sleep) - div_s64(last - before, 2000);
		KUNIT_EXPECT_LE_MSG(test, abs(after - want), 3 * (s64)NSEC_PER_SEC,
				    "%lld years: %lld s", years[i], (after - want) / NSEC_PER_SEC);
		KUNIT_EXPECT_EQ(test, tkt_read(w, a->tn, CLOCK_BOOTTIME) - boot, after - before);
		/* Still a time, and its sleeps end */
		KUNIT_EXPECT_LT(test, after, KTIME_MAX - 9LL * 365 * TKT_DAY * NSEC_PER_SEC);
		tkt_run_ns(w, 2 * NSEC_PER_SEC);
		KUNIT_EXPECT_EQ(test, a->tn->rate.num, years[i] ? 1 : 2000);
	}
}

/* A date before the boot is refused; one before a MONOTONIC that is ahead is not */
static void tkt_ahead_of_boot(struct kunit *test)
{
	static const struct timens_offsets offs[] = {
		{ .monotonic = { .tv_sec = 0 } },
		{ .monotonic = { .tv_sec = 79LL * 365 * TKT_DAY } },
		{ .monotonic = { .tv_sec = 146LL * 365 * TKT_DAY } },
		{ .monotonic = { .tv_sec = -500 } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offs); i++) {
		struct tkt_world *w = tkt_world(test, TKT_TSC, &tkt_epoch);
		struct tkt_actor *a = tkt_actor(w, HZ, &offs[i]);
		s64 mono = tkt_read(w, a->tn, CLOCK_MONOTONIC);
		/* No date is below zero */
		s64 up = max(div_s64(mono, NSEC_PER_SEC) - max(offs[i].monotonic.tv_sec, 0), 0);
		s64 real = div_s64(tkt_read(w, a->tn, CLOCK_REALTIME), NSEC_PER_SEC);

		KUNIT_EXPECT_EQ_MSG(test, tkt_settime(w, a, real + 5, 0), 0, "%u", i);
		KUNIT_EXPECT_EQ_MSG(test, tkt_settime(w, a, up + 2, 0), 0, "%u", i);
		KUNIT_EXPECT_EQ_MSG(test, tkt_settime(w, a, up - 1, 0), -EINVAL, "%u", i);
		KUNIT_EXPECT_EQ_MSG(test, tkt_settime(w, a, TIME_SETTOD_SEC_MAX - 1, 0), 0, "%u",
				    i);
		KUNIT_EXPECT_EQ_MSG(test, tkt_settime(w, a, TIME_SETTOD_SEC_MAX, 0), -EINVAL, "%u",
				    i);
		KUNIT_EXPECT_GE(test, tkt_read(w, a->tn, CLOCK_MONOTONIC), mono);
	}
}

static struct kunit_case tkt_cases[] = {
	KUNIT_CASE_PARAM(tkt_fixed_point, tkt_spec_gen_params),
	KUNIT_CASE_PARAM(tkt_fastest, tkt_spec_gen_params),
	KUNIT_CASE_PARAM(tkt_take, tkt_spec_gen_params),
	KUNIT_CASE(tkt_take_leap),
	KUNIT_CASE_PARAM(tkt_accuracy, tkt_spec_gen_params),
	KUNIT_CASE_PARAM(tkt_late_passes, tkt_spec_gen_params),
	KUNIT_CASE_SLOW(tkt_slew_phases),
	KUNIT_CASE_PARAM_ATTR(tkt_tick_or_second, tkt_spec_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE(tkt_host_or_namespace),
	KUNIT_CASE_PARAM(tkt_leap_edge, tkt_leap_gen_params),
	KUNIT_CASE_PARAM(tkt_leap_states, tkt_scene_gen_params),
	KUNIT_CASE(tkt_leap_step),
	KUNIT_CASE_PARAM(tkt_sleep, tkt_nap_gen_params),
	KUNIT_CASE(tkt_large_steps),
	KUNIT_CASE(tkt_years),
	KUNIT_CASE_PARAM(tkt_wrap, tkt_spec_gen_params),
	KUNIT_CASE_PARAM(tkt_coarse, tkt_spec_gen_params),
	KUNIT_CASE(tkt_rebase),
	KUNIT_CASE_PARAM_ATTR(tkt_catch_up, tkt_idle_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE(tkt_page),
	KUNIT_CASE(tkt_page_no_vdso),
	KUNIT_CASE_PARAM(tkt_calendar_fair, tkt_crowd_gen_params),
	KUNIT_CASE(tkt_calendar_emptiest),
	KUNIT_CASE(tkt_calendar_budget),
	KUNIT_CASE(tkt_calendar_every_tick),
	KUNIT_CASE(tkt_calendar_interval),
	KUNIT_CASE(tkt_calendar_hurry),
	KUNIT_CASE(tkt_far_end),
	KUNIT_CASE(tkt_far_sleep),
	KUNIT_CASE(tkt_ahead_of_boot),
	KUNIT_CASE(tkt_calendar_deadline),
	KUNIT_CASE(tkt_calendar_new_deadline),
	KUNIT_CASE_PARAM(tkt_calendar_aligned, tkt_spec_gen_params),
	KUNIT_CASE(tkt_stamp_step),
	KUNIT_CASE(tkt_stamp_sleep),
	KUNIT_CASE(tkt_stamp_never),
	KUNIT_CASE(tkt_stamp_random),
	KUNIT_CASE_PARAM(tkt_rate_fixed_point, tkt_spec_gen_params),
	KUNIT_CASE_PARAM(tkt_rate_day, tkt_spec_gen_params),
	KUNIT_CASE_PARAM(tkt_rate_change, tkt_spec_gen_params),
	KUNIT_CASE_PARAM(tkt_rate_ntp, tkt_spec_gen_params),
	KUNIT_CASE(tkt_rate_rebase),
	KUNIT_CASE(tkt_rate_catch_up),
	KUNIT_CASE(tkt_rate_parse),
	KUNIT_CASE_PARAM_ATTR(tkt_smear_leap, tkt_smear_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM(tkt_calm, tkt_spec_gen_params),
	{}
};

static struct kunit_suite tkt_suite = {
	.name = "timens_tk",
	.test_cases = tkt_cases,
};

kunit_test_suite(tkt_suite);

MODULE_DESCRIPTION("KUnit tests of the timekeepers of time namespaces");
MODULE_LICENSE("GPL");
