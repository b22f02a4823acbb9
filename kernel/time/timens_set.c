// SPDX-License-Identifier: GPL-2.0
/*
 * Setting the clock of a time namespace
 *
 * settimeofday(), clock_settime() and adjtimex() of a task in a namespace, the
 * commands of timens_clock, the offsets before the first task, and giving the
 * clock back. All of them run in process context under timekeeper_ns::mutex.
 *
 *
 * Switch follow -> own
 * --------------------
 *
 * The host's timekeeper and NTP state are copied under the host's lock, at one
 * counter value. The finer multiplier of a namespace is that of the host with
 * more bits below, so the copy continues the host's line exactly:
 *
 *   CPU 0 (settime in the namespace)     CPU 1 (stop_machine: new clocksource)
 *   lock tk_core, calendar, namespace
 *   copy, state = own, number of the
 *     last change
 *   add to the list of owners
 *   unlock all
 *                                        lock tk_core, calendar
 *                                        hold the page of each owner on the
 *                                          list, record, new number
 *
 * State and list change under the same lock, or the namespace could miss the
 * change and be left with the old counter.
 *
 *
 * Asking for the NTP state
 * ------------------------
 *
 * adjtimex() without modes is for everybody, and followers ask for that of their owner, as
 * many as there may be of them. So it takes the lock of the clock, as on the host, and no
 * mutex: a task whose cgroup has used up its share would sleep with that and hold up
 * whoever sets the clock, and every task would wait while that one walks the timers of all
 * followers. And it writes only when the clock has something to do (timens_tk_is_due()),
 * once in a second: else readers in the vDSO would find the page written all the time.
 *
 *   CPU 0 (adjtimex)                     CPU 1 (settime in the owner)
 *                                        lock mutex
 *   lock clock
 *   nothing is due: read                 lock clock: wait
 *   unlock
 *                                        set, unlock clock
 *   lock clock, read, unlock             walk timers
 *                                        unlock mutex
 *
 *   CPU 0 (adjtimex)                     CPU 1 (follow: see timens_tk_follow())
 *                                        lock mutex
 *                                        a tick behind the bend: none yet, wait
 *   lock clock
 *   a second is over: bend, unlock
 *                                        a tick behind the bend: no, wait for another
 *   lock clock
 *   nothing is due: read, unlock
 *                                        yes: state = follow
 *   lock clock
 *   it follows: unlock, ask the host
 */
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>
#include <trace/events/timens_tk.h>

#include "timekeeping.h"
#include "timens_page.h"

/* Steps of CLOCK_REALTIME of own clocks since boot */
atomic64_t timens_tk_steps;

/*
 * @raw_offset is that of CLOCK_MONOTONIC_RAW to @host, which the section is the first to
 * write: a reader must not see it together with what the clock was.
 */
static int __timens_tk_write(struct timekeeper_ns *tn, const struct tk_data *host,
			     const struct timens_offsets *offs, struct timespec64 raw_offset,
			     timens_tk_op op, void *arg)
{
	struct timespec64 was = tn->raw_offset;
	struct timens_tk_raw raw;
	int ret;

	lockdep_assert_held(&tn->tkd.lock);

	if (host)
		timens_tk_host_raw(host, &raw);
	timens_tk_update_begin(tn);
	tn->raw_offset = raw_offset;
	if (host) {
		struct clocksource *cs = host->timekeeper.tkr_mono.clock;

		timens_tk_take(tn, host, offs, cs->read(cs));
		timens_tk_set_raw(tn, &raw);
	} else {
		timens_tk_forward_to(tn, timens_tk_counter(tn));
	}
	ret = op(tn, arg);
	if (ret >= 0) {
		timens_tk_retune(tn, 0);
		timens_tk_update_edge(tn);
		if (unlikely(tn->owner))
			timens_nested_part(tn);
		tn->state = TIMENS_TK_OWN;
	} else {
		tn->raw_offset = was;
	}
	timens_tk_update_end(tn);
	return ret;
}

/**
 * timens_tk_write - One write section of a setter
 * @tn:		The namespace
 * @host:	The clock to take over from if the namespace follows, or NULL
 * @offs:	The constant offsets to @host
 * @op:		The modification
 * @arg:	Argument for @op
 *
 * Brings the clock up to the present and runs @op on it. If that succeeds the
 * namespace owns its clock.
 *
 * Context: under the locks of the namespace and of @host
 * Return: what @op returns; a negative value is an error, which changes nothing
 */
