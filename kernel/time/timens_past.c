// SPDX-License-Identifier: GPL-2.0
/*
 * What CLOCK_BOOTTIME of a time namespace was
 *
 * The start of a process is an instant of the past, and (pid, start time) is
 * how programs know a process again. For one viewer's namespace and one process
 * the shown start must therefore never change, whatever is done to the clock in
 * the meantime, and it should be what CLOCK_BOOTTIME of the viewer was at that
 * instant. The present offset of a steered clock is neither.
 *
 *
 * Two records
 * -----------
 *
 *  - A task which is forked into a namespace that owns its clock, or once did,
 *    carries what that clock read, and whose clock it was
 *    (task_struct::timens_start_clock). That is exact, and all that a container sees
 *    of its own processes.
 *
 *  - For all others (older than the ownership, or started elsewhere) there is a
 *    log of lines, which maps CLOCK_BOOTTIME of the host to that of the
 *    namespace:
 *
 *      namespace                        ______ line[2]: valid from host[2]
 *         |                     line[1]/
 *         |          __________-------'
 *         |   ______/ line[0]
 *         |  / constant offset: before host[0] the namespace followed
 *         +-------------+-----------+-------------- CLOCK_BOOTTIME of the host
 *                     host[0]     host[1]
 *
 *    A line is appended when the clock has left the last one by more than the
 *    tolerance, or is about to. A line holds from the present on. Nothing that
 *    can have been shown is changed by it, since what was started before lies
 *    on the lines before. Where the clock turns out to be behind the last line,
 *    the new one is clamped to the end of the last (floor), so that the order of
 *    starts is kept.
 *
 * The log is bounded: TIMENS_PAST_MAX lines. The tolerance doubles each time an
 * eighth of them is used up. It is a millisecond for the first, which is scaled
 * by a rate above one, as the tick of the host is then. When the log is full
 * the last line goes on for ever: what it maps is constant but inexact. That
 * concerns only tasks without the record of the first kind.
 *
 *
 * Who writes, who reads
 * ---------------------
 *
 * Lines are appended, looked up and moved to a larger array under tkd.lock. The
 * array grows in process context only, by a writer which holds tn->mutex, before
 * it changes the clock: if that fails, nothing was changed. A pass which leaves
 * little room has the worker of the namespace make more; until that has run, or
 * if it fails, passes work with what is left, and the last two lines are kept
 * for changes of the rate.
 *
 *   CPU 0 (pass)                         CPU 1 (reader of /proc/PID/stat)
 *   lock tkd, update, unlock seq
 *   the clock left the last line
 *     read host and namespace            fork() of the process: start = s
 *     append {host, ns}                  lock tkd: wait
 *   unlock tkd
 *                                        s < host: the line before. It was so
 *                                          before the append, too, and stays
 *
 * A process which starts between the reading of the pair and the append has
 * s > host and lies on the new line, which nobody has looked up yet, because
 * both take place under tkd.lock.
 *
 * A namespace which follows an owner has no log. Its past is that of the owner plus its
 * constant offset, and stays that when it becomes an owner: its log begins there.
 *
 * CONFIG_TIMEKEEPER_NS off, or no log: the constant offset, as in mainline.
 */
#include <linux/bits.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/memcontrol.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include "timekeeping_internal.h"
#include "timens_line.h"

/* Slopes are on the scale of 2^-40: 2000 * 2^40 < 2^51, a year is exact to 30 us */
#define TIMENS_PAST_SHIFT	40
#define TIMENS_PAST_ONE		BIT_ULL(TIMENS_PAST_SHIFT)
/*
 * A change of a tick length by less than 1/65536 is not looked at, for so long:
 * the clock leaves its line by at most a millisecond
 */
#define TIMENS_PAST_LOOK	(64 * HZ)
/* Lines for which only a change of the rate and a sleep are good enough */
#define TIMENS_PAST_KEPT	2

/*
 * Arithmetic
 */

