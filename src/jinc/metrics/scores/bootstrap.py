"""Standard errors by bootstrap and jackknife."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


def bootstrap_error(
    figure: Callable[[NDArray[np.int64]], float], count: int, repeats: int = 200, seed: int = 0
) -> float:
    """Return the bootstrap standard error of a statistic.

    Args:
        figure: maps the number of times that each image is drawn, `[count]`, to the statistic.
        count: of images.
        repeats: resamplings, ≥ 2.
        seed: of the resampling.

    Returns:
        The standard deviation over resamplings.

    Source: B. Efron, "Bootstrap methods: another look at the jackknife", 1979.

    >>> x = np.random.default_rng(0).standard_normal(400)
    >>> round(bootstrap_error(lambda times: float(times @ x / 400), 400), 2)  # 1/√400
    0.05
    """
    random = np.random.default_rng(seed)
    even = np.full(count, 1 / count)
    found = [figure(random.multinomial(count, even)) for _ in range(repeats)]
    return float(np.std(found, ddof=1))


def jackknife_error(figures: Sequence[float] | NDArray[np.float64]) -> float:
    """Return the jackknife standard error of a statistic.

    Args:
        figures: the statistic without part 1, without part 2 …, for parts of one size.

    Returns:
        √((G − 1)/G Σ (figure − mean)²).

    Source: B. Efron, C. Stein, "The jackknife estimate of variance", 1981, eq. 1.3.

    >>> jackknife_error([1.0, 2.0, 3.0]) == (2 / 3 * 2) ** 0.5
    True
    """
    values = np.asarray(figures, dtype=np.float64)
    parts = len(values)
    return math.sqrt((parts - 1) / parts * float(np.square(values - values.mean()).sum()))


@dataclass(frozen=True)
class Estimate:
    """A statistic and its standard error, NaN if that is unknown."""

    value: float
    error: float

    @classmethod
    def mean(cls, values: NDArray[np.float64]) -> Self:
        """Return the mean of independent values."""
        error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
        return cls(float(values.mean()), error)
