#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Make out/leap-three-ways.svg and .png of what the suite leapdemo left.
#
# usage: plot-leapdemo.sh [DIR]     the results of the boot (out/plain-leapdemo-icount)
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
-h | --help) sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
-*) die "unknown argument '$1'" ;;
esac
[[ $# -le 1 ]] || die "unknown argument '$2'"
data=${1:-$OUT/plain-leapdemo-icount}/files/leap-three-ways.tsv
[[ -f $data ]] || die "no $data (make boot SUITE=leapdemo)"
type -P gnuplot > /dev/null || die "gnuplot is not installed (scripts/setup.sh)"
[[ $data != *[\"\\]* ]] || die "'$data': a path with quotes or backslashes"

mkdir -p "$OUT"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/plot" << END2
set title "One leap second in three time namespaces at once" noenhanced
set xlabel "hours from the leap second, on the namespace's clock" noenhanced
set ylabel "CLOCK_REALTIME less a clock that knows no leap second (s)" noenhanced
set datafile separator "\t"
set grid
set key bottom left noenhanced
set xrange [-13:13]
set yrange [-1.15:0.15]
set xtics 3
set object 1 rectangle from first -12, graph 0 to first 12, graph 1 behind fillcolor rgb "#e8eef8" fillstyle solid noborder
set label 1 "window of the smear, noon to noon" at first 0, graph 0.95 center textcolor rgb "#5070a0" noenhanced
set arrow 1 from first 0, graph 0 to first 0, graph 1 nohead dashtype 2 linecolor rgb "gray40"
set label 2 " 00:00:00" at first 0, graph 0.03 left textcolor rgb "gray40" noenhanced
plot "$data" using (\$1/3600):(\$4/1e9) with lines lw 2 lc rgb "#60a060" title "untouched", \\
	"$data" using (\$1/3600):(\$3/1e9) with lines lw 2 lc rgb "#c03020" title "leap step", \\
	"$data" using (\$1/3600):(\$2/1e9) with lines lw 2 lc rgb "#1040a0" title "leap smear google"
END2
gnuplot -e "set terminal svg size 900,520 dynamic background 'white'; set output '$OUT/leap-three-ways.svg'" "$work/plot"
gnuplot -e "set terminal pngcairo size 900,520; set output '$OUT/leap-three-ways.png'" "$work/plot"
say "written to $OUT/: leap-three-ways.svg, leap-three-ways.png"
