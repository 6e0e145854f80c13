"""Generated images cached in a folder, so that interrupted work continues."""

import hashlib
import json
import os
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from jinc.cli.model_argument import results_folder
from jinc.cli.places import claim
from jinc.cli.provenance import generation_facts
from jinc.cli.sampling import SamplingOptions
from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.models import PART, PixelModel, await_images, cache_images


def generated_images(
    source: Path, model: PixelModel, cache: Path | None, options: SamplingOptions
) -> ImageSet | None:
    """Generate the images of a plan that are not in the cache yet, and return all.

    Args:
        source: the model's folder.
        model: the model.
        cache: the cache; None for a folder in the run, or in `out` for a model folder.
        options: how images are generated.

    Returns:
        all images; None in processes of torchrun other than the first.

    Raises:
        JincError: the cache holds other images.
    """
    plan = options.for_model(model)
    facts = generation_facts(source, plan, plan.count(model.timesteps))
    if cache is None:
        is_run = (source / "config.yaml").is_file()
        place = source / "images" if is_run else results_folder(source, "images")
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
        cache = place / digest
    claim(cache)
    rank, processes = (int(os.environ.get(name, 0)) for name in ("RANK", "WORLD_SIZE"))
    if PART % plan.together:
        raise JincError(f"--batch: {plan.together} does not divide {PART}, the images of a file")
    counts = cache_images(model, plan, cache, facts=facts, share=(rank, max(processes, 1)))
    with Progress(console=Console(stderr=True, quiet=rank > 0)) as bar:
        task = bar.add_task("sampling", total=-(-options.number // max(processes, 1)))
        try:
            for count in counts:
                bar.advance(task, count)
        except JincError as error:
            raise JincError(f"{source}: {error}") from None
    return None if rank else await_images(cache, options.number, processes)
