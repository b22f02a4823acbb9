// SPDX-License-Identifier: GPL-2.0
/*
 * vdsorace - the readers of the vDSO against the writers of its pages, one instruction after the other
 *
 * A process reads a clock through an image, on pages that this program makes up (bench/vdsopage.h), and is stopped after each
 * of its instructions in turn. There the pages are written, in the stores of the kernel and in their order
 * (kernel/time/timens_page.c), all of them or the first ones only. Then it reads on. What it returns has to be the clock as it
 * was before, or as it is after, and not anything that is made of both:
 *
 *  - Behind the last store the host's clocks jump ahead by ten seconds, as if the reader had slept for so long. A reader that
 *    goes on with what it had when the clock was another one returns one of these.
 *  - A reader which goes on while only a part of the stores is done may wait for the rest, but not return.
 *
 * A system call for the time is right in any state; it shows the time of the machine. They are counted.
 *
 * Built with -m32 it is the test of the 32-bit image.
 */
#define _GNU_SOURCE
#include "../bench/vdsopage.h"

#define NS_EDGE		4
#define NS_HELD		16
#define NS_SHARED	32
#define NS_BEHIND	PAGE
#define EDGE_SLOT	CLOCK_PROCESS_CPUTIME_ID

#define MODE_NONE	0
#define MODE_SHARED	(INT32_MAX - 1)

/* The clocks of a follower and of an owner, from the host's; none is a difference of others, nor are their fractions. */
#define FOLLOW_AHEAD	(int64_t)(1000 * NSEC_PER_SEC + 50000000)
#define OWN_AHEAD	(int64_t)(5003 * NSEC_PER_SEC + 250000000)
/* The clocks of a follower of that owner, from the owner's */
#define INNER_AHEAD	(int64_t)(70007 * NSEC_PER_SEC + 130000000)
#define HOST_JUMP	(int64_t)(10 * NSEC_PER_SEC)
/* The host's tick comes a millisecond later. */
#define SLACK		(int64_t)2000000
/* What is not told from the next fraction of a second: such a read, of a process which was not run, is repeated. */
#define TOO_LONG	(int64_t)150000000

/* Instructions in which any reader has returned, or waits. */
#define ENOUGH		5000

/* SHARED is a follower of an owner, PARTED one which was, owned a clock, and follows the host. */
enum state { HOST, FOLLOW, OWN, PASSED, EDGE, HELD, SHARED, PARTED };

static const struct scenario {
	const char *name;
	enum state from, to;
	/* The page which is written is that of the owner, and the reader a follower of it */
	bool inner;
} scenarios[] = {
	{ "the host's tick, outside",		HOST,	HOST,	false },
	{ "the host's tick, in a follower",	FOLLOW,	FOLLOW,	false },
	{ "the host's tick, in an owner",	OWN,	OWN,	false },
	{ "from follower to owner",		FOLLOW,	OWN,	false },
	{ "from owner to follower",		OWN,	FOLLOW,	false },
	{ "a pass",				OWN,	PASSED,	false },
	{ "a leap second comes near",		OWN,	EDGE,	false },
	{ "a leap second has gone",		EDGE,	OWN,	false },
	{ "the page is held",			OWN,	HELD,	false },
	{ "the page is released",		HELD,	OWN,	false },
	{ "the host's tick, in a follower of an owner", OWN,	OWN,	true },
	{ "the same, and the owner follows",	FOLLOW,	FOLLOW,	true },
	{ "a pass of its owner",		OWN,	PASSED,	true },
	{ "its owner follows the host",		OWN,	FOLLOW,	true },
	{ "its owner owns a clock again",	FOLLOW,	OWN,	true },
	{ "a leap second comes near its owner",	OWN,	EDGE,	true },
	{ "the leap second has gone",		EDGE,	OWN,	true },
	{ "the page of its owner is held",	OWN,	HELD,	true },
	{ "from follower of an owner to owner",	SHARED,	OWN,	false },
	{ "that owner follows the host",	OWN,	PARTED,	false },
	{ "and owns a clock again",		PARTED,	OWN,	false },
};

#define SCENARIOS	((int)(sizeof(scenarios) / sizeof(scenarios[0])))

