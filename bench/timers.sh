#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What it costs to arm and to cancel timers, to sleep, to set a clock for which timers are armed, and to become the owner of
# one while many timers are: three kernels, counted by the instruction.
#
#   mainline  the pristine source, tag base of the kernel tree, exported once to build/mainline-src
#   off       the queue, with TIMEKEEPER_NS=n
#   plain     the queue, with TIMEKEEPER_NS=y: without any other time namespace, with some, and inside of them
#
# Each is booted twice, by turns, with the suite timer-cost. The tables go to the terminal and to out/bench/timers.txt; all
# figures and what they depend on to out/bench/timers.json; the cost of a step against the number of timers to
# out/bench/timers-step.svg and .png. Exit status 1 when a step costs more, by over 2 %, because of timers in a namespace
# that it does not concern. All else is reported here; bench/goals.sh judges what a namespace which follows the host costs
# against one of mainline, by the dearest call of each kind.
#
# usage: timers.sh [OPTION...]
#   --kernel NAME=BZIMAGE   that image for mainline, off or plain, instead of building it
#   --without-off           two kernels only
#   --quick                 one boot of each kernel
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=scripts/queue.sh
. "$ROOT/scripts/queue.sh"
# shellcheck source=bench/lib.sh
. "$ROOT/bench/lib.sh"

rounds=2
# Of a step, in percent.
tolerance=2

while [[ $# -gt 0 ]]; do
	case $1 in
	--kernel) need_value "$@"; take_image "$2"; shift 2 ;;
	--without-off) kernels=(mainline plain) whole=0; shift ;;
	--quick) whole=0 rounds=1; shift ;;
	-h | --help) print_usage; exit 0 ;;
	*) die "unknown argument '$1'" ;;
	esac
done

# Figures as lines of: kernel, round, group, state, value, name.
measure()
{
	# shellcheck disable=SC2016	# a program of awk
	measure_by_turns timers timer-cost "$rounds" "$work/figures" '
		$1 ~ /^(arm|among|step|back|freq|tick|switch)$/ {
			group = $1; state = $2; value = $3; sub(/^[^ ]+ [^ ]+ [^ ]+ /, "")
			print kernel, round, group, state, value, $0
		}'
}

# option NAME: what QEMU was given for -NAME
option()
{
	sed -n -E "s/.* -$1 ([^ ]+) .*/\1/p" "$OUT/bench/timers/mainline-1/cmdline" | sed 's,\\,,g'
}

# What the figures depend on besides what all benchmarks have in common.
parameters()
{
	jq -n --arg cpu "$(option cpu)" --arg icount "$(option icount)" --arg smp "$(option smp)" --argjson rounds "$rounds" '
		{ guest: { cpu: $cpu, icount: $icount, cpus: ($smp | tonumber) }, boots_of_each: $rounds }'
}

