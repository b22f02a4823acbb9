#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Prove that make series makes what it says: git am takes the mailbox on the pristine source, and the files are those of make tree. So it
# takes the fixes of mainline alone.
# Only the files that the series touches are checked out. Results are KTAP; needs an up to date tree (make tree).
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=scripts/queue.sh
. "$ROOT/scripts/queue.sh"
# shellcheck source=tests/ktap.sh
. "$ROOT/tests/ktap.sh"
[[ $# -eq 0 ]] || die "unknown argument '$1'"

not()
{
	! "$@"
}

pristine()
{
	rm -rf "$clone"
	git clone -q --shared --no-checkout "$TREE" "$clone"
	git -C "$clone" config core.sparseCheckout true
	git -C "$clone" config user.name timens
	git -C "$clone" config user.email timens@localhost
	{ echo .gitattributes; overlay_files; touched_files; } | LC_ALL=C sort -u | sed 's,^,/,' > "$clone/.git/info/sparse-checkout"
	git -C "$clone" checkout -q -B series base
}

take()
{
	git -C "$clone" -c am.threeWay=false am -q --no-3way "$@"
}

take_fixes()
{
	local name
	local -a fixes

	while read -r name; do
		fixes+=("$OUT"/series/[0-9]*-"$name")
	done < <(mainline_fixes)
	[[ ${#fixes[@]} -gt 1 ]]
	take "${fixes[@]}"
}

same_as_tree()
{
	[[ $(git -C "$clone" rev-parse 'HEAD^{tree}') = "$(kgit rev-parse 'HEAD^{tree}')" ]]
}

# Figures, lists and the version are in it, and nothing else stands for them.
letter_is_whole()
{
	grep -q -F "$(base_version)" "$OUT/series/cover-letter.txt"
	! grep -n -e '@[a-z]*@' -e '{{' "$OUT/series/cover-letter.txt"
}

each_is_signed()
{
	local mail

	for mail in "$OUT"/series/0*.patch; do
		grep -q '^Signed-off-by: ' "$mail" || { echo "$mail"; return 1; }
	done
}

in_tree || die "no tree in $TREE (make tree)"
work=$(mktemp -d "$BUILD/series-check.XXXXXX")
# shellcheck disable=SC2064
trap "rm -rf '$work'" EXIT
clone=$work/linux
export OUT=$work
echo "KTAP version 1"
result "make series" "$ROOT/scripts/series.sh"
if [[ $ktap_failed = 0 ]]; then
	mapfile -t mails < <(ls "$OUT"/series/0*.patch)
	result "the cover letter is whole" letter_is_whole
	result "each mail is signed off" each_is_signed
	result "pristine source" pristine
	result "git am takes the fixes of mainline alone" take_fixes
	result "pristine source again" pristine
	result "git am takes all mails but the last" take "${mails[@]:0:${#mails[@]}-1}"
	# A check that cannot fail proves nothing.
	result "without it the files are not those of make tree" not same_as_tree
	result "git am takes the last" take "${mails[-1]}"
	result "the files are those of make tree" same_as_tree
	cat "${mails[@]}" > "$work/all"
	result "the mailbox is these mails" cmp "$work/all" "$OUT/series/series.mbox"
fi
ktap_end checks
