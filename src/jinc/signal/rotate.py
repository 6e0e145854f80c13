"""Lossless rotation: white noise stays white, and the inverse is exact.

Angles are radians, counter-clockwise as displayed, about the centre ((H−1)/2, (W−1)/2).
"""

import math
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from jinc.errors import JincError, unknown
from jinc.signal.interpolate import rotate_bilinear, rotate_lanczos, rotate_spline
from jinc.signal.padding import Padding, extend
from jinc.signal.shift import check_amounts, check_images, phases, shift_rows_by

Pad = Literal["none", "zeros", "reflect", "circular"]

METHODS = ("unitary", "spline", "bilinear", "lanczos")
"""Methods of rotation, the lossless one first."""

UNTORN = math.cos(math.pi / 8)
"""Share of half the side within which no shear moves a pixel over the edge.

The first of them moves x by tan(θ/2) y, θ being 45° at most, and |x| + tan(22.5°) |y| is at most
r/cos(22.5°); after the second and the third, no coordinate is above r."""


def rotate(x: Tensor, angle: float | Tensor, method: str = "unitary", pad: Pad = "none") -> Tensor:
    """Rotate images counter-clockwise.

    Args:
        x: `[batch, channels, height, width]`, float32 or float64; square for `unitary`.
        angle: radians, finite; one for all, or `[batch]`. Angles on an accelerator are not checked,
            for the host would have to wait.
        method: `unitary` is lossless and keeps white noise white; `spline` is the published one;
            `bilinear` and `lanczos` are for comparison.
        pad: `none`: the image is periodic; `unitary` is then orthogonal, and wrong near the
            corners. `zeros`, `reflect` or `circular`: extend with `pad_to_disc`, rotate, crop. Then
            corners are right, but it is not orthogonal. To have both, stay on the larger canvas:
            `pad_to_disc` once, rotate any number of times, `crop` at the end.

    Returns:
        Shaped like `x`. Rotation by −θ is the transpose of rotation by θ for `unitary`, with `none`
        and `zeros`; with `none` it is also the inverse.

    Raises:
        JincError: an unknown method or pad, an angle that is not finite or not one an image, or
            an image of the wrong shape.
    """
    methods = {
        "unitary": rotate_unitary,
        "spline": rotate_spline,
        "bilinear": rotate_bilinear,
        "lanczos": rotate_lanczos,
    }
    check_method(method)
    if pad not in get_args(Pad):
        raise JincError(f"pad: {pad!r} is not one of {', '.join(get_args(Pad))}")
    check_images(x)
    angles = check_amounts("angle", angle, len(x))
    if pad == "none":
        return methods[method](x, angles)
    return crop(methods[method](pad_to_disc(x, pad), angles), *x.shape[-2:])


def rotate_unitary(x: Tensor, angle: Tensor) -> Tensor:
    """Rotate images by quarter turns and three shears, all orthogonal.

    1. Factor out the nearest number of quarter turns; an angle within ±45° is left.
    2. With y downwards, rotation by θ moves rows by tan(θ/2) y, columns by −sin(θ) x, and rows
       by tan(θ/2) y again; each row or column moves as a whole, by Fourier's shift theorem.
    3. A negative angle applies the transposed steps in the opposite order, so that it inverts the
       positive one to rounding.

    The image is periodic: what leaves at one edge enters at the other. Beyond ¾ of half the side
    from the centre, corners of the torus meet; `error_by_radius` measures the error, and
    `pad_to_disc` prevents it.

    Args:
        x: `[batch, channels, size, size]`, float32 or float64.
        angle: radians, `[batch]` or `[1]`, on any device; differentiable but at jumps of the
            Nyquist line.

    Returns:
        Shaped like `x`.

    Raises:
        JincError: images that are not square.

    Source: Unser, Thévenaz and Yaroslavsky 1995 (rotation by three shears).
    """
    height, width = x.shape[-2:]
    if height != width:
        raise JincError(
            f"images: {height}×{width} cannot be rotated by shears, which need square images"
        )
    turns = (angle.abs() / (math.pi / 2)).round().detach()
    forwards = angle >= 0
    rest = angle - torch.where(forwards, turns, -turns) * (math.pi / 2)
    x = _quarter_turns(x, torch.where(forwards, turns, 0))
    x = _three_shears(x, rest)
    return _quarter_turns(x, torch.where(forwards, 0, -turns))


def check_method(method: str) -> None:
    """Refuse an unknown method."""
    if method not in METHODS:
        raise unknown(f"method: {method!r} is not a method of rotation", method, METHODS)


def pad_to_disc(x: Tensor, padding: Padding = "zeros") -> Tensor:
    """Extend images so far that no rotation moves any of their pixels over an edge.

    On the larger canvas `unitary` is orthogonal and exact for all pixels of the image.

    Args:
        x: `[..., height, width]`.
        padding: what to extend with: `zeros`, `reflect` or `circular`, as in `extend`.

    Returns:
        `[..., height + 2m, width + 2m]`; for squares about 1.53 times the side. `crop` undoes it.

    Raises:
        JincError: an unknown padding.

    >>> pad_to_disc(torch.zeros(1, 1, 32, 32)).shape
    torch.Size([1, 1, 50, 50])
    """
    height, width = x.shape[-2:]
    margin = math.ceil((math.hypot(height, width) / UNTORN - min(height, width)) / 2)
    return extend(x, margin, margin, padding)


