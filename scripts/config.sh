#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Merge the fragments of a configuration on allnoconfig into build/obj-NAME/.config, and check that every line that a
# fragment asks for is really there: Kconfig drops what it does not know, or what misses a dependency, without a word.
#
# usage: config.sh --config NAME [--tree DIR]
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

config=
while [[ $# -gt 0 ]]; do
	case $1 in
	--config) need_value "$@"; config=$2; shift 2 ;;
	--tree) need_value "$@"; TREE=$(realpath -e "$2") || die "no directory '$2'"; shift 2 ;;
	*) die "unknown argument '$1'" ;;
	esac
done
[[ -n $config ]] || die "--config NAME is missing"
[[ -f $TREE/scripts/kconfig/merge_config.sh ]] || die "no kernel source in '$TREE' (make tree)"

obj=$BUILD/obj-$config
read -r -a names <<< "$(fragments "$config")"
files=()
for name in "${names[@]}"; do
	[[ -f $ROOT/configs/$name.config ]] || die "configs/sets names a fragment '$name', but configs/$name.config does not exist"
	files+=("$ROOT/configs/$name.config")
done

mkdir -p "$obj" "$BUILD/log"
# Anything that can change what Kconfig makes of the fragments: the fragments, the compiler, the Kconfig files.
digest=$(
	{
		cat "${files[@]}"
		gcc --version | head -n 1
		echo "$TREE"
		# A patched tree (build.sh) is made of links.
		find "$(dirname "$(realpath "$TREE/Kconfig")")" -name 'Kconfig*' -not -path '*/.git/*' -printf '%p %s %T@\n' | LC_ALL=C sort
	} | sha256sum | cut -d' ' -f1
)
if [[ -f $obj/.config && $(cat "$obj/.timens-config" 2> /dev/null || true) = "$digest $(sha256sum < "$obj/.config")" ]]; then
	say "$config: .config is up to date"
	exit 0
fi

log=$BUILD/log/config-$config.log
# A new .config with the same content keeps its old time, so that nothing is compiled again.
new=$(mktemp -d "$BUILD/config-$config.XXXXXX")
trap 'rm -rf "$new"' EXIT
if ! (cd "$TREE" && LOCALVERSION='' scripts/kconfig/merge_config.sh -n -Q -O "$new" "${files[@]}") > "$log" 2>&1; then
	tail -n 20 "$log" >&2
	die "$config: merging failed, see $log"
fi

# The last fragment that speaks about a symbol decides what must be in the result.
dropped=$(
	awk '
		function symbol(line) { sub(/^# /, "", line); sub(/[= ].*/, "", line); return line }
		FILENAME != final && (/^CONFIG_[A-Za-z0-9_]+=/ || /^# CONFIG_[A-Za-z0-9_]+ is not set$/) {
			want[symbol($0)] = $0; from[symbol($0)] = FILENAME
		}
		FILENAME != final && /^CONFIG_/ && !/^CONFIG_[A-Za-z0-9_]+=./ { print "malformed line in " FILENAME ": " $0 }
		FILENAME == final && (/^CONFIG_/ || /^# CONFIG_.* is not set$/) { have[symbol($0)] = $0 }
		END {
			for (s in want) {
				got = (s in have) ? have[s] : "nothing (unknown symbol, or a dependency is missing)"
				if (got == want[s] || (want[s] ~ /is not set$/ && !(s in have)))
					continue
				printf "%s (%s) became: %s\n", want[s], from[s], got
			}
		}' final="$new/.config" "${files[@]}" "$new/.config" | LC_ALL=C sort
)
if [[ -n $dropped ]]; then
	printf '%s\n' "$dropped" >&2
	die "$config: Kconfig did not accept these lines"
fi

if ! cmp -s "$new/.config" "$obj/.config"; then
	cp "$new/.config" "$obj/.config"
	say "$config: .config written from fragments: ${names[*]}"
else
	say "$config: .config unchanged"
fi
echo "$digest $(sha256sum < "$obj/.config")" > "$obj/.timens-config"