int timens_tk_write(struct timekeeper_ns *tn, const struct tk_data *host,
		    const struct timens_offsets *offs, timens_tk_op op, void *arg)
{
	return __timens_tk_write(tn, host, offs, tn->raw_offset, op, arg);
}

/* A setter of a namespace which follows the host: the first one */
static int timens_tk_modify_follow(struct time_namespace *ns, timens_tk_op op, void *arg)
{
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct timekeeper_ns *tn = ns->tk;
	unsigned long flags;
	bool moved;
	int ret;

	raw_spin_lock_irqsave(&tk_core.lock, flags);
	raw_spin_lock(&cal->lock);
	raw_spin_lock(&tn->tkd.lock);
	ret = timens_tk_write(tn, &tk_core, &tn->offs, op, arg);
	if (ret >= 0) {
		timens_tk_join(cal, tn);
		cal->switches++;
	}
	moved = timens_tk_take_moved(tn);
	raw_spin_unlock(&tn->tkd.lock);
	raw_spin_unlock(&cal->lock);
	raw_spin_unlock_irqrestore(&tk_core.lock, flags);

	if (ret >= 0)
		trace_timens_tk_switch(ns->ns.inum, true);
	if (moved)
		timens_timer_clock_moved(tn);
	return ret;
}

/**
 * timens_tk_write_nested - One write section of a setter in a follower of an owner
 * @tn:		The follower
 * @owner:	The owner, which counts what the host counts
 * @op:		The modification
 * @arg:	Argument for @op
 *
 * As timens_tk_write(), but the clock is taken over from @owner.
 *
 * Context: under the lock of either clock
 * Return: what @op returns; a negative value is an error, which changes nothing
 */
int timens_tk_write_nested(struct timekeeper_ns *tn, const struct timekeeper_ns *owner,
			   timens_tk_op op, void *arg)
{
	struct timespec64 raw_offset = tn->raw_offset;
	int ret;

	lockdep_assert_held(&tn->tkd.lock);
	lockdep_assert_held(&owner->tkd.lock);

	timens_tk_update_begin(tn);
	timens_nested_take(tn, owner);
	timens_tk_forward_to(tn, timens_tk_counter(tn));
	ret = op(tn, arg);
	if (ret >= 0) {
		timens_tk_retune(tn, 0);
		timens_tk_update_edge(tn);
		timens_nested_part(tn);
	} else {
		tn->state = TIMENS_TK_FOLLOW;
		tn->raw_offset = raw_offset;
	}
	timens_tk_update_end(tn);
	return ret;
}

/* The same if the owner has given its clock back: it is the host's plus two constants */
static int timens_tk_write_nested_follow(struct timekeeper_ns *tn,
					 const struct timekeeper_ns *owner,
					 timens_tk_op op, void *arg)
{
	struct timens_offsets offs = {
		.monotonic = timespec64_add(owner->offs.monotonic, tn->offs.monotonic),
		.boottime = timespec64_add(owner->offs.boottime, tn->offs.boottime),
	};

	return __timens_tk_write(tn, &tk_core, &offs,
				 timespec64_add(owner->raw_offset, tn->raw_offset), op, arg);
}

/* A setter of a namespace which follows an owner: see "A follower becomes an owner" */
static int timens_tk_modify_nested(struct time_namespace *ns, timens_tk_op op, void *arg)
{
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct timekeeper_ns *tn = ns->tk, *owner = tn->owner;
	unsigned long flags;
	bool moved;
	int ret;

	ret = timens_own_charge(ns);
	if (ret)
		return ret;
	for (;;) {
		timens_tk_catch_up(owner);
		raw_spin_lock_irqsave(&tk_core.lock, flags);
		raw_spin_lock(&cal->lock);
		raw_spin_lock(&owner->tkd.lock);
		if (owner->state != TIMENS_TK_OWN || !timens_tk_is_stale(owner))
			break;
		raw_spin_unlock(&owner->tkd.lock);
		raw_spin_unlock(&cal->lock);
		raw_spin_unlock_irqrestore(&tk_core.lock, flags);
	}
	raw_spin_lock_nested(&tn->tkd.lock, SINGLE_DEPTH_NESTING);
	tn->past.from = timespec64_to_ns(&tn->offs.boottime);
	if (owner->state == TIMENS_TK_OWN)
		ret = timens_tk_write_nested(tn, owner, op, arg);
	else
		ret = timens_tk_write_nested_follow(tn, owner, op, arg);
	if (ret >= 0) {
		tn->charged = true;
		timens_tk_join(cal, tn);
		cal->switches++;
	}
	moved = timens_tk_take_moved(tn);
	raw_spin_unlock(&tn->tkd.lock);
	raw_spin_unlock(&owner->tkd.lock);
	raw_spin_unlock(&cal->lock);
	raw_spin_unlock_irqrestore(&tk_core.lock, flags);

	if (ret < 0) {
		timens_own_give(ns);
		return ret;
	}
	/* What the host did since then is in its clock, and its timers are walked behind it */
	timens_timer_add_ns(tn);
	trace_timens_tk_switch(ns->ns.inum, true);
	if (moved)
		timens_timer_clock_moved(tn);
	return ret;
}

