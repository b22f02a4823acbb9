/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Found before the kernel's header of that name by what becomes a part of
 * ticknative. A process may not disable interrupts, nor may it enable them. The flags
 * are still read and compared.
 */
#ifndef TIMENS_BENCH_TICK_IRQFLAGS_H
#define TIMENS_BENCH_TICK_IRQFLAGS_H

#include_next <asm/irqflags.h>

static __always_inline void tkn_irq_flip(void)
{
	asm volatile("" : : : "memory");
}

static __always_inline void tkn_irq_restore(unsigned long flags)
{
	if (!arch_irqs_disabled_flags(flags))
		tkn_irq_flip();
}

#define arch_local_irq_disable	tkn_irq_flip
#define arch_local_irq_enable	tkn_irq_flip
#define arch_local_irq_restore	tkn_irq_restore
#define arch_local_irq_save	native_save_fl

#endif /* TIMENS_BENCH_TICK_IRQFLAGS_H */
