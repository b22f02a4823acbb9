/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One timekeeper per time namespace: what the rest of the kernel calls.
 *
 * The design is in Documentation/timers/timens-timekeeper.rst, the map of the code
 * and its locks in the opening comment of kernel/time/timens_tk.c.
 */
#ifndef _LINUX_TIMEKEEPER_NS_H
#define _LINUX_TIMEKEEPER_NS_H

#include <linux/jump_label_ratelimit.h>
#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/time64.h>
#include <linux/timex.h>
#include <linux/types.h>

struct clocksource;
struct file;
struct page;
struct seq_file;
struct task_struct;
struct time_namespace;
struct timekeeper;
struct timekeeper_ns;
struct timens_offsets;
struct timezone;

/* Defined with CONFIG_TIMEKEEPER_NS only */
struct page *timens_tk_owner_page(const struct time_namespace *ns);
void timens_tk_get_offsets(struct time_namespace *ns, struct timens_offsets *offs);

#ifdef CONFIG_TIMEKEEPER_NS

/*
 * Enabled while at least one time namespace has a clock of its own. Modules have no access
 * to it: what they call is out of line, and looks at the key there.
 */
extern struct static_key_false_deferred timens_tk_key;

/* Lifetime; process context */
int timens_tk_give(struct time_namespace *ns);
int timens_tk_clone(struct time_namespace *ns, struct time_namespace *old);
struct time_namespace *timens_tk_free(struct time_namespace *ns);

/* Reading; any context with a valid current->nsproxy */
bool __timens_tk_get_ts64(clockid_t clk, struct timespec64 *ts);
void timens_tk_coarse_real(struct time_namespace *ns, struct timespec64 *ts);
bool __timens_tk_getboottime64(struct timespec64 *ts);
bool __timens_tk_get_tz(struct timezone *tz);
ktime_t timens_tk_real_from_host(ktime_t real);
ktime_t timens_tk_real_for(struct time_namespace *ns, ktime_t real);
void timens_tk_ts_from_host(clockid_t clk, struct timespec64 *ts);
ktime_t timens_tk_txtime_to_host(clockid_t clk, ktime_t tim);
ktime_t timens_tk_txtime_from_host(clockid_t clk, ktime_t tim);
time64_t timens_tk_sec_to_host(time64_t sec);
time64_t timens_tk_sec_from_host(time64_t sec);
long __timens_tk_timeo(long timeo);
struct time_namespace *timens_tk_get_current(void);
void timens_tk_put(struct time_namespace *ns);

/* When a task started; see kernel/time/timens_past.c for the context */
void timens_tk_note_start(struct task_struct *p);
void timens_tk_take_start(struct task_struct *p, const struct task_struct *leader);
u64 timens_tk_start_boottime(const struct task_struct *p);

/* Setting; process context */
bool timens_tk_current(void);
int timens_tk_settimeofday(const struct timespec64 *tv, const struct timezone *tz);
int timens_tk_adjtimex(struct __kernel_timex *txc);
int timens_tk_set_offsets(struct time_namespace *ns, const struct timens_offsets *offs,
			  bool raw_too);
void timens_tk_take_offsets(struct timekeeper_ns *tn, const struct timens_offsets *offs);
bool timens_tk_setup_page(struct time_namespace *ns);
void timens_tk_lock_offsets(struct timekeeper_ns *tn);
void timens_tk_unlock_offsets(struct timekeeper_ns *tn);
int timens_tk_show_clock(struct time_namespace *ns, struct seq_file *m);
int timens_tk_write_clock(struct file *file, struct time_namespace *ns, char *buf);

/* The host's timekeeping; see the functions for the context */
void __timens_tk_advance(void);
void __timens_tk_prepare_change(void);
void __timens_tk_finish_change(void);
void __timens_tk_change_clocksource(struct clocksource *old, u64 old_cycles);
void __timens_tk_suspend(void);
void __timens_tk_resume(const struct timespec64 *sleep);
void __timens_tk_inject_sleep(const struct timespec64 *sleep);
void __timens_tk_host_set(const struct timekeeper *tk);

/**
 * timens_tk_advance - Let the due namespaces take their pass
 *
 * Context: the tick, with interrupts disabled, without the host's timekeeper
 * lock.
 */
static inline void timens_tk_advance(void)
{
	if (static_branch_unlikely(&timens_tk_key.key))
		__timens_tk_advance();
}

/* Before the machine is stopped for a change, and after that */
static inline void timens_tk_prepare_change(void)
{
	if (static_branch_unlikely(&timens_tk_key.key))
		__timens_tk_prepare_change();
}

static inline void timens_tk_finish_change(void)
{
	if (static_branch_unlikely(&timens_tk_key.key))
		__timens_tk_finish_change();
}

static inline void timens_tk_change_clocksource(struct clocksource *old, u64 old_cycles)
{
	if (static_branch_unlikely(&timens_tk_key.key))
		__timens_tk_change_clocksource(old, old_cycles);
}

static inline void timens_tk_suspend(void)
{
	if (static_branch_unlikely(&timens_tk_key.key))
		__timens_tk_suspend();
}

static inline void timens_tk_resume(const struct timespec64 *sleep)
{
	if (static_branch_unlikely(&timens_tk_key.key))
		__timens_tk_resume(sleep);
}

static inline void timens_tk_inject_sleep(const struct timespec64 *sleep)
{
	if (static_branch_unlikely(&timens_tk_key.key))
		__timens_tk_inject_sleep(sleep);
}

/* Not behind the key: who becomes an owner later may have timestamps from before */
static inline void timens_tk_host_set(const struct timekeeper *tk)
{
	__timens_tk_host_set(tk);
}

