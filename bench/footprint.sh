#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a time namespace takes: memory in each of its states, instructions from its creation to its end, and interrupts of an
# idle machine with a thousand of them. Beside it what people use today, one small virtual machine for each clock. And how
# large the structures are in which a timer grew by what its namespace needs to know of it.
#
#   mainline  the pristine source, tag base of the kernel tree, exported once to build/mainline-src
#   plain     the queue, with TIMEKEEPER_NS=y
#
# Memory is what the kernel charges to the cgroup of who creates the namespace, of 10,000 of them; it must all be given
# back. Instructions are counted (icount). Seconds and interrupts are those of a machine with two emulated CPUs. The virtual
# machine boots the kernel plain with nothing but a shell that sleeps, in the least memory in which it does so; QEMU emulates
# here, so that its own memory contains translated code. That of the guest alone is told apart.
#
# Structures are those of the objects of which the kernels were built: their sources are compiled once more, by the commands
# which the build has kept, with an array as large as each structure.
#
# The table goes to the terminal and out/bench/footprint.txt, all figures and what they depend on to
# out/bench/footprint.json. All is reported, nothing judged; exit status 1 when it could not be measured, or when memory or
# owners are left over.
#
# usage: footprint.sh [OPTION...]
#   --kernel NAME=BZIMAGE   that image for mainline or plain, instead of building it
#   --quick                 1000 namespaces instead of 10,000, and 5 seconds of each idle machine instead of 30
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=scripts/queue.sh
. "$ROOT/scripts/queue.sh"
# shellcheck source=bench/lib.sh
. "$ROOT/bench/lib.sh"

number=10000 seconds=30 owners=1000
# MiB, tried in this order.
sizes=(32 40 48 56 64 96 128)
while [[ $# -gt 0 ]]; do
	case $1 in
	--kernel) need_value "$@"; take_image "$2"; shift 2 ;;
	--quick) whole=0 number=1000 seconds=5; shift ;;
	-h | --help) print_usage; exit 0 ;;
	*) die "unknown argument '$1' (--help lists them)" ;;
	esac
done

# boot NAME WHAT OPTION...: facts into NAME.WHAT of the working directory
boot()
{
	local name=$1 what=$2 dir=$OUT/bench/footprint/$1-$2
	shift 2

	say "$name: $what"
	boot_kernel "$name" footprint footprint "$dir" "$@"
	# Slept by the guest's clock, and how long the boot took by that of this machine.
	if [[ $what = idle ]]; then
		awk -v guest="$(fact "$dir/files/footprint.facts" idle-seconds)" -v host="$(fact "$dir/result" seconds)" \
			'BEGIN { exit guest > host }' || die "$name: the guest slept longer than it ran: its clock is not to be trusted"
	fi
	cp "$dir/files/footprint.facts" "$work/$name.$what"
}

# An object, and the structures which its source knows
structures='kernel/time/hrtimer	hrtimer hrtimer_sleeper
kernel/time/posix-timers	k_itimer
kernel/time/alarmtimer		alarm
fs/timerfd			timerfd_ctx
io_uring/timeout		io_timeout_data
kernel/time/namespace		time_namespace'

# A guest with nothing in it: busybox, and a first process which says who it is and sleeps.
make_guest()
{
	local root=$work/guest busybox

	busybox=$(type -P busybox) || die "busybox is not installed (scripts/setup.sh)"
	mkdir -p "$root"/{bin,proc,dev}
	cp -L "$busybox" "$root/bin/busybox"
	cat > "$root/init" <<'END'
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox echo "idle: $(/bin/busybox uname -r)"
exec /bin/busybox sleep 1000000
END
	chmod +x "$root/init"
	(cd "$root" && find . -mindepth 1 | LC_ALL=C sort | cpio -o -H newc --quiet --owner=+0:+0) > "$work/guest.cpio"
}

