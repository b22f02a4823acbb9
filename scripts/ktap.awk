# SPDX-License-Identifier: GPL-2.0
# KTAP to lines "status<TAB>name": the tests that have no subtests, and a failed parent none of whose subtests failed.
# A name is prefixed by those of its parents, which KTAP prints after their subtests.

function indent_of(line)
{
	match(line, /^ */)
	return RLENGTH
}

{
	sub(/\r$/, "")
	depth = indent_of($0)
	line = substr($0, depth + 1)
	bad = sub(/^not ok /, "ok ", line)
	if (line !~ /^ok [0-9]/)
		next
	sub(/^ok [0-9]+ */, "", line)
	sub(/^- */, "", line)
	status = bad ? "fail" : "pass"
	if (!bad && tolower(line) ~ /# *skip/)
		status = "skip"
	reason = ""
	if (match(line, / *# *[A-Za-z]+.*$/)) {
		reason = substr(line, RSTART, RLENGTH)
		sub(/^ *# */, "", reason)
		line = substr(line, 1, RSTART - 1)
	}
	name = line == "" ? "test " (n + 1) : line
	gsub(/[\t]/, " ", name)

	# Everything deeper since the last line of this depth or less belongs to this one.
	parent = 0
	child_failed = 0
	for (i = n; i >= 1 && depths[i] > depth; i--) {
		parent = 1
		names[i] = name "/" names[i]
		child_failed = child_failed || states[i] == "fail"
		open_depth[i] = depth
	}
	for (j = i + 1; j <= n; j++)
		depths[j] = depth
	if (parent && !(bad && !child_failed))
		next
	n++
	names[n] = name
	states[n] = status
	depths[n] = depth
	reasons[n] = reason
}

END {
	for (i = 1; i <= n; i++)
		printf "%s\t%s%s\n", states[i], names[i], reasons[i] == "" ? "" : "\t" reasons[i]
}
