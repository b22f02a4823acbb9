#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The end of 'make run': boot the plain kernel with the suite demo, show what it shows, and sum it up in a table.
# Exits with 0 only if every claim held.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
[[ $# -eq 0 ]] || die "unknown argument '$1'"

results=$OUT/plain-demo-icount
# The report says what failed, and fails with it.
"$ROOT/scripts/boot.sh" --config plain --suite demo --out "$results" --verbose || true
echo
exec "$ROOT/harness/demo/demo-report" "$results"
