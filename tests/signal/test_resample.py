"""The fast resamplers against their slow twins."""

import pytest
import torch

from jinc.errors import JincError
from jinc.signal import design_jinc, downsample, reference, resample, upsample
from jinc.signal.padding import PADDINGS

KERNELS = [(1, "cosited"), (2, "cosited"), (3, "cosited"), (6, "cosited"), (7, "cosited")]
KERNELS += [(2, "half"), (4, "half"), (6, "half"), (8, "half"), (12, "half")]
SIZES = [(8, 12), (5, 3), (1, 1)]


def images(size: tuple[int, int], dtype: torch.dtype = torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    return torch.randn(2, 3, *size, generator=generator, dtype=dtype)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(("taps", "phase"), KERNELS)
@pytest.mark.parametrize(
    ("size", "dtype", "atol"),
    [*((size, torch.float64, 1e-12) for size in SIZES), ((8, 12), torch.float32, 1e-5)],
)
def test_fast_equals_slow(size, taps, phase, padding, dtype, atol) -> None:
    """Outputs and gradients, for every padding and also where the map is smaller than the taps."""
    kernel = design_jinc(taps, 0.25)
    pairs = [
        (lambda m, x: m.upsample(x, kernel, gain=4.0, phase=phase, padding=padding), size),
        (lambda m, x: m.downsample(x, kernel, padding=padding), (2 * size[0], 2 * size[1])),
    ]
    for call, shape in pairs:
        fast_x = images(shape, dtype).to(memory_format=torch.channels_last).requires_grad_()
        slow_x = images(shape, dtype).requires_grad_()
        fast, slow = call(resample, fast_x), call(reference, slow_x)
        torch.testing.assert_close(fast, slow, rtol=0, atol=atol)
        weights = torch.cos(torch.arange(slow.numel(), dtype=dtype)).reshape(slow.shape)
        (fast * weights).sum().backward()
        (slow * weights).sum().backward()
        torch.testing.assert_close(fast_x.grad, slow_x.grad, rtol=0, atol=10 * atol)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("size", [(3, 2), (9, 8)])
def test_gradients_are_the_derivatives(size, padding) -> None:
    """Of first and second order, on small maps and on large ones."""
    kernel = design_jinc(6, 0.25)
    x = images(size).requires_grad_()
    y = images((2 * size[0], 2 * size[1])).requires_grad_()
    for check in (torch.autograd.gradcheck, torch.autograd.gradgradcheck):
        assert check(lambda x: upsample(x, kernel, padding=padding), x, fast_mode=True)
        assert check(lambda y: downsample(y, kernel, padding=padding), y, fast_mode=True)


def test_up_is_a_literal_sum() -> None:
    """Phase `half` by hand: y[n] = 4 Σ_m h[n + K/2 − 1 − 2m] x[m] on each axis, zeros outside."""
    kernel = design_jinc(4, 0.25)
    x = images((3, 3))[:1, :1]
    y = torch.zeros(6, 6, dtype=torch.float64)
    for n in range(6):
        for o in range(6):
            for m in range(3):
                for k in range(3):
                    i, j = n + 1 - 2 * m, o + 1 - 2 * k
                    if 0 <= i < 4 and 0 <= j < 4:
                        y[n, o] += 4 * kernel[i, j] * x[0, 0, m, k]
    torch.testing.assert_close(upsample(x, kernel)[0, 0], y)


def test_kernels_meet_the_images_in_their_type() -> None:
    x = images((8, 8), torch.bfloat16)
    assert upsample(x, design_jinc(6, 0.25)).dtype == torch.bfloat16


def test_bad_arguments_are_named() -> None:
    x, kernel = images((4, 4)), design_jinc(3, 0.25)
    with pytest.raises(JincError, match="even number of taps, not 3"):
        upsample(x, kernel, phase="half")
    with pytest.raises(JincError, match="phase"):
        upsample(x, kernel, phase="quarter")
    with pytest.raises(JincError, match="padding"):
        upsample(x, kernel, phase="cosited", padding="edge")
    with pytest.raises(JincError, match="3×4"):
        downsample(images((3, 4)), kernel)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(("taps", "phase"), KERNELS)
@pytest.mark.parametrize("size", SIZES)
def test_four_filters_interleaved_equal_slow(size, taps, phase, padding) -> None:
    """The way that CUDA takes is the same sum, outputs and gradients."""
    kernel, start = design_jinc(taps, 0.25), resample.upsampling_start(taps, phase)
    fast_x, slow_x = (images(size).requires_grad_() for _ in range(2))
    fast = resample.upsample_interleaved(fast_x, 4 * kernel, start, padding)
    slow = reference.upsample(slow_x, kernel, phase=phase, padding=padding)
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-12)
    weights = torch.cos(torch.arange(slow.numel(), dtype=torch.float64)).reshape(slow.shape)
    (fast * weights).sum().backward()
    (slow * weights).sum().backward()
    torch.testing.assert_close(fast_x.grad, slow_x.grad, rtol=0, atol=1e-11)
