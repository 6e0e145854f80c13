"""The mathematics of sampled images: filters, resampling, rotation, activation."""

from jinc.signal.classical import gaussian_blur, median
from jinc.signal.filters import (
    cutoff_from_radians,
    default_kaiser_beta,
    design_jinc,
    design_kaiser_sinc,
    frequency_response,
)
from jinc.signal.ideal import ideal_downsample, ideal_filtered_activation, ideal_upsample
from jinc.signal.padding import extend
from jinc.signal.resample import downsample, filtered_activation, upsample
from jinc.signal.rotate import disc, rotate
from jinc.signal.shift import shift, shift_rows

__all__ = [
    "cutoff_from_radians",
    "default_kaiser_beta",
    "design_jinc",
    "design_kaiser_sinc",
    "disc",
    "downsample",
    "extend",
    "filtered_activation",
    "frequency_response",
    "gaussian_blur",
    "ideal_downsample",
    "ideal_filtered_activation",
    "ideal_upsample",
    "median",
    "rotate",
    "shift",
    "shift_rows",
    "upsample",
]
