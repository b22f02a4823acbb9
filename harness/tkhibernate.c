// SPDX-License-Identifier: GPL-2.0
/*
 * tkhibernate - processes with a timer of each kind, to be dumped and restored
 *
 *	tkhibernate RESULT MILLISECONDS
 *
 * Leaves its terminal and starts a process for each kind of timer, which arms one for MILLISECONDS of CLOCK_MONOTONIC
 * and waits for it. RESULT.pid has the number of the parent as soon as all are armed. RESULT gets a line from each, with
 * the name and how late it woke up by CLOCK_MONOTONIC, in milliseconds: negative if the timer came early, and then
 * "done N", with the number of those that ended well.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parse.h"

#define MS 1000000LL

static const char *result;
static struct timespec period;
static int armed[2];

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

static void report(const char *suffix, const char *text)
{
	ssize_t len = strlen(text);
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s%s", result, suffix);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
	if (fd < 0 || write(fd, text, len) != len || close(fd))
		_exit(4);
}

/* Says that the timer is armed */
static void ready(void)
{
	if (write(armed[1], "", 1) != 1 || close(armed[1]))
		_exit(4);
}

static void wait_for(int sig)
{
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, sig);
	ready();
	if (sigwait(&set, &got) || got != sig)
		_exit(5);
}

static void by_timer_create(int64_t end)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec spec = { .it_value = period };
	timer_t timer;

	(void)end;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &spec, NULL))
		_exit(6);
	wait_for(SIGUSR1);
}

static void by_setitimer(int64_t end)
{
	struct itimerval val = { .it_value = { period.tv_sec, period.tv_nsec / 1000 } };

	(void)end;
	/* criu (3.17) takes a timer without an interval for one that is not armed. */
	val.it_interval = val.it_value;
	if (setitimer(ITIMER_REAL, &val, NULL))
		_exit(6);
	wait_for(SIGALRM);
}

static void by_timerfd(int64_t end)
{
	struct itimerspec spec = { .it_value = period };
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	uint64_t count;
	ssize_t got;

	(void)end;
	if (fd < 0 || timerfd_settime(fd, 0, &spec, NULL))
		_exit(6);
	ready();
	do {
		got = read(fd, &count, sizeof(count));
	} while (got < 0 && errno == EINTR);
	if (got != sizeof(count) || count != 1)
		_exit(5);
}

static void by_sleep(int64_t end)
{
	struct timespec until = { end / (1000 * MS), end % (1000 * MS) };
	int ret;

	ready();
	do {
		ret = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	} while (ret == EINTR);
	if (ret)
		_exit(5);
}

static const struct {
	const char *name;
	void (*run)(int64_t end);
} kinds[] = {
	{ "timer_create", by_timer_create },
	{ "setitimer", by_setitimer },
	{ "timerfd", by_timerfd },
	{ "clock_nanosleep", by_sleep },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

int main(int argc, char **argv)
{
	char text[128], byte;
	int null, status, well = 0;
	sigset_t set;
	int64_t end;
	size_t i;
	long ms;

	if (argc != 3) {
		fprintf(stderr, "usage: tkhibernate RESULT MILLISECONDS\n");
		return 2;
	}
	ms = (long)tk_parse_number("MILLISECONDS", argv[2], 1, 1000000000);
	result = argv[1];
	period = (struct timespec){ ms / 1000, ms % 1000 * MS };
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		return 2;
	for (i = 3; i < 64; i++)
		close(i);
	setsid();
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);

	if (pipe(armed))
		return 2;
	for (i = 0; i < KINDS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 2;
		if (pid)
			continue;
		close(armed[0]);
		end = now() + ms * MS;
		kinds[i].run(end);
		snprintf(text, sizeof(text), "%s %lld\n", kinds[i].name, (long long)((now() - end) / MS));
		report("", text);
		_exit(0);
	}
	close(armed[1]);
	for (i = 0; i < KINDS; i++)
		if (read(armed[0], &byte, 1) != 1)
			return 2;
	close(armed[0]);
	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	report(".pid", text);

	for (;;) {
		pid_t pid = wait(&status);

		if (pid < 0 && errno != EINTR)
			break;
		if (pid > 0 && WIFEXITED(status) && !WEXITSTATUS(status))
			well++;
	}
	snprintf(text, sizeof(text), "done %d\n", well);
	report("", text);
	return 0;
}
