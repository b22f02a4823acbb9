// SPDX-License-Identifier: GPL-2.0
/*
 * The steps of tk_fuzz.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/fail.h"
#include "lib/file.h"
#include "lib/leap.h"
#include "lib/ns.h"
#include "lib/process.h"
#include "lib/sys.h"
#include "lib/waits.h"
#include "tk_fuzz.h"

/* One of a table */
#define ANY_OF(table) ((table)[fuzz_below(TK_ARRAY(table))])

/* A space that there is; there is always one. */
static struct space *any_space(void)
{
	struct space *s;

	do {
		s = &fuzz.space[fuzz_below(FUZZ_SPACES)];
	} while (s->fd < 0);
	return s;
}

static int number_of(const struct space *s)
{
	return s - fuzz.space;
}

void fuzz_touched(struct space *s)
{
	int i;

	for (i = 0; i < FUZZ_SPACES; i++)
		if (fuzz.space[i].kin == s->kin)
			fuzz.space[i].touched++;
}

void fuzz_leaps(struct space *s)
{
	int i;

	for (i = 0; i < FUZZ_SPACES; i++)
		if (fuzz.space[i].kin == s->kin)
			fuzz.space[i].leaping = true;
}

static int outcome(int ret)
{
	if (ret < 0)
		atomic_fetch_add(&fuzz_shared->refused, 1);
	return ret;
}

/* Magnitudes of all sizes, with both signs, and the ends of types */
static s64 any_value(void)
{
	static const s64 edges[] = {
		0, 1, -1, INT32_MAX, INT32_MIN, UINT32_MAX, INT64_MAX, INT64_MIN,
		INT64_MAX / TK_SEC, TK_SETTOD_SEC_MAX, TK_SETTOD_SEC_MAX + 1, TK_SEC, -TK_SEC,
		TK_SEC - 1, 500000, 512000,
	};
	s64 value;

	if (fuzz_one_in(3))
		return ANY_OF(edges);
	value = fuzz_below(INT64_MAX) >> fuzz_below(63);
	return fuzz_one_in(2) ? value : -value;
}

/*
 * Setting and steering
 */

static s64 any_date(void)
{
	switch (fuzz_below(6)) {
	case 0:
		return any_value();
	case 1:
		/* A leap second is near. */
		return TK_MIDNIGHT / TK_SEC - fuzz_below(4);
	case 2:
		return fuzz_below(TK_SETTOD_SEC_MAX);
	default:
		return tk_now(CLOCK_REALTIME) / TK_SEC + fuzz_below(2 * TK_DAY) - TK_DAY;
	}
}

static void op_settime(struct space *s)
{
	s64 sec, nsec = fuzz_one_in(8) ? any_value() : fuzz_below(TK_SEC);
	static const int clocks[] = {
		CLOCK_REALTIME, CLOCK_REALTIME, CLOCK_REALTIME, CLOCK_REALTIME, CLOCK_TAI,
		CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME_COARSE, 99,
	};
	int clk = ANY_OF(clocks), ret;

	tk_enter(s->fd);
	sec = any_date();
	ret = outcome(tk_settime(clk, sec, nsec));
	fuzz_touched(s);
	tk_leave();
	fuzz_note("space %d: settime(%d, %" PRId64 ", %" PRId64 ") = %d", number_of(s), clk, sec,
		  nsec, ret);
	CHECK(!ret || clk == CLOCK_REALTIME || ret == -EINVAL || ret == -EOPNOTSUPP,
	      "settime(%d) = %d", clk, ret);
}

static void op_timeofday(struct space *s)
{
	struct timezone tz = { .tz_minuteswest = fuzz_below(2000) - 1000 };
	struct tk_tv tv = { 0 };
	bool zone = fuzz_one_in(2);
	int ret;

	tk_enter(s->fd);
	tv.sec = any_date();
	tv.usec = fuzz_one_in(8) ? any_value() : fuzz_below(1000000);
	ret = outcome(tk_sys_settimeofday(zone ? NULL : &tv, zone ? &tz : NULL));
	fuzz_touched(s);
	tk_leave();
	fuzz_note("space %d: settimeofday(%s) = %d", number_of(s), zone ? "zone" : "time", ret);
}

