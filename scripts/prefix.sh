#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Compile every prefix of the queue: after each patch, the folders that the queue touches must build. Uses a work tree and
# an object directory of its own; ccache makes the second run short.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=queue.sh
. "$(dirname "${BASH_SOURCE[0]}")/queue.sh"
[[ $# -eq 0 ]] || die "unknown argument '$1'"

work=$BUILD/prefix
obj=$work/obj
log=$BUILD/log/prefix.log

# Every folder with a touched C file, as a target of make; those of the vDSO need the whole image.
targets()
{
	kgit diff --name-only base HEAD -- '*.c' |
		sed -n -E -e 's,^(kernel/time|fs/proc|fs|kernel|net/core|net/socket|ipc|io_uring|drivers/ptp|arch/x86/kernel)/[^/]*$,\1/,p' \
			-e 's,^(arch/x86/entry/vdso|lib/vdso)/.*,arch/x86/entry/vdso/,p' |
		LC_ALL=C sort -u
	echo kernel/time/
	echo arch/x86/entry/vdso/
}

prefixes()
{
	local commit n=0 total want

	in_tree || die "no tree in $TREE (make tree)"
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
