"""A function is certified as a view, or refused by the law that it breaks."""

import math
from dataclasses import astuple

import numpy as np
import pytest
import torch
from torch.nn.functional import pad

from jinc.diffusion import (
    certify,
    custom_view,
    hflip,
    inner_circle,
    pixel_permutation,
    puzzle,
    rotation,
    skew,
    square_hinge,
    view_by_name,
)
from jinc.errors import JincError
from jinc.signal import gaussian_blur, rotate, shift

FLOAT = pytest.mark.parametrize(
    ("dtype", "allowed"), [(torch.float32, 1e-4), (torch.float64, 1e-10)]
)


@FLOAT
@pytest.mark.parametrize("size", [8, 33, 64])
def test_views_are_certified_with_a_wide_margin(size, dtype, allowed) -> None:
    """No false alarm: rounding is a hundredth of what is allowed, at any size and seed."""
    names = ["identity", "hflip", "negate", "rotate 37", "shift 2.5 -1.3", "pixel_permutation"]
    names += ["skew 1.7", "inner_circle 1", "rotate 30 then skew then rotate -77 then shift 0.5"]
    names += [] if size == 33 else ["puzzle 2", "square_hinge 4", "patch_permutation 4"]
    for seed, name in enumerate(names):
        found = certify(view_by_name(name), (3, size, size), dtype=dtype, seed=seed)
        assert max(astuple(found)) < allowed / 100


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 9), (2, 64, 16)])
def test_images_of_any_shape_are_tried(shape) -> None:
    for view in (hflip(), inner_circle(2), pixel_permutation(1), skew(0.5)):
        assert max(astuple(certify(view, shape))) < 1e-6


@FLOAT
def test_many_turns_are_still_a_view(dtype, allowed) -> None:
    view = rotation(0.01)
    for _ in range(5):
        view = view.then(view)  # 32 turns
    assert max(astuple(certify(view, (1, 8, 8), dtype=dtype))) < allowed / 5


def test_functions_alone_are_certified_too() -> None:
    found = certify(lambda x: rotate(x.flip(-1), 0.3), (3, 9, 9), dtype=torch.float64)
    assert max(astuple(found)) < 1e-12
    each = torch.tensor([0.1, 0.2, 0.3, 0.4])  # one an image is no mixing of images
    assert max(astuple(certify(lambda x: rotate(x, each), (3, 9, 9)))) < 1e-5


def white_balance(x):
    return x * torch.tensor([1.1, 1.0, 0.9]).to(x).view(3, 1, 1)


def crop(x):
    return pad(x[..., 2:-2, 2:-2], (2, 2, 2, 2))


def batch_norm(x):
    return x / (x.std() + 1e-5)


REFUSED = {
    "blur": (lambda x: gaussian_blur(x, std_px=0.3), "UᵀU = I"),
    "white balance": (white_balance, "UᵀU = I"),
    "contrast": (lambda x: 1.2 * x, "UᵀU = I"),
    "brightness": (lambda x: x + 0.1, r"f\(0\) = 0"),
    "crop": (crop, "UᵀU = I"),
    "spline": (lambda x: rotate(x, 0.3, "spline"), "UᵀU = I"),
    "bilinear": (lambda x: rotate(x, 0.3, "bilinear"), "UᵀU = I"),
    "half a shift by interpolation": (lambda x: (x + x.roll(1, -1)) / 2, "UᵀU = I"),
    "usual Fourier shift": (lambda x: usual_shift(x), "UᵀU = I"),
    "grey": (lambda x: x.mean(1, keepdim=True).expand_as(x), "UᵀU = I"),
    "clipping": (lambda x: x.clamp(-1, 1), r"f\(ax \+ by\)"),
    "clipping of loud images": (lambda x: x.clamp(-50, 50), r"f\(ax \+ by\)"),
    "gamma": (lambda x: x.abs().pow(0.8) * x.sign(), r"f\(ax \+ by\)"),
    "absolute values": (lambda x: x.abs(), r"f\(ax \+ by\)"),
    "sorting": (lambda x: x.flatten(2).sort().values.view_as(x), r"f\(ax \+ by\)"),
    "eight bits": (lambda x: (x * 127.5).round() / 127.5, r"f\(ax \+ by\)"),
    "by the batch": (batch_norm, r"f\(ax \+ by\)"),
    "order of the batch": (lambda x: x.flip(0), "one image at a time"),
    "blend of the batch": (lambda x: (x + x.roll(1, 0)) / math.sqrt(2), "one image at a time"),
    "not a number": (lambda x: x / 0, r"f\(0\) = 0"),
}


def usual_shift(x):
    """Half a pixel with cos(π/2) = 0 at the Nyquist line, as it is done in most places."""
    size = x.shape[-1]
    turn = torch.exp(-1j * math.pi * torch.fft.rfftfreq(size).to(x.device))
    return torch.fft.irfft(torch.fft.rfft(x) * turn, n=size)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_view_is_refused_by_the_law_it_breaks(name) -> None:
    function, law = REFUSED[name]
    message = rf"'{name}' is not a view: {law}.* is off by .*, where 1e-04 is allowed; \w"
    for seed in range(3):
        with pytest.raises(JincError, match=message) as caught:
            certify(custom_view(function, title=name), (3, 16, 16), seed=seed)
        assert "\n" not in str(caught.value)