/* A setter of a namespace which owns its clock */
static int timens_tk_modify_own(struct time_namespace *ns, timens_tk_op op, void *arg)
{
	struct timekeeper_ns *tn = ns->tk;
	unsigned long flags;
	bool moved, goes;
	u64 ticks;
	int ret;

	/* What is left for the section is little */
	flags = timens_tk_lock_current(tn);
	goes = tn->stopped;
	ret = timens_tk_write(tn, NULL, NULL, op, arg);
	goes = goes && !tn->stopped;
	ticks = timens_tk_aligned_ticks(tn, &tk_core);
	timens_tk_arm_wake(tn);
	moved = timens_tk_take_moved(tn);
	raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);

	if (unlikely(goes))
		timens_tk_rejoin(tn);
	timens_tk_bring_forward(tn, ticks);
	if (moved)
		timens_timer_clock_moved(tn);
	return ret;
}

/**
 * timens_tk_modify - Change the clock of a namespace
 * @ns:		The namespace
 * @op:		The change
 * @arg:		Argument for @op
 *
 * Run @op on the clock of @ns, brought up to the present, and make the
 * namespace an owner if it was none.
 *
 * Context: process context
 * Return: what @op returns, -ENOMEM, -EOPNOTSUPP if the namespace may not own a
 * clock, -EPERM if besides it follows an owner, so that the host's clock is not meant,
 * -ENOSPC if too many own one; a negative value changes nothing
 */
int timens_tk_modify(struct time_namespace *ns, timens_tk_op op, void *arg)
{
	struct timekeeper_ns *tn = timens_tk_of(ns);
	bool follow;
	int ret;

	if (!tn) {
		if (!timens_own_allowed(ns))
			return -EOPNOTSUPP;
		ret = timens_tk_give(ns);
		if (ret)
			return ret;
		tn = ns->tk;
	}
	mutex_lock(&tn->mutex);
	follow = tn->state == TIMENS_TK_FOLLOW;
	if (follow && !timens_own_allowed(ns)) {
		ret = timens_tk_state_of(tn) == TIMENS_TK_OWN ? -EPERM : -EOPNOTSUPP;
		goto out;
	}
	ret = timens_past_reserve(tn);
	if (!ret) {
		if (follow && tn->owner)
			ret = timens_tk_modify_nested(ns, op, arg);
		else if (follow)
			ret = timens_tk_modify_follow(ns, op, arg);
		else
			ret = timens_tk_modify_own(ns, op, arg);
	}
out:
	mutex_unlock(&tn->mutex);
	if (follow && ret >= 0)
		timens_own_tell(ns);
	return ret;
}

/**
 * timens_tk_stepped - Count that CLOCK_REALTIME of a namespace was set
 * @ns:		The namespace
 * @step:	By how much
 */
void timens_tk_stepped(struct time_namespace *ns, const struct timespec64 *step)
{
	atomic64_inc(&timens_tk_steps);
	trace_timens_tk_step(ns->ns.inum, step->tv_sec, step->tv_nsec);
}

/* A step ends a smear. A leap second whose edge has passed was taken. */
static void timens_tk_end_smear(struct timekeeper_ns *tn)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	struct timens_smear *s = &tn->smear;

	if (likely(s->state == TIMENS_SMEAR_NONE))
		return;
	if (s->committed) {
		tk_set_tai_offset(tk, tk->tai_offset - s->step);
		ntp_leap_done(&tn->ntp);
	}
	s->state = TIMENS_SMEAR_NONE;
	s->committed = false;
}

