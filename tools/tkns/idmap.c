// SPDX-License-Identifier: GPL-2.0
/*
 * The ids of a new user namespace; see idmap.h
 *
 * A process without privilege may map one id into its new user namespace: its own. For more,
 * newuidmap and newgidmap, which are set-user-ID root, look up what the caller has. They have to run
 * in the user namespace outside: inside, set-user-ID root means nothing, as root has no number
 * there. So
 *
 *	caller					helper
 *	fork()
 *	unshare(CLONE_NEWUSER)			waits for a byte
 *	writes the byte				newuidmap CALLER ..., newgidmap CALLER ...
 *	waits for the helper			ends, and says which of them succeeded
 *
 * A caller that dies before unshare() closes the pipe, and the helper ends without having done
 * anything.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "child.h"
#include "idmap.h"
#include "subid.h"
#include "tkns.h"

/* newuidmap PID and three words for each extent */
#define MAP_WORDS	(2 + 3 * (SUBID_RANGES + 1) + 1)

/* Exit status of the helper */
#define NO_USERS	1
#define NO_GROUPS	2

/* getsubids finds the ranges of a name, whether they are listed by name or by number */
static bool ranges_of(const char *user, bool groups, struct subid_set *set)
{
	const char *argv[] = { "getsubids", groups ? "-g" : user, groups ? user : NULL, NULL };
	char text[4096];

	return output_of(argv, text, sizeof(text)) && subid_parse(text, set) && set->n;
}

static bool call_mapper(const char *program, pid_t pid, const struct subid_extent *map, size_t n)
{
	char words[MAP_WORDS][12], none[64];
	const char *argv[MAP_WORDS + 1];
	size_t i, argc = 0;

	argv[argc++] = program;
	snprintf(words[argc], sizeof(words[0]), "%d", pid);
	argv[argc] = words[argc];
	argc++;
	for (i = 0; i < n; i++) {
		const uint32_t three[] = { map[i].inside, map[i].outside, map[i].count };
		size_t j;

		for (j = 0; j < 3; j++, argc++) {
			snprintf(words[argc], sizeof(words[0]), "%u", three[j]);
			argv[argc] = words[argc];
		}
	}
	argv[argc] = NULL;
	return output_of(argv, none, sizeof(none));
}

__attribute__((noreturn))
static void help(int wait_fd, pid_t caller, const struct subid_set *users, uid_t uid,
		 const struct subid_set *groups, gid_t gid, bool root)
{
	struct subid_extent map[SUBID_RANGES + 1];
	ssize_t got;
	char byte;

	do
		got = read(wait_fd, &byte, 1);
	while (got < 0 && errno == EINTR);
	if (got != 1)
		_exit(NO_USERS | NO_GROUPS);
	if (!call_mapper("newuidmap", caller, map, subid_map(users, uid, root, map)))
		_exit(NO_USERS | NO_GROUPS);
	if (!call_mapper("newgidmap", caller, map, subid_map(groups, gid, root, map)))
		_exit(NO_GROUPS);
	_exit(0);
}

void idmap_start(struct idmap_helper *helper, uid_t uid, gid_t gid, bool root)
{
	struct passwd *user = getpwuid(uid);
	struct subid_set users, groups;
	pid_t caller = getpid();
	int fds[2];

	*helper = (struct idmap_helper) { .go = -1 };
	if (!user || !ranges_of(user->pw_name, false, &users) ||
	    !ranges_of(user->pw_name, true, &groups))
		return;
	if (pipe2(fds, O_CLOEXEC))
		die_errno("pipe");
	helper->pid = fork();
	if (helper->pid < 0)
		die_errno("fork");
	if (!helper->pid) {
		close(fds[1]);
		help(fds[0], caller, &users, uid, &groups, gid, root);
	}
	close(fds[0]);
	helper->go = fds[1];
}

bool idmap_finish(struct idmap_helper *helper, bool *users)
{
	int status;

	*users = false;
	if (!helper->pid)
		return false;
	if (write(helper->go, "", 1) != 1)
		die_errno("asking for the map of users");
	close(helper->go);
	status = child_wait(helper->pid);
	helper->pid = 0;
	if (!WIFEXITED(status))
		return false;
	*users = !(WEXITSTATUS(status) & NO_USERS);
	return !WEXITSTATUS(status);
}
