# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by tree.sh, export.sh and roundtrip.sh: the kernel tree as git sees it.
#
#   base ---- overlay ---- patch 1 ---- ... ---- patch n
#   tag       tag                                HEAD
#
# base is the pristine source, overlay adds the repository's files at kernel paths, and each patch of patches/series is
# a commit. refs/timens/saved is the HEAD that the repository is known to hold.

# What a user's own configuration says must not show in a patch.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_COMMITTER_NAME=timens GIT_COMMITTER_EMAIL=timens@localhost

kgit()
{
	git -C "$TREE" -c core.abbrev=12 -c diff.renames=false -c core.autocrlf=false -c gc.auto=0 "$@"
}

in_tree()
{
	[[ -e $TREE/.git ]] && kgit rev-parse -q --verify 'base^{commit}' > /dev/null
}

# Names of the queue in order, without headings.
series()
{
	[[ -f $ROOT/patches/series ]] || return 0
	sed -e 's/[[:space:]]*#.*//' -e '/^[[:space:]]*$/d' "$ROOT/patches/series"
}

# Everything that decides what the patches make of the source.
queue_digest()
{
	local name

	while read -r name; do
		[[ -f $ROOT/patches/$name ]] || die "patches/series names '$name', but patches/$name does not exist"
	done < <(series)
	{
		while read -r name; do
			echo "$name"
			cat "$ROOT/patches/$name"
		done < <(series)
	} | sha256sum | cut -d' ' -f1
}

# No half-finished git operation of the user may be in the way.
refuse_operation()
{
	local dir

	dir=$(kgit rev-parse --absolute-git-dir)
	[[ ! -d $dir/rebase-merge && ! -d $dir/rebase-apply ]] || die "a rebase or am is under way in $TREE: finish or abort it"
	[[ ! -f $dir/MERGE_HEAD && ! -f $dir/CHERRY_PICK_HEAD ]] || die "a merge or cherry-pick is under way in $TREE: finish or abort it"
}

# slug SUBJECT: the name of a patch: "area-what-it-does"
slug()
{
	local name

	name=$(tr '[:upper:]' '[:lower:]' <<< "$1" | sed -E -e 's/[^a-z0-9]+/-/g' -e 's/^-+//' -e 's/-+$//')
	name=${name:0:72}
	[[ -n $name ]] || die "no file name can be made of the subject '$1'"
	echo "${name%-}.patch"
}

# format_queue DIR FROM: write the commits after FROM to DIR, one file each, and their names in order to DIR/.names
format_queue()
{
	local dir=$1 from=$2 commit name

	: > "$dir/.names"
	while read -r commit; do
		name=$(slug "$(kgit log -1 --format=%s "$commit")")
		[[ ! -e $dir/$name ]] || die "two commits of the queue would be named $name: change a subject"
		kgit format-patch -1 -N --zero-commit --no-signature --abbrev=12 --no-renames --stdout "$commit" > "$dir/$name"
		echo "$name" >> "$dir/.names"
	done < <(kgit rev-list --reverse "$from..HEAD")
}

# is_saved: are the commits after tag overlay what patches/ holds, byte by byte?
is_saved()
{
	local temp rc=0 name

	temp=$(mktemp -d "$BUILD/saved.XXXXXX")
	format_queue "$temp" overlay
	cmp -s "$temp/.names" <(series) || rc=1
	while [[ $rc = 0 ]] && read -r name; do
		cmp -s "$temp/$name" "$ROOT/patches/$name" || rc=1
	done < "$temp/.names"
	rm -rf "$temp"
	return "$rc"
}

# Paths in the work tree that differ from HEAD, untracked ones included, one a line. The .gitignore of Debian's source
# ignores everything, hence ls-files with a list of its own: what editors, patch and cscope leave behind.
dirty_paths()
{
	kgit diff --name-only --no-renames HEAD
	kgit ls-files --others -x '*~' -x '.*.sw?' -x '*.orig' -x '*.rej' -x '*.o' -x '.*.cmd' -x '/tags' -x '/cscope*' \
		-x '/GPATH' -x '/GRTAGS' -x '/GTAGS' -x '.cache/' -x '/compile_commands.json' -x '__pycache__/' -x '.checkpatch-camelcase.*'
}

# content REV PATH: hash of a file in a commit, "-" when it is not there
content()
{
	kgit rev-parse -q --verify "$1:$2" 2> /dev/null || echo -
}

# file_content FILE: the same for a file on disk
file_content()
{
	if [[ -f $1 ]]; then
		kgit hash-object --no-filters "$(realpath "$1")"
	else
		echo -
	fi
}

# Stop when something in the tree would be lost.
refuse_loss()
{
	local path here repo old lost=()

	refuse_operation
	if [[ $(kgit rev-parse HEAD) != "$(kgit rev-parse -q --verify refs/timens/saved || true)" ]]; then
		kgit rev-parse -q --verify 'overlay^{commit}' > /dev/null ||
			die "$TREE has no tag overlay: it must be base, one overlay commit with the tag overlay, then the queue"
		if [[ ${DISCARD:-0} != 1 ]] && ! is_saved; then
			kgit log --oneline overlay..HEAD | head -n 20 >&2
			die "$TREE has commits that patches/ does not hold: make export saves them, AS_IS=1 builds the tree as it stands, DISCARD=1 gives them up"
		fi
	fi
	# An edited file is safe when the repository has the same content (make export copies them).
	while IFS= read -r path; do
		[[ -n $path ]] || continue
		here=$(file_content "$TREE/$path")
		repo=$(file_content "$ROOT/$path")
		old=$(content HEAD "$path")
		[[ $here = "$repo" || $here = "$old" ]] || lost+=("$path")
	done < <(dirty_paths)
	if [[ ${#lost[@]} -gt 0 && ${DISCARD:-0} != 1 ]]; then
		printf '  %s\n' "${lost[@]}" >&2
		die "$TREE has edits that are not exported: make export (or commit, then make export) saves them, AS_IS=1 builds the tree as it stands, DISCARD=1 gives them up"
	fi
}
