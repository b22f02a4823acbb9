#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Which goals do the results of the benchmarks meet?
#
# Reads ab.json, reads.json, tick.json, accuracy.json, writes.json, footprint.json and timers.json, and prints for each goal
# the figure, the goal, and "met", "NOT MET" or "missing"; the table also goes to goals.txt there, and all of it to goals.json.
# Exit status 1 when a goal is not met or a figure is missing; 2 when the results are refused: one is not what a benchmark
# writes, or they are of different runs, on another CPU or of another queue.
#
# What is counted by the instruction is compared exactly. Times, of which there are few, are compared with what repeated
# measurements of the same differ by: to be equal, the median of one has to be at most the other's and the larger of both
# spreads (lowest to highest of the runs' medians). To be below, it has to be below in each run: both were measured by turns
# there, and what changes from run to run changes both.
#
# A goal which is known to be missed stands in bench/missed with how far and why. It is "missed" in the table, with the reason
# below it, as long as it is no further off than that; then it is not met, as any other.
#
# usage: goals.sh [OPTION...]
#   --dir DIR          results there, not in out/bench
#   --allow-missing    a missing figure is shown, but no failure
#   --missed FILE      known misses there, not in bench/missed
#   --mixed            results of different runs are judged nevertheless, and the table says so
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

files=(ab reads tick accuracy writes footprint timers)
dir=$OUT/bench missed=$ROOT/bench/missed allow_missing=false mixed=false
while [[ $# -gt 0 ]]; do
	case $1 in
	--dir) need_value "$@"; dir=$2; shift 2 ;;
	--allow-missing) allow_missing=true; shift ;;
	--missed) need_value "$@"; missed=$2; shift 2 ;;
	--mixed) mixed=true; shift ;;
	-h | --help) print_usage; exit 0 ;;
	*) die "unknown argument '$1'" ;;
	esac
done

refuse()
{
	warn "error: $*"
	exit 2
}

