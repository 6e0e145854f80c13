"""Questions to denoisers, and answering those that one network can answer together in one call."""

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple, Protocol, Self, TypeGuard, runtime_checkable

import torch

from jinc.types import Denoiser, Images, Steps


class Branch(NamedTuple):
    """One question to one denoiser.

    Args:
        denoiser: who is asked; an effect, or a leaf.
        x_t: the images it is shown, `[B, C, H, W]`.
        t: their level, `[B]`.
    """

    denoiser: Denoiser
    x_t: Images
    t: Steps


@runtime_checkable
class Shared(Protocol):
    """A leaf that can be joined with others like it, and is then asked once for all of them.

    Any denoiser with these two names is one; a plain function is asked alone.
    """

    @property
    def shares(self) -> Hashable:
        """What joins leaves: those of one class with equal `shares`; as a rule the network."""
        ...

    def joined(self, parts: Sequence[tuple[Self, int]]) -> Denoiser:
        """One denoiser that answers for all parts, their images standing one after another.

        Args:
            parts: each leaf, and how many images it is asked about; self is the first.

        Returns:
            a denoiser of `[sum of the counts, C, H, W]`; each image gets the answer of its leaf.
        """
        ...

    def __call__(self, x_t: Images, t: Steps) -> Images:
        """Answer alone."""
        ...


def ask_leaves(questions: Sequence[Branch]) -> list[Images]:
    """Answer questions, those to leaves that share a network in one call.

    Args:
        questions: to leaves; images of one size, type and device go together.

    Returns:
        one x0_hat for each question, shaped like its images.
    """
    groups: dict[Hashable, list[int]] = {}
    for place, question in enumerate(questions):
        groups.setdefault(_group(question, place), []).append(place)
    answers: dict[int, Images] = {}
    for places in groups.values():
        answers.update(zip(places, _together([questions[i] for i in places]), strict=True))
    return [answers[i] for i in range(len(questions))]


def _is_shared(leaf: Denoiser) -> TypeGuard[Shared]:
    """Tell what `isinstance` tells, which takes 20 µs for a protocol: thousands of tiles."""
    return hasattr(leaf, "joined") and hasattr(leaf, "shares")


def _group(question: Branch, place: int) -> Hashable:
    """Equal for questions that go together; a leaf that shares nothing is a group of its own."""
    leaf, x_t, t = question
    if not _is_shared(leaf):
        return place
    return type(leaf), leaf.shares, x_t.shape[1:], x_t.dtype, x_t.device, t.dtype


def _together(questions: Sequence[Branch]) -> Iterable[Images]:
    """Answer questions of one group."""
    leaf, x_t, t = questions[0]
    if len(questions) == 1 or not _is_shared(leaf):
        return [leaf(x_t, t)]
    counts = [len(question.x_t) for question in questions]
    leaves = [question.denoiser for question in questions]
    parts = [(part, n) for part, n in zip(leaves, counts, strict=True) if _is_shared(part)]
    together = leaf.joined(parts)
    x0_hat = together(
        torch.cat([question.x_t for question in questions]),
        torch.cat([question.t for question in questions]),
    )
    answers: tuple[Images, ...] = torch.split(x0_hat, counts)
    return answers
