"""The studies that are there ask what they say they ask."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.metrics import Extractor, check_scores
from jinc.nn import parse_configs
from jinc.study import Study, StudyFolder, make_table, read_study, run_here

FOLDER = Path(__file__).parents[2] / "studies"
SETS = (
    *("mnist", "mnist-m", "cifar10"),
    *("mnist-judge", "mnist-m-judge", "cifar10-judge", "judge"),
)
PLACES = dict.fromkeys(SETS, "digits") | {"inception": "inception"}


def test_the_papers_table_by_its_protocol() -> None:
    study = read_study(FOLDER / "paper.yaml", PLACES)
    assert len(study.units()) == 39
    rows = {cell.variant for cell in study.cells}
    beta = [f"{letter}-{end}" for letter in "BCD" for end in ("0", "1", "1N", "2N")]
    assert rows == {"A", *beta}
    for cell in study.cells:
        config, sampling = cell.config, cell.sampling
        assert (config.network, config.width, config.image_size) == ("unet", 32, 32)
        assert (config.timesteps, config.schedule, config.prediction) == (1000, "linear", "eps")
        assert (config.optimiser, config.learning_rate, config.seed) == ("adamw", 3e-4, 42)
        assert (config.batch_size, config.epochs, config.ema_decay) == (16, 100, ())
        assert (sampling.sampler, sampling.steps, sampling.number) == ("ddpm", None, 2000)
        assert (sampling.clip, sampling.calibrate) == (False, False)
        assert cell.scoring.features == "inception"
    assert {c.config.skip_first for c in study.cells if c.data == "mnist"} == {True}
    assert {c.config.split for c in study.cells if c.data == "cifar10"} == {"test"}


@pytest.mark.parametrize(
    "name", ["paper-small", "complexity", "complexity-small", "corrected", "equivariance"]
)
def test_the_others_can_be_read(name) -> None:
    study = read_study(FOLDER / f"{name}.yaml", PLACES)
    assert len({cell.seed for cell in study.cells}) == 3
    assert {cell.variant for cell in study.cells} > {study.baseline}
    for cell in study.cells:
        parse_configs(cell.config.config)


def test_every_score_that_a_study_asks_inception_for_can_be_had() -> None:
    """By how many images it makes: Inception's features are 2,048 numbers, with classes."""
    judge = Extractor(
        "i", lambda x: (torch.zeros(len(x), 2048), torch.zeros(len(x), 1008)), resize="none"
    )
    real = ImageSet(np.zeros((10_000, 2, 2, 3), np.uint8), None, (), "real")
    seen = set()
    for name in ("paper", "complexity"):
        for cell in read_study(FOLDER / f"{name}.yaml", PLACES).cells:
            assert cell.scoring.features == "inception"
            check_scores(judge, real, cell.sampling.number, cell.scoring.kinds)
            seen |= {*cell.scoring.kinds}
    assert seen >= {"frechet_unlimited", "classes"}


@pytest.mark.parametrize("name", ["paper", "complexity"])
def test_a_study_without_one_of_its_places_is_refused(name) -> None:
    missing = {place: where for place, where in PLACES.items() if place != "inception"}
    with pytest.raises(JincError, match=r"--place inception="):
        read_study(FOLDER / f"{name}.yaml", missing)
    other = read_study(FOLDER / f"{name}.yaml", PLACES | {"inception": "torchscript:i.pt"})
    assert {cell.scoring.features for cell in other.cells} == {"torchscript:i.pt"}


@pytest.mark.slow
def test_a_tiny_version_of_the_papers_table(tmp_path, judge, monkeypatch) -> None:
    monkeypatch.setenv("JINC_CACHE", str(tmp_path / "cache"))
    study = read_study(FOLDER / "paper.yaml", PLACES)
    cells = [c for c in study.cells if c.data == "mnist" and c.variant in ("A", "D-0", "D-2N")]
    small = {"width": 4, "steps": 3, "image_size": 16, "timesteps": 8, "checkpoint_every": 2}
    tiny = tuple(
        replace(
            cell,
            config=replace(cell.config, **small, skip_first=False, sample_every=0),
            sampling=replace(cell.sampling, number=16),
            scoring=replace(cell.scoring, features=str(judge), split="train"),
        )
        for cell in cells
    )
    places = StudyFolder(tmp_path / "out")
    walk = run_here(Study("tiny", "", "A", tiny), places, lambda *_: None)
    assert [done.failure for done in walk] == [None] * 3
    table = make_table(Study("tiny", "", "A", tiny), places)
    assert {column.kind for column in table.columns} == {"classes", "frechet", "kernel", "loss"}
    json.dumps(table.facts(), allow_nan=False)
