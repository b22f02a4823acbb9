#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Compile every prefix of the queue: after each patch, all files that the queue touches must build. Uses a work tree and
# an object directory of its own; ccache makes the second run short. Needs the plain kernel (make kernel).
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=queue.sh
. "$(dirname "${BASH_SOURCE[0]}")/queue.sh"
[[ $# -eq 0 ]] || die "unknown argument '$1'"

work=$BUILD/prefix
obj=$work/obj
log=$BUILD/log/prefix.log

# What is compiled each time: every C file that the queue touches anywhere, as far as the plain kernel has it, and the
# folders at the heart of it.
targets()
{
	local file

	kgit diff --name-only base HEAD -- '*.c' |
		while IFS= read -r file; do
			case $file in
			kernel/time/* | arch/x86/entry/vdso/* | lib/vdso/*) ;;
			*) [[ ! -f $BUILD/obj-plain/${file%.c}.o || $(content base "$file") = - ]] || echo "${file%.c}.o" ;;
			esac
		done
	echo kernel/time/
	echo arch/x86/entry/vdso/
}

prefixes()
{
	local commit n=0 total want

	in_tree || die "no tree in $TREE (make tree)"
	[[ -f $BUILD/obj-plain/vmlinux ]] || die "the plain kernel has not been built (make kernel)"
	mkdir -p "$obj" "$BUILD/log"
	total=$(kgit rev-list --count overlay..HEAD)
	mapfile -t want < <(targets | LC_ALL=C sort -u)
	say "$total prefixes, each compiles: ${want[*]}"
	if [[ ! -e $work/linux/.git ]]; then
		kgit worktree prune
		kgit worktree add -q --detach "$work/linux" overlay
	fi
	: > "$log"
	export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 2026' KBUILD_BUILD_USER=timens KBUILD_BUILD_HOST=timens
	export LOCALVERSION='' CCACHE_BASEDIR=$BUILD CCACHE_NOHASHDIR=1
	while read -r commit; do
		git -C "$work/linux" checkout -q --detach --force "$commit"
		# The option may not exist yet: what Kconfig knows of the plain configuration.
		cat "$ROOT/configs/base.config" "$ROOT/configs/timens.config" > "$work/fragment"
		if ! make -C "$work/linux" O="$obj" KCONFIG_ALLCONFIG="$work/fragment" allnoconfig >> "$log" 2>&1 ||
			! make -C "$work/linux" O="$obj" -j"${JOBS:-$(nproc)}" CC='ccache gcc' HOSTCC='ccache gcc' "${want[@]}" >> "$log" 2>&1; then
			grep -n -E -A 8 '(error|Error [0-9]+|\*\*\*)' "$log" | tail -n 40 >&2 || true
			die "prefix $n of $total does not compile: $(kgit log -1 --format=%s "$commit"), see $log"
		fi
		say "$n of $total compiles: $(kgit log -1 --format=%s "$commit") ($SECONDS s)"
		n=$((n + 1))
	done < <(echo overlay; kgit rev-list --reverse overlay..HEAD)
}

locked prefix prefixes
