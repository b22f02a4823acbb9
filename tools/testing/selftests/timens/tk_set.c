// SPDX-License-Identifier: GPL-2.0
/*
 * Setting and steering: every call that sets a clock, every mode of adjtimex(), every
 * error.
 *
 * What a bad call returns is not written down here: the same call is made on the host
 * first, where it has to fail as well, and in the namespace it has to fail alike and
 * to change nothing.
 */
#include "lib/tk.h"
#include "tk_set_bad.h"

/* ------------------------------------------------------------------- bad calls */

/* A snapshot of all that a namespace's clock is */
struct snap {
	char text[1024];
	struct tk_timex tx;
	int ret;
	struct tk_iv real;
	struct tk_iv tai;
	struct tk_iv boot;
};

static void snap(struct snap *s)
{
	memset(s, 0, sizeof(*s));
	tk_read_summary(s->text, sizeof(s->text));
	s->ret = tk_adjtimex(&s->tx);
	s->real = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 200);
	s->tai = tk_line(CLOCK_TAI, CLOCK_MONOTONIC, 200);
	s->boot = tk_line(CLOCK_BOOTTIME, CLOCK_MONOTONIC, 200);
}

static void check_snap(const struct snap *was, const char *what)
{
	struct snap is;

	snap(&is);
	CHECK_IV_MEET(was->real, is.real, 0, what);
	CHECK_IV_MEET(was->tai, is.tai, 0, what);
	CHECK_IV_MEET(was->boot, is.boot, 0, what);
	CHECK(was->ret == is.ret, "%s: adjtimex state was %d and is %d", what, was->ret, is.ret);
#define SAME(field)								\
	CHECK(was->tx.field == is.tx.field, "%s: " #field " was %lld and is %lld", what,	\
	      (long long)was->tx.field, (long long)is.tx.field)
	SAME(offset);
	SAME(freq);
	SAME(esterror);
	SAME(status);
	SAME(constant);
	SAME(tick);
	SAME(tai);
#undef SAME
	CHECK(was->tx.maxerror <= is.tx.maxerror, "%s: maxerror went down", what);
	/* Over a second it grows by 500 us; an error would put it to 16 s. */
	CHECK(is.tx.maxerror <= was->tx.maxerror + 1000 * 1000, "%s: maxerror was %lld, is %lld",
	      what, (long long)was->tx.maxerror, (long long)is.tx.maxerror);
}

FIXTURE(errors)
{
	int host[N_BAD];
};

FIXTURE_VARIANT(errors)
{
	bool own;
};

/* A bad call may not even switch: the namespace still follows. */
FIXTURE_VARIANT_ADD(errors, follow)
{
	.own = false,
};

/* A namespace with its own date, frequency, tick, status and TAI offset keeps them. */
FIXTURE_VARIANT_ADD(errors, own)
{
	.own = true,
};

FIXTURE_SETUP(errors)
{
	struct tk_guard guard;
	const char *name;
	size_t i;

	/*
	 * What the host says. A failed step clears the host's NTP state (mainline does
	 * that), which is not what is tested: the guard puts it back, and the watcher
	 * starts later.
	 */
	ASSERT_EQ(0, tk_setup_watch(false, 0));
	tk_guard_start(&guard);
	for (i = 0; i < N_BAD; i++) {
		self->host[i] = bad_call(i, &name);
		CHECK(self->host[i] < 0 || bad_call_is_silent(i),
		      "%s is no bad call: the host took it", name);
	}
	tk_guard_stop(&guard);
	tk_watch_start(&tk_host_watch, "the host", -1, TK_WATCH_ALL);
}

FIXTURE_TEARDOWN(errors)
{
	EXPECT_EQ(0, tk_teardown());
}

