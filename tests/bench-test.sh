#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Tests of bench/goals.sh, compare.sh, all.sh, publish.sh, page/page.py and lib.sh with results that are made up; and that the
# pages are those of the reference run. Results are KTAP.
#
# No kernel is built and none is booted.
#
# usage: bench-test.sh [rows|missing|refusals|compare|contexts|json|all|publish|page]...    only these
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=tests/ktap.sh
. "$ROOT/tests/ktap.sh"

groups=(rows missing refusals compare contexts json all publish page)
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
		ab: { figures: [i("tick: median: plain"; 10050), i("tick: median: stock"; 10000),
			($fine[] | i("vdso \(.): plain"; 46), i("vdso \(.): stock"; 46), i("vdso in a time namespace \(.): stock"; 47)),
			($coarse[] | i("vdso \(.): plain"; 36), i("vdso \(.): stock"; 34)),
			f("coarse: own namespace: plain"; 1000500; "ns"), f("coarse: host: plain"; 1000000; "ns")] },
		reads: (
			# By name and place: median, lowest, highest; the runs are these.
			[($fine[] | [., "plain own", 80, 79.5, 80.5], [., "plain host", 78.5, 78, 79.5], [., "stock follow", 81, 80.1, 90]),
			 ($coarse[] | [., "plain own", 40, 40, 40])] as $reads
			| { figures: [($reads[] | f("\(.[0]): \(.[1])"; .[2]; "cycles")),
				(("", "32-bit ") as $bits | $fine[] | i("counted \($bits)\(.): plain own"; 46), i("counted \($bits)\(.): plain host"; 46))],
			    reads: ($reads | group_by(.[0]) | map({ name: .[0][0],
				cells: (map({ key: .[1], value: { median: .[2], lowest: .[3], highest: .[4], runs: .[2:] } }) | from_entries) })) }),
		tick: { figures: [f("counted: share of one CPU, 1000 owners, 1 s"; 0.05; "%"),
			f("counted: share of one CPU, 1000 owners, every tick"; 25; "%"),
			f("counted: share of one CPU, 10000 owners, 1 s"; 0.5; "%"),
			f("native hot: leap second of 10000 owners, worst tick"; 10; "us"),
			f("native cold: leap second of 10000 owners, worst tick"; 10; "us"),
			f("native: wrong reads around the leap second"; 0; "reads"), f("native: reads around the leap second"; 1; "reads")] },
		accuracy: { figures: [f("tsc 2100 MHz, 1 s: worst error"; 5; "ns")] },
		writes: { figures: [i("own clock_settime, 0 others"; 5000), i("own clock_settime, 5000 others"; 5100),
			f("own clock_settime: interrupts sent to other CPUs"; 0; "interrupts")] },
		footprint: { figures: [("own", "own, steered", "own, smearing", "follow") | f("memory: beyond mainline, \(.)"; 2048; "bytes")] },
		timers: { figures: [("o-o", "o-f") | i("step, 0 timers: plain \(.)"; 5000), i("step, 10000 timers: plain \(.)"; 5100)] }
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
	"$ROOT/bench/goals.sh" --dir "$work/dir" "$@"
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
	expect "goals: $1: $2" 1 '^[0-9]+ met, 1 not met, 0 missing$' goals
	cp "$work/dir/goals.txt" "$work/first"
	expect "goals: that is the row" 0 "^$1 .* NOT MET\$" cat "$work/first"
}

