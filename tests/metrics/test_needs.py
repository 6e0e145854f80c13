"""What is told before the work is what would be found out after it."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.metrics import SCORES, Extractor, check_scores, features_of, score


class Halves(nn.Module):
    """Four features, and logits."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        flat = images.flatten(1)
        return flat[:, :4], flat[:, 4:]


class First(nn.Module):
    """Features alone, as many as there are pixels."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


HALVES = Extractor("halves", Halves(), channels=1, resize="none")
PLAIN = Extractor("plain", First(), channels=1, resize="none")


def images(count: int, seed: int = 0) -> ImageSet:
    data = np.random.default_rng(seed).integers(0, 256, (count, 3, 3, 1), dtype=np.uint8)
    return ImageSet(data, None, (), "set")


def is_scored(extractor, real, generated, kind) -> bool:
    """Do the work, and see."""
    try:
        score(
            features_of(images(real), extractor),
            features_of(images(generated, 1), extractor),
            [kind],
        )
    except JincError:
        return False
    return True


def is_foreseen(extractor, real, generated, kind) -> bool:
    try:
        check_scores(extractor, images(real), generated, [kind])
    except JincError:
        return False
    return True


@pytest.mark.parametrize("kind", SCORES)
def test_what_is_foreseen_happens(kind) -> None:
    counts = [(40, n) for n in (1, 2, 3, 9, 10, 11, 12, 19, 20)]
    counts += [(n, 40) for n in (1, 2, 3, 11, 12)]
    for real, generated in counts:
        happens = is_scored(HALVES, real, generated, kind)
        assert is_foreseen(HALVES, real, generated, kind) == happens, (real, generated)
    assert is_foreseen(PLAIN, 40, 60, kind) == is_scored(PLAIN, 40, 60, kind) == (kind != "classes")
    fewest = 46  # 2.5 × 9, up, twice
    assert is_foreseen(PLAIN, 40, fewest - 1, kind) == (
        kind not in ("classes", "frechet_unlimited")
    )


def test_it_is_said_in_a_line() -> None:
    real = images(40)
    for kind, count, says in (
        ("precision", 8, "precision: 8 generated images are too few for halves, 12 are needed"),
        ("frechet_unlimited", 19, "frechet_unlimited: 19 generated images .* 20 are needed"),
        ("frechet", 1, "generated images: 1 image cannot be scored"),
    ):
        with pytest.raises(JincError, match=says):
            check_scores(HALVES, real, count, [kind])
    with pytest.raises(JincError, match="classes: plain has no classes"):
        check_scores(PLAIN, real, 100, ["classes"])
    with pytest.raises(JincError, match="set: 1 image cannot be scored"):
        check_scores(PLAIN, images(1), 100)
    check_scores(PLAIN, real, 2)  # nothing is asked for by name


def test_images_that_a_network_cannot_look_at() -> None:
    picky = Extractor("picky", nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), 1, resize="none")
    with pytest.raises(JincError, match=r"picky: fails on images of 1×3×3 .*multiplied"):
        check_scores(picky, images(4), 4)


def test_the_first_image_alone_is_looked_at() -> None:
    seen = []
    counting = Extractor(
        "c", lambda x: seen.append(len(x)) or torch.zeros(len(x), 2), 1, resize="none"
    )
    check_scores(counting, images(40), 40, ["frechet"])
    assert seen == [1]
