// SPDX-License-Identifier: GPL-2.0
/*
 * A part of tk_ttravel: processes which are stopped, traced or frozen.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "lib/fail.h"
#include "lib/file.h"
#include "lib/process.h"
#include "tk_ttravel_stop.h"

static void put(const char *dir, const char *file, int val)
{
	char path[128], text[16];
	int ret;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	snprintf(text, sizeof(text), "%d", val);
	ret = tk_write_file(path, text);
	REQUIRE(!ret, "%s = %d: %s", path, val, strerror(-ret));
}

static bool is_frozen(const char *dir, int want)
{
	char path[128], text[256], line[16];

	snprintf(path, sizeof(path), "%s/cgroup.events", dir);
	snprintf(line, sizeof(line), "frozen %d", want);
	tk_slurp(path, text, sizeof(text));
	return strstr(text, line);
}

char task_state(pid_t pid)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	tk_slurp(path, text, sizeof(text));
	return strrchr(text, ')')[2];
}

bool hold(enum stop stop, pid_t pid, const char *cgroup)
{
	siginfo_t info = { 0 };
	char path[128], text[16];

	switch (stop) {
	case STOP_STOP:
		REQUIRE(!kill(pid, SIGSTOP), "SIGSTOP: %m");
		REQUIRE(!waitid(P_PID, pid, &info, WSTOPPED | WEXITED | WNOWAIT), "waitid: %m");
		return info.si_code == CLD_STOPPED;
	case STOP_TRACE:
		if (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0)) {
			/* What is a zombie cannot be traced; who else could not be? */
			REQUIRE(task_state(pid) == 'Z', "PTRACE_SEIZE: %m");
			return false;
		}
		REQUIRE(!waitid(P_PID, pid, &info, WSTOPPED | WEXITED | WNOWAIT), "waitid: %m");
		return info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED;
	case STOP_FREEZE:
		snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
		snprintf(text, sizeof(text), "%d", pid);
		if (tk_write_file(path, text)) {
			REQUIRE(task_state(pid) == 'Z', "%s = %s: %m", path, text);
			return false;
		}
		put(cgroup, "cgroup.freeze", 1);
		/* A cgroup without a task that could freeze is not called frozen */
		while (!is_frozen(cgroup, 1)) {
			if (task_state(pid) == 'Z') {
				put(cgroup, "cgroup.freeze", 0);
				return false;
			}
			tk_sleep(TK_MSEC);
		}
		break;
	}
	return true;
}

void let_go(enum stop stop, pid_t pid, const char *cgroup)
{
	switch (stop) {
	case STOP_STOP:
		REQUIRE(!kill(pid, SIGCONT), "SIGCONT: %m");
		break;
	case STOP_TRACE:
		REQUIRE(!ptrace(PTRACE_DETACH, pid, 0, 0), "PTRACE_DETACH: %m");
		break;
	case STOP_FREEZE:
		put(cgroup, "cgroup.freeze", 0);
		while (!is_frozen(cgroup, 0))
			tk_sleep(TK_MSEC);
		break;
	}
}
