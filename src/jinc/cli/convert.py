"""`jinc convert`."""

import json
from collections import Counter
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
    config: str | None = None,
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
            level, full resolution first; or a jinc.json, or the folder of one (default: that by
            which the model has been converted, or D@6).
        padding: padding of feature maps at the edges, of all convolutions too (default: as
            trained).
        design: (diffusers) PATTERN=CONFIG, configurations of modules by their names, such as
            "mid_block.*=A"; A keeps their resampling and nonlinearities.
        out: folder for the converted model (default: only measure); for the folder of a diffusers
            model itself, a jinc.json is added to it, and nothing copied.
        json_: print JSON.
    """
    is_given = config is not None or padding is not None or design
    settings = Settings.of(config or "D@6", padding, _designs(design)) if is_given else None
    converted = convert_model(source, settings)
    if out is not None:
        converted.save(out)
    models = {"before": converted.before}
    if converted.padded is not None:
        models["padding alone"] = converted.padded
    models["after"] = converted.after
    random = {f"random weights, {name}": untrained(each) for name, each in models.items()}
    found = effects(models | random, converted.inputs)
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
        for each in converted.surgery.replacing
        if each.operations is not None
    ]
    left = [asdict(call) for call in converted.surgery.left]
    return facts | {
        "replaced": replaced,
        "padded": sorted(converted.surgery.padded),
        "left": left,
        "unseen": converted.surgery.unseen,
    }


def _print(converted: Converted, found: Mapping[str, Effect]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if converted.earlier is not None:
        console.print(
            f"source: converted to {converted.earlier.config}, {converted.earlier.padding}, by its "
            "jinc.json; before: without that conversion"
        )
    if converted.surgery is not None:
        left = converted.surgery.left
        for (kind, design), count in sorted(converted.surgery.replaced.items()):
            console.print(f"{design}: {count} × {kind}")
        if padded := converted.surgery.padded:
            kinds = Counter(type(converted.after.get_submodule(n)).__name__ for n in padded)
            for kind, count in sorted(kinds.items()):
                console.print(f"padding {converted.settings.padding}: {count} × {kind}")
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
