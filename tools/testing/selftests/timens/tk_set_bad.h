/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bad calls, for tk_set: what each of them returns on the host it returns in a namespace.
 */
#ifndef TK_SET_BAD_H
#define TK_SET_BAD_H

#include <stdbool.h>
#include <stddef.h>

/* stime() and the calls with 32-bit times are there in 32-bit programs alone. */
#ifdef __i386__
#define N_BAD 68
#else
#define N_BAD 62
#endif

/* Make call @i of N_BAD; returns a value >= 0 or -errno, and its name. */
int bad_call(size_t i, const char **name);

/* Does it return 0, though it is refused? */
bool bad_call_is_silent(size_t i);

#endif /* TK_SET_BAD_H */
