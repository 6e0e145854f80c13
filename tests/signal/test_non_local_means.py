"""Non-local means against the sums written out, against scikit-image, and what it must keep."""

import math

import numpy as np
import pytest
import torch

from jinc.errors import JincError
from jinc.metrics import decibels
from jinc.signal import extend, gaussian_blur, non_local_means, shift


def noise(*size: int) -> torch.Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def slowly(x, h, sigma, patch, reach, weighting, padding) -> np.ndarray:
    """The definition, pixel by pixel."""
    half, far = patch // 2, patch // 2 + reach
    wide = extend(x, far, far, padding).numpy()
    offsets = np.arange(patch) - half
    line = np.ones(patch)
    if weighting == "gaussian" and patch > 1:
        line = np.exp(-(offsets**2) / (2 * ((patch - 1) / 4) ** 2))
    share = np.outer(line, line) / line.sum() ** 2
    answer = np.empty(x.shape)
    for b, row, column in np.ndindex(x.shape[0], *x.shape[2:]):

        def about(r: int, c: int, b: int = b) -> np.ndarray:
            return wide[b, :, r - half : r + half + 1, c - half : c + half + 1]

        r, c = row + far, column + far
        weights, values = [], []
        for down in range(-reach, reach + 1):
            for right in range(-reach, reach + 1):
                apart = (about(r, c) - about(r + down, c + right)) ** 2
                distance = (share * apart.mean(0)).sum() - 2 * sigma**2
                weights.append(math.exp(-max(0, distance) / h**2))
                values.append(wide[b, :, r + down, c + right])
        answer[b, :, row, column] = np.average(values, 0, weights)
    return answer


@pytest.mark.parametrize("weighting", ["uniform", "gaussian"])
@pytest.mark.parametrize("padding", ["reflect", "zeros", "circular"])
@pytest.mark.parametrize(("patch", "reach"), [(1, 1), (3, 2), (5, 1), (3, 0), (1, 4)])
def test_it_is_its_definition(weighting, padding, patch, reach) -> None:
    for size, h, sigma in (((2, 3, 5, 4), 0.7, 0.0), ((1, 1, 2, 6), 0.2, 0.5)):
        x = noise(*size)
        options = {"patch": patch, "reach": reach, "weighting": weighting, "padding": padding}
        expected = slowly(x, h, sigma, **options)
        found = non_local_means(x, h, sigma, **options)
        np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-12)


def schraudolph(y: torch.Tensor) -> torch.Tensor:
    """The exponential that scikit-image uses: e^y to 3 %, from the bits of a float64.

    Source: Schraudolph, A fast, compact approximation of the exponential function (1999).
    """
    high = np.trunc(2**20 / math.log(2) * y.numpy()).astype(np.int64) + 1023 * 2**20 - 60801
    return torch.from_numpy((high << 32).view(np.float64))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sigma", [0.0, 0.1])
@pytest.mark.parametrize(("patch", "reach"), [(3, 2), (5, 3), (7, 1)])
def test_it_is_the_one_of_scikit_image(channels, sigma, patch, reach, monkeypatch) -> None:
    """Its slow mode, away from the edges, where it looks at fewer pixels; with its exponential."""
    restoration = pytest.importorskip("skimage.restoration")
    far = patch // 2 + reach
    x = noise(1, channels, 12, 14) / 4
    theirs = restoration.denoise_nl_means(
        extend(x, far, far, "circular")[0].permute(1, 2, 0).numpy(),
        patch_size=patch,
        patch_distance=reach,
        h=0.6,
        sigma=sigma,
        fast_mode=False,
        channel_axis=-1,
    ).reshape(12 + 2 * far, 14 + 2 * far, channels)
    monkeypatch.setattr(torch, "exp", schraudolph)
    options = {"patch": patch, "reach": reach, "weighting": "gaussian", "padding": "circular"}
    ours = non_local_means(x, 0.6, sigma, **options)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(ours, theirs[far:-far, far:-far], rtol=0, atol=2e-6)


def test_it_is_near_the_fast_mode_of_scikit_image() -> None:
    """Which leaves out a row and a column of each patch, and counts the pixel itself twice."""
    restoration = pytest.importorskip("skimage.restoration")
    x = noise(1, 1, 12, 14) / 4
    theirs = restoration.denoise_nl_means(
        extend(x, 8, 8, "circular")[0, 0].numpy(), patch_size=5, patch_distance=6, h=0.4
    )
    ours = non_local_means(x, 0.4, padding="circular")[0, 0].numpy()
    assert abs(ours - theirs[8:-8, 8:-8]).max() < 0.1 * x.std()
    assert abs(ours - x[0, 0].numpy()).max() > x.std()


