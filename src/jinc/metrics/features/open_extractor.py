"""An extractor by what a person writes: a name, or a path."""

from pathlib import Path

from jinc.errors import JincError
from jinc.files import file_digest
from jinc.metrics.features.cifar_resnet import open_cifar_resnet
from jinc.metrics.features.digit_classifier import open_digit_classifier
from jinc.metrics.features.extractors import Extractor
from jinc.metrics.features.inception_files import (
    SCRIPT_SHA256,
    open_inception,
    open_scripted_inception,
)
from jinc.metrics.features.script_words import SCRIPT, read_script_word
from jinc.metrics.features.torchscript import open_torchscript
from jinc.metrics.features.weight_files import read_weights


def open_extractor(what: str | Path, *, allow_torchscript: bool = False) -> Extractor:
    """Open an extractor of any kind.

    Args:
        what: `inception`, which is downloaded once; the path of Inception's weights, of a residual
            network's for CIFAR-10, or of a classifier that `jinc features train` made; or
            `torchscript:` and the path of a program that you trust, as `read_script_word` has it.
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
        path, said = read_script_word(name)
        if file_digest(path) != SCRIPT_SHA256:
            return open_torchscript(path, **said)
        if said:
            raise JincError(f"{name}: this is Inception, which takes no options")
        return open_scripted_inception(path, logits=True)
    path = Path(what)
    if path.is_dir() or path.suffix == ".safetensors":
        return open_digit_classifier(path)
    if any(key.startswith("Mixed_") for key in read_weights(path)):
        return open_inception(path)
    return open_cifar_resnet(path)
