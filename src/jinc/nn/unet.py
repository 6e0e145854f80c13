"""One U-Net for every configuration: resamplers and activations are put in, nothing is copied."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import torch
from huggingface_hub import PyTorchModelHubMixin, snapshot_download
from safetensors import SafetensorError
from safetensors.torch import load as deserialize
from safetensors.torch import save as serialize
from torch import Tensor, nn

from jinc.errors import JincError
from jinc.files import reading, writing
from jinc.nn.blocks import EMBEDDING, Down, SelfAttention, Up, double_conv
from jinc.nn.configs import Config, parse_config
from jinc.signal.padding import Padding, check_padding
from jinc.types import Images, Steps

NO_CLASS = -1
"""The label of an image without one; it adds nothing to the embedding."""


class UNet(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="jinc",
    license="apache-2.0",
    tags=["diffusion", "alias-free"],
):
    """Predict the noise ε in x_t.

    Args:
        config: name of a configuration (`D@6`), or the configuration itself.
        channels: of the images, ≥ 1.
        width: channels at the first level, a multiple of 4.
        levels: how often the image is halved, ≥ 1.
        classes: number of class labels; 0 for none.
        padding: what lies beyond the edges, for filters and 3×3 convolutions: `zeros`, `reflect`
            or `circular`. The ideal filter is always circular.

    Raises:
        JincError: an argument out of its range.

    Source: arXiv 2411.09174; three levels of width 32 are its network.
    """

    def __init__(
        self,
        config: str | Config | Mapping[str, Any] = "D@6",
        *,
        channels: int = 3,
        width: int = 32,
        levels: int = 3,
        classes: int = 0,
        padding: Padding = "zeros",
    ) -> None:
        """Build the network; see the class."""
        super().__init__()
        config = _as_config(config)
        _check_sizes(channels, width, levels, classes)
        check_padding(padding)
        self.config, self.padding = config, padding
        self.channels, self.width, self.levels, self.classes = channels, width, levels, classes

        at = [width * 2 ** min(level, levels - 1) for level in range(levels + 1)]
        deep = at[-1]
        self.first = double_conv(channels, width, config, padding)
        self.downs = nn.ModuleList(Down(at[i], at[i + 1], config, padding) for i in range(levels))
        self.down_attentions = nn.ModuleList(SelfAttention(at[i + 1]) for i in range(levels))
        self.bottleneck = nn.Sequential(
            double_conv(deep, 2 * deep, config, padding),
            double_conv(2 * deep, 2 * deep, config, padding),
            double_conv(2 * deep, deep, config, padding),
        )
        # From the deepest up: each meets a skip as wide as itself.
        outs = [at[max(i - 1, 0)] for i in reversed(range(levels))]
        self.ups = nn.ModuleList(
            Up(2 * at[i], out, config, padding)
            for i, out in zip(reversed(range(levels)), outs, strict=True)
        )
        self.up_attentions = nn.ModuleList(SelfAttention(out) for out in outs)
        self.last = nn.Conv2d(width, channels, 1)
        self.label_embedding = nn.Embedding(classes, EMBEDDING) if classes else None
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it

    def forward(self, x_t: Images, t: Steps, labels: Tensor | None = None) -> Images:
        """Predict the noise in noisy images.

        Args:
            x_t: `[B, channels, H, W]`, H and W multiples of 2^levels.
            t: steps, `[B]`.
            labels: class of each image, `[B]`, 0 to classes − 1, or `NO_CLASS`; None for no class.

        Returns:
            ε, shaped like `x_t`.

        Raises:
            JincError: a size that the levels do not divide, other channels, or labels for a
                network without classes.
        """
        self._check_input(x_t, t, labels)
        embedding = self._embed(t, labels)
        x = self.first(x_t.contiguous(memory_format=torch.channels_last))
        skips = []
        for down, attend in zip(self.downs, self.down_attentions, strict=True):
            skips.append(x)
            x = attend(down(x, embedding))
        x = self.bottleneck(x)
        for up, attend in zip(self.ups, self.up_attentions, strict=True):
            x = attend(up(x, skips.pop(), embedding))
        eps: Tensor = self.last(x)
        return eps

    def save(self, path: str | Path) -> None:
        """Write `config.json` and `model.safetensors` into a folder, made where it is missing."""
        folder = Path(path)
        weights = {name: w.cpu().contiguous() for name, w in self.state_dict().items()}
        data = serialize(weights, metadata={"format": "pt"})
        facts = self.arguments() | {"sha256": hashlib.sha256(data).hexdigest()}
        with writing(folder / "model.safetensors") as file:
            file.write(data)
        with writing(folder / "config.json") as file:
            file.write((json.dumps(facts, indent=2) + "\n").encode())

    def _save_pretrained(self, save_directory: Path) -> None:
        """Let the hub's mixin write the same two files."""
        self.save(save_directory)

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        map_location: str = "cpu",
        **_: Any,
    ) -> Self:
        """Let the hub's mixin read through `load`, which checks what it reads."""
        folder = Path(model_id)
        if not folder.is_dir():
            downloaded = snapshot_download(
                model_id,
                revision=revision,
                cache_dir=cache_dir,
                force_download=force_download,
                local_files_only=local_files_only,
                token=token,
                allow_patterns=["config.json", "model.safetensors"],
            )
            folder = Path(downloaded)
        return cls.load(folder).to(map_location)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a network back from a folder that `save` wrote.

        Raises:
            JincError: a file is missing, damaged, or belongs to another network.
        """
        folder = Path(path)
        arguments = _read_json(folder / "config.json")
        weights = _read_weights(folder / "model.safetensors", arguments.pop("sha256", None))
        try:
            return cls.of_weights(weights, **arguments)
        except (JincError, TypeError) as error:
            both = "config.json and model.safetensors"
            raise JincError(f"{folder}: {both} make no network ({error})") from None

    @classmethod
    def of_weights(cls, weights: Mapping[str, Tensor], *args: Any, **kwargs: Any) -> Self:
        """Make a network that has these weights.

        Args:
            weights: by the names of `state_dict`.
            args: as `UNet` takes them.
            kwargs: as `UNet` takes them.

        Raises:
            JincError: a weight is missing, unknown or of another shape.
        """
        with torch.device("meta"):  # sizes are compared before memory is taken for them
            expected = cls(*args, **kwargs).state_dict()
        for name in sorted(expected.keys() ^ weights.keys()):
            raise JincError(f"{'lacks' if name in expected else 'has an unknown'} weight {name}")
        for name, value in expected.items():
            if weights[name].shape != value.shape:
                found, wanted = list(weights[name].shape), list(value.shape)
                raise JincError(f"weight {name} has shape {found}, not {wanted}")
        network = cls(*args, **kwargs)
        network.load_state_dict(weights)
        return network

    def arguments(self) -> dict[str, Any]:
        """Return what `UNet` is called with to make this network again, ready for JSON."""
        named = not self.config.name.endswith("*")
        return {
            "config": self.config.name if named else asdict(self.config),
            "channels": self.channels,
            "width": self.width,
            "levels": self.levels,
            "classes": self.classes,
            "padding": self.padding,
        }

    def _embed(self, t: Steps, labels: Tensor | None) -> Tensor:
        embedding = sinusoidal_embedding(t, EMBEDDING).to(self.last.weight.dtype)
        if labels is None or self.label_embedding is None:
            return embedding
        rows = self.label_embedding(labels.clamp_min(0))
        return embedding + torch.where((labels >= 0)[:, None], rows, 0)

    def _check_input(self, x_t: Tensor, t: Tensor, labels: Tensor | None) -> None:
        if x_t.ndim != 4 or t.shape != x_t.shape[:1]:
            raise JincError(
                f"images and steps: {list(x_t.shape)} and {list(t.shape)} are not "
                "[batch, channels, height, width] and [batch]"
            )
        _, channels, height, width = x_t.shape
        if channels != self.channels:
            raise JincError(f"images: {channels} channels where this network has {self.channels}")
        unit = 2**self.levels
        if height % unit or width % unit or 0 in (height, width):
            raise JincError(
                f"image size: {height}×{width} cannot be halved {self.levels} times; "
                f"height and width must be multiples of {unit}"
            )
        if labels is not None and self.label_embedding is None:
            raise JincError("labels: this network was made without classes")


def sinusoidal_embedding(t: Steps, size: int) -> Tensor:
    """Return sines and cosines of t at geometric frequencies 1 … 10⁻⁴.

    Args:
        t: steps, `[B]`.
        size: even.

    Returns:
        `[B, size]`, float32: the sines of t·10000^(−2i/size), then the cosines.

    Source: Vaswani et al. 2017, section 3.5.
    """
    exponent = torch.arange(0, size, 2, device=t.device, dtype=torch.float32) / size
    # Rounded as in the published network: at t = 999 an ulp of the frequency reaches the output.
    angle = t[:, None].float() * (1.0 / 10000.0**exponent)
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def _as_config(config: str | Config | Mapping[str, Any]) -> Config:
    if isinstance(config, Config):
        return config
    return parse_config(config) if isinstance(config, str) else Config(**config)


def _check_sizes(channels: int, width: int, levels: int, classes: int) -> None:
    least = {"channels": 1, "width": 4, "levels": 1, "classes": 0}
    given = {"channels": channels, "width": width, "levels": levels, "classes": classes}
    for name, value in given.items():
        if not isinstance(value, int) or value < least[name]:
            raise JincError(f"{name}: {value!r} is not a whole number of at least {least[name]}")
    if width % 4:
        raise JincError(f"width: {width} is not a multiple of 4, one part for each attention head")


def _read_json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise JincError(f"{file}: cannot be read as a network's settings ({error})") from None
    if not isinstance(value, dict):
        raise JincError(f"{file}: does not hold the settings of a network")
    return value


def _read_weights(file: Path, digest: str | None) -> dict[str, Tensor]:
    with reading(file) as opened:
        data = opened.read()
    if digest is not None and hashlib.sha256(data).hexdigest() != digest:
        raise JincError(f"{file}: is damaged, it does not match the sum in config.json")
    try:
        return deserialize(data)
    except SafetensorError as error:
        raise JincError(f"{file}: cannot be read as weights ({error})") from None
