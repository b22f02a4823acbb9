/* SPDX-License-Identifier: GPL-2.0 */
/* The state of a clock as a text, which the kernel writes and takes back. */
#ifndef TKNS_SAVE_H
#define TKNS_SAVE_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * The state of the clock of the time namespace into which the process puts its children, to be freed; NULL if that
 * follows the host. Ends on an error.
 */
char *save_state(pid_t pid);

/* The state which is in a file, to be freed. Ends, with the name of the file, if there is none. */
char *read_state(int fd, const char *what);

/*
 * Make it that of the clock of the time namespace into which the process puts its children. @frozen: no
 * time has passed since it was saved. Ends on an error, and then nothing was changed.
 */
void restore_state(pid_t pid, bool frozen, const char *state);

#endif /* TKNS_SAVE_H */
