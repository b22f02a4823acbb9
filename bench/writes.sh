#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What it costs to set and to steer a clock, outside and in a time namespace, and whom it disturbs.
#
#   mainline  the pristine source, tag base of the kernel tree, exported once to build/mainline-src: outside only
#   plain     the queue, with TIMEKEEPER_NS=y
#
# Both are booted with the suite write-cost, which counts instructions of single calls among 0, 100, 1000 and 5000 other
# namespaces that own their clock, and among timers armed in one of them; of the tick, too, while a namespace's clock is
# set as fast as one CPU can. A second boot of each, with two CPUs, counts the interrupts of one CPU while the other sets
# clocks, and the passes of the other namespaces in the tick meanwhile.
#
# The table goes to the terminal and out/bench/writes.txt, all figures and what they depend on to out/bench/writes.json, a
# plot to out/bench/writes.svg and .png. All is reported, nothing judged; exit status 1 when it could not be measured.
#
# usage: writes.sh [OPTION...]
#   --kernel NAME=BZIMAGE   that image for mainline or plain, instead of building it
#   --quick                 among 0 and 100 others only, a storm of 2 s instead of 10
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=scripts/queue.sh
. "$ROOT/scripts/queue.sh"
# shellcheck source=bench/lib.sh
. "$ROOT/bench/lib.sh"

storm=10 others=()
while [[ $# -gt 0 ]]; do
	case $1 in
	--kernel) need_value "$@"; take_image "$2"; shift 2 ;;
	--quick) whole=0 storm=2 others=(--arg --others --arg 100); shift ;;
	-h | --help) print_usage; exit 0 ;;
	*) die "unknown argument '$1' (--help lists them)" ;;
	esac
done

# Two files for each kernel in the working directory: NAME.count, NAME.storm
measure()
{
	local name dir

	for name in "${kernels[@]}"; do
		dir=$OUT/bench/writes/$name
		say "$name: instructions of single calls"
		boot_kernel "$name" write-cost writes "$dir" "${others[@]}"
		cp "$dir/files/write-cost.facts" "$work/$name.count"
		say "$name: who is disturbed"
		boot_kernel "$name" write-cost writes "$dir-storm" --no-icount --smp 2 --arg --storm --arg "$storm"
		cp "$dir-storm/files/write-cost.facts" "$work/$name.storm"
	done
	check_versions
}

# Figures as bench_json takes them: value, unit, name.
#
# write WHERE OTHERS TIMERS VALUE NAME...; tick NAME MEDIAN MEAN TICKS FOREIGN CALLS PASSES; ipi NAME LINE MEDIAN LOW HIGH;
# ipi NAME sent|woken MEDIAN; watch NAME PASSES BUSY CARRIED STEPS SECONDS
figures()
{
	awk -v OFS='\t' '
		function rest(from,    i, text) {
			text = $from
			for (i = from + 1; i <= NF; i++)
				text = text " " $i
			return text
		}
		BEGIN {
			long["CAL"] = "function-call interrupts"
			long["RES"] = "rescheduling interrupts"
			long["TLB"] = "TLB shootdowns"
		}
		FNR == 1 { mainline = FILENAME ~ /mainline\.[a-z]+$/ }
		$1 == "write" {
			name = rest(6)
			if (name ~ /among timers$/) {
				sub(/ among timers$/, "", name)
				if ($2 == "their")
					print $5, "instructions", "own " name ", its own " $4 " timers"
				else
					print $5, "instructions", $2 " " name ", " $4 " timers in another namespace"
			} else if (name ~ /, (calm|storm elsewhere)$/) {
				print $5, "instructions", $2 " " name
			} else if (mainline) {
				print $5, "instructions", "mainline host " name
			} else {
				print $5, "instructions", $2 " " name ", " $3 ($2 == "own" ? " others" : " owners")
			}
		}
		$1 == "tick" {
			split($2, part, "-")
			# Of two looks each, by turns: their mean.
			what = part[1] == "storm" ? "settime storm" : "no storm"
			median[what] += $3 / 2
			mean[what] += $4 / 2
			passes[what] += $8 / 2
			calls[what] += $7 / 2
		}
		# Each for 10,000 calls, while a task sleeps on the other CPU; that of the host unless another is named.
		$1 == "ipi" {
			split($2, part, ",")
			who = (mainline ? "mainline " : "") (part[1] == "reading" ? "host adjtimex(0)" : part[1] " clock_settime")
			if (part[2] != "sleeper-on-host") {
				gsub(/-/, " ", part[2])
				who = who ", " part[2]
			}
			if ($3 == "sent")
				print $4, "interrupts", who ": interrupts sent to other CPUs"
			else if ($3 == "woken")
				print $4, "wake-ups", who ": wake-ups of the sleeper"
			else
				print $4, "interrupts", who ": " long[$3] " of the other CPU"
		}
		$1 == "watch" {
			what = $2 == "storm" ? "settime storm on the other CPU" : "no storm"
			print $3, "1/s", "passes of 101 owners, " what
			print $4, "passes", "passes put off, " what
			print $5, "ticks", "ticks over the budget, " what
			if ($2 == "storm")
				print $6 / $7, "1/s", "settime storm on the other CPU: calls"
		}
		END {
			for (what in median) {
				print median[what], "instructions", "tick of the host, " what
				print mean[what], "instructions", "tick of the host, mean, " what
				print passes[what], "1/s", "passes of 101 owners, one CPU, " what
			}
			if ("settime storm" in calls)
				printf "%.0f\t1/s\t%s\n", calls["settime storm"] / 2, "settime storm, one CPU: calls"
		}' "$@" | LC_ALL=C sort -t "$(printf '\t')" -k 3,3 -V
}

