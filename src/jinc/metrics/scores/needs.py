"""Whether scores can be computed, checked before hours of work."""

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.metrics.features.extractors import Extractor
from jinc.metrics.features.reference import Reference
from jinc.metrics.scores.frechet import images_to_extrapolate
from jinc.metrics.scores.inception_score import SPLITS
from jinc.metrics.scores.kernel_distance import FEWEST_GENERATED, FEWEST_REAL
from jinc.metrics.scores.manifolds import images_of_each
from jinc.metrics.scores.scores import MANIFOLD, ScoreKind, check_several

_FEWEST: Mapping[ScoreKind, Callable[[int], tuple[int, int]]] = {
    "frechet": lambda _: (2, 2),
    "frechet_unlimited": lambda D: (2, images_to_extrapolate(D)),
    "kernel": lambda _: (FEWEST_REAL, FEWEST_GENERATED),
    "classes": lambda _: (2, SPLITS),
    **dict.fromkeys(MANIFOLD, lambda _: (images_of_each(), images_of_each())),
}
"""Minimum numbers of real and generated images, by the dimension of the features."""

WITHOUT_IMAGES: tuple[ScoreKind, ...] = ("frechet", "frechet_unlimited", "classes")
"""Scores that need only statistics of real images."""


def check_scores(
    extractor: Extractor,
    real: ImageSet,
    generated: int,
    which: Sequence[ScoreKind] | None = None,
) -> None:
    """Check that images that are still to be generated can be scored.

    The extractor is applied to one real image.

    Args:
        extractor: the feature network.
        real: the real images, of the size of the generated ones.
        generated: the number of generated images.
        which: the scores; None for all that these images allow.

    Raises:
        JincError: `score` would refuse one of them.
    """
    check_several("generated images", generated)
    check_several(real.name, len(real))
    features, logits = extractor(real.batch(range(1)))
    for kind in which or ():
        _check_classes(kind, extractor.name, logits)
        real_needed, needed = _FEWEST[kind](features.shape[1])
        _check_count(kind, extractor.name, "real", len(real), real_needed)
        _check_count(kind, extractor.name, "generated", generated, needed)


def check_reference(
    extractor: Extractor,
    reference: Reference,
    like: Tensor,
    generated: int,
    which: Sequence[ScoreKind] | None = None,
) -> None:
    """Check the same where statistics replace the real images.

    Args:
        extractor: the feature network.
        reference: statistics of the real images.
        like: any image of the shape of the generated ones, `[1, C, H, W]`.
        generated: the number of generated images.
        which: the scores; None for all that these images allow.

    Raises:
        JincError: `score` would refuse one of them, or the statistics are of other features.
    """
    check_several("generated images", generated)
    known = reference.extractor
    if known is not None and known != extractor.facts:
        raise JincError(
            f"{reference.name}: are statistics by {known.words()}, not by {extractor.facts.words()}"
        )
    features, logits = extractor(like)
    if features.shape[1] != reference.statistics.dimension:
        raise JincError(
            f"{reference.name}: are statistics of {reference.statistics.dimension} numbers an "
            f"image, {extractor.name} makes {features.shape[1]}"
        )
    for kind in which or ():
        _check_classes(kind, extractor.name, logits)
        if kind not in WITHOUT_IMAGES:
            raise JincError(f"{kind}: needs real images, {reference.name} are only statistics")
        _, needed = _FEWEST[kind](features.shape[1])
        _check_count(kind, extractor.name, "generated", generated, needed)


def _check_classes(kind: ScoreKind, extractor: str, logits: Tensor | None) -> None:
    if kind == "classes" and logits is None:
        raise JincError(f"{kind}: {extractor} has no classes to score by")


def _check_count(kind: ScoreKind, extractor: str, what: str, count: int, needed: int) -> None:
    if count < needed:
        raise JincError(
            f"{kind}: {count} {what} images are too few for {extractor}, {needed} are needed"
        )