@pytest.mark.parametrize("padding", ["reflect", "circular"])
def test_constants_stay(padding) -> None:
    flat = torch.full((1, 2, 5, 6), 0.7, dtype=torch.float64)
    torch.testing.assert_close(non_local_means(flat, 0.1, 0.3, padding=padding), flat)


def test_great_strength_is_the_mean_of_all_that_is_looked_at() -> None:
    x = noise(2, 2, 7, 9)
    mean = extend(x, 2, 2, "reflect").unfold(-2, 5, 1).unfold(-2, 5, 1).mean((-2, -1))
    torch.testing.assert_close(non_local_means(x, 1e9, reach=2), mean)


def test_little_strength_leaves_what_is_like_nothing_else() -> None:
    x = noise(1, 1, 9, 9)
    torch.testing.assert_close(non_local_means(x, 1e-3, reach=3, padding="circular"), x)
    assert non_local_means(x, 1e-3, 9.0, reach=3, padding="circular").std() < 0.2  # all is noise


def test_what_repeats_is_freed_of_noise_and_not_blurred() -> None:
    """169 pixels are looked at, a sixteenth of them, or so, being copies of the one in question."""
    tile = (noise(1, 1, 4, 4) > 0).double()
    clean, sigma = tile.repeat(1, 1, 6, 6), 0.15
    noisy = clean + sigma * noise(1, 1, 24, 24)
    options = {"patch": 5, "reach": 6, "padding": "circular"}
    found = non_local_means(noisy, 0.8 * sigma, sigma, **options)
    errors = [float((x - clean).square().mean()) for x in (noisy, gaussian_blur(noisy), found)]
    noisy_db, blurred_db, found_db = (decibels(error, peak=1) for error in errors)
    assert found_db > noisy_db + 7 > blurred_db + 7


def test_edges_that_gaussian_blur_smears_stay() -> None:
    step = torch.zeros(1, 1, 12, 12, dtype=torch.float64)
    step[..., 6:] = 1
    assert (non_local_means(step, 0.1) - step).abs().max() < 1e-6
    assert (gaussian_blur(step) - step).abs().max() > 0.2


def test_it_moves_turns_and_scales_with_the_image() -> None:
    x = noise(2, 1, 8, 8)

    def around(image: torch.Tensor, h: float = 0.5) -> torch.Tensor:
        return non_local_means(image, h, h / 2, patch=3, reach=2, padding="circular")

    torch.testing.assert_close(around(shift(x, 2, -3)), shift(around(x), 2, -3))
    torch.testing.assert_close(around(x.rot90(1, (-2, -1))), around(x).rot90(1, (-2, -1)))
    torch.testing.assert_close(around(3 * x + 2, 1.5), 3 * around(x) + 2)
    torch.testing.assert_close(around(x[1:]), around(x)[1:])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_type_stays(dtype) -> None:
    x = noise(1, 2, 6, 6).to(dtype).to(memory_format=torch.channels_last)
    found = non_local_means(x, 0.5, reach=2)
    assert found.dtype == dtype
    torch.testing.assert_close(
        found.double(),
        non_local_means(x.double(), 0.5, reach=2),
        rtol=0,
        atol=30 * torch.finfo(dtype).eps,
    )


def test_gradients_are_the_derivatives() -> None:
    x = noise(1, 2, 4, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda y: non_local_means(y, 0.8, patch=3, reach=1), x)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"strength": 0.0}, "strength: 0.0 is not"),
        ({"strength": math.nan}, "strength: nan is not"),
        ({"noise_std": -1.0}, "noise_std: -1.0 is not"),
        ({"noise_std": math.inf}, "noise_std: inf is not"),
        ({"patch": 4}, "patch: 4 is not an odd"),
        ({"patch": -1}, "patch: -1 is not an odd"),
        ({"reach": -1}, "reach: -1 is negative"),
        ({"weighting": "box"}, "weighting: 'box'"),
        ({"padding": "edge"}, "edge"),
    ],
)
def test_arguments_out_of_range(options, says) -> None:
    with pytest.raises(JincError, match=says):
        non_local_means(noise(1, 1, 4, 4), **{"strength": 1.0} | options)
