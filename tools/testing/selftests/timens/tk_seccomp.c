// SPDX-License-Identifier: GPL-2.0
/*
 * The vDSO for a process that may not make the system calls behind it.
 *
 *	strict	SECCOMP_MODE_STRICT, which forbids reading the TSC as well: time(), the
 *		coarse clocks and the resolution work as on mainline, or the process is killed
 *	filter	those system calls fail with an errno which nothing else returns: each
 *		function gives the right time, or that errno and leaves the buffer alone
 *
 *	time() and the coarse clocks never need a system call. The other clocks do where the
 *	clocksource is one that the vDSO cannot read. getrandom() has its state in the same
 *	pages, and once it has a seed it needs none either.
 *
 * in the initial namespace, in one that follows, and in owners: in calm, across a leap
 * second, and while one is smeared; in one that follows an owner, and in what became of
 * such a one; with every clocksource of the machine.
 *
 * What is right: CLOCK_MONOTONIC_COARSE and the difference to it that the kernel told
 * before say what CLOCK_REALTIME_COARSE is, so does TAI for REALTIME. A smear moves both, so
 * there the kernel's readings before and after have to bracket it.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include "lib/leap.h"
#include "lib/tk.h"

#define CS TK_CLOCKSOURCE "current_clocksource"

/* What nothing on the way returns */
#define REFUSED EXFULL
#define POISON 0x5a5a5a5a
/* Around an edge; otherwise a few ticks are enough */
#define CROSS (150 * TK_MSEC)
#define CALM (5 * TK_MSEC)

enum place {
	HOST, FOLLOW, OWN, RATED, INSERT, DELETE, SMEAR,
	/* Made inside an owner, which takes a leap second; it owns a clock; it follows the host */
	INNER, INNER_INSERT, INNER_SMEAR, PARTED, PARTED_FOLLOW, PLACES
};

static const char *const place_name[PLACES] = {
	"initial", "follow", "own", "own, rate 3", "own, leap inserted", "own, leap deleted",
	"own, smearing", "follows an owner", "follows an owner, leap inserted",
	"follows an owner, smearing", "own, followed an owner", "followed an owner"
};

static const int fine[] = {
	CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_MONOTONIC_RAW
};

struct job {
	enum place place;
	bool readable;		/* the vDSO can read the clocksource */
	bool strict;
	int fd;
	s64 lead;		/* how far ahead the leap second is put */
	s64 edge, step;		/* of the leap second, on CLOCK_REALTIME before it */
	s64 mono_line;		/* REALTIME - MONOTONIC before the edge */
	s64 tai_line;		/* REALTIME - TAI before the edge */
	s64 least[16];		/* the kernel's readings before */
	s64 last[16];		/* the vDSO's last ones */
	long rounds;
	void *random;		/* the state of getrandom() */
	size_t random_size;
};

static bool smears(const struct job *j)
{
	return j->place == SMEAR || j->place == INNER_SMEAR;
}

/* The step of a leap second at @x, which is CLOCK_REALTIME without one */
static s64 image(const struct job *j, s64 x)
{
	return j->step && x >= j->edge ? x + j->step : x;
}

static bool in_image(const struct job *j, s64 x1, s64 v, s64 x2, s64 cut)
{
#define IN(a, b) (tk_floor_div(a, cut) <= v && v <= tk_floor_div(b, cut))
	if (j->step && x1 < j->edge && x2 >= j->edge)
		return IN(x1, j->edge - 1) || IN(j->edge + j->step, image(j, x2));
	return IN(image(j, x1), image(j, x2));
#undef IN
}

/* A reading that must not fail, on the way up unless the clock leaps */
static s64 must(struct job *j, int ret, int clk, s64 sec, s64 nsec, const char *what)
{
	s64 v = tk_ns(sec, nsec);

	CHECK(!ret, "%s, %s, clock %d: %d", place_name[j->place], what, clk, ret);
	CHECK(nsec >= 0 && nsec < TK_SEC, "%s, %s, clock %d: %" PRId64 " ns", place_name[j->place],
	      what, clk, nsec);
	CHECK(j->step || v >= j->last[clk], "%s, %s, clock %d: %" PRId64 " ns behind the last",
	      place_name[j->place], what, clk, j->last[clk] - v);
	j->last[clk] = v;
	return v;
}

