// SPDX-License-Identifier: GPL-2.0
/*
 * The tick path of the kernel as a part of an ordinary process
 *
 * timekeeping.c, ntp.c, vsyscall.c, hrtimer.c, clocksource.c, time.c, the
 * timens_*.c files, the spinlocks and mutexes, red-black trees and bitmaps are
 * the kernel's, compiled from build/linux with the very command lines of the
 * kernel's build and run through objtool as there (bench/native.sh). timens_tk.c
 * and timens_debugfs.c are included below, for their static functions to be
 * reachable. What runs is thus what runs in the kernel, instruction for
 * instruction, with these differences:
 *
 *  - interrupts are not disabled and enabled (include/asm/irqflags.h): a process
 *    may not
 *  - static keys are in the state in which the kernel's text is linked, as text is
 *    not patched here: all tracepoints off. That of the tick path, timens_tk_key,
 *    is off as well: its branch is not taken, and native.c calls what is behind it
 *  - alternatives are not patched, but what they choose in the pass is the read of
 *    the counter, which tkn_counter_read() does with the RDTSCP that a kernel
 *    on a CPU which has it takes; a few instructions more make it the counter of
 *    ticks which are not waited for
 *  - per-CPU variables have offset zero, as the base of GS is zero in a process
 *
 * Functions and variables of other parts of the kernel are stand-ins, below. A
 * symbol which has none ends the program when it is touched.
 *
 * What this does NOT include, and a kernel has around it: entry and exit of the
 * interrupt, what else is in a tick, contention with other CPUs for the locks
 * and cache lines, lockdep and other debugging, the programming of the clock
 * event device for a wake timer (the timer itself is queued by the real code, in
 * the mode without high resolution), the work queue which moves timers behind a
 * step (queued by a stand-in), and memory as the kernel maps it: huge pages stand
 * for the direct mapping, kernel text is in small pages here.
 */
#include "timens_tk.c"
#include "timens_debugfs.c"

#include <linux/clocksource.h>
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/percpu.h>
#include <linux/syscore_ops.h>
#include <linux/timekeeper_ns.h>
#include <asm/current.h>

#include "shared.h"

const unsigned int tkn_hz = HZ;

/* objtool has a list of functions which do not return */
#define tkn_die(what)			\
	do {				\
		tkn_fail(what);		\
		__builtin_trap();	\
	} while (0)

/*
 * The clocksource
 */

unsigned long long tkn_start_cycles;
unsigned long long tkn_start_tsc;
unsigned int tkn_slowness = TICK_SLOW;

/* As rdtsc_ordered() with its alternative for RDTSCP */
static __always_inline u64 tkn_tsc(void)
{
	u32 low, high;

	asm volatile("rdtscp" : "=a" (low), "=d" (high) : : "ecx", "memory");
	return (u64)high << 32 | low;
}

static u64 tkn_counter_read(struct clocksource *cs)
{
	return tkn_start_cycles + ((tkn_tsc() - tkn_start_tsc) >> tkn_slowness);
}

static u64 tkn_virtual_read(struct clocksource *cs)
{
	return tkn_start_cycles & cs->mask;
}

static struct clocksource tkn_clocksource = {
	.name	= "tick",
	.rating	= 300,
	.flags	= CLOCK_SOURCE_IS_CONTINUOUS | CLOCK_SOURCE_VALID_FOR_HRES,
};

struct clocksource *clocksource_default_clock(void)
{
	return &tkn_clocksource;
}

static s64 tkn_utc;

void read_persistent_clock64(struct timespec64 *ts)
{
	ts->tv_sec = tkn_utc;
	ts->tv_nsec = 0;
}

/*
 * One CPU, one task
 */

DEFINE_PER_CPU_ALIGNED(struct pcpu_hot, pcpu_hot);
DEFINE_PER_CPU_READ_MOSTLY(unsigned long, this_cpu_off);
unsigned long __per_cpu_offset[NR_CPUS];
struct cpumask __cpu_online_mask;
struct time_namespace init_time_ns;
struct user_namespace init_user_ns;
/* Of the one user */
static struct ucounts tkn_ucounts = { .ns = &init_user_ns };
u64 jiffies_64 = INITIAL_JIFFIES;
asm(".globl jiffies\n\t.set jiffies, jiffies_64");
asm(".globl const_pcpu_hot\n\t.set const_pcpu_hot, pcpu_hot");

