// SPDX-License-Identifier: GPL-2.0
/*
 * Looking at the clocks of time namespaces, and setting them.
 *
 * A clock is read and set from inside, with the system calls that every program
 * uses. Only what these calls have no word for goes through timens_clock. That
 * file is addressed by process but shows the namespace which the process gives
 * to its *children* (as timens_offsets does), so it is read from inside as well:
 * a process which entered a namespace has it for its children, too.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "tkns.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME	0x00000080
#endif

#define SELF_FILE	"/proc/self/timens_clock"

/* adjtimex() counts the tick in us, of which a second has USER_HZ. */
#define TICK_NOMINAL	(1000000 / sysconf(_SC_CLK_TCK))
/* One us more in each tick is USER_HZ ppm more: 100, in units of 2^-16 ppm. */
#define TICK_PPM	(sysconf(_SC_CLK_TCK) * SPEC_PPM)

int64_t clock_now(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts))
		die_errno("clock_gettime(%d)", id);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/*
 * Files
 */

/* 0 or a negative errno. A file which does not fit is an error. */
static int read_whole(const char *path, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t got = 0;
	int fd, ret = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len < size) {
		got = read(fd, buf + len, size - len);
		if (got <= 0)
			break;
		len += got;
	}
	if (got < 0)
		ret = -errno;
	else if (len == size)
		ret = -EFBIG;
	else
		buf[len] = '\0';
	close(fd);
	return ret;
}

static int read_clock_file(const char *path, struct clock_file *clock)
{
	char text[4096], why[160];
	int ret;

	ret = read_whole(path, text, sizeof(text));
	if (ret)
		return ret;
	if (!clock_parse(text, clock, why, sizeof(why)))
		die("%s: %s", path, why);
	return 0;
}

/* The first process which is found in a time namespace, or 0 */
static pid_t ns_process(ino_t ino)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	if (!proc)
		return 0;
	while (!found && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    ns_inode(atoi(entry->d_name), "time") == ino)
			found = atoi(entry->d_name);
	closedir(proc);
	return found;
}

void clock_read_self(struct clock_file *clock)
{
	int ret = read_clock_file(SELF_FILE, clock);

	if (ret) {
		errno = -ret;
		die_errno("reading %s", SELF_FILE);
	}
}

/*
 * /proc/PID/NAME, or /proc/self/NAME for 0: the number that getpid() returns
 * is another one than that in a /proc of another pid namespace.
 */
static const char *proc_path(char *path, size_t size, pid_t pid, const char *name)
{
	if (pid)
		snprintf(path, size, "/proc/%d/%s", pid, name);
	else
		snprintf(path, size, "/proc/self/%s", name);
	return path;
}

void read_comm(pid_t pid, char *comm)
{
	char path[64];
	size_t i;

	proc_path(path, sizeof(path), pid, "comm");
	if (read_whole(path, comm, COMM_MAX))
		strcpy(comm, "?");
	comm[strcspn(comm, "\n")] = '\0';
	/* A process may call itself whatever it likes, escape sequences included. */
	for (i = 0; comm[i]; i++)
		if (comm[i] < ' ' || comm[i] > '~')
			comm[i] = '?';
}

ino_t ns_inode(pid_t pid, const char *name)
{
	char base[64], path[96], target[64];
	unsigned long ino;
	ssize_t len;
	char end;

	snprintf(path, sizeof(path), "%s/%s", proc_path(base, sizeof(base), pid, "ns"), name);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return 0;
	target[len] = '\0';
	if (sscanf(target, "time:[%lu%c", &ino, &end) != 2 || end != ']') {
		errno = EINVAL;
		return 0;
	}
	return ino;
}

/*
 * Entering
 */

int clock_open(pid_t pid, ino_t *ino)
{
	char path[64];
	struct stat st;
	int fd, ret;

	fd = open(proc_path(path, sizeof(path), pid, "ns/time"), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ino && fstat(fd, &st)) {
		ret = -errno;
		close(fd);
		return ret;
	}
	if (ino)
		*ino = st.st_ino;
	return fd;
}