static s64 must_gettime(struct job *j, int clk)
{
	struct tk_ts ts = { POISON, POISON };
	int ret = tk_vdso.gettime(clk, &ts);

	return must(j, ret, clk, ts.sec, ts.nsec, "clock_gettime");
}

static s64 must_gettime32(struct job *j, int clk)
{
#ifdef __i386__
	struct tk_ts32 ts = { POISON, POISON };
	int ret = tk_vdso.gettime32(clk, &ts);

	return must(j, ret, clk, ts.sec, ts.nsec, "clock_gettime (32)");
#else
	return must_gettime(j, clk);
#endif
}

static void right(const struct job *j, s64 x1, s64 v, s64 x2, s64 cut, const char *what)
{
	CHECK(in_image(j, x1, v, x2, cut), "%s: %s is %" PRId64 ", not %" PRId64 "..%" PRId64
	      " (units of %" PRId64 " ns), %" PRId64 " us from the edge", place_name[j->place],
	      what, v, image(j, x1) / cut, image(j, x2) / cut, cut,
	      j->step ? (s64)((x1 - j->edge) / TK_USEC) : 0);
}

/* What no system call is ever needed for */
static void coarse(struct job *j)
{
	s64 mono, mono2, real, real32, secs, secs2, tick = 0;
	long t = POISON;
	struct tk_ts ts;
	int ret;

	mono = must_gettime(j, CLOCK_MONOTONIC_COARSE);
	real = must_gettime(j, CLOCK_REALTIME_COARSE);
	secs = tk_vdso.time(&t);
	CHECK(t == secs, "%s: time() gives %" PRId64 " and stores %ld", place_name[j->place],
	      secs, t);
	real32 = must_gettime32(j, CLOCK_REALTIME_COARSE);
	secs2 = tk_vdso.time(NULL);
	mono2 = must_gettime32(j, CLOCK_MONOTONIC_COARSE);
	if (smears(j)) {
		CHECK(real / TK_SEC <= secs && secs <= real32 / TK_SEC && secs <= secs2,
		      "smearing: time() %" PRId64 ", then %" PRId64 "; %" PRId64 "..%" PRId64 " ns",
		      secs, secs2, real, real32);
	} else {
		/* Each is cut off at its nanosecond */
		mono += j->mono_line - 1;
		mono2 += j->mono_line + 1;
		right(j, mono, real, mono2, 1, "REALTIME_COARSE");
		right(j, mono, real32, mono2, 1, "REALTIME_COARSE (32)");
		right(j, mono, secs, mono2, TK_SEC, "time()");
		right(j, mono, secs2, mono2, TK_SEC, "time(NULL)");
	}

	ts = (struct tk_ts){ POISON, POISON };
	ret = tk_vdso.getres(CLOCK_REALTIME_COARSE, &ts);
#ifdef __i386__
	/* Two words of 32 bits */
	tick = ret ? 0 : ts.sec >> 32;
	CHECK(!ret && !(int32_t)ts.sec, "%s: clock_getres: %d", place_name[j->place], ret);
#else
	tick = ts.nsec;
	CHECK(!ret && !ts.sec, "%s: clock_getres: %d", place_name[j->place], ret);
#endif
	CHECK(tick >= TK_MSEC && tick <= 10 * TK_MSEC, "%s: a tick of %" PRId64 " ns",
	      place_name[j->place], tick);
}

static void fine_clocks(struct job *j)
{
	struct tk_tv tv = { 0 };
	struct timezone tz = { .tz_minuteswest = POISON };
	s64 tai, tai2, real, real32, day, coarse_mono;
	int ret;

	coarse_mono = must_gettime(j, CLOCK_MONOTONIC_COARSE);
	tai = must_gettime(j, CLOCK_TAI);
	real = must_gettime(j, CLOCK_REALTIME);
	ret = tk_vdso.gettimeofday(&tv, &tz);
	day = (s64)tv.sec * 1000000 + tv.usec;
	real32 = must_gettime32(j, CLOCK_REALTIME);
	tai2 = must_gettime32(j, CLOCK_TAI);
	CHECK(!ret && tz.tz_minuteswest != POISON, "%s: gettimeofday: %d", place_name[j->place],
	      ret);
	if (smears(j)) {
		CHECK(real / 1000 <= day && day <= real32 / 1000,
		      "smearing: gettimeofday %" PRId64 " us, %" PRId64 "..%" PRId64 " ns", day,
		      real, real32);
	} else {
		tai += j->tai_line - 1;
		tai2 += j->tai_line + 1;
		right(j, tai, real, tai2, 1, "REALTIME");
		right(j, tai, real32, tai2, 1, "REALTIME (32)");
		right(j, tai, day, tai2, 1000, "gettimeofday()");
	}
	CHECK(must_gettime(j, CLOCK_MONOTONIC) >= coarse_mono,
	      "%s: MONOTONIC before its coarse counterpart", place_name[j->place]);
	must_gettime(j, CLOCK_BOOTTIME);
	must_gettime(j, CLOCK_MONOTONIC_RAW);
}

