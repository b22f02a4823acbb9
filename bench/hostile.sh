#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What an owner of a clock who means harm takes from others: each row an attack by an ordinary user, and beside it the same
# program in the initial namespace, or as many time namespaces that follow the host, or no attack.
#
# The suite hostile is booted twice: with one CPU and instruction counting, where all figures but one are exact, and with two
# CPUs for the interrupts that one sends to the other. Its limits are those of harness/rootfs/usr/share/timens/hostile-limits,
# where the rows are described; `make test` has the same rows with fewer namespaces.
#
# The table goes to the terminal and out/bench/hostile.txt, all figures and what they depend on to out/bench/hostile.json.
# Exit status 1 when a limit is exceeded.
#
# usage: hostile.sh [OPTION...]
#   --kernel BZIMAGE   that image instead of building the configuration plain
#   --quick            as many namespaces, timers and descriptors as `make test` has
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=scripts/queue.sh
. "$ROOT/scripts/queue.sh"
# shellcheck source=bench/lib.sh
. "$ROOT/bench/lib.sh"

sizes=(--arg --whole) given_file=''
while [[ $# -gt 0 ]]; do
	case $1 in
	--kernel) need_value "$@"; given_file=$2; shift 2 ;;
	--quick) whole=0 sizes=(); shift ;;
	-h | --help) print_usage; exit 0 ;;
	*) die "unknown argument '$1'" ;;
	esac
done
[[ -z $given_file || -f $given_file ]] || die "--kernel: no file '$given_file'"

# run NAME OPTION...: a boot. A limit that is exceeded fails it; without figures there is nothing to tell.
run()
{
	local dir=$OUT/bench/hostile/$1
	shift

	"$ROOT/scripts/boot.sh" --config plain --suite hostile --kernel "$image_file" --out "$dir" "$@" || true
	[[ $(sed -n "s/^reason *//p" "$dir/result") =~ ^([0-9]+ failed)?$ && -s $dir/files/hostile.facts ]] ||
		die "the boot failed ($dir/result)"
	check_identity plain "$dir/files/hostile.facts" hostile
	cat "$dir/files/hostile.facts" >> "$work/facts"
}

# KEY ATTACK BASE FIGURE TEST LIMIT UNIT VERDICT MEANING..., with tabs between
rows()
{
	awk -v OFS='\t' '
		$1 == "hostile" {
			meaning = $10
			for (i = 11; i <= NF; i++)
				meaning = meaning " " $i
			print $2, $3, $4, $5, $6, $7, $8, $9, meaning
		}' "$work/facts"
}

# Value, unit and name. What is compared in percent is in the unit that its meaning ends with.
figures()
{
	rows | awk -F '\t' -v OFS='\t' '
		{
			unit = $7
			if ($5 == "percent") {
				unit = $9
				sub(/.*, /, "", unit)
			}
			print $2, unit, $1 ": attack"
			if ($5 != "at-most")
				print $3, unit, $1 ": base"
		}'
}

report()
{
	jq -r '.context | "\(.cpu); kernel \(.kernels.plain.release), QEMU \(.qemu)",
		"repository \(.repository), queue \(.queue[:12])\(if .parameters.image_given then " (image given, not built here)" else "" end)"' \
		"$OUT/bench/hostile.json"
	echo
	rows | awk -F '\t' '
		function number(x) { return x == int(x) ? sprintf("%.0f", x) : sprintf("%.2f", x) }
		BEGIN { printf "  %-17s %13s %13s %13s  %-22s %-8s\n", "", "attack", "base", "figure", "limit", "" }
		{
			test = $5 == "at-most" ? "at most" : $5 == "more" ? "more:" : "of the base:"
			printf "  %-17s %13s %13s %13s  %-22s %-8s %s\n", $1, number($2), $5 == "at-most" ? "-" : number($3),
				number($4), (test " " $6 " " $7), ($8 == "met" ? "met" : "EXCEEDED"), $9
			if ($8 == "met") met++; else exceeded++
		}
		END { printf "\n%d met, %d exceeded\n", met, exceeded }'
	echo
	awk '$1 == "size" { printf "%s %s %s", n++ ? "," : "numbers:", $2, $3 } END { print "" }' "$work/facts"
}

if [[ -z $given_file ]]; then
	"$ROOT/scripts/build.sh" --config plain
fi
require_initramfs
image_file=${given_file:-$BUILD/obj-plain/arch/x86/boot/bzImage}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$OUT/bench"
rm -f "$OUT"/bench/hostile.{txt,json}
run counted "${sizes[@]}"
run two-cpus --no-icount --smp 2 --arg --other-cpu
bench_context icount "$(awk '$1 == "size" { print $2, $3 }' "$work/facts" | jq -R -s --arg qemu "$(qemu_version "$QEMU")" \
	--argjson given "$([[ -n $given_file ]] && echo true || echo false)" '
	{ qemu_of_two_cpus: $qemu, image_given: $given,
	  sizes: (split("\n") | map(select(length > 0) | split(" ") | { key: .[0], value: (.[1] | tonumber) }) | from_entries) }')" \
	plain > "$work/context"
rows | jq -R -s '{ limits: (split("\n") | map(select(length > 0) | split("\t")
	| { name: .[0], attack: (.[1] | tonumber), base: (.[2] | tonumber), figure: (.[3] | tonumber), test: .[4],
	    limit: (.[5] | tonumber), unit: .[6], verdict: .[7], meaning: .[8] })) }' > "$work/details"
figures > "$work/figures"
bench_json hostile "$work/context" "$work/details" < "$work/figures"
report > "$work/hostile.txt"
cp "$work/hostile.txt" "$OUT/bench/"
cat "$OUT/bench/hostile.txt"
say "written to $OUT/bench/: hostile.txt, hostile.json"
jq -e 'all(.limits[]; .verdict == "met")' "$OUT/bench/hostile.json" > /dev/null
