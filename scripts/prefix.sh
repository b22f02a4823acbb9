#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Compile every prefix of the queue: after each patch, all files that the queue touches must build. So must the fixes of mainline alone,
# without anything else, with and without time namespaces. Uses a work tree and an object directory of its own; ccache makes the second
# run short. Needs the plain kernel (make kernel).
#
# usage: prefix.sh
#        prefix.sh PATCH...           those prefixes only which end with one of these (names of patches/series)
#        prefix.sh --fixes            the fixes of mainline alone
#        prefix.sh --bisect COMMAND   find the first patch with which COMMAND fails, by git bisect
#
# COMMAND is run by bash at the top of the repository, with a prefix compiled: its source is $LINUX, its objects are in $OBJ, its patch is
# $PATCH. Without any patch it must succeed. What has to be compiled beyond the files of the queue it says to make:
#   prefix.sh --bisect '! nm $OBJ/kernel/time/timekeeping.o | grep -q timens_tk_advance'
#   prefix.sh --bisect 'make -C $LINUX O=$OBJ bzImage && scripts/boot.sh --config off --kernel $OBJ/arch/x86/boot/bzImage --suite smoke'
# A patch that does not compile is passed over.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=queue.sh
. "$(dirname "${BASH_SOURCE[0]}")/queue.sh"
command='' step=0 fixes=0
only=()
case ${1:-} in
'') ;;
--fixes) fixes=1; shift ;;
--bisect) need_value "$@"; command=$2; shift 2 ;;
# For git bisect run
--step) need_value "$@"; command=$2 step=1; shift 2 ;;
-*) die "unknown option '$1'" ;;
*)
	while [[ $# -gt 0 ]]; do
		[[ $'\n'$(series)$'\n' =~ [$'\n'/]"${1%.patch}.patch"$'\n' ]] || die "patches/series has no '$1'"
		only+=("${1%.patch}.patch")
		shift
	done
	;;
esac
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

# A work tree, and what is to be compiled in it in $want
prepare()
{
	in_tree || die "no tree in $TREE (make tree)"
	[[ -f $BUILD/obj-plain/vmlinux ]] || die "the plain kernel has not been built (make kernel)"
	mkdir -p "$obj" "$BUILD/log"
	mapfile -t want < <(targets | LC_ALL=C sort -u)
	if [[ ! -e $work/linux/.git ]]; then
		kgit worktree prune
		kgit worktree add -q --detach "$work/linux" overlay
	fi
	export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 2026' KBUILD_BUILD_USER=timens KBUILD_BUILD_HOST=timens
	export LOCALVERSION='' CCACHE_BASEDIR=$BUILD CCACHE_NOHASHDIR=1
}

# compile [LINE]: with a line more in the configuration
compile()
{
	# The option may not exist yet: what Kconfig knows of the plain configuration.
	cat "$ROOT/configs/base.config" "$ROOT/configs/timens.config" > "$work/fragment"
	printf '%s\n' "${1:-}" >> "$work/fragment"
	make -C "$work/linux" O="$obj" KCONFIG_ALLCONFIG="$work/fragment" allnoconfig >> "$log" 2>&1 &&
		make -C "$work/linux" O="$obj" -j"${JOBS:-$(nproc)}" CC='ccache gcc' HOSTCC='ccache gcc' "${want[@]}" >> "$log" 2>&1
}

complain()
{
	grep -n -E -A 8 '(error|Error [0-9]+|\*\*\*)' "$log" | tail -n 40 >&2 || true
	die "$1 does not compile, see $log"
}

# The fixes on the pristine source
fixes_alone()
{
	local temp path head line

	temp=$(mktemp -d "$BUILD/compose.XXXXXX")
	(
		export GIT_INDEX_FILE=$temp/index
		head=$(kgit rev-parse 'base^{commit}')
		kgit read-tree "$head"
		while read -r path; do
			compose_patch "$path" "$temp"
		done < <(series | grep -E "(^|/)($(mainline_fixes | paste -s -d '|'))\$")
		kgit update-ref refs/timens/fixes "$head"
	)
	rm -rf "$temp"
	git -C "$work/linux" checkout -q --detach --force "$(kgit rev-parse refs/timens/fixes)"
	for line in CONFIG_TIME_NS=y '# CONFIG_TIME_NS is not set'; do
		compile "$line" || complain "what the fixes of mainline alone make"
		grep -q -x "$line" "$obj/.config" || die "the configuration has no '$line'"
		say "the $(kgit rev-list --count base..refs/timens/fixes) fixes of mainline compile alone: $line ($SECONDS s)"
	done
}

prefixes()
{
	local commit n=0 total

	prepare
	: > "$log"
	[[ ${#only[@]} -gt 0 ]] || fixes_alone
	[[ $fixes = 0 ]] || return 0
	total=$(kgit rev-list --count overlay..HEAD)
	say "$total prefixes, each compiles: ${want[*]}"
	while read -r commit; do
		if [[ ${#only[@]} -gt 0 && " ${only[*]} " != *" $(slug "$(kgit log -1 --format=%s "$commit")") "* ]]; then
			n=$((n + 1))
			continue
		fi
		git -C "$work/linux" checkout -q --detach --force "$commit"
		compile || complain "prefix $n of $total, $(kgit log -1 --format=%s "$commit"),"
		say "$n of $total compiles: $(kgit log -1 --format=%s "$commit") ($SECONDS s)"
		n=$((n + 1))
	done < <(echo overlay; kgit rev-list --reverse overlay..HEAD)
}

# What git bisect run asks: 125 says that nothing can be said of this patch.
bisect_step()
{
	local rc=0

	prepare
	compile || exit 125
	cd "$ROOT"
	LINUX=$work/linux OBJ=$obj PATCH=$(git -C "$work/linux" log -1 --format=%s) bash -c "$command" || rc=$?
	say "$([[ $rc = 0 ]] && echo good || echo bad): $(git -C "$work/linux" log -1 --format=%s)"
	[[ $rc = 0 ]] || exit 1
}

bisect()
{
	local rc=0

	prepare
	: > "$log"
	git -C "$work/linux" bisect reset > /dev/null 2>&1 || true
	for commit in overlay "$(kgit rev-parse HEAD)"; do
		git -C "$work/linux" checkout -q --detach --force "$commit"
		rc=0
		(bisect_step) || rc=$?
		case $commit$rc in
		overlay0 | *1) ;;
		overlay*) die "COMMAND must succeed without any patch" ;;
		*0) die "COMMAND succeeds with all patches: there is nothing to look for" ;;
		*) die "the whole queue does not compile, see $log" ;;
		esac
	done
	git -C "$work/linux" bisect start "$(kgit rev-parse HEAD)" overlay > /dev/null
	git -C "$work/linux" bisect run "$ROOT/scripts/prefix.sh" --step "$command" > "$BUILD/log/bisect.log" 2>&1 || rc=$?
	grep -E '^prefix: (good|bad): ' "$BUILD/log/bisect.log" || true
	commit=$(git -C "$work/linux" rev-parse -q --verify refs/bisect/bad || true)
	git -C "$work/linux" bisect reset > /dev/null 2>&1 || true
	grep -q ' is the first bad commit' "$BUILD/log/bisect.log" || die "no patch was found, see $BUILD/log/bisect.log"
	say "the first patch with which it fails: patches/$(slug "$(kgit log -1 --format=%s "$commit")")"
}

if [[ $step = 1 ]]; then
	bisect_step
elif [[ -n $command ]]; then
	locked prefix bisect
else
	locked prefix prefixes
fi