/* What the two processes share besides the pages. */
struct shared {
	int kind;
	int64_t result;
	bool failed;
};

/* A store of the kernel: to a word of 32 or of 64 bits. */
struct store {
	void *to;
	uint64_t value;
	int bytes;
};

#define MAX_STORES	256

static struct vdso vdso;
/* The page which is written, and the system wide one; those which are mapped, of which the third is not always used */
static struct vdso_data *page, *host, *first, *second, *third;
static struct shared *shared;
static struct store stores[MAX_STORES];
static int nr_stores;
static bool all;
static unsigned long reads, waits, system_calls, wrong;

static void put64(uint64_t *to, uint64_t value)
{
	stores[nr_stores++] = (struct store){ to, value, 8 };
}

static void put32(void *to, uint32_t value)
{
	stores[nr_stores++] = (struct store){ to, value, 4 };
}

static void apply(int from, int to)
{
	int i;

	for (i = from; i < to; i++) {
		if (stores[i].bytes == 8)
			*(volatile uint64_t *)stores[i].to = stores[i].value;
		else
			*(volatile uint32_t *)stores[i].to = (uint32_t)stores[i].value;
	}
}

static int64_t ahead_of_host(enum state state, clockid_t clock)
{
	bool real = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;

	if (state == HOST)
		return 0;
	if (state == FOLLOW || state == PARTED)
		return real ? 0 : FOLLOW_AHEAD;
	if (state == SHARED && !real)
		return OWN_AHEAD + INNER_AHEAD;
	return OWN_AHEAD;
}

/* What the reader's clock is ahead of the host's when the page which is written is in a state */
static int64_t ahead_in(const struct scenario *s, enum state state, clockid_t clock)
{
	int64_t ahead = ahead_of_host(state, clock);

	/* As much as a follower's is ahead of an owner's */
	if (s->inner)
		ahead += ahead_of_host(SHARED, clock) - ahead_of_host(OWN, clock);
	return ahead;
}

/* That of one which was made to follow an owner, whose page is the second one */
static uint32_t behind(void)
{
	return page == first && host == third ? NS_BEHIND : 0;
}

#define OWN_SHIFT	29

static uint32_t own_mult(void)
{
	return (uint32_t)((double)NSEC_PER_SEC / (double)hz * (double)(1ULL << OWN_SHIFT));
}

/* A line through the time that the clock shows at start_cycles, with its point @back cycles earlier. */
static void line(struct vdso_data *vd, clockid_t clock, int64_t now, uint64_t back)
{
	uint64_t shifted = (uint64_t)(now % (int64_t)NSEC_PER_SEC + 4 * (int64_t)NSEC_PER_SEC) << OWN_SHIFT, sec = now / NSEC_PER_SEC - 4;

	shifted -= back * own_mult();
	while (shifted >= NSEC_PER_SEC << OWN_SHIFT) {
		shifted -= NSEC_PER_SEC << OWN_SHIFT;
		sec++;
	}
	put64(&vd->basetime[clock].sec, sec);
	put64(&vd->basetime[clock].nsec, shifted);
}

static void put_line(uint64_t back)
{
	static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	unsigned int i;

	put64(&page[0].cycle_last, start_cycles - back);
	put32(&page[0].mult, own_mult());
	for (i = 0; i < 4; i++)
		line(&page[0], clocks[i], host_base(clocks[i]) + OWN_AHEAD, back);
	put64(&page[1].cycle_last, start_cycles - back);
	line(&page[1], CLOCK_MONOTONIC_RAW, host_base(CLOCK_MONOTONIC_RAW) + OWN_AHEAD, back);
}

static void put_own(void)
{
	int cs;

	/* The point of the line is three seconds ago, that of the next one is now. */
	put_line(3 * hz);
	for (cs = 0; cs < 2; cs++) {
		put64(&page[cs].max_cycles, UINT64_MAX / 2 / own_mult());
		put64(&page[cs].mask, UINT64_MAX);
		put32(&page[cs].mult, own_mult());
		put32(&page[cs].shift, OWN_SHIFT);
	}
	put64(&page[0].basetime[COARSE_SLOT].nsec, NSEC_PER_SEC << OWN_SHIFT);
	put32(&page[0].ns_state, NS_OWN | behind());
	put32(&page[1].ns_state, NS_OWN | behind());
}

