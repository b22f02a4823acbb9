# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# For shell suites: numbering, subtests, time limits. See harness/README.md.

tkt_count=0
tkt_failed=0
tkt_seconds=

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

# tkt_check NAME COMMAND...: ok when the command succeeds; its output is shown when it does not
tkt_check()
{
	local name=$1 out rc=0
	shift
	out=$("$@" 2>&1) || rc=$?
	if [ "$rc" -eq 0 ]; then
		tkt_ok "$name"
	else
		[ -z "$out" ] || tkt_diag "$out"
		tkt_not_ok "$name" "exit status $rc"
	fi
}

# tkt_limit SECONDS tkt_run NAME COMMAND...
tkt_limit()
{
	tkt_seconds=$1
	shift
	"$@"
	tkt_seconds=
}

# tkt_run NAME COMMAND...: a test program. What it prints becomes subtests, exit code 4 (kselftest) is a skip.
tkt_run()
{
	local name=$1 rc before line out=/tmp/tkt.$BASHPID
	local -a limit=()
	shift
	[ -z "$tkt_seconds" ] || limit=(/busybox/timeout -s KILL "$tkt_seconds")
	before=$(cut -d' ' -f1 /proc/uptime)
	echo "    # Subtest: $name"
	# A child must not hold the pipe open when it outlives the test, hence a file.
	rc=0
	"${limit[@]}" "$@" > "$out" 2>&1 < /dev/null || rc=$?
	# The end of a last line may be missing.
	while IFS= read -r line || [ -n "$line" ]; do
		printf '    %s\n' "$line"
	done < "$out"
	tkt_diag "$name: $(/busybox/awk -v a="$before" '{ printf "%.1f s", $1 - a }' /proc/uptime)"
	# A program that reports a failure and exits with 0 has failed.
	if [ "$rc" -eq 0 ] && /busybox/grep -q -E '^ *not ok [0-9]' "$out"; then
		rc="0 although a subtest failed"
	fi
	rm -f "$out"
	case $rc in
	0) tkt_ok "$name" ;;
	4) tkt_skip "$name" "exit code 4" ;;
	137) tkt_not_ok "$name" "killed${tkt_seconds:+, limit $tkt_seconds s}" ;;
	*) tkt_not_ok "$name" "exit code $rc" ;;
	esac
}

# The end of every suite. Failed tests are known from the output; the exit status says that the end was reached.
tkt_done()
{
	[ "$tkt_count" -gt 0 ] || exit 1
	exit 0
}