# For each figure: the mean of the rounds, and what they differ by.
summarize()
{
	jq -R -s --argjson rounds "$rounds" --slurpfile images "$1" --argjson tolerance "$tolerance" '
		def rows: split("\n") | map(select(length > 0) | split("\t")
			| { where: "\(.[0]) \(.[3])", group: .[2], name: .[5], value: (.[4] | tonumber) });
		# {"mainline init": {value, spread}, ...}
		def cells: group_by(.where)
			| map({ key: .[0].where, value: (map(.value) | { value: (add / length), spread: (max - min), boots: length }) })
			| from_entries;
		# What a consumer is called in the goals, and its calls
		def kinds: [
			["sleeps", "^(clock_)?nanosleep "], ["futex", "^futex "], ["poll and epoll", "^(p?poll|epoll)"],
			["timerfd", "^timerfd"], ["POSIX timers", "^timer(_| )"], ["io_uring", "^io_uring "], ["others", "^(set)?itimer |^rt_sig|^mq_"]];
		# The dearest call of a kind in $where, of what it costs in $base; null where one has no figure
		def dearest($where; $base):
			map({ name, value: .cells[$where].value, base: .cells[$base].value })
			| if length == 0 or any(.[]; .value == null or .base == null) then null
			  else map(. + { ratio: (.value / .base), more: (.value - .base) }) | max_by(.ratio) end;
		rows as $rows
		| ($rows | to_entries | map(.value + { at: .key }) | map(select(.group == "arm" or .group == "among"))
			| group_by([.group, .name]) | map({ at: (map(.at) | min), group: .[0].group, name: .[0].name, cells: cells })
			| sort_by([.group, .at]) | map(del(.at))) as $calls
		| ($calls | map(select(.group == "arm"))) as $arm
		| (kinds | map({ kind: .[0], of_kind: (.[1] as $re | $arm | map(select(.name | test($re)))) })
			| map(.of_kind as $calls | { kind, number: ($calls | length),
				init: ($calls | dearest("plain init"; "mainline init")),
				follow: ($calls | dearest("plain follow"; "mainline follow")),
				beside: ($calls | dearest("plain beside"; "mainline follow")) })) as $kinds
		| ($rows | map(select(.group | IN("step", "back", "freq", "tick")))
			| group_by([.group, (.name | tonumber)])
			| map({ group: .[0].group, timers: (.[0].name | tonumber), cells: cells })) as $steps
		| [ ["plain o-o", "an owner", "an owner", true], ["plain o-f", "an owner", "a follower", true],
		    ["plain h-o", "the host", "an owner", true], ["plain f-real", "the host", "a follower", false],
		    ["plain f-mono", "the host", "a follower (MONOTONIC)", null],
		    ["mainline f-real", "the host", "a namespace, mainline", null], ["off f-real", "the host", "a namespace, off", null] ]
		  as $pairs
		| ($steps | map(select(.group == "step"))) as $forward
		| ($rows | map(select(.group == "switch")) | group_by(.name)
			| map({ name: .[0].name, cells: cells }) | map({ key: .name, value: .cells }) | from_entries) as $switch
		| $images[0]
		+ { calls: ($arm | map(del(.group))),
		    kinds: $kinds,
		    switch: $switch,
		    among: ($calls | map(select(.group == "among") | del(.group))),
		    steps: $steps,
		    elsewhere: ($pairs | map(.[0] as $where | select(any($forward[]; .cells[$where]))
			| ($forward | map(select(.cells[$where]) | { key: (.timers | tostring), value: .cells[$where].value }) | from_entries) as $c
			| { where: $where, step_of: .[1], timers_in: .[2], none: $c["0"], many: $c["10000"], judged: (.[3] == true) }
			| .more = .many - .none
			| .holds = (if .judged then .more <= .none * $tolerance / 100 else null end))),
		    incomplete: ([$calls[], $steps[] | . as $row | .cells[] | select(.boots != $rounds) | $row.name // $row.group]
			+ [$kinds[] | select(.init == null or .follow == null or .beside == null) | "all of \(.kind)"]
			+ ($arm | map(select(any(.name; . as $name | any(kinds[]; .[1] as $re | $name | test($re))) | not) | "a kind for \(.name)"))
			+ (["call", "passed", "longest"] - ($switch | keys) | map("the switch: \(.)"))),
		    spread: ([$calls[], $steps[] | .cells[].spread] | max) }
		| .ok = ((.incomplete | length) == 0 and ([.elsewhere[] | select(.judged) | .holds] | all) and (.calls | length) > 0)' \
		"$work/figures"
}

# cells FILE LIST BASE COLUMN...: name, then figure and ratio to that of the column BASE of each column, then the spread
cells()
{
	local file=$1 list=$2 base=$3
	shift 3

	jq -r --arg list "$list" --arg base "$base" '
		.[$list][] | .cells as $cells | $cells[$base].value as $mainline
		| [.name]
		+ ($ARGS.positional | map($cells[.].value | if . == null then "-", "" elif $mainline == null then ., "" else ., . / $mainline end))
		+ [[$cells[].spread] | max] | @tsv' "$file" --args "$@"
}

print_cells()
{
	awk -F '\t' -v heads="$1" '
		BEGIN {
			n = split(heads, head, ",")
			printf "  %-36s", ""
			for (i = 1; i <= n; i++)
				printf i == 1 ? " %11s" : "  %7s      ", head[i]
			printf "  spread\n"
		}
		function number(x) { return x ~ /^[0-9.]+$/ ? sprintf("%.0f", x) : x }
		{
			printf "  %-36s %11s", $1, number($2)
			for (i = 2; i <= n; i++)
				printf "  %7s %5s", number($(2 * i)), $(2 * i + 1) == "" ? "" : sprintf("%.3f", $(2 * i + 1))
			printf "  %6s\n", $NF
		}' | sed 's/ *$//'
}

# value, unit, name
figures()
{
	jq -r '(.kinds[] | . as $of | (["init", "initial namespace"], ["follow", "follower"], ["beside", "follower beside an owner"]) as $where
			| $of[$where[0]] | select(.) | [.ratio, "ratio", "\($where[1]), \($of.kind): of mainline\u0027s"]),
		(.switch | to_entries[] | .key as $what | .value | to_entries[]
			| [.value.value, (if $what == "call" then "instructions" else "ns" end), "switch, \($what): \(.key)"]),
		((.calls[] | . + { group: "arm" }), (.among[] | . + { group: "among others:" })
			| "\(.group) \(.name)" as $name | .cells | to_entries[] | [.value.value, "instructions", "\($name): \(.key)"]),
		(.steps[] | . as $step | .cells | to_entries[]
			| (if .key | test(" (many|each)$") then "followers" else "timers" end) as $of
			| [.value.value, "instructions", "\($step.group), \($step.timers) \($of): \(.key)"])
		| @tsv' "$1"
}

