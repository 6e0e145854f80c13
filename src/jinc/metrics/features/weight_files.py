"""Weight files of other projects: download, SHA-256, and reading without running code."""

import hashlib
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.files import file_digest, writing
from jinc.tensors import read_tensors

BLOCK = 1 << 20
_PLAIN = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64)
TIMEOUT = 30
"""Timeout of a server, seconds."""


def network_digest(network: nn.Module) -> str:
    """Return the SHA-256 of a network's description, weights and buffers."""
    digest = hashlib.sha256(f"{network!r}\n".encode())
    for name, value in (network.state_dict() | dict(network.named_buffers())).items():
        digest.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        flat = value.detach().cpu().contiguous().flatten()
        digest.update(flat.view(torch.uint8).numpy().data if flat.numel() else b"")
    return digest.hexdigest()


def check_digest(path: Path, sha256: str) -> None:
    """Raise a JincError unless the SHA-256 of a file begins with `sha256`."""
    found = file_digest(path)
    if not found.startswith(sha256):
        raise JincError(f"{path}: SHA-256 is {found[:16]}…, not {sha256[:16]}…; is another file")


def check_digest_in_name(path: Path) -> None:
    """Compare a file with the beginning of its SHA-256 in its name, if there is one.

    Args:
        path: such as `resnet20-12fca82f.th`: eight digits or more after the last dash.

    Source: `torch.hub.load_state_dict_from_url` with `check_hash`.
    """
    said = re.search(r"-([0-9a-f]{8,64})\.[^.]*$", path.name)
    if said is None:
        return
    found = file_digest(path)
    if not found.startswith(said[1]):
        raise JincError(
            f"{path}: SHA-256 is {found[:16]}…, not {said[1]}… as its name says; is damaged, or "
            "another file"
        )


def fetched(url: str, sha256: str, folder: Path) -> Path:
    """Download a file once, and verify its SHA-256.

    Args:
        url: of the file.
        sha256: the expected digest.
        folder: of the download, named by the last part of the URL.

    Returns:
        The path of the file.

    Raises:
        JincError: it cannot be downloaded, or has another digest.
    """
    path = folder / url.rsplit("/", 1)[-1]
    if path.is_file():
        check_digest(path, sha256)
        return path
    digest = hashlib.sha256()
    with writing(path) as file:
        for block in _blocks(url):
            digest.update(block)
            file.write(block)
        if digest.hexdigest() != sha256:
            raise JincError(f"{url}: SHA-256 is {digest.hexdigest()[:16]}…, not {sha256[:16]}…")
    return path


def _blocks(url: str) -> Iterator[bytes]:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            while block := answer.read(BLOCK):
                yield block
    except (OSError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", error)
        raise JincError(
            f"{url}: cannot be downloaded ({reason}); give the file by its path"
        ) from None


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read tensors by name, without the prefix of `DataParallel`; errors are those of `tensors`.

    Args:
        path: as `read_tensors` takes it.
    """
    return {name.removeprefix("module."): value for name, value in read_tensors(path).items()}


def take_weights(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Load weights strictly into a network, and put it into evaluation mode.

    `num_batches_tracked` of batch normalisation may be missing.

    Args:
        network: changed in place.
        weights: by the names of its `state_dict`.
        path: of the weights, for errors.

    Raises:
        JincError: a weight is missing, unknown, of another shape, or not finite.
    """
    expected = network.state_dict()
    optional = {name for name in expected if name.endswith("num_batches_tracked")}
    for name in sorted((expected.keys() ^ weights.keys()) - (optional - weights.keys())):
        problem = "has no" if name in expected else "has an unknown"
        raise JincError(f"{path}: is of another layout, it {problem} weight {name}")
    for name, value in weights.items():
        if value.shape != expected[name].shape:
            found, wanted = list(value.shape), list(expected[name].shape)
            raise JincError(f"{path}: is of another layout, {name} is {found}, not {wanted}")
        if value.dtype not in _PLAIN:
            kind = str(value.dtype).removeprefix("torch.")
            raise JincError(f"{path}: weight {name} is {kind}, 16 bits or more are expected")
        if not bool(value.isfinite().all()):
            raise JincError(f"{path}: weight {name} holds values that are not finite")
    network.load_state_dict({**expected, **weights})
    network.eval().requires_grad_(False)
