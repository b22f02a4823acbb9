#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Install what the build, the boots and the checks need on a Debian 12 or 13 machine, and get the kernel source. Does nothing, quickly,
# when all is there.
#
# The kernel source is the newest one that the queue is known to fit, see archive.sh. BASE=VERSION takes another one of
# Debian's, LINUX_SRC, when set, the place of all of them.
#
# usage: setup.sh           all of it
#        setup.sh tkns      what compiles the tool tkns: a C compiler, make and the C library's headers
#        setup.sh tkns-test and what its tests need
#        setup.sh deb       all of it, and what packages are made with
#        setup.sh vm        what a virtual machine is made of these with
#        setup.sh gdb       all of it, and the debugger
#        setup.sh java      all of it, and a Java for one of the long tests
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=archive.sh
. "$(dirname "${BASH_SOURCE[0]}")/archive.sh"
[[ $# -le 1 && ${1:-all} =~ ^(all|tkns|tkns-test|deb|vm|gdb|java)$ ]] || die "unknown argument '$*'"

# Libraries with a 64-bit time_t on 32-bit machines have another name since Debian 13, where the old zone names left tzdata, too.
# shellcheck source=/dev/null
debian=$(. "${OS_RELEASE:-/etc/os-release}" && echo "${VERSION_ID:-}")
t64=t64 zones=tzdata-legacy
[[ $debian != 12 ]] || t64='' zones=tzdata

packages=(
	# the kernel and its tools
	gcc make binutils ccache flex bison bc libelf-dev libssl-dev perl cpio rsync kmod xz-utils git
	# the programs of the guest, 64 and 32 bits
	libc6-dev gcc-multilib libcap-dev
	# the machine
	qemu-system-x86
	# what is copied into the guest
	bash busybox-static util-linux bsdutils uidmap libcap2-bin iproute2 crun jq tzdata "$zones" procps python3
	# libraries of the daemons below
	libcap2 libedit2 "libgnutls30$t64" "libnettle8$t64" libseccomp2 libbsd0 "libssl3$t64"
	libnet1 libnftables1 libnl-3-200 libprotobuf-c1
	# checks (the python modules are for checkpatch's look at licences)
	sparse shellcheck python3-ply python3-git groff-base
	# plots of the benchmarks; perf for the guest of one of them
	gnuplot-nox linux-perf
	# for the libraries of the systemd in the guest
	systemd dbus-daemon
)

case ${1:-all} in
# dwarves is for --debug-info: pahole writes BTF
deb) packages+=(build-essential debhelper dpkg-dev dwarves fakeroot lsb-release) ;;
# A mirror's keys are those of the newest release
vm) packages+=(mmdebstrap e2fsprogs fdisk debian-archive-keyring) ;;
gdb) packages+=(gdb) ;;
esac

# The two time daemons exclude each other as installed packages (and would set this machine's clock), so they are only
# unpacked: "package file-that-proves-it".
daemons=("chrony usr/sbin/chronyd" "ntpsec usr/sbin/ntpd")
# Programs of the guest alone.
daemons+=("criu usr/sbin/criu" "python3-psutil usr/lib/python3/dist-packages/psutil")
# Servers and tools which this machine need not have (harness/userland.list). The proof may be a pattern: versions are in some names.
daemons+=("postgresql usr/lib/postgresql/*/bin/postgres" "postgresql-client usr/lib/postgresql/*/bin/psql"
	"redis-server usr/bin/redis-server" "redis-tools usr/bin/redis-cli" "cron usr/sbin/cron" "logrotate usr/sbin/logrotate"
	"systemd-standalone-tmpfiles usr/share/man/man8/systemd-tmpfiles.8.gz" "faketime usr/bin/faketime")
# systemd as process 1 of a container (harness/systemd.list): unpacked, as a machine's own has services of whatever is installed there
daemons+=("systemd usr/share/systemd" "dbus usr/share/doc/dbus" "dbus-system-bus-common usr/share/dbus-1/system.conf")
# 170 MiB, for one row
[[ ${1:-all} != java ]] || daemons+=("default-jre-headless usr/lib/jvm/java-??-openjdk-*/lib/modules")

# CRIU 4 has part of itself in a library.
[[ $debian = 12 ]] || packages+=(libcompel1)

# Debian 12's QEMU is older than 8.1 and, with a thread for each CPU, runs breakpoints that were taken out of the kernel's text.
# A newer one of Debian's backports is unpacked beside it, and not installed; harness/README.md tells the story.
qemu_parts=(qemu-system-x86 qemu-system-common qemu-system-data seabios)

missing_packages()
{
	dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${packages[@]}" 2> /dev/null |
		awk -v want="${packages[*]}" '
			$2 == "installed" { have[$1] = 1 }
			END { n = split(want, p, " "); for (i = 1; i <= n; i++) if (!(p[i] in have)) print p[i] }'
}

