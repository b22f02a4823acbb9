/* SPDX-License-Identifier: GPL-2.0 */
/* Names of containers, machines and units in place of a process id. */
#ifndef TKNS_NAMES_H
#define TKNS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Linux gives no process a larger id (PID_MAX_LIMIT) */
#define TKNS_PID_MAX 4194304

/*
 * The first process of what podman, docker, machinectl, lxc or systemd know by this name,
 * which may say the one that is meant: podman:NAME, docker:, machine:, lxc:, unit:. Ends if nobody knows it, or two do.
 */
int pid_of_name(const char *text);

/* Who runs it, what that calls it, and its first process */
struct named {
	const struct manager *manager;
	const char *name;
	int pid;
};

/* The same, with all that; @text must outlive it. */
void find_name(const char *text, struct named *named);

/*
 * By its first process, whose control group names it. Returns false if nobody runs it, or it is another one's process; @text
 * is for the name, and must outlive it.
 */
bool find_process(int pid, char *text, size_t size, struct named *named);

/* How often it was started again by itself since it was made. Returns false if nobody counts that. */
bool named_restarts(const struct named *named, int64_t *restarts);

/*
 * How many lines it has in its log from one second of the host's CLOCK_REALTIME to another. Returns false
 * if nobody keeps one.
 */
bool named_log_lines(const struct named *named, int64_t from, int64_t to, int64_t *lines);

/*
 * What the process belongs to, in the form which pid_of_name() takes: "podman:web",
 * "unit:chrony.service". Where its manager does not tell the name, to another user for instance, the
 * first digits of the id. Returns false if it belongs to nothing that has a name.
 */
bool name_of_pid(int pid, char *text, size_t size);

#endif /* TKNS_NAMES_H */
