#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Make build/initramfs.cpio: busybox, Debian's own programs with their libraries, the kernel's selftests, our programs
# and suites. Compiles what is out of date, and packs only when something changed.
#
# The image is not compressed: unpacking it would be the slowest part of a boot under emulation. For the same reason the
# unmodified programs of harness/programs.list are only in build/initramfs-programs.cpio, which is this image and an archive
# behind it: the kernel unpacks both. Suites ask for it with "--image programs". So it is with harness/userland.list, and
# with harness/java.list where there is a Java ("setup.sh java").
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[[ $# -eq 0 ]] || die "unknown argument '$1'"

image=$BUILD/initramfs.cpio
# Each is harness/NAME.list
others=(programs userland systemd)
[[ ! -d $DEBS/default-jre-headless ]] || others+=(java)
root=$BUILD/initramfs
log=$BUILD/log/initramfs.log

# Library directories of Debian, by ELF class.
dirs64=(/lib/x86_64-linux-gnu /usr/lib/x86_64-linux-gnu)
dirs32=(/lib32 /usr/lib32 /lib/i386-linux-gnu /usr/lib/i386-linux-gnu)

# put FILE PATH: copy FILE (what a link points to) to PATH in the image; a PATH that ends in "/" is a directory of Debian's,
# with all that is in it, where links remain that lead to somewhere within it
put()
{
	local to=$root/$2 link

	if [[ $2 = */ ]]; then
		mkdir -p "$to"
		cp -R --preserve=mode,timestamps "$1/." "$to"
		while IFS= read -r link; do
			cp -RL --remove-destination --preserve=mode,timestamps "$1/$link" "$to/$link"
		done < <(cd "$to" && find . -xtype l)
		chmod -R u+w "$to"
		return
	fi

	mkdir -p "${to%/*}"
	cp -L --preserve=mode,timestamps "$1" "$to"
	chmod u+w "$to"
}

declare -A have=()

# libraries FILE WHERE: put every library that FILE needs, and those that they need. Reads the ELF headers instead of
# running the loader, so that 32-bit files work on a machine that cannot run them.
libraries()
{
	local file=$1 header class lib dir found package='' dirs=()

	header=$(objdump -p "$file" 2> /dev/null) || return 0
	case $header in
	*elf64-x86-64*) class=64 dirs=("${dirs64[@]}") ;;
	*elf32-i386*) class=32 dirs=("${dirs32[@]}") ;;
	*) return 0 ;;
	esac
	if [[ $header == *" INTERP "* || $header == *"NEEDED"* ]]; then
		if [[ $class = 64 ]]; then
			loader /lib64/ld-linux-x86-64.so.2
		else
			loader /lib/ld-linux.so.2
		fi
	fi
	# Private directories of the package (RUNPATH) come after the usual ones, and what was unpacked with it after this machine's.
	mapfile -t -O "${#dirs[@]}" dirs < <(awk -v origin="${file%/*}" \
		'$1 == "RUNPATH" || $1 == "RPATH" { gsub(":", "\n", $2); gsub(/[$]ORIGIN/, origin, $2); print $2 }' <<< "$header")
	[[ $file != "$DEBS"/* ]] || package=${file#"$DEBS"/}
	[[ -z $package ]] || dirs+=("${dirs[@]/#/"$DEBS/${package%%/*}"}")
	while read -r lib; do
		[[ -z ${have[$class/$lib]:-} ]] || continue
		have[$class/$lib]=1
		[[ $lib != ld-linux* ]] || continue
		found=
		for dir in "${dirs[@]}"; do
			if [[ -e $dir/$lib ]]; then
				found=$(realpath -s "$dir/$lib")
				break
			fi
		done
		[[ -n $found ]] || die "$2 needs the library '$lib', which is not installed here (scripts/setup.sh)"
		put "$found" "${found#"$DEBS/${package%%/*}"}"
		libraries "$found" "${found#"$DEBS/${package%%/*}"}"
	done < <(sed -n 's/^ *NEEDED *//p' <<< "$header")
}

loader()
{
	[[ -z ${have[$1]:-} ]] || return 0
	have[$1]=1
	[[ -e $1 ]] || die "no loader '$1' on this machine (scripts/setup.sh)"
	put "$1" "$1"
}

# named LIST: what harness/LIST names, as "source<TAB>path in the image"
named()
{
	local number=0 first second rest from file

	while read -r first second rest; do
		number=$((number + 1))
		[[ -n $first && $first != \#* ]] || continue
		[[ -z $rest ]] || die "harness/$1:$number: more than two words"
		if [[ $first = python ]]; then
			python_module "$second"
			continue
		fi
		from=''
		[[ -z $second ]] || from=$DEBS/$first
		# Without usr/ in a Debian that still had /bin beside /usr/bin.
		[[ -z $from || $second != /usr/* ]] || compgen -G "$from${second%/}" > /dev/null || second=${second#/usr}
		first=${second:-$first}
		compgen -G "$from${first%/}" > /dev/null ||
			die "harness/$1:$number: no '$first' ${from:+in $from }on this machine (scripts/setup.sh)"
		while read -r file; do
			printf '%s\t%s\n' "$file" "${file#"$from"}"
		done < <(compgen -G "$from$first")
	done < "$ROOT/harness/$1"
}

# python_module PACKAGE: the module of a package unpacked in build/debs, python-MODULE, and what of python's own library an
# import of it takes. Their compiled forms are taken along: under emulation compiling takes longer than all the rest.
python_module()
{
	local from=$DEBS/$1/usr/lib/python3/dist-packages file

	/usr/bin/python3 -E -s -S - "$from" "${1#*-}" <<'END' > "$BUILD/python-files" || die "python3 cannot import '${1#*-}' from $from"
import importlib, os, sys
sys.path.insert(0, sys.argv[1])
importlib.import_module(sys.argv[2])
files = set()
for module in sys.modules.values():
    for name in (getattr(module, "__file__", None), getattr(module, "__cached__", None)):
        if name and os.path.exists(name):
            files.add(name)
print("\n".join(sorted(files)))
END
	while read -r file; do
		printf '%s\t%s\n' "$file" "${file#"$DEBS/$1"}"
	done < "$BUILD/python-files"
}

# The list of what is to be copied, in the same form
wanted()
{
	local dir

	named bin.list
	printf '%s\t%s\n' "$(busybox_path)" /busybox/busybox
	printf '%s\t%s\n' "$BUILD/harness/init" /init
	printf '%s\t%s\n' "$BUILD/tkns/tkns" /usr/bin/tkns
	printf '%s\t%s\n' "$ROOT/tools/tkns/oci/oci" /usr/local/libexec/tkns/oci
	printf '%s\t%s\n' "$ROOT/tools/tkns/criu/action" /usr/local/libexec/tkns/criu
	printf '%s\t%s\n' "$ROOT/tools/tkns/tkns-chaos.1" /usr/share/timens/tkns-chaos.1
	find "$BUILD/harness" -type f -executable ! -name init -printf '%p\t/usr/lib/timens/%f\n'
	find "$BUILD/kselftest" -type f -executable -printf '%p\t/kselftest/%P\n'
	for dir in $(suite_folders); do
		find "$ROOT/$dir" -type f -executable -printf '%p\t/suites/%P\n'
	done
	find "$ROOT/harness/rootfs" -type f -printf '%p\t/%P\n'
}

busybox_path()
{
	local path

	path=$(type -P busybox) || die "busybox is not installed (scripts/setup.sh)"
	# The static one: it must run whatever happens to the libraries.
	[[ $(objdump -p "$path") != *NEEDED* ]] || die "'$path' is not static (package busybox-static)"
	echo "$path"
}

# Users that the image does not know own nothing in it; what must belong to somebody is set up by process 1.
pack()
{
	local src path applet link list=$1

	rm -rf "$root"
	mkdir -p "$root"/{usr/{bin,sbin,lib,lib64,lib32},busybox,proc,sys,dev,run,tmp,out,root,home/user,var/{lib/{chrony,ntpsec},log,tmp},etc}
	for link in bin sbin lib lib64 lib32; do
		ln -s "usr/$link" "$root/$link"
	done
	ln -s /run "$root/var/run"
	ln -s /bin/bash "$root/usr/bin/sh"
	ln -s /proc/self/mounts "$root/etc/mtab"

	while IFS=$'\t' read -r src path; do
		put "$src" "$path"
		libraries "$src" "$path"
	done < "$list"

	for applet in $("$root/busybox/busybox" --list); do
		[[ $applet = busybox ]] || ln -s busybox "$root/busybox/$applet"
	done
	chmod 0700 "$root/root"
	chmod 1777 "$root/tmp" "$root/var/tmp"
	chmod 0755 "$root/init"

	archive "$root" > "$image.new"
	mv "$image.new" "$image"
}

archive()
{
	(cd "$1" && find . -mindepth 1 -print0 | LC_ALL=C sort -z |
		cpio -0 -o -H newc --reproducible --owner=+0:+0 --quiet)
}

# pack_more NAME LIST: another image, with what is not in the first one, where its links lead. Nothing of it may be in both.
pack_more()
{
	local src path dir more=$BUILD/initramfs-$1 base=$root

	# A library that is named itself is where its program finds it.
	have=()
	while IFS=$'\t' read -r src path; do
		have[64/${path##*/}]=1
	done < "$2"
	rm -rf "$more"
	root=$more
	while IFS=$'\t' read -r src path; do
		put "$src" "$path"
		libraries "$src" "$path"
	done < "$2"
	for dir in bin sbin lib lib64; do
		[[ -d $more/$dir ]] || continue
		mkdir -p "$more/usr/$dir"
		cp -a "$more/$dir/." "$more/usr/$dir/"
		rm -r "${more:?}/$dir"
	done
	(cd "$more" && find . -type f -print0) | while IFS= read -r -d '' path; do
		[[ ! -e $base/$path ]] || rm "$more/$path"
	done
	find "$more" -mindepth 1 -type d -empty -delete
	{
		cat "$image"
		archive "$more"
	} > "$more.cpio.new"
	mv "$more.cpio.new" "$more.cpio"
	root=$base
	say "$more.cpio: $(($(stat -c %s "$more.cpio") / 1048576)) MiB, $(find "$more" -type f | wc -l) files more"
}

make_image()
{
	local list name digest complete=1
	local -A more=()

	mkdir -p "$BUILD/log" "$BUILD/harness" "$BUILD/kselftest"
	[[ -d $TREE/tools/testing/selftests ]] || die "no kernel source in '$TREE' (make tree)"
	if ! CCACHE_BASEDIR=$ROOT make -C "$ROOT" -f harness/harness.mk --no-print-directory -j"${JOBS:-$(nproc)}" \
		ROOT="$ROOT" BUILD="$BUILD" TREE="$TREE" > "$log" 2>&1; then
		grep -E '(error|Error|\*\*\*|undefined)' -A 5 "$log" | head -n 40 >&2 || true
		die "a program of the initramfs does not compile, see $log"
	fi
	# What has no source any more must not stay in the image.
	prune

	list=$(mktemp "$BUILD/initramfs-list.XXXXXX")
	for name in "${others[@]}"; do
		more[$name]=$(mktemp "$BUILD/initramfs-list.XXXXXX")
		[[ -f $BUILD/initramfs-$name.cpio ]] || complete=0
	done
	# shellcheck disable=SC2064
	trap "rm -f '$list' ${more[*]@Q} '$image.new' '$BUILD'/initramfs-*.cpio.new '$BUILD/python-files'" EXIT
	wanted | LC_ALL=C sort -k 2 > "$list"
	for name in "${others[@]}"; do
		named "$name.list" | LC_ALL=C sort -k 2 > "${more[$name]}"
	done
	duplicates=$(cut -f 2 "$list" | LC_ALL=C sort | uniq -d)
	[[ -z $duplicates ]] || die "two sources for the same path in the image: $duplicates"

	# Content, not times, of what is ours; the rest is Debian's and changes with its packages.
	digest=$(
		{
			cat "$list" "${more[@]}" "$ROOT/scripts/mkinitramfs.sh"
			cut -f 1 "$list" "${more[@]}" | tr '\n' '\0' | xargs -0 stat -L -c '%n %s %Y %a'
		} | sha256sum
	)
	if [[ -f $image && $complete = 1 && $(cat "$image.digest" 2> /dev/null || true) = "$digest" ]]; then
		say "up to date"
		return
	fi
	rm -f "$image.digest"
	pack "$list"
	for name in "${others[@]}"; do
		pack_more "$name" "${more[$name]}"
	done
	echo "$digest" > "$image.digest"
	say "$image: $(($(stat -c %s "$image") / 1048576)) MiB, $(wc -l < "$list") files and their libraries"
}

prune()
{
	local file name

	for file in "$BUILD"/harness/* "$BUILD"/kselftest/timens/tk_*; do
		name=${file##*/}
		name=${name%.d}
		case $file in
		"$BUILD"/harness/*)
			[[ -f $ROOT/harness/${name%.32}.c || -f $ROOT/harness/demo/${name%.32}.c ||
				-f $ROOT/bench/guest/${name%.32}.c ]] || rm -f "$file" ;;
		*)
			[[ -f $ROOT/tools/testing/selftests/timens/${name%.32}.c ]] || rm -f "$file" ;;
		esac
	done
	# No longer in the list of 32-bit programs.
	for file in "$BUILD"/harness/*.32 "$BUILD"/kselftest/timens/*.32; do
		name=${file##*/}
		[[ -e $file ]] || continue
		sed 's/#.*//' "$ROOT/harness/m32.list" | grep -q -x -F "${name%.32}" || rm -f "$file"
	done
}

locked initramfs make_image
