/* SPDX-License-Identifier: GPL-2.0 */
/* The commands of tkns, and what they have in common. */
#ifndef TKNS_H
#define TKNS_H

#include <argp.h>
#include <stdbool.h>
#include <sys/types.h>

#include "user_values.h"

/*
 * As env(1) and other programs which run a command: own failures are apart
 * from any status that the command is likely to have. The kernel without the
 * feature has a number of its own, so that scripts can skip what they cannot do,
 * and so has a rehearsal which something inside has disturbed.
 */
#define EXIT_DISTURBED	123
#define EXIT_NO_KERNEL	124
#define EXIT_FAILED	125
#define EXIT_NOT_EXEC	126
#define EXIT_NOT_FOUND	127

int cmd_run(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_set(int argc, char **argv);
int cmd_follow(int argc, char **argv);
int cmd_save(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_go(int argc, char **argv);
int cmd_pause(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_watch(int argc, char **argv);
int cmd_rehearse(int argc, char **argv);
int cmd_drift(int argc, char **argv);
int cmd_step(int argc, char **argv);
int cmd_strobe(int argc, char **argv);
int cmd_oci_hook(int argc, char **argv);
int cmd_oci_runtime(int argc, char **argv);

/* "tkns: error: ..." and the end; die_errno() appends what errno says. */
__attribute__((noreturn, format(printf, 1, 2)))
void die(const char *format, ...);
__attribute__((noreturn, format(printf, 1, 2)))
void die_errno(const char *format, ...);
__attribute__((format(printf, 1, 2)))
void warn_user(const char *format, ...);

/* A value which cannot be parsed: what is wrong, the text, a caret, and the end. */
__attribute__((noreturn))
void die_spec(const char *option, const char *text, const struct spec_error *error);

/* One sentence and EXIT_NO_KERNEL, unless time namespaces have clocks here. */
void need_kernel(void);

/* A process id, or that of a name (names.h), or the end. */
int parse_pid(const char *text);

/*
 * The time namespace of the process, open, and its inode if @ino is given. The initial one is refused:
 * its clock is the machine's, and who means that has date(1) and adjtimex(8).
 */
int open_time_ns(pid_t pid, ino_t *ino);

/* Into that namespace, for good, or the end; @pid is for the message. enter_pid() is all three. */
void enter_time_ns(int fd, pid_t pid);
pid_t enter_pid(const char *text);

/* The end if something could not be written to standard output. */
void close_stdout(void);

#endif /* TKNS_H */
