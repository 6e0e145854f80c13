"""Reductions of an anagram: the mean of the predictions, a rescaled mean, or one in turn.

The noises ε_i are combined, each already mapped back by its view. A mixture whose weights add up
to 1 is the same of clean images, for x0 = (x_t − √(1−ᾱ) ε)/√ᾱ is affine in ε at one x_t and t; any
other needs the schedule, to convert.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from jinc.diffusion.process import eps_of, with_noise_scaled
from jinc.diffusion.schedule import Schedule
from jinc.diffusion.timesteps import only_level
from jinc.errors import JincError
from jinc.types import Images, Steps


class Reduction(ABC):
    """Selects parts of an anagram, and combines their predictions."""

    def selected(self, count: int, t: Steps) -> Sequence[int]:
        """The indices, of 0 … count−1, of the parts evaluated at levels t `[B]`; by default all."""
        return range(count)

    @abstractmethod
    def __call__(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """Combine predictions to one x0_hat, `[B, C, H, W]`.

        Args:
            answers: of the selected parts, each mapped back, `[B, C, H, W]`.
            x_t: noisy images, `[B, C, H, W]`.
            t: their level, `[B]`.
        """


@dataclass(frozen=True)
class mean(Reduction):
    """The mean: `ε = Σ ε_i / n`, and so `x0 = Σ x0_i / n`.

    Where views disagree it is weaker than noise should be: the mean of n independent noises of
    variance 1 has variance 1/n. Images become smooth there.

    Source: visual anagrams (arXiv 2311.17919), section 3.2.
    """

    def __call__(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        return torch.stack(list(answers)).mean(0)


@dataclass(frozen=True)
class sum_preserving(Reduction):
    """The mean noise, rescaled so that its sum of squares is the mean of those of the parts.

    `ε = f ε̄` with ε̄ = Σ ε_i / n and `f² = Σ ‖ε_i‖² / (n ‖ε̄‖²)`. Since the mean of ‖ε_i‖² is ‖ε̄‖²
    plus the mean of ‖ε_i − ε̄‖², f compensates exactly what disagreement has cost: it is 1 where all
    agree, and √n, so that ε = Σ ε_i / √n, where noises are independent. Division by √n everywhere
    would be wrong: near t = T−1 all parts predict the same noise, that of x_t, which would be √n
    too strong. f is at most √n, for views that contradict each other leave nothing to amplify.

    Args:
        schedule: of the denoisers.
    """

    schedule: Schedule

    def __call__(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        eps = torch.stack([eps_of(self.schedule, "x0", x_t, t, x0_hat) for x0_hat in answers])
        common = eps.mean(0)
        power = eps.square().mean(0).sum((1, 2, 3), keepdim=True)
        left = common.square().sum((1, 2, 3), keepdim=True)
        factor = torch.where(power > 0, power / left, 1.0).sqrt().clamp(max=math.sqrt(len(eps)))
        return with_noise_scaled(self.schedule, x_t, t, torch.stack(list(answers)).mean(0), factor)


@dataclass(frozen=True)
class alternating(Reduction):
    """One part in turn: number i mod n at the i-th level, and only that one is evaluated.

    Nothing is averaged, so that the noise keeps its strength, at the cost of one part a step; there
    must be enough steps for each part.

    Args:
        levels: those that the sampler visits, as given to `sample(steps=...)`, at least one. They
            count from the highest down, once each: a level visited again selects the same part.

    Source: compared with the mean in visual anagrams (arXiv 2311.17919).
    """

    levels: Sequence[int]

    def __post_init__(self) -> None:
        if not self.levels:
            raise JincError("alternating needs one level or more")

    def selected(self, count: int, t: Steps) -> Sequence[int]:
        level = only_level(t)
        if level not in self.levels:
            raise JincError(f"alternating: {level} is not one of its levels; give the sampler's")
        return [sum(other > level for other in set(self.levels)) % count]

    def __call__(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        return answers[0]
