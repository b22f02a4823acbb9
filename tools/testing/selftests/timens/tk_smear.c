// SPDX-License-Identifier: GPL-2.0
/*
 * Leap seconds which are smeared in one namespace.
 *
 * TAI runs through a smear as it runs through a leap second, so it says where REALTIME has
 * to be. With E the TAI of the edge, o the TAI offset before, w the window:
 *
 *	f(t) = t - o + step * phi((t - E + before) / w)		phi: 0 .. 1
 *
 * phi is computed here with long doubles, from the definition of each curve. A value v read
 * between two readings t1 <= t2 of TAI has to be in [f(t1), f(t2)], give or take what a
 * chord between two passes is off the curve. The clocks run at a high rate, so that whole
 * windows are watched. All of it goes on side by side, each in a namespace of its own.
 */
#include "lib/leap.h"
#include "lib/tk.h"

#include <math.h>
#include <sys/timerfd.h>

enum shape { STEP, LINEAR, COSINE, QUADRATIC };

struct smear {
	const char *policy;
	enum shape shape;
	s64 before[2];		/* secs before the edge: inserted, deleted */
	s64 after[2];
	const char *rate;
	s64 speed;		/* the same as a number */
};

static const struct smear smears[] = {
	{ "leap step", STEP, { 0, 0 }, { 0, 0 }, "rate 50", 50 },
	/* Noon to noon of the smeared clock */
	{ "leap smear google", LINEAR, { 43200, 43199 }, { 43201, 43200 }, "rate 2000", 2000 },
	{ "leap smear aws", LINEAR, { 43200, 43199 }, { 43201, 43200 }, "rate 1999/1", 1999 },
	{ "leap smear utc-sls", LINEAR, { 999, 1000 }, { 1, 0 }, "rate 40", 40 },
	{ "leap smear ntpd", COSINE, { 86400, 86400 }, { 0, 0 }, "rate 2000", 2000 },
	{ "leap smear meta", QUADRATIC, { 0, 0 }, { 62500, 62500 }, "rate 1600", 1600 },
	{ "leap smear linear 128 centred", LINEAR, { 64, 64 }, { 64, 64 }, "rate 5", 5 },
	{ "leap smear cosine 1000 after", COSINE, { 0, 0 }, { 1000, 1000 }, "rate 40", 40 },
	{ "leap smear quadratic 5000 before",
	  QUADRATIC, { 5000, 5000 }, { 0, 0 }, "rate 200", 200 },
	{ "leap smear quadratic 301 centred",
	  QUADRATIC, { 150, 150 }, { 151, 151 }, "rate 12", 12 },
};

struct run {
	const struct smear *s;
	int ns;
	s64 step;		/* -1 s inserted, 1 s deleted */
	int status;
	s64 edge;		/* in TAI */
	s64 off;		/* TAI - REALTIME before */
	s64 before;
	s64 after;
	s64 slack;		/* of a chord */
	struct tk_iv line;	/* the constant TAI - MONOTONIC is in it */
	unsigned int states;
	bool over;		/* the order was withdrawn after the end */
	long samples;
};

static s64 curve(const struct run *r, s64 tai)
{
	long double x, y;

	if (r->s->shape == STEP)
		return tai < r->edge ? 0 : r->step;
	x = (long double)(tai - r->edge + r->before) / (r->before + r->after);
	if (x <= 0)
		return 0;
	if (x >= 1)
		return r->step;
	switch (r->s->shape) {
	case LINEAR:
		y = x;
		break;
	case COSINE:
		y = (1 - cosl(x * 3.141592653589793238462643L)) / 2;
		break;
	default:
		y = x < 0.5L ? 2 * x * x : 1 - 2 * (1 - x) * (1 - x);
	}
	return llroundl(r->step * y);
}

static s64 real_at(const struct run *r, s64 tai)
{
	return tai - r->off + curve(r, tai);
}

static bool in_image(const struct run *r, s64 t1, s64 v, s64 t2, s64 cut)
{
	s64 e = r->edge - r->off;

#define IN(a, b) (tk_floor_div((a) - r->slack, cut) <= v && v <= tk_floor_div((b) + r->slack, cut))
	/* A step is exact, and what it repeats or skips is at its two sides */
	if (r->s->shape == STEP && t1 < r->edge && t2 >= r->edge)
		return IN(t1 - r->off, e - 1) || IN(e + r->step, real_at(r, t2));
	return IN(real_at(r, t1), real_at(r, t2));
#undef IN
}

