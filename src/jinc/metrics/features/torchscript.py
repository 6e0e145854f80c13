"""TorchScript programs as feature networks: run only with the user's consent."""

import io
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import torch
from torch import Tensor, nn

from jinc.errors import JincError, unknown
from jinc.files import file_digest, one_line, reading
from jinc.metrics.features.extractors import Extractor, Resize
from jinc.metrics.features.weight_files import check_digest

SCRIPT = "torchscript:"


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

    A TorchScript file is a program: it cannot import modules or start processes, but its operators
    can write files and exhaust memory. Open only files you trust, best by their SHA-256. A program
    with the signature of StyleGAN's Inception is called twice, for features and for classes.

    Args:
        path: the file; maps images `[B, channels, H, W]` to features `[B, D]`, or to a tuple of
            features and logits.
        sha256: the expected digest or its beginning; None accepts any file.
        name: names the scores; the file's name by default.
        channels: 1 or 3.
        image_size: height and width that images are resized to; None keeps their size.
        resize: the resizing rule.
        low: value of black; −1 by default, 0 for StyleGAN's signature.
        high: value of white; 1 by default, 255 for StyleGAN's signature.

    Returns:
        The extractor, which records the file's SHA-256.
    """
    file = Path(path)
    if sha256 is not None:
        check_digest(file, sha256.lower())
    script = _load(file)
    stylegan = _has_stylegan_signature(script)
    network = _StyleGanInception(script) if stylegan else script
    black, white = (0.0, 255.0) if stylegan else (-1.0, 1.0)
    return Extractor(
        file.stem if name is None else name,
        network,
        channels,
        image_size,
        resize,
        black if low is None else low,
        white if high is None else high,
        sha256=file_digest(file),
    )


def parse_script_word(word: str) -> tuple[Path, dict[str, Any]]:
    """Parse `torchscript:PATH?OPTIONS`.

    Args:
        word: the options are `channels=1`, `range=0,255` (values of black and white) and
            `size=299` (pixels a side, resized with antialiasing), joined by `&`.

    Returns:
        The path, and keyword arguments of `open_torchscript`.

    >>> parse_script_word("torchscript:a.pt?channels=1&size=28")[1]
    {'channels': 1, 'image_size': (28, 28), 'resize': 'antialiased'}
    """
    whole = word.removeprefix(SCRIPT)
    path, _, options = whole.partition("?")
    if not options or Path(whole).exists():
        return Path(whole), {}
    found: dict[str, Any] = {}
    for key, value in parse_qsl(options, keep_blank_values=True):
        if key not in _OPTIONS:
            raise unknown(f"{whole}: {key!r} is no option", key, _OPTIONS)
        parse, example = _OPTIONS[key]
        try:
            found |= parse(value)
        except ValueError:
            raise JincError(f"{whole}: {key}: {value!r} is not as in {key}={example}") from None
    return Path(path), found


def _range(value: str) -> dict[str, Any]:
    low, high = map(float, value.split(","))
    return {"low": low, "high": high}


def _size(value: str) -> dict[str, Any]:
    side = int(value)
    if side < 1:
        raise ValueError
    return {"image_size": (side, side), "resize": "antialiased"}


_OPTIONS: Mapping[str, tuple[Callable[[str], dict[str, Any]], str]] = {
    "channels": (lambda value: {"channels": int(value)}, "1"),
    "range": (_range, "0,255"),
    "size": (_size, "299"),
}


def _load(path: Path) -> nn.Module:
    with reading(path) as file:
        content = io.BytesIO(file.read())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TorchScript is deprecated
            script: nn.Module = torch.jit.load(content, map_location="cpu")  # type: ignore[no-untyped-call]
    except Exception as error:  # torch raises anything on damaged bytes
        reason = one_line(error)[:100]
        raise JincError(f"{path}: cannot be read as TorchScript ({reason})") from None
    return script.eval()


def _has_stylegan_signature(script: nn.Module) -> bool:
    schema = getattr(script.forward, "schema", None)
    arguments = {argument.name for argument in schema.arguments} if schema is not None else set()
    return {"return_features", "no_output_bias"} <= arguments


class _StyleGanInception(nn.Module):
    """StyleGAN's Inception, which resizes images in 0 … 255 itself: features and logits."""

    def __init__(self, script: Any) -> None:
        super().__init__()
        self.script = script

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.script(images, return_features=True)
        # Log-probabilities: logits but for a constant an image, which softmax removes.
        probabilities = self.script(images, no_output_bias=True)
        return features, probabilities.clamp_min(torch.finfo(probabilities.dtype).tiny).log()
