// SPDX-License-Identifier: GPL-2.0
/*
 * A PTP clock for the selftests
 *
 * An emulated machine has no PTP clock which could be read between two reads
 * of the system's clock, or at the same moment. This one counts the TSC in
 * nanoseconds. Nothing sets or steers it.
 */
#include <linux/clocksource_ids.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/math64.h>
#include <linux/ptp_clock_kernel.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>

#include <asm/tsc.h>

static ktime_t timens_tk_ptp_time(u64 cycles)
{
	return mul_u64_u64_div_u64(cycles, USEC_PER_SEC, tsc_khz);
}

static int timens_tk_ptp_gettimex(struct ptp_clock_info *info, struct timespec64 *ts,
				  struct ptp_system_timestamp *sts)
{
	u64 cycles;

	ptp_read_system_prets(sts);
	cycles = rdtsc_ordered();
	ptp_read_system_postts(sts);
	*ts = ktime_to_timespec64(timens_tk_ptp_time(cycles));
	return 0;
}

static int timens_tk_ptp_read(ktime_t *device, struct system_counterval_t *system, void *ctx)
{
	*system = (struct system_counterval_t) {
		.cycles	= rdtsc_ordered(),
		.cs_id	= CSID_X86_TSC,
	};
	*device = timens_tk_ptp_time(system->cycles);
	return 0;
}

static int timens_tk_ptp_crosststamp(struct ptp_clock_info *info,
				     struct system_device_crosststamp *xtstamp)
{
	return get_device_system_crosststamp(timens_tk_ptp_read, NULL, NULL, xtstamp);
}

static int timens_tk_ptp_settime(struct ptp_clock_info *info, const struct timespec64 *ts)
{
	return -EOPNOTSUPP;
}

static int timens_tk_ptp_adjtime(struct ptp_clock_info *info, s64 delta)
{
	return -EOPNOTSUPP;
}

static int timens_tk_ptp_adjfine(struct ptp_clock_info *info, long scaled_ppm)
{
	return -EOPNOTSUPP;
}

static int timens_tk_ptp_enable(struct ptp_clock_info *info, struct ptp_clock_request *request,
				int on)
{
	return -EOPNOTSUPP;
}

static struct ptp_clock_info timens_tk_ptp_info = {
	.name		= "timens_tk test",
	.gettimex64	= timens_tk_ptp_gettimex,
	.getcrosststamp	= timens_tk_ptp_crosststamp,
	.settime64	= timens_tk_ptp_settime,
	.adjtime	= timens_tk_ptp_adjtime,
	.adjfine	= timens_tk_ptp_adjfine,
	.enable		= timens_tk_ptp_enable,
};

static int __init timens_tk_ptp_init(void)
{
	if (!tsc_khz)
		return -ENODEV;
	return PTR_ERR_OR_ZERO(ptp_clock_register(&timens_tk_ptp_info, NULL));
}
late_initcall(timens_tk_ptp_init);