#define CHECK_IMAGE(r, t1, v, t2, cut, what) do {						\
	s64 v_ = (v), at_ = ((t1) - (r)->edge) / TK_MSEC;					\
	s64 lo_ = real_at(r, t1) / (cut), hi_ = real_at(r, t2) / (cut);			\
												\
	CHECK(in_image(r, t1, v_, t2, cut),						\
	      "%s, %s: %s is %" PRId64 ", not %" PRId64 "..%" PRId64				\
	      " (units of %" PRId64 " ns), %" PRId64 " ms after the edge", (r)->s->policy,	\
	      (r)->step < 0 ? "insert" : "delete", what, v_, lo_, hi_, (s64)(cut), at_);	\
} while (0)

static void command(const char *text)
{
	int ret = tk_write_file(TK_CLOCK_FILE, text);

	REQUIRE(!ret, "'%s': %s", text, strerror(-ret));
}

static void status(int bits)
{
	struct tk_timex tx = { .modes = ADJ_STATUS, .status = bits };
	int ret = tk_adjtimex(&tx);

	CHECK(ret >= 0, "STA_%#x: %s", bits, strerror(-ret));
}

/* In a namespace with a policy, @lead ns before the window opens, armed or not */
static void prepare(struct run *r, s64 lead, bool arm)
{
	struct tk_timex tx = { .modes = ADJ_TAI | ADJ_MAXERROR, .constant = 37 };
	s64 at, edge;
	int n = r->step > 0;

	r->ns = tk_ns_new();
	tk_enter(r->ns);
	r->status = n ? STA_DEL : STA_INS;
	r->before = r->s->before[n] * TK_SEC;
	r->after = r->s->after[n] * TK_SEC;
	edge = TK_MIDNIGHT - (n ? TK_SEC : 0);
	/* A leap second is armed on its day: a window of a day starts with that */
	at = tk_max(edge - r->before - lead, TK_MIDNIGHT - TK_DAY * TK_SEC);
	r->before = tk_min(r->before, edge - at);
	REQUIRE(!tk_settime(CLOCK_REALTIME, at / TK_SEC, at % TK_SEC), "clock_settime: %m");
	tk_adjtimex(&tx);
	r->off = 37 * TK_SEC;
	r->edge = edge + r->off;
	CHECK_IV(tk_line(CLOCK_TAI, CLOCK_REALTIME, 50), r->off, 0, "TAI - REALTIME");
	/* Before the clock runs fast: the nearer to each other are two readings */
	r->line = tk_line(CLOCK_TAI, CLOCK_MONOTONIC, 300);
	command(r->s->policy);
	if (arm)
		status(r->status);
	command(r->s->rate);
	r->slack = 20;
	if (r->s->shape > LINEAR) {
		/*
		 * Passes are a second of the host or eight of the namespace apart. On a
		 * busy machine one may be half a second late, and the chord led on.
		 */
		bool exact = sysconf(_SC_NPROCESSORS_ONLN) == 1;
		double t = exact ? tk_min(2 * r->s->speed, 20) : (r->s->speed + 1) / 2;
		double w = (r->before + r->after) / (double)TK_SEC;

		r->slack += 5 * t * t / w / w / 2 * TK_SEC;
	}
}

static void check_adjtimex(struct run *r)
{
	/* Or else the clock is called unsynchronized after 32,000 seconds, with TIME_ERROR */
	struct tk_timex tx = { .modes = ADJ_MAXERROR };
	s64 t1 = tk_vnow(CLOCK_TAI), t2, end = r->edge + r->after;
	int ret = tk_adjtimex(&tx);
	s64 unit = tx.status & STA_NANO ? 1 : TK_USEC;

	t2 = tk_vnow(CLOCK_TAI);
	if (!CHECK(ret >= 0, "adjtimex: %s", strerror(-ret)))
		return;
	CHECK_IMAGE(r, t1, tx.time_sec * (TK_SEC / unit) + tx.time_usec, t2, unit, "adjtimex");
	r->states |= 1u << ret;
	if (r->s->shape == STEP)
		return;
	CHECK(ret != TIME_OOP, "%s: TIME_OOP, and no second is repeated", r->s->policy);
	if (t2 < end) {
		CHECK(ret != TIME_WAIT, "%s: TIME_WAIT before the end", r->s->policy);
		CHECK(tx.tai == 37, "%s: TAI offset %d before the end", r->s->policy, tx.tai);
	}
	if (t1 > end + TK_SEC) {
		CHECK(ret == TIME_WAIT || (r->over && ret == TIME_OK),
		      "%s: state %d after the end", r->s->policy, ret);
		CHECK(tx.tai == 37 - r->step / TK_SEC, "%s: TAI offset %d after the end",
		      r->s->policy, tx.tai);
	}
}

