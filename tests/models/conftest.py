"""A tiny model of every kind that is saved."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from jinc.diffusion import Prediction
from jinc.models import Model
from jinc.nn import UNet


@pytest.fixture
def make_model() -> Callable[..., Model]:
    def make(
        config: str = "A",
        channels: int = 1,
        classes: int = 0,
        T: int = 12,
        prediction: Prediction = "eps",
    ) -> Model:
        torch.manual_seed(classes)
        network = UNet(config, channels=channels, width=4, levels=1, classes=classes)
        names = tuple(f"class {i}" for i in range(classes))
        return Model(network.eval(), (8, 8), names, "cosine", T, prediction)

    return make


@pytest.fixture
def model(make_model: Callable[..., Model]) -> Model:
    """A model of three classes that can be guided, and whose predictions are not near zero."""
    made = replace(make_model(classes=3), guidable=True)
    with torch.no_grad():
        made.network.last.weight.mul_(10)
    return made
