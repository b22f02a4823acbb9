// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/PID/timens_clock: what the clock of a time namespace is, and commands to it
 *
 * A summary for people, and behind it the state of an owner, which can be written back
 * (timens_save.c). They are in one file, since they are of one moment, and since whoever
 * looks for the one finds the other; a program which knows the summary passes over lines
 * which it does not know. A follower is told by its offsets, which it has in timens_offsets.
 */
#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/math64.h>
#include <linux/random.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>

#include "timens_line.h"

static void timens_tk_show_offset(struct seq_file *m, const char *name, struct timespec64 off)
{
	seq_printf(m, "%-10s %10lld %9ld\n", name, off.tv_sec, off.tv_nsec);
}

/* Rate and leap seconds; of a follower, whose @tn is NULL, as the host has them */
static void timens_tk_show_policy(struct seq_file *m, struct timekeeper_ns *tn)
{
	static const char *const state[] = {
		[TIMENS_SMEAR_NONE]	= "none",
		[TIMENS_SMEAR_WAITING]	= "waiting",
		[TIMENS_SMEAR_RUNNING]	= "running",
		[TIMENS_SMEAR_BACK]	= "back",
	};
	struct timens_tk_rate rate = { 1, 1 };
	struct timens_smear s = { 0 };
	bool stopped = false;
	unsigned long flags;
	char name[40];
	s64 phase = 0;

	if (tn) {
		flags = timens_tk_lock_current(tn);
		rate = tn->rate;
		stopped = tn->stopped;
		s = tn->smear;
		phase = timens_smear_phase(&s, timens_tk_unsmeared(tn, timens_tk_counter(tn)));
		raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
	}
	seq_printf(m, rate.den == 1 ? "%-10s %10u" : "%-10s %10u/%u", "rate", rate.num, rate.den);
	/* The rate is what it goes on with */
	seq_puts(m, stopped ? " stopped\n" : "\n");
	seq_printf(m, "%-10s %s\n", "leap", timens_smear_name(&s.policy, name, sizeof(name)));
	seq_printf(m, "%-10s %s", "smear", state[s.state]);
	if (s.state != TIMENS_SMEAR_NONE)
		seq_printf(m, " %lld %lld %lld", div_s64(s.start, NSEC_PER_SEC),
			   div_s64(s.end, NSEC_PER_SEC), phase);
	seq_putc(m, '\n');
}

/* Which boot of which machine this is: a number at random, the same for all who ask */
static s64 timens_tk_machine(void)
{
	static s64 machine;
	s64 any = (get_random_u64() >> 1) | 1;

	/* Nothing depends on what else who comes first has written */
	cmpxchg_relaxed(&machine, 0, any);
	return READ_ONCE(machine);
}

/* What it takes to save or to restore a clock; it is too much for the stack */
struct timens_tk_buffer {
	struct timekeeper_ns	clock;
	struct timens_saved	saved;
	char			text[TIMENS_SAVE_TEXT];
};

/*
 * The state of an owner behind the summary: see timens_save.c. It is that of a copy, which
 * is brought to the present; the clock itself is left alone.
 */
static int timens_tk_show_state(struct timekeeper_ns *tn, struct seq_file *m)
{
	struct timens_tk_buffer *buf = kzalloc(sizeof(*buf), GFP_KERNEL);
	/* The random numbers have a lock which is not for under a raw one */
	s64 machine = timens_tk_machine();
	unsigned long flags;
	bool own;

	if (!buf)
		return -ENOMEM;
	flags = timens_tk_lock_current(tn);
	own = tn->state == TIMENS_TK_OWN;
	if (own) {
		timens_tk_copy(&buf->clock, tn);
		timens_save_clock(&buf->clock, timens_tk_counter(tn), &tk_core, machine,
				  &buf->saved);
	}
	raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
	if (own) {
		timens_save_text(&buf->saved, buf->text, sizeof(buf->text));
		seq_puts(m, buf->text);
	}
	kfree(buf);
	return 0;
}

/**
 * timens_tk_show_clock - Print state, offsets and steering of a namespace
 * @ns:		The namespace, or the initial one
 * @m:		The file
 *
 * Behind this summary an owner has its state, as a text which is a command: see
 * timens_save.c. Who follows an owner has none of its own, but a line which says whose
 * clock it is: the inode number of that time namespace, and its state.
 *
 * Return: 0 or -ENOMEM
 */