/**
 * timens_tk_get_ts64 - Read a clock of which current may have its own
 * @clk:	CLOCK_REALTIME, TAI, MONOTONIC, BOOTTIME, MONOTONIC_RAW, a coarse
 *		or an alarm clock
 * @ts:		Storage for the time
 *
 * A part of timens_get_ts64(), which is the one to call.
 *
 * Return: true if @ts was read; false if the caller has to read the host's
 * clock and to apply the constant offset of the namespace, because that of current
 * has no clock.
 */
static inline bool timens_tk_get_ts64(clockid_t clk, struct timespec64 *ts)
{
	if (static_branch_unlikely(&timens_tk_key.key))
		return __timens_tk_get_ts64(clk, ts);
	return false;
}

/**
 * timens_tk_getboottime64 - CLOCK_REALTIME of the boot if current has its own
 * @ts:		Storage for the time
 *
 * A part of timens_getboottime64(), which is the one to call.
 *
 * Return: true if @ts was set, false as for timens_tk_get_ts64().
 */
static inline bool timens_tk_getboottime64(struct timespec64 *ts)
{
	if (static_branch_unlikely(&timens_tk_key.key))
		return __timens_tk_getboottime64(ts);
	return false;
}

/**
 * timens_tk_get_tz - The time zone which settimeofday() set in the namespace
 * @tz:		Storage for the time zone
 *
 * Return: true if @tz was set, false if the host's time zone applies.
 */
static inline bool timens_tk_get_tz(struct timezone *tz)
{
	if (static_branch_unlikely(&timens_tk_key.key))
		return __timens_tk_get_tz(tz);
	return false;
}

/**
 * timens_tk_timeo - Project a timeout onto the host's time line
 * @timeo:	Timeout on the clock of the namespace of current (jiffies)
 *
 * Return: what @timeo is on the host's clock at the present rates, rounded up
 * (jiffies); 0 and MAX_SCHEDULE_TIMEOUT stay what they are.
 */
static inline long timens_tk_timeo(long timeo)
{
	/* MAX_SCHEDULE_TIMEOUT, which most sockets have and every receive looks at */
	if (likely(timeo == LONG_MAX))
		return timeo;
	return __timens_tk_timeo(timeo);
}

#else /* !CONFIG_TIMEKEEPER_NS */

static inline int timens_tk_clone(struct time_namespace *ns, struct time_namespace *old)
{
	return 0;
}

static inline void timens_tk_note_start(struct task_struct *p) { }
static inline void timens_tk_take_start(struct task_struct *p, const struct task_struct *leader) { }
static inline struct time_namespace *timens_tk_free(struct time_namespace *ns) { return NULL; }
static inline bool timens_tk_setup_page(struct time_namespace *ns) { return false; }
static inline void timens_tk_lock_offsets(struct timekeeper_ns *tn) { }
static inline void timens_tk_unlock_offsets(struct timekeeper_ns *tn) { }
static inline void timens_tk_advance(void) { }
static inline void timens_tk_prepare_change(void) { }
static inline void timens_tk_finish_change(void) { }
static inline void timens_tk_change_clocksource(struct clocksource *old, u64 old_cycles) { }
static inline void timens_tk_suspend(void) { }
static inline void timens_tk_resume(const struct timespec64 *sleep) { }
static inline void timens_tk_inject_sleep(const struct timespec64 *sleep) { }
static inline bool timens_tk_get_ts64(clockid_t clk, struct timespec64 *ts) { return false; }
static inline bool timens_tk_getboottime64(struct timespec64 *ts) { return false; }
static inline bool timens_tk_get_tz(struct timezone *tz) { return false; }
static inline void timens_tk_host_set(const struct timekeeper *tk) { }
static inline ktime_t timens_tk_real_from_host(ktime_t real) { return real; }
static inline ktime_t timens_tk_real_for(struct time_namespace *ns, ktime_t real) { return real; }
static inline void timens_tk_ts_from_host(clockid_t clk, struct timespec64 *ts) { }
static inline ktime_t timens_tk_txtime_to_host(clockid_t clk, ktime_t tim) { return tim; }
static inline ktime_t timens_tk_txtime_from_host(clockid_t clk, ktime_t tim) { return tim; }
static inline time64_t timens_tk_sec_to_host(time64_t sec) { return sec; }
static inline time64_t timens_tk_sec_from_host(time64_t sec) { return sec; }
static inline long timens_tk_timeo(long timeo) { return timeo; }
static inline struct time_namespace *timens_tk_get_current(void) { return NULL; }
static inline void timens_tk_put(struct time_namespace *ns) { }

static inline bool timens_tk_current(void) { return false; }

static inline int timens_tk_settimeofday(const struct timespec64 *tv,
					 const struct timezone *tz)
{
	return 0;
}

static inline int timens_tk_adjtimex(struct __kernel_timex *txc) { return 0; }

static inline int timens_tk_set_offsets(struct time_namespace *ns,
					const struct timens_offsets *offs, bool raw_too)
{
	return 0;
}

#endif /* CONFIG_TIMEKEEPER_NS */

/**
 * timens_adjtimex - adjtimex() for current
 * @txc:	The request; filled with the state of the clock
 *
 * Who means the host's clock, whatever the task, calls do_adjtimex().
 *
 * Context: process context
 * Return: the state of the clock, TIME_*, or an error
 */
static inline int timens_adjtimex(struct __kernel_timex *txc)
{
	if (timens_tk_current())
		return timens_tk_adjtimex(txc);
	return do_adjtimex(txc);
}

#endif /* _LINUX_TIMEKEEPER_NS_H */
