"""Rotation and shift during sampling: configuration E of arXiv 2411.09174.

The state moves a little after every step, by all of the amount at the end; for
`sample(..., after=...)`. Without fresh noise, denoising in a moving frame is equivalent: `framed`.
"""

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, final

import torch
from torch import Tensor

from jinc.diffusion.effects.effect import Branch, Effect
from jinc.diffusion.timesteps import check_falling, only_level
from jinc.diffusion.views.plain import check_amount
from jinc.diffusion.views.view import View, custom_view
from jinc.errors import JincError
from jinc.signal import rotate, shift
from jinc.signal.frame import Frame
from jinc.signal.rotate import check_method
from jinc.types import Denoiser, Images, Noise, Steps

Pace: TypeAlias = Callable[[float], float]
"""Progress of the movement as a function of the share of steps, from 0 to (as a rule) 1."""


def steady(progress: float) -> float:
    """Constant speed."""
    return progress


def published(progress: float, T: int = 1000) -> float:
    """Constant speed, but as published only T−1 portions of T; another T by `partial`."""
    return (1 - 1 / T) * progress


def gentle(progress: float) -> float:
    """Slow start and stop: half a period of a cosine."""
    return (1 - math.cos(math.pi * progress)) / 2


@dataclass(frozen=True)
class between:
    """Constant speed during a part of the steps.

    Args:
        start: share of the steps at which to start, ≥ 0.
        stop: share of the steps at which to stop, above start, ≤ 1.
    """

    start: float
    stop: float

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop <= 1:
            raise JincError(f"between needs 0 ≤ start < stop ≤ 1, got {self.start}, {self.stop}")

    def __call__(self, progress: float) -> float:
        """Return the progress of the movement."""
        return min(max((progress - self.start) / (self.stop - self.start), 0.0), 1.0)


class Moving(ABC):
    """A movement divided over the levels of a sampler; an `After`.

    Attributes:
        levels: the levels, falling.
        pace: progress of the movement.
    """

    levels: Sequence[int]
    pace: Pace

    @abstractmethod
    def by(self, x: Images, share: float, start: float = 0.0) -> Images:
        """Move images `[B, C, H, W]` by a share of the movement.

        Args:
            x: the images.
            share: of the movement; negative to move back.
            start: share by which they have been moved before.
        """

    def lossless(self) -> "Moving":
        """Return the same movement by an orthogonal operator."""
        return self

    @final
    def __call__(self, x: Images, t: int) -> Images:
        """Move the state `[B, C, H, W]` that has just reached level t."""
        before, after = self._stations(t)[-2:]
        return self.by(x, after - before, before)

    @abstractmethod
    def frame(self, share: float) -> Frame:
        """Return the frames that move with upright images, by a share of the movement."""

    def view(self, t: int) -> View:
        """Return the view of all portions of the movement up to level t.

        On a grid of pixels, portions of a rotation do not add up to one rotation, except for
        quarter turns; those of a shift do.

        Args:
            t: a level that the sampler visits; −1 for the whole movement.

        Raises:
            JincError: no step begins or ends on level t.
        """
        stations = [0.0] if t == self.levels[0] else self._stations(t)

        def there(x: Images) -> Images:
            for before, after in itertools.pairwise(stations):
                x = self.by(x, after - before, before)
            return x

        def back(x: Images) -> Images:
            for after, before in itertools.pairwise(reversed(stations)):
                x = self.by(x, before - after, after)
            return x

        return custom_view(there, back, f"view at {t}")

    def made(self, t: int) -> float:
        """Return the share of the movement up to level t; 0 at the first.

        Raises:
            JincError: no step begins or ends on level t.
        """
        return 0.0 if t == self.levels[0] else self._stations(t)[-1] - self.pace(0.0)

    def _stations(self, t: int) -> list[float]:
        """The progress before the first step and after each, up to level t."""
        reached = [*self.levels[1:], *([] if self.levels[-1] == -1 else [-1])]
        if t not in reached:
            raise JincError(f"levels: no step ends on {t}; give the sampler's own levels")
        return [self.pace(k / len(reached)) for k in range(reached.index(t) + 2)]