int timens_tk_show_clock(struct time_namespace *ns, struct seq_file *m)
{
	struct timekeeper_ns *tn, *owner;
	struct timens_tk_pair p;
	u64 tick;

	/* Again if it has got its clock, and been written to, in between: that stays */
	do {
		tn = timens_tk_of(ns);
		owner = tn ? timens_tk_owner_of(tn) : NULL;
		if (owner)
			tn = owner;
		if (tn)
			timens_tk_refresh(tn);
		timens_tk_read_pair(ns, CLOCK_REALTIME, CLOCK_REALTIME, &p);
	} while (unlikely(p.own && !tn));
	seq_printf(m, "%-10s %s\n", "state", p.own && !owner ? "own" : "follow");
	if (owner)
		seq_printf(m, "%-10s %10u %s\n", "follows", owner->ns->ns.inum,
			   p.own ? "own" : "follow");
	timens_tk_show_offset(m, "realtime", timespec64_sub(p.ns, p.host));
	timens_tk_show_offset(m, "monotonic", timens_tk_offset(ns, CLOCK_MONOTONIC));
	timens_tk_show_offset(m, "boottime", timens_tk_offset(ns, CLOCK_BOOTTIME));
	timens_tk_show_offset(m, "tai", timens_tk_offset(ns, CLOCK_TAI));

	/* Nanoseconds per second on top of a second, NTP slewing included */
	tick = READ_ONCE((p.own ? &tn->ntp : &tk_ntp_data)->tick_length);
	seq_printf(m, "%-10s %10lld\n", "frequency",
		   (s64)(tick * NTP_INTERVAL_FREQ - ((u64)NSEC_PER_SEC << NTP_SCALE_SHIFT)) >>
		   NTP_SCALE_SHIFT);
	timens_tk_show_policy(m, p.own ? tn : NULL);
	return p.own && !owner ? timens_tk_show_state(tn, m) : 0;
}

/* A number without sign: digits, and with @scale up to nine more after a point */
static int timens_tk_parse_number(const char **text, u64 *num, u64 *scale)
{
	const char *p = *text;
	unsigned int places = 0;
	bool point = false;

	*num = 0;
	*scale = 1;
	if (!isdigit(*p))
		return -EINVAL;
	for (;; p++) {
		if (*p == '.' && !point && isdigit(p[1])) {
			point = true;
			continue;
		}
		if (!isdigit(*p))
			break;
		if (point && ++places > 9)
			return -EINVAL;
		/* 2^64 has twenty digits */
		if (*num > U64_MAX / 100)
			return -EINVAL;
		*num = *num * 10 + (*p - '0');
		*scale *= point ? 10 : 1;
	}
	*text = p;
	return 0;
}

/**
 * timens_tk_parse_rate - Read a rate
 * @text:	A decimal number, or two whole ones with a slash in between
 * @rate:	Storage for the rate, as a reduced fraction
 *
 * Return: 0, -EINVAL if @text is something else, or -ERANGE
 */
int timens_tk_parse_rate(const char *text, struct timens_tk_rate *rate)
{
	u64 num, den, scale;
	int ret;

	ret = timens_tk_parse_number(&text, &num, &den);
	if (!ret && *text == '/' && den == 1) {
		text++;
		ret = timens_tk_parse_number(&text, &den, &scale);
		if (!ret && scale != 1)
			ret = -EINVAL;
	}
	if (ret || *text)
		return -EINVAL;
	return timens_tk_make_rate(num, den, rate);
}

static int timens_tk_rate_op(struct timekeeper_ns *tn, void *data)
{
	const struct timens_tk_rate *rate = data;
	struct timens_tk_raw raw;

	timens_tk_host_raw(&tk_core, &raw);
	return timens_tk_do_rate(tn, *rate, &raw);
}

static ktime_t timens_tk_host_boot(u64 cycles)
{
	return timespec64_to_ktime(timens_save_host_at(&tk_core, CLOCK_BOOTTIME, cycles));
}

static int timens_tk_stop_op(struct timekeeper_ns *tn, void *data)
{
	struct timens_tk_raw raw;

	timens_tk_host_raw(&tk_core, &raw);
	timens_tk_do_stop(tn, &raw, timens_tk_host_boot(tn->cycle_now));
	return 0;
}

/* @data: not NULL if the clock has run on meanwhile */
static int timens_tk_go_op(struct timekeeper_ns *tn, void *data)
{
	u64 now = timens_tk_counter(tn);
	struct timens_tk_raw raw;

	timens_tk_host_raw(&tk_core, &raw);
	timens_tk_do_go(tn, &raw, now, data ? timens_tk_host_boot(now) : KTIME_MAX);
	return 0;
}

static int timens_tk_stop(struct time_namespace *ns)
{
	int ret = timens_tk_modify(ns, timens_tk_stop_op, NULL);

	if (!ret)
		timens_own_audit(ns, "stop", NULL, NULL, NULL);
	return ret;
}