/* Everything once, between two readings of TAI each */
static void sample(struct run *r)
{
	struct tk_tv tv;
	s64 t1, t2, v;
	enum tk_path p;

	for (p = 0; p < TK_PATHS; p++) {
		if (!tk_path_exists(p))
			continue;
		t1 = tk_now(CLOCK_TAI);
		v = tk_get(p, CLOCK_REALTIME);
		t2 = tk_now(CLOCK_TAI);
		CHECK_IMAGE(r, t1, v, t2, 1, tk_path_name[p]);

		/* TAI is MONOTONIC and a constant, to the nanosecond */
		t1 = tk_now(CLOCK_MONOTONIC) + r->line.lo;
		v = tk_get(p, CLOCK_TAI);
		t2 = tk_now(CLOCK_MONOTONIC) + r->line.hi;
		CHECK(t1 <= v && v <= t2, "%s, %s: TAI is %" PRId64 " ns off MONOTONIC",
		      r->s->policy, tk_path_name[p], v < t1 ? v - t1 : v - t2);

		/* The coarse clocks stand at the same instant */
		t1 = tk_get(p, CLOCK_MONOTONIC_COARSE) + r->line.lo;
		v = tk_get(p, CLOCK_REALTIME_COARSE);
		t2 = tk_get(p, CLOCK_MONOTONIC_COARSE) + r->line.hi;
		CHECK_IMAGE(r, t1, v, t2, 1, "coarse");
	}
	t1 = tk_now(CLOCK_TAI);
	tk_vdso.gettimeofday(&tv, NULL);
	t2 = tk_now(CLOCK_TAI);
	CHECK_IMAGE(r, t1, tv.sec * 1000000LL + tv.usec, t2, TK_USEC, "gettimeofday");
	t1 = tk_vnow(CLOCK_MONOTONIC_COARSE) + r->line.lo;
	v = tk_vdso.time(NULL);
	t2 = tk_vnow(CLOCK_MONOTONIC_COARSE) + r->line.hi;
	CHECK_IMAGE(r, t1, v, t2, TK_SEC, "time");
	check_adjtimex(r);
	r->samples++;
}

/* REALTIME from many readings in a row: never back, but by a step */
static void check_monotone(struct run *r)
{
	s64 last = tk_vnow(CLOCK_REALTIME), v;
	int n;

	if (r->s->shape == STEP && r->step < 0)
		return;
	for (n = 0; n < 300; n++) {
		v = tk_get(n % 3 ? TK_VDSO : TK_SYS, CLOCK_REALTIME);
		CHECK(v >= last, "%s: REALTIME went back by %" PRId64 " ns", r->s->policy,
		      last - v);
		last = v;
	}
}

/* Sleeps to times on REALTIME, before, in and after the window, the edge among them */
static int sleepers(void *arg)
{
	struct run *r = arg;
	s64 open = r->edge - r->before, len = r->before + r->after, v;
	int i;

	tk_enter(r->ns);
	for (i = -1; i <= 21; i++) {
		s64 tai = open + len * i / 20, to;
		struct tk_ts ts;

		if (r->s->shape == STEP)
			tai = r->edge + (i - 10) * TK_SEC;
		to = real_at(r, tai);
		if (to <= tk_now(CLOCK_REALTIME))
			continue;
		ts = (struct tk_ts){ to / TK_SEC, to % TK_SEC };
		CHECK(!syscall(TK_NR_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &ts, NULL),
		      "clock_nanosleep: %m");
		v = tk_now(CLOCK_REALTIME);
		/* An inserted second may come between waking and reading */
		CHECK(v >= to || (r->s->shape == STEP && r->step < 0 && v + TK_SEC >= to),
		      "%s: a sleep to %d/20 of the window is %" PRId64 " ns early", r->s->policy, i,
		      to - v);
	}
	return 0;
}

