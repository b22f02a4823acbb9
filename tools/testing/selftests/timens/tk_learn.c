// SPDX-License-Identifier: GPL-2.0
/*
 * What a process in a time namespace learns of the machine through its clocks:
 * Documentation/timers/timens-learn.rst says it, these are its claims that a test can hold.
 *
 *	shown	offsets, the difference to the host's clocks, times of files, ticks
 *		since boot, the host's page of the vDSO: offsets are no secret keeper
 *	hidden	what other namespaces do, how many there are, who waits for what
 *
 * A claim that something is shown is tested as well as one that it is hidden: who relies on
 * a secret has to know when it is none.
 */
#include "lib/tk.h"
#include "lib/user.h"

#include <sys/times.h>

/* A user without privileges */
#define TK_UID 65533

/* The uptime that a container is shown, and its difference to the machine's */
#define SHOWN	"monotonic -3 0\nboottime 86400 250000000\n"
#define AHEAD	(86400 * TK_SEC + 250 * TK_MSEC)

FIXTURE(learn)
{
	int fd;
};

FIXTURE_VARIANT(learn)
{
	bool own;
};

FIXTURE_VARIANT_ADD(learn, follow)
{
	.own = false,
};

FIXTURE_VARIANT_ADD(learn, own)
{
	.own = true,
};

FIXTURE_SETUP(learn)
{
	ASSERT_EQ(0, tk_setup());
	self->fd = tk_ns_with(SHOWN, variant->own, 0, 0);
}

FIXTURE_TEARDOWN(learn)
{
	EXPECT_EQ(0, tk_teardown());
}

/* ------------------------------------------------------------------- shown */

/* Nanoseconds of a line "NAME SECS NSECS" of timens_offsets */
static s64 offset_of(const char *text, const char *name)
{
	const char *line = strstr(text, name);
	long long sec;
	long nsec;

	REQUIRE(line, "no %s in '%s'", name, text);
	REQUIRE(sscanf(line + strlen(name), "%lld %ld", &sec, &nsec) == 2, "'%s'", line);
	return sec * TK_SEC + nsec;
}

/* Whoever reads timens_offsets knows what the machine's uptime is. */
TEST_F(learn, offsets_are_told)
{
	s64 h1, h2, mine;
	char text[256];

	h1 = tk_now(CLOCK_BOOTTIME);
	tk_enter(self->fd);
	mine = tk_now(CLOCK_BOOTTIME);
	tk_slurp("/proc/self/timens_offsets", text, sizeof(text));
	tk_leave();
	h2 = tk_now(CLOCK_BOOTTIME);
	CHECK(offset_of(text, "boottime") == AHEAD, "'%s'", text);
	CHECK_BETWEEN(h1 - TK_USEC, mine - offset_of(text, "boottime"), h2 + TK_USEC,
		      "the machine's BOOTTIME");
}

/* times() counts the ticks of the machine since its boot, in every namespace. */
TEST_F(learn, times_counts_the_machine_s_ticks)
{
	clock_t h1, h2, mine;
	struct tms t;

	h1 = times(&t);
	tk_enter(self->fd);
	mine = times(&t);
	tk_leave();
	h2 = times(&t);
	CHECK_BETWEEN(h1, mine, h2, "ticks");
}

