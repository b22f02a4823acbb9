#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Boot one configuration with one suite in QEMU and judge it; see harness/README.md.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage()
{
	cat <<'END'
usage: boot.sh --config NAME --suite NAME [OPTION...]
       boot.sh --config NAME --shell

  --icount              one CPU, instruction counting: deterministic, skips idle time
  --no-icount           real time, for a suite whose own options say --icount
  --smp N               CPUs (default 2; 1 with --icount)
  --timeout S           with --icount, the limit for the suite, in seconds of the guest (default 120). The guest's time is
                        deterministic then. With the kernels debug and kcsan the default and the suite's own count fourfold.
  --quiet S             give up when the machine prints nothing new for S seconds (default 180). In real time the suite is
                        given up by the guest when it prints nothing for that long, and the machine after half as long again.
                        Where a boot gets to process 1 slower than usual, this counts as many times more.
  --limit S             give up after S seconds of this machine, whatever it prints (default 14400)
  --append STRING       more for the kernel's command line
  --arg WORD            an argument for the suite (repeatable)
  --need SYM=V[,...]    configuration symbols asserted in the guest (repeatable)
  --clocksource NAME    boot with this clocksource and assert it; "any": whatever it is (default tsc)
  --no-tsc-reliable     let the clocksource watchdog watch the TSC
  --kunit               run the built-in KUnit tests at boot
  --seed N              with --icount, the random numbers of the machine: another one lays programs and stacks elsewhere (default 1)
  --rtc DATE            the guest's date at boot, as 2026-12-31T23:59:50 (UTC)
  --memory SIZE         for QEMU (default 1G)
  --kernel FILE         another bzImage
  --image NAME          build/initramfs-NAME.cpio instead of build/initramfs.cpio; see harness/README.md
  --initramfs FILE      another initramfs
  --out DIR             for the results (default out/CONFIG-SUITE[-icount])
  --verbose             show the suite's output while it runs
  --gdb SOCKET          stand before the first instruction, and wait for gdb there (scripts/gdb.sh)
END
}

config='' suite='' icount=0 smp='' timeout='' quiet='' limit='' append='' need='' clocksource=tsc reliable=1 kunit=0
rtc='' seed=1 memory=1G kernel='' initramfs='' dir='' verbose=0 shell=0 gdb=''
args=()

parse()
{
	while [[ $# -gt 0 ]]; do
		case $1 in
		--config) need_value "$@"; config=$2; shift 2 ;;
		--suite) need_value "$@"; suite=$2; shift 2 ;;
		--smp) need_value "$@"; smp=$2; shift 2 ;;
		--timeout) need_value "$@"; timeout=$2; shift 2 ;;
		--quiet) need_value "$@"; quiet=$2; shift 2 ;;
		--limit) need_value "$@"; limit=$2; shift 2 ;;
		--append) need_value "$@"; append+=" $2"; shift 2 ;;
		--arg) need_value "$@"; args+=("$2"); shift 2 ;;
		--need) need_value "$@"; need+=",$2"; shift 2 ;;
		--clocksource) need_value "$@"; clocksource=$2; shift 2 ;;
		--rtc) need_value "$@"; rtc=$2; shift 2 ;;
		--seed) need_value "$@"; seed=$2; shift 2 ;;
		--memory) need_value "$@"; memory=$2; shift 2 ;;
		--kernel) need_value "$@"; kernel=$2; shift 2 ;;
		--image) need_value "$@"; initramfs=$BUILD/initramfs-$2.cpio; shift 2 ;;
		--initramfs) need_value "$@"; initramfs=$2; shift 2 ;;
		--out) need_value "$@"; dir=$2; shift 2 ;;
		--icount) icount=1; shift ;;
		--no-icount) icount=0; shift ;;
		--no-tsc-reliable) reliable=0; shift ;;
		--kunit) kunit=1; shift ;;
		--verbose) verbose=1; shift ;;
		--shell) shell=1; shift ;;
		--gdb) need_value "$@"; gdb=$2; shift 2 ;;
		-h | --help) usage; exit 0 ;;
		*) die "unknown argument '$1' (--help lists them)" ;;
		esac
	done
}

