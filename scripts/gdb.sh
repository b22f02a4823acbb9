#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Boot the kernel with debug information (configuration gdb), and gdb on it. The machine stands before its first instruction until gdb
# lets it go on; the end of gdb is its end. The console is out/gdb-SUITE/console.log, what the suite says ktap.txt beside it.
#
# usage: gdb.sh [--suite NAME] [--arg WORD]... [--icount] [-- GDB-ARGUMENT...]
#   --suite NAME     what runs in the guest (smoke)
#   --arg, --icount  as boot.sh has them
#   GDB-ARGUMENT     for gdb, such as -ex 'hbreak timens_tk_settimeofday' -ex continue -ex bt
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

suite=smoke
boot=()
while [[ $# -gt 0 ]]; do
	case $1 in
	--suite) need_value "$@"; suite=$2; shift 2 ;;
	--arg) need_value "$@"; boot+=(--arg "$2"); shift 2 ;;
	--icount) boot+=(--icount); shift ;;
	-h | --help) print_usage; exit 0 ;;
	--) shift; break ;;
	*) die "unknown argument '$1' (--help lists them)" ;;
	esac
done

type -P gdb > /dev/null || die "no gdb (make gdb installs it)"
obj=$BUILD/obj-gdb
[[ -f $obj/vmlinux ]] || die "no $obj/vmlinux (make kernel CONFIG=gdb)"
# The kernel's own commands for gdb: lx-symbols, lx-ps, ...
make -C "$TREE" O="$obj" scripts_gdb > "$BUILD/log/gdb-scripts.log" 2>&1 || die "no commands for gdb, see $BUILD/log/gdb-scripts.log"

work=$(mktemp -d)
machine=
# shellcheck disable=SC2317
finish()
{
	[[ -z $machine ]] || kill "$machine" 2> /dev/null || true
	rm -rf "$work"
}
trap finish EXIT
# Symbols are where they were linked. Breakpoints of hardware do not write into text that the kernel checks and patches.
"$ROOT/scripts/boot.sh" --config gdb --suite "$suite" --out "$OUT/gdb-$suite" --quiet 86400 --append nokaslr "${boot[@]}" --gdb "$work/gdb" \
	< /dev/null > "$work/boot.log" 2>&1 &
machine=$!
while [[ ! -S $work/gdb ]]; do
	kill -0 "$machine" 2> /dev/null || { cat "$work/boot.log" >&2; die "the machine did not start"; }
	sleep 0.1
done
say "the console is $OUT/gdb-$suite/console.log; hbreak rather than break; continue starts the machine"
gdb -q -iex "add-auto-load-safe-path $obj" -iex "add-auto-load-safe-path $TREE" -ex "target remote $work/gdb" "$@" "$obj/vmlinux"
