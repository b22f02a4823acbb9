#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A virtual machine of Debian 13 with the packages of make deb: systemd, podman, crun, nspawn, lxc, chrony, linuxptp and tkns. It boots
# from its disk, with an initrd and modules, on the kernel that dpkg installed in it.
#
# usage: vm.sh make            the disk image, out/vm/disk.img: 8 GiB, of which 3 are used. Needs out/deb (make deb), and root or sudo
#        vm.sh shell           log in on the console, as root without a password; what is changed stays
#        vm.sh test [NAME]...  test all, or those of
#           machine            a copy of the disk image: harness/vm/test
#           pair               two copies, one after the other, the second with another clock: harness/vm/pair
#           bookworm trixie    a Debian 12 and 13 as they come, with their own kernel and GRUB, in which the packages are installed
#                              with dpkg -i, run, and removed again: harness/vm/stock
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=archive.sh
. "$(dirname "${BASH_SOURCE[0]}")/archive.sh"
[[ $* =~ ^(make|shell|test(\ (machine|pair|bookworm|trixie))*)$ ]] || die "usage: vm.sh make|shell|test [machine|pair|bookworm|trixie]..."

vm=$OUT/vm
deb=$OUT/deb
parts=$BUILD/vm
packages=(
	init udev dbus kmod initramfs-tools zstd iproute2 iputils-ping procps less nano bash-completion man-db busybox-static jq
	podman crun catatonit uidmap passt netavark aardvark-dns fuse-overlayfs systemd-container lxc docker.io nftables iptables
	apparmor dbus-user-session libpam-systemd chrony linuxptp criu libcriu2 util-linux-extra tzdata openssl cron
)
# The images that the recipes of Documentation/timers/timens-containers.rst start
chrony=(systemd-sysv dbus chrony cron openssl procps)
timesyncd=(systemd-sysv dbus systemd-timesyncd)
ntpsec=(ntpsec ntpsec-ntpdig)
postgresql=(postgresql)
# A machine as it comes, of any release, and what tkns depends on: there is no network, and dpkg -i fetches nothing
stock=(init udev dbus kmod initramfs-tools zstd linux-image-cloud-amd64 grub-pc procps jq)

as_root()
{
	if [[ $(id -u) = 0 ]]; then "$@"; else sudo "$@"; fi
}

# system NAME RELEASE PACKAGE...: a Debian with these packages, $parts/NAME.tar. Made when its packages change, and after a month
system()
{
	local name=$1 release=$2 tar=$parts/$1.tar key archive
	shift 2

	key="$release $*"
	if [[ -f $tar.key && $(< "$tar.key") = "$key" && -n $(find "$tar" -mtime -30 2> /dev/null) ]]; then
		return
	fi
	command -v mmdebstrap > /dev/null || die "needs mmdebstrap (make vm installs it)"
	archive=$(archive_of "$release" bookworm) || die "the machine's apt has no archive of Debian"
	say "$name: Debian $release with $# packages, from the archive that this machine uses"
	mkdir -p "$parts"
	rm -f "$tar.key"
	as_root mmdebstrap --mode=root --variant=apt --include="$(IFS=,; echo "$*")" "$release" "$tar" \
		"deb $archive $release main" "deb $archive $release-updates main" > "$BUILD/log/vm-$name.log" 2>&1 ||
		{ tail -n 20 "$BUILD/log/vm-$name.log" >&2; die "the system is not made, see $BUILD/log/vm-$name.log"; }
	as_root chown "$(id -u):$(id -g)" "$tar"
	printf '%s\n' "$key" > "$tar.key"
}

# inside ROOT COMMAND...: in the system that is being made, with what its programs expect of a machine
inside()
{
	local root=$1
	shift
	# shellcheck disable=SC2016
	as_root unshare --mount --pid --fork --kill-child sh -euc '
		root=$1; shift
		mount --make-rprivate /
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs tmpfs "$root/run"
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
	' sh "$root" "$@"
}

