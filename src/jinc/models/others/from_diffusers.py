"""Pixel models of diffusers as models of ours."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NoReturn
from warnings import warn

import torch
from torch import Tensor, nn

from jinc.diffusion import Schedule
from jinc.documents import read_object
from jinc.errors import JincError
from jinc.models.others.diffusers_files import (
    find_pixel_model,
    image_size_of,
    import_diffusers,
    read_network,
    refuse_latent,
)
from jinc.models.others.diffusers_schedule import prediction_of, schedule_of
from jinc.models.trained import Model
from jinc.nn import Conditioning, Network, parse_configs
from jinc.types import Images, Steps


class DiffusersNetwork(Network):
    """A `UNet2DModel` called as our networks are; a learned variance is dropped.

    Args:
        unet: a `UNet2DModel` for pixels, with numbered classes or none.

    Raises:
        JincError: a network that asks for something else.
    """

    kind: ClassVar[str] = "diffusers"

    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        settings: Any = unet.config
        channels, made = settings.in_channels, settings.out_channels
        if made not in (channels, 2 * channels):
            raise JincError(f"diffusers: makes {made} channels of {channels}, is no plain denoiser")
        if settings.class_embed_type is not None:
            raise JincError(f"diffusers: labels of type {settings.class_embed_type!r} are no class")
        if settings.time_embedding_type == "fourier":
            raise JincError("diffusers: its network takes σ, a step t is expected")
        self.unet = unet
        self.channels = channels
        self.classes = settings.num_class_embeds or 0
        self.augmentations = 0
        self.config = parse_configs("A")
        self.padding = "zeros"
        self._multiple = 2 ** (len(settings.block_out_channels) - 1)

    def predict(self, x_t: Images, t: Steps, condition: Conditioning) -> Images:
        """Predict as `Network.forward` does; with classes, every image needs one."""
        labels = condition.labels
        if self.classes and (labels is None or bool((labels < 0).any())):
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

    def arguments(self) -> NoReturn:
        """Not available: models of diffusers are not saved in our format."""
        raise JincError("diffusers: its models are saved by its own save_pretrained")

    def save(self, path: str | Path) -> None:
        """Not available: models of diffusers are not saved in our format."""
        self.arguments()


@dataclass(frozen=True, eq=False)
class DiffusersModel(Model):
    """A model whose schedule, `trained_with`, has no name of ours."""

    trained_with: Schedule = field(kw_only=True)

    @cached_property
    def schedule(self) -> Schedule:
        """The one it was trained with."""
        return self.trained_with


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
    network = DiffusersNetwork(unet).eval()
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
