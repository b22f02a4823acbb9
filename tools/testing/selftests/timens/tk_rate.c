// SPDX-License-Identifier: GPL-2.0
/*
 * A namespace whose clocks run at a multiple of the host's.
 *
 *	host  h1 ------------------ h2		rate * (h2 - h1) = v2 - v1
 *	ns    v1 ------------------ v2
 *
 * The two readings at each end are bracketed by the host's, so what the namespace's clock
 * may have advanced is an interval, and nothing depends on how fast anything runs here.
 * A change of the rate steps no clock.
 */
#include "lib/tk.h"
#include "lib/waits.h"

static const struct {
	const char *text;
	s64 num;
	s64 den;
	const char *shown;	/* in timens_clock, if it is not @text */
} rates[] = {
	{ "1/1000", 1, 1000, NULL }, { "0.001", 1, 1000, "1/1000" }, { "1/3", 1, 3, NULL },
	{ "0.5", 1, 2, "1/2" }, { "1", 1, 1, NULL },
	{ "1.000001", 1000001, 1000000, "1000001/1000000" },
	{ "2", 2, 1, NULL }, { "7.25", 29, 4, "29/4" }, { "100", 100, 1, NULL },
	{ "1440", 1440, 1, NULL }, { "2000", 2000, 1, NULL }, { "1999/7", 1999, 7, NULL },
	{ "4000/2", 2000, 1, "2000" },
};

static const int clks[] = {
	CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
};

#define CLKS TK_ARRAY(clks)

static int set_rate(const char *text)
{
	char line[64];

	snprintf(line, sizeof(line), "rate %s\n", text);
	return tk_write_file(TK_CLOCK_FILE, line);
}

static void take_rate(const char *text)
{
	int ret = set_rate(text);

	REQUIRE(!ret, "rate %s: %s", text, strerror(-ret));
}

static s64 times(s64 ns, s64 num, s64 den)
{
	/* Seconds at the most, and parts below 2^21: no overflow */
	return ns / den * num + ns % den * num / den;
}

FIXTURE(rate)
{
	int ns;
};

FIXTURE_SETUP(rate)
{
	ASSERT_EQ(0, tk_setup());
	self->ns = tk_ns_own(TK_YEAR * TK_SEC);
}

FIXTURE_TEARDOWN(rate)
{
	tk_leave();
	EXPECT_EQ(0, tk_teardown());
}

/* A clock of the namespace between two readings of the host's MONOTONIC_RAW */
struct look {
	s64 h1;
	s64 v;
	s64 h2;
};

static struct look look(int ns, int clk)
{
	struct look l;

	tk_leave();
	l.h1 = tk_vnow(CLOCK_MONOTONIC_RAW);
	tk_enter(ns);
	l.v = tk_vnow(clk);
	tk_leave();
	l.h2 = tk_vnow(CLOCK_MONOTONIC_RAW);
	tk_enter(ns);
	return l;
}

/* What MONOTONIC of the host makes of it, whose steering does not change in a test */
static s64 host_steered(s64 raw)
{
	struct tk_timex tx = { 0 };

	tk_leave();
	tk_adjtimex(&tx);
	return raw + tk_steered(raw, &tx);
}

static void check_pace(int ns, s64 num, s64 den, const char *text)
{
	struct look a[CLKS], b[CLKS];
	size_t i;

	for (i = 0; i < CLKS; i++)
		a[i] = look(ns, clks[i]);
	tk_leave();
	tk_sleep(300 * TK_MSEC);
	for (i = 0; i < CLKS; i++)
		b[i] = look(ns, clks[i]);
	for (i = 0; i < CLKS; i++) {
		s64 is = b[i].v - a[i].v, lo = b[i].h1 - a[i].h2, hi = b[i].h2 - a[i].h1, slack;

		if (clks[i] != CLOCK_MONOTONIC_RAW) {
			lo = host_steered(lo);
			hi = host_steered(hi);
		}
		lo = times(lo, num, den);
		hi = times(hi, num, den);
		/* A unit of the multiplier for as long as that, see timens_tk_rate_mult_shift() */
		slack = 3 + hi / 100000000 + 10 * num / den;
		if (num < den)
			slack += 5;
		CHECK(lo - slack <= is && is <= hi + slack,
		      "rate %s, clock %d: advanced by %" PRId64 " ns, not %" PRId64 "..%" PRId64,
		      text, clks[i], is, lo, hi);
	}
	tk_enter(ns);
}