/* The unclamped value of @line at @host */
static s64 timens_past_line_at(const struct timens_past_line *line, u64 host)
{
	u64 span = host - line->host, ns;

	/* The product of a rate of 2000 and 53 days does not fit any more */
	if (unlikely(span >= div64_u64(S64_MAX, (line->slope >> TIMENS_PAST_SHIFT) + 1)))
		ns = S64_MAX;
	else
		ns = mul_u64_u64_shr(span, line->slope, TIMENS_PAST_SHIFT);
	return min_t(u64, ns, S64_MAX - max(line->ns, 0)) + line->ns;
}

/**
 * timens_past_at - What CLOCK_BOOTTIME of the namespace was
 * @past:	The log, which has at least one line
 * @host:	CLOCK_BOOTTIME of the host (nsecs)
 *
 * Context: under the lock of the clock
 * Return: CLOCK_BOOTTIME of the namespace (nsecs). It may be negative: a
 * namespace can set its clock back behind the boot of the host. The value for
 * one @host never changes once @host has passed, and grows with @host.
 */
s64 timens_past_at(const struct timens_past *past, u64 host)
{
	const struct timens_past_line *line = past->line;
	unsigned int low = 0, high = past->nr, mid;

	if (host < line->host)
		return (s64)(host - line->host) + line->ns;
	while (high - low > 1) {
		mid = (low + high) / 2;
		if (past->line[mid].host <= host)
			low = mid;
		else
			high = mid;
	}
	line = &past->line[low];
	return max(timens_past_line_at(line, host), line->floor);
}

/**
 * timens_past_tolerance - How far the clock may leave the last line
 * @past:	The log
 * @rate:	Rate of the clock
 *
 * Return: the tolerance (nsecs of the namespace)
 */
s64 timens_past_tolerance(const struct timens_past *past, struct timens_tk_rate rate)
{
	u64 tolerance = (u64)NSEC_PER_MSEC << (past->nr / (TIMENS_PAST_MAX / 8));

	/* At most 2000 * 2^8 ms */
	if (rate.num > rate.den)
		tolerance = mul_u64_u64_div_u64(tolerance, rate.num, rate.den);
	return tolerance;
}

/**
 * timens_past_slope - What a namespace counts while the host counts one
 * @tick:	NTP tick length of the namespace (nsecs, scaled by 2^NTP_SCALE_SHIFT)
 * @host_tick:	that of the host
 * @rate:	Rate of the namespace
 *
 * The tick lengths are what NTP steers both clocks to. The multipliers dither
 * around that by a unit, which for the host is 0.15 ppm.
 *
 * Return: the slope, scaled by 2^40
 */
u64 timens_past_slope(u64 tick, u64 host_tick, struct timens_tk_rate rate)
{
	/* 2^55 * 2^40 / 2^53, then 2^42 * 10^9 / 1: the quotients fit */
	u64 slope = mul_u64_u64_div_u64(tick, TIMENS_PAST_ONE, host_tick);

	return mul_u64_u64_div_u64(slope, rate.num, rate.den);
}

/**
 * timens_past_append - Start a new line
 * @past:	The log
 * @host:	CLOCK_BOOTTIME of the host at which it starts, which is the present
 *		(nsecs)
 * @ns:		CLOCK_BOOTTIME of the namespace there (nsecs)
 * @slope:	Its slope, scaled by 2^40
 * @keep:	Lines which have to be left for others
 *
 * Context: under the lock of the clock
 * Return: true, or false if there is no room
 */
bool timens_past_append(struct timens_past *past, u64 host, s64 ns, u64 slope,
			unsigned int keep)
{
	struct timens_past_line *line, *last;
	s64 floor = S64_MIN;

	if (past->nr + keep >= past->size)
		return false;
	line = &past->line[past->nr];
	if (past->nr) {
		last = line - 1;
		/* A reader may have come after the counter which led to @host */
		host = max(host, last->host);
		floor = timens_past_at(past, host);
	}
	*line = (struct timens_past_line){
		.host = host, .ns = ns, .slope = slope, .floor = floor,
	};
	WRITE_ONCE(past->nr, past->nr + 1);
	return true;
}

