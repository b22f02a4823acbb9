// SPDX-License-Identifier: GPL-2.0
/*
 * tkdemo_leap - one namespace inserts a leap second, another deletes one, the
 * host does neither
 *
 * Two children enter a new time namespace each, put its clock five seconds
 * (more on a slow machine) before the midnight that ends 2026-12-31 (UTC) and
 * arm STA_INS or STA_DEL.
 * The parent stays on the host's clock and samples all three twice a second.
 * All of them see one and the same CLOCK_MONOTONIC, so that "at the same
 * moment" means something:
 *
 *	MONOTONIC  T0+0 ... +3        +4        +5        +6        +7
 *	plain      :55  ... :58       :59       :00       :01       :02
 *	insert     :55  ... :58       :59       :59       :00       :01
 *	delete     :55  ... :58       :00       :01       :02       :03
 *	                              ^ edge    ^ edge of the insertion
 *	                                of the deletion
 *
 * Around its edge each child reads its clocks without a pause, through the vDSO
 * and by system call in turn. From every reading between two readings of
 * MONOTONIC follow bounds of TAI - MONOTONIC and REALTIME - MONOTONIC; the
 * bounds before and after the edge tell how far each clock stepped, and every
 * reading tells whether anybody was ever shown a second that does not exist.
 *
 * In real time a sample may come late. What it shows is judged by when it was
 * taken, so that a late one is no failure, and a state may be missed; where time
 * is counted in instructions each state has to be there.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/wait.h>

#include "clocks.h"
#include "guest.h"
#include "results.h"

/* 2027-01-01 00:00:00 UTC */
#define MIDNIGHT	1798761600LL
#define LEAD_SECONDS	5
#define TAI_OFFSET	37

/*
 * From this long before the edge until this long after it a child only reads.
 * In real time it may wake up late, so it begins seconds before, and takes
 * samples in between.
 */
#define DENSE		(TK_NSEC_PER_SEC / 20)

/* Twice a second, at .25 and .75, well away from the edges. */
#define FIRST_SAMPLE	(-TK_NSEC_PER_SEC * 9 / 4)
#define LAST_SAMPLE	(TK_NSEC_PER_SEC * 9 / 4)
#define SAMPLE_PERIOD	(TK_NSEC_PER_SEC / 2)

/*
 * How exactly a child has to hit the date it aims at. It computes the date from
 * a reading of MONOTONIC, and the date counts from a system call that comes
 * later; when something came between, it tries again.
 */
#define AIM		(TK_NSEC_PER_SEC / 1000)
#define TRIES		100

struct bounds {
	int64_t lo;
	int64_t hi;
};

#define NO_BOUNDS { .lo = INT64_MIN, .hi = INT64_MAX }

struct sample {
	int64_t monotonic;
	/* and after the others were read */
	int64_t monotonic_after;
	int64_t realtime;
	int64_t tai;
	int32_t state;
	int32_t status;
	int32_t tai_offset;
};

/* What a child found out around its edge. */
struct dense {
	uint64_t reads;
	uint64_t wrong;
	uint64_t mono_back;
	struct bounds tai;
	struct bounds before;
	struct bounds after;
	int64_t last_before;
	int64_t first_after;
};

static struct role {
	const char *name;
	const char *title;
	int status;
	/* When, against the midnight without a leap second, and how far. */
	int64_t edge;
	int64_t step;
	const char *states;
	int fd;
	pid_t pid;
} roles[] = {
	{
		.name	= "insert",
		.title	= "STA_INS",
		.status	= STA_INS,
		.edge	= 0,
		.step	= -TK_NSEC_PER_SEC,
		.states	= "TIME_INS TIME_OOP TIME_WAIT",
	},
	{
		.name	= "delete",
		.title	= "STA_DEL",
		.status	= STA_DEL,
		.edge	= -TK_NSEC_PER_SEC,
		.step	= TK_NSEC_PER_SEC,
		.states	= "TIME_DEL TIME_WAIT",
	},
};

#define NR_ROLES	(sizeof(roles) / sizeof(roles[0]))
#define MAX_SAMPLES	((LAST_SAMPLE - FIRST_SAMPLE) / SAMPLE_PERIOD + 1)

/* MONOTONIC at the midnight that would be, had nobody a leap second. */
static int64_t midnight_mono;

static int64_t dense_before(void)
{
	return tk_exact() ? DENSE : tk_slow() * TK_NSEC_PER_SEC;
}

