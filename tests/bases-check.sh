#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Does the queue fit the newest and the oldest source of patches/BASES? Results are KTAP, see bases.sh.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
[[ $# -eq 0 ]] || die "unknown argument '$1'"

exec "$ROOT/scripts/bases.sh" --check
