#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Remove what can be made again: results, objects, the initramfs; with --all the kernel tree and the unpacked packages too.
# Work in the kernel tree that has not been exported stops it (DISCARD=1 gives it up).
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=queue.sh
. "$(dirname "${BASH_SOURCE[0]}")/queue.sh"

all=0
case ${1:-} in
'') ;;
--all) all=1 ;;
*) die "unknown argument '$1'" ;;
esac

# Only directories that these scripts have made.
[[ $BUILD != / && $OUT != / && $BUILD != "$ROOT" && $OUT != "$ROOT" ]] || die "refusing BUILD='$BUILD' OUT='$OUT'"

if [[ $all = 1 ]] && in_tree; then
	refuse_loss
fi
rm -rf "$BUILD"/obj-* "$BUILD/harness" "$BUILD/harness-lib" "$BUILD/kselftest" "$BUILD"/initramfs* "$BUILD/log" "$BUILD/prefix" "$BUILD/lint" "$BUILD/bases" "$BUILD/planted"
rm -rf "$OUT"
if [[ $all = 1 ]]; then
	rm -rf "$TREE" "$TREE.new" "$BUILD/mainline-src" "$BUILD/debs" "$BUILD/tree-cache" "$BUILD/lock" "$BUILD/apt" "$BUILD/source" "$BUILD/rebase"
	# Anything else in there is not ours.
	rmdir "$BUILD" 2> /dev/null || say "$BUILD holds other files, which are left alone"
fi
say "done"