static void op_adjtimex(struct space *s)
{
	static const unsigned int modes[] = {
		ADJ_OFFSET, ADJ_FREQUENCY, ADJ_MAXERROR, ADJ_ESTERROR, ADJ_STATUS, ADJ_TIMECONST,
		ADJ_TAI, ADJ_SETOFFSET, ADJ_MICRO, ADJ_NANO, ADJ_TICK,
	};
	struct tk_timex tx = { 0 };
	int ret, n = fuzz_below(4);
	bool wild = fuzz_one_in(3);

	while (n-- >= 0)
		tx.modes |= ANY_OF(modes);
	if (fuzz_one_in(6))
		tx.modes = fuzz_one_in(2) ? ADJ_OFFSET_SINGLESHOT : ADJ_OFFSET_SS_READ;
	if (fuzz_one_in(20))
		tx.modes = fuzz_below(INT64_MAX);
	tx.offset = wild ? any_value() : fuzz_below(1000000000) - 500000000;
	tx.freq = wild ? any_value() : fuzz_below(2 * 32768000) - 32768000;
	tx.maxerror = any_value();
	tx.esterror = any_value();
	tx.status = wild ? (int)any_value() : (int)fuzz_below(0x100);
	tx.constant = wild ? any_value() : fuzz_below(16);
	tx.tick = wild ? any_value() : 9000 + fuzz_below(2001);
	tx.time_sec = wild ? any_value() : fuzz_below(200) - 100;
	tx.time_usec = wild ? any_value() : fuzz_below(tx.modes & ADJ_NANO ? TK_SEC : 1000000);
	/* The offset of TAI is in the field of the constant. */
	if ((tx.modes & ADJ_TAI) && !wild)
		tx.constant = fuzz_below(100);
	tk_enter(s->fd);
	ret = outcome(fuzz_one_in(4) ? tk_clock_adjtime(CLOCK_REALTIME, &tx) : tk_adjtimex(&tx));
	fuzz_touched(s);
	if (ret >= 0 && (tx.status & (STA_INS | STA_DEL)))
		fuzz_leaps(s);
	tk_leave();
	fuzz_note("space %d: adjtimex(%#x, offset %" PRId64 " freq %" PRId64
		  " status %#x constant %" PRId64 " tick %" PRId64 ") = %d", number_of(s), tx.modes,
		  tx.offset, tx.freq, tx.status, tx.constant, tx.tick, ret);
}

static void op_leap(struct space *s)
{
	struct tk_timex tx = { .modes = ADJ_STATUS };
	bool insert = fuzz_one_in(2);

	tk_enter(s->fd);
	tk_settime(CLOCK_REALTIME, TK_MIDNIGHT / TK_SEC - 1 - !insert, 950 * TK_MSEC);
	tx.status = insert ? STA_INS : STA_DEL;
	tk_adjtimex(&tx);
	fuzz_leaps(s);
	fuzz_touched(s);
	tk_leave();
	fuzz_note("space %d: a leap second, %s", number_of(s), insert ? "inserted" : "deleted");
}

/*
 * The files of /proc
 */

static void op_command(struct space *s)
{
	static const char *const commands[] = {
		"follow", "rate 1", "rate 2000", "rate 1/1000", "rate 0.001", "rate 1000",
		"rate 999/1000", "rate 1.000000001", "rate 7/3", "rate 3.141592653", "rate 0",
		"rate 2000.1", "rate 1/1001", "rate -1", "rate 1e3", "rate 18446744073709551616",
		"rate 1/0", "rate ", "rate",
		"leap step", "leap smear google", "leap smear utc-sls",
		"leap smear linear 2 before", "leap smear cosine 64 centred",
		"leap smear quadratic 1000 after", "leap smear linear 0 before",
		"leap smear linear 4294967296 after", "leap smear none", "leap",
		"", "\n", "own", "state own", "follow now", "frozen", "realtime 0 0",
	};
	const char *command = ANY_OF(commands);
	int ret;

	tk_enter(s->fd);
	ret = outcome(*command ? tk_write_file(TK_CLOCK_FILE, command) : -EINVAL);
	fuzz_touched(s);
	/* A smear which waits or runs moves the clock as it likes. */
	if (!strncmp(command, "leap smear", 10))
		fuzz_leaps(s);
	tk_leave();
	fuzz_note("space %d: '%s' = %d", number_of(s), command, ret);
}

