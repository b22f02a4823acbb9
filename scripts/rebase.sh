#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Carry the queue over to another kernel source, by git's three-way merge of the trunk's commits, and write variants of the patches
# which that source needs differently (see queue.sh). What it need not have of its own it takes from its neighbours, and a variant
# that it no longer needs is removed. The kernel tree in build/linux stays what it is; no patch without a folder is touched.
#
# A conflict stops it: solve it in the work tree that is named, and call it again.
#
# usage: rebase.sh VERSION [--trunk]     of the kernel or of Debian's package (make rebase BASE=VERSION)
#        LINUX_SRC=DIR|TARBALL rebase.sh another source
#
# --trunk makes the source the trunk: all patches are written against it, and no variant is left (make bases FIX=1 makes the others').
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=queue.sh
. "$(dirname "${BASH_SOURCE[0]}")/queue.sh"
# shellcheck source=archive.sh
. "$(dirname "${BASH_SOURCE[0]}")/archive.sh"

wanted='' to_trunk=0
while [[ $# -gt 0 ]]; do
	case $1 in
	--trunk) to_trunk=1; shift ;;
	-*) die "unknown option '$1'" ;;
	*) [[ -z $wanted ]] || die "more than one version"; wanted=$1; shift ;;
	esac
done
[[ -n $wanted || -n ${LINUX_SRC:-} ]] || die "to which version? BASE=VERSION, or LINUX_SRC=DIR|TARBALL"

rgit()
{
	git -C "$dir" -c core.abbrev=12 -c diff.renames=false -c core.autocrlf=false -c gc.auto=0 -c rerere.enabled=false \
		-c user.name=timens -c user.email=timens@localhost "$@"
}

# The commit of the source that is meant, in $onto; its name in $name
find_source()
{
	if [[ -n ${LINUX_SRC:-} ]]; then
		name=$(kernel_version_of "$LINUX_SRC")-given
		make_slice "$name" "$(realpath -e "$LINUX_SRC")"
	else
		name=$(resolve_source "$wanted") || die "no $source_package of version '$wanted' in any release of Debian that is looked at (${releases[*]})"
		need_slice "$name" || die "cannot get $source_package $name"
	fi
	onto=$(slice_of "$name")
	version=$(base_version "$onto")
	work=$BUILD/rebase/$name
	dir=$work/linux
}

# The trunk's commits: $from, then $picks
find_trunk()
{
	local temp at head composed

	trunk=$(trunk_version)
	from=$(kgit rev-parse 'base^{commit}')
	if [[ $(base_version) != "$trunk" ]]; then
		at=$(resolve_source "$trunk") || die "the trunk's source, Linux $trunk, is not to be had: make tree BASE=$trunk where it is"
		need_slice "$at" || die "cannot get $source_package $at, the trunk's source"
		from=$(slice_of "$at")
	fi
	temp=$(mktemp -d "$BUILD/compose.XXXXXX")
	GIT_INDEX_FILE=$temp/index compose_queue "$from" "$trunk" "$temp"
	rm -rf "$temp"
	kgit update-ref refs/timens/trunk "$head"
	mapfile -t picks < <(kgit rev-list --reverse "$from..$head")
}

# A work tree on the source, with the files that the queue touches
fresh_work()
{
	rm -rf "$work"
	mkdir -p "$work"
	git clone -q --shared --no-checkout "$TREE" "$dir"
	git -C "$dir" config core.sparseCheckout true
	{ echo .gitattributes; touched_files; } | sed 's,^,/,' > "$dir/.git/info/sparse-checkout"
	rgit checkout -q -B queue "$onto"
	echo "$state" > "$work/state"
}

# variant_for PATCH: the variant that the source takes, if it was made of the patch as it is
variant_for()
{
	local path

	path=$(series "$version" | grep -x -E "(since|until)-[^/]*/${1//./\\.}") || return
	! grep -q -x -F "$path" <<< "$stale" || return
	echo "$path"
}

