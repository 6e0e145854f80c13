"""The tab *Runs*: it shows runs in the working folder, and nothing else."""

import json
from pathlib import Path

import pytest
import torch

from jinc.app.runs import list_runs, watch
from jinc.data import save_png
from jinc.errors import JincError
from jinc.train import Run, TrainConfig


@pytest.fixture
def run(saved, tmp_path: Path) -> Run:
    """A run of 100 steps of which ten are done, in the working folder."""
    run = Run.create(Path("runs", "first"), TrainConfig(steps=100, batch_size=8))
    for step in (5, 10):
        run.append_log({"step": step, "loss": 1 / step, "images_per_second": 4.0})
    return run


def test_it_says_how_far_a_run_is(run: Run, tmp_path: Path, blank_figures) -> None:
    save_png(run.samples(10), torch.zeros(1, 1, 8, 8))
    seen = watch(list_runs("tiny"), "runs/first", tmp_path)
    assert seen.line == "step 10 of 100 · loss 0.1 · 3 min left at 4 images/s"
    assert seen.samples == run.samples(10)
    assert seen.curve == tmp_path / "curve.png"
    exec(seen.recipe.python, {})
    assert Path("curve.png").read_bytes() == seen.curve.read_bytes()
    assert seen.recipe.shell == "jinc report runs/first"


def test_runs_that_begin_after_the_page_are_listed(context, run: Run, blank_figures) -> None:
    tab = pytest.importorskip("jinc.app.tabs.runs")
    listed, *_, seen = tab._look(context, None, None)
    assert dict(listed.choices) == {"runs/first": "runs/first"}
    assert listed.value == "runs/first"
    Run.create(Path("second"), TrainConfig()).append_log({"step": 1})
    listed, *_ = tab._look(context, "runs/first", seen)
    assert {name for name, _ in listed.choices} == {"runs/first", "second"}
    assert listed.value == "runs/first"


def test_a_finished_run_and_one_without_losses(run: Run, tmp_path: Path, blank_figures) -> None:
    run.append_log({"step": 100, "loss": 0.1})
    assert watch(list_runs("tiny"), "runs/first", tmp_path).line.endswith("finished")
    run.log.write_text(json.dumps({"step": 1}))
    assert watch(list_runs("tiny"), "runs/first", tmp_path).curve is None


def test_other_folders_are_out_of_reach(run: Run, tmp_path: Path) -> None:
    Run.create(tmp_path / "elsewhere", TrainConfig())
    runs = list_runs("tiny")
    assert list(runs) == ["runs/first"]
    for name in ("../elsewhere", str(tmp_path / "elsewhere"), "/etc"):
        with pytest.raises(JincError, match="the page shows no run"):
            watch(runs, name, tmp_path)
