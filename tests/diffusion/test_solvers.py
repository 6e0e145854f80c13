"""Schedulers of diffusers walk with our denoisers, and agree with what we wrote ourselves."""

import inspect
import sys
from itertools import groupby, pairwise

import numpy as np
import pytest
import torch

from jinc.diffusion import (
    Schedule,
    SeededNoise,
    clip,
    ddim,
    ddpm,
    dpm_solver,
    eps_of,
    forward,
    gaussian,
    generate,
    repaint_levels,
    replace,
    sample,
    sampler_fn,
    solve,
    spaced,
    unipc,
)
from jinc.errors import JincError

diffusers = pytest.importorskip("diffusers")

THEIR_OWN_MAKING = pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")
"""NumPy's functions on torch's tensors, inside the schedulers."""

SCHEDULE = Schedule.linear(T=200, beta_start=5e-4, beta_end=0.1)
FLOWS = ["ddim", "deis", "dpm++", "dpm++-single", "euler", "heun-sigma", "lms", "pndm", "unipc"]
ALL = [*FLOWS, "dpm++-2m-sde"]
STRIDED = ("ddim", "pndm")
EVEN = [160, 120, 80, 40, 0]
EXACT = {"rtol": 0, "atol": 1e-5}
SHAPE, PIXELS = (1, 2, 2), 4


def oracle(schedule=SCHEDULE):
    """The exact denoiser of Gaussian images, its mean and its covariance."""
    rng = np.random.default_rng(0)
    root, mean = rng.normal(size=(PIXELS, PIXELS)), rng.normal(size=PIXELS)
    covariance = root @ root.T / PIXELS + 0.1 * np.eye(PIXELS)
    tensors = torch.tensor(mean).view(SHAPE), torch.tensor(covariance)
    return gaussian(schedule, *(tensor.float() for tensor in tensors)), mean, covariance


def noise(seed=0):
    return SeededNoise(seed, [0, 1, 2])


def start():
    return noise(7)(torch.empty(3, *SHAPE))


@pytest.fixture
def drawn_by_us(monkeypatch):
    """What schedulers draw with torch.randn comes from one of our noises."""
    ours = noise()
    monkeypatch.setattr(torch, "randn", lambda *_, **__: ours(start()))


def power(matrix, exponent):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * values**exponent) @ vectors.T


def slopes(scheduler, counts):
    """How fast the error at level 0 falls as steps grow, and the errors.

    The flow through x_T reaches `√ᾱ mu + (ᾱ Σ + (1−ᾱ) I)^½ w` at every level, with one w.
    """
    schedule = Schedule.linear(T=4000, beta_start=2.5e-5, beta_end=0.005)
    denoiser, mean, covariance = oracle(schedule)

    def spread(t):
        a = float(schedule.alpha_bar(t))
        return np.sqrt(a) * mean, a * covariance + (1 - a) * np.eye(PIXELS)

    x_T = np.random.default_rng(1).normal(size=(50, PIXELS))
    (centre, before), (centre_0, after) = spread(3999), spread(0)
    exact = centre_0 + (x_T - centre) @ power(before, -0.5) @ power(after, 0.5)
    images = torch.tensor(x_T, dtype=torch.float32).view(-1, *SHAPE)
    errors = []
    for count in counts:
        walk = solve(denoiser, schedule, images, scheduler=scheduler, steps=count)
        (end,) = (step.x_t for step in walk if step.t == 0)
        errors.append(np.sqrt(((end.flatten(1).numpy() - exact) ** 2).mean()))
    return -np.diff(np.log2(errors)), errors


@pytest.mark.parametrize(
    ("method", "order", "tolerance"),
    [  # measured: 1.00; 1.83, 1.94; 2.04, 2.02; 1.95, 2.08; 1.46, 1.64
        ("euler", 1, 0.02),
        ("dpm++", 2, 0.2),
        ("heun-sigma", 2, 0.1),
        ("unipc", 2, 0.2),
        ("deis", 2, 0.6),
        ("dpm++-single", 2, 0.5),
    ],
)
def test_solvers_converge_to_the_flow_with_their_order(theirs, method, order, tolerance):
    slope, errors = slopes(theirs(method), [40, 80])
    assert np.abs(slope - order).max() < tolerance, slope
    assert errors[-1] < 0.04


@pytest.mark.parametrize("method", FLOWS)
def test_our_alpha_bars_are_theirs(theirs, method):
    """Where the answer is always the same, every solver is exact: states stay on one line."""
    x0, eps = torch.linspace(-1, 1, PIXELS).view(1, *SHAPE), start()
    x_T = forward(SCHEDULE, x0, 199, eps)
    steps = range(199, -1, -15) if method in STRIDED else 12
    walk = solve(lambda x, t: x0.expand_as(x), SCHEDULE, x_T, scheduler=theirs(method), steps=steps)
    for step in walk:
        torch.testing.assert_close(step.x_t, forward(SCHEDULE, x0, step.t, eps), **EXACT)