static const char *state_name(int state)
{
	static const char * const names[] = {
		"TIME_OK", "TIME_INS", "TIME_DEL", "TIME_OOP", "TIME_WAIT", "TIME_ERROR",
	};

	if (state < 0 || state >= (int)(sizeof(names) / sizeof(names[0])))
		errx(TK_EXIT_FAILURE, "adjtimex returned the unknown state %d", state);
	return names[state];
}

/* HH:MM:SS.mmm of a clock in nanoseconds. */
static const char *clock_text(int64_t ns, char *buf, size_t size)
{
	int64_t ms = ns / 1000000 % 86400000;

	snprintf(buf, size, "%02d:%02d:%02d.%03d", (int)(ms / 3600000), (int)(ms / 60000 % 60),
		 (int)(ms / 1000 % 60), (int)(ms % 1000));
	return buf;
}

static const char *nano_text(int64_t ns, char *buf, size_t size)
{
	char ms[32];

	clock_text(ns, ms, sizeof(ms));
	snprintf(buf, size, "%.8s.%09lld", ms, (long long)(ns % TK_NSEC_PER_SEC));
	return buf;
}

static void take_sample(struct sample *s)
{
	struct timex tx = { .modes = 0 };

	int64_t narrowest = INT64_MAX;
	unsigned int i;

	/* Of several readings the one in which the least came between. */
	for (i = 0; i < 16; i++) {
		int64_t before = tk_read(CLOCK_MONOTONIC);
		int64_t realtime = tk_read(CLOCK_REALTIME);
		int64_t tai = tk_read(CLOCK_TAI);
		int64_t after = tk_read(CLOCK_MONOTONIC);

		if (after - before >= narrowest)
			continue;
		narrowest = after - before;
		s->monotonic = before;
		s->monotonic_after = after;
		s->realtime = realtime;
		s->tai = tai;
	}
	s->state = adjtimex(&tx);
	if (s->state < 0)
		err(TK_EXIT_FAILURE, "adjtimex");
	s->status = tx.status;
	s->tai_offset = tx.tai;
}

static void narrow(struct bounds *b, int64_t lo, int64_t hi)
{
	if (lo > b->lo)
		b->lo = lo;
	if (hi < b->hi)
		b->hi = hi;
}

static void serve(int fd, const struct dense *dense);

static void read_densely(const struct role *role, struct dense *d, int64_t end, int fd)
{
	int64_t edge = MIDNIGHT * TK_NSEC_PER_SEC + role->edge;
	int64_t (*reader)(clockid_t id) = tk_read;
	bool stepped = false;
	char command;
	int64_t reference = 0;
	int64_t last = 0;

	memset(d, 0, sizeof(*d));
	d->tai = d->before = d->after = (struct bounds)NO_BOUNDS;
	d->last_before = INT64_MIN;
	d->first_after = INT64_MAX;

	do {
		int64_t m0 = reader(CLOCK_MONOTONIC);
		int64_t tai = reader(CLOCK_TAI);
		int64_t m1 = reader(CLOCK_MONOTONIC);
		int64_t real = reader(CLOCK_REALTIME);
		int64_t m2 = reader(CLOCK_MONOTONIC);
		bool after;

		if (m0 < last || m1 < m0 || m2 < m1)
			d->mono_back++;
		last = m2;
		narrow(&d->tai, tai - m1, tai - m0);
		/* It lost the CPU in between: on which side of the edge that was is not known. */
		if (m2 - m1 > TK_NSEC_PER_SEC / 4)
			continue;

		if (!d->reads++)
			reference = real - m2;
		after = llabs(real - m2 - reference) > TK_NSEC_PER_SEC / 2;
		if (after) {
			narrow(&d->after, real - m2, real - m1);
			if (real < d->first_after)
				d->first_after = real;
			/* What the last second is called after the step. */
			if (real < edge + role->step)
				d->wrong++;
			stepped = true;
		} else {
			narrow(&d->before, real - m2, real - m1);
			if (real > d->last_before)
				d->last_before = real;
			if (real >= edge || stepped)
				d->wrong++;
		}
		reader = reader == tk_read ? tk_read_kernel : tk_read;
		if (!tk_exact() && recv(fd, &command, 1, MSG_PEEK | MSG_DONTWAIT) == 1 &&
		    command == 's')
			serve(fd, d);
	} while (last < end);
}

