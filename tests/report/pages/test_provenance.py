"""The command of a page trains what the run was trained with."""

import shlex

import pytest

from jinc.cli.app import app
from jinc.cli.options import DEFAULTS, plain
from jinc.report.pages.provenance import train_command
from jinc.train import PRESETS, TrainConfig

OTHERS = {
    "usual": TrainConfig(),
    "lists": TrainConfig(network="resunet", attention=(), augment=("hflip", "spin")),
    "averages": TrainConfig(ema_decay=(0.9, 0.99), track=("tensorboard",)),
    "switches": TrainConfig(resident=False, conditional=True, compile=True),
    "names": TrainConfig(data="--my 'own' \"data\"; rm $HOME", noise_std=1e-05),
}


@pytest.mark.parametrize("config", [*PRESETS.values(), *OTHERS.values()], ids=[*PRESETS, *OTHERS])
def test_the_command_parses_to_the_settings(config) -> None:
    words = shlex.split(" ".join(train_command(config, "a new run")))
    assert words.pop(0) == "jinc"
    _, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    assert plain(bound.kwargs.get("config", DEFAULTS)) == config
    assert str(bound.kwargs["out"]) == "a new run"
