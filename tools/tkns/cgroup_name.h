/* SPDX-License-Identifier: GPL-2.0 */
/* What a container, machine or unit is called, by the control group of one of its processes. */
#ifndef TKNS_CGROUP_NAME_H
#define TKNS_CGROUP_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define CGROUP_NAME_SIZE 96

struct cgroup_name {
	const char *manager;			/* as in front of the colon, see names.h */
	char name[CGROUP_NAME_SIZE];		/* or the id, where only that is in the path */
	bool is_id;
};

/*
 * By the path of the control group, as the line "0::PATH" of /proc/PID/cgroup has it. Containers
 * count from outside: what runs in one, and has units of its own, is named after the container.
 * Returns false if the path names nothing.
 */
bool cgroup_name_parse(const char *path, struct cgroup_name *name);

/*
 * How many bytes of the path lead to all that runs beside the process on its clock: to the container,
 * or, where systemd runs in what is called nothing, to what has the scope of its first process in it.
 */
size_t cgroup_whole(const char *path);

#endif /* TKNS_CGROUP_NAME_H */
