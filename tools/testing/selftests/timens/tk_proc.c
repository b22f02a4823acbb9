// SPDX-License-Identifier: GPL-2.0
/*
 * Where time shows up in /proc, for a reader in each state of a namespace:
 *
 *	/proc/uptime, sysinfo()		BOOTTIME
 *	/proc/stat btime		REALTIME - BOOTTIME
 *	/proc/PID/stat starttime	BOOTTIME when the process began
 *	/proc/PID/timens_clock		all of it against the host
 */
#include "lib/tk.h"

#include <sys/sysinfo.h>

FIXTURE(proc)
{
	int fd;
};

FIXTURE_VARIANT(proc)
{
	const char *offsets;
	bool own;
	s64 ahead;
};

FIXTURE_VARIANT_ADD(proc, init)
{
	.offsets = NULL,
};

FIXTURE_VARIANT_ADD(proc, follow)
{
	.offsets = "monotonic 1000 0\nboottime 7000 500000000\n",
};

FIXTURE_VARIANT_ADD(proc, follow_shorter_uptime)
{
	.offsets = "boottime -1 750000000\n",
};

FIXTURE_VARIANT_ADD(proc, own)
{
	.offsets = "monotonic 1000 0\nboottime 7000 500000000\n",
	.own = true,
};

FIXTURE_VARIANT_ADD(proc, own_year_ahead)
{
	.offsets = "monotonic 1000 0\nboottime 7000 500000000\n",
	.own = true,
	.ahead = TK_YEAR * TK_SEC + 123456789,
};

FIXTURE_VARIANT_ADD(proc, own_year_back)
{
	.offsets = "boottime 100000 1\n",
	.own = true,
	.ahead = -TK_YEAR * TK_SEC - 987654321,
};

FIXTURE_SETUP(proc)
{
	ASSERT_EQ(0, tk_setup());
	self->fd = tk_host_fd;
	if (variant->offsets)
		self->fd = tk_ns_with(variant->offsets, variant->own, variant->ahead, 0);
	tk_enter(self->fd);
}

FIXTURE_TEARDOWN(proc)
{
	EXPECT_EQ(0, tk_teardown());
}

TEST_F(proc, uptime)
{
	int n;

	for (n = 0; n < 50; n++) {
		long long sec, hundredth;
		char text[128];
		s64 a, b;

		a = tk_now(CLOCK_BOOTTIME);
		tk_slurp("/proc/uptime", text, sizeof(text));
		b = tk_now(CLOCK_BOOTTIME);
		if (!CHECK(sscanf(text, "%lld.%2lld ", &sec, &hundredth) == 2, "'%s'", text))
			return;
		CHECK_BETWEEN(tk_floor_div(a, 10 * TK_MSEC), sec * 100 + hundredth,
			      tk_floor_div(b, 10 * TK_MSEC), "/proc/uptime");
	}
}

TEST_F(proc, sysinfo_rounds_up)
{
	int n;

	for (n = 0; n < 50; n++) {
		s64 a = tk_now(CLOCK_BOOTTIME), b;
		struct sysinfo si;

		CHECK(!sysinfo(&si), "sysinfo: %m");
		b = tk_now(CLOCK_BOOTTIME);
		CHECK_BETWEEN(tk_floor_div(a + TK_SEC - 1, TK_SEC), (s64)si.uptime,
			      tk_floor_div(b + TK_SEC - 1, TK_SEC), "uptime");
	}
}

static s64 read_btime(void)
{
	char *text = malloc(1 << 20), *line;
	long long btime = -1;

	REQUIRE(text, "malloc: %m");
	tk_slurp("/proc/stat", text, 1 << 20);
	line = strstr(text, "\nbtime ");
	CHECK(line && sscanf(line, "\nbtime %lld\n", &btime) == 1, "no btime in /proc/stat");
	free(text);
	return btime;
}

/* The second in which BOOTTIME was zero; a constant of the namespace until a set */
TEST_F(proc, btime)
{
	struct tk_iv line = tk_line(CLOCK_REALTIME, CLOCK_BOOTTIME, 2000);
	int n;

	for (n = 0; n < 20; n++) {
		s64 btime = read_btime();

		/* Where the second's end lies in the interval, it is either one. */
		CHECK_BETWEEN(tk_floor_div(line.lo, TK_SEC), btime, tk_floor_div(line.hi, TK_SEC),
			      "btime");
	}
	if (!variant->own)
		return;
	CHECK(tk_step(12345 * TK_SEC) >= 0, "step: %m");
	CHECK_BETWEEN(tk_floor_div(line.lo, TK_SEC) + 12345, read_btime(),
		      tk_floor_div(line.hi, TK_SEC) + 12345, "btime after a step");
}

static int sleeper(void *arg)
{
	(void)arg;
	pause();
	return 0;
}

