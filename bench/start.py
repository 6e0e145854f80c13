"""Time commands from their start to their end, in processes of their own.

python bench/start.py [--rounds 11] [--quick] [--out results/bench-start.json]
"""

import subprocess
import sys
import tempfile

from tables import Table, main
from timing import Size, side_by_side

COMMANDS = ("--help", "sample digits -n 1 --steps 1")


def run(command: str) -> object:
    """Run a command in an empty folder."""
    words = [sys.executable, "-m", "jinc", *command.split()]
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(words, check=True, capture_output=True, cwd=folder)


def measure(size: Size) -> list[Table]:
    """Time every command, in five rounds at most."""
    calls = {command: lambda command=command: run(command) for command in COMMANDS}
    times = side_by_side(calls, min(size.rounds, 5), seconds=size.seconds / 5)
    rows = {f"jinc {command}": {"s": times.median(command)} for command in COMMANDS}
    return [Table("Commands, start to end", rows, f"Medians of {times.rounds} rounds.")]


if __name__ == "__main__":
    main(__doc__, measure, "start")
