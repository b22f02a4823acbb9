#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the tick path takes for 0 to 10,000 namespaces with a clock of their own, by HZ, and by policy: a pass every tick (the
# design that was feared), each second, and each four seconds (the default). Measured in three ways:
#
#   native     the kernel's code in a process, in cycles of this machine's CPU, with hot and with cold caches (bench/native.sh)
#   counted    a guest under icount, by the instruction (suite tick-cost); HZ=1000, or all with --all-hz
#   leap       native: all clocks of 10,000 namespaces take a leap second at the same instant, from 10 s before to 5 s after;
#              and each reader, in the kernel and the vDSO, is checked to step at the very counter value
#
# Shares are of one CPU. The worst tick is that of the rounds of the same ticks, so that interrupts of the machine do not count
# (bench/tick/native.c). Where the budget of a tick limits the passes, the table says so, and the counts are checked all the
# same: every run compares the passes counted by the kernel with what the policy asks for, and fails when they differ.
#
# The tables go to the terminal and out/bench/tick.txt, the figures to out/bench/tick.json, a plot of the share against the
# number of namespaces to out/bench/tick.svg and .png. Status 1 when a reader was wrong around the leap second.
#
# usage: tick.sh [OPTION...]
#   --kernel BZIMAGE   that image instead of building the configuration plain
#   --all-hz           count in guests with HZ=100 and 250 as well, whose kernels are built
#   --native           leave the guests out: no figure "counted"
#   --quick            up to 100 namespaces (200 for the leap second), few rounds: to see that it works
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=scripts/queue.sh
. "$ROOT/scripts/queue.sh"
# shellcheck source=bench/lib.sh
. "$ROOT/bench/lib.sh"

numbers=(0 1 8 100 1000 10000) rates=(100 250 1000) rounds=9 leap_numbers=(1000 10000) set_numbers=(0 100 10000)
leap_rounds=5
policies=("every tick|0" "1 s|1000" "4 s|4000")
all=0 guest=1 quick=0 given_file='' tsc_hz=0
while [[ $# -gt 0 ]]; do
	case $1 in
	--kernel) need_value "$@"; given_file=$2; shift 2 ;;
	--all-hz) all=1; shift ;;
	--native) guest=0; shift ;;
	--quick) quick=1 whole=0; shift ;;
	-h | --help) print_usage; exit 0 ;;
	*) die "unknown argument '$1'" ;;
	esac
done
[[ -z $given_file || -f $given_file ]] || die "--kernel: no file '$given_file'"
[[ $guest = 1 || $all = 0 ]] || die "--all-hz counts in guests, --native leaves them out"
if [[ $quick = 1 ]]; then
	numbers=(0 1 100) rounds=3 leap_numbers=(200) set_numbers=(0 100) leap_rounds=3
fi

# value KEY: from the last run of ticknative
value()
{
	awk -v key="$1" '$1 == key { print $2; found = 1 } END { exit !found }' "$work/run" || die "ticknative gave no '$1'"
}

native()
{
	nice -n -5 "$ROOT/bench/native.sh" --hz "$@" > "$work/run" 2> "$work/errors" || {
		cat "$work/errors" >&2
		die "native.sh --hz $* failed"
	}
}

# figure VALUE UNIT NAME
figure()
{
	printf '%s\t%s\t%s\n' "$@" >> "$work/figures"
}

# Ticks of a round: a whole interval. Cold caches take their time to get so; where all ticks have passes, some will do.
ticks_of()
{
	local hz=$1 ms=$2 caches=$3 n=$4 interval

	interval=$((hz * ms / 1000))
	if [[ $ms = 0 ]]; then
		if [[ $caches = hot ]]; then echo 200; else echo 20; fi
	elif [[ $caches = hot || $n -lt $interval ]]; then
		echo "$interval"
	else
		echo $((interval < 100 ? interval : 100))
	fi
}

# only_passes HZ MS N: does each tick take passes, so that the rest of it is little?
only_passes()
{
	[[ $3 -gt 0 && ($2 = 0 || $(($3 * 1000 / ($2 > 0 ? $2 : 1))) -ge $1) ]]
}

