/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract between the rooms of the timekeepers of time namespaces: what a
 * clock is, and what each room gives to those below it. The rooms are listed in
 * the opening comment of timens_tk.c. Nothing else in the kernel includes this;
 * what the rooms give to it is in <linux/timekeeper_ns.h>.
 *
 * timens_smear.h, timens_past.h, timens_timer.h, timens_rate.h and timens_save.h, which this
 * includes, are the part of those rooms. timens_line.h and timens_page.h, which include this, have
 * what is inlined.
 */
#ifndef _KERNEL_TIME_TIMENS_INTERNAL_H
#define _KERNEL_TIME_TIMENS_INTERNAL_H

#include <linux/bitmap.h>
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/time_namespace.h>
#include <linux/timekeeper_internal.h>
#include <linux/timekeeper_ns.h>
#include <linux/timex.h>
#include <linux/workqueue.h>
#include <vdso/datapage.h>

#include "timens_past.h"
#include "timens_rate.h"
#include "timens_save.h"
#include "timens_smear.h"
#include "timens_timer.h"

struct audit_ntp_data;

/* Seconds which the pair (mult, shift) of a namespace has to cover */
#define TIMENS_TK_HORIZON	8
/*
 * The scale: times are kept in units of 2^-shift ns with shift <= 30. The
 * horizon at a rate of 1.25 plus a base of less than two seconds are
 * 12 * 10^9 * 2^30 < 2^64.
 */
#define TIMENS_TK_MAX_SHIFT	30
/*
 * A multiplier is refined up to 2^31 only, where 25 % more fit into 32 bits.
 * That of a clocksource alone may be above already, and is used as it is.
 */
#define TIMENS_TK_MULT_BITS	31
/* A leap edge is published when it is nearer than two passes (secs of the host) */
#define TIMENS_TK_EDGE_AHEAD	(2 * TIMENS_TK_PERIOD)
/*
 * Seconds between two passes of a clock which nothing bends, at the most: see
 * timens_tk_calm_ticks()
 */
#define TIMENS_TK_PERIOD	4
/* Slots of the calendar, one per tick; a power of two above TIMENS_TK_PERIOD * HZ */
#define TIMENS_TK_SLOTS		4096
/* Steps per tick unless set otherwise: see "Budget" in timens_tick.c */
#define TIMENS_TK_BUDGET	32
/*
 * How many budgets a tick may take where the counter wraps: at HZ=250, that of acpi_pm,
 * which wraps in 4.7 s and should not go on for 1.2 s, is in time with 18,000 owners. It
 * takes more where there are more.
 */
#define TIMENS_TK_HASTE		4
/* Steps of one pass or catch-up with interrupts disabled */
#define TIMENS_TK_STEPS		16U
/* Queues of users in which waits what a tick leaves over, and how much of that it sorts */
#define TIMENS_TK_SHARES	64U
#define TIMENS_TK_SORT		(4 * TIMENS_TK_BUDGET)
/* Distance of the wake timers of two crowds, and slack of one (nsecs) */
#define TIMENS_TK_WAKE_APART	(640 * NSEC_PER_USEC)
#define TIMENS_TK_WAKE_SLACK	(200 * NSEC_PER_USEC)
/* How long a static key stays on when nobody needs it any more (jiffies) */
#define TIMENS_TK_KEY_LINGER	(300 * HZ)
/* Changes of the host's timekeeping which are recorded: see "Records" in timens_change.c */
#define TIMENS_TK_CHANGES	16U
/* Steps of the host's clock which are remembered for timestamps from before */
#define TIMENS_TK_EPOCHS	16U

/**
 * enum timens_tk_state - Whose clock the tasks of a time namespace read
 * @TIMENS_TK_FOLLOW:	The host's plus constant offsets
 * @TIMENS_TK_OWN:	That of the namespace
 */
enum timens_tk_state {
	TIMENS_TK_FOLLOW,
	TIMENS_TK_OWN,
};

