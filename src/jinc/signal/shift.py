"""Lossless shifts of periodic images by any number of pixels, by Fourier's shift theorem.

Every shift here is orthogonal and a whole number of pixels is a roll. The Nyquist line of an even
size has one real number for two frequencies, and no fraction of a shift keeps both its reality and
its power: moved by s it is multiplied by (−1)^round(s).
"""

import math

import torch
from torch import Tensor

from jinc.errors import JincError
from jinc.signal.tables import precise, to_device


def shift(
    x: Tensor,
    down: float | Tensor,
    right: float | Tensor,
    start: tuple[float | Tensor, float | Tensor] = (0.0, 0.0),
) -> Tensor:
    """Shift periodic images.

    Args:
        x: `[batch, channels, height, width]`, float32 or float64.
        down: pixels, any finite number; one for all, or `[batch]`.
        right: pixels, likewise.
        start: previous shift, down and right, of images of even size: with it the signs of the
            Nyquist lines of successive shifts add up to those of one.

    Returns:
        Shaped like `x`; the transpose, which is the inverse, shifts by (−down, −right).

    Raises:
        JincError: images of another shape or type; pixels that are not finite (not checked on an
            accelerator), or not one an image.

    Source: the shift theorem of the discrete Fourier transform.
    """
    check_images(x)
    height, width = x.shape[-2:]
    ways = [check_amounts(name, way, len(x)) for name, way in (("down", down), ("right", right))]
    starts = [check_amounts("start", each, len(x)) for each in start]
    rows, columns = (
        phases(way[:, None, None], size, x, at[:, None, None])
        for way, at, size in zip(ways, starts, (height, width), strict=True)
    )
    return shift_rows_by(shift_rows_by(x, columns).mT, rows).mT


def roll(x: Tensor, down: int | Tensor, right: int | Tensor) -> Tensor:
    """Shift periodic images by whole pixels, exactly.

    Args:
        x: `[batch, channels, height, width]`, any type.
        down: pixels, any whole number; one for all, or `[batch]`, of an integer type.
        right: pixels, likewise.

    Returns:
        Shaped like `x`.

    Raises:
        JincError: pixels that are not whole.

    >>> roll(torch.tensor([[[[1, 2, 3]]]]), 0, 1)
    tensor([[[[3, 1, 2]]]])
    """
    for dim, pixels in ((-2, down), (-1, right)):
        if isinstance(pixels, float) or (isinstance(pixels, Tensor) and pixels.is_floating_point()):
            raise JincError(
                f"pixels: {pixels} is not a whole number; `shift` moves by parts of one"
            )
        x = _roll_each(x, pixels, dim) if isinstance(pixels, Tensor) else x.roll(pixels, dim)
    return x


def shift_rows_by(x: Tensor, table: Tensor) -> Tensor:
    """Shift every row to the right by a table of `phases`.

    Args:
        x: `[..., height, width]`, float32 or float64, rows periodic.
        table: complex, broadcasts to `[..., height, width // 2 + 1]`.

    Returns:
        Shaped like `x`.
    """
    moved: Tensor = torch.fft.irfft(torch.fft.rfft(x) * table, n=x.shape[-1])
    return moved


def phases(pixels: float | Tensor, size: int, like: Tensor, start: float | Tensor = 0.0) -> Tensor:
    """Return the factors of the spectrum of a real line for a shift.

    They are computed in float64 on the device of `pixels`, and copied without waiting.

    Args:
        pixels: to the right, a number or a tensor `[...]`.
        size: pixels of the line.
        like: gives type and device.
        start: previous shift to the right, like `pixels`.

    Returns:
        Complex, `[..., size // 2 + 1]`: exp(−2πi f s) for f = 0, 1/size, …; ±1 at f = ½.
    """
    s = precise(pixels)[..., None]
    frequency = torch.fft.rfftfreq(size, dtype=s.dtype, device=s.device)
    angle = -2 * math.pi * frequency * s
    turn = torch.polar(torch.ones_like(angle), angle)
    if size % 2 == 0:
        before = to_device(precise(start), s.device)[..., None]
        nyquist = 1 - 2 * ((_nearest(before + s) - _nearest(before)) % 2)
        turn = torch.cat([turn[..., :-1], nyquist.to(turn.dtype)], dim=-1)
    # Towards the host a copy that does not wait may be read before it has arrived.
    waits = like.device.type == "cpu"
    return turn.to(like.device, like.dtype.to_complex(), non_blocking=not waits)


def _nearest(pixels: Tensor) -> Tensor:
    """Round; halves towards 0, also where sums of portions miss them by rounding."""
    return pixels.sign() * (pixels.abs() + (0.5 - 1e-6)).floor()


def check_images(x: Tensor) -> None:
    """Refuse anything but images `[batch, channels, height, width]` of float32 or float64."""
    if x.ndim != 4 or x.dtype not in (torch.float32, torch.float64) or not x.numel():
        raise JincError(
            f"images: {list(x.shape)} of {x.dtype}; wanted are [batch, channels, height, width], "
            "none of them 0, of float32 or float64"
        )


def check_amounts(name: str, amount: float | Tensor, count: int) -> Tensor:
    """Return amounts as `[1]` or `[count]`; refuse another shape or, on the host, NaN and ∞."""
    amounts = precise(amount)
    if amounts.ndim > 1 or amounts.numel() not in (1, count):
        raise JincError(f"{name}: {list(amounts.shape)} is neither one number nor one for {count}")
    if amounts.device.type == "cpu" and not amounts.isfinite().all():
        raise JincError(f"{name}: is not a finite number")
    return amounts.reshape(-1)


def _roll_each(x: Tensor, pixels: Tensor, dim: int) -> Tensor:
    """Shift along `dim`, each image by its own whole number, `[batch]` or one."""
    line = [1] * x.ndim
    line[dim] = x.shape[dim]
    place = torch.arange(x.shape[dim], device=x.device).view(line)
    source = (place - pixels.to(x.device).view(-1, *[1] * (x.ndim - 1))) % x.shape[dim]
    return x.gather(dim, source.expand_as(x))
