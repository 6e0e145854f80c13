"""Time filtered activations beside a 3×3 convolution of the same maps, forward and backward.

    python bench/activation.py [--rounds 15] [--out results/bench-activation.json]

GELU on 16×64×32×32 maps in channels_last. Every round times each form once; the script reports
medians of times relative to the convolution of the same round. `in steps` is the form without a
compiled operator, `naive` the one with zeros between the samples and dense filters.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from machine import machine
from torch import Tensor

from jinc.signal import design_jinc, filtered_activation, fused, reference
from jinc.signal.padding import PADDINGS

SHAPE = (16, 64, 32, 32)
CONVOLUTION = "3×3 convolution"

Form = Callable[[Tensor], Tensor]


def forms() -> dict[str, tuple[str, Form]]:
    """Return functions by name, each with the value of JINC_FUSED under which it runs."""
    convolution = torch.nn.Conv2d(64, 64, 3, padding=1).to(memory_format=torch.channels_last)
    found: dict[str, tuple[str, Form]] = {CONVOLUTION: ("1", convolution), "GELU": ("1", F.gelu)}
    for taps in (6, 12):
        kernel = design_jinc(taps, 0.25).float()
        for padding in PADDINGS:
            form = partial(filtered_activation, kernel=kernel, padding=padding)
            found[f"{taps} taps, {padding}"] = "1", form
            found[f"{taps} taps, {padding}, in steps"] = "0", form
        naive = partial(reference.filtered_activation, kernel=kernel)
        found[f"{taps} taps, zeros, naive"] = "1", naive
    return found


def seconds(form: Form, x: Tensor, gradient: Tensor) -> float:
    """Time one call and its gradient."""
    start = time.perf_counter()
    form(x).backward(gradient)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, default=Path("results/bench-activation.json"))
    options = parser.parse_args()
    if reason := fused.forms()["cpu"]:
        parser.error(f"there is no fused form: {reason}")

    torch.manual_seed(0)
    maps = torch.randn(2, *SHAPE).unbind()
    x, gradient = (each.contiguous(memory_format=torch.channels_last) for each in maps)
    x.requires_grad_()
    times: dict[str, list[float]] = {}
    for _ in range(1 + options.rounds):  # the first warms up
        for name, (setting, form) in forms().items():
            os.environ["JINC_FUSED"] = setting
            times.setdefault(name, []).append(seconds(form, x, gradient))
    times = {name: values[1:] for name, values in times.items()}

    def relative(name: str, other: str) -> float:
        """Return the median of the time of one form relative to another, round by round."""
        return statistics.median(a / b for a, b in zip(times[name], times[other], strict=True))

    to_convolution = {name: relative(name, CONVOLUTION) for name in times}
    to_fused = {
        name: relative(name, name.rpartition(", ")[0])
        for name in times
        if name.endswith(("steps", "naive"))
    }
    to_zeros = {
        name: relative(name, name.replace(padding, "zeros"))
        for padding in ("reflect", "circular")
        for name in times
        if name.endswith(padding)
    }
    for name, ratio in to_convolution.items():
        print(f"{name:32} {1e3 * statistics.median(times[name]):8.1f} ms   {ratio:6.2f} × conv")
    print(f"over the fused form: {to_fused}\nover zeros: {to_zeros}")
    result = {
        "what": "GELU on 16×64×32×32 maps, forward and backward: medians in seconds",
        "seconds": {name: statistics.median(values) for name, values in times.items()},
        "relative_to_convolution": to_convolution,
        "relative_to_fused": to_fused,
        "relative_to_zeros": to_zeros,
        "rounds": options.rounds,
        "machine": machine(),
    }
    options.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
