// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the texts which say what a leap second does
 *
 * What the parser takes is compared with a grammar that is written down here
 * independently; texts are made from it, and mutated. The seed is that of
 * timens_smear_kunit.c.
 */
#include <linux/string.h>

#include "timens_effort.h"
#include "timens_smear_kunit.h"

static bool tsm_one_of(const char *const *names, unsigned int nr, const char *text, size_t len)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (strlen(names[i]) == len && !memcmp(names[i], text, len))
			return true;
	return false;
}

/* What the grammar says about a text */
static bool tsm_grammar(const char *text)
{
	const char *word[5], *p = text;
	size_t len[5];
	unsigned int nr = 0, i;
	u64 window = 0;

	for (;; p++) {
		if (nr == 5)
			return false;
		word[nr] = p;
		while (*p && *p != ' ')
			p++;
		len[nr] = p - word[nr];
		nr++;
		if (!*p)
			break;
	}
	if (nr == 1)
		return len[0] == 4 && !memcmp(word[0], "step", 4);
	if (len[0] != 5 || memcmp(word[0], "smear", 5))
		return false;
	if (nr == 2)
		return tsm_one_of(tsm_presets, ARRAY_SIZE(tsm_presets), word[1], len[1]);
	if (nr != 4 || !len[2] ||
	    !tsm_one_of(tsm_shapes, ARRAY_SIZE(tsm_shapes), word[1], len[1]) ||
	    !tsm_one_of(tsm_places, ARRAY_SIZE(tsm_places), word[3], len[3]))
		return false;
	for (i = 0; i < len[2]; i++) {
		if (word[2][i] < '0' || word[2][i] > '9')
			return false;
		window = min(window * 10 + word[2][i] - '0', 1000000ULL);
	}
	return window >= 128 && window <= 604800;
}

/* Parses @text; the result is what the grammar says, and harmless on errors */
static bool tsm_try(struct kunit *test, const char *text)
{
	struct timens_smear_policy policy, untouched;
	char buf[128];
	int ret;

	memset(&policy, 0x5a, sizeof(policy));
	untouched = policy;
	strscpy(buf, text, sizeof(buf));
	ret = timens_smear_parse(&policy, buf);
	KUNIT_ASSERT_EQ_MSG(test, ret, tsm_grammar(text) ? 0 : -EINVAL, "\"%s\"", text);
	if (ret)
		KUNIT_ASSERT_MEMEQ(test, &policy, &untouched, sizeof(policy));
	return !ret;
}

static void tsm_text(struct kunit *test)
{
	static const char *const bad[] = {
		"", " ", "  ", "ste", "steps", "step ", " step", "step step", "Step", "STEP",
		"smear", "smear ", "smear  ", " smear", "smears google", "smear google ",
		"smear  google", "smear google google", "smear Google", "smear step", "smear goog",
		"smear googles", "google", "smear none", "smear linear", "smear linear ",
		"smear linear 1000", "smear linear 1000 ", "smear linear  1000 before",
		"smear linear 1000  before", "smear linear 1000 before ", "smear 1000 before",
		"smear linear before 1000", "smear linear before", "smear linear 127 before",
		"smear linear 604801 before", "smear linear 0 before", "smear linear -1000 before",
		"smear linear +1000 before", "smear linear 0x400 before",
		"smear linear 1000s before", "smear linear 1000. before",
		"smear linear 1e3 before", "smear linear 1000\n before",
		"smear linear 4294968296 before", "smear linear 18446744073709552616 before",
		"smear linear 99999999999999999999999999999999 before",
		"smear linear 1000 centered", "smear linear 1000 bef", "smear linear 1000 beforee",
		"smear lin 1000 before", "smear cubic 1000 before", "smear linear 1000 before now",
		"smear\tgoogle", "smear google\n", "step\n", "step\t", "smear linear\t1000 before",
		"smear linear 1 000 before", "smear linear 1,000 before",
		"smear Linear 1000 before",
	};
	static const unsigned int windows[] = { 128, 129, 1000, 86400, 604799, 604800 };
	struct timens_smear_policy policy;
	unsigned int i, k, l;
	char text[48], name[40];

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_FALSE_MSG(test, tsm_try(test, bad[i]), "\"%s\"", bad[i]);

	policy = tsm_policy(test, "step");
	KUNIT_EXPECT_EQ(test, policy.preset, TIMENS_SMEAR_STEP);
	KUNIT_EXPECT_STREQ(test, timens_smear_name(&policy, name, sizeof(name)), "step");
	for (i = 0; i < ARRAY_SIZE(tsm_presets); i++) {
		snprintf(text, sizeof(text), "smear %s", tsm_presets[i]);
		KUNIT_EXPECT_TRUE(test, tsm_try(test, text));
		policy = tsm_policy(test, text);
		KUNIT_EXPECT_EQ(test, policy.preset, TIMENS_SMEAR_GOOGLE + i);
		KUNIT_EXPECT_STREQ(test, timens_smear_name(&policy, name, sizeof(name)), text);
	}
	for (i = 0; i < ARRAY_SIZE(tsm_shapes); i++) {
		for (k = 0; k < ARRAY_SIZE(tsm_places); k++) {
			for (l = 0; l < ARRAY_SIZE(windows); l++) {
				snprintf(text, sizeof(text), "smear %s %u %s", tsm_shapes[i],
					 windows[l], tsm_places[k]);
				KUNIT_EXPECT_TRUE(test, tsm_try(test, text));
				policy = tsm_policy(test, text);
				KUNIT_EXPECT_EQ(test, policy.preset, TIMENS_SMEAR_CUSTOM);
				KUNIT_EXPECT_EQ(test, policy.shape, i);
				KUNIT_EXPECT_EQ(test, policy.place, k);
				KUNIT_EXPECT_EQ(test, policy.window, windows[l]);
				KUNIT_EXPECT_STREQ(test,
						   timens_smear_name(&policy, name, sizeof(name)),
						   text);
			}
		}
	}

	/* The shapes of the presets */
	policy = tsm_policy(test, "smear google");
	KUNIT_EXPECT_EQ(test, policy.shape, TIMENS_SMEAR_LINEAR);
	policy = tsm_policy(test, "smear aws");
	KUNIT_EXPECT_EQ(test, policy.shape, TIMENS_SMEAR_LINEAR);
	policy = tsm_policy(test, "smear utc-sls");
	KUNIT_EXPECT_EQ(test, policy.shape, TIMENS_SMEAR_LINEAR);
	policy = tsm_policy(test, "smear ntpd");
	KUNIT_EXPECT_EQ(test, policy.shape, TIMENS_SMEAR_COSINE);
	policy = tsm_policy(test, "smear meta");
	KUNIT_EXPECT_EQ(test, policy.shape, TIMENS_SMEAR_QUADRATIC);
}

