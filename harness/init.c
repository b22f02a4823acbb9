// SPDX-License-Identifier: GPL-2.0
/*
 * Process 1 of the guest: set the machine up, assert that it is the machine
 * that the suite is meant for, run the suite, report.
 *
 * Three channels leave the guest, each an I/O port behind which QEMU keeps a
 * file: the suite's standard output (KTAP), a tar of what the suite left in
 * /out, and the verdict. A byte written to a port is in the file when the
 * instruction ends; there is no driver and no buffer that a dying kernel could
 * take with it. The verdict is the very last thing written: whatever happens
 * before that, a missing verdict is a failure.
 *
 * Every call is checked. What fails is reported as the verdict, because
 * process 1 has nobody else to tell.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* The ports, as scripts/boot.sh gives them to QEMU. */
#define PORT_KTAP	0xe9
#define PORT_FILES	0xea
#define PORT_VERDICT	0xeb

#define MAX_ARGS	32
#define MAX_INDENT	64

/*
 * How long the machine may take to settle, or a process to die, in ms, where
 * the machine is as fast as the one that this was written on; see settle_ms().
 */
#define SETTLE_MS	10000

/*
 * Limits are for hangs. With instruction counting the guest's time is
 * deterministic, and tkt.timeout= is a limit in it. In real time the guest is
 * as fast as the machine below has time for it: tkt.quiet= is how many seconds
 * may pass without a word of the suite, on a machine which reaches this
 * process within tkt.nominal_ms= of its boot. One that takes longer gets as
 * many times more. A suite that prints may run for ever: boot.sh has the last
 * word.
 */

static struct {
	char		*suite;
	char		*clocksource;
	char		*uname;
	char		*need;
	long		timeout;
	long		quiet;
	long		nominal_ms;
	long		cpus;
	bool		shell;
	bool		lockdep;
	char		*argv[MAX_ARGS + 2];
	unsigned int	argc;
} opt;

/*
 * What the KTAP stream said so far. A result line is a test of its own or
 * sums up the deeper indented ones before it; the latter is not counted,
 * unless it fails although none of its subtests did.
 */
static struct {
	unsigned int	ok, not_ok, skip;
	unsigned int	top, plan;
	bool		planned;
	bool		seen[MAX_INDENT + 1];
	bool		failed[MAX_INDENT + 1];
	char		line[512];
	size_t		len;
	char		last[512];
} ktap;

/* How many times slower than nominal this machine is, at least 1. */
static int64_t slow = 1;

