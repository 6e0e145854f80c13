"""The whole probe: an equivariant model is at the floor, one that is not is under it."""

import json
import math

import pytest
import torch

from jinc.diffusion import Schedule, clip, ddim, isotropic
from jinc.metrics import EXACT, Curve, Figure, Finding, Probe, Sampling, Subject, evaluations, probe
from jinc.metrics.equivariance.probe import ANGLES, SHARES

SCHEDULE = Schedule.linear(T=40)
CURVES = {
    "turned_on_the_way_unitary",
    "turned_on_the_way_spline",
    "turned_at_the_start",
    "shifted_on_the_way",
}
FIGURES = ["eq_t", "eq_t_frac", "eq_t_frac_stylegan3", "eq_r", "eq_r_stylegan3"]


def clean(*size: int) -> torch.Tensor:
    """Images of low frequencies, of which a grid of pixels takes little."""
    noise = torch.randn(6, 1, *size, generator=torch.Generator().manual_seed(0))
    wave = torch.hypot(torch.fft.fftfreq(size[0])[:, None], torch.fft.fftfreq(size[1])[None])
    return torch.fft.ifft2(torch.fft.fft2(noise) * torch.exp(-((wave / 0.12) ** 2))).real * 2


X0 = clean(16, 16)
EXACT_ONE = isotropic.fit(SCHEDULE, X0)


def ramped(x_t, t):
    """Pulls towards an image that has a place and an upright, brighter to the right and below."""
    across = torch.linspace(-1, 1, x_t.shape[-1])
    return 0.5 * EXACT_ONE(x_t, t) + 0.5 * across[None, :] + 0.1 * across[:, None]


def subject(denoiser, x0=X0, eta=0.0, count=5) -> Subject:
    like = torch.empty(count, *x0.shape[1:])
    return Subject(denoiser, x0, Sampling(denoiser, SCHEDULE, like, ddim(eta), 4))


def gathered(asked: Subject, *only) -> Probe:
    found = Probe()
    for finding in probe(asked, *only):
        found = found.plus(finding)
    return found


@pytest.fixture(scope="module")
def pulled() -> Probe:
    return gathered(subject(ramped))


def test_an_equivariant_model_is_at_the_floor() -> None:
    found = gathered(subject(EXACT_ONE, eta=1.0))
    for levels in found.network.values():
        for at in levels:
            assert (at.eps_db, at.x0_db) == (at.eps_floor_db, at.x0_floor_db)
    for figure in found.sampling.values():
        assert figure.db == figure.floor_db
    for curve in found.curves.values():
        assert curve.db == curve.floor_db


def test_the_floor_is_clipped_as_the_model_is() -> None:
    """Clipping makes frequencies beyond the grid, which an exact denoiser cannot help."""
    loud = 4 * X0
    exact = isotropic.fit(SCHEDULE, loud)
    clipped = Sampling(clip(exact), SCHEDULE, torch.empty(5, 1, 16, 16), ddim(), 4)
    found = gathered(Subject(exact, loud, clipped), ["sampling"]).sampling
    assert all(figure.db == figure.floor_db for figure in found.values())
    assert found["eq_t_frac"].db < 60 < found["eq_t"].db


def test_one_that_has_a_place_and_an_upright_is_far_below(pulled) -> None:
    assert list(pulled.network) == ["half_pixel", "shift", "rotation", "quarter_turns", "flip"]
    for name, levels in pulled.network.items():
        for at in levels:
            assert at.x0_db < 35
            assert at.x0_db < at.x0_floor_db - (5 if name == "rotation" else 60)
    assert list(pulled.sampling) == FIGURES
    for figure in pulled.sampling.values():
        assert figure.db < 30 < figure.floor_db


