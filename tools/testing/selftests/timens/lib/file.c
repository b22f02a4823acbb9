// SPDX-License-Identifier: GPL-2.0
/*
 * Reading and writing the files of the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "fail.h"
#include "file.h"

s64 tk_read_s64(const char *path)
{
	char text[64], *end;
	ssize_t len;
	long long val;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	REQUIRE(fd >= 0, "%s: %m", path);
	len = read(fd, text, sizeof(text) - 1);
	REQUIRE(len > 0, "%s: %m", path);
	close(fd);
	text[len] = '\0';
	errno = 0;
	val = strtoll(text, &end, 10);
	REQUIRE(!errno && end != text && (*end == '\0' || *end == '\n'), "%s: '%s' is no number",
		path, text);
	return val;
}

int tk_write_file(const char *path, const char *text)
{
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;
	ssize_t put;

	if (fd < 0)
		return -errno;
	put = write(fd, text, len);
	if (put < 0)
		ret = -errno;
	else if ((size_t)put != len)
		ret = -EIO;
	close(fd);
	return ret;
}

ssize_t tk_try_slurp(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = 0, got = 0;

	if (fd < 0)
		return -1;
	while (len < (ssize_t)size - 1) {
		got = read(fd, text + len, size - 1 - len);
		if (got <= 0)
			break;
		len += got;
	}
	close(fd);
	text[len] = '\0';
	return got < 0 ? -1 : len;
}

size_t tk_slurp(const char *path, char *text, size_t size)
{
	ssize_t len = tk_try_slurp(path, text, size);

	REQUIRE(len >= 0, "%s: %m", path);
	return len;
}

bool tk_has_word(const char *path, const char *want)
{
	char text[256], *word, *save = NULL;

	if (access(path, R_OK))
		return false;
	tk_slurp(path, text, sizeof(text));
	for (word = strtok_r(text, " []\n", &save); word; word = strtok_r(NULL, " []\n", &save))
		if (!strcmp(word, want))
			return true;
	return false;
}

s64 tk_start_time(pid_t pid)
{
	char path[64], text[2048], *p;
	unsigned long long start = 0;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	tk_slurp(path, text, sizeof(text));
	p = strrchr(text, ')');
	REQUIRE(p, "%s: '%s'", path, text);
	/* Behind the name, the next field is the third. */
	for (i = 2; i < 22; i++) {
		p = strchr(p + 1, ' ');
		REQUIRE(p, "%s: '%s'", path, text);
	}
	REQUIRE(sscanf(p, " %llu", &start) == 1, "%s: '%s'", path, text);
	CHECK(start <= INT64_MAX, "%s: start time %llu", path, start);
	return start;
}

void tk_need_debugfs(void)
{
	if (!access("/sys/kernel/debug/timekeeper_ns", F_OK))
		return;
	if (mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL))
		REQUIRE(errno == EBUSY, "mounting debugfs: %m");
	REQUIRE(!access("/sys/kernel/debug/timekeeper_ns", F_OK), "%s: %m", TK_DEBUGFS);
}

s64 tk_stat(const char *key)
{
	char text[4096], *line, *save = NULL;

	tk_slurp(TK_DEBUGFS "stats", text, sizeof(text));
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char name[64];
		long long val;

		if (sscanf(line, "%63s %lld", name, &val) == 2 && !strcmp(name, key))
			return val;
	}
	REQUIRE(false, "no '%s' in " TK_DEBUGFS "stats", key);
	return 0;
}
