#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Run rows of tests/matrix: build what they need, boot them as many at a time as there are CPUs, and collect.
#
# usage: test.sh [--subset quick|full|long] [--config NAME] [--suite NAME]
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

subset=full only_config='' only_suite=''
while [[ $# -gt 0 ]]; do
	case $1 in
	--subset) need_value "$@"; subset=$2; shift 2 ;;
	--config) need_value "$@"; only_config=$2; shift 2 ;;
	--suite) need_value "$@"; only_suite=$2; shift 2 ;;
	*) die "unknown argument '$1'" ;;
	esac
done
[[ $subset =~ ^(quick|full|long)$ ]] || die "--subset '$subset' is none of quick, full, long"

# As many boots at once as there are CPUs, whether the guest has one or two: one with two CPUs waits for clocks most of its time
# (a whole run of the suite tk is half a CPU's work). No test may depend on how fast the machine is, so they may disturb each other.
slots=$(nproc)
steps=()

elapsed()
{
	printf '%d:%02d' $((SECONDS / 60)) $((SECONDS % 60))
}

step()
{
	local name=$1 start=$SECONDS
	shift
	say "[$(elapsed)] $name"
	"$@"
	steps+=("$(printf '%6d s  %s' $((SECONDS - start)) "$name")")
}

# Rows as name, config, suite, mode, timeout and options, checked before anything is built.
rows=()
configs=()
read_matrix()
{
	local number=0 name config suite mode timeout in options file known=()

	while read -r name config suite mode timeout in options; do
		number=$((number + 1))
		[[ -n $name && $name != \#* ]] || continue
		[[ $in =~ ^(quick|full|long)$ ]] || die "tests/matrix:$number: subset '$in' is none of quick, full, long"
		[[ $mode = smp || $mode = icount || $mode = - ]] || die "tests/matrix:$number: unknown mode '$mode'"
		[[ $timeout = - ]] || is_positive "$timeout" || die "tests/matrix:$number: timeout '$timeout' is not a number of seconds"
		if [[ $config = host ]]; then
			[[ -x $ROOT/tests/$suite.sh ]] || die "tests/matrix:$number: no script '$suite'"
		else
			fragments "$config" > /dev/null
			file=$(suite_file "$suite") || die "tests/matrix:$number: no suite '$suite'"
			if [[ $mode = - ]]; then
				mode=smp
				! grep -q -E '^# tkt-boot:.* --icount' "$file" || mode=icount
			fi
		fi
		if [[ $name = - ]]; then
			name=$config-$suite
			[[ $mode != icount ]] || name+=-icount
		fi
		[[ " ${known[*]} " != *" $name "* ]] || die "tests/matrix:$number: a second row '$name'"
		known+=("$name")
		# The quick ones are part of the full set; the long ones stand alone.
		[[ $in = "$subset" || ($subset = full && $in = quick) ]] || continue
		[[ -z $only_config || $config = "$only_config" ]] || continue
		[[ -z $only_suite || $suite = "$only_suite" ]] || continue
		rows+=("$name $config $suite $mode $timeout $options")
		[[ $config = host || " ${configs[*]} " == *" $config "* ]] || configs+=("$config")
	done < "$ROOT/tests/matrix"
	[[ ${#rows[@]} -gt 0 ]] || die "no row of tests/matrix is selected"
}

run_host()
{
	local dir=$1 suite=$2 start=$SECONDS rc=0

	rm -rf "$dir"
	mkdir -p "$dir"
	"$ROOT/tests/$suite.sh" > "$dir/ktap.txt" 2> "$dir/console.log" < /dev/null || rc=$?
	{
		echo "config host"
		echo "suite $suite"
		echo "mode host"
		echo "status $([[ $rc = 0 ]] && echo pass || echo fail)"
		echo "seconds $((SECONDS - start))"
		echo "reason $([[ $rc = 0 ]] || tail -n 1 "$dir/console.log")"
	} > "$dir/result"
	say "host/$suite: $([[ $rc = 0 ]] && echo pass || echo FAILED), $((SECONDS - start)) s"
}

# A boot that fails is a result; one that leaves none is an error of the harness.
run_boot()
{
	local dir=$1 config=$2 suite=$3 mode=$4 timeout=$5 args=()
	shift 5

	[[ $mode != icount ]] || args+=(--icount)
	[[ $mode != smp ]] || args+=(--no-icount)
	[[ $timeout = - ]] || args+=(--timeout "$timeout")
	rm -rf "$dir"
	"$ROOT/scripts/boot.sh" --config "$config" --suite "$suite" --out "$dir" "${args[@]}" "$@" || true
	if [[ ! -f $dir/result ]]; then
		mkdir -p "$dir"
		printf 'config %s\nsuite %s\nmode %s\nstatus no-verdict\nseconds 0\nreason boot.sh left no result\n' \
			"$config" "$suite" "$mode" > "$dir/result"
	fi
	[[ $config != bug ]] || echo "expect fail" >> "$dir/result"
}

used=0

# Wait until no more than MOST rows run.
wait_for_rows()
{
	while [[ $used -gt $1 ]]; do
		wait -n || true
		used=$((used - 1))
	done
}

run_rows()
{
	local row name config suite mode timeout options n=0
	local -a words

	for row in "${rows[@]}"; do
		read -r name config suite mode timeout options <<< "$row"
		read -r -a words <<< "$options"
		n=$((n + 1))
		wait_for_rows $((slots - 1))
		say "[$(elapsed)] $n of ${#rows[@]}: $name"
		if [[ $config = host ]]; then
			run_host "$OUT/$name" "$suite" &
		else
			run_boot "$OUT/$name" "$config" "$suite" "$mode" "$timeout" "${words[@]}" &
		fi
		used=$((used + 1))
	done
	wait_for_rows 0
}

read_matrix
mkdir -p "$OUT"
words=()
[[ $subset != long ]] || words=(java)
step "set-up" "$ROOT/scripts/setup.sh" "${words[@]}"
step "kernel tree" "$ROOT/scripts/tree.sh"
for config in "${configs[@]}"; do
	step "kernel $config" "$ROOT/scripts/build.sh" --config "$config"
done
[[ ${#configs[@]} -eq 0 ]] || step "initramfs" "$ROOT/scripts/mkinitramfs.sh"
step "${#rows[@]} rows" run_rows

say "time per step:"
printf '%s\n' "${steps[@]}"
dirs=()
for row in "${rows[@]}"; do
	dirs+=("$OUT/${row%% *}")
done
exec "$ROOT/scripts/collect.sh" "${dirs[@]}"
