"""Sampling is iterating: what is yielded, when it fails, and what it leaves alone."""

import inspect

import pytest
import torch

from jinc.diffusion import (
    Schedule,
    SeededNoise,
    clip,
    ddim,
    ddpm,
    generate,
    posterior,
    sample,
    step_noise,
)
from jinc.errors import JincError

SCHEDULE = Schedule.linear(T=20, beta_start=0.005, beta_end=0.5)


class Half:
    """Predicts half of what it sees, and remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, x_t, t):
        self.asked.append((t.clone(), x_t.clone()))
        return x_t / 2


def start(batch=2):
    return torch.randn(batch, 1, 4, 4, generator=torch.Generator().manual_seed(0))


def run(steps=None, denoiser=None, **options):
    return list(sample(denoiser or Half(), SCHEDULE, start(), steps=steps, **options))


@pytest.mark.parametrize(
    ("method", "levels"),
    [
        (ddim(), range(18, -2, -1)),
        (ddpm(), range(18, -2, -1)),
        (posterior(stride=6), [13, 7, 1, -1]),
    ],
)
def test_without_steps_the_method_chooses(method, levels):
    assert [step.t for step in run(method=method)] == list(levels)


def test_steps_is_a_count_or_a_list():
    assert [step.t for step in run(3)] == [9, 0, -1]
    assert [step.t for step in run([15, 8])] == [8, -1]
    assert [step.t for step in run([15, 8, 12, -1, 3])] == [8, 12, -1, 3, -1]


@pytest.mark.parametrize("steps", [0, 21, [], [20], [3, 3], [4, -2]])
def test_mistakes_raise_at_the_call(steps):
    denoiser = Half()
    with pytest.raises(JincError, match="steps"):
        sample(denoiser, SCHEDULE, start(), steps=steps)
    assert not denoiser.asked


@pytest.mark.parametrize("x_T", [torch.zeros(4, 4), torch.zeros(1, 1, 4, 4, dtype=torch.int64)])
def test_images_of_a_wrong_kind_raise_at_the_call(x_T):
    with pytest.raises(JincError, match="x_T must be float"):
        sample(Half(), SCHEDULE, x_T)


def test_nothing_runs_before_the_first_step():
    denoiser = Half()
    steps = sample(denoiser, SCHEDULE, start())
    assert inspect.isgenerator(steps)
    next(steps)
    next(steps)
    steps.close()
    assert len(denoiser.asked) == 2


def test_the_denoiser_is_called_once_a_step_down():
    denoiser = Half()
    steps = run([15, 8, 12, 3], denoiser)
    assert [int(t[0]) for t, _ in denoiser.asked] == [15, 12, 3]
    for t, x_t in denoiser.asked:
        assert t.dtype == torch.int64
        assert t.shape == (2,)
        assert (t == t[0]).all()
        assert x_t.shape == start().shape
    assert [step.t for step in steps] == [8, 12, 3, -1]
    for step, k in zip(steps, [0, 0, 1, 2], strict=True):
        assert torch.equal(step.x0_hat, denoiser.asked[k][1] / 2)


def test_a_rise_is_forward_noising():
    noise, replay = SeededNoise(0, [0, 1]), SeededNoise(0, [0, 1])
    down, up, *_ = run([8, 2, 12], noise=noise)
    assert torch.equal(up.x_t, step_noise(SCHEDULE, down.x_t, 2, 12, replay(down.x_t)))
    first, *_ = run([-1, 12], noise=SeededNoise(0, [0, 1]))
    z = SeededNoise(0, [0, 1])(start())
    assert torch.equal(first.x_t, step_noise(SCHEDULE, start(), -1, 12, z))


def test_after_sees_the_level_reached_and_changes_the_state():
    seen = []

    def after(x, t_next):
        seen.append(t_next)
        return x + 100

    denoiser = Half()
    steps = run([15, 8, 12], denoiser, after=after)
    assert seen == [step.t for step in steps] == [8, 12, -1]
    assert torch.equal(denoiser.asked[1][1], steps[1].x_t)
    plain = run([15, 8, 12])
    assert torch.equal(steps[0].x_t, plain[0].x_t + 100)


def test_noise_is_by_default_that_of_torch():
    torch.manual_seed(5)
    steps = run(4, method=ddpm())
    torch.manual_seed(5)
    again = run(4, method=ddpm(), noise=torch.randn_like)
    assert torch.equal(steps[-1].x_t, again[-1].x_t)
    assert not torch.equal(steps[0].x_t, run(4, method=ddpm())[0].x_t)


def test_the_same_noise_is_the_same_image_in_any_company():
    def draw(indices):
        noise = SeededNoise(1, indices)
        x_T = noise(torch.zeros(len(indices), 1, 4, 4))
        return generate(Half(), SCHEDULE, x_T, method=ddpm(), noise=noise)

    assert torch.equal(draw([4, 9, 2])[1:2], draw([9]))


def test_no_gradient_is_recorded_and_the_caller_keeps_hers():
    weight = torch.ones(1, requires_grad=True)
    modes = []
    for step in sample(lambda x, t: weight * x, SCHEDULE, start(), steps=3):
        modes.append(torch.is_grad_enabled())
        assert not step.x_t.requires_grad
        assert not step.x0_hat.requires_grad
    assert modes == [True] * 3


def test_the_start_is_not_written_on():
    x_T = start()
    generate(Half(), SCHEDULE, x_T, method=ddpm())
    assert torch.equal(x_T, start())


def test_generate_is_the_last_state():
    assert torch.equal(generate(Half(), SCHEDULE, start(), steps=7), run(7)[-1].x_t)
    options = {"method": ddim(0.5), "steps": [15, 3], "after": lambda x, t: x + 1}
    made = generate(Half(), SCHEDULE, start(), noise=SeededNoise(0, [0, 1]), **options)
    assert torch.equal(made, run(noise=SeededNoise(0, [0, 1]), **options)[-1].x_t)


def test_a_step_shows_the_clipped_prediction():
    def loud(x_t, t):
        return 10 * x_t

    steps = run(5, clip(loud))
    assert all(float(step.x0_hat.abs().max()) == 1 for step in steps)
    assert float(steps[-1].x_t.abs().max()) == 1
