// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/PID/timens_clock: what the clock of a time namespace is, and commands to it
 */
#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/gcd.h>
#include <linux/math64.h>
#include <linux/seq_file.h>
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
	unsigned long flags;
	char name[40];
	s64 phase = 0;

	if (tn) {
		flags = timens_tk_lock_current(tn);
		rate = tn->rate;
		s = tn->smear;
		phase = timens_smear_phase(&s, timens_tk_unsmeared(tn, timens_tk_counter(tn)));
		raw_spin_unlock_irqrestore(&tn->tkd.lock, flags);
	}
	seq_printf(m, rate.den == 1 ? "%-10s %10u\n" : "%-10s %10u/%u\n", "rate", rate.num,
		   rate.den);
	seq_printf(m, "%-10s %s\n", "leap", timens_smear_name(&s.policy, name, sizeof(name)));
	seq_printf(m, "%-10s %s", "smear", state[s.state]);
	if (s.state != TIMENS_SMEAR_NONE)
		seq_printf(m, " %lld %lld %lld", div_s64(s.start, NSEC_PER_SEC),
			   div_s64(s.end, NSEC_PER_SEC), phase);
	seq_putc(m, '\n');
}

/**
 * timens_tk_show_clock - Print state, offsets and steering of a namespace
 * @ns:		The namespace, or the initial one
 * @m:		The file
 */
void timens_tk_show_clock(struct time_namespace *ns, struct seq_file *m)
{
	struct timekeeper_ns *tn = timens_tk_of(ns);
	struct timens_tk_pair p;
	u64 tick;

	if (tn)
		timens_tk_refresh(tn);
	timens_tk_read_pair(ns, CLOCK_REALTIME, CLOCK_REALTIME, &p);
	seq_printf(m, "%-10s %s\n", "state", p.own ? "own" : "follow");
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
	u64 num, den, scale, common;
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
	if (!num || !den)
		return -ERANGE;
	common = gcd(num, den);
	num = div64_u64(num, common);
	den = div64_u64(den, common);
	if (num > TIMENS_TK_RATE_PART || den > TIMENS_TK_RATE_PART ||
	    num > den * TIMENS_TK_RATE_MAX || den > num * TIMENS_TK_RATE_MIN)
		return -ERANGE;
	*rate = (struct timens_tk_rate){ num, den };
	return 0;
}

static int timens_tk_rate_op(struct timekeeper_ns *tn, void *data)
{
	const struct timens_tk_rate *rate = data;
	struct timens_tk_raw raw;

	timens_tk_host_raw(&tk_core, &raw);
	return timens_tk_do_rate(tn, *rate, &raw);
}

static int timens_tk_policy_op(struct timekeeper_ns *tn, void *data)
{
	return timens_tk_do_policy(tn, data);
}

/**
 * timens_tk_write_clock - Execute a command for the clock of a namespace
 * @file:	The file which was opened for writing
 * @ns:		The namespace
 * @buf:	The command; the function may modify it
 *
 * "follow" gives the clock back. "leap" with a policy and "rate" with a number
 * make the namespace an owner of its clock, as any other write.
 *
 * Return: 0, -EPERM without CAP_SYS_TIME in the user namespace which owns @ns,
 * -EINVAL for what is no command and for the initial namespace, -ERANGE for a
 * rate out of its range, -EBUSY if a leap second is being smeared in another
 * way, -ENOMEM, -EOPNOTSUPP if the namespace may not own a clock, -ENOSPC if too
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
	return -EINVAL;
}
