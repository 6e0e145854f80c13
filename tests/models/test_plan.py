"""Plans: prompts, guidance, clipping, and values that are refused."""

import pytest
import torch

from jinc.diffusion import cfg, clip, dynamic_threshold
from jinc.errors import JincError
from jinc.models import SamplingPlan

LEVEL = torch.full((3,), 6)


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
    plain = {"clip": False, "calibrate": False, "prompts": ("1",), "guidance": 4.0}
    one = model.prompted(["1"] * 3)
    for avoid in ("", "2"):
        found = SamplingPlan(**plain, avoid=avoid).denoiser(model, range(3))(x_t, LEVEL)
        expected = cfg(one, model.prompted([avoid] * 3), 4.0)(x_t, LEVEL)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("option", [{"rescale": 0.7}, {"interval": (0, 5)}, {"interval": (6, 9)}])
def test_contrast_is_taken_back_and_levels_are_left_out(model, x_t, option) -> None:
    plain = {"clip": False, "calibrate": False, "prompts": ("1",), "guidance": 4.0}
    named = {f"guidance_{name}": value for name, value in option.items()}
    found = SamplingPlan(**plain, **named).denoiser(model, range(3))(x_t, LEVEL)
    one, none = model.prompted(["1"] * 3), model.prompted([""] * 3)
    expected = cfg(one, none, 4.0, **option)(x_t, LEVEL)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    everywhere = SamplingPlan(**plain).denoiser(model, range(3))(x_t, LEVEL)
    assert torch.equal(found, everywhere) == (option.get("interval") == (6, 9))


@torch.no_grad()
@pytest.mark.parametrize(
    ("threshold", "limit"), [(None, clip), ("static", clip), ("dynamic", dynamic_threshold)]
)
def test_predictions_are_kept_in_range(model, x_t, threshold, limit) -> None:
    asked = {"calibrate": False, "prompts": ("1",), "guidance": 40.0}
    free = SamplingPlan(**asked, clip=False).denoiser(model, range(3))
    found = SamplingPlan(**asked, threshold=threshold).denoiser(model, range(3))(x_t, LEVEL)
    assert float(free(x_t, LEVEL).abs().max()) > 1
    torch.testing.assert_close(found, limit(free)(x_t, LEVEL), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"guidance_rescale": 0.7}, "guidance-rescale: changes nothing at a guidance of 1"),
        ({"guidance_interval": (0, 5)}, "guidance-interval: changes nothing at a guidance of 1"),
        ({"guidance": 2, "guidance_rescale": 1.5}, "guidance-rescale: 1.5 is not in"),
        ({"guidance": 2, "guidance_interval": (5, 2)}, "guidance-interval: 5 to 2 is not"),
        ({"guidance": 2, "guidance_interval": (-1, 2)}, "guidance-interval: -1 to 2 is not"),
        ({"threshold": "soft"}, "threshold: 'soft' is not one of static, dynamic"),
        ({"threshold": "dynamic", "clip": False}, "threshold: dynamic is a way to clip"),
    ],
)
def test_what_makes_no_sense_or_no_difference(options, says) -> None:
    with pytest.raises(JincError, match=f"^{says}"):
        SamplingPlan(**options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            {"prompts": ("1",), "guidance": 2.0, "guidance_interval": (5000, 6000)},
            "guidance-interval: 5000 is above t = ",
        ),
        ({"prompts": ("class 7",)}, "prompt: 'class 7' is no class of this model; did you mean"),
        ({"prompts": ("3",)}, "prompt: '3' is no class"),
        ({"guidance": 2.0}, "guidance: needs a prompt"),
        ({"prompts": ("1",), "avoid": "2"}, "avoid: needs guidance above 1"),
        ({"prompts": ("1",), "avoid": "x", "guidance": 2.0}, "prompt: 'x' is no class"),
    ],
)
def test_plans_that_do_not_fit_the_model(model, options, says) -> None:
    with pytest.raises(JincError, match=says):
        SamplingPlan(**options).check_model(model)


def test_models_that_cannot_do_without(make_model) -> None:
    plain, told = make_model(), make_model(classes=2)
    with pytest.raises(JincError, match="guidance: this model was trained without classes"):
        SamplingPlan(guidance=2.0).check_model(plain)
    with pytest.raises(JincError, match="prompt: 'cat' to a model that was trained without"):
        SamplingPlan(prompts=("cat",)).check_model(plain)
    with pytest.raises(JincError, match="guidance: this model was trained without --label-drop"):
        SamplingPlan(prompts=("1",), guidance=2.0).check_model(told)
    with pytest.raises(JincError, match="prompt: this model generates classes only"):
        SamplingPlan().check_model(told)
    with pytest.raises(JincError, match="guidance: nan"):
        SamplingPlan(guidance=float("nan"))


def test_calls_of_an_image() -> None:
    """Adaptive sampling visits few of the levels it may choose among."""
    calls = {name: SamplingPlan(sampler=name).calls(1000) for name in ("ddpm", "heun", "adaptive")}
    assert calls == {"ddpm": 1000, "heun": 40, "adaptive": 11}
    assert SamplingPlan(sampler="adaptive", tolerance=0.005).calls(1000) == 15
    assert SamplingPlan(sampler="adaptive", tolerance=0.0).calls(1000) == 1000
    assert SamplingPlan(sampler="adaptive", steps=5).calls(1000) == 5
