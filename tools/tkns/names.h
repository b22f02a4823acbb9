/* SPDX-License-Identifier: GPL-2.0 */
/* Names of containers, machines and units in place of a process id. */
#ifndef TKNS_NAMES_H
#define TKNS_NAMES_H

/* Linux gives no process a larger id (PID_MAX_LIMIT) */
#define TKNS_PID_MAX 4194304

/*
 * The first process of what podman, docker, machinectl, lxc or systemd know by this name,
 * which may say the one that is meant: podman:NAME, docker:, machine:, lxc:, unit:. Ends if nobody knows it, or two do.
 */
int pid_of_name(const char *text);

#endif /* TKNS_NAMES_H */
