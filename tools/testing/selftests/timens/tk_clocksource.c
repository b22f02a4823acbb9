// SPDX-License-Identifier: GPL-2.0
/*
 * The clocksource changes under namespaces that own their clocks.
 *
 *	tsc -> hpet -> acpi_pm -> tsc	by sysfs, as root of the host
 *
 * The host re-bases its clock and each namespace's in one go, so nothing runs back in
 * any of them, each keeps its lines, and the difference to the host stays.
 */
#include "lib/reader.h"
#include "lib/tk.h"

static void current_clocksource(char *name, size_t size)
{
	tk_slurp(TK_CLOCKSOURCE "current_clocksource", name, size);
	name[strcspn(name, "\n")] = '\0';
}

static void choose(const char *name)
{
	char now[64];
	int ret = tk_write_file(TK_CLOCKSOURCE "current_clocksource", name);

	CHECK(!ret, "%s: %s", name, strerror(-ret));
	current_clocksource(now, sizeof(now));
	CHECK(!strcmp(now, name), "the clocksource is %s, not %s", now, name);
}

FIXTURE(clocksource)
{
	char was[64];
};

/* The host is watched by its lines; MONOTONIC may bend against RAW at a change. */
FIXTURE_SETUP(clocksource)
{
	static const char *const need[] = { "tsc", "hpet", "acpi_pm" };
	size_t i;

	ASSERT_EQ(0, tk_setup_watch(true, TK_WATCH_NTP));
	current_clocksource(self->was, sizeof(self->was));
	for (i = 0; i < TK_ARRAY(need); i++)
		CHECK(tk_has_word(TK_CLOCKSOURCE "available_clocksource", need[i]),
		      "there is no clocksource %s", need[i]);
	ASSERT_EQ(0, tk_failures());
}

FIXTURE_TEARDOWN(clocksource)
{
	choose(self->was);
	EXPECT_EQ(0, tk_teardown());
}

/*
 * What a re-base may cost: host and namespace convert the same count of the old source
 * with multipliers of their own, each off by a unit, and the tick that is due.
 */
static void check_difference(int fd, const struct tk_iv *was, s64 start, const char *what)
{
	static const int clk[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME, CLOCK_TAI };
	size_t i;

	for (i = 0; i < TK_ARRAY(clk); i++)
		CHECK_IV_MEET(tk_cross(fd, clk[i], 20, NULL), was[i],
			      tk_unit(tk_vnow(CLOCK_MONOTONIC) - start), what);
}

static void remember_difference(int fd, struct tk_iv *was)
{
	static const int clk[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME, CLOCK_TAI };
	size_t i;

	for (i = 0; i < TK_ARRAY(clk); i++)
		was[i] = tk_cross(fd, clk[i], 20, NULL);
}

TEST_F(clocksource, own_clocks_are_rebased)
{
	static const char *const tour[] = { "hpet", "acpi_pm", "tsc", "acpi_pm", "hpet", "tsc" };
	struct tk_reader *r = tk_shared_page(2 * sizeof(*r));
	int own = tk_ns_own(TK_YEAR * TK_SEC), follow = tk_ns_new(), slept;
	struct tk_iv was_own[4], was_follow[4];
	s64 start = tk_vnow(CLOCK_MONOTONIC);
	pid_t pid[2];
	size_t i;

	remember_difference(own, was_own);
	remember_difference(follow, was_follow);
	r[0].fd = own;
	r[1].fd = -1;
	for (i = 0; i < 2; i++) {
		r[i].flags = TK_READ_COARSE | TK_READ_REALTIME | TK_READ_TAI;
		pid[i] = tk_spawn(tk_reader, &r[i]);
	}
	for (i = 0; i < TK_ARRAY(tour); i++) {
		choose(tour[i]);
		check_difference(own, was_own, start, tour[i]);
		check_difference(follow, was_follow, start, tour[i]);
		/* A pass on one that is not the first; acpi_pm wraps in 4.7 s. */
		slept = i == 1 ? 1300 : 200;
		tk_sleep(slept * TK_MSEC);
		check_difference(own, was_own, start, tour[i]);
	}
	atomic_store(&r[0].stop, true);
	atomic_store(&r[1].stop, true);
	for (i = 0; i < 2; i++) {
		CHECK(!tk_reap(pid[i]), "reader %zu failed", i);
		CHECK(atomic_load(&r[i].rounds) > 0, "reader %zu never read", i);
	}
}

/* acpi_pm has 24 bits: across its wrap and without a reader the clock goes on. */
TEST_F(clocksource, narrow_counter_wraps)
{
	int own = tk_ns_own(TK_YEAR * TK_SEC);
	s64 start = tk_vnow(CLOCK_MONOTONIC);
	struct tk_iv was[4];

	remember_difference(own, was);
	choose("acpi_pm");
	/* 2^24 / 3.579545 MHz = 4.69 s */
	tk_sleep(5200 * TK_MSEC);
	check_difference(own, was, start, "after the wrap");
}

