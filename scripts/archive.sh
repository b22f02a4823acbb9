# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced behind lib.sh by what asks Debian's archive: which kernel sources it offers, and how to get one.
#
# Where the archive is says the machine's own apt, in whatever form its sources are written. Releases of Debian that the machine's
# sources do not name (backports, the other Debian) are asked for through lists of packages of our own in $BUILD/apt: the
# machine's apt does not learn of them, and its preferences do not forbid them.
#
# A kernel source is known by the version of its package, 6.12.117-1~deb12u1. Which ones overlay and queue fit stands in
# patches/BASES; a rebuild for an older release (~deb12u1) is the same source and counts as such.

source_package=linux-source-6.12
sources_dir=$DEBS/$source_package
# The releases of Debian whose kernel sources the queue has to fit.
releases=(bookworm trixie)

# same_source VERSION: the version without the mark of a rebuild for an older release
same_source()
{
	sed -E 's/~deb[0-9]+u[0-9]+$//' <<< "$1"
}

# upstream_of VERSION: 6.12.117 of 6.12.117-1~deb12u1
upstream_of()
{
	echo "${1%%-*}"
}

# sort_versions: lines that begin with a version, oldest first, each once
sort_versions()
{
	LC_ALL=C sort -u | sort -s -V -k 1,1
}

# proven: versions that the queue is known to fit
proven()
{
	[[ -f $ROOT/patches/BASES ]] || die "no patches/BASES, which lists the sources that the queue fits"
	sed -e 's/[[:space:]]*#.*//' "$ROOT/patches/BASES" | awk 'NF { print $1 }'
}

is_proven()
{
	proven | grep -q -x -F "$(same_source "$1")"
}

# archive_of SUITE...: the address of the archive which the machine's apt has that suite of, by any of the names
archive_of()
{
	local suite

	for suite in "$@"; do
		# shellcheck disable=SC2016
		apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' 2> /dev/null |
			awk -v suite="$suite" '$4 == "main" && ($2 == suite || $3 == suite) && !found { print $1; found = 1 } END { exit !found }' &&
			return
	done
	return 1
}

