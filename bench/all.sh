#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# All benchmarks, one after the other, and then the table of goals.
#
# One that fails does not keep the others from running. At the end it is named, and the exit status is 1; so it is when a goal
# is not met. Of a subset, goals whose figures are missing do not count.
#
# usage: all.sh [--quick] [NAME...]
#   --quick   smaller sizes, of those that have them: to see that all works, not to get figures to keep. Without names
#             perf-icount is left out, and tick counts at HZ=1000 only.
#   --names   what there is, a line each, and no more
#   NAME      only these of: ab reads tick accuracy writes footprint timers hostile perf perf-icount
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

all=(ab reads tick accuracy writes footprint timers hostile perf perf-icount)
quick=0
names=()
while [[ $# -gt 0 ]]; do
	case $1 in
	--quick) quick=1; shift ;;
	--names) printf '%s\n' "${all[@]}"; exit 0 ;;
	-h | --help) print_usage; exit 0 ;;
	-*) die "unknown argument '$1'" ;;
	*)
		[[ " ${all[*]} " = *" $1 "* ]] || die "no benchmark '$1' (there are: ${all[*]})"
		names+=("$1")
		shift
		;;
	esac
done
goals=()
if [[ ${#names[@]} -gt 0 ]]; then
	goals+=(--allow-missing)
else
	names=("${all[@]}")
	# The last one.
	[[ $quick = 0 ]] || unset 'names[-1]'
fi

elapsed()
{
	printf '%d:%02d' $((SECONDS / 60)) $((SECONDS % 60))
}

# has_quick SCRIPT: does its help say so?
has_quick()
{
	"$1" --help | grep -q -E '^ *--quick '
}

failed=()
steps=()
n=0
for name in "${names[@]}"; do
	n=$((n + 1))
	start=$SECONDS rc=0 options=()
	script=$ROOT/bench/${name%-icount}.sh
	[[ $name != *-icount ]] || options+=(--icount)
	if [[ $quick = 1 ]]; then
		! has_quick "$script" || options+=(--quick)
	elif [[ $name = tick ]]; then
		options+=(--all-hz)
	fi
	say "[$(elapsed)] $n of ${#names[@]}: $name ${options[*]}"
	# Nothing of an earlier run may stand for one that fails.
	rm -f "$OUT/bench/$name.json" "$OUT/bench/$name.txt"
	"$script" "${options[@]}" || rc=$?
	if [[ $rc != 0 ]]; then
		failed+=("$name")
		warn "$name failed with exit status $rc"
	fi
	steps+=("$(printf '%6d s  %s%s' $((SECONDS - start)) "$name" "$([[ $rc = 0 ]] || echo ' FAILED')")")
done

say "[$(elapsed)] goals"
"$ROOT/bench/goals.sh" "${goals[@]}" || failed+=(goals)
printf '%s\n' "${steps[@]}"
[[ ${#failed[@]} = 0 ]] || die "failed: ${failed[*]}"
say "[$(elapsed)] all done"
