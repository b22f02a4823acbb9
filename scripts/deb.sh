#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Debian packages: the patched kernel with the configuration of Debian's cloud kernel and TIMEKEEPER_NS (image and headers, by the
# kernel's own packaging), and tkns. They end up in out/deb. A build that was stopped goes on where it was.
#
# The configuration is that of the Debian version which the tree was made from; configs/timens.config and configs/deb.config
# are laid over it. The version of the packages is Debian's with +timens and the number of commits of this repository, so that a
# newer one is newer.
#
# usage: deb.sh [--debug-info] [--few] [kernel|tkns]...     both, unless said
#
#   --debug-info   BTF, and a package with DWARF
#   --few          only the modules of configs/deb-few.modules, for a test. The version is older than that of the
#                  package with all of them, and to build that later compiles only what is missing.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=queue.sh
. "$(dirname "${BASH_SOURCE[0]}")/queue.sh"
# shellcheck source=archive.sh
. "$(dirname "${BASH_SOURCE[0]}")/archive.sh"

debug_info=0 few=0
parts=()
while [[ $# -gt 0 ]]; do
	case $1 in
	--debug-info) debug_info=1; shift ;;
	--few) few=1; shift ;;
	kernel | tkns) parts+=("$1"); shift ;;
	*) die "unknown argument '$1'" ;;
	esac
