// SPDX-License-Identifier: GPL-2.0
/* The text of /proc/PID/timens_clock. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#include "clock.h"

#define WORDS_MAX	8

struct line {
	char *word[WORDS_MAX];	/* the first one is the key */
	int n;
};

static bool integer(const char *word, int64_t *value)
{
	struct spec_error error;

	return spec_parse_number(word, -INT64_MAX, INT64_MAX, value, &error);
}

/* SEC NSEC, the latter never negative. */
static bool seconds(const struct line *l, int64_t *ns)
{
	int64_t sec, nsec;

	if (l->n < 3 || !integer(l->word[1], &sec) || !integer(l->word[2], &nsec) || nsec < 0 ||
	    nsec >= NSEC_PER_SEC)
		return false;
	return !__builtin_mul_overflow(sec, NSEC_PER_SEC, ns) &&
	       !__builtin_add_overflow(*ns, nsec, ns);
}

static bool rate(const struct line *l, struct spec_rate *value)
{
	struct spec_error error;

	return l->n >= 2 && spec_parse_rate(l->word[1], value, &error);
}

static bool policy(const struct line *l, char *text, size_t size)
{
	size_t len = 0;
	int i;

	if (l->n < 2)
		return false;
	*text = '\0';
	for (i = 1; i < l->n; i++) {
		len += snprintf(text + len, size - len, "%s%s", i > 1 ? " " : "", l->word[i]);
		if (len >= size)
			return false;
	}
	return true;
}

static const char *const smear_names[] = {
	[SMEAR_NONE] = "none",
	[SMEAR_WAITING] = "waiting",
	[SMEAR_RUNNING] = "running",
	[SMEAR_BACK] = "back",
};

const char *smear_state_name(enum smear_state state)
{
	return smear_names[state];
}

const char *clock_state_name(int state)
{
	static const char *const names[] = {
		[TIME_OK] = "TIME_OK",
		[TIME_INS] = "TIME_INS",
		[TIME_DEL] = "TIME_DEL",
		[TIME_OOP] = "TIME_OOP",
		[TIME_WAIT] = "TIME_WAIT",
		[TIME_ERROR] = "TIME_ERROR",
	};

	return state >= 0 && state <= TIME_ERROR ? names[state] : "?";
}

static bool smear(const struct line *l, struct clock_file *clock)
{
	int state;

	for (state = SMEAR_NONE; state <= SMEAR_BACK; state++)
		if (l->n >= 2 && !strcmp(l->word[1], smear_names[state]))
			break;
	if (state > SMEAR_BACK)
		return false;
	clock->smear = state;
	if (state == SMEAR_NONE)
		return true;
	return l->n >= 5 && integer(l->word[2], &clock->smear_start) &&
	       integer(l->word[3], &clock->smear_end) && integer(l->word[4], &clock->smear_phase);
}

enum {
	HAVE_STATE	= 1 << 0,
	HAVE_REALTIME	= 1 << 1,
	HAVE_MONOTONIC	= 1 << 2,
	HAVE_BOOTTIME	= 1 << 3,
	HAVE_TAI	= 1 << 4,
	HAVE_FREQUENCY	= 1 << 5,
	HAVE_ALL	= (1 << 6) - 1,
};

static bool known_line(const struct line *l, struct clock_file *clock, int *have)
{
	const char *key = l->word[0];

	if (!strcmp(key, "state")) {
		*have |= HAVE_STATE;
		clock->own = l->n >= 2 && !strcmp(l->word[1], "own");
		return clock->own || (l->n >= 2 && !strcmp(l->word[1], "follow"));
	}
	if (!strcmp(key, "follows")) {
		int64_t ino;

		if (l->n < 2 || !integer(l->word[1], &ino) || ino <= 0 || ino > UINT32_MAX)
			return false;
		clock->follows = ino;
		clock->follows_own = l->n >= 3 && !strcmp(l->word[2], "own");
		return clock->follows_own || (l->n >= 3 && !strcmp(l->word[2], "follow"));
	}
	if (!strcmp(key, "realtime")) {
		*have |= HAVE_REALTIME;
		return seconds(l, &clock->realtime);
	}
	if (!strcmp(key, "monotonic")) {
		*have |= HAVE_MONOTONIC;
		return seconds(l, &clock->monotonic);
	}
	if (!strcmp(key, "boottime")) {
		*have |= HAVE_BOOTTIME;
		return seconds(l, &clock->boottime);
	}
	if (!strcmp(key, "tai")) {
		*have |= HAVE_TAI;
		return seconds(l, &clock->tai);
	}
	if (!strcmp(key, "frequency")) {
		*have |= HAVE_FREQUENCY;
		return l->n >= 2 && integer(l->word[1], &clock->frequency);
	}
	if (!strcmp(key, "rate")) {
		clock->has_rate = true;
		clock->stopped = l->n >= 3 && !strcmp(l->word[2], "stopped");
		return rate(l, &clock->rate);
	}
	if (!strcmp(key, "leap")) {
		clock->has_policy = true;
		return policy(l, clock->policy, sizeof(clock->policy));
	}
	if (!strcmp(key, "smear")) {
		clock->has_smear = true;
		return smear(l, clock);
	}
	/* A newer kernel says more, which is no reason to say nothing. */
	return true;
}

bool clock_parse(const char *text, struct clock_file *clock, char *why, size_t size)
{
	char *copy = strdup(text), *rest = copy, *row;
	bool good = false;
	int have = 0;

	memset(clock, 0, sizeof(*clock));
	if (!copy) {
		snprintf(why, size, "no memory");
		return false;
	}
	while ((row = strsep(&rest, "\n"))) {
		struct line l = { .n = 0 };
		size_t at = row - copy;
		char *save, *word;

		for (word = strtok_r(row, " \t", &save); word && l.n < WORDS_MAX;
		     word = strtok_r(NULL, " \t", &save))
			l.word[l.n++] = word;
		if (l.n && !known_line(&l, clock, &have)) {
			snprintf(why, size, "the line '%.*s' is not understood",
				 (int)strcspn(text + at, "\n"), text + at);
			goto out;
		}
	}
	good = have == HAVE_ALL;
	if (!good)
		snprintf(why, size, "a line is missing (state, realtime, monotonic, boottime, tai or frequency)");
out:
	free(copy);
	return good;
}

enum clock_setter clock_sets(const struct snapshot *snap)
{
	enum clock_setter otherwise = snap->file.follows_own ? SETS_NOTHING : SETS_HOST;

	if (snap->ino == INITIAL_TIME_NS)
		return SETS_HOST;
	if (snap->file.own)
		return SETS_OWN;
	switch (snap->own_policy) {
	case OWN_NONE:
		return otherwise;
	case OWN_USER:
		if (!snap->user_ns)
			return SETS_NOT_KNOWN;
		return snap->user_ns == INITIAL_USER_NS ? otherwise : SETS_OWN;
	default:
		return SETS_OWN;
	}
}
