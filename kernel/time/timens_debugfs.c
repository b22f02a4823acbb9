// SPDX-License-Identifier: GPL-2.0
/*
 * Knobs and counters of the timekeepers of time namespaces
 */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/seq_file.h>

#include "timens_line.h"

/* The parameters are those of the whole, not of this file */
#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "timens_tk."

/* Boot parameters */
static unsigned int timens_tk_interval_ms = TIMENS_TK_PERIOD * MSEC_PER_SEC;
module_param_named(interval_ms, timens_tk_interval_ms, uint, 0);
MODULE_PARM_DESC(interval_ms, "Milliseconds between two passes of a clock which nothing bends, 0: every tick");

static unsigned int timens_tk_budget = TIMENS_TK_BUDGET;
module_param_named(budget, timens_tk_budget, uint, 0);
MODULE_PARM_DESC(budget, "Steps of passes per tick");

static int timens_tk_set_interval(u64 ms)
{
	unsigned long flags;

	if (ms > TIMENS_TK_PERIOD * MSEC_PER_SEC)
		return -EINVAL;

	raw_spin_lock_irqsave(&timens_tk_cal.lock, flags);
	timens_tk_interval_ms = ms;
	timens_tk_interval = max(msecs_to_jiffies(ms), 1);
	ms = min(timens_tk_interval, timens_tk_calm_ticks(&tk_core.timekeeper));
	timens_tk_calendar_set(&timens_tk_cal, ms, timens_tk_cal.deadline);
	raw_spin_unlock_irqrestore(&timens_tk_cal.lock, flags);
	return 0;
}

static int timens_tk_set_budget(u64 steps)
{
	unsigned long flags;

	if (!steps || steps > UINT_MAX)
		return -EINVAL;
	/* What ticks took under another budget says nothing of this one */
	raw_spin_lock_irqsave(&timens_tk_cal.lock, flags);
	WRITE_ONCE(timens_tk_cal.budget, steps);
	timens_tk_cal.max_batch = 0;
	raw_spin_unlock_irqrestore(&timens_tk_cal.lock, flags);
	return 0;
}

static int timens_tk_interval_get(void *data, u64 *val)
{
	*val = READ_ONCE(timens_tk_interval_ms);
	return 0;
}

static int timens_tk_interval_put(void *data, u64 val)
{
	return timens_tk_set_interval(val);
}
DEFINE_DEBUGFS_ATTRIBUTE(timens_tk_interval_fops, timens_tk_interval_get,
			 timens_tk_interval_put, "%llu\n");

static int timens_tk_budget_get(void *data, u64 *val)
{
	*val = READ_ONCE(timens_tk_cal.budget);
	return 0;
}

static int timens_tk_budget_put(void *data, u64 val)
{
	return timens_tk_set_budget(val);
}
DEFINE_DEBUGFS_ATTRIBUTE(timens_tk_budget_fops, timens_tk_budget_get,
			 timens_tk_budget_put, "%llu\n");

static int timens_tk_stats_show(struct seq_file *m, void *v)
{
	struct timens_tk_calendar *cal = &timens_tk_cal;
	u64 passes, ticks, carried, busy, batch, late, switches, early, moved, looked;
	unsigned long flags;
	unsigned int own;

	raw_spin_lock_irqsave(&cal->lock, flags);
	own = cal->nr_own;
	passes = cal->passes;
	ticks = cal->ticks;
	carried = cal->carried;
	busy = cal->busy;
	batch = cal->max_batch;
	late = cal->max_late;
	switches = cal->switches;
	raw_spin_unlock_irqrestore(&cal->lock, flags);

	seq_printf(m, "own %u\npasses %llu\nticks %llu\ncarried %llu\nbusy %llu\n",
		   own, passes, ticks, carried, busy);
	seq_printf(m, "max_batch %llu\nlate %llu\nswitches %llu\nsteps %lld\nleaps %lld\n",
		   batch, late, switches, atomic64_read(&timens_tk_steps),
		   atomic64_read(&timens_tk_leaps));
	timens_timer_stats(&early, &moved, &looked);
	seq_printf(m, "timers_early %llu\ntimers_moved %llu\ntimerfds_looked %llu\n", early,
		   moved, looked);
	seq_printf(m, "patched %lld\n", atomic64_read(&timens_tk_patched));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(timens_tk_stats);

/* After timens_tk_tick_init(), as the objects are linked in that order */
static int __init timens_tk_knobs_init(void)
{
	if (timens_tk_set_interval(timens_tk_interval_ms)) {
		pr_warn("timens_tk: interval_ms=%u is not in 0..4000, using 4000\n",
			timens_tk_interval_ms);
		timens_tk_set_interval(TIMENS_TK_PERIOD * MSEC_PER_SEC);
	}
	if (timens_tk_set_budget(timens_tk_budget))
		pr_warn("timens_tk: budget must not be 0, using %u\n", TIMENS_TK_BUDGET);
	return 0;
}
core_initcall(timens_tk_knobs_init);

static int __init timens_tk_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("timekeeper_ns", NULL);

	debugfs_create_file("interval_ms", 0644, dir, NULL, &timens_tk_interval_fops);
	debugfs_create_file("budget", 0644, dir, NULL, &timens_tk_budget_fops);
	debugfs_create_file("stats", 0444, dir, NULL, &timens_tk_stats_fops);
	return 0;
}
late_initcall(timens_tk_debugfs_init);