/**
 * struct timens_tk_raw - A point of CLOCK_MONOTONIC_RAW of the host
 * @cycles:	Counter value of the point
 * @sec:	Seconds of the clock
 * @xnsec:	Nanoseconds on top, in units of 2^-@shift ns
 * @mult:	Multiplier of the clocksource
 * @shift:	Shift of the clocksource
 */
struct timens_tk_raw {
	u64			cycles;
	u64			sec;
	u64			xnsec;
	u32			mult;
	u32			shift;
};

/**
 * enum timens_tk_change_kind - What happened to the host's timekeeping
 * @TIMENS_TK_CLOCKSOURCE: It counts another clocksource
 * @TIMENS_TK_SUSPEND:	It was suspended and resumed
 * @TIMENS_TK_SLEEP:	It learned from the RTC for how long it had been suspended
 */
enum timens_tk_change_kind {
	TIMENS_TK_CLOCKSOURCE,
	TIMENS_TK_SUSPEND,
	TIMENS_TK_SLEEP,
};

/**
 * struct timens_tk_change - The record of a change
 * @kind:	What happened
 * @old_cycles:	Counter value at the beginning, of the old clocksource
 * @cycles:	Counter value at the end, of the new clocksource
 * @old:	The old clocksource, of %TIMENS_TK_CLOCKSOURCE
 * @cs:		The new clocksource, of %TIMENS_TK_CLOCKSOURCE
 * @raw:	The host's CLOCK_MONOTONIC_RAW at the end
 * @sleep:	Time to inject, or zero
 * @boot:	The host's CLOCK_BOOTTIME at the beginning (nsecs), of %TIMENS_TK_SUSPEND
 */
struct timens_tk_change {
	enum timens_tk_change_kind kind;
	u64			old_cycles;
	u64			cycles;
	struct clocksource	*old;
	struct clocksource	*cs;
	struct timens_tk_raw	raw;
	struct timespec64	sleep;
	u64			boot;
};

/**
 * struct timens_tk_log - The changes which owners may have to go through yet
 * @epoch:	Number of the last change
 * @oldest:	Number of the last change which nobody needs any more
 * @change:	The changes in between, a ring
 *
 * Written under the lock of the calendar.
 */
struct timens_tk_log {
	u32			epoch;
	u32			oldest;
	struct timens_tk_change	change[TIMENS_TK_CHANGES];
};

/**
 * struct timens_tk_seen - What the timers of a namespace were projected with
 * @real_offset: CLOCK_REALTIME less MONOTONIC (nsecs)
 * @edge_sec:	CLOCK_REALTIME second of a pending leap second
 * @tai_offset:	CLOCK_TAI less REALTIME (secs)
 * @state:	enum timens_tk_state
 * @mult:	Multiplier
 * @shift:	and its scale
 */
struct timens_tk_seen {
	ktime_t			real_offset;
	time64_t		edge_sec;
	s32			tai_offset;
	u32			state;
	u32			mult;
	u32			shift;
};

/**
 * struct timens_tk_epoch - Between two steps of CLOCK_REALTIME
 * @start:	CLOCK_MONOTONIC at which it starts (nsecs)
 * @offs_real:	CLOCK_REALTIME minus MONOTONIC (nsecs)
 * @offs_boot:	CLOCK_BOOTTIME minus MONOTONIC (nsecs)
 */
struct timens_tk_epoch {
	ktime_t			start;
	ktime_t			offs_real;
	ktime_t			offs_boot;
};

/**
 * struct timens_tk_epochs - The last steps of CLOCK_REALTIME of the host
 * @last:	Index of the present epoch
 * @nr:		Number of epochs
 * @epoch:	The epochs, a ring
 */
struct timens_tk_epochs {
	unsigned int		last;
	unsigned int		nr;
	struct timens_tk_epoch	epoch[TIMENS_TK_EPOCHS];
};

