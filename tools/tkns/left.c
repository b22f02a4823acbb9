// SPDX-License-Identifier: GPL-2.0
/*
 * Ending what is left in a time namespace; see left.h.
 *
 * A process is held by an open file of its directory in /proc. That stands for
 * this process and for none that gets its number later, pidfd_send_signal()
 * takes it, and it does not matter of which pid namespace the numbers in this
 * /proc are. What has become a zombie is in no namespace any more.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "left.h"
#include "tkns.h"

/* Less than the files that a process may have open; others have to wait for their turn. */
#define HELD_MAX	512

#define LINK_SIZE	64

/* Those which were told to end. */
static struct held {
	long number;		/* as in /proc */
	int dir;
	bool killed;
	char comm[COMM_MAX];
} held[HELD_MAX];
static unsigned int n_held;

/* Returns false with errno. */
static bool read_link(int dir, const char *name, char target[LINK_SIZE])
{
	ssize_t len = readlinkat(dir, name, target, LINK_SIZE - 1);

	if (len < 0)
		return false;
	target[len] = '\0';
	return true;
}

static bool read_small_file(int dir, const char *name, char *text, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, text, size - 1);
	close(fd);
	if (len < 0)
		return false;
	text[len] = '\0';
	return true;
}

/* "123 (name) S 1 ...": the name may contain anything. */
static bool is_child_of(int dir, long parent)
{
	char text[512], *at;
	long number;

	if (!read_small_file(dir, "stat", text, sizeof(text)))
		return false;
	at = strrchr(text, ')');
	return at && sscanf(at + 1, " %*c %ld", &number) == 1 && number == parent;
}

static void read_name(int dir, char comm[COMM_MAX])
{
	size_t i;

	if (!read_small_file(dir, "comm", comm, COMM_MAX))
		strcpy(comm, "?");
	comm[strcspn(comm, "\n")] = '\0';
	for (i = 0; comm[i]; i++)
		if (comm[i] < ' ' || comm[i] > '~')
			comm[i] = '?';
}

/* One that may not be looked at any more is still there. */
static bool is_gone(int dir)
{
	char target[LINK_SIZE];

	return !read_link(dir, "ns/time", target) && errno != EACCES && errno != EPERM;
}

static bool belongs(int dir, const char *ns, long self)
{
	char target[LINK_SIZE];

	if (!read_link(dir, "ns/time", target))
		return false;
	if (!strcmp(target, ns) || is_child_of(dir, self))
		return true;
	return read_link(dir, "ns/time_for_children", target) && !strcmp(target, ns);
}

static void release(unsigned int i)
{
	close(held[i].dir);
	held[i] = held[--n_held];
}

static bool send_signal(const struct held *h, int sig)
{
	return !syscall(SYS_pidfd_send_signal, h->dir, sig, NULL, 0) || errno == ESRCH;
}

static void name_the_ended(void)
{
	unsigned int i = 0;

	while (i < n_held) {
		if (!is_gone(held[i].dir)) {
			i++;
			continue;
		}
		warn_user("ended %ld %s%s", held[i].number, held[i].comm,
			  held[i].killed ? " by SIGKILL" : "");
		release(i);
	}
}

static void kill_the_held(void)
{
	unsigned int i;

	for (i = 0; i < n_held; i++) {
		held[i].killed = true;
		send_signal(&held[i], SIGKILL);
	}
}

/* Takes the file over, or closes it. */
static void hold(long number, int dir, enum left_action action)
{
	struct held *h = &held[n_held];

	if (action == LEFT_LOOK || n_held == HELD_MAX) {
		close(dir);
		return;
	}
	*h = (struct held) { .number = number, .dir = dir, .killed = action == LEFT_KILL };
	read_name(dir, h->comm);
	if (!send_signal(h, h->killed ? SIGKILL : SIGTERM))
		warn_user("ending %ld %s: %s", number, h->comm, strerror(errno));
	n_held++;
}

static bool is_held(long number)
{
	unsigned int i;

	for (i = 0; i < n_held; i++)
		if (held[i].number == number)
			return true;
	return false;
}

unsigned int left_in_namespace(enum left_action action)
{
	char ns[LINK_SIZE], self_text[LINK_SIZE];
	unsigned int count = 0;
	struct dirent *entry;
	long self;
	DIR *proc;

	name_the_ended();
	if (action == LEFT_KILL)
		kill_the_held();

	proc = opendir("/proc");
	if (!proc || !read_link(AT_FDCWD, "/proc/self/ns/time", ns) ||
	    !read_link(AT_FDCWD, "/proc/self", self_text))
		die_errno("/proc");
	self = strtol(self_text, NULL, 10);
	while ((entry = readdir(proc))) {
		char *end;
		long number = strtol(entry->d_name, &end, 10);
		int dir;

		if (*end || number <= 0 || number == self)
			continue;
		/* While it is held there can be another one of this number, whose turn comes. */
		if (is_held(number)) {
			count++;
			continue;
		}
		dir = openat(dirfd(proc), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			continue;
		if (!belongs(dir, ns, self)) {
			close(dir);
			continue;
		}
		count++;
		hold(number, dir, action);
	}
	closedir(proc);
	return count > n_held ? count : n_held;
}
