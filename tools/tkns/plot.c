// SPDX-License-Identifier: GPL-2.0
/*
 * Samples for other programs, and the plot; see plot.h.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plot.h"
#include "sample.h"

void rh_write_samples(FILE *file, const struct rh_plan *plan, const struct rh_sample *s, size_t nr)
{
	size_t i;
	int c;

	fputs("# seconds: from the edge, on the line that knows no leap second. All else in ns, but for number,\n"
	      "# state, status and tai_offset. from_host: REALTIME less the host's, from the first sample on and at\n"
	      "# the nominal rate. from_line: less the line without a leap second. planned: what that was to be.\n"
	      "# *_err: half of the bracket. back_*: how far a reading was behind the one before it.\n", file);
	fputs("seconds\tfrom_host\tfrom_host_err\tfrom_line\tplanned\tnumber\tstate\tstatus\ttai_offset\t"
	      "host_realtime\thost_monotonic\thost_monotonic_err", file);
	for (c = 0; c < RH_NR_CLOCKS; c++) {
		char name[32], *at = name;
		const char *from = rh_clock_name(c);

		for (; *from && at < name + sizeof(name) - 1; from++)
			if (*from != '(' && *from != ')')
				*at++ = *from == ' ' ? '_' : *from >= 'A' && *from <= 'Z' ?
						       *from - 'A' + 'a' : *from;
		*at = '\0';
		fprintf(file, "\t%s\t%s_err\tback_%s", name, name, name);
	}
	fputc('\n', file);

	for (i = 0; i < nr; i++) {
		const struct rh_sample *p = &s[i];
		int64_t t = rh_when(plan, s, p), host, host_err;

		host = rh_from_host(plan, s, p, &host_err);
		fprintf(file, "%.9f\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64
			"\t%" PRIu32 "\t%d\t%d\t%d\t%" PRId64 "\t%" PRId64 "\t%" PRId64,
			(double)t / RH_NSEC_PER_SEC, host, host_err, rh_smeared(s, p),
			rh_planned(plan, t), p->number, p->state, p->status, p->tai,
			p->host_mono + p->host_off[RH_REALTIME], p->host_mono, p->host_err);
		for (c = 0; c < RH_NR_CLOCKS; c++)
			fprintf(file, "\t%" PRId64 "\t%" PRId64 "\t%" PRId64, p->mono + p->off[c],
				p->off_err[c], p->back[c]);
		fputc('\n', file);
	}
}

struct unit {
	const char *name;
	double size;
};

/* The one in which so many seconds are a number that can be read. */
static struct unit unit_of_time(double seconds)
{
	if (seconds > 3 * 86400)
		return (struct unit) { "days", 86400 };
	if (seconds > 3 * 3600)
		return (struct unit) { "hours", 3600 };
	if (seconds > 600)
		return (struct unit) { "minutes", 60 };
	return (struct unit) { "seconds", 1 };
}

static struct unit unit_of_offset(double ns)
{
	if (ns > 2e7)
		return (struct unit) { "s", 1e9 };
	if (ns > 2e4)
		return (struct unit) { "ms", 1e6 };
	if (ns > 20)
		return (struct unit) { "us", 1e3 };
	return (struct unit) { "ns", 1 };
}

/* Within "...": gnuplot knows backslashes and quotes there. */
static void put_string(FILE *file, const char *text)
{
	fputc('"', file);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', file);
		fputc(*text == '\n' ? ' ' : *text, file);
	}
	fputc('"', file);
}