/* What was read is written back, whole or cut or changed: the summary is no command. */
static void op_write_back(struct space *s)
{
	char text[4096];
	size_t size;
	int ret;

	tk_enter(s->fd);
	size = tk_slurp(TK_CLOCK_FILE, text, sizeof(text));
	if (fuzz_one_in(2))
		text[size = fuzz_below(size)] = '\0';
	if (size && fuzz_one_in(2))
		text[fuzz_below(size)] = ' ' + fuzz_below(95);
	ret = outcome(size ? tk_write_file(TK_CLOCK_FILE, text) : -EINVAL);
	CHECK(ret, "the summary of a clock was taken as a command:\n%s", text);
	tk_leave();
	fuzz_note("space %d: %zu bytes of its timens_clock written back = %d", number_of(s), size,
		  ret);
}

/* The state of any owner as a command, sometimes changed. Returns whether there is one. */
static bool any_state(char *text, size_t size, bool *whole)
{
	static const char digits[] = "0123456789- ";
	int n = fuzz_one_in(3) ? 1 + fuzz_below(3) : 0;
	struct space *from = any_space();
	size_t length;
	bool ret;

	tk_enter(from->fd);
	ret = tk_saved(fuzz_one_in(2) ? "elapsed" : "frozen", text, size);
	tk_leave();
	*whole = !n;
	if (!ret)
		return false;
	length = strlen(text);
	if (n && fuzz_one_in(4))
		text[length = fuzz_below(length - 1) + 1] = '\0';
	while (n--) {
		char *at = &text[fuzz_below(length)];

		/* Most changes of anything else are no state any more. */
		if (fuzz_one_in(8))
			*at = ' ' + fuzz_below(95);
		else if (*at >= '0' && *at <= '9')
			*at = digits[fuzz_below(sizeof(digits) - 1)];
	}
	return true;
}

/* What was restored may stand; nobody could wait for it in the steps to come. */
static void go_on(void)
{
	int ret = outcome(tk_write_file(TK_CLOCK_FILE, fuzz_one_in(2) ? "go" : "go elapsed"));

	if (ret)
		ret = tk_write_file(TK_CLOCK_FILE, "go");
	CHECK(!ret, "go: %s", strerror(-ret));
}

/*
 * The state of one in another, with tasks inside. One that is whole may have a date which is
 * before the start of what MONOTONIC is there, and a clock at the end of time cannot go on.
 */
static void op_restore(struct space *s)
{
	char text[4096];
	bool whole;
	int ret;

	if (!any_state(text, sizeof(text), &whole))
		return;
	tk_enter(s->fd);
	ret = outcome(tk_write_file(TK_CLOCK_FILE, text));
	CHECK(!whole || !ret || ret == -EINVAL || ret == -ERANGE, "restore: %s of\n%s",
	      strerror(-ret), text);
	go_on();
	fuzz_touched(s);
	fuzz_leaps(s);
	tk_leave();
	fuzz_note("space %d: restored, %s = %d", number_of(s), whole ? "whole" : "changed", ret);
}

static void any_offsets(char *text, size_t size)
{
	s64 mono = fuzz_one_in(4) ? any_value() : fuzz_below(2 * TK_YEAR), ns = fuzz_below(TK_SEC);
	s64 boot = fuzz_one_in(2) ? mono : mono + fuzz_below(TK_YEAR);

	if (fuzz_one_in(3))
		text[0] = '\0';
	else
		snprintf(text, size, "monotonic %" PRId64 " %" PRId64 "\nboottime %" PRId64 " %"
			 PRId64 "\n", mono, ns, boot, fuzz_one_in(20) ? any_value() : ns);
}

