#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The vDSO images have no more pages than those of the same kernel with the feature configured out, which are those of mainline: there are
# programs which keep that much room for them, as CRIU 3.17 for the 32-bit one. On the plain kernel, and the 32-bit one on a kernel which
# reads the clock of a hypervisor too, as that of a distribution does: that is more code in each image. There the 64-bit one has a third
# page, and no program is known which keeps room for that one. Prints KTAP.
#
# Compiles what is missing: the images alone, not the kernels.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
[[ $# -eq 0 ]] || die "unknown argument '$1'"

page=4096
folder=arch/x86/entry/vdso
count=0 failed=0

# Without the feature, with it
pairs=(off:plain server-off:server)

for pair in "${pairs[@]}"; do
	for config in "${pair%:*}" "${pair#*:}"; do
		"$ROOT/scripts/build.sh" --config "$config" "$folder/" >&2
	done
done

# More than one kind: x32 where the configuration has it.
images=(server-off:server:vdso32.so)
for file in "$BUILD/obj-plain/$folder"/vdso*.so; do
	[[ -f $file ]] || die "no image in $BUILD/obj-plain/$folder"
	images+=("off:plain:${file##*/}")
done
echo "1..${#images[@]}"
for image in "${images[@]}"; do
	IFS=: read -r off config name <<< "$image"
	count=$((count + 1))
	theirs=$(stat -c %s "$BUILD/obj-$off/$folder/$name")
	ours=$(stat -c %s "$BUILD/obj-$config/$folder/$name")
	most=$(((theirs + page - 1) / page * page))
	echo "# $config: $name: $ours bytes, $theirs without; $((most - ours)) to spare"
	if [[ $ours -le $most ]]; then
		echo "ok $count - $config: $name has no more pages than without the feature"
	else
		failed=1
		echo "not ok $count - $config: $name has no more pages than without the feature"
	fi
done
exit "$failed"
