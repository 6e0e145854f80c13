"""Every effect on both stages: it runs, comes out the same again, and is not what it is without."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from jinc.diffusion import (
    SeededNoise,
    anagram,
    c4,
    cfg,
    colour_hybrid,
    ddim,
    hybrid,
    identity,
    invert,
    project,
    quarter_turns,
    repaint_levels,
    replace,
    sample,
    sdedit_start,
    symmetrize,
    triple_hybrid,
    vflip,
)
from jinc.models import Anagram, Enlargement, SamplingPlan


@dataclass(frozen=True)
class Stage:
    """A model, and its denoisers by their prompts: of two images, for one picture of each."""

    model: Any
    leaf: Any

    @property
    def photo(self):
        height, width = self.model.image_size
        ramp = torch.linspace(-1, 1, width).expand(2, 3, height, width)
        return ramp * torch.tensor([1.0, -0.5]).view(2, 1, 1, 1)

    @property
    def mask(self):
        mask = torch.zeros(self.model.image_size)
        mask[:, : mask.shape[1] // 2] = 1
        return mask

    def noise(self):
        return SeededNoise(4, [0, 1])


@pytest.fixture(params=["first", "second"])
def stage(request, first, second):
    if request.param == "first":
        return Stage(first, lambda name, view=None: first.prompted([name, name]))
    low = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(2)) * 2 - 1
    up = second.upscaling(low, ["", ""], 12, SeededNoise(9, [0, 1]))

    def leaf(name, view=None):
        one = up.with_prompts([name, name])
        return one if view is None else one.through(view)

    return Stage(second, leaf)


def plain(stage):
    return stage.leaf("a cat"), {}


def guided(stage):
    return cfg(stage.leaf("a cat"), stage.leaf(""), 5.0, rescale=0.7, interval=(3, 30)), {}


def illusion(stage):
    turn = quarter_turns(1)
    parts = [(identity(), stage.leaf("a cat")), (turn, stage.leaf("a dog", turn))]
    return anagram(parts), {}


def from_afar(stage):
    return hybrid(stage.leaf("a cat"), stage.leaf("a dog")), {}


def in_colour(stage):
    return colour_hybrid(stage.leaf("a cat"), stage.leaf("a dog")), {}


def three_times(stage):
    return triple_hybrid(*map(stage.leaf, ("a cat", "a dog", "an oil painting"))), {}


def symmetric(stage):
    return symmetrize(stage.leaf("a cat"), c4()), {}


def held(stage):
    """Around the limits: a dynamic threshold would darken the known pixels along with the rest."""
    inside = stage.model.limited(stage.leaf("a cat"))
    return project(inside, onto=stage.photo, where=stage.mask), {"limited": False}


def repainted(stage):
    noise = stage.noise()
    levels = repaint_levels([35, 25, 15, 5], jump=2, times=2)
    after = replace(stage.model.schedule, stage.photo, 1 - stage.mask, noise)
    return stage.leaf("a cat"), {"after": after, "noise": noise, "steps": levels}


def edited(stage):
    start, levels = sdedit_start(stage.model.schedule, stage.photo, 0.5, stage.noise(), steps=8)
    return stage.leaf("a cat"), {"start": start, "steps": levels}


def inverted(stage):
    denoiser = stage.leaf("a cat")
    start = invert(stage.model.limited(denoiser), stage.model.schedule, stage.photo, 4)
    return denoiser, {"start": start}


EFFECTS = {
    effect.__name__: effect
    for effect in (
        guided,
        illusion,
        from_afar,
        in_colour,
        three_times,
        symmetric,
        held,
        repainted,
        edited,
        inverted,
    )
}


def walk(stage, effect):
    denoiser, asked = effect(stage)
    noise = stage.noise()
    x_T = noise(stage.photo)
    start = asked.pop("start", x_T)
    if asked.pop("limited", True):
        denoiser = stage.model.limited(denoiser)
    settings = {"noise": noise, "steps": 4, "method": ddim(0.5)} | asked
    *_, last = sample(denoiser, stage.model.schedule, start, **settings)
    return last.x_t


@pytest.mark.parametrize("name", EFFECTS)
def test_every_effect_runs_and_repeats(stage, name):
    made = walk(stage, EFFECTS[name])
    assert made.shape == stage.photo.shape
    assert bool(made.isfinite().all())
    assert float(made.abs().max()) <= 1 + 1e-6
    assert torch.equal(walk(stage, EFFECTS[name]), made)
    assert float((made - walk(stage, plain)).abs().max()) > 0.02


@pytest.mark.parametrize("name", ["held", "repainted"])
def test_known_pixels_are_those_of_the_photograph(stage, name):
    made = walk(stage, EFFECTS[name])
    half = stage.photo.shape[-1] // 2
    torch.testing.assert_close(made[..., :half], stage.photo[..., :half])
    assert not torch.allclose(made[..., half:], stage.photo[..., half:], atol=0.1)


def test_an_illusion_holds_in_the_second_stage(second):
    """Upside down, with prompts swapped, it is the same one: small images go through views too."""
    generator = torch.Generator().manual_seed(2)
    low, noise, x_t = (
        torch.randn(1, 3, *size, generator=generator) for size in ((4, 4), (16, 16), (16, 16))
    )

    def answer(prompts, low, noise, x_t):
        plan, both = (
            SamplingPlan(prompts=prompts, guidance=3.0),
            Anagram(views=(identity(), vflip())),
        )
        enlarging = Enlargement(second, low, 12, lambda: lambda like: noise)
        return plan.denoiser(enlarging, range(1), both)(x_t, torch.tensor([20]))

    with torch.no_grad():
        found = answer(("a cat", "a dog"), low, noise, x_t)
        over = answer(("a dog", "a cat"), *(each.flip(2) for each in (low, noise, x_t)))
        unseen = answer(("a cat", "a dog"), low.flip(2), noise, x_t)
    torch.testing.assert_close(over.flip(2), found, rtol=1e-3, atol=1e-3)
    assert not torch.allclose(unseen, found, atol=1e-2)


def test_what_is_symmetrized_turns_with_what_it_is_shown(stage):
    """The second stage is shown small images, which have to turn along."""
    if stage.model.image_size == (8, 8):
        leaf, turned = (symmetrize(stage.leaf("a cat"), c4()) for _ in range(2))
    else:
        up = stage.leaf("a cat")
        views = c4()
        leaf = anagram([(view, up.through(view)) for view in views])
        around = dataclasses.replace(up, beside=up.beside.rot90(1, (2, 3)))
        turned = anagram([(view, around.through(view)) for view in views])
    x_t = stage.noise()(stage.photo)
    t = torch.tensor([20, 20])
    with torch.no_grad():
        found, expected = turned(x_t.rot90(1, (2, 3)), t), leaf(x_t, t).rot90(1, (2, 3))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
