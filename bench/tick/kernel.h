/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Read before every file of the kernel that becomes a part of ticknative, behind
 * the headers which the kernel's own build puts there: HZ is that of the binary.
 * The only other change to the source is in include/asm/irqflags.h.
 */
#ifndef TIMENS_BENCH_TICK_KERNEL_H
#define TIMENS_BENCH_TICK_KERNEL_H

#undef CONFIG_HZ
#define CONFIG_HZ TICK_HZ

#endif /* TIMENS_BENCH_TICK_KERNEL_H */
