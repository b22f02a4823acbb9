// SPDX-License-Identifier: GPL-2.0
/*
 * The arithmetic of the kernel's lines as a part of an ordinary process: see
 * kernel.c. With TICK_MAINLINE_SHIFT a namespace has no finer a multiplier than the
 * clocksource: see timens_tk_mult_shift().
 */
#ifdef TICK_MAINLINE_SHIFT
#include "timens_internal.h"
#undef TIMENS_TK_MULT_BITS
#define TIMENS_TK_MULT_BITS 0
#endif
#include "timens_scale.c"
#include "timens_line.c"
