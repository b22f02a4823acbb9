// SPDX-License-Identifier: GPL-2.0
/* Names in the paths of control groups; see cgroup_name.h. */
#define _GNU_SOURCE
#include <ctype.h>
#include <string.h>

#include "cgroup_name.h"

/* podman and docker put all of the id there */
#define ID_LENGTH 64

/* How a directory of the path is called by who keeps containers, machines or units */
static const struct {
	const char *manager;
	const char *prefix;
	const char *suffix;
	bool is_id;
} forms[] = {
	{ "podman", "libpod-", ".scope", true },
	{ "podman", "libpod-", "", true },		/* without systemd */
	{ "docker", "docker-", ".scope", true },
	{ "machine", "machine-", ".scope", false },
	{ "lxc", "lxc.payload.", "", false },
};

/* What systemd writes as \xHH in the name of a unit, "-" for instance. It becomes shorter. */
static bool unescape(char *text)
{
	char *to = text;

	while (*text) {
		if (text[0] == '\\' && text[1] == 'x' && isxdigit((unsigned char)text[2]) &&
		    isxdigit((unsigned char)text[3])) {
			static const char digits[] = "0123456789abcdef";
			int high = strchr(digits, tolower((unsigned char)text[2])) - digits;
			int low = strchr(digits, tolower((unsigned char)text[3])) - digits;

			/* No name has a control character, and this goes to a terminal */
			if (!isprint(16 * high + low))
				return false;
			*to++ = 16 * high + low;
			text += 4;
		} else {
			if (!isprint((unsigned char)*text))
				return false;
			*to++ = *text++;
		}
	}
	*to = '\0';
	return true;
}

static bool is_id(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!isdigit((unsigned char)text[i]) && !(text[i] >= 'a' && text[i] <= 'f'))
			return false;
	return len == ID_LENGTH;
}

static bool put(struct cgroup_name *name, const char *manager, const char *text, size_t len,
		bool id)
{
	if (!len || len >= sizeof(name->name))
		return false;
	memcpy(name->name, text, len);
	name->name[len] = '\0';
	name->manager = manager;
	name->is_id = id;
	return unescape(name->name);
}

static bool ends_with(const char *text, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);

	return len > n && !memcmp(text + len - n, suffix, n);
}

static bool container(const char *dir, size_t len, struct cgroup_name *name)
{
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t prefix = strlen(forms[i].prefix), suffix = strlen(forms[i].suffix);

		if (len <= prefix + suffix || strncmp(dir, forms[i].prefix, prefix) ||
		    (suffix && !ends_with(dir, len, forms[i].suffix)))
			continue;
		/* libpod-conmon-ID.scope is podman's own process outside */
		if (forms[i].is_id && !is_id(dir + prefix, len - prefix - suffix))
			continue;
		return put(name, forms[i].manager, dir + prefix, len - prefix - suffix,
			   forms[i].is_id);
	}
	return false;
}

size_t cgroup_whole(const char *path)
{
	static const char init[] = "/init.scope";
	struct cgroup_name name;
	const char *dir;
	size_t len;

	for (dir = path; *dir; dir += len) {
		dir += strspn(dir, "/");
		len = strcspn(dir, "/");
		if (container(dir, len, &name))
			return dir + len - path;
	}
	len = dir - path;
	return ends_with(path, len, init) || !strcmp(path, init) ? len - strlen(init) : len;
}

bool cgroup_name_parse(const char *path, struct cgroup_name *name)
{
	const char *dir, *unit = NULL;
	size_t len, unit_len = 0;

	for (dir = path; *dir; dir += len) {
		dir += strspn(dir, "/");
		len = strcspn(dir, "/\n");
		if (!len)
			break;
		if (container(dir, len, name))
			return true;
		/* The innermost: user@1000.service has units of its own in it */
		if (ends_with(dir, len, ".service")) {
			unit = dir;
			unit_len = len;
		}
		if (dir[len] == '\n')
			break;
	}
	return unit && put(name, "unit", unit, unit_len, false);
}
