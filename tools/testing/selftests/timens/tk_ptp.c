// SPDX-License-Identifier: GPL-2.0
/*
 * A PTP clock, and the system's clock beside it as the caller reads it.
 *
 *	own clock	a ----- system -- (device) -- system ----- b
 *
 * The system's readings in PTP_SYS_OFFSET, _EXTENDED and _PRECISE lie between two reads of
 * the own clock around the call, and in order; the device's reading is the same for everybody.
 * That is what phc2sys in a container steers its clock by.
 */
#include "lib/tk.h"

#include <linux/ptp_clock.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#define TK_PTP_NAME "timens_tk test"

/* The third word is the clock since Linux 6.12; older headers call it reserved */
struct tk_offset_extended {
	unsigned int n_samples;
	int clockid;
	unsigned int rsv[2];
	struct ptp_clock_time ts[PTP_MAX_SAMPLES][3];
};

/* The test's clock, or -1 */
static int ptp_open(void)
{
	char path[64], text[64];
	int i, fd;

	for (i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "/sys/class/ptp/ptp%d/clock_name", i);
		if (access(path, R_OK))
			continue;
		tk_slurp(path, text, sizeof(text));
		if (strncmp(text, TK_PTP_NAME, strlen(TK_PTP_NAME)))
			continue;
		snprintf(path, sizeof(path), "/dev/ptp%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		REQUIRE(fd >= 0, "%s: %m", path);
		return fd;
	}
	return -1;
}

FIXTURE(ptp)
{
	int ns;
	int fd;
};

FIXTURE_VARIANT(ptp)
{
	bool follow;
	bool own;
	s64 ahead;
	s64 tick;
};

FIXTURE_VARIANT_ADD(ptp, host)
{
	.own = false,
};

FIXTURE_VARIANT_ADD(ptp, follow)
{
	.follow = true,
};

FIXTURE_VARIANT_ADD(ptp, own)
{
	.own = true,
	.ahead = TK_YEAR * TK_SEC,
};

FIXTURE_VARIANT_ADD(ptp, back)
{
	.own = true,
	.ahead = -TK_YEAR * TK_SEC,
};

FIXTURE_VARIANT_ADD(ptp, fast)
{
	.own = true,
	.ahead = TK_YEAR * TK_SEC,
	.tick = 11000,
};

FIXTURE_VARIANT_ADD(ptp, slow)
{
	.own = true,
	.ahead = TK_YEAR * TK_SEC,
	.tick = 9000,
};

FIXTURE_SETUP(ptp)
{
	ASSERT_EQ(0, tk_setup());
	self->fd = ptp_open();
	ASSERT_GE(self->fd, 0) TH_LOG("no PTP clock '" TK_PTP_NAME "' (TIMEKEEPER_NS_PTP_TEST)");
	self->ns = tk_host_fd;
	if (variant->follow || variant->own)
		self->ns = tk_ns_with("monotonic 864000 0\nboottime 1728000 0\n", !variant->follow,
				      variant->ahead, variant->tick);
}

FIXTURE_TEARDOWN(ptp)
{
	EXPECT_EQ(0, tk_teardown());
}

static s64 ptp_ns(const struct ptp_clock_time *t)
{
	return tk_ns(t->sec, t->nsec);
}

/* Both are read at one instant, so in order within the rounding of the conversion */
static void in_order(s64 a, s64 b, const char *what)
{
	CHECK(a <= b + 2, "%s: %" PRId64 ", then %" PRId64, what, a, b);
}

TEST_F(ptp, sys_offset)
{
	struct ptp_sys_offset off;
	unsigned int i;
	s64 a, b;
	int n;

	for (n = 0; n < 20; n++) {
		memset(&off, 0, sizeof(off));
		off.n_samples = 5;
		tk_enter(self->ns);
		a = tk_now(CLOCK_REALTIME);
		REQUIRE(!ioctl(self->fd, PTP_SYS_OFFSET, &off), "PTP_SYS_OFFSET: %m");
		b = tk_now(CLOCK_REALTIME);
		tk_leave();
		for (i = 0; i <= off.n_samples; i++) {
			CHECK_BETWEEN(a, ptp_ns(&off.ts[2 * i]), b, "PTP_SYS_OFFSET");
			if (i)
				in_order(ptp_ns(&off.ts[2 * i - 2]), ptp_ns(&off.ts[2 * i]),
					 "PTP_SYS_OFFSET");
		}
	}
}

