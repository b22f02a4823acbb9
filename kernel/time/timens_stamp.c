// SPDX-License-Identifier: GPL-2.0
/*
 * Times which the kernel hands to user space or takes from it
 *
 * Timestamps, transmit times, dates in messages and timeouts in jiffies are on
 * the clock of the host inside of the kernel. They change sides here, on their way
 * to or from the task whose clock is meant.
 *
 *
 * Timestamps
 * ------
 *
 * A packet carries the CLOCK_REALTIME of the host, taken when nobody knew who
 * would read it. When it is delivered, its age is what the host's clock has
 * run since; scaled by the rates, it goes back from the present of the
 * reader's clock. But the host's clock may have been set meanwhile, which is
 * no business of an owner:
 *
 *   CLOCK_REALTIME of the host
 *      |         /                epoch   start   possible CLOCK_MONOTONIC
 *      |    s.../....                 1      t1   t1 .. t2
 *      |       / .   /                2      t2   t2 .. now
 *      |      /  .  /
 *      |     /   . /              s was read in epoch 1: in 2 it lies in the
 *      |    /    ./               future, until the clock has caught up with s
 *      +---+-----+------- CLOCK_MONOTONIC
 *         t1     t2
 *
 * A log keeps the last steps of CLOCK_REALTIME against MONOTONIC. A timestamp
 * belongs to the youngest epoch in which the clock can have read it. After a
 * step forward that is never in doubt. After a step back it is wrong for a
 * packet which waited for as long as the clock was set back.
 *
 * A sleep of the machine moves CLOCK_REALTIME against MONOTONIC as well, on
 * both sides alike: an entry has the sleep before it in offs_boot.
 */
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>

#include "timens_line.h"

/* Written and read under tk_core.seq */
static struct timens_tk_epochs timens_tk_host_epochs;

/*
 * Sockets are closed by task work, which an exiting task runs after it has
 * left its namespaces.
 */
static struct time_namespace *timens_tk_of_current(void)
{
	struct nsproxy *nsproxy = current->nsproxy;

	return likely(nsproxy) ? nsproxy->time_ns : &init_time_ns;
}

/**
 * timens_tk_epoch_add - Note that CLOCK_REALTIME was stepped
 * @log:	The log
 * @start:	CLOCK_MONOTONIC of the step (nsecs)
 * @offs_real:	CLOCK_REALTIME minus MONOTONIC from then on (nsecs)
 * @offs_boot:	CLOCK_BOOTTIME minus MONOTONIC from then on (nsecs)
 */
void timens_tk_epoch_add(struct timens_tk_epochs *log, ktime_t start, ktime_t offs_real,
			 ktime_t offs_boot)
{
	struct timens_tk_epoch *e;

	log->last = (log->last + 1) % TIMENS_TK_EPOCHS;
	log->nr = min(log->nr + 1, TIMENS_TK_EPOCHS);
	e = &log->epoch[log->last];
	e->start = start;
	e->offs_real = offs_real;
	e->offs_boot = offs_boot;
}

/**
 * timens_tk_epoch_mono - When a clock read a time
 * @log:	The log of the steps of the clock, which has at least one entry
 * @real:	A past CLOCK_REALTIME (nsecs)
 * @now:	CLOCK_MONOTONIC now (nsecs)
 * @slept:	Storage for the time for which the machine slept since (nsecs)
 *
 * A clock which was set back reads some times twice; the later one counts. A
 * time which it never read is taken for one of the present epoch, and for now
 * if it is still to come there.
 *
 * Return: CLOCK_MONOTONIC (nsecs) at that moment, at most @now
 */
ktime_t timens_tk_epoch_mono(const struct timens_tk_epochs *log, ktime_t real, ktime_t now,
			     ktime_t *slept)
{
	const struct timens_tk_epoch *last = &log->epoch[log->last], *e;
	unsigned int i, at = log->last;
	ktime_t mono, end = now;

	for (i = 0; i < log->nr; i++) {
		e = &log->epoch[at];
		mono = ktime_sub(real, e->offs_real);
		if (mono >= e->start && mono <= end) {
			*slept = ktime_sub(last->offs_boot, e->offs_boot);
			return mono;
		}
		end = e->start;
		at = at ? at - 1 : TIMENS_TK_EPOCHS - 1;
	}
	*slept = 0;
	return min(ktime_sub(real, last->offs_real), now);
}

