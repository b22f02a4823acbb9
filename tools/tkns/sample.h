/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Samples of the clocks of a new time namespace, taken from inside and from outside at the same
 * instants; see the opening comment of sample.c.
 */
#ifndef TKNS_SAMPLE_H
#define TKNS_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ns.h"
#include "report.h"

/* Own failures, and a kernel without the feature. */
#define RH_EXIT_FAILURE		125
#define RH_EXIT_NO_FEATURE	124

/* A namespace to be made. */
struct rh_setup {
	bool follow;		/* leave its clock alone: nothing below is done */
	int64_t rate_num, rate_den;
	int64_t start;		/* CLOCK_REALTIME */
	const char *policy;	/* for "leap" in timens_clock, or NULL: leave it */
	int status;		/* STA_INS, STA_DEL or 0 */
	int tai;		/* the offset when the host has none */
	int borrow_ns;		/* its time namespace, open */
	pid_t borrow;		/* whose clock is taken, and given back at the end; 0: a new one */
	enum user_mode user;
	char *const *argv;	/* what runs in it, or NULL */
	bool quiet_stdout;	/* its standard output goes to standard error */
};

/* How the command fared. */
struct rh_command {
	bool started, ended;
	bool ours;		/* it got a signal from us */
	int status;		/* as of waitpid() */
	int64_t at;		/* CLOCK_TAI of the namespace when it ended */
};

struct rh_inside;

/* Makes the namespace and what reads its clocks. Ends the program when that fails. */
struct rh_inside *rh_inside_start(const struct rh_setup *setup);
void rh_inside_run_command(struct rh_inside *in);
void rh_inside_sample(struct rh_inside *in, struct rh_sample *s);
/* The line "smear" of timens_clock as it last was other than "none", or "". */
const char *rh_inside_smear(const struct rh_inside *in);
void rh_inside_command(const struct rh_inside *in, struct rh_command *command);
/*
 * SIGTERM for a command that still runs and its process group, SIGKILL when it has not ended after
 * this time. Then the same for what is left in the namespace; then the namespace. A clock which was
 * borrowed is given back, and nobody is ended.
 */
void rh_inside_end(struct rh_inside *in, int64_t grace, struct rh_command *command);

/* Ends the program when the kernel's timens_clock has no such line: "rate" or "leap". */
void rh_require_kernel(const char *key);

int64_t rh_read_clock(clockid_t id);

#endif /* TKNS_SAMPLE_H */
