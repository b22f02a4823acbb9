// SPDX-License-Identifier: GPL-2.0
/*
 * The audit log, by netlink.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fail.h"
#include "lib/sys.h"
#include "tk_policy_audit.h"

#ifndef AUDIT_NLGRP_READLOG
#define AUDIT_NLGRP_READLOG 1
#endif

struct request {
	struct nlmsghdr head;
	union {
		struct audit_status status;
		struct audit_rule_data rule;
	};
};

static int open_socket(unsigned int groups)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);

	if (fd < 0)
		return -errno;
	REQUIRE(!bind(fd, (struct sockaddr *)&addr, sizeof(addr)), "bind to the audit log: %m");
	return fd;
}

/* The answer is 0 or -errno. */
static int ask(struct tk_audit *a, int type, struct request *r, size_t size)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr err;
		char more[256];
	} answer;
	ssize_t len;

	r->head.nlmsg_len = NLMSG_LENGTH(size);
	r->head.nlmsg_type = type;
	r->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	REQUIRE(send(a->control, r, r->head.nlmsg_len, 0) > 0, "send to the audit log: %m");
	do {
		len = recv(a->control, &answer, sizeof(answer), 0);
		REQUIRE(len >= (ssize_t)sizeof(answer.head), "answer of the audit log: %m");
	} while (answer.head.nlmsg_type != NLMSG_ERROR);
	return answer.err.error;
}

static int enable(struct tk_audit *a, bool on)
{
	struct request r = { .status = { .mask = AUDIT_STATUS_ENABLED, .enabled = on } };

	return ask(a, AUDIT_SET, &r, sizeof(r.status));
}

int tk_audit_start(struct tk_audit *a)
{
	int ret;

	a->control = open_socket(0);
	if (a->control < 0)
		return a->control;
	a->listen = open_socket(1u << (AUDIT_NLGRP_READLOG - 1));
	REQUIRE(a->listen >= 0, "records of the audit log: %s", strerror(-a->listen));
	ret = enable(a, true);
	REQUIRE(!ret, "enabling the audit log: %s", strerror(-ret));
	return 0;
}

void tk_audit_stop(struct tk_audit *a)
{
	int ret = enable(a, false);

	CHECK(!ret, "disabling the audit log: %s", strerror(-ret));
	close(a->listen);
	close(a->control);
}

void tk_audit_rule(struct tk_audit *a, bool on)
{
	static const unsigned int calls[] = {
		TK_NR_settime, TK_NR_clock_adjtime, SYS_settimeofday, SYS_adjtimex, SYS_write,
	};
	struct request r = { .rule = { .flags = AUDIT_FILTER_EXIT, .action = AUDIT_ALWAYS } };
	size_t i;
	int ret;

	for (i = 0; i < TK_ARRAY(calls); i++)
		r.rule.mask[AUDIT_WORD(calls[i])] |= AUDIT_BIT(calls[i]);
	ret = ask(a, on ? AUDIT_ADD_RULE : AUDIT_DEL_RULE, &r, sizeof(r.rule));
	REQUIRE(!ret, "rule of the audit log: %s", strerror(-ret));
}

/* A word stands between blanks, or at the end. */
static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	const char *at = text;

	while ((at = strstr(at, word))) {
		if ((at == text || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
		at += len;
	}
	return false;
}

int tk_audit_find(struct tk_audit *a, int type, const char *const *words, const char *count,
		  s64 until, char *text, int size)
{
	struct {
		struct nlmsghdr head;
		char text[8192];
	} m;
	int found = 0, i;
	ssize_t len;

	while (tk_vnow(CLOCK_MONOTONIC_RAW) < until) {
		struct pollfd p = { .fd = a->listen, .events = POLLIN };

		if (poll(&p, 1, 100) <= 0)
			continue;
		len = recv(a->listen, &m, sizeof(m) - 1, 0);
		/* The reader was too slow: what is looked for may be among what was lost */
		REQUIRE(len >= (ssize_t)sizeof(m.head), "record of the audit log: %m");
		((char *)&m)[len] = '\0';
		if (m.head.nlmsg_type != type)
			continue;
		if (count && has_word(m.text, count))
			found++;
		for (i = 0; words[i] && has_word(m.text, words[i]); i++)
			;
		if (words[i])
			continue;
		if (text)
			snprintf(text, size, "%s", m.text);
		return found;
	}
	return -1;
}
