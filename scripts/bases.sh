#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Which kernel sources of Debian do overlay and queue fit? For each linux-source-6.12 that Debian's releases (see archive.sh) offer in
# their stable, updates and security suites: no file of the overlay is in it, every patch applies strictly, no variant is stale, and every
# object that overlay and queue touch compiles, with the configuration plain. A rebuild for an older release (~deb12u1) is
# compiled once with its original, and must have the same files where the queue touches them.
#
# A table, $OUT/bases.json, and an exit status other than 0 when one does not fit. Needs the plain kernel (make kernel).
#
# usage: bases.sh [--fix] [--no-compile] [VERSION...]      these versions only
#        bases.sh --check
#
# --fix carries the queue over to what it does not fit (rebase.sh), and writes what fits to patches/BASES.
# --check is a row of make test: the newest and the oldest source of patches/BASES that are to be had, and the trunk; patches are
# applied, nothing is compiled. What an archive out of reach keeps from being checked is skipped, and says so. Results are KTAP.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=queue.sh
. "$(dirname "${BASH_SOURCE[0]}")/queue.sh"
# shellcheck source=archive.sh
. "$(dirname "${BASH_SOURCE[0]}")/archive.sh"

fix=0 check=0 compile=1
only=()
while [[ $# -gt 0 ]]; do
	case $1 in
	--fix) fix=1; shift ;;
	--check) check=1; shift ;;
	--no-compile) compile=0; shift ;;
	-*) die "unknown option '$1'" ;;
	*) only+=("$1"); shift ;;
	esac
done

# applies VERSION: the queue on the slice of that source; what happened in $BUILD/log/bases-VERSION.log
applies()
{
	local onto temp rc=0

	onto=$([[ $1 = base ]] && kgit rev-parse 'base^{commit}' || slice_of "$1") || return
	temp=$(mktemp -d "$BUILD/compose.XXXXXX")
	(
		GIT_INDEX_FILE=$temp/index compose_queue "$onto" "$(base_version "$onto")" "$temp"
		kgit update-ref "$(composed_ref "$1")" "$head"
	) > "$BUILD/log/bases-$1.log" 2>&1 || rc=$?
	rm -rf "$temp"
	return "$rc"
}

# What a base takes that is not the trunk's
variants_of()
{
	series "$1" | grep -c / || true
}

stale_for()
{
	series "$1" | grep -x -F -f <(stale)
}

