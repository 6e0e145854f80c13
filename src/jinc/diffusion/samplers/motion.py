"""Moving the image while it is generated: configuration E of arXiv 2411.09174.

The state is turned or shifted a little after every step, so that what is generated has made the
whole way when it is finished. Made for `sample(..., after=...)`. Where no fresh noise is drawn,
the same comes of leaving the state where it is and denoising in a frame that moves: `framed`.
"""

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, final

from torch import Tensor

from jinc.diffusion.effects.effect import Branch, Effect
from jinc.diffusion.timesteps import check_falling, only_level
from jinc.diffusion.views.plain import check_amount
from jinc.diffusion.views.view import View, custom_view
from jinc.errors import JincError
from jinc.signal import rotate, shift
from jinc.signal.rotate import check_method
from jinc.types import Denoiser, Images, Noise, Steps

Pace: TypeAlias = Callable[[float], float]
"""The share of the way made at a share of the steps: 0 at 0; 1 at 1, if all of it is made."""


def steady(progress: float) -> float:
    """Move at one speed."""
    return progress


def published(progress: float, T: int = 1000) -> float:
    """Move at one speed, and stop short of the end as published: T−1 portions of T are made.

    Args:
        progress: the share of the steps.
        T: number of steps of the schedule; give another as `partial(published, T=300)`.
    """
    return (1 - 1 / T) * progress


def gentle(progress: float) -> float:
    """Start and stop slowly: half a period of a cosine."""
    return (1 - math.cos(math.pi * progress)) / 2


@dataclass(frozen=True)
class between:
    """Move at one speed during a part of the steps, and stand still before and after.

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
        """The share of the way, a `Pace`."""
        return min(max((progress - self.start) / (self.stop - self.start), 0.0), 1.0)


class Moving(ABC):
    """A movement that is divided over the levels a sampler visits; an `After`.

    Attributes:
        levels: the levels, falling.
        pace: how the way is divided.
    """

    levels: Sequence[int]
    pace: Pace

    @abstractmethod
    def by(self, x: Images, share: float, start: float = 0.0) -> Images:
        """Move images `[B, C, H, W]` by a share of the way; a negative share is the way back.

        Args:
            x: the images.
            share: of the whole way.
            start: share of the way that they have made already.
        """

    def lossless(self) -> "Moving":
        """The same movement by an operator that keeps white noise white."""
        return self

    @final
    def __call__(self, x: Images, t: int) -> Images:
        """Move the state `[B, C, H, W]` that has just reached level t."""
        before, after = self._stations(t)[-2:]
        return self.by(x, after - before, before)

    def frame(self, t: int) -> View:
        """All that has been moved when level t is reached, portion by portion.

        Portions of a turn do not add up to one great turn on a grid of pixels, but for quarter
        turns; those of a shift do.

        Args:
            t: a level that the sampler visits; −1 for the whole way.

        Returns:
            a view from where things are in the end to where they are at t; none of it is made at
            the first level.

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

        return custom_view(there, back, f"frame at {t}")

    def made(self, t: int) -> float:
        """The share of the way that has been made when level t is reached; 0 at the first.

        Raises:
            JincError: no step begins or ends on level t.
        """
        return 0.0 if t == self.levels[0] else self._stations(t)[-1] - self.pace(0.0)

    def _stations(self, t: int) -> list[float]:
        """The share of the way that is made before the first step and after each, up to level t."""
        reached = [*self.levels[1:], *([] if self.levels[-1] == -1 else [-1])]
        if t not in reached:
            raise JincError(f"levels: no step ends on {t}; give the sampler's own levels")
        return [self.pace(k / len(reached)) for k in range(reached.index(t) + 2)]