/*
 * The log of a namespace
 */

/* When the clock, which is @off from the last line, leaves it with @slope */
static u64 timens_past_next_look(u64 slope, const struct timens_past_line *last, u64 off,
				 u64 tolerance)
{
	u64 apart = abs_diff(slope, last->slope), left;

	/* Left already, and no room for another line: not in each tick */
	if (off >= tolerance || !apart)
		return TIMENS_PAST_LOOK;
	/* Below 2^18 ms * 2^40 / 1 */
	left = mul_u64_u64_div_u64(tolerance - off, TIMENS_PAST_ONE, apart);
	return clamp(div_u64(left, TICK_NSEC), 1, TIMENS_PAST_LOOK);
}

/* What the clock counts while the host counts one, or while the machine sleeps */
static u64 timens_past_slope_now(const struct timens_past *past, bool asleep)
{
	if (!past->own)
		return TIMENS_PAST_ONE;
	/* No clock steers the time for which the machine sleeps */
	if (asleep)
		return timens_past_slope(past->host_tick, past->host_tick, past->rate);
	return timens_past_slope(past->tick, past->host_tick, past->rate);
}

/* Whether less is left than a change, and what passes need until the worker has run */
static bool timens_past_is_short(const struct timens_past *past)
{
	return past->size < READ_ONCE(past->nr) + 2 * TIMENS_PAST_KEPT &&
	       past->size < TIMENS_PAST_MAX;
}

/* The clocks are at @host and @ns (nsecs) */
static void timens_past_note(struct timekeeper_ns *tn, u64 host, s64 ns, bool own,
			     struct timens_tk_rate rate, bool asleep)
{
	struct timens_past *past = &tn->past;
	const struct timens_past_line *last;
	u64 slope, off, second;
	s64 tolerance;
	bool bent;

	bent = own != past->own || rate.num != past->rate.num || rate.den != past->rate.den;
	past->own = own;
	past->rate = rate;
	past->tick = tn->ntp.tick_length;
	past->host_tick = READ_ONCE(tk_core.timekeeper.ntp_tick);
	past->due = get_jiffies_64() + TIMENS_PAST_LOOK;
	slope = timens_past_slope_now(past, asleep);

	if (!past->nr) {
		/*
		 * Older tasks keep the constant offset with which they were shown, or the
		 * past of the owner which the namespace followed
		 */
		if (!tn->kept)
			ns = host + timespec64_to_ns(&tn->offs.boottime);
		timens_past_append(past, host, ns, slope, 0);
		return;
	}

	last = &past->line[past->nr - 1];
	tolerance = timens_past_tolerance(past, rate);
	off = abs_diff(timens_past_line_at(last, host), ns);
	second = mul_u64_u64_shr(abs_diff(slope, last->slope), NSEC_PER_SEC, TIMENS_PAST_SHIFT);
	if (bent || (asleep && slope != last->slope)) {
		if (timens_past_append(past, host, ns, slope, 0))
			return;
	} else if (off > tolerance || second > tolerance) {
		if (timens_past_append(past, host, ns, slope, TIMENS_PAST_KEPT)) {
			if (timens_past_is_short(past))
				queue_work(system_unbound_wq, &past->work);
			return;
		}
	}
	past->due = get_jiffies_64() + timens_past_next_look(slope, last, off, tolerance);
}

/* A clock which stands has a rate of zero, whatever it goes on with */
static struct timens_tk_rate timens_past_rate(const struct timekeeper_ns *tn)
{
	return tn->stopped ? (struct timens_tk_rate){ 0, 1 } : tn->rate;
}

/*
 * From where the clocks are, at @host and @ns (nsecs), back to where the present line of
 * the owner begins. What happened between that and the look was under the lock of the
 * clock, so nobody was shown a start of that time.
 */
