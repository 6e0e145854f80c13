"""Compare filters of the corrected design without training: fidelity, equivariance, time.

    python studies/designs.py PHOTOS [--seeds 4] [--rounds 7] [--out results/designs.json]

- fidelity: signal to error, dB, between a filter and the ideal square one, on photographs of
  256×256: downsampled by two, and upsampled again. `pooling` is 2×2 average and nearest neighbour.
- images: power of the three spectral images that upsampling leaves of a tone of 0.05 cycles per
  pixel along a row, relative to the tone, dB.
- equivariance: f(shift x) against shift f(x) for half a pixel, dB, output range as peak, of U-Nets
  with random weights under circular padding: on white noise, and on photographs of 32×32.
- time: training step relative to A (batch 16 of 3×32×32, width 32, forward and backward), median of
  the ratios over rounds in which each runs once.

`studies/designs.yaml` trains networks with these filters; docs/studies.md shows both.
"""

import argparse
import json
import math
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from jinc.data import load_images, to_float
from jinc.files import writing
from jinc.nn import UNet, parse_config
from jinc.signal import downsample, ideal_downsample, ideal_upsample, shift, upsample

FILTERS = ("D@6", "D@8", "D@10", "D@12", "D@sinc6", "D@sinc8", "D@sinc12")
NETWORKS = ("A", *FILTERS, "D@12,D@6", "D@12,D@8", "D@ideal")
TONE = 0.05
"""Cycles per pixel of the coarse grid."""

Resamplers = tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]


def resamplers(name: str) -> Resamplers:
    """Return down- and upsampling by a filter, or by average pooling and nearest neighbour."""
    if name == "pooling":
        return (lambda x: F.avg_pool2d(x, 2)), (lambda x: F.interpolate(x, scale_factor=2))
    kernel = parse_config(name).kernel()
    down, up = downsample, upsample
    return (
        lambda x: down(x, kernel, padding="circular"),
        lambda x: up(x, kernel, padding="circular"),
    )


def decibels(expected: Tensor, found: Tensor) -> float:
    """Return signal to error over all images, dB, without the mean."""
    signal = expected - expected.mean((-2, -1), keepdim=True)
    return 10 * math.log10(float(signal.square().sum() / (found - expected).square().sum()))


def images_of_a_tone(up: Callable[[Tensor], Tensor], size: int = 200) -> float:
    """Return the power outside an upsampled tone relative to the tone, dB."""
    phase = 2 * math.pi * TONE * torch.arange(size, dtype=torch.float64)
    tone = torch.cos(phase).expand(1, 1, size, size)
    power = torch.fft.fft2(up(tone)).abs().square()[0, 0]
    own = [round(TONE * size), -round(TONE * size)]
    kept = power[0, own].sum()
    return 10 * math.log10(float((power.sum() - kept) / kept))


@torch.no_grad()
def half_pixel(name: str, seed: int, x: Tensor) -> float:
    """Return the equivariance to half a pixel of a network with random weights, dB."""
    torch.manual_seed(seed)
    network, t = UNet(name, padding="circular").eval(), torch.full((len(x),), 300)
    expected = shift(network(x, t), 0.0, 0.5)
    error = (network(shift(x, 0.0, 0.5), t) - expected).square().mean()
    return float(20 * (expected.max() - expected.min()).log10() - 10 * error.log10())


def training_step(name: str) -> Callable[[], None]:
    """Return a function that runs one forward and backward pass."""
    network = UNet(name)
    x_t, t, eps = torch.randn(16, 3, 32, 32), torch.randint(1000, (16,)), torch.randn(16, 3, 32, 32)
    return lambda: (network(x_t, t) - eps).square().mean().backward()


def step_times(rounds: int) -> dict[str, float]:
    """Return the median over rounds of each step time relative to A in the same round."""
    steps = {name: training_step(name) for name in NETWORKS}
    ratios: dict[str, list[float]] = {name: [] for name in NETWORKS}
    for each in range(rounds + 1):
        seconds = {}
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            seconds[name] = time.perf_counter() - start
        for name in NETWORKS if each else ():  # the first round warms up
            ratios[name].append(seconds[name] / seconds["A"])
    return {name: statistics.median(values) for name, values in ratios.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("results/designs.json"))
    options = parser.parse_args()

    large = load_images(options.photos, image_size=256, channels=1)
    photos = to_float(torch.as_tensor(large.images).permute(0, 3, 1, 2)).double()
    small = load_images(options.photos, image_size=32, channels=3)
    scenes = to_float(torch.as_tensor(small.images).permute(0, 3, 1, 2))[:8]
    noise = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    half = ideal_downsample(photos)
    rows: dict[str, dict[str, float]] = {name: {} for name in ("pooling", *NETWORKS)}
    for name in ("pooling", *FILTERS):
        down, up = resamplers(name)
        rows[name]["down_db"] = decibels(half, down(photos))
        rows[name]["down_up_db"] = decibels(ideal_upsample(half), up(down(photos)))
        rows[name]["images_db"] = images_of_a_tone(up)
    for name, took in step_times(options.rounds).items():
        rows[name]["step_over_a"] = took
        for kind, x in {"noise": noise, "photographs": scenes}.items():
            each = [half_pixel(name, seed, x) for seed in range(options.seeds)]
            rows[name][f"half_pixel_{kind}_db"] = statistics.mean(each)
    for name, row in rows.items():
        print(f"{name:10}", "  ".join(f"{key} {value:.3g}" for key, value in row.items()))
    threads = f"{torch.get_num_threads()} threads"
    facts = {
        "photographs": len(photos),
        "seeds": options.seeds,
        "rounds": options.rounds,
        "machine": f"{platform.machine()}, {threads}, torch {torch.__version__}",
    }
    with writing(options.out) as file:
        text = json.dumps({"facts": facts, "filters": rows}, indent=2, ensure_ascii=False)
        file.write((text + "\n").encode())


if __name__ == "__main__":
    main()
