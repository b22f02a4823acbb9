/* SPDX-License-Identifier: GPL-2.0 */
/* The ids which /etc/subuid and /etc/subgid keep for a user, in a user namespace. */
#ifndef TKNS_SUBID_H
#define TKNS_SUBID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUBID_RANGES 16

struct subid_range {
	uint32_t first;
	uint32_t count;
};

/* One kind of ids: those of users, or those of groups */
struct subid_set {
	struct subid_range range[SUBID_RANGES];
	size_t n;
};

/* A line of uid_map or gid_map: @count ids from @inside on are those from @outside on */
struct subid_extent {
	uint32_t inside;
	uint32_t outside;
	uint32_t count;
};

/*
 * What getsubids(1) prints, a line "0: USER FIRST COUNT" for each range. Returns false for what is
 * none of that, for a range that leaves the 32 bits of an id, and for more than SUBID_RANGES.
 */
bool subid_parse(const char *text, struct subid_set *set);

/*
 * The map of @own and of the ranges. Inside, everybody keeps the number, or @own is 0 and the ranges
 * follow from 1 on. A range which has @own in it is left out: no id can be mapped twice. Returns how
 * many extents there are, up to SUBID_RANGES + 1.
 */
size_t subid_map(const struct subid_set *set, uint32_t own, bool root, struct subid_extent *map);

#endif /* TKNS_SUBID_H */
