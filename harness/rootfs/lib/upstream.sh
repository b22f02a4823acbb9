# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced at the end of the suites upstream-*, with their arguments: runs what the list has for the suite of that name.
# What runs where, and what does not: /usr/share/timens/upstream-timers.list; how it is judged: harness/tkupstream.c.

config=$'\n'$(/busybox/zcat /proc/config.gz)$'\n'
# The debug kernel is many times slower: it runs the rows that are marked for it.
if [[ $config == *$'\nCONFIG_KASAN=y\n'* ]]; then
	set -- --debug "$@"
fi
# Without the option there is no clock to own, nor where the administrator allows none (timens_tk.own=0): the kernel has to
# be mainline then. Where the option is needed, the harness has asserted it.
policy=/proc/sys/kernel/timens_own
if [[ $config != *$'\nCONFIG_TIMEKEEPER_NS=y\n'* || ($(</proc/cmdline) == *' timens_tk.own=0'* && $(<$policy) = 0) ]]; then
	set -- --control-only "$@"
fi
# With instruction counting nothing disturbs a reading.
threshold=3000
if [[ ${TKT_EXACT:-0} = 1 ]]; then
	threshold=500
fi
exec /usr/lib/timens/tkupstream --suite "${0##*/}" --threshold-ns "$threshold" "$@"