static void port_write(unsigned short port, const char *data, size_t len)
{
	while (len--)
		outb((unsigned char)*data++, port);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	/* Cannot fail: a valid clock and a valid pointer. */
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t settle_ms(void)
{
	return SETTLE_MS * slow;
}

static void __attribute__((noreturn)) power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	/* QEMU runs with -no-reboot, so that this ends it as well. */
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

static void __attribute__((noreturn, format(printf, 2, 3)))
verdict(bool pass, const char *fmt, ...)
{
	char text[512], line[768];
	va_list ap;
	int len;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	len = snprintf(line, sizeof(line),
		       "verdict: %s ok=%u not_ok=%u skip=%u ms=%lld %s\n",
		       pass ? "pass" : "fail", ktap.ok, ktap.not_ok, ktap.skip,
		       (long long)now_ms(), text);
	fprintf(stderr, "init: %s", line);
	fflush(stderr);
	port_write(PORT_VERDICT, line, (size_t)len);
	power_off();
}

#define fail(...)	verdict(false, __VA_ARGS__)
#define fail_errno(what, arg) \
	fail("reason=init: %s %s: %s", what, arg, strerror(errno))

/* The first line of a file, without its end. */
static bool read_line(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	bool got;

	if (!f)
		return false;
	got = fgets(buf, (int)size, f);
	fclose(f);
	if (got)
		buf[strcspn(buf, "\n")] = '\0';
	return got;
}

static void make_dir(const char *path, mode_t mode)
{
	if (mkdir(path, mode) && errno != EEXIST)
		fail_errno("mkdir", path);
	if (chmod(path, mode))
		fail_errno("chmod", path);
}

#define NOSUID	MS_NOSUID
#define PLAIN	(MS_NOSUID | MS_NODEV)
#define PSEUDO	(MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* A mode of 0: the directory is there already, in another pseudo file system. */
static const struct {
	const char	*type;
	const char	*where;
	const char	*data;
	unsigned long	flags;
	mode_t		mode;
} mounts[] = {
	{ "proc",	"/proc",		NULL,			PSEUDO, 0555 },
	{ "sysfs",	"/sys",			NULL,			PSEUDO, 0555 },
	{ "devtmpfs",	"/dev",			"mode=0755",		NOSUID, 0755 },
	{ "devpts",	"/dev/pts",		"mode=0620,ptmxmode=0666", NOSUID, 0755 },
	{ "tmpfs",	"/dev/shm",		"mode=1777",		PLAIN,	01777 },
	{ "mqueue",	"/dev/mqueue",		NULL,			PSEUDO, 01777 },
	{ "tmpfs",	"/tmp",			"mode=1777",		PLAIN,	01777 },
	{ "tmpfs",	"/run",			"mode=0755",		PLAIN,	0755 },
	{ "cgroup2",	"/sys/fs/cgroup",	NULL,			PSEUDO, 0 },
	{ "debugfs",	"/sys/kernel/debug",	NULL,			PSEUDO, 0 },
	{ "tracefs",	"/sys/kernel/tracing",	NULL,			PSEUDO, 0 },
};

static void set_up_mounts(void)
{
	static const char again[] = "/.root";
	size_t i;

	/*
	 * The initial root cannot be pivoted away from, and container runtimes
	 * do just that. A bind mount of it, moved on top of it, can.
	 */
	make_dir(again, 0755);
	if (mount("/", again, NULL, MS_BIND, NULL))
		fail_errno("bind mount", "/");
	if (chdir(again))
		fail_errno("chdir", again);
	if (mount(".", "/", NULL, MS_MOVE, NULL))
		fail_errno("move mount", "/");
	if (chroot("."))
		fail_errno("chroot", again);
	if (chdir("/"))
		fail_errno("chdir", "/");
	if (rmdir(again))
		fail_errno("rmdir", again);
	if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL))
		fail_errno("private mount", "/");

	for (i = 0; i < ARRAY_SIZE(mounts); i++) {
		if (mounts[i].mode)
			make_dir(mounts[i].where, mounts[i].mode);
		if (mount(mounts[i].type, mounts[i].where, mounts[i].type,
			  mounts[i].flags, mounts[i].data))
			fail_errno("mount", mounts[i].where);
	}

	/* Owners are lost when the image is packed by a plain user. */
	make_dir("/out", 01777);
	make_dir("/home", 0755);
	make_dir("/home/user", 0755);
	if (chown("/home/user", 1000, 1000))
		fail_errno("chown", "/home/user");
}

static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);
	int i;

	if (fd < 0)
		fail_errno("open", "/dev/console");
	for (i = 0; i < 3; i++)
		if (dup2(fd, i) < 0)
			fail_errno("dup2", "/dev/console");
	if (fd > 2)
		close(fd);
}

static void set_up_network(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail_errno("socket", "AF_INET");
	if (ioctl(fd, SIOCGIFFLAGS, &ifr))
		fail_errno("SIOCGIFFLAGS", "lo");
	ifr.ifr_flags |= IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		fail_errno("SIOCSIFFLAGS", "lo");
	close(fd);
	if (sethostname("timens", strlen("timens")))
		fail_errno("sethostname", "timens");
}

static long number(const char *name, const char *text)
{
	char *end;
	long val;

	errno = 0;
	val = strtol(text, &end, 10);
	if (errno || end == text || *end || val < 0)
		fail("reason=init: '%s' is no number for %s", text, name);
	return val;
}

