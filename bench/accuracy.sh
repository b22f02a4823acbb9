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
# with the multiplier that the host uses.
#
# Then in the guest, under icount, on the pristine source and on plain (suite accuracy): how far the readings through the
# vDSO are off the straight line that fits them best, over the counter, at irregular instants. The host's clock at three
# frequencies, and on plain that of a namespace at four intervals and the same frequencies; first while the CPU is busy, then
# while it sleeps most of the time, so that ticks are off. The slope must be the one ordered, as a multiple of the host's with
# no frequency set; the suite fails when it is off by more than the samples can tell. A clock shows whole nanoseconds, which is
# half a nanosecond of the worst error there.
#
# The tables go to the terminal and out/bench/accuracy.txt, all figures and those of each frequency to
# out/bench/accuracy.json, a plot of the error over two minutes to out/bench/accuracy.svg and .png.
#
# usage: accuracy.sh [OPTION...]
#   --seconds N             time that is simulated (86400)
#   --quick                 a minute of it, and a quarter of the time in the guest
#   --no-guest              the simulation alone
#   --kernel NAME=BZIMAGE   that image for mainline or plain, instead of building it
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=scripts/queue.sh
. "$ROOT/scripts/queue.sh"
# shellcheck source=bench/lib.sh
. "$ROOT/bench/lib.sh"

seconds=86400 guest=1
# Of a busy CPU for each clock, and twice as many of one that sleeps.
guest_seconds=120
while [[ $# -gt 0 ]]; do
	case $1 in
	--seconds) need_value "$@"; seconds=$2 whole=0; shift 2 ;;
	--quick) whole=0 seconds=60 guest_seconds=30; shift ;;
	--no-guest) guest=0 whole=0; shift ;;
	--kernel) need_value "$@"; take_image "$2"; shift 2 ;;
	-h | --help) print_usage; exit 0 ;;
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
runs=("4 s|4000|0" "1 s|1000|0" "100 ms|100|21845" "10 ms|10|-21845" "every tick|0|6553600"
	"1 s, shift of the clocksource|1000|-6553600" "host|1000|32702464" "host|1000|-32702464")

# one NAME HZ BITS NUMBER WHAT INTERVAL FREQUENCY: to the file NUMBER
one()
{
	local option=()

	[[ $5 != *shift* ]] || option=(--mainline-shift)
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
			# What the host has at 0 ppm is simulated beside each interval
			if (!seen[key, $3]++) count[key]++
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

# Rows of: kernel, clock as in the names of figures, load, clock that was read, samples, dropped, passes, worst, rms, what the
# slope is off by, what can be told.
measure_guest()
{
	local name dir rows

	for name in "${kernels[@]}"; do
		say "in the guest: $name ($SECONDS s)"
		dir=$OUT/bench/accuracy/$name
		boot_kernel "$name" accuracy accuracy "$dir" --arg "$guest_seconds"
		[[ $(fact "$dir/files/accuracy.facts" accuracy.hz) = 1000 ]] || die "$name: the guest's HZ is not 1000"
		[[ $(fact "$dir/files/accuracy.facts" accuracy.seconds) = "$guest_seconds" ]] ||
			die "$name: the guest did not look for $guest_seconds s"
		awk -v OFS='\t' -v name="$name" '
			function policy(ms) { return ms == 0 ? "every tick" : ms % 1000 ? ms " ms" : ms / 1000 " s" }
			$1 == "error" {
				print name, ($2 == "host" ? "host, " name : "own, " policy($3)) ", " $4 " ppm",
					$5, $6, $7, $8, $9, $10, $11, $12, $13
			}' "$dir/files/accuracy.facts" > "$work/guest-$name"
		# Two clocks under two loads at three frequencies: the host's, and in namespaces at four intervals.
		rows=12
		[[ $name != plain ]] || rows=$((12 + 4 * 12))
		[[ $(sort -u "$work/guest-$name" | wc -l) = "$rows" ]] || die "$dir/files/accuracy.facts has not $rows different errors"
		cat "$work/guest-$name" >> "$work/guest"
	done
	check_versions
}

# Of the two clocks that were read, the worse, and of the host also the worst of all frequencies; value, unit, name.
guest_figures()
{
	awk -F '\t' -v OFS='\t' '
		function add(key)
		{
			if (!(key in worst)) { order[++n] = key; worst[key] = rms[key] = 0 }
			if ($8 + 0 > worst[key]) worst[key] = $8 + 0
			if ($9 + 0 > rms[key]) rms[key] = $9 + 0
		}
		{
			prefix = $3 == "busy" ? "guest: " : "guest, mostly asleep: "
			if ($2 ~ /^host/) add(prefix "host, " $1)
			add(prefix $2)
		}
		END {
			for (i = 1; i <= n; i++) {
				print worst[order[i]], "ns", order[i] ": worst error"
				print rms[order[i]], "ns", order[i] ": rms error"
			}
		}' "$work/guest"
}

# What the figures depend on besides what all benchmarks have in common.
parameters()
{
	jq -n --argjson seconds "$seconds" --argjson guest "$guest" --argjson guest_seconds "$guest_seconds" \
		--arg qemu "$([[ $guest = 0 ]] || qemu_version "$QEMU_UP")" '
		{ seconds: $seconds, hz: 1000 }
		+ if $guest == 0 then {} else { guest_seconds: $guest_seconds, measured_with_qemu: $qemu } end'
}

details()
{
	jq -R -s --rawfile guest "$work/guest" --arg given "${given[*]}" '{ frequencies: (split("\n") | map(select(length > 0) | split("\t") | select(.[2] | test("shift|passes") | not)
			| { counter: .[0], policy: .[1], ppm: .[2], worst_ns: (.[3] | tonumber), rms_ns: (.[4] | tonumber) })),
		    facts: (split("\n") | map(select(length > 0) | split("\t") | select(.[2] | test("shift|passes"))
			| { counter: .[0], policy: .[1], fact: .[2], value: (.[3] | tonumber) })),
		    # Not built from the queue of the context by this run.
		    images_given: ($given | split(" ")),
		    # The difference of the slopes, and what can be told of it, in 1e-9.
		    guest: ($guest | split("\n") | map(select(length > 0) | split("\t")
			| { kernel: .[0], clock: .[1], load: .[2], read: .[3], samples: (.[4] | tonumber), dropped: (.[5] | tonumber),
			    worst_ns: (.[7] | tonumber), rms_ns: (.[8] | tonumber) }
			+ if .[6] == "-" then {} else { passes: (.[6] | tonumber) } end
			+ if .[9] == "-" then {} else { slope_off: (.[9] | tonumber), slope_limit: (.[10] | tonumber) } end)) }' "$work/figures"
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
			m = split("host|every tick|10 ms|100 ms|1 s|4 s|1 s, shift of the clocksource", policy, "|")
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
	[[ $guest = 0 ]] || report_guest
}

