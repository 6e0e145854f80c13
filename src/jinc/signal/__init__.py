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
from jinc.signal.non_local_means import non_local_means
from jinc.signal.padding import extend
from jinc.signal.resample import downsample, filtered_activation, upsample
from jinc.signal.rotate import blobs, crop, disc, error_by_radius, pad_to_disc, rotate
from jinc.signal.scale import bicubic, block_mean, repeat_pixels
from jinc.signal.shift import roll, shift
from jinc.signal.spectrum import RadialSpectrum, radial_power_spectrum, top_band_power

__all__ = [
    "RadialSpectrum",
    "bicubic",
    "blobs",
    "block_mean",
    "crop",
    "cutoff_from_radians",
    "default_kaiser_beta",
    "design_jinc",
    "design_kaiser_sinc",
    "disc",
    "downsample",
    "error_by_radius",
    "extend",
    "filtered_activation",
    "frequency_response",
    "gaussian_blur",
    "ideal_downsample",
    "ideal_filtered_activation",
    "ideal_upsample",
    "median",
    "non_local_means",
    "pad_to_disc",
    "radial_power_spectrum",
    "repeat_pixels",
    "roll",
    "rotate",
    "shift",
    "top_band_power",
    "upsample",
]