def test_the_farther_it_is_moved_the_worse(pulled) -> None:
    assert set(pulled.curves) == CURVES
    for name, curve in pulled.curves.items():
        turned = name.startswith("turned")
        assert curve.unit == ("degrees" if turned else "pixels")
        assert curve.amounts == pytest.approx(ANGLES if turned else [2 * share for share in SHARES])
        still = curve.amounts.index(0)
        assert curve.db[still] > 100
        for way in (curve.db[still:], curve.db[still::-1] if turned else curve.db[still:]):
            assert way == sorted(way, reverse=True)
            assert way[-1] < 20


@pytest.mark.parametrize(
    ("size", "only"),
    [
        ((16, 16), ["network"]),
        ((8, 12), ["sampling", "network"]),
        ((16, 16), ["curves"]),
        ((8, 12), ["curves"]),
    ],
)
def test_evaluations_are_counted_beforehand(size, only) -> None:
    asked = []

    def counted(x_t, t):
        asked.append(len(x_t))
        return 0.5 * x_t

    probed = subject(counted, clean(*size))
    assert {finding.part for finding in probe(probed, only)} == set(only)
    assert len(asked) == evaluations(probed, only)
    assert set(asked) <= {5, 6}


def test_what_is_not_square_is_not_turned() -> None:
    found = gathered(subject(lambda x_t, t: 0.5 * x_t, clean(8, 12)))
    assert list(found.network) == ["half_pixel", "shift", "flip"]
    assert list(found.sampling) == ["eq_t", "eq_t_frac"]
    assert list(found.curves) == ["shifted_on_the_way"]
    assert found.curves["shifted_on_the_way"].amounts[-1] == 1.0


@pytest.mark.parametrize("T", [1, 3, 40, 1000])
def test_levels_are_spread_over_the_schedule(T) -> None:
    sampling = Sampling(EXACT_ONE, Schedule.linear(T), X0, steps=1)
    levels = Subject(EXACT_ONE, X0, sampling).levels
    assert levels == sorted(set(levels))
    assert 0 <= levels[0] <= T // 20
    assert levels[-1] < T
    if T == 1000:
        assert levels == [50, 100, 200, 300, 450, 600, 750, 900]


def test_a_seed_is_the_same_figures(pulled) -> None:
    again = gathered(subject(ramped), ["sampling"]).sampling
    assert again == pulled.sampling


def test_the_images_are_those_that_were_moved() -> None:
    halved = subject(lambda x_t, t: 0.5 * x_t, clean(8, 12))
    images = [finding.images for finding in probe(halved, ["curves"])]
    assert len(images) == len(SHARES)
    assert {tuple(each.shape) for each in images} == {(1, 1, 8, 12)}
    assert not torch.equal(images[0], images[-1])


def test_a_curve_grows_and_takes_its_own_place() -> None:
    curve = Curve("pixels").plus(0.0, EXACT, EXACT)
    found = Probe().plus(Finding("curves", "a", curve))
    found = found.plus(Finding("curves", "a", curve.plus(1.0, 20.0, 90.0)))
    assert found.curves == {"a": Curve("pixels", [0.0, 1.0], [EXACT, 20.0], [EXACT, 90.0])}
    assert Probe().curves == {}


def test_facts_are_json_even_of_a_model_that_is_broken(pulled) -> None:
    facts = json.loads(json.dumps(pulled.facts(), allow_nan=False))
    assert set(facts) == {"network", "sampling", "curves"}
    assert facts["sampling"]["eq_t"]["db"] == pulled.sampling["eq_t"].db
    assert facts["network"]["flip"][0]["t"] == 2
    broken = gathered(subject(lambda x_t, t: x_t * math.nan), ["network", "sampling"])
    facts = json.loads(json.dumps(broken.facts(), allow_nan=False))
    assert facts["sampling"]["eq_r"]["db"] is None
    assert facts["sampling"]["eq_r"]["floor_db"] > 30
    assert facts["network"]["shift"][0]["eps_db"] is None
    assert Probe().plus(Finding("sampling", "eq_t", Figure(math.nan, 1.0))).facts() == {
        "network": {},
        "sampling": {"eq_t": {"db": None, "floor_db": 1.0}},
        "curves": {},
    }
