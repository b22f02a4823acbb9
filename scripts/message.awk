# SPDX-License-Identifier: GPL-2.0
# What is wrong with the message of a patch of the series? One finding a line, as "KIND: what"; nothing if all is well.
#
#	git log -1 --format=%B COMMIT | awk -v files="FILE ..." -v fixes=0|1 -f message.awk
#
# files are those of the kernel which the patch changes. fixes says that it stands among the fixes of mainline, and is to have a tag Fixes.
#
#	subject	one line of up to 75 columns, "area: Do this"; not a verb that says nothing, and no stop at the end
#	wrap	the text has up to 75 columns; tables, code and tags may have more
#	sign	the last paragraph has a Signed-off-by
#	fixes	a tag Fixes is in the form of the kernel, and where it belongs
#	alone	the text stands alone: a patch may be read, and taken, without its neighbours
#	words	the words of the field
#	cost	who touches what everybody's time goes through says what that costs: a figure and the command that gave it, or that
#		and why it is nothing

function wrong(kind, what)
{
	printf "%s: %s\n", kind, what
}

# looks_for KIND LIST: regular expressions between semicolons, in lower case, for the text as one line
function looks_for(kind, list,  n, i, expr, at)
{
	n = split(list, expr, ";")
	for (i = 1; i <= n; i++)
		if (match(" " text " ", expr[i])) {
			at = substr(" " text " ", RSTART, RLENGTH)
			gsub(/^ +| +$/, "", at)
			wrong(kind, "'" at "'")
		}
}

NR == 1 {
	subject = $0
	text = tolower($0) "."
	next
}

NR == 2 && NF {
	wrong("subject", "a line behind it")
}

/^[A-Z][A-Za-z-]*-by: / {
	signed = signed || /^Signed-off-by: [^<>]+ <[^<> ]+>$/
	tags = 1
	next
}

/^Fixes:/ {
	fixed++
	tags = 1
	if ($0 !~ /^Fixes: [0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f] \(".+"\)$/)
		wrong("fixes", "'" $0 "'")
	next
}

{
	if (tags && NF)
		wrong("sign", "text behind the tags: '" $0 "'")
	if (length($0) > 75 && !/^[ \t]/)
		wrong("wrap", length($0) " columns: '" $0 "'")
	text = text " " tolower($0)
	said = said || NF
}

END {
	gsub(/[ \t]+/, " ", text)

	if (length(subject) > 75)
		wrong("subject", length(subject) " columns")
	if (subject !~ /^[A-Za-z0-9_\/.-]+(: [A-Za-z0-9_\/.-]+)?: [A-Z][A-Za-z-]+ ./ || subject ~ /\.$/)
		wrong("subject", "is not 'area: Do this'")
	if (subject ~ /: (Mend|Satisfy|See to|Tell|Let|Hand|Improve|Update|Misc|Various|Fixes|Fixed|Adds|Added) /)
		wrong("subject", "'" subject "'")
	if (!said)
		wrong("alone", "there is no text")

	if (!signed)
		wrong("sign", "no Signed-off-by")
	if (fixes && !fixed)
		wrong("fixes", "a fix of mainline without a tag Fixes")
	if (!fixes && fixed)
		wrong("fixes", "stands outside of the fixes of mainline")

	looks_for("alone", " (this|the) (patch|commit|change) ;(previous|next|last|earlier|following|preceding|later|other) (patch|commit)(es|s)?[ .,:]" \
		  ";(first|second|third|next|last) step[ .,:];like the one before;as above;(patch|commit) (before|after|above|below) ")
	looks_for("words", " anew[ .,:];makes? up for ;from which on ;by a way of its own;for want of ;is no matter of ;restless;[^a-z]sisters?[ .,:]" \
		  ";[^a-z]crowds?[ .,:];wants? the lock;somebody knows better;get by with;ha(ve|s) a hand in;[^a-z]minded;[^a-z]stock[ .,:];[^a-z_]stamps?[ .,:]" \
		  ";design paper;leap seconds? (is|are|was|were) ordered;order a leap second")

	hot = " " files " "
	if (hot ~ / (kernel\/time\/(timekeeping|hrtimer|posix-timers|itimer|alarmtimer|vsyscall)\.c|lib\/vdso\/|arch\/x86\/(entry|include\/asm)\/vdso\/|kernel\/futex\/|kernel\/(fork|signal)\.c|fs\/(select|eventpoll|timerfd|inode)\.c|ipc\/mqueue\.c|io_uring\/[a-z_]*\.c|net\/core\/sock\.c|net\/socket\.c|net\/ipv4\/tcp\.c|net\/packet\/|include\/net\/sock\.h)/ &&
	    !(text ~ /[0-9]/ && text ~ /bench\/[a-z]+\.sh|selftest tk_[a-z]+/) &&
	    text !~ /no functional change|comments only|nothing changes|(do|does) not change| nop[ .,:]| a test[ .,:]|static key|compiled with|pays? |costs? /)
		wrong("cost", "neither a figure with its command nor why it is nothing")
}
