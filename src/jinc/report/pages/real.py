"""Real images that generated ones are compared with."""

from dataclasses import dataclass

from jinc.data import ImageSet
from jinc.types import Images


@dataclass(frozen=True, eq=False)
class RealImages:
    """Real images that a page compares with.

    Args:
        x0: such as the model was trained on, unseen if possible, `[M, C, H, W]`.
        words: which they are.
        train: those that it was trained on, or some of many; None if they are not at hand.
        trained: how many there are.
        unseen: some that it was not; None if there are none.
    """

    x0: Images
    words: str
    train: ImageSet | None = None
    trained: int = 0
    unseen: ImageSet | None = None
