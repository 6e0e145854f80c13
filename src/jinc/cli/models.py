"""Models as the command line names them: a run folder or a model folder."""

from pathlib import Path

from jinc.errors import JincError
from jinc.models import DiffusersModel, Model, from_diffusers
from jinc.train import Run


def open_model(source: Path) -> Model | DiffusersModel:
    """Read the model of a run folder, or a model folder itself: ours, or one of diffusers.

    Raises:
        JincError: there is none, or it is damaged.
    """
    if not source.exists():
        raise JincError(f"{source}: no such run or model folder")
    if (source / "diffusion.json").is_file():
        return Model.load(source)
    if (source / "model_index.json").is_file():
        return from_diffusers(source)
    return Run.open(source).model()
