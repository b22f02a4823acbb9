#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Tests of how a kernel source is chosen and how the queue meets it, with an archive, packages and a kernel that are made up. Results
# are KTAP.
#
# The machine is asked for nothing: apt, dpkg and the emulator are stubs, the kernel has four files.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
# shellcheck source=tests/ktap.sh
. "$ROOT/tests/ktap.sh"
[[ $# -eq 0 ]] || die "unknown argument '$1'"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export STUB=$work/stub
repo=$work/repo
mkdir -p "$STUB" "$work/bin" "$repo/patches" "$repo/kernel" "$work/src"
cp -r "$ROOT/scripts" "$ROOT/tests" "$repo/"
package=linux-source-6.12

# What the stubs say: targets (package lists of the machine's apt), offered and elsewhere (what its lists and those of other releases
# have), installed (a version), archive/VERSION.tar.xz; and calls is what was asked of apt-get.
cat > "$work/bin/apt-get" <<'END'
#!/bin/bash
set -euo pipefail
own=0
for word in "$@"; do
	case $word in
	Dir::Etc::SourceList=*) own=1 list=${word#*=} ;;
	esac
done
case " $* " in
*' indextargets '*) cat "$STUB/targets" ;;
*' update '*)
	[[ $own = 0 ]] || cat "$list" > "$STUB/asked"
	echo "update $own" >> "$STUB/calls"
	[[ ! -e $STUB/unreachable ]]
	;;
*' download '*)
	version=${*: -1}
	version=${version#*=}
	echo "download $version $own" >> "$STUB/calls"
	[[ ! -e $STUB/unreachable && -f $STUB/archive/$version.tar.xz ]]
	grep -q "^$version " "$STUB/$([[ $own = 1 ]] && echo elsewhere || echo offered)"
	echo "$version" > "linux-source-6.12_${version}_all.deb"
	;;
*' install '*) echo "$*" | sed 's/.*--no-install-recommends/install/' >> "$STUB/calls"; touch "$STUB/has-all" ;;
*) echo "apt-get stub: $*" >&2; exit 1 ;;
esac
END
cat > "$work/bin/apt-cache" <<'END'
#!/bin/bash
set -euo pipefail
[[ " $* " == *' madison linux-source-6.12 '* ]]
file=$STUB/offered
[[ $* != *Dir::Etc::SourceList=* ]] || file=$STUB/elsewhere
while read -r version suite; do
	echo " linux-source-6.12 | $version | http://mirror.example/archive $suite/main amd64 Packages"
done < "$file"
END
cat > "$work/bin/dpkg-query" <<'END'
#!/bin/bash
set -euo pipefail
shift 3
for word in "$@"; do
	if [[ $word = linux-source-6.12 ]]; then
		[[ ! -s $STUB/installed ]] || echo "$(cat "$STUB/installed") installed"
	elif [[ -e $STUB/has-all ]]; then
		echo "$word installed"
	fi