measure_native()
{
	local hz n policy name ms caches what pass

	for hz in "${rates[@]}"; do
		for n in "${numbers[@]}"; do
			say "native: HZ=$hz, $n namespaces ($SECONDS s)"
			for policy in "${policies[@]}"; do
				IFS='|' read -r name ms <<< "$policy"
				for caches in hot cold; do
					native "$hz" cost "$n" "$ms" "$caches" "$(ticks_of "$hz" "$ms" "$caches" "$n")" "$rounds"
					what="$n owners, $name, HZ=$hz"
					figure "$(value share)" % "native $caches: share of one CPU, $what"
					figure "$(value mean_ns)" ns "native $caches: mean tick, $what"
					figure "$(value mean_cycles)" cycles "native $caches: mean tick in cycles, $what"
					figure "$(value worst_ns)" ns "native $caches: worst tick, $what"
					pass=
					if only_passes "$hz" "$ms" "$n"; then
						pass=$(value pass_ns)
						figure "$pass" ns "native $caches: pass, $what"
					fi
					printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$caches" "$hz" "$name" "$n" \
						"$(value mean_cycles)" "$(value mean_ns)" "$(value worst_ns)" "$(value share)" \
						"$(value budget_bound)" "$pass" >> "$work/native"
					tsc_hz=$(value tsc_hz)
				done
			done
		done
	done
}

measure_leap()
{
	local n caches

	for n in "${leap_numbers[@]}"; do
		for caches in hot cold; do
			say "leap second of $n namespaces, caches $caches ($SECONDS s)"
			native 1000 leap "$n" "$caches" "$leap_rounds"
			figure "$(awk -v ns="$(value worst_ns)" 'BEGIN { printf "%.3f", ns / 1000 }')" us \
				"native $caches: leap second of $n owners, worst tick"
			figure "$(awk -v ns="$(value median_ns)" 'BEGIN { printf "%.3f", ns / 1000 }')" us \
				"native $caches: leap second of $n owners, median tick"
			figure "$(value worst_passes)" passes "native $caches: leap second of $n owners, passes in the worst tick"
			printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$caches" "$n" "$(value median_ns)" "$(value p99_ns)" \
				"$(value worst_ns)" "$(value worst_at)" "$(value worst_passes)" "$(value reads)" "$(value wrong)" >> "$work/leap"
		done
	done
	# Of the largest number, both runs.
	figure "$(awk -F '\t' -v n="${leap_numbers[-1]}" '$2 == n { s += $8 } END { print s }' "$work/leap")" reads \
		"native: reads around the leap second"
	figure "$(awk -F '\t' -v n="${leap_numbers[-1]}" '$2 == n { s += $9 } END { print s }' "$work/leap")" reads \
		"native: wrong reads around the leap second"
}

measure_set()
{
	local n

	for n in "${set_numbers[@]}"; do
		say "setting a clock beside $n others ($SECONDS s)"
		native 1000 set "$n"
		figure "$(value settime_ns)" ns "native hot: clock_settime inside, $n other owners"
		figure "$(value adjtimex_ns)" ns "native hot: adjtimex inside, $n other owners"
		printf '%s\t%s\t%s\t%s\n' "$n" "$(value settime_cycles)" "$(value settime_ns)" "$(value adjtimex_ns)" >> "$work/set"
	done
}

# count CONFIG HZ BZIMAGE SUFFIX
count()
{
	local config=$1 hz=$2 boot=$3 suffix=$4 dir=$OUT/bench/tick/$1

	say "counted: HZ=$hz ($SECONDS s)"
	"$ROOT/scripts/boot.sh" --config "$config" --suite tick-cost --kernel "$boot" --out "$dir"
	[[ $(fact "$dir/files/tick-cost.facts" hz) = "$hz" ]] || die "the guest's HZ is not $hz"
	awk -v OFS='\t' -v suffix="$suffix" -v hz="$hz" '
		function policy(ms) { return ms == 0 ? "every tick" : ms % 1000 ? ms " ms" : ms / 1000 " s" }
		$1 == "base" && !(0 in seen) {
			seen[0] = 1
			print $3, "instructions", "counted: whole tick, 0 owners" suffix
			print $4, "instructions", "counted: longest tick, 0 owners" suffix
		}
		$1 == "cost" {
			what = $2 " owners, " policy($3) suffix
			print $7, "%", "counted: share of one CPU, " what
			print $5, "instructions", "counted: more in a tick, " what
			print $6, "instructions", "counted: longest tick, " what
			if ($4 >= hz)
				print $8, "instructions", "counted: pass, " what
		}' "$dir/files/tick-cost.facts" >> "$work/figures"
	awk -v OFS='\t' -v hz="$hz" '
		function policy(ms) { return ms == 0 ? "every tick" : ms % 1000 ? ms " ms" : ms / 1000 " s" }
		$1 == "cost" { print hz, policy($3), $2, $4, $5, $6, $7, $8, $9 }
		$1 == "skipped" { print hz, policy($3), $2, "-", "-", "-", "-", "-", 0 }' "$dir/files/tick-cost.facts" >> "$work/counted"
}