static int whole_window(void *arg)
{
	struct run *r = arg;
	s64 end, host = tk_vnow(CLOCK_MONOTONIC), nap;
	unsigned int want;
	pid_t pid;

	prepare(r, 3 * r->s->speed * TK_SEC, true);
	pid = tk_spawn(sleepers, r);
	end = r->edge + r->after + 3 * r->s->speed * TK_SEC;
	nap = (40 + host % 7) * TK_MSEC * r->s->speed;
	while (tk_vnow(CLOCK_TAI) < end) {
		sample(r);
		check_monotone(r);
		tk_sleep(nap);
	}
	CHECK(!tk_reap(pid), "the sleeper failed");
	want = 1u << TIME_WAIT | 1u << (r->step < 0 ? TIME_INS : TIME_DEL);
	CHECK((r->states & want) == want, "%s: states %#x", r->s->policy, r->states);
	/* Exactly a second, no more and no less, and TAI as it was */
	CHECK_IV(tk_line(CLOCK_TAI, CLOCK_REALTIME, 100), r->off - r->step, 0, r->s->policy);
	CHECK_IV_MEET(tk_line(CLOCK_TAI, CLOCK_MONOTONIC, 100), r->line, 0, r->s->policy);
	/* And then nothing any more, until it is armed again */
	status(0);
	r->over = true;
	sample(r);
	/* A slow machine takes fewer, not none */
	CHECK(r->samples > (tk_exact() ? 50 : 5), "%s: only %ld samples", r->s->policy,
	      r->samples);
	return 0;
}

TK_FIXTURE(smear);

TEST_F(smear, every_policy_through_its_window)
{
	static struct run run[2 * TK_ARRAY(smears)];
	pid_t pid[TK_ARRAY(run)];
	size_t i;

	for (i = 0; i < TK_ARRAY(run); i++) {
		run[i] = (struct run){ .s = &smears[i / 2], .step = i % 2 ? TK_SEC : -TK_SEC };
		pid[i] = tk_spawn(whole_window, &run[i]);
	}
	for (i = 0; i < TK_ARRAY(run); i++)
		CHECK(!tk_reap(pid[i]), "%s, %s: failed", run[i].s->policy,
		      i % 2 ? "delete" : "insert");
}

/* ------------------------------------------------------------------ what is changed */

/*
 * A thousand seconds, as fast as the machine allows for what has to be done in them: 20 s
 * of the clock are a tenth of a second, or more where everything takes longer.
 */
static const struct smear *thousand(void)
{
	static struct smear smear = {
		"leap smear quadratic 1000 centred", QUADRATIC, { 500, 500 }, { 500, 500 }, NULL, 0
	};
	static char rate[32];

	smear.speed = tk_max(200 / (tk_patience() / (60 * TK_SEC)), 10);
	snprintf(rate, sizeof(rate), "rate %d", (int)smear.speed);
	smear.rate = rate;
	return &smear;
}

/* REALTIME against TAI from sample to sample: it bends by 1/64 at the most, and never steps */
static void watch_bends(struct run *r, s64 until)
{
	s64 last = 0, before1 = 0, before2 = 0, t1, t2, v;

	while ((t1 = tk_vnow(CLOCK_TAI)) < until) {
		v = tk_vnow(CLOCK_REALTIME);
		t2 = tk_vnow(CLOCK_TAI);
		if (last) {
			s64 least = t1 - before2, most = t2 - before1;

			CHECK(v - last >= least - least / 64 - 20 &&
			      v - last <= most + most / 64 + 20,
			      "%s: REALTIME moved by %" PRId64 " ns while TAI did by %" PRId64 "..%"
			      PRId64, r->s->policy, v - last, least, most);
		}
		last = v;
		before1 = t1;
		before2 = t2;
		tk_sleep(5 * TK_MSEC * r->s->speed);
	}
}

static void sleep_to(s64 tai)
{
	s64 left;

	while ((left = tai - tk_vnow(CLOCK_TAI)) > 0)
		tk_sleep(left);
}

/* What the file says of the smear */
static bool smear_is(const char *want)
{
	char text[1024], line[64];

	tk_read_summary(text, sizeof(text));
	snprintf(line, sizeof(line), "\nsmear      %s", want);
	return strstr(text, line);
}