done
[[ ${#parts[@]} -gt 0 ]] || parts=(kernel tkns)

obj=$BUILD/obj-deb
work=$BUILD/deb
out=$OUT/deb
log=$BUILD/log/deb.log
jobs=${JOBS:-$(nproc)}
is_number "$jobs" || die "JOBS='$jobs' is not a number"
maintainer="timens-tk <timens-tk@localhost>"
revision=+timens$(git -C "$ROOT" rev-list --count HEAD)

# debian_config VERSION: configuration of Debian's cloud kernel of that version, in $work
debian_config()
{
	local package=linux-config-6.12 temp

	config=$work/config-$1
	[[ ! -f $config ]] || return 0
	mkdir -p "$work"
	temp=$(mktemp -d "$work/.config.XXXXXX")
	(
		cd "$temp"
		apt-get -q -o Acquire::Retries=1 -o APT::Sandbox::User=root download "$package=$1" >&2 ||
			{ every_release >&2 && apt-get -q -o APT::Sandbox::User=root "${own_apt[@]}" download "$package=$1" >&2; }
		dpkg-deb --fsys-tarfile "${package}"_*.deb |
			tar -xO "./usr/src/$package/config.amd64_none_cloud-amd64.xz" | xz -d > config
	) || die "no $package $1, which has the configuration of Debian's kernel of the version that the tree was made from"
	mv "$temp/config" "$config"
	rm -r "$temp"
}

# few_modules: $work/new with the modules of configs/deb-few.modules, and none besides
few_modules()
{
	local dir=$work/few

	rm -rf "$dir"
	mkdir -p "$dir"
	# As lsmod would print them on a machine where they are loaded
	{
		echo 'Module Size Used by'
		sed '/^#/d' "$ROOT/configs/deb-few.modules" | tr -s ' ' '\n' | sed '/^$/d; s/$/ 1 0/'
	} > "$dir/lsmod"
	cp "$work/new" "$dir/.config"
	# It asks for what is new in this kernel, as oldconfig does
	make -C "$TREE" O="$dir" LOCALVERSION='' LSMOD="$dir/lsmod" localmodconfig < <(yes '' 2> /dev/null) >> "$log" 2>&1 ||
		die "choosing the modules failed, see $log"
	cp "$dir/.config" "$work/new"
}

# configure: the three laid over each other, in $obj
configure()
{
	local fragments=("$ROOT/configs/timens.config" "$ROOT/configs/deb.config") line

	mkdir -p "$obj"
	if [[ $debug_info = 0 ]]; then
		printf '%s\n' CONFIG_DEBUG_INFO_NONE=y > "$work/debug.config"
	else
		printf '%s\n' CONFIG_DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT=y CONFIG_DEBUG_INFO_BTF=y > "$work/debug.config"
	fi
	fragments+=("$work/debug.config")
	(cd "$TREE" && LOCALVERSION='' KCONFIG_CONFIG="$work/new" scripts/kconfig/merge_config.sh -m -Q "$config" "${fragments[@]}") > "$log" 2>&1 ||
		die "merging the configuration failed, see $log"
	if [[ $few = 1 ]]; then
		few_modules
	fi
	# Compiled again is what the change of an option concerns, and nothing if there was none
	cmp -s "$work/new" "$work/merged" 2> /dev/null || cp "$work/new" "$obj/.config"
	cp "$work/new" "$work/merged"
	make -C "$TREE" O="$obj" LOCALVERSION='' olddefconfig >> "$log" 2>&1 || die "Kconfig failed, see $log"
	while IFS= read -r line; do
		grep -q -x -F -e "$line" "$obj/.config" && continue
		# What depends on something that is off is not mentioned at all
		if [[ $line != '# '* ]] || grep -q -F -e "${line:2:-11}=" "$obj/.config"; then
			die "Kconfig did not accept '$line'"
		fi
	done < <(cat "${fragments[@]}" | grep -E '^(CONFIG_|# CONFIG_.* is not set$)')
}

# progress OF: a line for every hundred objects
progress()
{
	local line n=0

	while IFS= read -r line; do
		case $line in
		'  CC '* | '  AS '* | '  HOSTCC '*)
			n=$((n + 1))
			[[ $((n % 100)) -ne 0 ]] || say "$n objects$1, $SECONDS s"
			;;
		*': warning: '*) printf '%s\n' "$line" ;;
		esac
	done
}

# compile WHAT...: make it, with progress; ccache makes what was there before quick
compile()
{
	local of=''

	export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 2026' KBUILD_BUILD_USER=timens KBUILD_BUILD_HOST=timens
	export KBUILD_BUILD_VERSION=1 LOCALVERSION=''
	# The headers that Kbuild lists anyway tell whether an object is known: no separate pass of the preprocessor
	export CCACHE_BASEDIR=$BUILD CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
	# How many are missing after a stop, and how many --few are, is not known
	[[ $few = 1 ]] || of=' of about 5100'
	if ! make -C "$TREE" O="$obj" -j"$jobs" CC='ccache gcc' HOSTCC='ccache gcc' "$@" 2>&1 | tee -a "$log" | progress "$of"; then
		grep -n -E -A 12 '(error|undefined reference|Error [0-9]+|\*\*\*)' "$log" | tail -n 60 >&2 || true
		die "the packages are not built, see $log"
	fi
}

kernel()
{
	local debian version release file

	in_tree || die "no tree in $TREE (make tree)"
	debian=$(kgit config timens.version) || die "what Debian version $TREE was made from is not known: make distclean, make tree"
	version=$debian$revision
	[[ $few = 0 ]] || version+=~few
	debian_config "$debian"
	configure
	say "Linux $(kernel_version "$TREE") with Debian's cloud configuration, $jobs jobs; half an hour to two hours when nothing is there"
	compile all
	release=$(< "$obj/include/config/kernel.release")
	[[ $release = *-timens ]] || die "the release '$release' does not end in -timens"
	rm -f "$BUILD"/linux-{image,headers,libc-dev}*.deb "$BUILD"/linux-upstream_* "$BUILD"/linux-timens_*
	say "packing"
	# The packages come to lie beside the objects. Headers of the C library are Debian's business.
	KDEB_PKGVERSION=$version KDEB_SOURCENAME=linux-timens KDEB_CHANGELOG_DIST=unstable DEBFULLNAME=timens-tk \
		DEBEMAIL=timens-tk@localhost DPKG_FLAGS='-d' compile bindeb-pkg
	mkdir -p "$out"
	rm -f "$out"/linux-*.deb
	for file in "$BUILD"/linux-image-"$release"*_"${version}"_amd64.deb "$BUILD"/linux-headers-"$release"_"${version}"_amd64.deb; do
		[[ -f $file ]] || continue
		[[ $file != *-dbg_* || $debug_info = 1 ]] || continue
		mv "$file" "$out/"
	done
	rm -f "$BUILD"/linux-{image,headers,libc-dev}*.deb "$BUILD"/linux-upstream_* "$BUILD"/linux-timens_*
	[[ $(find "$out" -name 'linux-image-*.deb' | wc -l) -ge 1 && -n $(find "$out" -name 'linux-headers-*.deb') ]] ||
		die "the packages are not where they should be, see $log"
}

# tkns VERSION: a package of the tool, its manual, completion, and what containers need
package_tkns()
{
	local version=1$revision root=$work/tkns doc=$work/tkns/usr/share/doc/tkns

	rm -rf "$root"
	make -s -C "$ROOT/tools/tkns" O="$work/tkns-obj" PREFIX=/usr libexecdir=/usr/libexec/tkns DESTDIR="$root" install
	strip --strip-unneeded "$root/usr/bin/tkns"
	find "$root/usr/share/man" -type f -exec gzip -9 -n {} +
	mkdir -p "$doc" "$root/DEBIAN" "$root/usr/share/lintian/overrides"
	printf '%s\n' '# Built by whoever installs it: there is nobody to write to.' 'tkns: bogus-mail-host' 'tkns: bogus-mail-host-in-debian-changelog' > "$root/usr/share/lintian/overrides/tkns"
	for page in manual timekeeper consumers containers save learn; do
		install -m 0644 "$ROOT/Documentation/timers/timens-$page.rst" "$doc/"
	done
	find "$doc" -name '*.rst' -exec gzip -9 -n {} +
	cat > "$doc/copyright" << 'END'
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: tkns

Files: *
Copyright: 2026 the timens-tk authors
License: GPL-2
 On Debian systems, the text of the GNU General Public License version 2 is in
 /usr/share/common-licenses/GPL-2.
END
	{
		echo "tkns ($version) unstable; urgency=medium"
		echo
		echo "  * Built from commit $(git -C "$ROOT" rev-parse --short HEAD)."
		echo
		echo " -- $maintainer  $(git -C "$ROOT" log -1 --format=%cD)"
	} | gzip -9 -n > "$doc/changelog.gz"
	cat > "$root/DEBIAN/control" << END
Package: tkns
Version: $version
Architecture: amd64
Maintainer: $maintainer
Installed-Size: $(du -k -s --exclude=DEBIAN "$root" | cut -f1)
Depends: libc6 (>= $(dpkg-query -W -f '${Version}' libc6 | cut -d- -f1)), jq
Suggests: gnuplot-nox, uidmap
Section: admin
Priority: optional
Description: clocks of their own for time namespaces
 tkns runs commands and containers on a clock of their own: with another date,
 another rate, or a leap second that is rehearsed. It shows, sets and watches
 the clocks of time namespaces.
 .
 It needs a kernel with TIMEKEEPER_NS, such as linux-image-*-timens.
END
	(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) > "$root/DEBIAN/md5sums"
	mkdir -p "$out"
	rm -f "$out"/tkns_*.deb
	dpkg-deb --root-owner-group --build "$root" "$out/tkns_${version}_amd64.deb" > /dev/null
}

mkdir -p "$BUILD/log" "$work"
for part in "${parts[@]}"; do
	case $part in
	kernel) locked obj-deb kernel ;;
	tkns) package_tkns ;;
	esac
done
printf '%-64s %8s\n' package 'MiB'
find "$out" -name '*.deb' -printf '%f %s\n' | LC_ALL=C sort | awk '{ printf "%-64s %8.1f\n", $1, $2 / 1048576 }'
say "in $out"
