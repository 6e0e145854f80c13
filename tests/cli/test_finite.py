"""What is no image is told in one line, and nothing is left of it."""

import pytest
import torch

from jinc.cli.finite import check_finite
from jinc.errors import JincError


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_told_with_its_likely_reason(value) -> None:
    images = torch.zeros(1, 1, 2, 2)
    check_finite(images, 5.0, False)
    images[0, 0, 1, 1] = value
    words = "the model's predictions are not finite numbers: "
    for guidance, clip, reason in (
        (1.0, True, "it is broken"),
        (9.5, True, "--guidance 9.5 may be too much for it, or it is broken"),
        (1.0, False, "--no-clip may be too much for it, or it is broken"),
        (9.5, False, "--guidance 9.5 with --no-clip may be too much for it, or it is broken"),
    ):
        with pytest.raises(JincError) as error:
            check_finite(images, guidance, clip)
        assert str(error.value) == words + reason


def test_a_sweep_that_is_not_finite_leaves_no_folder(jinc, tiny, tmp_path) -> None:
    run, out = tmp_path / "run", tmp_path / "new" / "frames"
    train = ("train", "--out", run, *tiny, "--conditional", "--label-dropout", 0.5)
    assert jinc(*train).code == 0
    words = ("--guidance", 1e308, "--no-clip", "--class", 6, "--angles", "0,9", "--steps", 2)
    said = jinc("rotate", run, *words, "--out", out)
    assert (said.code, "predictions are not finite" in said.err) == (2, True)
    assert not (tmp_path / "new").exists()
