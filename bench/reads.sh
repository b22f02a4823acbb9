#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What it costs to read a clock through the vDSO.
#
# First on the real CPU of this machine, in cycles: the images of two kernels, run by a process with pages made up for them
# (bench/vdsoread.c).
#
#   mainline  the pristine source: outside, and in a time namespace as Linux has them
#   plain     the queue, with TIMEKEEPER_NS=y: outside, in a namespace that follows, and in one that owns its clock; in the guest also in
#             one that follows an owner
#
# The same calls made one instruction at a time, through the 64-bit and the 32-bit images ("stepped"). These figures are exact,
# but do not tell what reading the counter takes.
#
# Then in the guest, counted by the instruction, on plain: the same places, the 64-bit and the 32-bit vDSO, and the system
# call (suite read-cost).
#
# The tables go to the terminal and out/bench/reads.txt, all figures and what they depend on to out/bench/reads.json, a plot
# to out/bench/reads.svg and .png. All is reported, nothing judged: bench/goals.sh does that.
#
# usage: reads.sh [OPTION...]
#   --runs N                processes (7)
#   --rounds N              batches of each kind in each (300)
#   --calls N               calls in a batch (1000)
#   --quick                 2 processes, 30 batches
#   --no-guest              the native part alone
#   --kernel NAME=BZIMAGE   that image for mainline or plain, instead of building it; its vDSO is still that of build/obj-NAME
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=scripts/queue.sh
. "$ROOT/scripts/queue.sh"
# shellcheck source=bench/lib.sh
. "$ROOT/bench/lib.sh"

runs=7 rounds=300 calls=1000 guest=1
while [[ $# -gt 0 ]]; do
	case $1 in
	--runs) need_value "$@"; runs=$2 whole=0; shift 2 ;;
	--rounds) need_value "$@"; rounds=$2 whole=0; shift 2 ;;
	--calls) need_value "$@"; calls=$2 whole=0; shift 2 ;;
	--quick) whole=0 runs=2 rounds=30; shift ;;
	--no-guest) guest=0 whole=0; shift ;;
	--kernel) need_value "$@"; take_image "$2"; shift 2 ;;
	-h | --help) print_usage; exit 0 ;;
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
	printf '%s\n' "$BUILD/obj-$1/arch/x86/entry/vdso/vdso${2:-64}.so"
}

measure()
{
	local run

	for ((run = 1; run <= runs; run++)); do
		say "run $run of $runs"
		"$BUILD/bench/vdsoread" "$(vdso_of mainline)" "$(vdso_of plain)" "$rounds" "$calls" > "$work/run"
		awk -v OFS='\t' -v run="$run" '{ print run, $0 }' "$work/run" >> "$work/figures"
	done
}

# Figures as lines of: bits, kernel, state, instructions, name.
step()
{
	local bits

	say "counting the instructions"
	for bits in 64 32; do
		"$BUILD/bench/vdsoread$([[ $bits = 64 ]] || echo 32)" --instructions "$(vdso_of mainline "$bits")" "$(vdso_of plain "$bits")" > "$work/run"
		awk -F '\t' -v OFS='\t' -v bits="$bits" '$1 == "count" { $1 = bits; print }' "$work/run" >> "$work/steps"
	done
}

# Figures as lines of: bits, the costs in the four places, name.
count()
{
	local dir=$OUT/bench/reads/guest bits

	say "counting in the guest"
	"$ROOT/scripts/boot.sh" --config plain --suite read-cost --kernel "${image[plain]}" --out "$dir"
	for bits in 64 32; do
		[[ $(fact "$dir/files/read-cost-$bits.facts" read.unit) = instructions ]] ||
			die "$dir/files/read-cost-$bits.facts does not count instructions"
		awk -v OFS='\t' -v bits="$bits" '$1 == "read.cost" {
			host = $2; follow = $3; own = $4; inner = $5; sub(/^[^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ /, "")
			print bits, host, follow, own, inner, $0
		}' "$dir/files/read-cost-$bits.facts" > "$work/counts-$bits"
	done
	[[ -s $work/counts-64 ]] || die "$dir/files/read-cost-64.facts has no costs"
	cmp -s <(cut -f 6 "$work/counts-64") <(cut -f 6 "$work/counts-32") ||
		die "the 64-bit and the 32-bit program did not read the same clocks"
	cat "$work/counts-64" "$work/counts-32" > "$work/counts"
}

# What the figures depend on besides what all benchmarks have in common.
parameters()
{
	jq -n --argjson runs "$runs" --argjson rounds "$rounds" --argjson calls "$calls" \
		--arg qemu "$([[ $guest = 0 ]] || qemu_version "$QEMU_UP")" '
		{ runs: $runs, rounds: $rounds, calls: $calls, counted_with_qemu: (if $qemu == "" then null else $qemu end) }'
}

