"""All scores at once: each is its own function's, told with what it depends on."""

import json
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.metrics import (
    SCORES,
    Extractor,
    Features,
    class_score,
    extrapolated_frechet,
    features_of,
    frechet_distance,
    kernel_distance,
    manifold_scores,
    score,
    score_name,
)
from jinc.metrics.features.by_name import SCRIPT_SHA256, SHA256


class Halves(nn.Module):
    """A few features, and logits."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        flat = images.flatten(1)
        return flat[:, :4], 3 * flat[:, 4:]


EXTRACTOR = Extractor("halves", Halves(), channels=1, resize="none", sha256="ab" * 32)


def made(seed: int, count: int, bright: float = 0.0) -> Features:
    random = torch.Generator().manual_seed(seed)
    images = 0.4 * torch.randn(count, 1, 3, 3, generator=random) + bright
    return features_of([images.clamp(-1, 1)], EXTRACTOR, name=f"set {seed}")


REAL, MADE = made(0, 200), made(1, 120, 0.2)


def test_each_score_is_its_own() -> None:
    found = score(REAL, MADE)
    assert tuple(found.scores) == SCORES
    assert not found.left_out
    of = {kind: each.value for kind, each in found.scores.items()}
    x, y = REAL.values, MADE.values
    manifolds = manifold_scores(x, y)
    assert of == {
        "frechet": frechet_distance(REAL.statistics, MADE.statistics),
        "frechet_unlimited": extrapolated_frechet(REAL.statistics, y).distance,
        "kernel": kernel_distance(x, y).distance,
        "classes": class_score(MADE.logits).score,
        "precision": manifolds.precision.value,
        "recall": manifolds.recall.value,
        "density": manifolds.density.value,
        "coverage": manifolds.coverage.value,
    }
    assert all(0 < each.error < 1 for each in found.scores.values())
    assert [kind for kind, each in found.scores.items() if each.lower_is_better] == [
        *("frechet", "frechet_unlimited", "kernel")
    ]


def test_better_images_score_better() -> None:
    near, far = score(REAL, made(2, 120)), score(REAL, made(2, 120, 0.6))
    for kind in ("frechet", "frechet_unlimited", "kernel", "precision", "density", "coverage"):
        better, worse = near.scores[kind], far.scores[kind]
        apart = (worse.value - better.value) * (1 if better.lower_is_better else -1)
        assert apart > 3 * (better.error + worse.error), kind


def test_all_of_it_as_json() -> None:
    facts = json.loads(json.dumps(score(REAL, MADE).facts(), allow_nan=False))
    assert facts["extractor"]["name"] == "halves"
    assert facts["extractor"]["weights"] == "ab" * 32
    assert facts["extractor"]["resize"] == "none"
    assert facts["real"] == {"name": "set 0", "images": 200, "sha256": REAL.images}
    assert facts["scores"]["frechet"]["name"] == "Fréchet distance (halves)"
    assert facts["scores"]["frechet"]["error_by"] == "bootstrap"
    assert facts["scores"]["kernel"]["details"]["subset_size"] == 120
    assert facts["scores"]["frechet_unlimited"]["details"]["counts"][-1] == 120
    assert facts["scores"]["classes"]["details"]["of_real"] == class_score(REAL.logits).score


def test_what_the_images_do_not_allow_is_left_out_with_the_reason() -> None:
    few = replace(made(3, 9), logits=None)
    found = score(REAL, few)
    assert set(found.scores) == {"frechet", "kernel"}
    assert found.left_out["classes"] == "halves: has no classes to score by"
    assert "too few" in found.left_out["frechet_unlimited"]
    assert "12 images" in found.left_out["recall"]
    with pytest.raises(JincError, match="12 images"):
        score(REAL, few, ["frechet", "recall"])
    assert list(score(REAL, MADE, ["recall", "frechet"]).scores) == ["recall", "frechet"]


def test_genuine_weights_make_a_fid() -> None:
    how = EXTRACTOR.facts
    inception = replace(
        how, name="i", weights=SHA256, layer="2048", resize="tensorflow1", channels=3
    )
    assert [score_name(inception, kind) for kind in SCORES] == [
        *("FID", "FID∞", "KID", "IS"),
        *(f"{kind} (i)" for kind in ("precision", "recall", "density", "coverage")),
    ]
    assert score_name(replace(inception, weights=SCRIPT_SHA256, resize="inside")) == "FID"
    for change in (
        {"layer": "768"},
        {"resize": "antialiased"},
        {"weights": SHA256[:8] + "0" * 56},
        {"weights": SCRIPT_SHA256},
    ):
        assert score_name(replace(inception, **change)) == "Fréchet distance (i)"


def test_what_is_refused() -> None:
    other = replace(MADE, extractor=replace(MADE.extractor, resize="inside"))
    with pytest.raises(JincError, match=r"set 0 by halves.* set 1 by halves.*the same is needed"):
        score(REAL, other)
    with pytest.raises(JincError, match="set 1: 1 image cannot be scored"):
        score(REAL, replace(MADE, values=MADE.values[:1], logits=None))
    with pytest.raises(JincError, match="bad: features: 1 of 2 images"):
        Features(torch.tensor([[0.0], [torch.nan]]), None, MADE.extractor, "", "bad")
