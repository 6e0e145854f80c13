"""`jinc shift`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from jinc.cli.spans import pair_spans, parse_span
from jinc.cli.sweep import Amounts, Options, run_sweep
from jinc.models import shifts


def shift(
    source: Path,
    /,
    *,
    right: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    down: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    options: Options,
) -> None:
    """Generate the same images shifted further and further, a little after every step.

    Args:
        source: a run folder, or a model folder.
        right: pixels: start:stop:count with both ends, or 0,0.5,1, or one number, which is held;
            0:8:9 if neither is given.
        down: pixels, likewise; both go along with each other.
    """
    usual = "0:8:9" if down is None else "0"
    named = {
        "--right": parse_span("--right", usual if right is None else right),
        "--down": parse_span("--down", "0" if down is None else down),
    }
    paired = pair_spans(named)
    options.check()
    model = options.open(source)
    sweep = shifts(paired["--down"], paired["--right"], options.divided(model))
    facts = {"right": paired["--right"], "down": paired["--down"]}
    words = [_words(right, down) for right, down in zip(*facts.values(), strict=True)]
    run_sweep(model, sweep, Amounts(facts, words), options)


def _words(right: float, down: float) -> str:
    """Tell a shift by arrows: → 2.5 ↓ 1."""
    across = f"{'→' if right >= 0 else '←'} {abs(right):.4g}"
    along = f"{'↓' if down >= 0 else '↑'} {abs(down):.4g}"
    return " ".join([across] * bool(right or not down) + [along] * bool(down))