TEST_F(errors, fail_as_on_the_host_and_change_nothing)
{
	int fd = variant->own ? tk_ns_own(TK_YEAR * TK_SEC) : tk_ns_new(), ret;
	const char *name, *state = variant->own ? "own" : "follow";
	struct snap was;
	size_t i;

	tk_enter(fd);
	if (variant->own) {
		struct tk_timex tx = {
			.modes = ADJ_FREQUENCY | ADJ_TICK | ADJ_STATUS | ADJ_MAXERROR |
				 ADJ_ESTERROR | ADJ_TIMECONST | ADJ_NANO,
			.freq = 3 << 16,
			.tick = 10001,
			.status = STA_PLL,
			.maxerror = 1000,
			.esterror = 2000,
			.constant = 5,
		};

		ret = tk_adjtimex(&tx);
		CHECK(ret >= 0, "adjtimex: %s", strerror(-ret));
		tx = (struct tk_timex){ .modes = ADJ_TAI, .constant = 36 };
		ret = tk_adjtimex(&tx);
		CHECK(ret >= 0, "adjtimex: %s", strerror(-ret));
	}
	CHECK_STATE(state);
	for (i = 0; i < N_BAD; i++) {
		int before = tk_failures();

		snap(&was);
		ret = bad_call(i, &name);
		CHECK(ret == self->host[i], "%s: %s, on the host: %s", name,
		      ret < 0 ? strerror(-ret) : "taken", strerror(-self->host[i]));
		CHECK(tk_is(state), "%s changed the state", name);
		if (variant->own) {
			check_snap(&was, name);
			/* One report per call: a lost state would fail all that follow. */
			if (tk_failures() != before)
				break;
		} else {
			/* The text has the present offsets, none of which may be but zero. */
			char text[1024];

			tk_read_summary(text, sizeof(text));
			CHECK(!strcmp(text, was.text), "%s: timens_clock was\n%sand is\n%s", name,
			      was.text, text);
			check_snap(&was, name);
		}
	}
}

/* A frequency out of range is not an error: it is clamped, as on the host. */
TEST_F(errors, frequency_is_clamped)
{
	struct tk_timex tx = { .modes = ADJ_FREQUENCY, .freq = 600LL << 16 };
	int fd = tk_ns_new(), ret;

	tk_enter(fd);
	ret = tk_adjtimex(&tx);
	CHECK(ret >= 0, "adjtimex: %s", strerror(-ret));
	CHECK(tx.freq == tx.tolerance, "600 ppm became %" PRId64 ", tolerance %" PRId64, tx.freq,
	      tx.tolerance);
	tx = (struct tk_timex){ .modes = ADJ_FREQUENCY, .freq = -600LL * 65536 };
	ret = tk_adjtimex(&tx);
	CHECK(ret >= 0, "adjtimex: %s", strerror(-ret));
	CHECK(tx.freq == -tx.tolerance, "-600 ppm became %" PRId64, tx.freq);
	CHECK_STATE("own");
}

/* ------------------------------------------------------------------ good calls */

enum setter {
	BY_CLOCK_SETTIME,
	BY_SETTIMEOFDAY,
	BY_SETTIMEOFDAY_BOTH,
	BY_SETOFFSET,
	BY_SETOFFSET_USEC,
	BY_STIME,
	BY_CLOCK_SETTIME32,
};

FIXTURE(set)
{
	int fd;
};

FIXTURE_VARIANT(set)
{
	enum setter by;
	bool only32;
};

/* The namespace is a follower before each: this is its first write. */
FIXTURE_VARIANT_ADD(set, clock_settime)
{
	.by = BY_CLOCK_SETTIME,
};

FIXTURE_VARIANT_ADD(set, settimeofday)
{
	.by = BY_SETTIMEOFDAY,
};

FIXTURE_VARIANT_ADD(set, settimeofday_with_zone)
{
	.by = BY_SETTIMEOFDAY_BOTH,
};

FIXTURE_VARIANT_ADD(set, setoffset)
{
	.by = BY_SETOFFSET,
};

FIXTURE_VARIANT_ADD(set, setoffset_usec)
{
	.by = BY_SETOFFSET_USEC,
};

#ifdef __i386__
FIXTURE_VARIANT_ADD(set, stime)
{
	.by = BY_STIME,
	.only32 = true,
};

FIXTURE_VARIANT_ADD(set, clock_settime32)
{
	.by = BY_CLOCK_SETTIME32,
	.only32 = true,
};
#endif

FIXTURE_SETUP(set)
{
	ASSERT_EQ(0, tk_setup());
	self->fd = tk_ns_new();
	tk_enter(self->fd);
	CHECK_STATE("follow");
}

FIXTURE_TEARDOWN(set)
{
	EXPECT_EQ(0, tk_teardown());
}

/* Set REALTIME to @want ns; returns what is set in truth, which the call may cut. */
static s64 set_to(enum setter by, s64 want, int *ret)
{
	s64 sec = tk_floor_div(want, TK_SEC), nsec = want - sec * TK_SEC;
	struct tk_tv tv = { sec, nsec / TK_USEC };
	struct timezone tz = { 0 };

	switch (by) {
	case BY_CLOCK_SETTIME:
		*ret = tk_settime(CLOCK_REALTIME, sec, nsec);
		return want;
	case BY_SETTIMEOFDAY:
		*ret = tk_sys_settimeofday(&tv, NULL);
		return want - nsec % TK_USEC;
	case BY_SETTIMEOFDAY_BOTH:
		*ret = tk_sys_settimeofday(&tv, &tz);
		return want - nsec % TK_USEC;
#ifdef __i386__
	case BY_STIME: {
		int32_t t = sec;

		*ret = TK_RET(syscall(SYS_stime, &t));
		return want - nsec;
	}
	case BY_CLOCK_SETTIME32: {
		struct tk_ts32 ts = { sec, nsec };

		*ret = TK_RET(syscall(SYS_clock_settime, CLOCK_REALTIME, &ts));
		return want;
	}
#endif
	default:
		*ret = -ENOSYS;
		return want;
	}
}

