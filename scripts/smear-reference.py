#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Exact values of the curves of smeared leap seconds, for kernel/time/timens_smear_kunit.c.

Nothing here is taken from the kernel's code: rational numbers for the linear and the quadratic curve, and for the cosine
pi by Machin's formula and the power series, to 80 digits.

usage: smear-reference.py [--check]     write the header, or compare it with what would be written
"""
import decimal
import pathlib
import random
import sys
from decimal import Decimal
from fractions import Fraction

HEADER = pathlib.Path(__file__).resolve().parent.parent / "kernel/time/timens_smear_reference.h"

SECOND = 10 ** 9
WINDOWS = (128, 1000, 62500, 86401, 604800)
TOTALS = (SECOND, 1, 3 * SECOND // 2, 2 ** 32)
SHAPES = ("linear", "cosine", "quadratic")
BITS = 20
PRIMES = (2, 3, 7, 101, 65537, 1000003, 2147483647, 99999999977)
RANDOM = 16

decimal.getcontext().prec = 80
TINY = Decimal(10) ** -75


def arctan_of_inverse(n):
    """arctan(1/n)"""
    term = Decimal(1) / n
    total, k = term, 1
    while abs(term) > TINY:
        term /= -n * n
        k += 2
        total += term / k
    return total


PI = 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))


def cosine(z):
    """cos z for z up to pi"""
    term = total = Decimal(1)
    k = 0
    while abs(term) > TINY:
        k += 2
        term *= -z * z / (k * (k - 1))
        total += term
    return total


def floor(x):
    """floor(x), where x may be off an integer by the error of the series"""
    near = x.to_integral_value(rounding=decimal.ROUND_HALF_EVEN)
    if abs(x - near) < Decimal(10) ** -45:
        return int(near)
    return int(x.to_integral_value(rounding=decimal.ROUND_FLOOR))


def value(shape, x, length, total):
    """The curve at x, in units of 2^-BITS, rounded down"""
    r = Fraction(x, length)
    scale = total << BITS
    if shape == "linear":
        return (r * scale).__floor__()
    if shape == "quadratic":
        y = 2 * r * r if 2 * r <= 1 else 1 - 2 * (1 - r) ** 2
        return (y * scale).__floor__()
    return floor((1 - cosine(PI * x / length)) / 2 * scale)


def points(window):
    """Distances from the start (nsecs)"""
    length = window * SECOND
    rnd = random.Random(window)
    special = {0, length, length // 2, length // 3, length // 4, length * 3 // 4, length // 10, length // 1024}
    chosen = {x + d for x in special for d in (-1, 0, 1)}
    chosen |= set(PRIMES) | {length - p for p in PRIMES}
    chosen |= {rnd.randrange(length) for _ in range(RANDOM)}
    return sorted(x for x in chosen if 0 <= x <= length)


def rows(numbers, indent):
    """An initializer, in lines of at most 100 columns"""
    line, lines = "", []
    for n in numbers:
        text = f"{n}ULL,"
        if line and len(line) + 1 + len(text) > 96 - 8 * indent:
            lines.append("\t" * indent + line)
            line = ""
        line += (" " if line else "") + text
    return lines + ["\t" * indent + line]


def header():
    """The text of the header"""
    xs = {window: points(window) for window in WINDOWS}
    most = max(len(x) for x in xs.values())
    out = [
        "/* SPDX-License-Identifier: GPL-2.0 */",
        "/* Written by scripts/smear-reference.py, which also explains it. Not to be edited. */",
        "#ifndef _KERNEL_TIME_TIMENS_SMEAR_REFERENCE_H",
        "#define _KERNEL_TIME_TIMENS_SMEAR_REFERENCE_H",
        "",
        "#include <linux/types.h>",
        "",
        f"/* Values are in units of 2^-{BITS} ns, rounded down */",
        f"#define SMEAR_REFERENCE_BITS\t{BITS}",
        "",
        f"static const u64 smear_reference_total[] = {{ {', '.join(f'{t}ULL' for t in TOTALS)} }};",
        "",
        "static const struct smear_reference {",
        "\tu32\twindow;\t/* secs */",
        "\tu32\tnr;",
        f"\tu64\tx[{most}];\t/* nsecs */",
        f"\tu64\ty[{len(SHAPES)}][{len(TOTALS)}][{most}];",
        "} smear_references[] = {",
    ]
    for window in WINDOWS:
        out += ["\t{", f"\t\t.window = {window},", f"\t\t.nr = {len(xs[window])},", "\t\t.x = {"]
        out += rows(xs[window], 3) + ["\t\t},"]
        for s, shape in enumerate(SHAPES):
            for t, total in enumerate(TOTALS):
                out.append(f"\t\t/* {shape} */" if not t else "")
                if not out[-1]:
                    out.pop()
                out.append(f"\t\t.y[{s}][{t}] = {{")
                out += rows([value(shape, x, window * SECOND, total) for x in xs[window]], 3) + ["\t\t},"]
        out.append("\t},")
    out += ["};", "", "#endif /* _KERNEL_TIME_TIMENS_SMEAR_REFERENCE_H */", ""]
    return "\n".join(out)


def main():
    """Write or compare"""
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    text = header()
    if not sys.argv[1:]:
        HEADER.write_text(text, encoding="ascii")
    elif HEADER.read_text(encoding="ascii") != text:
        sys.exit(f"{HEADER} is not what {sys.argv[0]} writes")


main()