TEST_F(smear, withdrawn_before_the_edge)
{
	struct run r = { .s = thousand(), .step = -TK_SEC };
	s64 phase;

	prepare(&r, 100 * TK_SEC, true);
	CHECK(smear_is("waiting"), "not waiting");
	watch_bends(&r, r.edge - 200 * TK_SEC);
	CHECK(smear_is("running"), "not running");
	phase = r.off - tk_line(CLOCK_TAI, CLOCK_REALTIME, 20).lo;
	CHECK(phase < -TK_MSEC, "the phase is %" PRId64, phase);
	CHECK(tk_write_file(TK_CLOCK_FILE, "leap step") == -EBUSY, "a policy in a smear");
	CHECK(!tk_write_file(TK_CLOCK_FILE, r.s->policy), "the same policy in a smear");
	status(0);
	CHECK(smear_is("back"), "not on the way back");
	watch_bends(&r, r.edge + 600 * TK_SEC);
	CHECK(smear_is("none"), "not over");
	CHECK_IV(tk_line(CLOCK_TAI, CLOCK_REALTIME, 100), r.off, 0, "withdrawn");
}

TEST_F(smear, withdrawn_after_the_edge)
{
	struct run r = { .s = thousand(), .step = TK_SEC };

	prepare(&r, 100 * TK_SEC, true);
	watch_bends(&r, r.edge + 50 * TK_SEC);
	status(0);
	CHECK(smear_is("running"), "not running");
	while (tk_vnow(CLOCK_TAI) < r.edge + 600 * TK_SEC) {
		s64 t1 = tk_vnow(CLOCK_TAI), v = tk_vnow(CLOCK_REALTIME), t2 = tk_vnow(CLOCK_TAI);

		CHECK_IMAGE(&r, t1, v, t2, 1, "REALTIME");
		tk_sleep(TK_SEC);
	}
	CHECK_IV(tk_line(CLOCK_TAI, CLOCK_REALTIME, 100), r.off - TK_SEC, 0, "completed");
}

TEST_F(smear, ordered_late_and_again)
{
	struct run r = { .s = thousand(), .step = -TK_SEC };

	prepare(&r, 100 * TK_SEC, false);
	/* In the middle of the window: over what is left of it */
	watch_bends(&r, r.edge - 300 * TK_SEC);
	status(STA_INS);
	watch_bends(&r, r.edge - 200 * TK_SEC);
	/* Withdrawn, and armed again on the way back; then the other way round */
	status(0);
	watch_bends(&r, r.edge - 150 * TK_SEC);
	status(STA_INS);
	watch_bends(&r, r.edge - 100 * TK_SEC);
	status(0);
	watch_bends(&r, r.edge - 80 * TK_SEC);
	status(STA_DEL);
	watch_bends(&r, r.edge + 900 * TK_SEC);
	CHECK_IV(tk_line(CLOCK_TAI, CLOCK_REALTIME, 100), r.off - TK_SEC, 0, "deleted in the end");
	CHECK_IV_MEET(tk_line(CLOCK_TAI, CLOCK_MONOTONIC, 100), r.line, 0, "TAI");
}