/* Made in a namespace which there is, or in the initial one */
void fuzz_new_space(int i)
{
	struct space *s = &fuzz.space[i], *from = NULL;
	int ret = 0, self = -1, k;
	char offsets[160], now[256], state[4096];
	bool restored = s->fd >= 0 && fuzz_one_in(4), whole;

	if (restored)
		restored = any_state(state, sizeof(state), &whole);
	for (k = 0; k < FUZZ_SPACES; k++)
		if (fuzz.space[k].fd >= 0 && k != i && fuzz_one_in(4))
			from = &fuzz.space[k];
	if (s->fd >= 0)
		close(s->fd);
	any_offsets(offsets, sizeof(offsets));
	if (from)
		tk_enter(from->fd);
	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	self = tk_open_ns("/proc/self/ns/time_for_children");
	if (offsets[0])
		ret = outcome(tk_write_file("/proc/self/timens_offsets", offsets));
	/* Before the first task is inside, MONOTONIC and BOOTTIME are restored, too. */
	if (restored)
		restored = !outcome(tk_write_file(TK_CLOCK_FILE, state));
	tk_slurp("/proc/self/timens_offsets", now, sizeof(now));
	tk_leave();
	*s = (struct space){
		.fd = self, .leaping = (from && from->leaping) || restored,
		.kin = from ? from->kin : ++fuzz.kins,
	};
	fuzz_forget(s);
	fuzz.life[i]++;
	/* One that was entered takes no offsets any more. */
	tk_enter(self);
	if (offsets[0])
		CHECK(tk_write_file("/proc/self/timens_offsets", "monotonic 1 0\n") < 0,
		      "timens_offsets of a namespace with a process in it was written");
	if (restored)
		go_on();
	tk_leave();
	offsets[strcspn(offsets, "\n")] = ' ';
	offsets[strcspn(offsets, "\n")] = '\0';
	fuzz_note("space %d: new, in %d, offsets '%s' = %d%s", i, from ? number_of(from) : -1,
		  offsets, ret, restored ? ", restored" : "");
}

static void op_new(struct space *s)
{
	fuzz_new_space(fuzz_below(FUZZ_SPACES));
}

static void op_drop(struct space *s)
{
	int i, left = 0;

	for (i = 0; i < FUZZ_SPACES; i++)
		left += fuzz.space[i].fd >= 0;
	if (left < 3)
		return;
	close(s->fd);
	s->fd = -1;
	fuzz_note("space %d: dropped", number_of(s));
}

/*
 * Processes
 */

struct child {
	struct space *space;
	s64 floor;
	const struct tw_kind *kind;
	s64 ns;
	int clk;
};

static int read_in_child(void *arg)
{
	const struct child *c = arg;
	s64 now = tk_now(CLOCK_MONOTONIC);

	CHECK(now >= c->floor, "a child reads %" PRId64 " ns less", c->floor - now);
	CHECK(tk_vnow(CLOCK_MONOTONIC) >= now, "and less by the vDSO than by the system call");
	return 0;
}

/* A child starts in the namespace of its parent, or in that for children */
static void op_fork(struct space *s)
{
	struct child c = { .space = s };

	tk_enter(s->fd);
	c.floor = tk_now(CLOCK_MONOTONIC);
	RUN(read_in_child, &c);
	tk_leave();
	fuzz_note("space %d: fork", number_of(s));
}

static int exec_in_child(void *arg)
{
	const struct child *c = arg;
	char floor[64], *const argv[] = { "tk_fuzz", NULL }, *const envp[] = { floor, NULL };

	tk_enter(c->space->fd);
	snprintf(floor, sizeof(floor), "TK_FUZZ_PROBE=%" PRId64, tk_now(CLOCK_MONOTONIC));
	execve("/proc/self/exe", argv, envp);
	return KSFT_FAIL;
}

