#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Make build/linux what the repository says: source, overlay and queue as commits (see queue.sh).
#
# Commits are composed in a scratch index and have fixed dates, so the same input gives the same commits; then only files
# that differ are written, so that make compiles only what changed. Patches apply without fuzz and without merging.
# Work in build/linux that has not been exported is never overwritten.
#
# The source is the one that setup.sh has chosen (BASE=VERSION chooses another one of Debian's), or LINUX_SRC=DIR|TARBALL; which
# patches it takes says patches/series. DISCARD=1 gives up work that is not exported; AS_IS=1 leaves the tree as it stands, to
# build work in progress.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=queue.sh
. "$(dirname "${BASH_SOURCE[0]}")/queue.sh"
[[ $# -eq 0 ]] || die "unknown argument '$1'"

export GIT_AUTHOR_NAME=timens GIT_AUTHOR_EMAIL=timens@localhost

# What the source is, to notice that another one is meant.
source_identity()
{
	local path

	path=$(realpath -e "$1") || die "LINUX_SRC: no file or directory '$1'"
	if [[ -d $path ]]; then
		echo "$path $(kernel_version "$path")"
	else
		echo "$path $(stat -c '%s %Y' "$path")"
	fi
}

unpack()
{
	local src=$1 new=$TREE.new left

	[[ -e $src ]] || die "no kernel source '$src': make setup gets Debian's, LINUX_SRC=DIR|TARBALL names another"
	rm -rf "$new"
	mkdir -p "$new"
	if [[ -d $src ]]; then
		say "copying the source from $src"
		for left in .config vmlinux include/config include/generated/autoconf.h; do
			[[ ! -e $src/$left ]] || die "LINUX_SRC: '$src' has been built in ($left): make mrproper there first"
		done
		rsync -a --exclude '/.git' --exclude '/debian/' "$src/" "$new/"
	else
		say "unpacking $src"
		tar -C "$new" --strip-components=1 -xf "$src" || die "LINUX_SRC: cannot unpack '$src'"
	fi
	[[ $(kernel_version "$new") == 6.12* ]] || die "'$src' is Linux $(kernel_version "$new"), the queue is for 6.12.y"

	say "making it a git tree (half a minute)"
	git -C "$new" init -q -b queue
	git -C "$new" config core.untrackedCache true
	# Debian's and the kernel's own .gitignore would leave files out.
	git -C "$new" -c core.looseCompression=1 add -A -f .
	GIT_AUTHOR_DATE=$fixed_date GIT_COMMITTER_DATE=$fixed_date \
		git -C "$new" commit -q -m "base: Linux $(kernel_version "$new")"
	git -C "$new" tag base
	git -C "$new" update-ref refs/timens/saved HEAD
	git -C "$new" tag overlay
	git -C "$new" config timens.source "$(source_identity "$src")"
	rm -rf "$TREE"
	mv "$new" "$TREE"
}

# What setup.sh has chosen, as "VERSION FILE"
chosen_source()
{
	[[ -f $BUILD/source ]] || die "no kernel source has been chosen: make setup does that, or LINUX_SRC=DIR|TARBALL"
	cat "$BUILD/source"
}

check_source()
{
	local now had remedy="export what you want to keep and remove it (make distclean)"

	had=$(kgit config timens.source || true)
	if [[ -n ${LINUX_SRC:-} ]]; then
		now=$(source_identity "$LINUX_SRC")
		[[ $had = "$now" ]] || die "$TREE was made from '${had:-an unknown source}', not from LINUX_SRC='$LINUX_SRC': $remedy"
	elif [[ -n ${BASE:-} ]]; then
		now=$(kgit config timens.version || base_version)
		[[ $now = "$BASE" || ${now%%-*} = "$BASE" ]] || die "$TREE was made from $now, not from BASE=$BASE: $remedy"
	fi
}

compose_overlay()
{
	local path mode blob count=0

	kgit read-tree base
	while IFS= read -r path; do
		[[ $(content base "$path") = - ]] ||
			die "overlay file '$path' exists in the kernel source: changes to it belong into patches/"
		mode=100644
		[[ ! -x $ROOT/$path ]] || mode=100755
		blob=$(kgit hash-object -w --no-filters "$ROOT/$path")
		echo "$mode $blob	$path"
	done < <(overlay_files) > "$GIT_INDEX_FILE.list"
	kgit update-index --add --index-info < "$GIT_INDEX_FILE.list"
	count=$(wc -l < "$GIT_INDEX_FILE.list")
	overlay=$(GIT_AUTHOR_DATE=$fixed_date GIT_COMMITTER_DATE=$fixed_date \
		kgit commit-tree -p base -m "overlay: $count files" "$(kgit write-tree)")
	say "overlay: $count files"
}

# The queue is composed on base; then it is moved onto the overlay, which shares no file with it.
compose()
{
	local work=$1 n base

	base=$(kgit rev-parse 'base^{commit}')
	export GIT_INDEX_FILE=$work/index
	compose_queue "$base" "$(base_version)" "$work"
	n=$composed
	# Keeps the commits from being pruned.
	kgit update-ref refs/timens/chain "$head"

	compose_overlay
	unset GIT_INDEX_FILE
	if [[ $n = 0 ]]; then
		head=$overlay
	else
		kgit fast-export --no-data --reference-excluded-parents "$base..refs/timens/chain" |
			sed -e "s/^from $base\$/from $overlay/" -e 's,^\(commit\|reset\) refs/timens/chain$,\1 refs/timens/moved,' |
			kgit fast-import --quiet --force
		head=$(kgit rev-parse refs/timens/moved)
		[[ $(kgit rev-list --count "$overlay..$head") = "$n" ]] || die "moving the queue onto the overlay lost commits"
		kgit update-ref -d refs/timens/moved
	fi
}

check_result()
{
	local path

	while IFS= read -r path; do
		cmp -s "$ROOT/$path" "$TREE/$path" || die "overlay file '$path' did not arrive in $TREE"
	done < <(overlay_files)
	path=$(dirty_paths | head -n 3)
	[[ -z $path ]] || die "$TREE differs from what was composed: ${path//$'\n'/ }"
}

make_tree()
{
	local src=${LINUX_SRC:-} version='' key digest head='' overlay='' composed=0 path work before

	mkdir -p "$BUILD"
	if [[ ${AS_IS:-0} = 1 ]]; then
		in_tree || die "AS_IS=1, but there is no tree in $TREE"
		say "Linux $(kernel_version "$TREE") as it stands, which may not be what the repository holds"
		return
	fi
	if in_tree; then
		check_source
	else
		[[ ! -e $TREE ]] || [[ -z $(ls -A "$TREE") ]] || die "$TREE exists, but is not a tree of this project (no tag base): remove it"
		[[ -n $src ]] || read -r version src <<< "$(chosen_source)"
		unpack "$src"
		[[ -z $version ]] || kgit config timens.version "$version"
	fi

	digest=$(queue_digest)
	key=$(
		{
			echo "$digest"
			kgit rev-parse 'base^{commit}'
			overlay_files | while IFS= read -r path; do
				echo "$path"
				[[ ! -x $ROOT/$path ]] || echo "executable"
				cat "$ROOT/$path"
			done
		} | sha256sum | cut -d' ' -f1
	)
	before=$(kgit rev-parse HEAD)
	if [[ $(kgit config timens.composed || true) = "$key $before" && -z $(dirty_paths) ]]; then
		say "Linux $(kernel_version "$TREE") with overlay and $(series | wc -l) patches: up to date"
		return
	fi
	refuse_loss

	work=$(mktemp -d "$BUILD/compose.XXXXXX")
	# shellcheck disable=SC2064
	trap "rm -rf '$work'" EXIT
	compose "$work"

	# Let the index know about edits that the repository already holds, then write what differs and nothing else.
	while IFS= read -r path; do
		[[ -n $path ]] || continue
		if [[ ${DISCARD:-0} = 1 && $(file_content "$TREE/$path") != "$(file_content "$ROOT/$path")" ]]; then
			say "giving up the edits of $path"
			if [[ $(content HEAD "$path") = - ]]; then
				rm -f "$TREE/$path"
			else
				kgit checkout -q HEAD -- "$path"
			fi
		elif [[ -e $TREE/$path ]]; then
			kgit add -f -- "$path"
		else
			kgit rm -q --cached --ignore-unmatch -- "$path"
		fi
	done < <(dirty_paths)
	kgit read-tree -m -u HEAD "$head"
	kgit update-ref -m "make tree" HEAD "$head"
	kgit update-ref refs/tags/overlay "$overlay"
	kgit update-ref refs/timens/saved "$head"
	kgit config timens.queue "$digest"
	check_result
	kgit config timens.composed "$key $head"
	say "Linux $(kernel_version "$TREE") with overlay and $(series | wc -l) patches: $(kgit diff --name-only "$before" "$head" | wc -l) files changed"
}

locked tree make_tree
