"""The filtered activation as one operator: up, nonlinearity and down without a map in between.

`forms` says which devices have one here. Its gradient computes the upsampled map again, so only
the input is saved for it. `JINC_FUSED=0` turns all forms off.
"""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jinc.signal.fused import cpu, gpu
from jinc.signal.fused.operators import operator
from jinc.signal.transforms import transformed

FORMS = {"cpu": cpu, "cuda": gpu}

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "silu": F.silu,
    "identity": nn.Identity(),
}
"""Nonlinearities by the names by which fused forms know them."""


def forms() -> dict[str, str]:
    """Return, for each type of device, why it has no fused form, or nothing."""
    return {device: _obstacle(device) for device in FORMS}


def _obstacle(device: str) -> str:
    off = os.environ.get("JINC_FUSED") == "0"
    return "JINC_FUSED=0 turns it off" if off else FORMS[device].obstacle()


def _is_there(device: str) -> bool:
    """Whether a type of device has a fused form; those of others are not compiled or tried."""
    return device in FORMS and not _obstacle(device)


# As torch.compiler.assume_constant_result does, which imports the compiler, for seconds.
_is_there._dynamo_marked_constant = True  # type: ignore[attr-defined]


def name_of(activation: Callable[[Tensor], Tensor]) -> str:
    """Return the name by which fused forms know a nonlinearity, or nothing.

    >>> name_of(F.gelu), name_of(nn.GELU("tanh")), name_of(torch.sigmoid)
    ('gelu', 'gelu_tanh', '')
    """
    if isinstance(activation, partial) and activation.func is F.gelu:
        activation = nn.GELU(**activation.keywords)
    elif isinstance(activation, partial) and not activation.keywords:
        activation = activation.func
    if type(activation) is nn.GELU:  # a subclass may compute something else
        return "gelu" if activation.approximate == "none" else "gelu_tanh"
    if type(activation) is nn.SiLU or activation is F.silu:
        return "silu"
    if type(activation) is nn.ReLU or activation is F.relu or activation is torch.relu:
        return "relu"
    if type(activation) is nn.Identity:
        return "identity"
    return "gelu" if activation is F.gelu else ""


def leak_of(activation: Callable[[Tensor], Tensor]) -> float:
    """Return the slope of a leaky ReLU below zero; of other nonlinearities 0.

    >>> leak_of(nn.LeakyReLU(0.2)), leak_of(F.relu)
    (0.2, 0.0)
    """
    if isinstance(activation, partial) and activation.func is F.leaky_relu and not activation.args:
        activation = nn.LeakyReLU(**activation.keywords)
    if activation is F.leaky_relu:
        activation = nn.LeakyReLU()
    return activation.negative_slope if type(activation) is nn.LeakyReLU else 0.0


def serves(x: Tensor, taps: int) -> bool:
    """Whether a fused form takes maps, for filters of phase `half`."""
    device = x.device.type if x.device.type != "meta" else _stands_for
    suits = x.ndim == 4 and x.numel() > 0 and taps % 2 == 0 and taps <= cpu.MOST_TAPS
    suits = suits and math.prod(x.shape[1:]) < 2**31  # which 32 bits index
    here = suits and _is_there(device) and x.dtype in FORMS[device].TYPES
    return here and not transformed()


_stands_for = "meta"


@contextmanager
def meta_stands_for(device: str) -> Iterator[None]:
    """Predict on the device meta what a type of device would do."""
    global _stands_for
    before, _stands_for = _stands_for, device
    try:
        yield
    finally:
        _stands_for = before


@operator
def filtered_activation(
    x: Tensor, up: Tensor, down: Tensor, activation: str, kappa: float, padding: str
) -> Tensor:
    """Compute D σ(U x) + κ (x − D U x).

    Args:
        x: `[B, C, H, W]`, of a device and a type that have a form.
        up: taps `[K, K]` of U, symmetric, K even, with their gain; those of D have as many.
        down: taps of D.
        activation: a name that `name_of` returns.
        kappa: slope outside the band.
        padding: what lies beyond the edges of `x`.

    Returns:
        Shaped like `x`, and in its memory format.
    """
    form = FORMS[x.device.type]
    y: Tensor = form.filtered_activation(x, None, up, down, activation, kappa, padding)
    return y


@operator
def gradient(
    x: Tensor, g: Tensor, up: Tensor, down: Tensor, activation: str, kappa: float, padding: str
) -> Tensor:
    """Compute the gradient of x from that of `filtered_activation`, `g`, shaped like `x`."""
    form = FORMS[x.device.type]
    y: Tensor = form.filtered_activation(x, g, up, down, activation, kappa, padding)
    return y


def keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    """Keep the inputs of an operator for its derivative."""
    *tensors, ctx.settings = (*inputs[:-3], inputs[-3:])
    ctx.save_for_backward(*tensors)


def _backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    x, up, down = ctx.saved_tensors
    return gradient(x, g, up, down, *ctx.settings), *[None] * 5


def operations(x: Sequence[int], up: Sequence[int], *_: Any, **__: Any) -> int:
    """Return two for each tap of both filters, as for convolutions, given the shapes."""
    return 4 * math.prod(x) * math.prod(up)


torch.library.register_fake(filtered_activation, lambda x, *_: torch.empty_like(x))
torch.library.register_fake(gradient, lambda x, *_: torch.empty_like(x))
torch.library.register_autograd(filtered_activation, _backward, setup_context=keep)
