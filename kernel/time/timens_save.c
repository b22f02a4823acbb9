// SPDX-License-Identifier: GPL-2.0
/*
 * The state of a clock of a time namespace as a text, and back
 *
 * A container which is checkpointed, moved or forked takes its clock along. What an
 * owner is follows its summary in /proc/PID/timens_clock; the same text behind the
 * words "restore elapsed" or "restore frozen" is a command to that file.
 *
 *
 * What is saved
 * -------------
 *
 * The line at one counter value, as a setter would find it which changes nothing: a
 * copy of the clock is brought forward to that value (timens_tk_forward_to()), and the
 * clock itself notices nothing of it. So there is no interval which has begun, and no
 * counter in the text: times are in nanoseconds and 2^-32 of them, and the multiplier
 * follows from the tick length and the error, as at the end of each write section. On
 * the same counter the restored clock is that copy bit by bit; on another one it is on
 * the same NTP time line.
 *
 * Not saved is what belongs to the machine or to what is inside of it: a PPS signal,
 * ntp_tick_adj of the command line, the past (timens_past.c), the timers, and the sum
 * of earlier smears.
 *
 *
 * What is restored
 * ----------------
 *
 *	frozen		No time has passed. All clocks go on where they were.
 *	elapsed		CLOCK_MONOTONIC and MONOTONIC_RAW go on where they were; as after
 *			a sleep of the machine (timens_tk_add_sleep()), REALTIME, TAI and
 *			BOOTTIME have run on, at the rate of the clock, by what the
 *			host's have. On the boot on which the clock was saved that is
 *			CLOCK_BOOTTIME of the host, which nobody sets; elsewhere it is
 *			CLOCK_REALTIME. It is not negative. A clock which stands stays
 *			where it is.
 *
 * Once a task has entered the namespace, CLOCK_MONOTONIC, BOOTTIME and MONOTONIC_RAW
 * do not step any more, as mainline does not let anybody write to timens_offsets
 * then. All else is restored all the same, and the timers are walked as for any set.
 *
 *   CPU 0 (restore)                      CPU 1 (first task enters)
 *   lock the clock
 *   nobody has entered
 *                                        lock the clock: wait
 *   restore all, unlock
 *                                        entered = true, unlock
 *                                        frozen_offsets = true
 *                                        reads what was restored
 *
 * or CPU 1 has the lock of the clock first, and CPU 0 finds the mark. It is one of its
 * own, since frozen_offsets is set behind that lock: in between, CPU 0 could find it
 * not set while CPU 1 goes on to read. A task which entered before there was a clock
 * set frozen_offsets under offset_lock, under which the clock was published.
 *
 * What is restored comes from an unprivileged owner. So each number is checked as the
 * setter checks it which could have brought it there (the ranges are in the table), and
 * the whole for contradictions: what the next update of the clock would put right is
 * one. The arithmetic is done on a clock of its own, which replaces the real one when
 * nothing can fail any more.
 *
 *
 * Versions
 * --------
 *
 * The first line has the version, the last one is the word "end". In between each
 * line has to be there, once, in the order of the table, with all of its numbers. A
 * kernel which saves more raises the version; it takes what it understands in full,
 * and gives -EPROTONOSUPPORT for other versions. So nothing is ever passed over.
 */
#include <linux/clocksource.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "timens_line.h"

#define SAVE_DAY	86400
/* A window, what one that is joined late is longer, and to spare (nsecs) */
#define SAVE_CURVE	((TIMENS_SMEAR_MAX + SAVE_DAY) * NSEC_PER_SEC)
/* Each leap second changes the TAI offset by one, wherever ADJ_TAI has put it */
#define SAVE_TAI	100000
/* As for offsets of a time namespace */
#define SAVE_KTIME	(KTIME_SEC_MAX / 2)
/* What ADJ_OFFSET clamps a phase to, and adjtime() does in a second (2^-32 nsecs) */
#define SAVE_PHASE	((s64)MAXPHASE << NTP_SCALE_SHIFT)
#define SAVE_ADJTIME	((500LL * NSEC_PER_USEC) << NTP_SCALE_SHIFT)
/* The PLL takes a quarter of its phase off in a second at the most */
#define SAVE_SLEW	((SAVE_PHASE >> SHIFT_PLL) + SAVE_ADJTIME)
/* Status bits which no owner has: PPS is the host's, and the others are not used */
#define SAVE_NO_STATUS	(STA_PPSSIGNAL | STA_PPSJITTER | STA_PPSWANDER | STA_PPSERROR | \
			 STA_CLOCKERR | STA_CLK)

#define SAVE_MOST	8

/**
 * struct save_line - A line of the text
 * @key:	Its first word
 * @nr:		How many numbers follow; none, for a policy
 * @range:	The least and the largest value of each
 */
