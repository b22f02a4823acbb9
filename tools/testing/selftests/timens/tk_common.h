/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared parts of the tests of time namespaces that own a clock (tk_*.c).
 *
 * Terms
 *	host	the time namespace that the test was started in
 *	ns	a time namespace made by the test
 *	line	REALTIME - MONOTONIC and its kin: constant while nobody steps a clock
 *
 * Bracket instead of tolerance
 *	A value read between two other reads has to lie between them. One
 *	single-threaded task may go back and forth between host and ns with
 *	setns(), so a ns clock can be read between two reads of the host's:
 *
 *	    host |----h1----------------------h2----|
 *	    ns            setns  o  setns
 *
 *	    o - h2 <= (ns - host) <= o - h1
 *
 *	Many such intervals for a difference that is meant to be constant have to
 *	have a common point. The intersection gets narrower with each sample,
 *	while a preempted sample is merely wide and proves nothing.
 *
 * Failures
 *	CHECK() counts in memory shared with every child, so helper processes in
 *	other namespaces take part; the fixture's teardown turns the count into the
 *	verdict of the test. REQUIRE() ends the process as well.
 *
 * Real time
 *	However late the machine lets a process run, a check must hold. So nothing is
 *	bound from above by real time, with two exceptions: tk_exact() says that time
 *	is counted in instructions, where lateness is the kernel's own; and what never
 *	comes is given up after tk_patience(), which is for hangs alone.
 *
 * The machine's clock
 *	tk_setup() refuses to go on without /proc/PID/timens_clock: on such a kernel
 *	a clock_settime() in a namespace would set the clock of the machine. With
 *	TK_ON_ANY_KERNEL=1 in the environment it goes on, which shows on a
 *	disposable machine that the tests can fail.
 */
#ifndef TK_COMMON_H
#define TK_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * The harness is not written for -Wextra: an unused parameter, and a variable over
 * setjmp() which only decides how a process ends that has failed already.
 */
#pragma GCC diagnostic ignored "-Wclobbered"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#if __has_include("../kselftest_harness.h")
#include "../kselftest_harness.h"
#else
#include "kselftest_harness.h"
#endif
#pragma GCC diagnostic pop

/*
 * For what hangs, where nobody else looks after that. The boot harness does, sooner:
 * a limit in seconds would be one for the speed of the machine.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 7200

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

typedef int64_t s64;
typedef uint64_t u64;

#define TK_SEC 1000000000LL
#define TK_MSEC 1000000LL
#define TK_USEC 1000LL
#define TK_DAY 86400LL
#define TK_YEAR (365 * TK_DAY)

/* What the kernel takes as the last second: LLONG_MAX ns less 30 years of uptime. */
#define TK_KTIME_SEC_MAX (INT64_MAX / TK_SEC)
#define TK_SETTOD_SEC_MAX (TK_KTIME_SEC_MAX - 30LL * 365 * 24 * 3600)

#define TK_ARRAY(a) (sizeof(a) / sizeof((a)[0]))

/* struct __kernel_timespec, the same for 64 and 32 bit */
struct tk_ts {
	s64 sec;
	s64 nsec;
};

struct tk_ts32 {
	int32_t sec;
	int32_t nsec;
};

/* struct __kernel_timex: glibc's struct timex is another one on i386 */
struct tk_timex {
	unsigned int modes;
	int pad0;
	s64 offset;
	s64 freq;
	s64 maxerror;
	s64 esterror;
	int status;
	int pad1;
	s64 constant;
	s64 precision;
	s64 tolerance;
	s64 time_sec;
	s64 time_usec;
	s64 tick;
	s64 ppsfreq;
	s64 jitter;
	int shift;
	int pad2;
	s64 stabil;
	s64 jitcnt;
	s64 calcnt;
	s64 errcnt;
	s64 stbcnt;
	int tai;
	int pad3[11];
};

/* ------------------------------------------------------------------ failures */

struct tk_shared {
	atomic_int failures;
	atomic_int printed;
};

static struct tk_shared *tk_shared;
static int tk_host_fd = -1;

#define TK_PRINT_MAX 25

static inline void __attribute__((format(printf, 4, 5)))
tk_fail(const char *file, int line, const char *cond, const char *fmt, ...)
{
	char text[512];
	const char *base = strrchr(file, '/');
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (tk_shared)
		atomic_fetch_add(&tk_shared->failures, 1);
	if (!tk_shared || atomic_fetch_add(&tk_shared->printed, 1) < TK_PRINT_MAX)
		fprintf(stderr, "# %s:%d: not so: %s: %s\n", base ? base + 1 : file, line, cond,
			text);
	errno = saved;
}

/* Say what is wrong and go on. */
#define CHECK(cond, ...) ({					\
	bool check_ok_ = !!(cond);				\
								\
	if (!check_ok_)						\
		tk_fail(__FILE__, __LINE__, #cond, __VA_ARGS__);	\
	check_ok_;						\
})

/* Without this the process cannot go on. */
#define REQUIRE(cond, ...) do {					\
	if (!CHECK(cond, __VA_ARGS__))				\
		_exit(KSFT_FAIL);				\
} while (0)

static inline int tk_failures(void)
{
	return atomic_load(&tk_shared->failures);
}

/* ------------------------------------------------------------- small helpers */

static inline s64 tk_ns(s64 sec, s64 nsec)
{
	return sec * TK_SEC + nsec;
}

