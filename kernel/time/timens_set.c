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
 *   copy, state = own
 *   add to the list of owners
 *   unlock all
 *                                        lock tk_core, calendar
 *                                        re-base each owner on the list
 *
 * State and list change under the same lock, or the namespace could miss the
 * change and be left with the old counter.
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
	struct timens_tk_raw raw;
	int ret;

	lockdep_assert_held(&tn->tkd.lock);

	if (host)
		timens_tk_host_raw(host, &raw);
	timens_tk_update_begin(tn);
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
		tn->state = TIMENS_TK_OWN;
	}
	timens_tk_update_end(tn);
	return ret;
}

/* A setter of a namespace which follows the host: the first one */
static int timens_tk_modify_follow(struct time_namespace *ns, timens_tk_op op, void *arg)
{
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct timekeeper_ns *tn = ns->tk;
	unsigned long flags;
	bool moved;
	int ret;

	timens_tk_key_inc(&timens_tk_key.key);

	raw_spin_lock_irqsave(&tk_core.lock, flags);
	raw_spin_lock(&cal->lock);
	raw_spin_lock(&tn->tkd.lock);
	ret = timens_tk_write(tn, &tk_core, &ns->offsets, op, arg);
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
	else
		static_branch_slow_dec_deferred(&timens_tk_key);
	if (moved)
		timens_timer_clock_moved(tn);
	return ret;
}

/* A setter of a namespace which owns its clock */
static int timens_tk_modify_own(struct time_namespace *ns, timens_tk_op op, void *arg)
{
	struct timekeeper_ns *tn = ns->tk;
	unsigned long flags;
	bool moved;
	u64 ticks;
	int ret;

	raw_spin_lock_irqsave(&tn->tkd.lock, flags);
	ret = timens_tk_write(tn, NULL, NULL, op, arg);
	ticks = timens_tk_aligned_ticks(tn, &tk_core);
	timens_tk_arm_wake(tn);
	moved = timens_tk_take_moved(tn);
	raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);

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
 * Return: what @op returns, or -ENOMEM; a negative value changes nothing
 */
int timens_tk_modify(struct time_namespace *ns, timens_tk_op op, void *arg)
{
	struct timekeeper_ns *tn = ns->tk;
	int ret;

	mutex_lock(&tn->mutex);
	ret = timens_past_reserve(tn);
	if (!ret) {
		if (tn->state == TIMENS_TK_FOLLOW)
			ret = timens_tk_modify_follow(ns, op, arg);
		else
			ret = timens_tk_modify_own(ns, op, arg);
	}
	mutex_unlock(&tn->mutex);
	return ret;
}

static void timens_tk_stepped(struct time_namespace *ns, const struct timespec64 *step)
{
	atomic64_inc(&timens_tk_steps);
	trace_timens_tk_step(ns->ns.inum, step->tv_sec, step->tv_nsec);
}

