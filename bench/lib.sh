# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the benchmarks after scripts/lib.sh and scripts/queue.sh: the three kernels which are compared.
#
#   stock   the pristine source, tag base of the kernel tree, exported once to build/stock-src
#   off     the queue, with TIMEKEEPER_NS=n
#   plain   the queue, with TIMEKEEPER_NS=y

kernels=(stock off plain)
declare -A image=() version=() release=()

stock_tree=$BUILD/stock-src

# take_image NAME=FILE: the argument of --kernel
take_image()
{
	[[ $1 =~ ^(stock|off|plain)=(.+)$ ]] || die "--kernel '$1' is not stock=FILE, off=FILE or plain=FILE"
	[[ -f ${BASH_REMATCH[2]} ]] || die "--kernel: no file '${BASH_REMATCH[2]}'"
	image[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
}

# The stamp is written last: an export that was cut off is made again, and so is that of another base.
export_stock()
{
	local base

	in_tree || die "no tree in $TREE (make tree)"
	base=$(kgit rev-parse 'base^{commit}')
	if [[ $(cat "$stock_tree/.timens-base" 2> /dev/null || true) = "$base" ]]; then
		say "stock: the source of Linux $(kernel_version "$stock_tree") is there"
		return
	fi
	say "stock: exporting the pristine source"
	rm -rf "$stock_tree"
	mkdir -p "$stock_tree"
	# The times of now (-m): make has to see the files of another base as changed.
	kgit archive --format=tar base | tar -C "$stock_tree" -x -m
	echo "$base" > "$stock_tree/.timens-base"
}

# Those for which no image was given.
build_kernels()
{
	local name

	for name in "${kernels[@]}"; do
		[[ -z ${image[$name]:-} ]] || continue
		if [[ $name = stock ]]; then
			locked stock-src export_stock
			"$ROOT/scripts/build.sh" --config stock --tree "$stock_tree"
		else
			"$ROOT/scripts/build.sh" --config "$name"
		fi
		image[$name]=$BUILD/obj-$name/arch/x86/boot/bzImage
	done
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
		[[ ${version[$name]} = "${version[stock]}" ]] ||
			die "not the same Linux: stock ${version[stock]}, $name ${version[$name]}"
	done
}
