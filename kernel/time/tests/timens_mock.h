/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The world in which the KUnit tests of the timekeepers of time namespaces take
 * place. The opening comment of timens_mock.c describes it.
 */
#ifndef _KERNEL_TIME_TESTS_TIMENS_MOCK_H
#define _KERNEL_TIME_TESTS_TIMENS_MOCK_H

#include <kunit/test.h>
#include <linux/audit.h>
#include <linux/clocksource.h>
#include <linux/math64.h>
#include <linux/prandom.h>
#include <linux/timex.h>

#include "../ntp_internal.h"
#include "../timekeeping_internal.h"
#include "../timens_page.h"
#include "timens_effort.h"

#define TKT_DAY		86400LL
#define TKT_HOUR	(3600 * NSEC_PER_SEC)
#define TKT_MIDNIGHT	(20000 * TKT_DAY)
#define TKT_ACTORS	2
#define TKT_SEED	0x7469636b746f636bULL

/* What adjtime() of the C library asks for */
#define TKT_ADJTIME	(ADJ_ADJTIME | ADJ_OFFSET_SINGLESHOT)

extern unsigned long long tkt_seed;
extern bool tkt_exact;

/* A call took @took ns, and should have taken less than @most */
#define TKT_EXPECT_FAST(test, took, most) do {			\
	if (tkt_exact)						\
		KUNIT_EXPECT_LT(test, took, most);		\
} while (0)

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

extern const struct tkt_spec tkt_specs[3];

#define TKT_TSC		(&tkt_specs[0])
#define TKT_HPET	(&tkt_specs[1])
#define TKT_ACPI_PM	(&tkt_specs[2])

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
 * @reader:	A copy which a reader advances
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
	struct timekeeper_ns	*reader;
	struct rnd_state	rnd;
};

struct tkt_rate_arg {
	struct timens_tk_rate	rate;
	struct timens_tk_raw	raw;
};

extern const struct timespec64 tkt_epoch;
extern const clockid_t tkt_clocks[4];
extern const clockid_t tkt_all_clocks[5];

void tkt_spec_desc(const struct tkt_spec *spec, char *desc);
void tkt_clock_init(struct tkt_clock *clock, const struct tkt_spec *spec, u64 now);
s64 tkt_line_ns(const struct tkt_line *line, u64 cycles);
void tkt_line_bend(struct tkt_line *line, u64 cycles, u64 len);
u64 tkt_interval(const struct clocksource *cs);
u64 tkt_interval_len(const struct clocksource *cs, u64 tick, s64 freq);
s64 tkt_nominal(const struct clocksource *cs, u64 cycles);
u64 tkt_random(struct tkt_world *w, u64 below);
s64 tkt_random_signed(struct tkt_world *w, u64 most);
u64 tkt_tick_cycles(const struct tkt_world *w, u64 tick);
const struct tk_data *tkt_pace(struct tkt_world *w);
u64 tkt_ns_to_cycles(const struct tkt_world *w, u64 ns);
u64 tkt_quantum(const struct tkt_world *w, const struct timekeeper_ns *tn);
struct timekeeper_ns *tkt_alloc(struct kunit *test);
struct timens_tk_calendar *tkt_alloc_calendar(struct kunit *test);
unsigned int tkt_wrap_ticks(const struct clocksource *cs);
struct tkt_world *tkt_world(struct kunit *test, const struct tkt_spec *spec,
			    const struct timespec64 *real);
void tkt_raw(const struct tkt_world *w, struct timens_tk_raw *raw);
s64 tkt_read_at(const struct tkt_world *w, const struct timekeeper_ns *tn, clockid_t clk,
		u64 cycles);
s64 tkt_read(const struct tkt_world *w, const struct timekeeper_ns *tn, clockid_t clk);
bool tkt_read_page(const struct vdso_data *vd, clockid_t clk, u64 cycles, s64 *ns);
s64 tkt_read_host(const struct tkt_world *w, clockid_t clk);
void tkt_same(struct tkt_world *w, const char *field, s64 a, s64 b);
void tkt_same_ntp(struct tkt_world *w, const struct ntp_data *a, const struct ntp_data *b);
void tkt_pass(struct tkt_world *w, struct timekeeper_ns *tn);
void tkt_note_bend(struct tkt_world *w, struct tkt_actor *a, bool second);
u64 tkt_pair_bound(const struct tkt_world *w, const struct tkt_actor *a,
		   const struct tkt_actor *b);
