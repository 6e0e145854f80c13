"""Initial weights from another run or model."""

import json
import warnings
from pathlib import Path
from typing import Any

from jinc.errors import JincError
from jinc.manifest import check_manifest
from jinc.models import model_folder
from jinc.models.trained import FILES
from jinc.nn import Network, load_network
from jinc.train.config import TrainConfig

_MEANING = ("prediction", "timesteps")
"""Facts of a model that its weights depend on."""


def load_initial(network: Network, config: TrainConfig) -> None:
    """Copy the weights of the model `config.init`, a run's average, into a network.

    Networks that differ in resampling alone have the same weights.

    Raises:
        JincError: there is no such model, it is damaged, or its weights have other shapes.
    """
    if config.init is None:
        return
    folder = model_folder(Path(config.init))
    check_manifest(folder)
    given, own = load_network(folder).state_dict(), network.state_dict()
    shapes = [{n: list(t.shape) for n, t in each.items()} for each in (given, own)]
    there, here = shapes
    differing = [n for n in {**there, **here} if there.get(n) != here.get(n)]
    if differing:
        name = differing[0]
        raise JincError(
            f"init: {config.init} does not fit: {len(differing)} of {len(own)} weights differ; "
            f"{name} is {there.get(name, 'missing')} there and {here.get(name, 'missing')} here"
        )
    network.load_state_dict(given)
    _warn_of_meaning(folder, config)


def _warn_of_meaning(folder: Path, config: TrainConfig) -> None:
    """Warn if the given weights were trained for other settings."""
    file = next((folder / name for name in FILES if (folder / name).is_file()), None)
    facts: dict[str, Any] = json.loads(file.read_text("utf-8")) if file else {}
    for name in _MEANING:
        now = getattr(config, name)
        if facts.get(name, now) != now:
            message = f"{config.init} was trained with {name} {facts[name]}, this run uses {now}"
            warnings.warn(f"init: {message}", RuntimeWarning, stacklevel=2)
