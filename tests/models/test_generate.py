"""Image i of a seed is the same image, whatever is generated beside it."""

from functools import partial

import pytest
import torch
from torch import Tensor

from jinc.diffusion import SeededNoise, adaptive, ddim, ddpm, posterior, sample
from jinc.models import (
    CHUNK,
    SamplingPlan,
    compile_network,
    generate_images,
    images_of,
    set_precision,
)

METHODS = {"ddim": ddim(), "ddim η=1": ddim(1.0), "ddpm": ddpm(), "posterior": posterior()}


def images(model, count: int, **options: object) -> Tensor:
    walk = generate_images(model, SamplingPlan(**{"number": count, "steps": 4} | options))
    return torch.cat([step.x_t for _, step in walk if step.t == -1])


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_image_i_does_not_depend_on_the_number_of_images(make_model, method) -> None:
    model = make_model()
    walk = partial(sample, method=method)
    steps = model.timesteps if method == METHODS["ddpm"] else 4
    counts = (1, CHUNK, 2 * CHUNK + 1)
    made = {n: images(model, n, sampler=walk, steps=steps) for n in counts}
    for n, found in made.items():
        assert found.shape == (n, 1, 8, 8)
        assert torch.equal(found, made[counts[-1]][:n])
        assert found.isfinite().all()


def test_numbers_say_which_images_a_step_shows(make_model) -> None:
    walk = generate_images(make_model(T=11), SamplingPlan(number=18, steps=3))
    seen = [(numbers, step.t) for numbers, step in walk]
    falls = [5, 0, -1]
    assert seen == [(range(16), t) for t in falls] + [(range(16, 18), t) for t in falls]


def test_every_image_and_every_seed_is_another(make_model) -> None:
    model = make_model()
    both = torch.cat([images(model, 17, seed=seed) for seed in (0, 1)]).flatten(1)
    distances = torch.cdist(both, both) + 1e9 * torch.eye(34)
    assert distances.min() > 1e-3
    assert torch.equal(both[:17].view(17, 1, 8, 8), images(model, 17, seed=0))


def test_labels_are_dealt_out_in_turn(make_model) -> None:
    model = make_model(classes=3)
    dealt = images(model, 19, prompts=("2", "0"))
    for label in (0, 2):
        alone = images(model, 19, prompts=(str(label),))
        turns = [i for i in range(19) if [2, 0][i % 2] == label]
        assert torch.equal(dealt[turns], alone[turns])
        assert not torch.equal(dealt, alone)
    without = images(model, 19)
    assert (without - dealt).flatten(1).abs().amax(1).min() > 0


def test_clipping_keeps_predictions_in_range(make_model) -> None:
    model = make_model()
    with torch.no_grad():
        model.network.last.weight.mul_(30)
    clipped, free = (
        max(s.x0_hat.abs().max() for _, s in generate_images(model, plan))
        for plan in (SamplingPlan(number=2, steps=4, clip=clip) for clip in (None, False))
    )
    assert clipped <= 1 < free


def test_it_is_the_plain_sampler_from_seeded_noise(make_model) -> None:
    model = make_model()
    noise = SeededNoise(7, range(CHUNK))
    x_T = noise(torch.empty(CHUNK, 1, 8, 8))
    walk = sample(model.denoiser(), model.schedule, x_T, method=ddim(1.0), steps=5, noise=noise)
    *_, last = walk
    settings = {"sampler": partial(sample, method=ddim(1.0)), "steps": 5, "seed": 7}
    found = images(model, CHUNK, **settings, clip=False, calibrate=False)
    assert torch.equal(found, last.x_t)


def test_the_images_of_a_walk_are_its_last_states(make_model) -> None:
    walks = [*generate_images(make_model(), SamplingPlan(number=18, steps=3))]
    chunks = [step.x_t for _, step in walks]
    made = images_of(walks)
    assert made.shape == (18, 1, 8, 8)
    assert torch.equal(made[:16], chunks[2])
    assert torch.equal(made[16:], chunks[5])


def test_adaptive_steps_report_the_requested_images(make_model) -> None:
    plan = SamplingPlan(number=3, sampler=partial(adaptive, tolerance=0.05), steps=12)
    *_, (numbers, step) = generate_images(make_model(), plan)
    assert (numbers, step.t) == (range(3), -1)
    assert {len(each) for each in (step.x_t, step.x0_hat, step.levels, step.calls)} == {3}


@pytest.mark.filterwarnings("ignore:--precision bf16:RuntimeWarning")  # slow here
def test_half_precision_rounds_the_network_alone(make_model) -> None:
    model = make_model("D@6")
    as_they_were = images(model, 5, calibrate=False)
    set_precision(model, "bf16")
    rounded = images(model, 5, calibrate=False)
    assert rounded.dtype == torch.float32
    assert not torch.equal(rounded, as_they_were)
    assert (rounded - as_they_were).abs().median() < 0.01


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own
def test_compiled_networks_generate_the_same_images(make_model) -> None:
    model = make_model("D@6", classes=3)
    as_they_were = images(model, 19, prompts=("2", "0"))
    compile_network(model)
    compiled = images(model, 19, prompts=("2", "0"))
    torch.testing.assert_close(compiled, as_they_were, rtol=0, atol=1e-3)  # rounding, of all steps