void tkt_run_ticks(struct tkt_world *w, u64 tick);
void tkt_run_to(struct tkt_world *w, u64 cycles);
void tkt_run_ns(struct tkt_world *w, u64 ns);
void tkt_replay(struct timekeeper_ns *tn);
void tkt_change(struct tkt_actor *a, const struct timens_tk_change *change, bool at_once);
void tkt_change_counter(struct tkt_world *w, struct tkt_clock *clock, u64 now,
			struct timens_tk_change *change);
void tkt_change_calendar(struct tkt_world *w, struct tkt_actor *a, unsigned int interval);
int tkt_write(struct timekeeper_ns *tn, const struct tk_data *host,
	      const struct timens_offsets *offs, timens_tk_op op, void *arg);
int tkt_op_none(struct timekeeper_ns *tn, void *arg);
int tkt_op_settime(struct timekeeper_ns *tn, void *arg);
int tkt_op_adjtimex(struct timekeeper_ns *tn, void *arg);
int tkt_op_policy(struct timekeeper_ns *tn, void *arg);

/* CLOCK_BOOTTIME of the host when a clock is stopped (nsecs) */
#define TKT_STOPPED_AT	1000

/* @raw: the host's CLOCK_MONOTONIC_RAW, see tkt_raw() */
static inline int tkt_op_stop(struct timekeeper_ns *tn, void *raw)
{
	timens_tk_do_stop(tn, raw, TKT_STOPPED_AT);
	return 0;
}

/* It did not go on while it stood */
static inline int tkt_op_go(struct timekeeper_ns *tn, void *raw)
{
	timens_tk_do_go(tn, raw, timens_tk_counter(tn), KTIME_MAX);
	return 0;
}

void tkt_forward(struct timekeeper_ns *tn);
void tkt_hurry(struct tkt_world *w, struct tkt_actor *a);
int tkt_settime(struct tkt_world *w, struct tkt_actor *a, s64 sec, long nsec);
int tkt_adjtimex(struct tkt_world *w, struct tkt_actor *a, struct __kernel_timex *txc);
int tkt_adjust(struct tkt_world *w, struct tkt_actor *a, u64 tick, s64 freq);
int tkt_status(struct tkt_world *w, struct tkt_actor *a, int status);
int tkt_state(struct tkt_world *w, struct tkt_actor *a);
struct tkt_actor *tkt_actor(struct tkt_world *w, unsigned int interval,
			    const struct timens_offsets *offs);
__printf(5, 6)
void tkt_expect_near(struct tkt_world *w, s64 a, s64 b, u64 most, const char *fmt, ...);
void tkt_same_timex(struct tkt_world *w, const struct __kernel_timex *a,
		    const struct __kernel_timex *b, u64 bound);
void tkt_leave_second(struct tkt_world *w, const struct timekeeper_ns *tn, u64 guard);
void tkt_random_steering(struct tkt_world *w, struct __kernel_timex *txc);
u64 tkt_find_tai(const struct tkt_world *w, const struct timekeeper_ns *tn, s64 ns);
u64 tkt_elapsed(struct timekeeper_ns *tn, timens_tk_op op, void *arg, int *ret);
s64 tkt_ideal(const struct clocksource *cs, struct timens_tk_rate rate, u64 cycles);
u64 tkt_rate_quantum(const struct tkt_world *w, struct timens_tk_rate rate, u32 shift);
u64 tkt_rate_interval(const struct clocksource *cs, struct timens_tk_rate rate);
u64 tkt_rate_drift(const struct tkt_world *w, struct timens_tk_rate rate, u32 shift,
		   u64 cycles);
void tkt_keep_raw(struct tkt_world *w);
int tkt_op_rate(struct timekeeper_ns *tn, void *data);
void tkt_read_all(const struct tkt_world *w, const struct tkt_actor *a, s64 *ns);
void tkt_expect_same_all(struct tkt_world *w, const struct tkt_actor *a, const s64 *before);
void tkt_set_rate(struct tkt_world *w, struct tkt_actor *a, struct timens_tk_rate rate);

#endif /* _KERNEL_TIME_TESTS_TIMENS_MOCK_H */
