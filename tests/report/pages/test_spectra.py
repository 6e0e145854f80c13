"""Spectra of generated and real images differ as the images do."""

import math

import torch

from jinc.report.pages.spectra import spectrum_charts, spectrum_ratio
from jinc.signal import radial_power_spectrum


def powers(images: torch.Tensor) -> torch.Tensor:
    return radial_power_spectrum(images.double()).power.mean(1)


def test_louder_images_are_louder_at_every_frequency() -> None:
    torch.manual_seed(0)
    x = torch.randn(40, 3, 12, 12)
    ratio, _ = spectrum_ratio(powers(0.5 * x), powers(x))
    torch.testing.assert_close(ratio, torch.full_like(ratio, 20 * math.log10(0.5)))


def test_the_error_is_that_of_other_draws() -> None:
    torch.manual_seed(0)
    draws = [spectrum_ratio(*(powers(torch.randn(30, 1, 8, 8)) for _ in "ab")) for _ in range(200)]
    ratios, errors = (torch.stack(each) for each in zip(*draws, strict=True))
    torch.testing.assert_close(ratios.std(0), errors.mean(0), rtol=0.2, atol=0)


def test_two_charts_with_both_kinds_of_images() -> None:
    torch.manual_seed(0)
    power, ratio = spectrum_charts(torch.rand(4, 1, 8, 8), torch.rand(5, 1, 8, 8))
    assert [line.name for line in power.named] == ["real", "generated"]
    assert [bool(line.band) for line in ratio.lines] == [False, True]