static void timens_past_to_bend(const struct timekeeper_ns *tn, u64 *host, s64 *ns)
{
	u64 slope = timens_past_slope(tn->ntp.tick_length, READ_ONCE(tk_core.timekeeper.ntp_tick),
				      tn->rate);
	struct timespec64 bend;
	s64 since;

	timens_tk_read_at(tn, CLOCK_BOOTTIME, tn->cycle_now, &bend);
	since = *ns - timespec64_to_ns(&bend);
	if (since <= 0)
		return;
	*ns -= since;
	*host -= mul_u64_u64_div_u64(since, TIMENS_PAST_ONE, slope);
}

/**
 * timens_past_look - Append a line if the clock has left the last one
 * @tn:		The namespace, outside of its write section
 *
 * Context: any, under the lock of the clock
 */
void timens_past_look(struct timekeeper_ns *tn)
{
	struct timens_past *past = &tn->past;
	struct timens_tk_rate rate = { 1, 1 };
	struct timens_tk_pair p;
	u64 host;
	s64 ns;

	lockdep_assert_held(&tn->tkd.lock);

	/* A mock, or a follower which never owned its clock */
	if (!past->size || (!past->nr && tn->state != TIMENS_TK_OWN))
		return;
	/* The clocks are on two counters: who takes it to that of the host looks again */
	if (timens_tk_is_stale(tn) && tn->state == TIMENS_TK_OWN)
		return;

	timens_tk_read_pair_locked(tn->ns, CLOCK_BOOTTIME, CLOCK_BOOTTIME, &p);
	host = timespec64_to_ns(&p.host);
	ns = timespec64_to_ns(&p.ns);
	if (p.own)
		rate = timens_past_rate(tn);
	/*
	 * A rate holds from the bend on. As a rule that was a moment ago, but not for who has
	 * a virtual CPU, and a thousandth of a second of the host is a second of a fast clock:
	 *
	 *   CPU 0 (rate 1000, under tkd.lock)
	 *   bend at counter B
	 *   the CPU is taken away for 5 ms
	 *   look: the clock is 5 s further
	 */
	if (p.own && (!past->nr || past->rate.num != rate.num || past->rate.den != rate.den))
		timens_past_to_bend(tn, &host, &ns);
	timens_past_note(tn, host, ns, p.own, rate, false);
}

/**
 * timens_past_sleep - The same for an owner when the machine began to sleep
 * @tn:		The namespace
 * @host:	CLOCK_BOOTTIME of the host then (nsecs)
 * @ns:		That of the namespace (nsecs)
 *
 * Nobody can have been shown a start behind that, since the clock is stale until now.
 *
 * Context: any, under the lock of the clock
 */
void timens_past_sleep(struct timekeeper_ns *tn, u64 host, s64 ns)
{
	lockdep_assert_held(&tn->tkd.lock);

	if (tn->past.size)
		timens_past_note(tn, host, ns, true, timens_past_rate(tn), true);
}

/**
 * timens_past_move - BOOTTIME of a namespace is set before the first task enters
 * @tn:		The namespace, which no task has entered yet
 * @step:	What is added to the clock
 *
 * Nobody has seen the past of this clock: it moves along, as that of a
 * namespace without a log does.
 */
void timens_past_move(struct timekeeper_ns *tn, struct timespec64 step)
{
	struct timens_past *past = &tn->past;
	s64 ns = timespec64_to_ns(&step);
	unsigned int i;

	lockdep_assert_held(&tn->tkd.lock);

	past->from += ns;
	for (i = 0; i < past->nr; i++) {
		past->line[i].ns += ns;
		if (past->line[i].floor != S64_MIN)
			past->line[i].floor += ns;
	}
}

/*
 * Charge what the kernel keeps for a namespace to the cgroup to which the namespace
 * is charged, whoever makes it keep that: a worker, or somebody outside who sets the
 * clock. Undone by timens_past_uncharge() with what this returns.
 */
static struct mem_cgroup *timens_past_charge(struct timekeeper_ns *tn, struct mem_cgroup **memcg)
{
	rcu_read_lock();
	/* When a cgroup is removed, the parent takes over */
	do {
		*memcg = mem_cgroup_from_slab_obj(tn);
	} while (!mem_cgroup_tryget(*memcg));
	rcu_read_unlock();
	return set_active_memcg(*memcg);
}

