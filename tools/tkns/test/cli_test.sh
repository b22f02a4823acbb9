#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The program as a user meets it, on a machine without the feature: options, messages, exit statuses, completion.
# usage: cli_test.sh DIRECTORY (where tkns is)
set -uo pipefail

tkns=$1/tkns
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=tools/tkns/test/checks.sh
. "$here/checks.sh"

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
check "the error of an end" ends 125 "tkns run: --offset '1h30': the text ends where a unit (y, w, d, h, m, s, ms, us, ns) is expected
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
check "both of share and follow" ends 125 "tkns run: --share and --follow exclude each other" "$tkns" run --share 1 --follow 1 true
check "a clock of another which is changed" ends 125 \
	"tkns run: --follow: the clock is that of process 'web', so there is nothing to set here ('tkns set' changes it)" \
	"$tkns" run --follow web --rate 2 true
check "a shared clock in a new network" ends 125 "tkns run: --share: no new namespace is made, so --user and --net say nothing" \
	"$tkns" run --share 1 --net new true
check "set without a change" ends 125 "tkns set: no option says what to change" "$tkns" set 1
check "an unknown command" ends 125 "tkns: no command 'shew' ('tkns --help' lists them)" "$tkns" shew
check "help of an unknown command" ends 125 "tkns: no command 'shew' ('tkns --help' lists them)" "$tkns" help shew
check "help of two commands" ends 125 "tkns: help: one argument too many: 'set'" "$tkns" help run set
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
# A rehearsal parses as run does, within limits of its own.
check "rehearse: a rate" ends 125 "tkns rehearse: --rate '1x': this is not part of a rate: N, N.N or P/Q
  1x
   ^" "$tkns" rehearse --rate 1x true
check "rehearse: a smear" ends 125 "tkns rehearse: --smear 'linear:5m:befor': not known here: a place (before, centred, after) is expected
  linear:5m:befor
            ^~~~~" "$tkns" rehearse --smear linear:5m:befor
check "rehearse: a smear of --also" ends 125 "tkns rehearse: --also 'linear:5x:after': not a unit: y, w, d, h, m, s, ms, us and ns are
  linear:5x:after
          ^" "$tkns" rehearse --also none --also follow --also linear:5x:after
check "rehearse: too many --also" ends 125 "tkns rehearse: --also 'none': one too many" \
	"$tkns" rehearse --also step --also follow --also aws --also none --also none
check "rehearse: what --also knows is no smear" ends 125 "tkns rehearse: --smear 'follow': not known here: google, aws, utc-sls, ntpd, meta, step or SHAPE:WINDOW:PLACE is expected
  follow
  ^~~~~~" "$tkns" rehearse --smear follow
check "rehearse: a length with a sign" ends 125 "tkns rehearse: --before '-5s': this is how long something is: it has no sign
  -5s
  ^" "$tkns" rehearse --before -5s
check "rehearse: a length of nothing" ends 125 "tkns rehearse: --after '0h0m': this is no time at all
  0h0m
  ^~~~" "$tkns" rehearse --after 0h0m
check "rehearse: too long" ends 125 "tkns rehearse: --after '30d1s': longer than 30 days
  30d1s
  ^~~~~" "$tkns" rehearse --after 30d1s
check "rehearse: too short before the edge" ends 125 "tkns rehearse: --before '3s': the clock has to start 3.05s before the edge at least
  3s
  ^~" "$tkns" rehearse --before 3s
check "rehearse: too short at this rate" ends 125 "tkns rehearse: --before '1m': the clock has to start 1m15s before the edge at least
  1m
  ^~" "$tkns" rehearse --before 1m --rate 1440
check "rehearse: a date" ends 125 "tkns rehearse: --date '2026-02-29': 2026-02 has 28 days only
  2026-02-29
  ^~~~~~~~~~" "$tkns" rehearse --date 2026-02-29
check "rehearse: a year" ends 125 "tkns rehearse: --leap 'insert@2201-06-30': the year is outside 1972..2200
  insert@2201-06-30
         ^~~~" "$tkns" rehearse --leap insert@2201-06-30
