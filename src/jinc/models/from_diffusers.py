"""Pixel models of diffusers: a `UNet2DModel` and its scheduler's settings as a `Model` of ours."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from torch import Tensor, nn

from jinc.diffusion import Prediction, Schedule
from jinc.errors import JincError
from jinc.files import one_line
from jinc.models.model import Model
from jinc.nn import Config, Network
from jinc.types import Images, Steps

PREDICTIONS: Mapping[str, Prediction] = {"epsilon": "eps", "sample": "x0", "v_prediction": "v"}
"""What a scheduler's `prediction_type` is called here."""

LATENT = ("vae", "vqvae", "movq", "prior")
"""Parts by which a pipeline shows that its network sees no pixels."""

BETAS = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "rescale_betas_zero_snr",
)
"""The settings of a scheduler that make its noise schedule."""


class DiffusersNetwork(Network):
    """A `UNet2DModel` called as our networks are; a learned variance is dropped.

    Args:
        unet: a `UNet2DModel` for pixels, with numbered classes or none.

    Raises:
        JincError: a network that asks for something else.
    """

    kind: ClassVar[str] = "diffusers"

    def __init__(self, unet: nn.Module) -> None:
        """Look at what it is."""
        super().__init__()
        settings: Any = unet.config
        channels, made = settings.in_channels, settings.out_channels
        if made not in (channels, 2 * channels):
            raise JincError(f"diffusers: makes {made} channels of {channels}, is no plain denoiser")
        if settings.class_embed_type is not None:
            raise JincError(f"diffusers: labels of type {settings.class_embed_type!r} are no class")
        if settings.time_embedding_type == "fourier":
            raise JincError("diffusers: its network is told σ where a step t is expected")
        self.unet = unet
        self.channels = channels
        self.classes = settings.num_class_embeds or 0
        self.augmentations = 0
        self.config = Config("A")
        self.padding = "zeros"
        self._multiple = 2 ** (len(settings.block_out_channels) - 1)

    def forward(
        self, x_t: Images, t: Steps, labels: Tensor | None = None, augment: Tensor | None = None
    ) -> Images:
        """Predict from noisy images, as `Network.forward` says; with classes, each needs one."""
        self.check_input(x_t, t, labels, augment)
        if self.classes and (labels is None or bool((labels < 0).any())):
            raise JincError(
                f"labels: this network needs one of 0 to {self.classes - 1} for every image"
            )
        output: Tensor = self.unet(x_t, t, labels, return_dict=False)[0]
        return output[:, : self.channels]

    def check_size(self, height: int, width: int) -> None:
        """Refuse sizes that cannot be halved as often as it halves them."""
        if height % self._multiple or width % self._multiple:
            m = self._multiple
            near = max(m, height // m * m), max(m, width // m * m)
            raise JincError(
                f"image_size: {height}×{width} is not in multiples of {m}, as {near[0]}×{near[1]}"
            )

    def arguments(self) -> NoReturn:
        """Refuse to be written in our format."""
        raise JincError("diffusers: its models are saved by its own save_pretrained")

    def save(self, path: str | Path) -> None:
        """Refuse to be written in our format."""
        self.arguments()


@dataclass(frozen=True, eq=False)
class DiffusersModel(Model):
    """A model whose schedule comes from elsewhere, and has no name of ours.

    Args:
        trained_with: the schedule.
    """

    trained_with: Schedule = field(kw_only=True)

    @cached_property
    def schedule(self) -> Schedule:
        """The one it was trained with."""
        return self.trained_with


def from_diffusers(source: Any, scheduler: Any = None) -> DiffusersModel:
    """Take a pixel model of diffusers for all that models of ours are good for.

    Nothing is downloaded, and weights are read from safetensors only.

    Args:
        source: a `UNet2DModel`; a pipeline of one and a scheduler, such as `DDPMPipeline`; or the
            folder to which either was saved.
        scheduler: whose settings tell the schedule and what the network predicts; a pipeline has
            one of its own.

    Returns:
        The model, in evaluation mode. Its class names are the numbers.

    Raises:
        JincError: diffusers is not installed, a folder cannot be read, or the model is no pixel
            model of a variance-preserving schedule.

    Source: `UNet2DModel` and `SchedulerMixin` of diffusers.
    """
    try:
        import diffusers
    except ImportError:
        raise JincError('from_diffusers: needs pip install "jinc[diffusers]"') from None
    settings = None if scheduler is None else dict(scheduler.config)
    if isinstance(source, str | Path):
        unet, own = _read(diffusers, Path(source))
    elif isinstance(source, diffusers.DiffusionPipeline):
        _refuse_latent(source.components, type(source).__name__)
        parts = source.components
        unet, own = parts.get("unet"), dict(getattr(parts.get("scheduler"), "config", {}))
    else:
        unet, own = source, None
    if not isinstance(unet, diffusers.UNet2DModel):
        raise JincError(f"diffusers: a UNet2DModel is expected, got {type(unet).__name__}")
    settings = settings or own
    if not settings:
        raise JincError("diffusers: a network alone does not know its schedule; give scheduler")
    schedule, prediction = _schedule(diffusers, settings)
    network = DiffusersNetwork(unet).eval()
    return DiffusersModel(
        network,
        _image_size(network),
        tuple(map(str, range(network.classes))),
        str(settings["beta_schedule"]),
        len(schedule),
        prediction,
        trained_with=schedule,
    )


def _read(diffusers: Any, folder: Path) -> tuple[Any, dict[str, Any] | None]:
    """Read the network, and the scheduler's settings where there are any, from a folder."""
    index, settings = folder / "model_index.json", None
    if index.is_file():
        parts = _json(index)
        _refuse_latent(parts, str(folder))
        settings = _json(folder / "scheduler" / "scheduler_config.json")
        folder = folder / "unet"
    name = _json(folder / "config.json").get("_class_name")
    if name != "UNet2DModel":
        raise JincError(f"{folder}: holds a {name}, a UNet2DModel is expected")
    try:
        unet = diffusers.UNet2DModel.from_pretrained(
            folder, use_safetensors=True, local_files_only=True
        )
    except Exception as error:  # on damaged files, whatever it stumbles over
        raise JincError(f"{folder}: cannot be read ({one_line(error)[:200]})") from None
    return unet, settings


def _json(file: Path) -> dict[str, Any]:
    """Read the settings in a file."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise JincError(f"{file}: cannot be read ({one_line(error)})") from None
    if not isinstance(value, dict):
        raise JincError(f"{file}: does not hold settings by name")
    return value


def _refuse_latent(parts: Mapping[str, Any], where: str) -> None:
    """Refuse pipelines whose networks see no pixels."""
    for part in LATENT:
        if part in parts:
            raise JincError(f"{where}: is a latent model (it has a {part}); pixel models only")


def _schedule(diffusers: Any, settings: Mapping[str, Any]) -> tuple[Schedule, Prediction]:
    """Tell the noise schedule and the kind of prediction from a scheduler's settings."""
    name = settings.get("_class_name", "its scheduler")
    if "beta_schedule" not in settings or settings.get("use_flow_sigmas"):
        raise JincError(f"diffusers: {name} adds noise in another way than √ᾱ x0 + √(1−ᾱ) eps")
    predicts = settings.get("prediction_type", "epsilon")
    if predicts not in PREDICTIONS:
        raise JincError(f"diffusers: {name} predicts {predicts!r}, not {', '.join(PREDICTIONS)}")
    try:
        known = {key: settings[key] for key in BETAS if key in settings}
        betas = diffusers.DDPMScheduler(**known).betas
    except (TypeError, ValueError, NotImplementedError) as error:
        raise JincError(f"diffusers: {name} makes no schedule ({error})") from None
    return Schedule.from_betas(betas), PREDICTIONS[predicts]


def _image_size(network: DiffusersNetwork) -> tuple[int, int]:
    """Tell height and width in pixels."""
    settings: Any = network.unet.config
    size = settings.sample_size
    if size is None:
        raise JincError("diffusers: the network does not say its image size (sample_size)")
    height, width = (size, size) if isinstance(size, int) else size
    network.check_size(height, width)
    return height, width
