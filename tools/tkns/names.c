// SPDX-License-Identifier: GPL-2.0
/*
 * The process of a container, machine or unit by its name
 *
 * Whoever runs it is asked with its own program, as a user would: no socket is spoken to
 * and no state of theirs is read. What is not installed is not asked. A name which more than one
 * of them knows has to be said with the one that is meant: "podman:web".
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "cgroup_name.h"
#include "names.h"
#include "tkns.h"

#define MAX_ARGS 12

/* More of a log is not looked at: who writes a mebibyte in a few seconds has noticed */
#define LOG_MAX	1048576

/* The words in front of a command whose standard error counts as output */
#define ALL_OUTPUT "sh", "-c", "exec \"$0\" \"$@\" 2>&1"

/* Prints the process id of NAME and nothing else; 0, or a failure, for a name it does not know */
static const struct manager {
	const char *name;
	const char *what;		/* it keeps */
	const char *argv[MAX_ARGS];	/* "@" stands for the name */
	const char *name_of[MAX_ARGS];	/* "@" stands for the id */
	const char *restarts[MAX_ARGS];	/* how often it was started again by whoever runs it */
	/* What it wrote from "<" to ">", both seconds since 1970 of the host behind this */
	const char *moment;
	const char *log[MAX_ARGS];
} managers[] = {
	{ "podman", "container",
	  { "podman", "inspect", "--type=container", "--format={{.State.Pid}}", "--", "@" },
	  { "podman", "inspect", "--type=container", "--format={{.Name}}", "--", "@" },
	  { "podman", "inspect", "--type=container", "--format={{.RestartCount}}", "--", "@" },
	  "", { ALL_OUTPUT, "podman", "logs", "--since", "<", "--until", ">", "--", "@" } },
	{ "docker", "container",
	  { "docker", "inspect", "--type=container", "--format={{.State.Pid}}", "--", "@" },
	  { "docker", "inspect", "--type=container", "--format={{.Name}}", "--", "@" },
	  { "docker", "inspect", "--type=container", "--format={{.RestartCount}}", "--", "@" },
	  "", { ALL_OUTPUT, "docker", "logs", "--since", "<", "--until", ">", "--", "@" } },
	{ "machine", "machine",
	  { "machinectl", "show", "--property=Leader", "--value", "--", "@" } },
	{ "lxc", "container", { "lxc-info", "--pid", "--no-humanize", "--name", "@" } },
	{ "unit", "unit", { "systemctl", "show", "--property=MainPID", "--value", "--", "@" },
	  .restarts = { "systemctl", "show", "--property=NRestarts", "--value", "--", "@" },
	  .moment = "@",
	  .log = { "journalctl", "--quiet", "--no-pager", "--output=cat", "--since", "<", "--until", ">", "--unit", "@" } },
};

#define N_MANAGERS (sizeof(managers) / sizeof(managers[0]))

/* The first line that the command prints with this in place of the "@" */
static bool first_line(const char *const *words, const char *word, char *text, size_t size)
{
	const char *argv[MAX_ARGS + 1] = { NULL };
	size_t i;

	for (i = 0; i < MAX_ARGS && words[i]; i++)
		argv[i] = strcmp(words[i], "@") ? words[i] : word;
	if (!output_of(argv, text, size))
		return false;
	text[strcspn(text, "\n")] = '\0';
	return true;
}

/* Returns its process, 0 if it is not known there or does not run */
static int ask(const struct manager *m, const char *name)
{
	struct spec_error error;
	char text[64];
	int64_t pid;

	if (!first_line(m->argv, name, text, sizeof(text)))
		return 0;
	return spec_parse_number(text, 1, TKNS_PID_MAX, &pid, &error) ? pid : 0;
}

int pid_of_name(const char *text)
{
	struct named named;

	find_name(text, &named);
	return named.pid;
}

