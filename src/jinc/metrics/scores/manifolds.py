"""Precision, recall, density and coverage: k-nearest-neighbour estimates of manifolds."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from jinc.errors import JincError
from jinc.metrics.scores.bootstrap import Estimate, jackknife_error
from jinc.metrics.scores.neighbours import squared_distances

K_PRECISION, K_DENSITY = 3, 5
GROUPS = 10
"""Parts of the jackknife of recall and coverage."""

SPARE = 12
"""Neighbours stored beyond the k-th, so that leaving out a part rarely needs more."""


@dataclass(frozen=True)
class ManifoldScores:
    """Scores by balls around images that reach to their k-th neighbour in the same set.

    Errors are over draws of the generated images, for fixed real images.

    Args:
        precision: share of generated images in the ball of a real one (fidelity).
        recall: share of real images in the ball of a generated one (diversity).
        density: mean number of real images' balls around a generated image, over k; may exceed 1,
            and is robust to outliers, unlike precision.
        coverage: share of real images with a generated one in their ball.
    """

    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate


def images_of_each(k_precision: int = K_PRECISION, k_density: int = K_DENSITY) -> int:
    """Return the minimum number of images in each set."""
    return 2 * (max(k_precision, k_density) + 1)


def manifold_scores(
    real: Tensor,
    generated: Tensor,
    *,
    k_precision: int = K_PRECISION,
    k_density: int = K_DENSITY,
    seed: int = 0,
) -> ManifoldScores:
    """Return precision, recall, density and coverage of features.

    All four depend on the number of images: compare equal numbers only. As published, the ball is
    closed for precision and recall, and open for density and coverage; but a copy of the real image
    itself is in its ball even if the k-th neighbour is a copy too. Distances that differ by
    rounding are equal.

    Args:
        real: features, `[N, D]`.
        generated: features, `[M, D]`.
        k_precision: k of precision and recall.
        k_density: k of density and coverage.
        seed: of the jackknife.

    Returns:
        The four, with errors: of the mean over generated images for precision and density, by a
        ten-part jackknife for recall and coverage. If all images agree, the error is the change
        that one more, deviating image would make.

    Source: precision and recall: arXiv 1904.06991, eq. 1 and 2; density and coverage: arXiv
        2002.09797, eq. 2 and 4.
    """
    fewest = images_of_each(k_precision, k_density)
    if min(len(real), len(generated)) < fewest:
        raise JincError(f"features: neighbours of images need {fewest} images or more of each kind")
    n, m = len(real), len(generated)
    group = torch.from_numpy(np.random.default_rng(seed).permutation(m) % min(GROUPS, m))
    of_real = {k: _radii(real, k)[0] for k in {k_precision, k_density}}
    of_generated = _radii(generated, k_precision, group)
    seen = _Seen(n, m, group)
    for first, squared, rounding in squared_distances(generated, real):
        rows = slice(first, first + len(squared))
        inside = (squared + rounding < of_real[k_density]) | (squared <= rounding)
        least = squared.sub_(rounding)
        seen.precise[rows] = (least <= of_real[k_precision]).any(dim=1)
        seen.dense[rows] = inside.sum(dim=1)
        seen.look(rows, least, of_generated, inside)
    return ManifoldScores(
        _never_certain(1 / (m + 1), Estimate.mean(seen.precise.double().numpy())),
        _never_certain(1 / (n + 1), seen.recall()),
        _never_certain(
            1 / k_density / (m + 1), Estimate.mean(seen.dense.double().numpy() / k_density)
        ),
        _never_certain(1 / (n + 1), seen.coverage()),
    )


class _Seen:
    """Counts accumulated over blocks of distances.

    Args:
        n: real images.
        m: generated images.
        group: jackknife part of each generated image, `[m]`.
    """

    def __init__(self, n: int, m: int, group: Tensor) -> None:
        parts = int(group.max()) + 1
        self.group = group
        self.precise = torch.zeros(m, dtype=torch.bool)
        self.dense = torch.zeros(m, dtype=torch.int64)
        # Row 0 is of all generated images; row 1 + g is recalled without g, and covered by g.
        self.recalled = torch.zeros(1 + parts, n, dtype=torch.bool)
        self.covered_by = torch.zeros(parts, n, dtype=torch.bool)

    def look(self, rows: slice, squared: Tensor, radii: Tensor, inside: Tensor) -> None:
        """Add a block: generated images in rows, real ones in columns."""
        group, radii = self.group[rows], radii[:, rows]
        self.recalled[0] |= (squared <= radii[0, :, None]).any(dim=0)
        for g in range(len(self.covered_by)):
            others = group != g
            self.recalled[1 + g] |= (squared[others] <= radii[1 + g, others, None]).any(dim=0)
            self.covered_by[g] |= inside[~others].any(dim=0)

    def recall(self) -> Estimate:
        """Share of real images that are recalled."""
        shares = self.recalled.double().mean(dim=1).numpy()
        return Estimate(float(shares[0]), jackknife_error(shares[1:]))

    def coverage(self) -> Estimate:
        """Share of real images that are covered."""
        by = self.covered_by.sum(dim=0)
        without = (by - self.covered_by.long() > 0).double().mean(dim=1).numpy()
        return Estimate(float((by > 0).double().mean()), jackknife_error(without))


def _never_certain(step: float, found: Estimate) -> Estimate:
    """Replace an error of 0, which would claim certainty, by one step of the score."""
    return found if found.error else Estimate(found.value, step)


def _radii(features: Tensor, k: int, group: Tensor | None = None) -> Tensor:
    """Return squared distances to the k-th neighbour among all, and among all but each group.

    Args:
        features: `[N, D]`.
        k: ≥ 1.
        group: of each, `[N]`; None for none.

    Returns:
        `[1 + groups, N]`.
    """
    parts = 0 if group is None else int(group.max()) + 1
    radii = torch.empty(1 + parts, len(features), dtype=torch.float64)
    kept = min(len(features) - 1, k + (SPARE if parts else 0))
    for first, squared, _ in squared_distances(features, features):
        rows = torch.arange(len(squared))
        squared[rows, first + rows] = torch.inf  # not its own neighbour
        near, at = squared.topk(kept, largest=False)
        radii[0, first + rows] = near[:, k - 1]
        if group is None:
            continue
        for g in range(parts):
            radii[1 + g, first + rows] = _kth(near.masked_fill(group[at] == g, torch.inf), k)
            few = radii[1 + g, first + rows].isinf()
            if bool(few.any()):
                exact = _kth(squared[few].masked_fill(group == g, torch.inf), k)
                radii[1 + g, first + rows[few]] = exact
    return radii


def _kth(squared: Tensor, k: int) -> Tensor:
    return squared.topk(k, largest=False).values[:, -1]
