"""Our trained super-resolution models."""

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
"""How large images are made small in training, and small ones are enlarged."""

PIXELS = 64 * 64**2
"""Most pixels in one call of the network, but for a single image."""


@dataclass(frozen=True, eq=False)
class LowResConditioning:
    """Enlarged small images, perhaps noisy, on which a network is conditioned.

    With noise on them, the network does not rely on every pixel: generated small images have
    faults. The amplitude of the noise is an input of the network.

    Args:
        beside: the enlarged small images, `[B, C, H, W]`.
        signal: √ᾱ of their noise, `[B, 1, 1, 1]`; 1 for none.

    Source: noise conditioning augmentation, cascaded diffusion (arXiv 2106.15282), section 4.2.
    """

    beside: Images
    signal: Tensor

    @classmethod
    def of(
        cls, low: Images, factor: int, schedule: Schedule, level: Tensor, noise: Images | None
    ) -> Self:
        """Add noise to small images, and enlarge them.

        Args:
            low: `[B, C, h, w]`.
            factor: how many times larger.
            schedule: of the noise.
            level: steps of noise, `[B]`, 0 … T; 0 for none.
            noise: white, `[B, C, h, w]`; None if all levels are 0.
        """
        noisy = low if noise is None else forward(schedule, low, level - 1, noise)
        signal = schedule.alpha_bar(level - 1).sqrt().to(low).view(-1, 1, 1, 1)
        return cls(bicubic(noisy, factor), signal)

    @property
    def base(self) -> Images:
        """The estimate to which the network adds a residual, `[B, C, H, W]`.

        It is √ᾱ times the enlarged image, the best multiple for images of mean square 1.
        """
        return self.signal * self.beside

    @property
    def amplitude(self) -> Tensor:
        """Amplitude of the noise, √(1−ᾱ), `[B, 1]`."""
        return (1 - self.signal.square()).clamp(min=0).sqrt().flatten(1)

    def part(self, rows: slice) -> Self:
        """Return the conditioning of some images."""
        return replace(self, beside=self.beside[rows], signal=self.signal[rows])

    def crop(self, rows: slice, columns: slice) -> Self:
        """Return the conditioning of a part of each image."""
        return replace(self, beside=self.beside[..., rows, columns])

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Concatenate several batches."""
        beside, signal = ([getattr(part, n) for part in parts] for n in ("beside", "signal"))
        return cls(torch.cat(beside), torch.cat(signal))


@dataclass(frozen=True, eq=False)
class UpscalingDenoiser:
    """A denoiser of large images from a network that is conditioned on small ones.

    With b the enlarged small image and s the spread of the difference, the network predicts the
    residual `r = (x0 − b)/s`, of variance 1, under a schedule of its own, ᾱ. A noisy image is an
    affine function of a noisy residual, `x_t = √A x0 + √(1−A) ε = √A b + n (√ᾱ r + √(1−ᾱ) ε)`, if
    the signal-to-noise ratio of images is that of residuals over s²: `A/(1−A) = ᾱ/(1−ᾱ)/s²`. So
    sampling images also samples residuals, and an untrained network predicts the enlarged image.

    The small images lie as the large ones do. For large images seen through a view, there is
    `through`: an anagram has one branch `(view, denoiser.through(view))` for each view.

    Args:
        network: `(r_t, t, condition) -> prediction`.
        schedule: of images, A.
        residual_schedule: of residuals, ᾱ.
        spread: s, > 0.
        low_res: conditioning of B images.
        labels: class of each image, `[B]`; None for no class.
        prediction: what the network predicts of residuals.
    """

    network: Network
    schedule: Schedule
    residual_schedule: Schedule
    spread: float
    low_res: LowResConditioning
    labels: Tensor | None = None
    prediction: Prediction = "eps"

    def __call__(self, x_t: Images, t: Steps) -> Images:
        """Predict the clean images, `[B, C, H, W]`, from noisy ones and their steps `[B]`."""
        shape = self.low_res.beside.shape
        if x_t.shape != shape:
            raise JincError(f"upscaling: images {list(x_t.shape)} for small ones of {list(shape)}")
        height, width = shape[-2:]
        size = max(1, PIXELS // (height * width))
        parts = [slice(first, first + size) for first in range(0, len(x_t), size)]
        return torch.cat([self._predict(rows, x_t[rows], t[rows]) for rows in parts])

    def through(self, view: View) -> Self:
        """Return the denoiser of large images seen through a view."""
        return replace(self, low_res=replace(self.low_res, beside=view(self.low_res.beside)))

    def _predict(self, rows: slice, x_t: Images, t: Steps) -> Images:
        low = self.low_res.part(rows)
        r_t = self._residual(x_t, t, low.base)
        labels = None if self.labels is None else self.labels[rows]
        augment, numbers = None, self.network.augmentations
        if numbers:
            augment = augmentation_input(low, r_t.new_zeros(len(r_t), numbers - 1))
        output = self.network(r_t, t, Conditioning(labels, augment, low.beside))
        residual = x0_of(self.residual_schedule, self.prediction, r_t, t, output)
        return low.base + self.spread * residual

    def _residual(self, x_t: Images, t: Steps, base: Images) -> Images:
        """The noisy residual `(x_t − √A b)/n`, with `n = s √A/√ᾱ`."""
        A, alpha_bar = self.schedule.alpha_bar(t).sqrt(), self.residual_schedule.alpha_bar(t).sqrt()
        signal, n = (c.to(x_t).view(-1, 1, 1, 1) for c in (A, self.spread * A / alpha_bar))
        return (x_t - signal * base) / n

    @property
    def shares(self) -> Hashable:
        """Leaves of one network and schedule are evaluated together."""
        return id(self.network), id(self.schedule), self.prediction

    def joined(self, parts: Sequence[tuple[Self, int]]) -> Denoiser:
        """Return one denoiser for the images of all parts, one after another."""
        labels = joined_labels([(part.labels, count) for part, count in parts])
        low_res = LowResConditioning.joined([part.low_res for part, _ in parts])
        return replace(self, low_res=low_res, labels=labels)


def augmentation_input(low_res: LowResConditioning, augment: Tensor) -> Tensor:
    """Return the augmentation input of a network, `[B, 1 + n]`: the noise of small images first.

    Args:
        low_res: conditioning of B images.
        augment: augmentation of the large images, `[B, n]`.
    """
    return torch.cat([low_res.amplitude, augment.to(low_res.amplitude)], dim=1)


@dataclass(frozen=True, kw_only=True)
class UpscalingFacts(Facts):
    """Further facts in the folder of an upscaler; see `Upscaler`."""

    factor: int
    spread: float
    most_noise: int
    resampling: Mapping[str, str]


@dataclass(frozen=True, eq=False, kw_only=True)
class Upscaler(Trained):
    """A super-resolution model; other arguments are those of `Trained`.

    Args:
        factor: how many times larger it makes images.
        spread: root mean square of the difference to enlarged small images, > 0.
        most_noise: most steps of noise on small images in training.
    """

    FILE: ClassVar[str] = "upscaling.json"
    FACTS: ClassVar[type[Facts]] = UpscalingFacts
    LOW_RES: ClassVar[bool] = True

    factor: int
    spread: float
    most_noise: int = 0

    @cached_property
    def residual_schedule(self) -> Schedule:
        """The named schedule: of residuals, and of the noise on small images."""
        return self.named_schedule()

    @cached_property
    def schedule(self) -> Schedule:
        """The schedule of large images whose residuals are at the levels of `residual_schedule`."""
        signal = self.residual_schedule.alpha_bars
        return Schedule(signal / (signal + self.spread**2 * (1 - signal)))

    @property
    def low_size(self) -> tuple[int, int]:
        """Height and width of the small images that it was trained on, pixels."""
        height, width = self.image_size
        return height // self.factor, width // self.factor

    @property
    def scale_aware(self) -> bool:
        """True: the conditioning has an amplitude to compare with."""
        return True

    def upscaling(self, low: Images, prompts: Sequence[str], level: int, noise: Noise) -> Denoiser:
        """Return the denoiser of the large images of small ones, `[B, C, factor·h, factor·w]`.

        Images larger than in training are denoised in tiles, which overlap by a quarter.

        Args:
            low: in [−1, 1], `[B, C, h, w]`, at least of `low_size`.
            prompts: for each image the name or the number of a class, or "" for none.
            level: steps of noise on the small images, 0 … `most_noise`: 0 for photographs, more for
                generated images, whose details are then generated again.
            noise: white noise on demand.

        Raises:
            JincError: images, prompts or a level that the model does not support.
        """
        self._check(low, prompts, level)
        warn_of_signal(self.residual_schedule)
        low = low.to(self.device)
        levels = torch.full((len(low),), level, device=low.device)
        drawn = noise(low) if level else None
        low_res = LowResConditioning.of(low, self.factor, self.residual_schedule, levels, drawn)
        whole = UpscalingDenoiser(
            self.network,
            self.schedule,
            self.residual_schedule,
            self.spread,
            low_res,
            self.labels(prompts),
            self.prediction,
        )
        height, width = low.shape[-2:]
        if (height, width) == self.low_size:
            return whole
        overlap = self.factor * (min(self.low_size) // 4)
        size = self.factor * height, self.factor * width
        tiles = Tiles(size, self.image_size, overlap, unit=self.factor)
        return tiled(
            [replace(whole, low_res=low_res.crop(*place)) for place in tiles.places], tiles
        )

    def facts(self) -> dict[str, Any]:
        """Return the facts, ready for JSON."""
        own = {"factor": self.factor, "spread": self.spread, "most_noise": self.most_noise}
        return super().facts() | own | {"resampling": RESAMPLING}

    @classmethod
    def arguments(cls, network: Network, facts: Facts) -> dict[str, Any]:
        """Return the arguments of the class besides the network; see `Trained.arguments`."""
        assert isinstance(facts, UpscalingFacts)  # as it says in FACTS
        usual = super().arguments(network, facts)
        factor, most_noise = facts.factor, facts.most_noise
        if factor < 2 or any(side % factor for side in facts.image_size):
            raise JincError(f"a factor of {factor} makes no images of {facts.image_size}")
        if not 0 <= most_noise <= facts.timesteps or (most_noise and not network.augmentations):
            raise JincError(f"its network does not support {most_noise} steps of noise")
        if network.beside != network.channels:
            raise JincError(f"its network takes {network.beside} channels beside the noisy images")
        if facts.resampling != RESAMPLING:
            raise JincError(f"its small images were made by {shown(facts.resampling)}")
        if not facts.spread > 0:
            raise JincError(f"spread: {facts.spread} is not above 0")
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
