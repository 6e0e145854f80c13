"""A trained super-resolution model: it makes images larger, and makes up what they do not show."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from jinc.diffusion import Prediction, Schedule, Tiles, View, forward, tiled, warn_of_signal, x0_of
from jinc.errors import JincError
from jinc.models.trained import Facts, Trained
from jinc.nn import Conditioning, Network, joined_labels
from jinc.schema import shown
from jinc.signal import bicubic
from jinc.types import Denoiser, Images, Noise, Steps

RESAMPLING = {"down": "mean of blocks", "up": "bicubic"}
"""How large images become small in training, and small ones large to be shown."""

PIXELS = 64 * 64**2
"""Pixels that the network is asked about in one call, at most, but for a single image."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What a network is shown and told of small images.

    A small image may be noisy, so that the network does not take every pixel of it at its word:
    what another model made has faults of its own. It is told how noisy.

    Args:
        beside: the small images made as large, perhaps noisy, `[B, C, H, W]`.
        signal: √ᾱ of that noise, `[B, 1, 1, 1]`; 1 for none.

    Source: noise conditioning augmentation, cascaded diffusion (arXiv 2106.15282), section 4.2.
    """

    beside: Images
    signal: Tensor

    @classmethod
    def of(
        cls, low: Images, factor: int, schedule: Schedule, level: Tensor, noise: Images | None
    ) -> Self:
        """Add noise to small images, and make them large.

        Args:
            low: `[B, C, h, w]`.
            factor: how many times larger.
            schedule: of the noise.
            level: how many of its steps the images go through, `[B]`, 0 … T; 0 leaves them.
            noise: white, `[B, C, h, w]`; None where there is no level above 0.
        """
        noisy = low if noise is None else forward(schedule, low, level - 1, noise)
        signal = schedule.alpha_bar(level - 1).sqrt().to(low).view(-1, 1, 1, 1)
        return cls(bicubic(noisy, factor), signal)

    @property
    def base(self) -> Images:
        """The guess that the network starts from, `[B, C, H, W]`: it has to find the rest.

        Where there is no noise it is the enlarged image; √ᾱ times it where there is, the best
        multiple for images of mean square 1.
        """
        return self.signal * self.beside

    @property
    def amplitude(self) -> Tensor:
        """How strong the noise is, √(1−ᾱ), which the network is told, `[B, 1]`."""
        return (1 - self.signal.square()).clamp(min=0).sqrt().flatten(1)

    def part(self, rows: slice) -> Self:
        """Return that of some of the images."""
        return replace(self, beside=self.beside[rows], signal=self.signal[rows])

    def crop(self, rows: slice, columns: slice) -> Self:
        """Return that of a part of each image."""
        return replace(self, beside=self.beside[..., rows, columns])

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Put those of several batches one after another."""
        beside, signal = ([getattr(part, n) for part in parts] for n in ("beside", "signal"))
        return cls(torch.cat(beside), torch.cat(signal))


