"""Predictions that are not finite end a command in one line, and leave nothing behind."""

import pytest
import torch

from jinc.cli.results import check_finite
from jinc.errors import JincError
from jinc.models import SamplingPlan


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_refused_with_its_likely_cause(value) -> None:
    images = torch.zeros(1, 1, 2, 2)
    check_finite(images, SamplingPlan(guidance=5.0, clip=False))
    images[0, 0, 1, 1] = value
    words = "the model's predictions are not finite: "
    for guidance, clip, cause in (
        (1.0, True, "the model is damaged"),
        (9.5, True, "--guidance 9.5 is too strong, or the model is damaged"),
        (1.0, False, "--no-clip is too strong, or the model is damaged"),
        (9.5, False, "--guidance 9.5 with --no-clip is too strong, or the model is damaged"),
    ):
        with pytest.raises(JincError) as error:
            check_finite(images, SamplingPlan(guidance=guidance, clip=clip))
        assert str(error.value) == words + cause


def test_a_sweep_that_is_not_finite_leaves_no_folder(jinc, guidable, tmp_path) -> None:
    out = tmp_path / "new" / "frames"
    words = ("--guidance", 1e308, "--no-clip", "--class", 6, "--angles", "0,9", "--steps", 2)
    said = jinc("rotate", guidable, *words, "--out", out)
    assert (said.code, "predictions are not finite" in said.err) == (2, True)
    assert not (tmp_path / "new").exists()