/* Created, set and steered while the source has no vDSO mode: the fallback serves. */
TEST_F(clocksource, born_on_another_source)
{
	struct tk_timex tx = { .modes = ADJ_TICK, .tick = 10100 };
	struct tk_iv line;
	int own;

	choose("acpi_pm");
	own = tk_ns_own(TK_YEAR * TK_SEC);
	tk_enter(own);
	CHECK(tk_adjtimex(&tx) >= 0, "adjtimex: %m");
	CHECK(tk_step(3600 * TK_SEC) >= 0, "step: %m");
	line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 100);
	tk_leave();
	choose("tsc");
	tk_enter(own);
	CHECK_STATE("own");
	CHECK_IV_MEET(tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 100), line, 0, "REALTIME");
	tk_leave();
}

/* 2026-12-31 24:00:00 */
#define MIDNIGHT	(1798761600LL * TK_SEC)
#define HALF_WINDOW	(64 * TK_SEC)
#define LATE		(37 * TK_SEC)

/*
 * A leap second is smeared over 128 s, eight times as fast, while the clocksource
 * changes every ten seconds, from @from on. A change clears the NTP state, and with it
 * a leap second which has not come, as on the host: the phase goes back then. One that
 * has come is smeared to its end, a second in all. REALTIME never moves by more than
 * 1/128 more or less than TAI does.
 */
static void smear_and_change(s64 from, s64 sum)
{
	static const char *const tour[] = { "hpet", "acpi_pm", "tsc" };
	struct tk_timex tx = { .modes = ADJ_TAI | ADJ_MAXERROR, .constant = LATE / TK_SEC };
	s64 edge = MIDNIGHT + LATE, t1, t2 = 0, v, was1 = 0, was2 = 0, was_v = 0, most_off = 0;
	int ns = tk_ns_new(), n = 0;

	tk_enter(ns);
	CHECK(!tk_settime(CLOCK_REALTIME, MIDNIGHT / TK_SEC - 74, 0), "clock_settime: %m");
	CHECK(tk_adjtimex(&tx) >= 0, "ADJ_TAI: %m");
	CHECK(!tk_write_file(TK_CLOCK_FILE, "leap smear linear 128 centred"), "policy");
	tx = (struct tk_timex){ .modes = ADJ_STATUS, .status = STA_INS };
	CHECK(tk_adjtimex(&tx) >= 0, "STA_INS: %m");
	CHECK(!tk_write_file(TK_CLOCK_FILE, "rate 8"), "rate");
	while (t2 < edge + 140 * TK_SEC && tk_failures() < 4) {
		t1 = tk_vnow(CLOCK_TAI);
		v = tk_get(n & 1 ? TK_VDSO : TK_SYS, CLOCK_REALTIME);
		t2 = tk_vnow(CLOCK_TAI);
		if (was_v) {
			s64 least = t1 - was2, most = t2 - was1;

			CHECK(v >= was_v, "REALTIME went back by %" PRId64 " ns", was_v - v);
			CHECK(v - was_v >= least - least / 128 - 20 &&
			      v - was_v <= most + most / 128 + 20,
			      "REALTIME moved by %" PRId64 ", TAI by %" PRId64 "..%" PRId64,
			      v - was_v, least, most);
		}
		if (t2 < edge - HALF_WINDOW)
			CHECK(t1 - v <= LATE && LATE <= t2 - v, "a phase before the window");
		most_off = tk_max(most_off, t1 - v - LATE);
		was1 = t1;
		was2 = t2;
		was_v = v;
		if (t2 > edge + from + n * 10 * TK_SEC && n < 6) {
			choose(tour[n % TK_ARRAY(tour)]);
			n++;
		}
		tk_sleep(TK_SEC / 10);
	}
	CHECK(n == 6, "%d changes", n);
	CHECK(most_off > TK_SEC / 8, "the phase came to %" PRId64 " ns only", most_off);
	CHECK_IV(tk_line(CLOCK_TAI, CLOCK_REALTIME, 100), LATE + sum, 0, "in the end");
	tx = (struct tk_timex){ 0 };
	CHECK(tk_adjtimex(&tx) >= 0 && tx.tai == (LATE + sum) / TK_SEC, "TAI offset %d", tx.tai);
	tk_leave();
	close(ns);
}

TEST_F(clocksource, smear_of_a_leap_second_to_come)
{
	smear_and_change(-40 * TK_SEC, 0);
}

TEST_F(clocksource, smear_of_a_leap_second_taken)
{
	smear_and_change(2 * TK_SEC, TK_SEC);
}

TEST_HARNESS_MAIN