static inline s64 tk_floor_div(s64 a, s64 b)
{
	s64 q = a / b;

	return a % b < 0 ? q - 1 : q;
}

static inline s64 tk_max(s64 a, s64 b)
{
	return a > b ? a : b;
}

static inline s64 tk_min(s64 a, s64 b)
{
	return a < b ? a : b;
}

/*
 * What two clocks of one rate may drift apart. The host's multiplier has at least
 * 23 bits (it has to last for 600 s without overflow), so between two ticks it may
 * be off by one unit, 2^-22 of the time that passes; the other one is finer. Each
 * of two reads rounds by a nanosecond.
 */
static inline s64 tk_unit(s64 elapsed)
{
	return (elapsed >> 22) + 2;
}

static inline s64 tk_read_s64(const char *path)
{
	char text[64], *end;
	ssize_t len;
	long long val;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	REQUIRE(fd >= 0, "%s: %m", path);
	len = read(fd, text, sizeof(text) - 1);
	REQUIRE(len > 0, "%s: %m", path);
	close(fd);
	text[len] = '\0';
	errno = 0;
	val = strtoll(text, &end, 10);
	REQUIRE(!errno && end != text && (*end == '\0' || *end == '\n'), "%s: '%s' is no number",
		path, text);
	return val;
}

/* Returns 0 or -errno; a short write is an error of its own. */
static inline int tk_write_file(const char *path, const char *text)
{
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;
	ssize_t put;

	if (fd < 0)
		return -errno;
	put = write(fd, text, len);
	if (put < 0)
		ret = -errno;
	else if ((size_t)put != len)
		ret = -EIO;
	close(fd);
	return ret;
}

static inline size_t tk_slurp(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got;

	REQUIRE(fd >= 0, "%s: %m", path);
	while (len < size - 1) {
		got = read(fd, text + len, size - 1 - len);
		REQUIRE(got >= 0, "%s: %m", path);
		if (!got)
			break;
		len += got;
	}
	close(fd);
	text[len] = '\0';
	return len;
}

/* Does the boot harness count time in instructions? Then nothing is late by chance. */
static inline bool tk_exact(void)
{
	const char *exact = getenv("TKT_EXACT");

	return exact && !strcmp(exact, "1");
}

/*
 * How long to wait for what has to come, in ns: a minute, on a machine that is as fast as
 * usual. The boot harness measures how many times slower this one is.
 */
static inline s64 tk_patience(void)
{
	const char *slow = getenv("TKT_SLOW");

	return 60 * TK_SEC * tk_max(1, tk_min(slow ? atoi(slow) : 1, 10000));
}

/* The same for poll() */
static inline int tk_patience_ms(void)
{
	return tk_patience() / TK_MSEC;
}

static inline void *tk_shared_page(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		fprintf(stderr, "# mmap: %m\n");
		_exit(KSFT_FAIL);
	}
	return p;
}

/* Relative sleep. Timers may still be the host's, so only the length is used. */
static inline void tk_sleep(s64 ns)
{
	struct timespec ts = { .tv_sec = ns / TK_SEC, .tv_nsec = ns % TK_SEC };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

/* Run @fn in a child and return its exit code, 128 + signal if it was killed. */
static inline pid_t tk_spawn(int (*fn)(void *arg), void *arg)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	REQUIRE(pid >= 0, "fork: %m");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(fn(arg));
	}
	return pid;
}

static inline int tk_reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		REQUIRE(errno == EINTR, "waitpid: %m");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline int tk_run(int (*fn)(void *arg), void *arg)
{
	return tk_reap(tk_spawn(fn, arg));
}

#define RUN(fn, arg) do {						\
	int run_ret_ = tk_run(fn, arg);					\
									\
	CHECK(!run_ret_, "child ended with %d", run_ret_);		\
} while (0)

/* --------------------------------------------------------------- system calls */

#define TK_RET(call) ({ long ret_ = (call); ret_ < 0 ? -errno : (int)ret_; })

#ifdef __x86_64__
#define TK_NR_gettime SYS_clock_gettime
#define TK_NR_settime SYS_clock_settime
#define TK_NR_getres SYS_clock_getres
#define TK_NR_nanosleep SYS_clock_nanosleep
#define TK_NR_clock_adjtime SYS_clock_adjtime
#else
#define TK_NR_gettime SYS_clock_gettime64
#define TK_NR_settime SYS_clock_settime64
#define TK_NR_getres SYS_clock_getres_time64
#define TK_NR_nanosleep SYS_clock_nanosleep_time64
#define TK_NR_clock_adjtime SYS_clock_adjtime64
#endif

/* All of these return a value >= 0 or -errno. */
static inline int tk_sys_gettime(int clk, struct tk_ts *ts)
{
	return TK_RET(syscall(TK_NR_gettime, clk, ts));
}

static inline int tk_sys_getres(int clk, struct tk_ts *ts)
{
	return TK_RET(syscall(TK_NR_getres, clk, ts));
}

static inline int tk_settime(int clk, s64 sec, s64 nsec)
{
	struct tk_ts ts = { .sec = sec, .nsec = nsec };

	return TK_RET(syscall(TK_NR_settime, clk, &ts));
}

static inline int tk_clock_adjtime(int clk, struct tk_timex *tx)
{
	return TK_RET(syscall(TK_NR_clock_adjtime, clk, tx));
}

