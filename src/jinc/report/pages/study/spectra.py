"""How much of each frequency generated images have, of every variant beside the baseline."""

from collections.abc import Mapping, Sequence

import torch

from jinc.errors import JincError
from jinc.report.pages.line_chart import Line, LineChart
from jinc.report.pages.real import RealImages
from jinc.report.pages.spectra import floats, powers, spectrum_ratio
from jinc.report.pages.study.beside import Values, charts_beside
from jinc.report.pages.study.cells import StudyCell
from jinc.report.pages.ticks import axis, tight
from jinc.signal import radial_power_spectrum
from jinc.signal.spectrum import CORNER

CUT_DB = 30.0
"""Beyond so many decibels a chart ends: digits on black have frequencies without any power."""


def ratio_charts(
    cells: Sequence[StudyCell], real: Mapping[str, RealImages], baseline: str
) -> list[tuple[str, list[LineChart]]]:
    """Draw the power of generated images over that of real ones, by frequency, a line a seed.

    Args:
        cells: of the study.
        real: real images by data set.
        baseline: the variant that others are compared with.

    Returns:
        Charts by data set.
    """
    found = []
    for data, images in real.items():
        true = powers(images.x0)
        frequency = radial_power_spectrum(images.x0[:1]).frequency
        lines: dict[str, list[Values]] = {}
        for cell in cells:
            if cell.data == data and cell.kept is not None:
                if (sizes := (cell.kept.images(1).image_size, images.x0.shape[-2:]))[0] != sizes[1]:
                    made, real_size = ("×".join(map(str, size)) for size in sizes)
                    raise JincError(
                        f"{data} {cell.variant}: images of {made} pixels, real ones of {real_size}"
                    )
                ratio, _ = spectrum_ratio(powers(floats(cell.kept.images())), true)
                lines.setdefault(cell.variant, []).append((frequency.tolist(), ratio.tolist()))
        heights = torch.tensor([y for group in lines.values() for _, ys in group for y in ys])
        if lines:
            x = tight("cycles per pixel", 0, CORNER)
            y = axis("dB", [0.0, *heights.nan_to_num(0.0).clamp(-CUT_DB, CUT_DB).tolist()])
            zero = Line("", [0.0, CORNER], [0.0, 0.0], 6, "dashed")
            what = "Power of generated images over that of real ones, a line a seed, of"
            found.append((data, charts_beside(lines, baseline, what, x, y, [zero])))
    return found