@dataclass(frozen=True, eq=False)
class rotating(Moving):
    """Rotate the state after every step, by `angle` in all.

    Args:
        angle: radians in all, counter-clockwise as displayed; one for all images, or `[B]`.
        levels: the falling levels that the sampler visits, as given to `sample(steps=...)`.
        method: of `signal.rotate`.
        pace: progress of the rotation; `published` ends at 0.999 of the angle.

    Source: arXiv 2411.09174, configuration E.
    """

    angle: float | Tensor
    levels: Sequence[int]
    method: str = "unitary"
    pace: Pace = steady

    def __post_init__(self) -> None:
        check_amount("angle", self.angle)
        check_method(self.method)
        check_falling(self.levels)

    def by(self, x: Images, share: float, start: float = 0.0) -> Images:
        """Rotate."""
        return rotate(x, self.angle * share, self.method)

    def lossless(self) -> "rotating":
        """Return the same rotations by shears."""
        return replace(self, method="unitary")

    def frame(self, share: float) -> Frame:
        """Return the turned frames."""
        return Frame(angle=torch.as_tensor(self.angle * share, dtype=torch.float64).reshape(-1))

    def view(self, t: int) -> View:
        """Return the view of all rotations up to level t; see `Moving`."""
        if self.method != "unitary":
            raise JincError(f"method: '{self.method}' turns cannot be undone; a frame is 'unitary'")
        return super().view(t)


@dataclass(frozen=True, eq=False)
class shifting(Moving):
    """Shift the state after every step, by (down, right) in all, without loss.

    Args:
        down: pixels in all, any real number; one for all images, or `[B]`.
        right: pixels in all, likewise.
        levels: the falling levels that the sampler visits, as given to `sample(steps=...)`.
        pace: progress of the shift.
    """

    down: float | Tensor
    right: float | Tensor
    levels: Sequence[int]
    pace: Pace = steady

    def __post_init__(self) -> None:
        check_amount("down", self.down)
        check_amount("right", self.right)
        check_falling(self.levels)

    def frame(self, share: float) -> Frame:
        """Return the shifted frames."""
        far = [torch.as_tensor(each, dtype=torch.float64) for each in (self.down, self.right)]
        return Frame(offset=torch.stack(far, -1).reshape(-1, 2) * share)

    def by(self, x: Images, share: float, start: float = 0.0) -> Images:
        """Shift."""
        made = self.down * start, self.right * start
        return shift(x, self.down * share, self.right * share, made)


class following:
    """Fresh noise that moves with the image, so that one seed is one image at every amount.

    Both a `Noise` and, as `after`, an `After`: for `sample(…, noise=both, after=both.after)`. The
    noise is moved at once and without loss, by as much as the image has been in portions.

    Args:
        noise: without movement.
        moving: the movement.
    """

    def __init__(self, noise: Noise, moving: Moving) -> None:
        self._noise, self._moving = noise, moving
        self._made = 0.0

    def __call__(self, like: Images) -> Images:
        """Draw noise, moved as far as the image."""
        return self._moving.lossless().by(self._noise(like), self._made)

    def after(self, x: Images, t: int) -> Images:
        """Move the state at level t."""
        self._made = self._moving.made(t)
        return self._moving(x, t)


class staying(following):
    """Fresh noise that stays in place while the image moves, as in arXiv 2411.09174.

    Even an exactly equivariant model then generates another image for every amount.
    """

    def __call__(self, like: Images) -> Images:
        """Draw noise."""
        return self._noise(like)


@dataclass(frozen=True, eq=False)
class framed(Effect):
    """Denoise the state in a moving frame, instead of moving it.

    With F_t the frame at level t, x_t the state of `sample(d, …, after=moving)` and
    `y_t = F_t⁻¹ x_t`, a step of DDIM is x' = F'F⁻¹ (a x + b D(x)), or y' = a y + b F⁻¹ D(F y): that
    of `sample(framed(d, moving), …)`. So the two run alike, and `moving.view(-1)` of the second
    one's end is the first one's. Fresh noise z has to be `F⁻¹ z` here, which is as good a noise.

    At level t all portions so far are applied and undone: the time grows with the square of the
    number of steps. It is for effects that need the state in place, such as `project`.

    Args:
        denoiser: in the frame.
        moving: the movement of the frame, over the levels of the sampler.
    """

    denoiser: Denoiser
    moving: Moving

    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        """The state in the frame."""
        return [Branch(self.denoiser, self.moving.view(only_level(t))(x_t), t)]

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """The prediction in the place of the state."""
        return self.moving.view(only_level(t)).inverse(answers[0])