static void parse_option(char *word)
{
	char *val = strchr(word, '=');

	if (!val)
		fail("reason=init: '%s' on the command line has no value", word);
	*val++ = '\0';

	if (!strcmp(word, "tkt.suite")) {
		opt.suite = val;
	} else if (!strcmp(word, "tkt.timeout")) {
		opt.timeout = number(word, val);
	} else if (!strcmp(word, "tkt.quiet")) {
		opt.quiet = number(word, val);
	} else if (!strcmp(word, "tkt.nominal_ms")) {
		opt.nominal_ms = number(word, val);
	} else if (!strcmp(word, "tkt.cpus")) {
		opt.cpus = number(word, val);
	} else if (!strcmp(word, "tkt.clocksource")) {
		opt.clocksource = val;
	} else if (!strcmp(word, "tkt.uname")) {
		opt.uname = val;
	} else if (!strcmp(word, "tkt.need")) {
		opt.need = val;
	} else if (!strcmp(word, "tkt.lockdep")) {
		opt.lockdep = number(word, val);
	} else if (!strcmp(word, "tkt.shell")) {
		opt.shell = number(word, val);
	} else if (!strcmp(word, "tkt.arg")) {
		if (opt.argc >= MAX_ARGS)
			fail("reason=init: more than %d tkt.arg", MAX_ARGS);
		opt.argv[1 + opt.argc++] = val;
	} else {
		fail("reason=init: unknown option '%s'", word);
	}
}

static void parse_command_line(void)
{
	static char buf[8192];
	char *word, *save = NULL;

	if (!read_line("/proc/cmdline", buf, sizeof(buf)))
		fail_errno("read", "/proc/cmdline");
	for (word = strtok_r(buf, " ", &save); word; word = strtok_r(NULL, " ", &save))
		if (!strncmp(word, "tkt.", 4))
			parse_option(word);
	if (opt.shell)
		return;
	if (!opt.suite || !*opt.suite || strchr(opt.suite, '/'))
		fail("reason=init: tkt.suite= is missing or not a name");
	if (!opt.cpus || !opt.uname || !opt.clocksource)
		fail("reason=init: tkt.cpus=, uname= or clocksource= is missing");
	if (!opt.timeout && (!opt.quiet || !opt.nominal_ms))
		fail("reason=init: neither tkt.timeout= nor tkt.quiet= and nominal_ms=");
}

/*
 * The boot is the work by which the machine is measured: some of everything,
 * and done anyway. Programs of the suite find the result in TKT_SLOW; and where
 * time is counted in instructions, TKT_EXACT=1.
 */
static void measure_speed(void)
{
	int64_t took = now_ms();
	char text[32];

	if (opt.nominal_ms) {
		slow = (took + opt.nominal_ms - 1) / opt.nominal_ms;
		if (slow < 1)
			slow = 1;
		fprintf(stderr, "init: here after %lld ms, nominal %ld: limits count %lld times\n",
			(long long)took, opt.nominal_ms, (long long)slow);
	}
	snprintf(text, sizeof(text), "%lld", (long long)slow);
	if (setenv("TKT_SLOW", text, 1) || setenv("TKT_EXACT", opt.nominal_ms ? "0" : "1", 1))
		fail_errno("setenv", "TKT_SLOW");
}

static void check_uname(void)
{
	size_t have, want = strlen(opt.uname);
	struct utsname uts;

	if (uname(&uts))
		fail_errno("uname", "");
	have = strlen(uts.release);
	if (have < want || strcmp(uts.release + have - want, opt.uname))
		fail("reason=precondition: kernel %s does not end in %s",
		     uts.release, opt.uname);
}

static void check_cpus(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (cpus != opt.cpus)
		fail("reason=precondition: %ld CPUs online, %ld wanted", cpus, opt.cpus);
}

/* Interrupts of the local timer that a CPU has taken, -1 if the kernel does not tell */
static long local_ticks(long cpu)
{
	FILE *f = fopen("/proc/interrupts", "re");
	char line[1024];
	long n = -1;

	if (!f)
		fail_errno("open", "/proc/interrupts");
	while (fgets(line, sizeof(line), f)) {
		char *p = strstr(line, "LOC:");
		long i;

		if (!p)
			continue;
		for (i = 0, p += strlen("LOC:"); i <= cpu; i++)
			n = strtol(p, &p, 10);
		break;
	}
	fclose(f);
	return n;
}

