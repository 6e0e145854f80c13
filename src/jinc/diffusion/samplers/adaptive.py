"""Adaptive sampling: the longest steps that an error tolerance allows, for each image.

On the straight path from image to noise, `flow`, an image moves by `dz/dτ = u = (z − x0_hat)/τ`. By
differentiating τ u = z − x0_hat, u changes only as x0_hat does: `du/dτ = −(dx0_hat/dτ)/τ`. So with
x0_hat = a + b τ² since the level before, the slope du/dτ is −2b, and a step of length h is

    z(τ + h) = z + h u + ½ h² s,    s = −2 (x0_hat − x0_hat_before)/(τ² − τ_before²).

Its last term, known before the step, is the error of DDIM, and a shorter step needs no further
call. So the next level is the farthest at which that term is within the tolerance (`step_length`):
one call a step, and no step is rejected. The next prediction is used twice, for the step that led
there is corrected with the slope that it really had, at no cost.

Distance to the end of the flow after a number of calls on average, root mean square in ±1 images of
a class-conditional U-Net of MNIST with 300 levels (`studies/adaptive.py`):

    DDIM                              7: .100   9: .081   12: .064   20: .041   50: .018
    DPM-Solver++, 2M                  7: .088   9: .068   12: .046
    this, at even levels              7: .050   9: .029   12: .015
    this                            6.7: .052 8.1: .033 11.2: .015

So most is due to τ and to second order, and images of one kind differ little in the calls they need
(±7 %). The benefit of adaptivity is that no levels have to be chosen: even ones suit this schedule,
but not every one.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Self, TypeAlias

import torch
from torch import Tensor

from jinc.diffusion.complexity import complexity_normalised
from jinc.diffusion.effects.effect import evaluate_rows
from jinc.diffusion.samplers.sampler import After, Sampler, SamplerFn, Step, falling_levels
from jinc.diffusion.samplers.step_length import LevelGrid, Slope, over
from jinc.diffusion.schedule import Schedule
from jinc.errors import JincError, unknown
from jinc.types import Denoiser, Images, Noise

Weight: TypeAlias = Callable[[Images], Tensor]
"""`x0_hat -> [n, 1 or C, H, W]`, ≥ 0: the weights of errors by pixel."""


@dataclass(frozen=True, eq=False)
class AdaptiveStep(Step):
    """The state after a step of every image that is not done; `t` is the highest level.

    Args:
        levels: of each image, `[B]`.
        calls: of the denoiser for each image so far, `[B]`.
    """

    levels: Tensor
    calls: Tensor

    def first(self, count: int) -> Self:
        """Return the step of the first images alone."""
        fewer = super().first(count)
        return replace(fewer, levels=self.levels[:count], calls=self.calls[:count])


def adaptive(
    denoiser: Denoiser,
    schedule: Schedule,
    x_T: Images,
    *,
    tolerance: float,
    weight: Weight | None = None,
    steps: int | Sequence[int] | None = None,
    noise: Noise | None = None,
    after: After | None = None,
) -> Iterator[AdaptiveStep]:
    """Denoise x_T along the flow, every image by its own levels, and yield every state.

    An image depends on its neighbours in the batch only by rounding, which may tip the choice
    between two levels. Images that are done are not evaluated, if the denoiser's leaves have
    `rows`.

    The final error halves with the tolerance; the number of calls grows as 1/√tolerance. For a
    small model of digits, .02 takes 8 calls and .005 takes 15.

    Args:
        denoiser: see `SamplerFn`; each image has its own level, which effects that need one for
            all, such as `alternating` and `framed`, refuse.
        schedule: see `SamplerFn`.
        x_T: see `SamplerFn`.
        tolerance: root mean square change of the final image if a step were one of DDIM, ≥ 0; at 0
            every level is visited.
        weight: of errors, such as `complexity_normalised`; only ratios within an image matter.
            By default uniform.
        steps: the levels to choose from: their number, evenly from T−1 to 0, which is then the
            largest number of calls; or the falling levels themselves. All by default.
        noise: ignored.
        after: see `SamplerFn`; for single images, as it takes one level. No step is made again,
            which would undo its change.

    Returns:
        an iterator of one `AdaptiveStep` for each move of the image that takes the most.

    Raises:
        JincError: at once, for images, steps or a tolerance that make no sense, or an `after` for
            several images; later, for weights whose shape does not fit.

    Source: Adams' methods of order 2, as predictor and corrector; in τ as CAB (arXiv 2605.16736),
        the corrector unasked as UniPC (2302.04867). Steps by local error, an image its own:
        Gotta Go Fast (2105.14080), torchode (2210.12375).

    >>> torch_noise = torch.randn(2, 1, 8, 8)
    >>> walk = adaptive(lambda x, t: 0 * x, Schedule.linear(), torch_noise, tolerance=0.01)
    >>> *_, last = walk
    >>> last.t, last.levels.tolist(), int(last.calls.max()) < 10, float(last.x_t.abs().max())
    (-1, [-1, -1], True, 0.0)
    """
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise JincError(f"tolerance: {tolerance} is not a finite number, 0 or more")
    if after is not None and len(x_T) != 1:
        raise JincError(
            f"after: goes by one level, and these {len(x_T)} images will each have their own; give "
            "one image at a time"
        )
    levels = falling_levels(schedule, x_T, len(schedule) if steps is None else steps)
    return _walk(denoiser, LevelGrid.at(schedule, levels, x_T), x_T, tolerance, weight, after)


USUAL_TOLERANCE = 0.01
"""The default tolerance."""

WEIGHTS: Mapping[str, Weight] = {"complexity": complexity_normalised}
"""Weights of errors by name: `complexity` counts those in busy areas more."""


def _by_name(tolerance: float = USUAL_TOLERANCE, tolerance_by: str | None = None) -> SamplerFn:
    """Make adaptive from its options, `tolerance_by` being a name in `WEIGHTS`."""
    if tolerance_by is None:
        return partial(adaptive, tolerance=tolerance)
    if tolerance_by not in WEIGHTS:
        raise unknown(f"tolerance-by: {tolerance_by!r} is unknown", tolerance_by, WEIGHTS)
    return partial(adaptive, tolerance=tolerance, weight=WEIGHTS[tolerance_by])


def _expected_calls(tolerance: float = USUAL_TOLERANCE, tolerance_by: str | None = None) -> int:
    """About how many calls an image takes; as measured of digits, and growing as 1/√tolerance."""
    return math.ceil(15 * math.sqrt(0.005 / max(tolerance, 1e-12)))


ADAPTIVE = Sampler(
    name="adaptive",
    make=_by_name,
    options=("tolerance", "tolerance_by"),
    default_steps=None,
    spacing="even",
    shared_level=False,
    expected_calls=_expected_calls,
)


@dataclass(frozen=True, eq=False)
class _State:
    """Some images at their places in the grid, `[n]`, and the predictions there."""

    place: Tensor
    z: Images
    x0_hat: Images

    def only(self, those: Tensor) -> Self:
        """Select some images."""
        return type(self)(self.place[those], self.z[those], self.x0_hat[those])

    def slope(self, grid: LevelGrid, before: Self) -> Slope:
        """du/dτ since the place before."""
        here, there = grid.time[self.place], grid.time[before.place]
        change = over(-2 / (here.square() - there.square()), self.z)
        return Slope(change * (self.x0_hat - before.x0_hat), there, here)

    def moved(self, grid: LevelGrid, slope: Images, place: Tensor) -> Images:
        """z at other places, for a constant slope; at the last one x0_hat itself."""
        here, there = grid.time[self.place], grid.time[place]
        share = over(there / here, self.z)
        bend = torch.where(place < grid.last, (there - here).square() / 2, 0)
        return share * self.z + (1 - share) * self.x0_hat + over(bend, self.z) * slope


@torch.no_grad()
def _walk(
    denoiser: Denoiser,
    grid: LevelGrid,
    x_T: Images,
    tolerance: float,
    weight: Weight | None,
    after: After | None,
) -> Iterator[AdaptiveStep]:
    """Move all images until they are done."""
    x = x0_hat = x_T
    rows = torch.arange(len(x_T), device=x_T.device)
    place, calls = torch.zeros_like(rows), torch.zeros_like(rows)
    before: _State | None = None
    slope: Slope | None = None
    while len(rows):
        answer = evaluate_rows(denoiser, x, grid.t[place].clamp(min=0), rows)[rows].to(x.dtype)
        calls = calls.index_add(0, rows, torch.ones_like(rows))
        here = place[rows]
        now = _State(here, x[rows] / over(grid.scale[here], x), answer)
        if before is None:
            there, bend = grid.first(here, tolerance), torch.zeros_like(answer)
        else:
            slope_before, slope = slope, now.slope(grid, before)
            counts = None if weight is None else weight(answer)
            there, bend = grid.next(here, slope, slope_before, counts, tolerance), slope.value
            if after is None:  # correct the last step
                now = replace(now, z=before.moved(grid, bend, here))
        moved = now.moved(grid, bend, there) * over(grid.scale[there], x)
        x, x0_hat = x.index_copy(0, rows, moved), x0_hat.index_copy(0, rows, answer)
        place = place.index_copy(0, rows, there)
        t = int(grid.t[place].max())
        if after is not None:
            x = after(x, t)
        yield AdaptiveStep(t, x, x0_hat, grid.t[place], calls)
        still = (there < grid.last).nonzero().flatten()
        rows, before = rows[still], now.only(still)
        slope = None if slope is None else slope.only(still)
