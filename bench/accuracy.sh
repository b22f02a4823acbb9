#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# How far a clock is from the ideal line, between passes and over a day: that of a namespace for several intervals between
# two passes, and the host's, which is adjusted in every tick. The kernel's own code, run by bench/native.sh, on counters that
# are made up; HZ=1000.
#
# The ideal line is what NTP asks for, to the last bit: an NTP interval of the counter lasts tick_length. It starts at what
# the clock shows when its frequency is set (the host's: at NTP's line, once the clock is within a unit of it). The error is taken at the end and at the
# beginning of each piece of the line, where it is largest; rms is over samples, one in 10 ms. Ticks come 0 to 20 us late.
#
# The worst of seven frequencies is given: 0, +-1/3, +-100 and +-499 ppm. "shift of the clocksource": one pass a second, but
# with the multiplier that the host uses. The table goes to the terminal and out/bench/accuracy.txt, all figures and those of
# each frequency to out/bench/accuracy.json, a plot of the error over two minutes to out/bench/accuracy.svg and .png.
#
# usage: accuracy.sh [--seconds N]    time that is simulated (default 86400)
#        accuracy.sh --quick          a minute of it
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=scripts/queue.sh
. "$ROOT/scripts/queue.sh"
# shellcheck source=bench/lib.sh
. "$ROOT/bench/lib.sh"

seconds=86400
while [[ $# -gt 0 ]]; do
	case $1 in
	--seconds) need_value "$@"; seconds=$2; shift 2 ;;
	--quick) seconds=60; shift ;;
	-h | --help) sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
	*) die "unknown argument '$1'" ;;
	esac
done
if ! is_positive "$seconds" || [[ $seconds -gt 1000000 ]]; then
	die "--seconds '$seconds' is not a number from 1 to 1000000"
fi

# Name, Hz, bits.
counters=("tsc 2100 MHz|2100000000|64" "tsc 2600 MHz|2600000000|64" "hpet 14.318 MHz|14318180|32"
	"acpi_pm 3.58 MHz|3579545|24")
# What namespaces do, and the frequency which the host has meanwhile (2^-16 ppm): for it all intervals are the same.
runs=("1 s|1000|0" "100 ms|100|21845" "10 ms|10|-21845" "every tick|0|6553600"
	"1 s, shift of the clocksource|1000|-6553600" "host|1000|32702464" "host|1000|-32702464")

# one NAME HZ BITS NUMBER WHAT INTERVAL FREQUENCY: to the file NUMBER
one()
{
	local option=()

	[[ $5 != *shift* ]] || option=(--stock-shift)
	nice "$ROOT/bench/native.sh" "${option[@]}" accuracy "$2" "$3" "$6" "$7" "$seconds" > "$work/run" ||
		die "$1, $5: ticknative failed"
	awk -v OFS='\t' -v counter="$1" -v what="$5" -v host="$7" '
		$1 == "own" && what != "host" { print counter, what, $2, $3, $4 }
		$1 == "host" { print counter, "host", host / 65536, $3, $4 }
		$1 == "own_shift" || $1 == "host_shift" || $1 == "passes" { print counter, what, $1, $2, "" }' "$work/run" >> "$work/figures"
}

measure()
{
	local counter run n=0 name hz bits what ms host

	: > "$work/figures"
	for counter in "${counters[@]}"; do
		IFS='|' read -r name hz bits <<< "$counter"
		for run in "${runs[@]}"; do
			IFS='|' read -r what ms host <<< "$run"
			n=$((n + 1))
			say "$n of $((${#counters[@]} * ${#runs[@]})): $name, $what ($SECONDS s)"
			one "$name" "$hz" "$bits" "$n" "$what" "$ms" "$host"
		done
	done
}

