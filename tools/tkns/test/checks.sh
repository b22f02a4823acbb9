#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the tests which are scripts have in common. To be sourced.

count=0
# shellcheck disable=SC2034	# of who sources it
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
