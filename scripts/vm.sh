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
packages=(
	init udev dbus kmod initramfs-tools zstd iproute2 iputils-ping procps less nano bash-completion man-db busybox-static jq
	podman crun uidmap passt netavark aardvark-dns fuse-overlayfs systemd-container lxc
	chrony linuxptp util-linux-extra tzdata
)

as_root()
{
	if [[ $(id -u) = 0 ]]; then "$@"; else sudo "$@"; fi
}

make_image()
{
	local kernel tkns archive root mirrors=() dir=$vm/new

	kernel=$(find "$deb" -name 'linux-image-*-timens_*.deb' 2> /dev/null | sed -n 1p)
	tkns=$(find "$deb" -name 'tkns_*.deb' 2> /dev/null | sed -n 1p)
	[[ -n $kernel && -n $tkns ]] || die "no packages in $deb (make deb)"
	command -v mmdebstrap mke2fs > /dev/null || die "needs mmdebstrap and e2fsprogs (make vm installs them)"
	archive=$(archive_of "$release" bookworm) || die "the machine's apt has no archive of Debian"
	mirrors+=("deb $archive $release main" "deb $archive $release-updates main")
	rm -rf "$dir"
	mkdir -p "$dir"
	root=$dir/root
	# The hooks are told the root directory as $1.
	# shellcheck disable=SC2016
	local hooks=(
		"copy-in '$kernel' '$tkns' /var/cache/apt/archives"
		'chroot "$1" sh -c "DEBIAN_FRONTEND=noninteractive apt-get install -y /var/cache/apt/archives/linux-image-*-timens_*.deb /var/cache/apt/archives/tkns_*.deb"'
		'rm -f "$1"/var/cache/apt/archives/*.deb'
		'chroot "$1" passwd -d root'
		'echo timens > "$1/etc/hostname"'
		'printf "/dev/vda / ext4 errors=remount-ro 0 1\n" > "$1/etc/fstab"'
		'chroot "$1" useradd -m -s /bin/bash user'
		"copy-in '$ROOT/harness/vm/timens-vm-test.service' /etc/systemd/system"
	)
	say "Debian $release from the archive that this machine uses (two to five minutes)"
	as_root mmdebstrap --mode=root --variant=apt --include="$(IFS=,; echo "${packages[*]}")" "${hooks[@]/#/--customize-hook=}" \
		"$release" "$root" "${mirrors[@]}" > "$BUILD/log/vm.log" 2>&1 ||
		{ tail -n 20 "$BUILD/log/vm.log" >&2; die "the system is not made, see $BUILD/log/vm.log"; }
	as_root cp "$(find "$root/boot" -name 'vmlinuz-*-timens')" "$vm/vmlinuz"
	as_root cp "$(find "$root/boot" -name 'initrd.img-*-timens')" "$vm/initrd.img"
	as_root chmod 0644 "$vm/vmlinuz" "$vm/initrd.img"
	truncate -s 3G "$dir/disk.img"
	as_root mke2fs -q -t ext4 -d "$root" "$dir/disk.img"
	as_root chown "$(id -u):$(id -g)" "$dir/disk.img" "$vm/vmlinuz" "$vm/initrd.img"
	mv "$dir/disk.img" "$vm/disk.img"
	as_root rm -rf "$dir"
	say "$vm/disk.img, $(du -m "$vm/disk.img" | cut -f1) MiB of 3 GiB used, in $SECONDS s"
}

# boot DISK APPEND OPTION...: the machine, on this terminal or with a log
boot()
{
	local disk=$1 append=$2
	shift 2
	"$QEMU" -machine q35 -cpu max -smp 2 -m 2G -nodefaults -no-reboot -display none \
		-kernel "$vm/vmlinuz" -initrd "$vm/initrd.img" -append "root=/dev/vda rw console=ttyS0 $append" \
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
	timeout 1800 env vm="$vm" QEMU="$QEMU" bash -c "$(declare -f boot); boot \"\$@\"" boot "$vm/test.img" 'systemd.wants=timens-vm-test.service loglevel=4' \
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
