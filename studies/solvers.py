"""Which spacing of levels brings each sampler closest to the end of the flow?

    python studies/solvers.py [--out results/solvers.json]

Every sampler that draws no fresh noise runs with every spacing, in 5, 10, 20 and 50 calls of an
exact denoiser, on schedules of 1000 steps. For these data the end of the flow is known in closed
form, and the figures are root mean square distances from it:

- `gaussian`: 16 independent pixels whose variances fall from 1 to 10⁻⁴, like spectra of images;
- `mixture`: two Gaussians, of widths .2 and .1; and `points`: four equally likely values. In one
  dimension the flow preserves order, so it maps every quantile of the noise to that of the data.

x_T are the quantiles of white noise. Samplers are ranked by the geometric mean over `gaussian` and
`mixture` and all schedules: for `points` an error is 0 or a jump. `adaptive` runs twice: with the
levels of a spacing, and with its own at four tolerances. `euler` takes the steps of `ddim`.
"""

import argparse
import json
import math
import platform
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from jinc.diffusion import (
    SAMPLERS,
    SamplerFn,
    Schedule,
    Spacing,
    adaptive,
    gaussian,
    mixture,
    points,
    sampler_fn,
    spaced,
)
from jinc.files import writing
from jinc.types import Denoiser

CALLS = (5, 10, 20, 50)
SPACINGS = get_args(Spacing)
SCHEDULES = {"linear": Schedule.linear(), "cosine": Schedule.cosine(), "flow": Schedule.flow()}
TOLERANCES = (0.06, 0.02, 0.005, 0.001)
SAMPLED = ("ddim", "heun", "dpm++", "unipc", "deis", "adaptive")
RANKED = ("gaussian", "mixture")

QUANTILES = torch.special.ndtri((torch.arange(256, dtype=torch.float64) + 0.5) / 256)


@dataclass(frozen=True, eq=False)
class Flow:
    """The flow of known data.

    Args:
        denoiser: the exact one.
        x_T: the start, `[B, 1, H, W]`.
        end: the exact end, likewise.
    """

    denoiser: Denoiser
    x_T: Tensor
    end: Tensor

    def error(self, walk: SamplerFn, schedule: Schedule, levels: list[int]) -> float:
        """Measure how far from the end a sampler arrives, root mean square."""
        *_, last = walk(self.denoiser, schedule, self.x_T, steps=levels)
        return (last.x_t - self.end).square().mean().sqrt().item()


def gaussian_flow(schedule: Schedule) -> Flow:
    """Independent pixels, from N(√ᾱ mu, ᾱ v + 1 − ᾱ) to N(mu, v)."""
    variances, means = torch.logspace(-4, 0, 16).double(), torch.linspace(-0.5, 0.5, 16).double()
    a = schedule.alpha_bars[-1]
    x = QUANTILES[:, None].expand(-1, 16)
    end = means + (x - a.sqrt() * means) * (variances / (a * variances + 1 - a)).sqrt()
    denoiser = gaussian(schedule, means.view(1, 4, 4), torch.diag(variances))
    return Flow(denoiser, x.reshape(-1, 1, 4, 4), end.view(-1, 1, 4, 4))


def mixture_flow(schedule: Schedule) -> Flow:
    """A pixel from a mixture of two Gaussians."""
    weights, means, widths = torch.tensor([[0.3, 0.7], [-0.6, 0.5], [0.2, 0.1]]).double()

    def below(x: Tensor, a: Tensor) -> Tensor:
        width = (a * widths**2 + 1 - a).sqrt()
        return (weights * torch.special.ndtr((x[:, None] - a.sqrt() * means) / width)).sum(1)

    share = below(QUANTILES, schedule.alpha_bars[-1])
    low, high = torch.full_like(share, -3), torch.full_like(share, 3)
    for _ in range(60):
        middle = (low + high) / 2
        under = below(middle, torch.ones(())) < share
        low, high = torch.where(under, middle, low), torch.where(under, high, middle)
    pairs = zip(means, widths, strict=True)
    parts = [gaussian(schedule, m.view(1, 1, 1), w.square().view(1, 1)) for m, w in pairs]
    return Flow(mixture(weights, parts), QUANTILES.view(-1, 1, 1, 1), low.view(-1, 1, 1, 1))


