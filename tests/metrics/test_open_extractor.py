"""Extractors by name or path: what a file is, is told by its content."""

import pytest
import torch

from jinc.errors import JincError
from jinc.metrics import CifarResNet, DigitClassifier, open_extractor, save_digit_classifier
from jinc.metrics.features import by_name as module


def test_files_are_recognised_by_content(tmp_path) -> None:
    torch.save(CifarResNet(3).state_dict(), tmp_path / "any.name")
    assert open_extractor(tmp_path / "any.name").name == "resnet20-cifar10"
    save_digit_classifier(tmp_path / "c", DigitClassifier(), "mnist", {})
    for path in (tmp_path / "c", tmp_path / "c" / "classifier.safetensors"):
        assert open_extractor(str(path)).name == "mnist-classifier"
    torch.save({"Mixed_5b.branch1x1.conv.weight": torch.zeros(1)}, tmp_path / "i.pth")
    with pytest.raises(JincError, match=r"i\.pth: SHA-256 is .*, not 6726825d"):
        open_extractor(tmp_path / "i.pth")


def test_inception_is_downloaded_into_the_cache(tmp_path, monkeypatch) -> None:
    asked = []
    monkeypatch.setenv("JINC_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "fetched", lambda *a: asked.append(a) or tmp_path / "w.pth")
    (tmp_path / "w.pth").write_bytes(b"other")
    with pytest.raises(JincError, match="not 6726825d"):  # checked again where it lies
        open_extractor("inception")
    ((url, sha256, folder),) = asked
    assert url.endswith("inception-2015-12-05-6726825d.pth")
    assert sha256.startswith("6726825d")
    assert len(sha256) == 64
    assert folder == tmp_path / "weights"


def test_nothing_there(tmp_path) -> None:
    for what in ("incepton", tmp_path / "nowhere.th", f"torchscript:{tmp_path / 'nowhere.pt'}"):
        with pytest.raises(JincError, match="No such file"):
            open_extractor(what, allow_torchscript=True)
    (tmp_path / "picture.png").touch()
    with pytest.raises(JincError, match=r"is no classifier of `jinc features train`$"):
        open_extractor(tmp_path)


def test_a_judge_that_is_not_whole(tmp_path) -> None:
    save_digit_classifier(tmp_path / "c", DigitClassifier(), "mnist", {})
    (tmp_path / "c" / "classifier.safetensors").unlink()
    with pytest.raises(JincError, match=r"classifier\.safetensors: is missing"):
        open_extractor(tmp_path / "c")
