"""The base class of networks: how they are called, saved and loaded."""

import hashlib
import inspect
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Self, get_type_hints

import torch
from safetensors.torch import save as serialize
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from jinc.documents import read_object
from jinc.errors import JincError
from jinc.files import file_digest, writing
from jinc.nn.checks import check_sizes
from jinc.nn.conditioning import UNCONDITIONAL, Conditioning
from jinc.nn.levels import ConfigLike, Configs, as_configs
from jinc.schema import in_words, is_a, shown, unknown_name
from jinc.signal.padding import Padding, check_padding
from jinc.tensors import read_tensors
from jinc.types import Images, Steps

CARD = """---
library_name: jinc
license: apache-2.0
tags: [diffusion, alias-free]
---
A network of Jinc: `jinc.nn.{kind}.from_pretrained("{name}")`.
"""


class Network(nn.Module, ABC):
    """Predict ε, x0 or v from noisy images; which of them is a fact of its `models.Model`.

    Attributes:
        kind: its name in files and on the command line.
        scale_aware: whether predictions scale with the input; a network that normalises its input
            away is calibrated in sampling.
        config: its designs, level by level.
        channels: of the images.
        classes: number of class labels; 0 for none.
        augmentations: size of the augmentation input; 0 for none.
        beside: channels of other images that are concatenated with the noisy ones; 0 for none.
        padding: what lies beyond the edges.
    """

    kind: ClassVar[str]
    scale_aware: ClassVar[bool] = True

    config: Configs
    channels: int
    classes: int
    augmentations: int
    beside: int = 0
    padding: Padding

    def configure(
        self, config: ConfigLike, padding: Padding, least: Mapping[str, int], **sizes: int
    ) -> None:
        """Check the arguments that all networks share, and set them as attributes.

        Args:
            config: name of a configuration, or the designs.
            padding: what lies beyond the edges.
            least: smallest value of a size, if that is not 0.
            sizes: of the network.
        """
        check_sizes({name: least.get(name, 0) for name in sizes}, sizes)
        check_padding(padding)
        self.config, self.padding = as_configs(config), padding
        for name, size in sizes.items():
            setattr(self, name, size)

    def forward(self, x_t: Images, t: Steps, condition: Conditioning = UNCONDITIONAL) -> Images:
        """Predict from noisy images.

        Args:
            x_t: `[B, channels, H, W]`.
            t: steps, `[B]`.
            condition: labels, augmentations and other images, as far as the network supports them.

        Returns:
            Shaped like `x_t`.

        Raises:
            JincError: images or a condition of a wrong shape, or unknown labels. Labels on an
                accelerator, and in a compiled network, are not read, for the host would have to
                wait: a negative one is then `NO_CLASS`, and one too large an error of the device.
        """
        self.check_input(x_t, t, condition)
        return self.predict(x_t, t, condition)

    @abstractmethod
    def predict(self, x_t: Images, t: Steps, condition: Conditioning) -> Images:
        """Predict from input that `check_input` has accepted, as `forward` does."""

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of the constructor, ready for JSON."""
        names = list(inspect.signature(self.__init__).parameters)  # type: ignore[misc]
        values = {name: getattr(self, name) for name in names} | {"config": self.config.argument()}
        return {n: list(v) if isinstance(v, tuple) else v for n, v in values.items()}

    @abstractmethod
    def check_size(self, height: int, width: int) -> None:
        """Refuse images of an unsupported size, with an error that begins with `image_size:`."""

    def check_input(self, x_t: Tensor, t: Tensor, condition: Conditioning) -> None:
        """Refuse invalid input of `forward`."""
        if x_t.ndim != 4 or t.shape != x_t.shape[:1]:
            raise JincError(
                f"images and steps: {list(x_t.shape)} and {list(t.shape)} are not "
                "[batch, channels, height, width] and [batch]"
            )
        if x_t.shape[1] != self.channels:
            raise JincError(
                f"images: {x_t.shape[1]} channels where this network has {self.channels}"
            )
        self.check_size(*x_t.shape[2:])
        condition.check(x_t, self.classes, self.augmentations, self.beside)

    def save(self, path: str | Path) -> None:
        """Write `config.json` and `model.safetensors` into a folder."""
        folder = Path(path)
        weights = {name: w.cpu().contiguous() for name, w in self.state_dict().items()}
        data = serialize(weights, metadata={"format": "pt"})
        digest = {"sha256": hashlib.sha256(data).hexdigest()}
        facts = {"network": self.kind} | self.arguments() | digest
        with writing(folder / "model.safetensors") as file:
            file.write(data)
        with writing(folder / "config.json") as file:
            file.write((json.dumps(facts, indent=2) + "\n").encode())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Load a network of this class from a folder that `save` wrote.

        Raises:
            JincError: a file is missing, damaged, or belongs to another network.
        """
        folder = Path(path)
        arguments = read_arguments(folder)
        kind = arguments.pop("network")
        if kind != cls.kind:
            raise JincError(f"{folder}: holds a network of kind {kind!r}, not {cls.kind!r}")
        weights = _read_weights(folder / "model.safetensors", arguments.pop("sha256", None))
        try:
            _check_arguments(cls, arguments)
            return cls.of_weights(weights, **arguments)
        except JincError as error:
            both = "config.json and model.safetensors"
            raise JincError(f"{folder}: {both} make no network ({error})") from None

    @classmethod
    def of_weights(cls, weights: Mapping[str, Tensor], *args: Any, **kwargs: Any) -> Self:
        """Make a network with these weights.

        Args:
            weights: by the names of `state_dict`.
            args: of the constructor.
            kwargs: of the constructor.

        Raises:
            JincError: a weight is missing, unknown or of another shape.
        """
        with torch.device("meta"), _Uninitialised():  # sizes are compared before memory is taken
            expected = cls(*args, **kwargs).state_dict()
        for name in sorted(expected.keys() ^ weights.keys()):
            raise JincError(f"weight {name} is {'missing' if name in expected else 'unknown'}")
        for name, value in expected.items():
            given = weights[name]
            if given.shape != value.shape:
                found, wanted = list(given.shape), list(value.shape)
                raise JincError(f"weight {name} has shape {found}, not {wanted}")
            if given.is_floating_point() != value.is_floating_point():
                raise JincError(f"weight {name} has type {given.dtype}, not {value.dtype}")
        with _Uninitialised():
            network = cls(*args, **kwargs)
        network.load_state_dict(weights)
        return network

    def redesigned(self, config: ConfigLike, padding: Padding | None = None) -> Self:
        """Return a network with the same weights and another configuration.

        Args:
            config: as of the constructor.
            padding: what lies beyond the edges; None for the present one.

        Raises:
            JincError: its weights have other shapes, as those of radial convolutions.
        """
        other = {"config": as_configs(config), "padding": padding or self.padding}
        try:
            network = self.of_weights(self.state_dict(), **self.arguments() | other)
        except JincError as error:
            if not str(error).startswith("weight "):
                raise
            names = f"{as_configs(config).name} has other weights than {self.config.name}"
            raise JincError(f"config: {names} ({error})") from None
        return network.to(next(self.parameters()).device).train(self.training)

    def save_pretrained(self, folder: str | Path) -> None:
        """Save, by the name that this has elsewhere."""
        self.save(folder)

    @classmethod
    def from_pretrained(cls, source: str | Path, **options: Any) -> Self:
        """Load from a folder, or from the Hub.

        Args:
            source: a folder, or a name on the Hub.
            options: of `huggingface_hub.snapshot_download`, such as revision and token.

        Raises:
            JincError: as of `load`.
        """
        folder = Path(source)
        if not folder.is_dir():
            from huggingface_hub import snapshot_download  # heavy

            files = ["config.json", "model.safetensors"]
            folder = Path(snapshot_download(str(source), allow_patterns=files, **options))
        return cls.load(folder)

    def push_to_hub(
        self, name: str, *, private: bool | None = None, token: str | None = None
    ) -> None:
        """Upload to the Hub, with a card that names the library.

        Args:
            name: of the repository, `owner/name`; made if it does not exist.
            private: whether a new repository is private (default: as the owner has it).
            token: with which to write (default: the one of `hf auth login`).
        """
        from huggingface_hub import HfApi  # heavy

        hub = HfApi(token=token)
        hub.create_repo(name, private=private, exist_ok=True)
        with TemporaryDirectory() as folder:
            self.save(folder)
            Path(folder, "README.md").write_text(CARD.format(kind=type(self).__name__, name=name))
            hub.upload_folder(repo_id=name, folder_path=folder, commit_message="Upload a network")


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


class _Uninitialised(TorchFunctionMode):
    """Leave weights that are replaced as they are: on meta, `init` imports torch's compiler."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", "") == nn.init.__name__ and "tensor" in kwargs:
            return kwargs["tensor"]
        return func(*args, **kwargs)


def _check_arguments(kind: type[Network], arguments: Mapping[str, Any]) -> None:
    """Check arguments from a file against the annotations of a constructor."""
    hints = get_type_hints(kind.__init__)
    for name, value in arguments.items():
        if name not in hints:
            raise JincError(unknown_name(name, hints))
        if not is_a(value, hints[name]):
            raise JincError(f"{name}: {shown(value)} is not {in_words(hints[name])[:100]}")


def read_arguments(folder: Path) -> dict[str, Any]:
    """Read the `config.json` of a saved network: its kind under `network`, and its arguments.

    Raises:
        JincError: it cannot be read.
    """
    return {"network": "unet"} | read_object(folder / "config.json")


def _read_weights(file: Path, digest: str | None) -> dict[str, Tensor]:
    if digest is not None and file_digest(file) != digest:
        raise JincError(f"{file}: is damaged, it does not match the sum in config.json")
    return read_tensors(file)
