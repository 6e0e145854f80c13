"""`python -m jinc`, as `torchrun -m jinc` needs it."""

from jinc.cli import main

main()