# Objects: as every prefix of the queue is compiled, see prefix.sh
objects()
{
	local file

	{
		touched_files | grep '\.c$'
		overlay_files | grep '\.c$' | grep -v -E '^(tools|Documentation)/'
	} | while IFS= read -r file; do
		# In a folder which is made as a whole, single objects as well keep make from descending
		case $file in
		kernel/time/* | arch/x86/entry/vdso/*) ;;
		*) [[ ! -f $BUILD/obj-plain/${file%.c}.o ]] || echo "${file%.c}.o" ;;
		esac
	done
	echo kernel/time/
	echo arch/x86/entry/vdso/
}

# compiles VERSION FILE: in a tree of its own, which keeps what two sources have in common
compiles()
{
	local work=$BUILD/bases new=$BUILD/bases/new want path
	local log=$BUILD/log/bases-$1.log

	mapfile -t want < <(objects | LC_ALL=C sort -u)
	rm -rf "$new"
	mkdir -p "$new" "$work/linux"
	{
		unpacked "$2" | tar -x -C "$new" --strip-components=1
		while IFS= read -r path; do
			[[ ! -e $new/$path ]] || die "overlay file '$path' exists in the kernel source"
			mkdir -p "$new/$(dirname "$path")"
			cp -p "$ROOT/$path" "$new/$path"
		done < <(overlay_files)
		touched_files | tr '\n' '\0' | xargs -0 git -C "$TREE" archive "$(composed_ref "$1")" -- | tar -x -C "$new"
		# Contents decide, and what changed is new: make must not be misled by the dates in a tarball.
		rsync -rlpc --delete "$new/" "$work/linux/"
		rm -rf "$new"
		TREE='' BUILD=$work "$ROOT/scripts/build.sh" --config plain --tree "$work/linux" "${want[@]}"
	} >> "$log" 2>&1
}

# The sources: "version suite,suite" a line, oldest first
everything()
{
	offered "${own_apt[@]}" | awk '!($1 in at) { order[++n] = $1 } { at[$1] = at[$1] (at[$1] == "" ? "" : ",") $2 }
		END { for (i = 1; i <= n; i++) print order[i], at[order[i]] }'
}

result()
{
	printf '%-20s %-9s %9s %9s  %s\n' "$@"
}

bases()
{
	local list version suites fits=() bad=0 kept file applied variants compiled original rows=() count reason json=''

	in_tree || die "no tree in $TREE (make tree)"
	[[ $compile = 0 || -f $BUILD/obj-plain/vmlinux ]] || die "the plain kernel has not been built (make kernel)"
	mkdir -p "$BUILD/log" "$OUT"
	every_release > "$BUILD/log/bases-lists.log" 2>&1 || die "no package lists, see $BUILD/log/bases-lists.log"
	list=$(everything)
	[[ -n $list ]] || die "no release of Debian offers $source_package"
	if [[ $fix = 1 ]]; then
		# From the trunk outwards: what is further away takes what its neighbour has.
		local trunk
		trunk=$(trunk_version)
		list=$({
			while read -r version suites; do newer "$trunk" "$(upstream_of "$version")" || echo "$version $suites"; done <<< "$list"
			while read -r version suites; do ! newer "$trunk" "$(upstream_of "$version")" || echo "$version $suites"; done <<< "$list" | tac
		})
	fi
	count=$(series | wc -l)
	while read -r version suites; do
		[[ ${#only[@]} -eq 0 || " ${only[*]} " == *" $version "* || " ${only[*]} " == *" $(upstream_of "$version") "* ]] || continue
		original=$(same_source "$version") applied=no variants=- compiled=- reason='' kept=1
		say "$version ($suites)"
		if ! file=$(source_file "$version"); then
			file=$sources_dir/$version.tar.xz
			kept=0
			if [[ $compile = 1 && $version = "$original" ]] || ! slice_of "$version" > /dev/null; then
				get_source "$version" "${own_apt[@]}" 2>> "$BUILD/log/bases-lists.log" || reason="cannot be downloaded"
			fi
		fi
		if [[ -z $reason ]] && ! slice_of "$version" > /dev/null; then
			make_slice "$version" "$file"
		fi
		if [[ -z $reason && $fix = 1 && $version = "$original" && $(upstream_of "$version") != "$(trunk_version)" ]] &&
			{ ! applies "$version" || [[ -n $(stale_for "$(upstream_of "$version")") ]]; }; then
			"$ROOT/scripts/rebase.sh" "$version" < /dev/null || reason="conflict: see above"
		fi
		if [[ -z $reason ]]; then
			if applies "$version"; then
				applied=yes
				variants=$(variants_of "$(base_version "$(slice_of "$version")")")
				if [[ $version != "$original" ]]; then
					compiled="as $original"
					! slice_of "$original" > /dev/null || same_files "$version" "$original" || reason="is not what $original is"
				elif [[ $compile = 1 ]]; then
					compiled=no
					if compiles "$version" "$file"; then
						compiled=yes
					else
						reason="does not compile, see $BUILD/log/bases-$version.log"
					fi
				fi
				[[ -z $(stale_for "$(upstream_of "$version")") ]] || reason+="${reason:+; }stale variants"
			else
				reason=$(sed -n 's/^[a-z]*: \(patches\/.* does not apply .*\)/\1/p' "$BUILD/log/bases-$version.log" | sed -n 1p)
				reason=${reason:-$(tail -n 1 "$BUILD/log/bases-$version.log")}
			fi
		fi
		[[ $kept = 1 ]] || rm -f "$file"
		if [[ -z $reason ]]; then
			[[ $version != "$original" ]] || fits+=("$version")
		else
			bad=$((bad + 1))
		fi
		rows+=("$version|$applied|$variants|$compiled|${reason:-$suites}")
		json+="${json:+,}$(printf '\n  {"version": "%s", "suites": "%s", "applies": "%s", "variants": "%s", "compiles": "%s", "fits": %s, "reason": "%s"}' \
			"$version" "$suites" "$applied" "$variants" "$compiled" "$([[ -z $reason ]] && echo true || echo false)" "${reason//\"/}")"
	done <<< "$list"
	[[ ${#rows[@]} -gt 0 ]] || die "no release of Debian offers ${only[*]} (there is: $(cut -d ' ' -f 1 <<< "$list" | tr '\n' ' '))"

	printf '\n'
	result "$source_package" applies variants compiles "suites"
	while IFS='|' read -r version applied variants compiled reason; do
		result "$version" "$applied" "$variants" "$([[ $compiled == as* ]] && echo '"' || echo "$compiled")" "$reason"
	done < <(printf '%s\n' "${rows[@]}" | sort -V -t '|' -k 1,1)
	printf '\n'
	printf '{"package": "%s", "trunk": "%s", "patches": %d, "sources": [%s\n]}\n' "$source_package" "$(trunk_version)" "$count" "$json" > "$OUT/bases.json"
	say "$((${#rows[@]} - bad)) of ${#rows[@]} sources fit; $OUT/bases.json"
	if [[ $fix = 1 && $compile = 1 && ${#only[@]} -eq 0 ]]; then
		# The trunk is one, whatever the archive offers.
		write_bases "$(trunk_line)" < <(printf '%s\n' "${fits[@]}"; trunk_line)
	fi
	[[ $bad = 0 ]]
}

trunk_line()
{
	awk '!/^[[:space:]]*#/ && $2 == "trunk" { print $1 }' "$ROOT/patches/BASES"
}

# same_files VERSION VERSION: where the queue touches them
same_files()
{
	[[ -z $(touched_files | tr '\n' '\0' | xargs -0 git -C "$TREE" diff --name-only "$(slice_of "$1")" "$(slice_of "$2")" --) ]]
}

# obtain VERSION: a slice of it or of a rebuild of it; its name. Status 1: out of reach, 2: no longer offered
lists=''
obtain()
{
	local name

	if [[ $1 = "$(trunk_line)" && $(base_version) = "$(trunk_version)" ]]; then
		echo base
		return
	fi
	name=$(slices | rebuilds "$1" |
		while read -r name; do ! slice_of "$name" > /dev/null || echo "$name"; done | sed -n 1p)
	[[ -n $name ]] || name=$({ offered; installed_source; } | sort_versions | rebuilds "$1" | sed -n 1p)
	if [[ -z $name ]]; then
		# Those of security updates are small, and hold all that the archive keeps of them.
		[[ -n $lists ]] || { own_lists "$BUILD/apt/security" "${releases[@]/%/-security}" >&2 && lists=there; } || return 1
		name=$(offered "${own_apt[@]}" | rebuilds "$1" | sed -n 1p)
		[[ -n $name ]] || return 2
	fi
	need_slice "$name" "${own_apt[@]}" >&2 || return 1
	echo "$name"
}

# rebuilds VERSION < "version ..." lines: it and its rebuilds
rebuilds()
{
	local version rest

	while read -r version rest; do
		[[ $(same_source "$version") != "$1" ]] || echo "$version"
	done
}

# report LABEL VERSION...: the first of them that is offered
number=0
report()
{
	local label=$1 version name rc=2
	shift

	number=$((number + 1))
	for version in "$@"; do
		rc=0
		name=$(obtain "$version") || rc=$?
		[[ $rc = 2 ]] || break
		echo "# $source_package $version is no longer offered"
	done
	if [[ $rc = 0 ]] && applies "$name"; then
		echo "ok $number - the queue applies to $label, $([[ $name = base ]] && echo "$version" || echo "$name")"
	elif [[ $rc = 1 ]]; then
		echo "ok $number - the queue applies to $label, $version # SKIP the archive is out of reach"
	elif [[ $rc = 2 ]]; then
		echo "not ok $number - none of them is offered: $label, $*"
		return 1
	else
		sed 's/^/# /' "$BUILD/log/bases-$name.log"
		echo "not ok $number - the queue applies to $label, $name"
		return 1
	fi
}

check_bases()
{
	local bad=0 all path backwards

	in_tree || die "no tree in $TREE (make tree)"
	mkdir -p "$BUILD/log"
	echo "KTAP version 1"
	echo "1..4"
	number=1
	if [[ -z $(stale) ]]; then
		echo "ok $number - every variant was made of its patch as it is"
	else
		stale | sed 's/^/# stale: patches\//'
		echo "# make bases FIX=1 makes them again"
		echo "not ok $number - every variant was made of its patch as it is"
		bad=1
	fi
	mapfile -t all < <(proven)
	mapfile -t backwards < <(proven | tac)
	report "the trunk" "$(trunk_line)" || bad=1
	report "the newest source" "${backwards[@]}" || bad=1
	report "the oldest source" "${all[@]}" || bad=1
	[[ $bad = 0 ]] || die "the queue does not fit what patches/BASES says it fits"
}

if [[ $check = 1 ]]; then
	[[ $fix = 0 && ${#only[@]} -eq 0 ]] || die "--check has no versions, and fixes nothing"
	locked bases check_bases
else
	locked bases bases
fi
