"""The names of configurations, both ways."""

import math
from dataclasses import asdict, replace
from itertools import product

import pytest
import torch

from jinc.errors import JincError
from jinc.nn import Config, parse_config
from jinc.nn.configs import EXAMPLES, IDEAL
from jinc.nn.layers import make_activation, make_downsample, make_upsample
from jinc.nn.levels import as_configs
from jinc.signal import (
    design_jinc,
    design_kaiser_sinc,
    ideal_downsample,
    ideal_filtered_activation,
    ideal_upsample,
)


@pytest.mark.parametrize("name", EXAMPLES)
def test_names_are_read_and_written_alike(name: str) -> None:
    usual = {"D-2@12": "D-2@12", "D-3@12": "D@12"}
    assert parse_config(name).name == usual.get(name, name)


def test_published_names_mean_the_published_design() -> None:
    config = parse_config("D-1N/6")
    assert config == Config("D", taps=6, kaiser_beta=1.0, normalize=True)
    assert (config.gain, config.phase, config.kappa, config.cutoff) == (1.0, "cosited", 0.0, 0.25)
    assert not parse_config("C-2").normalize
    assert parse_config("D+norm-2N").norm_inside


def test_corrected_names_mean_the_corrected_design() -> None:
    config = parse_config("D@6")
    assert (config.taps, config.kaiser_beta, config.gain, config.phase) == (6, 2.0, 4.0, "half")
    assert (config.kappa, config.normalize) == (0.5, True)
    assert parse_config("D+plain@6").kappa == 0
    assert parse_config("D-2@12").kaiser_beta == 2
    assert parse_config("D@ideal").taps == IDEAL


def test_letters_say_what_is_filtered() -> None:
    filtered = {
        name: (parse_config(name).filters_resampling, parse_config(name).filters_activation)
        for name in ("A", "B@6", "C@6", "D@6", "B-0", "C-0", "D-0")
    }
    assert filtered["A"] == (False, False)
    assert filtered["B@6"] == filtered["B-0"] == (True, False)
    assert filtered["C@6"] == filtered["C-0"] == (False, True)
    assert filtered["D@6"] == filtered["D-0"] == (True, True)


HEADS = ("B", "C", "D", "C+plain", "D+plain")
BETAS = ("", "-0", "-2", "-2.5", "-3")
TAPS = (2, 6, 12, 64)
CUTOFFS = ("", "/0.25", "/.25", "/0.2", "/0.125", "/0.001")


@pytest.mark.parametrize(("head", "beta"), [*product(HEADS, BETAS)])
def test_every_corrected_name_means_what_it_says(head, beta) -> None:
    for taps, cutoff in product(TAPS, CUTOFFS):
        config = parse_config(f"{head}{beta}@{taps}{cutoff}")
        assert (config.letter, config.taps) == (head[0], taps)
        assert config.cutoff == float(cutoff[1:] or 0.25)
        assert config.kaiser_beta == float(beta[1:] or (3 if taps >= 12 else 2))
        assert parse_config(config.name) == config
        assert ("/" in config.name) == (config.cutoff < 0.25)


@pytest.mark.parametrize("cutoff", [1 / 3**2, 1 / math.tau, math.nextafter(0.25, 0)])
def test_cutoffs_of_many_digits_have_exact_names(cutoff) -> None:
    changed = replace(parse_config("D-2@12"), cutoff=cutoff)
    assert parse_config(changed.name) == changed


def test_the_cutoff_is_that_of_the_taps() -> None:
    assert torch.equal(parse_config("D@12/0.2").kernel(), design_jinc(12, 0.2, 3))
    assert torch.equal(parse_config("B-1@6/0.22").kernel(), design_jinc(6, 0.22, 1))
    assert torch.equal(parse_config("D@6/0.25").kernel(), parse_config("D@6").kernel())


def test_separable_filters_by_name() -> None:
    assert torch.equal(parse_config("D@sinc12").kernel(), design_kaiser_sinc(12, 0.25, 3))
    assert torch.equal(parse_config("C+plain-1@sinc8/0.2").kernel(), design_kaiser_sinc(8, 0.2, 1))
    assert parse_config("C+plain-1@sinc8/0.2").name == "C+plain-1@sinc8/0.2"
    assert parse_config("D@sinc6") == replace(parse_config("D@6"), filter="sinc")


