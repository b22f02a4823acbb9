#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Tests of bench/goals.sh, compare.sh, all.sh, publish.sh, page/page.py, timers.sh and lib.sh with results that are made up; and
# that the pages are those of the reference run. Results are KTAP.
#
# No kernel is built and none is booted.
#
# usage: bench-test.sh [rows|missed|missing|refusals|compare|contexts|json|sizes|timers|all|publish|page]...    only these
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=tests/ktap.sh
. "$ROOT/tests/ktap.sh"

groups=(rows missed missing refusals compare contexts json sizes timers all publish page)
for name in "$@"; do
	[[ " ${groups[*]} " = *" $name "* ]] || die "unknown argument '$name'"
done
[[ $# -eq 0 ]] || groups=("$@")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Results with which every goal is just met.
make_base()
{
	local dir=$1

	mkdir -p "$dir"
	jq -n '
		["CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_BOOTTIME", "CLOCK_TAI", "CLOCK_MONOTONIC_RAW", "gettimeofday"] as $fine
		| ["CLOCK_REALTIME_COARSE", "CLOCK_MONOTONIC_COARSE", "time"] as $coarse
		| def f($name; $value; $unit): { name: $name, value: $value, unit: $unit };
		def i($name; $value): f($name; $value; "instructions");
		{ cpu: "a CPU", cpus: 2, accelerator: "native", parameters: { rounds: 2, list: [1, 2] },
		  kernels: { plain: { release: "6.12-timens", fragments: ["base", "timens"], config_sha256: "c" } },
		  repository: "r", queue: "q" } as $context
		| {
		ab: { figures: [i("tick: median: plain"; 2211), i("tick: median: mainline"; 2200),
			($fine[] | i("vdso \(.): plain"; 46), i("vdso \(.): mainline"; 46), i("vdso in a time namespace \(.): mainline"; 47)),
			($coarse[] | i("vdso \(.): plain"; 36), i("vdso \(.): mainline"; 34)),
			f("coarse: own namespace: plain"; 1000500; "ns"), f("coarse: host: plain"; 1000000; "ns")] },
		reads: (
			# By name and place: median, lowest, highest; the runs are these.
			[($fine[] | [., "plain own", 80, 79.5, 80.5], [., "plain host", 78.5, 78, 79.5], [., "mainline follow", 81, 80.1, 90], [., "plain follow", 85, 84, 86]),
			 ($coarse[] | [., "plain own", 40, 40, 40], [., "mainline follow", 30, 29, 30], [., "plain follow", 31, 31, 31])] as $reads
			| { figures: [($reads[] | f("\(.[0]): \(.[1])"; .[2]; "cycles")),
				(("", "32-bit ") as $bits | ($fine + $coarse)[] | i("stepped \($bits)\(.): plain follow"; 70), i("stepped \($bits)\(.): mainline follow"; 70)),
				($coarse[] | i("counted \(.): plain own"; if . == "time" then 20 else 60 end)),
				(("", "32-bit ") as $bits | $fine[] | i("counted \($bits)\(.): plain own"; 46), i("counted \($bits)\(.): plain host"; 46))],
			    reads: ($reads | group_by(.[0]) | map({ name: .[0][0],
				cells: (map({ key: .[1], value: { median: .[2], lowest: .[3], highest: .[4], runs: .[2:] } }) | from_entries) })) }),
		tick: { figures: [f("counted: share of one CPU, 1000 owners, 4 s"; 0.03; "%"),
			f("counted: share of one CPU, 1000 owners, every tick"; 15; "%"),
			f("counted: share of one CPU, 10000 owners, 4 s"; 0.1; "%"),
			f("native hot: leap second of 10000 owners, worst tick"; 10; "us"),
			f("native cold: leap second of 10000 owners, worst tick"; 10; "us"),
			f("native: wrong reads around the leap second"; 0; "reads"), f("native: reads around the leap second"; 1; "reads")] },
		accuracy: { figures: [f("tsc 2100 MHz, 4 s: worst error"; 5; "ns")] },
		writes: { figures: [i("own clock_settime, 0 others"; 5000), i("own clock_settime, 5000 others"; 5100),
			f("own clock_settime: interrupts sent to other CPUs"; 0; "interrupts")] },
		footprint: { figures: [(("own", "own, steered", "own, smearing") | f("memory: beyond mainline, \(.)"; 8; "bytes")),
			f("memory: descriptor of a namespace"; 3040; "bytes"), f("memory: descriptor of a namespace, mainline"; 1000; "bytes"),
			(("create", "enter", "leave", "destroy", "fork into", "exit of the last process") | i(.; 1010), i("\(.), mainline"; 1000)),
			f("memory: namespace, follow"; 4199.6; "bytes"), f("memory: namespace, mainline"; 4199.2; "bytes"),
			f("memory: namespace, follow, slabs"; 104.4; "bytes"), f("memory: namespace, mainline, slabs"; 104; "bytes"),
			f("size: struct time_namespace"; 96; "bytes"), f("size: struct time_namespace, mainline"; 88; "bytes")] },
		timers: { figures: [(("o-o", "o-f") | i("step, 0 timers: plain \(.)"; 5000), i("step, 10000 timers: plain \(.)"; 5100)),
			(("REALTIME", "MONOTONIC") as $clock | ("abs", "rel") as $how | "arm timerfd_settime \($clock) \($how)"
				| i("\(.): plain init"; 1010), i("\(.): mainline init"; 1000)),
			(("follower", "follower beside an owner") as $where
				| ("sleeps", "futex", "poll and epoll", "timerfd", "POSIX timers", "io_uring", "others")
				| f("\($where), \(.): of mainline\u0027s"; 1.01; "ratio")),
			(("0", "10000") | i("step, \(.) followers: plain many"; 5000)),
			(("step", "back") | i("\(.), 0 followers: plain each"; 3980), i("\(.), 10000 followers: plain each"; 4000),
				i("\(.), 0 timers: mainline host"; 3980), i("\(.), 10000 timers: mainline host"; 4000))] }
		} | to_entries[] | { bench: .key, context: $context } + .value' > "$work/results"
	jq -r .bench "$work/results" > "$work/names"
	while read -r name; do
		jq --arg name "$name" 'select(.bench == $name)' "$work/results" > "$dir/$name.json"
	done < "$work/names"
}

fresh()
{
	rm -rf "$work/dir"
	cp -r "$base" "$work/dir"
}

# change FILE FILTER [ARGUMENT...]: that result in the directory, changed
change()
{
	local file=$work/dir/$1.json filter=$2
	shift 2

	jq "$@" "$filter" "$file" > "$work/changed"
	cmp -s "$work/changed" "$file" && die "'$filter' changes nothing in $file"
	mv "$work/changed" "$file"
}

set_figure()
{
	# shellcheck disable=SC2016
	change "$1" '(.figures[] | select(.name == $name) | .value) = $value' --arg name "$2" --argjson value "$3"
}

# shellcheck disable=SC2120
goals()
{
	"$ROOT/bench/goals.sh" --dir "$work/dir" --missed "$work/missed" "$@"
}

# row GOAL FILE FIGURE VALUE: with that value, exactly that goal is not met.
row()
{
	fresh
	set_figure "$2" "$3" "$4"
	judge_row "$1" "$3 = $4"
}

# row_changed GOAL FILE FILTER: the same where it takes more than one value.
row_changed()
{
	fresh
	change "$2" "$3"
	judge_row "$1" "$3"
}

judge_row()
{
	expect "goals: $1: $2" 1 '^[0-9]+ met, 0 missed as known, 1 not met, 0 missing$' goals
	cp "$work/dir/goals.txt" "$work/first"
	expect "goals: that is the row" 0 "^$1 .* NOT MET\$" cat "$work/first"
}

test_rows()
{
	local own='own namespace' without='host without own namespaces' clock where kind step

	fresh
	expect "goals: all just met" 0 '^57 met, 0 missed as known, 0 not met, 0 missing$' goals
	expect "goals: goals.json is a result too" 0 '^57$' jq '.rows | map(select(.verdict == "met")) | length' "$work/dir/goals.json"
	expect "goals: goals.txt is what was printed" 0 '^57 met' cat "$work/dir/goals.txt"

	row_changed "$without: tick, off mainline \(median\)" ab '.figures[0].value = 2111 | .figures[1].value = 2100'
	row "$without: tick, off mainline \(median\)" ab "tick: median: plain" 2188
	row_changed "$without: tick, above mainline" ab '.figures[0].value = 4412 | .figures[1].value = 4400'
	for clock in "REALTIME abs" "REALTIME rel" "MONOTONIC abs" "MONOTONIC rel"; do
		row "$without: arming a timerfd, of mainline's" timers "arm timerfd_settime $clock: plain init" 1011
	done
	for clock in CLOCK_REALTIME gettimeofday; do
		row "host: hres reads of the vDSO, above mainline" ab "vdso $clock: plain" 47
		fresh
		set_figure ab "vdso $clock: plain" 45
		expect "goals: $clock cheaper than mainline's is met" 0 '^57 met' goals
	done
	row "host: coarse reads and time\(\), above mainline" ab "vdso CLOCK_MONOTONIC_COARSE: plain" 37
	row "host: coarse reads and time\(\), above mainline" ab "vdso time: plain" 37
	row "$own: hres read, above host" reads "counted CLOCK_MONOTONIC_RAW: plain host" 35.9
	row "$own: 32-bit hres read, above host" reads "counted 32-bit CLOCK_TAI: plain own" 56.1
	row "$own: hres read, above mainline's in a namespace" ab "vdso in a time namespace CLOCK_BOOTTIME: mainline" 46
	row "following: read, above mainline's in a namespace" reads "stepped CLOCK_REALTIME: plain follow" 71
	row "following: read, above mainline's in a namespace" reads "stepped time: mainline follow" 69
	row "following: 32-bit read, above mainline's in a namespace" reads "stepped 32-bit gettimeofday: plain follow" 71
	row "following, native: read, above mainline's and spread" reads "CLOCK_TAI: plain follow" 91
	row "following, native: read, above mainline's and spread" reads "time: plain follow" 31.1
	row "$own: coarse read" reads "counted CLOCK_MONOTONIC_COARSE: plain own" 61
	row "$own: time\(\)" reads "counted time: plain own" 21
	row "$own, native: hres read, above host and spread" reads "CLOCK_MONOTONIC: plain host" 78.4
	row_changed "$own, native: hres read, above mainline's, each run" reads \
		'(.reads[] | select(.name == "CLOCK_BOOTTIME") | .cells["mainline follow"].runs[2]) = 80.5'
	row_changed "$own, native: hres read, above mainline's, each run" reads \
		'(.reads[] | select(.name == "CLOCK_BOOTTIME") | .cells["mainline follow"].runs) |= .[:2]'
	row "$own, native: coarse read, of an hres read" reads "CLOCK_REALTIME_COARSE: plain own" 40.1
	row "$own, native: coarse read, of an hres read" reads "CLOCK_MONOTONIC_COARSE: plain own" 40.1
	row "$own: a step of the coarse clock, above host's" ab "coarse: own namespace: plain" 1000501
	row_changed "1000 own namespaces: share of one CPU" tick '.figures[0].value = 0.0301 | .figures[1].value = 26'
	row "1000 own namespaces: every tick, times as much" tick "counted: share of one CPU, 1000 owners, every tick" 14.99
	row "1000 own namespaces: every tick, times as much" tick "counted: share of one CPU, 1000 owners, 4 s" 0
	row "10,000 own namespaces: share of one CPU" tick "counted: share of one CPU, 10000 owners, 4 s" 0.1001
	row "10,000 leap seconds at once, native, hot: worst tick" tick "native hot: leap second of 10000 owners, worst tick" 10.01
	row "10,000 leap seconds at once, native, cold: worst tick" tick "native cold: leap second of 10000 owners, worst tick" 10.01
	row "there: reads that are wrong" tick "native: wrong reads around the leap second" 1
	row "there: reads that were looked at" tick "native: reads around the leap second" 0
	row "own clock_settime: change by 5000 other namespaces" writes "own clock_settime, 5000 others" 5101
	row "own clock_settime: change by 5000 other namespaces" writes "own clock_settime, 5000 others" 4899
	row "own clock_settime: more by 10,000 timers in an owner" timers "step, 10000 timers: plain o-o" 5101
	row "own clock_settime: more by 10,000 timers in a follower" timers "step, 10000 timers: plain o-f" 5101
	row "own clock_settime: interrupts sent to other CPUs" writes "own clock_settime: interrupts sent to other CPUs" 1
	row "memory beyond mainline's, own" footprint "memory: beyond mainline, own" 9
	row "memory beyond mainline's, own, steered" footprint "memory: beyond mainline, own, steered" 9
	row "memory beyond mainline's, own, smearing" footprint "memory: beyond mainline, own, smearing" 9
	for where in follower "follower beside an owner"; do
		for kind in sleeps futex "poll and epoll" timerfd "POSIX timers" io_uring others; do
			row "$where: $kind, of mainline's" timers "$where, $kind: of mainline's" 1.0101
		done
	done
	for step in create enter leave destroy "fork into" "exit of the last process"; do
		row "follower: $step, of mainline's" footprint "$step" 1011
	done
	row "follower: memory beyond mainline's" footprint "memory: namespace, follow" 4200
	row "follower: memory beyond mainline's" footprint "memory: namespace, follow, slabs" 112
	row "follower: struct time_namespace, above mainline's" footprint "size: struct time_namespace" 104
	row "host clock_settime: more by 10,000 followers" timers "step, 10000 followers: plain many" 5001
	for step in step back; do
		row "host clock_settime: more by 10,000 timers in followers, above mainline's" timers "$step, 0 followers: plain each" 3979
		row_changed "host clock_settime: 10,000 timers in followers, above mainline's" timers \
			"(.figures[] | select(.name | test(\"^$step, .* followers: plain each\")) | .value) += 1"
	done
	row "error between passes, one each 4 s" accuracy "tsc 2100 MHz, 4 s: worst error" 5.01
	row_changed "$without: tick, off mainline \(median\)" ab '.figures[0].value = 1 | .figures[1].value = 0'
}

# missing FILE ROWS: without that result, so many rows are missing.
missing()
{
	fresh
	rm "$work/dir/$1.json"
	expect "goals: without $1.json" 1 "^[0-9]+ met, 0 missed as known, 0 not met, $2 missing\$" goals
	expect "goals: it is named" 0 "^missing: $1.json\$" cat "$work/dir/goals.txt"
}

# One that is known to be missed, no further than that
test_missed()
{
	local goal='10,000 own namespaces: share of one CPU' figure='counted: share of one CPU, 10000 owners, 4 s'

	printf '# a comment\n%s\t0.2\tit has a reason\n' "$goal" > "$work/missed"
	fresh
	set_figure tick "$figure" 0.2
	expect "goals: a known miss" 0 '^56 met, 1 missed as known, 0 not met, 0 missing$' goals
	expect "goals: it is no goal that is met" 0 "^$goal .* missed\$" cat "$work/dir/goals.txt"
	expect "goals: with its reason" 0 "^missed: $goal: it has a reason\$" cat "$work/dir/goals.txt"
	set_figure tick "$figure" 0.2001
	expect "goals: missed by more than is known" 1 '^56 met, 0 missed as known, 1 not met, 0 missing$' goals
	set_figure tick "$figure" 0.1
	expect "goals: a known miss that is met" 2 "'.*/missed': '$goal' is met" goals
	printf 'another goal\t1\tit has a reason\n' > "$work/missed"
	expect "goals: a known miss of no goal" 2 "'.*/missed': no goal 'another goal'" goals
	printf '%s 0.2 it has no tabs\n' "$goal" > "$work/missed"
	expect "goals: no list of misses" 2 "a line is not a goal, a number and a reason" goals
	: > "$work/missed"
}

test_missing()
{
	missing ab 6
	missing reads 11
	missing tick 7
	missing accuracy 1
	missing writes 2
	missing footprint 11
	missing timers 20
	fresh
	rm "$work/dir/accuracy.json"
	expect "goals: missing, and allowed" 0 '^error between passes, one each 4 s .* missing$' goals --allow-missing
	set_figure ab "vdso time: plain" 37
	expect "goals: missing is allowed, but not met is not" 1 '^55 met, 0 missed as known, 1 not met, 1 missing$' goals --allow-missing

	fresh
	change tick '.figures |= map(select(.name != "native: reads around the leap second"))'
	expect "goals: one figure is missing" 1 '^missing: tick.json: native: reads around the leap second$' goals
	expect "goals: and only that" 1 '^56 met, 0 missed as known, 0 not met, 1 missing$' goals
	fresh
	change accuracy '.figures[0].unit = "us"'
	expect "goals: another unit" 1 '^missing: accuracy.json: tsc 2100 MHz, 4 s: worst error \(in us instead of ns\)$' goals
	fresh
	change reads 'del(.reads[] | select(.name == "CLOCK_TAI") | .cells["plain own"].lowest)'
	expect "goals: a native figure without its spread" 1 '^missing: reads.json: CLOCK_TAI: plain own$' goals
	fresh
	change reads '(.reads[] | select(.name == "gettimeofday") | .cells["mainline follow"].runs) = []'
	expect "goals: a native figure without its runs" 1 '^missing: reads.json: gettimeofday: mainline follow$' goals

	rm -rf "$work/dir"
	expect "goals: no directory" 1 "no directory '$work/dir'" goals
	mkdir "$work/dir"
	expect "goals: no results" 1 'no results in' goals
	expect "goals: no results, allowed" 0 '^0 met, 0 missed as known, 0 not met, 57 missing$' goals --allow-missing
}

test_refusals()
{
	local key

	for key in cpu queue; do
		fresh
		change timers ".context.$key = \"another\""
		: > "$work/dir/goals.txt"
		expect "goals: another $key" 2 "$key differs: .*another in timers.json" goals
		expect "goals: no table of another $key is left" 1 '' test -e "$work/dir/goals.txt"
		expect "goals: another $key, mixed" 0 "^MIXED: $key differs: .*another in timers.json" goals --mixed
		expect "goals: it is judged" 0 '^57 met' goals --mixed
	done
	fresh
	change timers '.context.repository = "another"'
	expect "goals: another repository is no other run" 0 '^57 met' goals
	expect "goals: --mixed says so even where nothing differs" 0 '^MIXED: judged' goals --mixed

	refused 'no JSON' "echo '{ \"bench\": ' > \"\$file\""
	refused 'an empty file' ": > \"\$file\""
	refused 'two results in a file' "cat \"$base/tick.json\" >> \"\$file\""
	refused 'no object' "echo '[]' > \"\$file\""
	refused 'the result of another benchmark' "cp \"$base/ab.json\" \"\$file\""
	refused 'no context' "change tick 'del(.context)'"
	refused 'no CPU' "change tick 'del(.context.cpu)'"
	refused 'no queue' "change tick 'del(.context.queue)'"
	refused 'no figures' "change tick '.figures = []'"
	refused 'a figure that is no number' "change tick '.figures[0].value = \"1\"'"
	refused 'a figure without a unit' "change tick 'del(.figures[0].unit)'"
	refused 'a figure without a name' "change tick 'del(.figures[0].name)'"
	refused 'a figure twice' "change tick '.figures += [.figures[0]]'"
	expect "goals: unknown argument" 1 "unknown argument '--all'" "$ROOT/bench/goals.sh" --all
	expect "goals: --dir without a value" 1 "option '--dir' needs a value" "$ROOT/bench/goals.sh" --dir
	expect "goals: --help" 0 '^usage: goals.sh' "$ROOT/bench/goals.sh" --help
}

# refused WHAT COMMAND: tick.json, after that command, is refused by both and named
refused()
{
	local file=$work/dir/tick.json

	fresh
	eval "$2"
	expect "goals: $1" 2 "'$work/dir/tick.json' is not a result of bench/tick.sh" goals --allow-missing
	[[ $1 != 'the result of another benchmark' && $1 != 'no CPU' && $1 != 'no queue' ]] || return 0
	expect "compare: $1" 2 "'$work/dir/tick.json' is not a result" "$ROOT/bench/compare.sh" "$base" "$work/dir"
}

compare()
{
	"$ROOT/bench/compare.sh" "$@"
}

# A file of a directory against the base.
compare_file()
{
	local name=$1
	shift
	compare "$@" "$base/$name.json" "$work/dir/$name.json"
}

test_compare()
{
	fresh
	expect "compare: a file with itself" 0 '^7 figures compared, beyond 1 %: 0 worse, 0 better, 0 different; 0 only old, 0 only new$' compare_file tick --fail
	expect "compare: directories" 0 '^[0-9]+ figures compared, beyond 1 %: 0 worse, 0 better, 0 different; 0 only old, 0 only new$' compare --fail "$base" "$work/dir"
	: > "$work/dir/goals.json"
	expect "compare: the table of goals is no result" 0 '!only (old|new):' compare "$base" "$work/dir"

	set_figure writes "own clock_settime, 0 others" 5050
	expect "compare: at the tolerance" 0 'own clock_settime, 0 others +instructions +5000 +5050 +\+50 +\+1\.00 %$' compare_file writes --fail
	set_figure writes "own clock_settime, 0 others" 5051
	expect "compare: just beyond it" 0 'own clock_settime, 0 others +instructions +5000 +5051 +\+51 +\+1\.02 % +WORSE$' compare_file writes
	expect "compare: just beyond it, --fail" 1 '1 worse, 0 better' compare_file writes --fail
	expect "compare: directories, --fail" 1 '1 worse, 0 better' compare --fail "$base" "$work/dir"
	expect "compare: another tolerance" 0 '0 worse' compare_file writes --fail --tolerance 1.02
	expect "compare: a smaller tolerance" 1 '1 worse' compare_file writes --fail --tolerance 1.01
	set_figure writes "own clock_settime, 0 others" 4950
	expect "compare: less, at the tolerance" 0 ' -50 +-1\.00 %$' compare_file writes
	set_figure writes "own clock_settime, 0 others" 4949
	expect "compare: less, beyond it" 0 ' -51 +-1\.02 % +better$' compare_file writes --fail
	set_figure writes "own clock_settime: interrupts sent to other CPUs" 1
	expect "compare: something of nothing" 1 'interrupts +0 +1 +\+1 +WORSE$' compare_file writes --fail --tolerance 100

	fresh
	set_figure tick "native: reads around the leap second" 2
	expect "compare: more that is not known to be worse" 1 '\+100\.00 % +DIFFERS$' compare_file tick --fail
	set_figure tick "native: reads around the leap second" 0.5
	expect "compare: less that is not known to be better" 1 '-50\.00 % +DIFFERS$' compare_file tick --fail
	fresh
	set_figure tick "native: wrong reads around the leap second" 3
	expect "compare: wrong reads are worse" 1 'wrong reads .* WORSE$' compare_file tick --fail

	fresh
	change writes '.figures[0].name = "new figure"'
	expect "compare: a figure that is new" 0 'new figure +instructions +- +5000 +only new$' compare_file writes
	expect "compare: a figure that is gone" 0 'own clock_settime, 0 others +instructions +5000 +- +only old$' compare_file writes
	expect "compare: a figure that is gone, --fail" 1 '1 only old, 1 only new' compare_file writes --fail
	fresh
	change writes '.figures += [{ name: "new figure", value: 1, unit: "ns" }]'
	expect "compare: a figure that is new is no failure" 0 '0 only old, 1 only new' compare_file writes --fail
	fresh
	change writes '.figures[0].unit = "cycles"'
	expect "compare: another unit" 2 'the unit of own clock_settime, 0 others: instructions and cycles' compare_file writes --force

	fresh
	rm "$work/dir/tick.json"
	expect "compare: a result that is gone" 0 '^only old: tick.json$' compare "$base" "$work/dir"
	expect "compare: a result that is gone, --fail" 1 '^only old: tick.json$' compare --fail "$base" "$work/dir"
	expect "compare: a result that is new" 0 '^only new: tick.json$' compare --fail "$work/dir" "$base"
	mkdir -p "$work/other"
	expect "compare: nothing in common" 1 'no result is in both' compare "$base" "$work/other"
	expect "compare: a file and a directory" 1 'not two files and not two directories' compare "$base" "$work/dir/ab.json"
	expect "compare: what is not there" 1 'not two files and not two directories' compare "$base" "$work/none"
}

# context WHAT FILTER KEY: with that change of a context, nothing is compared; the message names the key.
context()
{
	fresh
	change ab "$2"
	expect "compare: $1" 2 "ab depends on different things: $3" compare "$base" "$work/dir"
	expect "compare: $1, nothing is compared" 2 '!figures compared' compare_file ab
	expect "compare: $1, --force" 0 "^  ab: $3" compare --force --fail "$base" "$work/dir"
	expect "compare: $1, --force says so" 0 '^FORCED' compare_file ab --force
}

test_contexts()
{
	context "another CPU" '.context.cpu = "another"' 'cpu: "a CPU" and "another"'
	context "another accelerator" '.context.accelerator = "tcg"' 'accelerator: "native" and "tcg"'
	context "another configuration" '.context.kernels.plain.config_sha256 = "d"' 'kernels.plain.config_sha256: "c" and "d"'
	context "another parameter" '.context.parameters.rounds = 3' 'parameters.rounds: 2 and 3'
	context "a parameter more" '.context.parameters.more = false' 'parameters.more: none and false'
	context "a parameter less" 'del(.context.parameters.rounds)' 'parameters.rounds: 2 and none'
	context "another element of a list" '.context.parameters.list[1] = 3' 'parameters.list.1: 2 and 3'
	context "an empty list" '.context.parameters.list = []' 'parameters.list: none and \[\]'
	context "null instead of nothing" '.context.qemu = null' 'qemu: none and null'
	context "another benchmark" '.bench = "other"' 'bench: "ab" and "other"'
	fresh
	change ab '.context.queue = "p" | .context.repository = "s"'
	expect "compare: another queue and repository are what it is for" 0 '!FORCED' compare --fail "$base" "$work/dir"

	expect "compare: unknown option" 1 "unknown argument '--all'" compare --all a b
	expect "compare: one argument" 1 'not 1 \(--help\)' compare a
	expect "compare: three arguments" 1 'not 3 \(--help\)' compare a b c
	expect "compare: tolerance" 1 "'1%' is not a number" compare --tolerance 1% a b
	expect "compare: negative tolerance" 1 "'-1' is not a number" compare --tolerance -1 a b
	expect "compare: tolerance without a value" 1 "'--tolerance' needs a value" compare --tolerance
	expect "compare: --help" 0 '^usage: compare.sh' compare --help
}

# json NAME LINES: bench_json with these figures
json()
{
	# shellcheck disable=SC2016
	OUT=$work/out bash -c '
		set -euo pipefail
		. "$0/scripts/lib.sh"
		. "$0/scripts/queue.sh"
		. "$0/bench/lib.sh"
		printf "%b" "$2" | bench_json "$1" "$3" ${4:+"$4"}' "$ROOT" "$1" "$2" "$work/context" "${3:-}"
}

test_json()
{
	local result=$work/out/bench/good.json

	echo '{ "cpu": "a CPU", "queue": "q" }' > "$work/context"
	echo '{ "more": [1] }' > "$work/details"
	expect "bench_json: two figures" 0 '' json good '1\tns\ta\n2.5\tcycles\tb, c: d\n' "$work/details"
	expect "bench_json: what it writes" 0 '^\{"bench":"good","context":\{"cpu":"a CPU","queue":"q"\},"figures":\[\{"name":"a","value":1,"unit":"ns"\},\{"name":"b, c: d","value":2.5,"unit":"cycles"\}\],"more":\[1\]\}$' jq -c . "$result"
	expect "bench_json: a figure twice" 1 'good: the figures are not complete' json good '1\tns\ta\n2\tns\ta\n'
	expect "bench_json: no figures" 1 'good: the figures are not complete' json good ''
	expect "bench_json: a figure that could not be measured" 1 'good: the figures are not complete' json good '1\tns\ta\n-\tns\tb\n'
	expect "bench_json: an empty value" 1 'good: the figures are not complete' json good '\tns\ta\n'
	expect "bench_json: the result before is kept" 0 '"more"' cat "$result"
}

# sizes LINE...: structure_sizes of objects which were compiled with the command in $work/sizes/obj/a/.x.o.cmd
sizes()
{
	# shellcheck disable=SC2016
	printf '%s\n' "$@" | bash -c '
		set -euo pipefail
		. "$0/scripts/lib.sh"
		. "$0/bench/lib.sh"
		structure_sizes "$1/obj" "$1/src"' "$ROOT" "$work/sizes"
}

test_sizes()
{
	local dir=$work/sizes

	mkdir -p "$dir"/{obj,src}/a
	echo 'struct other { char c[3]; };' > "$dir/src/a/x.h"
	printf '%s\n' '#include "x.h"' 'struct one { int i; char c[MANY]; const char *name; };' 'const char *name = NAME;' > "$dir/src/a/x.c"
	# shellcheck disable=SC2028
	echo "savedcmd_a/x.o := gcc -Wp,-MMD,a/.x.o.d -Wmissing-prototypes -Werror -DMANY=9 -DNAME='\"x y\"' -c -o a/x.o ../src/a/x.c  ; false a/x.o" > "$dir/obj/a/.x.o.cmd"
	expect "sizes: a structure of a source" 0 '^size one 24$' sizes 'a/x one'
	expect "sizes: one of its header, too" 0 '^size other 3$' sizes 'a/x	one other'
	expect "sizes: a structure which is not there" 1 'error: not compiled as the build did: a/x, for the size of: one two$' sizes 'a/x one two'
	expect "sizes: a source which is not built" 1 "error: no $dir/obj/a/.y.o.cmd: it is not built" sizes 'a/x one' 'a/y one'
	expect "sizes: nothing of the build is touched" 0 '^1$' bash -c "find '$dir/obj' -type f | wc -l"
}

# A repository with bench/timers.sh, whose machine takes its figures from $work/timers/facts: lines of kernel, round and fact
make_machine()
{
	local name

	machine=$work/timers
	rm -rf "$machine"
	mkdir -p "$machine"/{bench,scripts,configs,build}
	cp "$ROOT"/bench/{timers,lib}.sh "$machine/bench/"
	cp "$ROOT/scripts/lib.sh" "$machine/scripts/"
	cp "$ROOT/configs/sets" "$machine/configs/"
	echo 'queue_digest() { echo q; }' > "$machine/scripts/queue.sh"
	touch "$machine/build/initramfs.cpio" "$machine/image"
	# shellcheck disable=SC2016
	printf '%s\n' '#!/bin/bash' 'echo "QEMU emulator version 7.2"' > "$machine/qemu"
	# shellcheck disable=SC2016
	printf '%s\n' '#!/bin/bash' 'while [[ $# -gt 0 ]]; do' 'case $1 in --config) name=$2 ;; --out) dir=$2 ;; esac' 'shift 2' 'done' \
		'mkdir -p "$dir/files"' 'echo "qemu -cpu max -icount shift=0 -smp 1 -x" > "$dir/cmdline"' \
		'sed -n "s/^$name ${dir##*-} //p" "${0%/*}/../facts" > "$dir/files/timer-cost.facts"' > "$machine/scripts/boot.sh"
	chmod +x "$machine"/{qemu,scripts/boot.sh}
	for name in mainline plain; do
		mkdir -p "$machine/build/obj-$name/include/config"
		touch "$machine/build/obj-$name/.config"
		echo "6.12-$name" > "$machine/build/obj-$name/include/config/kernel.release"
	done
	{
		made_up mainline 1 -mainline 0
		made_up mainline 2 -mainline 0
		made_up plain 1 '' 1
		made_up plain 2 '' 1
	} > "$machine/facts"
}

# made_up KERNEL ROUND TAG FEATURE: facts of one boot. The second call of a kind is 10 dearer on plain, beside an owner 20.
made_up()
{
	local call state value n=0 where

	printf '%s\n' "timers.release 6.12$3-timens" "timers.feature $4" | sed "s/^/$1 $2 /"
	for call in "nanosleep a" "clock_nanosleep b" "futex a" "futex b" "poll a" "epoll b" "timerfd a" "timerfd_b c" "timer a" "timer_b c" \
		"io_uring a" "io_uring b" "setitimer a" "itimer b" "rt_sig a" "mq_a b"; do
		n=$((n + 1))
		for state in init follow busy beside own fast; do
			[[ $1 = plain || $state = init || $state = follow ]] || continue
			value=1000
			[[ $1 = mainline || $((n % 2)) = 1 ]] || value=1010
			[[ $state != beside || $((n % 2)) = 1 ]] || value=1020
			echo "$1 $2 arm $state $value $call"
		done
	done
	for state in init own; do
		echo "$1 $2 among $state 1000 arm 0"
	done
	for where in step back; do
		for state in host many each f-real f-mono real mono o-o o-f h-o; do
			[[ $1 = plain || ! $state =~ ^(real|mono|.-o)$ ]] || continue
			for n in 0 10000; do
				echo "$1 $2 $where $state $((5000 + n / 1000)) $n"
			done
		done
	done
	[[ $1 = plain ]] || return 0
	for state in none initial cancel inside; do
		for where in call passed longest; do
			echo "$1 $2 switch $state 7000 $where"
		done
	done
}

timers()
{
	OUT=$machine/out BUILD=$machine/build QEMU_UP=$machine/qemu QEMU=$machine/qemu "$machine/bench/timers.sh" \
		--without-off --kernel "mainline=$machine/image" --kernel "plain=$machine/image"
}

# without WHAT PATTERN SED: facts which SED has changed are not complete
without()
{
	make_machine
	sed -i -E "$3" "$machine/facts"
	expect "timers: $1" 1 "^INCOMPLETE: .*$2" timers
}

test_timers()
{
	local json

	make_machine
	json=$machine/out/bench/timers.json
	expect "timers: made-up figures" 0 '^A step costs the same' timers
	expect "timers: the dearest call of a kind" 0 '^  timerfd +1\.010 +\+10 +1\.010 +\+10 +1\.020 +\+20 +timerfd_b c$' cat "$machine/out/bench/timers.txt"
	expect "timers: of a follower" 0 '^1.01$' jq '.figures[] | select(.name == "follower, timerfd: of mainline\u0027s").value' "$json"
	expect "timers: of one beside an owner" 0 '^1.02$' jq '.figures[] | select(.name == "follower beside an owner, others: of mainline\u0027s").value' "$json"
	expect "timers: of the initial namespace" 0 '^1.01$' jq '.figures[] | select(.name == "initial namespace, poll and epoll: of mainline\u0027s").value' "$json"
	expect "timers: every kind of every place" 0 '^21$' jq '[.figures[] | select(.unit == "ratio")] | length' "$json"
	expect "timers: a column for mainline, and for a follower" 0 '^  timerfd_b c +1000 +- +1010 1.010 +1020 1.020 +1010 1.010 +1010 1.010 +0$' cat "$machine/out/bench/timers.txt"
	expect "timers: steps beside followers" 0 '^  plain +5000 +5010 +5000 +5010 +5010 +5010$' cat "$machine/out/bench/timers.txt"
	expect "timers: which are no timers" 0 '^5010$' jq '.figures[] | select(.name == "step, 10000 followers: plain many").value' "$json"
	expect "timers: the switch" 0 '^  100,000 inside +7000 +7\.0 +7\.0$' cat "$machine/out/bench/timers.txt"
	expect "timers: its length" 0 '^"ns"$' jq '.figures[] | select(.name == "switch, longest: plain inside").unit' "$json"
	sed -i -E 's/^(plain 1 step o-f) 5010/\1 6000/' "$machine/facts"
	expect "timers: a step which costs more by what it does not concern" 1 '^A step COSTS MORE' timers
	without "no follower" "all of sleeps.*all of timerfd" '/^plain . arm follow /d'
	without "none of mainline" "all of io_uring" '/^mainline . arm follow .* io_uring/d'
	without "none beside an owner" "all of others" '/ arm beside .* mq_/d'
	without "a kind without calls" "all of futex" '/ futex /d'
	without "a call of no kind" "a kind for select a" 's/ poll a$/ select a/'
	without "one boot only" "poll a" '/^plain 2 arm follow .* poll a/d'
	without "no switch" "the switch: longest" '/ switch .* longest$/d'
}

# A repository whose benchmarks only say that they were run.
make_stubs()
{
	local name

	stubs=$work/stubs
	mkdir -p "$stubs/bench" "$stubs/scripts"
	cp "$ROOT/scripts/lib.sh" "$stubs/scripts/"
	cp "$ROOT"/bench/{all,goals,publish}.sh "$stubs/bench/"
	: > "$stubs/bench/missed"
	for name in ab reads tick accuracy writes footprint timers hostile perf; do
		# shellcheck disable=SC2016
		printf '%s\n' '#!/bin/bash' "name=$name base=$base" \
			'[[ ${1:-} != --help ]] || { [[ $name != tick ]] || echo "  --quick   small"; exit 0; }' \
			'echo "ran $name${1:+ $*}"' \
			'[[ " ${FAIL:-} " != *" $name "* ]] || exit 7' \
			'[[ ! -f $base/$name.json ]] || cp "$base/$name.json" "$OUT/bench/"' > "$stubs/bench/$name.sh"
	done
	chmod +x "$stubs"/bench/*.sh
	mkdir -p "$work/all/bench"
	export OUT=$work/all
}

all()
{
	FAIL=$failing "$stubs/bench/all.sh" "$@"
}

ran()
{
	all "$@" | sed -n 's/^ran //p' | paste -s -d ,
}

test_all()
{
	failing=
	make_stubs
	expect "all: in order" 0 '^ab,reads,tick --all-hz,accuracy,writes,footprint,timers,hostile,perf,perf --icount$' ran
	expect "all: quick, without what has no quick form and takes long" 0 \
		'^ab,reads,tick --quick,accuracy,writes,footprint,timers,hostile,perf$' ran --quick
	expect "all: perf-icount alone" 0 '^perf --icount$' ran perf-icount
	expect "all: what there is" 0 '^ab,reads,tick,accuracy,writes,footprint,timers,hostile,perf,perf-icount,$' names
	expect "all: then goals" 0 '^57 met' all
	expect "all: a subset, in the order that is asked for" 0 '^writes,ab$' ran writes ab
	expect "all: --quick where it is known" 0 '^reads,tick --quick$' ran --quick reads tick
	failing="reads timers"
	expect "all: goes on after a failure" 1 '^ran perf$' all
	expect "all: names what failed" 1 'error: failed: reads timers goals$' all
	expect "all: nothing of the run before is judged" 1 '^missing: reads.json$' all
	failing=perf
	expect "all: perf has no goals, but can fail" 1 'error: failed: perf perf-icount$' all
	failing=
	rm -f "$OUT"/bench/*.json
	expect "all: missing figures are allowed of a subset" 0 '^[0-9]+ met, 0 missed as known, 0 not met, [1-9][0-9]* missing$' all ab
	expect "all: unknown name" 1 "no benchmark 'demo'" all demo
	expect "all: unknown option" 1 "unknown argument '--all'" all --all
	rm "$stubs/bench/writes.sh"
	expect "all: a benchmark that is not there" 1 'error: failed: writes$' all writes
	rm -f "$OUT"/bench/*.json
	expect "all: a goal that is not met" 1 'error: failed: writes goals$' all
}

names()
{
	"$stubs/bench/all.sh" --names | tr '\n' ,
}

# A whole run, in $work/whole, and a repository to which it may go.
make_whole()
{
	local name

	make_stubs
	rm -rf "$work/whole"
	mkdir -p "$work/whole" "$stubs"/{bench/{reference,page},Documentation/timers}
	rm -f "$stubs"/bench/reference/* "$stubs"/Documentation/timers/*
	printf '%s\n' '#!/bin/bash' 'echo "page is made"' > "$stubs/bench/page/page.py"
	# shellcheck disable=SC2016
	printf '%s\n' '#!/bin/bash' 'touch "$2"/goals.{txt,json}' > "$stubs/bench/goals.sh"
	chmod +x "$stubs/bench/page/page.py"
	for name in ab reads tick accuracy writes footprint timers hostile perf perf-icount; do
		jq -n --arg name "$name" '{ bench: $name, context: { repository: "abc", queue: "q", parameters: { whole: true } },
			images_given: [], image_given: false, figures: [] }' > "$work/whole/$name.json"
		echo "table of $name" > "$work/whole/$name.txt"
		echo "plot of $name" > "$work/whole/$name.svg"
	done
}

publish()
{
	"$stubs/bench/publish.sh" "$work/whole"
}

# spoil NAME FILTER: one result of a whole run is otherwise
spoil()
{
	make_whole
	jq "$2" "$work/whole/$1.json" > "$work/spoilt"
	mv "$work/spoilt" "$work/whole/$1.json"
}

test_publish()
{
	make_whole
	expect "publish: a whole run" 0 '^publish: the reference run is that of abc$' publish
	expect "publish: with the pages" 0 '^page is made$' publish
	expect "publish: all tables" 0 '^22$' bash -c "ls '$stubs/bench/reference' | wc -l"
	expect "publish: plots" 0 '^plot of writes$' cat "$stubs/Documentation/timers/timens-cost-writes.svg"
	for name in ab perf-icount; do
		make_whole
		rm "$work/whole/$name.txt"
		expect "publish: not without $name" 1 "not a whole run: no '.*/$name.txt'" publish
	done
	spoil tick '.context.parameters.whole = false'
	expect "publish: no part of a run" 1 'tick is not of a whole run, or of an image that was given' publish
	spoil perf '.image_given = true'
	expect "publish: no image from elsewhere" 1 'perf is not of a whole run, or of an image' publish
	spoil ab '.images_given = ["plain"]'
	expect "publish: none of several" 1 'ab is not of a whole run, or of an image' publish
	spoil tick '.context.parameters.image_given = true'
	expect "publish: none in the parameters" 1 'tick is not of a whole run, or of an image' publish
	spoil tick 'del(.context.parameters.whole)'
	expect "publish: none that does not say so" 1 'tick is not of a whole run, or of an image' publish
	make_whole
	rm "$work/whole/reads.svg"
	expect "publish: not without a plot" 1 "not a whole run: no '.*/reads.svg'" publish
	make_whole
	printf '%s\n' '#!/bin/bash' 'exit 1' > "$stubs/bench/goals.sh"
	expect "publish: what meets the goals" 1 'the goals are not met' publish
	make_whole
	printf '%s\n' '#!/bin/bash' 'echo "no figure: $*"' 'exit 1' > "$stubs/bench/page/page.py"
	expect "publish: what the pages want" 1 '^no figure: --reference .* --dry-run$' publish
	expect "publish: which is asked before anything changes" 0 '^0$' bash -c "ls '$stubs/bench/reference' | wc -l"
	spoil reads '.context.repository = "def"'
	expect "publish: one state" 1 'results of different states: abc q,def q' publish
	spoil reads '.context.queue = "r"'
	expect "publish: one queue" 1 'results of different states: abc q,abc r' publish
	make_whole
	sed -i 's/"abc"/"abc-dirty"/' "$work"/whole/*.json
	expect "publish: a committed state" 1 'not of a committed state: abc-dirty q' publish
	expect "publish: what is refused changes nothing" 0 '^0$' bash -c "ls '$stubs/bench/reference' | wc -l"
	expect "publish: no such directory" 1 "no directory '/nowhere'" "$stubs/bench/publish.sh" /nowhere
}

# page TEMPLATE: what the page is with that template, a README.md and these results
page()
{
	local top=$work/page

	rm -rf "$top"
	mkdir -p "$top/bench/page" "$top/bench/reference" "$top/Documentation/timers"
	cp "$ROOT/bench/page/page.py" "$top/bench/page/"
	printf '%b' "$1" > "$top/bench/page/timens-cost.rst.in"
	echo "in short {{a|n|.0f}}" > "$top/bench/page/readme.md.in"
	printf '%s\n' head '<!-- bench/page/page.py begins here -->' old '<!-- bench/page/page.py ends here -->' tail > "$top/README.md"
	touch "$top/Documentation/timers/timens-cost.rst"
	echo '{ "context": { "cpu": "a CPU" }, "figures": [{ "name": "n", "value": 2.25 }, { "name": "low", "value": 512 },
		{ "name": "twice", "value": 1 }, { "name": "twice", "value": 2 }] }' > "$top/bench/reference/a.json"
	echo "a line" > "$top/bench/reference/a.txt"
	"$top/bench/page/page.py" "${@:2}" || return
	cat "$top/Documentation/timers/timens-cost.rst" "$top/README.md"
}

page_check()
{
	page "$1" > /dev/null
	echo "$2" >> "$work/page/$3"
	"$work/page/bench/page/page.py" --check
}

test_page()
{
	expect "page: a figure" 0 '^it is 2.2 s$' page 'it is {{a|n|.1f}} s\n'
	expect "page: the README's part, and no more" 0 '^in short 2$' page 'x\n'
	expect "page: what is before it" 0 '^head$' page 'x\n'
	expect "page: what is behind it" 0 '^tail$' page 'x\n'
	expect "page: what was there" 0 '!^old$' page 'x\n'
	expect "page: an expression" 0 '^4.5 of a CPU$' page "<<figure('a', 'n') * 2>> of <<context('a')['cpu']>>\n"
	expect "page: a line of a file" 0 '^a line$' page "<<text('a.txt')[0]>>\n"
	expect "page: a histogram" 0 '^0.5 to 1.0 million, 2.2 to 4.5 thousand$' page "<<bucket('a', 'low')>>, <<bucket('a', 'n')>>\n"
	expect "page: a table" 0 '^\\ +two$' page 'TABLE\n\ttwo\n{{a|n|.2f}}\tx\nENDTABLE\n'
	expect "page: and its rule" 0 '^====  ===$' page 'TABLE\n\ttwo\n{{a|n|.2f}}\tx\nENDTABLE\n'
	expect "page: a row too short" 1 'rows of different lengths' page 'TABLE\na\tb\nc\nENDTABLE\n'
	expect "page: no such figure" 1 "a.json has 0 figures 'm'" page '{{a|m|.1f}}\n'
	expect "page: a figure that is there twice" 1 "a.json has 2 figures 'twice'" page '{{a|twice|.1f}}\n'
	expect "page: no such benchmark" 1 'b.json' page '{{b|n|.1f}}\n'
	expect "page: no format" 1 "'\{\{a\|n\}\}' is not" page '{{a|n}}\n'
	expect "page: an expression that fails" 1 'ZeroDivisionError' page '<<1 / 0>>\n'
	expect "page: up to date" 0 '' page_check 'x\n' '' bench/reference/a.txt
	expect "page: a dry run writes nothing" 0 '^old$' page 'x\n' --dry-run
	expect "page: but looks" 1 "no|0 figures 'm'" page '{{a|m|.1f}}\n' --dry-run
	expect "page: stale" 1 'the pages are not those of the reference run' page_check 'x\n' y Documentation/timers/timens-cost.rst
	expect "page: and what is" 1 '^-y$' page_check 'x\n' y Documentation/timers/timens-cost.rst
	expect "the pages are those of the reference run (make bench-page)" 0 '' "$ROOT/bench/page/page.py" --check
}

echo "KTAP version 1"
base=$work/base
: > "$work/missed"
make_base "$base"
for name in "${groups[@]}"; do
	"test_$name"
done
ktap_end tests