static struct task_struct tkn_task;
static struct nsproxy tkn_nsproxy;

int __cond_resched(void)
{
	return 0;
}

bool ns_capable(struct user_namespace *ns, int cap)
{
	return true;
}

/*
 * Time's neighbours
 */

/* The data of the host's page; in a page of its own, as in the kernel */
struct vdso_data _vdso_data[CS_BASES] __aligned(PAGE_SIZE);
unsigned int vclocks_used;

struct vdso_data *arch_get_vdso_data(void *page)
{
	/* See DECLARE_VVAR() in asm/vvar.h */
	return page + 128;
}

u64 local_clock(void)
{
	return 0;
}

void timerfd_ns_clock_was_set(struct timens_timer_cancel *cancel)
{
}

int tick_check_oneshot_change(int allow_nohz)
{
	return 0;
}

void open_softirq(int nr, void (*action)(void))
{
}

int raw_notifier_call_chain(struct raw_notifier_head *nh, unsigned long val, void *v)
{
	return 0;
}

void add_device_randomness(const void *buf, size_t len)
{
}

int static_key_count(struct static_key *key)
{
	return atomic_read(&key->enabled);
}

bool static_key_slow_inc(struct static_key *key)
{
	atomic_inc(&key->enabled);
	return true;
}

__printf(1, 2)
int _printk(const char *fmt, ...)
{
	/* Warnings and worse; without their arguments they tell what they are */
	if (printk_get_level(fmt) > '0' + LOGLEVEL_WARNING)
		return 0;
	return tkn_print("%s", printk_skip_level(fmt));
}

/*
 * Work
 */

struct workqueue_struct *system_wq;
struct workqueue_struct *system_unbound_wq;
struct workqueue_struct *system_freezable_power_efficient_wq;

static LIST_HEAD(tkn_works);
static u64 tkn_nr_works;

bool queue_work_on(int cpu, struct workqueue_struct *wq, struct work_struct *work)
{
	if (test_and_set_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(work)))
		return false;
	list_add_tail(&work->entry, &tkn_works);
	tkn_nr_works++;
	return true;
}

static void tkn_run_works(void)
{
	struct work_struct *work;

	while (!list_empty(&tkn_works)) {
		work = list_first_entry(&tkn_works, struct work_struct, entry);
		list_del_init(&work->entry);
		clear_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(work));
		work->func(work);
	}
}

/*
 * Memory: slabs as large as the kernel's for objects of one to two KiB, filled
 * one object behind the other, and a page for each namespace
 */

#define TICK_SLAB	(PAGE_SIZE * 8)

struct kmem_cache {
	size_t	size;
	u32	per_slab;
	u32	used;
	void	*slab;
};

static void *tkn_arena, *tkn_arena_end;
static struct page *tkn_pages;
static void *tkn_pages_memory;
static unsigned long tkn_nr, tkn_max;

/* page_address() of tkn_pages[i] is the i-th page of the memory */
static struct mem_section tkn_section;
static struct mem_section *tkn_root[1] = { &tkn_section };
struct mem_section **mem_section = tkn_root;

static void *tkn_take(size_t size, size_t align)
{
	void *p = PTR_ALIGN(tkn_arena, align);

	if (p + size > tkn_arena_end)
		tkn_die("the arena is too small");
	tkn_arena = p + size;
	return p;
}

/* Nobody is charged here, nor told, and everybody may own a clock */
int timens_own_charge(struct time_namespace *ns)
{
	return 0;
}

void timens_own_give(struct time_namespace *ns)
{
}

bool timens_own_allowed(const struct time_namespace *ns)
{
	return true;
}

void timens_own_tell(struct time_namespace *ns)
{
}

void timens_own_audit(const struct time_namespace *ns, const char *op,
		      const struct timespec64 *step, const struct timens_tk_rate *rate,
		      const struct audit_ntp_data *ntp)
{
}

struct mem_cgroup *mem_cgroup_from_slab_obj(void *p)
{
	return NULL;
}

struct kmem_cache *__kmem_cache_create_args(const char *name, unsigned int object_size,
					    struct kmem_cache_args *args, slab_flags_t flags)
{
	struct kmem_cache *s = tkn_take(sizeof(*s), SMP_CACHE_BYTES);
	size_t align = max_t(size_t, args->align, flags & SLAB_HWCACHE_ALIGN ? SMP_CACHE_BYTES : 8);