int clock_enter_fd(int fd)
{
	int user, ret;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	/* Nothing to do, and so no privilege needed. */
	if (st.st_ino == ns_inode(0, "time") && st.st_ino == ns_inode(0, "time_for_children"))
		return 0;
	if (!setns(fd, CLONE_NEWTIME))
		return 0;
	ret = -errno;
	if (ret != -EPERM)
		return ret;

	/*
	 * Not privileged here. Whoever created the user namespace to which the
	 * time namespace belongs is privileged in there.
	 */
	user = ioctl(fd, NS_GET_USERNS);
	if (user < 0)
		return ret;
	ret = setns(user, CLONE_NEWUSER) || setns(fd, CLONE_NEWTIME) ? -errno : 0;
	/* An invalid one is that in which the caller is already. */
	if (ret == -EINVAL)
		ret = -EPERM;
	close(user);
	return ret;
}

int clock_enter(pid_t pid)
{
	int fd = clock_open(pid, NULL), ret;

	if (fd < 0)
		return fd;
	ret = clock_enter_fd(fd);
	close(fd);
	return ret;
}

static void read_inside(struct clock_inside *in)
{
	struct timex tx = { .modes = 0 };

	in->realtime = clock_now(CLOCK_REALTIME);
	in->state = adjtimex(&tx);
	if (in->state < 0) {
		in->error = errno;
		return;
	}
	in->valid = true;
	in->status = tx.status;
	in->tai = tx.tai;
	in->ppm = tx.freq + (tx.tick - TICK_NOMINAL) * TICK_PPM;
	in->maxerror = tx.maxerror;
	in->esterror = tx.esterror;
}

struct report {
	int error;
	struct clock_file file;
	struct clock_inside inside;
};

static void report_from_inside(pid_t pid, int fd)
{
	struct report report = { 0 };

	report.error = clock_enter(pid);
	if (!report.error) {
		report.error = read_clock_file(SELF_FILE, &report.file);
		read_inside(&report.inside);
	}
	/* Less than PIPE_BUF bytes are written at once or not at all. */
	_exit(write(fd, &report, sizeof(report)) != sizeof(report));
}