/* What a smear adds to CLOCK_REALTIME at present */
static struct timespec64 timens_tk_phase(const struct timekeeper_ns *tn)
{
	if (likely(tn->smear.state == TIMENS_SMEAR_NONE))
		return (struct timespec64){ 0 };
	return ns_to_timespec64(timens_smear_phase(&tn->smear,
						   timens_tk_unsmeared(tn, tn->cycle_now)));
}

/**
 * timens_tk_do_settime - Set CLOCK_REALTIME of an own clock
 * @tn:		The namespace, forwarded to the present and locked
 * @ts:		The new time, valid for settimeofday()
 * @step:	Storage for the resulting step
 *
 * Return: 0 on success, -EINVAL for a time before the start of CLOCK_MONOTONIC
 */
int timens_tk_do_settime(struct timekeeper_ns *tn, const struct timespec64 *ts,
			 struct timespec64 *step)
{
	struct timespec64 delta, phase = timens_tk_phase(tn);
	struct timekeeper *tk = &tn->tkd.timekeeper;
	int ret;

	/* A leap second which readers see already is part of what is stepped from */
	ret = tk_set_time(tk, ts, tn->mono_ahead, &delta);
	if (ret)
		return ret;
	*step = timespec64_sub(delta, phase);
	timens_tk_end_smear(tn);
	timens_tk_clear_ntp(tn);
	return 0;
}

/**
 * timens_tk_timex_reads - Whether an adjtimex() request only reads
 * @txc:	The request
 *
 * Return: true if @txc changes nothing
 */
bool timens_tk_timex_reads(const struct __kernel_timex *txc)
{
	if (txc->modes & ADJ_SETOFFSET)
		return false;
	if (txc->modes & ADJ_ADJTIME)
		return txc->modes & ADJ_OFFSET_READONLY;
	return !txc->modes;
}

static int timens_tk_timex_at(struct timekeeper_ns *tn, struct __kernel_timex *txc, u64 cycles,
			      s32 *tai, struct audit_ntp_data *ad)
{
	struct timespec64 ts;

	/* Without a pending leap second, which __do_adjtimex() applies itself */
	timens_tk_own_line(tn, CLOCK_REALTIME, cycles, &ts);
	timens_tk_add_smear(tn, &ts);
	return __do_adjtimex(&tn->ntp, txc, &ts, tai, tn->tkd.timekeeper.xtime_sec, ad);
}

/**
 * timens_tk_show_timex - adjtimex() on an own clock, if it only reads
 * @tn:		The namespace, which has nothing to do before @cycles (timens_tk_is_due())
 * @txc:	The request; filled with the state of the clock
 * @cycles:	Counter value of the present
 *
 * Context: under the lock of the clock
 * Return: the clock state TIME_*
 */
int timens_tk_show_timex(struct timekeeper_ns *tn, struct __kernel_timex *txc, u64 cycles)
{
	s32 tai = tn->tkd.timekeeper.tai_offset;
	struct audit_ntp_data ad;

	return timens_tk_timex_at(tn, txc, cycles, &tai, &ad);
}

/**
 * timens_tk_do_adjtimex - adjtimex() on an own clock
 * @tn:		The namespace, forwarded to the present and locked
 * @txc:	The validated request, which changes something; filled with the state of the
 *		clock
 * @step:	Storage for the step of ADJ_SETOFFSET
 * @ad:		Storage for the values which changed, for the audit log
 *
 * Return: the clock state TIME_* on success, -EINVAL if the offset of
 * ADJ_SETOFFSET leads out of the range of the clock
 */
int timens_tk_do_adjtimex(struct timekeeper_ns *tn, struct __kernel_timex *txc,
			  struct timespec64 *step, struct audit_ntp_data *ad)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	struct timespec64 ts;
	s32 tai;
	int ret;

	if (txc->modes & ADJ_SETOFFSET) {
		step->tv_sec = txc->time.tv_sec;
		step->tv_nsec = txc->time.tv_usec;
		if (!(txc->modes & ADJ_NANO))
			step->tv_nsec *= NSEC_PER_USEC;
		/* From what is read, a smear included */
		ts = timespec64_add(*step, timens_tk_phase(tn));
		ret = tk_inject_offset(tk, &ts, tn->mono_ahead);
		if (ret)
			return ret;
		timens_tk_end_smear(tn);
		timens_tk_clear_ntp(tn);
	}

	tai = tk->tai_offset;
	/* It is the next second which obeys, not the next of many: a leap second may be near */
	if (tn->batch_left) {
		ntp_cut_seconds(&tn->ntp, tn->batch_left);
		tn->batch_left = 0;
	}
	audit_ntp_init(ad);
	ret = timens_tk_timex_at(tn, txc, tn->cycle_now, &tai, ad);
	if (tai != tk->tai_offset)
		tk_set_tai_offset(tk, tai);
	return ret;
}