/* Each way to read each clock, between two system calls */
static void check_paths(const char *text)
{
	size_t i;
	int n, p;

	for (n = 0; n < 50; n++) {
		for (i = 0; i < TK_ARRAY(tk_clocks); i++) {
			int clk = tk_clocks[i].id;
			s64 a, v, b;

			if (tk_gettime(TK_SYS, clk, &a))
				continue;
			for (p = 0; p < TK_PATHS; p++) {
				if (!tk_path_exists(p))
					continue;
				a = tk_now(clk);
				v = tk_get(p, clk);
				b = tk_now(clk);
				CHECK(a <= v && v <= b, "rate %s, %s by %s: %" PRId64 " <= %" PRId64
				      " <= %" PRId64, text, tk_clocks[i].name, tk_path_name[p], a,
				      v, b);
			}
		}
	}
}

TEST_F(rate, every_clock_at_every_rate)
{
	char text[1024], line[64];
	size_t i;

	tk_enter(self->ns);
	for (i = 0; i < TK_ARRAY(rates); i++) {
		take_rate(rates[i].text);
		tk_read_summary(text, sizeof(text));
		snprintf(line, sizeof(line), " %s\nleap ", rates[i].shown ?: rates[i].text);
		CHECK(strstr(text, line), "rate %s reads as %s", rates[i].text, text);
		check_pace(self->ns, rates[i].num, rates[i].den, rates[i].text);
		check_paths(rates[i].text);
	}
}

/* From any rate to any other: no clock steps, none goes back. */
TEST_F(rate, a_change_steps_no_clock)
{
	struct tk_iv iv;
	size_t i, j, c;

	tk_enter(self->ns);
	for (i = 0; i < TK_ARRAY(rates); i++) {
		for (j = 0; j < TK_ARRAY(rates); j++) {
			struct look a[CLKS], b[CLKS];
			s64 fast_num = rates[i].num, fast_den = rates[i].den;

			if (rates[j].num * fast_den > fast_num * rates[j].den) {
				fast_num = rates[j].num;
				fast_den = rates[j].den;
			}
			take_rate(rates[i].text);
			for (c = 0; c < CLKS; c++)
				a[c] = look(self->ns, clks[c]);
			take_rate(rates[j].text);
			for (c = 0; c < CLKS; c++)
				b[c] = look(self->ns, clks[c]);
			for (c = 0; c < CLKS; c++) {
				s64 most = b[c].h2 - a[c].h1;

				most = times(most + most / 1000, fast_num, fast_den) + 3;
				CHECK(a[c].v <= b[c].v && b[c].v <= a[c].v + most,
				      "%s to %s: %d: %" PRId64 " to %" PRId64 ", not %" PRId64,
				      rates[i].text, rates[j].text, clks[c], a[c].v, b[c].v,
				      a[c].v + most);
			}
		}
	}
	/* And back to the host's: RAW differs by a constant then. */
	take_rate("1");
	tk_leave();
	iv = tk_cross(self->ns, CLOCK_MONOTONIC_RAW, 100, NULL);
	tk_sleep(300 * TK_MSEC);
	CHECK_IV_MEET(iv, tk_cross(self->ns, CLOCK_MONOTONIC_RAW, 100, NULL), 0, "RAW at rate 1");
}

/* One reader which never stops, over changes of the rate by another task */
struct reader {
	int ns;
	int clk;
	atomic_bool stop;
	atomic_long reads;
};

static int never_back(void *arg)
{
	struct reader *r = arg;
	s64 last = INT64_MIN, v;
	long n;

	tk_enter(r->ns);
	for (n = 0; !atomic_load(&r->stop); n++) {
		v = tk_get(n % 8 ? TK_VDSO : TK_SYS, r->clk);
		CHECK(v >= last, "clock %d went back by %" PRId64 " ns", r->clk, last - v);
		last = v;
		atomic_fetch_add(&r->reads, 1);
	}
	return 0;
}

