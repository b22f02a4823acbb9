/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs of the guest do with its kernel and find out about its machine: files
 * of /proc and the like, time namespaces, what process 1 has measured.
 */
#ifndef TIMENS_GUEST_H
#define TIMENS_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

#define TK_CLOCK_FILE	"/proc/self/timens_clock"

/*
 * For what changes the clocks of a host: that it is a guest of the boot harness, and
 * nobody's machine.
 */
void tk_require_guest(void);

/* Have time namespaces clocks on this kernel? */
bool tk_has_clocks(void);

/*
 * On a kernel whose time namespaces have no clock of their own, setting the time
 * would set the host's. Nothing here does so by accident.
 */
void tk_require_kernel(void);

/* With instruction counting nothing is late by chance; process 1 says so. */
bool tk_exact(void);

/* How many times slower than usual the machine is, measured by process 1 at its start */
int tk_slow(void);

/* A counter, zero, which a child of the caller has in common with it. */
volatile uint64_t *tk_shared_counter(void);

void tk_write_file(const char *path, const char *text);

/*
 * The value of "key value..." in a file of that form: the first word, as text or as a
 * number. Returns false where the file has no such line.
 */
bool tk_file_word(const char *path, const char *key, char *word, size_t size);
bool tk_file_number(const char *path, const char *key, long long *value);

/* A file without that line is an error. */
long long tk_require_number(const char *path, const char *key);

/*
 * A new user namespace in which the caller is root, unless it is root already:
 * everything below it happens without any privilege on the host.
 */
void tk_become_container_root(void);

/* In a new user namespace: who was uid and gid outside is root in it. */
void tk_map_root(unsigned int uid, unsigned int gid);

/*
 * A new time namespace, and into it. unshare() puts only children there, so the
 * caller follows with setns(). Returns a descriptor that keeps it alive.
 */
int tk_enter_new_time_ns(const char *monotonic_offset);

/* A descriptor of the time namespace that the caller is in. */
int tk_open_time_ns(void);

void tk_enter(int fd);

#endif /* TIMENS_GUEST_H */
