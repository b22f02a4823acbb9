#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What it costs to read a clock through the vDSO, on the real CPU of this machine: the images of two kernels, run by a
# process with pages made up for them (bench/vdsoread.c).
#
#   stock   the pristine source: outside, and in a time namespace as Linux has them
#   plain   the queue, with TIMEKEEPER_NS=y: outside, in a namespace that follows, and in one that owns its clock
#
# The table goes to the terminal and out/bench/reads.txt, all figures and what they depend on to out/bench/reads.json, a plot
# to out/bench/reads.svg and .png. All is reported, nothing judged: these are times. 64-bit images only; instructions of
# the 32-bit ones are counted in the guest (make run, make ab).
#
# usage: reads.sh [--runs N] [--rounds N] [--calls N]    processes (7), batches of each kind in each (300), calls in a batch (1000)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=scripts/queue.sh
. "$ROOT/scripts/queue.sh"
# shellcheck source=bench/lib.sh
. "$ROOT/bench/lib.sh"

runs=7 rounds=300 calls=1000
while [[ $# -gt 0 ]]; do
	case $1 in
	--runs) need_value "$@"; runs=$2; shift 2 ;;
	--rounds) need_value "$@"; rounds=$2; shift 2 ;;
	--calls) need_value "$@"; calls=$2; shift 2 ;;
	-h | --help) sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
	*) die "unknown argument '$1'" ;;
	esac
done
for number in "$runs" "$rounds" "$calls"; do
	if ! is_number "$number" || [[ $number -eq 0 ]]; then
		die "'$number' is not a number above 0"
	fi
done

vdso_of()
{
	printf '%s\n' "$BUILD/obj-$1/arch/x86/entry/vdso/vdso64.so"
}

measure()
{
	local run

	for ((run = 1; run <= runs; run++)); do
		say "run $run of $runs"
		"$BUILD/bench/vdsoread" "$(vdso_of stock)" "$(vdso_of plain)" "$rounds" "$calls" > "$work/run"
		awk -v OFS='\t' -v run="$run" '{ print run, $0 }' "$work/run" >> "$work/figures"
	done
}

context()
{
	jq -n --arg cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" --arg kernel "$(uname -r)" \
		--arg compiler "$(gcc --version | head -n 1)" --arg queue "$(queue_digest)" \
		--arg repository "$(git -C "$ROOT" describe --always --dirty 2> /dev/null || echo unknown)" \
		--arg stock "$(sha256sum < "$(vdso_of stock)" | cut -d' ' -f1)" \
		--arg plain "$(sha256sum < "$(vdso_of plain)" | cut -d' ' -f1)" \
		--argjson runs "$runs" --argjson rounds "$rounds" --argjson calls "$calls" '
		{ cpu: $cpu, running_kernel: $kernel, compiler: $compiler, repository: $repository, queue_sha256: $queue,
		  vdso64_sha256: { stock: $stock, plain: $plain }, runs: $runs, rounds: $rounds, calls: $calls,
		  unit: "cycles of the time stamp counter" }'
}

# Of each figure the median over the runs of the medians, and the lowest and the highest of these.
summarize()
{
	jq -R -s --slurpfile context "$1" '
		def median: sort | .[length / 2 | floor];
		split("\n") | map(select(length > 0) | split("\t")) as $rows
		| ($rows | map(select(.[1] == "hz") | .[2] | tonumber) | median) as $hz
		| ($rows | to_entries | map(.value + [.key]) | map(select(.[1] == "cost"))
			| group_by([.[7], .[2], .[3]])
			| map({ at: (map(.[8]) | min), name: .[0][7], where: "\(.[0][2]) \(.[0][3])",
				value: (map(.[4] | tonumber) | { median: median, lowest: min, highest: max }) })
			| sort_by(.at)) as $cells
		| { context: $context[0], counter_hz: $hz,
		    empty_call: ($cells[] | select(.where == "- -") | .value),
		    reads: ([$cells[] | select(.where != "- -")] | map(.name) | unique_by(.) | map(. as $name
			| { name: $name, at: ([$cells[] | select(.name == $name) | .at] | min),
			    cells: ([$cells[] | select(.name == $name) | { key: .where, value: .value }] | from_entries) })
			| sort_by(.at) | map(del(.at))) }' "$work/figures"
}

