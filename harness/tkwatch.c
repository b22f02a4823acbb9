// SPDX-License-Identifier: GPL-2.0
/*
 * tkwatch - run a command and assert that the host's clocks did not move
 *
 * What is watched, in the time namespace of tkwatch itself (the initial one,
 * unless --here):
 *
 *  - REALTIME, MONOTONIC, BOOTTIME and TAI, each as its distance to
 *    MONOTONIC_RAW, which nothing can set or steer. A distance is read as
 *    RAW, clock, RAW: the clock was somewhere between, so the two differences
 *    are bounds. Of many such readings the one with the narrowest window
 *    counts. A clock has moved when the bounds then and now are further apart
 *    than the threshold; noise widens bounds and can therefore hide a
 *    movement but not invent one, and tkwatch gives up with an error of its own
 *    where the windows are too wide for the threshold.
 *  - Every field of adjtimex() and its return value. Exempt are the time, and
 *    maxerror's growth of 500 us a second up to 16 s, at which the kernel sets
 *    STA_UNSYNC by itself.
 *  - The time zone of gettimeofday().
 *  - Steps of REALTIME: a timerfd armed with TFD_TIMER_CANCEL_ON_SET is woken by
 *    each of them, one that is taken back in the next microsecond included.
 *
 * When:
 *
 *	before    |<------- a thread samples -------->|    after
 *	----------+-----------------------------------+-------------> RAW
 *	          start CMD                   CMD ends (or --min-seconds)
 *
 * Tests of clocks restore what they have set, so before and after alone would
 * notice little.
 *
 * A host that is being steered is watched too: the drift that tick and
 * frequency explain is subtracted. A pending ADJ_OFFSET is refused, because it
 * moves the clock at a pace that cannot be told from outside.
 *
 * The verdict on the command and the verdict on the clocks are kept apart:
 * exit status 0 - both good, 1 - the command failed, 2 - the clocks moved,
 * 3 - both, 125 - tkwatch failed. Both are printed on standard error.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clocks.h"
#include "options.h"
#include "parse.h"

#ifndef TFD_TIMER_CANCEL_ON_SET
#define TFD_TIMER_CANCEL_ON_SET (1 << 1)
#endif

/* include/linux/proc_ns.h: the inode of the initial time namespace */
#define INITIAL_TIME_NS		0xEFFFFFFAU

/* include/linux/timex.h: MAXFREQ / NSEC_PER_USEC and NTP_PHASE_LIMIT */
#define MAXERROR_PER_SECOND	500
#define MAXERROR_LIMIT		16000000L

#define READS_BEST	256	/* before and after */
#define READS_SAMPLE	24	/* at most, while the command runs */
#define EVENTS_MAX	64

/* With the host steered, how far the rate may be off from tick and frequency. */
#define STEERED_SLACK_PPB	50

extern char **environ;

static const struct watched {
	clockid_t id;
	const char *name;
} clocks[] = {
	{ CLOCK_REALTIME,	"realtime" },
	{ CLOCK_MONOTONIC,	"monotonic" },
	{ CLOCK_BOOTTIME,	"boottime" },
	{ CLOCK_TAI,		"tai" },
};

#define NR_CLOCKS	(sizeof(clocks) / sizeof(clocks[0]))

static const struct field {
	const char *name;
	size_t offset;
	size_t size;
} fields[] = {
#define FIELD(f) { #f, offsetof(struct timex, f), sizeof(((struct timex *)0)->f) }
	FIELD(offset),
	FIELD(freq),
	FIELD(maxerror),
	FIELD(esterror),
	FIELD(status),
	FIELD(constant),
	FIELD(precision),
	FIELD(tolerance),
	FIELD(tick),
	FIELD(ppsfreq),
	FIELD(jitter),
	FIELD(shift),
	FIELD(stabil),
	FIELD(jitcnt),
	FIELD(calcnt),
	FIELD(errcnt),
	FIELD(stbcnt),
	FIELD(tai),
#undef FIELD
};

#define NR_FIELDS	(sizeof(fields) / sizeof(fields[0]))

/* Bounds of clock - RAW, and when (RAW) they were taken. */
struct distance {
	int64_t lo;
	int64_t hi;
	int64_t raw;
};

struct ntp {
	struct timex tx;
	int state;
	struct timezone tz;
	int64_t raw;
	int64_t raw_after;
};

