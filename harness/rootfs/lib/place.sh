# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The same in two places: the initial time namespace, where the machine's clock is set, and an owner, which is set from outside.
# What a program makes of a step is not ours to judge; that it makes the same of it in both is what we promise. Facts are
# noted in each place, and compared.
#
# Needs tkt.sh, and in $dir a directory.

# "host" or "own"; and of the latter the process that holds the namespace
place='' holder=''

# settle_in PLACE: what follows happens there
settle_in()
{
	place=$1
	# $dir is whose suite this is
	# shellcheck disable=SC2154
	: > "$dir/$place.facts"
	[ "$place" = own ] || return 0
	tkns run --offset 1d -- /busybox/sleep 1000000 &
	holder=$!
	tkt_until "the namespace owns its clock" grep -q '^state *own' "/proc/$holder/timens_clock"
}

# inside COMMAND...: becomes COMMAND in the place at hand, so it is called in a subshell or the background
inside()
{
	if [ "$place" = host ]; then
		exec "$@"
	fi
	exec nsenter --time --target "$holder" "$@"
}

# of_place CLOCK: its reading there, a decimal number: realtime, or boottime, which no step moves
of_place()
{
	case $1 in
	realtime) (inside date +%s.%N) ;;
	boottime) (inside cut -d' ' -f1 /proc/uptime) ;;
	esac
}

# step SECONDS: of the clock of the place; set DATE
step()
{
	if [ "$place" = host ]; then
		date -u -s "@$(calc "$(date +%s.%N) + $1")" > /dev/null
	else
		tkns set --offset "$1" "$holder"
	fi
}

set_date()
{
	if [ "$place" = host ]; then
		date -u -s "$1" > /dev/null
	else
		tkns set --set "$1" "$holder"
	fi
}

calc()
{
	busybox awk "BEGIN { printf \"%.6f\", $1 }"
}

# holds EXPRESSION: of numbers; what it was is shown when it does not
holds()
{
	busybox awk "BEGIN { exit !($1) }" || { echo "$1 does not hold"; return 1; }
}

# fact NAME VALUE: what must be the same in both places
fact()
{
	echo "$1: $2" >> "$dir/$place.facts"
}

# What happened within a time that is known to a second, which the machine's own speed does not change
seconds()
{
	calc "int(($2) - ($1) + 0.5)" | cut -d. -f1
}

# Of both places
same_facts()
{
	sed 's/^/# /' "$dir/own.facts"
	tkt_check "each did in the namespace what it does on a machine" diff "$dir/host.facts" "$dir/own.facts"
}
