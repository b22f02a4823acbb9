/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state of a clock of a time namespace as a text which can be written back: what
 * timens_save.c gives. The design is in its opening comment.
 */
#ifndef _KERNEL_TIME_TIMENS_SAVE_H
#define _KERNEL_TIME_TIMENS_SAVE_H

#include <linux/time64.h>
#include <linux/types.h>

#include "timens_smear.h"

struct tk_data;
struct timekeeper_ns;
struct timens_tk_raw;

/* Version of the text: see "Versions" in timens_save.c */
#define TIMENS_SAVE_VERSION	1
/* The longest text (bytes), with the NUL; it has to fit into a write along with a command */
#define TIMENS_SAVE_TEXT	1280

/**
 * enum timens_save_field - The numbers of a state, in the order of the text
 * @TIMENS_SAVE_MACHINE:	Which boot of which machine it was, at random
 * @TIMENS_SAVE_HOST_REAL:	CLOCK_REALTIME of the host (secs, nsecs)
 * @TIMENS_SAVE_HOST_BOOT:	CLOCK_BOOTTIME of the host (secs, nsecs)
 * @TIMENS_SAVE_REAL:		CLOCK_REALTIME, without a smear (secs, nsecs)
 * @TIMENS_SAVE_FRACTION:	and what is left of a nanosecond (2^-32 nsecs)
 * @TIMENS_SAVE_MONO:		CLOCK_MONOTONIC (secs, nsecs, and the same fraction)
 * @TIMENS_SAVE_AHEAD:		Of those, seconds which did not pass
 * @TIMENS_SAVE_BOOT:		CLOCK_BOOTTIME (secs, nsecs, and the same fraction)
 * @TIMENS_SAVE_RAW:		CLOCK_MONOTONIC_RAW (secs, nsecs)
 * @TIMENS_SAVE_RAW_FRACTION:	and what is left of a nanosecond (2^-32 nsecs)
 * @TIMENS_SAVE_TAI:		CLOCK_TAI less CLOCK_REALTIME (secs)
 * @TIMENS_SAVE_NUM:		Numerator of the rate
 * @TIMENS_SAVE_DEN:		Denominator of the rate
 * @TIMENS_SAVE_STOPPED:	The clock stands
 * @TIMENS_SAVE_FREQ:		NTP: frequency (nsecs per second, scaled by 2^32)
 * @TIMENS_SAVE_TICK:		NTP: length of a tick of USER_HZ (usecs)
 * @TIMENS_SAVE_SLEW:		NTP: what the present second is slewed by (2^-32 nsecs)
 * @TIMENS_SAVE_OFFSET:		NTP: phase which is left to the PLL (2^-32 nsecs)
 * @TIMENS_SAVE_ADJUST:		NTP: rest of a single-shot adjustment (usecs)
 * @TIMENS_SAVE_ERROR:		What the clock lacks against its NTP time line (2^-32 nsecs)
 * @TIMENS_SAVE_BATCH:		Seconds behind the present one with the same slew
 * @TIMENS_SAVE_SKIP:		The present second was processed already
 * @TIMENS_SAVE_STATUS:		NTP: STA_*
 * @TIMENS_SAVE_CONSTANT:	NTP: time constant of the PLL
 * @TIMENS_SAVE_MAXERROR:	NTP: maximum error (usecs)
 * @TIMENS_SAVE_ESTERROR:	NTP: estimated error (usecs)
 * @TIMENS_SAVE_REFTIME:	NTP: CLOCK_REALTIME of the last phase (secs)
 * @TIMENS_SAVE_STATE:		NTP: TIME_*
 * @TIMENS_SAVE_LEAP:		NTP: CLOCK_REALTIME of a leap second (secs), -1 for none
 * @TIMENS_SAVE_SMEAR:		enum timens_smear_state
 * @TIMENS_SAVE_COMMITTED:	timens_smear::committed
 * @TIMENS_SAVE_STEP:		timens_smear::step
 * @TIMENS_SAVE_EDGE:		timens_smear::edge
 * @TIMENS_SAVE_START:		timens_smear::start
 * @TIMENS_SAVE_END:		timens_smear::end
 * @TIMENS_SAVE_FROM:		timens_smear::from
 * @TIMENS_SAVE_TO:		timens_smear::to
 * @TIMENS_SAVE_WEST:		Time zone: minutes west of Greenwich
 * @TIMENS_SAVE_DST:		Time zone: kind of daylight saving time
 * @TIMENS_SAVE_FIELDS:		How many numbers there are
 */
