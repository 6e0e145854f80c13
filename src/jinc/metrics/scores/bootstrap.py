"""How far a figure would be off with other images of the same kind."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


def bootstrap_error(
    figure: Callable[[NDArray[np.int64]], float], count: int, repeats: int = 200, seed: int = 0
) -> float:
    """Return the standard error of a figure by drawing its images anew, with replacement.

    Args:
        figure: from how often each image is drawn, `[count]`, to the figure.
        count: of images.
        repeats: how often, ≥ 2.
        seed: of the draws.

    Returns:
        The standard deviation of the figures.

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
    """Return the standard error of a figure from what it is without each part of its images.

    Args:
        figures: the figure without part 1, without part 2 …, parts being of one size.

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
    """A figure and its standard error.

    Args:
        value: the figure.
        error: its standard error; NaN where none can be told.
    """

    value: float
    error: float

    @classmethod
    def mean(cls, values: NDArray[np.float64]) -> Self:
        """Return the mean of values that do not depend on each other."""
        error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
        return cls(float(values.mean()), error)
