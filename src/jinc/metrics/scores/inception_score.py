"""The Inception score: confidence of a classifier and diversity of its classes."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from jinc.errors import JincError
from jinc.metrics.features.statistics import check_features

SPLITS, SEED = 10, 2020
"""As torch-fidelity takes them."""


@dataclass(frozen=True)
class ClassScore:
    """exp of the mean KL divergence between the class distributions of an image and of all.

    Args:
        score: mean over the splits, from 1 to the number of classes.
        error: its standard error; the splits share no image.
        split_std: standard deviation over the splits, as it is usually published.
        splits: how many.
    """

    score: float
    error: float
    split_std: float
    splits: int


def class_score(logits: Tensor, *, splits: int = SPLITS, seed: int | None = SEED) -> ClassScore:
    """Return the Inception score of logits.

    Args:
        logits: `[n, K]`; for Inception without their bias.
        splits: parts that are scored separately, 1 to n.
        seed: of the shuffling before, as in torch-fidelity; None keeps the order.

    Returns:
        The score; its error is NaN with one split.

    Source: arXiv 1606.03498, section 4.
    """
    check_features(logits)
    if not 1 <= splits <= len(logits):
        raise JincError(f"splits: {len(logits)} images do not split into {splits}")
    if seed is not None:
        order = np.random.RandomState(seed).permutation(len(logits))
        logits = logits[torch.from_numpy(order)]
    log_p = logits.double().log_softmax(dim=1)
    edges = [place * len(logits) // splits for place in range(splits + 1)]
    found = [_score(log_p[a:b]) for a, b in pairwise(edges)]
    error = float(np.std(found, ddof=1)) / splits**0.5 if splits > 1 else float("nan")
    return ClassScore(float(np.mean(found)), error, float(np.std(found)), splits)


def _score(log_p: Tensor) -> float:
    p = log_p.exp()
    # A class without images adds nothing: 0·log 0 is 0.
    of_all = p.mean(dim=0)
    gained = torch.special.xlogy(p, p).sum(dim=1).mean() - torch.special.xlogy(of_all, of_all).sum()
    return float(gained.exp())
