#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The tick path as users see it with perf: function times, tracepoints and counters, with no time namespace that owns its
# clock, with 1000 of them, and with 1000 that get a pass every tick.
#
# Boots the kernel "trace" (built when it is missing) with the suite perf-tick and build/initramfs-perf.cpio, which is
# build/initramfs.cpio and behind it an archive of perf with its libraries (harness/perf.list); the kernel unpacks both. The
# suite runs the commands of harness/rootfs/usr/share/timens/perf-commands as they stand there, and fails where what perf
# says does not agree with what the kernel counts. The documentation must show each of them, word by word.
#
# All is printed as perf printed it in out/bench/perf.txt; the figures are in out/bench/perf.json. The machine is emulated:
# its times are no times of a real CPU, only their order and the counts mean something. With --icount they are instructions.
#
# usage: perf.sh [OPTION...]
#   --owners N             namespaces that own their clocks (default 1000)
#   --icount               one CPU whose nanosecond is one instruction, those of the tracer included; takes two minutes,
#                          and writes out/bench/perf-icount.txt and .json instead
#   --kernel BZIMAGE       that image of the configuration trace, instead of building it
#   --documentation FILE   where the commands must be found (default Documentation/timers/timens-cost.rst)
#   --image-only           make build/initramfs-perf.cpio, and no more
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=scripts/queue.sh
. "$ROOT/scripts/queue.sh"
# shellcheck source=bench/lib.sh
. "$ROOT/bench/lib.sh"

owners=1000
kernel=
documentation=$ROOT/Documentation/timers/timens-cost.rst
image_only=0
# Whether the image was not built from the present source by this run.
image_given=false
commands=$ROOT/harness/rootfs/usr/share/timens/perf-commands
initramfs=$BUILD/initramfs-perf.cpio
bench=perf
accelerator=tcg
cpus=2
mode=()

while [[ $# -gt 0 ]]; do
	case $1 in
	--owners) need_value "$@"; owners=$2 whole=0; shift 2 ;;
	--icount) bench=perf-icount; accelerator=icount; cpus=1; mode=(--icount); shift ;;
	--kernel) need_value "$@"; kernel=$2; image_given=true; shift 2 ;;
	--documentation) need_value "$@"; documentation=$2; shift 2 ;;
	--image-only) image_only=1; shift ;;
	-h | --help) print_usage; exit 0 ;;
	*) die "unknown argument '$1'" ;;
	esac
done
is_positive "$owners" || die "--owners '$owners' is not a number of namespaces"
[[ $owners -le 99999 ]] || die "--owners '$owners' is more than 99999"
[[ -z $kernel || -f $kernel ]] || die "--kernel: no file '$kernel'"

dir=$OUT/bench/$bench

# names: of the commands
names()
{
	awk '!/^(#|$)/ { print $1 }' "$commands"
}

command_of()
{
	awk -v name="$1" '$1 == name { sub(/^[^ ]+ +/, ""); print }' "$commands"
}

# A reader copies from the documentation what was run here.
check_documentation()
{
	local name missing=0

	[[ -f $documentation ]] || die "no file '$documentation', which has to show the commands of $commands"
	for name in $(names); do
		grep -q -F -e "$(command_of "$name")" "$documentation" || {
			warn "${documentation#"$ROOT/"} does not show: $(command_of "$name")"
			missing=$((missing + 1))
		}
	done
	[[ $missing = 0 ]] || die "$missing commands are not in the documentation as they are run"
}