/* Before the edge the leap second is dropped; after that it was taken. */
TEST_F(smear, the_clock_is_set)
{
	s64 to, off, lead = 100;
	int after;

	for (after = 0; after < 4; after++) {
		struct run r = { .s = thousand(), .step = -TK_SEC };
		struct tk_timex tx = { 0 };
		s64 before;

		prepare(&r, 100 * TK_SEC, true);
		sleep_to(r.edge + (after & 1 ? 100 : -lead) * TK_SEC);
		off = after & 1 ? r.off + TK_SEC : r.off;
		if (after & 2) {
			struct tk_iv iv = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 1);

			/* From what is read, and to the nanosecond */
			before = tk_vnow(CLOCK_MONOTONIC);
			CHECK(tk_step(5 * TK_SEC) >= 0, "ADJ_SETOFFSET: %m");
			before = tk_vnow(CLOCK_MONOTONIC) - before;
			iv.lo -= before / 64;
			iv.hi += before / 64;
			CHECK_IV_MEET(tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 50),
				      ((struct tk_iv){ iv.lo + 5 * TK_SEC, iv.hi + 5 * TK_SEC }), 0,
				      "stepped");
		} else {
			to = TK_MIDNIGHT + 12345 * TK_SEC;
			before = tk_vnow(CLOCK_MONOTONIC);
			CHECK(!tk_settime(CLOCK_REALTIME, to / TK_SEC, 0), "clock_settime: %m");
			CHECK_BETWEEN(to, tk_now(CLOCK_REALTIME),
				      to + tk_now(CLOCK_MONOTONIC) - before, "set");
		}
		/* The edge was there before it came to that: again, and earlier. */
		if (!(after & 1) && tk_vnow(CLOCK_MONOTONIC) + r.line.hi >= r.edge) {
			lead = tk_min(2 * lead, 400);
			after--;
			tk_leave();
			close(r.ns);
			continue;
		}
		CHECK(smear_is("none"), "still smeared");
		CHECK_IV(tk_line(CLOCK_TAI, CLOCK_REALTIME, 50), off, 0, "TAI - REALTIME");
		CHECK(tk_adjtimex(&tx) >= 0 && tx.tai == off / TK_SEC, "TAI offset %d", tx.tai);
		tk_sleep(100 * TK_SEC);
		CHECK_IV(tk_line(CLOCK_TAI, CLOCK_REALTIME, 50), off, 0, "later");
		tk_leave();
		close(r.ns);
	}
}

/* A copy of the namespace smears on by itself, and letting go ends it. */
TEST_F(smear, copied_and_let_go)
{
	struct run r = { .s = thousand(), .step = -TK_SEC };
	int copy;

	prepare(&r, 10 * TK_SEC, true);
	sleep_to(r.edge - 100 * TK_SEC);
	/* It follows until it is written to, and is a copy of the owner then */
	copy = tk_ns_new();
	tk_enter(copy);
	tk_make_own();
	tk_enter(r.ns);
	CHECK(!tk_follow(), "follow: %m");
	CHECK(smear_is("none"), "smeared after it was let go");
	tk_enter(copy);
	CHECK(smear_is("running"), "the copy does not smear");
	while (tk_vnow(CLOCK_TAI) < r.edge + 600 * TK_SEC) {
		s64 t1 = tk_vnow(CLOCK_TAI), v = tk_vnow(CLOCK_REALTIME), t2 = tk_vnow(CLOCK_TAI);

		CHECK_IMAGE(&r, t1, v, t2, 1, "REALTIME");
		tk_sleep(TK_SEC);
	}
	CHECK_IV(tk_line(CLOCK_TAI, CLOCK_REALTIME, 100), r.off + TK_SEC, 0, "the copy");
	tk_leave();
	/* Whoever owns a clock again starts with a plain one */
	tk_enter(r.ns);
	tk_make_own();
	CHECK(smear_is("none"), "smeared");
	tk_leave();
}

TEST_F(smear, bad_policies)
{
	static const char *const bad[] = {
		"leap", "leap ", "leap smear", "leap smear ", "leap  step", "leap step ",
		"leap Step", "leap smear googl", "leap smear google 5", "leap smear linear",
		"leap smear linear 1000",
		"leap smear linear 127 before", "leap smear linear 604801 before",
		"leap smear linear 1e3 before", "leap smear linear +1000 before",
		"leap smear linear -1000 before", "leap smear linear 0x400 before",
		"leap smear linear 1000 middle", "leap smear linear 1000 before ",
		"leap smear linear  1000 before", "leap smear cubic 1000 before",
		"leap smear linear 99999999999999999999 before",
	};
	char before[1024], after[1024];
	size_t i;

	tk_enter(tk_ns_own(0));
	tk_write_file(TK_CLOCK_FILE, "leap smear meta");
	for (i = 0; i < TK_ARRAY(bad); i++)
		CHECK(tk_write_file(TK_CLOCK_FILE, bad[i]) == -EINVAL, "'%s' is taken", bad[i]);
	tk_read_summary(before, sizeof(before));
	CHECK(strstr(before, "\nleap       smear meta\n"), "%s", before);
	for (i = 1; i < TK_ARRAY(smears); i++) {
		snprintf(after, sizeof(after), "\nleap       %s\n", smears[i].policy + 5);
		command(smears[i].policy);
		tk_read_summary(before, sizeof(before));
		CHECK(strstr(before, after), "'%s' reads as %s", smears[i].policy, before);
	}
	tk_leave();
}

TEST_HARNESS_MAIN
