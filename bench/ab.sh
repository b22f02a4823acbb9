#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the queue costs whoever does not use it: three kernels, counted by the instruction.
#
#   mainline  the pristine source, tag base of the kernel tree, exported once to build/mainline-src
#   off       the queue, with TIMEKEEPER_NS=n
#   plain     the queue, with TIMEKEEPER_NS=y and no namespace with a clock of its own
#
# Each is booted twice, by turns, with the suite ab-cost, which counts every reading of a clock, the tick, processes and
# timers in the initial namespace, and last the readings in another time namespace. The table goes to the terminal,
# out/bench/ab.txt and out/bench/ab.json. Exit status 1 when off differs from mainline in any reading through the vDSO by even
# one instruction, or in the median of the tick by more than 0.5 %. All else, and what plain costs, is reported here and
# judged by bench/goals.sh.
#
# usage: ab.sh [OPTION...]
#   --kernel NAME=BZIMAGE   that image for mainline, off or plain, instead of building it
#   --quick                 one boot of each kernel
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=scripts/queue.sh
. "$ROOT/scripts/queue.sh"
# shellcheck source=bench/lib.sh
. "$ROOT/bench/lib.sh"

rounds=2
# Of the tick's median, in percent.
tolerance=0.5

while [[ $# -gt 0 ]]; do
	case $1 in
	--kernel) need_value "$@"; take_image "$2"; shift 2 ;;
	--quick) whole=0 rounds=1; shift ;;
	-h | --help) print_usage; exit 0 ;;
	*) die "unknown argument '$1'" ;;
	esac
done

# Figures as lines of: group, name, kernel, round, value.
measure()
{
	# shellcheck disable=SC2016	# a program of awk
	measure_by_turns ab ab-cost "$rounds" "$work/figures" '
		$1 ~ /^(vdso|syscall|tick|process|timer|timens|coarse)$/ {
			group = $1; value = $2; sub(/^[^ ]+ [^ ]+ /, "")
			print group, $0, kernel, round, value
		}'
}

# Everything that is printed comes from here. For each figure and kernel: the mean of the rounds, and their range.
summarize()
{
	jq -R -s --argjson rounds "$rounds" --argjson tolerance "$tolerance" --arg version "${version[mainline]}" \
		--arg given "${given[*]}" \
		--argjson ticks "$(fact "$OUT/bench/ab/mainline-1/files/ab-cost.facts" ab.ticks)" \
		--argjson hz "$(fact "$OUT/bench/ab/mainline-1/files/ab-cost.facts" ab.hz)" '
		def mean: add / length;
		def percent($of): if $of == 0 then null else . / $of * 100 end;
		split("\n") | map(select(length > 0) | split("\t")
			| { group: .[0], figure: .[1], kernel: .[2], value: (.[4] | tonumber) })
		| to_entries | map(.value + { at: .key })
		| group_by([.group, .figure])
		| map({ at: (map(.at) | min), group: .[0].group, figure: .[0].figure,
			rounds: (group_by(.kernel) | map({ key: .[0].kernel, value: map(.value) }) | from_entries) })
		| sort_by(.at)
		| map(del(.at)
			# Only plain has namespaces with a clock of their own.
			| .only_plain = (.group == "coarse" and .figure == "own namespace")
			| .complete = ((.rounds | keys) == (if .only_plain then ["plain"] else ["mainline", "off", "plain"] end)
				and ([.rounds[] | length == $rounds] | all))
			| if .complete then
				. + (.rounds | map_values(mean))
				| if .only_plain then . else
					.off_less_mainline = .off - .mainline
					| .plain_less_mainline = .plain - .mainline
					| .plain_percent = (.plain_less_mainline as $d | .mainline as $s | $d | percent($s))
					| .off_percent = (.off_less_mainline as $d | .mainline as $s | $d | percent($s))
				  end
				| .spread = ([.rounds[] | max - min] | max)
				| .judged = (.group == "vdso" or (.group == "tick" and .figure == "median"))
				# Every boot of one against every boot of the other.
				| .holds = (if .group == "vdso" then (.rounds.mainline + .rounds.off | unique | length == 1)
					elif .judged then (.off_percent | fabs) <= $tolerance else null end)
			  else .judged = true | .holds = false end)
		| { linux: $version, hz: $hz, ticks_per_boot: $ticks, rounds: $rounds,
		    # Not built from the queue of the context by this run.
		    images_given: ($given | split(" ")),
		    tick_tolerance_percent: $tolerance,
		    complete: (all(.[]; .complete) and ([.[].group] | unique | length) == 7),
		    ok: ((map(select(.group == "vdso")) | length > 0) and any(.[]; .group == "tick" and .figure == "median")
			and all(.[]; .holds != false)),
		    rows: . }' "$work/figures"
}

