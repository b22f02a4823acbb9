#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Prove that the queue survives the way to git and back.
#
#  1. A fresh tree is made from the pristine source with git's own tools: the overlay is one commit, each patch is applied
#     by git am, one by one, so every prefix applies, strictly, and without what tree.sh does.
#  2. Its files are those that tree.sh composed.
#  3. export.sh of it, into an empty copy of the repository, gives the files of the repository byte by byte.
#  4. Each of these checks notices a changed patch, a changed overlay file and a changed series.
#
# On a base other than the trunk a patch that is the trunk's has other line numbers there, so the copy has those patches, and the export
# must leave them alone; the variants of this very base it must write again.
#
#  5. A heading of the series stays above its patches when one of them goes.
#
# Only the files that the queue touches are checked out. Results are KTAP; needs an up to date tree (make tree).
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=scripts/queue.sh
. "$ROOT/scripts/queue.sh"
# shellcheck source=tests/ktap.sh
. "$ROOT/tests/ktap.sh"
[[ $# -eq 0 ]] || die "unknown argument '$1'"

export GIT_AUTHOR_NAME=timens GIT_AUTHOR_EMAIL=timens@localhost
not()
{
	! "$@"
}

# fresh DIR: clone the pristine source, with only the files of the queue in the work tree
fresh()
{
	local dir=$1

	git clone -q --shared --no-checkout "$TREE" "$dir"
	git -C "$dir" config core.sparseCheckout true
	git -C "$dir" config user.name timens
	git -C "$dir" config user.email timens@localhost
	# .gitattributes decides what git writes behind the @@ of a hunk.
	{ echo .gitattributes; overlay_files; touched_files; } |
		LC_ALL=C sort -u | sed 's,^,/,' > "$dir/.git/info/sparse-checkout"
	git -C "$dir" checkout -q -B queue base
	git -C "$dir" tag -f base > /dev/null
}

add_overlay()
{
	local dir=$1 path

	while IFS= read -r path; do
		mkdir -p "$dir/$(dirname "$path")"
		cp -p "$ROOT/$path" "$dir/$path"
		git -C "$dir" add -f --sparse -- "$path"
	done < <(overlay_files)
	git -C "$dir" commit -q --allow-empty -m overlay
	git -C "$dir" tag -f overlay > /dev/null
}

apply_patch()
{
	git -C "$clone" -c am.threeWay=false -c apply.whitespace=nowarn am -q --no-3way "$ROOT/patches/$1"
}

# copy_repository DIR: what export.sh needs, and neither overlay nor patches that it can write
copy_repository()
{
	local path

	mkdir -p "$1"
	cp -r "$ROOT/scripts" "$1/"
	if [[ -f $ROOT/patches/series ]]; then
		mkdir -p "$1/patches"
		# Headings are the repository's own, and so are the texts of make series; names must come from the tree.
		for path in series BASES overlay cover-letter.in; do
			[[ ! -f $ROOT/patches/$path ]] || cp "$ROOT/patches/$path" "$1/patches/"
		done
		while read -r path _; do
			written_here "$path" || install -D -m 0644 "$ROOT/patches/$path" "$1/patches/$path"
		done < <(series_lines)
	fi
}

# written_here PATH: does an export of this tree write that file of the queue, whatever is there?
written_here()
{
	if [[ $version = "$trunk" ]]; then
		[[ $1 = "${1##*/}" ]]
	else
		[[ ${1%%/*} =~ ^(since|until)-${version//./\\.}$ ]]
	fi
}

# Take the overlay's files out of the history, as if they had just been written.
uncommit_overlay()
{
	local old

	old=$(git -C "$clone" rev-parse overlay)
	git -C "$clone" rebase -q --onto base overlay
	git -C "$clone" tag -f overlay base
	overlay_files | tr '\n' '\0' | xargs -0 -r git -C "$clone" checkout "$old" --
	git -C "$clone" reset -q
}

export_to()
{
	TREE=$clone BUILD=$work/build "$1/scripts/export.sh"
}

same_repository()
{
	local copy=$1 dir rc=0

	diff -r "$ROOT/patches" "$copy/patches" || rc=1
	for dir in $(overlay_roots); do
		[[ -d $ROOT/$dir || -d $copy/$dir ]] || continue
		mkdir -p "$copy/$dir"
		# Both ways through the same filter (editors' files are no overlay).
		diff <(cd "$ROOT" && sums "$dir") <(cd "$copy" && sums "$dir") || rc=1
	done
	return "$rc"
}

sums()
{
	overlay_files_in "$1" | tr '\n' '\0' | xargs -0 -r sha256sum
}

overlay_files_in()
{
	find "$1" -type f ! -name '*.orig' ! -name '*.rej' ! -name '*~' ! -name '.*' | LC_ALL=C sort
}

# headings DIR: each heading of its series with the patch below it, but for the last patch of the queue
headings()
{
	awk '/^# / { text = text $0 "\n"; next } NF && text != "" { printf "%s%s\n", text, $1; text = "" } END { printf "%s", text }' "$1/patches/series" |
		grep -v -x -F "$(series | tail -n 1)"
}

last_patch_goes()
{
	git -C "$clone" reset -q --hard HEAD~
	FORCE=1 export_to "$copy"
	! grep -x -F "$(series | tail -n 1)" "$copy/patches/series"
}

headings_stay()
{
	[[ $(headings "$ROOT" | grep -c '^#') -gt 1 ]]
	diff <(headings "$ROOT") <(headings "$copy")
}

same_tree()
{
	[[ $(git -C "$clone" rev-parse 'HEAD^{tree}') = "$(kgit rev-parse 'HEAD^{tree}')" ]]
}

roundtrip()
{
	local names name copy path version trunk

	in_tree || die "no tree in $TREE (make tree)"
	work=$(mktemp -d "$BUILD/roundtrip.XXXXXX")
	# shellcheck disable=SC2064
	trap "rm -rf '$work'" EXIT
	clone=$work/linux
	copy=$work/repo
	version=$(base_version)
	trunk=$(trunk_version)
	mkdir -p "$work/build"
	echo "KTAP version 1"

	fresh "$clone"
	result "overlay is new relative to the source" add_overlay "$clone"
	mapfile -t names < <(series)
	for name in "${names[@]}"; do
		result "git am $name" apply_patch "$name"
		[[ $ktap_failed = 0 ]] || break
	done
	result "same files as make tree" same_tree
	copy_repository "$copy"
	result "overlay taken out of the history" uncommit_overlay
	result "export" export_to "$copy"
	result "repository is byte-identical" same_repository "$copy"
	result "second export changes nothing" export_to "$copy"
	result "repository is still byte-identical" same_repository "$copy"

	# A check that cannot fail proves nothing: spoil the copy, and a commit.
	if [[ ${#names[@]} -gt 0 && $ktap_failed = 0 ]]; then
		name=${names[0]}
		echo "x" >> "$copy/patches/$name"
		result "a changed patch is noticed" not same_repository "$copy"
		cp "$ROOT/patches/$name" "$copy/patches/$name"
		path=$(sed -n 's,^+++ b/,,p' "$ROOT/patches/$name" | sed -n 1p)
		echo "/* roundtrip */" >> "$clone/$path"
		result "an edit that is not committed is refused" not export_to "$copy"
		git -C "$clone" commit -q -a --amend --no-edit
		result "a changed commit is not the same tree" not same_tree
		result "its export" export_to "$copy"
		result "and is not the same repository" not same_repository "$copy"
		# On another base no patch is taken away.
		if [[ $version = "$trunk" ]]; then
			result "the last patch goes" last_patch_goes
			result "the headings stay where they were" headings_stay
			{ grep -v '^# ' "$copy/patches/series"; grep '^# ' "$copy/patches/series"; } > "$work/series"
			cp "$work/series" "$copy/patches/series"
			result "headings elsewhere are noticed" not headings_stay
		fi
	fi
	path=$(overlay_files | sed -n 1p)
	if [[ -n $path && $ktap_failed = 0 ]]; then
		echo "/* roundtrip */" >> "$copy/$path"
		result "a changed overlay file is noticed" not same_repository "$copy"
	fi
	ktap_end checks
}

roundtrip
