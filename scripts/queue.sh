# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by tree.sh, export.sh, roundtrip.sh, rebase.sh and others: the kernel tree as git sees it, and the queue.
#
#   base ---- overlay ---- patch 1 ---- ... ---- patch n
#   tag       tag                                HEAD
#
# base is the pristine source, overlay adds the repository's files at kernel paths, and each patch of patches/series is
# a commit. refs/timens/saved is the HEAD that the repository is known to hold.
#
# patches/series holds the queue for every base. A line NAME is the patch as it is written against the trunk, the base which
# patches/BASES marks so. Where other bases need it differently, lines below it name variants in folders that say which bases take them:
#
#   since-6.12.118/NAME for:DIGEST	6.12.118 and later ones, up to the next line since-
#   until-6.12.111/NAME for:DIGEST	6.12.111 and earlier ones, down to the next line until-
#
# DIGEST is that of the trunk's patch when the variant was made of it; when it has changed, the variant is stale.

# What a user's own configuration says must not show in a patch.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
fixed_date='2026-01-01T00:00:00 +0000'
export GIT_COMMITTER_NAME=timens GIT_COMMITTER_EMAIL=timens@localhost

kgit()
{
	git -C "$TREE" -c core.abbrev=12 -c diff.renames=false -c core.autocrlf=false -c gc.auto=0 "$@"
}

in_tree()
{
	[[ -e $TREE/.git ]] && kgit rev-parse -q --verify 'base^{commit}' > /dev/null
}

# base_version [COMMIT]: the kernel's version of the tree's base, or of another source
base_version()
{
	kgit show "${1:-base}:Makefile" | makefile_version || die "no version in the Makefile of '${1:-base}'"
}

# The kernel's version of the source against which the patches without a folder are written
trunk_version()
{
	local version

	version=$(awk '!/^[[:space:]]*#/ && $2 == "trunk" { sub(/-.*/, "", $1); print $1; exit }' "$ROOT/patches/BASES" 2> /dev/null || true)
	[[ -n $version ]] || die "no line of patches/BASES is marked trunk"
	echo "$version"
}

# newer VERSION VERSION: is the first one the newer?
newer()
{
	[[ $1 != "$2" && $(printf '%s\n' "$1" "$2" | sort -V | tail -n 1) = "$1" ]]
}

# Lines of the series without headings: all of them, in the form "path digest"
series_lines()
{
	[[ -f $ROOT/patches/series ]] || return 0
	sed -e 's/[[:space:]]*#.*//' "$ROOT/patches/series" | awk 'NF { sub(/^for:/, "", $2); print $1, $2 }'
}

