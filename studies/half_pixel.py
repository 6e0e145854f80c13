"""Measure the equivariance of untrained U-Nets to a shift by half a pixel.

    python studies/half_pixel.py [--seeds 8] [--out results/half-pixel.json]

PSNR of f(shift x) against shift f(x), with the output's range as peak, for white noise of 3×32×32
under circular padding, shifted along its rows; mean over networks with random weights.
"""

import argparse
import json
import statistics
from pathlib import Path

import torch

from jinc.nn import UNet
from jinc.signal import shift

CONFIGS = (
    *("A", "D-2N", "D+plain@6", "D+plain@12", "D@6", "D@12", "D@ideal"),
    *("D@6/0.2", "D@12/0.2", "B@6,D@6", "A,D@6"),
)


@torch.no_grad()
def equivariance_db(name: str, seed: int, pixels: float = 0.5) -> float:
    """Return the PSNR in dB for the network of one seed."""
    torch.manual_seed(seed)
    network = UNet(name, padding="circular").eval()
    x, t = torch.randn(4, 3, 32, 32), torch.tensor([100, 300, 600, 900])
    expected = shift(network(x, t), 0.0, pixels)
    error = (network(shift(x, 0.0, pixels), t) - expected).square().mean()
    peak = expected.max() - expected.min()
    return (20 * peak.log10() - 10 * error.log10()).item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("results/half-pixel.json"))
    options = parser.parse_args()

    figures = {}
    for name in CONFIGS:
        each = [equivariance_db(name, seed) for seed in range(options.seeds)]
        figures[name] = {"mean_db": statistics.mean(each), "std_db": statistics.stdev(each)}
        print(f"{name:12} {figures[name]['mean_db']:5.1f} ± {figures[name]['std_db']:.1f} dB")
    result = {"what": __doc__.split("\n\n")[2].replace("\n", " ").strip(), "db": figures}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
