"""Larger images from small ones: what is kept, what is drawn, and from which noise."""

import pytest
import torch

from jinc.diffusion import Schedule, SeededNoise
from jinc.errors import JincError
from jinc.models import Enlargement, SamplingPlan, Upscaler, upscale_images
from jinc.nn import ResUNet
from jinc.signal import bicubic, block_mean


@pytest.fixture(scope="module")
def model() -> Upscaler:
    torch.manual_seed(0)
    settings = {"width": 8, "multipliers": (1, 2), "blocks": 1, "attention_levels": ()}
    network = ResUNet("D@6", channels=1, classes=2, augmentations=1, beside=1, **settings)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    facts = (("cat", "dog"), "cosine", 40, "v")
    return Upscaler(
        network.eval(), (16, 16), *facts, guidable=True, factor=2, spread=0.1, most_noise=10
    )


@pytest.fixture
def low() -> torch.Tensor:
    return torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


def last(model, low, numbers=None, level=0, agree=None, **options) -> torch.Tensor:
    plan = SamplingPlan(steps=4, **options)
    *_, step = upscale_images(model, low, plan, numbers=numbers, level=level, agree=agree)
    return step.x_t


def test_the_result_agrees_with_the_small_image_where_it_is_taken_at_its_word(model, low) -> None:
    for options, agrees in (({}, True), ({"agree": False}, False), ({"level": 5}, False)):
        made = last(model, low, **options)
        assert made.shape == (3, 1, 16, 16)
        error = float((block_mean(made, 2) - low).abs().max())
        assert (error < 1e-5) == agrees, options
    held = last(model, low, level=5, agree=True)
    torch.testing.assert_close(block_mean(held, 2), low, rtol=0, atol=1e-5)


def test_an_image_does_not_depend_on_what_is_made_beside_it(model, low) -> None:
    options = {"prompts": ("cat", "dog"), "guidance": 2.0, "eta": 1.0, "level": 4, "seed": 3}
    together = last(model, low, numbers=[5, 6, 9], **options)
    for place, number in enumerate((5, 6, 9)):
        alone = last(model, low[place : place + 1], numbers=[number], **options)
        torch.testing.assert_close(together[place], alone[0], rtol=1e-4, atol=1e-4)
    assert torch.equal(last(model, low, numbers=[5, 6, 9], **options), together)


def test_seed_number_prompt_and_level_matter(model, low) -> None:
    plain = last(model, low)
    for options in ({"seed": 1}, {"numbers": [1, 0, 2]}, {"prompts": ("cat",)}, {"level": 3}):
        other = last(model, low, **options)
        assert (other - plain).abs().mean() > 1e-3, options


def test_branches_of_guidance_see_the_same_noisy_image(model, low) -> None:
    """Else guidance would exaggerate the difference of two noises."""
    seen = []
    hook = model.network.register_forward_pre_hook(lambda _, args: seen.append(args[2].beside))
    last(model, low, level=9, prompts=("cat",), guidance=3.0)
    hook.remove()
    unconditional, conditional = seen[0].chunk(2)
    assert torch.equal(unconditional, conditional)
    assert (conditional - bicubic(low, 2)).abs().mean() > 0.05
    assert all(torch.equal(each, seen[0]) for each in seen)


def test_noise_on_small_images_is_another_than_that_of_large_ones(model) -> None:
    """It is not the beginning of the streams that the large ones begin with."""
    low, seen = torch.zeros(2, 1, 16, 16), []
    hook = model.network.register_forward_pre_hook(lambda _, args: seen.append(args[2].beside))
    effect = model.upscaling(low, ["", ""], 10, SeededNoise(0, range(2)))
    t = torch.zeros(2, dtype=torch.long)
    effect(torch.zeros(2, 1, 32, 32), t)
    list(upscale_images(model, low, SamplingPlan(steps=1), level=10))
    hook.remove()
    same, found = (each.flatten() for each in seen)
    assert torch.corrcoef(torch.stack([same, found]))[0, 1].abs() < 0.15


def test_images_of_any_size_that_is_large_enough(model) -> None:
    low = torch.rand(1, 1, 9, 21, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert last(model, low).shape == (1, 1, 18, 42)
    with pytest.raises(JincError, match="8×8 or larger"):
        last(model, low[..., :7])


def test_an_enlargement_is_a_pixel_model_of_large_images(model, low) -> None:
    enlargement = Enlargement(model, low, 0, lambda: torch.randn_like)
    assert enlargement.factor == 2
    assert enlargement.image_size == (16, 16)
    assert isinstance(enlargement.schedule, Schedule)
    assert (enlargement.channels, enlargement.timesteps) == (1, 40)
    assert (enlargement.class_names, enlargement.guidable) == (("cat", "dog"), True)
    assert enlargement.to(torch.device("cpu")).low is low
    t = torch.full((3,), 39)
    x_T = torch.randn(3, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    found = enlargement.limited(enlargement.prompted(["cat", "", "1"]))(x_T, t)
    expected = model.upscaling(low, ["cat", "", "1"], 0, torch.randn_like)(x_T, t).clamp(-1, 1)
    assert torch.equal(found, expected)