done
END
cat > "$work/bin/dpkg-deb" <<'END'
#!/bin/bash
set -euo pipefail
dir=$(mktemp -d)
mkdir -p "$dir/usr/src"
cp "$STUB/archive/$(cat "$2").tar.xz" "$dir/usr/src/linux-source-6.12.tar.xz"
tar -C "$dir" -c ./usr
rm -rf "$dir"
END
printf '#!/bin/sh\necho "QEMU emulator version 10.0.2"\n' > "$work/bin/qemu-system-x86_64"
printf '#!/bin/sh\nexit 1\n' > "$work/bin/no-cc"
chmod +x "$work"/bin/*
export PATH=$work/bin:$PATH OS_RELEASE=$work/os-release SOURCE_ROOT=$work/root
unset LINUX_SRC BASE AS_IS DISCARD FORCE TREE
printf 'VERSION_ID="12"\nVERSION_CODENAME=bookworm\n' > "$OS_RELEASE"

# here VERSION: a kernel of that version in $work/src/VERSION. 6.12.113 and 6.12.118 have changed what the queue touches, 6.12.119
# has changed the very line.
kernel()
{
	local dir=$work/src/$1 i

	mkdir -p "$dir/kernel" "$dir/lib"
	printf 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = %s\nEXTRAVERSION =\n' "${1##*.}" > "$dir/Makefile"
	echo '*.c diff=cpp' > "$dir/.gitattributes"
	for i in {1..30}; do echo "int line$i;"; done > "$dir/kernel/a.c"
	cp "$dir/kernel/a.c" "$dir/kernel/b.c"
	echo "int lib;" > "$dir/lib/c.c"
	# Lines move, which is no difference
	[[ ${1##*.} -lt 118 ]] || sed -i '1i int first;' "$dir/kernel/a.c" "$dir/kernel/b.c"
	[[ ${1##*.} -lt 118 ]] || sed -i 's/int line12;/long line12;/' "$dir/kernel/b.c"
	[[ ${1##*.} -gt 113 ]] || sed -i 's/int line8;/long line8;/' "$dir/kernel/b.c"
	[[ ${1##*.} -lt 119 ]] || sed -i 's/int line20;/long line20;/' "$dir/kernel/a.c"
}

# The queue: two patches to what moves or changes
queue()
{
	local git=(git -C "$work/queue" -c user.name=q -c user.email=q@localhost -c core.abbrev=12) names name

	cp -r "$work/src/6.12.117" "$work/queue"
	"${git[@]}" init -q
	"${git[@]}" add -A
	"${git[@]}" commit -q -m base
	sed -i 's/int line20;/int line20 = 1;/' "$work/queue/kernel/a.c"
	"${git[@]}" commit -q -a -m 'a: Change line 20'
	sed -i 's/int line10;/int line10 = 1;/' "$work/queue/kernel/b.c"
	"${git[@]}" commit -q -a -m 'b: Change line 10'
	names=(a-change-line-20.patch b-change-line-10.patch)
	"${git[@]}" format-patch -q -1 -N --zero-commit --no-signature --stdout HEAD~ > "$repo/patches/${names[0]}"
	"${git[@]}" format-patch -q -1 -N --zero-commit --no-signature --stdout HEAD > "$repo/patches/${names[1]}"
	printf '%s\n' '# heading' "${names[0]}" '' '# another' "${names[1]}" > "$repo/patches/series"
	echo 'int overlay;' > "$repo/kernel/new.c"
}

# The series without variants, as a line
headings()
{
	grep -v / "$repo/patches/series" | xargs -d '\n' echo | tr -s ' '
}

bases()
{
	printf '%s\n' '# the list' "$@" > "$repo/patches/BASES"
}

# here FILE LINE...: that is what a stub says
here()
{
	local file=$STUB/$1
	shift
	printf '%s\n' "$@" | sed '/^$/d' > "$file"
}

# A machine on which all but the kernel source is there
machine()
{
	local file version

	rm -rf "$STUB" "$work/build"
	mkdir -p "$STUB/archive" "$work/build/debs/chrony/usr/sbin" "$work/build/debs/ntpsec/usr/sbin" "$SOURCE_ROOT/usr/src"
	cp "$work/bin/no-cc" "$work/build/debs/chrony/usr/sbin/chronyd"
	cp "$work/bin/no-cc" "$work/build/debs/ntpsec/usr/sbin/ntpd"
	mkdir -p "$work/build/debs/criu/usr/sbin" "$work/build/debs/python3-psutil/usr/lib/python3/dist-packages/psutil"
	cp "$work/bin/no-cc" "$work/build/debs/criu/usr/sbin/criu"
	for file in postgresql/usr/lib/postgresql/15/bin/postgres postgresql-client/usr/lib/postgresql/15/bin/psql \
		redis-server/usr/bin/redis-server redis-tools/usr/bin/redis-cli cron/usr/sbin/cron logrotate/usr/sbin/logrotate \
		systemd-standalone-tmpfiles/usr/share/man/man8/systemd-tmpfiles.8.gz faketime/usr/bin/faketime \
		systemd/usr/share/systemd/x dbus/usr/share/doc/dbus/x dbus-system-bus-common/usr/share/dbus-1/system.conf; do
		mkdir -p "$work/build/debs/${file%/*}"
		cp "$work/bin/no-cc" "$work/build/debs/$file"
	done
	touch "$STUB/has-all" "$STUB/calls" "$STUB/offered" "$STUB/elsewhere" "$SOURCE_ROOT/usr/src/$package.tar.xz"
	here targets 'http://other.example/archive/ bookworm bookworm contrib' 'http://mirror.example/archive/ bookworm bookworm main' \
		'http://mirror.example/security/ bookworm-security bookworm-security main' 'http://tool.example/ ./ ./ main'
	for version in 6.12.117-1 6.12.118-1 '6.12.118-1~deb12u1' 6.12.118-2; do
		echo "source $version" > "$STUB/archive/$version.tar.xz"
	done
	bases 6.12.117-1\ trunk
}

# setup WORD...: and what was chosen, and asked of apt-get
setup()
{
	local rc=0

	BUILD=$work/build "$repo/scripts/setup.sh" "$@" || rc=$?
	[[ ! -f $work/build/source ]] || sed "s,$work,,; s/^/source: /" "$work/build/source"
	sed 's/^/call: /' "$STUB/calls"
	[[ ! -f $STUB/asked ]] || sed -E 's/^deb (\[.*\] )? */asked: /' "$STUB/asked"
	return "$rc"
}

