"""Statistics that stand in for real images: the same distances, and nothing else is pretended."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from jinc.data import load_images
from jinc.errors import JincError
from jinc.metrics import (
    Extractor,
    Features,
    Reference,
    Statistics,
    check_reference,
    features_of,
    frechet_distance,
    is_reference,
    read_reference,
    reference_of,
    score,
)


class Halves(nn.Module):
    """Mean brightness of the rows of an image, and two classes."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 2, generator=torch.Generator().manual_seed(0)))

    def forward(self, images):
        rows = images.mean((1, 3))
        return rows, rows @ self.weight


@pytest.fixture
def extractor() -> Extractor:
    return Extractor("rows", Halves(), channels=1, resize="none")


@pytest.fixture
def digits():
    return load_images("digits", split="all")


@pytest.fixture
def made(digits, extractor) -> Features:
    return features_of(digits.subset(range(0, 600, 2)), extractor, name="made")


@pytest.fixture
def kept(digits, extractor, tmp_path) -> Path:
    reference_of(digits, extractor).save(tmp_path / "digits.npz")
    return tmp_path / "digits.npz"


def test_statistics_are_those_of_the_features(digits, extractor, kept, made) -> None:
    whole, found = features_of(digits, extractor), read_reference(kept)
    assert (found.extractor, found.images) == (whole.extractor, whole.images)
    assert (found.name, found.count) == ("digits", len(digits))
    values = whole.values.double().numpy()
    np.testing.assert_allclose(found.statistics.mean, values.mean(0), rtol=1e-12)
    covariance = np.cov(values, rowvar=False)
    np.testing.assert_allclose(found.statistics.covariance, covariance, rtol=1e-9, atol=1e-15)
    expected = frechet_distance(whole.statistics, made.statistics)
    assert frechet_distance(found.statistics, made.statistics) == pytest.approx(expected, rel=1e-9)


def test_scores_are_the_same_and_the_others_are_left_out(digits, extractor, kept, made) -> None:
    one = score(features_of(digits, extractor), made)
    other = score(read_reference(kept), made)
    assert set(other.scores) == {"frechet", "frechet_unlimited", "classes"} < set(one.scores)
    for kind, found in other.scores.items():
        assert found.value == pytest.approx(one.scores[kind].value, rel=1e-9)
        assert found.error == pytest.approx(one.scores[kind].error, rel=1e-6)
        assert found.name == one.scores[kind].name
    assert other.real == one.real
    assert "only statistics" in other.left_out["kernel"]
    with pytest.raises(JincError, match=r"^digits: are only statistics, images are needed"):
        score(read_reference(kept), made, ["recall"])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_files_of_other_tools(made, digits, extractor, tmp_path, kind) -> None:
    values = features_of(digits, extractor).values.double().numpy()
    mu, sigma = values.mean(0).astype(kind), np.cov(values, rowvar=False).astype(kind)
    np.savez(tmp_path / "stats.npz", mu=mu, sigma=sigma)
    assert is_reference(tmp_path / "stats.npz")
    found = score(read_reference(tmp_path / "stats.npz"), made)
    expected = score(features_of(digits, extractor), made).scores["frechet"].value
    assert found.scores["frechet"].value == pytest.approx(expected, rel=1e-4)
    assert found.real == {"name": "stats", "images": None, "sha256": None}


def test_no_distance_to_statistics_of_unknown_origin_is_called_fid(made, monkeypatch) -> None:
    monkeypatch.setattr("jinc.metrics.scores.scores.is_genuine", lambda facts: True)
    statistics = made.statistics
    known = Reference(statistics, "known", made.extractor, "0" * 64, len(made))
    names = [
        {kind: each.name for kind, each in score(real, made, ["frechet", "classes"]).scores.items()}
        for real in (known, Reference(statistics, "unknown"))
    ]
    assert names[0] == {"frechet": "FID", "classes": "IS"}
    assert names[1] == {"frechet": "Fréchet distance (rows)", "classes": "IS"}


def test_memory_does_not_grow(digits, extractor, monkeypatch) -> None:
    """No part of the features outlives the next but one."""
    import weakref

    from jinc.metrics.features import features

    alive, most = weakref.WeakSet(), 0
    look = Extractor.__call__

    class Part:
        def __init__(self) -> None:
            alive.add(self)

    def watched(self, images):
        nonlocal most
        values, logits = look(self, images)
        values.part = Part()
        most = max(most, len(alive))
        return values, logits

    monkeypatch.setattr(Extractor, "__call__", watched)
    monkeypatch.setattr(features, "MOST_AT_ONCE", 50)
    assert reference_of(digits, extractor).count == len(digits)
    assert most <= 3
    features_of(digits, extractor)  # which keeps them all
    assert most > 20


OWN = '{"count": 9, "name": "x", "images": null, "extractor": {}}'