/*
 * Setting happens at some instant between two reads of MONOTONIC, a <= t <= b, and
 * from then on REALTIME - MONOTONIC is want - t. MONOTONIC and BOOTTIME never move.
 */
TEST_F(set, realtime_moves_and_nothing_else)
{
	static const s64 target[] = {
		1500000000LL * TK_SEC + 123456789,	/* 2017 */
		2147483646LL * TK_SEC + 999999999,	/* a second before 2038 ends 32 bit */
		1000000000LL * TK_SEC + 1,
	};
	struct tk_iv boot = tk_line(CLOCK_BOOTTIME, CLOCK_MONOTONIC, 500), line;
	struct tk_timex tx = { 0 };
	size_t i;
	int ret;

	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	for (i = 0; i < TK_ARRAY(target); i++) {
		s64 a, b, done;

		if (variant->by == BY_SETOFFSET || variant->by == BY_SETOFFSET_USEC) {
			/* A step is exact: the line moves by that much. */
			s64 step = target[i] - tk_now(CLOCK_REALTIME);
			struct tk_timex st = { .modes = ADJ_SETOFFSET };

			if (variant->by == BY_SETOFFSET_USEC)
				step -= step % TK_USEC;
			line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 500);
			st.time_sec = tk_floor_div(step, TK_SEC);
			st.time_usec = step - st.time_sec * TK_SEC;
			if (variant->by == BY_SETOFFSET)
				st.modes |= ADJ_NANO;
			else
				st.time_usec /= TK_USEC;
			ret = i & 1 ? tk_clock_adjtime(CLOCK_REALTIME, &st) : tk_adjtimex(&st);
			CHECK(ret >= 0, "step: %s", strerror(-ret));
			line.lo += step;
			line.hi += step;
		} else {
			a = tk_now(CLOCK_MONOTONIC);
			done = set_to(variant->by, target[i], &ret);
			b = tk_now(CLOCK_MONOTONIC);
			CHECK(!ret, "set: %s", strerror(-ret));
			line = (struct tk_iv){ done - b, done - a };
		}
		CHECK_STATE("own");
		CHECK_IV_MEET(tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 500), line, 0, "REALTIME");
		line.lo += tx.tai * TK_SEC;
		line.hi += tx.tai * TK_SEC;
		CHECK_IV_MEET(tk_line(CLOCK_TAI, CLOCK_MONOTONIC, 500), line, 0, "TAI");
		CHECK_IV_MEET(tk_line(CLOCK_BOOTTIME, CLOCK_MONOTONIC, 500), boot, 0, "BOOTTIME");
	}
	tk_leave();
	/* Rate equal: MONOTONIC is the host's still. */
	CHECK_IV(tk_cross(self->fd, CLOCK_MONOTONIC, 50, NULL), 0, tk_unit(10 * TK_SEC),
		 "MONOTONIC");
}

TK_FIXTURE(limits);

/* The years in which something ends: each second of REALTIME that may be set reads back. */
TEST_F(limits, far_years)
{
	static const s64 sec[] = {
		2147483647LL,			/* 2038: the last second of 31 bit */
		2147483648LL,
		4294967295LL,			/* 2106: the last second of 32 bit */
		4294967296LL,
		7258118400LL,			/* 2200 */
		TK_SETTOD_SEC_MAX - 1,
	};
	int fd = tk_ns_new(), ret;
	enum tk_path path;
	size_t i;

	tk_enter(fd);
	for (i = 0; i < TK_ARRAY(sec); i++) {
		s64 a, b;

		a = tk_now(CLOCK_MONOTONIC);
		ret = tk_settime(CLOCK_REALTIME, sec[i], 999999999);
		b = tk_now(CLOCK_MONOTONIC);
		if (!CHECK(!ret, "%" PRId64 ": %s", sec[i], strerror(-ret)))
			continue;
		for (path = TK_SYS; path <= TK_VDSO; path++) {
			s64 v = tk_get(path, CLOCK_REALTIME);
			s64 c = tk_now(CLOCK_MONOTONIC);

			CHECK_BETWEEN(tk_ns(sec[i], 999999999), v,
				      tk_ns(sec[i], 999999999) + (c - a),
				      tk_path_name[path]);
		}
		CHECK_IV_MEET(tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 100),
			      ((struct tk_iv){ tk_ns(sec[i], 999999999) - b,
					       tk_ns(sec[i], 999999999) - a }),
			      0, "REALTIME");
#ifdef __i386__
		/* 32-bit calls cut, they do not fail: so it is on the host. */
		for (path = TK_SYS32; path <= TK_VDSO32; path++) {
			s64 v = 0;

			a = tk_now(CLOCK_REALTIME);
			ret = tk_gettime(path, CLOCK_REALTIME, &v);
			b = tk_now(CLOCK_REALTIME);
			CHECK(!ret, "%s: %s", tk_path_name[path], strerror(-ret));
			CHECK(tk_floor_div(v, TK_SEC) == (int32_t)tk_floor_div(a, TK_SEC) ||
			      tk_floor_div(v, TK_SEC) == (int32_t)tk_floor_div(b, TK_SEC),
			      "%s: %" PRId64 " for %" PRId64, tk_path_name[path], v, a);
		}
#endif
	}
}

