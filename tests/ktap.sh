# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by tests of scripts, behind scripts/lib.sh: tests that run a command and look at what it says. Results are KTAP.
#
# The test makes $work, a directory for this run, calls expect for each test and expect_end at its end.

expect_count=0 expect_bad=0

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
	expect_count=$((expect_count + 1))
	if [[ -z $why ]]; then
		echo "ok $expect_count - $name"
		return
	fi
	expect_bad=$((expect_bad + 1))
	echo "# $why; the output:"
	sed 's/^/#   /' "$work/output"
	echo "not ok $expect_count - $name"
}

expect_end()
{
	echo "1..$expect_count"
	[[ $expect_bad = 0 ]] || die "$expect_bad of $expect_count tests failed"
}