step_table()
{
	jq -r '
		def cost($group; $timers; $where): [.[] | select(.group == $group and .timers == $timers) | .cells[$where].value][0];
		.steps as $s | [$s[] | .timers] | unique | .[] as $n
		| [$n] + ([("plain real", "plain mono") as $where | ("step", "back", "freq", "tick") as $group | [$group, $where]]
			| map(. as $c | $s | cost($c[0]; $n; $c[1])))
		| @tsv' "$1" | awk -F '\t' '
		BEGIN {
			printf "  %8s  %47s  %47s\n", "", "timers on REALTIME", "timers on MONOTONIC"
			printf "  %8s", "timers"
			for (i = 0; i < 2; i++)
				printf "  %11s %11s %11s %11s", "+1 s", "-1 s", "1 ppm", "1 %"
			printf "\n"
		}
		function row(name, values, format,    i) {
			printf "  %8s", name
			for (i = 2; i <= 9; i++)
				printf (i % 4 == 2 ? " " : "") " %11" format, values[i]
			printf "\n"
		}
		{
			for (i = 2; i <= 9; i++) {
				cost[i] = $i
				if ($1 == 0) none[i] = $i; else each[i] = ($i - none[i]) / $1
			}
			row($1, cost, ".0f")
		}
		END { row("a timer", each, ".1f") }'
}

elsewhere_table()
{
	jq -r '.elsewhere[] | [.step_of, .timers_in, .none, .many, .more,
		(if .holds == null then "" elif .holds then "ok" else "COSTS" end)] | @tsv' "$1" | awk -F '\t' '
		BEGIN { printf "  %-12s %-28s %10s %14s %10s\n", "a step of", "timers in", "no timers", "10,000 timers", "more" }
		{ printf "  %-12s %-28s %10.0f %14.0f %10.0f  %s\n", $1, $2, $3, $4, $5, $6 }' | sed 's/ *$//'
}

host_table()
{
	jq -r '.steps[] | select(.group == "step" and .cells["mainline host"])
		| [.timers, .cells["mainline host"].value, .cells["off host"].value, .cells["plain host"].value] | @tsv' "$1" |
		awk -F '\t' '
		BEGIN { printf "  %8s  %9s %9s %9s\n", "timers", "mainline", "off", "plain" }
		function number(x) { return x == "" ? "-" : sprintf("%.0f", x) }
		{ printf "  %8s  %9s %9s %9s\n", $1, number($2), number($3), number($4) }'
}

