#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Run the unit tests: TAP of each program, and at the end "N passed, N failed".
# usage: run.sh DIRECTORY NAME...
set -euo pipefail

dir=$1
shift
passed=0
failed=0
for name in "$@"; do
	rc=0
	echo "# $name"
	# A sanitizer ends the program, which a missing plan would not show.
	out=$("$dir/$name" 2>&1) || rc=$?
	printf '%s\n' "$out"
	passed=$((passed + $(grep -c '^ok ' <<< "$out" || true)))
	bad=$(grep -c '^not ok ' <<< "$out" || true)
	if ! grep -q '^1\.\.[1-9]' <<< "$out" || [[ $bad = 0 && $rc != 0 ]]; then
		echo "not ok - $name ended with $rc, or without a plan"
		bad=$((bad + 1))
	fi
	failed=$((failed + bad))
done
echo "tkns: $passed passed, $failed failed"
[[ $failed = 0 ]]
