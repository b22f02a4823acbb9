// SPDX-License-Identifier: GPL-2.0
/*
 * The vDSO's reader, compiled as the vDSO is, for a page and a counter value that
 * the caller chooses. Only where the counter comes from differs.
 */
#include <linux/time.h>
#include <linux/kernel.h>
#include <linux/types.h>
#include <vdso/gettime.h>
#include <asm/msr.h>

#include "shared.h"

unsigned long long tkn_vdso_cycles;

#define rdtsc_ordered()	READ_ONCE(tkn_vdso_cycles)

#include <vdso/datapage.h>

/*
 * The host's data are not beside the pages of all namespaces here. What is read there
 * other than MONOTONIC_RAW, which nobody reads here, is in the first part of a page.
 */
#define __arch_timens_vdso_data_of(vd)	__arch_get_timens_vdso_data(vd)

#include "../../../../lib/vdso/gettimeofday.c"

/* The host's data, which a task in a time namespace has mapped beside its page */
asm(".globl timens__vdso_data\n\t.set timens__vdso_data, _vdso_data");
asm(".globl vvar__vdso_data\n\t.set vvar__vdso_data, _vdso_data");

/**
 * tkn_vdso_read - Read a clock as a task does whose page is @page
 * @page:	The page of the namespace
 * @clock:	The clock
 * @sec:	Storage for the seconds
 * @nsec:	Storage for the nanoseconds
 *
 * Return: 0, or another value when the vDSO would call the kernel
 */
int tkn_vdso_read(const void *page, int clock, long long *sec, long *nsec)
{
	struct __kernel_timespec ts;
	int ret;

	ret = __cvdso_clock_gettime_common(page, clock, &ts);
	if (ret > 0)
		ret = vdso_read_timens(page, clock, &ts);
	if (ret)
		return ret;
	*sec = ts.tv_sec;
	*nsec = ts.tv_nsec;
	return 0;
}