struct save_line {
	const char	*key;
	unsigned int	nr;
	struct {
		s64	min;
		s64	max;
	}		range[SAVE_MOST];
};

#define SAVE_NSEC	{ 0, NSEC_PER_SEC - 1 }
#define SAVE_PART	{ 0, U32_MAX }
#define SAVE_CURVE_AT	{ -SAVE_CURVE, TIME_SETTOD_SEC_MAX * NSEC_PER_SEC }

static const struct save_line save_lines[] = {
	{ "machine", 1, { { 1, S64_MAX } } },
	{ "host", 4, { { 0, KTIME_SEC_MAX - 1 }, SAVE_NSEC, { 0, KTIME_SEC_MAX - 1 }, SAVE_NSEC } },
	{ "real", 3, { { 0, TIME_SETTOD_SEC_MAX - 1 }, SAVE_NSEC, SAVE_PART } },
	{ "mono", 3, { { 0, SAVE_KTIME }, SAVE_NSEC, { 0, SAVE_KTIME } } },
	{ "boot", 2, { { 0, SAVE_KTIME }, SAVE_NSEC } },
	{ "raw", 3, { { -SAVE_KTIME, SAVE_KTIME }, SAVE_NSEC, SAVE_PART } },
	{ "taioffset", 1, { { -SAVE_TAI, 2 * SAVE_TAI } } },
	{ "speed", 3, { { 1, TIMENS_TK_RATE_PART }, { 1, TIMENS_TK_RATE_PART }, { 0, 1 } } },
	{ "ntp", 8, {
		{ -MAXFREQ_SCALED, MAXFREQ_SCALED },
		{ 900000 / USER_HZ, 1100000 / USER_HZ },
		{ -SAVE_SLEW, SAVE_SLEW },
		{ -SAVE_PHASE, SAVE_PHASE },
		{ LONG_MIN, LONG_MAX },
		{ -((s64)NSEC_PER_SEC << NTP_SCALE_SHIFT), (s64)NSEC_PER_SEC << NTP_SCALE_SHIFT },
		{ 0, NTP_OVERFLOW_MAX - 1 },
		{ 0, 1 } } },
	{ "status", 5, {
		{ INT_MIN, INT_MAX },
		{ 0, MAXTC },
		{ 0, NTP_PHASE_LIMIT },
		{ 0, NTP_PHASE_LIMIT },
		{ 0, TIME_SETTOD_SEC_MAX } } },
	{ "armed", 2, { { TIME_OK, TIME_WAIT }, { -1, TIME_SETTOD_SEC_MAX } } },
	{ "policy", 0 },
	{ "curve", 8, {
		{ TIMENS_SMEAR_NONE, TIMENS_SMEAR_BACK },
		{ 0, 1 },
		{ -1, 1 },
		{ 0, TIME_SETTOD_SEC_MAX },
		SAVE_CURVE_AT,
		SAVE_CURVE_AT,
		{ -NSEC_PER_SEC, NSEC_PER_SEC },
		{ -NSEC_PER_SEC, NSEC_PER_SEC } } },
	{ "zone", 2, { { -15 * 60, 15 * 60 }, { INT_MIN, INT_MAX } } },
};

/*
 * The host at a counter value, which may be one before its last tick
 */

static s64 save_back(const struct tk_read_base *tkr, u64 *delta)
{
	u64 back;

	if (likely(*delta <= tkr->mask >> 1))
		return 0;
	back = -*delta & tkr->mask;
	*delta = 0;
	return mul_u64_u32_shr(back, tkr->mult, tkr->shift);
}

/**
 * timens_save_host_at - A clock of the host at a counter value
 * @host:	The host
 * @clk:		The clock, not CLOCK_MONOTONIC_RAW
 * @cycles:	The counter value, which may be one before the last tick
 *
 * Context: any, outside of the write section of @host
 * Return: the time
 */
struct timespec64 timens_save_host_at(const struct tk_data *host, clockid_t clk, u64 cycles)
{
	const struct timekeeper *tk = &host->timekeeper;
	struct timespec64 ts;
	unsigned int seq;
	u64 delta;
	s64 back;

	do {
		seq = read_seqcount_begin(&host->seq);
		delta = (cycles - tk->tkr_mono.cycle_last) & tk->tkr_mono.mask;
		back = save_back(&tk->tkr_mono, &delta);
		timens_tk_line(tk, clk, delta, &ts);
	} while (read_seqcount_retry(&host->seq, seq));

	return timespec64_sub(ts, ns_to_timespec64(back));
}

