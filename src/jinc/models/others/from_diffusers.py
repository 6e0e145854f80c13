"""Pixel models of diffusers as models of ours."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self
from warnings import warn

import torch
from torch import Tensor

from jinc.diffusion import Schedule, make_schedule
from jinc.documents import read_object
from jinc.errors import JincError
from jinc.files import one_line
from jinc.models.convert.settings import Settings
from jinc.models.convert.surgery import MARK, Conversion, convert
from jinc.models.others.diffusers_files import (
    check_network_settings,
    find_pixel_model,
    image_size_of,
    import_diffusers,
    read_network,
    refuse_latent,
)
from jinc.models.others.diffusers_schedule import prediction_of, schedule_of
from jinc.models.trained import Model
from jinc.nn import Conditioning, ConfigLike, Network, register
from jinc.signal.padding import Padding
from jinc.types import Images, Steps

SCHEDULES = ("linear", "cosine", "scaled_linear", "flow")

SAME = 1e-5
"""Largest difference of ᾱ between schedules of one name."""


@register
class DiffusersNetwork(Network):
    """A `UNet2DModel` called as our networks are; a learned variance is dropped.

    Args:
        config: `A` for the network as it is, or designs that `jinc.convert` takes.
        architecture: its settings, as in its `config.json`.
        padding: of `jinc.convert`.
        designs: of `jinc.convert`.

    Raises:
        JincError: diffusers is not installed, or the network asks for something else than an image,
            a step t and a class.
    """

    kind: ClassVar[str] = "diffusers"

    architecture: dict[str, Any]
    designs: dict[str, str]

    def __init__(
        self,
        config: ConfigLike = "A",
        *,
        architecture: Mapping[str, Any],
        padding: Padding = "zeros",
        designs: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self.architecture = _plain(architecture)
        self.designs = dict(designs)
        self.unet = _make_unet(self.architecture)
        settings: Any = self.unet.config
        channels, made = settings.in_channels, settings.out_channels
        if made not in (channels, 2 * channels):
            raise JincError(f"diffusers: makes {made} channels of {channels}, is no plain denoiser")
        if settings.class_embed_type is not None:
            raise JincError(f"diffusers: labels of type {settings.class_embed_type!r} are no class")
        if settings.time_embedding_type == "fourier":
            raise JincError("diffusers: its network takes σ, a step t is expected")
        classes = settings.num_class_embeds or 0
        self.configure(config, padding, {}, channels=channels, classes=classes, augmentations=0)
        self._multiple = 2 ** (len(settings.block_out_channels) - 1)
        if self.config.name != "A" or self.designs or padding != "zeros":
            convert(self.unet, self.config.name, padding=padding, designs=self.designs)

    @classmethod
    def of(cls, unet: Any) -> Self:
        """Return the network of a `UNet2DModel`, converted or not."""
        converted: Conversion | None = getattr(unet, MARK, None)
        settings = converted.settings if converted else Settings("A")
        with torch.device("meta"):
            network = cls(
                settings.config,
                architecture=unet.config,
                padding=settings.padding or "zeros",
                designs=settings.designs,
            )
        network.unet = unet
        return network

    def predict(self, x_t: Images, t: Steps, condition: Conditioning) -> Images:
        """Predict as `Network.forward` does; with classes, every image needs one.

        As in `Network.forward`, labels on an accelerator are not read.
        """
        labels = condition.labels
        is_read = labels is not None and labels.device.type == "cpu"
        is_read = is_read and not torch.compiler.is_compiling()
        if self.classes and (labels is None or (is_read and bool((labels < 0).any()))):
            raise JincError(
                f"labels: this network needs one of 0 to {self.classes - 1} for every image"
            )
        output: Tensor = self.unet(x_t, t, labels, return_dict=False)[0]
        return output[:, : self.channels]

    def check_size(self, height: int, width: int) -> None:
        """Refuse sizes that cannot be halved often enough."""
        if height % self._multiple or width % self._multiple:
            m = self._multiple
            near = max(m, height // m * m), max(m, width // m * m)
            raise JincError(
                f"image_size: {height}×{width} is not in multiples of {m}, as {near[0]}×{near[1]}"
            )


@dataclass(frozen=True, eq=False)
class DiffusersModel(Model):
    """A model whose schedule, `trained_with`, may have no name of ours."""

    trained_with: Schedule = field(kw_only=True)

    @cached_property
    def schedule(self) -> Schedule:
        """The one it was trained with."""
        return self.trained_with

    def named(self) -> Model:
        """Return the same model with a schedule by its name.

        Raises:
            JincError: its schedule has no name.
        """
        theirs = self.trained_with.alpha_bars
        for name, scale in product(SCHEDULES, (True, False)):
            ours = make_schedule(name, self.timesteps, scale_betas=scale).alpha_bars
            if float((ours - theirs).abs().max()) <= SAME:
                return Model(
                    self.network,
                    self.image_size,
                    self.class_names,
                    name,
                    self.timesteps,
                    self.prediction,
                    scale_betas=scale,
                )
        raise JincError(
            f"schedule: {self.schedule_name} of its scheduler is none of {', '.join(SCHEDULES)} "
            f"in {self.timesteps} steps with the usual betas; such a model can be sampled only"
        )

    def save(self, folder: str | Path) -> None:
        """Write a folder in our format; errors as of `named`."""
        self.named().save(folder)


def from_diffusers(
    source: Any, scheduler: Any = None, *, variant: str | None = None
) -> DiffusersModel:
    """Use a pixel model of diffusers as a model of ours.

    Nothing is downloaded, and no code that comes with a model is run: its pickles (`.bin`) are read
    by PyTorch's allow-list of types.

    Args:
        source: a `UNet2DModel`; a pipeline of one and a scheduler, such as `DDPMPipeline`; or the
            folder of either, or of a checkpoint of diffusers' training script.
        scheduler: determines the schedule and the prediction; pipelines have one.
        variant: of the files in a folder, such as `fp16`; None for plain ones, or the only variant.
            Weights are float32 in memory.

    Returns:
        The model, in evaluation mode. Its class names are numbers.

    Raises:
        JincError: diffusers is not installed, a folder cannot be read, or the model is not a pixel
            model with a variance-preserving schedule.

    Source: `UNet2DModel` and `SchedulerMixin` of diffusers.
    """
    diffusers: Any = import_diffusers("from_diffusers")
    settings = None if scheduler is None else dict(scheduler.config)
    if isinstance(source, str | Path):
        unet, own = _read(diffusers, Path(source), variant, settings is None)
    elif isinstance(source, diffusers.DiffusionPipeline):
        refuse_latent(source.components, type(source).__name__)
        parts = source.components
        unet, own = parts.get("unet"), dict(getattr(parts.get("scheduler"), "config", {}))
    else:
        unet, own = source, None
    if not isinstance(unet, diffusers.UNet2DModel):
        raise JincError(f"diffusers: a UNet2DModel is expected, got {type(unet).__name__}")
    settings = settings or own
    if not settings:
        where, advice = "diffusers", "give scheduler"
        if isinstance(source, str | Path):
            where, advice = str(source), "put scheduler_config.json beside its config.json"
        raise JincError(f"{where}: a network alone has no noise schedule; {advice}")
    schedule = schedule_of(diffusers, settings)
    network = DiffusersNetwork.of(unet).eval()
    return DiffusersModel(
        network,
        _image_size(network),
        tuple(map(str, range(network.classes))),
        str(settings["beta_schedule"]),
        len(schedule),
        prediction=prediction_of(schedule, settings),
        trained_with=schedule,
    )


def _read(
    diffusers: Any, folder: Path, variant: str | None, scheduled: bool
) -> tuple[Any, dict[str, Any] | None]:
    place = find_pixel_model(folder)
    if not scheduled:
        place = replace(place, scheduler=None)
    settings = None if place.scheduler is None else read_object(place.scheduler)
    if place.chosen and settings is not None:
        warn(f"{folder}: {place.network} and {place.scheduler} are read", stacklevel=3)
    network = read_network(diffusers.UNet2DModel, place.network, variant, torch_dtype=torch.float32)
    return network, settings


def _image_size(network: DiffusersNetwork) -> tuple[int, int]:
    height, width = image_size_of(network.unet.config)
    network.check_size(height, width)
    return height, width


def _make_unet(architecture: Mapping[str, Any]) -> Any:
    """Build a `UNet2DModel` of settings, with bounded sizes."""
    check_network_settings(architecture, "architecture")
    kind: Any = import_diffusers("DiffusersNetwork").UNet2DModel
    try:
        return kind.from_config(architecture)
    except Exception as error:  # on settings that contradict one another, it raises anything
        raise JincError(f"architecture: makes no network ({one_line(error)[:150]})") from None


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a network, ready for JSON, without notes of diffusers' own."""
    own = {name: value for name, value in settings.items() if name[:1] != "_"}
    plain: dict[str, Any] = json.loads(json.dumps(own))
    return plain
