// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the commands of timens_clock (timens_state.c)
 */
#include "timens_mock.h"

static void tkt_rate_parse(struct kunit *test)
{
	static const struct {
		const char		*text;
		int			ret;
		struct timens_tk_rate	rate;
	} texts[] = {
		{ "1", 0, { 1, 1 } }, { "1.0", 0, { 1, 1 } }, { "01", 0, { 1, 1 } },
		{ "0.001", 0, { 1, 1000 } }, { "1/1000", 0, { 1, 1000 } },
		{ "2000", 0, { 2000, 1 } }, { "2000.0", 0, { 2000, 1 } },
		{ "0.5", 0, { 1, 2 } }, { "2/4", 0, { 1, 2 } }, { "1440", 0, { 1440, 1 } },
		{ "1.000001", 0, { 1000001, 1000000 } }, { "1999/7", 0, { 1999, 7 } },
		{ "1000000000/1000000000", 0, { 1, 1 } }, { "999999999/1000000000", 0,
		  { 999999999, 1000000000 } }, { "1.999999999", 0, { 1999999999, 0 } },
		{ "2000/1", 0, { 2000, 1 } }, { "0.999999999", 0, { 999999999, 1000000000 } },
		{ "", -EINVAL }, { " ", -EINVAL }, { "1 ", -EINVAL }, { " 1", -EINVAL },
		{ "1e3", -EINVAL }, { "-1", -EINVAL }, { "+1", -EINVAL }, { "1.", -EINVAL },
		{ ".5", -EINVAL }, { ".", -EINVAL }, { "/", -EINVAL }, { "1/", -EINVAL },
		{ "/2", -EINVAL }, { "1/2/3", -EINVAL }, { "1.5/2", -EINVAL },
		{ "1/2.5", -EINVAL }, { "1//2", -EINVAL }, { "1/-2", -EINVAL }, { "1..5", -EINVAL },
		{ "1.2.3", -EINVAL }, { "0x10", -EINVAL }, { "1,5", -EINVAL }, { "1\n", -EINVAL },
		{ "0.0000000001", -EINVAL }, { "1.0000000000", -EINVAL },
		{ "18446744073709551617", -EINVAL }, { "99999999999999999999999999", -EINVAL },
		{ "1/99999999999999999999999999", -EINVAL }, { "host", -EINVAL },
		{ "nan", -EINVAL },
		{ "0", -ERANGE }, { "0.0", -ERANGE }, { "1/0", -ERANGE }, { "0/1", -ERANGE },
		{ "0/0", -ERANGE }, { "2001", -ERANGE }, { "2000.000001", -ERANGE },
		{ "1/1001", -ERANGE }, { "0.000999999", -ERANGE }, { "4001/2", -ERANGE },
		{ "1000000001/1000000000", -ERANGE }, { "18446744073709551", -ERANGE },
		{ "1/1000000001", -ERANGE },
	};
	struct timens_tk_rate rate;
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		rate = (struct timens_tk_rate){ 12345, 67890 };
		ret = timens_tk_parse_rate(texts[i].text, &rate);
		/* A numerator above the limit */
		if (!texts[i].ret && !texts[i].rate.den) {
			KUNIT_EXPECT_EQ(test, ret, -ERANGE);
			continue;
		}
		KUNIT_EXPECT_EQ_MSG(test, ret, texts[i].ret, "\"%s\"", texts[i].text);
		KUNIT_EXPECT_EQ_MSG(test, rate.num, ret ? 12345 : texts[i].rate.num, "\"%s\"",
				    texts[i].text);
		KUNIT_EXPECT_EQ_MSG(test, rate.den, ret ? 67890 : texts[i].rate.den, "\"%s\"",
				    texts[i].text);
	}
}

static struct kunit_case tkt_state_cases[] = {
	KUNIT_CASE(tkt_rate_parse),
	{}
};

static struct kunit_suite tkt_state_suite = {
	.name = "timens_state",
	.test_cases = tkt_state_cases,
};

kunit_test_suite(tkt_state_suite);

MODULE_DESCRIPTION("KUnit tests of the commands of timens_clock");
MODULE_LICENSE("GPL");
