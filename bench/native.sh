#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The kernel's tick path in an ordinary process, on the real CPU of this machine: builds build/bench/plain/ticknative-HZ from
# the kernel's source and the command lines of its build, and runs it. See bench/tick/kernel.c for what is the kernel's in it
# and what is not, and bench/tick/native.c for the modes.
#
# usage: native.sh [--hz HZ] [--mainline-shift] MODE ARGUMENT...
#        native.sh --build | --verify
#   --hz HZ          100, 250 or 1000 (default 1000)
#   --mainline-shift    namespaces use the multiplier of the clocksource as it is (for accuracy.sh)
#   --build          all four binaries, and nothing else
#   --verify         compare the tick's functions with those of the kernel built last, instruction by instruction: nothing but
#                    disabling and enabling interrupts, and padding, may be missing. That kernel has to be of the same source.
#
# Needs the kernel plain to have been built (make kernel); HZ there does not matter. A binary is built again when a file of
# the kernel or of bench/tick is younger.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

here=$ROOT/bench/tick
object=$BUILD/obj-plain
# The files of the kernel as they are, but for those which line.c and kernel.c include.
files=(kernel/time/timekeeping kernel/time/ntp kernel/time/timens_smear kernel/time/timens_rate kernel/time/timens_read kernel/time/timens_stamp
	kernel/time/timens_past kernel/time/timens_project kernel/time/timens_timer kernel/time/timens_walk kernel/time/timens_page kernel/time/timens_wake
	kernel/time/timens_tick kernel/time/timens_share kernel/time/timens_nested kernel/time/timens_set
	kernel/time/vsyscall kernel/time/hrtimer kernel/time/clocksource kernel/time/time kernel/time/timeconv kernel/locking/spinlock
	kernel/locking/mutex lib/rbtree lib/timerqueue lib/find_bit lib/bitmap)

# saved FILE: the command which compiled FILE in the kernel's build, up to its output
saved()
{
	local cmd=$object/${1%/*}/.${1##*/}.o.cmd

	[[ -f $cmd ]] || die "no $cmd: build the kernel first (make kernel)"
	sed -n '1s/^savedcmd_[^=]*:\{0,1\}= //p' "$cmd" | sed -E -e 's/ -Wp,-MMD,[^ ]+//' -e 's/ -c -o .*//'
}

# compile COMMAND OUTPUT SOURCE HZ FLAG...: with the header that changes HZ behind those of the kernel's build, and with
# objtool, as there: it turns the jumps of the static keys that are off into nops. Depends on what it read.
compile()
{
	local command=$1 output=$2 source=$3 hz=$4 options
	shift 4

	options=" -DTICK_HZ=$hz -include $here/kernel.h"
	command=${command/ -D__KERNEL__/ -D__KERNEL__$options}
	command=${command/ -nostdinc/ -nostdinc -I$here/include -I$work/include}
	# What is known to be only declared by its user here
	# shellcheck disable=SC2086 # a command line
	(cd "$object" && eval "$command" -Wno-missing-prototypes -Wno-missing-declarations "$*" -Wp,-MMD,"'$output.d'" \
		-c -o "'$output'" "'$source'") || die "compiling $source"
}

objtool()
{
	"$object/tools/objtool/objtool" --hacks=jump_label --hacks=noinstr --static-call --uaccess "$1" ||
		die "objtool: $1"
}

# What the kernel's objects want, and neither kernel.c, native.c nor the C library has: each symbol gets a place that
# cannot be touched, and native.c tells which it was.
missing()
{
	local name

	echo '.section .missing, "aw", @progbits'
	echo '.balign 4096'
	echo '.globl tkn_missing_start, tkn_missing_end, tkn_missing_symbols'
	echo 'tkn_missing_start:'
	while read -r name; do
		printf '.globl %s\n%s: .skip 256\n' "$name" "$name"
	done < "$1"
	echo '.balign 4096'
	echo 'tkn_missing_end:'
	echo '.section .rodata'
	echo '.balign 8'
	echo 'tkn_missing_symbols:'
	while read -r name; do
		printf '.pushsection .rodata.str1.1,"aMS",@progbits,1\n0: .asciz "%s"\n.popsection\n.quad 0b, %s\n' "$name" "$name"
	done < "$1"
	echo '.quad 0, 0'
	echo '.section .note.GNU-stack,"",@progbits'
}

# build HZ NAME FLAG...
build()
{
	local hz=$1 name=$2 work file command objects=()
	local -r library='^(memset|memcpy|memmove|memcmp|strlen|strcmp|strncmp)$'
	shift 2

	work=$BUILD/bench/plain/$name.d
	rm -rf "$work"
	mkdir -p "$work/include/generated"
	echo "$hz" | bc -q "$TREE/kernel/time/timeconst.bc" > "$work/include/generated/timeconst.h"
	for file in "${files[@]}"; do
		command=$(saved "$file")
		compile "$command" "$work/${file##*/}.o" "$TREE/$file.c" "$hz" "$@"
		objtool "$work/${file##*/}.o"
		objects+=("$work/${file##*/}.o")
	done
	command=$(saved kernel/time/timens_tk)
	compile "$command" "$work/kernel.o" "$here/kernel.c" "$hz" -I"$TREE/kernel/time" "$@"
	objtool "$work/kernel.o"
	command=$(saved kernel/time/timens_line)
	compile "$command" "$work/timens_line.o" "$here/line.c" "$hz" -I"$TREE/kernel/time" "$@"
	objtool "$work/timens_line.o"
	command=$(saved arch/x86/entry/vdso/vclock_gettime)
	compile "$command" "$work/vdso.o" "$here/vdso.c" "$hz" "$@"
	objects+=("$work/kernel.o" "$work/timens_line.o" "$work/vdso.o")

	ld -r -o "$work/kernel-part.o" "${objects[@]}"
	nm -u "$work/kernel-part.o" | awk '{ print $2 }' | { grep -v -E "$library|^tkn_|^_GLOBAL_OFFSET_TABLE_$" || true; } > "$work/missing"
	missing "$work/missing" > "$work/missing.s"
	gcc -c -o "$work/missing.o" "$work/missing.s"
	ld -r -o "$work/kernel-all.o" "$work/kernel-part.o" "$work/missing.o"
	# Nothing of the kernel may take the place of a function of the C library.
	objcopy -w --keep-global-symbol='tkn_*' --keep-global-symbol=__timens_tk_advance "$work/kernel-all.o"
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror -fno-pie -no-pie -static "$here/native.c" "$work/kernel-all.o" \
		-Wl,--no-warn-rwx-segments -o "$work/program"
	mv "$work/program" "$BUILD/bench/plain/$name"
}

