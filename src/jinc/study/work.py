"""Filling cells: train, generate and score whatever is missing."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from torch import Tensor

from jinc.data import ImageSet, to_uint8
from jinc.documents import read_object
from jinc.errors import JincError
from jinc.files import write_json
from jinc.locks import alone
from jinc.metrics import (
    cached_features,
    check_scores,
    features_of,
    open_extractor,
    score,
)
from jinc.metrics.scores.frechet import frechet_distance
from jinc.models import (
    Model,
    SamplingPlan,
    cache_images,
    cached_images,
    choose_device,
    generate_images,
)
from jinc.study.folder import StudyFolder
from jinc.study.measured import ERRORS, half_pixel, measure
from jinc.study.plan import Cell, identifying_settings, sampling_settings
from jinc.study.scored import MEASURED, CellScore
from jinc.train import Run, Scorer, TrainConfig, Trainer, augmented_set, load_data

Progress = Callable[[str, int, int], None]
"""Called with the task, how much of it is done, and the total; 0 if unknown."""

MOVED = 64
"""Images whose predictions are moved for the equivariance of a model in fine-tuning."""

SEED = 0
"""Of the augmentation of real images."""


def fill(unit: Sequence[Cell], folder: StudyFolder, progress: Progress) -> None:
    """Train the network of some cells, score each cell, and measure the network.

    Args:
        unit: cells of one network.
        folder: of the study.
        progress: called after every step.

    Raises:
        Taken: another process is working on it.
        JincError: data, training or scores fail.
    """
    if all(map(folder.is_finished, unit)):
        return
    images = load_data(unit[0].config)
    real = real_images(unit[0], images)
    for cell in unit:  # before hours of work
        if not folder.scores(cell).is_file():
            check_scores(folder.extractor(cell), real, cell.sampling.number, cell.scoring.kinds)
    check_measurable(unit[0], images)
    with alone(folder.run(unit[0])):
        run = _trained(unit[0], images, folder, progress)
        for cell in unit:
            if not folder.scores(cell).is_file():
                _score(cell, run, real, folder, progress)
        if not all(map(folder.is_finished, unit)):
            _measure(unit, run, folder, progress)


def real_images(cell: Cell, like: ImageSet) -> ImageSet:
    """Read the real images of a cell at the size of its training images, in their own colours."""
    images, augment = images_of_split(cell, like.image_size, None), cell.scoring.augment
    return augmented_set(images, augment, SEED) if augment else images


def images_of_split(cell: Cell, size: tuple[int, int], channels: int | None) -> ImageSet:
    """Read the images that a cell is compared with, as they are; None for their own colours."""
    height, width = size
    return load_data(
        cell.config,
        source=cell.scoring.against,
        image_size=height if height == width else None,
        channels=channels,
        split=cell.scoring.split,
    )


def check_measurable(cell: Cell, like: ImageSet) -> None:
    """Check, before hours of training, that there are test images to measure equivariance on."""
    if cell.equivariance is None:
        return
    tested, number = images_of_split(cell, like.image_size, like.channels), cell.equivariance.number
    if number > len(tested):
        has = f"{tested.name} has {len(tested):,}"
        raise JincError(f"equivariance: number: {number:,} images are too many; {has}")
    if cell.config.conditional and tested.labels is None:
        raise JincError(f"equivariance: {tested.name} has no classes, which the network needs")


def _trained(cell: Cell, images: ImageSet, folder: StudyFolder, progress: Progress) -> Run:
    """Train a network, or continue its training."""
    path = folder.run(cell)
    started = (path / "config.yaml").is_file()
    if started and identifying_settings(Run.open(path).config) != identifying_settings(cell.config):
        raise JincError(f"{path}: was trained with other settings; choose another --out")
    run = Run.open(path) if started else Run.create(path, cell.config)
    scorer = training_scorer(cell.config, images) if cell.config.score_every else None
    for done in Trainer(run, images, resume=started, scorer=scorer).steps():
        progress("training", done.step, done.total)
    return run


def _score(cell: Cell, run: Run, real: ImageSet, folder: StudyFolder, progress: Progress) -> None:
    """Generate the images of a cell, and store their scores."""
    model = run.model()
    model.to(choose_device(cell.config.device))
    start = time.perf_counter()
    generated = _generated(cell, model, folder, progress)
    seconds = time.perf_counter() - start
    extractor = folder.extractor(cell)
    features = cached_features(
        real,
        extractor,
        progress=lambda n: progress("extracting features of real images", n, 0),
    )
    found = score(features, features_of(generated, extractor), cell.scoring.kinds or None)
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
    write_json(folder.scores(cell), facts)


def _measure(unit: Sequence[Cell], run: Run, folder: StudyFolder, progress: Progress) -> None:
    """Measure a network, and store the figures beside the scores of its cells."""
    cell, plan = unit[0], unit[0].equivariance
    assert plan is not None
    model = run.model()
    model.to(choose_device(cell.config.device))
    tested = images_of_split(cell, model.image_size, model.channels)
    kinds = () if cell.config.augment_labels else cell.config.augment
    figures: dict[str, CellScore] = {}
    for kind, figure in measure(model, tested, kinds, plan):
        figures[kind] = figure
        progress("measuring equivariance", len(figures), 0)
    speeds = [entry["images_per_second"] for entry in run.read_log() if "loss" in entry]
    speed = median(speeds) if speeds else None
    figures["speed"] = CellScore("images/s in training", speed, False, ERRORS)
    measured = {n: asdict(figure) for n, figure in figures.items()}
    facts = {MEASURED: {"settings": sampling_settings(plan), "figures": measured}}
    for cell in unit:
        write_json(folder.scores(cell), read_object(folder.scores(cell)) | facts)


def _generated(cell: Cell, model: Model, folder: StudyFolder, progress: Progress) -> ImageSet:
    """Generate the missing images of a cell, and return all."""
    plan, images = cell.sampling, folder.images(cell)
    facts = {"run": cell.run_name} | sampling_settings(plan)
    del facts["number"]
    generated = cache_images(model, plan.of(model.class_names), images, facts=facts)
    done = 0
    try:
        for made in generated:
            done += made
            progress("sampling", min(done, plan.number), plan.number)
    except JincError as error:
        raise JincError(f"{folder.run(cell)}: {error}") from None
    return cached_images(images, plan.number)


def _late_loss(log: Sequence[dict[str, Any]]) -> float | None:
    """Return the mean loss over the last tenth of training."""
    losses = [entry["loss"] for entry in log if entry["loss"] is not None]
    late = losses[-max(1, len(losses) // 10) :]
    return sum(late) / len(late) if late else None


def training_scorer(config: TrainConfig, images: ImageSet) -> Scorer:
    """Return a scorer: the Fréchet distance of generated images to the data of a run.

    In fine-tuning it measures the equivariance of predictions to half a pixel too.

    Args:
        config: of the run.
        images: the data, whose features are extracted once.

    Raises:
        JincError: there is no such feature network, or these images cannot be scored.
    """
    if config.score_features.startswith("torchscript:"):
        raise JincError(
            "score_features: torchscript is not allowed in training, since it runs a program"
        )
    extractor = open_extractor(config.score_features)
    check_scores(extractor, images, config.score_images, ("frechet",))
    real = cached_features(images, extractor)
    plan = SamplingPlan(
        number=config.score_images,
        sampler=config.sample_with[0] if config.sample_with else "ddim",
        guidance=config.sample_guidance,
        seed=config.seed,
    )

    def scores(model: Model) -> Iterator[Mapping[str, float | None] | None]:
        generated: list[Tensor] = []
        for _, step in generate_images(model, plan.of(model.class_names)):
            if step.t == -1:
                generated.append(to_uint8(step.x_t))
            yield None
        distance = frechet_distance(real.statistics, features_of(generated, extractor).statistics)
        moved = {"equivariance": half_pixel(model, images, MOVED)} if config.original else {}
        yield {"score": distance, **moved}

    return scores
