"""Compare the accuracy and speed of resampling and rotation with their slow references.

    python bench/kernels.py [--device auto] [--rounds 20] [--out FILE]

128 maps of 32 channels, 32×32; 1,024 on an accelerator, more than its cache holds. The error is
‖fast − slow‖ / ‖slow‖ on noise, with the slow reference in float64 on the CPU. Times are medians
over rounds, in each of which everything runs once, ten calls at a time on an accelerator. GB/s
count each input and output once: the upper limit is the rate of a copy.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from machine import machine
from torch import Tensor

from jinc.files import writing
from jinc.models import choose_device, keep_freed_memory
from jinc.signal import design_jinc, downsample, filtered_activation, reference, rotate, upsample

MAPS = (32, 32, 32)
ANGLE = 0.3
TAPS = (6, 12)

Form = Callable[[Tensor], Tensor]


def forms() -> dict[str, tuple[Form, Form | None]]:
    """Return each function by name, with its slow reference if there is one."""
    found: dict[str, tuple[Form, Form | None]] = {}
    for taps in TAPS:
        kernel = design_jinc(taps, 0.25)
        for fast, slow in (
            (upsample, reference.upsample),
            (downsample, reference.downsample),
            (filtered_activation, reference.filtered_activation),
        ):
            pair = partial(_with, fast, kernel), partial(_with, slow, kernel)
            found[f"{fast.__name__}, {taps} taps"] = pair
    found["rotate, unitary"] = (lambda x: rotate(x, ANGLE), None)
    found["gelu alone"] = (torch.nn.functional.gelu, None)
    found["copy"] = (torch.clone, None)
    return found


def _with(form: Callable[[Tensor, Tensor], Tensor], kernel: Tensor, x: Tensor) -> Tensor:
    return form(x, kernel.to(x.device))


def disagreement(fast: Form, slow: Form, device: torch.device, dtype: torch.dtype) -> float:
    """Return the relative error on the device against the slow reference in float64."""
    x = torch.randn(4, *MAPS)
    found = fast(x.to(device, dtype)).double().cpu()
    expected = slow(x.to(dtype).double())
    return float((found - expected).norm() / expected.norm())


def seconds(form: Form, x: Tensor, calls: int) -> float:
    """Return the mean time of consecutive calls, including synchronisation."""
    if x.is_cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(calls):
        form(x)
    if x.is_cuda:
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / calls


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    keep_freed_memory()
    torch.manual_seed(0)
    device = choose_device(options.device)
    on_gpu = device.type == "cuda"
    out = options.out or Path("results/gpu" if on_gpu else "results", "bench-kernels.json")
    calls = 10 if on_gpu else 1

    x = torch.randn(1024 if on_gpu else 128, *MAPS, device=device)
    timed: dict[str, Form] = {}
    for name, (fast, slow) in forms().items():
        timed[name] = fast
        if slow is not None:
            timed[f"{name}, slow"] = slow
    took: dict[str, list[float]] = {name: [] for name in timed}
    for form in timed.values():
        seconds(form, x, 2)
    for _ in range(options.rounds):
        for name, form in timed.items():
            took[name].append(seconds(form, x, calls))

    rows = {}
    for name, (fast, slow) in forms().items():
        median = statistics.median(took[name])
        moved = x.nbytes + fast(x).nbytes
        rows[name] = {"microseconds": 1e6 * median, "gb_per_second": moved / median / 1e9}
        if slow is not None:
            rows[name] |= {
                "times_as_fast_as_slow": statistics.median(took[f"{name}, slow"]) / median,
                "error_float32": disagreement(fast, slow, device, torch.float32),
                "error_bfloat16": disagreement(fast, slow, device, torch.bfloat16),
            }
        words = ", ".join(f"{key} {value:.3g}" for key, value in rows[name].items())
        print(f"{name:30} {words}", flush=True)
    result = {"shape": list(x.shape), "forms": rows, "machine": machine(device)}
    with writing(out) as file:
        file.write((json.dumps(result, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