	s->size = ALIGN(object_size, align);
	s->per_slab = TICK_SLAB / s->size;
	if (!s->per_slab)
		tkn_die("an object is larger than a slab");
	s->used = s->per_slab;
	return s;
}

void *kmem_cache_alloc_noprof(struct kmem_cache *s, gfp_t flags)
{
	if (s->used == s->per_slab) {
		s->slab = tkn_take(TICK_SLAB, TICK_SLAB);
		s->used = 0;
	}
	return memset(s->slab + s->size * s->used++, 0, s->size);
}

/* The logs of the past, which double a few times: what they leave is not used again */
void *__kmalloc_noprof(size_t size, gfp_t flags)
{
	return tkn_take(size, SMP_CACHE_BYTES);
}

void kfree(const void *memory)
{
}

static void tkn_init_pages(void)
{
	unsigned long pfn;

	tkn_pages = tkn_take(tkn_max * sizeof(struct page), SMP_CACHE_BYTES);
	tkn_pages_memory = tkn_take(tkn_max * PAGE_SIZE, PAGE_SIZE);
	memset(tkn_pages, 0, tkn_max * sizeof(struct page));
	memset(tkn_pages_memory, 0, tkn_max * PAGE_SIZE);
	pfn = ((unsigned long)tkn_pages_memory - PAGE_OFFSET) >> PAGE_SHIFT;
	tkn_section.section_mem_map = (unsigned long)(tkn_pages - pfn);
	if (page_address(&tkn_pages[tkn_max - 1]) !=
	    tkn_pages_memory + (tkn_max - 1) * PAGE_SIZE)
		tkn_die("the pages are not where the kernel looks for them");
}

/*
 * What native.c calls
 */

/**
 * tkn_boot - Start the host's clock, with no other namespace
 * @counter:	The counter
 * @utc:	CLOCK_REALTIME of the host (secs)
 * @arena:	Memory for all that is allocated
 * @size:	Its size
 * @namespaces:	Most namespaces that will be made
 */
void tkn_boot(const struct tkn_counter *counter, long long utc, void *arena,
	       unsigned long size, unsigned long namespaces)
{
	bool khz = counter->hz > 1000000000ULL && counter->hz % 1000 == 0;

	tkn_arena = arena;
	tkn_arena_end = arena + size;
	tkn_max = max(namespaces, 1);
	tkn_utc = utc;
	tkn_nsproxy.time_ns = &init_time_ns;
	tkn_task.nsproxy = &tkn_nsproxy;
	this_cpu_write(pcpu_hot.current_task, &tkn_task);
	cpumask_set_cpu(0, &__cpu_online_mask);
	tkn_init_pages();

	tkn_clocksource.mask = CLOCKSOURCE_MASK(counter->bits);
	tkn_clocksource.read = counter->virtual ? tkn_virtual_read : tkn_counter_read;
	tkn_clocksource.vdso_clock_mode = counter->vdso ? VDSO_CLOCKMODE_TSC : VDSO_CLOCKMODE_NONE;
	/* The TSC is registered in kHz, all others in Hz */
	__clocksource_update_freq_scale(&tkn_clocksource, khz ? 1000 : 1,
					khz ? counter->hz / 1000 : counter->hz);
	timekeeping_init();
	hrtimers_init();
	if (timens_tk_init() || timens_tk_knobs_init())
		tkn_die("timens_tk_init");
}

/* A new namespace with a clock, which follows the host so far */
struct time_namespace *tkn_new(void)
{
	struct time_namespace *ns = tkn_take(sizeof(*ns), SMP_CACHE_BYTES);

	if (tkn_nr == tkn_max)
		tkn_die("too many namespaces");
	memset(ns, 0, sizeof(*ns));
	ns->user_ns = &init_user_ns;
	ns->ucounts = &tkn_ucounts;
	ns->ns.inum = tkn_nr;
	refcount_set(&ns->ns.count, 1);
	ns->vvar_page = &tkn_pages[tkn_nr++];
	/* No timer is armed in it, and there is one CPU: nothing of timens_tk_give() is missing */
	ns->tk = timens_tk_alloc(ns, true);
	if (IS_ERR(ns->tk))
		tkn_die("timens_tk_alloc");
	timens_timer_add_ns(ns->tk);
	return ns;
}

