/* SPDX-License-Identifier: GPL-2.0 */
/* What is left in a time namespace when the command in it has ended. */
#ifndef TKNS_LEFT_H
#define TKNS_LEFT_H

enum left_action {
	LEFT_LOOK,		/* only count */
	LEFT_TERM,		/* SIGTERM, once for each process */
	LEFT_KILL,
};

/*
 * Look for processes in the time namespace of the caller, for those whose
 * children will be in it, and for children of the caller wherever they are, and
 * do that to them. What has ended since is named on standard error. Returns how
 * many there are; call it again until there are none.
 */
unsigned int left_in_namespace(enum left_action action);

#endif /* TKNS_LEFT_H */
