#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The vDSO images of the plain kernel have no more pages than those of one with the feature configured out, which are those of
# mainline: there are programs which keep that much room for them, as CRIU for the 32-bit one. Prints KTAP.
#
# Compiles what is missing: the images alone, not the kernels.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
[[ $# -eq 0 ]] || die "unknown argument '$1'"

page=4096
folder=arch/x86/entry/vdso
count=0 failed=0

for config in off plain; do
	"$ROOT/scripts/build.sh" --config "$config" "$folder/" >&2
done

# More than one kind: x32 where the configuration has it.
names=()
for file in "$BUILD/obj-plain/$folder"/vdso*.so; do
	[[ -f $file ]] || die "no image in $BUILD/obj-plain/$folder"
	names+=("${file##*/}")
done
echo "1..${#names[@]}"
for name in "${names[@]}"; do
	count=$((count + 1))
	theirs=$(stat -c %s "$BUILD/obj-off/$folder/$name")
	ours=$(stat -c %s "$BUILD/obj-plain/$folder/$name")
	most=$(((theirs + page - 1) / page * page))
	echo "# $name: $ours bytes, $theirs without; $((most - ours)) to spare"
	if [[ $ours -le $most ]]; then
		echo "ok $count - $name has no more pages than without the feature"
	else
		failed=1
		echo "not ok $count - $name has no more pages than without the feature"
	fi
done
exit "$failed"