/* A step ends all slewing and any pending leap second, as on the host */
static void timens_tk_clear_ntp(struct timekeeper_ns *tn)
{
	tn->tkd.timekeeper.ntp_error = 0;
	ntp_clear(&tn->ntp);
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

/**
 * timens_tk_do_adjtimex - adjtimex() on an own clock
 * @tn:		The namespace, advanced to the present and locked; forwarded to
 *		the present if @txc changes something
 * @txc:	The validated request; filled with the state of the clock
 * @step:	Storage for the step of ADJ_SETOFFSET
 *
 * Return: the clock state TIME_* on success, -EINVAL if the offset of
 * ADJ_SETOFFSET leads out of the range of the clock
 */
int timens_tk_do_adjtimex(struct timekeeper_ns *tn, struct __kernel_timex *txc,
			  struct timespec64 *step)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	struct audit_ntp_data ad;
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

	/* Without a pending leap second, which __do_adjtimex() applies itself */
	timens_tk_own_line(tn, CLOCK_REALTIME, tn->cycle_now, &ts);
	timens_tk_add_smear(tn, &ts);
	tai = tk->tai_offset;
	audit_ntp_init(&ad);
	ret = __do_adjtimex(&tn->ntp, txc, &ts, &tai, tk->xtime_sec, &ad);
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
 * Return: true if current is not in the initial time namespace
 */
bool timens_tk_current(void)
{
	return current->nsproxy->time_ns != &init_time_ns;
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
	if (!ret && tv)
		timens_tk_stepped(ns, &arg.step);
	return ret;
}

struct timens_tk_timex_arg {
	struct __kernel_timex	*txc;
	struct timespec64	step;
};

static int timens_tk_timex_op(struct timekeeper_ns *tn, void *data)
{
	struct timens_tk_timex_arg *arg = data;

	return timens_tk_do_adjtimex(tn, arg->txc, &arg->step);
}

/**
 * timens_tk_adjtimex - adjtimex() for the namespace of current
 * @txc:	The request; filled with the state of the clock
 *
 * The RTC, PPS and the audit log belong to the host and are not involved.
 *
 * Return: the clock state TIME_* on success, or the error which the host's
 * clock gives
 */
int timens_tk_adjtimex(struct __kernel_timex *txc)
{
	struct time_namespace *ns = current->nsproxy->time_ns;
	struct timens_tk_timex_arg arg = { .txc = txc };
	struct timekeeper_ns *tn = ns->tk;
	unsigned long flags;
	int ret;

	ret = timekeeping_validate_timex(txc, ns->user_ns);
	if (ret)
		return ret;

	if (timens_tk_timex_reads(txc)) {
		mutex_lock(&tn->mutex);
		if (tn->state == TIMENS_TK_FOLLOW) {
			mutex_unlock(&tn->mutex);
			return do_adjtimex(txc);
		}
		raw_spin_lock_irqsave(&tn->tkd.lock, flags);
		timens_tk_update_begin(tn);
		timens_tk_advance_to(tn, timens_tk_counter(tn));
		ret = timens_tk_do_adjtimex(tn, txc, &arg.step);
		timens_tk_update_end(tn);
		/* It only brought forward what a pass had done */
		if (timens_tk_take_moved(tn))
			timens_timer_clock_moved_delayed(tn);
		raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
		mutex_unlock(&tn->mutex);
		return ret;
	}

	ret = timens_tk_modify(ns, timens_tk_timex_op, &arg);
	if (ret >= 0 && txc->modes & ADJ_SETOFFSET)
		timens_tk_stepped(ns, &arg.step);
	return ret;
}

/*
 * Offsets before the first task
 */

static int timens_tk_offsets_op(struct timekeeper_ns *tn, void *data)
{
	const struct timens_offsets *offs = data;
	struct timekeeper *tk = &tn->tkd.timekeeper;
	const struct timekeeper *host = &tk_core.timekeeper;
	struct timespec64 mono, boot, now;
	struct timens_tk_raw raw;
	u64 delta;

	/* Serialized against the host by its lock, see the caller */
	delta = timens_tk_delta(&host->tkr_mono, tn->cycle_now, host->tkr_mono.cycle_last);
	timens_tk_line(host, CLOCK_MONOTONIC, delta, &mono);
	timens_tk_line(host, CLOCK_BOOTTIME, delta, &boot);
	mono = timespec64_add(mono, offs->monotonic);
	boot = timespec64_add(boot, offs->boottime);

	timens_tk_read_at(tn, CLOCK_MONOTONIC, tn->cycle_now, &now);
	tk_set_wall_to_mono(tk, timespec64_add(tk->wall_to_monotonic, timespec64_sub(mono, now)));
	tn->mono_ahead = max(offs->monotonic.tv_sec, 0);
	timens_tk_read_at(tn, CLOCK_BOOTTIME, tn->cycle_now, &now);
	boot = timespec64_sub(boot, now);
	tk_update_sleep_time(tk, timespec64_to_ktime(boot));
	timens_past_move(tn, boot);
	if (timens_tk_is_rated(tn)) {
		timens_tk_host_raw(&tk_core, &raw);
		timens_tk_put_raw(tn, &raw, offs->raw, tn->cycle_now);
	} else {
		tn->raw_offset = offs->raw;
	}
	return 0;
}

/**
 * timens_tk_set_offsets - Set MONOTONIC and BOOTTIME before the first task
 * @ns:		The namespace, which no task has entered yet
 * @offs:	The offsets to the host which the clocks shall have
 *
 * Return: true if @ns owns its clock and was set, false if it follows the host
 */
bool timens_tk_set_offsets(struct time_namespace *ns, const struct timens_offsets *offs)
{
	struct timekeeper_ns *tn = ns->tk;
	unsigned long flags;
	bool own;

	mutex_lock(&tn->mutex);
	raw_spin_lock_irqsave(&tk_core.lock, flags);
	raw_spin_lock(&tn->tkd.lock);
	own = tn->state == TIMENS_TK_OWN;
	if (own) {
		timens_tk_update_begin(tn);
		timens_tk_forward_to(tn, timens_tk_counter(tn));
		timens_tk_offsets_op(tn, (void *)offs);
		timens_tk_update_end(tn);
		timens_tk_take_moved(tn);
	} else {
		timens_past_move(tn, timespec64_sub(offs->boottime, ns->offsets.boottime));
	}
	raw_spin_unlock(&tn->tkd.lock);
	raw_spin_unlock_irqrestore(&tk_core.lock, flags);
	mutex_unlock(&tn->mutex);
	return own;
}

/**
 * timens_tk_get_offsets - The present offsets of a namespace to the host
 * @ns:		The namespace
 * @offs:	Storage for the offsets
 */
void timens_tk_get_offsets(struct time_namespace *ns, struct timens_offsets *offs)
{
	struct timespec64 raw, host;
	struct timens_tk_rate rate;

	if (!ns->tk) {
		*offs = ns->offsets;
		return;
	}
	offs->monotonic = timens_tk_offset(ns, CLOCK_MONOTONIC);
	raw = timens_tk_raw_now(ns, &host, &rate);
	offs->raw = timespec64_sub(raw, host);
	offs->boottime = timens_tk_offset(ns, CLOCK_BOOTTIME);
}

/*
 * Giving the clock back
 */

/*
 * The constant offset with which a clock follows the host from @now on, such
 * that nothing goes back: neither the clock itself, at @now, nor its coarse
 * sister, at the last tick. They differ by what the namespace gained on the
 * host within a tick.
 */
static struct timespec64 timens_tk_follow_offset(const struct timekeeper_ns *tn, clockid_t clk,
						 u64 now)
{
	const struct tk_read_base *tkr = &tk_core.timekeeper.tkr_mono;
	u64 cycles[] = { now, tkr->cycle_last };
	struct timespec64 ns, host, off, most = { 0 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cycles); i++) {
		timens_tk_line(&tk_core.timekeeper, clk,
			       timens_tk_delta(tkr, cycles[i], tkr->cycle_last), &host);
		timens_tk_own_line(tn, clk, cycles[i], &ns);
		off = timespec64_sub(ns, host);
		if (!i || timespec64_compare(&off, &most) > 0)
			most = off;
	}
	/* Both were truncated to nanoseconds, the one more than the other */
	return timespec64_add(most, (struct timespec64){ .tv_nsec = 1 });
}

