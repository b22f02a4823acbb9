# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the benchmarks after scripts/lib.sh and scripts/queue.sh: the three kernels which are compared, and what all
# results have in common.
#
#   mainline  the pristine source, tag base of the kernel tree, exported once to build/mainline-src
#   off       the queue, with TIMEKEEPER_NS=n
#   plain     the queue, with TIMEKEEPER_NS=y

kernels=(mainline off plain)
declare -A image=() version=() release=()
# Those whose image was given (--kernel). And whether a run is as large as a benchmark can make it: another is no reference.
given=() whole=1

mainline_tree=$BUILD/mainline-src

# take_image NAME=FILE: the argument of --kernel
take_image()
{
	[[ $1 =~ ^(mainline|off|plain)=(.+)$ ]] || die "--kernel '$1' is not mainline=FILE, off=FILE or plain=FILE"
	[[ -f ${BASH_REMATCH[2]} ]] || die "--kernel: no file '${BASH_REMATCH[2]}'"
	image[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
	given+=("${BASH_REMATCH[1]}")
}

# The stamp is written last: an export that was cut off is made again, and so is that of another base.
export_mainline()
{
	local base

	# shellcheck disable=SC2153 # set by scripts/lib.sh
	in_tree || die "no tree in $TREE (make tree)"
	base=$(kgit rev-parse 'base^{commit}')
	if [[ $(cat "$mainline_tree/.timens-base" 2> /dev/null || true) = "$base" ]]; then
		say "mainline: the source of Linux $(kernel_version "$mainline_tree") is there"
		return
	fi
	say "mainline: exporting the pristine source"
	rm -rf "$mainline_tree"
	mkdir -p "$mainline_tree"
	# The times of now (-m): make has to see the files of another base as changed.
	kgit archive --format=tar base | tar -C "$mainline_tree" -x -m
	echo "$base" > "$mainline_tree/.timens-base"
}

# Those for which no image was given.
build_kernels()
{
	local name

	for name in "${kernels[@]}"; do
		[[ -z ${image[$name]:-} ]] || continue
		if [[ $name = mainline ]]; then
			locked mainline-src export_mainline
			"$ROOT/scripts/build.sh" --config mainline --tree "$mainline_tree"
		else
			"$ROOT/scripts/build.sh" --config "$name"
		fi
		image[$name]=$BUILD/obj-$name/arch/x86/boot/bzImage
	done
}

require_initramfs()
{
	[[ -f $BUILD/initramfs.cpio ]] || die "no $BUILD/initramfs.cpio (make initramfs)"
}

# fact FILE KEY
fact()
{
	awk -v key="$2" '$1 == key { print $2; found = 1; exit } END { exit !found }' "$1" || die "$1 has no figure '$2'"
}

# check_identity NAME FILE KEY: a figure of the wrong kernel is worse than none.
check_identity()
{
	local name=$1 file=$2 key=$3 feature want=0 tag=-$1-timens

	release[$name]=$(fact "$file" "$key.release")
	feature=$(fact "$file" "$key.feature")
	if [[ $name = plain ]]; then
		want=1
		tag=-timens
	fi
	[[ ${release[$name]} == *"$tag" ]] || die "$name: the release '${release[$name]}' does not end in '$tag'"
	[[ $feature = "$want" ]] || die "$name: /proc/PID/timens_clock is $([[ $feature = 1 ]] && echo there || echo absent), so this is another kernel"
	version[$name]=${release[$name]%%-*}
}

check_versions()
{
	local name

	for name in "${kernels[@]}"; do
		[[ ${version[$name]} = "${version[mainline]}" ]] ||
			die "not the same Linux: mainline ${version[mainline]}, $name ${version[$name]}"
	done
}

# boot_kernel NAME SUITE KEY DIR OPTION...: one of the kernels, with a suite whose figures are DIR/files/SUITE.facts, of that kernel
boot_kernel()
{
	local name=$1 suite=$2 key=$3 dir=$4
	shift 4

	"$ROOT/scripts/boot.sh" --config "$name" --suite "$suite" --kernel "${image[$name]}" --out "$dir" "$@"
	check_identity "$name" "$dir/files/$suite.facts" "$key"
}

# measure_by_turns BENCH SUITE ROUNDS FILE PROGRAM: boot each kernel so often, and append to FILE what the awk program makes of the
# figures of each boot: with "kernel" and "round" set, and tabs between what it prints
measure_by_turns()
{
	local bench=$1 suite=$2 rounds=$3 file=$4 program=$5 round name dir n=0

	for ((round = 1; round <= rounds; round++)); do
		for name in "${kernels[@]}"; do
			n=$((n + 1))
			say "boot $n of $((rounds * ${#kernels[@]})): $name ($SECONDS s)"
			dir=$OUT/bench/$bench/$name-$round
			boot_kernel "$name" "$suite" "$bench" "$dir"
			awk -v OFS='\t' -v kernel="$name" -v round="$round" "$program" "$dir/files/$suite.facts" >> "$file"
		done
	done
	check_versions
}

# structure_sizes OBJECTS TREE: a line "size STRUCTURE BYTES" for each structure of which the input, a line for each source, says
# "SOURCE STRUCTURE...". The source (without .c) is compiled once more by the command which the build kept in OBJECTS, with an
# array as large as each structure: there need be no debug information, and what is private to a source is seen.
structure_sizes()
{
	local objects=$1 tree=$2 source names name kept command dir

	dir=$(mktemp -d)
	while read -r source names; do
		kept=$objects/${source%/*}/.${source##*/}.o.cmd
		[[ -f $kept ]] || die "no $kept: it is not built"
		# Without what comes behind the compiler, its list of headers, and its own object and source.
		command=$(sed -n -E '1{s/^savedcmd_[^ ]+ := //; s/ ; .*//; s/ -Wp,-MMD,[^ ]+//; s/ -c -o [^ ]+ [^ ]+ *$//; p}' "$kept")
		printf '#include "%s"\n' "$tree/$source.c" > "$dir/sizes.c"
		for name in $names; do
			printf 'char size_of_%s[sizeof(struct %s)];\n' "$name" "$name" >> "$dir/sizes.c"
		done
		(cd "$objects" && sh -c "$command -w -c -o '$dir/sizes.o' '$dir/sizes.c'") ||
			die "not compiled as the build did: $source, for the size of: $names"
		nm -t d -S "$dir/sizes.o" | awk 'sub(/^size_of_/, "", $4) { print "size", $4, $2 + 0 }'
	done
	rm -r "$dir"
}

# What the kernels are, as JSON: a given image need not be that of the queue in the context.
bench_images()
{
	local name

	for name in "${kernels[@]}"; do
		printf '%s\t%s\n' "$name" "$(sha256sum < "${image[$name]}" | cut -d ' ' -f 1)"
	done | jq -R -s --arg given "${given[*]}" '{ images_given: ($given | split(" ")),
		bzimage_sha256: (split("\n") | map(select(length > 0) | split("\t") | { key: .[0], value: .[1] }) | from_entries) }'
}

