"""Feature networks that come as TorchScript."""

import io
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.files import file_digest, one_line, reading
from jinc.metrics.features.extractors import Extractor
from jinc.metrics.features.resizing import Resize
from jinc.metrics.features.weight_files import check_digest


def open_torchscript(
    path: str | Path,
    *,
    sha256: str | None = None,
    name: str | None = None,
    channels: int = 3,
    image_size: tuple[int, int] | None = None,
    resize: Resize = "none",
    low: float | None = None,
    high: float | None = None,
) -> Extractor:
    """Open a TorchScript file as an extractor.

    A TorchScript file is a program: it cannot import or start others, but its operators can write
    files and take all memory. Open only what you trust, best by its SHA-256.

    One that takes the arguments of StyleGAN's, as its schema says, is asked for features and for
    classes.

    Args:
        path: the file; from images `[B, channels, H, W]` it makes features `[B, D]`, or a tuple of
            these and logits.
        sha256: what it has to be; its beginning is enough; None takes any.
        name: what scores are named after; if not given, that of the file.
        channels: 1 or 3.
        image_size: height and width that images are resized to; None as they come.
        resize: by which rule.
        low: what black becomes; if not given, −1, or 0 for a program of StyleGAN's kind.
        high: what white becomes; if not given, 1, or 255.

    Returns:
        The extractor, which records the file's SHA-256.

    Raises:
        JincError: the file cannot be read, or is another one.
    """
    file = Path(path)
    if sha256 is not None:
        check_digest(file, sha256.lower())
    script, digest = load_script(file)
    called = file.stem if name is None else name
    asked = is_asked_twice(script)
    usual = (0.0, 255.0) if asked else (-1.0, 1.0)
    black, white = usual[0] if low is None else low, usual[1] if high is None else high
    network = ScriptedInception(script, logits=True) if asked else script
    return Extractor(called, network, channels, image_size, resize, black, white, sha256=digest)


def load_script(path: Path) -> tuple[nn.Module, str]:
    """Load a TorchScript program and tell the SHA-256 of its file.

    Raises:
        JincError: it cannot be read.
    """
    digest = file_digest(path)
    with reading(path) as file:
        content = io.BytesIO(file.read())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that TorchScript is old is no news to who opens it
            script: nn.Module = torch.jit.load(content, map_location="cpu")  # type: ignore[no-untyped-call]
    except Exception as error:  # on damaged bytes, torch raises whatever it meets
        reason = one_line(error)[:100]
        raise JincError(f"{path}: cannot be read as TorchScript ({reason})") from None
    return script.eval(), digest


def is_asked_twice(script: nn.Module) -> bool:
    """Whether a program takes the arguments by which StyleGAN's gives features, or classes."""
    schema = getattr(script.forward, "schema", None)
    taken = {argument.name for argument in schema.arguments} if schema is not None else set()
    return {"return_features", "no_output_bias"} <= taken


class ScriptedInception(nn.Module):
    """The Inception of StyleGAN, which resizes by itself, asked for features and classes.

    Args:
        script: called with images in 0 … 255.
        logits: whether it is asked for classes, in a second pass.
    """

    def __init__(self, script: Any, logits: bool) -> None:
        """Keep the program."""
        super().__init__()
        self.script = script
        self.logits = logits

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Give features `[B, 2048]`, and logits `[B, 1008]` without their bias, or None."""
        features = self.script(images, return_features=True)
        if not self.logits:
            return features, None
        # It gives probabilities; logits may be off by a number an image, which softmax takes out.
        chances = self.script(images, no_output_bias=True)
        return features, chances.clamp_min(torch.finfo(chances.dtype).tiny).log()
