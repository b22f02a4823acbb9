#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A virtual machine of Debian 13 with the packages of make deb: systemd, podman, crun, nspawn, lxc, chrony, linuxptp and tkns. It boots
# from its disk, with an initrd and modules, on the kernel that dpkg installed in it.
#
# usage: vm.sh make      the disk image, out/vm/disk.img: 3 GiB, sparse. Needs out/deb (make deb), and root or sudo
#        vm.sh shell     log in on the console, as root without a password; what is changed stays
#        vm.sh test      boot a copy, run harness/vm/test in it, report
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=archive.sh
. "$(dirname "${BASH_SOURCE[0]}")/archive.sh"
[[ $# -eq 1 && $1 =~ ^(make|shell|test)$ ]] || die "usage: vm.sh make|shell|test"

release=trixie
vm=$OUT/vm
deb=$OUT/deb
parts=$BUILD/vm
packages=(
	init udev dbus kmod initramfs-tools zstd iproute2 iputils-ping procps less nano bash-completion man-db busybox-static jq
	podman crun catatonit uidmap passt netavark aardvark-dns fuse-overlayfs systemd-container lxc docker.io nftables iptables
	dbus-user-session libpam-systemd chrony linuxptp util-linux-extra tzdata openssl cron
)
# The images that the recipes of Documentation/timers/timens-containers.rst start
chrony=(systemd-sysv dbus chrony cron openssl procps)
timesyncd=(systemd-sysv dbus systemd-timesyncd)

as_root()
{
	if [[ $(id -u) = 0 ]]; then "$@"; else sudo "$@"; fi
}

# system NAME PACKAGE...: a Debian with these packages, $parts/NAME.tar. Made when its packages change, and after a month
system()
{
	local name=$1 tar=$parts/$1.tar key archive
	shift

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
	system machine "${packages[@]}"
	system chrony "${chrony[@]}"
	system timesyncd "${timesyncd[@]}"
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
		cp "$3" "$4" "$root/srv/images/"
		cp "$root"/boot/vmlinuz-*-timens "$5/vmlinuz"
		cp "$root"/boot/initrd.img-*-timens "$5/initrd.img"
		chmod 0644 "$5/vmlinuz" "$5/initrd.img"
		truncate -s 6G "$5/new/disk.img"
		mke2fs -q -t ext4 -d "$root" "$5/new/disk.img"
		chown "$6" "$5/new/disk.img" "$5/vmlinuz" "$5/initrd.img"
	' sh "$root" "$ROOT/harness/vm/timens-vm-test.service" "$parts/chrony.tar" "$parts/timesyncd.tar" "$vm" "$(id -u):$(id -g)"
	mv "$dir/disk.img" "$vm/disk.img"
	as_root rm -rf "$dir"
	say "$vm/disk.img, $(du -m "$vm/disk.img" | cut -f1) MiB of 6 GiB used, in $SECONDS s"
}

# boot DISK APPEND OPTION...: the machine, on this terminal or with a log. Emulated on a busy machine, it may find that its timer
# interrupt does not come, where it is merely late: no_timer_check
boot()
{
	local disk=$1 append=$2
	shift 2
	"$QEMU" -machine q35 -cpu max -smp 2 -m 2G -nodefaults -no-reboot -display none \
		-kernel "$vm/vmlinuz" -initrd "$vm/initrd.img" -append "root=/dev/vda rw console=ttyS0 no_timer_check $append" \
		-drive "file=$disk,format=raw,if=virtio" -nic user,model=virtio-net-pci -device virtio-rng-pci "$@"
}

run_test()
{
	local rc=0 status

	[[ -f $vm/disk.img ]] || die "no $vm/disk.img (make vm)"
	rm -f "$vm/test.img" "$vm/test.log" "$vm/console.log"
	cp --sparse=always "$vm/disk.img" "$vm/test.img"
	tar -c -f "$vm/test.tar" -C "$ROOT/harness/vm" .
	# A disk is whole sectors; what tar finds behind its end does not matter.
	truncate -s '%1M' "$vm/test.tar"
	say "booting; the console is in $vm/console.log, the results are in $vm/test.log"
	: > "$vm/test.log"
	tail -n +1 -f "$vm/test.log" --pid $$ 2> /dev/null &
	timeout 7200 env vm="$vm" QEMU="$QEMU" bash -c "$(declare -f boot); boot \"\$@\"" boot "$vm/test.img" 'systemd.wants=timens-vm-test.service loglevel=4' \
		-drive "file=$vm/test.tar,format=raw,if=virtio,readonly=on" \
		-chardev "file,id=log,path=$vm/console.log" -serial chardev:log \
		-device virtio-serial-pci -chardev "file,id=results,path=$vm/test.log" \
		-device virtserialport,chardev=results,name=timens.results < /dev/null || rc=$?
	sleep 1
	kill %1 2> /dev/null || true
	rm -f "$vm/test.img"
	[[ $rc = 0 ]] || die "the machine did not end by itself ($rc), see $vm/console.log"
	status=$(grep -E '^1\.\.[0-9]+$' "$vm/test.log" | tail -n 1 || true)
	[[ -n $status ]] || die "the tests did not end, see $vm/test.log and $vm/console.log"
	[[ $(grep -c -E '^(not )?ok ' "$vm/test.log") = "${status#1..}" ]] || die "the plan says $status, which it is not"
	! grep -q '^not ok' "$vm/test.log" || die "$(grep -c '^not ok' "$vm/test.log") of ${status#1..} failed, see $vm/test.log"
	say "${status#1..} passed in $SECONDS s"
}

case $1 in
make) make_image ;;
shell)
	[[ -f $vm/disk.img ]] || die "no $vm/disk.img (make vm)"
	say "log in as root; poweroff ends it, and so does Ctrl-A X"
	boot "$vm/disk.img" '' -chardev stdio,id=c,mux=on,signal=off -serial chardev:c -mon chardev=c
	;;
test) run_test ;;
esac