/**
 * timens_tk_do_policy - Say what the leap seconds of an own clock do
 * @tn:		The namespace, forwarded to the present and locked
 * @policy:	The policy
 *
 * Return: 0, or -EBUSY if a leap second is being smeared in another way
 */
int timens_tk_do_policy(struct timekeeper_ns *tn, const struct timens_smear_policy *policy)
{
	struct timens_smear *s = &tn->smear;
	const struct timens_smear_policy *old = &s->policy;

	if (old->preset == policy->preset && old->shape == policy->shape &&
	    old->window == policy->window && old->place == policy->place)
		return 0;
	if (s->state == TIMENS_SMEAR_RUNNING || s->state == TIMENS_SMEAR_BACK)
		return -EBUSY;
	s->policy = *policy;
	s->state = TIMENS_SMEAR_NONE;
	ntp_smear_leap(&tn->ntp, policy->preset != TIMENS_SMEAR_STEP);
	return 0;
}

/**
 * timens_tk_current - Whether a write of current is for its own clock
 *
 * Return: true if current is in a time namespace which owns its clock or follows an owner,
 * or which may become an owner; see timens_own.c
 */
bool timens_tk_current(void)
{
	struct time_namespace *ns = current->nsproxy->time_ns;
	struct timekeeper_ns *tn;

	if (ns == &init_time_ns)
		return false;
	tn = timens_tk_of(ns);
	return timens_own_allowed(ns) || (tn && timens_tk_state_of(tn) == TIMENS_TK_OWN);
}

struct timens_tk_settime_arg {
	const struct timespec64	*tv;
	const struct timezone	*tz;
	struct timespec64	step;
};

static int timens_tk_settime_op(struct timekeeper_ns *tn, void *data)
{
	struct timens_tk_settime_arg *arg = data;
	int ret = 0;

	if (arg->tv)
		ret = timens_tk_do_settime(tn, arg->tv, &arg->step);
	if (!ret && arg->tz)
		tn->tz = *arg->tz;
	return ret;
}

/**
 * timens_tk_settimeofday - Set the clock of the namespace of current
 * @tv:		New CLOCK_REALTIME, or NULL
 * @tz:		New time zone, or NULL
 *
 * Return: 0, -EINVAL or -EPERM, in the order in which do_sys_settimeofday64()
 * looks at its arguments
 */
int timens_tk_settimeofday(const struct timespec64 *tv, const struct timezone *tz)
{
	struct time_namespace *ns = current->nsproxy->time_ns;
	struct timens_tk_settime_arg arg = { .tv = tv, .tz = tz };
	int ret;

	if (tv && !timespec64_valid_settod(tv))
		return -EINVAL;
	if (!ns_capable(ns->user_ns, CAP_SYS_TIME))
		return -EPERM;
	if (tz && (tz->tz_minuteswest > 15 * 60 || tz->tz_minuteswest < -15 * 60))
		return -EINVAL;
	if (!tv && !tz)
		return 0;

	ret = timens_tk_modify(ns, timens_tk_settime_op, &arg);
	/* It may not own a clock any more, and has given back the one which it had */
	if (ret == -EOPNOTSUPP)
		return do_sys_settimeofday64(tv, tz);
	if (!ret && tv)
		timens_tk_stepped(ns, &arg.step);
	if (!ret)
		timens_own_audit(ns, tv ? "settime" : "zone", &arg.step, NULL, NULL);
	return ret;
}

struct timens_tk_timex_arg {
	struct __kernel_timex	*txc;
	struct timespec64	step;
	struct audit_ntp_data	ad;
};

static int timens_tk_timex_op(struct timekeeper_ns *tn, void *data)
{
	struct timens_tk_timex_arg *arg = data;

	return timens_tk_do_adjtimex(tn, arg->txc, &arg->step, &arg->ad);
}

