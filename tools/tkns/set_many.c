// SPDX-License-Identifier: GPL-2.0
/*
 * tkns set of several namespaces
 *
 * Each clock has a child (child.h), which enters the namespace and checks all that can be known to fail. When all are ready they
 * are let go by one event, the end of a pipe that all of them read, and make the change.
 *
 *	tkns		child A				child B
 *	fork, fork	enter, check			enter, check
 *	both ready?	read the gate, wait		read the gate, wait
 *	close the gate	change the clock		change the clock
 *	read A, read B	answer with CLOCK_REALTIME	answer with CLOCK_REALTIME
 *
 * If one cannot get ready, the others are told to go home before the gate is closed: a closed gate alone, as when tkns is
 * killed, opens nothing.
 *
 * A clock is read between two readings of the host's CLOCK_MONOTONIC, several times, and the narrowest counts: a machine that is
 * busy makes what is said of their distance less exact, but not wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bracket.h"
#include "child.h"
#include "set_many.h"
#include "snapshot_output.h"
#include "tkns.h"

#define ROUNDS	16

/* What a child says */
struct answer {
	bool ok;
	int64_t realtime;
};

struct one {
	const char *name;
	pid_t pid;		/* which was asked for */
	int ns;			/* its time namespace, open */
	ino_t ino;
	struct child child;
	struct bracket at;
	struct snapshot snap;
};

static void reply(int fd)
{
	struct answer answer = { .ok = true, .realtime = clock_now(CLOCK_REALTIME) };

	if (!child_send(fd, &answer, sizeof(answer)))
		_exit(EXIT_FAILED);
}

__attribute__((noreturn))
static void child_main(struct clock_change *change, const struct one *one, const int *gate,
		       const volatile bool *open)
{
	int fd = one->child.fd;
	char nothing;

	close(gate[1]);
	enter_time_ns(one->ns, one->pid);
	clock_prepare(change);
	reply(fd);
	while (read(gate[0], &nothing, 1) < 0 && errno == EINTR)
		;
	if (!*open)
		_exit(EXIT_FAILED);
	clock_apply(change);
	reply(fd);
	/* Asked again and again for the time, until nobody is there any more */
	while (child_receive(fd, &nothing, 1, NULL))
		reply(fd);
	_exit(0);
}

/* What it has to say it has said. */
static void expect(struct one *one, const char *what)
{
	struct answer answer;

	if (!child_receive(one->child.fd, &answer, sizeof(answer), NULL) || !answer.ok)
		die("'%s': %s", one->name, what);
}

static void read_clock(struct one *one)
{
	struct clock_file *file = &one->snap.file;
	struct answer answer;
	unsigned int i;

	one->at.err = INT64_MAX;
	for (i = 0; i < ROUNDS; i++) {
		int64_t before = clock_now(CLOCK_MONOTONIC), after;
		char ask = 'r';

		if (!child_send(one->child.fd, &ask, 1) ||
		    !child_receive(one->child.fd, &answer, sizeof(answer), NULL))
			die("'%s': its clock cannot be read any more", one->name);
		after = clock_now(CLOCK_MONOTONIC);
		if ((after - before + 1) / 2 >= one->at.err)
			continue;
		one->at.err = (after - before + 1) / 2;
		one->at.host = before + (after - before) / 2;
		one->at.realtime = answer.realtime;
	}
	one->at.rate = file->has_rate ? file->rate : (struct spec_rate) { 1, 1 };
	if (file->stopped)
		one->at.rate.num = 0;
}

static void look(struct one *one)
{
	int ret = clock_snapshot(one->pid, false, &one->snap);

	if (ret) {
		errno = -ret;
		die_errno("looking at the result of '%s'", one->name);
	}
}

static void print_json(const struct one *all, size_t nr, int64_t batch, int64_t apart, int64_t err)
{
	struct json j;
	size_t i;

	json_start(&j, stdout);
	json_open(&j, NULL, '{');
	json_int(&j, "batch_ns", batch);
	json_int(&j, "apart_ns", apart);
	json_int(&j, "known_to_ns", err);
	json_open(&j, "clocks", '[');
	for (i = 0; i < nr; i++) {
		json_open(&j, NULL, '{');
		json_string(&j, "name", all[i].name);
		snapshot_json(&all[i].snap, &j);
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_close(&j, '}');
	json_end(&j);
}

/* The namespaces, each once: the containers of a pod share one. Returns how many. */
static size_t find(char **pids, size_t nr, struct one *all)
{
	size_t i, k, n = 0;

	for (i = 0; i < nr; i++) {
		pid_t pid = parse_pid(pids[i]);
		ino_t ino;
		int ns = open_time_ns(pid, &ino);

		for (k = 0; k < n && all[k].ino != ino; k++)
			;
		if (k == n)
			all[n++] = (struct one) { .name = pids[i], .pid = pid, .ns = ns, .ino = ino };
		else
			close(ns);
	}
	return n;
}

int set_many(struct clock_change *change, char **pids, size_t nr, bool json)
{
	struct one *all = calloc(nr, sizeof(*all));
	struct bracket *brackets = calloc(nr, sizeof(*brackets));
	int64_t before, batch, apart, err;
	char took[SPEC_TEXT], text[SPEC_TEXT], known[SPEC_TEXT];
	volatile bool *open;
	int gate[2];
	size_t i;

	open = mmap(NULL, sizeof(*open), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!all || !brackets || open == MAP_FAILED)
		die("out of memory");
	nr = find(pids, nr, all);
	if (pipe2(gate, O_CLOEXEC))
		die_errno("pipe");
	for (i = 0; i < nr; i++)
		if (child_start(&all[i].child, i ? &all[i - 1].child : NULL))
			child_main(change, &all[i], gate, open);
	/* What is wrong the child has said. */
	for (i = 0; i < nr; i++)
		expect(&all[i], "cannot be set, so none was");
	before = clock_now(CLOCK_MONOTONIC);
	*open = true;
	close(gate[1]);
	for (i = 0; i < nr; i++)
		expect(&all[i], "was not set, others were");
	batch = clock_now(CLOCK_MONOTONIC) - before;
	for (i = 0; i < nr; i++)
		look(&all[i]);
	for (i = 0; i < nr; i++) {
		read_clock(&all[i]);
		brackets[i] = all[i].at;
	}
	apart = bracket_apart(brackets, nr, &err);
	if (json) {
		print_json(all, nr, batch, apart, err);
	} else {
		/* A duration has a sign first. */
		printf("%zu clocks, set within %s of the machine, are %s apart (known to %s)\n", nr,
		       spec_format_duration(took, batch) + 1, spec_format_duration(text, apart) + 1,
		       spec_format_duration(known, err) + 1);
	}
	close_stdout();
	for (i = 0; i < nr; i++)
		child_end(&all[i].child);
	free(brackets);
	free(all);
	return 0;
}