# own_lists DIR SUITE...: package lists of these suites in DIR, from the archives that the machine uses; sets own_apt, the options for apt
own_lists()
{
	local dir=$1 suite uri key='' entry codename
	shift

	# shellcheck source=/dev/null
	codename=$(. "${OS_RELEASE:-/etc/os-release}" && echo "${VERSION_CODENAME:-}")
	for entry in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
		[[ ! -f $entry ]] || key="[signed-by=$entry]"
	done
	mkdir -p "$dir/none" "$dir/lists/partial" "$dir/cache/archives/partial" || return
	: > "$dir/sources.list"
	for suite in "$@"; do
		if [[ $suite = *-security ]]; then
			uri=$(archive_of "$codename-security" stable-security oldstable-security testing-security) || {
				warn "the machine's package sources have no security updates: not looking at $suite"
				continue
			}
		else
			uri=$(archive_of "$codename" stable oldstable testing unstable) || {
				warn "the machine's package sources have no '$codename main' of Debian"
				return 1
			}
		fi
		echo "deb ${key:-} $uri $suite main" >> "$dir/sources.list"
	done
	own_apt=(-q -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o APT::Sandbox::User=root
		-o "Dir::Etc::SourceList=$dir/sources.list" -o Dir::Etc::SourceParts=- -o Dir::Etc::Preferences=/dev/null
		-o "Dir::Etc::PreferencesParts=$dir/none" -o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir/cache")
	apt-get "${own_apt[@]}" -o APT::Update::Error-Mode=any update
}

# offered [APT-OPTION...]: versions and suites of the kernel source in the package lists, oldest first
# shellcheck disable=SC2120
offered()
{
	apt-cache "$@" madison "$source_package" 2> /dev/null |
		awk -F ' *[|] *' '{ split($3, at, " "); sub(/\/.*/, "", at[2]); sub(/^ */, "", $2); print $2, at[2] }' | sort_versions
}

# all_suites: where a kernel source of Debian's stable releases can be
all_suites()
{
	local release

	for release in "${releases[@]}"; do
		echo "$release" "$release-updates" "$release-security"
	done
}

# every_release: package lists of them, for offered "${own_apt[@]}"
every_release()
{
	local suites

	read -r -a suites <<< "$(all_suites | tr '\n' ' ')"
	own_lists "$BUILD/apt/releases" "${suites[@]}"
}

installed_source()
{
	# shellcheck disable=SC2016
	dpkg-query -W -f '${Version} ${db:Status-Status}\n' "$source_package" 2> /dev/null | awk '$2 == "installed" { print $1 }'
}

# source_file VERSION: where the tarball of that version is, if it is here
source_file()
{
	local file=$sources_dir/$1.tar.xz installed=${SOURCE_ROOT:-}/usr/src/$source_package.tar.xz

	if [[ -f $file ]]; then
		echo "$file"
	elif [[ -f $installed && $(installed_source) = "$1" ]]; then
		echo "$installed"
	else
		return 1
	fi
}

# get_source VERSION [APT-OPTION...]: download that version, without installing it
get_source()
{
	local version=$1 temp rc=0
	shift

	mkdir -p "$sources_dir"
	temp=$(mktemp -d "$sources_dir/.get.XXXXXX")
	(
		cd "$temp"
		apt-get -q -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o APT::Sandbox::User=root "$@" \
			download "$source_package=$version" &&
			dpkg-deb --fsys-tarfile "${source_package}"_*.deb | tar -xO "./usr/src/$source_package.tar.xz" > source &&
			mv source "$sources_dir/$version.tar.xz"
	) >&2 || rc=1
	rm -rf "$temp"
	return "$rc"
}

# pick VERSION < "version ..." lines: the newest of the lines which VERSION means: a version of the package, or of the kernel
pick()
{
	awk -v want="$1" '{ have = $1; sub(/-.*/, "", have) } $1 == want || have == want { found = $1 } END { if (found == "") exit 1; print found }'
}

# choose_source: the version to build on, in $chosen, and what there is to say about it in $choice.
#
# That is the newest that the queue is known to fit, of those which the machine's package lists offer, which are installed or were
# downloaded. BASE names another one. Fails, with the reason in $choice, when there is none. $elsewhere are versions that
# other package lists offer.
elsewhere=''
choose_source()
{
	local list version newest='' fits='' file

	chosen='' choice=''
	list=$({
		echo "$elsewhere"
		offered
		installed_source
		for file in "$sources_dir"/*.tar.xz; do
			[[ ! -f $file ]] || basename "$file" .tar.xz
		done
	} | awk 'NF { print $1 }' | sort_versions)
	if [[ -n ${BASE:-} ]]; then
		chosen=$(pick "$BASE" <<< "$list") || {
			choice="no $source_package of version '$BASE' (there is: ${list//$'\n'/ })"
			return 1
		}
		is_proven "$chosen" || choice="BASE: taking $source_package $chosen, which the queue is not known to fit"
		return
	fi
	while read -r version; do
		[[ -n $version ]] || continue
		newest=$version
		! is_proven "$version" || fits=$version
	done <<< "$list"
	if [[ -z $fits ]]; then
		choice="the queue fits none of the versions of $source_package that the archive offers (${list//$'\n'/ }); it fits $(proven | tr '\n' ' ')"
		return 1
	fi
	chosen=$fits
	if [[ $newest != "$fits" ]]; then
		choice="there is a newer $source_package $newest, which the queue is not known to fit: taking $fits."
		choice+=" BASE=$newest takes it all the same, make bases FIX=1 carries the queue over"
	fi
}

# resolve_source VERSION: the version of the package that is meant, of all that are here or offered by any release
resolve_source()
{
	local list

	list=$({
		if in_tree; then
			slices
		fi
		offered
		installed_source
	} | awk 'NF { print $1 }' | sort_versions)
	pick "$1" <<< "$list" && return
	every_release >&2 || return
	offered "${own_apt[@]}" | pick "$1"
}

# need_slice VERSION [APT-OPTION...]: its slice (see queue.sh), and its tarball only for that. The options say where else it may be.
need_slice()
{
	local version=$1 file kept=1
	shift

	! slice_of "$version" > /dev/null || return 0
	# The tree's own base, if it is that one
	if [[ $(kgit config timens.version || true) = "$version" ]]; then
		slice_base "$version"
		return
	fi
	if ! file=$(source_file "$version"); then
		kept=0
		say "downloading $source_package $version" >&2
		get_source "$version" "$@" || { [[ $# -gt 0 ]] && get_source "$version"; } ||
			{ every_release >&2 && get_source "$version" "${own_apt[@]}"; } || return
		file=$(source_file "$version")
	fi
	make_slice "$version" "$file" || return
	[[ $kept = 1 ]] || rm -f "$file"
}

# write_bases TRUNK < versions: patches/BASES
write_bases()
{
	local temp

	temp=$(mktemp "$BUILD/bases.XXXXXX")
	{
		sed '/^[[:space:]]*\(#\|$\)/!d' "$ROOT/patches/BASES"
		sort_versions | awk -v trunk="$1" '{ print $1 ($1 == trunk ? " trunk" : "") }'
	} > "$temp"
	cmp -s "$temp" "$ROOT/patches/BASES" || { cp "$temp" "$ROOT/patches/BASES"; say "wrote patches/BASES"; }
	rm -f "$temp"
}

# kernel_version_of DIR|TARBALL
kernel_version_of()
{
	if [[ -d $1 ]]; then
		kernel_version "$1"
	else
		tar --wildcards --no-wildcards-match-slash --anchored --occurrence=1 -xOf "$1" '*/Makefile' | makefile_version || die "no version in the Makefile of '$1'"
	fi
}
