// SPDX-License-Identifier: GPL-2.0
/* See guest.h. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"
#include "parse.h"

void tk_require_guest(void)
{
	char cmdline[4096] = "";
	FILE *file = fopen("/proc/cmdline", "re");

	if (!file)
		err(TK_EXIT_FAILURE, "/proc/cmdline");
	if (!fgets(cmdline, sizeof(cmdline), file))
		errx(TK_EXIT_FAILURE, "/proc/cmdline is empty");
	fclose(file);
	if (!strstr(cmdline, "tkt.suite="))
		errx(TK_EXIT_FAILURE, "this is not a guest of the boot harness");
}

bool tk_has_clocks(void)
{
	return !access(TK_CLOCK_FILE, F_OK);
}

void tk_require_kernel(void)
{
	if (!tk_has_clocks())
		err(TK_EXIT_FAILURE, TK_CLOCK_FILE ": not a kernel of this project");
}

bool tk_exact(void)
{
	const char *exact = getenv("TKT_EXACT");

	return exact && !strcmp(exact, "1");
}

int tk_slow(void)
{
	const char *slow = getenv("TKT_SLOW");

	return slow ? (int)tk_parse_number("TKT_SLOW", slow, 1, 1000000) : 1;
}

volatile uint64_t *tk_shared_counter(void)
{
	uint64_t *counter = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (counter == MAP_FAILED)
		err(TK_EXIT_FAILURE, "mmap");
	return counter;
}

void tk_write_file(const char *path, const char *text)
{
	size_t len = strlen(text);
	ssize_t done;
	int fd;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		err(TK_EXIT_FAILURE, "%s", path);
	done = write(fd, text, len);
	if (done < 0)
		err(TK_EXIT_FAILURE, "writing '%s' to %s", text, path);
	if ((size_t)done != len)
		errx(TK_EXIT_FAILURE, "%s took %zd of the %zu bytes of '%s'", path, done, len,
		     text);
	if (close(fd))
		err(TK_EXIT_FAILURE, "closing %s", path);
}

bool tk_file_word(const char *path, const char *key, char *word, size_t size)
{
	char line[256], name[64], value[64];
	bool found = false;
	FILE *file;

	file = fopen(path, "re");
	if (!file)
		err(TK_EXIT_FAILURE, "%s", path);
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%63s %63s", name, value) == 2 && !strcmp(name, key);
	if (ferror(file))
		err(TK_EXIT_FAILURE, "reading %s", path);
	fclose(file);
	if (found)
		snprintf(word, size, "%s", value);
	return found;
}

bool tk_file_number(const char *path, const char *key, long long *value)
{
	char word[64], what[128];

	if (!tk_file_word(path, key, word, sizeof(word)))
		return false;
	snprintf(what, sizeof(what), "%s, %s", path, key);
	*value = tk_parse_number(what, word, INT64_MIN, INT64_MAX);
	return true;
}

long long tk_require_number(const char *path, const char *key)
{
	long long value;

	if (!tk_file_number(path, key, &value))
		errx(TK_EXIT_FAILURE, "%s has no line '%s'", path, key);
	return value;
}

void tk_map_root(unsigned int uid, unsigned int gid)
{
	char map[64];

	tk_write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	tk_write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	tk_write_file("/proc/self/gid_map", map);
}

void tk_become_container_root(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (!uid)
		return;
	if (unshare(CLONE_NEWUSER))
		err(TK_EXIT_FAILURE, "unshare(CLONE_NEWUSER)");
	tk_map_root(uid, gid);
}

int tk_enter_new_time_ns(const char *monotonic_offset)
{
	char line[96];
	int fd;

	if (unshare(CLONE_NEWTIME))
		err(TK_EXIT_FAILURE, "unshare(CLONE_NEWTIME)");
	if (monotonic_offset) {
		snprintf(line, sizeof(line), "monotonic %s 0\nboottime %s 0\n",
			 monotonic_offset, monotonic_offset);
		tk_write_file("/proc/self/timens_offsets", line);
	}
	fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(TK_EXIT_FAILURE, "/proc/self/ns/time_for_children");
	if (setns(fd, CLONE_NEWTIME))
		err(TK_EXIT_FAILURE, "entering the new time namespace");
	return fd;
}

int tk_open_time_ns(void)
{
	int fd = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(TK_EXIT_FAILURE, "/proc/self/ns/time");
	return fd;
}

void tk_enter(int fd)
{
	if (setns(fd, CLONE_NEWTIME))
		err(TK_EXIT_FAILURE, "setns to the time namespace of descriptor %d", fd);
}
