"""Measure speed, memory and cost on this machine, in one report; in about ten minutes.

    python bench/report.py [--rounds 11] [--quick] [--out results/bench]

Writes a page, JSON (`results/bench/report.json`) and charts. Every part runs alone too.
"""

import argparse
import re
from pathlib import Path

import activation
import breakdown
import cost
import start
import step
from machine import machine
from tables import parse, write_tables

from jinc.files import writing
from jinc.models import keep_freed_memory

PARTS = (breakdown, step, activation, cost, start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/bench"))
    options, size = parse(parser)
    keep_freed_memory()
    tables, text = [], [f"# Speed\n{machine()}.\n"]
    for part in PARTS:
        for table in part.measure(size):
            tables.append(table)
            text.append(table.markdown())
            print(text[-1], flush=True)
            if table.axis:
                chart = "by-" + re.sub(r"\W+", "-", table.axis) + ".png"
                table.draw(options.out / chart)
                text.append(f"![{table.title}]({chart})\n")
    write_tables(options.out / "report.json", __doc__, tables)
    with writing(options.out / "report.md") as file:
        file.write("\n".join(text).encode())


if __name__ == "__main__":
    main()