@dataclass(frozen=True, eq=False)
class rotating(Moving):
    """Turn the state after every step, by `angle` in all.

    Args:
        angle: radians in all, counter-clockwise as displayed; one for all images, or `[B]`.
        levels: the falling levels that the sampler visits, as given to `sample(steps=...)`.
        method: how to turn, as `signal.rotate` knows it.
        pace: how the way is divided; `published` ends at 0.999 of the angle.

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
        """Turn."""
        return rotate(x, self.angle * share, self.method)

    def lossless(self) -> "rotating":
        """The same turns by shears."""
        return replace(self, method="unitary")

    def frame(self, t: int) -> View:
        """All turns until level t; see `Moving`.

        Raises:
            JincError: turns that cannot be undone, or no step begins or ends on level t.
        """
        if self.method != "unitary":
            raise JincError(f"method: '{self.method}' turns cannot be undone; a frame is 'unitary'")
        return super().frame(t)


@dataclass(frozen=True, eq=False)
class shifting(Moving):
    """Shift the state after every step, by (down, right) in all, without loss.

    Args:
        down: pixels in all, any real number; one for all images, or `[B]`.
        right: pixels in all, likewise.
        levels: the falling levels that the sampler visits, as given to `sample(steps=...)`.
        pace: how the way is divided.
    """

    down: float | Tensor
    right: float | Tensor
    levels: Sequence[int]
    pace: Pace = steady

    def __post_init__(self) -> None:
        check_amount("down", self.down)
        check_amount("right", self.right)
        check_falling(self.levels)

    def by(self, x: Images, share: float, start: float = 0.0) -> Images:
        """Shift."""
        made = self.down * start, self.right * start
        return shift(x, self.down * share, self.right * share, made)


class following:
    """Fresh noise that goes where the image has gone, so that one seed is one thing, however moved.

    Both a `Noise` and, as `after`, an `After`: `sample(…, noise=both, after=both.after)` draws what
    `sample(…, noise=noise, after=moving)` draws, in the frame of what is generated. What is drawn
    is moved in one go and without loss, by as much as the image has been in portions.

    Args:
        noise: what is drawn where nothing moves.
        moving: the movement.
    """

    def __init__(self, noise: Noise, moving: Moving) -> None:
        self._noise, self._moving = noise, moving
        self._made = 0.0

    def __call__(self, like: Images) -> Images:
        """The next noise, moved as far as the image has been."""
        return self._moving.lossless().by(self._noise(like), self._made)

    def after(self, x: Images, t: int) -> Images:
        """Move the state that has just reached level t."""
        self._made = self._moving.made(t)
        return self._moving(x, t)


class staying(following):
    """Fresh noise that stays in place while the image moves, as arXiv 2411.09174 has it.

    It is the same for every amount, so that even an exactly equivariant model makes another image
    of each: what `following` prevents.
    """

    def __call__(self, like: Images) -> Images:
        """The next noise, as it is drawn."""
        return self._noise(like)


@dataclass(frozen=True, eq=False)
class framed(Effect):
    """Leave the state where it is, and denoise what is seen of it in a moving frame.

    With F_t the frame at level t, x_t the state of `sample(d, …, after=moving)` and
    `y_t = F_t⁻¹ x_t`, a step of DDIM is x' = F'F⁻¹ (a x + b D(x)), or y' = a y + b F⁻¹ D(F y): that
    of `sample(framed(d, moving), …)`. So the two run alike, and `moving.frame(-1)` of the second
    one's end is the first one's. Fresh noise z has to be `F⁻¹ z` here, which is as good a noise.

    At level t all portions so far are made, and undone: the time grows with the square of the
    number of steps. What it is for is whatever wants the state to stay in place, such as `project`.

    Args:
        denoiser: who is asked.
        moving: the movement of the frame, over the levels that the sampler visits.
    """

    denoiser: Denoiser
    moving: Moving

    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        """The question as it looks in the frame."""
        return [Branch(self.denoiser, self.moving.frame(only_level(t))(x_t), t)]

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """The answer where the state is."""
        return self.moving.frame(only_level(t)).inverse(answers[0])
