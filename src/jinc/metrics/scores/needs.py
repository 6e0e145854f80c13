"""Whether scores can be computed, checked before hours of work."""

from collections.abc import Sequence

from torch import Tensor

from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.metrics.features.extractors import Extractor
from jinc.metrics.features.reference import Reference
from jinc.metrics.scores.scores import KINDS, ScoreKind, check_several


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
        real_needed, needed = KINDS[kind].fewest(features.shape[1])
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
        if KINDS[kind].needs_images:
            raise JincError(f"{kind}: needs real images, {reference.name} are only statistics")
        _, needed = KINDS[kind].fewest(features.shape[1])
        _check_count(kind, extractor.name, "generated", generated, needed)


def _check_classes(kind: ScoreKind, extractor: str, logits: Tensor | None) -> None:
    if kind == "classes" and logits is None:
        raise JincError(f"{kind}: {extractor} has no classes to score by")


def _check_count(kind: ScoreKind, extractor: str, what: str, count: int, needed: int) -> None:
    if count < needed:
        raise JincError(
            f"{kind}: {count} {what} images are too few for {extractor}, {needed} are needed"
        )
