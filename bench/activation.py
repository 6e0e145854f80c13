"""Time filtered activations beside a 3×3 convolution of the same maps, forward and backward.

    python bench/activation.py [--rounds 11] [--quick] [--out results/bench-activation.json]

GELU on 16×64×32×32 maps in channels_last. `in steps` is the form without a compiled operator,
`naive` the one with zeros between the samples and dense filters. The activations of StyleGAN3
(leaky ReLU) and of alias-free-torch are written in plain torch operations, with 12 taps, each in
the memory format in which it is faster.
"""

import os
from collections.abc import Callable
from functools import partial
from unittest import mock

import torch
import torch.nn.functional as F
from published import alias_free_torch, stylegan3
from tables import Table, main
from timing import Call, Size, side_by_side
from torch import Tensor, nn

from jinc.signal import design_jinc, filtered_activation, fused, reference
from jinc.signal.padding import PADDINGS

Form = Callable[[Tensor], Tensor]
CONVOLUTION = "3×3 convolution"
PUBLISHED = {
    "StyleGAN3, 12 taps": (stylegan3, torch.contiguous_format),
    "alias-free-torch, 12 taps": (alias_free_torch, torch.channels_last),
}


class Maps:
    """Feature maps on which functions run forward and backward.

    Args:
        size: of the maps, with twice the channels of a network's first level.
    """

    def __init__(self, size: Size) -> None:
        torch.manual_seed(0)
        self.shape = size.batch, 2 * size.width, size.side, size.side
        self.x, self.gradient = torch.randn(2, *self.shape).unbind()
        conv = nn.Conv2d(self.shape[1], self.shape[1], 3, padding=1)
        self.convolution = self.call(conv.to(memory_format=torch.channels_last))

    def call(self, form: Form, layout: torch.memory_format = torch.channels_last) -> Call:
        """Return a call of a function and its gradient, for maps in a memory format."""
        x, gradient = (each.clone(memory_format=layout) for each in (self.x, self.gradient))
        x.requires_grad_()

        def forward_and_backward() -> None:
            x.grad = None
            form(x).backward(gradient)

        return forward_and_backward

    def filtered(self, taps: int, padding: str = "zeros") -> Call:
        """Return a call of the filtered GELU."""
        kernel = design_jinc(taps, 0.25).float()
        return self.call(partial(filtered_activation, kernel=kernel, padding=padding))


def in_steps(call: Call) -> Call:
    """Return a call that runs without fused forms."""

    def unfused() -> object:
        with mock.patch.dict(os.environ, JINC_FUSED="0"):
            return call()

    return unfused


def measure(size: Size) -> list[Table]:
    """Time all forms."""
    maps = Maps(size)
    calls = {CONVOLUTION: maps.convolution, "GELU": maps.call(F.gelu)}
    for taps in (6, 12):
        for padding in PADDINGS:
            call = maps.filtered(taps, padding)
            calls |= {f"{taps} taps, {padding}": call}
            calls |= {f"{taps} taps, {padding}, in steps": in_steps(call)}
        naive = partial(reference.filtered_activation, kernel=design_jinc(taps, 0.25).float())
        calls[f"{taps} taps, zeros, naive"] = maps.call(naive)
    calls |= {name: maps.call(*form) for name, form in PUBLISHED.items()}
    times = side_by_side(calls, size.rounds, seconds=size.seconds)

    rows = {}
    for name in calls:
        rows[name] = {
            "ms": 1e3 * times.median(name),
            "over the convolution": times.ratio(name, CONVOLUTION),
        }
        if name.endswith(("steps", "naive")):
            rows[name]["over fused"] = times.ratio(name, name.rpartition(", ")[0])
        elif name in PUBLISHED:
            rows[name]["over fused"] = times.ratio(name, "12 taps, zeros")
        elif name.endswith(PADDINGS):
            taps = name.partition(",")[0]
            rows[name]["over zeros"] = times.ratio(name, f"{taps}, zeros")
    shape = "×".join(map(str, maps.shape))
    reason = fused.forms()["cpu"]
    note = f"Medians of {times.rounds} rounds." + (
        f" Nothing is fused: {reason}." if reason else ""
    )
    return [Table(f"Filtered GELU, {shape}, forward and backward", rows, note)]


if __name__ == "__main__":
    main(__doc__, measure, "activation")
