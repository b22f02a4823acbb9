/* SPDX-License-Identifier: GPL-2.0 */
/* The clocks of time namespaces: which there are, what they show, how they are set. */
#ifndef TKNS_CLOCK_H
#define TKNS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/timex.h>
#include <sys/types.h>
#include <time.h>

#include "user_values.h"

/* The inodes of the initial namespaces are part of the kernel's ABI. */
#define INITIAL_TIME_NS	0xEFFFFFFAU
#define INITIAL_USER_NS	0xEFFFFFFDU

/* Values of the sysctl kernel.timens_own: which namespaces own the clock that they set */
enum own_policy {
	OWN_NOT_KNOWN = -1,	/* a kernel without it, where all do */
	OWN_NONE,
	OWN_USER,		/* those whose user namespace is not the initial one */
	OWN_ALL,
};

#define COMM_MAX	64

enum smear_state {
	SMEAR_NONE,
	SMEAR_WAITING,
	SMEAR_RUNNING,
	SMEAR_BACK,		/* what was added of a smear which was called off goes back */
};

/* What /proc/PID/timens_clock says. Offsets are to the host's clocks, in ns. */
struct clock_file {
	bool own;
	ino_t follows;		/* the time namespace whose clock it follows, 0: the host */
	bool follows_own;	/* which owns that clock at present */
	int64_t realtime;
	int64_t monotonic;
	int64_t boottime;
	int64_t tai;
	int64_t frequency;	/* ns per second, slewing included */
	/* Lines which older kernels do not have: */
	bool has_rate;
	struct spec_rate rate;
	bool stopped;		/* it stands, and goes on at that rate */
	bool has_policy;
	char policy[64];	/* "step", "smear google", "smear linear 1000 before" */
	bool has_smear;
	enum smear_state smear;
	int64_t smear_start;	/* s, CLOCK_REALTIME as if there were no smear */
	int64_t smear_end;
	int64_t smear_phase;	/* ns which the smear adds at present */
};

/* What a task inside reads. */
struct clock_inside {
	bool valid;
	int error;		/* why not, when not valid: an errno, or 0 if nobody is inside */
	int64_t realtime;	/* ns since 1970 */
	int state;		/* of adjtimex() */
	int status;
	int tai;
	int64_t ppm;		/* 2^-16 ppm: tick and frequency together */
	int64_t maxerror;	/* us */
	int64_t esterror;
};

struct snapshot {
	ino_t ino;
	pid_t pid;
	char comm[COMM_MAX];
	pid_t owner;		/* a process whose clock it follows, or 0 if none is found */
	char owner_comm[COMM_MAX];
	int64_t realtime;	/* what CLOCK_REALTIME shows inside */
	enum own_policy own_policy;
	ino_t user_ns;		/* which owns the time namespace, or 0 if that is not known */
	struct clock_file file;
	struct clock_inside inside;
};

/*
 * Understand the text of the file. Lines that are not known are passed over.
 * Returns false, with the reason, if a known one is missing or not as expected.
 */
bool clock_parse(const char *text, struct clock_file *clock, char *why, size_t size);

const char *smear_state_name(enum smear_state state);

/* What adjtimex() returns, as it is called in its header. */
const char *clock_state_name(int state);

/* A process id of 0 is the caller. */

/* The inode of /proc/PID/ns/NAME, or 0 with errno. */
ino_t ns_inode(pid_t pid, const char *name);

/* Of the calling process: the file of its own namespace. Ends on an error. */
void clock_read_self(struct clock_file *clock);

/*
 * The time namespace of a process, and its inode if @ino is given: a descriptor, or a negative errno. A number can be
 * another process by the time of a second look, so whoever looks before going in looks at what it has open.
 */
int clock_open(pid_t pid, ino_t *ino);

/*
 * Enter it, and its user namespace if that is what it takes. Returns 0 or a
 * negative errno. There is no way back.
 */
int clock_enter_fd(int fd);

/* Both, for whom all namespaces are the same. */
int clock_enter(pid_t pid);

/*
 * Look at the namespace in which a process is, or whose children are if
 * @children. Returns 0 or a negative errno.
 */
int clock_snapshot(pid_t pid, bool children, struct snapshot *snap);

void read_comm(pid_t pid, char *comm);

/* What options ask for. */
struct clock_change {
	bool set;
	struct spec_time time;
	const char *time_text;
	const char *time_option;
	bool freq;
	int64_t ppm;
	bool rate;
	struct spec_rate factor;
	bool leap;
	struct spec_leap second;
	bool smear;
	struct spec_smear policy;
	bool tai;
	int64_t tai_offset;
};

bool clock_change_any(const struct clock_change *change);

/*
 * Make dates of words like "tomorrow", and say what cannot work before anything is changed. The clock is
 * that of the caller, which the one that is changed is or begins as. Ends on an error.
 */
void clock_prepare(struct clock_change *change);

/*
 * Whose clock is set by who is inside, with the right to do so: the namespace's if it is
 * an owner or would be made one. Otherwise it is the machine's, or nobody's if it follows
 * an owner, whose clock is not for it to set.
 */
enum clock_setter { SETS_NOT_KNOWN, SETS_HOST, SETS_OWN, SETS_NOTHING };
enum clock_setter clock_sets(const struct snapshot *snap);

/* Do it, from inside the namespace. Ends on an error, and before the machine's clock is set. */
void clock_apply(const struct clock_change *change);

/* "follow", "rate 2", "leap step" to the file of the caller's namespace. */
void clock_command(const char *command);

int64_t clock_now(clockid_t id);

#endif /* TKNS_CLOCK_H */
