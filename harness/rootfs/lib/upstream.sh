# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced at the end of the suites upstream-*, with their arguments: runs what the list has for the suite of that name.
# What runs where, and what does not: /usr/share/timens/upstream-timers.list; how it is judged: harness/tkupstream.c.

config=$'\n'$(/busybox/zcat /proc/config.gz)$'\n'
# The debug kernel is many times slower: it runs the rows that are marked for it.
if [[ $config == *$'\nCONFIG_KASAN=y\n'* ]]; then
	set -- --debug "$@"
fi
# Without the option there is no clock to own. Where it is needed, the harness has asserted it.
if [[ $config != *$'\nCONFIG_TIMEKEEPER_NS=y\n'* ]]; then
	set -- --control-only "$@"
fi
# With instruction counting nothing disturbs a reading.
threshold=3000
if [[ ${TKT_EXACT:-0} = 1 ]]; then
	threshold=500
fi
exec /usr/lib/timens/tkupstream --suite "${0##*/}" --threshold-ns "$threshold" "$@"