def made(name, **options):
    """A scheduler of theirs with our schedule.

    With betas in float32 and their products, as it makes them itself, DDPM is off by 3e-5.
    """
    scheduler = getattr(diffusers, name)(
        num_train_timesteps=len(SCHEDULE), trained_betas=SCHEDULE.betas.numpy(), **options
    )
    scheduler.alphas_cumprod = SCHEDULE.alpha_bars.clone()
    return scheduler


def both_ways(scheduler, method, clipped, **options):
    """The end by the scheduler alone, and by our sampler with the same levels and noise."""
    denoiser, *_ = oracle()
    x = start()
    for t in scheduler.timesteps:
        x = scheduler.step(denoiser(x, t.expand(len(x))), t, x, **options).prev_sample
    denoiser = clip(denoiser) if clipped else denoiser
    steps = scheduler.timesteps.tolist()
    return x, generate(denoiser, SCHEDULE, start(), method=method, steps=steps, noise=noise())


@pytest.mark.parametrize("clipped", [False, True])
@pytest.mark.parametrize(
    ("method", "variance"), [(ddpm("beta"), "fixed_large"), (ddpm("posterior"), "fixed_small")]
)
@pytest.mark.parametrize("levels", [range(59, -1, -1), [140, 130, 20, 0]], ids=["60", "four"])
@pytest.mark.usefixtures("drawn_by_us")
def test_ddpm_agrees(method, variance, clipped, levels):
    """To the last level 0: from any other, theirs adds noise to the clean image, and ours none."""
    options = {"prediction_type": "sample", "clip_sample": clipped, "variance_type": variance}
    scheduler = made("DDPMScheduler", **options)
    scheduler.set_timesteps(timesteps=list(levels))
    theirs, ours = both_ways(scheduler, method, clipped)
    torch.testing.assert_close(theirs, ours, **EXACT)


@pytest.mark.parametrize(
    ("eta", "clipped", "count"),
    [(0.0, False, 25), (0.0, True, 25), (0.5, True, 50), (1.0, False, 25), (1.0, True, 200)],
)
@pytest.mark.usefixtures("drawn_by_us")
def test_ddim_agrees(eta, clipped, count):
    """Its scheduler takes no levels: they are T//count apart, so that count must divide T."""
    options = {"prediction_type": "sample", "timestep_spacing": "trailing"}
    scheduler = made("DDIMScheduler", clip_sample=clipped, **options)
    scheduler.set_timesteps(count)
    theirs, ours = both_ways(scheduler, ddim(eta), clipped, eta=eta, use_clipped_model_output=True)
    torch.testing.assert_close(theirs, ours, **EXACT)


@pytest.mark.parametrize("method", ["ddim", "euler"])
def test_these_are_ddim(theirs, method):
    denoiser, *_ = oracle()
    *_, last = solve(denoiser, SCHEDULE, start(), scheduler=theirs(method), steps=EVEN)
    ours = generate(denoiser, SCHEDULE, start(), method=ddim(), steps=EVEN)
    torch.testing.assert_close(last.x_t, ours, **EXACT)


@THEIR_OWN_MAKING
@pytest.mark.parametrize("told", ["sample", "epsilon"])
@pytest.mark.parametrize("count", [6, 12, 20])
def test_dpm_solver_agrees(theirs, count, told):
    """Its own levels, loop and precision, with nothing of ours but betas and the last move."""
    denoiser, *_ = oracle()
    scheduler = diffusers.DPMSolverMultistepScheduler(
        num_train_timesteps=len(SCHEDULE),
        trained_betas=SCHEDULE.betas.numpy(),
        prediction_type=told,
    )
    scheduler.set_timesteps(count)
    x = start()
    for t in scheduler.timesteps:
        x0_hat = denoiser(x, t.expand(len(x)))
        answer = x0_hat if told == "sample" else eps_of(SCHEDULE, "x0", x, int(t), x0_hat)
        x = scheduler.step(answer, t, x).prev_sample
    steps = scheduler.timesteps.tolist()
    *_, last = solve(denoiser, SCHEDULE, start(), scheduler=theirs("dpm++"), steps=steps)
    torch.testing.assert_close(last.x_t, x, **EXACT)


@THEIR_OWN_MAKING
@pytest.mark.parametrize("method", ALL)
def test_the_last_move_is_the_prediction(theirs, method):
    answers = []

    def denoiser(x_t, t):
        answers.append(oracle()[0](x_t, t))
        return answers[-1]

    options = {"scheduler": theirs(method), "steps": EVEN, "noise": noise()}
    *_, last = solve(denoiser, SCHEDULE, start(), **options)
    assert torch.equal(last.x_t, answers[-1])


