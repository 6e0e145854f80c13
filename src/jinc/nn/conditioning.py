"""The inputs of a network besides noisy images and their steps."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.types import Images

NO_CLASS = -1
"""The label of an image without a class; it adds nothing to the embedding."""


class Conditioning(NamedTuple):
    """Labels, augmentations and further images for a batch of B noisy images.

    Args:
        labels: class of each image, `[B]`, 0 to classes − 1, or `NO_CLASS`; None for no class.
        augment: augmentation of each image, `[B, augmentations]`; None, like zeros, for none.
        beside: images that are concatenated with the noisy ones, `[B, beside, H, W]`.
    """

    labels: Tensor | None = None
    augment: Tensor | None = None
    beside: Images | None = None

    def check(self, x_t: Images, classes: int, augmentations: int, beside: int) -> None:
        """Check shapes and labels against the images and a network's sizes."""
        if self.labels is not None:
            _check_labels(self.labels, len(x_t), classes)
        if self.augment is not None and self.augment.shape != (len(x_t), augmentations):
            wanted = [len(x_t), augmentations]
            raise JincError(f"augment: {list(self.augment.shape)} is not {wanted}")
        if self.beside is None and beside:
            raise JincError(f"beside: this network needs {beside} channels of images beside x_t")
        if self.beside is not None and not beside:
            raise JincError("beside: this network takes no images but the noisy ones")
        if self.beside is not None and self.beside.shape != (len(x_t), beside, *x_t.shape[2:]):
            wanted = [len(x_t), beside, *x_t.shape[2:]]
            raise JincError(f"beside: {list(self.beside.shape)} is not {wanted}")

    def concatenated(self, x_t: Images) -> Tensor:
        """Concatenate noisy images and those beside them, in the layout of convolutions."""
        x = x_t if self.beside is None else torch.cat([x_t, self.beside.to(x_t)], dim=1)
        return x.contiguous(memory_format=torch.channels_last)


UNCONDITIONAL = Conditioning()


class LabelEmbedding(nn.Embedding):
    """One learned row a class, and zeros for `NO_CLASS`."""

    def forward(self, labels: Tensor) -> Tensor:
        """Map labels `[B]` to `[B, size]`."""
        rows = super().forward(labels.clamp_min(0))
        return torch.where((labels >= 0)[:, None], rows, 0)


def embed(
    condition: Conditioning,
    steps: Tensor,
    label_embedding: nn.Module | None,
    augment_embedding: nn.Module | None,
) -> Tensor:
    """Add the embeddings of labels and augmentations to that of the steps, `[B, size]`."""
    if condition.labels is not None and label_embedding is not None:
        steps = steps + label_embedding(condition.labels)
    if condition.augment is not None and augment_embedding is not None:
        steps = steps + augment_embedding(condition.augment)
    return steps


def embeddings(
    classes: int, augmentations: int, size: int
) -> tuple[LabelEmbedding | None, nn.Linear | None]:
    """Make the embeddings of labels and augmentations, if there are any."""
    label = LabelEmbedding(classes, size) if classes else None
    return label, nn.Linear(augmentations, size, bias=False) if augmentations else None


def joined_labels(parts: Sequence[tuple[Tensor | None, int]]) -> Tensor | None:
    """Concatenate the labels of several batches, with `NO_CLASS` for those without.

    Args:
        parts: labels `[n]` or None, and n.

    Returns:
        `[sum of n]`, or None if no batch has labels.
    """
    given = [labels for labels, _ in parts if labels is not None]
    if not given:
        return None
    none = [given[0].new_full((n,), NO_CLASS) if part is None else part for part, n in parts]
    return torch.cat(none)


def _check_labels(labels: Tensor, count: int, classes: int) -> None:
    if not classes:
        raise JincError("labels: this network was made without classes")
    if labels.shape != (count,):
        raise JincError(f"labels: {list(labels.shape)} is not [{count}], one for each image")
    if labels.device.type != "cpu" or torch.compiler.is_compiling():
        return
    for label in labels.tolist():
        if label != NO_CLASS and not 0 <= label < classes:
            raise JincError(f"labels: {label} is not 0 to {classes - 1}, nor {NO_CLASS} for none")
