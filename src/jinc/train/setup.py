"""What a run starts from: its images and its untrained model."""

from collections.abc import Callable

from jinc.data import ImageSet, load_images
from jinc.errors import JincError
from jinc.models import Model, choose_device
from jinc.nn import UNet
from jinc.train.config import TrainConfig


def load_data(config: TrainConfig, progress: Callable[[int, int], None] | None = None) -> ImageSet:
    """Open the images that a run trains on.

    Args:
        config: says which.
        progress: called with (done, total) while a folder is decoded.

    Raises:
        JincError: as `data.load_images`.
    """
    return load_images(
        config.data,
        image_size=config.image_size,
        channels=config.channels,
        resize_filter=config.resize_filter,
        split=config.split,
        skip_first=config.skip_first,
        progress=progress,
    )


def build_model(config: TrainConfig, images: ImageSet) -> Model:
    """Make the untrained model that a run asks for.

    Raises:
        JincError: the network cannot take these images, or has no classes to learn.
    """
    if config.conditional and not images.class_names:
        raise JincError(f"conditional: {images.name} has no classes; leave it out")
    class_names = images.class_names if config.conditional else ()
    network = UNet(
        config.config,
        channels=images.channels,
        width=config.width,
        levels=config.levels,
        classes=len(class_names),
        padding=config.padding,
    )
    network.check_size(*images.image_size)
    return Model(network, images.image_size, class_names, config.schedule, config.timesteps)


def check_settings(config: TrainConfig, images: ImageSet) -> None:
    """Find out whether a run can be trained, before its folder is made.

    Raises:
        JincError: as `build_model` and `choose_device`, or for a schedule that cannot be made.
    """
    choose_device(config.device)
    len(build_model(config, images).schedule)