original=("$@")
parse "$@"
[[ -n $config ]] || die "--config NAME is missing"
fragments "$config" > /dev/null
# Many times slower than what the author of a suite has in mind.
config_is_slow=0
[[ $config != debug && $config != kcsan ]] || config_is_slow=1
if [[ $shell = 1 ]]; then
	suite=shell
else
	[[ -n $suite ]] || die "--suite NAME is missing"
	file=$(suite_file "$suite") || die "no suite '$suite': neither harness/suites/$suite nor bench/suites/$suite is an executable file"
	# The suite's own options first, so that those given here win.
	read -r -a own <<< "$(sed -n '1,20s/^# tkt-boot: //p' "$file" | tr '\n' ' ')"
	if [[ ${#own[@]} -gt 0 ]]; then
		append='' need='' args=() timeout='' quiet='' limit=''
		parse "${own[@]}"
		if [[ $config_is_slow = 1 ]]; then
			! is_positive "${timeout:-x}" || timeout=$((timeout * 4))
		fi
		parse "$@"
	fi
fi

timeout=${timeout:-$((config_is_slow ? 480 : 120))}
is_positive "$timeout" || die "--timeout '$timeout' is not a number of seconds"
quiet=${quiet:-180}
is_positive "$quiet" || die "--quiet '$quiet' is not a number of seconds"
limit=${limit:-14400}
is_positive "$limit" || die "--limit '$limit' is not a number of seconds"
[[ -n $smp ]] || smp=$((icount ? 1 : 2))
is_positive "$smp" || die "--smp '$smp' is not a number of CPUs"
[[ $icount = 0 || $smp = 1 ]] || die "--icount allows one CPU only, not --smp $smp"
[[ -z $rtc || $rtc =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}$ ]] || die "--rtc '$rtc' is not like 2026-12-31T23:59:50"
is_positive "$seed" || die "--seed '$seed' is not a number"
for word in "${args[@]}"; do
	[[ $word != *[[:space:]]* ]] || die "--arg '$word' contains white space"
done

kernel=${kernel:-$BUILD/obj-$config/arch/x86/boot/bzImage}
initramfs=${initramfs:-$BUILD/initramfs.cpio}
[[ -f $kernel ]] || die "no kernel '$kernel' (make kernel CONFIG=$config)"
[[ -f $initramfs ]] || die "no initramfs '$initramfs' (make initramfs)"

mode=smp
[[ $icount = 0 ]] || mode=icount
# What the plain kernel takes from the start of the emulator to process 1, on two cores that have nothing else to do.
nominal_ms=${TKT_NOMINAL_MS:-4000}
if [[ -z $dir ]]; then
	dir=$OUT/$config-$suite
	[[ $icount = 0 ]] || dir+=-icount
fi
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
# Two boots into one directory would write into each other's files.
exec 8> "$dir/.lock"
flock -n 8 || die "another boot is writing to $dir"
[[ ${TKT_BOOT_TRY:-1} -gt 1 ]] || rm -f "$dir"/stale-int3-*.log "$dir"/no-timer-*.log
rm -rf "$dir/console.log" "$dir/ktap.txt" "$dir/verdict.txt" "$dir/files.tar" "$dir/files" "$dir/result" "$dir/cmdline"

case $config in
plain | bug | machine | trace | hz100 | hz250) need+=",TIMEKEEPER_NS=y" ;;
debug) need+=",TIMEKEEPER_NS=y,PROVE_LOCKING=y,KASAN=y" ;;
kcsan) need+=",TIMEKEEPER_NS=y,KCSAN=y" ;;
off) need+=",TIMEKEEPER_NS=n" ;;
esac

# no5lvl: with five-level page tables KASAN's shadow fails under QEMU's emulation.
cmdline="console=ttyS0 no5lvl panic=-1 oops=panic printk.time=1 loglevel=7"
# A race that KCSAN reports would stop the machine as well, and hide the others. Warnings are found by the taint, too.
cmdline+=" panic_on_warn=$([[ $config = kcsan ]] && echo 0 || echo 1)"
# Where the emulator shares its CPUs with others, the machine's CPUs stand still for seconds. A kernel that sees four ticks too
# few in its first tenth of a second takes the timer's interrupt for broken, and panics; one whose RCU gets no CPU for 21 s, or
# whose watchdog for 20, takes that for a hang. What hangs still does after two minutes, and is told then.
if [[ $icount = 0 ]]; then
	cmdline+=" no_timer_check rcupdate.rcu_cpu_stall_timeout=120"
	[[ $config != debug ]] || cmdline+=" watchdog_thresh=60"