/*
 * What does not stand goes already: a follower does not become an owner, unless the owner
 * which it follows stands
 */
static int timens_tk_go(struct time_namespace *ns, bool elapsed)
{
	struct timekeeper_ns *tn = timens_tk_of(ns), *owner;
	int ret;

	if (!tn || timens_tk_state_of(tn) != TIMENS_TK_OWN)
		return 0;
	owner = timens_tk_owner_of(tn);
	if (owner && !READ_ONCE(owner->stopped))
		return 0;
	ret = timens_tk_modify(ns, timens_tk_go_op, elapsed ? ns : NULL);
	if (!ret)
		timens_own_audit(ns, "go", NULL, NULL, NULL);
	return ret;
}

static int timens_tk_policy_op(struct timekeeper_ns *tn, void *data)
{
	return timens_tk_do_policy(tn, data);
}

static int timens_tk_restore_op(struct timekeeper_ns *tn, void *data)
{
	struct timens_restore *r = data;

	/* See "What is restored" in timens_save.c */
	r->entered = tn->entered || smp_load_acquire(&tn->ns->frozen_offsets);
	return timens_save_restore(tn, r);
}

/* "elapsed" or "frozen", and the state in the lines behind it */
static int timens_tk_restore(struct time_namespace *ns, char *text)
{
	struct timens_restore r = { .host = &tk_core, .machine = timens_tk_machine() };
	char *how = strsep(&text, "\n");
	struct timens_tk_buffer *buf;
	struct timens_tk_rate rate;
	int ret;

	r.elapsed = !strcmp(how, "elapsed");
	if (!text || (!r.elapsed && strcmp(how, "frozen")))
		return -EINVAL;
	buf = kzalloc(sizeof(*buf), GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	r.saved = &buf->saved;
	r.scratch = &buf->clock;
	ret = timens_save_parse(text, &buf->saved);
	if (!ret)
		ret = timens_tk_modify(ns, timens_tk_restore_op, &r);
	if (!ret) {
		timens_tk_stepped(ns, &r.step);
		rate = buf->clock.rate;
		timens_own_audit(ns, "restore", &r.step, &rate, NULL);
	}
	kfree(buf);
	return ret;
}

/**
 * timens_tk_write_clock - Execute a command for the clock of a namespace
 * @file:	The file which was opened for writing
 * @ns:		The namespace
 * @buf:	The command; the function may modify it
 *
 * "follow" gives the clock back, "go" lets one go on which "stop" made stand. "leap" with a
 * policy, "rate" with a number, "stop" and "restore" with a state make the namespace an
 * owner of its clock, as any other write.
 *
 * Return: 0, -EPERM without CAP_SYS_TIME in the user namespace which owns @ns,
 * -EINVAL for what is no command and for the initial namespace, -ERANGE for a
 * number out of its range, -EPROTONOSUPPORT for a state of another version, -EBUSY
 * if a leap second is being smeared in another way, -ENOMEM, -EOPNOTSUPP if the
 * namespace may not own a clock, -EPERM if besides it follows an owner, -ENOSPC if too
 * many do
 */
int timens_tk_write_clock(struct file *file, struct time_namespace *ns, char *buf)
{
	struct timens_smear_policy policy;
	struct timens_tk_rate rate;
	size_t len = strlen(buf);
	int ret;

	if (!file_ns_capable(file, ns->user_ns, CAP_SYS_TIME))
		return -EPERM;
	if (len && buf[len - 1] == '\n')
		buf[len - 1] = '\0';
	if (ns == &init_time_ns)
		return -EINVAL;

	if (!strcmp(buf, "follow"))
		return timens_tk_follow(ns);
	if (!strcmp(buf, "stop"))
		return timens_tk_stop(ns);
	if (!strcmp(buf, "go") || !strcmp(buf, "go elapsed"))
		return timens_tk_go(ns, buf[2]);
	len = str_has_prefix(buf, "leap ");
	if (len) {
		ret = timens_smear_parse(&policy, buf + len);
		if (!ret)
			ret = timens_tk_modify(ns, timens_tk_policy_op, &policy);
		if (!ret)
			timens_own_audit(ns, "leap", NULL, NULL, NULL);
		return ret;
	}
	len = str_has_prefix(buf, "rate ");
	if (len) {
		ret = timens_tk_parse_rate(buf + len, &rate);
		if (!ret)
			ret = timens_tk_modify(ns, timens_tk_rate_op, &rate);
		if (!ret)
			timens_own_audit(ns, "rate", NULL, &rate, NULL);
		return ret;
	}
	len = str_has_prefix(buf, "restore ");
	if (len)
		return timens_tk_restore(ns, buf + len);
	return -EINVAL;
}