def arrays(**changed):
    return {"mu": np.zeros(8), "sigma": np.eye(8)} | changed


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (arrays(mu=np.full(8, np.nan)), "mu has values that are not finite"),
        (arrays(sigma=np.full((8, 8), np.inf)), "sigma has values that are not finite"),
        (arrays(sigma=np.eye(7)), r"holds mu \[8\] and sigma \[7, 7\], \[D\] and \[D, D\] are"),
        (arrays(mu=np.zeros((8, 1))), r"holds mu \[8, 1\]"),
        (arrays(mu=np.zeros(8, int)), "mu is int64"),
        (arrays(mu=np.zeros(0)), "mu is float64"),
        (arrays(mu=np.array(1.0)), r"holds mu \[\]"),
        (arrays(sigma=np.triu(np.ones((8, 8)))), "sigma is not symmetric"),
        (arrays(jinc=np.array("{")), "jinc: is damaged, an object of JSON is expected"),
        (arrays(jinc=np.array("[" * 5000)), "jinc: is damaged"),
        (arrays(jinc=np.array('{"count": 1}')), "jinc: count: 1 is not at least 2"),
        (arrays(jinc=np.array(OWN.replace("9", "1e400"))), "jinc: count: inf is not a whole"),
        (arrays(jinc=np.array(OWN.replace("9", "3.5"))), "jinc: count: 3.5 is not a whole"),
        (arrays(jinc=np.array(OWN.replace('"x"', "3"))), "jinc: name: 3 is not a text"),
        (arrays(sigma=-np.eye(8)), "sigma has a variance of -1, and is no covariance"),
        (
            arrays(jinc=np.array(OWN)),
            "extractor: name is missing",
        ),
        ({"arr_0": np.zeros((2, 8, 8, 1), np.uint8)}, "holds no mu and sigma"),
    ],
)
def test_faults_of_a_file_are_named(tmp_path, found, says) -> None:
    np.savez(tmp_path / "bad.npz", **found)
    assert is_reference(tmp_path / "bad.npz") == ("mu" in found)
    with pytest.raises(JincError, match=r"bad\.npz: " + says) as caught:
        read_reference(tmp_path / "bad.npz")
    assert "\n" not in str(caught.value)


def test_no_file_and_a_torn_one(kept, tmp_path) -> None:
    torn = tmp_path / "torn.npz"
    torn.write_bytes(kept.read_bytes()[:-100])
    for file in (tmp_path / "none.npz", torn):
        assert not is_reference(file)
        with pytest.raises(JincError, match=file.name):
            read_reference(file)


def test_one_image_has_none(digits, extractor) -> None:
    with pytest.raises(JincError, match=r"^digits: features: one image has no covariance"):
        reference_of(digits.subset([0]), extractor)


def test_scores_without_their_inputs_are_refused_beforehand(kept, extractor) -> None:
    known, like = read_reference(kept), torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    check_reference(extractor, known, like, 100, ["frechet", "classes"])
    with pytest.raises(JincError, match=r"^kernel: needs real images, digits are only statistics"):
        check_reference(extractor, known, like, 100, ["kernel"])
    with pytest.raises(JincError, match=r"^frechet_unlimited: 10 generated images are too few"):
        check_reference(extractor, known, like, 10, ["frechet_unlimited"])
    others = Reference(Statistics(2, torch.zeros(9), torch.eye(9)), "others")
    with pytest.raises(JincError, match=r"^others: are statistics of 9 numbers an image, rows"):
        check_reference(extractor, others, like, 100)
    other = Extractor("others", Halves(), channels=1, resize="none", layer="7")
    with pytest.raises(JincError, match=r"^digits: are statistics by rows.*, not by others"):
        check_reference(other, known, like, 100)


def npy_header(shape, descr="<f8", version=1) -> bytes:
    """The head of an `.npy` that announces an array, without its numbers."""
    words = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    length = len(words).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + words


@pytest.mark.parametrize(
    ("member", "says"),
    [
        (npy_header((100_000, 100_000)), r"sigma is float64 \[100000, 100000\], 512 MiB are the"),
        (npy_header((8,), "|V1000000000"), r"sigma is .* 512 MiB are the most"),
        (npy_header((8, 8), version=2), r"sigma is in version \(2, 0\)"),
        (npy_header((8, 8)), "cannot be read"),
        (b"no array", "cannot be read"),
    ],
    ids=["square", "items", "header", "short", "other"],
)
def test_sizes_are_read_before_numbers(tmp_path, member, says) -> None:
    np.savez(tmp_path / "bomb.npz", mu=np.zeros(8))
    with zipfile.ZipFile(tmp_path / "bomb.npz", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sigma.npy", member)
    with pytest.raises(JincError, match=r"bomb\.npz: " + says) as caught:
        read_reference(tmp_path / "bomb.npz")
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


def test_a_covariance_that_would_not_fit_is_refused() -> None:
    with pytest.raises(JincError, match="features: 100,000 numbers an image, 8,192 are the most"):
        Statistics.of(torch.zeros(2, 100_000))