TEST_F(proc, starttime)
{
	long hz = sysconf(_SC_CLK_TCK);
	int n;

	for (n = 0; n < 5; n++) {
		s64 a = tk_now(CLOCK_BOOTTIME), b, start;
		pid_t pid = tk_spawn(sleeper, NULL);

		b = tk_now(CLOCK_BOOTTIME);
		start = tk_start_time(pid);
		/*
		 * The kernel keeps the start on the host's clock, which a namespace of
		 * the same rate may be a few nanoseconds off: at the end of a tick that
		 * is one tick.
		 */
		CHECK_BETWEEN(tk_floor_div(a - tk_unit(TK_SEC), TK_SEC / hz), start,
			      tk_floor_div(b + tk_unit(TK_SEC), TK_SEC / hz), "starttime");
		/* Told to the host, it is the host's. */
		tk_leave();
		a = tk_now(CLOCK_BOOTTIME);
		start = tk_start_time(pid);
		CHECK(start <= tk_floor_div(a, TK_SEC / hz), "starttime %" PRId64
		      " told to the host, whose BOOTTIME is %" PRId64, start, a);
		tk_enter(self->fd);
		kill(pid, SIGKILL);
		tk_reap(pid);
	}
}

/* A process that began on the host did so, for a reader inside, on the reader's clock. */
TEST_F(proc, starttime_of_an_older_process)
{
	long hz = sysconf(_SC_CLK_TCK);
	struct tk_iv off;
	s64 host, ns;

	tk_leave();
	host = tk_start_time(getpid());
	off = tk_cross(self->fd, CLOCK_BOOTTIME, 50, NULL);
	tk_enter(self->fd);
	ns = tk_start_time(getpid());
	/* Both are cut to ticks, hence one more on either side. */
	CHECK_BETWEEN(host + tk_floor_div(off.lo - tk_unit(TK_SEC), TK_SEC / hz), ns,
		      host + tk_floor_div(off.hi + tk_unit(TK_SEC), TK_SEC / hz) + 1, "starttime");
}

/* ------------------------------------------------------------- timens_clock */

/* To the letter: see Documentation/timers/timens-timekeeper.rst. */
TEST_F(proc, timens_clock_format)
{
	static const char *const key[] = { "realtime", "monotonic", "boottime", "tai" };
	char text[1024], want[1024];
	struct tk_state st;
	s64 *val[] = { &st.realtime, &st.monotonic, &st.boottime, &st.tai };
	int len;
	size_t i;

	tk_read_summary(text, sizeof(text));
	tk_parse_state(text, &st);
	len = snprintf(want, sizeof(want), "%-10s %s\n", "state", st.state);
	for (i = 0; i < TK_ARRAY(key); i++) {
		s64 sec = tk_floor_div(*val[i], TK_SEC);

		len += snprintf(want + len, sizeof(want) - len, "%-10s %10lld %9lld\n", key[i],
				(long long)sec, (long long)(*val[i] - sec * TK_SEC));
	}
	len += snprintf(want + len, sizeof(want) - len, "%-10s %10lld\n", "frequency",
			(long long)st.frequency);
	snprintf(want + len, sizeof(want) - len, "%-10s %10d\n%-10s %s\n%-10s %s\n", "rate", 1,
		 "leap", "step", "smear", "none");
	CHECK(!strcmp(text, want), "read\n%sthe values of which would be\n%s", text, want);
}

/* Behind the summary an owner has its state, and a follower nothing: see tk_save.c. */
TEST_F(proc, timens_clock_state)
{
	char text[4096];
	const char *state;

	tk_slurp(TK_CLOCK_FILE, text, sizeof(text));
	state = strstr(text, "\nversion    1\n");
	if (!variant->own) {
		CHECK(!state, "a follower shows\n%s", text);
		return;
	}
	REQUIRE(state, "an owner shows\n%s", text);
	CHECK(strlen(state) > 5 && !strcmp(state + strlen(state) - 5, "\nend\n"),
	      "the state ends with\n%s", state);
}

/* What it tells is what is measured from outside. */
TEST_F(proc, timens_clock_values)
{
	static const int clk[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI };
	static const char *const name[] = { "realtime", "monotonic", "boottime", "tai" };
	struct tk_state st;
	s64 *val[] = { &st.realtime, &st.monotonic, &st.boottime, &st.tai };
	s64 elapsed, start = tk_now(CLOCK_MONOTONIC);
	size_t i;

	CHECK_STATE(variant->own ? "own" : "follow");
	for (i = 0; i < TK_ARRAY(clk); i++) {
		struct tk_iv iv;

		tk_leave();
		iv = tk_cross(self->fd, clk[i], 100, NULL);
		tk_enter(self->fd);
		tk_get_state(&st);
		elapsed = tk_now(CLOCK_MONOTONIC) - start;
		CHECK_IV(iv, *val[i], variant->own ? tk_unit(elapsed) : 0, name[i]);
	}
}

