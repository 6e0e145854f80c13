"""Measure the cost of alias-free layers by image size, batch and number of taps.

    python bench/cost.py [--rounds 11] [--quick] [--out results/bench-cost.json]

Training steps relative to those of A, and a filtered GELU, forward and backward, relative to a 3×3
convolution of the same maps. Batches of other image sizes have as many pixels, or one image. The
U-Net of the paper attends over all pixels, which dominates large images; the residual U-Net does at
the lowest resolution only.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from activation import Maps, in_steps
from step import network_of, training_step
from tables import Table, main
from timing import Size, side_by_side
from torch import nn

from jinc.nn import ResUNet

SIDES = (0.5, 1, 2, 4, 8)
"""Of images, relative to those of other benchmarks."""

BATCHES = (1, 4, 16, 64)
PARTS = 12
"""Measurements that share the time."""


def residual(name: str, size: Size) -> nn.Module:
    """Return the residual U-Net of a configuration."""
    return ResUNet(name, width=size.width, blocks=1, attention_levels=())


def relative(make: Callable[[str, Size], nn.Module], what: str, size: Size) -> dict[str, float]:
    """Return the time of a training step with filters relative to A."""
    calls = {name: training_step(make(name, size), size) for name in ("A", "D@6", "D@12")}
    times = side_by_side(calls, size.rounds, seconds=size.seconds / PARTS)
    return {f"{name}, {what}": times.ratio(name, "A") for name in ("D@6", "D@12")}


def by_size(size: Size) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield image sizes, with as many pixels a batch, and ratios."""
    for factor in SIDES:
        side, batch = int(size.side * factor), max(1, int(size.batch / factor**2))
        sized = replace(size, side=side, batch=batch)
        row = relative(residual, "residual U-Net", sized)
        yield str(side), row | (relative(network_of, "U-Net", sized) if factor <= 2 else {})


def by_batch(size: Size) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield batches and ratios."""
    for batch in BATCHES:
        if batch <= 4 * size.batch:
            yield str(batch), relative(network_of, "U-Net", replace(size, batch=batch))


def by_taps(size: Size) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield numbers of taps, and ratios of the activation."""
    maps, all_taps = Maps(size), range(2, 17, 2)
    calls = {f"{taps} fused": maps.filtered(taps) for taps in all_taps}
    calls |= {f"{taps} in steps": in_steps(maps.filtered(taps)) for taps in all_taps}
    calls["convolution"] = maps.convolution
    times = side_by_side(calls, size.rounds, seconds=size.seconds / PARTS)
    for taps in all_taps:
        forms = ("fused", "in steps")
        yield str(taps), {form: times.ratio(f"{taps} {form}", "convolution") for form in forms}


def measure(size: Size) -> list[Table]:
    """Measure all three."""
    images, batch = f"3×{size.side}×{size.side}", f"batch {size.batch}"
    pixels = f"{size.batch} images of {images}"
    return [
        Table(
            "Training step over that of A, by image size",
            dict(by_size(size)),
            f"As many pixels as in {pixels}, at least one image; width {size.width}.",
            axis="image size, pixels",
        ),
        Table(
            "Training step over that of A, by batch",
            dict(by_batch(size)),
            f"{images}, width {size.width}.",
            axis="batch",
        ),
        Table(
            "Filtered GELU over a 3×3 convolution, by taps",
            dict(by_taps(size)),
            f"{batch}, {2 * size.width} channels, {images[2:]}, forward and backward.",
            axis="taps",
        ),
    ]


if __name__ == "__main__":
    main(__doc__, measure, "cost")