/* See "Asking for the NTP state". Returns -ENOENT if @tn follows the host. */
static int timens_tk_read_timex(struct timekeeper_ns *tn, struct __kernel_timex *txc)
{
	unsigned int steps = UINT_MAX;
	unsigned long flags;
	int ret = -ENOENT;
	u64 now;

	flags = timens_tk_lock_current(tn);
	if (tn->state == TIMENS_TK_OWN) {
		now = timens_tk_counter(tn);
		/* Few steps: its line was valid a moment ago */
		if (timens_tk_is_due(tn, now))
			timens_tk_catch_up_some(tn, &steps);
		ret = timens_tk_show_timex(tn, txc, now);
	}
	raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
	return ret;
}

/**
 * timens_tk_adjtimex - adjtimex() for the namespace of current
 * @txc:	The request; filled with the state of the clock
 *
 * The RTC and PPS belong to the host and are not involved.
 *
 * Return: the clock state TIME_* on success, or the error which the host's
 * clock gives
 */
int timens_tk_adjtimex(struct __kernel_timex *txc)
{
	struct time_namespace *ns = current->nsproxy->time_ns;
	struct timens_tk_timex_arg arg = { .txc = txc };
	struct timekeeper_ns *tn = timens_tk_of(ns);
	int ret;

	ret = timekeeping_validate_timex(txc, ns->user_ns);
	if (ret)
		return ret;

	if (timens_tk_timex_reads(txc)) {
		ret = tn ? timens_tk_read_timex(timens_tk_line_of(tn), txc) : -ENOENT;
		return ret == -ENOENT ? do_adjtimex(txc) : ret;
	}

	ret = timens_tk_modify(ns, timens_tk_timex_op, &arg);
	/* As in timens_tk_settimeofday() */
	if (ret == -EOPNOTSUPP)
		return do_adjtimex(txc);
	if (ret >= 0 && txc->modes & ADJ_SETOFFSET)
		timens_tk_stepped(ns, &arg.step);
	if (ret >= 0)
		timens_own_audit(ns, "adjtimex", &arg.step, NULL, &arg.ad);
	return ret;
}

/*
 * Offsets before the first task
 */

static void timens_tk_offsets_op(struct timekeeper_ns *tn, const struct timens_offsets *offs,
				 bool raw_too)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	const struct timekeeper *host = &tk_core.timekeeper;
	struct timespec64 mono, boot, own;
	u64 now = tn->stopped ? timens_tk_counter(tn) : tn->cycle_now;
	struct timens_tk_raw raw;
	u64 delta;

	/* Serialized against the host by its lock, see the caller */
	delta = timens_tk_delta(&host->tkr_mono, now, host->tkr_mono.cycle_last);
	timens_tk_line(host, CLOCK_MONOTONIC, delta, &mono);
	timens_tk_line(host, CLOCK_BOOTTIME, delta, &boot);
	mono = timespec64_add(mono, offs->monotonic);
	boot = timespec64_add(boot, offs->boottime);

	timens_tk_read_at(tn, CLOCK_MONOTONIC, now, &own);
	tk_set_wall_to_mono(tk, timespec64_add(tk->wall_to_monotonic, timespec64_sub(mono, own)));
	tn->mono_ahead = max(offs->monotonic.tv_sec, 0);
	timens_tk_read_at(tn, CLOCK_BOOTTIME, now, &own);
	boot = timespec64_sub(boot, own);
	tk_update_sleep_time(tk, timespec64_to_ktime(boot));
	timens_past_move(tn, boot);
	if (!raw_too)
		return;
	if (timens_tk_has_raw(tn)) {
		timens_tk_host_raw(&tk_core, &raw);
		timens_tk_put_raw(tn, &raw, offs->monotonic, now);
	} else {
		tn->raw_offset = offs->monotonic;
	}
}

/**
 * timens_tk_set_offsets - Set MONOTONIC and BOOTTIME before the first task
 * @ns:		The namespace, which no task has entered yet
 * @offs:	The offsets to the host which the clocks shall have
 * @raw_too:	CLOCK_MONOTONIC_RAW gets the offset of CLOCK_MONOTONIC
 *
 * Context: process context, under the mutex of the clock, or while nobody gives it one
 * Return: 1 if @ns has a clock, which was set, 0 if there is none, -EACCES if tasks of
 * namespaces which follow it read the clocks already
 */