fi
[[ $reliable = 0 ]] || cmdline+=" tsc=reliable"
if [[ $kunit = 1 ]]; then
	cmdline+=" kunit.enable=1"
	[[ $icount = 0 ]] || cmdline+=" timens_tk_kunit.exact=1"
fi
case $clocksource in
tsc | any) ;;
*) cmdline+=" clocksource=$clocksource" ;;
esac
if [[ $shell = 1 ]]; then
	cmdline+=" tkt.shell=1"
else
	cmdline+=" tkt.suite=$suite tkt.cpus=$smp tkt.clocksource=$clocksource tkt.uname=-timens"
	if [[ $icount = 1 ]]; then
		cmdline+=" tkt.timeout=$timeout"
	else
		cmdline+=" tkt.quiet=$quiet tkt.nominal_ms=$nominal_ms"
	fi
	[[ -z $need ]] || cmdline+=" tkt.need=${need#,}"
	[[ $config != debug ]] || cmdline+=" tkt.lockdep=1"
	for word in "${args[@]}"; do
		cmdline+=" tkt.arg=$word"
	done
fi
cmdline+=$append
# The kernel cuts off what is longer, and the options of process 1 are not at the front.
[[ ${#cmdline} -lt 2048 ]] || die "the kernel's command line is longer than 2047 characters: $cmdline"

emulator=$QEMU
[[ $smp != 1 ]] || emulator=$QEMU_UP
# shellcheck disable=SC2054
qemu=("$emulator" -machine q35 -cpu max,la57=off -m "$memory" -smp "$smp"
	-nodefaults -no-user-config -display none -no-reboot
	-kernel "$kernel" -initrd "$initramfs" -append "$cmdline"
	-device "isa-debugcon,iobase=0xe9,chardev=ktap" -chardev "file,id=ktap,path=$dir/ktap.txt"
	-device "isa-debugcon,iobase=0xea,chardev=files" -chardev "file,id=files,path=$dir/files.tar"
	-device "isa-debugcon,iobase=0xeb,chardev=verdict" -chardev "file,id=verdict,path=$dir/verdict.txt")
if [[ $icount = 1 ]]; then
	# One nanosecond per instruction, no waiting while idle, and the same date and random numbers every time: with
	# others the programs lie elsewhere in memory, which changes how many instructions a page fault comes after.
	qemu+=(-accel tcg -icount "shift=0,sleep=off" -seed "$seed" -rtc "base=${rtc:-2026-02-03T04:05:06},clock=vm")
else
	qemu+=(-accel "tcg,thread=multi" -rtc "base=${rtc:-utc},clock=vm")
fi
printf '%q ' "${qemu[@]}" > "$dir/cmdline"

# Nobody watches a machine which stands still for somebody.
[[ -z $gdb ]] || exec "${qemu[@]}" -serial "file:$dir/console.log" -S -gdb "unix:path=$gdb,server=on,wait=off"

if [[ $shell = 1 ]]; then
	say "exit leaves the guest; ctrl-a x kills it"
	exec "${qemu[@]}" -serial mon:stdio
fi

# uptime_ms: into $1. No clock that somebody may set meanwhile, and no process for it.
uptime_ms()
{
	local seconds

	read -r seconds _ < /proc/uptime
	printf -v "$1" '%d' "$((10#${seconds/./} * 10))"
}

# watch_machine PID: wait for its end, and set rc. Or give it up, and say why in given_up.
#
# A limit is for hangs, so it does not count how long a boot takes, but how long it says nothing. How long that may be depends
# on how fast this machine is today: measured by the boot itself, which is some of all kinds of work.
rc=0 given_up='' slow=1
watch_machine()
{
	local pid=$1 sizes='' new now began heard most measured=0 nothing until

	# Nothing ever comes here: a "sleep" without a process.
	exec {nothing}<> <(:)
	uptime_ms began
	heard=$began
	while read -r -t 0.2 -u "$nothing" || kill -0 "$pid" 2> /dev/null; do
		uptime_ms now
		# Before KUnit, whose tests belong to what is waited for.
		if [[ $measured = 0 ]] && grep -a -q -E 'Run /init as init process|KTAP version 1' "$dir/console.log" 2> /dev/null; then
			slow=$(((now - began) / nominal_ms + 1))
			measured=1
		fi
		new=$(stat -c %s "$dir"/{console.log,ktap.txt,files.tar,verdict.txt} 2> /dev/null || true)
		if [[ $new != "$sizes" ]]; then
			sizes=$new
			heard=$now
		fi
		# In real time process 1 gives the suite up first, and tells more.
		most=$((icount ? quiet * slow : quiet * slow * 3 / 2))
		if [[ $((now - heard)) -gt $((most * 1000)) ]]; then
			given_up="the machine printed nothing for $(((now - heard) / 1000)) s"
			[[ $slow = 1 ]] || given_up+=" (it took $slow times as long as usual to boot)"
		elif [[ $((now - began)) -ge $((limit * 1000)) ]]; then
			given_up="the machine did not end within $limit s"
		else
			continue
		fi
		kill "$pid" 2> /dev/null || true
		until=$((now + 5000))
		while kill -0 "$pid" 2> /dev/null && [[ $now -lt $until ]]; do
			read -r -t 0.2 -u "$nothing" || true
			uptime_ms now
		done
		kill -KILL "$pid" 2> /dev/null || true
	done
	exec {nothing}>&-
	wait "$pid" || rc=$?
}

say "$config/$suite ($mode): boot"
start=$(date +%s.%N)
"${qemu[@]}" -serial "file:$dir/console.log" < /dev/null > "$dir/qemu.log" 2>&1 8>&- &
pid=$!
trap 'kill "$pid" 2> /dev/null || true' EXIT
if [[ $verbose = 1 ]]; then
	touch "$dir/ktap.txt"
	tail -n +1 -f --pid="$pid" "$dir/ktap.txt" 8>&- &
	tail=$!
fi
watch_machine "$pid"
trap - EXIT
[[ $verbose = 0 ]] || wait "$tail" || true
seconds=$(awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }')

# What a kernel says when something is wrong with it. Lockdep and the stall detectors only print.
bad='WARNING:|BUG:|INFO: (task|possible|rcu)|Call Trace|Kernel panic|Oops|KASAN:|UBSAN:|KCSAN:|ODEBUG:'
bad+='|general protection fault|unchecked MSR|blocked for more than|detected stalls?|self-detected stall|soft lockup'
bad+='|inconsistent lock state|suspicious RCU|scheduling while atomic|sleeping function called|turning off the locking'
bad+='|Out of memory|invoked oom-killer|Freeing freed memory'

verdict=
[[ ! -s $dir/verdict.txt ]] || verdict=$(tr -d '\r' < "$dir/verdict.txt")
# Only the list's own lines: its comments would excuse whatever has a "#" in it, as each oops has.
found=$(grep -a -E "$bad" "$dir/console.log" 2> /dev/null | tr -d '\r' |
	grep -v -F -f <(sed '/^#/d; /^$/d; s/^/BUG: KCSAN: data-race in /' "$ROOT/harness/kcsan-known.list") | head -n 1 || true)
panic=$(grep -a -m 1 'Kernel panic' "$dir/console.log" 2> /dev/null | tr -d '\r' || true)

# where LINE: where in the kernel the machine was when it said that: often all that is left of a machine elsewhere.
where()
{
	local rip

	rip=$(tr -d '\r' < "$dir/console.log" | grep -a -F -A 40 -m 1 -- "$1" |
		sed -n '/RIP: 0010:/{s/^.*RIP: 0010:\([^ ]*\).*$/\1/p;q}')
	[[ -z $rip ]] || echo "; at $rip"
}

# last_lines: of the console, and of the suite if it has begun
last_lines()
{
	local line

	echo -n "last line: $(tail -n 1 "$dir/console.log" 2> /dev/null | tr -d '\r')"
	line=$(tail -n 1 "$dir/ktap.txt" 2> /dev/null || true)
	[[ -z $line ]] || echo -n "; of the suite: $line"
}

if [[ -n $panic ]]; then
	status=panic
	# The cause comes before the panic.
	reason="$found$(where "$found")"
elif [[ -n $given_up ]]; then
	status=timeout
	reason="$given_up; $(last_lines)"
elif [[ $rc -ne 0 ]]; then
	status=no-verdict
	reason="QEMU ended with $rc: $(head -n 1 "$dir/qemu.log")"
elif [[ -z $verdict ]]; then
	status=no-verdict
	reason="the machine ended without a verdict; last line: $(tail -n 1 "$dir/console.log" | tr -d '\r')"
elif [[ $verdict =~ ^verdict:\ fail\ .*reason=(.*)$ ]]; then
	status=fail
	reason=${BASH_REMATCH[1]}
	[[ $reason != timeout:* ]] || status=timeout
	[[ -z $found ]] || reason+="; console: $found"
elif [[ ! $verdict =~ ^verdict:\ pass\ [^$'\n']*$ ]]; then
	status=no-verdict
	reason="malformed verdict: $verdict"
elif [[ -n $found ]]; then
	status=console
	reason="the console shows: $found$(where "$found")"
else
	status=pass
	reason=
fi

# An old QEMU with a thread for each CPU: an oops "int3" is most probably a breakpoint that was taken out already. Nothing in the
# console tells that from one which is there; a kernel with one of its own would trap again.
try=${TKT_BOOT_TRY:-1}
if [[ $status = panic && $smp != 1 && $try -lt 3 && $found = *'Oops: int3: '* ]] && qemu_is_old "$(qemu_version "$emulator")"; then
	mv "$dir/console.log" "$dir/stale-int3-$try.log"
	say "$config/$suite ($mode): QEMU ran a stale breakpoint after $seconds s ($dir/stale-int3-$try.log): booting again"
	export TKT_BOOT_TRY=$((try + 1)) TKT_BOOT_WHY='ran a stale breakpoint'
	exec "${BASH_SOURCE[0]}" "${original[@]}"
fi
# The same QEMU loses the timer of a CPU now and then while the machine boots; process 1 looks at that before all else.
if [[ $status = fail && $smp != 1 && $try -lt 3 && $reason = 'emulator: '* ]]; then
	mv "$dir/console.log" "$dir/no-timer-$try.log"
	say "$config/$suite ($mode): $reason after $seconds s ($dir/no-timer-$try.log): booting again"
	export TKT_BOOT_TRY=$((try + 1)) TKT_BOOT_WHY='lost the timer of a CPU'
	exec "${BASH_SOURCE[0]}" "${original[@]}"
fi
if [[ $status = pass && $try -gt 1 ]]; then
	reason="boot $try; QEMU $TKT_BOOT_WHY before"
fi

if [[ -s $dir/files.tar ]]; then
	mkdir -p "$dir/files"
	if ! tar -xf "$dir/files.tar" -C "$dir/files" --no-same-owner 2> "$dir/tar.log"; then
		[[ $status != pass ]] || { status=fail; reason="damaged files.tar: $(head -n 1 "$dir/tar.log")"; }
	fi
	rm -f "$dir/files.tar" "$dir/tar.log"
fi

{
	echo "config $config"
	echo "suite $suite"
	echo "mode $mode"
	echo "status $status"
	echo "seconds $seconds"
	echo "slow $slow"
	echo "reason $reason"
} > "$dir/result"

if [[ $status = pass ]]; then
	counts=
	[[ ! $verdict =~ (ok=[0-9]+\ not_ok=[0-9]+\ skip=[0-9]+) ]] || counts=${BASH_REMATCH[1]}
	say "$config/$suite ($mode): pass, $counts, $seconds s"
	exit 0
fi
grep -a -E '^ *not ok ' "$dir/ktap.txt" 2> /dev/null | head -n 20 || true
# What was expected, where only what is printed here is kept
grep -a -E ': not so: |# [0-9]+ survives: ' "$dir/ktap.txt" 2> /dev/null | cut -c 1-300 | head -n 20 || true
[[ -z $found ]] || tr -d '\r' < "$dir/console.log" | grep -a -F -B 3 -A 45 -m 1 -- "$found" | sed 's/^/boot:   | /' || true
say "$config/$suite ($mode): FAILED ($status) after $seconds s: $reason"
say "  see $dir/console.log and $dir/ktap.txt"
exit 1
