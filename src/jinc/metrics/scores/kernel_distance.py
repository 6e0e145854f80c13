"""The unbiased kernel distance between two sets of features; KID with Inception."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from jinc.errors import JincError
from jinc.metrics.scores.bootstrap import jackknife_error

SUBSETS, SUBSET_SIZE, SEED = 100, 1000, 2020
"""As torch-fidelity takes them."""

FEWEST_REAL, FEWEST_GENERATED = 2, 3
"""Minimum numbers of images; the jackknife leaves out a generated one."""

BLOCK = 2048


@dataclass(frozen=True)
class KernelDistance:
    """The squared distance of mean embeddings under the kernel (x·y/D + 1)³.

    Args:
        distance: over all pairs of images; unbiased, so that it is negative for sets closer than
            two draws from one distribution usually are.
        error: its jackknife standard error for a fixed reference set; too large, by up to √2, for
            equal distributions.
        subset_mean: mean over random subsets, as usually published.
        subset_std: standard deviation over these.
        subsets: number of subsets.
        subset_size: images of each set in a subset.
    """

    distance: float
    error: float
    subset_mean: float
    subset_std: float
    subsets: int
    subset_size: int


def kernel_distance(
    real: Tensor,
    generated: Tensor,
    *,
    subsets: int = SUBSETS,
    subset_size: int = SUBSET_SIZE,
    seed: int = SEED,
) -> KernelDistance:
    """Return the unbiased kernel distance of features, over all pairs and over subsets.

    Args:
        real: features, `[N, D]`, N ≥ 2.
        generated: features, `[M, D]`, M ≥ 3.
        subsets: number of random subsets, ≥ 1.
        subset_size: images in each; fewer if the sets are smaller.
        seed: of the subsets, which are those of torch-fidelity.

    Source: KID: arXiv 1801.01401, section 4; the estimate: A. Gretton et al., "A kernel two-sample
        test", 2012, eq. 3.
    """
    if real.shape[1] != generated.shape[1]:
        raise JincError(f"features: {real.shape[1]} beside {generated.shape[1]} numbers an image")
    if len(real) < FEWEST_REAL or len(generated) < FEWEST_GENERATED:
        needed = f"{FEWEST_REAL} real and {FEWEST_GENERATED} generated images"
        raise JincError(f"features: a kernel distance needs {needed}")
    real, generated = real.double(), generated.double()
    distance, error = _over_all(real, generated)
    size = min(subset_size, len(real), len(generated))
    found = _over_subsets(real, generated, subsets, size, seed)
    return KernelDistance(
        distance, error, float(np.mean(found)), float(np.std(found)), subsets, size
    )


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _over_all(real: Tensor, generated: Tensor) -> tuple[float, float]:
    """The estimate over all pairs, and its error from leaving out each generated image."""
    n, m = len(real), len(generated)
    within_real = float(_sums(real, real).sum() - _own(real).sum()) / (n * (n - 1))
    within = _sums(generated, generated) - _own(generated)
    across = _sums(generated, real)
    total, beside = within.sum(), across.sum()
    distance = within_real + total / (m * (m - 1)) - 2 * beside / (n * m)
    # Without image j its row and its column are gone from the pairs within, its row from across.
    without = (total - 2 * within) / ((m - 1) * (m - 2)) - 2 * (beside - across) / (n * (m - 1))
    return float(distance), jackknife_error((without + within_real).cpu().numpy())


def _sums(a: Tensor, b: Tensor) -> Tensor:
    """The kernel's sum over b at each of a, `[len(a)]`."""
    parts = a.split(BLOCK)  # type: ignore[no-untyped-call]
    return torch.cat([_kernel(part, b).sum(dim=1) for part in parts])


def _own(a: Tensor) -> Tensor:
    """The kernel at each of a with itself."""
    own: Tensor = (a.square().sum(dim=1) / a.shape[1] + 1) ** 3
    return own


def _over_subsets(
    real: Tensor, generated: Tensor, subsets: int, size: int, seed: int
) -> list[float]:
    random = np.random.RandomState(seed)  # the old kind, as torch-fidelity
    found = []
    for _ in range(subsets):
        x = real[torch.from_numpy(random.choice(len(real), size, replace=False))]
        y = generated[torch.from_numpy(random.choice(len(generated), size, replace=False))]
        within = sum(float(_kernel(z, z).sum() - _own(z).sum()) for z in (x, y))
        across = float(_kernel(x, y).sum())
        found.append(within / (size * (size - 1)) - 2 * across / size**2)
    return found
