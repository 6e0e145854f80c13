"""A schedule falls from clean to noise, and says so in float64."""

import math

import pytest
import torch

from jinc.diffusion import Schedule, gaussian, generate, make_schedule, warn_of_signal
from jinc.errors import JincError

NAMED = [Schedule.linear, Schedule.cosine, Schedule.scaled_linear, Schedule.flow]


@pytest.mark.parametrize("make", NAMED)
@pytest.mark.parametrize("T", [1, 2, 50, 1000])
def test_alpha_bar_is_the_product_of_alphas(make, T):
    schedule = make(T=T)
    product = 1.0
    for t in range(T):
        product *= float(schedule.alphas[t])
        assert math.isclose(float(schedule.alpha_bar(t)), product, rel_tol=1e-12)
    assert len(schedule) == T
    assert torch.equal(schedule.betas, 1 - schedule.alphas)
    assert ((schedule.betas > 0) & (schedule.betas < 1)).all()


def test_linear_and_scaled_linear_are_linear_in_beta_and_in_its_root():
    betas = Schedule.linear(T=100, beta_start=0.001, beta_end=0.1).betas
    roots = Schedule.scaled_linear(T=100, beta_start=0.001, beta_end=0.1).betas.sqrt()
    for ramp, start, end in [(betas, 0.001, 0.1), (roots, math.sqrt(0.001), math.sqrt(0.1))]:
        assert float(ramp[0]) == pytest.approx(start, rel=1e-10)
        assert float(ramp[-1]) == pytest.approx(end, rel=1e-10)
        assert float(ramp.diff().diff().abs().max()) < 1e-12