static void put_offsets(int64_t ahead, uint32_t state)
{
	clockid_t clock;
	int cs;

	for (cs = 0; cs < 2; cs++) {
		for (clock = 0; clock < BASES; clock++) {
			put64(&page[cs].basetime[clock].sec, 0);
			put64(&page[cs].basetime[clock].nsec, 0);
		}
		for (clock = 0; clock < BASES; clock++) {
			if (!ahead_of_host(FOLLOW, clock) || clock == EDGE_SLOT || clock == COARSE_SLOT)
				continue;
			put64(&page[cs].basetime[clock].sec, ahead / (int64_t)NSEC_PER_SEC);
			put64(&page[cs].basetime[clock].nsec, ahead % (int64_t)NSEC_PER_SEC);
		}
	}
	put32(&page[0].ns_state, state | behind());
	put32(&page[1].ns_state, state | behind());
}

static void put_begin(uint32_t *seq)
{
	int cs;

	put64(&page[0].basetime[COARSE_SLOT].sec, 0);
	for (cs = 0; cs < 2; cs++) {
		if (seq[cs] & 1) {
			put32(&page[cs].clock_mode, MODE_NONE);
			seq[cs] += 2;
		} else {
			seq[cs]++;
		}
		put32(&page[cs].seq, seq[cs]);
	}
}

static void put_end(uint32_t *seq, int cs, int32_t mode)
{
	put32(&page[cs].clock_mode, (uint32_t)mode);
	if (mode < MODE_SHARED)
		put32(&page[cs].seq, ++seq[cs]);
}

/* The stores from one state of the page of a namespace to another, in the order of kernel/time/timens_page.c. */
static void put_switch(enum state from, enum state to)
{
	uint32_t seq[2] = { page[0].seq, page[1].seq };

	if (from == to)
		return;
	put_begin(seq);
	switch (to) {
	case FOLLOW:
		put_offsets(FOLLOW_AHEAD, NS_FOLLOW);
		put_end(seq, 0, MODE_TIMENS);
		put_end(seq, 1, MODE_TIMENS);
		return;
	case PARTED:
		put_offsets(FOLLOW_AHEAD, NS_FOLLOW);
		put_end(seq, 0, MODE_NONE);
		put_end(seq, 1, MODE_NONE);
		return;
	case PASSED:
		put_line(0);
		put32(&page[1].seq, ++seq[1]);
		put32(&page[0].seq, ++seq[0]);
		break;
	case EDGE:
		put_own();
		put_end(seq, 1, MODE_TSC);
		put32(&page[0].ns_state, NS_OWN | NS_EDGE);
		put64(&page[0].basetime[EDGE_SLOT].sec, (host_base(CLOCK_REALTIME) + OWN_AHEAD) / NSEC_PER_SEC + 1000);
		put64(&page[0].basetime[EDGE_SLOT].nsec, (uint64_t)-1);
		put_end(seq, 0, MODE_NONE);
		return;
	case HELD:
		put64(&page[0].max_cycles, start_cycles - page[0].cycle_last);
		put32(&page[0].ns_state, NS_OWN | NS_HELD);
		put32(&page[1].ns_state, NS_OWN | NS_HELD);
		put_end(seq, 1, MODE_NONE);
		put_end(seq, 0, MODE_NONE);
		return;
	default:
		put_own();
		put_end(seq, 1, MODE_TSC);
		put_end(seq, 0, MODE_TSC);
		break;
	}
	if (!behind())
		put64(&page[0].basetime[COARSE_SLOT].sec, UINT64_MAX / 2 / own_mult() + 1);
}