void find_name(const char *text, struct named *named)
{
	const struct manager *found = NULL;
	const char *name = strchr(text, ':');
	size_t i, len = name ? (size_t)(name - text) : 0;
	int pid = 0, got;

	for (i = 0; name && i < N_MANAGERS; i++) {
		if (strlen(managers[i].name) != len || strncmp(managers[i].name, text, len))
			continue;
		if (!name[1])
			die("'%s' has no name behind the colon", text);
		pid = ask(&managers[i], name + 1);
		if (!pid)
			die("%s has no running %s '%s'", managers[i].argv[0], managers[i].what,
			    name + 1);
		*named = (struct named) { &managers[i], name + 1, pid };
		return;
	}
	/* A name which begins with '-' is none of anybody, but might be an option */
	if (!*text || *text == '-')
		die("'%s' is neither a process id nor a name", text);
	for (i = 0; i < N_MANAGERS; i++) {
		got = ask(&managers[i], text);
		if (got && found && got != pid)
			die("'%s' is process %d to %s and process %d to %s: say %s:%s or %s:%s", text,
			    pid, found->argv[0], got, managers[i].argv[0], found->name, text,
			    managers[i].name, text);
		if (got && !found) {
			found = &managers[i];
			pid = got;
		}
	}
	if (!found)
		die("'%s' is neither a process id nor the name of a running container, machine or unit",
		    text);
	*named = (struct named) { found, text, pid };
}

bool named_restarts(const struct named *named, int64_t *restarts)
{
	struct spec_error error;
	char text[64];

	return named->manager->restarts[0] &&
	       first_line(named->manager->restarts, named->name, text, sizeof(text)) &&
	       spec_parse_number(text, 0, INT32_MAX, restarts, &error);
}

bool named_log_lines(const struct named *named, int64_t from, int64_t to, int64_t *lines)
{
	const struct manager *m = named->manager;
	const char *argv[MAX_ARGS + 1] = { NULL };
	char since[32], until[32], *text, *at;
	bool known;
	size_t i;

	if (!m->log[0])
		return false;
	snprintf(since, sizeof(since), "%s%" PRId64, m->moment, from);
	snprintf(until, sizeof(until), "%s%" PRId64, m->moment, to);
	for (i = 0; i < MAX_ARGS && m->log[i]; i++)
		argv[i] = !strcmp(m->log[i], "@") ? named->name :
			  !strcmp(m->log[i], "<") ? since :
			  !strcmp(m->log[i], ">") ? until : m->log[i];
	text = malloc(LOG_MAX);
	if (!text)
		die("out of memory");
	known = output_of(argv, text, LOG_MAX);
	*lines = 0;
	for (at = text; known && (at = strchr(at, '\n')); at++)
		++*lines;
	free(text);
	return known;
}

/* As many digits of an id as podman and docker show themselves, and take */
#define SHORT_ID 12

bool name_of_pid(int pid, char *text, size_t size)
{
	char path[64], line[4096], known[CGROUP_NAME_SIZE];
	struct cgroup_name name;
	bool found = false;
	size_t i;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = !strncmp(line, "0::", 3) && cgroup_name_parse(line + 3, &name);
	fclose(file);
	if (!found)
		return false;
	for (i = 0; name.is_id && i < N_MANAGERS; i++) {
		const char *said = known;

		if (strcmp(managers[i].name, name.manager))
			continue;
		if (first_line(managers[i].name_of, name.name, known, sizeof(known))) {
			/* docker's are paths */
			said += *said == '/';
			snprintf(text, size, "%s:%s", name.manager, said);
			return *said;
		}
		name.name[SHORT_ID] = '\0';
		break;
	}
	snprintf(text, size, "%s:%s", name.manager, name.name);
	return true;
}

bool find_process(int pid, char *text, size_t size, struct named *named)
{
	size_t i, len;

	if (!name_of_pid(pid, text, size))
		return false;
	len = strcspn(text, ":");
	for (i = 0; i < N_MANAGERS; i++) {
		if (strlen(managers[i].name) != len || strncmp(managers[i].name, text, len))
			continue;
		*named = (struct named) { &managers[i], text + len + 1, pid };
		return ask(&managers[i], named->name) == pid;
	}
	return false;
}