static void timens_past_uncharge(struct mem_cgroup *old, struct mem_cgroup *memcg)
{
	set_active_memcg(old);
	mem_cgroup_put(memcg);
}

/**
 * timens_past_reserve - Make room in the log for what a writer may do
 * @tn:		The namespace, whose mutex the caller holds
 *
 * Context: process context, without the lock of the clock
 * Return: 0, or -ENOMEM
 */
int timens_past_reserve(struct timekeeper_ns *tn)
{
	struct timens_past *past = &tn->past;
	struct timens_past_line *line, *old;
	struct mem_cgroup *memcg, *active;
	unsigned long flags;
	unsigned int size;

	lockdep_assert_held(&tn->mutex);

	/* The size changes under the mutex only; a pass may take a line meanwhile */
	if (!timens_past_is_short(past))
		return 0;

	size = past->size ? 2 * past->size : TIMENS_PAST_MIN;
	active = timens_past_charge(tn, &memcg);
	line = kmalloc_array(size, sizeof(*line), GFP_KERNEL_ACCOUNT);
	timens_past_uncharge(active, memcg);
	if (!line)
		return -ENOMEM;

	raw_spin_lock_irqsave(&tn->tkd.lock, flags);
	old = past->line;
	if (past->nr)
		memcpy(line, old, past->nr * sizeof(*line));
	past->line = line;
	past->size = size;
	raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
	kfree(old);
	return 0;
}

/*
 * For a namespace which nobody writes to. The clock was not set, so this is not
 * the work which tells timers. If it fails, passes do without: the last line goes
 * on, as when the log is full, and a writer or the next line tries again. So it does
 * not wait for a writer, who may be at it for as long as his share of a CPU lasts: the
 * queue is everybody's, and has a limit.
 */
static void timens_past_work(struct work_struct *work)
{
	struct timekeeper_ns *tn = container_of(work, struct timekeeper_ns, past.work);

	if (!mutex_trylock(&tn->mutex))
		return;
	if (READ_ONCE(tn->past.nr))
		timens_past_reserve(tn);
	mutex_unlock(&tn->mutex);
}

/**
 * timens_past_copy - Give a new namespace the past of another one
 * @tn:		The new namespace, not visible to anybody yet
 * @from:	The other one, whose mutex the caller holds
 *
 * Return: 0, or -ENOMEM
 */
int timens_past_copy(struct timekeeper_ns *tn, struct timekeeper_ns *from)
{
	struct timens_past *past = &tn->past;
	unsigned long flags;

	lockdep_assert_held(&from->mutex);

	if (!from->past.size)
		return 0;
	past->line = kmalloc_array(from->past.size, sizeof(*past->line), GFP_KERNEL_ACCOUNT);
	if (!past->line)
		return -ENOMEM;

	raw_spin_lock_irqsave(&from->tkd.lock, flags);
	memcpy(past->line, from->past.line, from->past.nr * sizeof(*past->line));
	past->nr = from->past.nr;
	past->size = from->past.size;
	past->tick = from->past.tick;
	past->host_tick = from->past.host_tick;
	past->due = from->past.due;
	past->rate = from->past.rate;
	past->own = from->past.own;
	raw_spin_unlock_irqrestore(&from->tkd.lock, flags);
	return 0;
}

/**
 * timens_past_init - Initialize the log of a namespace
 * @tn:		The zeroed structure
 */
void timens_past_init(struct timekeeper_ns *tn)
{
	/* One each nanosecond would last for 584 years */
	static atomic64_t last = ATOMIC64_INIT(0);

	tn->past.id = atomic64_inc_return(&last);
	INIT_WORK(&tn->past.work, timens_past_work);
}

/**
 * timens_past_free - Free the log of a namespace
 * @tn:		The namespace, to which nobody refers any more
 *
 * Context: process context, without its mutex
 */
void timens_past_free(struct timekeeper_ns *tn)
{
	/* Passes are over, so nobody queues it again */
	cancel_work_sync(&tn->past.work);
	kfree(tn->past.line);
}

