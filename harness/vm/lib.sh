#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the tests in virtual machines have in common (scripts/vm.sh test). To be sourced.

count=0
# shellcheck disable=SC2034	# of the tests
year=$((365 * 86400))

# check NAME COMMAND...: ok if it succeeds; what it said is shown if it does not
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
	fi
}

# The host's clock against the counter of the machine: it must not move by more than NTP would move it
host_line()
{
	awk -v now="$(date +%s)" '{ printf "%d\n", now - $1 }' /proc/uptime
}

running()
{
	local state

	state=$(timeout 600 systemctl is-system-running --wait || true)
	[[ $state = running ]] || { echo "$state"; systemctl --failed --no-legend; return 1; }
}

from_disk()
{
	[[ $(findmnt -n -o SOURCE,FSTYPE /) =~ ^/dev/vda1?\ +ext4$ ]] && [[ $(lsmod | wc -l) -gt 10 ]] && lsmod | grep -q ^virtio_net
}

# ahead SECONDS COMMAND...: it prints a date that is so far ahead of the host's
ahead()
{
	local want=$1 out
	shift
	out=$("$@") || return 1
	out=${out##*$'\n'}
	[[ $out =~ ^[0-9]+$ ]] || { echo "no date: $out"; return 1; }
	echo "$((out - $(date +%s))) s, not $want"
	[[ $((out - $(date +%s) - want)) -ge -120 && $((out - $(date +%s) - want)) -le 120 ]]
}

# refused PATTERN COMMAND...: it fails, and says this
refused()
{
	local want=$1 out
	shift
	! out=$("$@" 2>&1) || { echo "it worked: $out"; return 1; }
	grep -q -E -e "$want" <<< "$out" || { echo "no '$want' in: $out"; return 1; }
}

# until_true SECONDS COMMAND...: it succeeds before that time has passed on this machine, which may be slow
until_true()
{
	local end=$((SECONDS + $1)) out
	shift
	until out=$("$@" 2>&1); do
		[[ $SECONDS -lt $end ]] || { echo "$out"; return 1; }
		sleep 1
	done
}

# removed: of the packages, after apt has purged them
removed()
{
	local left release

	release=$(uname -r)
	DEBIAN_FRONTEND=noninteractive apt-get -y -q purge "linux-*-$release" tkns || return 1
	# What is mounted in a container leaves its mount point in it
	left=$(find /boot /etc /usr /var/lib -path /var/lib/machines -prune -o -name "*$release*" -print -o -name '*tkns*' -print 2> /dev/null)
	[[ -z $left ]] || { echo "$left"; return 1; }
}

# as WHO COMMAND...: as root, or as the user in a session of its own, as a login would be
as()
{
	local who=$1
	shift
	if [[ $who = root ]]; then
		(cd /root && HOME=/root exec "$@")
	else
		systemd-run --user --machine=user@.host --quiet --wait --pipe --collect --property=KillMode=process --working-directory=/home/user -- "$@"
	fi
}

# printed NAME: the commands of a recipe, as the manual prints them
printed()
{
	zcat /usr/share/doc/tkns/timens-*.rst.gz | awk -v name="$1" '
		$0 == "   :name: " name { state = 1; next }
		!state { next }
		/^$/ { if (state++ > 1) print; next }
		/^   / { print substr($0, 4); found = 1; next }
		{ state = 0 }
		END { exit !found }'
}

# recipe WHO NAME: run it. Its last line of output may be a date, see ahead.
recipe()
{
	local commands

	commands=$(printed "$2") || { echo "no recipe '$2' in the manual"; return 1; }
	as "$1" bash -euc "$commands" < /dev/null
}

# time_server: chronyd of this machine serves its clock, on an address that containers of any kind reach, under the names that
# Debian's daemons ask for
time_server()
{
	local i

	ip link add timens0 type dummy && ip link set timens0 up || return 1
	# Four, as ntpd trusts no single one
	for i in 0 1 2 3; do
		ip address add "192.0.2.$((i + 1))/32" dev timens0 || return 1
		echo "192.0.2.$((i + 1)) $i.debian.pool.ntp.org" >> /etc/hosts
	done
	sed -i '/^pool\|^sourcedir/d' /etc/chrony/chrony.conf
	printf '%s\n' 'local stratum 5' 'allow' > /etc/chrony/conf.d/vm-test.conf
	systemctl restart chrony
}