# wanted: the paths of perf.list and those of all libraries they need, where they lie when links in the path are followed
# (/lib is one).
wanted()
{
	local number=0 first rest lib

	while read -r first rest; do
		number=$((number + 1))
		[[ -n $first && $first != \#* ]] || continue
		[[ -z $rest ]] || die "harness/perf.list:$number: more than one word"
		[[ -f $first ]] || die "harness/perf.list:$number: '$first' is not on this machine (scripts/setup.sh)"
		echo "$first"
		ldd "$first" > "$work/ldd" || die "harness/perf.list:$number: '$first' is not a dynamic program"
		! grep 'not found' "$work/ldd" >&2 || die "'$first' lacks libraries (scripts/setup.sh)"
		while read -r lib; do
			echo "$(realpath "${lib%/*}")/${lib##*/}"
		done < <(awk '$2 == "=>" { print $3 }' "$work/ldd")
	done < "$ROOT/harness/perf.list"
}

# What the first archive has is not packed again. An archive of cpio ends at a multiple of 512, as the kernel wants it.
make_image()
{
	local path

	"$ROOT/scripts/mkinitramfs.sh"
	cp "$BUILD/initramfs.cpio" "$work/image"
	cpio -t --quiet < "$work/image" | LC_ALL=C sort > "$work/have"
	wanted > "$work/wanted"
	LC_ALL=C sort -u "$work/wanted" | sed 's,^/,,' | LC_ALL=C comm -23 - "$work/have" > "$work/more"
	mkdir "$work/root"
	while read -r path; do
		mkdir -p "$work/root/${path%/*}"
		cp -L --preserve=mode,timestamps "/$path" "$work/root/$path"
	done < "$work/more"
	(cd "$work/root" && find . -mindepth 1 -printf '%P\0' | LC_ALL=C sort -z |
		cpio -0 -o -H newc --reproducible --owner=+0:+0 --quiet) >> "$work/image"
	mv "$work/image" "$initramfs.new"
	mv "$initramfs.new" "$initramfs"
	say "$initramfs: $(($(stat -c %s "$initramfs") / 1048576)) MiB, $(wc -l < "$work/more") files more than in initramfs.cpio"
}

# fact_of NAME OWNERS POLICY KEY
fact_of()
{
	awk -v want="$1 $2 $3 $4" '$1 " " $2 " " $3 " " $4 == want { print $5; found = 1; exit } END { exit !found }' \
		"$dir/files/perf.facts" || die "the suite did not write '$*'"
}

# median_figure NAME FUNCTION STATE OWNERS POLICY. The longest is no figure: in real time QEMU waits for a CPU of this machine.
median_figure()
{
	[[ $(fact_of "$1" "$4" "$5" calls) -gt 0 ]] || die "$2 was never called, $3"
	awk -v ns="$(fact_of "$1" "$4" "$5" median_from)" -v name="perf ftrace latency: $2, $3, median bucket, lower bound" \
		'BEGIN { printf "%s\tus\t%s\n", ns / 1000, name }'
}

figures()
{
	local state number policy call

	for state in "0 once" "$owners once" "$owners every"; do
		read -r number policy <<< "$state"
		state="$number owners"
		[[ $policy = once ]] || state+=", every tick"
		printf '%s\t1/s\tperf: passes a second, %s\n' "$(fact_of stat-pass "$number" "$policy" passes_a_second)" "$state"
		printf '%s\t1/s\tperf: timer interrupts a second, %s\n' \
			"$(fact_of stat-tick "$number" "$policy" timer_interrupts_a_second)" "$state"
		printf '%s\tcalls\tperf ftrace latency: __timens_tk_advance, %s, calls\n' \
			"$(fact_of ftrace-advance "$number" "$policy" calls)" "$state"
		[[ $number = 0 ]] || median_figure ftrace-advance __timens_tk_advance "$state" "$number" "$policy"
		median_figure ftrace-wall-time update_wall_time "$state" "$number" "$policy"
	done
	for number in 0 "$owners"; do
		for call in clock_settime clock_adjtime; do
			printf '%s\tns\tperf trace: %s in a namespace beside %s owners, median\n' \
				"$(fact_of trace-set "$number" once "${call}_median_ns")" "$call" "$number"
		done
	done
}

# Every command with what it printed; the empty lines of a histogram's end say nothing.
report()
{
	local state number policy name file

	jq -r '.context | "Linux \(.kernels.trace.release) under QEMU \(.qemu), emulated on \(.cpu); \(.compiler)",
		"repository \(.repository), queue \(.queue[:12]); perf \(.parameters.perf)"' "$OUT/bench/$bench.json"
	if [[ $accelerator = icount ]]; then
		echo "A nanosecond is one instruction of an emulated CPU, the tracer's included, and not what a real CPU takes for it."
	else
		echo "Times are those of an emulated CPU which shares this machine. Compare them with each other, not with a real CPU's."
	fi
	if [[ $(< "$dir/files/perf/factor") = 2 ]]; then
		cat <<-'END'
			This perf writes durations of 2^n..2^(n+1) into the line that says 2^(n-1)..2^n: a sleep of 100 ms stands in the line
			below. In the histograms read every limit twice as long; the figures at the end are corrected.

		END
		sed -n '/DURATION/p;/|  *[1-9]/p' "$dir/files/perf/calibration-a.txt" | sed 's/^/    /'
	fi
	for state in "0 once" "$owners once" "$owners every"; do
		read -r number policy <<< "$state"
		printf '\n== %s namespaces own their clock%s ==\n' "$number" "$([[ $policy = once ]] || echo ", a pass every tick")"
		for name in $(names); do
			file=$dir/files/perf/$name-$number-$policy.txt
			[[ -f $file ]] || continue
			printf '\n$ %s\n' "$(command_of "$name")"
			# Not empty buckets, and not more than a screen.
			grep -v -E '^ *[0-9]+ - [0-9.]+ +[num]?s \| +0 \||^ *$' "$file" | head -n 24 | sed 's/[[:space:]]*$//; s/^/    /' || true
		done
	done
	printf '\n== figures ==\n\n'
	jq -r '.figures[] | "  \(.value)\t\(.unit)\t\(.name)"' "$OUT/bench/$bench.json" |
		awk -F '\t' '{ printf "  %12s %-6s %s\n", $1, $2, $3 }'
}

work=$(mktemp -d "$BUILD/perf.XXXXXX")
trap 'rm -rf "$work"' EXIT

if [[ $image_only = 1 ]]; then
	locked initramfs-perf make_image
	exit 0
fi
check_documentation
if [[ -z $kernel ]]; then
	"$ROOT/scripts/build.sh" --config trace
	kernel=$BUILD/obj-trace/arch/x86/boot/bzImage
fi
locked initramfs-perf make_image
mkdir -p "$OUT/bench"
rm -f "$OUT/bench/$bench".{txt,json}
"$ROOT/scripts/boot.sh" --config trace --suite perf-tick "${mode[@]}" --arg "$owners" --kernel "$kernel" \
	--initramfs "$initramfs" --out "$dir"

# What is said about the kernel is read from its build.
[[ $(< "$dir/files/perf/release") = "$(< "$BUILD/obj-trace/include/config/kernel.release")" ]] ||
	die "the guest ran $(< "$dir/files/perf/release"), which is not what $BUILD/obj-trace holds"
bench_context "$accelerator" "$(jq -n --argjson owners "$owners" --argjson cpus "$cpus" \
	--arg perf "$(sed 's/^perf version //' "$dir/files/perf/version")" \
	'{ owners: $owners, cpus: $cpus, perf: $perf }')" trace > "$work/context"
jq -n --argjson given "$image_given" '{ image_given: $given }' > "$work/details"
figures > "$work/figures"
bench_json "$bench" "$work/context" "$work/details" < "$work/figures"
report > "$work/perf.txt"
mv "$work/perf.txt" "$OUT/bench/$bench.txt"
cat "$OUT/bench/$bench.txt"
say "written to $OUT/bench/: $bench.txt, $bench.json"
