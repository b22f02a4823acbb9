// SPDX-License-Identifier: GPL-2.0
/* The name of a container, machine or unit by the path of its control group. Prints TAP. */
#define _GNU_SOURCE
#include <string.h>

#include "../cgroup_name.h"
#include "tap.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define X16 "xxxxxxxxxxxxxxxx"

/* What is to be frozen where somebody says to pause the process */
static void whole(void)
{
	static const struct {
		const char *path, *whole;
	} cases[] = {
		{ "/machine.slice/libpod-" ID ".scope/container", "/machine.slice/libpod-" ID ".scope" },
		{ "/machine.slice/libpod-" ID ".scope/container/init.scope", "/machine.slice/libpod-" ID ".scope" },
		{ "/libpod_parent/libpod-" ID "/init.scope", "/libpod_parent/libpod-" ID },
		{ "/system.slice/docker-" ID ".scope", "/system.slice/docker-" ID ".scope" },
		{ "/machine.slice/machine-box.scope/payload/init.scope", "/machine.slice/machine-box.scope" },
		{ "/lxc.payload.c1/system.slice/chrony.service", "/lxc.payload.c1" },
		/* nspawn by a unit */
		{ "/machine.slice/systemd-nspawn@box.service/payload/init.scope", "/machine.slice/systemd-nspawn@box.service/payload" },
		{ "/box/init.scope", "/box" },
		{ "/system.slice/chrony.service", "/system.slice/chrony.service" },
		{ "/box/not-init.scope", "/box/not-init.scope" },
		{ "/init.scope/box", "/init.scope/box" },
		/* The machine's own, which cannot be frozen */
		{ "/init.scope", "" }, { "", "" },
	};
	size_t i;

	for (i = 0; i < N_OF(cases); i++) {
		size_t len = cgroup_whole(cases[i].path);
		char title[256];

		if (len != strlen(cases[i].whole) || strncmp(cases[i].path, cases[i].whole, len))
			tap_wrong("%.*s", (int)len, cases[i].path);
		snprintf(title, sizeof(title), "whole of case %zu", i);
		tap_end(title);
	}
}

int main(void)
{
	static const struct {
		const char *path, *manager, *name;
		bool is_id;
	} cases[] = {
		{ "/machine.slice/libpod-" ID ".scope/container\n", "podman", ID, true },
		{ "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope", "podman", ID, true },
		{ "/libpod_parent/libpod-" ID, "podman", ID, true },
		/* What is inside has units of its own */
		{ "/machine.slice/libpod-" ID ".scope/container/system.slice/chrony.service", "podman", ID, true },
		{ "/system.slice/docker-" ID ".scope", "docker", ID, true },
		{ "/machine.slice/machine-box.scope/payload", "machine", "box" },
		{ "/machine.slice/machine-web\\x2d1.scope/payload/init.scope", "machine", "web-1" },
		{ "/lxc.payload.c1/init.scope", "lxc", "c1" },
		{ "/system.slice/chrony.service", "unit", "chrony.service" },
		{ "/user.slice/user-0.slice/user@0.service/app.slice/x.service\n", "unit", "x.service" },
		/* podman's own process outside is in no container */
		{ "/machine.slice/libpod-conmon-" ID ".scope", NULL },
		{ "/machine.slice/libpod-0123.scope", NULL },
		{ "/machine.slice/libpod-" ID "0.scope", NULL },
		{ "/", NULL }, { "", NULL }, { "\n", NULL }, { "//", NULL },
		{ "/init.scope", NULL }, { "/user.slice/session-1.scope", NULL }, { "/.service", NULL },
		{ "/machine.slice/machine-.scope", NULL },
		/* Nothing that a terminal would obey */
		{ "/machine.slice/machine-a\\x1bb.scope", NULL }, { "/a\x1b.service", NULL },
		/* A backslash that begins nothing stays */
		{ "/a\\x2.service", "unit", "a\\x2.service" },
		/* Longer than there is room for */
		{ "/" X16 X16 X16 X16 X16 "xxxxxxx.service", "unit", X16 X16 X16 X16 X16 "xxxxxxx.service" },
		{ "/" X16 X16 X16 X16 X16 "xxxxxxxx.service", NULL },
	};
	size_t i;

	for (i = 0; i < N_OF(cases); i++) {
		struct cgroup_name name;
		bool found = cgroup_name_parse(cases[i].path, &name);
		char title[256];

		if (found && !cases[i].manager)
			tap_wrong("it is taken for %s '%s'", name.manager, name.name);
		else if (!found && cases[i].manager)
			tap_wrong("nothing is found");
		else if (found && (strcmp(name.manager, cases[i].manager) || strcmp(name.name, cases[i].name) ||
				   name.is_id != cases[i].is_id))
			tap_wrong("%s '%s', id: %d", name.manager, name.name, name.is_id);
		snprintf(title, sizeof(title), "case %zu", i);
		tap_end(title);
	}
	whole();
	return tap_done();
}
