// SPDX-License-Identifier: GPL-2.0
/*
 * Time namespaces and their state.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "ns.h"
#include "sys.h"

int tk_host_fd = -1;

size_t tk_read_summary(char *text, size_t size)
{
	static const char state[] = "\nversion ";
	char whole[4096], *end;

	tk_slurp(TK_CLOCK_FILE, whole, sizeof(whole));
	end = strstr(whole, state);
	if (end)
		end[1] = '\0';
	REQUIRE(strlen(whole) < size, "the summary in %s is long: %s", TK_CLOCK_FILE, whole);
	strcpy(text, whole);
	return strlen(text);
}

bool tk_saved(const char *how, char *text, size_t size)
{
	char whole[4096];
	const char *at;

	tk_slurp(TK_CLOCK_FILE, whole, sizeof(whole));
	at = strstr(whole, "\nversion ");
	if (!at)
		return false;
	REQUIRE(!strcmp(whole + strlen(whole) - 5, "\nend\n"), "no end in\n%s", whole);
	REQUIRE(snprintf(text, size, "restore %s\n%s", how, at + 1) < (int)size, "too long");
	return true;
}

void tk_parse_state(const char *text, struct tk_state *st)
{
	static const char *const key[] = { "realtime", "monotonic", "boottime", "tai" };
	s64 *const val[] = { &st->realtime, &st->monotonic, &st->boottime, &st->tai };
	unsigned int seen = 0;
	char copy[1024], *line, *save = NULL;
	size_t i;

	REQUIRE(strlen(text) < sizeof(copy), "%s is too long: %s", TK_CLOCK_FILE, text);
	strcpy(copy, text);
	memset(st, 0, sizeof(*st));
	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		long long sec, nsec;
		char name[32];
		int end = 0;

		if (sscanf(line, "state %15s%n", st->state, &end) == 1 && !line[end]) {
			seen |= 1;
			continue;
		}
		if (sscanf(line, "frequency %lld%n", &sec, &end) == 1 && !line[end]) {
			st->frequency = sec;
			seen |= 2;
			continue;
		}
		if (sscanf(line, "%31s %lld %lld%n", name, &sec, &nsec, &end) != 3 || line[end])
			continue;
		for (i = 0; i < TK_ARRAY(key); i++) {
			if (strcmp(name, key[i]))
				continue;
			*val[i] = tk_ns(sec, nsec);
			seen |= 4u << i;
		}
	}
	REQUIRE(seen == 0x3f, "%s lacks a line (seen %#x): %s", TK_CLOCK_FILE, seen, text);
}

void tk_get_state(struct tk_state *st)
{
	char text[1024];

	tk_read_summary(text, sizeof(text));
	tk_parse_state(text, st);
}

bool tk_is(const char *state)
{
	struct tk_state st;

	tk_get_state(&st);
	return !strcmp(st.state, state);
}

int tk_follow(void)
{
	return tk_write_file(TK_CLOCK_FILE, "follow\n");
}

int tk_setns(int fd)
{
	return TK_RET(setns(fd, CLONE_NEWTIME));
}

void tk_enter(int fd)
{
	int ret = tk_setns(fd);

	REQUIRE(!ret, "setns: %s", strerror(-ret));
}

void tk_leave(void)
{
	tk_enter(tk_host_fd);
}

int tk_open_ns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	REQUIRE(fd >= 0, "%s: %m", path);
	return fd;
}

int tk_ns_new_offsets(const char *offsets)
{
	int here = tk_open_ns("/proc/self/ns/time"), fd, ret;

	REQUIRE(!unshare(CLONE_NEWTIME), "unshare: %m");
	fd = tk_open_ns("/proc/self/ns/time_for_children");
	if (offsets) {
		ret = tk_write_file("/proc/self/timens_offsets", offsets);
		REQUIRE(!ret, "timens_offsets '%s': %s", offsets, strerror(-ret));
	}
	tk_enter(here);
	close(here);
	return fd;
}

int tk_ns_new(void)
{
	return tk_ns_new_offsets(NULL);
}

void tk_make_own(void)
{
	struct tk_timex tx = { 0 };
	int ret = tk_adjtimex(&tx);

	REQUIRE(ret >= 0, "adjtimex: %s", strerror(-ret));
	tx.modes = ADJ_FREQUENCY;
	ret = tk_adjtimex(&tx);
	REQUIRE(ret >= 0, "adjtimex(ADJ_FREQUENCY): %s", strerror(-ret));
	CHECK_STATE("own");
}

int tk_ns_own(s64 ahead)
{
	int fd = tk_ns_new(), ret;

	tk_enter(fd);
	if (ahead) {
		ret = tk_step(ahead);
		REQUIRE(ret >= 0, "ADJ_SETOFFSET: %s", strerror(-ret));
		CHECK_STATE("own");
	} else {
		tk_make_own();
	}
	tk_leave();
	return fd;
}

int tk_ns_with(const char *offsets, bool own, s64 ahead, s64 tick)
{
	struct tk_timex tx = { .modes = ADJ_TICK, .tick = tick };
	int fd = tk_ns_new_offsets(offsets);

	if (!own)
		return fd;
	tk_enter(fd);
	REQUIRE(tk_step(ahead) >= 0, "ADJ_SETOFFSET");
	if (tick)
		REQUIRE(tk_adjtimex(&tx) >= 0, "ADJ_TICK");
	CHECK_STATE("own");
	tk_leave();
	return fd;
}