static struct timespec64 save_host_raw_at(const struct tk_data *host,
					  const struct timens_tk_raw *raw, u64 cycles)
{
	struct tk_read_base tkr = { .mult = raw->mult, .shift = raw->shift };
	struct timespec64 ts;
	u64 delta, nsec;
	s64 back;
	u32 rem;

	tkr.mask = host->timekeeper.tkr_raw.mask;
	delta = (cycles - raw->cycles) & tkr.mask;
	back = save_back(&tkr, &delta);
	nsec = mul_u64_u32_add_u64_shr(delta, raw->mult, raw->xnsec, raw->shift);
	ts.tv_sec = raw->sec + div_u64_rem(nsec, NSEC_PER_SEC, &rem);
	ts.tv_nsec = rem;
	return timespec64_sub(ts, ns_to_timespec64(back));
}

/*
 * Save
 */

static void save_ts(s64 *v, struct timespec64 ts)
{
	v[0] = ts.tv_sec;
	v[1] = ts.tv_nsec;
}

/* What is left of a nanosecond, in units of 2^-32 (TIMENS_TK_MAX_SHIFT is less) */
static s64 save_fraction(u64 xnsec, u32 shift)
{
	return (xnsec & (BIT_ULL(shift) - 1)) << (32 - shift);
}

/* CLOCK_MONOTONIC_RAW at @tn->cycle_now, which is not before the point of the raw line */
static void save_raw(const struct timekeeper_ns *tn, s64 *v)
{
	const struct timens_tk_raw *raw = &tn->raw;
	u64 delta = timens_tk_delta(&tn->tkd.timekeeper.tkr_mono, tn->cycle_now, raw->cycles);
	struct timespec64 ts;

	timens_tk_read_at(tn, CLOCK_MONOTONIC_RAW, tn->cycle_now, &ts);
	save_ts(v, ts);
	v[2] = save_fraction(delta * raw->mult + raw->xnsec, raw->shift);
}

/* NTP counts in intervals, of which another kernel may have more in a second */
static void save_ntp(const struct timekeeper_ns *tn, s64 *v)
{
	const struct ntp_data *ntp = &tn->ntp;

	v[TIMENS_SAVE_FREQ] = ntp->time_freq;
	v[TIMENS_SAVE_TICK] = ntp->tick_usec;
	v[TIMENS_SAVE_SLEW] = (s64)(ntp->tick_length - ntp->tick_length_base) * NTP_INTERVAL_FREQ;
	v[TIMENS_SAVE_OFFSET] = ntp->time_offset * NTP_INTERVAL_FREQ;
	v[TIMENS_SAVE_ADJUST] = ntp->time_adjust;
	v[TIMENS_SAVE_ERROR] = tn->tkd.timekeeper.ntp_error;
	v[TIMENS_SAVE_BATCH] = tn->batch_left;
	v[TIMENS_SAVE_SKIP] = !!tn->tkd.timekeeper.skip_second_overflow;
	v[TIMENS_SAVE_STATUS] = ntp->time_status & ~SAVE_NO_STATUS;
	v[TIMENS_SAVE_CONSTANT] = ntp->time_constant;
	v[TIMENS_SAVE_MAXERROR] = ntp->time_maxerror;
	v[TIMENS_SAVE_ESTERROR] = ntp->time_esterror;
	v[TIMENS_SAVE_REFTIME] = ntp->time_reftime;
	v[TIMENS_SAVE_STATE] = ntp->time_state;
	v[TIMENS_SAVE_LEAP] = ntp->ntp_next_leap_sec == TIME64_MAX ? -1 : ntp->ntp_next_leap_sec;
}

static void save_smear(const struct timens_smear *s, s64 *v)
{
	if (s->state == TIMENS_SMEAR_NONE)
		return;
	v[TIMENS_SAVE_SMEAR] = s->state;
	v[TIMENS_SAVE_COMMITTED] = s->committed;
	v[TIMENS_SAVE_STEP] = s->step;
	v[TIMENS_SAVE_EDGE] = s->edge;
	v[TIMENS_SAVE_START] = s->start;
	v[TIMENS_SAVE_END] = s->end;
	v[TIMENS_SAVE_FROM] = s->from;
	v[TIMENS_SAVE_TO] = s->to;
}

/**
 * timens_save_clock - Take the state of a clock
 * @copy:	A copy of it; it is brought forward to @cycles, exactly
 * @cycles:	Counter value of the present; where the line ends before, it is of that moment
 * @host:	The host
 * @machine:	Which boot of which machine this is
 * @saved:	Storage for the state
 *
 * Context: any in which @copy is the caller's alone
 */