static inline int tk_adjtimex(struct tk_timex *tx)
{
#ifdef __x86_64__
	return TK_RET(syscall(SYS_adjtimex, tx));
#else
	return tk_clock_adjtime(CLOCK_REALTIME, tx);
#endif
}

/* struct __kernel_old_timeval has longs: 32 bit wide on i386 */
struct tk_tv {
	long sec;
	long usec;
};

static inline int tk_sys_settimeofday(const struct tk_tv *tv, const struct timezone *tz)
{
	return TK_RET(syscall(SYS_settimeofday, tv, tz));
}

static inline int tk_sys_gettimeofday(struct tk_tv *tv, struct timezone *tz)
{
	return TK_RET(syscall(SYS_gettimeofday, tv, tz));
}

static inline s64 tk_sys_time(void)
{
	return syscall(SYS_time, NULL);
}

/* ------------------------------------------------------------------------ vDSO */

struct tk_vdso {
	bool tried;
	int (*gettime)(int clk, struct tk_ts *ts);
	int (*getres)(int clk, void *ts);
	int (*gettimeofday)(struct tk_tv *tv, struct timezone *tz);
	long (*time)(long *t);
	int (*gettime32)(int clk, struct tk_ts32 *ts);
};

static struct tk_vdso tk_vdso;

/* The number of symbols is in either hash table; old and new vDSOs have one or both. */
static inline size_t tk_elf_symbols(const ElfW(Word) *hash, const uint32_t *gnu)
{
	const uint32_t *buckets, *chain;
	uint32_t last = 0, i;

	if (hash)
		return hash[1];
	if (!gnu)
		return 0;
	buckets = gnu + 4 + gnu[2] * (sizeof(ElfW(Addr)) / 4);
	chain = buckets + gnu[0];
	for (i = 0; i < gnu[0]; i++)
		if (buckets[i] > last)
			last = buckets[i];
	if (last < gnu[1])
		return 0;
	while (!(chain[last - gnu[1]] & 1))
		last++;
	return last + 1;
}

static inline void *tk_vdso_symbol(const char *name)
{
	const char *base = (const char *)getauxval(AT_SYSINFO_EHDR), *strings = NULL;
	const ElfW(Sym) *sym = NULL;
	const ElfW(Word) *hash = NULL;
	const uint32_t *gnu = NULL;
	const ElfW(Dyn) *dyn = NULL;
	const ElfW(Ehdr) *eh;
	const ElfW(Phdr) *ph;
	ElfW(Addr) bias = 0;
	bool loaded = false;
	size_t i, n;

	if (!base)
		return NULL;
	eh = (const void *)base;
	ph = (const void *)(base + eh->e_phoff);
	for (i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD && !loaded) {
			bias = (ElfW(Addr))base + ph[i].p_offset - ph[i].p_vaddr;
			loaded = true;
		} else if (ph[i].p_type == PT_DYNAMIC) {
			dyn = (const void *)(base + ph[i].p_offset);
		}
	}
	if (!loaded || !dyn)
		return NULL;
	for (; dyn->d_tag != DT_NULL; dyn++) {
		const void *p = (const void *)(bias + dyn->d_un.d_ptr);

		switch (dyn->d_tag) {
		case DT_STRTAB:
			strings = p;
			break;
		case DT_SYMTAB:
			sym = p;
			break;
		case DT_HASH:
			hash = p;
			break;
		case DT_GNU_HASH:
			gnu = p;
			break;
		}
	}
	if (!strings || !sym)
		return NULL;
	n = tk_elf_symbols(hash, gnu);
	for (i = 0; i < n; i++)
		if (sym[i].st_shndx != SHN_UNDEF && !strcmp(strings + sym[i].st_name, name))
			return (void *)(bias + sym[i].st_value);
	return NULL;
}

static inline void tk_vdso_init(void)
{
	tk_vdso.gettimeofday = (int (*)(struct tk_tv *, struct timezone *))
		tk_vdso_symbol("__vdso_gettimeofday");
	tk_vdso.time = (long (*)(long *))tk_vdso_symbol("__vdso_time");
	tk_vdso.getres = (int (*)(int, void *))tk_vdso_symbol("__vdso_clock_getres");
#ifdef __x86_64__
	tk_vdso.gettime = (int (*)(int, struct tk_ts *))tk_vdso_symbol("__vdso_clock_gettime");
#else
	tk_vdso.gettime = (int (*)(int, struct tk_ts *))tk_vdso_symbol("__vdso_clock_gettime64");
	tk_vdso.gettime32 =
		(int (*)(int, struct tk_ts32 *))tk_vdso_symbol("__vdso_clock_gettime");
#endif
	tk_vdso.tried = true;
}

/* Ways to read a clock as a timespec */
enum tk_path {
	TK_SYS,
	TK_VDSO,
	TK_SYS32,
	TK_VDSO32,
	TK_PATHS,
};

static const char *const tk_path_name[TK_PATHS] = {
	[TK_SYS] = "syscall",
	[TK_VDSO] = "vDSO",
	[TK_SYS32] = "32-bit syscall",
	[TK_VDSO32] = "32-bit vDSO",
};

static inline bool tk_path_exists(enum tk_path path)
{
#ifdef __x86_64__
	return path == TK_SYS || path == TK_VDSO;
#else
	return path < TK_PATHS;
#endif
}