# value NAME: of a figure
value()
{
	awk -F '\t' -v name="$1" '$3 == name { printf "%s", $1; found = 1 } END { exit !found }' "$work/figures" ||
		die "no figure '$1'"
}

numbers()
{
	awk '$1 == "write" && $2 == "own" && $NF !~ /timers|calm|elsewhere/ && !seen[$3]++ { print $3 }' "$work/plain.count"
}

report()
{
	local call n name list

	mapfile -t list < <(numbers)
	echo "Linux ${version[plain]} under QEMU $(jq -r .qemu "$work/context"), queue $(jq -r '.queue[:12]' "$work/context")${given:+ (kernels given, not built here: ${given[*]})}"
	echo
	echo "Instructions of one call: median of 201. owners: other namespaces that own their clock"
	printf '  %-28s %9s' "" mainline
	for n in "${list[@]}"; do
		printf ' %9s' "host, $n"
	done
	for n in "${list[@]}"; do
		printf ' %9s' "own, $n"
	done
	echo
	for call in clock_settime settimeofday "adjtimex(ADJ_FREQUENCY)" "adjtimex(ADJ_TICK)" "adjtimex(ADJ_OFFSET)" \
		"adjtimex(ADJ_SETOFFSET)" "adjtimex(0)" "clock_gettime system call"; do
		printf '  %-28s %9s' "$call" "$(value "mainline host $call")"
		for n in "${list[@]}"; do
			printf ' %9s' "$(value "host $call, $n owners")"
		done
		for n in "${list[@]}"; do
			printf ' %9s' "$(value "own $call, $n others")"
		done
		echo
	done
	echo
	echo "Timers in another namespace; 100 settings in another one before each call (storm elsewhere); the tick; and on two"
	echo "CPUs, for 10,000 calls on one of them, the interrupts of the other one, on which a task sleeps until a time of the host"
	while IFS=$'\t' read -r n call name; do
		[[ $name = *,\ *owners || $name = *,\ *others || $name = "mainline host "* && $name != *": "* ]] ||
			printf '  %12.12s %-16s %s\n' "$n" "$call" "$name"
	done < "$work/figures"
}

plot()
{
	local n

	for n in $(numbers); do
		printf '%s %s %s %s %s\n' "$n" "$(value "host clock_settime, $n owners")" "$(value "own clock_settime, $n others")" \
			"$(value "own adjtimex(ADJ_FREQUENCY), $n others")" "$(value "own adjtimex(ADJ_OFFSET), $n others")"
	done > "$work/points"
	cat > "$work/plot" <<END
set title "Setting and steering a clock" noenhanced
set xlabel "namespaces that own their clock, besides"
set ylabel "instructions of one call"
set logscale y
set grid
set key outside top center horizontal noenhanced
plot "$work/points" using 1:2 with linespoints lw 2 pt 5 lc rgb "#c04020" title "clock_settime() of the host", \\
	$(value "mainline host clock_settime") with lines dt 2 lc rgb "gray40" title "of the mainline kernel", \\
	"$work/points" using 1:3 with linespoints lw 2 pt 7 lc rgb "#1040a0" title "clock_settime() inside", \\
	"$work/points" using 1:4 with linespoints lw 2 pt 9 lc rgb "#60a060" title "ADJ_FREQUENCY inside", \\
	"$work/points" using 1:5 with linespoints lw 2 pt 13 lc rgb "#c0a040" title "ADJ_OFFSET inside"
END
	bench_plot writes "$work/plot" 900 500
}

type -P gnuplot > /dev/null || die "gnuplot is not installed (scripts/setup.sh)"
kernels=(mainline plain)
build_kernels
require_initramfs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$OUT/bench"
rm -f "$OUT"/bench/writes.{txt,json,svg,png}
measure
figures "$work"/{mainline,plain}.{count,storm} > "$work/figures"
# Without what is to be missing inside, its absence there means nothing.
for name in "mainline host" host; do
	[[ $(value "$name clock_settime: interrupts sent to other CPUs") -gt 0 ]] ||
		die "$name: clock_settime() interrupted no other CPU, so that nothing can be said about namespaces"
done
bench_context icount "$(jq -n --argjson storm "$storm" --arg numbers "$(numbers | tr '\n' ' ')" \
	--arg qemu "$(qemu_version "$QEMU")" '{ qemu_of_two_cpus: $qemu, storm_seconds: $storm, other_owners: ($numbers | split(" ") | map(select(. != "") | tonumber)), calls: 201, interrupts_per_calls: 10000, memory: "2G",
	   note: "calls and ticks by icount; interrupts and passes on two CPUs, tcg" }')" "${kernels[@]}" > "$work/context"
bench_images > "$work/details"
bench_json writes "$work/context" "$work/details" < "$work/figures"
report > "$work/writes.txt"
plot
cp "$work/writes.txt" "$OUT/bench/"
cat "$OUT/bench/writes.txt"
say "written to $OUT/bench/: writes.txt, writes.json, writes.svg, writes.png"
