// SPDX-License-Identifier: GPL-2.0
/*
 * Which time namespaces may own a clock, how many, and who is told of it
 *
 * A task with CAP_SYS_TIME in the initial user namespace sets the host's clock
 * from inside any time namespace of mainline. Some containers are meant to do
 * that, so the administrator decides, with the boot parameter timens_tk.own and
 * the sysctl kernel.timens_own:
 *
 *   0	Nobody becomes an owner. Setters go to the host's clock, with the check
 *	of the host: CAP_SYS_TIME in the initial user namespace.
 *   1	Namespaces whose user namespace is not the initial one own what they set.
 *	The others set the host's clock.
 *   2	Each namespace owns what it sets.
 *
 * A change of the value concerns what becomes an owner from then on. Who owns a
 * clock keeps it, and so do those who follow it: their tasks would see time jump
 * otherwise. They may not set it: that is refused, since the host's clock is not
 * meant.
 *
 *
 * Two ways to be a setter
 * -----------------------
 *
 *   timens_tk_current()		a system call asks whose clock it sets
 *     timens_tk_modify()		  the namespace's
 *	 timens_own_allowed()		    it follows: may it own?
 *	 timens_own_charge()		    it gets a clock: is there room?
 *	 timens_own_tell()		    it is an owner: log, audit
 *     do_settimeofday64(), ...		  the host's
 *
 *   timens_tk_write_clock()		a command of timens_clock concerns no other
 *     timens_tk_modify()		clock: EOPNOTSUPP where the value forbids it
 *
 * A follower of an owner gets its clock by the same two, from a copy of the owner's
 * (timens_nested.c).
 *
 * Between the question and the change another task can give the clock back, or
 * the value can change. timens_tk_modify() decides, under timekeeper_ns::mutex;
 * a system call which it refuses is one for the host's clock. Memory is what is
 * limited, and a clock which was given back keeps it until its namespace goes.
 */
#include <linux/audit.h>
#include <linux/cred.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/sysctl.h>
#include <linux/time_namespace.h>
#include <linux/user_namespace.h>

#include "timekeeping_internal.h"
#include "timens_internal.h"

/* The parameters are those of the whole, not of this file */
#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "timens_tk."

/**
 * enum timens_own_policy - Which namespaces may become owners
 * @TIMENS_OWN_NONE:	None
 * @TIMENS_OWN_USER:	Those whose user namespace is not the initial one
 * @TIMENS_OWN_ALL:	All
 */
enum timens_own_policy {
	TIMENS_OWN_NONE,
	TIMENS_OWN_USER,
	TIMENS_OWN_ALL,
};

static unsigned int timens_own_policy __read_mostly = TIMENS_OWN_ALL;

static int timens_own_set_param(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, TIMENS_OWN_NONE, TIMENS_OWN_ALL);
}

static const struct kernel_param_ops timens_own_param_ops = {
	.set = timens_own_set_param,
	.get = param_get_uint,
};

/* At run time it is the sysctl's */
module_param_cb(own, &timens_own_param_ops, &timens_own_policy, 0);
MODULE_PARM_DESC(own, "Time namespaces which own the clock that they set: 0 none, 1 those of other user namespaces, 2 all");

static struct ctl_table timens_own_table[] = {
	{
		.procname	= "timens_own",
		.data		= &timens_own_policy,
		.maxlen		= sizeof(timens_own_policy),
		.mode		= 0644,
		.proc_handler	= proc_douintvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_TWO,
	},
};

static int __init timens_own_init(void)
{
	register_sysctl_init("kernel", timens_own_table);
	return 0;
}
core_initcall(timens_own_init);

/**
 * timens_own_allowed - Whether a namespace may become an owner
 * @ns:		The namespace
 *
 * Return: true if the administrator allows it
 */
bool timens_own_allowed(const struct time_namespace *ns)
{
	switch (READ_ONCE(timens_own_policy)) {
	case TIMENS_OWN_NONE:
		return false;
	case TIMENS_OWN_USER:
		return ns->user_ns != &init_user_ns;
	default:
		return true;
	}
}

/**
 * timens_own_charge - Count a clock
 * @ns:		The namespace which is going to get one
 *
 * The one who pays is the creator of @ns, in its user namespace and in those
 * above, as for the namespace itself.
 *
 * Return: 0, or -ENOSPC beyond max_time_clocks
 */
int timens_own_charge(struct time_namespace *ns)
{
	/* The same ucounts again, as ns->ucounts keeps them */
	if (!inc_ucount(ns->user_ns, ns->ucounts->uid, UCOUNT_TIME_CLOCKS))
		return -ENOSPC;
	return 0;
}

/**
 * timens_own_give - Count a clock off
 * @ns:		The namespace, whose clock is freed
 */
void timens_own_give(struct time_namespace *ns)
{
	dec_ucount(ns->ucounts, UCOUNT_TIME_CLOCKS);
}

/* Who is not known to the host's administrator could fill the log */
static bool timens_own_audit_limited(const struct time_namespace *ns)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);

	/* Nor is there a line in the kernel log about what was left out */
	ratelimit_set_flags(&limit, RATELIMIT_MSG_ON_RELEASE);
	return ns->user_ns != &init_user_ns && !__ratelimit(&limit);
}

/**
 * timens_own_tell - Tell the administrator of a new owner
 * @ns:		The namespace
 *
 * An owner of the initial user namespace may be a container that was meant to
 * set the host's clock, so the kernel log says the first time that it does not.
 * Others become owners without any right over the host: the audit log has them,
 * a limited number of times.
 *
 * Context: process context, without any lock: the audit log can be full and its
 * writers wait
 */
void timens_own_tell(struct time_namespace *ns)
{
	char comm[sizeof(current->comm)];
	struct audit_buffer *ab;

	if (ns->user_ns == &init_user_ns && !xchg(&ns->tk->told, true))
		pr_notice_ratelimited("timens: %s[%d] made time namespace %u own its clock: it does not set the host's (kernel.timens_own=%u)\n",
				      get_task_comm(comm, current), task_tgid_nr(current),
				      ns->ns.inum, READ_ONCE(timens_own_policy));

	if (!audit_enabled || timens_own_audit_limited(ns))
		return;
	ab = audit_log_start(audit_context(), GFP_KERNEL, AUDIT_TIME_NS);
	if (!ab)
		return;
	audit_log_format(ab, "op=own timens=%u", ns->ns.inum);
	audit_log_task_info(ab);
	audit_log_end(ab);
}

/**
 * timens_own_audit - Note for the audit log that the clock of a namespace is set
 * @ns:		The namespace
 * @op:		What was done, a word
 * @step:	By how much CLOCK_REALTIME was stepped, or NULL
 * @rate:	The new rate, or NULL
 * @ntp:	Values of NTP which changed, or NULL
 */
void timens_own_audit(const struct time_namespace *ns, const char *op,
		      const struct timespec64 *step, const struct timens_tk_rate *rate,
		      const struct audit_ntp_data *ntp)
{
	struct audit_timens at = { .op = op, .inum = ns->ns.inum };

	if (step)
		at.step = *step;
	if (rate) {
		at.num = rate->num;
		at.den = rate->den;
	}
	if (ntp)
		at.ntp = *ntp;
	audit_timens(&at);
}
