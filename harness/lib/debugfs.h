/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel of the feature tells of its passes and lets be set: statistics
 * and knobs in debugfs. The other kernels have no such files.
 */
#ifndef TIMENS_DEBUGFS_H
#define TIMENS_DEBUGFS_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "guest.h"
#include "parse.h"

#define TK_DEBUG_DIR	"/sys/kernel/debug/timekeeper_ns"

/* A value of interval_ms: a pass every tick, and no limit on the passes of one. */
#define TK_EVERY_TICK	0

/* A line of the kernel's statistics. */
static inline long long tk_kernel_stat(const char *key)
{
	return tk_require_number(TK_DEBUG_DIR "/stats", key);
}

/* A figure for another number of owners would be a wrong one. */
static inline void tk_require_owners(long number)
{
	long long own = tk_kernel_stat("own");

	if (own != number)
		errx(TK_EXIT_FAILURE, "%ld own namespaces were made, the kernel counts %lld",
		     number, own);
}

static inline long long tk_read_knob(const char *name)
{
	char path[96], text[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), TK_DEBUG_DIR "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(TK_EXIT_FAILURE, "%s", path);
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		err(TK_EXIT_FAILURE, "reading %s", path);
	close(fd);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return tk_parse_number(path, text, 0, INT32_MAX);
}

static inline void tk_set_interval(long long ms)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", ms);
	tk_write_file(TK_DEBUG_DIR "/interval_ms", text);
}

static long long tk_original_interval;

static inline void tk_restore_interval(void)
{
	tk_set_interval(tk_original_interval);
}

/* Whatever the program sets it to, and however it ends. */
static inline void tk_keep_interval(void)
{
	tk_original_interval = tk_read_knob("interval_ms");
	if (atexit(tk_restore_interval))
		errx(TK_EXIT_FAILURE, "atexit");
}

#endif /* TIMENS_DEBUGFS_H */