/*
 * QEMU with a thread for each CPU sometimes loses the timer of one while it boots: that
 * CPU takes no tick any more, and what waits there waits for ever. It has nothing to do
 * with what is tested, so scripts/boot.sh boots again when it reads this reason.
 */
static void check_ticks(void)
{
	cpu_set_t all, one;
	long cpu;

	if (sched_getaffinity(0, sizeof(all), &all))
		fail_errno("sched_getaffinity", "0");
	for (cpu = 0; cpu < opt.cpus; cpu++) {
		int64_t end = now_ms() + settle_ms();
		long was;

		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one))
			fail_errno("sched_setaffinity", "0");
		/* A CPU which is busy has ticks */
		for (was = local_ticks(cpu); was >= 0 && local_ticks(cpu) == was;)
			if (now_ms() > end)
				fail("reason=emulator: CPU %ld takes no timer interrupts", cpu);
	}
	if (sched_setaffinity(0, sizeof(all), &all))
		fail_errno("sched_setaffinity", "0");
}

static void check_clocksource(void)
{
	static const char path[] =
		"/sys/devices/system/clocksource/clocksource0/current_clocksource";
	int64_t end = now_ms() + settle_ms();
	char name[64];

	if (!strcmp(opt.clocksource, "any"))
		return;

	/* The TSC is refined for a second before it takes over from tsc-early. */
	for (;;) {
		if (!read_line(path, name, sizeof(name)))
			fail_errno("read", path);
		if (!strcmp(name, opt.clocksource))
			return;
		if (now_ms() > end)
			fail("reason=precondition: clocksource is %s, %s wanted",
			     name, opt.clocksource);
		usleep(10000);
	}
}

/* fork(), and in the child undo what only process 1 should have. */
static pid_t spawn(void)
{
	sigset_t none;
	pid_t pid = fork();

	if (pid < 0)
		fail_errno("fork", "");
	if (pid)
		return pid;

	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) || setsid() < 0 ||
	    ioperm(PORT_KTAP, PORT_VERDICT - PORT_KTAP + 1, 0)) {
		fprintf(stderr, "init: child: %s\n", strerror(errno));
		_exit(126);
	}
	return 0;
}

static void __attribute__((noreturn)) run(char *const argv[])
{
	execv(argv[0], argv);
	fprintf(stderr, "init: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Run a program of the image; *fd becomes its standard output. */
static pid_t run_helper(char *const argv[], int *fd)
{
	int pipefd[2];
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC))
		fail_errno("pipe2", argv[0]);
	pid = spawn();
	if (!pid) {
		if (dup2(pipefd[1], STDOUT_FILENO) < 0)
			_exit(126);
		run(argv);
	}
	close(pipefd[1]);
	*fd = pipefd[0];
	return pid;
}

static void helper_done(pid_t pid, const char *name)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		fail_errno("waitpid", name);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail("reason=init: %s ended with status 0x%x", name, status);
}

/* Is SYMBOL=value (one of the comma separated needs) what line says? */
static bool config_line_is(const char *line, const char *symbol, size_t len)
{
	return !strncmp(line, "CONFIG_", 7) && !strncmp(line + 7, symbol, len) &&
	       line[7 + len] == '=';
}

static void check_config(void)
{
	static char zcat[] = "/busybox/zcat", config_gz[] = "/proc/config.gz";
	char *const argv[] = { zcat, config_gz, NULL };
	static char *lines[8192];
	size_t n = 0, i, cap = 0;
	char *need, *save = NULL, *line = NULL;
	FILE *f;
	pid_t pid;
	int fd;

	if (!opt.need || !*opt.need)
		return;

	pid = run_helper(argv, &fd);
	f = fdopen(fd, "r");
	if (!f)
		fail_errno("fdopen", config_gz);
	while (getline(&line, &cap, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "CONFIG_", 7))
			continue;
		if (n == ARRAY_SIZE(lines))
			fail("reason=init: more than %zu lines in %s", n, config_gz);
		lines[n++] = line;
		line = NULL;
		cap = 0;
	}
	fclose(f);
	helper_done(pid, zcat);
	if (!n)
		fail("reason=init: nothing in %s", config_gz);

	for (need = strtok_r(opt.need, ",", &save); need; need = strtok_r(NULL, ",", &save)) {
		char *want = strchr(need, '=');
		const char *have = "n";

		if (!want)
			fail("reason=init: '%s' in tkt.need has no value", need);
		for (i = 0; i < n; i++)
			if (config_line_is(lines[i], need, (size_t)(want - need)))
				have = strchr(lines[i], '=') + 1;
		if (strcmp(have, want + 1))
			fail("reason=precondition: CONFIG_%.*s is %s, %s wanted",
			     (int)(want - need), need, have, want + 1);
	}
}

