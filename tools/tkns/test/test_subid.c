// SPDX-License-Identifier: GPL-2.0
/*
 * What tkns makes of the ranges that getsubids prints: which it takes, and the map of a user
 * namespace. Prints TAP.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <string.h>

#include "../subid.h"
#include "tap.h"

static void test_parse(void)
{
	static const struct {
		const char *text;
		bool taken;
		size_t n;
		struct subid_range range[2];
	} cases[] = {
		{ "", true, 0 },
		{ "0: user 100000 65536\n", true, 1, { { 100000, 65536 } } },
		{ "0: user 100000 65536", true, 1, { { 100000, 65536 } } },
		{ "0: user 100000 65536\n1: user 300000 10\n", true, 2,
		  { { 100000, 65536 }, { 300000, 10 } } },
		{ "0: a:b 5 1\n", true, 1, { { 5, 1 } } },
		/* The last id that is one */
		{ "0: user 4294967294 1\n", true, 1, { { 4294967294U, 1 } } },
		{ "0: user 4294967294 2\n", false },
		{ "0: user 4294967295 1\n", false },
		{ "0: user 0 4294967295\n", true, 1, { { 0, 4294967295U } } },
		{ "0: user 4294967296 1\n", false },
		{ "0: user 100000 0\n", false },
		{ "0: user 100000 -1\n", false },
		{ "0: user 100000\n", false },
		{ "0: user\n", false },
		{ "0: user 100000 65536 7\n", false },
		{ "0: user 0x10 65536\n", false },
		{ "user 100000 65536\n", false },
		{ "0: user 99999999999999999999 1\n", false },
	};
	size_t i, j;

	for (i = 0; i < N_OF(cases); i++) {
		struct subid_set set;
		bool taken = subid_parse(cases[i].text, &set);
		char name[96];

		if (taken && !cases[i].taken)
			tap_wrong("it is taken");
		else if (!taken && cases[i].taken)
			tap_wrong("it is refused");
		else if (taken && set.n != cases[i].n)
			tap_wrong("%zu ranges", set.n);
		else
			for (j = 0; taken && j < set.n; j++)
				if (set.range[j].first != cases[i].range[j].first ||
				    set.range[j].count != cases[i].range[j].count)
					tap_wrong("range %zu is %" PRIu32 " %" PRIu32, j,
						  set.range[j].first, set.range[j].count);
		snprintf(name, sizeof(name), "ranges '%.*s'", (int)strcspn(cases[i].text, "\n"),
			 cases[i].text);
		tap_end(name);
	}
}

static void test_too_many(void)
{
	char text[(SUBID_RANGES + 1) * 32] = "";
	struct subid_set set;
	int i;

	for (i = 0; i < SUBID_RANGES; i++)
		sprintf(text + strlen(text), "%d: user %d 10\n", i, 1000 * (i + 1));
	if (!subid_parse(text, &set) || set.n != SUBID_RANGES)
		tap_wrong("%d are refused", SUBID_RANGES);
	strcat(text, "99: user 90000 10\n");
	if (subid_parse(text, &set))
		tap_wrong("one more is taken");
	tap_end("as many ranges as there is room for");
}

static void same_map(const char *name, const struct subid_set *set, uint32_t own, bool root,
		     const struct subid_extent *want, size_t n)
{
	struct subid_extent map[SUBID_RANGES + 1];
	size_t i, got = subid_map(set, own, root, map);

	if (got != n)
		tap_wrong("%zu extents, not %zu", got, n);
	for (i = 0; i < got && i < n; i++)
		if (memcmp(&map[i], &want[i], sizeof(*want)))
			tap_wrong("extent %zu is %" PRIu32 " %" PRIu32 " %" PRIu32, i, map[i].inside,
				  map[i].outside, map[i].count);
	tap_end(name);
}

static void test_maps(void)
{
	static const struct subid_set none, two = { { { 100000, 65536 }, { 300000, 10 } }, 2 };
	static const struct subid_set with_own = { { { 900, 200 }, { 300000, 10 } }, 2 };
	static const struct subid_set up_to_own = { { { 900, 100 } }, 1 };
	static const struct subid_set all = { { { 1, 4294967290U }, { 5, 10 } }, 2 };
	static const struct subid_extent only[] = { { 1000, 1000, 1 } };
	static const struct subid_extent only_root[] = { { 0, 1000, 1 } };
	static const struct subid_extent keep[] = {
		{ 1000, 1000, 1 }, { 100000, 100000, 65536 }, { 300000, 300000, 10 }
	};
	static const struct subid_extent root[] = {
		{ 0, 1000, 1 }, { 1, 100000, 65536 }, { 65537, 300000, 10 }
	};
	static const struct subid_extent without[] = { { 1000, 1000, 1 }, { 300000, 300000, 10 } };
	static const struct subid_extent root_without[] = { { 0, 1000, 1 }, { 1, 300000, 10 } };
	static const struct subid_extent below[] = { { 1000, 1000, 1 }, { 900, 900, 100 } };
	static const struct subid_extent most[] = { { 0, 0, 1 }, { 1, 1, 4294967290U } };

	same_map("no range: the caller", &none, 1000, false, only, N_OF(only));
	same_map("no range: the caller as root", &none, 1000, true, only_root, N_OF(only_root));
	same_map("everybody keeps the number", &two, 1000, false, keep, N_OF(keep));
	same_map("root, and the others from 1 on", &two, 1000, true, root, N_OF(root));
	same_map("a range with the caller in it is left out", &with_own, 1000, false, without,
		 N_OF(without));
	same_map("and leaves no gap", &with_own, 1000, true, root_without, N_OF(root_without));
	same_map("a range which ends in front of the caller is not", &up_to_own, 1000, false, below,
		 N_OF(below));
	same_map("numbers do not wrap", &all, 0, true, most, N_OF(most));
}

int main(void)
{
	test_parse();
	test_too_many();
	test_maps();
	return tap_done();
}