/* How far the clock is from what it shall show while nobody has had a leap second. */
static int64_t off_target(void)
{
	struct sample s;

	take_sample(&s);
	return s.realtime - s.monotonic - (MIDNIGHT * TK_NSEC_PER_SEC - midnight_mono);
}

static void set_date(const struct role *role)
{
	unsigned int tries = 0;

	do {
		int64_t date = MIDNIGHT * TK_NSEC_PER_SEC + tk_read(CLOCK_MONOTONIC) -
			       midnight_mono;
		struct timespec ts = {
			.tv_sec	 = date / TK_NSEC_PER_SEC,
			.tv_nsec = date % TK_NSEC_PER_SEC,
		};

		if (tries++ == TRIES)
			errx(TK_EXIT_FAILURE, "%s: the date is %lld ns off in each of %d tries",
			     role->name, (long long)off_target(), TRIES);
		if (clock_settime(CLOCK_REALTIME, &ts))
			err(TK_EXIT_FAILURE, "%s: clock_settime in the namespace", role->name);
	} while (llabs(off_target()) > AIM / 2);
}

static void arm(const struct role *role)
{
	struct timex tx = {
		.modes	= ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR,
		.status	= role->status,
	};
	struct timex tai = { .modes = ADJ_TAI, .constant = TAI_OFFSET };

	/* First the date: setting it clears the NTP state. */
	set_date(role);
	/* Status without STA_UNSYNC, and no error bound: else TIME_ERROR hides the state. */
	if (adjtimex(&tx) < 0)
		err(TK_EXIT_FAILURE, "%s: adjtimex(ADJ_STATUS) in the namespace", role->name);
	if (adjtimex(&tai) < 0)
		err(TK_EXIT_FAILURE, "%s: adjtimex(ADJ_TAI) in the namespace", role->name);
}

static void send_all(int fd, const void *data, size_t size)
{
	ssize_t done = send(fd, data, size, MSG_NOSIGNAL);

	if (done != (ssize_t)size)
		err(TK_EXIT_FAILURE, "a partner has gone");
}

static void receive_all(int fd, void *data, size_t size, const char *who)
{
	ssize_t done = recv(fd, data, size, MSG_WAITALL);

	if (done < 0)
		err(TK_EXIT_FAILURE, "%s", who);
	if (done != (ssize_t)size)
		errx(TK_EXIT_FAILURE, "%s has ended early", who);
}

/* What the parent asks for: a sample, or, in the end, what was found out */
static void serve(int fd, const struct dense *dense)
{
	struct sample sample;
	char command;

	receive_all(fd, &command, 1, "the parent");
	if (command == 's') {
		take_sample(&sample);
		send_all(fd, &sample, sizeof(sample));
		return;
	}
	if (command != 'd')
		errx(TK_EXIT_FAILURE, "unexpected command '%c'", command);
	send_all(fd, dense, sizeof(*dense));
	exit(0);
}

__attribute__((noreturn))
static void child(const struct role *role, int fd)
{
	int64_t edge = midnight_mono + role->edge, start = edge - dense_before();
	struct dense dense = { 0 };
	bool done = false;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		err(TK_EXIT_FAILURE, "prctl(PR_SET_PDEATHSIG)");
	tk_become_container_root();
	tk_enter_new_time_ns(NULL);
	arm(role);

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = start - tk_read(CLOCK_MONOTONIC);
		int ready;

		if (!done && left < TK_NSEC_PER_SEC / 500) {
			read_densely(role, &dense, edge + DENSE, fd);
			done = true;
			continue;
		}
		/* A millisecond early: poll() counts in milliseconds, rounded up. */
		ready = poll(&p, 1, done ? -1 : (int)(left / 1000000) - 1);
		if (ready < 0)
			err(TK_EXIT_FAILURE, "poll");
		if (!ready)
			continue;
		serve(fd, &dense);
	}
}

static void start_child(struct role *role)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		err(TK_EXIT_FAILURE, "socketpair");
	role->pid = fork();
	if (role->pid < 0)
		err(TK_EXIT_FAILURE, "fork");
	if (!role->pid) {
		const struct role *other;

		/* A child ends when its own partner goes. */
		for (other = roles; other < role; other++)
			close(other->fd);
		close(fds[0]);
		child(role, fds[1]);
	}
	close(fds[1]);
	role->fd = fds[0];
}

