#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Install what the build, the boots and the checks need on a Debian 12 machine. Does nothing, quickly, when all is there.
#
# LINUX_SRC, when set, takes the place of Debian's kernel source, which is then not installed.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[[ $# -eq 0 ]] || die "unknown argument '$1'"

packages=(
	# the kernel and its tools
	gcc make binutils ccache flex bison bc libelf-dev libssl-dev perl cpio rsync kmod xz-utils git
	# the programs of the guest, 64 and 32 bits
	libc6-dev gcc-multilib libcap-dev
	# the machine
	qemu-system-x86
	# what is copied into the guest
	bash busybox-static util-linux bsdutils uidmap libcap2-bin iproute2 crun jq tzdata procps python3
	# libraries of the daemons below
	libcap2 libedit2 libgnutls30 libnettle8 libseccomp2 libbsd0 libssl3 libnet1 libnftables1 libnl-3-200 libprotobuf-c1
	# checks (the python modules are for checkpatch's look at licences)
	sparse shellcheck python3-ply python3-git groff-base
	# plots of the benchmarks; perf for the guest of one of them
	gnuplot-nox linux-perf
)
[[ -n ${LINUX_SRC:-} ]] || packages+=(linux-source-6.12)

# The two time daemons exclude each other as installed packages (and would set this machine's clock), so they are only
# unpacked: "package file-that-proves-it".
daemons=("chrony usr/sbin/chronyd" "ntpsec usr/sbin/ntpd")
# Programs of the guest alone.
daemons+=("criu usr/sbin/criu" "python3-psutil usr/lib/python3/dist-packages/psutil")

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
		[[ -x $DEBS/${entry/ //} ]] || echo "${entry%% *}"
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
apt_update()
{
	[[ $apt_is_fresh = 0 ]] || return 0
	# Downloading needs no privilege; the package lists that are there may do.
	if [[ $(id -u) != 0 && ${#missing[@]} -eq 0 ]] && ! type -P sudo > /dev/null; then
		say "neither root nor sudo: using the package lists as they are"
		return
	fi
	say "apt-get update"
	as_root apt-get -q -o Acquire::Retries=3 update
	apt_is_fresh=1
}

unpack_daemon()
{
	local name=$1 temp

	mkdir -p "$DEBS"
	temp=$(mktemp -d "$DEBS/.$name.XXXXXX")
	say "downloading $name"
	(cd "$temp" && apt-get -q -o Acquire::Retries=3 -o APT::Sandbox::User=root download "$name")
	mkdir "$temp/root"
	dpkg -x "$temp/${name}"_*.deb "$temp/root"
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
#
# With lists of packages of its own: the machine's apt does not learn of backports, and its preferences do not forbid them.
get_qemu()
{
	local temp=$1 part apt release

	# shellcheck source=/dev/null
	release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}-backports")
	say "downloading a newer QEMU ($release)"
	mkdir -p "$temp/apt/none" "$temp/apt/lists/partial" "$temp/apt/cache/archives/partial" "$temp/qemu" || return
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $release main" \
		> "$temp/apt/sources.list" || return
	apt=(apt-get -q -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o APT::Sandbox::User=root
		-o "Dir::Etc::SourceList=$temp/apt/sources.list" -o Dir::Etc::SourceParts=- -o Dir::Etc::Preferences=/dev/null
		-o "Dir::Etc::PreferencesParts=$temp/apt/none" -o "Dir::State::Lists=$temp/apt/lists" -o "Dir::Cache=$temp/apt/cache")
	"${apt[@]}" update || return
	(cd "$temp" && "${apt[@]}" download "${qemu_parts[@]/%//$release}") || return
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

setup()
{
	local entry

	type -P apt-get dpkg-query > /dev/null || die "this is not a Debian machine: no apt-get"
	mapfile -t missing < <(missing_packages)
	mapfile -t absent < <(missing_daemons)
	if [[ ${#missing[@]} -eq 0 && ${#absent[@]} -eq 0 ]] && ! missing_qemu; then
		say "nothing to install"
		return
	fi
	[[ ${#missing[@]} -eq 0 && ${#absent[@]} -eq 0 ]] || apt_update
	if [[ ${#missing[@]} -gt 0 ]]; then
		say "installing: ${missing[*]}"
		as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
			install --no-install-recommends "${missing[@]}"
		mapfile -t missing < <(missing_packages)
		[[ ${#missing[@]} -eq 0 ]] || die "not installed: ${missing[*]}"
	fi
	for entry in "${absent[@]}"; do
		unpack_daemon "$entry"
	done
	mapfile -t absent < <(missing_daemons)
	[[ ${#absent[@]} -eq 0 ]] || die "not unpacked: ${absent[*]}"
	! missing_qemu || unpack_qemu
	say "done in $SECONDS s"
}

locked setup setup