def test_cosine_follows_its_equation_until_beta_is_bounded():
    schedule = Schedule.cosine(T=1000)
    f = [math.cos((i / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 for i in range(1001)]
    for t in (0, 1, 400, 998):
        assert float(schedule.alpha_bar(t)) == pytest.approx(f[t + 1] / f[0], rel=1e-10)
    assert float(schedule.betas[-1]) == pytest.approx(0.999)


def test_alpha_bar_takes_ints_and_tensors_of_any_shape_and_minus_one():
    schedule = Schedule.linear(T=10)
    t = torch.tensor([[-1, 0], [9, 3]])
    values = schedule.alpha_bar(t)
    assert values.dtype == torch.float64
    assert values.shape == t.shape
    assert values.flatten().tolist() == [float(schedule.alpha_bar(int(k))) for k in t.flatten()]
    assert float(schedule.alpha_bar(-1)) == 1.0
    assert torch.equal(schedule.alpha_bar(torch.arange(10)), schedule.alpha_bars)
    assert schedule.alpha_bar(t.to(torch.int32)).equal(values)


@pytest.mark.parametrize("t", [-2, 10])
def test_alpha_bar_does_not_wrap_round(t):
    schedule = Schedule.linear(T=10)
    for out_of_range in (t, torch.tensor([0, t])):
        with pytest.raises(IndexError):
            schedule.alpha_bar(out_of_range)


def test_a_schedule_is_a_copy():
    values = torch.tensor([0.9, 0.5], dtype=torch.float64)
    schedule = Schedule(values)
    values[0] = 0.1
    assert schedule.alpha_bars.tolist() == [0.9, 0.5]


def test_a_table_cached_without_gradients_serves_training():
    schedule = Schedule.linear(T=10)
    with torch.inference_mode():
        schedule.alpha_bar(torch.tensor([3]))
    weight = torch.ones(1, dtype=torch.float64, requires_grad=True)
    (weight * schedule.alpha_bar(torch.tensor([3]))).sum().backward()
    assert float(weight.grad) == float(schedule.alpha_bar(3))


@pytest.mark.parametrize(
    "values",
    [
        [],
        [[0.9]],
        [0.5, 0.5],
        [0.5, 0.6],
        [1.0, 0.5],
        [0.5, 0.0, 0.0],
        [0.5, -0.1],
        [0.5, float("nan")],
    ],
)
def test_values_that_do_not_fall_are_refused(values):
    with pytest.raises(JincError, match="alpha_bars"):
        Schedule(torch.tensor(values, dtype=torch.float64))


@pytest.mark.parametrize("beta", [0.0, 1.0, -0.1, float("nan")])
def test_betas_outside_their_range_are_named(beta):
    with pytest.raises(JincError, match="beta_1 = "):
        Schedule.from_betas(torch.tensor([0.1, beta, 0.1]))


def test_only_the_last_level_may_be_pure_noise():
    zero = Schedule.from_betas(torch.tensor([0.1, 0.5, 1.0]))
    assert zero.alpha_bars.tolist() == pytest.approx([0.9, 0.45, 0.0])
    assert zero.ends_in_pure_noise
    assert not Schedule.linear().ends_in_pure_noise
    traced = zero.with_signal()
    assert traced.alpha_bars[:-1].equal(zero.alpha_bars[:-1])
    assert float(traced.alpha_bars[-1]) == 2**-24
    assert float(Schedule(torch.tensor([1e-7, 0.0])).with_signal().alpha_bars[-1]) < 1.01e-9
    assert float(Schedule(torch.zeros(1)).with_signal().alpha_bars[0]) == 2**-24


@pytest.mark.parametrize("name", ["linear", "cosine", "scaled_linear", "flow"])
def test_make_schedule_finds_the_constructor(name):
    made = make_schedule(name, 30)
    assert torch.equal(made.alpha_bars, getattr(Schedule, name)(T=30).alpha_bars)


def test_make_schedule_passes_options_and_suggests_words():
    assert float(make_schedule("linear", 30, beta_end=0.3).betas[-1]) == pytest.approx(0.3)
    with pytest.raises(JincError, match="did you mean cosine"):
        make_schedule("cosin")
    with pytest.raises(JincError, match="did you mean beta_end"):
        make_schedule("linear", 30, beta_ends=0.3)
    with pytest.raises(JincError, match="there are linear, cosine"):
        make_schedule("zzz")
    with pytest.raises(JincError, match="T ≥ 1"):
        make_schedule("linear", 0)
    with pytest.raises(JincError, match=r"\(0, 1\)"):
        make_schedule("scaled_linear", 10, beta_start=-1.0)


def test_looking_up_tensors_never_waits_for_the_gpu(no_waiting):
    schedule = Schedule.linear(T=10)
    t = torch.tensor([0, 9, -1], device="cuda")
    expected = schedule.alpha_bar(t)  # moves the table, once
    with no_waiting():
        again = schedule.alpha_bar(t)
    assert again.device == t.device
    assert torch.equal(again, expected)


@pytest.mark.parametrize(("name", "root"), [("linear", 1), ("scaled_linear", 2)])
@pytest.mark.parametrize("T", [10, 50, 300, 1000, 4000])
def test_usual_betas_are_those_of_1000_steps_times_1000_over_T(name, root, T):
    start, end = {"linear": (1e-4, 0.02), "scaled_linear": (0.00085, 0.012)}[name]
    ends = [(beta * 1000 / T) ** (1 / root) for beta in (start, end)]
    betas = [(ends[0] + (ends[1] - ends[0]) * t / (T - 1)) ** root for t in range(T)]
    alpha_bars = torch.tensor([1 - min(beta, 0.999) for beta in betas]).cumprod(0)
    made = make_schedule(name, T)
    assert float((made.alpha_bars - alpha_bars).abs().max()) < 1e-5
    assert made.signal_left < 0.1
    published = make_schedule(name, T, scale_betas=False).betas
    assert (float(published[0]), float(published[-1])) == pytest.approx((start, end), rel=1e-9)


def test_a_few_steps_of_the_usual_schedule_sample_the_right_distribution():
    """Exact denoiser of N(−.8, .2²), every step of DDIM; unscaled betas give −.62 ± .30."""
    schedule, noise = make_schedule("linear", 50), torch.Generator().manual_seed(0)
    exact = gaussian(schedule, torch.full((1, 1, 1), -0.8), 0.04 * torch.eye(1))
    made = generate(exact, schedule, torch.randn(9999, 1, 1, 1, generator=noise), steps=50)
    assert float(made.mean()) == pytest.approx(-0.8, abs=0.01)
    assert float(made.std()) == pytest.approx(0.2, abs=0.03)


def test_a_schedule_that_ends_in_no_noise_is_warned_of():
    warn_of_signal(make_schedule("linear", 50))
    with pytest.warns(RuntimeWarning, match=r"t = 49.* 0\.78 of the image is left") as caught:
        warn_of_signal(make_schedule("linear", 50, scale_betas=False))
    assert len(str(caught[0].message)) < 300