def test_every_kernel_has_a_name() -> None:
    radial = design_jinc(12, 0.2, 2.0, window="radial")
    assert torch.equal(parse_config("D-2@radial12/0.2").kernel(), radial)
    for name in ("D-2@radial12/0.2", "C+plain@radial6", "D@disc", "B@disc", "C+plain@disc"):
        assert parse_config(name).name == name
    assert parse_config("D@disc") == replace(parse_config("D@ideal"), band="disc")
    for change, word in (({"filter": "sink"}, "sinc"), ({"band": "disk"}, "disc")):
        with pytest.raises(JincError, match=f"did you mean .*{word}"):
            replace(parse_config("D@6"), **change)


def test_the_disc_reaches_every_layer() -> None:
    x = torch.randn(1, 2, 8, 8, dtype=torch.float64)
    config = parse_config("D@disc")
    activated = make_activation(config, "zeros")(x)
    assert torch.equal(activated, ideal_filtered_activation(x, kappa=0.5, band="disc"))
    assert torch.equal(make_upsample(config, "zeros")(x), ideal_upsample(x, band="disc"))
    assert torch.equal(make_downsample(config, "zeros")(x), ideal_downsample(x, band="disc"))


@pytest.mark.parametrize(
    ("former", "name"),
    [
        ({"window": "outer", "separable": False}, "D-2@6"),
        ({"window": "radial", "separable": False}, "D-2@radial6"),
        ({"window": "outer", "separable": True}, "D-2@sinc6"),
        ({"window": "outer"}, "D-2@6"),
    ],
)
def test_designs_in_files_of_earlier_versions(former, name) -> None:
    fields = asdict(parse_config("D-2@6"))
    del fields["filter"], fields["band"]
    assert as_configs(fields | former).at(0) == parse_config(name)


@pytest.mark.parametrize(
    "change",
    [
        {"gain": 2.0},
        {"normalize": False},
        {"cutoff": 0.3},
        {"cutoff": 1e-6},
        {"kaiser_beta": 1e-6},
        {"kappa": 0.4},
        {"phase": "cosited"},
        {"phase": "cosited", "taps": 7},
    ],
)
def test_a_design_without_a_name_says_so(change) -> None:
    assert replace(parse_config("D@6"), **change).name.endswith("*")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("E", "sampling procedure"),
        ("E@6", "sampling procedure"),
        ("d@6", "did you mean D@6"),
        ("D-2n", "did you mean D-2N"),
        ("D@ideel", "did you mean D@ideal"),
        ("D@7", "D@6 or D@8"),
        ("D@sinc7", "D@sinc6 or D@sinc8"),
        ("D@sinc", "did you mean D@sinc12"),
        ("D@0", "outside 2 to 64"),
        ("D@66", "outside 2 to 64"),
        ("D-2N/0", "outside 1 to 64"),
        ("D-2@ideal", "has no β"),
        ("D@ideal/0.2", "write D@ideal"),
        ("D@6/0", "outside (0, 0.25]"),
        ("D@6/0.3", "write D@6/0.2, or D@6 for 0.25"),
        ("D@6/12", "outside (0, 0.25]"),
        ("D@12/0.2/6", "did you mean D@12/0.2"),
        ("D@12/", "did you mean D@12"),
        ("d@12/0.2", "did you mean D@12/0.2"),
        ("D-2N/0.2", "did you mean D@12/0.2"),
        ("D@6,D@12", "a design for each level"),
        ("B+plain@6", "no use"),
        ("B+norm-2N", "D+norm"),
        ("", "not a configuration"),
        ("resnet", "not a configuration"),
    ],
)
def test_other_names_are_refused_with_a_hint(name: str, words: str) -> None:
    with pytest.raises(JincError, match="config") as caught:
        parse_config(name)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_taps_to_design() -> None:
    for name in ("A", "D@ideal"):
        with pytest.raises(JincError, match="no filter taps"):
            parse_config(name).kernel()


def test_a_kernel_is_a_copy_of_its_own_and_lies_where_networks_are_made() -> None:
    config = parse_config("D@6")
    config.kernel().zero_()
    assert float(config.kernel().sum()) == pytest.approx(1)
    with torch.device("meta"):
        assert config.kernel().is_meta
    assert torch.equal(config.kernel(), design_jinc(6, 0.25, config.kaiser_beta))