/* The date of a new file is the machine's, also for who owns a clock a year ahead. */
TEST_F(learn, files_have_the_machine_s_date)
{
	char path[] = "/tmp/tk_learn.XXXXXX";
	s64 h1, h2, at, tick;
	struct tk_ts res = { 0 };
	struct stat st;
	int fd;

	CHECK(!tk_sys_getres(CLOCK_MONOTONIC_COARSE, &res), "clock_getres: %m");
	tick = tk_ns(res.sec, res.nsec);
	h1 = tk_now(CLOCK_REALTIME);
	tk_enter(self->fd);
	if (variant->own)
		CHECK(tk_step(TK_YEAR * TK_SEC) >= 0, "step: %m");
	fd = mkstemp(path);
	REQUIRE(fd >= 0, "%s: %m", path);
	CHECK(!fstat(fd, &st), "fstat: %m");
	tk_leave();
	h2 = tk_now(CLOCK_REALTIME);
	at = tk_ns(st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	/* Of the last tick, and ticks come late on a busy machine */
	CHECK_BETWEEN(h1 - tick - tk_patience(), at, h2, "the time of a file");
	unlink(path);
	close(fd);
}

/*
 * The page of the vDSO with the host's clocks is mapped beside that of the namespace, as
 * in mainline: the fourth one. The last one before the code is that of the owner which the
 * namespace follows, if it follows one. Layout: struct vdso_data.
 */
#define DATA_AT	128

static u64 vvar_start(size_t *size)
{
	unsigned long long from = 0, to;
	char line[512];
	FILE *f = fopen("/proc/self/maps", "r");

	REQUIRE(f, "/proc/self/maps: %m");
	while (fgets(line, sizeof(line), f)) {
		if (!strstr(line, "[vvar]"))
			continue;
		REQUIRE(sscanf(line, "%llx-%llx", &from, &to) == 2, "'%s'", line);
		*size = to - from;
		break;
	}
	fclose(f);
	return from;
}

static int reads_the_host_s_page(void *arg)
{
	size_t size = 0, page = sysconf(_SC_PAGESIZE);
	u64 start = vvar_start(&size), mono, h1 = tk_floor_div(*(s64 *)arg, TK_SEC);
	const volatile unsigned char *host;

	if (!CHECK(start && size == 5 * page, "[vvar] has %zu bytes", size))
		return 0;
	host = (const volatile unsigned char *)(uintptr_t)start + 3 * page + DATA_AT;
	mono = *(const volatile u64 *)(host + 40 + 16 * CLOCK_MONOTONIC);
	/* Written in the last tick, or later; what is read may be one second before the other */
	CHECK(mono + 2 >= h1 && mono <= h1 + 2 + tk_patience() / TK_SEC,
	      "seconds of MONOTONIC in the page: %" PRIu64 ", %" PRIu64 " before", mono, h1);
	return 0;
}

TEST_F(learn, host_s_page_is_mapped)
{
	s64 h1 = tk_now(CLOCK_MONOTONIC);
	pid_t pid;

	tk_enter(self->fd);
	pid = tk_spawn(reads_the_host_s_page, &h1);
	tk_leave();
	CHECK(!tk_reap(pid), "the reader failed");
}

/* Who sees a process sees what its clock is, as all of /proc/PID that has mode 0444. */
static int sees_the_clock(void *arg)
{
	char text[1024];

	tk_become(TK_UID);
	tk_slurp(arg, text, sizeof(text));
	CHECK(strstr(text, "own") || strstr(text, "follow"), "'%s'", text);
	return 0;
}

TEST_F(learn, others_see_whose_clock_it_is)
{
	char path[64];

	tk_enter(self->fd);
	snprintf(path, sizeof(path), "/proc/%d/timens_clock", getpid());
	CHECK(!tk_run(sees_the_clock, path), "the reader failed");
	tk_leave();
}

/* ------------------------------------------------------------------ hidden */

/* How many own clocks, passes and events there are is for root; so is who waits. */
static int looks_around(void *arg)
{
	static const char *const closed[] = {
		TK_DEBUGFS "stats", TK_DEBUGFS "interval_ms", TK_DEBUGFS "budget",
		"/proc/timer_list", "/sys/kernel/tracing/events/timens/enable",
	};
	size_t i;
	int fd;

	tk_become(TK_UID);
	for (i = 0; i < TK_ARRAY(closed); i++) {
		fd = open(closed[i], O_RDONLY);
		CHECK(fd < 0 && (errno == EACCES || errno == EPERM || errno == ENOENT),
		      "%s can be read: %d, %m", closed[i], fd);
		if (fd >= 0)
			close(fd);
	}
	return 0;
}

TEST_F(learn, counts_are_root_s)
{
	tk_need_debugfs();
	CHECK(access(TK_DEBUGFS "stats", R_OK) == 0, "root cannot read them: %m");
	tk_enter(self->fd);
	CHECK(!tk_run(looks_around, NULL), "the reader failed");
	tk_leave();
}

/*
 * What another owner does is in nothing that can be read here: its clock is stepped,
 * steered and leaps, and each line of ours and each field of adjtimex() that is not a time
 * stays as it was.
 */
TEST_F(learn, others_leave_no_trace)
{
	int other = tk_ns_own(12345 * TK_SEC), n;
	struct tk_timex before = { 0 }, after = { 0 };
	struct tk_state was, is;

	tk_enter(self->fd);
	tk_get_state(&was);
	CHECK(tk_adjtimex(&before) >= 0, "adjtimex: %m");
	tk_enter(other);
	for (n = 0; n < 20; n++) {
		struct tk_timex tx = {
			.modes = ADJ_FREQUENCY | ADJ_TICK | ADJ_STATUS | ADJ_TAI,
			.freq = (n * 37 % 400) << 16, .tick = 9000 + n * 100,
			.status = n & 1 ? STA_INS : STA_DEL, .constant = n,
		};

		CHECK(tk_step((n & 1 ? 1 : -1) * 7777 * TK_SEC) >= 0, "step: %m");
		CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
		tk_sleep(5 * TK_MSEC);
	}
	tk_enter(self->fd);
	tk_get_state(&is);
	CHECK(tk_adjtimex(&after) >= 0, "adjtimex: %m");
	tk_leave();
	CHECK(!strcmp(was.state, is.state), "state '%s', was '%s'", is.state, was.state);
	CHECK(was.frequency == is.frequency, "frequency %" PRId64 ", was %" PRId64, is.frequency,
	      was.frequency);
	CHECK(before.freq == after.freq && before.tick == after.tick && before.tai == after.tai &&
	      before.status == after.status && before.offset == after.offset,
	      "adjtimex: freq %" PRId64 ", tick %" PRId64 ", tai %d, status %#x", after.freq,
	      after.tick, after.tai, after.status);
	/* Read twice in a row, so the lines of an owner lie apart by what steering does at most */
	CHECK(llabs(was.boottime - is.boottime) < tk_unit(TK_SEC) + tk_patience() / 1000,
	      "boottime %" PRId64 ", was %" PRId64, is.boottime, was.boottime);
	close(other);
}

TEST_HARNESS_MAIN