/**
 * struct timekeeper_ns - The clock of a time namespace
 * @tkd:	The timekeeper. @tkd.seq protects what is read of the members from
 *		@state to @tz against readers, @tkd.lock serializes their updates
 * @node:	Link in a slot of the calendar, in the carry list or in the queue of its user
 * @due:	Tick at which the next pass is due
 * @home:	Tick, modulo the pass interval, at which the passes take place
 * @generation:	Generation of the calendar in which @home was chosen
 * @host_rate:	struct timens_tk_calendar::host_rate as of which a calm pass looked
 *		whether the clock has left its last line of the past
 * @state:	Whose clock is read, enum timens_tk_state
 * @epoch:	Number of the last change of the host's timekeeping which the clock went
 *		through; protected by @tkd.lock
 * @share:	The queue of its user: see timens_share.c
 * @log:	The log of these changes
 * @calm_until:	CLOCK_REALTIME second (of the timekeeper) up to which a pass may
 *		go the short way, 0 if the next one may not: see "Calm passes"
 *		in timens_tick.c
 * @vdata:	The vDSO data in the page of the namespace
 * @cycle_now:	Counter value from which the current line is valid; never
 *		before the last accumulated interval of @tkd.timekeeper
 * @max_cycles:	Largest delta (cycles) whose product with the multiplier fits
 *		into 64 bits, for the vDSO
 * @valid:	Largest distance from @cycle_now (cycles) at which the line may be read
 * @page_valid:	The same for the page, which has no leap second that is not near
 * @page_coarse: How many counter values of the line the page has for the coarse clocks
 * @span:	Twice the cycles between two passes: the time over which
 *		an error of the slope may add up
 * @raw_offset:	What the namespace adds to @raw; to that of the host while it follows,
 *		then protected as @offs
 * @raw:	Host's CLOCK_MONOTONIC_RAW at the last update
 *		if @rate is one; else that of the namespace, which counts the same
 *		cycles at its own rate
 * @ntp:	NTP state, linked as @tkd.ntp
 * @edge_step:	What the pending leap second adds to CLOCK_REALTIME (secs)
 * @ahead:	How near a leap second is published (secs of the namespace)
 * @edge_sec:	CLOCK_REALTIME second, not stepped yet, at which a reader adds
 *		@edge_step; TIME64_MAX if no edge is pending
 * @mult_tick:	NTP tick length (nsecs, scaled by 2^NTP_SCALE_SHIFT) for which
 *		the multiplier was computed
 * @rate:	Rate of all clocks, against that of the host
 * @stopped:	All clocks stand, at @cycle_now, and go on at @rate: see timens_rate.c
 * @stopped_at:	CLOCK_BOOTTIME of the host when the clock was stopped (nsecs)
 * @batch:	Seconds which NTP is told of at once, a power of two
 * @batch_left:	How many of them are still to come
 * @mono_ahead:	Seconds of CLOCK_MONOTONIC which did not pass since the boot, but
 *		stem from a constant offset; not negative
 * @smear:	Smear of leap seconds
 * @tz:		Time zone of the namespace, as set by settimeofday()
 * @ns:		The time namespace; no reference, the namespace owns the
 *		structure
 * @offs:	Offsets to the host while it follows, as of which it began to; to the clock of
 *		@owner if there is one. Protected by @tkd.seq and @tkd.lock
 * @owner:	The clock which the namespace follows in place of the host's, NULL if it does
 *		not. Set before anybody sees the namespace, and cleared when it becomes an
 *		owner, in a write section: see timens_nested.c
 * @kept:	The namespace of that clock, with a reference until this one is freed; constant
 * @followers:	Those which follow this clock, or did; protected by @followers_lock
 * @followers_lock: Is never held over a walk
 * @follower_node: Link in the list of the clock which the namespace follows, or did
 * @own_node:	Link in the list of all namespaces which own their clock
 * @mutex:	Serializes the writers in process context
 * @wake_timer:	Takes a pass which is needed when there is no tick; on the host's
 *		CLOCK_MONOTONIC
 * @seen:	What the clock was when its timers were moved last; protected by
 *		@tkd.lock
 * @moved:	The clock differs from @seen, so that its timers have to move;
 *		protected by @tkd.lock
 * @told:	The kernel log has said that the namespace owns its clock
 * @charged:	It counts for max_time_clocks; a mere follower of an owner does not
 * @entered:	A task has entered the namespace, or is about to; protected by @mutex. If
 *		that was before there was a clock, time_namespace::frozen_offsets says it
 * @timer_work:	Moves the timers when the change was made in atomic context
 * @free_work:	Frees @ns when a timer had the last reference
 * @all_node:	Link in the list of all namespaces
 * @timers:	The armed timers
 * @cancel:	The timerfds which are cancelled when CLOCK_REALTIME is set
 * @past:	What CLOCK_BOOTTIME was
 *
 * The members from @node to @generation and @own_node are protected by the lock
 * of the calendar.
 */