/*
 * Just above MONOTONIC may be set, just below may not. What an offset put MONOTONIC ahead by
 * does not count: it would keep the namespace from its own dates.
 */
TEST_F(limits, not_below_monotonic)
{
	const s64 ahead = 5000;
	int fd = tk_ns_new_offsets("monotonic 5000 0\n"), ret;
	s64 mono;

	tk_enter(fd);
	mono = tk_floor_div(tk_now(CLOCK_MONOTONIC), TK_SEC) - ahead;
	ret = tk_settime(CLOCK_REALTIME, mono - 1, 0);
	CHECK(ret == -EINVAL, "below: %d", ret);
	CHECK_STATE("follow");
	/* By the time of the call MONOTONIC has gone on: a day leaves room. */
	ret = tk_settime(CLOCK_REALTIME, mono + TK_DAY, 0);
	CHECK(!ret, "above: %s", strerror(-ret));
	CHECK_STATE("own");
	ret = tk_step(-(TK_DAY + 3600) * TK_SEC);
	CHECK(ret == -EINVAL, "step below: %d", ret);
	CHECK(tk_now(CLOCK_REALTIME) >= (mono + TK_DAY) * TK_SEC, "the bad step was taken");
}

/* A step by years and back costs no loop over them, and comes back exactly. */
TEST_F(limits, there_and_back)
{
	int fd = tk_ns_own(0), i;
	struct tk_iv line;

	tk_enter(fd);
	line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 1000);
	for (i = 0; i < 20; i++) {
		CHECK(tk_step(200 * TK_YEAR * TK_SEC) >= 0, "step: %m");
		CHECK(tk_step(-200 * TK_YEAR * TK_SEC) >= 0, "step: %m");
		CHECK(tk_step(1) >= 0, "step: %m");
		CHECK(tk_step(-TK_SEC) >= 0, "step: %m");
		CHECK(tk_step(TK_SEC - 1) >= 0, "step: %m");
	}
	CHECK_IV_MEET(line, tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 1000), 0, "REALTIME");
}

/* --------------------------------------------------------------------- the zone */

TK_FIXTURE(zone);

static void get_zones(struct timezone *sys, struct timezone *vdso)
{
	struct tk_tv tv;

	memset(sys, 0xff, sizeof(*sys));
	memset(vdso, 0xff, sizeof(*vdso));
	CHECK(!tk_sys_gettimeofday(&tv, sys), "gettimeofday: %m");
	CHECK(!tk_vdso.gettimeofday(&tv, vdso), "vDSO gettimeofday failed");
}

/* The zone that is set inside is read inside, and nowhere else; the clock stays. */
TEST_F(zone, is_the_namespaces)
{
	struct timezone want = { .tz_minuteswest = 123, .tz_dsttime = 2 };
	struct timezone host_sys, host_vdso, sys, vdso;
	int fd = tk_ns_own(TK_YEAR * TK_SEC), ret;
	struct tk_iv line;

	get_zones(&host_sys, &host_vdso);
	CHECK(!memcmp(&host_sys, &host_vdso, sizeof(host_sys)), "host's zones differ");
	tk_enter(fd);
	line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 300);
	ret = tk_sys_settimeofday(NULL, &want);
	CHECK(!ret, "settimeofday: %s", strerror(-ret));
	get_zones(&sys, &vdso);
	CHECK(!memcmp(&sys, &want, sizeof(want)), "read %d/%d", sys.tz_minuteswest, sys.tz_dsttime);
	CHECK(!memcmp(&vdso, &want, sizeof(want)), "vDSO read %d/%d", vdso.tz_minuteswest,
	      vdso.tz_dsttime);
	CHECK_IV_MEET(line, tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 300), 0, "REALTIME");
	tk_leave();
	get_zones(&sys, &vdso);
	CHECK(!memcmp(&sys, &host_sys, sizeof(sys)), "the host's zone became %d/%d",
	      sys.tz_minuteswest, sys.tz_dsttime);
	CHECK(!memcmp(&vdso, &host_vdso, sizeof(vdso)), "the host's vDSO zone became %d/%d",
	      vdso.tz_minuteswest, vdso.tz_dsttime);
}

