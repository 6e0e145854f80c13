"""`jinc complexity`."""

from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from rich.console import Console

from jinc.cli.places import check_png
from jinc.cli.progress import decoding_progress, say_what_was_read
from jinc.data import MAX_PIXELS, load_images, to_float
from jinc.errors import JincError
from jinc.report import plot_complexity

MOST = 12
"""Images in one plot."""


def complexity(
    data: str,
    /,
    *,
    out: Path,
    number: Annotated[int, Parameter(alias="-n")] = 4,
    image_size: int | None = None,
    skip_damaged: Annotated[bool, Parameter(negative=())] = False,
    max_pixels: int = MAX_PIXELS,
    t: int = 250,
) -> None:
    """Plot the complexity (loss-weight) map of images: normalised, and as published.

    Args:
        data: digits, the bundled set, or the path of a data set, as for `jinc train`.
        out: the plot, a PNG.
        number: how many images, 1 to 12, evenly spaced over the set.
        image_size: side in pixels, after resizing and a centre crop (default: that of the data).
        skip_damaged: skip unreadable images, and count them.
        max_pixels: largest image in pixels, checked before decoding.
        t: noise level of the published map, 0 to 999.
    """
    check_png(out)
    if not 1 <= number <= MOST:
        raise JincError(f"--number: {number} is not from 1 to {MOST}")
    console = Console(stderr=True)
    with decoding_progress(console) as report:
        images = load_images(
            data,
            image_size=image_size,
            skip_damaged=skip_damaged,
            max_pixels=max_pixels,
            progress=report,
        )
    places = np.linspace(0, len(images) - 1, min(number, len(images))).astype(int)
    say_what_was_read(console, images.summary())
    plot_complexity(to_float(images.batch(places)), out, t=t)
    print(out)