/**
 * __timens_tk_host_set - Note what was done to the host's clock
 * @tk:		The timekeeper, about to be published
 *
 * Context: in the write section of the host. Whoever read the clock before read
 * the counter before, and whoever reads it afterwards reads it after this.
 */
void __timens_tk_host_set(const struct timekeeper *tk)
{
	struct timens_tk_epochs *log = &timens_tk_host_epochs;
	const struct timens_tk_epoch *last = &log->epoch[log->last];
	const struct tk_read_base *tkr = &tk->tkr_mono;
	struct timespec64 now;
	u64 delta;

	if (log->nr && last->offs_real == tk->offs_real && last->offs_boot == tk->offs_boot)
		return;

	delta = timens_tk_delta(tkr, tkr->clock->read(tkr->clock), tkr->cycle_last);
	timens_tk_line(tk, CLOCK_MONOTONIC, delta, &now);
	timens_tk_epoch_add(log, timespec64_to_ktime(now), tk->offs_real, tk->offs_boot);
}

/* Out of line, since its stack is cleared: the callers look at the key first */
static noinline ktime_t __timens_tk_real_for(struct time_namespace *ns, ktime_t real)
{
	const struct timens_tk_epochs *log = &timens_tk_host_epochs;
	struct timens_tk_pair p;
	ktime_t now, mono, slept;
	unsigned int seq;

	do {
		seq = read_seqcount_begin(&tk_core.seq);
		timens_tk_read_pair(ns, CLOCK_REALTIME, CLOCK_REALTIME, &p);
		timens_tk_section_goes_on();
		now = ktime_sub(timespec64_to_ktime(p.host), log->epoch[log->last].offs_real);
		mono = timens_tk_epoch_mono(log, real, now, &slept);
	} while (read_seqcount_retry(&tk_core.seq, seq));

	if (!p.own)
		return real;
	/* No clock steers the time for which the machine sleeps */
	return ktime_sub(timespec64_to_ktime(p.ns),
			 ktime_add(timens_tk_scale(ktime_sub(now, mono), p.ns_mult, p.host_mult),
				   slept));
}

/**
 * timens_tk_real_for - Show a CLOCK_REALTIME timestamp of the host in a namespace
 * @ns:		What timens_tk_get_current() returned
 * @real:	CLOCK_REALTIME of the host (nsecs), in the past
 *
 * Context: any but NMI
 * Return: the same instant on CLOCK_REALTIME of @ns (nsecs) as it is set now
 */
ktime_t timens_tk_real_for(struct time_namespace *ns, ktime_t real)
{
	if (!static_branch_unlikely(&timens_tk_key.key) || !ns)
		return real;
	return __timens_tk_real_for(ns, real);
}
EXPORT_SYMBOL_GPL(timens_tk_real_for);

/**
 * timens_tk_real_from_host - Show a CLOCK_REALTIME timestamp of the host to current
 * @real:	CLOCK_REALTIME of the host (nsecs), in the past
 *
 * Context: any but NMI
 * Return: the same instant on CLOCK_REALTIME of the namespace of current (nsecs)
 * as it is set now
 */
ktime_t timens_tk_real_from_host(ktime_t real)
{
	struct time_namespace *ns;

	if (!static_branch_unlikely(&timens_tk_key.key))
		return real;

	ns = timens_tk_of_current();
	return likely(ns == &init_time_ns) ? real : __timens_tk_real_for(ns, real);
}
EXPORT_SYMBOL_GPL(timens_tk_real_from_host);

static ktime_t timens_tk_add(struct timespec64 now, s64 d)
{
	ktime_t kt = timespec64_to_ktime(now);

	return d > 0 ? ktime_add_safe(kt, d) : ktime_add(kt, d);
}