/* --------------------------------------------------------------------- the modes */

FIXTURE(adj)
{
	int fd;
};

FIXTURE_SETUP(adj)
{
	ASSERT_EQ(0, tk_setup());
	self->fd = tk_ns_new();
	tk_enter(self->fd);
	CHECK_STATE("follow");
}

FIXTURE_TEARDOWN(adj)
{
	EXPECT_EQ(0, tk_teardown());
}

#define ADJ(...) ({							\
	struct tk_timex adj_ = { __VA_ARGS__ };				\
	int adj_ret_ = tk_adjtimex(&adj_);				\
									\
	CHECK(adj_ret_ >= 0, "adjtimex(%#x): %s", adj_.modes, strerror(-adj_ret_));	\
	adj_;								\
})

/* Reading switches nothing. */
TEST_F(adj, reads_do_not_switch)
{
	struct tk_timex tx;

	ADJ(.modes = 0);
	CHECK_STATE("follow");
	tx = ADJ(.modes = ADJ_OFFSET_SS_READ);
	CHECK(tx.offset == 0, "adjtime left: %" PRId64, tx.offset);
	CHECK_STATE("follow");
}

/* Each of the modes that change something switches, on a namespace of its own. */
TEST_F(adj, every_mode_switches)
{
	static const struct tk_timex mode[] = {
		{ .modes = ADJ_OFFSET },
		{ .modes = ADJ_FREQUENCY },
		{ .modes = ADJ_MAXERROR, .maxerror = 1 },
		{ .modes = ADJ_ESTERROR, .esterror = 1 },
		{ .modes = ADJ_STATUS, .status = STA_PLL },
		{ .modes = ADJ_TIMECONST, .constant = 3 },
		{ .modes = ADJ_TAI, .constant = 10 },
		{ .modes = ADJ_MICRO },
		{ .modes = ADJ_NANO },
		{ .modes = ADJ_TICK, .tick = 10000 },
		{ .modes = ADJ_SETOFFSET, .time_sec = 1 },
		{ .modes = ADJ_OFFSET_SINGLESHOT, .offset = 1000 },
	};
	size_t i;

	for (i = 0; i < TK_ARRAY(mode); i++) {
		struct tk_timex tx = mode[i];
		int fd, ret;

		tk_leave();
		fd = tk_ns_new();
		tk_enter(fd);
		ret = i & 1 ? tk_clock_adjtime(CLOCK_REALTIME, &tx) : tk_adjtimex(&tx);
		CHECK(ret >= 0, "modes %#x: %s", mode[i].modes, strerror(-ret));
		CHECK(tk_is("own"), "modes %#x did not switch", mode[i].modes);
		close(fd);
	}
}

TEST_F(adj, frequency_reads_back)
{
	static const s64 freq[] = { 1, -1, 65536, -65536, 100 << 16, -(500 << 16), 12345678, 0 };
	size_t i;

	for (i = 0; i < TK_ARRAY(freq); i++) {
		struct tk_timex tx = ADJ(.modes = ADJ_FREQUENCY, .freq = freq[i]);

		CHECK(tx.freq == freq[i], "set %" PRId64 ", got %" PRId64, freq[i], tx.freq);
		tx = ADJ(.modes = 0);
		CHECK(tx.freq == freq[i], "set %" PRId64 ", read %" PRId64, freq[i], tx.freq);
	}
}

TEST_F(adj, tick_reads_back)
{
	static const s64 tick[] = { 9000, 11000, 9999, 10000 };
	size_t i;

	for (i = 0; i < TK_ARRAY(tick); i++) {
		struct tk_timex tx = ADJ(.modes = ADJ_TICK, .tick = tick[i]);

		CHECK(tx.tick == tick[i], "set %" PRId64 ", got %" PRId64, tick[i], tx.tick);
	}
}

/*
 * While the rate changes, the clock bends but does not step: MONOTONIC advances by 1.1 of
 * RAW at most, and never runs back.
 */