int timens_tk_set_offsets(struct time_namespace *ns, const struct timens_offsets *offs,
			  bool raw_too)
{
	struct timekeeper_ns *tn = ns->tk;
	unsigned long flags;
	bool own;

	if (!tn)
		return 0;
	lockdep_assert_held(&tn->mutex);
	if (tn->entered)
		return -EACCES;
	if (tn->owner) {
		timens_nested_set_offsets(tn, offs, raw_too);
		return 1;
	}
	for (;;) {
		timens_tk_catch_up(tn);
		raw_spin_lock_irqsave(&tk_core.lock, flags);
		raw_spin_lock(&tn->tkd.lock);
		own = tn->state == TIMENS_TK_OWN;
		if (!own || !timens_tk_is_stale(tn))
			break;
		raw_spin_unlock(&tn->tkd.lock);
		raw_spin_unlock_irqrestore(&tk_core.lock, flags);
	}
	if (own) {
		timens_tk_update_begin(tn);
		timens_tk_forward_to(tn, timens_tk_counter(tn));
		timens_tk_offsets_op(tn, offs, raw_too);
		timens_tk_update_end(tn);
		timens_tk_take_moved(tn);
	} else {
		timens_past_move(tn, timespec64_sub(offs->boottime, tn->offs.boottime));
		write_seqcount_begin(&tn->tkd.seq);
		tn->offs = *offs;
		if (raw_too)
			tn->raw_offset = offs->monotonic;
		write_seqcount_end(&tn->tkd.seq);
	}
	raw_spin_unlock(&tn->tkd.lock);
	raw_spin_unlock_irqrestore(&tk_core.lock, flags);
	if (own)
		timens_own_audit(ns, "offsets", NULL, NULL, NULL);
	return 1;
}

/**
 * timens_tk_get_offsets - The present offsets of a namespace to the host
 * @ns:		The namespace
 * @offs:	Storage for the offsets
 */
void timens_tk_get_offsets(struct time_namespace *ns, struct timens_offsets *offs)
{
	offs->monotonic = timens_tk_offset(ns, CLOCK_MONOTONIC);
	offs->boottime = timens_tk_offset(ns, CLOCK_BOOTTIME);
}

/*
 * Giving the clock back
 */

/*
 * The constant offset with which a clock that reads @own follows the host, and not
 * less than it is already. Both clocks are truncated to nanoseconds, the one more
 * than the other.
 */
static void timens_tk_follow_offset(const struct timekeeper_ns *tn, clockid_t clk, u64 cycles,
				    struct timespec64 *offset)
{
	const struct tk_read_base *tkr = &tk_core.timekeeper.tkr_mono;
	struct timespec64 ns, host;

	timens_tk_line(&tk_core.timekeeper, clk, timens_tk_delta(tkr, cycles, tkr->cycle_last),
		       &host);
	timens_tk_own_line(tn, clk, cycles, &ns);
	ns = timespec64_add(timespec64_sub(ns, host), (struct timespec64){ .tv_nsec = 1 });
	if (timespec64_compare(&ns, offset) > 0)
		*offset = ns;
}

/* Ticks by which the last bend of a clock which is given back may be behind */
#define TIMENS_TK_FOLLOW_LAG	16

/**
 * timens_tk_follow - Give a clock back to the host
 * @ns:		The namespace
 *
 * Give the clock back: CLOCK_REALTIME and TAI become the host's, CLOCK_MONOTONIC
 * and BOOTTIME continue with the offset which they have now. Who follows the namespace goes
 * along; who only follows itself has nothing to give back.
 *
 * The coarse clocks of an owner stand at its last bend until the next tick of
 * the host, those of a follower at the last tick. So that they do not go back,
 * the last bend has to be older than the last tick: take no more passes, keep
 * the setters out, and wait for a tick. While it waits the line is left alone, even
 * where it ends: who brought it to the present in each round would find its bend
 * ahead of the last tick for ever, where lines end more often than ticks come.
 * Readers may bend it meanwhile, those who look at its NTP state too, once in a second.
 * That costs another tick and no more:
 *
 *   CPU 0 (follow)                       CPU 1 (reader)
 *                                        the line ends: bend it
 *   a tick behind the bend: none yet
 *   wait for a tick, which comes
 *   a tick behind the bend: yes
 *
 * or, with a bend between that tick and the look at it, the same once more: the look
 * comes right behind the tick, and a line lasts for a second of the namespace, or for a
 * chord of its smear.
 *
 * Context: process context
 * Return: 0, or -ENOMEM
 */
