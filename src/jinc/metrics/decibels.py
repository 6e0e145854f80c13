"""Peak signal-to-noise ratios."""

import math

EXACT = 200.0
"""Decibels from which images count as equal; also the value of no difference at all."""

PEAK = 2.0
"""The range of images in [−1, 1]."""


def decibels(mean_square: float, peak: float = PEAK) -> float:
    """Return the peak signal-to-noise ratio of a mean square difference.

    Args:
        mean_square: of the difference, ≥ 0.
        peak: the range of the images, ≥ 0.

    Returns:
        10·log10(peak²/mean_square), dB, `EXACT` at most; NaN for a non-finite argument.

    >>> round(decibels(0.04), 1), decibels(0.0)
    (20.0, 200.0)
    """
    if mean_square <= peak**2 * 10 ** (-EXACT / 10):
        return EXACT
    if not (peak > 0 and math.isfinite(mean_square)):
        return math.nan
    return 10 * math.log10(peak**2 / mean_square)
