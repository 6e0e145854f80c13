"""Certify that a function is a view: a randomised test that names the law it breaks."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from jinc.diffusion.noise import SeededNoise
from jinc.diffusion.views.view import View, custom_view, transposed
from jinc.errors import JincError
from jinc.types import Images

ALLOWED = {torch.float32: 1e-4, torch.float64: 1e-10}
"""Largest relative error that counts as rounding."""

_SCALES = (0.01, 1.0, 100.0)
"""Amplitudes at which linearity is tested."""


@dataclass(frozen=True)
class Certificate:
    """Relative errors of a view on random images.

    Args:
        zero: of f(0) = 0.
        linear: of f(ax + by) = a f(x) + b f(y), at amplitudes .01, 1 and 100.
        alone: of independence from the other images of a batch.
        orthogonal: of Uᵀ(Ux) = x, by automatic differentiation.
        norm: of ‖f(x)‖ = ‖x‖.
        inverse: of f⁻¹(f(x)) = x and f(f⁻¹(x)) = x.
    """

    zero: float
    linear: float
    alone: float
    orthogonal: float
    norm: float
    inverse: float


def certify(
    view: View | Callable[[Images], Images],
    shape: Sequence[int],
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    probes: int = 4,
    seed: int = 0,
) -> Certificate:
    """Certify that a function is linear and orthogonal on images of one shape.

    Each law is tested on white noise. What breaks UᵀU = I by δ in a single one of n dimensions
    shows as δ |z| / √n with z ~ N(0, 1), and a probe misses it with probability 0.8 √n · allowed/δ:
    one pixel of 3×64×64 doubled, δ = 3, escapes four probes in float32 once in 10¹⁰ tests.

    Args:
        view: a view, or any function of images `[B, C, H, W]`, written in torch.
        shape: (C, H, W) of the images.
        dtype: float32, which allows errors of 1e-4, or float64, 1e-10.
        device: of the images.
        probes: number of random images, ≥ 2.
        seed: of the random images.

    Returns:
        The errors, all within the allowed ones.

    Raises:
        JincError: a law is broken; the message says by how much, and why that matters.

    >>> from jinc.diffusion import hflip
    >>> certify(hflip(), (3, 8, 8)).orthogonal
    0.0
    >>> certify(lambda x: 1.2 * x, (3, 8, 8))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    jinc.errors.JincError: ... is not a view: UᵀU = I is off by 0.44, where 1e-04 is allowed; ...
    """
    if len(shape) != 3 or min(shape) < 1 or probes < 2 or dtype not in ALLOWED:
        raise JincError(
            "certify: takes a shape (C, H, W), two probes or more, and float32 or float64, "
            f"got {tuple(shape)}, {probes} and {dtype}"
        )
    view = _Checked(view if isinstance(view, View) else custom_view(view))
    like = torch.zeros(2 * probes, *shape, dtype=dtype, device=device)
    x, y = SeededNoise(seed, range(2 * probes))(like).chunk(2)
    found = {}
    for law, (error, consequence) in _LAWS.items():
        found[law] = float(error(view, x, y).max())
        if not found[law] <= ALLOWED[dtype]:
            raise JincError(
                f"'{view.name}' is not a view: {law} is off by {found[law]:.2g}, where "
                f"{ALLOWED[dtype]:.0e} is allowed; {consequence}"
            )
    return Certificate(*found.values())


@dataclass(frozen=True)
class _Checked(View):
    """A view whose outputs are checked."""

    view: View

    @property
    def name(self) -> str:
        return self.view.name

    def __call__(self, x: Images) -> Images:
        return self._asked(self.view, x)

    def inverse(self, x: Images) -> Images:
        return self._asked(self.view.inverse, x)

    def _asked(self, function: Callable[[Images], Images], x: Images) -> Images:
        try:
            seen = function(x)
        except JincError:
            raise
        except Exception as error:  # whatever a person's function may raise
            reason = str(error).strip().partition("\n")[0]
            raise JincError(f"'{self.name}' fails on images {list(x.shape)}: {reason}") from error
        if not isinstance(seen, Tensor):
            raise JincError(f"'{self.name}' is not a view: it makes no tensor, but {seen!r:.60}")
        if seen.shape != x.shape or seen.dtype != x.dtype:
            raise JincError(
                f"'{self.name}' is not a view: of {x.dtype} {list(x.shape)} it makes "
                f"{seen.dtype} {list(seen.shape)}, where the shape and type must stay"
            )
        return seen


def _zero(view: View, x: Images, y: Images) -> Tensor:
    return _error(view(torch.zeros_like(x)), torch.zeros_like(x), x)


def _linear(view: View, x: Images, y: Images) -> Tensor:
    apart = 0.8 * view(x) - 0.6 * view(y)
    mixed = 0.8 * x - 0.6 * y
    return torch.stack([_error(view(s * mixed) / s, apart, mixed) for s in _SCALES])


def _alone(view: View, x: Images, y: Images) -> Tensor:
    """With all images but the first zero, all outputs but the first must be zero."""
    first = torch.zeros_like(x)
    first[0] = 1
    return _error(view(first * x), first * view(x), x)


def _orthogonal(view: View, x: Images, y: Images) -> Tensor:
    return _error(transposed(view, view(x), at=x), x, x)


def _norm(view: View, x: Images, y: Images) -> Tensor:
    return (_size(view(x)) / _size(x) - 1).abs()


def _inverse(view: View, x: Images, y: Images) -> Tensor:
    return torch.stack([_error(view.inverse(view(x)), x, x), _error(view(view.inverse(x)), x, x)])


def _error(got: Images, expected: Images, of: Images) -> Tensor:
    """The error of every image relative to the norm of another; NaN is ∞."""
    return (_size(got - expected) / _size(of)).nan_to_num(nan=math.inf)


def _size(x: Images) -> Tensor:
    """The norm of every image, `[B]`."""
    size: Tensor = torch.linalg.vector_norm(x, dim=(1, 2, 3))
    return size


_LAWS: dict[str, tuple[Callable[[View, Images, Images], Tensor], str]] = {
    "f(0) = 0": (_zero, "it adds something of its own, and noise through it has another mean"),
    "f(ax + by) = a f(x) + b f(y)": (
        _linear,
        "the image and the noise in a noisy image do not pass through it each on its own",
    ),
    "one image at a time": (_alone, "what it shows of one image depends on others in the batch"),
    "UᵀU = I": (
        _orthogonal,
        "white noise through it is not white noise of variance 1, which the denoiser expects",
    ),
    "‖f(x)‖ = ‖x‖": (_norm, "noise through it is louder or fainter than the denoiser expects"),
    "the inverse": (_inverse, "looking through it and back changes the image"),
}
"""In this order: a later law means little if an earlier one is broken."""