# series [VERSION [FOLDER]]: what of it a base takes (the tree's, if none is given), in order; as if there were no variants in FOLDER
series()
{
	local version

	version=${1:-$(base_version)} || return
	series_lines | awk -v base="$version" -v without="${2:-}" '
		function number(v,  p) { split(v, p, "."); return (p[1] * 1000 + p[2]) * 100000 + p[3] }
		BEGIN { here = number(base) }
		{
			name = $1
			sub(/^.*\//, "", name)
			if (!(name in pick)) {
				order[++n] = name
				pick[name] = ""
			}
			if ($1 == name) {
				if (!(name in from))
					pick[name] = $1
				next
			}
			at = $1
			sub(/\/.*/, "", at)
			if (at == without)
				next
			kind = at
			sub(/-.*/, "", kind)
			sub(/^[^-]*-/, "", at)
			if (kind == "since" && number(at) <= here && (!(name in from) || number(at) > from[name]) ||
			    kind == "until" && number(at) >= here && (!(name in from) || number(at) < from[name])) {
				from[name] = number(at)
				pick[name] = $1
			}
		}
		END { for (i = 1; i <= n; i++) if (pick[order[i]] != "") print pick[order[i]] }'
}

# check_series: every line names a patch that is there, and a variant is one of a patch, on its side of the trunk
check_series()
{
	local path digest name seen=' ' trunk at

	trunk=$(trunk_version) || exit
	while read -r path digest; do
		name=${path##*/}
		[[ -f $ROOT/patches/$path ]] || die "patches/series names '$path', but patches/$path does not exist"
		[[ $seen != *" $path "* ]] || die "patches/series names '$path' twice"
		seen+="$path "
		[[ $path != "$name" ]] || continue
		[[ $path =~ ^(since|until)-([0-9]+\.[0-9]+\.[0-9]+)/[^/]+$ ]] ||
			die "patches/series: '$path' is neither a patch nor since-VERSION/PATCH nor until-VERSION/PATCH"
		at=${BASH_REMATCH[2]}
		[[ $seen == *" $name "* ]] || die "patches/series: '$path' is a variant of '$name', which does not stand above it"
		[[ -n $digest ]] || die "patches/series: '$path' does not say of which text of '$name' it was made (for:DIGEST)"
		if [[ ${path%%-*} = since ]]; then
			newer "$at" "$trunk" || die "patches/series: '$path' is not after the trunk, $trunk"
		else
			newer "$trunk" "$at" || die "patches/series: '$path' is not before the trunk, $trunk"
		fi
	done < <(series_lines)
}

# patch_digest FILE: of what a patch says and does, wherever in its files it does it
patch_digest()
{
	sed -E -e '/^index [0-9a-f]+\.\./d' -e 's/^@@ [^@]* @@.*/@@/' "$1" | sha256sum | cut -c 1-12
}

# stale: variants, with the name of their patch, whose patch has changed since they were made
stale()
{
	local path digest

	while read -r path digest; do
		[[ $path != "${path##*/}" ]] || continue
		[[ $digest = "$(patch_digest "$ROOT/patches/${path##*/}")" ]] || echo "$path"
	done < <(series_lines)
}

# add_variant PATH: a line of the series for a variant, made of the patch as it is now, below its patch and that one's other variants
add_variant()
{
	local temp

	temp=$(mktemp "$BUILD/series.XXXXXX")
	awk -v path="$1" -v digest="$(patch_digest "$ROOT/patches/${1##*/}")" '
		BEGIN { name = path; sub(/.*\//, "", name) }
		FNR == NR { at = $1; sub(/.*\//, "", at); if (!/^[[:space:]]*#/ && at == name) last = FNR; have = have || $1 == path; next }
		{ print $1 == path ? path " for:" digest : $0 }
		FNR == last && !have { print path " for:" digest }' "$ROOT/patches/series" "$ROOT/patches/series" > "$temp"
	cmp -s "$temp" "$ROOT/patches/series" || cp "$temp" "$ROOT/patches/series"
	rm -f "$temp"
}

remove_variant()
{
	local temp

	temp=$(mktemp "$BUILD/series.XXXXXX")
	awk -v path="$1" '$1 != path' "$ROOT/patches/series" > "$temp"
	cp "$temp" "$ROOT/patches/series"
	rm -f "$temp" "$ROOT/patches/$1"
	rmdir --ignore-fail-on-non-empty "$(dirname "$ROOT/patches/$1")"
}

# Everything that decides what the patches make of the source.
queue_digest()
{
	local name version

	check_series
	version=$(base_version) || exit
	{
		while read -r name; do
			echo "$name"
			cat "$ROOT/patches/$name"
		done < <(series "$version")
	} | sha256sum | cut -d' ' -f1
}

# does_not_apply PATH ERRORS: say what, where, against what, and what to do
does_not_apply()
{
	local path=$1 errors=$2 version near fits

	version=$(base_version "${onto:-base}")
	sed 's/^/  /' "$errors" >&2
	near=$(sed -n -E -e 's/^error: patch failed: (.*):([0-9]+)$/\1, near line \2/p' -e 's/^error: ([^:]+): (No such file|does not exist).*/\1/p' "$errors" |
		head -n 1)
	fits=$(awk '!/^[[:space:]]*#/ && NF { v = $1 } END { print v }' "$ROOT/patches/BASES")
	warn "patches/$path does not apply to Linux $version${near:+: $near}"
	warn "the queue is written against $(trunk_version), and fits up to $fits"
	die "make rebase BASE=$version (or LINUX_SRC=...) carries the queue over, by git's three-way merge; without BASE and LINUX_SRC, a source that it fits is taken"
}

# Commit the patch at patches/$1 on top of $head. The steps are those of git am (mailinfo, apply --index, commit).
compose_patch()
{
	local path=$1 name=${1##*/} work=$2 author email date subject made want got

	kgit mailinfo --encoding=UTF-8 "$work/message" "$work/diff" < "$ROOT/patches/$path" > "$work/info" ||
		die "patches/$path is not a mail as git format-patch writes it"
	author=$(sed -n 's/^Author: //p' "$work/info")
	email=$(sed -n 's/^Email: //p' "$work/info")
	date=$(sed -n 's/^Date: //p' "$work/info")
	subject=$(sed -n 's/^Subject: //p' "$work/info")
	[[ -n $author && -n $email && -n $date && -n $subject ]] || die "patches/$path: author, date or subject is missing"
	[[ $(slug "$subject") = "$name" ]] || die "patches/$path: its subject '$subject' asks for the name $(slug "$subject")"

	if ! kgit apply --cached --whitespace=nowarn "$work/diff" 2> "$work/errors"; then
		does_not_apply "$path" "$work/errors"
	fi
	# git apply can skip files without a word; what the patch names must have changed, and nothing else.
	made=$(kgit write-tree)
	want=$(kgit apply --numstat -z "$work/diff" | tr '\0' '\n' | cut -f 3- | LC_ALL=C sort)
	got=$(kgit diff-tree -r --name-only -z "$head" "$made" | tr '\0' '\n' | LC_ALL=C sort)
	[[ -n $want && $want = "$got" ]] || die "patches/$path: applying it changed '${got//$'\n'/ }' instead of '${want//$'\n'/ }'"
	[[ -z $(kgit diff-tree -r --diff-filter=A --name-only "$head" "$made") ]] ||
		die "patches/$path adds $(kgit diff-tree -r --diff-filter=A --name-only "$head" "$made" | sed -n 1p): new files belong into the overlay"

	head=$({ echo "$subject"; echo; cat "$work/message"; } | git stripspace |
		GIT_AUTHOR_NAME=$author GIT_AUTHOR_EMAIL=$email GIT_AUTHOR_DATE=$date GIT_COMMITTER_DATE=$fixed_date \
		kgit commit-tree -p "$head" "$made")
}

# compose_queue COMMIT VERSION WORK: the queue as commits on top of a source; the last one in $head, how many in $composed
#
# Each commit is remembered by its parent and its patch, so that a longer or changed queue costs only what changed.
compose_queue()
{
	local onto=$1 version=$2 work=$3 names name key known loaded=0 cache=$BUILD/tree-cache

	head=$onto composed=0
	check_series
	mapfile -t names < <(series "$version")
	touch "$cache"
	for name in "${names[@]}"; do
		key="$head $(sha256sum < "$ROOT/patches/$name" | cut -d' ' -f1) $name"
		known=$(awk -v key="$key " 'index($0, key) == 1 { c = $NF } END { print c }' "$cache")
		composed=$((composed + 1))
		if [[ -n $known ]] && kgit cat-file -e "$known^{commit}" 2> /dev/null; then
			head=$known
			loaded=0
			continue
		fi
		if [[ $loaded = 0 ]]; then
			kgit read-tree "$head"
			loaded=1
		fi
		say "patch $composed of ${#names[@]}: $name"
		compose_patch "$name" "$work"
		echo "$key $head" >> "$cache"
	done
}

# mainline_fixes: the patches below the heading of the fixes of mainline
mainline_fixes()
{
	awk '/^# / { here = /^# Fixes of mainline/ } here && !/^[[:space:]]*(#|$)/ && $1 !~ /\// { print $1 }' "$ROOT/patches/series"
}

# touched_files: the kernel's files which the queue touches, on any base
touched_files()
{
	series_lines | sed -e 's/ .*//' -e "s,^,$ROOT/patches/," | xargs -r sed -n -E -e 's,^(\+\+\+ b|--- a)/,,p' | cut -f 1 | LC_ALL=C sort -u
}

# A source as far as the queue is concerned: the files in the folders that it touches, and of those at the top what it touches. The
# rest is as in the tree's base.
slice_folders()
{
	touched_files | sed -n 's,/[^/]*$,,p' | LC_ALL=C sort -u
}

slice_top()
{
	touched_files | grep -v / || true
}

slice_digest()
{
	{ slice_folders; slice_top; } | sha256sum | cut -c 1-16
}

# slice_ref NAME: where its slice is. git takes no tilde in a name, and a version of a rebuild has one.
slice_ref()
{
	echo "refs/timens/bases/${1//\~/%}"
}

# composed_ref NAME: where the queue on that source is
composed_ref()
{
	echo "refs/timens/composed/${1//\~/%}"
}

# The names of all slices.
slices()
{
	kgit for-each-ref --format='%(refname:lstrip=3)' refs/timens/bases | tr % '~'
}

# slice_of NAME: the commit of a source of which there is a slice
slice_of()
{
	kgit rev-parse -q --verify "$(slice_ref "$1")^{commit}" > /dev/null || return
	[[ $(kgit log -1 --format=%b "$(slice_ref "$1")") = "slice $(slice_digest)" ]] || return
	kgit rev-parse "$(slice_ref "$1")^{commit}"
}

# slice_base NAME: the tree's own base serves as the slice of its source.
slice_base()
{
	printf 'base: Linux %s (%s)\n\nslice %s\n' "$(base_version)" "$1" "$(slice_digest)" |
		GIT_AUTHOR_NAME=timens GIT_AUTHOR_EMAIL=timens@localhost GIT_AUTHOR_DATE=$fixed_date GIT_COMMITTER_DATE=$fixed_date \
			kgit commit-tree 'base^{tree}' > "$BUILD/base-slice"
	kgit update-ref "$(slice_ref "$1")" "$(cat "$BUILD/base-slice")"
	rm -f "$BUILD/base-slice"
}

# unpacked TARBALL: the tar in it
unpacked()
{
	case $1 in
	*.xz) xz -dc "$1" ;;
	*.gz | *.tgz) gzip -dc "$1" ;;
	*.bz2) bzip2 -dc "$1" ;;
	*.zst) zstd -dcq "$1" ;;
	*) cat "$1" ;;
	esac
}

# make_slice NAME DIR|TARBALL: commit the slice of a source; refs/timens/bases/NAME
make_slice()
{
	local name=$1 src=$2 temp path version commit made
	local -a folders top

	mapfile -t folders < <(slice_folders)
	mapfile -t top < <(slice_top)
	temp=$(mktemp -d "$BUILD/slice.XXXXXX")
	mkdir "$temp/files"
	if [[ -d $src ]]; then
		(cd "$src" && ls -d Makefile .gitattributes "${top[@]}" && for path in "${folders[@]}"; do
			find "$path" -maxdepth 1 -type f
		done) > "$temp/list" || return
		(cd "$src" && overlay_files | while IFS= read -r path; do [[ ! -e $path ]] || echo "$path"; done) > "$temp/all"
		rsync -a --files-from="$temp/list" "$src/" "$temp/files/"
	else
		# The folder at the top of the tarball has any name.
		printf '*/%s\n' Makefile .gitattributes "${top[@]}" "${folders[@]/%//*}" > "$temp/list"
		unpacked "$src" | tee >(tar -t | sed 's,^[^/]*/,,' > "$temp/all"; touch "$temp/listed") |
			tar -x -C "$temp/files" --strip-components=1 --wildcards --no-wildcards-match-slash --anchored --no-recursion -T "$temp/list"
		while [[ ! -e $temp/listed ]]; do sleep 0.1; done
	fi
	path=$(overlay_files | grep -x -F -f "$temp/all" | sed -n 1p || true)
	[[ -z $path ]] || die "overlay file '$path' exists in $name: changes to it belong into patches/"
	version=$(kernel_version "$temp/files")
	commit=$(
		GIT_INDEX_FILE=$temp/index kgit read-tree base
		cd "$temp/files"
		find . -type f -printf '%P\n' | LC_ALL=C sort > "$temp/here"
		paste "$temp/here" <(sed "s,^,$temp/files/," "$temp/here" | kgit hash-object -w --no-filters --stdin-paths) |
			while IFS=$'\t' read -r path blob; do
				mode=100644
				[[ ! -x $path ]] || mode=100755
				printf '%s %s\t%s\n' "$mode" "$blob" "$path"
			done > "$temp/info"
		touched_files | grep -v -x -F -f "$temp/here" | sed 's/^/0 0000000000000000000000000000000000000000\t/' >> "$temp/info" || true
		GIT_INDEX_FILE=$temp/index kgit update-index --add --index-info < "$temp/info"
		made=$(GIT_INDEX_FILE=$temp/index kgit write-tree)
		printf 'base: Linux %s (%s)\n\nslice %s\n' "$version" "$name" "$(slice_digest)" |
			GIT_AUTHOR_NAME=timens GIT_AUTHOR_EMAIL=timens@localhost GIT_AUTHOR_DATE=$fixed_date GIT_COMMITTER_DATE=$fixed_date \
				kgit commit-tree "$made"
	) || return
	rm -rf "$temp"
	kgit update-ref "$(slice_ref "$name")" "$commit"
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

# format_queue DIR FROM [TO]: write the commits after FROM to DIR, one file each, and their names in order to DIR/.names
format_queue()
{
	local dir=$1 from=$2 commit name

	: > "$dir/.names"
	: > "$dir/.commits"
	while read -r commit; do
		name=$(slug "$(kgit log -1 --format=%s "$commit")")
		[[ ! -e $dir/$name ]] || die "two commits of the queue would be named $name: change a subject"
		kgit format-patch -1 -N --zero-commit --no-signature --abbrev=12 --no-renames --stdout "$commit" > "$dir/$name"
		echo "$name" >> "$dir/.names"
		echo "$commit" >> "$dir/.commits"
	done < <(kgit rev-list --reverse "$from..${3:-HEAD}")
}

# differing: of "COMMIT PATH" lines, in the order of the commits, those whose patch at patches/PATH, applied strictly, does not give the
# commit: its files, author and message. On a base which is not that of the patch, line numbers and blobs in its text are others.
differing()
{
	local temp commit path head onto loaded=''

	temp=$(mktemp -d "$BUILD/differing.XXXXXX")
	while read -r commit path; do
		head=$(kgit rev-parse "$commit^")
		onto=$head
		[[ $loaded = "$head" ]] || GIT_INDEX_FILE=$temp/index kgit read-tree "$head"
		if (
			GIT_INDEX_FILE=$temp/index compose_patch "$path" "$temp"
			[[ $(commit_says "$head") = "$(commit_says "$commit")" ]]
		) > /dev/null 2>&1; then
			loaded=$commit
		else
			loaded=''
			echo "$commit $path"
		fi
	done
	rm -rf "$temp"
}

commit_says()
{
	kgit log -1 --format='%T%n%an%n%ae%n%at%n%B' "$1"
}

# is_saved: are the commits after tag overlay what patches/ holds? On the trunk byte by byte.
is_saved()
{
	local temp rc=0 name path commit version

	temp=$(mktemp -d "$BUILD/saved.XXXXXX")
	version=$(base_version)
	format_queue "$temp" overlay
	cmp -s "$temp/.names" <(series "$version" | sed 's,.*/,,') || rc=1
	if [[ $rc = 0 ]]; then
		while read -r name path commit; do
			cmp -s "$temp/$name" "$ROOT/patches/$path" || echo "$commit $path"
		done < <(paste -d ' ' "$temp/.names" <(series "$version") "$temp/.commits") > "$temp/.changed"
		if [[ -s $temp/.changed ]]; then
			[[ $version != "$(trunk_version)" && -z $(differing < "$temp/.changed") ]] || rc=1
		fi
	fi
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
