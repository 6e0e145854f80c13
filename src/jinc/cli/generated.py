"""Images that a model generates and that are kept, so that work goes on where it was left."""

import hashlib
import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from jinc.cli.sampling import SamplingOptions
from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.models import PixelModel, keep_images, kept_images


def generated_images(source: Path, kept: Path | None, options: SamplingOptions) -> ImageSet | None:
    """Generate what is missing of a model's images, as many as the options say.

    Args:
        source: the model.
        kept: where they are kept; None for a folder of their own in a run.
        options: how they are generated.

    Returns:
        All of them; None for processes that only help.

    Raises:
        JincError: there is no model, or no place to keep them, or it holds others.
    """
    model = options.open(source)
    facts = _facts(source, model, options)
    if kept is None:
        if not source.is_dir():
            raise JincError("--images: say where generated images are to be kept")
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
        kept = source / "images" / digest
    rank, processes = (int(os.environ.get(name, 0)) for name in ("RANK", "WORLD_SIZE"))
    levels, shaping = options.levels(model.timesteps), options.shaping(model)
    walks = keep_images(
        model,
        options.number,
        kept,
        facts=facts,
        shaping=shaping,
        walk=options.walk(),
        steps=levels,
        seed=options.seed,
        share=(rank, max(processes, 1)),
    )
    with Progress(console=Console(stderr=True, quiet=rank > 0)) as bar:
        task = bar.add_task("sampling", total=-(-options.number // max(processes, 1)))
        for made in walks:
            bar.advance(task, made)
    return None if rank else _gathered(kept, options.number, processes)


def _gathered(kept: Path, number: int, processes: int) -> ImageSet:
    """Wait for what other processes make."""
    while True:
        try:
            return kept_images(kept, number)
        except JincError:
            if processes < 2:
                raise
            time.sleep(1)


def _facts(source: Path, model: PixelModel, options: SamplingOptions) -> dict[str, Any]:
    """Return what makes the images what they are."""
    weights = source / "model" / "model.safetensors"
    weights = weights if weights.is_file() else source / "model.safetensors"
    said = asdict(options)
    for name in ("number", "device", "variant"):
        said.pop(name)
    said |= {"prompts": list(options.shaping(model).prompts), "embeddings": None}
    said["steps"] = len(options.levels(model.timesteps))
    if weights.is_file():
        return {"weights": hashlib.sha256(weights.read_bytes()).hexdigest(), **said}
    return {"model": str(source.resolve() if source.exists() else source), **said}