void timens_save_clock(struct timekeeper_ns *copy, u64 cycles, const struct tk_data *host,
		       s64 machine, struct timens_saved *saved)
{
	struct timekeeper *tk = &copy->tkd.timekeeper;
	struct timespec64 ts;
	s64 *v = saved->v;
	u64 now;

	now = min(timens_tk_delta(&tk->tkr_mono, cycles, copy->cycle_now), copy->valid);
	timens_tk_forward_to(copy, copy->cycle_now + now);
	/* What stands has been saved when somebody asks for it */
	now = copy->stopped ? cycles : copy->cycle_now;
	*saved = (struct timens_saved){ .policy = copy->smear.policy };
	v[TIMENS_SAVE_MACHINE] = machine;
	save_ts(v + TIMENS_SAVE_HOST_REAL, timens_save_host_at(host, CLOCK_REALTIME, now));
	save_ts(v + TIMENS_SAVE_HOST_BOOT, timens_save_host_at(host, CLOCK_BOOTTIME, now));
	timens_tk_own_line(copy, CLOCK_REALTIME, copy->cycle_now, &ts);
	save_ts(v + TIMENS_SAVE_REAL, ts);
	v[TIMENS_SAVE_FRACTION] = save_fraction(tk->tkr_mono.xtime_nsec, tk->tkr_mono.shift);
	timens_tk_own_line(copy, CLOCK_MONOTONIC, copy->cycle_now, &ts);
	save_ts(v + TIMENS_SAVE_MONO, ts);
	v[TIMENS_SAVE_AHEAD] = copy->mono_ahead;
	timens_tk_own_line(copy, CLOCK_BOOTTIME, copy->cycle_now, &ts);
	save_ts(v + TIMENS_SAVE_BOOT, ts);
	save_raw(copy, v + TIMENS_SAVE_RAW);
	v[TIMENS_SAVE_TAI] = tk->tai_offset;
	v[TIMENS_SAVE_NUM] = copy->rate.num;
	v[TIMENS_SAVE_DEN] = copy->rate.den;
	v[TIMENS_SAVE_STOPPED] = copy->stopped;
	save_ntp(copy, v);
	save_smear(&copy->smear, v);
	v[TIMENS_SAVE_WEST] = copy->tz.tz_minuteswest;
	v[TIMENS_SAVE_DST] = copy->tz.tz_dsttime;
}

/*
 * The text
 */

/**
 * timens_save_text - Write a state
 * @saved:	The state
 * @text:	Storage for the text
 * @size:	Size of @text, TIMENS_SAVE_TEXT is enough
 *
 * Return: the length of the text
 */
int timens_save_text(const struct timens_saved *saved, char *text, size_t size)
{
	const struct save_line *line = save_lines;
	const s64 *v = saved->v;
	unsigned int i;
	char name[40];
	int len;

	len = scnprintf(text, size, "%-10s %d\n", "version", TIMENS_SAVE_VERSION);
	for (; line < save_lines + ARRAY_SIZE(save_lines); line++) {
		len += scnprintf(text + len, size - len, "%-10s", line->key);
		for (i = 0; i < line->nr; i++)
			len += scnprintf(text + len, size - len, " %lld", *v++);
		if (!line->nr)
			len += scnprintf(text + len, size - len, " %s",
					 timens_smear_name(&saved->policy, name, sizeof(name)));
		len += scnprintf(text + len, size - len, "\n");
	}
	return len + scnprintf(text + len, size - len, "end\n");
}

/* The next word of a line, NULL if there is none */
static char *save_word(char **line)
{
	char *word;

	do {
		word = strsep(line, " ");
	} while (word && !*word);
	return word;
}

static int save_number(char **line, s64 min, s64 max, s64 *num)
{
	char *word = save_word(line);
	int ret;

	if (!word || !isdigit(word[*word == '-']))
		return -EINVAL;
	ret = kstrtos64(word, 10, num);
	if (ret)
		return ret;
	return *num < min || *num > max ? -ERANGE : 0;
}

/* A line of the text which has to begin with @key; NULL if it does not */
static char *save_line(char **text, const char *key)
{
	char *line = strsep(text, "\n"), *word = save_word(&line);

	if (!word || strcmp(word, key))
		return NULL;
	return line ?: "";
}

static int save_parse_line(char **text, const struct save_line *l, struct timens_saved *saved,
			   s64 *v)
{
	char *line = save_line(text, l->key);
	unsigned int i;
	int ret;

	if (!line)
		return -EINVAL;
	if (!l->nr)
		return *line ? timens_smear_parse(&saved->policy, skip_spaces(line)) : -EINVAL;
	for (i = 0; i < l->nr; i++) {
		ret = save_number(&line, l->range[i].min, l->range[i].max, v + i);
		if (ret)
			return ret;
	}
	return save_word(&line) ? -EINVAL : 0;
}

