/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All ways to set the clock of a namespace, tried one after the other. Used by the tests of
 * who may, and of how many may.
 */
#ifndef TK_SETTERS_H
#define TK_SETTERS_H

#include <stdbool.h>
#include <stddef.h>

/* Each returns >= 0 or -errno, and does not move REALTIME by much */
struct tk_setter {
	const char *name;
	int (*call)(void);
	bool adjusts;		/* by adjtimex() or clock_adjtime() */
	bool only_permitted;	/* fails with EPERM, or not at all */
};

extern const struct tk_setter tk_setters[];
extern const size_t tk_nr_setters;

int tk_by_settime(void);
int tk_by_settimeofday(void);

/* In the namespace, with the right of the caller: nothing works, nothing changes */
void tk_check_forbidden(const char *who, const char *state);

/* Every setter works, and the namespace owns its clock afterwards */
void tk_check_allowed(const char *who);

/* A write of @command to timens_clock gives @want: 0 or -errno */
void tk_check_command(const char *who, const char *command, int want);

#endif /* TK_SETTERS_H */
