// SPDX-License-Identifier: GPL-2.0
/* Subordinate ids: parsing ranges, and making a map of them; see subid.h. */
#define _GNU_SOURCE
#include <string.h>

#include "subid.h"
#include "user_values.h"

/* One whole word at *@text, which is moved behind it */
static bool next_number(const char **text, uint32_t *number)
{
	struct spec_error error;
	char word[16];
	size_t len;
	int64_t n;

	*text += strspn(*text, " ");
	len = strcspn(*text, "\n ");
	if (len >= sizeof(word))
		return false;
	memcpy(word, *text, len);
	word[len] = '\0';
	*text += len;
	if (!spec_parse_number(word, 0, UINT32_MAX, &n, &error))
		return false;
	*number = n;
	return true;
}

bool subid_parse(const char *text, struct subid_set *set)
{
	set->n = 0;
	while (*text) {
		struct subid_range *range = &set->range[set->n];

		if (set->n == SUBID_RANGES)
			return false;
		text = strchr(text, ':');
		if (!text)
			return false;
		/* The name, which may hold what it likes but no space */
		text += 1 + strspn(text + 1, " ");
		text += strcspn(text, "\n ");
		if (!next_number(&text, &range->first) || !next_number(&text, &range->count) ||
		    (*text && *text != '\n'))
			return false;
		/* The last id, -1, is no id */
		if (!range->count || range->count > UINT32_MAX - range->first)
			return false;
		text += *text == '\n';
		set->n++;
	}
	return true;
}

size_t subid_map(const struct subid_set *set, uint32_t own, bool root, struct subid_extent *map)
{
	uint32_t next = 1;
	size_t i, n = 0;

	map[n++] = (struct subid_extent) { .inside = root ? 0 : own, .outside = own, .count = 1 };
	for (i = 0; i < set->n; i++) {
		const struct subid_range *range = &set->range[i];

		if (own >= range->first && own - range->first < range->count)
			continue;
		/* More than there are ids: they overlap, and the kernel takes none of those. */
		if (root && range->count > UINT32_MAX - next)
			break;
		map[n++] = (struct subid_extent) {
			.inside = root ? next : range->first,
			.outside = range->first,
			.count = range->count,
		};
		next += range->count;
	}
	return n;
}
