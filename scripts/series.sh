#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Make the mails of the whole: a cover letter and a mailbox that git am takes on the pristine source, with the new files of the overlay
# as patches among those of the queue. In $OUT/series: cover-letter.txt, NNNN-SUBJECT.patch, and series.mbox of these patches.
#
# patches/cover-letter.in is the letter; figures of bench/reference (see bench/page/page.py), and @base@, @count@, @patches@ and
# @diffstat@, are put into it. patches/overlay says what the new files are patches of; see there. The base is that of the kernel tree (make tree).
#
# usage: series.sh [--version N]     N is the number of the revision, for the subjects
#
# tests/series-check.sh proves that the mailbox makes the files of make tree.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=queue.sh
. "$(dirname "${BASH_SOURCE[0]}")/queue.sh"

revision=1
while [[ $# -gt 0 ]]; do
	case $1 in
	--version) need_value "$@"; is_positive "$2" || die "--version: '$2' is no number"; revision=$2; shift 2 ;;
	*) die "unknown argument '$1'" ;;
	esac
done

author=timens-tk
email=timens-tk@localhost
export GIT_AUTHOR_NAME=$author GIT_AUTHOR_EMAIL=$email GIT_AUTHOR_DATE=$fixed_date GIT_COMMITTER_DATE=$fixed_date

# The first patch of the queue behind the heading "# overlay"
overlay_place()
{
	awk '/^# overlay/ { here = 1; next } /^[[:space:]]*(#|$)/ { next } here { sub(/.*\//, "", $1); print $1; exit }' "$ROOT/patches/series"
}

# Cut patches/overlay into $work/o/N.message and N.files
cut_overlay()
{
	local n=0 line state='' patterns pattern file
	local -A taken=()

	mkdir -p "$work/o"
	while IFS= read -r line; do
		case $line in
		'=== '*)
			n=$((n + 1))
			printf '%s\n' "${line#=== }" > "$work/o/$n.message"
			: > "$work/o/$n.files"
			state=patterns
			;;
		*)
			if [[ $state = patterns ]]; then
				read -ra patterns <<< "$line"
				for pattern in "${patterns[@]}"; do
					while IFS= read -r file; do
						# shellcheck disable=SC2053
						[[ $file == $pattern && -z ${taken[$file]:-} ]] || continue
						taken[$file]=$n
						echo "$file" >> "$work/o/$n.files"
					done < <(overlay_files)
				done
				[[ -s $work/o/$n.files ]] || die "patches/overlay: no file is left for '$line'"
				state=text
			elif [[ $state = text ]]; then
				printf '%s\n' "$line" >> "$work/o/$n.message"
			fi
			;;
		esac
	done < "$ROOT/patches/overlay"
	overlay_count=$n
	while IFS= read -r file; do
		[[ -n ${taken[$file]:-} ]] || die "patches/overlay: no patch takes '$file'"
	done < <(overlay_files)
}

# Commit the new files of one patch on top of $head
compose_new()
{
	local n=$1 path mode blob

	while IFS= read -r path; do
		mode=100644
		[[ ! -x $ROOT/$path ]] || mode=100755
		blob=$(kgit hash-object -w --no-filters "$ROOT/$path")
		echo "$mode $blob	$path"
	done < "$work/o/$n.files" > "$work/info"
	kgit update-index --add --index-info < "$work/info"
	head=$({ cat "$work/o/$n.message"; printf '\nSigned-off-by: %s <%s>\n' "$author" "$email"; } | git stripspace |
		kgit commit-tree -p "$head" "$(kgit write-tree)")
}

compose_series()
{
	local name place names n

	place=$(overlay_place)
	[[ -n $place ]] || die "patches/series has no heading '# overlay' above a patch"
	mapfile -t names < <(series "$(base_version)")
	head=$(kgit rev-parse 'base^{commit}')
	export GIT_INDEX_FILE=$work/index
	kgit read-tree "$head"
	for name in "${names[@]}"; do
		if [[ ${name##*/} = "$place" ]]; then
			for ((n = 1; n <= overlay_count; n++)); do
				compose_new "$n"
			done
		fi
		compose_patch "$name" "$work"
	done
	unset GIT_INDEX_FILE
	# Keeps the commits from being pruned.
	kgit update-ref refs/timens/series "$head"
}

cover_letter()
{
	local line

	"$ROOT/bench/page/page.py" --fill "$ROOT/patches/cover-letter.in" > "$work/letter"
	while IFS= read -r line; do
		case $line in
		@patches@) kgit log --reverse --format='  %s' base..refs/timens/series ;;
		@diffstat@) kgit diff --shortstat base refs/timens/series ;;
		*)
			line=${line//@base@/$(base_version)}
			line=${line//@count@/$count}
			printf '%s\n' "$line"
			;;
		esac
	done < <(grep -v '^#' "$work/letter")
}

make_series()
{
	local count prefix=PATCH n=0 commit file

	in_tree || die "no tree in $TREE (make tree)"
	work=$(mktemp -d "$BUILD/series.XXXXXX")
	# shellcheck disable=SC2064
	trap "rm -rf '$work'" EXIT
	cut_overlay
	compose_series
	[[ $(kgit rev-parse 'refs/timens/series^{tree}') = "$(kgit rev-parse 'refs/timens/saved^{tree}')" ]] ||
		die "the patches make other files than make tree did: make tree first"
	count=$(kgit rev-list --count base..refs/timens/series)
	[[ $revision = 1 ]] || prefix="PATCH v$revision"
	rm -rf "$OUT/series"
	mkdir -p "$OUT/series"
	while read -r commit; do
		n=$((n + 1))
		file=$(slug "$(kgit log -1 --format=%s "$commit")")
		file=$OUT/series/$(printf '%04d' "$n")-$file
		kgit format-patch -1 --start-number "$n" --subject-prefix="$prefix $n/$count" -N --zero-commit --no-signature --abbrev=12 \
			--no-renames --stdout "$commit" > "$file"
	done < <(kgit rev-list --reverse base..refs/timens/series)
	cat "$OUT"/series/0*.patch > "$OUT/series/series.mbox"
	{
		printf 'From: %s <%s>\n' "$author" "$email"
		printf 'Subject: [%s 0/%d] ' "$prefix" "$count"
		cover_letter
	} > "$OUT/series/cover-letter.txt"
	say "$count patches, $overlay_count of them new files, for Linux $(base_version): $OUT/series/cover-letter.txt, $OUT/series/series.mbox"
}

locked series make_series