# Of each figure the median over the runs of the medians, the lowest and the highest of these, and those of each run.
summarize()
{
	jq -R -s --rawfile counts "$work/counts" --rawfile steps "$work/steps" --arg given "${given[*]}" \
		--arg mainline "$(sha256sum < "$(vdso_of mainline)" | cut -d' ' -f1)" \
		--arg plain "$(sha256sum < "$(vdso_of plain)" | cut -d' ' -f1)" '
		def median: sort | .[length / 2 | floor];
		split("\n") | map(select(length > 0) | split("\t")) as $rows
		| ($rows | map(select(.[1] == "hz") | .[2] | tonumber) | median) as $hz
		| ($rows | to_entries | map(.value + [.key]) | map(select(.[1] == "cost"))
			| group_by([.[7], .[2], .[3]])
			| map({ at: (map(.[8]) | min), name: .[0][7], where: "\(.[0][2]) \(.[0][3])",
				value: (map(.[4] | tonumber) | { median: median, lowest: min, highest: max, runs: . }) })
			| sort_by(.at)) as $cells
		| { counter_hz: $hz, vdso64_sha256: { mainline: $mainline, plain: $plain },
		    # Not built from the queue of the context by this run.
		    images_given: ($given | split(" ")),
		    empty_call: ($cells[] | select(.where == "- -") | .value),
		    reads: ([$cells[] | select(.where != "- -")] | map(.name) | unique_by(.) | map(. as $name
			| { name: $name, at: ([$cells[] | select(.name == $name) | .at] | min),
			    cells: ([$cells[] | select(.name == $name) | { key: .where, value: .value }] | from_entries) })
			| sort_by(.at) | map(del(.at))),
		    # In instructions, as in what follows.
		    stepped: ($steps | split("\n") | map(select(length > 0) | split("\t")) | to_entries | group_by([.value[0], .value[4]])
			| map({ at: (map(.key) | min), bits: (.[0].value[0] | tonumber), name: .[0].value[4],
			    cells: (map({ key: "\(.value[1]) \(.value[2])", value: (.value[3] | tonumber) }) | from_entries) })
			| sort_by(.at) | map(del(.at))),
		    counted: ($counts | split("\n") | map(select(length > 0) | split("\t")
			| { bits: (.[0] | tonumber), name: .[5], cells: { "plain host": (.[1] | tonumber), "plain follow": (.[2] | tonumber),
			    "plain own": (.[3] | tonumber), "plain inner": (.[4] | tonumber) } })) }' "$work/figures"
}

# value, unit, name
figures()
{
	jq -r '(.reads[] | .name as $name | .cells | to_entries[] | [.value.median, "cycles", "\($name): \(.key)"]),
		[.empty_call.median, "cycles", "call of an empty function"],
		(.stepped[] | (if .bits == 32 then "stepped 32-bit " else "stepped " end) as $prefix | .name as $name
			| .cells | to_entries[] | [.value, "instructions", "\($prefix)\($name): \(.key)"]),
		(.counted[] | (if .bits == 32 then "counted 32-bit " else "counted " end) as $prefix | .name as $name
			| .cells | to_entries[] | [.value, "instructions", "\($prefix)\($name): \(.key)"])
		| @tsv' "$1"
}