static void op_exec(struct space *s)
{
	struct child c = { .space = s };
	int ret = tk_run(exec_in_child, &c);

	CHECK(!ret, "a program behind exec says %d: 3 its clock is back, 4 vDSO and kernel differ",
	      ret);
	fuzz_note("space %d: exec", number_of(s));
}

static void op_travel(struct space *s)
{
	struct space *to = any_space();
	int i;

	for (i = 0; i < 3; i++) {
		tk_enter(s->fd);
		tk_vnow(CLOCK_REALTIME);
		tk_enter(to->fd);
		tk_vnow(CLOCK_REALTIME);
	}
	tk_leave();
	fuzz_note("space %d: to %d and back", number_of(s), number_of(to));
}

/*
 * Sleeps
 */

/* So many nanoseconds of the host are so many there. */
s64 fuzz_at_rate(s64 ns)
{
	char text[1024], *line;
	long num, den = 1;

	tk_read_summary(text, sizeof(text));
	line = strstr(text, "\nrate ");
	if (!line || sscanf(line, " rate %ld/%ld", &num, &den) < 1)
		return ns;
	return tk_max((s64)((double)ns * num / den), 1);
}

static void *wait_in_thread(void *arg)
{
	const struct child *c = arg;
	struct tw w;
	s64 ns;

	ns = fuzz_at_rate(c->ns);
	tw_init(&w, c->kind);
	tw_must_open(&w);
	ns = tw_from_now(&w, ns);
	/* A date behind the end of time */
	if (tw_abs(&w) && ns < 0)
		ns = 0;
	tw_go(&w, ns);
	if (CHECK(!w.ret, "%s: %s", c->kind->name, strerror(-w.ret)) &&
	    (c->kind->clk != CLOCK_REALTIME || !c->space->leaping))
		CHECK(w.woken >= w.lo, "%s: %" PRId64 " ns early on clock %d", c->kind->name,
		      w.lo - w.woken, c->kind->clk);
	tw_close(&w);
	return NULL;
}

static int wait_in_child(void *arg)
{
	const struct child *c = arg;

	tk_enter(c->space->fd);
	tw_in_thread(wait_in_thread, arg);
	return 0;
}

/* Each kind, to its end, while nobody touches the clock */
static void op_wait(struct space *s)
{
	struct child c = { .space = s, .ns = fuzz_below(3 * TK_MSEC) + 1 };

	do {
		c.kind = &tw_kinds[fuzz_below(TW_KINDS)];
	} while ((c.kind->flags & TW_ALARM) && !fuzz.alarms);
	fuzz_note("space %d: %s, %" PRId64 " ns of the host", number_of(s), c.kind->name, c.ns);
	RUN(wait_in_child, &c);
}

static void on_signal(int sig)
{
}

/* What is left when a signal comes, and what was slept, is no less than what was asked for. */
static int sleep_in_child(void *arg)
{
	const struct child *c = arg;
	struct sigaction act = { .sa_handler = on_signal };
	struct tk_ts ask, left = { 0 };
	s64 start, slept;
	int ret;

	tk_enter(c->space->fd);
	sigaction(SIGUSR1, &act, NULL);
	ask = tw_ts(fuzz_at_rate(c->ns));
	start = tk_now(c->clk);
	ret = TK_RET(syscall(TK_NR_nanosleep, c->clk, 0, &ask, &left));
	slept = tk_now(c->clk) - start;
	if (ret == -EINTR) {
		atomic_fetch_add(&fuzz_shared->interrupted, 1);
		slept += tk_ns(left.sec, left.nsec);
	}
	CHECK(!ret || ret == -EINTR, "nanosleep on clock %d: %s", c->clk, strerror(-ret));
	CHECK(slept >= tk_ns(ask.sec, ask.nsec), "nanosleep on clock %d: %" PRId64 " of %" PRId64
	      " ns slept or left, %d", c->clk, slept, tk_ns(ask.sec, ask.nsec), ret);
	return 0;
}

