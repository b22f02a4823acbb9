#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Run the unit tests: each program is a test, its TAP becomes subtests. At the end "N passed, N failed".
# usage: run.sh COMMAND... (each with its arguments in one word)
set -euo pipefail

passed=0
failed=0
count=0
for command in "$@"; do
	rc=0
	read -r -a words <<< "$command"
	name=${words[0]##*/}
	count=$((count + 1))
	echo "    # Subtest: $name"
	out=$("${words[@]}" 2>&1) || rc=$?
	while IFS= read -r line; do
		printf '    %s\n' "$line"
	done <<< "$out"
	passed=$((passed + $(grep -c '^ok ' <<< "$out" || true)))
	bad=$(grep -c '^not ok ' <<< "$out" || true)
	failed=$((failed + bad))
	# A sanitizer ends the program, which no line of TAP says.
	if [[ $bad != 0 ]]; then
		echo "not ok $count - $name"
	elif [[ $rc != 0 ]] || ! grep -q '^1\.\.[1-9]' <<< "$out"; then
		echo "# exit status $rc, or no plan"
		echo "not ok $count - $name"
		failed=$((failed + 1))
	else
		echo "ok $count - $name"
	fi
done
echo "1..$count"
echo "# $passed passed, $failed failed"
[[ $failed = 0 ]]