struct timekeeper_ns {
	struct tk_data		tkd;

	/* What each pass looks at, along with the head of @tkd and a line of @ntp */
	struct list_head	node;
	u64			due;
	u16			home;
	u16			generation;
	u16			host_rate;
	u16			state;
	u32			epoch;
	u16			share;
	const struct timens_tk_log *log;
	time64_t		calm_until;
	struct vdso_data	*vdata;
	u64			cycle_now;
	u64			max_cycles;
	u64			valid;
	u64			page_valid;
	u64			page_coarse;
	u64			span;
	struct timespec64	raw_offset;
	struct timens_tk_raw	raw;

	struct ntp_data		ntp;
	s32			edge_step;
	u32			ahead;
	time64_t		edge_sec;
	u64			mult_tick;
	struct timens_tk_rate	rate;
	bool			stopped;
	ktime_t			stopped_at;
	u32			batch;
	u32			batch_left;
	time64_t		mono_ahead;
	struct timens_smear	smear;
	struct timezone		tz;

	struct time_namespace	*ns;
	struct timens_offsets	offs;
	struct timekeeper_ns	*owner;
	struct time_namespace	*kept;
	struct list_head	followers;
	struct mutex		followers_lock;	/* see above */
	struct list_head	follower_node;
	struct list_head	own_node;
	struct mutex		mutex;	/* see above */
	struct hrtimer		wake_timer;
	struct timens_tk_seen	seen;
	bool			moved;
	bool			told;
	bool			charged;
	bool			entered;
	struct work_struct	timer_work;
	struct work_struct	free_work;
	struct list_head	all_node;

	struct timens_past	past;

	struct timens_timer_cancel cancel;
	struct timens_timer_base timers[TIMENS_TIMER_BASES];
};

/**
 * timens_tk_of - The clock of a namespace
 * @ns:		The namespace
 *
 * Return: its clock, NULL as long as nobody has written to it, and for the initial one
 */
static inline struct timekeeper_ns *timens_tk_of(const struct time_namespace *ns)
{
	/* Pairs with the release in timens_publish_tk() */
	return smp_load_acquire(&ns->tk);
}

/**
 * timens_tk_owner_of - The clock of an owner which a namespace follows
 * @tn:		The namespace
 *
 * It does not go before the namespace does, wherever this one goes meanwhile.
 *
 * Return: the clock, NULL if the namespace follows the host, or owns one
 */
static inline struct timekeeper_ns *timens_tk_owner_of(const struct timekeeper_ns *tn)
{
	/* Pairs with the release in timens_nested_part() */
	return smp_load_acquire(&tn->owner);
}

/* Where the clock of a namespace is kept: that of its owner if it follows one */
static inline struct timekeeper_ns *timens_tk_line_of(struct timekeeper_ns *tn)
{
	return timens_tk_owner_of(tn) ?: tn;
}

/* Whether what is read is the clock of an owner, its own or another's, or the host's */
static inline u32 timens_tk_state_of(struct timekeeper_ns *tn)
{
	return READ_ONCE(timens_tk_line_of(tn)->state);
}

/**
 * struct timens_tk_pair - A clock of a namespace and of the host at one instant
 * @ns:		Time in the namespace
 * @host:	Time on the host
 * @ns_mult:	Multiplier of the namespace, 0 if its clock stands
 * @host_mult:	Multiplier of the host, on the scale of @ns_mult
 * @edge_sec:	CLOCK_REALTIME second of a leap second of the namespace which is
 *		still ahead
 * @host_leap:	CLOCK_REALTIME second of a leap second which the host is going
 *		to insert, or whose insertion it has not noticed yet, or
 *		TIME64_MAX
 * @edge_step:	What is added at @edge_sec (secs)
 * @rate:	Rate of the namespace
 * @own:	The clock is that of an owner, be it another namespace
 */
