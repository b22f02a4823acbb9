#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Tests of how boot.sh judges a boot, with an emulator that is made up. Results are KTAP.
#
# No kernel is built and none is booted. A judge who lets a broken machine pass is worse than none: what a kernel says when it is
# unwell is told here line by line, each in a console whose verdict is a pass.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=tests/ktap.sh
. "$ROOT/tests/ktap.sh"
[[ $# -eq 0 ]] || die "unknown argument '$1'"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export STUB=$work/stub
mkdir "$STUB"

# An emulator which writes what it finds in $STUB, or, where there is one, in the file with the number of this boot behind it.
export QEMU=$work/qemu QEMU_UP=$work/qemu
cat > "$QEMU" <<'END'
#!/bin/bash
set -euo pipefail
if [[ $* = --version ]]; then
	echo "QEMU emulator version $(cat "$STUB/version")"
	exit
fi
boot=$(($(cat "$STUB/boots") + 1))
echo "$boot" > "$STUB/boots"
for word in "$@"; do
	case $word in
	file:*) name=console to=${word#file:} ;;
	file,id=*) name=${word#file,id=} name=${name%%,*} to=${word#*path=} ;;
	*) continue ;;
	esac
	printf -v "$name" '%s' "$to"
	from=$STUB/$name.$boot
	[[ -f $from ]] || from=$STUB/$name
	[[ ! -f $from ]] || cat "$from" > "$to"
done
# What the machine does meanwhile, with its console and its KTAP.
[[ ! -f $STUB/meanwhile ]] || . "$STUB/meanwhile"
sleep "$(cat "$STUB/sleep")"
exit "$(cat "$STUB/rc")"
END
chmod +x "$QEMU"

touch "$work/kernel" "$work/initramfs"

# A boot which passes, to be spoilt.
good()
{
	rm -f "$STUB"/*
	echo 10.0.2 > "$STUB/version"
	echo 0 | tee "$STUB/sleep" > "$STUB/rc"
	printf '%s\r\n' '[    0.000000] Linux version 6.12.117-timens (root@here) (gcc 12) #1 SMP' \
		'[    1.000000] Run /init as init process' 'init: verdict: pass' > "$STUB/console"
	printf '%s\n' 'KTAP version 1' '1..2' 'ok 1 one' 'ok 2 two' > "$STUB/ktap"
	echo 'verdict: pass ok=2 not_ok=0 skip=0 ms=5 reason=done' > "$STUB/verdict"
}

# boot OPTION...: and then what is in the result
boot()
{
	local rc=0

	rm -rf "$work/out"
	echo 0 > "$STUB/boots"
	TKT_BOOT_TRY='' "$ROOT/scripts/boot.sh" --config plain --suite smoke --kernel "$work/kernel" --initramfs "$work/initramfs" \
		--out "$work/out" "$@" || rc=$?
	sed 's/^/result: /' "$work/out/result" 2> /dev/null || true
	echo "boots: $(cat "$STUB/boots")"
	return "$rc"
}

# says LINE...: these are in the console
says()
{
	printf '[    2.000000] %s\r\n' "$@" >> "$STUB/console"
}

# An oops as the kernel prints it. The instruction pointer is behind the byte in front of <1f>.
oops()
{
	says "Oops: $1: 0000 [#1] PREEMPT SMP KASAN" 'CPU: 0 UID: 0 PID: 247 Comm: tkwatch Not tainted 6.12.117-timens #1 ' \
		'RIP: 0010:hrtimer_try_to_cancel+0x33/0x190' "Code: 5e 41 5f 5d c3 $2 <1f> 44 00 00 4c" 'Call Trace:' ' <TASK>'
}

died()
{
	says 'Kernel panic - not syncing: Fatal exception'
	rm "$STUB/verdict"
}

verdicts()
{
	good
	expect "a pass" 0 '^boot: plain/smoke \(smp\): pass, ok=2 not_ok=0 skip=0' boot
	expect "and its result" 0 '^result: status pass$' boot
	expect "with one CPU as well" 0 '^result: mode icount$' boot --icount

	QEMU_UP=$work/none
	expect "which has an emulator of its own" 1 'none' boot --icount
	expect "that two have not" 0 '^result: status pass$' boot
	QEMU_UP=$QEMU

	good
	echo 'verdict: fail ok=1 not_ok=1 skip=0 ms=5 reason=1 failed' > "$STUB/verdict"
	echo 'not ok 2 two' >> "$STUB/ktap"
	expect "a failure" 1 '^result: status fail$' boot
	expect "and its reason" 1 '^result: reason 1 failed$' boot
	expect "and the test" 1 '^not ok 2 two$' boot
	says 'WARNING: CPU: 0 PID: 1 at kernel/x.c:1'
	expect "and what the console shows" 1 '^result: reason 1 failed; console: .*WARNING: CPU: 0' boot

	good
	echo 'verdict: fail ok=1 not_ok=0 skip=0 ms=5 reason=timeout: 120 s' > "$STUB/verdict"
	expect "a suite that took too long" 1 '^result: status timeout$' boot

	good
	rm "$STUB/verdict"
	expect "no verdict" 1 '^result: status no-verdict$' boot
	expect "and the last line of the console" 1 '^result: reason .*; last line: init: verdict: pass$' boot

	good
	echo 'verdict: passed' > "$STUB/verdict"
	expect "a verdict of another form" 1 '^result: reason malformed verdict: verdict: passed$' boot
	printf 'pass' > "$STUB/verdict"
	expect "half a verdict" 1 '^result: status no-verdict$' boot

	good
	echo 1 > "$STUB/rc"
	expect "an emulator that fails" 1 '^result: status no-verdict$' boot
}

# meanwhile TEXT: what the machine does after what is in $STUB, in bash; line() adds one to the console, suite() one to the KTAP
meanwhile()
{
	cat > "$STUB/meanwhile" <<END
line() { printf '[    3.000000] %s\\r\\n' "\$*" >> "\$console"; }
suite() { printf '%s\\n' "\$*" >> "\$ktap"; }
$1
END
}

# Limits are for hangs: these sleep for long, but are cut off long before.
# shellcheck disable=SC2016
hangs()
{
	good
	meanwhile 'exec sleep 600'
	expect "a silent machine is given up" 1 '^result: status timeout$' boot --quiet 1
	expect "in words, with the last lines" 1 \
		'^result: reason the machine printed nothing for [0-9]+ s; last line: init: verdict: pass; of the suite: ok 2 two$' \
		boot --quiet 1
	expect "with one CPU as well" 1 '^result: reason the machine printed nothing for' boot --quiet 1 --icount
	good
	rm "$STUB/ktap"
	meanwhile 'exec sleep 600'
	expect "and one whose suite has not begun" 1 'printed nothing for [0-9]+ s; last line: init: verdict: pass$' boot --quiet 1

	# In all longer than what it may be silent. The steps are shorter by so much that a busy machine does not matter.
	good
	meanwhile 'for i in {1..18}; do sleep 0.5; line "still $i"; done'
	expect "one that prints on its console is not" 0 '^result: status pass$' boot --quiet 5
	expect "however long it takes" 0 '^result: seconds (9|[1-9][0-9])' boot --quiet 5
	good
	meanwhile 'for i in {1..18}; do sleep 0.5; suite "# still $i"; done'
	expect "nor one whose suite prints" 0 '^result: status pass$' boot --quiet 5
	good
	meanwhile 'for i in {1..4}; do sleep 0.5; line "still $i"; done; exec sleep 600'
	expect "one that stops printing is" 1 'last line: \[    3\.000000\] still 4; of the suite: ok 2 two$' boot --quiet 3

	# 1 s from the start to process 1 is ten times the nominal 0.1 s, so 1 s counts as ten.
	good
	sed -i '/Run/d' "$STUB/console"
	meanwhile 'sleep 1; line "Run /init as init process"; sleep 6'
	expect "a machine that is slow from the start gets more" 0 '^result: slow [1-9][0-9]' env TKT_NOMINAL_MS=100 \
		"$BASH" -c "$(declare -f boot); work='$work' boot --quiet 1"
	expect "which a fast one does not" 1 'printed nothing for' env TKT_NOMINAL_MS=10000 \
		"$BASH" -c "$(declare -f boot); work='$work' boot --quiet 1"

	good
	meanwhile 'while :; do sleep 0.1; line "over and over"; done'
	expect "a machine that prints for ever is given up in the end" 1 '^result: status timeout$' boot --limit 2
	expect "in words" 1 '^result: reason the machine did not end within 2 s; last line: .*over and over' boot --limit 2

	good
	meanwhile 'trap "" TERM; while :; do sleep 1; done'
	expect "and one that does not obey is killed" 1 '^result: status timeout$' boot --quiet 1
}

# The kept console of a run before this one, into the same directory.
stale_log()
{
	mkdir -p "$work/again"
	touch "$work/again/stale-int3-1.log"
	echo 0 > "$STUB/boots"
	"$ROOT/scripts/boot.sh" --config plain --suite smoke --kernel "$work/kernel" --initramfs "$work/initramfs" --out "$work/again"
	ls "$work/again"
}

# emulators WORD...: what a script takes that is started after set-up has unpacked an emulator, by one that was started before
emulators()
{
	# shellcheck disable=SC2016
	env -u QEMU -u QEMU_UP "$@" BUILD="$work/build" ROOT="$ROOT" bash -c '
		set -euo pipefail
		rm -rf "$BUILD"
		. "$ROOT/scripts/lib.sh"
		echo "before: $QEMU $QEMU_UP"
		mkdir -p "$DEBS/qemu"
		touch "$DEBS/qemu/qemu-system-x86_64"
		chmod +x "$DEBS/qemu/qemu-system-x86_64"
		bash -c ". \"$ROOT/scripts/lib.sh\"; echo \"after: \$QEMU \$QEMU_UP\""' "$ROOT/tests/boot-test"
}

choice()
{
	expect "the machine's emulator" 0 '^before: qemu-system-x86_64 qemu-system-x86_64$' emulators
	expect "and one that was unpacked since, for several CPUs" 0 \
		'^after: .*/build/debs/qemu/qemu-system-x86_64 qemu-system-x86_64$' emulators
	expect "and another one that was asked for" 0 '^after: /x/qemu /x/qemu$' emulators QEMU=/x/qemu
	expect "for one CPU" 0 '^after: .*/debs/qemu/qemu-system-x86_64 /x/qemu$' emulators QEMU_UP=/x/qemu
}

# Each line in a console of a boot that says it passed.
consoles()
{
	local line

	while read -r line; do
		good
		says "$line"
		expect "noticed: ${line//#/No.}" 1 '^result: status console$' boot
	done <<'END'
WARNING: CPU: 1 PID: 33 at kernel/time/timekeeping.c:100 update+0x1/0x2
WARNING: possible circular locking dependency detected
BUG: unable to handle page fault for address: ffffc90000000000
BUG: KASAN: slab-use-after-free in timens_tk_free+0x1/0x2
BUG: KCSAN: data-race in timens_tk_pass / timens_tk_read
BUG: sleeping function called from invalid context at kernel/x.c:1
Oops: int3: 0000 [#1] SMP
Oops: divide error: 0000 [#1] PREEMPT SMP KASAN
Oops: general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1]
Oops: invalid opcode: 0000 [#1]
INFO: task tk_set:44 blocked for more than 120 seconds.
INFO: rcu_preempt self-detected stall on CPU
watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [tk_set:44]
UBSAN: signed-integer-overflow in kernel/time/ntp.c:1:2
ODEBUG: free active (active state 0) object: 1
INFO: lockdep is turning off the locking correctness validator.
Out of memory: Killed process 12 (tk_life)
Call Trace:
END
	good
	says 'Oops: divide error: 0000 [#1] SMP' 'RIP: 0033:0x44ffe0' 'RIP: 0010:second_overflow+0x1/0x2' 'Call Trace:'
	expect "the first of several is told, and where it was" 1 \
		'^result: reason the console shows: .*Oops: divide error: 0000 \[#1\] SMP; at second_overflow\+0x1/0x2$' boot
	expect "with the lines behind it" 1 '^boot:   \| .*RIP: 0010:second_overflow' boot

	# What harness/kcsan-known.list names is no finding; the list's comments name nothing.
	good
	says 'BUG: KCSAN: data-race in do_nanosleep / hrtimer_wakeup'
	expect "a known race of the kernel's own" 0 '^result: status pass$' boot
	says 'BUG: KCSAN: data-race in timens_tk_pass / hrtimer_wakeup'
	expect "does not excuse another" 1 '^result: reason .*timens_tk_pass / hrtimer_wakeup' boot
}

panics()
{
	good
	oops 'divide error' f7
	died
	expect "an oops" 1 '^result: status panic$' boot
	expect "its reason is the oops, not the panic" 1 \
		'^result: reason .*Oops: divide error: 0000 \[#1\] PREEMPT SMP KASAN; at hrtimer_try_to_cancel\+0x33/0x190$' boot
	expect "is not booted again" 1 '^boots: 1$' boot

	good
	says 'Kernel panic - not syncing: VFS: Unable to mount root fs'
	expect "a panic alone, whatever the verdict" 1 '^result: reason .*Kernel panic - not syncing: VFS' boot

	# Emulators before 8.1 run breakpoints that are not there; a later one must not be excused.
	good
	oops int3 0f
	died
	expect "a breakpoint under a new emulator" 1 '^result: status panic$' boot
	expect "is not booted again" 1 '^boots: 1$' boot
	for version in 7.2.22 '7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)' 8.0.4; do
		echo "$version" > "$STUB/version"
		expect "a breakpoint under ${version%% *} ($version) is booted again, twice" 1 '^boots: 3$' boot
		expect "and then it is one" 1 '^result: status panic$' boot
	done
	for version in 8.1.0 10.0.2; do
		echo "$version" > "$STUB/version"
		expect "under $version it is not" 1 '^boots: 1$' boot
	done

	echo 7.2.22 > "$STUB/version"
	expect "with one CPU it is not" 1 '^boots: 1$' boot --icount
	good
	cp "$STUB/console" "$STUB/console.2"
	cp "$STUB/verdict" "$STUB/verdict.2"
	oops int3 cc
	died
	echo 7.2.22 > "$STUB/version"
	expect "the second boot counts" 0 '^result: status pass$' boot
	expect "and its row tells" 0 '^result: reason boot 2; QEMU ran a stale breakpoint before$' boot
	expect "and the first console is kept" 0 'Oops: int3' cat "$work/out/stale-int3-1.log"

	good
	cp "$STUB/console" "$STUB/console.2"
	cp "$STUB/verdict" "$STUB/verdict.2"
	echo 'verdict: fail ok=0 not_ok=0 skip=0 reason=emulator: CPU 1 takes no timer interrupts' > "$STUB/verdict"
	expect "a CPU without a timer is booted again" 0 '^result: reason boot 2; QEMU lost the timer of a CPU before$' boot
	expect "the console of the first boot is kept" 0 'no-timer-1.log' ls "$work/out"
	cp "$STUB/verdict" "$STUB/verdict.2"
	expect "and given up after three boots" 1 '^boots: 3$' boot
	expect "for what it is" 1 '^result: reason emulator: CPU 1 takes no timer interrupts$' boot

	good
	expect "a log of an earlier run does not stay" 0 '!^stale' stale_log

	good
	oops 'general protection fault, maybe for address 0x1' 0f
	died
	echo 7.2.22 > "$STUB/version"
	expect "another oops under an old emulator is not booted again" 1 '^boots: 1$' boot
}

echo "KTAP version 1"
choice
verdicts
hangs
consoles
panics
ktap_end tests