static struct {
	int64_t threshold;
	int64_t period_us;
	const char *min_seconds;
	const char *json;
	bool here;
	bool no_timerfd;
} opt = {
	.threshold	= 3000,
	.period_us	= 5000,
	.min_seconds	= "1",
};

/* --min-seconds, in nanoseconds. */
static int64_t min_run;

/* The state before, which everything later is compared with. */
static struct distance base[NR_CLOCKS];
static struct ntp base_ntp;
static int64_t base_raw;
static int64_t rate_ppb;

/*
 * Written by the sampler until it is joined, and by the main thread after that;
 * the main thread reads nothing of it in between.
 */
static struct {
	uint64_t samples;
	uint64_t vague;
	int64_t longest_pause;
	int64_t last_raw;
	uint64_t realtime_sets;
	int64_t moved_max[NR_CLOCKS];
	bool away[NR_CLOCKS];
	struct ntp last_ntp;
	unsigned int events;
	char event[EVENTS_MAX][160];
} seen;

static int stop_fd;
static int cancel_fd;
static pid_t command;

/* Reads until a window is narrow enough, or until the reads are used up. */
static struct distance read_distance(clockid_t id, unsigned int reads, int64_t enough)
{
	struct distance best = { .lo = INT64_MIN / 2, .hi = INT64_MAX / 2 };
	int64_t before = tk_read(CLOCK_MONOTONIC_RAW);

	while (reads--) {
		int64_t now = tk_read(id);
		int64_t after = tk_read(CLOCK_MONOTONIC_RAW);

		if (after - before < best.hi - best.lo) {
			best.lo = now - after;
			best.hi = now - before;
			best.raw = after;
			if (best.hi - best.lo <= enough)
				break;
		}
		before = after;
	}
	return best;
}

static void read_ntp(struct ntp *ntp)
{
	struct timeval tv;

	memset(ntp, 0, sizeof(*ntp));
	ntp->raw = tk_read(CLOCK_MONOTONIC_RAW);
	ntp->state = adjtimex(&ntp->tx);
	if (ntp->state < 0)
		err(TK_EXIT_FAILURE, "adjtimex");
	ntp->raw_after = tk_read(CLOCK_MONOTONIC_RAW);
	if (gettimeofday(&tv, &ntp->tz))
		err(TK_EXIT_FAILURE, "gettimeofday");
}

static int64_t field_value(const struct timex *tx, const struct field *field)
{
	const char *at = (const char *)tx + field->offset;
	int32_t narrow;
	int64_t wide;

	if (field->size == sizeof(narrow)) {
		memcpy(&narrow, at, sizeof(narrow));
		return narrow;
	}
	memcpy(&wide, at, sizeof(wide));
	return wide;
}

_Static_assert(sizeof(long) == sizeof(int64_t), "tkwatch reads struct timex of a 64-bit program");

__attribute__((format(printf, 2, 3)))
static void event(int64_t raw, const char *fmt, ...)
{
	char *line;
	va_list args;
	int len;

	if (seen.events++ >= EVENTS_MAX)
		return;
	line = seen.event[seen.events - 1];
	len = snprintf(line, sizeof(seen.event[0]), "+%.6f s ",
		       (double)(raw - base_raw) / TK_NSEC_PER_SEC);
	va_start(args, fmt);
	vsnprintf(line + len, sizeof(seen.event[0]) - len, fmt, args);
	va_end(args);
}

/*
 * How far a clock has moved for certain: the gap between the bounds then and
 * now, 0 where they overlap, less the drift that the host's steering explains.
 */
static int64_t movement(const struct distance *was, const struct distance *is)
{
	int64_t elapsed = is->raw - was->raw;
	int64_t drift = (int64_t)((double)elapsed * rate_ppb / TK_NSEC_PER_SEC);
	int64_t slack = 0;

	if (rate_ppb)
		slack = (int64_t)((double)elapsed * STEERED_SLACK_PPB / TK_NSEC_PER_SEC);
	if (is->lo - drift > was->hi + slack)
		return is->lo - drift - was->hi - slack;
	if (is->hi - drift < was->lo - slack)
		return is->hi - drift - was->lo + slack;
	return 0;
}

