"""What is made from denoisers and is a denoiser: effects nest in one expression."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from jinc.diffusion.process import eps_from_x0, x0_from_eps
from jinc.diffusion.schedule import Schedule
from jinc.errors import JincError
from jinc.types import Denoiser, Images, Steps


class Branch(NamedTuple):
    """One question to one denoiser.

    Args:
        denoiser: who is asked; another effect, or a leaf.
        x_t: the images it is shown, `[B, C, H, W]`.
        t: their level, `[B]`.
    """

    denoiser: Denoiser
    x_t: Images
    t: Steps


class Effect(ABC):
    """A denoiser that asks others and joins their answers.

    Question and answer are apart so that questions of several effects to one network can go to it
    in one batch; calling an effect asks them one by one.
    """

    @abstractmethod
    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        """What the effect asks of which denoiser, to predict the clean images behind x_t.

        Args:
            x_t: noisy images, `[B, C, H, W]`.
            t: their level, `[B]`, 0 … T−1.
        """

    @abstractmethod
    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """The effect's own x0_hat from the answers to its branches, in their order.

        Args:
            answers: one x0_hat for each branch.
            x_t: the images that `branches` was given, `[B, C, H, W]`.
            t: their level, `[B]`.

        Returns:
            x0_hat, `[B, C, H, W]`.
        """

    def __call__(self, x_t: Images, t: Steps) -> Images:
        """Ask every branch in turn, and combine."""
        answers = [branch.denoiser(branch.x_t, branch.t) for branch in self.branches(x_t, t)]
        return self.combine(answers, x_t, t)


@dataclass(frozen=True)
class clip(Effect):
    """Keep predictions in the range of images; keeps long chains of steps from drifting off.

    Args:
        denoiser: whose predictions are clipped.
        low: least value.
        high: greatest value, above low.

    Raises:
        JincError: low is not below high.

    >>> import torch
    >>> loud = lambda x_t, t: 3 * torch.ones_like(x_t)
    >>> float(clip(loud)(torch.zeros(1, 1, 2, 2), torch.tensor([5])).max())
    1.0
    """

    denoiser: Denoiser
    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        """Refuse an empty range."""
        if not self.low < self.high:
            raise JincError(f"clip needs low < high, got {self.low} and {self.high}")

    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        """The question as it came."""
        return [Branch(self.denoiser, x_t, t)]

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """The answer, clipped."""
        return answers[0].clamp(self.low, self.high)


@dataclass(frozen=True)
class calibrate(Effect):
    """Give the predicted noise the amplitude that the noisy image shows.

    For networks that normalise their input away, as the published U-Net does: they know the
    direction of the noise in an image, not its amplitude, which differs from image to image by
    1/√(2n) for n numbers. Deterministic sampling carries the error along, to pale or garish images.

    With ε = a d, d being the prediction, ⟨x_t, d⟩ = √(1−ᾱ) a ⟨d, d⟩ + √ᾱ ⟨x0, d⟩, and ⟨x0, d⟩ is
    near zero. The amplitude measured so errs with variance ᾱ/(1−ᾱ)·m/n, m being the mean square of
    x0; a itself varies by 1/(2n) about 1. The best guess of a weighs the two, and for m = ½ the
    weight of the measurement is 1 − ᾱ: n cancels, and a share ᾱ of the squared error is left.

    Args:
        denoiser: whose predictions are corrected; one with an amplitude of its own needs it not.
        schedule: the one it was trained with.
    """

    denoiser: Denoiser
    schedule: Schedule

    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        """The question as it came."""
        return [Branch(self.denoiser, x_t, t)]

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """The answer whose noise has the best guess of its amplitude."""
        noise_power = (1 - self.schedule.alpha_bar(t)).to(x_t.dtype).view(-1, 1, 1, 1)
        eps = eps_from_x0(self.schedule, x_t, t, answers[0])
        power = eps.square().sum((1, 2, 3), keepdim=True)
        measured = (x_t * eps).sum((1, 2, 3), keepdim=True) / (noise_power.sqrt() * power)
        return x0_from_eps(self.schedule, x_t, t, (1 + noise_power * (measured - 1)) * eps)