int timens_tk_follow(struct time_namespace *ns)
{
	struct tk_read_base *tkr = &tk_core.timekeeper.tkr_mono;
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct timekeeper_ns *tn = timens_tk_of(ns);
	unsigned int steps = UINT_MAX;
	struct timens_tk_raw raw;
	bool behind = true;
	unsigned long flags;
	int ret = 0;
	u64 now;

	/* It never had another clock */
	if (!tn)
		return 0;

	mutex_lock(&tn->mutex);
	if (tn->state == TIMENS_TK_FOLLOW)
		goto out;
	/* The clock of a follower is a line of the past, too */
	ret = timens_past_reserve(tn);
	if (ret)
		goto out;

	raw_spin_lock_irqsave(&cal->lock, flags);
	list_del_init(&tn->node);
	raw_spin_unlock_irqrestore(&cal->lock, flags);
	hrtimer_cancel(&tn->wake_timer);

	for (;;) {
		if (behind)
			timens_tk_catch_up(tn);
		raw_spin_lock_irqsave(&tk_core.lock, flags);
		raw_spin_lock(&cal->lock);
		raw_spin_lock(&tn->tkd.lock);
		now = (tkr->cycle_last - tn->cycle_now) & tkr->mask;
		behind = timens_tk_is_stale(tn);
		if (!behind && now <= tkr->clock->max_raw_delta) {
			/* The bends of a few ticks are quickly made, and others are none */
			behind = timens_tk_is_beyond(tn, timens_tk_counter(tn)) &&
				 now > TIMENS_TK_FOLLOW_LAG * tk_core.timekeeper.cycle_interval;
			if (!behind)
				break;
		}
		raw_spin_unlock(&tn->tkd.lock);
		raw_spin_unlock(&cal->lock);
		raw_spin_unlock_irqrestore(&tk_core.lock, flags);
		schedule_timeout_uninterruptible(1);
	}

	timens_tk_update_begin(tn);
	now = timens_tk_counter(tn);
	/*
	 * Nothing goes back: neither a clock itself, at @now, nor its coarse variant, at
	 * the last tick. They differ by what the namespace gained on the host since.
	 */
	timens_tk_advance_to(tn, tkr->cycle_last, &steps);
	tn->offs.monotonic = (struct timespec64){ .tv_sec = TIME64_MIN };
	tn->offs.boottime = (struct timespec64){ .tv_sec = TIME64_MIN };
	timens_tk_follow_offset(tn, CLOCK_MONOTONIC, tkr->cycle_last, &tn->offs.monotonic);
	timens_tk_follow_offset(tn, CLOCK_BOOTTIME, tkr->cycle_last, &tn->offs.boottime);
	timens_tk_advance_to(tn, now, &steps);
	timens_tk_follow_offset(tn, CLOCK_MONOTONIC, now, &tn->offs.monotonic);
	timens_tk_follow_offset(tn, CLOCK_BOOTTIME, now, &tn->offs.boottime);
	timens_tk_host_raw(&tk_core, &raw);
	tn->raw_offset = timens_tk_raw_ahead(tn, &raw, now);
	tn->state = TIMENS_TK_FOLLOW;
	tn->stopped = false;
	tn->edge_sec = TIME64_MAX;
	tn->smear.state = TIMENS_SMEAR_NONE;
	timens_tk_set_rate(tn, (struct timens_tk_rate){ 1, 1 });
	if (tn->vdata) {
		timens_tk_set_vdso_offsets(tn, &tn->vdata[CS_HRES_COARSE]);
		timens_tk_set_vdso_offsets(tn, &tn->vdata[CS_RAW]);
	}
	timens_tk_update_end(tn);
	timens_tk_take_moved(tn);
	timens_tk_calendar_del(cal, tn);
	cal->switches++;
	raw_spin_unlock(&tn->tkd.lock);
	raw_spin_unlock(&cal->lock);
	raw_spin_unlock_irqrestore(&tk_core.lock, flags);

	/* The end of a suspend may have armed it again */
	hrtimer_cancel(&tn->wake_timer);
	trace_timens_tk_switch(ns->ns.inum, false);
	timens_own_audit(ns, "follow", NULL, NULL, NULL);
	/* CLOCK_REALTIME and TAI jumped to the host's */
	timens_timer_clock_moved(tn);
out:
	mutex_unlock(&tn->mutex);
	return ret;
}