TEST_F(rate, readers_never_see_it_go_back)
{
	static const int read[] = { CLOCK_REALTIME, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE };
	struct reader *r[TK_ARRAY(read)];
	pid_t pid[TK_ARRAY(read)];
	s64 until;
	size_t i;
	int n = 0;

	for (i = 0; i < TK_ARRAY(read); i++) {
		r[i] = tk_shared_page(sizeof(*r[i]));
		r[i]->ns = self->ns;
		r[i]->clk = read[i];
		pid[i] = tk_spawn(never_back, r[i]);
	}
	until = tk_vnow(CLOCK_MONOTONIC) + 5 * TK_SEC;
	while (tk_vnow(CLOCK_MONOTONIC) < until) {
		tk_enter(self->ns);
		take_rate(rates[n++ % TK_ARRAY(rates)].text);
		tk_leave();
		tk_sleep((1 + n % 20) * TK_MSEC);
	}
	for (i = 0; i < TK_ARRAY(read); i++) {
		atomic_store(&r[i]->stop, true);
		CHECK(!tk_reap(pid[i]), "the reader of clock %d failed", read[i]);
		CHECK(atomic_load(&r[i]->reads) > 100, "too few readings of clock %d", read[i]);
	}
}

/* ---------------------------------------------------------------------------- timers */

/* Each kind of wait: never early on its clock, and not as if the rate were another */
static const struct pace {
	const char *text;
	s64 num;
	s64 den;
} paces[] = { { "1/50", 1, 50 }, { "200", 200, 1 } };

/* A thread, as some waits are for what the first one of the process holds */
static void *wait_each(void *arg)
{
	const struct pace *pace = arg;
	/* 20 ms of the host */
	s64 len = times(20 * TK_MSEC, pace->num, pace->den), probe;
	size_t i;

	for (i = 0; i < TW_KINDS; i++) {
		const struct tw_kind *k = &tw_kinds[i];
		struct tw w;
		s64 host;

		if ((k->flags & (TW_COARSE | TW_JIFFIES)) ||
		    ((k->flags & TW_ALARM) && tk_gettime(TK_SYS, CLOCK_BOOTTIME_ALARM, &probe)))
			continue;
		tw_init(&w, k);
		tw_must_open(&w);
		tw_go(&w, tw_from_now(&w, len));
		CHECK(!w.ret, "rate %s, %s: %s", pace->text, k->name, strerror(-w.ret));
		CHECK(w.woken >= w.lo, "rate %s, %s: %" PRId64 " ns early", pace->text, k->name,
		      w.lo - w.woken);
		/*
		 * In the time of the host; at a wrong pace it were many times as long. So it
		 * is where the machine has no time for it.
		 */
		host = times(w.raw_woken - w.raw_armed, pace->den, pace->num);
		CHECK(host < 20 * TK_SEC || !tk_exact(), "rate %s, %s: %" PRId64
		      " ns of the host", pace->text, k->name, host);
		tw_close(&w);
	}
	return NULL;
}

TEST_F(rate, every_kind_of_wait)
{
	size_t p;

	tk_enter(self->ns);
	for (p = 0; p < TK_ARRAY(paces); p++) {
		take_rate(paces[p].text);
		tw_in_thread(wait_each, (void *)&paces[p]);
	}
}