report()
{
	local bits

	jq -r '.context as $c | "\($c.cpu), counter \(.counter_hz / 1e6 | round) MHz; \($c.compiler)",
		"repository \($c.repository), queue \($c.queue[:12])\(.images_given | if length > 0 then " (given, not built here: " + join(", ") + ")" else "" end)",
		($c.parameters | "\(.runs) runs of \(.rounds) batches of \(.calls) calls, by turns")' "$1"
	echo
	echo "Cycles of the counter for one call: median of the runs, and from the lowest to the highest of them"
	jq -r '(.reads[] | [.name] + ([.cells["mainline host"], .cells["plain host"], .cells["mainline follow"], .cells["plain follow"], .cells["plain own"]]
		| map("\(.median) \(.lowest) \(.highest)"))), ["a call of an empty function", "\(.empty_call | "\(.median) \(.lowest) \(.highest)")"] | @tsv' "$1" |
		awk -F '\t' '
		BEGIN {
			printf "  %-28s %-38s  %-38s\n", "", "outside", "in a time namespace"
			printf "  %-28s %-18s %-18s   %-18s %-18s %-18s\n", "", "mainline", "plain", "mainline", "plain, follows", "plain, own"
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
		| "CLOCK_REALTIME in a namespace with a clock of its own: \(.["plain own"].median * 1e9 / $hz * 10 | round / 10) ns; outside \(.["plain host"].median * 1e9 / $hz * 10 | round / 10) ns; in a namespace of the mainline kernel \(.["mainline follow"].median * 1e9 / $hz * 10 | round / 10) ns"' "$1"
	jq -r '.reads | (map(select(.name == "CLOCK_REALTIME"))[0].cells["plain own"].median) as $fine
		| (map(select(.name == "CLOCK_REALTIME_COARSE"))[0].cells["plain own"].median) as $coarse
		| "CLOCK_REALTIME_COARSE there: \($coarse * 100 / $fine | round) % of CLOCK_REALTIME"' "$1"
	for bits in 64 32; do
		echo
		echo "Instructions of one call, made one at a time here: the $bits-bit images"
		jq -r --argjson bits "$bits" '.stepped[] | select(.bits == $bits)
			| [.name] + (.cells | [.["mainline host"], .["plain host"], .["mainline follow"], .["plain follow"], .["plain own"]]) | @tsv' "$1" |
			awk -F '\t' '
			BEGIN {
				printf "  %-36s  %-16s   %s\n", "", "outside", "in a time namespace"
				printf "  %-36s %8s %8s   %8s %8s %8s\n", "", "mainline", "plain", "mainline", "follows", "own"
			}
			{ printf "  %-36s %8s %8s   %8s %8s %8s\n", $1, $2, $3, $4, $5, $6 }' | sed 's/ *$//'
	done
	[[ $guest = 1 ]] || return 0
	echo
	echo "Instructions of one call, counted in the guest (QEMU $(jq -r .context.parameters.counted_with_qemu "$1")); inner is one that follows an owner"
	jq -r '.counted as $all | $all[] | select(.bits == 64) | . as $wide | ($all[] | select(.bits == 32 and .name == $wide.name)) as $narrow
		| [.name] + ([$wide, $narrow] | map(.cells | .["plain host"], .["plain follow"], .["plain own"], .["plain inner"])) | @tsv' "$1" |
		awk -F '\t' '
		BEGIN {
			printf "  %-28s %-35s  %-35s\n", "", "64-bit program", "32-bit program"
			printf "  %-28s", ""
			for (i = 0; i < 2; i++)
				printf "%s%8s %8s %8s %8s", i ? "  " : " ", "outside", "follows", "own", "inner"
			printf "\n"
		}
		{
			printf "  %-28s", $1
			for (i = 2; i <= NF; i++)
				printf "%s%8s", i == 6 ? "  " : " ", $i
			printf "\n"
		}' | sed 's/ *$//'
}

plot()
{
	jq -r '.reads[] | [(.name | sub("CLOCK_"; "")), (.cells | (.["mainline host"], .["plain host"], .["mainline follow"], .["plain follow"], .["plain own"])
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
plot "$work/points" using 2:3:4:xtic(1) lc rgb "gray60" title "mainline, outside", \\
	"" using 5:6:7 lc rgb "#60a060" title "plain, outside", \\
	"" using 8:9:10 lc rgb "gray30" title "mainline, time namespace", \\
	"" using 11:12:13 lc rgb "#c0a040" title "plain, follows", \\
	"" using 14:15:16 lc rgb "#1040a0" title "plain, own clock"
END
	bench_plot reads "$work/plot"
}

type -P gnuplot > /dev/null || die "gnuplot is not installed (scripts/setup.sh)"
kernels=(mainline plain)
build_kernels
[[ $guest = 0 ]] || require_initramfs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$OUT/bench" "$BUILD/bench"
rm -f "$OUT"/bench/reads.{txt,json,svg,png}
gcc -std=gnu11 -O2 -Wall -Wextra -Werror "$ROOT/bench/vdsoread.c" -o "$BUILD/bench/vdsoread"
gcc -m32 -msse2 -std=gnu11 -O2 -Wall -Wextra -Werror "$ROOT/bench/vdsoread.c" -o "$BUILD/bench/vdsoread32"
: > "$work/figures"
: > "$work/counts"
: > "$work/steps"
measure
step
[[ $guest = 0 ]] || count
bench_context native "$(parameters)" "${kernels[@]}" > "$work/context"
summarize > "$work/details"
figures "$work/details" | bench_json reads "$work/context" "$work/details"
report "$OUT/bench/reads.json" > "$work/reads.txt"
plot "$OUT/bench/reads.json"
cp "$work/reads.txt" "$OUT/bench/"
cat "$OUT/bench/reads.txt"
say "written to $OUT/bench/: reads.txt, reads.json, reads.svg, reads.png"