/* What the clock of this role shall show so long after the midnight that would be. */
static int64_t expected(const struct role *role, int64_t after_midnight)
{
	int64_t real = MIDNIGHT * TK_NSEC_PER_SEC + after_midnight;

	return after_midnight >= role->edge ? real + role->step : real;
}

static void append_state(char *list, size_t size, int state)
{
	const char *name = state_name(state);
	size_t len = strlen(list);
	size_t n = strlen(name);

	if (len >= n && !strcmp(list + len - n, name))
		return;
	snprintf(list + len, size - len, "%s%s", len ? " " : "", name);
}

/* By how much the reading is away from what the clock showed between two readings of MONOTONIC */
static int64_t off_plan(const struct role *role, const struct sample *s)
{
	int64_t least = expected(role, s->monotonic - midnight_mono);
	int64_t most = expected(role, s->monotonic_after - midnight_mono);

	/* An inserted second in between lets "most" be less. */
	if (least > most) {
		int64_t swap = least;

		least = most;
		most = swap;
	}
	if (s->realtime < least)
		return s->realtime - least;
	return s->realtime > most ? s->realtime - most : 0;
}

/* Is each word of a list in the other one, in the same order? */
static bool are_some_of(const char *some, const char *all)
{
	while (*some) {
		size_t len = strcspn(some, " "), next = strcspn(all, " ");

		if (!*all)
			return false;
		if (len == next && !strncmp(some, all, len))
			some += len + (some[len] == ' ');
		all += next + (all[next] == ' ');
	}
	return true;
}

static void judge_timeline(const struct role *role, const struct sample *samples, unsigned int nr)
{
	char states[128] = "", seconds[128] = "";
	int64_t worst = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		const struct sample *s = &samples[i];
		int64_t off = off_plan(role, s);
		size_t len = strlen(seconds);

		if (llabs(off) > llabs(worst))
			worst = off;
		append_state(states, sizeof(states), s->state);
		snprintf(seconds + len, sizeof(seconds) - len, "%s:%02d", len ? " " : "",
			 (int)(s->realtime / TK_NSEC_PER_SEC % 60));
	}
	tk_fact("leap.%s.seconds %s", role->name, seconds);
	tk_fact("leap.%s.states %s", role->name, states);
	tk_claim(llabs(worst) < AIM, "%s: the seconds go %s (furthest from the plan: %+lld ns)",
		 role->name, seconds, (long long)worst);
	tk_claim(tk_exact() ? !strcmp(states, role->states) : are_some_of(states, role->states),
		 "%s: adjtimex goes %s", role->name, states);
	tk_claim(samples[nr - 1].tai_offset == TAI_OFFSET - role->step / TK_NSEC_PER_SEC,
		 "%s: TAI - UTC goes from %d to %d s", role->name, samples[0].tai_offset,
		 samples[nr - 1].tai_offset);
}

static void judge_dense(const struct role *role, const struct dense *d)
{
	int64_t gap = d->tai.lo > d->tai.hi ? d->tai.lo - d->tai.hi : 0;
	struct bounds step = {
		.lo = d->after.lo - d->before.hi,
		.hi = d->after.hi - d->before.lo,
	};
	char a[64], b[64];

	if (d->first_after == INT64_MAX || d->last_before == INT64_MIN) {
		tk_claim(false, "%s: the clock steps between %lld ms before the edge and %lld after it (%llu readings)",
			 role->name, (long long)dense_before() / 1000000,
			 (long long)DENSE / 1000000, (unsigned long long)d->reads);
		return;
	}
	nano_text(d->last_before, a, sizeof(a));
	nano_text(d->first_after, b, sizeof(b));
	tk_fact("leap.%s.last_before %s", role->name, a);
	tk_fact("leap.%s.first_after %s", role->name, b);
	tk_fact("leap.%s.reads %llu", role->name, (unsigned long long)d->reads);
	tk_fact("leap.%s.tai_gap_ns %lld", role->name, (long long)gap);
	tk_claim(!d->wrong, "%s: the last reading before is %s, the first after is %s; %llu of %llu readings show a second that does not exist",
		 role->name, a, b, (unsigned long long)d->wrong, (unsigned long long)d->reads);
	tk_claim(step.lo <= role->step && step.hi >= role->step,
		 "%s: REALTIME steps against MONOTONIC by %+lld s, exact to %lld ns", role->name,
		 (long long)(role->step / TK_NSEC_PER_SEC),
		 (long long)(step.hi > step.lo ? step.hi - step.lo : step.lo - step.hi));
	/* A rate that is steered by nothing: the bounds must have a value in common. */
	tk_claim(gap <= 1, "%s: TAI takes no step (%lld ns in %llu readings)", role->name,
		 (long long)gap, (unsigned long long)d->reads);
	tk_claim(!d->mono_back, "%s: MONOTONIC never goes back", role->name);
}

