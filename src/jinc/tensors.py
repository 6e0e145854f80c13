"""Reading files of tensors without running code: safetensors, and PyTorch's by an allow-list."""

import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from jinc.errors import JincError
from jinc.files import one_line, reading

MOST_HEADER = 16 << 20
"""Bytes of a safetensors header; that of a network of 10,000 weights has about one million."""

WRAPPERS = ("state_dict", "model_state_dict", "model", "ema_model", "ema")
"""Keys under which training scripts store the weights."""


def read_tensors(file: Path) -> dict[str, Tensor]:
    """Read tensors by name from a file, recognised by content.

    No code is run: PyTorch's pickles are read by its allow-list of types (`weights_only=True`).

    Args:
        file: safetensors; or PyTorch's format: a dictionary of tensors, alone or under one of
            `WRAPPERS`.

    Returns:
        Dense tensors on the CPU, none larger than the file.

    Raises:
        JincError: the file cannot be read, is damaged, or holds other things than tensors by name.
    """
    tensors = _mapped(file) if is_safetensors(file) else _state_dict(file, _unpickled(file))
    size = file.stat().st_size
    for name, value in tensors.items():
        if value.layout != torch.strided or value.is_quantized or value.device.type != "cpu":
            raise JincError(f"{file}: {name[:60]} is no dense tensor")
        if value.numel() * value.element_size() > size:  # repeats or exceeds what is stored
            raise JincError(f"{file}: {name[:60]} is larger than its file")
    return tensors


def read_metadata(file: Path) -> dict[str, str]:
    """Read the metadata of a safetensors file, texts by name; other files have none.

    Raises:
        JincError: the file cannot be read.
    """
    if not is_safetensors(file):
        return {}
    try:
        with safe_open(file, framework="pt") as opened:
            return dict(opened.metadata() or {})
    except Exception as error:  # of damaged files, it raises whatever it meets
        raise _unreadable(file, "safetensors", error) from None


def is_safetensors(file: Path) -> bool:
    """Whether a file begins as safetensors do: the length of the header, and a brace.

    Raises:
        JincError: it cannot be read, or its header is too large.
    """
    with reading(file) as opened:
        head = opened.read(9)
    if head[8:] != b"{":
        return False
    if int.from_bytes(head[:8], "little") > MOST_HEADER:
        raise JincError(f"{file}: its header is larger than {MOST_HEADER >> 20} MB")
    return True


def check_archive(file: Path) -> None:
    """Refuse a compressed archive, which PyTorch does not write, before it is read."""
    if not zipfile.is_zipfile(file):
        return  # the format of PyTorch before 1.6
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        raise JincError(f"{file}: is a damaged archive ({one_line(error)[:100]})") from None
    compressed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
    if compressed or sum(member.file_size for member in members) > file.stat().st_size:
        raise JincError(f"{file}: is compressed, or a TorchScript program, which is not run")


def _mapped(file: Path) -> dict[str, Tensor]:
    try:
        return load_file(file)
    except Exception as error:  # of damaged files and exotic types, it raises whatever it meets
        raise _unreadable(file, "safetensors", error) from None


def _unpickled(file: Path) -> Any:
    check_archive(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of TorchScript, which is then refused
            return torch.load(
                file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file)
            )
    except Exception as error:  # on damaged bytes, torch raises whatever it meets
        raise _unreadable(file, "weights", error) from None


def _unreadable(file: Path, kind: str, error: Exception) -> JincError:
    """The reason, without torch's advice to read the file unsafely."""
    words = one_line(error)[:150]
    if "weights_only" in str(error) or "TorchScript" in str(error):
        words = "it holds other things than tensors, which would have to be executed"
    return JincError(f"{file}: cannot be read as {kind} ({words})")


def _state_dict(file: Path, loaded: Any) -> dict[str, Tensor]:
    for wrapper in WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(wrapper), Mapping):
            loaded = loaded[wrapper]
    if not isinstance(loaded, Mapping) or not loaded:
        raise JincError(f"{file}: holds a {type(loaded).__name__}, not weights by name")
    for name, value in loaded.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise JincError(f"{file}: holds other things than weights by name")
    return dict(loaded)
