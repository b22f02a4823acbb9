#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The opposite of tree.sh: the commits after tag overlay become patches/ and its series, and the files that are new
# relative to the pristine source (edits that are not committed included) go back to the repository.
#
# A tree of the trunk writes the patches without a folder and leaves all variants alone. A tree of another base leaves alone what
# still gives its commits, and writes what does not to a variant of its own version (see queue.sh); a commit that is new becomes a patch
# for every base. Patches are taken away on the trunk only.
#
# A file that changed here and in the repository, differently, is a conflict and stops the export before anything is written.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=queue.sh
. "$(dirname "${BASH_SOURCE[0]}")/queue.sh"
[[ $# -eq 0 ]] || die "unknown argument '$1'"

# The history must be base, overlay, queue; the queue only changes files of the source.
check_history()
{
	local commit path

	in_tree || die "no tree in $TREE (make tree)"
	refuse_operation
	kgit rev-parse -q --verify 'overlay^{commit}' > /dev/null || die "$TREE has no tag overlay"
	kgit merge-base --is-ancestor base overlay || die "tag overlay does not come after tag base"
	kgit merge-base --is-ancestor overlay HEAD || die "HEAD does not come after tag overlay: did a rebase change the overlay commit? Move the tag there"
	[[ -z $(kgit rev-list --merges base..HEAD) ]] || die "a queue has no merge commits"
	path=$(kgit diff-tree -r --diff-filter=a --name-only base overlay | sed -n 1p)
	[[ -z $path ]] || die "the overlay commit changes '$path' of the source: that belongs into a patch"
	while read -r commit; do
		path=$(kgit diff-tree -r --no-commit-id --diff-filter=A --name-only "$commit" | sed -n 1p)
		[[ -z $path ]] ||
			die "commit '$(kgit log -1 --format='%h %s' "$commit")' adds '$path': new files belong into the overlay (leave it uncommitted, make export copies it)"
		while IFS= read -r path; do
			[[ $(content base "$path") != - ]] ||
				die "commit '$(kgit log -1 --format='%h %s' "$commit")' changes the overlay file '$path': edit it without a commit, make export copies it"
		done < <(kgit diff-tree -r --no-commit-id --name-only "$commit")
	done < <(kgit rev-list --reverse overlay..HEAD)
}

# plan_overlay: decide for each new file; fills copy and remove
copy=()
remove=()
plan_overlay()
{
	local path here repo old roots

	roots=$(overlay_roots)
	while IFS= read -r path; do
		[[ -n $path ]] || continue
		here=$(file_content "$TREE/$path")
		repo=$(file_content "$ROOT/$path")
		old=$(content overlay "$path")
		if [[ $(content base "$path") != - ]]; then
			# Files of the source: only commits count, so everything must be committed.
			[[ $here = "$(content HEAD "$path")" ]] ||
				die "'$path' has changes that are not committed: commit them into the queue first"
			continue
		fi
		[[ $here = - || " $roots " == *" ${path%%/*} "* || " $roots " == *" $(cut -d/ -f1,2 <<< "$path") "* ]] ||
			die "new file '$path' is outside the overlay's folders ($roots): remove it, or add its folder to scripts/lib.sh"
		if [[ $here = "$repo" || $here = "$old" ]]; then
			continue
		elif [[ $repo = "$old" ]]; then
			if [[ $here = - ]]; then
				remove+=("$path")
			else
				copy+=("$path")
			fi
		else
			die "'$path' was edited both in $TREE and in the repository: make them equal first"
		fi
	done < <({ dirty_paths; kgit diff-tree -r --name-only base overlay; kgit diff-tree -r --name-only base HEAD; } | LC_ALL=C sort -u)
}

# new_series DIR: the old series with its headings and variants, and the new names. A heading stays above the patch that it was
# above; when that patch is gone, above what came into its place.
new_series()
{
	awk '
		FILENAME == names { order[++n] = $0; is_new[$0] = n; next }
		/^[[:space:]]*(#|$)/ { text = text $0 "\n"; next }
		{ name = $1; sub(/.*\//, "", name) }
		$1 != name { variants[name] = variants[name] $0 "\n"; next }
		{ old[++m] = name; above[m] = text; text = "" }
		END {
			if (!m) {
				printf "%s", text
				text = ""
			}
			for (i = 1; i <= m; i++) {
				if (above[i] == "")
					continue
				# after: the last old patch before this one that is still there; place: what follows it
				place = 0
				if (old[i] in is_new)
					place = is_new[old[i]]
				else {
					for (j = i - 1; j >= 1 && !(old[j] in is_new); j--)
						;
					place = j >= 1 ? is_new[old[j]] + 1 : 1
				}
				if (place > n)
					text = above[i] text
				else
					head[place] = head[place] above[i]
			}
			for (i = 1; i <= n; i++)
				printf "%s%s\n%s", head[i], order[i], variants[order[i]]
			printf "%s", text
		}' names="$1/.names" "$1/.names" "$ROOT/patches/series"
}

# What each commit is to be written to: fills targets, "-" for what needs no writing
targets=()
plan_queue()
{
	local temp=$1 version trunk name commit path kind
	local -A taken=()

	version=$(base_version)
	trunk=$(trunk_version)
	while read -r path; do
		taken[${path##*/}]=$path
	done < <(series "$version")
	kind=until
	! newer "$version" "$trunk" || kind=since
	if [[ $version != "$trunk" ]]; then
		while read -r name commit; do
			path=${taken[$name]:-}
			[[ -z $path || ! -f $ROOT/patches/$path ]] || cmp -s "$temp/$name" "$ROOT/patches/$path" || echo "$commit $path"
		done < <(paste -d ' ' "$temp/.names" "$temp/.commits") | differing > "$temp/.differing"
	fi
	while read -r name commit; do
		path=${taken[$name]:-}
		unset "taken[$name]"
		if [[ $version = "$trunk" || -z $path ]]; then
			targets+=("$name")
		elif [[ -f $ROOT/patches/$path ]] && ! grep -q "^$commit " "$temp/.differing"; then
			targets+=(-)
		else
			targets+=("$kind-$version/$name")
		fi
	done < <(paste -d ' ' "$temp/.names" "$temp/.commits")
	[[ $version = "$trunk" || ${#taken[@]} -eq 0 ]] ||
		die "the tree has no commit for ${!taken[*]}: a patch is taken away on a tree of the trunk, Linux $trunk"
}

export_tree()
{
	local temp name path digest listed count=0 changed=0

	check_history
	plan_overlay
	name=$(kgit config timens.queue || true)
	if [[ -n $name && ${FORCE:-0} != 1 ]]; then
		digest=$(queue_digest)
		[[ $name = "$digest" ]] || is_saved ||
			die "patches/ changed since $TREE was made: exporting would undo that (FORCE=1 does it all the same)"
	fi

	temp=$(mktemp -d "$BUILD/export.XXXXXX")
	# shellcheck disable=SC2064
	trap "rm -rf '$temp'" EXIT
	format_queue "$temp" overlay
	mkdir -p "$ROOT/patches"
	[[ -f $ROOT/patches/series ]] || printf '# SPDX-License-Identifier: GPL-2.0\n' > "$ROOT/patches/series"
	plan_queue "$temp"

	new_series "$temp" > "$temp/.series"
	while read -r path digest; do
		name=${path##*/}
		if [[ ! -e $temp/$name ]]; then
			say "removed patches/$path"
			rm -f "$ROOT/patches/$path"
			rmdir --ignore-fail-on-non-empty "$(dirname "$ROOT/patches/$path")"
			changed=$((changed + 1))
		fi
	done < <(series_lines)
	while read -r name; do
		path=${targets[$count]}
		count=$((count + 1))
		if [[ $path != - ]] && ! cmp -s "$temp/$name" "$ROOT/patches/$path"; then
			say "wrote patches/$path"
			mkdir -p "$(dirname "$ROOT/patches/$path")"
			cp "$temp/$name" "$ROOT/patches/$path"
			changed=$((changed + 1))
		fi
	done < "$temp/.names"
	if ! cmp -s "$temp/.series" "$ROOT/patches/series"; then
		cp "$temp/.series" "$ROOT/patches/series"
		say "wrote patches/series"
	fi
	for path in "${targets[@]}"; do
		[[ $path != */* ]] || add_variant "$path"
	done
	listed=$(series_lines | cut -d ' ' -f 1)
	for path in "$ROOT"/patches/*.patch "$ROOT"/patches/*/*.patch; do
		[[ ! -e $path ]] || grep -q -x -F "${path#"$ROOT/patches/"}" <<< "$listed" ||
			warn "${path#"$ROOT/"} is not in the series"
	done
	while read -r path; do
		warn "patches/$path was made of an older ${path##*/}: make bases FIX=1 makes it again"
	done < <(stale)

	for path in "${copy[@]}"; do
		mkdir -p "$ROOT/$(dirname "$path")"
		cp "$TREE/$path" "$ROOT/$path"
		say "wrote $path"
	done
	for path in "${remove[@]}"; do
		rm -f "$ROOT/$path"
		say "removed $path"
	done

	kgit update-ref refs/timens/saved HEAD
	kgit config timens.queue "$(queue_digest)"
	say "$count patches ($changed changed), $((${#copy[@]} + ${#remove[@]})) overlay files changed"
}

locked tree export_tree