pick_all()
{
	local i j stale path count=${#picks[@]}
	local -a variants

	stale=$(stale)
	for ((i = 0; i < count; i++)); do
		variants+=("$(variant_for "$(slug "$(kgit log -1 --format=%s "${picks[i]}")")" || true)")
	done
	[[ ! -f $dir/.git/CHERRY_PICK_HEAD && ! -d $dir/.git/sequencer ]] ||
		die "a patch is still in conflict in $dir: solve it, git add -u, git cherry-pick --continue there, and call this again"
	i=$(rgit rev-list --count "$onto..HEAD")
	[[ $i -le $count ]] || die "$dir has $i commits, the queue $count: DISCARD=1 begins again"
	while [[ $i -lt $count ]]; do
		if [[ -n ${variants[i]} ]]; then
			if rgit am -q --no-3way --committer-date-is-author-date "$ROOT/patches/${variants[i]}" 2> /dev/null; then
				i=$((i + 1))
				continue
			fi
			rgit am --abort
			say "patches/${variants[i]} does not apply: merging the trunk's"
			variants[i]=''
		fi
		for ((j = i + 1; j < count; j++)); do
			[[ -z ${variants[j]} ]] || break
		done
		if ! rgit cherry-pick --allow-empty "${picks[@]:i:j - i}" > "$work/log" 2>&1; then
			i=$(rgit rev-list --count "$onto..HEAD")
			grep -E '^(CONFLICT|error|The previous)' "$work/log" | sed 's/^/  /' >&2 || true
			path=$(slug "$(kgit log -1 --format=%s "${picks[i]}")")
			warn "patches/$path conflicts with Linux $version ($name; the queue's trunk is $trunk)"
			rgit diff --name-only --diff-filter=U | sed 's/^/  in /' >&2
			die "solve it in $dir (edit, git add -u, git cherry-pick --continue), then call this again: make rebase ${wanted:+BASE=$wanted}"
		fi
		i=$j
	done
}

write_variants()
{
	local head temp folder kind=until i path patch count=0

	head=$(kgit rev-parse refs/timens/rebased)
	temp=$(mktemp -d "$BUILD/variants.XXXXXX")
	format_queue "$temp" "$onto" "$head"
	! newer "$version" "$trunk" || kind=since
	folder=$kind-$version
	# What the source would take without variants of its own
	paste -d ' ' "$temp/.commits" <(series "$version" "$folder") | differing > "$temp/.differing"
	i=0
	while read -r patch; do
		path=$folder/$patch
		if ! grep -q "/$patch\$\| $patch\$" "$temp/.differing"; then
			if series_lines | grep -q "^$path "; then
				remove_variant "$path"
				say "removed patches/$path: Linux $version takes $(series "$version" | grep -E "(^|/)$patch\$")"
			fi
			continue
		fi
		count=$((count + 1))
		mkdir -p "$ROOT/patches/$folder"
		if ! cmp -s "$temp/$patch" "$ROOT/patches/$path"; then
			cp "$temp/$patch" "$ROOT/patches/$path"
			say "wrote patches/$path"
		fi
		add_variant "$path"
	done < "$temp/.names"
	rm -rf "$temp"
	say "Linux $version ($name): ${#picks[@]} patches, $count of them need a variant of their own"
}

# The source becomes the trunk: its commits are the patches.
write_trunk()
{
	local head temp path patch

	head=$(kgit rev-parse refs/timens/rebased)
	temp=$(mktemp -d "$BUILD/variants.XXXXXX")
	format_queue "$temp" "$onto" "$head"
	while read -r path _; do
		[[ $path = "${path##*/}" ]] || remove_variant "$path"
	done < <(series_lines)
	while read -r patch; do
		cp "$temp/$patch" "$ROOT/patches/$patch"
	done < "$temp/.names"
	rm -rf "$temp"
	write_bases "$(same_source "$name")" < <(proven; same_source "$name")
	say "the trunk is Linux $version ($name) now; make distclean and make tree BASE=$name, then make bases FIX=1 for the others"
}

rebase()
{
	in_tree || die "no tree in $TREE (make tree)"
	find_source
	find_trunk
	if [[ $version = "$trunk" ]]; then
		say "Linux $version ($name) is the trunk"
		return
	fi
	state="$onto ${picks[*]} $(series_lines | sha256sum)"
	if [[ ! -f $work/state || ${DISCARD:-0} = 1 ]]; then
		fresh_work
	elif [[ $(cat "$work/state") != "$state" ]]; then
		die "$dir holds an unfinished rebase of a queue that has changed since: DISCARD=1 gives it up"
	fi
	pick_all
	kgit fetch -q --no-tags "$dir" "+HEAD:refs/timens/rebased"
	if [[ $to_trunk = 1 ]]; then
		write_trunk
	else
		write_variants
	fi
	rm -rf "$work"
	rmdir --ignore-fail-on-non-empty "$BUILD/rebase"
}

export GIT_COMMITTER_DATE=$fixed_date
locked tree rebase