static void write_script(FILE *file, const struct rh_plan *plan, const struct rh_findings *f,
			 const char *title)
{
	double lo = (double)f->begin / 1e9, hi = (double)f->end / 1e9;
	double top = (double)llabs(f->host.value);
	struct unit x = unit_of_time(hi - lo), y = unit_of_offset(top > 1e9 ? top : 1e9);

	fputs("# SPDX-License-Identifier: GPL-2.0\n"
	      "# gnuplot offset.gp, in this directory, makes offset.svg and offset.png\n"
	      "set title ", file);
	put_string(file, title);
	fprintf(file, " noenhanced\n"
		"set xlabel \"%s from the leap second, on the namespace's clock\" noenhanced\n"
		"set ylabel \"CLOCK_REALTIME less the host's (%s)\" noenhanced\n"
		"set grid\n"
		"set key %s right noenhanced\n"
		"set xrange [%.9g:%.9g]\n"
		"set offsets 0, 0, graph 0.08, graph 0.08\n"
		"set datafile separator \"\\t\"\n"
		"set datafile missing \"NaN\"\n", x.name, y.name,
		plan->step > 0 ? "bottom" : "top", lo / x.size, hi / x.size);
	if (plan->shape != RH_STEP)
		fprintf(file, "set object 1 rectangle from first %.9g, graph 0 to first %.9g, graph 1 "
			"behind fillcolor rgb \"#e8eef8\" fillstyle solid noborder\n"
			"set label 1 \"the window\" at first %.9g, graph 0.96 center textcolor rgb \"#5070a0\" noenhanced\n",
			(double)plan->from / 1e9 / x.size, (double)plan->to / 1e9 / x.size,
			(double)(plan->from / 2 + plan->to / 2) / 1e9 / x.size);
	fprintf(file, "set arrow 1 from first 0, graph 0 to first 0, graph 1 nohead dashtype 2 "
		"linecolor rgb \"gray40\"\n"
		"set label 2 \" the edge\" at first 0, graph 0.04 left textcolor rgb \"gray40\" noenhanced\n"
		"set terminal svg size 900,520 dynamic background \"white\"\n"
		"set output \"offset.svg\"\n"
		"plot \"samples.tsv\" using ($1/%g):($5/%g) with lines linewidth 4 linecolor rgb \"#f0c080\" title \"planned\", \\\n"
		"\t\"samples.tsv\" using ($1/%g):($2/%g) with lines linewidth 1.5 linecolor rgb \"#1040a0\" title \"the namespace\"\n"
		"set terminal pngcairo size 900,520\n"
		"set output \"offset.png\"\n"
		"replot\n", x.size, y.size, x.size, y.size);
}

/* What it writes goes to standard error. Keep the first line of it that is not empty. */
static void pass_on(int fd, char *line, size_t size)
{
	char buf[1024];
	size_t len = 0;
	bool complete = false;
	ssize_t got, i;

	while ((got = read(fd, buf, sizeof(buf))) > 0 || (got < 0 && errno == EINTR)) {
		if (got > 0)
			fwrite(buf, 1, (size_t)got, stderr);
		for (i = 0; i < got && !complete; i++) {
			if (buf[i] == '\n')
				complete = len > 0;
			else if (len + 1 < size && (len || (buf[i] != ' ' && buf[i] != '\t')))
				line[len++] = buf[i] >= ' ' && buf[i] <= '~' ? buf[i] : '?';
		}
	}
	line[len] = '\0';
}

static const char *run_gnuplot(const char *dir)
{
	static char why[320];
	int out[2], failed[2], status, error;
	char line[200];
	pid_t pid;

	fflush(NULL);
	/* Through the second it says that it could not become gnuplot, and why. */
	if (pipe2(out, O_CLOEXEC) || pipe2(failed, O_CLOEXEC))
		err(RH_EXIT_FAILURE, "pipe");
	pid = fork();
	if (pid < 0)
		err(RH_EXIT_FAILURE, "fork");
	if (!pid) {
		/* Whatever it says is no part of a report on standard output. */
		if (!chdir(dir) && dup2(out[1], STDOUT_FILENO) >= 0 &&
		    dup2(out[1], STDERR_FILENO) >= 0)
			execlp("gnuplot", "gnuplot", "offset.gp", NULL);
		error = errno;
		_exit(write(failed[1], &error, sizeof(error)) != sizeof(error));
	}
	close(out[1]);
	close(failed[1]);
	pass_on(out[0], line, sizeof(line));
	if (read(failed[0], &error, sizeof(error)) != sizeof(error))
		error = 0;
	close(out[0]);
	close(failed[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			err(RH_EXIT_FAILURE, "waitpid");
	if (error == ENOENT)
		return "gnuplot is not installed";
	if (error)
		snprintf(why, sizeof(why), "gnuplot could not be run: %s", strerror(error));
	else if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "gnuplot was killed by signal %d", WTERMSIG(status));
	else if (status)
		snprintf(why, sizeof(why), "gnuplot ended with exit status %d%s%s", WEXITSTATUS(status),
			 line[0] ? ": " : "", line);
	else
		return NULL;
	return why;
}

const char *rh_plot(const char *dir, const struct rh_plan *plan, const struct rh_findings *f,
		    const char *title)
{
	char *path;
	FILE *file;

	if (asprintf(&path, "%s/offset.gp", dir) < 0)
		err(RH_EXIT_FAILURE, "asprintf");
	file = fopen(path, "we");
	if (!file)
		err(RH_EXIT_FAILURE, "%s", path);
	write_script(file, plan, f, title);
	if (fclose(file))
		err(RH_EXIT_FAILURE, "writing %s", path);
	free(path);

	return run_gnuplot(dir);
}
