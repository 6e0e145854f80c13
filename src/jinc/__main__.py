"""`python -m jinc`, as `torchrun -m jinc` needs it."""

import sys
from pathlib import Path

if sys.path[0] in ("", str(Path.cwd())):  # else a numpy.py in the working folder would be NumPy
    del sys.path[0]

from jinc.cli import start

start()