enum timens_save_field {
	TIMENS_SAVE_MACHINE,
	TIMENS_SAVE_HOST_REAL,
	TIMENS_SAVE_HOST_BOOT		= TIMENS_SAVE_HOST_REAL + 2,
	TIMENS_SAVE_REAL		= TIMENS_SAVE_HOST_BOOT + 2,
	TIMENS_SAVE_FRACTION		= TIMENS_SAVE_REAL + 2,
	TIMENS_SAVE_MONO,
	TIMENS_SAVE_AHEAD		= TIMENS_SAVE_MONO + 2,
	TIMENS_SAVE_BOOT,
	TIMENS_SAVE_RAW			= TIMENS_SAVE_BOOT + 2,
	TIMENS_SAVE_RAW_FRACTION	= TIMENS_SAVE_RAW + 2,
	TIMENS_SAVE_TAI,
	TIMENS_SAVE_NUM,
	TIMENS_SAVE_DEN,
	TIMENS_SAVE_STOPPED,
	TIMENS_SAVE_FREQ,
	TIMENS_SAVE_TICK,
	TIMENS_SAVE_SLEW,
	TIMENS_SAVE_OFFSET,
	TIMENS_SAVE_ADJUST,
	TIMENS_SAVE_ERROR,
	TIMENS_SAVE_BATCH,
	TIMENS_SAVE_SKIP,
	TIMENS_SAVE_STATUS,
	TIMENS_SAVE_CONSTANT,
	TIMENS_SAVE_MAXERROR,
	TIMENS_SAVE_ESTERROR,
	TIMENS_SAVE_REFTIME,
	TIMENS_SAVE_STATE,
	TIMENS_SAVE_LEAP,
	TIMENS_SAVE_SMEAR,
	TIMENS_SAVE_COMMITTED,
	TIMENS_SAVE_STEP,
	TIMENS_SAVE_EDGE,
	TIMENS_SAVE_START,
	TIMENS_SAVE_END,
	TIMENS_SAVE_FROM,
	TIMENS_SAVE_TO,
	TIMENS_SAVE_WEST,
	TIMENS_SAVE_DST,
	TIMENS_SAVE_FIELDS,
};

/**
 * struct timens_saved - The state of a clock at one counter value
 * @v:		The numbers, by enum timens_save_field
 * @policy:	What its leap seconds do
 */
struct timens_saved {
	s64				v[TIMENS_SAVE_FIELDS];
	struct timens_smear_policy	policy;
};

/**
 * struct timens_restore - What is to be restored, and how
 * @saved:	The state
 * @elapsed:	The clocks have run on while nobody had them
 * @entered:	Tasks read the clock: what they read never steps
 * @host:	The host
 * @machine:	Which boot of which machine this is
 * @scratch:	A clock for the arithmetic, zeroed
 * @step:	Storage for what was added to CLOCK_REALTIME
 */
struct timens_restore {
	const struct timens_saved	*saved;
	bool				elapsed;
	bool				entered;
	const struct tk_data		*host;
	s64				machine;
	struct timekeeper_ns		*scratch;
	struct timespec64		step;
};

struct timespec64 timens_save_host_at(const struct tk_data *host, clockid_t clk, u64 cycles);
void timens_save_clock(struct timekeeper_ns *copy, u64 cycles, const struct tk_data *host,
		       s64 machine, struct timens_saved *saved);
int timens_save_text(const struct timens_saved *saved, char *text, size_t size);
int timens_save_parse(char *text, struct timens_saved *saved);
int timens_save_restore(struct timekeeper_ns *tn, void *data);

#endif /* _KERNEL_TIME_TIMENS_SAVE_H */