TEST_F(adj, rate_changes_do_not_step)
{
	s64 raw1, mono1, mono2;
	int i;

	raw1 = tk_vnow(CLOCK_MONOTONIC_RAW);
	mono1 = tk_vnow(CLOCK_MONOTONIC);
	for (i = 0; i < 400; i++) {
		s64 raw3, span;

		ADJ(.modes = ADJ_TICK, .tick = i & 1 ? 9000 : 11000);
		mono2 = tk_vnow(CLOCK_MONOTONIC);
		raw3 = tk_vnow(CLOCK_MONOTONIC_RAW);
		/* mono1 was read after raw1, mono2 before raw3. */
		span = raw3 - raw1;
		CHECK(mono2 - mono1 <= span + span / 10 + tk_unit(span) + 2,
		      "MONOTONIC jumped by %" PRId64 " in %" PRId64 " ns", mono2 - mono1,
		      raw3 - raw1);
		raw1 = tk_vnow(CLOCK_MONOTONIC_RAW);
		mono1 = tk_vnow(CLOCK_MONOTONIC);
		CHECK(mono1 >= mono2, "MONOTONIC went back by %" PRId64, mono2 - mono1);
	}
}

/* A set frequency is the rate at once and in parts per billion. */
TEST_F(adj, frequency_takes_effect)
{
	static const s64 ppm[] = { 500, -500, 37 };
	size_t i;

	for (i = 0; i < TK_ARRAY(ppm); i++) {
		struct tk_timex tx = ADJ(.modes = ADJ_FREQUENCY, .freq = ppm[i] * 65536);
		struct tk_iv iv = TK_IV_ALL;
		s64 raw0 = tk_vnow(CLOCK_MONOTONIC_RAW), b;

		do {
			s64 a = tk_vnow(CLOCK_MONOTONIC_RAW);
			s64 v = tk_vnow(CLOCK_MONOTONIC);

			b = tk_vnow(CLOCK_MONOTONIC_RAW);
			tk_iv_and(&iv, v - b - tk_steered(b - raw0, &tx),
				  v - a - tk_steered(a - raw0, &tx));
		} while (b - raw0 < 200 * TK_MSEC);
		CHECK(tk_iv_ok(&iv, tk_unit(b - raw0)), "at %" PRId64 " ppm %" PRId64 " ns off",
		      ppm[i], iv.lo - iv.hi);
	}
}

TEST_F(adj, errors_and_constants_read_back)
{
	struct tk_timex tx;

	/* maxerror grows by 500 us with each second, from what was set. */
	tx = ADJ(.modes = ADJ_MAXERROR, .maxerror = 12345);
	CHECK(tx.maxerror >= 12345 && tx.maxerror < 12345 + 500 * 60, "maxerror %" PRId64,
	      tx.maxerror);
	tx = ADJ(.modes = ADJ_MAXERROR, .maxerror = -1);
	CHECK(tx.maxerror >= 0 && tx.maxerror <= 500 * 60, "maxerror %" PRId64, tx.maxerror);
	tx = ADJ(.modes = ADJ_MAXERROR, .maxerror = 99999999);
	CHECK(tx.maxerror == 16000000, "maxerror %" PRId64, tx.maxerror);
	tx = ADJ(.modes = ADJ_ESTERROR, .esterror = 54321);
	CHECK(tx.esterror == 54321, "esterror %" PRId64, tx.esterror);
	tx = ADJ(.modes = ADJ_ESTERROR, .esterror = -5);
	CHECK(tx.esterror == 0, "esterror %" PRId64, tx.esterror);

	/* In microseconds the constant has 4 added, and never passes 10. */
	tx = ADJ(.modes = ADJ_NANO | ADJ_TIMECONST, .constant = 3);
	CHECK(tx.constant == 3, "constant %" PRId64, tx.constant);
	tx = ADJ(.modes = ADJ_MICRO | ADJ_TIMECONST, .constant = 3);
	CHECK(tx.constant == 7, "constant %" PRId64, tx.constant);
	tx = ADJ(.modes = ADJ_NANO | ADJ_TIMECONST, .constant = 99);
	CHECK(tx.constant == 10, "constant %" PRId64, tx.constant);
}

TEST_F(adj, tai_offset_moves_tai_alone)
{
	struct tk_iv real, tai;
	struct tk_timex tx;
	int was;

	ADJ(.modes = ADJ_FREQUENCY);
	real = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 500);
	tai = tk_line(CLOCK_TAI, CLOCK_MONOTONIC, 500);
	was = ADJ(.modes = 0).tai;
	tx = ADJ(.modes = ADJ_TAI, .constant = was + 37);
	CHECK(tx.tai == was + 37, "TAI offset %d", tx.tai);
	CHECK_IV_MEET(real, tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 500), 0, "REALTIME");
	tai.lo += 37 * TK_SEC;
	tai.hi += 37 * TK_SEC;
	CHECK_IV_MEET(tai, tk_line(CLOCK_TAI, CLOCK_MONOTONIC, 500), 0, "TAI");
	/* Out of range is ignored. */
	tx = ADJ(.modes = ADJ_TAI, .constant = -1);
	CHECK(tx.tai == was + 37, "TAI offset %d", tx.tai);
	tx = ADJ(.modes = ADJ_TAI, .constant = 100001);
	CHECK(tx.tai == was + 37, "TAI offset %d", tx.tai);
	CHECK_IV_MEET(tai, tk_line(CLOCK_TAI, CLOCK_MONOTONIC, 500), 0, "TAI");
}

