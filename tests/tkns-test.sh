#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The unit tests of the tool tkns, on this machine. Results are KTAP.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
[[ $# -eq 0 ]] || die "unknown argument '$1'"

exec make --no-print-directory -C "$ROOT/tools/tkns" O="$BUILD/tkns" test
