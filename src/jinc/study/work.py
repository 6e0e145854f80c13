"""Filling cells: train, generate, score; what is done already is left as it is."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.files import write_json
from jinc.locks import alone
from jinc.metrics import (
    Extractor,
    cached_features,
    check_scores,
    features_of,
    open_extractor,
    score,
)
from jinc.models import Model, choose_device, keep_images, kept_images
from jinc.study.plan import Cell, telling
from jinc.study.sampling import sampling_facts
from jinc.study.training_scorer import training_scorer
from jinc.train import Run, Trainer, load_data

SCORES = "scores.json"

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""


@dataclass(frozen=True)
class Places:
    """Where a study stores its files, and whether the extractors in it may be programs.

    Args:
        folder: of the study.
        allow_torchscript: run TorchScript programs.
    """

    folder: Path
    allow_torchscript: bool = False

    def run(self, cell: Cell) -> Path:
        """The run of a cell's network."""
        return self.folder / "runs" / cell.run_name

    def images(self, cell: Cell) -> Path:
        """What was generated."""
        return self.folder / "cells" / cell.folder_name / "images"

    def scores(self, cell: Cell) -> Path:
        """The scores of it."""
        return self.folder / "cells" / cell.folder_name / SCORES

    def extractor(self, cell: Cell) -> Extractor:
        """Open the extractor of a cell."""
        return open_extractor(cell.scoring.features, allow_torchscript=self.allow_torchscript)


def fill(unit: Sequence[Cell], places: Places, progress: Progress) -> None:
    """Train the network of some cells, and score what each makes of it.

    Args:
        unit: cells of one network.
        places: where everything goes.
        progress: told how far it is.

    Raises:
        Taken: another process is at it.
        JincError: something cannot be read, trained or scored.
    """
    if all(places.scores(cell).is_file() for cell in unit):
        return
    images = load_data(unit[0].config)
    for cell in unit:  # before hours of work
        real = real_images(cell, images)
        check_scores(places.extractor(cell), real, cell.sampling.number, cell.scoring.kinds)
    with alone(places.run(unit[0])):
        run = _trained(unit[0], images, places, progress)
        for cell in unit:
            if not places.scores(cell).is_file():
                _score(cell, run, places, progress)


def real_images(cell: Cell, like: Model | ImageSet) -> ImageSet:
    """Return the images that those of a cell are compared with: at their size, in own colours."""
    height, width = like.image_size
    return load_data(
        cell.config,
        source=cell.scoring.against,
        image_size=height if height == width else None,
        channels=None,
        split=cell.scoring.split,
    )


def _trained(cell: Cell, images: ImageSet, places: Places, progress: Progress) -> Run:
    """Train a network to its end, or go on where it was left."""
    path = places.run(cell)
    started = (path / "config.yaml").is_file()
    if started and telling(Run.open(path).config) != telling(cell.config):
        raise JincError(f"{path}: was trained with other settings; take another folder")
    run = Run.open(path) if started else Run.create(path, cell.config)
    scorer = training_scorer(cell.config, images) if cell.config.score_every else None
    for done in Trainer(run, images, resume=started, scorer=scorer).steps():
        progress("training", done.step, done.total)
    return run


def _score(cell: Cell, run: Run, places: Places, progress: Progress) -> None:
    """Generate the images of a cell, and write their scores."""
    model = run.model()
    model.to(choose_device(cell.config.device))
    start = time.perf_counter()
    generated = _generated(cell, model, places, progress)
    seconds = time.perf_counter() - start
    extractor = places.extractor(cell)
    real = cached_features(
        real_images(cell, model),
        extractor,
        progress=lambda n: progress("looking at real images", n, 0),
    )
    found = score(real, features_of(generated, extractor), cell.scoring.kinds or None)
    log = [entry for entry in run.read_log() if "loss" in entry]
    facts: dict[str, Any] = {
        "data": cell.data,
        "variant": cell.variant,
        "seed": cell.seed,
        "parameters": sum(p.numel() for p in model.network.parameters()),
        "steps": log[-1]["step"] if log else 0,
        "loss": _late_loss(log),
        "sampling_seconds": round(seconds, 1),
        **found.facts(),
    }
    write_json(places.scores(cell), facts)


def _generated(cell: Cell, model: Model, places: Places, progress: Progress) -> ImageSet:
    """Generate what is missing of a cell's images, and return all."""
    plan, folder = cell.sampling, places.images(cell)
    facts = {"run": cell.run_name} | sampling_facts(plan)
    walks = keep_images(model, plan.of(model.class_names), folder, facts=facts)
    done = 0
    try:
        for made in walks:
            done += made
            progress("sampling", min(done, plan.number), plan.number)
    except JincError as error:
        raise JincError(f"{places.run(cell)}: {error}") from None
    return kept_images(folder, plan.number)


def _late_loss(log: Sequence[dict[str, Any]]) -> float | None:
    """The mean loss over the last tenth of the training."""
    losses = [entry["loss"] for entry in log if entry["loss"] is not None]
    late = losses[-max(1, len(losses) // 10) :]
    return sum(late) / len(late) if late else None
