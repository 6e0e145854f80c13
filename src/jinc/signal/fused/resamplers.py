"""The ways up and down as operators on GPUs; each is the other's gradient."""

from typing import Any

import torch
from torch import Tensor

from jinc.signal import fused
from jinc.signal.fused import gpu
from jinc.signal.fused.operators import operator


def serve(x: Tensor, kernel: Tensor) -> bool:
    """Whether these operators resample maps, in phase `half`, by constant taps."""
    return x.is_cuda and not kernel.requires_grad and fused.serves(x, kernel.shape[-1])


@operator
def upsample(x: Tensor, taps: Tensor, padding: str) -> Tensor:
    """Double the resolution of `[B, C, H, W]`; `taps` `[K, K]`, symmetric, with their gain."""
    return gpu.upsample(x, taps, padding)


@operator
def downsample(x: Tensor, taps: Tensor, padding: str) -> Tensor:
    """Halve the resolution of `[B, C, H, W]`, both even; `taps` `[K, K]`, symmetric."""
    return gpu.downsample(x, taps, padding)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    _, taps, ctx.padding = inputs
    ctx.save_for_backward(taps)


def _down(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    return downsample(g, *ctx.saved_tensors, ctx.padding), None, None


def _up(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    return upsample(g, *ctx.saved_tensors, ctx.padding), None, None


torch.library.register_fake(upsample, lambda x, *_: gpu.empty(x, *(2 * n for n in x.shape[-2:])))
torch.library.register_fake(downsample, lambda x, *_: gpu.empty(x, *(n // 2 for n in x.shape[-2:])))
torch.library.register_autograd(upsample, _down, setup_context=_keep)
torch.library.register_autograd(downsample, _up, setup_context=_keep)
