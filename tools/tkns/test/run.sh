#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Run the unit tests: TAP of each program, and at the end "N passed, N failed".
# usage: run.sh COMMAND... (each with its arguments in one word)
set -euo pipefail

passed=0
failed=0
for command in "$@"; do
	rc=0
	read -r -a words <<< "$command"
	name=${words[0]##*/}
	echo "# $name"
	# A sanitizer ends the program, which a missing plan would not show.
	out=$("${words[@]}" 2>&1) || rc=$?
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
