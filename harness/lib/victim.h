/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is taken from a program that only counts, by whatever else the machine does, and
 * the attacks beside it.
 *
 * The victim looks at the cycle counter all the time, with nops in between, as that of
 * interrupts.h; but nothing is judged to be foreign here: what is taken from it is taken,
 * by an interrupt or by another task.
 *
 * An attack is a child of the victim: an ordinary user without any privilege, who is root
 * in a user namespace of its own. It prepares what it has to, and sleeps.
 */
#ifndef TIMENS_VICTIM_H
#define TIMENS_VICTIM_H

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "counter.h"
#include "guest.h"
#include "interrupts.h"

/* An ordinary user who attacks, and another one */
#define TK_HOSTILE_UID	1000
#define TK_HONEST_UID	2000

/* What one look found */
struct tk_victim {
	double seconds;
	/* Of its time, in percent */
	double lost;
	/* The longest interruption, in us */
	double longest;
};

/* Looks for so long. */
static inline void tk_victim_look(struct tk_victim *victim, int64_t ns, const struct tk_counter *counter)
{
	uint64_t usual = tk_usual_distance(), start, last, now, end, gap, longest = 0;
	double taken = 0;

	start = last = tk_cycles();
	end = start + (uint64_t)((double)ns * counter->cycles_per_ns);
	do {
		TK_NOPS(TK_NOPS_LONG);
		now = tk_cycles();
		/* An interrupt takes more than the handful by which a loop may differ. */
		gap = now - last > usual + usual / 8 ? now - last - usual : 0;
		taken += (double)gap;
		if (gap > longest)
			longest = gap;
		last = now;
	} while (now < end);
	victim->seconds = (double)(now - start) / counter->cycles_per_ns / TK_NSEC_PER_SEC;
	victim->lost = taken * 100 / (double)(now - start);
	victim->longest = (double)longest / counter->cycles_per_ns / 1000;
}

/* For good, and without any capability; its files of /proc stay its own. */
static inline void tk_become_user(uid_t uid)
{
	if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		err(TK_EXIT_FAILURE, "becoming user %u", uid);
	if (prctl(PR_SET_DUMPABLE, 1))
		err(TK_EXIT_FAILURE, "prctl(PR_SET_DUMPABLE)");
}

/* An ordinary user, root in a user namespace of its own */
static inline void tk_become_container(uid_t uid)
{
	tk_become_user(uid);
	if (unshare(CLONE_NEWUSER))
		err(TK_EXIT_FAILURE, "unshare(CLONE_NEWUSER)");
	tk_map_root(uid, uid);
}

/* Runs @prepare in a child, and returns when it is done; the child sleeps from then on. */
static inline pid_t tk_attack_start(void (*prepare)(const void *arg), const void *arg)
{
	int ready[2];
	pid_t pid;
	char byte;

	if (pipe(ready))
		err(TK_EXIT_FAILURE, "pipe");
	pid = fork();
	if (pid < 0)
		err(TK_EXIT_FAILURE, "fork");
	if (!pid) {
		close(ready[0]);
		if (prctl(PR_SET_PDEATHSIG, SIGKILL))
			err(TK_EXIT_FAILURE, "prctl(PR_SET_PDEATHSIG)");
		prepare(arg);
		if (write(ready[1], "", 1) != 1)
			err(TK_EXIT_FAILURE, "telling that all is prepared");
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		errx(TK_EXIT_FAILURE, "the attack failed");
	close(ready[0]);
	return pid;
}

/* Runs @run in a child to its end. */
static inline void tk_run_child(void (*run)(const void *arg), const void *arg)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		err(TK_EXIT_FAILURE, "fork");
	if (!pid) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL))
			err(TK_EXIT_FAILURE, "prctl(PR_SET_PDEATHSIG)");
		run(arg);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		err(TK_EXIT_FAILURE, "waitpid");
	if (status)
		errx(TK_EXIT_FAILURE, "a child ended with wait status 0x%x", status);
}

/* Nothing of it is left when this returns, but what the kernel tidies up later. */
static inline void tk_attack_end(pid_t pid)
{
	if (kill(pid, SIGKILL) || waitpid(pid, NULL, 0) != pid)
		err(TK_EXIT_FAILURE, "ending the attack");
}

#endif /* TIMENS_VICTIM_H */