int tkn_set_interval(unsigned int ms)
{
	return timens_tk_set_interval(ms);
}

static void tkn_enter(struct time_namespace *ns)
{
	tkn_nsproxy.time_ns = ns ?: &init_time_ns;
}

int tkn_settime(struct time_namespace *ns, long long sec, long nsec)
{
	struct timespec64 ts = { .tv_sec = sec, .tv_nsec = nsec };
	int ret;

	tkn_enter(ns);
	ret = do_sys_settimeofday64(&ts, NULL);
	tkn_enter(NULL);
	return ret;
}

static int tkn_adjtimex(struct time_namespace *ns, struct __kernel_timex *txc)
{
	int ret;

	tkn_enter(ns);
	ret = timens_adjtimex(txc);
	tkn_enter(NULL);
	return ret < 0 ? ret : 0;
}

/* In ppm, scaled by 2^16; @ns may be NULL for the host's clock, as below */
int tkn_set_frequency(struct time_namespace *ns, long freq)
{
	struct __kernel_timex txc = { .modes = ADJ_FREQUENCY, .freq = freq };

	return tkn_adjtimex(ns, &txc);
}

int tkn_set_status(struct time_namespace *ns, int status)
{
	struct __kernel_timex txc = { .modes = ADJ_STATUS, .status = status };

	return tkn_adjtimex(ns, &txc);
}

int tkn_set_tai(struct time_namespace *ns, int tai)
{
	struct __kernel_timex txc = { .modes = ADJ_TAI, .constant = tai };

	return tkn_adjtimex(ns, &txc);
}

/* The host's part of a tick; timens_tk_key is off, so that it ends there */
void tkn_host(void)
{
	jiffies_64++;
	update_wall_time();
}

/* What the kernel does behind a tick: expire timers, and the work of kernel threads */
void tkn_between(void)
{
	hrtimer_run_queues();
	tkn_run_works();
}

void tkn_stats(struct tkn_stats *stats)
{
	const struct timens_tk_calendar *cal = &timens_tk_cal;

	*stats = (struct tkn_stats){
		.own		= cal->nr_own,
		.passes		= cal->passes,
		.carried	= cal->carried,
		.busy		= cal->busy,
		.max_batch	= cal->max_batch,
		.budget		= cal->interval > 1 ? cal->budget : UINT_MAX,
		.interval	= cal->interval,
		.works		= tkn_nr_works,
	};
}

/**
 * tkn_line - What a clock shows, and what NTP wants it to
 * @ns:		The namespace, which owns its clock, or NULL for the host
 * @line:	Storage
 */
void tkn_line(struct time_namespace *ns, struct tkn_line *line)
{
	struct tk_data *tkd = ns ? &ns->tk->tkd : &tk_core;
	const struct timekeeper *tk = &tkd->timekeeper;
	const struct tk_read_base *tkr = &tk->tkr_mono;

	*line = (struct tkn_line){
		.cycle_last	= tkr->cycle_last,
		.sec		= tk->xtime_sec,
		.xnsec		= tkr->xtime_nsec,
		.mult		= tkr->mult,
		.shift		= tkr->shift,
		.mask		= tkr->mask,
		.bend		= ns ? ns->tk->cycle_now : tkr->cycle_last,
		.interval	= tk->cycle_interval,
		.length		= ntp_tick_length(tkd->ntp) -
				  ((u64)tk->xtime_remainder << tk->ntp_error_shift),
		.error		= tk->ntp_error,
	};
}

/* A system call's read at a counter value, of a namespace which owns its clock */
void tkn_read(struct time_namespace *ns, int clock, unsigned long long cycles,
	       long long *sec, long *nsec)
{
	struct timespec64 ts;

	timens_tk_read_at(ns->tk, clock, cycles, &ts);
	*sec = ts.tv_sec;
	*nsec = ts.tv_nsec;
}

/* What of the page is in use */
const void *tkn_page(struct time_namespace *ns, unsigned long *size)
{
	*size = CS_BASES * sizeof(struct vdso_data);
	return ns->tk->vdata;
}

const void *tkn_object(struct time_namespace *ns, unsigned long *size)
{
	*size = sizeof(*ns->tk);
	return ns->tk;
}
