// SPDX-License-Identifier: GPL-2.0
/*
 * tkns oci-hook and oci-runtime: the clock of a container by its annotations. What they do
 * is in oci/oci, a script beside the program, since JSON is what jq is for.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tkns.h"

#ifndef TKNS_LIBEXEC
#define TKNS_LIBEXEC "/usr/local/libexec/tkns"
#endif

/* The script, and through it the program as it was called: also where it is not installed */
static int become_script(const char *what, int argc, char **argv)
{
	const char *dir = getenv("TKNS_LIBEXEC");
	char *script, self[4096], **args;
	ssize_t len;

	if (asprintf(&script, "%s/oci", dir ? dir : TKNS_LIBEXEC) < 0)
		die("out of memory");
	args = calloc(argc + 2, sizeof(*args));
	if (!args)
		die("out of memory");
	args[0] = script;
	args[1] = (char *)what;
	if (argc > 1)
		memcpy(args + 2, argv + 1, (argc - 1) * sizeof(*args));
	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len > 0) {
		self[len] = '\0';
		if (setenv("TKNS", self, 1))
			die("out of memory");
	}
	execv(script, args);
	die_errno("%s", script);
}

int cmd_oci_hook(int argc, char **argv)
{
	return become_script("hook", argc, argv);
}

int cmd_oci_runtime(int argc, char **argv)
{
	return become_script("runtime", argc, argv);
}
