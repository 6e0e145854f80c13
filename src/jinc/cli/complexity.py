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
"""Images in one picture."""


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
    """Draw where the complexity-weighted loss looks: normalised, and as published.

    Args:
        data: "digits" for the bundled set, or a path, as `jinc train` takes it.
        out: the picture.
        number: how many images, up to 12, evenly from the whole set.
        image_size: pixels a side after resizing and a centred crop; as the data is, if not given.
        skip_damaged: leave out images that cannot be read, and count them.
        max_pixels: the most pixels that an image may have, checked before it is decoded.
        t: the level, 0 to 999, of the noisy images that the published map is made of.
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
