#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Turn the results of a run into a table, out/summary.json, out/junit.xml, and the last line "N passed, N failed, N skipped".
# The exit status is 0 when nothing failed and something passed.
#
# usage: collect.sh DIR...       result directories, as boot.sh (or test.sh, for checks on the host) writes them
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[[ $# -gt 0 ]] || die "no result directory given"

# field FILE KEY
field()
{
	sed -n "s/^$2 //p" "$1" | head -n 1
}

xml()
{
	sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g' -e 's/"/\&quot;/g' | tr -d '\000-\010\013\014\016-\037'
}

work=$(mktemp -d "$BUILD/collect.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$OUT"
: > "$work/rows"
: > "$work/junit"

# tests DIR FILE: the tests of a row as "status name reason" lines. A row that failed for another reason than its tests
# (no verdict, a warning of the kernel) has a failed test "boot"; one without any result at all as well.
tests()
{
	local dir=$1 status reason

	status=$(field "$dir/result" status)
	reason=$(field "$dir/result" reason)
	: > "$2"
	[[ ! -f $dir/ktap.txt ]] || awk -f "$ROOT/scripts/ktap.awk" "$dir/ktap.txt" > "$2"
	if [[ $(field "$dir/result" expect) = fail ]]; then
		# Not by accident: tests failed, in a machine that came up and went down as it should.
		if [[ $status = fail ]] && grep -q '^fail' "$2"; then
			printf 'pass\tthe planted bug is found\t%s tests fail\n' "$(grep -c '^fail' "$2")" > "$2.inverted"
		else
			printf 'fail\tthe planted bug is found\tstatus %s: %s\n' "$status" "${reason:-no test failed}" > "$2.inverted"
		fi
		mv "$2.inverted" "$2"
	elif [[ $status != pass ]] && ! { [[ $status = fail ]] && grep -q '^fail' "$2"; }; then
		printf 'fail\tboot\t%s: %s\n' "$status" "${reason#"$status: "}" >> "$2"
	elif [[ ! -s $2 ]]; then
		printf 'fail\tboot\tno test reported anything\n' >> "$2"
	fi
}

passed=0 failed=0 skipped=0
printf '\n%-34s %-10s %6s %6s %7s %8s  %s\n' "row" "status" "passed" "failed" "skipped" "seconds" "reason"
for dir in "$@"; do
	[[ -f $dir/result ]] || die "no results in '$dir'"
	name=$(basename "$dir")
	tests "$dir" "$work/tests"
	p=$(grep -c '^pass' "$work/tests" || true)
	f=$(grep -c '^fail' "$work/tests" || true)
	s=$(grep -c '^skip' "$work/tests" || true)
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	status=$(field "$dir/result" status)
	reason=$(field "$dir/result" reason)
	seconds=$(field "$dir/result" seconds)
	shown=$status
	if [[ $(field "$dir/result" expect) = fail ]]; then
		shown=pass
		[[ $f = 0 ]] || shown=FAILED
		reason=$(cut -f 2- "$work/tests" | tr '\t' ' ')
	elif [[ $f -ne 0 ]]; then
		shown=FAILED
		[[ $status = fail ]] || shown=$status
	fi
	printf '%-34s %-10s %6d %6d %7d %8s  %s\n' "$name" "$shown" "$p" "$f" "$s" "$seconds" "${reason:0:140}"
	[[ $f = 0 ]] || sed -n 's/^fail\t/    not ok: /p' "$work/tests" | tr '\t' ' ' | head -n 20

	jq -R -s -c --arg name "$name" --arg config "$(field "$dir/result" config)" --arg suite "$(field "$dir/result" suite)" \
		--arg mode "$(field "$dir/result" mode)" --arg status "$shown" --arg reason "$reason" --arg seconds "$seconds" '
		{ name: $name, config: $config, suite: $suite, mode: $mode, status: ($status | ascii_downcase), reason: $reason,
		  seconds: ($seconds | tonumber),
		  tests: [ split("\n")[] | select(length > 0) | split("\t") |
			   { name: .[1], status: .[0] } + (if .[2] then { reason: .[2] } else {} end) ] } |
		. + { passed: ([ .tests[] | select(.status == "pass") ] | length),
		      failed: ([ .tests[] | select(.status == "fail") ] | length),
		      skipped: ([ .tests[] | select(.status == "skip") ] | length) }' "$work/tests" >> "$work/rows"

	{
		printf '  <testsuite name="%s" tests="%d" failures="%d" skipped="%d" time="%s">\n' "$name" $((p + f + s)) "$f" "$s" "$seconds"
		while IFS=$'\t' read -r status test reason; do
			printf '    <testcase classname="%s" name="%s">' "$name" "$(xml <<< "$test")"
			case $status in
			fail) printf '<failure message="%s"/>' "$(xml <<< "$reason")" ;;
			skip) printf '<skipped message="%s"/>' "$(xml <<< "$reason")" ;;
			esac
			printf '</testcase>\n'
		done < "$work/tests"
		printf '  </testsuite>\n'
	} >> "$work/junit"
done

jq -s --arg linux "$([[ ! -f $TREE/Makefile ]] || kernel_version "$TREE")" --arg qemu "$(qemu_version "$QEMU")" --arg up "$(qemu_version "$QEMU_UP")" \
	--arg date "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --argjson cpus "$(nproc)" '
	{ context: { linux: $linux, qemu: $qemu, qemu_of_one_cpu: $up, date: $date, cpus: $cpus },
	  passed: ([ .[].passed ] | add), failed: ([ .[].failed ] | add), skipped: ([ .[].skipped ] | add),
	  rows: . }' "$work/rows" > "$OUT/summary.json"
{
	echo '<?xml version="1.0" encoding="UTF-8"?>'
	printf '<testsuites tests="%d" failures="%d" skipped="%d">\n' $((passed + failed + skipped)) "$failed" "$skipped"
	cat "$work/junit"
	echo '</testsuites>'
} > "$OUT/junit.xml"

echo
echo "$passed passed, $failed failed, $skipped skipped"
[[ $failed = 0 && $passed -gt 0 ]]