/* Returns 0 or -errno. */
static inline int tk_gettime(enum tk_path path, int clk, s64 *ns)
{
	struct tk_ts ts = { 0 };
	int ret;

	switch (path) {
	case TK_SYS:
		ret = tk_sys_gettime(clk, &ts);
		break;
	case TK_VDSO:
		ret = tk_vdso.gettime(clk, &ts);
		break;
#ifdef __i386__
	case TK_SYS32:
	case TK_VDSO32: {
		struct tk_ts32 ts32 = { 0 };

		if (path == TK_SYS32)
			ret = TK_RET(syscall(SYS_clock_gettime, clk, &ts32));
		else
			ret = tk_vdso.gettime32(clk, &ts32);
		ts.sec = ts32.sec;
		ts.nsec = ts32.nsec;
		break;
	}
#endif
	default:
		return -ENOSYS;
	}
	if (!ret && (ts.nsec < 0 || ts.nsec >= TK_SEC)) {
		CHECK(false, "clock %d by %s: %" PRId64 " ns", clk, tk_path_name[path], ts.nsec);
		return -ERANGE;
	}
	*ns = tk_ns(ts.sec, ts.nsec);
	return ret;
}

static inline s64 tk_get(enum tk_path path, int clk)
{
	s64 ns = 0;
	int ret = tk_gettime(path, clk, &ns);

	REQUIRE(!ret, "clock %d by %s: %s", clk, tk_path_name[path], strerror(-ret));
	return ns;
}

static inline s64 tk_now(int clk)
{
	return tk_get(TK_SYS, clk);
}

static inline s64 tk_vnow(int clk)
{
	return tk_get(TK_VDSO, clk);
}

/* CLOCK_MONOTONIC_RAW when the patience ends that begins now */
static inline s64 tk_give_up(void)
{
	return tk_vnow(CLOCK_MONOTONIC_RAW) + tk_patience();
}

/* -------------------------------------------------------------- the clocks */

struct tk_clockname {
	int id;
	const char *name;
	bool coarse;
	bool steps;	/* REALTIME's kin: moves with settime */
};

/* CLOCK_*_ALARM need an RTC; where the host has none they fail in a ns alike. */
static const struct tk_clockname tk_clocks[] = {
	{ CLOCK_REALTIME, "REALTIME", false, true },
	{ CLOCK_TAI, "TAI", false, true },
	{ CLOCK_MONOTONIC, "MONOTONIC", false, false },
	{ CLOCK_MONOTONIC_RAW, "MONOTONIC_RAW", false, false },
	{ CLOCK_BOOTTIME, "BOOTTIME", false, false },
	{ CLOCK_REALTIME_COARSE, "REALTIME_COARSE", true, true },
	{ CLOCK_MONOTONIC_COARSE, "MONOTONIC_COARSE", true, false },
	{ CLOCK_REALTIME_ALARM, "REALTIME_ALARM", false, true },
	{ CLOCK_BOOTTIME_ALARM, "BOOTTIME_ALARM", false, false },
};

/* An interval that a constant is known to lie in */
struct tk_iv {
	s64 lo;
	s64 hi;
};

#define TK_IV_ALL ((struct tk_iv){ INT64_MIN, INT64_MAX })

static inline void tk_iv_and(struct tk_iv *iv, s64 lo, s64 hi)
{
	iv->lo = tk_max(iv->lo, lo);
	iv->hi = tk_min(iv->hi, hi);
}

static inline bool tk_iv_ok(const struct tk_iv *iv, s64 slack)
{
	return iv->lo <= iv->hi || iv->lo - iv->hi <= slack;
}

/* @clk minus @ref, both of this namespace, from @n brackets */
static inline struct tk_iv tk_line(int clk, int ref, int n)
{
	struct tk_iv iv = TK_IV_ALL;

	while (n--) {
		s64 a = tk_vnow(ref);
		s64 v = tk_vnow(clk);
		s64 b = tk_vnow(ref);

		tk_iv_and(&iv, v - b, v - a);
	}
	return iv;
}

/* ------------------------------------------------------------ /proc/PID/timens_clock */

struct tk_state {
	char state[16];
	s64 realtime;
	s64 monotonic;
	s64 boottime;
	s64 tai;
	s64 frequency;
};

#define TK_CLOCK_FILE "/proc/self/timens_clock"

static inline void tk_parse_state(const char *text, struct tk_state *st)
{
	static const char *const key[] = { "realtime", "monotonic", "boottime", "tai" };
	s64 *const val[] = { &st->realtime, &st->monotonic, &st->boottime, &st->tai };
	unsigned int seen = 0;
	char copy[1024], *line, *save = NULL;
	size_t i;

	REQUIRE(strlen(text) < sizeof(copy), "%s is too long: %s", TK_CLOCK_FILE, text);
	strcpy(copy, text);
	memset(st, 0, sizeof(*st));
	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		long long sec, nsec;
		char name[32];
		int end = 0;

		if (sscanf(line, "state %15s%n", st->state, &end) == 1 && !line[end]) {
			seen |= 1;
			continue;
		}
		if (sscanf(line, "frequency %lld%n", &sec, &end) == 1 && !line[end]) {
			st->frequency = sec;
			seen |= 2;
			continue;
		}
		if (sscanf(line, "%31s %lld %lld%n", name, &sec, &nsec, &end) != 3 || line[end])
			continue;
		for (i = 0; i < TK_ARRAY(key); i++) {
			if (strcmp(name, key[i]))
				continue;
			*val[i] = tk_ns(sec, nsec);
			seen |= 4u << i;
		}
	}
	REQUIRE(seen == 0x3f, "%s lacks a line (seen %#x): %s", TK_CLOCK_FILE, seen, text);
}

