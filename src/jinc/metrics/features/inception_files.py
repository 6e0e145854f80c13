"""The files that Inception comes in, and by which a score is told to be FID."""

from pathlib import Path

from jinc.data import cache_folder
from jinc.files import file_digest
from jinc.metrics.features.extractors import Extractor, ExtractorFacts
from jinc.metrics.features.inception import Inception, Layer
from jinc.metrics.features.torchscript import ScriptedInception, load_script
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
    name = "inception-2015-12-05" if digest == SHA256 else "inception-like"
    return Extractor(name, network, 3, SIZE, "tensorflow1", -1.0, WHITE, layer, digest)


def open_scripted_inception(
    path: str | Path, *, logits: bool = False, any_weights: bool = False
) -> Extractor:
    """Open the network of FID as the TorchScript file of StyleGAN and clean-fid.

    A TorchScript file is a program. This one is told by its SHA-256, before it is loaded.

    Args:
        path: `inception-2015-12-05.pt`.
        logits: ask it for its classes too, which takes twice the time.
        any_weights: also run a file with another SHA-256, which you have to trust; its scores are
            not called FID.

    Returns:
        The extractor, which resizes by itself.

    Raises:
        JincError: the file cannot be read, or is another one.
    """
    file = Path(path)
    if not any_weights:
        check_digest(file, SCRIPT_SHA256)
    script, digest = load_script(file)
    name = "inception-2015-12-05" if digest == SCRIPT_SHA256 else "inception-like"
    network = ScriptedInception(script, logits)
    return Extractor(name, network, 3, None, "inside", 0.0, 255.0, "2048", digest)


def is_genuine(facts: ExtractorFacts) -> bool:
    """Whether scores by this extractor are those that are called FID, KID and IS."""
    how = (facts.weights, facts.resize, facts.layer, facts.channels)
    return how in (
        (SHA256, "tensorflow1", "2048", 3),
        (SCRIPT_SHA256, "inside", "2048", 3),
    )