choice()
{
	machine
	here offered '6.12.117-1 bookworm-security'
	expect "the only source that is offered" 0 '^source: 6\.12\.117-1 /build/debs/linux-source-6\.12/6\.12\.117-1\.tar\.xz$' setup
	expect "is downloaded once" 0 '!^call: download.*download' setup
	expect "and that is all" 0 'setup: nothing to install' setup

	machine
	here offered '6.12.117-1 bookworm-security' '6.12.118-1 bookworm-security'
	expect "not the newest, which the queue is not known to fit" 0 '^source: 6\.12\.117-1 ' setup
	rm "$work/build/source"
	expect "which is said" 0 'note: there is a newer linux-source-6\.12 6\.12\.118-1.*taking 6\.12\.117-1.*BASE=6\.12\.118-1 takes it' setup
	machine
	here offered '6.12.117-1 bookworm-security' '6.12.118-1 bookworm-security'
	bases '6.12.117-1 trunk' 6.12.118-1
	expect "the newest of two that it fits" 0 '^source: 6\.12\.118-1 ' setup
	rm "$work/build/source"
	expect "of which nothing is said" 0 '!note:' setup
	machine
	bases '6.12.117-1 trunk' 6.12.118-1
	here offered '6.12.117-1 bookworm-security' '6.12.118-1~deb12u1 bookworm-security'
	expect "a rebuild for an older release counts" 0 '^source: 6\.12\.118-1~deb12u1 ' setup
	machine
	bases '6.12.117-1 trunk' 6.12.118-1
	here offered '6.12.117-1 bookworm-security' '6.12.118-2 bookworm-security'
	expect "a newer revision does not" 0 '^source: 6\.12\.117-1 ' setup

	machine
	here offered '6.12.117-1 bookworm-security' '6.12.118-1 bookworm-security'
	export BASE=6.12.118
	expect "BASE takes it all the same" 0 '^source: 6\.12\.118-1 ' setup
	rm "$work/build/source"
	expect "and that is said" 0 'BASE: taking linux-source-6\.12 6\.12\.118-1, which the queue is not known to fit' setup
	expect "once" 0 'nothing to install' setup
	BASE=6.12.999
	expect "BASE that nobody offers" 1 "no linux-source-6\.12 of version '6\.12\.999' \(there is: 6\.12\.117-1 6\.12\.118-1" setup
	unset BASE

	machine
	here offered '6.12.118-1 bookworm-security'
	here elsewhere '6.12.117-1 trixie-security'
	expect "what only another release of Debian has" 0 '^source: 6\.12\.117-1 ' setup
	expect "asked of the machine's archive" 0 '^asked: http://mirror\.example/archive/ trixie main$' cat_asked
	expect "of that of security updates" 0 '^asked: http://mirror\.example/security/ trixie-security main$' cat_asked
	expect "and of no other" 0 '!(other|tool)\.example' cat_asked

	machine
	here offered '6.12.118-1 bookworm-security'
	expect "nothing that it fits, anywhere" 1 'fits none of the versions of linux-source-6\.12 that the archive offers \(6\.12\.118-1 *\); it fits 6\.12\.117-1.*LINUX_SRC=.*make bases FIX=1' setup

	machine
	here offered '6.12.117-1 bookworm-security' '6.12.118-1 bookworm-security'
	here installed 6.12.118-1
	expect "an installed one that it does not fit" 0 '^source: 6\.12\.117-1 /build/debs/' setup
	machine
	here installed 6.12.117-1
	touch "$STUB/unreachable"
	expect "the installed one, without an archive" 0 '^source: 6\.12\.117-1 /root/usr/src/' setup
	rm "$work/build/source"
	expect "which is said, too" 0 'no new package lists' setup
	machine
	here offered '6.12.117-1 bookworm-security'
	touch "$STUB/unreachable"
	expect "an archive that does not answer" 1 'linux-source-6\.12 6\.12\.117-1 cannot be downloaded; LINUX_SRC=' setup

	machine
	LINUX_SRC=/somewhere expect "LINUX_SRC asks for none" 0 '!^source' setup
	LINUX_SRC=/somewhere expect "and calls nobody" 0 '!^call' setup
	mkdir -p "$work/build/linux/.git"
	expect "nor does a tree that is there" 0 '!^call' setup

	machine
	here targets 'http://mirror.example/archive/ oldstable bookworm main'
	here offered '6.12.118-1 bookworm'
	here elsewhere '6.12.117-1 trixie'
	expect "sources that name no release, and no security updates" 0 '^source: 6\.12\.117-1 ' setup
	expect "are asked for what there is" 0 '^asked: http://mirror\.example/archive/ trixie-updates main$' cat_asked
	rm -r "$work/build/source" "$work/build/debs/$package"
	expect "and the rest is said" 0 'no security updates: not looking at trixie-security' setup
}