struct timens_tk_pair {
	struct timespec64	ns;
	struct timespec64	host;
	u64			ns_mult;
	u64			host_mult;
	time64_t		edge_sec;
	time64_t		host_leap;
	s32			edge_step;
	struct timens_tk_rate	rate;
	bool			own;
};

/**
 * struct timens_tk_calendar - When which namespace takes its pass
 * @lock:	Protects the calendar, and the list of namespaces
 * @host:	The clock of the ticks
 * @tick:	The last tick that was served
 * @slot:	Namespaces by the tick at which they are due
 * @carry:	Namespaces which are due, the longest waiting one first
 * @share:	Namespaces which are due and for which there was no budget, by user: see
 *		timens_share.c
 * @shared:	Which of @share may have some, a bit each
 * @turn:	Whose turn it is in @share
 * @own:	Namespaces which own their clock, less those of @stale
 * @stale:	Owners which were not seen since the host's timekeeping changed
 * @log:	The changes
 * @load:	Number of namespaces by their home
 * @low:	Homes with the fewest namespaces, a bit each
 * @low_load:	Namespaces which each of those has
 * @interval:	Ticks between two passes of a namespace, 1 for every tick
 * @deadline:	Ticks after which a counter that wraps wants the next pass, or 0
 * @cursor:	Where the next home is taken, if it is one of @low
 * @phase:	@phase_tick modulo @interval
 * @phase_tick:	A tick, as a rule the one which comes next
 * @budget:	Steps per tick; no limit when @interval is 1
 * @generation:	Incremented when @interval changes
 * @nr_own:	Namespaces which own their clock
 * @passes:	Passes taken
 * @ticks:	Ticks which had a pass to serve
 * @carried:	Ticks which left passes to the next one because the budget was exhausted
 * @busy:	Passes which were put off because the clock was being set
 * @max_batch:	Most steps in one tick since @budget was set
 * @max_late:	Largest distance between due and taken (ticks)
 * @switches:	Switches between follow and own
 * @host_tick:	NTP tick length of the host (nsecs, scaled by 2^NTP_SCALE_SHIFT)
 *		when all timers were moved last for its sake
 * @host_seen:	The same, when @host_rate was incremented last
 * @host_rate:	Incremented when the host's clock changes its rate by more than 2^-17
 */
struct timens_tk_calendar {
	raw_spinlock_t		lock;
	const struct tk_data	*host;
	u64			tick;
	struct list_head	slot[TIMENS_TK_SLOTS];
	struct list_head	carry;
	struct list_head	share[TIMENS_TK_SHARES];
	u64			shared;
	unsigned int		turn;
	struct list_head	own;
	struct list_head	stale;
	struct timens_tk_log	log;
	u32			load[TIMENS_TK_SLOTS];
	DECLARE_BITMAP(low, TIMENS_TK_SLOTS);
	u32			low_load;
	unsigned int		interval;
	unsigned int		deadline;
	unsigned int		cursor;
	u32			phase;
	u64			phase_tick;
	unsigned int		budget;
	u16			generation;
	unsigned int		nr_own;
	u64			passes;
	u64			ticks;
	u64			carried;
	u64			busy;
	u64			max_batch;
	u64			max_late;
	u64			switches;
	u64			host_tick;
	u64			host_seen;
	u16			host_rate;
};

/*
 * timens_read.c. Any context but NMI; nothing is locked.
 */

extern atomic64_t timens_tk_patched;

void timens_tk_key_inc(struct static_key_false *key);
void timens_tk_read_pair(struct time_namespace *ns, clockid_t clk, clockid_t host_clk,
			 struct timens_tk_pair *p);