@THEIR_OWN_MAKING
@pytest.mark.parametrize(("method", "apart"), [("dpm++", 0), ("unipc", 0), ("deis", 0.05)])
def test_whose_last_move_is_the_prediction_by_itself(theirs, method, apart):
    """DEIS goes to level 0 by its own order; PNDM does likewise."""
    denoiser, *_ = oracle()
    scheduler = made(type(theirs(method)).__name__, prediction_type="sample")
    scheduler.set_timesteps(20)
    x = start()
    for t in scheduler.timesteps:
        x0_hat = denoiser(x, t.expand(len(x)))
        x = scheduler.step(x0_hat, t, x).prev_sample
    difference = float((x - x0_hat).abs().max())
    assert difference > apart if apart else difference < 1e-6


@THEIR_OWN_MAKING
@pytest.mark.parametrize("spacing", ["even", "karras", "exponential", "flow"])
@pytest.mark.parametrize(("ours", "name"), [(dpm_solver, "dpm++"), (unipc, "unipc")])
def test_our_multistep_solvers_agree(theirs, ours, name, spacing):
    denoiser, *_ = oracle()
    levels = spaced(SCHEDULE, 12, spacing)
    found = solve(denoiser, SCHEDULE, start(), scheduler=theirs(name), steps=levels)
    for step, own in zip(found, ours(denoiser, SCHEDULE, start(), steps=levels), strict=True):
        torch.testing.assert_close(own.x_t, step.x_t, rtol=0, atol=2e-5)


@pytest.mark.parametrize("ours", [dpm_solver, unipc])
def test_states_that_are_changed_stay_changed(ours):
    x0, eps = torch.ones(3, *SHAPE), start()
    changed = [forward(SCHEDULE, x0, t, eps) for t in EVEN[1:]]
    seen = []
    walk = ours(
        lambda x, t: seen.append(x) or torch.zeros_like(x),
        SCHEDULE,
        start(),
        steps=EVEN,
        after=lambda x, t: forward(SCHEDULE, x0, t, eps),
    )
    list(walk)
    for found, expected in zip(seen[1:], changed, strict=True):
        torch.testing.assert_close(found, expected, **EXACT)


@pytest.mark.parametrize("name", ALL)
def test_schedulers_of_their_owners(theirs, name):
    """With another schedule of their own, which is not used, and left as they were."""
    denoiser, *_ = oracle()
    scheduler = theirs(name, beta_start=0.001)
    before = dict(scheduler.config)
    ends = []
    for each in (scheduler, theirs(name)):
        *_, last = solve(denoiser, SCHEDULE, start(), scheduler=each, steps=EVEN, noise=noise())
        ends.append(last.x_t)
    assert torch.equal(*ends)
    assert dict(scheduler.config) == before


def test_their_owners_options_count(theirs):
    denoiser, *_ = oracle()
    plain, third = (
        [*solve(denoiser, SCHEDULE, start(), scheduler=theirs("dpm++", **options), steps=20)]
        for options in ({}, {"solver_order": 3})
    )
    assert not torch.equal(plain[-1].x_t, third[-1].x_t)


def test_repaint_jumps_as_ours():
    """Theirs climbs a stretch level by level, ours in one move: the same but for that."""
    scheduler = made("RePaintScheduler")
    scheduler.set_timesteps(20, jump_length=3, jump_n_sample=4)
    levels = scheduler.timesteps.tolist()
    rises = [later > t for t, later in pairwise(levels)]
    turns = [t for k, t in enumerate(levels) if not all(rises[max(k - 1, 0) : k + 1])]
    assert turns == repaint_levels(range(190, -1, -10), jump=3, times=4)


class Twice:
    """Noise in which every draw on the way down comes twice: for the unknown, for the known."""

    def __init__(self):
        self._draw, self._kept = noise(), None

    def __call__(self, like):
        self._kept = self._draw(like)
        return self._kept

    def again(self, like):
        """The last draw once more, or a first one where the move needed none."""
        kept, self._kept = self._kept, None
        return self._draw(like) if kept is None else kept