measure_guest()
{
	local hz

	count plain 1000 "$image_file" ''
	[[ $all = 1 ]] || return 0
	for hz in 100 250; do
		count "hz$hz" "$hz" "$BUILD/obj-hz$hz/arch/x86/boot/bzImage" ", HZ=$hz"
	done
}

native_table()
{
	awk -F '\t' '
		BEGIN {
			printf "  %5s %-12s %7s  %10s %11s %11s %9s %8s  %11s %11s %9s %8s\n", "", "", "", "hot: cycles", "ns", "worst ns",
				"of a CPU", "a pass", "cold: ns", "worst ns", "of a CPU", "a pass"
		}
		function pass() { return $10 == "" ? "-" : sprintf("%.1f", $10) }
		$1 == "hot" { hot = sprintf("%11.1f %11.1f %11.1f %8.4f%% %8s", $5, $6, $7, $8, pass()); next }
		{
			printf "  %5d %-12s %7d  %s  %11.1f %11.1f %8.4f%% %8s%s\n", $2, $3, $4, hot, $6, $7, $8, pass(),
				$9 ? "  limited by the budget" : ""
		}' "$work/native"
}

report()
{
	jq -r '.context | "\(.cpu), counter \(.parameters.tsc_hz / 1e6 | round) MHz; kernel \(.kernels.plain.release); \(.compiler)",
		"repository \(.repository), queue \(.queue[:12])\(.parameters.image_given | if . then " (image given, not built here)" else "" end)"' \
		"$OUT/bench/tick.json"
	echo
	echo "Native: the part of a tick that is for namespaces (HZ, policy, namespaces; a pass: ns, when passes are all there is)"
	native_table
	cat << 'END'

With 0 namespaces this is the call of a function that a kernel without own clocks does not call.
A share above 100 % is more than a CPU has: no tick could do that.
END
	echo
	echo "Native: a leap second in all namespaces at the same instant, HZ=1000, ticks from 10 s before to 5 s after"
	awk -F '\t' '
		BEGIN { printf "  %8s %-6s %12s %12s %12s %14s %8s %14s %8s\n", "own", "caches", "median ns", "p99 ns", "worst ns",
				"worst at", "passes", "reads checked", "wrong" }
		{ printf "  %8d %-6s %12.0f %12.0f %12.0f %+13.3fs %8d %14d %8d\n", $2, $1, $3, $4, $5, $6 / 1000 - 10, $7, $8, $9 }' "$work/leap"
	echo
	echo "Native: clock_settime() and adjtimex() inside, hot, without the system call's entry"
	awk -F '\t' '
		BEGIN { printf "  %13s %12s %12s %12s\n", "other owners", "cycles", "settime ns", "adjtimex ns" }
		{ printf "  %13d %12.0f %12.1f %12.1f\n", $1, $2, $3, $4 }' "$work/set"
	[[ $guest = 1 ]] || return 0
	echo
	echo "Counted: instructions more than without namespaces, and the longest tick as a whole"
	awk -F '\t' '
		BEGIN { printf "  %5s %-12s %7s %12s %14s %14s %10s %10s\n", "HZ", "a pass", "own", "passes/s", "more in a tick",
				"longest tick", "of a CPU", "a pass" }
		$4 == "-" { printf "  %5d %-12s %7d  left out: would take more than half of the CPU\n", $1, $2, $3; next }
		{
			printf "  %5d %-12s %7d %12.0f %14.1f %14.0f %9.4f%% %10s%s\n", $1, $2, $3, $4, $5, $6, $7,
				($4 >= $1 ? sprintf("%.1f", $8) : "-"), $9 ? "  limited by the budget" : ""
		}' "$work/counted"
}

