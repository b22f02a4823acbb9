// SPDX-License-Identifier: GPL-2.0
/*
 * tkkexec - leave the kernel by kexec, and come back
 *
 *	tkkexec TIMES
 *
 * With KEXEC_PRESERVE_CONTEXT the kernel does before the jump what it does for each kexec: tasks
 * are frozen, devices put to sleep, the other CPUs go offline, and the timekeeping is suspended.
 * What it jumps to is one instruction here, a return, so that it goes on where it was. A time
 * namespace that owns its clock, and the host, are looked at before and afterwards: no clock
 * goes back, and the vDSO agrees with the system call.
 *
 *	frozen, suspended   jump    ret    resumed, thawed
 *	-----------------| - - - > *page - - - > |--------
 */
#define _GNU_SOURCE
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <sys/timex.h>

#include "clocks.h"
#include "guest.h"
#include "options.h"

#define PAGE		4096
/* Somewhere in the memory of a guest, above what its firmware uses */
#define DESTINATION	0x4000000UL

static const clockid_t steady[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW };

#define NR_STEADY	(sizeof(steady) / sizeof(steady[0]))

static void load(void)
{
	static uint8_t page[PAGE] __attribute__((aligned(PAGE))) = { 0xc3 };
	struct kexec_segment segment = {
		.buf = page, .bufsz = PAGE, .mem = (void *)DESTINATION, .memsz = PAGE,
	};

	if (syscall(SYS_kexec_load, DESTINATION, 1UL, &segment,
		    KEXEC_PRESERVE_CONTEXT | KEXEC_ARCH_DEFAULT))
		err(TK_EXIT_FAILURE, "kexec_load");
}

/* Of the present namespace */
static void look(const char *who, int64_t *floor)
{
	int64_t before, page, after;
	size_t i;

	for (i = 0; i < NR_STEADY; i++) {
		before = tk_read_kernel(steady[i]);
		page = tk_read(steady[i]);
		after = tk_read_kernel(steady[i]);
		if (before < floor[i])
			errx(1, "%s, clock %d: %lld ns back", who, steady[i],
			     (long long)(floor[i] - before));
		if (page < before || page > after)
			errx(1, "%s, clock %d: the vDSO reads %lld between %lld and %lld", who,
			     steady[i], (long long)page, (long long)before, (long long)after);
		floor[i] = after;
	}
}

int main(int argc, char **argv)
{
	static const struct tk_option none[] = { TK_NO_MORE };
	struct timex tx = { .modes = ADJ_TICK, .tick = 10500 };
	int64_t host[NR_STEADY] = { 0 }, own[NR_STEADY] = { 0 };
	int at, home, ns;
	long times;

	at = tk_parse_options(argc, argv, none, "TIMES\nLeave the kernel by kexec and come back. Root only, in a guest.\n",
			      TK_WORDS);
	if (argc - at != 1)
		errx(TK_EXIT_FAILURE, "TIMES is missing (--help)");
	times = (long)tk_parse_number("TIMES", argv[at], 1, 1000);
	tk_require_guest();
	home = tk_open_time_ns();
	ns = tk_enter_new_time_ns(NULL);
	if (adjtimex(&tx) < 0)
		err(TK_EXIT_FAILURE, "adjtimex");
	for (; times; times--) {
		load();
		look("the namespace", own);
		tk_enter(home);
		look("the host", host);
		if (syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, NULL))
			err(TK_EXIT_FAILURE, "reboot(LINUX_REBOOT_CMD_KEXEC)");
		look("the host, back", host);
		tk_enter(ns);
		look("the namespace, back", own);
		printf("# back\n");
		fflush(stdout);
	}
	return 0;
}