def test_the_error_is_the_one_of_the_formula() -> None:
    """A gain g is off by g² − 1; half the pixels doubled, by 3 on half the power."""
    with pytest.raises(JincError, match=r"UᵀU = I is off by 0\.44, .* white noise of variance 1"):
        certify(lambda x: 1.2 * x, (3, 8, 8))
    stripes = torch.tensor([1.0, 2.0]).repeat(64)
    with pytest.raises(JincError, match=r"UᵀU = I is off by 2\.1"):
        certify(lambda x: x * stripes, (3, 128, 128))  # 3/√2 = 2.12
    with pytest.raises(JincError, match=r"f\(0\) = 0 is off by 0\.1,"):
        certify(lambda x: x + 0.1, (3, 128, 128))


@FLOAT
@pytest.mark.parametrize("times", [0.3, 3])
def test_the_limit_is_where_it_is_said_to_be(dtype, allowed, times) -> None:
    """UᵀU of a gain √(1 + δ) is off by δ: below what is allowed it passes, above it does not."""
    gain = math.sqrt(1 + times * allowed)
    if times < 1:
        assert certify(lambda x: gain * x, (1, 16, 16), dtype=dtype).orthogonal < allowed
    else:
        with pytest.raises(JincError, match="UᵀU"):
            certify(lambda x: gain * x, (1, 16, 16), dtype=dtype)


def test_the_smallest_defect_is_missed_as_rarely_as_promised() -> None:
    """One pixel of n, δ = 3 in UᵀU: a probe misses it with probability 0.8 √n · allowed/δ.

    With what is allowed brought to where misses can be counted, by a smaller δ: 2 probes, each
    missing with 0.8 √256 · 1e-4/δ = 0.4 for δ = 0.0032, miss together in 0.16 of examinations.
    """
    shape, delta, runs = (1, 16, 16), 0.0032, 300
    gain = torch.ones(shape)
    gain[0, 5, 7] = math.sqrt(1 + delta)
    share = math.erf(math.sqrt(256) * 1e-4 / delta / math.sqrt(2)) ** 2
    missed = 0
    for seed in range(runs):
        try:
            certify(lambda x: x * gain, shape, probes=2, seed=seed)
            missed += 1
        except JincError:
            pass
    assert missed / runs == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / runs))


def test_one_pixel_is_found() -> None:
    gain = torch.ones(3, 64, 64)
    gain[1, 20, 30] = 2
    for seed in range(20):
        with pytest.raises(JincError, match="UᵀU"):
            certify(lambda x: x * gain, (3, 64, 64), seed=seed)


def test_a_wrong_inverse_is_refused() -> None:
    view = custom_view(lambda x: shift(x, 0.5, 0), lambda x: shift(x, -0.49, 0), "nearly back")
    with pytest.raises(JincError, match="'nearly back' is not a view: the inverse is off by"):
        certify(view, (3, 16, 16))
    right = custom_view(lambda x: shift(x, 0.5, 0), lambda x: shift(x, -0.5, 0))
    assert certify(right, (3, 16, 16)).inverse < 1e-6


def test_a_gradient_that_lies_is_not_believed() -> None:
    """The gradient is that of the identity for UᵀU, and norms tell: a halved image."""

    def halved(x):
        return 2 * x - (1.5 * x).detach()

    # Uᵀ(Ux) is 2 · x/2 = x, and the map is a half.
    with pytest.raises(JincError, match=r"‖f\(x\)‖ = ‖x‖ is off by 0\.5"):
        certify(halved, (3, 8, 8))


def test_what_cannot_be_tried_is_said() -> None:
    with pytest.raises(JincError, match=r"shape and type must stay"):
        certify(lambda x: x[..., 1:-1, 1:-1], (3, 8, 8))
    with pytest.raises(JincError, match=r"shape and type must stay"):
        certify(lambda x: x.rot90(1, (-2, -1)), (3, 8, 6))
    with pytest.raises(JincError, match=r"shape and type must stay"):
        certify(lambda x: x.double(), (3, 8, 8))
    with pytest.raises(JincError, match="fails on images"):
        certify(lambda x: x @ torch.eye(5), (3, 8, 8))
    with pytest.raises(JincError, match="cannot be differentiated"):
        certify(lambda x: torch.from_numpy(np.flip(x.detach().numpy(), -1).copy()), (3, 8, 8))
    with pytest.raises(JincError, match="10×10 cannot be cut"):
        certify(puzzle(4), (3, 10, 10))
    with pytest.raises(JincError, match="must be square"):
        certify(square_hinge(4), (3, 8, 16))
    for arguments in [{"shape": (8, 8)}, {"probes": 1}, {"dtype": torch.float16}]:
        with pytest.raises(JincError, match="certify: takes"):
            certify(hflip(), **{"shape": (3, 8, 8), **arguments})