test_rows()
{
	local own='own namespace' clock

	fresh
	expect "goals: all just met" 0 '^26 met, 0 not met, 0 missing$' goals
	expect "goals: goals.json is a result too" 0 '^26$' jq '.rows | map(select(.verdict == "met")) | length' "$work/dir/goals.json"
	expect "goals: goals.txt is what was printed" 0 '^26 met' cat "$work/dir/goals.txt"

	row "host without own namespaces: tick, off stock \(median\)" ab "tick: median: plain" 10051
	row "host without own namespaces: tick, off stock \(median\)" ab "tick: median: plain" 9949
	for clock in CLOCK_REALTIME gettimeofday; do
		row "host: hres reads of the vDSO, above stock" ab "vdso $clock: plain" 47
		fresh
		set_figure ab "vdso $clock: plain" 45
		expect "goals: $clock cheaper than stock's is met" 0 '^26 met' goals
	done
	row "host: coarse reads and time\(\), above stock" ab "vdso CLOCK_MONOTONIC_COARSE: plain" 37
	row "host: coarse reads and time\(\), above stock" ab "vdso time: plain" 37
	row "$own: hres read, above host" reads "counted CLOCK_MONOTONIC_RAW: plain host" 45
	row "$own: 32-bit hres read, above host" reads "counted 32-bit CLOCK_TAI: plain own" 47
	row "$own: hres read, above mainline's in a namespace" ab "vdso in a time namespace CLOCK_BOOTTIME: stock" 46
	row "$own, native: hres read, above host and spread" reads "CLOCK_MONOTONIC: plain host" 78.4
	row_changed "$own, native: hres read, above mainline's, each run" reads \
		'(.reads[] | select(.name == "CLOCK_BOOTTIME") | .cells["stock follow"].runs[2]) = 80.5'
	row_changed "$own, native: hres read, above mainline's, each run" reads \
		'(.reads[] | select(.name == "CLOCK_BOOTTIME") | .cells["stock follow"].runs) |= .[:2]'
	row "$own, native: coarse read, of an hres read" reads "CLOCK_REALTIME_COARSE: plain own" 40.1
	row "$own, native: coarse read, of an hres read" reads "CLOCK_MONOTONIC_COARSE: plain own" 40.1
	row "$own: a step of the coarse clock, above host's" ab "coarse: own namespace: plain" 1000501
	row_changed "1000 own namespaces: share of one CPU" tick '.figures[0].value = 0.0501 | .figures[1].value = 26'
	row "1000 own namespaces: every tick, times as much" tick "counted: share of one CPU, 1000 owners, every tick" 24.99
	row "1000 own namespaces: every tick, times as much" tick "counted: share of one CPU, 1000 owners, 1 s" 0
	row "10,000 own namespaces: share of one CPU" tick "counted: share of one CPU, 10000 owners, 1 s" 0.501
	row "10,000 leap seconds at once, native, hot: worst tick" tick "native hot: leap second of 10000 owners, worst tick" 10.01
	row "10,000 leap seconds at once, native, cold: worst tick" tick "native cold: leap second of 10000 owners, worst tick" 10.01
	row "there: reads that are wrong" tick "native: wrong reads around the leap second" 1
	row "there: reads that were looked at" tick "native: reads around the leap second" 0
	row "own clock_settime: change by 5000 other namespaces" writes "own clock_settime, 5000 others" 5101
	row "own clock_settime: change by 5000 other namespaces" writes "own clock_settime, 5000 others" 4899
	row "own clock_settime: more by 10,000 timers in an owner" timers "step, 10000 timers: plain o-o" 5101
	row "own clock_settime: more by 10,000 timers in a follower" timers "step, 10000 timers: plain o-f" 5101
	row "own clock_settime: interrupts sent to other CPUs" writes "own clock_settime: interrupts sent to other CPUs" 1
	row "memory beyond mainline's, own" footprint "memory: beyond mainline, own" 2049
	row "memory beyond mainline's, own, steered" footprint "memory: beyond mainline, own, steered" 2049
	row "memory beyond mainline's, own, smearing" footprint "memory: beyond mainline, own, smearing" 2049
	row "memory beyond mainline's, follow" footprint "memory: beyond mainline, follow" 2049
	row "error between passes, 1 a second" accuracy "tsc 2100 MHz, 1 s: worst error" 5.01
	row "host without own namespaces: tick, off stock \(median\)" ab "tick: median: stock" 0
}

