"""`jinc shift`."""

from typing import Annotated

from cyclopts import Parameter

from jinc.cli.model_argument import RunOrModel
from jinc.cli.spans import pair_spans, parse_span
from jinc.cli.sweep import DEFAULTS, Amounts, Options, run_sweep
from jinc.models import shifts


def shift(
    source: RunOrModel,
    /,
    *,
    right: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    down: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    options: Options = DEFAULTS,
) -> None:
    """Shift images during sampling: the same images at several offsets.

    Args:
        source: a run folder, a model folder, or a bundled model (see jinc models).
        right: pixels: start:stop:count (both ends included), a list such as 0,0.5,1, or one number
            (default: 0:8:9 without --down, 0 with it).
        down: pixels, likewise (default: 0); offsets of both are paired.
    """
    usual = "0:8:9" if down is None else "0"
    named = {
        "--right": parse_span("--right", usual if right is None else right),
        "--down": parse_span("--down", "0" if down is None else down),
    }
    paired = pair_spans(named)
    options = options.placed(source, "shift")
    model = options.open(source)
    sweep = shifts(paired["--down"], paired["--right"], options.pace_of(model))
    facts = {"right": paired["--right"], "down": paired["--down"]}
    words = [offset(right, down) for right, down in zip(*facts.values(), strict=True)]
    run_sweep(model, sweep, Amounts(facts, words), options, options.way_of(model))


def offset(right: float, down: float) -> str:
    """Describe a shift by arrows: → 2.5 ↓ 1."""
    across = f"{'→' if right >= 0 else '←'} {abs(right):.4g}"
    along = f"{'↓' if down >= 0 else '↑'} {abs(down):.4g}"
    return " ".join([across] * bool(right or not down) + [along] * bool(down))