# The figures of all that have them: value, unit, name.
figures()
{
	jq -r '.rows[] | . as $row
		| (if .group == "vdso" then "vdso " elif .group == "syscall" then "syscall "
		   elif .group == "timens" then "vdso in a time namespace " else .group + ": " end) as $prefix
		| ("mainline", "off", "plain") as $kernel | select($row[$kernel] != null)
		| [$row[$kernel], (if .group == "coarse" then "ns" else "instructions" end),
		   $prefix + (.figure | sub("^clock_gettime "; "CLOCK_")) + ": " + $kernel] | @tsv' "$1"
}

table()
{
	jq -r '
		def number: if . == null then "-" elif . == floor then tostring else (. * 100 | round / 100 | tostring) end;
		def signed: if . == null then "" elif . > 0 then "+" + number else number end;
		def percent: if . == null then "" else (. * 100 | round / 100) as $p | "(" + (if $p > 0 then "+" else "" end) + ($p | tostring) + " %)" end;
		.rows[] | [.group, .figure]
		+ (if .complete then [(.mainline | number), (.off | number), (.plain | number),
			(.off_less_mainline | signed), (.off_percent | percent), (.plain_less_mainline | signed), (.plain_percent | percent), (.spread | number),
			(if .holds == null then "" elif .holds then "ok" else "DIFFERS" end)]
		   else ["?", "?", "?", "?", "", "?", "", "?", "INCOMPLETE"] end)
		| @tsv' "$1" | awk -F '\t' '
		BEGIN {
			title["vdso"] = "Through the vDSO (off must be exactly mainline)"
			title["syscall"] = "By system call"
			title["tick"] = "One tick, as a busy loop of a user misses it (the median is judged)"
			title["process"] = "Processes, from the call of the parent until it has waited for the child"
			title["timer"] = "Timers; an expiry is its interrupt, as a busy loop misses it"
			title["timens"] = "Through the vDSO in a time namespace, which follows the host"
			title["coarse"] = "How much CLOCK_REALTIME_COARSE moves at once: nanoseconds, not instructions"
		}
		$1 != group {
			group = $1
			printf "%s%s\n", (NR > 1 ? "\n" : ""), title[group]
			printf "  %-32s %8s %8s %8s  %18s  %18s  %6s\n", "", "mainline", "off", "plain", "off - mainline", "plain - mainline", "spread"
		}
		{ printf "  %-32s %8s %8s %8s  %8s %9s  %8s %9s  %6s  %s\n", $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 }'
}

report()
{
	echo "Linux $(jq -r .linux "$1") in the initial time namespace, no own namespace; instructions, mean of $rounds boots of each kernel"
	echo "(spread: the largest difference between two boots of one kernel)"
	jq -r '.images_given | select(length > 0) | "given, not built here: \(join(", "))"' "$1"
	echo
	table "$1" | sed 's/ *$//'
	cat <<END

A tick is the whole interrupt, from the last instruction of the program before it to the first one after it: entry and exit,
local APIC, hrtimers, timekeeping with the update of the vDSO's page, CPU accounting, scheduler, RCU, the timer wheel and the
softirqs that follow. Timekeeping is only a part of that, so a change of its cost shows in instructions, hardly in percent.
Median, mean, shortest and longest are those of $(jq -r .ticks_per_boot "$1") ticks of each boot at HZ=$(jq -r .hz "$1"), without those in which another task ran (longer
than eight medians). Processes and timers are medians of 201 each; the program that is executed is static and does nothing.
An exec is the same in each boot of a kernel with an initramfs, but one kernel with two of them differed by 1.3 %: less than
that says nothing about the kernel.
Instructions say nothing about caches and about branches that are mispredicted.
END
	echo
	if [[ $(jq -r .ok "$1") = true ]]; then
		jq -r '.rows[] | select(.group == "tick" and .figure == "median")
			| "off is as mainline: every reading through the vDSO to the instruction; the median of the tick differs by " +
			"\(.off_less_mainline) instructions of \(.mainline) (\(.off_percent * 100 | round / 100) %, allowed '"$tolerance"' %)"' "$1"
	else
		echo "off is NOT as mainline:"
		jq -r '.rows[] | select(.holds == false) | "  \(.group) \(.figure): \(.rounds | tojson)"' "$1"
	fi
}

build_kernels
require_initramfs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: > "$work/figures"
mkdir -p "$OUT/bench"
rm -f "$OUT/bench/ab.txt" "$OUT/bench/ab.json"
measure
summarize > "$work/ab.json"
report "$work/ab.json" > "$work/ab.txt"
cat "$work/ab.txt"
# A figure that one kernel has and another not is none to keep.
[[ $(jq -r .complete "$work/ab.json") = true ]] || die "the figures are not complete"
bench_context icount "{ \"boots_of_each\": $rounds }" "${kernels[@]}" > "$work/context"
figures "$work/ab.json" | bench_json ab "$work/context" "$work/ab.json"
cp "$work/ab.txt" "$OUT/bench/"
say "written to $OUT/bench/: ab.txt, ab.json"
[[ $(jq -r .ok "$OUT/bench/ab.json") = true ]]
