"""Spectral preconditioning: exact for Gaussian data, unit variance, equivariant, and read back."""

import pytest
import torch

from jinc.diffusion import eps_of, forward, gaussian, make_schedule, target, x0_of
from jinc.diffusion.spectral import Spectral, Spectrum
from jinc.errors import JincError
from jinc.signal import shift
from jinc.signal.waves import WAVES

SCHEDULE = make_schedule("linear", 1000)
NAMES = list(WAVES)


def smooth_images(number: int = 64, size: int = 8, seed: int = 0) -> torch.Tensor:
    """Images with strong low frequencies and correlated colours, float64."""
    random = torch.Generator().manual_seed(seed)
    noise = torch.randn(number, 3, size, size, dtype=torch.float64, generator=random)
    mix = torch.tensor([[1.0, 0.2, 0.0], [0.9, -0.1, 0.1], [0.8, 0.0, -0.2]], dtype=torch.float64)
    waves = WAVES["cosine"]
    soft = waves.inverse(waves.transform(noise) / (0.05 + waves.frequency(size, size)))
    return 0.2 + 0.1 * torch.einsum("ij,bjhw->bihw", mix, soft)


@pytest.mark.parametrize("waves", NAMES)
def test_transforms_are_unitary(waves: str) -> None:
    x = smooth_images(2)
    transformed = WAVES[waves].transform(x)
    torch.testing.assert_close(transformed.abs().square().sum(), x.square().sum())
    torch.testing.assert_close(WAVES[waves].inverse(transformed), x)


@pytest.mark.parametrize("waves", NAMES)
def test_gaussian_data_are_denoised_exactly(waves: str) -> None:
    """For Gaussian data with this spectrum, W_t is the posterior mean, by a dense solve."""
    spectrum = Spectrum.fit([smooth_images()], waves)
    size, many = 4, 3 * 4 * 4
    basis = torch.eye(many, dtype=torch.float64).view(many, 3, size, size)
    colours = torch.einsum("ij,bjhw->bihw", spectrum.axes, basis)
    scaled = WAVES[waves].transform(colours) * spectrum.power_map(size, size).sqrt()
    root = torch.view_as_real(scaled + 0j).flatten(1)
    mean = spectrum.mean[:, None, None].expand(3, size, size)
    x_t = torch.randn(2, 3, size, size, dtype=torch.float64)
    for t in (10, 500):
        steps = torch.tensor([t, t])
        expected = gaussian(SCHEDULE, mean, root @ root.T)(x_t, steps)
        found = spectrum.denoise(x_t, SCHEDULE.alpha_bar(steps))
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("waves", NAMES)
@pytest.mark.parametrize("white", [False, True])
def test_the_target_has_unit_variance_at_every_level(waves: str, white: bool) -> None:
    x0 = smooth_images(512)
    spectrum = Spectrum.fit(x0.split(100), waves)
    kind = Spectral(spectrum.whitened() if white else spectrum)
    random = torch.Generator().manual_seed(1)
    eps = torch.randn(x0.shape, dtype=x0.dtype, generator=random)
    for t in (0, 100, 400, 999):
        assert target(SCHEDULE, kind, x0, t, eps).std() == pytest.approx(1, abs=0.05)


def test_a_white_spectrum_is_the_scalar_preconditioning_of_edm() -> None:
    """In units of σ = √((1−ᾱ)/ᾱ): c_skip = S/(σ²+S), c_out = σ√S/√(σ²+S), after scaling."""
    x0 = smooth_images()
    white = Spectrum.fit([x0]).whitened()
    variance = white.power[0, 0]
    alpha_bar = SCHEDULE.alpha_bar(torch.tensor([300]))
    sigma_2 = (1 - alpha_bar) / alpha_bar
    x_t = x0[:1]
    mean = white.mean[:, None, None]
    skip = variance / (sigma_2 + variance) / alpha_bar.sqrt()
    expected = mean + skip * (x_t - alpha_bar.sqrt() * mean)
    torch.testing.assert_close(white.denoise(x_t, alpha_bar), expected)
    c_out = (sigma_2 * variance / (sigma_2 + variance)).sqrt()
    torch.testing.assert_close(white.residual_std(alpha_bar), c_out)


def test_a_prediction_gives_back_image_and_noise() -> None:
    x0, t = smooth_images(4), torch.tensor([0, 10, 500, 999])
    kind = Spectral(Spectrum.fit([x0]))
    eps = torch.randn_like(x0)
    x_t, output = forward(SCHEDULE, x0, t, eps), target(SCHEDULE, kind, x0, t, eps)
    torch.testing.assert_close(x0_of(SCHEDULE, kind, x_t, t, output), x0)
    torch.testing.assert_close(eps_of(SCHEDULE, kind, x_t, t, output), eps)


def test_the_filter_commutes_with_shifts_quarter_turns_and_flips() -> None:
    x_t, alpha_bar = smooth_images(2), torch.tensor([0.3, 0.9])
    for waves in NAMES:
        denoise = Spectrum.fit([smooth_images()], waves).denoise
        for move in (lambda x: x.rot90(1, (-2, -1)), lambda x: x.flip(-1)):
            torch.testing.assert_close(denoise(move(x_t), alpha_bar), move(denoise(x_t, alpha_bar)))
    periodic = Spectrum.fit([smooth_images()], "fourier").denoise
    torch.testing.assert_close(
        periodic(shift(x_t, 0.5, 1.25), alpha_bar), shift(periodic(x_t, alpha_bar), 0.5, 1.25)
    )


def test_a_spectrum_does_not_depend_on_the_batches_or_the_size_it_is_used_at() -> None:
    x0 = smooth_images()
    whole, parts = Spectrum.fit([x0]), Spectrum.fit(x0.split(7))
    torch.testing.assert_close(whole.power, parts.power)
    torch.testing.assert_close(whole.power_map(16, 16)[:, ::2, ::2], whole.power_map(8, 8))
    again = Spectrum.of_facts(whole.facts())
    assert all(torch.equal(getattr(again, n), getattr(whole, n)) for n in ("power", "axes", "mean"))


def test_spectra_that_make_no_sense_are_refused() -> None:
    with pytest.raises(JincError, match="all images are one colour"):
        Spectrum.fit([torch.full((4, 1, 8, 8), 0.5)])
    with pytest.raises(JincError, match="no images"):
        Spectrum.fit([])
    facts = Spectrum.fit([smooth_images()]).facts()
    for name, value, words in (
        ("power", [[0.0] * len(facts["share"])] * 3, "power must be positive"),
        ("mean", [0.0], "do not fit"),
        ("share", "x", "is not a list"),
        ("mean", [float("nan")] * 3, "finite"),
        ("mean", [1e30] * 3, "mean must be within"),
        ("power", [[1e308] * len(facts["share"])] * 3, "power must be positive and below"),
        ("power", [[1.0], [1.0, 1.0], [1.0]], "rows of power differ in length"),
        ("share", [-1.0] * len(facts["share"]), "share must be positive parts of 1"),
        ("share", [10.0] * len(facts["share"]), "share must be positive parts of 1"),
        ("axes", [[0.0] * 3] * 3, "axes must be orthonormal"),
        ("frequency", [f - 5 for f in facts["frequency"]], "frequency must be increasing from 0"),
    ):
        with pytest.raises(JincError, match=words):
            Spectrum.of_facts({**facts, name: value})
    with pytest.raises(JincError, match="needs the spectrum"):
        target(SCHEDULE, "spectral", smooth_images(), 3, smooth_images())