# fresh NAME: is the binary younger than all that it was made of?
fresh()
{
	local program=$BUILD/bench/plain/$1 source

	[[ -x $program && $program -nt ${BASH_SOURCE[0]} && $program -nt $here/native.c && $program -nt $here/shared.h ]] ||
		return 1
	for source in "${files[@]}" kernel/time/timens_tk kernel/time/timens_line arch/x86/entry/vdso/vclock_gettime; do
		[[ $program -nt $object/${source%/*}/.${source##*/}.o.cmd ]] || return 1
	done
	for source in $(cat "$BUILD/bench/plain/$1.d"/*.o.d | tr -s ' ' '\n' | grep -v -E ':$|^.?$' | sort -u); do
		[[ $source = /* ]] || source=$object/$source
		[[ $program -nt $source ]] || return 1
	done
}

ensure()
{
	local hz=$1 mainline=$2 name=ticknative-$1

	[[ $mainline = 0 ]] || name+=-mainline-shift
	if ! fresh "$name"; then
		# Figures may be read from standard output.
		say "building $name" >&2
		if [[ $mainline = 0 ]]; then build "$hz" "$name"; else build "$hz" "$name" -DTICK_MAINLINE_SHIFT; fi
	fi
}

# instructions OBJECT FUNCTION: without addresses, padding, and what a process may not do
instructions()
{
	objdump -d --no-show-raw-insn "$1" | awk -v name="<$2>:" '$2 == name { on = 1; next } /^$/ { on = 0 } on' |
		sed -E -e 's/^ *[0-9a-f]+:\t//' -e 's/ *[<#].*//' -e 's/\([^)]*%rip\)//' -e 's/\b(0x)?[0-9a-f]{3,}\b/X/g' \
			-e 's/[[:space:]]+$//' | grep -v -E '^(cli|sti|nop|xchg +%ax,%ax|data16|cs nop)' || true
}

# Numbers of three digits and more are addresses as a rule, and not compared.
verify()
{
	local room function nr=0 work

	work=$(mktemp -d)
	while read -r room function; do
		[[ $object/kernel/time/$room.o -nt $TREE/kernel/time/$room.c ]] ||
			die "the kernel was built from an older $room.c: build it first"
		instructions "$object/kernel/time/$room.o" "$function" > "$work/kernel"
		instructions "$BUILD/bench/plain/ticknative-1000.d/$room.o" "$function" > "$work/native"
		[[ -s $work/kernel ]] || die "the kernel has no function $function"
		diff -u "$work/kernel" "$work/native" >&2 || die "$function is not the kernel's"
		nr=$((nr + $(wc -l < "$work/kernel")))
	done << 'END'
timens_tick __timens_tk_advance
timens_line timens_tk_advance_to
timens_set timens_tk_write
END
	rm -rf "$work"
	say "$nr instructions of the tick's functions are the kernel's"
}

hz=1000 mainline=0 all=0 check=0
while [[ $# -gt 0 ]]; do
	case $1 in
	--hz) need_value "$@"; hz=$2; shift 2 ;;
	--mainline-shift) mainline=1; shift ;;
	--build) all=1; shift ;;
	--verify) check=1; shift ;;
	-h | --help) print_usage; exit 0 ;;
	-*) die "unknown option '$1'" ;;
	*) break ;;
	esac
done
[[ $hz =~ ^(100|250|1000)$ ]] || die "--hz '$hz' is not 100, 250 or 1000"
type -P bc > /dev/null || die "bc is not installed (scripts/setup.sh)"
if [[ $all = 1 ]]; then
	[[ $# -eq 0 ]] || die "--build wants no mode"
	for hz in 100 250 1000; do
		locked "native-ticknative-$hz" ensure "$hz" 0
	done
	locked native-ticknative-1000-mainline-shift ensure 1000 1
	exit
fi
if [[ $check = 1 ]]; then
	[[ $# -eq 0 ]] || die "--verify wants no mode"
	[[ $(sed -n 's/^CONFIG_HZ=//p' "$object/.config") = 1000 ]] || die "the kernel plain has another HZ than 1000"
	locked native-ticknative-1000 ensure 1000 0
	verify
	exit
fi
[[ $# -gt 0 ]] || die "no mode: see --help"
name=ticknative-$hz
[[ $mainline = 0 ]] || name+=-mainline-shift
locked "native-$name" ensure "$hz" "$mainline" >&2
exec "$BUILD/bench/plain/$name" "$@"