check "rehearse: no leap second" ends 125 "tkns rehearse: --leap 'none': without a leap second there is nothing to rehearse: write insert or delete
  none
  ^~~~" "$tkns" rehearse --leap none
check "rehearse: two days" ends 125 "tkns rehearse: --date: the day was already given with --leap 'insert@2026-12-31'" \
	"$tkns" rehearse --leap insert@2026-12-31 --date 2026-06-30
check "rehearse: too few samples" ends 125 "tkns rehearse: --samples '9': outside 10..1000000
  9
  ^" "$tkns" rehearse --samples 9
check "rehearse: a grace with a sign" ends 125 "tkns rehearse: --grace '-1s': this is how long something is: it has no sign
  -1s
  ^" "$tkns" rehearse --grace -1s
check "rehearse: a user" ends 125 "tkns rehearse: --user 'me': keep or root is expected" "$tkns" rehearse --user=me true
check "rehearse: no directory" ends 125 "tkns rehearse: --out '': a directory is expected" "$tkns" rehearse --out ''
check "run: how to restore nothing" ends 125 "tkns run: --frozen says how to restore: there is no --restore
Try \`tkns run --help' or \`tkns run --usage' for more information." "$tkns" run --frozen true
check "run: restore from nowhere" ends 125 "tkns run: --restore '/nonexistent': No such file or directory" \
	"$tkns" run --restore /nonexistent true
check "run: restore what is no state" ends 125 "tkns run: /etc/passwd: no state of a clock, whose first line would be 'version NUMBER'" \
	"$tkns" run --restore /etc/passwd true
check "rehearse: a container and a command" ends 125 "tkns rehearse: --container is for what runs already: no command, --user or --also goes with it
Try \`tkns rehearse --help' or \`tkns rehearse --usage' for more information." "$tkns" rehearse --container 1 true
check "rehearse: two containers" ends 125 "tkns rehearse: --container is given twice
Try \`tkns rehearse --help' or \`tkns rehearse --usage' for more information." "$tkns" rehearse --container 1 --container 2
check "drift: a drift" ends 125 "tkns drift: --ppm '1..x': a digit is expected here
  1..x
     ^" "$tkns" drift --ppm 1..x 1
check "drift: nothing" ends 125 "tkns drift: --ppm is missing
Try \`tkns drift --help' or \`tkns drift --usage' for more information." "$tkns" drift --for 1s 1
check "drift: without an end" ends 125 "tkns drift: --for is missing
Try \`tkns drift --help' or \`tkns drift --usage' for more information." "$tkns" drift --ppm 5 1
check "step: again and again, without an end" ends 125 "tkns step: --for is missing
Try \`tkns step --help' or \`tkns step --usage' for more information." "$tkns" step --by 1s --every 1s 1
check "strobe: how often" ends 125 "tkns strobe: --every is missing
Try \`tkns strobe --help' or \`tkns strobe --usage' for more information." "$tkns" strobe --by 1s --for 1m 1
check "strobe: too often" ends 125 "tkns strobe: --every '999us': less than 1ms" "$tkns" strobe --by 1s --every 999us --for 1m 1
check "step: nobody" ends 125 "tkns step: no process id given
Try \`tkns step --help' or \`tkns step --usage' for more information." "$tkns" step --by 1s
check "step: too much" ends 125 "tkns step: --every and --for: more than 100000 events" "$tkns" step --by 1s --every 1ms --for 2m 1
check "step: a schedule and an option" ends 125 "tkns step: --schedule says whom, what and when: nothing of that goes with it
Try \`tkns step --help' or \`tkns step --usage' for more information." "$tkns" step --schedule /dev/null --by 1s
check "step: no schedule" ends 125 "tkns step: --schedule '/nonexistent': No such file or directory" "$tkns" step --schedule /nonexistent

# schedule TEXT: a schedule, printed
schedule()
{
	printf '%s' "$1" | "$tkns" drift --schedule - --print
}

check "a line of a schedule" ends 125 "tkns drift: --schedule, line 3 '1s 7 stop 1s': drift, step or strobe is expected
  1s 7 stop 1s
       ^~~~" schedule $'# one\n0 7 step 1s\n1s 7 stop 1s\n'
check "a schedule is printed in order" cmp <(schedule $'5s 7 step -1s\n0 8 drift 3') <(printf '0s\t8\tdrift\t+3.00\n5s\t7\tstep\t-1s\n')
check "a seed draws what it drew" cmp <("$tkns" step --by -5s..5s --every 1s..2s --for 1m --seed 7 --print 1 2) \
	<("$tkns" step --by -5s..5s --every 1s..2s --for 1m --seed 7 --print 1 2)
check "restore: two ways" ends 125 "tkns restore: --frozen and --elapsed exclude each other
Try \`tkns restore --help' or \`tkns restore --usage' for more information." "$tkns" restore --elapsed --frozen 1
check "restore: no process" ends 125 "tkns restore: no process id given
Try \`tkns restore --help' or \`tkns restore --usage' for more information." "$tkns" restore
check "save: no process" ends 125 "tkns save: no process id given
Try \`tkns save --help' or \`tkns save --usage' for more information." "$tkns" save
check "stop: an argument too many" ends 125 "tkns stop: one argument too many: '2'
Try \`tkns stop --help' or \`tkns stop --usage' for more information." "$tkns" stop 1 2

# restores TEXT: what is not a state is refused before anything is written to
restores()
{
	local text=$1
	shift
	printf '%s' "$text" | "$tkns" restore 1
}

check "restore: nothing" ends 125 "tkns restore: standard input: no state of a clock, whose first line would be 'version NUMBER'" \
	restores ''
check "restore: the summary alone" ends 125 "tkns restore: standard input: no state of a clock, whose first line would be 'version NUMBER'" \
	restores $'state      own\nrate                1\n'
check "restore: a version which is a part of a word" ends 125 \
	"tkns restore: standard input: no state of a clock, whose first line would be 'version NUMBER'" restores $'conversion 1\nend\n'
check "restore: a state which is cut off" ends 125 "tkns restore: standard input: the state is cut off, its last line would be 'end'" \
	restores $'state      own\nversion 1\nmachine 5\n'
check "restore: the last word is cut off" ends 125 "tkns restore: standard input: the state is cut off, its last line would be 'end'" \
	restores $'version 1\nmachine 5\nen'
check "restore: too much" ends 125 "tkns restore: standard input: more than 4095 bytes are no state of a clock" \
	restores "version 1 $(printf '%4096s' '')"
for command in run show list set follow save restore stop go pause resume watch rehearse drift step strobe; do
	check "help of $command" prints "^Usage: tkns $command " "$tkns" "$command" --help
	check "help of $command, as a command" cmp <("$tkns" "$command" --help) <("$tkns" help "$command")
done
check "help as a command" cmp <("$tkns" --help) <("$tkns" help)
check "help of help" cmp <("$tkns" --help) <("$tkns" help help)
check "help" prints '^  rehearse ' "$tkns" --help
check "version" prints '^tkns [0-9]' "$tkns" --version

sentence='time namespaces have no clocks of their own on this kernel (no /proc/self/timens_clock)'
for command in "run true" show "show --json" list "list --json" "set --tai 37 1" "set --json --tai 37 1" "follow --json 1" "watch --json 1" "follow 1" "save 1" "stop 1" "go 1" "pause 1" "resume 1" "watch 1" rehearse "drift --ppm 1 --for 1s 1" \
	"step --by 1s 1" "strobe --by 1s --every 1s --for 2s 1" "rehearse --rate 0.5 --leap delete@2026-06-30 --after 1h30m --samples 10 true"; do
	read -r -a words <<< "$command"
	if [[ -e /proc/self/timens_clock ]]; then
		count=$((count + 1))
		echo "ok $count - $command: without the feature # SKIP this kernel has it"
	else
		check "$command: without the feature" ends 124 "tkns ${words[0]}: $sentence" "$tkns" "${words[@]}"
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
check "completion: a process whose clock to follow" completes $$ tkns run --follow $$
check "completion: a process whose clock to share" completes $$ tkns run --share $$
check "completion: the command behind it" completes /bin/bash tkns run --follow 1 /bin/bas
check "completion: help" completes help tkns he
check "completion: a command for help" completes follow tkns help fo
check "completion: the user of rehearse" completes --user tkns rehearse --us
check "completion: how to restore" completes --frozen tkns restore --fr
check "completion: a process to stop" completes $$ tkns stop $$
check "completion: a saved clock" completes /etc/passwd tkns run --restore /etc/pass
check "completion: the command behind it" completes /bin/bash tkns run --restore /etc/passwd --frozen -- /bin/bas
check "completion: how to resume" completes --elapsed tkns resume --el
check "completion: a time" completes tomorrow tkns run --set to
check "completion: a date" completes tomorrow tkns rehearse --date to
check "completion: a smear" completes google tkns run --smear goo
check "completion: a leap second" completes insert tkns set --leap ""
check "completion: a leap second of rehearse" completes delete tkns rehearse --leap de
check "completion: an option of rehearse" completes --before tkns rehearse --smear google --be
check "completion: a container to rehearse" completes $$ tkns rehearse --container $$
check "completion: how to drift" completes --ppm tkns drift --p
check "completion: a process to step" completes $$ tkns step --by 1s $$
check "completion: a schedule" completes /etc/passwd tkns strobe --schedule /etc/pass
check "completion: a directory" completes /usr/bin tkns rehearse --out /usr/bi
check "completion: the command of rehearse" completes /bin/bash tkns rehearse --date 2026-12-31 -- /bin/bas
check "completion: an option of watch" completes --interval tkns watch --in
check "completion: a process" completes $$ tkns show $$
# Who knows names is played: what is tested is what is made of the answers.
names_completed()
{
	local word

	podman() { [[ $1 = ps ]] && printf '%s\n' web db; }
	docker() { return 1; }
	machinectl() { printf 'box container systemd-nspawn debian 13 -\n'; }
	lxc-ls() { echo c1; }
	for word in web db box c1; do
		completes "$word" tkns show "${word:0:1}" || return 1
	done
	! completes container tkns show con || { echo "a column of machinectl is completed"; return 1; }
}
check "completion: names" eval '(names_completed)'
check "completion: a network" completes none tkns run --net n
check "completion: the command of run" completes /bin/bash tkns run --json -- /bin/bas

# Every option that --help lists is completed, and has a paragraph in the manual.
options_known()
{
	local command option manual

	for command in run show list set follow save restore stop go pause resume watch rehearse drift step strobe; do
		manual=$here/../tkns-$command.1
		case $command in drift | step | strobe) manual=$here/../tkns-chaos.1 ;; esac
		[[ -e $manual ]] || manual=$here/../tkns.1
		manual=$(sed 's/\\f[BIPR]//g; s/\\//g' "$manual")
		for option in $("$tkns" "$command" --help | grep -o -E -e '^ +(-., )?--[a-z-]+' | grep -o -e '--.*'); do
			case $option in --help | --usage | --version) continue ;; esac
			completes "$option" tkns "$command" "$option" || return 1
			grep -q -E -e "^(\.BI? )?$option\>" <<< "$manual" || { echo "$option of $command is not in the manual"; return 1; }
		done
	done
}

# So has every row of the report of a rehearsal, and every key of its JSON.
report_known()
{
	local row key manual

	manual=$(sed "s/\\\\(aq/'/g; s/\\\\f[BIPR]//g; s/\\\\//g" "$here/../tkns-rehearse.1")
	while read -r row; do
		grep -F -q -e "$row" <<< "$manual" || { echo "the row '$row' is not in the manual"; return 1; }
	done < <(grep -o -E '\<(row|[a-z]+_row)\(file, (i \? "" : )?"[^"]+"' "$here/../rehearse_output.c" | sed 's/"$//; s/.*"//')
	while read -r key; do
		grep -q -w -e "$key" <<< "$manual" || { echo "the key '$key' is not in the manual"; return 1; }
	done < <(sed -n -E 's/.*json_(extreme|rate|changes)\(file, "([a-z_]+)".*/\2/p; s/\\"([a-z_]+)\\": */\n\1\n/gp' "$here/../rehearse_output.c" |
		grep -x -E '[a-z_]+')
}

manual_is_clean()
{
	local out page

	for page in "$here"/../*.1; do
		out=$(groff -man -ww -Tutf8 -z "$page" 2>&1) || return 1
		[[ -z $out ]] || { echo "${page##*/}: $out"; return 1; }
	done
}

# action WHAT PID: the action script as CRIU calls it, with images in $images
images=$(mktemp -d)
trap 'rm -rf "$images"' EXIT
action()
{
	TKNS=false CRTOOLS_SCRIPT_ACTION=$1 CRTOOLS_INIT_PID=$2 CRTOOLS_IMAGE_DIR=$images "$here/../criu/action"
}

# A process which is gone has perhaps had a clock, and there is one of before
criu_blind()
{
	local out gone

	true &
	gone=$!
	wait "$gone"
	echo before > "$images/tkns-clock"
	! out=$(action post-dump "$gone" 2>&1) || { echo "it was taken for one without a clock"; return 1; }
	[[ $out = "tkns criu: the time namespace of process $gone cannot be looked at" && $(< "$images/tkns-clock") = before ]] || { echo "$out"; return 1; }
}

criu_none()
{
	echo before > "$images/tkns-clock"
	action post-dump $$ && [[ ! -e $images/tkns-clock ]]
}

# criu_no_file COMMAND...: which makes something else of it than a file
criu_no_file()
{
	local out

	rm -rf "$images/tkns-clock"
	"$@" "$images/tkns-clock"
	! out=$(action post-setup-namespaces $$ 2>&1) || { echo "it was let through"; return 1; }
	[[ $out = "tkns criu: $images/tkns-clock is no regular file" ]] || { echo "$out"; return 1; }
}

check "criu: what cannot be looked at is not without a clock" criu_blind
check "criu: without a clock, there is no file of before" criu_none
check "criu: a link is not followed" criu_no_file ln -s /etc/passwd
check "criu: nor one to nowhere" criu_no_file ln -s /nowhere
check "criu: a folder is no clock" criu_no_file mkdir
check "criu: nor is a pipe, which would wait" criu_no_file mkfifo

# What is installed, below a directory: buildah and CRI-O read the shared folder of hooks as well and end at a stage which they do
# not know, podman has to be told the other one, and does not get to it where a folder of its list is missing.
hooks_installed()
{
	local dir name list conf

	dir=$(mktemp -d)
	# shellcheck disable=SC2064
	trap "rm -rf '$dir'" RETURN
	# The program has the folder of its scripts compiled in, and is not compiled for another here
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "$here/.." O="$(realpath "${tkns%/*}/..")" PREFIX=/usr libexecdir=/usr/local/libexec/tkns DESTDIR="$dir" install > /dev/null || return 1
	if grep -l -r -e 'tkns' "$dir/usr/share/containers"; then
		echo "is for every reader of the shared folder"
		return 1
	fi
	conf=$dir/etc/containers/containers.conf.d/tkns.conf
	[[ -L $conf && -f $dir$(readlink "$conf") ]] || { echo "no link $conf to a file"; return 1; }
	list=$(sed -n 's/^hooks_dir = \["\(.*\)"\]$/\1/p' "$dir$(readlink "$conf")")
	[[ $list = '/usr/share/containers/oci/hooks.d", "/usr/share/tkns/hooks.d' ]] || { echo "hooks_dir: '$list'"; return 1; }
	for name in ${list//'", "'/ }; do
		[[ -d $dir$name ]] || { echo "no $name"; return 1; }
	done
	for name in precreate createRuntime; do
		[[ $(jq -r --arg stage "$name" 'select(.stages == [$stage]) | "\(.hook.path) \(.hook.args[2])"' "$dir"/usr/share/tkns/hooks.d/*.json) = "/usr/bin/tkns $name" ]] ||
			{ echo "no hook for $name"; return 1; }
	done
}

check "completion and manual know every option" options_known
check "hooks are installed where podman alone looks" hooks_installed
# A hook is called for every container of podman's
check "the package depends on jq" grep -q '^Depends: .*\<jq\>' "$here/../../../scripts/deb.sh"
check "the manual knows every row and key of a rehearsal's report" report_known
check "the manuals are well-formed" manual_is_clean
echo "1..$count"
[[ $failed = 0 ]]
