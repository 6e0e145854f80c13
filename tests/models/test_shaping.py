"""What is asked of a model: prompts dealt out, guided, and refused where it makes no sense."""

import dataclasses

import pytest
import torch

from jinc.diffusion import cfg
from jinc.errors import JincError
from jinc.models import Shaping

LEVEL = torch.full((3,), 6)


@pytest.fixture
def model(make_model):
    made = dataclasses.replace(make_model(classes=3), guidable=True)
    with torch.no_grad():
        made.network.last.weight.mul_(10)
    return made


@pytest.fixture
def x_t() -> torch.Tensor:
    return torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_prompts_are_names_numbers_or_nothing(model, x_t) -> None:
    by_name = model.prompted(["class 1", "", "class 2"])(x_t, LEVEL)
    assert torch.equal(by_name, model.prompted(["1", "", "2"])(x_t, LEVEL))
    for row, label in ((0, 1), (2, 2)):
        alone = model.denoiser(torch.tensor([label] * 3))(x_t, LEVEL)
        torch.testing.assert_close(by_name[row], alone[row], rtol=0, atol=1e-5)
    torch.testing.assert_close(by_name[1], model.denoiser()(x_t, LEVEL)[1], rtol=0, atol=1e-5)


@torch.no_grad()
def test_guidance_leads_away_from_nothing_or_from_what_is_avoided(model, x_t) -> None:
    plain = {"limited": False, "calibrated": False, "prompts": ("1",), "guidance": 4.0}
    one = model.prompted(["1"] * 3)
    for avoid in ("", "2"):
        found = Shaping(**plain, avoid=avoid).denoiser(model, range(3))(x_t, LEVEL)
        expected = cfg(one, model.prompted([avoid] * 3), 4.0)(x_t, LEVEL)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"prompts": ("class 7",)}, "prompt: 'class 7' is no class of this model; did you mean"),
        ({"prompts": ("3",)}, "prompt: '3' is no class"),
        ({"guidance": 2.0}, "guidance: leads nowhere without a prompt"),
        ({"prompts": ("1",), "avoid": "2"}, "avoid: needs a guidance above 1"),
        ({"prompts": ("1",), "avoid": "x", "guidance": 2.0}, "prompt: 'x' is no class"),
    ],
)
def test_what_a_model_cannot_be_asked(model, options, says) -> None:
    with pytest.raises(JincError, match=says):
        Shaping(**options).check(model)


def test_models_that_cannot_do_without(make_model) -> None:
    plain, told = make_model(), make_model(classes=2)
    with pytest.raises(JincError, match="guidance: this model was trained without classes"):
        Shaping(guidance=2.0).check(plain)
    with pytest.raises(JincError, match="prompt: 'cat' to a model that was trained without"):
        Shaping(prompts=("cat",)).check(plain)
    with pytest.raises(JincError, match="guidance: this model was trained without --label-drop"):
        Shaping(prompts=("1",), guidance=2.0).check(told)
    with pytest.raises(JincError, match="prompt: this model has to be told which class"):
        Shaping().check(told)
    with pytest.raises(JincError, match="guidance: nan"):
        Shaping(guidance=float("nan"))
