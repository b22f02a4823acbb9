#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What oci-hook and oci-runtime make of a specification and of the words in front of a runtime, which is played: all that does not take
# clocks of time namespaces. The suite oci has the rest.
# usage: oci_test.sh DIRECTORY (where tkns is)
# Functions below are called by check.
# shellcheck disable=SC2317
set -uo pipefail

tkns=$(realpath "$1")/tkns
here=$(dirname "${BASH_SOURCE[0]}")
TKNS_LIBEXEC=$(realpath "$here/../oci")
export TKNS_LIBEXEC
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
failed=0

# check NAME COMMAND...: ok when the command succeeds; what it prints is shown when it does not
check()
{
	local name=$1 out
	shift
	count=$((count + 1))
	if out=$("$@" 2>&1); then
		echo "ok $count - $name"
	else
		echo "# ${out//$'\n'/$'\n# '}"
		echo "not ok $count - $name"
		failed=$((failed + 1))
	fi
}

skip()
{
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

caps='"process": { "args": ["sh"], "capabilities": { "bounding": ["CAP_SYS_TIME"] } }'

# says PATTERN SPECIFICATION: the hook refuses it, and the path of the file that is not there says why
says()
{
	local out

	out=$(printf '%s' "$2" | "$tkns" oci-hook precreate) || return 1
	out=$(jq -r '.hooks.createRuntime[0].path // ""' <<< "$out")
	grep -E -q -e "$1" <<< "$out" || { echo "no '$1' in: $out"; return 1; }
}

# through SPECIFICATION: the hook lets it be
through()
{
	local out

	out=$(printf '%s' "$1" | "$tkns" oci-hook precreate) || return 1
	[[ $(jq -S . <<< "$out") = "$(jq -S . <<< "$1")" ]] || { echo "$out"; return 1; }
}

# A right over the machine's clock has who is root of the machine; and which clocks may be owned here depends on the kernel.
if [[ $(tr -s ' ' < /proc/self/uid_map) != ' 0 0 4294967295' ]]; then
	skip "a time namespace which owns no clock" "this is no initial user namespace"
elif [[ -e /proc/sys/kernel/timens_own ]]; then
	skip "a time namespace which owns no clock" "this kernel has clocks of time namespaces"
else
	check "CAP_SYS_TIME in a time namespace is one over the machine's clock where there are no others" \
		says 'CAP_SYS_TIME and its time namespace can own no clock \(this kernel has none\), so it would set the clock of this machine' \
		"{ $caps, \"linux\": { \"namespaces\": [{ \"type\": \"time\" }] } }"
	check "which may be meant" through "{ $caps, \"linux\": { \"namespaces\": [{ \"type\": \"time\" }] }, \"annotations\": { \"tkns.host\": \"steer\" } }"
	check "no clock is promised" says 'ask for a clock, which its time namespace cannot own \(this kernel has none\)' \
		'{ "linux": { "namespaces": [] }, "annotations": { "tkns.offset": "1d" } }'
	check "in a user namespace it is no right" through "{ $caps, \"linux\": { \"namespaces\": [{ \"type\": \"time\" }, { \"type\": \"user\" }] } }"
fi

# What is not to be changed stays as it is, byte for byte: jq up to 1.6 makes other numbers of large ones.
printf '{ "linux":{"seccomp": [18446744073709551615,  9223372036854775807 ]},\n\t"x": "\\u0041\\"18446744073709551615" }\n\n' > "$work/config.json"
hook_keeps()
{
	"$tkns" oci-hook precreate < "$work/config.json" > "$work/kept" && cmp "$work/kept" "$work/config.json"
}
check "hook: what is not changed is the same bytes" hook_keeps

# A runtime which notes the words that it is called with
mkdir -p "$work/bin" "$work/there"
cat > "$work/bin/played" << END
#!/bin/bash
printf '<%s>' "\$@" > "$work/words"
END
chmod +x "$work/bin/played"
PATH=$work/bin:$PATH

# runtime WORD...: behind the wrapper, which hands all words on
runtime()
{
	rm -f "$work/words"
	(cd "$work/there" && "$tkns" oci-runtime --tkns-runtime=played "$@") || return 1
	[[ $(< "$work/words") = "$(printf '<%s>' "$@")" ]] || { echo "words: $(< "$work/words")"; return 1; }
}

# runtime_keeps: not even another file in its place
runtime_keeps()
{
	local before

	cp "$work/config.json" "$work/there/config.json"
	before=$(stat -c '%i %Y' "$work/there/config.json")
	runtime run name && cmp "$work/config.json" "$work/there/config.json" && [[ $(stat -c '%i %Y' "$work/there/config.json") = "$before" ]]
}
check "runtime: a specification which is not changed is not written" runtime_keeps

echo "1..$count"
[[ $failed = 0 ]]
