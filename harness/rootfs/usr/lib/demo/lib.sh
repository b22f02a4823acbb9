# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# For the suites of the demonstration: the ordinary user, and the watcher of the host's clocks.

demo_pid=
demo_name=

run_as_user()
{
	setpriv --reuid user --regid user --clear-groups --inh-caps=-all "$@"
}

# show FILE: as a diagnostic
show()
{
	sed 's/^/#   /' "$1"
}

# watch_start NAME PERIOD-US: watch the clocks of the initial namespace from now on
watch_start()
{
	demo_name=$1
	rm -f /tmp/watch
	mkfifo /tmp/watch
	# What it watches is a program that ends when it is told to.
	/usr/lib/timens/tkwatch --period-us "$2" --json "/out/$1-watch.json" -- \
		/busybox/cat /tmp/watch > /tmp/watch.log 2>&1 &
	demo_pid=$!
	# Open for both: no waiting for a partner who may have died.
	exec 8<> /tmp/watch
}

# watch_end: the verdict is a result of the suite
watch_end()
{
	local rc=0 name="the host's clocks and its adjtimex state did not move"

	exec 8>&-
	wait "$demo_pid" || rc=$?
	tkt_diag "$(cat /tmp/watch.log)"
	if [ "$rc" = 0 ]; then
		tkt_ok "$name"
	else
		tkt_not_ok "$name" "tkwatch: exit status $rc"
	fi
	echo "$demo_name.watch_rc $rc" >> "/out/demo-$demo_name.facts"
}
