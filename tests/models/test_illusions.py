"""Illusions ask a model what the effects ask its denoisers, in one call."""

import pytest
import torch

from jinc.diffusion import (
    anagram,
    clip,
    hflip,
    hybrid,
    identity,
    low_pass,
    rotation,
    sum_preserving,
    triple_hybrid,
)
from jinc.errors import JincError
from jinc.models import Anagram, Hybrid, SamplingPlan, generate_images

LEVEL = torch.full((4,), 6)


@pytest.fixture
def x_t() -> torch.Tensor:
    return torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def asked(*prompts: str, **options: object) -> SamplingPlan:
    return SamplingPlan(prompts=prompts, clip=False, calibrate=False, **options)


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_an_anagram_of_one_view_is_the_model(model, x_t) -> None:
    plan = asked("2", guidance=4.0)
    alone = plan.denoiser(model, range(4), Anagram(views=[identity()]))
    close(alone(x_t, LEVEL), plan.denoiser(model, range(4))(x_t, LEVEL))


@torch.no_grad()
def test_an_anagram_asks_for_each_prompt_through_its_view(model, x_t) -> None:
    views, reduce = [rotation(0.7), hflip()], sum_preserving(model.schedule)
    both = Anagram(views=views, reduce=reduce)
    found = asked("0", "2").denoiser(model, range(4), both)
    parts = [model.prompted(["0"] * 4), model.prompted(["2"] * 4)]
    expected = anagram(list(zip(views, parts, strict=True)), reduce)
    close(found(x_t, LEVEL), expected(x_t, LEVEL))
    other = asked("2", "0").denoiser(model, range(4), both)
    assert (other(x_t, LEVEL) - expected(x_t, LEVEL)).abs().max() > 1e-3


@torch.no_grad()
def test_hybrids_take_each_part_from_its_prompt(model, x_t) -> None:
    low, middle, high = (model.prompted([prompt] * 4) for prompt in "012")
    two = asked("0", "1").denoiser(model, range(4), Hybrid(std_px=1.5))
    close(two(x_t, LEVEL), hybrid(low, middle, low_pass(1.5))(x_t, LEVEL))
    three = asked("0", "1", "2").denoiser(model, range(4), Hybrid(kind="three", std_px=1.0))
    expected = triple_hybrid(low, middle, high, low_pass(1.5), low_pass(0.5))
    close(three(x_t, LEVEL), expected(x_t, LEVEL))


def test_a_guided_anagram_is_one_call_a_step(model) -> None:
    calls = []
    model.network.register_forward_hook(lambda *_: calls.append(1))
    plan = SamplingPlan(number=2, prompts=("1", "2"), guidance=3.0, steps=5)
    list(generate_images(model, plan, composition=Anagram(views=[identity(), hflip()])))
    assert len(calls) == 5


@torch.no_grad()
def test_what_is_joined_is_limited_and_not_its_parts(model, x_t) -> None:
    free = asked("0", "1").denoiser(model, range(4), Hybrid())
    clipped = SamplingPlan(prompts=("0", "1"), calibrate=False)
    held = clipped.denoiser(model, range(4), Hybrid())
    level = torch.full((4,), 11)
    assert free(x_t, level).abs().max() > 1
    close(held(x_t, level), clip(free)(x_t, level))


def test_prompts_that_do_not_go_with_the_parts(model) -> None:
    with pytest.raises(JincError, match="prompt: 1 for 2 views"):
        asked("0").denoiser(model, range(4), Anagram(views=[identity(), hflip()]))
    with pytest.raises(JincError, match="prompt: got 3, a hybrid by colour needs 2"):
        asked("0", "1", "2").denoiser(model, range(4), Hybrid(kind="colour"))
