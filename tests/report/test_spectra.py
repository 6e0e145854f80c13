"""Spectra of generated and real images differ as the images do."""

import math

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from jinc.data import ImageSet, to_float
from jinc.errors import JincError
from jinc.report.spectra import ratio_charts, spectrum_charts, spectrum_ratio
from jinc.signal import radial_power_spectrum


def powers(images: torch.Tensor) -> torch.Tensor:
    return radial_power_spectrum(images.double()).power.mean(1)


def test_contrast_scales_the_power_at_every_frequency() -> None:
    torch.manual_seed(0)
    x = torch.randn(40, 3, 12, 12)
    ratio, _ = spectrum_ratio(powers(0.5 * x), powers(x))
    torch.testing.assert_close(ratio, torch.full_like(ratio, 20 * math.log10(0.5)))


def test_the_standard_error_is_the_spread_over_draws() -> None:
    torch.manual_seed(0)
    draws = [spectrum_ratio(*(powers(torch.randn(30, 1, 8, 8)) for _ in "ab")) for _ in range(200)]
    ratios, errors = (torch.stack(each) for each in zip(*draws, strict=True))
    torch.testing.assert_close(ratios.std(0), errors.mean(0), rtol=0.2, atol=0)


def test_a_page_charts_power_and_ratio() -> None:
    torch.manual_seed(0)
    made, real = torch.rand(4, 1, 8, 8), torch.rand(5, 1, 8, 8)
    power, ratio = spectrum_charts(made, real)
    assert [key.name for key in power.legend] == ["real", "generated"]
    axes = Figure().subplots()
    ratio.draw(axes)
    expected, error = spectrum_ratio(powers(made), powers(real))
    np.testing.assert_allclose(axes.lines[-1].get_ydata(), expected)
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(float((expected + 2 * error).max()))


@pytest.mark.parametrize(("contrast", "db"), [(1.0, 0.0), (2.0, -6.0206), (0.5, 6.0206)])
def test_variants_of_another_contrast(contrast, db) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    images = ImageSet(pixels, None, (), "made")
    x0 = to_float(images.batch(range(20))) * contrast
    reads = {name: [lambda most: images] * 3 for name in "AD"}
    (chart,) = ratio_charts(reads, x0, "A")
    assert [key.name for key in chart.legend] == ["A", "D"]
    axes = Figure().subplots()
    chart.draw(axes)
    assert len(axes.lines) == 1 + 2 * 3
    for line in axes.lines[1:]:
        np.testing.assert_allclose(line.get_ydata(), db, atol=1e-3)


def test_images_of_another_size_are_an_error() -> None:
    images = ImageSet(np.zeros((4, 8, 8, 1), np.uint8), None, (), "made")
    with pytest.raises(JincError, match="made: images of 8×8 pixels, real ones of 16×16"):
        ratio_charts({"A": [lambda most: images]}, torch.zeros(4, 1, 16, 16), "A")
