"""The classifiers of digits: their recipe is repeatable, their files are whole."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from jinc.data import image_grid, to_uint8
from jinc.errors import JincError
from jinc.metrics import (
    RECIPES,
    SHAPES,
    DigitClassifier,
    Recipe,
    digit_accuracy,
    open_digit_classifier,
    read_digit_classifier,
    read_digits_of,
    save_digit_classifier,
    train_digits,
)
from jinc.metrics.features.digit_training import moved

SHORT = Recipe(steps=30, batch_size=20)


def strokes(kind: str, count: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    """Bars in ten rows, one for each class."""
    shape = SHAPES[kind]
    labels = torch.arange(count) % 10
    images = -torch.ones(count, shape.channels, shape.image_size, shape.image_size)
    for image, label in zip(images, labels.tolist(), strict=True):
        image[:, 4 + 2 * label : 6 + 2 * label, 5:-5] = 1
    return images, labels


def trained(kind: str, seed: int = 0) -> tuple[DigitClassifier, list[float]]:
    losses: list[float] = []
    report = lambda _, loss: losses.append(loss)  # noqa: E731
    classifier = train_digits(kind, *strokes(kind), seed, recipe=SHORT, progress=report)
    return classifier, losses


def test_it_learns_and_can_be_repeated() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    classifier, losses = trained("mnist")
    assert torch.equal(torch.rand(3), expected)  # nobody else's random numbers are used up
    assert losses[-1] < 0.7 * losses[0]
    again, other = trained("mnist")[0].state_dict(), trained("mnist", 1)[0].state_dict()
    for name, weight in classifier.state_dict().items():
        assert torch.equal(weight, again[name])
    assert not torch.equal(other["classes.weight"], again["classes.weight"])


def test_steps_are_counted_across_epochs() -> None:
    images, labels = strokes("mnist", 70)  # 3 batches an epoch, 10 left over
    recipe, told = Recipe(steps=8, batch_size=20), []
    report = lambda step, _: told.append(step)  # noqa: E731
    train_digits("mnist", images, labels, recipe=recipe, progress=report)
    assert told == [3, 6, 8]
    with pytest.raises(JincError, match="70 images are fewer than a batch, 128"):
        train_digits("mnist", images, labels)


@pytest.mark.parametrize("kind", ["mnist", "mnist-m"])
def test_files_give_the_same_answers(tmp_path, kind) -> None:
    torch.manual_seed(0)
    classifier = DigitClassifier(SHAPES[kind]).eval()
    save_digit_classifier(tmp_path / "c", classifier, kind, {"accuracy": 0.5})
    facts = json.loads((tmp_path / "c" / "classifier.json").read_text())
    assert facts == {"kind": kind, "accuracy": 0.5}
    save_file(classifier.state_dict(), tmp_path / "plain.safetensors")
    images, _ = strokes(kind, 5)
    for path in (tmp_path / "c", tmp_path / "plain.safetensors"):
        found, told, _ = read_digit_classifier(path)
        assert told == kind
        assert torch.equal(found(images), classifier(images))
        extractor = open_digit_classifier(path)
        features, logits = extractor(images)
        assert features.shape == (5, SHAPES[kind].widths[-1])
        torch.testing.assert_close(logits, classifier(images))
        assert extractor.facts.name == f"{kind}-classifier"


def test_damaged_and_foreign_files(tmp_path) -> None:
    save_digit_classifier(tmp_path / "c", DigitClassifier(), "mnist", {})
    (tmp_path / "c" / "classifier.json").write_text("{}")
    with pytest.raises(JincError, match=r"classifier\.json: is damaged"):
        open_digit_classifier(tmp_path / "c")
    file = tmp_path / "w.safetensors"
    file.write_bytes(b"nothing")
    with pytest.raises(JincError, match=r"w\.safetensors: cannot be read as weights"):
        open_digit_classifier(file)
    save_file({"features.0.weight": torch.zeros(7, 1, 3, 3)}, file)
    with pytest.raises(JincError, match=r"w\.safetensors: is of another layout"):
        open_digit_classifier(file)


STILL = Recipe(turn_degrees=0, shift_px=0, scale=0)


def test_moves_of_nothing_leave_images() -> None:
    images = torch.rand(4, 3, 12, 12) * 2 - 1
    still = moved(images, STILL, torch.Generator().manual_seed(0))
    torch.testing.assert_close(still, images, atol=1e-5, rtol=0)


def test_moves_are_as_large_as_said(monkeypatch) -> None:
    """The centre of a dot goes up to 3 pixels along each axis, and turns by up to 20°."""
    images = -torch.ones(400, 1, 33, 33)
    images[:, :, 15:18, 15:18] = 1
    axis = torch.arange(33.0) - 16
    random = torch.Generator().manual_seed(0)

    def centres(recipe: Recipe, images: torch.Tensor) -> torch.Tensor:
        weight = moved(images, recipe, random)[:, 0] + 1
        x, y = (weight.sum(d) @ axis / weight.sum((1, 2)) for d in (1, 2))
        return torch.stack([x, y])

    shifted = centres(Recipe(turn_degrees=0, shift_px=3, scale=0), images)
    assert shifted.abs().max() == pytest.approx(3, abs=0.1)
    assert shifted.std() == pytest.approx(3 / 3**0.5, rel=0.1)
    turned = centres(Recipe(turn_degrees=20, shift_px=0, scale=0), images.roll(10, -1))
    angle = torch.atan2(turned[1], turned[0]).rad2deg()
    assert angle.abs().max() == pytest.approx(20, abs=0.5)
    assert turned.norm(dim=0).sub(10).abs().max() < 0.2


def test_what_lies_beyond_the_edges() -> None:
    white = torch.ones(50, 1, 16, 16)
    recipe = Recipe(turn_degrees=0, shift_px=4, scale=0)
    assert moved(white, recipe, torch.Generator().manual_seed(0)).min() == -1
    edge = Recipe(turn_degrees=0, shift_px=4, scale=0, beyond="edge")
    torch.testing.assert_close(moved(white, edge, torch.Generator().manual_seed(0)), white)


def test_recolouring_exchanges_and_inverts_channels() -> None:
    images = torch.rand(300, 3, 5, 5) * 2 - 1
    recipe = Recipe(turn_degrees=0, shift_px=0, scale=0, recolour=True)
    found = moved(images, recipe, torch.Generator().manual_seed(0))
    kinds = set()
    for image, changed in zip(images, found, strict=True):
        kind = []
        for channel in changed:
            off = torch.stack([(channel - s * c).abs().max() for c in image for s in (1, -1)])
            assert off.min() < 1e-5
            kind.append(int(off.argmin()))
        assert sorted(place // 2 for place in kind) == [0, 1, 2]
        kinds.add(tuple(kind))
    assert len(kinds) == 48  # 6 orders by 8 signs


def test_data_without_ten_digits(tmp_path) -> None:
    image = to_uint8(torch.zeros(1, 1, 28, 28))
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.fromarray(image_grid(image)).save(tmp_path / name / "0.png")
    with pytest.raises(JincError, match="is not labelled with ten digits"):
        read_digits_of("mnist", tmp_path, "train")


@pytest.mark.slow
def test_real_digits_are_classified_after_few_steps(real_data) -> None:
    data = real_data("mnist") / "mnist"
    images, labels = read_digits_of("mnist", data, "test")
    assert images.shape == (10_000, 1, 28, 28)
    recipe = Recipe(steps=60, batch_size=64)
    classifier = train_digits("mnist", images[:3000], labels[:3000], recipe=recipe)
    assert digit_accuracy(classifier, images[3000:4000], labels[3000:4000]) > 0.85


def test_recipes_fit_their_sets() -> None:
    assert RECIPES.keys() == SHAPES.keys()
    assert not RECIPES["mnist"].recolour  # there is nothing to recolour
    assert np.isclose(RECIPES["mnist"].steps * 128 / 60_000, 10, rtol=0.01)  # ten epochs
