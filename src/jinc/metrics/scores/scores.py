"""All scores of a set of generated images against a real one, with errors, as plain data."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias, get_args

from jinc.errors import JincError
from jinc.metrics.features.by_name import is_genuine
from jinc.metrics.features.extractors import ExtractorFacts
from jinc.metrics.features.features import Features
from jinc.metrics.features.reference import Reference
from jinc.metrics.scores.bootstrap import Estimate
from jinc.metrics.scores.frechet import (
    extrapolated_frechet,
    frechet_distance,
    frechet_error,
    images_to_extrapolate,
)
from jinc.metrics.scores.inception_score import SPLITS, class_score
from jinc.metrics.scores.kernel_distance import FEWEST_GENERATED, FEWEST_REAL, kernel_distance
from jinc.metrics.scores.manifolds import (
    K_DENSITY,
    K_PRECISION,
    ManifoldScores,
    images_of_each,
    manifold_scores,
)
from jinc.plain import without_nan

ScoreKind: TypeAlias = Literal[
    "frechet",
    "frechet_unlimited",
    "kernel",
    "classes",
    "precision",
    "recall",
    "density",
    "coverage",
]

SCORES: tuple[ScoreKind, ...] = get_args(ScoreKind)


def score_name(extractor: ExtractorFacts, kind: ScoreKind = "frechet") -> str:
    """Return the name of a score: FID, KID and IS for Inception alone, known by its SHA-256.

    Args:
        extractor: the feature network.
        kind: of the score.

    >>> score_name(ExtractorFacts("resnet20-cifar10", "64", "12fca82f", 3, None, "none", 0, 1))
    'Fréchet distance (resnet20-cifar10)'
    """
    known = KINDS[kind].of_inception
    return known if known and is_genuine(extractor) else _plain_name(extractor, kind)


def _plain_name(extractor: ExtractorFacts, kind: ScoreKind) -> str:
    return f"{KINDS[kind].name} ({extractor.name})"


@dataclass(frozen=True)
class Score:
    """One score.

    Args:
        name: as `score_name`.
        value: the score.
        error: its standard error, for other generated images and the same real ones.
        error_by: method of the error.
        lower_is_better: False if higher is better.
        details: settings and further results.
    """

    name: str
    value: float
    error: float
    error_by: str
    lower_is_better: bool
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """All scores of a set, and what they depend on.

    Args:
        extractor: the feature network.
        real: name, number and SHA-256 of the real images.
        generated: of the generated images.
        scores: by kind.
        left_out: reasons, by kind, why a score was left out.
    """

    extractor: ExtractorFacts
    real: Mapping[str, Any]
    generated: Mapping[str, Any]
    scores: Mapping[ScoreKind, Score]
    left_out: Mapping[ScoreKind, str]

    def facts(self) -> dict[str, Any]:
        """Return all of it ready for JSON, NaN as None."""
        found: dict[str, Any] = without_nan(asdict(self))
        return found


def score(
    real: Features | Reference,
    generated: Features,
    which: Sequence[ScoreKind] | None = None,
    *,
    seed: int = 0,
) -> Scores:
    """Score generated images against real ones.

    Args:
        real: features of the real images; or their statistics, which allow only Fréchet distances
            and the class score.
        generated: features of the generated images, by the same extractor.
        which: the scores; None for all that these images allow.
        seed: of errors and extrapolation; subsets of the kernel distance and splits of the class
            score have the seeds of torch-fidelity.

    Returns:
        The scores, and why others were left out.

    Raises:
        JincError: the extractors differ, there is a single image, or a requested score cannot be
            computed.
    """
    if real.extractor not in (None, generated.extractor):
        assert real.extractor is not None
        raise JincError(
            f"features: {real.name} by {real.extractor.words()}; {generated.name} by "
            f"{generated.extractor.words()}; the same is needed"
        )
    for name, count in ((real.name, real.statistics.count), (generated.name, len(generated))):
        check_several(name, count)
    pair = _Pair(real, generated, seed)
    found: dict[ScoreKind, Score] = {}
    left_out: dict[ScoreKind, str] = {}
    for kind in SCORES if which is None else which:
        try:
            found[kind] = KINDS[kind].compute(pair, kind)
        except JincError as error:
            if which is not None:
                raise
            left_out[kind] = str(error)
    return Scores(generated.extractor, _facts(real), _facts(generated), found, left_out)


def check_several(name: str, count: int) -> None:
    """Raise a JincError for a set of a single image."""
    if count < 2:
        raise JincError(f"{name}: {count} image cannot be scored, use more images")


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two sets of features, and what several scores share."""

    real: Features | Reference
    generated: Features
    seed: int

    @property
    def real_features(self) -> Features:
        if isinstance(self.real, Reference):
            raise JincError(f"{self.real.name}: are only statistics, images are needed")
        return self.real

    @cached_property
    def frechet_error(self) -> tuple[float, str]:
        return frechet_error(self.real.statistics, self.generated.values, seed=self.seed)

    @cached_property
    def manifolds(self) -> ManifoldScores:
        return manifold_scores(self.real_features.values, self.generated.values, seed=self.seed)

    def scored(
        self,
        kind: ScoreKind,
        value: float,
        error: float,
        by: str,
        details: Mapping[str, Any] | None = None,
    ) -> Score:
        known = kind == "classes" or self.real.extractor is not None
        named = score_name if known else _plain_name  # statistics may be of other features
        name = named(self.generated.extractor, kind)
        return Score(name, value, error, by, KINDS[kind].lower_is_better, details or {})