/* The time field is REALTIME, in the unit that the status names. */
TEST_F(adj, time_field_is_realtime)
{
	int nano, i;

	ADJ(.modes = ADJ_SETOFFSET, .time_sec = TK_YEAR);
	for (nano = 0; nano < 2; nano++) {
		ADJ(.modes = nano ? ADJ_NANO : ADJ_MICRO);
		for (i = 0; i < 200; i++) {
			s64 a = tk_now(CLOCK_REALTIME), b, unit = nano ? 1 : TK_USEC, v;
			struct tk_timex tx = ADJ(.modes = 0);

			b = tk_now(CLOCK_REALTIME);
			CHECK(!(tx.status & STA_NANO) == !nano, "status %#x", tx.status);
			v = tx.time_sec * (TK_SEC / unit) + tx.time_usec;
			CHECK_BETWEEN(tk_floor_div(a, unit), v, tk_floor_div(b, unit), "time");
		}
	}
}

TEST_F(adj, status_and_result)
{
	struct tk_timex tx = { .modes = ADJ_STATUS | ADJ_MAXERROR, .status = STA_PLL };
	int ret = tk_adjtimex(&tx);

	/* Without STA_UNSYNC the result is the leap state. */
	CHECK(ret == TIME_OK, "result %d, status %#x", ret, tx.status);
	CHECK(tx.status == STA_PLL, "status %#x", tx.status);
	tx = (struct tk_timex){ .modes = ADJ_STATUS, .status = STA_PLL | STA_UNSYNC };
	ret = tk_adjtimex(&tx);
	CHECK(ret == TIME_ERROR, "result %d, status %#x", ret, tx.status);
	/* The read-only bits cannot be set. */
	tx = (struct tk_timex){ .modes = ADJ_STATUS, .status = 0xffff };
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	CHECK(!(tx.status & (STA_PPSSIGNAL | STA_PPSJITTER | STA_PPSWANDER | STA_PPSERROR |
			     STA_CLOCKERR | STA_NANO | STA_MODE | STA_CLK)),
	      "status %#x", tx.status);
	/* Leaving the PLL resets the status to UNSYNC plus what is asked for. */
	tx = (struct tk_timex){ .modes = ADJ_STATUS, .status = 0 };
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	CHECK(!(tx.status & (STA_PLL | STA_INS | STA_DEL)), "status %#x", tx.status);
	/* Setting the clock makes it unsynchronised. */
	tx = (struct tk_timex){ .modes = ADJ_STATUS, .status = STA_PLL };
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	CHECK(!tk_settime(CLOCK_REALTIME, 2000000000, 0), "settime: %m");
	tx = ADJ(.modes = 0);
	CHECK(tx.status & STA_UNSYNC, "status %#x", tx.status);
}

/*
 * The PLL takes an offset away little by little: REALTIME moves against the host by no
 * more than the offset, in its direction, and what is left shrinks.
 */
TEST_F(adj, offset_is_slewed)
{
	s64 start = tk_now(CLOCK_MONOTONIC), end, last, offset = 400000;
	struct tk_iv iv;
	struct tk_timex tx;

	ADJ(.modes = ADJ_STATUS | ADJ_NANO | ADJ_TIMECONST | ADJ_MAXERROR, .status = STA_PLL,
	    .constant = 0);
	tx = ADJ(.modes = ADJ_OFFSET, .offset = offset);
	CHECK(tx.offset > 0 && tx.offset <= offset, "offset left: %" PRId64, tx.offset);
	last = tx.offset;
	end = start + 2500 * TK_MSEC;
	do {
		tk_sleep(50 * TK_MSEC);
		tx = ADJ(.modes = 0);
		CHECK(tx.offset <= last && tx.offset >= 0, "offset left: %" PRId64 ", was %" PRId64,
		      tx.offset, last);
		last = tx.offset;
	} while (tk_now(CLOCK_MONOTONIC) < end);
	CHECK(last < offset, "after two seconds all of the offset is left");
	tk_leave();
	iv = tk_cross_once(self->fd, CLOCK_REALTIME);
	/* The second that runs at the end takes its share at once or not yet. */
	CHECK(iv.hi > 0, "REALTIME moved by %" PRId64 " at most", iv.hi);
	CHECK(iv.lo <= offset + tk_unit(end - start), "REALTIME moved by %" PRId64 " at least",
	      iv.lo);
}