followers_table()
{
	jq -r '
		def cost($timers; $where): [.[] | select(.group == "step" and .timers == $timers) | .cells[$where].value][0];
		.steps | (["mainline", "off", "plain"][]) as $k | select(cost(0; "\($k) many"))
		| [$k, cost(0; "\($k) host"), cost(10000; "\($k) host"), cost(0; "\($k) many"), cost(10000; "\($k) many"),
			cost(10000; "\($k) f-real"), cost(10000; "\($k) each")] | @tsv' "$1" | awk -F '\t' '
		BEGIN {
			printf "  %-8s  %19s  %21s  %21s\n", "", "initial namespace", "followers, no timers", "10,000 timers"
			printf "  %-8s  %9s %9s  %10s %10s  %10s %10s\n", "", "0 timers", "10,000", "0", "10,000", "in one", "in 10,000"
		}
		{ printf "  %-8s  %9.0f %9.0f  %10.0f %10.0f  %10.0f %10.0f\n", $1, $2, $3, $4, $5, $6, $7 }'
}

switch_table()
{
	jq -r '.switch as $s
		| (["none", "none"], ["initial", "100,000 of the host"], ["cancel", "100,000 of the host, cancelled on set"], ["inside", "100,000 inside"])
		| "plain \(.[0])" as $where
		| [.[1], $s.call[$where].value, $s.passed[$where].value, $s.longest[$where].value] | @tsv' "$1" | awk -F '\t' '
		BEGIN { printf "  %-38s  %12s %12s %12s\n", "timers armed", "instructions", "passed, us", "longest, us" }
		{ printf "  %-38s  %12.0f %12.1f %12.1f\n", $1, $2, $3 / 1000, $4 / 1000 }'
}

kinds_table()
{
	jq -r '
		def cell: if . == null then "-", "", "" else (.ratio * 1000 | round / 1000), (.more | if . >= 0 then "+\(.)" else "\(.)" end), .name end;
		.kinds[] | [.kind, (.init | cell), (.follow | cell), (.beside | cell)] | @tsv' "$1" | awk -F '\t' '
		function one(ratio, more) { return sprintf("%5s %6s", ratio ~ /^[0-9.]+$/ ? sprintf("%.3f", ratio) : ratio, more) }
		BEGIN { printf "  %-16s %12s  %12s  %12s   %s\n", "", "init", "follow", "beside", "the dearest of a follower" }
		{ printf "  %-16s %s  %s  %s   %s\n", $1, one($2, $3), one($5, $6), one($8, $9), $7 }'
}

