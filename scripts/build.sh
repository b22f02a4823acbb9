#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Build one configuration of the kernel in build/obj-NAME, with ccache. Only what changed is compiled.
#
# A configuration with a patch (configs/sets) is built from a tree of links to the tree, in which the patched files alone are copies. It
# stands at the same place relative to its objects, so that ccache has all other objects.
#
# usage: build.sh --config NAME [--tree DIR] [MAKE-TARGET...]
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

config=
tree_args=()
targets=()
while [[ $# -gt 0 ]]; do
	case $1 in
	--config) need_value "$@"; config=$2; shift 2 ;;
	--tree) need_value "$@"; TREE=$(realpath -e "$2") || die "no directory '$2'"; tree_args=(--tree "$TREE"); shift 2 ;;
	-*) die "unknown option '$1'" ;;
	*) targets+=("$1"); shift ;;
	esac
done
[[ -n $config ]] || die "--config NAME is missing"
[[ ${#targets[@]} -gt 0 ]] || targets=(bzImage)

obj=$BUILD/obj-$config
patch=$(config_patch "$config")
log=$BUILD/log/build-$config.log
jobs=${JOBS:-$(nproc)}
is_number "$jobs" || die "JOBS='$jobs' is not a number"

# progress START: a line for every hundred objects of make's output, and every warning
progress()
{
	local line n=0

	while IFS= read -r line; do
		case $line in
		'  CC '* | '  AS '* | '  HOSTCC '* | '  VDSO'*)
			n=$((n + 1))
			[[ $((n % 100)) -ne 0 ]] || say "$config: $n objects, $((SECONDS - $1)) s"
			;;
		*': warning: '*) printf '%s\n' "$line" ;;
		esac
	done
}

# patched_tree DIR: $TREE with $patch as links and copies
patched_tree()
{
	local dir=$1 new path folder name
	local -A real=() folders=([.]=1)

	[[ -f $ROOT/$patch ]] || die "configs/sets names a patch '$patch', which does not exist"
	new=$(mktemp -d "$BUILD/patched.XXXXXX")
	# shellcheck disable=SC2064
	trap "rm -rf '$new'" EXIT
	while IFS= read -r path; do
		[[ -f $TREE/$path ]] || die "$patch changes '$path', which is not in $TREE"
		mkdir -p "$new/$(dirname "$path")"
		cp "$TREE/$path" "$new/$path"
		real[$path]=1
		while [[ $path != . ]]; do
			path=$(dirname "$path")
			folders[$path]=1
		done
	done < <(sed -n 's,^+++ b/,,p' "$ROOT/$patch" | cut -f 1)
	[[ ${#real[@]} -gt 0 ]] || die "$patch changes nothing"
	# Outside of any git tree it is git's strict patch; in an ignored folder of one it would do nothing, and say nothing.
	(cd "$new" && GIT_CEILING_DIRECTORIES=$BUILD git apply --whitespace=nowarn "$ROOT/$patch") ||
		die "$config: $patch does not apply to $TREE any more: the configuration '$config' is nothing without it"
	for path in "${!real[@]}"; do
		! cmp -s "$new/$path" "$TREE/$path" || die "$config: $patch leaves '$path' as it is"
	done

	for folder in "${!folders[@]}"; do
		[[ ! -L $dir/$folder ]] || rm "$dir/$folder"
		mkdir -p "$dir/$folder"
	done
	for folder in "${!folders[@]}"; do
		while IFS= read -r name; do
			path=$folder/$name
			path=${path#./}
			[[ $name != .git && -z ${real[$path]:-} && -z ${folders[$path]:-} ]] || continue
			[[ $(readlink "$dir/$path") != "$TREE/$path" ]] || continue
			rm -rf "${dir:?}/$path"
			ln -s "$TREE/$path" "$dir/$path"
		done < <(find "$TREE/$folder" -mindepth 1 -maxdepth 1 -printf '%f\n')
		find "$dir/$folder" -maxdepth 1 -xtype l -delete
	done
	for path in "${!real[@]}"; do
		[[ ! -L $dir/$path ]] || rm "$dir/$path"
		cmp -s "$new/$path" "$dir/$path" || cp "$new/$path" "$dir/$path"
	done
	TREE=$dir
	tree_args=(--tree "$dir")
}

build()
{
	local start=$SECONDS version

	if [[ -n $patch ]]; then
		patched_tree "$BUILD/planted/linux"
		mkdir -p "$BUILD/planted/obj-$config"
		[[ -L $obj ]] || rm -rf "$obj"
		ln -sfn "planted/obj-$config" "$obj"
		obj=$BUILD/planted/obj-$config
	fi
	"$ROOT/scripts/config.sh" --config "$config" "${tree_args[@]}"
	version=$(kernel_version "$TREE")
	say "$config: building Linux $version with $jobs jobs"

	# The same name, date and relative paths everywhere, so that two builds of the same source are
	# the same and ccache finds the objects of another configuration or another build directory.
	# LOCALVERSION is set, and empty, because setlocalversion would otherwise append a "+" to the name.
	export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 2026' KBUILD_BUILD_USER=timens KBUILD_BUILD_HOST=timens
	export KBUILD_BUILD_VERSION=1 LOCALVERSION=''
	export CCACHE_BASEDIR=$BUILD CCACHE_NOHASHDIR=1

	# Every object is a line in the log; on the terminal every hundredth.
	if ! make -C "$TREE" O="$obj" -j"$jobs" CC='ccache gcc' HOSTCC='ccache gcc' "${targets[@]}" 2>&1 |
		tee "$log" | progress "$start"; then
		grep -n -E -A 12 '(error|undefined reference|Error [0-9]+|\*\*\*)' "$log" | head -n 60 >&2 || true
		die "$config: the kernel does not build, see $log"
	fi
	[[ -f $obj/include/config/kernel.release ]] && version=$(cat "$obj/include/config/kernel.release")
	[[ $version == *-timens ]] || die "$config: the release '$version' does not end in -timens"
	say "$config: $version ready in $((SECONDS - start)) s"
}

locked "obj-$config" build