def crop(x: Tensor, height: int, width: int) -> Tensor:
    """Crop the centre: undoes `pad_to_disc`.

    Args:
        x: `[..., H, W]`.
        height: rows to keep, up to H.
        width: columns to keep, up to W.

    Returns:
        `[..., height, width]`, a view; for odd margins half a pixel to the upper left.
    """
    top, left = (x.shape[-2] - height) // 2, (x.shape[-1] - width) // 2
    return x[..., top : top + height, left : left + width]


def disc(size: int, radius: float = 1.0, device: torch.device | None = None) -> Tensor:
    """Mark the pixels of a centred disc.

    Args:
        size: side of the square, pixels.
        radius: in halves of the side; 1 touches the edges.
        device: of the result.

    Returns:
        Boolean, `[size, size]`, true inside.
    """
    place = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    inside = torch.hypot(place[:, None], place[None, :]) <= radius * size / 2
    return inside.to(device or inside.device, non_blocking=True)


def blobs(size: int, radius: float, azimuth: Tensor, std_px: float = 2.0) -> Tensor:
    """Draw Gaussian blobs about the centre, whose rotation is known exactly.

    Args:
        size: side of the images, pixels.
        radius: from the centre of the image to that of the blob, pixels.
        azimuth: radians, counter-clockwise from the right, `[count]`.
        std_px: standard deviation, pixels; from 2 on, aliasing is below −170 dB.

    Returns:
        `[count, 1, size, size]`, float64, 1 at the middle of a blob.
    """
    place = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    right, up = radius * azimuth.double().cos(), radius * azimuth.double().sin()
    rows = torch.exp(-((place + up[:, None]) ** 2) / (2 * std_px**2))
    columns = torch.exp(-((place - right[:, None]) ** 2) / (2 * std_px**2))
    return (rows[:, :, None] * columns[:, None, :])[:, None]


def error_by_radius(
    size: int,
    angle: float,
    method: str = "unitary",
    pad: Pad = "none",
    *,
    radii: Sequence[float] = (0.0, 0.25, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 1.0),
    steps: int = 1,
    std_px: float = 2.0,
) -> Tensor:
    """Measure the error of a rotation by the distance from the centre.

    A Gaussian blob at 24 places of a circle is rotated, and compared with the exact result; the
    worst of the 24 counts.

    Args:
        size: side of the images, pixels.
        angle: radians in all.
        method: as in `rotate`.
        pad: as in `rotate`.
        radii: of the circles, in halves of the side.
        steps: number of equal rotations that make the angle.
        std_px: standard deviation of the blob, pixels.

    Returns:
        PSNR in dB, the height of the blob as peak, float64, `[len(radii)]`.

    >>> near, far = error_by_radius(64, 0.1, radii=(0.5, 1.0))
    >>> bool(near > 150), bool(far < 40)
    (True, True)
    """
    azimuth = torch.arange(24, dtype=torch.float64) * (math.pi / 12) + 0.05  # not along the axes
    found = []
    for radius in radii:
        turned = blobs(size, radius * size / 2, azimuth, std_px)
        for _ in range(steps):
            turned = rotate(turned, angle / steps, method, pad)
        exact = blobs(size, radius * size / 2, azimuth + angle, std_px)
        found.append((turned - exact).square().mean((1, 2, 3)).max())
    return -10 * torch.stack(found).clamp_min(1e-40).log10()


def _quarter_turns(x: Tensor, turns: Tensor) -> Tensor:
    """Rotate each image by its own whole number of quarter turns, `[batch]` or `[1]`."""
    turns = turns.long() % 4
    if turns.device.type == "cpu":  # a look at them costs nothing
        first = int(turns[0])
        if bool((turns == first).all()):
            return x.rot90(first, (-2, -1)) if first else x
    turns = turns.to(x.device, non_blocking=x.device.type != "cpu")[:, None, None, None]
    x = torch.where(turns % 2 == 1, x.rot90(1, (-2, -1)), x)
    return torch.where(turns >= 2, x.flip(-2, -1), x)


def _three_shears(x: Tensor, angle: Tensor) -> Tensor:
    """Rotate by at most 45°, `[batch]` or `[1]`."""
    size = x.shape[-1]
    place = torch.arange(size, dtype=angle.dtype, device=angle.device) - (size - 1) / 2
    along = phases(torch.tan(angle / 2)[:, None, None] * place, size, x)
    across = phases(-torch.sin(angle)[:, None, None] * place, size, x)
    x = shift_rows_by(x, along)
    x = shift_rows_by(x.mT, across).mT
    return shift_rows_by(x, along)