TEST_F(ptp, sys_offset_extended)
{
	static const int clks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW };
	struct tk_offset_extended off;
	unsigned int i, c;
	s64 a, b, last;
	int n;

	for (c = 0; c < TK_ARRAY(clks); c++) {
		for (n = 0; n < 20; n++) {
			memset(&off, 0, sizeof(off));
			off.n_samples = 5;
			off.clockid = clks[c];
			tk_enter(self->ns);
			a = tk_now(clks[c]);
			last = a;
			REQUIRE(!ioctl(self->fd, PTP_SYS_OFFSET_EXTENDED, &off),
				"PTP_SYS_OFFSET_EXTENDED: %m");
			b = tk_now(clks[c]);
			tk_leave();
			for (i = 0; i < off.n_samples; i++) {
				CHECK_BETWEEN(a, ptp_ns(&off.ts[i][0]), b, "system before");
				CHECK_BETWEEN(a, ptp_ns(&off.ts[i][2]), b, "system after");
				in_order(last, ptp_ns(&off.ts[i][0]), "system");
				in_order(ptp_ns(&off.ts[i][0]), ptp_ns(&off.ts[i][2]), "system");
				last = ptp_ns(&off.ts[i][2]);
				CHECK(ptp_ns(&off.ts[i][1]) > 0, "device");
			}
		}
	}
}

TEST_F(ptp, sys_offset_precise)
{
	struct ptp_sys_offset_precise off;
	s64 a, b, raw_a, raw_b;
	int n;

	for (n = 0; n < 50; n++) {
		memset(&off, 0, sizeof(off));
		tk_enter(self->ns);
		a = tk_now(CLOCK_REALTIME);
		raw_a = tk_now(CLOCK_MONOTONIC_RAW);
		REQUIRE(!ioctl(self->fd, PTP_SYS_OFFSET_PRECISE, &off),
			"PTP_SYS_OFFSET_PRECISE: %m");
		raw_b = tk_now(CLOCK_MONOTONIC_RAW);
		b = tk_now(CLOCK_REALTIME);
		tk_leave();
		CHECK_BETWEEN(a, ptp_ns(&off.sys_realtime), b, "sys_realtime");
		CHECK_BETWEEN(raw_a, ptp_ns(&off.sys_monoraw), raw_b, "sys_monoraw");
	}
}

/* The device is nobody's: it reads the same everywhere */
TEST_F(ptp, device_is_the_same)
{
	struct tk_offset_extended off;
	s64 last = 0, now;
	int n;

	for (n = 0; n < 40; n++) {
		memset(&off, 0, sizeof(off));
		off.n_samples = 1;
		tk_enter(n & 1 ? self->ns : tk_host_fd);
		REQUIRE(!ioctl(self->fd, PTP_SYS_OFFSET_EXTENDED, &off),
			"PTP_SYS_OFFSET_EXTENDED: %m");
		tk_leave();
		now = ptp_ns(&off.ts[0][1]);
		/* The clocks here are a year apart; it is not read that seldom. */
		CHECK(now > last && (!last || now - last < TK_DAY * TK_SEC),
		      "device: %" PRId64 " after %" PRId64, now, last);
		last = now;
	}
}

/* Asked for what does not exist: as before */
TEST_F(ptp, errors)
{
	struct tk_offset_extended off = { .n_samples = 1, .clockid = CLOCK_TAI };
	struct ptp_sys_offset old = { .n_samples = PTP_MAX_SAMPLES + 1 };

	tk_enter(self->ns);
	CHECK(ioctl(self->fd, PTP_SYS_OFFSET_EXTENDED, &off) < 0 && errno == EINVAL,
	      "CLOCK_TAI: %m");
	off = (struct tk_offset_extended){ .n_samples = PTP_MAX_SAMPLES + 1 };
	CHECK(ioctl(self->fd, PTP_SYS_OFFSET_EXTENDED, &off) < 0 && errno == EINVAL,
	      "too many samples: %m");
	CHECK(ioctl(self->fd, PTP_SYS_OFFSET, &old) < 0 && errno == EINVAL,
	      "too many samples: %m");
	tk_leave();
}

TEST_HARNESS_MAIN
