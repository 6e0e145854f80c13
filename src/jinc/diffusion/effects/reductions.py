"""How the answers of an anagram's parts become one: their mean, a louder mean, or one in turn.

What is joined are noises ε_i, each already turned back by its view. A mixture whose weights add up
to 1 is the same of clean images, for x0 = (x_t − √(1−ᾱ) ε)/√ᾱ is affine in ε at one x_t and t; any
other needs the schedule, to go there and back.
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
    """Which parts are asked, and how their answers become one."""

    def asked(self, count: int, t: Steps) -> Sequence[int]:
        """The numbers of the parts that are asked at levels t `[B]`; of 0 … count−1, all."""
        return range(count)

    @abstractmethod
    def __call__(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """One x0_hat from several.

        Args:
            answers: of the parts that were asked, each turned back, `[B, C, H, W]`.
            x_t: what they were asked about, `[B, C, H, W]`.
            t: its level, `[B]`.

        Returns:
            x0_hat, `[B, C, H, W]`.
        """


@dataclass(frozen=True)
class mean(Reduction):
    """The mean: `ε = Σ ε_i / n`, and so `x0 = Σ x0_i / n`.

    Where views disagree it is fainter than noise should be: of n independent noises of variance 1
    it has the variance 1/n. Pictures get smooth there.

    Source: visual anagrams (arXiv 2311.17919), section 3.2.
    """

    def __call__(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """The mean of the clean images."""
        return torch.stack(list(answers)).mean(0)


@dataclass(frozen=True)
class sum_preserving(Reduction):
    """The mean noise, made as loud as the parts are: the sum of squares of an image is preserved.

    `ε = f ε̄` with ε̄ = Σ ε_i / n and `f² = Σ ‖ε_i‖² / (n ‖ε̄‖²)`, so that ‖ε‖² is the mean of the
    ‖ε_i‖². Since the mean of ‖ε_i‖² is ‖ε̄‖² and the mean of ‖ε_i − ε̄‖², f makes up for just what
    the disagreement has cost: it is 1 where all agree, and √n, which makes ε = Σ ε_i / √n, where
    noises are independent. Division by √n everywhere would be wrong: near t = T−1 all parts find
    the same noise, that of x_t, and it would be √n too loud. f is never more than √n, for views
    that contradict each other leave nothing to amplify.

    Args:
        schedule: of the denoisers.
    """

    schedule: Schedule

    def __call__(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """The clean image behind the louder mean."""
        eps = torch.stack([eps_of(self.schedule, "x0", x_t, t, x0_hat) for x0_hat in answers])
        common = eps.mean(0)
        power = eps.square().mean(0).sum((1, 2, 3), keepdim=True)
        left = common.square().sum((1, 2, 3), keepdim=True)
        louder = torch.where(power > 0, power / left, 1.0).sqrt().clamp(max=math.sqrt(len(eps)))
        return with_noise_scaled(self.schedule, x_t, t, torch.stack(list(answers)).mean(0), louder)


@dataclass(frozen=True)
class alternating(Reduction):
    """One part in turn: number i mod n at the i-th level, and only that one is asked.

    Nothing is averaged, so that the noise is as loud as a denoiser makes it, at the price of one
    part a step; the steps have to be many enough for each part.

    Args:
        levels: those that the sampler visits, as given to `sample(steps=...)`. They count from the
            highest down, once each: where a path comes back to a level, the same part is asked.

    Source: compared with the mean in visual anagrams (arXiv 2311.17919).
    """

    levels: Sequence[int]

    def __post_init__(self) -> None:
        if not self.levels:
            raise JincError("alternating needs one level or more")

    def asked(self, count: int, t: Steps) -> Sequence[int]:
        """The one part whose turn it is."""
        level = only_level(t)
        if level not in self.levels:
            raise JincError(f"alternating: {level} is not one of its levels; give the sampler's")
        return [sum(other > level for other in set(self.levels)) % count]

    def __call__(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """The only answer."""
        return answers[0]
