/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The audit log, by netlink: what tk_policy.c looks for there.
 */
#ifndef TK_POLICY_AUDIT_H
#define TK_POLICY_AUDIT_H

#include <stdbool.h>

#include "lib/base.h"

/* Of include/uapi/linux/audit.h; the system's header may be older */
#define TK_AUDIT_INJOFFSET	1332
#define TK_AUDIT_ADJNTPVAL	1333
#define TK_AUDIT_TIME_NS	1340

struct tk_audit {
	int control;		/* requests and their answers */
	int listen;		/* the records */
};

/* Returns 0, or -errno where the kernel has no audit log. Records come from then on. */
int tk_audit_start(struct tk_audit *a);
void tk_audit_stop(struct tk_audit *a);

/* A rule which asks for the system calls that set clocks, or not any more */
void tk_audit_rule(struct tk_audit *a, bool on);

/*
 * Pass over records until one of @type has all of @words, which are a word each and end with
 * NULL. The text is then in @text, and the result how many records of @type had the word
 * @count before it, or with it; -1 if there was none until @until (CLOCK_MONOTONIC_RAW, ns).
 */
int tk_audit_find(struct tk_audit *a, int type, const char *const *words, const char *count,
		  s64 until, char *text, int size);

#endif /* TK_POLICY_AUDIT_H */