# All results as one object: { ab: {...}, ... }. All are read at once; the first that is wrong is named.
collect()
{
	local name arguments=() said

	for name in "${files[@]}"; do
		[[ ! -f $dir/$name.json ]] || arguments+=(--slurpfile "$name" "$dir/$name.json")
	done
	if ! said=$(jq -n "${arguments[@]}" '
		$ARGS.named | with_entries(.key as $name
			| if (.value | length == 1 and (.[0] | type == "object" and .bench == $name
				and (.context | type == "object" and (.cpu | type == "string") and (.queue | type == "string"))
				and (.figures | type == "array" and length > 0
					and all(.[]; type == "object" and (.name | type == "string") and (.value | type == "number") and (.unit | type == "string"))
					and (map(.name) | length == (unique | length)))))
			  then .value |= .[0] else error("not a result: \($name)") end)' 2>&1 > "$work/all"); then
		name=$(sed -n -E 's/.*(not a result: |--slurpfile )([a-z]+).*/\2/p' <<< "$said")
		[[ -n $name ]] || die "jq: $said"
		refuse "'$dir/$name.json' is not a result of bench/$name.sh"
	fi
}

# Of each of the two keys: the values that occur, and where, a line each
differences()
{
	jq -r '. as $all | ("cpu", "queue") as $key
		| [to_entries[] | { file: "\(.key).json", value: .value.context[$key] }] | group_by(.value) | select(length > 1)
		| "\($key) differs: " + (map("\(.[0].value | if $key == "queue" then .[:12] else . end) in \(map(.file) | join(", "))") | join("; "))' "$1"
}

# known_misses FILE: as an object, by goal
known_misses()
{
	awk -F '\t' '/^(#|$)/ { next } NF != 3 || $2 !~ /^[0-9]+(\.[0-9]+)?$/ { exit 1 } { print }' "$1" > "$work/known" ||
		refuse "'$1': a line is not a goal, a number and a reason"
	jq -R -n '[inputs / "\t" | { key: .[0], value: { most: (.[1] | tonumber), why: .[2] } }] | from_entries' "$work/known"
}

judge()
{
	jq --argjson mixed "$mixed" --arg differences "$2" --argjson known "$3" '
		. as $all
		| def fig($file; $name; $unit):
			([$all[$file].figures // [] | .[] | select(.name == $name)] | .[0]) as $f
			| { file: "\($file).json", name: $name, unit: $unit }
			+ (if $f == null then { missing: true }
			   elif $f.unit != $unit then { missing: true, unit_found: $f.unit }
			   else { value: $f.value } end);
		# The median of a native reading, with its spread.
		def read($name; $where):
			fig("reads"; "\($name): \($where)"; "cycles")
			+ ([$all.reads.reads // [] | .[] | select(.name == $name) | .cells[$where]] | .[0]
				| if (.lowest | type) == "number" and (.highest | type) == "number" and (.runs | type) == "array" and (.runs | length > 0)
				  then { lowest, highest, runs } else { missing: true } end);
		def number: if . == floor then tostring elif fabs >= 100 then (. * 10 | round / 10 | tostring)
			else (. * 10000 | round / 10000 | tostring) end;
		# A row: value is made of the values of the figures in their order, and is at most (or at least, equal to, below) the limit.
		def row($goal; $figures; f; $test; $limit; $unit):
			([$figures[] | select(.missing)]) as $missing
			| { goal: $goal, figures: $figures, test: $test, limit: $limit, unit: $unit }
			+ (if ($missing | length) > 0 then { verdict: "missing" }
			   else
				# Of a figure that must not be zero, and is, nothing can be made.
				(try ($figures | f) catch null) as $v
				| { value: $v, verdict: (if $v != null and (($test == "<=" and $v <= $limit) or ($test == ">=" and $v >= $limit)
					or ($test == "=" and $v == $limit) or ($test == "<" and $v < $limit)) then "met"
					elif $v != null and $known[$goal] != null and $v <= $known[$goal].most then "missed" else "NOT MET" end) }
				| if .verdict == "missed" then .why = $known[$goal].why else . end end);
		# Figures in pairs: the largest of what the first is above the second.
		def excess: [range(0; length; 2) as $i | .[$i].value - .[$i + 1].value] | max;
		# And what the second was multiplied by to become the first.
		def ratio: [range(0; length; 2) as $i | .[$i].value / .[$i + 1].value] | max;
		["CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_BOOTTIME", "CLOCK_TAI", "CLOCK_MONOTONIC_RAW", "gettimeofday"] as $fine
		| ["CLOCK_REALTIME_COARSE", "CLOCK_MONOTONIC_COARSE", "time"] as $coarse
		| [
		row("host without own namespaces: tick, off mainline (median)";
			[fig("ab"; "tick: median: plain"; "instructions"), fig("ab"; "tick: median: mainline"; "instructions")];
			((.[0].value - .[1].value | fabs) * 100 / .[1].value); "<="; 0.5; "%"),
		# What it was before followers had no clock.
		row("host without own namespaces: tick, above mainline";
			[fig("ab"; "tick: median: plain"; "instructions"), fig("ab"; "tick: median: mainline"; "instructions")];
			excess; "<="; 11; "instructions"),
		row("host without own namespaces: arming a timerfd, of mainline\u0027s";
			[("REALTIME", "MONOTONIC") as $clock | ("abs", "rel") as $how | "arm timerfd_settime \($clock) \($how)"
			 | fig("timers"; "\(.): plain init"; "instructions"), fig("timers"; "\(.): mainline init"; "instructions")];
			ratio; "<="; 1.01; "times"),
		# What costs the host less than before is no breach.
		row("host: hres reads of the vDSO, above mainline";
			[$fine[] | fig("ab"; "vdso \(.): plain"; "instructions"), fig("ab"; "vdso \(.): mainline"; "instructions")];
			excess; "<="; 0; "instructions"),
		row("host: coarse reads and time(), above mainline";
			[$coarse[] | fig("ab"; "vdso \(.): plain"; "instructions"), fig("ab"; "vdso \(.): mainline"; "instructions")];
			excess; "<="; 2; "instructions"),
		(("", "32-bit ") as $bits
		| row("own namespace: \($bits)hres read, above host";
			[$fine[] | fig("reads"; "counted \($bits)\(.): plain own"; "instructions"),
			 fig("reads"; "counted \($bits)\(.): plain host"; "instructions")];
			# A page may be four seconds old: 2 instructions more, and 4 for each second that is carried over.
			excess; "<="; 10; "instructions")),
		row("own namespace: hres read, above mainline\u0027s in a namespace";
			[$fine[] | fig("reads"; "counted \(.): plain own"; "instructions"),
			 fig("ab"; "vdso in a time namespace \(.): mainline"; "instructions")];
			excess; "<"; 0; "instructions"),
		(("", "32-bit ") as $bits
		| row("following: \($bits)read, above mainline\u0027s in a namespace";
			[($fine + $coarse)[] | fig("reads"; "stepped \($bits)\(.): plain follow"; "instructions"),
			 fig("reads"; "stepped \($bits)\(.): mainline follow"; "instructions")];
			excess; "<="; 0; "instructions")),
		row("following, native: read, above mainline\u0027s and spread";
			[($fine + $coarse)[] | read(.; "plain follow"), read(.; "mainline follow")];
			[range(0; length; 2) as $i | .[$i] as $ours | .[$i + 1] as $theirs
				| $ours.value - $theirs.value - ([$ours, $theirs | .highest - .lowest] | max) | . * 1e6 | round / 1e6] | max; "<="; 0; "cycles"),
		row("own namespace: coarse read";
			[("REALTIME", "MONOTONIC") | fig("reads"; "counted CLOCK_\(.)_COARSE: plain own"; "instructions")];
			map(.value) | max; "<="; 60; "instructions"),
		row("own namespace: time()";
			[fig("reads"; "counted time: plain own"; "instructions")]; .[0].value; "<="; 20; "instructions"),
		row("own namespace, native: hres read, above host and spread";
			[$fine[] | read(.; "plain own"), read(.; "plain host")];
			[range(0; length; 2) as $i | .[$i] as $own | .[$i + 1] as $host
				# Hundredths are measured; less is made by the subtractions.
				| $own.value - $host.value - ([$own, $host | .highest - .lowest] | max) | . * 1e6 | round / 1e6] | max; "<="; 0; "cycles"),
		row("own namespace, native: hres read, above mainline\u0027s, each run";
			[$fine[] | read(.; "plain own"), read(.; "mainline follow")];
			[range(0; length; 2) as $i | [.[$i, $i + 1].runs] | transpose[] | .[0] - .[1]] | max; "<"; 0; "cycles"),
		row("own namespace, native: coarse read, of an hres read";
			[("REALTIME", "MONOTONIC") | read("CLOCK_\(.)_COARSE"; "plain own"), read("CLOCK_\(.)"; "plain own")];
			[range(0; length; 2) as $i | .[$i].value * 100 / .[$i + 1].value] | max; "<="; 50; "%"),
		row("own namespace: a step of the coarse clock, above host\u0027s";
			[fig("ab"; "coarse: own namespace: plain"; "ns"), fig("ab"; "coarse: host: plain"; "ns")];
			# By as much as the host may be steered.
			(.[0].value - .[1].value) * 1000000 / .[1].value; "<="; 500; "ppm"),
		row("1000 own namespaces: share of one CPU";
			[fig("tick"; "counted: share of one CPU, 1000 owners, 4 s"; "%")]; .[0].value; "<="; 0.03; "%"),
		row("1000 own namespaces: every tick, times as much";
			[fig("tick"; "counted: share of one CPU, 1000 owners, every tick"; "%"),
			 fig("tick"; "counted: share of one CPU, 1000 owners, 4 s"; "%")];
			if .[1].value > 0 then .[0].value / .[1].value else 0 end; ">="; 500; "times"),
		row("10,000 own namespaces: share of one CPU";
			[fig("tick"; "counted: share of one CPU, 10000 owners, 4 s"; "%")]; .[0].value; "<="; 0.1; "%"),
		(("hot", "cold") as $cache
		| row("10,000 leap seconds at once, native, \($cache): worst tick";
			[fig("tick"; "native \($cache): leap second of 10000 owners, worst tick"; "us")]; .[0].value; "<="; 10; "us")),
		row("there: reads that are wrong";
			[fig("tick"; "native: wrong reads around the leap second"; "reads")]; .[0].value; "="; 0; "reads"),
		row("there: reads that were looked at";
			[fig("tick"; "native: reads around the leap second"; "reads")]; .[0].value; ">="; 1; "reads"),
		(("follower", "follower beside an owner") as $where
		| ("sleeps", "futex", "poll and epoll", "timerfd", "POSIX timers", "io_uring", "others") as $kind
		| row("\($where): \($kind), of mainline\u0027s";
			[fig("timers"; "\($where), \($kind): of mainline\u0027s"; "ratio")]; .[0].value; "<="; 1.01; "times")),
		(("create", "enter", "leave", "destroy", "fork into", "exit of the last process") as $step
		| row("follower: \($step), of mainline\u0027s";
			[fig("footprint"; $step; "instructions"), fig("footprint"; "\($step), mainline"; "instructions")];
			ratio; "<="; 1.01; "times")),
		# The charge of a cgroup is exact to a page for each CPU, for thousands of namespaces; an object has eight bytes at least.
		row("follower: memory beyond mainline\u0027s";
			[fig("footprint"; "memory: namespace, follow, slabs"; "bytes"), fig("footprint"; "memory: namespace, mainline, slabs"; "bytes"),
			 fig("footprint"; "memory: namespace, follow"; "bytes"), fig("footprint"; "memory: namespace, mainline"; "bytes")];
			excess | round; "<="; 0; "bytes"),
		row("follower: struct time_namespace, above mainline\u0027s";
			[fig("footprint"; "size: struct time_namespace"; "bytes"), fig("footprint"; "size: struct time_namespace, mainline"; "bytes")];
			excess; "<="; 8; "bytes"),
		row("host clock_settime: more by 10,000 followers";
			[fig("timers"; "step, 10000 followers: plain many"; "instructions"), fig("timers"; "step, 0 followers: plain many"; "instructions")];
			excess; "<="; 0; "instructions"),
		# The first of two is what the timers add, to a call which costs what it does without them.
		row("host clock_settime: more by 10,000 timers in followers, above mainline\u0027s";
			[("step", "back") | fig("timers"; "\(.), 10000 followers: plain each"; "instructions"),
			 fig("timers"; "\(.), 0 followers: plain each"; "instructions"),
			 fig("timers"; "\(.), 10000 timers: mainline host"; "instructions"), fig("timers"; "\(.), 0 timers: mainline host"; "instructions")];
			[range(0; length; 4) as $i | .[$i].value - .[$i + 1].value - (.[$i + 2].value - .[$i + 3].value)] | max;
			"<="; 0; "instructions"),
		row("host clock_settime: 10,000 timers in followers, above mainline\u0027s";
			[("step", "back") | fig("timers"; "\(.), 10000 followers: plain each"; "instructions"),
			 fig("timers"; "\(.), 10000 timers: mainline host"; "instructions")];
			excess; "<="; 0; "instructions"),
		row("own clock_settime: change by 5000 other namespaces";
			[fig("writes"; "own clock_settime, 5000 others"; "instructions"), fig("writes"; "own clock_settime, 0 others"; "instructions")];
			((.[0].value - .[1].value | fabs) * 100 / .[1].value); "<="; 2; "%"),
		(([["an owner", "o-o"], ["a follower", "o-f"]][]) as $where
		| row("own clock_settime: more by 10,000 timers in \($where[0])";
			[fig("timers"; "step, 10000 timers: plain \($where[1])"; "instructions"), fig("timers"; "step, 0 timers: plain \($where[1])"; "instructions")];
			((.[0].value - .[1].value) * 100 / .[1].value); "<="; 2; "%")),
		row("own clock_settime: interrupts sent to other CPUs";
			[fig("writes"; "own clock_settime: interrupts sent to other CPUs"; "interrupts")];
			.[0].value; "="; 0; "interrupts"),
		# The namespace is charged to who makes it, the clock to who asks for it, who is here whoever holds a descriptor.
		(("own", "own, steered", "own, smearing") as $state
		| row("memory beyond mainline\u0027s, \($state)";
			[fig("footprint"; "memory: beyond mainline, \($state)"; "bytes"), fig("footprint"; "memory: descriptor of a namespace"; "bytes"),
			 fig("footprint"; "memory: descriptor of a namespace, mainline"; "bytes")];
			(.[0].value + .[1].value - .[2].value) | round; "<="; 2048; "bytes")),
		row("error between passes, one each 4 s";
			[fig("accuracy"; "tsc 2100 MHz, 4 s: worst error"; "ns")]; .[0].value; "<="; 5; "ns")
		] as $rows
		| { mixed: $mixed, differences: ($differences | split("\n") | map(select(length > 0))),
		    from: ($all | map_values(.context | { cpu, queue, repository })),
		    rows: ($rows | map(. + { shown: (if .value != null then "\(.value | number) \(.unit)" else "-" end),
			wanted: "\(.test) \(.limit | number) \(.unit)" })),
		    met: ([$rows[] | select(.verdict == "met")] | length), not_met: ([$rows[] | select(.verdict == "NOT MET")] | length),
		    missed: ([$rows[] | select(.verdict == "missed")] | length),
		    missing: ([$rows[] | select(.verdict == "missing")] | length) }' "$1"
}

# Rows, then lines as they are.
table()
{
	jq -r '(.rows[] | [.goal, .shown, .wanted, .verdict] | @tsv),
		"", "\(.met) met, \(.missed) missed as known, \(.not_met) not met, \(.missing) missing",
		(.rows[] | select(.verdict == "missed") | "missed: \(.goal): \(.why)"),
		(.from as $from | .rows[] | select(.verdict == "missing") | .figures[] | select(.missing)
			| "missing: \(.file)" + (if $from[.file | rtrimstr(".json")] == null then "" else ": \(.name)" end)
			+ (if .unit_found then " (in \(.unit_found) instead of \(.unit))" else "" end)),
		(select(.mixed) | "MIXED: judged although these may be results of different runs", (.differences[] | "MIXED: \(.)"))' "$1" |
		awk -F '\t' '
		BEGIN { printf "%-62s %22s   %-22s %s\n", "goal", "figure", "wanted", "" }
		NF == 4 { printf "%-62s %22s   %-22s %s\n", $1, $2, $3, $4; next }
		!/^missing: / || !seen[$0]++' | sed 's/ *$//'
}

[[ -d $dir ]] || die "no directory '$dir' (make bench)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -f "$dir"/goals.{txt,json}
collect
[[ $(head -c 2 "$work/all") != '{}' || $allow_missing = true ]] || die "no results in '$dir' (make bench)"
found=$(differences "$work/all")
[[ -z $found || $mixed = true ]] || refuse "results of different runs: $found (--mixed judges them nevertheless)"
known=$(known_misses "$missed")
judge "$work/all" "$found" "$known" > "$work/goals.json"
# A goal that is met, or that there is not, is no known miss.
stale=$(jq -r --argjson known "$known" '[.rows[].goal] as $goals | ($known | keys[] | select(. as $k | $goals | index($k) | not) | "no goal \u0027\(.)\u0027"),
	(.rows[] | select(.verdict == "met" and $known[.goal] != null) | "\u0027\(.goal)\u0027 is met")' "$work/goals.json")
[[ -z $stale ]] || refuse "'$missed': ${stale//$'\n'/, }"
table "$work/goals.json" > "$work/goals.txt"
cp "$work/goals.txt" "$work/goals.json" "$dir/"
cat "$dir/goals.txt"
read -r _ _ _ _ _ _ not_met _ _ missing _ < <(grep -E '^[0-9]+ met, ' "$dir/goals.txt")
[[ $not_met = 0 && ($missing = 0 || $allow_missing = true) ]]
