/* SPDX-License-Identifier: GPL-2.0 */
/* Other programs, which are asked something. */
#ifndef TKNS_ASK_H
#define TKNS_ASK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What the program prints, up to @size - 1 bytes. What it complains of is not shown, and it can ask
 * for nothing. Returns false if it fails, or is not there.
 */
bool output_of(const char *const *argv, char *text, size_t size);

#endif /* TKNS_ASK_H */