report()
{
	jq -r '.context as $c | "\($c.cpu), counter \(.counter_hz / 1e6 | round) MHz; \($c.compiler)",
		"repository \($c.repository), queue \($c.queue_sha256[:12]); \($c.runs) runs of \($c.rounds) batches of \($c.calls) calls, by turns"' "$1"
	echo
	echo "Cycles of the counter for one call: median of the runs, and from the lowest to the highest of them"
	jq -r '(.reads[] | [.name] + ([.cells["stock host"], .cells["plain host"], .cells["stock follow"], .cells["plain follow"], .cells["plain own"]]
		| map("\(.median) \(.lowest) \(.highest)"))), ["a call of an empty function", "\(.empty_call | "\(.median) \(.lowest) \(.highest)")"] | @tsv' "$1" |
		awk -F '\t' '
		BEGIN {
			printf "  %-28s %-38s  %-38s\n", "", "outside", "in a time namespace"
			printf "  %-28s %-18s %-18s   %-18s %-18s %-18s\n", "", "stock", "plain", "stock", "plain, follows", "plain, own"
		}
		{
			printf "  %-28s", $1
			for (i = 2; i <= NF; i++) {
				split($i, v, " ")
				printf "%s%6.1f %-11s", i == 4 ? "   " : " ", v[1], sprintf("%.1f-%.1f", v[2], v[3])
			}
			printf "\n"
		}' | sed 's/ *$//'
	echo
	jq -r '.counter_hz as $hz | .reads[] | select(.name == "CLOCK_REALTIME") | .cells
		| "CLOCK_REALTIME in a namespace with a clock of its own: \(.["plain own"].median * 1e9 / $hz * 10 | round / 10) ns; outside \(.["plain host"].median * 1e9 / $hz * 10 | round / 10) ns; in a namespace of the stock kernel \(.["stock follow"].median * 1e9 / $hz * 10 | round / 10) ns"' "$1"
	jq -r '.reads | (map(select(.name == "CLOCK_REALTIME"))[0].cells["plain own"].median) as $fine
		| (map(select(.name == "CLOCK_REALTIME_COARSE"))[0].cells["plain own"].median) as $coarse
		| "CLOCK_REALTIME_COARSE there: \($coarse * 100 / $fine | round) % of CLOCK_REALTIME"' "$1"
}

plot()
{
	jq -r '.reads[] | [(.name | sub("CLOCK_"; "")), (.cells | (.["stock host"], .["plain host"], .["stock follow"], .["plain follow"], .["plain own"])
		| .median, .lowest, .highest)] | @tsv' "$1" > "$work/points"
	cat > "$work/plot" << END
set title "Reading a clock through the vDSO" noenhanced
set ylabel "cycles of the counter" noenhanced
set style data histogram
set style histogram errorbars gap 1.5 lw 1
set style fill solid 0.8 noborder
set grid ytics
set yrange [0:*]
set xtics rotate by -30 noenhanced
set key outside top center horizontal noenhanced
set bmargin 7
set errorbars lc rgb "gray20"
plot "$work/points" using 2:3:4:xtic(1) lc rgb "gray60" title "stock, outside", \\
	"" using 5:6:7 lc rgb "#60a060" title "plain, outside", \\
	"" using 8:9:10 lc rgb "gray30" title "stock, time namespace", \\
	"" using 11:12:13 lc rgb "#c0a040" title "plain, follows", \\
	"" using 14:15:16 lc rgb "#1040a0" title "plain, own clock"
END
	gnuplot -e "set terminal svg size 900,500 dynamic background 'white'; set output '$OUT/bench/reads.svg'" "$work/plot"
	gnuplot -e "set terminal pngcairo size 900,500; set output '$OUT/bench/reads.png'" "$work/plot"
}

type -P gnuplot > /dev/null || die "gnuplot is not installed (scripts/setup.sh)"
kernels=(stock plain)
build_kernels
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$OUT/bench" "$BUILD/bench"
gcc -std=gnu11 -O2 -Wall -Wextra -Werror "$ROOT/bench/vdsoread.c" -o "$BUILD/bench/vdsoread"
: > "$work/figures"
measure
context > "$work/context"
summarize "$work/context" > "$work/reads.json"
report "$work/reads.json" > "$work/reads.txt"
plot "$work/reads.json"
cp "$work/reads.json" "$work/reads.txt" "$OUT/bench/"
cat "$OUT/bench/reads.txt"
say "written to $OUT/bench/: reads.txt, reads.json, reads.svg, reads.png"
