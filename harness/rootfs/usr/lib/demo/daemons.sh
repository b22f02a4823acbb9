# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# For the suites in which NTP daemons run in namespaces that root has made: starting them, cables, questions.

# Where their output goes; the caller makes the directory.
daemons_dir=

# daemon_start NAME NAMESPACES... -- COMMAND...: sets NAME to the process which becomes the daemon. With a process in
# daemon_beside the new time namespace is made by a child of that one's, and is a copy of it. (File 8 is watch_start's: it must not live on in a daemon.)
daemon_beside=
daemon_start()
{
	local name=$1 i child
	local -a spaces=() via=()

	shift
	while [ "$1" != -- ]; do
		spaces+=("$1")
		shift
	done
	shift
	[ -z "$daemon_beside" ] || via=(nsenter --target "$daemon_beside" --time)
	"${via[@]}" unshare "${spaces[@]}" --net --mount --pid --mount-proc --fork --kill-child "$@" \
		> "$daemons_dir/$name.log" 2>&1 8>&- &
	for ((i = 0; i < 100; i++)); do
		child=$(cat "/proc/$!/task/$!/children")
		if [ -n "$child" ]; then
			printf -v "$name" '%s' "${child%% *}"
			return 0
		fi
		sleep 0.1
	done
	tkt_diag "$name does not start: $(cat "$daemons_dir/$name.log")"
	return 1
}

# daemon_cable NUMBER NAME SERVER-PID CLIENT-PID
daemon_cable()
{
	ip link add "$2" netns "$3" type veth peer name eth0 netns "$4"
	nsenter --target "$3" --net ip address add "10.77.$1.1/30" dev "$2"
	nsenter --target "$3" --net ip link set "$2" up
	nsenter --target "$4" --net ip address add "10.77.$1.2/30" dev eth0
	nsenter --target "$4" --net ip link set eth0 up
}

# daemon_says FILE PID COMMAND...: what a program says in the network, the file system and the time of the process
daemon_says()
{
	nsenter --target "$2" --net --mount --time "${@:3}" > "$1" 2>&1
}

# daemon_is PID NAME: it still runs
daemon_is()
{
	[ "$(cat "/proc/$1/comm")" = "$2" ]
}

# The clients, as process 1: wait until the cable has been plugged in from outside.
await_cable()
{
	local i

	ip link set lo up
	for ((i = 0; i < 100; i++)); do
		[[ -z $(ip -o -4 address show dev eth0 scope global 2> /dev/null) ]] || break
		sleep 0.1
	done
}
