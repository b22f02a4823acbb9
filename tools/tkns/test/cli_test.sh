#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The program as a user meets it, on a machine without the feature: options, messages, exit statuses, completion.
# usage: cli_test.sh DIRECTORY (where tkns is)
set -uo pipefail

tkns=$1/tkns
here=$(dirname "${BASH_SOURCE[0]}")
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

# ends STATUS TEXT COMMAND...: exit status, and exactly this on standard error; nothing on standard output
ends()
{
	local want=$1 text=$2 got=0 out err
	shift 2
	err=$(mktemp)
	out=$("$@" 2> "$err") || got=$?
	if [[ $got != "$want" || -n $out || $(< "$err") != "$text" ]]; then
		printf 'status %s, output: %s\n%s\n' "$got" "$out" "$(< "$err")"
		rm -f "$err"
		return 1
	fi
	rm -f "$err"
}

# prints PATTERN COMMAND...: status 0, and a match on standard output
prints()
{
	local want=$1 out
	shift
	out=$("$@") || return 1
	grep -E -q -e "$want" <<< "$out" || { echo "no '$want' in: $out"; return 1; }
}

check "the error of a time" ends 125 "tkns run: --set '2026-13-01': the month is outside 01..12
  2026-13-01
       ^~" "$tkns" run --set 2026-13-01 -- true
check "the error of an end" ends 125 "tkns run: --offset '1h30': the text ends where a unit (w, d, h, m, s, ms, us, ns) is expected
  1h30
      ^" "$tkns" run --offset 1h30 -- true
check "a number which begins with '-'" ends 125 "tkns set: --freq '-12,5': this is not part of a number of ppm
  -12,5
     ^~" "$tkns" set --freq -12,5 1
check "a rate" ends 125 "tkns run: --rate '1/0': a rate is not divided by zero
  1/0
    ^" "$tkns" run --rate 1/0 true
check "a smear" ends 125 "tkns run: --smear 'linear:5m:befor': not known here: a place (before, centred, after) is expected
  linear:5m:befor
            ^~~~~" "$tkns" run --smear=linear:5m:befor true
check "an offset to TAI" ends 125 "tkns run: --tai '100001': outside 0..100000
  100001
  ^~~~~~" "$tkns" run --tai 100001 true
check "two times" ends 125 "tkns run: --offset: the time was already given with --set 'now'" \
	"$tkns" run --set now --offset 1h true
check "a network" ends 125 "tkns run: --net 'old': host, new or none is expected" "$tkns" run --net old true
check "a user" ends 125 "tkns run: --user 'me': keep or root is expected" "$tkns" run --user=me true
check "set without a change" ends 125 "tkns set: no option says what to change" "$tkns" set 1
check "an unknown command" ends 125 "tkns: no command 'shew' ('tkns --help' lists them)" "$tkns" shew
check "an unknown option" ends 125 "tkns show: unrecognized option '--jsn'
Try \`tkns show --help' or \`tkns show --usage' for more information." "$tkns" show --jsn
check "no command" ends 125 "tkns run: no command given
Try \`tkns run --help' or \`tkns run --usage' for more information." "$tkns" run --net new
check "an argument too many" ends 125 "tkns follow: one argument too many: '2'
Try \`tkns follow --help' or \`tkns follow --usage' for more information." "$tkns" follow 1 2
check "an interval" ends 125 "tkns watch: --interval '1ms': outside 10ms..1d" "$tkns" watch --interval 1ms 1
check "a count" ends 125 "tkns watch: --count '0': outside 1..1000000000
  0
  ^" "$tkns" watch --count 0 1
for command in run show list set follow watch; do
	check "help of $command" prints "^Usage: tkns $command " "$tkns" "$command" --help
done
check "help" prints '^  rehearse ' "$tkns" --help
check "version" prints '^tkns [0-9]' "$tkns" --version

sentence='time namespaces have no clocks of their own on this kernel (no /proc/self/timens_clock)'
for command in "run true" show list "set --tai 37 1" "follow 1" "watch 1"; do
	read -r -a words <<< "$command"
	if [[ -e /proc/self/timens_clock ]]; then
		count=$((count + 1))
		echo "ok $count - ${words[0]} without the feature # SKIP this kernel has it"
	else
		check "${words[0]} without the feature" ends 124 "tkns ${words[0]}: $sentence" "$tkns" "${words[@]}"
	fi
done

# completes WANT WORD...: the last word can become this, among others
completes()
{
	local want=$1
	shift
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	_tkns
	[[ " ${COMPREPLY[*]-} " == *" $want "* ]] || { echo "'${COMPREPLY[*]-}' has no '$want'"; return 1; }
}

# shellcheck source=tools/tkns/tkns.bash
. "$here/../tkns.bash"
check "completion: a command" completes follow tkns fo
check "completion: an option of run" completes --smear tkns run --sm
check "completion: a smear" completes google tkns run --smear goo
check "completion: a leap second" completes insert tkns set --leap ""
check "completion: an option of watch" completes --interval tkns watch --in
check "completion: a process" completes $$ tkns show $$
check "completion: a network" completes none tkns run --net n
check "completion: the command of run" completes /bin/bash tkns run --json -- /bin/bas

# Every option that --help lists is completed, and has a paragraph in the manual.
options_known()
{
	local command option manual

	manual=$(sed 's/\\f[BIPR]//g; s/\\//g' "$here/../tkns.1")
	for command in run show list set follow watch; do
		for option in $("$tkns" "$command" --help | grep -o -E -e '^ +(-., )?--[a-z]+' | grep -o -e '--.*'); do
			case $option in --help | --usage | --version) continue ;; esac
			completes "$option" tkns "$command" "$option" || return 1
			grep -q -E -e "^(\.BI? )?$option\>" <<< "$manual" || { echo "$option of $command is not in the manual"; return 1; }
		done
	done
}

manual_is_clean()
{
	local out

	out=$(groff -man -ww -Tutf8 -z "$here/../tkns.1" 2>&1) || return 1
	[[ -z $out ]] || { echo "$out"; return 1; }
}

check "completion and manual know every option" options_known
check "the manual is well-formed" manual_is_clean
echo "1..$count"
[[ $failed = 0 ]]
