"""Asking about some images of a batch only, when the others are done."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

from jinc.diffusion.effects.batched import Branch, ask_leaves
from jinc.diffusion.effects.effect import ask
from jinc.types import Denoiser, Images, Steps


@runtime_checkable
class Rows(Protocol):
    """A leaf that can be asked about some images of its batch; any denoiser with `rows` is one."""

    def rows(self, places: Tensor) -> Denoiser:
        """A denoiser of these images only, with the labels or whatever else it has of each.

        Args:
            places: of the images in the batch, whole numbers, `[n]`.
        """
        ...

    def __call__(self, x_t: Images, t: Steps) -> Images:
        """Answer for the whole batch."""
        ...


def ask_some(denoiser: Denoiser, x_t: Images, t: Steps, places: Tensor) -> Images:
    """Ask a denoiser about some images of its batch.

    Effects see the whole batch, so that they may hold something of each image, and cost next to
    nothing; leaves are asked about the images in question. A leaf without `rows`, such as a plain
    function, is asked about all, for nobody knows what it holds.

    Args:
        denoiser: of the whole batch.
        x_t: noisy images, `[B, C, H, W]`.
        t: their level, `[B]`, 0 … T−1, also of those that are not asked about.
        places: of the images in question, whole numbers, `[n]`.

    Returns:
        x0_hat, `[B, C, H, W]`; of the other images it means nothing.
    """

    def leaves(questions: Sequence[Branch]) -> list[Images]:
        answers = ask_leaves([_about(question, places) for question in questions])
        pairs = zip(questions, answers, strict=True)
        return [_spread(answer, question.x_t, places) for question, answer in pairs]

    return ask([Branch(denoiser, x_t, t)], leaves)[0]


def _about(question: Branch, places: Tensor) -> Branch:
    """The question about some images, where its leaf can be asked that."""
    leaf, x_t, t = question
    return Branch(leaf.rows(places), x_t[places], t[places]) if isinstance(leaf, Rows) else question


def _spread(answer: Images, x_t: Images, places: Tensor) -> Images:
    """The answer about some images where they are in their batch."""
    if len(answer) == len(x_t):
        return answer
    return x_t.to(answer.dtype).index_copy(0, places, answer)
