"""Checks of the shapes of images and masks."""

from torch import Tensor

from jinc.errors import JincError
from jinc.types import Images


def check_images(images: Images, name: str) -> None:
    """Refuse anything but float images `[B, C, H, W]`; `name` is used in the error."""
    if images.ndim != 4 or not images.is_floating_point():
        raise JincError(
            f"{name} must be float [B, C, H, W], got {images.dtype} {list(images.shape)}"
        )


def check_same_shape(images: Images, others: Images, name: str) -> None:
    """Refuse others that are neither shaped like the images nor `[1, C, H, W]`."""
    if others.shape[1:] != images.shape[1:] or len(others) not in (1, len(images)):
        raise JincError(f"{name} {list(others.shape)} does not fit images {list(images.shape)}")


def mask_for(images: Images, mask: Tensor, name: str) -> Tensor:
    """Check a mask of images, and shape it to multiply them.

    Args:
        images: `[B, C, H, W]`.
        mask: 0 … 1 or boolean, `[H, W]`, or `[B, 1, H, W]`; B may be 1.
        name: for the error.

    Returns:
        `[1, 1, H, W]` or `[B, 1, H, W]`, in the images' type and on their device.
    """
    batch, _, *size = images.shape
    one_each = mask.ndim == 4 and mask.shape[1] == 1 and (batch == 1 or len(mask) in (1, batch))
    if list(mask.shape[-2:]) != size or not (mask.ndim == 2 or one_each):
        raise JincError(
            f"{name}: a mask {list(mask.shape)} does not fit images {list(images.shape)}; "
            f"it must be {size} or [{batch}, 1, {size[0]}, {size[1]}]"
        )
    mask = mask.to(images).view(-1, 1, *size)
    if not bool(((mask >= 0) & (mask <= 1)).all()):  # a NaN is not in between either
        raise JincError(f"{name}: a mask must have values in [0, 1]")
    return mask
