// SPDX-License-Identifier: GPL-2.0
/*
 * Becoming somebody else.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fail.h"
#include "file.h"
#include "user.h"

void tk_become(unsigned int uid)
{
	/* The raw calls: glibc's would tell threads that are not there. */
#ifdef __x86_64__
	REQUIRE(!syscall(SYS_setresgid, uid, uid, uid), "setresgid: %m");
	REQUIRE(!syscall(SYS_setresuid, uid, uid, uid), "setresuid: %m");
#else
	REQUIRE(!syscall(SYS_setresgid32, uid, uid, uid), "setresgid: %m");
	REQUIRE(!syscall(SYS_setresuid32, uid, uid, uid), "setresuid: %m");
#endif
	/* Changing the user makes /proc/self root's until this says otherwise. */
	REQUIRE(!prctl(PR_SET_DUMPABLE, 1), "prctl: %m");
}

void tk_unshare_user(int flags)
{
	unsigned int uid = geteuid(), gid = getegid();
	char map[64];
	int ret;

	REQUIRE(!unshare(CLONE_NEWUSER | flags), "unshare: %m");
	ret = tk_write_file("/proc/self/setgroups", "deny");
	REQUIRE(!ret, "setgroups: %s", strerror(-ret));
	snprintf(map, sizeof(map), "0 %u 1", uid);
	ret = tk_write_file("/proc/self/uid_map", map);
	REQUIRE(!ret, "uid_map: %s", strerror(-ret));
	snprintf(map, sizeof(map), "0 %u 1", gid);
	ret = tk_write_file("/proc/self/gid_map", map);
	REQUIRE(!ret, "gid_map: %s", strerror(-ret));
}
