"""Images that are numbers: what is not is told with its likely reason, before it is written."""

from jinc.errors import JincError
from jinc.types import Images


def check_finite(images: Images, guidance: float, clip: bool) -> None:
    """Check that what a model made can be shown.

    Args:
        images: of any shape.
        guidance: how strongly it was guided; 1 is not at all.
        clip: whether predictions were kept in the range of images.

    Raises:
        JincError: something is not a finite number.
    """
    if bool(images.isfinite().all()):
        return
    suspects = [f"--guidance {guidance:g}"] * (guidance != 1) + ["--no-clip"] * (not clip)
    reason = f"{' with '.join(suspects)} may be too much for it, or it" if suspects else "it"
    raise JincError(f"the model's predictions are not finite numbers: {reason} is broken")
