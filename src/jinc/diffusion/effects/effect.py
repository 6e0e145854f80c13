"""What is made from denoisers and is a denoiser: effects nest in one expression."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

import torch

from jinc.diffusion.effects.batched import Branch, ask_leaves
from jinc.diffusion.process import eps_of, with_noise_scaled
from jinc.diffusion.schedule import Schedule
from jinc.diffusion.views.view import View
from jinc.errors import JincError
from jinc.types import Denoiser, Images, Steps

Leaves: TypeAlias = Callable[[Sequence[Branch]], list[Images]]
"""How leaves answer questions: one x0_hat for each."""


class Effect(ABC):
    """A denoiser that asks others and joins their answers.

    Question and answer are apart so that questions to one network, from wherever in a nest of
    effects, go to it in one batch.
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

    @final
    def __call__(self, x_t: Images, t: Steps) -> Images:
        """Ask every branch, all at once, and combine."""
        return ask([Branch(self, x_t, t)])[0]


@dataclass(frozen=True, eq=False)
class Adjustment(Effect):
    """An effect that changes what a single denoiser predicts from the same images.

    Args:
        denoiser: whose predictions are changed.
    """

    denoiser: Denoiser

    @final
    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        """The denoiser's own prediction."""
        return [Branch(self.denoiser, x_t, t)]

    @final
    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """That prediction, changed."""
        return self.adjust(answers[0], x_t, t)

    @abstractmethod
    def adjust(self, x0_hat: Images, x_t: Images, t: Steps) -> Images:
        """The effect's x0_hat from the denoiser's, `[B, C, H, W]` each."""


@dataclass(frozen=True)
class calibrate(Adjustment):
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

    schedule: Schedule

    def adjust(self, x0_hat: Images, x_t: Images, t: Steps) -> Images:
        """The answer whose noise has the best guess of its amplitude."""
        noise_power = (1 - self.schedule.alpha_bar(t)).to(x_t.dtype).view(-1, 1, 1, 1)
        eps = eps_of(self.schedule, "x0", x_t, t, x0_hat)
        power = eps.square().sum((1, 2, 3), keepdim=True)
        measured = (x_t * eps).sum((1, 2, 3), keepdim=True) / (noise_power.sqrt() * power)
        measured = torch.where(power > 0, measured, 1.0)  # no noise at all has no amplitude
        factor = 1 + noise_power * (measured - 1)
        return with_noise_scaled(self.schedule, x_t, t, x0_hat, factor)


@dataclass(frozen=True)
class conjugate(Effect):
    """Denoise what is seen through a view, and look back: `view⁻¹ D(view x_t)`.

    White noise seen through a view is white noise, so that the denoiser sees nothing unusual.

    Args:
        denoiser: who is asked.
        view: what it sees the images through.

    >>> from jinc.diffusion import hflip
    >>> darken_left = lambda x_t, t: x_t * torch.tensor([0.0, 1.0])
    >>> darken_right = conjugate(darken_left, hflip())
    >>> darken_right(torch.ones(1, 1, 1, 2), torch.tensor([5])).tolist()
    [[[[1.0, 0.0]]]]
    """

    denoiser: Denoiser
    view: View

    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        """The question as it looks through the view."""
        return [Branch(self.denoiser, self.view(x_t), t)]

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """The answer as it was before the view."""
        return self.view.inverse(answers[0])


@dataclass(frozen=True)
class symmetrize(Effect):
    """Make any denoiser equivariant: the mean of what it says through every view of a group.

    `S(x) = mean_g g⁻¹ D(g x)`. Then S(h x) = mean_g h (g h)⁻¹ D(g h x) = h S(x), for with g also
    g h runs through the whole group. That holds as exactly as the views are a group: to rounding
    for `c4` and `d4`; for `rotations` by other angles, whose products on a grid are only nearly
    turns, an error stays, on noise as large as a third of that of the denoiser alone. Views that
    are no group give a mean, and no more.

    A network that can answer many questions in one call is asked once, with as many times the
    images as there are views.

    Args:
        denoiser: who is asked.
        views: the group, such as `c4()`.
    """

    denoiser: Denoiser
    views: Sequence[View]

    def __post_init__(self) -> None:
        if not self.views:
            raise JincError("symmetrize needs one view or more")

    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        """The question as it looks through every view."""
        return [Branch(self.denoiser, view(x_t), t) for view in self.views]

    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """The mean of the answers, each as it was before its view."""
        pairs = zip(self.views, answers, strict=True)
        return torch.stack([view.inverse(answer) for view, answer in pairs]).mean(0)


def ask(questions: Sequence[Branch], leaves: Leaves = ask_leaves) -> list[Images]:
    """Answer questions to denoisers of any kind.

    1. Every effect asks its own questions, which take its place; again, until only leaves are left.
    2. The leaves answer, all at once.
    3. On the way back every effect combines the answers that stand where its questions stood.

    Args:
        questions: to effects and leaves.
        leaves: how leaves are asked.

    Returns:
        one x0_hat for each question, shaped like its images.
    """
    if not any(isinstance(question.denoiser, Effect) for question in questions):
        return leaves(questions)
    unfolded = [_unfold(question) for question in questions]
    answers = iter(ask([own for owns in unfolded for own in owns], leaves))
    return [
        _fold(question, [next(answers) for _ in owns])
        for question, owns in zip(questions, unfolded, strict=True)
    ]


def _unfold(question: Branch) -> Sequence[Branch]:
    """What an effect asks in turn; a leaf's question stays."""
    denoiser, x_t, t = question
    return denoiser.branches(x_t, t) if isinstance(denoiser, Effect) else [question]


def _fold(question: Branch, answers: Sequence[Images]) -> Images:
    """An effect's answer from those it got; a leaf's is its own."""
    denoiser, x_t, t = question
    return denoiser.combine(answers, x_t, t) if isinstance(denoiser, Effect) else answers[0]