/* As in /proc/PID/stat */
static char state_of(pid_t pid)
{
	char path[64], text[512], *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	tk_slurp(path, text, sizeof(text));
	p = strrchr(text, ')');
	REQUIRE(p && p[1] == ' ', "%s: %s", path, text);
	return p[2];
}

/* A signal with a handler, or a stop which the sleep survives; meanwhile the clock may be set. */
static void op_interrupt(struct space *s)
{
	static const int clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	struct child c = {
		.space = s, .ns = 2 * TK_MSEC + fuzz_below(8 * TK_MSEC), .clk = ANY_OF(clocks),
	};
	bool stop = fuzz_one_in(2), touch = fuzz_one_in(2);
	pid_t pid = tk_spawn(sleep_in_child, &c);
	char state;

	fuzz_note("space %d: a sleep %s%s", number_of(s), stop ? "is stopped" : "gets a signal",
		  touch ? ", and the clock is set" : "");
	tk_sleep(fuzz_below(4 * TK_MSEC) + TK_MSEC);
	/* Before the handler is there it ends the child; which may be done already. */
	do {
		tk_sleep(TK_MSEC / 10);
		state = state_of(pid);
	} while (state != 'S' && state != 'Z');
	kill(pid, stop ? SIGSTOP : SIGUSR1);
	if (touch) {
		static const char *const rates[] = { "rate 1\n", "rate 50\n", "rate 1/10\n" };

		tk_enter(s->fd);
		if (fuzz_one_in(2))
			outcome(tk_step(fuzz_below(20 * TK_SEC) - 10 * TK_SEC));
		else
			outcome(tk_write_file(TK_CLOCK_FILE, ANY_OF(rates)));
		fuzz_touched(s);
		tk_leave();
	}
	if (stop) {
		tk_sleep(fuzz_below(4 * TK_MSEC));
		kill(pid, SIGCONT);
	}
	CHECK(!tk_reap(pid), "the sleeper failed");
}

/*
 * Timers
 */

static const int timer_clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME };

void fuzz_open_timers(void)
{
	int i;

	for (i = 0; i < FUZZ_TIMERS; i++) {
		struct timer *t = &fuzz.timer[i];
		struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };

		*t = (struct timer){
			.posix = i % 3 == 2, .clk = timer_clocks[i / 3 % 3], .space = -1,
		};
		if (t->posix)
			REQUIRE(!syscall(SYS_timer_create, t->clk, &ev, &t->id),
				"timer_create: %m");
		else
			t->id = timerfd_create(t->clk, TFD_CLOEXEC | TFD_NONBLOCK);
		REQUIRE(t->id >= 0, "timerfd_create: %m");
	}
}

void fuzz_close_timers(void)
{
	int i;

	for (i = 0; i < FUZZ_TIMERS; i++) {
		if (fuzz.timer[i].posix)
			syscall(SYS_timer_delete, fuzz.timer[i].id);
		else
			close(fuzz.timer[i].id);
	}
}

static int arm(struct timer *t, int flags, s64 ns, s64 interval)
{
	if (!t->posix)
		return tw_timerfd_arm(t->id, flags, ns, interval);
	return tw_timer_arm(t->id, flags & TFD_TIMER_ABSTIME ? TIMER_ABSTIME : 0, ns, interval);
}