static inline void tk_get_state(struct tk_state *st)
{
	char text[1024];

	tk_slurp(TK_CLOCK_FILE, text, sizeof(text));
	tk_parse_state(text, st);
}

static inline bool tk_is(const char *state)
{
	struct tk_state st;

	tk_get_state(&st);
	return !strcmp(st.state, state);
}

#define CHECK_STATE(want) do {						\
	struct tk_state st_;						\
									\
	tk_get_state(&st_);						\
	CHECK(!strcmp(st_.state, want), "state is '%s', not '%s'", st_.state, want);	\
} while (0)

static inline int tk_follow(void)
{
	return tk_write_file(TK_CLOCK_FILE, "follow\n");
}

/* --------------------------------------------------------------- namespaces */

static inline int tk_setns(int fd)
{
	return TK_RET(setns(fd, CLONE_NEWTIME));
}

static inline void tk_enter(int fd)
{
	int ret = tk_setns(fd);

	REQUIRE(!ret, "setns: %s", strerror(-ret));
}

static inline void tk_leave(void)
{
	tk_enter(tk_host_fd);
}

static inline int tk_open_ns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	REQUIRE(fd >= 0, "%s: %m", path);
	return fd;
}

/*
 * A new time namespace, copied from the one that the caller is in, which the caller
 * is in afterwards still. @offsets is written to timens_offsets if not NULL.
 */
static inline int tk_ns_new_offsets(const char *offsets)
{
	int here = tk_open_ns("/proc/self/ns/time"), fd, ret;

	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	fd = tk_open_ns("/proc/self/ns/time_for_children");
	if (offsets) {
		ret = tk_write_file("/proc/self/timens_offsets", offsets);
		REQUIRE(!ret, "timens_offsets '%s': %s", offsets, strerror(-ret));
	}
	tk_enter(here);
	close(here);
	return fd;
}

static inline int tk_ns_new(void)
{
	return tk_ns_new_offsets(NULL);
}

/* Make the present namespace own its clock without moving it. */
static inline void tk_make_own(void)
{
	struct tk_timex tx = { 0 };
	int ret = tk_adjtimex(&tx);

	REQUIRE(ret >= 0, "adjtimex: %s", strerror(-ret));
	tx.modes = ADJ_FREQUENCY;
	ret = tk_adjtimex(&tx);
	REQUIRE(ret >= 0, "adjtimex(ADJ_FREQUENCY): %s", strerror(-ret));
	CHECK_STATE("own");
}

/* Step REALTIME and TAI by exactly @ns. */
static inline int tk_step(s64 ns)
{
	struct tk_timex tx = {
		.modes = ADJ_SETOFFSET | ADJ_NANO,
		.time_sec = tk_floor_div(ns, TK_SEC),
	};

	tx.time_usec = ns - tx.time_sec * TK_SEC;
	return tk_adjtimex(&tx);
}

/* A new namespace that owns its clock, @ahead of the host */
static inline int tk_ns_own(s64 ahead)
{
	int fd = tk_ns_new(), ret;

	tk_enter(fd);
	if (ahead) {
		ret = tk_step(ahead);
		REQUIRE(ret >= 0, "ADJ_SETOFFSET: %s", strerror(-ret));
		CHECK_STATE("own");
	} else {
		tk_make_own();
	}
	tk_leave();
	return fd;
}

/* @clk in @fd minus @clk on the host, once; the caller is on the host */
static inline struct tk_iv tk_cross_once(int fd, int clk)
{
	s64 a, v, b;

	a = tk_vnow(clk);
	tk_enter(fd);
	v = tk_vnow(clk);
	tk_leave();
	b = tk_vnow(clk);
	return (struct tk_iv){ v - b, v - a };
}

/* The same from @n brackets, for clocks of one rate; also says how long it took */
static inline struct tk_iv tk_cross(int fd, int clk, int n, s64 *elapsed)
{
	struct tk_iv iv = TK_IV_ALL;
	s64 start = tk_vnow(CLOCK_MONOTONIC);

	while (n--) {
		struct tk_iv one = tk_cross_once(fd, clk);

		tk_iv_and(&iv, one.lo, one.hi);
	}
	if (elapsed)
		*elapsed = tk_vnow(CLOCK_MONOTONIC) - start;
	return iv;
}

/* Is @want, give or take @slack, a possible value? */
#define CHECK_IV(iv, want, slack, what) do {				\
	struct tk_iv iv_ = (iv);					\
	s64 want_ = (want), slack_ = (slack);				\
									\
	CHECK(iv_.lo <= want_ + slack_ && want_ - slack_ <= iv_.hi,	\
	      "%s: %" PRId64 " is not in [%" PRId64 ", %" PRId64 "] with slack %" PRId64, \
	      what, want_, iv_.lo, iv_.hi, slack_);			\
} while (0)

/* Do two intervals have a common point, give or take @slack? */
#define CHECK_IV_MEET(x, y, slack, what) do {				\
	struct tk_iv x_ = (x), y_ = (y);				\
	s64 slack_ = (slack);						\
									\
	CHECK(tk_max(x_.lo, y_.lo) - tk_min(x_.hi, y_.hi) <= slack_,	\
	      "%s: [%" PRId64 ", %" PRId64 "] and [%" PRId64 ", %" PRId64	\
	      "] do not meet, slack %" PRId64, what, x_.lo, x_.hi, y_.lo, y_.hi, slack_); \
} while (0)

