#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Everything that reads the code without running it. Results are KTAP; the last line counts.
#
#  - checkpatch --strict on every patch and every overlay file; on the programs of harness and bench and tools/tkns without --strict and kernel-only rules
#  - checkpatch --strict on the messages of the patches that make series makes of the overlay, whose files are checked above; what
#    message.awk says of the messages of all patches; and every patch that the documentation names is one of the queue
#  - sparse (C=2) and W=1 on the files that queue and overlay touch: no warning that the pristine source does not give
#  - files of the queue which the plain configuration leaves out compile in the configuration extra
#  - shellcheck on every shell script
#
# usage: lint.sh [checkpatch|compile|series|shell]...
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=queue.sh
. "$(dirname "${BASH_SOURCE[0]}")/queue.sh"
# shellcheck source=tests/ktap.sh
. "$ROOT/tests/ktap.sh"

work=$BUILD/lint

# Not applicable here: the tree has no history in which the commit of a Fixes line could be found.
ignore=UNKNOWN_COMMIT_ID
# User space has no kernel types, attributes and functions; its C library has names in mixed case, and ENOSYS is what a
# missing system call returns.
user_space=CAMELCASE,ARCH_DEFINES,ENOSYS,PREFER_KERNEL_TYPES,VOLATILE,SSCANF_TO_KSTRTO,NAKED_SSCANF,CONST_STRUCT,STRCPY
user_space+=,PREFER_FALLTHROUGH,PREFER_DEFINED_ATTRIBUTE_MACRO,AVOID_EXTERNS,USLEEP_RANGE,MSLEEP,MACRO_ARG_REUSE
# Programs outside the kernel tree: no ARRAY_SIZE in their headers, and argv is not const.
# What writes a script writes its licence, and lines as long as they are there.
programs=SPDX_LICENSE_TAG,SPLIT_STRING,ARRAY_SIZE,COMPLEX_MACRO,STATIC_CONST_CHAR_ARRAY,EMBEDDED_FUNCTION_NAME,LINE_SPACING

check_patch()
{
	# Debian's python comes first: checkpatch calls spdxcheck.py, whose modules scripts/setup.sh installs there.
	(cd "$TREE" && PATH=/usr/bin:$PATH perl scripts/checkpatch.pl --quiet --terse --show-types --no-summary --max-line-length=100 \
		"$@")
}

# types FILE: how often checkpatch reports each type, as "TYPE COUNT"
types()
{
	sed -n -E 's/.*: (ERROR|WARNING|CHECK):([A-Z_]+):.*/\2/p' "$1" | LC_ALL=C sort | uniq -c | awk '{ print $2, $1 }'
}

# Much of the queue rewrites lines of the kernel which are older than checkpatch, and keeps their style. So what the
# lines that a patch removes are reported for is allowed, as often, to those that it adds: nothing may be new. What it says about the
# message of the patch is not allowed at all, so the removed lines have another one.
check_queue_patch()
{
	local patch=$1 new

	# A declaration among older ones has the "extern" that they have.
	check_patch --strict --ignore "$ignore,AVOID_EXTERNS" "$patch" > "$work/new" || true
	[[ -s $work/new ]] || return 0
	printf '%s\n' 'From: A <a@localhost>' 'Subject: [PATCH] lint: What is removed' '' 'The lines which a patch removes.' '' \
		'Signed-off-by: A <a@localhost>' '---' > "$work/reversed.patch"
	awk '/^diff --git / && !diff { diff = 1 }
	     !diff { next }
	     /^@@ / { split($0, part, " "); from = substr(part[2], 2); to = substr(part[3], 2)
		      sub(/^@@ [^ ]+ [^ ]+/, "@@ -" to " +" from); print; hunk = 1; next }
	     /^diff --git / { hunk = 0 }
	     hunk && /^-/ { print "+" substr($0, 2); next }
	     hunk && /^\+/ { print "-" substr($0, 2); next }
	     { print }' "$patch" >> "$work/reversed.patch"
	check_patch --strict --ignore "$ignore" "$work/reversed.patch" > "$work/old" || true
	types "$work/new" > "$work/new.types"
	types "$work/old" > "$work/old.types"
	new=$(awk 'NR == FNR { old[$1] = $2; next } $2 > old[$1] + 0 { print $1 }' "$work/old.types" "$work/new.types")
	[[ -n $new ]] || return 0
	grep -F -f <(awk '{ print ":" $1 ":" }' <<< "$new") "$work/new"
	return 1
}

