"""`jinc presets`."""

import json
from typing import Annotated, Any

from cyclopts import Parameter
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from jinc.train import PRESET_COSTS, PRESETS, TrainConfig, preset_image


def presets(*, json_: Annotated[bool, Parameter(name="--json", negative=())] = False) -> None:
    """List the presets of `jinc train --preset NAME --data …`, and their cost.

    Args:
        json_: print JSON.
    """
    facts = {name: _facts(name, config) for name, config in PRESETS.items()}
    if json_:
        print(json.dumps(facts))
        return
    table = Table(box=SIMPLE, padding=0)
    for column in ("preset", "network", "image", "million", "GFLOP", "batch", "length"):
        is_word = column in ("preset", "network")
        table.add_column(column, justify="left" if is_word else "right", no_wrap=True)
    for name, each in facts.items():
        table.add_row(
            name,
            f"{each['network']} {each['config']} {each['width']}",
            f"{each['channels']}×{each['image_size']}×{each['image_size']}",
            f"{each['parameters'] / 1e6:.2f}",
            f"{each['forward_gflop_per_image']:.3g}",
            str(each["batch_size"]),
            each["length"],
        )
    console = Console()
    console.print(table)
    console.print(
        "network: kind, configuration, width; million: parameters; GFLOP: forward pass of one "
        "image (a training step takes three times as many per image)",
        highlight=False,
    )
    for name, config in PRESETS.items():
        if not config.scale_betas:
            words = f"T = {config.timesteps} with the β of 1000 steps, as published"
            console.print(f"{name}: {words} (--no-scale-betas)", highlight=False)


def _facts(name: str, config: TrainConfig) -> dict[str, Any]:
    channels, size = preset_image(config)
    parameters, gflop = PRESET_COSTS[name]
    return {
        "network": config.network,
        "config": config.config,
        "width": config.width,
        "channels": channels,
        "image_size": size,
        "parameters": parameters,
        "forward_gflop_per_image": gflop,
        "batch_size": config.batch_size,
        "length": f"{config.steps:,} steps" if config.steps else f"{config.epochs:g} epochs",
    }