static void op_arm(struct space *s)
{
	int i = fuzz_below(FUZZ_TIMERS), flags = fuzz_one_in(2) ? TFD_TIMER_ABSTIME : 0, ret;
	struct timer *t = &fuzz.timer[i];
	s64 ns, now;

	/* What is armed on a date moves with it; what is not is MONOTONIC's. */
	if (t->clk == CLOCK_REALTIME)
		flags = TFD_TIMER_ABSTIME |
			(!t->posix && fuzz_one_in(2) ? TFD_TIMER_CANCEL_ON_SET : 0);
	tk_enter(s->fd);
	ns = fuzz_at_rate(fuzz_below(fuzz_one_in(4) ? 100 * TK_MSEC : 3 * TK_MSEC) + 1);
	/* A timer whose signal is ignored has no count of what was missed. */
	t->interval = 0;
	if (!t->posix && fuzz_one_in(3))
		t->interval = fuzz_at_rate(fuzz_below(TK_MSEC) + 50 * TK_USEC);
	now = tk_now(t->clk);
	t->expiry = now + ns;
	if (fuzz_one_in(12)) {
		/* Any value at all; it is not waited for. */
		ns = fuzz_below(INT64_MAX);
		ret = outcome(arm(t, flags, ns, fuzz_one_in(2) ? 0 : fuzz_below(INT64_MAX)));
		t->space = -1;
	} else if (t->posix && fuzz_one_in(8)) {
		/* As often as can be said, for a moment */
		ret = arm(t, 0, 1, 1);
		tk_leave();
		tk_sleep(TK_MSEC);
		tk_enter(s->fd);
		arm(t, 0, 0, 0);
		t->space = -1;
	} else {
		ret = arm(t, flags, flags & TFD_TIMER_ABSTIME ? t->expiry : ns, t->interval);
		/* Told that the clock was set before */
		CHECK(!ret || t->expiry < 0 ||
		      (ret == -ECANCELED && (flags & TFD_TIMER_CANCEL_ON_SET)),
		      "timer %d: %s", i, strerror(-ret));
		t->space = ret ? -1 : number_of(s);
		t->life = fuzz.life[number_of(s)];
		t->touched = s->touched;
	}
	tk_leave();
	fuzz_note("space %d: timer %d, clock %d, in %" PRId64 " ns, each %" PRId64
		  ", flags %d = %d", number_of(s), i, t->clk, ns, t->interval, flags, ret);
}

/* How often it has fired, of one in the present namespace */
static u64 fired(struct timer *t)
{
	u64 count = 0;

	if (t->posix)
		return tw_timer_left(t->id) == 0;
	/* Or it was cancelled, because the clock was set. */
	if (read(t->id, &count, sizeof(count)) != sizeof(count) && errno == ECANCELED)
		t->space = -1;
	return count;
}

static void judge(struct timer *t, bool patience)
{
	struct space *s = &fuzz.space[t->space];
	int i = t - fuzz.timer;
	s64 give_up = 0, now;
	u64 count;

	tk_enter(s->fd);
	for (;;) {
		count = fired(t);
		now = tk_now(t->clk);
		if (count || t->space < 0 || !patience || t->clk == CLOCK_REALTIME)
			break;
		/* From when it is due */
		if (!give_up && now >= t->expiry)
			give_up = tk_give_up();
		if (give_up && !CHECK(tk_vnow(CLOCK_MONOTONIC_RAW) < give_up,
				      "timer %d: lost, due at %" PRId64 ", now %" PRId64, i,
				      t->expiry, now))
			break;
		tk_sleep(TK_MSEC);
	}
	tk_leave();
	if (!count)
		return;
	atomic_fetch_add(&fuzz_shared->expired, 1);
	if (t->clk != CLOCK_REALTIME || (t->touched == s->touched && !s->leaping))
		CHECK(now - t->expiry >= (s64)(count - 1) * t->interval,
		      "timer %d: expiry %" PRIu64 " is %" PRId64 " ns early on clock %d", i, count,
		      t->expiry + (s64)(count - 1) * t->interval - now, t->clk);
	t->expiry += (s64)count * t->interval;
	if (!t->interval)
		t->space = -1;
}

void fuzz_judge_timers(bool patience)
{
	int i;

	for (i = 0; i < FUZZ_TIMERS; i++) {
		struct timer *t = &fuzz.timer[i];

		if (t->space < 0)
			continue;
		/* Its namespace lives on in the timer, but there is no way to it. */
		if (fuzz.space[t->space].fd < 0 || fuzz.life[t->space] != t->life)
			t->space = -1;
		else
			judge(t, patience);
	}
}