def _frechet(pair: _Pair, kind: ScoreKind) -> Score:
    value = frechet_distance(pair.real.statistics, pair.generated.statistics)
    enough = images_to_extrapolate(pair.real.statistics.dimension)
    return pair.scored(kind, value, *pair.frechet_error, {"images_to_extrapolate": enough})


def _unlimited(pair: _Pair, kind: ScoreKind) -> Score:
    line = extrapolated_frechet(pair.real.statistics, pair.generated.values, seed=pair.seed)
    error, by = pair.frechet_error
    both = math.hypot(error, line.line_error)
    return pair.scored(kind, line.distance, both, f"{by}, and the line's", asdict(line))


def _kernel(pair: _Pair, kind: ScoreKind) -> Score:
    found = asdict(kernel_distance(pair.real_features.values, pair.generated.values))
    value, error = found.pop("distance"), found.pop("error")
    return pair.scored(kind, value, error, "jackknife", found | {"unbiased": True})


def _classes(pair: _Pair, kind: ScoreKind) -> Score:
    real, logits = pair.real, pair.generated.logits
    if logits is None:
        raise JincError(f"{pair.generated.extractor.name}: has no classes to score by")
    found = asdict(class_score(logits))
    value, error = found.pop("score"), found.pop("error")
    if isinstance(real, Features) and real.logits is not None and len(real) >= found["splits"]:
        found["of_real"] = class_score(real.logits).score
    return pair.scored(kind, value, error, "splits", found)


def _manifold(pair: _Pair, kind: ScoreKind) -> Score:
    found: Estimate = getattr(pair.manifolds, kind)
    k = K_PRECISION if kind in ("precision", "recall") else K_DENSITY
    by = "mean" if kind in ("precision", "density") else "jackknife"
    return pair.scored(kind, found.value, found.error, by, {"k": k})


@dataclass(frozen=True)
class Kind:
    """How a score is computed and named.

    Args:
        name: by features other than Inception's.
        compute: the score of two sets of features.
        fewest: minimum numbers of real and generated images, by the dimension of the features.
        of_inception: its name by Inception's features, if it has one.
        lower_is_better: False if higher is better.
        needs_images: whether statistics of the real images are not enough.
    """

    name: str
    compute: Callable[[_Pair, ScoreKind], Score]
    fewest: Callable[[int], tuple[int, int]]
    of_inception: str = ""
    lower_is_better: bool = False
    needs_images: bool = True


_FRECHET = Kind(
    *("Fréchet distance", _frechet, lambda _: (2, 2), "FID"),
    lower_is_better=True,
    needs_images=False,
)
_MANIFOLD = Kind("", _manifold, lambda _: (images_of_each(), images_of_each()))

KINDS: Mapping[ScoreKind, Kind] = {
    "frechet": _FRECHET,
    "frechet_unlimited": replace(
        _FRECHET,
        name="Fréchet distance, N → ∞",
        compute=_unlimited,
        fewest=lambda dimension: (2, images_to_extrapolate(dimension)),
        of_inception="FID∞",
    ),
    "kernel": Kind(
        *("kernel distance", _kernel, lambda _: (FEWEST_REAL, FEWEST_GENERATED), "KID"),
        lower_is_better=True,
    ),
    "classes": Kind("class score", _classes, lambda _: (2, SPLITS), "IS", needs_images=False),
    "precision": replace(_MANIFOLD, name="precision"),
    "recall": replace(_MANIFOLD, name="recall"),
    "density": replace(_MANIFOLD, name="density"),
    "coverage": replace(_MANIFOLD, name="coverage"),
}
"""A new score is a function of features in a file of its own, and its name and entry here."""


def _facts(features: Features | Reference) -> dict[str, Any]:
    count = features.count if isinstance(features, Reference) else len(features)
    return {"name": features.name, "images": count, "sha256": features.images}
