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
# shellcheck source=tools/tkns/test/checks.sh
. "$here/checks.sh"

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

# A container in another place than this, which is careless: the wrapper refuses it where it looks at the right words
refuses()
{
	local out

	rm -f "$work/there/config.json"
	mkdir -p "$work/place"
	printf '{ "annotations": { "tkns.ofset": "1d" } }' > "$work/place/config.json"
	! out=$(runtime "$@" 2>&1) || { echo "it was let through"; return 1; }
	[[ ! -e $work/words ]] || { echo "the runtime was called"; return 1; }
	grep -q -e "'tkns.ofset' is none" <<< "$out" || { echo "$out"; return 1; }
}
for words in 'run -b ../place name' 'run -b../place name' 'create --bundle ../place name' 'create --bundle=../place name' 'run -bundle ../place name' \
	'run -bundle=../place name' '--root delete run -b ../place name' '--log state --log-format text --debug --systemd-cgroup create -b ../place name' \
	'--criu x --rootless true --root=x restore -b ../place name' '-log x run --pid-file exec --bundle ../place name' \
	'--cgroup-manager disabled --log-level error run --detach -db ../place name' 'run name --bundle ../place'; do
	# shellcheck disable=SC2086
	check "runtime: $words" refuses $words
done
# What is created is what is in config.json, to the hook as well
another_file()
{
	local out

	! out=$(runtime run "$@" name 2>&1) || { echo "it was let through"; return 1; }
	[[ ! -e $work/words ]] || { echo "the runtime was called"; return 1; }
	grep -q -e "--config 'other.json': " <<< "$out" || { echo "$out"; return 1; }
}
for words in '--config other.json' '-fother.json' '-config=other.json'; do
	# shellcheck disable=SC2086
	check "runtime: $words" another_file $words
done

# A command which creates nothing, whatever its words are
for words in 'delete run' 'delete --force create' '--root run state restore' 'kill --all run TERM' 'exec run create -b ../place' '--version' ''; do
	# shellcheck disable=SC2086
	check "runtime: '$words' creates nothing" runtime $words
done

# A runtime which says that the init process of its container is that of $init
sleep 1000 &
init=$!
trap 'kill $init; rm -rf "$work"' EXIT
cat > "$work/bin/played" << END
#!/bin/bash
if [[ " \$* " = *' state '* ]]; then
	[[ "\$*" = "--root /x state web" ]] && echo '{ "pid": $init, "bundle": "$work/web" }'
	exit
fi
printf '<%s>' "\$@" > "$work/words"
END
mkdir -p "$work/web"
echo '{}' > "$work/web/config.json"
printf '{ "capabilities": { "bounding": ["CAP_KILL", "CAP_SYS_TIME"] } }' > "$work/with.json"
printf '{ "args": ["CAP_SYS_TIME"], "capabilities": { "bounding": ["CAP_KILL"] } }' > "$work/without.json"
exec_refused()
{
	local out

	! out=$(runtime --root /x exec "$@" 2>&1) || { echo "it was let through"; return 1; }
	[[ ! -e $work/words ]] || { echo "the runtime was called"; return 1; }
	grep -q -e 'gives CAP_SYS_TIME in the container web, .* so it would set the clock of this machine' <<< "$out" || { echo "$out"; return 1; }
}
if [[ $(tr -s ' ' < /proc/self/uid_map) != ' 0 0 4294967295' ]]; then
	skip "exec with CAP_SYS_TIME" "this is no initial user namespace"
else
	for words in '--cap CAP_SYS_TIME web date' '-c CAP_SYS_TIME web date' '--cap=CAP_KILL -cap=CAP_SYS_TIME web date' '-dc CAP_SYS_TIME --user 0 web' \
		'-cCAP_SYS_TIME --env A=b -e C=d web date' "--process $work/with.json web" "-p$work/with.json -d web" "--pid-file x --process=$work/with.json web"; do
		# shellcheck disable=SC2086
		check "exec ${words//$work\//}: refused" exec_refused $words
	done
	echo '{ "annotations": { "tkns.host": "steer" } }' > "$work/web/config.json"
	check "exec in a container which is meant to set the clock" runtime --root /x exec --cap CAP_SYS_TIME web date
	echo '{}' > "$work/web/config.json"
fi
for words in 'web date' '--cap CAP_KILL web date' "--process $work/without.json web" 'web date --cap CAP_SYS_TIME' '--cap CAP_SYS_TIME gone date'; do
	# shellcheck disable=SC2086
	check "exec ${words//$work\//}: left to the runtime" runtime --root /x exec $words
done
exec_blind()
{
	local out

	! out=$(runtime --root /x exec --process "$work/none.json" web 2>&1) || { echo "it was let through"; return 1; }
	grep -q -e "none.json cannot be read" <<< "$out" || { echo "$out"; return 1; }
}
check "exec of a process which cannot be looked at" exec_blind

echo "1..$count"
[[ $failed = 0 ]]
