#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Compare the results of two runs of the benchmarks: a table of name, old, new, difference and percent.
#
# OLD and NEW are two results as out/bench/NAME.json, or two directories of them. They are comparable when what they depend
# on is the same in all but the repository and the queue, which are what a comparison is about: else nothing is compared, the
# message names what differs, and the exit status is 2.
#
# A figure that changed by more than the tolerance is marked: WORSE when it got larger, better when it got smaller. Where more
# is not known to be worse (reads that were checked, passes in a second, bytes free), it is marked DIFFERS. Figures that only
# one side has are listed.
#
# usage: compare.sh [OPTION...] OLD NEW
#   --tolerance PERCENT   (1)
#   --fail                exit status 1 when a figure is WORSE, DIFFERS, or is missing in NEW
#   --force               compare what depends on different things, and say so
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

tolerance=1 fail=false force=false
paths=()
while [[ $# -gt 0 ]]; do
	case $1 in
	--tolerance) need_value "$@"; tolerance=$2; shift 2 ;;
	--fail) fail=true; shift ;;
	--force) force=true; shift ;;
	-h | --help) print_usage; exit 0 ;;
	-*) die "unknown argument '$1'" ;;
	*) paths+=("$1"); shift ;;
	esac
done
[[ $tolerance =~ ^(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?$ ]] || die "--tolerance '$tolerance' is not a number of percent"
[[ ${#paths[@]} = 2 ]] || die "two results or two directories are compared, not ${#paths[@]} (--help)"
old=${paths[0]} new=${paths[1]}

refuse()
{
	warn "error: $*"
	exit 2
}

# pair OLD-FILE NEW-FILE NAME: adds to the rows, which are lines of file, name, unit, old and new, with "-" for what is not
# there. Both are read at once; the one that is wrong is named.
pair()
{
	local said found

	if ! said=$(jq -r -n --arg file "$3" --slurpfile old "$1" --slurpfile new "$2" '
		def result: length == 1 and (.[0] | type == "object" and (.bench | type == "string") and (.context | type == "object")
			and (.figures | type == "array" and length > 0
				and all(.[]; type == "object" and (.name | type == "string") and (.value | type == "number") and (.unit | type == "string"))
				and (map(.name) | length == (unique | length))));
		def flat: .bench as $bench | .context | del(.repository, .queue) | { bench: $bench } + .
			| [paths as $p | { key: ($p | map(tostring) | join(".")), value: getpath($p) }
				| select(.value | (type != "object" and type != "array") or length == 0)]
			| from_entries;
		def by_name: .figures | map({ key: .name, value: . }) | from_entries;
		if ($old | result | not) then error("not a result: old") elif ($new | result | not) then error("not a result: new") else . end
		| $old[0] as $old | $new[0] as $new
		| ($old | flat) as $a | ($new | flat) as $b | ($old | by_name) as $was | ($new | by_name) as $is
		| ([$a, $b | keys[]] | unique[] | . as $key
			| select(($a | has($key)) != ($b | has($key)) or $a[$key] != $b[$key])
			| ["context", "\($key): " + ([$a, $b | if has($key) then .[$key] | tojson else "none" end] | join(" and "))]),
		  ($new.figures[] | select($was[.name] and $was[.name].unit != .unit)
			| ["unit", "the unit of \(.name): \($was[.name].unit) and \(.unit)"]),
		  (($old.figures + ($new.figures | map(select($was[.name] | not))))[]
			| ["row", $file, .name, .unit] + [$was[.name], $is[.name] | if . then .value else "-" end])
		| map(tostring) | join("\t")' 2>&1 > "$work/pair"); then
		case $said in
		*"not a result: old"* | *"--slurpfile old"*) refuse "'$1' is not a result of a benchmark" ;;
		*"not a result: new"* | *"--slurpfile new"*) refuse "'$2' is not a result of a benchmark" ;;
		esac
		die "jq: $said"
	fi
	found=$(sed -n 's/^context\t//p' "$work/pair")
	if [[ -n $found ]]; then
		[[ $force = true ]] || refuse "$3 depends on different things: ${found//$'\n'/; } (--force compares nevertheless)"
		printf '%s\n' "$found" | sed "s|^|$3: |" >> "$work/forced"
	fi
	found=$(sed -n 's/^unit\t//p' "$work/pair")
	[[ -z $found ]] || refuse "$3: ${found//$'\n'/; }"
	sed -n 's/^row\t//p' "$work/pair" >> "$work/rows"
}

# The results in a directory. What bench/goals.sh and the demonstration write there has no figures of its own.
results_in()
{
	local file

	for file in "$1"/*.json; do
		[[ -f $file && ${file##*/} != goals.json ]] || continue
		printf '%s\n' "${file##*/}"
	done
}