report_guest()
{
	local name

	echo
	jq -r '"In the guest (QEMU \(.context.parameters.measured_with_qemu)), counter of 1000 MHz, HZ=1000: \(.context.parameters.guest_seconds) s busy, \(2 * .context.parameters.guest_seconds) s mostly asleep"
		+ (.images_given | if length > 0 then " (given, not built here: " + join(", ") + ")" else "" end)' "$OUT/bench/accuracy.json"
	echo
	echo "Readings of a clock against the straight line through them in nanoseconds, worse of MONOTONIC and REALTIME (worst,"
	echo "rms), and how far its slope is off the one ordered, as a multiple of the host's at 0 ppm (in 1e-9, and what can be told)"
	awk -F '\t' '
		function size(x) { return x < 0 ? -x : x + 0 }
		{
			key = $2
			if (!(key in seen)) { order[++n] = key; seen[key] = 1 }
			at = key SUBSEP $3
			if ($8 + 0 >= worst[at] + 0) worst[at] = $8
			if ($9 + 0 >= rms[at] + 0) rms[at] = $9
			if (!(at in off) || size($10) > size(off[at])) { off[at] = $10; limit[at] = $11 }
		}
		END {
			printf "  %-32s %-38s  %-38s\n", "", "busy", "mostly asleep"
			for (i = 1; i <= n; i++) {
				printf "  %-32s", order[i]
				for (k = 1; k <= 2; k++) {
					at = order[i] SUBSEP (k == 1 ? "busy" : "asleep")
					printf "%s%9.3f %8.3f", k == 1 ? " " : "  ", worst[at], rms[at]
					if (off[at] == "-") printf "%20s", ""
					else printf "%+9.4f (%.4f)  ", off[at], limit[at]
				}
				printf "\n"
			}
		}' "$work/guest" | sed 's/ *$//'
	echo
	echo "A clock shows whole nanoseconds: 0.5 of the worst and 0.289 of the rms are that. But where the host's clock at 0 ppm makes"
	echo "exactly a nanosecond of a cycle, as it may in the guest, nothing is left to be off at 0 ppm. Nanoseconds per cycle here:"
	for name in "${kernels[@]}"; do
		echo "  $name $(fact "$OUT/bench/accuracy/$name/files/accuracy.facts" accuracy.slope.MONOTONIC)"
	done
}

plot()
{
	"$ROOT/bench/native.sh" series 2100000000 64 1000 21845 120 | awk '$1 == "error" { print $2, $3, $4 }' > "$work/fine"
	"$ROOT/bench/native.sh" --mainline-shift series 2100000000 64 1000 21845 120 | awk '$1 == "error" { print $2, $3 }' > "$work/coarse"
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

kernels=(plain)
if [[ $guest = 1 ]]; then
	kernels=(mainline plain)
	build_kernels
	require_initramfs
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$OUT/bench"
rm -f "$OUT"/bench/accuracy.{txt,json,svg,png}
: > "$work/guest"
measure
[[ $guest = 0 ]] || measure_guest
figures > "$work/values"
guest_figures > "$work/guest-values"
details > "$work/details"
bench_context native "$(parameters)" "${kernels[@]}" > "$work/context"
cat "$work/values" "$work/guest-values" | bench_json accuracy "$work/context" "$work/details"
report > "$OUT/bench/accuracy.txt"
plot
cat "$OUT/bench/accuracy.txt"
say "written to $OUT/bench/: accuracy.txt, accuracy.json, accuracy.svg, accuracy.png"
