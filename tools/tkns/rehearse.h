/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TKNS_REHEARSE_H
#define TKNS_REHEARSE_H

/* 'tkns rehearse': argv[0] is the name of the command. Returns the exit status of the program. */
int cmd_rehearse(int argc, char **argv);

#endif /* TKNS_REHEARSE_H */
