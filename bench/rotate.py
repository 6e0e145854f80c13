"""Time the rotation of a batch against SciPy's spline and against one network call.

    python bench/rotate.py [--rounds 11] [--quick] [--out results/bench-rotate.json]

64 images of 3×32×32 in float32, by one angle and by one angle per image. SciPy rotates them one by
one with `ndimage.rotate(order=3, mode="grid-wrap")`. The step is one call of the U-Net of width 32
(5.9 M parameters) without gradients, as in sampling. Times are those of the CPU, of which only
ratios are meaningful.
"""

import math
import time

import torch
from scipy import ndimage
from step import network_of, sampling_step
from tables import Table, main
from timing import Call, Size, side_by_side

from jinc.signal import rotate
from jinc.signal.rotate import METHODS

ANGLE_DEGREES = 0.09


def scipy_spline(x: torch.Tensor) -> list[object]:
    """Rotate images one by one."""
    return [
        ndimage.rotate(image, ANGLE_DEGREES, (2, 1), reshape=False, order=3, mode="grid-wrap")
        for image in x.numpy()
    ]


@torch.no_grad()
def measure(size: Size) -> list[Table]:
    """Time every method."""
    torch.manual_seed(0)
    x = torch.randn(4 * size.batch, 3, size.side, size.side)
    angle, angles = math.radians(ANGLE_DEGREES), torch.linspace(-3, 3, len(x))
    calls: dict[str, Call] = {
        "SciPy's spline": lambda: scipy_spline(x),
        **{method: lambda method=method: rotate(x, angle, method) for method in METHODS},
        "unitary, an angle each": lambda: rotate(x, angles),
        "step of the U-Net": sampling_step(network_of("A", size), size),
    }
    times = side_by_side(calls, size.rounds, seconds=size.seconds, clock=time.process_time)
    rows = {
        name: {
            "ms": 1e3 * times.median(name),
            "SciPy's over it": times.ratio("SciPy's spline", name),
            "over a step": times.ratio(name, "step of the U-Net"),
        }
        for name in calls
    }
    note = f"CPU time, medians of {times.rounds} rounds."
    return [Table(f"Rotation of {len(x)} images 3×{size.side}×{size.side}", rows, note)]


if __name__ == "__main__":
    main(__doc__, measure, "rotate")
