#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Nobody who reads a clock through the vDSO gets a time that is made of two states of the page: the images of the plain kernel, run
# in an ordinary process and stopped after each instruction, while the page is written store by store (tests/vdsorace.c). Prints KTAP.
#
# Compiles what is missing: the images alone, not the kernel.
#
# usage: race-test.sh [--all]
#   --all    each instruction against each store, not against some
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=tests/ktap.sh
. "$ROOT/tests/ktap.sh"

all=()
case $# in
0) ;;
1) [[ $1 = --all ]] || die "unknown argument '$1'"; all=(--all) ;;
*) die "unknown argument '$2'" ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
folder=arch/x86/entry/vdso
"$ROOT/scripts/build.sh" --config plain "$folder/" >&2

race()
{
	local bits=$1 arguments=()

	[[ $bits = 64 ]] || arguments=(-m32 -msse2)
	gcc "${arguments[@]}" -std=gnu11 -O2 -Wall -Wextra -Werror "$ROOT/tests/vdsorace.c" -o "$work/race"
	"$work/race" "${all[@]}" "$BUILD/obj-plain/$folder/vdso$bits.so" > "$work/points" || true
	[[ $(grep -c '^ok\|^not ok' "$work/points") = "$(sed -n 's/^1\.\.//p' "$work/points")" ]]
}

# One point here for each of the program, and one for its end.
for bits in 64 32; do
	: > "$work/points"
	result "the $bits-bit image was read to the end" race "$bits"
	while IFS= read -r line; do
		case $line in
		'ok '*) ktap_point "$bits bits: ${line#ok * - }" 0 ;;
		'not ok '*) ktap_point "$bits bits: ${line#not ok * - }" 1 ;;
		'# '*) echo "$line" ;;
		esac
	done < "$work/points"
done
ktap_end tests
