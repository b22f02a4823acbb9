// SPDX-License-Identifier: GPL-2.0
/* See container.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "container.h"
#include "tkns.h"

void container_open(struct container *c, const char *text)
{
	struct pollfd ended = { .events = POLLIN };
	struct spec_error error;
	int64_t number;

	c->pid = parse_pid(text);
	c->fd = syscall(SYS_pidfd_open, c->pid, 0);
	if (c->fd < 0 && errno == ESRCH)
		die("no process %d", c->pid);
	if (c->fd < 0)
		die_errno("process %d", c->pid);
	c->ns = open_time_ns(c->pid, NULL);
	/* The number was that of this process until now, if it still runs */
	ended.fd = c->fd;
	if (poll(&ended, 1, 0) > 0)
		die("process %d has ended", c->pid);
	c->has_manager = true;
	if (spec_parse_number(text, 1, TKNS_PID_MAX, &number, &error))
		c->has_manager = find_process(c->pid, c->name, sizeof(c->name), &c->named);
	else
		find_name(text, &c->named);
	if (c->has_manager && c->named.pid != c->pid)
		die("'%s' is process %d by now, and was process %d", text, c->named.pid, c->pid);
	if (c->has_manager)
		c->restarts_known = named_restarts(&c->named, &c->restarts);
}

void container_look(const struct container *c, struct rh_rehearsal *r)
{
	struct pollfd event = { .fd = c->fd, .events = POLLIN };

	if (!c->pid)
		return;
	r->notice.asked = true;
	if (r->notice.ended || poll(&event, 1, 0) <= 0)
		return;
	r->notice.ended = true;
	r->notice.ended_at = rh_when(&r->plan, &r->s[0], &r->s[r->nr - 1]);
}

/* Whole seconds, as the logs have them: all of the first and all of the last. */
static bool lines(const struct container *c, int64_t from, int64_t to, int64_t *nr)
{
	return named_log_lines(&c->named, from / RH_NSEC_PER_SEC, to / RH_NSEC_PER_SEC + 1, nr);
}

void container_ask(const struct container *c, struct rh_rehearsal *r)
{
	const struct rh_plan *plan = &r->plan;
	struct rh_notice *n = &r->notice;
	int64_t now, from, to;

	if (!c->pid || !c->has_manager || r->nr < 2)
		return;
	n->restarts_known = c->restarts_known && named_restarts(&c->named, &now);
	if (n->restarts_known)
		n->restarts = now - c->restarts;
	from = rh_host_at(plan, r->s, r->nr, plan->from < 0 ? plan->from : 0) - RH_EDGE_MARGIN;
	to = rh_host_at(plan, r->s, r->nr, plan->to > 0 ? plan->to : 0) + RH_EDGE_MARGIN;
	n->lines_known = lines(c, from, to, &n->edge_lines) &&
			 lines(c, r->s[0].host_mono + r->s[0].host_off[RH_REALTIME],
			       r->s[r->nr - 1].host_mono + r->s[r->nr - 1].host_off[RH_REALTIME],
			       &n->lines);
}
