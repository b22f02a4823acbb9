// SPDX-License-Identifier: GPL-2.0
/*
 * tkdisturb - change one thing about a clock, hold it for a while, put it back
 *
 * What the self-test of tkwatch has it watch. It acts on the time namespace that
 * it is in, so that the same disturbance can be made on the host and inside.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <unistd.h>

#include "guest.h"
#include "parse.h"

static const char *action;
static const char *value;

static int adjust(struct timex *tx)
{
	int state = adjtimex(tx);

	if (state < 0)
		err(TK_EXIT_FAILURE, "%s %s: adjtimex(modes 0x%x)", action, value, tx->modes);
	return state;
}

static void hold(long long ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	if (ms && clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL))
		errx(TK_EXIT_FAILURE, "the sleep was interrupted");
}

static void set_offset(long long ns)
{
	struct timex tx = { .modes = 0 };
	bool nano;

	adjust(&tx);
	nano = tx.status & STA_NANO;

	memset(&tx, 0, sizeof(tx));
	tx.modes = ADJ_SETOFFSET | ADJ_NANO;
	tx.time.tv_sec = ns / TK_NSEC_PER_SEC;
	tx.time.tv_usec = ns % TK_NSEC_PER_SEC;
	if (tx.time.tv_usec < 0) {
		tx.time.tv_usec += TK_NSEC_PER_SEC;
		tx.time.tv_sec--;
	}
	adjust(&tx);
	if (!nano) {
		tx.modes = ADJ_MICRO;
		adjust(&tx);
	}
}

static void step(long long ns, long long ms)
{
	set_offset(ns);
	hold(ms);
	set_offset(-ns);
}

static void settime_by(long long sec)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts))
		err(TK_EXIT_FAILURE, "clock_gettime");
	ts.tv_sec += sec;
	if (clock_settime(CLOCK_REALTIME, &ts))
		err(TK_EXIT_FAILURE, "clock_settime(%lld)", (long long)ts.tv_sec);
}

static void settime(long long sec, long long ms)
{
	settime_by(sec);
	hold(ms);
	settime_by(-sec);
}

/* One field of struct timex that a mode sets and a read returns. */
static void field(unsigned int mode, long long to, long long ms)
{
	struct timex was = { .modes = 0 }, tx;

	adjust(&was);
	tx = was;
	tx.modes = mode;
	switch (mode) {
	case ADJ_FREQUENCY:
		tx.freq = to * 65536;
		break;
	case ADJ_TICK:
		tx.tick = to;
		break;
	case ADJ_STATUS:
		tx.status = was.status ^ to;
		break;
	case ADJ_MAXERROR:
		tx.maxerror = to;
		break;
	case ADJ_ESTERROR:
		tx.esterror = to;
		break;
	case ADJ_TIMECONST:
	case ADJ_TAI:
		tx.constant = to;
		break;
	}
	adjust(&tx);
	hold(ms);
	tx = was;
	tx.modes = mode;
	if (mode == ADJ_TAI)
		tx.constant = was.tai;
	adjust(&tx);
}

/* NTP deals out a slew a second at a time: the portion of this one cannot be taken back. */
static void run_out(void)
{
	hold(1100);
}

/* adjtime(): a slew that no field of adjtimex() shows. */
static void slew(long long us, long long ms)
{
	struct timex tx = { .modes = ADJ_OFFSET_SINGLESHOT, .offset = us };

	adjust(&tx);
	hold(ms);
	tx.modes = ADJ_OFFSET_SINGLESHOT;
	tx.offset = 0;
	adjust(&tx);
	run_out();
}

/* The offset that the phase-locked loop works off. */
static void pll(long long us, long long ms)
{
	struct timex was = { .modes = 0 }, tx;

	adjust(&was);
	tx = was;
	tx.modes = ADJ_STATUS | ADJ_OFFSET;
	tx.status = STA_PLL;
	tx.offset = us;
	adjust(&tx);
	hold(ms);
	tx.modes = ADJ_STATUS | ADJ_OFFSET;
	tx.status = STA_PLL;
	tx.offset = 0;
	adjust(&tx);
	tx = was;
	tx.modes = ADJ_STATUS | ADJ_FREQUENCY | ADJ_MAXERROR | ADJ_ESTERROR;
	adjust(&tx);
	run_out();
}

static void zone(long long minutes, long long ms)
{
	struct timezone was, tz;
	struct timeval tv;

	if (gettimeofday(&tv, &was))
		err(TK_EXIT_FAILURE, "gettimeofday");
	tz = was;
	tz.tz_minuteswest = minutes;
	if (settimeofday(NULL, &tz))
		err(TK_EXIT_FAILURE, "settimeofday(time zone %lld)", minutes);
	hold(ms);
	if (settimeofday(NULL, &was))
		err(TK_EXIT_FAILURE, "settimeofday(time zone %d)", was.tz_minuteswest);
}

static const struct {
	const char *name;
	void (*special)(long long value, long long ms);
	unsigned int mode;
	const char *help;
} actions[] = {
	{ "step",	step,		0,		"REALTIME by N ns" },
	{ "settime",	settime,	0,		"REALTIME by N s with clock_settime()" },
	{ "slew",	slew,		0,		"N us with adjtime()" },
	{ "pll",	pll,		0,		"N us for the phase-locked loop" },
	{ "zone",	zone,		0,		"the time zone to N minutes west" },
	{ "freq",	NULL,		ADJ_FREQUENCY,	"to N ppm" },
	{ "tick",	NULL,		ADJ_TICK,	"to N us" },
	{ "status",	NULL,		ADJ_STATUS,	"flip the bits N" },
	{ "maxerror",	NULL,		ADJ_MAXERROR,	"to N us" },
	{ "esterror",	NULL,		ADJ_ESTERROR,	"to N us" },
	{ "timeconst",	NULL,		ADJ_TIMECONST,	"to N" },
	{ "tai",	NULL,		ADJ_TAI,	"TAI - REALTIME to N s" },
};

int main(int argc, char **argv)
{
	long long number, ms;
	size_t i;

	if (argc != 4) {
		fputs("Usage: tkdisturb WHAT N MILLISECONDS\n"
		      "Change WHAT in the time namespace that tkdisturb is in, and back after MILLISECONDS.\n\n",
		      stderr);
		for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
			fprintf(stderr, "  %-10s %s\n", actions[i].name, actions[i].help);
		return TK_EXIT_FAILURE;
	}
	tk_require_guest();
	action = argv[1];
	value = argv[2];
	number = tk_parse_number(action, value, -1000000000000LL, 1000000000000LL);
	ms = tk_parse_number("MILLISECONDS", argv[3], 0, 3600000);

	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].name, action))
			continue;
		if (actions[i].special)
			actions[i].special(number, ms);
		else
			field(actions[i].mode, number, ms);
		return 0;
	}
	errx(TK_EXIT_FAILURE, "'%s' is nothing that tkdisturb can change", action);
}
