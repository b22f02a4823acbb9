// SPDX-License-Identifier: GPL-2.0
/* 'tkns rehearse' as a program of its own, until there is a tkns: tkns-rehearse [rehearse] ... */
#include <string.h>

#include "../rehearse.h"

int main(int argc, char **argv)
{
	int skip = argc > 1 && !strcmp(argv[1], "rehearse");

	return cmd_rehearse(argc - skip, argv + skip);
}