/**
 * timens_save_parse - Read a state
 * @text:	What timens_save_text() wrote, and nothing else; it is modified
 * @saved:	Storage for the state, of which each number is in its range
 *
 * Return: 0, -EPROTONOSUPPORT for another version, -EINVAL for a text of another
 * form, -ERANGE for a number out of its range
 */
int timens_save_parse(char *text, struct timens_saved *saved)
{
	unsigned int i, at = 0;
	char *line;
	s64 num;
	int ret;

	*saved = (struct timens_saved){ };
	line = save_line(&text, "version");
	if (!line)
		return -EINVAL;
	ret = save_number(&line, 0, S64_MAX, &num);
	if (ret || save_word(&line))
		return ret ?: -EINVAL;
	if (num != TIMENS_SAVE_VERSION)
		return -EPROTONOSUPPORT;
	for (i = 0; i < ARRAY_SIZE(save_lines); i++) {
		ret = save_parse_line(&text, &save_lines[i], saved, saved->v + at);
		if (ret)
			return ret;
		at += save_lines[i].nr;
	}
	if (WARN_ON_ONCE(at != TIMENS_SAVE_FIELDS))
		return -EINVAL;
	line = save_line(&text, "end");
	return line && !*line && (!text || !*text) ? 0 : -EINVAL;
}

/*
 * Restore
 */

static struct timespec64 save_get(const s64 *v)
{
	return (struct timespec64){ .tv_sec = v[0], .tv_nsec = v[1] };
}

/* The second which is the last one of a day for a deleted, the first for an inserted one */
static bool save_is_edge(time64_t sec, s32 step)
{
	s32 rem;

	div_s64_rem(sec + (step > 0), SAVE_DAY, &rem);
	return !rem;
}

static int save_put_rate(struct timekeeper_ns *tn, const s64 *v)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	struct timens_tk_rate rate;
	u64 now = tn->cycle_now;
	int ret;

	/* One which stands is where it was stopped */
	if (tn->stopped)
		now = timens_tk_counter(tn);
	tn->stopped = false;
	tn->cycle_now = now;
	ret = timens_tk_make_rate(v[TIMENS_SAVE_NUM], v[TIMENS_SAVE_DEN], &rate);
	if (ret)
		return ret;
	/* One rate has one name */
	if (rate.num != v[TIMENS_SAVE_NUM] || rate.den != v[TIMENS_SAVE_DEN])
		return -EINVAL;
	timens_tk_set_rate(tn, rate);
	timens_tk_setup(tn, tk->tkr_mono.clock);
	tk->tkr_mono.cycle_last = now;
	tk->tkr_raw.cycle_last = now;
	return 0;
}

static int save_put_line(struct timekeeper_ns *tn, const s64 *v)
{
	struct timespec64 real = save_get(v + TIMENS_SAVE_REAL);
	struct timespec64 mono = save_get(v + TIMENS_SAVE_MONO);
	struct timespec64 boot = save_get(v + TIMENS_SAVE_BOOT);
	struct timekeeper *tk = &tn->tkd.timekeeper;
	struct tk_read_base *tkr = &tk->tkr_mono;
	struct timespec64 wtm = timespec64_sub(mono, real);
	struct timespec64 ahead = { .tv_sec = v[TIMENS_SAVE_AHEAD] };

	/* As tk_set_time() has it. What is ahead of the time is a part of it. */
	if (timespec64_compare(&wtm, &ahead) > 0 || ahead.tv_sec > mono.tv_sec)
		return -EINVAL;
	tn->mono_ahead = ahead.tv_sec;
	tk->xtime_sec = real.tv_sec;
	tkr->xtime_nsec = (u64)real.tv_nsec << tkr->shift;
	tkr->xtime_nsec += (u64)v[TIMENS_SAVE_FRACTION] >> (32 - tkr->shift);
	tk_set_wall_to_mono(tk, wtm);
	boot = timespec64_sub(boot, mono);
	tk_update_sleep_time(tk, ktime_sub(timespec64_to_ktime(boot), tk->offs_boot));
	tk_set_tai_offset(tk, v[TIMENS_SAVE_TAI]);
	return 0;
}

/*
 * CLOCK_MONOTONIC_RAW. Without a rate it is that of the host with a constant offset, and so
 * is its fraction.
 */
static void save_put_raw(struct timekeeper_ns *tn, const struct tk_data *host, const s64 *v)
{
	struct timespec64 raw = save_get(v);
	const struct tk_read_base *tkr = &tn->tkd.timekeeper.tkr_raw;
	struct timens_tk_raw now;

	timens_tk_host_raw(host, &now);
	if (timens_tk_has_raw(tn)) {
		tn->raw = (struct timens_tk_raw){
			.cycles = tn->cycle_now,
			.sec = raw.tv_sec,
			.xnsec = ((u64)raw.tv_nsec << tkr->shift) +
				 ((u64)v[2] >> (32 - tkr->shift)),
			.mult = tn->stopped ? 0 : tkr->mult,
			.shift = tkr->shift,
		};
		tn->raw_offset = (struct timespec64){ 0 };
		return;
	}
	tn->raw_offset = timespec64_sub(raw, save_host_raw_at(host, &now, tn->cycle_now));
	tn->raw = now;
}