#define CHECK_BETWEEN(a, v, b, what) do {				\
	s64 a_ = (a), v_ = (v), b_ = (b);				\
									\
	CHECK(a_ <= v_ && v_ <= b_,					\
	      "%s: %" PRId64 " <= %" PRId64 " <= %" PRId64, what, a_, v_, b_); \
} while (0)

/* -------------------------------------------------------------------- watcher */

/*
 * A process that sits in a namespace (the host, if no other) and asserts all the
 * time that nobody moves its clocks:
 *
 *	REALTIME - MONOTONIC, TAI - MONOTONIC, BOOTTIME - MONOTONIC
 *		constant to the nanosecond: the intersection of all brackets is
 *		not empty
 *	MONOTONIC - MONOTONIC_RAW
 *		a straight line whose slope adjtimex() gives
 *	adjtimex
 *		the whole state, but for the time and for maxerror, which grows
 */
#define TK_WATCH_RAW 1	/* MONOTONIC against MONOTONIC_RAW */
#define TK_WATCH_NTP 2	/* adjtimex */
#define TK_WATCH_ALL (TK_WATCH_RAW | TK_WATCH_NTP)

struct tk_watch_shared {
	atomic_bool ready;
	atomic_bool stop;
	atomic_int samples;
};

struct tk_watch {
	const char *name;
	pid_t pid;
	int fd;
	int flags;
	struct tk_watch_shared *sh;
};

static struct tk_watch tk_host_watch;

static inline void tk_watch_timex(const struct tk_watch *w, const struct tk_timex *was, int was_ret,
				  const struct tk_timex *is, int is_ret)
{
#define TK_SAME(field)							\
	CHECK(was->field == is->field, "%s moved: adjtimex " #field " was %lld and is %lld",	\
	      w->name, (long long)was->field, (long long)is->field)
	CHECK(was_ret == is_ret, "%s moved: adjtimex state was %d and is %d", w->name, was_ret,
	      is_ret);
	TK_SAME(offset);
	TK_SAME(freq);
	TK_SAME(esterror);
	TK_SAME(status);
	TK_SAME(constant);
	TK_SAME(precision);
	TK_SAME(tolerance);
	TK_SAME(tick);
	TK_SAME(ppsfreq);
	TK_SAME(jitter);
	TK_SAME(shift);
	TK_SAME(stabil);
	TK_SAME(jitcnt);
	TK_SAME(calcnt);
	TK_SAME(errcnt);
	TK_SAME(stbcnt);
	TK_SAME(tai);
#undef TK_SAME
	CHECK(was->maxerror <= is->maxerror, "%s moved: maxerror went from %lld to %lld", w->name,
	      (long long)was->maxerror, (long long)is->maxerror);
}

/* The part of MONOTONIC's advance over @raw that steering accounts for */
static inline s64 tk_steered(s64 raw, const struct tk_timex *tx)
{
	/* tick: microseconds per 1/100 s; freq: ppm * 2^16 */
	double rate = (tx->tick - 10000) / 10000.0 + tx->freq / 65536.0 / 1e6;

	return (s64)(raw * rate);
}

static inline int tk_watch_loop(void *arg)
{
	static const int clk[] = { CLOCK_REALTIME, CLOCK_TAI, CLOCK_BOOTTIME };
	static const char *const name[] = { "REALTIME", "TAI", "BOOTTIME" };
	struct tk_iv line[TK_ARRAY(clk)], raw_line = TK_IV_ALL;
	struct tk_timex was = { 0 }, is;
	struct tk_watch *w = arg;
	bool said = false;
	s64 raw0 = 0;
	int was_ret;
	size_t i;

	if (w->fd >= 0)
		tk_enter(w->fd);
	for (i = 0; i < TK_ARRAY(clk); i++)
		line[i] = TK_IV_ALL;
	was_ret = tk_adjtimex(&was);
	REQUIRE(was_ret >= 0, "%s: adjtimex: %s", w->name, strerror(-was_ret));

	for (;;) {
		bool last = atomic_load(&w->sh->stop);

		for (i = 0; i < TK_ARRAY(clk); i++) {
			s64 a = tk_vnow(CLOCK_MONOTONIC);
			s64 v = tk_vnow(clk[i]);
			s64 b = tk_vnow(CLOCK_MONOTONIC);

			tk_iv_and(&line[i], v - b, v - a);
			if (!tk_iv_ok(&line[i], 0) && !said) {
				CHECK(false, "%s moved: %s - MONOTONIC in [%" PRId64 ", %" PRId64
				      "] would be empty, last read %" PRId64, w->name, name[i],
				      line[i].lo, line[i].hi, v);
				said = true;
			}
		}
		if (w->flags & TK_WATCH_RAW) {
			s64 a = tk_vnow(CLOCK_MONOTONIC_RAW);
			s64 v = tk_vnow(CLOCK_MONOTONIC);
			s64 b = tk_vnow(CLOCK_MONOTONIC_RAW);

			if (!raw0)
				raw0 = a;
			/* Each end on the line: this process may have lost the CPU within. */
			tk_iv_and(&raw_line, v - b - tk_steered(b - raw0, &was),
				  v - a - tk_steered(a - raw0, &was));
			if (!tk_iv_ok(&raw_line, tk_unit(b - raw0)) && !said) {
				CHECK(false, "%s moved: MONOTONIC left its line by %" PRId64
				      " ns in %" PRId64 " ns", w->name, raw_line.lo - raw_line.hi,
				      b - raw0);
				said = true;
			}
		}
		if ((w->flags & TK_WATCH_NTP) && !said) {
			int before = tk_failures(), ret;

			memset(&is, 0, sizeof(is));
			ret = tk_adjtimex(&is);
			tk_watch_timex(w, &was, was_ret, &is, ret);
			said = tk_failures() != before;
		}
		atomic_fetch_add(&w->sh->samples, 1);
		atomic_store(&w->sh->ready, true);
		if (last)
			return 0;
		tk_sleep(3 * TK_MSEC);
	}
}