/**
 * timens_tk_follow - Give a clock back to the host
 * @ns:		The namespace
 *
 * Give the clock back: CLOCK_REALTIME and TAI become the host's, CLOCK_MONOTONIC
 * and BOOTTIME continue with the offset which they have now.
 *
 * The coarse clocks of an owner stand at its last bend until the next tick of
 * the host, those of a follower at the last tick. So that they do not go back,
 * the last bend has to be older than the last tick: take no more passes, keep
 * the setters out, and wait for a tick.
 *
 * Context: process context
 * Return: 0, or -ENOMEM
 */
int timens_tk_follow(struct time_namespace *ns)
{
	struct tk_read_base *tkr = &tk_core.timekeeper.tkr_mono;
	struct timens_tk_calendar *cal = &timens_tk_cal;
	struct timekeeper_ns *tn = ns->tk;
	struct timens_tk_raw raw;
	unsigned long flags;
	int ret = 0;
	u64 now;

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
		raw_spin_lock_irqsave(&tk_core.lock, flags);
		raw_spin_lock(&cal->lock);
		raw_spin_lock(&tn->tkd.lock);
		now = (tkr->cycle_last - tn->cycle_now) & tkr->mask;
		if (now <= tkr->clock->max_raw_delta)
			break;
		raw_spin_unlock(&tn->tkd.lock);
		raw_spin_unlock(&cal->lock);
		raw_spin_unlock_irqrestore(&tk_core.lock, flags);
		schedule_timeout_uninterruptible(1);
	}

	timens_tk_update_begin(tn);
	now = timens_tk_counter(tn);
	ns->offsets.monotonic = timens_tk_follow_offset(tn, CLOCK_MONOTONIC, now);
	ns->offsets.boottime = timens_tk_follow_offset(tn, CLOCK_BOOTTIME, now);
	timens_tk_host_raw(&tk_core, &raw);
	ns->offsets.raw = timens_tk_raw_ahead(tn, &raw, now);
	tn->state = TIMENS_TK_FOLLOW;
	tn->edge_sec = TIME64_MAX;
	tn->smear.state = TIMENS_SMEAR_NONE;
	timens_tk_set_rate(tn, (struct timens_tk_rate){ 1, 1 });
	if (tn->vdata) {
		timens_set_vdso_offsets(&tn->vdata[CS_HRES_COARSE], &ns->offsets);
		timens_set_vdso_offsets(&tn->vdata[CS_RAW], &ns->offsets);
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
	static_branch_slow_dec_deferred(&timens_tk_key);
	/* CLOCK_REALTIME and TAI jumped to the host's */
	timens_timer_clock_moved(tn);
out:
	mutex_unlock(&tn->mutex);
	return ret;
}
