"""`jinc rotate`."""

import math
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from jinc.cli.spans import parse_span
from jinc.cli.sweep import PACES, Amounts, Options, run_sweep
from jinc.errors import JincError
from jinc.models import turns


def rotate(
    source: Path,
    /,
    *,
    angles: Annotated[str, Parameter(allow_leading_hyphen=True)] = "-90:90:9",
    method: Literal["unitary", "spline", "bilinear", "lanczos"] = "unitary",
    options: Options,
) -> None:
    """Generate the same images turned by one angle after another, a little after every step.

    Args:
        source: a run folder, or a model folder.
        angles: degrees, counter-clockwise: start:stop:count with both ends, or 0,45,90, or one.
        method: how to turn: without loss; as published; or as others do, to be compared.
    """
    degrees = parse_span("--angles", angles)
    options.check()
    model = options.open(source)
    height, width = model.image_size
    if height != width:
        raise JincError(f"{source}: its images are {height}×{width}, only square ones are turned")
    sweep = turns([math.radians(angle) for angle in degrees], method, PACES[options.pace])
    words = [f"{angle:.4g}°".replace("-", "−") for angle in degrees]
    run_sweep(model, sweep, Amounts({"angles": degrees}, words), options)
