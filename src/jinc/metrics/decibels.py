"""Differences between images as people compare them."""

import math

EXACT = 200.0
"""Decibels from which two images are called the same; no difference at all is given as this."""

PEAK = 2.0
"""The range of images in [−1, 1]."""


def decibels(mean_square: float, peak: float = PEAK) -> float:
    """Return the peak signal-to-noise ratio of a mean square difference.

    Args:
        mean_square: of the difference, ≥ 0, over as many pixels and images as count.
        peak: the range that the images could use, ≥ 0.

    Returns:
        10·log10(peak²/mean_square), dB, `EXACT` at most; NaN where it is no number.

    >>> round(decibels(0.04), 1), decibels(0.0)
    (20.0, 200.0)
    """
    if mean_square <= peak**2 * 10 ** (-EXACT / 10):
        return EXACT
    if not (peak > 0 and math.isfinite(mean_square)):
        return math.nan
    return 10 * math.log10(peak**2 / mean_square)