/*
 * adjtime(): at most 500 us a second, in either direction, and readable. Each direction
 * has a namespace of its own: what is under way in a second is not undone by the next.
 */
TEST_F(adj, singleshot_is_slewed)
{
	static const s64 amount[] = { 1500, -1500 };
	size_t i;

	for (i = 0; i < TK_ARRAY(amount); i++) {
		struct tk_iv moved;
		struct tk_timex tx;
		s64 start, now;
		int fd;

		tk_leave();
		fd = tk_ns_new();
		tk_enter(fd);
		tx = ADJ(.modes = ADJ_OFFSET_SINGLESHOT, .offset = amount[i]);
		CHECK(tx.offset == 0, "offset before: %" PRId64, tx.offset);
		tx = ADJ(.modes = ADJ_OFFSET_SS_READ);
		CHECK(llabs(tx.offset) <= llabs(amount[i]), "offset left: %" PRId64, tx.offset);
		start = tk_now(CLOCK_MONOTONIC_RAW);
		/* Its first share is due at the next whole second. */
		do {
			tk_sleep(50 * TK_MSEC);
			tx = ADJ(.modes = ADJ_OFFSET_SS_READ);
			now = tk_now(CLOCK_MONOTONIC_RAW);
		} while (tx.offset == amount[i] && now < start + tk_patience());
		CHECK(llabs(tx.offset) < llabs(amount[i]), "after %" PRId64 " ns nothing was taken",
		      now - start);
		/* It acts over the second that follows. */
		tk_sleep(300 * TK_MSEC);
		tk_leave();
		moved = tk_cross_once(fd, CLOCK_REALTIME);
		if (amount[i] > 0)
			CHECK(moved.hi > 0, "REALTIME moved by %" PRId64 " at most", moved.hi);
		else
			CHECK(moved.lo < 0, "REALTIME moved by %" PRId64 " at least", moved.lo);
		CHECK(moved.lo <= llabs(amount[i]) * TK_USEC &&
		      moved.hi >= -llabs(amount[i]) * TK_USEC,
		      "REALTIME moved by %" PRId64 "..%" PRId64, moved.lo, moved.hi);
		close(fd);
	}
}

#ifdef __i386__
/* The 32-bit layout of struct timex */
struct timex32 {
	uint32_t modes;
	int32_t offset;
	int32_t freq;
	int32_t maxerror;
	int32_t esterror;
	int32_t status;
	int32_t constant;
	int32_t precision;
	int32_t tolerance;
	int32_t time_sec;
	int32_t time_usec;
	int32_t tick;
	int32_t pps[8];
	int32_t tai;
	int32_t pad[11];
};

/* adjtimex() and clock_adjtime() with 32-bit time say what the 64-bit calls say. */
TEST_F(adj, timex32)
{
	struct timex32 t32 = { .modes = ADJ_FREQUENCY | ADJ_TICK, .freq = 77 << 16, .tick = 10002 };
	struct tk_timex tx;
	int ret;

	ret = TK_RET(syscall(SYS_adjtimex, &t32));
	CHECK(ret >= 0, "adjtimex: %s", strerror(-ret));
	CHECK_STATE("own");
	tx = ADJ(.modes = 0);
	CHECK(tx.freq == 77 << 16 && tx.tick == 10002, "freq %" PRId64 ", tick %" PRId64, tx.freq,
	      tx.tick);
	memset(&t32, 0, sizeof(t32));
	t32.modes = ADJ_TAI;
	t32.constant = 35;
	ret = TK_RET(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &t32));
	CHECK(ret >= 0, "clock_adjtime: %s", strerror(-ret));
	tx = ADJ(.modes = 0);
	CHECK(tx.tai == 35 && t32.tai == 35, "TAI offset %d, %d", tx.tai, t32.tai);
	CHECK(t32.status == tx.status && t32.freq == tx.freq, "status %#x, freq %d", t32.status,
	      t32.freq);
	memset(&t32, 0, sizeof(t32));
	t32.modes = ADJ_TICK;
	t32.tick = 11001;
	ret = TK_RET(syscall(SYS_adjtimex, &t32));
	CHECK(ret == -EINVAL, "bad tick: %d", ret);
	tx = ADJ(.modes = 0);
	CHECK(tx.tick == 10002, "tick %" PRId64, tx.tick);
}
#endif

TEST_HARNESS_MAIN