static void note_distance(unsigned int i, const struct distance *now)
{
	int64_t moved = movement(&base[i], now);
	bool away = llabs(moved) > opt.threshold;

	if (llabs(moved) > llabs(seen.moved_max[i]))
		seen.moved_max[i] = moved;
	if (away && !seen.away[i])
		event(now->raw, "%s is away by %+.9f s (window %" PRId64 " ns)",
		      clocks[i].name, (double)moved / TK_NSEC_PER_SEC, now->hi - now->lo);
	if (!away && seen.away[i])
		event(now->raw, "%s is back", clocks[i].name);
	seen.away[i] = away;
}

static bool maxerror_is_natural(const struct ntp *now)
{
	/* Around both readings: this process may have waited for a CPU in each. */
	int64_t seconds = (now->raw_after - base_ntp.raw) / TK_NSEC_PER_SEC;
	long most;

	/* One second more for the part of a second, one for a host steered fast. */
	most = base_ntp.tx.maxerror + MAXERROR_PER_SECOND * (seconds + seconds / 10 + 2);
	if (most > MAXERROR_LIMIT)
		most = MAXERROR_LIMIT;
	return now->tx.maxerror >= base_ntp.tx.maxerror && now->tx.maxerror <= most;
}

static bool field_is_natural(const struct field *field, const struct ntp *now)
{
	if (field->offset == offsetof(struct timex, maxerror))
		return maxerror_is_natural(now);
	if (field->offset == offsetof(struct timex, status))
		return now->tx.maxerror == MAXERROR_LIMIT && maxerror_is_natural(now) &&
		       now->tx.status == (base_ntp.tx.status | STA_UNSYNC);
	return false;
}

/* STA_UNSYNC that comes by itself turns the return value into TIME_ERROR. */
static bool state_is_natural(const struct ntp *now)
{
	return now->state == TIME_ERROR && now->tx.status != base_ntp.tx.status &&
	       now->tx.status == (base_ntp.tx.status | STA_UNSYNC) &&
	       now->tx.maxerror == MAXERROR_LIMIT;
}

static bool ntp_moved(const struct ntp *now)
{
	bool moved = false;
	unsigned int i;

	for (i = 0; i < NR_FIELDS; i++) {
		int64_t was = field_value(&base_ntp.tx, &fields[i]);
		int64_t last = field_value(&seen.last_ntp.tx, &fields[i]);
		int64_t is = field_value(&now->tx, &fields[i]);

		if (is == was || field_is_natural(&fields[i], now)) {
			if (last != is && last != was && !field_is_natural(&fields[i], now))
				event(now->raw, "adjtimex %s is back at %" PRId64,
				      fields[i].name, is);
			continue;
		}
		moved = true;
		if (is != last)
			event(now->raw, "adjtimex %s is %" PRId64 ", not %" PRId64,
			      fields[i].name, is, was);
	}
	if (now->state != base_ntp.state && !state_is_natural(now)) {
		moved = true;
		if (now->state != seen.last_ntp.state)
			event(now->raw, "adjtimex returns state %d, not %d", now->state,
			      base_ntp.state);
	}
	if (now->tz.tz_minuteswest != base_ntp.tz.tz_minuteswest ||
	    now->tz.tz_dsttime != base_ntp.tz.tz_dsttime) {
		moved = true;
		if (now->tz.tz_minuteswest != seen.last_ntp.tz.tz_minuteswest ||
		    now->tz.tz_dsttime != seen.last_ntp.tz.tz_dsttime)
			event(now->raw, "the time zone is %d/%d, not %d/%d",
			      now->tz.tz_minuteswest, now->tz.tz_dsttime,
			      base_ntp.tz.tz_minuteswest, base_ntp.tz.tz_dsttime);
	}
	seen.last_ntp = *now;
	return moved;
}

/* Remembers for the end what only a sample saw. */
static atomic_bool clocks_moved;

static void sample(void)
{
	struct ntp now;
	unsigned int i;

	for (i = 0; i < NR_CLOCKS; i++) {
		int64_t enough = 2 * (base[i].hi - base[i].lo);
		struct distance at = read_distance(clocks[i].id, READS_SAMPLE, enough);

		if (at.hi - at.lo > opt.threshold)
			seen.vague++;
		note_distance(i, &at);
		if (seen.away[i])
			clocks_moved = true;
		if (at.raw - seen.last_raw > seen.longest_pause)
			seen.longest_pause = at.raw - seen.last_raw;
		seen.last_raw = at.raw;
	}
	read_ntp(&now);
	if (ntp_moved(&now))
		clocks_moved = true;
	seen.samples++;
}

