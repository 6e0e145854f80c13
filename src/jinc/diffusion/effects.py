"""What is made from denoisers and is a denoiser: effects nest in one expression."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
