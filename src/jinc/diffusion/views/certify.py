"""Is a function a view? A randomised examination that names the law it breaks, and by how much."""

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
"""The greatest error that is taken for rounding, in shares of the size of the images."""

_SCALES = (0.01, 1.0, 100.0)
"""A map that is bent only for faint or only for loud images is not linear either."""


@dataclass(frozen=True)
class Certificate:
    """How closely a view keeps each law on random images: errors in shares of the images' size.

    Args:
        zero: of f(0) = 0.
        linear: of f(ax + by) = a f(x) + b f(y), for faint and loud images too.
        alone: of seeing one image at a time: others in the batch change nothing.
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
    """Certify that a function is linear and orthogonal on images of one shape, or say why not.

    Each law is tried on white noise. What breaks UᵀU = I by δ in a single one of n dimensions
    shows as δ |z| / √n with z ~ N(0, 1), and a probe misses it with probability 0.8 √n · allowed/δ:
    one pixel of 3×64×64 doubled, δ = 3, escapes four probes in float32 once in 10¹⁰ examinations.

    Args:
        view: a view, or any function of images `[B, C, H, W]`, written in torch.
        shape: (C, H, W) of the images.
        dtype: float32, which allows errors of 1e-4, or float64, 1e-10.
        device: where to try.
        probes: how many random images, ≥ 2.
        seed: of the probes.

    Returns:
        the errors found, all of them within what is allowed.

    Raises:
        JincError: the law that is broken, by how much, and why that matters; or arguments that
            make no sense.

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
    """A view whose answers are looked at before anyone uses them."""

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
    """‖f(0)‖ for every image."""
    return _error(view(torch.zeros_like(x)), torch.zeros_like(x), x)


def _linear(view: View, x: Images, y: Images) -> Tensor:
    """f(ax + by) against a f(x) + b f(y), for images of every scale."""
    apart = 0.8 * view(x) - 0.6 * view(y)
    mixed = 0.8 * x - 0.6 * y
    return torch.stack([_error(view(s * mixed) / s, apart, mixed) for s in _SCALES])


def _alone(view: View, x: Images, y: Images) -> Tensor:
    """All images but the first are black: so must be what is seen of them, and only that."""
    first = torch.zeros_like(x)
    first[0] = 1
    return _error(view(first * x), first * view(x), x)


def _orthogonal(view: View, x: Images, y: Images) -> Tensor:
    """Uᵀ(Ux) against x."""
    return _error(transposed(view, view(x), at=x), x, x)


def _norm(view: View, x: Images, y: Images) -> Tensor:
    """‖f(x)‖ against ‖x‖."""
    return (_size(view(x)) / _size(x) - 1).abs()


def _inverse(view: View, x: Images, y: Images) -> Tensor:
    """There and back, and back and there."""
    return torch.stack([_error(view.inverse(view(x)), x, x), _error(view(view.inverse(x)), x, x)])


def _error(got: Images, expected: Images, of: Images) -> Tensor:
    """How far every image is from what it should be, in shares of the size of another; NaN is ∞."""
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
"""In this order, for a later law means little where an earlier one is broken."""
