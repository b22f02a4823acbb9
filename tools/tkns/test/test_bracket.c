// SPDX-License-Identifier: GPL-2.0
/* How far clocks are apart which were read one after the other. Prints TAP. */
#include "../bracket.h"
#include "tap.h"

#define S	INT64_C(1000000000)

static const struct spec_rate one = { 1, 1 }, ten = { 10, 1 }, slow = { 1, 1000 }, stands = { 0, 1 };

static void check(const char *name, const struct bracket *b, size_t nr, int64_t apart, int64_t known)
{
	int64_t err = -1, got = bracket_apart(b, nr, &err);

	if (got != apart || err != known)
		tap_wrong("%lld apart, known to %lld; %lld and %lld are expected", (long long)got,
			  (long long)err, (long long)apart, (long long)known);
	tap_end(name);
}

int main(void)
{
	/* host, realtime, half of the bracket, rate; each bracket counts a nanosecond more */
	const struct bracket same[] = {
		{ 100 * S, 7 * S, 50, one }, { 100 * S + 5000, 7 * S + 5000, 70, one },
	}, three[] = {
		{ 100 * S, 7 * S, 10, one }, { 100 * S, 7 * S - 300, 30, one },
		{ 100 * S, 7 * S + 400, 20, one },
	}, fast[] = {
		{ 100 * S, 7 * S, 10, ten }, { 100 * S + 10000, 7 * S + 100000, 10, one },
	}, late[] = {
		{ 100 * S + 10000, 7 * S, 10, slow }, { 100 * S, 7 * S - 10000, 10, one },
	}, stopped[] = {
		{ 100 * S, 7 * S, 10, stands }, { 160 * S, 7 * S, 10, one },
	}, far[] = {
		{ 0, 0, 0, one }, { 4000000000 * S, 8000000000 * S, 0, one },
	};

	check("clocks which agree, read one after the other", same, 2, 0, 51 + 71);
	check("of three the foremost and the last, and the two widest brackets", three, 3, 700, 31 + 21);
	check("a clock at ten times the rate goes on until the later reading", fast, 2, 0, 101 + 11);
	check("the order of the readings does not matter", late, 2, 0, 1 + 11);
	check("a clock which stands has not gone on", stopped, 2, 0, 1 + 11);
	check("centuries do not overflow", far, 2, 4000000000 * S, 1 + 1);
	return tap_done();
}
