"""Photographs made anew: what stays, what is made, and that both are the plain samplers'."""

from functools import partial

import pytest
import torch

from jinc.diffusion import (
    SeededNoise,
    ddim,
    from_noise,
    posterior,
    repaint_levels,
    replace,
    sample,
    sdedit_start,
    timesteps,
)
from jinc.errors import JincError
from jinc.models import CHUNK, SamplingPlan, edit_images, generate_images

SDEDIT = partial(sdedit_start, strength=0.5, steps=6)
EVERYWHERE, NOWHERE = torch.ones(2, 1, 8, 8), torch.zeros(2, 1, 8, 8)


@pytest.fixture
def photos() -> torch.Tensor:
    return torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


def edited(model, photos, count, start=SDEDIT, masks=None, **options) -> torch.Tensor:
    plan = SamplingPlan(number=count, seed=4, **options)
    walk = edit_images(model, photos, plan, start=start, masks=masks)
    return torch.cat([step.x_t for _, step in walk if step.t == -1])


def test_it_is_the_plain_sampler_from_a_noisy_photograph(make_model, photos) -> None:
    model, noise = make_model(classes=3), SeededNoise(4, range(CHUNK))
    dealt = photos.repeat(CHUNK // 2, 1, 1, 1)
    x_t, levels = sdedit_start(model.schedule, dealt, 0.5, noise, steps=6)
    guided = {"prompts": ("1", "2"), "guidance": 3.0}
    denoiser = SamplingPlan(**guided).denoiser(model, range(CHUNK))
    *_, last = sample(denoiser, model.schedule, x_t, method=ddim(), steps=levels, noise=noise)
    assert torch.equal(edited(model, photos, CHUNK, **guided), last.x_t)


@pytest.mark.parametrize("count", [1, 3, CHUNK + 3])
def test_an_image_does_not_depend_on_their_number(make_model, photos, count) -> None:
    model = make_model()
    assert torch.equal(edited(model, photos, count), edited(model, photos, 2 * CHUNK)[:count])


def test_known_pixels_stay_and_only_they(make_model, photos) -> None:
    model = make_model()
    left = torch.zeros(2, 1, 8, 8)
    left[0, ..., :4], left[1, ..., :2] = 1, 1
    found = edited(model, photos, 5, masks=left)
    for number, image in enumerate(found):
        known = left[number % 2] == 0
        assert torch.equal(image[known], photos[number % 2][known])
        assert (image - photos[number % 2])[~known].abs().min() > 1e-4
    assert torch.equal(edited(model, photos, 5, masks=NOWHERE), photos[[0, 1, 0, 1, 0]])


def test_from_noise_with_nothing_known_is_generating(make_model, photos) -> None:
    model, levels = make_model(), timesteps(12, 5)
    found = edited(model, photos, 3, start=from_noise(levels))
    walk = generate_images(model, SamplingPlan(number=3, steps=levels, seed=4))
    *_, generated = (step.x_t for _, step in walk)
    assert torch.equal(found, generated)
    all_made = edited(model, photos, 3, start=from_noise(levels), masks=EVERYWHERE)
    torch.testing.assert_close(all_made, found, rtol=0, atol=1e-6)


def test_repaint_walks_up_again(make_model, photos) -> None:
    model, noise = make_model(), SeededNoise(4, range(CHUNK))
    levels = repaint_levels(timesteps(12, 6), jump=2, times=3)
    half = torch.zeros(2, 1, 8, 8)
    half[..., :4, :] = 1
    dealt = torch.arange(CHUNK) % 2
    x_T = noise(torch.empty(CHUNK, 1, 8, 8))
    denoiser = SamplingPlan().denoiser(model, range(CHUNK))
    after = replace(model.schedule, photos[dealt], half[dealt], noise)
    walk = partial(sample, method=posterior())
    *_, last = walk(denoiser, model.schedule, x_T, steps=levels, noise=noise, after=after)
    found = edited(model, photos, CHUNK, start=from_noise(levels), masks=half, sampler=walk)
    assert torch.equal(found, last.x_t)


def test_photographs_of_another_size(make_model, photos) -> None:
    with pytest.raises(JincError, match=r"photos: \[2, 1, 8, 6\] is not \[N, 1, 8, 8\]"):
        edited(make_model(), photos[..., :6], 1)
