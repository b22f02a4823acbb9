#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Make the results in out/bench/ the reference run: its tables and JSON go to bench/reference/, its plots into the documentation,
# and its figures into the pages (bench/page/page.py).
#
# Only a whole run is taken: every benchmark of bench/all.sh at its full size, of one committed state and one queue, of images
# built from it, with its goals. What is refused changes nothing. Commit what has changed afterwards.
#
# usage: publish.sh [DIR]     (default out/bench)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

case ${1:-} in
-h | --help) sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
-*) die "unknown argument '$1'" ;;
esac
[[ $# -le 1 ]] || die "unknown argument '$2'"
dir=${1:-$OUT/bench}
[[ -d $dir ]] || die "no directory '$dir' (make bench)"
mapfile -t names < <("$ROOT/bench/all.sh" --names)
reference=$ROOT/bench/reference

files=()
for name in "${names[@]}" goals; do
	files+=("$dir/$name.json" "$dir/$name.txt")
done
for file in "${files[@]}"; do
	[[ -s $file ]] || die "not a whole run: no '$file'"
done

# An image that was given may be any kernel's.
for name in "${names[@]}"; do
	jq -e '.context.parameters.quick == false and ([.context.parameters.image_given, .image_given, .images_given]
		- [null, false, []]) == []' "$dir/$name.json" > /dev/null ||
		die "$name is of a quick run, or of an image that was given"
done
jq -e '.missing == 0 and .mixed == false' "$dir/goals.json" > /dev/null || die "goals were judged without all figures, or of several runs"
state=$(for name in "${names[@]}"; do jq -r '"\(.context.repository) \(.context.queue)"' "$dir/$name.json"; done | sort -u)
[[ $state != *$'\n'* ]] || die "results of different states: $(paste -s -d , <<< "$state")"
[[ $state != *-dirty\ * && $state != unknown\ * ]] || die "not of a committed state: $state"

cp "${files[@]}" "$reference/"
for plot in tick reads writes accuracy; do
	cp "$dir/$plot.svg" "$ROOT/Documentation/timers/timens-cost-$plot.svg"
done
"$ROOT/bench/page/page.py"
say "the reference run is that of ${state%% *}"