@dataclass(frozen=True, eq=False)
class UpscalingDenoiser:
    """Turn a network that is shown small images into a denoiser of large ones.

    With b the enlarged small image and s the spread of what it lacks, the network knows the rest
    `r = (x0 − b)/s`, of variance 1, under a schedule of its own, ᾱ. Noisy images are noisy rests in
    other clothes, `x_t = √A x0 + √(1−A) ε = √A b + n (√ᾱ r + √(1−ᾱ) ε)`, where the signal-to-noise
    ratio of the images is that of the rests over s²: `A/(1−A) = ᾱ/(1−ᾱ)/s²`. So whatever walks
    through the levels of images walks through those of rests, and a network that knows nothing yet
    says what the enlarged image says.

    It speaks of the images that it was shown, as they lie. Of those turned or flipped `seen` does,
    so that an anagram has one branch `(view, denoiser.seen(view))` for each view.

    Args:
        network: `(r_t, t, condition) -> prediction`.
        schedule: of images, A.
        rests: of rests, ᾱ.
        spread: s, > 0.
        shown: what the network is shown, of B images.
        labels: class of each image, `[B]`; None for no class.
        prediction: what the network predicts, of rests.
    """

    network: Network
    schedule: Schedule
    rests: Schedule
    spread: float
    shown: Shown
    labels: Tensor | None = None
    prediction: Prediction = "eps"

    def __call__(self, x_t: Images, t: Steps) -> Images:
        """Predict the clean images, `[B, C, H, W]`, from noisy ones and their steps `[B]`."""
        shown = self.shown.beside.shape
        if x_t.shape != shown:
            raise JincError(f"upscaling: {list(x_t.shape)} are asked about, {list(shown)} shown")
        height, width = shown[-2:]
        size = max(1, PIXELS // (height * width))
        parts = [slice(first, first + size) for first in range(0, len(x_t), size)]
        return torch.cat([self._ask(rows, x_t[rows], t[rows]) for rows in parts])

    def seen(self, view: View) -> Self:
        """The small images through a view, for a branch whose noisy images are seen through it."""
        return replace(self, shown=replace(self.shown, beside=view(self.shown.beside)))

    def _ask(self, rows: slice, x_t: Images, t: Steps) -> Images:
        shown = self.shown.part(rows)
        r_t = self._rest(x_t, t, shown.base)
        labels = None if self.labels is None else self.labels[rows]
        augment, numbers = None, self.network.augmentations
        if numbers:
            augment = told(shown, r_t.new_zeros(len(r_t), numbers - 1))
        output = self.network(r_t, t, Conditioning(labels, augment, shown.beside))
        return shown.base + self.spread * x0_of(self.rests, self.prediction, r_t, t, output)

    def _rest(self, x_t: Images, t: Steps, base: Images) -> Images:
        """Undress: `(x_t − √A b)/n`, with `n = s √A/√ᾱ`."""
        A, alpha_bar = self.schedule.alpha_bar(t).sqrt(), self.rests.alpha_bar(t).sqrt()
        signal, n = (c.to(x_t).view(-1, 1, 1, 1) for c in (A, self.spread * A / alpha_bar))
        return (x_t - signal * base) / n

    @property
    def shares(self) -> Hashable:
        """Leaves of one network and schedule are asked together."""
        return id(self.network), id(self.schedule), self.prediction

    def joined(self, parts: Sequence[tuple[Self, int]]) -> Denoiser:
        """Return one denoiser for the images of all parts, one after another."""
        labels = joined_labels([(part.labels, count) for part, count in parts])
        return replace(self, shown=Shown.joined([p.shown for p, _ in parts]), labels=labels)


def told(shown: Shown, augment: Tensor) -> Tensor:
    """Return what a network is told of its images: how noisy the small ones are, then the rest.

    Args:
        shown: what it is shown, of B images.
        augment: how the large images were augmented, `[B, n]`.

    Returns:
        `[B, 1 + n]`; all zeros for photographs as they are.
    """
    return torch.cat([shown.amplitude, augment.to(shown.amplitude)], dim=1)


@dataclass(frozen=True, kw_only=True)
class UpscalingFacts(Facts):
    """What the folder of an upscaler says besides; see `Upscaler`."""

    factor: int
    spread: float
    most_noise: int
    resampling: Mapping[str, str]


@dataclass(frozen=True, eq=False, kw_only=True)
class Upscaler(Trained):
    """A super-resolution model; other arguments are those of `Trained`.

    Args:
        factor: how many times larger it makes images.
        spread: root mean square of what enlarged small images lack, > 0.
        most_noise: steps of noise that the small images went through in training, at most.
    """

    FILE: ClassVar[str] = "upscaling.json"
    FACTS: ClassVar[type[Facts]] = UpscalingFacts
    SHOWS: ClassVar[bool] = True

    factor: int
    spread: float
    most_noise: int = 0

    @cached_property
    def rests(self) -> Schedule:
        """The schedule by its name: that of what is missing, and of the noise on small images."""
        return self.named_schedule()

    @cached_property
    def schedule(self) -> Schedule:
        """That of the large images: what is missing of them is at the levels of `rests`."""
        signal = self.rests.alpha_bars
        return Schedule(signal / (signal + self.spread**2 * (1 - signal)))

    @property
    def low_size(self) -> tuple[int, int]:
        """Height and width of the small images that it was trained on, pixels."""
        height, width = self.image_size
        return height // self.factor, width // self.factor

    @property
    def scale_aware(self) -> bool:
        """It does: what is shown beside the noise has a loudness to compare it with."""
        return True

    def upscaling(self, low: Images, prompts: Sequence[str], level: int, noise: Noise) -> Denoiser:
        """Return the denoiser of the large images that small ones are of.

        Images larger than those of training are asked about in tiles of that size, which overlap
        by a quarter.

        Args:
            low: in [−1, 1], `[B, C, h, w]`, at least of `low_size`.
            prompts: for each image the name or the number of a class, or "" for none.
            level: steps of noise on the small images, 0 … `most_noise`; 0, none, for photographs,
                more for what another model made, whose details are then made up anew.
            noise: white noise on demand, asked once where there is a level.

        Returns:
            a denoiser of `[B, C, factor·h, factor·w]`.

        Raises:
            JincError: images, prompts or a level that this model does not take.
        """
        self._check(low, prompts, level)
        warn_of_signal(self.rests)
        low = low.to(self.device)
        levels = torch.full((len(low),), level, device=low.device)
        drawn = noise(low) if level else None
        beside = Shown.of(low, self.factor, self.rests, levels, drawn)
        whole = UpscalingDenoiser(
            self.network,
            self.schedule,
            self.rests,
            self.spread,
            beside,
            self.labels(prompts),
            self.prediction,
        )
        height, width = low.shape[-2:]
        if (height, width) == self.low_size:
            return whole
        overlap = self.factor * (min(self.low_size) // 4)
        size = self.factor * height, self.factor * width
        tiles = Tiles(size, self.image_size, overlap, unit=self.factor)
        return tiled([replace(whole, shown=beside.crop(*place)) for place in tiles.places], tiles)

    def facts(self) -> dict[str, Any]:
        """Return all but the network, ready for JSON."""
        own = {"factor": self.factor, "spread": self.spread, "most_noise": self.most_noise}
        return super().facts() | own | {"resampling": RESAMPLING}

    @classmethod
    def arguments(cls, network: Network, facts: Facts) -> dict[str, Any]:
        """Return what the class is called with besides the network; see `Trained.arguments`."""
        assert isinstance(facts, UpscalingFacts)  # as it says in FACTS
        usual = super().arguments(network, facts)
        factor, most_noise = facts.factor, facts.most_noise
        if factor < 2 or any(side % factor for side in facts.image_size):
            raise JincError(f"a factor of {factor} makes no images of {facts.image_size}")
        if not 0 <= most_noise <= facts.timesteps or (most_noise and not network.augmentations):
            raise JincError(f"its network is told of no {most_noise} steps of noise")
        if network.beside != network.channels:
            raise JincError(f"its network is shown {network.beside} channels beside the noisy")
        if facts.resampling != RESAMPLING:
            raise JincError(f"its small images were made by {shown(facts.resampling)}")
        if not facts.spread > 0:
            raise JincError(f"its images lack {facts.spread}")
        return usual | {"factor": factor, "spread": facts.spread, "most_noise": most_noise}

    def _check(self, low: Images, prompts: Sequence[str], level: int) -> None:
        if low.ndim != 4 or low.shape[1] != self.channels:
            wanted = f"[batch, {self.channels}, height, width]"
            raise JincError(f"low: {list(low.shape)} are not the images {wanted} of this model")
        (height, width), (h, w) = low.shape[-2:], self.low_size
        if height < h or width < w:
            raise JincError(f"low: images of {height}×{width}, this model takes {h}×{w} or larger")
        if len(prompts) != len(low):
            raise JincError(f"prompts: {len(prompts)} for {len(low)} images")
        if not 0 <= level <= self.most_noise:
            raise JincError(f"level: {level} is not from 0 to {self.most_noise}")