void timens_tk_read_pair_locked(struct time_namespace *ns, clockid_t clk, clockid_t host_clk,
				struct timens_tk_pair *p);
struct timespec64 timens_tk_offset(struct time_namespace *ns, clockid_t clk);
struct timespec64 timens_tk_raw_now(struct time_namespace *ns, struct timespec64 *host,
				    struct timens_tk_rate *rate);
ktime_t timens_tk_real_offset(struct timekeeper_ns *tn);

/*
 * KCSAN takes the end of a read section for the end of the one around it, too.
 * What follows belongs to that one still.
 */
static inline void timens_tk_section_goes_on(void)
{
	kcsan_atomic_next(KCSAN_SEQLOCK_REGION_MAX);
}

/*
 * timens_change.c. Replay and timens_tk_next_change() in a write section, the log under
 * the lock of its calendar.
 */

bool __timens_tk_replay(struct timekeeper_ns *tn, unsigned int *steps);
const struct timens_tk_change *timens_tk_next_change(const struct timekeeper_ns *tn);
void timens_tk_log_add(struct timens_tk_log *log, const struct timens_tk_change *change);
void timens_tk_log_drain(struct timens_tk_log *log);

/* Whether an owner has to go through changes of the host's timekeeping first */
static inline bool timens_tk_is_stale(const struct timekeeper_ns *tn)
{
	return unlikely(READ_ONCE(tn->epoch) != READ_ONCE(tn->log->epoch));
}

static inline bool timens_tk_replay(struct timekeeper_ns *tn, unsigned int *steps)
{
	return likely(!timens_tk_is_stale(tn)) || __timens_tk_replay(tn, steps);
}

/*
 * timens_stamp.c. For KUnit tests; the other users are outside.
 */

void timens_tk_epoch_add(struct timens_tk_epochs *log, ktime_t start, ktime_t offs_real,
			 ktime_t offs_boot);
ktime_t timens_tk_epoch_mono(const struct timens_tk_epochs *log, ktime_t real, ktime_t now,
			     ktime_t *slept);

/*
 * timens_wake.c
 */

void timens_tk_wake_init(struct timekeeper_ns *tn);
void timens_tk_arm_wake(struct timekeeper_ns *tn);
bool timens_tk_catch_up_some(struct timekeeper_ns *tn, unsigned int *steps);
bool timens_tk_is_due(const struct timekeeper_ns *tn, u64 cycles);
void timens_tk_catch_up(struct timekeeper_ns *tn);
void timens_tk_refresh(struct timekeeper_ns *tn);
unsigned long timens_tk_lock_current(struct timekeeper_ns *tn) __acquires(&tn->tkd.lock);

/*
 * timens_tick.c. The functions on a calendar want its lock. timens_tk_cal is the
 * one of the system, the others are mock calendars of KUnit tests.
 */

extern struct timens_tk_calendar timens_tk_cal;
extern unsigned int timens_tk_interval;

void timens_tk_tick_init(void);
void timens_tk_calendar_init(struct timens_tk_calendar *cal, u64 now);
void timens_tk_calendar_set(struct timens_tk_calendar *cal, unsigned int interval,
			    unsigned int deadline);
void timens_tk_calendar_add(struct timens_tk_calendar *cal, struct timekeeper_ns *tn, u64 now);
void timens_tk_calendar_del(struct timens_tk_calendar *cal, struct timekeeper_ns *tn);
void timens_tk_calendar_queue(struct timens_tk_calendar *cal, struct timekeeper_ns *tn, u64 now);
void timens_tk_calendar_hurry(struct timens_tk_calendar *cal, struct timekeeper_ns *tn,
			      u64 now, u64 due);
void timens_tk_calendar_collect(struct timens_tk_calendar *cal, u64 now);
struct timekeeper_ns *timens_tk_calendar_next(struct timens_tk_calendar *cal, u64 now,
					      unsigned int done);