# missing FILE ROWS: without that result, so many rows are missing.
missing()
{
	fresh
	rm "$work/dir/$1.json"
	expect "goals: without $1.json" 1 "^[0-9]+ met, 0 not met, $2 missing\$" goals
	expect "goals: it is named" 0 "^missing: $1.json\$" cat "$work/dir/goals.txt"
}

test_missing()
{
	missing ab 5
	missing reads 6
	missing tick 7
	missing accuracy 1
	missing writes 2
	missing footprint 4
	missing timers 2
	fresh
	rm "$work/dir/accuracy.json"
	expect "goals: missing, and allowed" 0 '^error between passes, 1 a second .* missing$' goals --allow-missing
	set_figure ab "vdso time: plain" 37
	expect "goals: missing is allowed, but not met is not" 1 '^24 met, 1 not met, 1 missing$' goals --allow-missing

	fresh
	change tick '.figures |= map(select(.name != "native: reads around the leap second"))'
	expect "goals: one figure is missing" 1 '^missing: tick.json: native: reads around the leap second$' goals
	expect "goals: and only that" 1 '^25 met, 0 not met, 1 missing$' goals
	fresh
	change accuracy '.figures[0].unit = "us"'
	expect "goals: another unit" 1 '^missing: accuracy.json: tsc 2100 MHz, 1 s: worst error \(in us instead of ns\)$' goals
	fresh
	change reads 'del(.reads[] | select(.name == "CLOCK_TAI") | .cells["plain own"].lowest)'
	expect "goals: a native figure without its spread" 1 '^missing: reads.json: CLOCK_TAI: plain own$' goals
	fresh
	change reads '(.reads[] | select(.name == "gettimeofday") | .cells["stock follow"].runs) = []'
	expect "goals: a native figure without its runs" 1 '^missing: reads.json: gettimeofday: stock follow$' goals

	rm -rf "$work/dir"
	expect "goals: no directory" 1 "no directory '$work/dir'" goals
	mkdir "$work/dir"
	expect "goals: no results" 1 'no results in' goals
	expect "goals: no results, allowed" 0 '^0 met, 0 not met, 26 missing$' goals --allow-missing
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
		expect "goals: it is judged" 0 '^26 met' goals --mixed
	done
	fresh
	change timers '.context.repository = "another"'
	expect "goals: another repository is no other run" 0 '^26 met' goals
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

# A repository whose benchmarks only say that they were run.
make_stubs()
{
	local name

	stubs=$work/stubs
	mkdir -p "$stubs/bench" "$stubs/scripts"
	cp "$ROOT/scripts/lib.sh" "$stubs/scripts/"
	cp "$ROOT"/bench/{all,goals,publish}.sh "$stubs/bench/"
	for name in ab reads tick accuracy writes footprint timers perf; do
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
	expect "all: in order" 0 '^ab,reads,tick --all-hz,accuracy,writes,footprint,timers,perf,perf --icount$' ran
	expect "all: quick, without what has no quick form and takes long" 0 \
		'^ab,reads,tick --quick,accuracy,writes,footprint,timers,perf$' ran --quick
	expect "all: perf-icount alone" 0 '^perf --icount$' ran perf-icount
	expect "all: what there is" 0 '^ab,reads,tick,accuracy,writes,footprint,timers,perf,perf-icount,$' names
	expect "all: then goals" 0 '^26 met' all
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
	expect "all: missing figures are allowed of a subset" 0 '^5 met|^[0-9]+ met, 0 not met, [1-9][0-9]* missing$' all ab
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
	for name in ab reads tick accuracy writes footprint timers perf perf-icount; do
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
	expect "publish: all tables" 0 '^20$' bash -c "ls '$stubs/bench/reference' | wc -l"
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
make_base "$base"
for name in "${groups[@]}"; do
	"test_$name"
done
ktap_end tests