@pytest.mark.usefixtures("drawn_by_us")
def test_repaint_agrees():
    """Theirs puts the photograph back only on the way down, with the noise of the move itself."""
    denoiser, *_ = oracle()
    photo, mask = start().clamp(-1, 1), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    scheduler = made("RePaintScheduler", clip_sample=False, eta=1.0)
    scheduler.set_timesteps(200, jump_length=5, jump_n_sample=2)
    levels = scheduler.timesteps[-60:].tolist()  # falls, and rises of single levels

    fresh, reached = Twice(), [levels[0]]
    put_back = replace(SCHEDULE, photo, mask, fresh.again)

    def after(x, t):
        fell = t < reached[0]
        reached[0] = t
        return put_back(x, t) if fell else x

    options = {"method": ddim(1.0), "steps": levels, "noise": fresh, "after": after}
    mine = [step.x_t for step in sample(denoiser, SCHEDULE, start(), **options)]

    x = start()
    for t, t_next, ours in zip(levels, [*levels[1:], -1], mine, strict=True):
        if t_next < t:
            time = torch.full((len(x),), t)
            eps = eps_of(SCHEDULE, "x0", x, t, denoiser(x, time))
            x = scheduler.step(eps, t, x, photo, 1 - mask, return_dict=False)[0]
        else:
            x = scheduler.undo_step(x, t_next)
        torch.testing.assert_close(x, ours, **EXACT)


@pytest.mark.parametrize("method", ALL)
def test_levels_and_questions(theirs, method):
    asked = []

    def denoiser(x_t, t):
        asked.append(int(t[0]))
        assert t.dtype == torch.int64
        assert t.shape == (3,)
        return x_t / 2

    steps = EVEN if method in STRIDED else [160, 60, 20, 2, 0]
    walk = solve(denoiser, SCHEDULE, start(), scheduler=theirs(method), steps=steps)
    assert inspect.isgenerator(walk)
    assert not asked
    assert [step.t for step in walk] == [*steps[1:], -1]
    assert [t for t, _ in groupby(asked)] == steps
    assert len(asked) == 5 + {"heun-sigma": 4, "pndm": 1}.get(method, 0)
    one = solve(denoiser, SCHEDULE, start(), scheduler=theirs(method), steps=1)
    assert [step.t for step in one] == [-1]


@pytest.mark.parametrize("method", [name for name in ALL if name != "dpm++-single"])
def test_after_changes_the_state(theirs, method):
    """A state put on a known line at every level stays there to the end."""
    x0, eps = torch.ones(3, *SHAPE), start()

    def after(x, t):
        return forward(SCHEDULE, x0, t, eps)

    seen = []

    def denoiser(x_t, t):
        seen.append((x_t, int(t[0])))
        return torch.zeros_like(x_t)

    list(solve(denoiser, SCHEDULE, start(), scheduler=theirs(method), steps=EVEN, after=after))
    last, t = seen[-1]
    torch.testing.assert_close(last, forward(SCHEDULE, x0, t, eps), **EXACT)


@THEIR_OWN_MAKING
def test_schedulers_that_cannot_visit_our_levels_are_refused(theirs):
    def refused(pattern, scheduler, **options):
        with pytest.raises(JincError, match=pattern):
            solve(lambda x, t: x, SCHEDULE, start(), scheduler=scheduler, **options)

    refused("KDPM2Ancestral.*: evaluates between", diffusers.KDPM2AncestralDiscreteScheduler())
    refused("EDMEulerScheduler: has levels of its own", diffusers.EDMEulerScheduler())
    refused("FlowMatchEuler.*is not supported", diffusers.FlowMatchEulerDiscreteScheduler())
    refused("PNDM.*: evaluates between levels.*skip_prk_steps=True", diffusers.PNDMScheduler())
    refused("steps: PNDMScheduler goes in equal strides", theirs("pndm"), steps=[190, 100, 0])
    refused("DDPMScheduler: draws noise.*; take sample.method=ddpm", diffusers.DDPMScheduler())
    ancestral = diffusers.EulerAncestralDiscreteScheduler()
    refused("EulerAncestralDiscreteScheduler: draws noise.*ddim.1.0", ancestral)
    for name, option in (
        ("lms", {"use_karras_sigmas": True}),
        ("euler", {"timestep_type": "continuous"}),
        ("dpm++", {"final_sigmas_type": "sigma_min"}),
    ):
        refused(f"Scheduler: {next(iter(option))} contradicts the sch", theirs(name, **option))
    refused("after: DPMSolverSingle.* two levels", theirs("dpm++-single"), after=lambda x, t: x)
    refused("fall", theirs("dpm++"), steps=[5, 9, 1])


@pytest.mark.parametrize("name", ["dpm++", "dpm++-2m-sde"])
def test_fresh_noise_is_ours(theirs, name):
    def end(drawn):
        options = {"scheduler": theirs(name), "steps": 6, "noise": drawn}
        *_, last = solve(oracle()[0], SCHEDULE, start(), **options)
        return last.x_t

    assert torch.equal(end(noise()), end(noise()))
    assert torch.equal(end(noise(0)), end(noise(1))) == (name == "dpm++")


def test_deis_needs_diffusers(monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(JincError, match=r'sampler: deis needs pip install "jinc\[diffusers\]"'):
        sampler_fn("deis")(lambda x, t: x, SCHEDULE, start(), steps=5)
