"""Feature networks by name or path, and which of them makes scores FID."""

from dataclasses import replace
from pathlib import Path

from jinc.data import cache_folder
from jinc.errors import JincError
from jinc.files import file_digest
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
"""Of the weights as pytorch-fid and torch-fidelity publish them, under either name."""

SCRIPT_SHA256 = "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4"
"""Of `inception-2015-12-05.pt`, the same network as StyleGAN and clean-fid publish it."""

NAME = "inception-2015-12-05"
SIZE = (299, 299)
WHITE = 127 / 128
"""(255 − 128)/128: what the network was trained on, in place of 1."""


def open_inception(
    path: str | Path | None = None, *, layer: Layer = "2048", any_weights: bool = False
) -> Extractor:
    """Open the network of FID from its weight file.

    Args:
        path: `pt_inception-2015-12-05-6726825d.pth` of pytorch-fid, or the same as torch-fidelity
            names it; if not given it is downloaded once, and kept in the cache.
        layer: where features are taken; FID and KID are of the last, 2048.
        any_weights: also take a file with another SHA-256; its scores are not called FID.

    Returns:
        The extractor, with logits if the layer is the last.

    Raises:
        JincError: the file cannot be had, is another one, or of another layout.
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
    """Whether scores by this extractor are those that are called FID, KID and IS."""
    how = (facts.weights, facts.resize, facts.layer, facts.channels)
    return how in (
        (SHA256, "tensorflow1", "2048", 3),
        (SCRIPT_SHA256, "inside", "2048", 3),
    )


def open_extractor(what: str | Path, *, allow_torchscript: bool = False) -> Extractor:
    """Open an extractor of any kind.

    Args:
        what: `inception`, which is downloaded once; the path of Inception's weights, of a residual
            network's for CIFAR-10, or of a classifier that `jinc features train` made; or
            `torchscript:` and the path of a program that you trust, as `parse_script_word` has it.
        allow_torchscript: run a TorchScript program.

    Returns:
        The extractor.

    Raises:
        JincError: it cannot be read, is of no known kind, or is a program that may not run.
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
        path, said = parse_script_word(name)
        if file_digest(path) != SCRIPT_SHA256:
            return open_torchscript(path, **said)
        if said:
            raise JincError(f"{name}: this is Inception, which takes no options")
        return replace(open_torchscript(path, name=NAME, resize="inside"), layer="2048")
    path = Path(what)
    if path.is_dir() or path.suffix == ".safetensors":
        return open_digit_classifier(path)
    if any(key.startswith("Mixed_") for key in read_weights(path)):
        return open_inception(path)
    return open_cifar_resnet(path)