cat_asked()
{
	sed -E 's/^deb (\[.*\] )? */asked: /' "$STUB/asked"
}

# What compiles the tool needs no kernel's build dependencies.
tool()
{
	machine
	rm "$STUB/has-all"
	CC=gcc expect "a compiler that works is enough for tkns" 0 '!.' setup tkns
	CC=no-cc expect "without one" 0 '^call: install gcc make libc6-dev$' setup tkns
	rm -f "$STUB/has-all"
	CC=no-cc expect "and nothing else is installed" 0 '!qemu|linux|libelf' setup tkns
	rm -f "$STUB/has-all"
	CC=gcc expect "where there is no apt" 0 '!.' setup_with_only gcc
	CC=no-cc expect "nor a compiler" 1 'needed: a C compiler, make and the C library' setup_with_only
}

# setup_with_only PROGRAM...: a machine that is not Debian's
setup_with_only()
{
	local program

	rm -rf "$work/only"
	mkdir "$work/only"
	for program in bash sh make mktemp rm cat sed basename dirname as ld "$@"; do
		ln -s "$(PATH=$work/bin:/usr/bin:/bin type -P "$program")" "$work/only/"
	done
	PATH=$work/only BUILD=$work/build "$repo/scripts/setup.sh" tkns
}

# on VERSION SCRIPT WORD...: one of the scripts, or roundtrip, on a tree of that version
on()
{
	local version=$1 script=$repo/scripts/$2.sh
	[[ $2 != roundtrip ]] || script=$repo/tests/$2.sh
	shift 2
	BUILD=$work/on-$version LINUX_SRC=$work/src/$version "$script" "$@"
}

sums()
{
	(cd "$repo" && find patches kernel -type f -exec sha256sum {} + | LC_ALL=C sort -k 2)
}

# unchanged COMMAND...: and the repository is what it was
unchanged()
{
	local before rc=0

	before=$(sums)
	"$@" || rc=$?
	diff <(echo "$before") <(sums) && return "$rc"
}

line10()
{
	sed -n '/line10/p' "$work/on-$1/linux/kernel/b.c"
}

edit()
{
	local git=(git -C "$work/on-$1/linux" -c user.name=q -c user.email=q@localhost)

	sed -i "$2" "$work/on-$1/linux/$3"
	"${git[@]}" commit -q -a --amend --no-edit
}