TEST_F(proc, refused_writes)
{
	static const char *const bad[] = {
		"own", "own\n", "FOLLOW", "Follow\n", "follow ", " follow", "follow\n\n",
		"follow\t\n", "followx", "follo", "f", "\n", " ", "follow\nfollow\n",
		"follow own", "state follow",
		"realtime 10 0", "realtime 10 0\n", "monotonic 1 0\n", "tai 0 0\n", "frequency 0\n",
		"leap", "leap\n", "rate", "rate\t\n", "rate ", "rate 2 ", "leap step x",
		"smear none", "0", "-1",
	};
	const char *state = variant->own ? "own" : "follow";
	struct tk_iv line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 300);
	char big[8192];
	size_t i;
	int ret, fd;

	for (i = 0; i < TK_ARRAY(bad); i++) {
		ret = tk_write_file(TK_CLOCK_FILE, bad[i]);
		CHECK(ret == -EINVAL, "'%s': %d", bad[i], ret);
		CHECK_STATE(state);
	}
	/* A zero byte inside or behind is not the word either. */
	fd = open(TK_CLOCK_FILE, O_WRONLY);
	REQUIRE(fd >= 0, "%s: %m", TK_CLOCK_FILE);
	CHECK(write(fd, "follow\0", 7) < 0 && errno == EINVAL, "with a zero byte: %m");
	CHECK(write(fd, "fol\0low", 7) < 0 && errno == EINVAL, "with a zero byte: %m");
	CHECK(syscall(SYS_write, fd, (void *)8, 6) < 0 && errno == EFAULT, "from nowhere: %m");
	close(fd);
	memset(big, 'f', sizeof(big));
	memcpy(big, "follow\n", 7);
	big[sizeof(big) - 1] = '\0';
	ret = tk_write_file(TK_CLOCK_FILE, big);
	CHECK(ret == -EINVAL, "8 KiB: %d", ret);
	CHECK_STATE(state);
	CHECK_IV_MEET(line, tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 300), 0, "REALTIME");
}

/* Random bytes, and `follow' with one byte changed: nothing of it is the word. */
TEST_F(proc, random_writes)
{
	static const char word[] = "follow\n";
	const char *given = getenv("TK_SEED"), *state = variant->own ? "own" : "follow";
	unsigned int seed = given ? strtoul(given, NULL, 0) : (unsigned int)tk_now(CLOCK_REALTIME);
	int fd = open(TK_CLOCK_FILE, O_WRONLY), n;
	unsigned int x = seed | 1;

	REQUIRE(fd >= 0, "%s: %m", TK_CLOCK_FILE);
	TH_LOG("TK_SEED=%u", seed);
	for (n = 0; n < 2000; n++) {
		unsigned char buf[40];
		size_t len, i;

		for (i = 0; i < sizeof(buf); i++) {
			/* xorshift32 */
			x ^= x << 13;
			x ^= x >> 17;
			x ^= x << 5;
			buf[i] = x >> 11;
		}
		if (n & 1) {
			len = 1 + buf[0] % (sizeof(buf) - 1);
		} else {
			unsigned char flip = buf[3] ? buf[3] : 1;

			len = buf[1] & 1 ? 7 : 6;
			i = buf[2] % len;
			memcpy(buf, word, len);
			buf[i] ^= flip;
		}
		if ((len == 6 || len == 7) && !memcmp(buf, word, len))
			continue;
		CHECK(write(fd, buf, len) < 0 && errno == EINVAL,
		      "seed %u, write %d of %zu bytes: %m", seed, n, len);
	}
	close(fd);
	CHECK_STATE(state);
}

TEST_F(proc, accepted_writes)
{
	int ret;

	if (!variant->offsets)
		return;	/* the initial namespace is not to be asked for anything */
	ret = tk_write_file(TK_CLOCK_FILE, "follow");
	CHECK(!ret, "without a newline: %s", strerror(-ret));
	CHECK_STATE("follow");
	ret = tk_write_file(TK_CLOCK_FILE, "follow\n");
	CHECK(!ret, "with a newline: %s", strerror(-ret));
	CHECK_STATE("follow");
}

/* The mode is that of timens_offsets, for any process. */
TEST_F(proc, timens_clock_mode)
{
	struct stat clock, offsets;

	CHECK(!stat("/proc/self/timens_clock", &clock), "%m");
	CHECK(!stat("/proc/self/timens_offsets", &offsets), "%m");
	CHECK(clock.st_mode == offsets.st_mode, "mode %o, timens_offsets %o", clock.st_mode,
	      offsets.st_mode);
}

TEST_HARNESS_MAIN
