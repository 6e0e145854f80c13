"""A study of two tiny networks on the bundled digits."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from jinc.cli import main
from jinc.metrics import DigitClassifier, save_digit_classifier
from jinc.study import StudyFolder, read_study, run_here

STUDY = {
    "what": "Does anything help?",
    "train": {
        **{"image_size": 8, "width": 4, "levels": 1, "timesteps": 10, "steps": 6},
        **{"batch_size": 4, "sample_every": 0, "log_every": 1, "checkpoint_every": 2},
    },
    "data": {"digits": {"data": "digits", "score": {"features": "$judge", "split": "all"}}},
    "variants": {
        "A": {"config": "A"},
        "D": {"config": "D@6"},
        "D, 4 steps": {"config": "D@6", "sample": {"steps": 4}},
    },
    "seeds": [0, 1],
    "sample": {"number": 20, "steps": 2},
    "scores": ["frechet", "kernel"],
}


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained classifier as feature network, only to be read."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("features") / "judge"
    save_digit_classifier(folder, DigitClassifier(), "mnist", {})
    return folder


@pytest.fixture(autouse=True)
def _blank(blank_figures: None) -> None:
    """Pages and pictures are tested where they are drawn."""


@pytest.fixture
def file(tmp_path: Path, judge: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The study as a file."""
    monkeypatch.setenv("JINC_CACHE", str(judge.with_name("cache")))
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    return tmp_path / "tiny.yaml"


@pytest.fixture(scope="session")
def finished(judge: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs and cells of the study, only to be read."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    study = read_study(folder / "tiny.yaml", {"judge": str(judge)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JINC_CACHE", str(judge.with_name("cache")))
        done = [*run_here(study, StudyFolder(folder / "out"), lambda *_: None)]
    assert [each.failure for each in done] == [None] * 4
    return folder / "out"


@pytest.fixture
def copied(finished: Path) -> Callable[[Path, int], None]:
    """Copy the runs and cells of some seeds, from 0 on."""

    def copy(out: Path, seeds: int) -> None:
        for path in finished.glob("*/*"):
            if any(f" {seed} " in path.name for seed in range(seeds)):
                shutil.copytree(path, out / path.relative_to(finished))

    return copy


@pytest.fixture
def jinc(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[object, str, str]]:
    """Run `jinc` with words; return its exit code, and what it printed for whom."""

    def run(*words: object) -> tuple[object, str, str]:
        capsys.readouterr()
        code: object = 0
        try:
            main([str(word) for word in words])
        except SystemExit as left:
            code = left.code or 0
        return code, *capsys.readouterr()

    return run