# bench_context ACCELERATOR PARAMETERS CONFIG...: what the figures of a benchmark depend on, as JSON. ACCELERATOR is "native",
# "icount" or "tcg"; PARAMETERS a JSON object of the benchmark's own; each CONFIG a kernel that takes part.
#
# bench/compare.sh refuses to compare runs in which anything but .queue and .repository differs.
bench_context()
{
	local accelerator=$1 parameters=$2 name qemu=
	shift 2

	for name in "$@"; do
		[[ -f $BUILD/obj-$name/.config ]] ||
			die "no $BUILD/obj-$name/.config: what '$name' was built of is not known"
	done
	# shellcheck disable=SC2153	# QEMU is scripts/lib.sh's
	case $accelerator in
	icount) qemu=$(qemu_version "$QEMU_UP") ;;
	tcg) qemu=$(qemu_version "$QEMU") ;;
	esac
	for name in "$@"; do
		printf '%s\t%s\t%s\t%s\n' "$name" "$(cat "$BUILD/obj-$name/include/config/kernel.release")" \
			"$(fragments "$name" | sed 's/^ *//')" "$(sha256sum < "$BUILD/obj-$name/.config" | cut -d ' ' -f 1)"
	done | jq -R -s --arg accelerator "$accelerator" --argjson parameters "$parameters" --argjson whole "$whole" --arg qemu "$qemu" \
		--arg cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sed -n 1p)" --argjson cpus "$(nproc)" \
		--arg running "$(uname -r)" --arg compiler "$(gcc --version | sed -n 1p)" \
		--arg repository "$(git -C "$ROOT" describe --always --dirty 2> /dev/null || echo unknown)" \
		--arg queue "$(queue_digest)" '
		{ cpu: $cpu, cpus: $cpus, accelerator: $accelerator }
		+ (if $qemu == "" then { running_kernel: $running } else { qemu: $qemu } end)
		+ { compiler: $compiler,
		    kernels: (split("\n") | map(select(length > 0) | split("\t")
			| { key: .[0], value: { release: .[1], fragments: (.[2] | split(" ")), config_sha256: .[3] } }) | from_entries),
		    parameters: ($parameters + { whole: ($whole == 1) }), repository: $repository, queue: $queue }'
}

# bench_json NAME CONTEXT-FILE [DETAILS-FILE]: the file out/bench/NAME.json from figures on standard input, a line each:
# value, unit and name with tabs between. A "-" for a value that could not be measured is an error. DETAILS is a JSON object
# of anything else worth keeping.
bench_json()
{
	local name=$1 context=$2 details=${3:-} more='{}'

	[[ -z $details ]] || more=$(cat "$details")
	mkdir -p "$OUT/bench"
	jq -R -s --arg name "$name" --slurpfile context "$context" --argjson more "$more" '
		{ bench: $name, context: $context[0],
		  figures: (split("\n") | map(select(length > 0) | split("\t")
			| { name: .[2], value: (.[0] | tonumber), unit: .[1] })) } + $more
		| if (.figures | length) == 0 then error("no figures") else . end
		| if (.figures | map(.name) | unique | length) != (.figures | length) then error("a figure twice") else . end' \
		> "$OUT/bench/$name.json.new" || die "$name: the figures are not complete"
	mv "$OUT/bench/$name.json.new" "$OUT/bench/$name.json"
}

# bench_plot NAME SCRIPT [WIDTH HEIGHT]: out/bench/NAME.svg and .png from a gnuplot script
bench_plot()
{
	local name=$1 script=$2 width=${3:-900} height=${4:-500}

	type -P gnuplot > /dev/null || die "gnuplot is not installed (scripts/setup.sh)"
	gnuplot -e "set terminal svg size $width,$height dynamic background 'white'; set output '$OUT/bench/$name.svg'" "$script"
	gnuplot -e "set terminal pngcairo size $width,$height; set output '$OUT/bench/$name.png'" "$script"
}