static void op_disarm(struct space *s)
{
	int i = fuzz_below(FUZZ_TIMERS);

	fuzz.timer[i].space = -1;
	arm(&fuzz.timer[i], 0, 0, 0);
	fuzz_note("timer %d: disarmed", i);
}

/*
 * Time, and the tick
 */

static void op_sleep(struct space *s)
{
	s64 ns = fuzz_one_in(10) ? fuzz_below(TK_SEC) : fuzz_below(10 * TK_MSEC);

	tk_sleep(ns);
	fuzz_note("%" PRId64 " ns pass", ns);
}

static void op_spin(struct space *s)
{
	s64 ns = fuzz_below(5 * TK_MSEC), end = tk_vnow(CLOCK_MONOTONIC_RAW) + ns;

	while (tk_vnow(CLOCK_MONOTONIC_RAW) < end)
		;
	fuzz_note("%" PRId64 " ns pass with a busy CPU", ns);
}

static void op_knob(struct space *s)
{
	static const int intervals[] = { 0, 1, 10, 100, 1000, 1000, 1001 };
	bool interval = fuzz_one_in(2);
	const char *path = interval ? TK_DEBUGFS "interval_ms" : TK_DEBUGFS "budget";
	int value = interval ? ANY_OF(intervals) : (int)fuzz_below(64), ret;
	char text[32];

	snprintf(text, sizeof(text), "%d", value);
	ret = outcome(tk_write_file(path, text));
	fuzz_note("%s %d = %d", interval ? "interval" : "budget", value, ret);
}

/* Whatever is done meanwhile, a clock which stands shows what it showed. */
static void op_stop(struct space *s)
{
	static void (*const meanwhile[])(struct space *s) = {
		op_arm, op_arm, op_disarm, op_sleep, op_spin, op_settime, op_adjtimex, op_travel,
		op_fork, op_write_back,
	};
	static const int clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW };
	s64 was[TK_ARRAY(clocks)], is;
	int n = fuzz_below(4), ret;
	size_t i;

	tk_enter(s->fd);
	ret = outcome(tk_write_file(TK_CLOCK_FILE, "stop"));
	CHECK(!ret, "stop: %s", strerror(-ret));
	for (i = 0; i < TK_ARRAY(clocks); i++)
		was[i] = tk_now(clocks[i]);
	tk_leave();
	fuzz_note("space %d: stopped", number_of(s));
	while (n--)
		ANY_OF(meanwhile)(s);
	tk_enter(s->fd);
	for (i = 0; i < TK_ARRAY(clocks); i++) {
		is = tk_now(clocks[i]);
		CHECK(is == was[i], "clock %d went by %" PRId64 " ns while it stood", clocks[i],
		      is - was[i]);
		is = tk_vnow(clocks[i]);
		CHECK(is == was[i], "and by %" PRId64 " ns on its page", is - was[i]);
	}
	go_on();
	fuzz_touched(s);
	tk_leave();
	fuzz_note("space %d: goes on", number_of(s));
}

static const struct {
	void (*run)(struct space *s);
	int weight;
} ops[] = {
	{ op_settime, 6 },	{ op_timeofday, 2 },	{ op_adjtimex, 12 },	{ op_leap, 3 },
	{ op_command, 8 },	{ op_write_back, 2 },	{ op_new, 3 },		{ op_drop, 1 },
	{ op_fork, 2 },		{ op_exec, 1 },		{ op_travel, 2 },	{ op_wait, 8 },
	{ op_interrupt, 4 },	{ op_arm, 20 },		{ op_disarm, 2 },	{ op_sleep, 10 },
	{ op_spin, 2 },		{ op_knob, 1 },		{ op_restore, 4 },	{ op_stop, 4 },
};

void fuzz_step(void)
{
	int total = 0, at;
	size_t i;

	for (i = 0; i < TK_ARRAY(ops); i++)
		total += ops[i].weight;
	at = fuzz_below(total);
	for (i = 0; at >= ops[i].weight; i++)
		at -= ops[i].weight;
	ops[i].run(any_space());
}
