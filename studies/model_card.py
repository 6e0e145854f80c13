"""Model folders with weights in float16, a card in the Hub's format, and a picture."""

import io
import tempfile
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from jinc.bundled.cards import CARD
from jinc.errors import JincError
from jinc.files import writing
from jinc.manifest import MANIFEST, replacing
from jinc.models import Upscaler

Metric: TypeAlias = dict[str, Any]
"""A score as the Hub writes it; the standard error is among its arguments."""

PICTURE, PICTURE_BYTES = "grid.webp", 60_000
WEIGHT_BYTES = 3_000_000


def encoded(grid: NDArray[np.uint8]) -> bytes:
    """Encode a picture as WebP: lossless if that is small enough, else as good as fits."""
    for options in ({"lossless": True}, *({"quality": quality} for quality in range(90, 20, -10))):
        buffer = io.BytesIO()
        Image.fromarray(grid).save(buffer, "WEBP", method=6, **options)
        if buffer.tell() <= PICTURE_BYTES:
            break
    return buffer.getvalue()


def card_of(
    name: str, said: Mapping[str, Any], model: Any, metrics: Sequence[Metric], words: str
) -> str:
    """Write the card: the Hub's fields, our own, and a page.

    Args:
        name: of the model.
        said: its entry in `cards.yaml`.
        model: the model.
        metrics: its scores.
        words: how it was scored, and what float16 changes.
    """
    upscales = isinstance(model, Upscaler)
    task = "image-to-image" if upscales else "unconditional-image-generation"
    data = {"name": said["dataset"], "type": said["dataset"]}
    result = {"task": {"type": task}, "dataset": data, "metrics": list(metrics)}
    front = {
        "license": "apache-2.0",
        "library_name": "jinc",
        "pipeline_tag": task,
        "tags": ["diffusion", "alias-free", model.network.config.name],
        "datasets": [said["dataset"]],
        "model-index": [{"name": name, "results": [result]}],
        "jinc": {
            "about": said["about"],
            "image_size": list(model.image_size),
            "channels": model.channels,
            "classes": list(model.class_names),
            "parameters": sum(p.numel() for p in model.network.parameters()),
            "trained_on": said["trained_on"],
            "data_licence": said["data_licence"],
            "commands": said["commands"],
            "picture": PICTURE,
        },
    }
    rows = [f"| {m['name']} | {m['value']:g} ± {m['args']['standard_error']:g} |" for m in metrics]
    use = f"jinc upscale {name} --image small.png" if upscales else f"jinc sample {name}"
    page = [
        f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=96)}---",
        f"# {name}",
        f"{said['about']}: a small model that comes with Jinc. Try `{use}`.",
        f"![{'unseen images, enlarged' if upscales else 'samples'}]({PICTURE})",
        f"Trained on {said['trained_on']}. Licence of the data: {said['data_licence']}.",
        "\n".join(["| score | ± standard error |", "| --- | --- |", *rows]),
        words,
        "\n".join(["```sh", *said["commands"], "```"]),
    ]
    return "\n\n".join(page) + "\n"


def write(folder: Path, model: Any, card: str, picture: bytes) -> None:
    """Write the folder: the model with float16 weights, its card and its picture."""
    halves = replace(model, network=deepcopy(model.network).half())
    with tempfile.TemporaryDirectory() as temporary, replacing(folder) as whole:
        halves.save(Path(temporary) / "model")
        for file in (Path(temporary) / "model").iterdir():
            if file.name != MANIFEST:
                (whole / file.name).write_bytes(file.read_bytes())
        for name, data in {CARD: card.encode(), PICTURE: picture}.items():
            with writing(whole / name) as out:
                out.write(data)
        size = (whole / "model.safetensors").stat().st_size
        if size > WEIGHT_BYTES:
            raise JincError(f"{folder}: weights of {size:,} bytes are over {WEIGHT_BYTES:,}")