static void ktap_line(const char *line)
{
	size_t indent = strspn(line, " "), i;
	bool ok, parent = false, child_failed = false;
	const char *s = line + indent;

	if (indent > MAX_INDENT)
		return;
	if (!indent && !strncmp(s, "1..", 3) && isdigit((unsigned char)s[3])) {
		ktap.plan += (unsigned int)strtoul(s + 3, NULL, 10);
		ktap.planned = true;
		return;
	}
	ok = strncmp(s, "not ", 4);
	if (!ok)
		s += 4;
	if (strncmp(s, "ok ", 3) || !isdigit((unsigned char)s[3]))
		return;

	if (!indent)
		ktap.top++;
	for (i = indent + 1; i <= MAX_INDENT; i++) {
		parent |= ktap.seen[i];
		child_failed |= ktap.failed[i];
		ktap.seen[i] = false;
		ktap.failed[i] = false;
	}
	ktap.seen[indent] = true;
	if (!ok) {
		ktap.failed[indent] = true;
		if (!child_failed)
			ktap.not_ok++;
	} else if (!parent) {
		if (strcasestr(s, "# skip"))
			ktap.skip++;
		else
			ktap.ok++;
	}
}

static void ktap_data(const char *data, size_t len)
{
	port_write(PORT_KTAP, data, len);
	for (; len; len--, data++) {
		if (*data != '\n') {
			/* The start of a line is all that matters here. */
			if (ktap.len < sizeof(ktap.line) - 1)
				ktap.line[ktap.len++] = *data;
			continue;
		}
		ktap.line[ktap.len] = '\0';
		if (ktap.len)
			memcpy(ktap.last, ktap.line, ktap.len + 1);
		ktap.len = 0;
		ktap_line(ktap.line);
	}
}

/* Forward what there is; false at the end of the stream. */
static bool ktap_forward(int fd)
{
	char buf[4096];
	ssize_t len = read(fd, buf, sizeof(buf));

	if (len < 0)
		fail_errno("read", "suite");
	ktap_data(buf, (size_t)len);
	return len;
}

/* A file of /proc into the report, as comments */
static void ktap_file(const char *path, const char *what)
{
	char line[256], text[320];
	FILE *f = fopen(path, "re");

	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		snprintf(text, sizeof(text), "# %s: %s\n", what, line);
		ktap_data(text, strlen(text));
	}
	fclose(f);
}

/* Who is left, and where in the kernel. Threads of the kernel have no program. */
static void tell_survivors(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;

	if (!proc)
		fail_errno("open", "/proc");
	while ((d = readdir(proc))) {
		char path[64], exe[8], what[32];
		const pid_t pid = atoi(d->d_name);

		snprintf(path, sizeof(path), "/proc/%d/exe", pid);
		if (pid <= 1 || (readlink(path, exe, sizeof(exe)) < 0 && errno == ENOENT))
			continue;
		snprintf(what, sizeof(what), "%d survives", pid);
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		ktap_file(path, what);
		snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
		ktap_file(path, what);
		snprintf(path, sizeof(path), "/proc/%d/stack", pid);
		ktap_file(path, what);
	}
	closedir(proc);
}

/* Nothing of the suite may still run when the machine is judged. */
static bool kill_all(void)
{
	int64_t end = now_ms() + settle_ms();

	if (kill(-1, SIGKILL) && errno != ESRCH)
		fail_errno("kill", "-1");
	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0 && errno == ECHILD)
			return true;
		if (pid < 0)
			fail_errno("waitpid", "-1");
		if (pid > 0)
			continue;
		if (now_ms() > end)
			return false;
		usleep(10000);
	}
}

