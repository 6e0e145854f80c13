"""TorchScript as an extractor: run only when it is asked for by name, and what it then is."""

import re
import warnings
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.files import file_digest
from jinc.metrics import (
    features_of,
    open_extractor,
    open_torchscript,
    score_name,
)
from jinc.metrics.features import by_name

allowed = partial(open_extractor, allow_torchscript=True)

IMAGES = torch.randint(0, 256, (4, 3, 6, 6), generator=torch.Generator().manual_seed(0)).byte()


class Means(nn.Module):
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images.mean(dim=(2, 3)), images.amax(dim=(2, 3))


class Detector(nn.Module):
    """Called as the file of StyleGAN is."""

    def forward(
        self, images: Tensor, return_features: bool = False, no_output_bias: bool = False
    ) -> Tensor:
        if return_features:
            return images.flatten(1)
        bias = 0.0 if no_output_bias else 1.0
        return (images.mean(dim=(2, 3)) + bias * torch.arange(3)).softmax(dim=1)


class Narrow(nn.Module):
    """Takes images of one size, grey."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.linear(images.flatten(1))


def scripted(network: nn.Module, file: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(network).save(file)
    return file


def test_a_program_makes_features(tmp_path) -> None:
    file = scripted(Means(), tmp_path / "means.pt")
    digest = file_digest(file)
    extractor = open_torchscript(file, sha256=digest[:12].upper(), low=0.0, high=255.0)
    features, logits = extractor(IMAGES)
    torch.testing.assert_close(features, IMAGES.float().mean((2, 3)))
    torch.testing.assert_close(logits, IMAGES.float().amax((2, 3)))
    assert (extractor.facts.name, extractor.facts.weights) == ("means", digest)
    assert allowed(f"torchscript:{file}").facts.weights == digest


def test_another_program_is_not_even_loaded(tmp_path, monkeypatch) -> None:
    file = scripted(Means(), tmp_path / "means.pt")
    monkeypatch.setattr(torch.jit, "load", None)  # would fail if it were called
    with pytest.raises(JincError, match=r"means\.pt: SHA-256 is .*, not 00000000"):
        open_torchscript(file, sha256="00000000")
    with pytest.raises(JincError, match="a TorchScript program, which is not run"):
        open_extractor(file)  # programs are run only when they are asked for


def test_what_is_no_program(tmp_path) -> None:
    (tmp_path / "text.pt").write_text("nothing")
    with pytest.raises(JincError, match=r"text\.pt: cannot be read as TorchScript"):
        open_torchscript(tmp_path / "text.pt")
    with pytest.raises(JincError, match=r"nowhere\.pt: No such file"):
        open_torchscript(tmp_path / "nowhere.pt")


def test_the_detector_of_stylegan(tmp_path) -> None:
    file = scripted(Detector(), tmp_path / "inception-2015-12-05.pt")
    extractor = open_torchscript(file)
    found = features_of([IMAGES], extractor)
    assert torch.equal(found.values, IMAGES.float().flatten(1))  # 0 … 255, as they come
    assert found.logits is not None
    expected = IMAGES.float().mean((2, 3)).softmax(dim=1)  # without the bias
    torch.testing.assert_close(found.logits.softmax(1), expected)
    assert score_name(extractor.facts) == "Fréchet distance (inception-2015-12-05)"


def test_a_program_says_what_it_takes(tmp_path, monkeypatch) -> None:
    """Asked by a word alone, one of StyleGAN's kind gives features and classes of 0 … 255."""
    file = scripted(Detector(), tmp_path / "detector.pt")
    features, logits = allowed(f"torchscript:{file}")(IMAGES)
    assert torch.equal(features, IMAGES.float().flatten(1))
    torch.testing.assert_close(logits.softmax(1), IMAGES.float().mean((2, 3)).softmax(dim=1))
    monkeypatch.setattr(by_name, "SCRIPT_SHA256", file_digest(file))
    genuine = allowed(f"torchscript:{file}")
    assert score_name(genuine.facts, "classes") == "IS"
    assert genuine(IMAGES)[1] is not None
    with pytest.raises(JincError, match=r"this is Inception, which takes no options"):
        allowed(f"torchscript:{file}?size=8")


def test_a_class_without_a_chance_has_a_finite_logit(tmp_path) -> None:
    file = scripted(Detector(), tmp_path / "detector.pt")
    images = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    images[:, 0] = 255
    assert allowed(f"torchscript:{file}")(images)[1].isfinite().all()


def test_the_spec_of_a_program_says_how_images_are_resized(tmp_path) -> None:
    file = scripted(Narrow(), tmp_path / "lin.pt")
    with pytest.raises(JincError, match=r"^lin: fails on images of 3×6×6 numbers \(.*mat1"):
        allowed(f"torchscript:{file}")(IMAGES)
    word = f"torchscript:{file}?channels=1&range=0,255&size=4"
    by_word = allowed(word)
    same = open_torchscript(
        file, channels=1, image_size=(4, 4), resize="antialiased", low=0.0, high=255.0
    )
    assert by_word.facts == same.facts
    assert torch.equal(by_word(IMAGES)[0], same(IMAGES)[0])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("chanels=1", "'chanels' is no option; did you mean channels?"),
        ("range=0", "range: '0' is not as in range=0,255"),
        ("size=0", "size: '0' is not as in size=299"),
        ("size=big", "size: 'big' is not as in size=299"),
        ("channels=2", "channels must be 1"),
    ],
)
def test_words_that_make_no_sense(tmp_path, options, says) -> None:
    file = scripted(Means(), tmp_path / "means.pt")
    with pytest.raises(JincError, match=re.escape(says)):
        allowed(f"torchscript:{file}?{options}")


def test_a_question_mark_may_be_part_of_a_name(tmp_path) -> None:
    file = scripted(Means(), tmp_path / "means?size=3.pt")
    assert allowed(f"torchscript:{file}").facts.image_size is None
