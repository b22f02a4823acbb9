#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The kernel's tick path in an ordinary process (bench/native.sh) still links, is the kernel's, and takes passes: who changes the
# kernel's side learns here, and not at the next benchmark, that a stand-in is missing. Prints KTAP. Measures nothing.
#
# Needs the kernel plain.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=tests/ktap.sh
. "$ROOT/tests/ktap.sh"
[[ $# -eq 0 ]] || die "unknown argument '$1'"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

native()
{
	"$ROOT/bench/native.sh" "$@"
}

result "the functions of the tick are the kernel's" native --verify
for interval in 0 1000; do
	expect "20 owners take passes, one each $interval ms" 0 '^passes [1-9]' native cost 20 "$interval" hot 4000 1
done
expect "20 owners take a leap second" 0 "^wrong 0$" native leap 20 hot 1
expect "a clock is set and adjusted beside 20 others" 0 "^settime_ns [0-9]" native set 20
ktap_end tests