u64 timens_tk_aligned_ticks(const struct timekeeper_ns *tn, const struct tk_data *host);
unsigned int timens_tk_wrap_ticks(const struct timekeeper *tk);
unsigned int timens_tk_calm_ticks(const struct timekeeper *tk);
void timens_tk_join(struct timens_tk_calendar *cal, struct timekeeper_ns *tn);
void timens_tk_expect_tick(void);
void timens_tk_bring_forward(struct timekeeper_ns *tn, u64 ticks);
void timens_tk_rejoin(struct timekeeper_ns *tn);
void timens_tk_pass_at(struct timekeeper_ns *tn, const struct timens_tk_raw *raw, u64 cycles);
unsigned int timens_tk_serve_stale(struct timens_tk_calendar *cal, u64 now, unsigned int most);

/*
 * timens_share.c. Under the lock of the calendar, but for the first one.
 */

unsigned int timens_share_of(const struct time_namespace *ns);
void timens_share_add(struct timens_tk_calendar *cal, struct timekeeper_ns *tn);
void timens_share_sort(struct timens_tk_calendar *cal);
struct timekeeper_ns *timens_share_next(struct timens_tk_calendar *cal);

/*
 * timens_own.c. Process context.
 */

bool timens_own_allowed(const struct time_namespace *ns);
int timens_own_charge(struct time_namespace *ns);
void timens_own_give(struct time_namespace *ns);
void timens_own_tell(struct time_namespace *ns);
void timens_own_audit(const struct time_namespace *ns, const char *op,
		      const struct timespec64 *step, const struct timens_tk_rate *rate,
		      const struct audit_ntp_data *ntp);

/*
 * timens_nested.c. timens_nested_take() and timens_nested_part() in a write section, under the
 * lock of either clock; the others in process context.
 */

void timens_nested_init(struct timekeeper_ns *tn);
void timens_nested_join(struct timekeeper_ns *tn, struct timekeeper_ns *from,
			struct timekeeper_ns *owner);
void timens_nested_leave(struct timekeeper_ns *tn);
void timens_nested_setup_page(const struct timekeeper_ns *tn, struct vdso_data *vdata);
void timens_nested_set_offsets(struct timekeeper_ns *tn, const struct timens_offsets *offs,
			       bool raw_too);
void timens_nested_take(struct timekeeper_ns *tn, const struct timekeeper_ns *owner);
void timens_nested_part(struct timekeeper_ns *tn);

/*
 * timens_set.c. Process context, except for what KUnit calls: those marked "do"
 * and timens_tk_write() run in a write section, under the lock of the clock.
 */

/* What modifies the clock of a namespace; a negative result changes nothing */
typedef int (*timens_tk_op)(struct timekeeper_ns *tn, void *arg);

extern atomic64_t timens_tk_steps;

int timens_tk_modify(struct time_namespace *ns, timens_tk_op op, void *arg);
void timens_tk_stepped(struct time_namespace *ns, const struct timespec64 *step);
int timens_tk_follow(struct time_namespace *ns);
int timens_tk_write(struct timekeeper_ns *tn, const struct tk_data *host,
		    const struct timens_offsets *offs, timens_tk_op op, void *arg);
int timens_tk_write_nested(struct timekeeper_ns *tn, const struct timekeeper_ns *owner,
			   timens_tk_op op, void *arg);
int timens_tk_do_settime(struct timekeeper_ns *tn, const struct timespec64 *ts,
			 struct timespec64 *step);
int timens_tk_do_adjtimex(struct timekeeper_ns *tn, struct __kernel_timex *txc,
			  struct timespec64 *step, struct audit_ntp_data *ad);
int timens_tk_show_timex(struct timekeeper_ns *tn, struct __kernel_timex *txc, u64 cycles);
int timens_tk_do_policy(struct timekeeper_ns *tn, const struct timens_smear_policy *policy);
bool timens_tk_timex_reads(const struct __kernel_timex *txc);

/*
 * timens_tk.c. For KUnit tests.
 */

void timens_tk_init_instance(struct timekeeper_ns *tn);

/*
 * timens_state.c. For KUnit tests.
 */

int timens_tk_parse_rate(const char *text, struct timens_tk_rate *rate);

#endif /* _KERNEL_TIME_TIMENS_INTERNAL_H */
