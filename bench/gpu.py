"""Time filtered activations, resamplers and sampling on a GPU.

    python bench/gpu.py [--rounds 10] [--out results/gpu/bench-gpu.json]

1,024×64 maps of 32×32, by type, layout, taps and padding, forward, and backward alone: microseconds
and the share of the bandwidth of a copy, each input and output counted once. `in steps` is the form
without kernels (JINC_FUSED=0). Sampling is 2,000 images 3×32×32 in 50 steps of DDIM by networks of
width 32 in bfloat16, 500 at a time. Medians over rounds, in each of which everything runs once, ten
calls at a time. `bench/gpu.sh` checks the values first.
"""

import argparse
import contextlib
import itertools
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from unittest import mock

import torch
import torch.nn.functional as F
from machine import machine
from timing import side_by_side
from torch import Tensor

from jinc.diffusion import Schedule, sample, x0_of
from jinc.files import write_json
from jinc.nn import UNet
from jinc.signal import design_jinc, downsample, filtered_activation, fused, upsample

SHAPE = (1024, 64, 32, 32)
CALLS = 10
LAYOUTS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}
Form = Callable[[Tensor], Tensor]


def forms(device: torch.device) -> Iterator[tuple[str, Form, bool]]:
    """Yield names and functions, and whether their gradient is timed."""
    yield "copy", torch.clone, False
    yield "gelu alone", F.gelu, True
    for taps in (6, 12):
        kernel = design_jinc(taps, 0.25).float().to(device)
        for padding in ("zeros", "circular"):
            name = f"filtered gelu, {taps} taps, {padding}"
            yield name, lambda x, k=kernel, p=padding: filtered_activation(x, k, padding=p), True
        yield f"upsample, {taps} taps", lambda x, k=kernel: upsample(x, k), False
        yield f"downsample, {taps} taps", lambda x, k=kernel: downsample(x, k), False


def clock() -> float:
    """Return seconds, after the GPU has finished."""
    torch.cuda.synchronize()
    return time.perf_counter()


def repeated(call: Form, x: Tensor) -> None:
    """Call `CALLS` times."""
    for _ in range(CALLS):
        call(x)


def calls_of(form: Form, x: Tensor, differentiated: bool) -> Iterator[tuple[str, int, Form]]:
    """Yield directions, the bytes that they have to move, and calls."""
    y = form(x)
    yield "forward", x.nbytes + y.nbytes, form
    if differentiated:
        needed = x.detach().requires_grad_()
        y = form(needed)
        g = torch.ones_like(y)
        gradient = lambda _: torch.autograd.grad(y, needed, g, retain_graph=True)[0]  # noqa: E731
        yield "backward", 3 * x.nbytes, gradient


def kernels(rounds: int, device: torch.device) -> dict[str, dict[str, float]]:
    """Time every form, direction, type and layout."""
    rows = {}
    for dtype, layout in itertools.product((torch.bfloat16, torch.float32), LAYOUTS):
        x = torch.randn(SHAPE, device=device, dtype=dtype).to(memory_format=LAYOUTS[layout])
        timed = {
            f"{name}, {way}": (moved, call)
            for name, form, differentiated in forms(device)
            for way, moved, call in calls_of(form, x, differentiated)
        }
        calls = {name: partial(repeated, call, x) for name, (_, call) in timed.items()}
        times = side_by_side(calls, rounds, clock=clock)
        for name, (moved, _) in timed.items():
            of_copy = times.ratio("copy, forward", name) * moved / (2 * x.nbytes)
            row = {"microseconds": 1e6 * times.median(name) / CALLS, "share_of_copy": of_copy}
            rows[f"{name}, {str(dtype).removeprefix('torch.')}, {layout}"] = row
    return rows


def sampling(name: str, device: torch.device) -> float:
    """Return the seconds in which a network samples 2,000 images."""
    network = UNet(name).eval().to(device, torch.bfloat16, memory_format=torch.channels_last)
    schedule = Schedule.linear()

    def denoiser(x_t: Tensor, t: Tensor) -> Tensor:
        return x0_of(schedule, "eps", x_t, t, network(x_t.bfloat16(), t).float())

    def images() -> None:
        for _ in range(4):
            x_T = torch.randn(500, 3, 32, 32, device=device)
            for _ in sample(denoiser, schedule, x_T, steps=50):
                pass

    with torch.inference_mode():
        return side_by_side({name: images}, 1, clock=clock).median(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("results/gpu/bench-gpu.json"))
    options = parser.parse_args()
    device = torch.device("cuda")
    if reason := fused.forms()["cuda"]:
        raise SystemExit(f"no kernels to time: {reason}")
    in_steps = mock.patch.dict(os.environ, JINC_FUSED="0")
    result: dict[str, object] = {"shape": SHAPE, "machine": machine(device)}
    for form, context in (("fused", contextlib.nullcontext()), ("in steps", in_steps)):
        with context:
            rows = kernels(options.rounds if form == "fused" else 1, device)
            sampled = {name: sampling(name, device) for name in ("A", "D@6", "D@12")}
        result[form] = {"kernels": rows, "seconds_of_sampling": sampled}
        for name, row in rows.items():
            print(
                f"{form}: {name}: {row['microseconds']:.0f} µs, {row['share_of_copy']:.3f} of copy"
            )
        print(f"{form}: 2,000 images of DDIM-50: {sampled}", flush=True)
    write_json(options.out, result)


if __name__ == "__main__":
    main()