/* Why the suite was cut off */
static char cut[768];

/* Of two limits in ms, either of which may be none (0): what is left of the nearer one. */
static int64_t time_left(int64_t begun, int64_t heard)
{
	int64_t now = now_ms(), left = INT64_MAX;
	int64_t total = opt.timeout * 1000, quiet = opt.quiet * 1000 * slow;

	if (total && begun + total - now < left)
		left = begun + total - now;
	if (quiet && heard + quiet - now < left)
		left = heard + quiet - now;
	if (left > 0)
		return left;
	if (total && begun + total <= now)
		snprintf(cut, sizeof(cut), "%s took longer than %ld s; last line: %s", opt.suite,
			 opt.timeout, ktap.last);
	else
		snprintf(cut, sizeof(cut), "%s printed nothing for %lld s; last line: %s",
			 opt.suite, (long long)(now - heard) / 1000, ktap.last);
	return 0;
}

/*
 * Run the suite until it ends and its output with it, or until a limit.
 * Returns its wait status, or -1 when it was cut off.
 */
static int run_suite(void)
{
	struct pollfd fds[2];
	char path[256];
	sigset_t mask;
	int pipefd[2], sigfd, status = -1, null;
	bool running = true, open_end = true;
	int64_t begun, heard, end = 0;
	pid_t suite;

	snprintf(path, sizeof(path), "/suites/%s", opt.suite);
	if (access(path, X_OK))
		fail_errno("access", path);
	opt.argv[0] = path;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &mask, NULL))
		fail_errno("sigprocmask", "SIGCHLD");
	sigfd = signalfd(-1, &mask, SFD_CLOEXEC);
	if (sigfd < 0)
		fail_errno("signalfd", "SIGCHLD");
	if (pipe2(pipefd, O_CLOEXEC))
		fail_errno("pipe2", path);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0)
		fail_errno("open", "/dev/null");

	begun = now_ms();
	heard = begun;
	suite = spawn();
	if (!suite) {
		if (dup2(null, STDIN_FILENO) < 0 || dup2(pipefd[1], STDOUT_FILENO) < 0)
			_exit(126);
		run(opt.argv);
	}
	close(pipefd[1]);

	fds[0] = (struct pollfd){ .fd = pipefd[0], .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = sigfd, .events = POLLIN };
	while (running || open_end) {
		int64_t left = running ? time_left(begun, heard) : end - now_ms();
		int n;

		/* Something that outlives the suite holds its output open. */
		if (left <= 0)
			return running ? -1 : status;
		if (!open_end)
			fds[0].fd = -1;
		n = poll(fds, ARRAY_SIZE(fds), left > 60000 ? 60000 : (int)left);
		if (n < 0 && errno != EINTR)
			fail_errno("poll", "suite");
		if (n <= 0)
			continue;
		if (fds[0].revents) {
			open_end = ktap_forward(pipefd[0]);
			heard = now_ms();
		}
		if (fds[1].revents) {
			struct signalfd_siginfo info;
			int st;
			pid_t pid;

			if (read(sigfd, &info, sizeof(info)) != sizeof(info))
				fail_errno("read", "signalfd");
			while ((pid = waitpid(-1, &st, WNOHANG)) > 0) {
				if (pid != suite)
					continue;
				status = st;
				running = false;
				/* What it left behind must let go of the pipe. */
				if (open_end && kill(-1, SIGKILL) && errno != ESRCH)
					fail_errno("kill", "-1");
				end = now_ms() + settle_ms();
			}
		}
	}
	return status;
}

static void send_files(void)
{
	static char tar[] = "/busybox/tar", create[] = "-c", from[] = "-C",
		    out[] = "/out", file[] = "-f", std_out[] = "-", dot[] = ".";
	char *const argv[] = { tar, create, from, out, file, std_out, dot, NULL };
	char buf[4096];
	ssize_t len;
	pid_t pid;
	int fd;

	pid = run_helper(argv, &fd);
	while ((len = read(fd, buf, sizeof(buf))) > 0)
		port_write(PORT_FILES, buf, (size_t)len);
	if (len < 0)
		fail_errno("read", tar);
	close(fd);
	helper_done(pid, tar);
}