/* A REALTIME timer that never expires, but is cancelled by every step. */
static void arm_cancel(void)
{
	struct itimerspec its = { 0 };

	do {
		/* Far from the end of time, which a step may bring close: a century away. */
		its.it_value.tv_sec = tk_read(CLOCK_REALTIME) / TK_NSEC_PER_SEC + 3155760000LL;
		errno = 0;
		if (!timerfd_settime(cancel_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
				     &its, NULL))
			return;
	} while (errno == ECANCELED);
	err(TK_EXIT_FAILURE, "timerfd_settime");
}

static void check_cancel(void)
{
	uint64_t ticks;

	if (read(cancel_fd, &ticks, sizeof(ticks)) >= 0)
		errx(TK_EXIT_FAILURE, "a timer a century away has expired");
	if (errno == EAGAIN)
		return;
	if (errno != ECANCELED)
		err(TK_EXIT_FAILURE, "reading the timerfd");
	seen.realtime_sets++;
	if (!opt.no_timerfd)
		clocks_moved = true;
	event(tk_read(CLOCK_MONOTONIC_RAW), "realtime was set (timerfd cancelled)");
	arm_cancel();
}

static void *sampler(void *arg)
{
	struct pollfd fds[] = {
		{ .fd = stop_fd, .events = POLLIN },
		{ .fd = cancel_fd, .events = POLLIN },
	};
	struct timespec timeout = {
		.tv_sec = opt.period_us / 1000000,
		.tv_nsec = opt.period_us % 1000000 * 1000,
	};

	(void)arg;
	for (;;) {
		if (ppoll(fds, 2, &timeout, NULL) < 0 && errno != EINTR)
			err(TK_EXIT_FAILURE, "ppoll");
		if (fds[0].revents)
			return NULL;
		check_cancel();
		sample();
	}
}

static void forward_signal(int sig)
{
	if (command > 0)
		kill(command, sig);
}

static void check_namespace(void)
{
	struct stat st;

	if (opt.here)
		return;
	if (stat("/proc/self/ns/time", &st)) {
		/* A kernel without time namespaces has only the initial one. */
		if (errno == ENOENT)
			return;
		err(TK_EXIT_FAILURE, "/proc/self/ns/time");
	}
	if (st.st_ino != INITIAL_TIME_NS)
		errx(TK_EXIT_FAILURE,
		     "time:[%ju] is not the initial time namespace (use --here to watch it all the same)",
		     (uintmax_t)st.st_ino);
}

static void read_before(void)
{
	unsigned int i;
	long tick;

	read_ntp(&base_ntp);
	seen.last_ntp = base_ntp;
	if (base_ntp.tx.offset)
		errx(TK_EXIT_FAILURE,
		     "adjtimex offset is %ld: the host is being slewed and cannot be watched",
		     base_ntp.tx.offset);

	tick = base_ntp.tx.tick * sysconf(_SC_CLK_TCK);
	rate_ppb = tick * 1000LL - TK_NSEC_PER_SEC + base_ntp.tx.freq * 1000LL / 65536;

	base_raw = tk_read(CLOCK_MONOTONIC_RAW);
	for (i = 0; i < NR_CLOCKS; i++)
		base[i] = read_distance(clocks[i].id, READS_BEST, 0);
	seen.last_raw = base_raw;
}

/* Returns false where the windows are wider than what they have to resolve. */
static bool precise(const struct distance *at, const char *when, unsigned int i)
{
	if (at->hi - at->lo <= opt.threshold)
		return true;
	fprintf(stderr, "tkwatch: %s %s is known to %" PRId64 " ns only, the threshold is %" PRId64 " ns\n",
		clocks[i].name, when, at->hi - at->lo, opt.threshold);
	return false;
}

static void json_string(FILE *file, const char *text)
{
	fputc('"', file);
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\')
			fprintf(file, "\\%c", c);
		else if (c < 0x20)
			fprintf(file, "\\u%04x", c);
		else
			fputc(c, file);
	}
	fputc('"', file);
}

