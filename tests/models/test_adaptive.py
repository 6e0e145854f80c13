"""Adaptive steps with networks: each image goes its own way, whatever it is generated beside."""

from functools import partial

import torch

from jinc.diffusion import AdaptiveStep, adaptive, calibrate, cfg, clip, heun
from jinc.models import CHUNK, SamplingPlan, generate_images

WALK = partial(adaptive, tolerance=0.01)


def last_steps(model, count, **options):
    plan = SamplingPlan(number=count, sampler=WALK, steps=model.timesteps, **options)
    steps = [s for _, s in generate_images(model, plan)]
    return [step for step in steps if step.t == -1]


def test_finished_images_are_not_evaluated(make_model) -> None:
    model, sizes = make_model(classes=3), []
    model.network.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    (step,) = last_steps(model, CHUNK, prompts=model.class_names)
    assert isinstance(step, AdaptiveStep)
    assert sum(sizes) == int(step.calls.sum())
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0] == CHUNK
    assert bool((step.levels == -1).all())


def test_it_is_what_a_function_of_the_whole_batch_gives(make_model) -> None:
    model = make_model(classes=3)
    labels = torch.arange(4) % 3
    x_T = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    leaves = model.denoiser(labels), model.denoiser()
    hidden = [lambda x, t, leaf=leaf: leaf(x, t) for leaf in leaves]
    ends = []
    for pair in (leaves, hidden):
        denoiser = clip(calibrate(cfg(*pair, 2.0), model.schedule))
        *_, end = WALK(denoiser, model.schedule, x_T)
        ends.append(end)
    assert torch.equal(ends[0].levels, ends[1].levels)
    assert torch.equal(ends[0].calls, ends[1].calls)
    torch.testing.assert_close(ends[0].x_t, ends[1].x_t, rtol=0, atol=1e-4)


def test_images_do_not_depend_on_their_number(make_model) -> None:
    """Byte for byte: who shares a chunk is fixed, so that who is done when is, too."""
    model = make_model()
    (few,) = last_steps(model, 3)
    many = last_steps(model, CHUNK + 1)
    assert torch.equal(few.x_t, many[0].x_t[:3])


def test_heun_stands_where_samplers_stand(make_model) -> None:
    model = make_model()
    *_, (_, step) = generate_images(model, SamplingPlan(number=2, sampler=heun, steps=5))
    assert step.x_t.isfinite().all()