# Both scales are logarithmic. A share that is not above zero, and zero namespaces, are no points of it.
plot()
{
	local policy name lines=''

	for policy in "every tick" "4 s"; do
		name=${policy// /-}
		awk -F '\t' -v p="$policy" '$1 == "hot" && $2 == 1000 && $3 == p && $4 > 0 { print $4, $8 }' "$work/native" > "$work/hot-$name"
		awk -F '\t' -v p="$policy" '$1 == "cold" && $2 == 1000 && $3 == p && $4 > 0 { print $4, $8 }' "$work/native" > "$work/cold-$name"
		lines+="\"$work/hot-$name\" using 1:2 with linespoints lw 2 pt 7 lc rgb \"$([[ $policy = 4* ]] && echo '#1040a0' || echo '#c04020')\" title \"$policy: native, hot\", "
		lines+="\"$work/cold-$name\" using 1:2 with linespoints lw 1 dt 2 pt 6 lc rgb \"$([[ $policy = 4* ]] && echo '#1040a0' || echo '#c04020')\" title \"$policy: native, cold\", "
		if [[ $guest = 1 ]]; then
			awk -F '\t' -v p="$policy" '$1 == 1000 && $2 == p && $7 > 0 { print $3, $7 }' "$work/counted" > "$work/counted-$name"
			lines+="\"$work/counted-$name\" using 1:2 with linespoints lw 1 dt 3 pt 5 lc rgb \"$([[ $policy = 4* ]] && echo '#1040a0' || echo '#c04020')\" title \"$policy: counted, 1 instruction/ns\", "
		fi
	done
	cat > "$work/plot" << END
set title "What the tick takes for namespaces with their own clocks, HZ=1000" noenhanced
set xlabel "namespaces"
set ylabel "percent of one CPU" noenhanced
set logscale xy
set grid
set key top left noenhanced
set format x "%g"
set format y "%g"
set xrange [0.8:15000]
plot $lines 100 with lines dt 4 lc rgb "gray40" title "all of it"
END
	bench_plot tick "$work/plot" 900 600
}

if [[ $guest = 1 ]]; then
	if [[ -z $given_file ]]; then
		"$ROOT/scripts/build.sh" --config plain
	fi
	require_initramfs
	if [[ $all = 1 ]]; then
		for hz in 100 250; do
			"$ROOT/scripts/build.sh" --config "hz$hz"
		done
	fi
fi
image_given=false
if [[ -n $given_file ]]; then
	image_given=true
fi
image_file=${given_file:-$BUILD/obj-plain/arch/x86/boot/bzImage}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$OUT/bench"
rm -f "$OUT"/bench/tick.{txt,json,svg,png}
: > "$work/figures"
"$ROOT/bench/native.sh" --build
if [[ $guest = 1 && $image_given = false ]]; then
	"$ROOT/bench/native.sh" --verify
fi
measure_native
measure_leap
measure_set
[[ $guest = 0 ]] || measure_guest
configs=(plain)
[[ $all = 0 ]] || configs+=(hz100 hz250)
[[ $all = 1 ]] || whole=0
bench_context "$([[ $guest = 1 ]] && echo icount || echo native)" \
	"{\"tsc_hz\":$tsc_hz,\"rounds\":$rounds,\"leap_rounds\":$leap_rounds,\"image_given\":$image_given}" \
	"${configs[@]}" > "$work/context"
bench_json tick "$work/context" < "$work/figures"
report > "$OUT/bench/tick.txt"
plot
cat "$OUT/bench/tick.txt"
say "written to $OUT/bench/: tick.txt, tick.json, tick.svg, tick.png"
[[ $(jq '[.figures[] | select(.name == "native: wrong reads around the leap second") | .value] | add' "$OUT/bench/tick.json") = 0 ]]