/* An instant of a clock, past or to come, on the clock of the other side */
static ktime_t timens_tk_project(struct time_namespace *ns, clockid_t clk, ktime_t tim,
				 bool to_host)
{
	struct timens_tk_pair p;
	s64 d;

	timens_tk_read_pair(ns, clk, clk, &p);
	if (!to_host) {
		d = ktime_sub(tim, timespec64_to_ktime(p.host));
		d = timens_tk_scale(d, p.ns_mult, p.host_mult);
		return timens_tk_add(p.ns, d);
	}

	d = ktime_sub(tim, timespec64_to_ktime(p.ns));
	/* A leap second in between moves what lies behind it */
	if (clk == CLOCK_REALTIME && p.ns.tv_sec < p.edge_sec && tim / NSEC_PER_SEC >= p.edge_sec)
		d -= p.edge_step * NSEC_PER_SEC;
	d = timens_tk_scale(d, p.host_mult, p.ns_mult);
	/* Rounded up: not before its time */
	if (p.own && d > 0 && d < KTIME_MAX)
		d++;
	return timens_tk_add(p.host, d);
}

/**
 * timens_tk_txtime_to_host - Project the time at which a packet is to be sent
 * @clk:	CLOCK_MONOTONIC, TAI or REALTIME
 * @tim:	Time on the clock of the namespace of current (nsecs)
 *
 * Return: the time on the host's clock, at the present rates. Never zero, which
 * stands for no time; what is not a time is returned as it is.
 */
ktime_t timens_tk_txtime_to_host(clockid_t clk, ktime_t tim)
{
	struct time_namespace *ns = timens_tk_of_current();

	if (likely(ns == &init_time_ns) || tim <= 0)
		return tim;
	return max(timens_tk_project(ns, clk, tim, true), 1);
}

/**
 * timens_tk_txtime_from_host - The reverse of timens_tk_txtime_to_host()
 * @clk:	CLOCK_MONOTONIC, TAI or REALTIME
 * @tim:	Time on the host's clock (nsecs)
 *
 * Return: the time on the clock of the namespace of current, at the present
 * rates
 */
ktime_t timens_tk_txtime_from_host(clockid_t clk, ktime_t tim)
{
	struct time_namespace *ns = timens_tk_of_current();

	if (likely(ns == &init_time_ns) || tim <= 0)
		return tim;
	return timens_tk_project(ns, clk, tim, false);
}
EXPORT_SYMBOL_GPL(timens_tk_txtime_from_host);

/**
 * timens_tk_sec_to_host - Take a date of user space
 * @sec:	CLOCK_REALTIME of the namespace of current (secs), as a rule to come
 *
 * For the expiry of what user space hands to the kernel in a file or a message.
 *
 * Return: the second on the host's clock, at the present rates; not before its
 * time. What no clock can be set to stays what it is: some programs mean
 * "never".
 */
time64_t timens_tk_sec_to_host(time64_t sec)
{
	struct time_namespace *ns = timens_tk_of_current();
	ktime_t tim;

	if (likely(ns == &init_time_ns) || sec <= 0 || sec >= TIME_SETTOD_SEC_MAX)
		return sec;
	tim = timens_tk_project(ns, CLOCK_REALTIME, ktime_set(sec, 0), true);
	return max(div_s64(ktime_add_safe(tim, NSEC_PER_SEC - 1), NSEC_PER_SEC), 0);
}
EXPORT_SYMBOL_GPL(timens_tk_sec_to_host);

/**
 * timens_tk_sec_from_host - The reverse of timens_tk_sec_to_host()
 * @sec:	CLOCK_REALTIME of the host (secs)
 *
 * Return: the second on the clock of the namespace of current, at the present
 * rates
 */
