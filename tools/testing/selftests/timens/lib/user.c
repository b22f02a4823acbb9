// SPDX-License-Identifier: GPL-2.0
/*
 * Becoming somebody else.
 */
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fail.h"
#include "file.h"
#include "process.h"
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

int tk_run_in_user_time_ns(int (*fn)(void *arg), void *arg)
{
	tk_unshare_user(CLONE_NEWTIME);
	return tk_run(fn, arg);
}

void tk_drop_cap(int cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	REQUIRE(!syscall(SYS_capget, &head, data), "capget: %m");
	data[cap / 32].effective &= ~(1u << (cap % 32));
	data[cap / 32].permitted &= ~(1u << (cap % 32));
	data[cap / 32].inheritable &= ~(1u << (cap % 32));
	REQUIRE(!syscall(SYS_capset, &head, data), "capset: %m");
}

static int hold(void *arg)
{
	struct tk_holder *h = arg;
	char c = 'r';

	REQUIRE(write(h->ready[1], &c, 1) == 1, "pipe: %m");
	REQUIRE(read(h->done[0], &c, 1) == 1, "pipe: %m");
	return 0;
}

static int as_user_hold(void *arg)
{
	struct tk_holder *h = arg;

	tk_become(h->uid);
	return tk_run_in_user_time_ns(hold, arg);
}

/* In between there is a process whose time_for_children is that namespace */
void tk_holder_start(struct tk_holder *h, unsigned int uid)
{
	char c;

	h->uid = uid;
	REQUIRE(!pipe(h->ready) && !pipe(h->done), "pipe: %m");
	h->pid = tk_spawn(as_user_hold, h);
	REQUIRE(read(h->ready[0], &c, 1) == 1, "pipe: %m");
}

void tk_holder_stop(struct tk_holder *h)
{
	REQUIRE(write(h->done[1], "q", 1) == 1, "pipe: %m");
	CHECK(!tk_reap(h->pid), "the holder failed");
}