table()
{
	awk -F '\t' -v tolerance="$tolerance" '
		function number(x) { return x == "-" ? x : x == int(x) ? sprintf("%.0f", x) : sprintf("%.6g", x) }
		BEGIN {
			# What is paid: less of it is better.
			n = split("instructions cycles ns us ms s seconds bytes KiB MiB % ppm interrupts", cost, " ")
			for (i = 1; i <= n; i++)
				paid[cost[i]] = 1
		}
		{
			if ($1 != file) {
				file = $1
				printf "%s%s\n  %-64s %-13s %14s %14s %14s %9s\n", (NR > 1 ? "\n" : ""), file, "", "", "old", "new", "difference", ""
			}
			mark = ""
			difference = percent = ""
			if ($4 == "-") {
				mark = "only new"
				only_new++
			} else if ($5 == "-") {
				mark = "only old"
				only_old++
			} else {
				compared++
				d = $5 - $4
				size = $4 < 0 ? -$4 : $4
				difference = (d > 0 ? "+" : "") number(d)
				if (size > 0)
					percent = sprintf("%+.2f %%", 100 * d / size)
				# Beyond: not what only the arithmetic makes of decimals.
				if ((d < 0 ? -d : d) * 100 > size * tolerance * (1 + 1e-12)) {
					if (!($3 in paid) && $2 !~ /wrong/) {
						mark = "DIFFERS"
						differs++
					} else if (d > 0) {
						mark = "WORSE"
						worse++
					} else {
						mark = "better"
						better++
					}
				}
			}
			line = sprintf("  %-64s %-13s %14s %14s %14s %9s  %s", $2, $3, number($4), number($5), difference, percent, mark)
			sub(/ +$/, "", line)
			print line
		}
		END {
			printf "\n%d figures compared, beyond %s %%: %d worse, %d better, %d different; %d only old, %d only new\n",
				compared, tolerance, worse, better, differs, only_old, only_new
			exit worse + differs + only_old > 0 ? 3 : 0
		}' "$work/rows"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: > "$work/rows"
: > "$work/forced"
: > "$work/alone"
missing=0
if [[ -d $old && -d $new ]]; then
	while read -r name; do
		if [[ ! -f $new/$name ]]; then
			echo "only old: $name" >> "$work/alone"
			missing=1
		elif [[ ! -f $old/$name ]]; then
			echo "only new: $name" >> "$work/alone"
		else
			pair "$old/$name" "$new/$name" "${name%.json}"
		fi
	done < <({ results_in "$old"; results_in "$new"; } | LC_ALL=C sort -u)
	[[ -s $work/rows ]] || die "no result is in both '$old' and '$new'"
elif [[ -f $old && -f $new ]]; then
	pair "$old" "$new" "$(basename "$new" .json)"
else
	die "'$old' and '$new' are not two files and not two directories"
fi
rc=0
table > "$work/table" || rc=$?
[[ $rc = 0 || $rc = 3 ]] || exit "$rc"
cat "$work/table" "$work/alone"
if [[ -s $work/forced ]]; then
	echo "FORCED: these depend on different things, and a difference may come from there:"
	sed 's/^/  /' "$work/forced"
fi
[[ $fail = false || ($rc = 0 && $missing = 0) ]]