/* What the kernel says of the state which a caller keeps: <linux/random.h> since 6.11 */
struct random_params {
	uint32_t size, prot, flags, reserved[13];
};

static void new_random_state(struct job *j)
{
	struct random_params params = { 0 };
	ssize_t ret;

	if (!tk_vdso.getrandom)
		return;
	ret = tk_vdso.getrandom(NULL, 0, 0, &params, ~0UL);
	CHECK(!ret, "getrandom() about its state: %zd", ret);
	j->random_size = params.size;
	j->random = mmap(NULL, sysconf(_SC_PAGESIZE), params.prot, params.flags, -1, 0);
	REQUIRE(j->random != MAP_FAILED, "mmap: %m");
}

static void random_bytes(struct job *j)
{
	unsigned char some[2][32] = { { 0 } };
	ssize_t ret;
	size_t i;

	if (!j->random)
		return;
	for (i = 0; i < 2; i++) {
		ret = tk_vdso.getrandom(some[i], sizeof(some[i]), 0, j->random, j->random_size);
		CHECK(ret == sizeof(some[i]), "%s: getrandom: %zd", place_name[j->place], ret);
	}
	CHECK(memcmp(some[0], some[1], sizeof(some[0])), "%s: the same bytes twice",
	      place_name[j->place]);
}

/* The errno and nothing else */
static void refused(struct job *j)
{
	struct tk_tv tv;
	struct tk_ts ts;
	size_t i;
	int ret;

	for (i = 0; i < TK_ARRAY(fine); i++) {
		ts = (struct tk_ts){ POISON, POISON };
		ret = tk_vdso.gettime(fine[i], &ts);
		CHECK(ret == -REFUSED && ts.sec == POISON && ts.nsec == POISON,
		      "%s: clock %d: %d, %" PRId64 ".%" PRId64, place_name[j->place], fine[i], ret,
		      ts.sec, ts.nsec);
#ifdef __i386__
		struct tk_ts32 ts32 = { POISON, POISON };

		ret = tk_vdso.gettime32(fine[i], &ts32);
		CHECK(ret == -REFUSED && ts32.sec == POISON && ts32.nsec == POISON,
		      "%s: clock %d (32): %d, %d.%d", place_name[j->place], fine[i], ret, ts32.sec,
		      ts32.nsec);
#endif
	}
	memset(&tv, 0x5a, sizeof(tv));
	ret = tk_vdso.gettimeofday(&tv, NULL);
	CHECK(ret == -REFUSED && (int)tv.sec == POISON && (int)tv.usec == POISON,
	      "%s: gettimeofday: %d, %ld.%ld", place_name[j->place], ret, (long)tv.sec,
	      (long)tv.usec);
}

static int install_filter(void)
{
	struct sock_filter code[32];
	static const int calls[] = {
		SYS_clock_gettime, SYS_gettimeofday, SYS_time, SYS_clock_getres,
#ifdef __i386__
		SYS_clock_gettime64, SYS_clock_getres_time64,
#else
		SYS_getrandom,
#endif
	};
	struct sock_fprog prog = { .filter = code };
	size_t i, n = 0, left;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (i = 0; i < TK_ARRAY(calls); i++) {
		left = TK_ARRAY(calls) - 1 - i;
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i],
							 left + 1, 0);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | REFUSED);
	prog.len = n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* To a nanosecond: the coarse clocks are read at the same tick, and TAI is full seconds ahead */
