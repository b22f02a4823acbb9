#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Tests that what is compiled for the guest is compiled again when a header or its rules change. Results are KTAP.
#
# The sources are copied and compiled. Then headers are touched: which objects have to follow is read from the #include lines,
# and which do from "make -n". ccache is told its base directory as by mkinitramfs.sh: paths below it become relative, also in the
# files of dependencies, in one way when it compiles and in another when it finds. So its cache is empty at first.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=tests/ktap.sh
. "$ROOT/tests/ktap.sh"
[[ $# -eq 0 ]] || die "unknown argument '$1'"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
repo=$work/repo
export CCACHE_DIR=$work/cache CCACHE_BASEDIR=$repo
tests=tools/testing/selftests/timens
mkdir "$repo"
(cd "$ROOT" && find harness bench/guest $tests tools/tkns -name '*.[ch]' -o -name '*.mk' -o -name '*.list' -o -name Makefile |
	cpio -p -d -m --quiet "$repo")
cd "$repo"

compile()
{
	make -f harness/harness.mk --no-print-directory -j"${JOBS:-$(nproc)}" \
		ROOT="$repo" BUILD="$repo/build" TREE="$TREE" "$@" ours
}

# made: the objects and programs which would be compiled now
made()
{
	compile -n | sed -n -E "s,.* -o $repo/build/([^ ]*) .*\.c( .*)?$,\1,p" | LC_ALL=C sort
}

# A folder, and where in build what is compiled of it is
folders=(
	"harness harness"
	"harness/demo harness"
	"harness/lib harness-lib"
	"bench/guest harness"
	"$tests kselftest/timens/obj"
	"$tests/lib kselftest/timens/obj/lib"
	"tools/tkns tkns"
)

# wanted FOLDER BUILT [PATTERN]: what is compiled of sources there which include "PATTERN": anything by default
wanted()
{
	local source object suffix=.o

	[[ $2 != harness ]] || suffix=
	for source in "$1"/*.c; do
		grep -q -E "^#include \"${3:-}" "$source" || continue
		for object in "$2/$(basename "$source" .c)"{,.32}"$suffix"; do
			[[ ! -e build/$object ]] || echo "$object"
		done
	done | LC_ALL=C sort
}

nothing()
{
	[[ -z $(made) ]] || { made; return 1; }
}

# follow FOLDER BUILT: all there that includes something is made again, and something does include something
follow()
{
	wanted "$1" "$2" > "$work/wanted"
	[[ -s $work/wanted ]] || { echo "there is nothing of it"; return 1; }
	comm -23 "$work/wanted" "$work/made" > "$work/left"
	sed 's/$/ is not made again/' "$work/left"
	[[ ! -s $work/left ]]
}

# touched FILE...
touched()
{
	touch "$@"
	made > "$work/made"
}

result "all is compiled" compile
result "and then nothing is" nothing
mapfile -t headers < <(find . -name '*.h' ! -path './build/*')
touched "${headers[@]}"
for folder in "${folders[@]}"; do
	# shellcheck disable=SC2086
	result "${folder% *} follows its headers" follow $folder
done
result "all is compiled again" compile
result "and then nothing is" nothing

# One, and what does not include it is left alone.
touched "$tests/tk_fuzz.h"
wanted "$tests" kselftest/timens/obj 'tk_fuzz\.h"' > "$work/wanted"
result "tk_fuzz.h" diff "$work/wanted" "$work/made"
result "which something includes" test -s "$work/wanted"

touched harness/harness.mk "$tests/tk_rules.mk" tools/tkns/Makefile
for folder in "${folders[@]}"; do
	# shellcheck disable=SC2086
	result "${folder% *} follows its rules" follow $folder
done
ktap_end "tests"
