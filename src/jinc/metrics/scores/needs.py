"""Whether scores can be had, told before hours of work."""

from collections.abc import Callable, Mapping, Sequence

from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.metrics.features.extractors import Extractor
from jinc.metrics.scores.frechet_bias import images_to_extrapolate
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
        if kind == "classes" and logits is None:
            raise JincError(f"{kind}: {extractor.name} has no classes to score by")
        least = _FEWEST[kind](features.shape[1])
        for what, count, needed in zip(
            ("real", "generated"), (len(real), generated), least, strict=True
        ):
            if count < needed:
                raise JincError(
                    f"{kind}: {count} {what} images are too few for {extractor.name}, {needed} are "
                    "needed"
                )
