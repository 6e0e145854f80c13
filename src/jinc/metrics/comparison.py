"""Denoising at one noise level by classical filters and by a model, and how close they come."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from jinc.diffusion import Schedule, SeededNoise, Step, forward, strided
from jinc.errors import JincError
from jinc.metrics.decibels import decibels
from jinc.models import PixelModel, SamplingPlan, joint_denoiser
from jinc.signal import gaussian_blur, median, non_local_means
from jinc.signal.padding import Edges
from jinc.types import Denoiser, Images

CLASSICAL: dict[str, Callable[[Images, float, Edges], Images]] = {
    "noisy": lambda x, noise_std, edges: x,
    "Gaussian blur": lambda x, noise_std, edges: gaussian_blur(x, 3, 0.8, edges),
    "median": lambda x, noise_std, edges: median(x, 3, edges),
    "non-local means": lambda x, noise_std, edges: non_local_means(
        x, 0.8 * noise_std, noise_std, padding=edges
    ),
}
"""Classical filters: (images, standard deviation of their noise, edges) -> images."""

ONE_STEP = "one step"
ITERATIVE = "iterative"


@torch.no_grad()
def quick_answers(
    denoiser: Denoiser,
    schedule: Schedule,
    x_t: Images,
    t: int,
    restored: bool = True,
    edges: Edges = "reflect",
) -> dict[str, Images]:
    """Denoise images by every method that takes one step.

    Args:
        denoiser: `(x_t, t) -> x0_hat`.
        schedule: gives `ᾱ_t`.
        x_t: noisy images, `[B, C, H, W]`.
        t: their level, 0 … T−1.
        restored: whether the filters get `x_t/√ᾱ_t`, with the image at full amplitude, or x_t.
        edges: padding of the filters, as in `extend`; the course's is `mirror`.

    Returns:
        images by method: the keys of `CLASSICAL`, and `ONE_STEP`; `[B, C, H, W]`.

    Source: CS180 (Berkeley), project 5, part A.
    """
    alpha_bar = float(schedule.alpha_bar(t))
    if alpha_bar == 0:
        raise JincError(f"level: {t} is pure noise without signal; choose a lower one")
    amplitude = math.sqrt(alpha_bar) if restored else 1.0
    noise_std = math.sqrt(1 - alpha_bar) / amplitude
    answers = {name: way(x_t / amplitude, noise_std, edges) for name, way in CLASSICAL.items()}
    return answers | {ONE_STEP: denoiser(x_t, torch.full((len(x_t),), t, device=x_t.device))}


def levels_from(t: int, T: int, stride: int) -> list[int]:
    """Return the levels of iterative denoising: t, and the strided ones below.

    Args:
        t: where it starts, 0 … T−1.
        T: number of steps of the schedule.
        stride: the fall from level to level, ≥ 1.

    Returns:
        falling levels, t … 0.

    Source: CS180 (Berkeley), project 5, part A: multiples of 30 from 990 down, begun at the tenth,
        which is 690.

    >>> levels_from(690, 1000, 30) == strided(1000, 30)[10:], levels_from(65, 1000, 30)
    (True, [65, 60, 30, 0])
    """
    if not 0 <= t < T:
        raise JincError(f"level must be 0 to {T - 1}, got {t}")
    return [t, *(level for level in strided(T, stride) if level < t)]


def psnr_of_each(answer: Images, x0: Images) -> Tensor:
    """Return the peak signal-to-noise ratio of each image, clipped to [−1, 1].

    Args:
        answer: `[B, C, H, W]`.
        x0: the clean images, likewise.

    Returns:
        dB, float64, `[B]`.
    """
    errors = (answer.clamp(-1, 1) - x0).cpu().double().square().mean((1, 2, 3))
    return torch.tensor([decibels(error) for error in errors.tolist()], dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class Denoised:
    """Images denoised from one noise level by every method.

    Args:
        t: the level.
        x_t: the first noisy images, `[S, C, H, W]`.
        images: these denoised, by method, `[S, C, H, W]`.
        psnr: of all images, by method, dB, `[N]`.
    """

    t: int
    x_t: Images
    images: dict[str, Images]
    psnr: dict[str, Tensor]


@dataclass(eq=False)
class LevelComparison:
    """Denoises images from one noise level by every method.

    Args:
        model: the model.
        plan: of iterative denoising; each image has the same noise at all levels.
        x0: clean images on the model's device, `[N, C, H, W]`.
        path: falling levels from the noise level, visited by iterative denoising.
        restored: as of `quick_answers`.
        edges: as of `quick_answers`.
    """

    model: PixelModel
    plan: SamplingPlan
    x0: Images
    path: list[int]
    restored: bool
    edges: Edges
    images: dict[str, Images] = field(init=False, default_factory=dict)

    @torch.no_grad()
    def denoise(self) -> Iterator[Step]:
        """Denoise by every method; yield the noisy images, then the steps of `ITERATIVE`."""
        t, schedule = self.path[0], self.model.schedule
        noise = SeededNoise(self.plan.seed, range(len(self.x0)))
        self.x_t = forward(schedule, self.x0, t, noise(self.x0))
        denoiser = joint_denoiser(self.model, self.plan)
        self.images = quick_answers(denoiser, schedule, self.x_t, t, self.restored, self.edges)
        yield Step(t, self.x_t, self.x_t)
        for step in self.plan.sample(denoiser, schedule, self.x_t, steps=self.path, noise=noise):
            self.images[ITERATIVE] = step.x_t
            yield step

    def first(self, count: int) -> Denoised:
        """Return the first images, and PSNR of all, once `denoise` has ended."""
        psnr = {name: psnr_of_each(images, self.x0) for name, images in self.images.items()}
        images = {name: images[:count].cpu() for name, images in self.images.items()}
        return Denoised(self.path[0], self.x_t[:count].cpu(), images, psnr)