/* @fd: the namespace to watch, -1 for the one that the caller is in */
static inline void tk_watch_start(struct tk_watch *w, const char *name, int fd, int flags)
{
	*w = (struct tk_watch){ .name = name, .fd = fd, .flags = flags };
	w->sh = tk_shared_page(sizeof(*w->sh));
	w->pid = tk_spawn(tk_watch_loop, w);
	while (!atomic_load(&w->sh->ready)) {
		int status;

		if (waitpid(w->pid, &status, WNOHANG) == w->pid) {
			CHECK(false, "the watcher of %s could not start", name);
			w->pid = 0;
			return;
		}
		tk_sleep(TK_MSEC);
	}
}

static inline void tk_watch_stop(struct tk_watch *w)
{
	if (!w->pid)
		return;
	atomic_store(&w->sh->stop, true);
	CHECK(!tk_reap(w->pid), "the watcher of %s died", w->name);
	CHECK(atomic_load(&w->sh->samples) >= 2, "the watcher of %s did not watch", w->name);
	munmap(w->sh, sizeof(*w->sh));
	w->pid = 0;
}

/* ----------------------------------------------------------------- host guard */

/*
 * Tests that set the host's clock run under a guard: a process in a group of its own
 * which puts everything back as soon as the test says so or is gone, be it by a
 * failure, SIGINT or SIGKILL: then its end of the pipe closes.
 */
struct tk_guard {
	pid_t pid;
	int fd;
};

static inline void tk_guard_restore(const struct tk_timex *was, struct tk_iv line)
{
	struct tk_timex tx = { 0 };
	struct tk_iv now;
	s64 diff;

	/* Dropping STA_PLL is what takes the leap state machine back to TIME_OK at once. */
	tx.modes = ADJ_STATUS;
	tx.status = STA_PLL;
	tk_adjtimex(&tx);
	tx = (struct tk_timex){ .modes = ADJ_STATUS, .status = 0 };
	tk_adjtimex(&tx);
	/* ADJ_TIMECONST and ADJ_TAI share a field, and only ADJ_NANO takes it as it is. */
	tx = (struct tk_timex){ .modes = ADJ_TAI, .constant = was->tai };
	tk_adjtimex(&tx);
	tx = (struct tk_timex){ .modes = ADJ_NANO | ADJ_TIMECONST, .constant = was->constant };
	tk_adjtimex(&tx);
	tx = *was;
	tx.modes = ADJ_FREQUENCY | ADJ_TICK;
	tk_adjtimex(&tx);

	now = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 1000);
	diff = (line.lo + (line.hi - line.lo) / 2) - (now.lo + (now.hi - now.lo) / 2);
	/*
	 * Where the two may be the same line, there is nothing to put back; a step by
	 * nothing still ends a slew that goes on.
	 */
	if (tk_max(line.lo, now.lo) <= tk_min(line.hi, now.hi))
		diff = 0;
	tk_step(diff);

	tx = *was;
	tx.modes = ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR;
	tx.modes |= was->status & STA_NANO ? ADJ_NANO : ADJ_MICRO;
	tk_adjtimex(&tx);
}

static inline void tk_guard_start(struct tk_guard *g)
{
	struct tk_iv line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 1000);
	struct tk_timex was = { 0 };
	int fds[2];
	char c;

	REQUIRE(tk_adjtimex(&was) >= 0, "adjtimex: %m");
	REQUIRE(!pipe2(fds, O_CLOEXEC), "pipe: %m");
	fflush(NULL);
	g->pid = fork();
	REQUIRE(g->pid >= 0, "fork: %m");
	if (!g->pid) {
		close(fds[1]);
		setpgid(0, 0);
		signal(SIGINT, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
		while (read(fds[0], &c, 1) < 0 && errno == EINTR)
			;
		tk_guard_restore(&was, line);
		_exit(0);
	}
	/* Both sides, so that no order of running leaves it in our group. */
	setpgid(g->pid, g->pid);
	close(fds[0]);
	g->fd = fds[1];
}

static inline void tk_guard_stop(struct tk_guard *g)
{
	CHECK(write(g->fd, "q", 1) == 1, "guard: %m");
	close(g->fd);
	CHECK(!tk_reap(g->pid), "the guard of the host's clock died");
}

/* ------------------------------------------------------------ user namespaces */

/* Map root of user namespace @pid to @uid outside, in the parent's right. */
static inline void tk_map_user(pid_t pid, unsigned int uid)
{
	char path[64], map[64];
	int ret;

	snprintf(path, sizeof(path), "/proc/%d/setgroups", pid);
	ret = tk_write_file(path, "deny");
	REQUIRE(!ret, "%s: %s", path, strerror(-ret));
	snprintf(map, sizeof(map), "0 %u 1", uid);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	ret = tk_write_file(path, map);
	REQUIRE(!ret, "%s: %s", path, strerror(-ret));
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	ret = tk_write_file(path, map);
	REQUIRE(!ret, "%s: %s", path, strerror(-ret));
}