# A program of user space. checkpatch takes "ElfW(Sym) *sym" and "FIXTURE_DATA(x) *self" for products, _Atomic for a statement, and a macro whose
# argument names a member, or which adds a variant of a fixture, for an expression: findings in such lines do not count.
check_program()
{
	local file=$1 found
	shift

	check_patch "$@" --file "$file" > "$work/found" || true
	found=$(awk -v file="$file" '
		BEGIN { while ((getline text < file) > 0) line[++n] = text }
		{ split(substr($0, length(file) + 2), at, ":"); here = line[at[1]]; before = line[at[1] - 1] }
		/SPACING:/ && (here before) ~ /ElfW\(|FIXTURE_/ { next }
		/LINE_SPACING:/ && here ~ /_Atomic/ { next }
		/MACRO_ARG_PRECEDENCE:/ && /.field./ { next }
		/MULTISTATEMENT_MACRO/ && line[at[1] + 1] ~ /FIXTURE_VARIANT_ADD/ { next }
		{ print }' "$work/found")
	[[ -z $found ]] || { echo "$found"; return 1; }
}

# A check that cannot fail proves nothing.
not_unsigned()
{
	sed '/^Signed-off-by: /d' "$1" > "$work/unsigned.patch"
	! check_queue_patch "$work/unsigned.patch" > "$work/unsigned" && grep -q ':MISSING_SIGN_OFF:' "$work/unsigned"
}

lint_checkpatch()
{
	local name path

	result "a patch without Signed-off-by is found" not_unsigned "$ROOT/patches/$(series_lines | sed -n '1s/ .*//p')"
	# On every base: the variants as well
	while read -r name _; do
		result "checkpatch patches/$name" check_queue_patch "$ROOT/patches/$name"
	done < <(series_lines)
	for path in "$ROOT"/tests/*.patch; do
		result "checkpatch ${path#"$ROOT/"}" check_queue_patch "$path"
	done
	while IFS= read -r path; do
		case $path in
		# The form of TRACE_EVENT() is what it is.
		include/trace/*) result "checkpatch $path" check_patch --strict \
			--ignore "$ignore,OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT" --file "$ROOT/$path" ;;
		tools/*.[ch]) result "checkpatch $path" check_program "$ROOT/$path" --strict --ignore "$ignore,$user_space" ;;
		*.c | *.h | *.rst | *.S) result "checkpatch $path" check_patch --strict --ignore "$ignore" --file "$ROOT/$path" ;;
		esac
	done < <(overlay_files)
	for path in "$ROOT"/harness/*.[ch] "$ROOT"/harness/{lib,demo}/*.[ch] "$ROOT"/bench/*.[ch] "$ROOT"/bench/{guest,tick}/*.[ch] "$ROOT"/bench/tick/include/asm/*.h \
		"$ROOT"/tools/tkns/*.[ch] "$ROOT"/tools/tkns/test/*.[ch]; do
		result "checkpatch ${path#"$ROOT/"}" check_program "$path" --no-tree --ignore "$ignore,$user_space,$programs"
	done
}

# A finding above the first file is one of the message. FILE_PATH_CHANGES stands at a file: MAINTAINERS has its entry by a patch of its own.
check_message()
{
	local first found

	first=$(grep -n -m 1 '^diff --git ' "$1" | cut -d: -f 1)
	found=$(check_patch --strict "$1" | awk -v file="$1" -v first="$first" \
		'{ split(substr($0, length(file) + 2), at, ":"); if (at[1] !~ /^[0-9]+$/ || at[1] < first) print }' || true)
	[[ -z $found ]] || { echo "$found"; return 1; }
}

not_long()
{
	sed '/^Subject: /,/^$/s/^$/\nA line which is longer than the seventy-five columns that a message may have, by far\n/' "$1" > "$work/long.patch"
	! check_message "$work/long.patch" > "$work/long" && grep -q ':COMMIT_LOG_LONG_LINE:' "$work/long"
}

# The names in tables, such as "     - timens-allocate-a-clock-at-the-first-write-to-it", or several with commas, one a line
named_patches()
{
	local name rc=0

	while IFS= read -r name; do
		grep -q -x -F "$name.patch" <(series_lines | sed 's/ .*//') || { echo "there is no patch $name"; rc=1; }
	done < <(sed -n -E 's/^     [- ] ([a-z0-9]+(-[a-z0-9]+){4,}),?$/\1/p' "$ROOT/Documentation/timers/timens-consumers.rst" | LC_ALL=C sort -u)
	return "$rc"
}

# message_is_good FIXES FILES: the message on standard input, see message.awk
message_is_good()
{
	local found

	found=$(awk -v fixes="$1" -v files="$2" -f "$ROOT/scripts/message.awk")
	[[ -z $found ]] || { echo "$found"; return 1; }
}

# The message of a commit of the series
check_words()
{
	local commit=$1 name fixes=0

	name=$(slug "$(kgit log -1 --format=%s "$commit")")
	! mainline_fixes | grep -q -x -F "$name" || fixes=1
	kgit log -1 --format=%B "$commit" | message_is_good "$fixes" "$(kgit diff-tree -r --no-commit-id --diff-filter=a --name-only "$commit" | tr '\n' ' ')"
}

# A variant for another base says what its patch says.
check_variants()
{
	local path rc=0

	while read -r path _; do
		[[ $path = */* ]] || continue
		cmp -s <(message_of "$path") <(message_of "${path##*/}") || { echo "$path has another message than ${path##*/}"; rc=1; }
	done < <(series_lines)
	return "$rc"
}

message_of()
{
	awk '/^---$/ { exit } /^Subject: / { here = 1 } here' "$ROOT/patches/$1"
}

# The cover letter is a mail like the others: its words, and its width but for tables
check_letter()
{
	local found

	found=$(awk -v fixes=0 -f "$ROOT/scripts/message.awk" "$work/series/cover-letter.txt" | grep -E '^(words|wrap): ' || true)
	[[ -z $found ]] || { echo "$found"; return 1; }
}

# planted KIND SED-COMMAND: a good message, spoilt by the command, is found to be bad, and of this kind alone
planted()
{
	local found

	found=$(good_message | sed -E "$2" | awk -v fixes=0 -v files="fs/select.c" -f "$ROOT/scripts/message.awk")
	if [[ -z $found ]] || grep -q -v -E "^($1): " <<< "$found"; then
		echo "'$2' gives '$found'"
		return 1
	fi
}

good_message()
{
	printf '%s\n' 'select: Wait on the clock of the task' '' 'A wait is on the clock of somebody else, which is wrong.' '' \
		'Wait on that of the task. It takes 20 instructions instead of 10' '(bench/timers.sh).' '' 'Signed-off-by: A <a@localhost>'
}

planted_messages()
{
	local kind command count=0 rc=0

	good_message | message_is_good 0 fs/select.c || rc=1
	while read -r kind command; do
		count=$((count + 1))
		planted "$kind" "$command" || rc=1
	done <<'END'
subject 1s/$/ which somebody has armed on a clock of his own or on another/
subject 1s/$/./
subject 1s/select: //
subject 1s/Wait/wait/
subject 1s/Wait/Improve the wait/
wrap 3s/$/ And so it goes on and on./
sign /^Signed-off-by/d
sign s/<a@localhost>//
sign $s/$/\nText/
fixes $s/^/Fixes: 0123456789ab ("select: Wait")\n/
alone 3s/A wait/This patch/
alone 3s/A wait/The previous patch/
alone 3s/A wait/The second step/
alone|cost 3d;5,6d
words 3s/on the clock/anew, a clock/
words 3s/somebody/a crowd/
words 3s/wrong/no stamp/
cost s/ \(bench.*//;s/^\(bench.*//
cost s/[0-9]+/a few/g
END
	# Each line above has been tried.
	[[ $count = 19 ]] || { echo "$count messages were planted"; rc=1; }
	good_message | sed '$s/^/Fixes: 0123456789ab ("select: Wait")\n/' | message_is_good 1 fs/select.c || rc=1
	! good_message | message_is_good 1 fs/select.c > "$work/found" || rc=1
	! good_message | sed '$s/^/Fixes: 0123456789 ("select: Wait")\n/' | message_is_good 1 fs/select.c > "$work/found" || rc=1
	return "$rc"
}

lint_series()
{
	local mail name commit first=''

	result "the documentation names patches of the queue" named_patches
	result "make series" env OUT="$work" "$ROOT/scripts/series.sh"
	for mail in "$work"/series/0*.patch; do
		name=${mail##*/}
		name=${name#*-}
		[[ ! -f $ROOT/patches/$name ]] || continue
		result "checkpatch message of $name" check_message "$mail"
		first=${first:-$mail}
	done
	result "a line that is too long is found" not_long "$first"
	result "planted faults of messages are found" planted_messages
	while read -r commit; do
		result "message of $(kgit log -1 --format=%s "$commit")" check_words "$commit"
	done < <(kgit rev-list --reverse base..refs/timens/series)
	result "variants say what their patches say" check_variants
	result "words of the cover letter" check_letter
}

# Touched and new C files, as objects: those that the plain configuration has.
touched_objects()
{
	local object

	touched | while IFS= read -r object; do
		[[ ! -f $BUILD/obj-plain/$object ]] || echo "$object"
	done
}

touched()
{
	{
		kgit diff --name-only base HEAD -- '*.c'
		# A touched header is checked through the files that implement it.
		echo kernel/time/timekeeping.c
		echo kernel/time/namespace.c
	} | LC_ALL=C sort -u | grep -v -E '^(tools|Documentation|samples)/' | sed 's/c$/o/'
}

# And those that it does not have. The vDSO includes its part.
extra_objects()
{
	local object

	touched | grep -v '^lib/vdso/' | while IFS= read -r object; do
		[[ -f $BUILD/obj-plain/$object ]] || echo "$object"
	done
}

# warnings TREE OBJ LOG TARGET...: compile with W=1 and sparse; warnings without line numbers, sorted, to LOG
warnings()
{
	local tree=$1 obj=$2 out=$3
	shift 3

	# sparse prints nothing about a file that did not change, so the objects go first.
	(cd "$obj" && rm -f "$@")
	if ! make -C "$tree" O="$obj" -j"${JOBS:-$(nproc)}" W=1 C=2 CHECK='sparse' "$@" > "$out.raw" 2>&1; then
		tail -n 20 "$out.raw" >&2
		die "does not compile with W=1, see $out.raw"
	fi
	{ grep -E '(warning|error): ' "$out.raw" || true; } |
		sed -E -e "s,(\.\./)*$tree/,,g" -e 's/:[0-9]+(:[0-9]+)?:/:/' -e 's/on line [0-9]+//' | LC_ALL=C sort -u > "$out"
}

new_warnings()
{
	LC_ALL=C comm -13 "$work/base.warnings" "$work/head.warnings" > "$work/new.warnings"
	cat "$work/new.warnings"
	[[ ! -s $work/new.warnings ]]
}

lint_compile()
{
	local objects base_objects extra object

	"$ROOT/scripts/build.sh" --config plain >&2
	mapfile -t objects < <(touched_objects)
	[[ ${#objects[@]} -gt 0 ]] || die "the queue touches no file of the plain configuration"
	say "W=1 and sparse on ${#objects[@]} files, here and in the pristine source" >&2

	mapfile -t extra < <(extra_objects)
	[[ ${#extra[@]} = 0 ]] ||
		result "compile ${extra[*]}" "$ROOT/scripts/build.sh" --config extra "${extra[@]}"

	# Copies, so that the objects of the plain kernel stay what they are.
	mkdir -p "$work/head"
	rsync -a --delete "$BUILD/obj-plain/" "$work/head/"
	export LOCALVERSION='' KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 2026'
	warnings "$TREE" "$work/head" "$work/head.warnings" "${objects[@]}"

	if [[ ! -e $work/base-tree/.git ]]; then
		kgit worktree prune
		kgit worktree add -q --detach "$work/base-tree" base
	fi
	mkdir -p "$work/base"
	cat "$ROOT/configs/base.config" > "$work/fragment"
	make -C "$work/base-tree" O="$work/base" KCONFIG_ALLCONFIG="$work/fragment" allnoconfig > "$work/base.log" 2>&1 ||
		die "the pristine source cannot be configured, see $work/base.log"
	base_objects=()
	for object in "${objects[@]}"; do
		[[ ! -f $work/base-tree/${object%.o}.c ]] || base_objects+=("$object")
	done
	warnings "$work/base-tree" "$work/base" "$work/base.warnings" "${base_objects[@]}"
	result "sparse and W=1: no new warning in ${#objects[@]} files" new_warnings
}

lint_shell()
{
	local file

	while IFS= read -r file; do
		head -n 1 "$ROOT/$file" | grep -q -E '^#!.*/(ba)?sh|shellcheck shell=' ||
			head -n 3 "$ROOT/$file" | grep -q 'shellcheck shell=' || continue
		# Paths of the guest cannot be followed here.
		result "shellcheck $file" shellcheck -x -e SC1091 "$ROOT/$file"
	done < <(cd "$ROOT" && find .ci scripts tests harness bench tools -type f ! -path '*/selftests/*' 2> /dev/null | LC_ALL=C sort)
}

[[ $# -gt 0 ]] || set -- shell checkpatch series compile
in_tree || die "no tree in $TREE (make tree)"
mkdir -p "$work"
for part in "$@"; do
	case $part in
	shell | checkpatch | series | compile) "lint_$part" ;;
	*) die "unknown check '$part'" ;;
	esac
done
echo "1..$ktap_count"
echo "$((ktap_count - ktap_failed)) passed, $ktap_failed failed, 0 skipped"
[[ $ktap_failed = 0 ]]
