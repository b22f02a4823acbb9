# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# For shell suites: numbering, subtests, progress. See harness/README.md.

tkt_count=0
tkt_failed=0

tkt_plan()
{
	echo "1..$1"
}

tkt_diag()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

tkt_ok()
{
	tkt_count=$((tkt_count + 1))
	echo "ok $tkt_count - $1"
}

tkt_not_ok()
{
	tkt_count=$((tkt_count + 1))
	tkt_failed=$((tkt_failed + 1))
	[ -z "${2:-}" ] || tkt_diag "$1: $2"
	echo "not ok $tkt_count - $1"
}

tkt_skip()
{
	tkt_count=$((tkt_count + 1))
	echo "ok $tkt_count - $1 # SKIP $2"
}

# tkt_check NAME COMMAND...: ok when the command succeeds; when it does not, it is shown with its arguments and its output
tkt_check()
{
	local name=$1 out rc=0
	shift
	out=$("$@" 2>&1) || rc=$?
	if [ "$rc" -eq 0 ]; then
		tkt_ok "$name"
	else
		tkt_diag "failed: $*"
		[ -z "$out" ] || tkt_diag "$out"
		tkt_not_ok "$name" "exit status $rc"
	fi
}

# tkt_until WHAT COMMAND...: wait until the command succeeds. There is no limit but that of the boot, which is for hangs, and
# which shows the last line: this one. A command that knows that it will never succeed ends with 2, and so does this.
tkt_until()
{
	local what=$1 rc
	shift
	tkt_diag "waiting: $what"
	while :; do
		rc=0
		"$@" > /dev/null 2>&1 || rc=$?
		case $rc in
		0) return 0 ;;
		2) return 2 ;;
		esac
		/busybox/sleep 0.1
	done
}

# tkt_lines SCRIPT COMMAND...: run the command, and hand each line of its output to the awk script as it comes. The status is
# the command's; tkt_bad is not 0 when the script has set "bad".
#
# A child must not hold this up when it outlives the command, so the end of the output is a line and not the end of the pipe.
tkt_lines()
{
	local script=$1 pipe=/tmp/tkt.$BASHPID rc=0 reader out
	shift
	rm -f "$pipe"
	mkfifo "$pipe"
	/busybox/awk -v end="$pipe: this is the end" '
		# The end of the last line may be missing.
		{ last = index($0, end); if (last) { $0 = substr($0, 1, last - 1); if ($0 == "") exit } }
		'"$script"'
		last { exit }
		END { exit bad }' < "$pipe" &
	reader=$!
	exec {out}> "$pipe"
	rm -f "$pipe"
	"$@" >&"$out" 2>&1 {out}>&- < /dev/null || rc=$?
	echo "$pipe: this is the end" >&"$out"
	exec {out}>&-
	tkt_bad=0
	wait "$reader" || tkt_bad=$?
	return "$rc"
}

# tkt_run NAME COMMAND...: a test program. What it prints becomes subtests, exit code 4 (kselftest) is a skip.
tkt_run()
{
	local name=$1 rc=0 before
	shift
	before=$(cut -d' ' -f1 /proc/uptime)
	echo "    # Subtest: $name"
	# The script is awk's.
	# shellcheck disable=SC2016
	tkt_lines '/^ *not ok [0-9]/ { bad = 1 } { print "    " $0; fflush() }' "$@" || rc=$?
	tkt_diag "$name: $(/busybox/awk -v a="$before" '{ printf "%.1f s", $1 - a }' /proc/uptime)"
	# A program that reports a failure and exits with 0 has failed.
	if [ "$rc" -eq 0 ] && [ "$tkt_bad" -ne 0 ]; then
		rc="0 although a subtest failed"
	fi
	case $rc in
	0) tkt_ok "$name" ;;
	4) tkt_skip "$name" "exit code 4" ;;
	137) tkt_not_ok "$name" "killed" ;;
	*) tkt_not_ok "$name" "exit code $rc" ;;
	esac
}

# The end of every suite. Failed tests are known from the output; the exit status says that the end was reached.
tkt_done()
{
	[ "$tkt_count" -gt 0 ] || exit 1
	exit 0
}