variants()
{
	local version

	machine
	for version in 6.12.113 6.12.117 6.12.118 6.12.119; do kernel "$version"; done
	queue
	bases 6.12.113-1 '6.12.117-1 trunk' 6.12.118-1

	expect "the trunk" 0 'Linux 6\.12\.117 with overlay and 2 patches' on 6.12.117 tree
	expect "and back" 0 '2 patches \(0 changed\)' unchanged on 6.12.117 export
	expect "a base which the queue does not fit: the patch, the file and the version" 1 \
		'patches/b-change-line-10\.patch does not apply to Linux 6\.12\.118: kernel/b\.c, near line' on 6.12.118 tree
	expect "what the queue is written against" 1 'written against 6\.12\.117, and fits up to 6\.12\.118-1' on 6.12.118 tree
	expect "and what to do" 1 'make rebase BASE=6\.12\.118' on 6.12.118 tree

	expect "carry the queue over" 0 '^rebase: wrote patches/since-6\.12\.118/b-change-line-10\.patch$' rebase 6.12.118
	expect "which needs that once" 0 '2 patches, 1 of them need' unchanged rebase 6.12.118
	expect "to an older one" 0 '^rebase: wrote patches/until-6\.12\.113/b-change-line-10\.patch$' rebase 6.12.113
	expect "a patch that only moved has no variant" 0 '' test ! -e "$repo/patches/since-6.12.118/a-change-line-20.patch"
	expect "the series says which base takes which" 0 '^since-6\.12\.118/b-change-line-10\.patch for:[0-9a-f]{12}$' cat "$repo/patches/series"

	expect "the tree of the newer one" 0 'Linux 6\.12\.118 with overlay and 2 patches' on 6.12.118 tree
	expect "has the change" 0 '^int line10 = 1;$' line10 6.12.118
	expect "and back" 0 '2 patches \(0 changed\)' unchanged on 6.12.118 export
	expect "strictly, both ways" 0 '!^not ok' on 6.12.118 roundtrip
	expect "the tree of the older one" 0 'Linux 6\.12\.113 with overlay and 2 patches' on 6.12.113 tree
	expect "and back" 0 '2 patches \(0 changed\)' unchanged on 6.12.113 export
	expect "strictly, both ways" 0 '!^not ok' on 6.12.113 roundtrip
	expect "the trunk has none of it" 0 'up to date' on 6.12.117 tree
	expect "strictly, both ways" 0 '!^not ok' on 6.12.117 roundtrip
	touch "$STUB/unreachable"
	expect "every variant is of its patch" 0 '^ok 1 - every variant' on 6.12.117 bases --check
	expect "what is out of reach is skipped, and said" 0 '^ok 3 - the queue applies to the newest source, .* # SKIP the archive is out of reach$' \
		on 6.12.117 bases --check
	rm "$STUB/unreachable"

	# A change on a base is that base's alone.
	edit 6.12.118 's/line10 = 1/line10 = 2/' kernel/b.c
	expect "a change on a base that has a variant" 0 'wrote patches/since-6\.12\.118/b-change-line-10\.patch' on 6.12.118 export
	expect "is not the trunk's" 0 'up to date' on 6.12.117 tree
	expect "nor the older one's" 0 'up to date' on 6.12.113 tree
	edit 6.12.113 's/line25/line25 = 7/' kernel/a.c
	expect "a change on another base" 0 '!since-' on 6.12.113 export
	expect "is in its variant" 0 '^\+int line25 = 7;' cat "$repo/patches/until-6.12.113/b-change-line-10.patch"

	expect "headings are above their patches still" 0 '^# heading a-.*\.patch # another b-.*\.patch$' headings

	# A change of the trunk makes the variants stale.
	edit 6.12.117 's/line10 = 1/line10 = 3/' kernel/b.c
	expect "a change on the trunk makes the variants stale" 0 'patches/until-6\.12\.113/b-change-line-10\.patch was made of an older' on 6.12.117 export
	expect "which the check sees" 1 '^not ok 1 - every variant' on 6.12.117 bases --check
	for version in 6.12.113 6.12.118; do
		expect "made again: $version" 0 "wrote patches/.*$version/b-change-line-10" rebase "$version"
	done
	expect "they have it" 0 '^int line10 = 3;$' tree_then_line10 6.12.113
	for version in 6.12.113 6.12.118; do
		tar -C "$work/src" -cJf "$STUB/archive/$version-1.tar.xz" "$version"
	done
	here elsewhere '6.12.113-1 trixie-security' '6.12.118-1 trixie-security'
	expect "the check is content" 0 '^ok 1 - every variant' on 6.12.117 bases --check
	expect "with the newest" 0 '^ok 3 - the queue applies to the newest source, 6\.12\.118-1$' on 6.12.117 bases --check
	expect "and the oldest" 0 '^ok 4 - the queue applies to the oldest source, 6\.12\.113-1$' on 6.12.117 bases --check
	bases 6.12.113-1 '6.12.117-1 trunk' 6.12.118-1 6.12.119-1
	expect "one that is no longer offered" 0 '^# linux-source-6\.12 6\.12\.119-1 is no longer offered$' on 6.12.117 bases --check
	expect "is none to check" 0 '^ok 3 - the queue applies to the newest source, 6\.12\.118-1$' on 6.12.117 bases --check
	bases 6.12.113-1 '6.12.117-1 trunk' 6.12.118-1
	cp -r "$repo/patches" "$work/patches"
	sed -i 's/^ int line11;/ int line99;/' "$repo/patches/since-6.12.118/b-change-line-10.patch"
	expect "a variant that does not apply" 1 '^not ok 3 - the queue applies to the newest source, 6\.12\.118-1$' on 6.12.117 bases --check
	rm -r "$repo/patches"
	mv "$work/patches" "$repo/patches"

	# What git cannot merge
	expect "a conflict: the patch and both versions" 1 \
		'patches/a-change-line-20\.patch conflicts with Linux 6\.12\.119 .*trunk is 6\.12\.117' rebase 6.12.119
	expect "which waits" 1 'still in conflict in .*6\.12\.119' rebase 6.12.119
	expect "solved" 0 '' solve 6.12.119
	expect "goes on" 0 '^rebase: wrote patches/since-6\.12\.119/a-change-line-20\.patch$' rebase 6.12.119
	expect "has what its neighbour has" 0 '' test ! -e "$repo/patches/since-6.12.119/b-change-line-10.patch"
	expect "and is a base" 0 'Linux 6\.12\.119 with overlay and 2 patches' on 6.12.119 tree
	expect "strictly, both ways" 0 '!^not ok' on 6.12.119 roundtrip

	# New patches are for every base, and are taken away on the trunk.
	expect "the older one again" 0 'Linux 6\.12\.118 with overlay and 2 patches' on 6.12.118 tree
	append 6.12.118 's/line28;/line28 = 5;/' kernel/a.c
	expect "a new patch on a base" 0 '^export: wrote patches/c-change-line-28\.patch$' on 6.12.118 export
	expect "is the trunk's as well" 0 'Linux 6\.12\.117 with overlay and 3 patches' on 6.12.117 tree
	git -C "$work/on-6.12.118/linux" reset -q --hard HEAD~
	expect "to take it away there" 1 'no commit for c-change-line-28\.patch: .*on a tree of the trunk' on 6.12.118 export
	git -C "$work/on-6.12.117/linux" reset -q --hard HEAD~2
	expect "on the trunk the variants go too" 0 'removed patches/since-6\.12\.118/b-change-line-10\.patch' on 6.12.117 export
	expect "from the series as well" 1 '' grep b-change "$repo/patches/series"

	# Lines that cannot be
	echo 'since-6.12.116/a-change-line-20.patch for:123456789abc' >> "$repo/patches/series"
	expect "a variant that is not there" 1 'names .since-6\.12\.116/a-change-line-20\.patch., but' on 6.12.117 tree
	mkdir -p "$repo/patches/since-6.12.116"
	cp "$repo/patches/a-change-line-20.patch" "$repo/patches/since-6.12.116/"
	expect "one that is on the wrong side of the trunk" 1 'is not after the trunk, 6\.12\.117' on 6.12.117 tree
}

rebase()
{
	LINUX_SRC=$work/src/$1 BUILD=$work/on-6.12.117 "$repo/scripts/rebase.sh"
}

tree_then_line10()
{
	on "$1" tree && line10 "$1"
}

append()
{
	sed -i "$2" "$work/on-$1/linux/$3"
	git -C "$work/on-$1/linux" -c user.name=q -c user.email=q@localhost commit -q -a -m 'c: Change line 28'
}

# As a person would
solve()
{
	local dir

	for dir in "$work/on-6.12.117/rebase/$1"*/linux; do
		sed -i -e '/^<<<<<<</d' -e '/^=======/d' -e '/^>>>>>>>/d' -e 's/long line20;/long line20 = 1;/' -e '/int line20/d' "$dir/kernel/a.c"
		git -C "$dir" add -u
		git -C "$dir" -c user.name=q -c user.email=q@localhost -c core.editor=true cherry-pick --continue > /dev/null
	done
}

kernel 6.12.117
choice
tool
variants
ktap_end tests