/* Become user @uid for good, without capabilities. */
static inline void tk_become(unsigned int uid)
{
	/* The raw calls: glibc's would tell threads that are not there. */
#ifdef __x86_64__
	REQUIRE(!syscall(SYS_setresgid, uid, uid, uid), "setresgid: %m");
	REQUIRE(!syscall(SYS_setresuid, uid, uid, uid), "setresuid: %m");
#else
	REQUIRE(!syscall(SYS_setresgid32, uid, uid, uid), "setresgid: %m");
	REQUIRE(!syscall(SYS_setresuid32, uid, uid, uid), "setresuid: %m");
#endif
	/* Changing the user makes /proc/self root's until this says otherwise. */
	REQUIRE(!prctl(PR_SET_DUMPABLE, 1), "prctl: %m");
}

/*
 * From an unprivileged user: a new user namespace in which the caller is root, and a
 * new time namespace in it for the children.
 */
static inline void tk_unshare_user(int flags)
{
	unsigned int uid = geteuid(), gid = getegid();
	char map[64];
	int ret;

	REQUIRE(!unshare(CLONE_NEWUSER | flags), "unshare: %m");
	ret = tk_write_file("/proc/self/setgroups", "deny");
	REQUIRE(!ret, "setgroups: %s", strerror(-ret));
	snprintf(map, sizeof(map), "0 %u 1", uid);
	ret = tk_write_file("/proc/self/uid_map", map);
	REQUIRE(!ret, "uid_map: %s", strerror(-ret));
	snprintf(map, sizeof(map), "0 %u 1", gid);
	ret = tk_write_file("/proc/self/gid_map", map);
	REQUIRE(!ret, "gid_map: %s", strerror(-ret));
}

/* --------------------------------------------------------------------- debugfs */

#define TK_DEBUGFS "/sys/kernel/debug/timekeeper_ns/"

static inline void tk_need_debugfs(void)
{
	if (!access("/sys/kernel/debug/timekeeper_ns", F_OK))
		return;
	if (mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL))
		REQUIRE(errno == EBUSY, "mounting debugfs: %m");
	REQUIRE(!access("/sys/kernel/debug/timekeeper_ns", F_OK), "%s: %m", TK_DEBUGFS);
}

/* A counter of the statistics of the tick path */
static inline s64 tk_stat(const char *key)
{
	char text[4096], *line, *save = NULL;

	tk_slurp(TK_DEBUGFS "stats", text, sizeof(text));
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char name[64];
		long long val;

		if (sscanf(line, "%63s %lld", name, &val) == 2 && !strcmp(name, key))
			return val;
	}
	REQUIRE(false, "no '%s' in " TK_DEBUGFS "stats", key);
	return 0;
}

/* --------------------------------------------------------------------- fixture */

/* Returns 0 when the test may run. @flags: what to watch on the host, 0: nothing */
static inline int tk_setup_watch(bool watch, int flags)
{
	tk_shared = tk_shared_page(sizeof(*tk_shared));
	tk_vdso_init();
	if (!tk_vdso.gettime || !tk_vdso.gettimeofday || !tk_vdso.time) {
		fprintf(stderr, "# no vDSO: its path would not be tested\n");
		return -1;
	}
	tk_host_fd = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);
	if (tk_host_fd < 0) {
		fprintf(stderr, "# /proc/self/ns/time: %m\n");
		return -1;
	}
	if (access(TK_CLOCK_FILE, F_OK)) {
		const char *anyway = getenv("TK_ON_ANY_KERNEL");

		fprintf(stderr, "# %s: %m: no time namespace owns a clock here\n", TK_CLOCK_FILE);
		if (!anyway || strcmp(anyway, "1"))
			return -1;
	}
	if (watch)
		tk_watch_start(&tk_host_watch, "the host", -1, flags);
	return tk_failures() ? -1 : 0;
}

static inline int tk_setup(void)
{
	return tk_setup_watch(true, TK_WATCH_ALL);
}

static inline int tk_teardown(void)
{
	if (!tk_shared)
		return 0;
	/* A test may leave the process in a namespace; the watcher is not affected. */
	tk_watch_stop(&tk_host_watch);
	if (atomic_load(&tk_shared->printed) > TK_PRINT_MAX)
		fprintf(stderr, "# ... %d failed checks in all\n", tk_failures());
	return tk_failures();
}

/*
 * TK_FIXTURE(name): a fixture without data in which the host is watched
 * TK_FIXTURE_UNWATCHED(name): one whose tests move the host's clock on purpose
 */
#define TK_FIXTURE_WITH(name_, setup_)					\
	FIXTURE(name_)							\
	{								\
		int unused;						\
	};								\
									\
	FIXTURE_SETUP(name_)						\
	{								\
		ASSERT_EQ(0, setup_);					\
	}								\
									\
	FIXTURE_TEARDOWN(name_)						\
	{								\
		EXPECT_EQ(0, tk_teardown());				\
	}								\
	struct name_##_needs_a_semicolon

#define TK_FIXTURE(name_) TK_FIXTURE_WITH(name_, tk_setup())
#define TK_FIXTURE_UNWATCHED(name_) TK_FIXTURE_WITH(name_, tk_setup_watch(false, 0))

#endif /* TK_COMMON_H */
