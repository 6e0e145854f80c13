"""The command line, called in this process."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from jinc.cli import main
from jinc.metrics import DigitClassifier, save_digit_classifier

TINY = (
    *("--config", "A", "--width", "4", "--levels", "1", "--timesteps", "10", "--steps", "6"),
    *("--batch-size", "4", "--sample-every", "0", "--log-every", "2", "--device", "cpu"),
)


def snapshot(folder: Path) -> dict[Path, bytes]:
    found = (path for path in folder.rglob("*") if "cache" not in path.parts)
    return {path: path.read_bytes() if path.is_file() else b"" for path in found}


class Said(NamedTuple):
    code: object
    out: str
    err: str


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read from, or written to, where the tests happen to run."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("JINC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(autouse=True)
def _blank(blank_figures: None) -> None:
    """The runs of the whole session, below, have real learning curves."""


@pytest.fixture
def jinc(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run `jinc` with words; return exit code and what it printed."""

    def run(*words: object) -> Said:
        capsys.readouterr()
        code: object = 0
        try:
            main([str(word) for word in words])
        except SystemExit as left:
            code = left.code or 0
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return run


@pytest.fixture
def refused(jinc: Callable, tmp_path: Path) -> Callable[..., None]:
    """Expect one line with the words in it, and nothing written where the run would be."""

    def check(*arguments: object, says: str | Path) -> None:
        before = snapshot(tmp_path)
        said = jinc(*arguments)
        assert said.code == 2, said
        assert said.out == ""
        assert said.err.endswith("\n")
        assert said.err.count("\n") == 1, said.err
        assert said.err.startswith("jinc: ")
        assert str(says) in said.err
        assert snapshot(tmp_path) == before

    return check


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of six steps, for all who only read it."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    main(["train", "--out", str(folder), *TINY])
    return folder


@pytest.fixture
def judge(tmp_path: Path) -> Path:
    """An untrained classifier of digits, by which images can be scored."""
    torch.manual_seed(0)
    save_digit_classifier(tmp_path / "judge", DigitClassifier(), "mnist", {})
    return tmp_path / "judge"


@pytest.fixture
def trained_copy(trained: Path, tmp_path: Path) -> Path:
    """The same, for those who write into it."""
    return Path(shutil.copytree(trained, tmp_path / "copy"))


@pytest.fixture(scope="session")
def trained_on_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with classes."""
    folder = tmp_path_factory.mktemp("classes") / "run"
    main(["train", "--out", str(folder), *TINY, "--conditional"])
    return folder


@pytest.fixture(scope="session")
def guidable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a model that can be guided."""
    folder = tmp_path_factory.mktemp("guidable") / "run"
    main(["train", "--out", str(folder), *TINY, "--conditional", "--label-dropout", "0.5"])
    return folder


@pytest.fixture(scope="session")
def tiny() -> tuple[str, ...]:
    """Options of the smallest training run."""
    return TINY
