#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Make the results in out/bench/ the reference run: its tables and JSON go to bench/reference/, its plots into the documentation,
# and its figures into the pages (bench/page/page.py).
#
# Only a whole run is taken: every benchmark of bench/all.sh at its full size, of one committed state and one queue, of images
# built from it, that meets its goals: they are judged here once more. What is refused changes nothing. Commit what has changed.
#
# usage: publish.sh [DIR]     (default out/bench)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

case ${1:-} in
-h | --help) print_usage; exit 0 ;;
-*) die "unknown argument '$1'" ;;
esac
[[ $# -le 1 ]] || die "unknown argument '$2'"
dir=${1:-$OUT/bench}
[[ -d $dir ]] || die "no directory '$dir' (make bench)"
mapfile -t names < <("$ROOT/bench/all.sh" --names)
plots=(tick reads writes accuracy)
reference=$ROOT/bench/reference

files=()
for name in "${names[@]}"; do
	files+=("$dir/$name.json" "$dir/$name.txt")
done
for plot in "${plots[@]}"; do
	files+=("$dir/$plot.svg")
done
for file in "${files[@]}"; do
	[[ -s $file ]] || die "not a whole run: no '$file'"
done

# An image that was given may be any kernel's.
for name in "${names[@]}"; do
	jq -e '.context.parameters.whole == true and ([.context.parameters.image_given, .image_given, .images_given]
		- [null, false, []]) == []' "$dir/$name.json" > /dev/null ||
		die "$name is not of a whole run, or of an image that was given"
done
state=$(for name in "${names[@]}"; do jq -r '"\(.context.repository) \(.context.queue)"' "$dir/$name.json"; done | sort -u)
[[ $state != *$'\n'* ]] || die "results of different states: $(paste -s -d , <<< "$state")"
[[ $state != *-dirty\ * && $state != unknown\ * ]] || die "not of a committed state: $state"

# Not those of an earlier result.
"$ROOT/bench/goals.sh" --dir "$dir" > /dev/null || die "the goals are not met (make bench-goals)"
# Before anything is replaced: are all figures there that the pages want?
"$ROOT/bench/page/page.py" --reference "$dir" --dry-run

for name in "${names[@]}" goals; do
	cp "$dir/$name.json" "$dir/$name.txt" "$reference/"
done
for plot in "${plots[@]}"; do
	cp "$dir/$plot.svg" "$ROOT/Documentation/timers/timens-cost-$plot.svg"
done
"$ROOT/bench/page/page.py"
say "the reference run is that of ${state%% *}"
