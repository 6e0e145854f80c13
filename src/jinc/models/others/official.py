"""Checkpoints of the published implementation of arXiv 2411.09174, read into our U-Net."""

import math
import re
from pathlib import Path

from torch import Tensor

from jinc.errors import JincError
from jinc.nn import Config, UNet
from jinc.signal import cutoff_from_radians
from jinc.tensors import read_metadata, read_tensors

VARIANTS = ("A", "B", "C", "D", "D+norm")
"""The variants 0 to 4 of the published implementation."""

MAX_LEVELS = 12
"""No image can be halved more often."""

RENAMES = (
    (r"^(?:module\.|_orig_mod\.|w/)+", ""),
    (r"\bdouble_conv\.0\.", "conv1."),
    (r"\bdouble_conv\.1\.", "norm1."),
    (r"\bdouble_conv\.3\.", "conv2."),
    (r"\bdouble_conv\.4\.", "norm2."),
    (r"^((?:down|up)\d+)\.conv\.0\.", r"\1.conv1."),
    (r"^((?:down|up)\d+)\.conv\.1\.", r"\1.conv2."),
    (r"^(down\d+)\.maxpool_conv\.1\.", r"\1.conv1."),
    (r"^(down\d+)\.maxpool_conv\.2\.", r"\1.conv2."),
    (r"\.emb_layer\.1\.", ".embed."),
    (r"\.mha\.in_proj_", ".qkv."),
    (r"\.mha\.out_proj\.", ".project."),
    (r"^(sa\d+)\.ln\.", r"\1.norm."),
    (r"\.ff_self\.", ".feed_forward."),
    (r"^inc\.", "first."),
    (r"^outc\.", "last."),
    (r"^label_emb\.", "label_embedding."),
)


def load_official(
    path: str | Path,
    *,
    taps: int | None = None,
    kaiser_beta: float | None = None,
    omega_c: float | None = None,
    omega_c_up: float | None = None,
) -> UNet:
    """Read a checkpoint of the published implementation.

    Configuration, width, channels, levels and classes follow from the names and shapes of the
    weights, the filter from the metadata of a safetensors file; a `.pt` has none.

    Args:
        path: safetensors, or PyTorch's file of tensors, of which no code is run.
        taps: filter size K (default: that of the file, else 3).
        kaiser_beta: shape of the Kaiser window (default: that of the file).
        omega_c: cutoff in radians per pixel (default: that of the file, else π/2).
        omega_c_up: of upsampling, if it differs.

    Returns:
        A network of the published design with those weights, in evaluation mode.

    Raises:
        JincError: the file cannot be read, is of another kind, or its filter is unknown.
    """
    file = Path(path)
    tensors, metadata = read_tensors(file), read_metadata(file)
    weights = {_our_name(name): w for name, w in tensors.items() if not name.startswith("io/")}
    variant = _variant(file, tensors, metadata)
    if variant == "D+norm":  # carries two norms that its network never uses
        weights = {n: w for n, w in weights.items() if not re.match(r"(down|up)\d+\.norm1\.", n)}
    config = _config(file, variant, metadata, taps, kaiser_beta, omega_c, omega_c_up)
    levels = _levels(file, weights)
    weights = {_numbered(name, levels): w for name, w in weights.items()}
    width, channels, classes = _sizes(file, weights)
    try:
        network = UNet.of_weights(
            weights, config, channels=channels, width=width, levels=levels, classes=classes
        )
    except JincError as error:
        raise JincError(f"{file}: {error}") from None
    return network.eval()


def _our_name(name: str) -> str:
    for pattern, replacement in RENAMES:
        name = re.sub(pattern, replacement, name)
    return name


def _numbered(name: str, levels: int) -> str:
    """Convert down1, sa1, up1, bot1… to indices of our lists."""
    match = re.match(r"(down|up|bot|sa)(\d+)\.(.*)", name)
    if match is None:
        return name
    place = int(match[2]) - 1
    group = {"down": "downs", "up": "ups", "bot": "bottleneck", "sa": "down_attentions"}[match[1]]
    if match[1] == "sa" and place >= levels:
        group, place = "up_attentions", place - levels
    return f"{group}.{place}.{match[3]}"


def _variant(file: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> str:
    """Determine the configuration from the names of the weights."""
    names = "\n".join(tensors)
    if not re.search(r"\binc\.", names) or not re.search(r"\boutc\.", names):
        raise JincError(f"{file}: its names are not those of the published U-Net")
    filters_resampling = "maxpool_conv" not in names
    filters_activation = "double_conv" not in names
    if filters_activation:
        inside = filters_resampling and re.search(r"\b(down|up)\d+\.norm1\.", names)
        variant = "D+norm" if inside else "D" if filters_resampling else "C"
    else:
        variant = "B" if filters_resampling else "A"
    said = metadata.get("variant")
    if said is not None and said != str(VARIANTS.index(variant)):
        raise JincError(f"{file}: metadata says variant {said}, names are those of {variant}")
    return variant


def _config(
    file: Path,
    variant: str,
    metadata: dict[str, str],
    taps: int | None,
    kaiser_beta: float | None,
    omega_c: float | None,
    omega_c_up: float | None,
) -> Config:
    if variant == "A":
        return Config("A")
    if kaiser_beta is None:
        kaiser_beta = _number(file, metadata, "kaiser_beta")
    if kaiser_beta is None:
        raise JincError(f"{file}: the Kaiser β of its filters is unknown; give kaiser_beta")
    size = float(3 if taps is None else taps)
    if taps is None and (said := _number(file, metadata, "kernel_size")) is not None:
        size = said
    if size not in range(1, 65):
        raise JincError(f"{file}: kernel_size {size:g} is not a whole number from 1 to 64")
    for key in ("omega_c_down", "omega_c"):
        omega_c = _number(file, metadata, key) if omega_c is None else omega_c
    down = math.pi / 2 if omega_c is None else omega_c
    up = _number(file, metadata, "omega_c_up") if omega_c_up is None else omega_c_up
    return Config(
        variant[0],
        int(size),
        kaiser_beta,
        cutoff_from_radians(down),
        norm_inside=variant == "D+norm",
        cutoff_up=None if up is None or up == down else cutoff_from_radians(up),
    )


def _number(file: Path, metadata: dict[str, str], key: str) -> float | None:
    text = metadata.get(key, "None")
    try:
        return None if text == "None" else float(text)
    except ValueError:
        raise JincError(f"{file}: its metadata says {key} = {text!r}, not a number") from None


def _levels(file: Path, weights: dict[str, Tensor]) -> int:
    levels = {int(m[1]) for name in weights if (m := re.match(r"down(\d+)\.", name))}
    if levels != set(range(1, len(levels) + 1)) or not 1 <= len(levels) <= MAX_LEVELS:
        raise JincError(f"{file}: its names are not those of the published U-Net")
    return len(levels)


def _sizes(file: Path, weights: dict[str, Tensor]) -> tuple[int, int, int]:
    """Return width, channels and classes."""
    first = weights.get("first.conv1.weight")
    if first is None or first.ndim != 4:
        raise JincError(f"{file}: has no weights of a first convolution")
    labels = weights.get("label_embedding.weight")
    if labels is not None and labels.ndim != 2:
        raise JincError(f"{file}: its label_emb.weight is no table")
    return first.shape[0], first.shape[1], 0 if labels is None else labels.shape[0]