/* A child looks, since there is no way back out of a namespace. */
static int ask_child(pid_t pid, struct report *report)
{
	int fds[2], status;
	ssize_t got;
	pid_t child;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	child = fork();
	if (child < 0) {
		int ret = -errno;

		close(fds[0]);
		close(fds[1]);
		return ret;
	}
	if (!child)
		report_from_inside(pid, fds[1]);
	close(fds[1]);
	do {
		got = read(fds[0], report, sizeof(*report));
	} while (got < 0 && errno == EINTR);
	close(fds[0]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return got == sizeof(*report) ? report->error : -EIO;
}

/* Everybody may read the file, and knows the host's clock by the own one. */
static int look_from_outside(const char *path, struct snapshot *snap)
{
	struct clock_file here;
	int ret = read_clock_file(path, &snap->file);

	if (ret)
		return ret;
	clock_read_self(&here);
	snap->realtime = clock_now(CLOCK_REALTIME) - here.realtime + snap->file.realtime;
	return 0;
}

/*
 * Whose clock is it?
 */

#define OWN_SYSCTL	"/proc/sys/kernel/timens_own"

static enum own_policy read_own_policy(void)
{
	char text[16];
	int value;

	if (read_whole(OWN_SYSCTL, text, sizeof(text)) || sscanf(text, "%d", &value) != 1 ||
	    value < OWN_NONE || value > OWN_ALL)
		return OWN_NOT_KNOWN;
	return value;
}

/* Of the user namespace to which the time namespace belongs; 0 if that is not for the caller */
static ino_t read_user_ns(pid_t pid, bool children)
{
	char path[64];
	struct stat st;
	int ns, user;

	proc_path(path, sizeof(path), pid, children ? "ns/time_for_children" : "ns/time");
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return 0;
	user = ioctl(ns, NS_GET_USERNS);
	close(ns);
	if (user < 0)
		return 0;
	if (fstat(user, &st))
		st.st_ino = 0;
	close(user);
	return st.st_ino;
}

static void find_owner(struct snapshot *snap)
{
	if (snap->file.follows)
		snap->owner = ns_process(snap->file.follows);
	if (snap->owner)
		read_comm(snap->owner, snap->owner_comm);
}

static int look_at_clock(pid_t pid, bool children, struct snapshot *snap)
{
	struct report report = { 0 };
	char path[64];
	ino_t in, out;
	int ret;

	memset(snap, 0, sizeof(*snap));
	snap->pid = pid ? pid : getpid();
	read_comm(pid, snap->comm);
	proc_path(path, sizeof(path), pid, "timens_clock");

	in = ns_inode(pid, "time");
	if (!in)
		return -errno;
	out = ns_inode(pid, "time_for_children");
	if (!out)
		return -errno;
	snap->ino = children ? out : in;
	snap->own_policy = read_own_policy();
	snap->user_ns = read_user_ns(pid, children);

	/*
	 * To enter a namespace in which nobody is would freeze its offsets,
	 * and looking must not change anything.
	 */
	if (children && in != out)
		return look_from_outside(path, snap);

	ret = ask_child(pid, &report);
	if (!ret) {
		snap->file = report.file;
		snap->inside = report.inside;
		snap->realtime = report.inside.realtime;
		return 0;
	}
	snap->inside.error = -ret;
	return in == out ? look_from_outside(path, snap) : ret;
}

int clock_snapshot(pid_t pid, bool children, struct snapshot *snap)
{
	int ret = look_at_clock(pid, children, snap);

	if (!ret)
		find_owner(snap);
	return ret;
}

/*
 * Setting
 */

bool clock_change_any(const struct clock_change *c)
{
	return c->set || c->freq || c->rate || c->leap || c->smear || c->tai;
}

static const char *kind_name(const struct spec_leap *leap)
{
	return leap->kind == SPEC_LEAP_INSERT ? "insert" : "delete";
}

/* The midnight at which the leap second of the options is, in ns. */
static int64_t leap_midnight(const struct clock_change *c, int64_t now)
{
	int64_t day = c->leap && c->second.dated ? c->second.day : spec_next_leap_day(now);

	return (day + 1) * SECS_PER_DAY * NSEC_PER_SEC;
}

/* What the clock will show once it is set, when it shows @now. */
static int64_t target(const struct clock_change *c, int64_t now)
{
	int64_t base = 0, ns;

	if (!c->set)
		return now;
	if (c->time.when == SPEC_RELATIVE)
		base = now;
	else if (c->time.when == SPEC_LEAP)
		base = leap_midnight(c, now);
	else if (c->time.when == SPEC_TODAY)
		base = spec_day_of(now) * SECS_PER_DAY * NSEC_PER_SEC;
	if (__builtin_add_overflow(base, c->time.ns, &ns) || ns < 0 ||
	    ns / NSEC_PER_SEC > SPEC_SEC_MAX)
		die("%s: '%s' leads out of the range of clocks, 1970-01-01 to 2232-04-18",
		    c->time_option, c->time_text);
	return ns;
}

/* @now is what the clock shows when the leap second is armed. */
static void check_leap(const struct clock_change *c, int64_t now)
{
	int64_t day = spec_day_of(now), left = (day + 1) * SECS_PER_DAY * NSEC_PER_SEC - now;
	char shown[SPEC_TEXT], date[SPEC_TEXT];
	int ahead;

	if (!c->leap || c->second.kind == SPEC_LEAP_NONE)
		return;
	if (c->second.dated && c->second.day != day) {
		spec_format_date(date, c->second.day);
		die("--leap %s@%s: the clock %s %s, and a leap second can be armed on its day only; set the clock with --set leap-20s or --set %s",
		    kind_name(&c->second), date, c->set ? "would show" : "shows",
		    spec_format_time(shown, now), date);
	}
	/*
	 * What is armed is taken up at the next turn of a second, and has to be
	 * before the last second that stays: 23:59:59, or 23:59:58 of a day
	 * whose last one is left out.
	 */
	ahead = c->second.kind == SPEC_LEAP_DELETE ? 2 : 1;
	if (left <= ahead * NSEC_PER_SEC)
		die("--leap %s: the clock %s %s, which is too late: it must be armed more than %d s before midnight; set the clock with --set leap-20s",
		    kind_name(&c->second), c->set ? "would show" : "shows",
		    spec_format_time(shown, now), ahead);
}

/* With the clock showing @now and the file being @clock */
static void check(const struct clock_change *c, const struct clock_file *clock, int64_t now)
{
	if (c->rate && !clock->has_rate)
		die("--rate: this kernel is an older one whose clocks have no rate (no line 'rate' in %s)",
		    SELF_FILE);
	if (c->smear && !clock->has_policy)
		die("--smear: this kernel is an older one which cannot smear leap seconds (no line 'leap' in %s)",
		    SELF_FILE);
	/* --set leap+1s would arm the leap second of another day than it names. */
	if (c->leap && c->second.kind != SPEC_LEAP_NONE && c->set && c->time.when == SPEC_LEAP &&
	    c->time.ns >= 0)
		die("%s: '%s' is not before the leap second which --leap is to arm",
		    c->time_option, c->time_text);
	check_leap(c, target(c, now));
}

void clock_prepare(struct clock_change *c)
{
	struct clock_file file;

	clock_read_self(&file);
	spec_resolve_leap(&c->second, spec_day_of(clock_now(CLOCK_REALTIME)));
	check(c, &file, clock_now(CLOCK_REALTIME));
}

void clock_command(const char *command)
{
	int fd = open(SELF_FILE, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(command);
	ssize_t done;

	if (fd < 0)
		die_errno("opening %s", SELF_FILE);
	done = write(fd, command, len);
	if (done < 0) {
		switch (errno) {
		case EBUSY:
			die("'%s' to %s: a smear is under way, wait for its end or arm none (--leap none)",
			    command, SELF_FILE);
		case EINVAL:
		case ERANGE:
			die("'%s' to %s: this kernel does not accept it", command, SELF_FILE);
		case EOPNOTSUPP:
			die("this namespace may not own a clock (sysctl kernel.timens_own), so what is set in it is the machine's: nothing was changed");
		case ENOSPC:
			die("no more clocks for this user (sysctl user.max_time_clocks)");
		case EPERM:
			die("'%s' to %s: not permitted: it takes CAP_SYS_TIME in the user namespace which owns the time namespace",
			    command, SELF_FILE);
		default:
			die_errno("'%s' to %s", command, SELF_FILE);
		}
	}
	if ((size_t)done != len)
		die("%s took %zd of the %zu bytes of '%s'", SELF_FILE, done, len, command);
	close(fd);
}

static int adjust(const char *what, struct timex *tx)
{
	int state = adjtimex(tx);

	if (state < 0)
		die_errno("%s: adjtimex(modes 0x%x)", what, tx->modes);
	return state;
}

static void set_time(const struct clock_change *c)
{
	struct timespec ts;
	int64_t ns;

	if (c->time.when == SPEC_RELATIVE) {
		/* A step, so that no time between a reading and a setting is lost. */
		struct timex tx = { .modes = ADJ_SETOFFSET | ADJ_NANO };
		struct timex units = { .modes = 0 };

		adjust(c->time_option, &units);
		tx.time.tv_sec = c->time.ns / NSEC_PER_SEC;
		tx.time.tv_usec = c->time.ns % NSEC_PER_SEC;
		if (tx.time.tv_usec < 0) {
			tx.time.tv_sec--;
			tx.time.tv_usec += NSEC_PER_SEC;
		}
		adjust(c->time_option, &tx);
		/* ADJ_NANO stays; the units are put back to what programs had before. */
		if (!(units.status & STA_NANO)) {
			units.modes = ADJ_MICRO;
			adjust(c->time_option, &units);
		}
		return;
	}
	ns = target(c, clock_now(CLOCK_REALTIME));
	ts.tv_sec = ns / NSEC_PER_SEC;
	ts.tv_nsec = ns % NSEC_PER_SEC;
	if (clock_settime(CLOCK_REALTIME, &ts)) {
		/* The kernel keeps the time of boot behind 1970. */
		if (errno == EINVAL)
			die("%s: '%s' is not accepted: CLOCK_REALTIME would be less than CLOCK_MONOTONIC",
			    c->time_option, c->time_text);
		die_errno("%s: clock_settime('%s')", c->time_option, c->time_text);
	}
}

static void set_frequency(int64_t ppm)
{
	struct timex tx = { .modes = ADJ_FREQUENCY | ADJ_TICK };
	int64_t unit = TICK_PPM, ticks = 0;

	/* The tick takes what the frequency cannot hold, to the nearest. */
	if (ppm > SPEC_PPM_FREQ || ppm < -SPEC_PPM_FREQ)
		ticks = (ppm + (ppm < 0 ? -unit : unit) / 2) / unit;
	tx.tick = TICK_NOMINAL + ticks;
	tx.freq = ppm - ticks * unit;
	adjust("--freq", &tx);
}

static void arm(const struct clock_change *c)
{
	struct timex tx = { .modes = 0 };
	struct clock_file file;
	int status, wanted = 0;

	if (c->second.kind == SPEC_LEAP_INSERT)
		wanted = STA_INS;
	else if (c->second.kind == SPEC_LEAP_DELETE)
		wanted = STA_DEL;
	adjust("--leap", &tx);
	status = tx.status & ~(STA_INS | STA_DEL);

	/*
	 * What is armed stays armed: withdrawn for a moment, a smear under way
	 * would bend back.
	 */
	clock_read_self(&file);
	if (file.has_smear && file.smear == SMEAR_RUNNING && !c->set &&
	    wanted && (tx.status & (STA_INS | STA_DEL)) == wanted)
		return;

	/*
	 * The kernel's leap second state outlives a step of the clock, but the
	 * second that it waits for does not, so a new order would be taken for
	 * the old one. Leaving STA_PLL resets the state. After that a daemon
	 * which steers the clock finds its status as it was.
	 */
	tx = (struct timex) { .modes = ADJ_STATUS, .status = STA_PLL };
	adjust("--leap", &tx);
	tx = (struct timex) { .modes = ADJ_STATUS, .status = 0 };
	adjust("--leap", &tx);

	tx = (struct timex) { .modes = ADJ_STATUS, .status = status };
	if (wanted) {
		check_leap(c, clock_now(CLOCK_REALTIME));
		/*
		 * A clock which is not synchronised announces nothing: adjtimex()
		 * would say TIME_ERROR, not TIME_INS. Announcements come from
		 * sources of time, so this is what programs find together.
		 */
		tx.status &= ~STA_UNSYNC;
		tx.status |= wanted;
		tx.modes |= ADJ_MAXERROR | ADJ_ESTERROR;
	}
	adjust("--leap", &tx);
}

/*
 * Where namespaces do not own what they set, the system calls would set the machine's clock.
 * A command to the file never does: it makes the namespace an owner, or fails.
 */
static void become_owner(void)
{
	struct clock_file file;

	clock_read_self(&file);
	if (!file.own && file.has_rate)
		clock_command("rate 1");
}

void clock_apply(const struct clock_change *c)
{
	char text[SPEC_TEXT + 16], rate[SPEC_TEXT];
	struct timex tx;

	if (clock_change_any(c))
		become_owner();
	/* Nothing can be changed in the policy of a leap second that is armed. */
	if (c->leap && c->second.kind == SPEC_LEAP_NONE)
		arm(c);
	/* The rate comes first: all else is then said to the clock as it will run. */
	if (c->rate) {
		snprintf(text, sizeof(text), "rate %s", spec_format_rate(rate, c->factor));
		clock_command(text);
	}
	if (c->set)
		set_time(c);
	if (c->tai) {
		tx = (struct timex) { .modes = ADJ_TAI, .constant = c->tai_offset };
		adjust("--tai", &tx);
	}
	if (c->freq)
		set_frequency(c->ppm);
	if (c->smear) {
		snprintf(text, sizeof(text), "leap %s", c->policy.policy);
		clock_command(text);
	}
	/* Last, as a step of the clock withdraws what is armed. */
	if (c->leap && c->second.kind != SPEC_LEAP_NONE)
		arm(c);
}
