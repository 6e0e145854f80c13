"""Turning images without loss: white noise stays white, and there-and-back is exact.

Angles are radians, counter-clockwise as displayed, about the centre ((H−1)/2, (W−1)/2).
"""

import difflib
import math

import torch
from torch import Tensor

from jinc.errors import JincError
from jinc.signal.interpolate import rotate_bilinear, rotate_lanczos, rotate_spline
from jinc.signal.shift import shift_rows


def rotate(x: Tensor, angle: float | Tensor, method: str = "unitary") -> Tensor:
    """Turn images counter-clockwise.

    Args:
        x: `[batch, channels, height, width]`, float32 or float64, taken as periodic; square for
            `unitary`.
        angle: radians, any finite number; one for all, or `[batch]`.
        method: `unitary` loses nothing and keeps white noise white; `spline` is the published one;
            `bilinear` and `lanczos` are there to be compared.

    Returns:
        Shaped like `x`.

    Raises:
        JincError: an unknown method, an angle that is not finite, or an image of the wrong shape.
    """
    methods = {
        "unitary": rotate_unitary,
        "spline": rotate_spline,
        "bilinear": rotate_bilinear,
        "lanczos": rotate_lanczos,
    }
    if method not in methods:
        near = difflib.get_close_matches(method, methods, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(methods)}"
        raise JincError(f"method: {method!r} is no way to turn an image; {hint}")
    angles = torch.as_tensor(angle, dtype=torch.float64, device=x.device)
    if not angles.isfinite().all():
        raise JincError("angle: is not a finite number")
    return methods[method](x, angles.expand(len(x)))


def rotate_unitary(x: Tensor, angle: Tensor) -> Tensor:
    """Turn images by quarter turns and three shears, each of them orthogonal.

    1. Take the nearest number of quarter turns out; an angle within ±45° is left.
    2. With y downwards, turning by θ is moving rows by tan(θ/2) y, columns by −sin(θ) x, and rows
       by tan(θ/2) y again; each row or column moves as a whole, by Fourier's shift theorem.
    3. A negative angle does the transposed steps in the opposite order, so that it undoes the
       positive one to rounding.

    The image is taken as periodic: what leaves at one edge enters at the other. Beyond ¾ of half
    the side from the centre, corners of the torus meet; pad images that are not empty there.

    Args:
        x: `[batch, channels, size, size]`, float32 or float64.
        angle: radians, `[batch]`.

    Returns:
        Shaped like `x`.

    Raises:
        JincError: images that are not square.

    Source: Unser, Thévenaz and Yaroslavsky 1995 (rotation by three shears).
    """
    height, width = x.shape[-2:]
    if height != width:
        raise JincError(f"images: {height}×{width} cannot be turned by shears, they must be square")
    turns = (angle.abs() / (math.pi / 2)).round()
    rest = angle.abs() - turns * (math.pi / 2)
    forwards = angle >= 0
    x = _quarter_turns(x, torch.where(forwards, turns, 0))
    x = _three_shears(x, torch.where(forwards, rest, -rest))
    return _quarter_turns(x, torch.where(forwards, 0, -turns))


def disc(size: int, radius: float = 1.0, device: torch.device | None = None) -> Tensor:
    """Mark the pixels of a centred disc.

    Args:
        size: side of the square, pixels.
        radius: in halves of the side; 1 touches the edges.
        device: of the result.

    Returns:
        Boolean, `[size, size]`, true inside.
    """
    place = torch.arange(size, dtype=torch.float64, device=device) - (size - 1) / 2
    return torch.hypot(place[:, None], place[None, :]) <= radius * size / 2


def _quarter_turns(x: Tensor, turns: Tensor) -> Tensor:
    """Turn each image by its own number of quarter turns, `[batch]`."""
    numbers = [int(k) % 4 for k in turns.tolist()]
    if len(set(numbers)) == 1:
        return x.rot90(numbers[0], (-2, -1))
    return torch.stack([image.rot90(k, (-2, -1)) for image, k in zip(x, numbers, strict=True)])


def _three_shears(x: Tensor, angle: Tensor) -> Tensor:
    """Turn by at most 45°, `[batch]`."""
    size = x.shape[-1]
    place = torch.arange(size, dtype=angle.dtype, device=angle.device) - (size - 1) / 2
    along = (torch.tan(angle / 2)[:, None, None] * place).to(x)
    across = (-torch.sin(angle)[:, None, None] * place).to(x)
    x = shift_rows(x, along)
    x = shift_rows(x.mT, across).mT
    return shift_rows(x, along)
