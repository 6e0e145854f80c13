"""`jinc rotate`."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from jinc.cli.model_argument import RunOrModel
from jinc.cli.spans import parse_span
from jinc.cli.sweep import DEFAULTS, Amounts, Options, SweepOptions, run_sweep
from jinc.diffusion import staying
from jinc.errors import JincError
from jinc.models import PixelModel, by_frame, by_state, turns

Operator: TypeAlias = Literal["unitary", "spline", "bilinear", "lanczos"]
"""How images are rotated on the grid of pixels."""


def rotate(
    source: RunOrModel,
    /,
    *,
    angles: Annotated[str, Parameter(allow_leading_hyphen=True)] = "-90:90:9",
    method: Operator = "unitary",
    noise: Literal["turned", "published"] = "turned",
    mirror: Annotated[bool, Parameter(negative=())] = False,
    options: Options = DEFAULTS,
) -> None:
    """Rotate images during sampling: the same images at several angles.

    As arXiv 2411.09174 publishes it (configuration E, with any network): `--sampler published
    --noise published --pace published --method spline`.

    Args:
        source: a run folder, a model folder, or a bundled model (see jinc models).
        angles: degrees, counter-clockwise: start:stop:count (both ends included), a list such as
            0,45,90, or one number.
        method: rotation operator: unitary (orthogonal and lossless), spline (as published),
            bilinear or lanczos.
        noise: fresh noise: turned, rotated with the image, so that an exactly equivariant model
            generates the same image at every angle; or published, not rotated.
        mirror: (--by frame) mirror the images left to right before they are rotated.
    """
    degrees = parse_span("--angles", angles)
    options = options.placed(source, "rotate")
    if noise == "published" and not options.draws:
        raise JincError(
            f"--noise: {options.sampler} draws no fresh noise; choose --sampler published, ddpm or "
            "posterior, or ddim with --eta"
        )
    model = options.open(source)
    sweep, words = rotations(model, options, degrees, method)
    way = options.way_of(model)
    if way is not by_state and noise != "turned":
        raise JincError("--noise: applies to --by state; leave it out, or choose that")
    if mirror and way is not by_frame:
        raise JincError("--mirror: needs a model with a frame, and --by frame")
    if mirror:
        way = partial(by_frame, mirrored=True)
    if noise == "published":
        way = partial(by_state, drawn=staying)
    run_sweep(model, sweep, Amounts({"angles": degrees}, words), options, way)


def rotations(
    model: PixelModel, options: SweepOptions, degrees: Sequence[float], method: str
) -> tuple[turns, list[str]]:
    """Return rotations, and a label for each.

    Raises:
        JincError: the images are not square, or the operator has no effect.
    """
    height, width = model.image_size
    if height != width:
        raise JincError(f"the model generates {height}×{width} images; rotation needs square ones")
    if options.way_of(model) is not by_state and method != "unitary":
        raise JincError("--method: applies to --by state; leave it out, or choose that")
    sweep = turns([math.radians(angle) for angle in degrees], method, options.pace_of(model))
    return sweep, [f"{angle:.4g}°".replace("-", "−") for angle in degrees]
