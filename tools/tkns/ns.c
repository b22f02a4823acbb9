// SPDX-License-Identifier: GPL-2.0
/* Going into new namespaces; see ns.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "idmap.h"
#include "ns.h"
#include "tkns.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME	0x00000080
#endif

static void write_file(const char *path, const char *text)
{
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		die_errno("writing '%s' to %s", text, path);
	close(fd);
}

/*
 * Capabilities, of which libc has only the system calls.
 */

struct caps {
	struct __user_cap_data_struct set[_LINUX_CAPABILITY_U32S_3];
};

static struct __user_cap_header_struct cap_header = { .version = _LINUX_CAPABILITY_VERSION_3 };

static void get_caps(struct caps *caps)
{
	if (syscall(SYS_capget, &cap_header, caps->set))
		die_errno("capget");
}

static bool has_cap(const struct caps *caps, int cap)
{
	return caps->set[CAP_TO_INDEX(cap)].effective & CAP_TO_MASK(cap);
}

/* To create a time namespace and to set its clock. */
static bool is_privileged(void)
{
	struct caps caps;

	get_caps(&caps);
	return has_cap(&caps, CAP_SYS_ADMIN) && has_cap(&caps, CAP_SYS_TIME);
}

/*
 * The command of an ordinary user loses its capabilities when it is started,
 * unless they are ambient. It keeps what concerns the new namespaces: a daemon
 * may steer the clock, configure the network if that is new as well, and become
 * one of the others if there are any. The last is also what newuidmap needs in
 * there, which is set-user-ID of nobody in the namespace: with the capability it
 * maps the ids of a container, with numbers that are the same inside and outside.
 */
static void keep_caps(enum net_mode net, bool others)
{
	static const struct {
		int cap;
		bool net, others;
	} kept[] = {
		{ CAP_SYS_TIME },
		{ CAP_NET_ADMIN, .net = true },
		{ CAP_NET_RAW, .net = true },
		{ CAP_NET_BIND_SERVICE, .net = true },
		{ CAP_SETUID, .others = true },
		{ CAP_SETGID, .others = true },
	};
	bool keep[sizeof(kept) / sizeof(kept[0])];
	struct caps caps;
	size_t i;

	get_caps(&caps);
	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		keep[i] = (!kept[i].net || net != NET_HOST) && (!kept[i].others || others);
		if (keep[i])
			caps.set[CAP_TO_INDEX(kept[i].cap)].inheritable |= CAP_TO_MASK(kept[i].cap);
	}
	if (syscall(SYS_capset, &cap_header, caps.set))
		die_errno("capset");
	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (keep[i] && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, kept[i].cap, 0, 0))
			die_errno("keeping capability %d", kept[i].cap);
}

/* Returns whether there are others than the caller. */
static bool map_user(struct idmap_helper *helper, uid_t uid, gid_t gid, bool root)
{
	bool had_ranges = helper->pid, users;
	char map[64];

	if (idmap_finish(helper, &users))
		return true;
	if (had_ranges)
		warn_user("newuidmap and newgidmap do not map the ids of /etc/subuid and /etc/subgid: in the new user namespace there is nobody but the caller");
	/* Without privilege outside, groups can only be given up. */
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", root ? 0 : uid, uid);
	if (!users)
		write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", root ? 0 : gid, gid);
	write_file("/proc/self/gid_map", map);
	return false;
}

static void bring_up_lo(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		die_errno("bringing up lo");
	close(fd);
}

__attribute__((noreturn))
static void die_unshare(int flags)
{
	switch (errno) {
	case EPERM:
	case EACCES:
		if (flags & CLONE_NEWUSER)
			die("no user namespace for you on this machine, and without one only root gets a clock (sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces)");
		break;
	case ENOSPC:
		die("no more namespaces for this user (sysctl user.max_time_namespaces, user.max_user_namespaces)");
	}
	die_errno("creating namespaces: unshare(0x%x)", flags);
}

enum user_mode ns_parse_user(const char *text)
{
	if (!text || !strcmp(text, "keep"))
		return USER_KEEP;
	if (!strcmp(text, "root"))
		return USER_ROOT;
	die("--user '%s': keep or root is expected", text);
}

void ns_enter(enum user_mode mode, enum net_mode net)
{
	ns_enter_after(mode, net, NULL, NULL);
}

void ns_enter_after(enum user_mode mode, enum net_mode net, void (*prepare)(void *arg), void *arg)
{
	bool user = mode != USER_AUTO || !is_privileged();
	int flags = CLONE_NEWTIME, fd;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	ino_t before = ns_inode(0, "time");
	struct idmap_helper helper;
	bool others = false;

	if (user) {
		idmap_start(&helper, uid, gid, mode == USER_ROOT);
		flags |= CLONE_NEWUSER;
	}
	if (net != NET_HOST)
		flags |= CLONE_NEWNET;
	if (unshare(flags))
		die_unshare(flags);
	if (user)
		others = map_user(&helper, uid, gid, mode == USER_ROOT);
	if (net == NET_NEW)
		bring_up_lo();

	if (prepare)
		prepare(arg);
	fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWTIME))
		die_errno("entering the new time namespace");
	close(fd);
	/* From here on the clock is written to: it must not be the machine's. */
	if (ns_inode(0, "time") == before)
		die("still in the time namespace %lu", (unsigned long)before);
	if (user && mode != USER_ROOT && uid)
		keep_caps(net, others);
}

void ns_keep_caps(void)
{
	/* Root has all of them anyway */
	if (geteuid())
		keep_caps(NET_HOST, false);
}
