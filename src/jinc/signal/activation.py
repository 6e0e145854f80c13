"""Activations that do not alias.

`reference` has the slow, obvious form. Where a machine has a `fused` form, that computes them;
elsewhere the way down, which is linear, makes `D σ(u) − κ D u` one pass of `σ(u) − κ u`.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from jinc.signal import fused
from jinc.signal.padding import Padding, check_padding
from jinc.signal.resample import Phase, downsample, in_fast_layout, upsample


def filtered_activation(
    x: Tensor,
    kernel: Tensor,
    activation: Callable[[Tensor], Tensor] = F.gelu,
    *,
    kappa: float = 0.5,
    gain: float = 4.0,
    phase: Phase = "half",
    padding: Padding = "zeros",
    kernel_up: Tensor | None = None,
) -> Tensor:
    """Apply a pointwise nonlinearity at twice the resolution, where its harmonics have room.

    With U and D the ways up and down, y = D σ(U x) + κ (x − D U x): nonlinear in the band of the
    filter, linear with slope κ outside it. With κ = 0 all that the filter stops is lost, at every
    activation: a jinc drops the corners of the spectrum, a fifth of the power of white noise.

    Args:
        x: `[batch, channels, height, width]`.
        kernel: taps `[K, K]`, symmetric, on the fine grid.
        activation: pointwise σ.
        kappa: slope κ outside the band; ½ is the mean slope of GELU, SiLU and ReLU.
        gain: as in `upsample`.
        phase: as in `upsample`.
        padding: as in `upsample`.
        kernel_up: taps of the way up, where they differ from those of the way down.

    Returns:
        Shaped like `x`.

    Source: arXiv 2411.09174 (κ = 0, configurations C and D); the linear path is ours.
    """
    check_padding(padding)
    up = gain * (kernel if kernel_up is None else kernel_up)
    constant = not (up.requires_grad or kernel.requires_grad)  # fused, taps have no gradient
    suits = phase == "half" and up.shape == kernel.shape and constant
    name = fused.name_of(activation) if suits else ""
    if name and fused.serves(x, len(kernel)):
        whole: Tensor = fused.filtered_activation(x, up, kernel, name, kappa, padding)
        return whole
    leak = fused.leak_of(activation)
    if suits and leak and leak != 1 and fused.serves(x, len(kernel)):
        rest = 1 - leak  # a leaky ReLU is leak · u + rest · relu(u), and all but the ReLU is linear
        whole = fused.filtered_activation(x, up, kernel, "relu", (kappa - leak) / rest, padding)
        return torch.add(rest * whole, x, alpha=leak)
    return in_fast_layout(lambda x: _in_steps(x, up, kernel, activation, kappa, phase, padding), x)


def _in_steps(
    x: Tensor,
    up: Tensor,
    down: Tensor,
    activation: Callable[[Tensor], Tensor],
    kappa: float,
    phase: Phase,
    padding: Padding,
) -> Tensor:
    """Compute a filtered activation with its upsampled map in memory."""
    u = upsample(x, up, gain=1.0, phase=phase, padding=padding)
    if kappa == 0:
        return downsample(activation(u), down, padding=padding)
    v = _plus(activation(u), u, -kappa)
    return _plus(downsample(v, down, padding=padding), x, kappa)


def _second_derivative(ctx: Any, h: Tensor) -> tuple[Tensor | None, ...]:
    """Differentiate the gradient of the fused form, by the steps."""
    x, g, up, down = ctx.saved_tensors
    activation, kappa, padding = ctx.settings
    further = torch.is_grad_enabled()
    with torch.enable_grad():
        # Views, for g may depend on x, and these derivatives are of one with the other constant.
        x, g = (
            each.view_as(each) if each.requires_grad else each.detach().requires_grad_()
            for each in (x, g)
        )
        y = _in_steps(x, up, down, fused.ACTIVATIONS[activation], kappa, "half", padding)
        (gradient,) = torch.autograd.grad(y, x, g, create_graph=True)
        found = torch.autograd.grad(gradient, (x, g), h, create_graph=further, allow_unused=True)
    return *found, *[None] * 5


torch.library.register_autograd(fused.gradient, _second_derivative, setup_context=fused.keep)


def _plus(y: Tensor, x: Tensor, alpha: float) -> Tensor:
    """Return y + αx, in the memory of y where no gradient needs it."""
    if y.requires_grad or y.dtype != x.dtype:
        return torch.add(y, x, alpha=alpha)
    return y.add_(x, alpha=alpha)
