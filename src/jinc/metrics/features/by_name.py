"""Feature networks by name or path, and which of them makes scores FID."""

from dataclasses import replace
from pathlib import Path

from jinc.errors import JincError
from jinc.files import cache_folder, file_digest
from jinc.metrics.features.cifar_resnet import open_cifar_resnet
from jinc.metrics.features.digit_classifier import open_digit_classifier
from jinc.metrics.features.extractors import Extractor, ExtractorFacts
from jinc.metrics.features.inception import Inception, Layer
from jinc.metrics.features.torchscript import SCRIPT, open_torchscript, parse_script_word
from jinc.metrics.features.weight_files import (
    check_digest,
    fetched,
    read_weights,
    take_weights,
)

URL = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth"
)
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""Of the weights that pytorch-fid and torch-fidelity publish."""

SCRIPT_SHA256 = "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4"
"""Of `inception-2015-12-05.pt`, the same network as StyleGAN and clean-fid publish it."""

NAME = "inception-2015-12-05"
SIZE = (299, 299)
WHITE = 127 / 128
"""(255 − 128)/128, the value of white that the network was trained with."""


def open_inception(
    path: str | Path | None = None, *, layer: Layer = "2048", any_weights: bool = False
) -> Extractor:
    """Open the network of FID from its weight file.

    Args:
        path: `pt_inception-2015-12-05-6726825d.pth` of pytorch-fid, or the same file of
            torch-fidelity; downloaded once to the cache by default.
        layer: of the features; FID and KID use the last, 2048.
        any_weights: accept a file with another SHA-256; its scores are not called FID.

    Returns:
        The extractor, with logits if the layer is the last.
    """
    file = fetched(URL, SHA256, cache_folder() / "weights") if path is None else Path(path)
    if not any_weights:
        check_digest(file, SHA256)
    network = Inception(layer)
    take_weights(network, read_weights(file), file)
    digest = file_digest(file)
    name = NAME if digest == SHA256 else "inception-like"
    return Extractor(name, network, 3, SIZE, "tensorflow1", -1.0, WHITE, layer, digest)


def is_genuine(facts: ExtractorFacts) -> bool:
    """Whether scores by this extractor are FID, KID and IS."""
    how = (facts.weights, facts.resize, facts.layer, facts.channels)
    return how in (
        (SHA256, "tensorflow1", "2048", 3),
        (SCRIPT_SHA256, "inside", "2048", 3),
    )


def open_extractor(what: str | Path, *, allow_torchscript: bool = False) -> Extractor:
    """Open an extractor of any kind.

    Args:
        what: `inception`, which is downloaded once; the path of the weights of Inception, of a
            CIFAR-10 ResNet, or of a classifier of `jinc features train`; or `torchscript:` and the
            path of a trusted program, as in `parse_script_word`.
        allow_torchscript: run a TorchScript program.

    Raises:
        JincError: it cannot be read, has no known layout, or is a program that may not run.
    """
    name = str(what)
    if name == "inception":
        return open_inception()
    if name.startswith(SCRIPT) and not allow_torchscript:
        raise JincError(
            f"{name}: TorchScript is a program, which can write files and take all memory; if you "
            "trust it, allow it on the command line: --allow-torchscript"
        )
    if name.startswith(SCRIPT):
        path, options = parse_script_word(name)
        if file_digest(path) != SCRIPT_SHA256:
            return open_torchscript(path, **options)
        if options:
            raise JincError(f"{name}: this is Inception, which takes no options")
        return replace(open_torchscript(path, name=NAME, resize="inside"), layer="2048")
    path = Path(what)
    if path.is_dir() or path.suffix == ".safetensors":
        return open_digit_classifier(path)
    if any(key.startswith("Mixed_") for key in read_weights(path)):
        return open_inception(path)
    return open_cifar_resnet(path)
