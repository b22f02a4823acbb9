/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files of the kernel: /proc, /sys, and the knobs and counters of the tick path in
 * debugfs. Used by the tests of such files, and by the library itself.
 */
#ifndef TK_FILE_H
#define TK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base.h"

#define TK_DEBUGFS "/sys/kernel/debug/timekeeper_ns/"
#define TK_CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0/"

s64 tk_read_s64(const char *path);

/* Returns 0 or -errno; a short write is an error of its own. */
int tk_write_file(const char *path, const char *text);

/* Reads @path to its end or to @size - 1, and ends it with a NUL; returns its length. */
size_t tk_slurp(const char *path, char *text, size_t size);
/* The same for what may be gone: -1, and errno says why */
ssize_t tk_try_slurp(const char *path, char *text, size_t size);

/* Is @want one of the words in @path, in brackets or not? Not if it cannot be read. */
bool tk_has_word(const char *path, const char *want);

/* Field 22 of /proc/PID/stat, in clock ticks; as text it may be any 64 bits. */
s64 tk_start_time(pid_t pid);

/* Mounts debugfs unless it is. */
void tk_need_debugfs(void);

/* A counter of the statistics of the tick path */
s64 tk_stat(const char *key);

#endif /* TK_FILE_H */
