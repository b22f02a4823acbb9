# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced behind scripts/lib.sh by scripts that run commands and judge them: the tests here, and lint.sh. Results are KTAP.
#
# The script makes $work, a directory for this run, and calls result or expect for each test.

ktap_count=0 ktap_failed=0

# ktap_point NAME STATUS: the line of a test, which failed unless STATUS is 0
ktap_point()
{
	ktap_count=$((ktap_count + 1))
	if [[ $2 = 0 ]]; then
		echo "ok $ktap_count - $1"
		return
	fi
	ktap_failed=$((ktap_failed + 1))
	echo "not ok $ktap_count - $1"
}

# result NAME COMMAND...: the command succeeds; what it said when it did not
result()
{
	local name=$1 rc=0
	shift

	"$@" > "${work:?}/output" 2>&1 || rc=$?
	[[ $rc = 0 ]] || sed 's/^/# /' "$work/output"
	ktap_point "$name" "$rc"
}

# expect NAME STATUS PATTERN COMMAND...: the command ends with that status, and its output has a line which matches (grep -E);
# a pattern that starts with "!" must not match, an empty one is none.
expect()
{
	local name=$1 status=$2 pattern=$3 rc=0 why=
	shift 3

	"$@" > "${work:?}/output" 2>&1 || rc=$?
	[[ $rc = "$status" ]] || why="exit status $rc instead of $status"
	if [[ -z $pattern ]]; then
		:
	elif [[ $pattern = !* ]]; then
		! grep -q -E -- "${pattern#!}" "$work/output" || why+="${why:+, }output with '${pattern#!}'"
	else
		grep -q -E -- "$pattern" "$work/output" || why+="${why:+, }no output with '$pattern'"
	fi
	if [[ -n $why ]]; then
		echo "# $why; the output:"
		sed 's/^/#   /' "$work/output"
		ktap_point "$name" 1
	else
		ktap_point "$name" 0
	fi
}

# ktap_end WHAT: the plan, and the end of a script of which something failed
ktap_end()
{
	echo "1..$ktap_count"
	[[ $ktap_failed = 0 ]] || die "$ktap_failed of $ktap_count $1 failed"
}
