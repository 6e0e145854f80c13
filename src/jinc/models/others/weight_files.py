"""Finding the weights of a network of diffusers or transformers: safetensors before pickles, of the
wanted variant, all within the folder."""

import re
from dataclasses import dataclass
from pathlib import Path

from jinc.documents import read_object
from jinc.errors import JincError
from jinc.schema import shown
from jinc.tensors import check_archive, is_safetensors

_STEM = r"(?:diffusion_pytorch_model|pytorch_model|model)"
_WHOLE = re.compile(rf"{_STEM}(?:\.(?P<variant>\w+))?\.(?P<kind>safetensors|bin)")
_INDEX = re.compile(rf"{_STEM}\.(?P<kind>safetensors|bin)\.index(?:\.(?P<variant>\w+))?\.json")


@dataclass(frozen=True)
class WeightFiles:
    """The weights of one network.

    Args:
        paths: the files, one or several shards.
        variant: such as `fp16`; None for none.
        safetensors: whether they are safetensors; else pickles of PyTorch.
    """

    paths: tuple[Path, ...]
    variant: str | None
    safetensors: bool


def find_weights(folder: Path, variant: str | None = None) -> WeightFiles:
    """Find the weights in a folder, and check that reading them is safe.

    Args:
        folder: of a network.
        variant: such as `fp16`; None for weights without one, else of the only variant.

    Raises:
        JincError: there are none, an index names files elsewhere, or an archive is compressed.
    """
    found = _listed(folder)
    variants = sorted({each or "" for _, each in found})
    if not variants:
        raise JincError(f"{folder}: has no weights (*.safetensors or *.bin)")
    wanted = variant
    if variant is None and "" not in variants and len(variants) == 1:
        wanted = variants[0]
    for kind in ("safetensors", "bin"):
        if (kind, wanted) in found:
            paths = _shards(found[kind, wanted], kind)
            for path in paths:
                if kind == "bin":
                    check_archive(path)
                elif not is_safetensors(path):
                    raise JincError(f"{path}: is damaged, or no safetensors file")
            return WeightFiles(paths, wanted, kind == "safetensors")
    there = " and ".join(each or "plain ones" for each in variants)
    raise JincError(f"variant: {folder} has no {variant or 'plain'} weights; there are {there}")


def has_weights(folder: Path) -> bool:
    """Whether there are any weights in a folder."""
    return bool(_listed(folder))


def _listed(folder: Path) -> dict[tuple[str, str | None], Path]:
    """Weight files, or indexes of shards, by kind and variant."""
    found = {}
    for path in sorted(folder.iterdir() if folder.is_dir() else ()):
        match = _WHOLE.fullmatch(path.name) or _INDEX.fullmatch(path.name)
        if match is not None:
            found[match["kind"], match["variant"]] = path
    return found


def _shards(path: Path, kind: str) -> tuple[Path, ...]:
    """The files that an index names; a whole file is its own."""
    if path.suffix != ".json":
        return (path,)
    shards = read_object(path, 16 << 20).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise JincError(f"{path}: names no files of weights")
    names = set(map(str, shards.values()))
    for name in names:
        if not re.fullmatch(rf"[\w.-]+\.{kind}", name) or not (path.parent / name).is_file():
            raise JincError(f"{path}: names {shown(name)}, which is no file beside it")
    return tuple(path.parent / name for name in sorted(names))