static void write_json(char *const argv[], int status, const struct distance *after)
{
	FILE *file = fopen(opt.json, "we");
	unsigned int i;

	if (!file)
		err(TK_EXIT_FAILURE, "%s", opt.json);
	fputs("{\n  \"command\": [", file);
	for (i = 0; argv[i]; i++) {
		if (i)
			fputs(", ", file);
		json_string(file, argv[i]);
	}
	fprintf(file, "],\n  \"command_exit\": %d,\n  \"command_signal\": %d,\n",
		WIFEXITED(status) ? WEXITSTATUS(status) : -1,
		WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	fprintf(file, "  \"clocks_moved\": %s,\n", clocks_moved ? "true" : "false");
	fprintf(file, "  \"threshold_ns\": %" PRId64 ",\n  \"rate_ppb\": %" PRId64 ",\n",
		opt.threshold, rate_ppb);
	fprintf(file, "  \"seconds\": %.6f,\n  \"samples\": %" PRIu64 ",\n",
		(double)(after[0].raw - base_raw) / TK_NSEC_PER_SEC, seen.samples);
	fprintf(file, "  \"vague_readings\": %" PRIu64 ",\n  \"longest_pause_ns\": %" PRId64 ",\n",
		seen.vague, seen.longest_pause);
	fprintf(file, "  \"realtime_sets\": %" PRIu64 ",\n  \"clocks\": {\n", seen.realtime_sets);
	for (i = 0; i < NR_CLOCKS; i++)
		fprintf(file,
			"    \"%s\": { \"moved_ns\": %" PRId64 ", \"moved_max_ns\": %" PRId64
			", \"window_before_ns\": %" PRId64 ", \"window_after_ns\": %" PRId64 " }%s\n",
			clocks[i].name, movement(&base[i], &after[i]), seen.moved_max[i],
			base[i].hi - base[i].lo, after[i].hi - after[i].lo,
			i + 1 < NR_CLOCKS ? "," : "");
	fputs("  },\n  \"events\": [", file);
	for (i = 0; i < seen.events && i < EVENTS_MAX; i++) {
		fputs(i ? ",\n    " : "\n    ", file);
		json_string(file, seen.event[i]);
	}
	fprintf(file, "%s],\n  \"events_total\": %u\n}\n", i ? "\n  " : "", seen.events);
	if (ferror(file) || fclose(file))
		err(TK_EXIT_FAILURE, "writing %s", opt.json);
}

static void report(int status, const struct distance *after)
{
	unsigned int i;

	if (WIFSIGNALED(status))
		fprintf(stderr, "tkwatch: command: signal %d\n", WTERMSIG(status));
	else
		fprintf(stderr, "tkwatch: command: exit %d\n", WEXITSTATUS(status));

	fprintf(stderr,
		"tkwatch: clocks: %s (threshold %" PRId64 " ns; %" PRIu64 " samples in %.3f s, longest pause %.3f ms",
		clocks_moved ? "MOVED" : "unmoved", opt.threshold, seen.samples,
		(double)(after[0].raw - base_raw) / TK_NSEC_PER_SEC,
		(double)seen.longest_pause / 1000000);
	for (i = 0; i < NR_CLOCKS; i++)
		fprintf(stderr, "; %s %+" PRId64 " ns", clocks[i].name, seen.moved_max[i]);
	fputs(")\n", stderr);
	for (i = 0; i < seen.events && i < EVENTS_MAX; i++)
		fprintf(stderr, "tkwatch: %s\n", seen.event[i]);
	if (seen.events > EVENTS_MAX)
		fprintf(stderr, "tkwatch: and %u events more\n", seen.events - EVENTS_MAX);
}

static const char usage[] =
	"[OPTION]... [--] COMMAND [ARGUMENT]...\n"
	"Run COMMAND and assert that the clocks of the initial time namespace did not move.\n"
	"\n"
	"  --threshold-ns N   movement against MONOTONIC_RAW that counts (3000)\n"
	"  --period-us N      time between two samples (5000)\n"
	"  --min-seconds N    watch at least that long (1)\n"
	"  --here             watch the time namespace that tkwatch is in\n"
	"  --no-timerfd       do not count cancelled timers as movement\n"
	"  --json FILE        write the measurements there\n"
	"\n"
	"Exit status: 0 all good, 1 COMMAND failed, 2 the clocks moved, 3 both,\n"
	"125 tkwatch could not tell.\n";

static const struct tk_option options[] = {
	TK_NUMBER("threshold-ns", &opt.threshold, 1, TK_NSEC_PER_SEC),
	TK_NUMBER("period-us", &opt.period_us, 100, 10000000),
	TK_TEXT("min-seconds", &opt.min_seconds),
	TK_FLAG("here", &opt.here),
	TK_FLAG("no-timerfd", &opt.no_timerfd),
	TK_TEXT("json", &opt.json),
	TK_NO_MORE
};

/* Returns where the command begins. */
static char **parse_options(int argc, char **argv)
{
	int at = tk_parse_options(argc, argv, options, usage, TK_COMMAND);
	struct timespec ts = tk_parse_seconds("--min-seconds", opt.min_seconds);

	if (ts.tv_sec < 0 || ts.tv_sec > 86400)
		errx(TK_EXIT_FAILURE, "--min-seconds: '%s' is outside 0..86400", opt.min_seconds);
	min_run = tk_ns(&ts);
	if (at == argc)
		errx(TK_EXIT_FAILURE, "no command given");
	return argv + at;
}

static void forward_signals(void)
{
	static const int forwarded[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction act = { .sa_handler = forward_signal, .sa_flags = SA_RESTART };
	unsigned int i;

	for (i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		if (sigaction(forwarded[i], &act, NULL))
			err(TK_EXIT_FAILURE, "sigaction(%d)", forwarded[i]);
}

/* For functions that return their error. */
static void fail(int error, const char *what)
{
	errno = error;
	err(TK_EXIT_FAILURE, "%s", what);
}

static int run_command(char *const argv[])
{
	pid_t pid, got;
	int status;
	int ret;

	ret = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (ret)
		fail(ret, argv[0]);
	command = pid;
	do {
		got = waitpid(pid, &status, 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		err(TK_EXIT_FAILURE, "waitpid");
	command = 0;
	return status;
}

/* A wrong rate shows only after a while: watch a short command for longer. */
static void wait_min_run(void)
{
	int64_t left;

	while ((left = base_raw + min_run - tk_read(CLOCK_MONOTONIC_RAW)) > 0) {
		struct timespec ts = {
			.tv_sec = left / TK_NSEC_PER_SEC,
			.tv_nsec = left % TK_NSEC_PER_SEC,
		};

		nanosleep(&ts, NULL);
	}
}

int main(int argc, char **argv)
{
	struct distance after[NR_CLOCKS];
	uint64_t one = 1;
	char **words;
	bool known = true;
	struct ntp ntp;
	pthread_t thread;
	unsigned int i;
	int status, ret;

	words = parse_options(argc, argv);
	check_namespace();
	forward_signals();

	stop_fd = eventfd(0, EFD_CLOEXEC);
	if (stop_fd < 0)
		err(TK_EXIT_FAILURE, "eventfd");
	cancel_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (cancel_fd < 0)
		err(TK_EXIT_FAILURE, "timerfd_create");
	arm_cancel();

	read_before();
	ret = pthread_create(&thread, NULL, sampler, NULL);
	if (ret)
		fail(ret, "pthread_create");

	status = run_command(words);
	wait_min_run();

	if (write(stop_fd, &one, sizeof(one)) != sizeof(one))
		err(TK_EXIT_FAILURE, "stopping the sampler");
	ret = pthread_join(thread, NULL);
	if (ret)
		fail(ret, "pthread_join");

	check_cancel();
	for (i = 0; i < NR_CLOCKS; i++) {
		after[i] = read_distance(clocks[i].id, READS_BEST, 0);
		known &= precise(&base[i], "before", i);
		known &= precise(&after[i], "after", i);
		note_distance(i, &after[i]);
		if (seen.away[i])
			clocks_moved = true;
	}
	read_ntp(&ntp);
	if (ntp_moved(&ntp))
		clocks_moved = true;

	if (seen.vague * 2 > seen.samples * NR_CLOCKS) {
		fprintf(stderr, "tkwatch: %" PRIu64 " of %" PRIu64 " readings are known to more than the threshold of %" PRId64 " ns only\n",
			seen.vague, seen.samples * NR_CLOCKS, opt.threshold);
		known = false;
	}

	report(status, after);
	if (opt.json)
		write_json(words, status, after);
	if (!known && !clocks_moved) {
		fputs("tkwatch: clocks: unknown, the readings were not precise enough\n", stderr);
		return TK_EXIT_FAILURE;
	}
	return (status ? 1 : 0) | (clocks_moved ? 2 : 0);
}
