"""What images must look like to be worked on."""

from jinc.errors import JincError
from jinc.types import Images


def check_images(images: Images, name: str) -> None:
    """Refuse what is no batch of images in floats.

    Args:
        images: `[B, C, H, W]`, of any float type.
        name: of the images, for the error.

    Raises:
        JincError: another shape or type.
    """
    if images.ndim != 4 or not images.is_floating_point():
        raise JincError(
            f"{name} must be float [B, C, H, W], got {images.dtype} {list(images.shape)}"
        )


def check_same_shape(images: Images, others: Images, name: str) -> None:
    """Refuse images of another shape, but for a single one that stands for all.

    Args:
        images: `[B, C, H, W]`.
        others: `[B, C, H, W]` or `[1, C, H, W]`.
        name: of the others, for the error.

    Raises:
        JincError: both shapes.
    """
    if others.shape[1:] != images.shape[1:] or len(others) not in (1, len(images)):
        raise JincError(f"{name} {list(others.shape)} does not fit images {list(images.shape)}")