report()
{
	local file=$1

	jq -r '.images_given as $given | .context | "Linux \(.kernels.mainline.release | split("-")[0]) under QEMU \(.qemu), CPU \(.parameters.guest.cpu), icount \(.parameters.guest.icount); \(.compiler)",
		"repository \(.repository), queue \(.queue[:12])\($given | if length > 0 then " (given, not built here: " + join(", ") + ")" else "" end)",
		"kernels: \([.kernels[] | .release + " (" + (.fragments | join(" ")) + ")"] | join(", "))",
		"instructions; mean of \(.parameters.boots_of_each) boots of each kernel, by turns; spread: the largest difference between two boots of one kernel"' "$file"
	echo
	echo "Calls, in the initial namespace, and what mainline's figure was multiplied by"
	cells "$file" calls "mainline init" "mainline init" "off init" "plain init" "plain busy" | print_cells "mainline,off,plain,busy"
	echo
	echo "Calls, in a time namespace, and what the figure of mainline's time namespace was multiplied by"
	cells "$file" calls "mainline follow" "mainline follow" "off follow" "plain follow" "plain beside" "plain own" "plain fast" |
		print_cells "mainline-ns,off-ns,follow,beside,own,fast"
	cat <<'END'

busy: plain, in the initial namespace while others exist, one of which owns its clock. mainline-ns, off-ns: a time namespace there.
follow: a namespace which follows the host, while nobody owns a clock. beside: the same while another namespace owns its clock.
own: one that owns its clock, a year ahead. fast: the same, 10 % faster by ADJ_TICK.
A sleep is counted from its call to its return, without the time in which the machine has nothing else to do: arming, changing
to another task, the interrupt, waking, changing back. "past" and "+1 us" find their time passed, but arm a timer as well.
"expires" is a wait for what was armed before the call. "cut short": another timer ends the sleep, whose timeout is cancelled.

The dearest call of each kind against mainline's: what its figure was multiplied by, and the instructions more
END
	kinds_table "$file"
	echo
	echo "One timer, while others are armed which expire before and after it"
	cells "$file" among "mainline init" "mainline init" "off init" "plain init" "plain own" | print_cells "mainline,off,plain,own"
	echo
	echo "A step by clock_settime(), and changes of the rate by ADJ_FREQUENCY and ADJ_TICK, in a namespace that owns its clock, with"
	echo "timers armed in it (a timer: what one of the largest number costs)"
	step_table "$file"
	echo
	echo "A step by clock_settime() which does not concern the timers, or concerns those of a namespace that follows"
	elsewhere_table "$file"
	echo
	echo "A step of the host by clock_settime() with timers of its own, and no other namespace"
	host_table "$file"
	echo
	echo "A step of the host by clock_settime() beside namespaces that follow, with timers on REALTIME in the initial namespace, in"
	echo "one follower, and one in each of 10,000 followers"
	followers_table "$file"
	echo
	echo "The first write to the clock of a namespace that followed: instructions of the call; how long it took, which is a grace"
	echo "period of RCU most of all; and the latest wakeup of a task which goes before all others meanwhile"
	switch_table "$file"
	echo
	if [[ $(jq -r .ok "$file") = true ]]; then
		echo "A step costs the same whether or not timers are armed where it does not reach (within $tolerance %)."
	elif [[ $(jq -r '.incomplete | length' "$file") != 0 ]]; then
		echo "INCOMPLETE: $(jq -r '.incomplete | unique | join(", ")' "$file")"
	else
		echo "A step COSTS MORE because of timers which it does not concern."
	fi
}

# Both scales are logarithmic, and zero timers are a line.
plot()
{
	local none

	jq -r '.steps[] | select(.group == "step" and .cells["plain real"] and .timers > 0)
		| [.timers, .cells["plain real"].value, .cells["plain mono"].value] | @tsv' "$1" > "$work/points"
	jq -r '.steps[] | select(.group == "step" and .cells["mainline host"] and .timers > 0)
		| [.timers, .cells["mainline host"].value] | @tsv' "$1" > "$work/host"
	none=$(jq -r '.steps[] | select(.group == "step" and .timers == 0) | .cells["plain real"].value' "$1")
	cat > "$work/plot" <<END
set title "clock_settime() in a time namespace that owns its clock" noenhanced
set xlabel "timers armed in it"
set ylabel "instructions"
set logscale xy
set grid
set key top left noenhanced
set format xy "10^{%T}"
set xrange [0.8:12500]
plot "$work/points" using 1:2 with linespoints lw 2 pt 7 title "on CLOCK_REALTIME", \\
	"$work/points" using 1:3 with linespoints lw 2 pt 5 title "on CLOCK_MONOTONIC", \\
	$none with lines dt 2 lc rgb "gray40" title "no timer", \\
	"$work/host" using 1:2 with lines dt 3 lc rgb "black" title "mainline kernel, no namespace"
END
	bench_plot timers-step "$work/plot" 800 500
}

type -P gnuplot > /dev/null || die "gnuplot is not installed (scripts/setup.sh)"
build_kernels
require_initramfs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: > "$work/figures"
mkdir -p "$OUT/bench"
rm -f "$OUT"/bench/timers.{txt,json} "$OUT"/bench/timers-step.{svg,png}
measure
bench_context icount "$(parameters)" "${kernels[@]}" > "$work/context"
bench_images > "$work/images"
summarize "$work/images" > "$work/details"
figures "$work/details" | bench_json timers "$work/context" "$work/details"
report "$OUT/bench/timers.json" > "$work/timers.txt"
cp "$work/timers.txt" "$OUT/bench/"
plot "$OUT/bench/timers.json"
cat "$OUT/bench/timers.txt"
say "written to $OUT/bench/: timers.txt, timers.json, timers-step.svg, timers-step.png"
[[ $(jq -r .ok "$OUT/bench/timers.json") = true ]]
