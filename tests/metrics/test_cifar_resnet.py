"""The residual networks for CIFAR-10: as accurate as published, and told from other files."""

import pytest
import torch

from jinc.data import load_images
from jinc.errors import JincError
from jinc.files import file_digest
from jinc.metrics import CifarResNet, features_of, open_cifar_resnet, score_name


def accuracy(classifiers, real_data, name: str, count: int) -> float:
    images = load_images(real_data("cifar10") / "cifar-10-batches-py", split="test")
    images = images.subset(range(count))
    extractor = open_cifar_resnet(classifiers / name)
    features = features_of(images, extractor)
    assert features.values.shape == (count, 64)
    return float((features.logits.argmax(1).numpy() == images.labels).mean())


@pytest.mark.slow
def test_resnet_20_is_as_accurate_as_it_was_measured(classifiers, real_data) -> None:
    assert accuracy(classifiers, real_data, "resnet20-12fca82f.th", 10_000) == 0.9173


def test_both_depths_know_most_images(classifiers, real_data) -> None:
    for name in ("resnet20-12fca82f.th", "resnet56-4bfd9763.th"):
        assert accuracy(classifiers, real_data, name, 60) > 0.85


@pytest.mark.parametrize("blocks", [1, 2])
def test_depth_and_range_are_known(tmp_path, blocks) -> None:
    torch.manual_seed(0)
    network = CifarResNet(blocks).eval()
    file = tmp_path / "w.th"
    torch.save({"state_dict": {f"module.{k}": v for k, v in network.state_dict().items()}}, file)
    extractor = open_cifar_resnet(file)
    name = f"resnet{6 * blocks + 2}-cifar10"
    assert score_name(extractor.facts) == f"Fréchet distance ({name})"
    images = torch.randint(0, 256, (3, 3, 32, 32)).byte()
    features, logits = extractor(images)
    expected = network(images / 255)
    torch.testing.assert_close(features, expected[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(logits, expected[1], rtol=1e-4, atol=1e-5)


def test_other_files(tmp_path) -> None:
    file = tmp_path / "w.th"
    weights = CifarResNet(1).state_dict()
    changes = {
        "has no residual blocks": {"a": torch.zeros(1)},
        "has no weight linear.bias": {k: v for k, v in weights.items() if k != "linear.bias"},
        r"linear.weight is \[10, 63\]": weights | {"linear.weight": torch.zeros(10, 63)},
    }
    for says, changed in changes.items():
        torch.save(changed, file)
        with pytest.raises(JincError, match=rf"w\.th: is of another layout, .*{says}"):
            open_cifar_resnet(file)


def test_a_byte_that_changed_is_found_by_the_name(classifiers, tmp_path) -> None:
    """The weights would be read without a word, and scores keep their name."""
    data = bytearray((classifiers / "resnet20-12fca82f.th").read_bytes())
    data[len(data) // 2] ^= 1
    for name in ("resnet20-12fca82f.th", "renamed.th"):
        (tmp_path / name).write_bytes(data)
    with pytest.raises(JincError, match=r"12fca82f\.th: SHA-256 is .*, not 12fca82f… as its name"):
        open_cifar_resnet(tmp_path / "resnet20-12fca82f.th")
    renamed = open_cifar_resnet(tmp_path / "renamed.th")
    assert renamed.facts.weights == file_digest(tmp_path / "renamed.th")


@pytest.mark.parametrize("name", ["resnet20-12fca82f.th", "resnet20-12FCA82F.th", "w-best.th"])
def test_names_that_hold_a_digest(tmp_path, name) -> None:
    torch.save(CifarResNet(1).state_dict(), tmp_path / name)
    if "12fca82f" not in name:
        assert open_cifar_resnet(tmp_path / name).name == "resnet8-cifar10"
        return
    with pytest.raises(JincError, match="as its name says"):
        open_cifar_resnet(tmp_path / name)
