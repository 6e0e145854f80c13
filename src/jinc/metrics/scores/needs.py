"""Whether scores can be had, told before hours of work."""

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
"""Real and generated images, by how many numbers there are of each."""

WITHOUT_IMAGES: tuple[ScoreKind, ...] = ("frechet", "frechet_unlimited", "classes")
"""Scores that statistics of real images are enough for."""


def check_scores(
    extractor: Extractor,
    real: ImageSet,
    generated: int,
    which: Sequence[ScoreKind] | None = None,
) -> None:
    """Find out whether images can be scored that are still to be generated.

    The extractor is shown one real image, so that it is known what it makes of images of that size.

    Args:
        extractor: what will look at images.
        real: the real ones, of the size of those that are generated.
        generated: how many there will be.
        which: what will be asked for; if nothing is named, what these images allow.

    Raises:
        JincError: something that is asked for cannot be told, as `score` would find out later.
    """
    check_several("generated images", generated)
    check_several(real.name, len(real))
    features, logits = extractor(real.batch(range(1)))
    for kind in which or ():
        _check_kind(kind, extractor.name, logits is not None)
        least = _FEWEST[kind](features.shape[1])
        _check_count(kind, extractor.name, "real", len(real), least[0])
        _check_count(kind, extractor.name, "generated", generated, least[1])


def check_reference(
    extractor: Extractor,
    reference: Reference,
    like: Tensor,
    generated: int,
    which: Sequence[ScoreKind] | None = None,
) -> None:
    """Find out the same where there are statistics in the place of real images.

    Args:
        extractor: what will look at images.
        reference: statistics of the real ones.
        like: any image of the shape of those that are generated, `[1, C, H, W]`.
        generated: how many there will be.
        which: what will be asked for; if nothing is named, what these images allow.

    Raises:
        JincError: something that is asked for cannot be told, or others have looked.
    """
    check_several("generated images", generated)
    known = reference.extractor
    if known not in (None, extractor.facts):
        assert known is not None
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
        _check_kind(kind, extractor.name, logits is not None)
        if kind not in WITHOUT_IMAGES:
            raise JincError(f"{kind}: needs real images, {reference.name} are statistics alone")
        _check_count(
            kind, extractor.name, "generated", generated, _FEWEST[kind](features.shape[1])[1]
        )


def _check_kind(kind: ScoreKind, judge: str, has_classes: bool) -> None:
    if kind == "classes" and not has_classes:
        raise JincError(f"{kind}: {judge} has no classes to score by")


def _check_count(kind: ScoreKind, judge: str, what: str, count: int, needed: int) -> None:
    if count < needed:
        raise JincError(
            f"{kind}: {count} {what} images are too few for {judge}, {needed} are needed"
        )