/*
 * What the kernel thought of it: a bad page, an oops, a warning, a soft
 * lockup. Test taints (KUnit) and the like are none of our business.
 */
static void check_kernel(void)
{
	static const unsigned long bad = 1UL << 5 | 1UL << 7 | 1UL << 9 | 1UL << 14;
	char text[64], *end;
	unsigned long taint;
	FILE *f;
	int on;

	if (!read_line("/proc/sys/kernel/tainted", text, sizeof(text)))
		fail_errno("read", "/proc/sys/kernel/tainted");
	taint = strtoul(text, &end, 10);
	if (end == text || *end)
		fail("reason=init: '%s' in /proc/sys/kernel/tainted", text);
	if (taint & bad)
		fail("reason=kernel is tainted: 0x%lx", taint);

	if (!opt.lockdep)
		return;
	/* A lockdep report, or a taint, switches it off for good. */
	f = fopen("/proc/lockdep_stats", "re");
	if (!f)
		fail_errno("open", "/proc/lockdep_stats");
	on = -1;
	while (fgets(text, sizeof(text), f))
		if (sscanf(text, " debug_locks: %d", &on) == 1)
			break;
	fclose(f);
	if (on != 1)
		fail("reason=lockdep is off: it has reported something, see the console");
}

static void __attribute__((noreturn)) run_shell(void)
{
	static char shell[] = "/bin/bash", login[] = "-l";
	char *const argv[] = { shell, login, NULL };
	pid_t pid, done;

	pid = spawn();
	if (!pid) {
		/* A session leader that opens a terminal gets it. */
		int fd = open("/dev/ttyS0", O_RDWR), i;

		for (i = 0; i < 3 && fd >= 0; i++)
			if (dup2(fd, i) < 0)
				_exit(126);
		run(argv);
	}
	do {
		done = waitpid(-1, NULL, 0);
	} while (done != pid && (done > 0 || errno == EINTR));
	verdict(true, "reason=shell");
}

int main(void)
{
	int status;

	if (getpid() != 1) {
		fprintf(stderr, "init: this is meant to be process 1\n");
		return 1;
	}
	if (ioperm(PORT_KTAP, PORT_VERDICT - PORT_KTAP + 1, 1)) {
		fprintf(stderr, "init: ioperm: %s\n", strerror(errno));
		power_off();
	}
	set_up_mounts();
	open_console();
	set_up_network();
	if (setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin:/busybox", 1) ||
	    setenv("HOME", "/root", 1) || setenv("LC_ALL", "C", 1) ||
	    setenv("TERM", "vt100", 1))
		fail_errno("setenv", "PATH");
	umask(022);
	parse_command_line();
	if (opt.shell)
		run_shell();

	measure_speed();
	check_uname();
	check_cpus();
	check_ticks();
	check_clocksource();
	check_config();

	status = run_suite();
	if (!kill_all()) {
		tell_survivors();
		fail("reason=%s: a process survives SIGKILL", opt.suite);
	}
	if (ktap.len)
		ktap_data("\n", 1);
	send_files();
	check_kernel();

	if (status < 0)
		fail("reason=timeout: %s", cut);
	if (WIFSIGNALED(status))
		fail("reason=%s was killed by signal %d", opt.suite, WTERMSIG(status));
	if (WEXITSTATUS(status))
		fail("reason=%s exited with %d", opt.suite, WEXITSTATUS(status));
	if (ktap.not_ok)
		fail("reason=%u failed", ktap.not_ok);
	if (ktap.planned && ktap.plan != ktap.top)
		fail("reason=%u tests planned, %u reported", ktap.plan, ktap.top);
	if (!ktap.ok && !ktap.skip)
		fail("reason=no result");
	if (!ktap.ok)
		fail("reason=everything was skipped");
	verdict(true, "reason=done");
}
