"""Mean and covariance of features, accumulated in float64."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from jinc.errors import JincError

LARGEST = 8192
"""Maximum dimension: its covariance has half a gigabyte."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """Count, mean and scatter matrix of features.

    Squares are always taken about the mean, so that features far from zero lose no digits.

    Args:
        count: n.
        mean: float64, `[D]`.
        scatter: `Σ (x − mean)(x − mean)ᵀ`, float64, `[D, D]`.

    Source: T. Chan, G. Golub, R. LeVeque, "Updating formulae and a pairwise algorithm for computing
        sample variances", 1979, eq. 2.1, for vectors.

    >>> x = torch.tensor([[0.0], [2.0]])
    >>> Statistics.of(x).plus(x + 1).covariance
    tensor([[1.6667]], dtype=torch.float64)
    """

    count: int
    mean: Tensor
    scatter: Tensor

    @classmethod
    def of(cls, features: Tensor) -> Self:
        """Compute the statistics of features `[n, D]`, n ≥ 1."""
        check_features(features)
        check_dimension(features.shape[1])
        values = features.detach().double()
        mean = values.mean(dim=0)
        centred = values - mean
        return cls(len(values), mean, centred.T @ centred)

    @classmethod
    def over(cls, parts: Iterable[Tensor]) -> Self:
        """Compute the statistics of features in parts `[n, D]`."""
        found: Self | None = None
        for part in parts:
            found = cls.of(part) if found is None else found.plus(part)
        if found is None:
            raise JincError("features: there are none")
        return found

    def plus(self, features: Tensor) -> Self:
        """Include more features `[n, D]`."""
        return self.merged(type(self).of(features))

    def merged(self, other: Self) -> Self:
        """Join the statistics of two parts."""
        if self.dimension != other.dimension:
            raise JincError(f"features: {self.dimension} beside {other.dimension} numbers an image")
        count = self.count + other.count
        apart = other.mean - self.mean
        between = torch.outer(apart, apart) * (self.count * other.count / count)
        return type(self)(
            count,
            self.mean + apart * (other.count / count),
            self.scatter + other.scatter + between,
        )

    @property
    def dimension(self) -> int:
        """D."""
        return len(self.mean)

    @property
    def covariance(self) -> Tensor:
        """The unbiased covariance, `[D, D]`."""
        if self.count < 2:
            raise JincError("features: one image has no covariance, take more images")
        return self.scatter / (self.count - 1)


def check_dimension(dimension: int) -> None:
    """Raise a JincError if a dimension exceeds `LARGEST`."""
    if dimension > LARGEST:
        raise JincError(f"features: {dimension:,} numbers an image, {LARGEST:,} are the most")


def check_features(features: Tensor) -> None:
    """Raise a JincError unless features are `[n, D]` and finite; it names the first image."""
    if features.ndim != 2 or 0 in features.shape or not features.is_floating_point():
        found = f"{str(features.dtype).removeprefix('torch.')} {list(features.shape)}"
        raise JincError(f"features: must be floats [images, D], not {found}")
    fine = features.isfinite().all(dim=1)
    if not bool(fine.all()):
        bad = (~fine).nonzero().flatten()
        raise JincError(
            f"features: {len(bad)} of {len(features)} images have values that are not finite, "
            f"the first is image {int(bad[0])}"
        )