# start_vm MIB: sets vm; true when the guest sleeps, false when it does not boot in so little
start_vm()
{
	local mib=$1 waited=0

	rm -f "$work/console"
	# no5lvl: as in all boots here (scripts/boot.sh).
	"$QEMU_UP" -machine q35 -cpu max,la57=off -m "${mib}M" -smp 1 -nodefaults -no-user-config -display none -no-reboot \
		-kernel "${image[plain]}" -initrd "$work/guest.cpio" -accel tcg -rtc base=utc,clock=vm \
		-append "console=ttyS0 no5lvl panic=-1 tsc=reliable rdinit=/init" \
		-serial "file:$work/console" < /dev/null > "$work/qemu.log" 2>&1 &
	vm=$!
	while ((waited < 60)); do
		if grep -a -q "^idle: ${release[plain]}" "$work/console" 2> /dev/null; then
			return 0
		fi
		[[ -d /proc/$vm ]] || break
		sleep 1
		waited=$((waited + 1))
	done
	stop_vm
	return 1
}

stop_vm()
{
	[[ -n $vm ]] || return 0
	kill "$vm" 2> /dev/null || true
	wait "$vm" 2> /dev/null || true
	vm=
}

# Of all threads together.
switches()
{
	cat "/proc/$vm/task"/*/status | awk '$1 ~ /^(non)?voluntary_ctxt_switches:$/ { sum += $2 } END { printf "%.0f\n", sum }'
}

# User and system, in clock ticks; the name of the process may contain blanks.
cpu_time()
{
	sed 's/^.*) //' "/proc/$vm/stat" | awk '{ print $12 + $13 }'
}

# Bytes of a line of smaps_rollup.
rollup()
{
	awk -v key="$1:" '$1 == key { print $2 * 1024; found = 1 } END { exit !found }' "/proc/$vm/smaps_rollup" ||
		die "no '$1' in /proc/$vm/smaps_rollup"
}

# What the guest itself has touched of its memory: one mapping, of exactly that size.
guest_memory()
{
	awk -v kib="$(($1 * 1024))" '
		$1 == "Size:" { right = $2 == kib }
		$1 == "Rss:" && right { print $2 * 1024; found++ }
		END { exit found != 1 }' "/proc/$vm/smaps" || die "not one mapping of $1 MiB in /proc/$vm/smaps"
}

# Facts of the idle machine: "vm KEY VALUE"
idle_vm()
{
	local mib chosen='' before after start time

	make_guest
	for mib in "${sizes[@]}"; do
		if start_vm "$mib"; then
			chosen=$mib
			break
		fi
		say "the virtual machine does not boot in $mib MiB"
	done
	[[ -n $chosen ]] || die "the virtual machine boots in none of ${sizes[*]} MiB: $(tail -n 1 "$work/console")"
	say "an idle virtual machine of $chosen MiB, $seconds s"
	sleep 10
	before=$(switches)
	time=$(cpu_time)
	start=$(date +%s.%N)
	sleep "$seconds"
	after=$(switches)
	time=$(($(cpu_time) - time))
	awk -v start="$start" -v end="$(date +%s.%N)" -v switches=$((after - before)) -v ticks="$time" \
		-v hz="$(getconf CLK_TCK)" 'BEGIN {
			took = end - start
			printf "vm wake-ups %.1f\nvm cpu %.2f\n", switches / took, ticks / hz / took * 100
		}' > "$work/vm"
	printf 'vm size %s\nvm rss %s\nvm pss %s\nvm guest %s\n' $((chosen * 1048576)) "$(rollup Rss)" "$(rollup Pss)" \
		"$(guest_memory "$chosen")" >> "$work/vm"
	stop_vm
}

# size STRUCTURE BYTES; memory STATE ALL SLAB DESCRIPTOR; timer SLAB CHARGED; left BYTES; life STEP N; many NUMBER UNIT MAKE END SECONDS;
# idle STATE OWNERS TIMER CALLS RESCHED PASSES; vm KEY VALUE
figures()
{
	awk -v OFS='\t' '
		FNR == 1 { mainline = FILENAME ~ /\/mainline\.[a-z]+$/; kind = FILENAME; sub(/^.*\./, "", kind) }
		function figure(value, unit, name) { print value, unit, name }
		BEGIN {
			label["follow,never-entered"] = "follow, never entered"
			label["follow,entered"] = "follow"
			label["own"] = "own"
			label["own,steered"] = "own, steered"
			label["own,smearing"] = "own, smearing"
			label["own,armed-timer"] = "own, a timer armed"
			word["create"] = "create"
			word["open"] = "open a descriptor"
			word["enter"] = "enter"
			word["leave"] = "leave"
			word["destroy"] = "destroy"
			word["fork-into"] = "fork into"
			word["leave-forked"] = "leave to the child"
			word["exit-last"] = "exit of the last process"
			word["fork-again"] = "fork in the same"
			word["own"] = "own"
			word["enter-own"] = "enter, own"
			word["leave-own"] = "leave, own"
			word["destroy-own"] = "destroy, own"
			state["none"] = "no owner"
			state["one"] = "one owner"
			state["one-steered"] = "one owner, steered"
		}
		$1 == "memory" && mainline && $2 == "follow,entered" {
			all = $3; slab = $4
			figure($3, "bytes", "memory: namespace, mainline")
			figure($4, "bytes", "memory: namespace, mainline, slabs")
			figure($5, "bytes", "memory: descriptor of a namespace, mainline")
		}
		$1 == "memory" && !mainline && $2 in label {
			figure($3, "bytes", "memory: namespace, " label[$2])
			figure($4, "bytes", "memory: namespace, " label[$2] ", slabs")
			figure(sprintf("%.1f", $3 - all), "bytes", "memory: beyond mainline, " label[$2])
			if ($2 == "own")
				figure($5, "bytes", "memory: descriptor of a namespace")
		}
		$1 == "size" { figure($3, "bytes", "size: struct " $2 (mainline ? ", mainline" : "")) }
		$1 == "timer" { figure($2, "bytes", "memory: armed timerfd" (mainline ? ", mainline" : ", own")) }
		$1 == "left" { figure($2, "bytes", "memory: left after all were destroyed" (mainline ? ", mainline" : "")) }
		$1 == "life" { figure($3, "instructions", word[$2] (mainline ? ", mainline" : "")) }
		$1 == "many" {
			what = $2 " namespaces created, " (mainline ? "entered" : "owned") " and destroyed" (mainline ? ", mainline" : "")
			if (kind == "count")
				figure($4 + $5, "instructions", what)
			else
				figure($6, "s", what ", two emulated CPUs")
		}
		$1 == "idle" {
			what = $2 in state ? state[$2] : $3 " owners" ($2 == "steered" ? ", steered" : "")
			figure($4, "1/s", (mainline ? "mainline " : "") "idle machine, " what ": timer interrupts")
			figure($5 + $6, "1/s", (mainline ? "mainline " : "") "idle machine, " what ": interrupts between CPUs")
		}
		$1 == "vm" && $2 == "pss" { figure($3, "bytes", "idle VM: memory") }
		$1 == "vm" && $2 == "rss" { figure($3, "bytes", "idle VM: resident memory") }
		$1 == "vm" && $2 == "guest" { figure($3, "bytes", "idle VM: memory of the guest alone") }
		$1 == "vm" && $2 == "size" { figure($3, "bytes", "idle VM: memory given to the guest") }
		$1 == "vm" && $2 == "wake-ups" { figure($3, "1/s", "idle VM: wake-ups") }
		$1 == "vm" && $2 == "cpu" { figure($3, "%", "idle VM: share of a CPU") }' "$@"
}

value()
{
	awk -F '\t' -v name="$1" '$3 == name { printf "%s", $1; found = 1 } END { exit !found }' "$work/figures" ||
		die "no figure '$1'"
}

# Mainline's, and that of a namespace which follows: rows of name, both, and the difference
against_mainline()
{
	awk -F '\t' -v unit="$1" '
		$3 ~ /, mainline(, slabs)?$/ { mainline[$3] = $1; next }
		{ ours[$3] = $1 }
		function row(name, of_mainline, of_ours) {
			if (!(of_mainline in mainline) || !(of_ours in ours)) {
				printf "no figure \"%s\" or \"%s\"\n", of_mainline, of_ours > "/dev/stderr"
				exit 1
			}
			printf "  %-36s %9s %9s %+8.10g", name, mainline[of_mainline], ours[of_ours], ours[of_ours] - mainline[of_mainline]
			if (unit == "instructions")
				printf "  %.3f", ours[of_ours] / mainline[of_mainline]
			printf "\n"
		}
		END {
			printf "  %-36s %9s %9s %8s\n", unit, "mainline", "follow", "more"
			if (unit == "instructions") {
				n = split("create,open a descriptor,enter,leave,destroy,fork into,leave to the child,exit of the last process,fork in the same", name, ",")
				for (i = 1; i <= n; i++)
					row(name[i], name[i] ", mainline", name[i])
				exit
			}
			row("memory of a namespace", "memory: namespace, mainline", "memory: namespace, follow")
			row("  of that in slabs", "memory: namespace, mainline, slabs", "memory: namespace, follow, slabs")
			n = split("hrtimer,hrtimer_sleeper,alarm,k_itimer,timerfd_ctx,io_timeout_data,time_namespace", name, ",")
			for (i = 1; i <= n; i++)
				row("struct " name[i], "size: struct " name[i] ", mainline", "size: struct " name[i])
		}' "$work/figures"
}

report()
{
	echo "Linux ${version[plain]} under QEMU $(jq -r .qemu "$work/context"), queue $(jq -r '.queue[:12]' "$work/context")${given:+ (kernels given, not built here: ${given[*]})}"
	echo "Memory: bytes charged by the kernel for each of $number namespaces, 8 bytes of accounting in every slab object included"
	echo
	echo "A namespace that follows, against one of the pristine source"
	against_mainline instructions
	cat <<'END'
enter: by setns(), of the first task. fork into: by fork() behind unshare(), from which the child is the first task.
leave to the child: setns() of the parent. exit of the last process: until its parent has waited for it.

END
	against_mainline bytes
	cat <<'END'
What each structure has more is there for the moment in which a namespace gets a clock:
  hrtimer          nothing: the mark is in its padding
  hrtimer_sleeper  on the stack of who sleeps: whose clock it is, and the link, expiry and callback while that namespace owns one
  alarm            the same, and in the same way each structure below, which all have one timer
  k_itimer         the same, from a cache of its own, which has no rounding
  timerfd_ctx      the same, and the link, list and walk of TFD_TIMER_CANCEL_ON_SET, which may be a namespace's
  io_timeout_data  the same
  time_namespace   the pointer to the clock, NULL as long as it follows
Nothing of it can be found elsewhere at that moment: an allocation for each armed timer could fail half-way, or be needed
in an interrupt, and a list instead of the mark would be a lock at each arming.

END
	echo "All figures"
	awk -F '\t' '{ printf "  %14.14s %-13s %s\n", $1, $2, $3 }' "$work/figures"
	echo
	awk -v own="$(value "memory: namespace, own")" -v fd="$(value "memory: descriptor of a namespace")" \
		-v guest="$(value "idle VM: memory of the guest alone")" -v vm="$(value "idle VM: memory")" 'BEGIN {
			printf "One clock by a virtual machine takes %.0f times the memory of one by a namespace and its descriptor", vm / (own + fd)
			printf " (%.0f times by what the guest alone has touched).\n", guest / (own + fd)
		}'
}

kernels=(mainline plain)
build_kernels
require_initramfs
work=$(mktemp -d)
vm=
trap 'stop_vm; rm -rf "$work"' EXIT
mkdir -p "$OUT/bench"
rm -f "$OUT"/bench/footprint.{txt,json}
for name in "${kernels[@]}"; do
	boot "$name" count --arg --number --arg "$number"
	boot "$name" time --no-icount --smp 2 --arg --number --arg "$number"
	boot "$name" idle --no-icount --smp 2 --arg --idle --arg "$seconds" --arg --number --arg "$owners"
done
check_versions
structure_sizes "$BUILD/obj-mainline" "$mainline_tree" <<< "$structures" > "$work/mainline.sizes"
structure_sizes "$BUILD/obj-plain" "$TREE" <<< "$structures" > "$work/plain.sizes"
idle_vm
figures "$work"/{mainline,plain}.{sizes,count,time,idle} "$work/vm" > "$work/figures"
bench_context icount "$(jq -n --argjson number "$number" --argjson seconds "$seconds" --argjson owners "$owners" \
	--arg qemu "$(qemu_version "$QEMU")" '{ qemu_of_two_cpus: $qemu, namespaces: $number, idle_seconds: $seconds, idle_owners: $owners, memory: "2G",
	   note: "memory and instructions by icount; seconds, interrupts and the idle VM by tcg" }')" "${kernels[@]}" > "$work/context"
bench_images > "$work/details"
bench_json footprint "$work/context" "$work/details" < "$work/figures"
report > "$work/footprint.txt"
cp "$work/footprint.txt" "$OUT/bench/"
cat "$OUT/bench/footprint.txt"
say "written to $OUT/bench/: footprint.txt, footprint.json"
