# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by every script here: where things are, and how to speak.
#
# BUILD (default: build) holds everything that can be made again, OUT (default: out) the results of boots.
# Both may be given in the environment; relative ones are meant from the top of the repository.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${BUILD:-build}
OUT=${OUT:-out}
[[ $BUILD = /* ]] || BUILD=$ROOT/$BUILD
[[ $OUT = /* ]] || OUT=$ROOT/$OUT
TREE=${TREE:-$BUILD/linux}
DEBS=$BUILD/debs
PROGRAM=$(basename "$0" .sh)
# The emulator for several CPUs: one that scripts/setup.sh unpacked as the machine's is too old, or the machine's. And QEMU_UP, for
# one CPU: the machine's, which makes no mistake there; with -icount 7.2 takes as little as half the time of 10.0. They are not
# exported: what set-up unpacks is for the scripts that are started after it.
if [[ -n ${QEMU:-} ]]; then
	QEMU_UP=${QEMU_UP:-$QEMU}
else
	QEMU_UP=${QEMU_UP:-qemu-system-x86_64}
	QEMU=$DEBS/qemu/qemu-system-x86_64
	[[ -x $QEMU ]] || QEMU=qemu-system-x86_64
fi
export ROOT BUILD OUT TREE DEBS PROGRAM
# Messages of programs are read by these scripts.
export LC_ALL=C.UTF-8

say()
{
	printf '%s: %s\n' "$PROGRAM" "$*"
}

warn()
{
	printf '%s: %s\n' "$PROGRAM" "$*" >&2
}

die()
{
	printf '%s: error: %s\n' "$PROGRAM" "$*" >&2
	exit 1
}

qemu_version()
{
	"$1" --version | sed -n 's/^QEMU emulator version //p'
}

# qemu_is_old VERSION: before 8.1, with a thread for each CPU, it may run a breakpoint that is not there; see harness/README.md.
qemu_is_old()
{
	dpkg --compare-versions "${1%% *}" lt 8.1
}

# print_usage: the comment at the top of the script that was started is its help
print_usage()
{
	sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[-1]}"
}

# need_value OPTION VALUE...: an option that wants a value has one
need_value()
{
	[[ $# -ge 2 ]] || die "option '$1' needs a value"
}

# is_number TEXT: a whole decimal number, not negative
is_number()
{
	[[ $1 =~ ^(0|[1-9][0-9]{0,8})$ ]]
}

is_positive()
{
	is_number "$1" && [[ $1 -gt 0 ]]
}

# fragments CONFIG: the fragments that make a configuration
fragments()
{
	awk -v want="$1" '!/^[[:space:]]*(#|$)/ && $1 == want { $1 = ""; gsub(/ [+][^ ]*/, ""); print; found = 1 } END { exit !found }' \
		"$ROOT/configs/sets" ||
		die "unknown configuration '$1' (known: $(config_names))"
}

# config_patch CONFIG: the patch that a configuration is built with, if there is one
config_patch()
{
	awk -v want="$1" '!/^[[:space:]]*(#|$)/ && $1 == want { for (i = 2; i <= NF; i++) if (sub(/^[+]/, "", $i)) print $i }' "$ROOT/configs/sets"
}

config_names()
{
	awk '!/^[[:space:]]*(#|$)/ { printf "%s%s", sep, $1; sep = " " } END { print "" }' "$ROOT/configs/sets"
}

# makefile_version: the version that a kernel's Makefile (standard input) declares
makefile_version()
{
	awk -F' *= *' '
		done { next }
		$1 == "VERSION" { v = $2 } $1 == "PATCHLEVEL" { p = $2 } $1 == "SUBLEVEL" { s = $2 }
		$1 == "EXTRAVERSION" { e = $2; done = 1 }
		END { if (v == "" || p == "") exit 1; print v "." p "." s e }'
}

# kernel_version TREE: the version that the source's Makefile declares
kernel_version()
{
	[[ -f $1/Makefile ]] || die "'$1' is not a kernel source: it has no Makefile"
	makefile_version < "$1/Makefile" || die "no version in '$1/Makefile'"
}

# Folders of the repository whose files go into the kernel tree at the same path (the overlay).
overlay_roots()
{
	echo arch block Documentation drivers fs include init io_uring ipc kernel lib mm net security tools/testing
}

overlay_files()
{
	local dir

	for dir in $(overlay_roots); do
		[[ -d $ROOT/$dir ]] || continue
		(cd "$ROOT" && find "$dir" -type f ! -name '*.orig' ! -name '*.rej' ! -name '*~' ! -name '.*')
	done | LC_ALL=C sort
}

# Where the guest's suites are: those of the tests and of the demonstration, and those that only benchmarks run.
suite_folders()
{
	echo harness/suites bench/suites
}

# suite_file NAME: the file of a suite, or a status other than 0
suite_file()
{
	local dir

	[[ $1 != */* ]] || return 1
	for dir in $(suite_folders); do
		if [[ -f $ROOT/$dir/$1 && -x $ROOT/$dir/$1 ]]; then
			echo "$ROOT/$dir/$1"
			return
		fi
	done
	return 1
}

# locked NAME COMMAND...: one at a time among all that use the same build directory
locked()
{
	local name=$1
	shift
	mkdir -p "$BUILD/lock"
	(
		if ! flock -n 9; then
			say "waiting for another '$name' to finish"
			flock 9
		fi
		"$@" 9>&-
	) 9>"$BUILD/lock/$name"
}