/* The host's next tick, a millisecond later; its clocks are ahead by @jump then. */
static void put_tick(struct vdso_data *vd, int64_t jump)
{
	uint64_t cycles = hz / 1000, ns = cycles * vd[0].mult;
	uint32_t seq[2] = { vd[0].seq, vd[1].seq };
	static const clockid_t fine[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI };
	static const clockid_t coarse[] = { CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE };
	unsigned int i;

	put32(&vd[0].seq, ++seq[0]);
	put32(&vd[1].seq, ++seq[1]);
	for (i = 0; i < 2; i++) {
		put64(&vd[0].basetime[coarse[i]].sec, vd[0].basetime[coarse[i]].sec + jump / NSEC_PER_SEC);
		put64(&vd[0].basetime[coarse[i]].nsec, vd[0].basetime[coarse[i]].nsec + (ns >> vd[0].shift));
	}
	put64(&vd[0].cycle_last, vd[0].cycle_last + cycles);
	put64(&vd[1].cycle_last, vd[1].cycle_last + cycles);
	for (i = 0; i < 4; i++) {
		put64(&vd[0].basetime[fine[i]].sec, vd[0].basetime[fine[i]].sec + jump / NSEC_PER_SEC);
		put64(&vd[0].basetime[fine[i]].nsec, vd[0].basetime[fine[i]].nsec + ns);
	}
	put64(&vd[1].basetime[CLOCK_MONOTONIC_RAW].sec, vd[1].basetime[CLOCK_MONOTONIC_RAW].sec + jump / NSEC_PER_SEC);
	put64(&vd[1].basetime[CLOCK_MONOTONIC_RAW].nsec, vd[1].basetime[CLOCK_MONOTONIC_RAW].nsec + ns);
	put32(&vd[0].seq, ++seq[0]);
	put32(&vd[1].seq, ++seq[1]);
}

static void fresh_page(struct vdso_data *vd, int64_t ahead, uint32_t state, int32_t mode)
{
	page = vd;
	nr_stores = 0;
	put_offsets(ahead, state);
	apply(0, nr_stores);
	page[0].seq = page[1].seq = 1;
	page[0].clock_mode = page[1].clock_mode = mode;
}

static void switch_at_once(enum state from, enum state to)
{
	nr_stores = 0;
	put_switch(from, to);
	apply(0, nr_stores);
}

/* Brings the pages into the state before, at once: as fresh pages of offsets, and from there, by what is tested. */
static void set_up(const struct scenario *s)
{
	bool parts = s->from == SHARED || s->from == PARTED || s->to == PARTED;

	memset(first, 0, 2 * sizeof(*first));
	memset(second, 0, 2 * sizeof(*second));
	memset(third, 0, 2 * sizeof(*third));
	page = first;
	host = s->inner || parts ? third : second;
	start_cycles = ordered_tsc();
	fill_page(s->from == HOST ? page : host, "host", 24);
	if (s->from == HOST)
		return;
	if (s->inner)
		fresh_page(first, INNER_AHEAD, NS_OWN | NS_SHARED, MODE_SHARED);
	if (parts) {
		fresh_page(second, FOLLOW_AHEAD, NS_FOLLOW, MODE_TIMENS);
		switch_at_once(FOLLOW, OWN);
		fresh_page(first, INNER_AHEAD, NS_OWN | NS_SHARED, MODE_SHARED);
	} else {
		fresh_page(s->inner ? second : first, FOLLOW_AHEAD, NS_FOLLOW, MODE_TIMENS);
	}
	if (s->from == FOLLOW || s->from == SHARED)
		return;
	switch_at_once(FOLLOW, OWN);
	if (s->from != OWN)
		switch_at_once(OWN, s->from);
}

__attribute__((noreturn))
static void reader(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		err(1, "ptrace");
	for (;;) {
		struct timespec64 ts64 = { -1, -1 };
		struct timespec ts = { -1, -1 };
		struct timeval tv = { -1, -1 };
		const struct kind *kind;

		raise(SIGSTOP);
		kind = &kinds[shared->kind];
		switch (kind->call) {
		case GETTIME:
			shared->failed = vdso.gettime(kind->clock, &ts);
			shared->result = ts.tv_sec * (int64_t)NSEC_PER_SEC + ts.tv_nsec;
			break;
		case GETTIME64:
			shared->failed = vdso.gettime64(kind->clock, &ts64);
			shared->result = ts64.tv_sec * (int64_t)NSEC_PER_SEC + ts64.tv_nsec;
			break;
		case GETTIMEOFDAY:
			shared->failed = vdso.gettimeofday(&tv, NULL);
			shared->result = tv.tv_sec * (int64_t)NSEC_PER_SEC + tv.tv_usec * 1000LL;
			break;
		default:
			shared->result = vdso.time(NULL) * (int64_t)NSEC_PER_SEC;
			break;
		}
	}
}