static int save_put_ntp(struct timekeeper_ns *tn, const s64 *v)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	struct ntp_data *ntp = &tn->ntp;
	u64 batch = v[TIMENS_SAVE_BATCH] + 1;
	u64 phase = SAVE_PHASE + NTP_OVERFLOW_MAX * SAVE_ADJTIME;

	if (v[TIMENS_SAVE_STATUS] & SAVE_NO_STATUS || batch > tn->batch ||
	    abs(v[TIMENS_SAVE_SLEW]) > div64_u64(phase, batch))
		return -EINVAL;
	/* Less than an interval before the second which was processed */
	if (v[TIMENS_SAVE_SKIP] &&
	    v[TIMENS_SAVE_REAL + 1] < NSEC_PER_SEC - (s64)NTP_INTERVAL_LENGTH)
		return -EINVAL;

	ntp->tick_usec = v[TIMENS_SAVE_TICK];
	ntp->time_freq = v[TIMENS_SAVE_FREQ];
	ntp_clear(ntp);
	ntp->tick_length += div_s64(v[TIMENS_SAVE_SLEW], NTP_INTERVAL_FREQ);
	ntp->time_offset = div_s64(v[TIMENS_SAVE_OFFSET], NTP_INTERVAL_FREQ);
	ntp->time_adjust = v[TIMENS_SAVE_ADJUST];
	ntp->time_status = v[TIMENS_SAVE_STATUS];
	ntp->time_constant = v[TIMENS_SAVE_CONSTANT];
	ntp->time_maxerror = v[TIMENS_SAVE_MAXERROR];
	ntp->time_esterror = v[TIMENS_SAVE_ESTERROR];
	ntp->time_reftime = v[TIMENS_SAVE_REFTIME];
	tk->ntp_error = v[TIMENS_SAVE_ERROR];
	tk->skip_second_overflow = v[TIMENS_SAVE_SKIP];
	tn->batch_left = v[TIMENS_SAVE_BATCH];
	return 0;
}

static int save_put_leap(struct timekeeper_ns *tn, const s64 *v)
{
	const struct timekeeper *tk = &tn->tkd.timekeeper;
	s64 leap = v[TIMENS_SAVE_LEAP], left = leap - (time64_t)tk->xtime_sec;
	struct ntp_data *ntp = &tn->ntp;
	s32 step;

	ntp->time_state = v[TIMENS_SAVE_STATE];
	if (leap < 0) {
		/* Armed, and out of sight since the clock was stepped */
		ntp->ntp_next_leap_sec = TIME64_MAX;
		return ntp->time_state == TIME_OOP ? -EINVAL : 0;
	}
	ntp->ntp_next_leap_sec = leap;

	switch (ntp->time_state) {
	case TIME_INS:
	case TIME_DEL:
		step = ntp->time_state == TIME_INS ? -1 : 1;
		if (!save_is_edge(leap, step) || left > SAVE_DAY + 1)
			return -EINVAL;
		/* It is withdrawn by the next second */
		if (!(ntp->time_status & (step < 0 ? STA_INS : STA_DEL)))
			return left < -SAVE_CURVE / NSEC_PER_SEC ? -EINVAL : 0;
		/* A smear says itself what is left of it */
		if (ntp->leap_is_smeared)
			return left < -SAVE_CURVE / NSEC_PER_SEC ? -EINVAL : 0;
		/* Not one which was processed */
		return left < 1 + (s64)tk->skip_second_overflow ? -EINVAL : 0;
	case TIME_OOP:
		return !save_is_edge(leap, -1) || left < 0 || left > 2 ? -EINVAL : 0;
	}
	return -EINVAL;
}

/* Whether a curve is one which timens_smear_update() could have begun */
static bool save_is_curve(const struct timens_smear *s, s64 real)
{
	bool back = s->state == TIMENS_SMEAR_BACK;
	s64 len = s->end - s->start, edge = s->edge * NSEC_PER_SEC;
	s64 least = abs(s->to - s->from) * TIMENS_SMEAR_MIN;

	if (!s->step || !save_is_edge(s->edge, s->step) ||
	    s->to != (back ? 0 : s->step * NSEC_PER_SEC))
		return false;
	if (back)
		least = max(least, NSEC_PER_SEC);
	if (len < max(least, 1) || len > SAVE_CURVE || abs(edge - s->start) > SAVE_CURVE)
		return false;
	/* The present is where the state says */
	if (s->committed != (!back && real >= edge) || real >= s->end)
		return false;
	return (real < s->start) == (s->state == TIMENS_SMEAR_WAITING);
}