make_image()
{
	local kernel tkns root dir=$vm/new

	kernel=$(find "$deb" -name 'linux-image-*-timens_*.deb' 2> /dev/null | sed -n 1p)
	tkns=$(find "$deb" -name 'tkns_*.deb' 2> /dev/null | sed -n 1p)
	[[ -n $kernel && -n $tkns ]] || die "no packages in $deb (make deb)"
	command -v mke2fs > /dev/null || die "needs e2fsprogs (make vm installs it)"
	mkdir -p "$BUILD/log"
	system machine trixie "${packages[@]}"
	system chrony trixie "${chrony[@]}"
	system timesyncd trixie "${timesyncd[@]}"
	system ntpsec trixie "${ntpsec[@]}"
	system postgresql trixie "${postgresql[@]}"
	as_root rm -rf "$dir"
	mkdir -p "$dir"
	root=$dir/root
	as_root mkdir "$root"
	say "installing $(basename "$kernel") and $(basename "$tkns")"
	as_root tar -x -f "$parts/machine.tar" -C "$root"
	as_root cp "$kernel" "$tkns" "$root/var/cache/apt/archives/"
	inside "$root" sh -euc 'dpkg -i /var/cache/apt/archives/linux-image-*.deb /var/cache/apt/archives/tkns_*.deb
		rm /var/cache/apt/archives/*.deb
		passwd -d root
		useradd -m -s /bin/bash user
		systemctl enable systemd-networkd
		# Its socket starts it when it is asked for: emulated, that takes minutes
		systemctl disable docker.service containerd.service' > "$BUILD/log/vm.log" 2>&1 ||
		{ tail -n 20 "$BUILD/log/vm.log" >&2; die "the packages cannot be installed, see $BUILD/log/vm.log"; }
	# shellcheck disable=SC2016
	as_root sh -euc '
		root=$1
		echo timens > "$root/etc/hostname"
		echo "127.0.1.1 timens" >> "$root/etc/hosts"
		printf "/dev/vda / ext4 errors=remount-ro 0 1\n" > "$root/etc/fstab"
		# The card of QEMU, whose own network has a name server
		printf "[Match]\nDriver=virtio_net\n\n[Network]\nDHCP=ipv4\n" > "$root/etc/systemd/network/vm.network"
		echo "nameserver 10.0.2.3" > "$root/etc/resolv.conf"
		cp "$2" "$root/etc/systemd/system/"
		mkdir "$root/srv/images"
		for image in chrony timesyncd ntpsec postgresql; do
			cp "$3/$image.tar" "$root/srv/images/"
		done
		cp "$root"/boot/vmlinuz-*-timens "$4/vmlinuz"
		cp "$root"/boot/initrd.img-*-timens "$4/initrd.img"
		chmod 0644 "$4/vmlinuz" "$4/initrd.img"
		truncate -s 8G "$4/new/disk.img"
		mke2fs -q -t ext4 -d "$root" "$4/new/disk.img"
		chown "$5" "$4/new/disk.img" "$4/vmlinuz" "$4/initrd.img"
	' sh "$root" "$ROOT/harness/vm/timens-vm-test.service" "$parts" "$vm" "$(id -u):$(id -g)"
	mv "$dir/disk.img" "$vm/disk.img"
	as_root rm -rf "$dir"
	say "$vm/disk.img, $(du -m "$vm/disk.img" | cut -f1) MiB of 8 GiB used, in $SECONDS s"
}

# Emulated on a busy machine, it may find that its timer interrupt does not come, where it is merely late: no_timer_check
hardware=(-machine q35 -cpu max -smp 2 -m 2G -nodefaults -display none -nic "user,model=virtio-net-pci" -device virtio-rng-pci)

# stock_image RELEASE: $vm/test.img, a partition of Debian as it comes and GRUB in front of it. The configuration which GRUB starts the
# first time is what update-grub makes later, where there is a device to look at.
stock_image()
{
	local root dir=$vm/new-$1

	system "stock-$1" "$1" "${stock[@]}"
	as_root rm -rf "$dir"
	mkdir -p "$dir"
	root=$dir/root
	as_root mkdir "$root"
	as_root tar -x -f "$parts/stock-$1.tar" -C "$root"
	# shellcheck disable=SC2016
	as_root sh -euc '
		root=$1
		echo stock > "$root/etc/hostname"
		echo "127.0.1.1 stock" >> "$root/etc/hosts"
		printf "/dev/vda1 / ext4 errors=remount-ro 0 1\n" > "$root/etc/fstab"
		options="console=ttyS0 no_timer_check loglevel=4 systemd.wants=timens-vm-test.service"
		printf "%s\n" GRUB_TIMEOUT=0 GRUB_TERMINAL=console GRUB_DISABLE_LINUX_UUID=true "GRUB_CMDLINE_LINUX=\"$options\"" >> "$root/etc/default/grub"
		cp "$2" "$root/etc/systemd/system/"
		mkdir -p "$root/boot/grub"
		cp -r "$root/usr/lib/grub/i386-pc" "$root/boot/grub/"
		printf "%s\n" "linux /$(cd "$root" && echo boot/vmlinuz-*) root=/dev/vda1 ro $options" \
			"initrd /$(cd "$root" && echo boot/initrd.img-*)" boot > "$root/boot/grub/grub.cfg"
		chroot "$root" grub-mkimage -O i386-pc -o /tmp/core.img -p "(hd0,msdos1)/boot/grub" biosdisk part_msdos ext2
		truncate -s 4G "$3/disk.img"
		printf "2048,,L,*\n" | /sbin/sfdisk -q "$3/disk.img"
		# The code of the boot sector, in front of the partitions, and right behind it what it loads
		dd if="$root/boot/grub/i386-pc/boot.img" of="$3/disk.img" bs=440 count=1 conv=notrunc status=none
		dd if="$root/tmp/core.img" of="$3/disk.img" bs=512 seek=1 conv=notrunc status=none
		rm "$root/tmp/core.img"
		/sbin/mke2fs -q -t ext4 -O ^metadata_csum_seed,^orphan_file -E offset=1048576 -d "$root" "$3/disk.img" $((4095 * 1024))k
		chown "$4" "$3/disk.img"
	' sh "$root" "$ROOT/harness/vm/timens-vm-test.service" "$dir" "$(id -u):$(id -g)"
	mv "$dir/disk.img" "$vm/test.img"
	as_root rm -rf "$dir"
}

# run_machine NAME SCRIPT OPTION...: run harness/vm/SCRIPT in the machine whose disk is $vm/test.img. The verdict is of its results, each of
# which is there
run_machine()
{
	local name=$1 script=$2 log=$vm/$1.log console=$vm/$1.console rc=0 start=$SECONDS status
	shift 2

	rm -f "$log" "$console"
	cp "$ROOT/harness/vm/lib.sh" "$vm/stage/"
	cp "$ROOT/harness/vm/$script" "$vm/stage/test"
	tar -c -f "$vm/test.tar" -C "$vm/stage" .
	rm -r "$vm/stage"
	# A disk is whole sectors; what tar finds behind its end does not matter.
	truncate -s '%1M' "$vm/test.tar"
	say "$name: booting; the console is in $console, the results are in $log"
	: > "$log"
	tail -n +1 -f "$log" --pid $$ 2> /dev/null &
	timeout 7200 "$QEMU" "${hardware[@]}" -drive "file=$vm/test.img,format=raw,if=virtio" \
		-drive "file=$vm/test.tar,format=raw,if=virtio,readonly=on" \
		-chardev "file,id=log,path=$console" -serial chardev:log \
		-device virtio-serial-pci -chardev "file,id=results,path=$log" \
		-device virtserialport,chardev=results,name=timens.results "$@" < /dev/null || rc=$?
	sleep 1
	kill %% 2> /dev/null || true
	rm -f "$vm/test.img" "$vm/test.tar"
	[[ $rc = 0 ]] || die "the machine did not end by itself ($rc), see $console"
	status=$(grep -E '^1\.\.[0-9]+$' "$log" | tail -n 1 || true)
	[[ -n $status ]] || die "the tests did not end, see $log and $console"
	[[ $(grep -c -E '^(not )?ok ' "$log") = "${status#1..}" ]] || die "the plan says $status, which it is not"
	! grep -q '^not ok' "$log" || die "$(grep -c '^not ok' "$log") of ${status#1..} failed, see $log"
	say "$name: ${status#1..} passed in $((SECONDS - start)) s"
}

# The machine of make vm starts what is beside its disk
own_kernel=(-no-reboot -kernel "$vm/vmlinuz" -initrd "$vm/initrd.img"
	-append 'root=/dev/vda rw console=ttyS0 no_timer_check systemd.wants=timens-vm-test.service loglevel=4')

copy_disk()
{
	[[ -f $vm/disk.img ]] || die "no $vm/disk.img (make vm)"
	cp --sparse=always "$vm/disk.img" "$vm/test.img"
}

run_test()
{
	local role

	rm -rf "$vm/test.img" "$vm/stage"
	mkdir -p "$vm/stage"
	case $1 in
	machine)
		copy_disk
		run_machine machine test "${own_kernel[@]}"
		;;
	pair)
		truncate -s 1G "$vm/over.img"
		for role in from to; do
			mkdir -p "$vm/stage"
			echo "$role" > "$vm/stage/role"
			copy_disk
			run_machine "pair-$role" pair "${own_kernel[@]}" -drive "file=$vm/over.img,format=raw,if=virtio" \
				-rtc "base=$(date -u -d "$([[ $role = from ]] && echo now || echo '3 days')" +%FT%T)"
		done
		rm "$vm/over.img"
		;;
	*)
		[[ -n $(find "$deb" -name 'linux-image-*-timens_*.deb' 2> /dev/null) ]] || die "no packages in $deb (make deb)"
		stock_image "$1"
		cp "$deb"/*.deb "$vm/stage/"
		run_machine "$1" stock
		;;
	esac
}

case $1 in
make) make_image ;;
shell)
	[[ -f $vm/disk.img ]] || die "no $vm/disk.img (make vm)"
	say "log in as root; poweroff ends it, and so does Ctrl-A X"
	"$QEMU" "${hardware[@]}" -no-reboot -kernel "$vm/vmlinuz" -initrd "$vm/initrd.img" -append 'root=/dev/vda rw console=ttyS0 no_timer_check' \
		-drive "file=$vm/disk.img,format=raw,if=virtio" -chardev stdio,id=c,mux=on,signal=off -serial chardev:c -mon chardev=c
	;;
test)
	mkdir -p "$vm" "$BUILD/log"
	names=("${@:2}") failed=()
	[[ ${#names[@]} -gt 0 ]] || names=(bookworm trixie machine pair)
	if [[ ${#names[@]} = 1 ]]; then
		run_test "${names[0]}"
		exit
	fi
	for name in "${names[@]}"; do
		"$0" test "$name" || failed+=("$name")
	done
	[[ ${#failed[@]} = 0 ]] || die "failed: ${failed[*]}"
	;;
esac
