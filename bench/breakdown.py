"""Measure what a machine can do at best, and the share of it that a training step of A reaches.

    python bench/breakdown.py [--rounds 11] [--quick] [--out results/bench-breakdown.json]

Batch 16 of 3×32×32, width 32, float32. The share is that of the rate of the best matrix product, in
the same rounds; operations are those of convolutions and matrix products, forward and backward, two
for each multiply-add. The time of a step by operations is the profiler's.
"""

import re
from collections import Counter

import torch
from step import forward_and_backward, network_of, training_step
from tables import Table, main
from timing import Call, Size, side_by_side
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

OPERATIONS = {
    "convolutions, backward": r"convolution_?backward",
    "convolutions, forward": r"conv",
    "attention": r"dot_product|bmm",
    "linear layers": r"mm",
    "normalisation": r"norm",
    "nonlinearities": r"gelu",
    "pooling, upsampling": r"pool|upsample",
    "optimiser": r"adam",
    "copies": r"copy|fill|cat",
    "everything else": r"",
}
"""Patterns of torch's names of operators; the first that matches counts."""


def group_of(operator: object) -> str:
    """Return the group of an operator."""
    name = str(operator).lower()
    return next(group for group, pattern in OPERATIONS.items() if re.search(pattern, name))


def gflop_of(size: Size) -> Counter[str]:
    """Count the operations of a training step of A by group, in 10⁹."""
    with torch.device("meta"):  # nothing is computed, and attention is matrix products there
        gradients = forward_and_backward(network_of("A", size), size)
        with FlopCounterMode(display=False) as counter:
            gradients()
    found: Counter[str] = Counter()
    for operator, flop in counter.get_flop_counts()["Global"].items():
        found[group_of(operator)] += flop / 1e9
    return found


def shares_of(step: Call, steps: int) -> dict[str, float]:
    """Return the share of each group in the time of a step."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(steps):
            step()
    found: Counter[str] = Counter()
    for event in profiler.key_averages():
        found[group_of(event.key)] += event.self_cpu_time_total
    return {group: found[group] / found.total() for group in OPERATIONS}


def measure(size: Size) -> list[Table]:
    """Measure bandwidth, matrix rate and the step."""
    step = training_step(network_of("A", size), size)
    source = torch.randn(2**21 * size.width)
    target = source.clone()
    products = {n * size.width: torch.randn(2, *2 * [n * size.width]) for n in (16, 32, 64)}
    calls: dict[object, Call] = {"step": step, "copy": lambda: target.copy_(source)}
    calls |= {side: lambda ab=ab: ab[0] @ ab[1] for side, ab in products.items()}
    times = side_by_side(calls, size.rounds, seconds=size.seconds)

    gflop = {side: 2e-9 * side**3 for side in products}
    rates = {side: gflop[side] / times.median(side) for side in products}
    copied = 2e-9 * source.nbytes / times.median("copy")
    roofs = {f"product of {n}×{n} matrices": {"GFLOP/s": rate} for n, rate in rates.items()}
    roofs[f"copy of {source.nbytes >> 20} MiB"] = {"GB/s, read and written": copied}

    best = max(rates, key=rates.__getitem__)
    possible = gflop[best] * times.ratio("step", best)  # in the time of a step
    took = f"{times.median('step'):.3g} s, the median of {times.rounds} rounds"
    note = f"{took}. The matrix rate is that of {best}×{best} matrices."
    rows = rows_of(shares_of(step, 1 + size.rounds // 3), gflop_of(size), possible)
    return [Table("The machine at best, float32", roofs), Table("A training step of A", rows, note)]


def rows_of(
    shares: dict[str, float], gflop: Counter[str], possible: float
) -> dict[str, dict[str, float]]:
    """Return the figures of a step and of each group, given the GFLOP possible in its time."""
    rows = {}
    for group, share in {"step": 1.0, **shares}.items():
        done = gflop.total() if group == "step" else gflop[group]
        rows[group] = {"share of time": share}
        if done:
            rows[group] |= {"GFLOP": done, "share of matrix rate": done / possible / share}
    return rows


if __name__ == "__main__":
    main(__doc__, measure, "breakdown")
