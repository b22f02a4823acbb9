/* SPDX-License-Identifier: GPL-2.0 */
/* What the KUnit tests of smeared leap seconds share: timens_smear_kunit.c has it. */
#ifndef _KERNEL_TIME_TESTS_TIMENS_SMEAR_KUNIT_H
#define _KERNEL_TIME_TESTS_TIMENS_SMEAR_KUNIT_H

#include <kunit/test.h>
#include <linux/prandom.h>

#include "../timens_smear.h"

extern unsigned long long tsm_seed;
extern const char *const tsm_presets[5];
extern const char *const tsm_shapes[3];
extern const char *const tsm_places[3];

u64 tsm_random(struct rnd_state *rnd, u64 below);
struct timens_smear_policy tsm_policy(struct kunit *test, const char *text);

#endif /* _KERNEL_TIME_TESTS_TIMENS_SMEAR_KUNIT_H */
