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

from jinc.cli.claims import claim
from jinc.cli.sampling import SamplingOptions
from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.files import file_digest
from jinc.models import PART, PixelModel, keep_images, kept_images

PATIENCE = 3600
"""Seconds in which another process should have made something."""


def generated_images(
    source: Path, model: PixelModel, kept: Path | None, options: SamplingOptions
) -> ImageSet | None:
    """Generate what is missing of a model's images, as many as the options say.

    Args:
        source: where the model is.
        model: what was opened there.
        kept: where they are kept; None for a folder of their own in a run.
        options: how they are generated.

    Returns:
        All of them; None for processes that only help.

    Raises:
        JincError: there is no place to keep them, or it holds others.
    """
    plan = options.for_model(model)
    facts = generation_facts(source, plan, plan.count(model.timesteps))
    if kept is None:
        if not (source / "config.yaml").is_file():  # models are whole, nothing goes in there
            raise JincError("--images: say where generated images are to be kept")
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
        kept = source / "images" / digest
    claim(kept)
    rank, processes = (int(os.environ.get(name, 0)) for name in ("RANK", "WORLD_SIZE"))
    if PART % plan.together:
        raise JincError(f"--batch: {plan.together} does not divide {PART}, the images of a file")
    walks = keep_images(model, plan, kept, facts=facts, share=(rank, max(processes, 1)))
    with Progress(console=Console(stderr=True, quiet=rank > 0)) as bar:
        task = bar.add_task("sampling", total=-(-options.number // max(processes, 1)))
        try:
            for made in walks:
                bar.advance(task, made)
        except JincError as error:
            raise JincError(f"{source}: {error}") from None
    return None if rank else _gathered(kept, options.number, processes)


def _gathered(kept: Path, number: int, processes: int) -> ImageSet:
    """Wait for what other processes make."""
    waited, there = 0, -1
    while True:
        try:
            return kept_images(kept, number)
        except JincError:
            before, there = there, len([*kept.iterdir()])
            waited = 0 if there > before else waited + 1
            if processes < 2 or waited > PATIENCE:
                raise
            time.sleep(1)


def generation_facts(source: Path, plan: SamplingOptions, steps: int | None) -> dict[str, Any]:
    """Return what makes a model's images what they are, ready for JSON.

    Args:
        source: where the model is.
        plan: by which they are generated, for the model.
        steps: how many there are; None where the facts say it otherwise.
    """
    said = asdict(plan)
    for name in ("guidance_rescale", "guidance_interval", "threshold", "tolerance_by"):
        if not said[name]:  # folders that were made before there was a choice stay what they are
            del said[name]
    for name in ("number", "device", "strip", "gif", "json_", "spacing", "sigma_min"):
        said.pop(name, None)
    said["clip"] = plan.clips
    if plan.spaced != "even":
        said["spacing"] = plan.spaced
    if plan.sigma_min is not None:
        said["sigma_min"] = plan.sigma_min
    digest = None if plan.embeddings is None else file_digest(plan.embeddings)
    said |= {"prompts": list(plan.prompts), "embeddings": digest, "steps": steps}
    said["batch"] = plan.together
    for weights in (source / "model" / "model.safetensors", source / "model.safetensors"):
        if weights.is_file():
            return {"weights": file_digest(weights), **said}
    if not source.exists():  # a name on the Hub
        return {"model": str(source), **said}
    kinds = ("*.json", "*/*.json", "*/*.safetensors", "*/*.bin")
    parts = sorted(file for kind in kinds for file in source.glob(kind))
    files = {str(file.relative_to(source)): _state(file) for file in parts}
    return {"model": str(source.resolve()), "files": files, **said}


def _state(file: Path) -> list[int]:
    """Return what changes with a file that takes long to read: its size, and when it was made."""
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]