# The worst of all frequencies; value, unit, name.
figures()
{
	awk -F '\t' -v OFS='\t' '
		$3 ~ /shift|passes/ { next }
		{
			key = $2 == "host" ? "host, " $1 : $1 ", " $2
			if (!(key in worst)) order[++n] = key
			if ($4 + 0 > worst[key] + 0) worst[key] = $4; else worst[key] += 0
			if ($5 + 0 > rms[key] + 0) rms[key] = $5; else rms[key] += 0
			count[key]++
		}
		END {
			for (i = 1; i <= n; i++) {
				if (count[order[i]] != 7)
					exit 1
				print worst[order[i]], "ns", order[i] ": worst error"
				print rms[order[i]], "ns", order[i] ": rms error"
			}
		}' "$work/figures" || die "not all frequencies were measured"
}

details()
{
	jq -R -s '{ frequencies: (split("\n") | map(select(length > 0) | split("\t") | select(.[2] | test("shift|passes") | not)
			| { counter: .[0], policy: .[1], ppm: .[2], worst_ns: (.[3] | tonumber), rms_ns: (.[4] | tonumber) })),
		    facts: (split("\n") | map(select(length > 0) | split("\t") | select(.[2] | test("shift|passes"))
			| { counter: .[0], policy: .[1], fact: .[2], value: (.[3] | tonumber) })) }' "$work/figures"
}

report()
{
	jq -r '.context | "kernel \(.kernels.plain.release), HZ=1000; \(.compiler); \(.parameters.seconds) s simulated",
		"repository \(.repository), queue \(.queue[:12])"' "$OUT/bench/accuracy.json"
	echo
	echo "Error of a clock against the ideal line in nanoseconds, worst of all frequencies (worst, rms)"
	awk -F '\t' '
		{ split($3, part, ": "); key = part[1]; if (part[2] ~ /worst/) worst[key] = $1; else rms[key] = $1 }
		END {
			n = split("tsc 2100 MHz|tsc 2600 MHz|hpet 14.318 MHz|acpi_pm 3.58 MHz", counter, "|")
			m = split("host|every tick|10 ms|100 ms|1 s|1 s, shift of the clocksource", policy, "|")
			printf "  %-32s", ""
			for (i = 1; i <= n; i++) printf " %20s", counter[i]
			printf "\n"
			for (k = 1; k <= m; k++) {
				printf "  %-32s", policy[k] == "host" ? "host, every tick" : "own, " policy[k]
				for (i = 1; i <= n; i++) {
					key = k == 1 ? "host, " counter[i] : counter[i] ", " policy[k]
					printf " %11.3f %8.3f", worst[key], rms[key]
				}
				printf "\n"
			}
		}' "$work/values"
	echo
	echo "The interval is shorter than asked for where the counter wraps (acpi_pm: half a second)."
}

plot()
{
	"$ROOT/bench/native.sh" series 2100000000 64 1000 21845 120 | awk '$1 == "error" { print $2, $3, $4 }' > "$work/fine"
	"$ROOT/bench/native.sh" --stock-shift series 2100000000 64 1000 21845 120 | awk '$1 == "error" { print $2, $3 }' > "$work/coarse"
	cat > "$work/plot" << END
set title "Error of a clock against the ideal line, counter of 2100 MHz, +1/3 ppm" noenhanced
set xlabel "seconds"
set grid
set key outside top center horizontal noenhanced
set multiplot layout 2,1
set ylabel "ns"
plot "$work/coarse" using 1:2 with lines lw 1 lc rgb "gray60" title "own, one pass a second, shift of the clocksource"
set notitle
plot "$work/fine" using 1:2 with lines lw 1 lc rgb "#1040a0" title "own, one pass a second", \\
	"" using 1:3 with lines lw 1 lc rgb "#c04020" title "host, each tick"
unset multiplot
END
	bench_plot accuracy "$work/plot" 900 700
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$OUT/bench"
rm -f "$OUT"/bench/accuracy.{txt,json,svg,png}
measure
figures > "$work/values"
details > "$work/details"
bench_context native "{\"seconds\":$seconds,\"hz\":1000}" plain > "$work/context"
bench_json accuracy "$work/context" "$work/details" < "$work/values"
report > "$OUT/bench/accuracy.txt"
plot
cat "$OUT/bench/accuracy.txt"
say "written to $OUT/bench/: accuracy.txt, accuracy.json, accuracy.svg, accuracy.png"