static void find_lines(struct job *j)
{
	struct tk_timex tx = { 0 };
	s64 mono, real;

	do {
		mono = tk_now(CLOCK_MONOTONIC_COARSE);
		real = tk_now(CLOCK_REALTIME_COARSE);
	} while (tk_now(CLOCK_MONOTONIC_COARSE) != mono);
	j->mono_line = real - mono;
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	j->tai_line = -tx.tai * TK_SEC;
}

/* Exit status: the machine took longer to get here than the edge was away */
#define TOO_LATE	5

static int confined(void *arg)
{
	struct job *j = arg;
	struct tk_ts ts;
	s64 end, mono;
	size_t i;
	int ret;

	if (j->step) {
		s64 left = j->edge - tk_now(CLOCK_REALTIME) - CROSS;

		if (left < 0)
			_exit(TOO_LATE);
		tk_sleep(left);
	}
	for (i = 0; i < TK_ARRAY(fine); i++)
		j->least[fine[i]] = tk_now(fine[i]);
	j->least[CLOCK_REALTIME_COARSE] = tk_now(CLOCK_REALTIME_COARSE);
	j->least[CLOCK_MONOTONIC_COARSE] = tk_now(CLOCK_MONOTONIC_COARSE);
	memcpy(j->last, j->least, sizeof(j->last));

	new_random_state(j);
	/* The first one, and one behind the reseeding of each minute, asks the kernel for a seed */
	random_bytes(j);
	ret = j->strict ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) : install_filter();
	if (ret)
		syscall(SYS_exit, 2);
	if (!j->strict && syscall(SYS_gettimeofday, NULL, NULL) != -1)
		syscall(SYS_exit, 3);

	random_bytes(j);
	ret = tk_vdso.gettime(CLOCK_MONOTONIC_COARSE, &ts);
	end = tk_ns(ts.sec, ts.nsec) + (j->step ? 2 * CROSS : j->place == RATED ? 3 * CALM : CALM);
	do {
		coarse(j);
		/* The strict mode forbids the TSC as well, on mainline too */
		if (!j->strict && j->readable)
			fine_clocks(j);
		else if (!j->strict)
			refused(j);
		j->rounds++;
		mono = j->last[CLOCK_MONOTONIC_COARSE];
	} while (!ret && mono < end && tk_failures() < 20);
	/* Strict mode knows no exit_group() */
	syscall(SYS_exit, ret ? 4 : 0);
	return 5;
}

static void command(const char *text)
{
	int ret = tk_write_file(TK_CLOCK_FILE, text);

	REQUIRE(!ret, "'%s': %s", text, strerror(-ret));
}

static void set(s64 ns)
{
	int ret = tk_settime(CLOCK_REALTIME, ns / TK_SEC, ns % TK_SEC);

	REQUIRE(!ret, "clock_settime: %s", strerror(-ret));
}

static void arm(int status)
{
	struct tk_timex tx = { .modes = ADJ_STATUS, .status = status };
	int ret = tk_adjtimex(&tx);

	REQUIRE(ret >= 0, "adjtimex: %s", strerror(-ret));
}

/* In the namespace: bring it there */
static void prepare(struct job *j)
{
	char text[1024];
	int inner;

	switch (j->place) {
	case RATED:
		command("rate 3");
		break;
	case INSERT:
	case DELETE:
	case INNER_INSERT:
		set(TK_MIDNIGHT - j->lead);
		arm(j->place == DELETE ? STA_DEL : STA_INS);
		j->step = j->place == DELETE ? TK_SEC : -TK_SEC;
		j->edge = TK_MIDNIGHT - (j->place == DELETE ? TK_SEC : 0);
		break;
	case SMEAR:
	case INNER_SMEAR:
		command("leap smear linear 128 before");
		set(TK_MIDNIGHT - 128 * TK_SEC - 1500 * TK_MSEC);
		arm(STA_INS);
		tk_sleep(3 * TK_SEC);
		tk_read_summary(text, sizeof(text));
		CHECK(strstr(text, "\nsmear      running"), "not smearing: %s", text);
		break;
	default:
		break;
	}
	if (j->place < INNER)
		return;

	/* Inside of it, with other offsets */
	inner = tk_ns_new_offsets("monotonic 1000 5\nboottime 2000 7\n");
	tk_leave();
	close(j->fd);
	j->fd = inner;
	tk_enter(inner);
	if (j->place == PARTED || j->place == PARTED_FOLLOW)
		set(tk_now(CLOCK_REALTIME) + TK_DAY * TK_SEC);
	if (j->place == PARTED_FOLLOW)
		command("follow");
}