/* Returns whether the next instruction is one of the image. */
static bool step(pid_t pid)
{
	uintptr_t from = (uintptr_t)vdso.map + OUR_DATA_PAGES * PAGE, to = (uintptr_t)vdso.map + vdso.size, at;
	int signal;

	if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL))
		err(1, "ptrace");
	wait_stopped(pid, &signal);
	if (signal != SIGTRAP)
		errx(1, "signal %d in the process that reads", signal);
	at = instruction_of(pid);
	return at >= from && at < to;
}

/* Whether it is in the loop which waits for an even count: the pages of the two processes are the same. */
static bool is_waiting(pid_t pid)
{
	const unsigned char *at = (const unsigned char *)instruction_of(pid);

	return at[0] == 0xf3 && at[1] == 0x90;
}

static int64_t elapsed(void)
{
	return (int64_t)((double)(ordered_tsc() - start_cycles) * 1e9 / (double)hz);
}

static bool is_near(int64_t seen, int64_t wanted, const struct kind *kind, int64_t took)
{
	int64_t early = kind->call == TIME ? NSEC_PER_SEC : kind->call == GETTIMEOFDAY ? 1001 : 2;

	return seen >= wanted - early && seen <= wanted + took + SLACK;
}

/* @whole: all stores were done at once */
static bool is_right(const struct scenario *s, const struct kind *kind, bool whole, int64_t seen, int64_t took)
{
	bool follows = s->to == FOLLOW || s->to == PARTED;
	int64_t old = host_base(kind->clock) + ahead_in(s, s->from, kind->clock);
	int64_t new = host_base(kind->clock) + ahead_in(s, s->to, kind->clock);
	struct timespec now;

	if (is_near(seen, old, kind, took))
		return true;
	if (s->to == HOST || follows)
		new += HOST_JUMP;
	if (is_near(seen, new, kind, took))
		return true;
	/*
	 * The host as it was: before the jump, when the stores were not all done; and a second of it, from when time() was
	 * called: "Follower against switch" in timens_page.c.
	 */
	if (follows && (!whole || kind->call == TIME) && is_near(seen, new - HOST_JUMP, kind, took))
		return true;
	clock_gettime(kind->call == TIME ? CLOCK_REALTIME_COARSE : kind->clock, &now);
	if (llabs(seen - (now.tv_sec * (int64_t)NSEC_PER_SEC + now.tv_nsec)) > (int64_t)NSEC_PER_SEC)
		return false;
	system_calls++;
	return true;
}

/* Sets the pages up and makes the stores. Returns how many of them there are before the clocks jump. */
static int put_all(const struct scenario *s)
{
	int n;

	set_up(s);
	nr_stores = 0;
	if (s->from == s->to) {
		put_tick(s->from == HOST ? page : host, HOST_JUMP);
		n = nr_stores;
	} else {
		put_switch(s->from, s->to);
		n = nr_stores;
		put_tick(host, HOST_JUMP);
	}
	if (nr_stores > MAX_STORES)
		errx(1, "%d stores", nr_stores);
	return n;
}

/* The reader is stopped behind @at of its instructions and behind @done stores. */
static void race(pid_t pid, const struct scenario *s, int kind, int at, int done)
{
	int64_t off, took;
	bool inside, waiting;
	int i, n, pauses, signal;

again:
	n = put_all(s);
	/* The clocks jump when the page is all written. */
	if (done >= n)
		done = nr_stores;

	shared->kind = kind;
	while (!step(pid))
		;
	for (i = 0, inside = true; inside && i < at; i++)
		inside = step(pid);
	waiting = false;
	if (inside) {
		apply(0, done);
		/* It may have found the count odd before, and wait once. */
		for (i = pauses = 0; inside && !waiting && i < ENOUGH; i++) {
			inside = step(pid);
			pauses += inside && is_waiting(pid);
			waiting = pauses > 1;
		}
		/* One that takes a division of what is not consistent returns at last. */
		if (inside && (!waiting || done == nr_stores) && wrong++ < 20)
			printf("# %s: %s does not return, at instruction %d behind store %d of %d\n",
			       s->name, kinds[kind].name, at, done, n);
		apply(done, nr_stores);
	}
	if (ptrace(PTRACE_CONT, pid, NULL, NULL))
		err(1, "ptrace");
	wait_stopped(pid, &signal);
	took = elapsed();
	if (took > TOO_LONG && !(inside && !waiting))
		goto again;
	reads++;
	waits += waiting;
	off = shared->result - host_base(kinds[kind].clock);
	if (!shared->failed && is_right(s, &kinds[kind], done == nr_stores, shared->result, took))
		return;
	if (wrong++ < 20)
		printf("# %s: %s is %" PRId64 ".%09" PRId64 " from the host's, at instruction %d behind store %d of %d\n",
		       s->name, kinds[kind].name, off / (int64_t)NSEC_PER_SEC,
		       (off < 0 ? -off : off) % (int64_t)NSEC_PER_SEC, at, done, n);
}

