/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs of the demonstration share: results as KTAP on standard
 * output, and figures as "key value" lines in a file, from which the table at
 * the end of 'make run' is made.
 */
#ifndef TIMENS_GUEST_H
#define TIMENS_GUEST_H

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "parse.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static FILE *tk_facts_file;
static unsigned int tk_claims;

/* All output is by line: a demonstration is watched while it runs. */
static inline void tk_start(const char *facts)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!facts)
		return;
	tk_facts_file = fopen(facts, "ae");
	if (!tk_facts_file)
		err(TK_EXIT_FAILURE, "%s", facts);
}

/*
 * The command line of a program whose only option is --facts FILE. Returns false
 * when nothing is left to do because the help was asked for.
 */
static inline bool tk_start_by_options(int argc, char **argv, const char *purpose)
{
	static const struct option options[] = {
		{ "facts",	required_argument,	NULL, 'f' },
		{ "help",	no_argument,		NULL, 'h' },
		{ 0 }
	};
	const char *facts = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			facts = optarg;
			break;
		case 'h':
			printf("Usage: %s [--facts FILE]\n%s\n", program_invocation_short_name, purpose);
			return false;
		default:
			fprintf(stderr, "Try '%s --help'.\n", program_invocation_short_name);
			exit(TK_EXIT_FAILURE);
		}
	}
	if (optind != argc)
		errx(TK_EXIT_FAILURE, "unknown argument '%s'", argv[optind]);
	tk_start(facts);
	return true;
}

__attribute__((format(printf, 2, 3)))
static inline bool tk_claim(bool holds, const char *fmt, ...)
{
	va_list args;

	printf("%sok %u - ", holds ? "" : "not ", ++tk_claims);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	return holds;
}

__attribute__((format(printf, 1, 2)))
static inline void tk_say(const char *fmt, ...)
{
	va_list args;

	fputs("# ", stdout);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

/* One figure: "key value", the value to the end of the line. */
__attribute__((format(printf, 1, 2)))
static inline void tk_fact(const char *fmt, ...)
{
	va_list args;

	if (!tk_facts_file)
		return;
	va_start(args, fmt);
	vfprintf(tk_facts_file, fmt, args);
	va_end(args);
	fputc('\n', tk_facts_file);
}

static inline void tk_end(void)
{
	if (fflush(stdout))
		err(TK_EXIT_FAILURE, "writing the results");
	if (tk_facts_file && fclose(tk_facts_file))
		err(TK_EXIT_FAILURE, "writing the figures");
}

static inline int64_t tk_ns(const struct timespec *ts)
{
	return ts->tv_sec * TK_NSEC_PER_SEC + ts->tv_nsec;
}

static inline int64_t tk_read(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts))
		err(TK_EXIT_FAILURE, "clock_gettime(%d)", (int)id);
	return tk_ns(&ts);
}

/* The same by system call, past the vDSO. */
static inline int64_t tk_read_kernel(clockid_t id)
{
	struct timespec ts;

	if (syscall(SYS_clock_gettime, id, &ts))
		err(TK_EXIT_FAILURE, "system call clock_gettime(%d)", (int)id);
	return tk_ns(&ts);
}

/* With instruction counting nothing is late by chance; process 1 says so. */
static inline bool tk_exact(void)
{
	const char *exact = getenv("TKT_EXACT");

	return exact && !strcmp(exact, "1");
}

/* How many times slower than usual the machine is, measured by process 1 at its start */
static inline int tk_slow(void)
{
	const char *slow = getenv("TKT_SLOW");
	int times = slow ? atoi(slow) : 1;

	return times < 1 ? 1 : times > 1000 ? 1000 : times;
}

static inline void tk_sleep_until(int64_t monotonic)
{
	struct timespec ts = {
		.tv_sec	 = monotonic / TK_NSEC_PER_SEC,
		.tv_nsec = monotonic % TK_NSEC_PER_SEC,
	};
	int ret;

	do {
		ret = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	} while (ret == EINTR);
	if (ret) {
		errno = ret;
		err(TK_EXIT_FAILURE, "clock_nanosleep");
	}
}

/* The counter that every clock here is made of; nothing sets or steers it. */
static inline uint64_t tk_cycles(void)
{
	uint32_t lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

static inline void tk_write_file(const char *path, const char *text)
{
	size_t len = strlen(text);
	ssize_t done;
	int fd;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		err(TK_EXIT_FAILURE, "%s", path);
	done = write(fd, text, len);
	if (done < 0)
		err(TK_EXIT_FAILURE, "writing '%s' to %s", text, path);
	if ((size_t)done != len)
		errx(TK_EXIT_FAILURE, "%s took %zd of the %zu bytes of '%s'", path, done, len,
		     text);
	if (close(fd))
		err(TK_EXIT_FAILURE, "closing %s", path);
}

/*
 * The value of "key value..." in a file of that form: the first word as a
 * number. Returns false where the file has no such line.
 */
static inline bool tk_file_number(const char *path, const char *key, long long *value)
{
	char line[256], word[64];
	bool found = false;
	FILE *file;

	file = fopen(path, "re");
	if (!file)
		err(TK_EXIT_FAILURE, "%s", path);
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%63s %lld", word, value) == 2 && !strcmp(word, key);
	if (ferror(file))
		err(TK_EXIT_FAILURE, "reading %s", path);
	fclose(file);
	return found;
}

/*
 * A new user namespace in which the caller is root, unless it is root already:
 * everything below it happens without any privilege on the host.
 */
static inline void tk_become_container_root(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[64];

	if (!uid)
		return;
	if (unshare(CLONE_NEWUSER))
		err(TK_EXIT_FAILURE, "unshare(CLONE_NEWUSER)");
	tk_write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	tk_write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	tk_write_file("/proc/self/gid_map", map);
}

/*
 * A new time namespace, and into it. unshare() puts only children there, so the
 * caller follows with setns(). Returns a descriptor that keeps it alive.
 */
static inline int tk_enter_new_time_ns(const char *monotonic_offset)
{
	char line[96];
	int fd;

	if (unshare(CLONE_NEWTIME))
		err(TK_EXIT_FAILURE, "unshare(CLONE_NEWTIME)");
	if (monotonic_offset) {
		snprintf(line, sizeof(line), "monotonic %s 0\nboottime %s 0\n",
			 monotonic_offset, monotonic_offset);
		tk_write_file("/proc/self/timens_offsets", line);
	}
	fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(TK_EXIT_FAILURE, "/proc/self/ns/time_for_children");
	if (setns(fd, CLONE_NEWTIME))
		err(TK_EXIT_FAILURE, "entering the new time namespace");
	return fd;
}

/*
 * On a kernel whose time namespaces have no clock of their own, setting the time
 * would set the host's. Nothing here does so by accident.
 */
static inline void tk_require_kernel(void)
{
	if (access("/proc/self/timens_clock", F_OK))
		err(TK_EXIT_FAILURE, "/proc/self/timens_clock: not a kernel of this project");
}

#endif /* TIMENS_GUEST_H */
