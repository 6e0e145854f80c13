"""`jinc convert`."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from jinc.cli.sampling import SEVERAL
from jinc.errors import JincError
from jinc.models.convert.effects import Effect, effects, untrained
from jinc.models.convert.settings import Settings
from jinc.models.converting import Converted, convert_model
from jinc.signal.padding import Padding


def convert(
    source: str,
    /,
    *,
    config: str = "D@6",
    padding: Padding | None = None,
    design: Annotated[tuple[str, ...], SEVERAL] = (),
    out: Path | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Make a trained model alias-free with its own weights, and measure what that changes.

    Args:
        source: a run or model folder; or a pipeline of diffusers, by its folder or its name on the
            Hub.
        config: B resamples, C activates, and D does both without aliasing; D@12,D@6 sets one per
            level, full resolution first; or a jinc.json.
        padding: padding of feature maps at the edges (default: as trained).
        design: (diffusers) PATTERN=CONFIG, configurations of modules by their names, such as
            "mid_block.*=A"; A leaves them as they are.
        out: folder for the converted model (default: only measure); for the folder of a diffusers
            model itself, a jinc.json is added to it, and nothing copied.
        json_: print JSON.
    """
    converted = convert_model(source, Settings.of(config, padding, _designs(design)))
    if out is not None:
        converted.save(out)
    found = effects(
        {
            "before": converted.before,
            "after": converted.after,
            "random weights, before": untrained(converted.before),
            "random weights, after": untrained(converted.after),
        },
        converted.inputs,
    )
    if json_:
        print(json.dumps(_facts(converted, found), ensure_ascii=False))
        return
    _print(converted, found)
    if out is not None:
        print(f"converted model: {out}")


def _designs(given: tuple[str, ...]) -> Mapping[str, str]:
    designs = {}
    for each in given:
        pattern, equals, name = each.partition("=")
        if not (pattern and equals and name):
            raise JincError(f'--design: {each!r} is not PATTERN=CONFIG, such as "mid_block.*=A"')
        designs[pattern] = name
    return designs


def _facts(converted: Converted, found: Mapping[str, Effect]) -> dict[str, Any]:
    settings = asdict(converted.settings)
    sizes = sum(each.numel() for each in converted.after.parameters())
    facts = settings | {"parameters": sizes, "effects": {n: asdict(e) for n, e in found.items()}}
    if converted.surgery is None:
        return facts
    replaced = [
        {
            "module": each.name,
            "class": type(each.owner).__name__,
            "attribute": "forward" if each.attribute == "__class__" else each.attribute,
            "config": each.operations.config.name,
        }
        for each in converted.surgery.edits
        if each.operations is not None
    ]
    left = [asdict(call) for call in converted.surgery.left]
    return facts | {"replaced": replaced, "left": left, "unseen": converted.surgery.unseen}


def _print(converted: Converted, found: Mapping[str, Effect]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if converted.surgery is not None:
        left = converted.surgery.left
        for (kind, design), count in sorted(converted.surgery.replaced.items()):
            console.print(f"{design}: {count} × {kind}")
        for function, reason in dict.fromkeys((call.function, call.reason) for call in left):
            names = [c.module for c in left if (c.function, c.reason) == (function, reason)]
            where = names[0] or "the model"
            many = f" and {len(set(names)) - 1} more" if set(names[1:]) - {names[0]} else ""
            console.print(f"left: {function} in {where}{many}: {reason}", markup=False)
        if unseen := converted.surgery.unseen:
            many = f" and {len(unseen) - 1} more" if unseen[1:] else ""
            console.print(
                f"unseen: {unseen[0]}{many}: did not run; converted as at full resolution",
                markup=False,
            )
    table = Table(box=SIMPLE, padding=(0, 1))
    for column in ("", "ms", "GFLOP", "MB kept", "½ px, dB"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for name, each in found.items():
        db = "" if each.half_pixel_db is None else f"{each.half_pixel_db:.1f}"
        table.add_row(
            name,
            f"{1000 * each.seconds:.1f}",
            f"{each.gflop:.3g}",
            f"{each.kept_bytes / 1e6:.1f}",
            db,
        )
    console.print(table)
    console.print(
        "one image; ms: of a forward pass; MB kept: for the backward pass; ½ px: equivariance to "
        "shifts by half a pixel, of white noise. Random weights show what the layers do by "
        "themselves, and trained ones what the weights add."
    )