/* Returns false if the edge, @lead ahead, came too early for this machine */
static bool run_once(enum place place, bool readable, bool strict, s64 lead)
{
	struct job *j = tk_shared_page(sizeof(*j));
	int status, was = tk_failures();
	pid_t pid;
	size_t i;

	j->place = place;
	j->readable = readable;
	j->strict = strict;
	j->lead = lead;
	if (place == HOST)
		j->fd = -1;
	else if (place == FOLLOW)
		j->fd = tk_ns_new();
	else
		j->fd = tk_ns_own(place == OWN || place == INNER ? TK_DAY : 0);
	if (j->fd >= 0) {
		tk_enter(j->fd);
		prepare(j);
	}
	find_lines(j);

	fflush(NULL);
	pid = fork();
	REQUIRE(pid >= 0, "fork: %m");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		confined(j);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid, "waitpid: %m");
	if (WIFEXITED(status) && WEXITSTATUS(status) == TOO_LATE) {
		tk_leave();
		close(j->fd);
		return false;
	}
	CHECK(WIFEXITED(status), "%s: killed by signal %d after %ld rounds", place_name[place],
	      WTERMSIG(status), j->rounds);
	CHECK(!WIFEXITED(status) || !WEXITSTATUS(status), "%s: status %d", place_name[place],
	      WEXITSTATUS(status));
	CHECK(j->rounds || !WIFEXITED(status), "%s: nothing was read", place_name[place]);
	if (!j->step && tk_failures() == was) {
		for (i = 0; i < TK_ARRAY(fine); i++)
			CHECK(j->last[fine[i]] <= tk_now(fine[i]),
			      "%s: clock %d is ahead of the kernel's", place_name[place], fine[i]);
		CHECK(j->last[CLOCK_REALTIME_COARSE] <= tk_now(CLOCK_REALTIME_COARSE),
		      "%s: REALTIME_COARSE is ahead of the kernel's", place_name[place]);
	}
	if (j->fd >= 0) {
		tk_leave();
		close(j->fd);
	}
	return true;
}

static void run(enum place place, bool readable, bool strict)
{
	s64 lead = 2200 * TK_MSEC;

	while (!run_once(place, readable, strict, lead)) {
		lead *= 2;
		REQUIRE(lead < 60 * TK_SEC, "%s: not there %" PRId64 " s before the edge",
			place_name[place], (s64)(lead / 2 / TK_SEC));
	}
}

FIXTURE(seccomp)
{
	char was[64];
};

FIXTURE_VARIANT(seccomp)
{
	const char *source;
	bool readable;
};

FIXTURE_VARIANT_ADD(seccomp, tsc) { .source = "tsc", .readable = true };
FIXTURE_VARIANT_ADD(seccomp, hpet) { .source = "hpet" };
FIXTURE_VARIANT_ADD(seccomp, acpi_pm) { .source = "acpi_pm" };

FIXTURE_SETUP(seccomp)
{
	char now[64];

	ASSERT_EQ(0, tk_setup_watch(false, 0));
	tk_slurp(CS, self->was, sizeof(self->was));
	ASSERT_EQ(0, tk_write_file(CS, variant->source));
	tk_slurp(CS, now, sizeof(now));
	now[strcspn(now, "\n")] = '\0';
	ASSERT_STREQ(variant->source, now);
	/* What is slewed at a change of the source is over */
	tk_sleep(20 * TK_MSEC);
}

FIXTURE_TEARDOWN(seccomp)
{
	EXPECT_EQ(0, tk_write_file(CS, self->was));
	EXPECT_EQ(0, tk_teardown());
}

TEST_F_TIMEOUT(seccomp, strict, 240)
{
	enum place place;

	for (place = HOST; place < PLACES; place++)
		run(place, variant->readable, true);
}

TEST_F_TIMEOUT(seccomp, filter, 240)
{
	enum place place;

	for (place = HOST; place < PLACES; place++)
		run(place, variant->readable, false);
}

TEST_HARNESS_MAIN
