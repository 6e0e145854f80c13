"""`jinc info`."""

import json
from pathlib import Path
from typing import Annotated, Any

import torch
from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jinc.diffusion import warn_of_signal
from jinc.models import (
    DiffusersModel,
    Model,
    PixelModel,
    PromptedModel,
    PromptedUpscaler,
    SingleStep,
    Trained,
    Upscaler,
    open_model,
    open_upscaler,
    takes_texts,
)
from jinc.train import Run

_TOLD = ("config", "channels", "classes", "image_size", "timesteps")
"""Arguments of networks that are told under names of their own."""


def info(
    source: Path, /, *, json_: Annotated[bool, Parameter(name="--json", negative=())] = False
) -> None:
    """Say what a run or a model is, and how far it has come.

    Args:
        source: a run folder, or a model folder.
        json_: print JSON for machines.
    """
    if _holds(source, "denoiser.json"):
        facts = _denoiser_facts(source)
    elif _holds(source, "upscaling.json"):
        facts = _upscaler_facts(source)
    else:
        facts = _model_facts(_opened(source))
    if (source / "config.yaml").is_file():
        facts |= _run_facts(Run.open(source))
    if json_:
        print(json.dumps(facts, ensure_ascii=False))
        return
    table = Table(show_header=False)
    for name, value in facts.items():
        words = "×".join(map(str, value)) if name == "image_size" else _words(value)
        table.add_row(name.replace("_", " "), escape(words))
    Console().print(table)


def _holds(source: Path, name: str) -> bool:
    return (source / "model" / name).is_file() or (source / name).is_file()


def _opened(source: Path) -> PixelModel | PromptedUpscaler:
    """Open a model; those that take texts without what understands them, which is large."""
    if not takes_texts(source):
        return open_model(source)
    silent = {"": torch.zeros(1, 1)}
    if _holds(source / "image_noising_scheduler", "scheduler_config.json"):
        second = open_upscaler(source, embeddings=silent)
        assert isinstance(second, PromptedUpscaler)  # there are no others that take texts
        return second
    return open_model(source, embeddings=silent)


def _upscaler_facts(source: Path) -> dict[str, Any]:
    upscaler = open_upscaler(source)
    assert isinstance(upscaler, Upscaler)
    own = {"enlarges": upscaler.factor, "spread": upscaler.spread}
    return _own_facts(upscaler) | own | {"most_noise": upscaler.most_noise}


def _denoiser_facts(source: Path) -> dict[str, Any]:
    inside = source / "model"
    denoiser = SingleStep.load(inside if inside.is_dir() else source)
    network = denoiser.network
    own = {n: v for n, v in network.arguments().items() if n not in _TOLD}
    return {
        "network": network.kind,
        "config": network.config.name,
        "image_size": list(denoiser.image_size),
        "channels": network.channels,
        "parameters": sum(p.numel() for p in network.parameters()),
        "noise_std": denoiser.noise_std,
        **own,
    }


def _model_facts(model: PixelModel | PromptedUpscaler) -> dict[str, Any]:
    if isinstance(model, Model) and not isinstance(model, DiffusersModel):
        return _own_facts(model)
    assert isinstance(model, DiffusersModel | PromptedModel | PromptedUpscaler)  # no others
    told = "classes" if model.class_names else "no prompts"
    warn_of_signal(model.schedule)
    return {
        "network": "diffusers",
        "takes": told if isinstance(model, DiffusersModel) else "texts",
        "image_size": list(model.image_size),
        "channels": model.channels,
        "classes": list(model.class_names),
        "parameters": sum(p.numel() for p in model.network.parameters()),
        "timesteps": model.timesteps,
        "signal_left": model.schedule.signal_left,
    }


def _own_facts(model: Trained) -> dict[str, Any]:
    network, schedule = model.network, model.named_schedule()
    warn_of_signal(schedule)
    own = {n: v for n, v in network.arguments().items() if n not in _TOLD}
    return {
        "network": network.kind,
        "config": network.config.name,
        "image_size": list(model.image_size),
        "channels": network.channels,
        "classes": list(model.class_names),
        "parameters": sum(p.numel() for p in network.parameters()),
        **own,
        "prediction": model.prediction,
        "schedule": model.schedule_name,
        "timesteps": model.timesteps,
        "scale_betas": model.scale_betas,
        "signal_left": schedule.signal_left,
    }


def _run_facts(run: Run) -> dict[str, Any]:
    log = [entry for entry in run.read_log() if "loss" in entry]
    held_out = [entry for entry in run.read_log() if "validation_loss" in entry]
    scored = [entry for entry in run.read_log() if "score" in entry]
    facts: dict[str, Any] = {"data": run.config.data, "seed": run.config.seed}
    if log:
        facts |= {"steps": log[-1]["step"], "loss": log[-1]["loss"]}
    if held_out:
        facts["validation_loss"] = held_out[-1]["validation_loss"]
    if scored:
        facts["score"] = scored[-1]["score"]
    return facts


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
