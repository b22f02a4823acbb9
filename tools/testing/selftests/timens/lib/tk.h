/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every test of time namespaces that own a clock (tk_*.c) includes: the rooms of the
 * library beside this file, and the headers of the system that most of them need.
 *
 *	base.h		units and arithmetic
 *	fail.h		checks
 *	sys.h, vdso.h	the system calls of clocks, the functions of the vDSO
 *	clock.h		reading a clock
 *	interval.h	brackets: comparing clocks
 *	ns.h		time namespaces and their state
 *	process.h	helper processes, and waiting for them
 *	file.h		files and knobs of the kernel
 *	watch.h		a process which sees that clocks do not move
 *	guard.h		puts the host's clock back behind a test
 *	setup.h		what is set up before a test, and looked at behind it
 *	fixture.h	the fixtures, and the kernel's test harness
 *
 * Who needs them includes as well
 *
 *	reader.h	a process which reads the clocks all the time
 *	leap.h		steering, a leap second that is not long to come
 *	user.h		other users
 *	setters.h	all ways to set a clock
 *	waits.h		every way to wait for a time
 *	ring.h		io_uring
 *
 * A line is REALTIME - MONOTONIC and its kin: constant while nobody steps a clock.
 */
#ifndef TK_TK_H
#define TK_TK_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base.h"
#include "clock.h"
#include "fail.h"
#include "file.h"
#include "fixture.h"
#include "guard.h"
#include "interval.h"
#include "ns.h"
#include "process.h"
#include "setup.h"
#include "sys.h"
#include "vdso.h"
#include "watch.h"

#endif /* TK_TK_H */