/*
 * Tasks
 */

/**
 * timens_tk_note_start - Note when a task starts, if its namespace has a log
 * @p:		The new task, not visible to anybody yet
 *
 * A namespace which follows again notes as well: where its clock came back to the
 * host's from a fast one, the log is ahead of it until it has caught up. One which
 * never owned its clock needs no note, since its offset is constant.
 *
 * Context: process context
 */
void timens_tk_note_start(struct task_struct *p)
{
	struct time_namespace *ns = p->nsproxy->time_ns;
	struct timekeeper_ns *tn = timens_tk_of(ns);
	struct timens_tk_pair pair;

	/* It is a copy of its parent */
	p->timens_start_clock = 0;
	/* The first line is appended after the clock is owned, which may be right now */
	if (!tn)
		return;
	/* The note of a follower of an owner is the owner's, as all of its past */
	tn = timens_tk_line_of(tn);
	if (!READ_ONCE(tn->past.nr) && READ_ONCE(tn->state) != TIMENS_TK_OWN)
		return;
	timens_tk_read_pair(tn->ns, CLOCK_BOOTTIME, CLOCK_BOOTTIME, &pair);
	p->timens_start_clock = tn->past.id;
	p->timens_start_boottime = timespec64_to_ns(&pair.ns);
}

/**
 * timens_tk_take_start - A thread takes the identity of its group leader
 * @p:		The thread
 * @leader:	The leader
 *
 * Context: as the copy of task_struct::start_boottime, in exec
 */
void timens_tk_take_start(struct task_struct *p, const struct task_struct *leader)
{
	p->timens_start_clock = leader->timens_start_clock;
	p->timens_start_boottime = leader->timens_start_boottime;
}

/*
 * When a task started, in the log of a clock which follows no owner.
 *
 * Return: false if that was before the log of a namespace which followed an owner then;
 * @start is what the log of that owner has to be shifted by
 */
static bool timens_past_start_line(struct timekeeper_ns *tn, const struct task_struct *p,
				   s64 *start)
{
	struct timens_past *past = &tn->past;
	unsigned long flags;
	bool before;

	if (!tn->kept && !READ_ONCE(past->nr)) {
		/* It never owned its clock: the offset is constant */
		*start = p->start_boottime + timespec64_to_ns(&tn->offs.boottime);
		return true;
	}
	/* A sleep may have ended a line which the clock has not seen yet */
	flags = timens_tk_lock_current(tn);
	before = tn->kept && (!past->nr || p->start_boottime < past->line[0].host);
	*start = before ? past->from : timens_past_at(past, p->start_boottime);
	raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
	return !before;
}

/*
 * The same in any namespace. From each owner the way leads to one which is older, so it
 * ends; nothing is locked meanwhile.
 */
static s64 timens_past_start(struct timekeeper_ns *tn, const struct task_struct *p)
{
	struct timekeeper_ns *owner;
	s64 shift = 0, start;

	for (;;) {
		owner = timens_tk_owner_of(tn);
		if (owner) {
			/* Constant since the first task entered */
			shift += timespec64_to_ns(&tn->offs.boottime);
			tn = owner;
		}
		if (p->timens_start_clock == tn->past.id)
			return p->timens_start_boottime + shift;
		if (timens_past_start_line(tn, p, &start))
			return start + shift;
		shift += start;
		tn = timens_tk_of(tn->kept);
		cond_resched();
	}
}

/**
 * timens_tk_start_boottime - When a task started, as current sees it
 * @p:		The task
 *
 * Context: process context
 * Return: CLOCK_BOOTTIME of the time namespace of current at that moment
 * (nsecs). It never changes, and is not below zero.
 */
u64 timens_tk_start_boottime(const struct task_struct *p)
{
	struct time_namespace *ns = current->nsproxy->time_ns;
	struct timekeeper_ns *tn = timens_tk_of(ns);

	if (!tn)
		return max_t(s64, p->start_boottime + timespec64_to_ns(&ns->offsets.boottime), 0);
	return max(timens_past_start(tn, p), 0);
}