/* What is armed follows a change of the rate, in both directions. */
TEST_F(rate, armed_timers_follow)
{
	static const int timers[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	size_t i;

	tk_enter(self->ns);
	for (i = 0; i < TK_ARRAY(timers); i++) {
		int fd = timerfd_create(timers[i], TFD_CLOEXEC);
		struct pollfd p = { .fd = fd, .events = POLLIN };
		s64 at, host, left;

		take_rate("1");
		at = tk_now(timers[i]) + 1000 * TK_SEC;
		CHECK(!tw_timerfd_arm(fd, TFD_TIMER_ABSTIME, at, 0), "timerfd_settime: %m");
		take_rate("2000");
		tk_leave();
		/* Half a second of the host; a thousand, if it stays where it was */
		host = tk_vnow(CLOCK_MONOTONIC);
		CHECK(poll(&p, 1, tk_min(tk_patience_ms(), 900000)) == 1, "clock %d: lost",
		      timers[i]);
		host = tk_vnow(CLOCK_MONOTONIC) - host;
		CHECK(host < 30 * TK_SEC || !tk_exact(), "clock %d: after %" PRId64 " ns",
		      timers[i], host);
		tk_enter(self->ns);
		CHECK(tk_now(timers[i]) >= at, "clock %d: early", timers[i]);

		/* Two seconds to go, which are 1 ms, and 10 s when it slows down */
		at = tk_now(timers[i]) + 2 * TK_SEC;
		CHECK(!tw_timerfd_arm(fd, TFD_TIMER_ABSTIME, at, 0), "timerfd_settime: %m");
		take_rate("1/5");
		left = tw_timerfd_left(fd);
		tk_leave();
		if (left > TK_SEC / 2) {
			bool fired = poll(&p, 1, 300);
			s64 now;

			tk_enter(self->ns);
			now = tk_now(timers[i]);
			CHECK(!fired || now >= at, "clock %d: it fires at the pace it had, %"
			      PRId64 " ns early", timers[i], at - now);
			take_rate("1000");
			tk_leave();
		}
		CHECK(poll(&p, 1, tk_patience_ms()) == 1, "clock %d: lost", timers[i]);
		tk_enter(self->ns);
		CHECK(tk_now(timers[i]) >= at, "clock %d: early", timers[i]);
		close(fd);
	}
}

/* ------------------------------------------------------------------------- the rest */

/* The frequency is relative to the rate, and so is everything that NTP does. */
TEST_F(rate, steering_is_relative)
{
	struct tk_timex tx = { .modes = ADJ_TICK, .tick = 11000 };
	struct tk_state st;

	tk_enter(self->ns);
	take_rate("100");
	CHECK(tk_adjtimex(&tx) >= 0, "ADJ_TICK: %m");
	tk_get_state(&st);
	CHECK(llabs(st.frequency - 100000000) <= 1, "frequency %" PRId64, st.frequency);
	{
		struct look a = look(self->ns, CLOCK_MONOTONIC), b;
		s64 lo, hi;

		tk_leave();
		tk_sleep(300 * TK_MSEC);
		b = look(self->ns, CLOCK_MONOTONIC);
		lo = times(host_steered(b.h1 - a.h2), 110, 1);
		hi = times(host_steered(b.h2 - a.h1), 110, 1);
		CHECK(lo - 2000 <= b.v - a.v && b.v - a.v <= hi + 2000, "with a tick of 11000: %"
		      PRId64 " ns, not %" PRId64 "..%" PRId64, b.v - a.v, lo, hi);
	}
	tk_enter(self->ns);
	tx = (struct tk_timex){ .modes = ADJ_TICK, .tick = 11001 };
	CHECK(tk_adjtimex(&tx) == -EINVAL, "a tick of 11001");
	tk_leave();
}

TEST_F(rate, a_copy_has_it_and_who_follows_the_host_has_none)
{
	char text[1024];
	int copy;

	tk_enter(self->ns);
	take_rate("29/4");
	/* It follows until it is written to, and is a copy of the owner then */
	copy = tk_ns_new();
	tk_enter(copy);
	tk_make_own();
	tk_enter(self->ns);
	CHECK(!tk_follow(), "follow: %m");
	tk_read_summary(text, sizeof(text));
	CHECK(strstr(text, "\nrate                1\n"), "%s", text);
	check_pace(self->ns, 1, 1, "1 after follow");
	tk_enter(copy);
	tk_read_summary(text, sizeof(text));
	CHECK(strstr(text, " 29/4\n"), "%s", text);
	check_pace(copy, 29, 4, "29/4 of a copy");
	/* A rate makes an owner, too. */
	tk_enter(self->ns);
	take_rate("3");
	CHECK_STATE("own");
	check_pace(self->ns, 3, 1, "3 of a follower");
	tk_leave();
}

/*
 * Who gives a fast clock back waits for a tick, and for no more than that: while it is
 * slewed, while it is about to smear a leap second, and while others read it.
 */
static int lets_go_at_once(void *arg)
{
	static const char *const leaps[] = { "leap step", "leap smear linear 86400 before" };
	const int *fd = arg;
	s64 start, took, tick;
	struct tk_ts res;
	int n, ret;

	tk_enter(*fd);
	CHECK(!tk_sys_getres(CLOCK_MONOTONIC_COARSE, &res), "clock_getres: %m");
	tick = tk_ns(res.sec, res.nsec);
	for (n = 0; n < 20; n++) {
		struct tk_timex tx = {
			.modes = ADJ_STATUS | ADJ_OFFSET | ADJ_NANO | ADJ_TIMECONST,
			.status = STA_PLL, .offset = 200 * TK_MSEC, .constant = 2,
		};

		ret = tk_write_file(TK_CLOCK_FILE, leaps[n % 2]);
		CHECK(!ret, "%s: %s", leaps[n % 2], strerror(-ret));
		ret = tk_write_file(TK_CLOCK_FILE, "rate 2000");
		CHECK(!ret, "rate: %s", strerror(-ret));
		CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
		tk_enter(tk_host_fd);
		tk_sleep(10 * TK_MSEC + n * 100 * TK_USEC);
		start = tk_vnow(CLOCK_MONOTONIC_RAW);
		tk_enter(*fd);
		ret = tk_follow();
		CHECK(!ret, "follow: %s", strerror(-ret));
		tk_enter(tk_host_fd);
		took = tk_vnow(CLOCK_MONOTONIC_RAW) - start;
		tk_enter(*fd);
		/* To the next jiffy, a whole one, and two where another CPU has the tick */
		CHECK(!tk_exact() || took <= 5 * tick, "round %d took %" PRId64 " ns", n, took);
	}
	return 0;
}

struct follower {
	int fd;
	atomic_bool stop;
};

/* What is set by the step back to the host's time is CLOCK_REALTIME */
static int reads_on(void *arg)
{
	struct follower *f = arg;
	s64 last = 0, now;

	tk_enter(f->fd);
	while (!atomic_load(&f->stop)) {
		now = tk_vnow(CLOCK_MONOTONIC);
		REQUIRE(now >= last, "back by %" PRId64 " ns", last - now);
		last = now;
	}
	return 0;
}

TEST_F(rate, is_given_back_at_once)
{
	struct follower *f = tk_shared_page(sizeof(*f));
	pid_t pid;

	f->fd = tk_ns_own(0);
	RUN(lets_go_at_once, &f->fd);
	pid = tk_spawn(reads_on, f);
	RUN(lets_go_at_once, &f->fd);
	atomic_store(&f->stop, true);
	CHECK(!tk_reap(pid), "the reader");
}

TEST_F(rate, bad_rates)
{
	static const struct {
		const char *text;
		int want;
	} bad[] = {
		{ "", -EINVAL }, { " 2", -EINVAL }, { "2 ", -EINVAL }, { "-1", -EINVAL },
		{ "+1", -EINVAL }, { "1.", -EINVAL }, { ".5", -EINVAL }, { "1e3", -EINVAL },
		{ "0x10", -EINVAL }, { "1/", -EINVAL }, { "/2", -EINVAL }, { "1/2/3", -EINVAL },
		{ "1.5/2", -EINVAL }, { "3/1.5", -EINVAL }, { "1,5", -EINVAL }, { "inf", -EINVAL },
		{ "1.0000000001", -EINVAL }, { "99999999999999999999999", -EINVAL },
		{ "0", -ERANGE }, { "1/0", -ERANGE }, { "0/1", -ERANGE }, { "0.0", -ERANGE },
		{ "2001", -ERANGE }, { "2000.000000001", -ERANGE }, { "1/1001", -ERANGE },
		{ "0.000999999", -ERANGE }, { "4001/2", -ERANGE },
		{ "1000000001/1000000002", -ERANGE },
	};
	char text[1024];
	size_t i;

	tk_enter(self->ns);
	take_rate("5");
	for (i = 0; i < TK_ARRAY(bad); i++) {
		int ret = set_rate(bad[i].text);

		CHECK(ret == bad[i].want, "rate '%s': %d, not %d", bad[i].text, ret, bad[i].want);
	}
	tk_read_summary(text, sizeof(text));
	CHECK(strstr(text, "\nrate                5\n"), "%s", text);
	tk_leave();
	CHECK(set_rate("2") == -EINVAL, "a rate for the host");
	CHECK(tk_write_file(TK_CLOCK_FILE, "leap smear google") == -EINVAL, "a smear for the host");
}

TEST_HARNESS_MAIN