static int save_put_smear(struct timekeeper_ns *tn, const struct timens_saved *saved)
{
	s64 real = timens_tk_unsmeared(tn, tn->cycle_now);
	struct timens_smear *s = &tn->smear, update;
	const s64 *v = saved->v;
	time64_t edge;
	s32 step;

	*s = (struct timens_smear){
		.policy = saved->policy,
		.state = v[TIMENS_SAVE_SMEAR],
		.committed = v[TIMENS_SAVE_COMMITTED],
		.step = v[TIMENS_SAVE_STEP],
		.edge = v[TIMENS_SAVE_EDGE],
		.start = v[TIMENS_SAVE_START],
		.end = v[TIMENS_SAVE_END],
		.from = v[TIMENS_SAVE_FROM],
		.to = v[TIMENS_SAVE_TO],
		.total = s->total,
	};
	if (s->state == TIMENS_SMEAR_NONE) {
		if (s->committed || s->step || s->edge || s->start || s->end || s->from || s->to)
			return -EINVAL;
	} else {
		if (s->policy.preset == TIMENS_SMEAR_STEP || !save_is_curve(s, real))
			return -EINVAL;
		timens_smear_jump(s, real);
	}
	if (s->policy.preset == TIMENS_SMEAR_STEP)
		return 0;
	/* What an update would put right is a contradiction */
	update = *s;
	edge = ntp_next_edge(&tn->ntp, tn->tkd.timekeeper.xtime_sec, &step);
	if (timens_smear_update(&update, real, edge, step) || update.state != s->state ||
	    update.edge != s->edge || update.start != s->start || update.end != s->end ||
	    update.from != s->from || update.to != s->to || update.committed != s->committed)
		return -EINVAL;
	return 0;
}

/* CLOCK_MONOTONIC, BOOTTIME and MONOTONIC_RAW are what they are in @from */
static int save_keep(struct timekeeper_ns *tn, const struct timekeeper_ns *from,
		     const struct timens_restore *r)
{
	struct timekeeper *tk = &tn->tkd.timekeeper;
	struct tk_read_base *tkr = &tk->tkr_mono;
	struct timespec64 ahead = { .tv_sec = from->mono_ahead };
	struct timespec64 mono, real, wtm, boot;
	s64 raw[3];
	u64 part;

	timens_tk_own_line(from, CLOCK_MONOTONIC, from->cycle_now, &mono);
	timens_tk_own_line(from, CLOCK_BOOTTIME, from->cycle_now, &boot);
	timens_tk_own_line(tn, CLOCK_REALTIME, tn->cycle_now, &real);
	wtm = timespec64_sub(mono, real);
	if (timespec64_compare(&wtm, &ahead) > 0)
		return -EINVAL;
	tn->mono_ahead = from->mono_ahead;
	/* All of them have the fraction of one nanosecond */
	part = save_fraction(from->tkd.timekeeper.tkr_mono.xtime_nsec,
			     from->tkd.timekeeper.tkr_mono.shift);
	tkr->xtime_nsec = ((u64)real.tv_nsec << tkr->shift) + (part >> (32 - tkr->shift));
	tk->xtime_sec = real.tv_sec;
	tk_set_wall_to_mono(tk, wtm);
	boot = timespec64_sub(boot, mono);
	tk_update_sleep_time(tk, ktime_sub(timespec64_to_ktime(boot), tk->offs_boot));
	save_raw(from, raw);
	save_put_raw(tn, r->host, raw);
	return 0;
}

/* How long nobody had the clock, by the host */
static struct timespec64 save_elapsed(const struct timekeeper_ns *tn,
				      const struct timens_restore *r)
{
	bool here = r->saved->v[TIMENS_SAVE_MACHINE] == r->machine;
	clockid_t clk = here ? CLOCK_BOOTTIME : CLOCK_REALTIME;
	const s64 *v = r->saved->v + (here ? TIMENS_SAVE_HOST_BOOT : TIMENS_SAVE_HOST_REAL);
	struct timespec64 elapsed;

	elapsed = timespec64_sub(timens_save_host_at(r->host, clk, tn->cycle_now), save_get(v));
	return elapsed.tv_sec < 0 ? (struct timespec64){ } : elapsed;
}

static bool save_is_late(struct timespec64 real, struct timespec64 boot)
{
	return real.tv_sec < 0 || real.tv_sec >= TIME_SETTOD_SEC_MAX || boot.tv_sec > SAVE_KTIME;
}