missing_daemons()
{
	local entry

	for entry in "${daemons[@]}"; do
		compgen -G "$DEBS/${entry/ //}" > /dev/null || echo "${entry%% *}"
	done
}

as_root()
{
	if [[ $(id -u) = 0 ]]; then
		"$@"
	else
		type -P sudo > /dev/null || die "must be root, or have sudo, to install packages: ${missing[*]}"
		sudo "$@"
	fi
}

apt_is_fresh=0
own_apt=()
apt_update()
{
	[[ $apt_is_fresh = 0 ]] || return 0
	# Downloading needs no privilege; the package lists that are there may do.
	if [[ $(id -u) != 0 && ${#missing[@]} -eq 0 ]] && ! type -P sudo > /dev/null; then
		say "neither root nor sudo: using the package lists as they are"
		return
	fi
	say "apt-get update"
	as_root apt-get -q -o Acquire::Retries=3 update || return
	apt_is_fresh=1
}

# versioned NAME: the package that is meant by one which has nothing but a dependency: "postgresql-15", "openjdk-17-jre-headless"
versioned()
{
	local real

	real=$(apt-cache depends --no-recommends --no-suggests "$1" |
		awk -v name="$1" '$1 == "Depends:" && (index($2, name "-") == 1 && substr($2, length(name) + 2) ~ /^[0-9]+$/ ||
			name == "default-jre-headless" && $2 ~ /^openjdk-[0-9]+-jre-headless$/) { print $2; exit }')
	echo "${real:-$1}"
}

# libraries_of PACKAGE: those which it needs and this machine lacks; not the compiler of PostgreSQL's JIT, which is loaded at run time
libraries_of()
{
	apt-get -s --no-install-recommends install "$1" 2> /dev/null |
		awk '$1 == "Inst" && $3 !~ /^\[/ && $2 ~ /^lib/ && $2 !~ /^lib(llvm|z3)|-perl$/ { print $2 }'
}

unpack_daemon()
{
	local name=$1 temp part parts

	mkdir -p "$DEBS"
	temp=$(mktemp -d "$DEBS/.$name.XXXXXX")
	say "downloading $name"
	parts=("$(versioned "$name")")
	mapfile -t -O 1 parts < <(libraries_of "${parts[0]}")
	(cd "$temp" && apt-get -q -o Acquire::Retries=3 -o APT::Sandbox::User=root download "${parts[@]}")
	mkdir "$temp/root"
	for part in "$temp"/*.deb; do
		dpkg -x "$part" "$temp/root"
	done
	rm -rf "${DEBS:?}/$name"
	mv "$temp/root" "$DEBS/$name"
	rm -rf "$temp"
}

# An emulator too old, and no newer one unpacked, that runs here: build/ may be older than the machine's libraries.
missing_qemu()
{
	if [[ -x $DEBS/qemu/qemu-system-x86_64 ]]; then
		! qemu_version "$DEBS/qemu/qemu-system-x86_64" > /dev/null 2>&1 || return 1
		rm -rf "$DEBS/qemu"
	fi
	type -P qemu-system-x86_64 > /dev/null || return 0
	qemu_is_old "$(qemu_version qemu-system-x86_64)" || return 1
	# Not each time, where there is no network.
	[[ -z $(find "$DEBS/qemu-unreachable" -mmin -1440 2> /dev/null) ]]
}

# get_qemu DIR: a newer QEMU to $DEBS/qemu by way of DIR; fails when there is none, for whatever reason.
get_qemu()
{
	local temp=$1 part release

	# shellcheck source=/dev/null
	release=$(. "${OS_RELEASE:-/etc/os-release}" && echo "${VERSION_CODENAME:-}-backports")
	say "downloading a newer QEMU ($release)"
	mkdir -p "$temp/qemu" || return
	own_lists "$temp/apt" "$release" || return
	(cd "$temp" && apt-get "${own_apt[@]}" download "${qemu_parts[@]/%//$release}") || return
	for part in "$temp"/*.deb; do
		dpkg -x "$part" "$temp/qemu" || return
	done
	cat > "$temp/qemu/qemu-system-x86_64" <<'END' || return
#!/bin/sh
here=$(dirname "$0")
exec "$here/usr/bin/qemu-system-x86_64" -L "$here/usr/share/qemu" -L "$here/usr/share/seabios" "$@"
END
	chmod +x "$temp/qemu/qemu-system-x86_64" || return
	qemu_version "$temp/qemu/qemu-system-x86_64" > /dev/null || return
	rm -rf "$DEBS/qemu" || return
	mv "$temp/qemu" "$DEBS/qemu"
}

unpack_qemu()
{
	local temp

	mkdir -p "$DEBS"
	# What an interrupted one left; nobody else is here (the lock).
	rm -rf "$DEBS"/.qemu.*
	temp=$(mktemp -d "$DEBS/.qemu.XXXXXX")
	if ! get_qemu "$temp"; then
		touch "$DEBS/qemu-unreachable"
		warn "no newer QEMU: with $(qemu_version qemu-system-x86_64) a boot with two CPUs may fail by a stale breakpoint, and is repeated"
	fi
	rm -rf "$temp"
}

# The source is chosen for a new kernel tree: one that is there stays what it is made of. $BUILD/source says what was chosen.
missing_source()
{
	local version='' file=''

	[[ -z ${LINUX_SRC:-} && ${AS_IS:-0} != 1 ]] || return 1
	[[ ! -f $BUILD/source ]] || read -r version file < "$BUILD/source"
	if [[ -n ${BASE:-} ]]; then
		! pick "$BASE" <<< "$version" > /dev/null || [[ ! -e $TREE/.git && ! -f $file ]]
	else
		[[ ! -e $TREE/.git ]] && { [[ ! -f $file ]] || ! is_proven "$version"; }
	fi
}

get_kernel_source()
{
	local file

	# Package lists that are old do for a choice, where nobody may renew them.
	[[ $(id -u) != 0 ]] || apt_update || warn "no new package lists: choosing the kernel source from old ones"
	if ! choose_source; then
		say "looking at all releases of Debian: $choice"
		every_release || warn "no package lists of the other releases"
		elsewhere=$(offered "${own_apt[@]}")
		choose_source ||
			die "$choice. BASE=VERSION takes one that it does not fit, LINUX_SRC=DIR|TARBALL a source of your own; make bases FIX=1 carries the queue over"
	fi
	[[ -z $choice ]] || say "note: $choice"
	if ! file=$(source_file "$chosen"); then
		say "downloading $source_package $chosen"
		if ! get_source "$chosen"; then
			# Not in the machine's lists, or no longer where they say.
			every_release || true
			get_source "$chosen" "${own_apt[@]}" ||
				die "$source_package $chosen cannot be downloaded; LINUX_SRC=DIR|TARBALL takes a source that is here"
		fi
		file=$(source_file "$chosen")
	fi
	mkdir -p "$BUILD"
	echo "$chosen $file" > "$BUILD/source"
	say "the kernel source is $source_package $chosen: $file"
}

# The tool needs no more than a compiler that works, whoever made it, and make, which runs this.
setup_tkns()
{
	local temp

	packages=(gcc make libc6-dev)
	temp=$(mktemp -d)
	# shellcheck disable=SC2064
	trap "rm -rf '$temp'" EXIT
	printf '#include <math.h>\n#include <pthread.h>\n#include <stdio.h>\nint main(int c, char **v) { return printf("%%g", sin(c)) + !v; }\n' > "$temp/a.c"
	if type -P make > /dev/null && "${CC:-cc}" -std=c11 -pthread -o "$temp/a" "$temp/a.c" -lm > /dev/null 2>&1; then
		packages=()
	fi
	if [[ $1 = tkns-test ]]; then
		type -P groff > /dev/null || packages+=(groff-base)
		"${CC:-cc}" -fsanitize=address,undefined -o "$temp/a" "$temp/a.c" -lm > /dev/null 2>&1 || packages+=(gcc libc6-dev)
	fi
	[[ ${#packages[@]} -gt 0 ]] || return 0
	type -P apt-get dpkg-query > /dev/null || die "needed: a C compiler, make and the C library's headers (${packages[*]}, as Debian calls them)"
	mapfile -t missing < <(missing_packages)
	[[ ${#missing[@]} -eq 0 ]] || install_missing
}

install_missing()
{
	apt_update
	say "installing: ${missing[*]}"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
		install --no-install-recommends "${missing[@]}"
	mapfile -t missing < <(missing_packages)
	[[ ${#missing[@]} -eq 0 ]] || die "not installed: ${missing[*]}"
}

setup()
{
	local entry

	type -P apt-get dpkg-query > /dev/null || die "this is not a Debian machine: no apt-get"
	mapfile -t missing < <(missing_packages)
	mapfile -t absent < <(missing_daemons)
	if [[ ${#missing[@]} -eq 0 && ${#absent[@]} -eq 0 ]] && ! missing_qemu && ! missing_source; then
		say "nothing to install"
		return
	fi
	[[ ${#missing[@]} -eq 0 && ${#absent[@]} -eq 0 ]] || apt_update
	[[ ${#missing[@]} -eq 0 ]] || install_missing
	for entry in "${absent[@]}"; do
		unpack_daemon "$entry"
	done
	mapfile -t absent < <(missing_daemons)
	[[ ${#absent[@]} -eq 0 ]] || die "not unpacked: ${absent[*]}"
	! missing_qemu || unpack_qemu
	! missing_source || get_kernel_source
	say "done in $SECONDS s"
}

case ${1:-all} in
tkns | tkns-test) setup_tkns "$1" ;;
*) locked setup setup ;;
esac
