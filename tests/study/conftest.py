"""A study of two tiny networks on the bundled digits."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from jinc.cli import main
from jinc.metrics import DigitClassifier, save_digit_classifier

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


@pytest.fixture
def judge(tmp_path: Path) -> Path:
    """A classifier that knows nothing, and looks at images all the same."""
    torch.manual_seed(0)
    save_digit_classifier(tmp_path / "judge", DigitClassifier(), "mnist", {})
    return tmp_path / "judge"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The study as a file."""
    monkeypatch.setenv("JINC_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    return tmp_path / "tiny.yaml"


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