/* A valid text with up to three characters replaced, inserted, removed or doubled */
static void tsm_mutate(struct rnd_state *rnd, char *text, size_t size)
{
	static const char likely_chars[] = " 0123456789\n+-.\tesrtxcd";
	unsigned int n = tsm_random(rnd, 4), i;
	size_t len = strlen(text), at;
	char c;

	for (i = 0; i < n; i++) {
		at = tsm_random(rnd, len + 1);
		c = tsm_random(rnd, 8) ?
		    likely_chars[tsm_random(rnd, sizeof(likely_chars) - 1)] :
		    1 + tsm_random(rnd, 255);
		switch (tsm_random(rnd, 4)) {
		case 0:
			if (at < len)
				text[at] = c;
			break;
		case 1:
			if (len + 2 > size)
				break;
			memmove(text + at + 1, text + at, len - at + 1);
			text[at] = c;
			len++;
			break;
		case 2:
			if (at == len)
				break;
			memmove(text + at, text + at + 1, len - at);
			len--;
			break;
		case 3:
			text[at] = '\0';
			len = at;
			break;
		}
	}
}

static void tsm_fuzz(struct kunit *test)
{
	const unsigned int rounds = timens_kunit_effort(20000);
	unsigned int i, accepted = 0, rejected = 0;
	struct rnd_state rnd;
	char text[64];

	kunit_info(test, "seed %#llx", tsm_seed);
	prandom_seed_state(&rnd, tsm_seed);
	for (i = 0; i < rounds; i++) {
		switch (tsm_random(&rnd, 8)) {
		case 0:
			strscpy(text, "step", sizeof(text));
			break;
		case 1:
		case 2:
			snprintf(text, sizeof(text), "smear %s",
				 tsm_presets[tsm_random(&rnd, ARRAY_SIZE(tsm_presets))]);
			break;
		default:
			snprintf(text, sizeof(text), "smear %s %llu %s",
				 tsm_shapes[tsm_random(&rnd, 3)],
				 1ULL << tsm_random(&rnd, 24) | tsm_random(&rnd, 1000),
				 tsm_places[tsm_random(&rnd, 3)]);
		}
		tsm_mutate(&rnd, text, sizeof(text));
		if (tsm_try(test, text))
			accepted++;
		else
			rejected++;
	}
	kunit_info(test, "%u texts accepted, %u rejected", accepted, rejected);
	KUNIT_EXPECT_GT(test, 20 * accepted, rounds);
	KUNIT_EXPECT_GT(test, 20 * rejected, rounds);
}

static struct kunit_case tsm_text_cases[] = {
	KUNIT_CASE(tsm_text),
	KUNIT_CASE(tsm_fuzz),
	{}
};

static struct kunit_suite tsm_text_suite = {
	.name = "timens_smear_text",
	.test_cases = tsm_text_cases,
};

kunit_test_suite(tsm_text_suite);

MODULE_DESCRIPTION("KUnit tests of the texts of smeared leap seconds");
MODULE_LICENSE("GPL");