def points_flow(schedule: Schedule) -> Flow:
    """A pixel with four values."""
    values, a = torch.tensor([-0.9, -0.2, 0.1, 0.8]).double(), schedule.alpha_bars[-1]
    share = torch.special.ndtr((QUANTILES[:, None] - a.sqrt() * values) / (1 - a).sqrt()).mean(1)
    end = values[(share * 4).long().clamp(max=3)]
    start = QUANTILES.view(-1, 1, 1, 1)
    return Flow(points(schedule, values.view(4, 1, 1, 1)), start, end.view(-1, 1, 1, 1))


FLOWS: dict[str, Callable[[Schedule], Flow]] = {
    "gaussian": gaussian_flow,
    "mixture": mixture_flow,
    "points": points_flow,
}


def walk_of(name: str) -> SamplerFn:
    """Return the sampler; adaptive as its steps are at given levels."""
    return partial(adaptive, tolerance=0.0) if name == "adaptive" else sampler_fn(name)


def levels_of_calls(name: str, schedule: Schedule, spacing: Spacing, calls: int) -> list[int]:
    """Return the levels for a number of calls, of which the last level takes one."""
    return spaced(schedule, (calls - 1) // SAMPLERS[name].calls_per_step + 1, spacing)


def errors(name: str, spacing: Spacing) -> dict[str, Any]:
    """Measure one sampler with one spacing: data, schedule, calls."""
    return {
        data: {
            kind: {
                calls: flow(schedule).error(
                    walk_of(name), schedule, levels_of_calls(name, schedule, spacing, calls)
                )
                for calls in CALLS
            }
            for kind, schedule in SCHEDULES.items()
        }
        for data, flow in FLOWS.items()
    }


def adaptive_errors() -> list[dict[str, Any]]:
    """Measure `adaptive` with its own levels."""
    found = []
    for tolerance in TOLERANCES:
        for kind, schedule in SCHEDULES.items():
            for data, make in FLOWS.items():
                flow = make(schedule)
                *_, last = adaptive(flow.denoiser, schedule, flow.x_T, tolerance=tolerance)
                found.append(
                    {
                        **{"tolerance": tolerance, "data": data, "schedule": kind},
                        "calls": last.calls.double().mean().item(),
                        "error": (last.x_t - flow.end).square().mean().sqrt().item(),
                    }
                )
    return found


def mean_error(found: dict[str, Any], calls: int) -> float:
    """Return the geometric mean over data and schedules."""
    logs = [math.log(found[data][kind][calls]) for data in RANKED for kind in SCHEDULES]
    return math.exp(sum(logs) / len(logs))


def nearest(found: dict[str, Any]) -> Spacing:
    """Return the spacing with the smallest error in 10 and 20 calls."""
    return min(
        SPACINGS, key=lambda spacing: found[spacing]["mean"][10] * found[spacing]["mean"][20]
    )


def table(found: dict[str, Any]) -> str:
    """Format the means in 10 and 20 calls as Markdown, with the best spacing in bold."""
    lines = ["| sampler | " + " | ".join(SPACINGS) + " |", "| --- " * (1 + len(SPACINGS)) + "|"]
    for name, spacings in found.items():
        cells = []
        for spacing in SPACINGS:
            means = spacings[spacing]["mean"]
            words = ", ".join(f"{means[n]:.4f}"[1:] for n in (10, 20))
            cells.append(f"**{words}**" if spacing == nearest(spacings) else words)
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/solvers.json"))
    options = parser.parse_args()
    warnings.simplefilter("ignore", DeprecationWarning)  # from NumPy, within diffusers
    found: dict[str, Any] = {}
    for name in SAMPLED:
        found[name] = {}
        for spacing in SPACINGS:
            own = errors(name, spacing)
            found[name][spacing] = own | {"mean": {n: mean_error(own, n) for n in CALLS}}
    result = {
        "what": "root mean square distance from the end of the flow, by sampler, spacing, data, "
        "schedule of 1000 steps and calls of an exact denoiser; 'mean' is the geometric mean over "
        f"{' and '.join(RANKED)} and all schedules",
        "nearest_in_10_and_20_calls": {name: nearest(own) for name, own in found.items()},
        "samplers": found,
        "adaptive_by_tolerance": adaptive_errors(),
        "machine": f"{platform.processor() or platform.machine()}, torch {torch.__version__}",
    }
    with writing(options.out) as file:
        file.write((json.dumps(result, indent=2, ensure_ascii=False) + "\n").encode())
    print(table(found))
    print(result["nearest_in_10_and_20_calls"])


if __name__ == "__main__":
    main()
