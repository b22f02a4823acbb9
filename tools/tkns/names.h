/* SPDX-License-Identifier: GPL-2.0 */
/* Names of containers, machines and units in place of a process id. */
#ifndef TKNS_NAMES_H
#define TKNS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Linux gives no process a larger id (PID_MAX_LIMIT) */
#define TKNS_PID_MAX 4194304

/*
 * The first process of what podman, docker, machinectl, lxc or systemd know by this name,
 * which may say the one that is meant: podman:NAME, docker:, machine:, lxc:, unit:. Ends if nobody knows it, or two do.
 */
int pid_of_name(const char *text);

/*
 * What the process belongs to, in the form which pid_of_name() takes: "podman:web",
 * "unit:chrony.service". Where its manager does not tell the name, to another user for instance, the
 * first digits of the id. Returns false if it belongs to nothing that has a name.
 */
bool name_of_pid(int pid, char *text, size_t size);

#endif /* TKNS_NAMES_H */
