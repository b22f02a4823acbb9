// SPDX-License-Identifier: GPL-2.0
/* The options which change a clock. */
#define _GNU_SOURCE
#include <stdlib.h>

#include "opts.h"
#include "tkns.h"

enum {
	OPT_SET = 0x200,
	OPT_OFFSET,
	OPT_FREQ,
	OPT_RATE,
	OPT_LEAP,
	OPT_SMEAR,
	OPT_TAI,
};

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "The clock:", 1 },
	{ "set", OPT_SET, "TIME", 0,
	  "Set it: 2026-12-31T23:59:40Z, a date, tomorrow, @SECONDS, +90m, -2d3h, leap-20s (before the leap second)", 1 },
	{ "offset", OPT_OFFSET, "DURATION", 0, "Move it by 90, 1h30m, -250ms, ...", 1 },
	{ "freq", OPT_FREQ, "PPM", 0, "Make it faster by PPM, from -100000 to 100000", 1 },
	{ "rate", OPT_RATE, "RATE", 0, "Let it run RATE times as fast: N, N.N or P/Q, from 1/1000 to 2000", 1 },
	{ "tai", OPT_TAI, "SECONDS", 0, "TAI is so much ahead of it", 1 },
	{ "leap", OPT_LEAP, "insert|delete|none[@DATE]", 0,
	  "Arm a leap second for the end of the day that the clock shows, which must be DATE if given", 1 },
	{ "smear", OPT_SMEAR, "SMEAR", 0,
	  "What a leap second does: " SPEC_SMEAR_HELP,
	  1 },
	{ 0 }
};

static void set_time(struct clock_change *c, const char *option, const char *text)
{
	if (c->set)
		die("%s: the time was already given with %s '%s'", option, c->time_option,
		    c->time_text);
	c->set = true;
	c->time_option = option;
	c->time_text = text;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct clock_change *c = state->input;
	struct spec_error error;

	switch (key) {
	case OPT_SET:
		set_time(c, "--set", arg);
		if (!spec_parse_time(arg, &c->time, &error))
			die_spec("--set", arg, &error);
		return 0;
	case OPT_OFFSET:
		set_time(c, "--offset", arg);
		c->time.when = SPEC_RELATIVE;
		if (!spec_parse_duration(arg, &c->time.ns, &error))
			die_spec("--offset", arg, &error);
		return 0;
	case OPT_FREQ:
		c->freq = true;
		if (!spec_parse_ppm(arg, &c->ppm, &error))
			die_spec("--freq", arg, &error);
		return 0;
	case OPT_RATE:
		c->rate = true;
		if (!spec_parse_rate(arg, &c->factor, &error))
			die_spec("--rate", arg, &error);
		return 0;
	case OPT_LEAP:
		c->leap = true;
		if (!spec_parse_leap(arg, &c->second, &error))
			die_spec("--leap", arg, &error);
		return 0;
	case OPT_SMEAR:
		c->smear = true;
		if (!spec_parse_smear(arg, &c->policy, &error))
			die_spec("--smear", arg, &error);
		return 0;
	case OPT_TAI:
		c->tai = true;
		if (!spec_parse_number(arg, 0, SPEC_TAI_MAX, &c->tai_offset, &error))
			die_spec("--tai", arg, &error);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

error_t parse_pid_args(int key, char *arg, struct argp_state *state, struct pid_args *args)
{
	switch (key) {
	case OPT_JSON:
		args->json = true;
		return 0;
	case OPT_ELAPSED:
		args->elapsed = true;
		break;
	case OPT_FROZEN:
		args->frozen = true;
		break;
	case ARGP_KEY_ARG:
		if (args->nr && !args->many)
			argp_error(state, "one argument too many: '%s'", arg);
		args->pids = reallocarray(args->pids, args->nr + 1, sizeof(*args->pids));
		if (!args->pids)
			die("out of memory");
		args->pids[args->nr++] = arg;
		args->pid = args->pids[0];
		return 0;
	case ARGP_KEY_END:
		if (!args->nr && !args->optional)
			argp_error(state, "no process id given");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (args->elapsed && args->frozen)
		argp_error(state, "--frozen and --elapsed exclude each other");
	return 0;
}

error_t parse_pids(int key, char *arg, struct argp_state *state)
{
	return parse_pid_args(key, arg, state, state->input);
}

const struct argp change_argp = { .options = options, .parser = parse };