/* How many instructions the read takes when nobody writes. */
static int count_instructions(pid_t pid, const struct scenario *s, int kind)
{
	int signal, n = 0;

	set_up(s);
	shared->kind = kind;
	while (!step(pid))
		;
	do {
		n++;
	} while (step(pid));
	if (ptrace(PTRACE_CONT, pid, NULL, NULL))
		err(1, "ptrace");
	wait_stopped(pid, &signal);
	return n;
}

static void race_all(pid_t pid, const struct scenario *s, int kind)
{
	int n = put_all(s), length = count_instructions(pid, s, kind), at, done, k;

	for (done = 0; done < n; done++)
		race(pid, s, kind, 0, done);
	for (at = 0; at < length; at++) {
		race(pid, s, kind, at, n);
		for (k = 0; k < (all ? n : 1); k++)
			race(pid, s, kind, at, all ? k : (int)(random() % n));
	}
}

/* Read by the instructions which read another one */
static bool is_twin(const struct kind *kind)
{
	return kind->clock == CLOCK_BOOTTIME || kind->clock == CLOCK_TAI || kind->clock == CLOCK_MONOTONIC_COARSE;
}

int main(int argc, char **argv)
{
	int i, j, signal, bad = 0, only = 0;
	pid_t pid;

	if (argc > 1 && !strcmp(argv[1], "--all")) {
		all = true;
		argv++;
		argc--;
	}
	if (argc != 2 && argc != 3) {
		fputs("Usage: vdsorace [--all] IMAGE [NUMBER]\n"
		      "--all: each instruction against each store, not against some. NUMBER: that test alone. Results are KTAP.\n",
		      stderr);
		return 2;
	}
	if (argc == 3)
		only = atoi(argv[2]);
	setlinebuf(stdout);
	pin();
	hz = measure_hz();
	load(&vdso, argv[1], OUR_DATA_PAGES);
	if (mmap(vdso.map, OUR_DATA_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ||
	    mprotect(vdso.map + OUR_DATA_PAGES * PAGE, vdso.size - OUR_DATA_PAGES * PAGE, PROT_READ | PROT_EXEC))
		err(1, "the pages");
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		err(1, "mmap");
	first = (void *)(vdso.map + DATA_AT);
	second = (void *)(vdso.map + 3 * PAGE + DATA_AT);
	third = (void *)(vdso.map + 4 * PAGE + DATA_AT);

	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid)
		reader();
	wait_stopped(pid, &signal);
	srandom(1);
	printf("1..%d\n", only ? 1 : SCENARIOS);
	for (i = 0; i < SCENARIOS; i++) {
		if (only && only != i + 1)
			continue;
		reads = waits = system_calls = wrong = 0;
		for (j = 0; j < KINDS; j++)
			if (all || !is_twin(&kinds[j]))
				race_all(pid, &scenarios[i], j);
		printf("# %lu reads, %lu of them waited, %lu made a system call, %lu are wrong\n", reads, waits, system_calls, wrong);
		printf("%sok %d - %s\n", wrong ? "not " : "", i + 1, scenarios[i].name);
		bad |= !!wrong;
	}
	if (kill(pid, SIGKILL))
		err(1, "kill");
	waitpid(pid, NULL, 0);
	return bad;
}