/* The clock runs on as while the machine sleeps */
static int save_run_on(struct timekeeper_ns *tn, const struct timens_restore *r)
{
	struct timespec64 elapsed = save_elapsed(tn, r), real, boot;
	s64 ns = timens_tk_times(timespec64_to_ns(&elapsed), tn->rate);

	/* What a rate above one makes of it ends by itself: see timens_tk_fast_left() */
	real = save_get(r->saved->v + TIMENS_SAVE_REAL);
	boot = save_get(r->saved->v + TIMENS_SAVE_BOOT);
	if (timens_tk_is_fast(tn)) {
		real = timespec64_add(real, elapsed);
		boot = timespec64_add(boot, elapsed);
	} else {
		real = timespec64_add(real, ns_to_timespec64(ns));
		boot = timespec64_add(boot, ns_to_timespec64(ns));
	}
	if (save_is_late(real, boot))
		return -ERANGE;
	timens_tk_add_sleep(tn, &elapsed);
	timens_tk_own_line(tn, CLOCK_REALTIME, tn->cycle_now, &real);
	timens_tk_own_line(tn, CLOCK_BOOTTIME, tn->cycle_now, &boot);
	return save_is_late(real, boot) ? -ERANGE : 0;
}

static int save_put_all(struct timekeeper_ns *tn, const struct timens_restore *r)
{
	const struct timens_saved *saved = r->saved;
	const s64 *v = saved->v;
	struct timespec64 boot;
	int ret;

	ret = save_put_rate(tn, v);
	if (ret)
		return ret;
	ret = save_put_line(tn, v);
	if (ret)
		return ret;
	ret = save_put_ntp(tn, v);
	if (ret)
		return ret;
	ntp_smear_leap(&tn->ntp, saved->policy.preset != TIMENS_SMEAR_STEP);
	ret = save_put_leap(tn, v);
	if (ret)
		return ret;
	ret = save_put_smear(tn, saved);
	if (ret)
		return ret;
	/* As timens_tk_do_rate() has it */
	if (timens_tk_is_fast(tn) && timens_tk_fast_left(tn) <= 0)
		return -EINVAL;
	tn->tz.tz_minuteswest = v[TIMENS_SAVE_WEST];
	tn->tz.tz_dsttime = v[TIMENS_SAVE_DST];
	tn->stopped = v[TIMENS_SAVE_STOPPED];
	boot = timens_save_host_at(r->host, CLOCK_BOOTTIME, tn->cycle_now);
	tn->stopped_at = timespec64_to_ktime(boot);
	save_put_raw(tn, r->host, v + TIMENS_SAVE_RAW);
	timens_tk_retune(tn, 0);
	timens_tk_update_edge(tn);
	return 0;
}

/* Nobody has seen the past of this clock, nor its offsets to the host: they move along */
static void save_move_past(struct timekeeper_ns *tn, const struct timekeeper_ns *new,
			   const struct timens_restore *r)
{
	struct timespec64 was, is;
	u64 now = new->cycle_now;

	timens_tk_own_line(tn, CLOCK_BOOTTIME, now, &was);
	timens_tk_own_line(new, CLOCK_BOOTTIME, now, &is);
	timens_past_move(tn, timespec64_sub(is, was));
	tn->offs.boottime = timespec64_sub(is, timens_save_host_at(r->host, CLOCK_BOOTTIME, now));
	timens_tk_own_line(new, CLOCK_MONOTONIC, now, &is);
	tn->offs.monotonic = timespec64_sub(is, timens_save_host_at(r->host, CLOCK_MONOTONIC, now));
}

/**
 * timens_save_restore - Make a clock what was saved
 * @tn:		The namespace, forwarded to the present and locked
 * @data:	struct timens_restore
 *
 * Return: 0; -EINVAL if the state contradicts itself, or what tasks have read; -ERANGE if
 * the clock has run out of its range meanwhile
 */
int timens_save_restore(struct timekeeper_ns *tn, void *data)
{
	struct timens_restore *r = data;
	struct timekeeper_ns *new = r->scratch;
	struct timespec64 was, is;
	int ret;

	timens_tk_copy(new, tn);
	ret = save_put_all(new, r);
	if (!ret && r->elapsed)
		ret = save_run_on(new, r);
	if (!ret && r->entered)
		ret = save_keep(new, tn, r);
	if (ret)
		return ret;
	timens_tk_read_at(tn, CLOCK_REALTIME, tn->cycle_now, &was);
	timens_tk_read_at(new, CLOCK_REALTIME, new->cycle_now, &is);
	r->step = timespec64_sub(is, was);
	if (!r->entered)
		save_move_past(tn, new, r);
	timens_tk_copy(tn, new);
	return 0;
}