static void judge_host(const struct sample *samples, unsigned int nr)
{
	int64_t worst = 0;
	unsigned int i;
	bool same = true;

	for (i = 1; i < nr; i++) {
		/* Each is known to the time between two readings of MONOTONIC. */
		int64_t least = samples[i].realtime - samples[i].monotonic_after -
				(samples[0].realtime - samples[0].monotonic);
		int64_t most = samples[i].realtime - samples[i].monotonic -
			       (samples[0].realtime - samples[0].monotonic_after);
		int64_t moved = least > 0 ? least : most < 0 ? most : 0;

		if (llabs(moved) > llabs(worst))
			worst = moved;
		same &= samples[i].state == samples[0].state &&
			samples[i].status == samples[0].status &&
			samples[i].tai_offset == samples[0].tai_offset;
	}
	tk_claim(llabs(worst) < AIM, "host: REALTIME takes no step (%lld ns)", (long long)worst);
	tk_claim(same && !(samples[0].status & (STA_INS | STA_DEL)),
		 "host: adjtimex stays at %s, status 0x%x, TAI - UTC %d s",
		 state_name(samples[0].state), samples[0].status, samples[0].tai_offset);
}

static void print_line(int64_t t, const struct sample *host, const struct sample *ins,
		       const struct sample *del)
{
	char h[32], ir[32], it[32], dr[32], dt[32];

	tk_say("%+6.2f  %s %-10s  %s %s %-9s  %s %s %s", (double)t / TK_NSEC_PER_SEC,
	       clock_text(host->realtime, h, sizeof(h)), state_name(host->state),
	       clock_text(ins->realtime, ir, sizeof(ir)),
	       clock_text(ins->tai, it, sizeof(it)), state_name(ins->state),
	       clock_text(del->realtime, dr, sizeof(dr)),
	       clock_text(del->tai, dt, sizeof(dt)), state_name(del->state));
}

int main(int argc, char **argv)
{
	static struct sample host[MAX_SAMPLES], seen[NR_ROLES][MAX_SAMPLES];
	unsigned int i, nr = 0;
	struct dense dense;
	int64_t t;

	tk_start_by_options(argc, argv,
			    "A leap second inserted in one time namespace and deleted in another.");
	tk_require_kernel();

	midnight_mono = tk_read(CLOCK_MONOTONIC) + LEAD_SECONDS * tk_slow() * TK_NSEC_PER_SEC;
	for (i = 0; i < NR_ROLES; i++)
		start_child(&roles[i]);

	tk_say("seconds from midnight; the host has no leap second armed and its own date");
	tk_say("        %-23s  %-35s  %s", "host", "namespace with STA_INS",
	       "namespace with STA_DEL");
	tk_say("     t  %-12s %-10s  %-12s %-12s %-9s  %-12s %-12s %s", "REALTIME", "state",
	       "REALTIME", "TAI", "state", "REALTIME", "TAI", "state");
	for (t = FIRST_SAMPLE; t <= LAST_SAMPLE; t += SAMPLE_PERIOD, nr++) {
		tk_sleep_until(midnight_mono + t);
		take_sample(&host[nr]);
		for (i = 0; i < NR_ROLES; i++) {
			send_all(roles[i].fd, "s", 1);
			receive_all(roles[i].fd, &seen[i][nr], sizeof(seen[i][nr]), roles[i].name);
		}
		print_line(t, &host[nr], &seen[0][nr], &seen[1][nr]);
	}

	for (i = 0; i < NR_ROLES; i++) {
		int status;

		send_all(roles[i].fd, "d", 1);
		receive_all(roles[i].fd, &dense, sizeof(dense), roles[i].name);
		if (waitpid(roles[i].pid, &status, 0) < 0)
			err(TK_EXIT_FAILURE, "waitpid");
		if (status)
			errx(TK_EXIT_FAILURE, "%s: ended with wait status 0x%x", roles[i].name,
			     status);
		judge_timeline(&roles[i], seen[i], nr);
		judge_dense(&roles[i], &dense);
	}
	judge_host(host, nr);
	tk_end();
	return 0;
}
