#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The pictures of 'make run', of what its boots left: SVG and PNG in out/.
#
# usage: plot-demo.sh leap [DIR]    leap-three-ways, of the suite leapdemo (out/plain-leapdemo-icount)
#        plot-demo.sh ntp [DIR]     ntp-converges, of the suite demo or demo-ntp (out/plain-demo-icount)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

# plot_leap DATA: the text for gnuplot
plot_leap()
{
	cat << END
set title "One leap second in three time namespaces at once" noenhanced
set xlabel "hours from the leap second, on the namespace's clock" noenhanced
set ylabel "CLOCK_REALTIME less a clock that knows no leap second (s)" noenhanced
set grid
set key bottom left noenhanced
set xrange [-13:13]
set yrange [-1.15:0.15]
set xtics 3
set object 1 rectangle from first -12, graph 0 to first 12, graph 1 behind fillcolor rgb "#e8eef8" fillstyle solid noborder
set label 1 "window of the smear, noon to noon" at first 0, graph 0.95 center textcolor rgb "#5070a0" noenhanced
set arrow 1 from first 0, graph 0 to first 0, graph 1 nohead dashtype 2 linecolor rgb "gray40"
set label 2 " 00:00:00" at first 0, graph 0.03 left textcolor rgb "gray40" noenhanced
plot "$1" using (\$1/3600):(\$4/1e9) with lines lw 2 lc rgb "#60a060" title "untouched", \\
	"$1" using (\$1/3600):(\$3/1e9) with lines lw 2 lc rgb "#c03020" title "leap step", \\
	"$1" using (\$1/3600):(\$2/1e9) with lines lw 2 lc rgb "#1040a0" title "leap smear google"
END
}

# The daemons begin a year off, which no rate and no linear axis can show: a second in which a clock was set has no rate.
plot_ntp()
{
	cat << END
set multiplot layout 2,1 title "Two containers' clocks come under the control of NTP daemons inside" noenhanced
set lmargin 11
set rmargin 3
set grid
set key top right noenhanced
set logscale x
set logscale y
set format y "10^{%T}"
set ylabel "off the server (s)" noenhanced
set yrange [1e-9:1e8]
set ytics 1e3
set mytics 1
plot "$1" using 1:(abs(\$4)/1e9) with lines lw 2 lc rgb "#1040a0" title "chronyd", \\
	"$1" using 1:(abs(\$6)/1e9) with lines lw 2 lc rgb "#c03020" title "ntpd"
unset logscale y
set format y "%g"
set xlabel "seconds from the start, on the host's clock" noenhanced
set ylabel "rate (ppm)" noenhanced
set yrange [-600:600]
set ytics 200
plot "$1" using 1:(abs(\$5) < 1e5 ? \$5 : NaN) with lines lw 2 lc rgb "#1040a0" title "chronyd", \\
	"$1" using 1:(abs(\$7) < 1e5 ? \$7 : NaN) with lines lw 2 lc rgb "#c03020" title "ntpd", \\
	"$1" using 1:3 with lines lw 1 dashtype 2 lc rgb "gray40" title "the server"
unset multiplot
END
}

case ${1:-} in
-h | --help) print_usage; exit 0 ;;
leap) name=leap-three-ways data=${2:-$OUT/plain-leapdemo-icount}/files/leap-three-ways.tsv suite=leapdemo ;;
ntp) name=ntp-converges data=${2:-$OUT/plain-demo-icount}/files/demo-ntp.tsv suite=demo ;;
*) die "unknown argument '${1:-}' (leap, ntp)" ;;
esac
[[ $# -le 2 ]] || die "unknown argument '$3'"
[[ -f $data ]] || die "no $data (make boot SUITE=$suite)"
type -P gnuplot > /dev/null || die "gnuplot is not installed (scripts/setup.sh)"
[[ $data != *[\"\\]* ]] || die "'$data': a path with quotes or backslashes"

mkdir -p "$OUT"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{ printf '%s\n' 'set datafile separator "\t"'; "plot_${1}" "$data"; } > "$work/plot"
gnuplot -e "set terminal svg size 900,520 dynamic background 'white'; set output '$OUT/$name.svg'" "$work/plot"
gnuplot -e "set terminal pngcairo size 900,520; set output '$OUT/$name.png'" "$work/plot"
say "written to $OUT/: $name.svg, $name.png"