time64_t timens_tk_sec_from_host(time64_t sec)
{
	struct time_namespace *ns = timens_tk_of_current();

	if (likely(ns == &init_time_ns) || sec <= 0 || sec >= TIME_SETTOD_SEC_MAX)
		return sec;
	return div_s64(timens_tk_project(ns, CLOCK_REALTIME, ktime_set(sec, 0), false),
		       NSEC_PER_SEC);
}
EXPORT_SYMBOL_GPL(timens_tk_sec_from_host);

static struct timespec64 timens_tk_raw_from_host(struct time_namespace *ns,
						 const struct timespec64 *ts)
{
	struct timens_tk_rate rate;
	struct timespec64 own, host;
	s64 d;

	own = timens_tk_raw_now(ns, &host, &rate);
	d = timespec64_to_ns(ts) - timespec64_to_ns(&host);
	if (rate.num != rate.den)
		d = timens_tk_scale(d, rate.num, rate.den);
	return timespec64_add(own, ns_to_timespec64(d));
}

/**
 * timens_tk_ts_from_host - Show a host's clock reading to current
 * @clk:	CLOCK_REALTIME, MONOTONIC or MONOTONIC_RAW
 * @ts:		In: a recent time on the host's clock, out: on that of the
 *		namespace of current
 */
void timens_tk_ts_from_host(clockid_t clk, struct timespec64 *ts)
{
	struct time_namespace *ns = timens_tk_of_current();

	if (likely(ns == &init_time_ns))
		return;

	switch (clk) {
	case CLOCK_REALTIME:
		*ts = ktime_to_timespec64(timens_tk_real_for(ns, timespec64_to_ktime(*ts)));
		break;
	case CLOCK_MONOTONIC_RAW:
		*ts = timens_tk_raw_from_host(ns, ts);
		break;
	default:
		*ts = ktime_to_timespec64(timens_tk_project(ns, clk, timespec64_to_ktime(*ts),
							    false));
	}
}
EXPORT_SYMBOL_GPL(timens_tk_ts_from_host);

/* Out of line as __timens_tk_real_for() is */
static noinline long timens_tk_timeo_for(struct time_namespace *ns, long timeo)
{
	struct timens_tk_pair p;

	timens_tk_read_pair(ns, CLOCK_MONOTONIC, CLOCK_MONOTONIC, &p);
	if (!p.own)
		return timeo;
	/*
	 * It is counted in jiffies of the host from here on, and does not follow a change of
	 * the rate. So it does not wait for ever for a clock which stands, and may go on.
	 */
	if (unlikely(!p.ns_mult))
		timeo = timens_tk_scale(timeo, p.rate.den, p.rate.num);
	else
		timeo = timens_tk_scale(timeo, p.host_mult, p.ns_mult);
	/* Rounded up, and one for what the rate may change meanwhile */
	return min(timeo, MAX_SCHEDULE_TIMEOUT - 3) + 2;
}

/* timens_tk_timeo() for a timeout which may end */
long __timens_tk_timeo(long timeo)
{
	struct time_namespace *ns;

	if (!static_branch_unlikely(&timens_tk_key.key))
		return timeo;

	ns = timens_tk_of_current();
	if (ns == &init_time_ns || timeo <= 0 || timeo == MAX_SCHEDULE_TIMEOUT)
		return timeo;
	return timens_tk_timeo_for(ns, timeo);
}
EXPORT_SYMBOL_GPL(__timens_tk_timeo);

/**
 * timens_tk_get_current - Take a reference to the namespace of current
 *
 * Return: the namespace, or NULL if it is the initial one
 */
struct time_namespace *timens_tk_get_current(void)
{
	struct time_namespace *ns = timens_tk_of_current();

	return ns == &init_time_ns ? NULL : get_time_ns(ns);
}
EXPORT_SYMBOL_GPL(timens_tk_get_current);

/**
 * timens_tk_put - Drop a reference of timens_tk_get_current()
 * @ns:		The namespace, or NULL
 *
 * Context: process context
 */
void timens_tk_put(struct time_namespace *ns)
{
	if (ns)
		put_time_ns(ns);
}
EXPORT_SYMBOL_GPL(timens_tk_put);
