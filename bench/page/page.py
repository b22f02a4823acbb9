#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Put the figures of the reference run into the documentation.

usage: page.py [--check | --dry-run | --fill TEMPLATE] [--reference DIR]

Writes Documentation/timers/timens-cost.rst out of timens-cost.rst.in beside this
file, and the part of README.md between the two lines that name this program out
of readme.md.in. With --check nothing is written: it is an error when something
would change, and the difference is shown. With --dry-run the templates are filled and
that is all. --fill prints one template with its figures: the cover letter's (make series).

In the templates

  {{BENCH|FIGURE|FORMAT}}  is that figure of BENCH.json, formatted by Python's rules
  <<EXPRESSION>>           is a Python expression with figure(BENCH, FIGURE), bucket(BENCH,
                           FIGURE), context(BENCH) and text(FILE), the lines of a file of the run
  TABLE ... ENDTABLE       are rows with tabs between the cells, laid out as an rst table

A figure that is not in the run is an error: a page with a hole, or with what was
there before, would be a lie.
"""
import argparse
import difflib
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BEGIN = '<!-- bench/page/page.py begins here -->\n'
END = '<!-- bench/page/page.py ends here -->\n'


def fail(text):
    sys.exit(f'page.py: error: {text}')


class Run:
    """The results of one run of the benchmarks, read as they are asked for."""

    def __init__(self, directory):
        self.directory = directory
        self.results = {}

    def result(self, bench):
        if bench not in self.results:
            path = os.path.join(self.directory, bench + '.json')
            try:
                with open(path, encoding='utf-8') as file:
                    self.results[bench] = json.load(file)
            except (OSError, ValueError) as error:
                fail(f'{path}: {error}')
        return self.results[bench]

    def figure(self, bench, name):
        values = [f['value'] for f in self.result(bench)['figures'] if f['name'] == name]
        if len(values) != 1:
            fail(f"{bench}.json has {len(values)} figures '{name}'")
        return values[0]

    def context(self, bench):
        return self.result(bench)['context']

    def bucket(self, bench, name):
        """A line of a histogram by its lower bound in us: of instructions, with one in a ns."""
        low = self.figure(bench, name)
        return f'{low / 1000:.1f} to {low / 500:.1f} million' if low >= 100 else f'{low:.1f} to {low * 2:.1f} thousand'

    def text(self, name):
        with open(os.path.join(self.directory, name), encoding='utf-8') as file:
            return [line.rstrip('\n') for line in file]


def table(match):
    rows = [line.split('\t') for line in match.group(1).split('\n')]
    if len({len(row) for row in rows}) != 1:
        fail(f'rows of different lengths in the table of: {rows[0]}')
    # An empty first cell would make rst take the row for the end of the one before.
    rows = [[row[0] or '\\'] + row[1:] for row in rows]
    width = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    rule = '  '.join('=' * w for w in width)

    def lay(row):
        return '  '.join(cell.ljust(width[i]) for i, cell in enumerate(row)).rstrip()

    return '\n'.join([rule, lay(rows[0]), rule] + [lay(row) for row in rows[1:]] + [rule])


def fill(name, run):
    with open(os.path.join(HERE, name), encoding='utf-8') as file:
        page = file.read()

    def figure(match):
        parts = match.group(1).split('|')
        if len(parts) != 3:
            fail(f"{name}: '{match.group(0)}' is not {{{{BENCH|FIGURE|FORMAT}}}}")
        return format(run.figure(parts[0], parts[1]), parts[2])

    def expression(match):
        names = {'figure': run.figure, 'context': run.context, 'text': run.text, 'bucket': run.bucket}
        try:
            return str(eval(match.group(1), names))  # The templates are the project's own.
        except Exception as error:  # pylint: disable=broad-except
            return fail(f"{name}: '{match.group(1)}': {error!r}")

    page = re.sub(r'\{\{([^}]*)\}\}', figure, page)
    page = re.sub(r'<<(.*?)>>', expression, page)
    page = re.sub(r'TABLE\n(.*?)\nENDTABLE', table, page, flags=re.S)
    return page


def main():
    parser = argparse.ArgumentParser(usage='page.py [--check | --dry-run | --fill TEMPLATE] [--reference DIR]')
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument('--check', action='store_true')
    mode.add_argument('--dry-run', action='store_true')
    mode.add_argument('--fill', metavar='TEMPLATE')
    parser.add_argument('--reference', default=os.path.join(ROOT, 'bench', 'reference'))
    arguments = parser.parse_args()
    run = Run(arguments.reference)
    if arguments.fill:
        print(fill(os.path.abspath(arguments.fill), run), end='')
        return

    readme = os.path.join(ROOT, 'README.md')
    with open(readme, encoding='utf-8') as file:
        old = file.read()
    if old.count(BEGIN) != 1 or old.count(END) != 1 or old.index(BEGIN) > old.index(END):
        fail(f'README.md has no line {BEGIN!r}, and later one {END!r}')
    head, rest = old.split(BEGIN)
    pages = {
        os.path.join(ROOT, 'Documentation', 'timers', 'timens-cost.rst'): fill('timens-cost.rst.in', run),
        readme: head + BEGIN + fill('readme.md.in', run) + END + rest.split(END)[1],
    }

    stale = False
    for path, new in pages.items():
        with open(path, encoding='utf-8') as file:
            old = file.read()
        if new == old or arguments.dry_run:
            continue
        if arguments.check:
            stale = True
            label = os.path.relpath(path, ROOT)
            sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True),
                                                       label, label + ' of the reference run'))
        else:
            with open(path, 'w', encoding='utf-8') as file:
                file.write(new)
            print(f'page.py: {os.path.relpath(path, ROOT)} is written')
    if stale:
        fail('the pages are not those of the reference run (make bench-page)')


main()
