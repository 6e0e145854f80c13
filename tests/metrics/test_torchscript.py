"""TorchScript as an extractor: run only when it is asked for by name, and what it then is."""

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.files import file_digest
from jinc.metrics import (
    features_of,
    open_extractor,
    open_scripted_inception,
    open_torchscript,
    score_name,
)

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
    assert open_extractor(f"torchscript:{file}").facts.weights == digest


def test_another_program_is_not_even_loaded(tmp_path, monkeypatch) -> None:
    file = scripted(Means(), tmp_path / "means.pt")
    monkeypatch.setattr(torch.jit, "load", None)  # would fail if it were called
    with pytest.raises(JincError, match=r"means\.pt: SHA-256 is .*, not 00000000"):
        open_torchscript(file, sha256="00000000")
    with pytest.raises(JincError, match="not f58cb9b6ec323ed6"):
        open_scripted_inception(file)
    with pytest.raises(JincError, match="or holds more than weights"):
        open_extractor(file)  # programs are run only when they are asked for


def test_what_is_no_program(tmp_path) -> None:
    (tmp_path / "text.pt").write_text("nothing")
    with pytest.raises(JincError, match=r"text\.pt: cannot be read as TorchScript"):
        open_torchscript(tmp_path / "text.pt")
    with pytest.raises(JincError, match=r"nowhere\.pt: No such file"):
        open_torchscript(tmp_path / "nowhere.pt")


def test_the_detector_of_stylegan(tmp_path) -> None:
    file = scripted(Detector(), tmp_path / "inception-2015-12-05.pt")
    extractor = open_scripted_inception(file, logits=True, any_weights=True)
    found = features_of([IMAGES], extractor)
    assert torch.equal(found.values, IMAGES.float().flatten(1))  # 0 … 255, as they come
    assert found.logits is not None
    expected = IMAGES.float().mean((2, 3)).softmax(dim=1)  # without the bias
    torch.testing.assert_close(found.logits.softmax(1), expected)
    assert score_name(extractor.facts) == "Fréchet distance (inception-like)"
    assert open_scripted_inception(file, any_weights=True)(IMAGES)[1] is None
