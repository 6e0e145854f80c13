"""Effects: denoisers made from denoisers, evaluated with one call for leaves that share a network.

An effect says which inputs it needs evaluated by which denoisers (`branches`), and how to combine
their outputs. `evaluate` expands nested effects to their leaves, evaluates these in batches, and
combines the outputs on the way back.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self, TypeAlias, TypeGuard, final, runtime_checkable

import torch
from torch import Tensor

from jinc.types import Denoiser, Images, Steps


class Branch(NamedTuple):
    """A denoiser, which may be an effect or a leaf, and its input.

    Args:
        denoiser: what is evaluated.
        x_t: noisy images, `[B, C, H, W]`.
        t: their level, `[B]`.
    """

    denoiser: Denoiser
    x_t: Images
    t: Steps


@runtime_checkable
class Shared(Protocol):
    """A leaf that can be evaluated in one call with others like it.

    Any denoiser with these two names is one; a plain function is evaluated alone.
    """

    @property
    def shares(self) -> Hashable:
        """Leaves of one class with equal `shares` are joined; as a rule it is the network's id."""

    def joined(self, parts: Sequence[tuple[Self, int]]) -> Denoiser:
        """Join leaves to one denoiser of `[sum of the counts, C, H, W]`, their images in order.

        Args:
            parts: each leaf, and its number of images; self is the first.
        """

    def __call__(self, x_t: Images, t: Steps) -> Images: ...


@runtime_checkable
class Rows(Protocol):
    """A leaf that can be restricted to some images of its batch: any denoiser with `rows`."""

    def rows(self, places: Tensor) -> Denoiser:
        """Return the denoiser of these images, with their labels and the like.

        Args:
            places: indices of the images in the batch, `[n]`.
        """

    def __call__(self, x_t: Images, t: Steps) -> Images: ...


class Effect(ABC):
    """A denoiser that combines the outputs of others."""

    @abstractmethod
    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        """The denoisers and inputs whose outputs the effect needs.

        Args:
            x_t: noisy images, `[B, C, H, W]`.
            t: their level, `[B]`, 0 … T−1.
        """

    @abstractmethod
    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        """Combine the outputs to one x0_hat, `[B, C, H, W]`.

        Args:
            answers: the x0_hat of each branch, in order.
            x_t: as given to `branches`.
            t: as given to `branches`.
        """

    @final
    def __call__(self, x_t: Images, t: Steps) -> Images:
        """Evaluate all branches together, and combine their outputs."""
        return evaluate([Branch(self, x_t, t)])[0]


@dataclass(frozen=True, eq=False)
class Adjustment(Effect):
    """An effect that changes the prediction of one denoiser."""

    denoiser: Denoiser

    @final
    def branches(self, x_t: Images, t: Steps) -> Sequence[Branch]:
        return [Branch(self.denoiser, x_t, t)]

    @final
    def combine(self, answers: Sequence[Images], x_t: Images, t: Steps) -> Images:
        return self.adjust(answers[0], x_t, t)

    @abstractmethod
    def adjust(self, x0_hat: Images, x_t: Images, t: Steps) -> Images:
        """The effect's x0_hat from the denoiser's, `[B, C, H, W]` each."""


Leaves: TypeAlias = Callable[[Sequence[Branch]], list[Images]]
"""Evaluates leaves: one x0_hat for each."""


def evaluate_leaves(branches: Sequence[Branch]) -> list[Images]:
    """Evaluate leaves, with one call for those that share a network.

    Args:
        branches: leaves; those with images of one size, type and device can be joined.

    Returns:
        One x0_hat for each, shaped like its images.
    """
    groups: dict[Hashable, list[int]] = {}
    for place, branch in enumerate(branches):
        groups.setdefault(_group(branch, place), []).append(place)
    answers: dict[int, Images] = {}
    for places in groups.values():
        answers.update(zip(places, _together([branches[i] for i in places]), strict=True))
    return [answers[i] for i in range(len(branches))]


def evaluate(branches: Sequence[Branch], leaves: Leaves = evaluate_leaves) -> list[Images]:
    """Evaluate denoisers of any kind.

    Args:
        branches: effects and leaves.
        leaves: evaluates the leaves.

    Returns:
        One x0_hat for each, shaped like its images.
    """
    if not any(isinstance(branch.denoiser, Effect) for branch in branches):
        return leaves(branches)
    expanded = [
        effect.branches(x_t, t) if isinstance(effect, Effect) else [Branch(effect, x_t, t)]
        for effect, x_t, t in branches
    ]
    answers = iter(evaluate([own for owns in expanded for own in owns], leaves))
    found = []
    for (effect, x_t, t), owns in zip(branches, expanded, strict=True):
        own = [next(answers) for _ in owns]
        found.append(effect.combine(own, x_t, t) if isinstance(effect, Effect) else own[0])
    return found


def evaluate_rows(denoiser: Denoiser, x_t: Images, t: Steps, places: Tensor) -> Images:
    """Evaluate a denoiser for some images of its batch only.

    Effects, which cost next to nothing, get the whole batch, for they may hold something of each
    image; so do leaves without `rows`, such as plain functions.

    Args:
        denoiser: of the whole batch.
        x_t: noisy images, `[B, C, H, W]`.
        t: levels of all of them, `[B]`, 0 … T−1.
        places: indices of the images in question, `[n]`.

    Returns:
        x0_hat, `[B, C, H, W]`; the rows of other images are meaningless.
    """

    def some(branch: Branch) -> Branch:
        leaf, x_t, t = branch
        if isinstance(leaf, Rows):
            return Branch(leaf.rows(places), x_t[places], t[places])
        return branch

    def leaves(branches: Sequence[Branch]) -> list[Images]:
        answers = evaluate_leaves([some(branch) for branch in branches])
        return [
            answer
            if len(answer) == len(branch.x_t)
            else branch.x_t.to(answer.dtype).index_copy(0, places, answer)
            for branch, answer in zip(branches, answers, strict=True)
        ]

    return evaluate([Branch(denoiser, x_t, t)], leaves)[0]


def _is_shared(leaf: Denoiser) -> TypeGuard[Shared]:
    """As `isinstance`, which takes 20 µs for a protocol: there can be thousands of tiles."""
    return hasattr(leaf, "joined") and hasattr(leaf, "shares")


def _group(branch: Branch, place: int) -> Hashable:
    """Equal for branches that can be joined."""
    leaf, x_t, t = branch
    if not _is_shared(leaf):
        return place
    return type(leaf), leaf.shares, x_t.shape[1:], x_t.dtype, x_t.device, t.dtype


def _together(branches: Sequence[Branch]) -> Iterable[Images]:
    """Evaluate the branches of one group in one call."""
    leaf, x_t, t = branches[0]
    if len(branches) == 1 or not _is_shared(leaf):
        return [leaf(x_t, t)]
    counts = [len(branch.x_t) for branch in branches]
    pairs = zip(branches, counts, strict=True)
    parts = [(branch.denoiser, n) for branch, n in pairs if _is_shared(branch.denoiser)]
    x0_hat = leaf.joined(parts)(
        torch.cat([branch.x_t for branch in branches]), torch.cat([branch.t for branch in branches])
    )
    answers: tuple[Images, ...] = torch.split(x0_hat, counts)
    return answers
